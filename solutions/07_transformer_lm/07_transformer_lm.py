# %% [markdown]
# # 07 · The transformer language model: every step sees all steps before it
#
# **Promise.** After this lesson you can build the network under every modern language model from its parts, say
# what each part costs, prove that none of it looks ahead, and tell from a few small models how good a larger
# one will be.
#
# **Time.** 55 minutes to read, 130 to practise; sections marked *optional* hold no exercise and are not
# counted. **You need.** Lessons 2 (NLL, perplexity, teacher forcing) and 6 (causal convolutions, queues),
# matrix products, and softmax.
#
# A WaveNet of lesson 6 hears a fixed stretch of the past, in a fixed pattern, and what lies beyond it does not
# exist. In a text, what matters may stand anywhere: the name of the person speaking now was given two pages
# ago. This lesson is about three ways to use a past of any length, of which the third has won. It lets every
# step look at *all* steps before it, and lets the data choose which.

# %%
import math
import re
import sys

import matplotlib.pyplot as plt
import numpy as np
import torch

sys.path.insert(0, "../..")  # `lib` is the one of the folder that this notebook lies in
from lib import plots
from lib.byhand import personal_numbers, typed
from lib.causality import dependence, describe, leaks
from lib.errors import short_errors

plots.use_style()
short_errors()

# %% [markdown]
# ## A picture first
#
# Python brings its own language reference along, some hundred thousand characters of English prose. Take every
# word of it that is rare: used 4 to 40 times in the whole text. How much likelier than usual is it that the
# word which stands $k$ places further on is *the same one*?

# %% demo varies
from lib.text import load_english

words = re.findall("[a-z]+", load_english().lower())
_, which, counts = np.unique(words, return_inverse=True, return_counts=True)
rare = (counts >= 4) & (counts <= 40)
distances = np.unique(np.geomspace(1, 8000, 40).astype(int))
lift = []
for k in distances:
    now, later = which[:-k], which[k:]
    lift.append((now == later)[rare[now]].mean() / (counts[now] / len(words))[rare[now]].mean())
figure, ax = plt.subplots(figsize=(7.0, 3.0))
ax.loglog(distances, lift, "o-", markersize=4)
ax.axhline(1, color=plots.GREY, linestyle=":")
ax.set(xlabel="words further on", ylabel="times likelier than usual", title="A rare word comes again")
plt.show()

# %% [markdown]
# Five words later it is dozens of times likelier than its share of the text would say. A hundred words later,
# still many times. Only after about a thousand words has the text forgotten it. So there is no distance at
# which the useful word stands: it stands *somewhere* in the last five hundred. A table of counts, as in lesson
# 1, would have to hold five hundred words; a dilated convolution would reach that far, and blur what it finds
# there. What one would like is to *search*: "have I read this word before, and what came after it then?"

# %% [markdown]
# ## The idea
#
# ### The same equation
#
# $$p_\theta(x_1, \dots, x_T) \;=\; \prod_{t=1}^{T} p_\theta(x_t \mid x_1, \dots, x_{t-1}).$$
#
# The $x_t$ are now **tokens**: whole numbers from 0 to $K - 1$ that stand for letters, for pieces of words, or
# for patches of an image. Nothing else has changed since lesson 1. One network has to give all these
# conditionals, for every length of the past, and there are three ways to share it over the positions.

# %% figure
from lib.plots.attention import sharing

figure, axes = plots.panels(3, width=2.6, height=2.6)
for ax, way in zip(axes, ("recurrence", "convolution", "attention"), strict=True):
    sharing(way, ax=ax)
plt.show()

# %% [markdown]
# Each panel shows what the output on the right is made of; below are the tokens, and the vermilion path leads
# from the *first* token to that output.
#
# - **Recurrence.** One state, a vector, is carried along and rewritten at each step. The past may be of any
#   length, and the state is all that remains of it. The path has as many steps as there are tokens between.
# - **Convolution** (lesson 6). Fixed weights at fixed distances. The path has as many steps as there are
#   layers, and beyond the receptive field there is none.
# - **Attention.** Each position looks at all positions before it at once, and how much it takes from each is
#   decided by what stands there. The path has one step, whatever the distance.
#
# | for one new token after $T$ others, width $C$ | recurrence | convolution | attention |
# |:--|:--|:--|:--|
# | steps from a token $s$ back to now | $s$ | about $\log_2 s$ | 1 |
# | remembered while drawing | one state: $C$ | queues: about $R\,C$ | all of the past: $2\,T\,C$ per layer |
# | work per layer, up to constants | $C^2$ | $C^2$ | $C^2 + T\,C$ |
# | training: can all positions be computed at once? | no | yes | yes |
#
# The first and the last row are why attention has won. The two between are what it costs, and we shall measure
# both.
#
# ### Attention: a dictionary whose look-up is soft
#
# Each position $t$ asks a question, the **query** $q_t$. Each position $s$ has a label, the **key** $k_s$, by
# which it is found, and something to say, the **value** $v_s$. Below, queries and keys are arrows in a plane.
# The vermilion one asks; keys that point where it points get the weight, the longer the more; keys across or
# against it get little.

# %% figure
keys = torch.tensor([[1.6, 0.5], [-0.9, 1.2], [0.6, 1.5], [-1.2, -1.0], [1.3, -1.1]])
query, values = torch.tensor([1.5, 1.0]), [40, 10, 30, 20, 50]
shares = torch.softmax(keys @ query / 2**0.5, dim=0)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.9), width_ratios=(1, 1.5))
arrow = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.012}
left.quiver(0, 0, *query, color=plots.COLOURS["vermilion"], **arrow)
left.text(*(1.15 * query), "query", color=plots.COLOURS["vermilion"], ha="center")
for s, key in enumerate(keys, start=1):
    left.quiver(0, 0, *key, color=plots.COLOURS["blue"], **arrow)
    left.text(*(1.2 * key), f"$k_{s}$", ha="center", va="center")
left.set(xlim=(-2.2, 2.6), ylim=(-1.8, 2.2), aspect="equal")
left.axis("off")
right.bar(range(1, 6), shares, color=plots.COLOURS["blue"])
right.set_xticks(range(1, 6), [f"$v_{s}$ = {value}" for s, value in enumerate(values, start=1)])
right.set(title="what each value weighs", ylim=(0, 0.8))
right.grid(False, axis="x")
plt.show()

# %% [markdown]
# In one equation: how well a label answers the question is their dot product; a softmax makes weights of these
# scores; and what position $t$ takes home is the weighted mean of the values,
#
# $$a_{ts} \;=\; \frac{\exp\big(q_t \cdot k_s / \sqrt d\big)}{\sum_{s' \le t} \exp\big(q_t \cdot k_{s'} / \sqrt d\big)}, \qquad y_t \;=\; \sum_{s \le t} a_{ts}\, v_s.$$
#
# $d$ is the length of queries and keys. Without the $\sqrt d$ the scores of long vectors would be large, the
# softmax would put all its weight on one position from the start, and hardly any gradient would come through.
# The sums run over $s \le t$ only, and this is the **causal mask**. (That $t$ may look at itself is no leak *if
# the output at $t$ is about token $t + 1$*. Keep an eye on that "if".)
#
# In small numbers: the query is $(2, 0, 1, 1)$, so $d = 4$, and three positions may be looked at.
#
# | key | $q \cdot k$ | divided by $\sqrt 4$ | exp | weight | value |
# |:--|--:|--:|--:|--:|--:|
# | (1, 7, 0, 0) | 2 | 1 | 2.718 | 0.245 | 10 |
# | (0, 3, −1, 1) | 0 | 0 | 1.000 | 0.090 | 20 |
# | (1, 0, 1, 1) | 4 | 2 | 7.389 | 0.665 | 30 |
#
# The exponentials sum to 11.107, and the output is $0.245 \cdot 10 + 0.090 \cdot 20 + 0.665 \cdot 30 = 24.2$:
# between the values, and near to the one whose key fits best. Note that the 7 in the first key does nothing.
# The query did not ask for it.
#
# ### By hand: one step of attention
#
# Type your name; it draws keys and values of your own.

# %% exercise student_name
student_name = None  # your name, in quotes
### BEGIN SOLUTION
student_name = "Ada Lovelace"
### END SOLUTION

# %% demo
a, b, first, second = personal_numbers(student_name, "07", 1, 7, 4)
a, b = 1 + a % 3, 1 + b % 3
my_query = (1, 1, 0, 2)
my_keys = [(1, 0, 3, 0), (0, b, 2, 1), (-a, 1, 0, -1)]
my_values = [10 + 2 * first, 40 + 3 * second, 3]
print("query", my_query)
for key, value in zip(my_keys, my_values, strict=True):
    print(f"key {key!s:14}  value {value}")

# %% [markdown]
# All three positions may be looked at. What is the output? With paper and a calculator; 0.1 more or less will
# do.
#
# <details><summary>Hint</summary>
#
# Make the table above for your numbers, column by column. What should the weights sum to?
# </details>

# %% exercise attention_mine
attention_mine = None  # replace None by a number
### BEGIN SOLUTION
a, b, first, second = personal_numbers(student_name, "07", 1, 7, 4)
exponentials = [math.exp(score / 2) for score in (1, 1 + b % 3 + 2, -(1 + a % 3) + 1 - 2)]
values = (10 + 2 * first, 40 + 3 * second, 3)
attention_mine = sum(e * v for e, v in zip(exponentials, values, strict=True)) / sum(exponentials)
### END SOLUTION

# %% check attention_mine 2 points
assert np.ndim(typed(attention_mine, "attention_mine")) == 0, "one number: the values are numbers, and so is their mean"
assert 3 < attention_mine < 61, "a weighted mean lies between the smallest value and the largest"
typed(student_name, "student_name")
### BEGIN HIDDEN TESTS
from autograder.checks import transformer_lm as checks
checks.check_attention_mine(student_name, attention_mine)
### END HIDDEN TESTS

# %% [markdown]
# ## Build it
#
# For all functions of this lesson: the float tensors of one call are all float32 or all float64, and what comes
# out should be of the same type. None of them may change what it is given. Matrices are stored as PyTorch
# stores them, `(outputs, inputs)`, so that a row of inputs is multiplied by the transpose.
#
# ### Exercise: `rnn_step`
#
# First the oldest way. A **recurrent** network reads one token at a time. Its state is a vector $h$; each step
# makes a new one of the old one and of what was just read:
#
# $$h' \;=\; \tanh\big(W_x\, x + W_h\, h + b\big).$$
#
# (Elman 1990; $x$ is the token's vector, out of a table.) The same three parameters at all positions. The
# prediction is a softmax of a linear layer on $h'$.
#
# <details><summary>Hint</summary>
#
# Write down the shape of each of the three terms for a batch of B. Which of the two matrices is square?
# </details>

# %% exercise rnn_step
def rnn_step(x, h, w_x, w_h, b):
    """One step of a recurrent network.

    x : float tensor (B, I), what is read now. h : (B, H), the state before.
    w_x : (H, I). w_h : (H, H). b : (H,).
    Returns the new state, (B, H).
    """
    ### BEGIN SOLUTION
    return torch.tanh(x @ w_x.T + h @ w_h.T + b)
    ### END SOLUTION

# %% check rnn_step 1 point
x, h = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.5, -0.5]])
w_x, w_h = torch.tensor([[0.1, 0.2], [0.3, 0.0]]), torch.tensor([[0.0, 1.0], [2.0, 0.0]])
out = np.asarray(rnn_step(x, h, w_x, w_h, torch.tensor([0.5, 0.0])))
assert out.shape == (1, 2), "one new state for each row of the batch"
assert np.allclose(out, np.tanh([[0.5, 1.3]])), "0.1 * 1 + 0.2 * 2 - 0.5 + 0.5, and 0.3 * 1 + 2 * 0.5, then tanh"
two = np.asarray(rnn_step(x.repeat(2, 1), torch.cat([h, 0 * h]), w_x, w_h, torch.zeros(2)))
assert np.allclose(two[1], np.tanh([0.5, 0.3])), "each row of a batch has its own state"
### BEGIN HIDDEN TESTS
from autograder.checks import transformer_lm as checks
checks.check_rnn_step(rnn_step)
### END HIDDEN TESTS

# %% [markdown]
# ### How fast it forgets
#
# Whatever the first token did to the state has to pass through $W_h$ and a tanh at every step. Change the first
# input a little, and watch how much of the change is left in the state after $k$ more steps. Three networks,
# whose random $W_h$ differ in size only: a *gain* of 1 keeps the length of a vector on average, as long as no
# tanh bends it.

# %% demo varies
def change_that_remains(step, n_states, inputs):
    """How far apart two runs are whose first inputs differ by a hair: after each step, relative to the first, (T,).

    step : from (x, *state) to the new state, a list; the last of it is looked at. inputs : (T, n).
    """
    runs = []
    for xs in (inputs, torch.cat([inputs[:1] + 1e-8, inputs[1:]])):
        state, path = torch.zeros(n_states, 1, inputs.shape[1], dtype=torch.float64), []
        for x in xs:
            state = [torch.as_tensor(np.asarray(part)) for part in step(x[None], *state)]
            path.append(state[-1])
        runs.append(torch.cat(path))
    apart = (runs[0] - runs[1]).norm(dim=1)
    return apart / apart[0]


generator = torch.Generator().manual_seed(0)
n = 64
inputs = 0.3 * torch.randn(80, n, generator=generator, dtype=torch.float64)
w_x, w_h = torch.randn(2, n, n, generator=generator, dtype=torch.float64) / n**0.5
no_bias = torch.zeros(n, dtype=torch.float64)
figure, ax = plt.subplots(figsize=(6.4, 3.0))
for gain in (0.7, 1.0, 3.0):
    left = change_that_remains(lambda x, h, gain=gain: [rnn_step(x, h, w_x, gain * w_h, no_bias)], 1, inputs)
    ax.semilogy(left, label=f"gain {gain}")
    print(f"gain {gain}: after 40 steps {left[40]:.1g} of the change remains")
ax.set(xlabel="steps later", ylabel="of the change remains", title="What a recurrent state keeps", ylim=(1e-10, 1e9))
ax.legend()
plt.show()

# %% [markdown]
# Two of the curves go down, on a logarithmic axis nearly straight: forty steps later next to nothing is left,
# and no gradient will come back from there to teach the network that it should have kept it (Bengio et al.
# 1994). With the largest gain the change does not fade, it takes over: two runs that differ by a hair end up in
# different places, and a gradient through that is of no use either. Between the two lies a knife's edge that no
# training stays on.
#
# ### Exercise: `lstm_step`
#
# The cure of 1997: a second state $c$, the **cell**, which is not rewritten at each step but *added to*. Three
# **gates**, numbers between 0 and 1 for each entry, say how much of it is kept ($f$, forget), how much of the
# new candidate $g$ is written ($i$, input), and how much is shown ($o$, output):
#
# $$c' = f \odot c + i \odot g, \qquad h' = o \odot \tanh(c').$$
#
# All four are made of the same sum $W_x x + W_h h + b$, now with $4H$ rows, and cut in four. The order is
# PyTorch's: $i$, $f$, $g$, $o$. The gates get a sigmoid, the candidate $g$ a tanh. (Hochreiter & Schmidhuber
# 1997; the forget gate is of Gers et al. 2000.)
#
# <details><summary>Hint</summary>
#
# `chunk` cuts a tensor into equal parts along an axis; which axis is it here? Which of the four parts is no
# gate?
# </details>

# %% exercise lstm_step
def lstm_step(x, h, c, w_x, w_h, b):
    """One step of a long short-term memory; gates in the order input, forget, candidate, output.

    x : float tensor (B, I). h, c : (B, H), what is shown and what is kept.
    w_x : (4 * H, I). w_h : (4 * H, H). b : (4 * H,).
    Returns (h, c) after the step, (B, H) each.
    """
    ### BEGIN SOLUTION
    i, f, g, o = (x @ w_x.T + h @ w_h.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c
    ### END SOLUTION

# %% check lstm_step 2 points
nothing = torch.zeros(4, 1)
h, c = lstm_step(torch.ones(1, 1), torch.zeros(1, 1), torch.full((1, 1), 2.0), nothing, nothing, torch.zeros(4))
assert np.allclose(np.asarray(c), 1.0), "all gates are half open, and the candidate is tanh(0) = 0: half of 2 is kept"
assert np.allclose(np.asarray(h), 0.5 * np.tanh(1.0)), "what is shown is o * tanh(c), with the new c"
kept = torch.tensor([-50.0, 50.0, 3.0, 50.0])
h, c = lstm_step(torch.ones(1, 1), torch.zeros(1, 1), torch.full((1, 1), 0.7), nothing, nothing, kept)
assert np.allclose(np.asarray(c), 0.7), "input gate shut, forget gate open: the cell keeps what it has"
written = torch.tensor([50.0, -50.0, 0.25, 50.0])
h, c = lstm_step(torch.ones(1, 1), torch.zeros(1, 1), torch.full((1, 1), 9.0), nothing, nothing, written)
assert np.allclose(np.asarray(c), np.tanh(0.25)), "input gate open, forget gate shut: the candidate, and nothing else"
torch.manual_seed(0)
cell = torch.nn.LSTMCell(3, 2)
x, h, c = torch.randn(4, 3), torch.randn(4, 2), torch.randn(4, 2)
ours = lstm_step(x, h, c, cell.weight_ih.detach(), cell.weight_hh.detach(), (cell.bias_ih + cell.bias_hh).detach())
with torch.no_grad():
    theirs = cell(x, (h, c))
assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(ours, theirs, strict=True)), "PyTorch's cell says otherwise"
### BEGIN HIDDEN TESTS
from autograder.checks import transformer_lm as checks
checks.check_lstm_step(lstm_step)
### END HIDDEN TESTS

# %% [markdown]
# The same measurement, for the cell of an LSTM whose forget gate stands open by a bias of 0, 2 and 5.

# %% demo varies
generator = torch.Generator().manual_seed(0)
n = 64
inputs = 0.3 * torch.randn(80, n, generator=generator, dtype=torch.float64)
big_x, big_h = torch.randn(2, 4 * n, n, generator=generator, dtype=torch.float64) * 0.1 / n**0.5
figure, ax = plt.subplots(figsize=(6.4, 3.0))
for bias in (0.0, 2.0, 5.0):
    b = torch.zeros(4 * n, dtype=torch.float64)
    b[n : 2 * n] = bias
    left = change_that_remains(lambda x, h, c, b=b: lstm_step(x, h, c, big_x, big_h, b), 2, inputs)
    ax.semilogy(left, label=f"forget bias {bias:g}: gate {1 / (1 + math.exp(-bias)):.3f}")
    print(f"forget bias {bias:g}: after 40 steps {left[40]:.1g} of the change remains")
ax.set(xlabel="steps later", ylabel="of the change remains", title="What an LSTM's cell keeps", ylim=(1e-10, 1e9))
ax.legend()
plt.show()

# %% [markdown]
# A gate that stands wide open keeps a change for as long as you like, and when to open it can be learned. Until
# 2017 this was *the* neural language model. Two things remained. The state is of one size, and a text that
# grows has to fit into it. And step $t$ can't begin before step $t - 1$ has ended, so that no machine, however
# wide, can train on a sequence's positions side by side.
#
# ### Exercise: `causal_mask`
#
# Now the third way. Its mask first: who may attend to whom?
#
# <details><summary>Hint</summary>
#
# Rows are the positions that ask, columns those that are asked. What should the first row look like, and what
# the last? Does a position see itself?
# </details>

# %% exercise causal_mask
def causal_mask(T):
    """Which positions a position may attend to: itself and those before.

    T : int, at least 1.
    Returns a bool tensor (T, T): entry [t, s] is True where position t may attend to position s.
    """
    ### BEGIN SOLUTION
    return torch.ones(T, T, dtype=torch.bool).tril()
    ### END SOLUTION

# %% check causal_mask 1 point
mask = np.asarray(causal_mask(3))
assert mask.dtype == bool, "True and False, not numbers: what is True may be attended to"
assert mask.tolist() == [[True, False, False], [True, True, False], [True, True, True]], "row t: itself and those before"
assert np.asarray(causal_mask(1)).tolist() == [[True]], "a single position attends to itself"
### BEGIN HIDDEN TESTS
from autograder.checks import transformer_lm as checks
checks.check_causal_mask(causal_mask)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `attention`
#
# The equation from above, for all positions at once and any number of leading axes (sentences of a batch,
# heads). Queries and keys need not be equally many, and values may be longer or shorter than keys. Three things
# go wrong in practice, so they are tested: a row that may attend to nothing should give zeros and not NaN;
# scores as large as 1e4, or 1e30, must not overflow; and what is forbidden must have *no* influence, however
# large its score.
#
# <details><summary>Hint</summary>
#
# What must a score be, before the softmax, so that its weight is exactly 0, whatever the other scores are? What
# does the softmax then make of a row in which all are like that?
# </details>

# %% exercise attention
def attention(q, k, v, mask):
    """Scaled dot-product attention: each query gathers a weighted mean of the values it may attend to.

    q : float tensor (..., T, d). k : (..., S, d). v : (..., S, e). mask : bool, broadcastable to (..., T, S); True where
    a query may attend.
    Returns (..., T, e); a query that may attend to nothing gets zeros.
    """
    ### BEGIN SOLUTION
    scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(-1, -2)
    weights = torch.softmax(scores.masked_fill(~mask, -torch.inf), dim=-1)
    return weights.masked_fill(~mask, 0) @ v
    ### END SOLUTION

# %% check attention 3 points
q = torch.tensor([[2.0, 0, 1, 1]])
k, v = torch.tensor([[1.0, 7, 0, 0], [0, 3, -1, 1], [1, 0, 1, 1]]), torch.tensor([[10.0, 0], [20, 0], [30, 1]])
out = np.asarray(attention(q, k, v, torch.ones(1, 3, dtype=torch.bool)))
assert out.shape == (1, 2), "one row for each query, as long as a value"
assert np.allclose(out, [[24.205, 0.6652]], atol=1e-3), "the table above: 24.2, and the third weight is 0.665"
out = np.asarray(attention(q, k, v, torch.tensor([[True, True, False]])))
assert np.allclose(out, [[12.689, 0]], atol=1e-3), "without the third: the other two weights should sum to 1 again"
far = attention(q, torch.cat([k[:2], 1e4 * k[2:]]), v, torch.tensor([[True, True, False]]))
assert np.allclose(far, out), "a forbidden key has no influence, however large its score"
low = attention(q, torch.cat([-1e5 * k[:1].abs(), k[1:]]), v, torch.tensor([[True, False, False]]))
assert np.allclose(low, [[10, 0]]), "the only allowed one gets all the weight, however small its score"
assert np.allclose(attention(q, k, v, torch.zeros(1, 3, dtype=torch.bool)), 0), "nobody to attend to: zeros, not NaN"
assert np.isfinite(np.asarray(attention(1e4 * q, k, v, torch.ones(1, 3, dtype=torch.bool)))).all(), "no overflow"
many = attention(*(part.expand(2, 5, -1, -1) for part in (q, k, v)), torch.ones(3, dtype=torch.bool))
assert np.shape(many) == (2, 5, 1, 2) and np.allclose(many, [24.205, 0.6652], atol=1e-3), "leading axes stay as they are"
### BEGIN HIDDEN TESTS
from autograder.checks import transformer_lm as checks
checks.check_attention(attention)
### END HIDDEN TESTS

# %% [markdown]
# Every lesson's probe, on your two functions: twelve tokens, each with a random vector. Output $t$ may see the
# tokens up to $t$, since it is to be about token $t + 1$. On the right the same with the mask transposed, which
# is easily done.

# %% demo
generator = torch.Generator().manual_seed(0)
table, w_q, w_k, w_v = (torch.randn(n, 8, generator=generator) for n in (20, 8, 8, 8))


def layer(mask):
    return lambda tokens: attention(table[tokens] @ w_q, table[tokens] @ w_k, table[tokens] @ w_v, mask)


tokens = torch.randint(20, (12,), generator=generator)
mask = torch.as_tensor(np.asarray(causal_mask(12)))
figure, axes = plots.panels(2, width=3.0, height=2.9)
for ax, (title, allowed) in zip(axes, {"causal": mask, "transposed": mask.T}.items(), strict=True):
    found = dependence(layer(allowed), tokens, n_values=20)
    plots.dependence_matrix(found, ax=ax, sees_itself=True)
    ax.set_title(title)
    print(f"{title}: {len(leaks(found, sees_itself=True))} leaks")
plt.show()

# %% [markdown]
# ### Exercise: `multi_head_attention`
#
# One softmax gives one mean. A position may want several things at once: the letter before, the last vowel, the
# beginning of the word. So the width $C$ is cut into $H$ **heads** of $d = C / H$ numbers, each with queries,
# keys and values of its own, each with its own weights; what they bring home is put side by side, and a last
# matrix mixes it.
#
# Queries, keys and values come out of one product: the rows of `w_qkv` are first those of all queries, then of
# all keys, then of all values; and within each of the three, head 0 has the first $d$ rows, head 1 the next
# $d$. The mask is causal.
#
# <details><summary>Hint</summary>
#
# `attention` takes leading axes, so heads can be one. Which axis must be cut in two for that, and where must
# the new axis go? A reshape alone will mix up positions and heads: try it with T = 2, two heads and numbers you
# recognise.
# </details>

# %% exercise multi_head_attention
def multi_head_attention(x, w_qkv, w_out, n_heads):
    """Causal self-attention with several heads.

    x : float tensor (B, T, C). w_qkv : (3 * C, C), rows for the queries of all heads, then keys, then values.
    w_out : (C, C). n_heads : int, divides C.
    Returns (B, T, C).
    """
    ### BEGIN SOLUTION
    n, length, width = x.shape
    q, k, v = (part.view(n, length, n_heads, -1).transpose(1, 2) for part in (x @ w_qkv.T).chunk(3, dim=-1))
    gathered = attention(q, k, v, causal_mask(length))  # (B, H, T, d)
    return gathered.transpose(1, 2).reshape(n, length, width) @ w_out.T
    ### END SOLUTION

# %% check multi_head_attention 3 points
generator = torch.Generator().manual_seed(0)
x, w_qkv, w_out = (torch.randn(s, generator=generator) for s in ((2, 5, 6), (18, 6), (6, 6)))
out = np.asarray(multi_head_attention(x, w_qkv, w_out, 3))
assert out.shape == (2, 5, 6), "as long and as wide as what came in"
values = x[:, :1] @ w_qkv[12:].T @ w_out.T
assert np.allclose(out[:, :1], values, atol=1e-4), "the first position can only take its own value, through w_out"
again = np.asarray(multi_head_attention(torch.cat([x[:, :4], -x[:, 4:]], dim=1), w_qkv, w_out, 3))
assert np.allclose(again[:, :4], out[:, :4], atol=1e-4), "the last position should not change what was before it"
theirs = torch.nn.functional.scaled_dot_product_attention(
    *(x @ w_qkv[part : part + 2].T for part in (2, 8, 14)), is_causal=True
)
pick = torch.zeros(6, 6)
pick[0, 2] = pick[1, 3] = 1
picked = np.asarray(multi_head_attention(x, w_qkv, pick, 3))
assert np.allclose(picked[..., :2], theirs, atol=1e-4), "head 1 owns rows 2 and 3 of the queries, keys and values"
alone = torch.nn.functional.scaled_dot_product_attention(*(x @ w_qkv[p : p + 6].T for p in (0, 6, 12)), is_causal=True)
assert np.allclose(multi_head_attention(x, w_qkv, torch.eye(6), 1), alone, atol=1e-4), "with one head, plain attention"
### BEGIN HIDDEN TESTS
from autograder.checks import transformer_lm as checks
checks.check_multi_head_attention(multi_head_attention)
### END HIDDEN TESTS

# %% [markdown]
# ### Without positions, the past is a bag · *optional*
#
# Look at the equation again: nothing in it says *where* a position is. Shuffle the past, and what a layer puts
# out after it stays as it was: after "lisa" and after "ilsa" the same letters would be expected. (With more
# layers a little of the order gets through, by the mask alone: early positions see fewer others.)

# %% demo
generator = torch.Generator().manual_seed(1)
x, w_qkv = torch.randn(1, 6, 8, generator=generator), torch.randn(24, 8, generator=generator)
shuffled = x[:, [3, 0, 4, 1, 2, 5]]
ours, theirs = (np.asarray(multi_head_attention(some, w_qkv, torch.eye(8), 2))[0, -1] for some in (x, shuffled))
print("the five before it shuffled, is the last output the same?", np.allclose(ours, theirs, atol=1e-5))

# %% [markdown]
# So the order has to be told. The first transformers added a vector for each position to the token's own, fixed
# (Vaswani et al. 2017) or learned (GPT-2): simple, and a model with 256 learned positions has nothing to say
# about a 257th. Most models of today do the following.
#
# ### Exercise: `rope`
#
# **Rotary positions** (Su et al. 2021): before queries meet keys, *turn* them. Take the $d$ numbers in pairs,
# as points of a plane; pair $i$, of the entries $2i$ and $2i + 1$, is turned counter-clockwise by the angle
#
# $$\text{position} \cdot \text{base}^{-2i/d}.$$
#
# The first pair turns by a whole radian per position, the last one hardly at all. Lengths don't change. And the
# dot product of two turned points depends on the angle *between* them, that is, on how far apart the positions
# are, and not on where they are: the whole trick.
#
# (Libraries disagree about which numbers make a pair. The paper has neighbours, as here; the course's own GPT,
# like most code, pairs $i$ with $i + d/2$. Each is the other with the entries renamed. They can't be mixed:
# weights trained with one are noise under the other.)
#
# <details><summary>Hint</summary>
#
# How is a point $(a, b)$ turned by an angle? `x[..., 0::2]` are the first of each pair. At the end the two
# halves must be woven together again: look at what `torch.stack` on a new last axis and a flatten do.
# </details>

# %% exercise rope
def rope(x, positions, base=10000.0):
    """Turn queries or keys by their positions.

    x : float tensor (..., T, d), d even. positions : tensor (T,), whole numbers or not.
    base : pair i, of entries 2i and 2i + 1, turns by positions * base ** (-2i / d), in radians, counter-clockwise.
    Returns a tensor like x.
    """
    ### BEGIN SOLUTION
    d = x.shape[-1]
    rates = base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    angles = positions.double()[:, None] * rates  # (T, d / 2)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)
    ### END SOLUTION

# %% check rope 2 points
x = torch.tensor([[1.0, 0, 1, 0], [1.0, 0, 1, 0]])
out = np.asarray(rope(x, torch.tensor([0, 3]), base=100.0))
assert np.allclose(out[0], x[0]), "position 0 is not turned"
assert np.allclose(out[1], [np.cos(3), np.sin(3), np.cos(0.3), np.sin(0.3)]), "angles 3 and 3 * 100 ** (-2 / 4) = 0.3"
quarter = rope(torch.tensor([[0.0, 2]]), torch.tensor([math.pi / 2]))
assert np.allclose(quarter, [[-2, 0]], atol=1e-5), "a quarter turn, counter-clockwise, takes (0, 2) to (-2, 0)"
q, k = torch.randn(2, 1, 8, generator=torch.Generator().manual_seed(0))
scores = [
    (np.asarray(rope(q, torch.tensor([t]))) * np.asarray(rope(k, torch.tensor([t - 5])))).sum() for t in (5, 6, 90)
]
assert np.allclose(scores, scores[0], atol=1e-3), "five positions apart is five positions apart, wherever it is"
### BEGIN HIDDEN TESTS
from autograder.checks import transformer_lm as checks
checks.check_rope(rope)
### END HIDDEN TESTS

# %% [markdown]
# What it buys, in two pictures: the score of one query and one key, put at all pairs of positions, is constant
# along diagonals. On the right, one of its rows.

# %% demo
q = k = torch.ones(1, 32)
turned = torch.as_tensor(np.asarray(rope(q.expand(64, 32), torch.arange(64))))
scores = turned @ turned.T / 32**0.5
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.9), width_ratios=(1, 1.5))
left.imshow(scores, cmap="RdBu", vmin=-6, vmax=6)
left.set(title="score", xlabel="position of the key", ylabel="position of the query")
left.grid(False)
far = torch.as_tensor(np.asarray(rope(q.expand(400, 32), torch.arange(400))))
right.plot(far @ q[0] / 32**0.5)
right.set(title="against the distance", xlabel="positions apart")
plt.show()
spread = max(float(scores.diagonal(apart).max() - scores.diagonal(apart).min()) for apart in range(60))
print("one score along each diagonal:", spread < 1e-4)

# %% [markdown]
# Near positions agree in all pairs; far ones only in those that turn slowly. So a query and a key that fit
# score higher when they are near, and the network can learn to look at a distance by choosing *which* pairs to
# use.
#
# ### Exercise: `next_token_loss`
#
# **Teacher forcing**, one more time. Here the shift is made at the end: the network reads tokens, and its
# output at $t$, which has seen token $t$, describes token $t + 1$. So the last output has nothing to be
# compared with, and the first token is never predicted. (To have it predicted as well, put a start symbol in
# front.)
#
# <details><summary>Hint</summary>
#
# With four tokens, how many predictions have a target? Which outputs, and which tokens? Large logits are
# nothing to be afraid of, if lesson 2's `log_softmax` is used.
# </details>

# %% exercise next_token_loss
def next_token_loss(logits, tokens):
    """The mean of -log p(token t + 1 | tokens up to t), over all predictions that have a target.

    logits : float tensor (B, T, K); output t describes token t + 1. tokens : int64 (B, T), T at least 2.
    Returns a float tensor without axes, nats.
    """
    ### BEGIN SOLUTION
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
    ### END SOLUTION

# %% check next_token_loss 2 points
tokens = torch.tensor([[0, 2, 1, 1]])
assert np.isclose(float(next_token_loss(torch.zeros(1, 4, 3), tokens)), np.log(3)), "three equal chances: ln 3 nats"
sure = 50.0 * torch.nn.functional.one_hot(torch.tensor([[2, 1, 1, 0]]), 3).float()
assert float(next_token_loss(sure, tokens)) < 1e-6, "outputs 0, 1, 2 are sure of the tokens 1, 2, 3, and they are right"
echo = 50.0 * torch.nn.functional.one_hot(tokens, 3)
assert float(next_token_loss(echo, tokens)) > 10, "outputs that repeat the token just read should be wrong, mostly"
one = torch.zeros(2, 3, 2)
one[0, 0, 1] = math.log(3)
found = float(next_token_loss(one, torch.tensor([[0, 1, 0], [1, 1, 0]])))
assert np.isclose(found, (np.log(4 / 3) + 3 * np.log(2)) / 4), (
    "the mean over the four predictions that have a target: one of 3/4, three of 1/2"
)
### BEGIN HIDDEN TESTS
from autograder.checks import transformer_lm as checks
checks.check_next_token_loss(next_token_loss)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `attention_step`
#
# To *draw*, tokens come one by one, and each plain pass computes all positions again, of which only the last is
# new. What can be kept? A query is used once, at its own step. Keys and values of the past are used again at
# every later step, and by the causal mask nothing that comes later can change them. So keep these: the **KV
# cache**. It is the queue of lesson 6, except that it grows.
#
# One step: append the new key and value, and let the new query attend to all of them. No mask is needed. (Why?)
# Return a new cache: whoever gave you the old one may want to go on from it a second time.
#
# <details><summary>Hint</summary>
#
# `attention` wants an axis of queries, even if there is only one. Where does it go, and when is it taken away?
# With an empty cache, what is the output?
# </details>

# %% exercise attention_step
def attention_step(q_t, k_t, v_t, cache):
    """Attention for one new position, after those in the cache.

    q_t, k_t, v_t : float tensors (B, H, d), of the new position.
    cache : (keys, values), (B, H, t, d) each, t at least 0.
    Returns (output, (keys, values)): output (B, H, d); keys and values (B, H, t + 1, d) with the new ones last.
    The cache given is not changed.
    """
    ### BEGIN SOLUTION
    keys, values = (torch.cat([old, new[:, :, None]], dim=2) for old, new in zip(cache, (k_t, v_t), strict=True))
    everything = torch.ones(1, keys.shape[2], dtype=torch.bool)
    return attention(q_t[:, :, None], keys, values, everything)[:, :, 0], (keys, values)
    ### END SOLUTION

# %% check attention_step 2 points
q, k, v = torch.randn(3, 2, 3, 7, 4, generator=torch.Generator().manual_seed(0))
whole = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
cache = (torch.zeros(2, 3, 0, 4), torch.zeros(2, 3, 0, 4))
for t in range(7):
    before = [part.clone() for part in cache]
    out, after = attention_step(q[:, :, t], k[:, :, t], v[:, :, t], cache)
    assert np.shape(out) == (2, 3, 4), "one output for each head of each sequence"
    assert np.allclose(out, whole[:, :, t], atol=1e-5), f"step {t} should give what the whole pass gives there"
    assert all(torch.equal(a, b) for a, b in zip(cache, before, strict=True)), "the cache given should stay as it is"
    cache = tuple(torch.as_tensor(np.asarray(part)) for part in after)
assert np.allclose(cache[0], k) and np.allclose(cache[1], v), "at the end the cache holds all keys and values, in order"
### BEGIN HIDDEN TESTS
from autograder.checks import transformer_lm as checks
checks.check_attention_step(attention_step)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `cache_bytes`
#
# The cache is what a language model's memory fills up with in use. For one sequence: a key and a value, for
# every layer, every head, every position. When memory is the limit, several queries can share one key and one
# value (*grouped-query attention*, Ainslie et al. 2023): what counts then is the number of groups.
#
# <details><summary>Hint</summary>
#
# How many numbers does one position leave in one layer? `itemsize` is the bytes of one number: 4 for float32, 2
# at half precision.
# </details>

# %% exercise cache_bytes
def cache_bytes(layers, groups, head_size, length, itemsize):
    """Bytes of the keys and values of one sequence.

    layers, groups (of keys and values, per layer), head_size, length (in tokens) : ints.
    itemsize : bytes of one number.
    Returns an int.
    """
    ### BEGIN SOLUTION
    return 2 * layers * groups * head_size * length * itemsize
    ### END SOLUTION

# %% check cache_bytes 1 point
assert cache_bytes(1, 1, 1, 1, 4) == 8, "one key and one value, of one number each, of four bytes"
assert cache_bytes(12, 12, 64, 1024, 2) == 37_748_736, "the smallest GPT-2, its context full: 36 MiB"
assert cache_bytes(12, 12, 64, 0, 2) == 0, "nothing read, nothing kept"
### BEGIN HIDDEN TESTS
from autograder.checks import transformer_lm as checks
checks.check_cache_bytes(cache_bytes)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `fit_power_law`
#
# Train the same architecture at several sizes, and the losses fall along a curve that is straight on
# logarithmic axes (Kaplan et al. 2020). It can't be straight for ever: the text itself has an entropy, below
# which no model gets. With that **floor**,
#
# $$\text{loss}(n) \;=\; \text{floor} + \text{scale} \cdot n^{-\text{exponent}}.$$
#
# Fit the three numbers to a few pairs of size and loss, and you can say *before* training a larger model what
# it will be worth. Your answer is judged by what it predicts, on the sizes given and on larger ones. Sizes go
# from hundreds to billions, losses may be a little noisy, and some laws have no floor at all; none has a
# negative one.
#
# <details><summary>Hint</summary>
#
# If somebody told you the exponent, finding the other two would be a problem you know well. So how many
# unknowns have to be searched for? Which exponents are possible at all? And what happens to $n^{-3}$ for
# $n = 10^9$: in which unit would sizes be harmless?
# </details>

# %% exercise fit_power_law
def fit_power_law(sizes, losses):
    """The floor, scale and exponent of loss = floor + scale * size ** -exponent that fit best.

    sizes : list or array of at least four different sizes, each positive. losses : as many, in nats, each positive.
    Returns (floor, scale, exponent), three floats; the floor is at least 0, the exponent is positive.
    """
    ### BEGIN SOLUTION
    sizes, losses = np.asarray(sizes, dtype=float), np.asarray(losses, dtype=float)
    unit = math.exp(np.log(sizes).mean())

    def attempt(exponent):
        """The best floor and scale for an exponent, and what they leave, relative to the losses."""
        shape = (sizes / unit) ** -exponent
        columns = np.stack([1 / losses, shape / losses], axis=1)
        floor, scale = np.linalg.lstsq(columns, np.ones(len(losses)), rcond=None)[0]
        if floor < 0:
            floor, scale = 0.0, (shape / losses).sum() / ((shape / losses) ** 2).sum()
        return (((floor + scale * shape) / losses - 1) ** 2).sum(), floor, scale

    candidates = np.geomspace(0.003, 5, 200)
    for _ in range(10):
        best = int(np.argmin([attempt(exponent)[0] for exponent in candidates]))
        candidates = np.linspace(candidates[max(best - 1, 0)], candidates[min(best + 1, len(candidates) - 1)], 21)
    exponent = candidates[10]
    _, floor, scale = attempt(exponent)
    return float(floor), float(scale * unit**exponent), float(exponent)
    ### END SOLUTION

# %% check fit_power_law 3 points
for floor, scale, exponent in ((1.5, 20.0, 0.4), (0.0, 8.0, 0.2)):
    sizes = np.array([1e3, 1e4, 1e5, 1e6, 1e7])
    found = np.asarray(fit_power_law(sizes, floor + scale * sizes**-exponent), dtype=float)
    assert found.shape == (3,), "three numbers: floor, scale, exponent"
    told = found[0] + found[1] * np.append(sizes, 1e9) ** -found[2]
    right = floor + scale * np.append(sizes, 1e9) ** -exponent
    assert np.allclose(told[:-1], right[:-1], rtol=0.01), f"it misses the sizes given, for {floor}, {scale}, {exponent}"
    assert np.isclose(told[-1], right[-1], rtol=0.03), (
        f"at a size of 1e9 the law {floor} + {scale} n^-{exponent} gives {right[-1]:.3f}, and yours {told[-1]:.3f}"
    )
### BEGIN HIDDEN TESTS
from autograder.checks import transformer_lm as checks
checks.check_fit_power_law(fit_power_law)
### END HIDDEN TESTS

# %% [markdown]
# ## Watch it work
#
# ### Your functions in a GPT
#
# Here is the block. Attention carries things from position to position; then a small network, the same at each,
# works on what has arrived. Both *add* to what came in (residual connections, as in lessons 5 and 6), and both
# read it through a layer norm, which takes each position's vector to mean 0 and spread 1. Some such blocks, one
# more norm, and the table that made vectors of tokens is used once more, to score them: a GPT.
#
# ```
#    x ──┬── norm ── attention ── + ──┬── norm ── C to 4C, GELU, 4C to C ── + ──> the next block
#        └────────────────────────┘   └─────────────────────────────────────┘
# ```
#
# The course's own, `lib.models.gpt`, computes what your functions compute. Here is the same
# untrained network, once as it comes, once with your attention in its blocks.

# %% demo
from lib.models.gpt import GPT

network = GPT(27, context=12, n_layers=2, n_heads=4, width=32, positions="learned", seed=3).eval()
tokens = torch.randint(27, (4, 12), generator=torch.Generator().manual_seed(0))
with torch.no_grad():
    x = network.embed(tokens) + network.places
    for block in network.blocks:  # (its biases are 0 before training)
        found = multi_head_attention(block.before_attention(x), block.qkv.weight, block.out.weight, 4)
        x = x + torch.as_tensor(np.asarray(found))
        x = x + block.down(torch.nn.functional.gelu(block.up(block.before_mlp(x)), approximate="tanh"))
    mine = network.norm(x) @ network.embed.weight.T
    theirs = network.next_logits(tokens)
print("the same logits:", bool(torch.allclose(mine, theirs, atol=1e-5)))

# %% [markdown]
# ### Trained in half a minute: names
#
# US first names, 4646 to learn from and 517 kept apart. Two networks of about a hundred thousand numbers read
# them letter by letter: a GPT, and an LSTM that carries a state of 128 numbers. A dot stands before and behind
# each name. (The bars tell nats per letter in training, and nats per *name* in validation.)

# %% demo varies
from lib.models.gpt import GPT
from lib.models.recurrent import RecurrentLM
from lib.text import NAMES, decode_names, encode_names, split_names
from lib.training import fit

known, fresh = split_names()
train, heldout = encode_names(known, 12), encode_names(fresh, 12)
my_gpt = GPT(27, context=12, n_layers=2, n_heads=4, width=64, end=0)
my_lstm = RecurrentLM(27, 128, "lstm", end=0)
for model, lr in ((my_gpt, 5e-3), (my_lstm, 3e-3)):
    fit(model, train, heldout, epochs=10, batch_size=64, lr=lr, average=0.98)

# %% [markdown]
# What are they worth? Counting is a model, too: how often each letter occurs, each pair, each three in a row
# (with 27 imagined sightings, spread evenly over all that can occur, so that nothing is impossible). All in
# nats per letter, the final dot included, on the names kept apart. `names_gpt` is a larger network that ships
# with the course; *when* to stop its training was decided on these same names, which flatters it a little.

# %% demo varies
from lib import weights


def counted_nats(order):
    """Nats per letter of names kept apart, by the counts of `order` letters in a row in the others."""
    def runs(names):
        padded = torch.nn.functional.pad(names, (order - 1, 0))  # dots before the name
        code = sum(padded[:, k : k + names.shape[1]] * 27 ** (order - 1 - k) for k in range(order))
        return code[my_gpt.counted(names)]

    counts = torch.bincount(runs(train), minlength=27**order).double() + 1 / 27 ** (order - 1)
    p = counts.view(-1, 27) / counts.view(-1, 27).sum(dim=1, keepdim=True)
    return -p.flatten()[runs(heldout)].log().mean().item()


letters = int(my_gpt.counted(heldout).sum())
names_gpt = weights.load("names_gpt")
results = {"27 equal chances": math.log(27)}
results |= {f"counts of {told}": counted_nats(n) for told, n in {"letters": 1, "pairs": 2, "threes": 3}.items()}
with torch.no_grad():
    results["your GPT"] = -my_gpt.log_prob(heldout).sum().item() / letters
    results["your LSTM"] = -my_lstm.log_prob(heldout).sum().item() / letters
    results["names_gpt"] = -names_gpt.log_prob(heldout).sum().item() / letters
    each = -my_gpt.log_prob_each(heldout)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.8), width_ratios=(3, 2))
shades = [plots.COLOURS["vermilion"] if "your" in told else "#8fb4d6" for told in results]
left.barh(list(results)[::-1], list(results.values())[::-1], color=shades[::-1])
left.set(title="On names it has not seen", xlabel="nats per letter")
left.grid(False, axis="y")
for y, value in enumerate(list(results.values())[::-1]):
    left.text(0.1, y, f"{value:.2f}", va="center", fontweight="bold")
inside = my_gpt.counted(heldout)
by_place = [each[:, t][inside[:, t]].mean() for t in range(9)]
right.plot(range(1, 10), by_place, "o-")
right.set(title="Letter by letter", xlabel="which letter", ylabel="nats", ylim=(0, None), xticks=range(1, 10))
plt.show()
drawn = decode_names(my_gpt.sample(40, torch.Generator().manual_seed(1)))
new = [name for name in drawn if name not in set(known)]
print(f"{len(new)} of 40 drawn names are in no list it has seen:", ", ".join(new[:16]))

# %% [markdown]
# On the right, the same loss by position. The first letter is the dearest: nothing is known yet but how names
# begin. The second is cheap, because it is mostly a vowel; then the name has begun to be somebody's, and from
# the fourth letter on the past narrows it down. **NLL by position** is the first thing to look at in a language
# model: where the curve stops falling, the model (or the text) has nothing more to gain from what lies further
# back.
#
# And of your two, the LSTM is the better one, in less time. No wonder: names have six letters, and six letters
# fit into a state. Attention has to learn what a recurrent network is born with, that the letter just before
# matters most. It pays where the past is longer than a state can hold; so now for something longer.

# %% [markdown]
# ### Trained for longer: Shakespeare
#
# `shakespeare_gpt` has read nine tenths of *Tiny Shakespeare*, a million characters from his plays, with a
# context of 256. It has not read his sonnets. Here are three.

# %%
SONNETS = """Shall I compare thee to a summer's day?
Thou art more lovely and more temperate:
Rough winds do shake the darling buds of May,
And summer's lease hath all too short a date:
Sometime too hot the eye of heaven shines,
And often is his gold complexion dimm'd;
And every fair from fair sometime declines,
By chance, or nature's changing course, untrimm'd;
But thy eternal summer shall not fade,
Nor lose possession of that fair thou owest;
Nor shall Death brag thou wander'st in his shade,
When in eternal lines to time thou growest:
So long as men can breathe, or eyes can see,
So long lives this, and this gives life to thee.

Let me not to the marriage of true minds
Admit impediments. Love is not love
Which alters when it alteration finds,
Or bends with the remover to remove:
O, no! it is an ever-fixed mark,
That looks on tempests and is never shaken;
It is the star to every wandering bark,
Whose worth's unknown, although his height be taken.
Love's not Time's fool, though rosy lips and cheeks
Within his bending sickle's compass come;
Love alters not with his brief hours and weeks,
But bears it out even to the edge of doom.
If this be error and upon me proved,
I never writ, nor no man ever loved.

My mistress' eyes are nothing like the sun;
Coral is far more red than her lips' red;
If snow be white, why then her breasts are dun;
If hairs be wires, black wires grow on her head.
I have seen roses damask'd, red and white,
But no such roses see I in her cheeks;
And in some perfumes is there more delight
Than in the breath that from my mistress reeks.
I love to hear her speak, yet well I know
That music hath a far more pleasing sound;
I grant I never saw a goddess go;
My mistress, when she walks, treads on the ground:
And yet, by heaven, I think my love as rare
As any she belied with false compare.
"""

# %% demo varies
from lib import weights
from lib.text import SHAKESPEARE

shakespeare_gpt = weights.load("shakespeare_gpt")
tokens = SHAKESPEARE.encode(SONNETS)
with torch.no_grad():
    p = torch.softmax(shakespeare_gpt.next_logits(tokens[None, :256])[0, :-1], dim=1)  # row t: after tokens 0 to t
paid = -p.gather(1, tokens[1:256, None])[:, 0].log()
figure, ax = plt.subplots(figsize=(7.4, 2.5))
lines, row = SONNETS[:256].split("\n"), 0
picture, place = np.full((len(lines), max(map(len, lines)) + 1), np.nan), -1
for y, line in enumerate(lines):
    for x, symbol in enumerate(line + "\n" * (y + 1 < len(lines))):
        if place >= 0:
            picture[y, x] = paid[place]
        ax.text(x, y, "↵" if symbol == "\n" else symbol, ha="center", va="center", fontsize=8, family="monospace")
        place += 1
shown = ax.imshow(picture, cmap="Oranges", vmin=0, vmax=6, aspect="auto")
ax.set(title="What each character cost, in nats", xticks=(), yticks=())
ax.grid(False)
figure.colorbar(shown, ax=ax)
plt.show()
print(f"{paid.mean():.2f} nats per character, a perplexity of {paid.mean().exp():.1f}", end="")
print(f"; by guessing it would be {math.log(65):.2f} and 65")

# %% [markdown]
# A word costs at its beginning. After a letter or two it is settled, and the rest comes almost free: that is
# where a character model earns its keep. A perplexity of 4, say, means that at each character it is as unsure
# as if it had to choose between four that are equally likely (lesson 2).
#
# ### In which window? The same text, the same model, several numbers
#
# The model has a context of 256 characters. To score a longer text, one has to say what each prediction may
# see. Side by side: cut the text into windows of $W$ and score each by itself; then the first character of
# every window is predicted from nothing. Sliding: begin a window at every place and count only its last
# prediction, so that each has seen $W - 1$ characters; fairer, and $W$ times the work.

# %% demo varies
@torch.no_grad()
def nats_by_context(model, tokens, length, every):
    """What predictions cost, by how much they have seen; a window begins at each `every`-th token. (N, length - 1)"""
    windows = tokens.unfold(0, length, every)
    found = []
    for some in windows.split(16):
        logits = model.next_logits(some[:, :-1])
        found.append(torch.nn.functional.cross_entropy(logits.transpose(1, 2), some[:, 1:], reduction="none"))
    return torch.cat(found)


side_by_side, sliding, widths = [], [], [2, 4, 8, 16, 32, 64, 128, 256]
for length, every, some in ((16, 1, widths[:4]), (256, 16, widths[4:])):
    nats = nats_by_context(shakespeare_gpt, tokens, length, every)  # column c has seen c + 1 characters
    which = every * torch.arange(len(nats))[:, None] + torch.arange(1, length)  # and is about this one
    fair = (which >= 256) & (which < len(tokens) - 256)  # the same characters for every W
    for w in some:
        last = slice(w - 1 - every, w - 1)  # with windows at every 16th character, their last 16 predictions
        side_by_side.append(nats[:, : w - 1][fair[:, : w - 1]].mean())
        sliding.append(nats[:, last][fair[:, last]].mean())
figure, ax = plt.subplots(figsize=(6.4, 3.0))
ax.semilogx(widths, side_by_side, "o-", base=2, label="windows side by side")
ax.semilogx(widths, sliding, "o-", base=2, label="sliding")
ax.set(xlabel="W, the window (characters)", ylabel="nats per character", title="One model, one text")
ax.set_xticks(widths, widths)
ax.legend()
plt.show()

# %% [markdown]
# So a loss without its window is half a number. What `shakespeare_gpt` reaches on the whole of the tenth that
# was kept apart is printed below, for two sets of windows (by `lib.text.nats_per_token`, which counts each
# token once). For comparison, nanoGPT reports 1.4697 nats there for its model of 10.7 million parameters, and
# 1.88 for the small one that it suggests for a computer without a graphics card; it averages over windows of
# 256 at random places, which is as good as side by side. The lower curve is NLL by position once more, seen
# from the other side: it tells *how far back* this model can make use of what it has read.

# %% demo varies
print({key: value for key, value in weights.about("shakespeare_gpt").items() if key != "recipe"})
prompt = SHAKESPEARE.encode("JULIET:\n")[None]
cache, generator = shakespeare_gpt.new_cache(1), torch.Generator().manual_seed(3)
with torch.no_grad():
    logits, said = shakespeare_gpt.next_logits(prompt, cache)[:, -1], []
    for _ in range(shakespeare_gpt.context - prompt.shape[1]):
        token = torch.multinomial(torch.softmax(logits, dim=1), 1, generator=generator)
        said.append(int(token))
        logits = shakespeare_gpt.next_logits(token, cache)[:, -1]
print("JULIET:\n" + SHAKESPEARE.decode(said))

# %% [markdown]
# Words, mostly English; lines, speakers, a metre now and then; and no thought that outlives a line.
#
# ### Is it as sure as it should be? · *optional*
#
# A model that says "70 %" should be right in 70 of 100 such cases. Take all its probabilities on the sonnets,
# for all 65 characters at each place, gather those that are about alike, and see how often that character
# really came. On the diagonal the model is **calibrated**. Nothing in training asks for it by name; NLL rewards
# it, as nothing else has the lowest expected NLL but the true probabilities (lesson 2).

# %% demo varies
with torch.no_grad():
    windows = tokens.unfold(0, 256, 64)
    p = torch.softmax(shakespeare_gpt.next_logits(windows[:, :-1])[:, 63:], dim=2)
came = torch.nn.functional.one_hot(windows[:, 64:], 65).bool()
edges = torch.tensor([0.0, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.0])
which_bin = torch.bucketize(p, edges[1:-1])
said = [p[which_bin == b].mean() for b in range(14)]
right = [came[which_bin == b].float().mean() for b in range(14)]
figure, ax = plt.subplots(figsize=(3.6, 3.4))
ax.plot([0, 1], [0, 1], color=plots.GREY, linestyle=":")
ax.plot(said, right, "o-")
ax.set(xlabel="it said", ylabel="how often it came", title="Calibration", xlim=(0, 1), ylim=(0, 1))
plt.show()

# %% [markdown]
# ### What the cache saves, measured
#
# Count first. To draw $n$ tokens plainly, the passes read 1, 2, ..., $n$ tokens: $n (n + 1) / 2$ positions go
# through the network. With the cache it is $n$. For a thousand tokens:

# %% demo
n = 1000
print(f"plainly {n * (n + 1) // 2} positions, with the cache {n}: {(n + 1) // 2} times fewer")
network = GPT(65, context=1024, n_layers=4, n_heads=4, width=64).eval()
print("bytes of its cache:", network.new_cache(1).n_bytes, "and by the formula:", cache_bytes(4, 4, 16, 1024, 4))
shared = GPT(65, context=1024, n_layers=4, n_heads=4, width=64, n_groups=1).eval()
print("with one key and value for all four heads:", shared.new_cache(1).n_bytes)

# %% [markdown]
# Then the clock: what *one more token* costs after $t$ others, with an untrained network (what it costs does
# not depend on what it knows).

# %% demo varies
import time as clock

from lib.models.gpt import GPT

network = GPT(65, context=1024, n_layers=4, n_heads=4, width=64).eval()
text = torch.randint(65, (1, 1024), generator=torch.Generator().manual_seed(0))
lengths, plain_cost, cached_cost = [16, 64, 128, 256, 512, 1000], [], []
with torch.no_grad():
    for t in lengths:
        cache = network.new_cache(1)
        network.next_logits(text[:, :t], cache)
        begun = clock.process_time()
        for _ in range(20):
            network.next_logits(text[:, t : t + 1], cache)
        cached_cost.append((clock.process_time() - begun) / 20)
        begun = clock.process_time()
        for _ in range(3):
            network.next_logits(text[:, : t + 1])
        plain_cost.append((clock.process_time() - begun) / 3)
figure, ax = plt.subplots(figsize=(6.0, 2.8))
ax.loglog(lengths, np.array(plain_cost) / cached_cost[0], "o-", label="plainly", color=plots.COLOURS["vermilion"])
ax.loglog(lengths, np.array(cached_cost) / cached_cost[0], "o-", label="with the cache", color=plots.COLOURS["blue"])
ax.set(xlabel="tokens before it", ylabel="cost", title="One more token (with the cache, at 16 = 1)")
ax.legend()
plt.show()

# %% [markdown]
# With the cache, a token costs nearly the same at the end as at the beginning: attention over a thousand keys
# is small beside the matrices (it grows, linearly, and for contexts of a hundred thousand it is what counts).
# Plainly, the cost of each token grows with the text, and that of the whole text with its square.
#
# ### What it takes in memory · *optional*
#
# The price is memory. Three models as published, by your formula, at half precision, for *one* sequence:

# %% demo
models = {
    "GPT-2 small: 12 layers, 12 heads of 64, 1024 tokens": (12, 12, 64, 1024),
    "Llama 2 70B: 80 layers, 8 groups of 128, 4096 tokens": (80, 8, 128, 4096),
    "the same with all its 64 heads apart": (80, 64, 128, 4096),
}
for told, (layers, groups, head_size, length) in models.items():
    print(f"{told:55} {cache_bytes(layers, groups, head_size, length, 2) / 2**20:9.0f} MiB")

# %% [markdown]
# (Radford et al. 2019; Touvron et al. 2023.) A server that answers a hundred people at once has a hundred of
# these. That is why heads are grouped.
#
# ### Longer than it was trained for · *optional*
#
# `shakespeare_gpt` has rotary positions, which are computed and not learned: nothing stops us from giving it
# 700 characters at once, though it has never seen two that were more than 255 apart. What happens?

# %% demo varies
from lib.models.gpt import GPT

stretched = GPT(**{**shakespeare_gpt.settings, "context": 768}).eval()
stretched.load_state_dict(shakespeare_gpt.state_dict())
nats = nats_by_context(stretched, tokens, 700, 64)
which = 64 * torch.arange(len(nats))[:, None] + torch.arange(1, 700)  # the character that each is about
fair = (which >= 700) & (which < 700 + 7 * 64)  # the same 448 characters, whatever has been seen before them
by_seen = (nats * fair).sum(dim=0) / fair.sum(dim=0)
figure, ax = plt.subplots(figsize=(6.4, 2.8))
smooth = torch.nn.functional.avg_pool1d(by_seen[None], 64, stride=16)[0]  # each character once in every mean
ax.plot(32 + 16 * torch.arange(len(smooth)), smooth)
ax.axvline(256, color=plots.GREY, linestyle=":")
ax.set(xlabel="characters it has seen", ylabel="nats per character", title="Beyond the trained context")
plt.show()
before, after = by_seen[127:255].mean(), by_seen[-128:].mean()
print(f"having seen 128 to 255 characters: {before:.2f} nats; having seen 572 to 699: {after:.2f}")

# %% [markdown]
# It does not break down at once, as a table of learned positions would, which has no 257th row. But angles
# between queries and keys that no training has shown it are noise, and there are more of them at every step. A
# sliding window, or slower turns and a little more training, is what one does. "Works for any length" and "is
# any good there" are two claims.
#
# ### How good would a larger one be?
#
# Eight GPTs of two layers, 8 to 128 numbers wide. Each has read the first nine tenths of Tiny Shakespeare once,
# and `data/scaling.csv` tells what it reached on the last tenth, in windows of 64 characters that begin 32
# apart (it is made by `data/make_scaling.py`). The largest is put aside. Fit your law to the others, and a
# straight line for comparison; then look.

# %% demo varies
from lib.data import DATA

rows = np.genfromtxt(DATA / "scaling.csv", delimiter=",", names=True, encoding="utf-8")
order = np.argsort(rows["parameters"])
sizes, reached = rows["parameters"][order], rows["nats"][order]
floor, scale, exponent = (float(number) for number in fit_power_law(sizes[:-1], reached[:-1]))
slope, intercept = np.polyfit(np.log(sizes[:-1]), np.log(reached[:-1]), 1)
line = np.geomspace(sizes[0], 30 * sizes[-1], 100)
figure, ax = plt.subplots(figsize=(6.6, 3.2))
ax.loglog(line, floor + scale * line**-exponent, label="with a floor", color=plots.COLOURS["blue"])
ax.loglog(line, np.exp(intercept) * line**slope, "--", label="straight", color=plots.GREY)
ax.plot(sizes[:-1], reached[:-1], "o", color=plots.COLOURS["blue"])
ax.plot(sizes[-1], reached[-1], "D", color=plots.COLOURS["vermilion"], label="put aside", zorder=3)
ax.set(xlabel="parameters", ylabel="nats per character", title="A law fitted to small models")
ax.legend()
plt.show()
print(f"floor {floor:.2f}, exponent {exponent:.2f}")
print(f"the largest: {reached[-1]:.3f} nats; the law said {floor + scale * sizes[-1]**-exponent:.3f}", end="")
print(f", the straight line {np.exp(intercept) * sizes[-1]**slope:.3f}")

# %% [markdown]
# The law with a floor comes near; the straight line promises far too much. It says that every tenfold brings
# the same share, for ever. With a floor, there is something that no size will buy. What the floor *is* depends
# on the sweep: the entropy of the text, and with it whatever this training, on this much text, can't give to
# any model. The largest of these models has read no more than the smallest, and if even the law was too hopeful
# for it, that is one reason. (Hoffmann et al. 2022 fitted such laws in size *and* data, and found that the
# large models of their day had read too little.) So be modest about the floor itself: points that lie far above
# it say little about where it is. Fit once without the two largest, and see how it moves.
#
# ### Learning from the prompt · *optional*
#
# Large language models do something that nobody trained them for by name: shown some examples of a task in
# their *prompt*, they go on with it (Brown et al. 2020). No weight changes; whatever is learned is learned by
# attending. A small model shows it, where it can be measured. Each prompt has a secret code: eight letters, and
# for each another letter that it stands for; pairs of the two follow one another, in random order. A pair never
# shown can only be guessed. Shown once, it is known, *if* the model looks it up. `in_context`, a GPT of two
# layers, was trained on such prompts, each with a code of its own; and here it gets codes made of pairs that no
# training prompt contained.

# %% demo varies
from lib import in_context, weights
from lib.controls.attention import attention_weights

model = weights.load("in_context")
prompts = in_context.prompts(400, seed=0, new=True)
read = in_context.LETTERS.decode(prompts[0])
print("a prompt:", " ".join(read[k : k + 2] for k in range(0, 48, 2)), "...")
figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.7), width_ratios=(1, 1.35))
for told, some in {"its own code": prompts, "values shuffled": in_context.shuffled(prompts)}.items():
    left.plot(in_context.by_times_shown(model, some)[0], "o-", label=told)
left.set(title="Nats per value", xlabel="how often its key was shown before", ylim=(0, None), xticks=range(5))
left.legend()
weights_of = attention_weights(model, prompts[0, :24])[-1]  # the second layer: (heads, 24, 24)
answer = torch.zeros(24, 24)  # at a key: the places behind the same key before
for t in range(0, 24, 2):
    for s in range(0, t, 2):
        answer[t, s + 1] = float(read[t] == read[s])
best = int((weights_of * answer).sum(dim=(1, 2)).argmax())
plots.attention_map(weights_of[best], read[:24], ax=right, title=f"second layer, head {best}")
right.tick_params(labelsize=7)
plt.show()
shares = in_context.by_times_shown(model, prompts)[1].tolist()
print("its best guess is right, after 0, 1, 2, ... examples:", ", ".join(f"{share:.0%}" for share in shares))

# %% [markdown]
# Left: before the first example it guesses, and badly, since training never showed it such pairs. After a
# single one its best guess is mostly right, and every further one makes it surer. With the values shuffled
# within the prompt, so that examples teach nothing, the curve stays up: it is the examples that do it, and not
# the letters. Right: how. Go along the row of a key that has been there before: the weight lies on the place
# just *behind* the earlier one, where its value stood. One head in the first layer tells every position what
# stood before it, and this one looks for the position that was told "before me stood what you are reading now".
# Olsson et al. (2022) call the pair an *induction head*, and find it in large models, too. It is the search
# that the first picture of this lesson asked for.
#
# ### Images are sequences, too
#
# Nothing in a GPT knows about letters. Cut the binary digits of lessons 3 to 5 into patches of 2 × 4 pixels:
# each is one of $2^8 = 256$ tokens, a digit is a sequence of 98, and the chain rule over patches is as exact as
# over pixels (lesson 5). `pixel_gpt` has one token more at either end: the first says which digit is wanted, or
# that nobody knows; behind the last patch stands the label. So one network holds both factorisations of the
# same joint,
#
# $$p(\text{label})\; p(\text{digit} \mid \text{label}) \qquad\text{and}\qquad p(\text{digit})\; p(\text{label} \mid \text{digit}).$$
#
# The first draws what it is told. The second says what it sees. And since the order is from top to bottom,
# either goes on with a digit that you began. Upper row: told 0 to 9. Below: six test digits, of which it is
# given the upper half, and four endings for each.

# %% demo varies
from lib import scoreboard, weights
from lib.data import load_binary_mnist, load_mnist

pixel_gpt = weights.load("pixel_gpt")
some, labels = load_binary_mnist("test")[:200], load_mnist("test")[1][:200]
generator = torch.Generator().manual_seed(0)
told = pixel_gpt.sample(10, generator, labels=torch.arange(10))
begun = pixel_gpt.tokens(some[:6])[:, :49].repeat_interleave(4, dim=0)  # the first 49 of 98 patches
ended = pixel_gpt.sample(24, generator, known=begun)
figure, axes = plt.subplots(2, 1, figsize=(7.2, 2.6))
plots.digits(told, ax=axes[0], title="told what to draw")
sheet = torch.cat([some[:6, None], ended.view(6, 4, 784)], dim=1).flatten(0, 1)
plots.digits(sheet, columns=15, ax=axes[1], title="a digit, and four endings of its upper half")
plt.show()
with torch.no_grad():
    seen = pixel_gpt.label_log_probs(some)  # digit first
    few = some[:40]
    by_bayes = torch.log_softmax(pixel_gpt.log_probs(few), dim=1)  # label first, every label as likely
    nats = -pixel_gpt.log_prob(few).mean()
right = int((seen.argmax(dim=1) == labels).sum())
both = int((seen[:40].argmax(dim=1) == by_bayes.argmax(dim=1)).sum())
print(f"{nats:.1f} nats per digit on 40 test digits. It recognises {right} of 200 by the label behind the digit;")
print(f"on 40 of them, Bayes' rule over its ten conditionals gives the same answer {both} times")
scoreboard.draw("07")
plt.show()

# %% [markdown]
# The two factorisations need not agree: they are two ways through one network, and nothing but the data holds
# them together. Where they do, that is learned. On the scoreboard stands, as always, the mean over all 10 000
# test digits of our static draw. (The circle beside it, 79.17, is an image GPT over single pixels, trained
# on digits drawn anew: pytorch-generative, README.)

# %% [markdown]
# ## Play
#
# Your names model while it reads. Row by row, from the top: where it looks when it has read that letter. Right:
# what it expects after the last one.

# %% demo varies
from lib.controls.attention import draw_attention

draw_attention(my_gpt, "marianna", layer=0, head=2)
plt.show()

# %% demo varies
from lib.controls.attention import attention as attention_control

attention_control(my_gpt)

# %% [markdown]
# Things to try (run the cell above in Jupyter to get the controls):
#
# 1. Go through the heads of layer 0. Is there one that looks at the letter just before, whatever it is? One
#    that looks at itself? One that looks at all vowels?
# 2. Above all in layer 1, many rows put their weight on the dot in front. What would a head do that has nothing
#    to say in this row, given that its weights must sum to 1?
# 3. Type "ann", then "anna", then "annab". How does the bar of the end move, and which letters did the last row
#    look at?
# 4. Type a name that is none: "qqq". Where do the heads look now? What is expected after a *q*, and after three
#    of them?
# 5. The upper right half is white in every head. Which of your functions saw to that?

# %% [markdown]
# ## Spot the causality bug
#
# Six attentions over five tokens, from six colleagues. Each returns one row per token, and **row $t$ is what
# the prediction of token $t$ is made from**: so the tokens are read one step late, after a start symbol, and
# row $t$ may depend on the tokens before $t$. `size` multiplies all scores. A freshly drawn network has scores
# around 1; training is free to make them as large as it likes. All of it has happened.

# %%
START, KINDS = 0, 9
numbers = torch.Generator().manual_seed(37)
TABLE = torch.randn(KINDS, 4, generator=numbers)
W_Q, W_K, W_V = torch.randn(3, 4, 4, generator=numbers)
FUTURE = ~torch.ones(5, 5, dtype=torch.bool).tril()  # [t, r]: what row t must not read


def late(tokens):
    """Each token one step later, the start symbol first."""
    return torch.cat([torch.tensor([START]), tokens[:-1]])


def scores_and_values(read, size):
    x = TABLE[read]
    return size * (x @ W_Q.T) @ (x @ W_K.T).T / 2, x @ W_V.T


def candidate_A(tokens, size=1.0):  # "minus ten thousand is as good as minus infinity, and survives half precision"
    scores, values = scores_and_values(late(tokens), size)
    return torch.softmax(torch.where(FUTURE, -1e4, scores), dim=1) @ values


def candidate_B(tokens, size=1.0):  # "mask after the softmax, and make the rest sum to 1 again"
    scores, values = scores_and_values(late(tokens), size)
    weights = torch.where(FUTURE, 0.0, torch.softmax(scores, dim=1))
    return weights / weights.sum(dim=1, keepdim=True) @ values


def candidate_C(tokens, size=1.0):  # "mask after the softmax: what is forbidden gets weight 0"
    scores, values = scores_and_values(late(tokens), size)
    return torch.where(FUTURE, 0.0, torch.softmax(scores, dim=1)) @ values


def candidate_D(tokens, size=1.0):  # "the mask is right, and the softmax is over axis 0"
    scores, values = scores_and_values(late(tokens), size)
    return torch.softmax(torch.where(FUTURE, -torch.inf, scores), dim=0) @ values


def candidate_E(tokens, size=1.0):  # "the network reads the tokens, and is compared with the tokens"
    scores, values = scores_and_values(tokens, size)
    return torch.softmax(torch.where(FUTURE, -torch.inf, scores), dim=1) @ values


def candidate_F(tokens, size=1.0):  # "I shift the tokens, to be safe; the loss shifts them too"
    scores, values = scores_and_values(late(late(tokens)), size)
    return torch.softmax(torch.where(FUTURE, -torch.inf, scores), dim=1) @ values


def probe(candidate, size=1.0):
    """What each row depends on, (5, 5): tried at many random tokens, since a leak may show at few of them."""
    return dependence(lambda tokens: candidate(tokens, size), torch.tensor([3, 1, 4, 1, 5]), n_values=KINDS, probes=64)

# %% [markdown]
# Decide first, then let the probe confirm it, as here for a sound one. **Positions count from 0.**

# %% demo
def sound(tokens, size=1.0):
    scores, values = scores_and_values(late(tokens), size)
    return torch.softmax(torch.where(FUTURE, -torch.inf, scores), dim=1) @ values


figure, ax = plt.subplots(figsize=(3.1, 3.0))
plots.dependence_matrix(probe(sound), ax=ax, title="a sound one")
plt.show()
print(describe(leaks(probe(sound))), "at size 1;", describe(leaks(probe(sound, 1e5))), "at size 100 000")

# %% [markdown]
# ### Exercise: what leaks into what
#
# For each candidate, list the leaks as pairs `(row, token)`, an empty list if there is none: at ordinary scores
# (`size` 1), and for A and B also at large ones (`size` 1e5: `leaks_A_large`, `leaks_B_large`). And `lost_F`:
# what F could see without any leak, and doesn't: the pairs `(row, token)` with a token before the row that does
# not reach it.
#
# <details><summary>Hint</summary>
#
# What has to be true of the *allowed* scores of a row so that −10 000 is a large number? What does the softmax
# of B leave for the allowed ones when a forbidden score is larger by a million? In C, what do the forbidden
# scores still take part in? In D, whose weights sum to 1?
# </details>

# %% exercise found_leaks
leaks_A = None  # replace each None by a list of pairs (row, token), [] if there is no leak
leaks_A_large = None
leaks_B = None
leaks_B_large = None
leaks_C = None
leaks_D = None
leaks_E = None
leaks_F = None
lost_F = None
### BEGIN SOLUTION
ten = [(t, s) for t in range(4) for s in range(t, 4)]  # all tokens that are read, from t on
leaks_A, leaks_A_large = [], ten  # where all allowed scores are below -10 000, the mask is the best offer
leaks_B, leaks_B_large = [], ten  # where a forbidden score is far above, the rest is 0, and 0 / 0 says so
leaks_C = ten  # the forbidden ones are in the denominator
leaks_D = ten  # each column sums to 1, over the rows: over later ones, too
leaks_E = [(t, t) for t in range(5)]
leaks_F = []
lost_F = [(t, t - 1) for t in range(1, 5)]
### END SOLUTION

# %% check found_leaks 3 points
lists = {"leaks_A": leaks_A, "leaks_A_large": leaks_A_large, "leaks_B": leaks_B, "leaks_B_large": leaks_B_large}
lists |= {"leaks_C": leaks_C, "leaks_D": leaks_D, "leaks_E": leaks_E, "leaks_F": leaks_F, "lost_F": lost_F}
for name, value in lists.items():
    pairs = [np.shape(pair) for pair in typed(value, name)]
    assert all(shape == (2,) for shape in pairs), f"{name}: a list of pairs, such as [(0, 2), (1, 2)]"
### BEGIN HIDDEN TESTS
from autograder.checks import transformer_lm as checks
checks.check_found_leaks(**lists)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: repair G
#
# One more colleague has written the fast path: several new tokens at once, after those in the cache, as it is
# when a prompt comes in pieces or a draft is checked (lesson 8). With an empty cache it is right. With a full
# one, two things are wrong.

# %%
def candidate_G(q, k, v, cache):  # "turn and mask the new tokens, and take everything before them from the cache"
    n = q.shape[2]
    q, k = (torch.as_tensor(np.asarray(rope(x, torch.arange(n)))) for x in (q, k))
    keys, values = torch.cat([cache[0], k], dim=2), torch.cat([cache[1], v], dim=2)
    mask = torch.ones(n, keys.shape[2], dtype=torch.bool).tril()  # as `is_causal=True` in PyTorch makes it
    return attention(q, keys, values, mask), (keys, values)

# %% [markdown]
# Put it right: whatever was read before, in pieces of any size, the outputs should be those of one pass over
# everything.
#
# <details><summary>Hint</summary>
#
# With three tokens in the cache, which position does the first new one have? Draw the mask for three in the
# cache and two new ones: which entries of its two rows should be True?
# </details>

# %% exercise repaired_G
def repaired_G(q, k, v, cache):
    """Causal attention of n new tokens after t cached ones, with rotary positions (your `rope`, base 10000) from 0 on.

    q, k, v : float tensors (B, H, n, d), d even, of the new tokens, not turned yet; n at least 1.
    cache : (keys, values), (B, H, t, d) each, t at least 0; the keys in it are turned already.
    Returns (output, (keys, values)): output (B, H, n, d); keys, turned, and values (B, H, t + n, d), the new ones last.
    The cache given is not changed. Scores may be of any size.
    """
    ### BEGIN SOLUTION
    past, n = cache[0].shape[2], q.shape[2]
    places = torch.arange(past, past + n)
    keys = torch.cat([cache[0], rope(k, places)], dim=2)
    values = torch.cat([cache[1], v], dim=2)
    mask = torch.ones(n, past + n, dtype=torch.bool).tril(past)
    return attention(rope(q, places), keys, values, mask), (keys, values)
    ### END SOLUTION

# %% check repaired_G 3 points
q, k, v = torch.randn(3, 1, 2, 6, 4, generator=torch.Generator().manual_seed(0))
nothing = (torch.zeros(1, 2, 0, 4), torch.zeros(1, 2, 0, 4))
whole, kept = repaired_G(q, k, v, nothing)  # one pass over everything, which was right before
whole, keys, values = (torch.as_tensor(np.asarray(part)) for part in (whole, *kept))
assert np.allclose(values, v) and np.allclose(keys[:, :, 0], k[:, :, 0]), "values and the first key: as they came"
assert np.allclose(whole[:, :, 0], v[:, :, 0], atol=1e-5), "with an empty cache, the first token sees itself only"
for cut in (1, 3, 5):
    old = tuple(part[:, :, :cut] for part in (keys, values))
    out, new = repaired_G(q[:, :, cut:], k[:, :, cut:], v[:, :, cut:], old)
    assert np.allclose(new[1], values, atol=1e-5), "the new values go behind the old ones"
    assert np.allclose(new[0], keys, atol=1e-5), f"with {cut} in the cache, the next one has position {cut}"
    assert np.allclose(out, whole[:, :, cut:], atol=1e-5), f"{cut} cached: a new token sees these, and none after it"
### BEGIN HIDDEN TESTS
from autograder.checks import transformer_lm as checks
checks.check_repaired_G(repaired_G)
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Where all this was found (open it when your answers are in)</summary>
#
# - **A**: GPT-2, in a library that everybody uses, masked with −10 000. Training drove the allowed scores below
#   that, the loss went to almost 0, and the model could write nothing: "Perfect training and evaluation loss,
#   but terrible test-time performance" (issue 17121 of github.com/huggingface/transformers; the finder explains
#   it in issue 75 of github.com/karpathy/minGPT). A probe at ordinary scores finds nothing. Probe what training
#   can reach.
# - **B** is sound on paper: a softmax, masked and made to sum to 1 again, is the softmax over the rest. A
#   reader who suspected it in a summariser, where the mask hides padding, came back with "It turns out that I
#   am wrong" (issue 88 of github.com/abisee/pointer-generator). In floating-point numbers it holds only while
#   the allowed weights do not underflow.
# - **C**: without the last division it is not the softmax over the rest, and each weight tells of the future.
#   Somebody asked a library whether its mask should not come before the softmax, and was told "yes you are
#   right! fixed" (issue 2 of github.com/lucidrains/memory-compressed-attention).
# - **D**: `softmax(dim=1)` is right for scores of shape (T, T), and wrong as soon as a batch axis stands in
#   front (issue 54 of github.com/datawhalechina/llms-from-scratch-cn, in a class called CausalAttention).
#   Elsewhere the wrong axis was found in a network for images, where nothing is causal, and the finder could
#   measure no difference in what it drew (issue 146 of
#   github.com/labmlai/annotated_deep_learning_paper_implementations). Pictures that look good will not tell
#   you.
# - **E**: targets not shifted: "we are training them to predict token N, given tokens 0-N inclusive!" (issue
#   314 of github.com/Project-MONAI/GenerativeModels).
# - **F**: shifted twice, once by hand and once more by the loss, in every release for a year and a half (issue
#   47394 of github.com/huggingface/transformers). The model learns to predict the token after next, and the
#   loss looks merely bad.
# - **G**: "kv cache breaks generation": Shakespeare turned into junk, and the logits were others with the cache
#   than without (issue 219 of github.com/lucidrains/x-transformers). Rotary angles that begin again instead of
#   at the start position were mended elsewhere (pull request 2010 of github.com/pytorch/executorch). And
#   PyTorch's `is_causal=True` aligns its triangle with the *first* key, so that one new query sees one old key,
#   and nothing else (issues 103082 and 108108 of github.com/pytorch/pytorch; found in use in issue 187 of
#   github.com/lucidrains/x-transformers).
#
# </details>

# %% [markdown]
# ## Take it with you
#
# ### Pitfalls
#
# - **A causal flag that nobody reads.** In one library the causal mask was skipped whenever no *other* mask was
#   given (issue 103 of github.com/facebookresearch/xformers). Flags are promises of somebody else. Probe.
# - **A finite number for minus infinity.** See A above. With `-inf`, look after rows in which everything is
#   forbidden: they become NaN, and one NaN in a batch is a NaN everywhere after one step.
# - **True means allowed, or forbidden?** PyTorch's `scaled_dot_product_attention` reads True as *may attend*,
#   its `nn.MultiheadAttention` as *must not*. Both accept either.
# - **A reshape for a transpose.** `(B, T, C)` to `(B, H, T, d)` takes both. The reshape alone runs, trains,
#   leaks, and is not even worse at first.
# - **Nats per what?** Per character, per token, per word: a model with longer tokens has a larger loss per
#   token for the same text. Compare per character, or per byte.
# - **In which window?** The loss of a text depends on how much of it each prediction could see. State the
#   window and what was done at its borders.
# - **Fast and slow drift apart**, as in lesson 6: compare the cached path with the plain one, in pieces of
#   several sizes, from the first token on.
# - **A fit is not a forecast.** Three numbers fitted to four losses always look good on these four. Keep the
#   largest size for the test.
#
# ### Self-check: six questions

# %% practice
from lib.practice import choice, numeric, quiz

quiz(
    numeric(
        "Scores q·k of 8 and 0, with d = 16, and both may be attended to. What is the first one's weight?",
        0.8808, "8 / 4 = 2, and exp(2) / (exp(2) + 1) = 0.88.", tolerance=0.005,
        hint="Not yet: divide by the square root of d first.",
    ),
    choice(
        "A position attends to itself. Is that a leak?",
        "Not if its output is about the next token.",
        "One strict step must come somewhere: in the inputs, or in the comparison with the targets.",
        {
            "Yes, always.": "Then the last token read could never be used.",
            "No, never.": "If the output is about the same token, it is the oldest leak of all.",
            "Only with several heads.": "Heads have nothing to do with it.",
        },
    ),
    choice(
        "Why can a transformer be trained on all positions of a text at once, and an RNN can't?",
        "No position waits for what another one computes in the same layer.",
        "With teacher forcing all inputs are there, and attention is a product of matrices.",
        {
            "It has fewer parameters.": "Mostly it has more.",
            "The mask makes it sparse.": "Half of the scores are computed in vain.",
            "It needs no teacher forcing.": "It needs it just as much.",
        },
    ),
    numeric(
        "8 layers, 2 groups of heads of size 64, half precision (2 bytes). How many KiB of cache per token?",
        4, "2 · 8 · 2 · 64 · 2 = 4096 bytes.", tolerance=0.01,
        hint="Not yet: keys and values, for each layer and each group.",
    ),
    choice(
        "What does turning queries and keys (RoPE) make of the score?",
        "A function of the two vectors and of how far apart they are.",
        "Turning both by the same angle changes nothing.",
        {
            "It gets smaller with the distance, always.": "On average, for vectors that fit. Not always.",
            "A function of the position of the query.": "Move both, and it stays.",
            "It makes the mask unnecessary.": "It tells the direction, and forbids nothing.",
        },
    ),
    choice(
        "Models of 10, 30, 100 and 300 thousand parameters reach 2.2, 1.9, 1.7 and 1.6 nats. What does a straight "
        "line on logarithmic axes say about one of a billion?",
        "Something too low: the text has an entropy, and the line does not know it.",
        "With a floor the curve bends, and where it bends is what has to be estimated.",
        {
            "The truth, if the fit is good.": "A line fits these four well, and goes on to 0.",
            "Something too high.": "Only with a floor could a curve lie above a line that fits.",
            "Nothing can be said from four models.": "A little can: that is what the held-out size is for.",
        },
    ),
)

# %% [markdown]
# ### Flashcards

# %% practice
from lib.practice import flashcards

flashcards(
    [
        ("Attention", "softmax(q k^T / sqrt(d)) v, over what is allowed"),
        ("Query, key, value", "What a position asks; by what it is found; what it says"),
        ("Causal mask", "Position t may attend to s if s <= t; the output is about t + 1"),
        ("Heads", "The width cut into parts, each with weights of its own; a last matrix mixes them"),
        ("Block (pre-norm)", "x + attention(norm(x)), then x + mlp(norm(x))"),
        ("LSTM", "c = f c + i g, h = o tanh(c); gates in PyTorch's order i, f, g, o"),
        ("Rotary positions", "Turn pair i by position * base^(-2i/d): scores depend on the distance"),
        ("KV cache", "Keys and values of the past; per new token the work of one position"),
        ("Its bytes", "2 * layers * groups * head size * length * bytes per number"),
        ("Grouped heads", "Several queries share one key and value: a smaller cache"),
        ("Scaling law", "loss = floor + scale * size^-exponent; the floor is the text's entropy, and then some"),
        ("In-context learning", "What is learned from the prompt, with no weight changed"),
    ],
    title="The transformer",
)

# %% [markdown]
# ### The one-line version
#
# **Each position asks a question of all positions before it, takes home a mean of their answers weighted by how
# well they fit, thinks about it by itself, and does so some layers over: one pass scores a text, and with the
# keys and values kept, one new token costs one position.**
#
# ### Further reading
#
# - A. Vaswani et al., *Attention Is All You Need*, NIPS 2017 (arXiv 1706.03762). Section 3 is the block.
# - D. Bahdanau, K. Cho & Y. Bengio, *Neural Machine Translation by Jointly Learning to Align and Translate*,
#   ICLR 2015 (arXiv 1409.0473). Attention before the transformer.
# - A. Radford et al., *Language Models are Unsupervised Multitask Learners*, OpenAI, 2019. GPT-2: the norm moves
#   to the front.
# - J. L. Elman, *Finding Structure in Time*, Cognitive Science 14, 1990. The recurrent network.
# - S. Hochreiter & J. Schmidhuber, *Long Short-Term Memory*, Neural Computation 9, 1997; F. Gers et al.,
#   *Learning to Forget*, Neural Computation 12, 2000.
# - Y. Bengio, P. Simard & P. Frasconi, *Learning Long-Term Dependencies with Gradient Descent is Difficult*,
#   IEEE Transactions on Neural Networks 5, 1994. The knife's edge.
# - J. Su et al., *RoFormer: Enhanced Transformer with Rotary Position Embedding*, 2021 (arXiv 2104.09864).
# - J. Ainslie et al., *GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints*,
#   EMNLP 2023 (arXiv 2305.13245).
# - J. Kaplan et al., *Scaling Laws for Neural Language Models*, 2020 (arXiv 2001.08361); J. Hoffmann et al.,
#   *Training Compute-Optimal Large Language Models*, 2022 (arXiv 2203.15556), whose law has the floor.
# - T. Brown et al., *Language Models are Few-Shot Learners*, NeurIPS 2020 (arXiv 2005.14165); S. Garg et al.,
#   *What Can Transformers Learn In-Context?*, NeurIPS 2022 (arXiv 2208.01066).
# - C. Olsson et al., *In-context Learning and Induction Heads*, 2022 (arXiv 2209.11895). How a prompt teaches.
# - H. Touvron et al., *Llama 2: Open Foundation and Fine-Tuned Chat Models*, 2023 (arXiv 2307.09288). Grouped
#   heads in use.
# - A. Karpathy's *minGPT* and *nanoGPT* (github.com/karpathy): the model in three hundred lines.
#
# Next: all texts of this lesson were drawn from the conditionals as they are, and nobody who uses a language model
# does that. Lesson 8 asks what else can be drawn from them, and from which distribution it then comes.
