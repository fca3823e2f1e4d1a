"""The data dictionary: what each column of each export means, derived from the declaration."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from ..db.models import STATUSES
from ..forms.conditions import Condition
from ..forms.fields import Choice, Choices, Confirm, Date, Email, Field, Group, LongText, Phone, Url
from ..forms.flow import Flow
from ..forms.wording import describe_condition

RECORD_COLUMNS = {
    "reference": ("The submission; files are joined by it", "text"),
    "submitted_at": ("When it was submitted", "moment in UTC, ISO 8601"),
    "status": ("The state of its case", "code"),
    "branch": ("The kind of organization it was asked as", "code"),
    "flow_version": ("The version of the questions that it answers", "number"),
    "published_at": ("When it was published", "moment in UTC, ISO 8601"),
}
"""The columns about a submission itself: what each means, and its type."""
TYPE_NAMES: dict[type[Field], str] = {
    Email: "e-mail address",
    Phone: "phone number, ITU-T E.164",
    Url: "web address",
    LongText: "text of several lines",
    Date: "day, ISO 8601",
    Choices: "codes, joined with ;",
    Choice: "code",
    Confirm: "yes",
    Group: "number of entries",
    Field: "text",
}
"""What a column of each type of question holds; the first that fits."""
COLUMNS = (
    "file", "column", "question", "type", "choices", "required", "public", "branch", "asked",
)  # fmt: skip


def file_stem(group: Group) -> str:
    """The name of a group's own file, without its ending."""
    return group.name.replace("_", "-")


def dictionary_rows(flow: Flow) -> Iterator[tuple[str, ...]]:
    """What each column of each file means, in the order of `COLUMNS`."""
    fields = flow.columns.values()
    codes = {"status": STATUSES, "branch": {each.name: each.title for each in flow.branches}}
    for field in fields:
        yield ("submissions", *_question(field, fields), *_asked(flow, field))
    for name, (meaning, kind) in RECORD_COLUMNS.items():
        yield ("submissions", name, meaning, kind, _codes(codes.get(name, {})), "", "", "", "")
    for group in flow.groups:
        yield (file_stem(group), "reference", *RECORD_COLUMNS["reference"], "", "", "", "", "")
        branch, _ = _asked(flow, group)
        for field in group.fields:
            asked = _in_words((field.when,) if field.when else (), group.fields)
            yield (file_stem(group), *_question(field, group.fields), branch, asked or "always")


def _question(field: Field, others: Collection[Field]) -> tuple[str, ...]:
    kind = next(words for each, words in TYPE_NAMES.items() if isinstance(field, each))
    options = field.options if isinstance(field, Choice) else ()
    codes = _codes({option.code: option.label for option in options})
    if isinstance(field.required, bool):
        required = "yes" if field.required else "no"
    else:
        required = _in_words((field.required,), others)
    return (field.name, field.label, kind, codes, required, "yes" if field.public else "no")


def _codes(labels: Mapping[str, str]) -> str:
    return ";".join(f"{code}={label}" for code, label in labels.items())


def _in_words(conditions: Iterable[Condition], fields: Collection[Field]) -> str:
    words = " and ".join(describe_condition(each, fields) for each in conditions)
    return words and f"if {words}"


def _asked(flow: Flow, field: Field) -> tuple[str, str]:
    """Return the branches that ask a question, and the conditions besides, in words."""
    steps = [(section.when, step) for section in flow.sections for step in section.steps]
    whens = [when for when, step in [*steps, (None, flow.review)] if field in step.fields]
    if not whens:
        return "", "no longer"
    branches: dict[Condition | None, str] = {each.when: each.name for each in flow.branches}
    names = [branches.get(when, "all") for when in whens]
    if "all" in names or len(set(names)) == len(branches):
        names = ["all"]
    words = []
    for when in whens:
        others = [each for each in (when, field.when) if each and each not in branches]
        words.append(_in_words(others, flow.columns.values()))
    return ";".join(names), ", or ".join(words) if all(words) else "always"
