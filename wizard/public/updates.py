"""What organizations reported about their promises and program staff approved, as one table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from ..db.models import Report, SubmissionVersion
from ..db.promises import Progress
from ..db.upgrades import upgrade_submitted
from ..forms import choices, fields, json_schema
from ..forms.choices import Option
from ..forms.conditions import Answers
from ..forms.fields import Field
from ..forms.flow import Flow
from ..forms.outputs import cells
from ..forms.promises import OUTCOMES
from ..submissions.old_reports import read_updates
from ..web.tables import as_csv
from .open_data import Record, Snapshot, published_batches, read_answers, read_promises
from .promise_rows import bare_promise

UPDATE_FIELDS = (
    fields.Text("reference", "Reference", noun="the reference", required=True),
    fields.Text("promise_id", "Permanent ID of the entry", noun="the ID", required=True),
    fields.Text("group", "Group of the entry", noun="the group"),
    fields.Text("title", "Title of the entry", noun="the title"),
    fields.Text("topic", "Topic of the entry, as a code", noun="the topic"),
    fields.Date("reported_on", "Day on which it was reported", noun="the day", required=True),
    choices.Choice(
        "outcome",
        "What was reported; empty if only words were",
        noun="the outcome",
        options=tuple(Option(code, code.replace("_", " ").capitalize()) for code in OUTCOMES),
    ),
    fields.Date("promised_on", "Due date at that time", noun="the day"),
    fields.Date("done_on", "Day on which it was done", noun="the day"),
    fields.Date("new_due_on", "New date of a delay", noun="the day"),
    fields.Url("result_url", "Web address of the result", noun="the address"),
    fields.LongText("words", "Words of the organization", noun="the words"),
)
"""The columns about a report; those of `json_schema.identity_columns` follow."""


def update_columns(flow: Flow) -> dict[str, Field]:
    """Return the columns of `updates.csv` by name."""
    return {field.name: field for field in UPDATE_FIELDS} | json_schema.identity_columns(flow)


def updates_csv(snapshot: Snapshot) -> Iterator[bytes]:
    """Yield a row for each approved report on an entry, by commitment, then in time."""
    columns = update_columns(snapshot.flow)
    rows = (cells(columns, update).values() for update in _read_updates(snapshot))
    return as_csv(tuple(columns), rows, bom=snapshot.bom)


def _read_updates(snapshot: Snapshot) -> Iterator[Record]:
    shown = json_schema.identity_columns(snapshot.flow)
    for rows in published_batches(snapshot):
        promises = read_promises(snapshot, rows, chosen=True)
        found = {row.id: (row.reference, read_answers(snapshot, row)) for row in rows}
        answers = {key: (reference, given) for key, (reference, given) in found.items() if given}
        with snapshot.engine.connect() as connection:
            reports = _read_reports(connection, snapshot.flow, answers)
        for key, (reference, given) in answers.items():
            known = {each.entry_id: each for each in promises.get(key, ())}
            about = {name: given[name] for name in shown if name in given}
            for update in sorted(reports.get(key, ()), key=lambda each: each["at"]):
                if promise := known.get(update["promise_id"]):
                    day = update["at"].astimezone(snapshot.zone).date().isoformat()
                    of_report = {"reference": reference, "reported_on": day}
                    yield bare_promise(promise) | update | about | of_report


def _read_reports(
    connection: Connection, flow: Flow, answers: Mapping[int, tuple[str, Answers]]
) -> Mapping[int, Sequence[Record]]:
    """Return the approved reports by submission, those of earlier versions among them."""
    found: dict[int, list[Record]] = {}
    query = select(Progress.__table__).where(
        Progress.submission_id.in_(answers), Progress.approved.is_(True)
    )
    for row in connection.execute(query.order_by(Progress.id)):
        days = {"done": "done_on", "delayed": "new_due_on"}
        update = {
            "promise_id": row.entry_id,
            "outcome": row.outcome,
            "promised_on": row.promised_on,
            days.get(row.outcome, ""): row.day,
            "result_url": row.url,
            "words": row.words,
        }
        texts = {name: str(value) for name, value in update.items() if name and value}
        found.setdefault(row.submission_id, []).append({"at": row.reported_at, **texts})
    for submission_id, update in _read_old_reports(connection, flow, answers):
        found.setdefault(submission_id, []).append(update)
    return found


def _read_old_reports(
    connection: Connection, flow: Flow, answers: Mapping[int, tuple[str, Answers]]
) -> Iterator[tuple[int, Record]]:
    query = select(Report.__table__).where(
        Report.submission_id.in_(answers), Report.approved.is_(True), Report.withdraws.is_(False)
    )
    rows = connection.execute(query.order_by(Report.id)).all()
    first = _first_answers(connection, flow, answers, {row.submission_id for row in rows})
    for row in rows:
        known = first.get(row.submission_id, answers[row.submission_id][1])
        for entry_id, outcome, url, words in read_updates(row.entries, known):
            update = {
                "promise_id": entry_id,
                "outcome": outcome,
                "result_url": url,
                "words": words,
            }
            texts = {name: value for name, value in update.items() if value}
            yield row.submission_id, {"at": row.reported_at, **texts}


def _first_answers(
    connection: Connection, flow: Flow, answers: Mapping[int, tuple[str, Answers]], ids: set[int]
) -> Mapping[int, Any]:
    """Return the first version of the answers of those that have a newer one."""
    query = select(SubmissionVersion.__table__).where(
        SubmissionVersion.submission_id.in_(ids), SubmissionVersion.number == 1
    )
    return {
        row.submission_id: upgrade_submitted(
            flow, answers[row.submission_id][0], row.flow_version, row.answers
        )
        for row in connection.execute(query)
    }
