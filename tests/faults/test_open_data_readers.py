"""Test that others can read the open data files."""

import subprocess

import pytest

from tests.server import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.one_store]


def test_files_are_read_by_what_others_made():
    run = subprocess.run(
        ["make", "check-data"], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "The files are readable." in run.stdout
