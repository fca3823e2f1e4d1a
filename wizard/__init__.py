"""Organizations tell a public open-data program what they commit to."""

from typing import Any

from flask import Flask

from . import apply, checks, config, db, ops, public, staff, submissions, web
from .flows.commitment import COMMITMENT
from .forms.flow import Flow


class Program(Flask):
    """Flask with the program's configuration."""

    config_class = config.Config


def create_app(settings: dict[str, Any] | None = None, flow: Flow = COMMITMENT) -> Flask:
    """Create the program. `settings` override the environment; `flow` is the form it serves."""
    chosen = config.read_environment() | (settings or {})
    configured = config.flask_settings(chosen)
    if chosen["ENV"] == "production" and (errors := checks.errors(chosen)):
        raise config.SettingError(
            "\n  ".join(["These settings are not safe for production:", *errors])
        )
    app = Program(
        __name__,
        template_folder="../templates",
        static_folder=None,
        instance_path=configured["INSTANCE_PATH"],
    )
    app.config.from_mapping(configured)
    if not configured["SECRET_KEY"]:
        del app.config["SECRET_KEY"]  # made when first needed
    app.extensions["flow"] = flow
    for package in (web, db, submissions, apply, staff, public, ops):
        package.init_app(app)
    return app
