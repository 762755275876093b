"""PixelCNN: masks that are exact, patches that are a partition, and refusals in a sentence."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from lib.causality import dependence, leaks
from lib.models.pixel_by_pixel import choose
from lib.models.pixelcnn import MaskedConv2d, PixelCNN


def excited(model):
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * 0.5)
    return model.eval()


@pytest.mark.parametrize("kind", ["A", "B"])
@pytest.mark.parametrize("size", [1, 3, (3, 5), (5, 1)])
def test_a_masked_convolution_is_a_convolution_with_a_mask_over_the_whole_kernel(kind, size):
    generator = torch.Generator().manual_seed(0)
    layer = MaskedConv2d(2, 3, size, kind, generator)
    height, width = (size, size) if isinstance(size, int) else size
    whole = torch.zeros(3, 2, height, width)
    whole[:, :, : height // 2 + 1] = layer.weight.detach()
    for row, column in itertools.product(range(height), range(width)):
        after = (row, column) > (height // 2, width // 2)
        if after or (kind == "A" and (row, column) == (height // 2, width // 2)):
            whole[:, :, row, column] = 0
    x = torch.randn(2, 2, 4, 6, generator=generator)
    expected = F.conv2d(x, whole, layer.bias, padding=(height // 2, width // 2))
    assert torch.allclose(layer(x), expected, atol=1e-5)


@pytest.mark.parametrize(("height", "width", "patch"), [(2, 4, (1, 2)), (4, 2, (2, 1)), (2, 4, (2, 2)), (2, 4, (1, 1))])
def test_over_patches_it_is_a_distribution_in_the_order_of_the_patches(height, width, patch):
    model = excited(PixelCNN(height, width, 6, 2, (3, 3), (3, 7), patch))  # wide enough for no blind spot
    every = torch.tensor(list(itertools.product([0.0, 1.0], repeat=height * width)))
    with torch.no_grad():
        assert model.log_prob(every).double().exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert torch.equal(model.pixels(model.tokens(every)), every)

    def logits(tokens):
        found = model.logits(model.pixels(torch.as_tensor(tokens)[None]))[0]
        return found.reshape(model.grid.rows, model.grid.columns, -1)

    found = dependence(logits, model.tokens(every[:1])[0], n_values=model.grid.n_values)
    assert leaks(found) == []
    assert found.sum() == model.grid.rows * model.grid.columns * (model.grid.rows * model.grid.columns - 1) // 2


def test_the_first_pixel_of_a_patch_counts_most():
    model = PixelCNN(2, 4, 4, 1, patch=(2, 2))
    x = torch.tensor([[1.0, 0, 0, 0, 0, 1, 1, 0]])  # rows 1000 and 0110: patches 10/01 and 00/10
    assert model.tokens(x).tolist() == [[[0b1001, 0b0010]]]


def test_training_starts_from_the_frequencies_of_tokens():
    x = (torch.rand(500, 784, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    for patch in ((1, 1), (2, 2)):
        model = PixelCNN(channels=8, n_blocks=1, patch=patch).start_from(x)
        with torch.no_grad():
            model.out.weight.zero_()
            assert -model.log_prob(x).mean().item() == pytest.approx(784 * 0.3251, rel=0.02)  # entropy of 0.1 in nats


def test_a_uniform_chooses_the_first_value_whose_cumulative_probability_exceeds_it():
    logits = torch.tensor([[0.1, 0.2, 0.3, 0.4]]).log().expand(6, 4)
    assert choose(logits, torch.tensor([0.0, 0.0999, 0.1001, 0.2999, 0.6001, 1 - 2**-24])).tolist() == [
        0,
        0,
        1,
        1,
        3,
        3,
    ]
    never = torch.tensor([[0.0, 0.0, -torch.inf]])
    assert choose(never, torch.tensor([1 - 2**-24])).tolist() == [1]
    assert choose(torch.tensor([0.0, 0.0]), torch.tensor([0.4999, 0.5])).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MaskedConv2d(1, 1, 4, "A"), "kernel_size should be odd"),
        (lambda: MaskedConv2d(1, 1, (3, 2), "A"), "kernel_size should be odd"),
        (lambda: MaskedConv2d(1, 1, 3, "C"), "kind should be 'A' or 'B', found 'C'"),
        (lambda: MaskedConv2d(2, 1, 3, "A")(torch.zeros(2, 5, 5)), r"\(batch, 2, height, width\), found \(2, 5, 5\)"),
        (lambda: PixelCNN(28, 28, patch=(3, 2)), "patch should divide"),
        (lambda: PixelCNN(28, 28, patch=(4, 4)), "at most 10 pixels"),
        (lambda: PixelCNN(4, 4, 4, 1).log_prob(torch.zeros(2, 4, 4)), r"shape \(batch, 16\)"),
        (lambda: PixelCNN(4, 4, 4, 1).log_prob(torch.full((1, 16), 0.5)), "zeros and ones"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
