"""Tests of caching of static files."""

import mimetypes
import re
from base64 import b64encode
from hashlib import sha256

import pytest

from tests.factories import add_submission
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


def test_style_sheet_names_the_font_by_its_digest(client):
    style = client.get("/static/site.css").text
    (address,) = re.findall(r'url\("([^"]+)"\)', style)
    font = client.get(f"/static/{address}")
    assert font.mimetype == "font/woff2"
    assert font.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("site", ["none", "cross-site", "same-site"])
@pytest.mark.parametrize("root", ["/", "/commitments-of/2027"])
def test_first_page_of_a_visit_holds_the_style_sheet(make_app, site, root):
    client = make_app(APPLICATION_ROOT=root).test_client()
    page = client.get("/", headers={"Sec-Fetch-Site": site})
    (style,) = re.findall("<style>(.*?)</style>", page.text, re.S)
    assert "/static/site.css" not in page.text
    prefix = f'url("{root.rstrip("/")}/static/'
    assert style.replace(prefix, 'url("') == client.get("/static/site.css").text
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'self' 'sha256-{digest}';" in page.headers["Content-Security-Policy"]


def test_later_pages_name_the_style_sheet(client):
    for headers in ({}, {"Sec-Fetch-Site": "same-origin"}):
        page = client.get("/", headers=headers)
        assert "<style>" not in page.text
        assert '<link rel="stylesheet" href="/static/site.css?v=' in page.text


def test_page_without_a_form_loads_no_script(app, client):
    reference = add_submission(app, status="published")
    paths = ["/", "/questions", "/privacy", "/accessibility", f"/commitments/{reference}"]
    for path in paths:
        assert not re.search(r"<script (src|type=.module)", client.get(path).text), path
    for path in ("/commitments", "/progress", "/lost", "/nowhere", "/respond/"):
        assert client.get(path).text.count("/static/request_errors.js") == 1, path


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
