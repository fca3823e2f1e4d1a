"""Test that others can read the open data files."""

import subprocess

import pytest

from tests.server import ROOT
from tools.install import OFFLINE

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.one_store]


def make(target: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", target], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )


def test_files_are_read_by_what_others_made():
    installed = make(".venv-data/done")
    if OFFLINE in installed.stderr:
        pytest.skip(OFFLINE)
    run = make("check-data")
    assert run.returncode == 0, installed.stderr + run.stdout + run.stderr
    assert "The files are readable." in run.stdout
