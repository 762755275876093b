"""Quizzes and flashcards: right answers are right, and showing them twice gives the same notebook."""

from __future__ import annotations

import random

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from lib.practice import choice, flashcards, numeric, quiz

QUESTIONS = (
    choice("Which?", "this", "because", {"that": "no, for this reason", "neither": "one of them is"}),
    numeric("How many?", 3.0, "three halvings", tolerance=0.1),
)
CARDS = [("front", "back"), ("NLL", "negative log-likelihood")]


@pytest.fixture(autouse=True)
def shell():
    """`display` needs an IPython to display in."""
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def shown(show):
    """Everything a cell displays, as plain data."""
    with capture_output() as captured:
        show()
    return [output.data for output in captured.outputs]


def test_a_choice_has_one_right_answer_and_a_cure_for_each_wrong_one():
    question = QUESTIONS[0]
    assert [a["answer"] for a in question["answers"] if a["correct"]] == ["this"]
    assert {a["answer"]: a["feedback"] for a in question["answers"]} == {
        "this": "because",
        "that": "no, for this reason",
        "neither": "one of them is",
    }


def test_a_number_is_right_within_its_tolerance():
    right, default = QUESTIONS[1]["answers"]
    assert right["range"] == pytest.approx([2.9, 3.1])
    assert right["correct"]
    assert default["type"] == "default"
    assert "again" in default["feedback"]


def test_a_less_than_sign_is_no_tag():
    """Both packages take HTML: unescaped, everything after `x_<t` would vanish."""
    question = choice("What is p(x_t | x_<t)?", "a <b> c", "d & e", {"f": "g > h"})
    assert question["question"] == "What is p(x_t | x_&lt;t)?"
    assert question["answers"][0]["answer"] == "a &lt;b&gt; c"
    assert "x_&lt;t" in str(shown(lambda: flashcards([("p(x_t | x_<t)", "back")])))


@pytest.mark.parametrize("show", [lambda: quiz(*QUESTIONS), lambda: flashcards(CARDS, title="Deck")])
def test_the_same_content_gives_the_same_notebook(show):
    random.seed(1)
    first = shown(show)
    random.seed(2)
    assert shown(show) == first
    assert first


def test_different_content_gives_different_ids():
    assert shown(lambda: quiz(QUESTIONS[0])) != shown(lambda: quiz(QUESTIONS[1]))
    assert shown(lambda: flashcards(CARDS)) != shown(lambda: flashcards(CARDS[:1]))


@pytest.mark.parametrize("show", [lambda: quiz(*QUESTIONS), lambda: flashcards(CARDS)])
def test_the_random_state_is_put_back(show):
    random.seed(7)
    expected = random.random()
    random.seed(7)
    shown(show)
    assert random.random() == expected


def test_the_random_state_is_put_back_after_an_error():
    random.seed(7)
    expected = random.random()
    random.seed(7)
    with capture_output(), pytest.raises(TypeError):
        quiz({"question": object()})  # not JSON
    assert random.random() == expected


def test_the_content_is_shown():
    displayed = str(shown(lambda: quiz(*QUESTIONS))) + str(shown(lambda: flashcards(CARDS)))
    for text in ("Which?", "no, for this reason", "three halvings", "negative log-likelihood"):
        assert text in displayed
