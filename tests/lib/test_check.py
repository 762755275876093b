"""`python -m lib.check`: what is amiss is found, each with its cure, and the exit status tells."""

import ast
import functools
import sys

import pytest
import tomli

from autograder.course import ROOT
from lib import check, data


def told(step):
    """What a step came to: its mark, what was found, and the cure."""
    return next(iter(check.results((step,))))


def test_what_is_missing_and_what_is_of_another_version_are_told_apart(monkeypatch, tmp_path):
    (tmp_path / "constraints.txt").write_text(
        "numpy==0.1 ; python_version < '3'\nnumpy==99.1 ; python_version > '3'\n    # via x\n"
    )
    monkeypatch.setattr(check, "COURSE", tmp_path)
    monkeypatch.setattr(check, "NEEDED", ("numpy", "torch"))
    mark, found, cure = told(check.packages)
    assert mark == "~"
    assert found.startswith("numpy ") and "the course: 99.1" in found and "torch" not in found
    assert f"In the folder {tmp_path}".lower() in cure.lower()
    monkeypatch.setattr(check, "NEEDED", ("numpy", "no-such-package"))
    mark, found, cure = told(check.packages)
    assert (mark, found) == ("!!", "not installed: no-such-package")
    assert sys.executable in cure


def test_a_file_that_was_changed_on_the_way_is_named(monkeypatch, tmp_path):
    (tmp_path / "names").mkdir()
    (tmp_path / "names/names.csv").write_bytes(data.read("names/names.csv").replace(b"\n", b"\r\n"))
    monkeypatch.setattr(data, "DATA", tmp_path)
    monkeypatch.setattr(
        data, "FILES", {name: data.FILES[name] for name in ("names/names.csv", "penguins/penguins.csv")}
    )
    mark, found, cure = told(check.data_sets)
    assert mark == "!!"
    assert "names.csv: expected 107465 bytes" in found and found.endswith("and 1 more")
    assert "Unpack" in cure


def test_a_model_that_says_something_else_is_a_problem(monkeypatch):
    monkeypatch.setattr(check, "NATS", check.NATS + 1)
    mark, found, _ = told(check.model)
    assert mark == "!!" and f"{check.NATS} expected" in found


def test_a_notebook_takes_the_lib_of_its_own_copy(monkeypatch, tmp_path):
    """Whatever copy of the course is installed, or on the path."""
    monkeypatch.setattr(check, "COURSE", tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "notebooks/01").mkdir(parents=True)
    mark, found, cure = told(check.kernel)
    assert mark == "!!" and str(ROOT) in found and "folders that the zip has" in cure  # there is no other lib yet
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/__init__.py").touch()
    assert told(check.kernel)[0] == "ok"


def test_nothing_that_a_step_raises_hides_the_other_steps(monkeypatch, capsys):
    def lacks():
        raise ModuleNotFoundError("No module named 'numpy'")

    def breaks():
        raise OSError("dlopen failed\nand more")

    monkeypatch.setattr(check, "results", functools.partial(check.results, (lacks, breaks, check.python)))
    assert check.main() == 1
    said = capsys.readouterr().out
    assert "lacks: No module named 'numpy'" in said and "breaks: OSError: dlopen failed\n" in said
    assert "ok  Python" in said and "2 things to mend" in said


@pytest.mark.parametrize("found", [(3, 9, 18), (2, 7, 1)])
def test_an_old_python_is_told_so(monkeypatch, found):
    monkeypatch.setattr(check.sys, "version_info", found)
    mark, said, cure = told(check.python)
    assert mark == "!!" and "3.10 or newer" in cure and ".".join(map(str, found)) in said


def test_everything_that_lessons_import_is_looked_for():
    """And nothing that installing the course does not bring."""
    installed = {name.partition("==")[0] for name in project()["dependencies"]}
    assert set(check.NEEDED) <= installed
    known = {*sys.stdlib_module_names, "lib", "__future__"}
    imported = set()
    for path in [*(ROOT / "lib").rglob("*.py"), *(ROOT / "solutions").glob("*/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    known |= {
        "IPython",
        "matplotlib_inline",
        "jupyter_client",
        "packaging",
        "cycler",
    }  # what these packages bring along
    known |= {"autograder"}  # in hidden tests
    assert imported - known <= set(check.NEEDED)


def project():
    return tomli.loads((ROOT / "pyproject.toml").read_text())["project"]
