"""Lesson 09's drill does what its check says, its by-hand numbers tell mistakes apart, and the checks agree with the library."""

import numpy as np
import pytest
import torch

from autograder.checks import drawbacks as checks
from autograder.checks import judge
from autograder.course import lessons
from autograder.proving import proof
from lib.byhand import costs_puzzle
from lib.models import mixers


def pairs(found):
    return {(int(t), int(s)) for t, s in np.argwhere(found)}


def test_the_drill_does_what_the_check_says():
    (lesson,) = lessons(["09"])
    names = proof._solved(lesson)
    own = np.asarray(names["OWN"])
    for answer, right in checks.DRILL_LEAKS.items():
        assert pairs(names["probe"](names[f"candidate_{answer[-1]}"]) & ~own) == right, answer
    place = np.arange(6)
    window_of_two = own & (place[:, None] - place < 2)
    assert pairs(names["probe"](names["candidate_A"]) & ~window_of_two) == checks.DRILL_BEYOND
    q, k, v = names["read"](torch.tensor([3, 1, 4, 1, 5, 2]))
    for letter, off in (("A", set()), ("B", None), ("C", set()), ("D", checks.DRILL_OFF)):
        weights = np.asarray(names[f"candidate_{letter}"](q, k, torch.ones_like(v)))[..., 0].T
        assert off is None or pairs(np.abs(weights - 1) > 0.01) == off, letter


def test_no_likely_mistake_costs_the_right_number():
    for i in range(80):
        student = f"student {i}"
        mine, right = costs_puzzle(student, "09"), checks.costs_by_hand(student)
        checks.check_costs_mine(student, right)
        n, w, each = mine.n, mine.window, mine.layers * mine.heads * mine.itemsize
        mistakes = [
            {n // mine.block, n, mine.block, round(n / mine.block) if n % mine.block < mine.block / 2 else n},
            {n * n, n * (n - 1) // 2, n},
            {n * w, (n - w) * w, w * (w + 1) // 2, n * (n + 1) // 2, (n - w + 1) * w},
            {each * n * mine.head_size // factor for factor in (1, mine.layers, mine.heads, mine.itemsize)},
            {each * mine.head_size**2, each * mine.head_size, right[3], each * (mine.head_size**2 + 1)},
        ]
        for place, values in enumerate(mistakes):
            assert right[place] not in values, (student, place)
            for value in values:
                with pytest.raises(AssertionError, match=r"^costs_mine: "):
                    checks.check_costs_mine(student, [*right[:place], value, *right[place + 1 :]])


@pytest.mark.parametrize("whom", ["", "ada/09_drawbacks"])
def test_the_library_passes(whom):
    def step(q_t, k_t, v_t, state):
        y, state = mixers.linear_attention(*(x[:, :, None] for x in (q_t, k_t, v_t)), chunk=1, state=state)
        return y[:, :, 0], state

    with judge.cases_for(whom):
        checks.check_scan(mixers.scan)
        checks.check_linear_attention_step(step)
        for chunk in (None, 1, 4):
            checks.check_linear_attention(lambda q, k, v, chunk=chunk: mixers.linear_attention(q, k, v, chunk=chunk)[0])


def test_the_optimum_is_the_lowest_expected_loss():
    rng = np.random.default_rng(0)
    joint = judge.random_joint(rng, (3, 3))
    first = joint.sum(axis=1)

    def loss(q, share):
        read_own = sum(first[a] * joint.sum(axis=0)[b] * -np.log(q[a, b]) for a in range(3) for b in range(3))
        return (1 - share) * (joint * -np.log(q)).sum() + share * read_own

    for share in (0.0, 0.4, 1.0):
        best = checks._optimum(joint, share)
        for _ in range(50):
            other = best * np.exp(rng.normal(size=best.shape) * 0.1)
            assert loss(best, share) < loss(other / other.sum(axis=1, keepdims=True), share)
