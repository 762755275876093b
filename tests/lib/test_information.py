"""lib.information against closed forms, and at its edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lib.information import entropy, nats_to_bits


@pytest.mark.parametrize("k", [1, 2, 7, 256])
def test_uniform_has_the_largest_entropy(k):
    assert entropy(np.full(k, 1 / k)) == pytest.approx(math.log(k))
    assert entropy(np.full(k, 1 / k), base=2) == pytest.approx(math.log2(k))
    p = np.random.default_rng(k).dirichlet(np.ones(k))
    assert 0 <= entropy(p) <= math.log(k) + 1e-12


def test_entropy_of_a_coin():
    for p in (0.1, 0.5, 0.73):
        assert entropy([p, 1 - p], base=2) == pytest.approx(-p * math.log2(p) - (1 - p) * math.log2(1 - p))


def test_certainty_has_no_entropy():
    assert entropy([0.0, 1.0, 0.0]) == 0
    assert entropy([1.0]) == 0


def test_entropy_of_rows():
    p = np.random.default_rng(0).dirichlet(np.ones(4), size=(2, 3))
    found = entropy(p)
    assert found.shape == (2, 3)
    assert found[1, 2] == pytest.approx(entropy(p[1, 2]))


def test_entropy_of_geometric_distribution():
    # H = (-q ln q - p ln p) / p for p(k) = p q^k; the tail beyond 200 is below 1e-30.
    p, q = 0.3, 0.7
    table = p * q ** np.arange(200)
    assert entropy(table) == pytest.approx((-q * math.log(q) - p * math.log(p)) / p)


def test_entropy_of_independent_pair_adds():
    rng = np.random.default_rng(1)
    a, b = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(5))
    assert entropy(np.outer(a, b).ravel()) == pytest.approx(entropy(a) + entropy(b))


@pytest.mark.parametrize("container", [list, tuple, np.float32, torch.tensor])
def test_entropy_takes_any_container(container):
    p = [0.5, 0.25, 0.25]
    given = np.array(p, dtype=np.float32) if container is np.float32 else container(p)
    assert entropy(given) == pytest.approx(1.5 * math.log(2))
    assert type(entropy(given)) is float


def test_entropy_takes_tensors_with_gradient():
    assert entropy(torch.tensor([0.5, 0.5], requires_grad=True)) == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("p", "base", "sentence"),
    [
        ([0.5, 0.6], math.e, "sum to 1 along the last axis, found 1.1"),
        ([[0.5, 0.5], [0.2, 0.2]], math.e, "sum to 1 along the last axis, found 0.4"),
        ([1.5, -0.5], math.e, "not be negative, found -0.5"),
        ([float("nan"), 1.0], math.e, "not be negative, found nan"),
        ([], math.e, "at least one outcome"),
        (1.0, math.e, "at least one outcome"),
        ([0.5, 0.5], 1, "base should be above 1"),
    ],
)
def test_entropy_refuses(p, base, sentence):
    with pytest.raises(ValueError, match=sentence):
        entropy(p, base)


def test_entropy_leaves_its_argument_alone():
    p = np.array([0.0, 1.0])
    entropy(p)
    assert p.tolist() == [0.0, 1.0]


def test_bits():
    assert nats_to_bits(math.log(2)) == pytest.approx(1)
    assert nats_to_bits(np.log([4.0, 8.0])) == pytest.approx([2, 3])
    assert float(nats_to_bits(torch.tensor(0.0))) == 0
