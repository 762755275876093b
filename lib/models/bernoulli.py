"""Independent pixels: every pixel is a coin with a bias of its own. What every other model has to beat."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib.models import inputs


def log_bernoulli(x: Tensor, logits: Tensor) -> Tensor:
    """Log-probability of binary images whose pixels have these logits: twice `(B, D)` to `(B,)`, nats."""
    return -F.binary_cross_entropy_with_logits(logits, x.to(logits), reduction="none").sum(1)


class Bernoulli(nn.Module):
    """D coins. `b (D,)` holds their logits.

    Parameters
    ----------
    n_pixels : D.
    """

    def __init__(self, n_pixels: int) -> None:
        super().__init__()
        self.n_pixels = n_pixels
        self.b = nn.Parameter(torch.zeros(n_pixels))

    @property
    def settings(self) -> dict[str, Any]:
        """What to build the same model with, before it learns anything."""
        return {"n_pixels": self.n_pixels}

    def count(self, x: Tensor) -> Bernoulli:
        """Set the coins to their most likely biases for binary images `(N, D)`; returns the model.

        Each pixel is counted as if it had been seen once more, half lit (Krichevsky & Trofimov 1981), so that one never
        lit in training may be lit elsewhere.
        """
        x = inputs.binary(x, self.n_pixels, "Bernoulli")
        with torch.no_grad():
            self.b.copy_(torch.logit((x.sum(0) + 0.5) / (len(x) + 1)))
        return self

    def logits(self, x: Tensor) -> Tensor:
        """The logit of every pixel, the same whatever `x` holds: `(B, D)` to `(B, D)`."""
        return self.b.expand(len(inputs.binary(x, self.n_pixels, "Bernoulli")), -1)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x): `(B, D)` to `(B,)`, nats."""
        return log_bernoulli(x, self.logits(x))

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n images `(n, D)`, all pixels at once."""
        return (torch.rand(n, self.n_pixels, generator=generator) < torch.sigmoid(self.b)).float()
