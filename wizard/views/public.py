"""Pages that anyone may read."""

from flask import Blueprint, Response

from .. import drafts
from ..htmx import render_page
from ..outputs import condition_in_words

bp = Blueprint("public", __name__)


@bp.get("/")
def landing() -> Response:
    """The call to action."""
    return render_page("public/landing.html")


@bp.get("/questions")
def questions() -> Response:
    """Every question of every branch on one page, to prepare the answers."""
    flow = drafts.current_flow()
    return render_page("public/questions.html", flow=flow, in_words=condition_in_words)
