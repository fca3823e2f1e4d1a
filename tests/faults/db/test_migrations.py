"""Migrate the database while the previous version serves."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from tests.faults.browser import Browser, assert_nothing_lost, stored_rows, typists_at_work
from tests.server import ROOT, running_server

pytestmark = pytest.mark.slow
NEXT = '''
"""Add a column, an index and a table."""

import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "{newest}"


def upgrade() -> None:
    op.add_column("draft", sa.Column("later", sa.String()))
    op.create_index("ix_draft_later", "draft", ["later"])
    op.create_table("later", sa.Column("id", sa.Integer(), primary_key=True))
'''


def test_migration_under_load_loses_no_save(database_url, tmp_path):
    migrations = tmp_path / "migrations"
    shutil.copytree(ROOT / "wizard/migrations", migrations)
    newest = max(path.name[:4] for path in (migrations / "versions").glob("[0-9]*.py"))
    (migrations / "versions/next.py").write_text(NEXT.format(newest=newest))
    command = [sys.executable, "-m", "flask", "--app", "wizard", "db", "upgrade", "-d"]
    with running_server(database_url, tmp_path) as server:
        with typists_at_work(server) as typists:
            time.sleep(1)
            settings = {
                "WIZARD_DATABASE_URL": database_url,
                "WIZARD_INSTANCE_PATH": str(tmp_path),
            }
            subprocess.run(
                [*command, str(migrations)], cwd=ROOT, check=True, env=os.environ | settings
            )
            time.sleep(1)
        assert stored_rows(server, "later") == []
        assert Browser(server).open("GET", "/readyz")[0] == 200
        assert {status for each in typists for status in each.statuses} == {200, 303}
        assert_nothing_lost(typists)
