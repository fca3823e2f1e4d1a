"""Tests of the PDF of the answers."""

import io
import re
from datetime import UTC, datetime

import pytest
from pypdf import PdfReader
from sqlalchemy import update

from tests.client import link_address
from tests.complete_form import complete_form
from tests.conftest import load_case
from wizard.db.engine import writing
from wizard.db.models import Submission

pytestmark = pytest.mark.second_store_slow


def read_pdf(response) -> PdfReader:
    assert response.status_code == 200
    assert response.content_type == "application/pdf"
    return PdfReader(io.BytesIO(response.data))


def pdf_path(receipt) -> str:
    return f"/commitments/{receipt.text('.reference')}/yours.pdf"


def without_space(text: str) -> str:
    return "".join(text.split())


def test_pdf_holds_every_answer_and_is_tagged(client, case):
    receipt = complete_form(client, case)
    reader = read_pdf(client.get(link_address(receipt, "Your answers as a PDF")))
    assert (reader.metadata.title, reader.root_object["/Lang"]) == ("Your answers", "en")
    assert reader.root_object["/MarkInfo"]["/Marked"]
    reference = receipt.text(".reference")
    text = without_space("".join(page.extract_text() for page in reader.pages))
    text = re.sub(rf"{reference}·\d+/\d+", "", text)
    assert reference in text
    answers = [without_space(answer.text) for answer in receipt.all("dd")]
    assert len(answers) > 20
    assert [answer for answer in answers if answer not in text] == []


def test_pdf_has_the_day_of_the_submission_here(app, client):
    receipt = complete_form(client, load_case("agency"))
    late = datetime(2027, 4, 1, 1, 43, tzinfo=UTC)  # the evening before, in Washington
    with app.app_context(), writing() as session:
        session.execute(update(Submission).values(submitted_at=late))
    text = read_pdf(client.get(pdf_path(receipt))).pages[0].extract_text()
    assert "March 31, 2027" in text and "April 1" not in text


def test_pdf_in_spanish_has_spanish_labels(client, case):
    path = pdf_path(complete_form(client, case))
    reader = read_pdf(client.get(f"{path}?lang=es"))
    assert (reader.metadata.title, reader.root_object["/Lang"]) == ("Sus respuestas", "es")
    text = reader.pages[0].extract_text()
    assert "Número de referencia:" in text and "Nombre de la organización" in text
    assert "Reference" not in text and "Submitted" not in text


@pytest.mark.parametrize("name", ["#panic() $x$ *b* _i_ @ref <l> `c` \\ //", "北京 データ", "شرطة"])
def test_answer_that_looks_like_markup_or_lacks_a_font_is_printed(app, client, case, name):
    case |= {"organization_name": name}
    path = pdf_path(complete_form(client, case))
    assert len(read_pdf(client.get(path)).pages) > 1


def test_pdf_is_not_found_in_another_browser(app, client, case):
    path = pdf_path(complete_form(client, case))
    assert app.test_client().get(path).status_code == 404
