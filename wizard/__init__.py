"""Organizations tell a public open-data program what they commit to."""

from typing import Any

from flask import Flask

from . import (
    assets,
    cases,
    checks,
    cli,
    clock,
    compression,
    config,
    dates,
    errors,
    extensions,
    languages,
    limits,
    logs,
    metrics,
    models,
    security,
    text,
)
from .flow import Flow
from .flows.commitment import COMMITMENT
from .views import applicant, followup, open_data, ops, public, saving
from .views.staff import bp as staff_side


class Program(Flask):
    """Flask with the program's configuration."""

    config_class = config.Config


def create_app(settings: dict[str, Any] | None = None, flow: Flow = COMMITMENT) -> Flask:
    """The program. `settings` go before the environment; `flow` is the form that it serves."""
    chosen = config.from_environment() | (settings or {})
    configured = config.for_flask(chosen)
    if chosen["ENV"] == "production" and (faults := checks.faults(chosen)):
        raise config.SettingError("\n  ".join(["This is not safe to serve:", *faults]))
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
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= {
        "moment": dates.moment_in_words,
        "age": lambda moment: dates.age_in_words(moment, clock.now()),
        "day": dates.day_in_words,
        "showable": text.showable,
        "case_status": models.describe_status,
    }
    app.jinja_env.tests["publishable"] = cases.may_publish
    for module in (
        compression, logs, metrics, languages, security, limits, assets, extensions, errors, cli,
    ):  # fmt: skip
        module.init_app(app)
    for blueprint in (
        public.bp,
        applicant.bp,
        saving.bp,
        followup.bp,
        open_data.bp,
        ops.bp,
        staff_side,
    ):
        app.register_blueprint(blueprint)
    return app
