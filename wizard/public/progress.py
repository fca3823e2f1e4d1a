"""What was promised and what was kept, in numbers. Facts, and no ranking."""

from collections.abc import Mapping
from dataclasses import dataclass

from .. import clock
from ..forms.dates import MONTHS
from ..forms.groups import Group
from ..forms.messages import Message
from ..forms.promises import STATES, Tally
from ..submissions.filters import filter_options, topic_groups
from ..web import charts
from ..web.current import current_flow
from .selection import Selection

MONTH = Message("%(month)s %(year)s")
"""A month, such as March 2027."""
BY_MONTH = Message("By due date, past and next 12 months"), Message("Month")
"""The title of the chart by month, and what its rows are."""
BY_TOPIC = Message("By topic")
STATUSES: dict[str, str] = {"withdrawn": Message("Withdrawn")}
"""What the list shows beside what is published."""
MONTHS_AROUND = 12
"""Months of the chart before and after this one."""


@dataclass(frozen=True, slots=True)
class Chart:
    """The promises by the codes of a filter; `title` names the chart and `what` its codes."""

    name: str
    title: str
    what: str
    shares: charts.Shares


def count_by_group(chosen: Selection) -> list[tuple[Group, Tally]]:
    """Return the promises of each group that has any."""
    edition = chosen.edition
    found = [
        (group, edition.tally(chosen.promises & edition.sets.get("group", {}).get(group.name, 0)))
        for group in edition.groups
    ]
    return [(group, tally) for group, tally in found if tally]


def promise_options(chosen: Selection) -> dict[str, dict[str, str]]:
    """Return the labels of the filters by state, month and status, in order."""
    months = sorted(chosen.edition.sets.get("due", ()))
    return {
        "progress": {code: state.label for code, state in STATES.items()},
        "due": {month: describe_month(month) for month in months},
        "status": STATUSES,
    }


def describe_month(month: str) -> Message:
    """Return a month such as 2027-03 in words."""
    return Message(MONTH, month=MONTHS[int(month[5:])], year=month[:4])


def make_charts(chosen: Selection) -> list[Chart]:
    """Return the charts by month, by kind and by topic. Those by place are a map."""
    flow, labels = current_flow(), filter_options(current_flow())
    kinds = [facet for facet in flow.charted if not facet.is_map]
    topics = [facet for facet in flow.facets if facet.name in topic_groups(flow)]
    return [
        _make_chart(chosen, "due", *BY_MONTH, _months_around()),
        *(
            _make_chart(chosen, each.name, each.chart or BY_TOPIC, each.title, labels[each.name])
            for each in (*kinds, *topics)
        ),
    ]


def _months_around() -> dict[str, str]:
    today = clock.today()
    this_month = today.year * 12 + today.month - 1
    months = range(this_month - MONTHS_AROUND, this_month + MONTHS_AROUND + 1)
    codes = [f"{number // 12:04}-{number % 12 + 1:02}" for number in months]
    return {code: describe_month(code) for code in codes}


def make_place_chart(chosen: Selection) -> Chart | None:
    """Return the promises by the codes of the map, if the flow has one."""
    facet = current_flow().mapped
    if facet is None:
        return None
    labels = filter_options(current_flow())[facet.name]
    return _make_chart(chosen, facet.name, facet.chart, facet.title, labels)


def _make_chart(
    chosen: Selection, name: str, title: str, what: str, labels: Mapping[str, str]
) -> Chart:
    sets = chosen.sets_of(name, is_of_promise=True)
    rows = [
        (code, label, tally)
        for code, label in labels.items()
        if (tally := chosen.edition.tally(chosen.promises & sets.get(code, 0)))
    ]
    return Chart(name, title, what, charts.make_shares(rows))
