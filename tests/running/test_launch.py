"""Processes that stand by before anybody asks for them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from autograder.course import ROOT
from autograder.running import launch


@pytest.fixture
def nobody_stands_by(monkeypatch):
    monkeypatch.setattr(launch, "_standing_by", [])


def test_who_stands_by_is_taken_once(nobody_stands_by):
    launch.stand_by()
    (waiting,) = launch._standing_by
    first, second = launch.examiner(), launch.examiner()
    try:
        assert first is waiting
        assert second.pid != first.pid
    finally:
        for process in (first, second):
            process.kill()
            process.communicate()


def test_one_that_is_gone_is_not_taken(nobody_stands_by):
    launch.stand_by()
    (gone,) = launch._standing_by
    gone.kill()
    gone.communicate()
    other = launch.examiner()
    assert other.pid != gone.pid
    other.kill()
    other.communicate()


def test_one_that_nobody_took_ends_with_the_grader():
    code = "from autograder.running import launch; launch.stand_by(); print(launch._standing_by[0].pid)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    pid = int(said.stdout)
    for _ in range(600):  # The kernel ends it with its parent, or it reads the end of its input.
        if not os.path.exists(f"/proc/{pid}"):
            return
        subprocess.run(["sleep", "0.1"], check=True)
    pytest.fail(f"process {pid} is still there")


@pytest.mark.parametrize("module", ["autograder.running.launch", "autograder.cli"])
def test_starting_waits_for_no_import(module):
    code = (
        f"import sys, {module}; print([m for m in ('torch', 'nbgrader', 'nbformat', 'sqlalchemy') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout.strip() == "[]"
