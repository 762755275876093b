"""A small network that says which digit is spoken: no model of sound, but a judge of those that are.

Convolutions over time on a log mel spectrogram, and a weighted mean over time at their end (Okabe, Koshinaka & Shinoda 2018,
"Attentive statistics pooling", section 2.2, the mean only). It hears the shape of the spectrum, not the level: the
loudest band of the loudest frame is 0, and everything more than 8 nats (35 dB) below it counts as silence.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib.audio import RATE, mel_spectrogram


class DigitListener(nn.Module):
    """Waves at 8 kHz to the ten digits. Not autoregressive: it judges what the lesson's models generate.

    Parameters
    ----------
    n_mels : bands of the spectrogram. channels : features per frame.
    """

    def __init__(self, n_mels: int = 40, channels: int = 64) -> None:
        super().__init__()
        self.settings = {"n_mels": n_mels, "channels": channels}
        self.n_mels = n_mels
        self.convolutions = nn.ModuleList(
            [
                nn.Conv1d(n_mels, channels, 5, padding=2),
                nn.Conv1d(channels, channels, 5, stride=2, padding=2),
                nn.Conv1d(channels, channels, 5, padding=2),
                nn.Conv1d(channels, channels, 5, stride=2, padding=2),
            ]
        )
        self.norms = nn.ModuleList([nn.GroupNorm(8, channels) for _ in self.convolutions])
        self.importance = nn.Conv1d(channels, 1, 1)  # of each frame
        self.digit = nn.Linear(channels, 10)

    def logits(self, waves: Tensor) -> Tensor:
        """How much speaks for each digit: waves `(B, T)` at 8 kHz, any T from 1 on, to `(B, 10)`."""
        if waves.ndim != 2 or not waves.is_floating_point() or waves.shape[1] == 0:
            raise ValueError(
                f"DigitListener: expected waves (B, T) of floats, found shape {tuple(waves.shape)}, {waves.dtype}"
            )
        mel = mel_spectrogram(waves, RATE, self.n_mels)  # (B, n_mels, frames)
        h = (mel - mel.amax((1, 2), keepdim=True)).clamp(min=-8) / 4 + 1
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            h = F.dropout(F.relu(norm(convolution(h))), 0.1, self.training)  # (B, channels, frames / 4 at last)
        weight = self.importance(h).softmax(-1)  # (B, 1, frames / 4)
        return self.digit((h * weight).sum(-1))

    @torch.no_grad()
    def hear(self, waves: Sequence[Tensor]) -> Tensor:
        """log p(digit | clip), `(N, 10)`, of waves of any lengths. `.argmax(1)` is what it takes each for."""
        heard = [self.logits(wave.unsqueeze(0)).log_softmax(1) for wave in waves]
        return torch.cat(heard) if heard else torch.zeros(0, 10)

    def training_loss(self, x: tuple[Tensor, Tensor], generator: torch.Generator | None = None) -> Tensor:
        """Mean cross-entropy in nats of a batch: waves `(B, T)` and digits `(B,)`."""
        waves, digits = x
        return F.cross_entropy(self.logits(waves), digits, label_smoothing=0.05)
