"""Hypothesis strategies for typed answers, derived from a flow."""

from typing import Any

from hypothesis import strategies as st

from wizard.forms import choices, fields
from wizard.forms.flow import Flow
from wizard.forms.groups import Group

JUNK = st.one_of(
    st.none(),
    st.text(max_size=20),
    st.sampled_from(
        ["\x00", "a\x1bb", "\ufffd", " ", "x" * 5001, "2027-02-30", "=1+1", "individual"]
    ),
    st.lists(st.text(max_size=5), max_size=3),
)
GOOD: dict[type[fields.Field], Any] = {
    fields.Text: st.sampled_from(["Orlando", "  São Paulo ", "日本", "O’Brien"]),
    fields.LongText: st.sampled_from(["One line", "Two\r\nlines"]),
    fields.Email: st.sampled_from(["desk@example.org", "a.b@example.gov"]),
    fields.Phone: st.sampled_from(["(407) 555-0142", "+44 20 7946 0018"]),
    fields.Url: st.sampled_from(["example.org", "http://example.org/a?b=c"]),
    fields.Date: st.sampled_from(["2099-01-31", "1/31/2099", "2010-01-01"]),
    fields.Confirm: st.sampled_from(["yes", True]),
}


def valid_values(field: fields.Field) -> st.SearchStrategy[Any]:
    """Return values that a field accepts."""
    if isinstance(field, choices.Choices):
        return st.lists(st.sampled_from(field.codes()), max_size=3)
    if isinstance(field, choices.Choice):
        return st.sampled_from(field.codes())
    if isinstance(field, Group):
        return st.lists(
            entries(field), min_size=field.min_entries, max_size=min(field.max_entries, 4)
        )
    return GOOD[type(field)]


def entries(group: Group) -> st.SearchStrategy[dict[str, Any]]:
    """Return entries of a group, mostly valid."""
    return st.fixed_dictionaries({field.name: typed_values(field) for field in group.fields})


def typed_values(field: fields.Field) -> st.SearchStrategy[Any]:
    """Return typed values: valid ten times out of eleven."""
    return st.integers(0, 10).flatmap(lambda n: valid_values(field) if n else JUNK)


def typed_answers(flow: Flow) -> st.SearchStrategy[dict[str, Any]]:
    """Return typed answers to a whole flow."""
    return st.fixed_dictionaries({name: typed_values(field) for name, field in flow.fields.items()})
