"""A PostgreSQL server as the gradebook's database: a real one, started for these tests and stopped after them."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbgrader.apps.api import NbGraderAPI
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from autograder.authoring.source import grade_ids
from autograder.cli import app
from autograder.course import ROOT, CourseError, Gradebook, lessons
from autograder.proving import sample_class
from autograder.recording.grade import grade
from autograder.recording.record import RECORD
from autograder.recording.tasks import pending
from autograder.telling import feedback, report

pytest.importorskip("psycopg", reason="the driver is not installed: pip install 'psycopg[binary]'")

LESSON = lessons()[0]
MOST = sum(points or 0 for points in grade_ids(LESSON.release).values())
STUDENTS = ["Chiara Rossi", "Lena Novak"]


class Server:
    """A PostgreSQL server of our own in a folder of its own, reached through a socket in there."""

    def __init__(self, binaries: Path, folder: Path):
        self.binaries, self.folder = binaries, folder
        self.url = f"postgresql://grader@/postgres?host={folder}"
        # The server refuses to run as root; Debian's package brings a user for it.
        self.user = "postgres" if os.getuid() == 0 else None
        if self.user:
            shutil.chown(folder, self.user)
        self._run("initdb", "--auth=trust", "--username=grader", "--no-sync")

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off"
        self._run("pg_ctl", "start", "-w", "-l", str(self.folder / "log"), "-o", settings)

    def stop(self) -> None:
        """Stop at once, connections or not."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate")

    def _run(self, program: str, *arguments: str) -> None:
        command = [self.binaries / program, "-D", self.folder / "data", *arguments]
        # Its output goes to a file: the server keeps it open, and a pipe would never end.
        said = self.folder / "said"
        with said.open("w") as output:
            done = subprocess.run(command, cwd=self.folder, user=self.user, stdout=output, stderr=output)
        assert done.returncode == 0, said.read_text()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/pg_ctl"), key=lambda path: int(path.split("/")[4]))
    program = shutil.which("pg_ctl") or (found[-1] if found else None)
    if program is None:
        pytest.skip("no PostgreSQL server is installed (on Debian: apt-get install postgresql)")
    # Not pytest's folder: the server's user could not enter it, and a socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        started = Server(Path(program).parent, Path(folder))
        started.start()
        try:
            yield started
        finally:
            started.stop()


@pytest.fixture
def book(server, tmp_path, monkeypatch) -> Gradebook:
    """A gradebook in an empty database, with two submissions that are not graded yet."""
    engine = create_engine(server.url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    monkeypatch.setenv("AUTOGRADER_DB", server.url)
    made = Gradebook(tmp_path / "gradebook")
    for student in [s for s in sample_class.CLASS if s.name in STUDENTS]:
        folder = made.submitted / student.name / LESSON.name
        folder.mkdir(parents=True)
        for name, content in student.hands_in(LESSON, student.name).items():
            (folder / name).write_bytes(content)
    return made


def tasks_of(book, force=False):
    return pending(book, [LESSON], None, sample_class.LIMITS, force)


def command(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_class_is_graded_into_the_server(book):
    assert not book.has_database()
    assert "There is no gradebook" in command("grades", "--gradebook", book.folder).output
    grade(book, tasks_of(book)[0], 1, sample_class.LIMITS)
    assert {r.student: r.score for r in report.results(book, [LESSON])} == {"Chiara Rossi": MOST, "Lena Novak": 0}
    assert not list(book.folder.glob("*.db"))
    assert tasks_of(book) == ([], 2)
    shown = command("grades", LESSON.name, "--gradebook", book.folder)
    assert f"{MOST:g}/{MOST:g}" in shown.output
    pages, _ = feedback.feedback(book, [LESSON])
    assert {page.parents[1].name for page in pages} == set(STUDENTS)


def test_nbgraders_own_commands_use_it_too(book):
    grade(book, tasks_of(book)[0], 1, sample_class.LIMITS)
    api = NbGraderAPI(config=book.config)
    assert api.autograde(LESSON.name, "Chiara Rossi")["success"]
    # What formgrader's pages ask for.
    assert {s["student"]: s["score"] for s in api.get_submissions(LESSON.name)} == {
        "Chiara Rossi": MOST,
        "Lena Novak": 0,
    }
    assert {s["id"]: s["score"] for s in api.get_students()} == {"Chiara Rossi": MOST, "Lena Novak": 0}
    assert len(api.get_notebook_submissions(LESSON.name, LESSON.name)) == 2
    assert [a["average_score"] for a in api.get_assignments() if a["name"] == LESSON.name] == [MOST / 2]
    nbgrader = [Path(sys.executable).parent / "nbgrader", "export", "--to", book.folder / "export.csv"]
    subprocess.run(nbgrader, cwd=ROOT, check=True, capture_output=True)
    assert "Chiara Rossi" in (book.folder / "export.csv").read_text()


def test_another_database_means_grading_again(book, monkeypatch):
    grade(book, tasks_of(book)[0], 1, sample_class.LIMITS)
    monkeypatch.delenv("AUTOGRADER_DB")
    elsewhere = Gradebook(book.folder)
    assert elsewhere.db_url.startswith("sqlite:")
    assert [task.student for task in tasks_of(elsewhere)[0]] == STUDENTS
    assert tasks_of(book) == ([], 2)


def test_the_sample_class_stays_out_of_a_real_database(book, tmp_path):
    folder = book.submitted / "A Real Student" / LESSON.name
    shutil.copytree(book.submitted / "Lena Novak" / LESSON.name, folder)
    grade(book, tasks_of(book)[0], 1, sample_class.LIMITS)
    said = command("demo", "--gradebook", tmp_path / "empty")
    assert "holds a real class" in said.output and said.exit_code == 1


def test_a_server_that_does_not_answer_is_named(book, server):
    """Before grading and in the middle of it: one sentence, and nobody is marked as graded."""
    grade(book, tasks_of(book)[0], 1, sample_class.LIMITS)
    again, _ = tasks_of(book, force=True)
    shutil.rmtree(book.autograded)
    try:
        with pytest.raises(CourseError, match="stopped answering; run the same command again"):
            grade(book, again[:1], 1, sample_class.LIMITS, on_start=lambda task: server.stop())
        assert not list(book.autograded.glob(f"*/*/{RECORD}"))
        for words in (["grade"], ["grades"], ["feedback"]):
            said = command(*words, LESSON.name, "--gradebook", book.folder)
            assert said.exit_code == 1
            assert said.output.startswith("The gradebook's database cannot be opened: postgresql://grader@/")
            assert len(said.output.splitlines()) == 1
    finally:
        server.start()
    grade(book, tasks_of(book)[0], 1, sample_class.LIMITS)
    assert {r.student: r.score for r in report.results(book, [LESSON])} == {"Chiara Rossi": MOST, "Lena Novak": 0}


@pytest.mark.parametrize("url", ["nonsense", "postgresql://ta:secret@127.0.0.1:1/class", "unknown+driver://x"])
def test_what_is_wrong_with_a_url_is_said_without_its_password(tmp_path, monkeypatch, url):
    monkeypatch.setenv("AUTOGRADER_DB", url)
    with pytest.raises(CourseError, match="database cannot be opened") as error:
        Gradebook(tmp_path / "gradebook").has_database()
    assert "secret" not in str(error.value)
