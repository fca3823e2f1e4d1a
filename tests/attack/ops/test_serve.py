"""Send malformed HTTP requests to the server."""

import pytest

from tests.attack.browser import send_raw, status_code
from tests.client import read_page

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
def test_malformed_request_is_refused_and_server_survives(server, browser, request_):
    answer = send_raw(server, request_)
    assert status_code(answer) in (0, 200, 400, 401, 411, 413, 414, 431, 501, 505), answer[:200]
    assert b"Traceback" not in answer and b"wizard/" not in answer
    assert browser.get("/livez").status_code == 200


@pytest.mark.parametrize("size", [2_200_000, 4_000_000])
def test_post_over_the_limit_gets_the_page_that_says_so(browser, size):
    answer = browser.post("/respond/", {"organization_kind": "x" * size})
    assert answer.status_code == 413
    assert "more than 2 MB together" in read_page(answer).text("main")


def test_content_length_with_chunked_smuggles_no_request(server):
    smuggled = b"GET /questions HTTP/1.1\r\nHost: a\r\n\r\n"
    for body in (b"0\r\n\r\n" + smuggled, b"5\r\na=b&c\r\n0\r\n\r\n" + smuggled):
        for coding in (b"chunked", b"xchunked", b" chunked", b"chunked, identity", b"\x0bchunked"):
            length = b"Content-Length: %d\r\n" % len(body)
            request = HEAD + FORM + length + b"Transfer-Encoding: " + coding + b"\r\n\r\n" + body
            answer = send_raw(server, request)
            assert b"<title>Every question" not in answer
            assert answer.count(b"HTTP/1.1 ") <= 1 or b"HTTP/1.1 4" in answer, coding
