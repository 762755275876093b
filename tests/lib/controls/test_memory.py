"""The memory of pairs: a state of linear attention holds as many as a key has numbers, attention holds all."""

import matplotlib.pyplot as plt
import pytest
import torch

from lib.controls import memory


@pytest.mark.parametrize("size", [4, 8, 16])
def test_the_cliff_is_at_the_size_of_a_key(size):
    def recalled(way, n_pairs):
        weights, right = memory.looked_up(way, n_pairs, size, n=16, seed=3)
        assert weights.shape == (16, n_pairs, n_pairs) and torch.allclose(weights.sum(2), torch.tensor(1.0))
        return right.float().mean()

    assert recalled("linear attention", size) == 1
    assert recalled("linear attention", 2 * size) < 0.7
    assert recalled("attention", 2 * size) > 0.9


def test_what_is_drawn_is_what_comes_back():
    right = memory.looked_up("linear attention", 20, 8)[1]
    figure = memory.draw_memory(20, 8)
    left, other = (ax.get_title(loc="left") or ax.get_title() for ax in figure.axes)
    assert left.startswith(f"{int(right.sum())} of 20")
    assert "264" in other  # 8 x 32 numbers of S, 8 of z
    plt.close(figure)


def test_the_control_moves_the_picture():
    control = memory.memory()
    n_pairs, picture = control.children[0].children[0], control.children[-1]
    before = picture.value
    n_pairs.value = 30
    assert picture.value != before


def test_another_way_is_refused():
    with pytest.raises(ValueError, match="expected one of linear attention, attention"):
        memory.looked_up("window", 3, 4)
