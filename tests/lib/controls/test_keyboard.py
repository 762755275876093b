"""The keyboard of lesson 01: its distributions add up, and typing moves it."""

import math

import matplotlib.pyplot as plt
import pytest

from lib.controls import keyboard

NAMES = [("ann", 0.5), ("anna", 0.25), ("bo", 0.25)]


def test_next_letters_are_a_distribution_by_counting() -> None:
    p = dict(zip(keyboard.LETTERS, keyboard.next_letters(NAMES, "ann"), strict=True))
    assert p[keyboard.END] == pytest.approx(2 / 3)
    assert p["a"] == pytest.approx(1 / 3)
    assert sum(p.values()) == pytest.approx(1)


def test_an_impossible_prefix_has_no_distribution() -> None:
    assert not keyboard.next_letters(NAMES, "x").any()


def test_the_chain_rule_gives_each_name_its_weight() -> None:
    for name, weight in NAMES:
        spelled = name + keyboard.END
        factors = [
            keyboard.next_letters(NAMES, spelled[:t])[keyboard.LETTERS.index(letter)]
            for t, letter in enumerate(spelled)
        ]
        assert math.prod(factors) == pytest.approx(weight)


@pytest.mark.parametrize("prefix", ["", "an", "ann", "Ann", "x"])
def test_every_prefix_can_be_drawn(prefix: str) -> None:
    figure = keyboard.draw_keyboard(NAMES, prefix)
    figure.canvas.draw()
    plt.close(figure)


def test_typing_redraws_and_switches_keys_off() -> None:
    board = keyboard.keyboard(NAMES)
    box, picture = board.children[0].children[0], board.children[-1]
    keys = {button.description: button for row in board.children[1:-1] for button in row.children}
    before = bytes(picture.value)
    keys["a"].click()
    assert box.value == "a"
    assert bytes(picture.value) != before
    assert [letter for letter, button in keys.items() if not button.disabled] == ["n"]
    box.value = "A n7"
    assert box.value == "an"
    assert plt.get_fignums() == []
