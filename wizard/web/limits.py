"""Rate limits, and the keys of clients."""

from ipaddress import IPv6Address, ip_address

from flask import request
from flask_limiter import Limiter


def address_key(address: str) -> str:
    """Return the address, for IPv6 its /64, which a single site has at least (RFC 6177)."""
    try:
        parsed = ip_address(address)
    except ValueError:  # a proxy may forward something that is no address
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"


limiter = Limiter(lambda: address_key(request.remote_addr or ""))


@limiter.request_filter
def _only_reads() -> bool:
    """Skip the lookup of limits, 3 % of a page's time: only posts have any."""
    return request.method != "POST"
