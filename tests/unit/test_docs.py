"""What the manual points at is there."""

import re
from collections import Counter

import pytest

from tests.server import ROOT

SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ASVS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1,
    "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4,
    "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3, "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5,
    "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2, "8.1": 2,
    "8.2": 3, "8.3": 1, "8.4": 1, "9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11,
    "10.5": 5, "10.6": 2, "10.7": 3, "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1,
    "11.6": 1, "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5,
    "14.1": 2, "14.2": 4, "14.3": 3, "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5,
    "16.3": 4, "16.4": 3, "16.5": 3, "17.1": 1, "17.2": 4, "17.3": 2,
}  # fmt: skip
"""How many requirements of levels 1 and 2 each section of ASVS 5.0.0 has; they come first."""


def test_every_requirement_of_both_levels_has_its_place_once():
    table = SECURITY.partition("## OWASP ASVS")[2]
    named = Counter(
        name for ids in re.findall(r"^\| ([\d., ]+) \|", table, re.M) for name in ids.split(", ")
    )
    assert sum(ASVS.values()) == 253
    wanted = [f"{section}.{n + 1}" for section, count in ASVS.items() for n in range(count)]
    assert named == Counter(wanted)


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`([\w/]+\.py::\w+)`", SECURITY))))
def test_a_test_that_the_manual_names_is_there(named):
    path, _, test = named.partition("::")
    source = (ROOT / "tests" / path).read_text(encoding="utf-8")
    assert re.search(rf"^def {test}\(", source, re.M)


def test_every_file_of_attacks_is_named():
    for path in (ROOT / "tests" / "attack").glob("test_*.py"):
        assert f"attack/{path.name}::" in SECURITY, path.name
