"""The types of question: what each accepts, keeps, shows a reader and writes into a table cell.

What a person typed and what is kept are both JSON values, and `clean` takes either: cleaning what
was cleaned changes nothing. So a draft can hold what was typed, valid or not, and every rule is
checked again wherever it matters.
"""

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import date
from typing import Any, ClassVar
from urllib.parse import urlsplit

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from .conditions import Condition
from .dates import format_day
from .messages import Message, join_messages, mark_translatable
from .text import Invalid, normalize_text

MIN_YEAR, MAX_YEAR = 1900, 2100


@dataclass(frozen=True, slots=True)
class Option:
    """One of the answers that a choice offers: a stable code, and what a reader sees."""

    code: str
    label: str
    hint: str = ""

    def __post_init__(self) -> None:
        mark_translatable(self, "label", "hint")


YES_NO = (Option("yes", "Yes"), Option("no", "No"))


@dataclass(frozen=True, slots=True)
class Field:
    """One question.

    `noun` is how an error message names it ("Enter **the name of your organization**."),
    `required` may be a condition, `when` says whether it is asked at all, and `public` whether the
    answer may be published.
    """

    name: str
    label: str
    _: KW_ONLY
    noun: str
    hint: str = ""
    required: bool | Condition = False
    when: Condition | None = None
    public: bool = False

    asks: ClassVar[Message] = Message("Enter %(noun)s.")

    def __post_init__(self) -> None:
        mark_translatable(self, "label", "noun", "hint")

    def is_blank(self, raw: Any) -> bool:
        """Whether nothing was answered."""
        return raw is None or raw == [] or (isinstance(raw, str) and not raw.strip())

    def without_blanks(self, raw: Any) -> Any:
        """What was typed, so that two ways to leave something blank, or to end a line, are one."""
        if self.is_blank(raw):
            return None
        return raw.replace("\r\n", "\n") if isinstance(raw, str) else raw

    def missing(self) -> Message:
        """What to do when an answer is required and there is none."""
        return Message(self.asks, noun=self.noun)

    def clean(self, raw: Any, today: date) -> Any:
        """The value to keep, from what was typed and is not blank. Raises `Invalid`."""
        raise NotImplementedError

    def parse(self, raw: Any, today: date) -> Any:
        """Return the clean value, or None for a blank optional answer. Raises `Invalid`."""
        if not self.is_blank(raw):
            return self.clean(raw, today)
        if self.required is True:
            raise Invalid(self.asks, noun=self.noun)
        return None

    def for_reader(self, value: Any) -> str:
        """The kept value in the words of the form: a `Message` where they are ours."""
        return str(value)

    def for_cell(self, value: Any) -> str:
        """The kept value as one table cell, in stable codes."""
        return str(value)

    def _one(self, raw: Any) -> str:
        if not isinstance(raw, str):
            raise Invalid("Give one answer only. %(asks)s", asks=self.missing())
        return raw


@dataclass(frozen=True, slots=True)
class Text(Field):
    """One line, at most `max_length` code points.

    `autocomplete` is what a browser may fill in, by a token of the HTML standard.
    """

    _: KW_ONLY
    max_length: int = 200
    autocomplete: str = ""

    def clean(self, raw: Any, today: date) -> str:
        return self._limited(re.sub(r"[\n\t]+", " ", normalize_text(self._one(raw), self.noun)))

    def _limited(self, text: str) -> str:
        if len(text) > self.max_length:
            raise Invalid(
                "Shorten %(noun)s to %(most)s characters or fewer; it has %(count)s.",
                noun=self.noun,
                most=f"{self.max_length:,}",
                count=f"{len(text):,}",
            )
        return text


@dataclass(frozen=True, slots=True)
class LongText(Text):
    """Paragraphs."""

    _: KW_ONLY
    max_length: int = 5_000

    asks: ClassVar[Message] = Message("Describe %(noun)s.")

    def clean(self, raw: Any, today: date) -> str:
        return self._limited(normalize_text(self._one(raw), self.noun))


EMAIL_FORMAT_ERROR = Message("Enter %(noun)s in full, like name@example.org.")


@dataclass(frozen=True, slots=True)
class Email(Text):
    """An address that any mail server can be given (RFC 5321, ASCII before the @)."""

    _: KW_ONLY
    max_length: int = 254

    def clean(self, raw: Any, today: date) -> str:
        text = Text.clean(self, raw, today)
        try:
            checked = validate_email(text, check_deliverability=False, allow_smtputf8=False)
        except EmailNotValidError:
            raise Invalid(EMAIL_FORMAT_ERROR, noun=self.noun) from None
        if "=?" in text or checked.ascii_email is None:  # an encoded word: mail rewrites it
            raise Invalid(EMAIL_FORMAT_ERROR, noun=self.noun)
        return checked.ascii_email


@dataclass(frozen=True, slots=True)
class Phone(Text):
    """A number kept as ITU-T E.164, read as a US number unless it starts with +."""

    def clean(self, raw: Any, today: date) -> str:
        text = Text.clean(self, raw, today)
        try:
            number = phonenumbers.parse(text, "US")
        except phonenumbers.NumberParseException:
            number = None
        reason = number and phonenumbers.is_possible_number_with_reason(number)
        if number is None or reason != phonenumbers.ValidationResult.IS_POSSIBLE:
            raise Invalid(
                "Enter %(noun)s with its area code, like (202) 555-0143, "
                "or with + and the country code.",
                noun=self.noun,
            )
        if number.extension:
            raise Invalid("Enter %(noun)s without its extension.", noun=self.noun)
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    def for_reader(self, value: str) -> str:
        number = phonenumbers.parse(value)
        form = (
            phonenumbers.PhoneNumberFormat.NATIONAL
            if number.country_code == 1
            else phonenumbers.PhoneNumberFormat.INTERNATIONAL
        )
        return phonenumbers.format_number(number, form)


@dataclass(frozen=True, slots=True)
class Url(Text):
    """A web address; typed without a scheme it is taken as https."""

    def clean(self, raw: Any, today: date) -> str:
        text = Text.clean(self, raw, today)
        if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
            text = f"https://{text}"
        if not _is_web_address(text):
            raise Invalid(
                "Enter %(noun)s as a web address, like https://example.org.", noun=self.noun
            )
        return self._limited(text)


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        _ = parts.port  # raises where it is no number
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and "@" not in parts.netloc
        and re.fullmatch(r"([^\W_]([\w-]*[^\W_])?\.)+[^\W_][\w-]*", host) is not None
        and not re.search(r"[\s<>\"\\^`{|}]", text)
    )


@dataclass(frozen=True, slots=True)
class Date(Field):
    """A day, kept as ISO 8601; month/day/year, as it is written in the US, is understood too."""

    _: KW_ONLY
    not_past: bool = False

    def clean(self, raw: Any, today: date) -> str:
        day = self._parsed(self._one(raw).strip())
        if not MIN_YEAR <= day.year <= MAX_YEAR:
            raise Invalid(
                "Check the year of %(noun)s: %(year)s cannot be right.",
                noun=self.noun,
                year=day.year,
            )
        if self.not_past and day < today:
            raise Invalid("Choose today or a later day for %(noun)s.", noun=self.noun)
        return day.isoformat()

    def _parsed(self, text: str) -> date:
        iso = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", text)
        us = re.fullmatch(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", text)
        try:
            if iso:
                return date(int(iso[1]), int(iso[2]), int(iso[3]))
            if us:
                return date(int(us[3]), int(us[1]), int(us[2]))
        except ValueError:
            pass
        raise Invalid("Enter %(noun)s as a real day, like 2027-03-31 or 3/31/2027.", noun=self.noun)

    def for_reader(self, value: str) -> str:
        return format_day(date.fromisoformat(value))


@dataclass(frozen=True, slots=True)
class Choice(Field):
    """One of a few options, all of them in sight."""

    _: KW_ONLY
    options: tuple[Option, ...]

    asks: ClassVar[Message] = Message("Choose %(noun)s.")

    def clean(self, raw: Any, today: date) -> str:
        code = self._one(raw).strip()
        if code not in self.codes():
            raise Invalid("Choose %(noun)s from the list.", noun=self.noun)
        return code

    def codes(self) -> tuple[str, ...]:
        """The codes of its options, in order."""
        return tuple(option.code for option in self.options)

    def for_reader(self, value: str) -> str:
        return next((option.label for option in self.options if option.code == value), value)


@dataclass(frozen=True, slots=True)
class Select(Choice):
    """One of many options, in a list that opens."""


@dataclass(frozen=True, slots=True)
class Choices(Choice):
    """Any of several options; the `exclusive` one goes with no other."""

    _: KW_ONLY
    exclusive: str = ""

    def clean(self, raw: Any, today: date) -> list[str]:  # type: ignore[override]
        given = raw if isinstance(raw, list) else [raw]
        if any(code not in self.codes() for code in given):
            raise Invalid("Choose %(noun)s from the list.", noun=self.noun)
        if self.exclusive in given and len(set(given)) > 1:
            alone = Choice.for_reader(self, self.exclusive)
            raise Invalid("Choose either “%(alone)s” or others, not both.", alone=alone)
        return [code for code in self.codes() if code in given]

    def for_reader(self, value: list[str]) -> str:  # type: ignore[override]
        return join_messages("; ", [Choice.for_reader(self, code) for code in value])

    def for_cell(self, value: list[str]) -> str:
        return ";".join(value)


@dataclass(frozen=True, slots=True)
class Confirm(Field):
    """A statement that must be ticked; kept as true."""

    asks: ClassVar[Message] = Message("Confirm %(noun)s.")

    ticks: ClassVar[frozenset[str]] = frozenset({"yes", "true", "on", "y", "1"})

    def clean(self, raw: Any, today: date) -> bool:
        if raw is not True and self._one(raw).strip().lower() not in self.ticks:
            raise Invalid(self.asks, noun=self.noun)
        return True

    def for_reader(self, value: bool) -> str:
        return Message("Yes")

    def for_cell(self, value: bool) -> str:
        return "yes"


@dataclass(frozen=True, slots=True)
class Group(Field):
    """A set of questions answered several times over: `min_entries` to `max_entries` entries.

    It is always asked and always required. `entry` is what one is called. No two entries may have
    the same answers to the `unique` fields. `Journey` checks what is inside, since that depends on
    conditions.
    """

    _: KW_ONLY
    fields: tuple[Field, ...]
    entry: str
    min_entries: int
    max_entries: int
    unique: tuple[str, ...] = ()

    asks: ClassVar[Message] = Message("Add %(noun)s.")

    def __post_init__(self) -> None:
        Field.__post_init__(self)
        mark_translatable(self, "entry")

    def clean(self, raw: Any, today: date) -> list[Mapping[str, Any]]:
        """The entries that are not blank, or as many as there must be. Raises `Invalid`."""
        if not isinstance(raw, list) or any(not isinstance(entry, dict) for entry in raw):
            raise Invalid(self.asks, noun=self.noun)
        if len(raw) > self.max_entries:
            raise Invalid(
                "Give at most %(most)s; there are %(count)s. Remove some, or put them together.",
                most=self.max_entries,
                count=len(raw),
            )
        return raw

    def without_blanks(self, raw: Any) -> Any:
        if not isinstance(raw, list):
            return Field.without_blanks(self, raw)
        entries = [
            {
                f.name: f.without_blanks(entry[f.name])
                for f in self.fields
                if not f.is_blank(entry.get(f.name))
            }
            for entry in raw
        ]
        while entries and not entries[-1]:
            entries.pop()
        return entries or None

    def for_cell(self, value: list[Mapping[str, Any]]) -> str:
        return str(len(value))
