"""Print the error messages of every question, in English and in Spanish, for reading.

.venv/bin/python -m tests.error_messages
"""

from collections.abc import Iterator
from datetime import date
from gettext import NullTranslations, translation

from wizard.flows.commitment import COMMITMENT
from wizard.forms.choices import Choices
from wizard.forms.fields import Field
from wizard.forms.flow import Flow, Section, Step
from wizard.forms.groups import Group
from wizard.forms.journey import Journey
from wizard.forms.messages import Message
from wizard.forms.text import Invalid
from wizard.web.languages import CATALOGS

TODAY = date(2026, 11, 21)
WRONG = (
    ["a", "b"], [{}] * 99, "nothing of it", "x" * 9_999, "a\x07b", "a\nb\x07", "e" + "\u0301" * 40,
    "ann@a.example bob@b.example", "josé@example.org", "jo e@example.org", "jo@example", "jo@",
    "https:", "31.", "3/31/1827", "1/1/2020",
)  # fmt: skip
"""Answers that no field accepts, or only some do."""


class Untranslated(NullTranslations):
    """The fallback of a catalog: refuse what the catalog does not have."""

    def gettext(self, text: str) -> str:
        raise LookupError(f"no translation of “{text}”")


def spanish_catalog() -> NullTranslations:
    """Return the Spanish catalog, which raises `LookupError` for a text that it does not have."""
    catalog = translation("messages", CATALOGS, ["es"])
    catalog.add_fallback(Untranslated())
    return catalog


def field_errors(field: Field) -> dict[Message, None]:
    """Return the messages about the answers to one question that are missing or wrong."""
    found = {field.missing(): None}
    alone = [field.exclusive, field.codes()[0]] if isinstance(field, Choices) else []
    for raw in [*WRONG, alone]:
        try:
            field.clean(raw, TODAY)
        except Invalid as invalid:
            found[invalid.message] = None
    return found


def group_errors(group: Group) -> set[Message]:
    """Return the messages about entries that are too few or alike."""
    step = Step("entries", "Entries", (group,), short="Entries")
    flow = Flow("errors", 1, (Section("Entries", (step,)),), Step("review", "", (), short=""))
    entry = {name: "arrests" for name in group.unique}
    found: set[Message] = set()
    for entries in ([{}], [entry, {}], [entry, entry, {}], [{}] * group.max_entries):
        errors = Journey(flow, {group.name: entries}, today=TODAY).steps["entries"].result.errors
        about_entry = [path for path in errors if path.removeprefix(group.name).count("-") < 2]
        found |= {errors[path] for path in about_entry}
        found |= {each for each in errors.values() if each.startswith("This is the same as")}
    return found


def error_messages(flow: Flow = COMMITMENT) -> Iterator[tuple[str, Message]]:
    """Yield every error message of a flow with the path of its question."""
    for field in flow.fields.values():
        yield from ((field.name, message) for message in field_errors(field))
        if isinstance(field, Group):
            yield from ((field.name, message) for message in sorted(group_errors(field)))
            for inside in field.fields:
                path = f"{field.name}.{inside.name}"
                yield from ((path, message) for message in field_errors(inside))


def main() -> None:
    """Print the messages of each question under its name."""
    shown, catalog = "", spanish_catalog()
    for path, message in error_messages():
        if path != shown:
            print(f"\n{path}")
        shown = path
        print(f"  {message}\n    {message.translated(catalog.gettext)}")


if __name__ == "__main__":
    main()
