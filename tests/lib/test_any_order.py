"""One network for all orders: every order a distribution, the loss their mean, blocks and holes as told."""

import itertools
import re

import pytest
import torch

from lib.models import pixel_by_pixel
from lib.models.any_order import AnyOrder, best_sizes, coarse_to_fine


@pytest.fixture(scope="module")
def model() -> AnyOrder:
    """Two patches of 1 x 3 pixels, weights that are far from uniform."""
    model = AnyOrder(2, 3, patch=(1, 3), n_layers=2, n_heads=2, channels=16).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=generator))
    return model


def images() -> torch.Tensor:
    """All of 2 x 3 pixels."""
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=6)))


@pytest.mark.parametrize("order", [None, [5, 4, 3, 2, 1, 0], [2, 5, 0, 3, 1, 4]])
@torch.no_grad()
def test_every_order_is_a_distribution(model, order):
    assert model.log_prob(images(), order).double().exp().sum().item() == pytest.approx(1, abs=1e-5)


@torch.no_grad()
def test_orders_differ_and_blocks_are_distributions_too(model):
    x = images()
    assert (model.log_prob(x) - model.log_prob(x, [5, 4, 3, 2, 1, 0])).abs().max() > 0.1
    blocks = [[4, 0], [1, 2, 5], [3]]
    each = model.block_log_prob(x, blocks)
    assert each.shape == (64, 3)
    assert each.sum(1).double().exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert torch.allclose(model.block_log_prob(x, [[d] for d in range(6)]).sum(1), model.log_prob(x))


@torch.no_grad()
def test_loss_and_estimate_are_the_mean_over_all_orders(model):
    """Hoogeboom et al. 2022, section 3, by enumeration: 720 orders."""
    x = images()[[11, 50]]
    mean = -torch.stack([model.log_prob(x, order) for order in itertools.permutations(range(6))]).mean(0)
    assert torch.allclose(model.order_nll(x, 4000, torch.Generator().manual_seed(1)), mean, atol=0.03)
    generator = torch.Generator().manual_seed(2)
    losses = [model.training_loss(x.repeat(1000, 1), generator).item() for _ in range(30)]
    assert sum(losses) / 30 == pytest.approx(mean.mean().item(), abs=0.03)


@torch.no_grad()
def test_unknown_pixels_are_not_read(model):
    x, known = images(), torch.tensor([True, False, True, False, False, True])
    other = torch.where(known, x, 1 - x)
    assert torch.equal(model.logits(x, known), model.logits(other, known))
    for d in known.nonzero().flatten().tolist():
        changed = x.clone()
        changed[:, d] = 1 - x[:, d]
        assert (model.logits(changed, known) != model.logits(x, known)).any(0)[~known].all()


@torch.no_grad()
def test_outputs_belong_to_their_pixels():
    """Patches two pixels high: pixel numbers go in raster order all the same."""
    model = AnyOrder(4, 4, patch=(2, 2), n_layers=1, n_heads=1, channels=8)
    model.read.weight.zero_()
    model.read.bias.copy_(torch.arange(4.0))
    expected = torch.tensor([[0.0, 1, 0, 1], [2, 3, 2, 3], [0, 1, 0, 1], [2, 3, 2, 3]])
    assert torch.equal(model.logits(torch.zeros(1, 16), torch.zeros(16, dtype=torch.bool))[0], expected.flatten())


def test_samples_pixel_by_pixel(model):
    found = model.sample(20, torch.Generator().manual_seed(3))
    uniforms = torch.rand(20, 6, generator=torch.Generator().manual_seed(3))
    known = torch.zeros(6, dtype=torch.bool)
    x = torch.zeros(20, 6)
    for d in range(6):
        x[:, d] = pixel_by_pixel.choose(model.logits(x, known)[:, d].detach(), uniforms[:, d])
        known[d] = True
    assert torch.equal(found, x)


def test_what_is_known_stays_and_blocks_pass_it_over(model):
    whole = model.sample(8, torch.Generator().manual_seed(4))
    known = torch.tensor([True, True, False, False, False, False])
    assert torch.equal(model.fill(whole, known, torch.Generator().manual_seed(4)), whole)
    filled = model.fill(whole, known, torch.Generator().manual_seed(5), [[2, 0], [1], [5, 3, 4]])
    assert torch.equal(filled[:, known], whole[:, known])
    assert not known[2:].any()  # what was handed in is as it was


def test_coarse_to_fine_is_a_partition():
    blocks = coarse_to_fine(8)
    assert [len(block) for block in blocks] == [4, 12, 48]
    assert blocks[0].tolist() == [0, 4, 32, 36]
    assert blocks[1][:6].tolist() == [2, 6, 16, 18, 20, 22]
    assert sorted(torch.cat(blocks).tolist()) == list(range(64))


def test_best_sizes_are_the_best():
    nats = [0.9, 0.5, 0.45, 0.3, 0.29, 0.1, 0.1, 0.02]

    def cost(sizes):
        return sum(size * nats[sum(sizes[:i])] for i, size in enumerate(sizes))

    for n_blocks in (1, 2, 3, 8):
        all_sizes = (
            [s for s in itertools.product(range(1, 9), repeat=n_blocks) if sum(s) == 8] if n_blocks < 8 else [(1,) * 8]
        )
        found = best_sizes(nats, n_blocks)
        assert sum(found) == 8
        assert cost(found) == pytest.approx(min(cost(sizes) for sizes in all_sizes))


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda m: coarse_to_fine(6), "side should be a multiple of 4, found 6"),
        (lambda m: best_sizes([1.0, 0.5], 3), "n_blocks should be 1 to 2, found 3"),
        (lambda m: AnyOrder(4, 4, patch=(3, 2)), "patch should divide an image of 4 x 4, found 3 x 2"),
        (lambda m: AnyOrder(n_heads=5), "n_heads should divide channels"),
        (lambda m: m.logits(torch.full((1, 6), 0.5), torch.zeros(6, dtype=torch.bool)), "only zeros and ones"),
        (lambda m: m.logits(torch.zeros(1, 6), torch.zeros(6)), "known should be bool of shape (1, 6)"),
        (lambda m: m.logits(torch.zeros(1, 6), torch.zeros(5, dtype=torch.bool)), "found torch.bool of shape (5,)"),
        (lambda m: m.block_log_prob(torch.zeros(1, 6), [[0, 1], [3, 4, 5]]), "found 5 entries without 2"),
        (lambda m: m.sample(1, blocks=[]), "permutation of 0 to 5, found 0 entries"),
        (lambda m: m.log_prob(torch.zeros(1, 6), [0, 0, 1, 2, 3, 4]), "permutation of 0 to 5"),
    ],
)
def test_errors_name_what_is_wrong(model, act, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        act(model)
