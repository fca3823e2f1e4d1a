"""Rate limits, and the keys of clients."""

from ipaddress import IPv6Address, ip_address

from flask import Flask, request
from flask_limiter import Limiter


def client_key() -> str:
    """Return the rate-limit key of this request."""
    return address_key(request.remote_addr or "")


def address_key(address: str) -> str:
    """Return the address, for IPv6 its /64, which a single site has at least (RFC 6177).

    Return any other name from a proxy as it is.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"


limiter = Limiter(client_key)


@limiter.request_filter
def _only_reads() -> bool:
    """Skip the lookup of limits, 3 % of a page's time: only posts have any."""
    return request.method != "POST"


def init_app(app: Flask) -> None:
    """Set up the rate limits."""
    limiter.init_app(app)
