"""The final exam: everybody gets one that can be solved, hardly two get the same, and what is said to leak does."""

import itertools
import math
import unicodedata
from collections import Counter

import numpy as np
import pytest

from autograder.authoring import source
from autograder.checks import exam as checks
from autograder.course import lessons
from lib import exam
from lib.exam import CHOICES, EDITION, SLOTS, question

NAMES = [
    f"{first} {last}"
    for first in ("Zoë", "Zoe", "José", "Jose", "Łukasz", "Ayşe", "Nguyễn Thị", "李", "Ольга", "محمد", "Ada", "Åsa", "Anne-Marie",
                  "D'Arcy", "Mary Jane", "X", "Søren", "Ioannis", "🙂", "Maria")
    for last in ("Müller", "Muller", "Mueller", "Smith", "Smith 2", "O’Neil", "O'Neil", "García", "Garcia", "Иванов", "明", "Ngo",
                 "van Dyck", "Vandyck", "Li", "Lie", "Lee", "Öz", "Oz", "Silva", "Silva-Costa", "Costa Silva", "Kim", "Kin", "Park",
                 "Nowak", "Novák", "Novak", "Ø", "O", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "P", "Q", "R",
                 "S", "T", "U", "V")
]  # fmt: skip
(EXAM,) = (lesson for lesson in lessons() if lesson.is_exam)


@pytest.fixture(scope="module")
def asked():
    """For each of 1,000 names, what its twelve questions are made of; the drill's models are compared by their place in it."""
    return {name: [question(name, slot) for slot in range(1, SLOTS + 1)] for name in NAMES}


@pytest.fixture(scope="module")
def solution():
    """The exam's own solution: of each answer, the code."""
    read = source.read(EXAM).notebook.cells
    cells = {c.metadata.nbgrader.grade_id: c.source for c in read if c.metadata.get("nbgrader", {}).get("solution")}
    imports = next(c.source for c in read if "from lib.exam import question" in c.source)
    return compile(imports, "imports", "exec"), {
        n: compile(s, n, "exec") for n, s in cells.items() if n != "student_name"
    }


def solved(solution, name, slot, names):
    exec(solution[1][f"answer_{slot:02}"], names)
    getattr(checks, f"check_answer_{slot:02}")(name, names[f"answer_{slot:02}"])


@pytest.mark.parametrize(("called", "name"), [("10", EXAM.name), ("exam", EXAM.name), ("1", "01_chain_rule")])
def test_the_exam_is_called_by_its_number_and_a_lesson_by_its_own(called, name):
    assert [lesson.name for lesson in lessons([called])] == [name]


def test_a_thousand_names_are_a_thousand():
    assert len(set(NAMES)) == 1000


def test_everybody_can_solve_the_exam(solution):
    """Closed forms solve what the checks enumerate: two ways to each answer, for every question drawn for 1,000 names."""
    for i, name in enumerate(NAMES):
        names = {"student_name": name}
        exec(solution[0], names)
        for slot in range(1, SLOTS + 1):
            if slot < 11 or i % 100 == 0:  # the drill takes a third of a second
                solved(solution, name, slot, names)


def test_the_keys_themselves_gain_all_points():
    for name in NAMES[::200]:
        for slot in range(1, SLOTS):
            getattr(checks, f"check_answer_{slot:02}")(name, checks.key(name, slot))


def made_of(one):
    """What tells a question from another of its slot; two orders of the same options do not."""
    shown = sorted(one.numbers["names"]) if one.kind == "choices" else one.text
    # Of the drill the text shows one order only: the models are what is asked.
    outputs = tuple(round(float(np.sum(model(model.x))), 6) for model in one.models.values())
    return repr((one.kind, shown, outputs))


def equal_questions(asked):
    """Of every two names, in how many of the twelve they have the same question: (1000, 1000)."""
    same = np.zeros((len(asked), len(asked)), dtype=np.int8)
    for slot in range(SLOTS):
        ids = np.unique([made_of(questions[slot]) for questions in asked.values()], return_inverse=True)[1]
        same += ids[:, None] == ids
    return same


def test_two_students_differ_in_at_least_nine_of_twelve(asked):
    same = equal_questions(asked)
    np.fill_diagonal(same, 0)
    assert SLOTS - same.max() >= 9


def test_four_questions_in_common_are_out_of_reach(asked):
    """For any names, not only these: in how many of all pairs each question is the same, and from that, how often four are."""
    chances = []
    for slot in range(SLOTS):
        often = Counter(made_of(questions[slot]) for questions in asked.values())
        pairs = sum(n * (n - 1) for n in often.values()) / (len(asked) * (len(asked) - 1))
        chances.append(max(pairs, 1e-5))  # with half a million pairs, none may just not have come up
        assert pairs < 1 / 200, f"two students share question {slot + 1} with probability {pairs:.4f}"
    assert sum(map(math.prod, itertools.combinations(chances, 4))) < 1e-11


def test_a_new_edition_draws_a_new_set(asked):
    for name in NAMES[::10]:
        again = [question(name, slot, EDITION + " again") for slot in range(1, SLOTS + 1)]
        assert sum(made_of(a) != made_of(b) for a, b in zip(asked[name], again, strict=True)) >= 9


def test_copied_answers_are_worth_little(asked):
    """On the right answers of the next on the list, a student gains less than one question in ten."""
    keys = [[repr(checks.key(name, slot)) for slot in range(1, 11)] for name in NAMES[:300]]
    equal = [a == b for one, other in itertools.pairwise(keys) for a, b in zip(one, other, strict=True)]
    assert np.mean(equal) < 0.1


def test_a_name_is_a_name_however_it_is_written():
    for name in ("Zoë  Müller", unicodedata.normalize("NFD", "Zoë Müller"), " zoë müller ", "ZOË MÜLLER"):
        assert [made_of(question(name, slot)) for slot in (1, 11)] == [
            made_of(question("Zoë Müller", slot)) for slot in (1, 11)
        ]


@pytest.mark.parametrize("name", ["", "  ", 7])
def test_no_name_is_told_in_a_sentence(name):
    with pytest.raises(ValueError, match=r"^student_name must be your name in quotes, such as"):
        question(name, 1)
    with pytest.raises(NotImplementedError):
        question(None, 1)
    with pytest.raises(ValueError, match="questions 1 to 12, found 13"):
        question("Ada", 13)


def test_every_choice_has_one_right_option():
    assert set(checks.RIGHT) == set(CHOICES)
    for name, (_, options) in CHOICES.items():
        assert len(set(options)) == 4
        assert options.count(checks.RIGHT[name]) == 1, name
    # Nor does the place in the source give it away.
    places = Counter(options.index(checks.RIGHT[name]) for name, (_, options) in CHOICES.items())
    assert len(places) == 4
    assert max(places.values()) < len(CHOICES) / 2


# Of the drill's models, those that are sound though they may not look it; of the others, the leaks by hand, for place 2.
SOUND = {
    "",
    "scratch",
    "moved",
    "ordered skip",
    "A twice",
    "shifted twice",
    "after, renormalised",
    "top left",
    "restart",
    "over heads",
}
LEAKS = {
    "inclusive": {(t, t) for t in range(6)},
    "once": {(2, 2)},
    "stale": {(t, 2) for t in range(3)},
    "B first": {(t, t) for t in range(12)},
    "one ahead": {(t, t + 1) for t in range(5)},
    "open row": {(2, 3), (2, 4), (2, 5)},
    "after": {(t, s) for t in range(6) for s in range(t + 1, 6)},
    "centred": {(t, s) for t in range(8) for s in range(t + 1, 8)},
    "open piece": {(t, s) for t in range(8) for s in range(t + 1, 8) if t // 4 == s // 4},
    "one too many": {(t, 4) for t in range(4)},
    "whole text": {(t, s) for t in range(6) for s in range(t + 1, 6)},
    "open": {(t, s) for t in range(6) for s in range(t + 1, 6)},
    "ahead from": {(2, 3), (3, 4), (4, 5)},
}


@pytest.mark.parametrize(("make", "bug"), [(make, bug) for make, bugs in exam._DRILL for bug in bugs])
def test_broken_models_leak_and_sound_ones_do_not(make, bug):
    model = make(exam._Draw(np.random.default_rng(7)), bug, 2)
    found = checks.leaks_of(model)
    assert bool(found) == (bug not in SOUND)
    assert set(found) == LEAKS.get(bug, set(found))
    assert found == checks.leaks_of(model, probes=4, seed=0)  # as many as a student's probe tries
    assert bug == "" or (bug not in repr(model) and bug not in exam._TOLD[model.letter])


@pytest.mark.parametrize("slot", range(len(exam._POOLS[-1])))
def test_a_function_with_another_number_is_wrong(slot):
    text, numbers = exam._POOLS[-1][slot](exam._Draw(np.random.default_rng(slot)))[1::2]
    kind = exam._POOLS[-1][slot](exam._Draw(np.random.default_rng(slot)))[0]
    asked = exam.Question(12, kind, text, exam._FUNCTION, numbers)

    def function(changed):
        return lambda T: [[checks._MAY[kind](changed, T, t, s) for s in range(T)] for t in range(T)]

    checks._check_function("answer_12", function(numbers), asked)
    for name, value in numbers.items():
        others = [not value] if isinstance(value, bool) else [value + 1] if name == "stride" else [value - 1, value + 1]
        for other in others:
            with pytest.raises(AssertionError, match="an entry is wrong"):
                checks._check_function("answer_12", function(numbers | {name: other}), asked)


@pytest.mark.parametrize(
    ("slot", "answer"),
    [(1, "0.5"), (1, [0.1, 0.2]), (1, float("nan")), (10, "ABE"), (10, "AB"), (11, [0, 1]), (11, [0.5] * 7), (12, 3)],
)
def test_a_wrong_form_is_told_in_a_sentence(slot, answer):
    with pytest.raises(AssertionError, match=rf"^answer_{slot:02} should be "):
        question("Ada Lovelace", slot).read(answer)
