"""Conditions in words, for the printed list of questions and the data dictionary."""

from collections.abc import Collection

from .choices import Choice
from .conditions import Answered, Condition, Either, Has, Not
from .fields import Field
from .messages import Message, join_messages


def describe_condition(condition: Condition, fields: Collection[Field]) -> Message:
    """Return a condition on some of `fields` in words, to follow “if”."""
    named = {field.name: field for field in fields}
    match condition:
        case Has(name, options):
            return Message(
                "your answer to “%(question)s” is %(answers)s", **_values(named[name], options)
            )
        case Not(Has(name, options)):
            return Message(
                "your answer to “%(question)s” is not %(answers)s", **_values(named[name], options)
            )
        case Answered(name):
            return Message("you answered “%(question)s”", question=named[name].label)
        case Either(conditions):
            first, *others = (describe_condition(each, fields) for each in conditions)
            for other in others:
                first = Message("%(this)s, or if %(that)s", this=first, that=other)
            return first
        case _:
            raise TypeError(f"no words for {condition!r}")


def _values(field: Field, codes: frozenset[str]) -> dict[str, str]:
    options = field.options if isinstance(field, Choice) else ()
    labels = [Message("“%(label)s”", label=each.label) for each in options if each.code in codes]
    answers = join_messages(", ", labels[:-1] or labels)
    if len(labels) > 1:
        answers = Message("%(these)s or %(that)s", these=answers, that=labels[-1])
    return {"question": field.label, "answers": answers}
