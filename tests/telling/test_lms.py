"""Grades and feedback as each system takes them back: read here by that system's own rules, as its source or its manual has them."""

import csv
import io
import re
import zipfile

import pytest

from autograder.course import CourseError, lessons
from autograder.intake.receipt import Receipt
from autograder.telling import lms
from autograder.telling.report import Result

FIRST, SECOND = lessons()[:2]
HOSTILE = ["=1+1", "@x", "\tTab", 'Robert"; DROP', "Łucja O'Neil", "王 小明", "a;=1", "x_y_z", "<b>Bo</b>"]


@pytest.fixture
def handed(book):
    """Enters work that came from a system; gives back the result."""

    def enter(student, lesson=FIRST, score=6.5, most=8.0, lost=None, **receipt):
        folder = book.submitted / student / lesson.name
        folder.mkdir(parents=True, exist_ok=True)
        if receipt:
            Receipt(export="export.zip", **{"file": "a.ipynb"} | receipt).write(folder)
        return Result(
            student, lesson.name, {"a": (score, most)}, "graded", lost=lost or {"a": "should be <3>, found 4 & more"}
        )

    return enter


def roster(book, *lines):
    book.folder.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    csv.writer(text).writerows([["id", "name", "email", "section", "lms_id"], *lines])
    (book.folder / "roster.csv").write_text(text.getvalue(), encoding="utf-8")


def rows(path):
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


def made(book, results, system, **more):
    """The rows of the only file, and what was told."""
    handout = lms.grade_files(book, results, [FIRST, SECOND], system, **more)
    (path,) = handout.files
    return rows(path), handout.told


# --- Grades -----------------------------------------------------------------------------------------------------------


def canvas_reads(table, ids=(), sis=(), logins=()):
    """Who gets which points of which column: Canvas asks for `ID`, then the SIS number, then the login, and last the name."""
    heads = table[0]
    assert "Student" in heads[0] and "ID" in heads[1] and heads[2:5] == ["SIS User ID", "SIS Login ID", "Section"]
    assert "Points Possible" in table[1][0]
    found = {}
    for row in table[2:]:
        who = row[1] if row[1] in ids else row[2] if row[2] in sis else row[3] if row[3] in logins else None
        found[who] = dict(zip(heads[5:], row[5:], strict=True))
    return dict(zip(heads[5:], table[1][5:], strict=True)), found


def test_canvas(book, handed):
    roster(
        book,
        ["lovelaceada_10", "Ada Lovelace", "", "Tue", "10 s001"],
        ["hopper_7", "Grace Hopper"],
        ["Alan", "Alan Turing", "", "", "turing@uni"],
    )
    results = [
        handed("lovelaceada_10", system="Canvas", number="10", name="lovelaceada"),
        handed("lovelaceada_10", SECOND, 3, system="Canvas", number="10", name="lovelaceada"),
        handed("hopper_7", SECOND, 0, system="Canvas", number="7", name="hopper"),
        handed("Alan"),
        Result("absent", FIRST.name, {}, "nothing handed in"),
    ]
    table, told = made(book, results, "canvas")
    most, found = canvas_reads(table, {"10", "7"}, logins={"turing@uni"})
    assert most == {FIRST.name: "8", SECOND.name: "8"}
    assert found == {
        "10": {FIRST.name: "6.5", SECOND.name: "3"}, "7": {FIRST.name: "", SECOND.name: "0"}, "turing@uni": {FIRST.name: "6.5", SECOND.name: ""},
    }  # fmt: skip
    assert [row[0] for row in table[2:]] == ["Turing, Alan", "Hopper, Grace", "Lovelace, Ada"]
    assert told == []


def test_canvas_number_of_another_namespace_stays_out_of_its_id_column(book, handed):
    """The number on the roster is the university's; Canvas's user 10 is somebody else."""
    roster(book, ["Ada", "Ada Lovelace", "", "", "10"], ["Bao", "Bao"])
    table, told = made(book, [handed("Ada"), handed("x y", system="Canvas", number="ab12C", name="anon")], "canvas")
    assert [row[1:4] for row in table[2:]] == [["", "10", ""]]
    assert told == ["left out, for want of Canvas's number, a student number or a login (roster.csv may say it): x y"]


def moodle_reads(table):
    """Points by the participant's number: the importer wants three heads, and takes what follows `Participant `."""
    heads = table[0]
    assert {"Identifier", "Grade", "Last modified (grade)"} <= set(heads)
    return {int(row[0][len("Participant ") :]): row[heads.index("Grade")] for row in table[1:]}


def test_moodle_has_a_worksheet_for_each_lesson(book, handed):
    results = [
        handed("Maria_1", system="Moodle", number="1", name="Maria", email="m1@uni"),
        handed("Maria_2", score=2, system="Moodle", number="2", name="Maria"),
        handed("Maria_2", SECOND, score=8, system="Moodle", number="77", name="Participant"),
        handed("Ada"),
    ]
    handout = lms.grade_files(book, results, [FIRST, SECOND], "moodle")
    first, second = map(rows, handout.files)
    assert [path.name for path in handout.files] == [f"grades-moodle-{x.name}.csv" for x in (FIRST, SECOND)]
    assert moodle_reads(first) == {1: "6.5", 2: "2"}
    assert moodle_reads(second) == {77: "8"}
    assert first[1][1:6] == ["Maria", "m1@uni", "", "6.5", "8"]
    assert first[1][-1] == "a: 6.5 of 8. should be &lt;3&gt;, found 4 &amp; more"
    assert second[1][1] == ""  # Blind marking stays blind.
    assert len(handout.told) == 1 and handout.told[0].endswith("Ada")


def test_blackboard(book, handed):
    roster(book, ["ada", "Lovelace, Ada"], ["Bao Nguyen"])
    results = [
        handed("ada"),
        handed("Grace_ghop1", system="Blackboard", number="ghop1", name="Grace Hopper"),
        handed("Bao Nguyen"),
    ]
    table, told = made(book, results, "blackboard")
    assert table[0] == ["Last Name", "First Name", "Username", f"{FIRST.name} [Total Pts: 8 Score]"]
    assert table[1:] == [["Lovelace", "Ada", "ada", "6.5"], ["Hopper", "Grace", "ghop1", "6.5"]]
    assert told[0].endswith("Bao Nguyen")


def test_brightspace(book, handed):
    """Its download's own number is not the id that it imports by."""
    roster(
        book,
        ["Ada_555", "Ada", "", "", "555 00123"],
        ["Bao_556", "Bao", "", "", "556"],
        ["Cy_557", "Cy", "", "", "557 cy.c"],
    )
    numbers = {"Ada": "555", "Bao": "556", "Cy": "557"}
    results = [handed(f"{name}_{n}", system="Brightspace", number=n, name=name) for name, n in numbers.items()]
    column = f"{FIRST.name} Points Grade <Numeric MaxPoints:8>"
    table, told = made(book, results, "brightspace")
    assert table == [
        ["OrgDefinedId", "Username", column, "End-of-Line Indicator"], ["#00123", "", "6.5", "#"], ["", "#cy.c", "6.5", "#"],
    ]  # fmt: skip
    assert told == ["left out, for want of the OrgDefinedId or user name (roster.csv may say it): Bao_556"]
    table, _ = made(book, results[:2], "brightspace")
    assert table == [["OrgDefinedId", column, "End-of-Line Indicator"], ["#00123", "6.5", "#"]]


def test_gradescope(book, handed):
    roster(book, ["ada", "Ada Lovelace", "ada@uni", "B", "12"])
    table, _ = made(book, [handed("ada")], "gradescope")
    assert dict(zip(*table, strict=True)) == {
        "First Name": "Ada", "Last Name": "Lovelace", "SID": "12", "Email": "ada@uni", "Sections": "B", "Total Score": "6.5", "Max Points": "8",
        "Status": "Graded", "Submission ID": "", "Submission Time": "", "Lateness (H:M:S)": "00:00:00",
    }  # fmt: skip


@pytest.mark.parametrize("system", lms.SYSTEMS)
def test_hostile_names_are_no_formulas_and_keep_their_rows(book, handed, system):
    roster(book, *[[f"s{n}", name, f"{name}@uni", name, name] for n, name in enumerate(HOSTILE)])
    results = [handed(f"s{n}", system="Moodle", number=str(n), name=name) for n, name in enumerate(HOSTILE)]
    (path,) = lms.grade_files(book, results, [FIRST], system).files
    text = path.read_text(encoding="utf-8")
    assert len(rows(path)) == len(HOSTILE) + (2 if system == "canvas" else 1)
    for separator in ",;\t":
        for cell in (x for line in text.splitlines() for x in line.split(separator)):
            assert not re.match(r"""[\s"]*[=+@]|[\s"]*-[^"\s]""", cell), cell


def test_an_id_that_would_be_a_formula_is_told(book, handed):
    roster(book, ["=1+1", "Ada"])
    table, told = made(book, [handed("=1+1")], "blackboard")
    assert table[1][2] == "'=1+1"
    assert told == ["'=1+1': '=1+1' would be a formula, so a quote stands in front of it; enter the points by hand"]


# --- Into the system's own export ---------------------------------------------------------------------------------------


def export(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "export.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_canvas_export_is_filled_and_else_kept(book, handed, tmp_path):
    """As Canvas 2024 writes it: a row on posting, read-only totals, a test student, numbers to two decimals."""
    theirs = export(
        tmp_path,
        f"Student,ID,SIS User ID,SIS Login ID,Section,Essay (1),Lesson 1: The chain rule (812),{SECOND.name} (813),Final Score\r\n"
        ",,,,,,Manual Posting,,\r\n"
        "    Points Possible,,,,,10.00,8.00,100.00,(read only)\r\n"
        '"Lovelace, Ada",10,S1,ada,Tue,9.00,,,90.00\r\n'
        '"Turing, Alan",11,S2,alan,"Tue, Wed",8.00,1.00,2.00,80.00\r\n'
        '"Student, Test",12,,t,Tue,,,,\r\n',
    )
    roster(book, ["alan", "Alan"], ["12", "Ada II"])
    results = [
        handed("lovelaceada_10", system="Canvas", number="10"),
        handed("alan", SECOND, 4),
        handed("12"),
        handed("Bo"),
    ]
    table, told = made(book, results, "canvas", into=theirs)
    before = rows(theirs)
    assert table[:3] == before[:3] and table[5] == before[5]
    assert table[3] == [*before[3][:6], "6.5", "", "90.00"]
    assert table[4] == [*before[4][:6], "1.00", "4", "80.00"]
    assert told == [
        f"{SECOND.name}: '{SECOND.name} (813)' has 100 points there, and 8 here",
        "graded, but not in export.csv: 12, Bo",
    ]


def test_a_week_that_another_lesson_has_is_not_taken_for_its_number(book, handed, tmp_path):
    theirs = export(
        tmp_path,
        "Student,ID,SIS User ID,SIS Login ID,Section,Week 1: Introduction (1),Week 2: The chain rule (2),Week 3: Likelihood (3)\n"
        "    Points Possible,,,,,8,8,8\nAda L,10,S1,ada,A,,,\n",
    )
    results = [
        handed("ada_10", lesson, score, system="Canvas", number="10") for lesson, score in ((FIRST, 8), (SECOND, 2))
    ]
    table, told = made(book, results, "canvas", into=theirs)
    assert table[2][5:] == ["", "8", ""]
    assert told == [f"graded, but without a column in export.csv: {SECOND.name}"]


def test_who_has_a_row_by_number_gets_no_other_by_name(book, handed, tmp_path):
    theirs = export(
        tmp_path,
        f"Last Name,First Name,Username,{FIRST.name} [Total Pts: 8 Score] |1\nHopper,Grace M.,ghop,\nHopper,Grace,ghop2,\n",
    )
    roster(book, ["ghop", "Grace Hopper"])
    table, _ = made(book, [handed("ghop", system="nbgrader", number="ghop")], "blackboard", into=theirs)
    assert [row[3] for row in table[1:]] == ["6.5", ""]


def test_moodle_worksheet_is_filled(book, handed, tmp_path):
    theirs = export(
        tmp_path,
        "\ufeffIdentifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,Last modified (submission),Last modified (grade)\n"
        'Participant 1,Maria,,"Submitted for grading",,8.00,Yes,"Monday, 12 January 2026, 9:00 AM",-\n'
        "Participant 3,Ada,ADA@uni,No submission,,8.00,Yes,-,-\n",
    )
    roster(book, ["ada", "Ada", "ada@uni"])
    results = [
        handed("Maria", system="Moodle", number="1", name="Maria"),
        handed("ada", score=1),
        handed("ada", SECOND),
    ]
    with pytest.raises(CourseError, match="is of one assignment; name its lesson"):
        lms.grade_files(book, results, [FIRST, SECOND], "moodle", theirs)
    (path,) = lms.grade_files(book, results, [FIRST], "moodle", theirs).files
    assert path.name == f"grades-moodle-{FIRST.name}.csv"
    assert moodle_reads(rows(path)) == {1: "6.5", 3: "1"}


def test_a_worksheet_in_german_is_filled(book, handed, tmp_path):
    """The site's language has semicolons and heads of its own; the identifier is the first column all the same."""
    theirs = export(
        tmp_path,
        "ID;Vollständiger Name;Status;Bewertung;Bestwertung;Zuletzt geändert (Bewertung)\n"
        "Teilnehmer/in17;Maria;Abgegeben;;8,00;-\nTeilnehmer/in 18;Bo;Abgegeben;;8,00;-\n",
    )
    results = [handed("Maria", system="Moodle", number="17", name="Maria")]
    (path,) = lms.grade_files(book, results, [FIRST], "moodle", theirs).files
    assert [row[3] for row in rows(path)] == ["Bewertung", "6.5", ""]


def test_blackboard_download_is_filled(book, handed, tmp_path):
    """A download is UTF-16 with tabs, whatever its ending."""
    head = '"Last Name"\t"First Name"\t"Username"\t"Student ID"\t"{} [Total Pts: 8 Score] |3156"\t"Total [Total Pts: up to 108 Score] |99"'
    theirs = export(tmp_path, head.format(FIRST.name) + '\n"Hopper"\t"Grace"\t"ghop1"\t"000123"\t""\t"1"\n', "utf-16")
    table, told = made(book, [handed("Grace", system="Blackboard", number="ghop1")], "blackboard", into=theirs)
    assert table[1] == ["Hopper", "Grace", "ghop1", "000123", "6.5", "1"]
    assert told == []


def test_brightspace_export_is_filled(book, handed, tmp_path):
    theirs = export(
        tmp_path,
        f"OrgDefinedId,{FIRST.name} Points Grade <Numeric MaxPoints:8 Weight:10 Category:Labs>,End-of-Line Indicator\n#007,,#\n#008,,#\n",
    )
    roster(book, ["007", "James"])
    table, _ = made(book, [handed("007")], "brightspace", into=theirs)
    assert table[1:] == [["#007", "6.5", "#"], ["#008", "", "#"]]


def test_a_name_that_is_nobody_elses_will_do_where_there_is_no_number(book, handed, tmp_path):
    """Brightspace's download says no id that its gradebook knows. Two Marias there, two Bos here, and Eve has a number of her own."""
    column = f"{FIRST.name} Points Grade <Numeric MaxPoints:8>"
    theirs = export(
        tmp_path,
        f"OrgDefinedId,Last Name,First Name,{column},End-of-Line Indicator\n"
        "#1,Lovelace,ADA,,#\n#2,Rossi,Maria,,#\n#3,Rossi,Maria,,#\n#4,Dahl,Bo,,#\n#5,Sun,Eve,,#\n#6,王,小明,,#\n",
    )
    names = {"a_71": "Ada Lovelace", "m_72": "Maria Rossi", "b_73": "Bo Dahl", "b_74": "Bo Dahl", "w_75": "小明 王"}
    results = [handed(s, system="Brightspace", number=s[2:], name=name) for s, name in names.items()]
    table, told = made(book, results, "brightspace", into=theirs)
    assert [row[3] for row in table[1:]] == ["6.5", "", "", "", "", "6.5"]
    assert told == [
        "known by name alone, which is nobody else's: a_71, w_75", "graded, but not in export.csv: b_73, b_74, m_72",
    ]  # fmt: skip
    with pytest.raises(CourseError, match=r"Brightspace knows none of the graded students .* --into EXPORT\.csv"):
        lms.grade_files(book, results, [FIRST], "brightspace")
    assert [path.name for path in book.folder.glob("*.csv")] == ["grades-brightspace.csv"]  # The one that was filled.


def test_a_namesake_of_one_whom_the_system_knows_gets_nothing(book, handed, tmp_path):
    theirs = export(
        tmp_path, f"Student,ID,SIS Login ID,Section,{FIRST.name}\n,,,,\n    Points Possible,,,,8\nEve Sun,99,eve,A,\n"
    )
    with pytest.raises(
        CourseError, match=r"None of the graded students is in export\.csv, by its columns ID, SIS Login ID, or by"
    ):
        made(book, [handed("suneve_5", system="Canvas", number="5", name="suneve")], "canvas", into=theirs)
    assert not list(book.folder.glob("*.csv"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Student,ID,Essay\nAda,1,2\n", f"has no column for {FIRST.name}"),
        ("Name,Essay\nAda,1\n", "has no column that names students"),
        (f"ID,{FIRST.name},{FIRST.name} again\n", "may be"),
        ("", "has no column that names students"),
    ],
)
def test_an_export_that_cannot_be_filled_is_named(book, handed, tmp_path, text, says):
    with pytest.raises(CourseError, match=says):
        lms.grade_files(book, [handed("Ada")], [FIRST], "canvas", export(tmp_path, text))


# --- Feedback ---------------------------------------------------------------------------------------------------------


def page(book, student, text="<p>well done"):
    path = book.feedback / student / FIRST.name / f"{FIRST.name}.html"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def zipped(handout):
    (path,) = handout.files
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def canvas_takes(name):
    """User and attachment: the first two pieces that are numbers, unless the last begins with `link`."""
    pieces = name.split("_")
    assert not pieces[-1].startswith("link")
    return tuple([piece for piece in pieces if re.fullmatch(r"\d+", piece)][:2])


def moodle_takes(name):
    """Participant and file name: four pieces and the rest."""
    _, number, kind, plugin, rest = name.split("_", 4)
    assert (kind, plugin) == ("assignsubmission", "file")
    return number, rest


def test_canvas_takes_the_zip_back(book, handed):
    files = {
        "ada": "lovelaceada_10_9999_01_chain_rule-1.ipynb",
        "bo": "submissions/x12y_LATE_7_100_2_3.ipynb",
        "cy": "cy_8_101_work.zip/deep/9_9_01.ipynb",
        "=1": "=1+1_11_102_a.ipynb",
        "nn": "LATE_anon_ab12C_5_a.ipynb",
    }
    numbers = {"ada": "10", "bo": "7", "cy": "8", "=1": "11", "nn": "ab12C"}
    results = [handed(s, system="Canvas", number=numbers[s], file=file) for s, file in files.items()] + [
        handed("plain")
    ]
    for student in [*files, "plain"]:
        page(book, student, student)
    handout = lms.feedback_zips(book, results, [FIRST], "canvas")
    taken = {canvas_takes(name): content for name, content in zipped(handout).items()}
    assert taken == {("10", "9999"): "ada", ("7", "100"): "bo", ("8", "101"): "cy", ("11", "102"): "=1"}
    assert all(name.endswith(".html") and "/" not in name for name in zipped(handout))
    assert handout.told == [
        f"{FIRST.name}: not in the zip, since their work did not come from Canvas's export: nn, plain"
    ]


def test_moodle_takes_the_zip_back(book, handed):
    names = ["Maria", "Maria", "An_na Lena", "../../etc", "Participant", "王 小明"]
    results = []
    for n, name in enumerate(names, start=1):
        results.append(handed(f"s{n}", system="Moodle", number=str(n), name=name))
        page(book, f"s{n}", f"s{n}")
    handout = lms.feedback_zips(book, results, [FIRST], "moodle")
    taken = {moodle_takes(name): content for name, content in zipped(handout).items()}
    assert taken == {(str(n), f"{FIRST.name}_feedback.html"): f"s{n}" for n in range(1, len(names) + 1)}
    assert not [name for name in zipped(handout) if "/" in name or name.startswith((".", "~"))]


def test_what_no_system_takes_is_named(book, handed):
    with pytest.raises(CourseError, match="'blackboard' takes no feedback back in a zip"):
        lms.feedback_zips(book, [], [FIRST], "blackboard")
    page(book, "Ada")
    with pytest.raises(CourseError, match="There is no feedback on work that came from Moodle's export"):
        lms.feedback_zips(book, [handed("Ada")], [FIRST], "moodle")
