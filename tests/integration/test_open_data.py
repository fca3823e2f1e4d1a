"""The open data holds what is published, says so in every format, and nothing else."""

import csv
import io
import json
import re
import secrets
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from sqlalchemy import select, update

from tests.conftest import load_case
from tests.oracle import NEVER_PUBLIC
from tests.staff import add_submission
from wizard import clock
from wizard.accounts.audit import Actor
from wizard.db import batches
from wizard.db.engine import db, writing
from wizard.db.models import STATUSES, Report, StaffNote, Submission
from wizard.flows.commitment import COMMITMENT
from wizard.forms.outputs import public_record
from wizard.public import open_data
from wizard.staff import cases
from wizard.web.tables import exact_value

FILES = {
    "/commitments.csv": "text/csv; charset=utf-8",
    "/commitments/data-sets.csv": "text/csv; charset=utf-8",
    "/commitments/milestones.csv": "text/csv; charset=utf-8",
    "/commitments.json": "application/json",
    "/commitments/schema.json": "application/schema+json",
    "/commitments.atom": "application/atom+xml",
    "/data.json": "application/json",
}
OF_COMMITMENTS = [name for name in FILES if name not in ("/commitments/schema.json", "/data.json")]
HOME = "http://commitments.example.org"
ATOM = "{http://www.w3.org/2005/Atom}"
OFFICE = Actor("office@example.gov", "127.0.0.1")
DCAT = json.loads(Path(__file__).parents[1].joinpath("data/dcat-us-1.1.json").read_text("utf-8"))


def add(app, case: str = "agency", *, at: datetime | None = None, **answers) -> str:
    """A published commitment; its reference."""
    reference = add_submission(app, case, status="published", **answers)
    if at:
        change(app, reference, published_at=at)
    return reference


def change(app, reference: str, **columns) -> None:
    """Changes what is stored of a submission."""
    with app.app_context(), writing() as session:
        of_it = Submission.reference == reference
        session.execute(update(Submission).where(of_it).values(columns))


def settle(app) -> None:
    """Makes all changes lie an hour back."""
    with app.app_context(), writing() as session:
        session.execute(update(Submission).values(changed_at=clock.now() - timedelta(hours=1)))


def body(client, address: str) -> str:
    """A whole file."""
    with client.get(address) as response:
        assert response.status_code == 200, address
        return response.get_data().decode("utf-8-sig")


def rows(client, address: str) -> list[dict[str, str]]:
    """The rows of a table, each cell with its exact value."""
    table = csv.DictReader(io.StringIO(body(client, address), newline=""))
    return [{name: exact_value(cell) for name, cell in row.items()} for row in table]


def records(client) -> list[dict]:
    """The commitments of the JSON document."""
    return json.loads(body(client, "/commitments.json"))["commitments"]


def entries(client) -> list[ElementTree.Element]:
    """The entries of the feed."""
    return ElementTree.fromstring(body(client, "/commitments.atom")).findall(f"{ATOM}entry")  # noqa: S314


@pytest.fixture
def both(app) -> list[str]:
    """One commitment of each branch, published one after the other; their references."""
    newer = add(app, "partner", at=datetime(2026, 2, 3, 4, 5, 6, 7, tzinfo=UTC))
    return [add(app, "agency", at=datetime(2026, 1, 1, tzinfo=UTC)), newer]


def test_these_are_all_the_files(app):
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("open_data.")]
    names = open_data.entry_files(COMMITMENT)
    found = {rule.rule.replace("<name>", name) for rule in rules for name in names}
    assert found == set(FILES)


# What they hold


def test_a_record_is_the_public_answers_and_what_is_known_about_it(client, both):
    agency, partner = records(client)
    assert agency == {
        "reference": both[0],
        "url": f"{HOME}/commitments/{both[0]}",
        "published_at": "2026-01-01T00:00:00Z",
        "branch": "jurisdiction",
        "all_programs": ["police_data_initiative", "opportunity_project"],
        **public_record(COMMITMENT, load_case("agency") | {"website": agency["website"]}),
        "help_wanted": ["extraction", "privacy"],
    }
    assert partner["published_at"] == "2026-02-03T04:05:06.000007Z"
    assert partner["milestones"] == load_case("partner")["milestones"]


def test_the_document_is_valid_against_its_schema(client, both):
    schema = json.loads(body(client, "/commitments/schema.json"))
    document = json.loads(body(client, "/commitments.json"))
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(document)
    assert document["describedBy"] == schema["$id"] == f"{HOME}/commitments/schema.json"
    assert document["license"] == open_data.LICENSE


def test_the_table_says_the_same_as_the_document(client, both):
    table = rows(client, "/commitments.csv")
    assert list(table[0]) == list(open_data.json_schema.public_columns(COMMITMENT))
    for row, record in zip(table, records(client), strict=True):
        shown = {name: cell for name, cell in row.items() if cell}
        assert set(shown) == set(record)
        for name, value in record.items():
            if name in ("data_sets", "milestones"):
                assert shown[name] == str(len(value))
            else:
                assert shown[name] == (";".join(value) if isinstance(value, list) else value)


def test_the_tables_of_entries_join_by_reference(client, both):
    for record, group in zip(records(client), ("data_sets", "milestones"), strict=True):
        table = rows(client, f"/commitments/{group.replace('_', '-')}.csv")
        assert list(table[0])[:2] == ["reference", "entry"]
        assert [{name: cell for name, cell in row.items() if cell} for row in table] == [
            {"reference": record["reference"], "entry": str(number), **entry}
            for number, entry in enumerate(record[group], start=1)
        ]


def test_the_oldest_comes_first_and_batches_join(app, client, monkeypatch):
    same = datetime(2026, 1, 1, tzinfo=UTC)
    later = [add(app, at=same + timedelta(microseconds=number)) for number in (2, 1)]
    expected = [*sorted(add(app, at=same) for _ in range(3)), *reversed(later)]
    whole = {name: body(client, name) for name in FILES}
    assert [record["reference"] for record in records(client)] == expected
    for size in (1, 2, 5):
        monkeypatch.setattr(batches, "BATCH_SIZE", size)
        assert {name: body(client, name) for name in FILES} == whole


def test_no_cell_of_a_table_runs(app, client):
    hostile = {"organization_name": "=1+1", "access_plan": "\t@SUM(A1)", "city": '"a";\n=b'}
    sets = [{**entry, "title": "-2+3"} for entry in load_case("agency")["data_sets"]]
    add(app, **hostile, data_sets=sets)
    for address in ("/commitments.csv", "/commitments/data-sets.csv"):
        cells = chain(*csv.reader(io.StringIO(body(client, address), newline="")))
        assert not [cell for cell in cells if cell.strip().startswith(("=", "+", "-", "@"))]
    assert {row["title"] for row in rows(client, "/commitments/data-sets.csv")} == {"-2+3"}
    (row,) = rows(client, "/commitments.csv")
    assert {name: row[name] for name in hostile} == hostile
    assert records(client)[0]["city"] == hostile["city"]


def test_with_nothing_published_every_file_is_there(client):
    assert records(client) == entries(client) == rows(client, "/commitments.csv") == []
    assert body(client, "/commitments/milestones.csv") == (
        '"reference","entry","what","measure","due"\r\n'
    )


# What is public


def test_nothing_private_is_in_any_file(app, client):
    marker = f"x{secrets.token_hex(8)}"
    private = {
        "contact_name": f"{marker} name",
        "contact_role": f"{marker} role",
        "contact_email": f"{marker}@example.org",
        "contact_phone": "+12025550143",
        "delegate_name": f"{marker} delegate",
        "delegate_email": f"{marker}.delegate@example.org",
    }
    reference = add(app, **private, **{f"undeclared_{marker}": marker})
    with app.app_context(), writing() as session:
        found = session.scalars(select(Submission).where(Submission.reference == reference)).one()
        draft = str(found.draft_id)
        for given in (None, True, False):
            told = {"data_sets": {"0": {"note": marker}}}
            session.add(
                Report(submission_id=found.id, withdraws=False, entries=told, approved=given)
            )
        session.add(StaffNote(submission_id=found.id, author=marker, text=marker))
    for address in FILES:
        text = body(client, address)
        assert address not in OF_COMMITMENTS or reference in text or "milestones" in address
        for secret in (marker, "2025550143", "555-0143", draft, "submitted_at", *NEVER_PUBLIC):
            assert secret not in text, (address, secret)


def test_only_what_is_published_with_consent_is_in_any_file(app, client):
    kept = add(app, organization_name="Kept")
    hidden = [add(app, publish_consent="no")]
    hidden += [add_submission(app, status=each) for each in STATUSES if each != "published"]
    hidden += [add(app) for _ in range(3)]
    change(app, hidden[-1], erased_at=clock.now(), published_at=None)
    change(app, hidden[-2], published_at=None)
    change(app, hidden[-3], status="accepted", published_at=None)
    for address in OF_COMMITMENTS:
        text = body(client, address)
        assert kept in text or "milestones" in address
        assert not [reference for reference in hidden if reference in text], address


@pytest.mark.parametrize("how", ["withdrawn", "accepted", "erased"])
def test_what_is_no_longer_published_is_gone_from_every_file_at_once(app, client, both, how):
    gone, kept = both
    settle(app)
    before = {address: client.get(address).headers for address in FILES}
    with app.app_context():
        if how == "erased":
            cases.erase(gone, OFFICE)
        else:
            cases.decide(gone, how, 1, OFFICE)
    for address, headers in before.items():
        known = (
            {"If-None-Match": headers["ETag"]},
            {"If-Modified-Since": headers["Last-Modified"]},
        )
        for conditions in known:
            with client.get(address, headers=conditions) as response:
                assert response.status_code == 200, address
                assert response.headers["ETag"] != headers["ETag"]
                assert gone not in response.text, address
    assert [record["reference"] for record in records(client)] == [kept]
    assert [row["reference"] for row in rows(client, "/commitments.csv")] == [kept]


def test_what_is_withdrawn_while_a_file_is_sent_is_not_sent_any_more(app, both, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_SIZE", 1)
    with app.app_context():
        pieces = open_data.commitments_json(edition())
        next(pieces)
        assert both[0].encode() in next(pieces)
        cases.decide(both[1], "withdrawn", 1, OFFICE)
        rest = b"".join(pieces)
    assert both[1].encode() not in rest


def test_what_is_published_while_a_file_is_sent_waits_for_the_next_edition(app, client, both):
    with app.app_context():
        pieces = open_data.commitments_json(edition())
    newer = add(app)
    assert newer.encode() not in b"".join(pieces)
    assert newer in body(client, "/commitments.json")


def edition() -> open_data.Snapshot:
    """What stands now."""
    return open_data.current_snapshot(
        COMMITMENT, open_data.Site("Program", "office@example.gov", HOME)
    )


# How they are fetched


@pytest.mark.parametrize("address", FILES)
def test_every_file_can_be_fetched_from_anywhere_and_is_asked_for_again(client, both, address):
    client.token()  # a browser with a session
    with client.get(f"{address}?nobody=knows&page=2") as response:
        assert response.status_code == 200
        assert response.headers["Content-Type"] == FILES[address]
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Cache-Control"] == "public, max-age=0, must-revalidate"
        assert response.headers["ETag"].startswith('W/"')
        assert "Set-Cookie" not in response.headers
        assert "Cookie" not in response.headers.get("Vary", "")


@pytest.mark.parametrize("address", FILES)
def test_who_has_a_file_or_asks_for_headers_alone_gets_no_body(
    app, client, both, address, monkeypatch
):
    settle(app)
    with client.get(address) as whole:
        headers = whole.headers
    with monkeypatch.context() as patch:
        patch.setattr(open_data, "batches", refuse)
        patch.setattr(open_data, "_newest", refuse)
        for name, known in (("None-Match", "ETag"), ("Modified-Since", "Last-Modified")):
            with client.get(address, headers={f"If-{name}": headers[known]}) as response:
                assert (response.status_code, response.data) == (304, b"")
                assert response.headers["ETag"] == headers["ETag"]
                assert response.headers["Access-Control-Allow-Origin"] == "*"
                assert response.headers["Cache-Control"] == headers["Cache-Control"]
        with client.head(address) as response:
            assert (response.status_code, response.data) == (200, b"")
            assert response.headers["ETag"] == headers["ETag"]
            assert response.headers["Content-Type"] == FILES[address]
    before = datetime.now(UTC) - timedelta(days=1)
    for conditions in ({"If-None-Match": '"other"'}, {"If-Modified-Since": f"{before:%c} GMT"}):
        with client.get(address, headers=conditions) as response:
            assert response.status_code == 200


def refuse(*args):
    """Stands for the store where nothing should be read."""
    raise AssertionError("the commitments were read")


def test_a_young_change_has_no_moment_to_compare(app, client):
    add(app)
    assert "Last-Modified" not in client.get("/commitments.csv").headers
    settle(app)
    assert "Last-Modified" in client.get("/commitments.csv").headers


def test_the_tag_names_who_publishes_and_what_can_be_in_a_file(app, both, monkeypatch):
    with app.app_context():
        tags = {edition().tag, edition().tag}
        assert len(tags) == 1
        other = open_data.Site("Another program", "office@example.gov", HOME)
        tags.add(open_data.current_snapshot(COMMITMENT, other).tag)
        monkeypatch.setattr(open_data, "FORMAT", 2)
        tags.add(edition().tag)
        change(app, both[0], published_at=None)
        tags.add(edition().tag)
    assert len(tags) == 4


@pytest.mark.parametrize("address", FILES)
def test_nothing_can_be_sent_there(client, address):
    for method in ("post", "put", "delete"):
        response = getattr(client, method)(address)
        assert response.status_code in (400, 405)
        assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("name", ["data_sets.csv", "cities.csv", "submissions.csv", ".csv"])
def test_a_file_that_there_is_not_is_404(client, name):
    assert client.get(f"/commitments/{name}").status_code == 404


@pytest.mark.parametrize("address", OF_COMMITMENTS)
def test_a_reader_who_leaves_takes_nothing_with_it(app, client, both, address, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_SIZE", 1)
    with app.app_context():
        pool = db.engine.pool
    response = client.get(address, buffered=False)
    assert next(response.iter_encoded())
    assert pool.checkedout() == 0
    response.close()
    assert pool.checkedout() == 0


# The catalog and the feed


def test_the_catalog_is_one_that_others_can_collect(make_app):
    client = make_app(PROGRAM_EMAIL="Open Data <open@example.gov>").test_client()
    catalog = json.loads(body(client, "/data.json"))
    Draft202012Validator(DCAT).validate(catalog)
    (dataset,) = catalog["dataset"]
    assert dataset["contactPoint"]["hasEmail"] == "mailto:open@example.gov"
    linked = {each["downloadURL"].removeprefix(HOME) for each in dataset["distribution"]}
    assert linked == set(FILES) - {"/commitments/schema.json", "/commitments.atom", "/data.json"}
    for each in dataset["distribution"]:
        for address in filter(None, (each["downloadURL"], each.get("describedBy"))):
            assert client.get(address.removeprefix(HOME)).status_code == 200


def test_the_catalog_says_when_something_last_changed(app, client, both):
    before = json.loads(body(client, "/data.json"))["dataset"][0]["modified"]
    with app.app_context():
        cases.decide(both[0], "withdrawn", 1, OFFICE)
    assert json.loads(body(client, "/data.json"))["dataset"][0]["modified"] > before


def test_the_feed_has_the_newest_first_and_all_that_a_reader_needs(client, both):
    feed = ElementTree.fromstring(body(client, "/commitments.atom"))  # noqa: S314
    assert feed.findtext(f"{ATOM}id") == f"{HOME}/commitments.atom"
    assert feed.findtext(f"{ATOM}updated") == "2026-02-03T04:05:06.000007Z"
    assert feed.find(f"{ATOM}link[@rel='self']").get("href") == f"{HOME}/commitments.atom"
    first, second = feed.findall(f"{ATOM}entry")
    address = f"{HOME}/commitments/{both[1]}"
    case = load_case("partner")
    assert first.findtext(f"{ATOM}id") == first.find(f"{ATOM}link").get("href") == address
    assert first.findtext(f"{ATOM}title") == case["commitment_title"]
    assert first.findtext(f"{ATOM}author/{ATOM}name") == case["organization_name"]
    assert first.findtext(f"{ATOM}updated") == "2026-02-03T04:05:06.000007Z"
    assert case["commitment_description"].startswith(first.findtext(f"{ATOM}summary")[:200])
    assert second.findtext(f"{ATOM}summary").startswith("We publish each data set monthly")


def test_the_feed_holds_the_newest_alone(app, client, monkeypatch):
    monkeypatch.setattr(open_data, "MAX_FEED_ENTRIES", 2)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    added = [add(app, at=start + timedelta(days=day)) for day in (1, 2, 0)]
    found = [entry.findtext(f"{ATOM}id")[-13:] for entry in entries(client)]
    assert found == [added[1], added[0]]


def test_the_feed_stays_well_formed_whatever_a_text_holds(app, client):
    awkward = "<b>&amp; ]]> “café” \ufffe\uffff\x0b \U0001f600 \u2028 'x' \"y\""
    add(app, commitment_title=awkward, access_plan=awkward, organization_name=awkward)
    (entry,) = entries(client)
    kept = re.sub("[\ufffe\uffff\x0b]", "", awkward)
    assert entry.findtext(f"{ATOM}title") == entry.findtext(f"{ATOM}author/{ATOM}name") == kept
    assert records(client)[0]["commitment_title"] == awkward


def test_a_commitment_that_answers_less_is_published_as_it_is(app, client):
    reference = add(app, data_sets=[], commitment_title="")
    change(app, reference, answers={"publish_consent": "yes"}, programs="")
    assert records(client)[0] == {
        "reference": reference,
        "url": f"{HOME}/commitments/{reference}",
        "published_at": records(client)[0]["published_at"],
        "branch": "jurisdiction",
        "all_programs": [],
    }
    (entry,) = entries(client)
    assert entry.findtext(f"{ATOM}title") == reference
