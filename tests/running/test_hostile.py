"""Every attack in `tests/running/attacks.py` gains nothing, leaks nothing and disturbs nobody.

All are graded in one run, by two workers, with honest students in between: what an attack leaves behind meets the next
ones. Each attack is then held to account by itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.markup import escape

from autograder.authoring.source import CHECK_PREFIX, grade_ids
from autograder.course import ROOT, Gradebook
from autograder.intake.collect import collect
from autograder.recording.grade import grade
from autograder.recording.record import Record
from autograder.recording.tasks import pending
from autograder.running import sandbox
from autograder.running.limits import Limits
from autograder.telling import report
from autograder.telling.feedback import PageMaker
from tests.running.attacks import ATTACKS, LESSON, Attack, hand_in_solution

pytestmark = pytest.mark.skipif(bool(sandbox.problem()), reason=f"no sandbox here: {sandbox.problem()}")

LIMITS = Limits(cell_seconds=1.0, total_seconds=4.0, patience=2.0, memory_mib=512)
POINTS = {n.removeprefix(CHECK_PREFIX): p for n, p in grade_ids(LESSON.release).items() if p is not None}
# Pieces of what a student may never see: of hidden tests, of the grader, of the gradebook.
HIDDEN = (
    "def check_",
    "_LEAKS",
    "import judge",
    "trusted process beside every worker",
    "submitted_assignment",
    "class Examination",
)
HONEST_EVERY = 8


def student(attack: Attack) -> str:
    """The id that the attack is handed in under; ids sort in the order of ATTACKS."""
    return f"{ATTACKS.index(attack):03d} {re.sub(r'[^a-zA-Z0-9 ]', '-', attack.name)}"


@dataclass
class Arena:
    """What there was before the attacks, and what came of them."""

    attacks: list[Attack]
    book: Gradebook
    secret: str
    planted: dict[Path, bytes]
    results: dict[str, report.Result] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    honest: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    left_over: dict[str, list[str]] = field(default_factory=dict)
    seconds: float = 0.0
    largest_mib: float = 0.0
    """Of the processes that grading started."""

    def notebook(self, who: str) -> dict[str, Any]:
        """The autograded notebook."""
        return json.loads((self.book.autograded / who / LESSON.name / f"{LESSON.name}.ipynb").read_bytes())

    def page(self, who: str) -> str:
        """The feedback page, made now."""
        with contextlib.closing(PageMaker(self.book.config)) as maker:
            maker.ask(who, LESSON.name)
            maker.made()
        return (self.book.feedback / who / LESSON.name / f"{LESSON.name}.html").read_text(encoding="utf-8")

    def told(self, who: str) -> str:
        """Everything a TA reads about a submission."""
        result = self.results[who]
        return "\n".join([*result.remarks, *result.lost.values()])


def fight(folder: Path, attacks: list[Attack]) -> Arena:
    """Hand in and grade the attacks, with honest students in between."""
    arena = Arena(attacks, Gradebook(folder / "gradebook"), secrets.token_hex(16), {})
    outside = folder / "outside"
    outside.mkdir(mode=0o777)
    (outside / "secret.txt").write_text(arena.secret)
    with listeners(outside, arena.heard) as places:
        places |= {"OUTSIDE": str(outside), "GRADEBOOK": str(arena.book.folder), "ROOT": str(ROOT)}
        for attack in attacks:
            attack.hand_in(arena.book.submitted / student(attack) / LESSON.name, places)
            n = ATTACKS.index(attack)
            if n % HONEST_EVERY == 0 or attack is attacks[-1]:
                arena.honest.append(f"{n:03d} ~honest")
                hand_in_solution(arena.book.submitted / arena.honest[-1] / LESSON.name, arena.honest[-1])
        kept = [outside / "secret.txt", *arena.book.submitted.rglob("*.ipynb")]
        kept += [
            p for folder in ("lib", "data", "autograder") for p in (ROOT / folder).rglob("*.*") if "__py" not in str(p)
        ]
        arena.planted = {p: p.read_bytes() for p in kept if p.is_file() and not p.is_symlink()}
        tasks, _ = pending(arena.book, [LESSON], None, LIMITS, force=False)

        def on_record(record: Record) -> None:
            arena.records[record.student] = record
            marks = [
                mark for a in attacks if student(a) == record.student for mark in re.findall(r"hostile-\w+'", a.first)
            ]
            if found := [p for mark in marks for p in processes(mark.rstrip("'"))]:
                arena.left_over[record.student] = found

        os.environ["COURSE_CANARY"] = arena.secret
        begun = time.monotonic()
        try:
            grade(arena.book, tasks, 2, LIMITS, on_record=on_record)
        finally:
            del os.environ["COURSE_CANARY"]
        arena.largest_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        arena.seconds = time.monotonic() - begun
        time.sleep(0.1)
    arena.results = {r.student: r for r in report.results(arena.book, [LESSON])}
    return arena


@contextlib.contextmanager
def listeners(outside: Path, heard: list[str]) -> Iterator[dict[str, str]]:
    """Sockets of every kind that wait for a word out of the sandbox."""
    abstract = f"course-{secrets.token_hex(8)}"
    sockets = {
        "TCP": (socket.AF_INET, socket.SOCK_STREAM, ("0.0.0.0", 0)),
        "UDP": (socket.AF_INET, socket.SOCK_DGRAM, ("0.0.0.0", 0)),
        "SOCKET": (socket.AF_UNIX, socket.SOCK_STREAM, str(outside / "socket")),
        "ABSTRACT": (socket.AF_UNIX, socket.SOCK_STREAM, f"\0{abstract}"),
    }
    places, opened = {}, []
    ending = threading.Event()

    def listen(name: str, s: socket.socket) -> None:
        while not ending.is_set():
            with contextlib.suppress(TimeoutError):
                s.accept() if s.type == socket.SOCK_STREAM else s.recv(100)
                heard.append(name)

    with contextlib.ExitStack() as stack:
        for name, (family, kind, address) in sockets.items():
            s = stack.enter_context(socket.socket(family, kind))
            s.bind(address)
            s.settimeout(0.2)
            if kind == socket.SOCK_STREAM:
                s.listen()
            places[name] = str(s.getsockname()[1]) if family == socket.AF_INET else address.lstrip("\0")
            opened.append(threading.Thread(target=listen, args=(name, s)))
        for thread in opened:
            thread.start()
        try:
            yield places
        finally:
            ending.set()
            for thread in opened:
                thread.join()


def processes(name: str) -> list[str]:
    """The processes that call themselves so, seen from outside."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes().startswith(name.encode()):
                found.append(path.parent.name)
    return found


@pytest.fixture(scope="module")
def arena(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Arena:
    """The attacks that this run of pytest asks for: all, or the few that `-k` names."""
    parameters = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    asked = [p["attack"].name for p in parameters if "attack" in p]
    return fight(tmp_path_factory.mktemp("arena"), [a for a in ATTACKS if a.name in asked] or ATTACKS)


def test_names_are_unique():
    assert len({a.name for a in ATTACKS}) == len(ATTACKS) >= 40


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
def test_attack(arena, attack):
    who = student(attack)
    result = arena.results[who]
    # It gains nothing,
    assert result.points == {e: (p if e in attack.earns else 0, p) for e, p in POINTS.items()}
    assert set(result.lost) == set(POINTS) - attack.earns
    assert attack.says in arena.told(who)
    # leaks nothing,
    notebook = arena.notebook(who)
    shown = json.dumps([c.get("outputs", []) for c in notebook["cells"]], ensure_ascii=False) + arena.told(who)
    assert arena.secret not in shown + json.dumps(notebook)
    assert not [piece for piece in HIDDEN if piece in shown]
    assert "found:hostile" not in shown
    # fills nobody's disk, and stays text wherever it is shown,
    assert len(shown) < 7_000_000
    assert arena.told(who).replace("\n", "").isprintable()
    assert max(map(len, arena.told(who).split("\n"))) < 1000
    # leaves no process,
    assert who not in arena.left_over
    # and no script.
    kinds = {k for c in notebook["cells"] for o in c.get("outputs", []) for k in o.get("data", {})}
    assert kinds <= {"text/plain", "image/png"}
    if attack.page:
        assert_inert(arena.page(who))


# Attacks that meet other walls as an ordinary user than as root, who makes the namespaces without a user namespace.
ORDINARY = "spoil or limits or sow or kinds"


@pytest.mark.skipif(os.getuid() != 0, reason="the other tests here are run by an ordinary user already")
def test_attacks_gain_nothing_where_an_ordinary_user_grades():
    """A user who can read this Python and this folder, in a mount namespace where a closed home does not hide them."""
    if not all(map(shutil.which, ("unshare", "setpriv", "mount"))):
        pytest.skip("needs unshare, setpriv and mount")
    user = 61_999
    home = Path(tempfile.mkdtemp(prefix="ordinary-", dir="/tmp"))
    hold = home / "python"
    hold.mkdir()
    os.chown(home, user, user)
    # Everything above the prefix that is closed to others is covered, and the prefix put back in its place.
    closed = [p for p in reversed(Path(sys.base_prefix).parents) if not p.stat().st_mode & 0o001]
    script = ["set -e"]
    if closed:
        script += [
            f"mount --bind {sys.base_prefix} {hold}", f"mount -t tmpfs -o mode=755 none {closed[0]}",
            f"mkdir -p {sys.base_prefix}", f"mount --bind {hold} {sys.base_prefix}",
        ]  # fmt: skip
    script += [f'exec setpriv --reuid {user} --regid {user} --clear-groups --inh-caps=-all --bounding-set=-all "$@"']
    as_user = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(script), "sh"]
    environment = os.environ | {"HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        probe = "from autograder.running import sandbox; print(sandbox.problem())"
        tried = subprocess.run(
            [*as_user, sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT, env=environment
        )
        if tried.returncode != 0 or tried.stdout.strip():
            pytest.skip(f"no sandbox for an ordinary user here: {(tried.stdout + tried.stderr).strip()[-300:]}")
        run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp", str(home / "t"), __file__]
        ran = subprocess.run(
            [*as_user, *run, "-k", f"test_attack and ({ORDINARY})"],
            capture_output=True, text=True, cwd=ROOT, env=environment,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout[-3000:]
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_honest_students_in_between_get_every_point(arena):
    full = {e: (p, p) for e, p in POINTS.items()}
    assert len(arena.honest) >= max(1, len(arena.attacks) // HONEST_EVERY)
    assert {who: arena.results[who].points for who in arena.honest} == dict.fromkeys(arena.honest, full)
    assert {note for who in arena.honest for note in arena.records[who].notes if "by-hand" not in note} == set()


def test_what_was_planted_is_unchanged(arena):
    assert [p for p, content in arena.planted.items() if p.read_bytes() != content] == []
    assert sorted(p.name for p in (arena.book.folder.parent / "outside").iterdir()) == ["secret.txt", "socket"]


def test_no_process_grew_large(arena):
    assert arena.largest_mib < 3 * 1024


def test_no_word_got_out(arena):
    assert arena.heard == []


def test_the_gradebook_holds_what_it_should(arena):
    everyone = {*map(student, arena.attacks), *arena.honest}
    assert set(arena.results) == set(arena.records) == everyone
    assert {p.name for p in arena.book.autograded.iterdir()} == everyone
    assert sum(r.maximum for r in arena.results.values()) == len(everyone) * sum(POINTS.values())


def test_tables_show_hostile_text_as_text(arena):
    results = list(arena.results.values())
    with tempfile.TemporaryFile("w+") as file:
        console = Console(file=file, width=200, force_terminal=False)
        console.print(report.table(results, [LESSON]))
        for _, _, lost in report.reasons(results):
            for name, _, why in lost:
                console.print(f"{name}: {escape(why)}")
        file.seek(0)
        assert "\x1b" not in file.read()
    for path in report.write_csv(arena.book, results, [LESSON]):
        text = path.read_text(encoding="utf-8")
        assert "\x1b" not in text
        assert not re.search(r'(^|,)"?[=+@-]', text, flags=re.MULTILINE)


def test_hostile_names_stay_names(book, tmp_path):
    names = [
        "../../escaped", "/etc/cron.d/x", "Robert'); DROP TABLE student;--", "<script>alert(1)</script>", "[bold red]x[/]",
        "=HYPERLINK(1)", "@SUM(1+1)", "-1+1", "\x1b[2Jclear", "..\\..\\windows", "a\0b", "." * 300, "x" * 300, "CON",
        "\u202egnp.exe", "$(touch x)", "`touch x`", "~root", "*", "%s%n{0.__class__}",
    ]  # fmt: skip
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        for name in names:
            archive.writestr(f"{name}/{LESSON.name}/{LESSON.name}.ipynb", LESSON.release.read_bytes())
    before = set(tmp_path.parent.iterdir())
    collect(tmp_path / "export.zip", book)
    assert set(tmp_path.parent.iterdir()) == before
    assert {p.name for p in tmp_path.iterdir()} <= {"export.zip", "gradebook"}
    taken = [p.name for p in book.submitted.iterdir()]
    assert len(taken) > 8
    for name in taken:
        assert name.isprintable() and not set(name) & set('/\\<>[]=;$`*~"|%{}') and len(name.encode()) <= 200
    results = [report.Result(n, LESSON.name, {}, "graded") for n in taken]
    for path in report.write_csv(book, results, [LESSON]):
        assert not re.search(r'(^|,)"?[=+@-]', path.read_text(), flags=re.MULTILINE)


class Inert(HTMLParser):
    """Collects what of the attacks a browser would run."""

    def __init__(self) -> None:
        super().__init__()
        self.script = False
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.script = tag == "script"
        for name, value in attributes:
            if "pwned" in str(value) and (name.startswith("on") or str(value).strip().lower().startswith("javascript")):
                self.found.append(f"<{tag} {name}={value}>")
        if tag in ("iframe", "object", "embed"):
            self.found.append(f"<{tag}>")

    def handle_endtag(self, tag: str) -> None:
        self.script = False

    def handle_data(self, data: str) -> None:
        if self.script and ("pwned" in data or data.strip() == "alert(1)"):
            self.found.append(data[:200])


def assert_inert(page: str) -> None:
    parser = Inert()
    parser.feed(page)
    assert parser.found == []
    assert not [piece for piece in HIDDEN if piece in page]
