"""`python -m benchmarks.sound`: the shipped WaveNets, by speed, by bits, and by whether what they say is understood.

- Sampling: a code from the queues against one whole pass for it, taken in turns, in medians of processor time. The naive way is
  timed with a second of sound before it, and with no more than the receptive field; a short clip is drawn both ways whole, to
  the same codes.
- The cost of a step at the beginning of a clip and at its end.
- Bits per sample of clips kept out of the training. The recorded ones are scored where they are at hand: `--recordings`.
- Digits that the models say at temperature 1, each for as long as the voice usually takes: the share that Bayes recognises, by
  the model's own likelihoods, and the share that `digit_listener` does, beside the same shares of real
  clips; their level and silence beside those of real clips.
- The vocoder: bits per sample of new clips, and whether what it makes of their spectrograms is understood.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.timing import medians
from lib import weights
from lib.audio import RATE, Clips, fetch_recorded_digits, load_spoken_digits
from lib.models import pixel_by_pixel
from lib.models.wavenet import Queues, WaveNet, progress
from lib.speech import N_DIGITS, bits_per_sample, digit_log_probs, in_batches, say, vocode

STEPS = 100  # of the queues that are timed at once


def recognised(model: WaveNet, clips: Clips, voices: list[str]) -> float:
    """The share of the clips whose digit is the likeliest of the ten, told the voice and the length."""
    batches = in_batches(clips, model, voices, 10)
    hits = torch.cat([digit_log_probs(model, b).argmax(1) == b.labels[:, 0] for b in batches if b.labels is not None])
    return hits.double().mean().item()


def understood(clips: Clips) -> float:
    """The share of the clips whose digit the listener hears."""
    return (weights.load("digit_listener").hear(clips.waves).argmax(1) == clips.digits).double().mean().item()


def said(model: WaveNet, about: dict, per_digit: int, generator: torch.Generator) -> Clips:
    """Every digit by `per_digit` of the voices, spread over all."""
    names = about["voices"]
    pairs = [(digit, i * len(names) // per_digit) for digit in range(N_DIGITS) for i in range(per_digit)]
    digits, voices = [digit for digit, _ in pairs], [voice for _, voice in pairs]
    waves = say(model, digits, voices, [about["typical lengths"][d][v] for d, v in pairs], generator)
    return Clips(tuple(waves), torch.tensor(digits), tuple(names[v] for v in voices), torch.zeros(len(pairs)).long())


def level(clips: Clips) -> str:
    """Median root mean square, and the share of 10 ms frames more than 40 dB below full scale."""
    loudness = torch.stack([wave.square().mean().sqrt() for wave in clips.waves]).median().item()
    frames = torch.cat([wave[: len(wave) // 80 * 80].view(-1, 80).square().mean(1).sqrt() for wave in clips.waves])
    return f"{loudness:.3f}, {(frames < 0.01).double().mean().item():.0%}"


def speed(model: WaveNet, console: Console) -> None:
    """Queues against whole passes."""
    reach = model.receptive_field

    def conditions(length: int) -> tuple[Tensor, Tensor]:
        return torch.tensor([[7, 0]]), progress(torch.tensor([length]), model.hop, model.n_local)

    labels, frames = conditions(RATE)
    short = conditions(reach + 1)
    second = torch.full((1, RATE), model.silence)
    with torch.no_grad():
        queues = Queues(model, 1, model._shares(1, RATE, labels, frames))

        def steps() -> None:
            for _ in range(STEPS):
                queues.t %= RATE - STEPS
                queues.step(second[:, 0].numpy())

        whole, trimmed, stepped = medians(
            lambda: model.logits(second, labels, frames),
            lambda: model.logits(second[:, : reach + 1], *short),
            steps,
            repeats=7,
        )
        console.print(
            f"WaveNet of {len(model.dilations)} layers x {model.channels} channels, receptive field {reach}. For each code, in ms: a "
            f"pass over 1 s {1e3 * whole:.1f}, over the receptive field {1e3 * trimmed:.1f}, queues {1e3 * stepped / STEPS:.3f}: "
            f"{whole / stepped * STEPS:.0f}x and {trimmed / stepped * STEPS:.0f}x. A second of sound takes the queues "
            f"{stepped / STEPS * RATE:.1f} s without the draws"
        )
        early, late = Queues(model, 1, model._shares(1, RATE, labels, frames)), queues
        late.t = RATE - 2000

        def some(which: Queues) -> None:
            for _ in range(STEPS):
                which.step(second[:, 0].numpy())

        first, last = medians(lambda: some(early), lambda: some(late), repeats=9)
        console.print(
            f"  a step among the first thousand {1e6 * first / STEPS:.0f} us, among the last {1e6 * last / STEPS:.0f} us"
        )

        length = 240
        labels, frames = conditions(length)
        uniforms = torch.rand(1, length, generator=torch.Generator().manual_seed(0))
        drawn: dict[str, Tensor] = {}

        def naive() -> None:
            drawn["naive"] = pixel_by_pixel.draw_tokens(
                lambda x: model.logits(x, labels, frames), lambda tokens: tokens, uniforms
            )

        def fast() -> None:
            drawn["fast"] = model.sample(1, torch.Generator().manual_seed(0), labels, frames, length=length)

        slow, quick = medians(naive, fast, repeats=1)
        same = torch.equal(drawn["naive"], drawn["fast"])
        console.print(f"  a clip of only {length} codes, draws included: {slow / quick:.0f}x, the same codes: {same}")


def vocoded(console: Console) -> None:
    """Clips kept out of the training, made anew from their spectrograms."""
    model, heard = weights.load("wavenet_vocoder"), load_spoken_digits("test")
    bits = bits_per_sample(model, in_batches(heard, model, (), 10))
    some = heard[::3]
    anew = Clips(
        tuple(vocode(model, some.waves, torch.Generator().manual_seed(0))), some.digits, some.speakers, some.takes
    )
    console.print(
        f"vocoder, {weights.n_kept(model):,} numbers: {bits:.2f} bits per sample; of {len(some)} clips the listener "
        f"understands {understood(some):.0%}, made anew {understood(anew):.0%}; level and silence {level(some)}, made anew {level(anew)}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=Path, help="the Free Spoken Digit Dataset, folder or zip")
    recordings = parser.parse_args().recordings
    console = Console(width=130)
    console.print(f"{torch.get_num_threads()} threads.")
    speed(weights.load("wavenet"), console)

    table = Table(
        "model",
        "numbers",
        "voices",
        "bits per sample",
        "real clips: Bayes, listener",
        "said: Bayes, listener",
        "level, silence: real",
        "said",
    )
    for name in ("wavenet", "wavenet_recorded"):
        if name not in weights.NAMES:
            continue
        model, about = weights.load(name), weights.about(name)

        def both(clips: Clips, model: WaveNet = model, voices: list[str] = about["voices"]) -> str:
            return f"{recognised(model, clips, voices):.0%}, {understood(clips):.0%}"

        new = said(model, about, 4, torch.Generator().manual_seed(0))
        row = [
            f"{about['test bits per sample']:.2f}",
            "-",
            both(new),
            "-",
            level(new),
        ]
        if name == "wavenet" or recordings:
            real = load_spoken_digits("test") if name == "wavenet" else fetch_recorded_digits("test", recordings)
            bits = bits_per_sample(model, in_batches(real, model, about["voices"], 10))
            row[:2] = [f"{bits:.2f}", both(real[::3])]
            row[3] = level(real)
        numbers = f"{weights.n_kept(model):,}".replace(",", " ")
        table.add_row(name, numbers, str(len(about["voices"])), *row)
    console.print(table)
    vocoded(console)


if __name__ == "__main__":
    main()
