"""The digit listener: what it refuses, what it does not care about, and that the shipped one hears what it says it does."""

import pytest
import torch

from lib import weights
from lib.audio import load_spoken_digits
from lib.data import DATA
from lib.models.digit_listener import DigitListener


@pytest.fixture(scope="module")
def listener() -> DigitListener:
    return weights.load("digit_listener")


def test_shapes_and_lengths():
    model = DigitListener(n_mels=20, channels=16).eval()
    for length in (1, 79, 80, 4000):
        assert model.logits(torch.zeros(3, length)).shape == (3, 10)
    heard = model.hear([torch.rand(500) - 0.5, torch.zeros(7)])
    assert heard.shape == (2, 10)
    assert torch.allclose(heard.exp().sum(1), torch.ones(2))
    assert model.hear([]).shape == (0, 10)


@pytest.mark.parametrize("x", [torch.zeros(5), torch.zeros(2, 0), torch.zeros(2, 9, dtype=torch.int64)])
def test_what_is_no_batch_of_waves_is_refused(x):
    with pytest.raises(ValueError, match=r"DigitListener: expected waves \(B, T\) of floats, found shape"):
        DigitListener(channels=16).logits(x)


def test_the_shipped_listener_is_small_and_says_how_it_was_trained(listener):
    assert (DATA / "weights" / "digit_listener.safetensors").stat().st_size < 200_000
    about = weights.about("digit_listener")
    assert {"recipe", "minutes", "hardware", "right, people left out in training"} <= set(about)
    assert about["right, people's test takes"] >= 0.97
    assert not listener.training


@pytest.mark.parametrize(("split", "least"), [("test", 0.97), ("new voices", 0.8), ("human", 0.8)])
def test_it_hears_what_it_says_it_does(listener, split, least):
    clips = load_spoken_digits(split)
    right = (listener.hear(clips.waves).argmax(1) == clips.digits).double().mean().item()
    assert right >= least
    # The file is at half precision: a clip on the edge may fall to the other side.
    assert right == pytest.approx(weights.about("digit_listener")[f"right, load_spoken_digits({split!r})"], abs=0.011)


def test_level_and_silence_around_change_little(listener):
    clips = load_spoken_digits("test")[::12]
    plain = listener.hear(clips.waves)
    softer = listener.hear([wave / 4 for wave in clips.waves])
    later = listener.hear([torch.cat([torch.zeros(1000), wave, torch.zeros(3000)]) for wave in clips.waves])
    assert (plain.argmax(1) == softer.argmax(1)).double().mean() >= 0.9
    assert (plain.argmax(1) == later.argmax(1)).double().mean() >= 0.9


def test_silence_and_noise_are_no_digit_in_particular(listener):
    heard = listener.hear([torch.zeros(4000), torch.randn(4000, generator=torch.Generator().manual_seed(0)) / 10])
    assert heard.isfinite().all()
