"""PixelCNN in colour: red, then green given red, then blue given both, by masks over channels.

Van den Oord, Kalchbrenner & Kavukcuoglu, "Pixel Recurrent Neural Networks", ICML 2016 (arXiv 1601.06759), section 3.4:
the features of each layer are split into three groups, one per colour. Where the kernel lies on the pixel itself, group R sees
nothing of the pixel, G sees R, and B sees R and G (mask A, the first layer); in later layers each sees itself too (mask B).
Each value is a softmax over its levels (section 3, 4 levels here instead of 256) or a mixture of discretised logistics.

With `conditional=False` the three channels of a pixel are independent given the pixels before it, which is what a PixelCNN
without these masks would do: it is a distribution too, but one that gives probability to colours that do not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lib.models import cached
from lib.models.discretized_logistic import mixture_logits
from lib.models.patches import Grid
from lib.models.pixelcnn import MaskedConv2d, Stack

N_COLOURS = 3


def channel_mask(kind: str, c_in: int, c_out: int, n_groups: int = N_COLOURS) -> Tensor:
    """What features may see of the pixel itself: bool `(c_out, c_in)`, features grouped RRR GGG BBB.

    Raises
    ------
    ValueError : a kind that is not "A" or "B", or channels that do not split into the groups.
    """
    if kind not in ("A", "B"):
        raise ValueError(f"channel_mask: kind should be 'A' or 'B', found {kind!r}")
    if c_in % n_groups or c_out % n_groups:
        raise ValueError(f"channel_mask: channels should split into {n_groups} groups, found {c_in} in and {c_out} out")
    source = torch.arange(c_in) // (c_in // n_groups)
    to = torch.arange(c_out)[:, None] // (c_out // n_groups)
    return source < to if kind == "A" else source <= to


class ColourConv2d(MaskedConv2d):
    """A masked convolution whose features belong to R, G or B: `(B, c_in, H, W)` to `(B, c_out, H, W)`.

    Parameters
    ----------
    c_in, c_out, kernel_size, kind, generator : as for `MaskedConv2d`.
    conditional : whether groups are told apart; if not, kind A sees nothing of the pixel, and B all.
    n_open : inputs, the last ones, that everybody may see everywhere (constants).
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel_size: int | tuple[int, int],
        kind: str,
        generator: torch.Generator | None = None,
        conditional: bool = True,
        n_open: int = 0,
    ) -> None:
        super().__init__(c_in, c_out, kernel_size, kind, generator)
        mask = self.mask.repeat(c_out, c_in, 1, 1)
        if conditional:
            mask[:, : c_in - n_open, -1, self.sides] = channel_mask(kind, c_in - n_open, c_out).float()
        mask[:, c_in - n_open :, -1, self.sides] = 1
        self.mask = mask


class ColourPixelCNN(Stack):
    """A residual PixelCNN over small images in colour.

    Parameters
    ----------
    height, width : of the image. n_levels : K values that a channel can have.
    channels : of the residual stream, a multiple of 6; half as many inside the blocks. n_blocks : of them.
    kernel_size, first : of the convolutions in the blocks and of the first one, odd (height, width).
    conditional : G is given R, and B is given R and G; otherwise independent.
    n_components : discretised logistics that are mixed for each value; 0 for a softmax over the levels.
    seed : of the initial weights.

    Raises
    ------
    ValueError : even kernel sizes, or channels that do not split into groups.
    """

    places: Tensor

    def __init__(
        self,
        height: int = 14,
        width: int = 14,
        n_levels: int = 4,
        channels: int = 96,
        n_blocks: int = 5,
        kernel_size: Sequence[int] = (3, 5),
        first: Sequence[int] = (5, 7),
        conditional: bool = True,
        n_components: int = 0,
        seed: int = 0,
    ) -> None:
        if channels % (2 * N_COLOURS):
            raise ValueError(f"ColourPixelCNN: channels should be a multiple of {2 * N_COLOURS}, found {channels}")
        conv = partial(ColourConv2d, conditional=conditional)
        generator = torch.Generator().manual_seed(seed)
        kernel, first_kernel = (kernel_size[0], kernel_size[1]), (first[0], first[1])
        super().__init__(
            N_COLOURS * n_levels + 3, N_COLOURS * (3 * n_components or n_levels), channels, n_blocks, kernel, generator,
            first=lambda c_in, c_out: conv(c_in, c_out, first_kernel, "A", generator, n_open=3), conv=conv,
        )  # fmt: skip
        self.height, self.width, self.n_levels, self.conditional = height, width, n_levels, conditional
        self.channels, self.n_blocks, self.n_components = channels, n_blocks, n_components
        self.kernel_size, self.first_size = kernel, first_kernel
        self.register_buffer("places", Grid(height, width, (1, 1)).places(), persistent=False)

    @property
    def settings(self) -> dict[str, Any]:
        """What to build the same model with, before it learns anything."""
        return {
            "height": self.height, "width": self.width, "n_levels": self.n_levels, "channels": self.channels,
            "n_blocks": self.n_blocks, "kernel_size": self.kernel_size, "first": self.first_size,
            "conditional": self.conditional, "n_components": self.n_components,
        }  # fmt: skip

    def logits(self, x: Tensor) -> Tensor:
        """Of every channel of every pixel, given what comes before it: `(B, 3, H, W)` levels to `(B, 3, H, W, K)`."""
        x = self.checked(x)
        levels = F.one_hot(x, self.n_levels).permute(0, 1, 4, 2, 3).flatten(1, 2)  # (B, 3 K, H, W), RRRR GGGG BBBB
        stack = torch.cat([levels.float(), self.places.expand(len(x), -1, -1, -1)], 1)
        out = self.network(stack.contiguous(memory_format=torch.channels_last))
        return self.over_levels(out.unflatten(1, (N_COLOURS, -1)).permute(0, 1, 3, 4, 2))

    def over_levels(self, outputs: Tensor) -> Tensor:
        """Logits over the levels, `(..., K)`, from what the network gives for each value, `(..., K or 3 n_components)`."""
        return mixture_logits(outputs.float(), self.n_levels) if self.n_components else outputs

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x): `(B, 3, H, W)` levels to `(B,)`, nats."""
        logits = self.logits(x).float()
        return -F.cross_entropy(logits.permute(0, 4, 1, 2, 3), x.long(), reduction="none").flatten(1).sum(1)

    def images(self, tokens: Tensor) -> Tensor:
        """Levels in the order in which they are drawn, `(B, H * W * 3)`, as uint8 images `(B, 3, H, W)`."""
        return tokens.view(-1, self.height, self.width, N_COLOURS).permute(0, 3, 1, 2).to(torch.uint8)

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n images, uint8 `(n, 3, H, W)`, pixel by pixel, in each R, G, B. One uniform per value, in that order."""
        uniforms = torch.rand(n, self.height, self.width, N_COLOURS, generator=generator)
        tokens = cached.draw(
            lambda run: self.network(None, run), [self.first], self.places, torch.eye(self.n_levels), uniforms,
            logits=lambda outputs: self.over_levels(outputs.unflatten(1, (N_COLOURS, -1))),
        )  # fmt: skip
        return self.images(tokens)

    def in_order(self, x: Tensor) -> Tensor:
        """`logits` in the order in which values are drawn: `(B, 3, H, W)` to `(B, H * W * 3, K)`."""
        return self.logits(x).permute(0, 2, 3, 1, 4).flatten(1, 3)

    def checked(self, x: Tensor) -> Tensor:
        """`x` as int64, if it is a batch of images `(B, 3, H, W)` of levels. Raises ValueError otherwise."""
        shape = (N_COLOURS, self.height, self.width)
        if x.ndim != 4 or x.shape[1:] != shape:
            expected = ", ".join(map(str, shape))
            raise ValueError(f"ColourPixelCNN: x should have shape (batch, {expected}), found {tuple(x.shape)}")
        if x.is_floating_point() or x.dtype == torch.bool:
            raise ValueError(f"ColourPixelCNN: x should hold levels as integers, found {x.dtype}")
        if x.numel() and not 0 <= int(x.min()) <= int(x.max()) < self.n_levels:
            raise ValueError(
                f"ColourPixelCNN: levels should be 0 to {self.n_levels - 1}, found {int(x.min())} to {int(x.max())}"
            )
        return x.long()
