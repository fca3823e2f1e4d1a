"""Results of validation, remembered so that the same answers are not validated again.

A request validates all steps of a draft, of which at most one has changed (decision 33). Only
digests of answers are stored, never an answer: what people delete must not stay in memory.
"""

from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any, TypeGuard

from .conditions import Answers, read_names
from .fields import Field, Text

MAX_RESULTS = 4_096
"""Of one page, or of the entries of one group; each takes about 150 bytes."""


@dataclass(slots=True)
class ValidationResult:
    """The result of validating some fields. Paths are HTML names: `city`, `milestones-0-due`."""

    answers: dict[str, Any] = field(default_factory=dict)
    """Clean answers of the valid fields, by name; those of `uncleaned` only after `clean`."""
    errors: dict[str, str] = field(default_factory=dict)
    """Messages by path, in page order."""
    missing: set[str] = field(default_factory=set)
    """The paths in `errors` of required answers that are blank."""
    visible: set[str] = field(default_factory=set)
    """The paths of the fields that are asked."""
    required: set[str] = field(default_factory=set)
    """The paths of the fields that need an answer, as far as valid answers decide it."""
    is_blank: bool = True
    """True if no field has an answer, valid or not."""
    uncleaned: list[tuple[dict[str, Any], Text]] = field(default_factory=list, compare=False)
    """Answers, of the page or of an entry, each with a field whose answer in there is raw."""

    def clean(self, today: date) -> None:
        """Clean the answers that are still raw."""
        for answers, text in self.uncleaned:
            answers[text.name] = text.clean(answers[text.name], today)
        self.uncleaned.clear()


@dataclass(frozen=True, slots=True)
class Outline:
    """A result without its answers.

    `answers` are the names of the valid ones. Where the clean answer is not the raw one, its field
    is in `cleaned`, or in `cleaned_later` if no other answer depends on it.
    """

    answers: tuple[str, ...]
    cleaned: tuple[Field, ...]
    cleaned_later: tuple[Text, ...]
    errors: tuple[tuple[str, str], ...]
    missing: frozenset[str]
    visible: frozenset[str]
    required: frozenset[str]
    is_blank: bool

    def fill(self, raw: Answers, today: date) -> ValidationResult:
        """Return the result for the raw answers that it was found for."""
        answers = {name: raw[name] for name in self.answers}
        for each in self.cleaned:
            answers[each.name] = each.clean(raw[each.name], today)
        sets = set(self.missing), set(self.visible), set(self.required)
        uncleaned = [(answers, text) for text in self.cleaned_later]
        return ValidationResult(answers, dict(self.errors), *sets, self.is_blank, uncleaned)


class ResultCache:
    """The outlines of results for the same fields, by a digest of all that they depend on.

    `compared` are the names of the answers that entries are compared by.
    """

    def __init__(self, fields: tuple[Field, ...], compared: tuple[str, ...] = ()) -> None:
        self.fields = {field.name: field for field in fields}
        self.compared = compared
        self.read_earlier = sorted(
            read_names(each for field in fields for each in (field.when, field.required))
        )
        """The names of the answers that conditions of the fields read, also of earlier pages."""
        self._outlines: dict[bytes, Outline] = {}
        self._shared: dict[Outline, Outline] = {}

    def digest(self, raw: Answers, earlier: Answers, prefix: str, today: date) -> bytes:
        """Return the digest of raw answers, and of what else decides about their result."""
        values = [raw.get(name) for name in self.fields]
        earlier_values = [earlier.get(name) for name in self.read_earlier]
        return sha256(repr((prefix, today, values, earlier_values)).encode()).digest()

    def find(self, digest: bytes, raw: Answers, today: date) -> ValidationResult | None:
        """Return the result of answers that were validated before; None if there is none."""
        outline = self._outlines.get(digest)
        return outline.fill(raw, today) if outline else None

    def store(self, digest: bytes, raw: Answers, result: ValidationResult) -> None:
        """Store the outline of a result, unless an error may quote an answer."""
        if result.errors.keys() != result.missing:
            return
        if len(self._outlines) >= MAX_RESULTS:
            self._outlines.clear()
            self._shared.clear()
        changed = [
            self.fields[name]
            for name, value in result.answers.items()
            if not _is_equal(value, raw[name])
        ]
        later = tuple(each for each in changed if self._can_wait(each))
        outline = Outline(
            tuple(result.answers),
            tuple(each for each in changed if each not in later),
            later,
            tuple(result.errors.items()),
            frozenset(result.missing),
            frozenset(result.visible),
            frozenset(result.required),
            result.is_blank,
        )
        self._outlines[digest] = self._shared.setdefault(outline, outline)

    def _can_wait(self, changed: Field) -> TypeGuard[Text]:
        """Return True for a text that entries are not compared by: conditions read choices only."""
        return isinstance(changed, Text) and changed.name not in self.compared


def _is_equal(clean: Any, raw: Any) -> bool:
    return type(clean) is type(raw) and bool(clean == raw)
