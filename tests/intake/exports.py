"""Exports in the systems' own shapes, ten and more students each, for the tests and for the table: `python -m tests.intake.exports`.

Among them, where the system lets it be: two students of one name, accents, Chinese characters, a resubmission or copy, wrong file
names, a zip instead of a notebook.
The shapes are those of the systems' own code or of tools that read them; what `expected` says is what a person would say.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import Gradebook, lessons
from autograder.intake.collect import collect

LESSON = lessons()[0]
NAME = LESSON.name
PEOPLE = ["Maria Silva", "Maria Silva", "Émilie du Châtelet", "王小明", "Zoë O’Neill", "Bao Nguyen", "Ana López", "José", "Li Na", "Ø"]  # fmt: skip
CANVAS = [
    "silvamaria",
    "silvamaria",
    "duchâteletémilie",
    "王小明",
    "oneillzoë",
    "nguyenbao",
    "lópezana",
    "josé",
    "nali",
    "ø",
]
ASCII = [
    "Silva_Maria",
    "Silva_Maria",
    "du Chatelet_Emilie",
    "_",
    "O'Neill_Zoe",
    "Nguyen_Bao",
    "Lopez_Ana",
    "_Jose",
    "Na_Li",
    "_O",
]
LAST = ["Silva, Maria", "Silva, Maria", "du Châtelet, Émilie", "王, 小明", "O’Neill, Zoë", "Nguyen, Bao", "López, Ana", "José,", "Na, Li", "Ø,"]  # fmt: skip
DAY = "Jan {}, 2026 {} PM"

Files = dict[str, bytes | str]


@dataclass
class Case:
    """An export: its files, and the ids that its work is stored under, each with the work that counts."""

    files: Files
    expected: dict[str, str]
    system: str
    late: list[str] = field(default_factory=list)
    times: dict[str, str] = field(default_factory=dict)
    lists: Files = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        """The export as a zip."""
        return zipped(path, self.files | self.lists)


def zipped(path: Path | io.BytesIO, files: Files) -> Path:
    """A zip with these files, all of one time."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, date_time=(2026, 1, 15, 12, 0, 0)), content)
    return path  # type: ignore[return-value]


def packed(files: Files) -> bytes:
    """A zip's bytes: what a student hands in instead of a notebook."""
    content = io.BytesIO()
    zipped(content, files)
    return content.getvalue()


def _named(wrong: int, ending: str = ".ipynb") -> str:
    """A file's name as students choose it: some wrong."""
    return {5: "Copy of " + NAME + ending, 6: NAME + "-1" + ending, 7: "Untitled3" + ending, 8: "final version (2)" + ending}.get(wrong, NAME + ending)  # fmt: skip


def _work(n: int) -> str:
    return f"work of {n}"


def _canvas() -> Case:
    files: Files = {
        f"{n}_{'LATE_' * (i in (1, 4))}{100 + i}_{99_990 + i}_{_named(i)}": _work(i) for i, n in enumerate(CANVAS)
    }
    # In a zip of the student's own, in a folder; ids grow past five digits; typed text instead of a file.
    del files[f"josé_107_99997_{_named(7)}"]
    files["josé_107_99997_homework.zip"] = packed(
        {f"homework/{_named(7)}": _work(7), "__MACOSX/homework/._x.ipynb": "x"}
    )
    files[f"nali_108_100001_{NAME}-2.ipynb"] = "newer work of 8"
    files["pdfpaula_110_100002_scan.pdf"] = "%PDF"
    expected = {f"{n}_{100 + i}": _work(i) for i, n in enumerate(CANVAS)} | {"nali_108": "newer work of 8"}
    return Case(files, expected, "Canvas", late=["silvamaria_101", "oneillzoë_104"])


def _canvas_anonymous() -> Case:
    files: Files = {f"{'LATE_' * (i == 3)}anon_ab{i:02}C_{500 + i}_{_named(i)}": _work(i) for i in range(10)}
    return Case(files, {f"anon_ab{i:02}C": _work(i) for i in range(10)}, "Canvas", late=["anon_ab03C"])


def _moodle(flat: bool, underscore: str = "") -> Case:
    between = "_" if flat else f"{underscore}/"
    files: Files = {f"{n}_{100 + i}_assignsubmission_file{between}{_named(i)}": _work(i) for i, n in enumerate(PEOPLE)}
    files[f"Ø_109_assignsubmission_file{between}alles.zip"] = packed({f"a/b/{NAME}.ipynb": _work(9)})
    del files[f"Ø_109_assignsubmission_file{between}{NAME}.ipynb"]
    files |= {
        f"{n}_{100 + i}_assignsubmission_onlinetext{'_' if flat else '/'}onlinetext.html": ""
        for i, n in enumerate(PEOPLE)
    }
    expected = {n.replace("’", "'"): _work(i) for i, n in enumerate(PEOPLE) if i > 1}
    expected |= {"Maria Silva_100": _work(0), "Maria Silva_101": _work(1)}
    return Case(files, expected, "Moodle")


def _moodle_blind() -> Case:
    files: Files = {f"Teilnehmerin_{100 + i}_assignsubmission_file/{_named(i)}": _work(i) for i in range(10)}
    return Case(files, {f"Teilnehmerin_{100 + i}": _work(i) for i in range(10)}, "Moodle")


LONG = "A comment longer than a cell may be for Python's csv, unless it is told. " * 2_000


def _moodle_worksheet() -> Case:
    case = _moodle(flat=False)
    head = "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,Last modified (submission),Last modified (grade),Feedback comments"  # fmt: skip
    rows = [f'Participant {100 + i},{n},p{i}@uni.edu,Submitted,,100.00,Yes,"Thursday, 15 January 2026, 11:{10 + i} PM",-,{LONG * (i == 0)}' for i, n in enumerate(PEOPLE)]  # fmt: skip
    case.lists["Grades-AR-Homework 1--123.csv"] = "\n".join([head, *rows])
    case.times = {"Maria Silva_101": "2026-01-15T23:11:00+00:00"}
    return case


def _blackboard() -> Case:
    logins = ["msilva", "msilva2", "emilie", "xiaoming", "zoe_oneill", "bao_nguyen", "ana", "jose", "na", "o"]
    files: Files = {}
    lists: Files = {}
    for i, login in enumerate(logins):
        attempts = [15, 16] if i == 3 else [15]
        for day in attempts:
            head = f"Homework 1_{login}_attempt_2026-01-{day}-21-32-{i:02}"
            given = _named(i)
            stored = given.replace(" ", "_").replace("(", "").replace(")", "")
            files[f"{head}_{stored}"] = _work(i) if day == attempts[-1] else "an earlier attempt"
            lists[f"{head}.txt"] = (
                f"Name: {PEOPLE[i]} ({login})\nAssignment: Homework 1\nDate Submitted: Thursday, January {day}, 2026 9:32:{i:02} PM EST\n"
                "Current Grade: Needs Grading\n\nSubmission Field:\nThere is no student submission text data for this assignment.\n\n"
                "Comments:\nThere are no student comments for this assignment.\n\n"
                f"Files:\n\tOriginal filename: {given}\n\tFilename: {head}_{stored}\n"
            )
    expected = {login: _work(i) for i, login in enumerate(logins)}
    return Case(files, expected, "Blackboard", times={"xiaoming": "2026-01-16T21:32:03+00:00"}, lists=lists)


def _brightspace(flat: bool) -> Case:
    files: Files = {}
    for i, n in enumerate(PEOPLE):
        between = " - " if flat else "/"
        files[f"{100 + i}-77 - {n} - {DAY.format(15, 932 + i)}{between}{_named(i)}"] = _work(i)
    files[f"102-77 - {PEOPLE[2]} - {DAY.format(14, 1159)}{between}{NAME}.ipynb"] = "an earlier attempt"
    files[f"110-77 - Anne - Marie O'Brien - Jan 15, 2026 9:56 AM{between}{NAME}.ipynb"] = _work(10)
    expected = {
        f"{n.replace('’', chr(39))}_{100 + i}": _work(i) for i, n in enumerate([*PEOPLE, "Anne - Marie O'Brien"])
    }
    times = {"Maria Silva_100": "2026-01-15T21:32:00+00:00", "Anne - Marie O'Brien_110": "2026-01-15T09:56:00+00:00"}
    return Case(files, expected, "Brightspace", times=times, lists={"index.html": "<table></table>"})


def _gradescope() -> Case:
    files: Files = {f"assignment_9_export/submission_{100 + i}/{_named(i)}": _work(i) for i in range(10)}
    files["assignment_9_export/submission_109/all.zip"] = packed(
        {"all/inner.zip": packed({f"x/{NAME}.ipynb": _work(9)})}
    )
    del files[f"assignment_9_export/submission_109/{NAME}.ipynb"]
    listed = "".join(
        f"submission_{100 + i}:\n  :submitters:\n  - :name: {n}\n    :sid: '{7000 + i}'\n    :email: p{i}@uni.edu\n"
        f"  :created_at: 2026-01-15 15:0{i}:03.123456000 -08:00\n  :score: 0.0\n  :status: processed\n  :history: []\n"
        for i, n in enumerate(PEOPLE)
    )
    expected = {f"{n.replace('’', chr(39))}_p{i}@uni.edu": _work(i) for i, n in enumerate(PEOPLE)}
    times = {"王小明_p3@uni.edu": "2026-01-15T23:03:03+00:00"}
    return Case(
        files, expected, "Gradescope", times=times, lists={"assignment_9_export/submission_metadata.yml": listed}
    )


def _sakai(flat: bool) -> Case:
    files: Files = {}
    lists: Files = {}
    for i, n in enumerate(LAST):
        folder = f"Homework 1/{n}(eid{i})"
        files[f"{folder}_Submission attachment(s)_{_named(i)}" if flat else f"{folder}/Submission attachment(s)/{_named(i)}"] = _work(i)  # fmt: skip
        if not flat:
            lists |= {f"{folder}/timestamp.txt": f"2026-01-15T12:0{i}:59.120Z", f"{folder}/comments.txt": ""}
            lists[f"{folder}/Feedback Attachment(s)/{NAME}.ipynb"] = "a grader's"
    rows = [
        f'"eid{i}","eid{i}","{n}","","","2026-01-15","{"Late submission" if i == 2 else "On time"}"'
        for i, n in enumerate(PEOPLE)
    ]
    lists["Homework 1/grades.csv"] = "\n".join(['"Homework 1","Points"', "", '"Display ID","ID","Last Name","First Name","grade","Submission date","Late submission"', *rows])  # fmt: skip
    times = {} if flat else {"eid4": "2026-01-15T12:04:59+00:00"}
    return Case(files, {f"eid{i}": _work(i) for i in range(10)}, "Sakai", late=["eid2"], times=times, lists=lists)


def _classroom(copies: bool) -> Case:
    # Of two people of one name, Drive's files do not tell: the second is left out of this table, and has a test of its own.
    called = (lambda n: f"Copy of {NAME} - {n}") if copies else (lambda n: f"{n} - {NAME}")
    people = [*PEOPLE[1:], "Grace Hopper"]
    files: Files = {f"Homework 1/{called(n)}.ipynb": _work(i) for i, n in enumerate(people)}
    return Case(files, {n.replace("’", "'"): _work(i) for i, n in enumerate(people)}, "Google Classroom")


def _teams() -> Case:
    people = ["Maria Silva", "Maria Silva (Physics)", *PEOPLE[2:]]
    files: Files = {
        f"Student Work/Submitted files/{n}/Homework 1/Version 1/{_named(i)}": _work(i) for i, n in enumerate(people)
    }
    files[f"Student Work/Submitted files/王小明/Homework 1/Version 10/{NAME}.ipynb"] = "version 10"
    files[f"Student Work/Submitted files/王小明/Homework 1/Version 9/{NAME}.ipynb"] = "version 9"
    files |= {f"Student Work/Working files/{n}/Homework 1/{NAME}.ipynb": "a draft" for n in people}
    expected = {n.replace("’", "'").replace("(", "_").replace(")", "_"): _work(i) for i, n in enumerate(people)}
    return Case(files, expected | {"王小明": "version 10"}, "Teams")


def _ilias() -> Case:
    logins = ["msilva", "msilva2", "emilie", "xiaoming", "zoe.oneill", "bao", "ana", "jose", "na", "o"]
    late = "Verspaetete Abgabe - "
    files: Files = {
        f"Homework_1/Abgaben/{n}_{logins[i]}_{6000 + i}/{late * (i == 4)}{_named(i)}": _work(i)
        for i, n in enumerate(ASCII)
    }
    return Case(files, {login: _work(i) for i, login in enumerate(logins)}, "ILIAS", late=["zoe.oneill"])


def _github() -> Case:
    users = ["maria-silva", "msilva2", "emilie", "xiaoming", "zoe-o-neill", "bao", "ana", "jose", "na", "oslash"]
    files: Files = {f"ar-hw-submissions/ar-hw-{u}/notebooks/{NAME}/{NAME}.ipynb": _work(i) for i, u in enumerate(users)}
    # Every repository holds the whole course, of which one lesson was touched.
    for other in lessons()[1:3]:
        files |= {
            f"ar-hw-submissions/ar-hw-{u}/notebooks/{other.name}/{other.name}.ipynb": other.release.read_bytes()
            for u in users
        }
    roster = "\n".join(['"identifier","github_username","github_id","name"', *(f'"p{i}@uni.edu","{u}","{i}","{PEOPLE[i]}"' for i, u in enumerate(users))])  # fmt: skip
    grades = "\n".join([
        "assignment_name,assignment_url,starter_code_url,github_username,roster_identifier,student_repository_name,student_repository_url,submission_timestamp,points_awarded,points_available",
        *(f"AR,u,s,{u},p{i}@uni.edu,ar-hw-{u},u,2026-01-15T22:0{i}:00Z,0,0" for i, u in enumerate(users)),
    ])  # fmt: skip
    lists: Files = {"ar-hw-submissions/classroom_roster.csv": roster, "ar-hw-submissions/grades.csv": grades}
    times = {"zoe-o-neill": "2026-01-15T22:04:00+00:00"}
    return Case(files, {u: _work(i) for i, u in enumerate(users)}, "GitHub Classroom", times=times, lists=lists)


def _inbound() -> Case:
    users = ["msilva", "msilva2", "émilie", "王小明", "zoe.oneill", "bao+test", "ana", "jose", "na", "o"]
    files: Files = {}
    for i, u in enumerate(users):
        folder = f"inbound/{u}+{NAME}+2026-01-15 12:0{i}:23.948203 UTC+aGVsbG8tXzEy"
        files |= {f"{folder}/{NAME}.ipynb": _work(i), f"{folder}/timestamp.txt": f"2026-01-15 12:0{i}:23.948203 UTC"}
    folder = f"inbound/na+{NAME}+2026-01-14 12:00:00.000000 UTC+b"
    files |= {f"{folder}/{NAME}.ipynb": "an earlier one", f"{folder}/timestamp.txt": "2026-01-14 12:00:00.000000 UTC"}
    return Case(
        files, {u: _work(i) for i, u in enumerate(users)}, "nbgrader", times={"ana": "2026-01-15T12:06:23+00:00"}
    )


def _collected() -> Case:
    users = ["msilva", "msilva2", "émilie", "王小明", "zoe.oneill", "bao", "ana", "jose", "na", "o"]
    files: Files = {f"submitted/{u}/{NAME}/{NAME}.ipynb": _work(i) for i, u in enumerate(users)}
    files |= {f"submitted/{u}/{NAME}/timestamp.txt": f"2026-01-15 12:0{i}:00.5 UTC" for i, u in enumerate(users)}
    return Case(
        files, {u: _work(i) for i, u in enumerate(users)}, "nbgrader", times={"na": "2026-01-15T12:08:00+00:00"}
    )


def _plain(flat: bool) -> Case:
    people = ["Maria Silva", "Maria Silva 2", *PEOPLE[2:]]
    ids = [n.replace("’", "'") for n in people]
    if flat:
        files: Files = {f"export/{NAME}_{n}.ipynb": _work(i) for i, n in enumerate(people)}
        files[f"export/{people[4]} - {NAME}-1.ipynb"] = files.pop(f"export/{NAME}_{people[4]}.ipynb")
    else:
        files = {f"export/{n}/{_named(i)}": _work(i) for i, n in enumerate(people)}
        files[f"export/José/{_named(7)}.txt"] = '{"cells": [], "nbformat": 4, "by": "a browser"}'
        del files[f"export/José/{_named(7)}"]
        files["export/Ø.zip"] = packed({f"Ø/{NAME}.ipynb": _work(9)})
        del files[f"export/Ø/{NAME}.ipynb"]
    expected = dict(zip(ids, map(_work, range(10)), strict=True))
    if not flat:
        expected["José"] = '{"cells": [], "nbformat": 4, "by": "a browser"}'
    return Case(files, expected, "plain files", times={"Ana López": "2026-01-15T12:00:00+00:00"})


def _rezipped(inner: Case) -> Case:
    content = packed(inner.files | inner.lists)
    return Case({"Downloads/export (1).zip": content}, inner.expected, inner.system, inner.late, inner.times)


CASES = {
    "Canvas": _canvas(),
    "Canvas, anonymous": _canvas_anonymous(),
    "Moodle, folders": _moodle(flat=False),
    "Moodle before 3.11, folders": _moodle(flat=False, underscore="_"),
    "Moodle, flat": _moodle(flat=True),
    "Moodle, blind": _moodle_blind(),
    "Moodle, with worksheet": _moodle_worksheet(),
    "Blackboard": _blackboard(),
    "Brightspace, folders": _brightspace(flat=False),
    "Brightspace, flat": _brightspace(flat=True),
    "Gradescope": _gradescope(),
    "Sakai, folders": _sakai(flat=False),
    "Sakai, flat": _sakai(flat=True),
    "Google Classroom": _classroom(copies=False),
    "Google Classroom, copies": _classroom(copies=True),
    "Teams": _teams(),
    "ILIAS": _ilias(),
    "GitHub Classroom": _github(),
    "nbgrader, inbound": _inbound(),
    "nbgrader, collected": _collected(),
    "plain folders": _plain(flat=False),
    "plain files": _plain(flat=True),
    "Canvas, zipped again": _rezipped(_canvas()),
    "Moodle, zipped again": _rezipped(_moodle(flat=False)),
    "Gradescope, zipped again": _rezipped(_gradescope()),
}


def main() -> None:
    """Print the table: what goes in, what comes out."""
    print(
        f"{'format':30}{'files':>6}{'students in':>13}{'out':>5}{'right work':>12}{'older':>7}{'aside':>7}{'late':>6}{'times':>7}"
    )
    for title, case in CASES.items():
        with tempfile.TemporaryDirectory() as scratch:
            book = Gradebook(Path(scratch) / "gradebook")
            book.config.Course.timezone = "UTC"
            outcome = collect(case.write(Path(scratch) / "export.zip"), book, LESSON)
            stored = {p.parts[-3]: p.read_text() for p in book.submitted.glob(f"*/{NAME}/{NAME}.ipynb")}
            right = sum(stored.get(student) == work for student, work in case.expected.items())
            times = len(list(book.submitted.glob("*/*/timestamp.txt")))
            assert outcome.system == case.system, (title, outcome)
            print(f"{title:30}{len(case.files) + len(case.lists):6}{len(case.expected):13}{len(stored):5}{right:12}{len(outcome.older):7}{len(outcome.aside):7}{len(outcome.late):6}{times:7}")  # fmt: skip
            for name, why in outcome.left_out:
                print(f"    left out: {name}: {why}")


if __name__ == "__main__":
    main()
