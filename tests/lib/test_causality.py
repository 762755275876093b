"""The causality probe on functions whose dependences are known, for every kind of input."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lib.causality import dependence, describe, leaks

LOWER = np.tril(np.ones((5, 5), dtype=bool))
STRICT = np.tril(np.ones((5, 5), dtype=bool), k=-1)


def test_cumulative_sum_is_lower_triangular():
    assert (dependence(np.cumsum, np.zeros(5)) == LOWER).all()


def test_shifted_sum_is_strictly_lower_triangular():
    assert (dependence(lambda x: np.cumsum(x) - x, np.arange(5.0)) == STRICT).all()


def test_mean_sees_everything():
    assert dependence(lambda x: x - x.mean(), np.zeros(5)).all()


def test_constant_sees_nothing():
    assert not dependence(np.zeros_like, np.ones(5)).any()


def test_reversal():
    assert (dependence(lambda x: x[::-1], np.zeros(5)) == np.eye(5, dtype=bool)[::-1]).all()


def test_integers_are_redrawn_from_their_range():
    seen = []

    def function(x):
        seen.append(x.copy())
        return x

    found = dependence(function, np.array([0, 3, 1]), n_values=4)
    assert (found == np.eye(3, dtype=bool)).all()
    assert all(x.dtype.kind == "i" and x.min() >= 0 and x.max() < 4 for x in seen)
    assert seen[0].tolist() == [0, 3, 1]


def test_two_values_are_always_flipped():
    # (x + 1) % 2 for x in {0, 1}: every single change shows.
    assert (dependence(np.cumsum, np.zeros(5, dtype=int), n_values=2) == LOWER).all()


def test_booleans_are_flipped():
    found = dependence(np.logical_xor.accumulate, np.zeros(5, dtype=bool))
    assert (found == LOWER).all()
    assert (dependence(lambda x: ~x, np.zeros(3, dtype=bool)) == np.eye(3, dtype=bool)).all()


def test_a_dependence_that_shows_at_some_inputs_only():
    # Output 1 sees input 0 only where input 1 is True: the first probe, all False, cannot see it.
    def gated(x):
        return np.array([False, x[0] and x[1]])

    start = np.zeros(2, dtype=bool)
    assert not dependence(gated, start, probes=1)[1, 0]
    assert dependence(gated, start, probes=10)[1, 0]


def test_tensors_stay_tensors():
    def function(x):
        assert isinstance(x, torch.Tensor)
        assert x.dtype == torch.float32
        return x.cumsum(0)

    assert (dependence(function, torch.zeros(5)) == LOWER).all()


def test_integer_tensors_into_a_network():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Embedding(7, 3), torch.nn.Linear(3, 7))
    found = dependence(network, torch.tensor([1, 2, 3]), n_values=7)
    assert (found == np.eye(3, dtype=bool)).all()


def test_gradients_are_not_needed():
    x = torch.zeros(5, requires_grad=True)
    assert (dependence(lambda v: torch.sign(v).cumsum(0) + v.detach().cumsum(0), x) == LOWER).all()


def test_batches_and_images_are_raster_ordered():
    found = dependence(lambda x: np.cumsum(x, axis=1), np.zeros((2, 3)))
    block = np.tril(np.ones((3, 3), dtype=bool))
    assert (found == np.kron(np.eye(2, dtype=bool), block)).all()


def test_further_axes_belong_to_the_position():
    def logits(x):  # (T,) -> (T, 2): only the second column looks back
        return np.stack([np.zeros_like(x), np.cumsum(x)], axis=1)

    assert (dependence(logits, np.zeros(5)) == LOWER).all()


def test_answer_is_always_the_same():
    def threshold(x):
        return (np.cumsum(x) > 0.5).astype(float)

    runs = [dependence(threshold, np.zeros(6), probes=3, seed=4) for _ in range(2)]
    assert (runs[0] == runs[1]).all()


def test_the_input_is_left_alone():
    x = np.zeros(3)

    def vandal(v):
        v += 1
        return v

    dependence(vandal, x)
    assert x.tolist() == [0, 0, 0]


def test_infinite_and_undefined_outputs_compare_equal_to_themselves():
    def masked(x):
        out = np.where(np.arange(3) == 1, -np.inf, x)
        out[2] = np.nan
        return out

    found = dependence(masked, np.zeros(3))
    assert found.tolist() == [[True, False, False], [False] * 3, [False] * 3]


def test_small_changes_below_tolerance_do_not_count():
    assert not dependence(lambda x: 1e-9 * x, np.zeros(3)).any()
    assert dependence(lambda x: 1e-9 * x, np.zeros(3), tolerance=1e-15).diagonal().all()


@pytest.mark.parametrize("n_values", [None, 0, 1])
def test_integers_need_their_range(n_values):
    with pytest.raises(ValueError, match="integer inputs need n_values"):
        dependence(np.cumsum, np.zeros(3, dtype=int), n_values=n_values)


def test_wrong_output_shape_is_named():
    with pytest.raises(ValueError, match=r"output's shape \(2,\) does not start with the input's \(3,\)"):
        dependence(lambda x: x[:2], np.zeros(3))


def test_randomness_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="two answers for the same input"):
        dependence(lambda x: x + rng.normal(size=3), np.zeros(3))
    with pytest.raises(ValueError, match="two answers for the same input"):
        dependence(torch.nn.Dropout(), torch.ones(20))


def test_leaks_of_sound_functions():
    assert leaks(STRICT) == []
    assert leaks(LOWER, sees_itself=True) == []
    assert leaks(np.zeros((0, 0))) == []


def test_leaks_lists_output_then_input():
    assert leaks(LOWER) == [(t, t) for t in range(5)]
    depends = np.zeros((3, 3), dtype=bool)
    depends[0, 2] = depends[2, 1] = depends[1, 1] = True
    assert leaks(depends) == [(0, 2), (1, 1)]
    assert leaks(depends, sees_itself=True) == [(0, 2)]
    assert all(type(i) is int for pair in leaks(depends) for i in pair)


def test_leaks_follows_the_order():
    depends = STRICT[:3, :3]
    assert leaks(depends, order=[0, 1, 2]) == []
    assert leaks(depends, order=[2, 1, 0]) == [(1, 0), (2, 0), (2, 1)]
    # Order 1, 0, 2: only output 1's look at input 0 comes too early.
    assert leaks(depends, order=(1, 0, 2)) == [(1, 0)]
    assert leaks(depends.T, order=np.array([2, 1, 0])) == []


def test_leaks_refuses():
    with pytest.raises(ValueError, match=r"square matrix, found shape \(2, 3\)"):
        leaks(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"permutation of 0..2, found \[0, 0, 1\]"):
        leaks(np.zeros((3, 3)), order=[0, 0, 1])


def test_describe():
    assert describe([]) == "no leak"
    assert describe([(1, 2), (3, 3)]) == "output 1 sees input 2, output 3 sees input 3"
