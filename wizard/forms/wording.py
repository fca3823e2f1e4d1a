"""Conditions in words, for the printed list of questions and the data dictionary."""

from collections.abc import Collection

from .conditions import Answered, Condition, Either, Has, Not
from .fields import Choice, Field
from .messages import Message, join_messages


def describe_condition(condition: Condition, fields: Collection[Field]) -> Message:
    """A condition on some of `fields` as a reader of the question list needs it, to follow “if”."""
    named = {field.name: field for field in fields}
    match condition:
        case Has(name, options):
            field = named[name]
            return Message(
                "“%(question)s” is %(answers)s",
                question=field.label,
                answers=_labels(field, options),
            )
        case Not(Has(name, options)):
            field = named[name]
            return Message(
                "“%(question)s” is not %(answers)s",
                question=field.label,
                answers=_labels(field, options),
            )
        case Answered(name):
            return Message("“%(question)s” has an answer", question=named[name].label)
        case Either(conditions):
            first, *others = (describe_condition(each, fields) for each in conditions)
            for other in others:
                first = Message("%(this)s, or %(that)s", this=first, that=other)
            return first
        case _:
            raise TypeError(f"no words for {condition!r}")


def _labels(field: Field, codes: frozenset[str]) -> Message:
    options = field.options if isinstance(field, Choice) else ()
    quoted = [
        Message("“%(label)s”", label=option.label) for option in options if option.code in codes
    ]
    if len(quoted) < 2:
        return join_messages("", quoted)
    return Message("%(these)s or %(that)s", these=join_messages(", ", quoted[:-1]), that=quoted[-1])
