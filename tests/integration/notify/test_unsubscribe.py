"""Tests of the end of reminders by one click in a mail program (RFC 8058)."""

from email import message_from_bytes, policy

import pytest
from sqlalchemy import select

from tests.client import spanish_client
from tests.complete_form import complete_form, start_draft
from tests.conftest import advance_clock, load_case
from tests.factories import add_published, add_submission, set_language
from tests.mail_server import Inbox, deliver_messages
from wizard import clock
from wizard.accounts.audit import Actor
from wizard.apply import resume
from wizard.db.engine import reading, writing
from wizard.db.models import Draft, Submission
from wizard.staff import erasure
from wizard.submissions import proposals, reminders
from wizard.submissions.cases import locked_case
from wizard.web import links

pytestmark = pytest.mark.second_store_slow

EDITOR = Actor("editor@example.gov", kind="staff")
ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = "application/x-www-form-urlencoded"
MULTIPART = '--sep\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n'
BODIES = [
    (ONE_CLICK, FORM),
    (f"{MULTIPART}--sep--\r\n", "multipart/form-data; boundary=sep"),
    ("", ""),
    ("\xff%ff", FORM),
    ("[]", "application/json"),
]
"""What a mail program posts, and what a broken one might."""


def path_for(app, kind: str, key: str) -> str:
    """Return the path at which reminders end."""
    with app.app_context():
        return links.unsubscribe_url(kind, key).removeprefix("http://commitments.example.org")


def wants_reminders(app, table=Submission) -> bool:
    """Return whether the only submission, or draft, wants reminders."""
    with app.app_context(), reading() as session:
        return session.scalars(select(table.wants_reminders)).one()


def post(app, path: str, body: str = ONE_CLICK, kind: str = FORM):
    """Post as a mail program does: over HTTPS, without a cookie, a token or an origin."""
    program = app.test_client(use_cookies=False)
    url = "https://commitments.example.org"
    return program.post(path, data=body.encode("latin-1"), content_type=kind, base_url=url)


@pytest.mark.parametrize(("body", "kind"), BODIES)
def test_one_click_stops_reminders_of_a_commitment(app, body, kind):
    path = path_for(app, "submission", add_published(app))
    answer = post(app, path, body, kind)
    assert (answer.status_code, answer.headers.getlist("Set-Cookie")) == (200, [])
    assert not wants_reminders(app)


def test_second_click_writes_nothing(app, monkeypatch):
    path = path_for(app, "submission", add_published(app))
    post(app, path)
    monkeypatch.delattr(reminders, "locked_case")
    assert post(app, path).status_code == 200


def test_opening_the_address_changes_nothing(app):
    path = path_for(app, "submission", add_published(app))
    client = app.test_client()
    page = client.page(path)
    assert "Stop the reminders?" in page.text("h1")
    assert page.text("form button") == "Stop the reminders"
    assert wants_reminders(app)
    assert "You won’t get any more reminders" in client.send(path).text("h1")
    assert not wants_reminders(app)


@pytest.mark.parametrize("language", ["en", "es"])
def test_page_says_that_the_digest_stops(app, language):
    path = path_for(app, "digest", "1")
    client = app.test_client() if language == "en" else spanish_client(app)
    word = {"en": "digest", "es": "resumen"}[language]
    other = {"en": "reminders", "es": "recordatorios"}[language]
    for page in (client.page(path), client.send(path)):
        assert word in page.text("h1") and other not in page.text("main")


def test_one_click_stops_reminders_of_a_draft(app, client, monkeypatch):
    start_draft(client, load_case("agency"))
    with app.app_context(), writing() as session:
        draft = session.scalars(select(Draft)).one()
        draft.link_email = "desk@example.org"
    path = path_for(app, "draft", str(draft.id))
    assert wants_reminders(app, Draft)
    assert [post(app, path).status_code for _ in range(2)] == [200, 200]
    assert not wants_reminders(app, Draft)
    advance_clock(monkeypatch, days=app.config["DRAFT_DAYS"] - 3)
    with app.app_context():
        assert resume.send_reminders() == 0


def test_one_click_stops_reminders_of_requested_changes(app, monkeypatch):
    reference = add_submission(app)
    with app.app_context():
        with locked_case(reference) as submission:
            proposals.request_changes(submission, {"access_plan": "How often?"}, EDITOR)
        post(app, path_for(app, "submission", reference))
        advance_clock(monkeypatch, days=25)
        assert proposals.remind() == 0


@pytest.mark.parametrize("gone", ["erased", "deleted"])
def test_click_about_something_gone_is_answered_alike(app, gone):
    reference = add_published(app)
    with app.app_context():
        if gone == "erased":
            erasure.erase(reference, EDITOR)
        else:
            with writing() as session:
                session.delete(session.scalars(select(Submission)).one())
    answer = post(app, path_for(app, "submission", reference))
    assert (answer.status_code, post(app, path_for(app, "draft", "0" * 32)).status_code) == (
        200,
        200,
    )


def other_tokens(app, reference: str) -> list[str]:
    """Return tokens that are not for this: forged ones, and those of other links."""
    with app.app_context():
        named = [links.submission_url(reference, 1), links.contact_url(1, "a@example.org"),
                 links.unsubscribe_url("no such kind", reference)]  # fmt: skip
    good = path_for(app, "submission", reference).rpartition("/")[2]
    tokens = [each.rpartition("/")[2] for each in named]
    return [*tokens, good[:-1], f"x{good}", good.partition(".")[0], reference]


def test_other_token_is_404_and_changes_nothing(app):
    reference = add_published(app)
    for token in other_tokens(app, reference):
        assert post(app, f"/unsubscribe/{token}").status_code == 404, token
        assert app.test_client().page(f"/unsubscribe/{token}").status == 404, token
    token = path_for(app, "submission", reference).rpartition("/")[2]
    assert app.test_client().page(f"/updates/{token}").status == 404
    assert wants_reminders(app)


@pytest.mark.parametrize("language", ["en", "es"])
def test_reminders_arrive_with_an_address_to_stop_them(
    make_app, mail_server, monkeypatch, language
):
    inbox = Inbox()
    app = make_app(SMTP_URL=f"smtp://127.0.0.1:{mail_server(inbox)}")
    complete_form(app.test_client(), load_case("agency"), until="data_sets")
    published = add_published(app, at=clock.now())
    asked = add_submission(app)
    for reference in (published, asked):
        set_language(app, reference, language)
    with app.app_context():
        reminders.send_due()
        with locked_case(asked) as submission:
            proposals.request_changes(submission, {"access_plan": "How often?"}, EDITOR)
        advance_clock(monkeypatch, days=25)
        assert proposals.remind() == 1
    advance_clock(monkeypatch, days=400)
    with app.app_context(), writing() as session:
        draft = session.scalars(select(Draft)).one()
        resume._queue(draft, "desk@example.org", "reminder")
        query = select(Submission).where(Submission.reference == published)
        reminders._queue("news", {session.scalars(query).one(): {}})
    assert deliver_messages(app) == 4
    found = {}
    for raw in inbox.messages:
        message = message_from_bytes(raw, policy=policy.default)
        head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
        (line,) = [x for x in head.split("\r\n") if x.startswith("List-Unsubscribe:")] or [""]
        found[message["Subject"]] = line, message["List-Unsubscribe-Post"]
    stopping = {subject: pair for subject, pair in found.items() if pair != ("", None)}
    assert len(found) == 4 and len(stopping) == 3, found
    for line, said in stopping.values():
        assert said == "List-Unsubscribe=One-Click"
        address = line.removeprefix("List-Unsubscribe: <http://commitments.example.org")
        assert post(app, address.removesuffix(">")).status_code == 200
    with app.app_context(), reading() as session:
        query = select(Submission.reference).where(Submission.wants_reminders.is_(False))
        assert set(session.scalars(query)) == {published, asked}
        assert session.scalars(select(Draft.wants_reminders)).one() is False
