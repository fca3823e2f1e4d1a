"""Tests of the export files."""

import gc
import io
import json
import re
import tempfile
import uuid
import zipfile
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree

import pytest
from sqlalchemy import select

from tests.conftest import load_case, without_ids
from tests.export_files import FLOW_WITH_RETIRED, export_bytes, export_rows
from tests.factories import add_old_report, add_submission, audit_events, staff_client
from wizard import clock
from wizard.accounts.sentences import describe_action
from wizard.db import batches
from wizard.db.engine import db, writing
from wizard.db.models import Submission, SubmissionVersion
from wizard.db.promises import Progress, Promise
from wizard.flows.commitment import COMMITMENT
from wizard.forms.groups import derive_entry_id
from wizard.staff import exports
from wizard.submissions import colleagues, filters, search
from wizard.submissions.filters import Filters
from wizard.submissions.listing import index_columns
from wizard.web import tables

pytestmark = pytest.mark.second_store_slow

START = datetime(2026, 1, 31, 23, 59, 59, 250_000, UTC)
CELL = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def make_submission(reference: str, at: datetime, answers: dict, **columns) -> Submission:
    """Return a submission, not yet stored."""
    branch = next(each.name for each in COMMITMENT.branches if each.when.holds(answers))
    return Submission(
        reference=reference,
        draft_id=uuid.uuid4(),
        flow_version=1,
        branch=branch,
        answers=answers,
        submitted_at=at,
        **index_columns(COMMITMENT, reference, answers),
        **columns,
    )


def store(app, *submissions: Submission) -> None:
    """Store submissions."""
    with app.app_context(), writing() as session:
        session.add_all(submissions)


@pytest.fixture
def stored_app(app):
    """Return a program with three submissions, two of the same time.

    They are stored in another order than submitted.
    """
    agency, partner = load_case("agency"), load_case("partner")
    later = START + timedelta(microseconds=1)
    published = datetime(2026, 2, 28, 12, 0, tzinfo=UTC)
    store(app, make_submission("PDI-CCCC-CCCC", later, agency, published_at=published))
    store(app, make_submission("PDI-BBBB-BBBB", START, partner, status="in_review"))
    store(app, make_submission("PDI-AAAA-AAAA", START, agency))
    return app


def json_lines(app, *args, **named) -> list[dict]:
    """Return the objects of the JSON Lines export."""
    lines = export_bytes(app, "submissions.jsonl", *args, **named).decode("utf-8").split("\n")
    assert lines.pop() == ""
    return [json.loads(line) for line in lines]


def read_workbook(data: bytes) -> dict[str, list[list]]:
    """Return the cells of each sheet by row and column, as a spreadsheet reads them."""
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        book = ElementTree.fromstring(parts.read("xl/workbook.xml"))  # noqa: S314
        styles = ElementTree.fromstring(parts.read("xl/styles.xml"))  # noqa: S314
        codes = {
            each.get("numFmtId"): each.get("formatCode") for each in styles.iter(f"{CELL}numFmt")
        }
        formats = [codes.get(each.get("numFmtId"), "") for each in styles.find(f"{CELL}cellXfs")]
        names = [sheet.get("name") for sheet in book.iter(f"{CELL}sheet")]
        return {
            name: read_sheet(parts.read(f"xl/worksheets/sheet{number}.xml"), formats)
            for number, name in enumerate(names, start=1)
        }


def read_sheet(xml: bytes, formats: list[str]) -> list[list]:
    """Return the cells of a sheet; those with a format of a day or time are one."""
    sheet = ElementTree.fromstring(xml)  # noqa: S314
    assert sheet.find(f".//{CELL}f") is None
    pane = sheet.find(f".//{CELL}pane")
    assert (pane.get("state"), pane.get("topLeftCell")) == ("frozen", "B2")
    rows = []
    for row in sheet.iter(f"{CELL}row"):
        cells: list = []
        for cell in row:
            letters = re.match("[A-Z]+", cell.get("r"))[0]
            column = sum(
                (ord(letter) - 64) * 26**place for place, letter in enumerate(reversed(letters))
            )
            cells += [None] * (column - 1 - len(cells))
            cells.append(read_cell(cell, formats[int(cell.get("s", 0))]))
        rows.append(cells)
    return rows


def read_cell(cell, code: str):
    if cell.get("t") == "inlineStr":
        text = "".join(each.text or "" for each in cell.iter(f"{CELL}t"))
        return re.sub("_x([0-9A-F]{4})_", lambda match: chr(int(match[1], 16)), text)
    number = float(cell.find(f"{CELL}v").text)
    if not code:
        return int(number)
    moment = datetime(1899, 12, 30) + timedelta(days=number)
    return moment.date() if code == "yyyy-mm-dd" else moment


def workbook_rows(app, sheet: str = "submissions", **named) -> list[dict]:
    """Return the rows of a sheet by column, without empty cells."""
    header, *rows = read_workbook(export_bytes(app, "submissions.xlsx", **named))[sheet]
    found = [dict(zip(header, row, strict=False)) for row in rows]
    return [{name: cell for name, cell in row.items() if cell is not None} for row in found]


def test_rows_are_ordered_by_time_then_reference(stored_app):
    rows = export_rows(stored_app, "submissions.csv")
    assert [row["reference"] for row in rows] == ["PDI-AAAA-AAAA", "PDI-BBBB-BBBB", "PDI-CCCC-CCCC"]


def test_row_has_questions_then_record(stored_app):
    row = export_rows(stored_app, "submissions.csv")[-1]
    assert list(row) == [
        *COMMITMENT.fields,
        "reference", "submitted_at", "status", "branch", "flow_version", "published_at",
        "first_published_at", "updated_at",
    ]  # fmt: skip
    record = [row[name] for name in exports.RECORD_COLUMNS]
    assert record == [
        "PDI-CCCC-CCCC", "2026-01-31T23:59:59.250001Z", "received", "jurisdiction", "1",
        "2026-02-28T12:00:00Z", "", "",
    ]  # fmt: skip
    assert row["help_wanted"] == "privacy;extraction"
    assert (row["data_sets"], row["milestones"]) == ("4", "")
    assert row["access_plan"] == load_case("agency")["access_plan"]


def test_batches_join_without_gap_or_repetition(stored_app, monkeypatch):
    whole = export_bytes(stored_app, "submissions.jsonl")
    for size in (1, 2, 3):
        monkeypatch.setattr(batches, "READ_BATCH_SIZE", size)
        assert export_bytes(stored_app, "submissions.jsonl") == whole


@pytest.mark.parametrize("name", exports.export_names(COMMITMENT))
def test_same_data_gives_same_bytes(stored_app, name):
    assert export_bytes(stored_app, name) == export_bytes(stored_app, name)


def test_since_returns_only_newer_rows(stored_app):
    known = export_rows(stored_app, "submissions.csv")[1]["submitted_at"]
    after = export_rows(stored_app, "submissions.csv", Filters(since=known))
    assert [row["reference"] for row in after] == ["PDI-CCCC-CCCC"]
    last = Filters(since=after[-1]["submitted_at"])
    assert export_rows(stored_app, "submissions.csv", last) == []
    store(stored_app, make_submission("PDI-DDDD-DDDD", datetime.now(UTC), load_case("agency")))
    assert [row["reference"] for row in export_rows(stored_app, "submissions.csv", last)] == [
        "PDI-DDDD-DDDD"
    ]


def test_running_export_excludes_new_rows(stored_app, monkeypatch):
    monkeypatch.setattr(batches, "READ_BATCH_SIZE", 1)
    with stored_app.app_context():
        pieces = exports.export("submissions.csv", COMMITMENT, Filters())
    store(stored_app, make_submission("PDI-DDDD-DDDD", datetime.now(UTC), load_case("agency")))
    assert b"PDI-DDDD-DDDD" not in b"".join(pieces)


@pytest.mark.parametrize("name", exports.export_names(COMMITMENT)[:-1])
def test_filters_apply_to_every_file(stored_app, name):
    with stored_app.app_context():
        search.index_stale()
        chosen = filters.parse_filters(COMMITMENT, {"branch": ["jurisdiction"], "text": ["aaaa"]})
    data = export_bytes(stored_app, name, chosen)
    if name.endswith("xlsx"):
        data = repr(read_workbook(data)).encode()
    assert b"PDI-BBBB-BBBB" not in data and b"PDI-CCCC-CCCC" not in data
    assert (b"PDI-AAAA-AAAA" in data) == (name != "milestones.csv")


def test_export_takes_every_filter_of_the_list(app, viewer):
    reference = add_submission(app)
    with app.app_context():
        choices = filters.filter_options(COMMITMENT)
    queries = [(name, code) for name, labels in choices.items() for code in list(labels)[:2]]
    queries += [
        *(("assigned", who) for who in (colleagues.MINE, colleagues.NOBODY, "ann@example.gov")),
        *(("q", words) for words in ("police", '"use of force" dat')),
        ("references", reference),
        ("first_day", "2027-01-01"),
        ("last_day", "2027-01-01"),
        ("since", "2027-01-01T00:00:00Z"),
    ]
    for name, value in queries:
        answer = viewer.get("/staff/export/submissions.csv", query_string={name: value})
        assert answer.status_code == 200 and answer.data, (name, value)


def test_group_table_has_row_per_entry(stored_app):
    agency, partner = load_case("agency"), load_case("partner")
    rows = export_rows(stored_app, "data-sets.csv")
    assert list(rows[0])[:3] == ["reference", "promise_id", "category"]
    assert [row["title"] for row in rows] == [each["title"] for each in agency["data_sets"]] * 2
    assert [row["reference"] for row in rows] == ["PDI-AAAA-AAAA"] * 4 + ["PDI-CCCC-CCCC"] * 4
    assert {name: cell for name, cell in rows[3].items() if cell} == {
        "reference": "PDI-AAAA-AAAA",
        "promise_id": derive_entry_id("PDI-AAAA-AAAA", "data_sets", 3),
        **agency["data_sets"][3],
    }
    assert export_rows(stored_app, "milestones.csv") == [
        {
            "reference": "PDI-BBBB-BBBB",
            "promise_id": derive_entry_id("PDI-BBBB-BBBB", "milestones", place),
            **each,
            **dict.fromkeys(("due_on", "first_due_on", "progress", "done_on", "dropped_on"), ""),
        }
        for place, each in enumerate(partner["milestones"])
    ]


def test_json_lines_hold_exact_answers(stored_app):
    first, second, _ = json_lines(stored_app)
    assert list(first) == [*COMMITMENT.fields, *exports.RECORD_COLUMNS]
    agency = load_case("agency")
    assert {name: without_ids(first)[name] for name in agency} == agency
    assert first["data_sets"][3]["id"] == derive_entry_id("PDI-AAAA-AAAA", "data_sets", 3)
    assert {first[name] for name in set(COMMITMENT.fields) - set(agency)} == {None}
    assert without_ids(second)["milestones"] == load_case("partner")["milestones"]
    assert (second["flow_version"], second["published_at"]) == (1, None)
    assert "—".encode() in export_bytes(stored_app, "submissions.jsonl")


def test_workbook_has_sheet_of_each_kind_of_row_reference_first(stored_app):
    book = read_workbook(export_bytes(stored_app, "submissions.xlsx"))
    assert list(book) == ["submissions", "milestones", "data-sets", "updates", "dictionary"]
    assert {rows[0][0] for rows in book.values()} == {"reference", "file"}
    assert [len(rows) for rows in book.values()][:3] == [4, 3, 9]


def test_workbook_holds_days_numbers_and_labels(stored_app):
    first, partner, last = workbook_rows(stored_app)
    assert first["submitted_at"] == datetime(2026, 1, 31, 23, 59, 59, 250_000)
    assert last["published_at"] == datetime(2026, 2, 28, 12)
    assert (first["flow_version"], first["data_sets"], partner["milestones"]) == (1, 4, 2)
    assert (partner["status"], partner["status_label"]) == ("in_review", "In review")
    assert partner["branch_label"] == "Companies, nonprofits and community groups"
    assert (first["help_wanted"], first["help_wanted_label"]) == (
        "privacy;extraction", "Privacy; Getting data out of our systems",
    )  # fmt: skip
    data_set = workbook_rows(stored_app, "data-sets")[3]
    assert data_set["release_on"] == date(2027, 6, 30)
    assert (data_set["category"], data_set["category_label"]) == ("other", "Something else")
    assert data_set["promise_id"] == derive_entry_id("PDI-AAAA-AAAA", "data_sets", 3)


def test_workbook_says_state_of_each_promise(app):
    reference, waiting = add_submission(app, status="accepted"), add_submission(app)
    with app.app_context(), writing() as session:
        today = clock.today()
        of_it = select(Submission.id).where(Submission.reference == reference).scalar_subquery()
        found = select(Promise).where(Promise.submission_id == of_it).order_by(Promise.id)
        late, done, _, removed = session.scalars(found).all()
        late.due_on = late.submitted_on = today - timedelta(days=1)
        done.done_on = today
        removed.place, removed.dropped_on, removed.entry_id = None, today, "gone"
    rows = workbook_rows(app, "data-sets")
    late, done, early, unlisted, removed, *others = rows
    assert [(row.get("progress"), row.get("progress_label")) for row in rows[:5]] == [
        ("overdue", "Overdue"), ("done", "Done"), ("already_released", "Already released"),
        (None, None), ("dropped", "Dropped"),
    ]  # fmt: skip
    assert (late["due_on"], late["release_on"]) == (today - timedelta(days=1), date(2027, 2, 1))
    assert (done["done_on"], done["first_due_on"]) == (today, date(2027, 3, 15))
    assert "due_on" not in unlisted and early["due_on"] == date(2026, 1, 10)
    assert removed == {
        "reference": reference, "promise_id": "gone", "title": "Naloxone given by officers",
        "category": "other", "category_label": "Something else", "dropped_on": today,
        "due_on": date(2027, 6, 30), "first_due_on": date(2027, 6, 30),
        "progress": "dropped", "progress_label": "Dropped",
    }  # fmt: skip
    assert {row["reference"] for row in others} == {waiting}
    texts = export_rows(app, "data-sets.csv")
    for name in ("due_on", "first_due_on", "progress", "done_on", "dropped_on"):
        assert [row[name] for row in texts] == [str(row.get(name, "")) for row in rows]
    assert all("progress" not in row and "due_on" in row for row in others)


def test_workbook_keeps_odd_values_as_text(app):
    answers = load_case("agency") | {"organization_kind": "guild", "help_wanted": ["magic"]}
    answers["data_sets"] = [{"title": "Old", "release_on": "soon", "category": "rumors"}]
    store(app, make_submission("PDI-AAAA-AAAA", START, answers | {"organization_kind": "agency"}))
    (row,), (entry,) = workbook_rows(app), workbook_rows(app, "data-sets")
    assert (row["help_wanted"], row["help_wanted_label"]) == ("magic", "magic")
    assert (entry["release_on"], entry["category_label"]) == ("soon", "rumors")


def test_workbook_holds_exact_texts_and_no_formula(stored_app, app):
    awkward = {
        "city": "=1+1",
        "contact_name": "<r><t>& markup</t></r>",
        "contact_role": "_x0041_ \x07\ufffe",
        "access_plan": "  =SUM(A1) \n\tline ",
        "engagement_plan": "https://example.org",
        "organization_name": "{=1}",
    }
    at = START + timedelta(days=1)
    store(app, make_submission("PDI-ZZZZ-ZZZZ", at, load_case("agency") | awkward))
    rows = workbook_rows(app)
    assert rows[-1]["reference"] == "PDI-ZZZZ-ZZZZ"
    assert {name: rows[-1][name] for name in awkward} == awkward
    times = {name for name in exports.RECORD_COLUMNS if name.endswith("_at")}
    for row, expected in zip(rows, export_rows(app, "submissions.csv"), strict=True):
        shared = expected.keys() & row.keys() - times
        assert {name: str(row[name]) for name in shared} == {
            name: expected[name] for name in shared
        }
        assert not any(cell for name, cell in expected.items() if name not in row)


def test_workbook_explains_every_column(stored_app):
    book = read_workbook(export_bytes(stored_app, "submissions.xlsx"))
    explained = [row[:2] for row in book["dictionary"][1:]]
    sheets = {name: rows for name, rows in book.items() if name != "dictionary"}
    assert explained == [[name, column] for name, rows in sheets.items() for column in rows[0]]
    assert all(row[2] and row[3] and "ISO" not in row[3] for row in book["dictionary"])


def test_workbook_lists_reports_with_decisions(app):
    partner, agency = add_submission(app, "partner"), add_submission(app)
    add_old_report(app, partner, {"milestones": {"0": {"done": True, "note": "=There"}}})
    with app.app_context(), writing() as session:
        it = session.query(Submission).filter_by(reference=agency).one()
        entry_id = it.answers["data_sets"][1]["id"]
        later = {"outcome": "delayed", "promised_on": date(2027, 3, 15), "day": date(2027, 9, 1)}
        about = {"submission_id": it.id, "entry_id": entry_id, "words": "=Staff left"}
        session.add(Progress(**about, **later, approved=False, reply="Why?", decided_at=START,
                             reported_at=START))  # fmt: skip
    old, new = workbook_rows(app, "updates")
    assert (old["reference"], old["outcome"], old["words"]) == (partner, "done", "=There")
    assert "approved" not in old and isinstance(old["reported_at"], datetime)
    assert new == {
        "reference": agency, "promise_id": entry_id, "group": "data_sets",
        "title": "Response to resistance", "outcome": "delayed", "outcome_label": "Delayed",
        "promised_on": date(2027, 3, 15), "day": date(2027, 9, 1), "words": "=Staff left",
        "approved": "no", "reply": "Why?",
        "reported_at": START.replace(tzinfo=None), "decided_at": START.replace(tzinfo=None),
    }  # fmt: skip
    only = workbook_rows(app, "updates", chosen=Filters(branch="partner"))
    assert [row["reference"] for row in only] == [partner]


def test_old_report_in_workbook_refers_to_first_version(app):
    reference = add_submission(app, "partner")
    first = derive_entry_id(reference, "milestones", 0)
    with app.app_context(), writing() as session:
        it = session.query(Submission).filter_by(reference=reference).one()
        version = {"number": 1, "flow": it.flow, "flow_version": it.flow_version}
        old = {"milestones": [{"id": first, "what": "One"}]}
        session.add(SubmissionVersion(submission_id=it.id, answers=old, **version))
        it.answers = it.answers | {"milestones": []}
    add_old_report(app, reference, {"milestones": {"0": {"done": False}, "7": {"done": True}}})
    (row,) = workbook_rows(app, "updates")
    assert (row["promise_id"], "outcome" in row) == (first, False)


CONTACT_COLUMNS = {
    "contact_name", "contact_role", "contact_email", "contact_phone", "delegate_name",
    "delegate_email",
}  # fmt: skip


@pytest.mark.parametrize("name", exports.export_names(COMMITMENT))
def test_export_without_contacts_names_nobody(stored_app, viewer, name):
    data = viewer.get(f"/staff/export/{name}?contacts=0").data
    whole = viewer.get(f"/staff/export/{name}").data
    if name.endswith("xlsx"):
        data, whole = (repr(read_workbook(each)).encode() for each in (data, whole))
    agency, partner = load_case("agency"), load_case("partner")
    for case in (agency, partner):
        for column in CONTACT_COLUMNS & case.keys() - {"contact_phone"}:
            assert case[column].encode() not in data
            assert (case[column].encode() in whole) == name.startswith("submissions")
    if name.startswith("submissions"):
        assert agency["organization_name"].encode() in data
        assert not any(column.encode() in data for column in CONTACT_COLUMNS)
    events = audit_events(stored_app, "exported")
    assert [event.details["contacts"] for event in events] == [False, True]
    assert describe_action(events[0]) == f"exported {name} without contact details"


def test_private_text_of_entry_is_left_out_with_contacts(app):
    old = {"old_question": "Call Ann", "old_parts": [{"part": "Ann"}], "lost": ["Ann"]}
    store(app, make_submission("PDI-AAAA-AAAA", START, load_case("agency") | old))
    with app.app_context():
        for name in exports.export_names(FLOW_WITH_RETIRED):
            pieces = exports.export(name, FLOW_WITH_RETIRED, Filters(), contacts=False)
            data = b"".join(pieces)
            if name.endswith("xlsx"):
                data = repr(read_workbook(data)).encode()
            assert b"Ann" not in data


def test_too_many_rows_for_sheet_are_refused(stored_app, monkeypatch):
    monkeypatch.setattr(exports, "MAX_SHEET_ROWS", 3)
    with pytest.raises(tables.SheetTooLarge, match="Export a CSV file instead"):
        export_bytes(stored_app, "submissions.xlsx")
    monkeypatch.setattr(exports, "MAX_SHEET_ROWS", 4)
    assert len(workbook_rows(stored_app)) == 3


def test_too_many_entries_for_sheet_are_refused(stored_app):
    rows = [("a", ["x"])] * 3
    with pytest.raises(tables.SheetTooLarge):
        tables.as_workbook({"a": ["column"]}, [*rows, ("a", ["x" * 32_768])])


def test_workbook_names_sheet_of_any_length():
    name = "a-group-with-a-name-that-is-far-too-long"
    data = b"".join(tables.as_workbook({name: ["column"]}, [(name, ["x"])]))
    assert read_workbook(data) == {name[:31]: [["column"], ["x"]]}


def test_too_long_text_for_sheet_is_refused(app):
    answers = load_case("agency") | {"access_plan": "x" * 32_768}
    store(app, make_submission("PDI-AAAA-AAAA", START, answers))
    with app.app_context(), pytest.raises(tables.SheetTooLarge):
        exports.export("submissions.xlsx", COMMITMENT, Filters())
    page = staff_client(app, "viewer").page("/staff/export/submissions.xlsx")
    assert page.status == 400
    assert "Export a CSV file instead" in page.text("main")
    assert audit_events(app, "exported") == []
    result = app.test_cli_runner().invoke(args=["export", "submissions.xlsx"])
    assert (result.exit_code, "Export a CSV file instead" in result.output) == (1, True)
    assert export_rows(app, "submissions.csv")[0]["access_plan"] == "x" * 32_768


@pytest.mark.parametrize("method", ["get", "head"])
def test_unread_workbook_response_leaves_no_file(stored_app, monkeypatch, tmp_path, method):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    viewer = staff_client(stored_app, "viewer")
    response = getattr(viewer, method)("/staff/export/submissions.xlsx", buffered=False)
    assert response.status_code == 200
    response.close()
    del response
    gc.collect()
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("name", exports.export_names(COMMITMENT))
def test_closed_stream_releases_connection(stored_app, monkeypatch, tmp_path, name):
    monkeypatch.setattr(batches, "READ_BATCH_SIZE", 1)
    monkeypatch.setattr(tables, "CHUNK_BYTES", 100)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with stored_app.app_context():
        pieces = exports.export(name, COMMITMENT, Filters())
        assert next(pieces)
        assert db.engine.pool.checkedout() == 0
        assert not db.session().in_transaction()
    pieces.close()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_retired_questions_follow_current_ones(app):
    old = {"old_question": "Yes, then", "old_parts": [{"part": "one"}], "lost": ["a", 1]}
    store(app, make_submission("PDI-AAAA-AAAA", START, load_case("agency") | old))
    (row,) = export_rows(app, "submissions.csv", flow=FLOW_WITH_RETIRED)
    assert list(row) == [*COMMITMENT.fields, "old_question", "old_parts", *exports.RECORD_COLUMNS]
    assert (row["old_question"], row["old_parts"]) == ("Yes, then", "1")
    assert export_rows(app, "old-parts.csv", flow=FLOW_WITH_RETIRED) == [
        {
            "reference": "PDI-AAAA-AAAA",
            "promise_id": derive_entry_id("PDI-AAAA-AAAA", "old_parts", 0),
            "part": "one",
        }
    ]
    (line,) = json_lines(app, flow=FLOW_WITH_RETIRED)
    assert list(line) == [
        *COMMITMENT.fields, "old_question", "old_parts", "lost", *exports.RECORD_COLUMNS,
    ]  # fmt: skip
    assert {name: without_ids(line)[name] for name in old} == old


def test_erased_submission_is_still_a_row(app):
    erased = make_submission("PDI-AAAA-AAAA", START, load_case("agency"))
    erased.answers = {}
    store(app, erased)
    (row,) = export_rows(app, "submissions.csv")
    assert {name for name, cell in row.items() if cell} == {
        "reference", "submitted_at", "status", "branch", "flow_version",
    }  # fmt: skip
    assert export_rows(app, "data-sets.csv") == []


def test_empty_database_gives_only_headers(app):
    assert export_rows(app, "submissions.csv") == []
    assert export_bytes(app, "submissions.jsonl") == b""
    header = (
        b'\xef\xbb\xbf"reference","promise_id","what","measure","due",'
        b'"due_on","first_due_on","progress","done_on","dropped_on"\r\n'
    )
    assert export_bytes(app, "milestones.csv") == header
    book = read_workbook(export_bytes(app, "submissions.xlsx"))
    assert [len(rows) for rows in book.values()][:-1] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "name", ["", "submissions", "submissions.txt", "data_sets.csv", "city.csv"]
)
def test_unknown_export_raises(app, name):
    with app.app_context(), pytest.raises(exports.UnknownExport):
        exports.export(name, COMMITMENT, Filters())


def test_csv_has_no_byte_order_mark_by_its_link(app):
    add_submission(app)
    admin, mark = staff_client(app, "admin"), "\ufeff".encode()
    for path in ("/staff/submissions?status=received", "/staff/audit"):
        links = [each.attrs["href"] for each in admin.page(path).all('a[href*="bom=0"]')]
        assert len(links) == (1 if path == "/staff/audit" else len(COMMITMENT.groups) + 2)
        for link in links:
            assert not admin.get(link).data.startswith(mark)
            assert admin.get(link.replace("bom=0", "bom=1")).data.startswith(mark)
