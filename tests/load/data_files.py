"""Write the open data files of a made-up store to a folder, for `make check-data`."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select

from tests.load.page_times import make_app, new_database
from tests.made_up_promises import fill_promises
from tools import demo
from wizard.accounts.audit import COMMAND_LINE
from wizard.db.engine import reading
from wizard.db.models import Submission
from wizard.public.open_data import entry_files
from wizard.public.open_data_views import FILES
from wizard.staff.cases import decide
from wizard.web.current import current_flow

COUNT = 200


def main(folder: Path) -> None:
    """Fill a store with promises and reports, and write every file and two pages."""
    with TemporaryDirectory() as made:
        app = make_app(new_database(Path(made)), made)
        with app.app_context():
            demo.fill(COUNT)
            fill_promises(1.5)
            query = select(Submission.reference, Submission.lock_version).order_by(Submission.id)
            with reading() as session:
                published = session.execute(query.where(Submission.published_at.is_not(None)))
                gone, known = published.fetchmany(2)
            page = f"commitments/{known.reference}"
            decide(gone[0], "withdrawn", gone[1], COMMAND_LINE, reason="The city ended it.")
            names = [*FILES, *(f"commitments/{name}.csv" for name in entry_files(current_flow()))]
        client = app.test_client()
        addresses = {name: name for name in names}
        for name, address in (addresses | {"list.html": "commitments", "page.html": page}).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(client.get(f"/{address}").data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
