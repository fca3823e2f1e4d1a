"""Check that the scripts in static/ parse and agree on their messages and events."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server import ROOT

NODE = Path(sys.executable).parent / "node"
MODULES = sorted((ROOT / "static").glob("*.js"))
LOADING = "".join(
    (ROOT / "templates" / name).read_text(encoding="utf-8")
    for name in ("parts/scripts.html", "parts/form_scripts.html", "parts/staff_head.html")
)
MESSAGES = (ROOT / "templates" / "parts" / "client_messages.html").read_text(encoding="utf-8")


def source(module: Path) -> str:
    """Return the text of a module."""
    return module.read_text(encoding="utf-8")


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_module_parses(module):
    command = [str(NODE), "--check", "--input-type=module", "-"]
    checked = subprocess.run(
        command, input=source(module), capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_module_imports_and_exports_nothing(module):
    assert not re.search(r"^\s*(import|export)\b|\bimport\(", source(module), re.M)


def test_pages_load_every_module():
    names = re.findall(r"{% for name in \((.*?)\) %}", LOADING)
    loaded = [name for each in names for name in re.findall(r'"(\w+)"', each)]
    assert sorted(loaded) == [module.stem for module in MODULES]


def test_every_message_is_shown_by_a_module():
    defined = {
        re.sub(r"-(.)", lambda match: match[1].upper(), name)
        for name in re.findall(r'\bdata-([a-z-]+)="', MESSAGES)
    }
    used = {name for each in MODULES for name in re.findall(r"messages\.(\w+)", source(each))}
    assert used == defined


def test_every_module_event_has_sender_and_listener():
    together = "".join(map(source, MODULES))
    sent = set(re.findall(r'new CustomEvent\("([\w:]+)"', together))
    assert sent == {"draft:save", "request:failed"}
    assert sent <= set(re.findall(r'addEventListener\("([\w:]+)"', together))
