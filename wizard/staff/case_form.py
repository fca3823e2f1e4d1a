"""The form of the case page: one around all its boxes, so that no button loses others’ texts."""

from collections.abc import Collection, Iterable
from hashlib import sha256

from werkzeug.datastructures import MultiDict

from ..web.form_fields import TEXTS, changed_names, keyed_fields, own_fields
from .decisions import Decision

ALWAYS_SHOWN = ("text", "how")
"""The boxes that a case has in every state, until its answers are deleted."""


def read_own(form: MultiDict[str, str]) -> MultiDict[str, str]:
    """Return a posted form with the fields of the button that was pressed by their plain names."""
    return own_fields(form, form.get("key", ""))


def identify_post(who: str, form: MultiDict[str, str]) -> str:
    """Return an id that a post of a person shares only with its repetition; "" if its page has
    none."""
    given = sorted(each for each in form.items(multi=True) if each[0] != "csrf_token")
    return sha256(repr((who, given)).encode()).hexdigest()[:16] if form.get("page") else ""


def find_unsaved(
    form: MultiDict[str, str], stored: Collection[str] = (), *, is_done: bool = False
) -> MultiDict[str, str]:
    """Return what a posted form has that is not stored, by the names of its fields.

    Without the boxes that were `stored`, and if what the button says `is_done`, without its own.
    """
    key = form.get("key", "")
    posted = keyed_fields(form, key)
    names = changed_names(posted)
    return MultiDict(
        (name, value)
        for name, value in posted.items(multi=True)
        if name in names
        and name not in stored
        and not (is_done and key and name.endswith(f"-{key}"))
    )


def list_orphaned_texts(
    unsaved: MultiDict[str, str], decisions: Iterable[Decision], *, is_editable: bool
) -> list[tuple[str, str]]:
    """Return the texts whose box is not on the page anymore, each with the label of its box."""
    boxes = ALWAYS_SHOWN if is_editable else ()
    keys = {each.key for each in decisions}
    return [
        (TEXTS[kind], text)
        for name, text in unsaved.items()
        if (kind := name.partition("-")[0]) in TEXTS
        and name not in boxes
        and name.partition("-")[2] not in keys
        and text.strip()
    ]
