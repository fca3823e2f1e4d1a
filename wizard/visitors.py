"""By what a visitor is counted, where there is a limit."""

from ipaddress import IPv6Address, ip_address

from flask import request


def visitor() -> str:
    """What the visitor of this request is counted by."""
    return counted_as(request.remote_addr or "")


def counted_as(address: str) -> str:
    """The address; of IPv6 its first half, since one connection mostly gets all of the other half
    to choose from (RFC 6177). What a proxy names otherwise is taken as it is."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
