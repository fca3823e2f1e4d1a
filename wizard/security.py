"""What every answer of the program carries, and what every request must keep to."""

from urllib.parse import unquote_to_bytes, urlsplit

from flask import Flask, Response, abort, request

MOST_FIELDS = 1_000
"""A full page has some 200; to put many thousands into a form costs a server seconds."""


def init_app(app: Flask) -> None:
    """Ties the checks and headers to the program."""
    policy = _policy(app.config["HTMX_URL"])

    @app.before_request
    def refuse_what_no_page_sends() -> None:
        if request.method != "POST":
            return
        if request.mimetype == "application/x-www-form-urlencoded" and not _is_text():
            abort(400)
        if sum(map(len, request.form.listvalues())) > MOST_FIELDS:
            abort(413)

    @app.after_request
    def add_headers(response: Response) -> Response:
        if request.endpoint != "static":
            response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "strict-origin")
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=()"
        )
        if app.config["SESSION_COOKIE_SECURE"]:
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        return response


def _is_text() -> bool:
    """Whether a form is UTF-8. Werkzeug would keep the escapes of other bytes as if typed."""
    try:
        unquote_to_bytes(request.get_data()).decode()
    except UnicodeDecodeError:
        return False
    return True


def _policy(htmx_url: str) -> str:
    """Nothing inline, nothing evaluated, no frame; scripts from here and the one htmx address."""
    htmx = htmx_url if urlsplit(htmx_url).netloc else ""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' {htmx}".rstrip(),
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
