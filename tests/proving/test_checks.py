"""Every check fails every wrong answer and passes every right one: the table `autograder checks` prints."""

from collections import Counter

import pytest

from autograder.course import lessons
from autograder.proving import proof

VERDICTS = [verdict for lesson in lessons() for verdict in proof.verdicts(lesson)]


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda v: f"{v.answer.exercise}: {v.answer.story}")
def test_verdict_is_fair(verdict):
    assert verdict.fair, f"a {'right' if verdict.answer.right else 'wrong'} answer: {verdict.message or 'passes'}"


@pytest.mark.parametrize(
    "verdict", [v for v in VERDICTS if v.message], ids=lambda v: f"{v.answer.exercise}: {v.answer.story}"
)
def test_reasons_are_one_sentence_a_student_can_use(verdict):
    assert 10 <= len(verdict.message) <= 400
    assert "\n" not in verdict.message.strip()


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_there_are_enough_answers(lesson):
    wrong = Counter(a.exercise for a in proof.answers(lesson).all if not a.right)
    right = Counter(a.exercise for a in proof.answers(lesson).all if a.right)
    for exercise in proof.exercises(lesson):
        assert wrong[exercise] >= proof.MIN_WRONG, f"{exercise} has {wrong[exercise]} wrong answers"
        assert right[exercise] >= proof.MIN_RIGHT, f"{exercise} has {right[exercise]} right answers"
