# %% [markdown]
# # 04 · MADE: an autoencoder with the forbidden connections cut
#
# **Promise.** After this lesson you can turn any feed-forward network into an exact, normalised distribution
# by multiplying its weights with masks of zeros and ones, get all its conditionals in a single pass, in any
# order, train it with a step that you wrote yourself, and combine several orders into one honest likelihood.
#
# **Time.** 55 minutes to read, 150 to practise; sections marked *optional* hold no exercise and are not
# counted. **You need.** Lessons 2 and 3 (NLL; NADE and binarised digits), what a linear layer with a ReLU does,
# and what a gradient is.
#
# The NADE of lesson 3 walks through an image pixel by pixel. Its running sum makes each step cheap, but there are
# 784 of them, one after the other, and hardware that multiplies large matrices has nothing large to multiply. An
# autoencoder computes 784 outputs from 784 inputs in a few large products, but its outputs are no conditionals.
# This lesson cuts it so that they are.

# %%
import itertools
import math
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
# Take an ordinary autoencoder: pixels in, one hidden layer, one logit per pixel out. Train it on digits (made
# smaller, 14 × 14 pixels, so that it takes seconds) with the loss of lesson 3, the cross-entropy of each
# pixel summed over the image, and pretend that this is an NLL.

# %% demo varies
from lib.data import binarise, load_mnist, shrink
from lib.training import fit, mean_nll


class Autoencoder(torch.nn.Module):
    """196 pixels in, 300 hidden units, 196 logits out. Every connection is there."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weights = torch.nn.ParameterList(
            0.1 * torch.randn(shape, generator=generator) for shape in ((300, 196), (196, 300))
        )
        self.biases = torch.nn.ParameterList(torch.zeros(n) for n in (300, 196))

    def logits(self, x):
        h = torch.relu(x @ self.weights[0].T + self.biases[0])
        return h @ self.weights[1].T + self.biases[1]

    def log_prob(self, x):  # so it claims
        terms = torch.nn.functional.binary_cross_entropy_with_logits(self.logits(x), x, reduction="none")
        return -terms.sum(dim=1)


grey = {split: shrink(load_mnist(split)[0], 14).flatten(1) for split in ("train", "test")}
test = binarise(grey["test"], torch.Generator().manual_seed(0))
autoencoder = Autoencoder()
fit(autoencoder, grey["train"], epochs=3, batch_size=200, lr=3e-3, average=0.99, draw=binarise)
lit = grey["train"].float().mean(dim=0).div(255).clamp(1e-4, 1 - 1e-4)
independent = -(test * lit.log() + (1 - test) * (1 - lit).log()).sum(dim=1).mean().item()
print(f"every pixel on its own: {independent:.1f} nats per digit")
print(f"the autoencoder:        {mean_nll(autoencoder, test):.1f} nats per digit")

generator = torch.Generator().manual_seed(1)
uniforms, noise = torch.rand(8, 196, generator=generator), torch.rand(8, 196, generator=generator)
with torch.no_grad():
    rows = [test[:8], torch.sigmoid(autoencoder.logits(test[:8]))]
    for x in (torch.zeros(8, 196), (noise < 0.5).float()):
        for d in range(196):  # draw pixel by pixel, feeding back what was drawn
            x[:, d] = (uniforms[:, d] < torch.sigmoid(autoencoder.logits(x)[:, d])).float()
        rows.append(x)
depends = dependence(lambda x: autoencoder.logits(x[None].float())[0], test[0].bool())

figure = plt.figure(figsize=(7.4, 3.3))
left, right = figure.subfigures(1, 2, width_ratios=(1.75, 1))
titles = ["digits", "what comes out of the autoencoder", "drawn, from an empty page", "drawn, from noise"]
for ax, images, title in zip(left.subplots(4, 1), rows, titles, strict=True):
    plots.digits(images, ax=ax, side=14)
    ax.set_title(title, fontsize=10, fontweight="normal")
plots.dependence_matrix(depends, ax=right.subplots(), title="who looks at whom")
plt.show()

# %% [markdown]
# The loss is wonderful. Honest models, which you will train below, pay many times as much for the same
# digits. And the copies in the second row look fine.
#
# Then we draw from it, as from NADE: start with an empty page, read the first output, draw the first pixel,
# feed it back, and so on. The page stays empty but for a few specks. From noise, the noise stays. It has
# learned to copy whatever it is shown, and nothing about digits: the output for pixel $d$ looks at all
# pixels, *pixel $d$ included* (vermilion in the matrix: the diagonal and everything to the right of it). So
# its number is no $p_\theta(x_d \mid x_{<d})$: it predicts a pixel from itself. (In the drill of lesson 2, a loss
# that compared position $t$ with its own input was as wonderful, and as empty.)
#
# The loss was the right one, term by term the loss that NADE is trained with. What makes a sum of cross-entropies
# an NLL is not in the loss: it is in *what each output is connected to*. **Causality lives in the connectivity.**
# And that can be mended: we know which dependences are forbidden, and in a network every dependence runs along
# connections. So cut them.

# %% [markdown]
# ## The idea
#
# ### A number for every unit
#
# Which connections have to go? A hidden unit is a summary of some inputs, and it may be passed on to those
# outputs that are allowed to know *all* of these inputs. Keeping track of sets of pixels would be a nuisance.
# But in an autoregressive order the sets are nested: output 2 may know $x_1$, output 3 may know $x_1, x_2$,
# and so on. So a single number says it all. Give every unit a **degree** $m$:
#
# | unit | its degree | may know |
# |:--|:--|:--|
# | input $x_d$ | its place in the order, 1 to $D$ | itself |
# | hidden unit | any number from 1 to $D-1$ | the inputs of places 1 to $m$ |
# | output for $x_d$ | its place in the order again | the inputs of places 1 to $m-1$ |
#
# A connection from unit $i$ to unit $j$ stays if everything that $i$ may know, $j$ may know too:
#
# $$\text{into a hidden unit: } m_j \ge m_i, \qquad\qquad \text{into an output: } m_j > m_i.$$
#
# Written as matrices of zeros and ones, these are the **masks**. They are multiplied into the weights, entry
# by entry, and that is the whole of MADE, the *masked autoencoder for distribution estimation* (Germain et
# al. 2015):
#
# $$h = \mathrm{relu}\big(c + (W \odot M^W)\,x\big), \qquad \mathrm{logits} = b + (V \odot M^V)\,h.$$
#
# (Places count from 1, as in the paper; positions in code from 0, so place $d$ is `x[:, d - 1]` as long as
# the order is the raster order.)

# %% figure
inputs, hidden = np.arange(1, 5), np.array([1, 3, 2, 2, 1])
masks = [hidden[:, None] >= inputs, inputs[:, None] > hidden]
figure, axes = plt.subplots(1, 3, figsize=(7.5, 2.5), width_ratios=(1, 1, 0.85))
plots.masked_network([inputs, hidden, inputs], ax=axes[0], title="an autoencoder")
plots.masked_network([inputs, hidden, inputs], masks, ax=axes[1], title="MADE")
labels = [f"$x_{d}$" for d in inputs]
plots.dependence_matrix(masks[1] @ masks[0], ax=axes[2], labels=labels, title="its outputs know")
axes[2].set(xlabel="input", ylabel="output")
plt.show()

# %% [markdown]
# Follow some lines. The output for $x_1$ is connected to nothing: it is a bias, the share of images in which
# the first pixel is lit, and nothing else is allowed. Input $x_4$ leads nowhere: everybody comes before it.
#
# **Why it works**, in one line. Take any path from input $s$ through hidden units to output $t$. Along it
# the degrees never fall, and at the last step they rise:
#
# $$s \;\le\; m_1 \;\le\; m_2 \;\le\; \dots \;<\; t \qquad\Longrightarrow\qquad s < t.$$
#
# No path, no dependence. This holds for any weights whatever, before training and after, so the product of
# the outputs' probabilities is a proper distribution all the time.
#
# **Why strict only at the output.** A hidden unit of degree 2 is a note that says something about $x_1$ and
# $x_2$. Handing the note to another unit that may know $x_1$ and $x_2$ does no harm. But the output for $x_2$
# is *about* $x_2$; it must not get the note. Each path needs one strict step, and one is enough. With more,
# the network stays sound and goes blind: every further strict layer hides one more of the latest pixels from
# every output.
#
# **Why degrees 1 to $D-1$.** A hidden unit of degree $D$ would know all pixels, and no output may listen to
# it. A unit of degree 0 would be connected to no input: a second bias. Neither is wrong. Both are wasted.

# %% [markdown]
# ### By hand: what stays
#
# Here is a network with 4 inputs and two hidden layers of 5 units. The number in each unit is its degree.
# Nothing has been cut yet.

# %%
SMALL = [torch.tensor([1, 2, 3, 4]), torch.tensor([1, 3, 2, 1, 3]), torch.tensor([2, 1, 3, 2, 3])]

# %% figure
figure, ax = plt.subplots(figsize=(4.8, 2.7))
plots.masked_network([*SMALL, SMALL[0]], ax=ax, title="20 + 25 + 20 connections: which stay?")
plt.show()

# %% [markdown]
# How many stay? Don't count lines: go through the units that connections lead *to*, and ask of each how many
# units below it have a degree that it tolerates. Into the first hidden layer, of degrees 1, 3, 2, 1, 3: these keep
# 1 + 3 + 2 + 1 + 3 = **10** inputs. Into the second, of degrees 2, 1, 3, 2, 3: of the five below, those of degree
# at most 2, 1, 3, 2, 3, so 3 + 2 + 5 + 3 + 5 = **18**. Into the outputs 1, 2, 3, 4: only lower degrees count, so
# 0 + 1 + 3 + 5 = **9**.
#
# ### By hand: a network of your own
#
# Type your name. It draws the hidden degrees of a network with **8 inputs** in raster order and two hidden
# layers of 4 units; the grader draws the same ones from the same name.

# %% exercise student_name
student_name = None  # your name, in quotes
### BEGIN SOLUTION
student_name = "Ada Lovelace"
### END SOLUTION

# %% demo
mine = personal_numbers(student_name, "04", 1, 7, 8)
print("degrees of the inputs:              1, 2, 3, 4, 5, 6, 7, 8")
print("degrees of the first hidden layer: ", ", ".join(map(str, mine[:4])))
print("degrees of the second hidden layer:", ", ".join(map(str, mine[4:])))

# %% [markdown]
# How many connections stay in each of the three parts (of 32, 16 and 32)? Type the three counts, from the
# inputs to the outputs.
#
# <details><summary>Hint</summary>
#
# To how many of the inputs 1 to 8 is a unit of degree 5 connected? To how many of the outputs 1 to 8? With
# the answer to these two you need no drawing.
# </details>

# %% exercise kept_mine
kept_mine = None  # replace None by a list of three counts
### BEGIN SOLUTION
mine = personal_numbers(student_name, "04", 1, 7, 8)
between = sum(to >= source for source in mine[:4] for to in mine[4:])
kept_mine = [sum(mine[:4]), between, sum(8 - m for m in mine[4:])]
### END SOLUTION

# %% check kept_mine 2 points
assert len(typed(kept_mine, "kept_mine")) == 3, "a list of three counts, one for each pair of layers"
assert all(0 <= count <= 32 for count in kept_mine), "there are only 32, 16 and 32 connections to begin with"
typed(student_name, "student_name")
### BEGIN HIDDEN TESTS
from autograder.checks import made as checks
checks.check_kept_mine(student_name, kept_mine)
### END HIDDEN TESTS

# %% [markdown]
# Did you notice? With a *single* hidden layer, a unit of degree $m$ keeps $m$ connections below and $D - m$
# above: always $D$ of its $2D$. Exactly half of the weights go, whatever the degrees.

# %% [markdown]
# ## Build it
#
# ### Where hidden degrees come from
#
# The paper draws them. In the first hidden layer every value from 1 to $D-1$ is equally likely. In a deeper one
# the values run from the *smallest degree of the layer below* to $D-1$: a unit of lower degree could not listen to
# anybody. The seed belongs to the network. Other degrees are other masks, and with other masks the same weights
# are another model.

# %%
def draw_degrees(n_pixels, sizes, seed):
    """The degrees of hidden layers of these sizes, drawn as in the paper: a list of int64 tensors."""
    generator, layers, lowest = torch.Generator().manual_seed(seed), [], 1
    for size in sizes:
        layers.append(torch.randint(lowest, n_pixels, (size,), generator=generator))
        lowest = int(layers[-1].min())
    return layers

# %% [markdown]
# ### Exercise: `make_masks`
#
# Now the masks, for any number of hidden layers, with the inputs in any order. `degrees` holds one vector
# for the inputs and one for each hidden layer. **The outputs' degrees are the inputs'**, since output $d$ is
# about pixel $d$. So $L$ hidden layers make $L + 1$ masks. Each is shaped like the weight it will be
# multiplied with, `(units it leads to, units it comes from)`, and the last one is the strict one.
#
# With $L = 0$ there is only the strict mask, straight from inputs to outputs. (That network is the fully visible
# sigmoid belief net of lesson 3, all its conditionals at once.)
#
# <details><summary>Hint</summary>
#
# Comparing a column `to[:, None]` with a row `source[None, :]` gives a whole matrix at once. Write down the
# list of layers with the outputs at its end, and go through neighbours.
# </details>

# %% exercise make_masks
def make_masks(degrees):
    """The masks of a masked autoencoder.

    degrees : list of L + 1 int tensors: the inputs' degrees (D,), a permutation of 1 to D; then the degrees
              of each hidden layer. L may be 0.
    Returns a list of L + 1 tensors of zeros and ones (or booleans); number l is shaped (units of layer l + 1,
    units of layer l), the last one (D, units of layer L).
    """
    ### BEGIN SOLUTION
    masks = [to[:, None] >= source[None, :] for source, to in itertools.pairwise(degrees)]
    return [*masks, degrees[0][:, None] > degrees[-1][None, :]]
    ### END SOLUTION

# %% check make_masks 3 points
masks = [np.asarray(mask) for mask in make_masks(SMALL)]
assert [m.shape for m in masks] == [(5, 4), (5, 5), (4, 5)], "4 inputs, 5 and 5 hidden units: three masks"
assert masks[0][1].tolist() == [1, 1, 1, 0], "hidden unit 1 has degree 3: it keeps inputs 1, 2, 3 and loses 4"
assert masks[2][0].sum() == 0, "the output for the first pixel may know nothing"
shuffled = np.asarray(make_masks([torch.tensor([2, 3, 1])])[0])
assert shuffled.tolist() == [[0, 0, 1], [1, 0, 1], [0, 0, 0]], "no hidden layer, degrees 2, 3, 1: strict"
### BEGIN HIDDEN TESTS
from autograder.checks import made as checks
checks.check_make_masks(make_masks)
### END HIDDEN TESTS

# %% [markdown]
# Here is the network from above, cut by *your* masks; and beside it the masks of a larger network, 20 pixels
# in a shuffled order and two hidden layers of 30. Black is kept. It looks like noise. Sort the units of each
# layer by degree, which changes nothing but the drawing, and the pattern comes out: staircases, the last one
# a step lower.

# %% figure
masks = [np.asarray(mask) for mask in make_masks(SMALL)]
figure, ax = plt.subplots(figsize=(4.8, 2.7))
plots.masked_network([*SMALL, SMALL[0]], masks, ax=ax, title=f"{sum(int(m.sum()) for m in masks)} of 65 stay")
plt.show()

rng = np.random.default_rng(4)
layers = [torch.from_numpy(rng.permutation(20) + 1)]
layers += draw_degrees(20, (30, 30), seed=1)
figure, axes = plt.subplots(2, 3, figsize=(6.8, 4.6))
names = ["inputs → hidden 1", "hidden 1 → hidden 2", "hidden 2 → outputs"]
for row, degrees in zip(axes, (layers, [layer.sort().values for layer in layers]), strict=True):
    for ax, mask in zip(row, make_masks(degrees), strict=True):
        ax.imshow(np.asarray(mask), cmap="gray_r", vmin=0, vmax=1.3)
        ax.set(xticks=(), yticks=())
for ax, name in zip(axes[0], names, strict=True):
    ax.set_title(name, fontsize=11)
axes[0, 0].set_ylabel("as they are")
axes[1, 0].set_ylabel("sorted by degree")
plt.show()

# %% [markdown]
# ### Exercise: `masked_linear`
#
# A linear layer whose mask is applied *every time it is used*. The weight itself stays as it is. The grader looks at
# the numbers that come out, whatever they are made with. Use PyTorch's operations here and in `made_logits`: further
# down your network is trained, and gradients pass through nothing else.
#
# <details><summary>Hint</summary>
#
# Without a mask it is one line; `torch.nn.functional.linear` is that line as a function. Where can the mask come in,
# if the weight itself must stay as it is?
# </details>

# %% exercise masked_linear
def masked_linear(x, weight, bias, mask):
    """A linear layer of which only the connections in the mask exist.

    x : (B, n_in). weight : (n_out, n_in). bias : (n_out,). mask : (n_out, n_in), zeros and ones or booleans.
    Returns (B, n_out). The weight is not changed.
    """
    ### BEGIN SOLUTION
    return torch.nn.functional.linear(x, weight * mask, bias)
    ### END SOLUTION

# %% check masked_linear 1 point
weight, bias = torch.tensor([[2.0, 3.0, 4.0], [5.0, 7.0, 11.0]]), torch.tensor([0.5, -1.0])
some = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
out = np.asarray(masked_linear(torch.tensor([[1.0, 1.0, 10.0]]), weight, bias, some))
assert out.shape == (1, 2), "one row per row of x, one column per row of the weight"
assert np.allclose(out[0, 0], 42.5), "the first output keeps 2 and 4, and its bias: 2 + 4 * 10 + 0.5"
assert np.allclose(out[0, 1], -1), "the second output keeps its bias only"
assert weight[0, 1] == 3.0, "multiply in passing; the weight itself should stay as it is"
### BEGIN HIDDEN TESTS
from autograder.checks import made as checks
checks.check_masked_linear(masked_linear)
### END HIDDEN TESTS

# %% [markdown]
# Why not cut the weights once, when the network is made? Because training puts them back. Below, a single
# layer over four pixels. On the left the weight was multiplied with the mask at the start and never again; on
# the right your `masked_linear` does it in every pass. Both take *one* step of gradient descent. (In the
# right one, the gradient of a cut weight is its mask times something, which is zero: the chain rule of
# calculus looks after it.)

# %% demo
strict = torch.as_tensor(np.asarray(make_masks([torch.arange(1, 5)])[0])).float()
x = torch.tensor([[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 1.0]])
start = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
layers = {
    "masked once": (start * strict, lambda x, weight: torch.nn.functional.linear(x, weight)),
    "masked every time": (start.clone(), lambda x, weight: masked_linear(x, weight, torch.zeros(4), strict)),
}
figure, axes = plots.panels(2, width=3.2, height=3.0)
for ax, (title, (weight, layer)) in zip(axes, layers.items(), strict=True):
    weight.requires_grad_()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(layer(x, weight), x)
    loss.backward()
    stepped = weight.detach() - 0.1 * weight.grad
    found = dependence(lambda v, w=stepped, f=layer: f(v[None].float(), w)[0], torch.tensor([1, 0, 1, 1]) > 0)
    plots.dependence_matrix(found, ax=ax, title=title)
    print(f"{title}, after one step: {len(leaks(found))} leaks")
plt.show()

# %% [markdown]
# ### Exercise: `made_logits`
#
# Put the layers together: masked linear layers with a ReLU between them. What comes out of the last one are
# logits, which may have either sign and any size. (The ReLU is a choice, and the one asked for here. Causality
# is content with any function that is applied to each unit separately: it carries nothing from one unit to another.)
#
# <details><summary>Hint</summary>
#
# A loop over `zip(weights, biases, masks)` does all but the last layer, which wants no ReLU. It has to work
# with no hidden layer too.
# </details>

# %% exercise made_logits
def made_logits(x, weights, biases, masks):
    """All conditionals of a batch of images in one pass.

    x : (B, D), zeros and ones. weights, biases, masks : lists of L + 1 tensors; layer l has a weight and a
    mask of shape (n_out, n_in) and a bias (n_out,). Masks hold zeros and ones or booleans, and may cut all inputs of a
    unit. Nothing given is changed.
    Returns (B, D): the logit of each pixel given the pixels before it in the masks' order.
    """
    ### BEGIN SOLUTION
    for layer, (weight, bias, mask) in enumerate(zip(weights, biases, masks, strict=True)):
        if layer > 0:
            x = torch.relu(x)
        x = torch.nn.functional.linear(x, weight * mask, bias)
    return x
    ### END SOLUTION

# %% check made_logits 2 points
ones, no_bias = [torch.ones(2, 2), torch.ones(2, 2)], [torch.zeros(2), torch.tensor([-1.0, 0.0])]
two_masks = [torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[0.0, 0.0], [1.0, 1.0]])]
out = np.asarray(made_logits(torch.tensor([[1.0, 1.0]]), ones, no_bias, two_masks))
assert out.shape == (1, 2), "one logit for each pixel of each image"
assert np.allclose(out, [[-1.0, 2.0]]), "the first output: its bias, -1. The second: twice the first pixel"
out = np.asarray(made_logits(torch.tensor([[1.0, 0.0]]), [-ones[0], ones[1]], no_bias, two_masks))
assert np.allclose(out, [[-1.0, 0.0]]), "negative sums should be stopped by the ReLU between the layers"
out = np.asarray(made_logits(torch.tensor([[1.0, 0.0]]), ones, [torch.tensor([6.0, 1.0]), no_bias[1]], two_masks))
assert np.allclose(out, [[-1.0, 9.0]]), "the hidden sums 1 + 6 and 1 + 1, with their biases, pass the ReLU as they are"
### BEGIN HIDDEN TESTS
from autograder.checks import made as checks
checks.check_made_logits(made_logits)
### END HIDDEN TESTS

# %% [markdown]
# Now the probe of lesson 1, which knows nothing of degrees: it flips one pixel and watches the outputs. Your
# network, with random weights, one to three hidden layers, in raster order and in a shuffled one. No
# vermilion may appear. (The order 4, 1, 6, 2, 5, 3 means that $x_4$ comes first and $x_3$ last.)

# %% demo
def random_network(order, n_layers, n_hidden=40, seed=0):
    """A MADE with random weights: `(function of one image, masks)`."""
    generator = torch.Generator().manual_seed(seed)
    degrees = [torch.argsort(torch.tensor(order)) + 1]
    degrees += draw_degrees(len(order), n_layers * (n_hidden,), seed)
    masks = [torch.as_tensor(np.asarray(mask)) for mask in make_masks(degrees)]
    weights = [torch.randn(mask.shape, generator=generator) for mask in masks]
    biases = [torch.randn(len(mask), generator=generator) for mask in masks]
    return lambda x: made_logits(x[None].float(), weights, biases, masks)[0], masks


figure, axes = plt.subplots(2, 3, figsize=(6.4, 4.6))
for row, order in zip(axes, ([0, 1, 2, 3, 4, 5], [3, 0, 5, 1, 4, 2]), strict=True):
    for ax, n_layers in zip(row, (1, 2, 3), strict=True):
        network, _ = random_network(order, n_layers)
        found = dependence(network, torch.tensor([True, False, True, True, False, True]))
        name = "raster" if order[0] == 0 else "4, 1, 6, 2, 5, 3"
        plots.dependence_matrix(found, ax=ax, order=order, labels="123456")
        ax.set_title(f"{name}; {n_layers} hidden", fontsize=10)
        ax.set(xlabel="", ylabel="")
        print(f"{name}, {n_layers} hidden layers: {describe(leaks(found, order))}")
plt.show()

# %% [markdown]
# ### A step of training
#
# So far a library has trained all our models. What it repeats a few thousand times is short. Take a batch of $B$
# images, work out the loss, which is their mean NLL,
#
# $$L = \frac1B \sum_{n=1}^{B} \sum_{d=1}^{D} -\ln p_\theta\big(x_d^{(n)} \mid x_{<d}^{(n)}\big),$$
#
# and move every parameter against its derivative: $w \leftarrow w - \eta\, \partial L / \partial w$, with a
# **learning rate** $\eta$. That is stochastic gradient descent. (Adam, which trains the larger models here, adds a
# memory to it.) All derivatives come from those with respect to the logits, and these are as simple as can be:
#
# $$\frac{\partial}{\partial z}\big[-x \ln \sigma(z) - (1 - x) \ln(1 - \sigma(z))\big] = \sigma(z) - x,$$
#
# what the model expected minus what was there. From there the chain rule of calculus leads down through the layers,
# along the connections that the masks keep. PyTorch does it for you if you ask.
#
# ### Exercise: `training_step`
#
# One step, by value: parameters and a batch in, the loss and the stepped parameters out. The given parameters stay
# as they are, so that a second call with them gives the same again. In what you return the weights that a mask cuts
# stay too: nothing depends on them, so their derivative is 0. No clipping, no momentum. Take the loss and all
# derivatives at the *given* parameters. The grader works the derivatives out by nudging one parameter at a time;
# how you come by them is your choice: autograd, an optimiser of `torch.optim`, or by hand.
#
# <details><summary>Hint</summary>
#
# With autograd: which tensors does PyTorch have to watch (`requires_grad_`), so that you can ask for derivatives
# with respect to them? Clones, rather than what you were given. Your `made_logits` and a loss from
# `torch.nn.functional` do the rest; mind over which axes that loss takes a mean if it is not told otherwise.
# </details>

# %% exercise training_step
def training_step(x, weights, biases, masks, lr):
    """One step of gradient descent on the mean NLL of a batch.

    x : (B, D), zeros and ones. weights, biases, masks : as for made_logits. lr : float, the learning rate.
    Returns (loss, weights, biases): the mean over the images of -log p(x), in nats, of the given parameters; and
    lists of the parameters after the step, in the shapes that they had. Masked weights stay as given.
    """
    ### BEGIN SOLUTION
    parameters = [v.clone().requires_grad_() for v in [*weights, *biases]]
    new_weights, new_biases = parameters[: len(weights)], parameters[len(weights) :]
    logits = made_logits(x, new_weights, new_biases, masks)
    terms = torch.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none")
    loss = terms.sum(dim=1).mean()
    gradients = torch.autograd.grad(loss, parameters)
    stepped = [(v - lr * g).detach() for v, g in zip(parameters, gradients, strict=True)]
    return loss.detach(), stepped[: len(weights)], stepped[len(weights) :]
    ### END SOLUTION

# %% check training_step 3 points
four = torch.tensor([[1.0, 1.0], [1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])  # no hidden layer; all logits are 0
parts = [torch.tensor([[7.0, 7.0], [0.0, 7.0]])], [torch.zeros(2)], [torch.tensor([[0.0, 0.0], [1.0, 0.0]])]
loss, new_weights, new_biases = training_step(four, *parts, 2.0)
loss = float(torch.as_tensor(loss).detach())
assert abs(loss - 1.3863) < 1e-3, "two fair coins cost 2 ln 2 = 1.39 nats an image: sum over pixels, mean over images"
some = np.asarray(torch.as_tensor(new_biases[0]).detach())
assert np.allclose(some, [0.5, 0]), "pixel 0 is lit in 3 images of 4, p was 1/2: the mean of x - p is 1/4, and lr is 2"
some = np.asarray(torch.as_tensor(new_weights[0]).detach())
assert np.allclose(some[1, 0], 0.25), "its derivative is the mean of (p - x_1) x_0, here -1/8; a step goes downhill"
assert np.allclose(some, [[7, 7], [0.25, 7]]), "the cut weights, all 7, have no say in the loss and stay"
assert parts[0][0][1, 0] == 0, "the given weights should stay as they are"
assert parts[1][0].tolist() == [0, 0], "the given biases should stay as they are"
again = np.asarray(torch.as_tensor(training_step(four, *parts, 2.0)[2][0]).detach())
assert np.allclose(again, [0.5, 0]), "a second step from the same parameters should be the same step"
masks = [torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0], [1.0]])]  # one hidden unit: z = 2 * 1 - 1 = 1, then 3 z
deep = [torch.tensor([[2.0, 7.0]]), torch.tensor([[7.0], [3.0]])], [torch.tensor([-1.0]), torch.zeros(2)]
_, new_weights, _ = training_step(torch.tensor([[1.0, 0.0]]), *deep, masks, 1.0)
some = np.asarray(torch.as_tensor(new_weights[0]).detach())
assert np.allclose(some, [[-0.8577, 7]], atol=1e-3), "with a hidden unit: 2 - 3 sigmoid(3), carried down through its 3"
### BEGIN HIDDEN TESTS
from autograder.checks import made as checks
checks.check_training_step(training_step)
### END HIDDEN TESTS

# %% [markdown]
# A gradient is easily wrong, and a wrong one often trains too, only worse. So **check it by nudging**: make one
# parameter a little larger, then a little smaller, and see by how much the loss differs. In float64 the two agree
# to many digits, or there is a mistake. Here are six weights of a small network.

# %% demo
def your_step(x, weights, biases, masks, lr):
    """What your training_step returns, as a number and as tensors that remember nothing of how they were made."""
    loss, *stepped = training_step(x, weights, biases, masks, lr)
    stepped = [[torch.as_tensor(v).detach().to(x.dtype) for v in values] for values in stepped]
    return float(torch.as_tensor(loss).detach()), *stepped


generator = torch.Generator().manual_seed(0)
masks = [torch.as_tensor(np.asarray(m)).double() for m in make_masks([torch.arange(1, 7), *draw_degrees(6, (8,), 0)])]
weights = [torch.randn(m.shape, generator=generator, dtype=torch.float64) for m in masks]
biases = [torch.randn(len(m), generator=generator, dtype=torch.float64) for m in masks]
x = (torch.rand(5, 6, generator=generator) < 0.5).double()
_, stepped, _ = your_step(x, weights, biases, masks, 1.0)
print("layer, to, from   by nudging  by your step")
for layer, *place in [(0, 1, 0), (0, 1, 4), (0, 4, 0), (1, 5, 4), (1, 5, 5), (1, 4, 7)]:
    ends = []
    for nudge in (1e-5, -1e-5):
        moved = [w.clone() for w in weights]
        moved[layer][tuple(place)] += nudge
        ends.append(your_step(x, moved, biases, masks, 1.0)[0])
    step = float(weights[layer][tuple(place)] - stepped[layer][tuple(place)])
    print(f"{layer}, {place[0]}, {place[1]}         {(ends[0] - ends[1]) / 2e-5:11.6f}   {step:11.6f}")

# %% [markdown]
# And here are 600 of your steps, from random weights, on digits of 14 × 14 pixels. (Some seconds on one core.)

# %% demo varies
from lib.data import binarise, load_mnist, shrink

grey = {split: shrink(load_mnist(split)[0], 14).flatten(1) for split in ("train", "test")}
test = binarise(grey["test"], torch.Generator().manual_seed(0))
generator = torch.Generator().manual_seed(0)
masks = [torch.as_tensor(np.asarray(m)).float() for m in make_masks([torch.arange(1, 197), *draw_degrees(196, (100,), 0)])]
weights = [0.1 * torch.randn(100, 196, generator=generator), torch.zeros(196, 100)]
biases, losses = [torch.zeros(100), torch.zeros(196)], []
for _ in range(600):
    x = binarise(grey["train"][torch.randint(60_000, (100,), generator=generator)], generator)
    loss, weights, biases = your_step(x, weights, biases, masks, 0.1)
    losses.append(loss)
nats = your_step(test, weights, biases, masks, 0.0)[0]
figure, ax = plt.subplots(figsize=(5.6, 2.6))
ax.plot(range(1, 601), losses, linewidth=0.8)
ax.axhline(nats, color="black", linestyle="--", linewidth=1)
ax.text(600, nats - 2, f"test digits: {nats:.1f}", ha="right", va="top")
ax.set(title="Your own gradient descent", xlabel="step", ylabel="nats per digit (14 × 14)", ylim=(30, 140))
plt.show()

# %% [markdown]
# It begins at $196 \ln 2 = 136$ nats, a fair coin for each pixel, and most of what there is to gain is gained in
# the first two hundred steps. The autoencoder at the top paid 0.3 nats for the same digits.
#
# The same loop as a function, for experiments further down:

# %% demo
def trained_by_hand(hidden, pixels, steps, lr, seed=0):
    """One hidden layer with these degrees, trained by your steps, with other degrees of the pixels in each batch."""
    generator = torch.Generator().manual_seed(seed)
    weights = [0.1 * torch.randn(len(hidden), 196, generator=generator), torch.zeros(196, len(hidden))]
    biases = [torch.zeros(len(hidden)), torch.logit(grey["train"].float().mean(dim=0) / 255, eps=1e-4)]
    for _, degrees in zip(range(steps), pixels, strict=False):
        x = binarise(grey["train"][torch.randint(60_000, (100,), generator=generator)], generator)
        masks = [torch.as_tensor(np.asarray(m)).float() for m in make_masks([degrees, hidden])]
        _, weights, biases = your_step(x, weights, biases, masks, lr)
    return weights, biases, masks

# %% [markdown]
# ### Exercise: `dependence_by_masks`
#
# The probe finds what a network with *these weights* does at *these inputs*. The masks tell what it could
# ever do: output $t$ can depend on input $s$ if a path of kept connections leads from $s$ to $t$. The matrix
# product of two masks counts the paths of length two, the product of all masks counts them all. You are asked
# only *whether* there is a path.
#
# Beware of large counts: with 40 units in each layer and 400 layers there are more paths than any float or
# 64-bit integer can hold, and with 256 units in one layer more than a byte can.
#
# <details><summary>Hint</summary>
#
# Which mask is the leftmost factor, the first or the last one? Check with the shapes. And turn counts into
# "any?" before they grow.
# </details>

# %% exercise dependence_by_masks
def dependence_by_masks(masks):
    """Which outputs can depend on which inputs, from the masks alone.

    masks : list of tensors (n_out, n_in) of zeros and ones or booleans, from the inputs to the outputs; any
            masks, also such as no degrees would make, and hundreds of them.
    Returns booleans (n_outputs, n_inputs), array or tensor: [t, s] says that a path leads from input s to
    output t.
    """
    ### BEGIN SOLUTION
    reached = masks[0] > 0
    for mask in masks[1:]:
        reached = mask.float() @ reached.float() > 0
    return reached
    ### END SOLUTION

# %% check dependence_by_masks 2 points
first, second = torch.tensor([[1, 0, 0], [1, 1, 0]]), torch.tensor([[0, 0], [1, 0], [1, 1]])
found = np.asarray(dependence_by_masks([first, second]))
assert found.shape == (3, 3), "one row per output, one column per input"
paths = found.astype(int).tolist()
assert paths == [[0, 0, 0], [1, 0, 0], [1, 1, 0]], "output 1 is reached from input 0, output 2 from 0 and 1"
assert np.asarray(dependence_by_masks([first])).astype(int).tolist() == first.tolist(), "one mask: itself"
### BEGIN HIDDEN TESTS
from autograder.checks import made as checks
checks.check_dependence_by_masks(dependence_by_masks)
### END HIDDEN TESTS

# %% [markdown]
# Masks never lie about leaks, but they show a second thing: **what got lost**. With few hidden units, a draw
# of degrees can be unlucky. If no unit of the second layer has a degree below 3, then the output for $x_3$,
# which may only listen to degrees 1 and 2, hears nothing at all. The network is sound, and worse than it
# needs to be. (Somebody who rebuilt the small example of the paper's figure, 3 inputs and 4 + 4 hidden units,
# found two outputs that heard nothing, where one is right: issue 3 of github.com/karpathy/pytorch-made.) How
# often does it happen, for 10 pixels and two hidden layers?

# %% figure
sizes, lost = (5, 10, 20, 40, 80, 160), []
for n_hidden in sizes:
    counts = []
    for seed in range(100):
        layers = draw_degrees(10, (n_hidden, n_hidden), seed)
        found = np.asarray(dependence_by_masks(make_masks([torch.arange(1, 11), *layers])))
        counts.append(45 - int(found.sum()))
    lost.append(counts)
figure, ax = plt.subplots(figsize=(6.2, 2.7))
ax.boxplot(lost, widths=0.5, medianprops={"color": plots.COLOURS["vermilion"]})
ax.set_xticks(range(1, len(sizes) + 1), sizes)
ax.set(title="Degrees drawn at random", xlabel="hidden units in each layer", ylabel="lost, of 45 dependences")
ax.grid(False, axis="x")
plt.show()

# %% [markdown]
# With many more units than pixels the problem disappears. Where units are scarce, spread the degrees evenly
# instead of drawing them: then none is missing. The network you train below does so.
#
# ### Units where they are needed · *optional*
#
# Even is not the best there is. A unit of degree $m$ serves the pixels after $m$, and in a digit the first lines
# are always paper: nothing there needs an explanation. So put the units where ink is uncertain. A pixel that is lit
# with probability $p$ has the variance $p(1-p)$; add these up along the order, and cut the total into equal parts,
# one for each unit. Three small networks, alike in all but their degrees:

# %% demo varies
p = grey["train"].float().mean(dim=0) / 255
spread = (p * (1 - p)).cumsum(0)
parts = (torch.arange(60) + 0.5) / 60
choices = {
    "random": draw_degrees(196, (60,), seed=0)[0],
    "even": (1 + parts * 195).long(),
    "quantiles": 1 + torch.searchsorted(spread / spread[-1], parts),
}
figure, ax = plt.subplots(figsize=(6.2, 1.7))
for row, (name, degrees) in enumerate(choices.items()):
    parameters = trained_by_hand(degrees, itertools.repeat(torch.arange(1, 197)), 1000, 0.2)
    nats = your_step(test, *parameters, 0.0)[0]
    print(f"{name + ' degrees:':18} {nats:.2f} nats per digit")
    ax.plot(degrees, np.full(60, -row), "|", color=plots.COLOURS["blue"])
ax.set_yticks([0, -1, -2], list(choices))
ax.set(xlabel="degree", ylim=(-2.5, 0.5), xlim=(0, 196))
ax.grid(False)
plt.show()

# %% [markdown]
# More than half a nat, for nothing but a better list of numbers.
# (With many more units, or direct connections from pixels to outputs, there is less to gain.)
#
# ### Exercise: `made_sample`
#
# To *score* an image takes one pass: all inputs are there. To *draw* one takes $D$: pixel by pixel in the
# order, one whole pass for each, of which only a single output is used. All the images of a batch go through
# together.
#
# Start from zeros (a sound model does not look at pixels that are not drawn yet, so it does not matter what
# they hold). A pixel is lit if its uniform is below its probability. `uniforms[:, d]` **belongs to pixel**
# $d$, whenever its turn comes.
#
# <details><summary>Hint</summary>
#
# `for d in order:` one pass, one column. What makes a probability out of a logit?
# </details>

# %% exercise made_sample
def made_sample(logits_fn, order, uniforms):
    """Draw images from a model that gives all logits in one pass.

    logits_fn : function from images (n, D) to logits (n, D); the logit of a pixel depends only on pixels
                earlier in the order.
    order     : list of D ints from 0; order[k] is the pixel that is drawn k-th.
    uniforms  : tensor (n, D) of numbers in [0, 1); uniforms[:, d] decides pixel d.
    Returns a tensor (n, D) of zeros and ones.
    """
    ### BEGIN SOLUTION
    x = torch.zeros_like(uniforms)
    for d in order:
        x[:, d] = (uniforms[:, d] < torch.sigmoid(logits_fn(x)[:, d])).to(x.dtype)
    return x
    ### END SOLUTION

# %% check made_sample 3 points
def backwards(x):  # pixel 1 is lit with probability 0.5, and pixel 0 is nearly sure to be its opposite
    return torch.stack([6.0 - 12.0 * x[:, 1], torch.zeros_like(x[:, 1])], dim=1)


drawn = np.asarray(made_sample(backwards, [1, 0], torch.tensor([[0.4, 0.2], [0.4, 0.9]])))
assert drawn.shape == (2, 2), "one row per image, one column per pixel"
assert drawn[:, 1].tolist() == [1, 0], "pixel 1 comes first: 0.2 is below its probability 0.5, 0.9 is not"
assert drawn[:, 0].tolist() == [0, 1], "pixel 0 then sees pixel 1; in both images it takes the other value"
### BEGIN HIDDEN TESTS
from autograder.checks import made as checks
checks.check_made_sample(made_sample)
### END HIDDEN TESTS

# %% [markdown]
# A network of four pixels is small enough to check everything. Below, random weights and a shuffled order:
# the probabilities of all 16 images, computed in one pass, and their shares among 4000 images drawn by your
# `made_sample`.

# %% demo
order = [2, 0, 3, 1]
generator = torch.Generator().manual_seed(3)
degrees = [torch.argsort(torch.tensor(order)) + 1, *draw_degrees(4, (30,), seed=0)]
masks = [torch.as_tensor(np.asarray(mask)) for mask in make_masks(degrees)]
weights = [0.7 * torch.randn(mask.shape, generator=generator) for mask in masks]
biases = [torch.randn(len(mask), generator=generator) for mask in masks]


def tiny(x):
    return made_logits(x, weights, biases, masks)


images = torch.tensor(list(itertools.product((0.0, 1.0), repeat=4)))  # (16, 4)
terms = torch.nn.functional.binary_cross_entropy_with_logits(tiny(images), images, reduction="none")
p = torch.exp(-terms.sum(dim=1))
drawn = torch.as_tensor(np.asarray(made_sample(tiny, order, torch.rand(4000, 4, generator=generator))))
share = (drawn[:, None] == images).all(dim=2).double().mean(dim=0)
print(f"the 16 probabilities sum to {p.sum().item():.6f}")
figure, ax = plt.subplots(figsize=(7.0, 2.6))
ax.bar(range(16), p, 0.7, color="#c9d8e6", label="scored: one pass")
ax.plot(range(16), share, "x", color=plots.COLOURS["vermilion"], mew=2, label="drawn: four passes")
ax.set_xticks(range(16), ["".join(str(int(v)) for v in image) for image in images], rotation=90, fontsize=9)
ax.set(title="Score and sample agree", ylabel="probability", xlabel="image")
ax.grid(False, axis="x")
ax.legend()
plt.show()

# %% [markdown]
# ### Any order, and many at once
#
# Nothing in a MADE but the inputs' degrees knows the order. So why choose one? Two more ideas of the paper:
#
# **Order-agnostic training.** For each batch draw another order, renumber the inputs, and rebuild the masks.
# One set of weights then learns to predict in every order. (Uria, Murray & Larochelle 2014 did it first, for
# a deep NADE.) It is a harder task, since the same weights have to do for every order. In return, the network can
# complete an image from *any* known part, by choosing an order in which the known pixels come first; and you get an
# ensemble for free.
#
# **Connectivity-agnostic training.** Keep the order, but draw the *hidden* degrees anew for each batch. No
# hidden unit can specialise in one place; each learns to be useful in many. It is a relative of dropout that
# drops connections and never breaks the order.
#
# In practice one draws a list of masks in advance and cycles through it. The paper's best model on digits had 32.
#
# ### Exercise: `order_agnostic_nll`
#
# The loss of an order-agnostic batch. The order is drawn by uniforms, one for each pixel: the pixel with the
# smallest one comes first, and so on. From the order come the degrees of inputs and outputs, from these the masks,
# and from the masks the NLL of every image in *that* order. Pixels stay where they are in `x`, in the weights and
# in the logits. The hidden degrees are given; leave the list as it is. Full digits have
# 784 pixels, and a sure mistake costs what its logit says, 300 nats too.
#
# <details><summary>Hint</summary>
#
# `argsort` of the uniforms lists the pixels by their turn. You need the reverse: for each pixel, its turn. Try it on
# paper with the uniforms 0.5, 0.9, 0.1: which pixel has the degree 1? Then your `make_masks` and `made_logits`.
# </details>

# %% exercise order_agnostic_nll
def order_agnostic_nll(x, order_uniforms, hidden, weights, biases):
    """The NLL of a batch in an order that is drawn for it.

    x : (B, D), zeros and ones. order_uniforms : (D,), distinct numbers in [0, 1), float32 or float64; the pixel with
    the smallest one is first in the order. hidden : list of L int tensors, the hidden layers' degrees. weights,
    biases : lists of L + 1.
    Returns (B,): -log p(x) of each image in that order, in nats.
    """
    ### BEGIN SOLUTION
    place = order_uniforms.argsort().argsort() + 1
    logits = made_logits(x, weights, biases, make_masks([place, *hidden]))
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1)
    ### END SOLUTION

# %% check order_agnostic_nll 2 points
drawn_order = torch.tensor([0.5, 0.9, 0.1])  # pixel 2 comes first, then pixel 0, then pixel 1; no hidden layer
some_weight, none = torch.tensor([[30.0, 30.0, 5.0], [3.0, 30.0, 1.0], [30.0, 30.0, 30.0]]), torch.zeros(3)
found = np.asarray(order_agnostic_nll(torch.tensor([[1.0, 0.0, 1.0]]), drawn_order, [], [some_weight], [none]))
assert found.shape == (1,), "one number for each image: add up over the pixels, not over the batch"
told = "logits: 0 for pixel 2, then 5 for pixel 0, then 3 + 1 for pixel 1, which is not lit: 0.693 + 0.007 + 4.018"
assert np.allclose(found, 0.6931 + 0.0067 + 4.0181, atol=1e-3), told
close = torch.tensor([0.13, 0.15, 0.11])  # the same order
found = np.asarray(order_agnostic_nll(torch.ones(2, 3), close, [], [some_weight], [none]))
told = "uniforms 0.13, 0.15, 0.11 are the same order: logits 0, 5 and 4, and all three pixels are lit: 0.718 nats"
assert np.allclose(found, [0.7180] * 2, atol=1e-3), told
### BEGIN HIDDEN TESTS
from autograder.checks import made as checks
checks.check_order_agnostic_nll(order_agnostic_nll)
### END HIDDEN TESTS

# %% [markdown]
# Is it worth it? Two networks, both trained by your `training_step`, on the digits of 14 × 14 pixels: one in raster
# order, one in another random order for each batch. Then both are asked in raster order, and in three orders that
# neither has ever seen.

# %% demo varies
(hidden,) = draw_degrees(196, (200,), seed=0)
generator = torch.Generator().manual_seed(9)
raster = itertools.repeat(torch.arange(1, 197))
drawn_anew = (1 + torch.randperm(196, generator=generator) for _ in range(1000))
trained = {
    "raster order": trained_by_hand(hidden, raster, 1000, 0.1),
    "any order": trained_by_hand(hidden, drawn_anew, 1000, 0.1),
}
orders = {"raster": torch.arange(196) / 196}
orders |= {f"new {k}": torch.rand(196, generator=torch.Generator().manual_seed(100 + k)) for k in (1, 2, 3)}
print("asked in       " + "".join(f"{name:>10}" for name in orders))
for name, (weights, biases, _) in trained.items():
    nll = [order_agnostic_nll(test, u, [hidden], weights, biases) for u in orders.values()]
    paid = [float(torch.as_tensor(of_order).mean()) for of_order in nll]
    print(f"{name:15}" + "".join(f"{nats:10.1f}" for nats in paid))

# %% [markdown]
# The network of one order is lost in any other: it pays about what independent pixels cost (52.1, at the top of this
# lesson). The other pays some nats more than a network made for the order it is asked in, and can be asked in
# all of them. Raster order is harder for it than the new ones: a past that lies all above and never below hardly ever
# comes up among orders drawn at random.
#
# ### An ensemble, done right
#
# Now you have $K$ models, $p_1, \dots, p_K$, one per order, and would like one number $p_\theta(x)$. The
# honest way is a mixture: toss a fair die, and take the model that it shows. Its probability for an image is
# the *mean of the probabilities that the models give to the whole image*,
#
# $$p_\theta(x) = \frac{1}{K}\sum_{k=1}^{K} p_k(x), \qquad
# \ln p_\theta(x) = \ln \frac1K \sum_{k=1}^{K} \exp\Big(\sum_{d=1}^{D}
# \ln p_k(x_d \mid \text{what is before } d)\Big).$$
#
# First add up over the pixels, then average over the models. The mixture sums to 1 over all images, as
# each $p_k$ does. Its log-probability is at most $\ln K$ below that of the best of the $K$, and never below
# their average (Jensen).
#
# The tempting way is to average *inside*: the $K$ logits of each pixel, or its $K$ probabilities, and then
# multiply over pixels. If all $K$ models share one order, even that is fine: an average of functions of
# $x_{<d}$ is a function of $x_{<d}$. With *different orders* it is not. In one order pixel 1 looks at pixel
# 2, in another pixel 2 looks at pixel 1; the averages look at each other, and the chain is a circle. The
# result is no likelihood. It is a bug with a history: a much copied PyTorch implementation, asked for
# several samples of its masks, averages their logits, orders and all, and prints what the loss makes of them
# (`run.py` and issue 1 of github.com/karpathy/pytorch-made, 2018).
#
# ### Exercise: `ensemble_log_prob`
#
# You get the pieces, $\ln p_k(x_d \mid \dots)$ of the pixels' true values, for every order, image and pixel.
# A whole image may have a log-probability of −5000, and `exp(-5000)` is zero in a computer: take the largest
# out first, as you did for the softmax. An image that is impossible in some of the models has a probability of
# 0 there, which counts in the mean; if it is impossible in all of them, the answer is `-inf` (not `nan`).
#
# <details><summary>Hint</summary>
#
# Which axis goes first? After that, `torch.logsumexp` gives the logarithm of a *sum*. How do you get to a
# mean?
# </details>

# %% exercise ensemble_log_prob
def ensemble_log_prob(log_probs):
    """log-probability of each image under an equal mixture of K models.

    log_probs : tensor (K, B, D); entry [k, b, d] is ln p_k(x_d | the pixels before d in model k's order), in
                nats, for image b. Sums over an image may be as low as -10000; single entries may be -inf.
    Returns a tensor (B,), in nats; -inf for an image that has the probability 0 in every model.
    """
    ### BEGIN SOLUTION
    whole = log_probs.sum(dim=2)  # (K, B): ln p_k of whole images
    return torch.logsumexp(whole, dim=0) - math.log(len(whole))
    ### END SOLUTION

# %% check ensemble_log_prob 2 points
two_models = torch.log(torch.tensor([[[0.5, 0.5]], [[0.1, 0.9]]]))  # 2 models, 1 image of 2 pixels
out = np.asarray(ensemble_log_prob(two_models))
assert out.shape == (1,), "one number for each image of the batch"
assert not np.allclose(np.exp(out), 0.21, atol=1e-4), "0.3 * 0.7 averages pixels; first multiply, model by model"
assert np.allclose(np.exp(out), 0.17, atol=1e-4), "probability 0.25 in one model and 0.09 in the other"
far_down = np.asarray(ensemble_log_prob(torch.full((2, 1, 784), -7.0)))
assert np.allclose(far_down, -5488, atol=0.1), "two equal models: their mixture is the same, here -5488 nats"
three = torch.tensor([[[-900.0], [0.0]], [[-900.0], [-math.inf]], [[-900.0], [-math.inf]]])  # 3 models, 2 images
told = "one of three is sure of the second image, in the others it is impossible: ln(1/3)"
assert np.allclose(np.asarray(ensemble_log_prob(three)), [-900, -1.0986], atol=1e-2), told
### BEGIN HIDDEN TESTS
from autograder.checks import made as checks
checks.check_ensemble_log_prob(ensemble_log_prob)
### END HIDDEN TESTS

# %% [markdown]
# The smallest circle has two pixels. Say they nearly always agree: whichever comes first is a fair coin, and
# the other follows it with a logit of $\pm 6$. Model 1 draws left before right, model 2 right before left.
# Both are MADEs without a hidden layer, and both describe *the same* distribution. Whatever averaging means,
# then, it ought to give back that distribution. A likelihood hands out a total of 1.

# %% demo
images = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
entropy = torch.nn.functional.binary_cross_entropy_with_logits
logits, pieces = [], []
for order in ([0, 1], [1, 0]):
    place = torch.argsort(torch.tensor(order)) + 1
    mask = torch.as_tensor(np.asarray(make_masks([place])[0]))
    bias = torch.where(place == 1, 0.0, -6.0)
    weight = torch.full((2, 2), 12.0)
    logits.append(torch.as_tensor(np.asarray(made_logits(images, [weight], [bias], [mask]))))
    pieces.append(-entropy(logits[-1], images, reduction="none"))
logits, pieces = torch.stack(logits), torch.stack(pieces)  # (2 models, 4 images, 2 pixels)
columns = {
    "model 1": pieces[0].sum(dim=1).exp(),
    "model 2": pieces[1].sum(dim=1).exp(),
    "whole images": torch.as_tensor(np.asarray(ensemble_log_prob(pieces))).exp(),
    "single pixels": pieces.exp().mean(dim=0).prod(dim=1),
    "logits": torch.exp(-entropy(logits.mean(dim=0), images, reduction="none").sum(dim=1)),
}
print("image " + "".join(f"{name:>15}" for name in columns))
for i, image in enumerate(images):
    print(f"{int(image[0])} {int(image[1])}   " + "".join(f"{float(p[i]):15.3f}" for p in columns.values()))
print("total " + "".join(f"{float(p.sum()):15.3f}" for p in columns.values()))

# %% [markdown]
# Averaging logits gives away nearly twice the probability there is. Each pixel predicts the other one, as if
# the other were given; *both* surprises shrink, and nobody pays for the first coin. Images of 784 pixels have
# many such pairs.
#
# ### Masks are for any architecture · *optional*
#
# Nothing so far was about digits, and little about autoencoders. The rule "keep a connection if whoever it
# leads to may know what it carries" works wherever there are connections. Here is a network that is no MLP:
# it reads a sequence of 8 positions with 6 channels each, and alternates two kinds of layers, as MLP-Mixer
# does (Tolstikhin et al. 2021). A layer *within* positions mixes the channels of each position, with one
# weight matrix for all; every channel at position $t$ has degree $t$, so it needs no mask. A layer *across*
# positions is an $8 \times 8$ matrix, the same for all channels, and takes a mask: `>` in the first and `>=`
# in the others (one strict step per path; it does not matter which).
#
# Choose the mask, and you have chosen the model:

# %% demo
def mixer(x, across, masks):
    """Sequence (T,) to one number per position; one masked layer across positions for each mask."""
    generator = torch.Generator().manual_seed(0)
    h = x.float()[:, None] * torch.randn(6, generator=generator)  # (T, 6)
    for weight, mask in zip(across, masks, strict=True):
        h = (weight * mask) @ h  # across positions, every channel alike
        h = torch.tanh(h @ torch.randn(6, 6, generator=generator) / 2)  # within, every position alike
    return h @ torch.randn(6, generator=generator)


T = 8
step = torch.arange(T)[:, None] - torch.arange(T)[None, :]  # how far input s lies before output t
parents = [[], [0], [0], [1, 2], [2], [3], [], [4, 6]]
graph = torch.tensor([[float(s in parents[t]) for s in range(T)] for t in range(T)])
choices = {
    "all before": [step > 0],
    "two before": [(step > 0) & (step <= 2)],
    "two before, 2 layers": [(step > 0) & (step <= 2), (step >= 0) & (step <= 2)],
    "a graph": [graph],
}
figure, axes = plt.subplots(1, 4, figsize=(7.5, 2.4))
sequence = torch.tensor([True, False, False, True, True, False, True, False])
for ax, (title, masks) in zip(axes, choices.items(), strict=True):
    across = torch.randn(len(masks), T, T, generator=torch.Generator().manual_seed(1))
    found = dependence(lambda x, w=across, m=masks: mixer(x, w, m), sequence)
    plots.dependence_matrix(found, ax=ax, labels="12345678")
    ax.set_title(title, fontsize=10)
    ax.set(xlabel="", ylabel="")
    print(f"{title}: {describe(leaks(found))}")
plt.show()

# %% [markdown]
# - **All before**: a full staircase. Let its weights be computed from the data instead of learned, and it is
#   *causal attention* (lesson 7).
# - **Two before**: a band. Let its weights be the same along each diagonal, and it is a *causal convolution*
#   (lessons 5 and 6). A second layer widens what an output sees: the receptive field grows with depth.
# - **A graph**: each position looks at its parents in a given graph, as in the dependency graphs of lesson 1.
#   If you know which arrows can be erased, a mask erases them (StrNN, Chen et al. 2023, works this out for
#   deep networks).
#
# ### Real values: a MADE is a flow · *optional*
#
# Give each output two numbers instead of a logit, the mean $\mu_d$ and the logarithm $s_d$ of the standard deviation
# of a Gaussian. That is a density over real vectors. Now read it backwards: $u_d = (x_d - \mu_d)\, e^{-s_d}$ is
# standard normal noise. So the network is an invertible map from data to noise, affine in each $x_d$: an **affine
# autoregressive flow**. Since $u_d$ depends on $x_1, \dots, x_d$ only, the Jacobian is triangular, its determinant is
# the product of the diagonal, and $\ln \lvert\det\rvert = -\sum_d s_d$. Ten lines show that both readings are one:

# %% demo
degrees = [torch.arange(1, 6), *draw_degrees(5, (40,), seed=0)]
masks = [torch.as_tensor(np.asarray(m)).double() for m in make_masks(degrees)]
generator = torch.Generator().manual_seed(0)
first, mean, log_scale = (0.5 * torch.randn(m.shape, generator=generator).double() for m in (masks[0], *masks[1:] * 2))


def to_noise(x):  # one pass: (5,) -> (5,), and the means and logarithms of scales
    h = torch.tanh((first * masks[0]) @ x)
    mu, s = (mean * masks[1]) @ h, (log_scale * masks[1]) @ h
    return (x - mu) * torch.exp(-s), mu, s


x = torch.randn(5, generator=generator, dtype=torch.float64)
u, mu, s = to_noise(x)
jacobian = torch.autograd.functional.jacobian(lambda x: to_noise(x)[0], x)
gaussians = torch.distributions.Normal(mu, s.exp()).log_prob(x).sum()
flow = torch.distributions.Normal(0.0, 1.0).log_prob(u).sum() + torch.linalg.slogdet(jacobian).logabsdet
print(f"the chain rule, five Gaussians:  {gaussians:.10f} nats")
print(f"noise and the Jacobian of a map: {flow:.10f} nats; triangular: {bool((jacobian.triu(1) == 0).all())}")
back = torch.zeros(5, dtype=torch.float64)
for d in range(5):  # noise to data: x_d needs the x before it
    _, mu, s = to_noise(back)
    back[d] = mu[d] + s[d].exp() * u[d]
print("back from the noise, in five passes:", bool(torch.allclose(back, x)))

# %% [markdown]
# Data to noise takes one pass and noise to data $D$, just as scoring and drawing above. Stacks of such layers, in
# changing orders, are the *masked autoregressive flow* (Papamakarios et al. 2017); with the two directions exchanged,
# the *inverse* one (Kingma et al. 2016).

# %% [markdown]
# ## Watch it work
#
# ### Your own MADE, on real digits
#
# Full size, 28 × 28, binarised anew for each batch. One hidden layer of 500 units, its degrees spread evenly,
# plus direct connections from pixels to outputs, an option of the paper: a strict mask of their own, the one
# that `make_masks` gives without hidden layers. The outputs' biases start where the
# independent-pixels model of lesson 3 ends. Masks, layers and logits of this class are *your* code; the steps are
# Adam's.

# %%
class MyMADE(torch.nn.Module):
    """Your functions as a model: one hidden layer and direct connections.

    degrees : two int tensors, the pixels' (D,) and the hidden units' (H,). lit : (D,), the share of images in
    which each pixel is lit, between 0 and 1; where the outputs' biases start.
    """

    def __init__(self, degrees, lit):
        super().__init__()
        self.masks = [torch.as_tensor(np.asarray(mask)).float() for mask in make_masks(degrees)]
        self.direct_mask = torch.as_tensor(np.asarray(make_masks(degrees[:1])[0])).float()
        (n_hidden, n_pixels), generator = self.masks[0].shape, torch.Generator().manual_seed(0)
        first = torch.randn(n_hidden, n_pixels, generator=generator) * (2 / n_pixels) ** 0.5
        self.weights = torch.nn.ParameterList([first, torch.zeros(n_pixels, n_hidden)])
        self.biases = torch.nn.ParameterList([torch.zeros(n_hidden), torch.logit(lit, eps=1e-4)])
        self.direct = torch.nn.Parameter(torch.zeros(n_pixels, n_pixels))

    def logits(self, x):  # (B, D) -> (B, D)
        deep = made_logits(x, list(self.weights), list(self.biases), self.masks)
        return deep + masked_linear(x, self.direct, torch.zeros(len(self.direct)), self.direct_mask)

    def log_prob(self, x):  # (B, D) -> (B,), nats
        terms = torch.nn.functional.binary_cross_entropy_with_logits(self.logits(x), x, reduction="none")
        return -terms.sum(dim=1)


yours = {}  # your results, for the scoreboard

# %% demo varies
from lib.data import binarise, load_binary_mnist, load_mnist
from lib.training import fit, mean_nll

grey = load_mnist("train")[0].flatten(1)
pixels = torch.arange(1, 785)  # raster order
units = 1 + torch.arange(500) * 783 // 500  # from 1 to 782, evenly
my_made = MyMADE([pixels, units], grey.float().mean(dim=0) / 255)
history = fit(my_made, grey, epochs=8, batch_size=200, lr=6e-3, average=0.995, draw=binarise)
yours["your MADE"] = mean_nll(my_made, load_binary_mnist("test"))
print(f"your MADE after {history[-1]['seconds']:.0f} s: {yours['your MADE']:.2f} nats per test digit")

with torch.no_grad():
    uniforms = torch.rand(20, 784, generator=torch.Generator().manual_seed(4))
    drawn = torch.as_tensor(np.asarray(made_sample(my_made.logits, list(range(784)), uniforms)))
figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.9), width_ratios=(2, 3))
left.plot([h["epoch"] for h in history], [h["train"] for h in history], "o-")
left.axhline(yours["your MADE"], color="black", linestyle="--", linewidth=1)
left.text(history[-1]["epoch"], yours["your MADE"] - 1, "test", ha="right", va="top")
left.set(title="Training", xlabel="epoch", ylabel="nats per digit")
left.margins(y=0.15)
plots.digits(drawn, ax=right, columns=5, title="Drawn by your MADE")
plt.show()

# %% [markdown]
# About a minute on two cores, and about one nat from the published 88.33 of NADE (Uria et al. 2016) and the 88.40 of the
# paper's MADE with one hidden layer and one order, both on Larochelle's static draw of the test digits. (Yours
# is measured on *our own* static draw, like everything on the scoreboard; see lesson 3.) Nothing here is
# cleverer than NADE. The conditionals are simply computed side by side, and that is what processors are good
# at.
#
# ### What longer training buys
#
# Two models that ship with the course. `made` has one order and a single, very wide hidden layer. `orders` is
# an ensemble over two opposite orders: the NADE of lesson 3, and one that starts with the last pixel. (An
# ensemble over orders needs no MADE; anything with a likelihood will do.) Its number is the log-mean-exp.
# Below it stands what the *same two networks* seem to reach if their logits are averaged.

# %% demo varies
from lib import weights
from lib.data import load_binary_mnist
from lib.training import mean_nll

test = load_binary_mnist("test")
made, orders = weights.load("made"), weights.load("orders")
with torch.no_grad():
    logits = torch.stack([member.logits(test) for member in orders.members])  # (2, 10000, 784)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    averaged = entropy(logits.mean(dim=0), test, reduction="none").sum(dim=1).mean().item()
rows = [("made", mean_nll(made, test)), ("orders, the first of the two", mean_nll(orders.members[0], test))]
rows += [("orders, the second", mean_nll(orders.members[1], test)), ("orders", mean_nll(orders, test))]
print("nats per test digit")
for told, nats in [*rows, ("orders, averaging logits", averaged)]:
    print(f"  {told:30} {nats:6.2f}")
figure, axes = plt.subplots(1, 3, figsize=(7.4, 2.7))
plots.digits(test[:16], ax=axes[0], columns=4, title="test digits")
for ax, (name, model) in zip(axes[1:], {"made": made, "orders": orders}.items(), strict=True):
    plots.digits(model.sample(16, torch.Generator().manual_seed(1)), ax=ax, columns=4, title=name)
plt.show()

# %% [markdown]
# The last number is nearly eight nats below the best that are published on Larochelle's static draw: 79.20 by the
# PixelRNN (van den Oord et al. 2016), and then 79.03 (VLAE, Chen et al. 2017) and 79.02 (PixelVAE, Gulrajani et al.
# 2017), two autoregressive models with latent variables. It cost nothing, and it means nothing: each pixel was predicted from the pixels
# before it *and* from those after it. Without the mixture's line above it, how would you know?
#
# The scoreboard, in nats per image on all 10 000 test digits:

# %% demo varies
from lib import scoreboard

scoreboard.draw("04", yours=yours)
plt.show()

# %% [markdown]
# How much of the lead over the papers is better training? Their models learned from *one* static draw of 50 000
# digits, which a network of this size begins to learn by heart; ours see a new draw at each step. `made_static` is
# the honest row: a narrower MADE with one draw of 50 000, kept as it was when the other 10 000 cost least. It is within half a
# nat of the paper's 88.40. The same network, on new draws of the same digits, is printed beside it.

# %% demo
about = weights.about("made_static")
print(f"one static draw: {about['test nats']:.2f} nats; new draws of the same digits: {about['test nats, the same on new draws']:.2f}")

# %% [markdown]
# ### One pass to score, $D$ passes to draw
#
# The network that scored all those digits at once draws them one pixel at a time. There is no way to know
# pixel 400 before pixel 399 is drawn, so the passes can't run side by side. Here is a sample in the making,
# and below it what the network would do next: its probabilities at that moment, the pixels still to come
# included (which it must guess from what is there).

# %% figure
from lib import weights

model = weights.load("made")
x = model.sample(1, torch.Generator().manual_seed(6))  # all 784 steps
passes = (168, 280, 364, 448, 560, 784)
stages = torch.stack([torch.where(torch.arange(784) < d, x[0], torch.zeros(784)) for d in passes])
with torch.no_grad():
    guesses = torch.sigmoid(model.logits(stages))
for guess, d in zip(guesses, passes, strict=True):
    guess[:d] = 0
figure, axes = plt.subplots(2, 1, figsize=(7.2, 2.9))
plots.digits(stages, ax=axes[0], title="drawn after 168, 280, 364, 448, 560 and 784 passes")
plots.digits(guesses, ax=axes[1], title="what it expects of the rest, if no more ink came")
plt.show()

# %% [markdown]
# Count multiplications, with $H$ hidden units (masked ones counted as well, since the processor does them
# all the same). The running sum of NADE is a better *sampler*, because every step adds one column; MADE is a
# better *scorer*, because one large product beats $D$ small ones that do the same arithmetic.
#
# | | score an image | draw an image, plainly |
# |:--|:--|:--|
# | **MADE** | $2DH$, in 1 pass | $D \cdot 2DH$, in $D$ passes |
# | **NADE** | $2DH$, in $D$ small steps | $2DH$, in $D$ small steps |
#
# With some thought MADE can draw as cheaply. A hidden unit of degree $m$ is settled as soon as the first $m$
# pixels are, and never changes again. Work each unit out once, when its time has come, and all $D$ steps
# together cost what one pass costs. The course's own `MADE.sample` does this. The steps still come one after
# the other.

# %% demo varies
import time

from lib.models.made import MADE
from lib.models.nade import NADE


def seconds(function, *arguments):
    with torch.no_grad():
        function(*arguments)  # once to warm up
        start = time.perf_counter()
        function(*arguments)
        return time.perf_counter() - start


made, nade = MADE(784, (500,)), NADE(784, 500)
x = (torch.rand(1000, 784, generator=torch.Generator().manual_seed(0)) < 0.13).float()
uniforms = torch.rand(20, 784, generator=torch.Generator().manual_seed(1))
rows = [
    ("score 1000 images: MADE, 1 pass", seconds(made.log_prob, x)),
    ("score 1000 images: NADE, 784 steps", seconds(nade.log_prob, x)),
    ("draw 20 images: MADE, 784 passes (yours)", seconds(made_sample, made.logits, range(784), uniforms)),
    ("draw 20 images: MADE, each unit once", seconds(made.sample, 20)),
    ("draw 20 images: NADE, running sum", seconds(nade.sample, 20)),
]
for told, took in rows:
    print(f"{told:42} {1000 * took:8.1f} ms")

# %% [markdown]
# ### Fewer passes, the same image · *optional*
#
# Here is something that only a parallel scorer can do. With the uniforms fixed, the image that you draw is
# the solution of an equation: $x_d = [\,u_d < \sigma(\mathrm{logit}_d(x_{<d}))\,]$ for all $d$ at once. So
# guess a whole image, put it in, compare all outputs with all uniforms, and take the result as the next
# guess. After one round the first pixel is right, after two the first two, after $D$ rounds certainly all;
# once nothing changes any more it *is* the sample, bit for bit, and usually that is long before $D$ (Song et
# al. 2021; Wiggers & Hoogeboom 2020 call it predictive sampling).

# %% demo
from lib import weights

model = weights.load("made")
uniforms = torch.rand(16, 784, generator=torch.Generator().manual_seed(2))
with torch.no_grad():
    x, changed = torch.zeros(16, 784), []
    while not changed or changed[-1] > 0:
        new = (uniforms < torch.sigmoid(model.logits(x))).float()
        changed.append(float((new != x).sum(dim=1).float().mean()))
        x = new
one_by_one = model.sample(16, torch.Generator().manual_seed(2))  # takes the same uniforms
print("the same images as one pixel after the other:", bool((x == one_by_one).all()))
print("passes: fewer than a tenth of 784:", len(changed) < 78)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.7), width_ratios=(3, 2))
left.semilogy(range(1, len(changed)), changed[:-1], color=plots.COLOURS["blue"])
left.set(title=f"All 16 images are done after {len(changed)} passes")
left.set(xlabel="pass", ylabel="pixels changed per image")
plots.digits(x, ax=right, columns=4)
plt.show()

# %% [markdown]
# ### One network, four orders · *optional*
#
# Order-agnostic training, live and small (14 × 14). One network learns four orders: raster, raster backwards,
# column by column, and columns backwards. (Four orders that share most of their neighbourhoods, and so an easier
# task than all orders at once.) Then the honest way and the tempting way to make one number out of four.

# %% demo varies
from lib.data import binarise, load_mnist, shrink
from lib.models.made import MADE
from lib.training import fit, mean_nll

grey = {split: shrink(load_mnist(split)[0], 14).flatten(1) for split in ("train", "test")}
test = binarise(grey["test"], torch.Generator().manual_seed(0))
grid = torch.arange(196).view(14, 14)
orders = [grid.flatten(), grid.flatten().flip(0), grid.T.flatten(), grid.T.flatten().flip(0)]
model = MADE(196, (400,), orders=orders, direct=True).start_from(grey["train"].float().mean(dim=0) / 255)
fit(model, grey["train"], epochs=8, batch_size=200, lr=4e-3, average=0.995, draw=binarise)

with torch.no_grad():
    logits = torch.stack([model.logits(test, k) for k in range(4)])  # (4, 10000, 196)
entropy = torch.nn.functional.binary_cross_entropy_with_logits
pieces = -torch.stack([entropy(z, test, reduction="none") for z in logits])
each = -pieces.sum(dim=2).mean(dim=1)
averaged = entropy(logits.mean(dim=0), test, reduction="none").sum(dim=1).mean()
honest = -torch.as_tensor(np.asarray(ensemble_log_prob(pieces))).mean()
for name, nats in zip(("raster", "raster, backwards", "columns", "columns, backwards"), each, strict=True):
    print(f"{name:30} {nats:6.2f} nats per digit")
print(f"{'log-mean-exp over the orders':30} {honest:6.2f} nats per digit")
print(f"{'averaged logits':30} {averaged:6.2f} <- no likelihood")

known = {"top": 0, "bottom": 1, "left": 2, "right": 3}
generator = torch.Generator().manual_seed(1)
figure, axes = plt.subplots(2, 2, figsize=(7.2, 2.5))
for ax, (side, k) in zip(axes.flat, known.items(), strict=True):
    x = test[[3, 2, 18, 4]].repeat_interleave(3, dim=0)  # 4 digits, 3 completions each
    seen = torch.zeros(196)
    seen[orders[k][:98]] = 1
    shown = torch.where(seen > 0, x, torch.full_like(x, 0.25))
    with torch.no_grad():
        for d in orders[k][98:].tolist():  # the known half comes first in this order; draw the rest
            u = torch.rand(len(x), generator=generator)
            x[:, d] = (u < torch.sigmoid(model.logits(x, k)[:, d])).float()
    sheet = torch.cat([torch.cat([shown[i : i + 1], x[i : i + 3]]) for i in range(0, 12, 3)])
    plots.digits(sheet, ax=ax, columns=8, side=14)
    ax.set_title(f"known: the {side}, then three completions", fontsize=10)
plt.show()

# %% [markdown]
# The mixture beats the average of its four members, as it must; here it beats each of them. And the averaged
# logits are again better by far, for nothing. If a paper's number looks like that, ask what was averaged.
#
# Below the numbers, what several orders are good for: a single network continues a digit downwards, upwards,
# to the right or to the left, by taking the order in which the known half comes first. NADE in raster order
# could only do the first of these. (The step from four orders to all of them is taken in lesson 9.)

# %% [markdown]
# ## Play
#
# A network of four pixels, with its dependence matrix. Vermilion lines lie on a path that carries a pixel to
# an output which must not know it. *Lost* dependences are allowed, but no path is left for them.

# %% demo
from lib.controls.connections import draw_connections

draw_connections()
plt.show()

# %% demo
from lib.controls.connections import connections

connections()

# %% [markdown]
# Things to try (run the cell above in Jupyter to get the controls):
#
# 1. Set the output to `>=`. Which outputs leak, and why never the one that comes last? Find a seed with three
#    leaks, and one with fewer. Without a hidden layer even the last one leaks: what has changed?
# 2. Back to `>` at the output; set one hidden layer to `>`, then the next. Not one leak appears. What
#    disappears?
# 3. Now `>=` at the output *and* `>` in one hidden layer. Is it sound? Which line of the proof changed?
# 4. Go through the seeds with two hidden layers and the right rules, and count how many lose something. How
#    many with one layer? With none?
# 5. Change the order. Which of the masks change, and which pixel's output is now the bare bias?

# %% [markdown]
# ## Spot the causality bug
#
# Four masked networks over four pixels, from four colleagues. Each returns logits `(B, 4)` for images
# `(B, 4)`. All were meant to be MADEs. For a change each hidden unit has a tanh, so that none of them ever
# goes quiet in front of the probe.

# %%
FIRST, SECOND = torch.tensor([1, 2, 3, 1, 2, 3]), torch.tensor([3, 2, 1, 1, 2, 3])  # degrees of hidden units
RASTER, OTHER = torch.tensor([1, 2, 3, 4]), torch.tensor([2, 4, 1, 3])  # degrees of the pixels
DRAWS = torch.tensor([[1, 2, 3, 1, 2, 3], [3, 1, 2, 2, 3, 1], [2, 2, 1, 3, 1, 3], [1, 3, 3, 2, 1, 2]])
numbers = torch.Generator().manual_seed(9)
W1, W2, W3, SKIP = (torch.randn(shape, generator=numbers) for shape in ((6, 4), (6, 6), (4, 6), (4, 6)))


def candidate_A(x):  # raster order; "the same rule everywhere is easier to get right"
    h = torch.tanh(x @ (W1 * (FIRST[:, None] >= RASTER)).T)
    h = torch.tanh(h @ (W2 * (SECOND[:, None] >= FIRST)).T)
    return h @ (W3 * (RASTER[:, None] >= SECOND)).T


def candidate_B(x):  # raster order; "better safe than sorry"
    h = torch.tanh(x @ (W1 * (FIRST[:, None] > RASTER)).T)
    h = torch.tanh(h @ (W2 * (SECOND[:, None] > FIRST)).T)
    return h @ (W3 * (RASTER[:, None] > SECOND)).T


def candidate_C(x, draw=0):  # raster order; one hidden layer; "new degrees in every pass, as in training"
    degrees = DRAWS[draw]
    h = torch.tanh(x @ (W1 * (degrees[:, None] >= RASTER)).T)
    return h @ (W3 * (RASTER[:, None] > degrees)).T


def candidate_D(x):  # order of generation: positions 2, 0, 3, 1; "a skip connection, so that gradients flow"
    h = torch.tanh(x @ (W1 * (FIRST[:, None] >= OTHER)).T)
    g = torch.tanh(h @ (W2 * (SECOND[:, None] >= FIRST)).T)
    return g @ (W3 * (OTHER[:, None] > SECOND)).T + h @ SKIP.T

# %% [markdown]
# Decide first by following degrees with a finger, then let the probe confirm it, as here for a network
# without a hidden layer, in the order of D. Rows are outputs, columns inputs; grey is forbidden. **Positions count
# from 0.**
# (C draws pixel $k$ with `candidate_C(x, draw=k)`. For its leaks, look at one pass at a time. If you let
# `draw` change from call to call, the probe will refuse to judge: try it.)

# %% demo
def sound(x):
    return x @ (W1[:4] * (OTHER[:, None] > OTHER)).T


one_image = torch.tensor([True, False, True, True])
found = dependence(lambda x: sound(x[None].float())[0], one_image)
figure, ax = plt.subplots(figsize=(3.1, 3.0))
plots.dependence_matrix(found, ax=ax, order=[2, 0, 3, 1], title="no hidden layer")
plt.show()
print(describe(leaks(found, order=[2, 0, 3, 1])))

# %% [markdown]
# ### Exercise: what leaks into what
#
# For each candidate, list the leaks as pairs `(output, input)`; an empty list if there is none.
#
# <details><summary>Hint</summary>
#
# A: for which outputs is there a hidden unit of *equal* degree? D: what is the highest degree of a unit that
# the skip connection starts from, and which pixels does it know? Mind that D has another order: which
# positions come before position 0?
# </details>

# %% exercise found_leaks
leaks_A = None  # replace each None by a list of pairs (output, input), [] if there is no leak
leaks_B = None
leaks_C = None
leaks_D = None
### BEGIN SOLUTION
leaks_A = [(0, 0), (1, 1), (2, 2)]  # no hidden unit has degree 4
leaks_B = []
leaks_C = []
leaks_D = [(0, 0), (0, 3), (2, 0), (2, 2), (2, 3), (3, 3)]
### END SOLUTION

# %% check found_leaks 2 points
for name, value in {"A": leaks_A, "B": leaks_B, "C": leaks_C, "D": leaks_D}.items():
    typed(value, f"leaks_{name}")
    pairs = [np.shape(pair) for pair in value]
    assert all(shape == (2,) for shape in pairs), f"leaks_{name}: a list of pairs, such as [(0, 2), (1, 2)]"
### BEGIN HIDDEN TESTS
from autograder.checks import made as checks
checks.check_found_leaks(leaks_A, leaks_B, leaks_C, leaks_D)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: what no probe for leaks finds
#
# Leaks or none, B and C have a defect of another kind.
#
# - `lost_B`: list the pairs `(output, input)` that are *allowed*, but to which no path is left in B.
# - `differs_C`: C scores an image in one pass, `candidate_C(x, draw=0)`, and draws pixel $k$ from column $k$
#   of `candidate_C(x, draw=k)`. List the positions whose conditional in drawing is *not* the one in scoring.
#
# <details><summary>Hint</summary>
#
# B: how much must the degree grow from a pixel to an output, with three strict steps? C: compare the columns
# for a few images; or ask which hidden units an output may listen to in each draw, and what they know.
# </details>

# %% exercise not_leaks
lost_B = None  # replace None by a list of pairs (output, input)
differs_C = None  # replace None by a list of positions
### BEGIN SOLUTION
lost_B = [(1, 0), (2, 0), (2, 1), (3, 1), (3, 2)]  # only (3, 0) is left: degrees 1 < 2 < 3 < 4
images = torch.tensor(list(itertools.product((0.0, 1.0), repeat=4)))
same = [torch.allclose(candidate_C(images, 0)[:, k], candidate_C(images, k)[:, k]) for k in range(4)]
differs_C = [k for k in range(4) if not same[k]]
### END SOLUTION

# %% check not_leaks 1 point
is_pairs = all(np.shape(pair) == (2,) for pair in typed(lost_B, "lost_B"))
assert is_pairs, "lost_B: a list of pairs (output, input), such as [(2, 1)]"
assert all(k in range(4) for k in typed(differs_C, "differs_C")), "differs_C: positions, from 0 to 3"
### BEGIN HIDDEN TESTS
from autograder.checks import made as checks
checks.check_not_leaks(lost_B, differs_C)
### END HIDDEN TESTS

# %% [markdown]
# What it costs: the 16 "probabilities" of each, added up; and for C, two distributions that ought to be one.
# (Don't read on before your answers are in.)

# %% demo
images = torch.tensor(list(itertools.product((0.0, 1.0), repeat=4)))


def probabilities(logits):  # (16, 4) -> (16,)
    terms = torch.nn.functional.binary_cross_entropy_with_logits(logits, images, reduction="none")
    return torch.exp(-terms.sum(dim=1))


for candidate in (candidate_A, candidate_B, candidate_C, candidate_D):
    print(f"{candidate.__name__}: the 16 products sum to {probabilities(candidate(images)).sum():.3f}")
scored = probabilities(candidate_C(images, 0))
drawn = probabilities(torch.stack([candidate_C(images, k)[:, k] for k in range(4)], dim=1))
figure, ax = plt.subplots(figsize=(7.0, 2.6))
ax.bar(range(16), scored, 0.7, color="#c9d8e6", label="C, as it scores")
ax.plot(range(16), drawn, "x", color=plots.COLOURS["vermilion"], markeredgewidth=2, label="C, as it draws")
ax.set_xticks(range(16), ["".join(str(int(v)) for v in image) for image in images], rotation=90, fontsize=9)
ax.set(ylabel="probability", xlabel="image", title="Two models under one name")
ax.grid(False, axis="x")
ax.legend()
plt.show()

# %% [markdown]
# A and D hand out a total that is not 1. That of A shows how a leak can hide: its *last* output is clean, and
# whoever tests only the end of a sequence will not find it.
#
# B and C each sum to 1, and no probe for leaks will ever object. B throws away most of what it may know. C is
# subtle: every pass is sound, and even the images it draws come from a proper distribution, since the chain
# rule takes any conditionals. But it is not the distribution that was scored. Report the likelihood of one
# model, show the samples of another, and nobody will be able to tell why they don't match. Fix the masks
# before you evaluate; if there are several, draw one for the *whole* image.

# %% [markdown]
# ### Exercise: repair D
#
# Skip connections are fine, if they are masked like everything else. Keep D's, from the first hidden layer to
# the outputs, wherever the degrees of its two ends allow it. For any degrees, from 0 to D in hidden layers, and any
# number of pixels. (`lib.models`, which some demos import, is not there when your answer is
# graded. Your own functions are.)
#
# <details><summary>Hint</summary>
#
# A skip is a connection into an output. Which units does it come from?
# </details>

# %% exercise repaired_D
def repaired_D(x, degrees, weights, skip):
    """A MADE with two hidden layers (tanh, no biases) and a skip connection from the first to the outputs.

    x : (B, D). degrees : list of three int tensors, of the pixels (D,), the first (H1,) and the second hidden
    layer (H2,). weights : list of three tensors, (H1, D), (H2, H1), (D, H2). skip : (D, H1).
    Returns logits (B, D): those of candidate_D, without its leaks.
    """
    ### BEGIN SOLUTION
    pixels, first, second = degrees
    h = torch.tanh(x @ (weights[0] * (first[:, None] >= pixels)).T)
    g = torch.tanh(h @ (weights[1] * (second[:, None] >= first)).T)
    return g @ (weights[2] * (pixels[:, None] > second)).T + h @ (skip * (pixels[:, None] > first)).T
    ### END SOLUTION

# %% check repaired_D 2 points
one_image, parts = torch.tensor([True, False, True, True]), ([OTHER, FIRST, SECOND], [W1, W2, W3], SKIP)
found = dependence(lambda x: np.asarray(repaired_D(x[None].float(), *parts))[0], one_image)
assert leaks(found, order=[2, 0, 3, 1]) == [], f"it still leaks: {describe(leaks(found, order=[2, 0, 3, 1]))}"
assert found.sum() == 6, "six dependences are allowed among four pixels, and all should still be there"
out = np.asarray(repaired_D(one_image[None].float(), *parts))
assert np.allclose(out[:, 1], candidate_D(one_image[None].float())[:, 1], atol=1e-4), "position 1 is last: it keeps all"
### BEGIN HIDDEN TESTS
from autograder.checks import made as checks
checks.check_repaired_D(repaired_D)
### END HIDDEN TESTS

# %% [markdown]
# ## Take it with you
#
# ### Pitfalls
#
# - **Masking `weight.data` once.** The optimiser's next step fills the holes again; with momentum it does so
#   even where today's gradient is zero. Multiply in the forward pass: then no optimiser can do harm.
# - **A mean over pixels.** Losses of libraries average over every axis unless told otherwise. Then the number is
#   784 times too small, and so is each step.
# - **Degrees drawn twice.** Each hidden layer's degrees appear in two masks, the one into it and the one out
#   of it. Draw them anew for each mask, and the proof is void.
# - **Averaging logits, or pixels, over orders.** The average knows everybody's neighbours. Log-mean-exp over
#   whole images, and nothing else.
# - **Trained in one order, drawn in another.** The samples look like badly printed digits, and the loss looks
#   perfect. Keep the order with the weights.
# - **Masks that change at evaluation.** Candidate C. Also dropout left on: the probe refuses, and rightly so.
# - **Few units, random degrees.** Sound but partly deaf. Look at `dependence_by_masks` for white squares.
# - **Extra information.** A class label may be known by everyone, so its degree is 0. But then somebody has
#   to carry it to the first output, and only a hidden unit of degree 0 can: without one, the first pixel
#   never hears the label (pull request 85 of github.com/bayesiains/nflows).
# - **Counting parameters.** About half of MADE's weights are never used. Say which number you report.
#
# ### Self-check: six questions

# %% practice
from lib.practice import choice, numeric, quiz

quiz(
    choice(
        "Why is the mask into the outputs strict, and the others not?",
        "Every path needs one step where the degree rises, and one is enough.",
        "s <= m1 <= ... < t gives s < t. More strict steps lose information, fewer leak.",
        {
            "Outputs have no ReLU.": "The activation works on each unit alone; it carries no pixel anywhere.",
            "It makes the last layer smaller and faster.": "Masked weights are multiplied like all others.",
            "Hidden layers must be strict as well.": "They stay sound then, but hide more and more pixels.",
        },
    ),
    numeric(
        "One hidden layer, 10 pixels, and a hidden unit of degree 7. How many of its 20 connections stay?",
        10, "7 inputs below, and outputs 8, 9 and 10 above: D in all, whatever the degree.", tolerance=0.1,
        hint="Not yet: count the inputs with degree at most 7, then the outputs with degree above 7.",
    ),
    choice(
        "What would a hidden unit of degree D do?",
        "Nothing: no output may listen to it.",
        "It may know all pixels, and an output would need a degree above D.",
        {
            "Leak the last pixel.": "The strict mask cuts its way to every output.",
            "Help the last output.": "The last output may know D - 1 pixels, and this unit may know D.",
            "Act as a second bias.": "That would be degree 0: connected to no input.",
        },
    ),
    choice(
        "Ten masked networks, each in an order of its own. How do you report one NLL per image?",
        "For each network add up over the pixels; then log-mean-exp over the ten; then the sign.",
        "That is the likelihood of the mixture that picks one of the ten and draws the whole image from it.",
        {
            "Average the ten logits of every pixel.": "In different orders, pixels predict one another.",
            "Average the ten NLLs.": "Valid as an upper bound, but it is not the NLL of any one model.",
            "Take the smallest NLL of the ten for each image.": "Choosing after seeing it costs up to ln 10 nats.",
        },
    ),
    numeric(
        "Two orders give an image the log-probabilities -90 and -100. What is the mixture's, to one decimal?",
        -90.7, "ln((exp(-90) + exp(-100)) / 2) = -90 - ln 2, nearly. The better one decides.", tolerance=0.06,
        hint="Not yet: exp(-100) is nearly nothing beside exp(-90). What does halving cost?",
    ),
    choice(
        "MADE scores a digit in one pass. Why does drawing one take 784 steps?",
        "The inputs of pixel d are pixels that have to be drawn before.",
        "When scoring, all inputs are there. The steps can be made cheap, but not side by side for sure.",
        {
            "Masks slow the network down.": "A masked product costs what any product costs.",
            "Each pixel needs its own network.": "One network for all; each pass uses one of its outputs.",
            "It does not: the outputs of one pass are a sample.": "All would be drawn from an empty page.",
        },
    ),
)

# %% [markdown]
# ### Flashcards

# %% practice
from lib.practice import flashcards

flashcards(
    [
        ("Degree of a hidden unit", "How many pixels, counted in the order, it may know: 1 to D - 1"),
        ("The two kinds of mask", "degree(to) >= degree(from) into hidden units, > into outputs"),
        ("Why a MADE is autoregressive", "Along every path s <= m1 <= m2 <= ... < t"),
        ("MADE without a hidden layer", "The fully visible sigmoid belief net"),
        ("Which output depends on which input", "The product of all masks, where it is above 0"),
        ("Order-agnostic training", "Another order for each batch; one network predicts in all of them"),
        ("Derivative of a pixel's NLL with respect to its logit", "σ(z) − x: expected minus what was there"),
        ("How to check a gradient", "Nudge one parameter up and down, in float64, and compare the losses"),
        ("MADE with Gaussian conditionals", "An affine autoregressive flow: triangular Jacobian, log det −Σ s_d"),
        ("Connectivity-agnostic training", "Other hidden degrees for each batch, the order stays"),
        ("An ensemble over orders", "Sum over pixels first, then log-mean-exp over orders"),
        ("Cost of MADE", "Score: one pass. Draw: D passes, one after another, or D cheap steps"),
    ],
    title="MADE",
)

# %% [markdown]
# ### The one-line version
#
# **Number the units by how much they may know, cut every connection that would tell too much (never falling
# inside, rising at the output), and an autoencoder becomes an exact likelihood in one pass.**
#
# ### Further reading
#
# - M. Germain, K. Gregor, I. Murray & H. Larochelle, *MADE: Masked Autoencoder for Distribution Estimation*,
#   ICML 2015 (arXiv 1502.03509). The paper of this lesson.
# - Y. Bengio & S. Bengio, *Modeling High-Dimensional Discrete Data with Multi-Layer Neural Networks*,
#   NIPS 1999. A network with hidden units tied to positions: the same cut, one order, years earlier.
# - B. Uria, I. Murray & H. Larochelle, *A Deep and Tractable Density Estimator*, ICML 2014 (arXiv 1310.1757).
#   Order-agnostic training, and ensembles of orders done right.
# - B. Uria et al., *Neural Autoregressive Distribution Estimation*, JMLR 17(205), 2016 (arXiv 1605.02226).
#   NADE, deep NADE and their numbers on binarised MNIST.
# - D. P. Kingma et al., *Improving Variational Inference with Inverse Autoregressive Flow*, NIPS 2016 (arXiv
#   1606.04934); G. Papamakarios, T. Pavlakou & I. Murray, *Masked Autoregressive Flow for Density
#   Estimation*, NIPS 2017 (arXiv 1705.07057). MADEs as building blocks of flows over real values.
# - A. van den Oord, N. Kalchbrenner & K. Kavukcuoglu, *Pixel Recurrent Neural Networks*, ICML 2016 (arXiv
#   1601.06759). The 79.20 nats; lesson 5.
# - X. Chen et al., *Variational Lossy Autoencoder*, ICLR 2017 (arXiv 1611.02731); I. Gulrajani et al., *PixelVAE:
#   A Latent Variable Model for Natural Images*, ICLR 2017 (arXiv 1611.05013). The 79.03 and the 79.02.
# - A. Wiggers & E. Hoogeboom, *Predictive Sampling with Forecasting Autoregressive Models*, ICML 2020 (arXiv
#   2002.09928); Y. Song, C. Meng, R. Liao & S. Ermon, *Accelerating Feedforward Computation via Parallel
#   Nonlinear Equation Solving*, ICML 2021 (arXiv 2002.03629). Fewer passes, the same sample.
# - E. Hoogeboom et al., *Autoregressive Diffusion Models*, ICLR 2022 (arXiv 2110.02037). Order-agnostic
#   training, grown up.
# - I. Tolstikhin et al., *MLP-Mixer: An all-MLP Architecture for Vision*, NeurIPS 2021 (arXiv 2105.01601).
#   The architecture that we masked.
# - A. Q. Chen et al., *Structured Neural Networks for Density Estimation and Causal Inference*, NeurIPS 2023
#   (arXiv 2311.02221). Masks for a given graph.
#
# Next: lesson 5. MADE has a weight for every pair of pixels, and learns each stroke anew in every corner of the
# image. Lesson 5 shares the masked weights across the image, and the mask becomes a convolution's.
