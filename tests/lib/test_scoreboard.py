"""The scoreboard shows what was measured, up to the lesson, worst first, and the student's own results among it."""

import csv

import matplotlib.pyplot as plt
import pytest

from lib import plots, scoreboard, weights

FIELDS = ("lesson", "name", "what", "nats", "paper", "source", "anew", "anew_source", "numbers", "minutes", "naive")


@pytest.fixture
def scores(tmp_path):
    path = tmp_path / "scores.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(FIELDS)
        writer.writerow(("03", "nade", "NADE", "86.0", "88.33", "a paper", "85.65", "a repository", 785284, 49.9, 1600))
        writer.writerow(("03", "bernoulli", "coins", "206.0", "", "", "", "", "784", "0.0", "0.02"))
        writer.writerow(("04", "made", "MADE", "85.0", "88.40", "another", "84.87", "a repository", "", "", ""))
    return path


def test_rows_of_the_lessons_so_far_worst_first(scores):
    assert [row.name for row in scoreboard.rows("03", scores)] == ["bernoulli", "nade"]
    rows = scoreboard.rows(path=scores)
    assert [row.nats for row in rows] == [206.0, 86.0, 85.0]
    assert [row.paper for row in rows] == [None, 88.33, 88.40]
    assert (rows[1].numbers, rows[1].minutes, rows[1].naive, rows[1].cached) == (785284, 49.9, 1600.0, None)


def test_the_table_tells_the_two_protocols_apart_and_names_each_source_once(scores):
    table = scoreboard.table(path=scores)
    lines = table.split("\n\n")[0].splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert len(lines) == 2 + 3
    nade = [cell.strip() for cell in lines[3].split("|")[1:-1]]
    assert nade == ["NADE (`nade`)", "3", "**86.00**", "785 284", "50", "1 600", "–", "88.33 [1]", "85.65 [2]"]
    assert "84.87 [2]" in lines[4]
    assert table.count("a repository") == table.count("another") == 1
    assert "MADE" not in scoreboard.table("03", scores)
    assert table._repr_markdown_() == table


def test_paradigms_are_a_table_with_sources():
    table, sources = scoreboard.paradigms().split("\n\n")
    assert len({line.count("|") for line in table.splitlines()}) == 1
    assert len(table.splitlines()) == 2 + len(scoreboard.PARADIGMS) == 7
    assert all(f"*{paradigm.name}*: " in sources for paradigm in scoreboard.PARADIGMS)


def test_every_shipped_model_of_digits_is_on_it():
    scored = {name for name in weights.NAMES if any(key.startswith("test nats") for key in weights.about(name))}
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
