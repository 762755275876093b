"""The reach control: what it measures is what walking along the masks gives, and moving it redraws."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from lib import plots
from lib.controls import reach

MIDDLE = reach.SIDE // 2


def walked(height: int, width: int, n_layers: int, first: str = "A", later: str = "B") -> set[tuple[int, int]]:
    places = {(MIDDLE, MIDDLE)}
    for kind in [later] * (n_layers - 1) + [first]:
        steps = [(-up, along) for up in range(1, height // 2 + 1) for along in range(-(width // 2), width // 2 + 1)]
        steps += [(0, along) for along in range(-(width // 2), int(kind == "B"))]
        places = {(r + up, c + along) for r, c in places for up, along in steps}
        places = {(r, c) for r, c in places if 0 <= r < reach.SIDE and 0 <= c < reach.SIDE}
    return places


@pytest.mark.parametrize(
    ("height", "width", "n_layers", "first", "later"),
    [
        (3, 3, 1, "A", "B"),
        (3, 3, 5, "A", "B"),
        (5, 3, 4, "A", "B"),
        (1, 7, 3, "B", "B"),
        (3, 5, 2, "A", "A"),
        (3, 3, 15, "A", "B"),
    ],
)
def test_one_stack_sees_what_paths_reach(height, width, n_layers, first, later):
    found = reach._gradient(height, width, n_layers, first, later, stacks=1) > 0
    assert {(r, c) for r, c in np.argwhere(found.numpy())} == walked(height, width, n_layers, first, later)


def test_two_stacks_see_all_before_and_nothing_else():
    found = (reach._gradient(3, 3, 10, "A", "B", stacks=2) > 0).flatten().tolist()
    middle = MIDDLE * reach.SIDE + MIDDLE
    assert found == [place < middle for place in range(reach.SIDE**2)]


def test_the_title_counts_what_is_seen_and_what_leaks():
    plots.use_style()
    figure = reach.draw_reach(n_layers=2)
    assert figure.axes[0].get_title(loc="left") == "sees 11 of 220 before it"
    plt.close(figure)
    figure = reach.draw_reach(n_layers=1, first="B")
    title = figure.axes[0].get_title(loc="left")
    assert title == "sees 4 of 220 before it, 1 leak"
    plt.close(figure)


def test_moving_a_control_redraws():
    control = reach.reach_explorer()
    *controls, picture = control.children
    before = bytes(picture.value)
    for moved, value in zip(controls, (5, 7, 2, "B", "A", 2), strict=True):
        moved.value = value
        assert bytes(picture.value) != before
        before = bytes(picture.value)
    assert plt.get_fignums() == []


def test_a_blind_spot_is_told_from_what_is_out_of_reach():
    depends = np.zeros((5, 5), dtype=bool)
    depends[1, 1:4] = depends[2, 1] = depends[3, 3] = True
    depends[1, 3] = False
    _, ax = plt.subplots()
    kinds = plots.seen(depends, ax=ax).images[0].get_array()
    assert kinds[1].tolist() == [0, 2, 2, 4, 0]  # out of reach, seen, seen, blind, out of reach
    assert kinds[2].tolist() == [0, 2, 1, 1, 1]
    assert kinds[3].tolist() == [1, 1, 1, 3, 1]
    kinds = plots.seen(depends, ax=ax, backwards=True).images[-1].get_array()
    assert kinds[1].tolist() == [1, 3, 3, 1, 1]
    assert kinds[3, 3] == 2
    plt.close(ax.figure)
