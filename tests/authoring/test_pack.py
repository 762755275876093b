"""The students' bundle: complete, without the TA's side, and without what of `lib` students are not to read."""

import os
import subprocess
import sys
import zipfile

import pytest
import tomli

from autograder.authoring.pack import BUNDLE, FORBIDDEN, README, dead_links, pack
from autograder.course import ROOT, CourseError, lessons
from lib import data, sealed


@pytest.fixture(scope="module")
def bundle(packed):
    with zipfile.ZipFile(packed) as archive:
        return {n.removeprefix(f"{BUNDLE}/"): archive.read(n) for n in archive.namelist()}


def test_bundle_is_complete(bundle):
    needed = {
        "README.md",
        "environment.yml",
        "requirements.txt",
        "constraints.txt",
        "pyproject.toml",
        "LICENSE",
        "LICENSE-text",
        "lib/plots/style.py",
        "data/README.md",
    }
    needed |= {lesson.release.relative_to(ROOT).as_posix() for lesson in lessons()}
    needed |= {f"data/{name}" for name in data.FILES if name not in data.NOT_IN_LESSONS}
    assert needed <= set(bundle)


def test_what_no_lesson_reads_is_not_in_it(bundle):
    lessons_say = "".join(lesson.source.read_text(encoding="utf-8") for lesson in lessons())
    for name in data.NOT_IN_LESSONS:
        assert f"data/{name}" not in bundle
        assert f'"{name.split("/")[-1].partition(".")[0]}"' not in lessons_say


def test_its_readme_is_the_students(bundle):
    assert bundle["README.md"] == README.read_bytes().replace(b"](../../", b"](")
    for word in (b"autograder", b"solution", b"make ", b"gradebook"):
        assert word not in bundle["README.md"]


def test_no_link_leads_out_of_the_bundle(bundle):
    assert dead_links(bundle) == []
    page = (
        '[a](b.md) [c](../d.md#e) ![p](p.png) <img src="q.png"> [w](https://w.org) [here](#x) [u](../../up.md) $[a](x)$'
    )
    found = dead_links({"pages/a.md": page.encode(), "d.md": b"", "pages/b.md": b""})
    assert [link for _, link in found] == ["p.png", "q.png", "../../up.md", "x"]


def test_what_students_are_not_to_read_is_sealed(bundle):
    """Not a file of it, and not a line that stands in it alone. (What notebooks may show is the next test's.)"""
    files = {path: path.read_text(encoding="utf-8") for path in (ROOT / "lib").rglob("*.py")}
    module = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files}
    shown = {path for path in files if path.relative_to(ROOT).as_posix() in bundle}
    assert {module[path] for path in shown} == {name for name in module.values() if sealed.is_open(name)}
    assert not any(sealed.is_finished(module[path]) for path in shown)
    secret = lines("".join(text for path, text in files.items() if path not in shown))
    secret -= lines("".join(files[path] for path in shown))
    readable = lines("".join(content.decode() for name, content in bundle.items() if name.endswith((".py", ".md"))))
    assert len(secret) > 1000
    assert secret & readable == set()


def lines(text):
    """The lines of code in a text that are long enough to say something; what is imported says nothing."""
    found = {line.strip() for line in text.splitlines()}
    return {
        line
        for line in found
        if len(line) > 30 and not line.startswith(("from ", "import ", "def ", "raise ", '"', "#"))
    }


UNPACKED = """
import inspect, sys, traceback
from lib import check, sampling, weights
from lib.controls import reach
from lib.models import made
from lib.plots import convolutions
assert weights.__file__.startswith({folder!r}), weights.__file__
assert "sealed" in repr(made.__spec__.loader)
for thing in (made, made.paths, made.MADE, sampling.top_k, reach.draw_reach, convolutions):
    try:
        print(inspect.getsource(thing))
    except (OSError, TypeError):
        continue
    raise AssertionError(thing)
try:
    weights.load("bernoulli").logits(None)
except Exception:
    assert "return" not in traceback.format_exc() and "sealed" in traceback.format_exc()
sys.exit(check.main())
"""


def test_the_unpacked_bundle_works_and_does_not_show_its_answers(packed, tmp_path):
    """`lib.check` says that the machine is ready, and it loads a model; sources are neither there nor shown."""
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / BUNDLE
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", UNPACKED.format(folder=str(folder))],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "This machine is ready" in ran.stdout


def test_bundle_holds_nothing_of_the_tas_side(bundle):
    for name, content in bundle.items():
        assert name.split("/")[0] not in ("solutions", "autograder", "gradebook", "tests", "benchmarks")
        assert not name.endswith((".db", ".pyc"))
        for word in FORBIDDEN:
            assert word.encode() not in content, f"{name} holds {word}"


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


def test_packing_twice_gives_the_same_bytes(packed, tmp_path):
    pack(tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()


def test_the_bundle_can_be_installed_without_the_autograder(bundle):
    ours = tomli.loads((ROOT / "pyproject.toml").read_text())
    theirs = tomli.loads(bundle["pyproject.toml"].decode())
    assert theirs["project"]["dependencies"] == ours["project"]["dependencies"]
    assert "scripts" not in theirs["project"]
    assert set(theirs["tool"]) == {"hatch", "uv"}
    assert theirs["tool"]["uv"] == ours["tool"]["uv"]  # PyTorch without CUDA
    for place in theirs["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]:
        assert any(name.startswith(f"{place}/") for name in bundle)


def test_a_leak_stops_packing(tmp_path, monkeypatch):
    monkeypatch.setattr("autograder.authoring.pack.FORBIDDEN", ("import matplotlib",))
    with pytest.raises(CourseError, match="which students must not get"):
        pack(tmp_path / "bundle.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_dead_link_stops_packing(tmp_path, monkeypatch):
    (tmp_path / "students.md").write_text("[solved](solutions/01.ipynb)")
    monkeypatch.setattr("autograder.authoring.pack.README", tmp_path / "students.md")
    with pytest.raises(CourseError, match=r"README\.md links to solutions/01\.ipynb"):
        pack(tmp_path / "bundle.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["students.md"]
