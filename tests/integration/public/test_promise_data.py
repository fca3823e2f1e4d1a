"""Tests of what the open data says about promises, and about withdrawn commitments."""

import json
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from jsonschema import Draft202012Validator, FormatChecker
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
from wizard import clock
from wizard.db.engine import writing
from wizard.db.models import Report, Submission
from wizard.db.promises import Progress, Promise
from wizard.staff import cases, erasure
from wizard.submissions.cases import locked_case
from wizard.submissions.events import record_event
from wizard.submissions.promises import store_promises
from wizard.submissions.versions import replace_answers
from wizard.web.current import current_flow

pytestmark = pytest.mark.second_store_slow

ENTRIES = "/commitments/data-sets.csv"


def report(app, reference: str, place: int, outcome: str, **values) -> str:
    """Store an approved update on a data set; return the entry's id."""
    with app.app_context(), writing() as session:
        query = select(Submission).where(Submission.reference == reference)
        it = session.scalars(query).one()
        rows = select(Promise).where(Promise.submission_id == it.id, Promise.place == place)
        promise = session.scalars(rows).one()
        told = {"approved": True, "decided_at": clock.now()} | values
        row = Progress(submission_id=it.id, entry_id=promise.entry_id, outcome=outcome,
                       promised_on=promise.due_on, **told)  # fmt: skip
        session.add(row)
        session.flush()
        store_promises(it)
        it.changed_at = clock.now()
        return promise.entry_id


def withdraw(app, reference: str, reason: str = "") -> None:
    """Withdraw a published commitment."""
    with app.app_context():
        cases.decide(reference, "withdrawn", 1, OFFICE, reason=reason)


def test_entry_row_stands_alone(app, client):
    reference = add_commitment(app)
    day = clock.now().date() - timedelta(days=1)
    url = "https://data.example.gov/stops"
    report(app, reference, 0, "done", day=day, url=url, words="All of it.")
    first, second, *_ = csv_rows(client, ENTRIES)
    case = load_case("agency")
    for name in ("organization_name", "organization_kind", "city", "state", "commitment_title"):
        assert first[name] == case.get(name, "")
    assert first["branch"] == "jurisdiction"
    assert (first["progress"], first["done_on"], first["result_url"]) == ("done", str(day), url)
    assert first["last_report"] == "All of it."
    assert first["last_reported_on"]
    assert first["due_on"] == first["first_due_on"] == first["release_on"]
    assert (second["progress"] != "done", second["last_report"]) == (True, "")
    (record,) = json_records(client)
    shown = ("progress", "done_on", "result_url", "last_report", "due_on", "first_due_on")
    assert {name: record["data_sets"][0][name] for name in shown} == {
        name: first[name] for name in shown
    }


def test_update_that_is_not_approved_is_in_no_file(app, client):
    reference = add_commitment(app)
    report(app, reference, 0, "dropped", words="secretwords", approved=None)
    report(app, reference, 1, "dropped", words="secretwords", approved=False)
    for address in FILES:
        assert "secretwords" not in file_text(client, address), address


def test_removed_entry_stays_as_dropped_row(app, client):
    reference = add_commitment(app)
    with app.app_context(), locked_case(reference) as submission:
        *kept, removed = submission.answers["data_sets"]
        answers = {**submission.answers, "data_sets": kept}
        replace_answers(submission, current_flow(), answers)
    *others, row = csv_rows(client, ENTRIES)
    assert [each["entry"] for each in others] == ["1", "2", "3"]
    assert (row["entry"], row["promise_id"], row["progress"]) == ("", removed["id"], "dropped")
    assert (row["title"], row["category"]) == (removed["title"], removed["category"])
    assert row["due_on"] == row["release_on"] == removed["release_on"]
    assert json_records(client)[0]["removed_entries"][0]["id"] == removed["id"]
    validate(client)


def test_reason_of_a_removed_entry_has_the_day_of_its_correction(app, client):
    reference = add_commitment(app)
    with app.app_context(), locked_case(reference) as submission:
        answers = {**submission.answers, "data_sets": submission.answers["data_sets"][:-1]}
        replace_answers(submission, current_flow(), answers)
        record_event(submission, "corrected", OFFICE, reason="No money.")
        store_promises(submission)
    *others, row = csv_rows(client, ENTRIES)
    assert row["last_report"] == "No money."
    assert row["last_reported_on"] == row["dropped_on"] != ""
    assert {each["last_reported_on"] for each in others} == {""}
    (entry,) = json_records(client)[0]["removed_entries"]
    assert entry["last_reported_on"] == row["dropped_on"]


def test_withdrawn_commitment_stays_in_short(app, client):
    reference = add_commitment(app)
    report(app, reference, 0, "delayed", day=date(2031, 1, 1), words="secretwords")
    withdraw(app, reference, "The city ended it.")
    (row,) = csv_rows(client, "/commitments.csv")
    assert (row["reference"], row["published_at"]) == (reference, "")
    assert row["withdrawn_on"]
    assert row["withdrawal_reason"] == "The city ended it."
    assert row["access_plan"] == ""
    rows = csv_rows(client, ENTRIES)
    assert {each["organization_name"] for each in rows} == {
        load_case("agency")["organization_name"]
    }
    assert {(each["progress"], each["last_report"], each["format"]) for each in rows} == {
        ("", "", "")
    }
    assert rows[0]["due_on"] == "2031-01-01"
    document = validate(client)
    assert document["commitments"] == []
    assert document["withdrawn"][0]["promises"][0]["title"] == rows[0]["title"]
    for address in FILES:
        assert "secretwords" not in file_text(client, address), address


def test_erased_or_never_published_is_no_row(app, client):
    gone, never = add_commitment(app), add_commitment(app)
    withdraw(app, gone)
    withdraw(app, never)
    with app.app_context():
        erasure.erase(gone, OFFICE)
    update_columns(app, never, first_published_at=None)
    assert csv_rows(client, "/commitments.csv") == csv_rows(client, ENTRIES) == []


def validate(client) -> dict:
    """Validate the JSON document against its schema; return it."""
    schema = json.loads(file_text(client, "/commitments/schema.json"))
    document = json.loads(file_text(client, "/commitments.json"))
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(document)
    return document


def test_etag_changes_at_midnight_of_the_program(app, client, monkeypatch):
    add_commitment(app)
    tags = []
    for hour, minute in ((4, 59), (4, 59), (5, 0)):  # midnight in New York
        at = datetime(2027, 1, 5, hour, minute, tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda at=at: at)
        tags.append(client.get("/commitments.csv").headers["ETag"])
    assert tags[0] == tags[1] != tags[2]


def test_files_honor_the_filters_of_the_list(app, client):
    kept = add_commitment(app)
    other = add_commitment(app, "partner")
    gone = add_commitment(app, state="TX")
    withdraw(app, gone)
    state = load_case("agency")["state"]
    for address in ("/commitments.csv", ENTRIES, "/commitments.json"):
        text = file_text(client, f"{address}?state={state}&branch=jurisdiction")
        assert (kept in text, other in text, gone in text) == (True, False, False), address
        assert gone in file_text(client, f"{address}?state=TX")
    filtered = client.get(f"/commitments.csv?state={state}").headers["ETag"]
    assert filtered != client.get("/commitments.csv").headers["ETag"]


@pytest.mark.parametrize(
    "query", ["state=%00", "state=TX&state=CA", "text=" + "x" * 5000, "kind=;"]
)
def test_bad_filter_is_no_server_error(client, query):
    for address in FILES:
        assert client.get(f"{address}?{query}").status_code in (200, 400), address


def test_updates_have_a_row_for_each_approved_report(app, client):
    reference = add_commitment(app)
    entry = report(app, reference, 0, "delayed", day=date(2031, 1, 1), words="Later.")
    report(app, reference, 1, "done", words="secretwords", approved=None)
    with app.app_context(), writing() as session:
        it = session.scalars(select(Submission)).one()
        told = {"data_sets": {"1": {"done": True, "note": "Online.", "url": "https://a.example"}}}
        session.add(Report(submission_id=it.id, withdraws=False, entries=told, approved=True))
    rows = csv_rows(client, "/commitments/updates.csv")
    delayed, done = rows
    assert (delayed["promise_id"], delayed["outcome"]) == (entry, "delayed")
    assert (delayed["new_due_on"], delayed["words"]) == ("2031-01-01", "Later.")
    assert delayed["organization_name"] == load_case("agency")["organization_name"]
    assert (done["outcome"], done["words"], done["done_on"]) == ("done", "Online.", "")
    assert done["title"] == load_case("agency")["data_sets"][1]["title"]
    withdraw(app, reference)
    assert csv_rows(client, "/commitments/updates.csv") == []


def test_timeline_names_the_topic_of_each_of_several_with_one_title(app, client):
    entries = [{**each, "title": "All records"} for each in load_case("agency")["data_sets"]]
    reference = add_commitment(app, data_sets=entries)
    for place in (0, 1):
        report(app, reference, place, "dropped")
    page = client.page(f"/commitments/{reference}")
    links = [each.text for each in page.all(".happened .update a")]
    assert len(set(links)) == 2
    assert all(each.endswith(": All records") for each in links)


def test_feed_tells_what_happened(app, client):
    reference = add_commitment(app)
    with app.app_context(), locked_case(reference) as submission:
        record_event(submission, "progress_approved", OFFICE)
        record_event(submission, "noted", OFFICE, text="secretwords")
    feed = file_text(client, "/commitments.atom")
    assert "Progress: " in feed
    assert "secretwords" not in feed
    assert feed.count("<entry>") == 2
    ids = re.findall("<id>(.*?)</id>", feed)
    assert len(set(ids)) == 3
    assert ids == re.findall("<id>(.*?)</id>", file_text(client, "/commitments.atom"))
    withdraw(app, reference)
    feed = file_text(client, "/commitments.atom")
    assert ("Withdrawn: " in feed, "Progress: " in feed) == (True, False)
    with app.app_context():
        erasure.erase(reference, OFFICE)
    assert reference not in file_text(client, "/commitments.atom")


def approve(app, reference: str, *ids: str) -> None:
    """Record that reports on these entries were approved."""
    with app.app_context(), locked_case(reference) as submission:
        record_event(submission, "progress_approved", OFFICE, approved=ids, declined=[])


def test_feed_says_what_each_report_told(app, client):
    reference = add_commitment(app)
    first = report(app, reference, 0, "done", day=date(2026, 11, 1))
    second = report(app, reference, 1, "delayed", day=date(2031, 1, 1), words="Later.")
    approve(app, reference, first, second)
    report(app, reference, 2, "done", day=date(2026, 11, 1), approved=False)
    report(app, reference, 1, "dropped", words="No.")
    approve(app, reference, second)
    approve(app, reference)  # of an earlier version, which had no ids
    summaries = re.findall("<summary>(The organization reported.*?)</summary>",
                           file_text(client, "/commitments.atom"))  # fmt: skip
    assert summaries == [
        "The organization reported progress. The page has its words.",
        "The organization reported: 1 dropped. The page has its words.",
        "The organization reported: 1 done, 1 delayed. The page has its words.",
    ]


def test_feed_does_not_count_private_promises(app, client, monkeypatch):
    reference = add_commitment(app)
    approve(app, reference, report(app, reference, 0, "done", day=date(2026, 11, 1)))
    monkeypatch.setattr("wizard.public.feeds.public_groups", lambda flow: ())
    assert "1 done" not in file_text(client, "/commitments.atom")


def test_calendar_follows_the_standard(app, client):
    title = "A; very, long \\ title — " + "é" * 80 + "\nEND:VEVENT"
    sets = [{**each, "title": title} for each in load_case("agency")["data_sets"]]
    reference = add_commitment(app, data_sets=sets)
    assert client.get(f"/commitments/{reference}.ics").data == client.get("/commitments.ics").data
    assert client.get("/commitments/PDI-AAAA-AAAA.ics").status_code == 404
    text = client.get("/commitments.ics").data
    assert text.startswith(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:")
    assert text.endswith(b"END:VCALENDAR\r\n")
    lines = text.split(b"\r\n")
    assert max(map(len, lines)) <= 75
    assert not [line for line in lines if b"\n" in line or b"\r" in line]
    whole = text.decode().replace("\r\n ", "").split("\r\n")
    summaries = [line for line in whole if line.startswith("SUMMARY:")]
    assert "A\\; very\\, long \\\\ title" in summaries[0]
    assert "\\nEND:VEVENT" in summaries[0]
    assert whole.count("END:VEVENT") == len(summaries)
    assert len({line for line in whole if line.startswith("UID:")}) == len(summaries)
    assert [line for line in whole if line.startswith("DTSTART;VALUE=DATE:20")]


def test_calendar_of_withdrawn_commitment_is_empty(app, client):
    reference = add_commitment(app)
    assert b"BEGIN:VEVENT" in client.get(f"/commitments/{reference}.ics").data
    withdraw(app, reference)
    answer = client.get(f"/commitments/{reference}.ics")
    assert (answer.status_code, b"VEVENT" in answer.data) == (200, False)
    assert answer.data == client.get("/commitments.ics").data


def test_released_data_set_is_one_of_its_organization(app, client):
    reference = add_commitment(app)
    url = "https://data.example.gov/stops"
    entry = report(app, reference, 0, "done", day=date(2026, 11, 1), url=url)
    catalog = json.loads(file_text(client, "/dcat-us-3.json"))
    for each in catalog["dataset"]:  # what DCAT-US 3.0 requires, and must not be empty
        assert all(each[name] for name in ("title", "description", "identifier", "contactPoint"))
        assert {"fn", "hasEmail"} <= set(each["contactPoint"])
        assert each["publisher"]["name"]
    own, *released = catalog["dataset"]
    (found,) = [each for each in released if each["identifier"].endswith(entry)]
    assert found["publisher"]["name"] == load_case("agency")["organization_name"]
    assert "license" not in found
    assert found["distribution"][0]["accessURL"] == url
    assert own["distribution"][0]["license"]
    assert len(released) == sum(
        row["progress"] in ("done", "already_released") for row in csv_rows(client, ENTRIES)
    )


def test_data_package_describes_every_column(app, client):
    add_commitment(app)
    package = json.loads(file_text(client, "/datapackage.json"))
    paths = set()
    for resource in package["resources"]:
        path = resource["path"].partition(".org")[2]
        header = file_text(client, path).split("\r\n")[0]
        names = [field["name"] for field in resource["schema"]["fields"]]
        assert header == ",".join(f'"{name}"' for name in names)
        paths.add(path)
    assert paths == {name for name in FILES if name.endswith(".csv")}


def test_page_has_linked_data_that_no_answer_can_end(app, client):
    hostile = "</script><script>alert(1)</script><!--"
    reference = add_commitment(app, commitment_title=hostile)
    for address, kind in ((f"/commitments/{reference}", "WebPage"), ("/commitments", "Dataset")):
        page = client.get(address).text
        assert hostile not in page
        (text,) = re.findall('<script type="application/ld.json">(.*?)</script>', page)
        data = json.loads(text)
        assert (data["@context"], data["@type"]) == ("https://schema.org", kind)
        assert data["url"].endswith(address)
        if kind == "WebPage":
            assert data["name"] == hostile
        else:  # what search engines require of a data set
            assert len(data["description"]) >= 50
            assert data["distribution"][0]["contentUrl"].endswith("/commitments.csv")
