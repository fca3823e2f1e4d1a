"""Request exports without signing in."""

from datetime import UTC, datetime

from tests.attack.browser import Browser
from tests.factories import add_submission


def test_exports_require_sign_in(server, server_app):
    add_submission(server_app, "agency", at=datetime(2027, 3, 1, tzinfo=UTC))
    stranger = Browser(server)
    for name in ("submissions.csv", "submissions.xlsx", "submissions.jsonl", "data-sets.csv",
                 "milestones.csv"):  # fmt: skip
        for credentials in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic YTpi"}):
            answer = stranger.get(f"/staff/export/{name}", credentials)
            assert answer.status_code in (303, 401), name
            assert "Orlando" not in answer.text
