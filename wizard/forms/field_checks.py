"""Checks of the fields that a flow declares, and of their conditions."""

import re
from collections.abc import Mapping

from .choices import Choice, Choices
from .conditions import Condition
from .fields import Date, Field, Text, Url
from .groups import ENTRY_ID, Group
from .reserved import RESERVED_FIELD_NAMES


class FlowError(ValueError):
    """An invalid flow; the text names the field, step or option."""


def check_fields(fields: tuple[Field, ...], asked: dict[str, Field]) -> None:
    """Check fields in order, and add them to those that were `asked` before. Raise `FlowError`."""
    for field in fields:
        if field.name in RESERVED_FIELD_NAMES or not re.fullmatch("[a-z][a-z0-9_]*", field.name):
            raise FlowError(f"“{field.name}” cannot be the name of a field.")
        if repr(asked.get(field.name, field)) != repr(field):
            raise FlowError(f"Field “{field.name}” is declared twice, differently.")
        for condition in (field.when, field.required):
            if not isinstance(condition, bool):
                check_condition(condition, asked, f"field “{field.name}”")
        if isinstance(field, Choice):
            _check_options(field)
        if isinstance(field, Group):
            _check_group(field, asked)
        asked[field.name] = field


def _check_options(field: Choice) -> None:
    codes = field.codes()
    if not codes or len(set(codes)) != len(codes):
        raise FlowError(f"Field “{field.name}” has no options, or one twice.")
    if isinstance(field, Choices) and field.exclusive and field.exclusive not in codes:
        raise FlowError(f"Field “{field.name}” has no option “{field.exclusive}”.")


def _check_group(group: Group, asked: dict[str, Field]) -> None:
    if group.when is not None or group.required is not True:
        raise FlowError(f"Group “{group.name}” must always be asked and required.")
    if not 1 <= group.min_entries <= group.max_entries:
        raise FlowError(f"Group “{group.name}” needs 1 ≤ min_entries ≤ max_entries.")
    if any(isinstance(field, Group) for field in group.fields):
        raise FlowError(f"Group “{group.name}” holds a group.")
    inside: dict[str, Field] = {}
    check_fields(group.fields, inside)
    if ENTRY_ID in inside:
        raise FlowError(f"Group “{group.name}” cannot ask “{ENTRY_ID}”: it names an entry.")
    named = {"title": Text, "due": Date, "link": Url, "topic": Choice}
    roles = {getattr(group, role): kind for role, kind in named.items() if getattr(group, role)}
    for name, kind in {**dict.fromkeys(group.unique, Field), **roles}.items():
        if not isinstance(inside.get(name), kind):
            raise FlowError(f"Group “{group.name}” has no field “{name}”, or of another type.")
    if clash := next((name for name in inside if name in asked), None):
        raise FlowError(f"Field “{clash}” in group “{group.name}” is declared elsewhere too.")


def check_condition(condition: Condition | None, asked: Mapping[str, Field], where: str) -> None:
    """Check that a condition looks only at answers given before. Raise `FlowError`."""
    for name, options in condition.references() if condition else ():
        field = asked.get(name)
        if field is None:
            raise FlowError(f"The condition of {where} looks at “{name}”, not asked before it.")
        codes = field.codes() if isinstance(field, Choice) else ()
        if unknown := sorted(options - set(codes)):
            raise FlowError(
                f"The condition of {where} looks for “{unknown[0]}”, which “{name}” does not offer."
            )
