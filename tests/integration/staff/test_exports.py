"""Tests of the export files."""

import gc
import io
import json
import re
import tempfile
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from tests.conftest import load_case, without_ids
from tests.export_files import FLOW_WITH_RETIRED, export_bytes, export_rows
from tests.factories import audit_events, staff_client
from wizard.db import batches
from wizard.db.engine import db, writing
from wizard.db.models import Submission
from wizard.flows.commitment import COMMITMENT
from wizard.forms.groups import derive_entry_id
from wizard.staff import exports
from wizard.submissions import filters, search
from wizard.submissions.filters import Filters
from wizard.submissions.listing import index_columns
from wizard.web import tables

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


def sheet_texts(data: bytes) -> list[list[str]]:
    """Return the texts of a workbook's sheet by row and column, as a spreadsheet reads them."""
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        sheet = ElementTree.fromstring(parts.read("xl/worksheets/sheet1.xml"))  # noqa: S314
    assert sheet.find(f".//{CELL}f") is None
    rows = []
    for row in sheet.iter(f"{CELL}row"):
        texts: list[str] = []
        for cell in row:
            letters = re.match("[A-Z]+", cell.get("r"))[0]
            column = sum(
                (ord(letter) - 64) * 26**place for place, letter in enumerate(reversed(letters))
            )
            texts += [""] * (column - 1 - len(texts))
            text = "".join(each.text or "" for each in cell.iter(f"{CELL}t"))
            texts.append(re.sub("_x([0-9A-F]{4})_", lambda code: chr(int(code[1], 16)), text))
        rows.append(texts)
    return rows


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
        data = repr(sheet_texts(data)).encode()
    assert b"PDI-BBBB-BBBB" not in data and b"PDI-CCCC-CCCC" not in data
    assert (b"PDI-AAAA-AAAA" in data) == (name != "milestones.csv")


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


def test_workbook_holds_same_texts_and_no_formula(stored_app, app):
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
    sheet = sheet_texts(export_bytes(app, "submissions.xlsx"))
    assert sheet[0] == [*COMMITMENT.fields, *exports.RECORD_COLUMNS]
    rows = [dict(zip(sheet[0], row, strict=False)) for row in sheet[1:]]
    assert [row["reference"] for row in rows][-1] == "PDI-ZZZZ-ZZZZ"
    assert {name: rows[-1][name] for name in awkward} == awkward
    for row, expected in zip(rows, export_rows(app, "submissions.csv"), strict=True):
        assert row == {name: cell for name, cell in expected.items() if name in row}
        assert not any(cell for name, cell in expected.items() if name not in row)


def test_too_many_rows_for_sheet_are_refused(stored_app, monkeypatch):
    monkeypatch.setattr(exports, "MAX_SHEET_ROWS", 3)
    with pytest.raises(tables.SheetTooLarge, match="Export a CSV file instead"):
        export_bytes(stored_app, "submissions.xlsx")
    monkeypatch.setattr(exports, "MAX_SHEET_ROWS", 4)
    assert len(sheet_texts(export_bytes(stored_app, "submissions.xlsx"))) == 4


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
    header = b'\xef\xbb\xbf"reference","promise_id","what","measure","due"\r\n'
    assert export_bytes(app, "milestones.csv") == header
    assert sheet_texts(export_bytes(app, "submissions.xlsx")) == [
        [*COMMITMENT.fields, *exports.RECORD_COLUMNS]
    ]


@pytest.mark.parametrize(
    "name", ["", "submissions", "submissions.txt", "data_sets.csv", "city.csv"]
)
def test_unknown_export_raises(app, name):
    with app.app_context(), pytest.raises(exports.UnknownExport):
        exports.export(name, COMMITMENT, Filters())


def test_csv_has_no_byte_order_mark_by_its_link(app):
    admin, mark = staff_client(app, "admin"), "\ufeff".encode()
    for path in ("/staff/submissions?status=received", "/staff/audit"):
        links = [each.attrs["href"] for each in admin.page(path).all('a[href*="bom=0"]')]
        assert len(links) == (1 if path == "/staff/audit" else len(COMMITMENT.groups) + 2)
        for link in links:
            assert not admin.get(link).data.startswith(mark)
            assert admin.get(link.replace("bom=0", "bom=1")).data.startswith(mark)
