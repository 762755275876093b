"""Cases are drawn anew for each submission: whoever they are drawn for, a check decides as it should."""

import pytest

from autograder.checks import judge
from autograder.course import lessons
from autograder.proving import proof


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
@pytest.mark.parametrize("student", range(3))
def test_every_answer_is_judged_alike_whoever_hands_it_in(lesson, student):
    with judge.cases_for(f"student {student}/{lesson.name}"):
        unfair = [(v.answer.exercise, v.answer.story, v.message) for v in proof.verdicts(lesson) if not v.fair]
    assert unfair == []
