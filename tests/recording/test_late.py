"""Due dates, extensions and the late policy: entered in nbgrader's own columns, and one number everywhere."""

import csv
from datetime import datetime

import pytest
from nbformat.v4 import new_notebook
from nbgrader.api import Gradebook as Database
from nbgrader.api import SubmittedAssignment
from nbgrader.plugins.export import CsvExportPlugin
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import text
from typer.testing import CliRunner

from autograder.authoring.source import CHECK_PREFIX, grade_ids
from autograder.cli import app
from autograder.course import CourseError, lessons
from autograder.intake.receipt import Receipt
from autograder.recording import late
from autograder.recording.database import one_engine, one_writer
from autograder.recording.scores import Entry, Scores
from autograder.telling import report

LESSON, OTHER = lessons()[:2]
POINTS = 8.0


@pytest.fixture
def graded(book):
    """Ada and Bao handed in a day and an hour after the 15th ended, two Marias and Zoë in time; all have their points."""
    book.folder.mkdir(parents=True)
    book.config.Course.timezone = "Europe/Berlin"
    check = next(name for name in grade_ids(LESSON.release) if name.startswith(CHECK_PREFIX))
    with one_engine(), Database(book.db_url) as database:
        database.add_assignment(LESSON.name)
        database.add_notebook(LESSON.name, LESSON.name)
        database.add_grade_cell(check, LESSON.name, LESSON.name, max_score=POINTS, cell_type="code")
        for student, day in {"Ada": 17, "Bao": 17, "Maria_1": 10, "Maria_2": 10, "Zoë": 10}.items():
            database.add_student(student)
            database.add_submission(LESSON.name, student, timestamp=f"2026-01-{day} 00:00:00 UTC")
            database.find_grade(check, LESSON.name, LESSON.name, student).auto_score = POINTS
        database.db.commit()
        yield book


def due(book, *lines):
    (book.folder / late.DATES).write_text("\n".join(["lesson,student,due", *lines]) + "\n", encoding="utf-8")


def policy(book, **settings):
    book.config.LatePolicy.update(settings)


def scores(book):
    return {result.student: result.score for result in report.results(book, [LESSON])}


def test_being_late_costs_what_the_policy_says_and_an_extension_saves(graded):
    due(graded, "01,,2026-01-15", "01_chain_rule,Bao,2026-01-20 12:00")
    policy(graded, percent_per_day=10)
    assert late.enter(graded, [LESSON]) == {("Ada", LESSON.name), ("Bao", LESSON.name)}
    # The 15th ends at 22:59:59 UTC in Berlin: Ada is a day and an hour late, two days begun.
    assert scores(graded) == {"Ada": 6.4, "Bao": 8, "Maria_1": 8, "Maria_2": 8, "Zoë": 8}
    ada = next(r for r in report.results(graded, [LESSON]) if r.student == "Ada")
    assert ada.late == "handed in 1 day 1 hour late, which costs 1.6 points"
    assert f"{LESSON.name}: {ada.late}" in ada.remarks
    with Database(graded.db_url) as database:
        assert database.find_submission(LESSON.name, "Bao").duedate == datetime(2026, 1, 20, 11)
    assert late.enter(graded, [LESSON]) == set()


def test_every_number_is_nbgraders(graded, tmp_path):
    """Our table, both CSV files and nbgrader's own export agree."""
    due(graded, "01,,2026-01-15 23:59")
    policy(graded, percent_per_day=30)
    late.enter(graded, [LESSON])
    with Database(graded.db_url) as database:
        CsvExportPlugin(to=str(tmp_path / "stock.csv")).export(database)
    stock = {row["student_id"]: float(row["score"]) for row in rows(tmp_path / "stock.csv")}
    results = report.results(graded, [LESSON])
    wide, long = report.write_csv(graded, results, [LESSON])
    sums: dict[str, float] = {}
    for row in rows(long):
        sums[row["student"]] = round(sums.get(row["student"], 0) + float(row["score"]), 6)
    assert stock["Ada"] == pytest.approx(0.4 * POINTS)
    assert scores(graded) == stock == sums == {row["student"]: float(row[LESSON.name]) for row in rows(wide)}
    assert next(x for s, _, x in report.reasons(results) if s == "Ada")[-1][:2] == (report.LATE, 4.8)


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_nbgraders_own_step_enters_the_same_penalty(graded):
    due(graded, "01,,2026-01-15")
    policy(graded, percent_per_day=10)
    late.enter(graded, [LESSON])
    ours = scores(graded)
    with Database(graded.db_url) as database:
        database.find_submission_notebook(LESSON.name, LESSON.name, "Ada").late_submission_penalty = None
        database.db.commit()
    where = {"student": "Ada", "assignment": LESSON.name, "notebook": LESSON.name, "db_url": graded.db_url}
    AssignLatePenalties(config=graded.config).preprocess(new_notebook(), {"nbgrader": where})
    assert scores(graded) == ours


def test_points_given_by_hand_later_are_counted_and_reading_writes_nothing(graded):
    due(graded, "01,,2026-01-15")
    policy(graded, percent_per_day=10)
    late.enter(graded, [LESSON])
    with Database(graded.db_url) as database:
        (grade,) = database.find_submission_notebook(LESSON.name, LESSON.name, "Ada").grades
        grade.manual_score = 4.0
        database.db.commit()
    with one_writer(graded), Database(graded.db_url) as database:
        database.db.execute(text("BEGIN IMMEDIATE"))  # A grading run is at it.
        assert late.enter(graded, [LESSON], keep=False) == {("Ada", LESSON.name)}
    assert scores(graded)["Ada"] == 2.4
    late.enter(graded, [LESSON])
    assert scores(graded)["Ada"] == 3.2


def test_dates_set_in_formgrader_stay_where_the_file_names_no_lesson(graded):
    with Database(graded.db_url) as database:
        database.update_or_create_assignment(LESSON.name, duedate="2026-01-16 00:00:00 UTC")
        database.grant_extension(LESSON.name, "Bao", days=5)
    policy(graded, percent_per_day=50)
    due(graded, "02,,2026-01-01", ",Ada,5 days")
    late.enter(graded, lessons())
    assert scores(graded)["Ada"] == 4
    assert scores(graded)["Bao"] == POINTS


def test_more_time_in_every_lesson_however_the_name_is_spelt(graded):
    due(graded, "01,,2026-01-15", ",zoë,1 week", ",ADA,30 hours")
    policy(graded, percent_per_day=50)
    late.enter(graded, [LESSON])
    assert scores(graded) == {"Ada": 8, "Bao": 0, "Maria_1": 8, "Maria_2": 8, "Zoë": 8}
    (graded.folder / "roster.csv").write_text("id,name,email\nBao,Bao Nguyen,bao@uni.example\n")
    due(graded, "01,,2026-01-15", ",bao@uni.example,3 days")
    assert late.enter(graded, [LESSON]) == {("Ada", LESSON.name), ("Bao", LESSON.name), ("Zoë", LESSON.name)}
    assert scores(graded)["Bao"] == POINTS
    assert scores(graded)["Ada"] == 0


def test_more_time_for_one_of_two_of_a_name_is_not_guessed(graded):
    due(graded, "01,,2026-01-15", ",Maria,1 week")
    with pytest.raises(CourseError, match="'Maria' may be 'Maria_1' or 'Maria_2'; write the id"):
        late.enter(graded, [LESSON])
    with Database(graded.db_url) as database:
        assert not [s for s in database.db.query(SubmittedAssignment) if s.extension or s.duedate]
    due(graded, "01,,2026-01-15", ",Maria_2,1 week")
    assert late.enter(graded, [LESSON]) == {(student, LESSON.name) for student in ("Ada", "Bao", "Maria_2")}


def test_one_student_in_two_spellings_is_told_not_guessed(graded):
    (graded.folder / "roster.csv").write_text("id,name,email\nAda,Ada,ada@u\nBao,Bao,\n", encoding="utf-8")
    due(graded, "01,,2026-01-15", ",Ada,1 hour", "01,ada@u,2026-01-20")
    with pytest.raises(CourseError, match="names 'Ada' in several spellings, with other dates"):
        late.enter(graded, [LESSON])
    due(graded, "01,,2026-01-15", ",Ada,1 week", "01,Ada,0 days")  # for this lesson none at all
    policy(graded, percent_per_day=50)
    late.enter(graded, [LESSON])
    assert scores(graded)["Ada"] == 0


def test_a_name_of_two_on_the_roster_is_not_the_one_who_handed_in(graded):
    (graded.folder / "roster.csv").write_text("id,name\nAda,Lee\nLee_2,Lee\n", encoding="utf-8")
    due(graded, "01,,2026-01-15", "01,Lee,2026-01-20")
    with pytest.raises(CourseError, match="'Lee' may be 'Ada' or 'Lee_2'; write the id"):
        late.enter(graded, [LESSON])


def test_a_newer_notebook_without_a_time_does_not_keep_the_old_ones(graded):
    due(graded, "01,,2026-01-15")
    policy(graded, percent_per_day=50)
    late.enter(graded, [LESSON])
    assert scores(graded)["Ada"] == 0
    with Database(graded.db_url) as database:
        Scores().save(database.db, [Entry("Ada", LESSON.name, new_notebook(), "")])
        database.db.commit()
    late.enter(graded, [LESSON])
    ada = next(r for r in report.results(graded, [LESSON]) if r.student == "Ada")
    assert (ada.late, ada.penalty) == ("", 0)


@pytest.mark.parametrize(
    ("section", "settings"),
    [("LatePolicy", {"percent_per_day": 200}), ("AssignLatePenalties", {"plugin_class": "nosuch.Thing"})],
)
def test_a_policy_that_is_none_ends_in_a_sentence(graded, section, settings):
    graded.config[section].update(settings)
    with pytest.raises(CourseError, match=r"c\.LatePolicy in nbgrader_config\.py: "):
        late.enter(graded, [LESSON])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("01,,15.1.2026", "entry 1: '15.1.2026' is no date; write it as 2026-01-15 23:59"),
        ("77,,2026-01-15", "entry 1: There is no lesson '77'"),
        ("01,,2 days", "only a student is given"),
        (",,2026-01-15", "a line needs a date, and a lesson or a student"),
        ("01,Ada,2026-01-15", "which has none for everybody"),
        (",Ada,2026-01-15", "write the lesson"),
        ("01,Ada,5 days", "which has none for everybody"),
        ("01,,9999-12-31", "'9999-12-31' is no date of a course"),
    ],
)
def test_a_line_that_says_nothing_is_named(book, line, says):
    book.folder.mkdir(parents=True)
    due(book, line)
    with pytest.raises(CourseError, match=says):
        late.read_dates(book)


@pytest.mark.parametrize(
    ("settings", "hours", "lost"),
    [
        ({}, 100, None),
        ({"percent_per_day": 10}, 0.1, 1.0),
        ({"percent_per_day": 10, "grace_minutes": 15}, 0.1, None),
        ({"percent_per_day": 10, "grace_minutes": 15}, 24.1, 1.0),
        ({"percent_per_day": 10, "at_most_percent": 30}, 1000, 3.0),
        ({"percent_per_day": 10, "nothing_after_days": 7}, 7 * 24, 7.0),
        ({"percent_per_day": 10, "nothing_after_days": 7}, 7 * 24 + 1, 10.0),
        ({"percent_per_day": 40}, 72, 10.0),
    ],
)
def test_the_policy(settings, hours, lost):
    assert late.LatePolicy(**settings).late_submission_penalty("Ada", 10.0, hours * 3600) == lost


def test_late_by_the_exports_word_alone_is_told_and_costs_nothing(graded):
    """Canvas marks files as late and says no time."""
    with Database(graded.db_url) as database:
        database.find_submission(LESSON.name, "Ada").timestamp = None
        database.db.commit()
    folder = graded.submitted / "Ada" / LESSON.name
    folder.mkdir(parents=True)
    Receipt("Canvas", "export.zip", "ada_LATE_1_2_a.ipynb", late=True).write(folder)
    due(graded, "01,,2026-01-01")
    policy(graded, percent_per_day=50)
    late.enter(graded, [LESSON])
    ada = next(r for r in report.results(graded, [LESSON]) if r.student == "Ada")
    assert (ada.score, ada.late) == (POINTS, "handed in late, as the export says, which does not say how late")


def test_a_time_that_is_only_the_files_is_told_beside_what_it_costs(graded):
    folder = graded.submitted / "Ada" / LESSON.name
    folder.mkdir(parents=True)
    Receipt("plain files", "folder", "ada.ipynb", time_of="file").write(folder)
    due(graded, "01,,2026-01-15")
    policy(graded, percent_per_day=50)
    late.enter(graded, [LESSON])
    ada = next(r for r in report.results(graded, [LESSON]) if r.student == "Ada")
    assert (
        ada.late == "handed in 1 day 1 hour late (by the file's own time, which copying changes), which costs 8 points"
    )


def test_the_commands_tell_what_is_old_and_enter_it(graded):
    due(graded, "01,,2026-01-15 23:59:59+01:00", "01,Nobody,2026-01-16")
    (graded.folder / "roster.csv").write_text("id,lms_id\nada lovelace,\nBao,bao1\n")
    here = ["--gradebook", str(graded.folder)]
    told = CliRunner().invoke(app, ["grades", "01", *here]).output
    assert "2 submissions are late by other times or costs than shown" in told
    late.enter(graded, [LESSON])
    assert late.strangers(graded) == ["Nobody"]
    told = CliRunner().invoke(app, ["grades", "01", *here]).output
    assert "than shown" not in told
    assert "handed in 1 day 1 hour late" in told.replace("\n", " ")
    told = CliRunner().invoke(app, ["grades", "01", "--for", "blackboard", *here])
    assert (told.exit_code, "left out, for want of a user name" in told.output) == (0, True)
    told = CliRunner().invoke(app, ["grades", "01", "--for", "webct", *here])
    assert (told.exit_code, told.output) == (
        1, "There is no 'webct'; expected one of: canvas, moodle, blackboard, brightspace, gradescope\n",
    )  # fmt: skip
    told = CliRunner().invoke(app, ["grades", "01", "--statistics", *here])
    assert "5 handed in, 2 late" in told.output
