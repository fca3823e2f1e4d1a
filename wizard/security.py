"""What every answer of the program carries, and what every request must keep to."""

from urllib.parse import urlsplit

from flask import Flask, Response, abort, request

MOST_FIELDS = 1_000
"""A full page has some 200; a body of 60,000 small fields costs a server seconds."""


def init_app(app: Flask) -> None:
    """Ties the checks and headers to the program."""
    policy = _policy(app.config["HTMX_URL"])

    @app.before_request
    def refuse_too_many_fields() -> None:
        if request.method == "POST" and len(request.form) > MOST_FIELDS:
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
