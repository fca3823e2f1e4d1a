"""Tests of the htmx history headers."""

import pytest

from tests.client import htmx_headers
from tests.complete_form import complete_form
from tests.conftest import load_case

pytestmark = pytest.mark.one_store


def test_history_gets_one_entry_per_page(client):
    page = complete_form(client, load_case("agency"), until="organization")
    here = {**htmx_headers(True), "HX-Current-URL": f"http://localhost{page.path}"}
    response = client.get(page.path, headers=here)
    assert response.headers["HX-Replace-Url"] == page.path
    elsewhere = {**htmx_headers(True), "HX-Current-URL": "http://localhost/respond/"}
    response = client.get(page.path, headers=elsewhere)
    assert "HX-Replace-Url" not in response.headers and "HX-Push-Url" not in response.headers
    restored = client.get(
        page.path, headers={**htmx_headers(True), "HX-History-Restore-Request": "true"}
    )
    assert restored.text.startswith("<!doctype html>")
