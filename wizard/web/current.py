"""Access to the flow of the running program."""

from flask import current_app

from ..forms.flow import Flow


def current_flow() -> Flow:
    """Return the flow of the running program."""
    flow: Flow = current_app.extensions["flow"]
    return flow
