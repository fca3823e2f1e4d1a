"""Questions that are answered several times, such as the data sets of an agency."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, ClassVar

from .conditions import Answers
from .fields import Field, Schema
from .messages import Message
from .text import Invalid

ENTRY_ID = "id"
"""The key of an entry's id, beside its answers. It names the entry for as long as that exists."""
ENTRY_ID_SCHEMA: Schema = {"title": "Permanent ID", "type": "string", "pattern": "^[0-9a-f]{8}$"}


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Group(Field):
    """Questions that are answered `min_entries` to `max_entries` times; `entry` names one of these,
    and `entry_noun` does within a sentence.

    A group is always asked and required. No two entries may have the same answers to the `unique`
    fields. `Journey` validates the entries, since that depends on conditions.

    `title`, `due`, `link` and `topic` name the fields with the title of an entry, the day by which
    it is promised, its address and what it is about; `kept` is the word for a promise that is kept,
    `kept_count` the one below a number of them, and `kept_of` says how many are, with `%(kept)s`
    and `%(total)s`.
    """

    fields: tuple[Field, ...]
    entry: str
    entry_noun: str = ""
    min_entries: int
    max_entries: int
    unique: tuple[str, ...] = ()
    title: str = ""
    due: str = ""
    link: str = ""
    topic: str = ""
    kept: str = "Done"
    kept_count: str = "Done so far"
    kept_of: str = "%(kept)s of %(total)s done"

    translatable = (*Field.translatable, "entry", "entry_noun", "kept", "kept_count", "kept_of")
    type_name: ClassVar[str] = "number of entries"
    missing_error: ClassVar[Message] = Message("Add %(noun)s.")

    def schema(self) -> Schema:
        inside = [each for each in self.fields if each.public]
        entry = {"title": self.entry, **object_schema(inside, required_names(inside))}
        entry["properties"] = {ENTRY_ID: ENTRY_ID_SCHEMA, **entry["properties"]}
        entry["required"] = [ENTRY_ID, *entry["required"]]
        limits = {"minItems": self.min_entries, "maxItems": self.max_entries}
        return {"type": "array", **limits, "items": entry}

    def clean(self, raw: Any, today: date) -> list[Mapping[str, Any]]:
        """Return the entries as they are. Raise `Invalid` if they are too many, or not entries."""
        if not isinstance(raw, list) or any(not isinstance(entry, dict) for entry in raw):
            raise Invalid(self.missing_error, noun=self.noun)
        if len(raw) > self.max_entries:
            raise Invalid(
                "You can add up to %(most)s. You now have %(count)s. Remove or combine some.",
                most=self.max_entries,
                count=len(raw),
            )
        return raw

    def without_blanks(self, raw: Any) -> Any:
        if not isinstance(raw, list):
            return Field.without_blanks(self, raw)
        entries = []
        for entry in raw:
            values = {each.name: each.without_blanks(entry.get(each.name)) for each in self.fields}
            entries.append({name: value for name, value in values.items() if value is not None})
        while entries and not entries[-1]:
            entries.pop()
        return entries or None

    def export_cell(self, value: list[Mapping[str, Any]]) -> str:
        return str(len(value))


def derive_entry_id(key: str, group: str, place: int, attempt: int = 0) -> str:
    """Return the id of the entry at a place of a group; each further attempt gives another one.

    `key` is where the entry first appeared: a draft's id, a reference, or the id of a page.
    """
    text = f"{key} {group} {place}" + (f" {attempt}" if attempt else "")
    return sha256(text.encode()).hexdigest()[:8]


def add_entry_ids(groups: Iterable[Group], answers: Answers, key: str) -> Answers:
    """Return the answers with an id for each entry that has none, or that of an entry before it.

    The answers are the same object if all have one.
    """
    lists = {
        group.name: entries
        for group in groups
        if isinstance(entries := answers.get(group.name), list)
    }
    ids = [entry.get(ENTRY_ID) for entries in lists.values() for entry in entries]
    if None not in ids and len(set(ids)) == len(ids):
        return answers
    taken, seen = _entry_ids(answers), set[str]()
    for name, entries in lists.items():
        lists[name] = [*entries]
        for place, entry in enumerate(entries):
            entry_id, attempt = entry.get(ENTRY_ID), 0
            if entry_id is None or entry_id in seen:
                while (entry_id := derive_entry_id(key, name, place, attempt)) in taken:
                    attempt += 1
                taken.add(entry_id)
                lists[name][place] = {**entry, ENTRY_ID: entry_id}
            seen.add(entry_id)
    return {**answers, **lists}


def _entry_ids(answers: Answers) -> set[str]:
    """Return the ids of all entries, with that of a removed one that a draft still has."""
    lists = [value for value in answers.values() if isinstance(value, list)]
    return {
        entry[ENTRY_ID]
        for each in lists
        for entry in each
        if isinstance(entry, dict) and ENTRY_ID in entry
    }


def keep_id(entry: Answers) -> Answers:
    """Return an entry without its answers."""
    return {ENTRY_ID: entry[ENTRY_ID]} if ENTRY_ID in entry else {}


def drop_id(entry: Answers) -> Answers:
    """Return the answers of an entry."""
    return {name: value for name, value in entry.items() if name != ENTRY_ID}


def object_schema(fields: Iterable[Field], required: Collection[str]) -> Schema:
    """Return the JSON Schema of an object with the clean values of fields."""
    return {
        "type": "object",
        "properties": {field.name: {"title": field.label, **field.schema()} for field in fields},
        "required": list(required),
        "additionalProperties": False,
    }


def required_names(fields: Iterable[Field]) -> list[str]:
    """Return the names of the fields that are always asked and required."""
    return [field.name for field in fields if field.required is True and field.when is None]
