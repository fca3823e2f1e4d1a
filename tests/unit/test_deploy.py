"""Check that the files in deploy/ agree with each other."""

import re
import shlex
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_manage_uses_service_settings():
    unit = (DEPLOY / "wizard.service").read_text(encoding="utf-8").splitlines()
    words = shlex.split((DEPLOY / "manage").read_text(encoding="utf-8"), comments=True)
    properties = [value for flag, value in zip(words, words[1:], strict=False) if flag == "-p"]
    assert len(properties) >= 7
    assert [each for each in properties if each not in (*unit, "User=wizard")] == []
    (environment,) = [line for line in unit if line.startswith("Environment=")]
    assert words[words.index("-E") + 1] in environment.split()
    (served,) = [line for line in unit if line.startswith("ExecStart=")]
    assert f"ExecStart={words[words.index('-m') - 1]} -m flask serve" == served


@pytest.mark.one_store
def test_proxies_log_no_address_with_a_token(app):
    rules = {rule.rule for rule in app.url_map.iter_rules() if "<token>" in rule.rule}
    named = {rule.removesuffix("/<token>").removeprefix("/") for rule in rules}
    for name in ("nginx.conf", "Caddyfile"):
        (found,) = re.findall(
            r"\^/\+?\(+([a-z/|]+)\)/", (DEPLOY / name).read_text(encoding="utf-8")
        )
        assert set(found.split("|")) == named, name
