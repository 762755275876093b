"""PixelRNN: causal, with a triangle above and no limit to its height."""

import pytest
import torch

from lib import weights
from lib.causality import dependence, leaks
from lib.models.pixelrnn import PixelRNN, RowLSTM


def excited(model):
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * 0.5)
    return model.eval()


def test_a_pixel_sees_a_triangle_above_up_to_the_first_row_and_what_lies_to_its_left():
    layer = excited(RowLSTM(3, 3))
    height, width = 5, 9
    x = torch.zeros(1, 3, height, width)

    def along(values):
        return layer(values.expand(1, 3, -1, -1))[0].permute(1, 2, 0)

    found = dependence(along, x[0, 0], probes=3).reshape(height, width, height, width)
    for i, j in ((4, 4), (4, 0), (2, 8), (0, 3)):
        for row in range(height):
            for column in range(width):
                # The convolution along its own row reaches one to the left; the state one to each side per row.
                expected = row <= i and j - (i - row) - 1 <= column <= j + (i - row)
                assert found[i, j, row, column] == expected, (i, j, row, column)


def test_no_pixel_sees_itself_or_a_later_one():
    model = excited(PixelRNN(4, 5, 6, 2, 3, 3))
    found = dependence(lambda x: model.logits(x.reshape(1, -1).float())[0], torch.zeros(20, dtype=torch.bool))
    assert leaks(found) == []
    assert found[19, 0] and found[19, 18] and found[19, 14]


def test_it_can_be_packed_like_any_other_model():
    model = excited(PixelRNN(3, 3, 4, 2, 3, 3))
    x = (torch.rand(5, 9, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    assert type(model)(**model.settings).logits(x).shape == (5, 9)
    assert weights.n_kept(model) < sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PixelRNN(kernel_size=4), "kernel_size should be odd"),
        (lambda: PixelRNN(first=6), "kernel_size should be odd"),
        (lambda: PixelRNN(3, 3).log_prob(torch.zeros(9)), r"PixelRNN: x should have shape \(batch, 9\), found \(9,\)"),
        (lambda: PixelRNN(3, 3).log_prob(torch.full((1, 9), 0.5)), "zeros and ones"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
