"""Tests of the digest by email."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from tests.factories import add_submission, audit_events, staff_client
from tests.mail import render_message
from wizard import clock
from wizard.accounts import accounts
from wizard.accounts.audit import COMMAND_LINE
from wizard.accounts.sentences import describe_action
from wizard.db.accounts import StaffUser
from wizard.db.engine import db, writing
from wizard.db.models import MailMessage
from wizard.notify import outbox
from wizard.staff import digest, figures

pytestmark = pytest.mark.second_store_slow

SUNDAY = datetime(2027, 2, 28, 13, tzinfo=UTC)
EMAIL = "viewer@example.gov"


@pytest.fixture
def today(monkeypatch):
    """Return the current moment, in a list that a test can change."""
    now = [SUNDAY]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    return now


def choose(app, code: str, email: str = EMAIL) -> None:
    """Add a staff account that gets a digest."""
    staff_client(app, "viewer", email.partition("@")[0])
    with app.app_context(), writing() as session:
        chosen = {"digest": code, "digest_on": clock.today()}
        session.execute(update(StaffUser).where(StaffUser.email == email).values(chosen))


def queue(app) -> int:
    with app.app_context():
        return digest.queue_digests()


def digests(app) -> list[MailMessage]:
    with app.app_context():
        query = select(MailMessage).where(MailMessage.kind.in_(digest.KINDS))
        return list(db.session.scalars(query.order_by(MailMessage.id)))


def test_daily_digest_goes_once_a_day_from_the_next_one_on(app, today):
    choose(app, "daily")
    add_submission(app)
    assert queue(app) == 0
    today[0] += timedelta(hours=11)  # still the same day in the program's zone
    assert queue(app) == 0
    today[0] += timedelta(hours=13)
    assert (queue(app), queue(app)) == (1, 0)
    today[0] += timedelta(days=1)
    assert (queue(app), len(digests(app))) == (1, 2)


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Honolulu", "Asia/Kolkata"])
def test_digest_goes_in_the_first_hour_from_six_on(app, today, zone):
    app.config["TIMEZONE"] = ZoneInfo(zone)
    begin = datetime(2027, 3, 14, 0, 30, tzinfo=ZoneInfo(zone))  # daylight saving time begins
    today[0] = begin.astimezone(UTC) - timedelta(hours=1)
    choose(app, "daily")
    add_submission(app)
    sent = []
    for hour in range(48):
        today[0] = begin.astimezone(UTC) + timedelta(hours=hour)
        if queue(app):
            sent.append(today[0].astimezone(ZoneInfo(zone)))
    assert [each.date().day for each in sent] == [14, 15]
    assert {each.hour for each in sent} == {6}


def test_digest_is_sent_daily_by_a_timer_before_six(app, today):
    choose(app, "daily")
    add_submission(app)
    sent = []
    for day in range(1, 5):
        today[0] = datetime(2027, 3, day, 8, tzinfo=UTC)  # 3:00 in the program's zone
        sent.append(queue(app))
    assert sent == [0, 1, 1, 1]


def test_weekly_digest_goes_on_mondays_or_after(app, today):
    choose(app, "weekly")
    add_submission(app)
    sent = []
    for _ in range(9):
        today[0] += timedelta(days=1)
        sent.append(queue(app))
    assert sent == [1, 0, 0, 0, 0, 0, 0, 1, 0]
    today[0] += timedelta(days=8)  # the program was stopped on Monday
    assert queue(app) == 1


def test_empty_digest_is_not_sent(app, today):
    choose(app, "daily")
    add_submission(app, at=SUNDAY - timedelta(days=90), status="declined")
    today[0] += timedelta(days=1)
    assert queue(app) == 0


@pytest.mark.parametrize("code", ["", "monthly"])
def test_digest_that_is_not_chosen_or_unknown_is_not_sent(app, today, code):
    choose(app, code)
    add_submission(app)
    today[0] += timedelta(days=1)
    assert queue(app) == 0


def test_disabled_account_gets_no_digest(app, today, monkeypatch):
    choose(app, "daily")
    add_submission(app)
    today[0] += timedelta(days=1)
    assert queue(app) == 1
    with app.app_context():
        accounts.disable_account(EMAIL, COMMAND_LINE)
        outbox.deliver_due()
    assert digests(app) == []
    today[0] += timedelta(days=1)
    assert queue(app) == 0


def test_digest_that_is_not_wanted_anymore_is_not_delivered(app, today):
    choose(app, "daily")
    add_submission(app)
    today[0] += timedelta(days=1)
    queue(app)
    with app.app_context(), writing() as session:
        session.execute(update(StaffUser).values(digest="weekly"))
    with app.app_context():
        outbox.deliver_due()
    assert digests(app) == []


def test_digest_tells_what_waits_is_new_due_and_overdue(app, today):
    choose(app, "weekly")
    old = add_submission(
        app, at=SUNDAY - timedelta(days=40), organization_name="<b>First & last</b>"
    )
    add_submission(app, at=SUNDAY - timedelta(days=1))
    add_submission(app, status="accepted", at=SUNDAY - timedelta(days=60))
    today[0] += timedelta(days=1)
    assert queue(app) == 1
    mail = render_message(app, digests(app)[0])
    assert mail.subject.endswith(": what waits this week")
    for line in (
        "Waiting for us: 2", "New since February 22, 2027: 1", "Due in 30 days: 1", "Overdue: 1",
        f"- <b>First & last</b>, 41 days: http://commitments.example.org/staff/submissions/{old}",
        "- February 1, 2027: Officer-involved shootings since 2009 (Orlando Police Department)",
        "- March 15, 2027: Response to resistance (Orlando Police Department)",
        "You get this every week.",
    ):  # fmt: skip
        assert line in " ".join(mail.text.split())
    assert "&lt;b&gt;First &amp; last" in mail.html
    assert "open.data@" not in mail.text + mail.html


def test_old_digests_are_deleted_with_the_next(app, today):
    choose(app, "daily")
    choose(app, "weekly", "other@example.gov")
    add_submission(app)
    for days in (1, 7, 24):
        today[0] += timedelta(days=days)
        queue(app)
    kept = [(each.recipient, each.created_at) for each in digests(app)]
    assert [recipient for recipient, _ in kept] == [EMAIL, "other@example.gov"] * 2
    assert min(at for _, at in kept) > today[0] - digest.MESSAGE_RETENTION


def test_old_digests_are_deleted_when_nobody_gets_one_any_more(app, today):
    choose(app, "daily")
    add_submission(app)
    today[0] += timedelta(days=1)
    assert queue(app) == 1
    with app.app_context(), writing() as session:
        session.execute(update(StaffUser).values(digest=""))
    today[0] += digest.MESSAGE_RETENTION + timedelta(days=1)
    queue(app)
    assert digests(app) == []


def test_own_account_chooses_digest(app, viewer):
    page = viewer.page("/staff/account")
    assert [each.attrs["value"] for each in page.all('[name="digest"][checked]')] == [""]
    viewer.send("/staff/account", {"action": "digest", "digest": "weekly"})
    page = viewer.page("/staff/account")
    assert [each.attrs["value"] for each in page.all('[name="digest"][checked]')] == ["weekly"]
    (event,) = audit_events(app, "person_changed")
    assert describe_action(event) == "chose the digest: every week"
    viewer.send("/staff/account", {"action": "digest", "digest": "weekly"})
    assert len(audit_events(app, "person_changed")) == 1


def test_unknown_digest_is_refused(viewer):
    page = viewer.send("/staff/account", {"action": "digest", "digest": "hourly"})
    assert page.status == 422
    assert page.errors() == {"digest": "Select how often you want the digest."}


def test_one_click_in_mail_program_ends_digest(app, today):
    choose(app, "daily")
    add_submission(app)
    today[0] += timedelta(days=1)
    queue(app)
    with app.app_context():
        mail = outbox.render_email(digests(app)[0])
    url = mail["List-Unsubscribe"].strip("<>")
    program = app.test_client(use_cookies=False)
    body = {"List-Unsubscribe": "One-Click"}
    for _ in range(2):
        assert program.post(url, data=body).status_code == 200
    (event,) = audit_events(app, "person_changed")
    assert (event.actor, describe_action(event)) == (EMAIL, "chose the digest: never")
    today[0] += timedelta(days=1)
    assert queue(app) == 0


def test_digest_of_account_that_is_gone_ends_quietly(app):
    with app.app_context():
        digest.stop_digest("7")


def test_digest_says_how_many_more_there_are(app, today, monkeypatch):
    monkeypatch.setattr(digest, "MAX_LISTED", 1)
    monkeypatch.setattr(figures, "MAX_LISTED", 1)
    choose(app, "daily")
    for _ in range(3):
        add_submission(app, at=SUNDAY - timedelta(days=40))
        add_submission(app, status="accepted", at=SUNDAY - timedelta(days=60))
    today[0] += timedelta(days=1)
    queue(app)
    mail = render_message(app, digests(app)[0])
    for body in (mail.text, mail.html):
        assert body.count("And 2 more") == 3
