"""The step that runs notebooks under nbgrader's own commands: its limits, and what it does when nothing can be run."""

import logging

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from typer.testing import CliRunner

from autograder import cli
from autograder.cells import SETUP, WHOM
from autograder.running.execute import MachineFailed, NotRun, Run, Worker
from autograder.running.limits import Limits
from autograder.running.step import ExecuteInWorker

RESOURCES = {"nbgrader": {"student": "Ada", "notebook": "01_chain_rule"}}


@pytest.fixture
def notebook():
    check = new_code_cell("assert answer == 42")
    check.metadata.nbgrader = {"grade": True, "grade_id": "check_answer", "points": 2, "solution": False}
    return new_notebook(cells=[new_code_cell("answer = 42"), check])


def test_limits_are_those_of_the_configuration(book):
    assert ExecuteInWorker(config=book.config).limits == Limits()
    book.config.ExecuteInWorker.cell_seconds = 3.5
    assert ExecuteInWorker(config=book.config).limits == Limits(cell_seconds=3.5)


def test_the_grade_command_reads_the_same_limits(book, monkeypatch):
    book.config.ExecuteInWorker.cell_seconds = 3.5
    book.config.ExecuteInWorker.memory_mib = 100
    seen = []
    monkeypatch.setattr(cli, "Gradebook", lambda folder: book)
    monkeypatch.setattr(cli, "grade_class", lambda *arguments: seen.append(arguments[4]))
    done = CliRunner().invoke(cli.app, ["grade", "--memory-mib", "200"], catch_exceptions=False)
    assert done.exit_code == 0
    assert seen == [Limits(cell_seconds=3.5, memory_mib=200)]


def test_limits_hit_are_logged(notebook, monkeypatch, caplog):
    monkeypatch.setattr(Worker, "run", lambda self, nb, limits: Run(1.0, ["check_answer: stopped"]))
    ExecuteInWorker(log=logging.getLogger(__name__)).preprocess(notebook, RESOURCES)
    assert "Ada, 01_chain_rule: check_answer: stopped" in caplog.text


def test_a_notebook_that_cannot_be_run_says_so_in_every_check(notebook, monkeypatch, caplog):
    def refuse(self, nb, limits):
        raise NotRun("its process did not start in time")

    monkeypatch.setattr(Worker, "run", refuse)
    graded, _ = ExecuteInWorker(log=logging.getLogger(__name__)).preprocess(notebook, RESOURCES)
    assert [output.evalue for output in graded.cells[1].outputs] == ["its process did not start in time"]
    assert "did not start in time" in caplog.text


def test_a_late_run_is_run_once_more_before_it_counts(notebook, monkeypatch, caplog):
    notebook.metadata |= {SETUP: ["x = 1"], WHOM: "Ada/01_chain_rule"}
    outcomes = [Run(1.0, ["check_answer: stopped"], late=True), Run(1.0, [])]
    given = []

    def run(self, nb, limits):
        given.append((nb.metadata.pop(SETUP), nb.metadata.pop(WHOM)))
        return outcomes[len(given) - 1]

    monkeypatch.setattr(Worker, "run", run)
    ExecuteInWorker(log=logging.getLogger(__name__)).preprocess(notebook, RESOURCES)
    assert given == [(["x = 1"], "Ada/01_chain_rule")] * 2
    assert "stopped" not in caplog.text


def test_the_machines_failure_is_no_grade(notebook, monkeypatch):
    def fail(self, nb, limits):
        raise MachineFailed("its examiner ended unexpectedly")

    monkeypatch.setattr(Worker, "run", fail)
    with pytest.raises(MachineFailed):
        ExecuteInWorker().preprocess(notebook, RESOURCES)


def test_an_interrupt_ends_the_worker(notebook, monkeypatch):
    """It was in the middle of a notebook: the next one must not get its answers."""
    closed = []
    monkeypatch.setattr(Worker, "run", lambda self, nb, limits: (_ for _ in ()).throw(KeyboardInterrupt))
    monkeypatch.setattr(Worker, "close", lambda self: closed.append(self))
    with pytest.raises(KeyboardInterrupt):
        ExecuteInWorker().preprocess(notebook, RESOURCES)
    assert closed == [ExecuteInWorker._worker]
