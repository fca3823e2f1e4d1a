"""Every locked package installs without a compiler on every supported machine."""

from collections import defaultdict

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from tests.server import ROOT
from tools.wheels import MACHINES, fitting


def locked(file: str) -> list[Requirement]:
    """Return the packages of a lock file."""
    lines = (ROOT / "requirements" / file).read_text(encoding="utf-8").splitlines()
    return [Requirement(line.removesuffix("\\")) for line in lines if line[:1].isalnum()]


LOCKED = {file: locked(file) for file in ("run.txt", "test.txt")}
WHEELS = defaultdict(set)
for wheel in (ROOT / "requirements/wheels.txt").read_text(encoding="utf-8").split():
    name, version, _, tags = parse_wheel_filename(wheel)
    WHEELS[name, str(version)] |= tags


# cryptography, which only tests need, has no wheel for a Mac with Intel's processor.
TESTING = [each for each in MACHINES if (each.system, each.machine) != ("darwin", "x86_64")]


@pytest.mark.parametrize(
    ("file", "machine"),
    [*(("run.txt", each) for each in MACHINES), *(("test.txt", each) for each in TESTING)],
    ids=str,
)
def test_every_locked_package_has_a_wheel(file, machine):
    needed = [
        each for each in LOCKED[file] if not each.marker or each.marker.evaluate(machine.markers)
    ]
    tags = machine.tags
    missing = [
        str(each)
        for each in needed
        if not tags & WHEELS[canonicalize_name(each.name), str(each.specifier).removeprefix("==")]
    ]
    assert len(needed) > 30
    assert missing == []


def test_wheel_of_another_system_is_left_out():
    names = ["a-1-cp313-cp313-win_amd64.whl", "a-1-py3-none-any.whl", "a-1-cp310-cp310-any.whl"]
    lock = {"packages": [{"wheels": [{"url": f"https://example.org/{name}"} for name in names]}]}
    assert list(fitting(lock)) == ["a-1-py3-none-any.whl"]
