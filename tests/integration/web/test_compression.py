"""Tests of compression and of the weight of a first visit."""

import gzip
import re

import pytest

from tests.complete_form import complete_form, draft_path
from tests.conftest import load_case
from tests.factories import add_submission, staff_client
from tests.integration.web.conftest import GZIP_HEADERS
from tests.server import ROOT

pytestmark = pytest.mark.one_store

KILOBYTE = 1024
FILES = re.compile(r'(?:href|src)="(/static/[^"]+)"')


def test_first_visit_is_at_most_14_kilobytes(app, raw_client, capsys):
    for number in range(3):
        add_submission(app, status="published", commitment_title=f"Commitment {number}")
    landing = raw_client.get("/", headers=GZIP_HEADERS)
    weights = {"/": len(landing.data)}
    for address in FILES.findall(gzip.decompress(landing.data).decode()):
        weights[address.partition("?")[0]] = len(raw_client.get(address, headers=GZIP_HEADERS).data)
    modules = {f"/static/{path.name}" for path in (ROOT / "static").glob("*.js")}
    loaded_elsewhere = ("autosave", "copy", "counter", "dates", "many", "shortcuts")  # forms, staff
    modules -= {f"/static/{name}.js" for name in loaded_elsewhere}
    scripts = sum(weights[module] for module in modules)
    fonts = {name: weights.pop(name) for name in [*weights] if name.endswith(".woff2")}
    assert list(fonts) == ["/static/newsreader.woff2"]
    assert max(fonts.values()) <= 25 * 1000
    with capsys.disabled():
        print("\nfonts:", fonts)
        print("bytes over the wire:", weights, "in all", sum(weights.values()))
        print("of them scripts:", scripts)
    assert weights["/static/site.css"] <= 10 * KILOBYTE
    assert scripts <= 3 * KILOBYTE
    assert set(weights) == {"/", "/static/icon.svg", "/static/site.css"} | modules
    assert sum(weights.values()) <= 14 * KILOBYTE


@pytest.mark.parametrize("path", ["/static/site.css", "/questions"])
def test_compressed_content_is_identical(raw_client, path):
    plain, packed = raw_client.get(path), raw_client.get(path, headers=GZIP_HEADERS)
    refused = raw_client.get(path, headers={"Accept-Encoding": "gzip;q=0"})
    assert gzip.decompress(packed.data) == plain.data == refused.data
    assert packed.headers["Content-Encoding"] == "gzip"
    for answer in (plain, packed, refused):
        assert "Accept-Encoding" in answer.vary
    head = raw_client.head(path, headers=GZIP_HEADERS)
    assert head.data == b"" and int(head.headers["Content-Length"]) > 100


def test_compressed_length_is_padded(client, raw_client):
    path = draft_path(complete_form(client, load_case("agency"), until="contact"))
    raw_client.set_cookie("session", client.get_cookie("session").value)
    lengths = {
        len(raw_client.get(f"{path}/organization", headers=GZIP_HEADERS).data) for _ in range(30)
    }
    assert max(lengths) - min(lengths) > 20


def test_streamed_export_is_not_compressed(app):
    add_submission(app)
    client = staff_client(app, "viewer")
    for path in ("/staff/export/submissions.csv", "/commitments.csv"):
        with client.get(path, headers=GZIP_HEADERS) as answer:
            assert answer.is_streamed and "Content-Encoding" not in answer.headers
