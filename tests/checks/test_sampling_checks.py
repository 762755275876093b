"""What the checks of lesson 08 compute for themselves agrees with the library, and each beam mistake shows in some case."""

import math

import numpy as np
import pytest
import torch

from autograder.checks import judge
from autograder.checks import sampling as checks
from lib import sampling


@pytest.mark.parametrize(
    ("key", "previous", "n"), [(0, [0], 1), (17, [3, 1, 4, 1], 5), (-2, [9, 9], 70), (2**70, [8], 2)]
)
def test_keyed_uniforms_are_those_of_the_library(key, previous, n):
    assert checks.keyed_uniforms(key, previous, n) == sampling.keyed_uniforms(key, previous, n).tolist()


@pytest.mark.parametrize("whom", ["", "ada/08_sampling"])
def test_the_library_passes_every_check(whom):
    def accept_or_resample(p, q, token, *uniforms):
        drawn = sampling.accept_or_resample(p, q, torch.tensor(token), *torch.tensor(uniforms, dtype=torch.float64))
        return int(drawn[0])

    with judge.cases_for(whom):
        for name in ("temperature", "top_k", "top_p", "min_p", "constrain", "sample_token", "beam_search"):
            getattr(checks, f"check_{name}")(getattr(sampling, name))
        checks.check_watermarked_token(sampling.watermarked_token)
        checks.check_watermark_score(sampling.watermark_score)
        checks.check_accept_or_resample(accept_or_resample)
        checks.check_repaired_F(sampling.penalise)


def test_every_mistake_of_a_beam_search_is_seen():
    for variant, told in checks._BEAM_MISTAKES.items():

        def wrong(step, start, width, length, end, alpha, variant=variant):
            return checks._beam(step, width, alpha, variant)[0]

        with pytest.raises(AssertionError, match=f"^beam_search: {told}"):
            checks.check_beam_search(wrong)


def test_a_beam_that_holds_everything_is_an_exhaustive_search():
    for seed in range(20):
        toy = checks._Toy(seed, 3, [1], 3, 0)
        for alpha in (0.0, 0.7, 2.0):
            (tokens, score), _ = checks._beam(toy, 40, alpha)
            (best, highest), _ = checks._exhaustive(toy, alpha)
            assert tokens == best
            assert score == pytest.approx(highest)


def test_a_toy_refuses_what_should_not_be_asked():
    toy = checks._Toy(0, 3, [2, 0], 2, 0)
    assert float(toy([2, 0, 1]).exp().sum()) == pytest.approx(1)
    for tokens, told in (([1], "start"), ([2, 0, 0], "has ended"), ([2, 0, 1, 1], "more than 2"), ([2, 0, 3], "exist")):
        with pytest.raises(ValueError, match=told):
            toy(tokens)


def test_the_drill_gives_what_its_check_expects():
    """By integrals: the uniform that rejected a draft is itself uniform above p / q."""
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.2, 0.6])
    rejected = q[2] * (1 - p[2] / q[2])
    of_first = (0.75 - p[2] / q[2]) / (1 - p[2] / q[2])  # the first token has three quarters of what is missing
    gives = [q[0] + rejected * of_first, q[1] + rejected * (1 - of_first), q[2] - rejected]
    assert gives == pytest.approx(checks.DRILL_GIVES["gives_H"])
    assert checks.DRILL_GIVES["gives_I"] == p.tolist()
    assert math.fsum(gives) == pytest.approx(1)
