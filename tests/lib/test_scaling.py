"""The sweep over sizes: what data/scaling.csv says goes together, and follows a power law with a floor."""

import csv

import numpy as np

from lib.data import DATA
from lib.models.gpt import GPT
from lib.text import SHAKESPEARE

ROWS = list(csv.DictReader((DATA / "scaling.csv").open(encoding="utf-8")))
SIZES, NATS = (np.array([float(row[name]) for row in ROWS]) for name in ("parameters", "nats"))


def law(sizes, nats):
    """(floor, scale, exponent) by least squares: for each exponent, the other two are a line."""
    best = (np.inf, 0.0, 0.0, 0.0)
    for exponent in np.linspace(0.05, 1.5, 1451):
        columns = np.stack([np.ones(len(sizes)), sizes**-exponent], 1)
        found = np.linalg.lstsq(columns, nats, rcond=None)[0]
        best = min(best, (((columns @ found - nats) ** 2).sum(), found[0], found[1], exponent))
    return best[1:]


def test_larger_is_better_each_time_and_all_read_as_much():
    assert (np.diff(SIZES) > 0).all() and (np.diff(NATS) < 0).all()
    assert len({row["tokens"] for row in ROWS}) == 1
    for row in ROWS:
        model = GPT(len(SHAKESPEARE.symbols), context=64, n_layers=2, n_heads=2, width=int(row["width"]))
        assert sum(p.numel() for p in model.parameters()) == int(row["parameters"])


def test_the_law_of_all_but_the_largest_says_what_the_largest_reaches_and_a_straight_line_does_not():
    floor, scale, exponent = law(SIZES[:-1], NATS[:-1])
    assert floor > 0.5
    said = floor + scale * SIZES[-1] ** -exponent
    slope, intercept = np.polyfit(np.log(SIZES[:-1]), np.log(NATS[:-1]), 1)
    straight = np.exp(intercept) * SIZES[-1] ** slope
    assert abs(said - NATS[-1]) < 0.04 < abs(straight - NATS[-1])
