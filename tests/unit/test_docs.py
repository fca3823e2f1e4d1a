"""Check that the tests and requirements named in the documentation exist."""

import json
import re
import subprocess
import tomllib
import uuid
from collections import Counter

import pytest
from click import Group
from werkzeug.exceptions import MethodNotAllowed

from tests.server import ROOT
from wizard import config, create_app

DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.md")]
    + [ROOT / "tests" / "load" / "README.md"]
)
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in DOCUMENTS}
OPERATIONS = TEXTS["docs/operations.md"]
SECURITY = TEXTS["docs/security.md"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
SOURCE = re.compile(r"[\w./-]+\.(?:py|html|js|css|toml|md|po|yml|yaml|service)|\.ci/run")
FOLDERS = (
    "wizard", "templates", "static", "tests", "tools", "docs", "deploy", "requirements", ".github",
)  # fmt: skip
CHANGELOG = "CHANGELOG.md"
"""The change log may name files that are gone."""
ASVS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1,
    "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4,
    "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3, "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5,
    "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2, "8.1": 2,
    "8.2": 3, "8.3": 1, "8.4": 1, "9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11,
    "10.5": 5, "10.6": 2, "10.7": 3, "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1,
    "11.6": 1, "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5,
    "14.1": 2, "14.2": 4, "14.3": 3, "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5,
    "16.3": 4, "16.4": 3, "16.5": 3, "17.1": 1, "17.2": 4, "17.3": 2,
}  # fmt: skip
"""How many requirements of levels 1 and 2 each section of ASVS 5.0.0 has; they come first."""


def code(text: str) -> list[str]:
    """Return the code of a document: its code spans and the lines of its code blocks."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    indented = re.findall(r"^(?: {4}|\t)(.+)$", text, re.M)
    return [*re.findall(r"`([^`]+)`", text), *indented, *"".join(fenced).splitlines()]


def in_code(pattern: str) -> list[tuple[str, str]]:
    """Return the matches of a pattern in the code of every document, as document and match."""
    return sorted(
        {
            (name, each)
            for name in TEXTS
            for each in re.findall(pattern, "\n".join(code(TEXTS[name])))
        }
    )


def table_rows(text: str) -> list[list[str]]:
    """Return the cells of every table row in a document."""
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in text.splitlines()
        if line.startswith("| ")
    ]


def section(text: str, title: str) -> str:
    """Return the part of a document below a heading of the second level."""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return create_app({"INSTANCE_PATH": str(tmp_path_factory.mktemp("instance"))})


def named_files() -> list[tuple[str, str]]:
    """Return every file or folder of the project that a document names in a code span."""
    spans = [
        (name, span.partition("::")[0])
        for name, text in TEXTS.items()
        if name != CHANGELOG
        for span in re.findall(r"`([^`\s]+)`", text)
    ]
    return sorted(
        {
            (name, span)
            for name, span in spans
            if SOURCE.fullmatch(span) or ("/" in span and span.split("/")[0] in FOLDERS)
        }
    )


@pytest.mark.parametrize(("document", "path"), named_files())
def test_named_file_exists(document, path):
    base = ROOT / "tests" if document == "docs/security.md" and "test_" in path else ROOT
    assert (base / path).exists(), f"{document} names {path}"


def test_readme_fits_one_screen():
    assert len(TEXTS["README.md"].splitlines()) <= 50


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("document", TEXTS)
def test_links_resolve(document):
    text = TEXTS[document]
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    for target in targets:
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / document).parent / path if path else ROOT / document
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.M)
            assert anchor in map(slug, headings), target


def phony_targets() -> set[str]:
    declared = re.search(r"^\.PHONY:((?:.*\\\n)*.*)$", MAKEFILE, re.M)
    return set(declared[1].replace("\\\n", " ").split())


@pytest.mark.parametrize(
    ("document", "target"), in_code(r"(?<![\w-])make (?:PYTHON=\S+ )?([a-z-]+)")
)
def test_named_make_target_exists(document, target):
    assert target in phony_targets(), f"{document} names make {target}"


def test_make_help_lists_every_target():
    command = ["make", "--no-print-directory", "help"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = [line.split(maxsplit=1) for line in listed.splitlines()]
    assert {name for name, _ in lines} == phony_targets()
    assert all(len(line) <= 100 for line in listed.splitlines())


def test_make_without_target_serves():
    command = ["make", "--no-print-directory", "--dry-run"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert printed.rstrip().endswith("-m wizard serve")


COMMAND = r"(?:flask(?: --app wizard)?|deploy/manage) ([a-z]+(?: (?!-)[a-z]+)?)"


def own_commands(app) -> set[str]:
    """Return every command of the program, without those of Flask and Alembic."""
    found = set()
    for name, command in app.cli.commands.items():
        if isinstance(command, Group) and name != "db":
            found |= {f"{name} {sub}" for sub in command.commands}
        elif name != "db":
            found.add(name)
    return found


def test_operations_lists_every_command(app):
    rows = table_rows(section(OPERATIONS, "Commands"))
    listed = {re.sub(r" [A-Z]+", "", row[0].strip("`")) for row in rows if row[0].startswith("`")}
    assert listed == own_commands(app) | {"db upgrade", "db downgrade"}


@pytest.mark.parametrize(
    "command",
    sorted(
        {each for _, each in in_code(COMMAND)}
        | {
            re.sub(r" [A-Z]+", "", row[0].strip("`"))
            for row in table_rows(section(OPERATIONS, "Commands"))
            if row[0].startswith("`")
        }
    ),
)
def test_named_command_runs(app, command):
    first, *rest = command.split()
    group = isinstance(app.cli.commands.get(first), Group)
    result = app.test_cli_runner().invoke(args=[first, *(rest if group else ()), "--help"])
    assert result.exit_code == 0, result.output
    assert re.match(rf"Usage: \S+ {command if group else first} ", result.output)


@pytest.mark.parametrize(("document", "name"), in_code(r"WIZARD_([A-Z_]+[A-Z])"))
def test_named_setting_exists(document, name):
    assert name in config.DEFAULTS, f"{document} names WIZARD_{name}"


def test_operations_lists_every_setting_with_its_default():
    rows = table_rows(section(OPERATIONS, "Settings"))
    listed = {row[0].strip("`"): row[1].strip("`") for row in rows if row[0].startswith("`")}
    defaults = config.DEFAULTS | {"INSTANCE_PATH": "instance/"}
    assert listed == {name: str(value) or "none" for name, value in defaults.items()}


def named_addresses() -> list[str]:
    rows = table_rows(section(TEXTS["docs/architecture.md"], "Addresses"))
    rows += table_rows(TEXTS["docs/open-data.md"])
    return sorted({each for row in rows for each in re.findall(r"`(/[^`]*)`", row[0])})


def endpoint_of(app, address: str) -> str:
    """Return the endpoint of an address. Raises an HTTP error where there is none."""
    path = address.replace("<draft>", str(uuid.uuid4())).replace("<step>", "organization")
    path = re.sub(r"<\w+>", "PDI-7K3M-Q2XA", path)
    urls = app.url_map.bind("localhost")
    try:
        return urls.match(path, "GET")[0]
    except MethodNotAllowed:
        return urls.match(path, "POST")[0]


@pytest.mark.parametrize("address", named_addresses())
def test_named_address_is_a_route(app, address):
    assert endpoint_of(app, address) != "static"


def test_every_page_has_its_address_named(app):
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in rule.methods}
    assert pages - {endpoint_of(app, each) for each in named_addresses()} == {"static"}


def test_workflow_starts_at_the_oldest_supported_python():
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    tested = re.findall(r"^ +python: \[(.+)\]$", workflow, re.M)
    assert tested
    for versions in tested:
        assert f">={json.loads(f'[{versions}]')[0]}" == project["requires-python"]


def lint_commands() -> list[str]:
    recipe = MAKEFILE.partition("\nlint:")[2].partition("\n\n")[0].splitlines()[1:]
    return [line.strip().replace("$(PY)", ".venv/bin/python") for line in recipe]


def test_pre_commit_runs_the_linters_of_make():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"^ +entry: (.+)$", hooks, re.M) == lint_commands()


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_decision_has_its_three_headings(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {int(path.stem[:4])}. ")
    assert re.findall(r"^## (.+)$", text, re.M) == ["Context", "Decision", "Consequences"]


def test_every_asvs_requirement_has_one_row():
    table = SECURITY.partition("## OWASP ASVS")[2]
    named = Counter(
        name for ids in re.findall(r"^\| ([\d., ]+) \|", table, re.M) for name in ids.split(", ")
    )
    assert sum(ASVS.values()) == 253
    wanted = [f"{section}.{n + 1}" for section, count in ASVS.items() for n in range(count)]
    assert named == Counter(wanted)


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`([\w/]+\.py::\w+)`", SECURITY))))
def test_named_test_exists(named):
    path, _, test = named.partition("::")
    source = (ROOT / "tests" / path).read_text(encoding="utf-8")
    assert re.search(rf"^def {test}\(", source, re.M)


def test_security_names_every_file_of_attacks():
    for path in (ROOT / "tests" / "attack").rglob("test_*.py"):
        name = path.relative_to(ROOT / "tests").as_posix()
        assert f"{name}::" in SECURITY, name
