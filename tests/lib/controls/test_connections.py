"""The masked network: kept connections, leaks and losses are what an independent count says."""

import io
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest

from lib.controls import connections


def titles(figure):
    found = [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes]
    plt.close(figure)
    return found


@pytest.mark.parametrize(
    ("order", "rules", "told"),
    [
        ((0, 1, 2, 3), (">",), ["6 of 16 connections kept", "0 leaks, 0 lost"]),
        ((2, 0, 3, 1), (">",), ["6 of 16 connections kept", "0 leaks, 0 lost"]),
        ((0, 1, 2, 3), (">=",), ["10 of 16 connections kept", "4 leaks, 0 lost"]),
    ],
)
def test_without_hidden_units_it_is_one_mask(order, rules, told):
    assert titles(connections.draw_connections(order, 0, 0, rules)) == told


def test_right_rules_never_leak_and_strict_ones_lose():
    for seed, n_layers in itertools.product(range(8), (1, 2, 3)):
        _, found = titles(connections.draw_connections((2, 0, 3, 1), n_layers, seed, (">=",) * n_layers + (">",)))
        assert found.startswith("0 leaks")
    _, found = titles(connections.draw_connections((0, 1, 2, 3), 3, 0, (">",) * 4))
    assert found == "0 leaks, 6 lost"


def test_one_hidden_layer_keeps_half():
    kept, _ = titles(connections.draw_connections((0, 1, 2, 3), 1, 5, (">=", ">"), n_hidden=7))
    assert kept == "28 of 56 connections kept"


def test_the_control_redraws():
    control = connections.connections()
    order, layers, seed, rules, picture = control.children
    seen = {picture.value}
    layers.value = 1
    seen.add(picture.value)
    rules.children[-1].value = ">="
    seen.add(picture.value)
    order.value = order.options[-1]
    seen.add(picture.value)
    seed.value = 7
    seen.add(picture.value)
    assert len(seen) == 5
    assert [box.layout.display for box in rules.children[:3]] == ["", "none", "none"]
    assert plt.imread(io.BytesIO(picture.value)).ndim == 3
    assert np.isfinite(plt.imread(io.BytesIO(picture.value))).all()
