"""What anyone may read: what was published, whole and well told, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import select, update

from tests.client import Page
from tests.oracle import NEVER_PUBLIC
from tests.staff import add_submission, colleague
from wizard import clock
from wizard.db.engine import db, writing
from wizard.db.models import Submission

START = datetime(2027, 3, 1, 9, tzinfo=UTC)


def publish(app, case: str = "agency", *, at: datetime = START, **answers) -> str:
    """A published commitment; its reference."""
    reference = add_submission(app, case, status="published", at=at, **answers)
    with app.app_context(), writing() as session:
        of_it = update(Submission).where(Submission.reference == reference)
        session.execute(of_it.values(published_at=at))
    return reference


def shown(page: Page) -> list[str]:
    """The references of what a list shows, from its top."""
    return [a.attrs["href"].rsplit("/", 1)[1] for a in page.all(".item h2 a")]


def move(app, reference: str, to: str) -> None:
    """Decides, as an editor."""
    editor = colleague(app, "editor", f"editor-{to}")
    path = f"/staff/submissions/{reference}"
    version = editor.page(path).values()["version"][0]
    assert editor.send(f"{path}/status", {"to": to, "version": version}).status == 200


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_before_anything_is_published_the_page_says_so(client, htmx):
    page = client.page("/commitments", htmx=htmx)
    assert "Nothing is published yet" in page.text(".staff")


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_the_list_is_read_page_by_page_the_newest_first(app, client, htmx):
    made = [publish(app, at=START + timedelta(days=n)) for n in range(45)][::-1]
    page = client.page("/commitments", htmx=htmx)
    seen = shown(page)
    while older := [a for a in page.all(".pages a") if a.to_text().strip() == "Older"]:
        page = client.page(older[0].attrs["href"], htmx=htmx)
        seen += shown(page)
    assert seen == made


def test_each_filter_shows_what_matches_and_the_sums_add_up(app, client):
    agency = publish(app, state="FL", commitment_title="Every stop, in a table")
    partner = publish(app, "partner", at=START + timedelta(days=1), state="GA")
    category = "use_of_force"
    for query, expected in [
        ("", [partner, agency]),
        ("branch=partner", [partner]),
        ("kind=agency", [agency]),
        ("state=FL", [agency]),
        ("text=every+STOP", [agency]),
        (f"category={category}", [agency]),
        ("category=other&state=GA", []),
        ("program=police_data_initiative&state=FL", [agency]),
        ("utm_source=news", [partner, agency]),
    ]:
        page = client.page(f"/commitments?{query}")
        assert shown(page) == expected, query
        count = int(page.text("#found").split()[0])
        assert count == len(expected), query
        if "state" not in query:
            numbers = [int(each.to_text()) for each in page.all(".tiles .number")]
            assert sum(numbers) == count, query


def test_each_code_of_several_matches(app, client):
    """The agency has two programs and four categories, which are joined in one column each."""
    reference = publish(app)
    with app.app_context():
        stored = db.session.scalars(select(Submission)).one()
    for name, joined in (("program", stored.programs), ("category", stored.categories)):
        assert joined.count(";") > 0
        for code in joined.split(";"):
            assert shown(client.page(f"/commitments?{name}={code}")) == [reference], code


@pytest.mark.parametrize("code", ["a%", "a_b", "a/b", "a\\b", "'"])
def test_a_code_with_a_sign_of_sql_matches_itself_alone(app, client, code):
    reference, other = publish(app), publish(app)
    with app.app_context(), writing() as session:
        for kept, joined in ((reference, f"x;{code};y"), (other, "ab;axb;azb")):
            of_it = update(Submission).where(Submission.reference == kept)
            session.execute(of_it.values(categories=joined))
    page = client.page(f"/commitments?category={quote(code)}")
    assert shown(page) == [reference]


def test_a_tile_of_the_map_is_a_filter_beside_the_others(app, client):
    publish(app, state="FL")
    publish(app, "partner", state="FL")
    page = client.page("/commitments?branch=partner")
    (tile,) = page.all(".tiles a")
    chosen = client.page(tile.attrs["href"])
    assert shown(chosen) == shown(page)
    assert "branch=partner" in tile.attrs["href"] and "state=FL" in tile.attrs["href"]
    assert chosen.all(".tiles a")[0].attrs["aria-current"] == "true"


NOTHING_HAS = [
    "state=XX",
    "state=F",
    "state=fl",
    "branch=juris",
    "kind=king",
    "kind=AGENCY",
    "program=%25",
    "program=data",
    "program=police_data",
    "program=data_initiative",
    "program=;",
    "program=;opportunity_project",
    "program=police_data_initiative;",
    "program=police_data_initiative;opportunity_project",
    "program=POLICE_DATA_INITIATIVE",
    "program=police-data-initiative",
    "category=x",
    "category=force",
    "category=;",
    "category=;;",
    "category=USE_OF_FORCE",
    "category=other;use_of_force",
    "text=_",
    "text=%CC%81",
]


@pytest.mark.parametrize("query", NOTHING_HAS)
def test_a_value_that_nothing_has_finds_nothing_and_says_so(app, client, query):
    publish(app)
    page = client.page(f"/commitments?{query}")
    assert page.status == 200
    assert shown(page) == [] and "Nothing matches" in page.text("main")
    assert page.text("#found").startswith("0 ")


@pytest.mark.parametrize(
    "query", ["text=%00", "text=" + "x" * 201, "state=FL&state=GA", "older=soon", "newer=x_;"]
)
def test_a_malformed_filter_is_400_and_says_what_is_wrong(client, query):
    page = client.page(f"/commitments?{query}")
    assert page.status == 400
    assert "“" in page.text("main") or "names no page" in page.text("main")


# One commitment


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_a_commitment_is_told_whole(app, client, case, htmx):
    name = "agency" if "data_sets" in case else "partner"
    reference = publish(app, name)
    page = client.page(f"/commitments/{reference}", htmx=htmx)
    text = page.text(".told")
    for each in (case["commitment_title"], case["organization_name"], case["city"], reference):
        assert each in text
    group = case.get("data_sets") or case["milestones"]
    for entry in group:
        assert (entry.get("title") or entry["what"]) in text
    assert len(page.all(".told tbody tr")) == len(group)


def test_entries_say_whether_their_day_has_passed(app, client, monkeypatch):
    entries = [
        {"what": "One", "measure": "x", "due": "2027-03-01"},
        {"what": "Two", "measure": "x", "due": "2027-03-02"},
    ]
    reference = publish(app, "partner", milestones=entries)
    monkeypatch.setattr(clock, "now", lambda: datetime(2027, 3, 2, 20, tzinfo=UTC))
    rows = client.page(f"/commitments/{reference}").all(".told tbody tr")
    assert "Its day has passed" in rows[0].to_text()
    assert "Ahead" in rows[1].to_text()


def test_a_commitment_tells_search_engines_and_newspapers_what_it_is(app, client):
    reference = publish(app, organization_name='The "Quoted" <City> & Co.')
    page = client.page(f"/commitments/{reference}")
    (canonical,) = page.all('link[rel="canonical"]')
    assert canonical.attrs["href"] == f"http://commitments.example.org/commitments/{reference}"
    (description,) = page.all('meta[name="description"]')
    assert 'The "Quoted" <City> & Co.' in description.attrs["content"]


@pytest.mark.parametrize("status", ["received", "in_review", "accepted", "declined", "withdrawn"])
def test_what_is_not_published_is_the_same_404_as_what_is_not_there(app, client, status):
    reference = add_submission(app, status=status)
    missing = client.page("/commitments/PDI-AAAA-AAAA")
    page = client.page(f"/commitments/{reference}")
    assert (page.status, page.text("main")) == (404, missing.text("main"))
    for path in ("/commitments/%00", "/commitments/..%2f", "/commitments/é"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize("to", ["withdrawn", "accepted"])
def test_what_is_withdrawn_is_gone_from_every_page_at_once(app, client, to):
    reference = publish(app)
    assert shown(client.page("/commitments")) == [reference]
    assert shown(client.page("/")) == [reference]
    move(app, reference, to)
    assert shown(client.page("/commitments")) == []
    assert shown(client.page("/")) == []
    assert client.get(f"/commitments/{reference}").status_code == 404


def test_the_first_page_shows_the_newest_three_and_the_sums(app, client):
    made = [publish(app, at=START + timedelta(days=n), state="FL") for n in range(4)]
    page = client.page("/")
    assert shown(page) == made[:0:-1]
    assert "4 commitments in 1 state" in page.text("#map-title")


PRIVATE = {name: f"secret-{name.replace('_', '-')}" for name in NEVER_PUBLIC}


def test_no_public_address_tells_what_is_not_public(app, client):
    """Every address that takes no sign-in and no draft, with a marker in each private answer."""
    marked = {
        "contact_name": PRIVATE["contact_name"],
        "contact_role": PRIVATE["contact_role"],
        "contact_email": "secret-contact@example.org",
        "delegate_is_contact": "no",
        "delegate_name": PRIVATE["delegate_name"],
        "delegate_email": "secret-delegate@example.org",
    }
    reference = publish(app, **marked)
    add_submission(app, organization_name="secret-unpublished", commitment_title="secret-title")
    with app.app_context():
        found = db.session.scalars(
            select(Submission).where(Submission.reference == reference)
        ).one()
        draft = str(found.draft_id)
    editor = colleague(app, "editor")
    editor.send(f"/staff/submissions/{reference}/note", {"text": "secret-note"})
    addresses = [
        rule.rule.replace("<reference>", reference)
        for rule in app.url_map.iter_rules()
        if "GET" in rule.methods
        and not rule.rule.startswith(("/staff", "/respond/<", "/static", "/updates", "/resume"))
    ]
    assert "/commitments" in addresses and f"/commitments/{reference}" in addresses
    for address in addresses:
        with client.get(address) as response:
            text = response.get_data(as_text=True)
        assert "secret-" not in text and draft not in text, address


def test_consent_that_was_never_given_is_never_published(app):
    reference = add_submission(app, status="accepted", publish_consent="no")
    editor = colleague(app, "editor")
    path = f"/staff/submissions/{reference}"
    version = editor.page(path).values()["version"][0]
    assert editor.send(f"{path}/status", {"to": "published", "version": version}).status == 422


def test_a_flow_without_the_usual_questions_has_its_pages_too(make_app):
    from tests.integration.test_own_flow import PETS

    client = make_app(flow=replace(PETS)).test_client()
    assert client.get("/commitments").status_code == 200
    assert client.get("/").status_code == 200
