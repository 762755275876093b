"""The stack of dilated convolutions: what is drawn as reaching an output is what really changes it."""

import io

import matplotlib.pyplot as plt
import pytest
import torch

from lib.causality import dependence
from lib.controls import dilations
from lib.plots.convolutions import convolution_tree, reached, taps


def title(figure):
    found = figure.axes[0].get_title(loc="left") or figure.axes[0].get_title()
    plt.close(figure)
    return found


@pytest.mark.parametrize(
    ("kernel", "steps", "ahead"), [(2, (1, 2, 4), 0), (3, (1, 3), 0), (3, (1, 2), 1), (4, (2,), 1), (1, (5,), 0)]
)
def test_the_tree_is_what_a_probe_finds(kernel, steps, ahead):
    length = 12
    numbers = torch.Generator().manual_seed(0)
    weights = [torch.randn(1, 1, kernel, generator=numbers, dtype=torch.float64) for _ in steps]

    def stack(x):
        h = x[None, None]
        for weight, d in zip(weights, steps, strict=True):
            left = (kernel - 1) * d - ahead
            h = torch.nn.functional.conv1d(torch.nn.functional.pad(h, (left, ahead)), weight, dilation=d)
        return h[0, 0]

    found = dependence(stack, torch.randn(length, generator=numbers, dtype=torch.float64))
    layers = [taps(kernel, d, ahead) for d in steps]
    for t in range(length):
        assert reached(layers, length, t)[0] == set(found[t].nonzero()[0].tolist())


def test_titles_count_samples_milliseconds_and_leaks():
    assert title(dilations.draw_dilations()) == "receptive field 16 samples, 2 ms; 0 leaks"
    assert title(dilations.draw_dilations(shift=False)).endswith("; 1 leak")
    # Three taps on both sides look 1 + 2 samples ahead; the shift takes back one.
    assert title(dilations.draw_dilations(3, (1, 2), symmetric=True)).endswith("; 3 leaks")
    assert title(dilations.draw_dilations(2, (1,), symmetric=True)).endswith("; 1 leak")


def test_forbidden_samples_are_drawn_in_another_colour():
    ax = convolution_tree([taps(3, 1, 1)], 6, 2, itself=True)
    shades = [line.get_color() for line in ax.lines[:6]]
    assert shades[1] == shades[2] != shades[3] != shades[0]
    plt.close(ax.figure)


def test_the_control_redraws():
    control = dilations.dilations()
    first, pattern, second, output, picture = control.children
    seen = {picture.value}
    for moved, value in [(first.children[0], 3), (first.children[1], 2), (pattern, "1, 1, 1, ..."), (output, 9)]:
        moved.value = value
        seen.add(picture.value)
    second.children[0].value = "both sides"
    seen.add(picture.value)
    second.children[1].value = False
    seen.add(picture.value)
    assert len(seen) == 7
    assert plt.imread(io.BytesIO(picture.value)).ndim == 3
