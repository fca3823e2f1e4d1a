"""What goes over the wire: little, and what stays the same only once."""

import gzip
import mimetypes
import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import load_case
from tests.server import ROOT
from tests.staff import add_submission, colleague
from tests.walk import draft_path, walk

KILOBYTE = 1024
GZIP = {"Accept-Encoding": "gzip, deflate, br"}
FILES = re.compile(r'(?:href|src)="(/static/[^"]+)"')


@pytest.fixture
def wire(app) -> FlaskClient:
    """A client that takes answers as they come, compressed."""
    return FlaskClient(app, TestResponse)


def test_a_first_visit_fits_into_14_kilobytes(app, wire, capsys):
    for number in range(3):
        add_submission(app, status="published", commitment_title=f"Commitment {number}")
    landing = wire.get("/", headers=GZIP)
    weights = {"/": len(landing.data)}
    for address in FILES.findall(gzip.decompress(landing.data).decode()):
        weights[address.partition("?")[0]] = len(wire.get(address, headers=GZIP).data)
    modules = {f"/static/{path.name}" for path in (ROOT / "static").glob("*.js")}
    scripts = sum(weights[module] for module in modules)
    with capsys.disabled():
        print("\nbytes over the wire:", weights, "in all", sum(weights.values()))
        print("of them scripts:", scripts)
    assert weights["/static/site.css"] <= 10 * KILOBYTE
    assert scripts <= 3 * KILOBYTE
    assert set(weights) == {"/", "/static/icon.svg", "/static/site.css"} | modules
    assert sum(weights.values()) <= 14 * KILOBYTE


def test_a_file_is_kept_for_good_by_the_digest_in_its_address(client):
    (address,) = re.findall(r"/static/site\.css[^\"]*", client.get("/").text)
    kept = client.get(address)
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for other in ("/static/site.css", "/static/site.css?v=0123456789abcdef"):
        answer = client.get(other)
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.data == kept.data
    assert client.get("/static/nothing.css").status_code == 404


def test_every_script_is_an_immutable_module(client):
    scripts = re.findall(r'<script type="module" src="([^"]+)"></script>', client.get("/").text)
    assert len(scripts) == len(list((ROOT / "static").glob("*.js")))
    for address in scripts:
        answer = client.get(address)
        assert answer.mimetype == "text/javascript"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_type_of_a_script_is_the_same_on_every_system(make_app):
    mimetypes.add_type("text/plain", ".js")  # as some systems say; a browser runs no such module
    try:
        client = make_app().test_client()
        for name in ("autosave", "counter", "links", "request_errors"):
            answer = client.get(f"/static/{name}.js", headers=GZIP)
            assert answer.mimetype == "text/javascript"
            assert "Accept-Encoding" in answer.vary
    finally:
        mimetypes.init()


@pytest.mark.parametrize("path", ["/static/site.css", "/questions"])
def test_a_page_or_file_is_the_same_compressed_or_not(wire, path):
    plain, packed = wire.get(path), wire.get(path, headers=GZIP)
    refused = wire.get(path, headers={"Accept-Encoding": "gzip;q=0"})
    assert gzip.decompress(packed.data) == plain.data == refused.data
    assert packed.headers["Content-Encoding"] == "gzip"
    for answer in (plain, packed, refused):
        assert "Accept-Encoding" in answer.vary
    head = wire.head(path, headers=GZIP)
    assert head.data == b"" and int(head.headers["Content-Length"]) > 100


def test_a_file_that_a_browser_has_is_not_sent_again(wire):
    for headers in ({}, GZIP):
        tag = wire.get("/static/site.css", headers=headers).headers["ETag"]
        again = wire.get("/static/site.css", headers=headers | {"If-None-Match": tag})
        assert (again.status_code, again.data) == (304, b"")
        assert "Accept-Encoding" in again.vary and again.headers["ETag"] == tag


def test_the_length_of_a_page_tells_little_of_what_it_holds(client, wire):
    path = draft_path(walk(client, load_case("agency"), until="contact"))
    wire.set_cookie("session", client.get_cookie("session").value)
    lengths = {len(wire.get(f"{path}/organization", headers=GZIP).data) for _ in range(30)}
    assert max(lengths) - min(lengths) > 20


def test_an_export_stays_a_stream(app):
    add_submission(app)
    client = colleague(app, "viewer")
    for path in ("/staff/export/submissions.csv", "/commitments.csv"):
        with client.get(path, headers=GZIP) as answer:
            assert answer.is_streamed and "Content-Encoding" not in answer.headers


def test_search_engines_and_shared_addresses_find_what_is_for_everyone(app, client):
    robots = client.get("/robots.txt")
    assert robots.mimetype == "text/plain" and "Disallow: /staff/" in robots.text
    reference = add_submission(app, status="published")
    for path in ("/", "/commitments", f"/commitments/{reference}"):
        page = client.page(path)
        (image,) = page.all('meta[property="og:image"]')
        address = image.attrs["content"].removeprefix("http://commitments.example.org")
        assert client.get(address).mimetype == "image/png"
        (canonical,) = page.all('link[rel="canonical"]')
        assert canonical.attrs["href"] == f"http://commitments.example.org{path}"


def test_the_statement_of_accessibility_says_whom_to_write_to(make_app):
    page = make_app(PROGRAM_EMAIL="office@example.org").test_client().page("/accessibility")
    assert "office@example.org" in page.text("main")
