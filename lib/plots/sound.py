"""Sound, to be seen and heard: waveforms, spectrograms and players."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from torch import Tensor

from lib.audio import RATE, mel_spectrogram
from lib.plots.style import AMOUNTS, COLOURS

if TYPE_CHECKING:
    from IPython.display import Audio


def waveform(
    sound: Tensor, rate: int = RATE, *, ax: Axes | None = None, title: str = "", colour: str = COLOURS["blue"]
) -> Axes:
    """Draw a sound over time, in milliseconds; where samples are few enough to be told apart, each as a dot.

    sound : `(T,)`, a wave in [-1, 1] or its mu-law classes (256). rate : samples per second.
    """
    ax = ax or plt.gca()
    wave = as_wave(sound)
    milliseconds = torch.arange(len(wave)) * 1000 / rate
    few = len(wave) <= 160
    ax.plot(milliseconds, wave, color=colour, linewidth=1.2 if few else 0.7, marker="o" if few else "", markersize=3)
    peak = max(float(wave.abs().max()), 1e-3)
    ax.set(xlim=(0, len(wave) * 1000 / rate), ylim=(-1.05 * peak, 1.05 * peak))
    ax.set(xlabel="time (ms)", ylabel="sound pressure", title=title)
    return ax


def spectrogram(
    sound: Tensor, rate: int = RATE, *, ax: Axes | None = None, title: str = "", n_mels: int = 40, decibels: float = 60
) -> Axes:
    """Draw how loud each frequency is over time (`lib.audio.mel_spectrogram`); darker is louder.

    sound : `(T,)`, a wave in [-1, 1] or its mu-law classes (256). rate : samples per second. decibels : from white to darkest.
    """
    ax = ax or plt.gca()
    wave = as_wave(sound)
    hop = rate // 100
    loudness = mel_spectrogram(wave, rate, n_mels, hop=hop) * 10 / math.log(10)
    top, end = float(loudness.max()), loudness.shape[1] * hop * 1000 / rate
    ax.imshow(
        loudness, cmap=AMOUNTS, vmin=top - decibels, vmax=top, origin="lower", aspect="auto", extent=(0, end, 0, n_mels)
    )
    # Bands are equally wide in mel: a frequency lies where its mel does.
    hertz = [f for f in (250, 500, 1000, 2000, 4000, 8000) if f <= rate / 2]
    ax.set_yticks([math.log1p(f / 700) / math.log1p(rate / 1400) * n_mels for f in hertz], [f"{f:,}" for f in hertz])
    ax.set(xlim=(0, len(wave) * 1000 / rate), xlabel="time (ms)", ylabel="frequency (Hz)", title=title)
    ax.grid(False)
    return ax


def player(sound: Tensor, rate: int = RATE) -> Audio:
    """A player for a sound, as loud as it is: the last value of a cell, or the argument of `display`.

    sound : `(T,)`, a wave in [-1, 1] or its mu-law classes (256). rate : samples per second.
    """
    from IPython.display import Audio  # only where there is something to play: every lesson imports this room

    return Audio(as_wave(sound).numpy(), rate=rate, normalize=False)


def as_wave(sound: Tensor) -> Tensor:
    """A sound as a float wave `(T,)` in [-1, 1], from that or from mu-law classes. Raises ValueError for anything else."""
    if sound.ndim != 1 or len(sound) == 0:
        raise ValueError(f"expected a sound of shape (T,) with at least one sample, found {tuple(sound.shape)}")
    if sound.is_floating_point():
        wave = sound.detach().cpu().float()
    else:
        from lib.mu_law import mu_law_decode  # not before it is needed: where lessons are graded it is not there

        wave = mu_law_decode(sound.cpu())
    if not bool((wave.abs() <= 1).all()):
        raise ValueError(f"expected samples in [-1, 1], found up to {float(wave.abs().max()):.4g}")
    return wave
