"""`nbgrader autograde` gives honest submissions the same points: stock, and as this repository configures it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from nbgrader.apps.api import NbGraderAPI

from autograder.course import ROOT, Gradebook, lessons
from autograder.proving import sample_class
from autograder.recording.database import register
from autograder.running.step import ExecuteInWorker
from autograder.telling import report
from benchmarks.stock import HONEST, StockClass, without_demos

# nbgrader knows no roster, and cannot read what is no notebook.
_NOT_OPENED = ["broken JSON", "broken empty file", "broken format", "broken no notebook", "unknown student"]
OPENED_BY_NBGRADER = [student.name for student in sample_class.CLASS if student.name not in _NOT_OPENED]


def test_scores_agree_with_stock_nbgrader(graded_class, tmp_path):
    ours = {
        (r.student, r.lesson): {n: s for n, (s, _) in r.points.items()}
        for r in report.results(graded_class.book, lessons())
    }
    stock = StockClass(tmp_path / "stock", lessons())
    for lesson in lessons():
        for student in [s for s in sample_class.CLASS if s.name in HONEST]:
            (content,) = student.hands_in(lesson, student.name).values()
            stock.hand_in(student.name, lesson, without_demos(content))
        stock.autograde(lesson)
        theirs = stock.scores(lesson)
        assert set(theirs) == set(HONEST)
        for student in HONEST:
            assert theirs[student] == ours[student, lesson.name], student


def handed_in_again(graded_class, folder, lesson, students):
    """A gradebook with these students' submissions to the lesson, none of them graded."""
    fresh = Gradebook(folder)
    for student in students:
        shutil.copytree(graded_class.book.submitted / student / lesson.name, fresh.submitted / student / lesson.name)
    register(fresh, lesson)
    return fresh


def test_the_repositorys_own_nbgrader_command_agrees(graded_class, tmp_path):
    """As a TA would type it, on everything that nbgrader can open: loops without end, killed processes, edited checks."""
    lesson = lessons()[0]
    fresh = handed_in_again(graded_class, tmp_path / "gradebook", lesson, OPENED_BY_NBGRADER)
    limits = [
        f"--ExecuteInWorker.{name}_seconds={getattr(sample_class.LIMITS, name + '_seconds')}"
        for name in ("cell", "total")
    ]
    command = [Path(sys.executable).parent / "nbgrader", "autograde", lesson.name, *limits]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, check=True, capture_output=True, text=True)
    ours = {r.student: r for r in report.results(graded_class.book, [lesson])}
    theirs = {r.student: r for r in report.results(fresh, [lesson])}
    assert set(theirs) == set(OPENED_BY_NBGRADER)
    for student, result in theirs.items():
        assert result.points == ours[student].points, student
        assert result.lost == ours[student].lost, student
    assert "broken kernel killed, 01_chain_rule: the cell `import os, signal`: its process was killed" in done.stderr


def test_formgraders_button_agrees(graded_class, tmp_path):
    """What a click on "autograde" calls, one student at a time, in the server's own process."""
    lesson = lessons()[1]
    students = ["Chiara Rossi", "Jonas Weber", "broken kernel killed", "broken os._exit", "cells edited"]
    fresh = handed_in_again(graded_class, tmp_path / "gradebook", lesson, students)
    api = NbGraderAPI(config=fresh.config)
    warm = set()
    for student in students:
        answer = api.autograde(lesson.name, student)
        assert answer["success"], answer
        warm.add(ExecuteInWorker._worker.process.pid)
    assert len(warm) == 1
    ours = {r.student: r for r in report.results(graded_class.book, [lesson])}
    theirs = {r.student: r for r in report.results(fresh, [lesson])}
    for student in students:
        assert theirs[student].points == ours[student].points, student
        assert theirs[student].lost == ours[student].lost, student
        assert api.get_submission(lesson.name, student)["score"] == ours[student].score
