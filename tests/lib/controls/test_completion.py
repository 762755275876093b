"""The completion control of lesson 03: what it draws is the model's, and moving it redraws."""

import matplotlib.pyplot as plt
import pytest
import torch

from lib.controls import completion
from lib.models.nade import NADE

X = (torch.rand(3, 16, generator=torch.Generator().manual_seed(0)) < 0.4).float()


def nade(order: list[int] | None = None) -> NADE:
    return NADE(16, n_hidden=5, order=order)


@pytest.mark.parametrize("observed", [0, 1, 7, 16])
@pytest.mark.parametrize("order", [None, list(range(15, -1, -1))])
def test_the_two_parts_of_the_nll_add_up(observed: int, order: list[int] | None) -> None:
    model = nade(order)
    figure = completion.draw_completion(model, X, observed, digit=1, n=4)
    figure.canvas.draw()
    title = figure.axes[-1].get_title(loc="left")
    total, given, rest = parts(title)
    assert total == pytest.approx(-model.log_prob(X[1:2]).item(), abs=0.06)
    assert given + rest == pytest.approx(total, abs=0.11)
    assert f"for the {observed} given" in title
    plt.close(figure)


def parts(title: str) -> tuple[float, float, float]:
    words = title.split()
    return float(words[1]), float(words[4]), float(words[words.index("+") + 1])


def test_what_is_given_is_shown_as_it_is() -> None:
    figure = completion.draw_completion(nade(), X, 8, digit=2, n=4)
    given, expected = (figure.axes[i].images[0].get_array().flatten() for i in (1, 2))
    assert torch.equal(torch.from_numpy(given[:8].filled(-1)), X[2, :8])
    assert given.mask[8:].all()
    assert torch.equal(torch.from_numpy(expected[:8].filled(-1)), X[2, :8])
    assert ((expected[8:] > 0) & (expected[8:] < 1)).all()
    plt.close(figure)


def test_moving_the_slider_and_choosing_an_image_redraw() -> None:
    control = completion.completion(nade(), X, labels=["a", "b", "c"], observed=4)
    which, (slider, again), picture = control.children[0], control.children[1].children, control.children[2]
    seen = [bytes(picture.value)]
    slider.value = 8
    seen.append(bytes(picture.value))
    which.value = 2
    seen.append(bytes(picture.value))
    again.click()
    seen.append(bytes(picture.value))
    assert len(set(seen)) == 4
    assert plt.get_fignums() == []
