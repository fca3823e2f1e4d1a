"""Tests of generated demo answers."""

from datetime import date
from random import Random

from tools import demo
from wizard.flows.commitment import COMMITMENT
from wizard.forms.journey import Journey

DAY = date(2026, 11, 22)
GROUPS = {"data_sets": set(range(3, 9)), "milestones": set(range(1, 7))}


def demo_answers(seed: int) -> dict:
    return demo.answers(Random(seed), DAY)


MADE = [demo_answers(seed) for seed in range(400)]


def test_demo_answers_are_complete_and_clean():
    for seed, made in enumerate(MADE):
        journey = Journey(COMMITMENT, made, list(COMMITMENT.steps), today=DAY)
        assert journey.complete, seed
        assert list(journey.answers.items()) == list(made.items()), seed


def test_every_question_and_code_occurs():
    assert {name for made in MADE for name in made} == set(COMMITMENT.fields)
    for name, weights in demo.WEIGHTS.items():
        assert set(weights) == set(COMMITMENT.fields[name].codes()) - {"individual"}
    sizes = {name: {len(made[name]) for made in MADE if name in made} for name in GROUPS}
    assert sizes == GROUPS


def test_contacts_are_reserved_for_examples():
    for made in MADE:
        assert made["contact_email"].endswith(".example.org")
        assert made.get("website", ".example.org/").endswith(".example.org/")
        assert made.get("contact_phone", "+1202555010")[5:10] == "55501"


def test_same_seed_gives_same_answers():
    assert MADE[7] == demo_answers(7)
    assert MADE[7] != MADE[8]


def test_texts_include_difficult_characters():
    text = "".join(made[name] for made in MADE for name in ("organization_name", "city"))
    texts = [made.get("access_plan", "") for made in MADE]
    assert all(awkward in text for awkward in ("'", "’", "é", "@", "市", "Н"))
    assert any("\n" in text for text in texts) and max(map(len, texts)) > 4_000
