"""Compare the commitment flow with the question list."""

from wizard.flows.commitment import COMMITMENT


def test_commitment_matches_question_list():
    sizes = {name: len(step.fields) for name, step in COMMITMENT.steps.items()}
    assert sizes == {
        "kind": 1, "organization": 4, "contact": 4, "involvement": 2, "commitment": 4,
        "milestones": 1, "current_data": 3, "data_sets": 1, "plan": 3, "community": 5,
        "opportunity": 3, "publication": 1, "review": 1,
    }  # fmt: skip
    assert len(COMMITMENT.fields["state"].options) == 56
    assert len(COMMITMENT.fields["data_sets"].fields[0].options) == 18
