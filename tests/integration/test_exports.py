"""Exports hold what was submitted, all of it, in order, in every format."""

import csv
import gc
import io
import json
import re
import tempfile
import uuid
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from tests.conftest import load_case
from tests.staff import colleague, events
from wizard.db import batches
from wizard.db.engine import db, writing
from wizard.db.models import Submission
from wizard.flows.commitment import COMMITMENT
from wizard.forms.fields import Group, Text
from wizard.staff import exports
from wizard.submissions import filters
from wizard.submissions.filters import Filters
from wizard.submissions.listing import index_columns
from wizard.web import tables

START = datetime(2026, 1, 31, 23, 59, 59, 250_000, UTC)
OLDER = replace(
    COMMITMENT,
    version=2,
    retired=(
        Text("old_question", "Old question", noun="x"),
        Group(
            "old_parts", "Old parts", noun="x", required=True, entry="Part", min_entries=1,
            max_entries=2, fields=(Text("part", "Part", noun="x"),),
        ),
    ),
)  # fmt: skip
CELL = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def submission(reference: str, at: datetime, answers: dict, **columns) -> Submission:
    """A submission to put into the store."""
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


def keep(app, *submissions: Submission) -> None:
    """Puts submissions into the store."""
    with app.app_context(), writing() as session:
        session.add_all(submissions)


@pytest.fixture
def stored(app):
    """Three submissions, kept in another order than they were made in; two at the same moment."""
    agency, partner = load_case("agency"), load_case("partner")
    later = START + timedelta(microseconds=1)
    published = datetime(2026, 2, 28, 12, 0, tzinfo=UTC)
    keep(app, submission("PDI-CCCC-CCCC", later, agency, published_at=published))
    keep(app, submission("PDI-BBBB-BBBB", START, partner, status="in_review"))
    keep(app, submission("PDI-AAAA-AAAA", START, agency))
    return app


def exported(app, name: str, chosen: Filters = Filters(), flow=COMMITMENT) -> bytes:  # noqa: B008
    """A whole export."""
    with app.app_context():
        pieces = exports.export(name, flow, chosen)
    return b"".join(pieces)


def table(app, name: str, *args, **named) -> list[dict[str, str]]:
    """The rows of a CSV, each cell with its exact value."""
    text = exported(app, name, *args, **named).decode("utf-8-sig")
    return [
        {column: tables.exact_value(cell) for column, cell in row.items()}
        for row in csv.DictReader(io.StringIO(text, newline=""))
    ]


def objects(app, *args, **named) -> list[dict]:
    """The objects of the JSON Lines."""
    lines = exported(app, "submissions.jsonl", *args, **named).decode("utf-8").split("\n")
    assert lines.pop() == ""
    return [json.loads(line) for line in lines]


def workbook(data: bytes) -> list[list[str]]:
    """The texts of a workbook's sheet by row and column, read as a spreadsheet reads them."""
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


def test_the_oldest_comes_first_and_those_of_the_same_moment_by_reference(stored):
    rows = table(stored, "submissions.csv")
    assert [row["reference"] for row in rows] == ["PDI-AAAA-AAAA", "PDI-BBBB-BBBB", "PDI-CCCC-CCCC"]


def test_a_row_has_every_question_and_then_the_record(stored):
    row = table(stored, "submissions.csv")[-1]
    assert list(row) == [
        *COMMITMENT.fields,
        "reference", "submitted_at", "status", "branch", "flow_version", "published_at",
    ]  # fmt: skip
    record = [row[name] for name in exports.RECORD_COLUMNS]
    assert record == [
        "PDI-CCCC-CCCC", "2026-01-31T23:59:59.250001Z", "received", "jurisdiction", "1",
        "2026-02-28T12:00:00Z",
    ]  # fmt: skip
    assert row["help_wanted"] == "privacy;extraction"
    assert (row["data_sets"], row["milestones"]) == ("4", "")
    assert row["access_plan"] == load_case("agency")["access_plan"]


def test_batches_join_without_a_gap_or_a_repetition(stored, monkeypatch):
    whole = exported(stored, "submissions.jsonl")
    for size in (1, 2, 3):
        monkeypatch.setattr(batches, "BATCH_SIZE", size)
        assert exported(stored, "submissions.jsonl") == whole


@pytest.mark.parametrize("name", exports.export_names(COMMITMENT))
def test_the_same_data_gives_the_same_bytes(stored, name):
    assert exported(stored, name) == exported(stored, name)


def test_since_the_last_row_there_is_exactly_what_came_after_it(stored):
    known = table(stored, "submissions.csv")[1]["submitted_at"]
    after = table(stored, "submissions.csv", Filters(since=known))
    assert [row["reference"] for row in after] == ["PDI-CCCC-CCCC"]
    last = Filters(since=after[-1]["submitted_at"])
    assert table(stored, "submissions.csv", last) == []
    keep(stored, submission("PDI-DDDD-DDDD", datetime.now(UTC), load_case("agency")))
    assert [row["reference"] for row in table(stored, "submissions.csv", last)] == ["PDI-DDDD-DDDD"]


def test_what_comes_in_while_an_export_runs_waits_for_the_next(stored, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_SIZE", 1)
    with stored.app_context():
        pieces = exports.export("submissions.csv", COMMITMENT, Filters())
    keep(stored, submission("PDI-DDDD-DDDD", datetime.now(UTC), load_case("agency")))
    assert b"PDI-DDDD-DDDD" not in b"".join(pieces)


@pytest.mark.parametrize("name", exports.export_names(COMMITMENT)[:-1])
def test_the_filters_of_the_list_hold_for_every_file(stored, name):
    with stored.app_context():
        chosen = filters.parse_filters(COMMITMENT, {"branch": ["jurisdiction"], "text": ["aaaa"]})
    data = exported(stored, name, chosen)
    if name.endswith("xlsx"):
        data = repr(workbook(data)).encode()
    assert b"PDI-BBBB-BBBB" not in data and b"PDI-CCCC-CCCC" not in data
    assert (b"PDI-AAAA-AAAA" in data) == (name != "milestones.csv")


def test_a_group_has_a_table_with_a_row_for_each_entry(stored):
    agency, partner = load_case("agency"), load_case("partner")
    rows = table(stored, "data-sets.csv")
    assert list(rows[0])[:3] == ["reference", "category", "category_other"]
    assert [row["title"] for row in rows] == [each["title"] for each in agency["data_sets"]] * 2
    assert [row["reference"] for row in rows] == ["PDI-AAAA-AAAA"] * 4 + ["PDI-CCCC-CCCC"] * 4
    assert {name: cell for name, cell in rows[3].items() if cell} == {
        "reference": "PDI-AAAA-AAAA",
        **agency["data_sets"][3],
    }
    assert table(stored, "milestones.csv") == [
        {"reference": "PDI-BBBB-BBBB"} | each for each in partner["milestones"]
    ]


def test_json_lines_hold_the_exact_answers(stored):
    first, second, _ = objects(stored)
    assert list(first) == [*COMMITMENT.fields, *exports.RECORD_COLUMNS]
    agency = load_case("agency")
    assert {name: first[name] for name in agency} == agency
    assert {first[name] for name in set(COMMITMENT.fields) - set(agency)} == {None}
    assert second["milestones"] == load_case("partner")["milestones"]
    assert (second["flow_version"], second["published_at"]) == (1, None)
    assert "—".encode() in exported(stored, "submissions.jsonl")


def test_the_workbook_holds_the_same_texts_and_no_formula(stored, app):
    awkward = {
        "city": "=1+1",
        "contact_name": "<r><t>& markup</t></r>",
        "contact_role": "_x0041_ \x07\ufffe",
        "access_plan": "  =SUM(A1) \n\tline ",
        "engagement_plan": "https://example.org",
        "organization_name": "{=1}",
    }
    at = START + timedelta(days=1)
    keep(app, submission("PDI-ZZZZ-ZZZZ", at, load_case("agency") | awkward))
    sheet = workbook(exported(app, "submissions.xlsx"))
    assert sheet[0] == [*COMMITMENT.fields, *exports.RECORD_COLUMNS]
    rows = [dict(zip(sheet[0], row, strict=False)) for row in sheet[1:]]
    assert [row["reference"] for row in rows][-1] == "PDI-ZZZZ-ZZZZ"
    assert {name: rows[-1][name] for name in awkward} == awkward
    for row, expected in zip(rows, table(app, "submissions.csv"), strict=True):
        assert row == {name: cell for name, cell in expected.items() if name in row}
        assert not any(cell for name, cell in expected.items() if name not in row)


def test_more_than_a_sheet_holds_is_refused_before_it_starts(stored, monkeypatch):
    monkeypatch.setattr(exports, "MAX_SHEET_ROWS", 3)
    with pytest.raises(tables.SheetTooLarge, match="Export them as CSV"):
        exported(stored, "submissions.xlsx")
    monkeypatch.setattr(exports, "MAX_SHEET_ROWS", 4)
    assert len(workbook(exported(stored, "submissions.xlsx"))) == 4


def test_a_text_that_is_too_long_for_a_sheet_is_refused_rather_than_cut(app):
    answers = load_case("agency") | {"access_plan": "x" * 32_768}
    keep(app, submission("PDI-AAAA-AAAA", START, answers))
    with app.app_context(), pytest.raises(tables.SheetTooLarge):
        exports.export("submissions.xlsx", COMMITMENT, Filters())
    page = colleague(app, "viewer").page("/staff/export/submissions.xlsx")
    assert page.status == 400
    assert "Export them as CSV" in page.text("main")
    assert events(app, "exported") == []
    result = app.test_cli_runner().invoke(args=["export", "submissions.xlsx"])
    assert (result.exit_code, "Export them as CSV" in result.output) == (1, True)
    assert table(app, "submissions.csv")[0]["access_plan"] == "x" * 32_768


@pytest.mark.parametrize("method", ["get", "head"])
def test_workbook_of_a_response_that_nobody_reads_is_gone(stored, monkeypatch, tmp_path, method):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    viewer = colleague(stored, "viewer")
    response = getattr(viewer, method)("/staff/export/submissions.xlsx", buffered=False)
    assert response.status_code == 200
    response.close()
    del response
    gc.collect()
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("name", exports.export_names(COMMITMENT))
def test_a_reader_who_leaves_takes_nothing_with_it(stored, monkeypatch, tmp_path, name):
    monkeypatch.setattr(batches, "BATCH_SIZE", 1)
    monkeypatch.setattr(tables, "CHUNK_BYTES", 100)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with stored.app_context():
        pieces = exports.export(name, COMMITMENT, Filters())
        assert next(pieces)
        assert db.engine.pool.checkedout() == 0
        assert not db.session().in_transaction()
    pieces.close()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_what_was_asked_once_comes_after_what_is_asked_today(app):
    old = {"old_question": "Yes, then", "old_parts": [{"part": "one"}], "lost": ["a", 1]}
    keep(app, submission("PDI-AAAA-AAAA", START, load_case("agency") | old))
    (row,) = table(app, "submissions.csv", flow=OLDER)
    assert list(row) == [*COMMITMENT.fields, "old_question", "old_parts", *exports.RECORD_COLUMNS]
    assert (row["old_question"], row["old_parts"]) == ("Yes, then", "1")
    assert table(app, "old-parts.csv", flow=OLDER) == [
        {"reference": "PDI-AAAA-AAAA", "part": "one"}
    ]
    (line,) = objects(app, flow=OLDER)
    assert list(line) == [
        *COMMITMENT.fields, "old_question", "old_parts", "lost", *exports.RECORD_COLUMNS,
    ]  # fmt: skip
    assert {name: line[name] for name in old} == old


def test_a_submission_whose_answers_were_deleted_is_still_a_row(app):
    erased = submission("PDI-AAAA-AAAA", START, load_case("agency"))
    erased.answers = {}
    keep(app, erased)
    (row,) = table(app, "submissions.csv")
    assert {name for name, cell in row.items() if cell} == {
        "reference", "submitted_at", "status", "branch", "flow_version",
    }  # fmt: skip
    assert table(app, "data-sets.csv") == []


def test_a_store_without_submissions_gives_headers_alone(app):
    assert table(app, "submissions.csv") == []
    assert exported(app, "submissions.jsonl") == b""
    assert exported(app, "milestones.csv") == b'\xef\xbb\xbf"reference","what","measure","due"\r\n'
    assert workbook(exported(app, "submissions.xlsx")) == [
        [*COMMITMENT.fields, *exports.RECORD_COLUMNS]
    ]


@pytest.mark.parametrize(
    "name", ["", "submissions", "submissions.txt", "data_sets.csv", "city.csv"]
)
def test_a_file_that_there_is_not_is_said_at_once(app, name):
    with app.app_context(), pytest.raises(exports.UnknownExport):
        exports.export(name, COMMITMENT, Filters())


@pytest.mark.parametrize("flow", [COMMITMENT, OLDER], ids=["today", "with retired questions"])
def test_the_dictionary_explains_every_column_of_every_file(app, flow):
    explained = table(app, "dictionary.csv", flow=flow)
    for name in exports.export_names(flow):
        if name.endswith(".csv") and name != "dictionary.csv":
            header = next(csv.reader([exported(app, name, flow=flow).decode("utf-8-sig")]))
            rows = [row for row in explained if f"{row['file']}.csv" == name]
            assert [row["column"] for row in rows] == header
            assert all(row["question"] and row["type"] for row in rows)


def test_the_dictionary_says_of_each_column_what_the_questions_say(app):
    rows = {(row["file"], row["column"]): row for row in table(app, "dictionary.csv", flow=OLDER)}

    def said(column: str, *names: str, file: str = "submissions") -> tuple[str, ...]:
        return tuple(rows[file, column][name] for name in names)

    branch = ("branch", "asked")
    assert said("commitment_title", *branch) == ("all", "always")
    assert said("works_with", *branch) == ("partner", "always")
    assert said("goals", *branch) == (
        "partner",
        "if “It belongs to” is “the Police Data Initiative”",
    )
    assert said("opportunity_topics", "branch") == ("all",)
    assert "“the Opportunity Project”" in said("opportunity_topics", "asked")[0]
    assert said("authorized", *branch) == ("all", "always")
    assert said("old_question", *branch) == ("", "no longer")
    assert said("title", *branch, file="data-sets") == ("jurisdiction", "always")
    assert said("category_other", *branch, file="data-sets") == (
        "jurisdiction",
        "if “What is it about?” is “something else”",
    )
    assert said("goals", "type", "choices", "required", "public") == (
        "codes, joined with ;",
        "transparency=transparency;trust=community trust;accountability=accountability",
        "yes",
        "yes",
    )
    assert said("opportunity_description", "required") == ("if “What will you do?” has an answer",)
    assert said("contact_email", "question", "public") == ("E-mail address", "no")
    assert said("branch", "choices")[0].startswith("partner=Companies, nonprofits")
    assert said("status", "choices")[0].startswith("received=Received;")
