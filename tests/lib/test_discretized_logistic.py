"""Discretised logistics: all of the probability, exact at the edges, finite and with a gradient everywhere."""

import math

import pytest
import torch

from lib.models.discretized_logistic import LogisticMixture, discretized_logistic_log_prob, mixture_logits
from lib.training import fit


@pytest.mark.parametrize("n_values", [2, 3, 256])
@pytest.mark.parametrize("mean", [-300.0, 0.0, 1.3, 127.0, 255.0, 900.0])
@pytest.mark.parametrize("log_scale", [-8.0, -2.0, 0.0, 3.0, 12.0, 25.0])
def test_all_bins_together_have_probability_one(n_values, mean, log_scale):
    x = torch.arange(n_values)
    for dtype, tolerance in ((torch.float32, 3e-4), (torch.float64, 1e-7)):
        found = discretized_logistic_log_prob(
            x, torch.tensor(mean, dtype=dtype), torch.tensor(log_scale).to(dtype), n_values
        )
        assert found.isfinite().all()
        assert found.double().exp().sum().item() == pytest.approx(1, abs=tolerance)


def test_a_bin_has_what_lies_between_its_edges():
    def below(edge, mean, scale):
        return 1 / (1 + math.exp(-(edge - mean) / scale))

    for mean, scale in ((1.0, 0.5), (2.7, 1.3), (-1.0, 4.0)):
        inner = [below(x + 0.5, mean, scale) - below(x - 0.5, mean, scale) for x in (1, 2)]
        expected = [below(0.5, mean, scale), *inner, 1 - below(2.5, mean, scale)]
        found = discretized_logistic_log_prob(
            torch.arange(4), torch.tensor(mean).double(), torch.tensor(scale).double().log(), 4
        )
        assert torch.allclose(found.exp(), torch.tensor(expected).double(), atol=1e-12)


def test_far_from_the_mean_it_falls_by_a_nat_per_scale_and_has_a_gradient():
    mean, log_scale = torch.tensor(0.0, requires_grad=True), torch.tensor(0.0, requires_grad=True)
    found = discretized_logistic_log_prob(torch.tensor([100, 101, 200]), mean, log_scale, 256)
    assert (found[0] - found[1]).item() == pytest.approx(1, abs=1e-4)
    found.sum().backward()
    assert mean.grad.item() == pytest.approx(3, abs=1e-4)
    for log_scale in (-8.0, 0.0, 20.0):
        numbers = torch.tensor([0.0, 300.0, log_scale], requires_grad=True)
        mixture_logits(numbers, 256).sum().backward()
        assert numbers.grad.isfinite().all()


def test_a_mixture_is_the_sum_of_its_weighted_components():
    numbers = torch.tensor([math.log(0.3), math.log(0.7), -0.5, 0.25, -1.0, 0.5]).double()
    found = mixture_logits(numbers, 9).exp()
    x = torch.arange(9)
    each = [
        discretized_logistic_log_prob(
            x, torch.tensor(4 * (1 + m)).double(), torch.tensor(math.log(9 / 4) + s).double(), 9
        ).exp()
        for m, s in ((-0.5, -1.0), (0.25, 0.5))
    ]
    assert torch.allclose(found, 0.3 * each[0] + 0.7 * each[1])


def test_it_learns_two_heaps_from_few_examples_and_samples_them():
    generator = torch.Generator().manual_seed(0)
    heaps = torch.where(torch.rand(600, generator=generator) < 0.3, 60, 180)
    x = (heaps + 8 * torch.randn(600, generator=generator)).round().long()
    model = LogisticMixture(256, 2)
    before = -model.log_prob(x[200:]).mean().item()
    fit(model, x[:200], epochs=60, batch_size=50, lr=0.05, warmup=1, average=0.9, progress=False)
    after = -model.log_prob(x[200:]).mean().item()
    # The entropy of the heaps: that of a normal of deviation 8, and of which heap it is.
    entropy = 0.5 * math.log(2 * math.pi * math.e * 64) - 0.3 * math.log(0.3) - 0.7 * math.log(0.7)
    assert entropy - 0.1 < after < entropy + 0.15 < before
    drawn = model.sample(4000, generator)
    assert drawn.dtype == torch.int64
    assert (drawn < 120).float().mean().item() == pytest.approx(0.3, abs=0.08)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: discretized_logistic_log_prob(torch.tensor([4]), torch.zeros(1), torch.zeros(1), 4),
            "0 to 3, found 4 to 4",
        ),
        (
            lambda: discretized_logistic_log_prob(torch.tensor([0]), torch.zeros(1), torch.zeros(1), 1),
            "at least 2, found 1",
        ),
        (lambda: mixture_logits(torch.zeros(4), 4), "3 numbers for each component, found 4"),
        (lambda: LogisticMixture(4).log_prob(torch.tensor([4])), r"\(B,\) of 0 to 3, found shape \(1,\) of 4 to 4"),
        (lambda: LogisticMixture(4).log_prob(torch.tensor(1)), r"found shape \(\)"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
