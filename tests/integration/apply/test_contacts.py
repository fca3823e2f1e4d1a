"""Tests of who gets the messages: new contacts, the second one, and links that were lost."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from tests.conftest import advance_clock
from tests.factories import (
    add_published,
    add_submission,
    events_of,
    set_language,
    update_client,
    update_path,
)
from tests.mail import render_message
from wizard.accounts.audit import ORGANIZATION, Actor
from wizard.db.engine import db, writing
from wizard.db.models import Contact, MailMessage, Submission
from wizard.notify import outbox
from wizard.staff import cases, erasure
from wizard.submissions import contact_changes, contacts, reminders
from wizard.submissions.cases import find_by_reference, locked_case
from wizard.submissions.events import record_event
from wizard.submissions.versions import list_versions

pytestmark = pytest.mark.second_store_slow

EDITOR = Actor("editor@example.gov")
OLD, NEW = "old@example.org", "New.Desk@example.org"
ANSWERS = {
    "contact_name": "Ada Lee",
    "contact_role": "Analyst",
    "contact_email": NEW,
    "contact_phone": "614-555-0143",
}
SECOND = {"name": "Records", "email": "records@example.org"}


@pytest.fixture
def reference(app) -> str:
    """Store a published commitment with a contact that can be found."""
    reference = add_published(app, contact_email=OLD)
    store_contacts(app)
    return reference


def store_contacts(app) -> int:
    """Store the contacts of the submissions that have none."""
    with app.app_context():
        return contacts.store_missing()


def queued(app, *kinds: str) -> list[MailMessage]:
    """Return the queued messages of some kinds, oldest first."""
    with app.app_context():
        query = select(MailMessage).where(MailMessage.kind.in_(kinds)).order_by(MailMessage.id)
        return list(db.session.scalars(query))


def recipients(app, *kinds: str) -> list[str]:
    """Return whom messages of some kinds are queued for."""
    return [each.recipient for each in queued(app, *kinds)]


def name_contact(client, reference: str, htmx: bool = False, **changed):
    """Name another contact."""
    return client.send(f"/commitments/{reference}/contacts/contact", ANSWERS | changed, htmx=htmx)


def name_second(client, reference: str, **changed):
    """Name a second contact."""
    return client.send(f"/commitments/{reference}/contacts/second", SECOND | changed)


def confirm_path(app) -> str:
    """Return the path of the link in the newest request to confirm."""
    letter = render_message(app, queued(app, "confirm_contact")[-1])
    link = next(word for word in letter.text.split() if "/contact/" in word)
    assert link in letter.html
    return link.partition("example.org")[2]


def stored(app, reference: str) -> Submission:
    """Return a submission as it is stored."""
    with app.app_context():
        return find_by_reference(reference)


def count_contacts(app) -> int:
    """Count the stored contacts."""
    with app.app_context():
        return len(db.session.scalars(select(Contact)).all())


def test_address_of_contact_is_said_to_get_a_link_to_confirm(app, reference):
    page = update_client(app, reference).page(f"/commitments/{reference}/contacts/contact")
    hint = page.text("#contact_email-hint")
    assert hint == "If you change this address, we’ll email a link to the new one to confirm it."


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_new_contact_counts_once_it_is_confirmed(app, reference, htmx):
    own = update_client(app, reference)
    page = name_contact(own, reference, htmx)
    assert f"We’ve sent a link to {NEW}" in page.text(".sent")
    assert stored(app, reference).answers["contact_email"] == OLD
    assert recipients(app, "contact_changed", "confirm_contact") == [NEW, OLD]
    guest = app.test_client()
    asked = guest.page(confirm_path(app))
    assert NEW in asked.text("main")
    assert stored(app, reference).answers["contact_email"] == OLD
    done = guest.send(asked.path, htmx=htmx)
    assert done.path == f"/commitments/{reference}/yours" and "Thank you" in done.text(".sent")
    changed = stored(app, reference)
    assert {name: changed.answers[name] for name in ("contact_name", "contact_email")} == {
        "contact_name": "Ada Lee",
        "contact_email": NEW,
    }
    assert changed.answers_version == 2
    with app.app_context():
        assert len(list_versions(find_by_reference(reference))) == 2
    assert [event.kind for event in events_of(app)] == ["contact_changed", "contact_confirmed"]
    with app.app_context():
        cases.decide(reference, "accepted", changed.lock_version, EDITOR)
    assert recipients(app, "unpublished") == [NEW]


def test_former_contact_is_told_without_a_link(app, reference):
    name_contact(update_client(app, reference), reference)
    app.test_client().send(confirm_path(app))
    assert recipients(app, "contact_replaced") == [OLD]
    letter = render_message(app, *queued(app, "contact_replaced"))
    assert "We won’t email you about it anymore." in letter.text
    assert "/commitments/" not in letter.text


def test_phone_number_is_shown_as_people_write_it(app):
    reference = add_submission(app, contact_phone="+12175550143;ext=12")
    page = update_client(app, reference).page(f"/commitments/{reference}/contacts/contact")
    assert page.values()["contact_phone"] == ["(217) 555-0143 ext. 12"]


def test_other_answers_of_same_address_count_at_once(app, reference):
    own = update_client(app, reference)
    name_contact(own, reference)
    page = name_contact(own, reference, contact_email=OLD, contact_name="Bo")
    assert page.text(".sent") == "Saved."
    assert f"waiting for {NEW} to confirm" in page.text("main")
    assert stored(app, reference).answers["contact_name"] == "Bo"
    assert stored(app, reference).answers_version == 2


def test_unchanged_answers_make_no_version(app):
    reference = add_submission(app)
    own, before = update_client(app, reference), stored(app, reference)
    page = own.page(f"/commitments/{reference}/contacts/contact")
    assert own.send(page.path, page.values()).text(".sent") == "Saved."
    after = stored(app, reference)
    assert (after.answers_version, after.lock_version) == (1, before.lock_version)
    assert events_of(app) == []


def test_second_contact_gets_every_later_message(app, reference):
    own = update_client(app, reference)
    assert "records@example.org to confirm" in name_second(own, reference).text("main")
    with app.app_context():
        assert contacts.list_recipients(find_by_reference(reference)) == [OLD]
    path = confirm_path(app)
    app.test_client().send(path)
    assert SECOND["email"] in own.page(f"/commitments/{reference}/contacts").text("main")
    assert stored(app, reference).answers_version == 1
    with app.app_context():
        version = find_by_reference(reference).lock_version
        db.session.rollback()
        cases.decide(reference, "accepted", version, EDITOR)
        with writing() as session:
            session.execute(update(Submission).values(reminded_at=None))
    assert recipients(app, "unpublished") == [OLD, SECOND["email"]]


def test_second_contact_is_reminded_too(app, reference, monkeypatch):
    name_second(update_client(app, reference), reference)
    app.test_client().send(confirm_path(app))
    advance_clock(monkeypatch, days=900)
    with app.app_context():
        assert reminders.send_yearly() == 1
    assert recipients(app, "news") == [OLD, SECOND["email"]]
    assert [event.kind for event in events_of(app, "reminded")] == ["reminded"]


def test_second_contact_is_removed_and_gets_nothing(app, reference):
    own = update_client(app, reference)
    path = f"/commitments/{reference}/contacts"
    name_second(own, reference)
    app.test_client().send(confirm_path(app))
    for _ in range(2):
        own.send(path, {"action": "remove-second"})
    assert "records@" not in own.page(path).text("main").replace("records@example.gov", "")
    assert [event.kind for event in events_of(app, "contact_removed")] == ["contact_removed"]
    own.send(path, {"action": "remove-contact"})
    with app.app_context():
        assert contacts.list_recipients(find_by_reference(reference)) == [OLD]


@pytest.mark.parametrize("role", ["contact", "second"])
def test_forgotten_contact_cannot_confirm(app, reference, role):
    own = update_client(app, reference)
    (name_contact if role == "contact" else name_second)(own, reference)
    path = confirm_path(app)
    page = own.send(f"/commitments/{reference}/contacts", {"action": f"forget-{role}"})
    assert "waiting for" not in page.text("main")
    for answer in (app.test_client().page(path), app.test_client().send(path)):
        assert (answer.status, answer.text("h1")) == (404, "This link no longer works")
    assert stored(app, reference).answers["contact_email"] == OLD
    with app.app_context(), pytest.raises(outbox.NotNeeded):
        contact_changes._confirm_context(queued(app, "confirm_contact")[0])


def test_later_named_contact_replaces_one_that_waits(app, reference):
    own = update_client(app, reference)
    name_contact(own, reference)
    first = confirm_path(app)
    name_contact(own, reference, contact_email="third@example.org")
    assert app.test_client().send(first).status == 404
    assert app.test_client().send(confirm_path(app)).status == 200
    assert stored(app, reference).answers["contact_email"] == "third@example.org"


def test_address_waits_only_once(app, reference):
    own = update_client(app, reference)
    name_second(own, reference, email=NEW.lower())
    name_contact(own, reference)
    assert name_second(own, reference, email=NEW.lower()).status == 422
    assert app.test_client().send(confirm_path(app)).status == 200
    assert stored(app, reference).answers["contact_email"] == NEW
    assert count_contacts(app) == 1


def test_late_message_to_former_contact_gives_no_link(app, reference):
    with app.app_context(), locked_case(reference) as submission:
        record_event(submission, "accepted", EDITOR)
    name_contact(update_client(app, reference), reference)
    app.test_client().send(confirm_path(app))
    (late,) = (each for each in queued(app, "accepted") if each.recipient == OLD)
    with pytest.raises(outbox.NotNeeded):
        render_message(app, late)
    (told,) = queued(app, "contact_changed")
    letter = render_message(app, told)
    assert told.recipient == OLD and "/updates/" not in letter.text + letter.html


def test_replaced_link_forgets_contact_that_waits(app, reference):
    own = update_client(app, reference)
    name_contact(own, reference)
    path = confirm_path(app)
    own.send(f"/commitments/{reference}/link")
    assert app.test_client().send(path).status == 404


def test_confirming_twice_is_told(app, reference):
    name_contact(update_client(app, reference), reference)
    path = confirm_path(app)
    assert app.test_client().send(path).status == 200
    assert app.test_client().send(path).status == 404
    assert app.test_client().page(path).status == 404
    assert stored(app, reference).answers_version == 2


def test_parallel_confirmations_make_one_version(app, reference):
    name_contact(update_client(app, reference), reference)
    with app.app_context():
        (number,) = db.session.scalars(select(Contact.id).where(Contact.confirmed_at.is_(None)))

    def confirm(_) -> bool:
        with app.app_context():
            return contact_changes.confirm(reference, number)

    with ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(confirm, range(20))) == 1
    assert stored(app, reference).answers_version == 2
    assert len(events_of(app, "contact_confirmed")) == 1


def test_parallel_namings_of_one_contact_are_one_change(app, reference):
    def name(_) -> None:
        with app.app_context():
            contact_changes.change_contact(reference, ANSWERS, ORGANIZATION)

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(name, range(20)))
    assert len(events_of(app, "contact_changed")) == len(queued(app, "confirm_contact")) == 1
    assert recipients(app, "contact_changed") == [OLD]


def test_contact_named_again_is_asked_again_whatever_other_cases_ask(app, reference, monkeypatch):
    other, cases_asked = add_submission(app), []
    for minutes, case in ((0, reference), (30, other), (1, reference), (1, reference)):
        advance_clock(monkeypatch, minutes=minutes)
        name_second(update_client(app, case), case)
        cases_asked.append(len(queued(app, "confirm_contact")))
    assert cases_asked == [1, 2, 3, 3]


def test_confirmation_after_erasure_is_refused(app, reference):
    name_contact(update_client(app, reference), reference)
    path = confirm_path(app)
    with app.app_context():
        erasure.erase(reference, EDITOR)
    assert app.test_client().send(path).status == 404
    assert count_contacts(app) == 0


def test_requests_to_confirm_are_limited_by_address(app, reference):
    own = update_client(app, reference)
    for role in ("Records", "Archive", "Records"):
        own.send(f"/commitments/{reference}/contacts", {"action": "forget-second"})
        assert name_second(own, reference, name=role).status == 200
    page = name_second(own, reference, email=SECOND["email"].upper())
    assert (page.status, list(page.errors())) == (422, ["email"])
    assert page.values()["name"] == ["Records"]
    own.page(f"/commitments/{reference}/contacts?lang=es")
    page = name_second(own, reference, email=SECOND["email"].upper())
    assert "varios correos" in page.errors()["email"]
    assert len(queued(app, "confirm_contact")) == contacts.MAX_PER_HOUR
    assert name_second(own, reference, email="other@example.org").status == 200


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"email": ""}, "email"),
        ({"email": "no address"}, "email"),
        ({"email": "a@example.org\r\nBcc: b@example.org"}, "email"),
        ({"email": "a@example.org,b@example.org"}, "email"),
        ({"email": "a" * 5001 + "@example.org"}, "email"),
        ({"name": "x" * 5001}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": " "}, "name"),
    ],
)
def test_bad_contact_is_422_and_stays_on_page(app, reference, changed, field):
    page = name_second(update_client(app, reference), reference, **changed)
    assert (page.status, list(page.errors())) == (422, [field])
    other = "name" if field == "email" else "email"
    assert page.values()[other] == [SECOND[other]]
    assert (events_of(app), queued(app, "confirm_contact")) == ([], [])
    assert count_contacts(app) == 1


def test_contact_without_required_answers_is_422(app, reference):
    page = name_contact(update_client(app, reference), reference, contact_name="", contact_role="")
    assert page.status == 422 and "contact_name" in page.errors()
    assert stored(app, reference).answers_version == 1


@pytest.mark.parametrize("path", ["contacts/king", "contacts/contact/x"])
def test_unknown_contact_is_not_found(app, reference, path):
    own = update_client(app, reference)
    assert own.page(f"/commitments/{reference}/{path}").status == 404
    assert own.send(f"/commitments/{reference}/{path}", SECOND).status == 404
    for action in ("", "remove-king", "erase-second", "second"):
        assert own.send(f"/commitments/{reference}/contacts", {"action": action}).status == 400


def test_name_with_markup_is_text(app, reference):
    own = update_client(app, reference)
    name_second(own, reference, name="{{ 7*7 }} <b>x</b>")
    app.test_client().send(confirm_path(app))
    page = own.page(f"/commitments/{reference}/contacts")
    assert "{{ 7*7 }} <b>x</b>" in page.text("main") and not page.all("main b")


@pytest.mark.parametrize(
    ("action", "stored_as"),
    [("replace-email", "records@gmail.com"), ("continue", "records@gmial.com")],
)
def test_likely_slip_is_asked_about_once(app, reference, action, stored_as):
    own = update_client(app, reference)
    asked = name_second(own, reference, email="records@gmial.com")
    assert (asked.status, asked.path) == (200, f"/commitments/{reference}/contacts/second")
    assert asked.text("#email-suggestion") == "Did you mean records@gmail.com ?"
    assert queued(app, "confirm_contact") == []
    own.send(asked.path, asked.values() | {"action": action})
    assert recipients(app, "confirm_contact") == [stored_as]


def send_lost(client, address: str, htmx: bool = False):
    """Ask for lost links."""
    return client.send("/lost", {"address": address}, htmx=htmx)


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_lost_links_come_in_one_message(app, client, reference, htmx):
    other = add_submission(app, contact_email="OLD@example.org")
    add_submission(app, contact_email="third@example.org")
    store_contacts(app)
    known = send_lost(client, "Old@Example.org", htmx)
    unknown = send_lost(app.test_client(), "nobody@example.org", htmx)
    assert known.html.text == unknown.html.text
    assert known.status == unknown.status == 200
    (message,) = queued(app, "links")
    letter = render_message(app, message)
    for each in (reference, other):
        path = update_path(app, each)
        assert path in letter.text and path in letter.html
        assert app.test_client().page(path).status == 200
    assert letter.text.count("/updates/") == 2 and "third@" not in letter.text


def test_lost_links_are_mailed_three_times_an_hour(app, client, reference):
    shown = {send_lost(client, OLD).text("main") for _ in range(5)}
    assert len(shown) == 1
    assert recipients(app, "links") == [OLD] * contacts.MAX_PER_HOUR


def test_second_contact_finds_link_once_confirmed(app, client, reference):
    name_second(update_client(app, reference), reference)
    send_lost(client, SECOND["email"])
    assert queued(app, "links") == []
    app.test_client().send(confirm_path(app))
    send_lost(client, SECOND["email"])
    assert recipients(app, "links") == [SECOND["email"]]


def test_lost_link_of_deleted_answers_is_not_mailed(app, client, reference):
    send_lost(client, OLD)
    other = add_submission(app, contact_email=OLD)
    store_contacts(app)
    send_lost(client, OLD)
    with app.app_context():
        for each in (reference, other):
            erasure.erase(each, EDITOR)
        assert db.session.scalars(select(MailMessage)).all() == []
    send_lost(client, OLD)
    assert queued(app, "links") == []


@pytest.mark.parametrize("address", ["", "no address", "a@b\r\nc", "x" * 5001, "\x00"])
def test_bad_address_is_422_and_stays_on_page(app, client, address):
    page = send_lost(client, address)
    assert (page.status, list(page.errors())) == (422, ["address"])


def test_lost_link_is_mailed_in_language_of_page(app, reference):
    client = app.test_client()
    client.set_cookie("lang", "es")
    send_lost(client, OLD)
    (message,) = queued(app, "links")
    assert message.language == "es" and "enlace" in render_message(app, message).text


def test_request_to_confirm_is_in_language_of_submission(app, reference):
    set_language(app, reference, "es")
    name_second(update_client(app, reference), reference)
    letter = render_message(app, queued(app, "confirm_contact")[0])
    assert "confirme su correo electrónico" in letter.subject


def test_contacts_of_older_submissions_are_stored_once(app):
    references = [add_submission(app, contact_email=OLD) for _ in range(3)]
    without = add_submission(app)
    with app.app_context(), writing() as session:
        is_it = Submission.reference == without
        answers = session.scalars(select(Submission.answers).where(is_it)).one()
        kept = {name: value for name, value in answers.items() if name != "contact_email"}
        session.execute(update(Submission).where(is_it).values(answers=kept))
    assert (store_contacts(app), store_contacts(app)) == (4, 0)
    with app.app_context():
        assert {each.reference for each in contacts.find_by_address(OLD)} == set(references)
        assert contacts.list_recipients(find_by_reference(without)) == []


def test_submission_without_address_can_name_one(app):
    reference = add_submission(app)
    with app.app_context(), writing() as session:
        answers = session.scalars(select(Submission.answers)).one()
        kept = {name: value for name, value in answers.items() if name != "contact_email"}
        session.execute(update(Submission).values(answers=kept))
    store_contacts(app)
    own = update_client(app, reference)
    assert "Not answered" in own.page(f"/commitments/{reference}/contacts").text("main")
    name_contact(own, reference)
    assert recipients(app, "contact_changed") == []
    app.test_client().send(confirm_path(app))
    assert stored(app, reference).answers["contact_email"] == NEW
    with app.app_context():
        assert contact_changes.change_contact(reference, ANSWERS, ORGANIZATION) is False


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
@pytest.mark.parametrize(
    ("action", "mailed_to"),
    [("replace-address", "ana@gmail.com"), ("mail", "ana@gmial.com")],
)
def test_likely_slip_in_lost_address_is_asked_about_once(app, client, action, mailed_to, htmx):
    for address in ("ana@gmail.com", "ana@gmial.com"):
        add_submission(app, contact_email=address)
    store_contacts(app)
    asked = send_lost(client, "ana@gmial.com", htmx)
    assert asked.status == 200 and asked.values()["address"] == ["ana@gmial.com"]
    assert asked.text("#address-suggestion") == "Did you mean ana@gmail.com ?"
    assert queued(app, "links") == []
    sent = client.send("/lost", asked.values() | {"action": action}, htmx=htmx)
    assert "If we know this address" in sent.text(".sent")
    assert recipients(app, "links") == [mailed_to]
