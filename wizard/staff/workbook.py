"""The workbook of an export: sheets of real dates and numbers, with labels beside codes.

Its sheets and columns are derived from the flow.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, and_, select

from .. import clock
from ..db.batches import read_in_batches
from ..db.engine import db
from ..db.models import STATUSES, Report, Submission, SubmissionVersion
from ..db.promises import Progress, Promise
from ..db.upgrades import upgrade_submitted
from ..forms.choices import Choice
from ..forms.conditions import Answers
from ..forms.fields import Date, Field
from ..forms.flow import Flow
from ..forms.groups import Group
from ..forms.reports import OUTCOME_LABELS
from ..submissions.dictionary import COLUMNS, PROMISE_ID, RECORD_COLUMNS, dictionary_rows, file_stem
from ..submissions.old_reports import read_updates
from ..web.tables import Cell, as_workbook
from .entries import Submitted, entry_fields, read_entries

Row = tuple[str, Sequence[Cell]]
"""The name of a sheet, and the cells of its next row."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, meaning and type."""

    name: str
    meaning: str
    kind: str


def make_workbook(
    flow: Flow,
    questions: Collection[Field],
    submitted: Iterable[Submitted],
    conditions: Sequence[ColumnElement[bool]],
) -> Iterator[bytes]:
    """Return the chunks of a workbook of some questions. Raise `SheetTooLarge`.

    `conditions` are those by which the submissions were selected.
    """
    sheets = {"submissions": [*_record_columns(flow), *_question_columns(questions)]}
    groups = [field for field in questions if isinstance(field, Group)]
    for group in groups:
        sheets[file_stem(group)] = [*ENTRY_COLUMNS, *_question_columns(entry_fields(group))]
    sheets["updates"] = UPDATE_COLUMNS
    names = {name: [column.name for column in columns] for name, columns in sheets.items()}
    rows = chain(
        _submission_rows(flow, questions, groups, submitted, clock.today()),
        _update_rows(flow, conditions),
        _dictionary_rows(flow, sheets),
    )
    return as_workbook(names | {"dictionary": COLUMNS}, rows)


def _question_columns(fields: Iterable[Field]) -> Iterator[Column]:
    for field in fields:
        yield Column(field.name, field.label, field.type_name)
        if isinstance(field, Choice):
            yield _label_column(field.name, field.label)


def _label_column(name: str, meaning: str) -> Column:
    return Column(f"{name}_label", f"{meaning} (in words)", "text")


def _question_cells(fields: Iterable[Field], answers: Answers) -> Iterator[Cell]:
    """Yield the cells of `_question_columns`."""
    for field in fields:
        value = answers.get(field.name)
        yield None if value is None else _cell(field, value)
        if isinstance(field, Choice):
            yield None if value is None else str(field.display(value))


def _cell(field: Field, value: Any) -> Cell:
    if isinstance(field, Group):
        return len(value)
    if isinstance(field, Date):
        with suppress(ValueError):
            return date.fromisoformat(value)
    return field.export_cell(value)


def _record_columns(flow: Flow) -> Iterator[Column]:
    for name, (meaning, kind) in RECORD_COLUMNS.items():
        yield Column(name, meaning, kind)
        if name in _record_labels(flow):
            yield _label_column(name, meaning)


def _record_labels(flow: Flow) -> dict[str, dict[str, str]]:
    return {"status": STATUSES, "branch": {each.name: each.title for each in flow.branches}}


def _submission_rows(
    flow: Flow,
    questions: Collection[Field],
    groups: Collection[Group],
    submitted: Iterable[Submitted],
    today: date,
) -> Iterator[Row]:
    """Yield the row of each submission, and then those of its entries."""
    labels = _record_labels(flow)
    for (answers, *record), entries in read_entries(db.engine, flow, groups, submitted, today):
        cells = list[Cell]()
        for name, value in zip(RECORD_COLUMNS, record, strict=True):
            cells.append(value)
            if name in labels:
                cells.append(str(labels[name].get(value, value)))
        yield "submissions", [*cells, *_question_cells(questions, answers)]
        for group in groups:
            for entry_id, entry in entries[group.name].items():
                cells = [record[0], entry_id, *_question_cells(entry_fields(group), entry)]
                yield file_stem(group), cells


ENTRY_COLUMNS = (
    Column("reference", *RECORD_COLUMNS["reference"]),
    Column("promise_id", *PROMISE_ID),
)
UPDATE_COLUMNS = [
    *ENTRY_COLUMNS,
    Column("group", "Group of the entry", "text"),
    Column("title", "Title of the entry", "text"),
    Column("reported_at", "Date and time reported", "date and time, UTC"),
    Column("outcome", "What was reported; empty if only words were", "code"),
    _label_column("outcome", "What was reported"),
    Column("promised_on", "Due date at that time", "day"),
    Column("day", "Day on which it was done, or new date of a delay", "day"),
    Column("result_url", "Web address of the result", "web address"),
    Column("words", "Words of the organization", "multi-line text"),
    Column("approved", "Decision of staff; empty while it waits", "yes or no"),
    Column("decided_at", "Date and time of the decision", "date and time, UTC"),
    Column("reply", "Words of staff", "multi-line text"),
]
"""The columns of the sheet with all reports on promises, also those not approved."""


def _update_rows(flow: Flow, conditions: Sequence[ColumnElement[bool]]) -> Iterator[Row]:
    """Yield the reports on promises, those of earlier versions first."""
    is_its = Promise.submission_id == Submission.id
    for row in _read(_old_reports().where(*conditions), Report.id):
        version, answers = row.first_version, row.first_answers
        if answers is None:
            version, answers = row.flow_version, row.answers
        known = upgrade_submitted(flow, row.reference, version, answers)
        for entry_id, outcome, url, words in read_updates(row.entries, known):
            cells = _update_cells(row, entry_id, outcome, (None, None), (url, words))
            yield "updates", cells
    query = (
        select(Progress.__table__, Submission.reference, Promise.group, Promise.title)
        .join(Submission, Submission.id == Progress.submission_id)
        .outerjoin(Promise, and_(is_its, Promise.entry_id == Progress.entry_id))
        .where(*conditions)
    )
    for row in _read(query, Progress.id):
        days, texts = (row.promised_on, row.day), (row.url, row.words)
        names = row.group_name or "", row.title or ""
        yield (
            "updates",
            _update_cells(row, row.entry_id, row.outcome, days, texts, names, row.reply),
        )


def _old_reports() -> Any:
    """Return the query of the reports of earlier versions, with the answers that they refer to."""
    first = SubmissionVersion
    is_first = and_(first.submission_id == Submission.id, first.number == 1)
    return (
        select(
            Report.__table__,
            *(Submission.reference, Submission.flow_version, Submission.answers),
            first.flow_version.label("first_version"),
            first.answers.label("first_answers"),
        )
        .join(Submission, Submission.id == Report.submission_id)
        .outerjoin(first, is_first)
        .where(Report.withdraws.is_(False))
    )


def _read(query: Any, key: Any) -> Iterator[Any]:
    return chain.from_iterable(read_in_batches(db.engine, query, key))


def _update_cells(
    row: Any,
    entry_id: str,
    outcome: str,
    days: tuple[date | None, date | None],
    texts: tuple[str, str],
    names: tuple[str, str] = ("", ""),
    reply: str = "",
) -> list[Cell]:
    decision = {True: "yes", False: "no"}.get(row.approved, "")
    label = str(OUTCOME_LABELS.get(outcome, outcome))
    asked = (row.reference, entry_id, *names, row.reported_at, outcome, label)
    return [*asked, *days, *texts, decision, row.decided_at, reply]


def _dictionary_rows(flow: Flow, sheets: dict[str, list[Column]]) -> Iterator[Row]:
    """Explain each column of each sheet, as `dictionary.csv` does."""
    known = {row[:2]: row for row in dictionary_rows(flow)}
    for sheet, columns in sheets.items():
        for column in columns:
            bare = (sheet, column.name, column.meaning, column.kind)
            row = known.get((sheet, column.name), (*bare, *[""] * (len(COLUMNS) - len(bare))))
            yield "dictionary", [str(cell).replace(", ISO 8601", "") for cell in row]
