"""A port for a server of a test."""

import socket
from contextlib import suppress
from random import SystemRandom

PORTS = range(10_000, 30_000)
"""Below those that the kernel gives to outgoing connections: one of these could take the port
before the server listens on it."""


def find_free_port() -> int:
    """Return a port of this machine on which nobody listens."""
    while True:
        port = SystemRandom().choice(PORTS)  # else generated tests draw the same ones
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return port
