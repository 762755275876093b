"""A mixture of models: an ensemble that is itself a distribution.

Its probability of an example is the mean of the members' probabilities, so it sums to 1 as they do. The mean of their logits is
something else, and the product of its sigmoids is no likelihood of anything (see lesson 4).
Uria, Murray & Larochelle, "A Deep and Tractable Density Estimator", ICML 2014 (arXiv 1310.1757), section 4.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Mixture(nn.Module):
    """Picks one of its members at random, each as likely as any other.

    Parameters
    ----------
    members : models under the contract, of the same data; the same architecture in different orders, say.
    """

    def __init__(self, members: Sequence[Any]) -> None:
        super().__init__()
        if not members:
            raise ValueError("Mixture: expected at least one member, found none")
        self.members: Any = nn.ModuleList(members)

    @property
    def settings(self) -> dict[str, Any]:
        """What to build the same mixture with, before it learns anything."""
        return {"members": [{"class": type(member).__name__, **member.settings} for member in self.members]}

    def kept(self) -> dict[str, Tensor]:
        """The members' `kept`, by the names that their parameters have here."""
        return {
            f"members.{i}.{name}": mask
            for i, member in enumerate(self.members)
            if hasattr(member, "kept")
            for name, mask in member.kept().items()
        }

    def log_probs(self, x: Tensor) -> Tensor:
        """log p(x) under each of the K members: `(B, ...)` to `(K, B)`, nats."""
        return torch.stack([member.log_prob(x) for member in self.members])

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x): `(B, ...)` to `(B,)`, nats: the logarithm of the mean of the members' probabilities."""
        return self.log_probs(x).logsumexp(0) - math.log(len(self.members))

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n examples `(n, ...)`, each from a member drawn for it."""
        which = torch.randint(len(self.members), (n,), generator=generator)
        drawn = {int(k): self.members[int(k)].sample(int((which == k).sum()), generator) for k in which.unique()}
        first = next(iter(drawn.values()))
        x = first.new_empty(n, *first.shape[1:])
        for k, examples in drawn.items():
            x[which == k] = examples
        return x
