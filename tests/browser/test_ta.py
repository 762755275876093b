"""A TA's half hour in formgrader: grade a submission by its button, give points and a comment by hand, grade again: they stay."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from autograder.course import ROOT, Gradebook, lessons
from autograder.proving import sample_class
from autograder.recording.database import register
from autograder.recording.grade import grade
from autograder.recording.tasks import pending
from autograder.telling import feedback, report
from autograder.telling.formgrader import command
from tests.browser.serve import SCREENS, serving

LESSON = lessons()[0]
STUDENT = "ada"
WRONG = {"shuffled_repaired": "def shuffled_repaired(x, order, start, table):\n    return table[x]\n"}
# What is typed before formgrader has fetched the points and comments it overwrites, and saves nothing.
LISTENING = "window.formgrader?.grades?.loaded && formgrader.comments.loaded"
GIVEN, SAID = 1.5, "Half of it: the order of the axes."


@pytest.fixture
def book(tmp_path):
    """One submission, not graded yet."""
    book = Gradebook(tmp_path / "gradebook")
    folder = book.submitted / STUDENT / LESSON.name
    folder.mkdir(parents=True)
    notebook = sample_class.solved(LESSON, WRONG, "Ada Lovelace")
    (folder / f"{LESSON.name}.ipynb").write_text(json.dumps(notebook))
    register(book, LESSON)
    return book


def points(book: Gradebook) -> dict[str, tuple[float, float]]:
    (result,) = report.results(book, [LESSON])
    return result.points


def test_points_given_by_hand_stay(page: Any, book, tmp_path):
    with serving(command(book), ROOT, tmp_path) as about:
        formgrader = f"{about['url']}formgrader"
        page.goto(f"{formgrader}?token={about['token']}")
        page.get_by_text(LESSON.name).first.wait_for()
        page.goto(f"{formgrader}/manage_submissions/{LESSON.name}")
        page.locator("td.autograde a").click()
        page.get_by_text("Successfully autograded").wait_for()
        page.screenshot(path=SCREENS / "formgrader_graded.png")
        graded = points(book)
        assert graded["shuffled_repaired"] == (0, 2) and sum(score for score, _ in graded.values()) > 20

        page.goto(f"{formgrader}/gradebook/{LESSON.name}/{LESSON.name}")
        page.get_by_role("link", name=re.compile("Submission")).first.click()
        page.wait_for_function(LISTENING)
        for where, kind, value in (
            ("input#check_shuffled_repaired", "grade", GIVEN),
            ("textarea#shuffled_repaired-comment", "comment", SAID),
        ):
            with page.expect_response(
                lambda r, kind=kind: f"/api/{kind}/" in r.url and r.request.method == "PUT"
            ) as saved:
                page.locator(where).fill(str(value))
                page.locator(where).press("Tab")
            assert saved.value.ok
        page.screenshot(path=SCREENS / "formgrader_by_hand.png")
        assert points(book)["shuffled_repaired"] == (GIVEN, 2)

    tasks, _ = pending(book, [LESSON], None, sample_class.LIMITS, force=True)
    assert grade(book, tasks, 1, sample_class.LIMITS) == 0
    assert points(book) == graded | {"shuffled_repaired": (GIVEN, 2)}
    (written,), _ = feedback.feedback(book, [LESSON])
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": 375, "height": 800})
    page.goto(written.as_uri())
    assert asked == [written.as_uri()]
    assert SAID in page.locator("section#shuffled_repaired").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.screenshot(path=SCREENS / "feedback_phone.png", full_page=True)
