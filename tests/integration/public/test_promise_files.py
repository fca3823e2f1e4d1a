"""Tests of the promises in every open data file: who is in it, when it changes, how it is safe."""

import csv
import io
import json
import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from tests.conftest import load_case
from tests.integration.public.conftest import (
    FILES,
    OFFICE,
    add_commitment,
    csv_rows,
    file_text,
    json_records,
    update_columns,
)
from tests.integration.public.test_promise_data import ENTRIES, report, withdraw
from wizard import clock
from wizard.db.engine import db, writing
from wizard.db.models import Event, Report, Submission
from wizard.public.calendars import MAX_LINE_BYTES, fold_line
from wizard.public.promises import describe_promises
from wizard.staff import erasure
from wizard.submissions.cases import locked_case
from wizard.submissions.events import record_event
from wizard.submissions.promises import store_promises
from wizard.submissions.versions import replace_answers
from wizard.web.current import current_flow

pytestmark = pytest.mark.second_store_slow

UPDATES = "/commitments/updates.csv"
EARLIER, LATER = (datetime(2027, 1, 5, *at, tzinfo=UTC) for at in ((4, 59), (5, 0)))
"""The last minute of a day in the program's time zone, and the first of the next one."""
IN_FULL = {*FILES} - {"/commitments/schema.json", "/data.json", "/datapackage.json"}
"""The files that say something of each published commitment."""
IN_SHORT = {"/commitments.csv", "/commitments.json", "/commitments.atom"}
IN_SHORT |= {ENTRIES, "/commitments/milestones.csv"}
"""Those that say that one was withdrawn."""


def add_reported(app, **answers) -> str:
    """Store a published commitment with data sets and milestones, and a report on each set."""
    given = {"milestones": [{"title": "Hire", "target_on": "2031-05-01"}], **answers}
    reference = add_commitment(app, **given)
    report(app, reference, 0, "done", day=date(2026, 11, 1), url="https://data.example.gov/a")
    report(app, reference, 1, "delayed", day=date(2031, 1, 1), words="Later.")
    return reference


def files_with(client, reference: str) -> set[str]:
    """Return the addresses of the files that name a commitment."""
    return {address for address in FILES if reference in file_text(client, address)}


def test_published_withdrawn_and_erased_are_in_the_files_that_say_so(app, client):
    reference, other = add_reported(app), add_reported(app)
    both = IN_FULL - {"/commitments/milestones.csv"}
    assert files_with(client, reference) >= both
    withdraw(app, reference)
    assert files_with(client, reference) <= IN_SHORT
    assert files_with(client, reference) >= IN_SHORT - {"/commitments/milestones.csv"}
    with app.app_context():
        erasure.erase(reference, OFFICE)
    assert files_with(client, reference) == set()
    assert files_with(client, other) >= both


def test_sum_on_the_page_counts_states_of_all_public_promises(app, monkeypatch):
    sets = [{**each, "release_on": "2026-12-01"} for each in load_case("agency")["data_sets"]]
    reference = add_commitment(app, data_sets=sets)
    report(app, reference, 0, "done", day=date(2026, 11, 1))
    report(app, reference, 1, "delayed", day=date(2031, 1, 1))
    report(app, reference, 2, "dropped")
    report(app, reference, 3, "dropped", approved=False)
    monkeypatch.setattr(clock, "today", lambda: date(2026, 12, 2))
    with app.test_request_context():
        with writing() as session:
            found = session.scalars(select(Submission)).one()
            tally = describe_promises(found, found.answers)["tally"]
        assert str(tally.sentence) == "1 of 4 released, 1 overdue, 1 delayed, 1 dropped"
    assert tally.counts == {"done": 1, "delayed": 1, "dropped": 1, "overdue": 1}
    assert tally.total == len(sets)
    parts = list(tally.parts)
    assert [left for _, _, left in parts] == [0, 1, 2, 3]
    assert parts[0][0] == "done"


def test_sum_without_promises_is_none(app):
    add_commitment(app, "partner", milestones=[])
    with app.test_request_context(), writing() as session:
        found = session.scalars(select(Submission)).one()
        assert describe_promises(found, {})["tally"] is None


def test_feed_has_an_entry_for_each_kind_of_event_after_publication(app, client):
    reference = add_commitment(app, at=datetime(2026, 5, 1, tzinfo=UTC))
    with app.app_context(), locked_case(reference) as submission:
        for kind in ("corrected", "resubmitted", "progress_approved", "contact_changed"):
            record_event(submission, kind, OFFICE)
        before = {"at": datetime(2026, 4, 1, tzinfo=UTC), "actor_kind": "staff", "actor": ""}
        db.session.add(Event(submission_id=submission.id, kind="corrected", data={}, **before))
    own = load_case("agency")["commitment_title"]
    kinds = sorted(title.removesuffix(own) for title in feed_titles(client))
    assert kinds == ["", "Corrected: ", "Corrected: ", "Progress: "]
    withdraw(app, reference, "The city ended it.")
    assert feed_titles(client) == [f"Withdrawn: {own}"]


def feed_titles(client) -> list[str]:
    return re.findall("<entry>.*?<title>(.*?)</title>", file_text(client, "/commitments.atom"))


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=400))
def test_long_lines_are_folded_at_75_octets_between_characters(line):
    folded = fold_line(line)
    assert folded.endswith("\r\n")
    parts = folded.removesuffix("\r\n").split("\r\n")
    assert all(len(part.encode()) <= MAX_LINE_BYTES for part in parts)
    assert parts[0] + "".join(part[1:] for part in parts[1:]) == line
    assert all(part.startswith(" ") for part in parts[1:])


@pytest.mark.parametrize("accents", [37, 38, 200])
def test_accents_count_as_two_octets(accents):
    first, *rest = fold_line("é" * accents).split("\r\n")
    assert first == "é" * min(accents, 37)
    assert bool(rest[0]) == (accents > 37)


@pytest.mark.parametrize("text", ['=1+1;"x"', "+cmd|calc", "@SUM(A1)", "\t=1", "-2+3"])
def test_words_of_reports_and_withdrawals_are_no_formula(app, client, text):
    reference = add_commitment(app, commitment_title=text)
    report(app, reference, 0, "dropped", words=text)
    gone = add_commitment(app)
    withdraw(app, gone, text.strip())
    for address, columns in {
        ENTRIES: ("last_report", "withdrawal_reason", "commitment_title"),
        UPDATES: ("words", "commitment_title"),
        "/commitments.csv": ("withdrawal_reason",),
    }.items():
        raw = list(csv.DictReader(io.StringIO(file_text(client, address), newline="")))
        for column in columns:
            assert [row for row in raw if text.strip() in row[column]], (address, column)
            for row in raw:
                assert not row[column] or row[column][0] not in "=+-@\t", (address, column)


@pytest.mark.parametrize(
    "query",
    [
        "state=%00",
        "state=%ff",
        "state=TX&state=CA",
        "kind=;",
        "branch=nobody",
        "category=%25",
        "text=%00",
        "text=" + "x" * 5000,
        "q=%22",
        "q=" + "a%20" * 3000,
        "first_day=2026-99-99",
        "state[]=TX",
        "bom=no&bom=yes",
    ],
)
def test_files_with_a_bad_filter_are_never_a_server_error(app, client, query):
    reference = add_reported(app)
    for address in (*FILES, f"/commitments/{reference}.ics"):
        with client.get(f"{address}?{query}") as response:
            assert response.status_code in (200, 400), address
            assert response.get_data() is not None  # the whole stream


def test_every_file_changes_with_the_day_of_the_program(app, client, monkeypatch):
    at = datetime(2026, 5, 1, tzinfo=UTC)
    reference = add_reported(app)
    update_columns(app, reference, changed_at=at, published_at=at)
    for address in (*FILES, f"/commitments/{reference}.ics"):
        monkeypatch.setattr(clock, "now", lambda: EARLIER)
        headers = client.head(address).headers
        known = {"If-None-Match": headers["ETag"], "If-Modified-Since": headers["Last-Modified"]}
        for name, value in known.items():
            assert client.get(address, headers={name: value}).status_code == 304, (address, name)
        monkeypatch.setattr(clock, "now", lambda: LATER)
        for name, value in known.items():
            # The day began less than a minute ago, so no date says what is known.
            assert client.get(address, headers={name: value}).status_code == 200, (address, name)


def test_report_of_a_version_before_is_on_the_entry_it_named(app, client):
    reference = add_commitment(app)
    with app.app_context(), locked_case(reference) as submission:
        sets = submission.answers["data_sets"]
        told = {"data_sets": {"1": {"done": True, "note": "Online.", "url": "https://a.example"}}}
        row = Report(submission_id=submission.id, withdraws=False, entries=told, approved=True,
                     decided_at=clock.now())  # fmt: skip
        moved = [*sets[2:], *sets[:2]]
        replace_answers(submission, current_flow(), {**submission.answers, "data_sets": moved})
        with_report = sets[1]["id"]
        db.session.add(row)
        db.session.flush()
        store_promises(submission)
    today = csv_rows(client, UPDATES)[0]["reported_on"]
    rows = {row["promise_id"]: row for row in csv_rows(client, ENTRIES)}
    told = rows.pop(with_report)
    assert (told["progress"], told["done_on"], told["last_report"]) == ("done", today, "Online.")
    assert told["result_url"] == "https://a.example"
    assert {row["last_report"] for row in rows.values()} == {""}
    (update,) = csv_rows(client, UPDATES)
    assert (update["promise_id"], update["outcome"]) == (with_report, "done")
    (record,) = json_records(client)
    (entry,) = [each for each in record["data_sets"] if each["id"] == with_report]
    assert (entry["progress"], entry["last_report"]) == ("done", "Online.")
    catalog = json.loads(file_text(client, "/dcat-us-3.json"))
    assert [each for each in catalog["dataset"] if each["identifier"].endswith(with_report)]


EMAIL = re.compile(r"mailto:[\w~!$&'()*+,;=:.-]+@[\w.-]+\.[\w.-]+")
FREQUENCIES = {"continual", "daily", "weekly", "monthly", "annually", "asNeeded", "irregular"}
CATALOG_TYPES = {"Catalog", "Dataset", "Distribution", "Organization", "Kind"}


def test_catalog_keeps_the_rules_of_dcat_us_3(make_app):
    """What the schemas of the standard demand, stated by hand."""
    app = make_app(PROGRAM_EMAIL="data@example.gov")
    add_reported(app)
    add_reported(app, commitment_title="é & <b>", organization_name="Peñasco, Inc.")
    catalog = json.loads(file_text(app.test_client(), "/dcat-us-3.json"))
    sets = catalog["dataset"]
    assert isinstance(sets, list)
    assert {each["@type"] for each in objects_in(catalog)} == CATALOG_TYPES
    for each in objects_in(catalog):
        if each["@type"] == "Kind":
            assert each["fn"]
            assert EMAIL.fullmatch(each["hasEmail"])
        if each["@type"] == "Organization":
            assert each["name"]
        for code in each.get("language", ()):
            assert len(code) == 2
        for name in ("issued", "modified"):
            if name in each:
                datetime.fromisoformat(each[name])
    assert len({each["identifier"] for each in sets}) == len(sets) > 2
    for each in sets:
        assert all(isinstance(each[name], str) and each[name] for name in ("title", "description"))
        assert all(isinstance(word, str) and word for word in each["keyword"])
        assert each.get("accrualPeriodicity", "irregular") in FREQUENCIES
        assert isinstance(each.get("distribution", []), list)
        for file in each.get("distribution", ()):
            address = file.get("accessURL") or file["downloadURL"]
            assert address.startswith(("https://", "http://"))
            assert file["title"]


def objects_in(value) -> list[dict]:
    """Return an object, and all that are in it, but its context."""
    if isinstance(value, list):
        return [found for each in value for found in objects_in(each)]
    if not isinstance(value, dict):
        return []
    inside = (objects_in(each) for name, each in value.items() if name != "@context")
    return [value, *(found for each in inside for found in each)]
