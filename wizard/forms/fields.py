"""The types of field: how each validates an answer, shows it, and exports it.

Raw and clean answers are both JSON values, and cleaning a clean one changes nothing: a draft stores
raw answers, and a submission checks all of them again.
"""

import re
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass
from datetime import date
from typing import Any, ClassVar

import phonenumbers
from ada_url import URL, idna_to_unicode
from email_validator import EmailNotValidError
from phonenumbers import PhoneNumberFormat

from .addresses import bare_address, email_fault, parse_email, public_address, url_fault
from .conditions import Condition
from .dates import NOT_A_MOMENT, format_day, format_utc, parse_day, parse_moment
from .messages import Declaration, Message
from .text import Invalid, normalize_text, remove_invisible, strip_blanks

MIN_YEAR, MAX_YEAR = 1900, 2100
Schema = dict[str, Any]
CHECKED_VALUES = {"yes", "true", "on", "y", "1"}
MAX_TIMES_STORED = 4
"""A draft stores an answer up to this many times as long as a valid one, so that it can be
shortened later."""
PUNYCODE = "xn--"
"""How a part of an internet name starts that is not ASCII when shown (RFC 5890)."""
SPACE_CHARACTERS = re.compile(r"[\n\t ]+")
SCHEME = re.compile(r"https?:|[a-z][a-z0-9+.-]*://", re.IGNORECASE)
MIN_PHONE_DIGITS = 7
"""A number without its area code."""
POSSIBLE_NUMBER = phonenumbers.ValidationResult.IS_POSSIBLE


@dataclass(frozen=True, eq=False, slots=True)
class Field(Declaration):
    """One question.

    `noun` names it in an error message ("Enter **the name of your organization**."). It is asked
    only if `when` holds; `required` may be a condition too; only `public` answers are published.
    """

    name: str
    label: str
    _: KW_ONLY
    noun: str
    hint: str = ""
    required: bool | Condition = False
    when: Condition | None = None
    public: bool = False

    type_name: ClassVar[str] = "text"
    """What the data dictionary calls the type."""
    translatable: ClassVar[tuple[str, ...]] = ("label", "noun", "hint")
    missing_error: ClassVar[Message] = Message("Enter %(noun)s.")

    def is_blank(self, raw: Any) -> bool:
        """Return True if there is no answer."""
        return raw is None or raw == [] or (isinstance(raw, str) and not strip_blanks(raw))

    def without_blanks(self, raw: Any) -> Any:
        """Return the raw answer with one spelling for blank and for a line end."""
        if self.is_blank(raw):
            return None
        return raw.replace("\r\n", "\n") if isinstance(raw, str) else raw

    def longest(self) -> int:
        """Return a length that no valid answer exceeds, in code points."""
        return 200

    def is_storable(self, raw: Any) -> bool:
        """Return True unless a raw answer is too long for a draft."""
        values = raw if isinstance(raw, list) else [raw]
        length = sum([len(value) for value in values if isinstance(value, str)])
        return length <= MAX_TIMES_STORED * self.longest()

    def not_stored(self, raw: Any) -> Message:
        """Return the error message for an answer that is too long for a draft."""
        return Message("Not saved: too long. %(asks)s", asks=self.missing())

    def missing(self) -> Message:
        """Return the error message for a required answer that is blank."""
        return Message(self.missing_error, noun=self.noun)

    def clean(self, raw: Any, today: date) -> Any:
        """Return the clean value of an answer that is not blank. Raise `Invalid`."""
        raise NotImplementedError

    def parse(self, raw: Any, today: date) -> Any:
        """Return the clean value, or None for a blank optional answer. Raise `Invalid`."""
        if not self.is_blank(raw):
            return self.clean(raw, today)
        if self.required is True:
            raise Invalid(self.missing_error, noun=self.noun)
        return None

    def schema(self) -> Schema:
        """Return the JSON Schema of a clean value."""
        raise NotImplementedError

    def display(self, value: Any) -> str:
        """Return a clean value as people read it: a `Message` if the words are the form's own."""
        return str(value)

    def export_cell(self, value: Any) -> str:
        """Return a clean value as one table cell, in stable codes."""
        return str(value)

    def _single(self, raw: Any) -> str:
        if not isinstance(raw, str):
            raise Invalid("Give only one answer. %(asks)s", asks=self.missing())
        return raw


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Text(Field):
    """One line of at most `max_length` code points; `autocomplete` is an HTML autofill token."""

    max_length: int = 200
    autocomplete: str = ""

    too_long_error: ClassVar[Message] = Message(
        "Use %(most)s characters or fewer to enter %(noun)s. You now have %(count)s."
    )

    def schema(self) -> Schema:
        return {"type": "string", "minLength": 1, "maxLength": self.max_length}

    def clean(self, raw: Any, today: date) -> str:
        return self._limited(
            SPACE_CHARACTERS.sub(" ", normalize_text(self._single(raw), self.noun))
        )

    def longest(self) -> int:
        return self.max_length

    def not_stored(self, raw: Any) -> Message:
        text = raw if isinstance(raw, str) else "".join(raw)
        return Message(
            "Not saved: too long. %(asks)s", asks=Message(self.too_long_error, **self._counts(text))
        )

    def _limited(self, text: str) -> str:
        if len(text) > self.max_length:
            raise Invalid(self.too_long_error, **self._counts(text))
        return text

    def _counts(self, text: str) -> dict[str, str]:
        return {"noun": self.noun, "most": f"{self.max_length:,}", "count": f"{len(text):,}"}


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class LongText(Text):
    """Paragraphs of text."""

    max_length: int = 5_000
    type_name: ClassVar[str] = "multi-line text"
    missing_error: ClassVar[Message] = Message("Describe %(noun)s.")
    too_long_error: ClassVar[Message] = Message(
        "Use %(most)s characters or fewer to describe %(noun)s. You now have %(count)s."
    )

    def clean(self, raw: Any, today: date) -> str:
        return self._limited(normalize_text(self._single(raw), self.noun))


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Email(Text):
    """An email address that any mail server accepts (RFC 5321, ASCII before the @).

    It is stored in ASCII. What people and programs put around an address is taken off.
    """

    max_length: int = 254

    type_name: ClassVar[str] = "email address"

    def schema(self) -> Schema:
        return {**Text.schema(self), "format": "email"}

    def clean(self, raw: Any, today: date) -> str:
        text = bare_address(Text.clean(self, raw, today))
        with suppress(EmailNotValidError):
            address = parse_email(text).ascii_email or ""
            is_whole = address[-2:-1] not in ("", ".")  # no ending has one letter
            if is_whole and "=?" not in text:  # mail software rewrites encoded words
                return self._limited(address)
        raise Invalid(email_fault(text), noun=self.noun, part=text[:80])

    def display(self, value: str) -> str:
        if PUNYCODE not in value:
            return value
        try:
            return parse_email(value).normalized
        except EmailNotValidError:  # of an earlier version
            return value


@dataclass(frozen=True, eq=False, slots=True)
class Phone(Text):
    """A phone number, stored as ITU-T E.164; without a + it is a US number.

    An extension follows as in RFC 3966: `+19405550142;ext=12`.
    """

    type_name: ClassVar[str] = "phone number, ITU-T E.164, then ;ext= and an extension"

    def clean(self, raw: Any, today: date) -> str:
        text = Text.clean(self, raw, today)
        with suppress(phonenumbers.NumberParseException):
            number = phonenumbers.parse(text, "US")
            value = self._stored(number)
            is_stable = self._stored(phonenumbers.parse(value)) == value  # not +82 00 1234 5678
            if is_stable and _is_possible(number) and (number.extension or _spells_number(text)):
                return value
        with suppress(phonenumbers.NumberParseException):
            before, letter, _ = _split_letters(text)
            if letter and _is_possible(phonenumbers.parse(before, "US")):
                raise Invalid(
                    "Enter %(noun)s without other words. An extension is fine, like "
                    "(202) 555-0143 ext. 12.",
                    noun=self.noun,
                )
        raise Invalid(
            "Enter %(noun)s with its area code, like (202) 555-0143. "
            "For numbers outside the U.S., start with + and the country code.",
            noun=self.noun,
        )

    @staticmethod
    def _stored(number: phonenumbers.PhoneNumber) -> str:
        extension = f";ext={number.extension}" if number.extension else ""
        return phonenumbers.format_number(number, PhoneNumberFormat.E164) + extension

    def display(self, value: str) -> str:
        try:
            number, style = phonenumbers.parse(value), PhoneNumberFormat
        except phonenumbers.NumberParseException:  # stored by another program
            return value
        extension = f" ext. {number.extension}" if number.extension else ""
        number.extension = None
        is_us = number.country_code == 1
        shown = phonenumbers.format_number(number, style.NATIONAL if is_us else style.INTERNATIONAL)
        return shown + extension


def _is_possible(number: phonenumbers.PhoneNumber) -> bool:
    return bool(phonenumbers.is_possible_number_with_reason(number) == POSSIBLE_NUMBER)


def _split_letters(text: str) -> list[str]:
    """Return what is before the first letter, that letter if there is one, and the rest."""
    return re.split("([A-Za-z]|$)", text, maxsplit=1)


def _spells_number(text: str) -> bool:
    """Return True unless letters follow a whole number, such as a name: they are digits only in
    numbers like 1-800-FLOWERS."""
    before, letter, _ = _split_letters(text)
    return not letter or sum(map(str.isdigit, before)) < MIN_PHONE_DIGITS


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Url(Text):
    """A web address as the WHATWG URL standard reads it; https is assumed without a scheme."""

    max_length: int = 2_000
    type_name: ClassVar[str] = "web address"

    def schema(self) -> Schema:
        return {**Text.schema(self), "format": "uri"}

    def clean(self, raw: Any, today: date) -> str:
        text = remove_invisible(normalize_text(self._single(raw), self.noun)).strip('<>“”" ')
        if not SCHEME.match(text):
            text = f"https://{text}"
        if href := public_address(text):
            return self._limited(href)
        raise Invalid(url_fault(text), noun=self.noun)

    def display(self, value: str) -> str:
        if PUNYCODE not in value:
            return value
        with suppress(ValueError):  # of an earlier version
            host = URL(value).hostname
            shown = value.replace(host, idna_to_unicode(host), 1)
            if URL(shown).href == value:  # else it would show another host, as for xn---n3h.net
                return shown
        return value


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Date(Field):
    """A day, stored as ISO 8601; any spelling that can mean only one day is accepted."""

    not_past: bool = False
    not_future: bool = False
    after_today: bool = False
    later_than: date | None = None
    missing_error: ClassVar[Message] = Message("Enter %(noun)s, with the month, day and year.")

    type_name: ClassVar[str] = "day, ISO 8601"

    def schema(self) -> Schema:
        return {"type": "string", "format": "date"}

    def clean(self, raw: Any, today: date) -> str:
        day = self._parse_day(self._single(raw))
        if not MIN_YEAR <= day.year <= MAX_YEAR:
            raise Invalid(
                "Check the year in %(noun)s. It can’t be %(year)s.",
                noun=self.noun,
                year=day.year,
            )
        if self.not_past and day < today:
            raise Invalid("Change %(noun)s to today or a later date.", noun=self.noun)
        if self.not_future and day > today:
            raise Invalid("Change %(noun)s to today or an earlier date.", noun=self.noun)
        if self.after_today and day <= today:
            raise Invalid("Change %(noun)s to a date after today.", noun=self.noun)
        if self.later_than and day <= self.later_than:
            before = format_day(self.later_than)
            raise Invalid("Change %(noun)s to a date after %(day)s.", noun=self.noun, day=before)
        return day.isoformat()

    def _parse_day(self, text: str) -> date:
        if day := parse_day(text):
            return day
        raise Invalid(
            "Enter %(noun)s as month/day/year, with a four-digit year, like 3/31/2027.",
            noun=self.noun,
        )

    def control_value(self, raw: Any) -> str:
        """Return what a date control can show of a raw answer: a day in ISO 8601, or nothing."""
        day = parse_day(raw) if isinstance(raw, str) else None
        return day.isoformat() if day else ""

    def display(self, value: str) -> str:
        return format_day(date.fromisoformat(value))


@dataclass(frozen=True, eq=False, slots=True)
class Moment(Field):
    """A moment, stored as ISO 8601 in UTC."""

    def schema(self) -> Schema:
        return {"type": "string", "format": "date-time"}

    def clean(self, raw: Any, today: date) -> str:
        try:
            return format_utc(parse_moment(self._single(raw).strip()))
        except NOT_A_MOMENT:
            raise Invalid(
                "Enter %(noun)s as a date and time, like 2027-03-31T17:05:00Z.", noun=self.noun
            ) from None


@dataclass(frozen=True, eq=False, slots=True)
class Confirm(Field):
    """A statement that must be checked; stored as true."""

    type_name: ClassVar[str] = "yes"
    missing_error: ClassVar[Message] = Message("Check the box to confirm %(noun)s.")

    def schema(self) -> Schema:
        return {"const": True}

    def clean(self, raw: Any, today: date) -> bool:
        if raw is not True and self._single(raw).strip().lower() not in CHECKED_VALUES:
            raise Invalid(self.missing_error, noun=self.noun)
        return True

    def display(self, value: bool) -> str:
        return Message("Yes")

    def export_cell(self, value: bool) -> str:
        return "yes"
