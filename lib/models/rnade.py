"""RNADE: NADE for real values, each conditional a mixture of Gaussians.

Uria, Murray & Larochelle, "RNADE: The real-valued neural autoregressive density-estimator", NIPS 2013
(arXiv 1306.0186). The running sum is NADE's; the hidden units are rectified and scaled by one learned number per
dimension (section 3 of the paper: later sums add up more terms, and the scale makes up for it).

Left out: the paper's heuristic that multiplies the gradient of each mean by its standard deviation; Adam scales
gradients anyway.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib.models import inputs


class RNADE(nn.Module):
    """A density over D real values, dimension by dimension. Standardise the data first: `log_prob` is per their unit.

    Parameters
    ----------
    n_dims : D. n_hidden : H. n_components : K Gaussians per conditional.
    seed : of the initial weights.
    """

    def __init__(self, n_dims: int, n_hidden: int = 50, n_components: int = 5, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.n_dims, self.n_components = n_dims, n_components
        self.W = nn.Parameter(torch.randn(n_hidden, n_dims, generator=generator) * n_dims**-0.5)
        self.c = nn.Parameter(torch.randn(n_hidden, generator=generator) * 0.5)
        self.rho = nn.Parameter(torch.ones(n_dims))
        # For each dimension and component: a logit of its weight, a mean and a log standard deviation.
        self.V = nn.Parameter(torch.randn(n_dims, 3 * n_components, n_hidden, generator=generator) * 0.1)
        start = torch.zeros(n_dims, 3, n_components)
        start[:, 1] = torch.linspace(-1.5, 1.5, n_components) if n_components > 1 else 0.0
        start[:, 2] = -0.5
        self.b = nn.Parameter(start.flatten(1))

    def mixture(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The conditional of every dimension given those before it.

        x : `(B, D)`. Returns `(log_weights, means, log_scales)`, each `(B, D, K)`; the weights sum to 1 over K.
        """
        x = inputs.vectors(x, self.n_dims, "RNADE")
        added = x[:, :, None] * self.W.T  # (B, D, H): what each dimension adds to the sum
        sums = self.c + added.cumsum(1) - added
        hidden = F.relu(self.rho[:, None] * sums)
        return self._split(torch.einsum("bdh,dkh->bdk", hidden, self.V) + self.b)

    def log_prob(self, x: Tensor) -> Tensor:
        """log density of x: `(B, D)` to `(B,)`, nats, per unit of the data. It can be positive: it is no probability."""
        log_weights, means, log_scales = self.mixture(x)
        z = (x[:, :, None] - means) / log_scales.exp()
        each = log_weights - 0.5 * z**2 - log_scales - 0.5 * math.log(2 * math.pi)
        return each.logsumexp(2).sum(1)

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n points `(n, D)`: for each dimension in turn, a component, then a value from it."""
        x = torch.zeros(n, self.n_dims)
        sums = self.c.expand(n, -1).clone()
        for d in range(self.n_dims):
            outputs = F.relu(self.rho[d] * sums) @ self.V[d].T + self.b[d]
            log_weights, means, log_scales = self._split(outputs)
            component = torch.multinomial(log_weights.exp(), 1, generator=generator)
            noise = torch.randn(n, generator=generator)
            x[:, d] = means.gather(1, component)[:, 0] + log_scales.gather(1, component)[:, 0].exp() * noise
            sums.addr_(x[:, d], self.W[:, d])
        return x

    def _split(self, outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weights, means, log_scales = outputs.chunk(3, dim=-1)
        # A component may be narrow, but not a point: its density would have no bound.
        return weights.log_softmax(-1), means, log_scales.clamp(-4.0, 4.0)
