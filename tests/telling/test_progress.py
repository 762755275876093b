"""What a person sees while a class is graded, and the log that stays: both bounded, both safe from what students write."""

import io
import json
import logging
import re
import time
from dataclasses import dataclass

import pytest
from rich.console import Console

from autograder.course import Lesson, lessons
from autograder.printable import for_markup, one_line, printable
from autograder.recording import log as grading_log
from autograder.recording.record import NAME_NOTE, Record
from autograder.recording.tasks import Task
from autograder.running.limits import Limits
from autograder.telling.progress import Progress, clock_time

FIRST, SECOND = lessons()[:2]


class Terminal(io.StringIO):
    """Stands for a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass
class Clock:
    """Time that passes when told to."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def tasks(tmp_path, n=3):
    return [Task(f"student {i}", lesson, tmp_path, "") for lesson in (FIRST, SECOND) for i in range(n)]


def record(task, **more):
    return Record(task.student, task.lesson.name, "", **more)


def console(file, width=100, **more):
    return Console(file=file, width=width, height=24, highlight=False, **more)


def drawn(progress, width=100):
    page = io.StringIO()
    console(page, width).print(progress.render())
    return page.getvalue()


# --- The table --------------------------------------------------------------------------------------------------------


def test_every_submission_is_in_one_place(tmp_path):
    todo = tasks(tmp_path)
    progress = Progress(todo, console(io.StringIO()))
    progress.running(todo[0])
    progress.running(todo[1])
    progress.settled(record(todo[0]))
    progress.settled(record(todo[3], lost={"nll": "wrong"}))
    progress.settled(record(todo[4], status="the file is empty"))
    first, second = progress.lessons[FIRST.name], progress.lessons[SECOND.name]
    assert (first.waiting, first.running, first.graded, first.full, first.not_runnable) == (1, 1, 1, 1, 0)
    assert (second.waiting, second.running, second.graded, second.full, second.not_runnable) == (1, 0, 1, 0, 1)
    assert progress.total.settled == 3
    rows = {line.split()[0]: line.split()[1:] for line in drawn(progress).splitlines() if line.split()}
    assert rows[FIRST.name] == ["1", "1", "1", "1", "-"]
    assert rows["total"] == ["2", "1", "2", "1", "1"]


def test_rate_and_time_left(tmp_path):
    clock = Clock()
    todo = tasks(tmp_path)
    progress = Progress(todo, console(io.StringIO()), clock)
    assert "ETA" not in progress.line()
    for task in todo[:2]:
        clock.now += 5
        progress.settled(record(task))
    assert progress.line() == "2 of 6 done, 0 running; 0.2 per second, elapsed 0:10, ETA 0:20"
    for task in todo[2:]:
        progress.settled(record(task))
    assert progress.line() == "6 of 6 done, 0 running; 0.6 per second, elapsed 0:10"


def test_the_rate_forgets_the_start(tmp_path):
    clock = Clock()
    todo = tasks(tmp_path, 100)
    progress = Progress(todo, console(io.StringIO()), clock)
    clock.now += 1000
    for task in todo:
        clock.now += 0.5
        progress.settled(record(task))
    assert progress.rate == pytest.approx(2)


def test_durations():
    assert [clock_time(s) for s in (0, 59.6, 61, 3723)] == ["0:00", "1:00", "1:01", "1:02:03"]


def test_a_narrow_terminal_holds_it(tmp_path):
    long = Lesson("09_" + "a_long_topic_" * 5)
    todo = [Task("student", long, tmp_path, ""), *tasks(tmp_path)]
    progress = Progress(todo, console(io.StringIO(), 60))
    for task in todo:
        progress.settled(record(task, notes=["some cell: " + "far too much to say " * 20]))
    page = drawn(progress, 60)
    assert max(map(len, page.splitlines())) <= 60
    for word in (FIRST.name, "waiting", "running", "graded", "full", "marks", "not", "runnable"):
        assert word in page
    assert len([line for line in page.splitlines() if "far too much" in line]) == 5


def test_a_terminal_is_left_clean(tmp_path):
    terminal = Terminal()
    progress = Progress(tasks(tmp_path), console(terminal, force_terminal=True))
    with pytest.raises(KeyboardInterrupt), progress:
        raise KeyboardInterrupt
    said = terminal.getvalue()
    assert said.count("\x1b[?25l") == said.count("\x1b[?25h") == 1
    assert said.rindex("\x1b[?25h") > said.rindex(FIRST.name)
    assert said.rstrip("\x1b[?25h").endswith("\n")


def test_no_color_is_respected(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    todo = tasks(tmp_path)
    with Progress(todo, console(terminal, force_terminal=True)) as progress:
        progress.settled(record(todo[0], status="the file is empty"))
    assert "the file is empty" in terminal.getvalue()
    assert not re.search(r"\x1b\[[\d;]*(3\d|4\d|9\d)[\d;]*m", terminal.getvalue())


@pytest.mark.parametrize("forced", [False, True])
def test_a_pipe_gets_a_line_for_what_is_remarkable(tmp_path, forced):
    """FORCE_COLOR makes rich believe in a terminal; a table drawn over itself would still ruin the file."""
    pipe = io.StringIO()
    todo = tasks(tmp_path)
    with Progress(todo, console(pipe, force_terminal=forced, no_color=True)) as progress:
        progress.settled(record(todo[0], notes=[f"{NAME_NOTE}Ada"]))
        progress.settled(record(todo[1], status="the file is empty"))
    assert pipe.getvalue() == f"  student 1, {FIRST.name}: the file is empty\n"


def test_a_pipe_gets_a_line_on_the_whole_now_and_then(tmp_path, monkeypatch):
    monkeypatch.setattr("autograder.telling.progress.LINE_SECONDS", 0.01)
    pipe = io.StringIO()
    with Progress(tasks(tmp_path), console(pipe)):
        deadline = time.monotonic() + 600
        while not pipe.getvalue() and time.monotonic() < deadline:
            time.sleep(0.005)
    assert pipe.getvalue().startswith("0 of 6 done, 0 running; elapsed 0:0")


# --- What students write ----------------------------------------------------------------------------------------------

NASTY = "[bold]Ada[/bold]\x1b[2J\x1b]0;title\x07\r\nevent=finished\u202e\x9b31m\u2028x"


def test_text_of_students_is_shown_not_obeyed(tmp_path):
    pipe = io.StringIO()
    todo = [Task(NASTY, FIRST, tmp_path, "")]
    with Progress(todo, console(pipe, width=200)) as progress:
        progress.settled(record(todo[0], status=NASTY))
        page = drawn(progress, 400)
    for shown in (pipe.getvalue(), page):
        assert "[bold]Ada[/bold] event=finished\\u202e\\x9b31m x" in shown
        assert not set(shown) & set("\x1b\x07\r\x9b\u202e\u2028")


def test_printable_keeps_names_and_lines():
    kept = "Zoë 王 O'Brien \u0645\u06cc\u200c\u062e\n  indented"
    assert printable(kept) == kept
    assert printable("a\tb\x00\ud800") == "a    b\\x00\\ud800"
    assert printable("\x1b[31mred\x1b[0m \x1b") == "red \\x1b"
    assert len(one_line("x" * 10_000_000)) == len(one_line("\x1b[m" * 1000 + "x" * 1000)) == 300
    assert for_markup("[red]a\nb") == "\\[red]a b"


# --- The log ----------------------------------------------------------------------------------------------------------


def entries(folder):
    return (folder / grading_log.NAME).read_text(encoding="utf-8").splitlines()


def test_a_run_is_logged_line_by_line(tmp_path):
    todo = tasks(tmp_path)
    with grading_log.run(tmp_path, todo, 2, Limits()) as log:
        limit = "check_nll: stopped: ran for more than 10 seconds"
        log.settled(record(todo[0], score=3.5, maximum=22.0, seconds=0.712, notes=[f"{NAME_NOTE}Ada", limit]))
        log.settled(record(todo[1], status="the file is empty"))
    started, hit, graded, unreadable, finished = entries(tmp_path)
    assert all(
        re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (INFO|WARNING) event=\w+ ", line) for line in entries(tmp_path)
    )
    assert f"submissions=6 lessons={FIRST.name},{SECOND.name} workers=2 cell_seconds=10 total_seconds=60" in started
    assert "nbgrader=" in started
    assert f'WARNING event=limit student="student 0" lesson={FIRST.name} what="{limit}"' in hit
    assert "score=3.5 maximum=22 seconds=0.712" in graded
    assert 'reason="the file is empty"' in unreadable
    assert "event=finished graded=1 unreadable=1 limits=1 left=4" in finished


@pytest.mark.parametrize(("error", "event"), [(KeyboardInterrupt(), "stopped"), (ValueError("no\nway"), "failed")])
def test_how_a_run_ended_is_logged(tmp_path, error, event):
    for _ in range(2):
        with pytest.raises(type(error)), grading_log.run(tmp_path, tasks(tmp_path), 1, Limits()):
            raise error
    assert [line.split()[2] for line in entries(tmp_path)] == ["event=started", f"event={event}"] * 2


def test_nobody_writes_lines_of_their_own_into_the_log(tmp_path):
    todo = [Task(NASTY, FIRST, tmp_path, "")]
    with grading_log.run(tmp_path, todo, 1, Limits()) as log:
        log.settled(record(todo[0], status=NASTY * 1000))
        log.settled(record(todo[0], notes=['"quoted" student=Eve score=22']))
    _, unreadable, limit, graded, _ = entries(tmp_path)
    assert len(unreadable) < 1000
    assert not set((tmp_path / grading_log.NAME).read_text(encoding="utf-8")) & set("\x1b\x07\r\x9b\u202e\u2028")
    for line in (unreadable, limit, graded):
        values = re.findall(r' (\w+)=("(?:[^"\\]|\\.)*"|\S+)', line)
        assert [key for key, _ in values].count("student") == 1
        assert json.loads(dict(values)["student"]) == one_line(NASTY)


def test_the_log_does_not_grow_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(grading_log, "MAX_BYTES", 2000)
    todo = tasks(tmp_path)
    with grading_log.run(tmp_path, todo, 1, Limits()) as log:
        for _ in range(100):
            log.settled(record(todo[0]))
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["grading.log", "grading.log.1", "grading.log.2"]
    assert all((tmp_path / name).stat().st_size <= 2000 for name in kept)


def test_the_log_is_nobody_elses(tmp_path, caplog):
    with caplog.at_level(logging.DEBUG), grading_log.run(tmp_path, tasks(tmp_path), 1, Limits()):
        logging.getLogger("another").warning("not for the log")
    assert [line.split()[2] for line in entries(tmp_path)] == ["event=started", "event=finished"]
    assert [entry.message for entry in caplog.records] == ["not for the log"]
