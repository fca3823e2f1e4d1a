"""Tests of codes that a newer version stored: every page and file shows them."""

import json
import uuid

import pytest
from sqlalchemy import select, update

from tests.factories import add_submission, staff_client
from wizard import clock
from wizard.accounts.audit import Actor
from wizard.db.accounts import AuditEvent, StaffUser
from wizard.db.engine import db, writing
from wizard.db.models import Draft, Event, OutboxMessage, Report, StaffNote, Submission
from wizard.staff import cases, erasure
from wizard.submissions import reminders
from wizard.submissions.cases import NotAllowed
from wizard.web import links

pytestmark = pytest.mark.second_store_slow

CODES = {
    "branch": "new-branch",
    "facet_1": "new-kind",
    "facet_2": "new-state",
    "facet_3": "new-program",
    "facet_4": "new-category",
    "language": "new-language",
}
EDITOR = Actor("editor@example.gov")


@pytest.fixture
def reference(app) -> str:
    """Store a case with only unknown codes, and rows of every other table about it."""
    return add_unknown(app, status="new-status")


@pytest.fixture
def published(app) -> str:
    """Store a published commitment with unknown codes; return its reference."""
    return add_unknown(app, status="published", published_at=clock.now())


def add_unknown(app, **values) -> str:
    """Store a case with unknown codes and its rows in other tables; return its reference."""
    reference = add_submission(app)
    with app.app_context(), writing() as session:
        it = session.scalars(select(Submission).where(Submission.reference == reference)).one()
        for name, value in {**CODES, **values}.items():
            setattr(it, name, value)
        entries = [{**entry, "category": "new-category"} for entry in it.answers["data_sets"]]
        it.answers = {
            **it.answers,
            "organization_kind": "new-kind",
            "state": "new-state",
            "new_question": "new-answer",
            "data_sets": entries,
        }
        message = {"recipient": "a@example.org", "subject": "s", "text": "t", "html": "h"}
        of_case = {"submission_id": it.id}
        news = {"new-group": {"0": {"note": "x"}}, "data_sets": {"0": {"new-field": "new-news"}}}
        session.add_all(
            [
                AuditEvent(actor="a", action="new-action", subject=reference),
                AuditEvent(actor="a", action="moved", subject=reference),
                AuditEvent(
                    actor="a",
                    action="moved",
                    subject=reference,
                    details={"before": "received", "after": "new-status"},
                ),
                Event(**of_case, kind="new-event", actor_kind="new-kind"),
                OutboxMessage(**of_case, **message, message_id=f"<{reference}.new@x>"),
                Report(**of_case, withdraws=False, entries=news, approved=True),
                Report(**of_case, withdraws=False, entries=news),
                StaffNote(**of_case, author="a", text="n"),
            ]
        )
        if not session.scalar(select(StaffUser.id).where(StaffUser.email == "new@example.gov")):
            session.add(StaffUser(email="new@example.gov", role="new-role", password_hash="none"))
            session.add(
                Draft(
                    id=uuid.uuid4(),
                    flow_version=99,
                    answers={"organization_kind": "new-kind"},
                    completed_steps=["new-step"],
                    language="new-language",
                )
            )
    return reference


def paths(app, prefix: str, reference: str) -> list[str]:
    """Return every address below a prefix that is read without a draft."""
    found = [
        rule.rule.replace("<reference>", reference)
        for rule in app.url_map.iter_rules()
        if "GET" in rule.methods and rule.rule.startswith(prefix)
    ]
    return [path for path in found if "<" not in path]


def test_every_staff_page_shows_unknown_codes(app, reference, published):
    admin = staff_client(app, "admin")
    for each in (reference, published):
        for path in paths(app, "/staff/", each):
            assert admin.get(path).status_code in (200, 303), path
    case = admin.page(f"/staff/submissions/{reference}")
    assert "? new-status" in case.text(".facts")
    assert "new-status" in case.text("#history") and "new-event" in case.text("#history")
    for code in ("new-kind", "new-state"):
        assert code in case.text(".given")
    assert not case.all("#decide button")
    rows = admin.page("/staff/submissions").text(".list tbody")
    assert "? new-status" in rows and "new-kind" in rows and "new-state" in rows
    sums = [each.text for each in admin.page("/staff/").all(".sums")]
    assert any("1 new-status" in text for text in sums)
    assert "new-kind" in admin.page("/staff/").text("#by-kind")
    assert "new-action" in admin.page("/staff/audit").text(".list")
    assert "new-role" in admin.page("/staff/people").text(".list")


def test_every_public_page_shows_unknown_codes(app, client, published):
    for path in [*paths(app, "/commitments", published), "/", "/data.json", "/metrics"]:
        with client.get(path) as response:
            assert response.status_code in (200, 404) and response.get_data(), path
    page = client.page(f"/commitments/{published}").text("main")
    assert all(code in page for code in ("new-kind", "new-state", "new-category"))
    assert "new-kind" in client.page("/commitments").text("main")
    with client.get("/commitments.json") as response:
        (record,) = json.loads(response.get_data())["commitments"]
    assert (record["branch"], record["all_programs"]) == ("new-branch", ["new-program"])


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_update_page_of_unknown_status_offers_nothing(app, client, reference, htmx):
    with app.app_context():
        submission = db.session.scalars(
            select(Submission).where(Submission.reference == reference)
        ).one()
        url = links.submission_url(submission.reference, 1).partition("example.org")[2]
    page = client.page(url, htmx=htmx)
    assert (page.status, page.all("form")) == (200, [])
    path = page.path.removesuffix("yours")
    for name in ("update", "withdraw"):
        assert client.page(f"{path}{name}", htmx=htmx).all("form") == []
        data = {"reason": "x", "data_sets-0-note": "x"}
        page = client.send(f"{path}{name}", data, htmx=htmx)
        assert (page.status, page.all("form")) == (409, [])
    with app.app_context():
        assert len(db.session.scalars(select(Report)).all()) == 2


def test_every_export_holds_unknown_codes(app, reference):
    admin = staff_client(app, "admin")
    for name in ("submissions.csv", "submissions.xlsx", "submissions.jsonl", "data-sets.csv"):
        with admin.get(f"/staff/export/{name}") as response:
            content = response.get_data()
        assert response.status_code == 200
        codes = {"submissions.xlsx": b"PK", "data-sets.csv": b"new-category"}
        assert codes.get(name, b"new-status") in content, name
    with admin.get("/staff/audit.csv") as response:
        assert "new-action" in response.get_data(as_text=True)


@pytest.mark.parametrize(
    "command",
    ["staff list", "token list", "outbox list", "outbox deliver", "drafts purge", "check",
     "export submissions.csv", "export submissions.jsonl"],
)  # fmt: skip
def test_every_command_reads_unknown_codes(app, reference, published, command):
    result = app.test_cli_runner().invoke(args=command.split())
    assert result.exit_code == 0, result.output
    if command == "staff list":
        assert "new@example.gov\tnew-role" in result.output


def test_unknown_role_has_no_access(app):
    nobody = staff_client(app, "new-role")
    for path in paths(app, "/staff/", "PDI-AAAA-AAAA"):
        if path != "/staff/login":
            assert nobody.get(path).status_code == 403, path
    admin = staff_client(app, "admin")
    data = {"action": "role", "email": "new-role@example.gov", "role": "viewer"}
    assert admin.send("/staff/people", data).status == 200
    assert nobody.get("/staff/").status_code == 200


def test_unknown_status_can_be_noted_and_erased_but_not_changed(app, reference):
    with app.app_context():
        with pytest.raises(
            NotAllowed, match="You can’t change the status from new-status to Accepted."
        ):
            cases.decide(reference, "accepted", 1, EDITOR)
        cases.add_note(reference, "A note", EDITOR)
        number = cases.get_case(reference).reports[1].report.id
        cases.decide_report(reference, number, False, EDITOR)
        with writing() as session:
            session.execute(update(Submission).values(reminded_at=None))
        assert reminders.send_yearly() == 0
        erasure.erase(reference, EDITOR)
        it = cases.get_case(reference).submission
    assert (it.status, it.answers, it.published_at) == ("new-status", {}, None)
