"""Train the models that the lessons load, and write data/weights/*.safetensors. `make weights` trains them all.

    python data/make_weights.py                      # all of them
    python data/make_weights.py nade made            # some
    python data/make_weights.py --folder /tmp/mine   # elsewhere than data/weights

A training that is interrupted goes on where it stopped: checkpoints lie in data/weights/unfinished/ (not in git). Every recipe
trains on all 60 000 digits, binarised anew at each step, for a fixed number of epochs. The settings were chosen by training
on the first 50 000 and looking at the other 10 000; the test digits were looked at when a recipe was done.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lib import weights
from lib.data import DATA, binarise, load_binary_mnist, load_mnist
from lib.models.bernoulli import Bernoulli
from lib.models.fvsbn import FVSBN
from lib.models.nade import NADE
from lib.training import fit, mean_nll

N_PIXELS = 784


def digits() -> Tensor:
    """The grey training digits, uint8 `(60000, 784)`."""
    return load_mnist("train")[0].flatten(1)


def bernoulli(unfinished: Path) -> tuple[Any, list[dict[str, float]]]:
    """Counting is all the training it needs."""
    return Bernoulli(N_PIXELS).count(load_binary_mnist("train")), []


def fvsbn(unfinished: Path) -> tuple[Any, list[dict[str, float]]]:
    """Logistic regressions."""
    model = FVSBN(N_PIXELS)
    return model, fit(
        model, digits(), epochs=30, batch_size=100, lr=4e-3, draw=binarise, checkpoint=unfinished / "fvsbn.pt"
    )


def nade(unfinished: Path) -> tuple[Any, list[dict[str, float]]]:
    """500 hidden units, raster order."""
    model = NADE(N_PIXELS, 500)
    return model, fit(
        model, digits(), epochs=40, batch_size=100, lr=4e-3, draw=binarise, checkpoint=unfinished / "nade.pt"
    )


RECIPES: dict[str, Callable[[Path], tuple[Any, list[dict[str, float]]]]] = {
    "bernoulli": bernoulli,
    "fvsbn": fvsbn,
    "nade": nade,
}


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
    arguments = parser.parse_args()
    for name in arguments.names or RECIPES:
        if name not in RECIPES:
            raise SystemExit(f"no recipe {name!r}; expected one of {', '.join(RECIPES)}")
        begun = time.perf_counter()
        model, history = RECIPES[name](arguments.folder / "unfinished")
        seconds = history[-1]["seconds"] if history else time.perf_counter() - begun
        nll = mean_nll(model, load_binary_mnist("test"))
        about = {
            "recipe": f"data/make_weights.py, {name}",
            "minutes": round(seconds / 60, 1),
            "hardware": processor(),
            "test nats": round(nll, 3),
            "numbers learned": weights.n_kept(model),
        }
        arguments.folder.mkdir(parents=True, exist_ok=True)
        content = weights.pack(model, about)
        target = arguments.folder / f"{name}.safetensors"
        target.write_bytes(content)
        print(f"{target}: {len(content)} bytes, {nll:.2f} nats per test image, {seconds / 60:.1f} minutes")


if __name__ == "__main__":
    main()
