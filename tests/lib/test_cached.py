"""The cached sampler draws what the naive one draws, and runs each layer once per token."""

import pytest
import torch

from lib.models import cached, pixel_by_pixel
from lib.models.colour_pixelcnn import ColourPixelCNN
from lib.models.gated_pixelcnn import GatedPixelCNN
from lib.models.pixelcnn import MaskedConv2d, PixelCNN

MODELS = {
    "pixels": lambda: PixelCNN(6, 7, 6, 2, (3, 5), (7, 7)),
    "no block": lambda: PixelCNN(5, 4, 6, 0, (3, 3), (3, 3)),
    "kernels of one column": lambda: PixelCNN(5, 4, 6, 2, (5, 1), (3, 1)),
    "kernels of one row": lambda: PixelCNN(5, 4, 6, 2, (1, 3), (1, 5)),
    "kernels larger than the image": lambda: PixelCNN(3, 4, 6, 2, (7, 9), (9, 7)),
    "one row": lambda: PixelCNN(1, 9, 6, 2),
    "one column": lambda: PixelCNN(9, 1, 6, 2),
    "patches": lambda: PixelCNN(6, 8, 6, 2, (3, 5), (5, 7), (2, 2)),
    "wide patches": lambda: PixelCNN(6, 8, 6, 2, (3, 5), (5, 7), (2, 4)),
    "one patch": lambda: PixelCNN(2, 4, 6, 2, (3, 5), (5, 7), (2, 4)),
    "gated": lambda: GatedPixelCNN(6, 5, 5, 3, n_classes=0),
    "gated, smallest kernels": lambda: GatedPixelCNN(6, 5, 5, 3, (1, 1), 3, 3, n_classes=0),
    "gated, by label": lambda: GatedPixelCNN(6, 5, 5, 3, n_classes=3),
    "gated, larger kernels": lambda: GatedPixelCNN(6, 5, 5, 2, (2, 1), 5, 9, n_classes=0),
    "gated, patches, by label": lambda: GatedPixelCNN(6, 4, 5, 3, (2, 2), n_classes=3),
}


def excited(model):
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * 0.4)
    return model.eval()


@pytest.mark.parametrize("n", [1, 16])
@pytest.mark.parametrize("name", sorted(MODELS))
def test_it_draws_what_the_naive_way_draws(name, n):
    model = excited(MODELS[name]())
    fast = model.sample(n, torch.Generator().manual_seed(1))
    generator, logits = torch.Generator().manual_seed(1), model.logits
    if getattr(model, "n_classes", 0):
        labels = torch.randint(model.n_classes, (n,), generator=generator)
        logits = lambda x: model.logits(x, labels)  # noqa: E731
    uniforms = torch.rand(n, model.grid.n_tokens, generator=generator)
    assert torch.equal(fast, pixel_by_pixel.draw_tokens(logits, model.pixels, uniforms))
    assert fast.shape == (n, model.grid.n_pixels) and fast.dtype == torch.float32
    assert 0 < fast.mean() < 1


def test_samples_can_be_trained_on():
    model = PixelCNN(4, 4, 6, 1)
    x = model.sample(2, torch.Generator().manual_seed(1))
    (-model.log_prob(x).mean()).backward()
    assert model.first.weight.grad is not None


@pytest.mark.parametrize("name", ["pixels", "patches", "gated, by label", "colour"])
def test_each_layer_runs_once_per_token(name, monkeypatch):
    model = excited(ColourPixelCNN(3, 4, 4, 12, 1) if name == "colour" else MODELS[name]())
    runs, rows = {}, {}
    for counts, way in ((runs, "at"), (rows, "along_row")):
        original = getattr(cached.Memory, way)

        def counted(memory, *arguments, counts=counts, original=original):
            counts[id(memory)] = counts.get(id(memory), 0) + 1
            return original(memory, *arguments)

        monkeypatch.setattr(cached.Memory, way, counted)
    model.sample(2, torch.Generator().manual_seed(1))
    n_tokens = 3 * 4 * 3 if name == "colour" else model.grid.n_tokens
    assert set(runs.values()) == {n_tokens}
    assert set(rows.values()) <= {3 if name == "colour" else model.grid.rows}
    assert bool(rows) == name.startswith("gated")
    assert not set(runs) & set(rows)  # in the gated model one stack goes by rows, the other by tokens
    n_layers = sum(isinstance(layer, MaskedConv2d) or hasattr(layer, "origin") for layer in model.modules())
    assert len(runs) + len(rows) == n_layers


def test_a_layer_that_looks_ahead_is_refused_where_one_position_is_asked_for():
    layer = GatedPixelCNN(4, 4, 4, 2).vertical[1]
    memory = cached.Memory(layer, 2, 4)
    with pytest.raises(ValueError, match="a layer that reads its row to the right can run on whole rows only"):
        memory.at(0, torch.zeros(2, 4))
