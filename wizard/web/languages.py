"""Which language a page or message is in, and the one place that asks the catalogs.

Templates mark their own words with `_()` and `{% trans %}`; a `Message` is translated where a
template writes it. The staff side and the commands are in English.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Context, ContextVar
from functools import cache, lru_cache
from gettext import NullTranslations, translation
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, current_app, request
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from ..forms.fields import Option
from ..forms.messages import Message, translate_if_message
from ..forms.text import fold_text

LANGUAGES: Mapping[str, str] = {"en": "English", "es": "Español"}
"""What a reader can choose, by code (BCP 47), each in its own words."""
COOKIE_NAME = "lang"
COOKIE_SECONDS = 365 * 24 * 3600
VARY = "Accept-Language, Cookie"

CATALOGS = Path(__file__).parents[1] / "translations"

current_locale = ContextVar("spoken", default="en")
"""The current locale."""


def init_app(app: Flask) -> None:
    """Set up the languages."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.newstyle_gettext = True  # type: ignore[attr-defined]
    app.jinja_env.finalize = translate
    app.jinja_env.filters |= {"translate": translate, "sort_options": sort_options}
    app.jinja_env.globals |= {
        "_": gettext,
        "gettext": gettext,
        "ngettext": ngettext,
        "languages": LANGUAGES,
        "language": get_locale,
        "language_query": language_query,
        "part": cached_part,
    }
    app.extensions["cached_parts"] = {}
    app.before_request(_select_locale)
    app.teardown_request(_reset_locale)
    app.after_request(_remember_locale)


def _select_locale() -> None:
    current_locale.set(_preferred_locale())


def _reset_locale(error: BaseException | None) -> None:
    current_locale.set("en")


def _remember_locale(response: Response) -> Response:
    chosen = request.args.get(COOKIE_NAME, "")
    if chosen in LANGUAGES and request.endpoint != "static":
        response.set_cookie(
            COOKIE_NAME,
            chosen,
            max_age=COOKIE_SECONDS,
            samesite="Lax",
            secure=current_app.config["SESSION_COOKIE_SECURE"],
            httponly=True,
        )
    return response


def cached_part(name: str) -> Markup:
    """Return a part that is the same on all pages of a language, rendered once.

    It is rendered outside of the request, so that nothing of one visitor can be in it: a template
    that uses `request`, `session`, `g` or a CSRF token raises `RuntimeError`.
    """
    cached: dict[tuple[str, str], Markup] = current_app.extensions["cached_parts"]
    key = name, get_locale()
    if key not in cached:
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        cached[key] = Context().run(_render_part, app, *key)
    return cached[key]


def _render_part(app: Flask, name: str, code: str) -> Markup:
    routes = app.url_map.bind("", script_name=app.config["APPLICATION_ROOT"])

    def url_for(endpoint: str, **values: Any) -> str:
        app.inject_url_defaults(endpoint, values)
        return routes.build(endpoint, values)

    with force_locale(code):
        template = app.jinja_env.get_template(f"parts/{name}.html")
        return Markup(template.render(config=app.config, url_for=url_for))  # noqa: S704


def get_locale() -> str:
    """Return the current locale code."""
    return current_locale.get()


@contextmanager
def force_locale(code: str) -> Iterator[None]:
    """Use `code` as the locale inside the block, e.g. for an e-mail."""
    before = current_locale.set(code)
    try:
        yield
    finally:
        current_locale.reset(before)


@cache
def load_catalog(code: str) -> NullTranslations:
    """Return the translations into a language."""
    return translation("messages", CATALOGS, [code], fallback=True)


@pass_eval_context
def gettext(context: EvalContext, text: str, **values: Any) -> str:
    """gettext for templates; without Jinja's wrapper, which takes a twentieth of a page."""
    if not values:
        return _cached_gettext(text, load_catalog(get_locale()), context.autoescape)
    return _interpolate(load_catalog(get_locale()).gettext(text), values, context.autoescape)


@pass_eval_context
def ngettext(context: EvalContext, one: str, more: str, num: int, **values: Any) -> str:
    """ngettext for templates."""
    text = load_catalog(get_locale()).ngettext(one, more, num)
    return _interpolate(text, {"num": num, **values}, context.autoescape)


@lru_cache(maxsize=4096)
def _cached_gettext(text: str, translations: NullTranslations, escapes: bool) -> str:
    """Fill in a text without values; it depends on nothing but what is passed."""
    return _interpolate(translations.gettext(text), {}, escapes)


def _interpolate(text: str, values: Mapping[str, Any], escapes: bool) -> str:
    return (Markup(text) if escapes else text) % values  # noqa: S704


def translate(text: Any) -> Any:
    """Return a `Message` in the current language; anything else (what was typed) as it is."""
    if type(text) is not Message or (code := get_locale()) == "en":
        return text
    return text.translated(load_catalog(code).gettext)


def sort_options(options: tuple[Option, ...]) -> Sequence[Option]:
    """Options as a reader looks for them: those in the order of the alphabet are so in any
    language, accents aside."""
    return _sorted_options(options, load_catalog(get_locale()))


@cache
def _sorted_options(
    options: tuple[Option, ...], translations: NullTranslations
) -> Sequence[Option]:
    labels = [option.label for option in options]
    if labels != sorted(labels):
        return options
    return sorted(
        options,
        key=lambda option: fold_text(translate_if_message(option.label, translations.gettext)),
    )


def language_query(code: str) -> str:
    """The query by which this address is the same page in that language."""
    others = [
        (name, value) for name, value in request.args.items(multi=True) if name != COOKIE_NAME
    ]
    return urlencode([*others, (COOKIE_NAME, code)])


def _preferred_locale() -> str:
    """By the address, else what was chosen before, else what the browser asks for."""
    if request.path.startswith("/staff/"):
        return "en"
    asked = [code.partition("-")[0] for code, weight in request.accept_languages if weight]
    codes = [request.args.get(COOKIE_NAME, ""), request.cookies.get(COOKIE_NAME, ""), *asked]
    return next((code for code in codes if code in LANGUAGES), "en")
