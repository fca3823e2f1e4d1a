"""Tests of how the open data files are served: caching, methods, streams."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.client import SPANISH_HEADERS
from tests.factories import add_published
from tests.integration.public.conftest import (
    COMMITMENT_FILES,
    FILES,
    OFFICE,
    add_commitment,
    age_changes,
    csv_rows,
    json_records,
)
from wizard.db import batches
from wizard.db.engine import db
from wizard.flows.commitment import COMMITMENT
from wizard.public import feeds, open_data
from wizard.staff import cases, erasure

pytestmark = pytest.mark.second_store_slow


def test_files_are_same_in_every_language(app, client):
    add_published(app)
    for path in ("/commitments.csv", "/commitments.json", "/data.json", "/commitments/schema.json"):
        plain, spanish = client.get(path), client.get(path, headers=SPANISH_HEADERS)
        assert (plain.data, plain.headers["ETag"]) == (spanish.data, spanish.headers["ETag"])


def test_catalog_lists_every_file(app):
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("open_data.")]
    names = open_data.entry_files(COMMITMENT)
    found = {rule.rule.replace("<file>", name) for rule in rules for name in names}
    assert found == {*FILES, "/commitments/<reference>.ics"}


@pytest.mark.parametrize("how", ["accepted", "erased"])
def test_unpublished_is_removed_from_cached_files(app, client, both_commitments, how):
    gone, kept = both_commitments
    age_changes(app)
    before = {address: client.get(address).headers for address in FILES}
    with app.app_context():
        if how == "erased":
            erasure.erase(gone, OFFICE)
        else:
            cases.decide(gone, how, 1, OFFICE)
    for address, headers in before.items():
        known = (
            {"If-None-Match": headers["ETag"]},
            {"If-Modified-Since": headers["Last-Modified"]},
        )
        for conditions in known:
            with client.get(address, headers=conditions) as response:
                assert response.status_code == 200, address
                assert response.headers["ETag"] != headers["ETag"]
                assert gone not in response.text, address
    assert [record["reference"] for record in json_records(client)] == [kept]
    assert [row["reference"] for row in csv_rows(client, "/commitments.csv")] == [kept]


@pytest.mark.parametrize("address", FILES)
def test_files_allow_any_origin_and_revalidate(client, both_commitments, address):
    client.token()  # a browser with a session
    with client.get(f"{address}?nobody=knows&page=2") as response:
        assert response.status_code == 200
        assert response.headers["Content-Type"] == FILES[address]
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Cache-Control"] == "public, max-age=0, must-revalidate"
        assert response.headers["ETag"].startswith('W/"')
        assert "Set-Cookie" not in response.headers
        assert "Cookie" not in response.headers.get("Vary", "")


@pytest.mark.parametrize("address", FILES)
def test_conditional_and_head_requests_read_no_rows(
    app, client, both_commitments, address, monkeypatch
):
    age_changes(app)
    with client.get(address) as whole:
        headers = whole.headers
    with monkeypatch.context() as patch:
        patch.setattr(open_data, "read_in_batches", fail_on_read)
        patch.setattr(feeds, "_read_events", fail_on_read)
        patch.setattr(feeds, "newest_records", fail_on_read)
        for name, known in (("None-Match", "ETag"), ("Modified-Since", "Last-Modified")):
            with client.get(address, headers={f"If-{name}": headers[known]}) as response:
                assert (response.status_code, response.data) == (304, b"")
                assert response.headers["ETag"] == headers["ETag"]
                assert response.headers["Access-Control-Allow-Origin"] == "*"
                assert response.headers["Cache-Control"] == headers["Cache-Control"]
        with client.head(address) as response:
            assert (response.status_code, response.data) == (200, b"")
            assert response.headers["ETag"] == headers["ETag"]
            assert response.headers["Content-Type"] == FILES[address]
    before = datetime.now(UTC) - timedelta(days=1)
    for conditions in ({"If-None-Match": '"other"'}, {"If-Modified-Since": f"{before:%c} GMT"}):
        with client.get(address, headers=conditions) as response:
            assert response.status_code == 200


def fail_on_read(*args):
    """Replace the database read where nothing may be read."""
    raise AssertionError("the commitments were read")


def test_no_last_modified_within_a_minute(app, client):
    add_commitment(app)
    assert "Last-Modified" not in client.get("/commitments.csv").headers
    age_changes(app)
    assert "Last-Modified" in client.get("/commitments.csv").headers


@pytest.mark.parametrize("address", FILES)
def test_files_reject_other_methods(client, address):
    for method in ("post", "put", "delete"):
        response = getattr(client, method)(address)
        assert response.status_code in (400, 405)
        assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("name", ["data_sets.csv", "cities.csv", "submissions.csv", ".csv"])
def test_unknown_file_is_404(client, name):
    assert client.get(f"/commitments/{name}").status_code == 404


@pytest.mark.parametrize("address", COMMITMENT_FILES)
def test_closed_stream_releases_connection(app, client, both_commitments, address, monkeypatch):
    monkeypatch.setattr(batches, "READ_BATCH_SIZE", 1)
    with app.app_context():
        pool = db.engine.pool
    response = client.get(address, buffered=False)
    assert next(response.iter_encoded())
    assert pool.checkedout() == 0
    response.close()
    assert pool.checkedout() == 0


def test_files_set_no_cookie(client):
    for address in ("/commitments.csv?lang=es", "/commitments.json?lang=es", "/data.json?lang=es"):
        answer = client.get(address)
        assert "public" in answer.headers["Cache-Control"]
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("name", ["commitments.csv", "commitments/data-sets.csv"])
def test_csv_has_no_byte_order_mark_on_request(client, name):
    marked = client.get(f"/{name}").data
    assert marked.startswith(b"\xef\xbb\xbf")
    assert client.get(f"/{name}?bom=0").data == marked[3:]
