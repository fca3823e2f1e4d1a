"""Post bodies in unusual encodings and content types."""

import pytest

from tests.attack.browser import Browser
from tests.complete_form import complete_form, draft_path, start_draft
from tests.conftest import load_case
from wizard.flows.commitment import COMMITMENT

UPLOAD = (
    b'--x\r\nContent-Disposition: form-data; name="city"; filename="../../x"\r\n\r\n'
    b"Tampa\r\n--x--\r\n"
)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded; charset=utf-7", b"city=%2BADw-script%2BAD4-"),
        ("application/x-www-form-urlencoded; charset=utf-16", "city=Tampa".encode("utf-16")),
        ("application/x-www-form-urlencoded; charset=nothing", b"city=Tampa"),
        ("application/x-www-form-urlencoded", b"city=%ED%A0%80%ED%B0%80"),
        ("application/x-www-form-urlencoded", b"city=%F4%90%80%80"),
        ("application/x-www-form-urlencoded", b"city=" + b"%" * 1000),
        ("application/x-www-form-urlencoded", b"city=Tampa" + b"&city=x" * 900),
        ("multipart/form-data; boundary=x", UPLOAD),
        ("application/json", b'{"city": {"a": [1]}, "state": null}'),
        ("application/json", b"[" * 100_000),
        ("multipart/form-data; boundary=x", b"--x\r\n" * 3000 + b"--x--\r\n"),
        ("multipart/form-data; boundary=" + "y" * 5000, b"--y--"),
        ("application/xml", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
    ],
)  # fmt: skip
def test_unusual_body_encoding_is_4xx(browser, content_type, body):
    path = draft_path(start_draft(browser, load_case("agency")))
    more = {"Content-Type": content_type, "X-CSRFToken": browser.token()}
    answer = browser.open("POST", f"{path}/organization", body, more)
    assert answer.status_code in (400, 413, 415, 422), answer.status_code
    assert "root:" not in answer.text and "<script>alert" not in answer.text
    packed = more | {
        "Content-Encoding": "gzip",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert browser.open(
        "POST", f"{path}/organization", b"\x1f\x8b\x08" * 40, packed
    ).status_code in (400, 422)


@pytest.mark.parametrize("has_session", [True, False], ids=["session", "no session"])
@pytest.mark.parametrize(
    "data",
    [
        {},
        {"csrf_token": ""},
        {"page": "\x00", "turn": "9" * 5000, "based_on": "\x00", "pass": "\x00.\xe9"},
        {"page": ["a", "b"], "shown": "\x00 :", "turn": "-1"},
        {"asked": ["\x00", "", "city"], "pass": "W10.x"},
        {"turn": "\xb2", "action": "remove-\xb2", "keep-city": "saved", "keep-data_sets": "saved"},
        {"action": "add", "data_sets-999-title": "x", "data_sets-\xb2-title": "x"},
        {"action": "remove-0", "data_sets": "x", "data_sets-0": "x", "data_sets--title": "x"},
    ],
)
def test_malformed_step_post_causes_no_500(server, has_session, data):
    owner = Browser(server)
    path = draft_path(complete_form(owner, load_case("agency"), until="review"))
    sender = owner if has_session else Browser(server)
    for name in (*COMMITMENT.steps, "nothing"):
        for end in ("", "/autosave"):
            for with_token in (True, False):
                token = {} if with_token else {"csrf_token": ""}
                answer = sender.post(f"{path}/{name}{end}", data | token)
                assert answer.status_code < 500, (name, end, answer.status_code)
    for token in ({}, {"csrf_token": ""}):
        assert sender.post("/respond/", data | token).status_code < 500
