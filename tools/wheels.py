"""List the wheels of the locked packages that fit a supported machine: `make lock` writes them."""

import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

PYTHONS = ((3, 11), (3, 12), (3, 13), (3, 14))
GLIBC = 35
"""Minor version: Ubuntu 22.04 has glibc 2.35, Debian 12 has 2.36."""
MACOS = (14, 0)


def linux_platforms(machine: str) -> list[str]:
    """Return the platforms of wheels that a Linux with `GLIBC` installs."""
    named = {"manylinux2014", "manylinux2010", "manylinux1"}
    versions = {f"manylinux_2_{minor}" for minor in range(5, GLIBC + 1)}
    return [f"{each}_{machine}" for each in sorted(named | versions)]


PLATFORMS = {
    ("linux", "x86_64"): linux_platforms("x86_64"),
    ("linux", "aarch64"): linux_platforms("aarch64"),
    ("darwin", "arm64"): list(mac_platforms(MACOS, "arm64")),
    ("darwin", "x86_64"): list(mac_platforms(MACOS, "x86_64")),
}


@dataclass(frozen=True, slots=True)
class Machine:
    """A supported Python on a supported system."""

    system: str
    machine: str
    python: tuple[int, int]

    @property
    def tags(self) -> frozenset[Tag]:
        """Return the tags of the wheels that this machine installs."""
        platforms = PLATFORMS[self.system, self.machine]
        interpreter = "cp{}{}".format(*self.python)
        return frozenset(cpython_tags(self.python, platforms=platforms)) | frozenset(
            compatible_tags(self.python, interpreter, platforms)
        )

    @property
    def markers(self) -> dict[str, str]:
        """Return the values of the markers in a lock file."""
        version = "{}.{}".format(*self.python)
        return {
            "sys_platform": self.system,
            "platform_machine": self.machine,
            "python_version": version,
            "python_full_version": f"{version}.9",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }


MACHINES = [Machine(*platform, python) for platform in PLATFORMS for python in PYTHONS]


def fitting(lock: dict[str, Any]) -> Iterator[str]:
    """Yield the file name of each wheel in a `pylock.toml` that fits a supported machine."""
    tags = frozenset().union(*(machine.tags for machine in MACHINES))
    for package in lock["packages"]:
        for wheel in package.get("wheels", ()):
            name = PurePosixPath(wheel["url"]).name
            if parse_wheel_filename(name)[3] & tags:
                yield name


if __name__ == "__main__":
    sys.stdout.writelines(f"{name}\n" for name in sorted(fitting(tomllib.load(sys.stdin.buffer))))
