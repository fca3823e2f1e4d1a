"""Tests of the error pages."""

import pytest
from flask_migrate import downgrade
from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from tests.client import htmx_headers
from tests.complete_form import complete_form, form_data
from tests.conftest import load_case
from wizard.db.engine import db
from wizard.flows.commitment import COMMITMENT

BUSY = "The service is busy right now"


@pytest.mark.second_store_slow
@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("POST", "/nowhere", 404), ("DELETE", "/", 405), ("POST", "/", 405)],
)
def test_unknown_address_or_method_is_error_page(client, method, path, status, htmx):
    data = {"csrf_token": client.token()}
    response = client.open(path, method=method, data=data, headers=htmx_headers(htmx))
    assert response.status_code == status
    assert response.text.startswith("<title>" if htmx else "<!doctype html>")
    if status == 405:
        assert "GET" in response.headers["Allow"]


def test_locked_database_is_503_and_form_can_be_resent(client, app):
    case, typed = load_case("agency"), {"city": "Coeur d’Alene & “Elsewhere”"}
    page = complete_form(client, case, until="contact")
    path = page.path.replace("contact", "organization")
    with app.app_context():
        other = db.engine.connect().execution_options(writes=True)
    with other, other.begin():
        if dialect(app) == "postgresql":
            other.execute(text("LOCK TABLE draft IN ACCESS EXCLUSIVE MODE"))
        busy = client.send(path, form_data(COMMITMENT.steps["organization"], case | typed))
    assert busy.status == 503
    assert busy.text("h1") == BUSY
    assert busy.response.headers["Retry-After"] == "10"
    assert client.page(path).values()["city"] == ["Orlando"]
    again = client.post(path, data=busy.values())
    assert again.status_code == 303
    assert client.page(path).values()["city"] == [typed["city"]]


def dialect(app) -> str:
    with app.app_context():
        return db.engine.dialect.name


def test_unavailable_database_is_503(make_app):
    app = make_app(DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    client = app.test_client()
    assert client.get("/questions").status_code == 200
    assert client.send("/respond/", {"organization_kind": "city"}).text("h1") == BUSY


@pytest.mark.second_store_slow
def test_500_hides_details(client, app, monkeypatch):
    page = complete_form(client, load_case("agency"), until="contact")
    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr("wizard.apply.drafts.build_journey", lambda *given: 1 / 0)
    failed = client.page(page.path)
    assert failed.status == 500
    assert failed.text("h1") == "Sorry, there’s a problem with the service"
    assert "Zero" not in failed.response.text
    assert f'<a class="button" href="{page.path}">Try again</a>' in failed.response.text


def test_retry_form_replaces_characters_that_html_cannot_hold(app, client, monkeypatch):
    app.config["PROPAGATE_EXCEPTIONS"] = False
    page = complete_form(client, load_case("agency"), until="contact")
    monkeypatch.setattr("wizard.apply.answers.save", lambda *given: 1 / 0)
    failed = client.send(page.path, {"contact_\x00name": "A\x00da"})
    assert failed.status == 500
    assert "\x00" not in failed.response.text
    assert failed.values()["contact_\ufffdname"] == ["A\ufffdda"]


@pytest.mark.second_store_slow
def test_error_page_repeats_no_password(app, client, monkeypatch):
    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr("wizard.accounts.sign_in.sign_in", lambda *given: 1 / 0)
    failed = client.send("/staff/login", {"email": "a@example.gov", "password": "violin-cactus"})
    assert failed.status == 500
    assert "violin" not in failed.response.text


@pytest.mark.parametrize("revision", ["base", "-1"])
def test_unmigrated_database_is_503(app, client, caplog, revision):
    with app.app_context():
        downgrade(revision=revision)
        db.engine.dispose()
    pages = [client.page("/commitments"), client.send("/respond/", {"organization_kind": "city"})]
    if revision == "base":
        assert [(page.status, page.text("h1")) for page in pages] == [(503, BUSY)] * 2
        assert caplog.text.count("Run the command `db upgrade`") == 2
        assert pages[0].response.headers["Retry-After"] == "10"
    else:
        assert {page.status for page in pages} <= {200, 303, 503}


@pytest.mark.parametrize("statement", ["SELECT nothing FROM draft", "SELECT 1 FROM nothing"])
def test_faulty_statement_on_migrated_database_is_500(app, client, statement):
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.view_functions["public.questions"] = lambda: db.session.execute(text(statement))
    assert client.page("/questions").status == 500


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_database_without_folder_is_503(make_app, tmp_path):
    app = make_app(DATABASE_URL=f"sqlite:///{tmp_path / 'none' / 'wizard.sqlite'}")
    assert app.test_client().page("/").text("h1") == BUSY


@pytest.mark.parametrize("lost", [OperationalError, InterfaceError])
def test_connection_lost_at_end_keeps_the_answer(client, monkeypatch, lost):
    page = complete_form(client, load_case("agency"), until="contact")
    real = Session.close

    def fail(session):
        real(session)
        monkeypatch.setattr(Session, "close", real)
        raise lost("ROLLBACK", {}, Exception("server closed the connection"))

    monkeypatch.setattr(Session, "close", fail)
    assert client.get(page.path).status_code == 200
    assert Session.close is real


@pytest.mark.parametrize("lost", [OperationalError, InterfaceError])
def test_connection_lost_at_commit_is_503_that_keeps_what_was_typed(client, monkeypatch, lost):
    case = load_case("agency")
    page = complete_form(client, case, until="contact")

    def fail(session):
        raise lost("COMMIT", {}, Exception("server closed the connection"))

    with monkeypatch.context() as patched:
        patched.setattr(Session, "commit", fail)
        busy = client.send(page.path, form_data(COMMITMENT.steps["contact"], case))
    assert (busy.status, busy.text("h1")) == (503, BUSY)
    assert client.post(page.path, data=busy.values()).status_code == 303


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("/commitments?text=%00", '<a href="/commitments">Start over</a>'),
        ("/commitments?text=%00&lang=es", '<a href="/commitments">Empezar de nuevo</a>'),
        ("/staff/nowhere", '<a href="/staff/submissions">All submissions</a>'),
    ],
)
def test_error_page_links_to_next_step(client, address, link):
    response = client.get(address)
    assert response.status_code in (400, 404)
    assert link in response.text
