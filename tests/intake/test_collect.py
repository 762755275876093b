"""Taking submissions in from what learning-management systems export."""

import contextlib
import gzip
import io
import os
import stat
import tarfile
import zipfile

import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course import ROOT, CourseError, Gradebook, lessons
from autograder.intake import export as export_room
from autograder.intake.collect import collect
from autograder.intake.handed import Refused
from autograder.intake.ids import student_id
from autograder.intake.receipt import read_receipt
from autograder.intake.roster import read_roster
from autograder.intake.systems import SYSTEMS
from tests.intake.exports import CASES, packed, zipped

LESSON = lessons()[0]
NAME = LESSON.name


@pytest.fixture
def book(book):
    book.config.Course.timezone = "UTC"
    return book


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
    assert (book.submitted / "Ana" / NAME / "timestamp.txt").read_text() == "2026-01-15 12:00:00 UTC\n"


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
    hidden = name.startswith("...")  # As all whose name begins with a point.
    assert [n for n, _ in outcome.left_out] == ([] if hidden else [name])
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


# --- Exports in the systems' own shapes: exports.py has them ----------------------------------------------------------


@pytest.mark.parametrize("title", CASES)
def test_students_in_students_out(tmp_path, book, title):
    case = CASES[title]
    export = case.write(tmp_path / "e.zip")
    outcome = collect(export, book, LESSON)
    assert outcome.system == case.system
    assert outcome.left_out == []
    stored = {p.parts[-3]: p.read_text() for p in book.submitted.glob(f"*/{NAME}/{NAME}.ipynb")}
    assert stored == case.expected
    assert {student for student, _ in outcome.late} == set(case.late)
    receipts = {student: read_receipt(book.submitted / student / NAME) for student in case.expected}
    assert {(r.system, r.export) for r in receipts.values()} == {(case.system, "e.zip")}
    assert {student: receipts[student].time for student in case.times} == case.times
    for student, receipt in receipts.items():
        assert book.coursedir.get_existing_timestamp(str(book.submitted / student / NAME)) == (
            receipt.when and receipt.when.replace(tzinfo=None)
        )
    again = collect(export, book, LESSON)
    assert {action for *_, action in again.submissions} <= {"unchanged", "without a notebook"}
    assert again.left_out == [] and again.enrolled == []


@pytest.mark.parametrize("title", ["Canvas", "Moodle, folders", "Gradescope", "Teams", "plain folders"])
def test_a_folder_unpacked_from_the_export_is_the_same(tmp_path, book, title):
    case = CASES[title]
    with zipfile.ZipFile(case.write(tmp_path / "e.zip")) as archive:
        archive.extractall(tmp_path / "unpacked")
    assert collect(tmp_path / "unpacked", book, LESSON).left_out == []
    assert {p.parts[-3]: p.read_text() for p in book.submitted.glob(f"*/{NAME}/{NAME}.ipynb")} == case.expected


def test_the_documents_name_every_format():
    page = (ROOT / "docs" / "collect.md").read_text(encoding="utf-8")
    assert [system.name for system in SYSTEMS if f"| {system.name} |" not in page] == []


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
        (f"1-2 - Ada L - Jan 15, 2026 932 PM/{NAME}.ipynb", f"1-2 - Ada L - Jan 15, 2026 1100 PM/{NAME}.ipynb", "Ada L_1"),
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


def test_an_earlier_attempt_is_kept_and_never_comes_back(tmp_path, book):
    older, newer = f"adal_1_99999_{NAME}.ipynb", f"adal_1_100000_{NAME}-1.ipynb"
    collect(zipped(tmp_path / "e.zip", {newer: "newer", older: "older"}), book)
    (kept,) = (book.folder / "replaced" / "adal_1" / NAME).glob("*.ipynb")
    assert kept.read_text() == "older"
    assert read_receipt(kept.parent, f"{kept.stem}.json").file == older
    # The export of last week, collected again later: its file is of the same second, its number smaller.
    outcome = collect(zipped(tmp_path / "last_week.zip", {older: "older"}), book)
    assert "is an earlier attempt than what is there" in outcome.left_out[0][1]
    assert (book.submitted / "adal_1" / NAME / f"{NAME}.ipynb").read_text() == "newer"
    assert len(list(kept.parent.glob("*.ipynb"))) == 1


def test_of_one_attempt_the_lessons_notebook_counts(tmp_path, book):
    files = {f"adal_1_10_{NAME}.ipynb": LESSON.release.read_bytes(), "adal_1_11_scratch.ipynb": "{}"}
    outcome = collect(zipped(tmp_path / "e.zip", files), book, LESSON)
    assert outcome.older == [
        ("adal_1_11_scratch.ipynb", f"adal_1_10_{NAME}.ipynb is the lesson's, of the same student")
    ]
    assert (book.submitted / "adal_1" / NAME / f"{NAME}.ipynb").read_bytes() == LESSON.release.read_bytes()


def test_what_is_kept_beside_a_submission(tmp_path, book):
    collect(zipped(tmp_path / "hw.zip", {"Hw 1_ada_attempt_2026-01-15-12-00-00_my work.ipynb": "{}"}), book, LESSON)
    receipt = read_receipt(book.submitted / "ada" / NAME)
    assert (receipt.original, receipt.number, receipt.time_of, receipt.late) == ("my work.ipynb", "ada", "export", None)
    book.config.Course.timezone = "America/New_York"
    collect(zipped(tmp_path / "hw.zip", {"Hw 1_bo_attempt_2026-01-15-12-00-00_x.ipynb": "{}"}), book, LESSON)
    assert (book.submitted / "bo" / NAME / "timestamp.txt").read_text() == "2026-01-15 17:00:00 UTC\n"


def test_a_lesson_given_does_not_override_what_a_file_is_called_or_holds(tmp_path, book):
    other = lessons()[3]
    files = {
        f"Ana/{other.name}.ipynb": "{}",
        "Ben/Untitled.ipynb": other.release.read_bytes(),
        "Cem/Untitled.ipynb": "{}",
    }
    outcome = collect(zipped(tmp_path / "e.zip", files), book, LESSON)
    assert [(s, name) for s, name, _ in outcome.submissions] == [
        ("Ana", other.name),
        ("Ben", other.name),
        ("Cem", NAME),
    ]


def test_of_a_whole_course_folder_only_what_was_asked_for_or_touched_is_taken(tmp_path, book):
    course = {f"course/notebooks/{x.name}/{x.name}.ipynb": x.release.read_bytes() for x in lessons()[:3]}
    course[f"course/notebooks/{NAME}/{NAME}.ipynb"] = "{}"
    files = {"adal_1_10_course.zip": packed(course), f"bo_2_11_{NAME}.ipynb": "{}"}
    for lesson in (None, LESSON):
        outcome = collect(zipped(tmp_path / "e.zip", files), book, lesson)
        assert [(s, name) for s, name, _ in outcome.submissions] == [("adal_1", NAME), ("bo_2", NAME)]
        assert len(outcome.aside) == 2 and outcome.left_out == []


def test_two_files_of_one_name_in_a_file_name_may_be_two_people(tmp_path, book):
    files = {f"Maria Silva - {NAME}.ipynb": "1", f"Maria Silva - {NAME} (1).ipynb": "2", f"Bo - {NAME}.ipynb": "3"}
    outcome = collect(zipped(tmp_path / "e.zip", files), book)
    assert taken(book) == ["Bo"]
    assert len(outcome.left_out) == 2 and "perhaps of two people" in outcome.left_out[0][1]
    (book.folder / "roster.csv").write_text("id\nMaria Silva\nBo\n")
    assert collect(tmp_path / "e.zip", book).left_out == []
    assert taken(book) == ["Bo", "Maria Silva"]


def test_sections_and_assignments_are_no_students(tmp_path, book):
    files = {f"Section {s}/{n}/{NAME}.ipynb": n for s, n in [("A", "Ana"), ("A", "Ben"), ("B", "Cem"), ("B", "Dan")]}
    collect(zipped(tmp_path / "e.zip", files), book)
    assert taken(book) == ["Ana", "Ben", "Cem", "Dan"]


# --- Archives inside --------------------------------------------------------------------------------------------------


def test_archives_inside_are_opened_and_counted(tmp_path, book):
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as archive:
        info = tarfile.TarInfo(f"work/{NAME}.ipynb")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"tar"))
    deep = packed({f"x/{NAME}.ipynb": "deep"})
    for n in range(5):
        deep = packed({f"{n}.zip": deep})
    files = {
        "a_1_1_w.tar.gz": tar.getvalue(),
        "b_2_2_w.zip": packed({f"../../{NAME}.ipynb": "out", f"in/{NAME}.ipynb": "in"}),
        "c_3_3_deep.zip": deep,
        "d_4_4_w.rar": "Rar!",
        "e_5_5_w.zip": "not a zip",
        f"f_6_6_{NAME}.ipynb": "f",
    }
    outcome = collect(zipped(tmp_path / "e.zip", files), book, LESSON)
    assert taken(book) == ["a_1", "b_2", "f_6"]
    assert (book.submitted / "a_1" / NAME / f"{NAME}.ipynb").read_text() == "tar"
    said = dict(outcome.left_out)
    assert said.pop(f"b_2_2_w.zip/../../{NAME}.ipynb") == "its path leads outside the export"
    assert "unpack it" in said.pop("d_4_4_w.rar")
    assert "cannot be unpacked" in said.pop("e_5_5_w.zip")
    ((name, why),) = said.items()
    assert name.startswith("c_3_3_deep.zip") and "at most 3 are opened" in why


@pytest.mark.parametrize("depth", [0, 1])
def test_bombs_inside_archives_cost_only_themselves(tmp_path, book, monkeypatch, depth):
    monkeypatch.setattr(export_room, "MAX_INSIDE", 2**20)
    monkeypatch.setattr(export_room, "MAX_UNPACKED", 2**20)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(30):
            archive.writestr(f"{n}/{NAME}.ipynb", b" " * 2**17)
    content = bomb.getvalue()
    for n in range(depth):
        content = packed({f"{n}.zip": content})
    files = {"a_1_1_bomb.zip": content, "b_2_2_bomb.tgz": gzip.compress(b"\0" * 2**22), f"c_3_3_{NAME}.ipynb": "c"}
    outcome = collect(zipped(tmp_path / "e.zip", files), book, LESSON)
    assert "c_3" in taken(book)
    assert {path.partition("/")[0] for path, _ in outcome.left_out} == {"a_1_1_bomb.zip", "b_2_2_bomb.tgz"}
    assert any("more than 1 MB" in why for _, why in outcome.left_out)


def test_a_zip_with_too_long_a_list_of_files_is_refused(tmp_path, book, monkeypatch):
    monkeypatch.setattr(export_room, "_DIRECTORY_BYTES", 1000)
    many = packed({f"{n}.txt": "" for n in range(100)})
    outcome = collect(zipped(tmp_path / "e.zip", {"a_1_1_x.zip": many, f"b_2_2_{NAME}.ipynb": ""}), book, LESSON)
    assert outcome.left_out == [("a_1_1_x.zip", "holds more than 200000 files")]


def test_names_that_macos_writes_without_saying_that_they_are_utf_8(tmp_path, book):
    content = packed({f"XXXXXXX/{NAME}.ipynb": "{}"}).replace(b"XXXXXXX", "Zoë王".encode())
    (tmp_path / "e.zip").write_bytes(content)
    collect(tmp_path / "e.zip", book)
    assert taken(book) == ["Zoë王"]


# --- The class list ---------------------------------------------------------------------------------------------------


def test_the_first_collect_writes_the_class_list_and_later_ones_add_to_it(tmp_path, book):
    (book.submitted / "Came Before" / NAME).mkdir(parents=True)
    one, two = f"adal_1_10_{NAME}.ipynb", f"bo_2_11_{NAME}.ipynb"
    assert collect(zipped(tmp_path / "e.zip", {one: "{}"}), book).enrolled == ["Came Before", "adal_1"]
    assert collect(zipped(tmp_path / "e.zip", {one: "{}", two: "{}"}), book).enrolled == ["bo_2"]
    assert (book.folder / "roster.csv").read_text().splitlines() == [
        "id,name,email,section,lms_id", "adal_1,adal,,,1", "bo_2,bo,,,2", "Came Before,,,,",
    ]  # fmt: skip
    assert read_roster(book).as_collected
    # Once a person edited it, it is theirs.
    with (book.folder / "roster.csv").open("a") as file:
        file.write("Late Comer,,,,9\n")
    outcome = collect(zipped(tmp_path / "e.zip", {f"new_7_12_{NAME}.ipynb": "{}"}), book)
    assert (outcome.enrolled, outcome.strangers) == ([], ["new_7"])
    assert not read_roster(book).as_collected


def test_the_roster_gives_ids_by_number_mail_and_name(tmp_path, book):
    book.folder.mkdir(parents=True)
    rows = [
        "id,name,E-mail,section,LMS id",
        "u1,Ada Lovelace,,,77",
        'u2,"Silva, Maria",m1@x.edu,A,',
        "u3,Maria Silva,m2@x.edu,B,",
        "u4,王小明,,,",
    ]
    (book.folder / "roster.csv").write_text("\n".join(rows), encoding="utf-8")
    # By Canvas's number, though she is called otherwise there; by name where it is one person's; not by one of two.
    canvas = {f"byronada_77_1_{NAME}.ipynb": "1", f"王小明_5_2_{NAME}.ipynb": "2", f"silvamaria_6_3_{NAME}.ipynb": "3"}
    outcome = collect(zipped(tmp_path / "c.zip", canvas), book)
    assert taken(book) == ["silvamaria_6", "u1", "u4"]
    assert outcome.strangers == ["silvamaria_6"]
    listed = "submission_{0}:\n  :submitters:\n  - :name: Maria Silva\n    :email: {1}\n"
    files = {f"e/submission_{n}/{NAME}.ipynb": str(n) for n in (1, 2)}
    files["e/submission_metadata.yml"] = listed.format(1, "m1@x.edu") + listed.format(2, "m2@x.edu")
    assert [s for s, *_ in collect(zipped(tmp_path / "g.zip", files), book).submissions] == ["u2", "u3"]


def test_a_login_that_somebody_chose_is_not_believed_against_the_class_list(tmp_path, book):
    """Eve is `ghopper` on GitHub, and Grace in the roster."""
    book.folder.mkdir(parents=True)
    (book.folder / "roster.csv").write_text("id,name,email\nghopper,Grace Hopper,grace@u\neve,Eve,eve@u\n")
    files = {
        "lab-submissions/classroom_roster.csv": "identifier,github_username,github_id,name\neve@u,ghopper,1,\ngrace@u,amazing,2,\n",
        f"lab-submissions/lab-ghopper/{NAME}.ipynb": "Eve's",
        f"lab-submissions/lab-amazing/{NAME}.ipynb": "Grace's",
    }
    outcome = collect(zipped(tmp_path / "e.zip", files), book)
    assert (book.submitted / "ghopper" / NAME / f"{NAME}.ipynb").read_text() == "Grace's"
    assert taken(book) == ["ghopper"]
    assert [why for _, why in outcome.left_out] == ["ghopper, eve@u: several students of roster.csv: ghopper, eve"]


def test_a_number_means_nothing_in_another_system(tmp_path, book):
    brightspace = {f"{n}-5 - {who} - Jan 15, 2026 1159 PM/{NAME}.ipynb": who for n, who in ((101, "Ada"), (102, "Bo"))}
    collect(zipped(tmp_path / "b.zip", brightspace), book)
    other = lessons()[1]
    outcome = collect(zipped(tmp_path / "c.zip", {f"deepcy_101_9001_{other.name}.ipynb": "Cy's"}), book)
    assert outcome.submissions == [("deepcy_101", other.name, "new")]


def test_the_same_file_again_may_say_more(tmp_path, book):
    name = f"Grace Hopper_11_assignsubmission_file_/{NAME}.ipynb"
    sheet = (
        "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,Last modified (submission)\n"
        'Participant 11,Grace Hopper,g@u,Submitted for grading,,8,Yes,"Thursday, 15 January 2026, 11:59 PM"\n'
    )
    folder = book.submitted / "Grace Hopper" / NAME
    collect(zipped(tmp_path / "1.zip", {name: "{}"}), book)
    assert not (folder / "timestamp.txt").exists()
    collect(zipped(tmp_path / "2.zip", {name: "{}", "Grades.csv": sheet}), book)
    assert (folder / "timestamp.txt").read_text().startswith("2026-01-15 23:59")

    def attempt(day, content):
        file = f"Hw_adal_attempt_2026-01-{day}-12-00-00_{NAME}.ipynb"
        return collect(zipped(tmp_path / f"{day}.zip", {file: content}), book)

    for day, content in ((10, "A"), (14, "A"), (12, "B")):  # The first, the last, and one between.
        attempt(day, content)
    assert (book.submitted / "adal" / NAME / f"{NAME}.ipynb").read_text() == "A"


def test_one_students_file_costs_nobody_else(tmp_path, book, monkeypatch):
    def tar(names):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.GNU_FORMAT, errors="surrogateescape") as archive:
            for name in names:
                archive.addfile(tarfile.TarInfo(name), io.BytesIO())
        return packed.getvalue()

    monkeypatch.setattr(export_room, "MAX_FILES", 50)
    files = {f"{who}_{n}_assignsubmission_file_/{NAME}.ipynb": "{}" for n, who in enumerate(("Ada", "Zoe"), start=1)}
    files["Bo_3_assignsubmission_file_/grades.csv"] = '"' + "x" * 140_000 + '",late'
    files["Cy_4_assignsubmission_file_/work.tar.gz"] = tar(["\udcdcbung/a.ipynb"])
    files["Di_5_assignsubmission_file_/work.tar.gz"] = tar([f"{n}.bin" for n in range(60)])
    outcome = collect(zipped(tmp_path / "e.zip", files), book)
    assert taken(book) == ["Ada", "Zoe"]
    assert {path.split("_")[0].strip("'") for path, _ in outcome.left_out} >= {"Cy", "Di"}


def test_who_takes_another_name_does_not_take_their_place(tmp_path, book):
    book.folder.mkdir(parents=True)
    (book.folder / "roster.csv").write_text("id,name\nu1,Ada Lovelace\n")
    collect(zipped(tmp_path / "1.zip", {f"lovelaceada_1_1_{NAME}.ipynb": "Ada's"}), book)
    outcome = collect(zipped(tmp_path / "2.zip", {f"lovelaceada_2_2_{NAME}.ipynb": "Mallory's"}), book)
    assert (book.submitted / "u1" / NAME / f"{NAME}.ipynb").read_text() == "Ada's"
    assert outcome.submissions == [("lovelaceada_2", NAME, "new")]


def test_anonymous_exports_make_no_class_list(tmp_path, book):
    collect(zipped(tmp_path / "e.zip", {f"anon_abcd{n}_{n}_{NAME}.ipynb": "{}" for n in range(3)}), book)
    assert not (book.folder / "roster.csv").exists()


def test_a_number_of_two_names_is_told_not_believed(tmp_path, book):
    files = {f"5-7 - {n} - Jan 15, 2026 900 AM/{NAME}.ipynb": n for n in ("Ana", "Ben")}
    outcome = collect(zipped(tmp_path / "e.zip", files), book)
    assert outcome.submissions == []
    assert [why for _, why in outcome.left_out] == ["its number 5 stands for several students: Ana, Ben"] * 2


def test_folders_that_look_like_a_systems_are_not_taken_for_it(tmp_path, book):
    files = {f"{n}_cs_101/{NAME}.ipynb": n for n in ("Hopper_Grace", "Lovelace_Ada")}
    files |= {f"lab_1_2_{n}/{NAME}.ipynb": n for n in ("Ana", "Ben")}
    assert collect(zipped(tmp_path / "e.zip", files), book).system == "plain files"
    assert len(taken(book)) == 4


def test_lists_in_a_students_own_part_say_nothing(tmp_path, book):
    users = ("ada", "bo", "mallory")
    files = {f"hw-submissions/hw-{u}/{NAME}.ipynb": u for u in users}
    files["hw-submissions/hw-mallory/grades.csv"] = (
        "github_username,student_repository_name,submission_timestamp\nada,hw-mallory,2020-01-01T00:00:00Z\n"
    )
    files["hw-submissions/hw-mallory/submission_metadata.yml"] = "a: &a [1]\n"
    collect(zipped(tmp_path / "e.zip", files), book)
    assert taken(book) == ["ada", "bo", "mallory"]
    assert (book.submitted / "ada" / NAME / f"{NAME}.ipynb").read_text() == "ada"
    assert read_receipt(book.submitted / "mallory" / NAME).time is None


def test_an_archive_that_is_not_opened_matters_only_where_there_is_nothing_else(tmp_path, book):
    files = {f"ada_1_1_{NAME}.ipynb": "a", "ada_1_2_data.7z": "7z", "bo_2_3_work.7z": "7z"}
    outcome = collect(zipped(tmp_path / "e.zip", files), book, LESSON)
    assert [path for path, _ in outcome.left_out] == ["bo_2_3_work.7z"]


LEADS = {
    "Moodle": "{n}_{k}_assignsubmission_file/",
    "Brightspace": "{k}-77 - {n} - Jan 15, 2026 932 PM/",
    "Sakai": "Homework/{n}, X(login{k})/Submission attachment(s)/",
    "Teams": "Submitted files/{n} {k}/Homework/Version 1/",
    "GitHub Classroom": "hw-1-submissions/hw-1-u{k}/",
    "nbgrader": "inbound/u{k}+hw+2026-01-15 12:00:00.5 UTC+abc/",
}
LIKE_A_SYSTEMS = [
    "Ada_1_assignsubmission_file_/x.ipynb", "1-2 - Ada - Jan 15, 2026 900 AM - x.ipynb", "Doe, Jane(jdoe)_Submission attachment(s)_x.ipynb",
    "Hw_ada_attempt_2026-01-15-12-00-00_x.ipynb", "ada_1_2_x.ipynb", "Working files/x.ipynb", "submission_5/x.ipynb", "Doe_Jane_jdoe_5/x.ipynb",
    ".ipynb",
]  # fmt: skip


@pytest.mark.parametrize("system", LEADS)
def test_whatever_students_call_their_files_the_system_says_whose_they_are(tmp_path, system):
    for n, name in enumerate(LIKE_A_SYSTEMS):
        book = Gradebook(tmp_path / str(n))
        book.config.Course.timezone = "UTC"
        files = {
            LEADS[system].format(n=who, k=k) + name: f'{{"cells": [], "nbformat": {k}}}'
            for k, who in enumerate(["Ana", "Ana"])
        }
        outcome = collect(zipped(tmp_path / "e.zip", files), book, LESSON)
        assert (outcome.system, outcome.left_out, outcome.older, len(taken(book))) == (system, [], [], 2), name
