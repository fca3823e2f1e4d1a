"""The form of the case page: one around all its boxes, so that no button loses others’ texts."""

from collections.abc import Collection, Iterable

from werkzeug.datastructures import MultiDict

from ..web.typed import TEXTS, changed_texts, is_changed, keyed_fields, own_fields
from .decisions import Decision

ALWAYS_SHOWN = ("text", "how")


def read_own(form: MultiDict[str, str]) -> MultiDict[str, str]:
    """Return a posted form with the fields of the button that was pressed by their plain names."""
    return own_fields(form, form.get("key", ""))


def find_unsaved(
    form: MultiDict[str, str], stored: Collection[str] = (), *, is_done: bool = False
) -> MultiDict[str, str]:
    """Return what a posted form has that is not stored, by the names of its fields.

    Without the boxes that were `stored`, and if what the button says `is_done`, without its own.
    It is empty if nobody wrote anything else.
    """
    key = form.get("key", "")
    posted = keyed_fields(form, key)
    texts = changed_texts(posted)
    left = MultiDict(
        (name, value)
        for name, value in posted.items(multi=True)
        if (name in texts or (_is_choice(name) and is_changed(posted, name, value)))
        and name not in stored
        and not (is_done and key and name.endswith(f"-{key}"))
    )
    return left if texts.keys() & left.keys() else MultiDict()


def _is_choice(name: str) -> bool:
    """Return True for what is posted of a decision or of a list beside its texts."""
    kind, _, key = name.partition("-")
    return bool(key) and kind not in TEXTS and kind != "shown"


def list_homeless(
    unsaved: MultiDict[str, str], decisions: Iterable[Decision]
) -> list[tuple[str, str]]:
    """Return the texts whose box is not on the page anymore, each with the label of its box."""
    keys = {each.key for each in decisions}
    return [
        (TEXTS[kind], text)
        for name, text in unsaved.items()
        if (kind := name.partition("-")[0]) in TEXTS
        and name not in ALWAYS_SHOWN
        and name.partition("-")[2] not in keys
        and text.strip()
    ]
