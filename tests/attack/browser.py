"""A browser over a real socket, as strict with each page as `tests.client`, and raw requests."""

import http.client
import socket
from contextlib import suppress
from http.cookies import SimpleCookie
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from tests.client import Page, headers, is_page, lint


class Answer:
    """What came back, with the names that `tests.client` knows."""

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
    """Cookies and forms; `always` are headers that every request has."""

    def __init__(self, server: Any, **always: str) -> None:
        self.server = server
        self.always = {name.replace("_", "-"): value for name, value in always.items()}
        self.cookies: dict[str, str] = {}
        self.known_token = ""

    def open(
        self, method: str, path: str, data: Any = None, more: dict[str, str] | None = None
    ) -> Answer:
        """Any request: `data` is a form, or a body as it is."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = self.always | {"Cookie": cookies} | (more or {})
        if isinstance(data, dict):
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
            data = urlencode(data, doseq=True)
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            connection.request(method, path, data, sent)
            answer = Answer(path, connection.getresponse())
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie", ()):
            self.cookies |= {name: each.value for name, each in SimpleCookie(line).items()}
        if method in ("GET", "POST") and is_page(answer):
            lint(Page(answer))
        return answer

    def get(self, path: str, more: dict[str, str] | None = None) -> Answer:
        """A page or file; a redirect is not followed."""
        return self.open("GET", path, more=more)

    def post(self, path: str, data: Any = None, more: dict[str, str] | None = None) -> Answer:
        """A form with a token of this browser's session."""
        fields = {"csrf_token": self.token(), **(data or {})}
        return self.open("POST", path, fields, more)

    def token(self) -> str:
        """A CSRF token of this browser's session."""
        if not self.known_token:
            page = Page(self.get("/respond/"))
            self.known_token = page.all("input[name=csrf_token]")[0].attrs["value"]
        return self.known_token

    def page(self, path: str, *, htmx: bool = False) -> Page:
        """A page, redirects followed."""
        return self._followed(self.get(path, headers(htmx)), htmx)

    def send(self, path: str, data: Any = None, *, htmx: bool = False) -> Page:
        """Posts a form as a page would; redirects followed."""
        return self._followed(self.post(path, data, headers(htmx)), htmx)

    def _followed(self, answer: Answer, htmx: bool) -> Page:
        while 300 <= answer.status_code < 400:
            answer = self.get(answer.location, headers(htmx))
        return Page(answer)


def raw(server: Any, request: bytes) -> bytes:
    """What a server answers to bytes as they are, until it closes."""
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


def status(answer: bytes) -> int:
    """The status of the first answer in there; 0 where the server just closed."""
    return int(answer.split(b" ", 2)[1]) if answer else 0
