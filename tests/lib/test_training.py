"""`fit` trains, keeps the best, can be interrupted and goes on; all without luck."""

import math
from pathlib import Path

import pytest
import torch

from lib import training
from lib.models.fvsbn import FVSBN
from lib.training import fit, mean_nll

D = 12


@pytest.fixture(scope="module")
def data() -> torch.Tensor:
    """Binary vectors in which each entry copies the one before it, mostly."""
    generator = torch.Generator().manual_seed(0)
    x = (torch.rand(600, D, generator=generator) < 0.5).float()
    for d in range(1, D):
        copy = torch.rand(600, generator=generator) < 0.9
        x[copy, d] = x[copy, d - 1]
    return x


def train(data: torch.Tensor, **options: object) -> tuple[FVSBN, list[dict[str, float]]]:
    model = FVSBN(D)
    settings = {"epochs": 6, "batch_size": 50, "lr": 0.05, "warmup": 5, "average": 0.9, "progress": False} | options
    return model, fit(model, data[:500], data[500:], **settings)


def test_it_finds_the_structure(data):
    model, history = train(data, epochs=20)
    assert [h["epoch"] for h in history] == list(range(1, 21))
    entropy = math.log(2) + (D - 1) * -(0.95 * math.log(0.95) + 0.05 * math.log(0.05))
    assert mean_nll(FVSBN(D), data) == pytest.approx(D * math.log(2), rel=1e-5)
    assert entropy - 0.5 < mean_nll(model, data[500:]) < entropy + 1
    assert not model.training
    assert history[-1]["validation"] < history[0]["validation"]


def test_the_same_seed_gives_the_same_model_and_leaves_torchs_own_chance_alone(data):
    before = torch.get_rng_state()
    one, first = train(data)
    two, second = train(data)
    other, _ = train(data, seed=1)
    assert torch.equal(one.W, two.W)
    assert [h["train"] for h in first] == [h["train"] for h in second]
    assert not torch.equal(one.W, other.W)
    assert torch.equal(before, torch.get_rng_state())


def test_new_examples_are_drawn_at_each_step(data):
    seen = []

    def draw(batch, generator):
        seen.append(torch.rand((), generator=generator).item())
        return batch

    train(data, draw=draw, epochs=2)
    assert len(set(seen)) == 20


def test_the_model_ends_with_its_best_weights(data):
    model = FVSBN(D)  # twenty examples, learned by heart
    settings = {"epochs": 60, "batch_size": 10, "lr": 0.3, "warmup": 5, "average": 0.5, "progress": False}
    history = fit(model, data[:20], data[500:], **settings)
    best = min(h["validation"] for h in history)
    assert best < history[-1]["validation"] - 0.5
    assert mean_nll(model, data[500:]) == pytest.approx(best, rel=1e-6)


def test_it_stops_when_nothing_gets_better(data):
    _, history = train(data, epochs=50, lr=3.0, average=0.0, patience=2)
    best = min(range(len(history)), key=lambda i: history[i]["validation"])
    assert len(history) < 50
    assert len(history) - 1 - best == 2


class Interrupted(FVSBN):
    """Someone presses the stop button in the middle of the fourth epoch."""

    steps = 0

    def training_loss(self, x, generator):
        self.steps += 1
        if self.steps == 35:
            raise KeyboardInterrupt
        return -self.log_prob(x).mean()


def test_an_interrupt_keeps_the_best_so_far(data, capsys):
    model = Interrupted(D)
    history = fit(
        model, data[:500], data[500:], epochs=9, batch_size=50, lr=0.05, warmup=5, average=0.9, progress=False
    )
    assert len(history) == 3
    assert mean_nll(model, data[500:]) == pytest.approx(min(h["validation"] for h in history), rel=1e-6)
    assert "Interrupted after 34 steps" in capsys.readouterr().out


def test_an_interrupt_in_the_first_epoch_keeps_what_was_learned(data):
    model = Interrupted(D)
    model.steps = 26
    assert fit(model, data[:500], epochs=9, batch_size=50, lr=0.05, warmup=5, average=0.9, progress=False) == []
    assert mean_nll(model, data[500:]) < D * math.log(2) - 0.2


def test_an_interrupted_training_goes_on_from_its_checkpoint(data, tmp_path: Path):
    straight, history = train(data)
    checkpoint = tmp_path / "folder" / "checkpoint.pt"
    half = Interrupted(D)
    options = {"epochs": 6, "batch_size": 50, "lr": 0.05, "warmup": 5, "average": 0.9, "progress": False}
    fit(half, data[:500], data[500:], checkpoint=checkpoint, **options)
    assert [p.name for p in checkpoint.parent.iterdir()] == ["checkpoint.pt"]
    resumed, again = train(data, checkpoint=checkpoint)
    assert torch.allclose(resumed.W, straight.W, atol=1e-6)
    assert [h["epoch"] for h in again] == [1, 2, 3, 4, 5, 6]
    assert [h["train"] for h in again] == pytest.approx([h["train"] for h in history])


def test_a_loss_that_is_no_number_is_reported_in_a_sentence(data):
    model = FVSBN(D)
    model.training_loss = lambda x, generator: model.log_prob(x).mean() * float("nan")
    with pytest.raises(ValueError, match=r"the loss became nan in epoch 1; a smaller lr than 0\.001 may help"):
        fit(model, data, epochs=1, progress=False)


def test_too_little_data_is_refused(data):
    with pytest.raises(ValueError, match="at least one batch of 128 and one epoch, found 100 examples, 3 epochs"):
        fit(FVSBN(D), data[:100], epochs=3)


def test_the_bar_shows_nats(data, capsys):
    train(data, epochs=2, progress=True)
    out = capsys.readouterr().out
    assert "epoch 2/2, NLL" in out and "nats (validation" in out


def test_the_learning_rate_falls_along_half_a_cosine():
    assert [training.half_cosine(p) for p in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0])


class Dropped(torch.nn.Module):
    """A conditional of each entry given the one before, through a linear layer with dropout."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.inner, self.outer = torch.nn.Linear(D, D), torch.nn.Linear(D, D)

    def log_prob(self, x):
        before = torch.nn.functional.pad(x[:, :-1], (1, 0))
        h = torch.nn.functional.dropout(before + torch.tanh(self.inner(before * 0)), 0.1, self.training)
        logits = self.outer.bias + 4 * self.outer.weight.diagonal() * h
        return -torch.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)


@pytest.mark.parametrize("muon", [False, True])
def test_dropout_is_drawn_from_the_seed_and_muon_goes_on_where_it_stopped(data, tmp_path, muon, monkeypatch):
    settings = {"epochs": 4, "batch_size": 50, "lr": 0.02, "warmup": 5, "progress": False, "muon": muon}
    whole, again, halves = Dropped(), Dropped(), Dropped()
    losses = [h["train"] for h in fit(whole, data, **settings)]
    assert losses[-1] < losses[0]
    torch.rand(3)  # torch's own chance does not matter
    fit(again, data, **settings)
    assert torch.equal(whole.outer.weight, again.outer.weight)

    interrupted = training.Run.save

    def save(run, path):
        interrupted(run, path)
        if len(run.history) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(training.Run, "save", save)
    fit(halves, data, **settings, checkpoint=tmp_path / "half.pt")
    monkeypatch.undo()
    assert not torch.equal(whole.outer.weight, halves.outer.weight)
    fit(halves, data, **settings, checkpoint=tmp_path / "half.pt")
    assert torch.equal(whole.outer.weight, halves.outer.weight)


class Recoded(torch.nn.Module):
    """Not a distribution, but something to minimise: how far three numbers, made of a row by one layer, are from its first three."""

    def __init__(self, layer, shape):
        super().__init__()
        self.layer, self.shape = layer, shape
        with torch.no_grad():
            layer.weight.copy_(torch.linspace(-1, 1, 3 * D).sin().view_as(layer.weight))
            layer.bias.zero_()

    def log_prob(self, x):
        made = self.layer(x.view(len(x), *self.shape)).flatten(1)
        return -(made - x[:, :3]).square().sum(1)


def test_muon_takes_a_convolution_for_the_matrix_that_it_is(data):
    settings = {"epochs": 2, "batch_size": 50, "lr": 0.02, "warmup": 1, "average": 0.0, "progress": False}
    linear = Recoded(torch.nn.Linear(D, 3), (D,))
    fit(linear, data, **settings, muon=True)
    by_adam = Recoded(torch.nn.Linear(D, 3), (D,))
    fit(by_adam, data, **settings)
    assert not torch.allclose(linear.layer.weight, by_adam.layer.weight, atol=1e-3)
    for layer, shape in (
        (torch.nn.Conv1d(1, 3, D), (1, D)),
        (torch.nn.Conv2d(3, 3, (2, D // 6)), (3, 2, D // 6)),
        (torch.nn.Conv2d(3, 3, (2, D // 6)).to(memory_format=torch.channels_last), (3, 2, D // 6)),
    ):
        conv = Recoded(layer, shape)
        fit(conv, data, **settings, muon=True)
        assert torch.allclose(conv.layer.weight.flatten(1), linear.layer.weight, atol=1e-4)
