"""The judge compares as loosely as float32 demands, and no looser."""

import math

import numpy as np
import pytest
import torch

from autograder.checks import judge


@pytest.mark.parametrize("right", [-0.7, -39.0, -5488.0, -1e5])
def test_float32_answers_agree_and_log_3_for_log_4_does_not(right):
    rng = np.random.default_rng(0)
    parts = rng.dirichlet(np.ones(784)) * right
    added = np.float32(0)
    for part in parts.astype(np.float32):
        added += part
    judge.close("sum", added, right, "should agree")
    if abs(right) < 1e4:
        with pytest.raises(AssertionError, match="sum: too far"):
            judge.close("sum", right + math.log(4 / 3), right, "too far")


@pytest.mark.parametrize(("found", "right"), [(0.0, -math.inf), (math.inf, -math.inf), (-math.inf, -5.0)])
def test_an_infinity_agrees_with_itself_only(found, right):
    judge.close("log", [-math.inf, -1.0], [-math.inf, -1.0], "should agree")
    with pytest.raises(AssertionError, match="log: not the same"):
        judge.close("log", [found, -1.0], [right, -1.0], "not the same")


def test_nan_agrees_with_nothing():
    with pytest.raises(AssertionError, match="contains NaN"):
        judge.compare("log", np.array([math.nan]), [math.nan], [], "wrong")


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_an_argument_with_nan_can_be_left_alone_and_can_be_changed(kind):
    def change(x):
        x[0] = 0.0
        return 1.0

    assert judge.call("mean", lambda x: 1.0, kind([1.0, math.nan])) == 1.0
    for given in ([math.nan, 1.0], [1.0, math.nan]):
        with pytest.raises(AssertionError, match="mean changed its argument in place"):
            judge.call("mean", change, kind(given))


def test_the_cases_of_one_submission_are_the_same_again_and_differ_from_those_of_others():
    drawn = []
    for whom in ("ada/03_nade", "ada/03_nade", "ada/04_made", "bob/03_nade"):
        with judge.cases_for(whom):
            drawn.append((judge.rng(1).random(), float(judge.torch_rng(1).initial_seed())))
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3
