"""One GPT over digits in two orders: each a distribution, its cache exact, its causality probed."""

import itertools
import re

import pytest
import torch

from lib import weights
from lib.causality import dependence
from lib.models import pixel_by_pixel
from lib.models.pixel_gpt import PixelGPT


@pytest.fixture(scope="module")
def model() -> PixelGPT:
    """Four patches of 1 x 2 pixels, three labels, weights that are far from uniform."""
    model = PixelGPT(2, 4, patch=(1, 2), n_classes=3, n_layers=2, n_heads=2, channels=16).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.5 * torch.randn(p.shape, generator=generator))
    return model


def images() -> torch.Tensor:
    """All of 2 x 4 pixels."""
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=8)))


@pytest.mark.parametrize("label", [None, 0, 2])
def test_probabilities_of_all_images_sum_to_one(model, label):
    x = images()
    labels = None if label is None else torch.full((len(x),), label)
    assert model.log_prob(x, labels).double().exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_labels_before_and_behind(model):
    x = images()
    assert torch.allclose(model.label_log_probs(x).exp().sum(1), torch.ones(len(x)))
    each = model.log_probs(x)
    assert torch.allclose(each[:, 1], model.log_prob(x, torch.ones(len(x), dtype=torch.long)))
    assert model.mixture_log_prob(x).double().exp().sum().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("labels", [None, torch.tensor([2, 0, 1, 1])])
def test_the_cache_gives_the_same_digits_as_whole_passes(model, labels):
    fast = model.sample(4, torch.Generator().manual_seed(3), labels)
    uniforms = torch.rand(4, 4, generator=torch.Generator().manual_seed(3))
    assert torch.equal(fast, pixel_by_pixel.draw_tokens(lambda x: model.logits(x, labels), model.pixels, uniforms))


def test_what_is_known_stays_and_the_rest_is_drawn_as_before(model):
    whole = model.sample(5, torch.Generator().manual_seed(4))
    known = model.tokens(whole)[:, :3]
    assert torch.equal(model.sample(5, torch.Generator().manual_seed(4), known=known), whole)
    other = (known + 1) % 4
    assert torch.equal(model.tokens(model.sample(5, torch.Generator().manual_seed(4), known=other))[:, :3], other)


def test_every_patch_is_described_by_all_before_it_and_by_no_other(model):
    tokens = model.tokens(images()[37:38])[0]
    found = dependence(lambda t: model.logits(model.pixels(t[None]))[0], tokens, n_values=4, probes=8)
    assert found.tolist() == torch.ones(4, 4).tril(-1).bool().tolist()


def test_training_loss_is_the_mean_of_both_orders(model):
    x = images()[:64]
    labels = torch.arange(64) % 3
    told = torch.rand(64, 1, generator=torch.Generator().manual_seed(5))[:, 0] < 0.5
    behind = model.label_log_probs(x).gather(1, labels[:, None])[:, 0]
    expected = -torch.where(told, model.log_prob(x, labels), model.log_prob(x) + behind).mean()
    found = model.training_loss((x, labels), torch.Generator().manual_seed(5))
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_it_is_packed_and_unpacked(model):
    again = weights.unpack(weights.pack(model, {}))
    x = images()[:20]
    assert torch.allclose(again.log_prob(x), model.log_prob(x), atol=0.05)  # half precision


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.log_prob(torch.zeros(2, 7)), "should have shape (batch, 8)"),
        (lambda m: m.log_prob(torch.zeros(2, 8), torch.tensor([0, 3])), "labels should be 0 to 2, found 0 to 3"),
        (lambda m: m.log_prob(torch.zeros(2, 8), torch.tensor([0])), "labels should be int64 of shape (2, 1)"),
        (lambda m: m.sample(2, known=torch.zeros(2, 5, dtype=torch.long)), "known should be (2, at most 4) patches"),
        (lambda m: m.sample(2, known=torch.full((2, 1), 4)), "codes should be 0 to 3"),
        (lambda m: PixelGPT(2, 4, patch=(1, 3)), "patch should divide"),
        (lambda m: PixelGPT(n_heads=5), "n_heads should divide width"),
    ],
)
def test_bad_input_gets_one_sentence(model, call, message):
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        call(model)
    assert "\n" not in str(error.value)
