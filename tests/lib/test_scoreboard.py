"""The scoreboard shows what was measured, up to the lesson, worst first, and the student's own results among it."""

import csv

import matplotlib.pyplot as plt
import pytest

from lib import plots, scoreboard, weights


@pytest.fixture
def scores(tmp_path):
    path = tmp_path / "scores.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("lesson", "name", "what", "nats", "paper", "source"))
        writer.writerow(("03", "nade", "NADE", "86.0", "88.33", "a paper"))
        writer.writerow(("03", "bernoulli", "coins", "206.0", "", ""))
        writer.writerow(("04", "made", "MADE", "85.0", "86.64", "another"))
    return path


def test_rows_of_the_lessons_so_far_worst_first(scores):
    assert [row.name for row in scoreboard.rows("03", scores)] == ["bernoulli", "nade"]
    rows = scoreboard.rows(path=scores)
    assert [row.nats for row in rows] == [206.0, 86.0, 85.0]
    assert [row.paper for row in rows] == [None, 88.33, 86.64]


def test_every_shipped_model_of_digits_is_on_it():
    scored = {name for name in weights.NAMES if "test nats" in weights.about(name)}
    assert {row.name for row in scoreboard.rows()} == scored


def test_your_own_results_take_their_place():
    plots.use_style()
    ax = scoreboard.draw("03", yours={"mine": 100.0})
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    assert labels[-1] == "NADE"
    assert 0 < labels.index("mine") < len(labels) - 1
    assert "MADE, one order" not in labels
    assert ax.get_title(loc="left") == "The scoreboard after lesson 3"
    plt.close(ax.figure)
