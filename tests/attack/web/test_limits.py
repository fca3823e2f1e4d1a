"""Try to evade rate limits with forged addresses."""

import pytest

from tests.attack.browser import Browser, forged_address_headers
from tests.server import ForkedServer, running_server
from wizard.apply.views import START_LIMIT

MOST = int(START_LIMIT.split()[0])


def start_statuses(browser: Browser, servers: list, times: int) -> list[int]:
    """Start drafts on the servers in turn, with forged addresses; return the statuses."""
    statuses = []
    for number in range(times):
        browser.server = servers[number % len(servers)]
        data = {"organization_kind": "city"}
        statuses.append(browser.post("/respond/", data, forged_address_headers(number)).status_code)
    return statuses


@pytest.mark.slow
def test_two_processes_share_limit_despite_forged_address(sqlite_url, tmp_path, redis):
    settings = {"RATELIMIT_STORAGE_URI": redis.url}
    with (
        running_server(sqlite_url, tmp_path, ForkedServer, **settings) as one,
        running_server(sqlite_url, tmp_path, ForkedServer, **settings) as other,
    ):
        statuses = start_statuses(Browser(one), [one, other], MOST + 4)
    assert statuses == [303] * MOST + [429] * 4


@pytest.mark.slow
def test_limit_counts_address_seen_by_proxy(sqlite_url, tmp_path):
    with running_server(sqlite_url, tmp_path, ForkedServer, TRUSTED_PROXIES="1") as server:
        browser = Browser(server)

        def start(seen_by_proxy: str, number: int) -> int:
            claimed = f"198.51.100.{number % 250}, {seen_by_proxy}"
            data = {"organization_kind": "city"}
            return browser.post("/respond/", data, {"X-Forwarded-For": claimed}).status_code

        assert {start("192.0.2.1", number) for number in range(MOST)} == {303}
        assert start("192.0.2.1", 1) == 429
        assert start("192.0.2.2", 1) == 303
        assert start("2001:db8::1", 1) == 303
        for number in range(MOST - 1):
            start(f"2001:db8::{number:x}", 1)
        assert start("2001:db8::ffff", 1) == 429
