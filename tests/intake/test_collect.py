"""Taking submissions in from what learning-management systems export."""

import contextlib
import os
import stat
import zipfile

import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course import CourseError, lessons
from autograder.intake.collect import collect
from autograder.intake.handed import Refused
from autograder.intake.ids import student_id

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
        (f"hoppergrace_10_20_{NAME}-1.ipynb", "hoppergrace_10"),
        (f"hoppergrace_LATE_10_20_{NAME}.ipynb", "hoppergrace_10"),
        (f"Grace Hopper - {NAME}.ipynb", "Grace Hopper"),
        (f"{NAME}_Grace Hopper.ipynb", "Grace Hopper"),
        (f"export/2026/Grace Hopper/{NAME}.ipynb", "Grace Hopper"),
    ],
)
def test_shapes_of_exports(tmp_path, book, path, student):
    other = (
        path.replace("Grace Hopper", "Somebody Else")
        .replace("4711", "4712")
        .replace("LATE_10", "LATE_11")
        .replace("hoppergrace_", "else_")
        .replace("_10_", "_11_")
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
        ("Ben/Untitled.ipynb", "neither its name nor its exercises say which lesson it is; give --lesson")
    ]
    assert collect(tmp_path / "e.zip", book, LESSON).submissions == [("Ana", NAME, "unchanged"), ("Ben", NAME, "new")]


def test_an_older_export_does_not_replace_what_came_later(tmp_path, book):
    def export(name, content, year):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(zipfile.ZipInfo(f"Ana/{NAME}.ipynb", date_time=(year, 1, 15, 12, 0, 0)), content)
        return tmp_path / name

    collect(export("new.zip", "new", 2026), book)
    outcome = collect(export("old.zip", "old", 2025), book)
    ((path, why),) = outcome.left_out
    assert path == f"Ana/{NAME}.ipynb"
    assert "2025-01-15 12:00, older than what is there (2026-01-15 12:00)" in why
    target = book.submitted / "Ana" / NAME / f"{NAME}.ipynb"
    assert target.read_text() == "new"
    # An archive that knows no times says 1980, which says nothing.
    assert collect(export("timeless.zip", "timeless", 1980), book).submissions == [("Ana", NAME, "replaced")]
    assert target.read_text() == "timeless"


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


# --- Exports in the systems' own shapes: ten students, two of one name, accents, Chinese, a resubmission -------------

PEOPLE = ["Maria Silva", "Maria Silva", "Émilie du Châtelet", "王小明", "Zoë O’Neill", "Bao Nguyen", "Ana López", "José", "Li Na", "Ø"]  # fmt: skip
LAST_FIRST = ["silvamaria", "silvamaria", "duchateletemilie", "王小明", "oneillzoe", "nguyenbao", "lopezana", "jose", "nali", "o"]  # fmt: skip
BRIGHT = "Jan {}, 2026 {} PM"

EXPORTS = {
    "canvas": [f"{n}_{'LATE_' * (i % 2)}{100 + i}_{500 + i}_{NAME}{'-1' * (i == 4)}.ipynb" for i, n in enumerate(LAST_FIRST)],
    "canvas, anonymous": [f"anon_ab{i:02}C_{500 + i}_{NAME}.ipynb" for i in range(10)],
    "moodle": [f"{n}_{100 + i}_assignsubmission_file_/{NAME}.ipynb" for i, n in enumerate(PEOPLE)],
    "moodle, flat": [f"{n}_{100 + i}_assignsubmission_file_{NAME}.ipynb" for i, n in enumerate(PEOPLE)],
    "moodle, blind": [f"Participant_{100 + i}_assignsubmission_file_/{NAME}.ipynb" for i in range(10)],
    "blackboard": [f"Homework 1_login{i}_attempt_2026-01-15-12-00-{i:02}_{NAME}.ipynb" for i in range(10)],
    "brightspace": [f"{100 + i}-77 - {n} - {BRIGHT.format(15, 1159)}/{NAME}.ipynb" for i, n in enumerate(PEOPLE)],
    "brightspace, flat": [f"{100 + i}-77 - {n} - {BRIGHT.format(15, 932)} - {NAME}.ipynb" for i, n in enumerate(PEOPLE)],
    "gradescope": [f"assignment_9_export/submission_{100 + i}/{NAME}.ipynb" for i in range(10)],
    "sakai": [f"Homework 1/{n.split()[-1]}, {n.split()[0]}(login{i})/Submission attachment(s)/{NAME}.ipynb" for i, n in enumerate(PEOPLE)],
    "classroom": [f"Homework 1/{n} - {NAME}.ipynb" for n in PEOPLE[1:]],
    "classroom, copies": [f"Homework 1/Copy of {NAME} - {n}.ipynb" for n in PEOPLE[1:]],
    "folders": [f"export/{n}/{NAME}.ipynb" for n in PEOPLE[1:]],
}  # fmt: skip
RECEIPTS = {
    "blackboard": ["Homework 1_login3_attempt_2026-01-15-12-00-03.txt"],
    "brightspace": ["index.html"],
    "gradescope": ["assignment_9_export/submission_100/notes.txt"],
    "sakai": ["Homework 1/grades.csv", "Homework 1/Silva, Maria(login0)/timestamp.txt"],
}


@pytest.mark.parametrize("system", EXPORTS)
def test_students_in_students_out(tmp_path, book, system):
    files = {path: f"work {i}" for i, path in enumerate(EXPORTS[system])}
    files |= dict.fromkeys(RECEIPTS.get(system, []), "x")
    outcome = collect(zipped(tmp_path / "e.zip", files), book, LESSON)
    assert outcome.left_out == outcome.older == []
    assert [action for *_, action in outcome.submissions] == ["new"] * len(EXPORTS[system])
    kept = {p.read_text() for p in book.submitted.glob(f"*/{NAME}/{NAME}.ipynb")}
    assert kept == {f"work {i}" for i in range(len(EXPORTS[system]))}
    again = collect(tmp_path / "e.zip", book, LESSON)
    assert [action for *_, action in again.submissions] == ["unchanged"] * len(EXPORTS[system])


def test_two_of_one_name_stay_two_in_whatever_order_they_come(tmp_path, book):
    one, two = (f"Maria Silva_{n}_assignsubmission_file_/{NAME}.ipynb" for n in (12, 14))
    for path, work in [(one, "one"), (two, "two"), (one, "one, later"), (two, "two, later")]:
        assert collect(zipped(tmp_path / "e.zip", {path: work}), book).left_out == []
    assert taken(book) == ["Maria Silva", "Maria Silva_14"]
    assert (book.submitted / "Maria Silva" / NAME / f"{NAME}.ipynb").read_text() == "one, later"
    other = lessons()[1].name
    third = {f"Maria Silva_99_assignsubmission_file_/{other}.ipynb": "which of them?"}
    assert collect(zipped(tmp_path / "e.zip", third), book).submissions == [("Maria Silva_99", other, "new")]


def test_a_name_that_the_roster_has_twice_is_never_an_id(tmp_path, book):
    book.folder.mkdir(parents=True)
    (book.folder / "roster.csv").write_text("id\nMaria Silva\nMaria Silva\nBao Nguyen\n")
    files = {f"{n}_{i}_assignsubmission_file_/{NAME}.ipynb": "x" for i, n in enumerate(["Maria Silva", "Bao Nguyen"])}
    collect(zipped(tmp_path / "e.zip", files), book)
    assert taken(book) == ["Bao Nguyen", "Maria Silva_0"]


def test_the_systems_own_part_of_the_path_counts(tmp_path, book):
    files = {
        f"Ada Lovelace_1_assignsubmission_file_/{NAME}.ipynb": "Ada's",
        f"Mallory_666_assignsubmission_file_/Ada Lovelace/{NAME}.ipynb": "Mallory's",
        f"Trudy_667_assignsubmission_file_/Ada Lovelace_1_assignsubmission_file_/{NAME}.ipynb": "Trudy's",
    }
    assert collect(zipped(tmp_path / "e.zip", files), book).left_out == []
    assert taken(book) == ["Ada Lovelace", "Mallory", "Trudy"]
    assert (book.submitted / "Ada Lovelace" / NAME / f"{NAME}.ipynb").read_text() == "Ada's"


@pytest.mark.parametrize(
    ("older", "newer", "student"),
    [
        (f"adal_1_99999_{NAME}.ipynb", f"adal_1_100000_{NAME}-1.ipynb", "adal_1"),
        (f"Hw_adal_attempt_2026-01-15-12-00-00_{NAME}.ipynb", f"Hw_adal_attempt_2026-01-16-09-00-00_{NAME}.ipynb", "adal"),
        (f"1-2 - Ada L - {BRIGHT.format(15, 932)}/{NAME}.ipynb", f"1-2 - Ada L - {BRIGHT.format(15, 1100)}/{NAME}.ipynb", "Ada L_1"),
    ],
)  # fmt: skip
def test_a_later_attempt_replaces_the_earlier(tmp_path, book, older, newer, student):
    outcome = collect(zipped(tmp_path / "e.zip", {newer: "newer", older: "older"}), book)
    assert outcome.submissions == [(student, NAME, "new")]
    assert [name for name, _ in outcome.older] == [older]
    assert (book.submitted / student / NAME / f"{NAME}.ipynb").read_text() == "newer"


def test_gradescope_says_who_submitted(tmp_path, book):
    listed = "submission_{}:\n  :submitters:\n  - :name: {}\n    :sid: '{}'\n    :email: {}\n  :created_at: !ruby/object:Time x\n"
    files = {f"e/submission_{n}/{NAME}.ipynb": str(n) for n in (7, 8, 9)}
    files["e/submission_metadata.yml"] = "".join(
        listed.format(n, who, n, mail) for n, who, mail in [(7, "Ada", "ada@x"), (8, "Bo", "bo@x"), (9, "Ada", "ada@x")]
    )
    assert len(collect(zipped(tmp_path / "e.zip", files), book).older) == 1
    assert taken(book) == ["Ada_ada@x", "Bo_bo@x"]
    assert (book.submitted / "Ada_ada@x" / NAME / f"{NAME}.ipynb").read_text() == "9"


def test_the_exercises_count_more_than_the_lesson_given(tmp_path, book):
    other = lessons()[1]
    files = {f"Ana/{other.name}.ipynb": other.release.read_bytes(), f"Ben/{NAME}.ipynb": "{}"}
    outcome = collect(zipped(tmp_path / "e.zip", files), book, LESSON)
    assert outcome.submissions == [("Ana", other.name, "new"), ("Ben", NAME, "new")]


def test_long_names_are_cut_and_stay_two(tmp_path, book):
    files = {f"{'王' * 100}{end}/{NAME}.ipynb": end for end in "一二"}
    assert len(collect(zipped(tmp_path / "e.zip", files), book).submissions) == 2
    assert len(taken(book)) == 2


def test_a_damaged_archive_ends_in_a_sentence(tmp_path, book):
    whole = zipped(tmp_path / "e.zip", {f"{n}/{NAME}.ipynb": "x" * 5000 for n in ("Ana", "Ben")}).read_bytes()
    for cut in range(40, len(whole), 97):
        (tmp_path / "cut.zip").write_bytes(whole[:cut])
        with pytest.raises(CourseError, match="damaged"):
            collect(tmp_path / "cut.zip", book)
    for place in range(0, len(whole), 53):
        (tmp_path / "bad.zip").write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        with contextlib.suppress(CourseError):
            collect(tmp_path / "bad.zip", book)
    assert {p.read_text() for p in book.submitted.glob("*/*/*.ipynb")} <= {"x" * 5000}


def test_what_is_left_out_is_loud_and_cannot_steer_the_terminal(tmp_path, book):
    zipped(tmp_path / "e.zip", {f"Ana/{NAME}.ipynb": "{}", "Ben/\x1b[2Jwhat.ipynb": "{}", "__MACOSX/._x.ipynb": "x"})
    said = CliRunner().invoke(app, ["collect", str(tmp_path / "e.zip"), "--gradebook", str(book.folder)])
    assert said.exit_code == 1
    assert "left out: Ben/what.ipynb" in said.output
    assert "1 files were left out" in said.output
    assert "\x1b" not in said.output
