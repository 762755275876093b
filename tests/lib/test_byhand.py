"""Typed answers and personal sequences: the same for one name everywhere, different for everyone else."""

import math
import unicodedata

import numpy as np
import pytest

from lib.byhand import (
    FilterPuzzle,
    Puzzle,
    agrees,
    costs_puzzle,
    digest,
    filter_puzzle,
    personal_numbers,
    puzzle,
    typed,
)

NAMES = ["Ada Lovelace", "Grace Hopper", "Søren", "李雷", "O'Neill", "Ἱπατία", "x", "  padded  "]


def test_typed_returns_what_was_typed() -> None:
    values = [0, 0.0, False, [], 0.12]
    assert [typed(value, "answer") for value in values] == values
    array = np.zeros(3)
    assert typed(array, "answer") is array


@pytest.mark.parametrize("text", ["0.12", "0.4 * 0.5", "", "a" * 10**6])
def test_text_in_place_of_a_number_is_told_so(text: str) -> None:
    with pytest.raises(AssertionError, match=r"^p_BAC: type numbers, not text; .{,60}leave out the quotes$"):
        typed(text, "p_BAC")
    assert typed("1815", "student_name") == "1815"


@pytest.mark.parametrize("empty", [None, ...])
def test_an_untyped_answer_is_not_an_error_of_the_student(empty: object) -> None:
    with pytest.raises(NotImplementedError, match="p_BAC: type your answer"):
        typed(empty, "p_BAC")


def test_the_same_name_gives_the_same_puzzle() -> None:
    # Written down, so that a change of numpy or of the code cannot change what students were given.
    expected = Puzzle(
        "ACBA",
        (
            {"A": 0.6, "B": 0.1, "C": 0.3},
            {"A": 0.05, "B": 0.7, "C": 0.25},
            {"A": 0.2, "B": 0.3, "C": 0.5},
            {"A": 0.2, "B": 0.35, "C": 0.45},
        ),
    )
    assert puzzle("Ada Lovelace", "01") == puzzle("Ada Lovelace", "01") == expected


@pytest.mark.parametrize(
    "same", ["ada lovelace", "ADA LOVELACE", "  Ada   Lovelace\t", "Ada\u00a0Lovelace", "Ada\nLovelace"]
)
def test_case_and_spacing_of_the_name_do_not_matter(same: str) -> None:
    assert puzzle(same, "01") == puzzle("Ada Lovelace", "01")


def test_the_encoding_of_accents_does_not_matter() -> None:
    composed, decomposed = (unicodedata.normalize(form, "Zoë Müller") for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert puzzle(composed, "01") == puzzle(decomposed, "01")


def test_names_and_lessons_get_puzzles_of_their_own() -> None:
    drawn = [repr(puzzle(f"student {i}", "01")) for i in range(200)]
    assert len(set(drawn)) == 200
    assert puzzle("Ada Lovelace", "01") != puzzle("Ada Lovelace", "02")
    assert puzzle("Ada Lovelace", "01") != puzzle("AdaLovelace", "01")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("vocabulary", "length"), [("ABC", 4), ("AB", 1), ("ABCDE", 7)])
def test_tables_are_distributions_in_twentieths(name: str, vocabulary: str, length: int) -> None:
    mine = puzzle(name, "07", vocabulary, length)
    assert len(mine.sequence) == len(mine.tables) == length
    assert set(mine.sequence) <= set(vocabulary)
    for table in mine.tables:
        assert list(table) == list(vocabulary)
        assert sum(table.values()) == pytest.approx(1)
        assert min(table.values()) >= 0.05
        assert all(p == round(p, 2) and round(p * 100) % 5 == 0 for p in table.values())


def test_sequences_use_the_whole_vocabulary_evenly() -> None:
    letters = "".join(puzzle(f"student {i}", "01").sequence for i in range(300))
    counts = [letters.count(symbol) for symbol in "ABC"]
    assert sum(counts) == 1200
    assert min(counts) > 330


@pytest.mark.parametrize("lesson", ["01", "02"])
def test_no_likely_mistake_gives_nearly_the_right_answer(lesson: str) -> None:
    for i in range(2000):
        mine = puzzle(f"student {i}", lesson)
        factors = [table[symbol] for table, symbol in zip(mine.tables, mine.sequence, strict=True)]
        p = math.prod(factors)
        columns = [list(table.values()) for table in mine.tables]
        places = ["ABC".index(symbol) for symbol in mine.sequence]
        mistakes = [math.prod(factors[:k]) for k in (1, 2, 3)] + [math.prod(factors[k:]) for k in (1, 2, 3)]
        mistakes.append(math.prod(row[k] for row, k in zip(columns, reversed(places), strict=True)))
        mistakes.append(math.prod(columns[0][k] for k in places))
        mistakes += [math.prod(row[(k + step) % 3] for row, k in zip(columns, places, strict=True)) for step in (-1, 1)]
        for mistake in mistakes:
            assert abs(mistake - p) > 0.01 * p
            assert abs(math.log(mistake) - math.log(p)) > 0.04  # both rounded: 0.02 each


def test_no_name_typed_yet() -> None:
    with pytest.raises(NotImplementedError, match="student_name: type your name"):
        puzzle(None, "01")


@pytest.mark.parametrize("wrong", ["", "   ", "\n", 7, ["Ada"], b"Ada"])
def test_a_name_that_is_none_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="student_name must be your name in quotes"):
        puzzle(wrong, "01")  # type: ignore[arg-type]


def test_the_table_shows_the_sequence_and_every_number() -> None:
    mine = puzzle("Ada Lovelace", "01")
    shown = mine._repr_markdown_()
    assert "**ACBA**" in shown
    rows = [line for line in shown.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 4
    assert rows[2] == "| (nothing) | 0.60 | 0.10 | 0.30 |"
    assert rows[5] == "| ACB | 0.20 | 0.35 | 0.45 |"


def test_the_same_name_gives_the_same_numbers() -> None:
    # Written down, as the puzzle above.
    expected = [4, 4, 2, 2, 1, 6, 3, 1, 3, 1, 3]
    assert personal_numbers("Ada Lovelace", "03", 1, 6, 11) == expected
    assert personal_numbers("  ada  LOVELACE", "03", 1, 6, 11) == expected
    assert personal_numbers("Ada Lovelace", "04", 1, 6, 11) != expected


def test_numbers_are_plain_and_within_their_bounds() -> None:
    drawn = [personal_numbers(name, "03", -2, 3, 7) for name in NAMES]
    assert all(type(k) is int for numbers in drawn for k in numbers)
    assert {k for numbers in drawn for k in numbers} == set(range(-2, 4))
    assert personal_numbers("Ada Lovelace", "03", 5, 5, 3) == [5, 5, 5]
    assert personal_numbers("Ada Lovelace", "03", 1, 6, 0) == []
    many = [tuple(personal_numbers(f"student {i}", "03", 1, 6, 11)) for i in range(200)]
    assert len(set(many)) == 200


def test_numbers_need_a_name() -> None:
    with pytest.raises(NotImplementedError, match="student_name: type your name"):
        personal_numbers(None, "03", 1, 6, 4)
    with pytest.raises(ValueError, match="student_name must be your name in quotes"):
        personal_numbers("  ", "03", 1, 6, 4)


def test_the_same_name_gives_the_same_filters() -> None:
    expected = FilterPuzzle((0.2, 0.03, 0.13, 0.12, 0.3, 0.15, 0.07), k=4, top_p=0.55, min_p=0.35)
    assert filter_puzzle("Ada Lovelace", "08") == filter_puzzle(" ada  LOVELACE", "08") == expected
    assert filter_puzzle("Ada Lovelace", "09") != expected
    assert len({filter_puzzle(f"student {i}", "08") for i in range(100)}) == 100
    rows = expected._repr_markdown_().splitlines()
    assert rows[0] == "Your filters: top-k with **k = 4**, top-p with **p = 0.55**, min-p with **p = 0.35**."
    assert rows[-1] == "| probability | 0.20 | 0.03 | 0.13 | 0.12 | 0.30 | 0.15 | 0.07 |"


def prefix(order: list[int], p: np.ndarray, threshold: float, *, crossing: bool = True) -> set[int]:
    """The first tokens of an order until they reach a threshold together."""
    kept, total = [], 0.0
    for token in order:
        if total + p[token] >= threshold and not crossing:
            break
        kept.append(token)
        total += p[token]
        if total >= threshold:
            break
    return set(kept)


def test_no_likely_mistake_keeps_the_right_tokens() -> None:
    for i in range(300):
        mine = filter_puzzle(f"student {i}", "08")
        p = np.array(mine.probabilities)
        assert p.sum() == pytest.approx(1)
        assert len(set(mine.probabilities)) == 7
        falling = np.argsort(-p).tolist()
        right = [set(falling[: mine.k]), prefix(falling, p, mine.top_p), set(np.flatnonzero(p >= mine.min_p * p.max()))]
        assert all(0 < len(kept) < 7 for kept in right)
        assert right[0] != right[1]
        assert right[0] | right[1] < right[2]
        for slip in (-0.015, 0.015):
            assert right[1] == prefix(falling, p, mine.top_p + slip)
            assert right[2] == set(np.flatnonzero(p >= mine.min_p * p.max() + slip / 2))
        assert right[0] not in (set(range(mine.k)), set(falling[-mine.k :]))
        for order in (falling[::-1], list(range(7)), list(range(7))[::-1]):
            assert right[1] != prefix(order, p, mine.top_p - 1e-9)
        assert right[1] not in (
            set(np.flatnonzero(p >= 1 - mine.top_p - 1e-9)),
            prefix(falling, p, 1 - mine.top_p - 1e-9),
        )
        assert right[1] != prefix(falling, p, mine.top_p, crossing=False)
        of_k = np.where(np.isin(range(7), list(right[0])), p, 0)
        then_p = prefix(falling, of_k / of_k.sum(), mine.top_p)
        assert right[1] != then_p
        assert right[2] not in (set(np.flatnonzero(p >= mine.min_p)), prefix(falling, p, mine.min_p))
        assert right[2] != set(np.flatnonzero(p >= p.max() - mine.min_p - 1e-9))


def test_filters_need_a_name() -> None:
    with pytest.raises(NotImplementedError, match="student_name: type your name"):
        filter_puzzle(None, "08")


def test_costs_belong_to_a_name() -> None:
    mine = costs_puzzle("Ada Lovelace", "09")
    assert mine == costs_puzzle(" ada  LOVELACE", "09")
    assert mine != costs_puzzle("Ada Lovelace", "08")
    assert len({costs_puzzle(f"student {i}", "09") for i in range(200)}) > 195
    assert f"**{mine.n} tokens**" in mine._repr_markdown_()
    for i in range(300):
        its = costs_puzzle(f"student {i}", "09")
        assert its.n % its.block
        assert 3 <= its.window < its.n / 2
        assert min(its.layers, its.heads) >= 2
    with pytest.raises(NotImplementedError, match="student_name: type your name"):
        costs_puzzle(None, "09")


@pytest.mark.parametrize(
    ("value", "right"),
    [(0.12, True), (0.12 + 1e-9, True), (0.1205, True), (0.2, False), (0.118, False), (math.nan, False), (math.inf, False), ("x", False), ([0.12, 0.12], False)],
)  # fmt: skip
def test_an_answer_of_everybodys_is_told_right_or_wrong(value: object, right: bool) -> None:
    assert agrees(value, "p", digest(0.12, "p", 0.001), within=0.001) is right


def test_a_list_agrees_as_a_whole_and_in_its_order() -> None:
    told = digest([0.916, 0.693, 0.511], "pieces", 0.01), digest([1, 2, 3], "pieces", 0.01)
    assert agrees([0.92, 0.69, 0.51], "pieces", *told, within=0.01)
    assert agrees(np.array([1, 2, 3]), "pieces", *told, within=0.01)
    assert not agrees([0.51, 0.69, 0.92], "pieces", *told, within=0.01)
    assert not agrees([0.92, 0.69, 0.51], "others", *told, within=0.01)
    whole = digest([1, 3, 6], "sums")
    assert agrees([1, 3.0, 6], "sums", whole) and not agrees([1, 3, 6.4], "sums", whole)
    with pytest.raises(AssertionError, match=r"found '0.69', so leave out the quotes"):
        typed([0.92, "0.69", 0.51], "pieces")


def test_a_personal_sequence_tells_its_own_likelihood() -> None:
    mine = puzzle("Ada Lovelace", "01")
    nll = -math.log(0.60 * 0.25 * 0.30 * 0.20)
    assert mine.agrees(nll) and mine.agrees(nll + 0.015) and not mine.agrees(nll + 0.03) and not mine.agrees(math.nan)
