"""Tests of reading and deleting rows in batches."""

import pytest
from sqlalchemy import select

from wizard.accounts import audit
from wizard.db import batches
from wizard.db.accounts import AuditEvent
from wizard.db.engine import db, writing
from wizard.db.models import Draft

EVENTS = AuditEvent.__table__


@pytest.fixture
def add_events(app, monkeypatch):
    """Return a function that adds so many events; two rows fit into a batch."""
    monkeypatch.setattr(batches, "READ_BATCH_SIZE", 2)

    def add(count: int) -> None:
        with writing():
            for number in range(count):
                audit.record(audit.COMMAND_LINE, "viewed", str(number))

    with app.app_context():
        yield add


@pytest.mark.parametrize(
    ("number", "sizes"), [(0, []), (1, [1]), (2, [2]), (4, [2, 2]), (5, [2, 2, 1])]
)
def test_batches_are_whole_and_in_order(add_events, number, sizes):
    add_events(number)
    found = list(batches.read_in_batches(db.engine, select(EVENTS), EVENTS.c.id))
    assert [len(rows) for rows in found] == sizes
    assert [row.subject for rows in found for row in rows] == [str(n) for n in range(number)]


def test_engine_connection_is_released_between_batches(add_events):
    add_events(3)
    for _ in batches.read_in_batches(db.engine, select(EVENTS), EVENTS.c.id):
        assert db.engine.pool.checkedout() == 0


def test_connection_reads_batches_in_its_transaction(add_events):
    add_events(3)
    with db.engine.connect() as connection, connection.begin():
        for rows in batches.read_in_batches(connection, select(EVENTS), *EVENTS.primary_key):
            assert rows and connection.in_transaction()


def test_uuid_keys_are_in_order(add_events):
    with writing() as session:
        session.add_all(Draft(flow_version=1, answers={}, completed_steps=[]) for _ in range(5))
    query = select(Draft.id)
    found = [row.id for rows in batches.read_in_batches(db.engine, query, Draft.id) for row in rows]
    assert (len(found), found) == (5, sorted(found))
