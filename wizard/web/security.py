"""Security headers of responses, and checks of requests."""

import re
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import quote, urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Response, abort, current_app, redirect, request
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError, same_origin
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as Answer

MAX_FIELDS = 1_000
"""A full page has about 200 fields; parsing many thousands takes seconds."""
ONE_CLICK = "unsubscribe.stop"
"""The endpoint to which mail programs post, not pages, and whose body nothing reads."""
csrf = CSRFProtect()
ASCII = bytes(range(128)).decode()
NON_ASCII_ESCAPES = re.compile(rb"(?:%[89a-fA-F][0-9a-fA-F])+")


class OriginError(CSRFError):
    """A post that another site made, or none that the browser names."""


def init_app(app: Flask) -> None:
    """Set up the headers and checks."""
    if proxies := app.config["TRUSTED_PROXIES"]:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    app.wsgi_app = _reject_bad_hosts(app.wsgi_app)  # type: ignore[method-assign, assignment]
    policy = _policy(app.config["HTMX_URL"], app.extensions["style_digest"])
    headers = _headers(policy, secure=app.config["SESSION_COOKIE_SECURE"])

    app.before_request(_relative_redirect)
    app.before_request(_redirect_damaged_link)
    app.before_request(_validate_form_post)
    app.before_request(_check_origin)
    csrf.init_app(app)

    @app.after_request
    def add_headers(response: Response) -> Response:
        given = {name.lower() for name, _ in response.headers}
        for name, value in headers.items():
            if name.lower() not in given:
                response.headers.add(name, value)
        return response


def _headers(policy: str, *, secure: bool) -> dict[str, str]:
    """Return the headers of every response, unless its view sets another value."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
    return headers | ({"Strict-Transport-Security": "max-age=31536000"} if secure else {})


def _relative_redirect() -> Answer | None:
    """Redirect to a missing slash by path; Werkzeug would redirect to the Host header."""
    if not isinstance(request.routing_exception, RequestRedirect):
        return None
    url = urlsplit(request.routing_exception.new_url)
    return redirect(url._replace(scheme="", netloc="").geturl(), 308)


ADDED_TO_LINKS = "/ \t\r\n.,;:!?*|&=\\\"'()<>[]{}“”‘’«»…。、，）」》\xa0\u200b\u200e\ufeff"
"""What people, sentences and mail programs leave behind an address. (Tokens may end in - and _.)"""
ADDED_MARKUP = ("&gt", "&lt", "&amp", "&quot", "&nbsp", "<br")
"""The same as markup, without what is in `ADDED_TO_LINKS`."""
REFERENCE = re.compile(r"([A-Z]+)-?([A-Z0-9]{4})-?([A-Z0-9]{4})")


def _redirect_damaged_link() -> Answer | None:
    """Redirect a link with something behind it, or with a reference that was typed differently."""
    path = request.path
    if request.method not in ("GET", "HEAD"):
        return None
    given = (request.view_args or {}).get("reference", "")
    if path.endswith("/") and not request.routing_exception:
        return None
    better = _strip_added(path) or "/"
    reference = REFERENCE.fullmatch(
        re.sub("[\u2010-\u2015]", "-", _strip_added(given).strip(ADDED_TO_LINKS)).upper()
    )
    if reference:
        better = better.replace(_strip_added(given), "-".join(reference.groups()))
    if better == path or ".." in path or path.startswith("//"):
        return None
    rules = current_app.create_url_adapter(request)
    if rules is None or not rules.test(better, "GET"):
        return None
    query = f"?{request.query_string.decode()}" if request.query_string else ""
    return redirect(quote(better) + query, 308)


def _strip_added(text: str) -> str:
    """Return an address or a part of it without what was left behind it."""
    before = ""
    while text != before:
        before, text = text, text.rstrip(ADDED_TO_LINKS)
        for markup in ADDED_MARKUP:
            text = text.removesuffix(markup)
    return text


def _validate_form_post() -> None:
    """Reject what no page posts before it is parsed, since the largest form takes 0.3 s."""
    if request.method != "POST" or request.endpoint == ONE_CLICK:
        return
    if request.content_length and request.mimetype != "application/x-www-form-urlencoded":
        abort(415)
    body = request.get_data()
    if body.count(b"&") >= MAX_FIELDS:
        abort(413)
    if not _is_utf8(body):
        abort(400)


def _check_origin() -> None:
    """Refuse a post of another site over HTTPS: by its `Origin`, without one by its `Referer`."""
    if request.method != "POST" or not request.is_secure or request.endpoint == ONE_CLICK:
        return
    given = request.headers.get("Origin") or request.headers.get("Referer", "")
    with suppress(ValueError):  # no address at all, such as http://[
        if same_origin(given, f"https://{request.host}/"):
            return
    raise OriginError


def _reject_bad_hosts(wsgi_app: WSGIApplication) -> WSGIApplication:
    """Return 400 for an invalid Host, with which not even an error page could build a URL, and
    escape what is not ASCII in a query."""

    def checked(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "")
        try:
            host.rpartition(":")[0].encode("idna")
            host.encode("idna")
        except UnicodeError:
            answer = Response(
                "The Host header of this request isn’t a host name.", 400, mimetype="text/plain"
            )
            return answer(environ, start_response)
        # Werkzeug would fail on bytes that are not UTF-8; it reads escaped ones.
        if not (query := environ.get("QUERY_STRING", "")).isascii():
            environ["QUERY_STRING"] = quote(query, ASCII, "latin-1")
        return wsgi_app(environ, start_response)

    return checked


def _is_utf8(body: bytes) -> bool:
    """Return True for UTF-8; Werkzeug would keep escapes of other bytes as text."""
    escapes = b"%20".join(NON_ASCII_ESCAPES.findall(body))
    try:
        body.decode()
        bytes.fromhex(escapes.replace(b"%", b" ").decode()).decode()
    except UnicodeDecodeError:
        return False
    return True


def _policy(htmx_url: str, style_digest: str) -> str:
    """Return the content security policy: nothing inline but the style sheet; scripts from here and
    the htmx URL."""
    scripts = f"'self' {htmx_url}" if urlsplit(htmx_url).netloc else "'self'"
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'sha256-{style_digest}';"
        " img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    )
