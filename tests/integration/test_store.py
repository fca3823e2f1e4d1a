"""The store loses no update, and keeps no half of one."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from wizard import drafts
from wizard.extensions import db, writing
from wizard.models import Draft
from wizard.saving import DraftState


def test_of_many_changes_at_once_every_one_survives(app):
    with app.app_context():
        draft_id = drafts.start(uuid.uuid4(), {"count": 0}).id

    def add(_) -> None:
        with app.app_context(), drafts.editing(draft_id) as draft:
            drafts.store_answers(draft, DraftState({"count": draft.answers["count"] + 1}))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(200)))
    with app.app_context():
        assert drafts.find(draft_id).answers["count"] == 200


def test_a_change_that_fails_leaves_the_draft_as_it_was(app):
    with app.app_context():
        draft_id = drafts.start(uuid.uuid4(), {"city": "Orlando"}).id
        with pytest.raises(ZeroDivisionError), drafts.editing(draft_id) as draft:
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
        draft_id = drafts.start(uuid.uuid4(), awkward).id
    with app.app_context():
        assert drafts.find(draft_id).answers == awkward
