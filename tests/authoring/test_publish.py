"""The students' repository: what the bundle holds and nothing of the course's own, commit upon commit."""

import os
import shutil
import subprocess

import pytest

from autograder.authoring import publish as module
from autograder.authoring.pack import bundle, checked_bundle
from autograder.authoring.publish import publish
from autograder.course import ROOT, CourseError, lessons
from lib import sealed

asked: list = []  # the lessons of each bundle that a test made

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder, *words):
    return subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture(autouse=True)
def author(monkeypatch):
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "An Instructor")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "instructor@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)


@pytest.fixture
def small(monkeypatch):
    """Bundles of a few files: what they really hold is tested where they are made."""
    bundles = []
    asked.clear()
    monkeypatch.setattr(module, "checked_bundle", lambda chosen: asked.append(chosen) or bundles.pop(0))
    return bundles


def test_what_students_get_is_the_chosen_lessons():
    first, second, *_, exam = lessons()
    files = checked_bundle([first, second])
    notebooks = {name for name in files if name.endswith(".ipynb")}
    assert notebooks == {f"notebooks/{lesson.name}/{lesson.name}.ipynb" for lesson in (first, second)}
    assert exam.name not in files["notebooks/README.md"].decode()
    assert "lib.exam" not in sealed.unseal(files["lib/sealed.bin"])
    assert "lib.exam" in sealed.unseal(bundle([exam])["lib/sealed.bin"])
    assert {"README.md", "environment.yml", "lib/__init__.py", "data/README.md"} <= set(files)


def test_the_first_commit_makes_the_repository(tmp_path, small):
    folder = tmp_path / "students"
    small += [{"README.md": b"Read me", "notebooks/01/01.ipynb": b"{}"}] * 2
    commit = publish(folder, message="Week 1")
    assert git(folder, "log", "--format=%h %s").strip() == f"{commit} Week 1"
    files = git(folder, "ls-files").split()
    assert [name for name in files if not name.startswith(".")] == ["README.md", "notebooks/01/01.ipynb"]
    for name in files:
        if name.startswith(".") and name != ".gitignore":  # what git, Binder and Codespaces look for
            assert (folder / name).read_bytes() == (ROOT / name).read_bytes()
            assert (folder / name).stat().st_mode & 0o100 == (ROOT / name).stat().st_mode & 0o100
    assert publish(folder) == ""  # nothing changed


def test_a_later_commit_replaces_what_the_course_brought_and_leaves_the_rest(tmp_path, small):
    folder = tmp_path / "students"
    small += [
        {"README.md": b"old", "lib/gone.py": b"", "lib/kept.py": b"1"},
        {"README.md": b"new", "lib/kept.py": b"2"},
    ]
    publish(folder, message="First")
    (folder / "syllabus.md").write_text("Ours")
    git(folder, "add", "syllabus.md")
    git(folder, "commit", "--quiet", "--message", "Syllabus")
    publish(folder, message="Second")
    assert {"README.md", "lib/kept.py", "syllabus.md"} <= set(git(folder, "ls-files").splitlines())
    assert not (folder / "lib" / "gone.py").exists()
    assert (folder / "README.md").read_bytes() == b"new"
    assert git(folder, "status", "--porcelain") == ""
    assert git(folder, "log", "--format=%s").splitlines() == ["Second", "Syllabus", "First"]


def test_lessons_that_are_there_stay(tmp_path, small):
    folder = tmp_path / "students"
    first, _, third, *_ = lessons()
    small += [{f"notebooks/{first.name}/{first.name}.ipynb": b"{}"}, {"README.md": b""}]
    publish(folder, [first])
    publish(folder, [third])
    assert asked == [[first], [first, third]]
    assert git(folder, "log", "-1", "--format=%s").strip() == "Lessons 01, 03"


def test_a_folder_without_its_notebook_is_no_lesson_that_is_there(tmp_path, small):
    folder = tmp_path / "students"
    first, *_, exam = lessons()
    small += [{"README.md": b"1"}, {"README.md": b"2"}]
    publish(folder, [first])
    (folder / "notebooks" / exam.name / ".ipynb_checkpoints").mkdir(parents=True)
    publish(folder, [first])
    assert asked == [[first], [first]]


def test_where_the_repository_has_an_address_its_readme_begins_with_buttons(tmp_path, small, monkeypatch):
    monkeypatch.setattr(module.index, "repository", lambda: "https://github.com/someone/students")
    small.append({"README.md": b"# The course\n\nRead me."})
    publish(tmp_path / "students")
    title, *buttons, text = (tmp_path / "students" / "README.md").read_text(encoding="utf-8").split("\n\n")
    assert (title, text) == ("# The course", "Read me.")
    assert "mybinder.org/v2/gh/someone/students/main" in buttons[0]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: (folder / "thesis.tex").write_text("x"), "it is a folder of something else"),
        (lambda folder: (git(folder, "init"), (folder / "solutions").mkdir()), "it holds the course's solutions"),
        (lambda folder: (git(folder, "init"), (folder / "draft.md").write_text("x")), "git status names draft.md"),
    ],
)
def test_a_folder_that_is_not_the_students_repository_stays_as_it_is(tmp_path, small, make, said):
    make(tmp_path)
    before = sorted(tmp_path.iterdir())
    small.append({"README.md": b""})
    with pytest.raises(CourseError, match=said):
        publish(tmp_path)
    assert sorted(tmp_path.iterdir()) == before


def test_the_courses_own_repository_is_refused(small):
    small.append({"README.md": b"gone"})
    with pytest.raises(CourseError, match="it holds the course's solutions"):
        publish(ROOT)
    assert (ROOT / "README.md").read_bytes() != b"gone"


def test_gits_own_words_are_told(tmp_path, small, monkeypatch):
    monkeypatch.setenv("GIT_AUTHOR_NAME", "")
    small.append({"README.md": b""})
    with pytest.raises(CourseError, match=r"git var in .*: .*name"):
        publish(tmp_path / "students")
