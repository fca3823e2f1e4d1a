"""The data dictionary: the meaning of every export column, derived from the flow."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from ..db.models import STATUSES
from ..forms.choices import Choice
from ..forms.condition_text import describe_condition
from ..forms.conditions import Condition
from ..forms.fields import Field
from ..forms.flow import Flow
from ..forms.groups import Group
from ..forms.json_schema import PROMISE_FIELDS

RECORD_COLUMNS = {
    "reference": ("Reference number of the submission. Use it to join the files", "text"),
    "submitted_at": ("Date and time submitted", "date and time, UTC, ISO 8601"),
    "status": ("Status", "code"),
    "branch": ("Which set of questions the organization answered", "code"),
    "flow_version": ("Version of the form", "number"),
    "published_at": ("Date and time published", "date and time, UTC, ISO 8601"),
    "first_published_at": ("Date and time first published", "date and time, UTC, ISO 8601"),
    "updated_at": (
        "Date and time when something published last changed",
        "date and time, UTC, ISO 8601",
    ),
}
"""The columns about a submission itself: their meaning and type."""
PROMISE_ID = ("Permanent ID of the entry. It stays when others are added or removed", "text")
PROMISE_COLUMNS = tuple(
    field
    for field in PROMISE_FIELDS
    if field.name in ("due_on", "first_due_on", "progress", "done_on", "dropped_on")
)
"""The columns about an entry that is a promise, as in the public files."""
COLUMNS = ("file", "column", "question", "type", "choices", "required", "public", "branch", "asked")


def file_stem(group: Group) -> str:
    """Return the name of a group's own file, without its suffix."""
    return group.name.replace("_", "-")


def dictionary_rows(flow: Flow) -> Iterator[tuple[str, ...]]:
    """Yield a row per file and column, in the order of `COLUMNS`."""
    fields = flow.columns.values()
    codes = {"status": STATUSES, "branch": {each.name: each.title for each in flow.branches}}
    for field in fields:
        yield ("submissions", *_question(field, fields), *_asked(flow, field))
    for name, (meaning, kind) in RECORD_COLUMNS.items():
        yield ("submissions", name, meaning, kind, _codes(codes.get(name, {})), "", "", "", "")
    for group in flow.groups:
        file, (branch, _) = file_stem(group), _asked(flow, group)
        yield (file, "reference", *RECORD_COLUMNS["reference"], "", "", "", "", "")
        yield (file, "promise_id", *PROMISE_ID, "", "", "", "", "")
        for field in group.fields:
            asked = _describe_conditions((field.when,) if field.when else (), group.fields)
            yield (file, *_question(field, group.fields), branch, asked or "always")
        for field in PROMISE_COLUMNS if group.due else ():
            yield (file, *_question(field, ())[:4], "", "", "", "")


def _question(field: Field, others: Collection[Field]) -> tuple[str, ...]:
    options = field.options if isinstance(field, Choice) else ()
    codes = _codes({option.code: option.label for option in options})
    if isinstance(field.required, bool):
        required = "yes" if field.required else "no"
    else:
        required = _describe_conditions((field.required,), others)
    public = "yes" if field.public else "no"
    return (field.name, field.label, field.type_name, codes, required, public)


def _codes(labels: Mapping[str, str]) -> str:
    return ";".join(f"{code}={label}" for code, label in labels.items())


def _describe_conditions(conditions: Iterable[Condition], fields: Collection[Field]) -> str:
    text = " and ".join(describe_condition(each, fields) for each in conditions)
    return text and f"if {text}"


def _asked(flow: Flow, field: Field) -> tuple[str, str]:
    """Return the branches that ask a question, and its further conditions as text."""
    asked = [flow.conditions[step.name] for step in flow.steps.values() if field in step.fields]
    if not asked:
        return "", "no longer"
    branches: dict[Condition, str] = {each.when: each.name for each in flow.branches}
    names = [next((branches[when] for when in whens if when in branches), "all") for whens in asked]
    if "all" in names or len(set(names)) == len(branches):
        names = ["all"]
    own = (field.when,) if field.when else ()
    others = [[when for when in (*whens, *own) if when not in branches] for whens in asked]
    texts = [_describe_conditions(conditions, flow.columns.values()) for conditions in others]
    return ";".join(names), ", or ".join(texts) if all(texts) else "always"
