# %% [markdown]
# # 01 · The chain rule: any joint is a product of conditionals
#
# **Promise.** After this lesson you can take any joint distribution apart into a chain of one-at-a-time
# predictions, in any order you like, put it back together without losing a digit, sample from it, and count
# what each order costs. That is the whole idea of autoregressive models. The other eight lessons are about
# how to parameterise, train, sample and pay for the predictions.
#
# **Time.** 45 minutes to read, 135 to practise; sections marked *optional* hold no exercise and are not
# counted. **You need.** Sums and products of probabilities, and numpy arrays with a few axes.

# %%
import itertools
import math
import sys

import matplotlib.pyplot as plt
import numpy as np
import torch

sys.path.insert(0, "../..")  # `lib` is the one of the folder that this notebook lies in
from lib import plots
from lib.byhand import agrees, puzzle, typed
from lib.errors import short_errors

plots.use_style()
short_errors()

# %% [markdown]
# ## A picture first
#
# Somebody is spelling a first name for you, letter by letter. Before the first letter you can expect almost
# anything. After *c* you expect *h* or *a*; after *chr* you would bet your house on *i*.
#
# Below, each row is what comes next given the letters so far, counted over the first names of the 1990 US
# census (U.S. Census Bureau 1995: 5163 different names). Throughout this lesson each name is weighted by how
# many people have it, because we ask what *somebody* is called. (From lesson 2 on we model the list itself, and
# each name counts once.) Darker is more probable; the outlined square is the letter that came. On the right is the
# row's entropy, the average surprise in bits: 0 bits means that you know, 4.75 bits that all 27 symbols are
# equally likely.

# %% figure
from lib.data import load_names
from lib.controls.keyboard import LETTERS, next_letters

names = load_names()
word = "christina"
rows = np.array([next_letters(names, word[:t]) for t in range(len(word) + 1)])
bits = [-(p[p > 0] * np.log2(p[p > 0])).sum() for p in rows]

figure, (ax, right) = plt.subplots(1, 2, figsize=(7.4, 3.6), width_ratios=(5, 1), sharey=True)
ax.imshow(np.sqrt(rows), cmap=plots.AMOUNTS, vmin=0, vmax=1, aspect="auto")
for t, letter in enumerate(word + LETTERS[-1]):
    square = (LETTERS.index(letter) - 0.5, t - 0.5)
    ax.add_patch(plt.Rectangle(square, 1, 1, fill=False, edgecolor=plots.COLOURS["vermilion"], linewidth=1.8))
ax.set_xticks(range(27), [*LETTERS[:-1], "   end"])
ax.set_yticks(range(len(rows)), [f"{word[:t]}–" for t in range(len(rows))])
ax.grid(False)
ax.tick_params(length=0)
ax.set(title="What comes next, given the letters so far", xlabel="next letter")
right.barh(range(len(rows)), bits, color=plots.COLOURS["blue"], height=0.6)
right.set(xlabel="entropy (bits)", xlim=(0, 4.75), xticks=(0, 2, 4))
right.grid(axis="y", visible=False)
plt.show()

# %% [markdown]
# **Each outcome narrows what comes next.** The names that still fit can only become fewer: 5163 at the top,
# then 413 with *c*, 22 with *chri*, one at the bottom. The entropy of the *next letter* may go up again on
# the way, as it does after *christ*, where a well-trodden path forks into *-opher*, *-ine* and *-ina*. On
# average over all names, though, a given letter never becomes harder to predict by knowing more of what came
# before it.
#
# Now read the outlined squares from top to bottom and multiply their probabilities. The product is the
# probability of the whole name, exactly. That is what this lesson is about.

# %% [markdown]
# ## The idea
#
# ### One line
#
# The conditional probability of $b$ given $a$ is *defined* as $p(b \mid a) = p(a, b) / p(a)$. So write the
# joint as a fraction that telescopes, and put a name to each piece:
#
# $$p(a, b, c) \;=\; p(a)\cdot\frac{p(a, b)}{p(a)}\cdot\frac{p(a, b, c)}{p(a, b)}
# \;=\; p(a)\; p(b \mid a)\; p(c \mid a, b).$$
#
# For $D$ variables the same cancelling gives **the chain rule of probability**:
#
# $$p(x_1, \dots, x_D) \;=\; \prod_{t=1}^{D} p(x_t \mid x_1, \dots, x_{t-1})
# \;=\; \prod_{t=1}^{D} p(x_t \mid x_{<t}).$$
#
# Nothing was assumed: not independence, not that the variables are of one kind, not that $t$ is time. It is
# **an exact identity, never an approximation**. (If some $p(x_{<t})$ is 0, the joint is 0 too, and it does
# not matter what we call a conditional that is never needed. In this lesson we call it 0.)

# %% [markdown]
# ### Small numbers
#
# A source writes three letters from the vocabulary {A, B, C}. How probable is the sequence **BAC**? You are
# told
#
# $$p(\mathrm{B}) = 0.4, \qquad p(\mathrm{A} \mid \mathrm{B}) = 0.5, \qquad
# p(\mathrm{C} \mid \mathrm{B}, \mathrm{A}) = 0.6.$$
#
# Picture all sequences lined up along a stick of length 1, each with a length equal to its probability. The
# first letter cuts the stick in three. Keep the part called B; the second letter cuts *that*, in its own
# proportions. And so on: each letter keeps a share of what was left. (The entries not given above are made up
# to fill the picture.)

# %% figure
distributions = [
    {"A": 0.35, "B": 0.40, "C": 0.25},  # p(x1)
    {"A": 0.50, "B": 0.20, "C": 0.30},  # p(x2 | B)
    {"A": 0.10, "B": 0.30, "C": 0.60},  # p(x3 | B, A)
]
figure, ax = plt.subplots(figsize=(7.2, 2.7))
title = "BAC keeps 0.4, then 0.5 of it, then 0.6 of that"
plots.nested_intervals("BAC", distributions, ax=ax, title=title, label="p(BAC)")
plt.show()

# %% [markdown]
# ### Exercise: the probability of BAC
#
# Multiply on paper and type the number into `p_BAC`. An answer within 0.001 counts.
#
# <details><summary>Hint</summary>
# The interval at the bottom of the picture is a share of a share of a share.
# </details>

# %% exercise p_BAC
p_BAC = None  # replace None by your number
### BEGIN SOLUTION
p_BAC = 0.4 * 0.5 * 0.6
### END SOLUTION

# %% check p_BAC 1 point
typed(p_BAC, "p_BAC")
assert 0 <= p_BAC <= 1, "a probability lies between 0 and 1"
assert p_BAC < 0.4, "a longer sequence cannot be more probable than its first letter alone"
told = "p_BAC is not it yet: a share of a share of a share, and the bar at the bottom of the picture shows its length"
assert agrees(p_BAC, "p_BAC", "ceb498442620", within=0.001), told  # a fingerprint of the right number
### BEGIN HIDDEN TESTS
from autograder.checks import chain_rule as checks
checks.check_p_BAC(p_BAC)
### END HIDDEN TESTS

# %% demo
print(f"p(BAC) = {float(typed(p_BAC, 'p_BAC')):.2f}")

# %% [markdown]
# ### Exercise: a sequence nobody else has
#
# Type your first and last name (in quotes). The course draws from it a sequence of four letters and the
# distributions you need. Another name gets another table (two who type the same name share theirs). Each row
# of it holds the distribution of the next letter after the letters on the left.

# %% exercise student_name
student_name = None  # your first and last name, in quotes
### BEGIN SOLUTION
student_name = "Ada Lovelace"
### END SOLUTION

# %% demo
puzzle(student_name, "01")

# %% [markdown]
# Type the probability of your whole sequence into `p_mine`: a number, or a product such as `0.2 * 0.35`. An
# answer within 1 % counts, so give at least three significant digits.
#
# <details><summary>Hint</summary>
# From each row of the table you need one number only. Which column it is in, the sequence tells you.
# </details>

# %% exercise p_mine
p_mine = None  # replace None by your number
### BEGIN SOLUTION
p_mine = 0.60 * 0.25 * 0.30 * 0.20
### END SOLUTION

# %% check p_mine 1 point
typed(student_name, "student_name")
typed(p_mine, "p_mine")
assert 0 < p_mine < 1, "every letter in your table is possible and none is certain, so 0 < p < 1"
told = "p_mine is not the probability of your sequence: one number from each row, in the column of the letter that came"
assert puzzle(student_name, "01").agrees(-math.log(p_mine), within=0.01), told
### BEGIN HIDDEN TESTS
from autograder.checks import chain_rule as checks
checks.check_p_mine(student_name, p_mine)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `joint_probability`
#
# You have now done it twice by hand. Write it once for all sequences: given the conditional probabilities of
# what happened, $p(x_1),\ p(x_2 \mid x_1),\ \dots$, return the probability that all of it happened. If
# nothing has happened yet (no conditionals), nothing has been ruled out: return 1.
#
# <details><summary>Hint</summary>
# The standard library's <code>math</code> has a function for sums of a sequence, and one for this.
# </details>

# %% exercise joint_probability
def joint_probability(conditionals):
    """The probability of a sequence from the conditional probability of each of its symbols.

    conditionals : list, tuple or 1-D numpy array of T probabilities; T may be 0.
    Returns a number: p(x_1, ..., x_T).
    """
    ### BEGIN SOLUTION
    return math.prod(float(p) for p in conditionals)
    ### END SOLUTION

# %% check joint_probability 1 point
assert joint_probability([0.5]) is not None, "the function returns nothing; is a `return` missing?"
assert np.allclose(joint_probability([0.5, 0.5, 0.2]), 0.05), "half of a half of a fifth is 0.05"
assert np.allclose(joint_probability([0.4]), 0.4), "a sequence of one symbol has that symbol's probability"
assert np.allclose(joint_probability([]), 1), "before anything happens, nothing has been ruled out"
### BEGIN HIDDEN TESTS
from autograder.checks import chain_rule as checks
checks.check_joint_probability(joint_probability)
### END HIDDEN TESTS

# %% [markdown]
# ## Build it
#
# ### A joint is a table
#
# For a few discrete variables, a joint distribution is an array: one axis per variable, one entry per
# outcome, entries that sum to 1. Everything else is computed from it. Here is a town with three variables:
#
# | axis | variable | values |
# |:--|:--|:--|
# | 0 | $W$, the weather | sun, cloud, rain |
# | 1 | $U$, I carry an umbrella | no, yes |
# | 2 | $L$, my bus is late | no, yes |
#
# `joint[2, 1, 0]` is the probability that it rains, I carry an umbrella and the bus is on time.

# %%
p_weather = np.array([0.5, 0.3, 0.2])  # sun, cloud, rain
p_umbrella = np.array([[0.9, 0.1], [0.6, 0.4], [0.1, 0.9]])  # rows: weather; columns: no, yes
p_late = np.array([[0.9, 0.1], [0.8, 0.2], [0.5, 0.5]])  # rows: weather; columns: no, yes
joint = np.einsum("w,wu,wl->wul", p_weather, p_umbrella, p_late)  # (3, 2, 2)

# %% figure
figure, axes = plots.panels(2, width=3.5, height=2.5)
for u, ax in enumerate(axes):
    plots.table(
        joint[:, u], ["sun", "cloud", "rain"], ["on time", "late"], ax=ax, digits=3, vmax=0.45,
        title=["p(W, U = no, L)", "p(W, U = yes, L)"][u],
    )
plt.show()
print("shape:", joint.shape, " sum:", round(joint.sum(), 12))

# %% [markdown]
# ### Exercise: `marginal`
#
# To forget a variable, add up over its values: $p(w) = \sum_{u}\sum_{l} p(w, u, l)$. What is left is a
# **marginal** (people used to write such sums in the margins of the table).
#
# Write `marginal(joint, keep)`. `keep` is a tuple of axes to keep; all the others are summed out. The
# result's axes come **in the order that `keep` gives**: `keep=(2, 0)` on our town gives shape `(2, 3)`, the bus
# first and the weather second. A kept variable keeps its axis, even one with a single value. `keep=()` forgets
# everything and gives the total, shape `()`.
#
# <details><summary>Hint</summary>
# There are two jobs, summing and ordering. Which one first? If you sum first, which number has an axis got
# afterwards? (<code>np.einsum</code> can do both at once: see how it takes axis numbers instead of letters.)
# </details>

# %% exercise marginal
def marginal(joint, keep):
    """The joint distribution of some of the variables.

    joint : array (K_0, ..., K_{D-1}), entries sum to 1; axis i is variable i.
    keep  : tuple of distinct axes, any order, may be empty.
    Returns an array whose axes are the kept variables in the order of keep.
    """
    ### BEGIN SOLUTION
    keep = tuple(keep)
    drop = tuple(i for i in range(joint.ndim) if i not in keep)
    moved = joint.transpose(keep + drop)  # kept axes first, in the order asked for
    return moved.sum(axis=tuple(range(len(keep), joint.ndim)))
    ### END SOLUTION

# %% check marginal 2 points
assert np.shape(marginal(joint, (0,))) == (3,), "keep=(0,) leaves the weather, which has 3 values"
assert np.allclose(marginal(joint, (0,)), [0.5, 0.3, 0.2]), "p(W): sun 0.5, cloud 0.3, rain 0.2"
assert np.shape(marginal(joint, (2, 0))) == (2, 3), "keep=(2, 0): first late (2 values), then weather (3)"
assert np.allclose(marginal(joint, (2, 0))[1], [0.05, 0.06, 0.10]), "keep=(2, 0): row 1 is p(late, W)"
turned = np.asarray(marginal(joint, (2, 0, 1)))
assert turned.shape == (2, 3, 2), "keep=(2, 0, 1) sums nothing out and gives L, W, U in that order"
moved = all(np.isclose(turned[late, w, u], joint[w, u, late]) for w, u, late in np.ndindex(3, 2, 2))
assert moved, "keep=(2, 0, 1): entry [w, u, l] of the joint should stand at [l, w, u]"
assert np.shape(marginal(joint, ())) == (), "with every variable summed out, no axis is left"
assert np.allclose(marginal(joint, ()), 1), "with every variable summed out, the total probability is left"
### BEGIN HIDDEN TESTS
from autograder.checks import chain_rule as checks
checks.check_marginal(marginal)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `conditional`
#
# To learn a value, keep the part of the table that agrees with it and scale that part up to sum to 1:
#
# $$p(\text{target} \mid \text{given}) = \frac{p(\text{given}, \text{target})}{p(\text{given})}.$$
#
# Write `conditional(joint, target, given)`, both tuples of axes. The result's axes are **first those of
# `given`, then those of `target`**, each in the order you are handed, so that `result[w]` is the distribution
# of the target when the condition has the value `w`. Variables in neither are summed out. Where the condition
# has probability 0, return zeros (and no NaN).
#
# <details><summary>Hint</summary>
# You have a function for the numerator and for the denominator. How many axes has each, and how do they line
# up when numpy divides? Which entries should be divided at all, and what should stand in the others?
# </details>

# %% exercise conditional
def conditional(joint, target, given):
    """p(target | given), one distribution over the target for each value of the condition.

    joint  : array (K_0, ..., K_{D-1}), entries sum to 1.
    target : tuple of axes, not empty. given : tuple of axes, may be empty; the two share none.
    Returns an array with the axes of given, then those of target. A condition of probability 0 gives zeros.
    """
    ### BEGIN SOLUTION
    together = marginal(joint, tuple(given) + tuple(target))
    condition = marginal(joint, given)
    condition = np.reshape(condition, np.shape(condition) + (1,) * len(target))
    return np.divide(together, condition, out=np.zeros_like(together), where=condition > 0)
    ### END SOLUTION

# %% check conditional 3 points
p_u_given_w = conditional(joint, (1,), (0,))
assert np.shape(p_u_given_w) == (3, 2), "p(U | W): one row per weather, one column per value of U"
assert np.allclose(p_u_given_w, p_umbrella), "p(U | W) is the table that the town was built from"
totals = np.asarray(conditional(joint, (2,), (0, 1))).sum(axis=-1)
assert np.allclose(totals, 1), "given weather and umbrella, L still has to take some value"
given_lu = np.asarray(conditional(joint, (0,), (2, 1)))
assert np.allclose(given_lu[1, 0], np.array([45, 36, 10]) / 91), "given=(2, 1): [1, 0] is p(W | late, no umbrella)"
both = np.asarray(conditional(joint, (1, 2), (0,)))
assert np.allclose(both.sum(axis=(1, 2)), 1), "p(U, L | W): given the weather, all four entries together sum to 1"
late_first = np.asarray(conditional(joint, (2, 1), (0,)))[1]
assert np.allclose(late_first, [[0.48, 0.32], [0.12, 0.08]]), "target=(2, 1): given cloud, rows are L and columns U"
assert np.shape(conditional(joint, (0,), ())) == (3,), "given nothing, there is no axis in front of the target's"
assert np.allclose(conditional(joint, (0,), ()), [0.5, 0.3, 0.2]), "given nothing, p(W) is the marginal"
never = conditional(np.array([[0.5, 0.5], [0.0, 0.0]]), (1,), (0,))
assert np.allclose(never, [[0.5, 0.5], [0, 0]]), "a condition of probability 0 should give zeros"
### BEGIN HIDDEN TESTS
from autograder.checks import chain_rule as checks
checks.check_conditional(conditional)
### END HIDDEN TESTS

# %% [markdown]
# ### Independence, and why you will not meet it
#
# Two variables are **independent** if learning one leaves the other as it was: $p(l \mid u) = p(l)$ for every
# $u$, in words, *conditional = marginal*. Then the chain rule reads $p(u, l) = p(u)\,p(l)$, and modelling two
# variables is no harder than modelling each alone.
#
# My umbrella does not delay buses. Are $U$ and $L$ independent? Your functions will tell.

# %% demo
p_ul = marginal(joint, (1, 2))
as_if = np.outer(marginal(joint, (1,)), marginal(joint, (2,)))
given_u = np.asarray(conditional(joint, (2,), (1,)))

figure, axes = plots.panels(3, width=2.5, height=2.4)
titles = ["p(U, L)", "p(U) p(L)", "p(L | U)"]
for ax, values, title in zip(axes, [p_ul, as_if, given_u], titles, strict=True):
    plots.table(values, ["U = no", "U = yes"], ["on time", "late"], ax=ax, title=title, digits=3, vmax=1)
plt.show()
print(f"p(late)               = {float(marginal(joint, (2,))[1]):.2f}")
print(f"p(late | umbrella)    = {float(given_u[1, 1]):.2f}")
print(f"p(late | no umbrella) = {float(given_u[0, 1]):.2f}")

# %% [markdown]
# The two tables on the left differ, so they are **not** independent: seeing my umbrella makes a late bus more
# than twice as likely (0.34 against 0.14). Nothing mysterious happened. The umbrella tells you about the
# weather, and the weather about the bus. *Given* the weather they are independent, because that is how the
# town was built: $p(u, l \mid w) = p(u \mid w)\,p(l \mid w)$.
#
# Real data are like this everywhere, only more so. Neighbouring pixels belong to the same object; a word
# narrows the next one; and in English names *q* all but announces *u*. Each row below is the distribution of
# a name's second letter given its first. If letters were independent, all rows would look like the bar on
# top.

# %% figure
from lib.data import load_names

letters = "abcdefghijklmnopqrstuvwxyz"
pairs = np.zeros((26, 26))
for name, weight in load_names():
    pairs[letters.index(name[0]), letters.index(name[1])] += weight
rows = pairs / pairs.sum(axis=1, keepdims=True)  # p(second | first)

figure, (top, ax) = plt.subplots(2, 1, figsize=(5.6, 5.8), height_ratios=(1.2, 26), sharex=True)
top.imshow(np.sqrt(pairs.sum(axis=0, keepdims=True)), cmap=plots.AMOUNTS, vmin=0, vmax=1, aspect="auto")
top.set_yticks([0], ["any"])
top.set_title("Second letter of a name, given the first")
ax.imshow(np.sqrt(rows), cmap=plots.AMOUNTS, vmin=0, vmax=1, aspect="auto")
ax.set_xticks(range(26), letters)
ax.set_yticks(range(26), letters, fontsize=9)
ax.set(xlabel="second letter", ylabel="first letter")
for axis in (top, ax):
    axis.grid(False)
    axis.tick_params(length=0)
plt.show()
u = letters.index("u")
print(f"p(second = u)             = {pairs.sum(axis=0)[u]:.3f}")
print(f"p(second = u | first = q) = {rows[letters.index('q'), u]:.3f}")

# %% [markdown]
# ### Any order
#
# Nothing in the derivation cared which variable was called first. Three variables can be put in $3! = 6$
# orders, so $p(A, B, C)$ has six factorisations, all exact:
#
# $$\begin{aligned}
# p(A, B, C) &= p(A)\,p(B \mid A)\,p(C \mid A, B) = p(A)\,p(C \mid A)\,p(B \mid A, C)\\
# &= p(B)\,p(A \mid B)\,p(C \mid A, B) = p(B)\,p(C \mid B)\,p(A \mid B, C)\\
# &= p(C)\,p(A \mid C)\,p(B \mid A, C) = p(C)\,p(B \mid C)\,p(A \mid B, C).
# \end{aligned}$$
#
# Each order draws its own **dependency graph**: an arrow into a variable from everything that it is
# conditioned on. Without further assumptions that is everything before it.

# %% figure
symbols = "WUL"
figure, axes = plt.subplots(2, 3, figsize=(7.2, 2.5))
for ax, order in zip(axes.flat, itertools.permutations(range(3)), strict=True):
    a, b, c = (symbols[i] for i in order)
    title = f"$p({a})\\,p({b}|{a})\\,p({c}|{a},{b})$"
    plots.dependency_graph([[], [0], [0, 1]], labels=[a, b, c], ax=ax, title=title)
plt.show()

# %% [markdown]
# ### Exercise: `joint_from_order`
#
# Take a joint apart in a given order, and put it back together.
#
# `order` is a permutation $(o_0, o_1, \dots)$ of the axes. Return `(factors, rebuilt)`:
#
# - `factors[k]` is $p(x_{o_k} \mid x_{o_0}, \dots, x_{o_{k-1}})$ with axes $(o_0, \dots, o_{k-1}, o_k)$;
# - `rebuilt` is the product of all the factors, **with the axes back in the joint's own order**, so that it
#   equals `joint`.
#
# Multiply the factors for `rebuilt`: that they give back the very table they were taken from is the point of
# the exercise. Joints with zeros must work too: where a condition has probability 0, `conditional` gives zeros, and
# so do the factors.
#
# <details><summary>Hint</summary>
# The product of the first k factors has k axes and the next factor has one more: how do the two line up? At
# the end, axis k of your product belongs to variable <code>order[k]</code>, and <code>transpose</code> wants to
# be told the reverse: where variable 0 is now, and variable 1, and so on. Write it down for the order (2, 0, 1).
# </details>

# %% exercise joint_from_order
def joint_from_order(joint, order):
    """Factorise a joint along an order, and multiply the factors again.

    joint : array (K_0, ..., K_{D-1}), entries sum to 1.
    order : permutation of range(D), as a tuple.
    Returns (factors, rebuilt): a list of D arrays, factors[k] with k + 1 axes; an array shaped like joint.
    """
    ### BEGIN SOLUTION
    order = tuple(order)
    factors = [conditional(joint, (order[k],), order[:k]) for k in range(len(order))]
    rebuilt = np.ones(())
    for factor in factors:
        rebuilt = rebuilt[..., np.newaxis] * factor  # axes o_0, ..., o_k
    return factors, rebuilt.transpose(np.argsort(order))
    ### END SOLUTION

# %% check joint_from_order 3 points
result = joint_from_order(joint, (2, 0, 1))
assert len(result) == 2, "return two things: the list of factors, and rebuilt"
factors, rebuilt = result
assert [np.shape(f) for f in factors] == [(2,), (2, 3), (2, 3, 2)], "factors: p(L), p(W | L), p(U | L, W)"
assert np.allclose(factors[0], [0.79, 0.21]), "factors[0] is p(L): the bus is late 21 % of the time"
assert np.allclose(np.sum(np.asarray(factors[1]), axis=-1), 1), "factors[1] is p(W | L): each row sums to 1"
assert np.allclose(np.asarray(factors[2])[1, 2], [0.1, 0.9]), "factors[2] is p(U | L, W): late and rain, 9 umbrellas in 10"
for some in ((2, 0, 1), (1, 2, 0), (2, 1, 0)):
    factors, rebuilt = joint_from_order(joint, some)
    assert np.shape(rebuilt) == (3, 2, 2), f"order {some}: rebuilt should have the joint's axes in its order: W, U, L"
    assert np.allclose(rebuilt, joint), f"order {some}: the product of the factors should be the joint itself"
### BEGIN HIDDEN TESTS
from autograder.checks import chain_rule as checks
checks.check_joint_from_order(joint_from_order)
### END HIDDEN TESTS

# %% [markdown]
# Six orders, one probability. Take the outcome *rain, umbrella, bus on time*, read its three factors off each
# factorisation, and multiply. The factors differ from line to line; the product does not.

# %% demo
outcome = (2, 1, 0)  # rain, umbrella, on time
print("order     factors                    product")
for order in itertools.permutations(range(3)):
    factors, _ = joint_from_order(joint, order)
    values = [outcome[i] for i in order]
    picked = [float(np.asarray(factor)[tuple(values[: k + 1])]) for k, factor in enumerate(factors)]
    told = " × ".join(f"{p:.4f}" for p in picked)
    print(f"{', '.join('WUL'[i] for i in order)}   {told} = {math.prod(picked):.4f}")
print(f"\nthe table says                        {joint[outcome]:.4f}")

# %% [markdown]
# ### Any partition
#
# Nor did the derivation care that variables came one by one. Let $A$ and $B$ arrive together, then $C$ and
# $D$:
#
# $$p(A, B, C, D) = p(A, B)\; p(C, D \mid A, B).$$
#
# Models use this freedom all the time: a language model predicts tokens, which are blocks of letters; an
# image model may predict a pixel's red, green and blue as one block, or a whole row at once. Fewer steps, but
# each conditional is over more outcomes. One block with everything in it is the joint itself; blocks of one
# are the chain.
#
# ### Exercise: `joint_from_partition`
#
# As before, with blocks. `blocks` is a list of tuples of axes that together hold each axis once, such as
# `[(0, 1), (2,)]`. `factors[k]` is $p(\text{block}_k \mid \text{all earlier blocks})$; its axes are those of
# all earlier blocks in their order, then those of block $k$, in the block's order. `rebuilt` is their
# product, with the axes in the joint's own order. Conditions of probability 0 give zeros here too.
#
# <details><summary>Hint</summary>
# What is "earlier" now, and how many axes does a factor have more than the product before it? The way home is
# the same as before.
# </details>

# %% exercise joint_from_partition
def joint_from_partition(joint, blocks):
    """Factorise a joint block by block, and multiply the factors again.

    joint  : array (K_0, ..., K_{D-1}), entries sum to 1.
    blocks : list of tuples of axes; each axis of the joint is in exactly one of them.
    Returns (factors, rebuilt): one array per block, and an array shaped like joint.
    """
    ### BEGIN SOLUTION
    earlier, factors, rebuilt = (), [], np.ones(())
    for block in blocks:
        factor = conditional(joint, block, earlier)
        factors.append(factor)
        rebuilt = rebuilt.reshape(rebuilt.shape + (1,) * len(block)) * factor
        earlier += tuple(block)
    return factors, rebuilt.transpose(np.argsort(earlier))
    ### END SOLUTION

# %% check joint_from_partition 2 points
result = joint_from_partition(joint, [(2,), (1, 0)])
assert len(result) == 2, "return two things: the list of factors, and rebuilt"
factors, rebuilt = result
assert [np.shape(f) for f in factors] == [(2,), (2, 2, 3)], "for blocks L | U, W: p(L), then p(U, W | L)"
assert np.allclose(np.sum(np.asarray(factors[1]), axis=(1, 2)), 1), "given L, (U, W) still takes some value"
for blocks in ([(2,), (1, 0)], [(1, 2), (0,)], [(2, 0), (1,)], [(2,), (1,), (0,)]):
    factors, rebuilt = joint_from_partition(joint, blocks)
    assert np.shape(rebuilt) == (3, 2, 2), f"blocks {blocks}: rebuilt should have the joint's axes in its order: W, U, L"
    assert np.allclose(rebuilt, joint), f"blocks {blocks}: the product of the factors should be the joint itself"
assert np.allclose(np.asarray(factors[2])[1, 0], np.array([45, 36, 10]) / 91), "the third block is given *both* before it, in their order: p(W | L, U)"
(whole,), _ = joint_from_partition(joint, [(1, 2, 0)])
assert np.shape(whole) == (2, 2, 3), "one block: the joint itself, with the axes in the block's order, U, L, W"
### BEGIN HIDDEN TESTS
from autograder.checks import chain_rule as checks
checks.check_joint_from_partition(joint_from_partition)
### END HIDDEN TESTS

# %% [markdown]
# Three variables can be split into ordered blocks in 13 ways (the Fubini numbers, 1, 3, 13, 75, …, OEIS
# A000670): the joint itself, six orders, and six in between. All thirteen give back the same table, up to the
# last bit or two of a floating-point number.

# %% demo
partitions = []
for ranks in itertools.product(range(3), repeat=3):  # ranks[i]: the block that variable i is in
    if set(ranks) == set(range(max(ranks) + 1)):
        partitions.append([tuple(i for i in range(3) if ranks[i] == r) for r in range(max(ranks) + 1)])

for blocks in sorted(partitions, key=len):
    earlier, told = "", ""
    for block in blocks:
        now = ",".join("WUL"[i] for i in block)
        told += f" p({now}|{earlier})" if earlier else f" p({now})"
        earlier += f",{now}" if earlier else now
    _, rebuilt = joint_from_partition(joint, blocks)
    error = np.abs(np.asarray(rebuilt) - joint).max()
    print(f"{told:24} {'the same table' if error < 1e-12 else f'off by {error:.2g}'}")

# %% [markdown]
# ### Same joint, different difficulty
#
# All orders are exact. They are not all equally *easy*. Look at our town again. In the order weather,
# umbrella, bus, the last conditional $p(l \mid w, u)$ is supposed to look at both. But given the weather the
# umbrella tells it nothing: $p(l \mid w, u) = p(l \mid w)$, and we may erase that arrow. In the order bus,
# umbrella, weather, nothing can be erased.

# %% demo
changes = [
    ("weather first: p(L | W, U) with U", np.ptp(conditional(joint, (2,), (0, 1)), axis=1)),
    ("weather last:  p(U | L)    with L", np.ptp(conditional(joint, (1,), (2,)), axis=0)),
    ("               p(W | L, U) with U", np.ptp(conditional(joint, (0,), (2, 1)), axis=1)),
    ("                           with L", np.ptp(conditional(joint, (0,), (2, 1)), axis=0)),
]
figure, axes = plots.panels(2, width=3.4, height=1.5)
plots.dependency_graph([[], [0], [0]], labels="WUL", ax=axes[0], title="weather first: 2 arrows")
plots.dependency_graph([[], [0], [0, 1]], labels="LUW", ax=axes[1], title="weather last: 3 arrows")
plt.show()
print("How much a conditional changes, at most:")
for told, change in changes:
    print(f"{told}   {np.max(change):.3f}")

# %% [markdown]
# An order that goes from causes to effects often needs few arrows; the reverse order has to describe, at
# every step, everything that the not yet mentioned cause did to its effects. Difficulty need not even be
# about arrows. Take two random primes $P < Q$ and their product $N$. In the order $P, Q, N$ the last step is
# a multiplication. In the order $N, P, Q$ the second step is to factor $N$, on whose difficulty RSA is built
# (Rivest, Shamir & Adleman 1978). Same joint, both factorisations exact.
#
# ### Exercise: `free_parameters`
#
# A way to measure difficulty: the number of entries you must write down. The conditional of a variable with
# $K$ values needs one row for each combination of its parents' values, and each row has $K - 1$ *free*
# entries, since it sums to 1.
#
# Write `free_parameters(cardinalities, parents)`: the total over all variables. `cardinalities[i]` is the
# number of values of variable $i$ and `parents[i]` the tuple of variables that it is conditioned on. Return a
# Python integer: the numbers will become too large for numpy's.
#
# <details><summary>Hint</summary>
# How many rows has a table with no parents? <code>math.prod</code> agrees with you.
# </details>

# %% exercise free_parameters
def free_parameters(cardinalities, parents):
    """How many numbers the conditional tables of a factorisation hold that can be chosen freely.

    cardinalities : list of D ints, the number of values of each variable.
    parents       : list of D tuples; parents[i] are the variables that variable i is conditioned on.
    Returns an int.
    """
    ### BEGIN SOLUTION
    rows = [math.prod(cardinalities[j] for j in of) for of in parents]
    return sum((k - 1) * r for k, r in zip(cardinalities, rows, strict=True))
    ### END SOLUTION

# %% check free_parameters 2 points
assert free_parameters([6], [()]) == 5, "a die: the sixth probability follows from the other five"
assert free_parameters([3, 2, 2], [(), (0,), (0,)]) == 8, "weather first: 2 for W, then 3 for U, 3 for L"
assert free_parameters([3, 2, 2], [(1, 2), (2,), ()]) == 11, "weather last: 1 for L, 2 for U, 8 for W"
assert free_parameters([2, 3, 4], [(), (), (0, 1)]) == 21, "two causes of 2 and 3 values: 1, 2, and 6 rows of 3 for their effect"
### BEGIN HIDDEN TESTS
from autograder.checks import chain_rule as checks
checks.check_free_parameters(free_parameters)
### END HIDDEN TESTS

# %% [markdown]
# Eight against eleven is no drama yet. Give the weather more effects: umbrellas, buses, ice cream, traffic
# jams, all independent of one another *given* the weather. Weather first, each effect needs three numbers.
# Weather last, each effect has to look at all the effects before it.

# %% figure
counts = range(1, 15)
first, last = [], []
for n in counts:
    cardinalities = [3] + [2] * n  # variable 0 is the weather
    first.append(free_parameters(cardinalities, [()] + [(0,)] * n))
    effects = [tuple(range(1, i)) for i in range(1, n + 1)]  # each effect looks at the effects before it
    last.append(free_parameters(cardinalities, [tuple(range(1, n + 1)), *effects]))

figure, ax = plt.subplots(figsize=(6.4, 3.2))
ax.semilogy(counts, last, "o-", color=plots.COLOURS["vermilion"])
ax.semilogy(counts, first, "o-", color=plots.COLOURS["blue"])
ax.text(12.8, last[-1], "weather last", color=plots.COLOURS["vermilion"], ha="right", fontweight="bold")
ax.text(13.8, 1.6 * first[-1], "weather first", color=plots.COLOURS["blue"], ha="right", fontweight="bold")
ax.set(xlabel="number of effects", ylabel="free parameters", title="One joint, two orders")
plt.show()
print(f"10 effects: weather first {first[9]}, weather last {last[9]}")

# %% [markdown]
# ### Exercise: `cheapest_order`
#
# Three variables have 6 orders, five have 120. Let the computer try them all.
#
# For one order, a variable's **parents** are those earlier variables that its conditional really needs: the
# conditional of variable $i$ given *all* earlier ones changes when variable $j$ alone changes, for at least one
# setting of the other earlier ones. All other arrows may be erased together. (This holds because no outcome has
# probability 0. If A, B and C were always equal, A would add nothing once B is known, nor B once A is known; yet C
# needs one of them.) The cost of the order is the number of free parameters of the tables that are left.
#
# Write `cheapest_order(joint)`. It returns `(order, count)`: an order of lowest cost, and that cost. If several
# orders cost the same, any of them will do. If an arrow is needed, some entry of the conditional changes by 0.01 or
# more, perhaps in one setting only and between two values only; if it is not, nothing but rounding moves any entry.
#
# <details><summary>Hint</summary>
# The cell that drew the town's two graphs measures whether an arrow may go. Which axis of a conditional belongs to
# which variable? And <code>free_parameters</code> wants the parents by variable, not by turn.
# </details>

# %% exercise cheapest_order
def cheapest_order(joint):
    """Search all orders for one whose conditional tables, with every needless arrow erased, hold the fewest numbers.

    joint : float64 array (K_0, ..., K_{D-1}), entries above 0 that sum to 1; D is at most 5.
    Returns (order, count): a permutation of range(D) as a tuple, and its number of free parameters.
    """
    ### BEGIN SOLUTION
    found = []
    for order in itertools.permutations(range(joint.ndim)):
        parents = [()] * joint.ndim
        for k, i in enumerate(order):
            table = conditional(joint, (i,), order[:k])  # axis a belongs to variable order[a]
            parents[i] = tuple(order[a] for a in range(k) if np.ptp(table, axis=a).max() > 1e-6)
        found.append((free_parameters(list(joint.shape), parents), order))
    count, order = min(found)
    return order, count
    ### END SOLUTION

# %% check cheapest_order 3 points
order, count = cheapest_order(joint)
assert sorted(int(i) for i in order) == [0, 1, 2], "the order should name each of the variables 0, 1, 2 once"
assert count == 8, "our town needs 8 numbers, with the weather not last: given W, neither U nor L changes with the other"
assert int(order[2]) != 0, "with the weather last, nothing can be erased, and the town needs 11 numbers"
turned = np.transpose(joint, (1, 2, 0))  # the same town with the axes U, L, W
assert cheapest_order(turned)[1] == 8, "the same town costs the same, whatever the numbers of its axes"
one_of_two = np.array([[0.9, 0.1], [0.2, 0.8]])  # p(C = 1) is high if exactly one of the coins A, B shows heads
coins = np.stack([np.stack([one_of_two[a ^ b] / 4 for b in (0, 1)]) for a in (0, 1)])  # axes A, B, C
assert cheapest_order(coins)[1] == 6, "every two of A, B, C are independent, but the last one needs both others: 1 + 1 + 4"
quiet = np.array([[0.9, 0.2], [0.2, 0.2]])  # p(C = 0 | A, B): an alarm with two causes
order, _ = cheapest_order(np.stack([quiet / 4, (1 - quiet) / 4]))  # axes C, A, B
assert int(order[2]) == 0, "axis 0, the alarm, should be drawn last: order[k] is the variable whose turn is k"
### BEGIN HIDDEN TESTS
from autograder.checks import chain_rule as checks
checks.check_cheapest_order(cheapest_order)
### END HIDDEN TESTS

# %% [markdown]
# Now a whole morning. A strike ($S$) delays buses as rain does, and if my bus is late, I mostly miss the meeting
# ($M$).

# %% demo
p_strike, p_late_ws = np.array([0.8, 0.2]), np.array([[0.1, 0.6], [0.2, 0.7], [0.5, 0.9]])  # p(L = yes | W, S)
late = np.stack([1 - p_late_ws, p_late_ws], axis=-1)
missed = np.array([[0.95, 0.05], [0.30, 0.70]])  # p(M | L)
morning = np.einsum("w,wu,s,wsl,lm->wulsm", p_weather, p_umbrella, p_strike, late, missed)  # axes W, U, L, S, M
order, count = cheapest_order(morning)
print(f"cheapest: {', '.join('WULSM'[i] for i in order)} with {count} numbers; the joint itself has {morning.size - 1}")

# %% figure
from lib.orders import order_costs

graphs, costs = order_costs(morning)  # for each of the 120 orders
dear = max(costs, key=costs.get)
cheap = tuple(int(i) for i in cheapest_order(morning)[0])
figure = plt.figure(figsize=(7.4, 3.6))
left, right = figure.subfigures(1, 2, width_ratios=(1, 1.15))
ax = left.subplots()
ax.hist(costs.values(), bins=np.arange(13.5, 36), color=plots.COLOURS["blue"], rwidth=0.9)
ax.set(title="120 orders, one joint", xlabel="free parameters", ylabel="number of orders")
for ax, order, told in zip(right.subplots(2, 1), (cheap, dear), ("cheapest", "dearest"), strict=True):
    plots.dependency_graph(graphs[order], labels=["WULSM"[i] for i in order], ax=ax, title=f"{told}: {costs[order]}")
plt.show()

# %% [markdown]
# Ten orders share the first place, all with the weather and the strike before the bus and the bus before the
# meeting; whether weather or umbrella comes first makes no difference. The dearest order costs two and a half
# times as much, for the same joint. But the search itself does not scale: ten variables have
# 3,628,800 orders, and 784 pixels a number of them with 1,931 digits. Real models take an order that somebody
# thought sensible.
#
# And note what did the saving: the erased arrows. **By itself the chain rule saves nothing.** With no arrow erased, the
# tables of any order hold exactly as many free numbers as the joint, which is as it must be, since the
# identity is exact. For $D$ binary variables that is $1 + 2 + 4 + \dots + 2^{D-1} = 2^D - 1$. Here is what
# that means for a black-and-white image of 28 × 28 = 784 pixels, the size of the digits you will model from
# lesson 3 on.

# %% demo
n = 784
cardinalities = [2] * n
for k, told in [(0, "nothing"), (1, "the one before"), (10, "the 10 before"), (n, "all before")]:
    count = free_parameters(cardinalities, [tuple(range(max(0, i - k), i)) for i in range(n)])
    shown = f"{count:,}" if count < 10**9 else f"a number of {len(str(count))} digits"
    print(f"each pixel given {told:15} {shown}")
print("The last one is 2**784 - 1:", count == 2**784 - 1)

# %% [markdown]
# No memory will ever hold the last line, and no data set could fill it. So what do models do?
#
# ### Where approximation enters
#
# Two things, and each of them approximates. Some models **erase arrows** that are really there: one that looks at
# the ten pixels before supposes that the others add nothing. Nearly all **share weights**: they write *one
# function* with a modest number of parameters $\theta$ that computes every conditional,
# $p_\theta(x_t \mid x_{<t}) = f_\theta(x_{<t})$, for every $t$ and every history. A network with 500 hidden
# units that serves all 784 pixels has some 785 thousand parameters (NADE, lesson 3), instead of a number of
# 237 digits.
#
# The chain rule stays exact: $\prod_t p_\theta(x_t \mid x_{<t})$ is a proper joint distribution for any
# $\theta$ whatever, and it sums to 1 with no normalising constant to compute. What is approximate is each
# conditional: $f_\theta$ can only express *some* functions of the history. Sharing is the model's **inductive
# bias**, its bet that similar histories call for similar predictions: that a *q* means the same wherever it
# stands in a name, that an edge looks the same wherever it is in the image. When the bet is good, what is
# learnt from one history helps with all the others, including those never seen.
#
# So *factorising* costs nothing and changes nothing. *Parameterising*, that is, which arrows to keep and what
# function to put behind them, is where every modelling decision in this course lives.

# %% [markdown]
# ### Exercise: `ancestral_sample`
#
# A factorisation is also a recipe for making outcomes: draw the first variable from its marginal, the second
# from its conditional given the first, and so on. Parents are drawn before children, hence **ancestral
# sampling**. Each draw is fed back as a condition for the next: the model's own outputs become its inputs.
# This is the *auto* in autoregressive.
#
# To turn a uniform number $u \in [0, 1)$ into a value, lay the probabilities end to end and see where $u$
# falls: take **the smallest value $v$ with $u < p(0) + \dots + p(v)$**. (If rounding leaves none, since the sum
# stops a hair below 1: the last value of positive probability. No test has a $u$ on an edge that rounding moves.) So that a right answer is one answer, the
# uniforms are given to you, and they go by position: **column $i$ of `uniforms` decides variable $i$ of the
# joint**, whatever the order, and column $i$ of the result is variable $i$ as well. The order only says who is
# drawn first.
#
# <details><summary>Hint</summary>
# One sample at a time is fine. When variable order[k] is due, which values are known, and in which order do the
# axes of factor k ask for them? Then compare u with where each value's stretch ends.
# </details>

# %% exercise ancestral_sample
def ancestral_sample(joint, order, uniforms):
    """Draw outcomes from a joint, one variable at a time.

    joint    : array (K_0, ..., K_{D-1}), entries sum to 1.
    order    : permutation of range(D), as a tuple: the order in which the variables are drawn.
    uniforms : array (n, D), numbers in [0, 1), n >= 1; column i decides variable i, whatever the order. Left as it is.
    Returns an array (n, D) of whole numbers (of any type); column i holds the values of variable i.
    """
    ### BEGIN SOLUTION
    order = tuple(order)
    factors = [conditional(joint, (order[k],), order[:k]) for k in range(len(order))]
    samples = np.zeros(uniforms.shape, dtype=int)
    for sample, row in zip(samples, uniforms, strict=True):
        for k, i in enumerate(order):
            p = factors[k][tuple(sample[list(order[:k])])]
            last = np.flatnonzero(p)[-1]  # for a sum that stops below 1
            sample[i] = min(np.searchsorted(np.cumsum(p), row[i], side="right"), last)
    return samples
    ### END SOLUTION

# %% check ancestral_sample 3 points
tiny = np.array([[0.25, 0.25], [0.5, 0.0]])
drawn = ancestral_sample(tiny, (0, 1), np.array([[0.1, 0.7], [0.5, 0.7]]))
assert np.shape(drawn) == (2, 2), "one row per sample, one column per variable"
assert np.array_equal(np.asarray(drawn), [[0, 1], [1, 0]]), "0.1, 0.7 draw 0, 1; 0.5, 0.7 draw 1, 0: where 0 ends, at 0.5, 1 begins"
drawn = ancestral_sample(tiny, (1, 0), np.array([[0.5, 0.9]]))
assert np.array_equal(np.asarray(drawn), [[0, 1]]), "order (1, 0): still, the first uniform decides variable 0"
drawn = ancestral_sample(joint, (2, 0, 1), np.array([[0.1, 0.8, 0.9]]))
assert np.array_equal(np.asarray(drawn), [[0, 0, 1]]), "town, order (2, 0, 1): 0.9 draws late, 0.1 sun, and given late and sun 0.8 no umbrella"
drawn = ancestral_sample(joint, (2, 1, 0), np.array([[0.35, 0.9, 0.9]]))
assert np.array_equal(np.asarray(drawn), [[2, 1, 1]]), "town, order (2, 1, 0): late, umbrella, and given both, 0.35 draws rain"
### BEGIN HIDDEN TESTS
from autograder.checks import chain_rule as checks
checks.check_ancestral_sample(ancestral_sample)
### END HIDDEN TESTS

# %% [markdown]
# Two opposite orders, the same 2000 × 3 uniforms. The individual samples differ; their frequencies settle on
# the same joint.

# %% figure
uniforms = np.random.default_rng(1).uniform(size=(2000, 3))
outcomes = list(itertools.product(range(3), range(2), range(2)))
labels = [["sun", "cloud", "rain"][w] + ", U" * u + ", L" * late for w, u, late in outcomes]

frequencies = {}
for order in [(0, 1, 2), (2, 1, 0)]:
    drawn = np.asarray(ancestral_sample(joint, order, uniforms))
    told = "2000 samples, order " + ", ".join("WUL"[i] for i in order)
    frequencies[told] = [np.mean((drawn == o).all(axis=1)) for o in outcomes]

figure, ax = plt.subplots(figsize=(7.2, 3.2))
ax.bar(range(12), [joint[o] for o in outcomes], color="#c9d8e6", width=0.8, label="the joint")
for (told, values), marker, colour in zip(frequencies.items(), "ox", ("blue", "vermilion"), strict=True):
    ax.plot(range(12), values, marker, color=plots.COLOURS[colour], markeredgewidth=2, label=told)
ax.set_xticks(range(12), labels, rotation=45, ha="right")
ax.set(ylabel="probability", title="Any order samples the same joint")
ax.grid(axis="x", visible=False)
ax.legend()
plt.show()

# %% [markdown]
# ## Watch it work
#
# ### The chain rule on real names
#
# The probability of a name, by counting whole names: the share of people who have it. And by the chain rule:
# the product of what each letter contributes, times the probability that the name ends there. (A sequence of
# unknown length needs an *end* symbol among its outcomes; without it every prefix would count as finished.)

# %% demo
from lib.data import load_names
from lib.controls.keyboard import LETTERS, next_letters

names = load_names()
for word in ("maria", "quincy", "al"):
    spelled = word + LETTERS[-1]
    picked = [next_letters(names, spelled[:t])[LETTERS.index(spelled[t])] for t in range(len(spelled))]
    told = " × ".join(f"{p:.3g}" for p in picked)
    print(f"{word:7} {told} = {joint_probability(picked):.4e}")
    print(f"{'':7} counted as a whole: {dict(names)[word]:.4e}\n")

# %% [markdown]
# Equal to the last digit. But see what was needed: a table row for every prefix of every name. With all of
# the history, the model has memorised the census and can only ever recite it.
#
# ### What you lose by forgetting, and what you gain · *optional*
#
# So let us be crude and use only the last $k$ letters of the history:
# $p(x_t \mid x_{<t}) \approx p(x_t \mid x_{t-k}, \dots, x_{t-1})$. Note the ≈. We erase arrows that are
# really there and *share* one row among all places with the same last $k$ letters. We count on nine names out
# of ten and keep the tenth hidden, then look at three things: names sampled (ancestrally, of course), how
# many of 500 samples are real names, and how many of the hidden names the model thinks possible at all.

# %% demo
from collections import defaultdict

from lib.data import load_names
from lib.controls.keyboard import LETTERS

names = load_names()
train = [item for i, item in enumerate(names) if i % 10 != 9]
hidden = [name for i, (name, _) in enumerate(names) if i % 10 == 9]
real = {name for name, _ in names}


def count(names, k):
    """Rows p(next | last k letters), by counting: a dictionary from context to array (27,)."""
    rows = defaultdict(lambda: np.zeros(27))
    for name, weight in names:
        for t, letter in enumerate(name + LETTERS[-1]):
            rows[name[max(0, t - k) : t]][LETTERS.index(letter)] += weight
    return {context: row / row.sum() for context, row in rows.items()}


def spell(rows, k, rng):
    """One name, letter by letter; each letter joins the context of the next."""
    name = ""
    while True:
        letter = LETTERS[rng.choice(27, p=rows[name[max(0, len(name) - k) :]])]
        if letter == LETTERS[-1]:
            return name
        name += letter


def is_possible(name, rows, k):
    """Whether no letter of the name, nor its end, has probability 0."""
    spelled = name + LETTERS[-1]
    contexts = [name[max(0, t - k) : t] for t in range(len(spelled))]
    return all(c in rows and rows[c][LETTERS.index(x)] > 0 for c, x in zip(contexts, spelled, strict=True))


print(f"{'k':>3} {'rows':>6}  {'real':>5}  {'hidden names':>12}\n{'':11} {'':5}  {'possible':>12}   samples")
for k in (0, 1, 2, 3, 4, 11):
    rows, rng = count(train, k), np.random.default_rng(1)
    samples = [spell(rows, k, rng) for _ in range(500)]
    genuine = np.mean([name in real for name in samples])
    possible = np.mean([is_possible(name, rows, k) for name in hidden])
    shown = ", ".join(s or "(empty)" for s in samples[:6])
    print(f"{k if k < 11 else 'all':>3} {len(rows):6}  {genuine:5.0%}  {possible:12.0%}   {shown}")

# %% [markdown]
# Read it from top to bottom. With no history the letters have the right frequencies and nothing else. With
# two letters the samples can be pronounced, with three half of them are real, with four most. With all of it every
# sample is real, copied from the list, and **every hidden name is declared impossible**. An exact model of
# the data you have is a useless model of the data you have not.
#
# A table can only choose between forgetting history and not generalising. A network shares across histories
# that *resemble* each other instead of only those that end alike, and so escapes the choice. That is lessons
# 3 to 7.

# %% [markdown]
# ### The other answer: latent variables · *optional*
#
# There is a second way to make many dependent variables out of simple parts. The weather did it in our town:
# umbrella and bus are dependent, but *independent given* a cause. A **variational autoencoder** (Kingma &
# Welling 2014) supposes such hidden causes $z$ for everything: draw $z$ from something simple, then draw all
# the $x_t$ independently given it, all at once. Then $p(x) = \int p(z) \prod_t p(x_t \mid z)\, dz$. One
# parallel step to sample, where the chain needs $D$. The price is the integral: nobody told us $z$, so the
# likelihood of $x$ can only be bounded, while the chain rule gives it exactly. Both are ways not to write
# down the big table, and they can be combined.

# %% figure
figure, axes = plots.panels(2, width=3.6, height=2.3)
plots.dependency_graph([[], [0], [0, 1], [0, 1, 2]], ax=axes[0], title="autoregressive")
latent = [[], [0], [0], [0], [0]]
places = [(1.5, 1.1), (0, 0), (1, 0), (2, 0), (3, 0)]
plots.dependency_graph(
    latent, labels=["$z$", *(f"$x_{i}$" for i in (1, 2, 3, 4))], positions=places, ax=axes[1],
    title="latent variable",
)
plt.show()

# %% [markdown]
# ### Orders that are not time · *optional*
#
# The index $t$ says what is generated when, and nothing else. Pixels have no natural first: left to right and
# top to bottom is a convention, coarse to fine is another, and any permutation will do. The columns of a
# spreadsheet or the entries of a vector can be chained likewise. Even a diffusion model is a chain over
# *noise levels*: it models $p(x_0, \dots, x_T) = p(x_T)\prod_{t=1}^{T} p(x_{t-1} \mid x_t)$ (Ho, Jain & Abbeel
# 2020), where each variable is a whole image and each arrow reaches back one step. With one difference: this
# product is the probability of the image *together with all its noisy versions*. The image alone is $p(x_0)$, with
# the others summed out, and that, as with latent variables, can only be bounded.

# %% figure
rng = np.random.default_rng(0)
coarse = np.full((5, 5), -1)
step = 0
for stride in (4, 2, 1):  # every 4th pixel, then every 2nd, then all
    for i, j in itertools.product(range(0, 5, stride), repeat=2):
        if coarse[i, j] < 0:
            coarse[i, j] = step
            step += 1
raster, shuffled = np.arange(25).reshape(5, 5), rng.permutation(25).reshape(5, 5)
grids = {"raster scan": raster, "coarse to fine": coarse, "a permutation": shuffled}

figure = plt.figure(figsize=(7.2, 4.2))
above, below = figure.subfigures(2, 1, height_ratios=(1.5, 1))
for ax, (title, grid) in zip(above.subplots(1, 3), grids.items(), strict=True):
    ax.imshow(grid, cmap=plots.AMOUNTS, vmin=0, vmax=35)
    for (i, j), t in np.ndenumerate(grid):
        ax.text(j, i, t + 1, ha="center", va="center", fontsize=10, color="white" if t > 16 else "black")
    ax.set_title(title)
    ax.axis("off")

y, x = np.mgrid[-1:1:14j, -1:1:14j]
image = np.exp(-(((np.hypot(x, y) - 0.6) / 0.2) ** 2)) * 2 - 1  # a ring
axes = below.subplots(1, 5)
for t, ax in zip((4, 3, 2, 1, 0), axes, strict=True):
    keep = math.cos(math.pi / 2 * t / 4)
    noise = rng.standard_normal(image.shape)
    ax.imshow(keep * image + math.sqrt(1 - keep**2) * noise, cmap="gray", vmin=-2, vmax=2)
    ax.axis("off")
    ax.set_title(f"$x_{t}$" + ("  →" if t else ""), loc="center")
below.suptitle("diffusion: the steps are noise levels", fontsize=12, fontweight="bold", x=0.02, ha="left")
plt.show()

# %% [markdown]
# ### *Auto* is something that happens at inference
#
# *Regression* predicts a variable from others; *auto*-regression predicts a series from its own past. The
# idea is a century old: Yule (1927) predicted sunspot numbers from those of the two years before. When you
# **generate**, the past is what the model itself has just drawn. Outputs become inputs, one step after
# another; there is no way to know the third letter before the second.
#
# **Training need not be autoregressive.** To raise the probability of a name in the data, every conditional
# $p_\theta(x_t \mid x_{<t})$ looks at a past that is already there, in the data. The terms of the product are
# as many separate prediction problems, and all can be computed at once:
#
# | | the past comes from | steps for a sequence of length $D$ |
# |:--|:--|:--|
# | training, scoring | the data | 1 pass, all positions in parallel (given the right architecture) |
# | generating | the model's own draws | $D$ passes, one after another |
#
# Half of this course exploits the first row, and half fights the second. Training on the data's past has a
# name, teacher forcing, and is lesson 2.
#
# ### Four things that the name does not say
#
# - **Autoregressive is not transformer.** The word names the factorisation. What computes $f_\theta$ is another
#   question: a table (above), a logistic regression (lesson 3), a masked network (4), a convolution (5 and 6), a
#   recurrence or attention (7). And a transformer need not be autoregressive: one that is trained to fill in
#   blanks looks both ways.
# - **Causality lives in the connectivity, not in the loss.** The probability of $x$ is a product of numbers, and a
#   product does not know what its numbers were computed from. No loss asks a network to keep its eyes off the
#   answer; on the contrary, looking makes the loss smaller. Which inputs reach which outputs is settled by the
#   wiring, and it is the wiring that has to be checked (below).
# - **$p(A, B, C)$ is not $p(C \mid A, B)$.** The second has two inputs and one output: $a$ and $b$ must be given,
#   and nothing is said about how probable they are. That is ordinary regression or classification. The first has
#   three *outputs*, and needs three conditionals with no input, one, and two. It contains the second as its last
#   factor, and not the other way round.
# - **It does not condition on any subset.** A joint determines every conditional, but the model has at hand only
#   those of its own order. In the order W, U, L it tells you about the umbrella given the weather at once. The
#   weather given the bus takes a sum over all that lies between: two terms here, $2^{782}$ for the first pixel given the
#   last. (Lesson 3 fills in what comes *after* the known pixels. Lesson 9 has a network for any subset, and says
#   what that costs.)

# %% [markdown]
# ## Play
#
# A keyboard that has read the census. Below is what it shows after *mar*; then it is yours.

# %% demo
from lib.data import load_names
from lib.controls.keyboard import draw_keyboard

draw_keyboard(load_names(), "mar")
plt.show()

# %% [markdown]
# Type letters in the box, or press the keys: dark keys are probable, grey ones impossible. (On a page that
# cannot run code you see only the picture above.) Things to try:
#
# 1. After *fra* the next letter is certain. How many bits does it bring? Find another three letters like
#    that.
# 2. Spell your own name. Where does the entropy fall most? Where does it rise?
# 3. Only two prefixes of two letters leave more than 3 bits for the third. Which?
# 4. Two names share a beginning until one of them ends. Find such a pair, and watch the bar of the end.
# 5. Type *jq* in the box. What should a model say about a history that never happened? Counting has no
#    answer. A network always gives one: is that better?

# %% demo
from lib.data import load_names
from lib.controls.keyboard import keyboard

keyboard(load_names())

# %% [markdown]
# ## Spot the causality bug
#
# A product of conditionals is a joint distribution under one condition: **each position looks only at
# positions generated before it.** Code breaks this rule easily, and a model that breaks it looks wonderful,
# because predicting what you have seen is not hard.
#
# Here are four programs for sequences of length 4 over the values 0, 1, 2. Each takes a sequence `x` and
# returns an array `(4, 3)`: row $t$ is what it believes about $x_t$. Each claims to be a factorisation, in
# the order of generation written next to it.

# %%
START = np.array([0.5, 0.3, 0.2])  # p(first value)
TABLE = np.array([[0.1, 0.6, 0.3], [0.4, 0.2, 0.4], [0.7, 0.2, 0.1]])  # TABLE[a, b] = p(next = b | this = a)


def chain_A(x):  # generation order 0, 1, 2, 3
    """Predict each value by how often it has come so far (every count starts at 1)."""
    counts, rows = np.ones(3), []
    for value in x:
        rows.append(counts / counts.sum())
        counts[value] += 1
    return np.array(rows)


def chain_B(x):  # generation order 0, 1, 2, 3
    """Predict each value from its neighbours."""
    rows = []
    for t in range(4):
        left = START if t == 0 else TABLE[x[t - 1]]
        right = np.ones(3) if t == 3 else TABLE[:, x[t + 1]]
        rows.append(left * right / (left * right).sum())
    return np.array(rows)


def chain_C(x):  # generation order 3, 2, 1, 0
    """Predict each value from the one on its right."""
    return np.array([START if t == 3 else TABLE[x[t + 1]] for t in range(4)])


def chain_D(x):  # generation order 2, 0, 3, 1
    """Predict each value from the one before it."""
    return np.array([START if t == 0 else TABLE[x[t - 1]] for t in range(4)])

# %% [markdown]
# First read, and decide. Then use the course's probe: `lib.causality.dependence` changes one input at a time
# and watches which outputs move. It needs no source code, so it will judge every model of this course. Rows
# are outputs, columns inputs; grey is forbidden in the given order. Here it looks at `chain_A`:

# %% demo
from lib.causality import dependence, describe, leaks

example = np.array([0, 2, 1, 1])
seen = dependence(chain_A, example, n_values=3)
figure, ax = plt.subplots(figsize=(3, 2.9))
plots.dependence_matrix(seen, ax=ax, order=(0, 1, 2, 3), title="chain_A")
plt.show()
print("chain_A:", describe(leaks(seen, order=(0, 1, 2, 3))))

# %% [markdown]
# ### Exercise: find the leaks
#
# For each program, list the pairs `(output, input)` in which the prediction of position *output* looks at
# position *input* although *input* is not generated before it, in the order that the program claims. For a
# sound program type the empty list `[]`. Probe the others as above (copy the cell), each with its own generation
# order.
#
# <details><summary>Hint</summary>
# Write the order down as "who is already there" before each step. Looking to the right is no crime if the
# right is older.
# </details>

# %% exercise found_leaks
leaks_A = None  # replace each None by a list of (output, input) pairs, or by []
leaks_B = None
leaks_C = None
leaks_D = None
### BEGIN SOLUTION
leaks_A = []
leaks_B = [(0, 1), (1, 2), (2, 3)]
leaks_C = []
leaks_D = [(2, 1)]
### END SOLUTION

# %% check found_leaks 2 points
for label, answer in zip("ABCD", (leaks_A, leaks_B, leaks_C, leaks_D), strict=True):
    typed(answer, f"leaks_{label}")
    is_pairs = all(np.shape(pair) == (2,) for pair in answer)
    assert is_pairs, f"leaks_{label}: a list of (output, input) pairs such as [(1, 0)], or []"
### BEGIN HIDDEN TESTS
from autograder.checks import chain_rule as checks
checks.check_found_leaks(leaks_A, leaks_B, leaks_C, leaks_D)
### END HIDDEN TESTS

# %% [markdown]
# ### What a leak costs · *optional*
#
# Multiply each program's four numbers for a sequence, and add up over all $3^4 = 81$ sequences. A joint
# distribution gives 1.

# %% demo
for label, chain in zip("ABCD", (chain_A, chain_B, chain_C, chain_D), strict=True):
    sequences = itertools.product(range(3), repeat=4)
    total = sum(math.prod(chain(np.array(x))[range(4), x]) for x in sequences)
    print(f"chain_{label}: the 81 products sum to {total:.3f}")

# %% [markdown]
# <details><summary>What it means (open it once you have answered)</summary>
#
# `chain_B` hands out more probability than there is. Every one of its rows is a *correct* conditional,
# $p(x_t \mid \text{neighbours})$, of the very chain that `TABLE` describes; the rows just do not chain.
# (Their product is Besag's pseudo-likelihood of 1975, useful, but no likelihood. Networks trained to fill in
# blanks have the same property.) A test score computed this way looks better than it is.
#
# `chain_D` sums to 1, and yet it is broken. It is a perfectly sound factorisation, of *another* order, left
# to right. In the order that it claims, it wants to know $x_1$ when it starts, at position 2, and $x_1$ comes
# last. The bug shows only when you generate. It is a real one: the order was applied to the outputs and
# forgotten for the inputs.
#
# </details>

# %% [markdown]
# ### Exercise: repair it
#
# Write `shuffled_repaired(x, order, start, table)`: what `chain_D` meant to be, for any order. Position
# `order[0]` has the distribution `start`. Every later one has the row of `table` that belongs to the value at
# the position **generated just before it**. Row $t$ of the result describes position $t$, as above.
#
# <details><summary>Hint</summary>
# Walk along the order, not along the array, and write each row to its place.
# </details>

# %% exercise shuffled_repaired
def shuffled_repaired(x, order, start, table):
    """A chain along a given order: each value depends on the one generated just before it.

    x     : int array (T,), values in range(K).
    order : permutation of range(T), as a tuple.
    start : array (K,), p(first value generated).
    table : array (K, K), table[a, b] = p(next = b | last = a).
    Returns an array (T, K); row t is the distribution of x[t].
    """
    ### BEGIN SOLUTION
    rows = np.zeros((len(x), len(start)))
    rows[order[0]] = start
    for before, now in itertools.pairwise(order):
        rows[now] = table[x[before]]
    return rows
    ### END SOLUTION

# %% check shuffled_repaired 2 points
rows = np.asarray(shuffled_repaired(np.array([0, 2, 1, 1]), (2, 0, 3, 1), START, TABLE))
assert rows.shape == (4, 3), "one row for each of the 4 positions, one column for each of the 3 values"
assert np.allclose(rows[2], START), "position 2 is generated first, so it looks at nothing"
assert np.allclose(rows[0], TABLE[1]), "position 0 is generated right after position 2, where x is 1"
assert np.allclose(rows[3], TABLE[0]), "position 3 is generated right after position 0, where x is 0"
### BEGIN HIDDEN TESTS
from autograder.checks import chain_rule as checks
checks.check_shuffled_repaired(shuffled_repaired)
### END HIDDEN TESTS

# %% figure
from lib.causality import dependence

example, order = np.array([0, 2, 1, 1]), (2, 0, 3, 1)
repaired = dependence(lambda x: shuffled_repaired(x, order, START, TABLE), example, n_values=3)
figure, axes = plots.panels(2, width=3.1, height=2.9)
plots.dependence_matrix(dependence(chain_D, example, n_values=3), ax=axes[0], order=order, title="chain_D")
plots.dependence_matrix(repaired, ax=axes[1], order=order, title="repaired")
plt.show()

# %% [markdown]
# ## Take it with you
#
# ### Pitfalls
#
# - **"The chain rule assumes a Markov property."** It assumes nothing. Erasing arrows is a second step, sharing
#   weights a third, and only those approximate.
# - **"Pairwise independent, so independent."** Toss two fair coins and let the third variable be their
#   exclusive or. Every pair is independent, $p(c \mid a) = p(c)$, yet $a$ and $b$ together determine $c$.
#   Whether an arrow may go depends on which others stay.
# - **"More history, less uncertainty."** True for one and the same variable, on average over histories. A
#   particular history may well leave you less certain, and the next variable may be a harder one (*chris* →
#   *christ*).
# - **Correct conditionals that do not chain.** Each factor may look only at what was generated before. A row
#   that is right about $p(x_t \mid \text{everything else})$ is not a factor.
# - **Order applied once.** An order has to be applied to inputs *and* outputs, and undone at the end.
# - **The forgotten end symbol.** Without it, the probabilities of all sequences of each *single length* sum
#   to 1, and those of all lengths together to as many as there are lengths.
#
# ### Self-check: six questions

# %% practice
from lib.practice import choice, numeric, quiz

quiz(
    choice(
        "What does the chain rule assume about the variables?",
        "nothing at all",
        "It follows from the definition of a conditional by cancelling fractions.",
        {
            "that each depends only on the one before": "That is Markov's assumption. It erases arrows.",
            "that they are ordered in time": "Any order will do: pixels, columns, noise levels.",
            "that they are independent": "It would make conditionals marginals. It is not needed.",
        },
    ),
    numeric(
        "p(C) = 0.25, p(A | C) = 0.4, p(A | C, A) = 0.1. What is p(CAA)?",
        0.01, "0.25 × 0.4 × 0.1 = 0.01.", tolerance=0.0005, hint="Three shares, one of another: multiply.",
    ),
    numeric(
        "Four binary variables, no arrow erased. How many free parameters have the four tables together?",
        15, "1 + 2 + 4 + 8 = 15 = 2⁴ − 1, as many as the joint itself.", tolerance=0.1,
        hint="Variable k has one free number per row, and a row for each value of everything before it.",
    ),
    choice(
        "A network computes p(x_t | x_<t) for all t with shared weights. Where does approximation enter?",
        "in each conditional: the network can express only some functions of the history",
        "The product of whatever it outputs is still an exact, normalised joint.",
        {
            "in multiplying the conditionals": "The product is exact for any conditionals whatsoever.",
            "in choosing an order": "Every order is exact. Some are harder to learn.",
            "in normalising over all sequences": "Each conditional sums to 1, so the product does too.",
        },
    ),
    choice(
        "While an autoregressive model is trained on data, where does the past x_<t come from?",
        "from the data",
        "So all positions can be trained at once. Only generating feeds outputs back.",
        {
            "from the model's own samples": "That is how it generates. In training the true past is at hand.",
            "from a latent variable": "That is a VAE's way of making variables dependent.",
            "there is none: positions are independent": "Each is its own problem, but looks at its past.",
        },
    ),
    choice(
        "Generation order 2, 0, 1. Which of these is a leak?",
        "the prediction of position 0 looks at position 1",
        "Position 1 is generated last, so nothing may look at it.",
        {
            "the prediction of position 0 looks at position 2": "Position 2 comes first. All may look at it.",
            "the prediction of position 1 looks at positions 0 and 2": "Both are there before position 1.",
            "the prediction of position 2 looks at nothing": "It is the first: there is nothing to look at.",
        },
    ),
)

# %% [markdown]
# ### Flashcards

# %% practice
from lib.practice import flashcards

flashcards(
    [
        ("The chain rule of probability", "p(x₁, …, x_D) = ∏ₜ p(xₜ | x₁, …, xₜ₋₁). Exact, in any order."),
        ("Independence of A and B", "Conditional = marginal: p(a | b) = p(a) for every b with p(b) > 0."),
        ("How many orders are there of D variables?", "D! = 1 · 2 · … · D. All give the same joint."),
        ("Marginal", "Sum the joint over the variables you want to forget."),
        ("Conditional", "Keep the part of the joint that agrees with what you know; scale it to sum to 1."),
        ("Free parameters of p(x | parents)", "(K − 1) × the product of the parents' numbers of values."),
        ("Free parameters of D binary variables, all arrows kept", "2^D − 1 in every order: no saving."),
        ("Where does approximation enter?", "In each conditional: arrows erased, and one function shared by all."),
        ("p(A, B, C) or p(C | A, B)?", "Three outputs, or one output and two inputs. The first contains the second."),
        ("Ancestral sampling", "Draw each variable given those already drawn, parents before children."),
        ("What is *auto* about it?", "When generating, outputs become inputs. In training, data do."),
        ("Its price and its gift", "Sampling takes D steps, one after another. The likelihood is exact."),
    ],
    title="The chain rule",
)

# %% [markdown]
# ### The one-line version
#
# **Any joint is a product of conditionals, in any order, exactly; what you choose is the order and how to share
# the work of predicting.**
#
# ### Further reading
#
# - S. Bengio & Y. Bengio, *Taking on the Curse of Dimensionality in Joint Distributions Using Neural Networks*,
#   IEEE Transactions on Neural Networks 11(3), 2000. The chain rule and a network with shared weights, before it
#   was fashionable.
# - C. E. Shannon, *Prediction and Entropy of Printed English*, Bell System Technical Journal 30(1), 1951. The
#   keyboard above, played by people, to measure the entropy of English.
# - I. H. Witten, R. M. Neal & J. G. Cleary, *Arithmetic Coding for Data Compression*, Communications of the ACM
#   30(6), 1987. The stick that each letter shortens, used to compress files; lesson 2 does it.
# - D. Koller & N. Friedman, *Probabilistic Graphical Models*, MIT Press 2009, chapter 3. When arrows may be
#   erased, and why all needless ones may go together if nothing has probability 0.
# - D. P. Kingma & M. Welling, *Auto-Encoding Variational Bayes*, ICLR 2014 (arXiv 1312.6114). The other answer.
# - J. Ho, A. Jain & P. Abbeel, *Denoising Diffusion Probabilistic Models*, NeurIPS 2020 (arXiv 2006.11239).
#   Equation 3 is the bound; section 4.3 reads diffusion as autoregression.
# - J. Besag, *Statistical Analysis of Non-Lattice Data*, The Statistician 24(3), 1975. Correct conditionals that
#   do not chain.
# - G. U. Yule, *On a Method of Investigating Periodicities in Disturbed Series, with Special Reference to Wolfer's
#   Sunspot Numbers*, Philosophical Transactions of the Royal Society A 226, 1927. Where autoregression comes from.
# - R. L. Rivest, A. Shamir & L. Adleman, *A Method for Obtaining Digital Signatures and Public-Key Cryptosystems*,
#   Communications of the ACM 21(2), 1978. An order that is easy one way only.
# - U.S. Census Bureau, *Frequently Occurring Names in the U.S.: 1990*, 1995. The data; provenance and licence:
#   `data/README.md`.
#
# Next: a product of a thousand conditionals is 0 in a computer, and a 0 teaches nothing. Lesson 2 turns the product
# into a sum, and the sum into a loss.
