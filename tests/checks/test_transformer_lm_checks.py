"""Lesson 07's by-hand numbers leave no likely mistake near the right answer, and its drill leaks what the check says."""

import math

import pytest

from autograder.checks import transformer_lm
from autograder.course import lessons
from autograder.proving import proof
from lib.causality import leaks


def gathered(scores, values):
    weights = [math.exp(s) for s in scores]
    return sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)


def test_no_likely_mistake_gathers_the_right_number():
    for i in range(300):
        scores, values = transformer_lm._three(f"student {i}")
        right = gathered([s / 2 for s in scores], values)
        mistakes = [gathered([s / root for s in scores], values) for root in (1, 4, math.sqrt(3), -2)]
        mistakes += [gathered([s / 2 for s in scores[part]], values[part]) for part in (slice(2), slice(1, 3))]
        mistakes += [sum(values) / 3, max(values), gathered([s / 2 for s in scores], values[::-1])]
        assert min(abs(wrong - right) for wrong in mistakes) > 0.3, f"student {i}"
        transformer_lm.check_attention_mine(f"student {i}", round(right, 1))
        with pytest.raises(AssertionError, match="attention_mine"):
            transformer_lm.check_attention_mine(f"student {i}", right + 0.2)


def test_the_drill_leaks_what_the_check_says():
    (lesson,) = lessons(["07"])
    names = proof._solved(lesson)
    for answer, right in transformer_lm.DRILL_LEAKS.items():
        _, letter, *large = answer.split("_")
        found = names["probe"](names[f"candidate_{letter}"], 1e5 if large else 1.0)
        assert {(int(t), int(s)) for t, s in leaks(found)} == right, answer
    seen = names["probe"](names["candidate_F"])
    assert {(t, s) for t in range(5) for s in range(t) if not seen[t][s]} == transformer_lm.DRILL_LOST
