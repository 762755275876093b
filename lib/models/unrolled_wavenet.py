"""WaveNet over an image unrolled in raster order: the same dilated convolutions, with pixels where the sound was.

van den Oord et al., "WaveNet", 2016 (arXiv 1609.03499), the network. Nothing in it knows that a pixel has a neighbour above, 28
steps back: it has to find out. It is told where it is, row and column, by a local condition, as a sample of sound is told
how far the word has got.

The dilations 1, 2, 4, ..., 512 reach every pixel before. Others may not: with 1, 2, 4 and multiples of 28 the sums of taps never are
27, so that the pixel above is out of reach: pixel t reads pixel t - 1 first.

A lit pixel is code 0, a dark one code 1: so a uniform below p(lit) lights a pixel, as in every model of binary images here, and what
WaveNet takes for silence before the first code is darkness.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lib.models import inputs
from lib.models.bernoulli import log_bernoulli
from lib.models.wavenet import WaveNet

N_WAVES = 4  # sines and cosines along each axis


class UnrolledWaveNet(nn.Module):
    """A distribution over binary images `(B, height * width)`, one pixel after the other.

    Parameters
    ----------
    height, width : of the images. channels, skip_channels, kernel_size, dilations : `WaveNet`'s. seed : of the initial weights.
    """

    places: Tensor

    def __init__(
        self,
        height: int = 28,
        width: int = 28,
        channels: int = 48,
        skip_channels: int = 96,
        kernel_size: int = 2,
        dilations: Sequence[int] = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.settings: dict[str, Any] = {
            "height": height, "width": width, "channels": channels, "skip_channels": skip_channels,
            "kernel_size": kernel_size, "dilations": list(dilations), "seed": seed,
        }  # fmt: skip
        self.n_pixels = height * width
        self.register_buffer("places", places(height, width), persistent=False)
        self.network = WaveNet(
            2, channels, skip_channels, kernel_size, dilations,
            n_local=len(self.places), hop=1, length=self.n_pixels, seed=seed,
        )  # fmt: skip

    def logits(self, x: Tensor) -> Tensor:
        """The logit of each pixel being lit, given those before it in raster order: `(B, D)` to `(B, D)`."""
        x = inputs.binary(x, self.n_pixels, "UnrolledWaveNet")
        lit, dark = self.network.logits(1 - x.long(), frames=self.places[None]).unbind(2)
        return lit - dark

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x): `(B, D)` to `(B,)`, nats."""
        return log_bernoulli(x, self.logits(x).float())

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n images, float32 `(n, D)`, by queues: one uniform per pixel, by its place."""
        return 1 - self.network.sample(n, generator, frames=self.places[None]).float()


def places(height: int, width: int) -> Tensor:
    """Where each pixel lies, as waves along both axes: float32 `(4 * N_WAVES, height * width)`."""
    waves = torch.arange(1, N_WAVES + 1)[:, None] * torch.pi
    row, column = ((torch.arange(n) + 0.5) / n for n in (height, width))
    rows, columns = (torch.cat([torch.sin(waves * at / 2), torch.cos(waves * at / 2)]) for at in (row, column))
    return torch.cat([rows[:, :, None].expand(-1, -1, width), columns[:, None, :].expand(-1, height, -1)]).flatten(1)
