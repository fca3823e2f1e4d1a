"""Tests of the liveness and readiness checks."""

import shutil
from datetime import timedelta

import pytest
from flask_migrate import downgrade

from tests.integration.ops.conftest import queue_message, read_metrics
from wizard import clock
from wizard.db.engine import db, writing


@pytest.fixture
def app(make_app):
    """Create a program of the test's own: it remembers what its checks found."""
    return make_app()


def test_healthy_program_is_live_and_ready(client):
    assert client.get("/livez").text == "ok\n"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (
        200, {"store": "ok", "migrations": "ok", "files": "ok", "outbox_seconds": 0},
    )  # fmt: skip


def test_unavailable_database_is_live_but_not_ready(make_app):
    client = make_app(DATABASE_URL="postgresql+psycopg://127.0.0.1:1/wizard").test_client()
    assert client.get("/livez").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (503, {"store": "away"})
    figures = read_metrics(client)
    assert figures["wizard_store_up"] == 0
    assert "wizard_drafts" not in figures


def test_deleted_database_is_not_ready_and_takes_no_answers(make_app, migrated_sqlite, tmp_path):
    store, kept = tmp_path / "wizard.sqlite", tmp_path / "kept"
    shutil.copy(migrated_sqlite, store)
    client = make_app(DATABASE_URL=f"sqlite:///{store}").test_client()
    assert client.get("/readyz").status_code == 200
    store.rename(kept)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (503, {"store": "away"})
    assert read_metrics(client)["wizard_store_up"] == 0
    assert client.send("/respond/", {"organization_kind": "agency"}).status == 503
    shutil.copy(migrated_sqlite, store)
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("revision", ["-1", "base"])
def test_missing_migration_is_not_ready(app, client, revision):
    with app.app_context():
        downgrade(revision=revision)
        db.engine.dispose()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["migrations"]) == (503, "missing")


def test_newer_database_is_ready(app, client):
    with app.app_context(), writing() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert client.get("/readyz").status_code == 200


def test_waiting_messages_are_reported_and_still_ready(app, client, monkeypatch):
    queue_message(app)
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=2))
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert 7200 <= answer.json["outbox_seconds"] < 7300
