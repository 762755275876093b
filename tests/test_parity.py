"""`nbgrader autograde` gives honest submissions the same points: stock, and as this repository configures it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from autograder import report, sample_class
from autograder.course import ROOT, Gradebook, lessons
from autograder.grade import register
from benchmarks.stock import HONEST, StockClass, without_demos


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


def test_the_repositorys_own_nbgrader_command_agrees(graded_class, tmp_path):
    """As a TA would type it, on a submission whose checks were edited and one that warns, demos and all."""
    lesson, book = lessons()[0], graded_class.book
    fresh = Gradebook(tmp_path / "gradebook")
    for student in ("Chiara Rossi", "cells edited", "cells deleted"):
        shutil.copytree(book.submitted / student / lesson.name, fresh.submitted / student / lesson.name)
    register(fresh, lesson)
    command = [Path(sys.executable).parent / "nbgrader", "autograde", lesson.name]
    subprocess.run(command, cwd=ROOT, env=os.environ, check=True, capture_output=True)
    ours = {r.student: r.points for r in report.results(book, [lesson])}
    theirs = {r.student: r.points for r in report.results(fresh, [lesson])}
    assert theirs == {student: ours[student] for student in theirs}
    assert len(theirs) == 3
