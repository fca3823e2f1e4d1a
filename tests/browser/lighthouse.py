"""Run Lighthouse on the most visited pages: `make lighthouse` prints its scores.

A local server stands in for the CDN of htmx. Scores and layout shift have limits. The largest paint
(goal: 1.0 s) and the slowest interaction (goal: 100 ms) of a phone are printed alone: other work on
the machine changes them. Lighthouse computes its largest paint from a run without a slow line, and
counts each file that came before the paint then, needed or not; `print_paints` slows the line.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from playwright.sync_api import expect, sync_playwright

from tests.browser.conftest import MODULES, SYSTEM_BROWSERS, launch, running_cdn
from tests.browser.pages import walk
from tests.browser.screenshots import fill
from tests.browser.test_journeys import STEPS
from tests.conftest import load_case, migrate
from tests.server import running_server

CATEGORIES = ("accessibility", "best-practices", "seo", "performance")
MAX_RUNS = 3
"""Attempts per page: other work on the machine can only lower a score."""
MIN_SCORES = {"mobile": (1.0, 1.0, 1.0, 0.98), "desktop": (1.0, 1.0, 1.0, 1.0)}

SLOW_LINE = {
    "latency": 562.5,
    "downloadThroughput": 1474.56 * 1000 / 8,
    "uploadThroughput": 675 * 1000 / 8,
    "offline": False,
}
"""Milliseconds a request and bytes a second: what Lighthouse uses with
`--throttling-method=devtools`."""
PHONE_CPU = {"rate": 4}
LARGEST_PAINT = """() => new Promise(resolve => new PerformanceObserver(list =>
  resolve(list.getEntries().at(-1).startTime)
).observe({type: "largest-contentful-paint", buffered: true}))"""

OBSERVE = """() => {
  window.durations = [];
  // Only taps and keys are interactions: Playwright's mouse also hovers.
  const counted = list => list.getEntries().filter(each => each.interactionId);
  const note = list => window.durations.push(...counted(list).map(each => each.duration));
  new PerformanceObserver(note).observe({type: "event", durationThreshold: 16, buffered: true});
}"""


def main() -> None:
    """Print the scores; exit with 1 if one is below its minimum."""
    with tempfile.TemporaryDirectory() as name, running_cdn() as htmx_url:
        folder = Path(name)
        url = f"sqlite:///{folder / 'wizard.sqlite'}"
        migrate(url, folder)
        fill(url, folder)
        os.environ |= {"WIZARD_HTMX_URL": htmx_url, "WIZARD_HTMX_INTEGRITY": ""}
        failed = False
        with running_server(url, folder) as server:
            paths, cookie = prepare_pages(server.url)
            heads = (*CATEGORIES, "layout-shift", "largest-paint")
            print("page".ljust(20), "form".ljust(8), *heads, sep="  ")
            for path in paths:
                for form, least in MIN_SCORES.items():
                    for _ in range(MAX_RUNS):
                        scores, shift, paint = measure(server.url + path, form, cookie, folder)
                        short = shift > 0 or any(map(float.__lt__, scores, least))
                        if not short:
                            break
                    failed |= short
                    shown = re.sub("/[0-9a-f-]{36}", "/…", path)
                    row = shown.ljust(20), form.ljust(8), *scores, shift, paint
                    print(*row, sep="  ", flush=True)
            print_paints(server.url, paths, cookie)
            print_interactions(server.url)
        sys.exit(failed)


def prepare_pages(url: str) -> tuple[list[str], str]:
    """Return the paths to measure, and the session cookie of a draft at its review."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(base_url=url)
        page.goto("/commitments")
        commitment = page.locator(".item a").first.get_attribute("href")
        page.goto("/")
        walk(page, load_case("agency"), STEPS["agency"][:-1])
        expect(page.locator("h1")).to_have_text("Check your answers")
        review = urlsplit(page.url).path
        (session,) = [each for each in page.context.cookies() if each["name"] == "session"]
        browser.close()
    step = review.replace("review", "organization")
    paths = ["/", step, review, "/commitments", commitment or "", "/questions"]
    return paths, f"session={session['value']}"


def print_paints(url: str, paths: list[str], cookie: str) -> None:
    """Print when the largest paint of each page comes on a slow line and a phone, without a cache:
    the median of `MAX_RUNS`."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for path in paths:
            paints = []
            for _ in range(MAX_RUNS):
                headers = {"Cookie": cookie}
                page = browser.new_page(
                    base_url=url, viewport={"width": 390, "height": 844}, extra_http_headers=headers
                )
                session = page.context.new_cdp_session(page)
                session.send("Network.enable")
                session.send("Network.emulateNetworkConditions", SLOW_LINE)
                session.send("Emulation.setCPUThrottlingRate", PHONE_CPU)
                page.goto(path)
                paints.append(page.evaluate(LARGEST_PAINT))
                page.close()
            shown = re.sub("/[0-9a-f-]{36}", "/…", path)
            print(f"largest paint of {shown} on a slow line: {median(paints):.0f} ms")
        browser.close()


def print_interactions(url: str) -> None:
    """Print how long the slowest event of a first step takes, up to the next frame, on a phone."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(base_url=url, viewport={"width": 390, "height": 844})
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", PHONE_CPU)
        page.goto("/respond/")
        page.evaluate(OBSERVE)
        page.locator("label").first.click()
        page.locator("#continue").click()
        page.locator("#organization_name").press_sequentially("Riverton")
        # Events under 16 ms are not observed.
        slowest = page.evaluate("Math.max(0, ...window.durations)")
        print(f"slowest interaction of the first steps, on a phone: {slowest} ms")
        browser.close()


def measure(url: str, form: str, cookie: str, folder: Path) -> tuple[list[float], float, str]:
    """Return the scores of one page by category, its layout shift, and its largest paint."""
    report = folder / "report.json"
    subprocess.run(
        [
            str(Path(sys.executable).parent / "node"),
            str(MODULES / "lighthouse/cli/index.js"),
            url,
            "--quiet",
            "--output=json",
            f"--output-path={report}",
            f"--only-categories={','.join(CATEGORIES)}",
            f"--extra-headers={json.dumps({'Cookie': cookie})}",
            "--chrome-flags=--headless --no-sandbox",
            *(["--preset=desktop"] if form == "desktop" else []),
        ],
        check=False,  # a failed run has no report or no score, and counts as 0
        stderr=subprocess.DEVNULL,
        env=os.environ | {"CHROME_PATH": next(filter(None, map(shutil.which, SYSTEM_BROWSERS)))},
    )
    if not report.exists():
        return [0.0] * len(CATEGORIES), 0.0, "–"
    found = json.loads(report.read_text(encoding="utf-8"))
    report.unlink()
    for name, audit in found["audits"].items():
        if audit["score"] == 0 and audit["scoreDisplayMode"] == "binary":
            print(f"  {name}: {audit['title']}")
    scores = [float(found["categories"][name]["score"] or 0) for name in CATEGORIES]
    audits = found["audits"]
    paint = audits["largest-contentful-paint"].get("displayValue", "–")
    return scores, float(audits["cumulative-layout-shift"].get("numericValue", 0)), paint


if __name__ == "__main__":
    main()
