"""Tests of caching of static files."""

import mimetypes
import re

import pytest

from tests.integration.web.conftest import GZIP_HEADERS
from tests.server import ROOT

pytestmark = pytest.mark.one_store


def test_digest_address_is_immutable(client):
    (address,) = re.findall(r"/static/site\.css[^\"]*", client.get("/").text)
    kept = client.get(address)
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for other in ("/static/site.css", "/static/site.css?v=0123456789abcdef"):
        answer = client.get(other)
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.data == kept.data
    assert client.get("/static/nothing.css").status_code == 404


def test_page_and_style_sheet_name_the_same_font(client):
    style = client.get("/static/site.css").text
    (address,) = re.findall(r'url\("([^"]+)"\)', style)
    assert f'href="/static/{address}" as="font"' in client.get("/").text
    font = client.get(f"/static/{address}")
    assert font.mimetype == "font/woff2"
    assert font.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_every_script_is_an_immutable_module(client):
    pages = client.get("/respond/").text + client.get("/staff/login").text
    scripts = set(re.findall(r'<script type="module" src="([^"]+)"></script>', pages))
    assert len(scripts) == len(list((ROOT / "static").glob("*.js")))
    for address in scripts:
        answer = client.get(address)
        assert answer.mimetype == "text/javascript"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_script_type_is_same_on_every_system(make_app):
    mimetypes.add_type("text/plain", ".js")  # as some systems say; a browser runs no such module
    try:
        client = make_app().test_client()
        for name in ("autosave", "counter", "links", "request_errors"):
            answer = client.get(f"/static/{name}.js", headers=GZIP_HEADERS)
            assert answer.mimetype == "text/javascript"
            assert "Accept-Encoding" in answer.vary
    finally:
        mimetypes.init()


def test_known_etag_is_304(raw_client):
    for headers in ({}, GZIP_HEADERS):
        tag = raw_client.get("/static/site.css", headers=headers).headers["ETag"]
        again = raw_client.get("/static/site.css", headers=headers | {"If-None-Match": tag})
        assert (again.status_code, again.data) == (304, b"")
        assert "Accept-Encoding" in again.vary and again.headers["ETag"] == tag
