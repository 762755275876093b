"""The shipped tables of what it costs to mix positions, and of what is remembered: they go together and say what lesson 09 says."""

import csv

import pytest

from lib.data import DATA


def table(name):
    return list(csv.DictReader((DATA / f"{name}.csv").open(encoding="utf-8")))


COST = {(row["mixer"], int(row["n"])): row for row in table("attention_cost")}
LENGTHS = sorted({n for _, n in COST})


def test_full_attention_is_quadratic_and_the_others_are_linear():
    assert LENGTHS == [256, 512, 1024, 2048, 4096]
    for mixer in ("full", "fused", "window 64", "linear", "recurrence"):
        for column in ("ms", "mib"):
            grown = float(COST[mixer, 4096][column]) / float(COST[mixer, 512][column])
            if mixer == "full" or (mixer, column) == ("fused", "ms"):
                assert grown > 20  # 64 if all of it were quadratic
            else:
                assert grown < 20  # 8 if all of it were linear


@pytest.mark.parametrize("mixer", ["full", "window 64", "linear", "recurrence"])
def test_measured_memory_is_what_the_formula_says(mixer):
    assert float(COST[mixer, 4096]["mib"]) == pytest.approx(float(COST[mixer, 4096]["formula_mib"]), rel=0.5)


def test_what_a_step_keeps_grows_with_full_attention_only():
    heads, size = 4, 32
    for n in LENGTHS:
        kib = {
            mixer: float(COST[mixer, n]["state_kib"]) * 1024 / 4
            for mixer in ("full", "window 64", "linear", "recurrence")
        }
        assert kib == {
            "full": 2 * heads * n * size,
            "window 64": 2 * heads * 63 * size,
            "linear": heads * size * (size + 1),
            "recurrence": heads * size,
        }


RECALL = {(row["mixer"], int(row["pairs"])): row for row in table("recall")}
PAIRS = sorted({pairs for _, pairs in RECALL})


def accuracies(mixer):
    return [float(RECALL[mixer, pairs]["accuracy"]) for pairs in PAIRS]


def test_who_keeps_everything_recalls_everything():
    assert PAIRS == [4, 6, 8, 12, 16, 24, 32, 48, 64]
    assert min(accuracies("full")) > 0.99


def test_a_window_recalls_what_it_reaches():
    right = accuracies("window 32")
    assert right[PAIRS.index(8)] > 0.99  # 32 tokens in all
    assert right[PAIRS.index(16)] < 0.7 and right[-1] < 0.1


@pytest.mark.parametrize("mixer", ["linear", "linear, twice the state", "recurrence"])
def test_a_state_of_fixed_size_recalls_less_the_more_there_is(mixer):
    right = accuracies(mixer)
    four, eight, *_, last = (right[PAIRS.index(pairs)] for pairs in (4, 8, 16, 32, 64))
    assert four > eight > right[PAIRS.index(16)] > right[PAIRS.index(32)] > last
    assert last < four / 2
    assert len({RECALL[mixer, pairs]["state_bytes"] for pairs in PAIRS}) == 1


def test_more_state_recalls_more():
    large, small, least = (accuracies(mixer) for mixer in ("linear, twice the state", "linear", "recurrence"))
    for pairs in range(2, len(PAIRS)):
        assert large[pairs] > small[pairs] > least[pairs]


def test_the_loss_on_text_does_not_tell_who_recalls():
    rows = {row["mixer"]: row for row in table("mixers")}
    assert rows.keys() == {mixer for mixer, _ in RECALL}
    assert len({row["tokens"] for row in rows.values()}) == len({row["parameters"] for row in rows.values()}) == 1
    assert float(rows["recurrence"]["nats"]) < float(rows["full"]["nats"])
    assert accuracies("recurrence")[0] < 0.5 < accuracies("full")[-1]
