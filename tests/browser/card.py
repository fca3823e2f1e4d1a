"""Draw static/card.png, the preview image of shared pages: `make card`."""

from playwright.sync_api import sync_playwright

from tests.browser.conftest import launch
from tests.server import ROOT

CARD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 630" font-family="system-ui">
<rect width="1200" height="630" fill="#14304f"/>
<rect y="614" width="1200" height="16" fill="#f2b632"/>
<path d="M120 0V630" stroke="#f2b632" stroke-width="12"/>
<g stroke="#fff" stroke-width="12"><circle cx="120" cy="130" r="26" fill="#fff"/>
<circle cx="120" cy="300" r="26" fill="#fff"/><circle cx="120" cy="470" r="26" fill="#14304f"/></g>
<g fill="#fff" font-size="76" font-weight="700" letter-spacing="-2">
<text x="210" y="210">Tell us what</text>
<text x="210" y="305">your organization</text><text x="210" y="400">commits to</text></g>
<text x="210" y="490" fill="#d3e4ff" font-size="36">
The Opportunity Project · Police Data Initiative</text>
</svg>"""


def main() -> None:
    """Draw the image."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1200, "height": 630})
        page.set_content(f"<body style='margin:0'>{CARD}")
        page.screenshot(path=ROOT / "static" / "card.png")
        browser.close()


if __name__ == "__main__":
    main()
