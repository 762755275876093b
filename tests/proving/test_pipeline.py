"""The harness that proves the checks, and the sandbox and examiner that grade, decide the same."""

import pytest

from autograder.answers import Answer
from autograder.course import lessons
from autograder.proving import pipeline, proof


@pytest.mark.parametrize(("number", "exercise"), [("01", "p_BAC"), ("02", "nll_mine"), ("02", "nll")])
def test_one_exercise_is_judged_the_same_on_every_draw(number, exercise):
    (lesson,) = lessons([number])
    found = {whom: list(proof.verdicts(lesson, whom)) for whom in proof.draws(lesson, 2)}
    assert list(pipeline.differences(lesson, found, workers=1, only={exercise})) == []


def test_a_difference_is_found_and_says_what_each_said():
    (lesson,) = lessons(["01"])
    own = Answer("marginal", True, "the lesson's own solution", {})
    claimed = {"": [proof.Verdict(own, "a reason that the check does not have")]}
    (difference,) = pipeline.differences(lesson, claimed, workers=1, only={"marginal"})
    assert (difference.harness, difference.pipeline) == ("a reason that the check does not have", None)
