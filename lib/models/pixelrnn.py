"""PixelRNN, the Row LSTM: PixelCNN's sibling, which carries what it saw from row to row instead of looking up.

Van den Oord, Kalchbrenner & Kavukcuoglu, "Pixel Recurrent Neural Networks", ICML 2016 (arXiv 1601.06759), section 3.1: an LSTM
goes down the image, a whole row in each step. What a row gives to the gates is a masked convolution along it (kind B), done for
all rows at once; what the state gives is a convolution along the row above, not masked, since all of that row is known. Section
3.3: layers are residual. The state widens by half a kernel to each side per row, so a pixel sees a triangle above it,
without a limit to its height; that is more than a PixelCNN of as many layers sees, and each row has to wait for the one before.

Left out: the Diagonal BiLSTM, which sees everything and waits for each diagonal.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib.models import inputs, pixel_by_pixel
from lib.models.bernoulli import log_bernoulli
from lib.models.patches import Grid
from lib.models.pixelcnn import MaskedConv2d, kept


class RowLSTM(nn.Module):
    """One layer: `(B, C, H, W)` to `(B, C, H, W)`; output (i, j) sees row i up to column j, and a triangle above.

    Parameters
    ----------
    channels : C. kernel_size : odd, of both convolutions along rows. generator : draws the initial weights.

    Raises
    ------
    ValueError : an even kernel size.
    """

    def __init__(self, channels: int, kernel_size: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.from_row = MaskedConv2d(channels, 4 * channels, (1, kernel_size), "B", generator)
        scale = (channels * kernel_size) ** -0.5
        self.from_state = nn.Parameter(scale * torch.randn(4 * channels, channels, kernel_size, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        gates = self.from_row(x)  # (B, 4 C, H, W)
        h = c = torch.zeros_like(x[:, :, 0])  # (B, C, W)
        rows = []
        for row in gates.unbind(2):
            of_state = F.conv1d(h, self.from_state, padding=self.from_state.shape[2] // 2)
            out, forget, into, new = (row + of_state).chunk(4, dim=1)
            c = torch.sigmoid(forget) * c + torch.sigmoid(into) * torch.tanh(new)
            h = torch.sigmoid(out) * torch.tanh(c)
            rows.append(h)
        return torch.stack(rows, dim=2)


class PixelRNN(nn.Module):
    """Row LSTMs over binary images, pixel by pixel.

    Parameters
    ----------
    height, width : of the images; D = height * width. channels : of each layer. n_layers : of them.
    kernel_size : odd, of the LSTMs. first : odd, of the masked convolution (kind A) before them.
    seed : of the initial weights.

    Raises
    ------
    ValueError : an even kernel size.
    """

    places: Tensor

    def __init__(
        self,
        height: int = 28,
        width: int = 28,
        channels: int = 32,
        n_layers: int = 3,
        kernel_size: int = 3,
        first: int = 7,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.grid = Grid.of(height, width, (1, 1), "PixelRNN")
        self.channels, self.n_layers, self.kernel_size, self.first_size = channels, n_layers, kernel_size, first
        generator = torch.Generator().manual_seed(seed)
        self.first = MaskedConv2d(1 + 3, channels, first, "A", generator)
        self.layers = nn.ModuleList(RowLSTM(channels, kernel_size, generator) for _ in range(n_layers))
        self.hidden = MaskedConv2d(channels, channels, 1, "B", generator)
        self.out = MaskedConv2d(channels, 1, 1, "B", generator)
        with torch.no_grad():
            self.out.weight.mul_(0.1)
        self.register_buffer("places", self.grid.places(), persistent=False)

    @property
    def settings(self) -> dict[str, Any]:
        """What to build the same model with, before it learns anything."""
        return {
            "height": self.grid.height, "width": self.grid.width, "channels": self.channels, "n_layers": self.n_layers,
            "kernel_size": self.kernel_size, "first": self.first_size,
        }  # fmt: skip

    def kept(self) -> dict[str, Tensor]:
        """For each masked weight, by its parameter's name, which entries the mask keeps: bool, shaped like it."""
        return kept(self)

    def logits(self, x: Tensor) -> Tensor:
        """The logit of every pixel given those before it that it sees: `(B, D)` to `(B, D)`."""
        x = inputs.binary(x, self.grid.n_pixels, "PixelRNN")
        h = self.first(torch.cat([self.grid.bits(x), self.places.expand(len(x), -1, -1, -1)], 1))
        for layer in self.layers:
            h = h + layer(h)
        h = self.hidden(F.relu(h))
        return self.out(F.relu(h)).flatten(1)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x): `(B, D)` to `(B,)`, nats."""
        return log_bernoulli(x, self.logits(x))

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n images `(n, D)`, one whole pass per pixel."""
        return pixel_by_pixel.sample(self.logits, torch.arange(self.grid.n_pixels), n, generator)
