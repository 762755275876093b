"""FVSBN, the fully visible sigmoid belief net: each pixel a logistic regression on the pixels before it.

Neal, "Connectionist learning of belief networks", Artificial Intelligence 56, 1992; Frey, Hinton & Dayan, "Does the
wake-sleep algorithm produce good density estimators?", NIPS 1996, measured it on binarised digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib.models import inputs
from lib.models.bernoulli import log_bernoulli


class FVSBN(nn.Module):
    """Logistic regressions, one per pixel: `W (D, D)`, of which only the entries before each pixel count, and `b (D,)`.

    Parameters
    ----------
    n_pixels : D.
    order : of generation, a permutation of 0 to D - 1; raster order if absent. `W` and `b` are in that order.
    """

    order: Tensor

    def __init__(self, n_pixels: int, order: Sequence[int] | Tensor | None = None) -> None:
        super().__init__()
        self.n_pixels = n_pixels
        self.register_buffer("order", inputs.permutation(order, n_pixels, "FVSBN"), persistent=False)
        self.W = nn.Parameter(torch.zeros(n_pixels, n_pixels))
        self.b = nn.Parameter(torch.zeros(n_pixels))

    @property
    def settings(self) -> dict[str, Any]:
        """What to build the same model with, before it learns anything."""
        return {"n_pixels": self.n_pixels, "order": self.order.tolist()}

    def kept(self) -> dict[str, Tensor]:
        """Which entries of `W` count: those of pixels before each pixel."""
        return {"W": torch.ones_like(self.W, dtype=torch.bool).tril(-1)}

    def logits(self, x: Tensor) -> Tensor:
        """The logit of every pixel given the pixels before it: `(B, D)` to `(B, D)`, both in raster order."""
        x = inputs.binary(x, self.n_pixels, "FVSBN")
        in_order = F.linear(x[:, self.order], self.W.tril(-1), self.b)
        return in_order[:, self.order.argsort()]

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x): `(B, D)` to `(B,)`, nats."""
        return log_bernoulli(x, self.logits(x))

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n images `(n, D)`, each pixel drawn in its turn; one row of `W` per pixel."""
        uniforms = torch.rand(n, self.n_pixels, generator=generator)[:, self.order]  # by pixel
        x = torch.zeros(n, self.n_pixels)
        for d in range(self.n_pixels):
            x[:, d] = (uniforms[:, d] < torch.sigmoid(x[:, :d] @ self.W[d, :d] + self.b[d])).float()
        return x[:, self.order.argsort()]
