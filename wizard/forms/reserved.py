"""Names that pages, addresses and files use themselves, so that a flow cannot."""

RESERVED_STEP_NAMES = frozenset({"review", "done", "save", "delete", "exit", "resume", "discard"})
"""Step names that are addresses themselves."""
RESERVED_FIELD_NAMES = frozenset(
    {"action", "csrf_token"}  # every page
    | {"asked", "based_on", "page", "pass", "shown", "turn"}  # hidden fields of steps
    | {"for", "checked"}  # the link to the form, the addresses that a page suggested
    | {"answers", "continue", "errors", "line", "main", "saved", "where"}  # ids of pages
    | {"reference", "submitted_at", "status", "branch", "flow_version"}  # exports
    | {"published_at", "first_published_at", "updated_at"}  # exports and open data
    | {"all_programs", "entry", "promise_id"}  # open data
    | {"due_on", "first_due_on", "progress", "done_on", "dropped_on", "result_url"}
    | {"last_report", "last_reported_on", "removed_entries", "withdrawn_on", "withdrawal_reason"}
)
"""Field names that pages, exports and open data use themselves."""
RESERVED_FACET_NAMES = frozenset(
    {"branch", "status", "first_day", "last_day", "since", "text", "q", "older", "newer", "last"}
    | {"bom", "contacts", "references", "sort"}  # how a list or file is made
    | {"progress", "due"}  # filters of promises
    | {"assigned", "seen", "then", "todo"}  # lists of staff
    | {"action", "all", "page", "reference"}  # what is selected in a list
)
"""Facet names that the address of a list uses itself."""
