"""The applicant's side: the form, its drafts, and the links that reopen them."""

from flask import Flask

from ..web.errors import ErrorPage, error_response
from . import access, changes, contact_views, followup, pages, report_views, resume_views, views

NOT_FOUND = ErrorPage(
    "Page not found",
    "The web address may be wrong, or you may be using a different browser from the one you "
    "started in.",
    "If you started on another device, continue there or use the link we emailed you. Otherwise, "
    "go to the home page.",
)
BLUEPRINTS = (views.bp, resume_views.bp, followup.bp, contact_views.bp, changes.bp, report_views.bp)
for blueprint in BLUEPRINTS:
    blueprint.register_error_handler(404, lambda error: error_response(404, NOT_FOUND))
    blueprint.register_error_handler(access.LinkReplaced, followup.show_lost)
    blueprint.register_error_handler(access.ActingEnded, followup.show_acting_ended)


def init_app(app: Flask) -> None:
    """Register the blueprints, and what their templates call."""
    app.jinja_env.globals["draw_step_list"] = pages.draw_step_list
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
