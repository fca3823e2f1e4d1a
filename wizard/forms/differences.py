"""What changed between two versions of a submission's answers, as people read them."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from diff_match_patch import diff_match_patch

from .conditions import Answers
from .fields import Field, LongText, Text
from .flow import Flow, Step
from .groups import Group
from .outputs import entry_label, retired_step

MARK = r"!-/:-@\[-`{-~¡«»¿\u2010-\u2027"
WORD_PATTERN = re.compile(rf"\s+|[^\s{MARK}]+(?:[{MARK}]+[^\s{MARK}]+)*|[{MARK}]+")
"""Blanks, a word with the marks inside it (`1,000`, `agency’s`), or marks between words."""
MAX_STEPS = 400
"""Steps of a search for common words: enough for 400 replaced words. The worst two texts of 5,000
characters that we found took 0.3 seconds."""

Change = Literal["kept", "removed", "added", "changed"]
Entries = list[Mapping[str, Any]]
KINDS: Mapping[int, Change] = {0: "kept", -1: "removed", 1: "added"}


@dataclass(frozen=True, slots=True)
class Part:
    """Words of a text that are in both versions (kept), or in one."""

    change: Change
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """An answer that changed; a blank text is no answer.

    `parts` are the words of both texts, in order. They are empty if too few words are in both for
    the marks to be readable.
    """

    name: str
    label: str
    before: str
    after: str
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class EntryDifference:
    """An entry of a group that was added, removed or changed, with its title if it has one."""

    change: Change
    label: str
    title: str
    rows: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class StepDifference:
    """The changed answers of one step."""

    step: Step
    rows: tuple[Difference, ...]
    entries: tuple[EntryDifference, ...]


def differences(
    flow: Flow, before: Answers, after: Answers, *, public_only: bool = False
) -> tuple[StepDifference, ...]:
    """Return what changed by step, in the order of the flow; steps without a change are left out.

    Both versions hold clean answers of the current version of the flow. Entries are the same if
    they have the same `id`, wherever they stand; without ids, if they have the same place.
    """

    def is_shown(field: Field) -> bool:
        return field.public or not public_only

    steps = [*flow.steps.values(), retired_step(flow)]
    asked = {name for name, step in flow.steps.items() if flow.asks(step, after)}
    # A question that two branches share belongs to the step that is asked now: the last one here.
    by_relevance = sorted(reversed(steps), key=lambda step: step.name in asked)
    owners = {field.name: step for step in by_relevance for field in step.fields}
    changed = []
    for step in steps:
        fields = [each for each in step.fields if owners[each.name] is step and is_shown(each)]
        rows = tuple(_rows([each for each in fields if type(each) is not Group], before, after))
        entries = tuple(
            entry
            for group in fields
            if isinstance(group, Group)
            for entry in _entries(group, before, after, is_shown)
        )
        if rows or entries:
            changed.append(StepDifference(step, rows, entries))
    return tuple(changed)


def _rows(fields: list[Field], before: Answers, after: Answers) -> Iterator[Difference]:
    for field in fields:
        old, new = _text(field, before), _text(field, after)
        if old != new:
            is_prose = isinstance(field, LongText) or type(field) is Text
            parts = mark_words(old, new) if is_prose else ()
            yield Difference(field.name, field.label, old, new, parts)


def _text(field: Field, answers: Answers) -> str:
    value = field.without_blanks(answers.get(field.name))
    return "" if value is None else field.display(value)


def _entries(
    group: Group, before: Answers, after: Answers, is_shown: Callable[[Field], bool]
) -> Iterator[EntryDifference]:
    """Yield the entries that changed: those of `after` in order, then those that were removed."""
    fields = [each for each in group.fields if is_shown(each)]
    titles = [each for each in fields if each.name == group.title]
    old, new = _keyed(before.get(group.name) or [], after.get(group.name) or [])
    for key in [*new, *(key for key in old if key not in new)]:
        change: Change = "removed" if key not in new else "changed" if key in old else "added"
        number, entry = new[key] if key in new else old[key]
        rows = tuple(_rows(fields, old.get(key, (0, {}))[1], new.get(key, (0, {}))[1]))
        if rows:
            title = next((_text(field, entry) for field in titles), "")
            yield EntryDifference(change, entry_label(group, number), title, rows)


def _keyed(before: Entries, after: Entries) -> list[dict[Any, tuple[int, Mapping[str, Any]]]]:
    """Return the entries of both versions with their numbers: by id if all have one, else by place.

    Numbers count from 1.
    """
    ids = [[entry.get("id") for entry in entries] for entries in (before, after)]
    has_ids = all(None not in each and len(set(each)) == len(each) for each in ids)
    return [
        {entry["id"] if has_ids else number: (number, entry) for number, entry in numbered}
        for numbered in (enumerate(before, start=1), enumerate(after, start=1))
    ]


def mark_words(before: str, after: str) -> tuple[Part, ...]:
    """Return the words of two texts, marked; nothing if less than half of the shorter one is kept.

    The kept and removed parts together are `before`, the kept and added ones `after`.
    """
    if not before or not after:
        return ()
    versions = [WORD_PATTERN.findall(text) for text in (before, after)]
    words = list(dict.fromkeys(versions[0] + versions[1]))
    characters = {word: chr(place) for place, word in enumerate(words)}  # what is compared
    coded = ["".join(characters[word] for word in version) for version in versions]
    library = _BoundedDiff()
    changes = library.diff_main(*coded, checklines=False)
    library.diff_cleanupSemantic(changes)
    parts = tuple(
        Part(KINDS[kind], "".join(words[ord(character)] for character in code))
        for kind, code in changes
    )
    kept = sum(len(part.text) for part in parts if part.change == "kept")
    return parts if 2 * kept >= min(len(before), len(after)) else ()


def mark_versions(before: str, after: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Return the parts of each text. Texts with little in common are one kept part each."""
    parts = mark_words(before, after)
    if not parts:
        return (Part("kept", before),), (Part("kept", after),)
    return (
        tuple(part for part in parts if part.change != "added"),
        tuple(part for part in parts if part.change != "removed"),
    )


class _BoundedDiff(diff_match_patch):
    """The library with a limit of steps for each search instead of its time limit, so that a busy
    machine shows the same result. What is not found is shown as removed and added.
    """

    def diff_bisect(self, text1: str, text2: str, deadline: float) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = super().diff_bisect(text1, text2, _StepLimit())
        return found


class _StepLimit:
    """A deadline that counts: at each step the library asks if the time is greater."""

    def __init__(self) -> None:
        self.steps = 0

    def __lt__(self, time: float) -> bool:
        self.steps += 1
        return self.steps > MAX_STEPS
