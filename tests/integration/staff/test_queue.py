"""Tests of the queue, of the way from case to case, of assignments, and of who looked when."""

from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from sqlalchemy import event, select, update

from tests.client import case_references, link_address
from tests.factories import (
    add_old_report,
    add_submission,
    events_of,
    staff_client,
)
from tests.integration.accounts.conftest import EXPORT_PATH
from tests.integration.accounts.test_tokens import create_token, fetch_export
from tests.integration.submissions.test_proposals import correct
from wizard import clock
from wizard.accounts import accounts
from wizard.accounts.audit import COMMAND_LINE, ORGANIZATION, Actor
from wizard.db.accounts import CaseView
from wizard.db.engine import db, reading, writing
from wizard.db.models import Submission
from wizard.db.promises import Progress
from wizard.staff import case_lists, cases, erasure
from wizard.submissions import colleagues, search, withdrawals
from wizard.submissions.cases import change_status, locked_case
from wizard.submissions.events import record_event
from wizard.submissions.filters import Filters
from wizard.web.query import PageStart

START = datetime(2027, 3, 1, 9, tzinfo=UTC)
QUEUE = "/staff/submissions?todo=yes"
EDITOR = Actor("editor@example.gov")


def add_many(app, count: int, status: str = "received") -> list[str]:
    """Add submissions, an hour apart, the oldest first."""
    at = clock.now() - timedelta(days=30)
    return [
        add_submission(app, status=status, at=at + timedelta(hours=n), organization_name=f"No. {n}")
        for n in range(count)
    ]


def case(reference: str, query: str = "todo=yes") -> str:
    """Return the address of a case as a list leads to it."""
    return f"/staff/submissions/{reference}?{query}"


def decide(client, page, path: str, to: str = "accepted", **options):
    """Send the standard decision of a page."""
    data = {"key": to, "to": to, "version": page.values()["version"][0]}
    return client.send(path.replace("?", "/status?"), data, **options)


@pytest.fixture
def waiting(app) -> list[str]:
    """Store a case of each kind that waits, the longest first, and others that do not."""
    in_review, received = add_many(app, 2)
    asks, corrects, reports, told = (add_submission(app, status="published") for _ in range(4))
    for status in ("accepted", "published", "declined", "withdrawn", "changes_requested"):
        add_submission(app, status=status)
    returned = add_submission(app, at=START - timedelta(days=300), status="changes_requested")
    with app.app_context():
        cases.decide(in_review, "in_review", 1, EDITOR)
        withdrawals.request_withdrawal(asks, "No staff.", ORGANIZATION)
        correct(corrects, city="Tampa")
    add_old_report(app, reports, {"data_sets": {"0": {"done": True}}})
    with app.app_context():
        with writing() as session:
            it = session.scalars(select(Submission).where(Submission.reference == told)).one()
            session.add(
                Progress(submission_id=it.id, entry_id="0", outcome="dropped", words="",
                         promised_on=it.submitted_at.date())
            )  # fmt: skip
        with locked_case(returned) as submission:
            change_status(submission, "in_review", ORGANIZATION)
    return [in_review, received, asks, corrects, reports, told, returned]


def test_queue_holds_all_that_waits_the_longest_first(app, viewer, waiting):
    page = viewer.page(QUEUE)
    assert case_references(page) == waiting
    assert page.text("h1") == "To do" and "7 submissions match" in page.text("#found")
    ages = [each.text for each in page.all(".list time")]
    assert ages[0].startswith("29 days") or ages[0] == "30 days"
    assert ages[-1] == "today"  # since it came back
    everything = viewer.page("/staff/submissions")
    assert set(case_references(everything)) > set(waiting)
    assert everything.text("h1") == "Submissions"


def test_queue_and_its_count_and_export_hold_the_same(app, viewer, waiting):
    with app.app_context():
        chosen = Filters(todo="yes")
        assert case_lists.CaseList(chosen).count() == len(waiting)
        found = db.session.scalars(select(Submission.reference).where(*chosen.conditions()))
        assert set(found) == set(waiting)
    exported = viewer.get("/staff/export/submissions.csv?todo=yes").text
    assert all(reference in exported for reference in waiting)
    assert exported.count("\r\n") == len(waiting) + 1


def test_dashboard_counts_what_is_in_the_queue_and_leads_there(app, viewer, waiting):
    with app.app_context():  # one case waits for two reasons, and counts once
        withdrawals.request_withdrawal(waiting[0], "No staff.", ORGANIZATION)
    page = viewer.page("/staff/")
    tile = page.all(".figures a")[0]
    assert tile.text.split() == [str(len(waiting)), "Submissions", "waiting", "for", "us"]
    assert tile.attrs["href"] == QUEUE


def test_queue_is_empty_at_first(viewer):
    assert "Nothing waits for you." in viewer.page(QUEUE).text("main")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_queue_pages_in_both_directions(app, waiting, size):
    with app.app_context():
        whole = case_lists.read_page(Filters(todo="yes"), PageStart()).keys
        assert whole.references == waiting
        keys = [(whole.since[each], each) for each in waiting]
        for place, key in enumerate(keys):
            after = case_lists.CaseList(Filters(todo="yes")).select_keys(PageStart(key), size)
            assert after.references == waiting[place + 1 : place + 1 + size]
            assert bool(after.older) == (place + 1 + size < len(waiting))
            before = case_lists.CaseList(Filters(todo="yes")).select_keys(
                PageStart(key, True), size
            )
            assert before.references == waiting[max(place - size, 0) : place]
            assert bool(before.newer) == (place > size)
        last = case_lists.CaseList(Filters(todo="yes")).select_keys(PageStart(None, True), size)
        assert last.references == waiting[-size:]
        assert not last.older


def test_queue_honors_filters(app, viewer, waiting):
    for query, expected in [
        ("status=received", waiting[1:2]),
        ("status=published", waiting[2:6]),
        ("state=GA", []),
        (f"text={waiting[1]}", waiting[1:2]),
        ("assigned=nobody", waiting),
        ("assigned=me", []),
        ("seen=unread", waiting),
        ("seen=changed", []),
    ]:
        assert case_references(viewer.page(f"{QUEUE}&{query}")) == expected, query


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
@pytest.mark.parametrize("query", ["todo=yes", "status=received", ""])
def test_case_leads_to_its_neighbors_in_the_list(app, viewer, query, htmx):
    add_submission(app, status="accepted") if query else None
    made = add_many(app, 3)
    order = made if query == "todo=yes" else made[::-1]
    first = case(order[0], query)
    page = viewer.page(link_address(viewer.page(first, htmx=htmx), "Next"), htmx=htmx)
    assert page.text(".facts .reference") == order[1]
    assert viewer.page(link_address(page, "Previous"), htmx=htmx).text(".reference") == order[0]
    page = viewer.page(link_address(page, "Next"), htmx=htmx)
    assert page.text(".facts .reference") == order[2]
    title = "To do" if query == "todo=yes" else "Submissions"
    assert viewer.page(link_address(page, "Next"), htmx=htmx).text("h1") == title
    page = viewer.page(first, htmx=htmx)
    assert viewer.page(link_address(page, "Previous"), htmx=htmx).text("h1") == title


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_decision_in_the_queue_leads_to_the_next_case_and_at_last_to_the_list(app, editor, htmx):
    first, second = add_many(app, 2)
    page = editor.page(case(first), htmx=htmx)
    page = decide(editor, page, case(first), htmx=htmx)
    assert page.text(".facts .reference") == second
    assert page.text("#said") == f"✓ {first} : Status changed to Accepted."
    assert editor.page(link_address(page, first)).text(".facts .pill").endswith("Accepted")
    page = decide(editor, page, case(second), "in_review", htmx=htmx)
    assert page.text("h1") == "To do"
    assert page.text("#said").endswith("In review. That was the last one of this list.")
    assert case_references(page) == [second]
    assert not editor.page(QUEUE).all("#said")


def test_decision_in_another_list_stays_unless_the_address_says(app, editor):
    first, second = add_many(app, 2)[::-1]
    page = editor.page(case(first, "status=received"))
    onward = link_address(page, "open the next one")
    page = editor.page(onward)
    assert page.path == f"/staff/submissions/{first}"
    page = decide(editor, page, onward)
    assert page.text(".facts .reference") == second
    page = editor.page(link_address(page, "stay here"))
    page = decide(editor, page, case(second, "status=received&then=stay"))
    assert page.text(".facts .reference") == second
    assert page.text("#said") == "✓ Status changed to Accepted."


def test_refused_and_stale_decisions_stay_on_the_case(app, editor):
    first, _ = add_many(app, 2)
    page = editor.page(case(first))
    declined = {"key": "declined", "to": "declined", "version": "1", "reason": "", "words": "x"}
    refused = editor.send(case(first).replace("?", "/status?"), declined)
    assert (refused.status, refused.text(".facts .reference")) == (422, first)
    with app.app_context():
        cases.decide(first, "in_review", 1, Actor("other@example.gov"))
    stale = decide(editor, page, case(first))
    assert (stale.status, stale.text(".facts .reference")) == (409, first)
    assert not stale.all("#said")


def test_decision_on_an_unknown_case_is_404(app, editor):
    for query in ("todo=yes", "then=next"):
        data = {"to": "accepted", "version": "1"}
        assert editor.send(f"/staff/submissions/PDI-AAAA-AAAA/status?{query}", data).status == 404


def test_case_is_assigned_and_found_by_person(app, viewer, editor):
    mine, other = add_many(app, 2)
    bob = staff_client(app, "editor", "bob")
    page = editor.page(case(mine))
    assert "Assigned to nobody" in page.text(".facts")
    page = editor.send(case(mine).replace("?", "/assign?"), {"to": "editor@example.gov"})
    assert page.text("#said") == "✓ Assigned to editor@example.gov."
    assert "Assigned to editor@example.gov" in page.text(".facts")
    assert "To: editor@example.gov" in page.text("#history")
    assert not page.all('[data-keys="m"]')
    assert case_references(editor.page(f"{QUEUE}&assigned=me")) == [mine]
    assert case_references(bob.page(f"{QUEUE}&assigned=me")) == []
    for client in (viewer, bob):
        assert case_references(client.page(f"{QUEUE}&assigned=nobody")) == [other]
        assert case_references(client.page(f"{QUEUE}&assigned=editor@example.gov")) == [mine]
    assert "editor@example.gov" in viewer.page(QUEUE).all(".list tbody tr")[0].text
    assert "Assign to me" not in viewer.page(case(mine)).text("main")
    (event,) = events_of(app, "assigned")
    assert (event.actor, event.data) == ("editor@example.gov", {"to": "editor@example.gov"})


def test_assignment_leaves_the_version_and_tells_nobody(app, editor):
    (reference,) = add_many(app, 1)
    page = editor.page(case(reference))
    editor.send(case(reference).replace("?", "/assign?"), {"to": "editor@example.gov"})
    assert decide(editor, page, case(reference)).status == 200
    kinds = [event.kind for event in events_of(app)]
    assert kinds == ["assigned", "review_started", "accepted"]


def test_second_taker_is_told_of_the_first(app, editor):
    (reference,) = add_many(app, 1)
    bob = staff_client(app, "editor", "bob")
    path = case(reference).replace("?", "/assign?")
    bob.send(path, {"to": "bob@example.gov", "before": ""})
    late = editor.send(path, {"to": "editor@example.gov", "before": ""})
    assert late.status == 409 and "Assigned to bob@example.gov" in late.text(".facts")
    given = editor.send(path, {"to": "", "before": "bob@example.gov"})
    assert "Assigned to nobody" in given.text(".facts")
    assert [event.data["to"] for event in events_of(app, "assigned")] == ["bob@example.gov", ""]


@pytest.mark.parametrize("to", ["viewer@example.gov", "who@example.gov", "x\0", "me"])
def test_case_goes_only_to_who_can_decide(app, viewer, editor, to):
    (reference,) = add_many(app, 1)
    page = editor.send(case(reference).replace("?", "/assign?"), {"to": to})
    assert page.status == 422
    assert page.errors() == {"assign": "Choose somebody who can decide on submissions."}
    assert events_of(app) == []


def test_case_of_a_disabled_person_is_nobodys_and_can_be_reassigned(app, editor):
    (reference,) = add_many(app, 1)
    staff_client(app, "editor", "bob")
    path = case(reference).replace("?", "/assign?")
    editor.send(path, {"to": "bob@example.gov"})
    assert case_references(editor.page(f"{QUEUE}&assigned=nobody")) == []
    with app.app_context():
        accounts.disable_account("bob@example.gov", COMMAND_LINE)
    assert case_references(editor.page(f"{QUEUE}&assigned=nobody")) == [reference]
    page = editor.page(case(reference))
    assert "Assigned to bob@example.gov (disabled)" in page.text(".facts")
    (chosen,) = page.all("#to option[selected]")
    assert chosen.text == "bob@example.gov (disabled)"
    data = {"to": "editor@example.gov", "before": "bob@example.gov"}
    assert "Assigned to editor@example.gov" in editor.send(path, data).text(".facts")
    assert editor.send(path, {"to": "bob@example.gov", "before": data["to"]}).status == 422


@pytest.mark.parametrize("most", [0, colleagues.MAX_LOOKED_UP])
def test_unread_and_changed_are_per_person(app, editor, monkeypatch, most):
    monkeypatch.setattr(colleagues, "MAX_LOOKED_UP", most)  # with more, each row is looked at
    first, second = add_many(app, 2)
    bob = staff_client(app, "editor", "bob")
    editor.page(case(first))
    assert case_references(editor.page(f"{QUEUE}&seen=unread")) == [second]
    assert case_references(bob.page(f"{QUEUE}&seen=unread")) == [first, second]
    marks = [row.all("td")[4].text for row in editor.page(QUEUE).all(".list tbody tr")]
    assert "New" not in marks[0] and "New" in marks[1]
    bob.send(f"/staff/submissions/{first}/note", {"text": "Called them."})
    for lists in (QUEUE, "/staff/submissions?sort=oldest", "/staff/submissions?sort=due"):
        assert case_references(editor.page(f"{lists}&seen=changed")) == [first]
    assert case_references(bob.page(f"{QUEUE}&seen=changed")) == []  # it was bob
    assert "Changed" in editor.page(QUEUE).all(".list tbody tr")[0].text
    editor.page(case(first))
    assert case_references(editor.page(f"{QUEUE}&seen=changed")) == []


def test_case_says_who_opened_it_lately(app, editor, monkeypatch):
    (reference,) = add_many(app, 1)
    bob = staff_client(app, "editor", "bob")
    bob.page(case(reference))
    later = clock.now()
    assert "Opened by bob@example.gov just now" in editor.page(case(reference)).text(".facts")
    monkeypatch.setattr(clock, "now", lambda: later + timedelta(minutes=5, seconds=9))
    facts = editor.page(case(reference)).text(".facts")
    assert "Opened by bob@example.gov 5 minutes ago" in facts
    assert "Opened by editor" not in facts
    monkeypatch.setattr(colleagues, "RECENT_VIEW_PERIOD", timedelta(minutes=5))
    assert "Opened by" not in editor.page(case(reference)).text(".facts")


def test_view_that_is_not_stored_is_no_failure_of_the_page(app, editor, monkeypatch, caplog):
    (reference,) = add_many(app, 1)

    def fail(*args):
        db.session.add(CaseView(submission_id=0, user_id=0, event_id=0))
        db.session.flush()

    monkeypatch.setattr(colleagues, "_store_view", fail)
    assert editor.page(case(reference)).status == 200
    assert "view of a case not stored: IntegrityError" in caplog.text
    with app.app_context():
        assert db.session.scalars(select(CaseView)).all() == []


def test_erasure_deletes_who_looked_and_keeps_no_assignee_in_the_history(app, editor, admin):
    (reference,) = add_many(app, 1)
    editor.page(case(reference))
    editor.send(case(reference).replace("?", "/assign?"), {"to": "editor@example.gov"})
    with app.app_context():
        erasure.erase(reference, EDITOR)
    page = admin.page(case(reference))
    assert "Assigned" in page.text("#history") and page.status == 200
    with app.app_context():
        assert db.session.scalars(select(CaseView)).all() == []
    assert [event.data for event in events_of(app, "assigned")] == [{}]
    assert case_references(editor.page(QUEUE)) == []


def note_as_bob(app, reference: str, text: str = "Called them.") -> None:
    with app.app_context():
        cases.add_note(reference, text, Actor("bob@example.gov"))


def test_first_view_tells_of_event_recorded_since_the_page_was_read(app, editor):
    (reference,) = add_many(app, 1)
    with app.app_context():
        note_as_bob(app, reference)
        user_id = accounts.find_account("editor@example.gov").id
        with reading() as session:
            submission = session.scalars(select(Submission)).one()
        colleagues.record_view(submission, 0, user_id, EDITOR)
    assert case_references(editor.page(f"{QUEUE}&seen=changed")) == [reference]


def test_first_view_waits_for_event_that_is_not_committed_yet(app, editor):
    (reference,) = add_many(app, 1)
    viewing = Thread(target=editor.page, args=[case(reference)])
    with app.app_context(), locked_case(reference) as submission:
        record_event(submission, "noted", Actor("bob@example.gov"))
        viewing.start()
        viewing.join(0.5)
    viewing.join()
    assert case_references(editor.page(f"{QUEUE}&seen=changed")) == [reference]


def test_own_event_changes_nothing(app, editor):
    (reference,) = add_many(app, 1)
    page = editor.page(case(reference))
    decide(editor, page, case(reference))
    assert case_references(editor.page("/staff/submissions?seen=changed")) == []


def test_view_stored_by_previous_version_counts_as_changed_after_the_next_event(app, editor):
    seen, reference = add_many(app, 2)
    for each in (seen, reference):
        editor.page(case(each))
    with app.app_context(), writing() as session:
        session.execute(update(CaseView).values(last_event_id=None))
    note_as_bob(app, reference)
    assert case_references(editor.page(f"{QUEUE}&seen=changed")) == [reference]
    marks = [row.all("td")[4].text for row in editor.page(QUEUE).all(".list tbody tr")]
    assert ["Changed" in each for each in marks] == [False, True]


@pytest.mark.parametrize("most", [0, colleagues.MAX_LOOKED_UP])
def test_neighbors_among_changed_cases_are_found_wherever_they_are(app, editor, monkeypatch, most):
    monkeypatch.setattr(colleagues, "MAX_LOOKED_UP", most)
    made = add_many(app, 9)
    for reference in (made[0], made[8]):
        editor.page(case(reference))
        note_as_bob(app, reference)
    for lists, order in (("todo=yes&seen=changed", made), ("seen=changed", made[::-1])):
        page = editor.page(case(order[4], lists))
        for label, beside in (("Previous", order[0]), ("Next", order[8])):
            assert f"/{beside}?" in editor.get(link_address(page, label)).location


@pytest.mark.parametrize(
    ("most", "has_few"),
    [
        (0, True),
        (colleagues.MAX_LOOKED_UP, False),
        pytest.param(0, False, marks=pytest.mark.slow),
        pytest.param(colleagues.MAX_LOOKED_UP, True, marks=pytest.mark.slow),
    ],
)
def test_changed_and_unread_cases_with_some_words_are_found_however_many_there_are(
    app, editor, monkeypatch, most, has_few
):
    monkeypatch.setattr(colleagues, "MAX_LOOKED_UP", most)
    if not has_few:
        monkeypatch.setattr(search, "MAX_FEW", 0)
        monkeypatch.setattr(search, "MAX_LOOKED_UP", -1)
    made = add_many(app, 5)
    note_as_bob(app, made[2], "Quetzalcoatl called.")
    note_as_bob(app, made[4], "Quetzalcoatl called.")
    for reference in made[:4]:
        editor.page(case(reference))
    note_as_bob(app, made[0], "Quetzalcoatl called.")
    note_as_bob(app, made[1], "He called.")
    for lists in ("", "todo=yes&", "sort=due&", "sort=changed&"):
        page = editor.page(f"/staff/submissions?{lists}seen=changed&q=quetzalcoatl")
        assert case_references(page) == [made[0]], lists
        page = editor.page(f"/staff/submissions?{lists}seen=changed")
        assert sorted(case_references(page)) == sorted(made[:2]), lists
        for query in ("", "&q=quetzalcoatl", "&q=quetzalcoatl&status=received"):
            page = editor.page(f"/staff/submissions?{lists}seen=unread{query}")
            assert case_references(page) == [made[4]], (lists, query)


def test_next_of_changed_cases_has_the_words(app, editor, monkeypatch):
    monkeypatch.setattr(search, "MAX_FEW", 0)
    monkeypatch.setattr(search, "MAX_LOOKED_UP", -1)
    made = add_many(app, 5)
    for reference in made:
        editor.page(case(reference))
        words = "Quetzalcoatl called." if reference in (made[0], made[4]) else "He called."
        note_as_bob(app, reference, words)
    page = editor.page(case(made[4], "seen=changed&q=quetzalcoatl"))
    assert f"/{made[0]}?" in editor.get(link_address(page, "Next")).location


def test_length_of_list_of_changed_cases_is_counted_up_to_a_limit(app, editor, monkeypatch):
    monkeypatch.setattr(case_lists, "PAGE_SIZE", 1)
    made = add_many(app, 3)
    for reference in made:
        editor.page(case(reference))
        note_as_bob(app, reference)
    for limit, most in ((2, 2), (2, 500), (3, 2), (3, 500)):
        monkeypatch.setattr(case_lists, "MAX_FOUND", limit)
        monkeypatch.setattr(colleagues, "MAX_LOOKED_UP", most)
        shown = editor.page("/staff/submissions?seen=changed").text("main")
        assert ("More than 2" in shown) is (limit == 2), (limit, most)


def test_list_and_case_read_accounts_once(app, admin):
    (reference,) = add_many(app, 1)
    for name in ("ann", "bob", "cai"):
        staff_client(app, "editor", name)
    for address in (QUEUE, case(reference)):
        read = list[str]()
        with app.app_context():
            engine = db.engine
        event.listen(engine, "before_cursor_execute", lambda *called, to=read: to.append(called[2]))
        page = admin.page(address)
        assert sum("FROM staff_user" in each for each in read) == 1
        assert all(name in page.text("main") for name in ("ann@", "bob@", "cai@"))


def test_token_has_no_own_cases(app, client, admin):
    (reference,) = add_many(app, 1)
    admin.send(f"/staff/submissions/{reference}/assign", {"to": "admin@example.gov"})
    secret = create_token(admin)
    for query, status, count in (
        ("assigned=me", 400, 0),
        ("seen=changed", 400, 0),
        ("assigned=admin@example.gov", 200, 1),
    ):
        answer = fetch_export(client, secret, path=f"{EXPORT_PATH}?{query}")
        assert (answer.status_code, answer.text.count(reference)) == (status, count), query


@pytest.mark.second_store_slow
@pytest.mark.parametrize(
    "query", ["todo=no", "seen=never", "assigned=%00", "then=x&todo=yes&todo=yes"]
)
def test_malformed_filter_of_the_queue_is_400(viewer, query):
    assert viewer.page(f"/staff/submissions?{query}").status == 400
