"""Self-check quizzes and flashcards, drawn by jupyterquiz and jupytercards in the course's colours.

Both fold away in the lesson (the build hides their source), so that the answers are not read by accident.
Their HTML ids are drawn from the content, not from chance: showing a quiz twice gives the same notebook. Both packages know a
light page and a mouse; what they lack for a dark one and for the keyboard is added here.
"""

from __future__ import annotations

import html
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from IPython.display import HTML, Javascript, display
from jupytercards import display_flashcards
from jupyterquiz import display_quiz

from lib.plots import COLOURS

_QUIZ_COLOURS = {
    "--jq-multiple-choice-bg": "#20425c",
    "--jq-mc-button-bg": "#fafafa",
    "--jq-numeric-bg": "#20425c",
    "--jq-numeric-input-label": "inherit",
    "--jq-correct-color": COLOURS["green"],
    "--jq-incorrect-color": COLOURS["vermilion"],
}


# The page's own colour of text, in JupyterLab, and where there is none the text's around it.
_LEGIBLE = """<style>
.Quiz .InpLabel, .Quiz .Feedback, .Quiz .Feedback.correct, .Quiz .Feedback.incorrect, .next, .next:link { color: var(--jp-content-font-color1, inherit); }
.Quiz .Feedback { font-size: 1rem; line-height: 1.4; text-align: left; margin: 4px 10px 14px; }
.Quiz .Feedback.correct::before { content: "✓ "; font-weight: bold; }
.Quiz .Feedback.incorrect::before { content: "✗ "; font-weight: bold; }
.Quiz .Input-text { background: #ffffff; color: #101010; border: 1px solid #767676; }
.Quiz .MCButton.correctButton, .Quiz .MCButton.incorrectButton { color: #101010; border: 3px solid #101010; }
.Quiz .sr-only { position: absolute; width: 1px; height: 1px; opacity: 0; }
.next, .next.flipped { opacity: 1; width: max-content; white-space: nowrap; font-size: 1.1rem; }
.next.hide { opacity: 0; }
.MCButton:focus-within, .Input-text:focus-visible, .flip-container:focus-visible, .next:focus-visible { outline: 3px solid #E69F00 !important; outline-offset: 2px; }
@media (max-width: 720px) { .Answer { grid-template-columns: 1fr; } .Quiz { font-size: 1.1rem; } }
</style>"""
# Keys are for what has the focus, not for the notebook's cells; a card turns and goes as a button does.
_REACHABLE = """(function attend(again) {
  const keys = (element, act) => element.addEventListener("keydown", event => {
    if (act[event.key]) { event.preventDefault(); act[event.key](); }
  });
  document.querySelectorAll(".Quiz, .flip-container, .next").forEach(element => {
    if (element.dataset.lmSuppressShortcuts) return;
    element.dataset.lmSuppressShortcuts = "true";
    if (element.matches(".Quiz")) {
      element.querySelectorAll(".Feedback").forEach(said => said.setAttribute("role", "status"));
      element.addEventListener("keydown", event => event.stopPropagation());
      return;
    }
    const next = element.matches(".next") ? element : document.getElementById(element.id + "-next");
    const press = () => element.click();
    element.tabIndex = 0;
    element.setAttribute("role", "button");
    if (element !== next) element.setAttribute("aria-label", "Flashcard: Enter turns it, the right arrow takes the next");
    keys(element, {"Enter": press, " ": press, "ArrowRight": () => next && next.click()});
  });
  if (again) setTimeout(attend, 500, again - 1);
})(8);"""


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
    _for_everybody()


def flashcards(cards: Sequence[tuple[str, str]], title: str = "") -> None:
    """Show flashcards: pairs of (front, back). Click to turn one, then press next."""
    deck = [{"front": escape(front), "back": escape(back)} for front, back in cards]
    with _ids_from(repr(deck)):
        display_flashcards(
            deck, title=title, keyControl=False, known_widgets=False,
            front_colors=["#20425c"], back_colors=["#00604a"], text_colors=["#ffffff"],
        )  # fmt: skip
    _for_everybody()


def _for_everybody() -> None:
    display(HTML(_LEGIBLE))
    display(Javascript(_REACHABLE))


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
