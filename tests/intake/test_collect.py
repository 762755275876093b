"""Taking submissions in from what learning-management systems export."""

import os
import stat
import zipfile

import pytest

from autograder.course import CourseError, lessons
from autograder.intake.collect import Refused, collect, student_id

LESSON = lessons()[0]
NAME = LESSON.name


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, date_time=(2026, 1, 1, 12, 0, 0)), content)
    return path


def taken(book):
    return sorted(p.parent.parent.name for p in book.submitted.glob(f"*/{NAME}/{NAME}.ipynb"))


@pytest.mark.parametrize(
    ("path", "student"),
    [
        (f"Émilie du Châtelet/{NAME}.ipynb", "Émilie du Châtelet"),
        (f"Émilie du Châtelet/{NAME}/final version.ipynb", "Émilie du Châtelet"),
        (f"{NAME}/Émilie du Châtelet/{NAME}.ipynb", "Émilie du Châtelet"),
        (f"Grace Hopper_4711_assignsubmission_file_/{NAME}.ipynb", "Grace Hopper"),
        (f"hoppergrace_10_20_{NAME}-1.ipynb", "hoppergrace"),
        (f"hoppergrace_LATE_10_20_{NAME}.ipynb", "hoppergrace"),
        (f"Grace Hopper - {NAME}.ipynb", "Grace Hopper"),
        (f"{NAME}_Grace Hopper.ipynb", "Grace Hopper"),
        (f"export/2026/Grace Hopper/{NAME}.ipynb", "Grace Hopper"),
    ],
)
def test_shapes_of_exports(tmp_path, book, path, student):
    other = (
        path.replace("Grace Hopper", "Somebody Else")
        .replace("hoppergrace", "else")
        .replace("Émilie du Châtelet", "Somebody Else")
    )
    outcome = collect(zipped(tmp_path / "e.zip", {path: "{}", other: "{}"}), book)
    assert (student, NAME, "new") in outcome.submissions
    assert len(outcome.submissions) == 2
    assert outcome.left_out == []


def test_a_folder_is_as_good_as_a_zip(tmp_path, book):
    source = tmp_path / "export" / "Ana María"
    source.mkdir(parents=True)
    (source / f"{NAME}.ipynb").write_text("{}")
    (source / "notes.txt").write_text("hi")
    assert collect(tmp_path / "export", book).submissions == [("Ana María", NAME, "new")]


def test_the_lesson_is_read_off_the_exercises(tmp_path, book):
    files = {"Ana/Untitled1.ipynb": LESSON.release.read_bytes(), "Ben/Untitled.ipynb": "{}"}
    outcome = collect(zipped(tmp_path / "e.zip", files), book)
    assert outcome.submissions == [("Ana", NAME, "new")]
    assert outcome.left_out == [
        ("Ben/Untitled.ipynb", "its name names no lesson, and it cannot be read; give --lesson")
    ]
    assert collect(tmp_path / "e.zip", book, LESSON).submissions == [("Ana", NAME, "unchanged"), ("Ben", NAME, "new")]


def test_nothing_is_lost_when_a_submission_is_replaced(tmp_path, book):
    for content in ("one", "two", "two", "three"):
        outcome = collect(zipped(tmp_path / "e.zip", {f"Ana/{NAME}.ipynb": content}), book)
    assert outcome.submissions == [("Ana", NAME, "replaced")]
    assert (book.submitted / "Ana" / NAME / f"{NAME}.ipynb").read_text() == "three"
    assert sorted(p.read_text() for p in (book.folder / "replaced").rglob("*.ipynb")) == ["one", "two"]
    assert (book.submitted / "Ana" / NAME / "timestamp.txt").read_text() == "2026-01-01 12:00:00 UTC\n"


def test_handed_in_without_a_notebook(tmp_path, book):
    outcome = collect(
        zipped(tmp_path / "e.zip", {f"Ana/{NAME}/answers.pdf": "x", f"Ben/{NAME}/{NAME}.ipynb": "{}"}), book
    )
    assert outcome.submissions == [("Ben", NAME, "new"), ("Ana", NAME, "without a notebook")]
    assert list((book.submitted / "Ana" / NAME).iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        f"../evil/{NAME}.ipynb",
        f"a/../../evil/{NAME}.ipynb",
        f"/tmp/evil/{NAME}.ipynb",
        f"..\\evil\\{NAME}.ipynb",
        f"C:/evil/{NAME}.ipynb",
        f".../{NAME}.ipynb",
    ],
)
def test_path_tricks_are_left_out(tmp_path, book, name):
    outcome = collect(zipped(tmp_path / "e.zip", {name: "{}", f"Ana/{NAME}.ipynb": "{}"}), book)
    assert taken(book) == ["Ana"]
    assert [n for n, _ in outcome.left_out] in ([name], [])
    outside = [p for p in tmp_path.rglob("*.ipynb") if book.submitted not in p.parents]
    assert outside == []


def test_links_are_not_followed(tmp_path, book):
    secret = tmp_path / "secret.ipynb"
    secret.write_text("secret")
    info = zipfile.ZipInfo(f"Ana/{NAME}.ipynb")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as archive:
        archive.writestr(info, str(secret))
    assert "link" in collect(tmp_path / "e.zip", book).left_out[0][1]
    folder = tmp_path / "export"
    (folder / "Ana").mkdir(parents=True)
    os.symlink(secret, folder / "Ana" / f"{NAME}.ipynb")
    os.symlink(tmp_path, folder / "Ben")
    outcome = collect(folder, book)
    assert outcome.submissions == []
    assert len(outcome.left_out) == 2
    assert taken(book) == []


def test_a_bomb_is_left_out(tmp_path, book):
    with zipfile.ZipFile(tmp_path / "e.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"Ana/{NAME}.ipynb", b"0" * (51 * 2**20))
    assert collect(tmp_path / "e.zip", book).left_out == [(f"Ana/{NAME}.ipynb", "is larger than 50 MB")]


def test_two_students_never_share_an_id(tmp_path, book):
    outcome = collect(zipped(tmp_path / "e.zip", {f"A*na/{NAME}.ipynb": "1", f"A?na/{NAME}.ipynb": "2"}), book)
    assert len(outcome.submissions) == 1
    assert "would share the id 'A_na'" in outcome.left_out[0][1]


def test_ids_are_safe_folder_names():
    assert student_id("  Zoë   O'Neill-Smith ") == "Zoë O'Neill-Smith"
    assert student_id("e\u0301milie") == "émilie"
    assert student_id("Robert'); DROP TABLE students;--") == "Robert'__ DROP TABLE students_--"
    assert student_id("../../etc") == "_.._etc"
    for name in ("", "..", "...", " / "):
        with pytest.raises(Refused):
            student_id(name)


def test_what_is_no_export_says_so(tmp_path, book):
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(CourseError, match="neither a folder nor a zip"):
        collect(tmp_path / "x.txt", book)
    with pytest.raises(CourseError, match="does not exist"):
        collect(tmp_path / "none.zip", book)
