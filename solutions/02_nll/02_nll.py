# %% [markdown]
# # 02 · Train by negative log-likelihood
#
# **Promise.** After this lesson you can write down the one loss that every autoregressive model is trained
# with, compute it without underflow, read its value in four units, turn it into the bytes of a file and back, and
# say how much of it no training will ever remove.
#
# **Time.** 50 minutes to read, 140 to practise; sections marked *optional* hold no exercise and are not
# counted. **You need.** Lesson 1 (the chain rule), what a logarithm does to a product, and a little numpy. PyTorch
# stands in demos, and in the last drill, which explains its calls.
#
# Lesson 1 ended with a chain of conditionals and no way to make them good. What is needed is one number that says
# how good they are. The obvious one is the probability of the data, a *product*, and a product of many numbers
# below one is a bad thing to hold in a computer. Its logarithm is a good one.

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
from lib.causality import dependence, leaks
from lib.errors import short_errors

plots.use_style()
short_errors()

# %% [markdown]
# ## A picture first
#
# Take a model that is good at its job: at every position it gives the symbol that really comes next a
# probability between 0.1 and 0.9. Multiply these conditionals, one position after the other, and look at what
# the computer holds.

# %% figure
conditionals = np.random.default_rng(2).uniform(0.1, 0.9, size=1500)
n = np.arange(1, 1501)
figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.8))
for kind, colour in ((np.float32, "vermilion"), (np.float64, "blue")):
    product = np.cumprod(conditionals.astype(kind))
    alive = product > 0
    power = np.log10(product[alive].astype(np.float64))
    left.plot(n[alive], power, color=plots.COLOURS[colour], label=kind.__name__)
    left.plot(n[alive][-1], power[-1], "x", color=plots.COLOURS[colour], markersize=9, mew=2.5)
    print(f"{kind.__name__}: the product of {n[alive][-1] + 1} conditionals is {product[alive.sum()]}")
left.set(title="The product", xlabel="sequence length n", ylabel="probability, power of 10", xlim=(0, 1500))
left.legend(title="× = becomes exactly 0", loc="upper right")
right.plot(n, np.cumsum(-np.log(conditionals)), color=plots.COLOURS["green"])
right.plot(1000, -np.log(conditionals[:1000]).sum(), "o", color=plots.COLOURS["green"])
right.annotate("n = 1000", (1000, -np.log(conditionals[:1000]).sum()), (620, 980), fontsize=11)
right.set(title="The sum of −ln p", xlabel="sequence length n", ylabel="nats")
right.set(xlim=(0, 1500), ylim=(0, None))
total = -np.log(conditionals[:1000]).sum()
print(f"at n = 1000: product {np.prod(conditionals[:1000])}, sum of -ln p {total:.2f} nats")
plt.show()

# %% [markdown]
# The left-hand lines end in a cross: from there on the product is not small, it *is* zero. The smallest
# positive number that 64-bit floats can hold is $5\cdot10^{-324}$, and a thousand good guesses go below it.
# (For 32 bits the limit is $1.4\cdot10^{-45}$, here reached after 121 symbols: a line and a half of text.) A
# zero can't be compared with another zero, and its gradient is zero as well: nothing could be learned from
# it.
#
# The right-hand line holds the same information and climbs calmly. A sequence of a thousand symbols is short:
# a small grey picture has 784 pixels, one second of the speech in lesson 6 has 8000 samples. So we never
# multiply conditionals. We add their logarithms.

# %% [markdown]
# ## The idea
#
# Lesson 1 gave $p(x) = \prod_{t} p(x_t \mid x_{<t})$. Take the logarithm of both sides, and the product is a
# sum. Logarithms of probabilities are negative or zero, so turn the sign, and you have an amount that is
# never below zero and that a better model makes *smaller*: a loss.
#
# $$\mathrm{NLL}(x) \;=\; -\ln p(x) \;=\; \sum_{t=1}^{T} -\ln p(x_t \mid x_{<t})$$
#
# It is called the **negative log-likelihood**. "Likelihood" because the data are fixed and the model is what
# we vary. Each term has a meaning of its own: $-\ln p$ is the **surprise** at an outcome to which you had
# given probability $p$. What was certain surprises with 0; what was impossible, with infinity.
#
# The worked number of lesson 1 again: the symbols are A, B and C, the sequence is BAC, and the model says
# $p(\text{B}) = 0.4$, $p(\text{A}\mid\text{B}) = 0.5$, $p(\text{C}\mid\text{BA}) = 0.6$.

# %% figure
probabilities = {"B": 0.4, "A": 0.5, "C": 0.6}
figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.7), width_ratios=(3, 2))
p = np.linspace(0.02, 1, 300)
left.plot(p, -np.log(p), color=plots.GREY)
for (symbol, value), colour in zip(probabilities.items(), ("blue", "vermilion", "green"), strict=True):
    left.plot([value, value], [0, -math.log(value)], ":", color=plots.COLOURS[colour])
    left.plot(value, -math.log(value), "o", color=plots.COLOURS[colour], markersize=8)
    left.annotate(symbol, (value, -math.log(value)), (6, 6), textcoords="offset points", fontweight="bold")
left.set(title="Surprise at an outcome", xlabel="probability given to it", ylabel="−ln p  (nats)")
left.set(xlim=(0, 1.02), ylim=(0, 4))
height = 0.0
for x, (value, colour) in enumerate(zip(probabilities.values(), ("blue", "vermilion", "green"), strict=True)):
    right.bar(x, -math.log(value), 0.7, bottom=height, color=plots.COLOURS[colour])
    height -= math.log(value)
    right.plot([x - 0.35, min(x + 1.35, 2.35)], [height, height], color="black", linewidth=0.8)
right.set_xticks(range(3), ["B", "A", "C"])
right.set(title="BAC: they add up", xlabel="letter", ylabel="−ln p  (nats)", ylim=(0, 4))
right.grid(False, axis="x")
plt.show()

# %% [markdown]
# ### Exercise: `nll`
#
# Write the negative log-likelihood of one sequence, given the conditional probabilities that a model assigned
# to the symbols that really came. It has to survive long sequences, so the product may appear nowhere, not
# even for a moment.
#
# <details><summary>Hint</summary>
#
# Which comes first, the logarithm or the combining? And what do `math.log` and
# `np.log` make of a probability of 0?
# </details>

# %% exercise nll
def nll(conditionals):
    """Negative log-likelihood of one sequence, in nats.

    conditionals : list or array (T,), entry t is p(x_t | x_<t) of the symbol that came, from 0 (or next to
                   nothing, such as 1e-30) to 1.
    returns      : a number >= 0; 0 for an empty sequence, infinity if an entry is 0. Finite for T = 2000.
    """
    ### BEGIN SOLUTION
    with np.errstate(divide="ignore"):
        return float(-np.log(np.asarray(conditionals, dtype=np.float64)).sum())
    ### END SOLUTION

# %% check nll 2 points
assert np.allclose(float(nll([0.5, 0.25])), 3 * math.log(2), atol=1e-4), "0.5 and 0.25 cost 3 ln 2 nats"
assert float(nll([0.4] * 1000)) < 1e6, "1000 times 0.4 should give 916 nats: is there a product left?"
assert float(nll([0.5, 0.0])) == math.inf, "what happened at probability 0 should cost infinity"
### BEGIN HIDDEN TESTS
from autograder.checks import nll as checks
checks.check_nll(nll)
### END HIDDEN TESTS

# %% [markdown]
# ### By hand: BAC
#
# Do it once with a pocket calculator (the `ln` key), and the loss curves of the lessons to come will have a feel to
# them. Type the three pieces in the order of the letters. Two decimals are enough: the tolerance is 0.01 nats.
#
# <details><summary>Hint</summary>
#
# $-\ln 0.5 = \ln 2$, the most useful logarithm to know by heart.
# </details>

# %% exercise pieces_BAC
pieces_BAC = None  # replace None by a list of three numbers, in nats
### BEGIN SOLUTION
pieces_BAC = [-math.log(0.4), -math.log(0.5), -math.log(0.6)]
### END SOLUTION

# %% check pieces_BAC 1 point
assert len(typed(pieces_BAC, "pieces_BAC")) == 3, "one piece for each of B, A, C"
assert all(float(piece) > 0 for piece in pieces_BAC), "a probability below 1 should surprise by more than 0"
assert np.argmax([float(piece) for piece in pieces_BAC]) == 0, "B, the least probable of the three, comes first, so the first piece is the largest"
again = math.exp(-sum(float(piece) for piece in pieces_BAC))
assert abs(again - 0.12) < 0.005, f"exp of minus their sum should be p(BAC) = 0.12 again, and is {again:.3f}"
assert agrees(pieces_BAC, "pieces_BAC", "77f31ffe6fb9", within=0.01), "one of the three is wrong, and another makes up for it"
### BEGIN HIDDEN TESTS
from autograder.checks import nll as checks
checks.check_pieces_BAC(pieces_BAC)
### END HIDDEN TESTS

# %% demo
terms = [float(piece) for piece in typed(pieces_BAC, "pieces_BAC")]
print(" + ".join(f"{term:.3f}" for term in terms), f"= {sum(terms):.2f} nats")
print(f"exp(-{sum(terms):.2f}) = {math.exp(-sum(terms)):.2f}, the probability of BAC again")

# %% [markdown]
# ### By hand: a sequence of your own
#
# Type your first and last name. They draw a sequence and a table of conditionals for you; the grader draws the
# same ones from the same name, and other names get others. (Two students who both type *Maria* share everything.)

# %% exercise student_name
student_name = None  # your first and last name, in quotes
### BEGIN SOLUTION
student_name = "Ada Lovelace"
### END SOLUTION

# %% demo
puzzle(student_name, "02")

# %% [markdown]
# What is the negative log-likelihood of your sequence, in nats, within 0.02? From each row you need one entry
# only, and two decimals of each piece are enough.
#
# <details><summary>Hint</summary>
#
# Row by row: find the column of the letter that comes *next* in your sequence. The first row is for the first
# letter.
# </details>

# %% exercise nll_mine
nll_mine = None  # replace None by your number, in nats
### BEGIN SOLUTION
mine = puzzle(student_name, "02")
nll_mine = sum(-math.log(row[letter]) for row, letter in zip(mine.tables, mine.sequence, strict=True))
### END SOLUTION

# %% check nll_mine 2 points
assert float(typed(nll_mine, "nll_mine")) > 0, "a sum of surprises should be above 0"
mine = puzzle(typed(student_name, "student_name"), "02")
assert mine.agrees(float(nll_mine)), "nll_mine is not the sum of your four surprises in nats: from each row, the column of the letter that came"
### BEGIN HIDDEN TESTS
from autograder.checks import nll as checks
checks.check_nll_mine(student_name, nll_mine)
### END HIDDEN TESTS

# %% [markdown]
# ## Build it
#
# ### One amount, four units
#
# Papers report the same loss in different clothes. None is more right than another; you only have to know
# which you are looking at.
#
# | unit | from the total NLL in nats | usual for | guessing uniformly among $K$ |
# |:--|:--|:--|:--|
# | **nats** | the NLL itself | digits, derivations | $T\ln K$ |
# | **bits** | $\mathrm{NLL}/\ln 2$ (so $\log_2$ for $\ln$) | compression | $T\log_2 K$ |
# | **bits per dimension** | $\mathrm{NLL}/(D\ln 2)$, $D$ numbers in $x$ | pictures, audio | $\log_2 K$ |
# | **perplexity** | $\exp(\mathrm{NLL}/T)$, for $T$ tokens | text | $K$ |
#
# *Bits* are meant literally. With an arithmetic coder, a model stores $x$ in less than $-\log_2 p(x) + 2$ bits:
# a model with a lower NLL **is** a better compressor (Cover & Thomas 2006, chapter 5; for today's language
# models, Delétang et al. 2024).
#
# *Bits per dimension* make pictures of different sizes comparable. A 32 × 32 colour picture has $D = 3072$
# numbers; stored as they are, they take 8 bits each. The PixelCNN, which lesson 5 builds, was reported with
# 3.14 on the pictures of CIFAR-10 (van den Oord et al. 2016).
#
# *Perplexity* is a number of choices. A model with perplexity 12 is, on average, as unsure as if it had to
# choose blindly among 12 equally likely tokens. It turns an average of logarithms back into something you can
# count.
#
# ### Exercise: `perplexity` and `bits_per_dim`
#
# Two one-line functions. The first has to work for the NLL of a whole book as well, and in the second mind which of
# nat and bit is larger.
#
# <details><summary>Hint</summary>
#
# The exponential of 1000 is too much for a computer: what does the formula do first? And is a bit more than a nat,
# or less: should the number grow?
# </details>

# %% exercise perplexity
def perplexity(total_nll, n_tokens):
    """The number of equally likely tokens among which a blind choice would be as unsure.

    total_nll : NLL of all tokens together, in nats. n_tokens : how many there were.
    returns   : a number >= 1, no unit.
    """
    ### BEGIN SOLUTION
    return math.exp(total_nll / n_tokens)
    ### END SOLUTION

# %% check perplexity 1 point
blind = 10 * math.log(27)  # ten letters, each guessed among 27
assert np.allclose(float(perplexity(blind, 10)), 27), "exp of the mean: here 27, the number of letters"
assert float(perplexity(5000.0, 2500)) < 10, "2 nats per token, and 2500 tokens: e squared"
### BEGIN HIDDEN TESTS
from autograder.checks import nll as checks
checks.check_perplexity(perplexity)
### END HIDDEN TESTS

# %% exercise bits_per_dim
def bits_per_dim(nll_nats, n_dims):
    """Average number of bits that one entry of x costs.

    nll_nats : NLL of x, in nats. n_dims : number of entries of x (pixels times channels, samples, letters).
    returns  : bits per dimension.
    """
    ### BEGIN SOLUTION
    return nll_nats / (n_dims * math.log(2))
    ### END SOLUTION

# %% check bits_per_dim 1 point
assert np.allclose(float(bits_per_dim(3072 * math.log(256), 3072)), 8), "bytes, guessed blindly: 8 bits each"
assert np.allclose(float(bits_per_dim(math.log(2), 1)), 1), "one fair coin should cost 1 bit"
### BEGIN HIDDEN TESTS
from autograder.checks import nll as checks
checks.check_bits_per_dim(bits_per_dim)
### END HIDDEN TESTS

# %% [markdown]
# ### From logits to log-probabilities
#
# A network ends in a row of $V$ unrestricted numbers, the **logits** $z$. The softmax makes them a
# distribution, $p_v = e^{z_v} / \sum_u e^{z_u}$, and the loss takes its logarithm. Do these as two steps, and
# both go wrong:

# %% demo
def naive_log_softmax(z):
    return np.log(np.exp(z) / np.exp(z).sum())


with np.errstate(all="ignore"):
    for z in ([2.0, 1.0, 0.0], [1000.0, 999.0, 998.0], [0.0, -400.0, -800.0]):
        print(z, "->", np.round(naive_log_softmax(np.array(z)), 3))

# %% [markdown]
# The second row is the first one shifted by 998, so it describes the *same* distribution; yet the exponential
# overflowed and infinity divided by infinity is not a number. In the third row, a perfectly ordinary
# log-probability of −800 became minus infinity: one unlucky token and the loss of the whole batch is
# infinite.
#
# The cure is in the observation itself. Adding a constant to all logits changes nothing, so choose the
# constant that does no harm: take out the largest logit $m$. And do the division where it is a subtraction,
# in logarithms:
#
# $$\ln p_v \;=\; z_v - \ln\sum_u e^{z_u} \;=\; (z_v - m) - \ln\sum_u e^{z_u - m}$$
#
# Now the largest term of the sum is $e^0 = 1$. Nothing can overflow, and what underflows is too small to
# matter beside the one. (Blanchard, Higham & Higham 2021 prove how accurate this is.)
#
# ### Exercise: `log_softmax`
#
# Write it over the last axis, for any shape in front: a batch of sequences of rows is the usual case. Each
# row has its own maximum.
#
# <details><summary>Hint</summary>
#
# Which shape have the maxima of all rows, and which shape must they have to line up with the rows? And what is
# $e^{-\infty}$, for a token that is forbidden?
# </details>

# %% exercise log_softmax
def log_softmax(logits):
    """Log-probabilities from logits, over the last axis.

    logits  : float array (..., V), any size of numbers, +-10000 too; -inf marks a forbidden token, and no row
              is forbidden altogether. Left as they are.
    returns : array (..., V), ln of softmax(logits); exp of each row sums to 1.
    """
    ### BEGIN SOLUTION
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    ### END SOLUTION

# %% check log_softmax 2 points
rows = np.asarray(log_softmax(np.array([[2.0, 1.0, 0.0], [1000.0, 999.0, 998.0]])))
assert rows.shape == (2, 3), "the result should have the shape of the logits"
assert np.isfinite(rows).all(), "logits of 1000 should do no harm"
assert np.allclose(rows[0], rows[1], atol=1e-4), "adding a constant to all logits should change nothing"
assert np.allclose(np.exp(rows).sum(axis=-1), 1, atol=1e-4), "exp of each row should sum to 1"
far = np.asarray(log_softmax(np.array([0.0, -400.0, -800.0])))
assert np.allclose(far, [0.0, -400.0, -800.0]), "-800 is an ordinary log-probability, even if exp(-800) is 0 in a computer"
wide = np.asarray(log_softmax(np.array([10000.0, -10000.0, 0.0])))
assert np.allclose(wide, [0.0, -20000.0, -10000.0]), "one logit far above the others: what has to be taken out?"
assert np.allclose(log_softmax(np.zeros((2, 3, 4))), -math.log(4)), "three axes: each row of the last axis, here of 4, is a distribution"
### BEGIN HIDDEN TESTS
from autograder.checks import nll as checks
checks.check_log_softmax(log_softmax)
### END HIDDEN TESTS

# %% [markdown]
# ### The NLL of a batch: next-token cross-entropy
#
# You will meet the same loss under the name **cross-entropy**. For two distributions over the next token it
# is defined as $H(p, q) = -\sum_v p(v) \ln q(v)$: the average surprise of someone who believes $q$ where $p$
# is true. In training, $q$ is the model's prediction and $p$ is the datum: all its probability sits on the
# token that came. Of the sum over the vocabulary, one term remains, $-\ln q(x_t)$. Next-token cross-entropy
# is the NLL of one position.
#
# ### Exercise: `sequence_nll`
#
# Given the logits of a batch, pick at every position the log-probability of its target and sum over time. The
# result has one number per sequence. (PyTorch's `cross_entropy` averages over the whole batch by default:
# fine as a loss, useless for comparing sequences.)
#
# <details><summary>Hint</summary>
#
# How do you say in numpy "from row $(b, t)$, entry `targets[b, t]`"? Look for a function that takes values *along*
# an axis, and mind how many axes its indices need. Two nested loops are right as well.
# </details>

# %% exercise sequence_nll
def sequence_nll(logits, targets):
    """Negative log-likelihood of each sequence of a batch.

    logits  : float array (B, T, V), row [b, t] predicts token t of sequence b. Finite, +-10000 too. Left as they are.
    targets : int array (B, T), the tokens that came, in 0..V-1.
    returns : array (B,), nats, summed over the T positions.
    """
    ### BEGIN SOLUTION
    largest = logits.max(axis=-1, keepdims=True)
    log_p = logits - largest - np.log(np.exp(logits - largest).sum(axis=-1, keepdims=True))  # (B, T, V)
    picked = np.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0]  # (B, T)
    return -picked.sum(axis=-1)
    ### END SOLUTION

# %% check sequence_nll 2 points
bac = np.array([[[0.3, 0.4, 0.3], [0.5, 0.25, 0.25], [0.2, 0.2, 0.6]]])  # the conditionals of A, B, C
bac_logits = np.log(bac[[0, 0]]) + 2000.0  # adding 2000 to all of them changes nothing
cost = np.asarray(sequence_nll(bac_logits, np.array([[1, 0, 2], [2, 0, 1]])))
assert cost.shape == (2,), "one number for each sequence of the batch, so the shape here should be (2,)"
assert np.isfinite(cost).all(), "logits of 2000 should do no harm"
assert np.allclose(cost[0], 2.1203, atol=1e-3), "BAC costs 2.12 nats: normalise each row, then sum over time"
assert np.allclose(cost[1], -math.log(0.3 * 0.5 * 0.2), atol=1e-3), "the second sequence costs -ln(0.3 · 0.5 · 0.2): its own targets"
single = np.asarray(sequence_nll(np.array([[[0.0, 800.0], [0.0, 0.0], [5.0, 5.0]]]), np.array([[0, 1, 0]])))
assert single.shape == (1,), "a batch of one sequence should give one number, shape (1,)"
assert np.allclose(single, 800 + 2 * math.log(2)), "a target 800 below costs 800 nats, and each of the two blind guesses ln 2"
### BEGIN HIDDEN TESTS
from autograder.checks import nll as checks
checks.check_sequence_nll(sequence_nll)
### END HIDDEN TESTS

# %% [markdown]
# ### Teacher forcing: the inputs come from the data
#
# Look at what the terms ask for. $-\ln p(x_t \mid x_{<t})$ is conditioned on the *true* past of the datum,
# whatever the model itself would have said there. So in training the model reads the data, shifted by one: at
# each position it sees what came before and predicts what comes now. In generation there are no data, and it
# reads what it has just written.

# %% figure
figure, (top, bottom) = plt.subplots(2, 1, figsize=(6.0, 4.2))
plots.unrolled(list(".emma"), list("emma."), ax=top, title="Training: the inputs come from the data")
plots.unrolled(list(".mari"), list("mari."), ax=bottom, own=True, title="Generation: from its own outputs")
plt.show()

# %% [markdown]
# In the upper drawing no arrow leads from an output back to an input. This is called **teacher forcing**
# (Williams & Zipser 1989): the teacher's token goes in even where the pupil would have written another. It is
# what the chain rule says, and the sum of its terms is the exact likelihood. Two consequences make large
# autoregressive models affordable:
#
# 1. **All positions can train in parallel.** Every input is known before the forward pass starts, so a
#    convolution or attention computes all $T$ predictions side by side. (A recurrent network still has to
#    walk along its hidden state, the grey arrows from left to right.)
# 2. **No gradient has to pass through a choice.** The tokens are data; they don't depend on the weights.
#
# The dot is a token that is in no name. It stands in front, so that the first letter has something to be
# predicted from (*bos*, beginning of sequence), and behind, so that the model learns where names end.
#
# ### Exercise: `teacher_forcing_pair`
#
# From a batch of tokens make the inputs and the targets. Position $t$ of the inputs holds the token just
# before position $t$ of the targets. Every token of the data is a target exactly once.
#
# <details><summary>Hint</summary>
#
# Which token of each sequence is never an input, because nothing follows it? And leave `tokens` as it is:
# write into something new.
# </details>

# %% exercise teacher_forcing_pair
def teacher_forcing_pair(tokens, bos):
    """Inputs and targets of next-token training.

    tokens  : int array (B, T). bos : int, the token that stands before every sequence; it may be in them too.
    returns : (inputs, targets), two arrays (B, T) of tokens; inputs[b, t] is what comes just before targets[b, t].
    """
    ### BEGIN SOLUTION
    inputs = np.concatenate([np.full_like(tokens[:, :1], bos), tokens[:, :-1]], axis=1)
    return inputs, tokens
    ### END SOLUTION

# %% check teacher_forcing_pair 2 points
inputs, targets = teacher_forcing_pair(np.array([[5, 13, 13, 1], [1, 14, 14, 9]]), 9)
assert np.shape(inputs) == (2, 4), "two sequences of four tokens should give inputs of the same shape"
assert np.array_equal(np.asarray(targets)[0], [5, 13, 13, 1]), "every token should be predicted once"
assert np.array_equal(np.asarray(inputs)[0], [9, 5, 13, 13]), "inputs: bos (here 9), then the data one step late"
assert np.array_equal(np.asarray(inputs)[1], [9, 1, 14, 14]), "each sequence begins with a bos of its own"
### BEGIN HIDDEN TESTS
from autograder.checks import nll as checks
checks.check_teacher_forcing_pair(teacher_forcing_pair)
### END HIDDEN TESTS

# %% [markdown]
# Here is the first consequence in numbers. The little network below looks at the whole past (a running mean
# of embeddings). Called once on all inputs, or once per position on a growing prefix, it makes the same
# predictions, since none of them looks ahead. Only the bill differs.

# %% demo varies
import time

generator = torch.Generator().manual_seed(0)
embedding, head = torch.randn(27, 64, generator=generator), torch.randn(64, 27, generator=generator)


def small_network(inputs):
    steps = torch.arange(1, inputs.shape[1] + 1)[:, None]
    return torch.tanh(embedding[inputs].cumsum(dim=1) / steps) @ head  # (B, T, 27)


tokens = np.random.default_rng(0).integers(1, 27, size=(16, 256))
inputs = torch.as_tensor(np.asarray(teacher_forcing_pair(tokens, 0)[0]))
begin = time.perf_counter()
at_once = small_network(inputs)
middle = time.perf_counter()
one_by_one = torch.stack([small_network(inputs[:, : t + 1])[:, -1] for t in range(256)], dim=1)
end = time.perf_counter()
print(f"all 256 positions at once:      1 call,   {1000 * (middle - begin):7.1f} ms")
print(f"one position after the other: 256 calls,  {1000 * (end - middle):7.1f} ms")
print(f"largest difference between the two: {float((at_once - one_by_one).abs().max()):.0e}")

# %% [markdown]
# ### Why not train on the model's own samples? · *optional*
#
# It sounds more honest: let the model write the way it will have to write, and correct the result. Look at
# what a gradient would have to pass through. A token is drawn by comparing a uniform number $u$ with the
# cumulated probabilities. Hold $u$ fixed, move one logit, and watch.

# %% figure
z = np.linspace(-4, 4, 801)  # the logit of B; those of A and C stay at 0
p = np.exp(np.stack([0 * z, z, 0 * z])) / np.exp(np.stack([0 * z, z, 0 * z])).sum(axis=0)
figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.6))
left.plot(z, p[1], color=plots.COLOURS["blue"])
left.set(title="Probability: smooth", xlabel="logit of B", ylabel="p(B)", ylim=(0, 1.05))
for u, colour, style in ((0.3, "vermilion", "-"), (0.8, "green", "--")):
    token = (u >= np.cumsum(p, axis=0)[:2]).sum(axis=0)
    jumps = np.where(np.diff(token, prepend=token[0]) != 0, np.nan, token)
    right.plot(z, jumps, style, color=plots.COLOURS[colour], linewidth=3, label=f"u = {u}")
right.set_yticks([0, 1, 2], ["A", "B", "C"])
right.set(title="Sampled token: a staircase", xlabel="logit of B", ylim=(-0.4, 2.4))
right.legend(loc="center left")
plt.show()

# %% [markdown]
# The probability has a slope everywhere. The sampled token has slope zero wherever it has one, and jumps in
# between: a gradient through it is zero or does not exist, and says nothing either way. Three more reasons:
#
# - **It is sequential.** Sample $t$ must exist before sample $t+1$ can be drawn: $T$ forward passes in a row,
#   and a chain of $T$ networks to go back through.
# - **There is no target.** Once the model wrote *mar* where the datum says *emm*, the datum's fourth letter
#   *a* is no longer the right answer to anything.
# - **The ways around are costly.** The score-function estimator (REINFORCE, Williams 1992) is unbiased but
#   noisy, and worse the longer the sequence; smooth stand-ins for the sample (Gumbel-softmax: Jang et al.
#   2017, Maddison et al. 2017) are biased. They have their uses, above all where the aim is a reward and not
#   a likelihood.
#
# Teacher forcing has a price as well. A model that has only ever read true pasts has never seen its own
# mistakes: *exposure bias*, which lesson 9 measures.

# %% [markdown]
# ### How far can the loss fall?
#
# Not to zero. Draw $x$ from the distribution of the data, $p_\text{data}$, and let a model $p_\theta$ pay
# $-\ln p_\theta(x)$. Its average is the cross-entropy, and one added and subtracted term splits it in two:
#
# $$\underbrace{-\sum_x p_\text{data}(x)\ln p_\theta(x)}_{\text{average NLL}}
# \;=\; \underbrace{-\sum_x p_\text{data}(x)\ln p_\text{data}(x)}_{\text{entropy } H(p_\text{data})}
# \;+\; \underbrace{\sum_x p_\text{data}(x)\ln\frac{p_\text{data}(x)}{p_\theta(x)}}
# _{\mathrm{KL}(p_\text{data},\,p_\theta)}$$
#
# The first part is the **entropy** of the data. No model appears in it, so no training can change it: it is
# the floor. The second is the **Kullback–Leibler divergence** from the data to the model, the part that a
# wrong model pays on top. It is never negative, since $\ln$ is concave (Jensen): $-\mathrm{KL} = \sum_x
# p_\text{data} \ln (p_\theta/p_\text{data}) \le \ln \sum_x p_\text{data}\,(p_\theta/p_\text{data}) \le \ln 1 =
# 0$. And it is zero only for $p_\theta = p_\text{data}$.
#
# So *minimising the NLL* (maximum likelihood) *and minimising* $\mathrm{KL}(p_\text{data}, p_\theta)$ *are one
# and the same*: they differ by a constant. Note the direction. The average is taken under the data (the
# "forward" KL), so the model pays wherever the data are. Giving probability 0 to something that happens costs
# infinity; giving probability to things that never happen costs only what is then missing elsewhere. A model
# trained this way would rather cover too much than too little.
#
# ### Exercise: `kl_divergence`
#
# For two distributions over the same outcomes. The edges carry the meaning: an outcome that never happens ($p
# = 0$) adds nothing, whatever $q$ says, and one that happens though the model excluded it ($q = 0 < p$) makes
# the divergence infinite. Adding a small $\varepsilon$ inside the logarithm would hide exactly that, so
# don't.
#
# <details><summary>Hint</summary>
#
# Which outcomes have a term at all, and what does numpy make of `0 * np.log(0)`? Is one outcome enough for infinity?
# </details>

# %% exercise kl_divergence
def kl_divergence(p, q):
    """KL(p, q): what believing q costs on average where p is true, beyond the entropy of p.

    p, q    : float arrays (K,), distributions over the same K outcomes; each entry is 0 or at least 1e-30.
    returns : a number >= 0 (up to rounding), in nats; infinity if some outcome has q = 0 < p. 0 ln 0 counts as 0.
    """
    ### BEGIN SOLUTION
    happens = p > 0
    if (q[happens] == 0).any():
        return math.inf
    return float((p[happens] * np.log(p[happens] / q[happens])).sum())
    ### END SOLUTION

# %% check kl_divergence 2 points
coin, loaded = np.array([0.5, 0.5]), np.array([0.75, 0.25])
assert abs(float(kl_divergence(coin, coin))) < 1e-6, "a distribution should not diverge from itself"
heads = np.array([1.0, 0.0])
two_terms = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
assert np.allclose(float(kl_divergence(coin, loaded)), two_terms, atol=1e-5), "p ln(p/q), here two terms"
assert np.allclose(float(kl_divergence(heads, coin)), math.log(2)), "p = 0 should add nothing, not NaN"
assert abs(float(kl_divergence(heads, heads))) < 1e-6, "q = 0 does no harm where p is 0 as well"
assert float(kl_divergence(coin, heads)) == math.inf, "what happens though the model excluded it: infinity"
mixed = kl_divergence(np.array([0.5, 0.5, 0.0]), np.array([0.5, 0.0, 0.5]))
assert float(mixed) == math.inf, "infinity too where another outcome has p = 0"
### BEGIN HIDDEN TESTS
from autograder.checks import nll as checks
checks.check_kl_divergence(kl_divergence)
### END HIDDEN TESTS

# %% [markdown]
# ### Counting is maximum likelihood
#
# Time for a first model that learns: the **bigram**. It keeps a table with one row per token, and the row of
# the previous token is its prediction of the next, $p_\theta(x_t \mid x_{<t}) = \theta_{x_{t-1},\,x_t}$. (All
# else of the past is forgotten: that is the approximation.) Which table has the lowest NLL?
#
# Collect the terms of the sum by the previous token. Row $i$ is used $n_i$ times, and $j$ came next a share
# $\hat p_{ij} = n_{ij}/n_i$ of these times. So the row pays $n_i$ times $-\sum_j \hat p_{ij} \ln \theta_{ij}$, a
# cross-entropy, which is $H(\hat p_i) + \mathrm{KL}(\hat p_i, \theta_i)$. The first part is fixed by the data.
# The second is smallest, namely zero, at $\theta_i = \hat p_i$: **the counts, normalised.** No training, no
# learning rate; the exact optimum in one pass.
#
# | from the sequences `·ann·` and `·anna·` | next `·` | next a | next n |
# |:--|--:|--:|--:|
# | after `·` | 0 | 2 | 0 |
# | after a | 1 | 0 | 2 |
# | after n | 1 | 1 | 2 |
#
# ### Exercise: `bigram_mle`
#
# Count and normalise. Sequences have different lengths, and the end of one is not followed by the start of
# the next. A token that is never followed by anything leaves its row without evidence; let such a row be
# uniform.
#
# <details><summary>Hint</summary>
#
# How many transitions has a sequence of five tokens, of one, of none? Which axis of the count table has to sum to
# one, and what would a row of zeros be divided by?
# </details>

# %% exercise bigram_mle
def bigram_mle(sequences, vocab_size):
    """The bigram table with the highest likelihood.

    sequences  : list of lists of ints in 0..vocab_size-1, any lengths, empty ones too.
    vocab_size : V.
    returns    : array (V, V), entry [i, j] is p(next = j | previous = i). Each row sums to 1; a row without
                 any transition is uniform.
    """
    ### BEGIN SOLUTION
    counts = np.zeros((vocab_size, vocab_size))
    for sequence in sequences:
        for previous, following in itertools.pairwise(sequence):
            counts[previous, following] += 1
    totals = counts.sum(axis=1, keepdims=True)
    return np.where(totals > 0, counts / np.maximum(totals, 1), 1 / vocab_size)
    ### END SOLUTION

# %% check bigram_mle 3 points
# · = 0, a = 1, n = 2; token 3 never occurs
ann_anna = np.asarray(bigram_mle([[0, 1, 2, 2, 0], [0, 1, 2, 2, 1, 0]], 4))
assert ann_anna.shape == (4, 4), "one row and one column for each of the vocab_size tokens"
assert np.allclose(ann_anna[1], [1 / 3, 0, 2 / 3, 0], atol=1e-4), "the row of a: once ·, never a, twice n"
assert np.allclose(ann_anna[0], [0, 1, 0, 0], atol=1e-4), "the row of ·: always a; where a name ends, no other begins"
assert np.allclose(ann_anna[3], 0.25), "nothing ever followed token 3, so its row should be uniform"
### BEGIN HIDDEN TESTS
from autograder.checks import nll as checks
checks.check_bigram_mle(bigram_mle)
### END HIDDEN TESTS

# %% [markdown]
# ### The same number as a file
#
# The NLL in bits is a length. Go back to lesson 1's stick: each symbol keeps a share of what was left, and at the end
# of the message an interval of length $p(x)$ remains, which no other message has. To name the message it is enough to
# name *one number* in its interval, with so many binary digits that it stays there whatever digits may follow: less
# than two more than $-\log_2 p$. This is **arithmetic coding** (Witten, Neal & Cleary 1987; lesson 1), and it turns any autoregressive model into
# a compressor.
#
# Here is *ann·* with the counts of *·ann·* and *·anna·* above. The shares are 1, 2/3, 2/4 and 1/4, the interval is
# $[2/3, 3/4)$, and 0.10110 in binary (22/32 = 0.6875) lies in it, whatever digits may follow. Five bits; the NLL is
# $\log_2 12 = 3.58$.

# %% figure
shares = [
    {"·": 0, "a": 1, "n": 0},
    {"·": 1 / 3, "a": 0, "n": 2 / 3},
    {"·": 1 / 4, "a": 1 / 4, "n": 1 / 2},
    {"·": 1 / 4, "a": 1 / 4, "n": 1 / 2},
]
figure, ax = plt.subplots(figsize=(7.2, 3.0))
plots.nested_intervals("ann·", shares, ax=ax, title="ann· keeps 1/12 of the stick", label="p(ann·) = 1/12")
ax.plot([22 / 32] * 2, [0.4, -3.4], color="black", linewidth=1, linestyle="--")
ax.text(22 / 32 - 0.01, 0.42, "0.10110", ha="right", fontsize=10)
plt.show()

# %% [markdown]
# Real coders work with a window of 32 bits or so. Python's whole numbers have no limit, and so ours fits into a few
# lines. It keeps the interval as three of them: it goes from `low / whole` to `(low + width) / whole`.

# %%
ANNS = [[0, 2, 0], [1, 0, 2], [1, 1, 2]]  # ANNS[i][j]: how often j came after i, in the table above; · = 0, a = 1, n = 2


def arithmetic_encode(tokens, counts):
    """A message as a string of bits. tokens: list of ints, the last one 0. counts: list of V lists of V ints."""
    low, width, whole = 0, 1, 1
    for previous, token in itertools.pairwise([0, *tokens]):
        row = counts[previous]
        low = low * sum(row) + width * sum(row[:token])
        width, whole = width * row[token], whole * sum(row)
    n = ((whole - 1) // width).bit_length() + 1  # 2 ** -n is at most half the interval: two multiples of it fit
    return format(-(-low * 2**n // whole), f"0{n}b")  # the first multiple of 2 ** -n from low on


# %% demo
for told, tokens in (("ann·", [1, 2, 2, 0]), ("anna·", [1, 2, 2, 1, 0])):
    print(f"{told:6} {arithmetic_encode(tokens, ANNS)}")

# %% [markdown]
# ### Exercise: `arithmetic_decode`
#
# The way back. The bits are the binary digits of a number from 0 up to, and not including, 1: `"101"` is 5/8. The decoder
# has the same counts. It asks in which share of the stick the number lies: that is the first token. A share from $a$
# to $a + w$ includes $a$ and does not include $a + w$; a token with count 0 has no share. This token tells which row of
# the counts comes next, and so on, until it has read the 0 that ends every message. Note what it does: it *generates*,
# its own outputs becoming its inputs, and the file takes the place of the dice.
#
# <details><summary>Hint</summary>
#
# Suppose the number lies in the share from $a$ to $a + w$ of the whole stick. Stretch that share to length 1: where
# does the number lie then? Floats have 53 binary digits and a long name needs more; whole numbers (a numerator and
# a denominator) or `fractions.Fraction` have as many as it takes.
# </details>

# %% exercise arithmetic_decode
def arithmetic_decode(bits, counts):
    """The message that arithmetic_encode has turned into these bits.

    bits    : str of 0 and 1, the binary digits after the point of a number in [0, 1).
    counts  : list of V lists of V ints >= 0; the share of token j after token i is counts[i][j] / sum(counts[i]), and
              the shares lie on the stick in the order of the tokens. Before the first token the row is counts[0].
    returns : list of ints, the tokens up to and including the first 0. Exact, however long the message.
    """
    ### BEGIN SOLUTION
    place, whole = int(bits, 2), 2 ** len(bits)  # the number is place / whole
    tokens = []
    while not tokens or tokens[-1] != 0:
        row = counts[tokens[-1] if tokens else 0]
        place, token = place * sum(row), 0  # in units of one count now
        while place >= row[token] * whole:
            place, token = place - row[token] * whole, token + 1
        whole *= row[token]
        tokens.append(token)
    return tokens
    ### END SOLUTION

# %% check arithmetic_decode 3 points
assert list(arithmetic_decode("10110", ANNS)) == [1, 2, 2, 0], "0.10110 is 22/32, which lies in the interval of ann·"
assert list(arithmetic_decode("0111", ANNS)) == [1, 2, 0], "7/16 lies in the share of n, from 1/3 on, and in the first quarter of it"
assert list(arithmetic_decode("00", ANNS)) == [1, 0], "the number 0: at first · has no share, so a; then 0 lies in the share of ·"
long = [1, 2, 2] * 500 + [1, 0]
again = [int(token) for token in arithmetic_decode(arithmetic_encode(long, ANNS), ANNS)]
assert again[:9] == long[:9], "after the first token, its own row of the counts is the one to use"
assert again == long, "a message of 1502 tokens should come back whole: 53 binary digits are not enough for it"
likely, sure = [1] * 99 + [0], [[1, 99], [1, 99]]
assert list(arithmetic_decode(arithmetic_encode(likely, sure), sure)) == likely, "100 tokens from 10 bits: a sure token costs less than a bit"
### BEGIN HIDDEN TESTS
from autograder.checks import nll as checks
checks.check_arithmetic_decode(arithmetic_decode)
### END HIDDEN TESTS

# %% [markdown]
# ## Watch it work
#
# ### The floor
#
# First on data whose entropy we know, because we make them: a chain of three symbols with transition table
# $P$. In the long run each step has entropy $\sum_i \pi_i H(P_i)$, where $\pi_i$ is the share of time spent
# in $i$: the **entropy rate**. Two models learn from the same stream of fresh sequences, by gradient descent
# on softmax logits. One is a bigram table, able to express the truth. The other has a single row, and must
# predict the next symbol without looking. The gap on the right is computed with *your* `kl_divergence`.

# %% demo
from lib.information import entropy

P = np.array([[0.75, 0.20, 0.05], [0.05, 0.15, 0.80], [0.85, 0.10, 0.05]])
share = np.linalg.matrix_power(P, 200)[0]
rate = float(share @ entropy(P))


def softmax(w):
    return torch.softmax(w.detach().double(), dim=-1).numpy()


rng = np.random.default_rng(0)
tables = {"bigram": torch.zeros(3, 3, requires_grad=True), "no memory": torch.zeros(1, 3, requires_grad=True)}
curves = {name: [] for name in tables}
for name, table in tables.items():
    optimiser = torch.optim.Adam([table], lr=0.1)
    for _ in range(300):
        x = [rng.choice(3, size=64, p=share)]
        for _step in range(16):
            x.append((rng.random(64)[:, None] >= P[x[-1]].cumsum(axis=1)).sum(axis=1))
        x = torch.from_numpy(np.minimum(np.stack(x, axis=1), 2))
        logits = table[x[:, :-1]] if name == "bigram" else table[torch.zeros_like(x[:, :-1])]
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), x[:, 1:].flatten())
        q = np.broadcast_to(softmax(table), (3, 3))
        gap = sum(share[i] * float(kl_divergence(P[i], q[i])) for i in range(3))
        curves[name].append((loss.item(), -(share[:, None] * P * np.log(q)).sum(), gap))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        optimiser.param_groups[0]["lr"] *= 0.985
    print(f"{name:>9}: NLL {curves[name][-1][1]:.3f} = entropy rate {rate:.3f} + KL {curves[name][-1][2]:.3f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(7.0, 2.9))
for (name, curve), colour in zip(curves.items(), ("blue", "vermilion"), strict=True):
    batch, exact, gap = np.array(curve).T
    left.plot(batch, ".", color=plots.COLOURS[colour], alpha=0.35, markersize=2)
    left.plot(exact, color=plots.COLOURS[colour], label=name)
    right.semilogy(gap, color=plots.COLOURS[colour], label=name)
left.axhline(rate, color="black", linestyle="--", linewidth=1.2)
left.text(298, 0.55, "entropy rate of the data (dashed)", ha="right", va="center", fontsize=10)
left.set(title="Average NLL", xlabel="step", ylabel="nats per symbol", ylim=(0.5, 1.15))
left.legend(loc="upper right")
right.set(title="KL(data, model)", xlabel="step", ylabel="nats per symbol")
right.legend(loc="center right")
plt.show()

# %% [markdown]
# The bigram's NLL stops at the floor and its gap falls by orders of magnitude: it goes on learning while the
# loss curve looks finished. The model without memory stops too, higher up, because no single row can be close
# to three different ones. Two curves have gone flat, and only one of them is done.
#
# With real data nobody knows the entropy, so nobody can tell you from the loss alone which of the two you are
# looking at. Shannon (1951) had people guess the next letter of English and put it between 0.6 and 1.3 bits
# per letter.
#
# ### A second floor, lower down
#
# That was on endless fresh data. A training set is finite, and then the average that training lowers is taken over a
# *list*: each of its $N$ sequences with the share $1/N$. This **empirical distribution** has an entropy of its own,
# $\ln N$ if all $N$ are different, and *that* is the floor of the training loss. For the 5163 names below, which have
# 36 122 letters (ends included), it is $\ln 5163 = 8.55$ nats per name, or 1.22 per letter: far less than anybody
# needs to guess a name they have not seen. A model with memory enough gets there by learning the list by heart, and
# then gives next to nothing to all other names.
#
# So a loss that is too good to be true has three explanations: data that are nearly certain, a leak, or a list
# learnt by heart. Held-out data give away the last one, and not the second: a model that is shown the answers does
# well on held-out data, too.
#
# ### Names, by counting
#
# Now these 5163 first names, from the 1990 census of the United States (`data/README.md` says where they come from).
# Lesson 1 weighted each by the people who have it, and asked what somebody is called. From here on each name on the
# list counts once: we model what names look like, and *mary* is no more a name than *marquitta*. The vocabulary is
# the dot and 26 letters.

# %%
END = "."  # stands behind every name, and before it as well
ALPHABET = END + "abcdefghijklmnopqrstuvwxyz"


def encode(name):
    """`"emma"` -> `[0, 5, 13, 13, 1, 0]`: the letters between two dots."""
    return [ALPHABET.index(letter) for letter in END + name + END]


# %% demo
from lib.data import load_names

names = [name for name, _ in load_names()]
table = np.asarray(bigram_mle([encode(name) for name in names], 27))
total = sum(nll([table[i, j] for i, j in itertools.pairwise(encode(name))]) for name in names)
count = sum(len(name) + 1 for name in names)
for name, nats in (("uniform", count * math.log(27)), ("bigram", total)):
    bits, choices = bits_per_dim(nats, count), perplexity(nats, count)
    print(f"{name:>7}: {nats / count:.4f} nats per letter = {bits:.2f} bits, perplexity {choices:.1f}")

from matplotlib.colors import PowerNorm

figure, ax = plt.subplots(figsize=(5.0, 4.3))
picture = ax.imshow(table, cmap=plots.AMOUNTS, norm=PowerNorm(0.5, vmin=0, vmax=1))
ax.set_xticks(range(27), ALPHABET, fontsize=8)
ax.set_yticks(range(27), ALPHABET, fontsize=8)
ax.grid(False)
ax.tick_params(length=0)
ax.set(title="p(next | previous), by counting")
ax.set(xlabel="next letter (the dot ends the name)", ylabel="previous letter")
figure.colorbar(picture, shrink=0.8, label="probability", ticks=[0, 0.01, 0.05, 0.2, 0.5, 1])
plt.show()

# %% [markdown]
# The row of *q* says "then u"; vowels and consonants tend to alternate; more than half of all names end in
# *a* or *e*, and the likeliest thing after *y* is the end. Perplexity went from 27 to about 10: a look at one
# letter is worth that much.
#
# ### Names, by gradient descent
#
# The same table, but as logits, started at zero and trained on the NLL of all 36 122 transitions at once.
# There is no better table than the counted one, so this has to arrive at the same number, from above.

# %% demo varies
from lib.data import load_names
from tqdm import trange

sequences = [encode(name) for name, _ in load_names()]
counted = np.asarray(bigram_mle(sequences, 27))
pairs = torch.tensor([pair for s in sequences for pair in itertools.pairwise(s)])
floor = -np.log(counted[pairs[:, 0], pairs[:, 1]]).mean()

logits = torch.zeros(27, 27, requires_grad=True)
optimiser = torch.optim.Adam([logits], lr=0.3)
losses = []
for _ in trange(300, desc="gradient descent", mininterval=1):
    loss = torch.nn.functional.cross_entropy(logits[pairs[:, 0]], pairs[:, 1])
    losses.append(loss.item())
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
print(f"by counting: {floor:.4f} nats per letter, by gradient descent: {losses[-1]:.4f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.8))
left.semilogx(range(1, 301), losses, label="gradient descent")
left.axhline(floor, color="black", linestyle="--", linewidth=1.2, label="counting")
left.set(title="The same number", xlabel="step", ylabel="nats per letter")
left.legend()
right.plot([0, 1], [0, 1], color=plots.GREY, linewidth=1)
learned = torch.softmax(logits.detach(), dim=-1).numpy()
right.plot(counted.ravel(), learned.ravel(), "o", markersize=4)
right.set(title="The same table", xlabel="probability by counting", ylabel="by gradient descent")
plt.show()

# %% [markdown]
# Then why ever use gradient descent? Because counting needs a row for every past, and the pasts of a
# 784-pixel picture can't be listed. Gradient descent works for *any* function from past to logits. Where both
# are possible they agree; where only one is, you now know what it is doing.
#
# ### Names, sampled · *optional*
#
# Inputs from its own outputs, until it writes a dot:

# %% demo
from lib.data import load_names

names = [name for name, _ in load_names()]
table = np.asarray(bigram_mle([encode(name) for name in names], 27))
rng = np.random.default_rng(3)
for _ in range(3):
    row = []
    while len(row) < 8:
        tokens = [0]
        while len(tokens) == 1 or tokens[-1] != 0:
            cumulated = table[tokens[-1]].cumsum()
            tokens.append(int(np.searchsorted(cumulated, rng.random(), side="right").clip(0, 26)))
        row.append("".join(ALPHABET[t] for t in tokens[1:-1]))
    print("   ".join(row))

# %% [markdown]
# Pronounceable here and there, and plainly made by someone who remembers one letter. Lesson 7 will write
# better ones.
#
# ### Scoring: the gift of an exact likelihood
#
# A model that only draws samples can't say how probable *your* name is. (A GAN gives no number at all, a VAE
# a bound.) An autoregressive model gives it exactly, for any sequence, at the cost of one forward pass: so it
# can rank candidates, flag what looks wrong, compress, and be compared with another model on equal terms.
#
# To be fair we learn the table from four fifths of the names and score the rest. A held-out name may contain
# a transition that no training name has; counting gives it probability zero and the name an infinite NLL. So
# a hundredth of a uniform distribution is mixed in.

# %% demo
from lib.data import load_names

names = [name for name, _ in load_names()]
names = [names[i] for i in np.random.default_rng(0).permutation(len(names))]
train, held_out = names[:4130], names[4130:]
counted = np.asarray(bigram_mle([encode(name) for name in train], 27))
mixed = 0.99 * counted + 0.01 / 27


def score(name, table):
    """NLL per letter, the final dot included."""
    return nll([table[i, j] for i, j in itertools.pairwise(encode(name))]) / (len(name) + 1)


impossible = [name for name in held_out if score(name, counted) == math.inf]
examples = ", ".join(impossible[:4])
print(f"impossible by counting alone: {len(impossible)} of {len(held_out)}, such as {examples}")
ranked = sorted(held_out, key=lambda name: score(name, mixed))
print("most typical:", ", ".join(f"{name} {score(name, mixed):.2f}" for name in ranked[:7]))
print("oddest:      ", ", ".join(f"{name} {score(name, mixed):.2f}" for name in ranked[-7:]))
for name in ("ada", "emma", "xqzvk"):  # try your own: lower case, a to z
    print(f"{name:>6}: {score(name, mixed):.2f} nats per letter")

rng = np.random.default_rng(1)
shuffled = ["".join(rng.permutation(list(name))) for name in held_out]
real, made_up = ([score(name, mixed) for name in group] for group in (held_out, shuffled))
right_order = np.mean(np.array(real)[:, None] < np.array(made_up)[None, :])
print(f"a real name costs less than a shuffled one in {100 * right_order:.0f} % of all pairs")

figure, ax = plt.subplots(figsize=(6.4, 2.6))
edges = np.linspace(1, 7, 49)
ax.hist(real, edges, color=plots.COLOURS["blue"], alpha=0.75, label="held-out names")
ax.hist(made_up, edges, color=plots.COLOURS["vermilion"], alpha=0.6, label="the same, letters shuffled")
ax.set(title="A model of names knows a made-up one", xlabel="NLL per letter (nats)", ylabel="number of names")
ax.legend()
plt.show()

# %% [markdown]
# The two groups consist of the very same letters. What separates them is order alone, and one letter of
# memory is enough for most.
#
# ### Names in bytes
#
# The same held-out names as files. The coder wants whole numbers, so instead of mixing in a hundredth we add 1 to
# every count. Sender and receiver both have the table, learnt from the *other* names.

# %% demo
import zlib

counts = [[1] * 27 for _ in range(27)]
for name in train:
    for i, j in itertools.pairwise(encode(name)):
        counts[i][j] += 1


def cost_in_bits(tokens):
    return nll([counts[i][j] / sum(counts[i]) for i, j in itertools.pairwise([0, *tokens])]) / math.log(2)


for name in ("ed", "emma", "quincy", "christopher"):
    tokens = encode(name)[1:]
    bits = arithmetic_encode(tokens, counts)
    back = "".join(ALPHABET[int(t)] for t in arithmetic_decode(bits, counts))
    print(f"{name:11} NLL {cost_in_bits(tokens):5.2f} bits, file {len(bits):2} bits {bits:>42}  decoded: {back}")

decoded = all(list(arithmetic_decode(arithmetic_encode(t, counts), counts)) == t for t in (encode(n)[1:] for n in held_out))
together = [token for name in held_out for token in encode(name)[1:]]  # all names in one interval
text = ".".join(held_out).encode() + b"."
print(f"\nall {len(held_out)} held-out names, one by one, decoded exactly: {decoded}")
print(f"{len(held_out)} names in one file: {len(text)} bytes as text, {len(zlib.compress(text, 9))} with zlib,")
print(f"{math.ceil(len(arithmetic_encode(together, counts)) / 8)} by our coder; the NLL is {cost_in_bits(together) / 8:.1f} bytes")

# %% [markdown]
# The files are as long as the NLL says, plus less than two bits *per file* for ending on a whole number of digits.
# That is much for *ed* and nothing for a thousand names. (zlib had to start without a table, so the comparison says
# what a table is worth, and little about zlib.) When a later lesson lowers the NLL of a digit by ten nats, its file
# becomes 14 bits shorter; lesson 5 will look at such files. And whoever codes with a model $q$ what comes from $p$
# pays, on average, $\mathrm{KL}(p, q)$ more than necessary: the divergence is a length, too.
#
# ### Is it as sure as it should be? · *optional*
#
# A probability can be checked without knowing the truth. Collect all places where a model said "about 0.3, an *e*"
# and count how often an *e* came. If it is about 0.3 of them, and so for all other values, the model is
# **calibrated**. Below: one letter of memory, and four, on the held-out names.

# %% figure
from collections import Counter, defaultdict

figure, ax = plt.subplots(figsize=(4.6, 3.9))
ax.plot([0, 1], [0, 1], color=plots.GREY, linewidth=1)
edges = np.linspace(0, 1, 11)
for memory, colour in ((1, "blue"), (4, "vermilion")):
    rows = defaultdict(Counter)
    for name in train:
        padded = END * memory + name + END
        for t in range(memory, len(padded)):
            rows[padded[t - memory : t]][padded[t]] += 1
    said, came = [], []
    for name in held_out:
        padded = END * memory + name + END
        for t in range(memory, len(padded)):
            row = rows.get(padded[t - memory : t], Counter())
            shares = np.array([row[letter] for letter in ALPHABET]) / row.total() if row else np.full(27, 1 / 27)
            said.extend(0.99 * shares + 0.01 / 27)
            came.extend(letter == padded[t] for letter in ALPHABET)
    said, came = np.array(said), np.array(came)
    place = np.digitize(said, edges[1:-1])
    points = [(said[place == b].mean(), came[place == b].mean()) for b in range(10) if (place == b).sum() >= 30]
    ax.plot(*zip(*points, strict=True), "o-", color=plots.COLOURS[colour], label=f"{memory} letter{'s' * (memory > 1)} of memory")
    sure = said > 0.9
    told = f"more than 0.9 said {sure.sum()} times, right in {100 * came[sure].mean():.0f} %" if sure.any() else "never above 0.9"
    print(f"{memory} of memory: {told}")
ax.set(xlabel="probability that the model gave", ylabel="share of times it came", title="Calibration", xlim=(0, 1), ylim=(0, 1))
ax.legend(loc="upper left")
plt.show()

# %% [markdown]
# One letter of memory says little, and what it says is true. Four letters make the table sure of itself, and wrong:
# it has seen most of its rows once or twice, and takes once for always. Nothing in the training loss shows it.
#
# ### Why counting is not the end
#
# More memory should help. Let the row be chosen by the last two letters, or three, or up to eight, and count again
# (with the same hundredth of uniform mixed in). The dashed line is the second floor, the entropy of the list:

# %% demo
from collections import Counter, defaultdict

results = []
for memory in range(9):
    counts = defaultdict(Counter)
    for name in train:
        padded = END * memory + name + END
        for t in range(memory, len(padded)):
            counts[padded[t - memory : t]][padded[t]] += 1
    row = []
    for group in (train, held_out):
        surprises = []
        for name in group:
            padded = END * memory + name + END
            for t in range(memory, len(padded)):
                seen = counts.get(padded[t - memory : t], {})
                share = seen.get(padded[t], 0) / sum(seen.values()) if seen else 1 / 27
                surprises.append(-math.log(0.99 * share + 0.01 / 27))
        row.append(np.mean(surprises))
    results.append((*row, len(counts)))
on_train, on_held_out, rows = np.array(results).T
floor = len(train) * math.log(len(train)) / sum(len(name) + 1 for name in train)
print("rows in use:", ", ".join(f"{int(r)}" for r in rows))
best = on_held_out.argmin()
print(f"best on held-out names: {best} letters of memory, {on_held_out[best]:.2f} nats per letter")
print(f"eight letters on the names it counted: {on_train[8]:.2f}, the floor of the list: {floor:.2f} nats per letter")

# %% figure
figure, ax = plt.subplots(figsize=(6.4, 2.6))
ax.plot(range(9), on_train, "o-", label="names it counted")
ax.plot(range(9), on_held_out, "o-", label="held-out names")
ax.axhline(floor, color="black", linestyle="--", linewidth=1.2)
ax.set(title="Memory that does not generalise", xlabel="letters of memory", ylabel="nats per letter")
ax.set_ylim(0)
ax.legend(loc="lower left")
plt.show()

# %% [markdown]
# On the names it counted, the loss falls to the floor of the list: the table has learnt it by heart. On others it
# turns. With five letters of memory, two thirds of the rows were seen only once, every fifth past in a held-out name
# was never seen at all, and what was learned after *mari* says nothing about *mary*, though any reader sees that they
# are alike. A table can't share. The models of the next lessons replace the table by a function with shared weights,
# and keep everything else of this lesson: the loss, the units, the shift by one.

# %% [markdown]
# ## Play
#
# The average NLL of a model $q$ on data from $p$, split as above. The grey part belongs to the data, the
# vermilion one to the model; the lower bar shows what each symbol contributes.

# %% demo
from lib.controls.divergence import draw_divergence

draw_divergence([0.6, 0.3, 0.1], [1 / 3, 1 / 3, 1 / 3])
plt.show()

# %% demo
from lib.controls.divergence import divergence

divergence()

# %% [markdown]
# Things to try (run the cell above in Jupyter to get the sliders):
#
# 1. With *skewed* data, make the gap zero. Which sliders did you need, and why one fewer than there are?
# 2. Overshoot: give A a weight of 1 and the others 0.05. The gap is back. Being too sure is punished as well.
# 3. Set C to zero. One symbol in ten is a C, and yet the loss is infinite.
# 4. Change the data to *no C* with C's weight at 0.3: waste, but a finite one. That is the asymmetry of the
#    forward KL.
# 5. *Always A*: the only data whose floor is zero. Then, and only then, is "loss near 0" good news.

# %% [markdown]
# ## Spot the causality bug
#
# Four colleagues train a bigram table on six-letter names. Their code differs only in how the predictions are
# computed; the loss is the same mean NLL per letter for all. Row $t$ of the predictions is used to score
# token $t$, so it may depend on tokens *before* $t$ and on no other. Read the four functions before you go
# on. The calls: `table[tokens]` takes the table's row for every token, from `(B, T)` to `(B, T, V)`; `torch.cat(...,
# dim=1)` joins along the positions; `torch.roll(..., shifts=1, dims=1)` moves everything in a row one place to the
# right (and what about the last?); `mean(dim=1, keepdim=True)` is the mean over the positions, `(B, 1, V)`.

# %%
def after_bos(tokens):  # (B, T) -> (B, T)
    return torch.cat([torch.zeros_like(tokens[:, :1]), tokens[:, :-1]], dim=1)


def predictions_A(tokens, table):  # tokens (B, T), table (V, V) of logits -> log-probabilities (B, T, V)
    return torch.log_softmax(table[tokens], dim=-1)


def predictions_B(tokens, table):
    previous = torch.roll(tokens, shifts=1, dims=1)
    return torch.log_softmax(table[previous], dim=-1)


def predictions_C(tokens, table):
    features = table[after_bos(tokens)]
    features = features - features.mean(dim=1, keepdim=True)  # centred features train faster
    return torch.log_softmax(features, dim=-1)


def predictions_D(tokens, table):
    return torch.log_softmax(table[after_bos(tokens)], dim=-1)


# %% [markdown]
# They report their results:

# %% demo
from lib.data import load_names

tokens = torch.tensor([encode(name)[1:-1] for name, _ in load_names() if len(name) == 6])
everyone = {"A": predictions_A, "B": predictions_B, "C": predictions_C, "D": predictions_D}
for letter, predictions in everyone.items():
    table = torch.zeros(27, 27, requires_grad=True)
    optimiser = torch.optim.Adam([table], lr=0.3)
    for _ in range(150):
        loss = -predictions(tokens, table).gather(2, tokens[..., None]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    print(f"{letter}: {loss.item():.2f} nats per letter, perplexity {math.exp(loss.item()):.1f}")

# %% [markdown]
# Four losses, and the loss alone can't tell who is
# honest: lesson 1 said that no loss asks a network to keep its eyes off the answer, and here you see it. The probe
# can. It changes one token at a time and watches which predictions move. Here it is at work on two more functions, one of each kind.

# %% demo
def sound(tokens):  # position t uses its place, and what the tokens before it add up to
    return torch.arange(tokens.shape[1]).expand(tokens.shape) + (after_bos(tokens).cumsum(dim=1) % 5)


def unsound(tokens):  # position t adds up all tokens but its own
    return tokens.sum(dim=1, keepdim=True) - tokens


figure, axes = plots.panels(2, width=2.9, height=2.8)
emma = torch.tensor([[5, 13, 13, 1]])
for ax, function in zip(axes, (sound, unsound), strict=True):
    depends = dependence(function, emma, n_values=27)
    plots.dependence_matrix(depends, ax=ax, labels=list("emma"), title=function.__name__)
    print(f"{function.__name__}: leaks {leaks(depends)}")
plt.show()

# %% [markdown]
# Blue is allowed, grey is forbidden, a cross is a leak. `leaks` lists them as pairs `(t, s)`: the prediction
# at position $t$ looks at the token at position $s$, which does not come before it.
#
# ### Exercise: what leaks into what
#
# For a sequence of **four** tokens (positions 0 to 3), list the leaks of each function, as pairs `(output,
# input)`; an empty list for a sound one. First decide from the code, then confirm it with the probe:
# `dependence(lambda tokens: predictions_A(tokens, table), emma, n_values=27)` with `table = torch.randn(27, 27)`.
#
# <details><summary>Hint</summary>
#
# For each function, ask of every position: which token's row of the table do I read? Does anything else reach
# me? A mean, for example?
# </details>

# %% exercise found_leaks
leaks_A = None  # replace each None by a list of pairs (output, input), [] if there is no leak
leaks_B = None
leaks_C = None
leaks_D = None
### BEGIN SOLUTION
random_table = torch.randn(27, 27, generator=torch.Generator().manual_seed(0))
emma = torch.tensor([[5, 13, 13, 1]])
leaks_A = leaks(dependence(lambda tokens: predictions_A(tokens, random_table), emma, n_values=27))
leaks_B = leaks(dependence(lambda tokens: predictions_B(tokens, random_table), emma, n_values=27))
leaks_C = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
leaks_D = []
### END SOLUTION

# %% check found_leaks 2 points
for name, value in {"A": leaks_A, "B": leaks_B, "C": leaks_C, "D": leaks_D}.items():
    typed(value, f"leaks_{name}")
    pairs = [np.shape(pair) for pair in value]
    assert all(shape == (2,) for shape in pairs), f"leaks_{name}: a list of pairs, such as [(0, 2), (1, 2)]"
### BEGIN HIDDEN TESTS
from autograder.checks import nll as checks
checks.check_found_leaks(leaks_A, leaks_B, leaks_C, leaks_D)
### END HIDDEN TESTS

# %% [markdown]
# What became of the four? Use each trained table the way a generator would: start from the dot, feed every
# letter back in. (Don't read on before your answers above are in.)

# %% demo
from lib.data import load_names

data = torch.tensor([encode(name)[1:-1] for name, _ in load_names() if len(name) == 6])
for letter, predictions in {"A": predictions_A, "D": predictions_D}.items():
    table = torch.zeros(27, 27, requires_grad=True)
    optimiser = torch.optim.Adam([table], lr=0.3)
    for _ in range(150):
        loss = -predictions(data, table).gather(2, data[..., None]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    p = torch.softmax(table.detach(), dim=-1).numpy()
    rng = np.random.default_rng(5)
    written = []
    for _ in range(6):
        last, name = 0, ""
        for _ in range(6):
            last = int(np.searchsorted(p[last].cumsum(), rng.random(), side="right").clip(0, 26))
            name += ALPHABET[last]
        written.append(name)
    print(f"{letter} writes:", ", ".join(written))

# %% [markdown]
# A was asked to predict a letter that it was shown. Its table learned to copy, its loss is zero, and it has
# learned nothing about names: fed with its own output it repeats itself for ever. A loss that is too good to
# be true is the friendliest of bugs. C is the dangerous one: the mean over the whole sequence lets a little
# of the future into every position, the loss improves by a believable amount, and nothing looks wrong until
# you generate, when there is no future to take the mean of. And B shows that a leak need not even pay:
# rolling wraps the last token round to the front, where it is of little use, and the honest dot is lost.
#
# ### Exercise: repair C
#
# The colleague insists on centred features. Keep the idea and make it causal: at position $t$, subtract the
# mean of the features of positions $0$ to $t$, which is all that is known when $t$ is predicted. (The feature
# at $t$ itself is included: it is made from the token *before* $t$.)
#
# <details><summary>Hint</summary>
#
# How many rows are in the mean at position 0, at position 1, at position $t$? And once centred, the rows are logits
# again.
# </details>

# %% exercise repaired_C
def repaired_C(tokens, table, bos):
    """Bigram predictions from causally centred features, for one sequence.

    tokens  : int array (T,). table : float array (V, V) of logits, row i for previous token i, +-2000 too.
    bos     : int.
    returns : array (T, V), row t is log_softmax(features[t] - mean of features[0] to features[t]), where
              features[t] is the table's row of the token before position t (of bos for t = 0).
    """
    ### BEGIN SOLUTION
    previous = np.concatenate([[bos], tokens[:-1]]).astype(int)
    features = table[previous]  # (T, V)
    counts = np.arange(1, len(tokens) + 1)[:, None]
    centred = features - features.cumsum(axis=0) / counts
    largest = centred.max(axis=-1, keepdims=True)
    return centred - largest - np.log(np.exp(centred - largest).sum(axis=-1, keepdims=True))
    ### END SOLUTION

# %% check repaired_C 2 points
some_table = np.random.default_rng(0).normal(size=(27, 27))
four = np.array([5, 13, 13, 1])
depends = dependence(lambda tokens: np.asarray(repaired_C(tokens, some_table, 0)), four, n_values=27)
assert leaks(depends) == [], f"it still leaks: {leaks(depends)}"
assert depends[2, 1], "the prediction at position 2 should depend on token 1, the one just before it"
centred = np.asarray(repaired_C(four, some_table, 0))
assert np.allclose(centred[0], -math.log(27), atol=1e-4), "at position 0 the mean is the feature itself: all 27 are equally likely"
half = np.exp((some_table[5] - some_table[0]) / 2)
assert np.allclose(np.exp(centred[1]), half / half.sum(), atol=1e-4), "at position 1 the mean is of two rows, of · and of e"
### BEGIN HIDDEN TESTS
from autograder.checks import nll as checks
checks.check_repaired_C(repaired_C)
### END HIDDEN TESTS

# %% [markdown]
# ## Take it with you
#
# ### Pitfalls
#
# - **A loss too good to be true.** Are the data nearly certain? Does it hold on held-out data? If not, the list was
#   learnt by heart. If it does, probe for a leak: held-out data do not show one.
# - **Comparing perplexities of different tokens.** A model over words and one over letters are asked
#   different questions. Convert both to bits per *character* first: total NLL in bits, over the same number
#   of characters.
# - **Sum or mean?** Totals grow with length: *ed* beats *christopher* by being short. Means per token forget
#   that the longer one is less probable. Say which you report. Whole pictures are reported in nats as a sum,
#   text as a mean.
# - **Counting padding.** In a padded batch, the positions behind the end are easy to predict and flatter the
#   mean. Multiply by a mask, and divide by the number of real tokens. It is no causality bug, and no probe
#   will find it.
# - **Averaging perplexities.** The perplexity of two texts together is the exponential of the pooled mean
#   NLL, not the mean of two perplexities.
# - **Forgetting the end token.** Without it, the model gives each *length* a distribution of its own, and the
#   probabilities of all names together sum to more than one.
# - **Densities.** For continuous data $p$ is a density, and its NLL may be negative and changes with the
#   unit: dividing pixels by 255 subtracts $\ln 255$ nats per dimension. Compare models only on the same
#   scale, with discrete values or with noise added to them (Theis et al. 2016).
# - **A likelihood is not a judge of everything.** A typical sample is not the most probable one, good samples
#   and good likelihood can come apart (Theis et al. 2016), and deep models have given pictures from another
#   data set a *higher* likelihood than the kind they were trained on (Nalisnick et al. 2019).
#
# ### Self-check: six questions

# %% practice
from lib.practice import choice, numeric, quiz

quiz(
    choice(
        "Why is the loss a sum of logarithms, and not the product of the conditionals?",
        "The product underflows to exactly 0; the sum holds the same information and has gradients.",
        "At n = 1000 even 64-bit floats hold a plain zero, which can be neither compared nor improved.",
        {
            "The logarithm makes the model more accurate.": "It changes no probability.",
            "The product ignores the order of the tokens.": "Product and sum both use each token's own past.",
        },
    ),
    numeric(
        "A model gives an outcome the probability 1/8. How many bits of surprise if it happens?",
        3,
        "Three halvings: -log2(1/8) = 3 bits, which is 2.08 nats.",
        hint="Not yet: how many halvings lead from 1 to 1/8?",
    ),
    numeric(
        "A model of 27 letters has perplexity 27. What is its NLL, in nats per letter (two decimals)?",
        3.30,
        "Perplexity is exp(NLL per token), so NLL = ln 27 = 3.30 nats: it has learned nothing yet.",
        hint="Not yet: perplexity is the exponential of the mean NLL. Undo it, with the natural logarithm.",
    ),
    choice(
        "The loss of a model has stopped at 0.70 nats per token, on endless fresh data. What follows?",
        "Either the entropy floor is reached or this model can't get closer; the loss alone can't say which.",
        "NLL = entropy + KL, and only their sum is observed.",
        {
            "The model is perfect.": "A model without memory goes flat too, and high above the floor.",
            "Something is wrong, since the loss should reach 0.": "Only if the data are certain.",
            "It overfits.": "On endless fresh data every batch is new; there is nothing to memorise.",
        },
    ),
    choice(
        "With teacher forcing, what is the input when token t is predicted?",
        "The tokens of the data before t.",
        "That is what the chain rule conditions on, and why all positions can be computed at once.",
        {
            "The model's own samples before t.": "That is generation, not training.",
            "All tokens of the data, t included.": "Then it copies: colleague A, with a loss of zero.",
            "The model's most probable tokens before t.": "The chain rule asks for the true past.",
        },
    ),
    choice(
        "A counted bigram table gives a held-out name an infinite NLL. Why?",
        "The name contains a transition that no training name has, so its conditional is 0.",
        "Maximum likelihood gives all probability to what was seen. Mix in a little of something wider.",
        {
            "Underflow: the name is too long.": "A sum of logarithms does not underflow.",
            "The name has an unknown letter.": "All 26 letters are in the table. It is a pair that is new.",
            "The table is not normalised.": "Each row sums to 1; some entries are exactly 0.",
        },
    ),
)

# %% [markdown]
# ### Flashcards

# %% practice
from lib.practice import flashcards

flashcards(
    [
        ("NLL of a sequence", "Sum over t of -ln p(x_t | x_<t), in nats"),
        ("1 nat in bits", "1 / ln 2 = 1.44 bits"),
        ("Perplexity", "exp(total NLL / number of tokens): the number of equally likely choices"),
        ("Bits per dimension", "NLL in nats / (D ln 2)"),
        ("A stable log-softmax", "Take the largest logit out, then subtract the log of the sum of exp"),
        ("Cross-entropy H(p, q)", "Average surprise of a believer in q where p is true: H(p) + KL(p, q)"),
        ("The entropy floor", "The entropy of the data; of a finite list of N different sequences, ln N"),
        ("Forward KL", "KL(data, model): averaged under the data; excluding what happens costs infinity"),
        ("Teacher forcing", "Inputs are the data, shifted by one: exact likelihood, all positions at once"),
        ("Maximum likelihood for a bigram", "Counts of transitions, each row normalised"),
        ("A loss near zero on real data", "Held-out bad: learnt by heart. Held-out good as well: look for a leak"),
        ("Arithmetic coding", "One number in the interval that the symbols leave: NLL in bits, plus less than 2"),
    ],
    title="Negative log-likelihood",
)

# %% [markdown]
# ### The one-line version
#
# **Feed the data shifted by one, add up $-\ln$ of what the model gave to what came, and make that smaller: it
# is maximum likelihood, it is forward KL plus the entropy of the data, and it is the length of the compressed
# file.**
#
# ### Further reading
#
# - C. E. Shannon, *A Mathematical Theory of Communication*, Bell System Technical Journal 27, 1948; and
#   *Prediction and Entropy of Printed English*, Bell System Technical Journal 30, 1951. Still the best
#   introductions to surprise, entropy, and $n$-grams.
# - S. Kullback & R. A. Leibler, *On Information and Sufficiency*, Annals of Mathematical Statistics 22, 1951.
#   The divergence.
# - T. M. Cover & J. A. Thomas, *Elements of Information Theory*, 2nd edition, Wiley 2006. Chapters 2 and 5:
#   all the identities, and why bits are file sizes.
# - R. J. Williams & D. Zipser, *A Learning Algorithm for Continually Running Fully Recurrent Neural
#   Networks*, Neural Computation 1(2), 1989. Teacher forcing.
# - R. J. Williams, *Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement
#   Learning*, Machine Learning 8, 1992; E. Jang, S. Gu & B. Poole, *Categorical Reparameterization with
#   Gumbel-Softmax* (arXiv 1611.01144); C. J. Maddison, A. Mnih & Y. W. Teh, *The Concrete Distribution*
#   (arXiv 1611.00712), both ICLR 2017. Gradients through samples, when you must.
# - P. Blanchard, D. J. Higham & N. J. Higham, *Accurately Computing the Log-Sum-Exp and Softmax Functions*,
#   IMA Journal of Numerical Analysis 41(4), 2021.
# - A. van den Oord, N. Kalchbrenner & K. Kavukcuoglu, *Pixel Recurrent Neural Networks*, ICML 2016 (arXiv
#   1601.06759). Bits per dimension in use; lesson 5.
# - L. Theis, A. van den Oord & M. Bethge, *A Note on the Evaluation of Generative Models*, ICLR 2016 (arXiv
#   1511.01844). What a likelihood says, and what it does not.
# - E. Nalisnick et al., *Do Deep Generative Models Know What They Don't Know?*, ICLR 2019 (arXiv 1810.09136).
#   A warning about scoring.
# - I. H. Witten, R. M. Neal & J. G. Cleary, *Arithmetic Coding for Data Compression*, Communications of the ACM
#   30(6), 1987. The coder, with a window instead of endless numbers.
# - G. Delétang et al., *Language Modeling Is Compression*, ICLR 2024 (arXiv 2309.10668). The bits, taken
#   literally.
#
# Next: a table knows nothing about a past that it has not seen, and the pasts of a digit of 784 pixels can't be
# listed. Lesson 3 replaces the table by one hidden layer that all conditionals share.
