"""What the program itself says: English that knows how it was put together.

A `Message` is plain English to all that read it as a string (exports, logs, tests), and can be
said in another language where it is shown. What a person typed is a `str`, and never translated.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any


class Message(str):
    """A text with `values` in the places that `%(name)s` names; a value may be a message itself."""

    template: str
    values: Mapping[str, Any]

    def __new__(cls, template: str, **values: Any) -> "Message":
        said = super().__new__(cls, template % values if values else template)
        said.template, said.values = str(template), values
        return said

    def by(self, translate: Callable[[str], str]) -> str:
        """The message as `translate` says its template, and those of the messages in it."""
        said = translate(self.template) if self.template else ""
        values = {
            name: translate_if_message(value, translate) for name, value in self.values.items()
        }
        return said % values if values else said


class MessageError(ValueError):
    """An error whose `message` is for a person."""

    def __init__(self, text: str, **values: Any) -> None:
        self.message = Message(text, **values)
        super().__init__(self.message)


def translate_if_message(text: Any, translate: Callable[[str], str]) -> Any:
    """A message translated; anything else as it is."""
    return text.by(translate) if isinstance(text, Message) else text


def join_messages(separator: str, parts: Sequence[str]) -> Message:
    """Messages, and what was typed, one after the other; the separator holds no %."""
    values = {f"part{place}": part for place, part in enumerate(parts)}
    return Message(separator.join(f"%({name})s" for name in values), **values)


def mark_translatable(declared: object, *names: str) -> None:
    """Makes messages of what a declaration says in these of its attributes."""
    for name in names:
        said = getattr(declared, name)
        if not isinstance(said, Message):
            object.__setattr__(declared, name, Message(said))


def iter_messages(thing: Any) -> Iterator[Message]:
    """Every message in a declaration, for a catalog to list."""
    if isinstance(thing, Message):
        if thing.template:
            yield thing
    elif is_dataclass(thing):
        for each in fields(thing):
            yield from iter_messages(getattr(thing, each.name))
    elif isinstance(thing, Mapping):
        yield from iter_messages(list(thing.values()))
    elif isinstance(thing, (tuple, list)):
        for each in thing:
            yield from iter_messages(each)
