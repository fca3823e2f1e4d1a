"""Tests of filling a database with demo submissions."""

import fcntl
import os
import subprocess
import sys
from collections import Counter

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from tests.server import ROOT
from tools import demo
from wizard import clock
from wizard.accounts import accounts, sign_in
from wizard.accounts.audit import COMMAND_LINE
from wizard.db.engine import db
from wizard.db.models import STATUSES, Draft, MailMessage, Submission
from wizard.submissions.cases import TRANSITIONS
from wizard.submissions.events import list_events
from wizard.submissions.listing import index_columns
from wizard.submissions.proposals import build_journey, find_proposal

pytestmark = pytest.mark.second_store_slow


def stored_submissions() -> list[Submission]:
    return list(db.session.scalars(select(Submission).order_by(Submission.id)))


def test_fill_adds_requested_number_of_unique_submissions(app):
    with app.app_context():
        demo.fill(50)
        found = stored_submissions()
        assert len({each.reference for each in found}) == len({each.draft_id for each in found})
        assert len(found) == 50
        moments = [each.submitted_at for each in found]
        assert moments == sorted(moments)
        assert clock.now() - demo.SPAN <= moments[0] <= moments[-1] <= clock.now()
        for each in found:
            columns = index_columns(app.extensions["flow"], each.reference, each.answers)
            assert {name: getattr(each, name) for name in columns} == columns


def test_second_fill_adds_others(app):
    with app.app_context():
        demo.fill(20)
        db.session.rollback()
        demo.fill(20)
        assert len({each.reference for each in stored_submissions()}) == 40


def test_only_consented_submissions_are_published(app, monkeypatch):
    monkeypatch.setattr(demo, "BATCH_SIZE", 90)
    with app.app_context():
        demo.fill(400)
        found = stored_submissions()
    assert set(Counter(each.status for each in found)) == set(STATUSES)
    for each in found:
        published = each.status == "published"
        assert published == (each.published_at is not None)
        if published:
            assert each.answers["publish_consent"] == "yes"
            assert each.submitted_at < each.published_at < clock.now()


def test_history_of_each_case_leads_to_its_status(app):
    leads_to = {each.event: each.to for each in TRANSITIONS}
    with app.app_context():
        demo.fill(400)
        for each in stored_submissions():
            first, *others = list_events(each)
            assert (first.kind, first.at) == ("submitted", each.submitted_at)
            moments = [event.at for event in others]
            assert moments == sorted(moments) and each.submitted_at < clock.now()
            reached = [leads_to[event.kind] for event in others]
            assert (reached or ["received"])[-1] == each.status
            assert each.lock_version == 1 + len(others)
            assert not others or others[-1].at == each.changed_at
            proposal = find_proposal(each)
            assert (proposal is not None) == (each.status == "changes_requested")
            if proposal:
                journey = build_journey(
                    each, proposal.opened, proposal.answers, proposal.completed_steps
                )
                assert len(journey.steps) == 2  # the step with the title, and the review


def test_fill_adds_drafts_and_messages(app):
    with app.app_context():
        demo.fill(50)
        drafts = list(db.session.scalars(select(Draft)))
        messages = list(db.session.scalars(select(MailMessage)))
    assert len(drafts) == demo.DRAFTS and len({len(draft.completed_steps) for draft in drafts}) > 2
    assert len(messages) == demo.MESSAGES
    refused = [each for each in messages if each.failed_at]
    assert len(refused) == 4 and all(each.last_error for each in refused)
    assert all((each.sent_at is None) == (each in refused) for each in messages)


def test_count_zero_adds_nothing(app):
    with app.app_context():
        demo.fill(0)
        assert db.session.scalar(select(func.count()).select_from(Submission)) == 0


@pytest.fixture
def run_demo(app, monkeypatch):
    """Return a function that runs `python -m tools.demo` on the database of the test."""
    monkeypatch.setattr(demo, "create_app", lambda: app)

    def run(count: int) -> Result:
        return CliRunner().invoke(demo.main, ["--count", str(count)])

    return run


def test_demo_fills_a_fresh_database_only(app, run_demo):
    first = run_demo(20)
    assert (first.exit_code, "20 made-up submissions" in first.output) == (0, True)
    with app.app_context():
        assert len(stored_submissions()) == 20
    with app.app_context():
        password = first.output.split("Password: ")[1].strip()
        assert sign_in.sign_in("demo@example.org", password, "", "192.0.2.1", "")
    second = run_demo(20)
    assert (second.exit_code, "fresh" in second.output) == (1, True)
    with app.app_context():
        assert len(stored_submissions()) == 20


def test_demo_with_only_an_account_is_refused(app, run_demo):
    with app.app_context():
        accounts.add_account("ada@example.gov", "admin", COMMAND_LINE)
    assert "in use" in run_demo(20).output


def test_served_program_has_no_demo_command(app):
    assert "demo" not in app.cli.commands


def test_demo_with_mail_set_fills_nothing(make_app, monkeypatch):
    app = make_app(SMTP_URL="smtp://127.0.0.1:1")
    monkeypatch.setattr(demo, "create_app", lambda: app)
    result = CliRunner().invoke(demo.main, ["--count", "5"])
    assert (result.exit_code, "remove WIZARD_SMTP_URL" in result.output) == (1, True)
    with app.app_context():
        assert not stored_submissions()


def test_make_demo_takes_no_mail_server_from_environment(tmp_path):
    """Let make run `env` in place of Python."""
    line = ["make", "-C", tmp_path, "-f", ROOT / "Makefile", "-o", ".venv/run.done", "demo"]
    environment = os.environ | {"WIZARD_SMTP_URL": "smtp://127.0.0.1:1"}
    result = subprocess.run(
        [*line, "PY=env; exit;"], env=environment, capture_output=True, text=True, check=True
    )
    settings = [name for name in result.stdout.splitlines() if name.startswith("WIZARD_")]
    assert {"WIZARD_SMTP_URL=", "WIZARD_DATABASE_URL="} <= set(settings)
    assert "WIZARD_INSTANCE_PATH=instance/demo" in settings


def test_second_make_demo_keeps_the_folder_of_a_running_one(tmp_path):
    """Lock the folder as `serve` does, see tests/faults/ops/test_serve.py."""
    (tmp_path / "tools").symlink_to(ROOT / "tools")
    store = tmp_path / "instance" / "demo" / "wizard.sqlite"
    store.parent.mkdir(parents=True)
    store.touch()
    served = os.open(store.parent, os.O_RDONLY)
    line = ["make", "-C", tmp_path, "-f", ROOT / "Makefile", "-o", ".venv/run.done", "demo"]
    line += [f"PY='{sys.executable}'", "FLASK=false"]
    fcntl.flock(served, fcntl.LOCK_EX)
    result = subprocess.run(line, capture_output=True, text=True)
    (error, _) = result.stderr.splitlines()  # make adds a line
    assert (result.returncode, error) == (
        2,
        "Error: instance/demo is served by a running demo. Stop it first, with Ctrl-C.",
    )
    assert store.exists()
    os.close(served)
    subprocess.run(line, capture_output=True)
    assert not store.exists()


def test_demo_of_a_missing_database_ends_with_one_line(tmp_path):
    line = [sys.executable, "-m", "tools.demo"]
    environment = os.environ | {"WIZARD_INSTANCE_PATH": str(tmp_path / "none")}
    result = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True)
    (error,) = result.stderr.splitlines()
    assert (result.returncode, "db upgrade" in error) == (1, True)
