"""Fixtures of the web tests."""

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

GZIP_HEADERS = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.fixture
def raw_client(app) -> FlaskClient:
    """Return a client that does not decompress responses."""
    return FlaskClient(app, TestResponse)
