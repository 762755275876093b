"""NADE: one hidden layer shared by every conditional, and a running sum that makes all of them cheap.

Larochelle & Murray, "The Neural Autoregressive Distribution Estimator", AISTATS 2011; Uria, Cote, Gregor, Murray &
Larochelle, "Neural Autoregressive Distribution Estimation", JMLR 2016 (arXiv 1605.02226), section 2.

    h_d = sigmoid(c + sum of W[:, s] over the lit pixels s before d)        (H hidden units)
    p(x_d = 1 | x before d) = sigmoid(b_d + V_d . h_d)

The sum before d + 1 is the sum before d plus at most one column of W, so all D conditionals of an image cost
O(D H) and not O(D^2 H). Two facts make it fast here: a pixel that is not lit changes no hidden unit, so the
sigmoid runs again only for the images in which it is; and the sum can be undone, column by column, so the
backward pass recomputes the hidden units instead of remembering D of them (`RunningSum`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lib.models import inputs
from lib.models.bernoulli import log_bernoulli


def stretches(x: Tensor) -> list[tuple[slice, Tensor]]:
    """Cut the pixels of a binary batch `(B, D)` where some image is lit: `(pixels, rows lit at the last of them)`.

    Within a stretch no hidden unit of any image changes. At the edges of digits stretches are long.
    """
    pixel, row = x.T.nonzero(as_tuple=True)
    counts = torch.bincount(pixel, minlength=x.shape[1]).tolist()
    found, start = [], 0
    for d, rows in enumerate(row.split(counts)):
        if len(rows) or d == x.shape[1] - 1:
            found.append((slice(start, d + 1), rows))
            start = d + 1
    return found


class RunningSum(torch.autograd.Function):
    """NADE's logits for pixels in their order: `x (B, D), W (H, D), V (D, H), b (D,), c (H,)` to `(B, D)`.

    Remembers O(B (D + H)) numbers for the backward pass, where automatic differentiation would keep B D H.
    """

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)  # sums of hundreds of terms stay exact
    def forward(ctx, x: Tensor, W: Tensor, V: Tensor, b: Tensor, c: Tensor) -> Tensor:
        columns = W.T.contiguous()
        sums = c.expand(len(x), -1).clone()
        hidden = sums.sigmoid()
        logits = torch.empty(x.shape[1], len(x), dtype=sums.dtype)
        for pixels, lit in stretches(x):
            torch.mm(V[pixels], hidden.T, out=logits[pixels])
            if len(lit):
                new = sums.index_select(0, lit).add_(columns[pixels.stop - 1])
                sums.index_copy_(0, lit, new)
                hidden.index_copy_(0, lit, new.sigmoid_())
        ctx.save_for_backward(x, columns, V, sums, hidden)
        return logits.T + b

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(ctx, grad: Tensor) -> tuple[None, Tensor, Tensor, Tensor, Tensor]:
        x, columns, V, sums, hidden = ctx.saved_tensors
        sums, hidden = sums.clone(), hidden.clone()
        per_pixel = grad.T.contiguous()
        to_columns, to_V = torch.zeros_like(columns), torch.empty_like(V)
        to_sums, to_hidden = torch.zeros_like(sums), torch.zeros_like(sums)  # gradients gathered so far
        for pixels, lit in reversed(stretches(x)):
            if len(lit):
                # Through the sigmoid of the stretch that began after these pixels; then undo the last of them.
                d = pixels.stop - 1
                after = hidden.index_select(0, lit)
                slope = after.mul_(1 - after).mul_(to_hidden.index_select(0, lit))
                through = slope.add_(to_sums.index_select(0, lit))
                to_sums.index_copy_(0, lit, through)
                to_hidden.index_fill_(0, lit, 0)
                torch.sum(through, 0, out=to_columns[d])
                before = sums.index_select(0, lit).sub_(columns[d])
                sums.index_copy_(0, lit, before)
                hidden.index_copy_(0, lit, before.sigmoid_())
            torch.mm(per_pixel[pixels], hidden, out=to_V[pixels])
            to_hidden.addmm_(per_pixel[pixels].T, V[pixels])
        to_sums.addcmul_(to_hidden, hidden * (1 - hidden))
        return None, to_columns.T, to_V, grad.sum(0), to_sums.sum(0)


class NADE(nn.Module):
    """A neural autoregressive distribution estimator over binary images.

    Parameters
    ----------
    n_pixels : D. n_hidden : H.
    order : of generation, a permutation of 0 to D - 1; raster order if absent.
    seed : of the initial weights.

    The weights are the paper's: `W (H, D)`, `V (D, H)`, `b (D,)`, `c (H,)`, their pixels in the order of generation.
    """

    order: Tensor

    def __init__(
        self, n_pixels: int, n_hidden: int = 500, order: Sequence[int] | Tensor | None = None, seed: int = 0
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.n_pixels, self.n_hidden = n_pixels, n_hidden
        self.register_buffer("order", inputs.permutation(order, n_pixels, "NADE"), persistent=False)
        # About a tenth of the pixels is lit: with this scale the sums have a standard deviation near 1.
        self.W = nn.Parameter(torch.randn(n_hidden, n_pixels, generator=generator) * (10 / n_pixels) ** 0.5)
        self.V = nn.Parameter(torch.randn(n_pixels, n_hidden, generator=generator) * 0.5 * n_hidden**-0.5)
        self.b = nn.Parameter(torch.zeros(n_pixels))
        self.c = nn.Parameter(torch.zeros(n_hidden))

    @property
    def settings(self) -> dict[str, Any]:
        """What to build the same model with, before it learns anything."""
        return {"n_pixels": self.n_pixels, "n_hidden": self.n_hidden, "order": self.order.tolist()}

    def logits(self, x: Tensor) -> Tensor:
        """The logit of every pixel given the pixels before it: `(B, D)` to `(B, D)`, both in raster order."""
        x = inputs.binary(x, self.n_pixels, "NADE")
        in_order = RunningSum.apply(x[:, self.order], self.W, self.V, self.b, self.c)
        return in_order[:, self.order.argsort()]

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x): `(B, D)` to `(B,)`, nats."""
        return log_bernoulli(x, self.logits(x))

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n images `(n, D)`, each pixel drawn in its turn; the running sum makes them cost O(n D H)."""
        return self.complete(torch.zeros(n, self.n_pixels), 0, generator)

    @torch.no_grad()
    def complete(self, x: Tensor, observed: int, generator: torch.Generator | None = None) -> Tensor:
        """Keep the first `observed` pixels of the order, draw the others: `(B, D)` to `(B, D)`.

        One uniform is drawn for every pixel, observed or not, so that the same generator gives the same remainder.
        """
        x = inputs.binary(x, self.n_pixels, "NADE")[:, self.order].clone()
        if not 0 <= observed <= self.n_pixels:
            raise ValueError(f"NADE: observed should be 0 to {self.n_pixels} pixels, found {observed}")
        uniforms = torch.rand(x.shape, generator=generator)[:, self.order]  # by pixel
        sums = self.c.expand(len(x), -1).clone()
        for d in range(self.n_pixels):
            if d >= observed:
                p = torch.sigmoid(self.b[d] + sums.sigmoid() @ self.V[d])
                x[:, d] = (uniforms[:, d] < p).float()
            sums.addr_(x[:, d], self.W[:, d])
        return x[:, self.order.argsort()]
