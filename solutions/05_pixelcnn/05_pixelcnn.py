# %% [markdown]
# # 05 · PixelCNN: an image, pixel by pixel
#
# **Promise.** After this lesson you can turn a convolutional network into an exact distribution over images,
# say which pixels a stack of masked kernels sees and which it silently misses, and use one such model to
# draw, to complete, to recognise and to compress digits, without paying for every pixel in full.
#
# **Time.** 60 minutes to read, 160 to practise, in two sittings if you like (the first up to `gated`);
# sections marked *optional* hold no exercise and are not counted. **You need.** Lessons 2 to 4 (NLL,
# binarised digits, masks), and what a convolution does.
#
# MADE has a weight of its own for every pair of pixels. Whatever it learns about a stroke in the upper left
# corner, it has to learn again in the lower right. No eye works like that, and no network for images does
# either: a stroke is a stroke, wherever it lies. This lesson takes the convolution, the layer that knows
# this, and makes it keep the chain rule's promise.

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
# The fully visible sigmoid belief net of lesson 3 predicts each pixel by a logistic regression of its own on
# all the pixels before it: 784 pupils, each with its private notes, 307 720 numbers in all. Let us look into
# the notes of four of them. Each picture shows the weights that one pixel (the black frame) gives to its
# neighbours above and to the left: blue speaks for ink, red against.

# %% demo
from lib import weights

fvsbn = weights.load("fvsbn")
private = fvsbn.W.detach().tril(-1).view(28, 28, 28, 28)  # [row, column of the pixel, row, column of the other]
pupils = [(10, 12), (12, 17), (16, 10), (18, 15)]
windows = {f"row {r}, column {c}": private[r, c, r - 4 : r + 1, c - 4 : c + 5] for r, c in pupils}
middle = [private[r, c, r - 4 : r + 1, c - 4 : c + 5] for r in range(6, 22) for c in range(6, 22)]
windows["mean of 256 pixels"] = torch.stack(middle).mean(dim=0)

figure, axes = plots.panels(5, width=1.55, height=1.25)
for ax, (title, window) in zip(axes, windows.items(), strict=True):
    ax.imshow(window, cmap="RdBu", vmin=-3, vmax=3)
    ax.add_patch(plt.Rectangle((3.5, 3.5), 1, 1, fill=False, edgecolor="black", linewidth=1.5))
    ax.set(xticks=(), yticks=())
    ax.grid(False)
    ax.set_title(title, fontsize=9)
plt.show()

# %% [markdown]
# They all wrote down the same thing: *do as your neighbours above and to the left do, and mind that strokes
# have edges.* Each had to find it out alone, from its own corner of 60 000 digits.
#
# So let the whole class share one page. Below, a *single* logistic regression on the pixels around, the same
# for all 784 positions: 12 weights for the 12 nearest pixels that come before, and one bias. (It learns for
# some seconds while you wait.)

# %% demo varies
from lib.data import binarise, load_binary_mnist, load_mnist
from lib.training import mean_nll

grey, test = load_mnist("train")[0], load_binary_mnist("test").view(-1, 1, 28, 28)
before = torch.zeros(5, 5)
before[:2], before[2, :2] = 1, 1
weight, bias = torch.zeros(1, 1, 5, 5, requires_grad=True), torch.full((1,), -2.0, requires_grad=True)
optimiser, generator = torch.optim.Adam([weight, bias]), torch.Generator().manual_seed(0)
entropy = torch.nn.functional.binary_cross_entropy_with_logits
for step in range(80):
    some = binarise(grey[torch.randint(60_000, (500,), generator=generator)], generator)[:, None]
    optimiser.param_groups[0]["lr"] = 0.2 * (1 - step / 80)
    optimiser.zero_grad()
    logits = torch.nn.functional.conv2d(some, weight * before, bias, padding=2)
    (entropy(logits, some, reduction="sum") / len(some)).backward()
    optimiser.step()
with torch.no_grad():
    logits = torch.nn.functional.conv2d(test, weight * before, bias, padding=2)
    shared = entropy(logits, test, reduction="sum").item() / len(test)
print("nats per test digit")
print(f"  every pixel on its own,       784 numbers: {mean_nll(weights.load('bernoulli'), test.flatten(1)):6.1f}")
print(f"  one shared page,               13 numbers: {shared:6.1f}")
print(f"  784 private pages,        307 720 numbers: {mean_nll(fvsbn, test.flatten(1)):6.1f}")

# %% [markdown]
# Thirteen numbers do most of the work of three hundred thousand. The code that computed all 784 predictions
# at once was one call of `conv2d`, with a kernel in which some entries were multiplied by zero. That is a
# PixelCNN, if a very small one. What is left to do: stack such layers, see what goes wrong when you do, and
# mend it.

# %% [markdown]
# ## The idea
#
# ### One kernel, cut
#
# An image is generated in **raster order**, row after row, from left to right. A convolution computes the
# output at row $r$, column $c$ from a window around it:
#
# $$\mathrm{logit}_{r,c} \;=\; b + \sum_{i}\sum_{j} \big(W \odot M\big)_{i,j}\; x_{r+i,\;c+j}, \qquad
# i, j = \dots, -1, 0, 1, \dots$$
#
# and the **mask** $M$, zeros and ones shaped like the kernel, keeps what comes before: all rows above the
# middle one ($i < 0$), and in the middle row what is to the left ($i = 0$, $j < 0$). Outside the image
# there are zeros. The same numbers $W$ and $b$ serve at every pixel.
#
# By hand: a kernel of 3 × 3 has eight neighbours, of which four come before. Let their weights be 1, 2, −1
# (above) and 3 (left), and the bias −2. In the image below, the output in the middle is
# $-2 + 1\cdot 0 + 2\cdot 1 - 1\cdot 1 + 3\cdot 1 = 2$, so this pixel is lit with probability
# $\sigma(2) = 0.88$. In the upper left corner the window sees nothing but outside: $\sigma(-2) = 0.12$.

# %% figure
image = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
kernel = np.array([[1.0, 2.0, -1.0], [3.0, np.nan, np.nan], [np.nan, np.nan, np.nan]])
padded = np.pad(image, 1)
logit = -2 + sum(
    kernel[i, j] * padded[i : i + 3, j : j + 3] for i, j in np.argwhere(~np.isnan(kernel))
)
figure, axes = plots.panels(3, width=2.4, height=2.5)
axes[0].imshow(np.isnan(kernel), cmap="gray_r", vmin=0, vmax=5)
axes[0].set_title("kernel × mask, bias −2", fontsize=11)
axes[1].imshow(image, cmap="gray_r", vmin=0, vmax=3)
axes[1].set_title("image", fontsize=11)
axes[2].imshow(1 / (1 + np.exp(-logit)), cmap=plots.AMOUNTS, vmin=0, vmax=1.6)
axes[2].set_title("p(lit | before)", fontsize=11)
for i, j in np.ndindex(3, 3):
    told = ["0" if np.isnan(kernel[i, j]) else f"{kernel[i, j]:g}".replace("-", "−")]
    told += [str(image[i, j]), f"{1 / (1 + np.exp(-logit[i, j])):.2f}"]
    for ax, text in zip(axes, told, strict=True):
        ax.text(j, i, text, ha="center", va="center", fontsize=12)
for ax in axes:
    ax.set(xticks=(), yticks=())
    ax.grid(False)
    ax.add_patch(plt.Rectangle((0.5, 0.5), 1, 1, fill=False, edgecolor="black", linewidth=2))
plt.show()

# %% [markdown]
# (Strictly, mathematicians turn the kernel round before they call this a convolution. PyTorch does not: the
# *first* row of a kernel looks at the row *above*. Whoever mixes the two conventions sees the future. It
# comes up again in the drill.)
#
# ### Kind A first, kind B after
#
# One window is short-sighted. Depth widens it: a second layer looks at the first layer's features around the
# pixel, and each of these has looked at its own neighbours. Between the layers stands a ReLU, and each layer
# has many channels, as in any convolutional network.
#
# May the second layer look at the feature *at the pixel itself*? The feature there is a note about the
# pixels before it, and says nothing about the pixel. So yes, and it must, if nothing is to get lost. This is
# lesson 4 again, with a degree for every place: along each path one step has to be strict, and one is enough.
#
# | mask | middle entry | where | in lesson 4 |
# |:--|:--|:--|:--|
# | **kind A** | 0 | the first layer, and only there | strict, $>$ |
# | **kind B** | 1 | all layers after it | not strict, $\ge$ |
#
# This is the **PixelCNN** (van den Oord, Kalchbrenner & Kavukcuoglu 2016).
#
# ### What a stack sees, and what it never will
#
# Take two layers of 3 × 3 on paper. The first, of kind A, sees four pixels: three above, one to the left.
# The second, of kind B, looks at the features at those four places and at its own, and each brings along its
# own four. Count what you get: two pixels in the own row, four in the row above, five in the one above that.

# %% figure
one = np.array([[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
two = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
figure, axes = plots.panels(2, width=2.3, height=2.4)
plots.seen(one, ax=axes[0], title="one layer: 4 pixels")
plots.seen(two, ax=axes[1], title="two layers: 11")
plt.show()

# %% [markdown]
# Blue is seen, grey comes later. The pale orange pixel comes *before*, is nearer than many that are seen, and
# is not seen. To get there you would have to go one row up and two columns to the right. A step up
# goes at most one column to the right, and a step within a row goes only left. With one step up the pixel is
# out of reach, and a third layer does not change that, nor a hundredth. Every row above has such pixels, a
# wedge to the upper right: the **blind spot** of the PixelCNN.
#
# Nothing is *wrong* about it. The model is a proper distribution, no probe will object, and it is worse than
# it needs to be. You will measure the wedge, and then remove it.
#
# ### By hand: a stack of your own
#
# Type your name. It draws a kernel and a number of layers (one of kind A, all others of kind B) for an image
# so large that no border is in the way; the grader draws the same ones from the same name.

# %% exercise student_name
student_name = None  # your name, in quotes
### BEGIN SOLUTION
student_name = "Ada Lovelace"
### END SOLUTION

# %% demo
a, b = personal_numbers(student_name, "05", 0, 5, 2)
print(f"{3 + a} layers of {5 + 2 * (b % 2)} x {5 + 2 * (b % 2)} kernels")

# %% [markdown]
# How many pixels does it see **in its own row**? How many in the **row directly above**? And how large is the
# **blind spot**: count the pixels in the rows above that lie in the frame (no further up than the topmost
# pixel that is seen; to the left as far as the leftmost, and to the right just as far) and are not seen. Type
# the three counts as a list.
#
# <details><summary>Hint</summary>
#
# Your kernel is wider than 3, so a single step up may carry you further to the right; how far? Then go row by
# row: how many steps that go up can you use to get $j$ rows up, and how many are there at all?
# </details>

# %% exercise seen_mine
seen_mine = None  # replace None by a list of three counts
### BEGIN SOLUTION
a, b = personal_numbers(student_name, "05", 0, 5, 2)
n_layers, side = 3 + a, 2 + b % 2  # a kernel of 2 side + 1
extent = n_layers * side  # to the left, and upwards
blind = sum(extent - side * min(up, n_layers) for up in range(1, extent + 1))
seen_mine = [extent, extent + 1 + side, blind]
### END SOLUTION

# %% check seen_mine 2 points
assert len(typed(seen_mine, "seen_mine")) == 3, "a list of three counts: own row, row above, blind spot"
assert all(count > 0 and count % 1 == 0 for count in seen_mine), "counts are whole numbers, and none of the three is zero"
layers = 3 + personal_numbers(typed(student_name, "student_name"), "05", 0, 5, 2)[0]
mine, above, blind = (int(count) for count in seen_mine)
assert mine % layers == 0, "own row: every layer carries equally far to the left"
assert mine + 1 < above < 2 * mine + 1, "row above: as far to the left, the pixel straight up, and not so far to the right"
assert blind > 2 * mine + 1 - above, "blind spot: the row above misses some pixels of its frame, and further rows miss more"
### BEGIN HIDDEN TESTS
from autograder.checks import pixelcnn as checks
checks.check_seen_mine(student_name, seen_mine)
### END HIDDEN TESTS

# %% [markdown]
# ## Build it
#
# ### Exercise: `conv_mask`
#
# The mask of one kernel, of kind A or B. Kernels need not be square: `kernel_size` is `(height, width)`, both
# odd, or there would be no middle. A kernel of 1 × 1 is allowed.
#
# <details><summary>Hint</summary>
#
# Write down the mask of a 3 × 5 kernel first. Which of its rows are all alike, and where does the middle row
# stop? Then: how many rows lie above the middle one in a kernel of height `h`?
# </details>

# %% exercise conv_mask
def conv_mask(kernel_size, kind):
    """The mask of a convolution's kernel, for raster order.

    kernel_size : (height, width), two odd ints. kind : "A" (without the pixel itself) or "B" (with it).
    Returns a tensor or array (height, width) of zeros and ones (or booleans): 1 where the kernel may look.
    """
    ### BEGIN SOLUTION
    height, width = kernel_size
    mask = torch.zeros(height, width)
    mask[: height // 2] = 1
    mask[height // 2, : width // 2 + (kind == "B")] = 1
    return mask
    ### END SOLUTION

# %% check conv_mask 2 points
found = np.asarray(conv_mask((3, 3), "A"))
assert found.shape == (3, 3), "one entry for each entry of the kernel: height, width"
assert found[0].tolist() == [1, 1, 1], "the row above comes before, all of it"
assert found[1].tolist() == [1, 0, 0], "in its own row, kind A sees what is to the left"
assert found[2].sum() == 0, "the rows below come later"
assert np.asarray(conv_mask((3, 5), "B"))[1].tolist() == [1, 1, 1, 0, 0], "kind B: the middle too"
assert np.asarray(conv_mask((1, 3), "A")).tolist() == [[1, 0, 0]], "a kernel of one row"
assert np.asarray(conv_mask((5, 1), "B")).tolist() == [[1], [1], [1], [0], [0]], "a kernel of one column"
assert np.asarray(conv_mask((1, 1), "B")).tolist() == [[1]], "1 x 1, kind B: the pixel itself"
### BEGIN HIDDEN TESTS
from autograder.checks import pixelcnn as checks
checks.check_conv_mask(conv_mask)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `masked_conv2d`
#
# A convolution whose mask is applied in every pass. What comes out has the height and width of what goes in:
# pad with zeros, half a kernel on each side. The mask may come in two shapes: that of the kernel alone, the
# same for all channels; or that of the whole weight (colours will need that). As in lesson 4, use PyTorch's
# operations: further down a gradient has to find its way through.
#
# <details><summary>Hint</summary>
#
# What does `torch.nn.functional.conv2d` take besides image and weight? How many zeros on each side leave a
# kernel of 1 × 5 the size of the image? And what does broadcasting make of a weight `(c_out, c_in, h, w)` and a
# mask `(h, w)`?
# </details>

# %% exercise masked_conv2d
def masked_conv2d(x, weight, bias, mask):
    """A convolution of which only the connections in the mask exist; zeros outside the image.

    x : (B, c_in, H, W). weight : (c_out, c_in, h, w), h and w odd. bias : (c_out,).
    mask : (h, w) or (c_out, c_in, h, w), zeros and ones or booleans.
    Returns (B, c_out, H, W). The weight is not changed.
    """
    ### BEGIN SOLUTION
    height, width = weight.shape[2:]
    kept = weight * torch.as_tensor(mask)
    return torch.nn.functional.conv2d(x, kept, bias, padding=(height // 2, width // 2))
    ### END SOLUTION

# %% check masked_conv2d 2 points
nine = torch.arange(1.0, 10.0).view(1, 1, 3, 3)
mask_A = torch.tensor([[1, 1, 1], [1, 0, 0], [0, 0, 0]])
out = np.asarray(masked_conv2d(nine, torch.ones(1, 1, 3, 3), torch.tensor([0.5]), mask_A))
assert out.shape == (1, 1, 3, 3), "as high and as wide as the image"
assert np.isclose(out[0, 0, 1, 1], 10.5), "in the middle: 1 + 2 + 3 + 4, and the bias"
assert np.isclose(out[0, 0, 0, 0], 0.5), "in the first corner there is nothing before: only the bias"
assert np.isclose(out[0, 0, 2, 0], 9.5), "in the lower left corner: 4 + 5, and nothing from the other side"
high = np.asarray(masked_conv2d(nine, torch.ones(1, 1, 5, 1), torch.zeros(1), torch.ones(5, 1)))
assert np.allclose(high[0, 0], [[12, 15, 18]] * 3), "a kernel of 5 x 1, all open: each output is the sum of its column"
# Two channels and a whole mask: output channel 1 listens to input channel 0, and nobody else to anybody.
among = torch.tensor([[False, False], [True, False]])[:, :, None, None]
weight = torch.tensor([[10.0, 20.0], [30.0, 40.0]])[:, :, None, None]
out = np.asarray(masked_conv2d(torch.ones(1, 2, 1, 1), weight, torch.zeros(2), among))
assert np.allclose(out.flatten(), [0, 30]), "a mask of the whole weight, of booleans"
assert weight.flatten().tolist() == [10, 20, 30, 40], "the weight is not changed"
### BEGIN HIDDEN TESTS
from autograder.checks import pixelcnn as checks
checks.check_masked_conv2d(masked_conv2d)
### END HIDDEN TESTS

# %% [markdown]
# The grader compares numbers. Whether a gradient finds its way through, see for yourself: to the image, to the
# bias, and to the weights that are open, but to no other. (One channel becomes one; the window is 1 × 3, of
# kind A; three pixels; all numbers are 1.)

# %% demo
x, weight, bias = (torch.ones(shape, requires_grad=True) for shape in ((1, 1, 1, 3), (1, 1, 1, 3), (1,)))
masked_conv2d(x, weight, bias, torch.tensor([[1, 0, 0]])).sum().backward()
for name, grad, expected in (("image", x.grad, [1, 1, 0]), ("weight", weight.grad, [2, 0, 0]), ("bias", bias.grad, [3])):
    print(f"gradient of the {name}: {None if grad is None else grad.flatten().tolist()}, expected {expected}")

# %% [markdown]
# Now ask the probe of lesson 1. Two layers with random weights over a small image of 4 × 4 pixels, so 16
# outputs against 16 inputs, both in raster order; three ways to choose the kinds.

# %% demo
def random_stack(masks, channels=8, seed=0):
    """A network of masked layers with random weights: a function from one image (H, W) to (H, W)."""
    generator = torch.Generator().manual_seed(seed)
    sizes = [1, *[channels] * (len(masks) - 1), 1]
    weights = [
        torch.randn(after, ahead, *np.shape(mask), generator=generator) / (ahead * np.sum(np.asarray(mask)) + 1e-9) ** 0.5
        for mask, ahead, after in zip(masks, sizes[:-1], sizes[1:], strict=True)
    ]

    def network(image):
        h = image[None, None].float()
        for weight, mask in zip(weights, masks, strict=True):
            h = torch.tanh(torch.as_tensor(masked_conv2d(h, weight, torch.full(weight.shape[:1], 0.1), mask)))
        return h[0, 0]

    return network


image = torch.rand(4, 4, generator=torch.Generator().manual_seed(0)) < 0.5
figure, axes = plots.panels(3, width=2.5, height=2.7)
for ax, kinds in zip(axes, ("AB", "BB", "AA"), strict=True):
    found = dependence(random_stack([torch.as_tensor(np.asarray(conv_mask((3, 3), kind))) for kind in kinds]), image)
    plots.dependence_matrix(found, ax=ax, title=f"{kinds[0]}, then {kinds[1]}")
    ax.set(xticks=(), yticks=(), ylabel="output pixel" if kinds == "AB" else "", xlabel="input pixel")
    lost = [t for t in range(1, 16) if t % 4 and not found[t, t - 1]]
    print(f"{kinds[0]}, then {kinds[1]}: {len(leaks(found))} leaks; {len(lost)} of 12 outputs do not see their left neighbour")
plt.show()

# %% [markdown]
# (White inside the blue: earlier pixels that two layers miss, too far away or to the upper right.) A then B is
# what we want. Two layers of kind B leak: sixteen outputs, each knows its own pixel, and a network that is
# shown the answer learns to copy it. Two layers of kind A are sound, and blind to the nearest pixel of all, the
# left neighbour: the second layer skips the one place where its note was kept.
#
# ### Exercise: `reach`
#
# What can the middle pixel of an image see, judging by the masks alone? Walk backwards. The last layer's
# output in the middle looks at some places of the layer before; these look at some places of the layer before
# them; and so on, down to the image. **All the places lie inside the image**: beyond the border there are no
# features, only zeros, so no path leads through there. (So the order of the layers counts. In an image of three
# rows you can go from the middle one row down and then two up, but not two up and then one down.)
#
# The masks may be any zeros and ones, not only of kind A or B, and each has its own size.
#
# <details><summary>Hint</summary>
#
# Begin with a map that is true in the middle only. For each mask, beginning with the last: make a new map;
# for every open entry of the mask, shift the old map by the entry's distance from the mask's middle, and let
# what leaves the image go. In which direction does a place "above" lie? Booleans don't overflow; counts of
# paths do.
# </details>

# %% exercise reach
def reach(masks, height, width):
    """What the middle pixel sees through a stack of masked convolutions.

    masks : list of tensors (h, w), h and w odd, zeros and ones or booleans; masks[0] belongs to the layer that
            reads the image; without any mask, the middle sees itself. height, width : of the image; the middle is row
            height // 2, column width // 2.
    Returns booleans (height, width), tensor or array: True where the image's pixel can change the output.
    """
    ### BEGIN SOLUTION
    places = {(height // 2, width // 2)}
    for mask in reversed(masks):
        rows, columns = mask.shape
        steps = [(r - rows // 2, c - columns // 2) for r in range(rows) for c in range(columns) if mask[r, c]]
        places = {(r + up, c + along) for r, c in places for up, along in steps}
        places = {(r, c) for r, c in places if 0 <= r < height and 0 <= c < width}
    seen = torch.zeros(height, width, dtype=torch.bool)
    for r, c in places:
        seen[r, c] = True
    return seen
    ### END SOLUTION

# %% check reach 3 points
above_left = torch.tensor([[1, 1, 1], [1, 0, 0], [0, 0, 0]])
itself_too = torch.tensor([[1, 1, 1], [1, 1, 0], [0, 0, 0]])
found = np.asarray(reach([above_left], 3, 4))
assert found.shape == (3, 4), "one entry for each pixel of the image: height, width"
assert found.tolist() == [[0, 1, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0]], "one layer: the mask itself, about row 1, column 2"
found = np.asarray(reach([above_left, itself_too], 5, 5))
assert found.tolist()[:3] == [[1, 1, 1, 1, 1], [1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], "A then B, as counted on paper"
assert found[3:].sum() == 0, "kinds A and B never look down"
two_up, down = torch.tensor([[1], [0], [0], [0], [0]]), torch.tensor([[0], [0], [1]])
found = np.asarray(reach([two_up, down], 3, 1)).tolist()
assert found == [[1], [0], [0]], "from the last layer to the first: a row down, then two up"
assert not np.asarray(reach([down, two_up], 3, 1)).any(), "two rows up and one down: that way leads outside"
assert not np.asarray(reach([down.T, two_up.T], 1, 3)).any(), "two columns to the left and one back: that way, too"
assert np.asarray(reach([], 1, 1)).tolist() == [[1]], "without any mask, the middle sees itself"
wide = torch.zeros(3, 63)
wide[1] = 1
found = np.asarray(reach([wide] * 70, 2, 4)).tolist()
assert found == [[0, 0, 0, 0], [1, 1, 1, 1]], "70 layers along a row: too many paths to count, but paths all the same"
### BEGIN HIDDEN TESTS
from autograder.checks import pixelcnn as checks
checks.check_reach(reach)
### END HIDDEN TESTS

# %% [markdown]
# Your `reach` on deeper stacks of 3 × 3, and on one of 7 × 7. The wedge of the blind spot (pale orange) only
# gets longer.

# %% demo
stacks = {"3 layers": (3, 3), "6 layers": (6, 3), "9 layers": (9, 3), "3 layers of 7 × 7": (3, 7)}
figure, axes = plots.panels(4, width=1.9, height=2.1)
for ax, (title, (n_layers, size)) in zip(axes, stacks.items(), strict=True):
    kinds = "A" + "B" * (n_layers - 1)
    masks = [torch.as_tensor(np.asarray(conv_mask((size, size), kind))) for kind in kinds]
    sees = np.asarray(reach(masks, 19, 19)).astype(bool)
    plots.seen(sees, ax=ax)
    ax.set_title(title, fontsize=11)
    print(f"{title}: {int(sees.sum())} of the 180 pixels before the middle one")
plt.show()

# %% [markdown]
# ### Two stacks, and no blind spot
#
# The wedge comes from a thrifty habit: in each layer, one kernel looks up and left at once, and what it saw
# to the upper right can only travel on to the left. The cure (van den Oord et al. 2016, the *gated*
# PixelCNN) is to keep two kinds of notes at each place, in two stacks of layers:
#
# - The **vertical stack** knows *rows*: its feature at row $r$ knows pixels of the rows above $r$, nothing
#   else. So its kernels may look to the right as well as to the left, in the rows above **and in their own
#   row**, since the features there know only the rows above, too.
# - The **horizontal stack** knows the pixels to the left in its own row, and in every layer it is handed the
#   vertical feature *of its own place*: $h \leftarrow h + v$ (through a 1 × 1 convolution). The outputs are
#   read from it.
#
# In the **first** layer, the one that reads the image, both are strict: the vertical kernel keeps the rows
# above, the horizontal one the pixels to the left. (Together they are exactly kind A.) In the layers
# **behind** it, neither is.
#
# One thing is forbidden: to hand $h$ to $v$. A feature of the horizontal stack knows the left part of its
# row. Let $v$ know it too, and the kernels that look to the right carry it to pixels that come before.
#
# ### Exercise: `stack_masks`
#
# The masks of the two stacks in a layer *behind the first*, by the rules above. Both are shaped like the whole
# kernel; the horizontal one is open in the middle row only.
#
# <details><summary>Hint</summary>
#
# For each of the nine entries of a 3 × 3 kernel ask: what does the feature *at that place* know, and may I
# know all of it? For the vertical stack the answer depends on the row only.
# </details>

# %% exercise stack_masks
def stack_masks(kernel_size):
    """The masks of the vertical and of the horizontal stack, in a layer behind the first.

    kernel_size : (height, width), two odd ints.
    Returns a pair (vertical, horizontal) of tensors or arrays (height, width), zeros and ones or booleans. The
    vertical stack's features at row r know the rows above r; the horizontal stack's features at a pixel know what is
    to its left in its row. The horizontal mask does not look up: what is above, it is handed by the vertical stack. But
    for that, each mask keeps every place whose feature may be known, and no other.
    """
    ### BEGIN SOLUTION
    height, width = kernel_size
    vertical, horizontal = torch.zeros(height, width), torch.zeros(height, width)
    vertical[: height // 2 + 1] = 1
    horizontal[height // 2, : width // 2 + 1] = 1
    return vertical, horizontal
    ### END SOLUTION

# %% check stack_masks 2 points
vertical, horizontal = (np.asarray(mask) for mask in stack_masks((3, 3)))
assert vertical.shape == horizontal.shape == (3, 3), "both are shaped like the kernel"
assert vertical[0].tolist() == [1, 1, 1] and vertical[2].tolist() == [0, 0, 0], "vertical: the row above, none below"
assert vertical[1, 2] == 1, "vertical, own row: the feature to the right knows only rows above, so it may be known"
assert horizontal[0].sum() == horizontal[2].sum() == 0, "horizontal: the own row only"
assert horizontal[1, 2] == 0, "horizontal: the feature to the right knows too much"
assert horizontal[1, 1] == 1, "horizontal: the feature here knows what is to its left, so behind the first layer it may be known"
vertical, horizontal = (np.asarray(mask) for mask in stack_masks((5, 9)))
assert vertical.shape == horizontal.shape == (5, 9), "height, width"
assert vertical.sum(axis=1).tolist() == [9, 9, 9, 0, 0], "vertical, 5 x 9: all of three rows"
assert horizontal.sum(axis=1).tolist() == [0, 0, 5, 0, 0], "horizontal, 5 x 9: all to the left, and the place itself"
assert np.ravel([np.asarray(mask) for mask in stack_masks((1, 1))]).tolist() == [1, 1], "1 x 1: both see the place itself"
### BEGIN HIDDEN TESTS
from autograder.checks import pixelcnn as checks
checks.check_stack_masks(stack_masks)
### END HIDDEN TESTS

# %% [markdown]
# What the middle pixel sees now, by your `reach`: through the vertical stack, handed over at each depth and
# carried left by the rest of the horizontal one; and through the horizontal stack from the start. The union has
# no wedge. (Pale orange in "vertical" is the middle's own row, which is not its business.) On the right the
# forbidden thing: a vertical stack that has been handed $h$ once, in the first layer.

# %% demo
def two_stacks(n_layers, size=3, side=19):
    """(one stack, vertical, horizontal, both, with h handed to v): what the middle pixel sees in each."""

    def as_tensor(mask):
        return torch.as_tensor(np.asarray(mask)).float()

    def look(masks):
        return np.asarray(reach(masks, side, side)).astype(bool)

    first, later = (as_tensor(conv_mask((size, size), kind)) for kind in "AB")
    down, along = (as_tensor(mask) for mask in stack_masks((size, size)))
    strict_down, strict_along = first.clone(), first.clone()
    strict_down[size // 2] = 0
    strict_along[: size // 2] = 0
    plain = look([first] + [later] * (n_layers - 1))
    vertical = look([strict_down] + [down] * (n_layers - 1))
    horizontal = look([strict_along] + [along] * (n_layers - 1))
    both = horizontal.copy()
    for depth in range(1, n_layers + 1):  # v after `depth` layers is handed over, h carries it on
        both |= look([strict_down] + [down] * (depth - 1) + [along] * (n_layers - depth))
    forbidden = both | look([strict_along] + [down] * (n_layers - 2) + [along])
    return plain, vertical, horizontal, both, forbidden


names = ("one stack", "vertical", "horizontal", "both", "h handed to v")
figure, axes = plots.panels(5, width=1.55, height=1.8)
for ax, name, sees in zip(axes, names, two_stacks(6), strict=True):
    plots.seen(sees, ax=ax)
    ax.set_title(name, fontsize=10)
plt.show()

# %% [markdown]
# ### Exercise: `gated`
#
# The same paper replaces the ReLU by a product that had served LSTMs well. Each layer computes twice as many
# channels as it needs; the first half is the content, the second half decides how much of it passes:
#
# $$y = \tanh(f) \odot \sigma(g), \qquad (f, g) = \text{the two halves of the channels.}$$
#
# A product lets one feature switch another on and off, which sums and ReLUs can only imitate in several layers.
# It is also where a **class label** comes in, as a bias: $y = \tanh(f + a_k) \odot \sigma(g + b_k)$ with
# two learned vectors for each class $k$. The label is known before the first pixel, so it may go anywhere.
#
# Mind large numbers: a gate of −1000 has to close, and not to break.
#
# <details><summary>Hint</summary>
#
# Which of the four axes holds the channels, and where along it does the second half begin? Large numbers: what
# is $e^{1000}$ in float32, and who has to compute it?
# </details>

# %% exercise gated
def gated(features):
    """The gated activation unit.

    features : float tensor (B, 2 C, H, W); channels 0 to C - 1 are the content, the others the gates.
    Returns (B, C, H, W): tanh of the content times the sigmoid of the gate.
    """
    ### BEGIN SOLUTION
    content, gate = features.chunk(2, dim=1)
    return torch.tanh(content) * torch.sigmoid(gate)
    ### END SOLUTION

# %% check gated 1 point
out = np.asarray(gated(torch.tensor([1.0, 2.0, 0.0, -1.0]).view(1, 4, 1, 1)))
assert out.shape == (1, 2, 1, 1), "half as many channels, everything else as it was"
assert np.allclose(out[0, :, 0, 0], [0.7616 * 0.5, 0.9640 * 0.2689], atol=1e-3), "channel 0 is gated by channel 2, 1 by 3"
out = np.asarray(gated(torch.tensor([1000.0, 1000.0, -1000.0, 1000.0]).view(1, 4, 1, 1)))
assert np.allclose(out[0, :, 0, 0], [0.0, 1.0]), "large numbers: a gate of -1000 is closed, one of 1000 open"
### BEGIN HIDDEN TESTS
from autograder.checks import pixelcnn as checks
checks.check_gated(gated)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `sample_image`
#
# Drawing, the naive way: one whole pass of the network for each number to be drawn. This time in general:
# images may have several **channels** (colours), and a pixel's channel takes one of $K$ values, so the network
# gives $K$ logits for each. The order is raster order over pixels, and *within a pixel its channels one after
# the other*: R, then G given R, then B given both; only then the next pixel.
#
# Start from zeros. `uniforms[n, c, row, column]` decides `x[n, c, row, column]`, whenever its turn comes. The
# value is the first one whose cumulative probability **exceeds** the uniform; if rounding leaves none, the last
# value of positive probability. (So a value of probability zero is never drawn.)
#
# <details><summary>Hint</summary>
#
# Write down whose turn it is for two channels and 2 × 2 pixels: which index changes at every step? For the
# draw, mark the cumulative probabilities on the line from 0 to 1 (in float64): how does the uniform's place
# among them tell you the value? And what is the largest value that this may give, if the last probabilities
# are zero?
# </details>

# %% exercise sample_image
def sample_image(logits_fn, shape, uniforms):
    """Draw images from a model that gives the logits of all conditionals in one pass.

    logits_fn : function from int64 images (n, C, H, W) to logits (n, C, H, W, K). Those of one number depend only
                on what comes before it: pixels in raster order, within a pixel channel 0, 1, ..., C - 1. A logit
                may be -inf.
    shape     : (n, C, H, W). uniforms : tensor of that shape, numbers in [0, 1).
    Returns an int64 tensor (n, C, H, W) of values 0 to K - 1.
    """
    ### BEGIN SOLUTION
    x = torch.zeros(shape, dtype=torch.int64)
    _, n_channels, height, width = shape
    for row, column, channel in itertools.product(range(height), range(width), range(n_channels)):
        p = torch.softmax(logits_fn(x)[:, channel, row, column].double(), dim=1)  # (n, K)
        passed = (p.cumsum(dim=1) <= uniforms[:, channel, row, column, None]).sum(dim=1)
        last = p.shape[1] - 1 - (p > 0).flip(1).long().argmax(dim=1)
        x[:, channel, row, column] = torch.minimum(passed, last)
    return x
    ### END SOLUTION

# %% check sample_image 3 points
def echo(x):  # (1, 2, 1, 2): channel 0 is 0 or 1, a fair coin; channel 1 repeats channel 0 of the same pixel
    logits = torch.full((1, 2, 1, 2, 3), -torch.inf)
    logits[:, 0, :, :, :2] = 0.0
    logits[:, 1] = torch.log(torch.nn.functional.one_hot(torch.as_tensor(x)[:, 0].long(), 3).float())
    return logits


def count(x):  # (1, 2, 2, 2): the first number is 1; each one after is its predecessor plus 1, and after 2 comes 0
    assert "int" in str(x.dtype), "logits_fn takes whole numbers, int64"
    in_order = torch.as_tensor(x)[0].permute(1, 2, 0).flatten()  # row after row, pixel after pixel, channel after channel
    following = torch.cat([torch.ones(1), (in_order[:-1] + 1) % 3]).long()
    return torch.log(torch.nn.functional.one_hot(following, 3).float()).view(2, 2, 2, 3).permute(2, 0, 1, 3)[None]


def tenths(x):  # ten values of probability 0.1, and an eleventh that is impossible
    return torch.log(torch.tensor([0.1] * 10 + [0.0], dtype=torch.float64)).expand(1, 1, 1, 1, 11)


drawn = np.asarray(sample_image(echo, (1, 2, 1, 2), torch.tensor([[[[0.7, 0.2]], [[0.5, 0.5]]]])))
assert drawn.shape == (1, 2, 1, 2), "images, channels, rows, columns"
assert drawn[0, 0, 0].tolist() == [1, 0], "channel 0: 0.7 is beyond the first half, 0.2 is not"
assert drawn[0, 1, 0].tolist() == [1, 0], "channel 1 of a pixel comes after its channel 0, and repeats it here"
drawn = np.asarray(sample_image(echo, (1, 2, 1, 2), torch.tensor([[[[0.5, 0.0]], [[0.0, 0.0]]]])))
assert drawn[0, 0, 0].tolist() == [1, 0], "0.5 does not exceed 0.5, so a uniform of 0.5 draws the value 1"
drawn = np.asarray(sample_image(count, (1, 2, 2, 2), torch.full((1, 2, 2, 2), 0.5)))
in_order = drawn[0].transpose(1, 2, 0).flatten().tolist()
assert in_order == [1, 2, 0, 1, 2, 0, 1, 2], "row after row, pixel after pixel, and all channels of a pixel before the next"
nearly_1 = torch.full((1, 1, 1, 1), 1 - 2**-53, dtype=torch.float64)
drawn = np.asarray(sample_image(tenths, (1, 1, 1, 1), nearly_1))
assert drawn.item() == 9, "if rounding leaves none, the last value of positive probability; never one of probability zero"
### BEGIN HIDDEN TESTS
from autograder.checks import pixelcnn as checks
checks.check_sample_image(sample_image)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `affected`
#
# One whole pass per pixel is a scandal. Between two passes *one* pixel was written; nearly everything that the
# network computes is what it was before. Which features change?
#
# This is `reach` looked at from the other end: not "what does this output see", but "who sees this pixel",
# layer by layer. Write it as a function from the position that was written to one map per layer. As before,
# everything happens inside the image.
#
# <details><summary>Hint</summary>
#
# If a mask lets an output look one row *up*, then the pixel that changed lies one row up from the output:
# where is the output, seen from the pixel? The second layer does not watch the image, it watches the first
# layer.
# </details>

# %% exercise affected
def affected(masks, row, column, height, width):
    """Which features of each layer can change when one pixel of the image changes.

    masks : list of L tensors (h, w), h and w odd, zeros and ones or booleans; masks[0] reads the image.
    row, column : of the pixel that is written. height, width : of the image, and of every layer.
    Returns a list of L tensors or arrays of booleans (height, width): number l says where the output of layer l
    can change.
    """
    ### BEGIN SOLUTION
    changed = torch.zeros(height, width, dtype=torch.bool)
    changed[row, column] = True
    maps = []
    for mask in masks:
        rows, columns = mask.shape
        after = torch.zeros(height, width, dtype=torch.bool)
        for r, c in changed.nonzero().tolist():
            for i, j in (mask > 0).nonzero().tolist():
                to = (r - (i - rows // 2), c - (j - columns // 2))
                if 0 <= to[0] < height and 0 <= to[1] < width:
                    after[to] = True
        maps.append(after)
        changed = after
    return maps
    ### END SOLUTION

# %% check affected 3 points
above_left = torch.tensor([[1, 1, 1], [1, 0, 0], [0, 0, 0]])
itself_too = torch.tensor([[1, 1, 1], [1, 1, 0], [0, 0, 0]])
maps = affected([above_left, itself_too], 0, 1, 3, 4)
assert len(maps) == 2, "one map for each layer"
first, second = (np.asarray(m) for m in maps)
assert first.shape == (3, 4), "each as large as the image"
assert first.tolist() == [[0, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]], "layer 0: whoever has the pixel above, beside, left"
assert second[0].tolist() == [0, 0, 1, 1], "layer 1 watches layer 0: there (0, 2) changed, which (0, 2) and (0, 3) see"
assert second[2].sum() == 4, "in layer 1 the change has come two rows down"
left, right = torch.tensor([[1, 0, 0]]), torch.tensor([[0, 0, 1]])
maps = [np.asarray(m).tolist() for m in affected([left, left], 0, 0, 1, 3)]
assert maps == [[[0, 1, 0]], [[0, 0, 1]]], "both layers look left, and no further: layer 1 does not hear of what layer 0 left alone"
maps = [np.asarray(m).tolist() for m in affected([left, right], 0, 2, 1, 3)]
assert maps == [[[0, 0, 0]], [[0, 0, 0]]], "at the right border nobody has the pixel to its left, and nothing comes back from outside"
wide = torch.zeros(3, 63)
wide[1] = 1
last = np.asarray(affected([wide] * 70, 1, 0, 2, 4)[-1]).tolist()
assert last == [[0, 0, 0, 0], [1, 1, 1, 1]], "70 layers along a row: too many paths to count, but paths all the same"
### BEGIN HIDDEN TESTS
from autograder.checks import pixelcnn as checks
checks.check_affected(affected)
### END HIDDEN TESTS

# %% [markdown]
# A network of 15 layers of 3 × 3 over 28 × 28 pixels. The pixel at row 14, column 13 is written. On the left,
# what changes: very much, in all layers. But we don't want all of it, we want *the next pixel's* output, and in
# each layer only what that output needs (your `reach`, begun at the next pixel). How much is both?

# %% demo
kinds = "A" + "B" * 14
masks = [torch.as_tensor(np.asarray(conv_mask((3, 3), kind))) for kind in kinds]
changed = [np.asarray(m).astype(bool) for m in affected(masks, 14, 13, 28, 28)]
# `reach` begins in the middle, at (14, 14): the pixel after the one that was written.
needed = [np.asarray(reach(masks[k + 1 :], 28, 28)).astype(bool) for k in range(len(masks))]
both = [c & n for c, n in zip(changed, needed, strict=True)]
figure, axes = plots.panels(3, width=2.4, height=2.5)
for ax, maps, title in zip(axes, (changed, needed, both), ("changed", "needed next", "changed and needed"), strict=True):
    ax.imshow(np.sum(maps, axis=0), cmap=plots.AMOUNTS, vmin=0, vmax=15)
    ax.set_title(title, fontsize=11)
    ax.set(xticks=(), yticks=())
    ax.grid(False)
plt.show()
total = 15 * 28 * 28
print(f"features in all layers: {total}; changed and needed: {sum(int(m.sum()) for m in both)}")

# %% [markdown]
# (Colour: in how many of the 15 layers.) **One place per layer: the next pixel's own.** All else that it needs
# had been settled before, and all else that changed will be worked out when its own turn comes. Keep what is
# settled in a *cache*, and each feature of the network is computed once in the whole image, as each hidden unit
# was in lesson 4: 784 steps together cost about what one naive pass costs. That is all there is to *fast
# PixelCNN++* (Ramachandran et al. 2017, up to 183 times faster on a GPU). It gives the same images; further
# down you will see what it saves.
#
# ### Exercise: `class_posterior`
#
# Train a PixelCNN with class labels and you have ten models, $p_\theta(x \mid k)$, one for each digit. By
# Bayes' rule they are a **classifier**; and since the likelihood comes in pieces, one per pixel, so does the
# classification. After $t$ pixels
#
# $$p(k \mid x_1, \dots, x_t) \;\propto\; p(k) \prod_{d \le t} p_\theta(x_d \mid x_{<d}, k).$$
#
# You get the pieces, in nats, for every class. Return the posterior after $0, 1, \dots, D$ pixels. By the
# end the sums may be −5000 in all classes; you know what to do. A class whose prior is zero, or for which
# something impossible has happened, has the posterior zero from then on; one that has merely fallen a thousand
# nats behind may come back. (At least one class stays possible.)
#
# <details><summary>Hint</summary>
#
# Which function turns unnormalised log-probabilities into probabilities, safely? Along which axis? And what is
# known after 0 pixels?
# </details>

# %% exercise class_posterior
def class_posterior(log_probs, log_prior):
    """What an image is, pixel by pixel.

    log_probs : tensor (K, B, D); entry [k, b, d] is ln p(x_d | x_<d, class k), in nats, for image b; pixels in the
                order in which they come. Single entries may be -inf.
    log_prior : tensor (K,): ln p(class k), in nats; may hold -inf.
    Returns a tensor (B, D + 1, K): entry [b, t] is the distribution over classes after the first t pixels.
    """
    ### BEGIN SOLUTION
    nothing = torch.zeros_like(log_probs[:, :, :1])
    so_far = torch.cat([nothing, log_probs.cumsum(dim=2)], dim=2)  # (K, B, D + 1)
    return torch.softmax(log_prior[:, None, None] + so_far, dim=0).permute(1, 2, 0)
    ### END SOLUTION

# %% check class_posterior 2 points
two_classes = torch.log(torch.tensor([[[0.5, 0.2, 0.5]], [[0.5, 0.6, 0.5]]]))  # 2 classes, 1 image, 3 pixels
found = np.asarray(class_posterior(two_classes, torch.log(torch.tensor([0.75, 0.25]))))
assert found.shape == (1, 4, 2), "images, pixels seen (0 to 3), classes"
assert np.allclose(found[0, 0], [0.75, 0.25], atol=1e-4), "before the first pixel there is only the prior"
assert np.allclose(found[0, 1], [0.75, 0.25], atol=1e-4), "pixel 0 is as likely in both classes: nothing learned"
assert np.allclose(found[0, 2:], 0.5, atol=1e-4), "pixel 1 is three times as likely in class 1: 0.75 x 0.2 = 0.25 x 0.6"
found = np.asarray(class_posterior(torch.tensor([[[-20000.0]], [[-20000.0]], [[-torch.inf]]]), torch.log(torch.ones(3) / 3)))
assert np.allclose(found[0, 1], [0.5, 0.5, 0.0], atol=1e-3), "-20000 in two classes, and a third that is impossible"
found = np.asarray(class_posterior(torch.tensor([[[-1000.0, 0.0]], [[0.0, -1000.0]]]), torch.log(torch.ones(2) / 2)))
assert np.allclose(found[0], [[0.5, 0.5], [0, 1], [0.5, 0.5]], atol=1e-3), "1000 nats behind after a pixel, level again after the next"
### BEGIN HIDDEN TESTS
from autograder.checks import pixelcnn as checks
checks.check_class_posterior(class_posterior)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `channel_mask`
#
# A coloured pixel is three numbers, and the chain rule does not care that they share a place: R given all
# pixels before; G given these and R; B given these, R and G. So the *features* at a place come in three groups
# too. We keep them in blocks, R R ... G G ... B B ..., as equal as can be: with $n$ colours, channel $i$ of $c$
# belongs to colour $\lfloor i\,n / c \rfloor$. (64 channels among 3 colours: 22, 21 and 21. The formula decides
# which groups are the longer ones: 6 channels among 4 colours go 0 0 1 2 2 3.) A feature of group R may know
# what the outputs for R may know, and so on. Then in the middle entry of a kernel, and only there, it matters
# which channel leads to which: a small matrix, `(c_out, c_in)`.
#
# Kind A (the first layer, which reads the colours themselves) is strict; kind B is not. As ever.
#
# <details><summary>Hint</summary>
#
# Lesson 4 had a name for the number of a channel's group, and for the matrix that comes of comparing two
# vectors of them.
# </details>

# %% exercise channel_mask
def channel_mask(kind, c_in, c_out, n_channels):
    """Which channels of the pixel itself may be looked at: the middle entry of a kernel over colours.

    kind : "A" (a channel may look at the groups before its own) or "B" (and at its own).
    c_in, c_out : channels of the layer's input and output, at least n_channels. In both, channel i of c belongs to
    colour i * n_channels // c.
    Returns zeros and ones or booleans (c_out, c_in), tensor or array.
    """
    ### BEGIN SOLUTION
    source = torch.arange(c_in) * n_channels // c_in
    to = torch.arange(c_out) * n_channels // c_out
    return to[:, None] > source[None, :] if kind == "A" else to[:, None] >= source[None, :]
    ### END SOLUTION

# %% check channel_mask 2 points
found = np.asarray(channel_mask("A", 3, 3, 3))
assert found.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]], "kind A: R sees no colour, G sees R, B sees R and G"
found = np.asarray(channel_mask("B", 3, 6, 3))
assert found.shape == (6, 3), "one row per output channel, one column per input channel"
assert found[:4].tolist() == [[1, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 0]], "the first two of six are R, the next two G"
assert np.asarray(channel_mask("B", 4, 4, 3)).sum() == 11, "four channels among three colours: R R G B, by the formula"
found = np.asarray(channel_mask("B", 4, 6, 4))
assert found.sum(axis=1).tolist() == [1, 1, 2, 3, 3, 4], "six channels among four colours: 0 0 1 2 2 3, by the formula"
### BEGIN HIDDEN TESTS
from autograder.checks import pixelcnn as checks
checks.check_channel_mask(channel_mask)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `discretized_logistic_log_prob`
#
# A colour channel usually has 256 values. A softmax over 256 logits can say anything about them, and *knows*
# nothing: that 101 lies between 100 and 102 it has to learn from examples. PixelCNN++ (Salimans et al. 2017)
# takes a density over the real line instead and cuts it into bins. As in the paper, the $n$ values are spread
# evenly over the interval from −1 to 1: value $x$ lies at $v = \frac{2x}{n-1} - 1$ and gets what lies half a
# step to either side, between $v - \frac{1}{n-1}$ and $v + \frac{1}{n-1}$. For a **logistic** density with mean
# $\mu$ and scale $s$ that is easy, since its cumulative distribution function is the sigmoid:
#
# $$p(x) = \sigma(b) - \sigma(a), \qquad a = \frac{v - \frac{1}{n-1} - \mu}{s}, \quad
# b = \frac{v + \frac{1}{n-1} - \mu}{s},$$
#
# and the first and the last bin go on for ever: for $x = 0$ put $a = -\infty$, for $x = n - 1$ put $b =
# \infty$. Then the $n$ probabilities sum to 1, whatever $\mu$ and $s$.
#
# By hand: $n = 3$, so the values lie at −1, 0 and 1; $\mu = 0$, $s = 0.5$. The middle one gets $\sigma(1) -
# \sigma(-1) = 0.731 - 0.269 = 0.462$; each of the others $0.269$. Together 1.
#
# The logarithm is asked for, and far from the mean the difference of two sigmoids is a difference of two ones.
# An identity helps, which you can check by writing out $\sigma(z) = 1 / (1 + e^{-z})$:
#
# $$\sigma(b) - \sigma(a) = \sigma(b)\; \sigma(-a)\; \big(1 - e^{-(b - a)}\big).$$
#
# <details><summary>Hint</summary>
#
# What becomes of the product when you take its logarithm, and what is $b - a$? Which of the terms hold an
# infinite number in the first bin, which in the last, and what are they then? For $\ln \sigma(z)$ and for
# $1 - e^{-z}$ with a tiny $z$, PyTorch has functions that lose nothing; look for them.
# </details>

# %% exercise discretized_logistic_log_prob
def discretized_logistic_log_prob(x, mean, log_scale, n_values):
    """log-probability of whole numbers under a logistic distribution cut into bins, value 0 at -1 and the last at 1.

    x : int64 tensor of any shape, 0 to n_values - 1. mean, log_scale : float tensors that broadcast with x, in the
    units of the interval from -1 to 1; log_scale is the logarithm of the scale s, anything from -8 to 7.
    n_values : at least 2.
    Returns a tensor shaped like the broadcast arguments, in nats; finite even where the probability underflows.
    """
    ### BEGIN SOLUTION
    half = 1 / (n_values - 1)
    away = 2 * half * x - 1 - mean
    below, above = (away - half) * torch.exp(-log_scale), (away + half) * torch.exp(-log_scale)
    zero = torch.zeros_like(below)
    inner = torch.log(-torch.expm1(-2 * half * torch.exp(-log_scale))) + zero
    upper = torch.where(x == n_values - 1, zero, torch.nn.functional.logsigmoid(above))
    lower = torch.where(x == 0, zero, torch.nn.functional.logsigmoid(-below))
    return upper + lower + torch.where((x == 0) | (x == n_values - 1), zero, inner)
    ### END SOLUTION

# %% check discretized_logistic_log_prob 3 points
values = torch.arange(3)
found = np.asarray(discretized_logistic_log_prob(values, torch.tensor(0.0), torch.tensor(math.log(0.5)), 3))
assert found.shape == (3,), "one log-probability for each value"
assert np.allclose(np.exp(found), [0.2689, 0.4621, 0.2689], atol=1e-3), "the three bins computed by hand above"
far = (torch.tensor([254]), torch.tensor([-1.0]), torch.tensor([math.log(0.01)]))
found = np.asarray(discretized_logistic_log_prob(*far, 256))
assert np.isfinite(found).all(), "200 scales from the mean: unlikely, not impossible"
assert np.allclose(found, -199.43, atol=0.05), "200 scales from the mean costs some 200 nats"
found = np.asarray(discretized_logistic_log_prob(torch.arange(2), torch.tensor(0.5), torch.tensor(math.log(0.5)), 2))
assert np.allclose(np.exp(found), [0.2689, 0.7311], atol=1e-3), "two values: they meet at 0, one scale below the mean"
found = np.asarray(discretized_logistic_log_prob(torch.tensor([8]), torch.tensor([1.25]), torch.tensor([-8.0]), 17))
assert np.allclose(found, -3539.89, atol=0.5), "a scale of e^-8, a mean of 1.25: the bin's edge at 1/16 is 3540 scales away"
flat = (torch.tensor([30000]), torch.tensor([0.0], dtype=torch.float64), torch.tensor([7.0], dtype=torch.float64))
found = np.asarray(discretized_logistic_log_prob(*flat, 65537))
assert np.allclose(found, -18.78, atol=0.01), "a scale of e^7, 65537 values: all of them equally unlikely, none impossible"
### BEGIN HIDDEN TESTS
from autograder.checks import pixelcnn as checks
checks.check_discretized_logistic_log_prob(discretized_logistic_log_prob)
### END HIDDEN TESTS

# %% [markdown]
# ### 200 birds, 256 values · *optional*
#
# What is the logistic good for? The bills of 342 penguins (lesson 3 knows them) were measured to a tenth of a
# millimetre. Count them in quarters of a millimetre instead, and they are whole numbers below 256. Learn a
# distribution over these 256 values from 200 birds, and judge it on the other 142. On the left a softmax with
# 256 logits and nothing else; maximum likelihood would give probability 0 to every value that the 200 happen to
# miss, and thus lose infinitely on the first new bird that has one of them, so it starts with one imagined bird
# at each value. On the right a mixture of three of your discretised logistics, 9 numbers, fitted by gradient
# descent: `logsumexp` over log-weights plus log-probabilities, as in lesson 3.

# %% demo varies
from lib.data import load_penguins

bills = (4 * load_penguins()[0][:, 0]).round().long()  # 32 to 60 mm: 128 to 238
shuffled = bills[torch.randperm(len(bills), generator=torch.Generator().manual_seed(0))]
learn, judge_on = shuffled[:200], shuffled[200:]
values = torch.arange(256)

smoothed = torch.bincount(learn, minlength=256) + 1.0
softmax_log_p = torch.log(smoothed / smoothed.sum())

parameters = torch.tensor([[0.0, 0, 0], [0.2, 0.4, 0.6], [-2.5, -2.5, -2.5]], requires_grad=True)


def mixture_of_logistics(x):  # (N,) -> (N,): ln of the weighted sum of three discretised logistics
    log_weights, means, log_scales = parameters
    pieces = torch.as_tensor(discretized_logistic_log_prob(x[:, None], means, log_scales, 256))
    return torch.logsumexp(torch.log_softmax(log_weights, dim=0) + pieces, dim=1)


optimiser = torch.optim.Adam([parameters], lr=0.02)
for _ in range(400):
    optimiser.zero_grad()
    (-mixture_of_logistics(learn).mean()).backward()
    optimiser.step()
mixture_log_p = mixture_of_logistics(values).detach()

figure, axes = plots.panels(2, width=3.6, height=2.4, sharey=True)
for ax, name, log_p in zip(axes, ("softmax", "mixture"), (softmax_log_p, mixture_log_p), strict=True):
    ax.bar(values, torch.bincount(learn, minlength=256) / len(learn), 1.0, color="#d5d5d5")
    ax.plot(values, log_p.exp(), color=plots.COLOURS["vermilion"], linewidth=1.5)
    told = f"{name}: {-log_p[judge_on].mean():.2f} nats on new birds"
    ax.set_title(told, fontsize=11)
    ax.set(xlabel="bill length, quarters of a millimetre")
    print(f"{told}, {-log_p[learn].mean():.2f} on those it learned from; all 256 sum to {log_p.exp().sum():.4f}")
axes[0].set_ylabel("probability")
plt.show()

# %% [markdown]
# Neighbouring values help each other, as they should. With a million examples the softmax catches up, and it
# can take shapes that no three bells can: the logistic is an inductive bias, no law.

# %% [markdown]
# ## Watch it work
#
# ### Patches: any partition, put to work
#
# A full digit has 784 pixels, and naive drawing needs 784 passes. But who says that a step must be one pixel?
# Lesson 1 took a joint distribution apart by *any* partition: $p(A, B)\,p(C, D \mid A, B)$ is as exact as four
# single steps. So cut the image into **patches** of 2 × 2 pixels. A patch has $2^4 = 16$ possible values; call
# it a token; let one softmax over 16 logits give its four pixels *jointly*, given all patches before:
#
# $$p(x) = \prod_{t=1}^{196} p\big(\text{patch}_t \mid \text{patch}_1, \dots, \text{patch}_{t-1}\big).$$
#
# Nothing is approximated: a softmax over 16 values can be any distribution over 16 values. The picture is now
# 14 × 14, with four channels in (the bits of a patch) and sixteen out. A kernel of 3 × 3 spans 6 × 6 pixels, a
# layer costs a quarter, and there are 196 passes instead of 784. Only the order has changed, as it may.

# %% figure
order = np.arange(36).reshape(6, 6)
patched = np.zeros((6, 6), dtype=int)
for patch, (r, c) in enumerate(itertools.product((0, 2, 4), repeat=2)):
    patched[r : r + 2, c : c + 2] = patch
figure, axes = plots.panels(2, width=2.5, height=2.6)
for ax, steps, title in zip(axes, (order, patched), ("36 steps of 2 values", "9 steps of 16 values"), strict=True):
    ax.imshow(steps, cmap=plots.AMOUNTS, vmin=-4, vmax=1.7 * steps.max())
    for i, j in np.ndindex(6, 6):
        ax.text(j, i, steps[i, j] + 1, ha="center", va="center", fontsize=9)
    for line in (1.5, 3.5) if steps is patched else ():
        ax.axhline(line, color="white", linewidth=3)
        ax.axvline(line, color="white", linewidth=3)
    ax.set(xticks=(), yticks=())
    ax.grid(False)
    ax.set_title(title, fontsize=11)
plt.show()

# %% [markdown]
# ### Your own PixelCNN, on real digits
#
# Four masked layers over patches, a residual connection around each but the first, and a last layer of 1 × 1
# to the sixteen logits. (Around the *first* layer a residual connection would hand every output its own
# patch.) A constant image is added, one learned number per place and channel, so that the network can know
# where it is. Everything that thinks in this class is your `conv_mask` and your `masked_conv2d`. The cell
# after it trains: once over all 60 000 digits, which takes a while (a bar shows how far it is).

# %%
class MyPixelCNN(torch.nn.Module):
    """Your functions as a model of 28 x 28 binary digits, 2 x 2 pixels at a time.

    channels : of the hidden layers. n_layers : of kind B, after the one of kind A.
    """

    def __init__(self, channels=32, n_layers=3):
        super().__init__()
        layers = [(4, channels, (5, 7), "A"), *[(channels, channels, (3, 5), "B")] * n_layers]
        layers += [(channels, 16, (1, 1), "B")]
        self.masks = [torch.as_tensor(np.asarray(conv_mask(size, kind))).float() for _, _, size, kind in layers]
        generator = torch.Generator().manual_seed(0)
        self.weights, self.biases = torch.nn.ParameterList(), torch.nn.ParameterList()
        for (c_in, c_out, size, _), mask in zip(layers, self.masks, strict=True):
            scale = (2 / (c_in * max(float(mask.sum()), 1.0))) ** 0.5 * (0.1 if c_out == 16 else 0.7)
            self.weights.append(scale * torch.randn(c_out, c_in, *size, generator=generator))
            self.biases.append(torch.zeros(c_out))
        self.place = torch.nn.Parameter(torch.zeros(channels, 14, 14))

    def token_logits(self, bits):  # (B, 4, 14, 14) -> (B, 16, 14, 14)
        bits = bits.contiguous(memory_format=torch.channels_last)
        h = masked_conv2d(bits, self.weights[0], self.biases[0], self.masks[0]) + self.place
        for weight, bias, mask in list(zip(self.weights, self.biases, self.masks, strict=True))[1:-1]:
            h = h + masked_conv2d(torch.relu(h), weight, bias, mask)
        return masked_conv2d(torch.relu(h), self.weights[-1], self.biases[-1], self.masks[-1])

    def bits(self, x):  # (B, 784) -> (B, 4, 14, 14): the four pixels of each patch
        return torch.nn.functional.pixel_unshuffle(x.view(-1, 1, 28, 28), 2)

    def log_prob(self, x):  # (B, 784) -> (B,), nats
        bits = self.bits(x)
        tokens = (bits * torch.tensor([8.0, 4.0, 2.0, 1.0])[:, None, None]).sum(dim=1).long()
        return -torch.nn.functional.cross_entropy(self.token_logits(bits), tokens, reduction="none").sum(dim=(1, 2))


yours = {}  # your results, for the scoreboard

# %% demo varies
from lib.data import binarise, load_binary_mnist, load_mnist
from lib.training import fit, mean_nll

my_pixelcnn = MyPixelCNN()
grey = load_mnist("train")[0].flatten(1)
history = fit(my_pixelcnn, grey, epochs=1, batch_size=50, lr=5e-3, warmup=50, average=0.995, draw=binarise)
yours["your PixelCNN"] = mean_nll(my_pixelcnn, load_binary_mnist("test"))
print(f"after {history[-1]['seconds']:.0f} s, each digit seen once: {yours['your PixelCNN']:.2f} nats per test digit")


def as_pixels(tokens):  # (n, 1, 14, 14) of 0 to 15 -> (n, 4, 14, 14) bits
    return (tokens // torch.tensor([8, 4, 2, 1])[:, None, None] % 2).float()


def token_logits(tokens):  # (n, 1, 14, 14) -> (n, 1, 14, 14, 16)
    with torch.no_grad():
        return my_pixelcnn.token_logits(as_pixels(tokens)).permute(0, 2, 3, 1)[:, None]


uniforms = torch.rand(16, 1, 14, 14, generator=torch.Generator().manual_seed(1))
tokens = torch.as_tensor(np.asarray(sample_image(token_logits, (16, 1, 14, 14), uniforms))).long()
digits = torch.nn.functional.pixel_shuffle(as_pixels(tokens), 2).flatten(1)
stages = []
for n_tokens in (42, 70, 98, 126, 196):
    so_far = torch.where(torch.arange(196).view(1, 1, 14, 14) < n_tokens, tokens[:4], 0)
    stages.append(torch.nn.functional.pixel_shuffle(as_pixels(so_far), 2).flatten(1))
figure, (left, right) = plt.subplots(1, 2, figsize=(6.6, 3.1), width_ratios=(5, 4))
plots.digits(torch.stack(stages, dim=1).flatten(0, 1), ax=left, columns=5, title="after 42, 70, ... 196 passes")
plots.digits(digits, ax=right, columns=4, title="drawn by your PixelCNN")
plt.show()

# %% [markdown]
# Each training digit was seen *once*, and that was enough to leave the private notes at the top of the lesson
# (97.0) well behind. The digits were drawn by your `sample_image`, on an "image" of 14 × 14 tokens with a
# single channel of 16 values: the naive way, 196 passes, and on the left you see them come.

# %% [markdown]
# ### What longer training buys
#
# Two models that ship with the course. `patch_pixelcnn` is the network of the first paper, with residual
# blocks, over patches; its kernels are wider than high, against the blind spot. `gated_pixelcnn` has the two
# stacks and the gates, over patches too, and is told which digit it is to draw. Told nothing, it is the
# mixture of its ten answers: a distribution all the same. Here 200 test digits; on the scoreboard, as always,
# all 10 000.

# %% demo varies
from lib import scoreboard, weights
from lib.data import load_binary_mnist
from lib.training import mean_nll

some = load_binary_mnist("test")[:200]
print("nats per digit on 200 test digits")
for name in ("patch_pixelcnn", "gated_pixelcnn"):
    model = weights.load(name)
    told, minutes = "{} x {} patches".format(*model.settings["patch"]), weights.about(name)["minutes"]
    print(f"  {name}, {told}: {mean_nll(model, some, batch_size=100):.2f} ({minutes:.0f} minutes of training)")
scoreboard.draw("05", yours=yours)
plt.show()

# %% [markdown]
# Published numbers, on Larochelle's static draw of the test digits: PixelCNN 81.30, Diagonal BiLSTM 80.75
# with one layer and 79.20 with seven (van den Oord, Kalchbrenner & Kavukcuoglu 2016); a gated PixelCNN 80.10
# (Gulrajani et al. 2017, PixelVAE). (As lesson 3 says, ours are measured on *our* static draw, and trained on
# fresh draws. With fresh draws others have reported 81.45 for a PixelCNN and 78.61 for PixelSNAIL, in the
# repository pytorch-generative. Digits made binary by a *threshold* give lower numbers still, and are another
# data set.)
#
# ### Naive, and with a cache · *optional*
#
# `sample` of these models draws with the cache of `affected`: each feature is computed once. `naive` is one
# whole pass per token. Both take the same uniforms, so the images can be compared pixel by pixel.

# %% demo varies
import time

from lib.models import pixel_by_pixel


def seconds(function, *arguments):
    with torch.no_grad():
        start = time.perf_counter()
        function(*arguments)
        return time.perf_counter() - start


patch_pixelcnn = weights.load("patch_pixelcnn")
steps = patch_pixelcnn.logits(some[:1]).shape[1]
two = torch.rand(2, steps, generator=torch.Generator().manual_seed(3))
naive = pixel_by_pixel.draw_tokens(patch_pixelcnn.logits, patch_pixelcnn.pixels, two)
same = patch_pixelcnn.sample(2, torch.Generator().manual_seed(3))
print("naive and cached draw the same two images:", bool((naive == same).all()))
one_pass = min(seconds(patch_pixelcnn.logits, some[:64]) for _ in range(2))
start = time.perf_counter()
drawn = patch_pixelcnn.sample(64, torch.Generator().manual_seed(1))
took = time.perf_counter() - start
print(f"64 images in {took:.1f} s; {steps} whole passes would take {steps * one_pass:.0f} s")
figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.6))
plots.digits(some[:64], ax=axes[0], columns=8, title="test digits")
plots.digits(drawn, ax=axes[1], columns=8, title="patch_pixelcnn")
plt.show()

# %% [markdown]
# ### A generator that is a classifier · *optional*
#
# `gated_pixelcnn` gives $\ln p(x_d \mid x_{<d}, k)$ for any class $k$ that it is told. Tell it all ten, and let
# your `class_posterior` watch. The digit is read from the top, row by row; what it might be becomes what it is.
# Below, one of the digits that stayed undecided longest and one that did not; then all of them together; and at
# the end six to move through yourself (in Jupyter; or press play): watch which rows decide, and how sudden it
# is.

# %% demo varies
from lib import weights
from lib.controls.posterior import draw_posterior, posterior_by_row
from lib.data import load_binary_mnist, load_mnist

gated_pixelcnn = weights.load("gated_pixelcnn")
some, labels = load_binary_mnist("test")[:60], load_mnist("test")[1][:60]
with torch.no_grad():
    pieces = torch.stack([gated_pixelcnn.token_log_probs(some, torch.full((60,), k)) for k in range(10)])  # (10, 60, T)
posterior = torch.as_tensor(np.asarray(class_posterior(pieces, torch.full((10,), -math.log(10)))))
n_columns = round(pieces.shape[2] ** 0.5)
by_row = posterior[:, ::n_columns]  # after every row of tokens
right = (by_row.argmax(dim=2) == labels[:, None]).float().mean(dim=0)
print(f"right after the last row: {100 * right[-1]:.0f} % of {len(some)} test digits")
hard = by_row[:, 6].amax(dim=1).argsort().tolist()  # the least decided after 6 rows come first
for image in (hard[0], hard[-1]):
    draw_posterior(some, by_row, row=5, image=image)
    plt.show()

figure, ax = plt.subplots(figsize=(5.2, 2.3))
ax.plot(range(len(right)), 100 * right, "o-", color=plots.COLOURS["blue"], markersize=4)
ax.set(xlabel="rows of patches read", ylabel="% right", title="Reading a digit from the top")
plt.show()
chosen = hard[:4] + hard[-2:]
posterior_by_row(some[chosen], by_row[chosen], [str(int(k)) for k in labels[chosen]])

# %% [markdown]
# Nobody trained a classifier. The generator was asked which story explains the data best. The other way round
# it draws whatever it is told, here three of each digit, as they came (a 2 and a 3 went astray):

# %% demo
from lib import weights

labels = torch.arange(10).repeat(3)
drawn = weights.load("gated_pixelcnn").sample(30, torch.Generator().manual_seed(2), labels=labels)
figure, ax = plt.subplots(figsize=(6.6, 2.2))
plots.digits(drawn, ax=ax, columns=10, title="told 0 to 9")
plt.show()

# %% [markdown]
# ### The lower half · *optional*
#
# In raster order the upper half comes first. So to complete a digit, keep what is given and draw only the rest;
# no retraining, no trick, and the completions are samples of the model's true conditional. Each group of four
# shows what is given, and three completions by `patch_pixelcnn`.

# %% demo
from lib import weights
from lib.data import load_binary_mnist

model, test = weights.load("patch_pixelcnn"), load_binary_mnist("test")[[2, 4, 7, 18]]
tokens = model.tokens(test.repeat_interleave(3, dim=0)).flatten(1)  # 4 digits, 3 completions each
n_tokens, generator = tokens.shape[1], torch.Generator().manual_seed(5)
tokens[:, n_tokens // 2 :] = 0
with torch.no_grad():
    for t in range(n_tokens // 2, n_tokens):  # as `sample_image`, but from the middle on
        p = torch.softmax(model.logits(model.pixels(tokens))[:, t].double(), dim=1)
        uniforms = torch.rand(12, 1, generator=generator, dtype=torch.float64)
        tokens[:, t] = (p.cumsum(dim=1) <= uniforms).sum(dim=1).clamp(max=p.shape[1] - 1)
given = test.clone()
given[:, 392:] = 0.25
sheet = torch.cat([given[:, None], model.pixels(tokens).view(4, 3, 784)], dim=1).flatten(0, 1)
figure, ax = plt.subplots(figsize=(7.2, 1.9))
plots.digits(sheet, ax=ax, columns=8, title="given, and three completions")
plt.show()

# %% [markdown]
# ### Digits as compressed files · *optional*
#
# A model of the data is a code for the data: whoever knows $p_\theta$ needs $-\log_2 p_\theta(x)$ bits for $x$,
# and the *arithmetic coder* whose decoder you wrote in lesson 2 gets there within two bits (Salomon & Motta): each
# token keeps its share of what was left, and any short binary fraction inside the last interval names the whole
# image.
#
# First the bill, in bytes per digit. A binary digit has 784 bits, 98 bytes. PNG (its compressed part alone,
# without headers) knows about repetition, but nothing about digits; given 300 digits in one file it can at
# least learn from one to the next.

# %% demo varies
import zlib

from lib import weights
from lib.data import load_binary_mnist
from lib.training import mean_nll

some = load_binary_mnist("test")[:300]
packed = np.packbits(some.numpy().astype(np.uint8).reshape(300, 28, 28), axis=2)  # each row begins a new byte
singly = np.mean([len(zlib.compress(digit.tobytes(), 9)) for digit in packed])
model = weights.load("patch_pixelcnn")
bills = {
    "raw bits": 98,
    "zlib, as in PNG, one by one": singly,
    "zlib, all 300 in one": len(zlib.compress(packed.tobytes(), 9)) / 300,
    "patch_pixelcnn": mean_nll(model, some, batch_size=100) / math.log(2) / 8,
}
for name, n_bytes in bills.items():
    print(f"{name:30} {n_bytes:6.1f} bytes per digit")

# %% [markdown]
# And now really: one digit becomes a few bytes, and the bytes become the digit. Probabilities are rounded to
# whole shares of $2^{24}$ (at least one each), so that both sides compute with exactly the same numbers.

# %% demo varies
from fractions import Fraction

WHOLE = 2**24


def shares(tokens, t):  # (1, T) of which those before t are known: cumulative shares of WHOLE, K + 1 whole numbers
    with torch.no_grad():
        p = torch.softmax(model.logits(model.pixels(tokens))[0, t].double(), dim=0)
    counts = 1 + (p * (WHOLE - len(p))).floor().long()
    counts[p.argmax()] += WHOLE - counts.sum()
    return [0, *counts.cumsum(0).tolist()]


def encode(image):  # (1, 784) -> bytes
    tokens = model.tokens(image).flatten(1)
    known, low, width = torch.zeros_like(tokens), Fraction(0), Fraction(1)
    for t, value in enumerate(tokens[0].tolist()):
        edges = shares(known, t)
        low += width * Fraction(edges[value], WHOLE)
        width *= Fraction(edges[value + 1] - edges[value], WHOLE)
        known[0, t] = value
    n_bytes = 1
    while Fraction(math.ceil(low * 256**n_bytes), 256**n_bytes) >= low + width:  # until a fraction lies inside
        n_bytes += 1
    return math.ceil(low * 256**n_bytes).to_bytes(n_bytes, "big")


def decode(content, n_tokens):  # bytes -> (1, 784)
    at, known = Fraction(int.from_bytes(content, "big"), 256 ** len(content)), torch.zeros(1, n_tokens, dtype=torch.long)
    for t in range(n_tokens):
        edges = shares(known, t)
        value = max(v for v in range(len(edges) - 1) if edges[v] <= at * WHOLE)
        at = (at * WHOLE - edges[value]) / (edges[value + 1] - edges[value])
        known[0, t] = value
    return model.pixels(known)


digit = load_binary_mnist("test")[7:8]
content = encode(digit)
print(f"{len(content)} bytes: {content.hex(' ')}")
print(f"the model's bill was {-model.log_prob(digit).item() / math.log(2) / 8:.1f}")
print("decoded, it is the same digit:", bool((decode(content, model.tokens(digit).numel()) == digit).all()))

# %% [markdown]
# ### Red, then green, then blue · *optional*
#
# Digits in colour: 14 × 14 pixels, each channel with four levels (2 bits), on paper and in ink from six pairs
# of colours. Two networks of the same size, both trained by the same recipe. One has your `channel_mask`: G is
# given R, B is given R and G. In the other one the three channels of a pixel are *independent* given the pixels
# before, which is what you get without thinking. Both are proper distributions. (Bits per dimension: nats
# divided by $\ln 2$ and by the $3 \cdot 14 \cdot 14$ numbers of an image.)

# %% demo varies
from lib import weights
from lib.data import impossible_colours, load_coloured_digits
from lib.training import mean_nll

test = load_coloured_digits("test")[0][:300]
sheets = {"test digits": test[:12]}
for title, name in {"R, then G, then B": "colour_pixelcnn", "independent channels": "independent_colours"}.items():
    model = weights.load(name)
    bits = mean_nll(model, test, batch_size=100) / math.log(2) / (3 * 14 * 14)
    sheets[title] = model.sample(12, torch.Generator().manual_seed(1))
    share = impossible_colours(sheets[title]).mean()
    print(f"{title:22} {bits:.3f} bits per dimension; {100 * share:4.1f} % of the drawn pixels in an impossible colour")
figure, axes = plt.subplots(1, 3, figsize=(7.4, 2.1))
for ax, (title, images) in zip(axes, sheets.items(), strict=True):
    padded = torch.nn.functional.pad(images.float() / 3, (1, 1, 1, 1), value=1.0)  # (12, 3, 16, 16)
    ax.imshow(padded.view(3, 4, 3, 16, 16).permute(0, 3, 1, 4, 2).reshape(48, 64, 3))
    ax.set_title(title, fontsize=11)
    ax.axis("off")
plt.show()

# %% [markdown]
# The independent one knows what each channel likes, and cannot make the three agree: where R jumps to the ink,
# G and B do not know of it, and there are pixels in colours that no digit has. The later pixels then have to
# live with it. It pays in bits for the same reason: having seen R, it is surprised by G all
# the same.

# %% [markdown]
# ### The sibling: PixelRNN · *optional*
#
# The paper that introduced the PixelCNN was about something else. Its **Row LSTM** reads the image row by
# row: at each pixel it keeps a state, computed from a few states of the row above (a convolution of 3, say)
# and from masked features of its own row. A state remembers what came long before it, so the reach has no
# limit upwards: a triangle. Its **Diagonal BiLSTM** moves along diagonals, from both sides, and sees
# everything. Below, on the left, six layers of PixelCNN; then the triangle, by your `reach`: from the middle
# any number of steps up, and then one masked step within the row that was reached.

# %% demo
up = torch.zeros(3, 3)
up[0] = 1
own_row = torch.as_tensor(np.asarray(conv_mask((1, 7), "A"))).float()
six = [conv_mask((3, 3), kind) for kind in "ABBBBB"]
row_lstm = np.any([np.asarray(reach([own_row] + [up] * n, 19, 19)) for n in range(10)], axis=0)
panels = {
    "PixelCNN, 6 layers": np.asarray(reach([torch.as_tensor(np.asarray(m)) for m in six], 19, 19)),
    "Row LSTM": row_lstm,
    "Diagonal BiLSTM": np.arange(361).reshape(19, 19) < 9 * 19 + 9,
}
figure, axes = plots.panels(3, width=2.2, height=2.4)
for ax, (title, sees) in zip(axes, panels.items(), strict=True):
    plots.seen(sees, ax=ax)
    ax.set_title(title, fontsize=11)
plt.show()

# %% [markdown]
# What it costs is not multiplications but *waiting*: how many steps have to be taken one after the other, in an
# image of $H$ rows and $W$ columns.
#
# | | sees | steps to score an image | steps to draw one |
# |:--|:--|:--|:--|
# | **PixelCNN** | a window, but for the blind spot | 1 | $HW$ |
# | **gated PixelCNN** | a window | 1 | $HW$ |
# | **Row LSTM** | a triangle, up to the top | $H$ | $HW$ |
# | **Diagonal BiLSTM** | everything before | $H + W - 1$ per layer | $HW$ |
#
# In the paper the BiLSTM of seven layers came first (79.20 nats), and the PixelCNN, introduced as its fast
# relative, last (81.30). A few months later gates and a second stack brought the convolution level
# with the PixelRNN on natural images, with far less computation, and the matter was settled: in training, one
# step beats 28. Drawing is equally slow for all. (The course's
# repository has a small Row LSTM, timed beside a PixelCNN with about as many numbers.)

# %% [markdown]
# ## Play
#
# Choose a kernel, a number of layers, the kind of the first one, one stack or two. What you see is measured,
# not derived: a real network with these masks runs on an image of 21 × 21, and its middle output is
# differentiated with respect to every pixel.

# %% demo
from lib.controls.reach import draw_reach

draw_reach()
plt.show()

# %% demo
from lib.controls.reach import reach_explorer

reach_explorer()

# %% [markdown]
# Things to try (run the cell above in Jupyter to get the controls):
#
# 1. One stack, 3 × 3. Add layers. Which part of the blind spot grows, and which pixels never leave it?
# 2. A wide kernel, 3 × 7, against a deep stack of 3 × 3: which sees more pixels for the same number of weights?
#    Which has the smaller blind spot? (The course's own PixelCNN uses wide kernels for this reason.)
# 3. A kernel of 1 row. What is left of an image model?
# 4. The first layer of kind B. How many leaks, and does it depend on the depth?
# 5. All layers of kind A. No leak. What is lost with each further layer?
# 6. Two stacks. Find the smallest depth at which the middle pixel sees all 220 pixels before it, and compare
#    with one stack.

# %% [markdown]
# ## Spot the causality bug
#
# Eight networks after what really happened, most of it in public code, each cut down to two layers over one
# image of 3 × 3 pixels (or three numbers per pixel). All were meant to be autoregressive. **Pixels are
# numbered 0 to 8 in raster order, and we only look at output 4, the one in the middle.** It may see 0 to 3.

# %%
def conv(x, weight, mask=1.0):
    """Any convolution of this drill: zeros outside, the image keeps its size."""
    rows, columns = weight.shape[2:]
    return torch.nn.functional.conv2d(x, weight * mask, padding=(rows // 2, columns // 2))


numbers = torch.Generator().manual_seed(5)
W1, W2 = torch.randn(4, 1, 3, 3, generator=numbers), torch.randn(1, 4, 3, 3, generator=numbers)
U1, U2 = torch.randn(4, 4, 1, 1, generator=numbers), torch.randn(1, 4, 1, 1, generator=numbers)
C1, C2 = torch.randn(3, 3, 3, 3, generator=numbers), torch.randn(3, 3, 3, 3, generator=numbers)
KIND_A = torch.tensor([[1.0, 1, 1], [1, 0, 0], [0, 0, 0]])
KIND_B = torch.tensor([[1.0, 1, 1], [1, 1, 0], [0, 0, 0]])
MEAN, VARIANCE = torch.randn(1, 4, 1, 1, generator=numbers), torch.ones(1, 4, 1, 1)  # gathered in training


def candidate_A(x):  # kind A is right; kind B "in two lines"
    mask = torch.ones(3, 3)
    mask[1, 2:] = 0
    mask[1] = 0
    return conv(torch.tanh(conv(x, W1, KIND_A)), W2, mask)


def candidate_B(x):  # "mask[column, row], or was it the other way round?"
    return conv(torch.tanh(conv(x, W1, KIND_A.T)), W2, KIND_B.T)


def candidate_C(x, training):  # "batch normalisation, so that it trains faster"
    h = conv(x, W1, KIND_A)
    mean, variance = MEAN, VARIANCE
    if training:  # over the batch and all places, channel by channel
        mean, variance = h.mean(dim=(0, 2, 3), keepdim=True), h.var(dim=(0, 2, 3), keepdim=True)
    return conv(torch.tanh((h - mean) / (variance + 1e-5).sqrt()), W2, KIND_B)


def candidate_D(x):  # "a residual connection around every layer"
    h = x + torch.tanh(conv(x, W1, KIND_A))  # (B, 1, H, W) + (B, 4, H, W): x is added to every channel
    return h.sum(dim=1, keepdim=True) + conv(torch.tanh(h), W2, KIND_B)


def candidate_E(x):  # order of generation: pixels 8, 7, ..., 0; "everything turned round"
    return conv(torch.tanh(conv(x, W1, KIND_A.flip(0, 1))), W2, KIND_B.flip(0, 1))


def candidate_F(x):  # no mask anywhere: "move the image, and let every kernel look up and left only"
    pad = torch.nn.functional.pad
    down, right = pad(x, (0, 0, 1, 0))[:, :, :-1], pad(x, (1, 0, 0, 0))[:, :, :, :-1]
    above = torch.nn.functional.conv2d(pad(down, (1, 1, 1, 0)), W1[:, :, :2])  # 2 rows, 3 columns
    beside = torch.nn.functional.conv2d(pad(right, (1, 0, 0, 0)), W1[:, :, 2:, :2])  # 1 row, 2 columns
    return conv(torch.tanh(above + beside), U2)


def candidate_G(x):  # two stacks, joined by a 1 x 1 convolution; "mask everything in the first layer"
    above = conv(x, W1, torch.tensor([[1.0, 1, 1], [0, 0, 0], [0, 0, 0]]))
    beside = conv(x, W1, torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 0, 0]]))
    one_by_one = torch.zeros(1, 1)  # kind A of a kernel of 1 x 1
    return conv(torch.tanh(beside + conv(above, U1, one_by_one)), U2)


def candidate_H(x):  # colours (B, 3, H, W) -> (B, 3, H, W); "kind A knows about channels, the others needn't"
    among = torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 1, 0]])  # G sees R, B sees R and G
    first = KIND_A.repeat(3, 3, 1, 1)
    first[:, :, 1, 1] = among
    second = KIND_B.repeat(3, 3, 1, 1)  # the middle is open between all channels
    return conv(torch.tanh(conv(x, C1, first)), C2, second)

# %% [markdown]
# <details><summary>Where they come from (open it when your answers are in)</summary>
#
# - **A**: kind B as in issue 3 and pull request 4 of github.com/j-min/PixelCNN.
# - **B**: what remains of a mask when rows and columns are mixed up.
# - **C**: the repository of A has batch normalisation after every masked layer.
# - **D**: it converged faster, "but at test time it always predict black image" (issue 1 of
#   github.com/o-tawab/Video-Pixel-Networks).
# - **E**: the masks of inverse autoregressive flow, doubted in issue 4 of github.com/pclucas14/iaf-vae.
# - **F**: PixelCNN++, doubted in issue 58 of github.com/openai/pixel-cnn, and explained by its shifts in issue 24
#   of github.com/pclucas14/pixel-cnn-pp.
# - **G**: issue 9 of github.com/anantzoid/Conditional-PixelCNN-decoder.
# - **H**: what you get if you mend issue 4 of github.com/carpedm20/pixel-rnn-tensorflow by half. (That one let G
#   see nothing of R in its own pixel.)
#
# </details>
#
# Decide first with pencil and paper. Then let the probe confirm it, as here for the sound pair, A then B. The
# drawing is output 4's row of the dependence matrix.

# %% demo
def sound(x):
    return conv(torch.tanh(conv(x, W1, KIND_A)), W2, KIND_B)


def output_4_sees(network):
    image = torch.tensor([[0.3, -0.5, 1.0], [0.8, 0.1, -1.2], [0.4, 0.6, -0.7]])
    return dependence(lambda x: network(x[None, None])[0, 0], image)[4].reshape(3, 3)


figure, ax = plt.subplots(figsize=(1.9, 2.1))
plots.seen(output_4_sees(sound), ax=ax, title="A then B")
plt.show()
print("output 4 sees", np.flatnonzero(output_4_sees(sound)).tolist())

# %% [markdown]
# ### Exercise: what leaks, and what is lost
#
# - `leaks_A` to `leaks_F` (for a batch of one image): the pixels that output 4 sees and must not, as a list of
#   numbers from 0 to 8; an empty list if there is none. C is asked for twice, in training and in use
#   (`training=True` and `False`). **E is judged in its own order**: its output 4 may see 5, 6, 7, 8.
# - `lost_A`, `lost_B`, `lost_G`: the pixels among 0, 1, 2, 3 that output 4 does *not* see.
# - `leaks_H`: pairs `(output channel, input channel)` *within pixel 4* that leak; R is 0, G is 1, B is 2.
#
# <details><summary>Hint</summary>
#
# A and B: list the places that the second layer looks at, and for each the pixels that the first one looks at
# from there; places outside the image don't count. C: whose features does a mean over all places mix? Is there
# a pixel that no feature has seen? H: what does the *feature* for B know after the first layer, and who listens
# to it in the second?
# </details>

# %% exercise found_leaks
leaks_A = None  # replace each None by a list of pixels, [] if there is none
leaks_B = None
leaks_C_training = None
leaks_C_in_use = None
leaks_D = None
leaks_E = None
leaks_F = None
leaks_H = None  # pairs (output channel, input channel)
lost_A = None
lost_B = None
lost_G = None
### BEGIN SOLUTION
leaks_A, lost_A = [4, 5, 6, 7], [2]
leaks_B, lost_B = [6], [2]
leaks_C_training, leaks_C_in_use = [4, 5, 6, 7], []  # no feature sees pixel 8, so no mean does
leaks_D = [4]
leaks_E = []
leaks_F = []
lost_G = [0, 1, 2]
leaks_H = [(0, 0), (0, 1), (1, 1)]
### END SOLUTION

# %% check found_leaks 3 points
lists = {"leaks_A": leaks_A, "leaks_B": leaks_B, "leaks_C_training": leaks_C_training, "leaks_C_in_use": leaks_C_in_use}
lists |= {"leaks_D": leaks_D, "leaks_E": leaks_E, "leaks_F": leaks_F, "lost_A": lost_A, "lost_B": lost_B, "lost_G": lost_G}
for name, value in lists.items():
    assert all(np.shape(pixel) == () for pixel in typed(value, name)), f"{name}: a list of pixels, such as [5, 8]"
    assert all(pixel in range(9) for pixel in value), f"{name}: pixels are whole numbers from 0 to 8"
assert all(np.shape(pair) == (2,) for pair in typed(leaks_H, "leaks_H")), "leaks_H: a list of pairs, such as [(2, 1)]"
### BEGIN HIDDEN TESTS
from autograder.checks import pixelcnn as checks
checks.check_found_leaks(leaks_H=leaks_H, **lists)
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>What it means (open it when your answers are in)</summary>
#
# A lets the row below come in through the second layer (all but what no feature there has seen), and closes its
# own row: the left neighbour is still heard of by way of the row below, and pixel 2 is lost. C is the
# treacherous one: the leak exists **in training only**, so every probe of the finished model is content, and
# the model has learned to lean on something that it will not have. E and F are sound. Reversed masks are right
# for a reversed order, and a shifted image needs no mask: its window *ends* where the past ends. G is sound and
# half deaf: the vertical stack computes, and nobody hears it (the report says that nothing arrives along the
# first horizontal line).
# </details>
#
# ### Exercise: repair H
#
# The mask that H should have used, whole: `(c_out, c_in, h, w)`, for any kernel, kind and number of colours.
# Rows above and the places to the left are open between *all* channels, since all colours of those pixels come
# before. In the middle the groups decide, in both kinds.
#
# <details><summary>Hint</summary>
#
# You have written both halves of it. Which entry of the whole mask does the second half belong to, also when
# the kernel is 1 × 1?
# </details>

# %% exercise repaired_H
def repaired_H(kernel_size, kind, c_in, c_out, n_channels):
    """The mask of a convolution over colours, for raster order, colour after colour within a pixel.

    kernel_size : (height, width), odd. kind : "A" or "B". c_in, c_out : at least n_channels; channel i of c belongs to
    colour i * n_channels // c.
    Returns zeros and ones or booleans (c_out, c_in, height, width), tensor or array.
    """
    ### BEGIN SOLUTION
    height, width = kernel_size
    mask = torch.as_tensor(np.asarray(conv_mask(kernel_size, kind))).float().repeat(c_out, c_in, 1, 1)
    mask[:, :, height // 2, width // 2] = torch.as_tensor(np.asarray(channel_mask(kind, c_in, c_out, n_channels))).float()
    return mask
    ### END SOLUTION

# %% check repaired_H 2 points
found = np.asarray(repaired_H((3, 3), "B", 3, 6, 3))
assert found.shape == (6, 3, 3, 3), "output channels, input channels, height, width"
assert (found[:, :, 0] == 1).all() and (found[:, :, 1, 0] == 1).all(), "pixels before are open between all channels"
assert not found[:, :, 2].any() and not found[:, :, 1, 2].any(), "pixels after are closed between all channels"
assert found[0, :, 1, 1].tolist() == [1, 0, 0], "kind B, the pixel itself: a feature of group R sees group R only"
found = np.asarray(repaired_H((1, 1), "A", 3, 3, 3))
assert found[:, :, 0, 0].tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]], "kind A, 1 x 1: the colours decide, strictly"
found = np.asarray(repaired_H((1, 5), "A", 2, 4, 2))
assert (found[:, :, 0, :2] == 1).all() and not found[:, :, 0, 3:].any(), "one row of five: the two places to the left"
assert found[:, :, 0, 2].tolist() == [[0, 0], [0, 0], [1, 0], [1, 0]], "two colours: the second sees the first"
### BEGIN HIDDEN TESTS
from autograder.checks import pixelcnn as checks
checks.check_repaired_H(repaired_H)
### END HIDDEN TESTS

# %% [markdown]
# ### A bug that no probe finds · *optional*
#
# The probe watches who looks at whom. It does not watch what is made of it. In issue 33 of
# github.com/r9y9/wavenet_vocoder (labelled a bug, mended since) the log-probabilities of the mixture's components were summed *over the
# components* before the log-weights were added: a line copied from a model where that axis held colours. Every
# dependence is allowed, the loss goes down, and it is the loss of nothing. Only one test finds it: **add up the
# probabilities of all values.**

# %% demo
log_weights, means = torch.log(torch.tensor([0.5, 0.3, 0.2])), torch.tensor([-0.4, 0.0, 0.5])
log_scales, values = torch.tensor([-2.5, -3.0, -2.0]), torch.arange(64)
pieces = torch.as_tensor(discretized_logistic_log_prob(values[:, None], means, log_scales, 64))  # (64, 3)
right = torch.logsumexp(log_weights + pieces, dim=1)
wrong = torch.logsumexp(log_weights + pieces.sum(dim=1, keepdim=True), dim=1)
print(f"the 64 probabilities sum to {right.exp().sum():.6f}, or {wrong.exp().sum():.6f} if summed too early")

# %% [markdown]
# ## Take it with you
#
# ### Pitfalls
#
# - **Kind B in the first layer.** The loss is wonderful: each output copies its pixel. A first, B after.
# - **Kind A in every layer.** No leak, no alarm, and the left neighbour is gone. Look at `reach` too, not only
#   at leaks.
# - **A residual connection around the first layer**, or a skip from the image to the output: the mask is
#   walked around.
# - **Masking once.** The next step of training fills the holes. Somebody asked the authors of PixelVAE
#   whether theirs is applied in every iteration (issue 6 of github.com/igul222/PixelVAE); ask it of your own code.
# - **Statistics over places** (batch, instance or group normalisation over a whole image): a leak, in training
#   or always.
# - **The blind spot.** Nothing complains. Two stacks, or at least wide kernels.
# - **Handing $h$ to $v$.** One added line, and the right half of the past becomes the future.
# - **Colours in two conventions.** Channels grouped RRR GGG BBB in one layer, interleaved RGB RGB in the next:
#   a mask that is right for one is a leak in the other.
# - **Uniforms by turn.** Tie each uniform to its place, or the cached sampler can't be compared with the naive
#   one.
# - **A mixture that does not sum to 1.** Add up all values once, for random parameters, and be sure.
# - **Comparing nats across protocols.** Thresholded digits, a static draw and fresh draws are three data sets.
#
# ### Self-check: six questions

# %% practice
from lib.practice import choice, numeric, quiz

quiz(
    choice(
        "Why may layers after the first look at the feature of the pixel itself?",
        "That feature was made by a layer of kind A, so it knows only the pixels before.",
        "One strict step on every path is enough; a second one would lose the nearest neighbour.",
        {
            "A ReLU stands between them.": "It acts on each number alone and hides nothing.",
            "The pixel's own value helps to predict it.": "It would, perfectly. That is the leak we avoid.",
            "They may not.": "Then the note about the left neighbour, kept at this place, would be skipped.",
        },
    ),
    numeric(
        "One layer of kind A and four of kind B, all 3 x 3. How many pixels does it see in its own row?",
        5, "One to the left per layer.", tolerance=0.1, hint="Not yet: how far does one layer reach to the left?",
    ),
    choice(
        "What is the blind spot?",
        "Pixels before, to the upper right, that no path of steps reaches.",
        "A step up goes to the right by half a kernel at most, and steps within the row go only left.",
        {
            "The pixels beyond the receptive field.": "These are reached with more layers; the blind spot is not.",
            "The border of the image.": "Zeros are read there, but that is padding.",
            "The pixels that come later.": "They must not be seen; that is causality.",
        },
    ),
    choice(
        "In a layer behind the first, why may the vertical kernel look to the right in its own row?",
        "The vertical features there know only the rows above.",
        "What counts is what a feature knows, not where it lies.",
        {
            "Because its weights there are small.": "Weights are learned; the mask has to be right for all of them.",
            "It may not: that is the future.": "The pixel there is; the vertical feature there does not know it.",
            "Because the horizontal stack corrects it.": "Nothing corrects a leak.",
        },
    ),
    numeric(
        "A digit costs 79.2 nats. How many bytes is that, to one decimal?",
        14.3, "79.2 / ln 2 = 114.3 bits, and 8 bits are a byte.", tolerance=0.06,
        hint="Not yet: nats to bits by ln 2, bits to bytes by 8.",
    ),
    choice(
        "Patches of 2 x 2 pixels, a softmax over 16 values each. What is approximated?",
        "Nothing: it is the chain rule over a partition.",
        "A softmax over all 16 values of four pixels can be any joint distribution of them.",
        {
            "The four pixels of a patch are treated as independent.": "They would be with four sigmoids, not with 16 logits.",
            "Pixels in different patches no longer interact.": "Each patch is given all the patches before it.",
            "The raster order within a patch.": "There is none, and none is needed: the four are drawn together.",
        },
    ),
)

# %% [markdown]
# ### Flashcards

# %% practice
from lib.practice import flashcards

flashcards(
    [
        ("Mask of kind A", "Rows above, and the own row to the left; the pixel itself is closed. First layer only"),
        ("Mask of kind B", "The same with the pixel itself open. All layers after the first"),
        ("Blind spot", "Earlier pixels to the upper right that no depth of a single stack reaches"),
        ("Vertical stack", "Features that know the rows above; they may look left and right in their own row"),
        ("Horizontal stack", "Knows its row to the left, is handed v at its own place; h is never handed to v"),
        ("Gated unit", "tanh(content) * sigmoid(gate); a class label shifts both"),
        ("Colours", "R, then G given R, then B given R and G: groups of channels, strict in kind A only"),
        ("Discretised logistic", "sigmoid(b) - sigmoid(a) per bin; the first and last bins go on for ever"),
        ("A generator as a classifier", "p(class | pixels) is prior times product of conditionals, normalised"),
        ("Patches", "p x q binary pixels as one token of 2^(pq) values: exact, fewer passes"),
        ("Cached sampling", "Recompute only what is both changed by the last pixel and needed by the next"),
    ],
    title="PixelCNN",
)

# %% [markdown]
# ### The one-line version
#
# **Share one kernel among all pixels and cut what comes later, strictly once and loosely ever after; give the
# rows above a stack of their own, and a convolutional network becomes an exact likelihood that sees everything
# it may.**
#
# ### Further reading
#
# - A. van den Oord, N. Kalchbrenner & K. Kavukcuoglu, *Pixel Recurrent Neural Networks*, ICML 2016 (arXiv
#   1601.06759). PixelCNN, Row LSTM, Diagonal BiLSTM, masks over colours.
# - I. Gulrajani et al., *PixelVAE*, ICLR 2017 (arXiv 1611.05013). A gated PixelCNN, alone and with latents, on
#   binary digits.
# - A. van den Oord et al., *Conditional Image Generation with PixelCNN Decoders*, NIPS 2016 (arXiv
#   1606.05328). The blind spot, the two stacks, gates, classes.
# - T. Salimans, A. Karpathy, X. Chen & D. P. Kingma, *PixelCNN++*, ICLR 2017 (arXiv 1701.05517). Discretised
#   logistic mixtures; shifts instead of masks.
# - P. Ramachandran et al., *Fast Generation for Convolutional Autoregressive Models*, ICLR 2017 workshop
#   (arXiv 1704.06001). The cache.
# - X. Chen, N. Mishra, M. Rohaninejad & P. Abbeel, *PixelSNAIL*, ICML 2018 (arXiv 1712.09763). Convolutions
#   and causal attention; lesson 7 has the second half.
# - A. Jain, P. Abbeel & D. Pathak, *Locally Masked Convolution for Autoregressive Models*, UAI 2020 (arXiv
#   2006.12486). Masks that change from place to place: any order.
# - R. Child, S. Gray, A. Radford & I. Sutskever, *Generating Long Sequences with Sparse Transformers*, 2019
#   (arXiv 1904.10509). 2.80 bits per dimension on CIFAR-10.
# - N. Kalchbrenner et al., *Video Pixel Networks*, ICML 2017 (arXiv 1610.00527). A fourth axis, the same
#   masks.
# - D. Salomon & G. Motta, *Handbook of Data Compression*, 2010. Arithmetic coding, the way from nats to files.
#
# Next: every layer of a PixelCNN adds a few pixels to what an output sees, which is enough for 28 of them in a row.
# A second of sound is a row of 8000. Lesson 6 lets the kernel leap, so that every layer doubles the reach.
