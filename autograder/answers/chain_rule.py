"""Answers to lesson 01, right and wrong, as students write them."""

import itertools
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import torch

from autograder.answers import Answers, own_conditionals

answers = Answers("01_chain_rule")

# -- p_BAC

answers.right("p_BAC", "the product, typed out", p_BAC=0.12)
answers.right("p_BAC", "a one-element array", p_BAC=np.array([0.12], dtype=np.float32))
answers.right("p_BAC", "a torch scalar", p_BAC=torch.tensor(0.4) * 0.5 * 0.6)
answers.right("p_BAC", "an exact fraction", p_BAC=Fraction(3, 25))
answers.right("p_BAC", "a decimal", p_BAC=Decimal("0.4") * Decimal("0.5") * Decimal("0.6"))
answers.right("p_BAC", "rounded within the tolerance", p_BAC=0.1205)

answers.wrong("p_BAC", "in quotes", p_BAC="0.12")
answers.wrong("p_BAC", "adds instead of multiplying", p_BAC=1.5)
answers.wrong("p_BAC", "averages", p_BAC=0.5)
answers.wrong("p_BAC", "stops after two letters", p_BAC=0.2)
answers.wrong("p_BAC", "a per cent sign forgotten", p_BAC=12)
answers.wrong("p_BAC", "the decimal point slipped", p_BAC=0.012)
answers.wrong("p_BAC", "p(B) left out", p_BAC=0.3)
answers.wrong("p_BAC", "the smallest factor", p_BAC=0.4)
answers.wrong("p_BAC", "the complement", p_BAC=0.88)
answers.wrong("p_BAC", "the negative log", p_BAC=2.12)
answers.wrong("p_BAC", "not a number", p_BAC=float("nan"))

# -- p_mine
# Ada Lovelace draws ACBA: 0.60, then 0.25, then 0.30, then 0.20.

answers.right("p_mine", "the product", student_name="Ada Lovelace", p_mine=0.009)
answers.right(
    "p_mine",
    "spacing and case of the name differ",
    student_name="  ada   LOVELACE ",
    p_mine=0.6 * 0.25 * 0.3 * 0.2,
)
answers.right("p_mine", "rounded within one per cent", student_name="Ada Lovelace", p_mine=0.00905)
answers.right("p_mine", "float32", student_name="Ada Lovelace", p_mine=np.float32(0.009))

answers.wrong("p_mine", "adds instead of multiplying", student_name="Ada Lovelace", p_mine=0.6 + 0.25 + 0.3 + 0.2)
answers.wrong("p_mine", "stops one letter early", student_name="Ada Lovelace", p_mine=0.6 * 0.25 * 0.3)
answers.wrong("p_mine", "the last factor only", student_name="Ada Lovelace", p_mine=0.2)
answers.wrong(
    "p_mine",
    "first row of the table for every letter",
    student_name="Ada Lovelace",
    p_mine=0.6 * 0.3 * 0.1 * 0.6,
)
answers.wrong("p_mine", "columns one too far left", student_name="Ada Lovelace", p_mine=0.3 * 0.7 * 0.2 * 0.45)
answers.wrong("p_mine", "a neighbour's answer", student_name="Grace Hopper", p_mine=0.009)
answers.wrong("p_mine", "rounded too much", student_name="Ada Lovelace", p_mine=0.01)
answers.wrong("p_mine", "the worked example's number", student_name="Ada Lovelace", p_mine=0.12)

answers.personal["p_mine"] = lambda name: math.prod(own_conditionals(name, "01"))

# -- joint_probability


@answers.right("joint_probability", "a loop")
def _(conditionals):
    p = 1
    for value in conditionals:
        p = p * value
    return p


@answers.right("joint_probability", "numpy")
def _(conditionals):
    return np.prod(conditionals)


@answers.right("joint_probability", "torch, float64")
def _(conditionals):
    return torch.tensor(np.array(conditionals), dtype=torch.float64).prod()


@answers.right("joint_probability", "torch, float32")
def _(conditionals):
    return torch.as_tensor(np.asarray(conditionals, dtype=np.float32)).prod().item()


@answers.wrong("joint_probability", "adds")
def _(conditionals):
    return sum(conditionals)


@answers.wrong("joint_probability", "starts from 0")
def _(conditionals):
    p = 0
    for value in conditionals:
        p *= value
    return p


@answers.wrong("joint_probability", "first three only, as in the example")
def _(conditionals):
    return np.prod(conditionals[:3])


@answers.wrong("joint_probability", "hard-coded for the visible test")
def _(conditionals):
    return {3: 0.05, 1: 0.4, 0: 1}.get(len(conditionals), 0.05)


@answers.wrong("joint_probability", "the mean log, exponentiated (perplexity's cousin)")
def _(conditionals):
    if len(conditionals) in (0, 1):
        return 1 if len(conditionals) == 0 else conditionals[0]
    return math.exp(sum(math.log(p) for p in conditionals) / len(conditionals))


@answers.wrong("joint_probability", "no conditionals give 0")
def _(conditionals):
    return math.prod(conditionals) if len(conditionals) else 0


@answers.wrong("joint_probability", "returns inside the loop")
def _(conditionals):
    p = 1.0
    for value in conditionals:
        p *= value
        return p
    return p


@answers.wrong("joint_probability", "rounds to two digits")
def _(conditionals):
    return round(float(np.prod(conditionals)), 2)


@answers.wrong("joint_probability", "the log of it")
def _(conditionals):
    return sum(math.log(p) for p in conditionals)


@answers.wrong("joint_probability", "damages the list that it is given")
def _(conditionals):
    p = 1.0
    conditionals = conditionals if isinstance(conditionals, list) else list(conditionals)
    while conditionals:
        p *= conditionals.pop()
    return p


@answers.wrong("joint_probability", "prints instead of returning")
def _(conditionals):
    print(math.prod(conditionals))


# -- marginal


@answers.right("marginal", "einsum")
def _(joint, keep):
    return np.einsum(joint, list(range(joint.ndim)), list(keep))


@answers.right("marginal", "loops over outcomes")
def _(joint, keep):
    result = np.zeros([joint.shape[i] for i in keep])
    for outcome in itertools.product(*[range(k) for k in joint.shape]):
        result[tuple(outcome[i] for i in keep)] += joint[outcome]
    return result


@answers.right("marginal", "torch: sums first, permutes after")
def _(joint, keep):
    result = torch.tensor(joint)
    for i in reversed(range(joint.ndim)):
        if i not in keep:
            result = result.sum(dim=i)
    kept = sorted(keep)
    return result.permute([kept.index(i) for i in keep])


@answers.right("marginal", "float32, as nested lists")
def _(joint, keep):
    gone = [i for i in range(joint.ndim) if i not in keep]
    return (
        joint.astype(np.float32)
        .transpose([*keep, *gone])
        .reshape([joint.shape[i] for i in keep] + [-1])
        .sum(-1)
        .tolist()
    )


@answers.wrong("marginal", "sums over the axes to keep")
def _(joint, keep):
    return joint.sum(axis=keep)


@answers.wrong("marginal", "ignores the order of keep")
def _(joint, keep):
    return joint.sum(axis=tuple(i for i in range(joint.ndim) if i not in keep))


@answers.wrong("marginal", "reshapes instead of transposing")
def _(joint, keep):
    summed = joint.sum(axis=tuple(i for i in range(joint.ndim) if i not in keep))
    return summed.reshape([joint.shape[i] for i in keep])


@answers.wrong("marginal", "inverse permutation")
def _(joint, keep):
    summed = joint.sum(axis=tuple(i for i in range(joint.ndim) if i not in keep))
    return summed.transpose(np.argsort(np.argsort(np.argsort(keep)))) if len(keep) else summed


@answers.wrong("marginal", "mean instead of sum")
def _(joint, keep):
    gone = [i for i in range(joint.ndim) if i not in keep]
    return joint.transpose([*keep, *gone]).mean(axis=tuple(range(len(keep), joint.ndim)))


@answers.wrong("marginal", "max instead of sum")
def _(joint, keep):
    gone = [i for i in range(joint.ndim) if i not in keep]
    return joint.transpose([*keep, *gone]).max(axis=tuple(range(len(keep), joint.ndim)))


@answers.wrong("marginal", "keeps the summed axes with length 1")
def _(joint, keep):
    return joint.sum(axis=tuple(i for i in range(joint.ndim) if i not in keep), keepdims=True)


@answers.wrong("marginal", "works for three variables only")
def _(joint, keep):
    names = "abc"
    return np.einsum(f"abc->{''.join(names[i] for i in keep)}", joint)


@answers.wrong("marginal", "axis numbers go stale after the first sum")
def _(joint, keep):
    for i in range(joint.ndim):
        if i not in keep:
            joint = joint.sum(axis=min(i, joint.ndim - 1))
    return joint


@answers.wrong("marginal", "empty keep returns the joint")
def _(joint, keep):
    return np.einsum(joint, list(range(joint.ndim)), list(keep)) if keep else joint


@answers.wrong("marginal", "hard-coded for the town")
def _(joint, keep):
    return {
        (0,): np.array([0.5, 0.3, 0.2]), (1,): np.array([0.65, 0.35]), (): 1.0,
        (2, 0): np.array([[0.45, 0.24, 0.1], [0.05, 0.06, 0.1]]),
    }[keep]  # fmt: skip


# -- conditional


@answers.right("conditional", "einsum and a safe denominator")
def _(joint, target, given):
    top = np.einsum(joint, list(range(joint.ndim)), [*given, *target])
    bottom = top.sum(axis=tuple(range(len(given), top.ndim)), keepdims=True)
    return top / np.where(bottom == 0, 1, bottom)


@answers.right("conditional", "a loop over conditions")
def _(joint, target, given):
    result = np.einsum(joint, list(range(joint.ndim)), list(given) + list(target)).copy()
    for condition in itertools.product(*[range(joint.shape[i]) for i in given]):
        total = result[condition].sum()
        if total > 0:
            result[condition] = result[condition] / total
    return result


@answers.right("conditional", "torch, NaN replaced by 0")
def _(joint, target, given):
    gone = [i for i in range(joint.ndim) if i not in (*given, *target)]
    moved = torch.tensor(joint).permute([*given, *target, *gone])
    shape = [joint.shape[i] for i in (*given, *target)]
    top = moved.reshape([*shape, -1]).sum(-1)
    rows = top.reshape([*shape[: len(given)], -1])
    return torch.nan_to_num(rows / rows.sum(-1, keepdim=True)).reshape(shape)


@answers.right("conditional", "float32")
def _(joint, target, given):
    top = np.einsum(joint.astype(np.float32), list(range(joint.ndim)), [*given, *target])
    bottom = top.sum(axis=tuple(range(len(given), top.ndim)), keepdims=True)
    with np.errstate(all="ignore"):
        return np.nan_to_num(top / bottom)


@answers.wrong("conditional", "returns the joint, not normalised")
def _(joint, target, given):
    return np.einsum(joint, list(range(joint.ndim)), [*given, *target])


@answers.wrong("conditional", "divides by the target's marginal: p(given | target)")
def _(joint, target, given):
    top = np.einsum(joint, list(range(joint.ndim)), [*given, *target])
    bottom = top.sum(axis=tuple(range(len(given))), keepdims=True)
    return top / np.where(bottom == 0, 1, bottom)


@answers.wrong("conditional", "target axes first")
def _(joint, target, given):
    top = np.einsum(joint, list(range(joint.ndim)), [*target, *given])
    bottom = top.sum(axis=tuple(range(len(target))), keepdims=True)
    return top / np.where(bottom == 0, 1, bottom)


@answers.wrong("conditional", "NaN where the condition is impossible")
def _(joint, target, given):
    top = np.einsum(joint, list(range(joint.ndim)), [*given, *target])
    return top / top.sum(axis=tuple(range(len(given), top.ndim)), keepdims=True)


@answers.wrong("conditional", "uniform where the condition is impossible")
def _(joint, target, given):
    top = np.einsum(joint, list(range(joint.ndim)), [*given, *target])
    bottom = top.sum(axis=tuple(range(len(given), top.ndim)), keepdims=True)
    n = math.prod(joint.shape[i] for i in target)
    return np.where(bottom > 0, top / np.where(bottom == 0, 1, bottom), 1 / n)


@answers.wrong("conditional", "normalises the last axis only (wrong for blocks)")
def _(joint, target, given):
    top = np.einsum(joint, list(range(joint.ndim)), [*given, *target])
    bottom = top.sum(axis=-1, keepdims=True)
    return top / np.where(bottom == 0, 1, bottom)


@answers.wrong("conditional", "the marginal, whatever is given")
def _(joint, target, given):
    p = np.einsum(joint, list(range(joint.ndim)), list(target))
    return np.broadcast_to(p, [joint.shape[i] for i in given] + list(p.shape))


@answers.wrong("conditional", "order of the axes ignored")
def _(joint, target, given):
    top = np.einsum(joint, list(range(joint.ndim)), sorted(given) + sorted(target))
    bottom = top.sum(axis=tuple(range(len(given), top.ndim)), keepdims=True)
    return top / np.where(bottom == 0, 1, bottom)


@answers.wrong("conditional", "adds a small constant to the denominator")
def _(joint, target, given):
    top = np.einsum(joint, list(range(joint.ndim)), [*given, *target])
    return top / (top.sum(axis=tuple(range(len(given), top.ndim)), keepdims=True) + 1e-3)


@answers.wrong("conditional", "a very small constant in the denominator")
def _(joint, target, given):
    top = np.einsum(joint, list(range(joint.ndim)), [*given, *target])
    return top / (top.sum(axis=tuple(range(len(given), top.ndim)), keepdims=True) + 1e-12)


@answers.wrong("conditional", "takes a rare condition for an impossible one")
def _(joint, target, given):
    top = np.einsum(joint, list(range(joint.ndim)), [*given, *target])
    bottom = top.sum(axis=tuple(range(len(given), top.ndim)), keepdims=True)
    return np.where(bottom > 1e-8, top / np.maximum(bottom, 1e-8), 0)


@answers.wrong("conditional", "np.divide with where= and no out=: the rest holds what was in memory")
def _(joint, target, given):
    top = np.einsum(joint, list(range(joint.ndim)), [*given, *target])
    bottom = top.sum(axis=tuple(range(len(given), top.ndim)), keepdims=True)
    return np.divide(top, bottom, where=bottom > 0)


@answers.wrong("conditional", "forgets to sum out the others")
def _(joint, target, given):
    gone = [i for i in range(joint.ndim) if i not in (*given, *target)]
    moved = joint.transpose([*given, *target, *gone])
    return moved / moved.sum(axis=tuple(range(len(given), joint.ndim)), keepdims=True)


@answers.wrong("conditional", "right, but normalises the joint that it is given in place")
def _(joint, target, given):
    joint /= joint.sum() * 1.0000001
    top = np.einsum(joint, list(range(joint.ndim)), [*given, *target])
    bottom = top.sum(axis=tuple(range(len(given), top.ndim)), keepdims=True)
    return top / np.where(bottom == 0, 1, bottom)


# -- joint_from_order


@answers.right("joint_from_order", "ratios of marginals, einsum to multiply")
def _(joint, order):
    def p(axes):
        return np.einsum(joint, list(range(joint.ndim)), list(axes))

    factors = [p(order[:1])]
    for k in range(1, len(order)):
        bottom = p(order[:k])[..., None]
        factors.append(p(order[: k + 1]) / np.where(bottom == 0, 1, bottom))
    operands = []
    for k, factor in enumerate(factors):
        operands += [factor, list(order[: k + 1])]
    return factors, np.einsum(*operands, list(range(joint.ndim)))


@answers.right("joint_from_order", "loops over outcomes")
def _(joint, order):
    def p(outcome, axes):
        return sum(
            joint[o] for o in itertools.product(*map(range, joint.shape)) if all(o[i] == outcome[i] for i in axes)
        )

    factors = [np.zeros([joint.shape[i] for i in order[: k + 1]]) for k in range(len(order))]
    rebuilt = np.zeros(joint.shape)
    for outcome in itertools.product(*map(range, joint.shape)):
        product = 1.0
        for k in range(len(order)):
            bottom = p(outcome, order[:k])
            value = p(outcome, order[: k + 1]) / bottom if bottom > 0 else 0.0
            factors[k][tuple(outcome[i] for i in order[: k + 1])] = value
            product *= value
        rebuilt[outcome] = product
    return tuple(factors), rebuilt.tolist()


@answers.right("joint_from_order", "torch, a list instead of a tuple")
def _(joint, order):
    moved = torch.tensor(joint, dtype=torch.float32).permute(*order)
    factors, product = [], torch.ones(())
    for k in range(moved.ndim):
        top = moved.sum(dim=tuple(range(k + 1, moved.ndim))) if k + 1 < moved.ndim else moved
        factors.append(torch.nan_to_num(top / top.sum(-1, keepdim=True)))
        product = product.unsqueeze(-1) * factors[-1]
    return [factors, product.permute(*np.argsort(order).tolist())]


@answers.wrong("joint_from_order", "hands the joint back and no factors")
def _(joint, order):
    return [], joint


@answers.wrong("joint_from_order", "returns the joint alone")
def _(joint, order):
    return joint.copy()


@answers.wrong("joint_from_order", "rebuilt left in the order's axes")
def _(joint, order):
    moved, factors, product = joint.transpose(order), [], np.ones(())
    for k in range(joint.ndim):
        top = moved.sum(axis=tuple(range(k + 1, joint.ndim)))
        bottom = top.sum(axis=-1, keepdims=True)
        factors.append(top / np.where(bottom == 0, 1, bottom))
        product = product[..., None] * factors[-1]
    return factors, product


@answers.wrong("joint_from_order", "transposes by order instead of its inverse")
def _(joint, order):
    moved, factors, product = joint.transpose(order), [], np.ones(())
    for k in range(joint.ndim):
        top = moved.sum(axis=tuple(range(k + 1, joint.ndim)))
        bottom = top.sum(axis=-1, keepdims=True)
        factors.append(top / np.where(bottom == 0, 1, bottom))
        product = product[..., None] * factors[-1]
    return factors, product.transpose(order)


@answers.wrong("joint_from_order", "marginals as factors: assumes independence")
def _(joint, order):
    factors, product = [], np.ones(())
    for k, i in enumerate(order):
        p = joint.sum(axis=tuple(j for j in range(joint.ndim) if j != i))
        factors.append(np.broadcast_to(p, [joint.shape[j] for j in order[: k + 1]]))
        product = product[..., None] * factors[-1]
    return factors, product.transpose(np.argsort(order))


@answers.wrong("joint_from_order", "Markov: each given the one before only")
def _(joint, order):
    factors, product = [], np.ones(())
    for k in range(len(order)):
        seen = list(order[max(0, k - 1) : k + 1])
        p = np.einsum(joint, list(range(joint.ndim)), seen)
        bottom = p.sum(-1, keepdims=True)
        p = p / np.where(bottom == 0, 1, bottom)
        factors.append(np.broadcast_to(p, [joint.shape[j] for j in order[: k + 1]]))
        product = product[..., None] * factors[-1]
    return factors, product.transpose(np.argsort(order))


@answers.wrong("joint_from_order", "ignores the order")
def _(joint, order):
    factors, product = [], np.ones(())
    for k in range(joint.ndim):
        top = joint.sum(axis=tuple(range(k + 1, joint.ndim)))
        bottom = top.sum(axis=-1, keepdims=True)
        factors.append(top / np.where(bottom == 0, 1, bottom))
        product = product[..., None] * factors[-1]
    return factors, product


@answers.wrong("joint_from_order", "joint probabilities of prefixes as factors")
def _(joint, order):
    moved = joint.transpose(order)
    return [moved.sum(axis=tuple(range(k + 1, joint.ndim))) for k in range(joint.ndim)], joint.copy()


@answers.wrong("joint_from_order", "NaN where a condition is impossible")
def _(joint, order):
    moved, factors, product = joint.transpose(order), [], np.ones(())
    for k in range(joint.ndim):
        top = moved.sum(axis=tuple(range(k + 1, joint.ndim)))
        factors.append(top / top.sum(axis=-1, keepdims=True))
        product = product[..., None] * factors[-1]
    return factors, np.nan_to_num(product).transpose(np.argsort(order))


@answers.wrong("joint_from_order", "works for three variables only")
def _(joint, order):
    a, b, c = order
    p = np.einsum(joint, [0, 1, 2], [a, b, c])
    f0, f1 = p.sum((1, 2)), p.sum(2) / p.sum((1, 2))[:, None]
    f2 = np.nan_to_num(p / p.sum(2, keepdims=True))
    return [f0, f1, f2], (f0[:, None, None] * f1[:, :, None] * f2).transpose(np.argsort(order))


# -- joint_from_partition


@answers.right("joint_from_partition", "ratios of marginals, einsum to multiply")
def _(joint, blocks):
    def p(axes):
        return np.einsum(joint, list(range(joint.ndim)), list(axes))

    factors, operands, before = [], [], []
    for block in blocks:
        bottom = p(before).reshape([joint.shape[i] for i in before] + [1] * len(block))
        factors.append(p([*before, *block]) / np.where(bottom == 0, 1, bottom))
        before = [*before, *block]
        operands += [factors[-1], before]
    return factors, np.einsum(*operands, list(range(joint.ndim)))


@answers.right("joint_from_partition", "each block flattened to one variable")
def _(joint, blocks):
    axes = [i for block in blocks for i in block]
    sizes = [math.prod(joint.shape[i] for i in block) for block in blocks]
    flat = joint.transpose(axes).reshape(sizes)
    factors, product, n = [], np.ones(()), 0
    for k, block in enumerate(blocks):
        top = flat.sum(axis=tuple(range(k + 1, len(blocks))))
        bottom = top.sum(axis=-1, keepdims=True)
        factor = top / np.where(bottom == 0, 1, bottom)
        product = product[..., None] * factor
        n += len(block)
        factors.append(factor.reshape([joint.shape[i] for i in axes[:n]]))
    return factors, product.reshape([joint.shape[i] for i in axes]).transpose(np.argsort(axes))


@answers.right("joint_from_partition", "torch, float32, one outcome at a time for rebuilt")
def _(joint, blocks):
    axes, factors, n = [i for block in blocks for i in block], [], 0
    moved = torch.tensor(joint, dtype=torch.float32).permute(axes)
    for block in blocks:
        m = n + len(block)
        top = moved.sum(tuple(range(m, joint.ndim))) if m < joint.ndim else moved
        bottom = top.sum(tuple(range(n, m)), keepdim=True)
        factors.append(torch.where(bottom > 0, top / bottom, torch.zeros_like(top)))
        n = m
    rebuilt = torch.ones(joint.shape)
    for outcome in itertools.product(*map(range, joint.shape)):
        for factor in factors:
            rebuilt[outcome] *= factor[tuple(outcome[i] for i in axes[: factor.ndim])]
    return factors, rebuilt


@answers.wrong("joint_from_partition", "a block of three is taken in the joint's order unless it comes first")
def _(joint, blocks):
    factors, operands, before = [], [], []
    for block in blocks:
        block = sorted(block) if before and len(block) > 2 else list(block)
        bottom = np.einsum(joint, list(range(joint.ndim)), before)
        bottom = np.reshape(bottom, [joint.shape[i] for i in before] + [1] * len(block))
        before = before + block
        factors.append(np.einsum(joint, list(range(joint.ndim)), before) / np.where(bottom == 0, 1, bottom))
        operands += [factors[-1], before]
    return factors, np.einsum(*operands, list(range(joint.ndim)))


@answers.wrong("joint_from_partition", "uniform after a history that is impossible")
def _(joint, blocks):
    factors, operands, before = [], [], []
    for block in blocks:
        bottom = np.einsum(joint, list(range(joint.ndim)), before)
        bottom = np.reshape(bottom, [joint.shape[i] for i in before] + [1] * len(block))
        before = [*before, *block]
        top = np.einsum(joint, list(range(joint.ndim)), before)
        share = 1 / math.prod(joint.shape[i] for i in block)
        factors.append(np.where(bottom > 0, top / np.where(bottom == 0, 1, bottom), share))
        operands += [factors[-1], before]
    return factors, np.einsum(*operands, list(range(joint.ndim)))


@answers.wrong("joint_from_partition", "no factors")
def _(joint, blocks):
    return [], joint


@answers.wrong("joint_from_partition", "blocks as if independent")
def _(joint, blocks):
    factors, product, before = [], np.ones(()), []
    for block in blocks:
        p = np.einsum(joint, list(range(joint.ndim)), list(block))
        before += block
        factors.append(np.broadcast_to(p, [joint.shape[i] for i in before]))
        product = product.reshape(product.shape + (1,) * len(block)) * factors[-1]
    return factors, product.transpose(np.argsort(before))


@answers.wrong("joint_from_partition", "normalises the last axis of a block only")
def _(joint, blocks):
    factors, product, before = [], np.ones(()), []
    for block in blocks:
        before = [*before, *block]
        top = np.einsum(joint, list(range(joint.ndim)), before)
        bottom = top.sum(axis=-1, keepdims=True)
        factors.append(top / np.where(bottom == 0, 1, bottom))
        product = product.reshape(product.shape + (1,) * len(block)) * factors[-1]
    return factors, product.transpose(np.argsort(before))


@answers.wrong("joint_from_partition", "one factor per variable: the blocks are split")
def _(joint, blocks):
    order = [i for block in blocks for i in block]
    moved, factors, product = joint.transpose(order), [], np.ones(())
    for k in range(joint.ndim):
        top = moved.sum(axis=tuple(range(k + 1, joint.ndim)))
        bottom = top.sum(axis=-1, keepdims=True)
        factors.append(top / np.where(bottom == 0, 1, bottom))
        product = product[..., None] * factors[-1]
    return factors, product.transpose(np.argsort(order))


@answers.wrong("joint_from_partition", "rebuilt's axes stay in the order of the blocks")
def _(joint, blocks):
    factors, product, before = [], np.ones(()), []
    for block in blocks:
        n, before = len(before), [*before, *block]
        top = np.einsum(joint, list(range(joint.ndim)), before)
        bottom = top.sum(axis=tuple(range(n, top.ndim)), keepdims=True)
        factors.append(top / np.where(bottom == 0, 1, bottom))
        product = product.reshape(product.shape + (1,) * len(block)) * factors[-1]
    return factors, product


@answers.wrong("joint_from_partition", "sorts the axes within each block")
def _(joint, blocks):
    factors, product, before = [], np.ones(()), []
    for block in blocks:
        n, before = len(before), before + sorted(block)
        top = np.einsum(joint, list(range(joint.ndim)), before)
        bottom = top.sum(axis=tuple(range(n, top.ndim)), keepdims=True)
        factors.append(top / np.where(bottom == 0, 1, bottom))
        product = product.reshape(product.shape + (1,) * len(block)) * factors[-1]
    return factors, product.transpose(np.argsort(before))


@answers.wrong("joint_from_partition", "looks at the block before only")
def _(joint, blocks):
    factors, product, before = [], np.ones(()), []
    for k, block in enumerate(blocks):
        last = list(blocks[k - 1]) if k else []
        top = np.einsum(joint, list(range(joint.ndim)), [*last, *block])
        bottom = top.sum(axis=tuple(range(len(last), top.ndim)), keepdims=True)
        p = top / np.where(bottom == 0, 1, bottom)
        before = [*before, *block]
        factors.append(np.broadcast_to(p, [joint.shape[i] for i in before]))
        product = product.reshape(product.shape + (1,) * len(block)) * factors[-1]
    return factors, product.transpose(np.argsort(before))


@answers.wrong("joint_from_partition", "two blocks at most")
def _(joint, blocks):
    first, second = blocks
    top = np.einsum(joint, list(range(joint.ndim)), [*first, *second])
    p = top.sum(axis=tuple(range(len(first), joint.ndim)))
    bottom = p.reshape(p.shape + (1,) * len(second))
    return [p, top / np.where(bottom == 0, 1, bottom)], top.transpose(np.argsort([*first, *second]))


# -- free_parameters


@answers.right("free_parameters", "two loops")
def _(cardinalities, parents):
    total = 0
    for i in range(len(cardinalities)):
        rows = 1
        for j in parents[i]:
            rows = rows * cardinalities[j]
        total += rows * (cardinalities[i] - 1)
    return total


@answers.right("free_parameters", "all entries less one per row")
def _(cardinalities, parents):
    rows = [math.prod([cardinalities[j] for j in of]) for of in parents]
    return sum(r * k for r, k in zip(rows, cardinalities, strict=True)) - sum(rows)


@answers.right("free_parameters", "whole floats where they are exact, integers where they are not")
def _(cardinalities, parents):
    exact = sum((k - 1) * math.prod(cardinalities[j] for j in of) for k, of in zip(cardinalities, parents, strict=True))
    return float(exact) if exact < 2**53 else exact


@answers.right("free_parameters", "numpy with Python's integers as objects")
def _(cardinalities, parents):
    k = np.array(cardinalities, dtype=object)
    return sum((k[i] - 1) * np.prod(k[list(of)]) if of else k[i] - 1 for i, of in enumerate(parents))


@answers.wrong("free_parameters", "floats, rounded where they are huge")
def _(cardinalities, parents):
    rows = [np.prod([float(cardinalities[j]) for j in of]) for of in parents]
    return float(np.dot(rows, np.array(cardinalities, dtype=float) - 1))


@answers.wrong("free_parameters", "floats made integers at the end")
def _(cardinalities, parents):
    rows = [np.prod([float(cardinalities[j]) for j in of]) for of in parents]
    return int(np.dot(rows, np.array(cardinalities, dtype=float) - 1))


@answers.wrong("free_parameters", "counts the entries that are not free")
def _(cardinalities, parents):
    return sum(k * math.prod(cardinalities[j] for j in of) for k, of in zip(cardinalities, parents, strict=True))


@answers.wrong("free_parameters", "subtracts one per table instead of one per row")
def _(cardinalities, parents):
    return sum(k * math.prod(cardinalities[j] for j in of) - 1 for k, of in zip(cardinalities, parents, strict=True))


@answers.wrong("free_parameters", "adds the parents' values instead of multiplying")
def _(cardinalities, parents):
    return sum((k - 1) * (sum(cardinalities[j] for j in of) or 1) for k, of in zip(cardinalities, parents, strict=True))


@answers.wrong("free_parameters", "parents' free values instead of their values")
def _(cardinalities, parents):
    return sum(
        (k - 1) * math.prod(cardinalities[j] - 1 for j in of) for k, of in zip(cardinalities, parents, strict=True)
    )


@answers.wrong("free_parameters", "the full joint, whatever the arrows")
def _(cardinalities, parents):
    return math.prod(cardinalities) - 1


@answers.wrong("free_parameters", "assumes that parents come first")
def _(cardinalities, parents):
    return sum((k - 1) * math.prod(cardinalities[:i]) if parents[i] else k - 1 for i, k in enumerate(cardinalities))


@answers.wrong("free_parameters", "no parents, no table")
def _(cardinalities, parents):
    return sum(
        (k - 1) * (math.prod(cardinalities[j] for j in of) if of else 0)
        for k, of in zip(cardinalities, parents, strict=True)
    )


@answers.wrong("free_parameters", "numpy integers that overflow")
def _(cardinalities, parents):
    k = np.array(cardinalities, dtype=np.int64)
    return int(sum((k[i] - 1) * np.prod(k[list(of)], dtype=np.int64) for i, of in enumerate(parents)))


@answers.wrong("free_parameters", "takes every variable for binary")
def _(cardinalities, parents):
    return {1: 5, 3: 8 if parents[0] == () else 11}.get(len(parents), sum(2 ** len(of) for of in parents))


@answers.wrong("free_parameters", "counts arrows")
def _(cardinalities, parents):
    return sum(len(of) + 1 for of in parents)


# -- cheapest_order


@answers.right("cheapest_order", "over sets instead of orders: 32 steps for five variables")
def _(joint):
    d = joint.ndim
    best = {(): ((), 0)}
    for size in range(d):
        for known in itertools.combinations(range(d), size):
            so_far, cost = best[known]
            for i in set(range(d)) - set(known):
                keep = [*known, i]
                both = np.einsum(joint, list(range(d)), keep)
                table = both / both.sum(-1, keepdims=True)
                rows = math.prod(joint.shape[j] for a, j in enumerate(known) if np.ptp(table, axis=a).max() > 1e-7)
                new = cost + rows * (joint.shape[i] - 1)
                to = tuple(sorted(keep))
                if to not in best or new < best[to][1]:
                    best[to] = ((*so_far, i), new)
    return best[tuple(range(d))]


@answers.right("cheapest_order", "the smallest set of parents that gives the same conditional, by trying them all")
def _(joint):
    everything = list(range(joint.ndim))

    def given(i, known):
        both = joint.sum(axis=tuple(j for j in everything if j != i and j not in known), keepdims=True)
        return both / both.sum(axis=i, keepdims=True)

    needs = {}
    best = None
    for order in itertools.permutations(everything):
        count = 0
        for k, i in enumerate(order):
            key = (i, frozenset(order[:k]))
            if key not in needs:
                full = given(i, order[:k])
                sizes = (s for n in range(k + 1) for s in itertools.combinations(order[:k], n))
                parents = next(s for s in sizes if np.allclose(given(i, s) - full, 0, atol=1e-5))
                needs[key] = math.prod(joint.shape[j] for j in parents) * (joint.shape[i] - 1)
            count += needs[key]
        if best is None or count < best[1]:
            best = (order, count)
    return best


@answers.right("cheapest_order", "torch, lists, and a float for the count")
def _(joint):
    table = torch.tensor(joint)
    results = []
    for order in itertools.permutations(range(joint.ndim)):
        count = 0.0
        moved = table.permute(*order)
        for k, i in enumerate(order):
            p = moved.reshape(*moved.shape[: k + 1], -1).sum(-1)
            p = p / p.sum(-1, keepdim=True)
            rows = 1
            for a in range(k):
                if (p.amax(a) - p.amin(a)).max() > 0.001:
                    rows *= joint.shape[order[a]]
            count += rows * (joint.shape[i] - 1)
        results.append((count, list(order)))
    count, order = min(results)
    return [order, count]


@answers.wrong("cheapest_order", "keeps every arrow")
def _(joint):
    found = []
    for order in itertools.permutations(range(joint.ndim)):
        count = 0
        for k, i in enumerate(order):
            rows = math.prod(joint.shape[j] for j in order[:k])
            count += rows * (joint.shape[i] - 1)
        found.append((count, order))
    count, order = min(found)
    return order, count


@answers.wrong("cheapest_order", "the dearest order")
def _(joint):
    found = []
    for order in itertools.permutations(range(joint.ndim)):
        count = 0
        for k, i in enumerate(order):
            both = np.einsum(joint, list(range(joint.ndim)), list(order[: k + 1]))
            p = both / both.sum(-1, keepdims=True)
            rows = math.prod(joint.shape[order[a]] for a in range(k) if np.ptp(p, axis=a).max() > 1e-6)
            count += rows * (joint.shape[i] - 1)
        found.append((count, order))
    count, order = max(found)
    return order, count


@answers.wrong("cheapest_order", "the order alone, its cost of another")
def _(joint):
    found = []
    for order in itertools.permutations(range(joint.ndim)):
        count = 0
        for k, i in enumerate(order):
            both = np.einsum(joint, list(range(joint.ndim)), list(order[: k + 1]))
            p = both / both.sum(-1, keepdims=True)
            rows = math.prod(joint.shape[order[a]] for a in range(k) if np.ptp(p, axis=a).max() > 1e-6)
            count += rows * (joint.shape[i] - 1)
        found.append((count, order))
    return min(found)[1], found[0][0]


@answers.wrong("cheapest_order", "exchanged: count first")
def _(joint):
    found = []
    for order in itertools.permutations(range(joint.ndim)):
        count = 0
        for k, i in enumerate(order):
            both = np.einsum(joint, list(range(joint.ndim)), list(order[: k + 1]))
            p = both / both.sum(-1, keepdims=True)
            rows = math.prod(joint.shape[order[a]] for a in range(k) if np.ptp(p, axis=a).max() > 1e-6)
            count += rows * (joint.shape[i] - 1)
        found.append((count, order))
    return min(found)


@answers.wrong("cheapest_order", "the first order, its own cost")
def _(joint):
    found = []
    for order in itertools.permutations(range(joint.ndim)):
        count = 0
        for k, i in enumerate(order):
            both = np.einsum(joint, list(range(joint.ndim)), list(order[: k + 1]))
            p = both / both.sum(-1, keepdims=True)
            rows = math.prod(joint.shape[order[a]] for a in range(k) if np.ptp(p, axis=a).max() > 1e-6)
            count += rows * (joint.shape[i] - 1)
        found.append((count, order))
    return found[0][1], found[0][0]


@answers.wrong("cheapest_order", "the reverse of the cheapest")
def _(joint):
    found = []
    for order in itertools.permutations(range(joint.ndim)):
        count = 0
        for k, i in enumerate(order):
            both = np.einsum(joint, list(range(joint.ndim)), list(order[: k + 1]))
            p = both / both.sum(-1, keepdims=True)
            rows = math.prod(joint.shape[order[a]] for a in range(k) if np.ptp(p, axis=a).max() > 1e-6)
            count += rows * (joint.shape[i] - 1)
        found.append((count, order))
    count, order = min(found)
    return order[::-1], count


@answers.wrong("cheapest_order", "parents by turn, not by variable")
def _(joint):
    found = []
    for order in itertools.permutations(range(joint.ndim)):
        count = 0
        for k, i in enumerate(order):
            both = np.einsum(joint, list(range(joint.ndim)), list(order[: k + 1]))
            p = both / both.sum(-1, keepdims=True)
            rows = math.prod(joint.shape[a] for a in range(k) if np.ptp(p, axis=a).max() > 1e-6)
            count += rows * (joint.shape[i] - 1)
        found.append((count, order))
    count, order = min(found)
    return order, count


@answers.wrong("cheapest_order", "erases what changes by less than 0.2")
def _(joint):
    found = []
    for order in itertools.permutations(range(joint.ndim)):
        count = 0
        for k, i in enumerate(order):
            both = np.einsum(joint, list(range(joint.ndim)), list(order[: k + 1]))
            p = both / both.sum(-1, keepdims=True)
            rows = math.prod(joint.shape[order[a]] for a in range(k) if np.ptp(p, axis=a).max() > 0.2)
            count += rows * (joint.shape[i] - 1)
        found.append((count, order))
    count, order = min(found)
    return order, count


@answers.wrong("cheapest_order", "looks at the parent's first two values only")
def _(joint):
    found = []
    for order in itertools.permutations(range(joint.ndim)):
        count = 0
        for k, i in enumerate(order):
            both = np.einsum(joint, list(range(joint.ndim)), list(order[: k + 1]))
            p = both / both.sum(-1, keepdims=True)
            rows = math.prod(
                joint.shape[order[a]]
                for a in range(k)
                if np.ptp(p.take([0, 1], axis=a), axis=a).max() > 1e-6 and joint.shape[order[a]] == 2
            )
            count += rows * (joint.shape[i] - 1)
        found.append((count, order))
    count, order = min(found)
    return order, count


@answers.wrong("cheapest_order", "counts all entries of the tables, not the free ones")
def _(joint):
    found = []
    for order in itertools.permutations(range(joint.ndim)):
        count = 0
        for k, i in enumerate(order):
            both = np.einsum(joint, list(range(joint.ndim)), list(order[: k + 1]))
            p = both / both.sum(-1, keepdims=True)
            rows = (
                math.prod(joint.shape[order[a]] for a in range(k) if np.ptp(p, axis=a).max() > 1e-6)
                * joint.shape[i]
                / (joint.shape[i] - 1)
            )
            count += rows * (joint.shape[i] - 1)
        found.append((count, order))
    count, order = min(found)
    return order, round(count)


@answers.wrong("cheapest_order", "counts arrows")
def _(joint):
    found = []
    for order in itertools.permutations(range(joint.ndim)):
        count = 0
        for k, i in enumerate(order):
            both = np.einsum(joint, list(range(joint.ndim)), list(order[: k + 1]))
            p = both / both.sum(-1, keepdims=True)
            rows = sum(np.ptp(p, axis=a).max() > 1e-6 for a in range(k)) / (joint.shape[i] - 1)
            count += rows * (joint.shape[i] - 1)
        found.append((count, order))
    count, order = min(found)
    return order, round(count)


@answers.wrong("cheapest_order", "Markov: only the one before can be a parent")
def _(joint):
    found = []
    for order in itertools.permutations(range(joint.ndim)):
        count = 0
        for k, i in enumerate(order):
            both = np.einsum(joint, list(range(joint.ndim)), list(order[: k + 1]))
            p = both / both.sum(-1, keepdims=True)
            rows = joint.shape[order[k - 1]] if k and np.ptp(p, axis=k - 1).max() > 1e-6 else 1
            count += rows * (joint.shape[i] - 1)
        found.append((count, order))
    count, order = min(found)
    return order, count


@answers.wrong("cheapest_order", "arrows between pairs that are dependent, whatever else is known")
def _(joint):
    d = joint.ndim
    pairs = {}
    for i, j in itertools.permutations(range(d), 2):
        both = np.einsum(joint, list(range(d)), [j, i])
        pairs[j, i] = np.ptp(both / both.sum(-1, keepdims=True), axis=0).max() > 1e-6
    found = []
    for order in itertools.permutations(range(d)):
        rows = [math.prod(joint.shape[j] for j in order[:k] if pairs[j, i]) for k, i in enumerate(order)]
        found.append((sum(n * (joint.shape[i] - 1) for n, i in zip(rows, order, strict=True)), order))
    count, order = min(found)
    return order, count


@answers.wrong("cheapest_order", "greedy: next the variable whose table is smallest now")
def _(joint):
    order, count = (), 0
    while len(order) < joint.ndim:
        steps = []
        for i in set(range(joint.ndim)) - set(order):
            both = np.einsum(joint, list(range(joint.ndim)), [*order, i])
            p = both / both.sum(-1, keepdims=True)
            rows = math.prod(joint.shape[j] for a, j in enumerate(order) if np.ptp(p, axis=a).max() > 1e-6)
            steps.append((rows * (joint.shape[i] - 1), i))
        cost, i = min(steps)
        order, count = (*order, i), count + cost
    return order, count


# -- ancestral_sample


@answers.right("ancestral_sample", "narrows the table as it goes")
def _(joint, order, uniforms):
    samples = []
    for row in uniforms:
        sample, table = {}, joint.transpose(order)
        for i in order:
            p = table.reshape(table.shape[0], -1).sum(1)
            p = p / p.sum()
            last = max(v for v in range(len(p)) if p[v] > 0)
            value, total = 0, p[0]
            while row[i] >= total and value < last:
                value += 1
                total += p[value]
            sample[i] = value
            table = table[value]
        samples.append([sample[i] for i in range(len(order))])
    return samples


@answers.right("ancestral_sample", "all samples at once")
def _(joint, order, uniforms):
    moved = joint.transpose(order).astype(float)
    out = np.zeros(uniforms.shape, dtype=np.int32)
    drawn = []
    for k, i in enumerate(order):
        p = moved.sum(axis=tuple(range(k + 1, joint.ndim)))
        rows = p[tuple(drawn)] if drawn else np.broadcast_to(p, (len(uniforms), len(p)))
        rows = rows / rows.sum(-1, keepdims=True)
        last = rows.shape[1] - 1 - (rows[:, ::-1] > 0).argmax(axis=1)
        passed = (uniforms[:, i, None] >= np.cumsum(rows, axis=1)).sum(axis=1)
        drawn.append(np.minimum(passed, last))
        out[:, i] = drawn[-1]
    return out


@answers.right("ancestral_sample", "torch, whole numbers as floats")
def _(joint, order, uniforms):
    moved = torch.tensor(joint).permute(*order)
    result = torch.zeros(uniforms.shape)
    for n in range(len(uniforms)):
        table = moved
        for i in order:
            p = table.reshape(table.shape[0], -1).sum(1)
            edges = torch.cumsum(p / p.sum(), 0)
            value = int(torch.searchsorted(edges, float(uniforms[n, i]), right=True))
            value = min(value, int(p.nonzero().max()))
            result[n, i] = value
            table = table[value]
    return result


@answers.wrong("ancestral_sample", "columns in the order of drawing")
def _(joint, order, uniforms):
    samples = []
    for row in uniforms:
        sample, table = [], joint.transpose(order)
        for i in order:
            p = table.reshape(table.shape[0], -1).sum(1)
            sample.append(int(min(np.searchsorted(np.cumsum(p / p.sum()), row[i], side="right"), np.nonzero(p)[0][-1])))
            table = table[sample[-1]]
        samples.append(sample)
    return np.array(samples)


@answers.wrong("ancestral_sample", "uniforms by turn instead of by variable")
def _(joint, order, uniforms):
    out = np.zeros(uniforms.shape, dtype=int)
    for n, row in enumerate(uniforms):
        table = joint.transpose(order)
        for k, i in enumerate(order):
            p = table.reshape(table.shape[0], -1).sum(1)
            out[n, i] = min(np.searchsorted(np.cumsum(p / p.sum()), row[k], side="right"), np.nonzero(p)[0][-1])
            table = table[out[n, i]]
    return out


@answers.wrong("ancestral_sample", "if rounding leaves none, the last value, possible or not")
def _(joint, order, uniforms):
    out = np.zeros(uniforms.shape, dtype=int)
    for n, row in enumerate(uniforms):
        table = joint.transpose(order)
        for i in order:
            p = table.reshape(table.shape[0], -1).sum(1)
            out[n, i] = min(np.searchsorted(np.cumsum(p), row[i] * p.sum(), side="right"), len(p) - 1)
            table = table[out[n, i]]
    return out


@answers.wrong("ancestral_sample", "columns of the uniforms permuted the other way")
def _(joint, order, uniforms):
    out = np.zeros(uniforms.shape, dtype=int)
    for n, row in enumerate(uniforms):
        table = joint.transpose(order)
        for i in order:
            p = table.reshape(table.shape[0], -1).sum(1)
            u = row[order[i]]
            out[n, i] = min(np.searchsorted(np.cumsum(p / p.sum()), u, side="right"), np.nonzero(p)[0][-1])
            table = table[out[n, i]]
    return out


@answers.wrong("ancestral_sample", "one sample at a time only")
def _(joint, order, uniforms):
    out, table = np.zeros(uniforms.shape, dtype=int), joint.transpose(order)
    for i in order:
        p = table.reshape(table.shape[0], -1).sum(1)
        out[:, i] = min(np.searchsorted(np.cumsum(p / p.sum()), uniforms[0, i], side="right"), np.nonzero(p)[0][-1])
        table = table[out[0, i]]
    return out


@answers.wrong("ancestral_sample", "draws each variable from its marginal")
def _(joint, order, uniforms):
    out = np.zeros(uniforms.shape, dtype=int)
    for i in order:
        p = joint.sum(axis=tuple(j for j in range(joint.ndim) if j != i))
        out[:, i] = np.minimum(np.searchsorted(np.cumsum(p), uniforms[:, i], side="right"), np.nonzero(p)[0][-1])
    return out


@answers.wrong("ancestral_sample", "looks at the last drawn variable only")
def _(joint, order, uniforms):
    out = np.zeros(uniforms.shape, dtype=int)
    for n, row in enumerate(uniforms):
        for k, i in enumerate(order):
            if k == 0:
                p = np.einsum(joint, list(range(joint.ndim)), [i])
            else:
                p = np.einsum(joint, list(range(joint.ndim)), [order[k - 1], i])[out[n, order[k - 1]]]
            edges = np.cumsum(p / p.sum())
            out[n, i] = min(np.searchsorted(edges, row[i], side="right"), np.nonzero(p)[0][-1])
    return out


@answers.wrong("ancestral_sample", "<= instead of <: u = 0 draws the impossible")
def _(joint, order, uniforms):
    out = np.zeros(uniforms.shape, dtype=int)
    for n, row in enumerate(uniforms):
        table = joint.transpose(order)
        for i in order:
            p = table.reshape(table.shape[0], -1).sum(1)
            out[n, i] = min(np.searchsorted(np.cumsum(p / p.sum()), row[i], side="left"), np.nonzero(p)[0][-1])
            table = table[out[n, i]]
    return out


@answers.wrong("ancestral_sample", "forgets to normalise after the first step")
def _(joint, order, uniforms):
    out = np.zeros(uniforms.shape, dtype=int)
    for n, row in enumerate(uniforms):
        table = joint.transpose(order)
        for i in order:
            p = table.reshape(table.shape[0], -1).sum(1)
            out[n, i] = min(np.searchsorted(np.cumsum(p), row[i], side="right"), np.nonzero(p)[0][-1])
            table = table[out[n, i]]
    return out


@answers.wrong("ancestral_sample", "takes the most probable value")
def _(joint, order, uniforms):
    out = np.zeros(uniforms.shape, dtype=int)
    for n in range(len(uniforms)):
        table = joint.transpose(order)
        for i in order:
            out[n, i] = np.argmax(table.reshape(table.shape[0], -1).sum(1))
            table = table[out[n, i]]
    return out


@answers.wrong("ancestral_sample", "ignores the order")
def _(joint, order, uniforms):
    out = np.zeros(uniforms.shape, dtype=int)
    for n, row in enumerate(uniforms):
        table = joint
        for i in range(joint.ndim):
            p = table.reshape(table.shape[0], -1).sum(1)
            out[n, i] = np.searchsorted(np.cumsum(p / p.sum()), row[i], side="right")
            table = table[out[n, i]]
    return out


@answers.wrong("ancestral_sample", "ignores the uniforms and draws its own")
def _(joint, order, uniforms):
    rng = np.random.default_rng(0)
    flat = rng.choice(joint.size, size=len(uniforms), p=joint.ravel() / joint.sum())
    return np.stack(np.unravel_index(flat, joint.shape), axis=1)


@answers.wrong("ancestral_sample", "whole outcomes from the first uniform")
def _(joint, order, uniforms):
    flat = np.searchsorted(np.cumsum(joint.ravel()), uniforms[:, 0], side="right")
    return np.stack(np.unravel_index(np.minimum(flat, joint.size - 1), joint.shape), axis=1)


# -- found_leaks

_B = [(0, 1), (1, 2), (2, 3)]
answers.right("found_leaks", "any order of the pairs", leaks_A=[], leaks_B=_B[::-1], leaks_C=[], leaks_D=[(2, 1)])
answers.right(
    "found_leaks",
    "lists and tuples mixed",
    leaks_A=(),
    leaks_B=[[0, 1], [1, 2], [2, 3]],
    leaks_C=[],
    leaks_D=((2, 1),),
)
answers.right("found_leaks", "sets", leaks_A=set(), leaks_B=set(_B), leaks_C=set(), leaks_D={(2, 1)})
answers.right(
    "found_leaks",
    "arrays",
    leaks_A=np.zeros((0, 2), dtype=int),
    leaks_B=np.array(_B),
    leaks_C=[],
    leaks_D=np.array([[2, 1]]),
)

answers.wrong("found_leaks", "everything is sound", leaks_A=[], leaks_B=[], leaks_C=[], leaks_D=[])
answers.wrong(
    "found_leaks", "pairs swapped", leaks_A=[], leaks_B=[(1, 0), (2, 1), (3, 2)], leaks_C=[], leaks_D=[(1, 2)]
)
answers.wrong("found_leaks", "looking right is taken for a crime", leaks_A=[], leaks_B=_B, leaks_C=_B, leaks_D=[(2, 1)])
answers.wrong("found_leaks", "probed with the default order", leaks_A=[], leaks_B=_B, leaks_C=_B, leaks_D=[])
answers.wrong("found_leaks", "one leak of B missed", leaks_A=[], leaks_B=_B[:2], leaks_C=[], leaks_D=[(2, 1)])
answers.wrong(
    "found_leaks",
    "all dependences of D",
    leaks_A=[],
    leaks_B=_B,
    leaks_C=[],
    leaks_D=[(1, 0), (2, 1), (3, 2)],
)
answers.wrong(
    "found_leaks",
    "A counts itself",
    leaks_A=[(0, 0), (1, 1), (2, 2), (3, 3)],
    leaks_B=_B,
    leaks_C=[],
    leaks_D=[(2, 1)],
)
answers.wrong(
    "found_leaks",
    "both neighbours of B",
    leaks_A=[],
    leaks_B=[*_B, (1, 0), (2, 1), (3, 2)],
    leaks_C=[],
    leaks_D=[(2, 1)],
)
answers.wrong(
    "found_leaks",
    "positions from 1",
    leaks_A=[],
    leaks_B=[(1, 2), (2, 3), (3, 4)],
    leaks_C=[],
    leaks_D=[(3, 2)],
)

# -- shuffled_repaired


@answers.right("shuffled_repaired", "one row at a time, by rank")
def _(x, order, start, table):
    rows = []
    for t in range(len(x)):
        k = list(order).index(t)
        rows.append(start if k == 0 else table[x[order[k - 1]]])
    return rows


@answers.right("shuffled_repaired", "in the order's frame, then scattered back")
def _(x, order, start, table):
    order = np.array(order)
    along = np.concatenate([start[None], table[x[order[:-1]]]])
    return along[np.argsort(order)]


@answers.right("shuffled_repaired", "torch, float32")
def _(x, order, start, table):
    rows = torch.zeros(len(x), len(start))
    last = None
    for t in order:
        rows[t] = torch.tensor(start if last is None else table[x[last]])
        last = t
    return rows


@answers.wrong("shuffled_repaired", "the bug itself")
def _(x, order, start, table):
    return np.array([start if t == 0 else table[x[t - 1]] for t in range(len(x))])


@answers.wrong("shuffled_repaired", "rows in the order of generation")
def _(x, order, start, table):
    return np.array([start, *(table[x[order[k - 1]]] for k in range(1, len(order)))])


@answers.wrong("shuffled_repaired", "looks at itself")
def _(x, order, start, table):
    rows = np.zeros((len(x), len(start)))
    for k, t in enumerate(order):
        rows[t] = start if k == 0 else table[x[t]]
    return rows


@answers.wrong("shuffled_repaired", "looks at the next in the order")
def _(x, order, start, table):
    rows = np.zeros((len(x), len(start)))
    for k, t in enumerate(order):
        rows[t] = start if k == len(order) - 1 else table[x[order[k + 1]]]
    return rows


@answers.wrong("shuffled_repaired", "columns of the table instead of rows")
def _(x, order, start, table):
    rows = np.zeros((len(x), len(start)))
    for k, t in enumerate(order):
        rows[t] = start if k == 0 else table[:, x[order[k - 1]]]
    return rows


@answers.wrong("shuffled_repaired", "order fixed to the example's")
def _(x, order, start, table):
    rows = np.zeros((4, len(start)))
    rows[2], rows[0], rows[3], rows[1] = start, table[x[2]], table[x[0]], table[x[3]]
    return rows


@answers.wrong("shuffled_repaired", "always looks at the first generated")
def _(x, order, start, table):
    rows = np.zeros((len(x), len(start)))
    for k, t in enumerate(order):
        rows[t] = start if k == 0 else table[x[order[0]]]
    return rows


@answers.wrong("shuffled_repaired", "the last wraps around to the first")
def _(x, order, start, table):
    rows = np.zeros((len(x), len(start)))
    for k, t in enumerate(order):
        rows[t] = table[x[order[k - 1]]]
    return rows


@answers.wrong("shuffled_repaired", "only the leaky row is patched")
def _(x, order, start, table):
    rows = np.array([start if t == 0 else table[x[t - 1]] for t in range(len(x))])
    rows[order[0]] = start
    return rows


@answers.wrong("marginal", "rounds to six digits")
def _(joint, keep):
    result = np.einsum(joint, list(range(joint.ndim)), list(keep))
    return np.round(result, 6)


@answers.wrong("marginal", "squeezes: a variable of one value loses its axis")
def _(joint, keep):
    others = [i for i in range(joint.ndim) if i not in keep]
    return joint.sum(axis=tuple(others), keepdims=True).transpose([*keep, *others]).squeeze()


@answers.wrong("marginal", "an empty keep gives shape (1,)")
def _(joint, keep):
    others = [i for i in range(joint.ndim) if i not in keep]
    return joint.transpose([*keep, *others]).reshape([*([joint.shape[i] for i in keep] or [1]), -1]).sum(axis=-1)


@answers.wrong("marginal", "moves the first kept axis to its place and leaves the rest sorted")
def _(joint, keep):
    summed = joint.sum(axis=tuple(i for i in range(joint.ndim) if i not in keep))
    return np.moveaxis(summed, sorted(keep).index(keep[0]), 0) if len(keep) > 1 else summed


@answers.wrong("conditional", "the target's axes come sorted")
def _(joint, target, given):
    top = np.einsum(joint, list(range(joint.ndim)), [*given, *sorted(target)])
    bottom = top.sum(axis=tuple(range(len(given), top.ndim)), keepdims=True)
    return top / np.where(bottom == 0, 1, bottom)


@answers.wrong("conditional", "given nothing, an axis of length 1 stands in front")
def _(joint, target, given):
    top = np.einsum(joint, list(range(joint.ndim)), [*given, *target])
    bottom = top.sum(axis=tuple(range(len(given), top.ndim)), keepdims=True)
    result = top / np.where(bottom == 0, 1, bottom)
    return result if given else result[None]


@answers.wrong("joint_from_partition", "one block is taken for the joint in its own order")
def _(joint, blocks):
    if len(blocks) == 1:
        return [joint.copy()], joint.copy()
    factors, before = [], []
    for block in blocks:
        top = np.einsum(joint, list(range(joint.ndim)), [*before, *block])
        bottom = top.sum(axis=tuple(range(len(before), top.ndim)), keepdims=True)
        factors.append(top / np.where(bottom == 0, 1, bottom))
        before += block
    return factors, joint.copy()


@answers.wrong("joint_from_partition", "the axes of earlier blocks sorted")
def _(joint, blocks):
    factors, before = [], []
    for block in blocks:
        top = np.einsum(joint, list(range(joint.ndim)), [*sorted(before), *block])
        bottom = top.sum(axis=tuple(range(len(before), top.ndim)), keepdims=True)
        factors.append(top / np.where(bottom == 0, 1, bottom))
        before += block
    return factors, joint.copy()


@answers.wrong("cheapest_order", "compares only the first and the last value of a parent")
def _(joint):
    found = []
    for order in itertools.permutations(range(joint.ndim)):
        count = 0
        for k, i in enumerate(order):
            both = np.einsum(joint, list(range(joint.ndim)), list(order[: k + 1]))
            p = both / both.sum(-1, keepdims=True)
            ends = [np.abs(np.take(p, 0, axis=a) - np.take(p, -1, axis=a)).max() for a in range(k)]
            rows = math.prod(joint.shape[j] for j, end in zip(order, ends, strict=False) if end > 1e-6)
            count += rows * (joint.shape[i] - 1)
        found.append((count, order))
    count, order = min(found)
    return order, count


@answers.wrong("cheapest_order", "averages the change over the settings of the others")
def _(joint):
    found = []
    for order in itertools.permutations(range(joint.ndim)):
        count = 0
        for k, i in enumerate(order):
            both = np.einsum(joint, list(range(joint.ndim)), list(order[: k + 1]))
            p = both / both.sum(-1, keepdims=True)
            rows = math.prod(joint.shape[j] for a, j in enumerate(order[:k]) if np.ptp(p, axis=a).mean() > 0.009)
            count += rows * (joint.shape[i] - 1)
        found.append((count, order))
    count, order = min(found)
    return order, count


@answers.wrong("cheapest_order", "the turn of each variable instead of the variable of each turn")
def _(joint):
    found = []
    for order in itertools.permutations(range(joint.ndim)):
        count = 0
        for k, i in enumerate(order):
            both = np.einsum(joint, list(range(joint.ndim)), list(order[: k + 1]))
            p = both / both.sum(-1, keepdims=True)
            rows = math.prod(joint.shape[j] for a, j in enumerate(order[:k]) if np.ptp(p, axis=a).max() > 1e-6)
            count += rows * (joint.shape[i] - 1)
        found.append((count, order))
    count, order = min(found)
    return tuple(int(turn) for turn in np.argsort(order)), count


@answers.wrong("cheapest_order", "greedy from the back: last the variable whose table is smallest")
def _(joint):
    order, count, left = (), 0, list(range(joint.ndim))
    while left:
        steps = []
        for i in left:
            known = [j for j in left if j != i]
            both = np.einsum(joint, list(range(joint.ndim)), [*known, i])
            p = both / both.sum(-1, keepdims=True)
            rows = math.prod(joint.shape[j] for a, j in enumerate(known) if np.ptp(p, axis=a).max() > 1e-6)
            steps.append((rows * (joint.shape[i] - 1), i))
        cost, i = min(steps)
        order, count = (i, *order), count + cost
        left.remove(i)
    return order, count


@answers.wrong("ancestral_sample", "known values by variable where the axes are by turn")
def _(joint, order, uniforms):
    out = np.zeros(uniforms.shape, dtype=int)
    for n, row in enumerate(uniforms):
        for k, i in enumerate(order):
            p = np.einsum(joint, list(range(joint.ndim)), list(order[: k + 1]))
            for j, size in zip(sorted(order[:k]), p.shape, strict=False):
                p = p[min(out[n, j], size - 1)]
            p = p / max(p.sum(), 1e-300)
            out[n, i] = min(np.searchsorted(np.cumsum(p), row[i], side="right"), len(p) - 1)
    return out


@answers.wrong("ancestral_sample", "looks at the last two drawn variables only")
def _(joint, order, uniforms):
    out = np.zeros(uniforms.shape, dtype=int)
    for n, row in enumerate(uniforms):
        for k, i in enumerate(order):
            recent = list(order[max(0, k - 2) : k])
            p = np.einsum(joint, list(range(joint.ndim)), [*recent, i])[tuple(out[n, recent])]
            edges = np.cumsum(p / p.sum())
            out[n, i] = min(np.searchsorted(edges, row[i], side="right"), np.nonzero(p)[0][-1])
    return out
