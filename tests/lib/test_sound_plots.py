"""Drawings and players of sound show the sound that they were given."""

import base64
import io
import math
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from lib.audio import load_spoken_digits
from lib.mu_law import mu_law_encode
from lib.plots import player, spectrogram, waveform
from lib.wav import read_wav


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    figure.savefig(io.BytesIO())
    plt.close(figure)


TONE = torch.sin(2 * math.pi * 1000 * torch.arange(4000) / 8000) / 2


def test_a_waveform_is_drawn_in_milliseconds(ax):
    waveform(TONE, ax=ax, title="a tone")
    (line,) = ax.lines
    assert line.get_xdata()[-1] == pytest.approx(3999 / 8)
    assert np.allclose(line.get_ydata(), TONE)
    assert ax.get_title(loc="left") == "a tone" or ax.get_title() == "a tone"


def test_classes_are_drawn_as_the_wave_they_stand_for(ax):
    waveform(mu_law_encode(TONE[:100]), ax=ax)
    (line,) = ax.lines
    assert np.allclose(line.get_ydata(), TONE[:100], atol=0.012)
    assert line.get_marker() == "o"  # few enough to be told apart


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_spectrogram_has_the_tone_at_its_tick(ax, rate):
    spectrogram(torch.sin(2 * math.pi * 1000 * torch.arange(4000) / rate), rate, ax=ax)
    (image,) = ax.images
    bands = image.get_array()
    loudest = int(np.median(bands.argmax(0))) + 0.5
    ticks = dict(zip([t.get_text() for t in ax.get_yticklabels()], ax.get_yticks(), strict=True))
    assert ticks["1,000"] == pytest.approx(loudest, abs=1)
    assert ticks[f"{rate // 2:,}"] == pytest.approx(40)
    assert ax.get_xlim() == (0, pytest.approx(4000 * 1000 / rate))


def test_silence_is_drawn_too(ax):
    spectrogram(torch.zeros(100), ax=ax)
    waveform(torch.zeros(100), ax=ax)


def test_a_player_plays_what_it_was_given_as_loud_as_it_is():
    wave = load_spoken_digits("human").waves[3]
    for sound in (wave, mu_law_encode(wave)):
        played = base64.b64decode(re.search(r"base64,([^\"]+)", player(sound)._repr_html_())[1])
        heard, rate = read_wav(played)
        assert rate == 8000
        assert np.allclose(heard, wave, atol=1e-4)
    assert read_wav(base64.b64decode(re.search(r"base64,([^\"]+)", player(wave, 16000)._repr_html_())[1]))[1] == 16000


@pytest.mark.parametrize(
    ("sound", "message"),
    [
        (torch.zeros(2, 3), r"expected a sound of shape \(T,\) with at least one sample, found \(2, 3\)"),
        (torch.zeros(0), r"found \(0,\)"),
        (torch.tensor([0.0, 3.0]), r"expected samples in \[-1, 1\], found up to 3"),
        (torch.tensor([0, 256]), "expected classes 0 to 255, found 0 to 256"),
    ],
)
def test_what_is_no_sound_is_refused(sound, message):
    for show in (player, waveform, spectrogram):
        with pytest.raises(ValueError, match=message):
            show(sound)
    plt.close("all")
