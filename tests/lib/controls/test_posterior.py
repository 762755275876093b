"""The posterior control: it shows the row that it stands at, and nothing of the rows below."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from lib import plots
from lib.controls import posterior

IMAGES = np.eye(2)[[0, 1, 1]].repeat(8, axis=1)  # (3, 16): pictures of 4 x 4
POSTERIOR = np.random.default_rng(0).dirichlet(np.ones(3), size=(3, 5))  # 4 rows, 3 classes


@pytest.mark.parametrize("row", [0, 1, 4])
def test_only_what_is_read_is_shown_and_judged(row):
    plots.use_style()
    figure = posterior.draw_posterior(IMAGES, POSTERIOR, row, image=1)
    left, middle, _ = figure.axes
    shown = left.images[0].get_array()
    assert np.ma.getmaskarray(shown).any(axis=1).tolist() == [r >= row for r in range(4)]
    assert np.array_equal(np.ma.getdata(shown)[:row], IMAGES[1].reshape(4, 4)[:row])
    assert [bar.get_width() for bar in middle.patches] == pytest.approx(POSTERIOR[1, row].tolist())
    assert left.get_title(loc="left") == f"{row} of 4 rows read"
    plt.close(figure)


def test_moving_redraws():
    control = posterior.posterior_by_row(IMAGES, POSTERIOR, ["a", "b", "c"])
    which, (_, row), picture = control.children[0], control.children[1].children, control.children[2]
    seen = {bytes(picture.value)}
    row.value = 3
    seen.add(bytes(picture.value))
    which.value = 2
    seen.add(bytes(picture.value))
    assert len(seen) == 3
    assert plt.get_fignums() == []
