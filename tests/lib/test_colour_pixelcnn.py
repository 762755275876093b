"""PixelCNN in colour: what each channel sees of its own pixel, and that it is a distribution in either way."""

import itertools

import pytest
import torch

from lib.causality import dependence, leaks
from lib.models import pixel_by_pixel
from lib.models.colour_pixelcnn import ColourPixelCNN, channel_mask

ORDER = [channel * 6 + pixel for pixel in range(6) for channel in range(3)]  # R, G, B of each pixel in its turn


def excited(model):
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * 0.5)
    return model.eval()


def small(conditional=True, n_components=0, height=2, width=3, n_levels=3):
    made = ColourPixelCNN(height, width, n_levels, 12, 2, (3, 5), (3, 5), conditional, n_components)
    return excited(made)


@pytest.mark.parametrize("n_components", [0, 2])
@pytest.mark.parametrize("conditional", [True, False])
def test_a_channel_sees_the_pixels_before_it_and_earlier_channels_if_it_is_conditional(conditional, n_components):
    model = small(conditional, n_components)
    found = dependence(lambda x: model.logits(x[None])[0], torch.zeros(3, 2, 3, dtype=torch.long), n_values=3)
    assert leaks(found, ORDER) == []
    assert found.sum() == 18 * 17 // 2 - (0 if conditional else 3 * 6)
    pixel = [[bool(found[to * 6 + 4, source * 6 + 4]) for source in range(3)] for to in range(3)]
    assert pixel == ([[False] * 3, [True, False, False], [True, True, False]] if conditional else [[False] * 3] * 3)


@pytest.mark.parametrize("n_components", [0, 2])
@pytest.mark.parametrize("conditional", [True, False])
def test_probabilities_of_all_images_sum_to_one(conditional, n_components):
    every = torch.tensor(list(itertools.product(range(3), repeat=6))).view(-1, 3, 1, 2)
    model = small(conditional, n_components, 1, 2)
    with torch.no_grad():
        assert model.log_prob(every).double().exp().sum().item() == pytest.approx(1, abs=1e-5)
        chosen = model.logits(every).log_softmax(-1).gather(4, every[..., None])
        assert torch.allclose(model.log_prob(every), chosen.flatten(1).sum(1), atol=1e-4)


@pytest.mark.parametrize("n_components", [0, 2])
@pytest.mark.parametrize("conditional", [True, False])
def test_the_fast_sampler_gives_the_samples_of_the_naive_one(conditional, n_components):
    model = small(conditional, n_components, 4, 5)
    fast = model.sample(7, torch.Generator().manual_seed(1))
    uniforms = torch.rand(7, 60, generator=torch.Generator().manual_seed(1))
    assert torch.equal(fast, pixel_by_pixel.draw_tokens(model.in_order, model.images, uniforms))
    assert fast.shape == (7, 3, 4, 5) and fast.dtype == torch.uint8


def test_channel_masks():
    assert channel_mask("A", 3, 3).int().tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    assert channel_mask("B", 6, 3).int().tolist() == [[1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0], [1] * 6]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: channel_mask("C", 3, 3), "kind should be 'A' or 'B', found 'C'"),
        (lambda: channel_mask("A", 3, 4), "channels should split into 3 groups, found 3 in and 4 out"),
        (lambda: ColourPixelCNN(channels=8), "channels should be a multiple of 6, found 8"),
        (lambda: ColourPixelCNN(kernel_size=(3, 4)), "kernel_size should be odd"),
        (lambda: small().log_prob(torch.zeros(3, 2, 3).long()), r"\(batch, 3, 2, 3\), found \(3, 2, 3\)"),
        (lambda: small().log_prob(torch.zeros(1, 3, 2, 3)), "levels as integers, found torch.float32"),
        (lambda: small().log_prob(torch.full((1, 3, 2, 3), 3)), "levels should be 0 to 2, found 3 to 3"),
        (lambda: small().log_prob(torch.full((1, 3, 2, 3), -1)), "levels should be 0 to 2, found -1 to -1"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
