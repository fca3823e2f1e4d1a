"""Serve the files of `static/`, read and compressed once at start.

An address with the digest of its file may be cached forever: a changed file has a new address.
The first page of a visit holds the style sheet, so that it is drawn after one response
(docs/decisions/0027-first-paint.md).
"""

import gzip
import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, request
from markupsafe import Markup
from werkzeug.wrappers import Response as Answer

MIMETYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".woff2": "font/woff2",
}
"""Not the system's types, which differ: a browser runs no module of another type."""
STYLE_SPACE = re.compile(rb"(?:/\*.*?\*/|\s)+", re.S)
"""Comments and spaces of a style sheet, which are a tenth of it when compressed."""
COMPRESSIBLE = ("text/", "image/svg+xml")
IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is, and compressed (empty if its type does not compress)."""

    content: bytes
    compressed: bytes
    mimetype: str
    digest: str


def read_file(path: Path) -> StaticFile:
    """Read and compress a file of the static folder."""
    content = path.read_bytes()
    if path.suffix == ".css":
        content = STYLE_SPACE.sub(b" ", content)
        for sign in (b"{", b"}", b";", b","):
            content = content.replace(sign + b" ", sign).replace(b" " + sign, sign)
    mimetype = MIMETYPES.get(path.suffix, "application/octet-stream")
    compressed = gzip.compress(content, mtime=0) if mimetype.startswith(COMPRESSIBLE) else b""
    return StaticFile(content, compressed, mimetype, sha256(content).hexdigest()[:16])


def init_app(app: Flask) -> None:
    """Serve the files; `url_for("static", …)` adds the digest."""
    folder = Path(app.root_path).parent / "static"
    assets = {path.name: read_file(path) for path in folder.iterdir() if path.is_file()}

    style = _page_style(assets["site.css"], app.config["APPLICATION_ROOT"])
    app.extensions["style_digest"] = b64encode(sha256(style.encode()).digest()).decode()
    app.jinja_env.globals |= {"page_style": Markup(style), "begins_visit": begins_visit}  # noqa: S704

    @app.url_defaults
    def add_digest(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and (asset := assets.get(values["filename"])):
            values["v"] = asset.digest

    @app.get("/static/<filename>", endpoint="static")
    def send(filename: str) -> Answer:
        asset = assets.get(filename) or abort(404)
        gzipped = bool(asset.compressed) and request.accept_encodings["gzip"] > 0
        content = asset.compressed if gzipped else asset.content
        response = Response(content, mimetype=asset.mimetype)
        if asset.compressed:
            response.vary.add("Accept-Encoding")
        if gzipped:
            response.content_encoding = "gzip"
        response.set_etag(f"{asset.digest}-gzip" if gzipped else asset.digest)
        is_current = request.args.get("v") == asset.digest
        response.headers["Cache-Control"] = IMMUTABLE if is_current else "no-cache"
        return response.make_conditional(request)


def begins_visit() -> bool:
    """Return True if the visitor came from another site, or typed the address.

    A browser that does not say so, or that comes from a page of ours, has the style sheet or asks
    for it.
    """
    return request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin"


def _page_style(sheet: StaticFile, root: str) -> str:
    """Return a style sheet to put into pages, with its addresses below `root`."""
    return sheet.content.decode().replace('url("', f'url("{root.rstrip("/")}/static/')
