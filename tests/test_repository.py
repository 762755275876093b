"""The repository keeps its own promises: environments agree, imports run one way, commands in the README exist."""

import ast
import re
import subprocess
import sys

import pytest
import tomli
import yaml

from autograder.course import ROOT

PROJECT = tomli.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins():
    """Package to versions (one per Python version, where they differ) in constraints.txt."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9._-]+)==([^ ;]+)(?: ; .+)?", line)
            assert match, f"not an exact pin: {line}"
            found.setdefault(match[1].lower().replace("_", "-"), set()).add(match[2])
    return found


def test_every_dependency_is_pinned():
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *extras["dev"], *extras["site"]]
    wanted.remove(f"{PROJECT['name']}[site]")
    names = {re.match(r"[A-Za-z0-9_-]+", w)[0].lower().replace("_", "-") for w in wanted}
    assert names <= set(pins())
    assert pins()["torch"] == {"2.13.0"}


def test_this_environment_has_the_pinned_versions():
    from importlib.metadata import PackageNotFoundError, version

    for name in [re.match(r"[A-Za-z0-9_-]+", w)[0] for w in PROJECT["dependencies"]]:
        try:
            installed = version(name).partition("+")[0]
        except PackageNotFoundError:
            pytest.fail(f"{name} is not installed")
        assert installed in pins()[name.lower()]


def test_conda_environment_installs_the_same():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["channels"] == ["conda-forge"]
    python, pip, through_pip = environment["dependencies"]
    assert re.fullmatch(r"python=3\.\d+", python)
    minimum = tuple(map(int, re.search(r">=(\d+)\.(\d+)", PROJECT["requires-python"]).groups()))
    assert tuple(map(int, python.partition("=")[2].split("."))) >= minimum
    assert pip == "pip"
    # The project itself, at the pinned versions: what pyproject.toml needs, and nothing said twice.
    assert through_pip == {"pip": ["-c constraints.txt", "-e ."]}


def test_no_registry_is_named():
    for name in ("constraints.txt", "pyproject.toml", "environment.yml", "Makefile"):
        assert not re.search(r"https?://|index-url|find-links", (ROOT / name).read_text()), name


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names)


def test_imports_run_one_way():
    for path in ROOT.glob("lib/**/*.py"):
        assert not [m for m in imported(path) if m.split(".")[0] == "autograder"], path
    allowed = ("lib.information", "lib.causality", "lib.byhand", "lib.exam", "autograder.checks")
    for path in ROOT.glob("autograder/checks/*.py"):
        ours = [m for m in imported(path) if m.split(".")[0] in ("lib", "autograder")]
        assert [m for m in ours if not m.startswith(allowed)] == [], path


def test_the_worker_imports_nothing_of_the_graders():
    """Students' code runs there, and checks never do."""
    code = "import sys, autograder.running.worker; print(sorted([m for m in sys.modules if m.split('.')[0] in ('autograder', 'nbgrader', 'sqlalchemy')]))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    rooms = ["autograder", "autograder.running"]
    files = [f"autograder.running.{name}" for name in ("plain", "sandbox", "skipped", "worker")]
    assert shown.strip() == repr(rooms + files)


PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
}


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_page_names_exists(page):
    from nbgrader.apps.nbgraderapp import NbGraderApp
    from typer.main import get_command

    from autograder.cli import app

    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"(?:`|^|&& )make ([a-z]+)", PAGES[page], flags=re.MULTILINE)) <= targets
    commands = get_command(app).commands
    for name, rest in re.findall(r"\bautograder ([a-z]+)\b([^`\n#]*)", PAGES[page]):
        assert name in commands, name
        options = {o for parameter in commands[name].params for o in parameter.opts}
        assert set(re.findall(r"(?<!\S)(--[a-z-]+)", rest.partition("&&")[0])) <= options, f"autograder {name}{rest}"
    assert set(re.findall(r"`nbgrader ([a-z_]+)", PAGES[page])) <= {
        n.replace("-", "_") for n in NbGraderApp.subcommands
    }


def test_the_readme_names_what_everybody_needs_first():
    readme = PAGES["README.md"]
    assert {"demo", "test", "lab"} <= set(re.findall(r"\bmake ([a-z]+)", readme))
    assert {"collect", "grade", "feedback", "grades"} <= set(re.findall(r"autograder ([a-z]+)", readme))


def test_every_module_says_what_it_is_for():
    for room in ("lib", "autograder", "tests", "benchmarks", "data"):
        for path in ROOT.glob(f"{room}/**/*.py"):
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path
