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


def test_no_answer_is_right_for_many(asked):
    """Of one kind of question, hardly an answer is right for more than one student in six."""
    keys = {}
    for name in NAMES:
        for one in asked[name][:9]:
            keys.setdefault(one.kind, []).append(repr(checks.key(name, one.slot)))
    for kind, found in keys.items():
        (answer, often), *_ = Counter(found).most_common(1)
        assert often < len(found) / 6, f"{kind}: {answer} is right for {often} of {len(found)}"


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


def test_the_length_of_an_option_gives_nothing_away():
    """To take the longest of the four, or the shortest, is worth about as much as to guess."""
    places = Counter(sorted(map(len, options)).index(len(checks.RIGHT[name])) for name, (_, options) in CHOICES.items())
    longest = sum(len(checks.RIGHT[name]) == max(map(len, options)) for name, (_, options) in CHOICES.items())
    assert 0.15 * len(CHOICES) <= longest <= 0.3 * len(CHOICES)
    assert 0.15 * len(CHOICES) <= places[0] <= 0.3 * len(CHOICES)


def _changed(kind, **numbers):
    return lambda n: checks._KEYS[kind](n | numbers)


def _of_nade(read, share):
    def wrong(n):
        hidden = [
            1 / (1 + math.exp(-share * c - np.dot(w[:read], n["x"][:read])))
            for w, c in zip(n["W"], n["c"], strict=True)
        ]
        return 1 / (1 + math.exp(-n["b"] - np.dot(n["V"], hidden)))

    return wrong


def _of_fvsbn(mask):
    return lambda n: np.log1p(np.exp((1 - 2 * np.array(n["x"])) * (n["b"] + mask(np.array(n["W"])) @ n["x"]))).sum()


def _logistic_closed(n):
    centre, half = 2 * n["value"] / (n["n"] - 1) - 1, 1 / (n["n"] - 1)
    low, high = (1 / (1 + math.exp(-(centre + step - n["mean"]) / n["scale"])) for step in (-half, half))
    return high - low


def _kept(power, fewer=0):
    def wrong(n):
        weights = np.power(np.array(n["percents"], dtype=float), power)
        falling = np.argsort(-weights)
        size = (np.cumsum(weights[falling]) < n["p"] * weights.sum()).sum() + 1 - fewer
        return sorted(falling[:size].tolist())

    return wrong


def _accepted(n):
    return sum(map(min, n["p"], n["q"])) / 100


# Ways to go wrong that a good student may take, by kind of question.
MISTAKES = {
    "corpus": [
        lambda n: math.exp(np.mean([-np.log(s).mean() for s in n["sentences"]])),
        lambda n: np.mean([math.exp(-np.log(s).mean()) for s in n["sentences"]]),
    ],
    "floor": [lambda n: checks._floor({"p": n["q"], "q": n["p"]}), lambda n: 0],
    "nade": [_of_nade(2, 1), _of_nade(4, 1), _of_nade(3, 0)],
    "fvsbn": [_of_fvsbn(lambda W: np.tril(W.T, -1)), _of_fvsbn(lambda W: W), _of_fvsbn(np.tril)],
    "sees": [
        lambda n: [i for i, m in enumerate(n["degrees"]) if m < n["degrees"][n["output"]]],
        lambda n: [i for i, m in enumerate(n["degrees"]) if m <= max((h for h in n["hidden"][0] if h < n["degrees"][n["output"]]), default=0)],
        lambda n: [i for i, m in enumerate(n["degrees"]) if m <= max((h for h in n["hidden"][1] if h < n["degrees"][n["output"]]), default=0)],
        lambda n: [],
    ],
    "row above": [
        lambda n: 2 * (n["first"] + n["layers"] * n["others"]) + 1,
        lambda n: n["first"] + n["layers"] * n["others"] + n["up"] + 1,
        lambda n: 0,
    ],
    "posterior": [_changed("posterior", prior=[1, 1, 1]), lambda n: n["prior"][n["asked"]] / 100],
    "logistic": [_logistic_closed],
    "mu-law": [lambda n: math.floor(checks._scale(n)), lambda n: math.floor(checks._scale(n) * n["n"] / (n["n"] - 1))],
    "attention": [
        _changed("attention", size=1),
        _changed("attention", t=4),
        lambda n: checks._attention(n | {"t": n["t"] - 1}),
        lambda n: n["values"][int(np.argmax(n["products"][: n["t"] + 1]))],
    ],
    "nucleus": [_kept(1), _kept(0.5), _kept(2, fewer=1), lambda n: sorted(np.argsort(n["percents"])[-4:].tolist())],
    "speculative": [
        lambda n: checks._speculative(n | {"drafted": n["drafted"] - 1}),
        lambda n: 1 / (1 - _accepted(n)),
        lambda n: 1 + n["drafted"] * _accepted(n),
    ],
    "state": [lambda n: n["key"] * n["value"] // (n["key"] + n["value"]) + 1],
    "scheduled": [
        lambda n: checks._scheduled(n | {"share": 100 - n["share"]}),
        _changed("scheduled", share=0),
        _changed("scheduled", share=100),
    ],
}  # fmt: skip


def _gains(name, slot, answer):
    try:
        checks.check(name, slot, answer)
    except AssertionError:
        return False
    return True


def test_a_wrong_method_gains_nothing(asked):
    """Numbers are drawn such that what is well known to go wrong does."""
    tried = Counter()
    for name in NAMES[:400]:
        for one in asked[name]:
            for n, mistake in enumerate(MISTAKES.get(one.kind, [])):
                tried[one.kind] += 1
                assert not _gains(name, one.slot, mistake(one.numbers)), f"{name}: {one.kind}, mistake {n}"
    assert set(tried) == set(MISTAKES)


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
        return lambda T: np.array([[checks._MAY[kind](changed, T, t, s) for s in range(T)] for t in range(T)])

    checks._check_function("answer_12", function(numbers), asked)
    with pytest.raises(AssertionError, match="should be of dtype bool"):
        checks._check_function("answer_12", lambda T: function(numbers)(T).astype(float), asked)
    for name, value in numbers.items():
        others = [not value] if isinstance(value, bool) else [value + 1] if name == "stride" else [value - 1, value + 1]
        for other in others:
            with pytest.raises(AssertionError, match="an entry is wrong"):
                checks._check_function("answer_12", function(numbers | {name: other}), asked)


def _form(kind, answer):
    form = {
        "probability": exam._probability(0.002), "number": exam._number(0.01), "count": exam._COUNT, "set": exam._SET,
        "letters": exam.Form("three letters", "letters", size=3), "counts": exam.Form("seven whole numbers", "counts", size=7),
        "function": exam._FUNCTION,
    }[kind]  # fmt: skip
    return exam.Question(12, kind, "", form).read(answer)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [("probability", "0.5"), ("probability", [0.1, 0.2]), ("probability", float("nan")), ("probability", 52.0), ("probability", -0.1),
     ("probability", True), ("number", float("inf")), ("count", -3), ("count", float("inf")), ("set", 0), ("set", [True, False]),
     ("set", [-1]), ("letters", "ABE"), ("letters", "AB"), ("counts", [0, 1]), ("counts", [0.5] * 7), ("function", 3)],
)  # fmt: skip
def test_a_wrong_form_is_told_in_a_sentence(kind, answer):
    with pytest.raises(AssertionError, match=r"^answer_12 should be "):
        _form(kind, answer)


@pytest.mark.parametrize("wrong", [np.tri, lambda T: None, lambda T: [True] * T, lambda T: np.ones((1, 1), dtype=bool)])
def test_the_form_of_a_function_is_that_of_what_it_returns(wrong):
    with pytest.raises(AssertionError, match=r"^answer_12\([15]\) should be a bool array of shape"):
        _form("function", wrong)


def test_right_forms_are_read():
    assert _form("letters", np.array(["B", "A", "C"])) == ("B", "A", "C")
    assert _form("set", np.array([2.0, 0.0])) == {0, 2}
    assert _form("set", []) == set()
    assert _form("probability", 1) == 1.0
    assert _form("number", -3.5) == -3.5
    assert _form("function", lambda T: np.tri(T, dtype=bool))
