"""Spoken digits for WaveNet and from it: clips as batches, clips that it says, and which digit a clip is by Bayes.

The models that say digits (`lib.weights.load`) are told three things: which digit, which voice, and how far the word has got
(`wavenet.progress`, from the clip's length alone). Nothing else about a sound goes in.

A *vocoder* (`wavenet_vocoder`) has no labels. It is told the mel spectrogram of what it is to say, and makes a wave of it: the second
half of Tacotron 2 (Shen et al. 2018, arXiv 1712.05884).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lib.audio import Clips, mel_spectrogram
from lib.models.wavenet import Utterances, WaveNet, progress
from lib.mu_law import mu_law_decode

N_DIGITS = 10


def utterances(clips: Clips, model: WaveNet, voices: Sequence[str] = ()) -> Utterances:
    """Clips as a batch for `model`, padded at their ends with silence to the longest; for a vocoder with their spectrograms.

    voices : the names that the model's voices have, in their order. Raises ValueError for a speaker who is not among them.
    """
    lengths = torch.tensor([len(wave) for wave in clips.waves])
    codes = pad_sequence(list(clips.codes()), batch_first=True, padding_value=model.silence)
    if not model.n_global:
        return Utterances(codes, None, spectrograms(clips.waves, model), lengths)
    unknown = sorted(set(clips.speakers) - set(voices))
    if unknown:
        raise ValueError(f"utterances: expected speakers of {', '.join(voices)}, found {', '.join(unknown)}")
    labels = torch.stack([clips.digits, torch.tensor([list(voices).index(name) for name in clips.speakers])], 1)
    return Utterances(codes, labels, progress(lengths, model.hop, model.n_local), lengths)


def in_batches(clips: Clips, model: WaveNet, voices: Sequence[str], size: int) -> list[Utterances]:
    """All the clips, in batches of about the same length, so that little is padding. The shortest clips come first."""
    by_length = clips.seconds.argsort(stable=True)
    return [utterances(clips[rows], model, voices) for rows in by_length.split(size)]


def spectrograms(waves: Sequence[Tensor], model: WaveNet) -> Tensor:
    """What a vocoder is told: the log mel energies of waves padded with silence, scaled to about -2 to 2, float32 `(B, n_local, F)`."""
    return (mel_spectrogram(pad_sequence(list(waves), batch_first=True), n_mels=model.n_local, hop=model.hop) + 6) / 4


@torch.no_grad()
def bits_per_sample(model: WaveNet, batches: Sequence[Utterances]) -> float:
    """The average of -log2 p(sample | samples before it, what the model is told) over all samples of all clips."""
    nats = sum(-model.log_prob(*batch).double().sum().item() for batch in batches)
    n = sum(int(batch.lengths.sum()) for batch in batches if batch.lengths is not None)
    return nats / n / torch.log(torch.tensor(2.0)).item()


@torch.no_grad()
def say(
    model: WaveNet,
    digits: Sequence[int],
    voices: Sequence[int],
    lengths: Sequence[int],
    generator: torch.Generator | None = None,
    temperature: float = 1.0,
) -> list[Tensor]:
    """New clips, all at once: which digit, whose voice and how many samples each; waves in [-1, 1], float32 `(length,)`."""
    labels = torch.tensor([list(digits), list(voices)]).T
    frames = progress(torch.tensor(list(lengths)), model.hop, model.n_local)
    codes = model.sample(len(labels), generator, labels, frames, length=max(lengths), temperature=temperature)
    return [mu_law_decode(row[:length]) for row, length in zip(codes, lengths, strict=True)]


@torch.no_grad()
def vocode(
    model: WaveNet, waves: Sequence[Tensor], generator: torch.Generator | None = None, temperature: float = 1.0
) -> list[Tensor]:
    """Each wave anew, from its mel spectrogram alone, all at once: float32, each as long as it was."""
    frames = spectrograms(waves, model)
    codes = model.sample(len(waves), generator, frames=frames, length=max(map(len, waves)), temperature=temperature)
    return [mu_law_decode(row[: len(wave)]) for row, wave in zip(codes, waves, strict=True)]


@torch.no_grad()
def digit_log_probs(model: WaveNet, batch: Utterances) -> Tensor:
    """log p(clip | digit, its voice, its length) for each of the ten digits, nats: `(B, 10)`, whatever digit the batch says.

    By Bayes, with digits equally likely beforehand, the digit's posterior is the softmax of a row.
    """
    assert batch.labels is not None
    scores = []
    for digit in range(N_DIGITS):
        labels = batch.labels.clone()
        labels[:, 0] = digit
        scores.append(model.log_prob(batch.codes, labels, batch.frames, batch.lengths))
    return torch.stack(scores, 1)


def typical_lengths(clips: Clips, voices: Sequence[str]) -> Tensor:
    """The median length of each digit in each voice, int64 `(10, voices)` samples; of all clips where there is none."""
    lengths = torch.tensor([len(wave) for wave in clips.waves])
    speakers = torch.tensor([list(voices).index(name) for name in clips.speakers])
    table = lengths.median().repeat(N_DIGITS, len(voices))
    for digit in range(N_DIGITS):
        for voice in range(len(voices)):
            these = lengths[(clips.digits == digit) & (speakers == voice)]
            if len(these):
                table[digit, voice] = these.median()
    return table
