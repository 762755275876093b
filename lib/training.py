"""One training loop for every model of the course: minimise the average of -log p(x), in nats per example.

It needs nothing of a model but `log_prob(x) -> (batch,)`; a model that trains on something cheaper than its whole
log-likelihood (one of several orders, say) gives `training_loss(x, generator)` too. Adam (Kingma & Ba 2015) with
decoupled weight decay, a learning rate that warms up and then falls along half a cosine, and an average of the weights
along the way (Polyak & Juditsky 1992), which is what is validated and kept. Matrices can be trained by Muon instead (Jordan et
al. 2024, "Muon: An optimizer for hidden layers in neural networks"), which makes each step turn all of a matrix's directions alike.
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
from torch import Tensor, nn
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
    muon: bool = False,
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
    lr, weight_decay, warmup : the highest learning rate, decay per unit of it, and steps until it is reached.
    average : how much of the running average of the weights is kept at each step; 0 for no averaging.
    draw : makes a batch of examples from a batch of `train`, such as `lib.data.binarise`: new ones each time.
    patience : stop after so many epochs without a better validation NLL.
    bfloat16 : multiply matrices at that precision, for processors that have units for it.
    muon : train the weights of linear layers and convolutions by Muon, scaled so that the learning rate means what it means for Adam;
        the rest by Adam.
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
    run = Run(model, torch.Generator().manual_seed(seed), lr, weight_decay, average, muon)
    if checkpoint is not None and Path(checkpoint).is_file():
        run.restore(Path(checkpoint))
    total = epochs * n_steps
    bar = tqdm(
        total=total, initial=run.done, disable=not progress, file=sys.stdout, ncols=100, mininterval=0.5,
        bar_format="{desc} |{bar}| {elapsed}<{remaining}",
    )  # fmt: skip
    begun = time.perf_counter() - (run.history[-1]["seconds"] if run.history else 0.0)
    try:
        for epoch in range(run.done // n_steps + 1, epochs + 1):
            model.train()
            losses: list[float] = []
            for rows in torch.randperm(len(train), generator=run.generator)[: n_steps * batch_size].split(batch_size):
                x = train[rows] if draw is None else draw(train[rows], run.generator)
                rate = min(1.0, (run.done + 1) / warmup) * half_cosine(run.done / total)
                losses.append(run.step(x, lr * rate, bfloat16))
                if not math.isfinite(losses[-1]):
                    raise ValueError(
                        f"fit: the loss became {losses[-1]} in epoch {epoch}; a smaller lr than {lr:g} may help"
                    )
                bar.set_description_str(describe(epoch, epochs, losses[-50:], run.history), refresh=False)
                bar.update()
            run.finish_epoch(losses, validation, time.perf_counter() - begun)
            bar.set_description_str(describe(epoch, epochs, losses, run.history))
            if checkpoint is not None:
                run.save(Path(checkpoint))
            if patience is not None and run.epochs_without_progress() >= patience:
                break
    except KeyboardInterrupt:
        if not run.history:  # not one epoch: the average of what there is beats the weights it began with
            put(run.best, run.averaged)
        bar.write(f"Interrupted after {run.done} steps; the model keeps its best weights so far.", file=sys.stdout)
    finally:
        bar.close()
        put(run.weights, run.best)
        model.eval()
    return run.history


class Run:
    """A training under way: the weights as they are, their average, the best average so far, and what was measured."""

    def __init__(
        self, model: Any, generator: torch.Generator, lr: float, weight_decay: float, average: float, muon: bool
    ) -> None:
        self.model, self.generator, self.average = model, generator, average
        self.weights = [p for p in model.parameters() if p.requires_grad]
        self.averaged = [p.detach().clone() for p in self.weights]
        self.best = [p.clone() for p in self.averaged]
        chosen = _matrices(model) if muon else set()
        matrices = [p for p in self.weights if id(p) in chosen]
        others = [p for p in self.weights if id(p) not in chosen]
        # Muon takes matrices only; a convolution is one with a row for each channel that it gives.
        self.flattened = [(p, p.detach().flatten(1).clone()) for p in matrices]
        self.optimisers: list[torch.optim.Optimizer] = []
        if others:
            adam = torch.optim.AdamW(others, lr=lr, weight_decay=weight_decay, betas=(0.9, 0.99), fused=True)
            self.optimisers.append(adam)
        if matrices:
            flat = [flat for _, flat in self.flattened]
            self.optimisers.append(
                torch.optim.Muon(flat, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
            )
        self.history: list[dict[str, float]] = []
        self.done = 0  # steps

    def step(self, x: Tensor, lr: float, bfloat16: bool) -> float:
        """One step on a batch; returns its loss. A loss that is no number changes nothing."""
        with (
            torch.random.fork_rng(devices=[]),
            torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16),
        ):
            torch.manual_seed(self.generator.initial_seed() + self.done)  # for dropout, which takes no generator
            if hasattr(self.model, "training_loss"):
                loss = self.model.training_loss(x, self.generator)
            else:
                loss = -self.model.log_prob(x).mean()
        value = loss.item()
        if math.isfinite(value):
            for optimiser in self.optimisers:
                optimiser.param_groups[0]["lr"] = lr
            for p in self.weights:
                p.grad = None
            loss.backward()
            with torch.no_grad():
                for p, flat in self.flattened:
                    flat.copy_(p.flatten(1))
                    flat.grad = None if p.grad is None else p.grad.flatten(1)
                for optimiser in self.optimisers:
                    optimiser.step()
                for p, flat in self.flattened:
                    p.copy_(flat.view_as(p))
            self.done += 1
            with torch.no_grad():
                torch._foreach_lerp_(self.averaged, self.weights, 1 - min(self.average, self.done / (self.done + 9)))
        return value

    def finish_epoch(self, losses: list[float], validation: Tensor | None, seconds: float) -> None:
        """Score the averaged weights, keep them if nothing was better, and write the epoch down."""
        nll = math.nan
        if validation is not None:
            self.model.eval()
            live = [p.detach().clone() for p in self.weights]
            put(self.weights, self.averaged)
            nll = mean_nll(self.model, validation)
            put(self.weights, live)
        if validation is None or all(nll < h["validation"] for h in self.history):
            put(self.best, self.averaged)
        entry = {"train": sum(losses) / len(losses), "validation": nll, "seconds": seconds}
        self.history.append({"epoch": len(self.history) + 1, **entry})

    def epochs_without_progress(self) -> int:
        """How many epochs ago the best validation NLL was."""
        scores = [h["validation"] for h in self.history]
        return len(scores) - 1 - scores.index(min(scores))

    def save(self, path: Path) -> None:
        """Write a checkpoint so that there is a whole one at any time, even if this is interrupted."""
        state = {name: getattr(self, name) for name in ("averaged", "best", "history", "done")}
        state["weights"] = [p.detach() for p in self.weights]
        state["optimisers"] = [optimiser.state_dict() for optimiser in self.optimisers]
        state["generator"] = self.generator.get_state()
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(path.name + ".part")
        torch.save(state, unfinished)
        os.replace(unfinished, path)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(path, weights_only=True)
        for name in ("weights", "averaged", "best"):
            put(getattr(self, name), state[name])
        self.history, self.done = state["history"], state["done"]
        for optimiser, found in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(found)
        self.generator.set_state(state["generator"])


def _matrices(model: nn.Module) -> set[int]:
    """Which parameters are matrices, by `id`: every layer's `weight` of two dimensions and more, but for embeddings and norms."""
    others = (nn.Embedding, nn.LayerNorm, nn.RMSNorm)
    weights = [getattr(part, "weight", None) for part in model.modules() if not isinstance(part, others)]
    return {id(weight) for weight in weights if isinstance(weight, Tensor) and weight.ndim >= 2}


def half_cosine(progress: float) -> float:
    """1 at the start of the training (progress 0), 0 at its end (progress 1), and half a cosine between."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def describe(epoch: int, epochs: int, losses: list[float], history: list[dict[str, float]]) -> str:
    """What the progress bar says: `epoch 3/10, NLL 92.1 nats (validation 93.4)`."""
    text = f"epoch {epoch}/{epochs}, NLL {sum(losses) / len(losses):.2f} nats"
    known = [h["validation"] for h in history if not math.isnan(h["validation"])]
    return text + (f" (validation {known[-1]:.2f})" if known else "")


@torch.no_grad()
def put(target: list[Any], source: list[Tensor]) -> None:
    """Copy the values of one list of tensors into another, in place."""
    for into, values in zip(target, source, strict=True):
        into.copy_(values)
