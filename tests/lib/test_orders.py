"""What each order of a joint costs, against counting by hand."""

import numpy as np
import pytest

from lib.orders import order_costs


def test_order_costs_of_two_causes_and_an_effect():
    quiet = np.array([[0.9, 0.2], [0.2, 0.2]])
    graphs, costs = order_costs(np.stack([quiet / 4, (1 - quiet) / 4]))  # axes: effect, cause, cause
    assert costs[1, 2, 0] == costs[2, 1, 0] == 6
    assert graphs[1, 2, 0] == [[], [], [0, 1]]
    assert all(cost == 7 for order, cost in costs.items() if order[2] != 0)


def test_order_costs_want_a_positive_joint():
    with pytest.raises(ValueError, match="positive"):
        order_costs([[0.5, 0.5], [0.0, 0.0]])
