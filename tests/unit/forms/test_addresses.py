"""Tests of addresses that look mistyped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server import ROOT
from wizard.forms.addresses import ENDINGS, MAIL_DOMAINS, REAL_DOMAINS, likely_address

REAL = (ROOT / "tests/data/mail_domains.txt").read_text().split()
SLIPS = {
    "gmial.com": "gmail.com",
    "gamil.com": "gmail.com",
    "gmai.com": "gmail.com",
    "gmaill.com": "gmail.com",
    "gnail.com": "gmail.com",
    "gmail.con": "gmail.com",
    "gmail.co": "gmail.com",
    "gmail.cm": "gmail.com",
    "gmail.comm": "gmail.com",
    "gmial.con": "gmail.com",
    "yaho.com": "yahoo.com",
    "yahooo.com": "yahoo.com",
    "yhaoo.com": "yahoo.com",
    "hotmial.com": "hotmail.com",
    "hotnail.com": "hotmail.com",
    "outlok.com": "outlook.com",
    "outloook.com": "outlook.com",
    "iclod.com": "icloud.com",
    "comcst.net": "comcast.net",
    "verizon.ent": "verizon.net",
    "dallas.gvo": "dallas.gov",
    "pd.boston.ogv": "pd.boston.gov",
    "aol.con": "aol.com",
    "aclu.ogr": "aclu.org",
    "mit.eud": "mit.edu",
    "GMIAL.COM": "gmail.com",
}


def test_no_real_domain_is_doubted():
    assert len(set(REAL)) >= 150
    suspected = {name: likely_address(f"desk@{name}") for name in [*REAL, *REAL_DOMAINS]}
    assert {name: address for name, address in suspected.items() if address} == {}
    assert not {name.rpartition(".")[2] for name in REAL} & ENDINGS.keys()


@pytest.mark.parametrize(("typed", "meant"), SLIPS.items())
def test_slip_in_the_domain_suggests_the_common_one(typed, meant):
    assert likely_address(f"Maria.Lopez+x@{typed}") == f"Maria.Lopez+x@{meant}"
    assert likely_address(f"Maria.Lopez+x@{meant}") is None


@given(st.sampled_from(MAIL_DOMAINS), st.data())
def test_two_letters_in_the_wrong_order_suggest_the_common_domain(domain, data):
    place = data.draw(st.integers(0, domain.index(".") - 2))
    swapped = domain[:place] + domain[place + 1] + domain[place] + domain[place + 2 :]
    expected = None if swapped == domain else f"a@{domain}"
    assert likely_address(f"a@{swapped}") == expected


@given(st.text(max_size=30))
def test_any_text_is_read(text):
    for suggested in filter(None, [likely_address(text), likely_address(f"{text}@gmial.com")]):
        assert likely_address(suggested) is None


@pytest.mark.parametrize("text", ["", "@", "gmial.com", "@gmial.com", "maria@", "maria@localhost"])
def test_invalid_address_gets_no_suggestion(text):
    assert likely_address(text) is None


def test_suggestion_is_the_bare_address():
    assert likely_address("Maria <maria@gmial.com>, ") == "maria@gmail.com"
