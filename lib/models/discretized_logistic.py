"""Whole numbers as a logistic distribution cut into bins, and mixtures of such.

Salimans, Karpathy, Chen & Kingma, "PixelCNN++: Improving the PixelCNN with Discretized Logistic Mixture Likelihood and Other
Modifications", ICLR 2017 (arXiv 1701.05517), section 2.1. The probability of x is what the logistic distribution has
between x - 1/2 and x + 1/2; the first bin reaches down to minus infinity and the last up to infinity, so that all bins
together have 1. A softmax over 256 values has to learn that 127 and 128 are neighbours; this one knows.

Different from the paper's code: values are whole numbers, not scaled to [-1, 1], and no case is approximated. With b and a
the standardised upper and lower edge, sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - exp(a - b)), whose logarithm is a
sum of three terms that neither overflow nor cancel.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib.models.pixel_by_pixel import choose


def discretized_logistic_log_prob(x: Tensor, mean: Tensor, log_scale: Tensor, n_values: int) -> Tensor:
    """log-probability of whole numbers 0 to n_values - 1, in nats, shaped like the arguments broadcast.

    Parameters
    ----------
    x : the numbers. mean, log_scale : of the logistic distribution, in units of x. n_values : at least 2.

    Raises
    ------
    ValueError : fewer than 2 values, or a number that is not among them.
    """
    if n_values < 2:
        raise ValueError(f"discretized_logistic_log_prob: n_values should be at least 2, found {n_values}")
    if x.numel() and not 0 <= x.min().item() <= x.max().item() < n_values:
        raise ValueError(
            f"discretized_logistic_log_prob: x should hold 0 to {n_values - 1}, found {x.min():g} to {x.max():g}"
        )
    width = torch.exp(-log_scale)  # of a bin, in scales
    centre = (x - mean) * width
    from_above = F.logsigmoid(centre + width / 2).masked_fill(x == n_values - 1, 0.0)
    from_below = F.logsigmoid(width / 2 - centre).masked_fill(x == 0, 0.0)
    # log(1 - exp(-width)); for a width below rounding, log(width), which is also what keeps the gradient finite.
    inside = torch.where(width > 1e-6, torch.log(-torch.expm1(-width.clamp(min=1e-6))), -log_scale)
    return from_above + from_below + torch.where((x == 0) | (x == n_values - 1), torch.zeros_like(inside), inside)


def mixture_logits(parameters: Tensor, n_values: int) -> Tensor:
    """log-probabilities of all values under mixtures of M discretised logistics: `(..., 3 M)` to `(..., n_values)`.

    parameters : what a network gives, first the M log-weights (up to a constant), then M means, then M log-scales. A mean of 0
        is the middle value and 1 the last; a log-scale of 0 is a quarter of the values. Scales stop at 1/20 of a bin.
    """
    if parameters.shape[-1] % 3:
        raise ValueError(f"mixture_logits: expected 3 numbers for each component, found {parameters.shape[-1]}")
    log_weights, means, log_scales = parameters[..., None, :].chunk(3, dim=-1)
    middle = (n_values - 1) / 2
    x = torch.arange(n_values, device=parameters.device)[:, None]
    log_scales = (log_scales + torch.tensor(n_values / 4).log()).clamp(min=-3.0)
    each = discretized_logistic_log_prob(x, middle * (1 + means), log_scales, n_values)
    return (log_weights.log_softmax(-1) + each).logsumexp(-1)


class LogisticMixture(nn.Module):
    """One distribution over the whole numbers 0 to n_values - 1: M discretised logistics, 3 M - 1 free numbers.

    Parameters
    ----------
    n_values : K. n_components : M.
    """

    def __init__(self, n_values: int, n_components: int = 3) -> None:
        super().__init__()
        self.n_values, self.n_components = n_values, n_components
        start = torch.zeros(3, n_components)
        start[1] = (2 * torch.arange(n_components) + 1) / n_components - 1  # means spread over all values
        self.numbers = nn.Parameter(start.flatten())

    @property
    def settings(self) -> dict[str, Any]:
        """What to build the same model with, before it learns anything."""
        return {"n_values": self.n_values, "n_components": self.n_components}

    def logits(self, x: Tensor) -> Tensor:
        """log-probabilities of all values, the same whatever `x (B,)` holds: `(B, K)`."""
        return mixture_logits(self.numbers, self.n_values).expand(len(x), -1)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p of each number: `(B,)` to `(B,)`, nats."""
        if x.ndim != 1 or (x.numel() and not 0 <= x.min().item() <= x.max().item() < self.n_values):
            raise ValueError(
                f"LogisticMixture: x should be a batch (B,) of 0 to {self.n_values - 1}, found shape {tuple(x.shape)}"
                + (f" of {x.min():g} to {x.max():g}" if x.numel() else "")
            )
        return mixture_logits(self.numbers, self.n_values)[x.long()]

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n numbers, int64 `(n,)`, one uniform each."""
        return choose(self.logits(torch.empty(n)), torch.rand(n, generator=generator))
