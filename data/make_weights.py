"""Train the models that the lessons load, and write data/weights/*.safetensors. `make weights` trains them all.

    python data/make_weights.py                      # all of them
    python data/make_weights.py nade made            # some
    python data/make_weights.py --folder /tmp/mine   # elsewhere than data/weights
    python data/make_weights.py digit_listener --recordings fsdd.zip   # recordings that one has, instead of fetching them

A training that is interrupted goes on where it stopped: its checkpoint lies in unfinished/ (not in git) until it is done. Every
recipe for written digits but `made_static` trains on all 60 000, binarised anew at each step (coloured ones as they are), for a fixed number of epochs. The settings were
chosen by training on the first 50 000 and looking at the other 10 000; the test digits are looked at when a recipe is done.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lib import in_context as codes
from lib import weights
from lib.audio import SPLITS, Clips, fetch_recorded_digits, load_spoken_digits
from lib.data import DATA, binarise, load_binary_mnist, load_coloured_digits, load_mnist
from lib.models.any_order import AnyOrder
from lib.models.bernoulli import Bernoulli
from lib.models.colour_pixelcnn import ColourPixelCNN
from lib.models.digit_listener import DigitListener
from lib.models.fvsbn import FVSBN
from lib.models.gated_pixelcnn import GatedPixelCNN
from lib.models.gpt import GPT
from lib.models.made import MADE
from lib.models.mixture import Mixture
from lib.models.nade import NADE
from lib.models.pixel_gpt import PixelGPT
from lib.models.pixelcnn import PixelCNN
from lib.models.unrolled_wavenet import UnrolledWaveNet
from lib.models.wavenet import WaveNet
from lib.speech import N_DIGITS, bits_per_sample, in_batches, typical_lengths
from lib.text import END, NAMES, SHAKESPEARE, encode_names, fetch_shakespeare, nats_per_token, split_names
from lib.training import fit, mean_nll

N_PIXELS = 784
NAME_LENGTH = 16  # letters and the end; the longest name has 11
RECORDINGS: Path | None = None  # the Free Spoken Digit Dataset, if it need not be fetched


def digits() -> Tensor:
    """The grey training digits, uint8 `(60000, 784)`."""
    return load_mnist("train")[0].flatten(1)


def bernoulli(folder: Path) -> Any:
    """Counting is all the training it needs."""
    return Bernoulli(N_PIXELS).count(load_binary_mnist("train"))


def fvsbn(folder: Path) -> Any:
    """784 logistic regressions."""
    model = FVSBN(N_PIXELS)
    train(model, folder / "fvsbn.pt", epochs=30, batch_size=100, lr=4e-3)
    return model


def nade(folder: Path) -> Any:
    """500 hidden units, raster order."""
    model = NADE(N_PIXELS, 500)
    train(model, folder / "nade.pt", epochs=40, batch_size=100, lr=4e-3)
    return model


def made(folder: Path) -> Any:
    """One very wide hidden layer and direct connections, raster order."""
    model = MADE(N_PIXELS, (4400,), direct=True).start_from(digits().float().mean(0) / 255)
    train(model, folder / "made.pt", epochs=30, batch_size=200, lr=2e-3, warmup=200, average=0.998, bfloat16=True)
    return model


def made_static(folder: Path) -> Any:
    """A narrower one on a single static draw of 50 000 digits; the other 10 000, static as well, tell when to stop.

    Measured beside it and not kept: the same network, on new draws of the same 50 000.
    """
    x, grey = load_binary_mnist("train"), digits()[:50_000]

    def trained(checkpoint: str, epochs: int, data: Tensor, draw: Any) -> Any:
        model = MADE(N_PIXELS, (2000,), direct=True).start_from(grey.float().mean(0) / 255)
        settings: dict[str, Any] = {"batch_size": 200, "lr": 2e-3, "warmup": 200, "average": 0.998, "bfloat16": True}
        train(model, folder / checkpoint, data, draw, validation=x[50_000:], epochs=epochs, **settings)
        return model

    anew = trained("made_static.anew.pt", 24, grey, binarise)
    model = trained("made_static.pt", 16, x[:50_000], None)
    test = load_binary_mnist("test")
    model.measured = {
        "test nats": round(mean_nll(model, test), 3),
        "test nats, the same on new draws": round(mean_nll(anew, test), 3),
        "minutes, the same on new draws": round(anew.minutes, 1),
    }
    return model


def orders(folder: Path) -> Any:
    """The NADE above and one that goes from the last pixel to the first."""
    path = folder.parent / "nade.safetensors"
    if not path.is_file():
        raise SystemExit(f"{path} is missing; train it first: nade")
    backwards = NADE(N_PIXELS, 500, order=torch.arange(N_PIXELS).flip(0))
    train(backwards, folder / "orders.pt", epochs=30, batch_size=100, lr=4e-3)
    return Mixture([weights.unpack(path.read_bytes()), backwards])


def patch_pixelcnn(folder: Path) -> Any:
    """Masked convolutions over patches of 2 x 4 pixels: 98 tokens of 256 values.

    The weights that ship took the first 13 epochs on the half cosine of 26 epochs, the rest on that of 20.
    """
    model = PixelCNN(channels=160, n_blocks=8, patch=(2, 4)).start_from(load_binary_mnist("train")[:5000])
    train(model, folder / "patch_pixelcnn.pt", epochs=20, batch_size=32, lr=2e-3, warmup=200, bfloat16=True)
    return model


def gated_pixelcnn(folder: Path) -> Any:
    """Patches of 2 x 2 pixels, told which digit it is; then once more, more gently; then by Muon."""
    model = GatedPixelCNN(channels=64, n_blocks=6, patch=(2, 2))
    settings: dict[str, Any] = {"batch_size": 32, "bfloat16": True}
    stages = (
        ("pt", {"epochs": 7, "lr": 2e-3}),
        ("longer.pt", {"epochs": 9, "lr": 1e-3}),
        ("muon.pt", {"epochs": 12, "lr": 3e-3, "muon": True, "seed": 2}),
    )
    for stage, more in stages:
        checkpoint = folder / f"gated_pixelcnn.{stage}"
        train(model, checkpoint, labelled_digits(), binarise_labelled, **settings, **more)
    return model


def colour_pixelcnn(folder: Path) -> Any:
    """Coloured digits: red, then green given red, then blue given both."""
    return coloured(folder / "colour_pixelcnn.pt", conditional=True)


def independent_colours(folder: Path) -> Any:
    """The same network with the three channels of a pixel independent of one another."""
    return coloured(folder / "independent_colours.pt", conditional=False)


def coloured(checkpoint: Path, conditional: bool) -> Any:
    """Trained on the coloured training digits, as they are."""
    model = ColourPixelCNN(channels=72, n_blocks=4, conditional=conditional)
    images = load_coloured_digits("train")[0]
    train(model, checkpoint, images, None, epochs=4, batch_size=32, lr=3e-3, bfloat16=True)
    return model


def labelled_digits() -> Tensor:
    """The grey training digits, each with its label as one more column, uint8 `(60000, 785)`."""
    images, labels = load_mnist("train")
    return torch.cat([images.flatten(1), labels[:, None].to(torch.uint8)], dim=1)


def binarise_labelled(both: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Digits drawn from the grey ones, and their labels."""
    return binarise(both[:, :-1], generator), both[:, -1].long()


def wavenet(folder: Path) -> Any:
    """Twelve synthetic voices; then once more, more gently."""
    clips = load_spoken_digits("train")
    model = speaker(clips)
    for stage, epochs, lr in (("pt", 16, 4e-3), ("longer.pt", 28, 2.5e-3)):
        spoken(model, folder / f"wavenet.{stage}", clips, epochs, lr)
    return model


def wavenet_recorded(folder: Path) -> Any:
    """Four real voices. Begins with what the synthetic ones have taught, all but the voices themselves."""
    clips = fetch_recorded_digits("train", RECORDINGS)
    model = taught(speaker(clips), folder, all_but="labels.1.")
    return spoken(model, folder / "wavenet_recorded.pt", clips, epochs=3)


def wavenet_vocoder(folder: Path) -> Any:
    """Told the mel spectrogram and nothing else. Begins with what `wavenet` has learned, all but what it is told; two stages."""
    model, clips = taught(WaveNet(channels=48, n_local=40), folder, all_but="frames."), load_spoken_digits("train")
    for stage, epochs, lr in (("pt", 12, 6e-3), ("longer.pt", 8, 3e-3)):
        spoken(model, folder / f"wavenet_vocoder.{stage}", clips, epochs, lr, muon=True)
    return model


def speaker(clips: Clips) -> WaveNet:
    """Untrained, to be told digit, voice and progress."""
    return WaveNet(channels=48, n_global=(N_DIGITS, len(clips.speaker_names)), n_local=18)


def taught(model: WaveNet, folder: Path, all_but: str) -> WaveNet:
    """A model with what `wavenet` has learned: all its parts but those whose names begin so."""
    path = folder.parent / "wavenet.safetensors"
    if not path.is_file():
        raise SystemExit(f"{path} is missing; train it first: wavenet")
    learned = weights.unpack(path.read_bytes()).state_dict()
    anew = model.load_state_dict(
        {k: v for k, v in learned.items() if not k.startswith(all_but)}, strict=False
    ).missing_keys
    assert all(name.startswith(all_but) for name in anew), anew
    return model


def spoken(
    model: WaveNet, checkpoint: Path, clips: Clips, epochs: int, lr: float = 4e-3, muon: bool = False
) -> WaveNet:
    """Trained on whole clips, four of about the same length at a time."""
    batches = in_batches(clips, model, clips.speaker_names, 4)
    train(
        model, checkpoint, torch.arange(len(batches)), lambda rows, _: batches[int(rows)],
        epochs=epochs, batch_size=1, lr=lr, average=0.998, bfloat16=True, muon=muon,
    )  # fmt: skip
    return model


def wavenet_digits(folder: Path) -> Any:
    """WaveNet over digits unrolled in raster order, told row and column."""
    model = UnrolledWaveNet()
    settings: dict[str, Any] = {"batch_size": 16, "lr": 8e-3, "warmup": 200, "muon": True, "bfloat16": True}
    train(model, folder / "wavenet_digits.pt", epochs=4, **settings)
    return model


def digit_listener(folder: Path) -> Any:
    """Spoken digits of four people and twelve synthetic voices; four more, each without one of the people, tell what it is worth."""
    people, machines = fetch_recorded_digits("train", RECORDINGS), load_spoken_digits("train")
    unheard, n_unheard = 0.0, 0
    minutes = 0.0
    for name in people.speaker_names:
        left_out = torch.tensor([speaker == name for speaker in people.speakers])
        model = listen([people[~left_out], machines], folder / f"digit_listener_without_{name}.pt", epochs=20)
        unheard += right(model, people[left_out]) * int(left_out.sum())
        n_unheard += int(left_out.sum())
        minutes += model.minutes
        print(f"without {name}: {right(model, people[left_out]):.1%} of {name}'s digits right")
    model = listen([people, machines], folder / "digit_listener.pt", epochs=40)
    model.minutes += minutes
    model.measured = {  # what `measured` hands on
        "right, people's test takes": right(model, fetch_recorded_digits("test", RECORDINGS)),
        "right, people left out in training": round(unheard / n_unheard, 4),
        **{f"right, load_spoken_digits({split!r})": right(model, load_spoken_digits(split)) for split in SPLITS[1:]},
    }
    for name in people.speaker_names:
        (folder / f"digit_listener_without_{name}.pt").unlink(missing_ok=True)
    return model


def listen(heard: list[Clips], checkpoint: Path, epochs: int) -> Any:
    """A listener that has heard these clips, distorted anew each time."""
    torch.manual_seed(0)
    model = DigitListener()
    waves = torch.stack([F.pad(w[:8000], (0, max(0, 8000 - len(w)))) for clips in heard for w in clips.waves])
    labels = torch.cat([clips.digits for clips in heard])

    def draw(rows: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        return distorted(waves[rows], generator), labels[rows]

    settings: dict[str, Any] = {"batch_size": 32, "lr": 3e-3, "weight_decay": 0.02, "average": 0.995}
    train(model, checkpoint, torch.arange(len(labels)), draw, epochs=epochs, **settings)
    return model


def distorted(waves: Tensor, generator: torch.Generator) -> Tensor:
    """The same words at another speed and pitch, between other silences, in another tone, through noise: `(B, T)` to `(B, T')`."""
    speed, begin, end = torch.rand(3, generator=generator).tolist()
    x = F.interpolate(waves[:, None], scale_factor=0.8 + 0.45 * speed, mode="linear", align_corners=False)[:, 0]
    length = int(5000 + 4000 * end)
    x = F.pad(x, (int(1600 * begin), max(0, length - x.shape[1])))[:, :length]
    tone, quiet = 1.4 * torch.rand(len(x), 1, generator=generator) - 0.7, torch.rand(len(x), 1, generator=generator)
    x = x + tone * F.pad(x[:, :-1], (1, 0))
    noise = torch.randn(x.shape, generator=generator) * x.abs().amax(1, keepdim=True)
    return x + noise * 10 ** (-1.3 - 2 * quiet)  # 26 to 66 dB below the peak


def right(model: Any, clips: Clips) -> float:
    """The share of the clips that the listener takes for the digit that they are."""
    return round((model.hear(clips.waves).argmax(1) == clips.digits).double().mean().item(), 4)


def pixel_gpt(folder: Path) -> Any:
    """Patches of 2 x 4 pixels; half of the digits are read after their label, half before it. Then once more, more gently.

    The weights that ship took the first epoch on the half cosine of 6 epochs, four more on that of 5.
    """
    model = PixelGPT(n_layers=6, n_heads=3, channels=96)
    settings: dict[str, Any] = {"batch_size": 32, "warmup": 200, "muon": True, "bfloat16": True}
    for seed, (stage, lr) in enumerate((("pt", 0.01), ("longer.pt", 0.006))):
        checkpoint = folder / f"pixel_gpt.{stage}"
        train(model, checkpoint, labelled_digits(), binarise_labelled, epochs=5, lr=lr, seed=seed, **settings)
    return model


def any_order(folder: Path) -> Any:
    """Every order at once: a random number of pixels is known, in a random order."""
    model = AnyOrder(n_layers=6, n_heads=4, channels=128)
    settings: dict[str, Any] = {"batch_size": 32, "lr": 0.01, "warmup": 200, "muon": True, "bfloat16": True}
    train(model, folder / "any_order.pt", epochs=8, **settings)
    return model


def names_gpt(folder: Path) -> Any:
    """Nine tenths of the census names, each counted once; the others tell when to stop."""
    known, new = (encode_names(names, NAME_LENGTH) for names in split_names())
    end = NAMES.symbols.index(END)
    model = GPT(len(NAMES.symbols), NAME_LENGTH, n_layers=4, n_heads=4, width=96, dropout=0.2, start=end, end=end)
    settings: dict[str, Any] = {"batch_size": 32, "lr": 5e-3, "weight_decay": 0.1, "muon": True}
    train(model, folder / "names_gpt.pt", known, None, epochs=30, validation=new, **settings)
    return model


def shakespeare_gpt(folder: Path) -> Any:
    """Pieces of 257 characters of the first nine tenths of Tiny Shakespeare; an epoch reads about as many as there are.

    The weights that ship took the first 3 epochs on the half cosine of 19 epochs, the rest on that of 8.
    """
    text = SHAKESPEARE.encode(fetch_shakespeare("train"))
    model = GPT(len(SHAKESPEARE.symbols), context=256, n_layers=6, n_heads=5, width=160, dropout=0.1)
    places = torch.arange(model.context + 1)

    def draw(starts: Tensor, generator: torch.Generator) -> Tensor:
        shift = torch.randint(model.context, starts.shape, generator=generator)
        return text[(starts + shift)[:, None] + places]

    starts = torch.arange(0, len(text) - 2 * model.context, model.context)
    train(
        model, folder / "shakespeare_gpt.pt", starts, draw, epochs=8, batch_size=8, lr=0.012, weight_decay=0.05,
        muon=True, bfloat16=True,
    )  # fmt: skip
    return model


def in_context(folder: Path) -> Any:
    """A new code in every prompt: only by looking back can it be known."""
    model = GPT(codes.N_LETTERS, context=2 * codes.N_PAIRS, n_layers=2, n_heads=2, width=64)

    def draw(rows: Tensor, generator: torch.Generator) -> Tensor:
        return codes.prompts(len(rows), generator=generator)

    settings: dict[str, Any] = {"batch_size": 32, "lr": 0.015, "average": 0.99, "muon": True, "bfloat16": True}
    train(model, folder / "in_context.pt", torch.arange(120 * 32), draw, epochs=20, **settings)
    return model


def train(model: Any, checkpoint: Path, data: Tensor | None = None, draw: Any = binarise, **settings: Any) -> None:
    """`fit`, on dynamically binarised digits if nothing else is given; adds to `model.minutes` how long it took."""
    history = fit(model, digits() if data is None else data, draw=draw, checkpoint=checkpoint, **settings)
    model.minutes = getattr(model, "minutes", 0.0) + history[-1]["seconds"] / 60


RECIPES: dict[str, Callable[[Path], Any]] = {
    "bernoulli": bernoulli,
    "fvsbn": fvsbn,
    "nade": nade,
    "made": made,
    "made_static": made_static,
    "orders": orders,
    "patch_pixelcnn": patch_pixelcnn,
    "gated_pixelcnn": gated_pixelcnn,
    "colour_pixelcnn": colour_pixelcnn,
    "independent_colours": independent_colours,
    "wavenet": wavenet,
    "wavenet_recorded": wavenet_recorded,
    "wavenet_vocoder": wavenet_vocoder,
    "wavenet_digits": wavenet_digits,
    "digit_listener": digit_listener,
    "pixel_gpt": pixel_gpt,
    "any_order": any_order,
    "names_gpt": names_gpt,
    "shakespeare_gpt": shakespeare_gpt,
    "in_context": in_context,
}


@torch.no_grad()
def measured(name: str, model: Any) -> dict[str, Any]:
    """What a model scores on test examples of what it was trained on, by what the number is."""
    if isinstance(model, WaveNet):
        voices, heard = load_spoken_digits("train"), load_spoken_digits("test")
        if name == "wavenet_recorded":
            voices, heard = (fetch_recorded_digits(split, RECORDINGS) for split in ("train", "test"))
        names = voices.speaker_names
        bits = {"test bits per sample": round(bits_per_sample(model, in_batches(heard, model, names, 10)), 4)}
        if not model.n_global:
            return bits
        return {
            **bits,
            "voices": names,
            "typical lengths": typical_lengths(voices, names).tolist(),  # samples, by digit and voice
        }
    if hasattr(model, "measured"):
        return model.measured  # by its recipe: some of it is of models that are not kept
    if isinstance(model, GPT) and name == "names_gpt":
        known, new = (encode_names(names, NAME_LENGTH) for names in split_names())
        return {
            "validation nats per name": round(mean_nll(model, new), 3),
            "train nats per name": round(mean_nll(model, known), 3),
        }
    if isinstance(model, GPT) and name == "shakespeare_gpt":
        text = SHAKESPEARE.encode(fetch_shakespeare("validation"))
        strides = model.context // 2, model.context
        return {f"validation nats, windows {s} apart": round(nats_per_token(model, text, s), 4) for s in strides}
    if name == "in_context":
        scores: dict[str, Any] = {}
        for kind, new in (("pairs of the training", False), ("pairs that it never saw", True)):
            nats, right = codes.by_times_shown(model, codes.prompts(2000, seed=1, new=new))
            scores[f"right after 0 to 4 examples, {kind}"] = [round(share, 4) for share in right.tolist()]
            scores[f"nats after 0 to 4 examples, {kind}"] = [round(value, 3) for value in nats.tolist()]
        return scores
    if isinstance(model, PixelGPT):
        x, labels = load_binary_mnist("test"), load_mnist("test")[1]
        guesses = torch.cat([model.label_log_probs(some).argmax(1) for some in x.split(500)])
        return {
            "test nats": round(mean_nll(model, x), 3),
            "test nats, mean over labels": round(
                -torch.cat([model.mixture_log_prob(some) for some in x.split(500)]).mean().item(), 3
            ),
            "right, digit first": round((guesses == labels).double().mean().item(), 4),
        }
    if isinstance(model, AnyOrder):
        x = load_binary_mnist("test")
        generator = torch.Generator().manual_seed(0)
        nats = torch.cat([model.order_nll(some, generator=generator) for some in x.split(500)]).mean().item()
        return {"test nats, mean over orders, 16 passes a digit": round(nats, 3)}
    if isinstance(model, ColourPixelCNN):
        x = load_coloured_digits("test")[0]
        return {"test bits per dimension": round(mean_nll(model, x) / math.log(2) / x[0].numel(), 4)}
    return {"test nats": round(mean_nll(model, load_binary_mnist("test")), 3)}


def processor() -> str:
    """The name of this machine's processor and how many threads torch uses of it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{name}, {torch.get_num_threads()} threads"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(RECIPES)}; all if none is given")
    parser.add_argument("--folder", type=Path, default=DATA / "weights")
    parser.add_argument(
        "--recordings", type=Path, help="the Free Spoken Digit Dataset, folder or zip; fetched if absent"
    )
    arguments = parser.parse_args()
    global RECORDINGS
    RECORDINGS = arguments.recordings
    for name in arguments.names or RECIPES:
        if name not in RECIPES:
            raise SystemExit(f"no recipe {name!r}; expected one of {', '.join(RECIPES)}")
        model = RECIPES[name](arguments.folder / "unfinished")
        scores = measured(name, model)
        minutes = sum(getattr(part, "minutes", 0.0) for part in model.modules())
        about = {
            "recipe": f"data/make_weights.py, {name}",
            "minutes": round(minutes, 1),
            "hardware": processor(),
            **scores,
            "numbers learned": weights.n_kept(model),
        }
        content = weights.pack(model, about)
        target = arguments.folder / f"{name}.safetensors"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        for checkpoint in (arguments.folder / "unfinished").glob(f"{name}.*"):
            checkpoint.unlink()
        digest = hashlib.sha256(content).hexdigest()
        print(f"{target}: {len(content)} bytes, sha256 {digest}, {scores}, {minutes:.0f} minutes")


if __name__ == "__main__":
    main()
