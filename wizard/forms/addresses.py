"""Email and web addresses as people type them."""

import re
from contextlib import suppress
from ipaddress import ip_address, ip_network
from os.path import commonprefix

from ada_url import URL, HostType
from email_validator import ValidatedEmail, validate_email

from .messages import Message
from .text import normalize, remove_invisible

ADDRESS_PUNCTUATION = " ,;:.<>()[]\"'“”‘’"
NAMED_ADDRESS = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]+)>[\s,;.]*")


def bare_address(text: str) -> str:
    """Return the address in `Desk <desk@example.org>`, in a mailto link, or with a comma after."""
    text = remove_invisible(normalize("NFKC", text))
    named = NAMED_ADDRESS.fullmatch(text)
    if named and ("@" not in named["name"] or named["address"] in named["name"]):
        text = named["address"]
    text = re.sub("^mailto:([^?]*).*", r"\1", text.strip(ADDRESS_PUNCTUATION), flags=re.IGNORECASE)
    return text.strip(ADDRESS_PUNCTUATION)


def parse_email(text: str) -> ValidatedEmail:
    return validate_email(text, check_deliverability=False, allow_smtputf8=False)


def email_fault(text: str) -> str:
    """Return the message about an invalid address, as exact as can be."""
    local, _, domain = text.rpartition("@")
    if "@" in local:
        words = text.replace(",", " ").replace(";", " ").split()
        return EMAIL_FAULTS["several" if sum("@" in word for word in words) > 1 else "signs"]
    if local and not local.isascii():
        return EMAIL_FAULTS["letter"]
    if " " in text and local:
        return EMAIL_FAULTS["blank"]
    return EMAIL_FAULTS["domain" if local and domain else "other"]


EMAIL_FAULTS = {
    "several": Message("Check %(noun)s. Enter only one."),
    "signs": Message("Check %(noun)s. It has more than one @."),
    "letter": Message(
        "Check %(noun)s. Before the @, use only numbers, symbols and letters without accents. Many "
        "email systems don’t accept “%(part)s”."
    ),
    "blank": Message("Check %(noun)s. Remove the space in “%(part)s”."),
    "domain": Message("Check %(noun)s. Part of “%(part)s” is wrong or missing."),
    "other": Message("Enter %(noun)s in full, like name@example.org."),
}


MAIL_DOMAINS = (
    *("gmail.com", "googlemail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com"),
    *("comcast.net", "verizon.net", "sbcglobal.net", "bellsouth.net", "earthlink.net"),
)
"""Where most people in the US have addresses, without short names, which many others are near."""
REAL_DOMAINS = {
    *("mail.com", "email.com", "ymail.com", "fmail.com", "zmail.com", "gail.com", "grail.com"),
    "cloud.com",
}
"""Domains that receive mail though they are one slip away from another."""
ENDING_SLIPS = {
    "com": "cim clm cmo coim comm con coom cpm ocm vom xom",
    "edu": "deu edi eduu eud",
    "gov": "gpv giv gvo gob govv gove ogv",
    "net": "ent nett nte ner",
    "org": "ogr orgg otg rog",
}
"""Slips in the endings of domains; none is an ending itself."""
ENDINGS = {slip: ending for ending, slips in ENDING_SLIPS.items() for slip in slips.split()}


def likely_address(text: str) -> str | None:
    """Return the address that was probably meant; None if this one looks right."""
    local, at, typed = bare_address(text).rpartition("@")
    name, dot, ending = typed.lower().rpartition(".")
    domain = name + dot + ENDINGS.get(ending, ending)
    if domain not in REAL_DOMAINS:
        domain = next((each for each in MAIL_DOMAINS if _is_one_slip(domain, each)), domain)
    return f"{local}{at}{domain}" if local and name and domain != typed.lower() else None


def _is_one_slip(typed: str, meant: str) -> bool:
    """Return True for one letter too many, too few or wrong, or two in the wrong order."""
    start = len(commonprefix([typed, meant]))
    typed, meant = typed[start:][::-1], meant[start:][::-1]
    start = len(commonprefix([typed, meant]))
    typed, meant = typed[start:], meant[start:]
    return max(len(typed), len(meant)) <= 1 or (len(typed) == 2 and typed == meant[::-1])


HOST = re.compile(r"([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)+[a-z0-9][a-z0-9_-]*\.?")
"""A name with a dot, or an IPv4 address."""


def public_address(text: str) -> str:
    """Return the address as a browser writes it; empty if readers could not open it."""
    try:
        url = URL(text)
    except ValueError:
        return ""
    host = url.hostname
    is_public = (
        url.protocol in ("http:", "https:")
        and not (url.username or url.password)
        and HOST.fullmatch(host)
        and (host in text or url.host_type is not HostType.IPV4)  # not 1.1
        and not _is_local(url)
        and not re.search(r"\s[a-z]+://", text)
    )
    return url.href if is_public else ""


LOCAL_ENDINGS = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".invalid", ".onion")
"""Ends of names that only a local network, or nobody, can open (RFC 6761, 6762, 8375)."""
LOCAL_NETWORKS = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
)


def url_fault(text: str) -> Message:
    """Return the message about an address that `public_address` refuses."""
    with suppress(ValueError):
        url = URL(text)
        if url.protocol not in ("http:", "https:"):
            return URL_FAULTS["scheme"]
        if _is_local(url):
            return URL_FAULTS["local"]
    return URL_FAULTS["other"]


URL_FAULTS = {
    "scheme": Message("Check %(noun)s. It must start with https:// or http://."),
    "local": Message("Check %(noun)s: only your own network can open it. Enter a public address."),
    "other": Message("Enter %(noun)s, like https://example.org or example.org."),
}


def _is_local(url: URL) -> bool:
    host = url.hostname.rstrip(".")
    if url.host_type is HostType.IPV4:
        return any(ip_address(host) in ip_network(network) for network in LOCAL_NETWORKS)
    return host.endswith(LOCAL_ENDINGS)
