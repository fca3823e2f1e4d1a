"""Rate limits, and the keys of clients."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

from flask import Flask, request
from flask_limiter import Limiter
from limits.storage import storage_from_string

from ..config import SettingError

PORT = re.compile(r"\[(?P<v6>[0-9a-fA-F:.]+)\](?::\d+)?|(?P<v4>\d+\.\d+\.\d+\.\d+):\d+")
"""An address as some proxies forward it, with the port of the connection (RFC 7239, 6)."""


def init_app(app: Flask) -> None:
    """Set up the limits. Raise `SettingError`, without the address of the storage: it may hold a
    password."""
    try:
        storage_from_string(
            app.config["RATELIMIT_STORAGE_URI"], **app.config["RATELIMIT_STORAGE_OPTIONS"]
        )
    except Exception as error:  # each storage has its own
        raise SettingError(
            "WIZARD_RATELIMIT_STORAGE_URI must be memory:// or a URL like redis://host:6379."
        ) from error
    limiter.init_app(app)


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address of a client without its port; None if a proxy forwards something else."""
    if match := PORT.fullmatch(text):
        text = match["v6"] or match["v4"]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def address_key(text: str) -> str:
    """Return the address, for IPv6 its /64, which a single site has at least (RFC 6177)."""
    address = parse_address(text)
    if isinstance(address, IPv6Address):
        return f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return str(address or text)


class RouteLimiter(Limiter):
    """Check the limits of routes alone, not each request before its route: there are no default
    limits, and to look for them takes 3% of a request."""

    def _check_request_limit(
        self, callable_name: str | None = None, in_middleware: bool = True
    ) -> None:
        if not in_middleware:
            super()._check_request_limit(callable_name, in_middleware)


limiter = RouteLimiter(lambda: address_key(request.remote_addr or ""))


@limiter.request_filter
def _only_reads() -> bool:
    """Let pages be read without a limit: only posts have one."""
    return request.method != "POST"
