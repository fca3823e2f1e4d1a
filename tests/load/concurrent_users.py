"""Measure many people who answer at the same time. See README.md."""

import argparse
import asyncio
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from random import uniform
from time import perf_counter
from urllib.parse import urlencode

from tests.complete_form import form_data
from tests.load.request_cost import CASE, cpu_seconds, hidden_fields, running_process
from wizard.flows.commitment import COMMITMENT

THINKS = (8.0, 20.0)
"""Least and most seconds that a user spends on a step."""
AUTOSAVES = 2
"""Autosaves on each step that has more than one question."""
SHARES = (0.5, 0.95, 0.99)
GOAL = 0.5
"""Seconds that 99 percent of the steps must stay under."""


@dataclass
class Results:
    """Durations of steps (post and next page) and autosaves, and the failures."""

    steps: list[float] = field(default_factory=list)
    autosaves: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    receipts: int = 0


class User:
    """A person with a browser that keeps its cookies and, if possible, its connection."""

    def __init__(self, port: int, number: int, seen: Results) -> None:
        self.port, self.seen = port, seen
        self.case = CASE | {"contact_email": f"person{number}@example.org"}
        self.address = f"127.{1 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"
        self.cookies: dict[str, str] = {}
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(
        self, method: str, path: str, data: dict | None = None
    ) -> tuple[int, str, str]:
        """Return status, text and redirect target."""
        body = urlencode(data or {}, doseq=True).encode()
        head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
        if self.cookies:
            head.append("Cookie: " + "; ".join(f"{k}={v}" for k, v in self.cookies.items()))
        if data is not None:
            head += [
                "Content-Type: application/x-www-form-urlencoded",
                f"Content-Length: {len(body)}",
            ]
        request = "\r\n".join([*head, "", ""]).encode() + body
        for fresh in (False, True):
            if self.streams is None or fresh:
                own = (self.address, 0)
                self.streams = await asyncio.open_connection("127.0.0.1", self.port, local_addr=own)
            reader, writer = self.streams
            try:
                writer.write(request)
                return await self._read_response(reader)
            except (asyncio.IncompleteReadError, ConnectionError):
                if fresh:
                    raise
        raise AssertionError

    async def _read_response(self, reader: asyncio.StreamReader) -> tuple[int, str, str]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, length, location = int(head.split(" ", 2)[1]), 0, ""
        for line in head.split("\r\n")[1:]:
            name, _, value = line.partition(": ")
            match name.lower():
                case "content-length":
                    length = int(value)
                case "location":
                    location = value
                case "set-cookie":
                    key, _, kept = value.split(";")[0].partition("=")
                    self.cookies[key] = kept
        return status, (await reader.readexactly(length)).decode(), location

    async def run(self) -> None:
        """Fill in the agency case at a person's pace."""
        await asyncio.sleep(uniform(0, THINKS[1]))
        try:
            await self._complete_form()
        except Exception as error:
            self.seen.failures.append(f"{type(error).__name__}: {error}"[:200])

    async def _complete_form(self) -> None:
        path, name = "/respond/", COMMITMENT.first.name
        _, text, _ = await self.request("GET", path)
        while name != "done":
            step = COMMITMENT.steps[name]
            data = hidden_fields(text) | form_data(step, self.case)
            pauses = AUTOSAVES if len(step.fields) > 1 and path != "/respond/" else 0
            for turn in range(pauses):
                await asyncio.sleep(uniform(*THINKS) / (pauses + 1))
                data["turn"] = str(turn + 1)
                began = perf_counter()
                self._check_status(200, await self.request("POST", f"{path}/autosave", data), name)
                self.seen.autosaves.append(perf_counter() - began)
            await asyncio.sleep(uniform(*THINKS) / (pauses + 1))
            data["turn"] = str(pauses + 1)
            began = perf_counter()
            path = self._check_status(303, await self.request("POST", path, data), name)[2]
            text = self._check_status(200, await self.request("GET", path), name)[1]
            self.seen.steps.append(perf_counter() - began)
            name = path.rsplit("/", 1)[1]
        self.seen.receipts += 1

    @staticmethod
    def _check_status(status: int, answer: tuple[int, str, str], name: str) -> tuple[int, str, str]:
        if answer[0] != status:
            raise RuntimeError(f"{answer[0]} at {name}")
        return answer


async def run_users(port: int, people: int, seen: Results) -> None:
    """Run all users at the same time."""
    await asyncio.gather(*(User(port, number, seen).run() for number in range(people)))


def percentile(figures: list[float], share: float) -> float:
    """Return the percentile of the figures in milliseconds; `share` is a fraction."""
    return sorted(figures)[min(len(figures) - 1, int(len(figures) * share))] * 1000


def main() -> None:
    """Serve the program as `make run` does, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=500)
    chosen = parser.parse_args()
    seen = Results()
    command = [sys.executable, "-m", "flask", "--app", "wizard", "serve"]
    with (
        tempfile.TemporaryDirectory() as made,
        running_process(command, Path(made) / "store") as (port, pid),
    ):
        began, before = perf_counter(), cpu_seconds(pid)
        asyncio.run(run_users(port, chosen.people, seen))
        elapsed, used = perf_counter() - began, cpu_seconds(pid) - before
        memory = next(
            line.split()[1]
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if line.startswith("VmHWM")
        )
    print(f"{chosen.people} people, {seen.receipts} receipts, {len(seen.failures)} failures")
    for failure in seen.failures[:5]:
        print(f"  {failure}")
    for name, figures in {"steps": seen.steps, "autosaves": seen.autosaves}.items():
        shares = ", ".join(
            f"{share:.0%} under {percentile(figures, share):.0f}" for share in SHARES
        )
        slowest = max(figures) * 1000
        print(f"{name}: {len(figures) / elapsed:.0f} a second; {shares}, slowest {slowest:.0f} ms")
    print(f"server: {used / elapsed:.0%} of a core, {int(memory) / 1024:.0f} MB at most")
    met = "met" if not seen.failures and percentile(seen.steps, 0.99) < GOAL * 1000 else "MISSED"
    print(f"goal, no failure and the slowest hundredth under {GOAL * 1000:.0f} ms: {met}")


if __name__ == "__main__":
    main()
