"""Self-check quizzes and flashcards, drawn by jupyterquiz and jupytercards in the course's colours.

Both fold away in the lesson (the build hides their source), so that the answers are not read by accident.
Their HTML ids are drawn from the content, not from chance: showing a quiz twice gives the same notebook.
"""

from __future__ import annotations

import html
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from jupytercards import display_flashcards
from jupyterquiz import display_quiz

from lib.plots import COLOURS

_QUIZ_COLOURS = {
    "--jq-multiple-choice-bg": "#20425c",
    "--jq-mc-button-bg": "#fafafa",
    "--jq-numeric-bg": "#20425c",
    "--jq-correct-color": COLOURS["green"],
    "--jq-incorrect-color": COLOURS["vermilion"],
}


def choice(question: str, right: str, why: str, wrong: dict[str, str]) -> dict[str, Any]:
    """A multiple-choice question. `why` explains the right answer; `wrong` maps each wrong one to its cure."""
    answers = [{"answer": escape(right), "correct": True, "feedback": escape(why)}]
    answers += [{"answer": escape(text), "correct": False, "feedback": escape(cure)} for text, cure in wrong.items()]
    return {"question": escape(question), "type": "multiple_choice", "answers": answers}


def numeric(question: str, right: float, why: str, tolerance: float = 0.01, hint: str = "Not yet: try again.") -> dict:
    """A question whose answer is a number, right within `tolerance` (same unit as the answer)."""
    return {
        "question": escape(question),
        "type": "numeric",
        "answers": [
            {
                "type": "range",
                "range": [right - tolerance, right + tolerance],
                "correct": True,
                "feedback": escape(why),
            },
            {"type": "default", "feedback": escape(hint)},
        ],
    }


def quiz(*questions: dict[str, Any]) -> None:
    """Show the self-check. Build the questions with `choice` and `numeric`."""
    with _ids_from(repr(questions)):
        display_quiz(list(questions), colors=_QUIZ_COLOURS, shuffle_answers=True, max_width=720)


def flashcards(cards: Sequence[tuple[str, str]], title: str = "") -> None:
    """Show flashcards: pairs of (front, back). Click to turn one, then press next."""
    deck = [{"front": escape(front), "back": escape(back)} for front, back in cards]
    with _ids_from(repr(deck)):
        display_flashcards(
            deck, title=title, keyControl=False, known_widgets=False,
            front_colors=["#20425c"], back_colors=[COLOURS["green"]], text_colors=["#ffffff"],
        )  # fmt: skip


def escape(text: str) -> str:
    """Plain text as HTML: both packages take HTML, and `x_<t` would open a tag there."""
    return html.escape(text, quote=False)


@contextmanager
def _ids_from(content: str) -> Iterator[None]:
    """Both packages draw their HTML ids from `random`; seed it with the content, then put it back."""
    state = random.getstate()
    random.seed(content)
    try:
        yield
    finally:
        random.setstate(state)
