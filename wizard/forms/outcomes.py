"""What a save leads to; `saving.py` decides which, and `apply/steps.py` answers each."""

from dataclasses import dataclass

from .conditions import Answers
from .journey import Journey


@dataclass(frozen=True, slots=True)
class Ineligible:
    """The form is not meant for this visitor; nothing is stored."""


@dataclass(frozen=True, slots=True)
class Paused:
    """The visitor leaves for now, and needs the resume link."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The draft was submitted before; nothing is stored."""


@dataclass(frozen=True, slots=True)
class GoTo:
    """Go to a step without completing the posted one.

    `focus_id` is the element to focus. A refresh only shows and hides the conditional fields.
    """

    step: str
    focus_id: str | None = None
    is_refresh: bool = False


@dataclass(frozen=True, slots=True)
class Completed:
    """The step is complete; go to the next incomplete one."""

    next_step: str


@dataclass(frozen=True, slots=True)
class Invalid:
    """The step has errors; show it again with these answers."""

    journey: Journey
    answers: Answers


@dataclass(frozen=True, slots=True)
class Outdated:
    """The review did not show the stored answers, which are these; show it again."""

    journey: Journey
    answers: Answers


@dataclass(frozen=True, slots=True)
class Conflict:
    """The stored answers changed since the page was shown; `answers` would replace them."""

    answers: Answers


@dataclass(frozen=True, slots=True)
class TooLong:
    """Some answers, or all together, are too long to be stored; `answers` has them."""

    answers: Answers


@dataclass(frozen=True, slots=True)
class Submitted:
    """All steps are complete; submit the answers of the journey."""

    journey: Journey


Outcome = (
    Ineligible
    | GoTo
    | Completed
    | Paused
    | Invalid
    | Outdated
    | Conflict
    | TooLong
    | Submitted
    | Closed
)
