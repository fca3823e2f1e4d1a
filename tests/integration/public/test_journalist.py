"""Questions of a journalist, answered by hand on the public pages, and from the files alone.

What did police departments in Texas promise about use of force, what of it is released, what is
overdue and since when, what was dropped and why, and what changed last month?
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from tests.client import commitment_references
from tests.elements import in_one_line
from tests.integration.public.conftest import csv_rows, file_text
from tests.made_up_promises import fill_promises
from tools import demo
from wizard import clock
from wizard.flows.commitment import COMMITMENT
from wizard.forms.choices import Choice
from wizard.forms.promises import KEPT_STATES, OUTCOMES
from wizard.forms.reports import OUTCOME_LABELS

pytestmark = pytest.mark.slow

NOW = datetime(2027, 3, 15, 18, tzinfo=UTC)
FIRST, LAST = date(2027, 2, 1), date(2027, 2, 28)
"""Last month."""
TOPIC = "use_of_force"
CHOSEN = {"state": "TX", "kind": "agency", "category": TOPIC}
SETS = "/commitments/data-sets.csv"
ZONE = ZoneInfo("America/New_York")
ATOM = "{http://www.w3.org/2005/Atom}"


@dataclass(frozen=True)
class Promised:
    """A promise as the reader of a page or of a file knows it."""

    reference: str
    promise_id: str
    title: str
    state: str
    due_on: str
    words: str


@dataclass(frozen=True)
class Change:
    """A report of a month: when, on what, what it says."""

    day: str
    reference: str
    title: str
    outcome: str
    words: str


@pytest.fixture
def three_years(app, monkeypatch):
    """Store 2,000 commitments of three years, with promises and reports, the same each time."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(demo, "SPAN", timedelta(days=3 * 365))
    states = {"TX": 2, "CA": 4, "OH": 4}
    topics = dict.fromkeys(topic_field().codes(), 1) | {TOPIC: 4}
    monkeypatch.setattr(demo, "WEIGHTS", demo.WEIGHTS | {"state": states, "category": topics})
    with app.app_context():
        demo.fill(2_000, seed=4)
        fill_promises(1.5, seed=4)


def test_pages_and_files_give_the_same_answers(client, three_years):
    by_hand, changes = read_pages(client)
    by_file = {as_promised(row) for row in csv_rows(client, SETS) if is_asked(row)}
    assert by_hand == by_file == set(read_json(client))
    states = {each.state for each in by_hand}
    assert states >= {"done", "already_released", "overdue", "dropped", "due_later"}
    # What is released, what is overdue and since when, what was dropped and why.
    for state in (*KEPT_STATES, "overdue", "dropped"):
        listed = set(list_references(client, CHOSEN | {"progress": state}))
        assert listed == {each.reference for each in by_file if each.state == state}, state
    assert all(each.due_on < "2027-03-15" for each in by_file if each.state == "overdue")
    assert all(each.words for each in by_file if each.state == "dropped")
    # What changed last month. The page names a promise by its title.
    updates = [row for row in csv_rows(client, "/commitments/updates.csv") if is_of_month(row)]
    titles = {(each.reference, each.title) for each in by_file}
    told = {as_change(row) for row in updates if (row["reference"], row["title"]) in titles}
    assert changes == told
    assert {each.outcome for each in changes} == set(OUTCOMES)
    # The feed holds the newest entries, so it knows the days after its oldest one.
    asked = {each.reference for each in by_file}
    progress, oldest = read_feed(client)
    assert progress
    assert progress == {
        (row["reference"], row["reported_on"])
        for row in updates
        if row["reference"] in asked and row["reported_on"] > oldest
    }


@pytest.mark.one_store
def test_filtered_files_are_the_rows_of_the_whole_files(client, three_years):
    asked = set(list_references(client, CHOSEN))
    for address in ("/commitments.csv", SETS, "/commitments/updates.csv"):
        whole, some = csv_rows(client, address), csv_rows(client, f"{address}?{urlencode(CHOSEN)}")
        chosen = [row for row in whole if row["reference"] in asked and is_of_topic(row)]
        assert chosen == some
        assert 0 < len(some) < len(whole)


def is_of_topic(row: dict[str, str]) -> bool:
    """Return False for a row about a promise with another topic."""
    return all(row.get(name, TOPIC) == TOPIC for name in ("category", "topic"))


def is_asked(row: dict[str, str]) -> bool:
    """Return True for a row of the entry file that the questions are about."""
    asked = {"state": "TX", "organization_kind": "agency", "category": TOPIC}
    return asked.items() <= row.items() and row["progress"] != ""


def is_of_month(row: dict[str, str]) -> bool:
    return str(FIRST) <= row["reported_on"] <= str(LAST)


def as_promised(row: dict[str, str]) -> Promised:
    names = ("reference", "promise_id", "title", "progress", "due_on", "last_report")
    return Promised(*(in_one_line(row.get(name, "")) for name in names))


def as_change(row: dict[str, str]) -> Change:
    names = ("reported_on", "reference", "title", "outcome", "words")
    return Change(*(in_one_line(row[name]) for name in names))


def text_of(element, selector: str) -> str:
    """Return the text of the first element that matches a CSS selector; empty without one."""
    found = element.all(selector)
    return found[0].text if found else ""


def list_references(client, filters: dict[str, str]) -> Iterator[str]:
    """Yield the commitments of the list, page by page, as a reader does."""
    address = f"/commitments?{urlencode(filters)}"
    while address:
        page = client.page(address)
        yield from commitment_references(page)
        older = [a.attrs["href"] for a in page.all("a") if a.text == "Next"]
        address = older[0] if older else ""


def read_pages(client) -> tuple[set[Promised], set[Change]]:
    """Return the promises about the topic and the changes of the month, from the pages."""
    promised, changes = set[Promised](), set[Change]()
    topic = topic_field().display(TOPIC)
    for reference in list_references(client, CHOSEN | {"status": "published"}):
        page = client.page(f"/commitments/{reference}")
        titles = set()
        for card in page.all("li.promise"):
            if topic in card.text:
                promised.add(read_card(reference, card))
                titles.add(text_of(card, "h3"))
        for stop in page.all("li.reported"):
            found = read_changes(reference, stop)
            changes.update(change for change in found if change.title in titles)
    return promised, changes


def topic_field() -> Choice:
    """Return the question about the topic of a data set."""
    (group,) = (each for each in COMMITMENT.groups if each.topic)
    return next(each for each in group.fields if each.name == group.topic)


def read_card(reference: str, card) -> Promised:
    return Promised(
        reference,
        card.attrs["id"].removeprefix("entry-"),
        text_of(card, "h3"),
        card.attrs["class"].split()[-1],
        card.all(".due > time")[0].attrs["datetime"],
        text_of(card, "blockquote:not(.why) bdi"),
    )


def read_changes(reference: str, stop) -> Iterator[Change]:
    """Yield what the organization reported at a stop of the timeline, if it is of the month."""
    day = stop.all("time")[0].attrs["datetime"]
    if not str(FIRST) <= day <= str(LAST):
        return
    labels = {str(text): code for code, text in OUTCOME_LABELS.items()} | {"Released": "done"}
    for told in stop.all(".update"):
        title, *words = (each.text for each in told.all("bdi"))
        outcome = labels[text_of(told, ".pill")]
        yield Change(day, reference, title, outcome, words[0] if words else "")


def read_json(client) -> Iterator[Promised]:
    """Yield the promises of the JSON file, one commitment in each line."""
    text = file_text(client, f"/commitments.json?{urlencode(CHOSEN)}")
    lines = (line.rstrip(",") for line in text.partition("[")[2].split("\n"))
    for record in (json.loads(line) for line in lines if line.startswith('{"reference"')):
        for entry in record.get("data_sets", ()):
            if entry["category"] == TOPIC:
                about = {"reference": record["reference"], "promise_id": entry["id"]}
                yield as_promised(entry | about)


def read_feed(client) -> tuple[set[tuple[str, str]], str]:
    """Return commitment and day of the progress until the end of the month that the filtered feed
    tells, from the day after its oldest entry, and the day of that one."""
    text = file_text(client, f"/commitments.atom?{urlencode(CHOSEN)}")
    entries = [
        (
            entry.find(f"{ATOM}title").text,
            entry.find(f"{ATOM}link").attrib["href"].rsplit("/", 1)[1],
            str(
                datetime.fromisoformat(entry.find(f"{ATOM}published").text).astimezone(ZONE).date()
            ),
        )
        for entry in ElementTree.fromstring(text).iter(f"{ATOM}entry")  # noqa: S314
    ]
    oldest = min(day for _, _, day in entries)
    return {
        (reference, day)
        for title, reference, day in entries
        if title.startswith("Progress: ") and oldest < day <= str(LAST)
    }, oldest
