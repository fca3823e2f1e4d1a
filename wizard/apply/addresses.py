"""The question about an address to which links are sent."""

from typing import Any

from flask import request

from .. import clock
from ..forms.addresses import likely_address
from ..forms.fields import Email
from ..forms.text import Invalid
from .binding import CHECKED_FIELD, REPLACE

ADDRESS = Email("address", "Email address", noun="your email address", required=True)


def read_address() -> tuple[str, dict[str, Any]]:
    """Return the address that was posted, or what its page says if it cannot be used yet.

    That is what was typed, with an error and its status, or with another address to suggest.
    """
    typed = request.form.get(ADDRESS.name, "")
    try:
        address = ADDRESS.parse(typed, clock.today())
    except Invalid as invalid:
        return "", {"status": 422, "typed": typed, "error": invalid.message}
    suggestion = likely_address(address)
    if suggestion and request.form.get("action") == REPLACE + ADDRESS.name:
        return suggestion, {}
    if suggestion and suggestion != request.form.get(CHECKED_FIELD):
        return "", {"typed": address, "suggestion": suggestion}
    return address, {}
