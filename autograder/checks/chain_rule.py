"""Hidden tests of lesson 01, the chain rule.

Everything is recomputed by enumerating the outcomes of a small joint one by one, unlike any sensible answer.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograder.checks import judge
from lib.byhand import puzzle, typed

Axes = tuple[int, ...]


def _marginal(joint: np.ndarray, keep: Axes) -> np.ndarray:
    """p(x_keep), for which every outcome of the joint is put where it belongs, one by one."""
    expected = np.zeros([joint.shape[i] for i in keep])
    outcomes = np.indices(joint.shape).reshape(joint.ndim, joint.size)
    where = tuple(outcomes[i] for i in keep) if keep else (np.zeros(joint.size, dtype=int),)
    np.add.at(expected if keep else expected[None], where, joint.ravel())
    return expected


def _conditional(joint: np.ndarray, target: Axes, given: Axes) -> np.ndarray:
    of_condition, both = _marginal(joint, given), _marginal(joint, given + target)
    of_condition = of_condition.reshape(of_condition.shape + (1,) * len(target))
    return np.divide(both, of_condition, out=np.zeros_like(both), where=of_condition > 0)


def _joints(stream: int) -> list[np.ndarray]:
    """Small joints: different and equal numbers of values, zeros, values that never come, float32."""
    rng = judge.rng(stream)
    impossible = judge.random_joint(rng, (2, 3, 2, 2))
    impossible[:, 2] = impossible[..., 0] = 0  # What comes after x_1 = 2 or x_3 = 0 is never asked for.
    return [
        judge.random_joint(rng, (2, 3)),
        judge.random_joint(rng, (3, 2, 4)),
        judge.random_joint(rng, (3, 3, 3)),
        judge.random_joint(rng, (2, 3, 2, 2), zeros=6),
        impossible / impossible.sum(),
        judge.random_joint(rng, (2, 2, 3)).astype(np.float32),
        judge.random_joint(rng, (2, 1, 3)),  # A variable of one value has an axis as any other.
    ]


def _same(found: np.ndarray, expected: np.ndarray) -> bool:
    if found.shape != expected.shape:
        return False
    with np.errstate(invalid="ignore"):
        return bool((np.abs(found - expected) <= judge.ATOL + judge.RTOL * np.abs(expected)).all())


def _not_nan(name: str, found: np.ndarray) -> None:
    __tracebackhide__ = True
    told = f"{name}: the result contains NaN or infinity; a condition of probability 0 should give zeros"
    assert np.isfinite(found).all(), told


def check_marginal(marginal: Any) -> None:
    __tracebackhide__ = True
    name = "marginal"
    cases: list[tuple[np.ndarray, Axes]] = []
    for joint in _joints(11):
        d = joint.ndim
        keeps = [keep for k in range(d + 1) for keep in itertools.permutations(range(d), k)]
        cases += [(joint, keep) for keep in keeps[:: 1 if d < 4 else 5]]
    shown_as = [f"joint of shape {joint.shape}, keep={keep}" for joint, keep in cases]
    results = judge.calls(name, marginal, cases, shown_as)
    for (joint, keep), shown, result in zip(cases, shown_as, results, strict=True):
        expected = _marginal(joint, keep)
        found = judge.array(name, result)
        if found.shape != expected.shape and found.shape == tuple(joint.shape[i] for i in sorted(keep)):
            raise AssertionError(f"{name}: the axes of the result should be in the order that keep gives ({shown})")
        found = judge.array(name, found, expected.shape, what=f"the result for a {shown}")
        assert math.isclose(found.sum(), 1, rel_tol=1e-3), f"{name}: the entries should still sum to 1 ({shown})"
        if not _same(found, expected) and _same(found, _marginal(joint, tuple(sorted(keep)))):
            raise AssertionError(f"{name}: the axes of the result should be in the order that keep gives ({shown})")
        judge.close(name, found, expected, f"the probabilities are not those of the variables kept ({shown})")
    rare = np.array([[0.25, 0.75 - 4e-9], [3e-9, 1e-9]])
    for keep, right in (((0,), np.array([1 - 4e-9, 4e-9])), ((1, 0), rare.T)):
        found = judge.array(name, judge.call(name, marginal, rare, keep), right.shape)
        told = f"{name}: probabilities of 1e-9 should come out as they are, neither rounded nor cut"
        assert np.allclose(found, right, rtol=1e-4, atol=0), told


def check_conditional(conditional: Any) -> None:
    __tracebackhide__ = True
    name = "conditional"
    splits: list[tuple[Axes, Axes]] = [
        ((0,), (1,)),
        ((1,), (0,)),
        ((1,), ()),
        ((2,), (0,)),
        ((0,), (2,)),
        ((1,), (0, 2)),
        ((1,), (2, 0)),
        ((0, 2), (1,)),
        ((2, 0), (1,)),
        ((2, 1, 0), ()),
        ((3,), (1, 0)),
        ((3, 1), (2, 0)),
        ((0,), (3, 1, 2)),
    ]
    cases = [(joint, *split) for joint in _joints(12) for split in splits if max(sum(split, ())) < joint.ndim]
    shown_as = [f"joint of shape {joint.shape}, target={target}, given={given}" for joint, target, given in cases]
    results = judge.calls(name, conditional, cases, shown_as)
    for (joint, target, given), shown, result in zip(cases, shown_as, results, strict=True):
        expected = _conditional(joint, target, given)
        found = judge.array(name, result)
        _not_nan(name, found)
        if given and not _same(found, expected):
            turned = np.moveaxis(expected, range(len(given)), range(len(target), expected.ndim))
            told = f"{name}: the axes of given come first, those of target after them ({shown})"
            assert not _same(found, turned), told
        found = judge.array(name, found, expected.shape, what=f"the result for a {shown}")
        totals = found.reshape(*expected.shape[: len(given)], -1).sum(axis=-1)
        wanted = expected.reshape(*expected.shape[: len(given)], -1).sum(axis=-1)
        if not _same(totals, wanted):
            assert wanted.all() or not _same(np.where(wanted > 0, totals, 0), wanted), (
                f"{name}: a condition of probability 0 should give zeros ({shown})"
            )
            raise AssertionError(f"{name}: for each value of the condition, the entries should sum to 1 ({shown})")
        judge.close(name, found, expected, f"the entries sum to 1 but are not p(target | given) ({shown})")
    # Conditions that cannot happen, each time after a full table: what is not filled holds what that one left in memory.
    holed = np.array([[0.25, 0.5], [0.0, 0.0], [0.0, 0.25]])
    cases = [(joint, (1,), (0,)) for joint in [np.full((3, 2), 1 / 6), holed] * 3]
    for (joint, target, given), result in zip(cases, judge.calls(name, conditional, cases), strict=True):
        expected = _conditional(joint, target, given)
        found = judge.array(name, result, (3, 2))
        _not_nan(name, found)
        judge.close(name, found, expected, "a condition of probability 0 should give zeros")
    # Conditions that hardly ever happen are no harder to divide by.
    for rare in (1e-9, 1e-20):
        joint = np.array([[0.2, 0.8], [0.25 * rare, 0.75 * rare]])
        for target, given in [((1,), (0,)), ((0,), (1,))]:
            expected = _conditional(joint, target, given)
            found = judge.array(name, judge.call(name, conditional, joint, target, given), (2, 2))
            told = f"wrong where the condition has probability {rare:g}: nothing should be added to it, and it is not 0"
            judge.close(name, found, expected, told)


# -- numbers by hand


def check_p_BAC(p_BAC: Any) -> None:
    __tracebackhide__ = True
    found = judge.number("p_BAC", typed(p_BAC, "p_BAC"))
    assert 0 <= found <= 1, "p_BAC should lie between 0 and 1, as a probability does"
    assert not math.isclose(found, 0.4 * 0.5, rel_tol=1e-3), "p_BAC: one more symbol; the sequence has three"
    assert abs(found - 0.4 * 0.5 * 0.6) <= 0.001, "p_BAC is not the probability of B, then A after B, then C after BA"


def check_p_mine(student_name: Any, p_mine: Any) -> None:
    __tracebackhide__ = True
    found = judge.number("p_mine", typed(p_mine, "p_mine"))
    mine = puzzle(student_name, "01")
    factors = [table[symbol] for symbol, table in zip(mine.sequence, mine.tables, strict=True)]
    expected = math.prod(factors)
    if abs(found - expected) <= 0.01 * expected:
        return
    assert 0 < found < 1, (
        "p_mine should lie between 0 and 1: it is a probability and nothing in the table is impossible"
    )
    for k in range(1, len(factors)):
        told = "p_mine: that is the probability of only part of the sequence"
        assert not math.isclose(found, math.prod(factors[:k]), rel_tol=1e-4), told
    first_row = math.prod(mine.tables[0][symbol] for symbol in mine.sequence)
    told = "p_mine: the distribution changes with every symbol; go down one row of the table each time"
    assert not math.isclose(found, first_row, rel_tol=0.01), told
    raise AssertionError(
        "p_mine is more than 1 % away from the probability of your sequence "
        "(is student_name still the one it was drawn for?)"
    )


def check_joint_probability(joint_probability: Any) -> None:
    __tracebackhide__ = True
    name = "joint_probability"
    rng = judge.rng(13)
    fresh = [rng.uniform(0.05, 1, size=n).round(3) for n in (1, 2, 3, 5, 8)]
    cases: list[Any] = [values.tolist() for values in fresh] + [
        tuple(fresh[2].tolist()),
        fresh[3],
        fresh[1].astype(np.float32),
    ]
    cases += [[0.5] * 40, [0.3, 0.0, 0.9], [1.0, 1.0], np.array([0.25] * 7)]
    results = judge.calls(name, joint_probability, [[values] for values in cases])
    for values, result in zip(cases, results, strict=True):
        found = judge.number(name, result, what=f"the result for {judge.summary(values)}")
        expected = 1.0
        for value in values:
            expected *= float(value)
        assert math.isclose(found, expected, rel_tol=1e-4), (
            f"{name}: {judge.summary(values)} gives {found:.6g}, not the probability that all of it happens"
        )
    nothing: list[Any] = [[], np.array([])]
    for empty in nothing:
        found = judge.number(name, judge.call(name, joint_probability, empty), what="the result for no conditionals")
        assert found == 1, (
            f"{name}: for no conditionals at all, nothing has been ruled out yet, so {found:g} is not right"
        )


# -- factorisations


def _factorisation(name: str, result: Any, joint: np.ndarray, blocks: Sequence[Axes], shown: str) -> None:
    """Judge `(factors, rebuilt)` of p(block_0) p(block_1 | block_0) ..."""
    __tracebackhide__ = True
    factors, rebuilt = judge.sequence(name, result, 2, what="the result, (factors, rebuilt),")
    factors = judge.sequence(name, factors, len(blocks), what=f"factors for a {shown}")
    before: Axes = ()
    for k, block in enumerate(blocks):
        expected = _conditional(joint, block, before)
        what = f"factors[{k}] for a {shown}"
        found = judge.array(name, factors[k], what=what)
        assert np.isfinite(found).all(), (
            f"{name}: {what} contains NaN or infinity; a condition of probability 0 should give zeros"
        )
        found = judge.array(name, found, expected.shape, what=what)
        if not _same(found, expected):
            if before and _same(found, np.broadcast_to(_marginal(joint, block), expected.shape)):
                raise AssertionError(f"{name}: {what} does not depend on the variables before it")
            if before and _same(found, _marginal(joint, before + block)):
                raise AssertionError(f"{name}: {what} is a joint probability; it should be a conditional one")
            judge.close(name, found, expected, f"{what} is not p(what comes now | all that came before)")
        before += block
    rebuilt = judge.array(name, rebuilt)
    turned = np.transpose(joint, before)
    if not _same(rebuilt, joint) and _same(rebuilt, turned):
        raise AssertionError(f"{name}: put the axes of rebuilt back into the joint's own order ({shown})")
    rebuilt = judge.array(name, rebuilt, joint.shape, what=f"rebuilt for a {shown}")
    judge.close(name, rebuilt, joint, f"the product of the factors should be the joint itself ({shown})")


def check_joint_from_order(joint_from_order: Any) -> None:
    __tracebackhide__ = True
    name = "joint_from_order"
    cases: list[tuple[np.ndarray, Axes]] = []
    for joint in [*_joints(14), judge.random_joint(judge.rng(15), (4,))]:
        orders = list(itertools.permutations(range(joint.ndim)))
        cases += [(joint, order) for order in orders[:: 1 if joint.ndim < 4 else 7]]
    shown_as = [f"joint of shape {joint.shape}, order={order}" for joint, order in cases]
    results = judge.calls(name, joint_from_order, cases, shown_as)
    for (joint, order), shown, result in zip(cases, shown_as, results, strict=True):
        _factorisation(name, result, joint, [(i,) for i in order], shown)


def check_joint_from_partition(joint_from_partition: Any) -> None:
    __tracebackhide__ = True
    name = "joint_from_partition"
    partitions: dict[int, list[list[Axes]]] = {
        2: [[(0,), (1,)], [(1, 0)], [(1,), (0,)]],
        3: [[(0, 1), (2,)], [(2,), (0, 1)], [(1,), (2, 0)], [(2, 0), (1,)], [(0, 1, 2)], [(2,), (0,), (1,)]],
        4: [
            [(0, 1), (2, 3)],
            [(3, 1), (0, 2)],
            [(2,), (3, 0), (1,)],
            [(1, 2, 0), (3,)],
            [(3,), (1, 2, 0)],
            [(1,), (0, 3, 2)],
            [(3,), (1,), (0,), (2,)],
        ],
    }
    cases = [(joint, blocks) for joint in _joints(16) for blocks in partitions[joint.ndim]]
    shown_as = [f"joint of shape {joint.shape}, blocks={blocks}" for joint, blocks in cases]
    results = judge.calls(name, joint_from_partition, cases, shown_as)
    for (joint, blocks), shown, result in zip(cases, shown_as, results, strict=True):
        _factorisation(name, result, joint, blocks, shown)


# -- counting and sampling


def _whole(name: str, value: Any) -> int | float:
    """Python's integers stay exact (huge ones do not fit into an array)."""
    __tracebackhide__ = True
    if isinstance(value, (int, np.integer)):
        return int(value)
    found = judge.number(name, value)
    assert np.isfinite(found), f"{name}: a number of parameters is finite, found {found}"
    told = f"{name}: floats skip whole numbers above 2 to the 53; use Python integers, which have no limit"
    assert abs(found) < 2**53, told
    return found


def check_free_parameters(free_parameters: Any) -> None:
    __tracebackhide__ = True
    name = "free_parameters"
    rng = judge.rng(17)
    cases: list[tuple[list[int], list[tuple[int, ...]]]] = [
        ([2], [()]),
        ([6, 6], [(), ()]),
        ([4, 3, 2], [(), (0,), (0, 1)]),
        ([4, 3, 2], [(1, 2), (2,), ()]),
        ([3, 1, 5], [(), (0,), (0, 1)]),
        ([2, 3, 4, 5], [(), (0,), (1,), (0, 2)]),
        ([27] * 5, [(), (0,), (0, 1), (0, 1, 2), (0, 1, 2, 3)]),
        ([2] * 60, [tuple(range(i)) for i in range(60)]),
        ([2] * 70, [tuple(range(i)) for i in range(70)]),
        ([10] * 20, [tuple(range(i)) for i in range(20)]),
    ]
    for _ in range(6):
        d = int(rng.integers(3, 7))
        order = rng.permutation(d).tolist()
        parents: list[tuple[int, ...]] = [()] * d
        for k, i in enumerate(order):
            parents[i] = tuple(j for j in order[:k] if rng.random() < 0.6)
        cases.append((rng.integers(2, 6, size=d).tolist(), parents))
    shown_as = [
        f"cardinalities={cardinalities}, parents={parents}"
        if len(parents) < 7
        else f"{len(parents)} variables of {cardinalities[0]} values"
        for cardinalities, parents in cases
    ]
    results = judge.calls(name, free_parameters, cases, shown_as)
    for (cardinalities, parents), shown, result in zip(cases, shown_as, results, strict=True):
        expected = 0
        for i, of in enumerate(parents):
            rows = 1
            for j in of:
                rows *= cardinalities[j]
            expected += rows * (cardinalities[i] - 1)
        found = _whole(name, result)
        if found == expected:
            continue
        assert expected < 2**62, f"{name}: the count for {shown} overflowed; use Python integers, which have no limit"
        full = sum(math.prod(cardinalities[j] for j in of) * cardinalities[i] for i, of in enumerate(parents))
        told = f"{name}: each row of a table sums to 1, so its last entry is not free ({shown})"
        assert found != full, told
        raise AssertionError(
            f"{name}: {judge.summary(found)} is not the number of free entries of all tables together ({shown})"
        )


def _clear_joint(rng: np.random.Generator, parents: Sequence[Axes], cardinalities: Axes) -> np.ndarray:
    """A positive joint with these parents, in which whatever matters changes some probability by 0.02 at least."""
    d = len(parents)
    while True:
        joint = np.ones(cardinalities)
        for i, of in enumerate(parents):
            shape = [cardinalities[j] if j in of or j == i else 1 for j in range(d)]
            table = rng.dirichlet(np.full(cardinalities[i], 1.5), size=math.prod(shape) // cardinalities[i])
            rows = np.clip(table, 0.05, None).reshape([n for j, n in enumerate(shape) if j != i] + [cardinalities[i]])
            joint = joint * np.moveaxis(rows / rows.sum(-1, keepdims=True), -1, i)
        joint /= joint.sum()
        effects = [effect for _, _, each in _effects(joint) for effect in each]
        if all(effect < 1e-12 or effect > 0.02 for effect in effects):
            return joint


def _effects(joint: np.ndarray) -> Iterator[tuple[int, Axes, list[float]]]:
    """For each variable and each set of others: how much p(variable | set) changes, at most, with each of the set."""
    for i in range(joint.ndim):
        others = [j for j in range(joint.ndim) if j != i]
        for known in (known for k in range(len(others) + 1) for known in itertools.combinations(others, k)):
            table = _conditional(joint, (i,), known)
            yield i, known, [float((table.max(axis=a) - table.min(axis=a)).max()) for a in range(len(known))]


def _costs(joint: np.ndarray, by: str = "all earlier ones") -> dict[Axes, int]:
    """The number of free parameters of every order; `by` tells how arrows are erased."""
    needs: dict[tuple[int, frozenset[int]], int] = {}
    for i, known, each in _effects(joint):
        if by == "nothing":
            kept = list(known)
        elif by == "pairs":
            kept = [j for j in known if np.ptp(_conditional(joint, (i,), (j,)), axis=0).max() > 1e-9]
        else:
            kept = [j for j, effect in zip(known, each, strict=True) if effect > 1e-9]
        rows = len(kept) if by == "arrows" else math.prod(joint.shape[j] for j in kept) * (joint.shape[i] - 1)
        needs[i, frozenset(known)] = rows
    orders = itertools.permutations(range(joint.ndim))
    return {o: sum(needs[i, frozenset(o[:k])] for k, i in enumerate(o)) for o in orders}


def check_cheapest_order(cheapest_order: Any) -> None:
    __tracebackhide__ = True
    name = "cheapest_order"
    rng = judge.rng(10)
    graphs: list[tuple[list[Axes], Axes]] = [
        ([(), (0,)], (2, 3)),
        ([(), (), ()], (2, 3, 2)),
        ([(), (), (0, 1)], (3, 2, 2)),
        ([(), (0,), (1,)], (2, 4, 3)),
        ([(), (0,), (0,), (1, 2)], (3, 2, 2, 2)),
        ([(), (), (0, 1), (2,)], (2, 3, 2, 4)),
        ([(), (), (0, 1), (2,), (0,)], (3, 2, 2, 3, 2)),
        ([(), (0,), (0,), (1, 2), ()], (2, 2, 3, 2, 2)),
        ([(), (), (0,), (0, 1), (3,)], (2, 3, 2, 2, 2)),
    ]
    cases: list[np.ndarray] = []
    for parents, cardinalities in graphs:
        joint = _clear_joint(rng, parents, cardinalities)
        cases += [joint.transpose(rng.permutation(joint.ndim))]
    # Each two of these are independent, and the three are not.
    flip = rng.uniform(0.1, 0.3)
    parity = np.indices((2, 2, 2)).sum(axis=0) % 2
    cases.append(np.where(parity == 1, 1 - flip, flip) / 4)
    # The parent's middle value alone makes a difference.
    cases.append(np.array([[0.7, 0.3], [0.3, 0.7], [0.7, 0.3]]) * np.array([[0.3], [0.2], [0.5]]))
    # A coin counts for the last variable in two of twelve settings, a little up in one and down in the other.
    p, shift = np.full((2, 12), 0.5), np.array([0.02, -0.02])
    p[0, :2], p[1, :2] = 0.5 + shift, 0.5 - shift
    common = np.array([0.25] * 2 + [0.05] * 10) / 2
    cases.append(np.stack([p * common, (1 - p) * common], axis=-1))
    shown_as = [f"joint of shape {joint.shape}" for joint in cases]
    results = judge.calls(name, cheapest_order, [[joint.copy()] for joint in cases], shown_as)
    for joint, shown, result in zip(cases, shown_as, results, strict=True):
        costs = _costs(joint)
        least = min(costs.values())
        order, count = judge.sequence(name, result, 2, what="the result, (order, count),")
        order = tuple(
            judge.integers(name, list(judge.sequence(name, order, joint.ndim, what=f"the order for a {shown}")))
        )
        assert sorted(order) == list(range(joint.ndim)), f"{name}: the order should hold each variable once ({shown})"
        found = _whole(name, count)
        if found == least and costs[order] == least:
            continue
        if found == costs[order]:
            raise AssertionError(f"{name}: that is what this order costs, but another one costs less ({shown})")
        assert costs[order] != least or found != joint.size - 1, f"{name}: needless arrows should be erased ({shown})"
        told = f"{name}: two variables may be independent alone and not given a third, or the other way round ({shown})"
        assert found != min(_costs(joint, "pairs").values()), told
        assert found != min(_costs(joint, "arrows").values()), f"{name}: count free parameters, not arrows ({shown})"
        raise AssertionError(f"{name}: {judge.summary(found)} is not what the cheapest order costs ({shown})")


def _samples(joint: np.ndarray, order: Axes, uniforms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The samples, and how far each uniform is from the nearest boundary that decides its value.

    `uniforms[:, d]` decides variable d, whatever the order.
    """
    out = np.zeros(uniforms.shape, dtype=int)
    margin = np.ones(uniforms.shape)
    tables = [_conditional(joint, (d,), order[:k]) for k, d in enumerate(order)]
    for n, row in enumerate(uniforms.tolist()):
        prefix: tuple[int, ...] = ()
        for k, d in enumerate(order):
            total, drawn = 0.0, 0
            for value, p in enumerate(tables[k][prefix].tolist()):
                if p > 0 and row[d] >= total:
                    drawn = value  # The last one that u reaches.
                total += p
                margin[n, k] = min(margin[n, k], abs(total - row[d]))
            prefix += (drawn,)
            out[n, d] = drawn
    return out, margin


def check_ancestral_sample(ancestral_sample: Any) -> None:
    __tracebackhide__ = True
    name = "ancestral_sample"
    rng = judge.rng(18)
    cases: list[tuple[np.ndarray, Axes]] = [
        (judge.random_joint(rng, (5,)), (0,)),
        (judge.random_joint(rng, (2, 3)), (0, 1)),
        (judge.random_joint(rng, (2, 3)), (1, 0)),
        (judge.random_joint(rng, (3, 2, 4)), (0, 1, 2)),
        (judge.random_joint(rng, (3, 3, 3)), (2, 0, 1)),
        (judge.random_joint(rng, (3, 3, 3)), (1, 2, 0)),
        (judge.random_joint(rng, (2, 3, 2, 2), zeros=8), (3, 1, 0, 2)),
        (judge.random_joint(rng, (3, 2, 2)).astype(np.float32), (2, 1, 0)),
    ]
    drawn: list[tuple[np.ndarray, Axes, np.ndarray]] = []
    right: list[np.ndarray] = []
    for (joint, order), size in itertools.product(cases, (40, 1)):
        uniforms = rng.uniform(0, 0.9999, size=(size + 8, joint.ndim))
        expected, margin = _samples(joint, order, uniforms)
        clear = (margin > 1e-3).all(axis=1)  # rounding must not decide: float32 answers are right answers
        drawn.append((joint, order, uniforms[clear][:size]))
        right.append(expected[clear][:size])
    shown_as = [f"joint of shape {j.shape}, order={order}, uniforms of shape {u.shape}" for j, order, u in drawn]
    results = judge.calls(name, ancestral_sample, drawn, shown_as)
    for (joint, order, uniforms), expected, shown, result in zip(drawn, right, shown_as, results, strict=True):
        found = judge.integers(name, result, expected.shape)
        if not np.array_equal(found, expected):
            told = f"{name}: column i of the result belongs to variable i, whatever the order ({shown})"
            moved = [expected[:, list(order)], expected[:, np.argsort(order)]]
            assert not any(np.array_equal(found, columns) for columns in moved), told
            by_turn, _ = _samples(joint, order, uniforms[:, np.argsort(order)])
            told = f"{name}: column i of the uniforms decides variable i, whatever the order ({shown})"
            assert not np.array_equal(found, by_turn), told
            assert not np.array_equal(found, by_turn[:, list(order)]), told
            told = f"{name}: a value lies outside 0..K-1 of its variable ({shown})"
            assert ((found >= 0) & (found < joint.shape)).all(), told
            first = order[0]
            told = f"{name}: the variable drawn first does not follow its marginal ({shown})"
            assert np.array_equal(found[:, first], expected[:, first]), told
            raise AssertionError(
                f"{name}: a later variable does not follow its conditional given the earlier ones ({shown})"
            )
    # Ten times 0.1 is a little less than 1, and so is u.
    joint, below_one = np.array([0.1] * 10 + [0.0]), np.nextafter(1, 0)
    found = judge.integers(name, judge.call(name, ancestral_sample, joint, (0,), np.array([[below_one]])), (1, 1))
    told = (
        f"{name}: where rounding leaves no value for u, the last one of positive probability is due, not {found[0, 0]}"
    )
    assert found[0, 0] == 9, told
    # On the boundary u < cumulative decides, and what has probability 0 never comes. All exact in binary.
    joint = np.array([[0.0, 0.25, 0.25], [0.5, 0.0, 0.0]])
    on_it = [np.array([u]) for u in ([0.0, 0.0], [0.25, 0.5], [0.5, 0.0], [0.75, 0.75])]
    results = judge.calls(name, ancestral_sample, [(joint, (0, 1), uniforms) for uniforms in on_it])
    for uniforms, result in zip(on_it, results, strict=True):
        expected, _ = _samples(joint, (0, 1), uniforms)
        found = judge.integers(name, result, expected.shape)
        told = f"{name}: an outcome of probability 0 was drawn for uniforms {uniforms[0].tolist()}"
        assert joint[tuple(found[0])] > 0, told
        told = f"{name}: for uniforms {uniforms[0].tolist()}, u is on a boundary: which value is due?"
        assert np.array_equal(found, expected), told


# -- drill

DRILL_LEAKS: dict[str, set[tuple[int, int]]] = {
    "leaks_A": set(),
    "leaks_B": {(0, 1), (1, 2), (2, 3)},
    "leaks_C": set(),
    "leaks_D": {(2, 1)},
}


def check_found_leaks(leaks_A: Any, leaks_B: Any, leaks_C: Any, leaks_D: Any) -> None:
    __tracebackhide__ = True
    judge.leaks({"leaks_A": leaks_A, "leaks_B": leaks_B, "leaks_C": leaks_C, "leaks_D": leaks_D}, DRILL_LEAKS)


def check_shuffled_repaired(shuffled_repaired: Any) -> None:
    __tracebackhide__ = True
    name = "shuffled_repaired"
    rng = judge.rng(19)
    cases: list[tuple[np.ndarray, Axes, np.ndarray, np.ndarray]] = []
    for values, order in [
        (3, (2, 0, 3, 1)),
        (3, (0, 1, 2, 3)),
        (4, (4, 0, 2, 1, 3)),
        (2, (1, 0)),
        (5, (0,)),
        (3, (3, 2, 1, 0)),
    ]:
        start = rng.dirichlet(np.ones(values))
        table = rng.dirichlet(np.ones(values), size=values)
        cases += [(rng.integers(values, size=len(order)), order, start, table) for _ in range(6)]
    shown_as = [f"x={x.tolist()}, order={order}" for x, order, _, _ in cases]
    results = judge.calls(name, shuffled_repaired, cases, shown_as)
    for (x, order, start, table), shown, result in zip(cases, shown_as, results, strict=True):
        expected = np.zeros((len(order), len(start)))
        for t in range(len(order)):
            k = order.index(t)
            expected[t] = start if k == 0 else table[x[order[k - 1]]]
        found = judge.array(name, result, expected.shape)
        if _same(found, expected):
            continue
        told = f"{name}: row k describes position order[k]; row t should describe position t ({shown})"
        assert not _same(found, expected[list(order)]), told
        told = f"{name}: position order[0] is generated first, before there is anything to look at ({shown})"
        assert _same(found[order[0]], expected[order[0]]), told
        told = f"some position does not look at the one generated just before it ({shown})"
        judge.close(name, found, expected, told)
