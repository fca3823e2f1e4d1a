"""What somebody typed into a form, and what the form held before.

A field that is not empty at first has a hidden field `shown-NAME` beside it, with a fingerprint of
its value. A box of one of several actions on a page is named `NAME-KEY`, by the key of the action.
"""

import hashlib
from collections.abc import Mapping

from werkzeug.datastructures import MultiDict

from ..forms.fields import Field
from ..forms.text import replace_forbidden

TEXTS = {
    "text": "New note",
    "words": "Message",
    "reason": "Reason",
    "how": "How did they ask?",
    "about": "What is missing?",
}
"""The labels of boxes for texts, by their names up to the first hyphen."""
CHOICES = ("approve", "slips", "skip")
"""The names of check boxes, up to the first hyphen."""
SHOWN = "shown-"
UNKEYED_FIELDS = (
    "to",
    "action",
    "offered",
    "report",
    "approve",
    "slips",
    "reason",
    "words",
    "skip",
)
"""The fields of an action that pages of the previous version post without its key."""


def fingerprint(text: str | None) -> str:
    """Return what tells a text from others, however its lines end; "" for none."""
    words = "\n".join((text or "").split("\r\n")).strip()
    return hashlib.sha256(words.encode()).hexdigest()[:12] if words else ""


def changed_texts(form: MultiDict[str, str]) -> dict[str, str]:
    """Return the texts of a form that somebody wrote or changed, by the names of their boxes."""
    return {
        name: text
        for name, text in form.items()
        if name.partition("-")[0] in TEXTS and _is_changed(form, name)
    }


def label_texts(form: MultiDict[str, str], fields: Mapping[str, Field]) -> list[tuple[str, str]]:
    """Return the texts of a form that somebody wrote, each with the label of its box; a box about
    one of the `fields` says which."""
    return [
        (_label(name, fields), replace_forbidden(text))
        for name, text in changed_texts(form).items()
        if text.strip()
    ]


def _label(name: str, fields: Mapping[str, Field]) -> str:
    kind, _, about = name.partition("-")
    return TEXTS[kind] + (f" {fields[about].label}" if about in fields else "")


def changed_names(form: MultiDict[str, str]) -> set[str]:
    """Return the names of the fields of a form that somebody changed, and of their `shown-` fields:
    where nothing is checked any more, that is all that was posted."""
    kinds = (*TEXTS, *CHOICES)
    names = {name for name in form if name.partition("-")[0] in kinds}
    names |= {name.removeprefix(SHOWN) for name in form if name.startswith(SHOWN)}
    changed = {name for name in names if _is_changed(form, name)}
    return changed | {SHOWN + name for name in changed}


def _is_changed(form: MultiDict[str, str], name: str) -> bool:
    return fingerprint(",".join(form.getlist(name))) != form.get(SHOWN + name, "")


def own_fields(form: MultiDict[str, str], key: str) -> MultiDict[str, str]:
    """Return a form with the fields of an action by their plain names, too."""
    own, suffix = form.copy(), f"-{key}"
    for name in form:
        if name.endswith(suffix):
            own.setlist(name.removesuffix(suffix), form.getlist(name))
    return own


def keyed_fields(form: MultiDict[str, str], key: str) -> MultiDict[str, str]:
    """Return a form with each field of an action by the name that has its key."""
    return MultiDict(
        (f"{name}-{key}" if key and name in UNKEYED_FIELDS else name, value)
        for name, value in form.items(multi=True)
    )
