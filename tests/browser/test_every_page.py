"""Every page and state of `make screenshots`, checked under different display settings."""

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import MODULES
from tests.browser.screenshots import fill, shoot_branch, shoot_public_side, shoot_staff_side
from tests.browser.test_access import check_page
from tests.browser.test_journeys import STEPS

pytestmark = [pytest.mark.slow, pytest.mark.long]

SPACED = """* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
word-spacing: 0.16em !important; } p { margin-bottom: 2em !important; }"""
"""The text spacing of WCAG 2.2, 1.4.12."""
PHONE = {"viewport": {"width": 320, "height": 640}}
PEOPLE = {
    "with more space between lines and words": {**PHONE, "bypass_csp": True},
    "in colors of their own": {**PHONE, "forced_colors": "active"},
    "on a tablet at night": {"viewport": {"width": 768, "height": 1024}, "color_scheme": "dark"},
    "at a desk": {"viewport": {"width": 1280, "height": 800}},
}


@pytest.fixture
def database_url(sqlite_url):
    """Use SQLite only: the browser behaves the same on both databases."""
    return sqlite_url


@pytest.mark.parametrize("person", PEOPLE)
def test_every_page_is_accessible_and_valid(open_browser, server, tmp_path, person):
    reference = fill(server.database_url, server.folder)
    page = open_browser(**PEOPLE[person])
    seen: dict[str, str] = {}

    def look(page: Page, name: str) -> None:
        if name.endswith("-printed"):
            return
        seen[name] = f"<!doctype html>{page.locator('html').evaluate('e => e.outerHTML')}"
        if PEOPLE[person].get("bypass_csp"):
            page.add_style_tag(content=SPACED)
        check_page(page)

    shoot_public_side(page, look)
    for branch in STEPS:
        shoot_branch(page, branch, look)
    shoot_staff_side(page, reference, look)
    assert len(seen) > 70
    validate(seen, tmp_path / "pages")


def validate(pages: dict[str, str], folder: Path) -> None:
    """Validate the HTML that the browser built; `tests.client` checks the HTML that it was sent."""
    folder.mkdir()
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    node = Path(sys.executable).parent / "node"
    program = MODULES / "html-validate/bin/html-validate.mjs"
    command = [str(node), str(program), "--preset=standard", "--formatter=text", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[:5000] + done.stderr[:2000]
