"""Tests of rate limits."""

import math

import pytest

pytestmark = pytest.mark.second_store_slow


def test_starts_from_one_address_are_limited(make_app):
    app = make_app(RATELIMIT_ENABLED=True)
    client = app.test_client()
    for _ in range(120):
        data = {"csrf_token": client.token(), "organization_kind": "city"}
        assert client.post("/respond/", data=data).status_code == 303
    refused = client.send("/respond/", {"organization_kind": "city"})
    assert refused.status == 429
    minutes = math.ceil(int(refused.response.headers["Retry-After"]) / 60)
    assert f"Try again in {minutes} minutes" in refused.text("main")
    assert client.get("/respond/").status_code == 200
