"""Tests of compression and of the weight of a first visit."""

import gzip
import re

import pytest

from tests.complete_form import complete_form, draft_path
from tests.conftest import load_case
from tests.factories import add_submission, staff_client
from tests.integration.web.conftest import GZIP_HEADERS

pytestmark = pytest.mark.one_store

KILOBYTE = 1024
FILES = re.compile(r'(?:href|src)="(/static/[^"]+)"')


ARRIVAL = GZIP_HEADERS | {"Sec-Fetch-Site": "cross-site"}


def weigh(client, path: str, headers: dict[str, str]) -> dict[str, int]:
    """Return the bytes over the wire of a page and its files, by address."""
    page = client.get(path, headers=headers)
    weights = {path: len(page.data)}
    for address in FILES.findall(gzip.decompress(page.data).decode()):
        weights[address.partition("?")[0]] = len(client.get(address, headers=GZIP_HEADERS).data)
    return weights


@pytest.mark.parametrize("headers", [ARRIVAL, GZIP_HEADERS], ids=["style inside", "style beside"])
def test_first_visit_is_at_most_14_kilobytes(app, raw_client, capsys, headers):
    for number in range(3):
        add_submission(app, status="published", commitment_title=f"Commitment {number}")
    weights = weigh(raw_client, "/", headers)
    with capsys.disabled():
        print("\nbytes over the wire:", weights, "in all", sum(weights.values()))
    sheets = set() if headers is ARRIVAL else {"/static/site.css"}
    assert set(weights) == {"/", "/static/icon.svg"} | sheets
    assert sum(weights.values()) <= 14 * KILOBYTE


def test_first_list_is_at_most_14_kilobytes(app, raw_client, capsys):
    for number in range(20):
        add_submission(app, status="published", commitment_title=f"Commitment {number}")
    weights = weigh(raw_client, "/commitments", ARRIVAL)
    scripts = {name: weight for name, weight in weights.items() if name.endswith(".js")}
    with capsys.disabled():
        print("\nbytes over the wire:", weights, "in all", sum(weights.values()))
    assert set(scripts) == {"/static/links.js", "/static/request_errors.js"}
    assert sum(scripts.values()) <= 3 * KILOBYTE
    assert sum(weights.values()) <= 14 * KILOBYTE


def test_style_and_font_are_small(raw_client):
    style = raw_client.get("/static/site.css", headers=GZIP_HEADERS)
    assert len(style.data) <= 10 * KILOBYTE
    assert len(raw_client.get("/static/newsreader.woff2").data) <= 25 * 1000


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
