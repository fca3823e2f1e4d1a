"""Tests of the reminders to report progress: by the dates of promises, and once a year."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from tests.factories import (
    add_published,
    add_submission,
    events_of,
    set_language,
    staff_client,
    update_client,
    update_path,
)
from tests.mail import render_message
from wizard import clock
from wizard.accounts.audit import Actor
from wizard.db.engine import db, writing
from wizard.db.models import Contact, MailMessage, Submission
from wizard.db.promises import Progress, Promise, PromiseReminder, ReportDraft
from wizard.notify import outbox
from wizard.staff import erasure
from wizard.submissions import reminders
from wizard.submissions.cases import change_status, locked_case

pytestmark = pytest.mark.second_store_slow

EASTERN = ZoneInfo("America/New_York")


def queued_messages(app) -> list[MailMessage]:
    """Return the messages in the outbox."""
    with app.app_context():
        return list(db.session.scalars(select(MailMessage).order_by(MailMessage.id)))


def remind_after(app, monkeypatch, days: int) -> int:
    """Advance the clock and queue the reminders that are due; return their number."""
    moment = clock.now() + timedelta(days=days)
    monkeypatch.setattr(clock, "now", lambda: moment)
    with app.app_context():
        return reminders.send_yearly()


@pytest.mark.parametrize(
    ("last", "not_due", "due"),
    [
        ("2026-03-01T17", "2027-02-28T23", "2027-03-01T00"),
        ("2027-03-01T17", "2028-02-29T23", "2028-03-01T00"),
        ("2028-02-29T17", "2029-02-28T23", "2029-03-01T00"),
        ("2027-02-28T17", "2028-02-27T23", "2028-02-28T00"),
    ],
)
def test_reminder_is_due_on_same_calendar_day(app, monkeypatch, last, not_due, due):
    at = datetime.fromisoformat(last).replace(tzinfo=EASTERN)
    add_published(app, at=at, data_sets=[{"title": "Stops", "release_on": "2031-01-01"}])
    for moment, count in [(not_due, 0), (due, 1)]:
        now = datetime.fromisoformat(moment).replace(tzinfo=EASTERN)
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        with app.app_context():
            assert reminders.send_yearly() == count


def test_reminder_is_yearly_with_update_link(app, monkeypatch, case):
    start = datetime(2025, 3, 1, 9, tzinfo=UTC)  # no February 29 follows within two years
    monkeypatch.setattr(clock, "now", lambda: start)
    name = "agency" if "data_sets" in case else "partner"
    reference = add_published(app, name, at=clock.now())
    add_submission(app, status="declined")
    assert remind_after(app, monkeypatch, 364) == 0
    assert remind_after(app, monkeypatch, 1) == 1
    assert remind_after(app, monkeypatch, 300) == 0
    assert remind_after(app, monkeypatch, 65) == 1
    first, _ = queued_messages(app)
    assert first.recipient == case["contact_email"]
    text = render_message(app, first).text
    path = next(word for word in text.split() if "/updates/" in word)
    own = app.test_client()
    opened = own.page(path.removeprefix("http://commitments.example.org"))
    assert opened.path == f"/commitments/{reference}/update/review"


def test_unsubscribe_stops_reminder(app, monkeypatch):
    reference = add_published(app, at=clock.now())
    client = app.test_client()
    page = client.page(update_path(app, reference) + "?then=stop")
    assert "Stop the reminders?" in page.text("h1")
    after = client.send(page.path)
    assert "any more reminders" in after.text(".sent")
    assert remind_after(app, monkeypatch, 400) == 0


def test_reminder_skips_erased_submission(app, monkeypatch):
    reference = add_published(app, at=clock.now())
    staff_client(app, "admin").send(f"/staff/submissions/{reference}/erase")
    assert remind_after(app, monkeypatch, 400) == 0


STAFF = Actor("staff@example.org", kind="staff")
START = "2027-03-01"
"""The day of the upgrade, and of the submission: the case promises March 15 and June 30."""


def remind_on(app, monkeypatch, day: str) -> int:
    """Send the reminders by date that are due on a day; return how many submissions got one."""
    noon = datetime.fromisoformat(day).replace(hour=12, tzinfo=EASTERN)
    monkeypatch.setattr(clock, "now", lambda: noon)
    with app.app_context():
        return reminders.send_due()


@pytest.fixture
def reference(app, monkeypatch) -> str:
    """Store a commitment on the day of the upgrade; return its reference."""
    at = datetime.fromisoformat(START).replace(tzinfo=EASTERN)
    reference = add_published(app, at=at)
    assert remind_on(app, monkeypatch, START) == 0
    return reference


def entry_due(app, day: str) -> str:
    """Return the id of the entry that is due on a day."""
    with app.app_context():
        is_it = Promise.due_on == date.fromisoformat(day)
        return db.session.scalars(select(Promise.entry_id).where(is_it)).one()


def change(app, table, **values) -> None:
    """Set columns of all rows of a table."""
    with app.app_context(), writing() as session:
        session.execute(update(table).values(**values))


def test_promise_is_reminded_of_once_before_and_once_after(app, monkeypatch, reference):
    days = ["2027-03-21", "2027-03-22", "2027-03-23", "2027-05-30", "2027-05-31", "2027-06-14",
            "2027-07-06", "2027-07-07", "2027-07-20", "2027-07-21"]  # fmt: skip
    sent = {day for day in days if remind_on(app, monkeypatch, day)}
    assert sent == {"2027-03-22", "2027-05-31", "2027-07-07"}
    march, june = entry_due(app, "2027-03-15"), entry_due(app, "2027-06-30")
    told = [event.data for event in events_of(app, "reminded")]
    assert told == [{"after": [march]}, {"before": [june]}, {"after": [june]}]
    assert [each.kind for each in queued_messages(app)] == ["due"] * 3
    with app.app_context():
        (reminded_at,) = db.session.scalars(select(Submission.reminded_at))
    assert reminded_at.date() == date(2027, 7, 7)


def test_reminder_is_sent_for_14_days_and_no_longer(app, monkeypatch, reference):
    assert remind_on(app, monkeypatch, "2027-04-05") == 0
    assert remind_on(app, monkeypatch, "2027-04-04") == 1


def test_date_before_upgrade_gets_no_reminder(app, monkeypatch):
    add_published(app, at=datetime.fromisoformat(START).replace(tzinfo=EASTERN))
    assert [remind_on(app, monkeypatch, day) for day in ("2027-03-23", "2027-03-24")] == [0, 0]
    assert remind_on(app, monkeypatch, "2027-05-31") == 1


@pytest.mark.parametrize("also_before", [True, False])
def test_promises_of_a_commitment_share_a_message(app, monkeypatch, reference, also_before):
    change(app, Promise, due_on=date(2027, 6, 30))
    if also_before:
        with app.app_context(), writing() as session:
            first = session.scalars(select(Promise).order_by(Promise.id)).first()
            first.due_on = date(2027, 5, 24)
    with app.app_context(), writing() as session:
        (submission_id,) = session.scalars(select(Submission.id))
        session.add(Contact(submission_id=submission_id, role="second", email="desk@example.org",
                            confirmed_at=clock.now()))  # fmt: skip
    set_language(app, reference, "es")
    assert remind_on(app, monkeypatch, "2027-05-31") == 1
    assert remind_on(app, monkeypatch, "2027-05-31") == 0
    (event,) = events_of(app, "reminded")
    found = {which: len(ids) for which, ids in event.data.items()}
    assert found == ({"before": 3, "after": 1} if also_before else {"before": 4})
    sent = queued_messages(app)
    assert [each.recipient for each in sent][1:] == ["desk@example.org"] and len(sent) == 2
    assert {(each.language, each.event_id) for each in sent} == {("es", event.id)}


def forget_address(app, reference: str) -> None:
    with app.app_context(), writing() as session:
        submission = session.scalars(select(Submission)).one()
        submission.answers = {**submission.answers, "contact_email": ""}


def move(app, reference: str, status: str) -> None:
    with app.app_context(), locked_case(reference) as submission:
        change_status(submission, status, STAFF)


def report(app, reference: str) -> None:
    with app.app_context(), writing() as session:
        promise = session.scalars(select(Promise).where(Promise.due_on == date(2027, 6, 30))).one()
        session.add(
            Progress(submission_id=promise.submission_id, entry_id=promise.entry_id,
                     outcome="done", promised_on=promise.due_on, day=promise.due_on)
        )  # fmt: skip


def erase(app, reference: str) -> None:
    with app.app_context():
        erasure.erase(reference, STAFF)


QUIET = {
    "done": lambda app, it: change(app, Promise, done_on=date(2027, 5, 1)),
    "dropped": lambda app, it: change(app, Promise, dropped_on=date(2027, 5, 1)),
    "reported lately": lambda app, it: change(app, Promise, reported_on=date(2027, 5, 20)),
    "report waits": report,
    "stopped": lambda app, it: change(app, Submission, wants_reminders=False),
    "withdrawn": lambda app, it: move(app, it, "withdrawn"),
    "unpublished": lambda app, it: move(app, it, "accepted"),
    "declined": lambda app, it: change(app, Submission, status="declined"),
    "erased": erase,
    "no address": forget_address,
}


@pytest.mark.parametrize("cause", QUIET)
def test_quiet_commitment_gets_no_reminder(app, monkeypatch, reference, cause):
    QUIET[cause](app, reference)
    assert remind_on(app, monkeypatch, "2027-05-31") == 0
    assert events_of(app, "reminded") == []
    assert [each for each in queued_messages(app) if each.kind == "due"] == []


def test_new_date_is_reminded_of_again(app, monkeypatch, reference):
    assert remind_on(app, monkeypatch, "2027-05-31") == 1
    with app.app_context(), writing() as session:
        is_it = Promise.due_on == date(2027, 6, 30)
        session.execute(update(Promise).where(is_it).values(due_on=date(2027, 12, 31)))
    assert remind_on(app, monkeypatch, "2027-07-07") == 0
    assert remind_on(app, monkeypatch, "2027-12-01") == 1


def test_killed_job_is_resumed_and_sends_nothing_twice(app, monkeypatch):
    at = datetime.fromisoformat(START).replace(tzinfo=EASTERN)
    monkeypatch.setattr(reminders, "BATCH_SIZE", 2)
    references = [add_published(app, at=at) for _ in range(5)]
    remind_on(app, monkeypatch, START)
    queue, calls = outbox.queue_message, []

    def die(*args, **data) -> None:
        calls.append(args)
        if len(calls) == 4:
            raise KeyboardInterrupt
        queue(*args, **data)

    monkeypatch.setattr(outbox, "queue_message", die)
    with pytest.raises(KeyboardInterrupt):
        remind_on(app, monkeypatch, "2027-05-31")
    monkeypatch.setattr(outbox, "queue_message", queue)
    assert remind_on(app, monkeypatch, "2027-05-31") == 3
    with app.app_context():
        assert len(db.session.scalars(select(PromiseReminder)).all()) == len(references)
    assert len(queued_messages(app)) == len(references)


def test_yearly_reminder_waits_for_a_year_without_any_message(app, monkeypatch, reference):
    assert remind_on(app, monkeypatch, "2027-07-07") == 1
    with app.app_context():
        for day, count in [("2028-03-02", 0), ("2028-07-06", 0), ("2028-07-07", 1)]:
            noon = datetime.fromisoformat(day).replace(hour=12, tzinfo=EASTERN)
            monkeypatch.setattr(clock, "now", lambda noon=noon: noon)
            assert reminders.send_yearly() == count, day


def test_yearly_reminder_is_not_sent_once_everything_is_kept(app, monkeypatch, reference):
    change(app, Promise, done_on=date(2027, 5, 1))
    assert remind_after(app, monkeypatch, 400) == 0


@pytest.mark.parametrize("language", ["en", "es"])
def test_links_open_the_form_with_an_answer_and_store_nothing(
    app, monkeypatch, reference, language
):
    set_language(app, reference, language)
    remind_on(app, monkeypatch, "2027-05-31")
    (message,) = queued_messages(app)
    letter, june = render_message(app, message), entry_due(app, "2027-06-30")
    told = {
        "en": ("Due on June 30, 2027", "It’s done: show us where", "Later: when?"),
        "es": ("30 de junio de 2027", "Cumplido: aquí está", "Más adelante: ¿cuándo?"),
    }[language]
    for body in (letter.text, letter.html):
        assert all(each in body for each in ("Naloxone given by officers", reference, *told)), body
    assert "Response to resistance" not in letter.text
    words = [word for word in letter.text.split() if f"promise={june}" in word]
    assert [word.rpartition("=")[2] for word in words] == ["done", "delayed"]
    assert all(word.replace("&", "&amp;") in letter.html for word in words)
    for word in words:
        page = app.test_client().page(word.removeprefix("http://commitments.example.org"))
        assert page.path.endswith(f"/update/{june}") and page.errors() == {}
        assert page.values()[f"outcome_{june}"] == [word.rpartition("=")[2]]
    with app.app_context():
        assert db.session.scalars(select(ReportDraft)).all() == []


def test_overdue_promise_is_told_apart(app, monkeypatch, reference):
    remind_on(app, monkeypatch, "2027-07-07")
    (message,) = queued_messages(app)
    assert "Was due on June 30, 2027" in render_message(app, message).text


@pytest.mark.parametrize("cause", ["done", "dropped", "stopped", "withdrawn", "declined"])
def test_reminder_that_is_pointless_by_now_is_not_sent(app, monkeypatch, reference, cause):
    remind_on(app, monkeypatch, "2027-05-31")
    message = next(each for each in queued_messages(app) if each.kind == "due")
    QUIET[cause](app, reference)
    with pytest.raises(outbox.NotNeeded):
        render_message(app, message)


def test_reminders_can_be_had_again(app, monkeypatch, reference):
    own, path = update_client(app, reference), f"/commitments/{reference}/reminders"
    own.send(path, {"action": "stop"})
    assert remind_on(app, monkeypatch, "2027-05-31") == 0
    page = own.page(path)
    assert "Get reminders again?" in page.text("h1")
    assert "reminders again" in own.send(path, {"action": "start"}).text(".sent")
    assert remind_on(app, monkeypatch, "2027-05-31") == 1
