# %% [markdown]
# # 03 · NADE: one hidden layer shared by every conditional
#
# **Promise.** After this lesson you can build a neural network that gives an exact probability to a
# handwritten digit, draws new ones, completes halves, and picks out the odd ones; and you can do it at the
# price of one hidden layer instead of 784.
#
# **Time.** 50 minutes to read, 130 to practise; sections marked *optional* hold no exercise and are not
# counted. **You need.** Lessons 1 and 2 (the chain rule, the negative log-likelihood), logistic regression, and
# PyTorch tensors with two axes.
#
# In lesson 2 the conditionals of a name were a table of counts, with one row for each last letter. Images need a
# longer past: a pixel depends on hundreds of others, hardly any such past is ever seen twice, and there is nothing
# to count. This lesson replaces the table by a small network that reads the whole past, and lets all conditionals
# share it.

# %%
import itertools
import math
import sys

import matplotlib.pyplot as plt
import numpy as np
import torch

sys.path.insert(0, "../..")  # `lib` is the one of the folder that this notebook lies in
from lib import plots
from lib.byhand import agrees, personal_numbers, typed
from lib.causality import dependence, describe, leaks
from lib.errors import short_errors

plots.use_style()
short_errors()

# %% [markdown]
# ## A picture first
#
# A small black-and-white picture of a digit is 784 pixels, each lit (1, ink) or not (0, paper). Three sheets
# of them. Only the first holds what people wrote; the other two were drawn by models that learned from
# 60 000 such digits. Above each model: how many nats it pays, on average, for a digit that it has never seen.

# %% figure
from lib.data import load_binary_mnist
from lib.training import mean_nll
from lib.weights import load

test = load_binary_mnist("test")
figure, axes = plots.panels(3, width=2.45, height=2.85)
plots.digits(test[:25], columns=5, ax=axes[0], title="written by people\n")
titles = {"bernoulli": "each pixel on its own", "nade": "pixel after pixel"}
for ax, (name, title) in zip(axes[1:], titles.items(), strict=True):
    model = load(name)
    samples = model.sample(25, torch.Generator().manual_seed(3))
    nats = mean_nll(model, test[::10])
    plots.digits(samples, columns=5, ax=ax, title=f"{title}\n{nats:.0f} nats per digit")
plt.show()

# %% [markdown]
# The sheet in the middle treats the pixels as 784 independent coins. Each coin has learned how often its
# pixel is lit, and the result is a cloud of average ink. Every single coin is right, and the picture is
# wrong, because writing is all dependence: a stroke goes on where it came from.
#
# The sheet on the right tosses coins as well, 784 of them, one after the other. But before each toss it looks
# at all tosses so far and bends the coin accordingly. That is the chain rule of lesson 1 with a network in
# it, and the network is this lesson: **NADE**, the neural autoregressive distribution estimator (Larochelle &
# Murray 2011; Uria et al. 2016).

# %% [markdown]
# ## The idea
#
# ### Coins that look at earlier coins
#
# Put the pixels in an order, say line by line from the top left: **raster order**. The chain rule says
#
# $$p_\theta(x) \;=\; \prod_{d=1}^{D} p_\theta(x_d \mid x_{<d}), \qquad D = 784,$$
#
# and since a pixel is lit or not, each conditional is *one number*, the probability of being lit. (Pixels
# count from 1 in formulas and from 0 in code.) As a table, the last one would have $2^{783}$ rows. So make it
# a function. The simplest is a logistic regression on the earlier pixels:
#
# $$p_\theta(x_d = 1 \mid x_{<d}) = \sigma\Big(b_d + \sum_{s<d} W_{ds}\, x_s\Big), \qquad
# \sigma(a) = \frac{1}{1 + e^{-a}}.$$
#
# What stands in the parentheses is the **logit**, any real number: 0 for a fair coin, positive for "rather
# lit". This model is called the **fully visible sigmoid belief net**, FVSBN (Neal 1992). It has one weight
# for every pair of pixels and no way of saying "lit if *exactly one* of these two is lit": each earlier pixel
# casts its vote, and votes only add up.
#
# So give each conditional a hidden layer of $H$ units. With a few hundred of them, 784 separate networks
# would have more weights than the whole training set has pixels. NADE's idea is to **share**. Let pixel $s$
# say what it has to say to the hidden units once, in a column $W_{\cdot s}$ of $H$ numbers, and let every
# later pixel use that same column:
#
# $$h_d = \sigma\Big(c + \sum_{s<d} W_{\cdot s}\, x_s\Big), \qquad
# p_\theta(x_d = 1 \mid x_{<d}) = \sigma\big(b_d + V_d \cdot h_d\big).$$
#
# That is an ordinary network with one hidden layer, run $D$ times, each time on one pixel more. And now look
# at the sums inside. The one for pixel $d+1$ is the one for pixel $d$ *plus one column*:
#
# $$a_1 = c, \qquad a_{d+1} = a_d + W_{\cdot d}\, x_d.$$

# %% figure
figure, ax = plt.subplots(figsize=(7.2, 3.7))
blue, green, arrow = plots.COLOURS["blue"], plots.COLOURS["green"], {"arrowstyle": "-|>", "color": plots.GREY}
for i in range(4):
    last = i == 3
    edge = "#bdbdbd" if last else blue
    ax.plot(i, 0, "o", markersize=25, color=edge, markerfacecolor="white", markeredgewidth=1.6)
    ax.text(i, 0, f"$x_{i + 1}$", ha="center", va="center", color="#9a9a9a" if last else "black")
    for y, text, colour in ((1, f"$a_{i + 1}$", "#e9e9e9"), (1.85, f"$h_{i + 1}$", "#d3e6f2")):
        ax.add_patch(plt.Rectangle((i - 0.2, y - 0.17), 0.4, 0.34, facecolor=colour, edgecolor=plots.GREY))
        ax.text(i, y, text, ha="center", va="center")
    given = "" if i == 0 else r"\mid x_{<" + str(i + 1) + "}"
    ax.text(i, 2.68, rf"$p_\theta(x_{i + 1}{given})$", ha="center", va="center", color=green)
    ax.annotate("", (i, 1.66), (i, 1.19), arrowprops=arrow)
    ax.annotate("", (i, 2.53), (i, 2.04), arrowprops=arrow)
    ax.text(i + 0.06, 2.26, f"$V_{i + 1},\\ b_{i + 1}$", fontsize=10, color=plots.GREY, va="center")
    if i == 0:
        ax.text(i + 0.06, 1.43, r"$\sigma$", fontsize=11, color=plots.GREY, va="center")
    if not last:
        ax.annotate("", (i + 0.78, 1), (i + 0.22, 1), arrowprops=arrow | {"color": "black", "linewidth": 1.8})
        ax.annotate("", (i + 0.8, 0.84), (i + 0.17, 0.17), arrowprops=arrow | {"color": blue})
        added = rf"$+\ W_{{\cdot {i + 1}}}\,x_{i + 1}$"
        ax.text(i + 0.56, 0.36, added, fontsize=10.5, color=blue, va="center")
ax.annotate("", (-0.22, 1), (-0.62, 1), arrowprops=arrow)
ax.text(-0.7, 1, "$c$", ha="right", va="center")
ax.text(3.3, 0, "used by nobody", fontsize=10, color="#9a9a9a", va="center")
ax.set(xlim=(-0.95, 4.15), ylim=(-0.35, 2.95), title="The running sum: nothing is computed twice")
ax.axis("off")
plt.show()

# %% [markdown]
# One sum walks through the image from left to right. At each pixel you first read the sum off (squash it to
# $h_d$, weigh it with $V_d$, out comes the conditional) and *then* add the pixel's own column. If these two
# steps change places, each pixel helps to predict itself, and the result is no probability any more; the drill
# below shows it.
#
# NADE has **no masks**. What keeps pixel $d$ from looking at itself and at later pixels is the order in which
# things are computed: their columns have not been added yet. A network that computes everything at once has to
# be kept from looking in another way, and that is what the masks of lesson 4 (MADE) are for. The two are often
# confused.

# %% [markdown]
# ### Small numbers
#
# Three pixels, two hidden units, and the image $x = (1, 1, 0)$. The weights are
#
# $$W = \begin{pmatrix} 1 & 2 & 9 \\ -1 & 0 & 9 \end{pmatrix},\quad
# c = \begin{pmatrix} -1 \\ 1 \end{pmatrix},\quad
# V = \begin{pmatrix} 1 & 1 \\ 2 & 0 \\ -1 & 2 \end{pmatrix},\quad
# b = \begin{pmatrix} -1 \\ 0 \\ 0 \end{pmatrix}.$$
#
# | $d$ | sum $a_d$ | $h_d = \sigma(a_d)$ | logit $b_d + V_d \cdot h_d$ | $p(\text{lit})$ | $x_d$ | nats |
# |:--|:--|:--|:--|--:|--:|--:|
# | 1 | $c = (-1,\ 1)$ | $(0.27,\ 0.73)$ | $-1 + 0.27 + 0.73 = 0$ | 0.50 | 1 | 0.693 |
# | 2 | $a_1 + (1, -1) = (0,\ 0)$ | $(0.50,\ 0.50)$ | $0 + 2 \cdot 0.50 = 1$ | 0.73 | 1 | 0.313 |
# | 3 | $a_2 + (2,\ 0) = (2,\ 0)$ | $(0.88,\ 0.50)$ | $-0.88 + 2 \cdot 0.50 = 0.12$ | 0.53 | 0 | 0.755 |
#
# The image costs $0.693 + 0.313 + 0.755 = 1.76$ nats. The nines in the last column of $W$ were never touched:
# no pixel comes after the third. Here are the same weights as tensors, for you to test your code with.

# %%
def tiny():
    """The weights above: W (H, D), V (D, H), b (D,) and c (H,), made anew at each call."""
    W = torch.tensor([[1.0, 2.0, 9.0], [-1.0, 0.0, 9.0]])
    V = torch.tensor([[1.0, 1.0], [2.0, 0.0], [-1.0, 2.0]])
    return W, V, torch.tensor([-1.0, 0.0, 0.0]), torch.tensor([-1.0, 1.0])

# %% [markdown]
# ### By hand: a network of your own
#
# Type your name. It draws the weights of a network for you: other names get others.

# %% exercise student_name
student_name = None  # your name, in quotes
### BEGIN SOLUTION
student_name = "Ada Lovelace"
### END SOLUTION

# %% demo
k = personal_numbers(student_name, "03", 1, 6, 11)
print("                  W                         ")
print("          pixel 1  pixel 2  pixel 3      c    V_3")
print(f"hidden 1 {k[0]:6d} {-k[1]:8d} {k[2]:8d} {-k[6]:8d} {k[8]:6d}")
print(f"hidden 2 {-k[3]:6d} {k[4]:8d} {k[5]:8d} {k[7]:8d} {-k[9]:6d}")
print(f"\nb_3 = {-k[10]}, and your image is x = (1, 0, 1)")

# %% [markdown]
# What is the **logit of your third pixel**, $b_3 + V_3 \cdot h_3$, given the first two? You need a pocket
# calculator with an $e^x$ key, twice. An answer within 0.01 counts.
#
# <details><summary>Hint</summary>
#
# Start from $c$. Which columns of $W$ are added before the third pixel is predicted, and what does a pixel
# that is 0 add?
# </details>

# %% exercise logit_mine
logit_mine = None  # replace None by your number
### BEGIN SOLUTION
k = personal_numbers(student_name, "03", 1, 6, 11)
sums = [k[0] - k[6], k[7] - k[3]]  # c plus the column of pixel 1
h = [1 / (1 + math.exp(-a)) for a in sums]
logit_mine = -k[10] + k[8] * h[0] - k[9] * h[1]
### END SOLUTION

# %% check logit_mine 2 points
typed(student_name, "student_name")
told = "b_3 lies between -6 and -1, the hidden values between 0 and 1: the logit cannot lie outside -12 to 5"
assert -12 < float(typed(logit_mine, "logit_mine")) < 5, told
### BEGIN HIDDEN TESTS
from autograder.checks import nade as checks
checks.check_logit_mine(student_name, logit_mine)
### END HIDDEN TESTS

# %% [markdown]
# ## Build it
#
# From here on `x` is a tensor of zeros and ones (float32 or float64), `(B, D)`: a batch of B images of D
# pixels, in their order of generation. Results have one row per image too.
#
# ### Exercise: `fvsbn_logits`
#
# Start with the logistic regressions. All $D$ of them fit into one matrix: row $d$ of `W` holds what the
# other pixels say about pixel $d$. Only entries `W[d, s]` with `s < d` may be used. What stands on the
# diagonal and above it is to be ignored *whatever number it is*: that, and nothing else, makes it a product of
# conditionals.
#
# <details><summary>Hint</summary>
#
# PyTorch has a function that keeps one triangle of a matrix; look at its second argument. Then it is one
# matrix product. Which of the two axes of `W` has to meet the pixels of `x`?
# </details>

# %% exercise fvsbn_logits
def fvsbn_logits(x, W, b):
    """The logit of every pixel given the pixels before it, one logistic regression each.

    x : tensor (B, D) of zeros and ones.
    W : tensor (D, D); W[d, s] is what pixel s says about pixel d. Only s < d counts.
    b : tensor (D,).
    Returns a tensor (B, D) of logits.
    """
    ### BEGIN SOLUTION
    return x @ W.tril(-1).T + b
    ### END SOLUTION

# %% check fvsbn_logits 2 points
some_W = torch.tensor([[9.0, 9.0, 9.0], [2.0, 9.0, 9.0], [-1.0, 3.0, 9.0]])  # every 9 is to be ignored
found = np.asarray(fvsbn_logits(torch.tensor([[1.0, 0.0, 1.0]]), some_W, torch.tensor([0.0, -1.0, -1.0])))
assert found.shape == (1, 3), "one logit for each pixel of each image: the shape of x"
assert np.allclose(found[0, 0], 0), "the first pixel looks at nothing, so its logit is b[0] = 0"
assert np.allclose(found, [[0, 1, -2]]), "for x = (1, 0, 1): 0, then -1 + 2, then -1 - 1"
### BEGIN HIDDEN TESTS
from autograder.checks import nade as checks
checks.check_fvsbn_logits(fvsbn_logits)
### END HIDDEN TESTS

# %% [markdown]
# What do such regressions learn? Here are two rows of the weights of an FVSBN that was trained on digits, each
# drawn as the picture of what the earlier pixels say about one pixel (the black square). Blue ones speak for
# ink, red ones against; hatched pixels come later and have no say. On the left are the bare weights. On the
# right each is multiplied by the standard deviation of its pixel: how far its vote goes in a typical digit.

# %% figure
from lib.data import load_mnist
from lib.weights import load

lit = load_mnist("train")[0].flatten(1).float().mean(0) / 255
spread = (lit * (1 - lit)).sqrt()  # of a pixel that is 0 or 1
bare = load("fvsbn").W.detach()
figure, axes = plots.panels(4, width=1.85, height=2.1)
for n, (row, column) in enumerate(((14, 18), (20, 13))):
    d = 28 * row + column
    for ax, rows, largest, title in (
        (axes[n], bare, 2, "weights"),
        (axes[n + 2], bare * spread, 0.9, "votes"),
    ):
        shown = torch.full((784,), math.nan)
        shown[:d] = rows[d, :d]
        ax.set_facecolor("#f3f3f3")
        ax.imshow(shown.reshape(28, 28), cmap="RdBu", vmin=-largest, vmax=largest)
        below, behind = ((-0.5, row + 0.5), 28, 27 - row), ((column + 0.5, row - 0.5), 27 - column, 1)
        for later in (below, behind):
            ax.add_patch(plt.Rectangle(*later, hatch="////", facecolor="none", edgecolor="#dddddd", lw=0))
        ax.add_patch(plt.Rectangle((column - 0.5, row - 0.5), 1, 1, color="black"))
        ax.set(xticks=[], yticks=[])
        ax.set_title(f"{title}: {row}, {column}", fontsize=10, fontweight="normal")
        ax.spines[["left", "bottom"]].set_visible(False)
        ax.grid(False)
plt.show()

# %% [markdown]
# Nobody told the model that pixels have neighbours: it was handed 784 numbers in a row. That the pixel above
# and the pixel on the left matter most, it found out by itself. The bare weights alone would not show it: at
# the rim of the image some are as large as those of the neighbours. A pixel that is lit in one digit of ten
# thousand hardly ever casts its vote, so the data hardly constrain its weight, and nothing pulls a large one
# back. Look at weights together with the inputs that they multiply.
#
# ### Exercise: `nade_logits`
#
# Now the heart of the lesson. Walk along the pixels with **one running sum** per image, `(B, H)`, that starts
# at `c`. At pixel $d$: read the logit off, then add column $d$ of `W` for the images in which the pixel is
# lit. The work for a whole image should be of the order $D \cdot H$.
#
# <details><summary>Hint</summary>
#
# A loop over $d$ with two lines in it. To add a column `(H,)` to the sums `(B, H)`, scaled by the pixels
# `(B,)`, give the pixels a second axis of length 1. If you add with `+=`, be sure that it is not the given
# `c` that grows. (There is a way without a loop as well: see what `cumsum` gives, and what it gives too
# much.)
# </details>

# %% exercise nade_logits
def nade_logits(x, W, V, b, c):
    """The logit of every pixel given the pixels before it, from one shared hidden layer.

    x : tensor (B, D) of zeros and ones.
    W : tensor (H, D), column s is what pixel s adds to the sums. c : tensor (H,), where the sums start.
    V : tensor (D, H), row d weighs the hidden values for pixel d. b : tensor (D,).
    Returns a tensor (B, D) of logits; logit d depends on the pixels before d only.
    """
    ### BEGIN SOLUTION
    a = c.expand(len(x), -1)  # (B, H)
    logits = []
    for d in range(x.shape[1]):
        logits.append(torch.sigmoid(a) @ V[d] + b[d])  # (B,)
        a = a + x[:, d : d + 1] * W[:, d]
    return torch.stack(logits, dim=1)
    ### END SOLUTION

# %% check nade_logits 3 points
found = np.asarray(nade_logits(torch.tensor([[1.0, 1.0, 0.0]]), *tiny()))
assert found.shape == (1, 3), "one logit for each pixel of each image: the shape of x"
assert np.allclose(found[0, 0], 0, atol=1e-4), "at first the sums are c: logit 0 (see the table)"
assert np.allclose(found[0, 1], 1, atol=1e-4), "for pixel 2 the sums are (0, 0): logit 1"
assert np.allclose(found[0, 2], 0.1192, atol=1e-3), "for pixel 3 the sums are (2, 0): logit 0.12"
### BEGIN HIDDEN TESTS
from autograder.checks import nade as checks
checks.check_nade_logits(nade_logits)
### END HIDDEN TESTS

# %% [markdown]
# The probe of lesson 1 confirms it from outside: logit $d$ moves if and only if an earlier pixel does.

# %% demo
rng = np.random.default_rng(0)
W, V = torch.from_numpy(rng.normal(size=(4, 6))), torch.from_numpy(rng.normal(size=(6, 4)))
b, c = torch.zeros(6, dtype=torch.float64), torch.zeros(4, dtype=torch.float64)
seen = dependence(lambda x: nade_logits(x[None].double(), W, V, b, c)[0], torch.zeros(6, dtype=torch.bool))
figure, ax = plt.subplots(figsize=(2.9, 2.8))
plots.dependence_matrix(seen, ax=ax, title="your nade_logits")
plt.show()
print(describe(leaks(seen)))

# %% [markdown]
# ### By hand: what the running sum saves
#
# Take $D = 784$ pixels and $H = 500$ hidden units, the size of the model that drew the first picture. For the
# $D$ conditionals of **one image**, count how often a weight (an entry of $W$ or of $V$) is multiplied by a
# pixel or by a hidden value. Count nothing else: no additions, no biases, no sigmoids. A multiplication by a
# pixel that happens to be 0 counts. (With the running sum nobody needs the last pixel's column of $W$: whether you
# count it or not, both are taken as right.)
#
# 1. `cost_separate`: every conditional computes its sum from scratch, over all the pixels before it, and then
#    $V_d \cdot h_d$.
# 2. `cost_running`: with the running sum, and then $V_d \cdot h_d$ as before.
#
# Type whole numbers, or products such as `784 * 500`.
#
# <details><summary>Hint</summary>
#
# Pixel $d$ has $d - 1$ pixels before it. How much is $0 + 1 + \dots + (D - 1)$? And mind that $V$ costs the
# same in both.
# </details>

# %% exercise cost
cost_separate = None  # replace None by your numbers
cost_running = None
### BEGIN SOLUTION
cost_separate = 500 * (784 * 783 // 2) + 784 * 500
cost_running = 784 * 500 + 784 * 500
### END SOLUTION

# %% check cost 2 points
typed(cost_separate, "cost_separate")
typed(cost_running, "cost_running")
assert float(cost_separate) > float(cost_running) > 0, "the running sum should save something"
assert float(cost_separate) < 784 * 785 * 500, "even if every pixel saw all 784, it would not be so many"
told = "cost_separate is not it yet: the sums alone take 0 + 1 + ... + 783 multiplications for each hidden unit"
assert agrees(cost_separate, "cost_separate", "162a4d1314ab", within=80_000), told
told = "cost_running is not it yet: how often is each entry of W multiplied by its pixel, how often each entry of V?"
assert agrees(cost_running, "cost_running", "a7c5a04420c9", "247ebdbbb0be", within=160), told
### BEGIN HIDDEN TESTS
from autograder.checks import nade as checks
checks.check_cost(cost_separate, cost_running)
### END HIDDEN TESTS

# %% [markdown]
# ### The same by the clock · *optional*
#
# On paper that is a factor of about $D/4$. On a machine it is less, since one large product of matrices runs
# better than many small ones, but the slope shows: twice the pixels, twice the time with the running sum (if
# it is one), and four times without. Is your line the lower one?

# %% figure varies
import time


def from_scratch(x, W, V, b, c):
    sums = [c + x[:, :d] @ W[:, :d].T for d in range(x.shape[1])]
    return torch.stack([torch.sigmoid(a) @ V[d] + b[d] for d, a in enumerate(sums)], dim=1)


generator = torch.Generator().manual_seed(0)
sizes, seconds = (98, 196, 392, 784), {"from scratch": [], "your running sum": []}
for n in sizes:
    x = (torch.rand(100, n, generator=generator) < 0.2).float()
    W, V = torch.randn(200, n, generator=generator), torch.randn(n, 200, generator=generator)
    b, c = torch.zeros(n), torch.zeros(200)
    for function, times in zip((from_scratch, nade_logits), seconds.values(), strict=True):
        runs = []
        for _ in range(2):
            start = time.perf_counter()
            function(x, W, V, b, c)
            runs.append(time.perf_counter() - start)
        times.append(1000 * min(runs))
figure, ax = plt.subplots(figsize=(5.2, 2.7))
for (label, times), colour in zip(seconds.items(), ("vermilion", "blue"), strict=True):
    ax.loglog(sizes, times, "o-", color=plots.COLOURS[colour], label=label)
ax.set_xticks(sizes, sizes)
limits = ax.get_ylim()
ax.set_yticks([1, 3, 10, 30, 100, 300, 1000], [1, 3, 10, 30, 100, 300, 1000])
ax.set_ylim(limits)
ax.minorticks_off()
ax.set(title="100 images, 200 hidden units", xlabel="pixels", ylabel="milliseconds")
ax.legend()
plt.show()

# %% [markdown]
# ### Exercise: `nade_log_prob`
#
# A logit $z$ gives the pixel that came out lit the log-probability $\ln \sigma(z)$, and one that did not
# $\ln(1 - \sigma(z))$. Add them up over the image. Your result has to hold for any logit. Computed in two steps
# in float32, $\ln \sigma(z)$ is $-\infty$ from about $z = -89$ on, and $\ln(1 - \sigma(z))$ already at $z = 17$,
# since $\sigma(17)$ is rounded to 1. But a model that gave a lit pixel the logit $-2000$ was sure and wrong, and
# pays 2000 nats: no more, and no less either. (To keep the probability at least $10^{-12}$ is a common way out of the
# infinity. Then no pixel can cost more than 28 nats, and the sum is no likelihood.)
#
# <details><summary>Hint</summary>
#
# First show that $1 - \sigma(z) = \sigma(-z)$: an unlit pixel is a lit one with its logit turned. Then look
# for a function in <code>torch.nn.functional</code> that takes logits, or one that computes $\ln(1 + e^z)$
# without overflow. You may call your <code>nade_logits</code>.
# </details>

# %% exercise nade_log_prob
def nade_log_prob(x, W, V, b, c):
    """log p_theta(x) of each image, in nats.

    x : tensor (B, D) of zeros and ones; W, V, b, c as for nade_logits.
    Returns a tensor (B,) of log-probabilities, natural logarithms, right for logits of any size.
    """
    ### BEGIN SOLUTION
    z = nade_logits(x, W, V, b, c)
    return -torch.nn.functional.softplus(torch.where(x > 0, -z, z)).sum(dim=1)
    ### END SOLUTION

# %% check nade_log_prob 2 points
found = np.asarray(nade_log_prob(torch.tensor([[1.0, 1.0, 0.0]]), *tiny()))
assert found.shape == (1,), "one number for each image of the batch"
assert np.allclose(found, -1.761, atol=1e-3), "the image of the table costs 0.693 + 0.313 + 0.755 nats"
every = torch.tensor(list(itertools.product((0.0, 1.0), repeat=3)))  # all 8 images of three pixels
total = np.exp(np.asarray(nade_log_prob(every, *tiny()))).sum()
assert abs(total - 1) < 1e-4, f"the probabilities of all 8 images should sum to 1, not to {total:.4f}"
### BEGIN HIDDEN TESTS
from autograder.checks import nade as checks
checks.check_nade_log_prob(nade_log_prob)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `nade_sample`
#
# To draw an image, walk along the same sum, but there is no pixel to read: you make it. Pixel $d$ is lit
# where its uniform random number is below its probability, `uniforms[:, d] < p`. What you have just drawn
# goes into the sum, and so into all that follows. (Uniforms are handed to you, so that a right answer is
# *one* answer.)
#
# <details><summary>Hint</summary>
#
# The loop of <code>nade_logits</code>, with one line more between reading and adding. A comparison gives
# booleans: turn them into the dtype of the weights before you multiply.
# </details>

# %% exercise nade_sample
def nade_sample(W, V, b, c, uniforms):
    """Draw images, pixel by pixel.

    W, V, b, c : as for nade_logits.
    uniforms   : tensor (n, D), independent, in [0, 1); column d is for pixel d.
    Returns a tensor (n, D) of zeros and ones.
    """
    ### BEGIN SOLUTION
    x = torch.zeros_like(uniforms)
    a = c.expand(len(x), -1)
    for d in range(x.shape[1]):
        p = torch.sigmoid(torch.sigmoid(a) @ V[d] + b[d])
        x[:, d] = (uniforms[:, d] < p).to(x.dtype)
        a = a + x[:, d : d + 1] * W[:, d]
    return x
    ### END SOLUTION

# %% check nade_sample 3 points
found = np.asarray(nade_sample(*tiny(), torch.tensor([[0.4, 0.7, 0.6], [0.6, 0.9, 0.1]])))
assert found.shape == (2, 3), "one image for each row of uniforms"
assert np.array_equal(found[0], [1, 1, 0]), "0.4 < 0.50 and 0.7 < 0.73 light two pixels, 0.6 > 0.53 does not"
assert found[1, 0] == 0, "0.6 is not below p = 0.50, so the first pixel of the second image stays unlit"
### BEGIN HIDDEN TESTS
from autograder.checks import nade as checks
checks.check_nade_sample(nade_sample)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `complete`
#
# The upper half of a digit is known; what may the lower half be? For a model that generates in this order, it
# is hardly a question: pretend that the known pixels were drawn, and go on from there. That is an *exact*
# sample of $p(\text{rest} \mid \text{given})$. Keep the first `observed` pixels of `x` and draw the others,
# each with its own column of the uniforms, lit where `uniforms[:, d] < p`, however small or large $p$ is. What `x`
# holds after the observed ones must not matter, and nothing that is given may change.
#
# <details><summary>Hint</summary>
#
# What do given pixels have in common with drawn ones, and in what do they differ? Then start from `nade_sample`.
# </details>

# %% exercise complete
def complete(x, observed, W, V, b, c, uniforms):
    """Keep the first pixels of each image and draw the rest given these.

    x          : tensor (B, D) of zeros and ones; entries from `observed` on may hold any finite numbers.
    observed   : int, 0 to D, how many pixels are given.
    W, V, b, c : as for nade_logits. uniforms : tensor (B, D); column d is for pixel d.
    Returns a tensor (B, D) of zeros and ones.
    """
    ### BEGIN SOLUTION
    x = x.clone()
    a = c.expand(len(x), -1)
    for d in range(x.shape[1]):
        if d >= observed:
            p = torch.sigmoid(torch.sigmoid(a) @ V[d] + b[d])
            x[:, d] = (uniforms[:, d] < p).to(x.dtype)
        a = a + x[:, d : d + 1] * W[:, d]
    return x
    ### END SOLUTION

# %% check complete 3 points
half = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 1.0]])
found = np.asarray(complete(half, 1, *tiny(), torch.tensor([[0.9, 0.7, 0.6], [0.1, 0.7, 0.6]])))
assert found.shape == (2, 3), "as many images, and as many pixels, as x has"
assert (found[:, 0] == 1).all(), "the first pixel is given: it stays lit, whatever its uniform"
assert np.array_equal(found[0], [1, 1, 0]), "after a lit first pixel, p is 0.73; after two, 0.53"
assert np.array_equal(found[1], found[0]), "what x holds after the observed pixels must not matter"
assert half.tolist() == [[1, 0, 0], [1, 0, 1]], "x itself should stay as it is"
found = np.asarray(complete(torch.tensor([[1.0, 0, 0], [0, 0, 0]]), 1, *tiny(), torch.full((2, 3), 0.7)))
assert found[:, 1].tolist() == [1, 0], "each image has its own past: p is 0.73 after a lit pixel and 0.63 without"
### BEGIN HIDDEN TESTS
from autograder.checks import nade as checks
checks.check_complete(complete)
### END HIDDEN TESTS

# %% [markdown]
# ### Beyond binary
#
# Nothing in the running sum asks for zeros and ones. What a conditional *is*, only its last step decides:
#
# | a pixel or entry holds | the output for position $d$ | the last step |
# |:--|:--|:--|
# | lit or not | one logit | $\sigma$ |
# | one of $K$ values (grey levels, letters) | $K$ logits: $V_d$ becomes $(K, H)$ | softmax |
# | a real number | the parameters of a density | a mixture of Gaussians |
#
# For categories, the input changes as well: each *value* of each position gets a column of its own,
# $a_{d+1} = a_d + W_{\cdot d x_d}$. Here is such a categorical NADE in eight lines, for three letters out of
# A, B, C. Whatever the weights, its 27 words share a probability of exactly 1:

# %% demo
rng = np.random.default_rng(1)
W, c = rng.normal(size=(3, 3, 4)), rng.normal(size=4)  # W[d, value] is a column of H = 4 numbers
V, b = rng.normal(size=(3, 3, 4)), rng.normal(size=(3, 3))  # V[d, value] weighs the hidden values
total = 0.0
for word in itertools.product(range(3), repeat=3):
    a, p = c, 1.0
    for d, value in enumerate(word):
        z = b[d] + V[d] @ (1 / (1 + np.exp(-a)))  # (K,) logits
        p *= np.exp(z[value]) / np.exp(z).sum()
        a = a + W[d, value]
    total += p
print(f"the 27 probabilities sum to {total:.12f}")

# %% [markdown]
# For real numbers, one Gaussian would be a poor guess: the depth of a penguin's bill, given its length,
# clusters around *two* values, one for each of two species. So let the network output a **mixture** of $K$
# Gaussians: weights $\pi_k$, means $\mu_k$ and standard deviations $s_k$. That model is **RNADE** (Uria,
# Murray & Larochelle 2013), and the conditional density is
#
# $$p(x \mid \text{past}) = \sum_{k=1}^{K} \pi_k\; \frac{1}{s_k \sqrt{2\pi}}\,
# \exp\!\Big(\!-\frac{(x - \mu_k)^2}{2 s_k^2}\Big).$$
#
# ### Exercise: `mixture_log_prob`
#
# Its logarithm. The network hands you $\ln \pi_k$ and $\ln s_k$, since logarithms can have either sign, and
# because you should stay in logarithms: a value far from all components has a density of $10^{-1000}$, which
# no float can hold, but a log-density of −2300, which any can. The cure is that of lesson 2: a sum of
# exponentials under a logarithm, the largest taken out.
#
# <details><summary>Hint</summary>
#
# Write down $\ln$ of one summand first; it has four terms. `x` lacks the last axis that the parameters have:
# `x[..., None]`. Then <code>torch.logsumexp</code> over the components.
# </details>

# %% exercise mixture_log_prob
def mixture_log_prob(x, log_weights, means, log_scales):
    """Log-density of a mixture of K Gaussians, at each entry of x.

    x           : tensor (...), any shape, also ().
    log_weights : tensor (..., K), natural logarithms of the weights, which sum to 1; -inf for a weight of 0.
    means       : tensor (..., K). log_scales : tensor (..., K), ln of the standard deviations, from -20 to 20.
    Returns a tensor (...), nats, finite and right also thousands of scales away from all means. To compute in float32
    is precise enough.
    """
    ### BEGIN SOLUTION
    z = (x[..., None] - means) / log_scales.exp()
    each = log_weights - 0.5 * z**2 - log_scales - 0.5 * math.log(2 * math.pi)
    return torch.logsumexp(each, dim=-1)
    ### END SOLUTION

# %% check mixture_log_prob 2 points
two = torch.log(torch.tensor([0.5, 0.5])), torch.tensor([-1.0, 1.0]), torch.zeros(2)  # scales of 1
found = np.asarray(mixture_log_prob(torch.tensor(0.0), *two))
assert found.shape == (), "one number for one number: the shape of x"
assert np.allclose(found, -1.4189, atol=1e-3), "half way between the two: -1/2 - ln(2 pi)/2"
narrow = torch.zeros(1, 1), torch.tensor([[3.0]]), torch.tensor([[-2.0]])  # one Gaussian, at 3
found = np.asarray(mixture_log_prob(torch.tensor([3.0]), *narrow))
assert np.allclose(found, 2 - 0.9189, atol=1e-3), "a density may exceed 1: the narrower, the higher"
far = np.asarray(mixture_log_prob(torch.tensor(500.0), *two))
assert np.allclose(far, -124502.11, atol=0.1), "far away: -499² / 2 - ln(2 pi)/2, and ln(1/2) for the weight"
batch = [torch.as_tensor(part).expand(3, 2) for part in two]
found = np.asarray(mixture_log_prob(torch.tensor([0.0, 2.0, 0.0]), *batch))
assert found.shape == (3,), "three numbers, each with a mixture of its own: an axis more for the components"
### BEGIN HIDDEN TESTS
from autograder.checks import nade as checks
checks.check_mixture_log_prob(mixture_log_prob)
### END HIDDEN TESTS

# %% [markdown]
# ## Watch it work
#
# ### Two orders, one budget
#
# The chain rule holds in any order; a model with $H$ hidden units may like some orders better. Train two
# small NADEs on digits of 14 × 14 pixels, alike in everything but the order: one reads line by line, the
# other in a fixed random permutation, hopping all over the image. Each batch is binarised anew (a pixel of
# grey level 0.3 is lit in three draws out of ten), so the models hardly see the same image twice. It takes
# about ten seconds each.

# %% demo varies
from lib.data import binarise, load_mnist, shrink
from lib.models.nade import NADE
from lib.training import fit, mean_nll

grey = shrink(load_mnist("train")[0], 14).flatten(1)  # (60000, 196), uint8
small_test = binarise(shrink(load_mnist("test")[0], 14).flatten(1), torch.Generator().manual_seed(1))
permutation = torch.randperm(196, generator=torch.Generator().manual_seed(0))
small = {"raster": NADE(196, n_hidden=100), "random": NADE(196, n_hidden=100, order=permutation)}
for name, model in small.items():
    fit(model, grey, epochs=2, batch_size=200, lr=1e-2, warmup=30, average=0.99, draw=binarise)
    print(f"{name} order: {mean_nll(model, small_test[:2000]):.2f} nats per image on test digits")

# %% [markdown]
# A nat or less apart. At first sight this is astonishing: in the random order, each pixel is predicted from a
# scatter of others, mostly far away. Look where along the order the nats are paid:

# %% figure varies
figure, ax = plt.subplots(figsize=(5.6, 2.7))
for (name, model), colour in zip(small.items(), ("blue", "vermilion"), strict=True):
    x = small_test[:1000]
    with torch.no_grad():
        logits = model.logits(x)
    each = torch.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").mean(0)
    paid = each[model.order].cumsum(0)  # nats for the first 1, 2, ... 196 pixels of its order
    ax.plot(range(1, 197), paid, color=plots.COLOURS[colour], label=f"{name} order")
ax.set(title="Another road, the same toll", xlabel="pixels, in the model's order", ylabel="NLL so far (nats)")
ax.legend()
plt.show()

# %% [markdown]
# The raster order pays line by line, each stair a line, and nothing at the border, where paper is certain.
# The random order pays at an even pace from the first pixel on: pixels without a neighbour to lean on at
# first, pixels with neighbours on *all* sides at the end. What there is to be explained is the same, and both
# arrive at nearly the same total.
#
# Before you believe the library's numbers: it computes the same logits as you do, on the model just trained.

# %% demo
with torch.no_grad():
    model = small["raster"]
    yours = nade_logits(small_test[:50], model.W, model.V, model.b, model.c)
    same = np.allclose(yours, model.logits(small_test[:50]), atol=1e-3)
print("your logits and the library's agree:", same)

# %% [markdown]
# What the order does change is **which questions are easy**. Give each model the first 98 pixels of *its*
# order, half of the image, and let it complete the rest. Each row: a test digit, what is given of it (grey is
# unknown), and four completions.

# %% figure varies
figure, axes = plots.panels(2, width=3.7, height=2.85)
wanted = small_test[[0, 3, 4, 18]]
for ax, (name, model) in zip(axes, small.items(), strict=True):
    rows = []
    for image in wanted:
        drawn = model.complete(image.expand(4, -1), 98, torch.Generator().manual_seed(5))
        given = torch.full((196,), 0.18)
        given[model.order[:98]] = image[model.order[:98]]
        rows += [image, given, *drawn]
    plots.digits(torch.stack(rows), columns=6, ax=ax, title=f"{name} order")
plt.show()

# %% [markdown]
# With the upper half given, the lower half is open. With as many pixels given but scattered, the outline is
# there, and what is open are details all over the image. Neither model can answer the other's question. To
# fill in scattered gaps, or the *upper* half from the lower, the raster model would have to sum over all that
# might be in the gaps. "An autoregressive model can condition on any subset of its variables" is a myth: it
# conditions on what comes *first* in its order. A model that is good at many orders at once is one of the
# things that lesson 4 is about.
#
# ### What longer training buys
#
# Now 28 × 28 pixels, 500 hidden units, and the weights that the course ships (how they were trained:
# `data/make_weights.py`). The digits below are drawn by *your* `nade_sample`, the completions by *your*
# `complete`: given is the upper half, in the column after the original.

# %% demo
from lib.data import load_binary_mnist
from lib.weights import load

nade = load("nade")
weights = [w.detach() for w in (nade.W, nade.V, nade.b, nade.c)]
generator = torch.Generator().manual_seed(11)
samples = nade_sample(*weights, torch.rand(40, 784, generator=generator))
wanted = load_binary_mnist("test")[[18, 33, 61, 84]]
drawn = complete(wanted.repeat_interleave(5, 0), 392, *weights, torch.rand(20, 784, generator=generator))
given = wanted.clone()
given[:, 392:] = 0.18
rows = torch.cat([wanted[:, None], given[:, None], torch.as_tensor(drawn).reshape(4, 5, 784)], dim=1)

figure, axes = plt.subplots(1, 2, figsize=(7.4, 2.75), width_ratios=(8, 7 * 5 / 4))
plots.digits(torch.as_tensor(samples), columns=8, ax=axes[0], title="drawn")
plots.digits(rows.flatten(0, 1), columns=7, ax=axes[1], title="completed")
plt.show()

# %% [markdown]
# ### What the hidden units look at · *optional*
#
# Here is what each pixel says to sixteen of them, rows of $W$. Shared by all conditionals, they turn out as
# strokes, edges and dots, the same building blocks whichever pixel is being predicted.

# %% figure
from lib.weights import load

nade = load("nade")
strongest = nade.V.detach().norm(dim=0).argsort(descending=True)[:16]
figure, axes = plt.subplots(2, 8, figsize=(7.2, 1.95))
for ax, unit in zip(axes.flat, strongest.tolist(), strict=True):
    row = nade.W.detach()[unit]
    ax.imshow(row.reshape(28, 28), cmap="RdBu", vmin=-row.abs().quantile(0.99), vmax=row.abs().quantile(0.99))
    ax.axis("off")
plt.show()

# %% [markdown]
# ### The scoreboard opens
#
# From here to the end of the course, every model of digits is measured alike: the average NLL in **nats per
# image**, over the test digits, binarised *once and for all* (Salakhutdinov & Murray 2008 set the habit): a
# **static draw**, and here it is our own. Yours is the vermilion row: the shipped weights under your
# `nade_log_prob`, on every tenth test digit; the other rows were measured on all 10 000. The diamonds are
# published numbers, on Larochelle's static draw of the same digits; circles, where later lessons show some, are
# published for test digits drawn anew. For NADE that is 88.33 (Uria et al. 2016),
# from training digits that were binarised once as well; ours were binarised anew at every step, so that there
# was no noise to learn by heart.
#
# Compare numbers only if the digits are the same. Some papers draw the *test* digits anew as well, which is
# nearly the same task. Others threshold them, lit if darker than half: clean edges, no noise. The very MADE of
# lesson 4 that pays 84 nats for our digits pays 66 for those. It is no better model; it is another data set.

# %% demo
from lib import scoreboard
from lib.data import load_binary_mnist
from lib.weights import load

nade = load("nade")
test = load_binary_mnist("test")[::10]
with torch.no_grad():
    log_p = torch.as_tensor(nade_log_prob(test, nade.W, nade.V, nade.b, nade.c))
nats = -float(log_p.mean())
scoreboard.draw("03", yours={"NADE, by your code": nats})
plt.show()
bits = nats / (784 * math.log(2))
print(f"your nade_log_prob, 1000 test digits: {nats:.1f} nats per image, or {bits:.3f} bits per pixel")

# %% [markdown]
# Independent pixels waste more than half of what they pay. One logistic regression per pixel recovers most of
# that, and the shared hidden layer more than ten nats on top. Ten nats are not little: $e^{10} \approx
# 22\,000$, and so many times as high is the probability of a typical test digit.
#
# ### What an exact likelihood buys
#
# With a probability for every image you can ask which digits the model finds ordinary, and which odd.

# %% figure
from lib.data import load_binary_mnist
from lib.weights import load

nade, test = load("nade"), load_binary_mnist("test")[::5]
with torch.no_grad():
    nats = -nade.log_prob(test)
ranked = nats.argsort()
figure, axes = plt.subplots(3, 8, figsize=(7.2, 3.2))
groups = {"ordinary": ranked[:8], "median": ranked[996:1004], "oddest": ranked[-8:]}
for row, (name, some) in zip(axes, groups.items(), strict=True):
    for ax, i in zip(row, some.tolist(), strict=True):
        ax.imshow(test[i].reshape(28, 28))
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.spines[["left", "bottom"]].set_visible(False)
        ax.set_title(f"{nats[i]:.0f}", fontsize=10, loc="center", fontweight="normal", pad=3)
    row[0].set_ylabel(name)
figure.suptitle("2000 test digits, ranked: NLL in nats", fontsize=12, fontweight="bold", x=0.01, ha="left")
plt.show()

# %% [markdown]
# The oddest are blots, double strokes and digits that you would have to ask the writer about. Nobody had
# labelled anything: the ranking fell out of the likelihood.
#
# ### Predictable is not typical
#
# Low NLL means *predictable*. It does not mean good-looking, nor even typical. Compare the classes, and an image
# with no ink at all:

# %% figure varies
from lib.data import load_binary_mnist, load_mnist
from lib.weights import load

nade, test, labels = load("nade"), load_binary_mnist("test")[::5], load_mnist("test")[1][::5]
with torch.no_grad():
    nats = -nade.log_prob(test).numpy()
    blank = -float(nade.log_prob(torch.zeros(1, 784)))
    own = -nade.log_prob(nade.sample(300, torch.Generator().manual_seed(2))).numpy()
cheaper = 100 * np.mean(nats < blank)
print(f"a blank sheet:           {blank:6.1f} nats; {cheaper:.1f} % of the test digits cost less")
print(f"the average test digit:  {nats.mean():6.1f} nats")
print(f"the model's own samples: {own.mean():6.1f} nats, the cheapest of 300: {own.min():.1f}")
figure, ax = plt.subplots(figsize=(6.6, 2.6))
means = [nats[labels.numpy() == k].mean() for k in range(10)]
ax.bar(range(10), means, color=plots.COLOURS["blue"])
ax.axhline(blank, color=plots.COLOURS["vermilion"], linestyle="--")
box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.9, "pad": 1.5}
ax.text(9.4, blank, "a blank sheet", ha="right", va="center", color=plots.COLOURS["vermilion"], bbox=box)
ax.set_xticks(range(10))
ax.grid(False, axis="x")
ax.set(title="Ones are cheap", xlabel="digit", ylabel="mean NLL (nats)")
plt.show()

# %% [markdown]
# The blank sheet, which nobody wrote and the model all but never draws, is more probable than any of these
# digits. No contradiction: each single digit is one of a great many, and they share the probability between
# them; the blank sheet is alone, and each of its pixels is an easy guess. A draw is *typical*, not maximal:
# its NLL lies near the average. So if you use likelihood to flag oddities, look at both ends, and don't take
# the image of the highest probability for the best one.
#
# ### What is no digit · *optional*
#
# Something that is no digit at all should stand out more than an odd one. Turn the test digits upside down,
# mirror them, or throw their pixels about (which keeps the amount of ink and nothing else):

# %% figure
from lib.data import load_binary_mnist
from lib.weights import load

nade, test = load("nade"), load_binary_mnist("test")[::20]
generator = torch.Generator().manual_seed(0)
shuffled = torch.stack([image[torch.randperm(784, generator=generator)] for image in test])
mirrored = test.reshape(-1, 28, 28).flip(2).flatten(1)
groups = {"real": test, "upside down": test.flip(1), "mirrored": mirrored, "pixels shuffled": shuffled}
with torch.no_grad():
    nats = {name: -nade.log_prob(images).numpy() for name, images in groups.items()}
figure, ax = plt.subplots(figsize=(7.0, 2.9))
for (name, values), colour in zip(nats.items(), ("blue", "vermilion", "green", "black"), strict=True):
    label = f"{name} ({values.mean():.0f})"
    ax.hist(values, np.geomspace(20, 1500, 60), color=plots.COLOURS[colour], alpha=0.55, label=label)
    below = np.mean(nats["real"][:, None] < values[None, :])
    if name != "real":
        print(f"{name}: costs more than a real digit in {100 * below:.0f} % of all pairs")
ax.set(title="What is no digit costs more", xlabel="NLL (nats per image)", ylabel="images", xscale="log")
ax.set_xticks([20, 50, 100, 200, 500, 1000], [20, 50, 100, 200, 500, 1000])
ax.minorticks_off()
ax.set_ylim(0, 1.3 * ax.get_ylim()[1])
ax.legend(title="group (mean NLL)", loc="upper center", ncols=4, fontsize=9, columnspacing=1, handlelength=1)
plt.show()

# %% [markdown]
# Shuffled pixels are off the scale. Digits upside down or mirrored overlap with real ones: an 8, a 0 or a 1
# survives both.
#
# ### Real numbers: penguins · *optional*
#
# Four measurements of 342 penguins from the Palmer Archipelago (Gorman, Williams & Fraser 2014): length and
# depth of the bill, length of the flipper, body mass. There are three species, but the model is not told.
# Standardise each column, keep every fifth bird aside, and train an RNADE with mixtures of three Gaussians.
# It takes a second.

# %% demo varies
from lib.data import load_penguins
from lib.models.rnade import RNADE
from lib.training import fit

values, species = load_penguins()
centre, unit = values.mean(0), values.std(0)
standard = (values - centre) / unit  # (342, 4)
held_out = torch.arange(342) % 5 == 0
rnade = RNADE(4, n_hidden=20, n_components=3)
settings = {"epochs": 20, "batch_size": 10, "lr": 1e-2, "weight_decay": 0.1, "average": 0.99}
history = fit(rnade, standard[~held_out], standard[held_out], **settings)

# %% [markdown]
# The second conditional, $p(\text{depth} \mid \text{length})$, as your `mixture_log_prob` sees it. On the
# left: one column of shade per bill length, the birds on top, coloured by species for *your* eyes only. On
# the right: the column at 50 mm, taken apart into its components.

# %% figure varies
lengths = torch.linspace(33, 59, 105)
depths = torch.linspace(12.5, 22.5, 101)
at = torch.zeros(len(lengths), 4)
at[:, 0] = (lengths - centre[0]) / unit[0]
with torch.no_grad():
    log_weights, means, log_scales = (part[:, 1] for part in rnade.mixture(at))  # (105, 3) each
y = (depths - centre[1]) / unit[1]
wide = [part[:, None, :].expand(-1, len(y), -1) for part in (log_weights, means, log_scales)]
log_density = torch.as_tensor(mixture_log_prob(y.repeat(len(lengths), 1), *wide)) - unit[1].log()

figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.2), width_ratios=(3, 2))
shades = {"cmap": plots.AMOUNTS, "origin": "lower", "aspect": "auto", "vmin": 0, "vmax": 0.5}
left.imshow(log_density.exp().T, extent=(33, 59, 12.5, 22.5), **shades)
looks = {"Adelie": ("vermilion", "o"), "Chinstrap": ("green", "s"), "Gentoo": ("orange", "^")}
for name, (colour, marker) in looks.items():
    some = values[[kind == name for kind in species]]
    look = {"markersize": 3.5, "markeredgecolor": "white", "markeredgewidth": 0.4}
    left.plot(some[:, 0], some[:, 1], marker, color=plots.COLOURS[colour], label=name, **look)
left.axvline(50, color="black", linewidth=1, linestyle=":")
left.set(title="p(depth | length)", xlabel="bill length (mm)", ylabel="bill depth (mm)")
left.legend(fontsize=9, markerscale=1.6, handletextpad=0.1, loc="upper left")
left.grid(False)

column = int((lengths - 50).abs().argmin())
near = values[(values[:, 0] - 50).abs() < 1.5, 1]
right.hist(near, np.arange(12.5, 22.6, 0.5), density=True, color="#d9d9d9", label="birds, 48.5 to 51.5 mm")
for k in range(3):
    one = [part[column, k].expand(len(y), 1) for part in (torch.zeros_like(means), means, log_scales)]
    density = (torch.as_tensor(mixture_log_prob(y, *one)) + log_weights[column, k]).exp() / unit[1]
    label = None if k else "components, weighted"
    right.plot(depths, density, "--", color=plots.COLOURS["vermilion"], linewidth=1.3, label=label)
right.plot(depths, log_density[column].exp(), color=plots.COLOURS["blue"], label="their sum, the mixture")
right.set(title="at 50 mm", xlabel="bill depth (mm)", ylabel="density (per mm)", xlim=(12.5, 22.5))
right.set_ylim(0, 1.6 * right.get_ylim()[1])
right.legend(fontsize=8.5, loc="upper left")
plt.show()

# %% [markdown]
# A bill of 50 mm may be a Gentoo's, flat, or a Chinstrap's, deep, and is seldom anything between: the mixture
# found two modes without having heard of species. A single Gaussian would put its highest density right into
# the gap.
#
# One warning about the number. A density is *per unit*: change the unit and the NLL changes, by the sum of
# the logarithms of the factors, though model and penguins are the same.

# %% demo varies
with torch.no_grad():
    nats = float(rnade.log_prob(standard[held_out]).mean())
metric = nats - float(unit.double().log().sum())
centimetres = metric + 3 * math.log(10) + math.log(1000)  # three lengths in cm, the mass in kg
print(f"log-density of a penguin kept aside: {nats:7.2f} nats, per standard deviation of each measurement")
print(f"                                     {metric:7.2f} nats, per mm, mm, mm and g")
print(f"                                     {centimetres:7.2f} nats, per cm, cm, cm and kg")

# %% [markdown]
# None of the three is better than the others, and a positive one would be no miracle. Compare densities of
# the same data in the same units, and only those. (With zeros and ones there is no unit, and an NLL of 0 is
# the floor.)

# %% [markdown]
# ## Play
#
# How does a guess firm up as more is known? The picture shows a test digit, what the model is given of it,
# the probability of every other pixel, averaged over completions, and three of these. Below is the NLL of the
# digit itself, gathered along the order: steep where it was surprising.

# %% demo
from lib.data import load_binary_mnist
from lib.weights import load
from lib.controls.completion import draw_completion

draw_completion(load("nade"), load_binary_mnist("test")[:10], 336, digit=4)
plt.show()

# %% demo
from lib.data import load_binary_mnist
from lib.weights import load
from lib.controls.completion import completion

test = load_binary_mnist("test")
chosen = [3, 2, 1, 30, 4, 15, 11, 0, 61, 12]  # a 0, a 1, ... and a 9
completion(load("nade"), test[chosen], labels=list("0123456789"), observed=280)

# %% [markdown]
# Things to try (run the cell above in Jupyter to get the slider):
#
# 1. With nothing given, the third picture is the model's *average digit*. Where have you seen it before?
# 2. Choose the 4, and slide until the model has made up its mind. At which line is a 4 told from a 9?
# 3. Where does the curve rise fastest? And why is it flat in the first four lines, and in the last four?
# 4. Give all but the last five lines. They cost next to nothing: after so much, hardly anything is open.
# 5. Press *draw others* at half of the image. Which digits come back as something else?

# %% [markdown]
# ## Spot the causality bug
#
# Four programs for NADE's logits. Each claims to be autoregressive in the order written next to it. (Weights
# are in the order of generation: column $t$ of $W$, row $t$ of $V$ and entry $t$ of $b$ belong to the pixel
# that is generated $t$-th. Column $d$ of the *result* describes pixel $d$.) Some are sound. The
# others have bugs that are easily made, and that no error message will ever report.

# %%
ORDER = (2, 0, 4, 1, 3)  # for images of five pixels


def logits_A(x, W, V, b, c):  # generation order 0, 1, 2, ...
    """The running sum, step by step."""
    a, columns = c.expand(len(x), -1), []
    for d in range(x.shape[1]):
        a = a + x[:, d : d + 1] * W[:, d]
        columns.append(torch.sigmoid(a) @ V[d] + b[d])
    return torch.stack(columns, dim=1)


def logits_B(x, W, V, b, c):  # generation order 2, 0, 4, 1, 3
    """Put the pixels in order, then as always."""
    return nade_logits(x[:, list(ORDER)], W, V, b, c)


def logits_C(x, W, V, b, c):  # generation order 0, 1, 2, ...
    """Add everything up at once, and go backwards."""
    a, columns = c + x @ W.T, []
    for d in reversed(range(x.shape[1])):
        a = a - x[:, d : d + 1] * W[:, d]
        columns.insert(0, torch.sigmoid(a) @ V[d] + b[d])
    return torch.stack(columns, dim=1)


def logits_D(x, W, V, b, c):  # generation order 4, 3, 2, 1, 0
    """The last pixel first."""
    return nade_logits(x.flip(1), W, V, b, c).flip(1)

# %% [markdown]
# Read them first, and decide. Then probe. The cell below shows the probe at work on your `nade_logits`;
# mind the `order` for B and D.

# %% demo
def probe(logits):
    """Which logits of five pixels look at which pixels, for random weights."""
    rng = np.random.default_rng(3)
    W, V, b, c = (torch.from_numpy(rng.normal(size=shape)) for shape in ((4, 5), (5, 4), (5,), (4,)))
    return dependence(lambda x: logits(x[None].double(), W, V, b, c)[0], torch.zeros(5, dtype=torch.bool))


seen = probe(nade_logits)
figure, ax = plt.subplots(figsize=(2.9, 2.8))
plots.dependence_matrix(seen, ax=ax, order=(0, 1, 2, 3, 4), title="nade_logits")
plt.show()
print("nade_logits:", describe(leaks(seen, order=(0, 1, 2, 3, 4))))

# %% [markdown]
# ### Exercise: find the leaks
#
# For images of five pixels, list for each program the pairs `(output, input)` in which the logit of pixel
# *output* looks at pixel *input* though that is not generated before it, in the order that the program
# claims. Type `[]` for a sound one.
#
# <details><summary>Hint</summary>
#
# `leaks(probe(logits_B), order=...)` needs the order that B *claims*. Before you trust it, find out by
# reading: which pixel does column 0 of B's result talk about, and which pixels has it looked at?
# </details>

# %% exercise found_leaks
leaks_A = None  # replace each None by a list of (output, input) pairs, or by []
leaks_B = None
leaks_C = None
leaks_D = None
### BEGIN SOLUTION
leaks_A = [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]
leaks_B = [(2, 0), (2, 2), (4, 1), (4, 4)]
leaks_C = []
leaks_D = []
### END SOLUTION

# %% check found_leaks 2 points
for label, answer in zip("ABCD", (leaks_A, leaks_B, leaks_C, leaks_D), strict=True):
    typed(answer, f"leaks_{label}")
    is_pairs = all(np.shape(pair) == (2,) for pair in answer)
    assert is_pairs, f"leaks_{label}: a list of (output, input) pairs such as [(1, 0)], or []"
### BEGIN HIDDEN TESTS
from autograder.checks import nade as checks
checks.check_found_leaks(leaks_A, leaks_B, leaks_C, leaks_D)
### END HIDDEN TESTS

# %% [markdown]
# ### A wonderful, meaningless number
#
# (Don't read on before your answers are in.) Train A and C on digits of 8 × 8 pixels: the same data, the same loss,
# the same number of steps; two lines of code stand in another order. Then let each of them draw. (A minute or so.)

# %% demo varies
from lib.data import binarise, load_mnist, shrink
from lib.models import pixel_by_pixel
from lib.training import fit, mean_nll


class Candidate(torch.nn.Module):
    """Weights for one of the programs above, and the log-likelihood that it believes in."""

    def __init__(self, logits, n_pixels=64, n_hidden=64):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.program = logits
        self.W = torch.nn.Parameter(0.3 * torch.randn(n_hidden, n_pixels, generator=generator))
        self.V = torch.nn.Parameter(0.1 * torch.randn(n_pixels, n_hidden, generator=generator))
        self.b, self.c = (torch.nn.Parameter(torch.zeros(n)) for n in (n_pixels, n_hidden))

    def logits(self, x):
        return self.program(x, self.W, self.V, self.b, self.c)

    def log_prob(self, x):
        z = self.logits(x)
        return -torch.nn.functional.binary_cross_entropy_with_logits(z, x, reduction="none").sum(1)


grey = shrink(load_mnist("train")[0], 8).flatten(1)
unseen = binarise(shrink(load_mnist("test")[0], 8).flatten(1), torch.Generator().manual_seed(1))
figure, axes = plots.panels(3, width=2.4, height=2.6)
plots.digits(unseen[:25], columns=5, ax=axes[0], title="test digits")
for ax, (label, program) in zip(axes[1:], {"A": logits_A, "C": logits_C}.items(), strict=True):
    model = Candidate(program)
    fit(model, grey, epochs=1, batch_size=200, lr=2e-2, warmup=30, average=0.99, draw=binarise)
    nats = mean_nll(model, unseen)
    print(f"{label}: {nats:.2f} nats per image on test digits")
    uniforms = torch.rand(25, 64, generator=torch.Generator().manual_seed(4))
    samples = pixel_by_pixel.draw(model.logits, torch.arange(64), uniforms)
    plots.digits(samples, columns=5, ax=ax, title=f"{label}: {nats:.1f} nats")
plt.show()

# %% [markdown]
# A pays a tenth of what C pays, on *test* digits: no overfitting to see, no warning. But its numbers are no
# probabilities. It was asked to predict pixels that it had been shown, learned to copy, and when it has to
# draw, where a pixel is not there yet, it copies the emptiness. If your loss is too good to be true, **draw
# samples, and probe**.
#
# <details><summary>And B? (open it once you have answered)</summary>
#
# B shuffles its pixels on the way in and forgets to put the logits back: column $t$ is about pixel
# `ORDER[t]`, but is compared with pixel $t$. Some of them look at their own pixel, the others predict one
# pixel from others that the order happened to put before them. Trained, B improves a little, thanks to its leaks.
#
# </details>
#
# ### Exercise: repair B
#
# Write `repaired_B(x, order, W, V, b, c)`, right for any order. `x` is in pixel order, the weights are in
# generation order, and column $d$ of the result describes pixel $d$. You may call your `nade_logits`.
# (`lib.models`, which some demos import, is not there when your answer is graded.)
#
# <details><summary>Hint</summary>
#
# Column $t$ of `x[:, order]` is pixel `order[t]`. Where does column $t$ of the logits that you get from it have
# to go? You can write it there, or look for the permutation that undoes `order`. Try it on paper with the
# order (2, 0, 4, 1, 3). (`order` is a tuple; `torch.tensor(order)` makes a tensor of it.)
# </details>

# %% exercise repaired_B
def repaired_B(x, order, W, V, b, c):
    """NADE's logits in any order of generation.

    x          : tensor (B, D) of zeros and ones, column d is pixel d.
    order      : tuple, a permutation of range(D); order[t] is the pixel generated t-th.
    W, V, b, c : as for nade_logits; column t of W, row t of V, entry t of b belong to pixel order[t].
    Returns a tensor (B, D), column d is the logit of pixel d given the pixels generated before it.
    """
    ### BEGIN SOLUTION
    order = torch.as_tensor(order)
    in_order = nade_logits(x[:, order], W, V, b, c)
    return in_order[:, order.argsort()]
    ### END SOLUTION

# %% check repaired_B 2 points
found = np.asarray(repaired_B(torch.tensor([[0.0, 1.0, 1.0]]), (1, 2, 0), *tiny()))  # generated: 1, 1, 0
assert found.shape == (1, 3), "one logit for each pixel of each image: the shape of x"
assert np.allclose(found[0, 1], 0, atol=1e-4), "pixel 1 is generated first, so its logit is that of c: 0"
assert np.allclose(found, [[0.1192, 0, 1]], atol=1e-3), "the table's logits 0, 1, 0.12 are of pixels 1, 2, 0"
only_4 = torch.tensor([[0.0, 0.0, 0.0, 0.0, 1.0]])  # generated third; one hidden unit that tells if one was lit
parts = torch.full((1, 5), 90.0), torch.full((5, 1), 100.0), torch.arange(1.0, 6.0), torch.tensor([-45.0])
found = np.asarray(repaired_B(only_4, ORDER, *parts))
assert np.allclose(found % 100, [[2, 4, 1, 5, 3]], atol=1e-3), "b is 1, 2, ..., 5 for pixels 2, 0, 4, 1, 3"
assert np.allclose(found, [[2, 104, 1, 105, 3]], atol=1e-3), "pixels 1 and 3 alone come after pixel 4, which is lit"
found = np.asarray(repaired_B(torch.zeros(2, 5), (1, 0, 3, 4, 2), *parts))  # two images without ink
told = "in the order 1, 0, 3, 4, 2 the b of 1, 2, ..., 5 are those of pixels 1, 0, 3, 4, 2, in each image"
assert found.shape == (2, 5) and np.allclose(found, [[2, 1, 5, 3, 4]] * 2, atol=1e-3), told
### BEGIN HIDDEN TESTS
from autograder.checks import nade as checks
checks.check_repaired_B(repaired_B)
### END HIDDEN TESTS

# %% demo
figure, axes = plots.panels(2, width=3.1, height=2.9)
repaired = probe(lambda x, W, V, b, c: repaired_B(x, ORDER, W, V, b, c))
plots.dependence_matrix(probe(logits_B), ax=axes[0], order=ORDER, title="logits_B")
plots.dependence_matrix(repaired, ax=axes[1], order=ORDER, title="repaired")
plt.show()

# %% [markdown]
# ## Take it with you
#
# ### Pitfalls
#
# - **Adding before reading.** The sum for pixel $d$ excludes pixel $d$. Inclusive sums are what `cumsum`
#   gives by default.
# - **An order applied once.** Inputs go through the order, outputs through its inverse, `argsort(order)`. For
#   a reversal the two are the same, so a test with a reversed order proves nothing.
# - **A mean in place of a sum.** 0.11 and 88 can be the same result: nats per *pixel* and nats per *image*.
#   Losses of deep-learning libraries average over every axis unless told otherwise; the scoreboard wants the
#   sum over pixels, averaged over images.
# - **Another binarisation.** Thresholding the grey levels, drawing them once, and drawing them anew make
#   three data sets with three different entropies. NLLs compare within one of them only.
# - **Biases of the wrong side.** $b$ has one entry per pixel, $c$ one per hidden unit. With $D = H$ the code
#   runs with the two exchanged, and so does a `W` that should be transposed. Test with $D \ne H$.
# - **Probabilities where logits belong.** In float32 the logarithm of a rounded probability is $-\infty$ from
#   $z = -89$ on for $\sigma(z)$, and at $z = 17$ for $1 - \sigma(z)$. Stay in logits to the end.
# - **Half precision in the running sum.** 784 additions in float16 pile up rounding errors, and a sample that
#   compares $u < p$ may then turn out differently from the scoring pass.
# - **The highest probability, taken for the best.** The blank sheet has a higher one than most digits.
# - **"It conditions on any subset."** On any subset that comes first in its order.
#
# ### Self-check: six questions

# %% practice
from lib.practice import choice, numeric, quiz

quiz(
    choice(
        "What makes the running sum possible?",
        "All conditionals share W, so the sum for pixel d + 1 contains the sum for pixel d.",
        "With a matrix of its own for every conditional, every sum would have to start afresh.",
        {
            "The sigmoid is monotone.": "Any activation would do: it is applied after the sum.",
            "Most pixels are not lit.": "That saves time, but dense images have a running sum too.",
            "The pixels are independent.": "Then there would be nothing to sum.",
        },
    ),
    numeric(
        "How many weights (no biases) does an FVSBN of 784 pixels use?",
        306936, "784 × 783 / 2 = 306 936: one for every pair of pixels.", tolerance=0.5,
        hint="Not yet: every pixel has one weight for each pixel before it. 0 + 1 + … + 783.",
    ),
    choice(
        "A NADE in raster order is to fill in the upper half of a digit, given the lower. What do you do?",
        "Train (or load) a model with an order in which the lower half comes first.",
        "Given pixels have to come first in the order; then completing them is plain sampling.",
        {
            "Set observed to 392 and flip the image.": "It was trained on upright digits, in raster order.",
            "Sample the upper half, paste the lower one in.": "The halves would not know each other.",
            "Nothing: no autoregressive model can.": "In another order the same question is easy.",
        },
    ),
    numeric(
        "A training log says 0.115 nats: binary cross-entropy averaged over 784 pixels and all images. "
        "What is it in nats per image (one decimal)?",
        90.2, "0.115 × 784 = 90.2. Only the sum over pixels is an image's NLL.", tolerance=0.15,
        hint="Not yet: the mean over pixels is the sum divided by their number.",
    ),
    choice(
        "An RNADE reports a mean log-density of +3.1 nats on held-out data. What follows?",
        "Nothing yet: a density may exceed 1, and in other units the number would be another one.",
        "Compare it with another density of the same data in the same units.",
        {
            "A bug: log-probabilities are never positive.": "Log-densities are no log-probabilities.",
            "The model beats every binary NADE.": "A density and a probability have no common scale.",
        },
    ),
    choice(
        "A blank sheet has a higher probability than most test digits. What does it tell you?",
        "That it is easy to predict. Draws look like digits because together they outweigh it by far.",
        "Typical is not the same as most probable.",
        {
            "The model is broken.": "It would be if it drew blank sheets. It does not.",
            "The blank sheet is typical.": "Typical images have an NLL near the average.",
            "The test set contains blank sheets.": "It does not.",
        },
    ),
)

# %% [markdown]
# ### Flashcards

# %% practice
from lib.practice import flashcards

flashcards(
    [
        ("FVSBN", "Each pixel a logistic regression on the pixels before it: strictly lower triangular W."),
        ("NADE's hidden layer for pixel d", "h_d = σ(c + the columns of W of the lit pixels before d)"),
        ("NADE's running sum", "a_1 = c; a_(d+1) = a_d + W_d x_d. Read first, then add."),
        ("Cost of all D conditionals, H hidden units", "O(D·H) with the running sum, O(D²·H) without"),
        ("Number of parameters of NADE", "2·D·H + D + H: W, V, b and c"),
        ("Which column of W is never used?", "That of the last pixel: nothing comes after it."),
        ("Sampling an image of D pixels", "D steps, one after the other; each pixel drawn joins the sum."),
        ("What can be completed exactly?", "What comes after the given pixels in the model's order."),
        ("An order, applied", "x[:, order] on the way in, [:, argsort(order)] on the way out"),
        ("Categorical conditionals", "K logits per position and a softmax; one column of W per value"),
        ("RNADE", "Real values: each conditional a mixture of Gaussians. Densities, so mind the unit."),
        ("A test NLL too good to be true", "Probe for leaks, and draw samples."),
    ],
    title="NADE",
)

# %% [markdown]
# ### The one-line version
#
# > **Let each pixel speak once, to one shared hidden layer, and keep a running sum of what has been said:
# > that is every conditional of the image, exactly, for the price of one network.**
#
# ### Further reading
#
# - H. Larochelle and I. Murray (2011). The neural autoregressive distribution estimator. *AISTATS*, PMLR 15,
#   29–37. NADE, found by asking how to compute in a restricted Boltzmann machine what cannot be computed.
# - B. Uria, M.-A. Côté, K. Gregor, I. Murray and H. Larochelle (2016). Neural autoregressive distribution
#   estimation. *Journal of Machine Learning Research* 17(205), 1–37; arXiv 1605.02226. All of this lesson in
#   one paper, with deep, orderless and convolutional variants, and the 88.33 nats.
# - B. Uria, I. Murray and H. Larochelle (2013). RNADE: the real-valued neural autoregressive
#   density-estimator. *NIPS*; arXiv 1306.0186.
# - R. M. Neal (1992). Connectionist learning of belief networks. *Artificial Intelligence* 56(1), 71–113; and
#   B. J. Frey, G. E. Hinton and P. Dayan (1996). Does the wake-sleep algorithm produce good density
#   estimators? *NIPS*. Where the logistic regressions come from, and their first digits.
# - Y. Bengio and S. Bengio (2000). Modeling high-dimensional discrete data with multi-layer neural networks.
#   *NIPS 12*. A hidden layer for every conditional, before the weights were tied.
# - C. M. Bishop (1994). *Mixture density networks*. Technical report NCRG/94/004, Aston University. Networks
#   that output mixtures.
# - R. Salakhutdinov and I. Murray (2008). On the quantitative analysis of deep belief networks. *ICML*. The
#   binarised digits as everybody measures on them.
# - Y. LeCun, L. Bottou, Y. Bengio and P. Haffner (1998). Gradient-based learning applied to document
#   recognition. *Proceedings of the IEEE* 86(11), 2278–2324. MNIST.
# - K. B. Gorman, T. D. Williams and W. R. Fraser (2014). Ecological sexual dimorphism and environmental
#   variability within a community of Antarctic penguins (genus *Pygoscelis*). *PLOS ONE* 9(3), e90081. The
#   penguins. Provenance and licences of all data: `data/README.md`.
# - E. Nalisnick et al. (2019). Do deep generative models know what they don't know? *ICLR*; arXiv 1810.09136.
#   The blank sheet, at full size.
#
# Next: NADE's running sum takes 784 small steps, one after the other, also where nothing has to wait:
# in scoring, all pixels are known. Lesson 4 gets all conditionals out of an ordinary network in a single pass, by
# cutting the connections that would let a pixel see itself.
