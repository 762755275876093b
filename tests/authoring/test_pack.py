"""The students' bundle: complete, and without the TA's side."""

import zipfile

import pytest
import tomli

from autograder.authoring.pack import BUNDLE, FORBIDDEN, pack
from autograder.course import ROOT, CourseError, lessons


@pytest.fixture
def bundle(tmp_path):
    pack(tmp_path / "bundle.zip")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        yield {n.removeprefix(f"{BUNDLE}/"): archive.read(n) for n in archive.namelist()}


def test_bundle_is_complete(bundle):
    needed = {
        "README.md",
        "environment.yml",
        "constraints.txt",
        "pyproject.toml",
        "LICENSE",
        "LICENSE-text",
        "lib/plots/style.py",
        "data/README.md",
    }
    needed |= {lesson.release.relative_to(ROOT).as_posix() for lesson in lessons()}
    assert needed <= set(bundle)


def test_bundle_holds_nothing_of_the_tas_side(bundle):
    for name, content in bundle.items():
        assert name.split("/")[0] not in ("solutions", "autograder", "gradebook", "tests", "benchmarks")
        assert not name.endswith((".db", ".pyc"))
        for word in FORBIDDEN:
            assert name == "README.md" or word.encode() not in content, f"{name} holds {word}"


def test_no_solution_line_is_in_the_bundle(bundle):
    """Stronger than words: no line that only a solution or hidden test holds stands in the student notebook."""
    for lesson in lessons():
        handed_out = bundle[lesson.release.relative_to(ROOT).as_posix()].decode().replace('\\"', '"')
        inside, secret, open_to_all = False, set(), set()
        for line in map(str.strip, lesson.source.read_text(encoding="utf-8").splitlines()):
            if line.startswith(("### BEGIN", "### END")):
                inside = "BEGIN" in line
            else:
                (secret if inside else open_to_all).add(line)
        secret = {line for line in secret - open_to_all if len(line) > 15}
        assert len(secret) > 10
        assert [line for line in secret if line in handed_out] == []


def test_packing_twice_gives_the_same_bytes(tmp_path):
    pack(tmp_path / "a.zip")
    pack(tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_the_bundle_can_be_installed_without_the_autograder(bundle):
    ours = tomli.loads((ROOT / "pyproject.toml").read_text())
    theirs = tomli.loads(bundle["pyproject.toml"].decode())
    assert theirs["project"]["dependencies"] == ours["project"]["dependencies"]
    assert "scripts" not in theirs["project"]
    assert set(theirs["tool"]) == {"setuptools"}


def test_a_leak_stops_packing(tmp_path, monkeypatch):
    monkeypatch.setattr("autograder.authoring.pack.FORBIDDEN", ("import matplotlib",))
    with pytest.raises(CourseError, match="which students must not get"):
        pack(tmp_path / "bundle.zip")
    assert list(tmp_path.iterdir()) == []
