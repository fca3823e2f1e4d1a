"""Tests of the filters of the public list."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import select, update

from tests.client import commitment_references
from tests.factories import PUBLISHED_AT, add_published
from wizard.db.engine import db, writing
from wizard.db.models import Submission

pytestmark = pytest.mark.second_store_slow


def test_filter_shows_only_matches_and_totals_add_up(app, client):
    agency = add_published(app, state="FL", commitment_title="Every stop, in a table")
    partner = add_published(app, "partner", at=PUBLISHED_AT + timedelta(days=1), state="GA")
    category = "use_of_force"
    for query, expected in [
        ("", [partner, agency]),
        ("branch=partner", [partner]),
        ("kind=agency", [agency]),
        ("state=FL", [agency]),
        ("q=%22every+STOP%22", [agency]),
        (f"category={category}", [agency]),
        ("category=other&state=GA", []),
        ("program=police_data_initiative&state=FL", [agency]),
        ("utm_source=news", [partner, agency]),
        ("text=%CC%81", [partner, agency]),  # an accent alone looks blank
    ]:
        page = client.page(f"/commitments?{query}")
        assert commitment_references(page) == expected, query
        count = int(page.text("#found").split()[0])
        assert count == len(expected), query
        if "state" not in query:
            numbers = [int(each.text) for each in page.all(".tiles .number")]
            assert sum(numbers) == count, query


@pytest.mark.parametrize("name", ["kind", "state", "branch", "program", "progress", "due"])
def test_filter_with_unknown_code_shows_it_and_finds_nothing(app, client, name):
    add_published(app)
    for address in ("/commitments", "/progress"):
        page = client.page(f"{address}?{name}=z9")
        assert page.text("#found").startswith("0 commitments")
        (chosen,) = page.all(f"select[name={name}] option[selected]")
        assert chosen.text == "z9 (0)"


def test_filter_matches_each_of_several_codes(app, client):
    """Two programs and four categories of the agency case are joined in one column each."""
    reference = add_published(app)
    with app.app_context():
        stored = db.session.scalars(select(Submission)).one()
    for name, joined in (("program", stored.facet_3), ("category", stored.facet_4)):
        assert joined.count(";") > 0
        for code in joined.split(";"):
            assert commitment_references(client.page(f"/commitments?{name}={code}")) == [
                reference
            ], code


@pytest.mark.parametrize("code", ["a%", "a_b", "a/b", "a\\b", "'"])
def test_filter_value_with_sql_wildcard_matches_only_itself(app, client, code):
    reference, other = add_published(app), add_published(app)
    with app.app_context(), writing() as session:
        for kept, joined in ((reference, f"x;{code};y"), (other, "ab;axb;azb")):
            of_it = update(Submission).where(Submission.reference == kept)
            session.execute(of_it.values(facet_4=joined))
    page = client.page(f"/commitments?category={quote(code)}")
    assert commitment_references(page) == [reference]


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
]


@pytest.mark.parametrize("query", NOTHING_HAS)
def test_filter_value_unknown_finds_nothing(app, client, query):
    add_published(app)
    page = client.page(f"/commitments?{query}")
    assert page.status == 200
    assert commitment_references(page) == [] and "Nothing matches" in page.text("main")
    assert page.text("#found").startswith("0 ")


def test_page_whose_commitments_left_the_list_leads_to_the_first(app, client):
    add_published(app)
    answer = client.get("/commitments?state=FL&older=1999-01-01T00:00:00Z_PDI")
    assert (answer.status_code, answer.location) == (303, "/commitments?state=FL")


@pytest.mark.parametrize(
    "query", ["text=%00", "text=" + "x" * 201, "state=FL&state=GA", "older=soon", "newer=x_;"]
)
def test_malformed_filter_is_400(client, query):
    page = client.page(f"/commitments?{query}")
    assert page.status == 400
    assert "“" in page.text("main") or "page of the list doesn’t exist" in page.text("main")
