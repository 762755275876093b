"""The way through nbgrader's exchange, as on a JupyterHub: what docs/jupyterhub.md tells to type, with folders of two students.

Each `nbgrader` command is run in this process, as the person who types it: in a folder of theirs, with the settings that the hub
has for everybody.
"""

import contextlib
import json

import pytest
from jupyter_core.application import NoStart
from nbgrader.apps.nbgraderapp import NbGraderApp

from autograder.course import ROOT, Gradebook
from autograder.proving import sample_class
from autograder.recording.grade import grade
from autograder.recording.tasks import pending
from autograder.telling import report
from autograder.telling.feedback import feedback

COURSE = "autoregressive"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A function that types `nbgrader ...` as somebody, and returns their home folder."""
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.Exchange.root = {str(tmp_path / 'exchange')!r}\nc.CourseDirectory.course_id = {COURSE!r}\n"
    )
    (tmp_path / "gradebook").mkdir()  # as in every clone
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(etc))
    monkeypatch.setenv("AUTOGRADER_GRADEBOOK", str(tmp_path / "gradebook"))

    def nbgrader(who, *words):
        home = tmp_path / "home" / who
        home.mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("JUPYTER_DATA_DIR", str(home / ".local"))
        monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(home / ".jupyter"))
        monkeypatch.chdir(ROOT if who == "instructor" else home)
        # The instructor's repository names a course of its own, which the page says to change. On a hub the system knows who a
        # student is; here all are one user, and say it.
        said = ["--course", COURSE] if who == "instructor" else ["--student", who]
        app = NbGraderApp()
        try:
            app.initialize([*words, *said])
            with contextlib.suppress(NoStart):  # how an app says that another one, of its own, was started
                app.start()
        finally:
            app.reset()
        return home

    return nbgrader


def test_release_fetch_submit_collect_grade_and_feedback(hub, tmp_path, first_lesson):
    name = first_lesson.name
    notebook = f"{name}.ipynb"
    hub("instructor", "release_assignment", name)
    homes = {who: hub(who, "fetch_assignment", name) for who in ("ada", "grace")}
    for home in homes.values():
        assert [p.name for p in (home / name).iterdir()] == [notebook]  # no source, no solution
        assert (home / name / notebook).read_bytes() == first_lesson.release.read_bytes()
    hub("ada", "submit", name)  # unsolved, and then once more
    (homes["ada"] / name / notebook).write_text(json.dumps(sample_class.solved(first_lesson, {}, "ada")))
    hub("ada", "submit", name)
    hub("grace", "submit", name)
    hub("instructor", "collect", name)

    book = Gradebook(tmp_path / "gradebook")
    assert {p.name for p in book.submitted.iterdir()} == {"ada", "grace"}
    tasks, _ = pending(book, [first_lesson], None, sample_class.LIMITS, force=False)
    grade(book, tasks, 2, sample_class.LIMITS)
    results = {r.student: r for r in report.results(book, [first_lesson])}
    assert results["ada"].score == results["ada"].maximum > 0
    assert results["grace"].score == 0
    assert all(result.handed_in for result in results.values())  # the exchange's own time

    feedback(book, [first_lesson])
    hub("instructor", "release_feedback", name)
    for who, home in homes.items():
        hub(who, "fetch_feedback", name)
        (page,) = (home / name / "feedback").rglob("*.html")
        assert page.read_bytes() == (book.feedback / who / name / f"{name}.html").read_bytes()
