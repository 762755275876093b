"""What several test files need, made once: a graded sample class, the bundle that students get, a browser."""

from __future__ import annotations

import os
import pickle
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import pytest

from autograder.authoring.pack import pack
from autograder.course import Gradebook, Lesson, lessons
from autograder.intake.collect import Collected, collect
from autograder.proving import sample_class
from autograder.recording.grade import grade
from autograder.recording.record import Record
from autograder.recording.tasks import pending
from autograder.running import sandbox
from autograder.running.sandbox import NO_SANDBOX

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)

os.environ.pop("AUTOGRADER_DB", None)  # No test writes into a real class's database.


def stand_in_for_the_sandbox() -> None:
    """Where there is none, everything else can still be tested; tests/running/test_hostile.py is skipped and says why.

    Raises UsageError in CI, where nobody would read that, unless AUTOGRADER_NO_SANDBOX says that it is meant.
    """
    if sandbox.problem():
        if os.environ.get("CI") and sys.platform == "linux" and not sandbox.unprotected():
            raise pytest.UsageError(
                f"CI would skip the tests of hostile submissions: {sandbox.problem()} ({NO_SANDBOX}=1 says that this is meant.)"
            )
        os.environ[NO_SANDBOX] = "1"


stand_in_for_the_sandbox()


@dataclass
class GradedClass:
    """The sample class, collected from an LMS export and graded."""

    book: Gradebook
    collected: Collected
    records: dict[tuple[str, str], Record]


@pytest.fixture(scope="session")
def graded_class(tmp_path_factory: pytest.TempPathFactory) -> GradedClass:
    """Graded by whichever process of the tests asks first; the others wait for it. Nobody grades in it again."""
    of_all = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        of_all = of_all.parent
    folder, told = of_all / "graded_class", of_all / "graded_class.pickle"
    with filelock.FileLock(of_all / "graded_class.lock"):
        book = Gradebook(folder / "gradebook")
        if not told.is_file():
            folder.mkdir(exist_ok=True)
            told.write_bytes(pickle.dumps(_graded(book, folder)))
    return GradedClass(book, *pickle.loads(told.read_bytes()))


def _graded(book: Gradebook, folder: Path) -> tuple[Collected, dict[tuple[str, str], Record]]:
    collected = collect(sample_class.export(folder / "export.zip", lessons()), book)
    sample_class.enrol(book)
    tasks, _ = pending(book, lessons(), None, sample_class.LIMITS, force=False)
    records: dict[tuple[str, str], Record] = {}
    grade(book, tasks, 2, sample_class.LIMITS, on_record=lambda r: records.update({(r.student, r.lesson): r}))
    return collected, records


@pytest.fixture
def book(tmp_path: Path) -> Gradebook:
    """An empty gradebook of the test's own."""
    return Gradebook(tmp_path / "gradebook")


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip that students get."""
    target = tmp_path_factory.mktemp("packed") / "bundle.zip"
    pack(target)
    return target


@pytest.fixture(scope="module")  # Playwright keeps an event loop running, and allows one of itself in a process.
def chromium() -> Iterator[Any]:
    """The browser; skips where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    browsers = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with browsers.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=list(_QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def first_lesson() -> Lesson:
    return lessons()[0]
