"""The page a student reads: everything in one file that loads nothing, points and reasons right, nothing obeyed."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html.parser import HTMLParser

import nbformat
import pytest
from nbformat import NotebookNode

from autograder.authoring.source import CHECK_PREFIX
from autograder.course import lessons
from autograder.recording.record import NOT_ATTEMPTED, Record
from autograder.telling.markdown import render
from autograder.telling.outcome import Given, Outcome
from autograder.telling.page import page

LESSON = lessons(["01"])[0]
EVIL = "</code></pre><script>alert(1)</script><img src=x onerror=alert(1)>"
LOADS = ("src", "href", "srcset", "data", "action", "poster", "style")


class Page(HTMLParser):
    """The tags of a page, its text, and what it would load."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.said += [f"<{tag} {name}>" for name, _ in attributes if name.startswith("on")]
        values = [str(value) for name, value in attributes if name in LOADS and tag != "a"]
        self.loads += [value for value in values if not value.startswith(("data:image/", "width: "))]

    def handle_data(self, data):
        self.said.append(data)


@pytest.fixture
def notebook():
    """The lesson as it is handed out, as if it had been graded: a student's cell of every kind, one check failed."""
    found = nbformat.read(LESSON.release, as_version=4)
    named = {cell.metadata.nbgrader.grade_id: cell for cell in found.cells if "nbgrader" in cell.metadata}
    named["marginal"].source = f"def marginal():\n    return 1  # {EVIL}"
    named["marginal"].outputs = [
        NotebookNode(output_type="stream", name="stdout", text=EVIL * 100),
        NotebookNode(output_type="display_data", metadata={}, data={"text/html": EVIL, "image/svg+xml": EVIL}),
        NotebookNode(output_type="display_data", metadata={"image/png": {"alt": f'">{EVIL}'}}, data={"image/png": "AAAA"}),
        NotebookNode(output_type="display_data", metadata={}, data={"image/png": f'AAAA">{EVIL}'}),
    ]  # fmt: skip
    named[f"{CHECK_PREFIX}marginal"].outputs = [
        NotebookNode(
            output_type="error",
            ename="AssertionError",
            evalue=EVIL,
            traceback=[f"in marginal, line 2: return 1  # {EVIL}", "AssertionError"],
        )
    ]
    found.cells.insert(1, nbformat.v4.new_code_cell(f"mine = 1  # {EVIL}"))
    found.cells.insert(2, nbformat.v4.new_markdown_cell(f"My notes {EVIL}"))
    return found


def made(notebook, **given) -> str:
    points = {name: Given(2.0, 2.0) for name in ("p_BAC", "p_mine")} | {"marginal": Given(0.0, 2.0)}
    record = Record("ada", LESSON.name, "", lost={"marginal": EVIL, "conditional": NOT_ATTEMPTED})
    return page(notebook, LESSON, f"ada {EVIL}", record, Outcome(points=points, **given))


def test_nothing_is_loaded_and_nothing_a_student_wrote_is_obeyed(notebook):
    found = Page(made(notebook, name=EVIL, comments={"marginal": f"{EVIL} ![x](http://example.org/x.png)"}))
    assert found.loads == []
    assert not {"script", "iframe", "link", "object", "svg"} & set(found.tags)
    assert [said for said in found.said if said.startswith("<img") or " onerror>" in said] == []
    assert found.tags.count("img") == 1  # Of two pictures one is none.
    assert EVIL in "".join(found.said)


def test_points_reasons_and_links_stand_on_top(notebook):
    text = made(notebook)
    rows = re.findall(r"<tr class=\"(\w+)\">(.*?)</tr>", text, flags=re.DOTALL)
    said = {re.search(r'href="#(\w+)"', row)[1]: (kind, " ".join(Page(row).said)) for kind, row in rows}
    checks = [c.metadata.nbgrader.grade_id for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")]
    assert list(said) == [check.removeprefix(CHECK_PREFIX) for check in checks]
    assert all(f'<section id="{name}"' in text for name in said)
    assert said["p_BAC"][0] == "full" and "The probability of BAC" in said["p_BAC"][1]
    assert said["marginal"][0] == "none" and EVIL in said["marginal"][1]
    assert "not solved yet" in said["conditional"][1]
    assert "4 of 6 points" in "".join(Page(text).said)


def test_the_students_code_is_shown_and_the_lesson_is_not(notebook):
    text = made(notebook)
    said = "".join(Page(text).said)
    assert "mine = 1" in said and "My notes" in said
    assert notebook.cells[0].source.splitlines()[2][:40] not in said
    assert len(re.findall(r'class="line marked"', text)) == 1
    assert "<math" in text and "$" not in re.sub(r"<(style|pre).*?</\1>", "", text, flags=re.DOTALL)
    assert len(text) < 100_000


def test_late_days_penalty_and_comments(notebook):
    given = {"submitted": datetime(2026, 1, 15, 12), "due": datetime(2026, 1, 13, 9), "extension": timedelta(days=1)}
    said = "".join(Page(made(notebook, penalty=1.5, comments={"p_BAC": "Well *done*, $p$!"}, **given)).said)
    assert "2.5" in said and "2 days 3 hours" in said and "an extension of 1 day" in said and "−1.5" in said
    assert "Well done, p!" in said and "Comment by a grader" in said
    unrun = page(notebook, LESSON, "ada", Record("ada", LESSON.name, "", status=f"not JSON {EVIL}"), Outcome())
    assert "could not be run" in unrun and EVIL not in unrun


def test_markdown_needs_no_network():
    shown = render("$a^2$ and ![cat](http://a/b.png) [x](javascript:alert(1)) <b>x</b>\n\n$$\\frac{1}{$$")
    assert shown.count("<math") == 1  # What is no formula is shown as it was typed.
    assert "<img" not in shown and "javascript" not in shown and "<b>" not in shown
