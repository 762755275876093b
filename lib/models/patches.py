"""Patches: p x q binary pixels read as one token of 2^(p q) values.

The chain rule holds for any partition of the pixels: the product over patches of p(patch | patches before) is p(x), exactly,
because a categorical distribution over all 2^(p q) contents of a patch leaves nothing out of what is inside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Grid(NamedTuple):
    """A binary image of `height` x `width` pixels, cut into patches of `patch` = (p, q) pixels, in raster order.

    A patch's value is the binary number that its pixels spell in raster order: the first of them counts most.
    """

    height: int
    width: int
    patch: tuple[int, int]

    @classmethod
    def of(cls, height: int, width: int, patch: Sequence[int], model: str) -> Grid:
        """A grid whose patches fit. Raises ValueError, in the model's name, if they do not or have too many values."""
        p, q = patch
        if p < 1 or q < 1 or height < 1 or width < 1 or height % p or width % q or p * q > 10:
            raise ValueError(
                f"{model}: patch should divide an image of {height} x {width} and hold at most 10 pixels, found {p} x {q}"
            )
        return cls(height, width, (p, q))

    @property
    def rows(self) -> int:
        """Rows of patches."""
        return self.height // self.patch[0]

    @property
    def columns(self) -> int:
        """Columns of patches."""
        return self.width // self.patch[1]

    @property
    def n_pixels(self) -> int:
        """D, pixels in the image."""
        return self.height * self.width

    @property
    def n_bits(self) -> int:
        """p q, pixels in a patch."""
        return self.patch[0] * self.patch[1]

    @property
    def n_tokens(self) -> int:
        """T, patches in the image."""
        return self.rows * self.columns

    @property
    def n_values(self) -> int:
        """K, values of a token."""
        return 2**self.n_bits

    @property
    def n_outputs(self) -> int:
        """Numbers that a network gives for a token: one logit for a pixel (of two, half would say nothing), else K."""
        return 1 if self.n_bits == 1 else self.n_values

    def places(self) -> Tensor:
        """Three constant channels: a token's row and column from -1 to 1, and ones. `(1, 3, rows, columns)`."""
        row = torch.linspace(-1, 1, self.rows)[:, None].expand(self.rows, self.columns)
        column = torch.linspace(-1, 1, self.columns).expand(self.rows, self.columns)
        return torch.stack([row, column, torch.ones(self.rows, self.columns)])[None]

    def bits(self, x: Tensor) -> Tensor:
        """The pixels of each patch as channels: `(B, height * width)` to `(B, p q, rows, columns)`."""
        p, q = self.patch
        cut = x.reshape(-1, self.rows, p, self.columns, q)
        return cut.permute(0, 2, 4, 1, 3).reshape(-1, p * q, self.rows, self.columns)

    def values(self) -> Tensor:
        """The pixels of every value, as `bits` has them: float32 `(K, p q)`."""
        shifts = torch.arange(self.n_bits - 1, -1, -1)
        return ((torch.arange(self.n_values)[:, None] >> shifts) & 1).float()

    def tokens(self, x: Tensor) -> Tensor:
        """The value of each patch: `(B, height * width)` of zeros and ones to int64 `(B, rows, columns)`."""
        digits = 2 ** torch.arange(self.n_bits - 1, -1, -1, device=x.device)
        return (self.bits(x).long() * digits[:, None, None]).sum(1)

    def pixels(self, tokens: Tensor) -> Tensor:
        """The way back: int64 `(B, rows, columns)` or `(B, rows * columns)` to float32 `(B, height * width)`."""
        p, q = self.patch
        bits = self.values().to(tokens.device)[tokens]
        whole = bits.reshape(-1, self.rows, self.columns, p, q).permute(0, 1, 3, 2, 4)
        return whole.reshape(-1, self.n_pixels)
