"""Tests of the command line: accounts, tokens, outbox, exports."""

import pytest
from sqlalchemy import select

from tests.complete_form import complete_form
from tests.factories import add_submission, audit_events, staff_client
from tests.mail_server import app_with_message
from wizard.accounts import sign_in
from wizard.db.accounts import StaffUser
from wizard.db.engine import db
from wizard.db.models import MailMessage
from wizard.db.version import database_revision
from wizard.notify.email import Mailer, mail_folder
from wizard.notify.mail_errors import PermanentFailure

pytestmark = pytest.mark.second_store_slow


@pytest.fixture
def run_command(app):
    """Run a command and return its output; assert the expected exit code."""

    def run(*words: str, input: str | None = None, fails: bool = False) -> str:
        result = app.test_cli_runner().invoke(args=words, input=input)
        assert (result.exit_code != 0) == fails, result.output
        return result.output

    return run


def test_account_is_added_listed_disabled_and_reset(app, run_command):
    made = run_command("staff", "add", "Ada@Example.gov", "--role", "admin", "--name", "Ada")
    password = made.split("Password: ")[1].strip()
    with app.app_context():
        _, user = sign_in.sign_in("ada@example.gov", password, "", "192.0.2.1", "")
        assert user.name == "Ada"
    assert run_command("staff", "list") == "ada@example.gov\tadmin\tpassword only\n"
    run_command("staff", "disable", "ada@example.gov", "--force")
    assert "disabled" in run_command("staff", "list")
    again = run_command("staff", "reset", "ada@example.gov")
    assert password not in again and "disabled" not in run_command("staff", "list")
    assert "was disabled, and can sign in again now." in again
    assert "was disabled" not in run_command("staff", "reset", "ada@example.gov")
    assert {event.actor for event in audit_events(app, "person_changed")} == {"command line"}


def test_weak_prompted_password_is_refused(app, run_command):
    typed = "violin-cactus-harbor-9\n"
    assert "violin" not in run_command("staff", "add", "ada@example.gov", "--ask", input=typed * 2)
    weak = "passwordpassword\n"
    output = run_command("staff", "add", "bob@example.gov", "--ask", input=weak * 2, fails=True)
    assert "too easy to guess" in output
    with app.app_context():
        assert [each.email for each in db.session.scalars(select(StaffUser))] == ["ada@example.gov"]


@pytest.mark.parametrize(
    "words",
    [
        ("staff", "add", "no address"),
        ("staff", "add", "a@example.gov", "--role", "king"),
        ("staff", "add", "a@example.gov", "--name", "a\x00b"),
        ("staff", "disable", "nobody@example.gov"),
        ("staff", "reset", "nobody@example.gov"),
        ("token", "revoke", "nothing"),
        ("token", "add", "x", "--days", "0"),
        ("outbox", "retry", "\udcff"),
        ("export", "secrets.csv"),
        ("export", "submissions.csv", "--state", "XX"),
        ("export", "submissions.csv", "--since", "soon"),
        ("export", "submissions.csv", "--assigned", "me"),
        ("export", "submissions.csv", "--seen", "unread"),
    ],
)
def test_invalid_command_prints_one_error_line(run_command, words):
    output = run_command(*words, fails=True)
    assert "Error" in output and "Traceback" not in output


@pytest.mark.parametrize("query", ["assigned=me", "seen=changed"])
def test_token_has_no_cases_of_its_own(client, run_command, query):
    secret = run_command("token", "add", "nightly").strip()
    headers = {"Authorization": f"Bearer {secret}"}
    refused = client.get(f"/staff/export/submissions.csv?{query}", headers=headers)
    assert refused.status_code == 400
    assert "works only for somebody who is signed in" in refused.text


def test_new_database_has_no_account(run_command):
    assert run_command("staff", "list") == ""


def test_token_opens_exports_until_revoked(client, run_command):
    secret = run_command("token", "add", "nightly").strip()
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get("/staff/export/submissions.csv", headers=headers).status_code == 200
    listed = run_command("token", "list")
    assert "nightly" in listed and "last used" in listed and secret not in listed
    run_command("token", "revoke", "nightly")
    assert client.get("/staff/export/submissions.csv", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "name",
    ["submissions.csv", "submissions.xlsx", "submissions.jsonl", "data-sets.csv", "milestones.csv",
     "dictionary.csv"],
)  # fmt: skip
def test_export_command_matches_web_export(app, run_command, tmp_path, name):
    for case, status in [("agency", "accepted"), ("partner", "received"), ("agency", "received")]:
        add_submission(app, case, status=status)
    query = "" if name == "dictionary.csv" else "?status=received"
    web = staff_client(app, "viewer").get(f"/staff/export/{name}{query}")
    assert web.headers["Content-Disposition"].startswith(f'attachment; filename="{name[:4]}')
    run_command("export", name, "--status", "received", "--output", str(tmp_path / name))
    assert (tmp_path / name).read_bytes() == web.data
    assert len(web.data) > 100


def test_export_command_leaves_out_contacts(app, run_command, tmp_path):
    add_submission(app)
    for option, found in (("--no-contacts", False), ("", True)):
        path = tmp_path / f"{found}.jsonl"
        run_command(
            "export", "submissions.jsonl", *([option] if option else []), "--output", str(path)
        )
        assert ("contact_email" in path.read_text()) == found
    assert [event.details["contacts"] for event in audit_events(app, "exported")] == [False, True]


def test_export_of_unknown_assignee_is_refused(run_command):
    export = "export", "submissions.csv", "--assigned"
    refused = run_command(*export, "nobody@example.gov", fails=True)
    assert "No account found for nobody@example.gov. `staff list` lists them." in refused
    run_command(*export, "nobody")


def test_downgrade_deletes_nothing_until_told_so(app, run_command):
    with app.app_context():
        before = database_revision()
    assert "make a backup" in run_command("db", "downgrade", fails=True)
    with app.app_context():
        assert database_revision() == before
    run_command("db", "downgrade", "--yes")
    with app.app_context():
        assert database_revision() != before
        db.engine.dispose()


def test_failed_messages_are_listed_and_retried(make_app, case):
    app = make_app(SMTP_URL="smtp://127.0.0.1:1")
    complete_form(app.test_client(), case)
    run = app.test_cli_runner().invoke
    assert "Sent: 0. Failed: 0. Still waiting: 1." in run(args=["outbox", "deliver"]).output
    listed = run(args=["outbox", "list"]).output
    with app.app_context():
        recipient = db.session.scalars(select(MailMessage.recipient)).one()
    told = "No mail server answers at this host and port."
    assert f"{recipient}\tData Commitments: we received your commitment" in listed
    assert all(each in listed for each in ("attempts: 1", told))
    app.config["SMTP_URL"] = ""
    assert "Sent: 0." in run(args=["outbox", "deliver"]).output
    assert run(args=["outbox", "retry"]).output == "Due now: 1.\n"
    assert "Sent: 1." in run(args=["outbox", "deliver"]).output
    assert run(args=["outbox", "list"]).output == ""
    with app.app_context():
        assert db.session.scalars(select(MailMessage)).one().sent_at is not None
        assert list(mail_folder().glob("*.eml"))


def test_outbox_deliver_prints_counts(make_app):
    app = app_with_message(make_app, "")
    result = app.test_cli_runner().invoke(args=["outbox", "deliver"])
    assert result.output == "Sent: 1. Failed: 0. Still waiting: 0.\n"


def test_outbox_deliver_fails_for_what_it_gives_up(make_app, monkeypatch):
    def refuse(*given) -> None:
        raise PermanentFailure("550 no such user")

    app = app_with_message(make_app, "")
    monkeypatch.setattr(Mailer, "send", refuse)
    for given_up, exit_code in ((1, 1), (0, 0)):
        result = app.test_cli_runner().invoke(args=["outbox", "deliver"])
        assert f"Sent: 0. Failed: {given_up}. Still waiting: 0." in result.output
        assert result.exit_code == exit_code
