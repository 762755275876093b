"""Gated PixelCNN: no blind spot, labels that are a mixture, and refusals in a sentence."""

import itertools
import math

import numpy as np
import pytest
import torch

from lib.causality import dependence, leaks
from lib.models import pixel_by_pixel
from lib.models.gated_pixelcnn import GatedPixelCNN
from lib.models.pixelcnn import PixelCNN

EVERY_IMAGE = torch.tensor(list(itertools.product([0.0, 1.0], repeat=8)))


def excited(model):
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * 0.5)
    return model.eval()


def small(patch=(1, 1), n_classes=3, height=2, width=4):
    return excited(GatedPixelCNN(height, width, 5, 3, patch, n_classes=n_classes))


@pytest.mark.parametrize("patch", [(1, 1), (1, 2), (2, 1), (2, 2)])
@pytest.mark.parametrize("n_classes", [0, 3])
def test_it_is_a_distribution_with_a_label_and_without(patch, n_classes):
    model = small(patch, n_classes)
    with torch.no_grad():
        log_prob = model.log_prob(EVERY_IMAGE).double()
        assert log_prob.exp().sum().item() == pytest.approx(1, abs=1e-5)
        assert torch.allclose(model.token_log_probs(EVERY_IMAGE).sum(1).double(), log_prob, atol=1e-4)
        if n_classes:
            each = model.log_probs(EVERY_IMAGE).double()
            assert torch.allclose(each.exp().sum(0), torch.ones(n_classes).double(), atol=1e-5)
            assert torch.allclose(each.exp().mean(1), log_prob.exp(), atol=1e-6)
            assert torch.allclose(model.log_prob(EVERY_IMAGE, torch.full((256,), 2)).double(), each[:, 2], atol=1e-4)


@pytest.mark.parametrize("labels", [None, torch.tensor([1])])
def test_no_token_sees_itself_or_a_later_one_and_all_see_every_earlier_one(labels):
    model = small((1, 1), 2, 5, 4)
    found = dependence(lambda x: model.logits(x.reshape(1, -1).float(), labels)[0], torch.zeros(20, dtype=torch.bool))
    assert leaks(found) == []
    assert found.sum() == 20 * 19 // 2


def test_the_blind_spot_of_masked_squares_is_gone():
    blank = torch.zeros(1, 49)
    model = excited(GatedPixelCNN(7, 7, 6, 5, first_kernel_size=3, n_classes=0))
    masked = excited(PixelCNN(7, 7, 6, 5, (3, 3), (3, 3)))
    seen = {}
    for name, logits in (("gated", model.logits), ("masked", masked.logits)):
        found = np.zeros((7, 7), dtype=bool)
        for d in range(4 * 7 + 3):
            for start in (blank, 1 - blank):
                x = start.clone()
                x[0, d] = 1 - x[0, d]
                found.flat[d] |= bool((logits(x)[0, 31] - logits(start)[0, 31]).abs() > 1e-6)
        seen[name] = found
    # Straight up, one column further right is visible per row above; a pixel two columns right in the row above
    # is reached only by the vertical stack.
    assert seen["gated"][3, 5] and seen["gated"][3, 6]
    assert not seen["masked"][3, 5] and not seen["masked"][3, 6]
    assert seen["masked"][3, 4] and seen["masked"][4, 2]


@pytest.mark.parametrize("n_classes", [0, 3])
def test_samples_come_as_often_as_their_probability_says(n_classes):
    model = small((2, 2), n_classes)
    n = 20_000
    x = model.sample(n, torch.Generator().manual_seed(2))
    index = (x.long() * (2 ** torch.arange(7, -1, -1))).sum(1)
    expected = n * model.log_prob(EVERY_IMAGE).detach().double().exp().numpy()
    counts = np.bincount(index.numpy(), minlength=256)
    common = expected > 20
    chi2 = ((counts - expected) ** 2 / expected)[common].sum()
    assert abs(chi2 - common.sum()) < 5 * math.sqrt(2 * common.sum())


def test_a_label_that_is_given_is_the_one_drawn_from():
    model = small((1, 2))
    labels = torch.tensor([2, 0, 1])
    x = model.sample(3, torch.Generator().manual_seed(1), labels)
    uniforms = torch.rand(3, 4, generator=torch.Generator().manual_seed(1))
    assert torch.equal(x, pixel_by_pixel.draw_tokens(lambda x: model.logits(x, labels), model.pixels, uniforms))


def test_it_learns_from_images_with_labels():
    model = small()
    x, labels = EVERY_IMAGE[:4], torch.tensor([0, 1, 2, 0])
    loss = model.training_loss((x, labels), torch.Generator())
    assert loss.item() == pytest.approx(-model.log_prob(x, labels).mean().item())
    assert model.training_loss(x, torch.Generator()).item() == pytest.approx(-model.log_prob(x).mean().item())
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GatedPixelCNN(kernel_size=4), "kernel sizes should be odd and at least 3, found 4"),
        (lambda: GatedPixelCNN(first_kernel_size=1), "kernel sizes should be odd and at least 3, found 1"),
        (lambda: GatedPixelCNN(patch=(3, 2)), "patch should divide an image of 28 x 28"),
        (lambda: small().logits(torch.zeros(8)), r"x should have shape \(batch, 8\), found \(8,\)"),
        (lambda: small().logits(torch.zeros(1, 2, 4)), r"x should have shape \(batch, 8\), found \(1, 2, 4\)"),
        (lambda: small().log_prob(torch.zeros(2, 8), torch.tensor([0, 3])), "labels should be 0 to 2, found 3"),
        (lambda: small().log_prob(torch.zeros(2, 8), torch.tensor([0, -1])), "labels should be 0 to 2, found -1"),
        (lambda: small().log_prob(torch.zeros(2, 8), torch.tensor([0])), r"integers of shape \(2,\), found .* \(1,\)"),
        (
            lambda: small().log_prob(torch.zeros(1, 8), torch.tensor([0.5])),
            r"integers of shape \(1,\), found .*float32",
        ),
        (lambda: small(n_classes=0).log_prob(torch.zeros(1, 8), torch.tensor([0])), "knows no labels"),
        (lambda: small().sample(2, labels=torch.tensor([0, 7])), "labels should be 0 to 2, found 7"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
