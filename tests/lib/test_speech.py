"""Spoken digits for WaveNet: batches that hold each clip whole, bits per sample by hand, and Bayes over the digits."""

import math

import pytest
import torch

from lib import weights
from lib.audio import Clips, load_spoken_digits
from lib.models.wavenet import WaveNet
from lib.mu_law import mu_law_encode
from lib.speech import (
    bits_per_sample,
    digit_log_probs,
    in_batches,
    say,
    spectrograms,
    typical_lengths,
    utterances,
    vocode,
)  # fmt: skip

VOICES = ("ann", "bob")


@pytest.fixture
def clips():
    generator = torch.Generator().manual_seed(0)
    waves = tuple(torch.rand(n, generator=generator) - 0.5 for n in (50, 30, 45, 7))
    return Clips(waves, torch.tensor([3, 9, 3, 0]), ("bob", "ann", "bob", "ann"), torch.tensor([0, 0, 1, 0]))


@pytest.fixture
def model():
    return WaveNet(
        channels=4, skip_channels=6, dilations=(1, 2), n_global=(10, 2), n_local=4, hop=10, n_condition=4
    ).eval()


def test_a_batch_holds_each_clip_and_silence_after_it(clips, model):
    batch = utterances(clips, model, VOICES)
    assert batch.codes.shape == (4, 50) and batch.frames.shape == (4, 4, 5)
    assert batch.labels.tolist() == [[3, 1], [9, 0], [3, 1], [0, 0]]
    for row, wave, length in zip(batch.codes, clips.waves, batch.lengths.tolist(), strict=True):
        assert length == len(wave)
        assert torch.equal(row[:length], mu_law_encode(wave))
        assert (row[length:] == 128).all()
    with pytest.raises(ValueError, match="expected speakers of ann, found bob"):
        utterances(clips, model, ["ann"])


def test_batches_hold_every_clip_once_by_length(clips, model):
    batches = in_batches(clips, model, VOICES, 3)
    assert [batch.lengths.tolist() for batch in batches] == [[7, 30, 45], [50]]


def test_bits_do_not_depend_on_the_batches(clips, model):
    with torch.no_grad():
        model.out.weight.mul_(20)
    found = [bits_per_sample(model, in_batches(clips, model, VOICES, size)) for size in (1, 3, 4)]
    assert found == pytest.approx([found[0]] * 3, abs=1e-4)
    with torch.no_grad():
        model.out.weight.zero_()
        model.out.bias.zero_()
    assert bits_per_sample(model, in_batches(clips, model, VOICES, 2)) == pytest.approx(8, abs=1e-5)


def test_each_clip_that_is_said_has_its_length_and_is_the_same_again(model):
    def spoken():
        return say(model, [1, 2], [0, 1], [35, 20], torch.Generator().manual_seed(3))

    first = spoken()
    assert [wave.shape for wave in first] == [(35,), (20,)]
    assert all(wave.dtype == torch.float32 and wave.abs().max() <= 1 for wave in first)
    assert all(torch.equal(a, b) for a, b in zip(first, spoken(), strict=True))


def test_bayes_finds_the_digit_that_the_model_thinks_louder(clips, model):
    batch = utterances(clips, model, VOICES)
    scores = digit_log_probs(model, batch)
    assert scores.shape == (4, 10)
    with torch.no_grad():
        said = model.log_prob(*batch)
    assert torch.allclose(scores[torch.arange(4), clips.digits], said, atol=1e-3)
    assert math.isfinite(scores.sum().item()) and scores.std(1).min() > 0


def test_a_vocoder_is_told_the_spectrogram_and_nothing_else(clips):
    model = WaveNet(channels=4, skip_channels=6, dilations=(1, 2), n_local=8, hop=20, n_condition=4).eval()
    batch = utterances(clips, model)
    assert batch.labels is None and batch.frames.shape == (4, 8, 3)
    assert torch.equal(batch.frames[1:2], spectrograms([torch.nn.functional.pad(clips.waves[1], (0, 20))], model))
    anew = [vocode(model, clips.waves, torch.Generator().manual_seed(0)) for _ in range(2)]
    assert [len(wave) for wave in anew[0]] == [50, 30, 45, 7]
    assert all(torch.equal(*pair) for pair in zip(*anew, strict=True))
    assert bits_per_sample(model, in_batches(clips, model, (), 2)) > 0


def test_a_typical_length_is_the_median_of_a_digit_and_a_voice(clips):
    found = typical_lengths(clips, VOICES)
    assert found.shape == (10, 2)
    assert found[9, 0] == 30 and found[3, 1] in (45, 50)
    assert found[5, 0] == 30  # nothing known of it: the median of all clips


def test_the_shipped_model_says_digits_that_bayes_recognises():
    model, about = weights.load("wavenet"), weights.about("wavenet")
    assert about["voices"] == list(load_spoken_digits("train").speaker_names) and model.receptive_field >= 1024
    heard = load_spoken_digits("test")[::30]
    batches = in_batches(heard, model, about["voices"], 4)
    assert bits_per_sample(model, batches) == pytest.approx(about["test bits per sample"], abs=0.4)
    digits, voices = [1, 4, 8], [0, 5, 10]
    lengths = [about["typical lengths"][digit][voice] for digit, voice in zip(digits, voices, strict=True)]
    waves = say(model, digits, voices, lengths, torch.Generator().manual_seed(0))
    speakers = tuple(about["voices"][voice] for voice in voices)
    said = utterances(Clips(tuple(waves), torch.tensor(digits), speakers, torch.zeros(3)), model, about["voices"])
    assert digit_log_probs(model, said).argmax(1).tolist() == digits
    loudness = torch.stack([wave.square().mean().sqrt() for wave in waves])
    assert ((loudness > 0.04) & (loudness < 0.2)).all()


def test_what_the_shipped_vocoder_makes_of_a_spectrogram_is_understood():
    model, about = weights.load("wavenet_vocoder"), weights.about("wavenet_vocoder")
    heard = load_spoken_digits("test")[::30]
    bits = bits_per_sample(model, in_batches(heard, model, (), 4))
    assert bits == pytest.approx(about["test bits per sample"], abs=0.4)
    assert about["test bits per sample"] < weights.about("wavenet")["test bits per sample"]
    anew = vocode(model, heard.waves, torch.Generator().manual_seed(0))
    assert [len(wave) for wave in anew] == [len(wave) for wave in heard.waves]
    understood = weights.load("digit_listener").hear(anew).argmax(1) == heard.digits
    assert understood.double().mean() >= 0.75
    # It is told how loud each band is, so what it says is about as loud, frame by frame.
    told, said = (spectrograms(waves, model).mean(1) for waves in (heard.waves, anew))
    assert torch.corrcoef(torch.stack([told.flatten(), said.flatten()]))[0, 1] > 0.9
