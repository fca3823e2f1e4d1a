"""Texts for people: English as a string, and translated where it is shown.

What a person typed is a plain `str`, and is never translated.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar


class Message(str):
    """A text with `values` for its `%(name)s` placeholders; a value may be a message itself."""

    template: str
    values: Mapping[str, Any]

    def __new__(cls, template: str, **values: Any) -> "Message":
        message = super().__new__(cls, template % values if values else template)
        message.template, message.values = str(template), values
        return message

    def translated(self, translate: Callable[[str], str]) -> str:
        """Return the message translated, nested messages included."""
        text = translate(self.template) if self.template else ""
        values = {key: translate_if_message(value, translate) for key, value in self.values.items()}
        return text % values if values else text


class MessageError(ValueError):
    """An error whose `message` is for a person."""

    def __init__(self, text: str, **values: Any) -> None:
        self.message = Message(text, **values)
        super().__init__(self.message)


class Declaration:
    """Base of frozen dataclasses whose `translatable` attributes are messages."""

    __slots__ = ()
    translatable: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for name in self.translatable:
            if not isinstance(text := getattr(self, name), Message):
                object.__setattr__(self, name, Message(text))


def translate_if_message(text: Any, translate: Callable[[str], str]) -> Any:
    """Return a message translated, and anything else unchanged."""
    return text.translated(translate) if isinstance(text, Message) else text


def join_messages(separator: str, parts: Sequence[str]) -> Message:
    """Join messages and plain strings; the separator must not contain %."""
    values = {f"part{place}": part for place, part in enumerate(parts)}
    return Message(separator.join(f"%({name})s" for name in values), **values)


def iter_messages(thing: Any) -> Iterator[Message]:
    """Yield every message in a declaration, for the catalog of translations."""
    if isinstance(thing, Message):
        if thing.template:
            yield thing
    elif is_dataclass(thing):
        for field in fields(thing):
            yield from iter_messages(getattr(thing, field.name))
    elif isinstance(thing, Mapping):
        yield from iter_messages(list(thing.values()))
    elif isinstance(thing, (tuple, list)):
        for part in thing:
            yield from iter_messages(part)
