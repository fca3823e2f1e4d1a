"""Input that no browser sends: broken requests, odd methods and encodings, slow patterns."""

import re
import time
from contextlib import suppress
from datetime import date

import pytest

from tests.attack.browser import raw, status
from tests.conftest import load_case
from tests.server import ROOT
from tests.walk import draft_path, start
from wizard.forms import fields
from wizard.forms.text import FORBIDDEN_CHARACTERS, Invalid
from wizard.public import open_data
from wizard.submissions import filters
from wizard.web import logs, query, tables

HEAD = b"POST /respond/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
BROKEN = {
    "nothing": b"\r\n\r\n",
    "no request": b"hello\r\n\r\n",
    "bytes": bytes(range(256)) + b"\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "an odd host": b"GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
    "another version": b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "a long line": b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 60_000 + b"\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\nConnection: close\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    "a blank before the colon": b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "a negative length": HEAD + FORM + b"Content-Length: -1\r\n\r\n",
    "a length in words": HEAD + FORM + b"Content-Length: ten\r\n\r\n",
    "a length with a sign": HEAD + FORM + b"Content-Length: +3\r\n\r\na=b",
    "two lengths": HEAD + FORM + b"Content-Length: 3\r\nContent-Length: 30\r\n\r\na=b",
    "an endless length": HEAD + FORM + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n",
    "a broken chunk": HEAD + FORM + b"Transfer-Encoding: chunked\r\n\r\nzz\r\na=b\r\n0\r\n\r\n",
    "an unknown coding": HEAD + FORM + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "a body that ends early": HEAD + FORM + b"Content-Length: 100\r\n\r\na=b",
    "a cookie of bytes": b"GET / HTTP/1.0\r\nCookie: session=\xff\xfe; =; a\r\n\r\n",
    "a token of bytes": b"GET /staff/export/submissions.csv HTTP/1.0\r\n"
                        b"Authorization: Bearer \xff\xfe\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("request_", BROKEN.values(), ids=BROKEN)
def test_a_broken_request_is_refused_and_the_next_one_served(server, browser, request_):
    answer = raw(server, request_)
    assert status(answer) in (0, 200, 400, 401, 411, 413, 414, 431, 501, 505), answer[:200]
    assert b"Traceback" not in answer and b"wizard/" not in answer
    assert browser.get("/livez").status_code == 200


def test_a_length_and_chunks_at_once_hide_no_second_request(server):
    smuggled = b"GET /questions HTTP/1.1\r\nHost: a\r\n\r\n"
    for body in (b"0\r\n\r\n" + smuggled, b"5\r\na=b&c\r\n0\r\n\r\n" + smuggled):
        for coding in (b"chunked", b"xchunked", b" chunked", b"chunked, identity", b"\x0bchunked"):
            length = b"Content-Length: %d\r\n" % len(body)
            request = HEAD + FORM + length + b"Transfer-Encoding: " + coding + b"\r\n\r\n" + body
            answer = raw(server, request)
            assert b"<title>Every question" not in answer
            assert answer.count(b"HTTP/1.1 ") <= 1 or b"HTTP/1.1 4" in answer, coding


@pytest.mark.parametrize(
    "method",
    ["PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "get", "X" * 300, "OPTIONS"],
)
def test_a_method_that_an_address_does_not_take_does_nothing(server, browser, method):
    path = draft_path(start(browser, load_case("agency")))
    for address in (
        f"{path}/organization",
        f"{path}/delete",
        "/staff/login",
        "/commitments.csv",
        "/",
    ):
        answer = browser.open(method, address, {"action": "delete"}, {"X-Secret": "echo"})
        assert answer.status_code in (200, 400, 404, 405, 501), (method, address)
        assert "echo" not in answer.text
        if method != "OPTIONS":
            assert answer.status_code >= 400, (method, address)
    assert browser.get(f"{path}/organization").status_code == 200


@pytest.mark.parametrize("name", ["_method", "X-HTTP-Method-Override"])
def test_no_field_or_header_changes_the_method(browser, name):
    path = draft_path(start(browser, load_case("agency")))
    browser.open("GET", f"{path}/delete?{name}=POST&action=delete", more={name: "POST"})
    browser.post(f"{path}/organization", {name: "DELETE", "action": "save"}, {name: "DELETE"})
    assert browser.get(f"{path}/organization").status_code == 200


UPLOAD = (
    b'--x\r\nContent-Disposition: form-data; name="city"; filename="../../x"\r\n\r\n'
    b"Tampa\r\n--x--\r\n"
)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded; charset=utf-7", b"city=%2BADw-script%2BAD4-"),
        ("application/x-www-form-urlencoded; charset=utf-16", "city=Tampa".encode("utf-16")),
        ("application/x-www-form-urlencoded; charset=nothing", b"city=Tampa"),
        ("application/x-www-form-urlencoded", b"city=%ED%A0%80%ED%B0%80"),
        ("application/x-www-form-urlencoded", b"city=%F4%90%80%80"),
        ("application/x-www-form-urlencoded", b"city=" + b"%" * 1000),
        ("application/x-www-form-urlencoded", b"city=Tampa" + b"&city=x" * 900),
        ("multipart/form-data; boundary=x", UPLOAD),
        ("application/json", b'{"city": {"a": [1]}, "state": null}'),
        ("application/json", b"[" * 100_000),
        ("multipart/form-data; boundary=x", b"--x\r\n" * 3000 + b"--x--\r\n"),
        ("multipart/form-data; boundary=" + "y" * 5000, b"--y--"),
        ("application/xml", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
    ],
)  # fmt: skip
def test_a_body_in_an_odd_coding_is_read_as_text_or_refused(browser, content_type, body):
    path = draft_path(start(browser, load_case("agency")))
    more = {"Content-Type": content_type, "X-CSRFToken": browser.token()}
    answer = browser.open("POST", f"{path}/organization", body, more)
    assert answer.status_code in (400, 413, 415, 422), answer.status_code
    assert "root:" not in answer.text and "<script>alert" not in answer.text
    packed = more | {
        "Content-Encoding": "gzip",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert browser.open(
        "POST", f"{path}/organization", b"\x1f\x8b\x08" * 40, packed
    ).status_code in (400, 422)


PATTERNS = {
    "cell": tables.FORMULA_START,
    "xml": open_data.FORBIDDEN_IN_XML.search,
    "kept": FORBIDDEN_CHARACTERS.search,
    "request id": logs.REQUEST_ID_PATTERN.fullmatch,
    "cell made safe": tables.safe_cell,
    "cell read": tables.exact_value,
}
CLEANED = {
    field.__name__: field("a", "A", noun="the answer", max_length=10**9)
    for field in (fields.Text, fields.LongText, fields.Email, fields.Phone, fields.Url)
} | {"Date": fields.Date("a", "A", noun="the day")}
SEEDS = [
    "a",
    "a.",
    "-",
    "_",
    ".",
    " ",
    "'",
    "=",
    "1",
    "/",
    "a-",
    "@",
    "a@",
    "%",
    "\t",
    "\u0301",
    "é",
    "://",
    "(",
    "x1",
]


def clean(field: fields.Field):
    """Cleans as a step does: what is wrong is said, and no more."""

    def cleaned(text: str) -> None:
        with suppress(Invalid):
            field.clean(text, date(2027, 3, 1))

    return cleaned


def read(name: str):
    """Reads a filter as a list does."""

    def reading(text: str) -> None:
        with suppress(query.BadQuery):
            query.parse_args({name: [text]}, filters.UNCODED)

    return reading


USED = re.compile(r"\bre\.(?:compile|sub|match|search|fullmatch|split)\(")
READERS = (
    PATTERNS
    | {name: clean(field) for name, field in CLEANED.items()}
    | {name: read(name) for name in ("text", "since", "first_day")}
)


def cost(reader, text: str) -> float:
    """Seconds of this thread alone, the least of three."""
    least = 9.0
    for _ in range(3):
        began = time.thread_time()
        reader(text)
        least = min(least, time.thread_time() - began)
    return least


@pytest.mark.parametrize("name", READERS)
def test_reading_takes_time_in_proportion_to_what_is_read(name):
    """Eight times as long a text takes at most sixteen times as long: a quadratic pattern takes 64
    times. What is too quick to be measured is quick enough."""
    reader = READERS[name]
    for seed in SEEDS:
        for end in ("", "!", "\x00", ".."):
            short = seed * (4_000 // len(seed)) + end
            long = seed * (32_000 // len(seed)) + end
            taken = cost(reader, long)
            if taken > 0.02:
                assert taken < 16 * cost(reader, short), (seed, end)


def test_every_pattern_of_the_program_is_among_them():
    """A new pattern belongs into `PATTERNS`, unless what it reads is short already."""
    found = 0
    for path in (ROOT / "wizard").rglob("*.py"):
        found += len(
            re.findall(r"\bre\.(?:compile|sub|match|search|fullmatch|split)\(", path.read_text())
        )
    assert found == 12
