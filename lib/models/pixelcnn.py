"""PixelCNN: a stack of masked convolutions, so that one pass gives the conditionals of every pixel.

van den Oord, Kalchbrenner & Kavukcuoglu, "Pixel Recurrent Neural Networks", ICML 2016 (arXiv 1601.06759), sections
3.4 and 3.5: masks of kind A (not the pixel itself) in the first layer and of kind B (the pixel too) after it; section
3.3: residual blocks that narrow before their masked convolution.

A grid of *tokens* is generated in raster order. With `patch=(1, 1)` a token is a pixel. With `patch=(p, q)` it is a block
of p x q binary pixels, taken as one of 2**(p q) values: the chain rule over a partition, exact, and fewer, larger steps.

Different from the paper: kernels may be wider than high, since every row above that a kernel does not reach to the right is a
blind spot; three constant channels (row, column, ones) tell a pixel where it is and where the image ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib.models import cached, inputs
from lib.models.bernoulli import log_bernoulli
from lib.models.cached import Run, everywhere
from lib.models.patches import Grid


class MaskedConv2d(nn.Module):
    """A convolution whose output sees only the pixels before it in raster order, and itself if its kind is B.

    Parameters
    ----------
    c_in, c_out : channels. kernel_size : one odd number, or two: height and width. kind : `"A"` or `"B"`.
    generator : of the initial weights (He et al. 2015, counting only what the mask keeps).

    The rows of the kernel below its middle are masked whatever they hold. So they are not there: `weight` has shape
    `(c_out, c_in, height // 2 + 1, width)`, and its last row belongs to the pixel's own row.
    """

    mask: Tensor

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel_size: int | tuple[int, int],
        kind: str,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        height, width = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
        if height < 1 or width < 1 or height % 2 == 0 or width % 2 == 0:
            raise ValueError(
                f"MaskedConv2d: kernel_size should be odd, or there is no middle pixel, found {kernel_size}"
            )
        if kind not in ("A", "B"):
            raise ValueError(f"MaskedConv2d: kind should be 'A' or 'B', found {kind!r}")
        self.kind, self.rows, self.sides = kind, height // 2, width // 2
        mask = torch.ones(self.rows + 1, width)
        mask[-1, self.sides + (kind == "B") :] = 0
        self.register_buffer("mask", mask, persistent=False)
        scale = (2 / max(1.0, c_in * mask.sum().item())) ** 0.5
        self.weight = nn.Parameter(scale * torch.randn(c_out, c_in, self.rows + 1, width, generator=generator))
        self.bias = nn.Parameter(torch.zeros(c_out))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, c_in, height, width)` to `(B, c_out, height, width)`."""
        if x.ndim != 4 or x.shape[1] != self.weight.shape[1]:
            raise ValueError(
                f"MaskedConv2d: x should have shape (batch, {self.weight.shape[1]}, height, width), found {tuple(x.shape)}"
            )
        # Padding below as well, and dropping what it gives, is quicker than padding above alone.
        out = F.conv2d(x, self.weight * self.mask, self.bias, padding=(self.rows, self.sides))
        return out[:, :, : x.shape[2]]

    def kernel(self) -> tuple[Tensor, Tensor, tuple[int, int]]:
        """Masked weight, bias, and the kernel's row and column that lie on the pixel itself."""
        return self.weight * self.mask, self.bias, (self.rows, self.sides)


class Block(nn.Module):
    """x + a narrow masked convolution between two 1 x 1 convolutions (the paper's figure 5)."""

    def __init__(
        self,
        channels: int,
        kernel_size: int | tuple[int, int],
        generator: torch.Generator,
        conv: Callable[..., MaskedConv2d] = MaskedConv2d,
    ) -> None:
        super().__init__()
        narrow = channels // 2
        self.enter = conv(channels, narrow, 1, "B", generator)
        self.masked = conv(narrow, narrow, kernel_size, "B", generator)
        self.leave = conv(narrow, channels, 1, "B", generator)
        with torch.no_grad():
            self.leave.weight.mul_(0.2)  # a block starts as nearly nothing

    def forward(self, x: Tensor, run: Run = everywhere) -> Tensor:
        h = run(self.enter, F.relu(x))
        h = run(self.masked, F.relu(h))
        return x + run(self.leave, F.relu(h))


class Stack(nn.Module):
    """The network of a PixelCNN: a first layer of kind A, blocks, and two layers of 1 x 1 at the end.

    Parameters
    ----------
    n_inputs, n_outputs : channels that it reads, and numbers that it gives for each position. channels : of the residual stream.
    n_blocks : of them. kernel_size : in the blocks. generator : of the initial weights.
    first : makes the first layer, from its channels in and out. conv : makes every other one.
    """

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        channels: int,
        n_blocks: int,
        kernel_size: tuple[int, int],
        generator: torch.Generator,
        first: Callable[[int, int], MaskedConv2d],
        conv: Callable[..., MaskedConv2d] = MaskedConv2d,
    ) -> None:
        super().__init__()
        self.first = first(n_inputs, channels)
        self.blocks = nn.ModuleList(Block(channels, kernel_size, generator, conv) for _ in range(n_blocks))
        self.hidden = conv(channels, channels, 1, "B", generator)
        self.out = conv(channels, n_outputs, 1, "B", generator)
        with torch.no_grad():
            self.out.weight.mul_(0.1)  # all values start out about as likely as their biases say

    def network(self, stack: Tensor | None, run: Run = everywhere) -> Tensor:
        """From inputs as channels, `(B, n_inputs, ...)`, to `(B, n_outputs, ...)`."""
        h = run(self.first, stack)
        for block in self.blocks:
            h = block(h, run)
        h = run(self.hidden, F.relu(h))
        return run(self.out, F.relu(h))

    def kept(self) -> dict[str, Tensor]:
        """For each masked weight, by its parameter's name, which entries the mask keeps: bool, shaped like it."""
        return kept(self)


class PixelCNN(Stack):
    """A residual PixelCNN over binary images, pixel by pixel or patch by patch.

    Parameters
    ----------
    height, width : of the images. channels : of the residual stream; half as many inside the blocks. n_blocks : of them.
    kernel_size : of the masked convolutions in the blocks, odd (height, width). first : the same for the first one.
    patch : height and width of a token in pixels; they divide the image's.
    seed : of the initial weights.
    """

    places: Tensor

    def __init__(
        self,
        height: int = 28,
        width: int = 28,
        channels: int = 64,
        n_blocks: int = 7,
        kernel_size: tuple[int, int] = (3, 5),
        first: tuple[int, int] = (7, 7),
        patch: tuple[int, int] = (1, 1),
        seed: int = 0,
    ) -> None:
        grid = Grid.of(height, width, patch, "PixelCNN")
        generator = torch.Generator().manual_seed(seed)
        super().__init__(
            grid.n_bits + 3, grid.n_outputs, channels, n_blocks, kernel_size, generator,
            first=lambda c_in, c_out: MaskedConv2d(c_in, c_out, first, "A", generator),
        )  # fmt: skip
        self.grid, self.channels, self.n_blocks = grid, channels, n_blocks
        self.kernel_size, self.first_size = tuple(kernel_size), tuple(first)
        self.register_buffer("places", self.grid.places(), persistent=False)

    @property
    def settings(self) -> dict[str, Any]:
        """What to build the same model with, before it learns anything."""
        return {
            "height": self.grid.height, "width": self.grid.width, "channels": self.channels, "n_blocks": self.n_blocks,
            "kernel_size": self.kernel_size, "first": self.first_size, "patch": self.grid.patch,
        }  # fmt: skip

    def start_from(self, x: Tensor) -> PixelCNN:
        """Set the output's biases so that tokens start with their frequencies in `x (N, D)`; returns the model."""
        with torch.no_grad():
            counts = torch.bincount(self.tokens(x).flatten(), minlength=self.grid.n_values) + 1.0
            share = counts / counts.sum()
            self.out.bias.copy_(share.log() if len(self.out.bias) > 1 else torch.logit(share[1:]))
        return self

    def tokens(self, x: Tensor) -> Tensor:
        """Images as grids of tokens: `(B, D)` to int64 `(B, rows, columns)`; the first pixel of a patch counts most."""
        return self.grid.tokens(inputs.binary(x, self.grid.n_pixels, "PixelCNN"))

    def pixels(self, tokens: Tensor) -> Tensor:
        """Grids of tokens as images: int64 `(B, rows, columns)` to float32 `(B, D)`. The inverse of `tokens`."""
        return self.grid.pixels(tokens)

    def features(self, x: Tensor) -> Tensor:
        """`(B, D)` to `(B, outputs, rows, columns)`: what the softmax or the sigmoid is taken of."""
        x = inputs.binary(x, self.grid.n_pixels, "PixelCNN")
        stack = torch.cat([self.grid.bits(x), self.places.expand(len(x), -1, -1, -1)], 1)
        return self.network(stack.contiguous(memory_format=torch.channels_last))

    def logits(self, x: Tensor) -> Tensor:
        """Of every token given the tokens before it.

        Single pixels: `(B, D)` to `(B, D)`, the logit of being lit. Patches: `(B, D)` to `(B, rows * columns, 2**(p q))`, one row
        for the softmax per token, in raster order.
        """
        out = self.features(x)
        return out.flatten(1) if out.shape[1] == 1 else out.flatten(2).transpose(1, 2)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x): `(B, D)` to `(B,)`, nats."""
        logits = self.logits(x).float()
        if logits.ndim == 2:
            return log_bernoulli(x, logits)
        chosen = self.tokens(x).flatten(1)
        return -F.cross_entropy(logits.transpose(1, 2), chosen, reduction="none").sum(1)

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n images `(n, D)`, token by token. One uniform per token, by its place in the grid."""
        uniforms = torch.rand(n, self.grid.rows, self.grid.columns, 1, generator=generator)
        tokens = cached.draw(
            lambda run: self.network(None, run), [self.first], self.places, self.grid.values(), uniforms
        )
        return self.pixels(tokens)


def kept(model: nn.Module) -> dict[str, Tensor]:
    """For each masked weight of a model, by its parameter's name, which entries the mask keeps: bool, shaped like it."""
    return {
        f"{name}.weight": (layer.mask > 0).expand_as(layer.weight)
        for name, layer in model.named_modules()
        if isinstance(layer, MaskedConv2d)
    }
