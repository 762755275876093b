"""Sampling an image token by token without doing anything twice.

Ramachandran et al., "Fast Generation for Convolutional Autoregressive Models", ICLR workshop 2017 (arXiv 1704.06001): a
masked convolution reads features of earlier positions, and these never change once their pixel is drawn. So each layer
remembers what it has read, and a new token costs one position in each layer instead of the whole image.

A model's network is written once, as a function of `run(layer, h)`. For training `everywhere` runs each layer over the
whole image. Here a layer is run at one position: rows of the kernel above the position are multiplied for a whole row of the image at
once, when that row begins; what is left per token is one small matrix product with the taps on its own row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lib.models.pixel_by_pixel import choose

# Runs a layer on its input; None stands for the image itself, as far as it is drawn.
Run = Callable[[Any, Any], Tensor]


def everywhere(layer: Any, h: Any) -> Tensor:
    """Run a layer over the whole image: `(B, C_in, H, W)` to `(B, C_out, H, W)`."""
    return layer(h)


class Memory:
    """One convolution, and as much of what it has read as it will read again: its row, and the rows above in its reach.

    Parameters
    ----------
    layer : a convolution that tells its `kernel()`: weight `(C_out, C_in, h, w)`, bias or None, and which row and column of
        the kernel lie on the position itself. No open entry lies in later rows.
    n : images. columns : of the image.
    """

    def __init__(self, layer: Any, n: int, columns: int) -> None:
        weight, bias, (above, left) = layer.kernel()
        c_out, c_in, height, width = weight.shape
        bias = weight.new_zeros(c_out) if bias is None else bias
        self.bias = bias
        self.is_pointwise = height == width == 1 and above == left == 0
        if self.is_pointwise:
            self.weight = weight[:, :, 0, 0]
            return
        upper, own = weight[:, :, :above], weight[:, :, above] if height > above else weight[:, :, 0, :0]
        self.upper = upper.permute(2, 3, 1, 0).reshape(-1, c_out)  # (h w C_in, C_out)
        n_taps = 1 + max((tap for tap in range(own.shape[2]) if own[:, :, tap].any()), default=-1)
        self.own = own[:, :, :n_taps].permute(2, 1, 0).reshape(-1, c_out)
        self.looks_ahead = n_taps > left + 1

        padded = columns + max(left, width - 1)
        self.past = weight.new_zeros(n, upper.shape[2], padded, c_in)
        self.now = weight.new_zeros(n, padded, c_in)
        self.row = self.now[:, left : left + columns]
        # Every window as a view, made once: what is read at each column of the rows above, and of the row itself.
        size, step = (n, columns, upper.shape[2], width * c_in), (self.past.stride(0), c_in, padded * c_in, 1)
        self.upper_windows = self.past.as_strided(size, step)
        self.own_windows = self.now.as_strided((n, columns, n_taps * c_in), (self.now.stride(0), c_in, 1))
        self.known = bias.repeat(n * columns, 1)  # (n columns, C_out): from the rows above
        self.at_column = [
            (write, read, known)
            for write, read, known in zip(
                self.row.unbind(1), self.own_windows.unbind(1), self.known.view(n, columns, -1).unbind(1), strict=True
            )
        ]

    def next_row(self) -> None:
        """The row is finished and becomes the last of those above."""
        if self.is_pointwise or not self.past.shape[1]:
            return
        self.past[:, :-1] = self.past[:, 1:].clone()
        self.past[:, -1] = self.now
        torch.addmm(self.bias, self.upper_windows.reshape(len(self.known), -1), self.upper, out=self.known)

    def along_row(self, h: Any) -> Tensor:
        """The layer at all positions of the row: `(n columns, C_in)` to `(n columns, C_out)`."""
        if self.is_pointwise:
            return F.linear(h, self.weight, self.bias)
        if h is not None:
            self.row.copy_(h.view(self.row.shape))
        if not len(self.own):
            return self.known
        return torch.addmm(self.known, self.own_windows.reshape(len(self.known), -1), self.own)

    def at(self, column: int, h: Any) -> Tensor:
        """The layer at one position: `(n, C_in)` to `(n, C_out)`."""
        if self.is_pointwise:
            return F.linear(h, self.weight, self.bias)
        if self.looks_ahead:
            raise ValueError("cached: a layer that reads its row to the right can run on whole rows only")
        write, read, known = self.at_column[column]
        if h is not None:
            write.copy_(h)
        return torch.addmm(known, read, self.own)


class Memories(dict):
    """A memory for each layer, made when it is first asked for."""

    def __init__(self, n: int, columns: int) -> None:
        super().__init__()
        self.n, self.columns = n, columns

    def __missing__(self, layer: Any) -> Memory:
        self[layer] = Memory(layer, self.n, self.columns)
        return self[layer]

    def along_row(self, layer: Any, h: Tensor | None) -> Tensor:
        """A `Run` for all positions of the row."""
        return self[layer].along_row(h)

    def at(self, column: int, layer: Any, h: Tensor | None) -> Tensor:
        """With a column, a `Run` for that position."""
        return self[layer].at(column, h)


def draw(
    network: Callable[..., Tensor],
    first: Sequence[Any],
    places: Tensor,
    values: Tensor,
    uniforms: Tensor,
    above: Callable[[Run], Sequence[Tensor]] | None = None,
    logits: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Tokens, each drawn in its turn; the same that `pixel_by_pixel.draw_tokens` draws from the same uniforms.

    Parameters
    ----------
    network : called with a `Run`, gives outputs `(n, ...)`. With `above`, its second argument is what that gave, at the column.
    first : the layers that read the image; the network runs them on None.
    places : constant channels `(1, c, rows, columns)`, which these layers read after those of the tokens.
    values : what each of K token values looks like to these layers, `(K, c)`.
    uniforms : `(n, rows, columns, parts)` in [0, 1). A position's tokens (R, G and B, say) have c channels each.
    above : called with a `Run` when a row begins, gives what the rows above tell, `(n columns, ...)` each.
    logits : makes of the outputs the logits of each part, `(n, parts, K)`. Without, they are `(n, 1)`, of binary tokens, or
        `(n, K)`, of one part.

    Returns
    -------
    int64 `(n, rows * columns * parts)`.
    """
    n, rows, columns, parts = uniforms.shape
    tokens = torch.empty(uniforms.shape, dtype=torch.long)
    memories, told = Memories(n, columns), []
    with torch.inference_mode():
        n_drawn = parts * values.shape[1]
        for row in range(rows):
            for memory in memories.values():
                memory.next_row()
            image = [memories[layer].row for layer in first]  # each (n, columns, C_in)
            for found in image:
                found[..., :n_drawn] = 0
                found[..., n_drawn:] = places[0, :, row].T
            if above is not None:
                told = [features.view(n, columns, -1).unbind(1) for features in above(memories.along_row)]
            for column in range(columns):
                run = partial(memories.at, column)
                seen = [features[column] for features in told]
                for part in range(parts):
                    outputs = network(run, seen) if above is not None else network(run)
                    if logits is not None:
                        outputs = logits(outputs)[:, part]
                    elif outputs.shape[1] == 1:
                        outputs = outputs[:, 0]
                    drawn = choose(outputs, uniforms[:, row, column, part])
                    tokens[:, row, column, part] = drawn
                    channels = slice(part * values.shape[1], (part + 1) * values.shape[1])
                    seen_as = values[drawn]
                    for found in image:
                        found[:, column, channels] = seen_as
    return tokens.flatten(1)
