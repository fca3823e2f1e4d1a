"""The HTTP server: waitress, with a loop that looks only at sockets where something happened.

Waitress's own loop asks every connection in every turn what it waits for. With 1,000 open ones that
took a third of Python's time, in turns during which no request was served. It also gave a request
any time to arrive, and dropped requests that still waited for a thread when it was stopped.
"""

import logging
import resource
import select
import socket
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector, DefaultSelector, SelectorKey
from typing import Any

import waitress
from flask import Flask
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer

THREADS = 4
"""Python runs one at a time, so more threads wait longer for their turn (measured: the slowest 1 %
of the steps take a third longer with 8 than with 4)."""
MAX_CONNECTIONS = 10_000
"""Open connections. An idle or slow one occupies no thread, only its place here."""
SPARE_FILES = 200
"""Open files for all but connections: the database, exports, libraries."""
BACKLOG = 1024
"""Connections that the kernel holds until they are accepted."""
MAX_HEADER_BYTES = 32 * 1024
"""Of the first line and all headers of a request. Browsers send a tenth of it; parsing a longer
address takes up to a second."""
REQUEST_SECONDS = 60
"""Time for a request to arrive, header and body together, and to read some of a response."""
SWEEP_SECONDS = 5
"""Pause between two looks at all connections, for those that are too slow."""
WRITING_SECONDS = 0.005
"""Pause for a thread that is sending. Asking the system whether it may send more, as waitress does,
would keep Python from it for as long: the interval at which Python switches between threads."""
LINGER_SECONDS = 1
"""At the end, time for a request whose sender could not know that its connection is closing."""
UNFINISHED_SECONDS = 5
"""At the end, time for the rest of a request that has begun to arrive."""
DRAIN_SECONDS = 25
"""At the end, time for all requests that arrived completely."""


class Channel(HTTPChannel):
    """A connection."""

    def __init__(self, server: BaseWSGIServer, accepted: socket.socket, *args: Any, **map_: Any):
        self.number = accepted.fileno()
        self.began = 0.0  # when the request that is arriving began
        super().__init__(server, accepted, *args, **map_)

    def received(self, data: bytes) -> bool:
        """Take the bytes that arrived."""
        before = self.request
        taken: bool = super().received(data)
        if self.request is not before:
            self.began = time.time()
        return taken

    def service(self) -> None:
        """Answer a request, in one of the threads."""
        self._map.served.add(self.number)
        if self._map.stopped_at:
            self.requests[0].headers["CONNECTION"] = "close"
        super().service()

    @property
    def is_writing(self) -> bool:
        """True if a thread is sending a response: what it cannot send is not known yet."""
        return self.total_outbufs_len > 0 and not self.has_unsent

    @property
    def has_unsent(self) -> bool:
        """True if there is something to send, and no thread is sending it."""
        if not self.outbuf_lock.acquire(False):
            return False
        unsent: bool = self.total_outbufs_len > 0
        self.outbuf_lock.release()
        return unsent

    @property
    def is_late(self) -> bool:
        """True if its sender, or the reader of its response, takes too long."""
        limit = time.time() - REQUEST_SECONDS
        arriving = self.request is not None and not self.requests
        unread = self.total_outbufs_len > 0 and not self.is_writing
        return (arriving and self.began < limit) or (unread and self.last_activity < limit)

    @property
    def is_unfinished(self) -> bool:
        """True if a request is arriving."""
        return self.request is not None

    @property
    def is_busy(self) -> bool:
        """True if a response is not made yet, or not sent yet."""
        return bool(self.requests or self.total_outbufs_len)


class Sockets(dict[int, Any]):
    """The open sockets by file descriptor, and the loop that serves them.

    `changed` has those opened, closed or used in this turn, `served` those that a thread works on:
    only these can wait for something else than in the turn before. `early` has those where more
    arrives while a thread works on them. `writing` is True if one of those threads is sending.
    """

    def __init__(self) -> None:
        super().__init__()
        self.listeners: list[BaseWSGIServer] = []
        self.changed: set[int] = set()
        self.served: set[int] = set()
        self.early: set[int] = set()
        self.watched: dict[int, SelectorKey] = {}
        self.writing = False
        self.swept_at = self.stopped_at = 0.0

    def __setitem__(self, number: int, opened: Any) -> None:
        super().__setitem__(number, opened)
        self.changed.add(number)

    def __delitem__(self, number: int) -> None:
        super().__delitem__(number)
        self.changed.add(number)

    @property
    def channels(self) -> list[Channel]:
        """The connections."""
        return [each for each in self.values() if isinstance(each, Channel)]

    def loop(self, **options: Any) -> None:
        """Serve until stopped; stands in for `waitress.wasyncore.loop`."""
        with DefaultSelector() as selector:
            while not self.is_drained():
                self._close_late()
                if self.stopped_at:
                    self._close_listeners()
                # A listener counts the connections when it is asked what it waits for.
                self.changed.update(each.socket.fileno() for each in self.listeners)
                changed, self.changed = self.changed.union(self.served.copy()), set()
                self.writing = False
                for number in changed:
                    self._watch(selector, number)
                for key, events in selector.select(WRITING_SECONDS if self.writing else 1):
                    self.changed.add(key.fd)
                    flags = select.POLLOUT if events & EVENT_WRITE else 0
                    if events & EVENT_READ and key.data.readable():
                        flags |= select.POLLIN
                    elif events & EVENT_READ:
                        self.early.add(key.fd)
                    wasyncore.readwrite(key.data, flags)

    def has_work(self) -> bool:
        """Return True if a thread leaves the loop something to do; most send all and leave none."""
        served = [(each, self.get(each)) for each in self.served.copy()]
        return bool(self.stopped_at) or any(
            opened is None or opened.writable() or not self._awaits_more(number)
            for number, opened in served
        )

    def _awaits_more(self, number: int) -> bool:
        """Return True if the selector waits for the next request of a connection."""
        known = self.watched.get(number)
        return known is not None and known.events == EVENT_READ and number not in self.early

    def _watch(self, selector: BaseSelector, number: int) -> None:
        """Let the selector wait for what a socket waits for now."""
        opened, known, wanted = self.get(number), self.watched.get(number), 0
        if opened is None or not getattr(opened, "requests", None):  # first: a thread may end now
            self.served.discard(number)
        elif self._awaits_more(number) and not opened.has_unsent:
            self.writing = self.writing or opened.total_outbufs_len > 0
            return  # seldom does more arrive before the response
        elif opened.is_writing:
            self.writing, opened = True, None
        if opened is not None:
            wanted |= EVENT_READ if opened.readable() else 0
            wanted |= EVENT_WRITE if opened.writable() else 0
        if wanted & EVENT_READ or number not in self:
            self.early.discard(number)
        if known and (known.data is not opened or not wanted):
            del self.watched[number]
            selector.unregister(number)
            known = None
        if wanted and not known:
            self.watched[number] = selector.register(number, wanted, opened)
        elif known and known.events != wanted:
            self.watched[number] = selector.modify(number, wanted, opened)

    def _close_late(self) -> None:
        """Every `SWEEP_SECONDS`, close the connections that take too long."""
        if abs(time.time() - self.swept_at) < SWEEP_SECONDS:
            return
        self.swept_at = time.time()
        for channel in self.channels:
            if channel.is_late:
                channel.handle_close()
        self.changed.update(self)  # waitress may have closed some that were idle

    def _close_listeners(self) -> None:
        """Take the connections that the kernel has accepted, and no more."""
        while self.listeners:
            listener, before = self.listeners.pop(), 0
            while len(self) > before:
                before = len(self)
                listener.handle_accept()
            wasyncore.dispatcher.close(listener)

    def is_drained(self) -> bool:
        """Return True if the program was stopped and nothing is left to wait for."""
        if not self.stopped_at:
            return False
        waited, channels = time.monotonic() - self.stopped_at, self.channels
        if waited < LINGER_SECONDS:
            return not channels
        unfinished = waited < UNFINISHED_SECONDS and any(each.is_unfinished for each in channels)
        busy = waited < DRAIN_SECONDS and any(each.is_busy for each in channels)
        return not unfinished and not busy


class Server:
    """The program, served on sockets that are bound."""

    def __init__(self, app: Flask, bound: Iterable[socket.socket]) -> None:
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a line for each that waits
        self.sockets = Sockets()
        self.server = waitress.create_server(
            app,
            map=self.sockets,
            sockets=list(bound),
            threads=THREADS,
            backlog=BACKLOG,
            connection_limit=raise_file_limit() - SPARE_FILES,
            max_request_header_size=MAX_HEADER_BYTES,
            max_request_body_size=2 * app.config["MAX_CONTENT_LENGTH"],
            clear_untrusted_proxy_headers=not app.config["TRUSTED_PROXIES"],
        )
        for each in list(self.sockets.values()):
            if isinstance(each, BaseWSGIServer):
                each.channel_class = Channel
                self.sockets.listeners.append(each)
        self.wake = self.sockets.listeners[0].pull_trigger
        for each in self.sockets.listeners:
            each.pull_trigger = self.wake_for_work

    def run(self) -> None:
        """Serve until stopped."""
        self.sockets.loop()
        self.server.task_dispatcher.shutdown()
        wasyncore.close_all(self.sockets)

    @property
    def is_serving(self) -> bool:
        """True if a request is being answered, or waits for a thread."""
        dispatcher = self.server.task_dispatcher
        return bool(dispatcher.queue or dispatcher.active_count)

    def wake_for_work(self) -> None:
        """Wake the loop after a thread, if it has something to do."""
        if self.sockets.has_work():
            self.wake()

    def stop(self) -> None:
        """End `run`; for a signal handler."""
        if not self.sockets.stopped_at:
            self.sockets.stopped_at = time.monotonic()
            self.wake()


def raise_file_limit() -> int:
    """Let this process open a file for each connection, as far as it may; return how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + SPARE_FILES
    limit = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    with suppress(ValueError, OSError):  # not everywhere may a process do this
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def bind_sockets(host: str, port: int) -> list[socket.socket]:
    """Listen on every address of a host. Raise `OSError` or `UnicodeError` if one is impossible."""
    bound = []
    with ExitStack() as stack:  # closes them after an error
        for family, kind, number, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            each = stack.enter_context(socket.socket(family, kind, number))
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            each.bind(address)
            each.listen(BACKLOG)
            bound.append(each)
        stack.pop_all()
    return bound
