"""Grading end to end on the sample class: fair grades, clear reasons, and nothing lost when a run is stopped."""

import errno
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path

import pytest
from nbgrader.api import Gradebook as Database

from autograder.authoring.source import CHECK_PREFIX, grade_ids
from autograder.course import ROOT, CourseError, Gradebook, lessons
from autograder.proving import sample_class
from autograder.recording.database import one_writer, register
from autograder.recording.grade import grade
from autograder.recording.prove import widened
from autograder.recording.record import RECORD, read_record
from autograder.recording.scores import Scores
from autograder.recording.tasks import pending
from autograder.running import sandbox
from autograder.running.crew import LocalCrew
from autograder.running.execute import MachineFailed
from autograder.running.limits import Limits
from autograder.telling import feedback, report

LESSON = lessons()[0]
CHECKS = {
    lesson.name: {n.removeprefix(CHECK_PREFIX): p for n, p in grade_ids(lesson.release).items() if p is not None}
    for lesson in lessons()
}

FULL = [
    "Amélie Dubois", "Bao Nguyen", "Chiara Rossi", "Dmitri Orlov", "Elif Kaya", "broken import", "broken kernel killed",
    "broken output flood", "cells deleted", "cells duplicated",
]  # fmt: skip
NOTHING = ["Kofi Mensah", "Lena Novak", "cells edited"]
UNREADABLE = {
    "broken JSON": "not JSON",
    "broken empty file": "the file is empty",
    "broken format": "format '99' is unknown",
    "broken no notebook": "in the folder",
    "unknown student": "not on the roster",
}
PARTLY = ["Ines Silva", "Jonas Weber", "broken infinite loop", "broken os._exit", "broken stubborn loop"]


@pytest.fixture(scope="session")
def results(graded_class):
    return {(r.student, r.lesson): r for r in report.results(graded_class.book, lessons())}


def test_every_sample_student_is_accounted_for(graded_class, results):
    everyone = {student.name for student in sample_class.CLASS}
    assert everyone == {*FULL, *NOTHING, *UNREADABLE, *PARTLY}
    assert set(results) == {(name, lesson.name) for name in everyone for lesson in lessons()}
    assert set(graded_class.records) == set(results)


@pytest.mark.parametrize("lesson", CHECKS)
@pytest.mark.parametrize("student", FULL)
def test_right_answers_get_every_point(results, student, lesson):
    result = results[student, lesson]
    assert result.lost == {}
    assert result.points == {name: (p, p) for name, p in CHECKS[lesson].items()}


@pytest.mark.parametrize("lesson", CHECKS)
@pytest.mark.parametrize("student", [*NOTHING, *UNREADABLE])
def test_no_points_for_nothing_right(results, student, lesson):
    result = results[student, lesson]
    assert result.points == {name: (0, p) for name, p in CHECKS[lesson].items()}
    assert set(result.lost) == set(CHECKS[lesson])
    assert all(result.lost.values())


@pytest.mark.parametrize("lesson", CHECKS)
@pytest.mark.parametrize("student", PARTLY)
def test_what_still_works_counts(results, student, lesson):
    result = results[student, lesson]
    lost = {name for name, (score, maximum) in result.points.items() if score < maximum}
    assert lost == set(result.lost)
    assert 0 < result.score < result.maximum
    if student == "Jonas Weber":
        assert set(list(CHECKS[lesson])[::2]) <= lost  # and what is built on a wrong function is wrong too


@pytest.mark.parametrize("lesson", CHECKS)
def test_reasons_and_remarks_say_what_happened(results, lesson):
    for student, says in UNREADABLE.items():
        assert says in results[student, lesson].status
    assert set(results["Lena Novak", lesson].lost.values()) == {"not attempted"}
    assert any("ran for more than" in why for why in results["broken infinite loop", lesson].lost.values())
    assert any("ended its own process" in why for why in results["broken os._exit", lesson].lost.values())
    assert any("is not defined" in why for why in results["Ines Silva", lesson].lost.values())
    assert "process was killed" in " ".join(results["broken kernel killed", lesson].notes)
    assert "entered the same name as Amélie Dubois" in " ".join(results["Elif Kaya", lesson].notes)


def test_table_and_csv(graded_class, results, tmp_path):
    shown = report.table(list(results.values()), lessons())
    assert shown.row_count == len(sample_class.CLASS)
    wide, long = report.write_csv(graded_class.book, list(results.values()), lessons())
    assert wide.read_text().splitlines()[0].startswith(f"student,{LESSON.name},{LESSON.name} maximum")
    assert len(long.read_text().splitlines()) == 1 + len(sample_class.CLASS) * sum(map(len, CHECKS.values()))


def test_a_second_run_has_nothing_to_do(graded_class):
    tasks, done = pending(graded_class.book, lessons(), None, sample_class.LIMITS, force=False)
    assert tasks == []
    assert done == len(graded_class.records)
    tasks, _ = pending(graded_class.book, lessons(), ["Lena Novak"], sample_class.LIMITS, force=True)
    assert {t.student for t in tasks} == {"Lena Novak"}


def test_autograded_notebooks_are_nbgraders(graded_class):
    """Every submission has one, with the check cells as handed out and nbgrader's metadata on them."""
    for student, name in graded_class.records:
        notebook = json.loads((graded_class.book.autograded / student / name / f"{name}.ipynb").read_bytes())
        graded = {
            c["metadata"]["nbgrader"]["grade_id"]: c
            for c in notebook["cells"]
            if c["metadata"].get("nbgrader", {}).get("grade")
        }
        assert {n.removeprefix(CHECK_PREFIX): c["metadata"]["nbgrader"]["points"] for n, c in graded.items()} == CHECKS[
            name
        ]
        assert all("BEGIN HIDDEN TESTS" in "".join(c["source"]) for c in graded.values())


def test_feedback_is_a_page_per_submission(graded_class, tmp_path):
    book = Gradebook(tmp_path / "gradebook")
    shutil.copytree(graded_class.book.folder, book.folder)
    for student in {s.name for s in sample_class.CLASS} - {"Jonas Weber", "broken JSON"}:
        shutil.rmtree(book.autograded / student)
    written, fresh = feedback.feedback(book, [LESSON])
    assert {p.parents[1].name for p in written} == {"Jonas Weber", "broken JSON"}
    assert fresh == 0
    pages = {p.parents[1].name: p.read_text(encoding="utf-8") for p in written}
    assert "could not be graded" in pages["broken JSON"]
    assert "BEGIN HIDDEN" not in pages["Jonas Weber"]
    assert feedback.feedback(book, [LESSON]) == ([], 2)
    with Database(book.db_url) as database:
        notebook = database.find_submission_notebook(LESSON.name, LESSON.name, "Jonas Weber")
        notebook.comments[0].manual_comment = "Come and see me."
        database.db.commit()
    written, _ = feedback.feedback(book, [LESSON])
    assert "Come and see me." in written[0].read_text(encoding="utf-8")


# --- Stopping and going on --------------------------------------------------------------------------------------------


@pytest.fixture
def handed_in(book):
    """Six submissions of the first lesson, not graded yet."""
    for student in [s for s in sample_class.CLASS if s.name in (*FULL[:5], "Lena Novak")]:
        folder = book.submitted / student.name / LESSON.name
        folder.mkdir(parents=True)
        for name, content in student.hands_in(LESSON, student.name).items():
            (folder / name).write_bytes(content)
    return book


def command(book, *more):
    arguments = [
        sys.executable,
        "-m",
        "autograder.cli",
        "grade",
        LESSON.name,
        "--workers",
        "1",
        "--gradebook",
        str(book.folder),
        *more,
    ]
    return subprocess.Popen(
        arguments,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        # A background job of a shell script ignores interrupts; this one is to be interrupted wherever the tests run.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def graded(book):
    return {p.parents[1].name for p in book.autograded.glob(f"*/{LESSON.name}/{RECORD}")}


def scores(book):
    return {r.student: r.score for r in report.results(book, [LESSON])}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_goes_on_where_it_was(handed_in, how):
    for path in handed_in.submitted.rglob("*.ipynb"):  # Slow enough that there is something left to stop.
        notebook = json.loads(path.read_bytes())
        nap = {"cell_type": "code", "metadata": {}, "source": "import time; time.sleep(1.5)", "outputs": []}
        path.write_text(json.dumps(notebook | {"cells": [nap, *notebook["cells"]]}))
    run = command(handed_in)
    deadline = time.monotonic() + 600
    while not graded(handed_in) and time.monotonic() < deadline:
        time.sleep(0.005)
    run.send_signal(how)
    said = run.communicate(timeout=600)[0]
    first = graded(handed_in)
    assert first
    if how == signal.SIGINT:
        assert run.returncode == 130
        assert "Run the same command again" in said
    again = command(handed_in)
    said = again.communicate(timeout=600)[0]
    assert again.returncode == 0, said
    assert f"{6 - len(first)} graded, {len(first)} already graded" in said
    most = sum(CHECKS[LESSON.name].values())
    assert scores(handed_in) == {name: most for name in FULL[:5]} | {"Lena Novak": 0}


def test_only_what_changed_is_graded_again(handed_in):
    limits = sample_class.LIMITS
    tasks, _ = pending(handed_in, [LESSON], None, limits, force=False)
    grade(handed_in, tasks, 2, limits)
    notebook = handed_in.submitted / "Lena Novak" / LESSON.name / f"{LESSON.name}.ipynb"
    shutil.copy(handed_in.submitted / FULL[0] / LESSON.name / f"{LESSON.name}.ipynb", notebook)
    tasks, done = pending(handed_in, [LESSON], None, limits, force=False)
    assert ([t.student for t in tasks], done) == (["Lena Novak"], 5)
    # A point a TA gave by hand outlives grading again.
    with Database(handed_in.db_url) as database:
        row = database.find_submission_notebook(LESSON.name, LESSON.name, "Lena Novak")
        row.grades[0].manual_score = 0.5
        database.db.commit()
    grade(handed_in, tasks, 2, limits)
    result = next(r for r in report.results(handed_in, [LESSON]) if r.student == "Lena Novak")
    assert 0.5 in [score for score, _ in result.points.values()]
    assert result.score > 0.5
    assert read_record(handed_in, "Lena Novak", LESSON).lost == {}


def test_only_one_process_writes(handed_in):
    with one_writer(handed_in):
        run = command(handed_in)
        assert "Another grading run" in run.communicate(timeout=600)[0]
        assert run.returncode == 1


def test_a_real_class_is_not_mixed_with_the_sample(handed_in):
    sample_class.refuse_real_class(handed_in)
    shutil.copytree(handed_in.submitted / FULL[0], handed_in.submitted / "A Real Student")
    with pytest.raises(CourseError, match="holds a real class"):
        sample_class.refuse_real_class(handed_in)


def test_nothing_to_grade_says_so(tmp_path):
    run = command(Gradebook(tmp_path / "nothing"))
    assert "There is nothing to grade" in run.communicate(timeout=600)[0]
    assert run.returncode == 1


def test_a_roster_must_have_ids(handed_in):
    (handed_in.folder / "roster.csv").write_text("name\nAda\n")
    tasks, _ = pending(handed_in, [LESSON], None, sample_class.LIMITS, force=False)
    with pytest.raises(CourseError, match="headed `id`"):
        grade(handed_in, tasks, 1, sample_class.LIMITS)


def test_links_to_other_folders_are_not_graded(handed_in, tmp_path):
    (handed_in.submitted / "Sly").mkdir()
    Path(handed_in.submitted / "Sly" / LESSON.name).symlink_to(handed_in.submitted / FULL[0] / LESSON.name)
    tasks, _ = pending(handed_in, [LESSON], None, sample_class.LIMITS, force=False)
    assert "Sly" not in {t.student for t in tasks}


def test_limits_that_a_submission_survives_are_noted(handed_in):
    """Each limit has its own words, and the rest of the submission its points."""
    cells = [
        "with open('big', 'wb') as f: f.write(bytes(80 * 2**20))",
        "import os\nfor _ in range(500):\n    if os.fork() == 0:\n        import time; time.sleep(5); os._exit(0)",
        "x = bytearray(8 * 2**30)",
        "print('x' * 10**6)",
    ]
    student, folder = sample_class.CLASS[0], handed_in.submitted / "Edge" / LESSON.name
    (content,) = student.hands_in(LESSON, "Edge").values()
    notebook = json.loads(content)
    for source in cells:
        notebook["cells"].insert(1, {"cell_type": "code", "metadata": {}, "source": source, "outputs": []})
    folder.mkdir(parents=True)
    (folder / f"{LESSON.name}.ipynb").write_text(json.dumps(notebook))
    tasks, _ = pending(handed_in, [LESSON], ["Edge"], sample_class.LIMITS, force=False)
    grade(handed_in, tasks, 1, sample_class.LIMITS)
    record = read_record(handed_in, "Edge", LESSON)
    said = " ".join(record.notes)
    assert "printed more than the limit" in said
    assert "ran out of memory" in said
    assert "larger file than it may" in said
    if not sandbox.problem():
        assert "more processes than it may" in said
        assert record.lost == {}


def test_nothing_is_graded_where_the_lessons_own_solution_fails(handed_in):
    """A broken environment or limits too tight for the machine must not cost anybody a point."""
    tight = Limits(cell_seconds=0.0001)
    tasks, _ = pending(handed_in, [LESSON], None, tight, force=False)
    with pytest.raises(CourseError, match="its own solution does not get every point here"):
        grade(handed_in, tasks, 1, tight)
    assert graded(handed_in) == set()


# --- When the machine is to blame -------------------------------------------------------------------------------------


class Troubled(LocalCrew):
    """A real crew on a machine that loses the first submission it meets, and is too busy for the second."""

    def __init__(self, workers: int):
        super().__init__(workers)
        self.met: list[str] = []
        self.beside = 0

    def submit(self, notebook, limits, on_run=lambda: None):
        name = on_run.args[0].student if isinstance(on_run, functools.partial) else ""
        future = super().submit(notebook, limits, on_run)
        if not name:
            return future
        self.met.append(name)
        if name == FULL[0]:
            future.cancel() or future.result()
            future = Future()
            future.set_exception(MachineFailed("its examiner was lost twice"))
        elif name == FULL[1] and self.met.count(name) == 1:
            outcome = future.result()
            outcome.late = True
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    cell.outputs = []
        return future


def test_a_machines_failure_is_nobodys_grade(handed_in, monkeypatch):
    """What it lost is left to the next run and told; what was late runs again after all others, and only then counts."""
    crews = []
    monkeypatch.setattr("autograder.recording.grade.muster", lambda *_: crews.append(Troubled(2)) or crews[-1])
    tasks, _ = pending(handed_in, [LESSON], None, sample_class.LIMITS, force=False)
    failed, order = [], []
    left = grade(
        handed_in, tasks, 2, sample_class.LIMITS,
        on_record=lambda record: order.append(record.student),
        on_failure=lambda task, why: failed.append((task.student, why)),
    )  # fmt: skip
    assert failed == [(FULL[0], "its examiner was lost twice")]
    assert left == 1
    assert order[-1] == FULL[1] == crews[0].met[-1]
    assert graded(handed_in) == {*FULL[1:5], "Lena Novak"}
    log = (handed_in.folder / "grading.log").read_text()
    assert f'event=ungraded student="{FULL[0]}"' in log
    assert f'event=again student="{FULL[1]}"' in log
    monkeypatch.undo()
    tasks, done = pending(handed_in, [LESSON], None, sample_class.LIMITS, force=False)
    assert ([t.student for t in tasks], done) == ([FULL[0]], 5)
    assert grade(handed_in, tasks, 1, sample_class.LIMITS) == 0
    most = sum(CHECKS[LESSON.name].values())
    assert scores(handed_in) == {name: most for name in FULL[:5]} | {"Lena Novak": 0}


def test_a_submission_that_cannot_be_recorded_stops_no_other(handed_in, monkeypatch):
    """Recording many in one transaction, one of which fails: the others are recorded all the same."""

    def limits_within(notebook, known):
        if any("no limit" in cell.source for cell in notebook.cells):
            raise RuntimeError("surprise")
        return []

    entered = Scores.save

    def save(self, db, entries):
        entered(self, db, entries)
        if any("no transaction" in cell.source for entry in entries for cell in entry.notebook.cells):
            raise RuntimeError("surprise")

    monkeypatch.setattr("autograder.recording.settle.limits_within", limits_within)
    monkeypatch.setattr(Scores, "save", save)
    for student, says in ((FULL[1], "no limit"), (FULL[2], "no transaction")):
        path = handed_in.submitted / student / LESSON.name / f"{LESSON.name}.ipynb"
        notebook = json.loads(path.read_bytes())
        notebook["cells"].append({"cell_type": "code", "metadata": {}, "source": f"# {says}", "outputs": []})
        path.write_text(json.dumps(notebook))
    tasks, _ = pending(handed_in, [LESSON], None, sample_class.LIMITS, force=False)
    assert grade(handed_in, tasks, 2, sample_class.LIMITS) == 0
    most = sum(CHECKS[LESSON.name].values())
    assert scores(handed_in) == {name: most for name in FULL[:5]} | {FULL[1]: 0, FULL[2]: 0, "Lena Novak": 0}
    for student in FULL[1:3]:
        assert read_record(handed_in, student, LESSON).status == "could not be recorded: RuntimeError: surprise"


def test_the_lessons_own_seconds_widen_the_limits():
    limits = Limits(cell_seconds=10, total_seconds=60)
    assert widened(limits, 0.5) == limits
    assert widened(limits, 6.3) == Limits(cell_seconds=13, total_seconds=63)
    assert widened(limits, 30) == Limits(cell_seconds=60, total_seconds=300)


def test_a_gradebook_that_cannot_be_written_is_one_sentence(handed_in, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    tasks, _ = pending(handed_in, [LESSON], None, sample_class.LIMITS, force=False)
    monkeypatch.setattr("os.replace", full)
    with pytest.raises(CourseError, match="cannot be written: No space left on device"):
        grade(handed_in, tasks, 1, sample_class.LIMITS)


def test_a_cut_list_of_registered_lessons_is_made_again(handed_in):
    register(handed_in, LESSON)
    stamp = handed_in.folder / "assignments.json"
    whole = stamp.read_text()
    stamp.write_text(whole[: len(whole) // 2])
    register(handed_in, LESSON)
    assert stamp.read_text() == whole
