"""The current locale, and translation by the gettext catalogs.

Templates mark their texts with `_()` and `{% trans %}`; a `Message` is translated where a template
prints it. The staff side and the commands are in English.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Context, ContextVar
from functools import cache, lru_cache, partial
from gettext import NullTranslations, translation
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Config, Flask, Response, current_app, request
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from ..forms.choices import Option
from ..forms.messages import Message, translate_if_message
from ..forms.text import fold_text

LANGUAGES: Mapping[str, str] = {"en": "English", "es": "Español"}
"""The available languages by code (BCP 47), named in themselves."""
COOKIE_NAME = "lang"
COOKIE_SECONDS = 365 * 24 * 3600
MAX_CACHED_PARTS = 2_048
"""Of 1 to 3 KB each."""
VARY = "Accept-Language, Cookie"

CATALOGS = Path(__file__).parents[1] / "translations"
current_locale = ContextVar("current_locale", default="en")


def init_app(app: Flask) -> None:
    """Set up translation in templates and the choice of a language."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.newstyle_gettext = True  # type: ignore[attr-defined]
    app.jinja_env.finalize = translate
    app.jinja_env.filters |= {
        "translate": translate,
        "sort_options": sort_options,
        "lang_attribute": lang_attribute,
    }
    app.jinja_env.globals |= {
        "_": gettext,
        "gettext": gettext,
        "ngettext": ngettext,
        "languages": LANGUAGES,
        "language": get_locale,
        "language_query": language_query,
        "program_name": program_name,
        "part": cached_part,
    }
    app.jinja_env.globals["flow"] = app.extensions["flow"]
    app.extensions["cached_parts"] = {}
    app.before_request(_select_locale)
    app.teardown_request(_reset_locale)
    app.after_request(_remember_locale)


def _select_locale() -> None:
    """Use the locale of the query, else of the cookie, else of the browser's preferences."""
    accepted = [
        code.partition("-")[0].lower() for code, weight in request.accept_languages if weight
    ]
    codes = [request.args.get(COOKIE_NAME, ""), request.cookies.get(COOKIE_NAME, ""), *accepted]
    preferred = next((code for code in codes if code in LANGUAGES), "en")
    current_locale.set("en" if request.path.startswith("/staff/") else preferred)


def _reset_locale(error: BaseException | None) -> None:
    current_locale.set("en")


def _remember_locale(response: Response) -> Response:
    chosen = request.args.get(COOKIE_NAME, "")
    if chosen in LANGUAGES and not response.cache_control.public:
        response.set_cookie(
            COOKIE_NAME,
            chosen,
            max_age=COOKIE_SECONDS,
            samesite="Lax",
            secure=current_app.config["SESSION_COOKIE_SECURE"],
            httponly=True,
        )
    return response


def opening_query(language: str) -> dict[str, Any]:
    """Return what the address of a page needs to be opened in the language of a message whose link
    was followed; nothing in a browser that chose one."""
    has_chosen = request.cookies.get(COOKIE_NAME) in LANGUAGES
    is_needed = language in LANGUAGES and language != get_locale() and not has_chosen
    return {COOKIE_NAME: language} if is_needed else {}


def cached_part(name: str) -> Markup:
    """Return a part that all pages of a language share, rendered once.

    It is rendered outside the request, so that it holds no visitor's data: a template that uses
    `request`, `session`, `g` or a CSRF token raises `RuntimeError`.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    return draw_once(name, lambda: Context().run(_render_part, app, name, get_locale()))


def draw_once(key: Hashable, draw: Callable[[], Markup]) -> Markup:
    """Return what `draw` returns in this language, called once for a key.

    All visitors get it, so it must depend on nothing else.
    """
    cached: dict[Hashable, Markup] = current_app.extensions["cached_parts"]
    in_language = key, get_locale()
    drawn = cached.get(in_language)
    if drawn is None:
        drawn = draw()
        if len(cached) >= MAX_CACHED_PARTS:
            cached.clear()
        cached[in_language] = drawn
    return drawn


def _render_part(app: Flask, name: str, code: str) -> Markup:
    routes = app.url_map.bind("", script_name=app.config["APPLICATION_ROOT"])

    def url_for(endpoint: str, **values: Any) -> str:
        app.inject_url_defaults(endpoint, values)
        return routes.build(endpoint, values)

    with force_locale(code):
        template = app.jinja_env.get_template(f"parts/{name}.html")
        named = partial(_program_name, app.config)
        values = {"config": app.config, "url_for": url_for, "program_name": named}
        return Markup(template.render(values))  # noqa: S704


def get_locale() -> str:
    """Return the current locale code."""
    return current_locale.get()


@contextmanager
def force_locale(code: str) -> Iterator[None]:
    """Use `code` as the locale inside the block, e.g. for an e-mail."""
    token = current_locale.set(code)
    try:
        yield
    finally:
        current_locale.reset(token)


@cache
def load_catalog(code: str) -> NullTranslations:
    """Return the catalog of a language."""
    return translation("messages", CATALOGS, [code], fallback=True)


@pass_eval_context
def gettext(context: EvalContext, text: str, **values: Any) -> str:
    """gettext for templates; bypasses Jinja's wrapper, which takes 5 % of a page's time."""
    catalog = load_catalog(get_locale())
    if not values:
        return _cached_gettext(text, catalog, context.autoescape)
    return _interpolate(catalog.gettext(text), values, context.autoescape)


@pass_eval_context
def ngettext(context: EvalContext, one: str, more: str, num: int, **values: Any) -> str:
    """ngettext for templates."""
    text = load_catalog(get_locale()).ngettext(one, more, num)
    return _interpolate(text, {"num": num, **values}, context.autoescape)


@lru_cache(maxsize=4096)
def _cached_gettext(text: str, catalog: NullTranslations, autoescape: bool) -> str:
    return _interpolate(catalog.gettext(text), {}, autoescape)


def _interpolate(text: str, values: Mapping[str, Any], autoescape: bool) -> str:
    return (Markup(text) if autoescape else text) % values  # noqa: S704


def translate(text: Any) -> Any:
    """Return a `Message` in the current language, and anything else unchanged."""
    if type(text) is not Message or (code := get_locale()) == "en":
        return text
    return text.translated(load_catalog(code).gettext)


def program_name() -> str:
    """Return the program's name in the current language, by its setting or by the catalog."""
    return _program_name(current_app.config)


def _program_name(config: Config) -> str:
    default: str = config["PROGRAM_NAME"]
    own: str = config.get(f"PROGRAM_NAME_{get_locale().upper()}", "")
    return own or translate(Message(default))


def lang_attribute(text: str, code: str) -> str:
    """Return the `lang` attribute of a text that a person entered in another language."""
    if type(text) is Message or code in ("", get_locale()):
        return ""
    return Markup(' lang="%s"') % code


def sort_options(options: tuple[Option, ...]) -> Sequence[Option]:
    """Sort options by their translated labels, ignoring accents, if the English ones are sorted."""
    return _sorted_options(options, load_catalog(get_locale()))


@cache
def _sorted_options(options: tuple[Option, ...], catalog: NullTranslations) -> Sequence[Option]:
    labels = [option.label for option in options]
    if labels != sorted(labels):
        return options

    def translated(option: Option) -> str:
        return fold_text(translate_if_message(option.label, catalog.gettext))

    return sorted(options, key=translated)


def language_query(code: str) -> str:
    """Return the query string of the current page in another language."""
    query = [pair for pair in request.args.items(multi=True) if pair[0] != COOKIE_NAME]
    return urlencode([*query, (COOKIE_NAME, code)])
