"""What a class says about exercises, and answers that are alike: right figures, and hostile text stays text."""

import json
from html.parser import HTMLParser

import pytest

from autograder.authoring.source import CHECK_PREFIX
from autograder.course import lessons
from autograder.telling import similar, statistics
from autograder.telling.report import BY_A_GRADER, Result

LESSON = lessons()[0]


def result(student, points, status="graded", **more):
    lost = {name: f"should be 3, found {len(student)}" for name, score in points.items() if score < 2}
    return Result(student, LESSON.name, {n: (s, 2.0) for n, s in points.items()}, status, lost=lost, **more)


@pytest.fixture
def a_class():
    """Six who solved so much, one whose file could not be read, one who handed nothing in."""
    rows = [(2, 2, 0), (2, 2, 0), (2, 0, 2), (0, 0, 2), (0, 0, 2), (1, 0, 2)]
    results = [result("x" * n, dict(zip("abc", row, strict=True))) for n, row in enumerate(rows, start=1)]
    broken = result("broken", dict.fromkeys("abc", 0), status="the file is empty")
    return [*results, broken, Result("absent", LESSON.name, {}, "nothing handed in")]


def test_the_figures_of_a_lesson(a_class):
    (found,) = statistics.summaries(a_class)
    assert found.counts == "7 handed in, 1 could not be run, 1 did not"
    assert found.spread == "mean 2.71, median 3, from 0 to 4 of 6"
    assert found.tenths == [1, 0, 0, 2, 0, 1, 3, 0, 0, 0]
    a, b, c = found.exercises
    assert (a.students, a.mean, a.full) == (6, pytest.approx(7 / 6), pytest.approx(1 / 2))
    # By hand: a = (2 2 2 0 0 1), the rest (2 2 2 2 2 2).
    assert a.discrimination is None
    # b = (2 2 0 0 0 0), the rest (2 2 4 2 2 3): covariance -2 / 6, variances 8 / 9 and 7 / 12.
    assert b.discrimination == pytest.approx((-1 / 3) / (8 / 9 * 7 / 12) ** 0.5)
    assert c.discrimination < 0


def test_one_complaint_with_other_numbers_is_one_reason(a_class):
    a, b, _ = statistics.summaries(a_class)[0].exercises
    assert a.reasons == [(3, "should be …, found …")]
    assert b.reasons == [(4, "should be …, found …")]
    by_hand = result("by hand", {"a": 2.0})
    by_hand.points["a"] = (1.0, 2.0)
    assert statistics.summaries([by_hand])[0].exercises[0].reasons == [(1, BY_A_GRADER)]


def test_nobody_handed_in():
    assert statistics.summaries([Result("absent", LESSON.name, {}, "nothing handed in")]) == []


# --- Answers that are alike -------------------------------------------------------------------------------------------

_LONG = """def {f}({a}, {b}):
    {c} = []
    for {d} in {a}:
        {e} = {d} * 2 + {b} - len({c})
        if {e} > 0 and {e} % 3 != 1:
            {c}.append(max({e}, {b}))
    return sorted({c})[::-1], sum({c}) / (1 + len({c}))
"""
ADA = _LONG.format(f="f", a="xs", b="k", c="out", d="x", e="y")
BAO = "# mine\nimport math\n\n" + _LONG.format(f="f", a="zahlen", b="out", c="liste", d="n", e="k").replace(
    "(zahlen, out):", '(zahlen: list, out=None) -> list:\n    """My own."""'
).replace("out=None", "out")
OTHER = ADA.replace("+ k", "- k")


def shape(source):
    read = similar.answer(source, set())
    return read and read.shape


def test_renaming_layout_and_comments_do_not_matter_but_the_code_does():
    assert shape(ADA) == shape(BAO)
    assert shape(ADA) != shape(OTHER)
    # Which name is which does: here the two arguments change places in one line.
    assert shape("def f(a, b): return g(a) - b") != shape("def f(a, b): return g(b) - a")
    # Names from elsewhere are no names of the student's.
    assert shape("def f(a): return a.sum()") != shape("def f(a): return a.mean()")


@pytest.mark.parametrize(
    "source", ["x = [1, 2, 3]", "def f(:", "(" * 5000, "-" * 40_000 + "1", "x" * 10**6, "f(\0)", ""]
)
def test_what_is_no_code_is_left_out(source):
    assert similar.answer(source, set()) is None


def notebook(path, cells):
    path.parent.mkdir(parents=True, exist_ok=True)
    made = [
        {"cell_type": "code", "metadata": {"nbgrader": {"grade_id": name}} if name else {}, "source": source}
        for name, source in cells.items()
    ]
    path.write_text(json.dumps({"cells": made}))


def handed_in(book, student, **cells):
    (book.submitted / student / LESSON.name).mkdir(parents=True)
    notebook(book.autograded / student / LESSON.name / f"{LESSON.name}.ipynb", cells)


def test_who_is_alike(book):
    """`marginal` is the same for two, `conditional` for most, `cheapest_order` is handed out, `p_BAC` is typed."""
    given = "".join(json.loads(LESSON.release.read_bytes())["cells"][3]["source"])
    check = {CHECK_PREFIX + "marginal": ADA}
    same = {"conditional": OTHER, "p_BAC": "p_BAC = " + repr(list(range(99))), "cheapest_order": given, **check}
    handed_in(book, "Ada", marginal=ADA, **same)
    handed_in(book, "Bao", marginal=BAO, **same)
    handed_in(book, "Cid", marginal=OTHER, **same)
    handed_in(book, "Dan", marginal="def marginal(x): return x", conditional=ADA, **check)
    handed_in(book, "Eve", marginal="%%bash\nrm", unknown=ADA)
    (group,) = similar.alike(book, [LESSON])
    assert (group.students, group.exercises, group.reference) == (("Ada", "Bao"), ("marginal",), ())
    assert group.words >= similar.OWN_WORDS


def test_the_lessons_own_answer_is_named(book):
    own = similar._answers(LESSON.solution)
    for student in ("Ada", "Bao"):
        handed_in(book, student, **{name: own[name] for name in ("marginal", "conditional")})
    for student in ("Cid", "Dan"):
        handed_in(book, student, marginal=ADA, conditional=OTHER)
    found = {group.students: group for group in similar.alike(book, [LESSON])}
    assert found["Ada", "Bao"].reference == ("marginal", "conditional")
    assert found["Cid", "Dan"].reference == ()


# --- The page ---------------------------------------------------------------------------------------------------------


class Loads(HTMLParser):
    """What a page loads or runs."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        if tag in ("script", "link", "img", "iframe") or any(
            k.startswith("on") or k in ("src", "href") for k, _ in attributes
        ):
            self.found.append(tag)


def test_the_page_loads_nothing_and_shows_hostile_text_as_text(book, a_class):
    hostile = "<script>alert(1)</script>\"'\x1b[2J\u202e"
    a_class[0].lost["c"] = hostile
    group = similar.Alike(LESSON.name, (hostile, "=1+1"), ("marginal",), 60)
    page = statistics.write_page(book, statistics.summaries(a_class), [group]).read_text(encoding="utf-8")
    parser = Loads()
    parser.feed(page)
    assert parser.found == []
    assert "&lt;script&gt;alert" in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "no verdict" in page
