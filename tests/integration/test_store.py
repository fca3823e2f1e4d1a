"""The store loses no update, and keeps no half of one."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.conftest import load_case
from tests.walk import form_data, walk
from wizard import create_app
from wizard.apply import drafts
from wizard.db import engine
from wizard.db.engine import db, writing
from wizard.db.models import Draft
from wizard.flows.commitment import COMMITMENT
from wizard.forms.saving import DraftState

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_of_many_changes_at_once_every_one_survives(app):
    with app.app_context():
        draft_id = drafts.start_draft(uuid.uuid4(), {"count": 0}).id

    def add(_) -> None:
        with app.app_context(), drafts.locked_draft(draft_id) as draft:
            drafts.store_answers(draft, DraftState({"count": draft.answers["count"] + 1}))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(200)))
    with app.app_context():
        assert drafts.find(draft_id).answers["count"] == 200


def test_a_change_that_fails_leaves_the_draft_as_it_was(app):
    with app.app_context():
        draft_id = drafts.start_draft(uuid.uuid4(), {"city": "Orlando"}).id
        with pytest.raises(ZeroDivisionError), drafts.locked_draft(draft_id) as draft:
            drafts.store_answers(draft, DraftState({"city": "Tampa"}))
            1 / 0  # noqa: B018
        assert drafts.find(draft_id).answers == {"city": "Orlando"}


def test_writing_after_reading_is_a_fault_of_the_program(app):
    with app.app_context():
        db.session.get(Draft, uuid.uuid4())
        with pytest.raises(RuntimeError, match="only reads"), writing():
            pass


def test_awkward_text_comes_back_as_it_went_in(app):
    awkward = {"text": "\x00 \ud83d 😀 \u202e e\u0301 \\u0041 '; DROP TABLE draft; --"}
    with app.app_context():
        draft_id = drafts.start_draft(uuid.uuid4(), awkward).id
    with app.app_context():
        assert drafts.find(draft_id).answers == awkward


@contextmanager
def another_thread_writing(app):
    """A thread of the same program that holds a transaction until the block ends."""
    began, ended = threading.Event(), threading.Event()

    def write() -> None:
        with app.app_context(), writing():
            began.set()
            ended.wait(3)

    with ThreadPoolExecutor(1) as threads:
        work = threads.submit(write)
        began.wait(3)
        try:
            yield
        finally:
            ended.set()
        work.result()


@on_sqlite
def test_writer_that_waits_too_long_for_another_thread_gets_503(app, monkeypatch):
    monkeypatch.setattr(engine, "WRITE_TIMEOUT_SECONDS", 0.1)
    client, case = app.test_client(), load_case("agency")
    page = walk(client, case, until="contact")
    path = page.path.replace("contact", "organization")
    typed = form_data(COMMITMENT.steps["organization"], case | {"city": "Tampa"})
    with another_thread_writing(app):
        busy = client.send(path, typed)
    assert (busy.status, busy.response.headers["Retry-After"]) == (503, "10")
    assert busy.values()["city"] == ["Tampa"]
    assert client.post(path, data=busy.values()).status_code == 303


@on_sqlite
def test_write_lock_is_of_one_program(app, tmp_path):
    other = create_app({"INSTANCE_PATH": str(tmp_path / "other"), "TESTING": True})
    other_lock = other.extensions["sqlite_write_lock"]
    with another_thread_writing(app), other_lock:
        pass


@on_sqlite
def test_nested_writing_is_an_error(app):
    def write_twice() -> None:
        with app.app_context(), writing(), app.app_context(), writing():
            pass

    with ThreadPoolExecutor(1) as threads, pytest.raises(RuntimeError, match="wait for itself"):
        threads.submit(write_twice).result(timeout=3)
    with app.app_context(), writing():
        pass
