"""Rules of a complete commitment, written by hand from the question list.

They catch mistakes in the declaration and in the journey.
"""

from collections.abc import Mapping
from typing import Any

EVERYONE = {
    "organization_kind", "organization_name", "city", "state", "website",
    "contact_name", "contact_role", "contact_email", "contact_phone",
    "publish_consent", "authorized",
}  # fmt: skip
PARTNER = {"programs", "commitment_title", "commitment_description", "milestones"}
POLICE = {"works_with", "involvement_description", "goals"}
JURISDICTION = {
    "publishes_now", "current_data_description", "data_sets", "commitment_title", "access_plan",
    "engagement_plan", "joins_community", "help_wanted", "delegate_is_contact",
}  # fmt: skip
OPPORTUNITY = {"opportunity_actions", "opportunity_topics", "opportunity_description"}
DELEGATE = {"delegate_name", "delegate_email"}
OPTIONAL = {
    "website", "contact_role", "contact_phone", "portal_url", "help_wanted", "opportunity_topics",
}  # fmt: skip
NEVER_PUBLIC = {
    "contact_name", "contact_role", "contact_email", "contact_phone", "joins_community",
    "delegate_is_contact", "delegate_name", "delegate_email", "publish_consent", "authorized",
}  # fmt: skip


def is_partner(answers: Mapping[str, Any]) -> bool:
    """Return True for a company, nonprofit or community organization."""
    return answers["organization_kind"] in ("company", "nonprofit", "community")


def allowed_fields(answers: Mapping[str, Any]) -> set[str]:
    """Return the fields that apply."""
    programs = answers.get("programs", [])
    if is_partner(answers):
        fields = EVERYONE | PARTNER
        fields |= POLICE if "police_data_initiative" in programs else set()
        if answers.get("works_with") == ["none_yet"]:
            fields -= {"involvement_description"}
        return fields | (_opportunity(answers) if "opportunity_project" in programs else set())
    fields = EVERYONE | JURISDICTION | _opportunity(answers)
    fields |= {"portal_url"} if answers.get("publishes_now") == "yes" else set()
    return fields | (DELEGATE if answers.get("delegate_is_contact") == "no" else set())


def _opportunity(answers: Mapping[str, Any]) -> set[str]:
    return OPPORTUNITY - (
        set() if answers.get("opportunity_actions") else {"opportunity_description"}
    )


def required_fields(answers: Mapping[str, Any]) -> set[str]:
    """Return the fields that apply and need an answer."""
    fields = allowed_fields(answers) - OPTIONAL
    if not is_partner(answers):
        fields.discard("opportunity_actions")
    return fields


def check_commitment(answers: Mapping[str, Any]) -> None:
    """Fail unless a commitment has all required fields and no others."""
    assert answers["organization_kind"] != "individual"
    assert set(answers) <= allowed_fields(answers)
    assert required_fields(answers) <= set(answers)
    for entry in answers.get("data_sets", []):
        must = {"category", "title", "format", "incident_level", "release_on"}
        must |= {"category_other"} if entry["category"] == "other" else set()
        assert must <= set(entry) <= must | {"url"}
    for entry in answers.get("milestones", []):
        assert set(entry) == {"what", "measure", "due"}
    if not is_partner(answers):
        named = [(entry["category"], entry["title"]) for entry in answers["data_sets"]]
        assert 3 <= len(named) == len(set(named)) <= 20
    else:
        assert 1 <= len(answers["milestones"]) <= 10
