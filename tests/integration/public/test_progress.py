"""Tests of the numbers of promises: on the list, the pages, `/progress` and in the files."""

import json
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import product
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from tests.client import commitment_references
from tests.conftest import load_case
from tests.factories import add_published, add_submission
from tests.integration.public.conftest import OFFICE, csv_rows, file_text, json_records
from tests.integration.public.test_promise_data import report, withdraw
from tests.integration.public.test_views import replace_answers
from tools import demo
from wizard import clock
from wizard.db.engine import db
from wizard.db.models import Submission
from wizard.forms.dates import format_day
from wizard.forms.promises import KEPT_STATES, LINE_ORDER, STATES
from wizard.public.edition import current_edition
from wizard.public.selection import select_current
from wizard.submissions.filters import PublicFilters
from wizard.submissions.publication import is_published

pytestmark = pytest.mark.second_store_slow

NOW = datetime(2027, 3, 15, 18, tzinfo=UTC)
SUBMITTED = datetime(2026, 3, 1, tzinfo=UTC)


def entry(title: str, due: str) -> dict:
    return {"what": title, "measure": "A page.", "due": due}


@pytest.fixture
def at_noon(monkeypatch):
    """Let all tests run on one day."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


def add_partner(app, *days: str, **answers) -> str:
    """Store a commitment with milestones due on some days."""
    entries = [entry(f"Step {place}", day) for place, day in enumerate(days)]
    return add_published(app, "partner", at=SUBMITTED, milestones=entries, **answers)


def references(client, **filters) -> list[str]:
    page = client.page(f"/commitments?{urlencode(filters)}")
    assert page.status == 200
    assert int(page.text("#found").split()[0]) == len(commitment_references(page))
    return commitment_references(page)


def test_card_sums_up_promises(app, client, at_noon):
    add_partner(app, "2026-06-01", "2027-03-01", "2027-04-01", "2028-01-01")
    page = client.page("/commitments")
    assert page.text(".item .progress").strip() == "0 of 4 done, 2 overdue"
    stops = [each.attrs["class"] for each in page.all(".item .stops circle")]
    assert stops == ["overdue", "overdue", "due_soon", "due_later"]


def test_sum_in_spanish_agrees_with_promises_and_with_data_sets(app, client, at_noon):
    add_partner(app, "2026-06-01", "2027-03-01")
    reference = add_published(app, at=SUBMITTED)
    report(app, reference, 0, "dropped", day=None)
    report(app, reference, 1, "delayed", day=date(2031, 1, 1))
    page = client.page("/commitments?lang=es")
    exceptions = "con nueva fecha: 1, descartadas: 1"
    assert re.fullmatch(
        f"\\d+ de 6 promesas cumplidas, con plazo vencido: \\d+, {exceptions}",
        page.all(".progress")[0].text,
    )
    assert [each.text.endswith(exceptions) for each in page.all(".item .progress")].count(True) == 1


def test_first_page_counts_promises_and_features_none_overdue(app, client, at_noon):
    add_partner(app, "2026-06-01", "2027-03-01")
    page = client.page("/")
    assert page.text(".totals").split()[2:6] == ["2", "Milestones", "promised", "0"]
    assert page.text(".totals .late").split() == ["2", "Overdue", "now"]
    spanish = client.page("/?lang=es")
    assert spanish.text(".totals .late").split() == ["2", "Con", "plazo", "vencido"]
    assert spanish.text(".totals .met").split() == ["0", "Cumplidos", "hasta", "hoy"]
    assert commitment_references(page) == []
    kept = add_partner(app, "2026-02-01", "2027-04-01")  # before it was submitted
    add_partner(app, "2028-03-01")
    assert commitment_references(client.page("/")) == [kept]


def test_filters_are_about_the_same_promise(app, client, at_noon):
    one = add_partner(app, "2027-03-01", "2028-01-01")
    other = add_partner(app, "2028-02-01")
    assert references(client, progress="overdue") == [one]
    assert references(client, due="2028-01") == [one]
    assert references(client, due="2028-02") == [other]
    assert references(client, due="2027-03", progress="overdue") == [one]
    assert references(client, due="2028-01", progress="overdue") == []
    assert references(client, due="2028-01", progress="due_later", branch="partner") == [one]


def test_topic_is_that_of_the_promise_with_the_state(app, client, at_noon):
    reference = add_published(app, at=SUBMITTED)
    record = json_records(client)[0]["data_sets"]
    for each, code in product(record, STATES):
        topic = each["category"]
        is_one = any(e["category"] == topic and e["progress"] == code for e in record)
        found = references(client, category=topic, progress=code)
        assert found == ([reference] if is_one else []), (topic, code)


@pytest.mark.parametrize(
    "query",
    ["progress=lost", "progress=OVERDUE", "due=2027", "due=2027-13", "due=soon", "due=0000-00",
     "due=9999-12", "due=2027-W1", "due=2027-3", "progress=withdrawn", "status=received",
     "status=lost", "progress=%27%3B--", "due=%00a", "sort=lost&due=x"],
)  # fmt: skip
def test_unknown_value_is_a_plain_page(app, client, at_noon, query):
    add_partner(app, "2027-03-01")
    for path in ("/commitments", "/progress", "/commitments.csv", "/commitments/milestones.csv"):
        with client.get(f"{path}?{query}") as response:
            assert response.status_code in (200, 400)
            assert b"Step 0" not in response.get_data()
    if "%00" not in query:
        assert commitment_references(client.page(f"/commitments?{query}")) == []


def test_value_of_a_filter_is_escaped(app, client, at_noon):
    reference = add_partner(app, "2027-03-01", commitment_title="<i>T</i>", state="TX")
    for path in ("/commitments", "/progress", "/"):
        for query in ("", "?progress=%3Cb%3E", "?due=%22%3E%3Cb%3E", "?sort=%3Cb%3E"):
            with client.get(path + query) as response:
                text = response.get_data(as_text=True)
            assert "<b>" not in text and "<i>T" not in text, path + query
    assert "<i>T</i>" in client.page(f"/commitments/{reference}").text("h1")


def test_option_says_how_many_it_would_show(app, client, at_noon):
    add_partner(app, "2027-03-01", "2028-01-01", state="TX")
    add_partner(app, "2027-03-02", state="TX")
    add_partner(app, "2028-01-01", state="GA")
    page = client.page("/commitments?state=TX")
    options = {
        (name, option.attrs["value"]): option.text
        for name in ("progress", "due", "state")
        for option in page.all(f"#filter-{name} option")
        if option.attrs["value"]
    }
    assert options == {
        ("progress", "overdue"): "Overdue (2)",
        ("progress", "due_later"): "Due later (1)",
        ("due", "2027-03"): "March 2027 (2)",
        ("due", "2028-01"): "January 2028 (1)",
        ("state", "GA"): "Georgia (1)",
        ("state", "TX"): "Texas (2)",
    }


def test_list_by_date_shows_the_next_one_first(app, client, at_noon):
    late = add_partner(app, "2027-02-01", "2028-01-01")
    soon = add_partner(app, "2027-01-01", "2027-04-01")
    never = add_partner(app, "2027-02-02")
    assert references(client, sort="due") == [soon, late, never]
    assert references(client, sort="due", progress="overdue") == [soon, late, never]
    assert references(client, sort="due", due="2027-02", progress="overdue") == [late, never]


def test_list_by_date_pages_in_both_directions(app, client, at_noon):
    days = [date(2028, 1, 1) + timedelta(days=(7 * n) % 45) for n in range(45)]
    made = [add_partner(app, day.isoformat()) for day in days]
    wanted = [reference for _, reference in sorted(zip(days, made, strict=True))]

    def walk(address: str, link: str) -> list[list[str]]:
        found = []
        while address:
            page = client.page(address)
            found.append(commitment_references(page))
            links = {a.text: a.attrs["href"] for a in page.all(".pages a")}
            address = links.get(link, "")
            assert all("sort=due" in each for each in links.values())
        return found

    assert sum(walk("/commitments?sort=due", "Next"), []) == wanted
    assert sum(reversed(walk("/commitments?sort=due&last=1", "Previous")), []) == wanted


def test_withdrawn_is_found_only_as_such_and_without_a_state(app, client, at_noon):
    reference = add_partner(app, "2027-03-01")
    kept = add_partner(app, "2027-03-01")
    withdraw(app, reference)
    assert references(client) == [kept]
    assert references(client, status="withdrawn") == [reference]
    assert references(client, status="withdrawn", q=reference) == [reference]
    assert references(client, status="withdrawn", due="2027-03") == [reference]
    assert references(client, status="withdrawn", progress="overdue") == []
    numbers = client.page("/progress")
    assert client.page("/progress?status=withdrawn").text("main") == numbers.text("main")
    page = client.page("/commitments?status=withdrawn")
    assert "Withdrawn" in page.text(".item") and not page.all(".item .progress")
    assert [
        each["reference"] for each in csv_rows(client, "/commitments.csv?status=withdrawn")
    ] == [reference]
    assert client.page("/progress").text("#found").startswith("1 ")


def test_withdrawn_has_neither_kind_nor_program_in_cards_filters_and_files(app, client, at_noon):
    reference = add_published(app, at=SUBMITTED)
    query = "/commitments?status=withdrawn"
    kind = client.page("/commitments").all(".item .hint")[0].text.split(" · ")[0]
    withdraw(app, reference)
    card = client.page(query).text(".item")
    assert kind not in card and "Florida" in card
    case = {"kind": "agency", "program": "police_data_initiative", "branch": "jurisdiction"}
    for name, code in case.items():
        assert references(client, status="withdrawn", **{name: code}) == []
        assert csv_rows(client, f"/commitments.csv?{name}={code}") == []
        assert not client.page(query).all(f"select[name={name}]")
    topic = load_case("agency")["data_sets"][0]["category"]
    for name, code in (("state", "FL"), ("category", topic)):
        assert references(client, status="withdrawn", **{name: code}) == [reference]
        assert len(csv_rows(client, f"/commitments.csv?{name}={code}")) == 1


def test_withdrawn_promise_has_the_same_day_on_page_and_in_files(app, client, at_noon):
    reference = add_published(app, at=SUBMITTED)
    day = date(2026, 11, 2)
    report(app, reference, 0, "done", day=day)
    withdraw(app, reference)
    row, *_ = client.page(f"/commitments/{reference}").all(".told tbody tr")
    first, second, *_ = csv_rows(client, "/commitments/data-sets.csv")
    assert (first["done_on"], second["done_on"]) == (str(day), "")
    assert format_day(day) in row.text
    (record,) = json.loads(file_text(client, "/commitments.json"))["withdrawn"]
    assert record["promises"][0]["done_on"] == first["done_on"]


def test_numbers_change_at_once(app, client, at_noon):
    add_partner(app, "2027-03-01")
    assert references(client, progress="overdue")
    reference = add_published(app, at=SUBMITTED)
    assert len(references(client)) == 2
    report(app, reference, 0, "dropped", day=None)
    assert references(client, progress="dropped") == [reference]


def test_day_changes_states_without_a_restart(app, client, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)
    reference = add_partner(app, "2027-03-15")
    assert references(client, progress="due_soon") == [reference]
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=1))
    assert references(client, progress="overdue") == [reference]


def test_empty_page_of_numbers_says_so(client):
    assert "Nothing is published yet." in client.page("/progress").text("main")


def test_list_invites_and_links_every_file(app, client, at_noon):
    add_partner(app, "2027-03-01", state="TX")
    page = client.page("/commitments?state=TX")
    found = [a.attrs["href"] for a in page.all(".exports a")]
    for name in ("commitments.csv", "commitments/milestones.csv", "commitments/updates.csv",
                 "commitments.json", "commitments.ics"):  # fmt: skip
        assert f"/{name}?state=TX&status=published" in found
    assert "/commitments.atom?state=TX" in found
    assert page.all('link[type="application/atom+xml"][href="/commitments.atom?state=TX"]')
    whole = [a.attrs["href"] for a in client.page("/commitments").all(".exports a")]
    assert {"/commitments.csv", "/commitments.json", "/commitments.atom"} <= set(whole)
    assert {"/dcat-us-3.json", "/datapackage.json", "/data.json"} <= set(found)
    assert page.all('.invite a[href="/respond/"]')
    for address in found:
        file_text(client, address)


def test_files_of_a_filtered_list_have_the_promises_that_it_counts(app, client, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)
    with app.app_context():
        demo.fill(80, seed=7)
    gone = add_published(app, at=SUBMITTED)
    withdraw(app, gone)
    first = csv_rows(client, "/commitments/data-sets.csv")[0]
    known = {"due": first["due_on"][:7], **{name: first[name] for name in ("category", "state")}}
    states = ({"progress": each} for each in (first["progress"], "already_released"))
    alone = ({name: code} for name, code in known.items())
    for filters in (*alone, *states, {**known, "progress": first["progress"]}):
        page = client.page(f"/commitments?{urlencode(filters)}")
        total = int(page.all(".progress")[0].text.split()[2].rstrip(","))
        links = [a.attrs["href"] for a in page.all(".exports a")]
        files = [each for each in links if re.search("data-sets.csv|milestones.csv", each)]
        rows = [row for each in files for row in csv_rows(client, each)]
        assert len(rows) == total, filters
        assert gone not in {row["reference"] for row in rows}
        (calendar,) = [each for each in links if ".ics" in each]
        events = file_text(client, calendar).count("BEGIN:VEVENT")
        assert events == sum(row["progress"] != "already_released" for row in rows), filters
        shown = {(row["reference"], row["promise_id"]) for row in rows}
        for row in csv_rows(client, f"/commitments/updates.csv?{urlencode(filters)}"):
            assert (row["reference"], row["promise_id"]) in shown


def test_numbers_are_the_same_everywhere(app, client):
    """Of 150 made-up commitments: the list, the pages, `/progress`, and the files."""
    with app.app_context():
        demo.fill(150, seed=7)
    entries = [
        {**entry, "group": group}
        for group, name in (("data_sets", "data-sets"), ("milestones", "milestones"))
        for entry in csv_rows(client, f"/commitments/{name}.csv")
    ]
    by_state = Counter(each["progress"] for each in entries)
    assert {"done", "already_released", "overdue", "delayed"} <= set(by_state)
    numbers = progress_numbers(client.page("/progress"))
    assert numbers == dict(by_state)
    kept = sum(by_state[state] for state in KEPT_STATES)
    listed = client.page("/commitments").all(".progress")[0].text
    assert listed.startswith(
        f"{kept} of {len(entries)} promises kept, {by_state['overdue']} overdue"
    )
    for state in STATES:
        wanted = {each["reference"] for each in entries if each["progress"] == state}
        rows = csv_rows(client, f"/commitments.csv?progress={state}")
        assert {each["reference"] for each in rows} == wanted
        page = client.page(f"/commitments?progress={state}")
        assert int(page.text("#found").split()[0]) == len(wanted)
        numbers = progress_numbers(client.page(f"/progress?progress={state}"))
        assert numbers == ({state: by_state[state]} if wanted else {})
    for reference in commitment_references(client.page("/commitments"))[:5]:
        own = Counter(each["progress"] for each in entries if each["reference"] == reference)
        kept = sum(own[state] for state in KEPT_STATES)
        sentence = client.page(f"/commitments/{reference}").text(".progress").strip()
        assert sentence.startswith(f"{kept} of {own.total()} ")
    for name, code in (("state", "TX"), ("kind", "agency"), ("category", "use_of_force")):
        chosen = [each for each in entries if matches(each, name, code)]
        query = f"?{name}={code}"
        assert progress_numbers(client.page(f"/progress{query}")) == dict(
            Counter(each["progress"] for each in chosen)
        )


def matches(entry: dict, name: str, code: str) -> bool:
    return entry.get({"kind": "organization_kind"}.get(name, name)) == code


def progress_numbers(page) -> dict[str, int]:
    """Return the numbers in the table of states, without zeros."""
    cells = [row.text for row in page.all("#states + table tbody tr td:nth-child(2)")]
    numbers = [int(cell.replace(",", "")) for cell in cells] or [0] * len(LINE_ORDER)
    return {code: n for code, n in zip(LINE_ORDER, numbers, strict=True) if n}


def test_memory_and_sql_find_the_same(app):
    """Any filters, alone and together, find the same commitments in both."""
    with app.app_context():
        demo.fill(120, seed=3)
        edition = select_current(PublicFilters()).edition
        values = {name: ["", *list(sets)[:3]] for name, sets in edition.sets.items()}
        names = ("progress", "due", "category", "state", "branch")
        for codes in product(*(values[name][:3] for name in names)):
            filters = PublicFilters(
                {name: code for name, code in zip(names, codes, strict=True) if code}
            )
            chosen = select_current(filters)
            ids = {edition.layout.ids[place] for place in chosen.list_places()}
            assert ids == ids_by_sql(filters), filters
            assert chosen.count == len(ids)
            for name, code in filters.items():
                assert chosen.count_by(name).get(code, 0) == len(ids), (filters, name)


def ids_by_sql(filters: PublicFilters) -> set[int]:
    query = select(Submission.id).where(is_published, *filters.conditions())
    return set(db.session.scalars(query))


def test_edition_is_built_again_after_public_changes_alone(app):
    listed, other = add_published(app, "partner"), add_published(app, "partner")

    def is_built_again(change) -> bool:
        with app.app_context():
            before = current_edition()
        change()
        with app.app_context():
            return current_edition() is not before

    assert not is_built_again(lambda: add_submission(app))
    assert is_built_again(lambda: withdraw(app, other))
    assert is_built_again(lambda: replace_answers(app, listed, "corrected", OFFICE, city="Ocala"))
    assert is_built_again(lambda: report(app, listed, 0, "done"))
    assert not is_built_again(lambda: None)
