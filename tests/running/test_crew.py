"""A cluster gives what one machine gives, and loses nothing when its workers die."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.course import ROOT, CourseError, lessons
from autograder.proving import sample_class
from autograder.recording.grade import grade
from autograder.recording.tasks import pending
from autograder.running import crew
from autograder.running.crew import DaskCrew, LocalCrew, fill_in, question, run_text
from autograder.running.limits import Limits
from autograder.telling import report

LIMITS = Limits(cell_seconds=5.0, total_seconds=20.0, memory_mib=1024)
WORKERS = 3
LESSON = lessons()[0]


def start(*arguments):
    """A Dask process, which finds this file's functions as well as the course's."""
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def address_in(where):
    """The address in the file a scheduler writes when it is ready."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        try:
            return json.loads(where.read_text())["address"]
        except (OSError, ValueError):
            time.sleep(0.05)
    pytest.fail("the scheduler does not start")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The address of a scheduler with three workers, each a process of its own that nobody starts again."""
    pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("dask")
    where = folder / "scheduler.json"
    processes = [start("scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", where)]
    for i in range(WORKERS):
        # A worker waits for the file.
        processes.append(
            start("worker", "--scheduler-file", where, "--nthreads", 1, "--no-nanny", "--no-dashboard", "--name", i,
                  "--local-directory", folder)
        )  # fmt: skip
    yield address_in(where)
    for process in processes:
        process.kill()
        process.wait()


def end_of_worker(asked):
    """Stands for `run_text`: a submission with these words ends the Dask worker itself."""
    if "END THE WORKER" in asked:
        os._exit(1)
    return run_text(asked)


def has_a_bug(asked):
    return str(1 / 0)


def test_a_cluster_gives_what_one_machine_gives(cluster):
    sources = ["x = 20", "print('héllo')\nx + 1", "1 / 0", "float('nan')", "import os; os._exit(7)", "x"]
    gave = []
    for which in (LocalCrew(1), DaskCrew(cluster)):
        cells = [new_markdown_cell("text"), *(new_code_cell(s, outputs=[], id=f"c{i}") for i, s in enumerate(sources))]
        notebook = new_notebook(cells=cells)
        del notebook.cells[0]["id"]
        try:
            outcome = which.submit(notebook, LIMITS).result(timeout=600)
        finally:
            which.stop()
        gave.append((notebook, outcome.notes))
    assert gave[0] == gave[1]
    notebook, notes = gave[1]
    assert notebook.cells[2].outputs[1].data["text/plain"] == "21"
    assert notebook.cells[6].outputs[0].data["text/plain"] == "20"
    assert any("exit 7" in note for note in notes)


def test_a_bug_in_a_worker_shows_and_does_not_hang(cluster, monkeypatch):
    monkeypatch.setattr(crew, "run_text", has_a_bug)
    dask = DaskCrew(cluster)
    try:
        with pytest.raises(ZeroDivisionError):
            dask.submit(new_notebook(cells=[new_code_cell("1")]), LIMITS).result(timeout=600)
    finally:
        dask.stop()


def test_a_submission_that_ends_workers_is_set_aside_and_the_others_are_graded_once(cluster, monkeypatch, book):
    monkeypatch.setattr(crew, "run_text", end_of_worker)
    right = next(s for s in sample_class.CLASS if s.name == "Amélie Dubois")
    (content,) = right.hands_in(LESSON, right.name).values()
    for student in ("a", "b", "c", "d", "killer"):
        notebook = json.loads(content)
        if student == "killer":
            notebook["cells"][0]["source"] = "END THE WORKER"
        folder = book.submitted / student / LESSON.name
        folder.mkdir(parents=True)
        (folder / f"{LESSON.name}.ipynb").write_text(json.dumps(notebook))
    tasks, _ = pending(book, [LESSON], None, LIMITS, force=False)
    records = []
    grade(book, tasks, 1, LIMITS, on_record=records.append, scheduler=cluster)
    assert sorted(record.student for record in records) == ["a", "b", "c", "d", "killer"]
    results = {result.student: result for result in report.results(book, [LESSON])}
    assert results["killer"].status == "set aside: it ended two workers"
    assert results["killer"].score == 0
    for student in "abcd":
        assert results[student].status == "graded"
        assert results[student].score == results[student].maximum


def test_no_workers_and_a_scheduler_that_goes_end_the_run_with_a_sentence(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    where = tmp_path / "scheduler.json"
    scheduler = start("scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", where)
    notebook = new_notebook(cells=[new_code_cell("1")])
    crews = []
    try:
        monkeypatch.setattr(DaskCrew, "PATIENCE_SECONDS", 0.1)
        crews.append(DaskCrew(address_in(where)))
        with pytest.raises(CourseError, match="has had no workers"):
            crews[0].submit(notebook, LIMITS).result(timeout=600)
        monkeypatch.setattr(DaskCrew, "PATIENCE_SECONDS", 100)
        monkeypatch.setattr(DaskCrew, "CONNECT_SECONDS", 2)
        crews.append(DaskCrew(address_in(where)))
        future = crews[1].submit(notebook, LIMITS)
        scheduler.kill()
        for waiting in (future, crews[1].submit(notebook, LIMITS)):
            with pytest.raises(CourseError, match="is gone"):
                waiting.result(timeout=600)
    finally:
        for each in crews:
            each.stop()
        scheduler.kill()
        scheduler.wait()


def test_no_scheduler_says_so(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(DaskCrew, "CONNECT_SECONDS", 0.5)
    for address in ("tcp://127.0.0.1:1", "not an address", "carrier-pigeon://loft:1"):
        with pytest.raises(CourseError, match=f"no Dask scheduler at {address}"):
            DaskCrew(address)


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CourseError, match="pip install"):
        DaskCrew("tcp://127.0.0.1:8786")


def test_a_worker_with_another_course_does_not_grade(monkeypatch):
    notebook = new_notebook(cells=[new_code_cell("1", metadata={})])
    asked = question(notebook, LIMITS)
    monkeypatch.setattr(crew, "versions", lambda: {"course": "older"})
    outcome = fill_in(notebook, run_text(asked), "tcp://far:1")
    assert isinstance(outcome, CourseError)
    assert "tcp://far:1 has another version of the course" in str(outcome)


def test_old_outputs_do_not_travel():
    notebook = new_notebook(cells=[new_code_cell("1")])
    notebook.cells[0].outputs = [{"output_type": "stream", "name": "stdout", "text": "long" * 10**6}]
    asked = question(notebook, LIMITS)
    assert len(asked) < 1000
    assert notebook.cells[0].outputs
