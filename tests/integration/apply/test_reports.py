"""Tests of the form on which an organization reports on its promises."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.client import Page, link_address
from tests.conftest import advance_clock
from tests.factories import add_published, events_of, set_language, staff_client, update_client
from tests.mail import render_message
from wizard import clock
from wizard.accounts.audit import Actor
from wizard.db.engine import db, writing
from wizard.db.models import MailMessage, Submission
from wizard.db.promises import Progress, Promise, ReportDraft
from wizard.staff import erasure
from wizard.submissions.cases import change_status, find_by_reference, locked_case
from wizard.submissions.messages import standard_message

pytestmark = pytest.mark.second_store_slow

EDITOR = Actor("editor@example.gov", kind="staff")


def promise_ids(app) -> list[str]:
    """Return the ids of the promises, in their order."""
    with app.app_context():
        return list(db.session.scalars(select(Promise.entry_id).order_by(Promise.id)))


def rows_of(app, table) -> list:
    """Return the rows of a table."""
    with app.app_context():
        return list(db.session.scalars(select(table).order_by(table.id)))


def save(own, reference: str, entry_id: str, action: str = "continue", htmx=False, **told) -> Page:
    """Post the page about a promise."""
    path = f"/commitments/{reference}/update/{entry_id}"
    hidden = own.page(path).values()
    fixed = {name: hidden[name] for name in ("page", "turn", "based_on") if name in hidden}
    data = {f"{name}_{entry_id}": value for name, value in told.items()}
    asked = [f"{name}_{entry_id}" for name in ("done_on", "url", "new_date", "words")]
    return own.send(path, {**fixed, "action": action, "asked": asked, **data}, htmx=htmx)


def send(own, reference: str) -> Page:
    """Send the report."""
    return own.send(f"/commitments/{reference}/update/review", {"action": "continue"})


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_report_is_sent_and_waits_for_staff(app, htmx):
    app.config["PROGRAM_EMAIL"] = "office@example.gov"
    reference = add_published(app, "partner")
    own, ids = update_client(app, reference), promise_ids(app)
    with app.app_context():
        today = clock.today()
    told = {"outcome": "done", "done_on": today.isoformat(), "url": "example.org/done"}
    assert save(own, reference, ids[0], htmx=htmx, **told).path.endswith("/update/review")
    page = save(own, reference, ids[1], htmx=htmx, outcome="on_track", words="A room is booked.")
    assert "https://example.org/done" in page.text(f"#promise-{ids[0]}")
    assert "A room is booked." in page.text(f"#promise-{ids[1]}")
    assert "We received your progress update" in send(own, reference).text(".sent")
    rows = rows_of(app, Progress)
    assert [(row.entry_id, row.outcome, row.day) for row in rows] == [
        (ids[0], "done", today),
        (ids[1], "on_track", None),
    ]
    assert (rows_of(app, ReportDraft), [e.kind for e in events_of(app)]) == (
        [],
        ["progress_reported"],
    )
    assert [message.kind for message in rows_of(app, MailMessage)] == ["office_progress_reported"]
    again = own.page(f"/commitments/{reference}/update/review")
    assert "Waiting for program staff" in again.text(f"#promise-{ids[0]}")


def test_promise_whose_date_has_passed_is_marked(app, monkeypatch):
    reference = add_published(app, "partner")
    path, own = f"/commitments/{reference}/update/review", update_client(app, reference)
    assert "Overdue" not in own.page(path).text("#report")
    advance_clock(monkeypatch, days=3000)
    own = update_client(app, reference)
    assert {each.text for each in own.page(path).all("#report .pill")} == {"! Overdue"}


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_report_that_is_sent_twice_is_received_once(app, htmx):
    reference = add_published(app, "partner")
    own, ids = update_client(app, reference), promise_ids(app)
    empty = own.page(f"/commitments/{reference}/update/review")
    review = save(own, reference, ids[0], outcome="on_track", words="A room is booked.")
    shown = [own.send(review.path, review.values(), htmx=htmx).path for _ in range(2)]
    assert shown == [f"/commitments/{reference}/yours"] * 2
    assert len(rows_of(app, Progress)) == len(events_of(app, "progress_reported")) == 1
    assert own.send(empty.path, empty.values(), htmx=htmx).status == 422
    save(own, reference, ids[1], outcome="on_track")
    assert own.send(review.path, review.values(), htmx=htmx).status == 409


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ({"outcome": "done"}, "done_on"),
        ({"outcome": "done", "done_on": "2099-01-01"}, "done_on"),
        ({"outcome": "delayed", "new_date": "2020-01-01", "words": "Why"}, "new_date"),
        ({"outcome": "delayed", "new_date": "2099-01-01"}, "words"),
        ({"outcome": "dropped"}, "words"),
        ({"outcome": "dropped", "words": "x" * 501}, "words"),
        ({"outcome": "no such outcome"}, "outcome"),
    ],
)
def test_incomplete_answer_is_422_and_kept_unsent(app, told, wrong):
    reference = add_published(app, "partner")
    own, ids = update_client(app, reference), promise_ids(app)
    path = f"/commitments/{reference}/update/{ids[0]}"
    asked = [f"{name}_{ids[0]}" for name in ("done_on", "url", "new_date", "words")]
    data = {f"{name}_{ids[0]}": value for name, value in told.items()}
    page = own.send(path, {"action": "continue", "asked": asked, **data})
    assert (page.status, list(page.errors())) == (422, [f"{wrong}_{ids[0]}"])
    assert send(own, reference).path == path
    assert rows_of(app, Progress) == []


def test_report_about_nothing_is_422(app):
    reference = add_published(app, "partner")
    page = send(update_client(app, reference), reference)
    assert (page.status, list(page.errors())) == (422, ["report"])


def test_opening_a_link_chooses_an_answer_and_stores_nothing(app):
    reference = add_published(app, "partner")
    own, ids = update_client(app, reference), promise_ids(app)
    page = own.page(f"/commitments/{reference}/update/{ids[0]}?outcome=done")
    assert page.values()[f"outcome_{ids[0]}"] == ["done"]
    assert f"done_on_{ids[0]}" in page.values()
    assert (page.errors(), rows_of(app, ReportDraft)) == ({}, [])


def test_autosaved_report_is_resumed_in_another_browser(app):
    reference = add_published(app, "partner")
    own, ids = update_client(app, reference), promise_ids(app)
    path = f"/commitments/{reference}/update/{ids[1]}"
    data = {f"outcome_{ids[1]}": "delayed", f"new_date_{ids[1]}": "next"}
    data["asked"] = f"new_date_{ids[1]}"
    assert own.send(f"{path}/autosave", data).status == 200
    page = update_client(app, reference).page(path)
    assert page.values()[f"new_date_{ids[1]}"] == ["next"]
    assert rows_of(app, Progress) == []


def test_second_tab_chooses_between_both_answers(app):
    reference = add_published(app, "partner")
    own, ids = update_client(app, reference), promise_ids(app)
    path = f"/commitments/{reference}/update/{ids[0]}"
    stale = own.page(path).values()
    save(own, reference, ids[0], outcome="on_track")
    fixed = {name: stale[name] for name in ("page", "turn", "based_on")}
    page = own.send(path, {**fixed, "action": "continue", f"outcome_{ids[0]}": "dropped"})
    assert page.status == 409


def test_sixth_report_waits_until_staff_read_the_others(app):
    reference = add_published(app, "partner")
    own, ids = update_client(app, reference), promise_ids(app)
    for _ in range(5):
        save(own, reference, ids[0], outcome="on_track")
        assert send(own, reference).path.endswith("/yours")
    save(own, reference, ids[0], outcome="on_track")
    page = send(own, reference)
    assert (page.status, list(page.errors())) == (422, ["report"])
    assert len(rows_of(app, ReportDraft)) == 1


def test_promise_removed_meanwhile_loses_nothing(app):
    reference = add_published(app, "partner")
    own, ids = update_client(app, reference), promise_ids(app)
    save(own, reference, ids[0], outcome="on_track", words="Nearly there.")
    with app.app_context(), writing() as session:
        session.delete(session.scalars(select(Promise).where(Promise.entry_id == ids[0])).one())
    page = own.page(f"/commitments/{reference}/update/review")
    assert "Nearly there." in page.text("#lost")
    typed = {
        f"outcome_{ids[0]}": "on_track",
        f"words_{ids[0]}": "Done soon.",
        "asked": f"words_{ids[0]}",
    }
    refused = own.send(f"/commitments/{reference}/update/{ids[0]}", typed)
    assert (refused.status, "Done soon." in refused.text("main")) == (409, True)


def test_promise_with_a_corrected_date_says_so(app):
    reference = add_published(app, "partner")
    own, ids = update_client(app, reference), promise_ids(app)
    save(own, reference, ids[0], outcome="on_track")
    with app.app_context(), writing() as session:
        row = session.scalars(select(Promise).where(Promise.entry_id == ids[0])).one()
        row.due_on += timedelta(days=3)
    review = f"/commitments/{reference}/update/review"
    assert "was corrected after" in own.page(review).text(f"#promise-{ids[0]}")
    save(own, reference, ids[1], outcome="on_track")
    assert "was corrected after" in own.page(review).text(f"#promise-{ids[0]}")
    save(own, reference, ids[0], outcome="on_track")  # checked
    assert "was corrected after" not in own.page(review).text(f"#promise-{ids[0]}")


def report_two(app, reference: str) -> list[str]:
    """Report that one promise is done and one is dropped; return the ids of their entries."""
    own, ids = update_client(app, reference), promise_ids(app)
    with app.app_context():
        today = clock.today().isoformat()
    save(own, reference, ids[0], outcome="done", done_on=today, url="https://example.org/it")
    save(own, reference, ids[1], outcome="dropped", words="No money.")
    send(own, reference)
    return ids


def test_limit_counts_reports_and_no_saved_pages(make_app, monkeypatch):
    app = make_app(RATELIMIT_ENABLED=True)
    reference = add_published(app, "partner")
    own, ids = update_client(app, reference), promise_ids(app)
    for _ in range(61):
        assert save(own, reference, ids[0], outcome="on_track").status == 200
    assert send(own, reference).status == 200


def offered_on(page) -> tuple[str, str]:
    """Return what staff can decide on together on the page of a case, and the case's version."""
    values = page.values()
    offered = next(given[0] for name, given in values.items() if name.startswith("offered-"))
    return offered, values["version"][0]


def test_staff_approve_some_of_a_report_with_a_word_back(app, client):
    reference = add_published(app, "partner")
    ids, editor = report_two(app, reference), staff_client(app, "editor")
    path = f"/staff/submissions/{reference}"
    assert "Progress update" in editor.page("/staff/").text("#requests")
    page = editor.page(path)
    assert "No money." in page.text("#reports")
    offered, version = offered_on(page)
    fixed = {"key": f"progress_approved-{offered}", "offered": offered, "version": version}
    assert editor.send(f"{path}/progress", fixed).status == 422
    done = offered.split(",")[0]
    words = {
        "approve": done,
        "reason": "The link does not open.",
        "words": "Thank you for the first.",
    }
    assert editor.send(f"{path}/progress", fixed | words).status == 200
    stale = editor.send(f"{path}/progress", fixed | words)
    assert stale.status == 409 and "You changed this in another window." in stale.text("#stale")
    assert [(row.approved, row.reply) for row in rows_of(app, Progress)] == [
        (True, ""),
        (False, "The link does not open."),
    ]
    promises = {row.entry_id: row for row in rows_of(app, Promise)}
    assert promises[ids[0]].done_on and not promises[ids[1]].dropped_on
    assert [each.words for each in told_of(app)] == ["Thank you for the first."]
    (event,) = events_of(app, "progress_approved")
    assert (event.data["approved"], event.data["declined"]) == ([ids[0]], [ids[1]])
    own = update_client(app, reference).page(f"/commitments/{reference}/update/review")
    shown = ["does not open" in own.text(f"#promise-{each}") for each in ids]
    assert shown == [False, True]


def told_of(app) -> list[MailMessage]:
    """Return the messages to the contact about progress updates."""
    return [each for each in rows_of(app, MailMessage) if each.kind.startswith("progress")]


def standard_words(app, reference: str) -> str:
    """Return the message as staff see it before they choose what to approve."""
    with app.app_context():
        return standard_message(find_by_reference(reference), "progress_approved")[1]


def approve(app, reference: str, ids: list[str], words: str = "") -> None:
    """Let staff approve the reports on some promises alone; `words` replace the message."""
    editor, path = staff_client(app, "editor"), f"/staff/submissions/{reference}"
    offered, version = offered_on(editor.page(path))
    rows = [str(row.id) for row in rows_of(app, Progress) if row.entry_id in ids]
    data = {"key": f"progress_approved-{offered}", "offered": offered, "version": version}
    data["words"] = words or standard_words(app, reference)
    assert editor.send(f"{path}/progress", {**data, "approve": rows}).status == 200


def titles_of(app, ids: list[str]) -> list[str]:
    """Return the titles that an organization gave its promises."""
    found = {row.entry_id: row.title for row in rows_of(app, Promise)}
    return [found[entry_id] for entry_id in ids]


def test_partly_approved_report_names_what_was_not_approved(app):
    reference = add_published(app, "partner")
    ids = report_two(app, reference)
    kept, refused = titles_of(app, ids[:2])
    approve(app, reference, ids[:1])
    (message,) = told_of(app)
    letter = render_message(app, message)
    assert "we approved part of your progress update" in letter.subject
    for body in (letter.text, letter.html):
        words = " ".join(body.split())
        assert "We approved part of your progress update." in words
        assert "Not approved:" in words and refused in words and kept not in words
    happened = update_client(app, reference).page(f"/commitments/{reference}/yours").text(".next")
    assert "Program staff approved part of your progress update." in happened
    assert refused in happened and kept not in happened
    history = staff_client(app, "viewer").page(f"/staff/submissions/{reference}").text("#history")
    assert "Progress update approved in part" in history


def test_partly_approved_report_is_told_in_spanish(app):
    reference = add_published(app, "partner")
    set_language(app, reference, "es")
    ids = report_two(app, reference)
    approve(app, reference, ids[:1])
    letter = render_message(app, told_of(app)[0])
    assert "aprobamos una parte de su informe de avances" in letter.subject
    assert "No se aprobó:" in letter.text and "Not approved" not in letter.text


def test_promise_that_was_not_approved_says_so_on_update_page(app):
    reference = add_published(app, "partner")
    ids = report_two(app, reference)
    approve(app, reference, ids[:1])
    own, path = update_client(app, reference), f"/commitments/{reference}/update/review"
    page = own.page(path)
    assert "Not approved" in page.text(f"#promise-{ids[1]}")
    assert "No money." in page.text(f"#promise-{ids[1]}")
    assert "Not approved" not in page.text(f"#promise-{ids[0]}")
    save(own, reference, ids[1], outcome="on_track")
    send(own, reference)
    assert "Not approved" not in own.page(path).text(f"#promise-{ids[1]}")


def test_wholly_approved_report_names_nothing(app):
    reference = add_published(app, "partner")
    ids = report_two(app, reference)
    approve(app, reference, ids[:2])
    letter = render_message(app, told_of(app)[0])
    assert "we approved your progress update" in letter.subject
    assert "We approved your progress update." in " ".join(letter.text.split())
    assert "Not approved" not in letter.text
    happened = update_client(app, reference).page(f"/commitments/{reference}/yours").text(".next")
    assert "Program staff approved your progress update." in happened
    assert "Not approved" not in happened


def test_words_of_staff_about_a_part_stay(app):
    reference = add_published(app, "partner")
    ids = report_two(app, reference)
    approve(app, reference, ids[:1], "One of them needs a link.")
    letter = render_message(app, told_of(app)[0])
    assert "One of them needs a link." in letter.text
    assert "Thank you for telling us" not in letter.text


def test_staff_decline_all_of_a_report(app):
    reference = add_published(app, "partner")
    report_two(app, reference)
    editor, path = staff_client(app, "editor"), f"/staff/submissions/{reference}"
    page = editor.page(path)
    offered, version = offered_on(page)
    data = {"key": f"progress_declined-{offered}", "offered": offered, "version": version}
    assert editor.send(f"{path}/progress", data).status == 200
    assert [row.approved for row in rows_of(app, Progress)] == [False, False]
    assert [event.kind for event in events_of(app)] == ["progress_reported", "progress_declined"]
    viewer = staff_client(app, "viewer")
    assert viewer.send(f"{path}/progress", data).status == 403


def test_incomplete_report_on_another_promise_does_not_lead_away(app):
    reference = add_published(app)
    own, ids = update_client(app, reference), promise_ids(app)
    save(own, reference, ids[0], action="save", outcome="done")
    page = save(own, reference, ids[1], outcome="on_track")
    assert page.path.endswith("/update/review")
    assert "Not complete yet" in page.text(f"#promise-{ids[0]}")
    assert "Released" in page.text(f"#promise-{ids[0]} dl:last-child")
    assert page.text("#line").count("(completed)") == 1
    links = [each.attrs["href"].rpartition("/")[2] for each in page.all("#line a")]
    assert links == ids


def change_to(app, reference: str, *statuses: str) -> None:
    """Let staff change the status, once or more."""
    with app.app_context():
        for status in statuses:
            with locked_case(reference) as submission:
                change_status(submission, status, EDITOR)


def erase(app, reference: str) -> None:
    """Let staff delete the answers."""
    with app.app_context():
        erasure.erase(reference, EDITOR)


MEANWHILE = {
    "erased": erase,
    "withdrawn": lambda app, it: change_to(app, it, "withdrawn"),
    "reopened": lambda app, it: change_to(app, it, "accepted", "in_review"),
}


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
@pytest.mark.parametrize("cause", MEANWHILE)
def test_report_that_ends_meanwhile_stores_nothing_more(app, cause, htmx):
    reference = add_published(app, "partner")
    own, ids = update_client(app, reference), promise_ids(app)
    save(own, reference, ids[0], outcome="on_track", words="A room is booked.")
    path = f"/commitments/{reference}/update/{ids[1]}"
    data = {f"outcome_{ids[1]}": "dropped", f"words_{ids[1]}": "No staff",
            "asked": f"words_{ids[1]}"}  # fmt: skip
    MEANWHILE[cause](app, reference)
    status = 410 if cause == "erased" else 409
    drafts = len(rows_of(app, ReportDraft))
    page = own.send(path, {"action": "continue", **data}, htmx=htmx)
    assert page.status == status
    assert ("No staff" in page.response.text) == (status == 409)
    sent = own.send(f"/commitments/{reference}/update/review", {"action": "continue"}, htmx=htmx)
    assert sent.status == status
    assert own.send(f"{path}/autosave", data).status == status
    assert (rows_of(app, Progress), len(rows_of(app, ReportDraft))) == ([], drafts)
    assert drafts == (0 if cause == "erased" else 1)
    if cause == "erased":
        assert "A room is booked." not in str([vars(row) for row in rows_of(app, Submission)])


def test_report_goes_on_after_it_was_taken_off_the_list(app):
    reference = add_published(app, "partner")
    own, ids = update_client(app, reference), promise_ids(app)
    save(own, reference, ids[0], outcome="on_track")
    change_to(app, reference, "accepted")
    assert "We received your progress update" in send(own, reference).text(".sent")
    assert [row.entry_id for row in rows_of(app, Progress)] == [ids[0]]
    with app.app_context():
        assert db.session.scalars(select(Submission.updated_at)).one() is not None
    assert app.test_client().page(f"/commitments/{reference}").status == 404


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_page_of_version_before_leads_to_new_one_with_what_was_typed(app, htmx):
    reference = add_published(app, "partner")
    own = update_client(app, reference)
    old = {"milestones-0-done": "yes", "milestones-0-url": "example.org/it",
           "milestones-1-note": "<b>Nearly</b> there", "milestones-7-note": "Gone",
           "action": "report"}  # fmt: skip
    page = own.send(f"/commitments/{reference}/update", old, htmx=htmx)
    assert (page.status, page.all("form")) == (409, [])
    assert "Progress updates have a new page" in page.text("h1")
    told = page.text("dl")
    for words in ("Milestone 1", "Done", "example.org/it", "<b>Nearly</b> there", "Gone"):
        assert words in told, words
    new = link_address(page, "Go to the new page")
    assert own.page(new).path == f"/commitments/{reference}/update/review"
    assert (rows_of(app, Progress), rows_of(app, ReportDraft)) == ([], [])


def test_page_of_version_before_keeps_words_once_reports_are_closed(app):
    reference = add_published(app, "partner")
    own = update_client(app, reference)
    change_to(app, reference, "withdrawn")
    data = {"milestones-0-note": "Nearly there"}
    page = own.send(f"/commitments/{reference}/update", data)
    assert (page.status, "Nearly there" in page.text("dl")) == (409, True)
    assert own.page(f"/commitments/{reference}/update").status == 200
