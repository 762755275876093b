"""The trained models: packing loses next to nothing, the shipped files are small and as good as they say."""

import json
import math

import pytest
import safetensors.torch
import torch

from lib import scoreboard, weights
from lib.data import DATA, impossible_colours, load_binary_mnist, load_coloured_digits, load_mnist
from lib.models.bernoulli import Bernoulli
from lib.models.fvsbn import FVSBN
from lib.models.made import MADE
from lib.models.mixture import Mixture
from lib.models.nade import NADE
from lib.models.rnade import RNADE
from lib.training import mean_nll

ORDER = torch.randperm(20, generator=torch.Generator().manual_seed(0)).tolist()
MODELS = {
    "bernoulli": lambda: Bernoulli(20),
    "fvsbn": lambda: FVSBN(20, ORDER),
    "nade": lambda: NADE(20, 9, ORDER),
    "made": lambda: MADE(20, (9, 8), [ORDER], direct=True),
    "made in two orders": lambda: MADE(20, (9, 8), [ORDER, ORDER[::-1]], direct=True),
    "mixture": lambda: Mixture([MADE(20, (9,), [ORDER]), NADE(20, 4)]),
}


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_packing_loses_next_to_nothing(kind):
    model = MODELS[kind]().eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator))
    content = weights.pack(model, {"minutes": 3})
    again = weights.unpack(content)
    x = (torch.rand(50, 20, generator=generator) < 0.5).float()
    assert torch.allclose(again.log_prob(x), model.log_prob(x), atol=0.05)
    assert not again.training
    assert all(p.dtype == torch.float32 for p in again.parameters())
    # Two bytes for each number learned, and a header.
    body = len(content) - 8 - int.from_bytes(content[:8], "little")
    assert body == 2 * weights.n_kept(model)


def test_only_what_the_mask_keeps_is_counted():
    assert weights.n_kept(FVSBN(20)) == 20 * 19 // 2 + 20
    assert weights.n_kept(MADE(3, (2,))) == 1 + 2 + 2 + (0 + 1 + 2) + 3  # degrees 1 and 2: in 1 + 2, out 0 + 1 + 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a file of tensors at all",
        safetensors.torch.save({"b": torch.zeros(3)}),
        safetensors.torch.save({"b": torch.zeros(3)}, {"settings": json.dumps({"class": "GAN"})}),
    ],
)
def test_other_files_are_refused_in_a_sentence(content):
    with pytest.raises(ValueError, match="not the weights of a model of this course"):
        weights.unpack(content)


def test_a_model_without_settings_cannot_be_packed():
    with pytest.raises(AttributeError, match="settings"):
        weights.pack(RNADE(2), {})


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="no trained model 'gan'; expected one of bernoulli, fvsbn, nade"):
        weights.load("gan")


# The models of written digits; others are measured by tests of their own.
SCORED = [name for name in weights.NAMES if "test nats" in weights.about(name)]


@pytest.mark.parametrize("name", SCORED)
def test_shipped_weights_are_small_and_as_good_as_the_scoreboard_says(name):
    path = DATA / "weights" / f"{name}.safetensors"
    assert path.stat().st_size <= 8_000_000
    model, about = weights.load(name), weights.about(name)
    (row,) = [row for row in scoreboard.rows() if row.name == name]
    assert about["test nats"] == pytest.approx(row.nats, abs=0.02)  # the file is at half precision
    assert {"recipe", "minutes", "hardware"} <= set(about)
    x = load_binary_mnist("test")[:300]
    with torch.no_grad():
        nll = -model.log_prob(x).double()
    assert nll.mean().item() == pytest.approx(row.nats, abs=5 * nll.std().item() / 300**0.5)
    samples = model.sample(3, torch.Generator().manual_seed(0))
    assert samples.shape == (3, 784)
    assert set(samples.unique().tolist()) <= {0.0, 1.0}


def test_the_goals_are_reached():
    nats = {row.name: row.nats for row in scoreboard.rows()}
    assert nats["nade"] <= 86.5
    assert nats["made"] <= 85.0
    assert weights.about("made_static")["test nats, the same on new draws"] < nats["made_static"] - 2 < 88.40
    assert nats["orders"] <= 84.0
    assert nats["bernoulli"] > nats["fvsbn"] > nats["nade"] > nats["orders"]


def test_channels_that_know_of_each_other_cost_less_than_half_and_draw_colours_that_exist():
    x = load_coloured_digits("test")[0][:300]
    bits, impossible = {}, {}
    for name in ("colour_pixelcnn", "independent_colours"):
        assert (DATA / "weights" / f"{name}.safetensors").stat().st_size < 500_000
        model = weights.load(name)
        bits[name] = mean_nll(model, x, batch_size=100) / math.log(2) / x[0].numel()
        assert bits[name] == pytest.approx(weights.about(name)["test bits per dimension"], rel=0.08)
        impossible[name] = impossible_colours(model.sample(16, torch.Generator().manual_seed(0))).mean().item()
    assert 2 * bits["colour_pixelcnn"] < bits["independent_colours"]
    assert impossible["colour_pixelcnn"] < 0.02 < 0.05 < impossible["independent_colours"]


def test_the_model_that_is_told_the_label_knows_it_when_it_is_not_told():
    model, x, labels = weights.load("gated_pixelcnn"), load_binary_mnist("test")[:100], load_mnist("test")[1][:100]
    with torch.no_grad():
        each = model.log_probs(x)
    assert (each.argmax(1) == labels).float().mean() >= 0.95
    told = torch.arange(10).repeat(4)
    drawn = model.sample(40, torch.Generator().manual_seed(0), told)
    with torch.no_grad():
        assert (model.log_probs(drawn).argmax(1) == told).float().mean() >= 0.9
