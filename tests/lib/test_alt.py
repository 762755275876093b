"""What a figure shows in words, and that a notebook keeps it."""

from __future__ import annotations

import datetime

import matplotlib.pyplot as plt
import nbformat
import pytest
from nbclient import NotebookClient

from autograder.course import ROOT
from lib import plots


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_words_come_from_titles_axes_and_lines():
    figure, ax = plt.subplots()
    ax.plot([1, 2, 3], [200, 90, 84.04], label="train")
    ax.set(title="Loss of $p_{data}$", xlabel="epoch", ylabel="nats")
    ax.legend()
    assert plots.describe(figure) == "Loss of p_data; lines; across: epoch; up: nats; train from 200 to 84."


def test_what_a_line_goes_through_may_be_text_or_dates():
    figure, (left, right) = plt.subplots(2, 1)
    left.plot([1, 2], ["a", "b"], label="letters")
    right.plot([1, 2], [datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)], label="days")
    assert "letters from 0 to 1" in plots.describe(figure)


def test_panels_are_counted_and_told_apart():
    figure, (left, right) = plt.subplots(1, 2)
    left.imshow([[0, 1], [1, 0], [0, 0]])
    left.set_title("digit")
    right.bar([0, 1], [0.2, 0.8])
    assert plots.describe(figure) == "2 panels. 1) digit; shades in 3 rows and 2 columns. 2) bars."


def test_a_notebook_keeps_the_words_beside_the_picture():
    source = "import matplotlib.pyplot as plt\nfrom lib import plots\nplots.use_style()\nplt.title('A title')\nplt.plot([1, 2])\nplt.show()"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    pictures = [o for o in notebook.cells[0].outputs if "image/png" in o.get("data", {})]
    assert [p.metadata["image/png"] for p in pictures] == [{"alt": "A title; lines."}]
