"""The repository keeps its own promises: environments agree, imports run one way, commands in the README exist."""

import ast
import json
import re
import subprocess
import sys

import pytest
import tomli
import yaml

from autograder import course
from autograder.authoring import index
from autograder.course import ROOT, CourseError
from autograder.running.execute import require_sandbox
from autograder.telling.feedback import feedback

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
    assert through_pip == {"pip": ["-r requirements.txt"]}
    assert python == "python=" + (ROOT / ".binder" / "runtime.txt").read_text().strip().removeprefix("python-")


CPU_BUILDS = "https://download.pytorch.org/whl/cpu"


def test_students_get_pytorch_without_cuda():
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines == [f"--extra-index-url {CPU_BUILDS}", "-c constraints.txt", "-e ."]
    tool = tomli.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]
    assert tool["index"] == [{"name": "pytorch-cpu", "url": CPU_BUILDS, "explicit": True}]
    assert tool["sources"]["torch"] == [{"index": "pytorch-cpu", "marker": "sys_platform == 'linux'"}]


def needed(names):
    """These packages and all that they need, as installed here."""
    from importlib.metadata import PackageNotFoundError, distribution

    from packaging.requirements import Requirement

    found: set[str] = set()
    left = [Requirement(name) for name in names]
    while left:
        one = left.pop()
        name = one.name.lower().replace("_", "-").replace(".", "-")
        if name in found:
            continue
        try:
            wanted = distribution(one.name).requires or []
        except PackageNotFoundError:  # Other builds of PyTorch need it.
            continue
        found.add(name)
        for more in map(Requirement, wanted):
            if more.marker is None or any(more.marker.evaluate({"extra": extra}) for extra in ("", *one.extras)):
                left.append(more)
    return found


def test_binder_installs_the_same_in_a_layer_that_outlives_commits():
    """repo2docker installs these before it copies the repository, as long as no line is about a file of ours."""
    head, index, *lines = (ROOT / ".binder" / "requirements.txt").read_text().splitlines()
    assert head.startswith("#")
    assert index == f"--extra-index-url {CPU_BUILDS}"
    listed = dict(line.split("==") for line in lines)
    assert not [name for name in listed if name.startswith(("nvidia", "cuda", "triton"))]
    assert {name: version for name, version in listed.items() if version not in pins().get(name, ())} == {}
    cuda = {name for name in pins() if name.startswith(("nvidia", "cuda", "triton"))}
    assert needed(PROJECT["dependencies"]) - cuda - set(listed) == set(), "run: make constraints"


def test_no_registry_is_named():
    files = (
        "constraints.txt",
        "requirements.txt",
        ".binder/requirements.txt",
        "pyproject.toml",
        "environment.yml",
        "Makefile",
    )
    for name in files:
        text = (ROOT / name).read_text().replace("https://download.pytorch.org/whl/", "")
        assert not re.search(r"https?://|find-links", text), name


def test_students_need_no_posix():
    """What a lesson runs must run on Windows too."""
    posix = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}
    for path in [*ROOT.glob("lib/**/*.py"), *ROOT.glob("solutions/*/*.py")]:
        assert not posix & {name.split(".")[0] for name in imported(path)}, path


def test_without_fork_grading_ends_in_a_sentence(monkeypatch):
    monkeypatch.delattr("os.fork")
    with pytest.raises(CourseError, match="on Windows, use its Linux"):
        require_sandbox()
    with pytest.raises(CourseError, match="on Windows, use its Linux"):
        feedback(course.Gradebook(), [])


def test_an_address_makes_the_badges(monkeypatch):
    assert index.REGIONS["badges"]() == "" or course.repository()
    monkeypatch.setattr(index, "repository", lambda: "https://github.com/ada/autoregressive")
    badges = index.REGIONS["badges"]()
    assert re.findall(r"\)\]\((\S+)\)$", badges, flags=re.MULTILINE) == [
        "https://mybinder.org/v2/gh/ada/autoregressive/main?urlpath=lab%2Ftree%2Fnotebooks",
        "https://codespaces.new/ada/autoregressive",
        "https://colab.research.google.com/github/ada/autoregressive/blob/main/notebooks/01_chain_rule/01_chain_rule.ipynb",
    ]
    assert "https://github.com/ada/autoregressive /content/course" in index.REGIONS["colab"]()


@pytest.mark.parametrize(
    "address", ["github.com/ada/course", "https://github.com/ada", "https://github.com/ada/course) <script>"]
)
def test_what_is_no_address_makes_none(monkeypatch, address):
    monkeypatch.setattr(course, "configuration", lambda: {"Course": {"repository": address}})
    with pytest.raises(CourseError, match="expected an address like"):
        course.repository()


def test_the_devcontainer_installs_as_students_do():
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text()
    container = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    assert container["onCreateCommand"].endswith("--requirement requirements.txt")
    python = (ROOT / ".binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    assert container["image"].startswith(f"mcr.microsoft.com/devcontainers/python:{python}-")


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
