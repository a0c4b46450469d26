"""Documents, locks and generated files that do not agree with the project fail here."""

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import petset
from petset.cli.app import COMMANDS, HIDDEN, application

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
READMES = ("README.md", "README.zh-CN.md")
DOCUMENTS = sorted(
    str(path.relative_to(ROOT)) for pattern in ("*.md", "docs/**/*.md") for path in ROOT.glob(pattern) if path.is_file()
)
LOCKS = ("run.txt", "dev.txt", "schema.txt")
KUBECTL_VERBS = {"apply", "delete", "describe", "get", "rollout", "scale", "set"}


def text_of(name: str) -> str:
    return (ROOT / name).read_text()


# --- commands -------------------------------------------------------------------------------------------------------


def commands_in(document: str) -> list[list[str]]:
    """Every line of the document's shell blocks, in words, without comments and without what is redirected."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text_of(document), re.DOTALL | re.MULTILINE)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    return [words[: words.index(">")] if ">" in words else words for words in lines if words]


def documented_commands() -> Iterator[Any]:
    for document in DOCUMENTS:
        for words in commands_in(document):
            yield pytest.param(words, id=f"{document}: {shlex.join(words)}")


@pytest.mark.parametrize("words", list(documented_commands()))
def test_a_documented_command_exists(words: list[str]) -> None:
    program, *args = words
    if program == "make":
        assert set(args) <= targets()
    elif program == "petset":
        check_petset(args)
    elif program == "kubectl":
        assert args[0] in KUBECTL_VERBS
    elif program != "export":
        assert program.startswith(".venv/bin/"), f"{program} is nothing that the set-up provides"
    for word in args:
        if re.fullmatch(r"(examples|scripts|tests|bench|tools)/\S+", word):
            assert (ROOT / word).exists()


def targets() -> set[str]:
    declared = re.search(r"^\.PHONY: (.*)$", text_of("Makefile"), re.MULTILINE)
    assert declared is not None
    return set(declared[1].split())


def check_petset(args: list[str]) -> None:
    name, *rest = args
    command: Any = get_command(application([name]))
    words = [name, *rest[: rest.index("--")]] if "--" in rest else args
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word.partition("=")[0] for word in words if word.startswith("-")} <= known


def test_every_make_target_has_a_rule_and_a_line_of_help() -> None:
    rules = dict(re.findall(r"^([a-z-]+):.*?## (.*)$", text_of("Makefile"), re.MULTILINE))
    assert set(rules) == targets()


@pytest.mark.parametrize("readme", READMES)
def test_the_readme_names_every_command(readme: str) -> None:
    named = set(re.findall(r"`petset ([a-z]+)", text_of(readme)))
    assert named >= set(COMMANDS) - HIDDEN
    assert named <= set(COMMANDS)


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "scripts").glob("*.sh")))
def test_a_script_is_executable_and_parses(script: str) -> None:
    path = ROOT / "scripts" / script
    assert path.stat().st_mode & 0o111
    assert subprocess.run(["sh", "-n", str(path)], check=False).returncode == 0


# --- documents ------------------------------------------------------------------------------------------------------


def test_both_readmes_have_the_same_content() -> None:
    english, chinese = READMES
    assert commands_in(english) == commands_in(chinese)
    for shape in (r"^## ", r"^\| ", r"^- ", r"^\d+\. ", r"^!\["):
        counts = [len(re.findall(shape, text_of(readme), re.MULTILINE)) for readme in READMES]
        assert counts[0] == counts[1], shape


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)\)", text_of(document)):
        assert "://" in target or ((ROOT / document).parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_named_in_prose_exist(document: str) -> None:
    prose = re.sub(r"^```.*?^```", "", text_of(document), flags=re.DOTALL | re.MULTILINE)
    for name in re.findall(r"`([a-z_./-]+\.(?:py|sh|toml|yaml|md))`", prose):
        places = (ROOT, ROOT / "src" / "petset", ROOT / "requirements")
        found = any((place / name).exists() for place in places) or any(ROOT.glob(f"src/petset/*/*/{name}"))
        assert found, name


def test_every_decision_is_in_the_index() -> None:
    notes = {path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}
    assert set(re.findall(r"\((\d{4}-[a-z0-9-]+\.md)\)", text_of("docs/decisions/README.md"))) == notes


def test_the_version_is_one() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        declared = tomllib.load(file)["project"]["version"]
    newest = re.search(r"^## \[([^]]+)\]", text_of("CHANGELOG.md"), re.MULTILINE)
    assert newest is not None
    assert petset.__version__ == declared == newest[1]


@pytest.mark.skipif(not SHARED.exists(), reason="the source page is kept beside the project, in ../shared")
def test_the_example_is_the_manifest_of_the_source_page() -> None:
    page = (SHARED / "spec" / "seed-statefulset.zh.md").read_text()
    manifest = re.search(r"^```yml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert manifest is not None
    assert text_of("examples/web.yaml").startswith(manifest[1])


# --- generated files ------------------------------------------------------------------------------------------------


def check_generated(tool: str) -> None:
    command = [sys.executable, str(ROOT / "tools" / tool), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tables_of_kinds_are_up_to_date() -> None:
    check_generated("generate_kinds.py")


@pytest.mark.skipif(not SHARED.exists(), reason="Kubernetes' field numbers are kept beside the project, in ../shared")
def test_the_protobuf_fields_are_up_to_date() -> None:
    check_generated("generate_protobuf.py")


@pytest.mark.skipif(
    importlib.util.find_spec("kubernetes_validate") is None, reason="needs the official schema: run make schema"
)
def test_the_types_are_up_to_date() -> None:
    check_generated("generate_types.py")


# --- locks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_hashes_and_no_address(lock: str) -> None:
    text = text_of(f"requirements/{lock}")
    assert "://" not in text
    assert "index-url" not in text
    requirements = re.findall(r"^[a-z0-9-]+==.*$", text, re.MULTILINE)
    assert requirements
    assert len(re.findall(r"^[a-z0-9-]+==\S+.*\\\n    --hash=sha256:", text, re.MULTILINE)) == len(requirements)


@pytest.mark.parametrize(("lock", "extra"), [("run.txt", ""), ("dev.txt", ""), ("dev.txt", "dev")])
def test_a_lock_has_what_the_project_declares(lock: str, extra: str) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    declared = project["optional-dependencies"][extra] if extra else project["dependencies"]
    names = {re.split(r"[><=;\[ ]", requirement)[0].lower().replace("_", "-") for requirement in declared}
    locked = set(re.findall(r"^([a-z0-9-]+)==", text_of(f"requirements/{lock}"), re.MULTILINE))
    assert names <= locked
