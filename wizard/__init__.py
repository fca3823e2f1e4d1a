"""Organizations tell a public open-data program what they commit to."""

from . import interrupts

interrupts.watch_start()

# ruff: noqa: E402
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

from flask import Flask
from flask.templating import Environment
from jinja2 import FileSystemLoader

from . import apply, checks, config, db, notify, ops, public, staff, submissions, web
from .flows.commitment import COMMITMENT
from .forms.flow import Flow


class Templates(Environment):
    """Templates that all have the globals of the program: these need not be merged with others for
    each page, and for each file of macros that it imports."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return super().make_globals(d) if d else self.globals


class Program(Flask):
    """Flask with the program's configuration."""

    config_class = config.Config
    jinja_environment = Templates

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function as it is: none is a coroutine, and Flask asks 21 times a request."""
        return func


def create_app(settings: dict[str, Any] | None = None, flow: Flow = COMMITMENT) -> Flask:
    """Create the program. `settings` override the environment; `flow` is the form it serves.

    A template in the folder of the flow replaces a shared one of the same name.
    """
    chosen = config.read_environment() | (settings or {})
    configured = config.flask_settings(chosen)
    if chosen["ENV"] == "production" and (errors := checks.errors(chosen)):
        raise config.SettingError(
            "\n  ".join(["These settings are not safe for production:", *errors])
        )
    app = Program(
        __name__,
        template_folder=None,
        static_folder=None,
        instance_path=configured["INSTANCE_PATH"],
    )
    templates = Path(__file__).parents[1] / "templates"
    app.jinja_loader = FileSystemLoader([templates / flow.name, templates])
    app.config.from_mapping(configured)
    if not configured["SECRET_KEY"]:
        del app.config["SECRET_KEY"]  # made when first needed
    app.extensions["flow"] = flow
    for package in (web, db, notify, submissions, apply, staff, public, ops):
        package.init_app(app)
    return app
