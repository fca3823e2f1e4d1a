"""Pictures of the page of parts: `make pictures` renews those that the slow tests compare with.

They are drawn in one font, that of an npm package, so that the fonts of a machine do not matter.
"""

import base64
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import MODULES, launch, serve_htmx
from tests.conftest import migrate
from tests.factories import staff_client
from tests.server import running_server
from wizard import create_app
from wizard.db.engine import db

FOLDER = Path(__file__).parent / "pictures"
VERSION = FOLDER / "chromium.txt"
"""The major version of the browser that drew the stored pictures."""
SCRIPT = Path(__file__).parent / "pictures.mjs"
SCREENS = [(width, scheme) for width in (390, 1280) for scheme in ("light", "dark")]
SCALE = 0.5
"""Half the size is enough to see what moves, for a third of the bytes."""
FLAGS = (
    "--font-render-hinting=none",
    "--disable-lcd-text",
    "--force-color-profile=srgb",
    "--force-device-scale-factor=1",
)
"""So that no setting of a machine changes how a letter is drawn."""


def main() -> None:
    """Take every picture anew."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        url = f"sqlite:///{folder / 'wizard.sqlite'}"
        migrate(url, folder)
        browser = launch(playwright, *FLAGS)
        with running_server(url, folder) as server, signed_in_admin(url, folder) as token:
            for width, scheme in SCREENS:
                for taken in take_pictures(browser, server.url, token, width, scheme, folder):
                    run_script("store", taken, FOLDER / taken.name)
        VERSION.write_text(f"{major_version(browser)}\n", encoding="utf-8")
        browser.close()
    size = sum(path.stat().st_size for path in FOLDER.iterdir())
    print(f"{len(list(FOLDER.glob('*.png')))} pictures, {size:,} bytes")


def major_version(browser: Browser) -> str:
    """Return the major version of a browser."""
    return browser.version.partition(".")[0]


@contextmanager
def signed_in_admin(database_url: str, folder: Path) -> Iterator[str]:
    """Add an admin with a session, whose token is the value of the cookie `staff`."""
    app = create_app({"DATABASE_URL": database_url, "INSTANCE_PATH": str(folder)})
    cookie = staff_client(app, "admin").get_cookie("staff", path="/staff")
    with app.app_context():
        db.engine.dispose()
    yield cookie.value


def take_pictures(
    browser: Browser, url: str, token: str, width: int, scheme: str, folder: Path
) -> Iterator[Path]:
    """Take a picture of each section of the page of parts, and yield its file."""
    size = {"width": width, "height": 900}
    context = browser.new_context(
        base_url=url, viewport=size, color_scheme=scheme, device_scale_factor=SCALE,
        reduced_motion="reduce", locale="en-US", timezone_id="America/New_York", bypass_csp=True,
    )  # fmt: skip
    context.add_cookies([{"name": "staff", "value": token, "url": f"{url}/staff/"}])
    context.route("https://cdn.jsdelivr.net/**", serve_htmx)
    page = context.new_page()
    page.goto("/staff/parts")
    page.add_style_tag(content=one_font())
    page.evaluate("document.fonts.ready")
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({**size, "height": height})
    for section in page.locator(".part").all():
        path = folder / f"{section.get_attribute('id')}-{width}-{scheme}.png"
        section.screenshot(path=path, animations="disabled")
        yield path
    context.close()


def one_font() -> str:
    """Return a style sheet with one font for everything."""
    faces = ""
    for weight, name in (("400", "DejaVuSans"), ("700", "DejaVuSans-Bold")):
        font = (MODULES / "dejavu-fonts-ttf/ttf" / f"{name}.ttf").read_bytes()
        source = f"url(data:font/ttf;base64,{base64.b64encode(font).decode()})"
        faces += f"@font-face {{ font-family: pictures; font-weight: {weight}; src: {source} }}\n"
    return faces + "*, ::before, ::after { font-family: pictures !important }"


def run_script(command: str, *paths: Path) -> str:
    """Run the script with a command and return what it prints."""
    node = Path(sys.executable).parent / "node"
    command_line = [str(node), str(SCRIPT), command, *map(str, paths)]
    done = subprocess.run(command_line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
