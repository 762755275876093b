"""One training loop for every model of the course: minimise the average of -log p(x), in nats per example.

It needs nothing of a model but `log_prob(x) -> (batch,)`; a model that trains on something cheaper than its whole
log-likelihood (one of several orders, say) gives `training_loss(x, generator)` too. Adam (Kingma & Ba 2015) with
decoupled weight decay, a learning rate that warms up and then falls along half a cosine, and an average of the weights
along the way (Polyak & Juditsky 1992), which is what is validated and kept.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm


@torch.no_grad()
def mean_nll(model: Any, x: Tensor, batch_size: int = 1000) -> float:
    """The average of -log p(x) over the rows of `x`, in nats per example, at full precision.

    model : anything with `log_prob(x) -> (B,)`. x : `(N, ...)`.
    """
    total = sum(-model.log_prob(some).double().sum().item() for some in x.split(batch_size))
    return total / len(x)


def fit(
    model: Any,
    train: Tensor,
    validation: Tensor | None = None,
    *,
    epochs: int,
    batch_size: int = 128,
    lr: float = 1e-3,
    weight_decay: float = 0.0,
    warmup: int = 100,
    average: float = 0.999,
    draw: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    patience: int | None = None,
    bfloat16: bool = False,
    seed: int = 0,
    checkpoint: Path | str | None = None,
    progress: bool = True,
) -> list[dict[str, float]]:
    """Train `model` in place; it ends with the best averaged weights, in `eval` mode.

    Interrupt it (Ctrl-C, or the square button in JupyterLab) and the model keeps the best weights so far.

    Parameters
    ----------
    model : an `nn.Module` under the model contract (`lib.models`).
    train : `(N, ...)`, examples, or what `draw` makes examples of.
    validation : `(M, ...)` examples, scored after each epoch with the averaged weights. Without, the last epoch is best.
    epochs : passes over `train`. batch_size : examples per step; a last, smaller batch is left out.
    lr, weight_decay, warmup : Adam's highest learning rate, decay per unit of it, and steps until it is reached.
    average : how much of the running average of the weights is kept at each step; 0 for no averaging.
    draw : makes a batch of examples from a batch of `train`, such as `lib.data.binarise`: new ones each time.
    patience : stop after so many epochs without a better validation NLL.
    bfloat16 : multiply matrices at that precision. Several times faster on processors made for it, slower on others.
    seed : of the shuffling, of `draw` and of `training_loss`. The same seed gives the same model on the same machine.
    checkpoint : a file that is written after each epoch, and from which an interrupted training goes on.
    progress : show a bar.

    Returns
    -------
    one dictionary per epoch: `epoch`, `train` and `validation` (nats per example; NaN if not measured), `seconds`.

    Raises
    ------
    ValueError : nothing to train on, or a loss that is no number; the model then keeps its best weights.
    """
    n_steps = len(train) // batch_size
    if n_steps == 0 or epochs < 1:
        raise ValueError(
            f"fit: expected at least one batch of {batch_size} and one epoch, found {len(train)} examples, {epochs} epochs"
        )
    generator = torch.Generator().manual_seed(seed)
    weights = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=lr, weight_decay=weight_decay, betas=(0.9, 0.99), fused=True)
    averaged = [p.detach().clone() for p in weights]
    best, best_nll, history = [p.clone() for p in averaged], math.inf, []
    done = 0

    if checkpoint is not None and Path(checkpoint).is_file():
        saved = torch.load(checkpoint, weights_only=True)
        optimiser.load_state_dict(saved["optimiser"])
        generator.set_state(saved["generator"])
        for target, values in ((weights, "weights"), (averaged, "averaged"), (best, "best")):
            put(target, saved[values])
        best_nll, history, done = saved["best_nll"], saved["history"], saved["done"]

    bar = tqdm(
        total=epochs * n_steps, initial=done, disable=not progress, file=sys.stdout, ncols=100, mininterval=0.5,
        bar_format="{desc} |{bar}| {elapsed}<{remaining}",
    )  # fmt: skip
    start = time.perf_counter() - (history[-1]["seconds"] if history else 0.0)
    try:
        for epoch in range(done // n_steps, epochs):
            model.train()
            total, recent = 0.0, 0.0
            for rows in torch.randperm(len(train), generator=generator)[: n_steps * batch_size].split(batch_size):
                for group in optimiser.param_groups:
                    group["lr"] = lr * min(1.0, (done + 1) / warmup) * half_cosine(done / (epochs * n_steps))
                x = train[rows] if draw is None else draw(train[rows], generator)
                with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
                    loss = (
                        model.training_loss(x, generator)
                        if hasattr(model, "training_loss")
                        else -model.log_prob(x).mean()
                    )
                value = loss.item()
                if not math.isfinite(value):
                    raise ValueError(
                        f"fit: the loss became {value} in epoch {epoch + 1}; a smaller lr than {lr:g} may help"
                    )
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                done += 1
                with torch.no_grad():
                    torch._foreach_lerp_(averaged, weights, 1 - min(average, done / (done + 9)))
                total += value
                recent = value if recent == 0 else 0.98 * recent + 0.02 * value
                bar.set_description_str(describe(epoch + 1, epochs, recent, history), refresh=False)
                bar.update()
            nll = math.nan
            if validation is not None:
                model.eval()
                live = [p.detach().clone() for p in weights]
                put(weights, averaged)
                nll = mean_nll(model, validation)
                put(weights, live)
            if validation is None or nll < best_nll:
                best_nll = nll
                put(best, averaged)
            history.append(
                {
                    "epoch": epoch + 1,
                    "train": total / n_steps,
                    "validation": nll,
                    "seconds": time.perf_counter() - start,
                }
            )
            bar.set_description_str(describe(epoch + 1, epochs, total / n_steps, history))
            if checkpoint is not None:
                save(checkpoint, {
                    "optimiser": optimiser.state_dict(), "generator": generator.get_state(), "best_nll": best_nll,
                    "weights": [p.detach() for p in weights], "averaged": averaged, "best": best,
                    "history": history, "done": done,
                })  # fmt: skip
            if patience is not None and epoch + 1 - min(history, key=lambda h: h["validation"])["epoch"] >= patience:
                break
    except KeyboardInterrupt:
        if not history:  # not one epoch: the average of what there is beats the weights it began with
            put(best, averaged)
        bar.write(f"Interrupted after {done} steps; the model keeps its best weights so far.", file=sys.stdout)
    finally:
        bar.close()
        put(weights, best)
        model.eval()
    return history


def half_cosine(progress: float) -> float:
    """1 at the start of the training (progress 0), 0 at its end (progress 1), and half a cosine between."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def describe(epoch: int, epochs: int, train: float, history: list[dict[str, float]]) -> str:
    """What the progress bar says: `epoch 3/10, NLL 92.1 nats (validation 93.4)`."""
    text = f"epoch {epoch}/{epochs}, NLL {train:.2f} nats"
    known = [h["validation"] for h in history if not math.isnan(h["validation"])]
    return text + (f" (validation {known[-1]:.2f})" if known else "")


@torch.no_grad()
def put(target: list[Any], source: list[Tensor]) -> None:
    """Copy the values of one list of tensors into another, in place."""
    for into, values in zip(target, source, strict=True):
        into.copy_(values)


def save(path: Path | str, state: dict[str, Any]) -> None:
    """Write a checkpoint so that there is a whole one at any time, even if this is interrupted."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    torch.save(state, unfinished)
    os.replace(unfinished, path)
