# %% [markdown]
# # 08 · Sampling: from conditionals to outputs
#
# **Promise.** After this lesson you can turn a language model's conditionals into text in every way that is in
# use, say which distribution each way really draws from, and prove it on a toy; draw the same distribution with
# fewer passes of a large model; and sign a text so that nobody can see it and you can show it.
#
# **Time.** 50 minutes to read, 130 to practise; sections marked *optional* hold no exercise and are not
# counted. **You need.** Lessons 1 (ancestral sampling), 2 (NLL, KL), and 7 (the models, the KV cache).
#
# Training is over. A model gives $p_\theta(x_t \mid x_1, \dots, x_{t-1})$, for every past, and lesson 1 told
# what to do with it: draw one token after the other. That draws from the model exactly, and hardly anybody does
# it. This lesson is about what people do instead, and about what it costs them.

# %%
import itertools
import math
import sys

import matplotlib.pyplot as plt
import numpy as np
import torch

sys.path.insert(0, "../..")  # `lib` is the one of the folder that this notebook lies in
from lib import plots
from lib.byhand import filter_puzzle, typed
from lib.causality import dependence, leaks
from lib.errors import short_errors

plots.use_style()
short_errors()

# %% [markdown]
# ## A picture first
#
# `shakespeare_gpt` of lesson 7 goes on with "KING HENRY:", twice. Once by taking the most probable character at
# each step (**greedy** decoding), and once by drawing each from its conditional. Below them, how it reads
# Shakespeare himself: a song from *The Tempest*, of which it has never seen a line.

# %% demo varies
from lib import weights
from lib.sampling import Decoding, greedy, stream
from lib.text import SHAKESPEARE

shakespeare_gpt = weights.load("shakespeare_gpt")
prompt = SHAKESPEARE.encode("KING HENRY:\n")
said = list(prompt)
for _ in range(230):
    with torch.no_grad():
        said.append(greedy(shakespeare_gpt.next_logits(torch.tensor(said)[None])[0, -1]))
SONG = """ARIEL:
Full fathom five thy father lies;
Of his bones are coral made;
Those are pearls that were his eyes:
Nothing of him that doth fade
But doth suffer a sea-change
Into something rich and strange.
Sea-nymphs hourly ring his knell"""
most_probable, written = torch.tensor(said), SHAKESPEARE.encode(SONG)
drawn = torch.tensor([*prompt, *stream(shakespeare_gpt, prompt, 230, generator=torch.Generator().manual_seed(2))])


def probabilities_of(tokens):
    """What the model gave to each token, from the second on, given those before it."""
    with torch.no_grad():
        p = shakespeare_gpt.next_logits(tokens[None, :-1])[0].softmax(-1)
    return p.gather(1, tokens[1:, None])[:, 0]


figure, axes = plt.subplots(3, 1, figsize=(7.4, 4.6), sharex=True, sharey=True)
for ax, tokens, title in zip(axes, (most_probable, drawn, written), ("greedy", "drawn", "written"), strict=True):
    begin = SHAKESPEARE.decode(tokens).index("\n") + 1  # what stands before was given
    cost, text = -probabilities_of(tokens)[begin - 1 :].log(), SHAKESPEARE.decode(tokens)
    first = torch.tensor([text[t].isalpha() and text[t - 1] in " \n" for t in range(begin, len(text))])
    for which, colour, label in ((~first, "blue", "others"), (first, "vermilion", "first letters of words")):
        ax.vlines(which.nonzero()[:, 0], 0, cost[which], color=plots.COLOURS[colour], linewidth=1.4, label=label)
    ax.set(title=f"{title}: {cost.mean():.2f} nats per character", ylabel="nats", xlim=(-2, 232))
    print(f"{title:>7}: first letters of words {cost[first].mean():.2f} nats each, all others {cost[~first].mean():.2f}")
axes[2].set(xlabel="character")
axes[0].legend(loc="upper right", ncols=2, fontsize=9)
plt.show()
for tokens in (most_probable, drawn):
    print(SHAKESPEARE.decode(tokens), "\n" + 40 * "-")

# %% [markdown]
# Each line is a character, as high as the model was surprised by it, $-\log p$. Greedy text surprises little;
# and in the text itself, soon the same lines come round again: the model has read a repetition, and the most
# probable thing after a repetition is one more. What Shakespeare wrote is not like that. It surprises again and
# again, most of all where a word begins; and so does drawn text. (Holtzman et al. 2019 found the same with large
# models, and called it the curious case of neural text degeneration.) But drawn text has another weakness. Of
# the many characters that are improbable at a place, one is drawn now and then, which no writer would have put
# there; and it is then part of the past, too.
#
# So: *too sure of itself, or too often wrong?* Nearly everything below is a way between the two.

# %% [markdown]
# ## The idea
#
# Decoding replaces the model's conditional by another distribution, made from it:
#
# $$q(x_t \mid x_{<t}) \;=\; \frac{1}{Z}\; f\big(p_\theta(\,\cdot \mid x_{<t})\big)(x_t),$$
#
# and draws from *that*. What comes out is a sample of $\prod_t q(x_t \mid x_{<t})$, which is a proper
# distribution over whole sequences, and not $p_\theta$. Here is one conditional over five tokens, and what is
# left of it.
#
# | token | a | b | c | d | e |
# |:--|--:|--:|--:|--:|--:|
# | the model's $p$ | 0.50 | 0.25 | 0.15 | 0.08 | 0.02 |
# | **temperature** ½: squared, over their sum 0.3418 | 0.73 | 0.18 | 0.07 | 0.02 | 0.00 |
# | **top-k**, $k = 2$: the two most probable | 0.67 | 0.33 | – | – | – |
# | **top-p**, $p = 0.8$: the fewest that reach 0.8 | 0.56 | 0.28 | 0.17 | – | – |
# | **min-p**, $p = 0.1$: at least a tenth of the largest | 0.51 | 0.26 | 0.15 | 0.08 | – |
#
# (Two decimals each; a row that seems to sum to 1.01 is rounded.)
#
# Temperature $t$ takes every probability to the power of $1/t$: below 1 the large grow at the cost of the
# small, above 1 the other way round, and nothing is removed. The three filters remove, and leave the ratios of
# the rest as they are. Top-k removes by *rank*, top-p (also called **nucleus** sampling) by what the better
# ones *already hold together*, min-p by the ratio to *the best one*. Why so many? Because conditionals come in
# two shapes:

# %% demo varies
with torch.no_grad():
    sure = shakespeare_gpt.next_logits(SHAKESPEARE.encode("JULIET:\nO Romeo, Rome")[None])[0, -1].softmax(-1)
    open_ = shakespeare_gpt.next_logits(SHAKESPEARE.encode("JULIET:\nO Romeo, ")[None])[0, -1].softmax(-1)
figure, axes = plt.subplots(1, 2, figsize=(7.4, 2.9), sharey=True)
for ax, p, text in zip(axes, (sure, open_), ("O Romeo, Rome", "O Romeo, "), strict=True):
    falling = p.sort(descending=True)
    first = int((falling.values.cumsum(0) < 0.9).sum()) + 1
    ax.bar(range(20), falling.values[:20], color=[plots.COLOURS["blue"] if i < first else plots.GREY for i in range(20)])
    ax.set_xticks(range(20), [SHAKESPEARE.decode([i]).replace(" ", "␣").replace("\n", "↵") for i in falling.indices[:20]])
    ax.set_title(f"after “{text}”\n{first} {'holds' if first == 1 else 'hold'} nine tenths")
    ax.grid(False, axis="x")
axes[0].set(ylabel="probability")
plt.show()

# %% [markdown]
# Where the model is sure, one token is enough, and $k = 10$ would let nine wrong ones in. Where anything may
# come, $k = 10$ cuts off what is perfectly good. Top-p and min-p adapt.
#
# ### By hand: who stays?
#
# Type your name; it draws a distribution of your own.

# %% exercise student_name
student_name = None  # your name, in quotes
### BEGIN SOLUTION
student_name = "Ada Lovelace"
### END SOLUTION

# %% demo
mine = filter_puzzle(student_name, "08")
mine

# %% [markdown]
# Which tokens survive each of the three filters? Each is applied by itself, to the whole table.
#
# <details><summary>Hint</summary>
#
# Write the tokens in falling order of probability first, and their running sums below them. For min-p you need
# one number only: which?
# </details>

# %% exercise kept_mine
kept_by_top_k = None  # replace each None by a list of token numbers, such as [0, 3]
kept_by_top_p = None
kept_by_min_p = None
kept_mine = [kept_by_top_k, kept_by_top_p, kept_by_min_p]
### BEGIN SOLUTION
mine = filter_puzzle(student_name, "08")
falling = sorted(range(7), key=lambda i: -mine.probabilities[i])
kept_by_top_k = falling[: mine.k]
size = next(n for n in range(1, 8) if sum(mine.probabilities[i] for i in falling[:n]) > mine.top_p - 1e-9)
kept_by_top_p = falling[:size]
kept_by_min_p = [i for i, p in enumerate(mine.probabilities) if p > mine.min_p * max(mine.probabilities) - 1e-9]
kept_mine = [kept_by_top_k, kept_by_top_p, kept_by_min_p]
### END SOLUTION

# %% check kept_mine 2 points
assert len(kept_mine) == 3, "kept_mine holds three lists, of top-k, top-p and min-p"
for tokens in kept_mine:
    assert all(i in range(7) for i in typed(tokens, "kept_mine")), "each is a list of token numbers, 0 to 6"
mine = filter_puzzle(typed(student_name, "student_name"), "08")
chances = [[mine.probabilities[i] for i in range(7) if i in list(tokens)] for tokens in kept_mine]
assert len(set(kept_mine[0])) == mine.k, f"top-k keeps k tokens, here {mine.k}"
assert sum(chances[1]) > mine.top_p - 1e-9, f"what top-p keeps should reach {mine.top_p:g}, and yours holds {sum(chances[1]):.2f}"
assert all(max(mine.probabilities) in row for row in chances), "the most probable token survives every filter"
### BEGIN HIDDEN TESTS
from autograder.checks import sampling as checks
checks.check_kept_mine(student_name, kept_mine)
### END HIDDEN TESTS

# %% [markdown]
# ## Build it
#
# All of this is done on **logits**, since a removed token then simply has the logit $-\infty$, and nothing
# needs to be normalised before the end. For temperature, the filters and `constrain`: `logits` is a float
# tensor `(..., K)`, float32 or float64, with any number of axes in front, also none; each row of K is a
# distribution of its own. Some entries may be $-\infty$ already, but never a whole row. The result has the same
# shape and type. No function of this lesson changes what it is given. (The pictures
# draw from `lib.sampling`, which has such functions too; when you are graded, it is not there.)

# %%
five = torch.log(torch.tensor([0.50, 0.25, 0.15, 0.08, 0.02]))  # the table above
shuffled = five[[4, 1, 3, 0, 2]]  # 0.02, 0.25, 0.08, 0.50, 0.15: filters must not count on an order


def kept(logits):
    """The tokens that have not been removed."""
    return np.isfinite(np.asarray(logits)).nonzero()[-1].tolist()

# %% [markdown]
# ### Exercise: `temperature`
#
# <details><summary>Hint</summary>
#
# What does a power do to a logarithm? And what could go wrong at t = 0.001 with logits of 1000, and does a
# constant that is added to all logits change anything?
# </details>

# %% exercise temperature
def temperature(logits, t):
    """Logits of the probabilities to the power of 1 / t, normalised.

    logits : float tensor (..., K). t : a number above 0. Returns logits (..., K).
    """
    ### BEGIN SOLUTION
    return (logits - logits.amax(-1, keepdim=True)) / t
    ### END SOLUTION

# %% check temperature 1 point
for t, right in ((1.0, [0.5, 0.25, 0.15, 0.08, 0.02]), (0.5, [0.7314, 0.1829, 0.0658, 0.0187, 0.0012])):
    p = torch.softmax(torch.as_tensor(np.asarray(temperature(five, t))), dim=-1)
    assert np.allclose(p, right, atol=1e-3), f"at temperature {t} the table has {right}, found {[round(x, 3) for x in p.tolist()]}"
flat = torch.softmax(torch.as_tensor(np.asarray(temperature(five, 1000.0))), dim=-1)
assert flat.max() - flat.min() < 0.01, "a very high temperature makes all tokens about equally probable"
given = torch.tensor([1.0, 3.0, 2.0])
temperature(given, 2.0)
assert given.tolist() == [1.0, 3.0, 2.0], "the logits given should stay as they are"
### BEGIN HIDDEN TESTS
from autograder.checks import sampling as checks
checks.check_temperature(temperature)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `top_k`
#
# All that tie with the $k$-th stay, so that the result does not depend on how a sort orders equals. More than
# $K$ can't be kept: a larger $k$ removes nothing.
#
# <details><summary>Hint</summary>
#
# There is one number to which each logit can be compared. What is it in each row, and what shape does it need?
# </details>

# %% exercise top_k
def top_k(logits, k):
    """The logits of the k most probable tokens of each row, and of those that tie with the k-th; the others -inf.

    logits : float tensor (..., K). k : int, at least 1; beyond K it removes nothing. Returns logits (..., K).
    """
    ### BEGIN SOLUTION
    least = logits.topk(min(k, logits.shape[-1])).values[..., -1:]
    return logits.masked_fill(logits < least, -torch.inf)
    ### END SOLUTION

# %% check top_k 2 points
out = np.asarray(top_k(torch.tensor([1.0, 3.0, 2.0, 0.0]), 2))
assert out.tolist() == [-np.inf, 3.0, 2.0, -np.inf], "the two largest keep their logits, the others get -inf"
assert np.asarray(top_k(torch.tensor([1.0, 3.0, 1.0, 0.0]), 2)).tolist() == [1.0, 3.0, 1.0, -np.inf], "both second ones stay"
assert kept(top_k(torch.tensor([3.0, 3.0, 1.0, 0.0]), 2)) == [0, 1], "two equal ones are two tokens"
assert np.isfinite(np.asarray(top_k(torch.tensor([1.0, 3.0]), 9))).all(), "a k beyond K removes nothing"
two = np.asarray(top_k(torch.tensor([[0.0, 9.0, 8.0], [-5.0, -6.0, -7.0]]), 1))
assert np.isfinite(two).tolist() == [[False, True, False], [True, False, False]], "each row has a largest of its own"
given = torch.tensor([1.0, 3.0, 2.0])
top_k(given, 1)
assert given.tolist() == [1.0, 3.0, 2.0], "the logits given should stay as they are"
### BEGIN HIDDEN TESTS
from autograder.checks import sampling as checks
checks.check_top_k(top_k)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `top_p`
#
# The **nucleus**: go through the tokens from the most probable one down, until what you have reaches $p$. The
# token that makes it reach $p$ stays, so at least one always does. Of equally probable tokens the one with the
# lower number comes first. $p = 1$ keeps every token whose logit is above $-\infty$.
#
# That last sentence needs care. Floating-point sums rarely end at exactly 1. They may reach it too early, and
# the rest of the tail is lost; or never. At other p a rounding matters less, but it is there: 0.5 + 0.25 + 0.05
# may stay a last digit below 0.8. Add in float64, and let a sum within 1e-9 of p count as having reached it.
#
# <details><summary>Hint</summary>
#
# Ask of each token what those *before* it hold together. Then bring the answers back to the tokens' own places:
# what does `scatter`, or `argsort` of an `argsort`, do?
# </details>

# %% exercise top_p
def top_p(logits, p):
    """The logits of the fewest most probable tokens that together reach p; the others -inf.

    logits : float tensor (..., K). p : a number, 0 < p <= 1. Returns logits (..., K).
    """
    ### BEGIN SOLUTION
    falling, order = logits.double().sort(dim=-1, descending=True, stable=True)
    probabilities = falling.softmax(-1)
    before = probabilities.cumsum(-1) - probabilities
    gone = (before >= p - 1e-9) if p < 1 else torch.zeros_like(before, dtype=torch.bool)
    gone[..., 0] = False
    return logits.masked_fill(torch.zeros_like(gone).scatter(-1, order, gone), -torch.inf)
    ### END SOLUTION

# %% check top_p 3 points
assert kept(top_p(shuffled, 0.7)) == [1, 3], "0.50 and 0.25 reach 0.7; the token that crosses p stays"
assert kept(top_p(shuffled, 0.1)) == [3], "one token always stays"
assert kept(top_p(shuffled, 0.8)) == [1, 3, 4], "0.75 is not 0.8 yet"
assert kept(top_p(torch.zeros(4), 0.5)) == [0, 1], "of equally probable tokens the lower number comes first"
assert len(kept(top_p(torch.zeros(10), 1.0))) == 10, "p = 1 keeps every token that has a probability"
assert kept(top_p(torch.tensor([0.0, -50.0]), 1.0)) == [0, 1], "also one of probability 2e-22, though the sum before it is 1"
assert np.allclose(np.asarray(top_p(shuffled + 3, 0.7))[[1, 3]], shuffled[[1, 3]] + 3), "what stays keeps its logit"
### BEGIN HIDDEN TESTS
from autograder.checks import sampling as checks
checks.check_top_p(top_p)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `min_p`
#
# <details><summary>Hint</summary>
#
# It can be said without any softmax. What is the ratio of two probabilities, in logits?
# </details>

# %% exercise min_p
def min_p(logits, p):
    """The logits of the tokens at least p times as probable as the most probable one of their row; the others -inf.

    logits : float tensor (..., K). p : a number, 0 < p <= 1. Returns logits (..., K).
    """
    ### BEGIN SOLUTION
    largest = logits.amax(-1, keepdim=True)
    return logits.masked_fill((logits - largest).double().exp() < p * (1 - 1e-6), -torch.inf)
    ### END SOLUTION

# %% check min_p 2 points
assert kept(min_p(shuffled, 0.12)) == [1, 2, 3, 4], "0.08 is more than 0.12 times 0.50, and 0.02 is less"
assert kept(min_p(shuffled, 0.4)) == [1, 3], "the threshold is 0.4 times the largest probability, 0.20"
assert kept(min_p(torch.tensor([0.0, 1.0, 1.0]), 1.0)) == [1, 2], "p = 1 keeps the most probable one, and its equals"
sure = min_p(torch.tensor([[9.0, 0.0, 0.0], [0.2, 0.1, 0.0]]), 0.5)
assert np.isfinite(np.asarray(sure)).sum(1).tolist() == [1, 3], "each row is compared with its own largest"
given = torch.tensor([1.0, 3.0, 2.0])
min_p(given, 0.5)
assert given.tolist() == [1.0, 3.0, 2.0], "the logits given should stay as they are"
### BEGIN HIDDEN TESTS
from autograder.checks import sampling as checks
checks.check_min_p(min_p)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `sample_token`
#
# And the draw, by the rule of this course: the first token whose cumulative probability *exceeds* the uniform.
# If rounding leaves none, because the sum ends a little below 1, it is the last token of positive probability.
# That second half is what keeps a removed token removed: a filter's tail of zeros stands at the end more often
# than not.
#
# <details><summary>Hint</summary>
#
# How many cumulative probabilities do *not* exceed the uniform? That count is nearly the answer. When is it
# not?
# </details>

# %% exercise sample_token
def sample_token(logits, u):
    """One token for each row, by the rule above.

    logits : float tensor (B, K). u : (B,), uniforms in [0, 1). Returns int64 (B,).
    """
    ### BEGIN SOLUTION
    p = logits.double().softmax(-1)
    beyond = (p.cumsum(-1) <= u[:, None]).sum(-1)
    last = p.shape[-1] - 1 - (p > 0).flip(-1).long().argmax(-1)
    return torch.minimum(beyond, last)
    ### END SOLUTION

# %% check sample_token 2 points
rows = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [0.25, 0.75, 0.0]]))
out = np.asarray(sample_token(rows, torch.tensor([0.6, 0.0, 0.2])))
assert out.tolist() == [1, 1, 0], "0.6 lies between 0.5 and 0.75; a token of probability 0 never comes; 0.2 < 0.25"
half = np.asarray(sample_token(torch.tensor([[0.0, 0.0]]), torch.tensor([0.5])))
assert half.tolist() == [1], "two equal ones: the first one's cumulative probability is 0.5, which does not exceed 0.5"
third = torch.full((1, 100), -torch.inf)
third[0, :94] = 0.0  # 94 equal ones, whose sum ends a little below 1
end = np.asarray(sample_token(third, torch.tensor([1 - 2**-52], dtype=torch.float64)))
assert end.tolist() == [93], "behind the last token of positive probability there is nothing to draw"
### BEGIN HIDDEN TESTS
from autograder.checks import sampling as checks
checks.check_sample_token(sample_token)
### END HIDDEN TESTS

# %% [markdown]
# ### In one stated order
#
# Every library has these filters, and no two need agree on what happens when several are switched on. The order
# of this course is the one most have settled on: **penalty, temperature, top-k, top-p, min-p**, and each filter
# reads the probabilities that the one before has left, normalised. The *penalty* is the repetition penalty of
# Keskar et al. (2019): tokens that have been said before get a smaller logit (positive ones divided by it,
# negative ones multiplied; its drill is below). Does the order matter?

# %% demo
after = {}
for t in (0.6, 1.0, 1.6):
    after[t] = [
        len(kept(filter_(temperature(five, t), value))) for filter_, value in ((top_k, 3), (top_p, 0.8), (min_p, 0.1))
    ]
    print(f"temperature {t} first: top-k 3 keeps {after[t][0]}, top-p 0.8 keeps {after[t][1]}, min-p 0.1 keeps {after[t][2]}")

# %% [markdown]
# For top-k it does not: temperature changes no rank. For the other two it does. With the temperature *behind*
# the filter, all three lines would be the middle one. Some people want exactly that (the filter judges the
# model's own probabilities, and the temperature only spreads what it has kept), and some software has a switch
# for it. Neither is wrong. *Unstated* is wrong: the same settings then give other texts elsewhere.

# %% [markdown]
# ### Out of the loop, and streaming · *optional*
#
# The greedy text of the first picture again, now with the filters of `lib.sampling`, whose `Decoding` holds the
# settings and applies them in the stated order. `stream` gives tokens one by one, as a chat shows them: each is
# printed before the next one is drawn, and the KV cache keeps the price of each the same.

# %% demo varies
for told, decoding in {
    "greedy": Decoding(top_k=1),
    "greedy, with a penalty of 1.2": Decoding(top_k=1, penalty=1.2),
    "drawn, temperature 0.8, min-p 0.05": Decoding(temperature=0.8, min_p=0.05),
}.items():
    print(f"{told}:\nKING HENRY:")
    for token in stream(shakespeare_gpt, prompt, 160, decoding, torch.Generator().manual_seed(3)):
        print(SHAKESPEARE.symbols[token], end="", flush=True)
    print("\n" + 40 * "-")

# %% [markdown]
# Both get out of the loop, the penalty and a little chance. But over characters a penalty hardly knows what it
# punishes: after a few words nearly every letter has been said, the innocent ones as well as the one that
# closes the loop. It is made for words, or for pieces of words.

# %% [markdown]
# ### Whole sequences
#
# What does one really draw from? On a toy one can look at everything. Three tokens, two steps, nine sequences:

# %%
FIRST = torch.tensor([0.40, 0.35, 0.25])  # of a, b, c
SECOND = torch.tensor([[0.36, 0.34, 0.30], [0.90, 0.06, 0.04], [0.80, 0.15, 0.05]])  # row: what the first one was


def toy_step(tokens):
    """log-probabilities of the next token: what a model is to `beam_search`."""
    return torch.log(FIRST if len(tokens) == 0 else SECOND[tokens[-1]]).double()

# %% demo
pairs = ["".join(pair) for pair in itertools.product("abc", repeat=2)]
joint = (FIRST[:, None] * SECOND).flatten()
step_by_step = (top_k(FIRST.log(), 2).softmax(-1)[:, None] * top_k(SECOND.log(), 2).softmax(-1)).flatten()
of_sequences = torch.where(joint >= joint.sort().values[-4], joint, 0.0)  # the four most probable ones
of_sequences /= of_sequences.sum()
figure, ax = plt.subplots(figsize=(7.2, 2.8))
for shift, p, label in ((-0.27, joint, "the model"), (0, step_by_step, "top-k 2 at each step"), (0.27, of_sequences, "top 4 of the sequences")):
    ax.bar(np.arange(9) + shift, p, 0.27, label=label)
ax.set_xticks(range(9), pairs)
ax.set(ylabel="probability", title="Filtering steps is not filtering sequences")
ax.grid(False, axis="x")
ax.legend()
plt.show()

# %% [markdown]
# The most probable *sequence* is "ba", with 0.35 · 0.90 = 0.315; greedy takes "a" first, since 0.40 is more
# than 0.35, and ends at 0.40 · 0.36 = 0.144. Top-k at each step throws "ca" away, the second most probable of
# all nine, because "c" looked poor *at its step*; and it keeps "bb", which is among the least probable ones. A
# filter knows what is probable now. What the choice leads to, it can't know.
#
# ### Exercise: `beam_search`
#
# To find probable *sequences* one has to keep several beginnings alive. **Beam search** keeps `width` of them.
# By these rules, to the letter:
#
# 1. The search begins with one hypothesis, of no tokens. `step(start + tokens)` gives the log-probabilities of
#    the token that comes next.
# 2. A hypothesis is *finished* when its last token is `end`, or when it has `length` tokens. It is never
#    continued; do not call `step` for it.
# 3. At each round every unfinished hypothesis is continued by every token of positive probability. The finished
#    ones wait among these candidates. The `width` candidates of the best score stay. (Ties are not tested,
#    and some continuation is always possible.)
# 4. The **score** is the sum of the log-probabilities of the *generated* tokens (the `end` is one of them;
#    those in `start` are not), divided by the number of generated tokens to the power of `alpha`.
# 5. When all are finished, the best one by score is returned, with its score.
#
# Why divide? A sum of logarithms only falls. At `alpha` 0 a text of one word always has an advantage over one
# of two; at 1, the mean per token counts.
#
# For the toy, with `width` 2 and `length` 2: the first round keeps a and b; the second has six candidates, of
# which ba (0.315) and aa (0.144) stay.
#
# <details><summary>Hint</summary>
#
# Keep pairs (tokens, sum of log-probabilities), and compute scores only where you sort. What does the loop's
# condition have to look at?
# </details>

# %% exercise beam_search
def beam_search(step, start, width, length, end, alpha):
    """The best sequence that a beam of `width` hypotheses finds, by the rules above: (tokens, score).

    step  : list of ints (start, and what was generated) -> float tensor (K,) of log-probabilities, -inf where impossible.
    start : list of ints. width, length : ints, at least 1. end : int. alpha : number, at least 0.
    Returns the generated tokens, a list of ints with the `end` if there is one, and their score, a float (nats).
    """
    ### BEGIN SOLUTION
    def finished(tokens):
        return len(tokens) == length or tokens[-1:] == [end]

    def score(hypothesis):
        return hypothesis[1] / len(hypothesis[0]) ** alpha

    beam = [([], 0.0)]
    while not all(finished(tokens) for tokens, _ in beam):
        candidates = [hypothesis for hypothesis in beam if finished(hypothesis[0])]
        for tokens, log_p in beam:
            if not finished(tokens):
                following = step(list(start) + tokens).tolist()
                candidates += [([*tokens, i], log_p + x) for i, x in enumerate(following) if x > -math.inf]
        beam = sorted(candidates, key=score, reverse=True)[:width]
    return beam[0][0], score(beam[0])
    ### END SOLUTION

# %% check beam_search 4 points
tokens, score = beam_search(toy_step, [], 1, 2, 99, 0.0)
assert list(tokens) == [0, 0] and np.isclose(score, math.log(0.144)), "width 1 is greedy: aa, with log 0.144"
tokens, score = beam_search(toy_step, [], 2, 2, 99, 0.0)
assert list(tokens) == [1, 0] and np.isclose(score, math.log(0.315)), "width 2 finds ba, with log 0.315"
tokens, score = beam_search(toy_step, [], 2, 2, 99, 1.0)
assert np.isclose(score, math.log(0.315) / 2), "alpha = 1 divides by the number of generated tokens, here 2"


def stopping(tokens):
    """Token 0 is the end. After the start, which is 1, it has probability 0.4; later on 0.1."""
    assert 0 not in tokens, "a sequence that has ended is not continued"
    return torch.log(torch.tensor([0.4, 0.6, 0.0] if tokens == [1] else [0.1, 0.9, 0.0], dtype=torch.float64))


tokens, score = beam_search(stopping, [1], 3, 3, 0, 0.0)
assert list(tokens) == [1, 1, 1] and np.isclose(score, math.log(0.486)), "0.6 * 0.9 * 0.9 beats ending at once, 0.4"
tokens, score = beam_search(stopping, [1], 3, 2, 0, 0.0)
assert list(tokens) == [1, 1], "with two tokens it is 0.6 * 0.9 against 0.4; a token of probability 0 is no candidate"
assert list(beam_search(stopping, [1], 1, 1, 0, 2.0)[0]) == [1], "one token: the more probable one"


def early(tokens):
    """Ends at once with 0.4, after one more token with 0.51; what goes on then is sure to end."""
    p = {1: [0.4, 0.6, 0.0], 2: [0.51, 0.0, 0.49]}.get(len(tokens), [1.0, 0.0, 0.0])
    return torch.log(torch.tensor(p, dtype=torch.float64))


tokens, score = beam_search(early, [2], 2, 3, 0, 1.0)
assert list(tokens) == [1, 2, 0], "who stays in the beam is decided by the score, too: 0.294 over two tokens beats 0.4"
assert np.isclose(score, math.log(0.294) / 3), "three tokens: log 0.294 / 3"


def short_or_long(tokens):
    """After the start 5, 5: the end (0) with 0.5, or 1 with 0.3, which mostly ends next, or 2 with 0.2, which needs two more."""
    tables = {(): [0.5, 0.3, 0.2], (1,): [0.9, 0.1, 0.0], (2,): [0.0, 0.0, 1.0], (2, 2): [1.0, 0.0, 0.0], (1, 1): [1.0, 0.0, 0.0]}
    return torch.log(torch.tensor(tables[tuple(tokens[2:])], dtype=torch.float64))


assert list(beam_search(short_or_long, [5, 5], 2, 3, 0, 0.0)[0]) == [0], "alpha = 0: 0.5 against 0.27"
tokens, score = beam_search(short_or_long, [5, 5], 2, 3, 0, 1.0)
assert list(tokens) == [1, 0] and np.isclose(score, math.log(0.27) / 2), "alpha = 1: log 0.27 / 2 against log 0.5; the end counts, the start doesn't"
tokens, score = beam_search(short_or_long, [5, 5], 3, 3, 0, 1.0)
assert list(tokens) == [2, 2, 0] and np.isclose(score, math.log(0.2) / 3), "three hypotheses, and the best by score is found last"
### BEGIN HIDDEN TESTS
from autograder.checks import sampling as checks
checks.check_beam_search(beam_search)
### END HIDDEN TESTS

# %% [markdown]
# ### A beam that misses, and a beam that finds · *optional*
#
# A beam of width $K^{T}$ would be exhaustive search. How wide must it be in practice? Sixty random toys of five
# tokens and five steps, against the best of all 3125 sequences of each:

# %% demo varies
generator = torch.Generator().manual_seed(1)
found = np.zeros(5)
widths = (1, 2, 4, 8, 16)
for _ in range(60):
    table = torch.distributions.Dirichlet(torch.full((5,), 0.7, dtype=torch.float64)).sample((5, 6)).log()  # [t, last]

    def step(tokens, table=table):
        return table[len(tokens), tokens[-1] if tokens else 5]

    best = table[0, 5]  # of all sequences so far, by their last token: dynamic programming, since only the last one counts
    for t in range(1, 5):
        best = (best[:, None] + table[t, :5]).amax(0)
    for i, width in enumerate(widths):
        found[i] += math.isclose(beam_search(step, [], width, 5, 99, 0.0)[1], best.max().item(), abs_tol=1e-9)
for width, share in zip(widths, found / 60, strict=True):
    print(f"width {width:2}: the most probable sequence found in {share:.0%} of the toys")

# %% [markdown]
# For translation, where a good answer is nearly unique, beams of 4 to 10 are in use. For free text one should
# not even want what they look for: the *most probable* text is a dull one, as you saw in the first picture, and
# a wider beam finds one that is duller. Here is `shakespeare_gpt` once more, with a beam of 6:

# %% demo varies
def shakespeare_step(tokens):
    with torch.no_grad():
        return shakespeare_gpt.next_logits(torch.tensor(tokens)[None])[0, -1].double().log_softmax(-1)


tokens, score = beam_search(shakespeare_step, list(prompt), 6, 60, -1, 1.0)
print(SHAKESPEARE.decode([*prompt, *tokens]), f"\n{-score:.2f} nats per character")

# %% [markdown]
# ### Exercise: `constrain`
#
# Sometimes the output *must* be valid: a name from a list, a number, a line of JSON, a legal move. At each step
# one knows which tokens can still lead to something valid. All others get $-\infty$. If nothing is left, a
# clear error is the only good answer: a softmax over nothing is NaN, and NaN is found much later.
#
# <details><summary>Hint</summary>
#
# "Nothing is left" must be asked of each row by itself, and *after* masking: what if the only token allowed had
# probability 0 before?
# </details>

# %% exercise constrain
def constrain(logits, allowed):
    """The logits where allowed, -inf elsewhere. Raises ValueError if a row has nothing of positive probability left.

    logits : float tensor (..., K). allowed : bool tensor of the same shape, True = may come. Returns logits (..., K).
    """
    ### BEGIN SOLUTION
    kept = logits.masked_fill(~allowed, -torch.inf)
    if (kept == -torch.inf).all(dim=-1).any():
        raise ValueError("constrain: nothing of positive probability is allowed")
    return kept
    ### END SOLUTION

# %% check constrain 2 points
out = np.asarray(constrain(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([True, False, True])))
assert out.tolist() == [1.0, -np.inf, 3.0], "what is allowed keeps its logit"
refused = 0
for logits, allowed in (([0.0, 1.0], [False, False]), ([0.0, -torch.inf], [False, True])):
    try:
        constrain(torch.tensor([[0.0, 0.0], logits]), torch.tensor([[True, True], allowed]))
    except ValueError:
        refused += 1
assert refused == 2, "a row that is left without any possible token is an error: a ValueError"
### BEGIN HIDDEN TESTS
from autograder.checks import sampling as checks
checks.check_constrain(constrain)
### END HIDDEN TESTS

# %% [markdown]
# Here it is at work: `names_gpt`, held to the 517 names that its training never saw. A letter is allowed if
# some name of the list goes on with it.

# %% demo varies
from lib.text import NAMES, decode_names, encode_names, split_names

names_gpt, LENGTH = weights.load("names_gpt"), 14
valid = split_names()[1]
rows = encode_names(valid, LENGTH)
allowed_after = {}
for row in rows.tolist():
    for t in range(LENGTH):
        allowed_after.setdefault(tuple(row[:t]), torch.zeros(27, dtype=torch.bool))[row[t]] = True

generator = torch.Generator().manual_seed(5)
listed = []
for _ in range(12):
    tokens = []
    while NAMES.symbols.index(".") not in tokens:
        with torch.no_grad():
            logits = names_gpt.next_logits(torch.tensor([[names_gpt.start, *tokens]]))[:, -1]
        logits = constrain(logits, allowed_after[tuple(tokens)][None])
        tokens.append(int(sample_token(logits, torch.rand(1, generator=generator))[0]))
    listed.append(NAMES.decode(tokens[:-1]))
print(", ".join(listed))
print("all on the list:", all(name in valid for name in listed))

# %% [markdown]
# ### Valid is not conditioned · *optional*
#
# Every one is on the list. Are they drawn *as the model would draw names, given that the name is on the list*?
# By the rule of conditional probability that would be $p(x)$ over the sum of $p$ over the list. Forbidding step
# by step gives something else: it pays no attention to how much of what it allows now will be forbidden later.
# The list is finite, so both distributions can be computed, name by name:

# %% demo varies
with torch.no_grad():
    each = names_gpt.logits(rows).double().log_softmax(-1)  # (517, LENGTH, 27)
masks = torch.stack([torch.stack([allowed_after[tuple(row[:t])] for t in range(LENGTH)]) for row in rows.tolist()])
counted = names_gpt.counted(rows)
chosen = each.gather(2, rows[..., None])[..., 0]
log_p = torch.where(counted, chosen, 0.0).sum(1)
wanted = (log_p - log_p.logsumexp(0)).exp()
stepwise = torch.where(counted, chosen - each.masked_fill(~masks, -torch.inf).logsumexp(-1), 0.0).sum(1).exp()
print(f"on the list, by the unconstrained model: {log_p.logsumexp(0).exp():.1%} of what it draws")
print(f"sums: {wanted.sum():.6f} and {stepwise.sum():.6f}")
print(f"KL(conditioned || step by step) = {(wanted * (wanted / stepwise).log()).sum():.3f} nats")
ratio = (stepwise / wanted).log()
for title, which in (("too often", ratio.argsort()[-3:]), ("too rarely", ratio.argsort()[:3])):
    print(f"{title}:")
    for i in which.flip(0).tolist():
        print(f"  {valid[i]:>9}: once in {1 / stepwise[i]:,.0f} names, and should be once in {1 / wanted[i]:,.0f}")

# %% [markdown]
# Both sum to 1, and they differ. Too often come names with a beginning that the model likes and that has, on
# this list, hardly any continuation which it likes: once the beginning is drawn, the rest is forced. (To draw
# from the conditional itself one can draw freely and keep what is valid, which is exact and wasteful; weight
# what comes out; or look ahead.)

# %% [markdown]
# ### The same distribution, for less: speculative decoding
#
# A large model scores $n$ tokens in one pass about as fast as it generates one (lesson 7: all positions at
# once). So let a *small* model write a draft, a few tokens long, and let the large one check it in one pass.
# What is needed is a rule for each token by which the result is distributed *exactly* as the large model's own.
# With $p$ of the large one (the target), $q$ of the small one (the draft), and a token $x$ drawn from $q$:
#
# - keep $x$ with probability $\min(1,\; p(x) / q(x))$;
# - otherwise draw another one from $\max(p - q,\, 0)$, normalised.

# %% figure
p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.2, 0.6])
figure, axes = plt.subplots(1, 3, figsize=(7.4, 2.5), sharey=True)
kept_, missing = np.minimum(p, q), np.maximum(p - q, 0)
axes[0].bar(range(3), q, color=plots.GREY)
axes[0].set(title="the draft draws from q", ylabel="probability")
axes[1].bar(range(3), kept_, color=plots.COLOURS["blue"])
axes[1].bar(range(3), q - kept_, bottom=kept_, color="white", edgecolor=plots.GREY, hatch="///")
axes[1].set(title="min(p, q) of it is kept")
axes[2].bar(range(3), kept_, color=plots.COLOURS["blue"])
axes[2].bar(range(3), missing, bottom=kept_, color=plots.COLOURS["orange"])
axes[2].set(title="the rest fills up to p")
for ax in axes:
    ax.set_xticks(range(3), "abc")
    ax.grid(False, axis="x")
plt.show()

# %% [markdown]
# The picture is the proof. What is kept of token $x$ is $q(x)\,\min(1, p(x)/q(x)) = \min(p(x), q(x))$. What is
# rejected (hatched) is as much, in total, as what is missing (orange), since $p$ and $q$ both sum to 1; and it
# is dealt out in the proportions of what is missing. In numbers: of c, 0.2 of 0.6 are kept; 0.4 are rejected in
# all, and 0.3 are missing at a and 0.1 at b, so the replacement is a with 0.75 and b with 0.25.
#
# ### Exercise: `accept_or_resample`
#
# Accept where `u_accept` < $p(x)/q(x)$. Draw the replacement with `u_resample`, by the rule of `sample_token`.
# Two uniforms, and the reason is an exercise in the drill.
#
# <details><summary>Hint</summary>
#
# `sample_token` wants logits. What is the logarithm of a weight that is not normalised? What is it for a weight
# of 0? And if p = q, can anything be rejected?
# </details>

# %% exercise accept_or_resample
def accept_or_resample(p, q, token, u_accept, u_resample):
    """The token if it is accepted, or its replacement: distributed as p if the token is as q.

    p, q : float tensors (K,), probabilities of target and draft. token : int, with q[token] > 0.
    u_accept, u_resample : numbers in [0, 1). Returns an int.
    """
    ### BEGIN SOLUTION
    if u_accept * q[token] < p[token]:
        return int(token)
    missing = (p.double() - q.double()).clamp(min=0)
    return int(sample_token(missing.log()[None], torch.tensor([u_resample], dtype=torch.float64))[0])
    ### END SOLUTION

# %% check accept_or_resample 3 points
p, q = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.2, 0.2, 0.6])
assert accept_or_resample(p, q, 0, 0.99, 0.5) == 0, "p is larger than q at token 0: it always stays"
assert accept_or_resample(p, q, 2, 0.3, 0.5) == 2, "0.3 is below 0.2 / 0.6: token 2 stays"
assert accept_or_resample(p, q, 2, 0.4, 0.7) == 0, "rejected; what is missing is 0.3 at a and 0.1 at b, and 0.7 < 0.75"
assert accept_or_resample(p, q, 2, 0.4, 0.8) == 1, "rejected; 0.8 lies beyond 0.75"
cells = [(i + 0.5) / 60 for i in range(60)]
share = np.zeros(3)
for token in range(3):
    for u_accept, u_resample in itertools.product(cells, cells):
        share[accept_or_resample(p, q, token, u_accept, u_resample)] += q[token].item() / 3600
assert np.allclose(share, p, atol=0.01), f"all uniforms together should give p, {p.tolist()}, and give {share.round(3).tolist()}"
### BEGIN HIDDEN TESTS
from autograder.checks import sampling as checks
checks.check_accept_or_resample(accept_or_resample)
### END HIDDEN TESTS

# %% [markdown]
# ### A signature that nobody sees
#
# To draw a token is to turn random numbers into a choice. Who says that the random numbers must be thrown away?
# Let them come out of a **key** instead: from a secret number and the last few tokens, by a function that mixes
# so well that nobody without the key can tell them from chance. Each text is still a draw from the model, no
# less probable than any other. But whoever has the key can compute the same numbers again, and see that the
# text *fits* them.
#
# For that, one wants each token to have a uniform of its own, $u_1, \dots, u_K$, such that the token with
# probability $p_i$ wins with probability $p_i$, and with a large $u_i$ when it wins. This rule does it:
#
# $$x \;=\; \arg\max_i \; u_i^{\,1/p_i} \;=\; \arg\max_i \; \frac{\log u_i}{p_i}.$$
#
# Why is that $p$? $-\log u$ is the waiting time for a bus that comes once a minute on average. $-\log(u_i)/p_i$
# is the waiting time for one that comes $p_i$ times a minute. The first bus to come is line $i$ with
# probability $p_i / \sum_j p_j$. (In this form the idea is Scott Aaronson's, 2022.)
#
# ### Exercise: `watermarked_token`
#
# <details><summary>Hint</summary>
#
# A token of probability 0 must never win, however near to 1 its uniform is. And the power in the middle of the
# equation: what is 0.3 to the power of 2000, in floating point?
# </details>

# %% exercise watermarked_token
def watermarked_token(logits, u):
    """The token i with the largest log(u_i) / p_i, where p = softmax(logits).

    logits : float tensor (K,). u : float tensor (K,), a uniform in (0, 1) for each token. Returns an int.
    """
    ### BEGIN SOLUTION
    p = logits.double().softmax(-1)
    return int(torch.where(p > 0, u.double().log() / p, -torch.inf).argmax())
    ### END SOLUTION

# %% check watermarked_token 2 points
assert watermarked_token(torch.log(torch.tensor([0.5, 0.5])), torch.tensor([0.3, 0.6])) == 1, "equal p: the larger u wins"
three = torch.log(torch.tensor([0.8, 0.2, 0.0]))
assert watermarked_token(three, torch.tensor([0.5, 0.8, 0.999])) == 0, "log 0.5 / 0.8 = -0.87, log 0.8 / 0.2 = -1.12; p = 0 never"
assert watermarked_token(three, torch.tensor([0.2, 0.8, 0.999])) == 1, "log 0.2 / 0.8 = -2.01, log 0.8 / 0.2 = -1.12"
### BEGIN HIDDEN TESTS
from autograder.checks import sampling as checks
checks.check_watermarked_token(watermarked_token)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `watermark_score`
#
# Now the other side. For each token of a text, compute the uniform it had, $u$, from the key and the `width`
# tokens before it. In a text that knows nothing of the key these are like any uniforms, and $-\log(1 - u)$ is 1
# on average. In a marked text the winners have large ones, and it is more. The score is the mean of
# $-\log(1-u)$ over all positions that have `width` tokens before them.

# %%
from lib.keyed import keyed_uniforms

u = keyed_uniforms(1234, [3, 1, 4], 5)  # key, the tokens before, K: a uniform in (0, 1) for each of the K tokens
print(u)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Which is the first position that counts, and which tokens stand before it? In what order does `keyed_uniforms`
# want them?
# </details>

# %% exercise watermark_score
def watermark_score(tokens, key, n_tokens, width):
    """The mean of -log(1 - u) over the tokens from position `width` on.

    tokens : int64 tensor (T,), T > width. key : int. n_tokens : K. width : int, at least 1.
    u is the token's own entry of keyed_uniforms(key, the `width` tokens right before it, n_tokens).
    Returns a float, nats.
    """
    ### BEGIN SOLUTION
    terms = []
    for t in range(width, len(tokens)):
        u = keyed_uniforms(key, tokens[t - width : t], n_tokens)[int(tokens[t])]
        terms.append(-math.log1p(-float(u)))
    return sum(terms) / len(terms)
    ### END SOLUTION

# %% check watermark_score 2 points
text = torch.tensor([2, 0, 1, 2, 2, 0])
by_hand = [-math.log(1 - float(keyed_uniforms(7, text[t - 2 : t], 3)[text[t]])) for t in (2, 3, 4, 5)]
assert np.isclose(watermark_score(text, 7, 3, 2), np.mean(by_hand)), "the mean over positions 2 to 5, each from the two before it"
assert np.isclose(watermark_score(text, 7, 3, 5), -math.log(1 - float(keyed_uniforms(7, text[:5], 3)[0]))), "one position counts"
assert not np.isclose(watermark_score(text, 8, 3, 2), np.mean(by_hand)), "another key gives another score"
### BEGIN HIDDEN TESTS
from autograder.checks import sampling as checks
checks.check_watermark_score(watermark_score)
### END HIDDEN TESTS

# %% demo varies
KEY, WIDTH = 20261, 4
starts = [SHAKESPEARE.encode(f"{name}:\n") for name in ("ROMEO", "JULIET", "KING", "FIRST LORD", "NURSE", "CLOWN", "QUEEN", "ALL")]
scores = {"marked": [], "not marked": []}
for i, some in enumerate(starts):
    with_key = list(stream(shakespeare_gpt, some, 200, key=KEY))
    without = list(stream(shakespeare_gpt, some, 200, generator=torch.Generator().manual_seed(i)))
    scores["marked"].append([watermark_score(torch.tensor(with_key[:n]), KEY, 65, WIDTH) for n in (25, 50, 100, 200)])
    scores["not marked"].append([watermark_score(torch.tensor(without[:n]), KEY, 65, WIDTH) for n in (25, 50, 100, 200)])
figure, ax = plt.subplots(figsize=(6.4, 2.9))
for (told, lines), colour in zip(scores.items(), (plots.COLOURS["vermilion"], plots.COLOURS["blue"]), strict=True):
    for i, line in enumerate(lines):
        ax.plot((25, 50, 100, 200), line, "o-", color=colour, alpha=0.7, label=told if i == 0 else None)
ax.axhline(1, color=plots.GREY, linestyle=":")
ax.set(xlabel="characters read", ylabel="score", title="Eight texts with the signature, eight without")
ax.legend()
plt.show()
print("ROMEO:\n" + SHAKESPEARE.decode(list(stream(shakespeare_gpt, starts[0], 200, key=KEY))))

# %% [markdown]
# After a hundred characters there is hardly a doubt. And the text is what it would have been: over all keys,
# each text has exactly the probability that the model gives it, as long as no four characters come twice (where
# they do, the same uniforms are used again).
#
# ### A green list · *optional*
#
# The better known way is a **green list** (Kirchenbauer et al. 2023): the key paints half of the vocabulary
# green at each step, and the green tokens get a bonus of δ on their logits. That *can't* keep $p$, for any δ
# above 0; in exchange it also marks where the key-and-uniforms way has nothing to choose, and survives some
# editing. How far is it from $p$? At one step the mean of $q$ over all keys, for a token of probability 0.9 and
# ten of 0.01, with δ = 2:

# %% demo
p = torch.tensor([0.9] + 10 * [0.01], dtype=torch.float64)
average = torch.zeros(11, dtype=torch.float64)
lists = list(itertools.combinations(range(11), 5))
divergence = 0.0
for green in lists:
    bonus = torch.zeros(11, dtype=torch.float64)
    bonus[list(green)] = 2.0
    q = (p.log() + bonus).softmax(-1)
    average += q / len(lists)
    divergence += (q * (q / p).log()).sum().item() / len(lists)
print(f"the sure token: 0.900 by the model, {average[0]:.3f} over all green lists; KL(q || p) {divergence:.3f} nats per step")

# %% [markdown]
# ## Watch it work
#
# ### A draft of your own
#
# The target is `names_gpt`. Its draft, trained here, is a GPT of one layer and 32 numbers, for one pass of
# which the target does the work of dozens.

# %% demo varies
from lib.models.gpt import GPT
from lib.training import fit

draft = GPT(27, names_gpt.context, n_layers=1, n_heads=2, width=32, start=names_gpt.start, end=names_gpt.end)
history = fit(draft, encode_names(split_names()[0], LENGTH), epochs=6, batch_size=64, lr=1e-2, average=0.99, muon=True)

# %% demo varies
from lib.sampling import generate, speculate

start = torch.full((400, 1), names_gpt.start)
generator = torch.Generator().manual_seed(0)
passes, letters, speculative = 0, 0, torch.full((400, LENGTH), names_gpt.end)
for row in speculative:
    tokens, n_passes = speculate(names_gpt, draft, start[0], LENGTH, generator=generator, ahead=4)
    row[: len(tokens)] = tokens
    passes, letters = passes + n_passes, letters + len(tokens)
print(f"{letters} letters and ends in {passes} passes of the target: {letters / passes:.2f} for each")
print(", ".join(decode_names(speculative[:10])))

with torch.no_grad():  # exactly: how probable each first pair of letters is, by the target
    first = names_gpt.next_logits(start[:1])[0, -1].double().softmax(-1)
    after_first = torch.stack([start[0].repeat(27), torch.arange(27)], 1)
    exact = (first[:, None] * names_gpt.next_logits(after_first)[:, -1].double().softmax(-1)).flatten()
frequent = exact.topk(40).indices  # the forty most probable pairs, and all others together


def chi_square(counts):
    """How far counts of first pairs, (..., 729), are from what the target says."""
    n = counts.sum(-1, keepdim=True)
    cells = torch.cat([counts[..., frequent], n - counts[..., frequent].sum(-1, keepdim=True)], -1)
    wanted = n * torch.cat([exact[frequent], 1 - exact[frequent].sum()[None]])
    return ((cells - wanted) ** 2 / wanted).sum(-1)


honest = torch.distributions.Multinomial(400, exact)
torch.manual_seed(0)
by_chance = chi_square(honest.sample((2000,)))
rows = {"speculative": speculative, "target alone": generate(names_gpt, start, LENGTH, None, generator)}
rows["draft alone"] = generate(draft, start, LENGTH, None, generator)
for way, drawn_rows in rows.items():
    distance = chi_square(torch.bincount(27 * drawn_rows[:, 0] + drawn_rows[:, 1], minlength=729).double())
    with torch.no_grad():
        nats = -names_gpt.log_prob(drawn_rows)
    print(f"{way:>12}: chi-square {distance:4.1f}, reached by chance in {(by_chance >= distance).double().mean():3.0%};", end="")
    print(f" whole names: {nats.mean():.1f} ± {nats.std() / 20:.1f} nats, by the target")

# %% [markdown]
# Two to three letters per pass instead of one. And is it the target's distribution? The first two letters have
# one that can be computed exactly. Its forty most probable pairs and all the others make 41 cells; chi-square
# measures how far 400 drawn names are from what each cell should have, and two thousand honest experiments say
# what is usual. Where chance alone gets as far in more than a few of a hundred experiments, nothing has been
# found; and which of two such shares is larger means nothing (an honest experiment's share is itself a draw,
# uniform between 0 and 1). So on two letters of 400 names even the draft may pass for the target. Over whole names
# it can't: what it draws alone costs the target several nats more, and what the target has checked costs as
# much as the target's own, within the error. (The picture of the rule is the proof. Tests like these find mistakes in the code.) The
# better the draft, the more passes are saved. A bad one costs time, and never correctness.

# %% [markdown]
# ### Four hundred names, twenty-one ways
#
# `names_gpt` of lesson 7, 400 names for each of twenty-one settings. *Diversity*: how many of the 400 are
# different. *Quality*, by two judges: how probable the model itself finds them, by its own unchanged
# conditionals, in nats per letter (a lenient judge, as lesson 6 has shown); and the census, which says how many
# of them people really bear.

# %% demo varies
known = {*split_names()[0], *split_names()[1]}


def drawn_names(decoding):
    """400 names and their tokens, drawn with these settings."""
    rows = generate(names_gpt, start, LENGTH, decoding, torch.Generator().manual_seed(0))
    return decode_names(rows), rows


ways = {
    "temperature": [Decoding(temperature=t) for t in (0.3, 0.5, 0.7, 0.85, 1.0, 1.2)],
    "top-k": [Decoding(top_k=k) for k in (2, 3, 5, 8, 14)],
    "top-p": [Decoding(top_p=p) for p in (0.4, 0.6, 0.75, 0.9, 0.97)],
    "min-p": [Decoding(min_p=p) for p in (0.6, 0.35, 0.2, 0.1, 0.03)],
}
figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.4))
for (way, settings), marker in zip(ways.items(), "osD^", strict=True):
    points = []
    for decoding in settings:
        names, rows = drawn_names(decoding)
        with torch.no_grad():
            nats = -names_gpt.log_prob(rows).sum().item() / (names_gpt.counted(rows).sum().item())
        points.append((len(set(names)) / 400, nats, sum(name in known for name in names) / 400))
    different, by_model, by_census = zip(*points, strict=True)
    axes[0].plot(different, by_model, marker + "-", markersize=5, linewidth=1.5, label=way)
    axes[1].plot(different, by_census, marker + "-", markersize=5, linewidth=1.5)
axes[0].set(xlabel="different names, of all", ylabel="nats per letter", title="By the model: low is good")
axes[1].set(xlabel="different names, of all", ylabel="names that people bear", title="By the census: high is good")
axes[0].legend()
plt.show()
for decoding in (Decoding(temperature=0.3), Decoding(), Decoding(top_p=0.9), Decoding(temperature=1.6)):
    print(f"temperature {decoding.temperature}, top-p {decoding.top_p}: ", ", ".join(drawn_names(decoding)[0][:8]))

# %% [markdown]
# Further to the right the names are more diverse, and every way is a curve: from the few safest names, again and
# again, to the model itself and, above temperature 1, beyond it. With both judges diversity has a price. At a
# diversity below nine in ten both put top-k behind the others: a small k forbids good letters where many are
# good, and lets poor ones in where one is certain. Beyond that the curves meet; and between the other three the
# judges don't agree, nor would another 400 names. Distrust whoever shows you one point of each way.

# %% [markdown]
# ## Play
#
# The playground. Bars on the left of each pair: the model's own conditional of the next character, in a
# filter's colour where that filter removes it. On the right: what is drawn from.

# %% demo varies
from lib.controls.playground import draw_playground

draw_playground(shakespeare_gpt, SHAKESPEARE, "JULIET:\nO Romeo, ", Decoding(temperature=0.8, top_k=12, top_p=0.9, min_p=0.05))
plt.show()

# %% demo varies
from lib.controls.playground import playground

playground(shakespeare_gpt, SHAKESPEARE, "JULIET:\nO Romeo, ")

# %% [markdown]
# Things to try (run the cell above in Jupyter to get the controls):
#
# 1. Draw 200 tokens at temperature 1. Where is the first character that no writer would have put there? Begin
#    anew with min-p at 0.05.
# 2. Temperature 0.1: how long until it loops? Which filter can get it out, and why can't any?
# 3. Temperature 2 and min-p 0.1; then temperature 2 and top-p 0.9. Which of the two is still English? Look at
#    the bars: how many tokens does each keep?
# 4. Draw one token at a time. When does top-p 0.9 keep a single one?
# 5. The same seed and settings give the same text. Change the temperature by 0.05: up to where is it still the
#    same?

# %% [markdown]
# ## Spot the causality bug
#
# First the probe of the other lessons, on decoders. A toy model has five steps over four tokens; *how sure* it
# is of each step is turned up and down, one step at a time, and the probe watches which of the tokens change.
# Drawing with given uniforms, and a beam of width 3:

# %% demo
from lib.sampling import beam_search as search

TOY = torch.randn(5, 5, 4, generator=torch.Generator().manual_seed(4)).double()  # [step, last token (4: none), token]


def toy_log_p(sureness, tokens):
    return (sureness[len(tokens)] * TOY[len(tokens), tokens[-1] if tokens else 4]).log_softmax(-1)


def by_drawing(sureness):
    tokens = []
    for u in (0.3, 0.6, 0.2, 0.8, 0.5):
        p = toy_log_p(sureness, tokens).exp()
        tokens.append(min(int((p.cumsum(-1) <= u).sum()), 3))
    return torch.tensor(tokens)


def by_beam(sureness):
    return torch.tensor(search(lambda tokens: toy_log_p(sureness, tokens), [], 3, 5, None)[0])


figure, axes = plots.panels(2, width=2.8, height=2.9)
for ax, decoder in zip(axes, (by_drawing, by_beam), strict=True):
    found = dependence(decoder, torch.ones(5, dtype=torch.float64), probes=200)
    plots.dependence_matrix(found, ax=ax, sees_itself=True, title=decoder.__name__.replace("_", " "))
    print(f"{decoder.__name__}: a token depends on {len(leaks(found, sees_itself=True))} later steps, all tokens taken together")
plt.show()

# %% [markdown]
# Drawing never looks ahead. A beam does: which first token it gives back depends on how the model feels about
# the fourth. That is no leak. The *model's* conditionals must not see later tokens; a decoder may see later
# conditionals. It only means that a beam can't stream: until it is done, no token is certain.
#
# So the probe is no judge here. What goes wrong in decoding is that something else is drawn than what was
# promised, and no loss, no shape and no crash will ever tell. Ten pieces of decoding by ten colleagues; all of
# it has happened, and some of it is sound.

# %%
SIX = np.array([-1.0, 2.0, -2.0, 1.5, 0.5, 0.25])  # the model's logits for six tokens
SAID = [3, 0, 4, 0]  # the text so far
P, Q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.2, 0.6])  # target and draft, over three tokens


def softmax(logits):
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def keep(logits, tokens):
    return np.where(np.isin(np.arange(len(logits)), tokens), logits, -np.inf)


def falling(logits):
    return np.argsort(-logits, kind="stable")  # the most probable token first; of equals, the lower one


def candidate_A(logits, p):  # top-p: "a token stays as long as the sum does not go beyond p"
    return keep(logits, falling(logits)[np.cumsum(softmax(logits)[falling(logits)]) <= p])


def candidate_B(logits, k):  # top-k: "whoever stands behind place k goes"
    place = np.argsort(falling(logits))
    return np.where(place > k, -np.inf, logits)


def candidate_C(logits, t, k):  # temperature t, then top-k: "I do top-k first, then fewer numbers have to be divided"
    return keep(logits, falling(logits)[:k]) / t


def candidate_D(logits, t, p):  # temperature t, then top-p: "the same trick"
    probabilities = softmax(logits)[falling(logits)]
    return keep(logits, falling(logits)[np.cumsum(probabilities) - probabilities < p]) / t


def candidate_E(logits, t, p):  # temperature t, then min-p: "and once more"
    return np.where(softmax(logits) >= p * softmax(logits).max(), logits, -np.inf) / t


def candidate_F(logits, said, penalty):  # penalty: "whatever has been said has its logit divided"
    logits = logits.copy()
    logits[said] = logits[said] / penalty
    return logits


def candidate_G(logits, p):  # top-p: "up to the first place where the sum has reached p, that one included"
    reached = np.cumsum(softmax(logits)[falling(logits)]) >= p
    return keep(logits, falling(logits)[: reached.argmax() + 1])


def choose(weights, u):
    cumulative = np.cumsum(weights)
    return int(np.searchsorted(cumulative, u * cumulative[-1], side="right"))


def candidate_H(u_draft, u_accept):  # speculation: "the draw says no, so I draw again; a third uniform would be a waste"
    token = choose(Q, u_draft)
    if u_accept < P[token] / Q[token]:
        return token
    return choose(np.maximum(P - Q, 0), u_accept)


def candidate_I(u_0, u_1, u_2):  # "no sum and no sorting: the tokens run a race, and the first to arrive is it"
    return int(np.argmin(-np.log([u_0, u_1, u_2]) / (7 * P)))  # "and who needs normalised weights?"


def candidate_J(prompt_length):  # beam search at alpha = 1, the last step: "the score is log p by the sequence's length"
    finished = {"no": (-1.0, 1), "certainly not": (-1.3, 3)}  # log p and number of the generated tokens
    return max(finished, key=lambda text: finished[text][0] / (prompt_length + finished[text][1]))

# %% [markdown]
# They are used like this: `candidate_A(SIX, 0.8)`, `candidate_B(SIX, 3)`, `candidate_C(SIX, 2.0, 3)`,
# `candidate_D(SIX, 0.5, 0.9)`, `candidate_E(SIX, 2.0, 0.1)`, `candidate_F(SIX, SAID, 1.5)`, and
# `candidate_G(np.zeros(10), 1.0)`: ten equally probable tokens.

# %% demo
print("probabilities of SIX:", softmax(SIX).round(3))

# %% [markdown]
# ### Exercise: what is drawn instead
#
# By the rules of this lesson (temperature first, then the filter; a repetition penalty makes what has been said
# *less* probable: positive logits are divided by it, negative ones multiplied, once, however often a token
# occurs):
#
# - `wrong_A` to `wrong_E`, and `wrong_G`: the tokens that stay though they should go, or go though they should
#   stay; `[]` if there are none.
# - `wrong_F`: the tokens whose logits come out otherwise than by the rule.
# - `gives_H`, `gives_I`: with what probability each of the three tokens comes out, if all uniforms are drawn
#   independently: three numbers, 0.01 more or less will do. Both claim P.
# - `differs_J`: the prompt lengths from 1 to 8 for which it returns another text than log p over the number of
#   *generated* tokens would.
#
# <details><summary>Hint</summary>
#
# Let your own functions say what should have stayed (`SIX` is a numpy array, they take tensors:
# `torch.from_numpy(SIX)`). For H and I no chance is needed: call them for a grid of uniforms, the midpoints of n
# equal cells each, and count. H by hand: what do you know about `u_accept` once it
# has said no?
# </details>

# %% exercise found_wrong
wrong_A = None  # replace each None by a list of token numbers, [] for none
wrong_B = None
wrong_C = None
wrong_D = None
wrong_E = None
wrong_F = None
wrong_G = None
gives_H = None  # three numbers
gives_I = None
differs_J = None  # prompt lengths
### BEGIN SOLUTION
wrong_A = [4]  # the token that crosses p
wrong_B = [5]  # places count from 0: four stay
wrong_C = []  # temperature changes no rank
wrong_D, wrong_E = [4, 5], [0, 2]
wrong_F = [0]  # its logit is negative, and division brings it nearer to 0
wrong_G = list(range(1, 10))  # the sum ends at 0.9999999999999999, and the argmax of ten times False is 0
gives_H = [0.45, 0.35, 0.2]  # after a no, u_accept lies between 1/3 and 1
gives_I = [0.5, 0.3, 0.2]
differs_J = [6, 7, 8]
### END SOLUTION

# %% check found_wrong 3 points
answers = {"wrong_A": wrong_A, "wrong_B": wrong_B, "wrong_C": wrong_C, "wrong_D": wrong_D, "wrong_E": wrong_E}
answers |= {"wrong_F": wrong_F, "wrong_G": wrong_G, "gives_H": gives_H, "gives_I": gives_I, "differs_J": differs_J}
for name, value in answers.items():
    numbers = list(value) if isinstance(typed(value, name), set) else np.ravel(value).tolist()
    among = range(1, 9) if name == "differs_J" else range(10)
    assert "gives" in name or all(i in among for i in numbers), f"{name}: whole numbers from {among[0]} to {among[-1]}"
assert np.shape(gives_H) == (3,) and np.shape(gives_I) == (3,), "gives_H and gives_I: a probability for each of three tokens"
assert all(abs(sum(gives) - 1) < 0.02 for gives in (gives_H, gives_I)), "something always comes out: the three sum to 1"
### BEGIN HIDDEN TESTS
from autograder.checks import sampling as checks
checks.check_found_wrong(wrong_A, wrong_B, wrong_C, wrong_D, wrong_E, wrong_F, wrong_G, gives_H, gives_I, differs_J)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: repair F
#
# For a batch, and by the rule: every token that occurs in its row counts once.
#
# <details><summary>Hint</summary>
#
# First make a bool tensor of the shape of `logits`: has this token been said in this row? Then two cases, and
# `torch.where`.
# </details>

# %% exercise repaired_F
def repaired_F(logits, tokens, penalty):
    """Logits with a repetition penalty: of what has been said, positive ones divided by it and negative ones multiplied.

    logits : float tensor (B, K), -inf stays so. tokens : int64 tensor (B, t), what has been said; t may be 0.
    penalty : a number above 0. Returns a new tensor (B, K).
    """
    ### BEGIN SOLUTION
    said = torch.zeros_like(logits, dtype=torch.bool).scatter(1, tokens, True)
    return torch.where(said, torch.where(logits > 0, logits / penalty, logits * penalty), logits)
    ### END SOLUTION

# %% check repaired_F 2 points
six = torch.tensor(np.array([SIX, SIX]))
before = six.clone()
out = np.asarray(repaired_F(six, torch.tensor([SAID, [1, 1, 1, 1]]), 1.5))
assert np.allclose(out[0], [-1.5, 2.0, -2.0, 1.0, 1 / 3, 0.25]), "row 0: 3 and 4 are divided by 1.5, 0 is multiplied, once"
assert np.allclose(out[1], [-1.0, 2 / 1.5, -2.0, 1.5, 0.5, 0.25]), "row 1: only token 1 was said, and it counts once"
assert torch.equal(six, before), "the logits given are not to be changed"
nothing = np.asarray(repaired_F(six, torch.empty(2, 0, dtype=torch.long), 1.5))
assert np.allclose(nothing, six), "nothing has been said yet: nothing changes"
### BEGIN HIDDEN TESTS
from autograder.checks import sampling as checks
checks.check_repaired_F(repaired_F)
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Where all this was found (open it when your answers are in)</summary>
#
# - **A**: the comparison of the sum with p, and the token that crosses it is lost: with probabilities 0.5,
#   0.41, 0.09 and p = 0.9 one token is left instead of two (issue 164 of
#   github.com/rasbt/reasoning-from-scratch). llama.cpp had the same, and its tests only had sums that hit p
#   exactly (pull request 1953 of github.com/ggml-org/llama.cpp). The other way round, one token too many where
#   the sum hits p exactly: issue 18976 of github.com/huggingface/transformers.
# - **B**: `>` for `>=`, so that k = 1 left two (issue 164 of github.com/kingoflolz/mesh-transformer-jax).
# - **C** is sound, **D** and **E** are not *by this lesson's order*. A refactoring had put temperature behind
#   the filters, and it was moved back (pull request 8686 of github.com/huggingface/transformers). Other
#   software has it last on purpose (issue 4091 of github.com/ggml-org/llama.cpp). An order is a convention;
#   state it.
# - **F**: "The dog dog dog dog": the higher the penalty, the more repetition (issue 2302 of
#   github.com/huggingface/transformers). Others penalised a token once for each time it had been said (issue
#   312 of github.com/ohdearquant/lattice).
# - **G**: the sum stayed below p in float32, the index became the size of the vocabulary, and the program
#   crashed (issue 19485 and pull request 19496 of github.com/NVIDIA/TensorRT-LLM). Here nothing crashes, and
#   one token is left of ten.
# - **H**: one uniform for accepting and for the replacement: "the acceptance rate itself remains correct, but
#   the final sampled-token distribution is biased" (pull request 16370 of github.com/vllm-project/vllm-ascend).
# - **I** is sound: the bus stop again. vLLM draws so, and found that in float32 it is too coarse for 262 144
#   rare tokens (pull request 43150 of github.com/vllm-project/vllm).
# - **J**: the prompt was counted in the length, so that the penalty for long answers depended on the question
#   (issue 26624 of github.com/huggingface/transformers).
#
# </details>

# %% [markdown]
# ## Take it with you
#
# ### Pitfalls
#
# - **Settings without an order** are not settings. Write down which filter reads what.
# - **Filtered text is not a sample of the model.** To estimate anything about $p_\theta$ from samples, draw
#   from $p_\theta$: temperature 1, no filter.
# - **Perplexity says nothing about decoding**, and decoding nothing about the model. Two models are compared at
#   the same decoding, and two decodings with the same model.
# - **A seed is not enough to repeat a text**: batch size, precision and the order of sums change logits in the
#   last digits, and one choice that tips over changes all that follows.
# - **Beam search looks for what is probable.** Where many answers are good, the most probable one is dull.
# - **Valid is not conditioned.** Constrained output has the right form; its probabilities are not those of the
#   model given that form.
# - **A uniform is used once.** Twice, in speculation, in a batch, across parallel streams, and the draws depend
#   on one another.
#
# ### Self-check: six questions

# %% practice
from lib.practice import choice, numeric, quiz

quiz(
    numeric(
        "Probabilities 0.4, 0.3, 0.2, 0.1. With top-p = 0.75, what does the first token's become?",
        0.4444, "0.4 and 0.3 are 0.7, so 0.2 stays as well: 0.4 / 0.9.", tolerance=0.003,
        hint="Not yet: which token makes the sum reach 0.75, and does it stay?",
    ),
    choice(
        "Temperature 2, then top-k of 5; or top-k of 5, then temperature 2. Which is the difference?",
        "None.",
        "Temperature changes no rank, and removing leaves ratios alone.",
        {
            "The first is flatter.": "In both, the five that stay have the same ratios.",
            "The second may keep other tokens.": "The five most probable are the same at every temperature.",
        },
    ),
    choice(
        "Greedy decoding is beam search of width 1. Does it find the most probable sequence?",
        "Not in general: the best first token need not begin the best sequence.",
        "0.40 before 0.35, and then 0.144 against 0.315.",
        {
            "Yes, each factor is as large as possible.": "Each factor given the choice before it; another choice has other factors.",
            "Only at temperature 0.": "Temperature 0 is greedy.",
        },
    ),
    choice(
        "In speculative decoding the draft is bad. What suffers?",
        "The speed.",
        "More is rejected, and the replacement makes good for it exactly.",
        {
            "The quality of the text.": "Accepted or replaced, each token is distributed as the target's.",
            "Nothing.": "Every rejected token was work in vain.",
        },
    ),
    numeric(
        "p = (0.5, 0.5), q = (0.9, 0.1). What share of the drafted tokens is accepted?",
        0.6, "The sum of min(p, q): 0.5 + 0.1.", tolerance=0.005,
        hint="Not yet: the accepted part of each token is min(p, q).",
    ),
    choice(
        "A text is drawn with keyed uniforms, the key unknown to you. How can you tell it from one drawn with others?",
        "You can't, from one text: it is a draw from the same distribution.",
        "Only with the key do the winners show large uniforms. (Two texts from the same prompt would be equal.)",
        {
            "By its perplexity.": "It has the perplexity of any draw.",
            "By its most frequent words.": "That is how a green list might show.",
        },
    ),
)

# %% [markdown]
# ### Flashcards

# %% practice
from lib.practice import flashcards

flashcards(
    [
        ("Greedy", "The most probable token at each step; soon a loop"),
        ("Temperature t", "Probabilities to the power 1 / t; ranks stay"),
        ("Top-k", "The k most probable, and what ties with the k-th"),
        ("Top-p, nucleus", "The fewest that together reach p; the one that crosses stays"),
        ("Min-p", "At least p times the most probable one"),
        ("The order", "Penalty, temperature, top-k, top-p, min-p"),
        ("Repetition penalty", "Of what was said: positive logits divided, negative ones multiplied"),
        ("Beam search", "Keep the `width` best beginnings; score log p / length^alpha, generated tokens only"),
        ("Constrained decoding", "-inf for what cannot become valid; not the model given validity"),
        ("Speculative decoding", "Keep x of q with min(1, p/q), else draw from max(p - q, 0): exactly p"),
        ("Watermark by uniforms", "argmax log(u_i) / p_i, u from a key and the past; p is kept"),
        ("Its score", "The mean of -log(1 - u): 1 without the key, more with it"),
    ],
    title="Sampling",
)

# %% [markdown]
# ### The one-line version
#
# **A model gives conditionals, and decoding chooses what to draw from them: sharper, cut, forced, drafted or
# signed; each choice is a distribution of its own over whole sequences, and one should be able to say which.**
#
# ### Further reading
#
# - A. Holtzman et al., *The Curious Case of Neural Text Degeneration*, ICLR 2020 (arXiv 1904.09751). Nucleus
#   sampling, and the first picture of this lesson.
# - A. Fan, M. Lewis & Y. Dauphin, *Hierarchical Neural Story Generation*, ACL 2018 (arXiv 1805.04833). Top-k.
# - M. Nguyen et al., *Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs*, 2024 (arXiv
#   2407.01082).
# - N. Keskar et al., *CTRL*, 2019 (arXiv 1909.05858), section 4.1. The repetition penalty.
# - Y. Wu et al., *Google's Neural Machine Translation System*, 2016 (arXiv 1609.08144), section 7. Length
#   normalisation.
# - Y. Leviathan, M. Kalman & Y. Matias, *Fast Inference from Transformers via Speculative Decoding*, ICML 2023
#   (arXiv 2211.17192); C. Chen et al., *Accelerating Large Language Model Decoding with Speculative Sampling*,
#   2023 (arXiv 2302.01318).
# - J. Kirchenbauer et al., *A Watermark for Large Language Models*, ICML 2023 (arXiv 2301.10226); S. Aaronson's
#   lecture on keyed uniforms, 2022 (scottaaronson.blog).
#
# Next: every token has cost a pass, and every token drawn became the past of the next. Lesson 9 measures what the
# chain rule costs, and what each remedy gives back.
