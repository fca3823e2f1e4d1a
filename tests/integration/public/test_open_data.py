"""Tests of the content of the open data files."""

import csv
import io
import json
import re
import secrets
from datetime import UTC, datetime, timedelta
from itertools import chain
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from sqlalchemy import select

from tests.conftest import load_case, without_ids
from tests.factories import add_submission
from tests.integration.public.conftest import (
    COMMITMENT_FILES,
    FILES,
    OFFICE,
    add_commitment,
    csv_rows,
    file_text,
    json_records,
    update_columns,
)
from tests.reference_rules import NEVER_PUBLIC
from tests.server import ROOT
from wizard import clock
from wizard.db import batches
from wizard.db.engine import writing
from wizard.db.models import STATUSES, Report, StaffNote, Submission
from wizard.flows.commitment import COMMITMENT
from wizard.forms import json_schema
from wizard.forms.outputs import public_record
from wizard.public import feeds, open_data
from wizard.staff import cases

pytestmark = pytest.mark.second_store_slow

HOME = "http://commitments.example.org"
ATOM = "{http://www.w3.org/2005/Atom}"
DCAT = json.loads((ROOT / "tests/data/dcat-us-1.1.json").read_text("utf-8"))


PROMISE = [field.name for field in json_schema.PROMISE_FIELDS]
WITHDRAWN = ["withdrawn_on", "withdrawal_reason"]


def without_promises(record: dict) -> dict:
    """Return a record whose entries have their answers alone."""
    lists = {name: value for name, value in record.items() if name in ("data_sets", "milestones")}
    return record | {
        name: [
            {key: each for key, each in entry.items() if key not in PROMISE} for entry in entries
        ]
        for name, entries in lists.items()
    }


def feed_entries(client) -> list[ElementTree.Element]:
    """Return the entries of the Atom feed."""
    return ElementTree.fromstring(file_text(client, "/commitments.atom")).findall(f"{ATOM}entry")  # noqa: S314


def test_record_is_public_answers_and_metadata(client, both_commitments):
    agency, partner = json_records(client)
    assert without_ids(without_promises(agency)) == {
        "reference": both_commitments[0],
        "url": f"{HOME}/commitments/{both_commitments[0]}",
        "published_at": "2026-01-01T00:00:00Z",
        "first_published_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "branch": "jurisdiction",
        "all_programs": ["police_data_initiative", "opportunity_project"],
        **public_record(COMMITMENT, load_case("agency")),
        "website": "https://www.orlando.example.gov/police",
        "portal_url": "https://data.orlando.example.gov/",
        "help_wanted": ["extraction", "privacy"],
    }
    assert partner["published_at"] == "2026-02-03T04:05:06.000007Z"
    assert (
        without_ids(without_promises(partner))["milestones"] == load_case("partner")["milestones"]
    )


def test_json_document_matches_schema(client, both_commitments):
    schema = json.loads(file_text(client, "/commitments/schema.json"))
    document = json.loads(file_text(client, "/commitments.json"))
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(document)
    assert document["describedBy"] == schema["$id"] == f"{HOME}/commitments/schema.json"
    assert document["license"] == open_data.LICENSE


def test_csv_matches_json_document(client, both_commitments):
    table = csv_rows(client, "/commitments.csv")
    assert list(table[0]) == [*json_schema.public_columns(COMMITMENT), *WITHDRAWN]
    for row, record in zip(table, json_records(client), strict=True):
        shown = {name: cell for name, cell in row.items() if cell}
        assert set(shown) == set(record)
        for name, value in record.items():
            if name in ("data_sets", "milestones"):
                assert shown[name] == str(len(value))
            else:
                assert shown[name] == (";".join(value) if isinstance(value, list) else value)


def test_entry_tables_join_by_reference(client, both_commitments):
    for record, group in zip(json_records(client), ("data_sets", "milestones"), strict=True):
        table = csv_rows(client, f"/commitments/{group.replace('_', '-')}.csv")
        assert list(table[0])[:3] == ["reference", "entry", "promise_id"]
        shown = ("organization_name", "organization_kind", "city", "state", "commitment_title")
        about = {name: record[name] for name in (*shown, "branch") if name in record}
        assert [{name: cell for name, cell in row.items() if cell} for row in table] == [
            {
                "reference": record["reference"],
                "entry": str(number),
                "promise_id": entry.pop("id"),
                **entry,
                **about,
            }
            for number, entry in enumerate(record[group], start=1)
        ]


def test_records_are_oldest_first_across_batches(app, client, monkeypatch):
    same = datetime(2026, 1, 1, tzinfo=UTC)
    later = [add_commitment(app, at=same + timedelta(microseconds=number)) for number in (2, 1)]
    expected = [*sorted(add_commitment(app, at=same) for _ in range(3)), *reversed(later)]
    whole = {name: file_text(client, name) for name in FILES}
    assert [record["reference"] for record in json_records(client)] == expected
    for size in (1, 2, 5):
        monkeypatch.setattr(batches, "READ_BATCH_SIZE", size)
        assert {name: file_text(client, name) for name in FILES} == whole


def test_csv_cells_are_no_formula(app, client):
    hostile = {"organization_name": "=1+1", "access_plan": "\t@SUM(A1)", "city": '"a";\n=b'}
    sets = [{**entry, "title": "-2+3"} for entry in load_case("agency")["data_sets"]]
    add_commitment(app, **hostile, data_sets=sets)
    for address in ("/commitments.csv", "/commitments/data-sets.csv"):
        cells = chain(*csv.reader(io.StringIO(file_text(client, address), newline="")))
        assert not [cell for cell in cells if cell.strip().startswith(("=", "+", "-", "@"))]
    assert {row["title"] for row in csv_rows(client, "/commitments/data-sets.csv")} == {"-2+3"}
    (row,) = csv_rows(client, "/commitments.csv")
    assert {name: row[name] for name in hostile} == hostile
    assert json_records(client)[0]["city"] == hostile["city"]


def test_files_exist_with_nothing_published(client):
    assert (
        json_records(client) == feed_entries(client) == csv_rows(client, "/commitments.csv") == []
    )
    columns = [*open_data.ENTRY_KEYS, "what", "measure", "due", *PROMISE]
    about = ["organization_name", "city", "state", "commitment_title", "organization_kind"]
    columns += [*about, "branch", *WITHDRAWN]
    assert file_text(client, "/commitments/milestones.csv") == (
        ",".join(f'"{name}"' for name in columns) + "\r\n"
    )


def test_files_hold_no_private_answers(app, client):
    marker = f"x{secrets.token_hex(8)}"
    private = {
        "contact_name": f"{marker} name",
        "contact_role": f"{marker} role",
        "contact_email": f"{marker}@example.org",
        "contact_phone": "+12025550143",
        "delegate_name": f"{marker} delegate",
        "delegate_email": f"{marker}.delegate@example.org",
    }
    reference = add_commitment(app, **private, **{f"undeclared_{marker}": marker})
    with app.app_context(), writing() as session:
        found = session.scalars(select(Submission).where(Submission.reference == reference)).one()
        draft = str(found.draft_id)
        for given in (None, False):
            told = {"data_sets": {"0": {"note": marker}}}
            session.add(
                Report(submission_id=found.id, withdraws=False, entries=told, approved=given)
            )
        session.add(StaffNote(submission_id=found.id, author=marker, text=marker))
    for address in FILES:
        text = file_text(client, address)
        assert (
            address not in COMMITMENT_FILES
            or reference in text
            or "milestones" in address
            or "updates" in address
        )
        for secret in (marker, "2025550143", "555-0143", draft, "submitted_at", *NEVER_PUBLIC):
            assert secret not in text, (address, secret)


def test_files_hold_only_published_with_consent(app, client):
    kept = add_commitment(app, organization_name="Kept")
    hidden = [add_commitment(app, publish_consent="no")]
    hidden += [add_submission(app, status=each) for each in STATUSES if each != "published"]
    hidden += [add_commitment(app) for _ in range(3)]
    update_columns(app, hidden[-1], erased_at=clock.now(), published_at=None)
    update_columns(app, hidden[-2], published_at=None)
    update_columns(app, hidden[-3], status="accepted", published_at=None)
    for address in COMMITMENT_FILES:
        text = file_text(client, address)
        assert kept in text or "milestones" in address or "updates" in address
        assert not [reference for reference in hidden if reference in text], address


def test_record_withdrawn_during_stream_is_left_out(app, both_commitments, monkeypatch):
    monkeypatch.setattr(batches, "READ_BATCH_SIZE", 1)
    with app.app_context():
        pieces = open_data.commitments_json(current_snapshot())
        next(pieces)
        assert both_commitments[0].encode() in next(pieces)
        cases.decide(both_commitments[1], "withdrawn", 1, OFFICE)
        rest = b"".join(pieces)
    assert both_commitments[1].encode() not in rest


def test_record_published_during_stream_is_left_out(app, client, both_commitments):
    with app.app_context():
        pieces = open_data.commitments_json(current_snapshot())
    newer = add_commitment(app)
    assert newer.encode() not in b"".join(pieces)
    assert newer in file_text(client, "/commitments.json")


def current_snapshot() -> open_data.Snapshot:
    """Return the current snapshot."""
    return open_data.current_snapshot(
        COMMITMENT, open_data.Site("Program", "office@example.gov", HOME)
    )


def test_etag_depends_on_site_format_and_rows(app, both_commitments, monkeypatch):
    with app.app_context():
        tags = {current_snapshot().tag, current_snapshot().tag}
        assert len(tags) == 1
        other = open_data.Site("Another program", "office@example.gov", HOME)
        tags.add(open_data.current_snapshot(COMMITMENT, other).tag)
        monkeypatch.setattr(open_data, "FORMAT", open_data.FORMAT + 1)
        tags.add(current_snapshot().tag)
        update_columns(app, both_commitments[0], published_at=None)
        tags.add(current_snapshot().tag)
    assert len(tags) == 4


def test_catalog_matches_dcat_schema(make_app):
    client = make_app(PROGRAM_EMAIL="Open Data <open@example.gov>").test_client()
    catalog = json.loads(file_text(client, "/data.json"))
    Draft202012Validator(DCAT).validate(catalog)
    (dataset,) = catalog["dataset"]
    assert dataset["contactPoint"]["hasEmail"] == "mailto:open@example.gov"
    linked = {each["downloadURL"].removeprefix(HOME) for each in dataset["distribution"]}
    others = {"/commitments/schema.json", "/commitments.atom", "/commitments.ics", "/data.json"}
    others |= {"/dcat-us-3.json", "/datapackage.json"}
    assert linked == set(FILES) - others
    for each in dataset["distribution"]:
        for address in filter(None, (each["downloadURL"], each.get("describedBy"))):
            assert client.get(address.removeprefix(HOME)).status_code == 200


def test_catalog_modified_follows_changes(app, client, both_commitments):
    before = json.loads(file_text(client, "/data.json"))["dataset"][0]["modified"]
    with app.app_context():
        cases.decide(both_commitments[0], "withdrawn", 1, OFFICE)
    assert json.loads(file_text(client, "/data.json"))["dataset"][0]["modified"] > before


def test_feed_is_newest_first_and_complete(client, both_commitments):
    feed = ElementTree.fromstring(file_text(client, "/commitments.atom"))  # noqa: S314
    assert feed.findtext(f"{ATOM}id") == f"{HOME}/commitments.atom"
    assert feed.findtext(f"{ATOM}updated") == "2026-02-03T04:05:06.000007Z"
    assert feed.find(f"{ATOM}link[@rel='self']").get("href") == f"{HOME}/commitments.atom"
    first, second = feed.findall(f"{ATOM}entry")
    address = f"{HOME}/commitments/{both_commitments[1]}"
    case = load_case("partner")
    assert first.findtext(f"{ATOM}id") == first.find(f"{ATOM}link").get("href") == address
    assert first.findtext(f"{ATOM}title") == case["commitment_title"]
    assert first.findtext(f"{ATOM}author/{ATOM}name") == case["organization_name"]
    assert first.findtext(f"{ATOM}updated") == "2026-02-03T04:05:06.000007Z"
    assert case["commitment_description"].startswith(first.findtext(f"{ATOM}summary")[:200])
    assert second.findtext(f"{ATOM}summary").startswith("We publish each data set monthly")


@pytest.mark.parametrize(
    ("query", "own"),
    [
        ("state=TX", "?state=TX"),
        ("state=TX&kind=&q=crime+%26+caf%C3%A9", "?q=crime+%26+caf%C3%A9&state=TX"),
        ("q=crime+%26+caf%C3%A9&state=TX&utm=x", "?q=crime+%26+caf%C3%A9&state=TX"),
        ("state=&utm=x", ""),
    ],
)
def test_filtered_feed_has_id_and_address_of_its_own(client, query, own):
    feed = ElementTree.fromstring(file_text(client, f"/commitments.atom?{query}"))  # noqa: S314
    assert feed.findtext(f"{ATOM}id") == f"{HOME}/commitments.atom{own}"
    links = {each.get("rel"): each.get("href") for each in feed.findall(f"{ATOM}link")}
    assert links["self"] == f"{HOME}/commitments.atom{own}"
    assert links["alternate"] == f"{HOME}/commitments{own}"


def test_feed_is_limited_to_newest(app, client, monkeypatch):
    monkeypatch.setattr(feeds, "MAX_FEED_ENTRIES", 2)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    added = [add_commitment(app, at=start + timedelta(days=day)) for day in (1, 2, 0)]
    found = [entry.findtext(f"{ATOM}id")[-13:] for entry in feed_entries(client)]
    assert found == [added[1], added[0]]


def test_feed_is_well_formed_for_any_text(app, client):
    awkward = "<b>&amp; ]]> “café” \ufffe\uffff\x0b \U0001f600 \u2028 'x' \"y\""
    add_commitment(app, commitment_title=awkward, access_plan=awkward, organization_name=awkward)
    (entry,) = feed_entries(client)
    kept = re.sub("[\ufffe\uffff\x0b]", "", awkward)
    assert entry.findtext(f"{ATOM}title") == entry.findtext(f"{ATOM}author/{ATOM}name") == kept
    assert json_records(client)[0]["commitment_title"] == awkward


def test_sparse_commitment_is_published(app, client):
    reference = add_commitment(app, data_sets=[], commitment_title="")
    update_columns(app, reference, answers={"publish_consent": "yes"}, facet_3="")
    assert json_records(client)[0] == {
        "reference": reference,
        "url": f"{HOME}/commitments/{reference}",
        **dict.fromkeys(
            ("published_at", "first_published_at", "updated_at"),
            json_records(client)[0]["published_at"],
        ),
        "branch": "jurisdiction",
        "all_programs": [],
    }
    (entry,) = feed_entries(client)
    assert entry.findtext(f"{ATOM}title") == reference
