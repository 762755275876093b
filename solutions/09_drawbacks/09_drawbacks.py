# %% [markdown]
# # 09 · Drawbacks: what the chain rule costs
#
# **Promise.** After this lesson you can name the four bills of the chain rule, measure each of them against a
# control, and say of every remedy what it gives back and what it takes.
#
# **Time.** 60 minutes to read, 160 to practise; sections marked *optional* hold no exercise and are not
# counted. **You need.** Lessons 1 (any order, any partition), 4 (masks), 7 (attention, the cache) and 8.
#
# For eight lessons the chain rule has paid: an exact likelihood, a loss that never plays games, samples of
# images, sound and text from one idea. Nothing of this is free. Here are the bills, one by one: each with a
# measurement, a picture, and a remedy that is tried, not only named.

# %%
import itertools
import math
import sys
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, "../..")  # `lib` is the one of the folder that this notebook lies in
from lib import plots
from lib.byhand import costs_puzzle, typed
from lib.causality import dependence
from lib.errors import short_errors

plots.use_style()
short_errors()

# %% [markdown]
# ## A picture first
#
# One network that has learned to go on from *any* set of known pixels (it is one of the subjects of this
# lesson). It draws eight digits, five times. The pixels are cut into blocks, in an order drawn by chance; one
# pass of the network fills one block, all of its pixels at once and *independently* of one another.

# %% demo varies
from lib import weights

any_order = weights.load("any_order")
PASSES = (1, 4, 16, 64, 256)
figure, axes = plt.subplots(len(PASSES), 1, figsize=(7.2, 5.6))
for ax, n_passes in zip(axes, PASSES, strict=True):
    shuffled = torch.randperm(784, generator=torch.Generator().manual_seed(1))
    drawn = any_order.sample(8, torch.Generator().manual_seed(0), blocks=list(shuffled.tensor_split(n_passes)))
    plots.digits(drawn, ax=ax)
    ax.set_title(f"{n_passes} pass{'es' * (n_passes > 1)}, {784 // n_passes} pixels in each", loc="left", fontsize=10)
plt.show()

# %% [markdown]
# In one pass: dust in the shape of the average digit, for each pixel asks only how often *it* is ink. The more
# passes, the more each block knows of what the others have become. The model is the same in all five rows, and so
# are the random numbers. What is missing above is dependence, and dependence is bought with steps, one after
# another.

# %% [markdown]
# ## The idea
#
# $$p(x) \;=\; \prod_{t=1}^{T} p(x_t \mid x_{<t})$$
#
# Read it once more, as somebody who has to pay.
#
# | what it says | the bill | measured as | remedies tried here |
# |:--|:--|:--|:--|
# | $x_{<t}$ is the past: when we draw, our own | **its own mistakes** | the judge's price of samples against data | a larger network, scheduled sampling, asking an oracle; memory, grounding |
# | $x_t$ comes after $x_{t-1}$ | **one step after another** | nats against passes | blocks, scales, and what is exact |
# | somebody has to be first | **an order** | one model under four orders | one model of all orders |
# | all of $x_{<t}$ counts | **everything is kept** | time, bytes, recall | windows, linear attention, recurrence |
#
# The second bill, with numbers for the hand. Two tokens, three pairs that occur:
#
# | $p(a, b)$ | $b = 0$ | $b = 1$ | $p(a)$ |
# |:--|--:|--:|--:|
# | $a = 0$ | 0.4 | 0.1 | 0.5 |
# | $a = 1$ | 0 | 0.5 | 0.5 |
# | $p(b)$ | 0.4 | 0.6 | |
#
# In two passes, $p(a)\,p(b \mid a)$, the average sequence costs the entropy of the table: $-0.4 \ln 0.4 - 0.1
# \ln 0.1 - 0.5 \ln 0.5 = 0.943$ nats. In one pass both are drawn at once, with $p(a)\,p(b)$: $0.693 + 0.673 =
# 1.366$ nats, and one sample in five is the pair (1, 0), which does not exist. The pass that was saved costs
# 0.423 nats, and that number has a name: the **mutual information** of what is drawn together. Blocks are cheap
# where the tokens of a block know little of each other once the rest is given, and dear elsewhere. No training
# can change it.

# %% [markdown]
# ## Build it
#
# ### Bill one: its own mistakes
#
# Teacher forcing (lesson 2) trains each conditional on pasts from the data. When the model draws, the past is
# its own. If it makes a mistake, it must go on from a place where it may never have been: **exposure bias**.
# The argument is so plausible that it was long taken for granted. Let us measure it.
#
# What is needed is a *judge* who says what each step costs, on real sequences and on the model's own. Judges
# differ. A model that judges itself is a lenient one (lesson 6). The best judge is the process that made the
# data, and for a language that we make ourselves we have it.
#
# ### Exercise: `exposure_gap`
#
# At each step: by how much more does the judge pay for samples than for data, on average? Sequences may end;
# steps behind an end are NaN, and don't take part.
#
# <details><summary>Hint</summary>
#
# What should a sequence that has ended add to the sum, and what to the count? And at a step where the count is
# 0?
# </details>

# %% exercise exposure_gap
def exposure_gap(nll_on_data, nll_on_samples):
    """By how much more a judge pays for a model's own sequences than for real ones, step by step.

    nll_on_data : float array (N, T), nats. nll_on_samples : (M, T), nats, by the same judge; M need not be N.
    NaN marks the steps after the end of a sequence: they are left out of the means. inf, the price of what the judge holds
    impossible, is a price like any other, and makes the mean infinite.
    Returns float (T,), nats: mean over samples minus mean over data; NaN at a step that no sequence of one side, or of
    neither, reaches.
    """
    ### BEGIN SOLUTION
    def mean(nll):
        there = ~np.isnan(nll)
        n = there.sum(0)
        return np.where(n > 0, np.where(there, nll, 0.0).sum(0) / np.maximum(n, 1), np.nan)

    return mean(np.asarray(nll_on_samples)) - mean(np.asarray(nll_on_data))
    ### END SOLUTION

# %% check exposure_gap 2 points
gap = np.asarray(exposure_gap(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[2.0, 5.0], [2.0, 5.0], [5.0, 2.0]])))
assert gap.shape == (2,) and np.allclose(gap, [1.0, 1.0]), "the samples cost 3 and 4 on average, the data 2 and 3: each step by itself"
ended = np.array([[1.0, 2.0, np.nan], [3.0, np.nan, np.nan]])
gap = np.asarray(exposure_gap(ended, np.array([[2.0, 2.5, 7.0]])))
assert np.allclose(gap[:2], [0.0, 0.5]), "step 1: only the first sequence is still there, with 2 nats; an ended one counts neither as 0 nor at all"
assert np.isnan(gap[2]), "step 2: no real sequence is that long, so there is nothing to compare with: NaN"
gap = np.asarray(exposure_gap(np.array([[1.0, 2.0, np.nan]]), np.array([[2.0, np.nan, np.nan], [np.inf, np.nan, np.nan]])))
assert gap[0] == np.inf and np.isnan(gap[1:]).all(), "inf is a price and stays in the mean; no sample reaches step 1, nobody step 2: NaN"
### BEGIN HIDDEN TESTS
from autograder.checks import drawbacks as checks
checks.check_exposure_gap(exposure_gap)
### END HIDDEN TESTS

# %% [markdown]
# The language: ten letters, each depends on the two before it, mostly on a handful of favourites; one letter in
# a thousand is any letter at all. The models: small networks that read the last *four* letters, one with 12
# hidden units, and one with 48. They are trained by teacher forcing, on 20 000 sequences of 40. (All of it takes
# half a minute, in three cells.)

# %% demo
K, T = 10, 40
torch.manual_seed(0)
FAVOURITES = torch.distributions.Dirichlet(torch.full((K,), 0.05)).sample((K, K))
TRUTH = 0.999 * FAVOURITES + 0.001 / K  # TRUTH[a, b, c] = p(c | the two before are a, b)


def draw_sequences(n, conditional, seed):
    """n sequences that begin with two zeros; conditional : int64 (n, t) -> probabilities of the next letter (n, K)."""
    generator, x = torch.Generator().manual_seed(seed), torch.zeros(n, T, dtype=torch.long)
    for t in range(2, T):
        x[:, t] = torch.multinomial(conditional(x[:, :t]), 1, generator=generator)[:, 0]
    return x


def truth(x):
    return TRUTH[x[:, -2], x[:, -1]]


def judged(past, letters):
    """What the true process pays for letters[:, t] after past[:, : t + 2]: nats (n, T - 2)."""
    return -TRUTH[past[:, :-2], past[:, 1:-1]].gather(2, letters[..., None])[..., 0].log()


class FourLetters(torch.nn.Module):
    """Logits of the next letter from the last four: int64 (B, T) -> (B, T, K)."""

    def __init__(self, hidden):
        super().__init__()
        self.embed, self.inner, self.out = torch.nn.Embedding(4 * K, hidden), torch.nn.Linear(hidden, hidden), torch.nn.Linear(hidden, K)

    def forward(self, x):
        last_four = F.pad(x, (3, 0)).unfold(1, 4, 1) + K * torch.arange(4)
        return self.out(self.inner(self.embed(last_four).sum(2).relu()).relu())


def train(model, batch, steps=600, rate=1e-2):
    """batch(model, generator, progress) -> what is read, and what is to be predicted, int64 (B, T) both."""
    generator = torch.Generator().manual_seed(5)
    adam = torch.optim.Adam(model.parameters(), rate)
    for step in range(steps):
        adam.param_groups[0]["lr"] = rate * min(1, 2 - 2 * step / steps)
        read, wanted = batch(model, generator, step / steps)
        loss = F.cross_entropy(model(read)[:, 1:-1].flatten(0, 1), wanted[:, 2:].flatten())
        adam.zero_grad()
        loss.backward()
        adam.step()
    return model


train_rows, test_rows = draw_sequences(20_000, truth, 1), draw_sequences(8000, truth, 2)


def from_data(model, generator, progress):
    rows = train_rows[torch.randint(len(train_rows), (64,), generator=generator)]
    return rows, rows


torch.manual_seed(1)
small, large = train(FourLetters(12), from_data), train(FourLetters(48), from_data)

# %% [markdown]
# And now a control. Suppose the judge finds the samples dear. Is that because the model stands on its *own*
# past, or because it is a poor model, and would draw a poor letter after a *real* past, too? So put the model
# after real pasts, let it draw one letter after each, and have the judge look at that letter. Only what the
# samples cost *beyond* this control is exposure bias. (He et al. 2019, printed in 2021, proposed to measure it so.)

# %% demo varies
def examine(model):
    """Gap and control, nats (T - 2,), and KL(truth || model) per letter on data."""
    with torch.no_grad():
        p = model(test_rows)[:, 1:-1].softmax(-1)
        after_data = torch.distributions.Categorical(p).sample()
        own = draw_sequences(8000, lambda x: model(x[:, -4:])[:, -1].softmax(-1), 3)
    on_data = judged(test_rows, test_rows[:, 2:])
    gap, control = (exposure_gap(on_data.numpy(), some.numpy()) for some in (judged(own, own[:, 2:]), judged(test_rows, after_data)))
    return gap, control, (-p.gather(2, test_rows[:, 2:, None])[..., 0].log() - on_data).mean().item()


torch.manual_seed(2)
found = {"small": examine(small), "large": examine(large)}
figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.0), sharey=True)
for ax, (name, (gap, control, _)) in zip(axes, found.items(), strict=True):
    ax.plot(gap, color=plots.COLOURS["vermilion"], label="its own past (gap)")
    ax.plot(control, color=plots.COLOURS["blue"], label="a real past (control)")
    ax.fill_between(range(T - 2), control, gap, color=plots.COLOURS["vermilion"], alpha=0.15)
    ax.set(title=f"the {name} model", xlabel="step")
axes[0].set(ylabel="nats above the data")
axes[0].legend()
plt.show()
for name, (gap, control, kl) in found.items():
    print(f"{name}: gap {gap.mean():.3f}, control {control.mean():.3f}, exposure bias {gap.mean() - control.mean():.3f} nats; KL {kl:.3f}")

# %% [markdown]
# Judge for yourself. For the small model nearly half of what its samples cost is exposure: it stands in places
# that are rare in the data. The bias sets in within ten steps, and then it *stays*: it does not pile up. For the
# larger model hardly anything is left to see, of the gap or of the bias. (He et al. 2019 found on real text that
# the bias exists, and is small beside a model's ordinary errors.) **The first remedy is a better model.**
#
# ### Two stages: let it read its own words
#
# **Scheduled sampling** (Bengio et al. 2015) is the remedy that everybody thinks of. First the network reads the
# data, and at each place says what comes next. Then it reads a mixture, some of the data's tokens replaced by
# its own, and is trained to predict *the data* from there.
#
# ### Exercise: `scheduled_inputs`
#
# <details><summary>Hint</summary>
#
# `predictions[:, t]` is about place t + 1. At which place is it read?
# </details>

# %% exercise scheduled_inputs
def scheduled_inputs(tokens, predictions, use_prediction):
    """What the network reads in scheduled sampling.

    tokens : int64 (B, T), the data. predictions : int64 (B, T): what the network said at place t, for place t + 1.
    use_prediction : bool (B, T), True at place t where the network is to read its own token instead of the data's.
    Returns int64 (B, T). At place 0 nothing has been predicted yet: it is always the data's.
    """
    ### BEGIN SOLUTION
    own = torch.cat([tokens[:, :1], predictions[:, :-1]], dim=1)
    return torch.where(use_prediction, own, tokens)
    ### END SOLUTION

# %% check scheduled_inputs 2 points
tokens, said = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]]), torch.tensor([[20, 30, 40, 50], [60, 70, 80, 90]])
nobody, everybody = torch.zeros(2, 4, dtype=torch.bool), torch.ones(2, 4, dtype=torch.bool)
assert np.asarray(scheduled_inputs(tokens, said, nobody)).tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]], "without any prediction it is teacher forcing"
out = np.asarray(scheduled_inputs(tokens, said, everybody)).tolist()
assert out != said.tolist(), "what was said at place 0 is about place 1, and is read there"
assert out == [[1, 20, 30, 40], [5, 60, 70, 80]], f"place 0 is the data's, place t has what was said at t - 1; found {out}"
out = np.asarray(scheduled_inputs(tokens, said, torch.tensor([[True, False, True, False], [False, True, False, False]]))).tolist()
assert out[0] == [1, 2, 30, 4], f"only places 0 and 2 were to be replaced, and place 0 cannot be; found {out[0]}"
assert out[1] == [5, 60, 7, 8], f"each row has its own places, here place 1; found {out[1]}"
assert tokens.flatten().tolist() == [*range(1, 9)] and said.flatten().tolist() == [*range(20, 100, 10)], "what is given stays as it is"
### BEGIN HIDDEN TESTS
from autograder.checks import drawbacks as checks
checks.check_scheduled_inputs(scheduled_inputs)
### END HIDDEN TESTS

# %% [markdown]
# It has a flaw that no amount of data mends (Huszár 2015). Take the table of two tokens from above. With
# probability `share`, the second step reads a first token that the model has drawn *by itself*, and is asked
# for the second token of a pair to which that first one does not belong. What is the best it can say?
#
# ### Exercise: `scheduled_optimum`
#
# <details><summary>Hint</summary>
#
# Write down the joint distribution of (what is read, what is to be predicted), once for each case. What does the
# second know of the first when they come from different draws? A minimiser of the expected loss is the
# conditional of that joint distribution (lesson 2).
# </details>

# %% exercise scheduled_optimum
def scheduled_optimum(joint, share):
    """The conditional q(second | first that was read) that scheduled sampling makes optimal, with infinite data.

    joint : float array (K, K), p(first, second). share : the probability, 0 to 1, with which the second step reads a
    first token that the model drew by itself, from the true p(first), instead of the data's.
    Returns (K, K), each row a distribution over the second token (rows whose first token never occurs: anything).
    """
    ### BEGIN SOLUTION
    joint = np.asarray(joint, dtype=float)
    first, second = joint.sum(1), joint.sum(0)
    seen = (1 - share) * joint + share * np.outer(first, second)  # p(first read, second to be predicted)
    return seen / np.maximum(first, 1e-300)[:, None]
    ### END SOLUTION

# %% check scheduled_optimum 2 points
joint = np.array([[0.4, 0.1], [0.0, 0.5]])
assert np.allclose(scheduled_optimum(joint, 0.0), [[0.8, 0.2], [0.0, 1.0]]), "share 0 is teacher forcing: the true conditional, rows sum to 1"
assert np.allclose(scheduled_optimum(joint, 1.0), [[0.4, 0.6], [0.4, 0.6]]), "share 1: what is read says nothing about the data's second token"
assert np.allclose(scheduled_optimum(joint, 0.5), [[0.6, 0.4], [0.2, 0.8]]), "share one half: between the two"
uneven = scheduled_optimum(np.array([[0.6, 0.2], [0.0, 0.2]]), 0.5)
assert np.allclose(uneven, [[0.675, 0.325], [0.3, 0.7]]), "a first token is drawn as often as it occurs: here 0 with 0.8, 1 with 0.2"
### BEGIN HIDDEN TESTS
from autograder.checks import drawbacks as checks
checks.check_scheduled_optimum(scheduled_optimum)
### END HIDDEN TESTS

# %% demo
shares = np.linspace(0, 1, 21)
joint = np.array([[0.4, 0.1], [0.0, 0.5]])
true_rows = joint / joint.sum(1, keepdims=True)
cost, impossible = [], []
for share in shares:
    q = np.asarray(scheduled_optimum(joint, share))
    used = joint > 0
    cost.append((joint[used] * np.log(true_rows[used] / q[used])).sum())
    impossible.append(0.5 * q[1, 0])
figure, ax = plt.subplots(figsize=(5.6, 2.9))
ax.plot(shares, cost, color=plots.COLOURS["vermilion"], label="nats lost, per pair")
ax.plot(shares, impossible, color=plots.COLOURS["blue"], label="samples that are (1, 0)")
ax.axhline(0.423, color=plots.GREY, linestyle=":")
ax.set(xlabel="share of own tokens", title="The optimum of scheduled sampling, with infinite data")
ax.legend()
plt.show()

# %% [markdown]
# At share 1 exactly the 0.423 nats are lost that independence costs (the dotted line): the network has learned
# not to listen. Does it show in practice? And is there a second stage with the right optimum? There is, if
# somebody can be *asked*: let the model write, and have the true process say, at each place of the model's own
# text, what it would write next (Ross et al. 2011 call it DAgger). Both are tried here, on the small model.

# %% demo varies
def scheduled(model, generator, progress):
    """A batch of scheduled sampling: the share of own letters grows to one quarter."""
    rows, _ = from_data(model, generator, progress)
    with torch.no_grad():
        said = torch.distributions.Categorical(logits=model(rows)).sample()
    use = torch.rand(rows.shape, generator=generator) < 0.25 * min(1, 2 * progress)
    use[:, :2] = False
    return torch.as_tensor(np.asarray(scheduled_inputs(rows, said, use))), rows


with torch.no_grad():
    own_rows = draw_sequences(8000, lambda x: small(x[:, -4:])[:, -1].softmax(-1), 4)
asked = own_rows.clone()
asked[:, 2:] = torch.distributions.Categorical(TRUTH[own_rows[:, :-2], own_rows[:, 1:-1]]).sample()


def half_asked(model, generator, progress):
    """Half of the batch from the data, half the model's own text, with what the true process would write there."""
    rows, _ = from_data(model, generator, progress)
    which = torch.randint(len(own_rows), (64,), generator=generator)
    first_half = torch.arange(64)[:, None] < 32
    return torch.where(first_half, rows, own_rows[which]), torch.where(first_half, rows, asked[which])


torch.manual_seed(1)
found["scheduled"] = examine(train(FourLetters(12), scheduled))
torch.manual_seed(1)
found["oracle"] = examine(train(FourLetters(12), half_asked))
figure, ax = plt.subplots(figsize=(6.4, 2.9))
names = ("small", "scheduled", "oracle", "large")
told = ("small:\nteacher forcing", "small:\nscheduled", "small: second\nstage, oracle", "large:\nteacher forcing")
for shift, part, label, colour in ((-0.27, 0, "gap", "vermilion"), (0, 1, "control", "blue"), (0.27, 2, "KL on data", "green")):
    heights = [np.mean(found[name][part]) for name in names]
    ax.bar(np.arange(4) + shift, heights, 0.26, color=plots.COLOURS[colour], label=label)
    for x, height in enumerate(heights):
        ax.text(x + shift, height, f"{height:.2f}", ha="center", va="bottom", fontsize=8)
ax.set_xticks(range(4), told)
ax.set(ylabel="nats per letter")
ax.grid(False, axis="x")
ax.legend()
plt.show()

# %% [markdown]
# Scheduled sampling makes everything worse here, samples included: more than twice the gap. (Where a model's own
# token is mostly a harmless variation of the data's it has helped; what it promises it can't keep.) Asking the
# oracle takes more than half of the exposure bias away, and costs nothing on the data: twelve hidden units, spent on the
# places where the model really stands. Where is such an oracle? In robotics it is an expert driver, in games a
# search, and for language a larger model or a person. Training on the model's own text, with somebody else's
# judgement, is what is done to language models *after* pre-training.

# %% [markdown]
# ### Does error accumulate? A drummer without a drum
#
# In the language above an error is forgotten after four letters. Here is a process where it is not. A drummer
# plays a stroke every 500 ms, each 5 ms early or late, independently. A model reads the last $w$ strokes, and
# expects the next one where their mean says. What it gives up by reading a single one is, in nats, next to
# nothing: the uncertainty is $5\sqrt{1 + 1/w}$ ms instead of 5, and a stroke costs $\tfrac12 \ln(1 + 1/w)$ nats
# more: 0.35 for $w = 1$, 0.06 for $w = 8$. But let it play by itself. With $w = 1$ each stroke adds an error of
# 7 ms to where the last one was: after 100 strokes the beat is lost by $7 \sqrt{100} = 70$ ms, and after 400 by
# 140.

# %% demo
def play(window, length=400, n=2000, grounded=0):
    """How far from the true beat strokes fall, root mean square, ms (length,). grounded : every so many a real stroke is heard."""
    rng = np.random.default_rng(0)
    heard = list(5 * rng.standard_normal((16, n)))  # it begins behind sixteen real strokes
    for t in range(length):
        last = heard[-window:]
        if grounded and t % grounded == 0:
            heard.append(5 * rng.standard_normal(n))
        else:
            heard.append(np.mean(last, axis=0) + 5 * math.sqrt(1 + 1 / len(last)) * rng.standard_normal(n))
    return np.sqrt((np.array(heard[16:]) ** 2).mean(1))


figure, ax = plt.subplots(figsize=(6.6, 3.1))
for label, window, grounded in (("w = 1", 1, 0), ("w = 8", 8, 0), ("w = 8, every 20th stroke real", 8, 20), ("w = all", 1000, 0)):
    ax.plot(play(window, grounded=grounded), label=label)
ax.set(xlabel="stroke", ylabel="off the beat, ms", title="A loss that hardly sees it, and a drift that does not stop")
ax.legend()
plt.show()
for window in (1, 8, 400):
    print(f"w = {window:3}: {0.5 * math.log(1 + 1 / window):.3f} nats per stroke above the truth")

# %% [markdown]
# Two things bring the beat back. **Memory**: with all strokes in view, each new error is one among many, and the
# drift stops. **Grounding**: somebody beats in now and then. A frame of spectrogram for a vocoder, a document
# for a language model, a camera image for a robot are such strokes. Grounding must come often enough for the
# window to hold some of it. And the teacher-forced loss alone would not have warned you: measure *long* samples.
#
# ### And text? · *optional*
#
# `shakespeare_gpt` may read 256 characters. Let it write with less memory, from between $w/2$ and $w$ of the last
# characters, and measure what it has written, in pieces of 50 characters, each read by itself. (The judge is the
# same model with its whole memory, so lenient; but between windows it can tell.)

# %% demo varies
from lib.text import SHAKESPEARE

shakespeare_gpt = weights.load("shakespeare_gpt")
scene = SHAKESPEARE.encode("KING HENRY:\nWhat says my lord of this?\n\nGLOUCESTER:\n")


@torch.no_grad()
def write_on(tokens, n, window, seed):
    """n more characters, each from the last `window` / 2 to `window` ones: when the cache is full, half is read anew."""
    generator, cache = torch.Generator().manual_seed(seed), None
    for _ in range(n):
        if cache is None or cache.length >= window:
            cache = shakespeare_gpt.new_cache(len(tokens))
            logits = shakespeare_gpt.next_logits(tokens[:, -(window // 2) :], cache)[:, -1]
        else:
            logits = shakespeare_gpt.next_logits(tokens[:, -1:], cache)[:, -1]
        tokens = torch.cat([tokens, torch.multinomial(logits.softmax(-1), 1, generator=generator)], 1)
    return tokens


@torch.no_grad()
def pieces(tokens, length=50):
    """Nats per character of each piece of 50, read by itself; its first ten characters are only read."""
    each = [
        F.cross_entropy(shakespeare_gpt.next_logits(some[:, :-1]).mT, some[:, 1:], reduction="none")[:, 10:].mean().item()
        for some in tokens.split(length, 1)
    ]
    return np.array(each)


begun = scene.repeat(24, 1)
figure, ax = plt.subplots(figsize=(6.2, 3.1))
centres = len(scene) + 25 + 50 * np.arange(4)
for window in (2, 4, 8, 32, 256):
    text = write_on(begun, 200, window, 0)
    ax.plot(centres, pieces(text[:, len(scene) :]), "o-", label=f"w = {window}")
    if window == 2:
        nonsense = text
recovered = write_on(nonsense, 100, 256, 1)
ax.plot(centres[-1] + 50 * np.arange(3), [pieces(nonsense[:, -50:])[0], *pieces(recovered[:, -100:])], "k:", label="2, then 256")
ax.set(xlabel="character", ylabel="nats per character", title="How wrong it is does not grow; it depends on the memory")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()
print(SHAKESPEARE.decode(recovered[0, len(scene) :]))

# %% [markdown]
# With two characters of memory it writes nonsense, with 8 words, with 32 phrases. But no line climbs. And the
# dotted one: after two hundred characters of nonsense of its own making, with memory given back, it is as good
# as ever within a line. Text is a language like our ten letters: its states are visited again and again, and a
# good model has seen many a typing error. Errors pile up where the past is a *sum*, as for the drummer, or where
# the data never show a way back. So "errors grow exponentially with length" is no law; it is a thing to measure.

# %% [markdown]
# ### Bill two: one step after another
#
# Lessons 4 to 8 have made each step cheaper, or several steps one, without giving up a single nat:
#
# | exact | how | where |
# |:--|:--|:--|
# | cache, queue, running sum | nothing is computed twice; as many steps | lessons 3, 6, 7 |
# | predictive sampling | guess, check all guesses in one pass, keep what is confirmed | lesson 4 |
# | speculative decoding | a small model guesses; kept by a rule that gives exactly $p$ | lesson 8 |
# | patches | a token of 4 or 8 pixels, with a table of *their joint* distribution | lesson 5 |
#
# Beyond them there is one trade: draw several tokens at once *as if they were independent*, and pay what the idea
# above has named. By lesson 1 the chain rule holds for blocks just as well,
#
# $$p(x) \;=\; p(\text{block}_1)\; p(\text{block}_2 \mid \text{block}_1)\; p(\text{block}_3 \mid \text{block}_1,
# \text{block}_2) \cdots$$
#
# and that is still exact. What costs nats is to write a block's distribution as a product. So which pixels should
# share a block? Neighbours know most of each other: rows are the worst choice. **Next-scale prediction** takes a
# coarse picture first, 7 x 7 of the 28 x 28 pixels, then those that make it 14 x 14, then the rest.

# %% figure
figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.6))
for ax, (title, number) in zip(
    axes,
    {
        "rows of two": np.arange(64).reshape(8, 8) // 16,
        "by chance": np.random.default_rng(0).permutation(64).reshape(8, 8) // 16,
        "coarse to fine": np.array([[0 if r % 4 == c % 4 == 0 else 1 if r % 2 == c % 2 == 0 else 2 for c in range(8)] for r in range(8)]),
    }.items(),
    strict=True,
):
    ax.imshow(number, cmap="Blues", vmin=-1, vmax=4)
    for (r, c), block in np.ndenumerate(number):
        ax.text(c, r, block + 1, ha="center", va="center", fontsize=8)
    ax.set(title=title, xticks=[], yticks=[])
    ax.grid(False)
plt.show()

# %% [markdown]
# (8 x 8 pixels, each with the number of the pass that draws it.)
#
# ### Exercise: `generation_passes` and `scale_blocks`
#
# Two short functions in one cell. How many passes, for four ways; and the three blocks of the picture on the
# right, for any side that 4 divides.
#
# <details><summary>Hint</summary>
#
# Doubling: how many tokens are there after 1, 2, 3, 4 passes? And does a number that lies between need one more?
# For the blocks: `np.divmod` gives row and column of all pixel numbers at once.
# </details>

# %% exercise scale_blocks
def generation_passes(n, method, block):
    """How many passes of the network n tokens take.

    n : int, at least 1. method : "one by one"; "blocks", of `block` tokens, the last may be short; "doubling", one token
    first and then at most as many as there are already (1, 1, 2, 4, ...); or "one shot". block : int, at least 1; only
    "blocks" looks at it. Returns a whole number.
    """
    ### BEGIN SOLUTION
    if method == "one by one":
        return n
    if method == "blocks":
        return -(-n // block)
    if method == "doubling":
        return 1 + (n - 1).bit_length()
    return 1
    ### END SOLUTION


def scale_blocks(side):
    """The pixels of a picture from coarse to fine.

    side : int, a multiple of 4; pixel number = row * side + column. Returns a list of three int64 arrays of pixel
    numbers, ascending: every fourth row and column; then every second row and column, as far as it is not there yet;
    then the rest. Each pixel is in exactly one of them.
    """
    ### BEGIN SOLUTION
    rows, columns = np.divmod(np.arange(side * side), side)
    coarse = (rows % 4 == 0) & (columns % 4 == 0)
    middle = (rows % 2 == 0) & (columns % 2 == 0)
    return [np.flatnonzero(coarse), np.flatnonzero(middle & ~coarse), np.flatnonzero(~middle)]
    ### END SOLUTION

# %% check scale_blocks 3 points
for n, method, block, right in (
    (784, "one by one", 16, 784), (784, "blocks", 16, 49), (10, "blocks", 4, 3), (1, "blocks", 5, 1),
    (784, "one shot", 16, 1), (1, "doubling", 16, 1), (2, "doubling", 16, 2), (4, "doubling", 16, 3), (5, "doubling", 16, 4), (8, "doubling", 2, 4),
):  # fmt: skip
    answer = generation_passes(n, method, block)
    assert answer == right, f"{n} tokens, {method}, block {block}: expected {right} passes, found {answer}"
blocks = [np.asarray(block) for block in scale_blocks(4)]
assert len(blocks) == 3, "three scales, three arrays"
assert all(block.dtype.kind == "i" for block in blocks), "pixel numbers are int64: floats index nothing"
assert blocks[0].tolist() == [0], "of 4 x 4 pixels, one is in a fourth row and a fourth column: rows and columns count from 0"
assert blocks[1].tolist() == [2, 8, 10], "every second row and column has pixels 0, 2, 8, 10, and 0 is there already"
assert blocks[2].tolist() == [1, 3, 4, 5, 6, 7, 9, 11, 12, 13, 14, 15], "the rest, ascending"
assert [len(block) for block in scale_blocks(28)] == [49, 147, 588], "of 28 x 28: 7 x 7, then 14 x 14 without them, then the rest"
assert all((np.diff(block) > 0).all() for block in scale_blocks(28)), "ascending within each scale"
### BEGIN HIDDEN TESTS
from autograder.checks import drawbacks as checks
checks.check_generation_passes(generation_passes)
checks.check_scale_blocks(scale_blocks)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `block_log_prob`
#
# And what a sequence costs when it is drawn in blocks. The network has given logits for all tokens of a block
# from the blocks before it; within the block there is nothing but a product.
#
# <details><summary>Hint</summary>
#
# First log p of each token by itself. Then: which tokens are in the last block, if T is no multiple
# of its size?
# </details>

# %% exercise block_log_prob
def block_log_prob(logits, tokens, block):
    """log p of each block, where the tokens of a block are independent given the blocks before it.

    logits : float tensor (B, T, K), from a network that read only the blocks before; -inf for what cannot be.
    tokens : int64 (B, T). block : int, at least 1, tokens per block; the last block may be shorter.
    Returns (B, ceil(T / block)), nats.
    """
    ### BEGIN SOLUTION
    each = logits.double().log_softmax(-1).gather(2, tokens[..., None])[..., 0]
    short = -each.shape[1] % block
    return F.pad(each, (0, short)).unflatten(1, (-1, block)).sum(2)
    ### END SOLUTION

# %% check block_log_prob 2 points
logits = torch.log(torch.tensor([[[0.5, 0.5], [0.2, 0.8], [0.9, 0.1]]]))
out = np.asarray(block_log_prob(logits, torch.tensor([[0, 1, 0]]), 2))
assert out.shape == (1, 2), "three tokens in blocks of two are two blocks, the last of one token"
assert np.allclose(np.exp(out), [[0.4, 0.9]], atol=1e-5), "independent: 0.5 * 0.8, and 0.9; nats are logarithms"
assert np.allclose(np.asarray(block_log_prob(logits + 7, torch.tensor([[1, 0, 1]]), 1)), np.log([[0.5, 0.2, 0.1]]), atol=1e-5), (
    "blocks of one: log p of each token; a constant added to all logits changes nothing"
)
extreme = np.asarray(block_log_prob(torch.tensor([[[1e4, 0.0], [0.0, -torch.inf]]]), torch.tensor([[1, 0]]), 5))
assert np.allclose(extreme, [[-1e4]]), "logits of 10 000 and of -inf: -10 000 nats in all, and no NaN"
half = torch.log(torch.tensor([[[1.0, 0.0], [0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]]]))
out = np.asarray(block_log_prob(half, torch.tensor([[1, 0], [0, 0]]), 1))
assert np.allclose(out, [[-np.inf, np.log(0.5)], [np.log(0.5)] * 2]), "an impossible token costs its own block -inf, and no other block or row anything"
### BEGIN HIDDEN TESTS
from autograder.checks import drawbacks as checks
checks.check_block_log_prob(block_log_prob)
### END HIDDEN TESTS

# %% [markdown]
# The network of the first picture, with its blocks in several orders; and, beside it, models of the
# scoreboard that are exact (measured on the test digits).

# %% demo
import csv

from lib import scoreboard
from lib.data import DATA

exact_ones = [row for row in scoreboard.rows() if row.name in ("made", "gated_pixelcnn", "patch_pixelcnn", "pixel_gpt")]
measured = [{"method": row.name, "passes": row.passes, "nats": row.nats, "exact": "yes"} for row in exact_ones]
with open(DATA / "passes.csv", encoding="utf-8", newline="") as file:
    measured += [row | {"passes": int(row["passes"]), "nats": float(row["nats"])} for row in csv.DictReader(file)]
figure, ax = plt.subplots(figsize=(7.6, 4.0))
others, markers = iter(plots.CYCLE[1:]), iter("osD^v<>PX*")
for method in dict.fromkeys(row["method"] for row in measured):
    some = sorted((row["passes"], row["nats"], row["exact"]) for row in measured if row["method"] == method)
    passes, nats, exact = zip(*some, strict=True)
    if set(exact) == {"yes"}:
        ax.plot(passes, nats, next(markers), color=plots.COLOURS["blue"], label=f"exact: {method}")
    else:
        ax.plot(passes, nats, "o-", markersize=4, color=next(others), label=method)
ax.set_xscale("log")
ax.set_yscale("function", functions=(lambda y: np.log(np.maximum(y - 70, 1)), lambda y: np.exp(y) + 70))
ax.set_yticks([80, 85, 90, 100, 120, 160, 200], ["80", "85", "90", "100", "120", "160", "200"])
ax.set(xlabel="passes of the network per digit", ylabel="nats per digit", ylim=(78, 215), title="What a pass saved costs")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=9)
plt.show()

# %% demo varies
figure, axes = plt.subplots(2, 1, figsize=(7.2, 2.6))
scales = [torch.as_tensor(np.asarray(block)) for block in scale_blocks(28)]
plots.digits(any_order.sample(8, torch.Generator().manual_seed(0), blocks=scales), ax=axes[0], title="three scales, three passes")
finer = [piece for block in scales for piece in block[torch.randperm(len(block), generator=torch.Generator().manual_seed(1))].tensor_split(8)]
plots.digits(any_order.sample(8, torch.Generator().manual_seed(0), blocks=finer), ax=axes[1], title="three scales, each in eight passes")
plt.show()

# %% [markdown]
# Read the curves of the plot from the right. From 784 passes to 49 `any_order` loses 0.6 nats: sixteen pixels at once,
# but scattered, and seldom neighbours. Below 49 the price climbs: 2 nats at 28 passes, 4 at 14, and for one pass it is
# nearly that of independent pixels (lesson 3). **Doubling**, one pixel and then as many as there are already, takes 11
# passes and costs 9 nats, since its last block is a third of the picture. **Chosen blocks** have the sizes that cost least for a given number of
# passes. A program finds them from how much an unknown pixel costs when $t$ are known (Hoogeboom et al. 2022): small
# ones first, where every pixel tells much about the rest, and large ones at the end. Rows are dear, as predicted: 28
# passes, and more nats than three scales in *three*. And these three are a partition, and far from exact: three
# quarters of the pixels come in the last pass, and know nothing of each other, as the ragged strokes show. Cut each
# scale into eight random blocks, and most of it is mended. (Models that draw images by next-scale prediction spend a
# large network on each scale, and describe it by few numbers. Which of them are independent given the scales before
# remains the question to ask.)
#
# But look at the blue marks. Models of *one* order, with patches that have a table of their own, take 98 passes and
# no assumption, and are twelve nats better. Fewer passes are one thing; what all orders cost is the next.

# %% [markdown]
# ### Bill three: somebody has to be first
#
# A model in raster order can finish a digit from its upper half. From its lower half it can't, though the joint
# distribution knows the answer. Lesson 4 trained one network on several orders; here is the end of that road:
# **all orders**. The network is given any set of known pixels and says, for every other one, the probability of
# ink. An order is then just the sequence in which one asks. It is trained like this:

# %% figure
from lib.data import load_binary_mnist

one_digit = load_binary_mnist("test")[:1].float()
turn = torch.rand(784, generator=torch.Generator().manual_seed(0)).argsort().argsort()
counts = (0, 200, 500, 700, 770)
shown = torch.cat([torch.where(turn < t, one_digit, 0.4) for t in counts])
figure, ax = plt.subplots(figsize=(7.2, 1.9))
plots.digits(shown, ax=ax)
for i, t in enumerate(counts):
    ax.text(14.5 + 29 * i, 33, f"{t} known\nweight {784 / (784 - t):.2f}", ha="center", va="top", fontsize=9)
plt.show()

# %% [markdown]
# (Grey: hidden.) Draw an order, draw how many of its pixels are known already, $t$ from 0 to $D - 1$, and ask for
# all the others at once. Each of the $D - t$ answers is a fair sample of "the next pixel in a random order",
# so their sum, times $D / (D - t)$, is what all $D$ steps cost, on average:
#
# $$\mathbb{E}_{\text{order},\, t}\left[\frac{D}{D - t} \sum_{i \text{ unknown}} -\log p(x_i \mid
# \text{known})\right] \;=\; \mathbb{E}_{\text{order}}\left[-\log p_{\text{order}}(x)\right].$$
#
# By hand, with $D = 2$: at $t = 0$ (weight 1) both pixels are asked, knowing nothing, $a_1 + a_2$; at $t = 1$
# (weight 2) one knows the other, and is either, $2 \cdot \tfrac12 (b_1 + b_2)$. The mean over the two $t$:
# $\tfrac12 (a_1 + a_2 + b_1 + b_2)$. And the two orders cost $a_1 + b_2$ and $a_2 + b_1$, whose mean is the same.
#
# Read the training once more: *hide some pixels, predict them from the rest*. That is a masked language model
# (BERT), with the share of masks drawn anew and the right weight. And it is a **diffusion model** whose noise is
# erasing: step by step more is hidden, until nothing is left, and the network learns to go back (Austin et al.
# 2021; Hoogeboom et al. 2022). Three names; one loss.
#
# ### Exercise: `mask_and_weight`
#
# <details><summary>Hint</summary>
#
# `argsort` says which pixel is the first, which the second, ... Here the question is the other way round: at which
# place does each pixel stand? (You have met it in lesson 4.) And is an unknown pixel that is shown as 0 a pixel
# without ink?
# </details>

# %% exercise mask_and_weight
def mask_and_weight(x, order_uniforms, t):
    """One training example of an any-order model per row: what is shown, which pixels are known, and the loss's weight.

    x : float tensor (B, D) of 0 and 1. order_uniforms : (B, D), distinct; the smallest comes first in the row's order.
    t : int64 (B,), how many pixels are known already, 0 to D - 1.
    Returns (shown (B, D): x where known, else 0; known (B, D) bool; weight (B,) float: by what the sum of the unknown
    pixels' nats is multiplied, so that over all orders and t it is the NLL of the whole on average).
    """
    ### BEGIN SOLUTION
    place = order_uniforms.argsort(1).argsort(1)  # of each pixel in its row's order
    known = place < t[:, None]
    return torch.where(known, x, 0.0), known, x.shape[1] / (x.shape[1] - t)
    ### END SOLUTION

# %% check mask_and_weight 3 points
x = torch.tensor([[1.0, 1.0, 0.0, 1.0]]).repeat(3, 1)
uniforms = torch.tensor([[0.7, 0.1, 0.6, 0.9], [0.8, 0.3, 0.9, 0.6], [0.2, 0.4, 0.1, 0.3]])
shown, known, weight = mask_and_weight(x, uniforms, torch.tensor([2, 1, 0]))
known = np.asarray(known)
assert known.sum(1).tolist() == [2, 1, 0], f"exactly t pixels are known: 2, 1 and 0, whatever the size of the uniforms; found {known.sum(1)}"
assert known[0].tolist() == [False, True, True, False], "the known ones have the smallest uniforms: 0.1 and 0.6"
assert known[1].tolist() == [False, True, False, False], "each row has an order of its own: 0.3 comes first in the second"
assert np.asarray(shown).tolist() == [[0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]], "x where known (which may be 0), 0 elsewhere"
assert np.allclose(np.asarray(weight), [2.0, 4 / 3, 1.0]), "two of four are left to pay for four: times 2; three of four: times 4 / 3; all: times 1"
### BEGIN HIDDEN TESTS
from autograder.checks import drawbacks as checks
checks.check_mask_and_weight(mask_and_weight)
### END HIDDEN TESTS

# %% [markdown]
# Why is the network told *which* pixels are known, too? Because a 0 means "no ink" where it is known, and nothing
# where it isn't.
#
# ### Exercise: `order_nll`
#
# <details><summary>Hint</summary>
#
# When pixel i is asked, which pixels are known, and is i one of them? For -log p at logits of 10 000: what is
# log(1 + e^z) called in torch, and what sign must z have for a pixel with ink?
# </details>

# %% exercise order_nll
def order_nll(logits_fn, x, order):
    """-log p(x), the pixels taken one by one in the given order: at most D calls of the network, each for the whole batch.

    logits_fn : (shown (B, D) float, 0 where unknown; known (B, D) bool) -> logits (B, D) of every pixel being 1, of
    which only those of unknown pixels mean anything.
    x : float tensor (B, D) of 0 and 1. order : int64 (D,), a permutation. Returns (B,), nats.
    """
    ### BEGIN SOLUTION
    known = torch.zeros_like(x, dtype=torch.bool)
    total = torch.zeros(len(x), dtype=torch.float64)
    for pixel in order.tolist():
        logits = logits_fn(torch.where(known, x, 0.0), known.clone())[:, pixel].double()
        total += F.softplus(torch.where(x[:, pixel] > 0, -logits, logits))
        known[:, pixel] = True
    return total
    ### END SOLUTION

# %% check order_nll 3 points
def counting(shown, known):
    """A network for the check: the logit of every pixel is the number of ones that it sees, less 1 for each 0."""
    assert not bool((shown[~known] != 0).any()), "an unknown pixel is shown as 0, whatever its value"
    return (2 * shown.sum(1) - known.sum(1)).float()[:, None].expand(shown.shape)


def log_loss(z, pixel):
    return math.log1p(math.exp(-z if pixel else z))


x = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
out = np.asarray(order_nll(counting, x, torch.tensor([0, 1, 2])))
assert out.shape == (2,), "one number for each row"
assert np.allclose(out[0], log_loss(0, 1) + log_loss(1, 0) + log_loss(0, 1), atol=1e-5), "1 after nothing, 0 after 1, 1 after 1, 0: logits 0, 1, 0"
out = np.asarray(order_nll(counting, x, torch.tensor([2, 0, 1])))
assert np.allclose(out[0], log_loss(0, 1) + log_loss(1, 1) + log_loss(2, 0), atol=1e-5), "in the order 2, 0, 1 it is 1, 1, 0: logits 0, 1, 2"
assert np.allclose(out[1], log_loss(0, 0) + log_loss(-1, 0) + log_loss(-2, 0), atol=1e-5), "three zeros: logits 0, -1, -2"
calls = []


def sure(shown, known):
    calls.append(1)
    return torch.full(shown.shape, 1e4)


assert np.allclose(np.asarray(order_nll(sure, x, torch.tensor([1, 2, 0]))), [1e4, 3e4]), "at logits of 10 000 a pixel without ink costs 10 000 nats"
assert len(calls) <= 3, f"three pixels, three calls, each for all rows; yours made {len(calls)}"
### BEGIN HIDDEN TESTS
from autograder.checks import drawbacks as checks
checks.check_order_nll(order_nll)
### END HIDDEN TESTS

# %% [markdown]
# Now the equation, by enumeration. Six pixels, a network drawn by chance (untrained: it is an identity, and holds
# for every network), all $6! = 720$ orders, and all six $t$ for each:

# %% demo
numbers = torch.Generator().manual_seed(0)
W_SHOWN, W_KNOWN, W_OUT = torch.randn(3, 16, 6, generator=numbers, dtype=torch.float64)


def drawn_by_chance(shown, known):
    """Some network: (B, 6) and bool (B, 6) to logits (B, 6)."""
    return torch.tanh(shown.double() @ W_SHOWN.T + known.double() @ W_KNOWN.T) @ W_OUT


six = torch.tensor([[1.0, 0.0, 1.0, 1.0, 0.0, 0.0]])
orders = torch.tensor(list(itertools.permutations(range(6))))
over_orders = torch.stack([torch.as_tensor(np.asarray(order_nll(drawn_by_chance, six, order)))[0] for order in orders])
places = orders.argsort(1).double() / 6  # pixel i has place i in its order: the smallest uniform is the first
over_masks = []
for t in range(6):
    parts = mask_and_weight(six.expand(720, 6), places, torch.full((720,), t))
    shown, known, weight = (torch.as_tensor(np.asarray(part)) for part in parts)
    logits = drawn_by_chance(shown, known)
    nats = F.softplus(torch.where(six > 0, -logits, logits))
    over_masks.append((weight * torch.where(known, 0.0, nats).sum(1)).mean())
print(f"mean NLL over 720 orders {over_orders.mean():.6f}, expected loss of masking {torch.stack(over_masks).mean():.6f} nats")
print(f"single orders: from {over_orders.min():.2f} to {over_orders.max():.2f} nats")

# %% [markdown]
# Equal, to the last digit; while single orders differ, as they may, since a network's conditionals need not come
# from one joint distribution. (After training they nearly do.)

# %% [markdown]
# ### Bill four: everything is kept
#
# Attention compares every token with every token before it: $n (n + 1) / 2$ pairs. And to write the next token,
# keys and values of all tokens must be at hand (lesson 7). For a page that is nothing. For a book, an hour of
# sound, a film, it is the whole bill. Here are eight tokens, and three ways to read them: everything; the last
# three; or one note, of one size, that is rewritten with each token.

# %% figure
back = np.arange(8)[:, None] - np.arange(8)
figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.6), width_ratios=(1, 1, 0.3))
panels = {"all before: 36 pairs": (back >= 0) * 2, "three: 21 pairs": (back >= 0) * 1 + ((back >= 0) & (back < 3)), "a state: 8": np.full((8, 1), 2)}
for ax, (title, cells) in zip(axes, panels.items(), strict=True):
    ax.imshow(cells, cmap="Blues", vmin=0, vmax=3)
    ax.set(xticks=[], yticks=[], xlabel="is read" if cells.shape[1] > 1 else "state")
    ax.set_title(title, fontsize=10)
    ax.grid(False)
axes[0].set(ylabel="reads")
plt.show()

# %% demo varies
from lib.models import mixers


def seconds(function):
    """Processor seconds of a call, the least of three; a machine that is busy with other things does not count."""
    function()
    times = []
    for _ in range(3):
        begun = time.process_time()
        function()
        times.append(time.process_time() - begun)
    return min(times)


lengths, took = (128, 256, 512, 1024, 2048), {"full": [], "window 64": [], "linear": [], "recurrence": []}
for n in lengths:
    q, k, v = torch.randn(3, 1, 4, n, 32)
    gate, value = torch.rand(1, n, 128), torch.randn(1, n, 128)
    later = ~torch.ones(n, n, dtype=torch.bool).tril()
    took["full"].append(seconds(lambda q=q, k=k, v=v, later=later: (q @ k.mT).masked_fill(later, -torch.inf).softmax(-1) @ v))
    took["window 64"].append(seconds(lambda q=q, k=k, v=v: mixers.attention(q, k, v, window=64)))
    took["linear"].append(seconds(lambda q=q, k=k, v=v: mixers.linear_attention(q, k, v)))
    took["recurrence"].append(seconds(lambda gate=gate, value=value: mixers.scan(gate, value)))
with open(DATA / "attention_cost.csv", encoding="utf-8", newline="") as file:
    costs = list(csv.DictReader(file))
figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.2))
colours = dict(zip(("full", "window 64", "linear", "recurrence", "fused"), plots.CYCLE, strict=False))
for name, times in took.items():
    axes[0].loglog(lengths, 1000 * np.array(times), "o-", color=colours[name], label=name)
axes[0].set(xlabel="tokens n", ylabel="ms", title="time of one pass, here and now")
axes[0].legend(fontsize=8)
for mixer in dict.fromkeys(row["mixer"] for row in costs):
    some = [(int(row["n"]), float(row["mib"])) for row in costs if row["mixer"] == mixer]
    axes[1].loglog(*zip(*some, strict=True), "o-", color=colours[mixer], label=mixer)
axes[1].set(xlabel="tokens n", ylabel="MiB", title="memory of one pass")
axes[1].legend(fontsize=8)
for ax in axes:
    ax.set_xscale("log", base=2)
plt.show()

# %% [markdown]
# Left: your machine, now. Right: as we measured it, up to 4096 tokens. Full attention climbs with
# slope 2: twice the tokens, four times the work, and four times the memory if the matrix of all pairs is ever
# written down (*fused*: it is not, block by block; the memory is linear then, and the work is what it was). Three
# ways to slope 1:
#
# **A sliding window**: look at the last $w$ tokens only. $n w$ pairs, and keys and values of $w$ tokens are kept.
# What is older comes in only through higher layers, $w - 1$ tokens further with each.
#
# ### Exercise: `sliding_window_mask`
#
# The window counts the token itself.
#
# <details><summary>Hint</summary>
#
# One number decides each entry: how far back is s from t? Which values of it are allowed?
# </details>

# %% exercise sliding_window_mask
def sliding_window_mask(T, window):
    """Who may attend to whom: only to the last `window` positions, itself included.

    window : int, at least 1; from T on it is the causal mask. Returns a bool tensor (T, T), True at [t, s] where position t
    may look at position s.
    """
    ### BEGIN SOLUTION
    back = torch.arange(T)[:, None] - torch.arange(T)
    return (back >= 0) & (back < window)
    ### END SOLUTION

# %% check sliding_window_mask 1 point
out = np.asarray(sliding_window_mask(4, 2))
assert out.dtype == bool, f"True and False are asked for, as ~mask is something else for numbers; found {out.dtype}"
assert out.astype(int).tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]], "the window counts the token itself: two in each row"
assert np.asarray(sliding_window_mask(3, 1)).astype(int).tolist() == np.eye(3).tolist(), "a window of 1 is the token itself"
assert np.asarray(sliding_window_mask(3, 9)).astype(int).tolist() == np.tri(3).tolist(), "a wide window is the causal mask"
### BEGIN HIDDEN TESTS
from autograder.checks import drawbacks as checks
checks.check_sliding_window_mask(sliding_window_mask)
### END HIDDEN TESTS

# %% [markdown]
# **Linear attention** (Katharopoulos et al. 2020). The weight of position $s$ for position $t$ is $e^{q_t \cdot
# k_s}$ in attention, over the sum. Replace it by a product of features, $\varphi(q_t) \cdot \varphi(k_s)$, and the
# sums can be done *in another order*:
#
# $$y_t \;=\; \frac{\sum_{s \le t} \big(\varphi(q_t) \cdot \varphi(k_s)\big)\, v_s}{\sum_{s \le t} \varphi(q_t)
# \cdot \varphi(k_s)} \;=\; \frac{\varphi(q_t)^{\top} S_t}{\varphi(q_t) \cdot z_t}, \qquad S_t = \sum_{s \le t}
# \varphi(k_s)\, v_s^{\top}, \quad z_t = \sum_{s \le t} \varphi(k_s).$$
#
# Left: a matrix of weights, as in attention; all positions at once, for training. Right: a state $(S, z)$ that
# grows by one term each step and never in size; for writing. In numbers, with features of one number: $\varphi(k)
# = 1, 3$, values 10 and 20, $\varphi(q_2) = 2$. Left: weights 2 and 6, so $(2 \cdot 10 + 6 \cdot 20) / 8 = 17.5$.
# Right: $S = 10 + 60 = 70$, $z = 4$, so $2 \cdot 70 / (2 \cdot 4) = 17.5$. The same, and now the order of
# multiplication decides between $n^2$ and $n$.
#
# ### Exercise: `linear_attention` and `linear_attention_step`
#
# Both forms, in one cell. Features: $\varphi(u) = \mathrm{elu}(u) + 1$ (`F.elu`), positive, so that no denominator is 0.
# (On paper: in float32 it is 0 below about -17, so a tiny constant added to the denominator is allowed, and not
# needed for what is asked here.)
#
# <details><summary>Hint</summary>
#
# The parallel form: which line of the attention of lesson 7 changes, and what becomes of the softmax? What must
# happen to weights of later positions *before* the sum? The step: what shapes must φ(k) and v have so that their
# product is (B, H, d, e)?
# </details>

# %% exercise linear_attention
def linear_attention(q, k, v):
    """Causal linear attention over all positions at once, with features phi(u) = elu(u) + 1.

    q, k : float tensors (B, H, T, d). v : (B, H, T, e). Returns (B, H, T, e): at t the mean of v_s over s <= t, weighted
    by phi(q_t) . phi(k_s), each head by itself.
    """
    ### BEGIN SOLUTION
    q, k = F.elu(q) + 1, F.elu(k) + 1
    weights = (q @ k.mT).tril()
    return weights / weights.sum(-1, keepdim=True) @ v
    ### END SOLUTION


def linear_attention_step(q_t, k_t, v_t, state):
    """One position of the same, from a state of fixed size.

    q_t, k_t : float tensors (B, H, d). v_t : (B, H, e). state : None at the first position, then what was returned before,
    such as (S (B, H, d, e), the sum of phi(k_s) v_s; z (B, H, d), the sum of phi(k_s)). Order and layout are yours: a tuple
    of tensors whose size does not depend on the position.
    Returns (y_t (B, H, e), the new state); the state given is not changed.
    """
    ### BEGIN SOLUTION
    q_t, k_t = F.elu(q_t) + 1, F.elu(k_t) + 1
    S, z = k_t[..., None] * v_t[..., None, :], k_t
    if state is not None:
        S, z = state[0] + S, state[1] + z
    return (q_t[..., None] * S).sum(-2) / (q_t * z).sum(-1, keepdim=True), (S, z)
    ### END SOLUTION

# %% check linear_attention 4 points
q, k, v = torch.randn(3, 2, 2, 5, 4, generator=torch.Generator().manual_seed(0))
q, k = q[..., :3], k[..., :3]
out = torch.as_tensor(np.asarray(linear_attention(q, k, v)))
assert out.shape == (2, 2, 5, 4), "(B, H, T, e), here with d = 3 and e = 4"
assert np.allclose(out[:, :, 0], v[:, :, 0], atol=1e-5), "the first position sees itself only: its mean is v_0"
alike = torch.as_tensor(np.asarray(linear_attention(q, k[:, :, :1].expand_as(k), v)))
assert np.allclose(alike[:, :, -1], v.mean(2), atol=1e-5), "if all keys are alike, the last position takes the plain mean"
two = linear_attention(torch.tensor([[[[-1.0, 1.0]] * 2]]), torch.tensor([[[[1.0, -1.0], [-1.0, 1.0]]]]), torch.tensor([[[[10.0], [20.0]]]]))
assert np.allclose(np.asarray(two).ravel(), [10.0, 17.375], atol=1e-3), (
    "features of (-1, 1) are (1/e, 2), those of (1, -1) are (2, 1/e): weights 4/e and 4 + 1/e², of 10 and 20"
)
one_head = torch.as_tensor(np.asarray(linear_attention(q[:, :1], k[:, :1], v[:, :1])))
assert np.allclose(out[:, :1], one_head, atol=1e-5), "a head does not notice whether there is another one"
state, sizes = None, []
for t in range(5):
    before = None if state is None else [np.asarray(part).copy() for part in state]
    y, new = linear_attention_step(q[:, :, t], k[:, :, t], v[:, :, t], state)
    assert np.allclose(np.asarray(y), out[:, :, t], atol=1e-5), f"step {t} should be row {t} of linear_attention"
    assert before is None or all(np.array_equal(a, np.asarray(b)) for a, b in zip(before, state, strict=True)), "the state given is not to be changed"
    sizes, state = [*sizes, sum(np.asarray(part).size for part in new)], new
assert len(set(sizes)) == 1, f"the state has one size, however many steps there were; yours had {sizes} numbers"
### BEGIN HIDDEN TESTS
from autograder.checks import drawbacks as checks
checks.check_linear_attention(linear_attention)
checks.check_linear_attention_step(linear_attention_step)
### END HIDDEN TESTS

# %% [markdown]
# **A gated recurrence**: $h_t = a_t\, h_{t-1} + b_t$, number by number, where $a_t$ and $b_t$ depend on token $t$
# alone and *not on $h$*. That is what an LSTM (lesson 7) is not, and it buys something: since nothing waits for a
# nonlinearity, the recurrence need not be computed step by step.
#
# ### Exercise: `scan`
#
# A loop will do. How it is done in $\log_2 T$ rounds is shown below.
#
# <details><summary>Hint</summary>
#
# What is h before the first step, and so what does the first decay do?
# </details>

# %% exercise scan
def scan(decay, value):
    """h_t = decay_t h_{t-1} + value_t for all t, where h is 0 before the first.

    decay, value : float tensors (B, T, C); a decay may be 0, negative or above 1. Returns h, (B, T, C).
    """
    ### BEGIN SOLUTION
    h, all_of_them = torch.zeros_like(value[:, 0]), []
    for t in range(value.shape[1]):
        h = decay[:, t] * h + value[:, t]
        all_of_them.append(h)
    return torch.stack(all_of_them, dim=1)
    ### END SOLUTION

# %% check scan 2 points
half, ones = torch.full((1, 4, 1), 0.5), torch.ones(1, 4, 1)
assert np.allclose(np.asarray(scan(half, ones)).ravel(), [1, 1.5, 1.75, 1.875]), "half of what was there, plus 1, each time"
assert np.allclose(np.asarray(scan(ones, ones)).ravel(), [1, 2, 3, 4]), "with decay 1 it is a running sum"
reset = torch.tensor([9.0, 1.0, 0.0, 2.0])[None, :, None]
assert np.allclose(np.asarray(scan(reset, ones)).ravel(), [1, 2, 1, 3]), "the first decay meets a 0; a decay of 0 forgets; 2 doubles"
mixed = np.asarray(scan(torch.tensor([-1.0, 0.5]).expand(2, 5, 2), torch.ones(2, 5, 2)))
assert np.allclose(mixed[1], [[1, 1], [0, 1.5], [1, 1.75], [0, 1.875], [1, 1.9375]]), "each channel has its own decay; one of -1 turns the sign"
### BEGIN HIDDEN TESTS
from autograder.checks import drawbacks as checks
checks.check_scan(scan)
### END HIDDEN TESTS

# %% [markdown]
# ### All at once, in $\log_2 T$ rounds · *optional*
#
# Two steps are one step: $a_2 (a_1 h + b_1) + b_2 = (a_2 a_1)\, h + (a_2 b_1 + b_2)$. So let every position swallow
# the one before it; then every position the one *two* before, which has swallowed one itself; then four. With
# decay ½ and values 1:
#
# | | $b_1$ | $b_2$ | $b_3$ | $b_4$ |
# |:--|--:|--:|--:|--:|
# | at first | 1 | 1 | 1 | 1 |
# | after distance 1 (decays are now ¼) | 1 | 1.5 | 1.5 | 1.5 |
# | after distance 2 | 1 | 1.5 | 1.75 | 1.875 |
#
# Two rounds for four steps, ten for a thousand, and each is one operation on whole tensors.

# %% demo varies
def doubling_scan(decay, value):
    distance = 1
    while distance < value.shape[1]:
        value = torch.cat([value[:, :distance], value[:, distance:] + decay[:, distance:] * value[:, :-distance]], 1)
        decay = torch.cat([decay[:, :distance], decay[:, distance:] * decay[:, :-distance]], 1)
        distance *= 2
    return value


gate, value = torch.rand(1, 1024, 64), torch.randn(1, 1024, 64)
print("the same:", torch.allclose(doubling_scan(gate, value), torch.as_tensor(np.asarray(scan(gate, value))), atol=1e-4))
print(f"1024 steps: your loop {1000 * seconds(lambda: scan(gate, value)):.1f} ms, ten rounds {1000 * seconds(lambda: doubling_scan(gate, value)):.1f} ms")

# %% [markdown]
# ### By hand: what it costs
#
# Type your name; it draws a transformer and a text of your own.

# %% exercise student_name
student_name = None  # your name, in quotes
### BEGIN SOLUTION
student_name = "Ada Lovelace"
### END SOLUTION

# %% demo
mine = costs_puzzle(student_name, "09")
mine

# %% [markdown]
# Five numbers:
#
# - `passes`: of the network, to draw n tokens in blocks;
# - `pairs_full`: pairs (t, s) that causal attention computes for n tokens, each token with itself included (in one
#   head of one layer);
# - `pairs_window`: the same with the sliding window;
# - `cache_bytes`: keys and values of n tokens, in all layers and heads (each head has its own);
# - `state_bytes`: S and z of linear attention, in all layers and heads, values as wide as keys.
#
# <details><summary>Hint</summary>
#
# How many positions does the first token see through the window? The second? From which one on is it always the
# same number? And does a state know how long the text is?
# </details>

# %% exercise costs_mine
passes = None  # replace each None by a whole number
pairs_full = None
pairs_window = None
cache_bytes = None
state_bytes = None
costs_mine = [passes, pairs_full, pairs_window, cache_bytes, state_bytes]
### BEGIN SOLUTION
mine = costs_puzzle(student_name, "09")
passes = math.ceil(mine.n / mine.block)
pairs_full = mine.n * (mine.n + 1) // 2
pairs_window = sum(min(t, mine.window) for t in range(1, mine.n + 1))
cache_bytes = 2 * mine.layers * mine.heads * mine.head_size * mine.n * mine.itemsize
state_bytes = mine.layers * mine.heads * (mine.head_size**2 + mine.head_size) * mine.itemsize
costs_mine = [passes, pairs_full, pairs_window, cache_bytes, state_bytes]
### END SOLUTION

# %% check costs_mine 2 points
assert len(costs_mine) == 5, "costs_mine holds five numbers"
for number in costs_mine:
    assert typed(number, "costs_mine") > 0, "each is a number above 0"
mine = costs_puzzle(typed(student_name, "student_name"), "09")
assert costs_mine[0] <= mine.n, "blocks take no more passes than one token at a time"
assert costs_mine[2] < costs_mine[1], "a window saves pairs"
### BEGIN HIDDEN TESTS
from autograder.checks import drawbacks as checks
checks.check_costs_mine(student_name, costs_mine)
### END HIDDEN TESTS

# %% [markdown]
# ### What a fixed state can't hold
#
# So is attention a waste? A task that decides it: **associative recall**. The model reads pairs, `h 3 q 7 ...`,
# and then gets the keys again, in another order, and has to say the values. Whoever keeps everything only has to
# look. Whoever keeps a state of fixed size has to fit all pairs into it *before* knowing which will be asked for.
# Small models of each way of mixing, trained on this alone (`python data/make_recall.py`):

# %% demo
with open(DATA / "recall.csv", encoding="utf-8", newline="") as file:
    recalled = list(csv.DictReader(file))
figure, ax = plt.subplots(figsize=(5.6, 3.3))
for mixer in dict.fromkeys(row["mixer"] for row in recalled):
    some = [row for row in recalled if row["mixer"] == mixer]
    ax.plot([int(row["pairs"]) for row in some], [float(row["accuracy"]) for row in some], "o-", label=mixer)
ax.axhline(1 / 64, color=plots.GREY, linestyle=":")
ax.set_xscale("log", base=2)
ax.set_xticks([4, 8, 16, 32, 64], [4, 8, 16, 32, 64])
ax.set(xlabel="pairs", ylabel="values recalled", title="How many pairs fit?", ylim=(0, 1.05))
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()
most = max(int(row["pairs"]) for row in recalled)
for row in recalled:
    if int(row["pairs"]) == most:
        print(f"{row['mixer']:>24}: {int(row['state_bytes']):,} bytes kept at {most} pairs, {float(row['accuracy']):.0%} recalled")

# %% [markdown]
# Attention misses nothing, and what it keeps grows with every pair. The window is perfect up to the 8 pairs that it
# can see, and falls off a **cliff** there. Linear attention keeps the same few kilobytes however long the text is.
# It has no edge, but a slope: each new pair lies on top of the others, and makes all of them a little harder to
# read. A larger state moves the slope to the right, and does not remove it. The gated recurrence, 32 fading
# averages in each of two layers, has no place to file a value under a key, and fails almost at once. (All have two
# layers of 32. Linear attention and the recurrence were trained for more than three times as many steps as the other
# two; three times as many again, and linear attention recalled no more.)

# %% demo
with open(DATA / "mixers.csv", encoding="utf-8", newline="") as file:
    for row in csv.DictReader(file):
        print(f"{row['mixer']:>24}: {float(row['nats']):.3f} nats per character, {float(row['ms_per_step']):.0f} ms per training step,", end="")
        print(f" keeps {int(row['state_bytes']):,} bytes after 128 characters")

# %% [markdown]
# And on real text? The same ways of mixing, twice as wide, after one reading of a million characters of Shakespeare:
# the order is turned round. The recurrence, which can't recall four pairs, has the best loss. Most letters follow
# from the last few, and fading averages of these are what it has by construction, while attention must first learn
# where to look (in so short a training it has not got far, and it is given no positions but a convolution over
# three). So a loss averaged over all tokens says little about recall, and a short training little about a long one.
# Measure what you need. In practice the ways are *mixed*: many cheap layers of windows or recurrences, and full
# attention in every fourth or eighth, for what must be looked up.

# %% [markdown]
# ## Watch it work
#
# ### Any hole filled · *optional*
#
# One network of all orders, on digits that it has never seen. Grey is what is hidden from it; three ways to fill
# each hole.

# %% demo varies
test_digits = load_binary_mnist("test").float()
rows, columns = np.divmod(np.arange(784), 28)
holes = {
    "the upper half": rows < 14,
    "the middle": (abs(rows - 13.5) < 5) & (abs(columns - 13.5) < 5),
    "every second column": columns % 2 == 1,
    "nine pixels of ten": np.random.default_rng(0).random(784) < 0.9,
}
figure, axes = plt.subplots(len(holes), 1, figsize=(7.2, 5.2))
for ax, (name, hole), i in zip(axes, holes.items(), (3, 7, 11, 19), strict=True):
    x, known = test_digits[i : i + 1].expand(3, -1), torch.from_numpy(~hole)
    shuffled = torch.randperm(784, generator=torch.Generator().manual_seed(1))
    filled = any_order.fill(x, known, torch.Generator().manual_seed(0), blocks=list(shuffled.tensor_split(64)))
    hidden = torch.where(known, x[:1], 0.4)
    plots.digits(torch.cat([x[:1], hidden, filled]), ax=ax)
    ax.set_title(f"the digit; without {name}; filled three times", loc="left", fontsize=10)
plt.show()

# %% [markdown]
# ### One model, four orders
#
# And what does it cost to be able to do this? First: the same network on the same digits, taken in four orders,
# pixel by pixel, 784 passes each.

# %% demo
with open(DATA / "orders.csv", encoding="utf-8", newline="") as file:
    four = list(csv.DictReader(file))
figure, ax = plt.subplots(figsize=(6.4, 0.8 + 0.4 * len(four)))
ax.errorbar(
    [float(row["difference"]) for row in four], range(len(four)), xerr=[float(row["standard_error"]) for row in four], fmt="o"
)
ax.set_yticks(range(len(four)), [f"{row['order']}: {float(row['nats']):.2f}" for row in four])
ax.axvline(0, color=plots.GREY, linestyle=":")
ax.set(xlabel=f"nats per digit above “{four[0]['order']}”", ylim=(len(four) - 0.4, -0.6))
plt.show()

# %% [markdown]
# (The first fifty digits, which happen to be easy ones: hence 88.01 for a random order here, and 92.15 over two
# thousand digits in the plot of passes. The bars are the error of the *difference*, which is smaller than that of the
# numbers.) One set of weights, four distributions over digits that are nearly one, and not quite: scattered orders
# cost it some two nats less than those that go row by row. Why? It was trained on scattered pixels. A past that is
# the solid upper half of a digit it has hardly ever seen: exposure, once more. And `any_order` is behind the better
# models of one order, since these weights have to serve $784!$ of them.
#
# ### The whole scoreboard

# %% demo
from lib import scoreboard

scoreboard.draw("09")
plt.show()

# %% demo
scoreboard.table("09")

# %% [markdown]
# From independent pixels to the last lines, in one unit, on the same digits. Three things to take from it. Most nats
# were gained by the first steps: to condition at all, then to share weights. What came later was bought with more
# computing for each digit, as the columns of milliseconds tell. And the model of all orders is thirteen nats behind the
# best of one order, though it is not small: the price of being able to fill any hole.

# %% [markdown]
# ### The other ways · *optional*
#
# Four other families, and what each of them bought and paid. In each row something is exact, or fast, that is not
# in the others.

# %% demo
scoreboard.paradigms()

# %% [markdown]
# They are less far apart than a table looks. MADE with Gaussian conditionals *is* a flow, one that is fast in one
# direction and slow in the other (Papamakarios et al. 2017). A diffusion model is a chain of conditionals whose
# order goes from noise to picture (lesson 1), and masked diffusion is the average over all autoregressive orders,
# as you have enumerated. A VAE with an autoregressive decoder can say everything in two ways, and often leaves one
# idle. Ask of anything new: what is exact, how many passes, and which independence has been assumed?

# %% [markdown]
# ## Play
#
# How many pairs fit? A memory of linear attention with keys of size $d$, without any training: pairs are stored,
# then each key asks for its value. On the left, who is given weight (a cross where another value comes back); on
# the right, recall against the number of pairs.

# %% demo
from lib.controls.memory import draw_memory

draw_memory()
plt.show()

# %% demo varies
from lib.controls.memory import memory

memory()

# %% [markdown]
# Things to try (run the cell above in Jupyter to get the controls):
#
# 1. Keys of size 8, far apart: at how many pairs does the first one get lost? And of size 16?
# 2. Beyond the cliff, who gives back the wrong value? Look for the second diagonal.
# 3. Keys at random: what happens to the cliff, and why does training matter so much?
# 4. Attention has the *same* keys. Why can it tell apart two that lie close together? (What does $e^x$ do to a small
#    difference, and what does $\varphi$?)

# %% [markdown]
# ## Spot the causality bug
#
# Two texts of three tokens each stand packed behind one another, tokens 0 to 2 and 3 to 5, so that no place is lost
# to padding. Row t may read the tokens *of its own text*, up to t itself, and nothing else: not what comes later,
# and not the other text. Two heads. Six colleagues; all of it has happened, and some of it is sound.

# %%
KINDS = 9
numbers = torch.Generator().manual_seed(9)
TABLE = torch.randn(KINDS, 4, generator=numbers)
W_Q, W_K, W_V = torch.randn(3, 4, 4, generator=numbers)
TEXT = torch.tensor([0, 0, 0, 1, 1, 1])  # which text each token belongs to
PLACE = torch.arange(6)
OWN = (TEXT[:, None] == TEXT) & (PLACE[:, None] >= PLACE)  # [t, s]: what row t may read


def heads(x, weight):
    return (x @ weight.T).reshape(6, 2, 2).transpose(0, 1)  # (2 heads, 6, 2)


def phi(u):
    return F.elu(u) + 1


def read(tokens):
    x = TABLE[tokens]
    return heads(x, W_Q), heads(x, W_K), heads(x, W_V)


def candidate_A(q, k, v):  # attention with a window of two: "look back by two"
    near = OWN & (PLACE[:, None] - PLACE <= 2)
    return torch.softmax(torch.where(near, q @ k.mT / 2**0.5, -torch.inf), dim=2) @ v


def candidate_B(q, k, v):  # linear attention: "the sum above is causal; the one below only makes it a mean"
    q, k = phi(q), phi(k)
    below = torch.stack([k[:, text == TEXT].sum(1) for text in TEXT], dim=1)
    return torch.where(OWN, q @ k.mT, 0.0) @ v / (q * below).sum(2, keepdim=True)


def candidate_C(q, k, v):  # linear attention: "all normalisers at once, from all queries and all keys, before anything else"
    q, k = phi(q), phi(k)
    below = torch.cat([k[:, text == TEXT].cumsum(1) for text in (0, 1)], dim=1)
    return torch.where(OWN, q @ k.mT, 0.0) @ v / (q * below).sum(2, keepdim=True)


def candidate_D(q, k, v):  # linear attention: "the keys are summed up by cumsum, as they should; over axis 0"
    q, k = phi(q), phi(k)
    return torch.where(OWN, q @ k.mT, 0.0) @ v / (q * k.cumsum(0)).sum(2, keepdim=True)


def candidate_E(q, k, v):  # a gated recurrence: "one state, and on it goes"
    decay, h, rows = torch.sigmoid(q), torch.zeros(2, 2), []
    for t in range(6):
        h = decay[:, t] * h + (1 - decay[:, t]) * v[:, t]
        rows.append(h)
    return torch.stack(rows, dim=1)


def candidate_F(q, k, v):  # the same, anew for each text, and each value mixed with the one before it (a short convolution)
    v, decay, h, rows = (v + torch.roll(v, 1, dims=1)) / 2, torch.sigmoid(q), torch.zeros(2, 2), []
    for t in range(6):
        if t == 3:  # the second text begins
            h = torch.zeros(2, 2)
        h = decay[:, t] * h + (1 - decay[:, t]) * v[:, t]
        rows.append(h)
    return torch.stack(rows, dim=1)


def probe(candidate):
    """What each row depends on, bool (6, 6): [t, s]. Tried at many random tokens."""

    def rows(tokens):
        return candidate(*read(tokens)).transpose(0, 1)  # (6, 2 heads, 2): the rows first

    return dependence(rows, torch.tensor([3, 1, 4, 1, 5, 2]), n_values=KINDS, probes=64)

# %% [markdown]
# Decide first, then let the probe confirm it, as here for a sound one. What must not be there is
# `probe(candidate) & ~OWN.numpy()`. **Positions and heads count from 0.**

# %% demo
def sound(q, k, v):
    return torch.softmax(torch.where(OWN, q @ k.mT / 2**0.5, -torch.inf), dim=2) @ v


figure, ax = plt.subplots(figsize=(3.3, 3.2))
plots.dependence_matrix(probe(sound), ax=ax, sees_itself=True, title="a sound one")
plt.show()
print("leaks:", np.argwhere(probe(sound) & ~OWN.numpy()).tolist())

# %% [markdown]
# ### Exercise: what leaks into what
#
# For each candidate the leaks as pairs `(row, token)`, `[]` if there is none. Two of the causal ones
# have something else wrong, that no probe for leaks can find:
#
# - `beyond_A`: the pairs `(row, token)` that a window of two, by this lesson's count, would not read, and A does;
# - `off_D`: the pairs `(row, head)` of D whose weights do not sum to 1, for the tokens 3, 1, 4, 1, 5, 2.
#
# <details><summary>Hint</summary>
#
# A: how many tokens does row 2 read? Is a token of another text in the past, because it stands to the left? In B
# and in C, which keys are in the denominator of row t? What does a weighted mean give if all values are 1? And what does
# `torch.roll` do with the end?
# </details>

# %% exercise found_leaks
leaks_A = None  # replace each None by a list of pairs (row, token), [] if there is no leak
beyond_A = None
leaks_B = None
leaks_C = None
leaks_D = None
off_D = None  # pairs (row, head)
leaks_E = None
leaks_F = None
### BEGIN SOLUTION
leaks_A, beyond_A = [], [(2, 0), (5, 3)]
leaks_B = [(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5)]  # later keys, below the line
leaks_C = []
leaks_D, off_D = [], [(t, head) for t in range(6) for head in range(2) if (t, head) not in [(0, 0), (3, 0)]]
leaks_E = [(t, s) for t in range(3, 6) for s in range(3)]
leaks_F = [(0, 5), (1, 5), (2, 5), (3, 2), (4, 2), (5, 2)]
### END SOLUTION

# %% check found_leaks 3 points
lists = {"leaks_A": leaks_A, "beyond_A": beyond_A, "leaks_B": leaks_B, "leaks_C": leaks_C}
lists |= {"leaks_D": leaks_D, "off_D": off_D, "leaks_E": leaks_E, "leaks_F": leaks_F}
for name, value in lists.items():
    pairs = [np.shape(pair) for pair in typed(value, name)]
    assert all(shape == (2,) for shape in pairs), f"{name}: a list of pairs, such as [(0, 2), (1, 2)]"
### BEGIN HIDDEN TESTS
from autograder.checks import drawbacks as checks
checks.check_found_leaks(**lists)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: repair E
#
# For a whole batch of packed rows, and with your `scan`, if you like: each text begins with a state of 0.
#
# <details><summary>Hint</summary>
#
# What does a step forget if its decay is large, and what if it is small?
# </details>

# %% exercise repaired_E
def repaired_E(decay, value, first):
    """The states h_t = decay_t h_{t-1} + value_t of texts packed behind one another, each beginning with h = 0 before it.

    decay, value : float tensors (B, T, C). first : bool (B, T), True where a text begins; at place 0 one begins anyway.
    Returns h, (B, T, C). What is given is not changed.
    """
    ### BEGIN SOLUTION
    return scan(decay.masked_fill(first[..., None], 0.0), value)
    ### END SOLUTION

# %% check repaired_E 2 points
decay, value = torch.full((2, 5, 1), 0.5), torch.ones(2, 5, 1)
beginnings = [[True, False, True, False, False], [False, False, False, True, True]]
first = torch.tensor(beginnings)
out = np.asarray(repaired_E(decay, value, first))[..., 0]
assert np.allclose(out[0], [1, 1.5, 1, 1.5, 1.75]), f"a text begins at 0 and at 2, each with nothing before it; found {out[0]}"
assert np.allclose(out[1], [1, 1.5, 1.75, 1, 1]), f"each row has texts of its own: here they begin at 0, 3 and 4; found {out[1]}"
assert decay.eq(0.5).all() and value.eq(1).all() and first.tolist() == beginnings, "what is given is not to be changed"
### BEGIN HIDDEN TESTS
from autograder.checks import drawbacks as checks
checks.check_repaired_E(repaired_E)
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Where all this was found (open it when your answers are in)</summary>
#
# - **A**: does a window of w count the token itself? In one library the setting counted how far to look *back*, so
#   that one token more was read than models were trained with (issue 39408 of github.com/huggingface/transformers).
#   Two programs that differ by one in this give almost the same text: issue 3385 of github.com/vllm-project/vllm
#   asks which of them is right.
# - **B** and **C**: is a normaliser that is computed from all queries and all keys a leak? Somebody asked it of C's
#   form (issue 111 of github.com/idiap/fast-transformers), and the answer was no: a cumulative sum of keys knows of
#   no later one. B leaves the cumulative sum out, and every row's scale tells of the future.
# - **D**: the cumulative sum ran over the axis of the heads, was put right, and after a refactoring of the axes was
#   wrong again (pull request 594 and issue 850 of github.com/fla-org/flash-linear-attention). Causal, and no mean. A
#   relative of it: the state of a continued text carried S and forgot z (pull request 268 there).
# - **E**: states that ran on from text to text in packed batches (pull request 1686 of github.com/THUDM/slime, pull
#   request 2147 of github.com/NVIDIA-NeMo/Automodel), and between calls (pull request 2565 of
#   github.com/langchain-ai/langchain). The cure by a decay of 0: issue 20 of
#   github.com/fla-org/flash-linear-attention.
# - **F**: `torch.roll` brings the end to the front (issue 90 of github.com/JIA-Lab-research/LongLoRA).
#
# </details>

# %% [markdown]
# ## Take it with you
#
# ### Pitfalls
#
# - **A gap without a control** is no exposure bias. A poor model draws poor tokens after real pasts as well.
# - **A model that judges itself** finds its own samples cheaper than the data. Use the true process, or another
#   model, and say which.
# - **A remedy may have the wrong optimum.** Ask what a method would learn from infinite data before you ask how it
#   trains.
# - **Passes are not seconds.** Sixteen passes of a network that reads everything anew can take longer than 784 cached
#   steps. State both.
# - **A partition is exact; a product within a block is not.** "Next-scale prediction" says nothing about nats until
#   it is said how the tokens of a scale are drawn.
# - **A weight of $D/(D-t)$ left out** gives a loss that trains, and that is no likelihood.
# - **A window of w**: with the token itself, or without? An off-by-one that changes nothing in the loss breaks
#   loaded weights.
# - **A state must be set to 0** where a new text begins, in a batch, in a packed row, between two calls.
# - **Average loss hides recall.** Two models with the same nats per token may differ in whether they can look
#   something up.
#
# ### Self-check: six questions

# %% practice
from lib.practice import choice, numeric, quiz

quiz(
    numeric(
        "Two tokens are always equal, 0 or 1 with probability ½ each. By how many nats is a draw in one pass dearer than in two?",
        0.693, "Their mutual information, ln 2: two independent tokens cost 1.386, the pair 0.693.", tolerance=0.005,
        hint="Not yet: what does each token cost by itself, and what does the pair cost?",
    ),
    choice(
        "Samples cost the judge 0.5 nats per step more than data; letters drawn by the model after real pasts 0.4 more. Exposure bias?",
        "0.1 nats per step.",
        "What the model would get wrong after a real past, too, is no matter of exposure.",
        {
            "0.5 nats per step.": "That includes the model's ordinary errors: look at the control.",
            "0.9 nats per step.": "The control is part of the gap, not added to it.",
        },
    ),
    choice(
        "Scheduled sampling at share 1, infinite data, a network as large as you like. What does it learn?",
        "The marginal of each token, whatever it reads.",
        "What it reads comes from another draw than what it is to predict.",
        {
            "The true conditionals, more slowly.": "That is the optimum at share 0 only.",
            "Conditionals that are robust to its own errors.": "That is what is hoped for. Compute the minimiser.",
        },
    ),
    numeric(
        "Of 10 pixels 6 are known in a training step of a masked model. The other four cost 2 nats together. What does the step add to the loss?",
        5.0, "2 times 10 / 4.", tolerance=0.01,
        hint="Not yet: four answers stand for how many steps?",
    ),
    choice(
        "Causal attention on 1000 tokens takes 20 ms, the arithmetic being all. On 4000 tokens, with a window of 500?",
        "About 80 ms: roughly 4000 · 500 pairs against 1000 · 1000 / 2.",
        "Two million pairs against half a million.",
        {
            "About 320 ms.": "That would be full attention: sixteen times the pairs.",
            "About 20 ms.": "The window keeps the price of each token fixed; there are four times as many tokens, and each sees as many as the average one did before.",
        },
    ),
    choice(
        "Linear attention with keys of size d reads pairs of a key and a value. Recall breaks down beyond about d pairs. Why?",
        "The features of more than d keys can't all be orthogonal, so what is asked for comes mixed with others.",
        "In the control: the second diagonal.",
        {
            "The state overflows.": "It is a sum; it takes any number of terms, and mixes them.",
            "The decay has forgotten the first ones.": "There is no decay here: all are in it, one on top of the other.",
        },
    ),
)

# %% [markdown]
# ### Flashcards

# %% practice
from lib.practice import flashcards

flashcards(
    [
        ("Exposure bias", "What samples cost beyond letters drawn after real pasts; grows for a few steps, then stays"),
        ("Scheduled sampling", "Reads its own tokens, predicts the data's: at share 1 the optimum is the marginal"),
        ("A second stage with the right optimum", "Own text, and an oracle that says what comes next there"),
        ("Drift, and what helps", "Errors that add up where the past is a sum; memory averages them, grounding resets them"),
        ("Price of drawing two tokens at once", "Their mutual information, given what is known"),
        ("Next-scale prediction", "Coarse to fine: a partition, exact; a scale drawn in one pass is an approximation"),
        ("Any-order model", "Known pixels in, logits of all others out; order by order, or in blocks"),
        ("Masked diffusion's loss", "D / (D - t) times the nats of the unknown = mean NLL over all orders"),
        ("Sliding window", "The last w tokens, itself included: n w pairs, w keys and values kept"),
        ("Linear attention", "phi(q) S / phi(q) z: a matrix in training, a state of fixed size in writing"),
        ("Scan", "h = a h + b, a and b not from h: log2 T rounds instead of T steps"),
        ("Recall", "What a fixed state loses: beyond its size, pairs come back mixed"),
    ],
    title="Drawbacks",
)

# %% [markdown]
# ### The one-line version
#
# **The chain rule is exact, and it bills you for it: a past of your own making, one step after another, an order,
# and a memory of everything; each bill can be lowered, and whoever lowers one should say in which coin it is paid.**
#
# ### Further reading
#
# - S. Bengio et al., *Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks*, NeurIPS 2015
#   (arXiv 1506.03099); F. Huszár, *How (not) to Train your Generative Model*, 2015 (arXiv 1511.05101).
# - T. He et al., *Exposure Bias versus Self-Recovery: Are Distortions Really Incremental for Autoregressive Text
#   Generation?*, EMNLP 2021 (arXiv 1905.10617). The control of this lesson.
# - S. Ross, G. Gordon & D. Bagnell, *A Reduction of Imitation Learning and Structured Prediction to No-Regret Online
#   Learning*, AISTATS 2011 (arXiv 1011.0686). DAgger.
# - K. Tian et al., *Visual Autoregressive Modeling: Scalable Image Generation via Next-Scale Prediction*, NeurIPS 2024
#   (arXiv 2404.02905); S. Reed et al., *Parallel Multiscale Autoregressive Density Estimation*, ICML 2017 (arXiv
#   1703.03664).
# - B. Uria, I. Murray & H. Larochelle, *A Deep and Tractable Density Estimator*, ICML 2014 (arXiv 1310.1757): all
#   orders, and the loss. J. Austin et al., *Structured Denoising Diffusion Models in Discrete State-Spaces*, NeurIPS
#   2021 (arXiv 2107.03006); E. Hoogeboom et al., *Autoregressive Diffusion Models*, ICLR 2022 (arXiv 2110.02037).
# - A. Katharopoulos et al., *Transformers are RNNs*, ICML 2020 (arXiv 2006.16236).
# - E. Martin & C. Cundy, *Parallelizing Linear Recurrent Neural Nets Over Sequence Length*, ICLR 2018 (arXiv
#   1709.04057); A. Gu & T. Dao, *Mamba*, 2023 (arXiv 2312.00752).
# - S. Arora et al., *Zoology: Measuring and Improving Recall in Efficient Language Models*, 2023 (arXiv 2312.04927).
# - D. Kingma & M. Welling, *Auto-Encoding Variational Bayes*, ICLR 2014 (arXiv 1312.6114); L. Dinh et al., *Density
#   Estimation using Real NVP*, ICLR 2017 (arXiv 1605.08803); J. Ho et al., *Denoising Diffusion Probabilistic Models*,
#   NeurIPS 2020 (arXiv 2006.11239); I. Goodfellow et al., *Generative Adversarial Nets*, NIPS 2014 (arXiv 1406.2661); G.
#   Papamakarios et al., *Masked Autoregressive Flow*, NIPS 2017 (arXiv 1705.07057).
#
# That was the last lesson. Nine of them, and one equation. The final exam, `10_exam`, asks twelve questions over all of
# them, and they are yours alone: your name draws them.

