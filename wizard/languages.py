"""Which language a page or message is in, and the one place that asks the catalogs.

Templates mark their own words with `_()` and `{% trans %}`; a `Message` is translated where a
template writes it. The staff side and the commands are in English.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import NullTranslations, translation
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, render_template, request
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from .fields import Option
from .text import folded
from .words import Message, in_words

LANGUAGES: Mapping[str, str] = {"en": "English", "es": "Español"}
"""What a reader can choose, by code (BCP 47), each in its own words."""
COOKIE = "lang"
YEAR = 365 * 24 * 3600
"""Seconds that a choice is remembered."""
VARY = "Accept-Language, Cookie"

CATALOGS = Path(__file__).parent / "translations"

spoken = ContextVar("spoken", default="en")
"""What `current` answers."""


def init_app(app: Flask) -> None:
    """Ties the languages to the program."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.newstyle_gettext = True  # type: ignore[attr-defined]
    app.jinja_env.globals |= {"_": said, "gettext": said, "ngettext": said_of}
    app.jinja_env.finalize = words
    app.jinja_env.filters |= {"words": words, "in_order": in_order}
    app.jinja_env.globals |= {
        "languages": LANGUAGES,
        "language": current,
        "in_language": in_language,
    }

    @app.template_global()
    def part(name: str) -> Markup:
        """A part of every page that is the same on all of them, in one language: drawn once."""
        return _part(name, current())

    @cache
    def _part(name: str, code: str) -> Markup:
        return Markup(render_template(f"parts/{name}.html"))  # noqa: S704

    @app.before_request
    def listen() -> None:
        spoken.set(_wanted())

    @app.teardown_request
    def fall_silent(error: BaseException | None) -> None:
        spoken.set("en")

    @app.after_request
    def remember(response: Response) -> Response:
        chosen = request.args.get(COOKIE, "")
        if chosen in LANGUAGES and request.endpoint != "static":
            response.set_cookie(
                COOKIE,
                chosen,
                max_age=YEAR,
                samesite="Lax",
                secure=app.config["SESSION_COOKIE_SECURE"],
                httponly=True,
            )
        return response


def current() -> str:
    """The code of the language that is spoken now."""
    return spoken.get()


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Speaks that language until the block ends: a message follows its draft, not the request."""
    before = spoken.set(code)
    try:
        yield
    finally:
        spoken.reset(before)


@cache
def catalog(code: str) -> NullTranslations:
    """The translations into a language."""
    return translation("messages", CATALOGS, [code], fallback=True)


@pass_eval_context
def said(context: EvalContext, text: str, **values: Any) -> str:
    """What a template says itself. Jinja's own way there is three calls a text, and takes a
    twentieth of a page."""
    if not values:
        return _constant(text, catalog(current()), context.autoescape)
    return _filled(catalog(current()).gettext(text), values, context.autoescape)


@pass_eval_context
def said_of(context: EvalContext, one: str, more: str, num: int, **values: Any) -> str:
    """The same of a number of things."""
    text = catalog(current()).ngettext(one, more, num)
    return _filled(text, {"num": num, **values}, context.autoescape)


@cache
def _constant(text: str, translations: NullTranslations, escapes: bool) -> str:
    return _filled(translations.gettext(text), {}, escapes)


def _filled(text: str, values: Mapping[str, Any], escapes: bool) -> str:
    return (Markup(text) if escapes else text) % values  # noqa: S704


def words(text: Any) -> Any:
    """A `Message` in the language that is spoken now; anything else (what was typed) as it is."""
    if type(text) is not Message or (code := current()) == "en":
        return text
    return text.by(catalog(code).gettext)


def in_order(options: tuple[Option, ...]) -> Sequence[Option]:
    """Options as a reader looks for them: those in the order of the alphabet are so in any
    language, accents aside."""
    return _in_order(options, catalog(current()))


@cache
def _in_order(options: tuple[Option, ...], translations: NullTranslations) -> Sequence[Option]:
    labels = [option.label for option in options]
    if labels != sorted(labels):
        return options
    return sorted(options, key=lambda option: folded(in_words(option.label, translations.gettext)))


def in_language(code: str) -> str:
    """The query by which this address is the same page in that language."""
    others = [(name, value) for name, value in request.args.items(multi=True) if name != COOKIE]
    return urlencode([*others, (COOKIE, code)])


def _wanted() -> str:
    """By the address, else what was chosen before, else what the browser asks for."""
    if request.path.startswith("/staff/"):
        return "en"
    asked = [code.partition("-")[0] for code, weight in request.accept_languages if weight]
    codes = [request.args.get(COOKIE, ""), request.cookies.get(COOKIE, ""), *asked]
    return next((code for code in codes if code in LANGUAGES), "en")
