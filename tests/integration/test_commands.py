"""The commands of an operator: accounts, tokens, messages and files, without the web."""

import pytest
from sqlalchemy import select

from tests.staff import add_submission, colleague, events
from tests.walk import walk
from wizard.accounts import sign_in
from wizard.db.engine import db
from wizard.db.models import MailMessage, StaffUser
from wizard.notify.email import mail_folder


@pytest.fixture
def run(app):
    """Runs a command; what it printed. Says so where it did not end well."""

    def run(*words: str, input: str | None = None, fails: bool = False) -> str:
        result = app.test_cli_runner().invoke(args=words, input=input)
        assert (result.exit_code != 0) == fails, result.output
        return result.output

    return run


def test_an_account_is_added_listed_disabled_and_reset(app, run):
    made = run("staff", "add", "Ada@Example.gov", "--role", "admin")
    password = made.split("Password: ")[1].strip()
    with app.app_context():
        assert sign_in.sign_in("ada@example.gov", password, "", "192.0.2.1", "")
    assert run("staff", "list") == "ada@example.gov\tadmin\tno second factor\n"
    run("staff", "disable", "ada@example.gov")
    assert "disabled" in run("staff", "list")
    again = run("staff", "reset", "ada@example.gov")
    assert password not in again and "disabled" not in run("staff", "list")
    assert {event.actor for event in events(app, "person_changed")} == {"command line"}


def test_a_password_is_asked_for_if_wanted_and_a_weak_one_refused(app, run):
    typed = "violin-cactus-harbor-9\n"
    assert "violin" not in run("staff", "add", "ada@example.gov", "--ask", input=typed * 2)
    weak = "passwordpassword\n"
    output = run("staff", "add", "bob@example.gov", "--ask", input=weak * 2, fails=True)
    assert "lists that are tried first" in output
    with app.app_context():
        assert [each.email for each in db.session.scalars(select(StaffUser))] == ["ada@example.gov"]


@pytest.mark.parametrize(
    "words",
    [
        ("staff", "add", "no address"),
        ("staff", "add", "a@example.gov", "--role", "king"),
        ("staff", "disable", "nobody@example.gov"),
        ("staff", "reset", "nobody@example.gov"),
        ("token", "revoke", "nothing"),
        ("token", "add", "x", "--days", "0"),
        ("export", "secrets.csv"),
        ("export", "submissions.csv", "--state", "XX"),
        ("export", "submissions.csv", "--since", "soon"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(run, words):
    output = run(*words, fails=True)
    assert "Error" in output and "Traceback" not in output


def test_there_is_no_account_that_nobody_made(run):
    assert run("staff", "list") == ""


def test_a_token_made_on_the_command_line_opens_exports_until_it_is_revoked(client, run):
    secret = run("token", "add", "nightly").strip()
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get("/staff/export/submissions.csv", headers=headers).status_code == 200
    listed = run("token", "list")
    assert "nightly" in listed and "last used" in listed and secret not in listed
    run("token", "revoke", "nightly")
    assert client.get("/staff/export/submissions.csv", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "name",
    ["submissions.csv", "submissions.xlsx", "submissions.jsonl", "data-sets.csv", "milestones.csv",
     "dictionary.csv"],
)  # fmt: skip
def test_an_export_is_the_same_bytes_on_the_command_line_and_over_the_web(app, run, tmp_path, name):
    for case, status in [("agency", "accepted"), ("partner", "received"), ("agency", "received")]:
        add_submission(app, case, status=status)
    query = "" if name == "dictionary.csv" else "?status=received"
    web = colleague(app, "viewer").get(f"/staff/export/{name}{query}")
    assert web.headers["Content-Disposition"].startswith(f'attachment; filename="{name[:4]}')
    run("export", name, "--status", "received", "--output", str(tmp_path / name))
    assert (tmp_path / name).read_bytes() == web.data
    assert len(web.data) > 100


def test_messages_that_failed_are_listed_and_tried_again(make_app, case):
    app = make_app(SMTP_URL="smtp://127.0.0.1:1")
    walk(app.test_client(), case)
    run = app.test_cli_runner().invoke
    assert "0 sent, 1 still waiting" in run(args=["outbox", "deliver"]).output
    listed = run(args=["outbox", "list"]).output
    assert "1 tries" in listed and "ConnectionRefusedError" in listed
    app.config["SMTP_URL"] = ""
    assert "0 sent" in run(args=["outbox", "deliver"]).output
    assert run(args=["outbox", "retry"]).output == "1 due now\n"
    assert "1 sent" in run(args=["outbox", "deliver"]).output
    assert run(args=["outbox", "list"]).output == ""
    with app.app_context():
        assert db.session.scalars(select(MailMessage)).one().sent_at is not None
        assert list(mail_folder().glob("*.eml"))
