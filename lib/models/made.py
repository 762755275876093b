"""MADE: an autoencoder with the forbidden connections cut, so that one pass gives all D conditionals.

Germain, Gregor, Murray & Larochelle, "MADE: Masked Autoencoder for Distribution Estimation", ICML 2015
(arXiv 1502.03509). Section 3: a weight is kept only if the unit it leads to is allowed to know what the unit it
comes from knows. Section 4.1: several hidden layers; 4.2: several orders, one network; 4.3: direct connections
from input to output.

Every unit has a *degree*. Input d has its place in the order, 1 to D; a hidden unit of degree m may know the
inputs of places 1 to m, so hidden layers connect where `from <= to`; the output for place d may know only
what comes before, so it connects where `from < to`.

Left out: resampling the hidden degrees (section 4.2's connectivity-agnostic training); degrees here are spread
evenly, so that no dependence is lost by an unlucky draw. Different from the paper: rectified units, and with
several orders each has its own biases, which tell the shared weights who is asking.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib.models import inputs
from lib.models.bernoulli import log_bernoulli


def hidden_degrees(n_pixels: int, n_hidden: int) -> Tensor:
    """Degrees 1 to D - 1, each as often as any other, ascending: int64 `(n_hidden,)`."""
    return 1 + torch.arange(n_hidden) * max(n_pixels - 1, 1) // n_hidden


def mask(to: Tensor, source: Tensor, strict: bool) -> Tensor:
    """Which connections stay: bool `(len(to), len(source))`, like a weight. `strict` for the output layer."""
    return to[:, None] > source[None, :] if strict else to[:, None] >= source[None, :]


def paths(masks: Sequence[Tensor]) -> Tensor:
    """Which outputs some path through the masks connects to which inputs: bool `(n_outputs, n_inputs)`.

    Raises
    ------
    ValueError : masks that do not chain: one takes in another number of units than the one before gives out.
    """
    reached = torch.eye(masks[0].shape[1])
    for layer, found in enumerate(masks):
        if found.shape[1] != len(reached):
            raise ValueError(
                f"MADE: masks should chain, but mask {layer} takes in {found.shape[1]} units and {len(reached)} come to it"
            )
        reached = (found.float() @ reached > 0).float()
    return reached.bool()


class MADE(nn.Module):
    """A masked autoencoder over binary images, in one order or in several.

    Parameters
    ----------
    n_pixels : D.
    hidden : sizes of the hidden layers; any number of them.
    orders : orders of generation, each a permutation of 0 to D - 1; raster order alone if absent. With K orders
        the model is the mixture that picks one of them with probability 1/K: `log_prob` is the log-mean-exp
        over orders, an honest likelihood.
    direct : connect inputs to outputs as well, under a mask of their own.
    seed : of the initial weights.
    """

    orders: Tensor

    def __init__(
        self,
        n_pixels: int,
        hidden: Sequence[int] = (500,),
        orders: Sequence[Sequence[int] | Tensor | None] | None = None,
        direct: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.n_pixels, self.hidden, self.direct = n_pixels, tuple(hidden), direct
        chosen = [inputs.permutation(order, n_pixels, "MADE") for order in orders or (None,)]
        self.register_buffer("orders", torch.stack(chosen), persistent=False)
        self._degrees = [hidden_degrees(n_pixels, size) for size in hidden]
        self._masks: dict[int, list[Tensor]] = {}

        sizes = [n_pixels, *hidden, n_pixels]
        generator = torch.Generator().manual_seed(seed)
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for layer, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
            # He et al. 2015, counting only the connections that the mask keeps; the output starts small.
            n_kept = self.masks(0)[layer].sum(1, keepdim=True).clamp(min=1)
            scale = (2 / n_kept).sqrt() * (1.0 if layer < len(hidden) else 0.1)
            self.weights.append(nn.Parameter(scale * torch.randn(n_out, n_in, generator=generator)))
            self.biases.append(nn.Parameter(torch.zeros(len(chosen), n_out)))
        if direct:
            self.weights.append(nn.Parameter(torch.zeros(n_pixels, n_pixels)))

    def start_from(self, p: Tensor) -> MADE:
        """Set the output biases so that each pixel starts with its own probability `p (D,)`; returns the model.

        Without, the first epochs go into learning that the border is never lit.
        """
        with torch.no_grad():
            self.biases[-1].copy_(torch.logit(p, eps=1e-4).expand_as(self.biases[-1]))
        return self

    def masks(self, which: int = 0) -> list[Tensor]:
        """The masks of one order, one per weight, shaped like it: float32 `(n_out, n_in)` of zeros and ones."""
        if which not in self._masks:
            place = self.orders[which].argsort() + 1  # the degree of each pixel
            degrees = [place, *self._degrees]
            found = [mask(to, source, strict=False) for source, to in itertools.pairwise(degrees)]
            found.append(mask(place, degrees[-1], strict=True))
            if self.direct:
                found.append(mask(place, place, strict=True))
            # Made once, and as floats: with booleans every product would convert them anew.
            self._masks[which] = [kept.float() for kept in found]
        return self._masks[which]

    @property
    def settings(self) -> dict[str, Any]:
        """What to build the same model with, before it learns anything."""
        orders = self.orders.tolist()
        return {"n_pixels": self.n_pixels, "hidden": self.hidden, "orders": orders, "direct": self.direct}

    def kept(self) -> dict[str, Tensor]:
        """For each weight, by its parameter's name, which entries at least one order uses: bool, shaped like it."""
        masks = [torch.stack(found).any(0) for found in zip(*map(self.masks, range(len(self.orders))), strict=True)]
        return {f"weights.{i}": found for i, found in enumerate(masks)}

    def logits(self, x: Tensor, which: int = 0) -> Tensor:
        """The logit of every pixel given the pixels before it: `(B, D)` to `(B, D)`, one pass."""
        x = inputs.binary(x, self.n_pixels, "MADE")
        weights = [weight * mask for weight, mask in zip(self.weights, self.masks(which), strict=True)]
        h = x
        for weight, bias in zip(weights[: len(self.hidden)], self.biases, strict=False):
            h = F.relu(F.linear(h, weight, bias[which]))
        out = F.linear(h, weights[len(self.hidden)], self.biases[-1][which])
        return out + F.linear(x, weights[-1]) if self.direct else out

    def log_prob_in_order(self, x: Tensor, which: int) -> Tensor:
        """log p(x) under one of the orders: `(B, D)` to `(B,)`, nats."""
        return log_bernoulli(x, self.logits(x, which).float())

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), `(B, D)` to `(B,)`, nats; with K orders the log of the mean of their K probabilities."""
        each = torch.stack([self.log_prob_in_order(x, k) for k in range(len(self.orders))])  # (K, B)
        return each.logsumexp(0) - math.log(len(each))

    def training_loss(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """The mean NLL of a batch in one of the orders, drawn anew for each: order-agnostic training (section 4.2)."""
        which = int(torch.randint(len(self.orders), (), generator=generator)) if len(self.orders) > 1 else 0
        return -self.log_prob_in_order(x, which).mean()

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n images `(n, D)`, each in an order drawn for it. All pixels together cost what one pass costs.

        A hidden unit of degree m is settled once the first m pixels are. So each is worked out once, when its time
        has come, and never again; the naive way works out all of them D times.
        """
        which = torch.zeros(n, dtype=torch.long)
        if len(self.orders) > 1:
            which = torch.randint(len(self.orders), (n,), generator=generator)
        uniforms = torch.rand(n, self.n_pixels, generator=generator)
        x = torch.empty(n, self.n_pixels)
        for k in which.unique().tolist():
            x[which == k] = self._draw(uniforms[which == k], k)
        return x

    def _draw(self, uniforms: Tensor, which: int) -> Tensor:
        """Images `(n, D)` in one order, pixel d from column d of `uniforms`."""
        order = self.orders[which]
        uniforms = uniforms[:, order]
        kept = [weight * mask for weight, mask in zip(self.weights, self.masks(which), strict=True)]
        biases = [bias[which] for bias in self.biases]
        kept[0] = kept[0][:, order].contiguous()  # pixels in their order, as x and the outputs are below
        n_hidden = len(self.hidden)
        kept[n_hidden] = kept[n_hidden][order].contiguous()
        if self.direct:
            kept[-1] = kept[-1][order][:, order].contiguous()
        out_bias = biases[-1][order]
        # settled[l][k]: how many units of layer l have a degree of at most k. Degrees ascend, so these come first.
        settled = [torch.bincount(d, minlength=self.n_pixels).cumsum(0).tolist() for d in self._degrees]

        x = torch.zeros(uniforms.shape)
        layers = [x, *(torch.zeros(len(x), size) for size in self.hidden)]
        for k in range(self.n_pixels):
            known = k  # of the layer below: pixels first
            for depth, counts in enumerate(settled):
                new = slice(counts[k - 1] if k else 0, counts[k])
                if new.start < new.stop:
                    below = layers[depth][:, :known]
                    layers[depth + 1][:, new] = F.relu(
                        torch.addmm(biases[depth][new], below, kept[depth][new, :known].T)
                    )
                known = counts[k]
            logit = out_bias[k] + layers[-1][:, :known] @ kept[n_hidden][k, :known]
            if self.direct:
                logit += x[:, :k] @ kept[-1][k, :k]
            x[:, k] = (uniforms[:, k] < torch.sigmoid(logit)).float()
        return x[:, order.argsort()]
