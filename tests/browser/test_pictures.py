"""The page of parts looks as its stored pictures do, so that no change moves something unasked."""

import shutil

import pytest

from tests.browser.conftest import launch
from tests.browser.pictures import (
    FLAGS,
    FOLDER,
    SCREENS,
    VERSION,
    major_version,
    run_script,
    signed_in_admin,
    take_pictures,
)
from tests.server import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.one_store]

MAX_SHARE = 0.001
"""Of the pixels of a picture; a button that moves by 4 px is more."""
NEW = ROOT / "build" / "pictures"
"""What the page looks like now, and where it differs, if it does."""


@pytest.fixture
def own_browser(playwright):
    """Return a browser in which letters look alike on every machine."""
    browser = launch(playwright, *FLAGS)
    yield browser
    browser.close()


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_parts_look_as_before(own_browser, server, width, scheme):
    with signed_in_admin(server.database_url, server.folder) as token:
        taken = list(take_pictures(own_browser, server.url, token, width, scheme, server.folder))
    names = {path.name for path in FOLDER.glob(f"*-{width}-{scheme}.png")}
    assert names == {path.name for path in taken}
    # Another version draws letters and fields in its own way: `make pictures` renews the pictures,
    # in a commit of its own.
    recorded = VERSION.read_text(encoding="utf-8").strip()
    max_share = MAX_SHARE if major_version(own_browser) == recorded else 1
    NEW.mkdir(parents=True, exist_ok=True)
    differing = {}
    for path in taken:
        difference = NEW / f"{path.stem}-difference.png"
        share = float(run_script("compare", path, FOLDER / path.name, difference))
        if share > max_share:
            differing[path.stem] = f"{share:.2%}"
            shutil.copy(path, NEW)
        else:
            difference.unlink()
    assert not differing, f"see build/pictures/; if that is meant, run `make pictures`: {differing}"


def test_each_picture_has_a_part_and_all_are_small():
    names = {path.stem.split("-")[0] for path in FOLDER.glob("*.png")}
    assert len(list(FOLDER.glob("*.png"))) == len(names) * len(SCREENS)
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_000_000
