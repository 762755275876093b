"""One network for every order: it predicts each pixel from any set of known ones. Trained by masking, it is masked diffusion.

Uria, Murray & Larochelle, "A Deep and Tractable Density Estimator", ICML 2014 (arXiv 1310.1757): NADE for all orders at once.
Hoogeboom, Gritsenko, Bastings, Poole, van den Berg & Salimans, "Autoregressive Diffusion Models", ICLR 2022 (arXiv
2110.02037): the same loss is that of a diffusion which erases pixels one at a time (absorbing diffusion, Austin, Johnson, Ho,
Tarlow & van den Berg 2021, arXiv 2107.03006), and several pixels may be drawn at once for fewer passes and more nats.

    loss    t uniform on 0 to D - 1, t pixels of a random order known:  D / (D - t) . sum over unknown d of -ln p(x_d | known)
    order   its mean over t is the NLL in that order, and its mean over orders bounds the NLL of their mixture from above
    blocks  pixels of one block are drawn independently given the blocks before: one pass per block, another distribution

The network is a transformer without a causal mask over patches of pixels: a patch comes in as its known pixels and as which
those are, and leaves as one logit per pixel. What is known decides what is seen, so there is no cache: each step moves the whole
input, and an exact sample costs D whole passes. That, and the nats that one order alone would save, is the price of all orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from lib.models import inputs
from lib.models.gpt import Block, initialise
from lib.models.patches import Grid

Blocks = Sequence[Tensor | Sequence[int]]


class AnyOrder(nn.Module):
    """Conditionals of binary images given any of their pixels.

    Parameters
    ----------
    height, width : of an image, in pixels. patch : (p, q), pixels that enter the transformer as one vector.
    n_layers, n_heads, channels : of the transformer; n_heads divides channels. seed : of the initial weights.

    Raises
    ------
    ValueError : patches that do not divide the image, heads that do not divide the channels.
    """

    def __init__(
        self,
        height: int = 28,
        width: int = 28,
        patch: Sequence[int] = (4, 4),
        n_layers: int = 6,
        n_heads: int = 4,
        channels: int = 128,
        seed: int = 0,
    ) -> None:
        super().__init__()
        p, q = patch
        if min(height, width, p, q) < 1 or height % p or width % q:
            raise ValueError(f"AnyOrder: patch should divide an image of {height} x {width}, found {p} x {q}")
        if min(n_layers, n_heads, channels) < 1 or channels % n_heads:
            raise ValueError(f"AnyOrder: n_heads should divide channels, found {n_heads} heads and {channels} channels")
        self.settings: dict[str, Any] = {
            "height": height, "width": width, "patch": [p, q], "n_layers": n_layers, "n_heads": n_heads,
            "channels": channels, "seed": seed,
        }  # fmt: skip
        self.grid = Grid(height, width, (p, q))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embed = nn.Linear(2 * self.grid.n_bits, channels)
            self.places = nn.Parameter(torch.empty(self.grid.n_tokens, channels))
            self.blocks = nn.ModuleList(Block(channels, n_heads, n_heads, causal=False) for _ in range(n_layers))
            self.norm = nn.LayerNorm(channels)
            self.read = nn.Linear(channels, self.grid.n_bits)
            initialise(self, n_layers)
            nn.init.normal_(self.embed.weight, std=self.embed.in_features**-0.5)
        raster = torch.arange(self.grid.n_pixels, dtype=torch.float32)[None]
        at = self.grid.bits(raster).flatten(2).mT.flatten().long()  # the pixel that each output of each patch describes
        self.register_buffer("order_out", at.argsort(), persistent=False)

    @property
    def n_pixels(self) -> int:
        """D, pixels in an image."""
        return self.grid.n_pixels

    def logits(self, x: Tensor, known: Tensor) -> Tensor:
        """A Bernoulli logit for every pixel given the known ones, `(B, D)`; those of known pixels mean nothing.

        x : `(B, D)` of zeros and ones; what it says of unknown pixels is not read. known : bool `(B, D)`, or `(D,)` for all.

        Raises
        ------
        ValueError : another shape, other values, or `known` that is not bool.
        """
        x = inputs.binary(x, self.n_pixels, "AnyOrder")
        if known.dtype != torch.bool or known.shape not in (x.shape, x.shape[1:]):
            raise ValueError(
                f"AnyOrder: known should be bool of shape {tuple(x.shape)}, found {known.dtype} of shape {tuple(known.shape)}"
            )
        seen = known.expand_as(x).to(x.dtype)
        signs = (2 * x - 1) * seen
        patches = torch.cat([self.grid.bits(signs), self.grid.bits(seen)], dim=1)  # (B, 2 p q, rows, columns)
        h = self.embed(patches.flatten(2).mT) + self.places
        for block in self.blocks:
            h = block(h)
        return self.read(self.norm(h)).flatten(1)[:, self.order_out].float()

    def unknown_nats(self, x: Tensor, known: Tensor) -> Tensor:
        """-ln p(x_d | known) of every unknown pixel, and 0 at the known ones: `(B, D)`."""
        nats = F.binary_cross_entropy_with_logits(self.logits(x, known), x.float(), reduction="none")
        return nats.masked_fill(known.expand_as(nats), 0.0)

    def training_loss(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Nats per image, an unbiased estimate of the mean NLL over all orders, for `lib.training.fit`. x : `(B, D)`.

        The images of a batch divide 0 to D - 1 among them, so that each step sees early and late stages alike.
        """
        n, size = x.shape
        share = (torch.arange(n) + torch.rand(n, generator=generator)) / n
        t = (share[torch.randperm(n, generator=generator)] * size).long().clamp(max=size - 1)
        weight = size / (size - t)
        return (weight * self.unknown_nats(x, turns(x, generator) < t[:, None]).sum(1)).mean()

    def block_log_prob(self, x: Tensor, blocks: Blocks) -> Tensor:
        """log p of each block given those before it, its pixels independent of one another: `(B, D)` to `(B, len(blocks))`, nats.

        blocks : the numbers of the pixels of each block; together every pixel once. One pass of the network per block.

        Raises
        ------
        ValueError : blocks that are no partition of the pixels.
        """
        parts = self.partition(blocks)
        known, found = torch.zeros(self.n_pixels, dtype=torch.bool), []
        for part in parts:
            found.append(-self.unknown_nats(x, known)[:, part].sum(1))
            known[part] = True
        return torch.stack(found, dim=1)

    def partition(self, blocks: Blocks) -> list[Tensor]:
        """The blocks as int64 tensors. Raises ValueError if they are no partition of the pixels."""
        parts = [torch.as_tensor(block).long().flatten() for block in blocks]
        inputs.permutation(torch.cat(parts) if parts else [], self.n_pixels, "AnyOrder, blocks")
        return parts

    def log_prob(self, x: Tensor, order: Tensor | Sequence[int] | None = None) -> Tensor:
        """log p(x) in an order, one pass per pixel: `(B, D)` to `(B,)`, nats. Raster order if absent."""
        return self.block_log_prob(x, list(inputs.permutation(order, self.n_pixels, "AnyOrder").split(1))).sum(1)

    @torch.no_grad()
    def order_nll(self, x: Tensor, n_draws: int = 16, generator: torch.Generator | None = None) -> Tensor:
        """An unbiased estimate of -ln p(x), averaged over all orders, from `n_draws` passes: `(B, D)` to `(B,)`, nats.

        Every draw takes a new order and a new number of known pixels; the draws of an image divide 0 to D - 1 among them.
        """
        n, size = x.shape
        total = torch.zeros(n, dtype=torch.float64)
        for draw in range(n_draws):
            t = ((draw + torch.rand(n, generator=generator)) / n_draws * size).long().clamp(max=size - 1)
            total += size / (size - t) * self.unknown_nats(x, turns(x, generator) < t[:, None]).sum(1)
        return (total / n_draws).float()

    def sample(self, n: int, generator: torch.Generator | None = None, blocks: Blocks | None = None) -> Tensor:
        """n images `(n, D)`; see `fill`."""
        return self.fill(torch.zeros(n, self.n_pixels), torch.zeros(self.n_pixels, dtype=torch.bool), generator, blocks)

    @torch.no_grad()
    def fill(
        self, x: Tensor, known: Tensor, generator: torch.Generator | None = None, blocks: Blocks | None = None
    ) -> Tensor:
        """The images with their unknown pixels drawn: `(n, D)`.

        Parameters
        ----------
        x : `(n, D)` of zeros and ones. known : bool `(D,)`, the pixels that stay as they are, the same in all images.
        generator : one uniform for each pixel, `(n, D)` at once: column d decides pixel d, whenever its turn comes.
        blocks : which pixels are drawn in one pass; a partition of all, of which known ones are passed over. One pixel at a
            time in raster order if absent, which is exact.

        Raises
        ------
        ValueError : blocks that are no partition, images or known pixels of another shape.
        """
        uniforms = torch.rand(x.shape, generator=generator)
        known, x = known.clone(), torch.where(known, x, 0.0)
        for part in self.partition(blocks if blocks is not None else list(torch.arange(self.n_pixels).split(1))):
            now = part[~known[part]]
            if len(now):
                p = torch.sigmoid(self.logits(x, known)[:, now])
                x[:, now] = (uniforms[:, now] < p).float()
                known[now] = True
        return x


def turns(x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A random order for each image of `x (B, D)`: when each pixel's turn comes, 0 to D - 1. int64 `(B, D)`."""
    return torch.rand(x.shape, generator=generator).argsort(1).argsort(1)


def coarse_to_fine(side: int) -> list[Tensor]:
    """Every fourth row and column; every second row and column that is not among them; the rest: three int64 arrays of pixels.

    side : of a square image, a multiple of 4. Raises ValueError otherwise.
    """
    if side < 4 or side % 4:
        raise ValueError(f"coarse_to_fine: side should be a multiple of 4, found {side}")
    place = torch.arange(side)
    scale = (place % 2 > 0).long() + (
        place % 4 > 0
    )  # 0 in every fourth row, 1 in every other second one, 2 in the rest
    coarsest = torch.maximum(scale[:, None], scale).flatten()
    return [(coarsest == s).nonzero().flatten() for s in range(3)]


def best_sizes(nats: ArrayLike, n_blocks: int) -> list[int]:
    """The sizes of n blocks that cost the fewest nats, first block first, for an order at random.

    A block that begins when t pixels are known costs its size times the nats of one unknown pixel at that moment, so dynamic
    programming finds the best boundaries (Hoogeboom et al. 2022, section 4; Watson, Ho, Norouzi & Chan 2021, arXiv 2106.03802).

    nats : `(D,)`, of an unknown pixel when t = 0 to D - 1 are known. n_blocks : 1 to D.

    Raises
    ------
    ValueError : a number of blocks that cannot be.
    """
    f: NDArray[np.float64] = np.asarray(nats, dtype=np.float64)
    size = len(f)
    if not 1 <= n_blocks <= size:
        raise ValueError(f"best_sizes: n_blocks should be 1 to {size}, found {n_blocks}")
    begin, end = np.arange(size)[:, None], np.arange(size + 1)
    cost = np.where(
        end > begin, (end - begin) * f[:, None], np.inf
    )  # [i, j]: of a block that begins at i and ends before j
    least = np.full(size + 1, np.inf)
    least[0] = 0.0
    came_from = np.zeros((n_blocks, size + 1), dtype=int)
    for block in range(n_blocks):
        total = least[:-1, None] + cost
        came_from[block], least = total.argmin(0), total.min(0)
    ends = [size]
    for block in reversed(range(n_blocks)):
        ends.append(int(came_from[block, ends[-1]]))
    return [after - before for before, after in zip(ends[::-1], ends[-2::-1], strict=False)]
