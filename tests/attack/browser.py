"""A browser over a real socket that checks pages as `tests.client` does, and raw requests."""

import http.client
import socket
from contextlib import suppress
from http.cookies import SimpleCookie
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from tests.client import TOKEN, Page, check_page, htmx_headers, is_page, read_page


class Response:
    """A response with the attributes that `tests.client` reads."""

    def __init__(self, path: str, answer: http.client.HTTPResponse) -> None:
        self.request = SimpleNamespace(path=path.partition("?")[0])
        self.status_code = answer.status
        self.headers = answer.headers
        self.content = answer.read()

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def mimetype(self) -> str:
        return self.headers.get_content_type()

    @property
    def location(self) -> str:
        return self.headers.get("Location", "")


class Browser:
    """Keep cookies and post forms; every request sends `default_headers`."""

    def __init__(self, server: Any, **always: str) -> None:
        self.server = server
        self.always = {name.replace("_", "-"): value for name, value in always.items()}
        self.cookies: dict[str, str] = {}
        self.known_token = ""

    def open(
        self, method: str, path: str, data: Any = None, more: dict[str, str] | None = None
    ) -> Response:
        """Send any request; `data` is a form or a raw body."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = self.always | {"Cookie": cookies} | (more or {})
        if isinstance(data, dict):
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
            data = urlencode(data, doseq=True)
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            connection.request(method, path, data, sent)
            answer = Response(path, connection.getresponse())
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie", ()):
            self.cookies |= {name: each.value for name, each in SimpleCookie(line).items()}
        if method in ("GET", "POST") and is_page(answer):
            check_page(read_page(answer))
        return answer

    def get(self, path: str, more: dict[str, str] | None = None) -> Response:
        """Get a page or file without following redirects."""
        return self.open("GET", path, more=more)

    def post(self, path: str, data: Any = None, more: dict[str, str] | None = None) -> Response:
        """Post a form with a CSRF token of this session."""
        fields = {"csrf_token": self.token(), **(data or {})}
        return self.open("POST", path, fields, more)

    def token(self) -> str:
        """Return a CSRF token of this session."""
        if not self.known_token:
            (self.known_token, *_) = TOKEN.findall(self.get("/respond/").text)
        return self.known_token

    def page(self, path: str, *, htmx: bool = False) -> Page:
        """Get a page; follow redirects."""
        return self._follow_redirects(self.get(path, htmx_headers(htmx)), htmx)

    def send(self, path: str, data: Any = None, *, htmx: bool = False, follow: bool = True) -> Page:
        """Post a form as a page does; follow redirects by default."""
        answer = self.post(path, data, htmx_headers(htmx))
        return self._follow_redirects(answer, htmx) if follow else read_page(answer)

    def _follow_redirects(self, answer: Response, htmx: bool) -> Page:
        while 300 <= answer.status_code < 400:
            answer = self.get(answer.location, htmx_headers(htmx))
        return read_page(answer)


def send_raw(server: Any, request: bytes) -> bytes:
    """Send raw bytes; return everything the server answers until it closes."""
    got = b""
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection,
        suppress(ConnectionError),
    ):
        connection.sendall(request)
        with suppress(OSError):  # it may have closed already
            connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65536):
            got += piece
    return got


def status_code(answer: bytes) -> int:
    """Return the status of the first response, or 0 if the server just closed."""
    return int(answer.split(b" ", 2)[1]) if answer else 0


FORGED = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Client-IP", "True-Client-IP", "Via")


def forged_address_headers(number: int) -> dict[str, str]:
    """Return headers that claim another client address for each number."""
    address = f"198.51.100.{number % 250}"
    return {name: f"for={address}" if name == "Forwarded" else address for name in FORGED}
