"""Draw static/icon.svg and static/card.png, the preview image of shared links: `make card`."""

import tempfile
from pathlib import Path

from wizard import create_app
from wizard.public import cards

STATIC = Path(__file__).parents[1] / "static"
ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">\
<rect width="32" height="32" rx="7" fill="#14304f"/>{}</svg>
"""
TITLE = "Tell us what your organization commits to"


def main() -> None:
    """Draw both."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app({"INSTANCE_PATH": folder})
    with app.test_request_context():
        line = app.jinja_env.get_template("macros/line.html").module
        (STATIC / "icon.svg").write_text(ICON.format(line.mark()))  # type: ignore[attr-defined]
        programs = " · ".join(each.title for each in app.extensions["flow"].programs)
        (STATIC / "card.png").write_bytes(cards.draw(cards.write_svg(TITLE, programs)))


if __name__ == "__main__":
    main()
