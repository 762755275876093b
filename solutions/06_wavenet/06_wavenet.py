# %% [markdown]
# # 06 · WaveNet: raw audio, sample by sample
#
# **Promise.** After this lesson you can turn a stack of convolutions into an exact distribution over raw
# sound, say to the millisecond how far back it hears, tell it who speaks and what to say, and let it speak at
# a price per sample that does not grow with what it remembers.
#
# **Time.** 50 minutes to read, 120 to practise; sections marked *optional* hold no exercise and are not
# counted. **You need.** Lessons 2 (NLL, teacher forcing) and 5 (masked convolutions), and what
# `torch.nn.functional.conv1d` does.
#
# A digit of lesson 5 had 784 pixels. A second of speech at telephone quality has 8000 samples, and a music
# CD 44 100. In a vowel the vocal cords open one or two hundred times a second; a syllable takes a fifth of
# one, a word half. So whoever wants to know the next sample must hear the last 0.1 ms very exactly, the last
# 10 ms well, and the last 500 ms at least roughly. No MADE has enough weights for that, and no ordinary
# convolution reaches that far. This lesson is about one that does.

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
# Somebody says "three". Press play; then look at the same third of a second in four ways. (The voices that
# ship with this course are synthetic, all but one. So nobody's privacy is at stake, and the clips are small.)

# %% demo varies
from IPython.display import display

from lib.audio import RATE, load_spoken_digits  # RATE: samples per second

clips = load_spoken_digits("train")
three = next(clips.waves[i] for i in range(len(clips)) if clips.digits[i] == 3 and clips.speakers[i] == "slt")
middle = 40 * int(three.unfold(0, 400, 40).square().mean(dim=1).argmax()) + 200  # where it is loudest
display(plots.player(three))

figure, axes = plt.subplots(2, 2, figsize=(7.4, 4.4))
plots.waveform(three, ax=axes[0, 0], title="the word")
plots.spectrogram(three, ax=axes[1, 0], title="mel spectrogram")
plots.waveform(three[middle : middle + 240], ax=axes[0, 1], title="30 ms of its vowel")
plots.waveform(three[middle : middle + 24], ax=axes[1, 1], title="3 ms")
plt.show()

# %% [markdown]
# From far away, a word: a vowel, and before it a *th* so soft that the waveform is flat there. Closer, a
# shape that repeats itself, never quite the same, at the pace of the vocal cords. Very close, a handful of
# dots, each near the line through the two before it. The *mel spectrogram* shows how strong each band of
# pitch is over time, which is roughly what the ear passes on to the brain. There you can see the *th*, a
# pale patch high up before 100 ms, and then the "r" glide upwards into the "ee".
#
# Now hide what comes after some moment of the vowel, and let a model go on. The model below is the oldest
# there is for speech, *linear prediction*: the next sample is a weighted sum of those before it, plus a
# little noise. It is autoregressive to the letter, each continuation is drawn sample by sample, and its
# weights come from one least-squares fit to the vowel (all of it, also what is hidden: the figure is about
# memory, and no test). Only one thing differs between the three panels: how far back it looks.

# %% demo
def linear_predictor(wave, order):
    """Weights of the `order` samples before, the oldest first, and the size of what they leave open."""
    past = wave.double().unfold(0, order, 1)[:-1]  # (T - order, order)
    after = wave.double()[order:]
    gram = past.T @ past + 1e-4 * torch.eye(order, dtype=torch.float64)
    weights = torch.linalg.solve(gram, past.T @ after)
    return weights, (after - past @ weights).std()


vowel = three[max(0, middle - 900) :][:1400]
figure, axes = plt.subplots(3, 1, figsize=(7.4, 4.6), sharex=True, sharey=True)
generator = torch.Generator().manual_seed(0)
known, length = vowel[:500], 320
for ax, order in zip(axes, (2, 16, 160), strict=True):
    weights, spread = linear_predictor(vowel, order)
    fan = known.double().repeat(12, 1)
    for _ in range(length):
        new = fan[:, -order:] @ weights + spread * torch.randn(12, generator=generator, dtype=torch.float64)
        fan = torch.cat([fan, new[:, None]], dim=1)
    time = 1000 * torch.arange(300, 500 + length) / RATE
    ax.plot(time[199:], fan[:, 499:].T, color=plots.COLOURS["vermilion"], lw=0.6, alpha=0.5)
    ax.plot(time, vowel[300 : 500 + length], color="black", lw=1)
    ax.axvline(time[199], color=plots.GREY, linestyle=":")
    ax.set_title(f"hears {order} samples: {1000 * order / RATE:g} ms", fontsize=11)
axes[-1].set(xlabel="ms", ylim=(1.4 * float(vowel.min()), 1.4 * float(vowel.max())))
plt.show()

# %% [markdown]
# Black is what was really said, vermilion are twelve continuations from the dotted line on. With two samples
# of memory the model knows how to be smooth, and nothing else. With 2 ms it draws good periods, but it loses
# the beat after one or two of them. With 20 ms it has heard some whole periods of the voice, and the fan
# holds together: the continuations differ from one another, and all of them keep the beat and the shape of
# the "ee".
#
# And all of them will go on saying "ee" for ever. That the vowel must end, that this word was "three",
# nothing in 20 ms can tell. A weight for each sample of the past would be thousands of weights, and a sum of
# them could never say "if it was an *s*, then ...". What is wanted is a network that hears far, sharply
# nearby and cheaply in the distance.

# %% [markdown]
# ## The idea
#
# ### One equation, 8000 times a second
#
# $$p_\theta(x_1, \dots, x_T) \;=\; \prod_{t=1}^{T} p_\theta(x_t \mid x_1, \dots, x_{t-1}).$$
#
# Nothing new. $x_t$ is the air pressure at step $t$, and $T$ is large. *WaveNet* (van den Oord et al. 2016)
# is this equation with three decisions: what a sample is, what the network looks like, and what else it is
# told.
#
# ### A sample is one of 256 codes
#
# Air pressure is a real number. One could let the network output a mean and a spread, as linear prediction
# does. But "either the cords open now or in a moment" is a distribution with two humps, and a Gaussian has
# one. So a sample is rounded to one of 256 levels, and the network gives a softmax over 256 codes, which can
# have any shape at all. It is then a classifier, and its loss is the cross-entropy that you know.
#
# *Which* 256 levels? Speech is soft most of the time, and the ear hears ratios: the step from 0.01 to 0.02 is
# as clear as the one from 0.1 to 0.2. So the levels lie close together near silence and far apart where it is
# loud. The telephone network has done it for half a century by the **mu-law**, with $\mu = n - 1$ for $n$
# levels:
#
# $$y = \mathrm{sign}(x)\,\frac{\ln(1 + \mu\,|x|)}{\ln(1 + \mu)}, \qquad\text{and back}\qquad
# x = \mathrm{sign}(y)\,\frac{(1 + \mu)^{|y|} - 1}{\mu}.$$
#
# It takes $[-1, 1]$ to $[-1, 1]$, and $y$ is then cut into *evenly* spaced levels: code $c$ stands for $y =
# 2c/\mu - 1$. With $n = 4$ you can do it in your head ($\mu = 3$, $1 + \mu = 4$):
#
# | code $c$ | 0 | 1 | 2 | 3 |
# |:--|--:|--:|--:|--:|
# | $y = 2c/3 - 1$ | −1 | −1/3 | 1/3 | 1 |
# | $x = \pm(4^{\lvert y\rvert} - 1)/3$ | −1 | −0.196 | 0.196 | 1 |
#
# (The 1.587 behind it is the cube root of 4.) Two of the four levels lie within a fifth of silence. With 256,
# half of all levels lie within a sixteenth. And note what is *not* among the levels of an even $n$: silence
# itself. Zero lies exactly between the codes 1 and 2, or 127 and 128. By convention it is encoded as the
# upper one, $n/2$, which is therefore what this lesson calls silence among codes. Its level is the formula's
# like every other: a little above zero (0.000086 for code 128 of 256).

# %% figure
figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.9), width_ratios=(1, 1.3))
line = np.linspace(-1, 1, 1001)
left.plot(line, np.sign(line) * np.log1p(255 * np.abs(line)) / np.log(256))
left.plot([-1, 1], [-1, 1], color=plots.GREY, lw=1, linestyle="--")
left.set(title="mu-law, 256 levels", xlabel="x, the sample", ylabel="y, cut evenly")
for row, n in enumerate((4, 16, 64)):
    y = 2 * np.arange(n) / (n - 1) - 1
    right.plot(np.sign(y) * (float(n) ** np.abs(y) - 1) / (n - 1), np.full(n, -row), "|", markersize=18, mew=1.3)
right.set_yticks([0, -1, -2], ["4 levels", "16", "64"])
right.set(title="where the levels lie", xlabel="x, the sample", ylim=(-2.6, 0.6))
right.grid(False)
plt.show()

# %% [markdown]
# ### Looking back without looking ahead
#
# A **causal convolution** is a mask of lesson 5 in one dimension, and simpler than there. Output $t$ is a
# weighted sum of the input now and some inputs before, always the same weights, whatever $t$ is:
#
# $$y_t \;=\; b + \sum_{k=0}^{K-1} w_k\, x_{t-(K-1-k)\,d}.$$
#
# $K$ is the kernel size, and $d$, the **dilation**, is how far apart the taps lie. The *last* tap, $w_{K-1}$,
# belongs to now; that is PyTorch's order too. Before the first sample there is nothing, so zeros are put
# there: $(K-1)\,d$ of them, *all on the left*. No mask is needed. Padding on the left moves a convolution
# into the past. (Padding on both sides, as image networks do, leaves half of it in the future.)
#
# ### By hand: two taps
#
# The samples are `1, 3, 2, 0, 5, 4`. The kernel has two taps, `2, 1` (the last one is now), the dilation is
# 2, there is no bias. What are the six outputs? Type them as a list.
#
# <details><summary>Hint</summary>
#
# Write $y_t$ for these numbers: which two samples does it add, and which of them is doubled? Then begin with
# $t = 0$, where one of the two does not exist.
# </details>

# %% exercise conv_small
conv_small = None  # replace None by a list of six numbers
### BEGIN SOLUTION
conv_small = [1, 3, 2 + 2 * 1, 0 + 2 * 3, 5 + 2 * 2, 4 + 2 * 0]
### END SOLUTION

# %% check conv_small 1 point
assert np.shape(typed(conv_small, "conv_small")) == (6,), "a list, with one output for each of the six samples"
assert sum(conv_small) == 15 + 2 * 6, "all six samples count once, and the first four, two steps later, twice more"
told = "conv_small: the sum is right, and some of the six are not; before the first sample there are zeros"
assert agrees(conv_small, "conv_small", "a0afa55ea4cc"), told
### BEGIN HIDDEN TESTS
from autograder.checks import wavenet as checks
checks.check_conv_small(conv_small)
### END HIDDEN TESTS

# %% [markdown]
# ### A tree into the past
#
# Put two-tap convolutions on top of one another. Without dilation every layer adds one sample to what an
# output hears: for half a second, 4000 layers. Now let each layer's dilation be *twice* that of the layer
# below: 1, 2, 4, 8, ... The second layer adds two neighbours of the first, which hear different pairs of
# samples; the third adds two such pairs of pairs. Nothing is heard twice, nothing is left out, and every
# layer *doubles* the reach:

# %% figure
from lib.plots.convolutions import taps

figure, axes = plt.subplots(2, 1, figsize=(7.4, 4.6), height_ratios=(1, 1))
stacks = {"four layers, no dilation": (1, 1, 1, 1), "dilations 1, 2, 4, 8": (1, 2, 4, 8)}
for ax, (title, dilations) in zip(axes, stacks.items(), strict=True):
    layers = [taps(2, d) for d in dilations]
    names = ["inputs", *(f"dilation {d}" for d in dilations)]
    plots.convolution_tree(layers, 20, 18, names=names, itself=True, ax=ax, title=title)
plt.show()

# %% [markdown]
# This is the drawing that made WaveNet famous. The number of samples from the oldest that one output hears to
# the one of now, both included, is the **receptive field** $R$. With four layers it is 5 on top and 16 below;
# with ten layers it is 11 and 1024. The price per layer is the same.
#
# Binary numbers explain why it works. To reach the sample $s$ steps back, write $s$ in binary; bit $i$ says
# whether the path takes the old tap or the new one in the layer of dilation $2^i$. There is exactly one path
# to each of the last 16 samples, as there is exactly one way to write each of the numbers 0 to 15 with four
# bits.
#
# ### By hand: how many layers do you need?
#
# Type your name. It draws a kernel size and a stretch of time; the grader draws the same from the same name.
# The rate is 8000 samples per second.

# %% exercise student_name
student_name = None  # your name, in quotes
### BEGIN SOLUTION
student_name = "Ada Lovelace"
### END SOLUTION

# %% demo
first, second = personal_numbers(student_name, "06", 20, 400, 2)
my_kernel_size, my_milliseconds = 2 + 2 * (first % 2), 3 * (second // 3) + 2
print(f"kernel size {my_kernel_size}, and one output should hear at least {my_milliseconds} ms")

# %% [markdown]
# What is the smallest number of layers with which one output hears at least that stretch (so many
# milliseconds' worth of samples, the one of now included), (a) if every layer has dilation 1, (b) if the
# dilations are 1, 2, 4, 8, ...? Type the two counts as a list.
#
# <details><summary>Hint</summary>
#
# How many samples is it? Draw one layer of your kernel size, then two, and count what one output hears. What
# does it hear with no layer at all?
# </details>

# %% exercise layers_mine
layers_mine = None  # replace None by a list of two counts
### BEGIN SOLUTION
first, second = personal_numbers(student_name, "06", 20, 400, 2)
# The samples besides the one of now, and what a layer adds, for dilation 1.
missing, step = 8 * (3 * (second // 3) + 2) - 1, 1 + 2 * (first % 2)
doubling = next(n for n in range(20) if step * (2**n - 1) >= missing)
layers_mine = [math.ceil(missing / step), doubling]
### END SOLUTION

# %% check layers_mine 2 points
assert np.shape(typed(layers_mine, "layers_mine")) == (2,), "two counts: without dilation, with doubling dilations"
assert 1 <= layers_mine[1] <= layers_mine[0], "dilation should save layers"
typed(student_name, "student_name")
### BEGIN HIDDEN TESTS
from autograder.checks import wavenet as checks
checks.check_layers_mine(student_name, layers_mine)
### END HIDDEN TESTS

# %% [markdown]
# ## Build it
#
# For all functions of this lesson: the float tensors of one call are all float32 or all float64, and zeros
# that you add should be of the same type. None of them may change what it is given.
#
# ### Exercise: `mu_law_encode`
#
# Sound in, codes out, for any number of levels $n$. Each sample gets the code of the *nearest* level of $y$;
# a $y$ exactly half-way between two levels, as silence is for an even $n$, gets the upper one. (Within a hair
# of any other border float32 and float64 may decide differently, and either will do.) Recordings are
# sometimes louder than they should be: what lies beyond $\pm 1$ counts as $\pm 1$. (`lib.audio` has a
# function of this name that refuses such recordings. Yours is more patient.)
#
# <details><summary>Hint</summary>
#
# Work out where $y$ lies on a scale on which the levels are the whole numbers 0 to $\mu$. How do you round
# such a number with `floor`? Try yours on silence with $n = 6$: computers like to round a half to the nearest
# *even* number.
# </details>

# %% exercise mu_law_encode
def mu_law_encode(x, n):
    """Samples as codes: the nearest of n levels on the mu-law scale, with mu = n - 1.

    x : float tensor of any shape, not empty; beyond -1 and 1 they are clipped. n : the number of levels, at least 2.
    Returns an int64 tensor of x's shape, codes from 0 (for -1) to n - 1 (for 1). Half-way between two levels: the upper.
    """
    ### BEGIN SOLUTION
    mu = n - 1
    x = x.double().clamp(-1, 1)
    y = torch.sign(x) * torch.log1p(mu * x.abs()) / math.log1p(mu)
    return torch.floor((y + 1) / 2 * mu + 0.5).long()
    ### END SOLUTION

# %% check mu_law_encode 2 points
codes = np.asarray(mu_law_encode(torch.tensor([-1.0, -0.2, 0.2, 0.9]), 4))
assert codes.tolist() == [0, 1, 2, 3], "with four levels, at -1, -0.196, 0.196 and 1, these samples are codes 0 to 3"
codes = np.asarray(mu_law_encode(torch.tensor([-0.6, 0.6]), 4))
assert codes.tolist() == [0, 3], "on the mu-law scale 0.6 is y = 0.74, nearer to 1 than to 1/3"
assert int(mu_law_encode(torch.tensor(0.0), 6)) == 3, "silence lies half-way between codes 2 and 3 of six: the upper"
assert int(mu_law_encode(torch.tensor(1.3), 256)) == 255, "louder than 1 counts as 1"
### BEGIN HIDDEN TESTS
from autograder.checks import wavenet as checks
checks.check_mu_law_encode(mu_law_encode)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `mu_law_decode`
#
# And back: the level that a code stands for. Rounding can't be undone, but one thing must hold: a level,
# encoded again, is the same code for all $n$ codes. Codes come in every type: a file holds bytes (uint8, in
# which 2 times 200 is 144), a sampler may give floats.
#
# <details><summary>Hint</summary>
#
# What is $y$ for code 200, worked out in bytes? And in floats? The two formulas for encoding each have an
# inverse; in which order?
# </details>

# %% exercise mu_law_decode
def mu_law_decode(codes, n):
    """The samples that codes stand for.

    codes : tensor of any shape and any number type, whole numbers from 0 to n - 1. n : the number of levels, at least 2.
    Returns a float tensor of the same shape, from -1 (code 0) to 1 (code n - 1).
    """
    ### BEGIN SOLUTION
    mu = n - 1
    y = 2 * codes.double() / mu - 1
    return torch.sign(y) * torch.expm1(y.abs() * math.log1p(mu)) / mu
    ### END SOLUTION

# %% check mu_law_decode 1 point
levels = np.asarray(mu_law_decode(torch.arange(4), 4), dtype=float)
assert np.allclose(levels, [-1, -0.1957, 0.1957, 1], atol=1e-3), "the four levels of the table above"
loud = np.asarray(mu_law_decode(torch.tensor([200], dtype=torch.uint8), 256), dtype=float)
assert np.allclose(loud, [0.0879], atol=3e-4), "code 200 of 256 is 0.0879, also when it comes as a byte"
again = np.asarray(mu_law_encode(torch.as_tensor(np.asarray(mu_law_decode(torch.arange(256), 256))), 256))
assert again.tolist() == list(range(256)), "each level, encoded, should be its own code"
### BEGIN HIDDEN TESTS
from autograder.checks import wavenet as checks
checks.check_mu_law_decode(mu_law_decode)
### END HIDDEN TESTS

# %% [markdown]
# ### Hear what it is for · *optional*
#
# The same clip with only 16 levels, first evenly spaced, then by your mu-law (in the picture vermilion and
# blue, black is the recording); and how often each of the 16 codes occurs. Evenly spaced, the soft parts
# drown: most samples fall on the two levels next to silence. (In the loud parts the mu-law's levels lie just
# as far apart, as you saw in the drawing of the levels. But there the voice covers its noise.)

# %% demo varies
even = (three.clamp(-1, 1) * 7.5 - 0.5).round().add(0.5) / 7.5
codes = torch.as_tensor(np.asarray(mu_law_encode(three, 16)))
lawful = torch.as_tensor(np.asarray(mu_law_decode(codes, 16))).float()
for told, wave in {"as recorded": three, "16 even levels": even, "16 levels, mu-law": lawful}.items():
    print(told)
    display(plots.player(wave))
figure, axes = plt.subplots(1, 3, figsize=(7.4, 2.5), width_ratios=(1.4, 1, 1), layout="constrained")
peaks = three.unfold(0, 120, 20).abs().amax(dim=1)
begin = 20 * int((peaks - 0.1).abs().argmin())  # a soft moment: at its loudest a tenth
soft = slice(begin, begin + 120)
for wave, colour in ((even, "vermilion"), (lawful, "blue")):
    axes[0].step(1000 * torch.arange(120) / RATE, wave[soft], color=plots.COLOURS[colour], lw=1.2)
axes[0].plot(1000 * torch.arange(120) / RATE, three[soft], color="black", lw=0.8)
axes[0].set(title="a soft moment", xlabel="ms")
even_codes = (even * 7.5 + 7.5).round().long().clamp(0, 15)
for ax, some, title in zip(axes[1:], (even_codes, codes), ("even levels", "mu-law levels"), strict=True):
    ax.bar(range(16), torch.bincount(some, minlength=16) / len(some), color="#8fb4d6")
    ax.set(title=title, xlabel="code, and how often")
    ax.grid(False, axis="x")
plt.show()

# %% [markdown]
# ### Exercise: `audio_pair`
#
# **Teacher forcing**, as in lesson 2. In training the whole clip is there, so all its conditionals are
# computed at once. The network reads what was *before* each sample and is asked for the sample. Where lesson
# 2 had a symbol for "begin", sound has something natural: before anybody speaks, there is silence.
#
# This shift by one is the strict step of lesson 4, the one that every path from a sample to the output about
# it needs. Here it is made once, below the first layer, and all convolutions may look at their own *now*. If
# it is forgotten, the network learns to copy its input, and the loss falls towards zero.
#
# <details><summary>Hint</summary>
#
# Both are as long as the clip. Which sample is never an input?
# </details>

# %% exercise audio_pair
def audio_pair(codes, silence):
    """Inputs and targets of a batch of clips, for teacher forcing.

    codes : int64 tensor (B, T), T at least 1. silence : int, the code that stands before the first sample.
    Returns (inputs, targets), int64 tensors (B, T): targets[:, t] is sample t, inputs[:, t] the sample before it.
    """
    ### BEGIN SOLUTION
    before = torch.full_like(codes[:, :1], silence)
    return torch.cat([before, codes[:, :-1]], dim=1), codes
    ### END SOLUTION

# %% check audio_pair 1 point
inputs, targets = (np.asarray(part) for part in audio_pair(torch.tensor([[7, 3, 9]]), 5))
assert inputs.shape == targets.shape == (1, 3), "inputs and targets are as long as the clip"
assert targets.tolist() == [[7, 3, 9]], "every sample is a target once"
assert inputs.tolist() == [[5, 7, 3]], "to predict 7 it reads silence, to predict 3 it reads 7, to predict 9 it reads 3"
inputs, targets = (np.asarray(part).tolist() for part in audio_pair(torch.tensor([[4, 4], [1, 2]]), 0))
assert inputs == [[0, 4], [0, 1]] and targets == [[4, 4], [1, 2]], "every clip of a batch begins with silence"
inputs, targets = (np.asarray(part).tolist() for part in audio_pair(torch.tensor([[6], [8]]), 5))
assert inputs == [[5], [5]] and targets == [[6], [8]], "of a single sample, silence is the whole input"
### BEGIN HIDDEN TESTS
from autograder.checks import wavenet as checks
checks.check_audio_pair(audio_pair)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: `causal_conv1d`
#
# The formula from above with many channels: each output channel adds up over all input channels and all taps.
# What comes out is as long as what goes in, and the zeros stand on the left. Write it with PyTorch's
# operations, since it will be trained. It has to work for one sample, for one tap, and for a dilation that is
# longer than the clip.
#
# <details><summary>Hint</summary>
#
# `torch.nn.functional.conv1d` knows dilation, but its own padding is for both ends. How many zeros must stand
# before the first sample, so that the first output has all its taps? `torch.nn.functional.pad` is told each
# end by itself.
# </details>

# %% exercise causal_conv1d
def causal_conv1d(x, weight, bias, dilation):
    """A dilated convolution that looks back only.

    x : float tensor (B, C_in, T). weight : (C_out, C_in, K), the last tap is now. bias : (C_out,).
    dilation : int, at least 1.
    Returns (B, C_out, T): entry t depends on x at t, t - dilation, ..., t - (K - 1) * dilation; before x there are zeros.
    """
    ### BEGIN SOLUTION
    padding = (weight.shape[2] - 1) * dilation
    return torch.nn.functional.conv1d(torch.nn.functional.pad(x, (padding, 0)), weight, bias, dilation=dilation)
    ### END SOLUTION

# %% check causal_conv1d 3 points
x = torch.tensor([[[2.0, -1.0, 4.0, 3.0, 0.0], [0.0, 1.0, 0.0, 2.0, 1.0]]])  # two channels
kernel, bias = torch.tensor([[[3.0, 1.0], [-1.0, 2.0]]]), torch.tensor([0.5])
out = np.asarray(causal_conv1d(x, kernel, bias, 2))
assert out.shape == (1, 1, 5), "one output per sample, however long the kernel"
assert np.allclose(out[0, 0], [2.5, 1.5, 10.5, 3.5, 14.5]), "at t = 2: 3 * 2 + 1 * 4, -1 * 0 + 2 * 0, and 0.5"
changed = np.asarray(causal_conv1d(torch.cat([x[..., :4], 99 * x[..., 4:]], dim=2), kernel, bias, 2))
assert np.allclose(changed[..., :4], out[..., :4]), "what comes after must not change what was before"
assert np.allclose(causal_conv1d(x[..., :1], kernel, bias, 7), [[[2.5]]]), "one sample, and a dilation that is longer"
assert np.allclose(causal_conv1d(x, kernel[..., 1:], bias, 3), [[[2.5, 1.5, 4.5, 7.5, 2.5]]]), "one tap: only now"
### BEGIN HIDDEN TESTS
from autograder.checks import wavenet as checks
checks.check_causal_conv1d(causal_conv1d)
### END HIDDEN TESTS

# %% [markdown]
# The probe of lesson 1 on a stack of three such layers over 24 samples, first as it is and last with the
# shift of `audio_pair` in front. Between them the same stack with PyTorch's `padding="same"`: it keeps the
# length too, and half of every kernel lies in the future.

# %% demo
generator = torch.Generator().manual_seed(0)
kernels = [torch.randn(1, 1, 3, generator=generator) for _ in range(3)]


def stack(x, same=False):
    h = x[None, None]
    for kernel, d in zip(kernels, (1, 2, 4), strict=True):
        if same:
            h = torch.tanh(torch.nn.functional.conv1d(h, kernel, dilation=d, padding="same"))
        else:
            h = torch.tanh(causal_conv1d(h, kernel, torch.zeros(1), d))
    return h[0, 0]


def shifted(x):
    return stack(torch.cat([torch.zeros(1), x[:-1]]))


wave = torch.randn(24, generator=generator)
figure, axes = plots.panels(3, width=2.6, height=2.8)
models = {"left padding": stack, "padding='same'": lambda x: stack(x, same=True), "left padding, shifted": shifted}
for ax, (title, model) in zip(axes, models.items(), strict=True):
    found = dependence(model, wave, probes=64)
    plots.dependence_matrix(found, ax=ax)
    ax.set_title(title, fontsize=10)
    print(f"{title}: {len(leaks(found))} leaks")
plt.show()

# %% [markdown]
# On the left the vermilion diagonal: 24 outputs that see their own sample. The shift cures them all. It
# can't cure the middle one, which looks seven samples ahead. On the right you can read off the receptive
# field: every row is 15 samples long, as soon as there are so many.
#
# ### Exercise: `receptive_field`
#
# Work it out for any stack: how many samples lie between the oldest input that reaches an output and the
# input of now, both included, when the past is long enough. It is a span: if the dilations leave gaps, the
# samples in the gaps count, too. With no layers at all, an output is its input of now.
#
# <details><summary>Hint</summary>
#
# By how many samples does one layer reach further back than the layers below it?
# </details>

# %% exercise receptive_field
def receptive_field(kernel_size, dilations):
    """How many samples one output of a stack of causal convolutions spans, from the oldest that reaches it to now.

    kernel_size : int, at least 1, the same in all layers. dilations : list of ints, one for each layer; may be empty.
    Returns an int.
    """
    ### BEGIN SOLUTION
    return 1 + (kernel_size - 1) * sum(dilations)
    ### END SOLUTION

# %% check receptive_field 1 point
assert receptive_field(2, [1, 2, 4, 8]) == 16, "the tree above has 16 leaves"
assert receptive_field(3, [1, 2, 4]) == 15, "the probe just found rows of 15"
assert receptive_field(2, [1, 3, 9]) == 14, "a span from 13 steps back to now, though only 8 of these inputs are heard"
assert receptive_field(2, [1, 1, 1, 1]) == 5, "without dilation, every layer of two taps adds one"
### BEGIN HIDDEN TESTS
from autograder.checks import wavenet as checks
checks.check_receptive_field(receptive_field)
### END HIDDEN TESTS

# %% [markdown]
# ### In milliseconds · *optional*
#
# In samples it is a number; in milliseconds you can compare it with a voice. One period of the vocal cords
# takes 4 to 12 ms, a syllable about 200. WaveNet repeats its dilations 1, 2, ..., 512 several times over: one
# such run hears 128 ms at 8 kHz, and the next run starts again with sharp ears on what the first one made of
# it.

# %% demo
runs = {"2 taps, 1 to 128": (2, 8, 1), "2 taps, 1 to 512": (2, 10, 1)}
runs |= {"2 taps, 1 to 512, three times": (2, 10, 3), "3 taps, 1 to 512": (3, 10, 1)}
print(f"{'':32}  layers  samples  ms at 8 kHz  ms at 16 kHz")
for told, (size, depth, times) in runs.items():
    field = receptive_field(size, [2**i for i in range(depth)] * times)
    print(f"{told:32} {depth * times:7} {field:8} {field / 8:12.1f} {field / 16:13.1f}")

# %% [markdown]
# ### Exercise: `gated_unit`
#
# Between the convolutions stands a *gated unit*, which you met in lesson 5. Two convolutions read the same
# input: the **filter** says what there is to say, the **gate** how much of it gets through.
#
# $$z \;=\; \tanh\big(W_f * x + c_f\big) \,\odot\, \sigma\big(W_g * x + c_g\big)$$
#
# $*$ is your causal convolution, with dilation. The $c$ are the **condition**: whatever else the network is
# told, having passed through a small linear layer that gives twice as many channels as the unit has. The
# first half goes to the filter, the second to the gate. If it is the same for the whole clip (who speaks,
# which digit), it is *global*, and comes with a time axis of length 1. If it changes along the clip (which
# vowel now, what pitch), it is *local*, and comes with $T$ steps. It stands in for the biases too, and is
# trained like the weights: keep to PyTorch's operations here as well.
#
# <details><summary>Hint</summary>
#
# Which of your functions do you need, and what should its bias be, if the condition stands in for it? Of what
# type? Where is the condition to be cut: is it the channels of `x` that count, or those of the result?
# </details>

# %% exercise gated_unit
def gated_unit(x, w_filter, w_gate, dilation, condition):
    """A gated unit of WaveNet.

    x : float tensor (B, C_in, T). w_filter, w_gate : (C, C_in, K), the last tap is now. dilation : int, at least 1.
    condition : (B, 2 * C, T) or (B, 2 * C, 1); the first C channels are added in the filter, the others in the gate.
    Returns (B, C, T).
    """
    ### BEGIN SOLUTION
    n = len(w_filter)
    both = causal_conv1d(x, torch.cat([w_filter, w_gate]), torch.zeros(2 * n, dtype=x.dtype), dilation) + condition
    return torch.tanh(both[:, :n]) * torch.sigmoid(both[:, n:])
    ### END SOLUTION

# %% check gated_unit 2 points
x, f, g = torch.tensor([[[0.5, -1.0, 2.0]]]), torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[1.0, 0.0]]])
out = np.asarray(gated_unit(x, f, g, 1, torch.zeros(1, 2, 1)))
assert out.shape == (1, 1, 3), "one output per sample and channel"
assert np.allclose(out[0, 0, 0], 0.5 * np.tanh(0.5)), "the first gate sees nothing yet: sigmoid(0) is one half"
assert np.allclose(out[0, 0, 2], np.tanh(2.0) / (1 + np.exp(1.0))), "filter: 2, now; gate: -1, the sample before"
told = np.asarray(gated_unit(x, f, g, 1, torch.tensor([[[0.0], [-50.0]]])))
assert np.abs(told).max() < 1e-6, "a condition of -50 for the gate shuts it, whatever the filter says"
x, f, g = torch.tensor([[[0.5], [2.0]]]).double(), torch.zeros(1, 2, 2).double(), torch.ones(1, 2, 2).double()
told = np.asarray(gated_unit(x.expand(1, 2, 4), f, g, 3, torch.tensor([[[1.0, 2, 3, 4], [0.0, 0, 0, 0]]]).double()))
assert told.shape == (1, 1, 4), "two channels in, one out"
assert np.allclose(told[0, 0], np.tanh([1, 2, 3, 4]) / (1 + np.exp([-2.5, -2.5, -2.5, -5]))), (
    "a condition for each step: the filter is 1, 2, 3, 4; the gate 0.5 + 2, and twice that from step 3 on"
)
### BEGIN HIDDEN TESTS
from autograder.checks import wavenet as checks
checks.check_gated_unit(gated_unit)
### END HIDDEN TESTS

# %% [markdown]
# Both functions will be trained through, and the tests above look at numbers only. A detour (numpy,
# `.detach()`, `torch.tensor` of a tensor) gives the right numbers, and nothing behind it ever learns. So ask
# whether a gradient arrives at everything that has something to learn:

# %% demo
generator = torch.Generator().manual_seed(0)
shapes = {"x": (1, 2, 6), "weight": (2, 2, 2), "bias": (2,)}
shapes |= {"w_filter": (3, 2, 2), "w_gate": (3, 2, 2), "condition": (1, 6, 1)}
x, weight, bias, w_filter, w_gate, condition = learns = [
    torch.randn(shape, generator=generator).requires_grad_() for shape in shapes.values()
]
z = gated_unit(causal_conv1d(x, weight, bias, 1), w_filter, w_gate, 2, condition)
assert torch.is_tensor(z) and z.requires_grad, "no gradient at all gets out of gated_unit: keep to PyTorch's operations"
for name, gradient in zip(shapes, torch.autograd.grad(z.sum(), learns, allow_unused=True), strict=True):
    print(f"{name:10}", "never learns: no gradient arrives" if gradient is None else "a gradient arrives")

# %% [markdown]
# ### Why two convolutions? · *optional*
#
# The paper's drawing of the unit shows a single box "dilated conv" from which both tanh and sigmoid come, and
# quite a few people built that: one convolution, whose result goes through both (issue 3 of
# github.com/golbin/WaveNet, where the author agrees that it should be two; others asked the opposite question
# about sound code, issue 37 of github.com/basveeling/wavenet). No probe will object, since nothing leaks. But
# the unit is then a function of *one* number, and look at which function:

# %% demo
a = np.linspace(-4, 4, 201)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.0, 2.8), width_ratios=(1.3, 1))
left.plot(a, np.tanh(a) / (1 + np.exp(-a)), color=plots.COLOURS["vermilion"])
left.set(title="one convolution for both: z of a", xlabel="a", ylabel="z", ylim=(-1.1, 1.1))
z = np.tanh(a)[None, :] / (1 + np.exp(-a[:, None]))
picture = right.imshow(z, extent=(-4, 4, -4, 4), origin="lower", cmap="RdBu", vmin=-1, vmax=1)
right.set(title="two: z of a and b", xlabel="a, the filter", ylabel="b, the gate")
right.grid(False)
figure.colorbar(picture, ax=right)
plt.show()
print(f"with one convolution, z is never below {(np.tanh(a) / (1 + np.exp(-a))).min():.2f}")

# %% [markdown]
# It can hardly say anything negative: where the filter wants to, the gate closes. With two convolutions the
# unit says anything from −1 to 1 and decides separately whether to say it. (A *single* convolution with
# twice as many output channels, cut in half, is two convolutions. That is how your `gated_unit` may be
# written, and how most fast code is.)
#
# ### What else it is told
#
# Without a condition, WaveNet babbles: it has learned what voices sound like, and nothing tells it what to
# say. The condition turns it into an instrument.
#
# - **Global**: one vector for the whole clip. Which digit, which voice. One network can speak in a hundred
#   voices (the paper's has 109) and shares what they have in common.
# - **Local**: a vector for each stretch of time. If it holds *which sound comes now and at what pitch*,
#   computed from a text, you have **text-to-speech**, which is what the paper was written for. If it is a
#   *mel spectrogram*, you have a **vocoder**: something else has decided what the sound should look like to
#   the ear, say 100 times a second, and WaveNet makes 8000 samples a second of it. Tacotron 2 (Shen et al.
#   2018) does both steps.
#
# In either case the condition is known *before* the sound, and outside the chain rule: $p_\theta(x_t \mid
# x_{<t}, c)$. So it may look ahead. A reader who sees the whole sentence speaks better.
#
# ### Exercise: `upsample_condition`
#
# A frame of a local condition rules `hop` samples. So each frame is repeated, until there is one for each
# sample: frame 0 for the samples 0 to hop − 1, and so on. Clips don't end when frames do. If the clip is
# shorter than its frames, cut; if it is longer, the last frame goes on.
#
# <details><summary>Hint</summary>
#
# Write down which frame rules the samples 0, 1, 2, ... for a hop of 2. How do you get that number from $t$
# without any fractions? And what happens to it beyond the last frame?
# </details>

# %% exercise upsample_condition
def upsample_condition(frames, hop, length):
    """One frame for each sample.

    frames : float tensor (B, C, F), F at least 1; frame f begins at sample f * hop. hop : int, samples per frame.
    length : int, at least 1, the number of samples; may be less or more than F * hop.
    Returns (B, C, length).
    """
    ### BEGIN SOLUTION
    whose = (torch.arange(length) // hop).clamp(max=frames.shape[2] - 1)
    return frames[:, :, whose]
    ### END SOLUTION

# %% check upsample_condition 2 points
frames = torch.tensor([[[10.0, 20.0, 30.0]]])
out = np.asarray(upsample_condition(frames, 2, 6))
assert out.shape == (1, 1, 6), "one frame for each of the six samples"
assert out[0, 0].tolist() == [10, 10, 20, 20, 30, 30], "each frame lasts two samples"
assert np.asarray(upsample_condition(frames, 2, 8))[0, 0].tolist()[-3:] == [30, 30, 30], "the last frame goes on"
assert np.asarray(upsample_condition(frames, 4, 5))[0, 0].tolist() == [10, 10, 10, 10, 20], "cut, not squeezed"
### BEGIN HIDDEN TESTS
from autograder.checks import wavenet as checks
checks.check_upsample_condition(upsample_condition)
### END HIDDEN TESTS

# %% [markdown]
# ### A condition, upsampled · *optional*
#
# The mel spectrogram of the "three" has a frame every 10 ms; below it, one of its bands, upsampled, lies on
# the wave that it describes. It says nothing about single samples: where each wiggle goes is left to the
# model.

# %% demo
from lib.audio import mel_spectrogram

frames = mel_spectrogram(three)[None]  # (1, 40, F), one frame per 80 samples
held = torch.as_tensor(np.asarray(upsample_condition(frames, 80, len(three))))[0]
figure, axes = plt.subplots(2, 1, figsize=(7.4, 3.8), sharex=True)
end = 1000 * 80 * frames.shape[2] / RATE
axes[0].imshow(frames[0], aspect="auto", origin="lower", cmap=plots.AMOUNTS, extent=(0, end, 0, 40))
axes[0].axhline(5.5, color=plots.COLOURS["vermilion"], lw=1)
axes[0].set(title="the condition: what the ear is to hear", ylabel="band")
axes[0].grid(False)
milliseconds = 1000 * torch.arange(len(three)) / RATE
axes[1].plot(milliseconds, three, color="black", lw=0.5)
band = held[5] - held[5].min()
axes[1].plot(milliseconds, band / band.max() * three.abs().max(), color=plots.COLOURS["vermilion"], lw=1.5)
axes[1].set(xlabel="ms", title="band 5, held for 80 samples each")
plt.show()

# %% [markdown]
# ### Exercise: `step_with_queue`
#
# To *score* a second of sound takes one pass: all inputs are there. To *draw* it takes 8000, one sample after
# the other, and each pass, done plainly, computes the whole tree again for a single new output. Look at the
# tree above: when time moves on by one, nearly all of its nodes were already nodes of an earlier tree, with
# the same numbers in them.
#
# So keep them. A layer with kernel size $K$ and dilation $d$ needs, besides its input of now, the inputs $d,
# 2d, \dots, (K-1)\,d$ steps ago. If it keeps its last $(K-1)\,d$ inputs in a **queue**, it never has to ask
# the layers below for the past. One step then costs one small product per layer, whatever the receptive field
# (Paine et al. 2016, *Fast WaveNet*).
#
# You get what stands in the queue, the oldest first (zeros, at the beginning of a clip), and return the
# output of now and the queue as it is *after* this step: the oldest gone, the new one at the end. Return a
# new tensor; whoever gave you the queue may want to go on from it a second time.
#
# <details><summary>Hint</summary>
#
# Draw the queue for $K = 3$ and $d = 2$, and $x_t$ behind it. Which of these numbers do the taps need? What
# remains when time has moved on? And what does your drawing look like for $K = 1$?
# </details>

# %% exercise step_with_queue
def step_with_queue(x_t, queue, weight, bias, dilation):
    """One step of a causal convolution.

    x_t : (B, C_in), the input of now. queue : (B, C_in, (K - 1) * dilation), the inputs before it, the oldest first.
    weight : (C_out, C_in, K), the last tap is now. bias : (C_out,). dilation : int, at least 1.
    Returns (y_t, queue): y_t (B, C_out) is what causal_conv1d gives at this step; queue, shaped like the one given, is
    for the next step. The queue given is not changed.
    """
    ### BEGIN SOLUTION
    known = torch.cat([queue, x_t[:, :, None]], dim=2)  # (B, C_in, (K - 1) * dilation + 1)
    y_t = torch.einsum("bik,oik->bo", known[:, :, ::dilation], weight) + bias
    return y_t, known[:, :, 1:]
    ### END SOLUTION

# %% check step_with_queue 3 points
generator = torch.Generator().manual_seed(0)
x, kernel = torch.randn(2, 3, 12, generator=generator), torch.randn(2, 3, 3, generator=generator)
bias, queue, kept = torch.tensor([0.5, -1.0]), torch.zeros(2, 3, 4), []
whole = np.asarray(causal_conv1d(x, kernel, bias, 2))  # (2, 2, 12)
for t in range(12):
    kept.append((queue, queue.clone()))
    y, queue = step_with_queue(x[:, :, t], queue, kernel, bias, 2)
    assert np.shape(y) == (2, 2), "one row of outputs for each row of x_t"
    assert np.shape(queue) == (2, 3, 4), "the queue stays as long as it was"
    assert np.allclose(y, whole[:, :, t], atol=1e-5), f"step {t} should give what causal_conv1d gives there"
    assert np.allclose(kept[-1][0], kept[-1][1]), "the queue that it was given should stay as it is: return a new one"
    queue = torch.as_tensor(queue).to(x.dtype)
assert np.allclose(queue, x[:, :, -4:]), "at the end the queue holds the last four inputs, the oldest first"
assert all(torch.equal(then, copy) for then, copy in kept), "later steps should not change the queues of earlier ones"
y, queue = step_with_queue(x[:, :, 0], torch.zeros(2, 3, 0), kernel[:, :, 2:], bias, 2)
assert np.allclose(y, x[:, :, 0] @ kernel[:, :, 2].T + bias, atol=1e-5), "one tap: only the input of now"
assert np.shape(queue) == (2, 3, 0), "with one tap the queue is empty, and stays so"
### BEGIN HIDDEN TESTS
from autograder.checks import wavenet as checks
checks.check_step_with_queue(step_with_queue)
### END HIDDEN TESTS

# %% [markdown]
# ## Watch it work
#
# ### Your own WaveNet, on one voice
#
# Here is the whole network, made of your functions. Two things come between, and neither is deep. Each layer
# *adds* what it found to what came in, a **residual** connection as in lesson 5, so that layers have to
# learn improvements only, and gradients find their way down. And each layer also hands its result straight
# to the output, a **skip** connection, so that the softmax hears the sharp short-sighted layers and the dim
# far-sighted ones alike. Both are 1 × 1 convolutions: they mix channels and carry nothing across time.
#
# ```
#             ┌────────────────────── + ──> to the next layer
#             │                       │
#    x ──┬────┴──> filter: tanh ──┐   │
#        │                        × ──┴──> skip, summed over layers ──> ReLU, 1×1, ReLU, 1×1 ──> softmax
#        └───────> gate: sigmoid ─┘
# ```
#
# A code goes in through a table: one vector for each of the 256. The condition is the digit, 0 to 9.

# %%
class MyWaveNet(torch.nn.Module):
    """Your functions as a model of mu-law codes, given a label for each clip."""

    def __init__(self, n_labels=10, channels=24, n_skips=48, dilations=(1, 2, 4, 8, 16, 32, 64, 128, 256)):
        super().__init__()
        generator = torch.Generator().manual_seed(0)

        def drawn(*shape):  # (outputs, inputs, taps)
            return torch.nn.Parameter(torch.randn(shape, generator=generator) * (shape[1] * shape[2]) ** -0.5)

        self.dilations, self.channels = dilations, channels
        # Neighbouring codes sound alike, so their vectors should start out alike: slow cosines, mixed.
        slow = torch.cos(torch.pi * torch.outer((torch.arange(256) + 0.5) / 256, torch.arange(1.0, 9.0)))
        self.table = torch.nn.Parameter(slow @ torch.randn(8, channels, generator=generator) / 2)
        shapes = {"filters": (channels, channels, 2), "gates": (channels, channels, 2)}
        shapes |= {"residuals": (channels, channels, 1), "skips": (n_skips, channels, 1)}
        for name, shape in shapes.items():
            setattr(self, name, torch.nn.ParameterList(drawn(*shape) for _ in dilations))
        self.labels = torch.nn.Parameter(torch.zeros(len(dilations), n_labels, 2 * channels))
        self.hidden, self.out = drawn(n_skips, n_skips, 1), drawn(256, n_skips, 1)
        self.biases = torch.nn.ParameterList([torch.zeros(n_skips), torch.zeros(256)])

    def top(self, skip):  # (B, n_skips, T) -> (B, 256, T)
        h = causal_conv1d(torch.relu(skip), self.hidden, self.biases[0], 1)
        return causal_conv1d(torch.relu(h), self.out, self.biases[1], 1)

    def scores(self, codes, labels):  # (B, T), (B,) -> (B, 256, T)
        inputs, _ = audio_pair(codes, 128)
        x, skip = self.table[torch.as_tensor(inputs)].transpose(1, 2), 0
        for i, d in enumerate(self.dilations):
            z = gated_unit(x, self.filters[i], self.gates[i], d, self.labels[i][labels][:, :, None])
            skip = skip + causal_conv1d(z, self.skips[i], torch.zeros(self.skips[i].shape[0]), 1)
            x = x + causal_conv1d(z, self.residuals[i], torch.zeros(self.channels), 1)
        return self.top(skip)

    def logits(self, codes, labels):  # (B, T), (B,) -> (B, T, 256): entry t is about sample t
        return self.scores(codes, labels).transpose(1, 2)

    def nats(self, codes, labels):  # (B, T), (B,) -> (B, T): -log p of each sample
        return torch.nn.functional.cross_entropy(self.scores(codes, labels), codes, reduction="none")

    def training_loss(self, batch, generator):  # the label stands in the first column
        return self.nats(batch[:, 1:], batch[:, 0]).mean()

    @torch.no_grad()
    def continuations(self, codes, labels, uniforms):
        """Go on after codes (B, P): one sample for each column of uniforms (B, N), by queues. Returns (B, P + N)."""
        queues = [torch.zeros(len(codes), self.channels, d) for d in self.dilations]
        heard, drawn = torch.full((len(codes),), 128), codes
        for t in range(codes.shape[1] + uniforms.shape[1]):
            x, skip = self.table[heard], 0
            for i, d in enumerate(self.dilations):
                both = torch.cat([self.filters[i], self.gates[i]])
                h, queues[i] = step_with_queue(x, queues[i], both, torch.zeros(2 * self.channels), d)
                h = h + self.labels[i][labels]
                z = torch.tanh(h[:, : self.channels]) * torch.sigmoid(h[:, self.channels :])
                skip, x = skip + z @ self.skips[i][..., 0].T, x + z @ self.residuals[i][..., 0].T
            if t >= codes.shape[1]:
                p = torch.softmax(self.top(skip[:, :, None])[:, :, 0].double(), dim=1)
                above = p.cumsum(dim=1) > uniforms[:, t - codes.shape[1], None]
                drawn = torch.cat([drawn, above.int().argmax(dim=1)[:, None]], dim=1)
            heard = drawn[:, t]
        return drawn

# %% [markdown]
# One voice of the course has sixty clips for training and twenty that are kept apart. Each step takes four
# random pieces of 2048 samples. The loss is the mean over samples, so it is *nats per sample*; divided by ln
# 2 it is **bits per sample**, and these mean something: a file with the telephone's codes takes 8 of them.

# %% demo varies
from lib.training import fit

VOICE, PIECE = "slt", 2048


def of_one_voice(split):
    clips = load_spoken_digits(split)
    return clips[[i for i, name in enumerate(clips.speakers) if name == VOICE]]


known_clips, fresh_clips = of_one_voice("train"), of_one_voice("test")
known, known_digits = known_clips.codes(256), known_clips.digits  # codes: (T_i,) for each clip
fresh, fresh_digits = fresh_clips.codes(256), fresh_clips.digits


def pieces(rows, generator):
    """A random piece of each of some clips, (B, 1 + PIECE): the digit, then the codes; silence where the clip is over."""
    batch = torch.full((len(rows), 1 + PIECE), 128)
    for piece, row in zip(batch, rows.tolist(), strict=True):
        codes = known[row]
        begin = int(torch.randint(max(1, len(codes) - PIECE + 1), (), generator=generator))
        some = codes[begin : begin + PIECE]
        piece[0], piece[1 : 1 + len(some)] = known_digits[row], some
    return batch


my_wavenet = MyWaveNet()
history = fit(
    my_wavenet, torch.arange(len(known)), epochs=14, batch_size=4, lr=5e-3, warmup=30, average=0.98, draw=pieces
)


@torch.no_grad()
def bits_per_sample(model, clips, digits):
    nats = sum(model.nats(codes[None], digit[None]).sum().item() for codes, digit in zip(clips, digits, strict=True))
    return nats / math.log(2) / sum(len(codes) for codes in clips)


together, heldout = torch.cat(known), torch.cat(fresh)
share = (torch.bincount(together, minlength=256) + 1.0) / (len(together) + 256)
bits = {"8 bits for each": 8.0, "how often each code occurs": -share[heldout].log2().mean().item()}
bits["your WaveNet"] = bits_per_sample(my_wavenet, fresh, fresh_digits)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.6), width_ratios=(2, 3))
left.plot([h["epoch"] for h in history], [h["train"] / math.log(2) for h in history], "o-", markersize=3)
left.set(title="Training", xlabel="epoch", ylabel="bits per sample")
right.barh(list(bits)[::-1], list(bits.values())[::-1], color=[plots.COLOURS["vermilion"], "#8fb4d6", "#8fb4d6"])
right.set(title="On clips it has not heard", xlabel="bits per sample")
right.grid(False, axis="y")
for y, value in enumerate(list(bits.values())[::-1]):
    right.text(0.1, y, f"{value:.2f}", va="center", color="white" if y == 0 else "black", fontweight="bold")
plt.show()

# %% [markdown]
# Half a minute of training, and the file is about half as long. (By the coding of lesson 5 you could really
# store it so.) Now the fan from the beginning, drawn by your own model from a clip that it has never heard,
# at the middle of a vowel; and below it the probabilities themselves, moment by moment.

# %% demo varies
clip, digit = fresh[6], fresh_digits[6]
begin = int(0.45 * len(clip))
fan = my_wavenet.continuations(
    clip[None, :begin].repeat(10, 1), digit.repeat(10), torch.rand(10, 320, generator=torch.Generator().manual_seed(1))
)
with torch.no_grad():
    p = torch.softmax(my_wavenet.logits(clip[None], digit[None])[0], dim=1)  # (T, 256)
    paid = my_wavenet.nats(clip[None], digit[None])[0] / math.log(2)  # bits, (T,)
figure, axes = plt.subplots(2, 1, figsize=(7.4, 4.6), sharex=True)
shown = slice(begin - 160, begin + 320)
time = 1000 * torch.arange(len(clip)) / RATE
for row in fan:
    axes[0].plot(time[begin:][:320], row[begin:], color=plots.COLOURS["vermilion"], lw=0.6, alpha=0.6)
axes[0].plot(time[shown], clip[shown], color="black", lw=0.9)
axes[0].set(title=f"ten ways to go on (the digit is {int(digit)})", ylabel="code")
axes[1].imshow(p[shown].T.sqrt(), aspect="auto", origin="lower", cmap=plots.AMOUNTS,
               extent=(float(time[shown.start]), float(time[shown.stop]), 0, 256))
axes[1].set(title="what it expects next, given what was really said", xlabel="ms", ylabel="code")
axes[1].grid(False)
plt.show()
rushing = (clip[shown] - 128).abs() < 32
print(f"bits per sample between the codes 96 and 160: {paid[shown][rushing].mean():.1f}", end="; ")
print(f"elsewhere in the picture: {paid[shown][~rushing].mean():.1f}")

# %% [markdown]
# In the lower picture, where the band is narrow the model is sure. It is broadest where the wave rushes
# through zero (codes near 128): there the mu-law's levels are so close together that a breath of noise
# decides between dozens of them. A sample there costs nearly as much as one of 256 codes that nobody has
# listened to.
#
# And now let it speak, from silence, the digits that it is told. It has heard each of them six times.

# %% demo varies
waves = []  # nothing said yet
labels = torch.tensor([1, 4, 6, 8])
uniforms = torch.rand(4, 3200, generator=torch.Generator().manual_seed(2))
spoken = my_wavenet.continuations(torch.empty(4, 0, dtype=torch.int64), labels, uniforms)
waves = torch.as_tensor(np.asarray(mu_law_decode(spoken, 256))).float()
for label, wave in zip(labels.tolist(), waves, strict=True):
    print(f"told to say {label}")
    display(plots.player(wave))

# %% [markdown]
# Something of a voice, and sounds of speech for a tenth of a second at a time. Words they are not yet. The
# loss knew: it is the sum over thousands of samples, nearly all of which depend on the last few
# milliseconds, and that is what half a minute of training goes into.
#
# ### What the queues save, measured
#
# Your `continuations` carries one queue per layer. The plain way calls `logits` on the last $R$ samples for
# each new one and throws away all outputs but the last. Both draw the same samples from the same uniforms.
# What one more sample costs them, for networks of 4 to 11 layers:

# %% demo varies
import time as clock

field = receptive_field(2, my_wavenet.dilations)
start, label = fresh[0][None, :1200], fresh_digits[:1]
uniforms = torch.rand(1, 40, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def plainly(codes, labels, uniforms):
    for u in uniforms.T:
        window = torch.cat([codes[:, -field:], codes[:, -1:]], dim=1)  # the last is only a place: its code is not read
        p = torch.softmax(my_wavenet.logits(window, labels)[:, -1].double(), dim=1)
        codes = torch.cat([codes, (p.cumsum(dim=1) > u[:, None]).int().argmax(dim=1)[:, None]], dim=1)
    return codes


slow, fast = plainly(start, label, uniforms), my_wavenet.continuations(start, label, uniforms)
print("the same samples:", bool((slow == fast).all()))

plain_cost, queue_cost, reach = [], [], []
for depth in range(4, 12):  # untrained networks: what they cost does not depend on what they know
    network = MyWaveNet(dilations=tuple(2**i for i in range(depth)))
    field = receptive_field(2, network.dilations)
    reach.append(field)
    window = torch.full((1, field + 1), 128)
    with torch.no_grad():
        network.logits(window, label)
        begun = clock.process_time()
        for _ in range(5):
            network.logits(window, label)
    plain_cost.append((clock.process_time() - begun) / 5)
    begun = clock.process_time()
    network.continuations(window[:, :1], label, uniforms)
    queue_cost.append((clock.process_time() - begun) / 41)
figure, ax = plt.subplots(figsize=(6.0, 2.8))
ax.loglog(reach, np.array(plain_cost) / queue_cost[0], "o-", label="plainly", color=plots.COLOURS["vermilion"])
ax.loglog(reach, np.array(queue_cost) / queue_cost[0], "o-", label="with queues", color=plots.COLOURS["blue"])
ax.set(xlabel="receptive field (samples)", ylabel="cost per sample", title="One more sample (queues at 16 = 1)")
ax.legend()
plt.show()

# %% [markdown]
# Every layer more doubles the reach. Plainly, it soon nearly doubles the price as well. With queues it adds
# one small product. (In your version most of the time of a step goes into Python, not into numbers. The
# course's own sampler is more careful: about a hundred times as fast as passes over its 1024 samples.) Count multiplications for one new sample, with $L$ layers of $K$ taps and
# $C$ channels, and $R$ samples of reach:
#
# | | per new sample | grows with the reach? |
# |:--|:--|:--|
# | plainly, the last $R$ samples again | about $2\,R\,L\,K\,C^2$ | yes, and $R$ is about $2^L$ |
# | with queues | about $2\,L\,K\,C^2$ | only with its logarithm |
# | memory of the queues | $(R - 1)\,C$ numbers | yes |
#
# The steps still come one after the other. A later network (parallel WaveNet, van den Oord et al. 2018) gave
# up the chain rule in drawing for exactly that reason, and learned from one that kept it.

# %% [markdown]
# ### What longer training buys
#
# `wavenet` ships with the course. It is the same kind of network, twice as wide, with one layer more. It
# knows twelve voices, and it is told three things: which digit, which voice (both global), and, as a local
# condition, how far the word has got: made from nothing but the number of samples, so that it can tell the
# beginning from the end. First the bits, on the same fresh clips of the same voice as before; then ten words
# that nobody ever said.

# %% demo varies
from lib import speech, weights
from lib.audio import Clips, load_spoken_digits

wavenet, all_clips = weights.load("wavenet"), load_spoken_digits("train")
voices = all_clips.speaker_names
bits_each = speech.bits_per_sample(wavenet, speech.in_batches(fresh_clips, wavenet, voices, 10))
field = wavenet.receptive_field
print(f"trained for {weights.about('wavenet')['minutes']:.0f} minutes; one output hears {1000 * field / RATE:g} ms")
print(f"{bits_each:.2f} bits per sample")

lengths = speech.typical_lengths(all_clips, voices)[:, voices.index(VOICE)].tolist()
said = speech.say(wavenet, range(10), [voices.index(VOICE)] * 10, lengths, torch.Generator().manual_seed(1))
print("zero to nine, drawn:")
display(plots.player(torch.cat([torch.nn.functional.pad(wave, (0, 1200)) for wave in said])))
figure, axes = plt.subplots(2, 4, figsize=(7.4, 3.6), sharey=True)
for column, digit in zip(axes.T, (0, 3, 6, 9), strict=True):
    heard = fresh_clips.waves[fresh_digits.tolist().index(digit)]
    plots.spectrogram(heard, ax=column[0], title=f"{digit}, the voice")
    plots.spectrogram(said[digit], ax=column[1], title=f"{digit}, drawn")
    column[0].set(xlabel="", ylabel="")
    column[1].set(ylabel="")
plt.show()

# %% [markdown]
# Upper row: the voice that it learned from, in clips that it never heard. Lower row: drawn, some thousands
# of samples one after the other. Compare from the outside in. Near-silence first, then a low dark band for
# as long as a word lasts: it speaks when it is time to, and mostly it stops. But its noise fills all bands,
# and the rise of the "three" and the gap in the "six" are blurred or missing. Then the finest thing in the
# picture, the stripes at the bottom of the upper row: these are the harmonics of the voice, and to be that
# sharp, the vocal cords must open on time for dozens of periods. In the drawn ones they are smeared: the
# voice is hoarse. Each conditional was asked for the next eighth of a millisecond only, and being a little
# off the beat costs it next to nothing.
#
# ### The same word in other voices · *optional*
#
# The global condition is one vector per voice. Everything else that it has learned is shared: what a vowel
# is, how an *s* begins. Tell it another voice, and nothing else.

# %% demo varies
of_voices = wavenet.labels[1].weight.numel()
print(f"{of_voices} of {sum(p.numel() for p in wavenet.parameters())} numbers belong to the twelve voices")
which = [voices.index(name) for name in ("british", "awb", "slt", "scottish")]
table = speech.typical_lengths(all_clips, voices)
sevens = speech.say(wavenet, [7] * 4, which, [int(table[7, v]) for v in which], torch.Generator().manual_seed(3))
for v, wave in zip(which, sevens, strict=True):
    print(f"seven, {voices[v]}")
    display(plots.player(wave))

# %% [markdown]
# ### The most likely sample · *optional*
#
# Why draw at all? Why not take, each time, the most likely code? Divide the logits by a *temperature* below
# 1, and you get something in between (lesson 8 has more of this). Below, the same word at three temperatures,
# from the same uniforms.

# %% demo varies
figure, axes = plots.panels(3, width=2.5, height=2.3, sharey=True)
for ax, temperature in zip(axes, (1.0, 0.7, 0.05), strict=True):
    wave = speech.say(
        wavenet, [9], [voices.index(VOICE)], [lengths[9]], torch.Generator().manual_seed(1), temperature=temperature
    )[0]
    print(f"temperature {temperature}")
    display(plots.player(wave))
    plots.waveform(wave, ax=ax, title=f"temperature {temperature}").set(ylim=(-0.6, 0.6), ylabel="")
axes[0].set_ylabel("sound pressure")
plt.show()

# %% [markdown]
# A little below 1, the many improbable codes lose their share, and the sound gets cleaner and duller. Near 0
# it takes the most likely code each time, and you see on the right what that is: after silence, silence. It
# never begins to speak. Each step is the likeliest, and the whole is like no clip that anybody ever spoke.
#
# ### Which digit was it? · *optional*
#
# A conditional model is a classifier (lesson 5): $p(\text{digit} \mid x) \propto p_\theta(x \mid
# \text{digit})\,p(\text{digit})$. Score a clip ten times, once as each digit, and see which explains it best,
# as the clip goes on. First *your* model, on clips that it has not heard.

# %% demo varies
@torch.no_grad()
def posterior(model, codes):
    """p(digit | the samples so far): (T,) -> (T, 10), with equal chances before."""
    nats = model.nats(codes.repeat(10, 1), torch.arange(10))  # (10, T)
    return torch.softmax(-nats.cumsum(dim=1).T, dim=1)


courses = [posterior(my_wavenet, codes) for codes in fresh]
right = sum(int(course[-1].argmax() == digit) for course, digit in zip(courses, fresh_digits, strict=True))
print(f"your WaveNet is right about {right} of {len(fresh)} fresh clips")
figure, axes = plots.panels(3, width=2.5, height=2.4, sharey=True)
for ax, row in zip(axes, (3, 7, 12), strict=True):
    extent = (0, 1000 * len(fresh[row]) / RATE, -0.5, 9.5)
    ax.imshow(courses[row].T, aspect="auto", origin="lower", cmap=plots.AMOUNTS, vmin=0, vmax=1, extent=extent)
    ax.set(title=f"said: {int(fresh_digits[row])}", xlabel="ms", yticks=range(10))
    ax.grid(False)
axes[0].set_ylabel("digit")
plt.show()

# %% [markdown]
# It can't say the words, and it can recognise them. That is no contradiction: to recognise, it is enough
# that the right digit explains the sound *a little* better than the other nine, summed over 3000 samples.
#
# And the ten words that `wavenet` said: are they the right ones? Two judges. The model itself, by Bayes, and
# a small network (`digit_listener`) that has learned to tell digits by their mel spectrograms: from clips of
# people and of these voices, never from the model's. You are the third.

# %% demo varies
listener = weights.load("digit_listener")
understood = listener.hear(fresh_clips.waves).argmax(dim=1) == fresh_digits
print(f"the listener, of the voice's own fresh clips: {int(understood.sum())} of {len(fresh)} right")
print("told to say                      ", *range(10))
for temperature in (1.0, 0.7):
    said = speech.say(
        wavenet, range(10), [voices.index(VOICE)] * 10, lengths, torch.Generator().manual_seed(1), temperature
    )
    clips = Clips(tuple(said), torch.arange(10), (VOICE,) * 10, torch.zeros(10, dtype=torch.int64))
    itself = speech.digit_log_probs(wavenet, speech.utterances(clips, wavenet, voices)).argmax(dim=1)
    print(f"temperature {temperature}, itself, by Bayes", *itself.tolist())
    print(f"temperature {temperature}, the listener    ", *listener.hear(said).argmax(dim=1).tolist())
print("your WaveNet's 1, 4, 6 and 8, the listener:", *listener.hear(list(waves)).argmax(dim=1).tolist())

# %% [markdown]
# When we ran it, the model recognised all ten of its own words, and the listener, who mistakes no clip of
# the voice itself, six. At temperature 0.7, where it sounds cleaner, the model still found all ten, and the
# listener five. (Over all voices, hundreds of words at temperature 1, the listener finds about 80 %.) A model that judges itself is lenient. By Bayes it only has to tell its own
# ten ways of speaking apart, and what it does not hear, it does not miss: the faults of the drawn words are
# just those that its likelihood hardly charges for. So never let a model grade its own samples. Ask somebody
# who learned from real ones, and listen.

# %% [markdown]
# ### From spectrogram to sound · *optional*
#
# The other local condition from *What else it is told*. `wavenet_vocoder` has no labels. It knows neither digit nor voice;
# its local condition is the mel spectrogram, 40 numbers every 10 ms, of the very clip that it is to say. That
# is what the second half of Tacotron 2 does with a spectrogram that the first half has made from a text. Below:
# three of the voice's fresh clips, then the same three made anew from their spectrograms.

# %% demo varies
vocoder, listener = weights.load("wavenet_vocoder"), weights.load("digit_listener")
told = speech.bits_per_sample(vocoder, speech.in_batches(fresh_clips, vocoder, voices, 10))
print(f"told the digit, the voice and the length: {bits_each:.2f} bits per sample; told the spectrogram: {told:.2f}")
anew = speech.vocode(vocoder, fresh_clips.waves, torch.Generator().manual_seed(1))
understood = listener.hear(anew).argmax(dim=1) == fresh_digits
print(f"made anew, the listener gets {int(understood.sum())} of {len(fresh)} right")
chosen = [fresh_digits.tolist().index(digit) for digit in (0, 3, 6)]
figure, axes = plt.subplots(2, 3, figsize=(7.4, 3.6), sharey=True)
for upper, lower, row in zip(*axes, chosen, strict=True):
    print(f"{int(fresh_digits[row])}, the voice; and from its spectrogram:")
    display(plots.player(fresh_clips.waves[row]), plots.player(anew[row]))
    plots.spectrogram(fresh_clips.waves[row], ax=upper, title=f"{int(fresh_digits[row])}, the voice").set(xlabel="")
    plots.spectrogram(anew[row], ax=lower, title="made anew")
for ax in axes[:, 1:].flat:
    ax.set_ylabel("")
plt.show()

# %% [markdown]
# What the words of `wavenet` above had blurred or lost is here: the rise of the "three", the gap in the "six".
# The spectrogram says so every 10 ms. It saves little, when we ran it 3.01 bits per sample instead of 3.25,
# since most of what a sample costs is noise, of which no spectrogram knows. But that quarter of a bit, 8000
# times a second, is what makes a word: over all voices the listener understands 95 % of 80 test clips made anew
# (`python -m benchmarks.sound`), of the words that `wavenet` says about 80 %. The stripes of the harmonics are
# smeared as before. No condition says when the vocal cords open; that, each sample has to learn from those
# before it.
#
# ### Digits, unrolled · *optional*
#
# Nothing in a WaveNet knows that its codes are sound. Here a written digit is read row by row as a sequence of
# 784 codes of two values, and the same layers, dilations 1, 2, 4, ... 512, describe each pixel from those
# before it. The pixel above is 28 steps back, and that they belong together is something it has to find out.
# (It is told row and column, as the other is told how far the word has got.)

# %% demo varies
from lib import scoreboard

unrolled = weights.load("wavenet_digits")
begun = clock.process_time()
drawn = unrolled.sample(64, torch.Generator().manual_seed(1))
took = clock.process_time() - begun
window = torch.zeros(64, 784)
with torch.no_grad():
    begun = clock.process_time()
    unrolled.logits(window)
print(f"64 digits by queues: {took:.1f} s; 784 whole passes would take {784 * (clock.process_time() - begun):.0f} s")


def reached(kernel_size, dilations):
    """How many steps back lie the pixels that one output hears: the sums of one tap of each layer."""
    steps = {1}
    for dilation in dilations:
        steps = {step + tap * dilation for step in steps for tap in range(kernel_size)}
    return steps


figure, axes = plt.subplots(1, 3, figsize=(9.0, 3.2))
plots.digits(drawn, ax=axes[0], columns=8, title="wavenet_digits")
for ax, size, dilations in ((axes[1], 2, unrolled.network.dilations), (axes[2], 3, (1, 28, 2, 56, 1, 28, 4, 112))):
    heard = torch.zeros(28 * 28)
    at = 20 * 28 + 14
    heard[[at - steps for steps in reached(size, dilations) if steps <= at]] = 0.5
    heard[at] = 1
    ax.imshow(heard.view(28, 28), cmap=plots.AMOUNTS, vmin=0, vmax=1)
    ax.plot(14, 19, "o", color=plots.COLOURS["vermilion"], markersize=4)
    ax.set(title=f"{size} taps; {', '.join(map(str, dilations[:4]))}, ...", xticks=[], yticks=[])
    ax.grid(False)
plt.show()
scoreboard.draw("06")
plt.show()

# %% [markdown]
# Left: drawn. Beside it, what one pixel (dark) hears in two networks, and as a dot the pixel right above. The
# sums of 1, 2, 4, ..., 512 are all numbers from 0 to 1023: everything before is within reach, in the rows above
# as well. On the right (the strip at the edge is the end of earlier rows), dilations that one might invent for
# images 28 wide, since multiples of 28 look straight up. Only, what describes pixel $t$ reads pixel $t - 1$
# first, so a pixel lies a sum of taps *plus one* steps back. 28 is no such number here, nor is any from 18 to
# 27: the pixel above and its neighbours to the right, who know most, are out of hearing. Write 26 for the first
# 28, and the nearest are heard. We trained all three lists for 300 steps in smaller networks (`python -m
# benchmarks.images`): 120.1 nats as drawn on the right, 90.4 with the 26, 90.6 for the powers of two. A test of
# causality finds nothing in the first: nothing leaks, something is lost.
#
# On the scoreboard it is level with NADE and MADE, on a quarter of NADE's numbers, and behind the networks that
# are built of rows and columns.

# %% [markdown]
# ## Play
#
# A stack of convolutions over 32 samples and what reaches one output. Blue samples come before the one that
# the output is about, vermilion ones don't.

# %% demo
from lib.controls.dilations import draw_dilations

draw_dilations()
plt.show()

# %% demo
from lib.controls.dilations import dilations

dilations()

# %% [markdown]
# Things to try (run the cell above in Jupyter to get the controls):
#
# 1. Kernel size 2, dilations 1, 2, 4, ...: how does the number of blue samples grow with the layers? And with
#    1, 1, 1, ...?
# 2. Kernel size 2, dilations 1, 3, 9: the receptive field is larger. What happened to the samples in between?
#    Which kernel size do these dilations belong to?
# 3. Move the output to 5. What do the paths that leave on the left find there?
# 4. Pad both sides. Which outputs leak now: all of them? Take the shift away as well. With kernel size 2 and
#    one layer: what does "both sides" mean for an even kernel?
# 5. Left padding, no shift. One leak, always the same one. Which lesson's mistake is it?

# %% [markdown]
# ## Spot the causality bug
#
# Four networks over six samples, from four colleagues. Each returns one number per sample, `(6,)` for `(6,)`;
# number $t$ is what the prediction of sample $t$ is made from. All of it has happened.

# %%
numbers = torch.Generator().manual_seed(6)
THREE, TWO, OTHER = (torch.randn(k, generator=numbers) for k in (3, 2, 2))  # kernels; the last tap is the latest
PITCH = torch.randn(6, generator=numbers)  # a local condition, known beforehand: the pitch of each sample


def conv(x, kernel, dilation=1, left=0, right=0):
    """Pad (T,) with zeros on the left and on the right, then convolve; (T + left + right - (K - 1) * dilation,)."""
    padded = torch.nn.functional.pad(x, (left, right))[None, None]
    return torch.nn.functional.conv1d(padded, kernel[None, None], dilation=dilation)[0, 0]


def late(x):
    """Each sample one step later, silence first."""
    return torch.cat([torch.zeros(1), x[:-1]])


def candidate_A(x):  # "padding 'same', and the length stays what it was"
    h = torch.tanh(conv(late(x), THREE, dilation=2, left=2, right=2))
    return conv(h, TWO, dilation=1, left=1)


def candidate_B(x):  # "at each step I tell it the pitch of the sample to come, not of the one it has just heard"
    h = torch.tanh(conv(late(x), TWO, dilation=1, left=1) + PITCH)
    return conv(h, OTHER, dilation=2, left=2)


def candidate_C(x):  # "every convolution is padded on the left only"
    h = torch.tanh(conv(x, TWO, dilation=1, left=1))
    return conv(h, OTHER, dilation=2, left=2)


def candidate_D(x):  # "causal, and normalised, which makes the training stable"
    h = conv(late(x), TWO, dilation=1, left=1)
    h = torch.tanh((h - h.mean()) / h.std())
    return conv(h, OTHER, dilation=2, left=2)

# %% [markdown]
# Decide first with a finger on the taps, then let the probe confirm it, as here for a sound one. **Positions
# count from 0.**

# %% demo
def sound(x):
    return conv(torch.tanh(conv(late(x), TWO, dilation=1, left=1)), OTHER, dilation=2, left=2)


found = dependence(sound, torch.randn(6, generator=torch.Generator().manual_seed(1)))
figure, ax = plt.subplots(figsize=(3.1, 3.0))
plots.dependence_matrix(found, ax=ax, title="a sound one")
plt.show()
print(describe(leaks(found)))

# %% [markdown]
# ### Exercise: what leaks into what
#
# For each candidate, list the leaks as pairs `(output, input)`; an empty list if there is none.
#
# <details><summary>Hint</summary>
#
# A: which of the shifted samples does `h[3]` read, and which samples are they before the shift? Mind both
# ends. C: what is missing, compared with the sound one? D: whose values does the mean need, and is there a
# sample that nobody ever reads?
# </details>

# %% exercise found_leaks
leaks_A = None  # replace each None by a list of pairs (output, input), [] if there is no leak
leaks_B = None
leaks_C = None
leaks_D = None
### BEGIN SOLUTION
leaks_A = [(0, 1), (1, 1), (1, 2), (2, 2), (2, 3), (3, 3), (3, 4), (4, 4)]
leaks_B = []  # the condition is not made from the samples
leaks_C = [(t, t) for t in range(6)]  # no shift
leaks_D = [(t, s) for t in range(6) for s in range(t, 5)]  # the mean knows all but the last sample
### END SOLUTION

# %% check found_leaks 2 points
for name, value in {"A": leaks_A, "B": leaks_B, "C": leaks_C, "D": leaks_D}.items():
    typed(value, f"leaks_{name}")
    pairs = [np.shape(pair) for pair in value]
    assert all(shape == (2,) for shape in pairs), f"leaks_{name}: a list of pairs, such as [(0, 2), (1, 2)]"
### BEGIN HIDDEN TESTS
from autograder.checks import wavenet as checks
checks.check_found_leaks(leaks_A, leaks_B, leaks_C, leaks_D)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: no leak, and still wrong
#
# Two more colleagues have written a fast sampler beside their network. All four functions are causal; the
# probe has nothing to say. For the same eight samples `x`, `score` gives the network's outputs, and `draw`
# what the sampler computes, step by step, when just these samples come out. They should be equal. At which
# steps can they differ? Type two lists of steps, from 0 to 7.

# %%
GATE_BIAS = 1.5


def score_E(x):
    f, g = (conv(late(x), kernel, dilation=2, left=2) for kernel in (TWO, OTHER))
    return torch.tanh(f) * torch.sigmoid(g + GATE_BIAS)


def draw_E(x):  # "one sample at a time, with a queue"
    queue, out = [0.0, 0.0], []
    for now in late(x).tolist():
        h = {"filter": TWO[0] * queue[0] + TWO[1] * now, "gate": OTHER[0] * queue[0] + OTHER[1] * now}
        h["gate with bias"] = h["gate"] + GATE_BIAS
        out.append(torch.tanh(h["filter"]) * torch.sigmoid(h["gate"]))
        queue = [queue[1], now]
    return torch.stack(out)


def network_F(heard):
    return conv(torch.tanh(conv(heard, TWO, dilation=1, left=1)), OTHER, dilation=4, left=4)


def score_F(x):
    return network_F(late(x))


def draw_F(x):  # "it has to begin with something: code 0" (which stands for -1)
    return network_F(torch.cat([torch.tensor([-1.0]), x[:-1]]))

# %% [markdown]
# <details><summary>Hint</summary>
#
# Call both for a few random `x`, and compare. Then explain what you see: in E, what is the filter's output
# where nothing has been heard yet? In F, on which paths does the first input come up through two layers?
# </details>

# %% exercise not_leaks
differs_E = None  # replace None by a list of steps
differs_F = None  # replace None by a list of steps
### BEGIN SOLUTION
x = torch.randn(8, generator=torch.Generator().manual_seed(3))
differs_E = [t for t in range(8) if not torch.isclose(score_E(x)[t], draw_E(x)[t])]  # at 0 the filter says 0
differs_F = [t for t in range(8) if not torch.isclose(score_F(x)[t], draw_F(x)[t])]  # taps at 0, 1 and 0, 4 steps back
### END SOLUTION

# %% check not_leaks 1 point
for name, value in {"differs_E": differs_E, "differs_F": differs_F}.items():
    assert all(t in range(8) for t in typed(value, name)), f"{name}: a list of steps, from 0 to 7"
### BEGIN HIDDEN TESTS
from autograder.checks import wavenet as checks
checks.check_not_leaks(differs_E, differs_F)
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Where all this was found (open it when your answers are in)</summary>
#
# - **A**: padding on both sides (issue 1 of github.com/peustr/wavenet; its author agreed four years later.
#   TensorFlow's own model garden had it in a video network, issue 10062 of github.com/tensorflow/models).
# - **B** is sound, though people wonder: a condition is known beforehand, so the network may have the one of
#   the very sample it predicts (issue 198 of github.com/ibab/tensorflow-wavenet). The shift to the *right*
#   has been suspected, too; whoever asked found the answer alone, the same day (issue 1865 of
#   github.com/magenta/magenta).
# - **C**: no shift (reported in issue 12 of github.com/golbin/WaveNet). "Error dropped rapidly all the way to
#   zero. Then I generated from it and got white noise", wrote a tester of another WaveNet, and drew the right
#   conclusion: the net must be seeing the future (pull request 88 of github.com/ibab/tensorflow-wavenet).
# - **D**: statistics over time. A network for speech with `causal=True` was not, since its normalisation took
#   the mean over all frames (issue 5900 of github.com/espnet/espnet).
# - **E**: the gate's bias was added to a variable that nobody used, in the fast path only (pull request 126
#   of github.com/ibab/tensorflow-wavenet). "I'm not sure why this problem didn't cause the unit tests to
#   fail", wrote the maintainer, and was told that the tests of generation looked at sizes and ranges.
#   Only at step 0 nothing shows: the filter has heard nothing, and tanh(0) times any gate is 0.
# - **F**: zeros where silence should be. In mu-law codes, silence is 128 (issue 19 of github.com/xiph/LPCNet:
#   noise at the start of each clip; issue 55 of github.com/Rayhane-mamah/Tacotron-2).
#   The first input comes up by taps 0 or 1 step back, and then 0 or 4: to the outputs 0, 1, 4 and 5. After
#   that the clip is over it, and a test of its end sees nothing.
#
# </details>

# %% [markdown]
# ### Exercise: repair A
#
# Keep A's kernels and dilations, for one layer or more, and make it causal: output $t$ knows the samples
# before $t$ that its taps can reach, all of them, and nothing else. These samples are air pressures, not
# codes, so before the first one stands 0.0, for the shift as for the padding.
#
# <details><summary>Hint</summary>
#
# Which zeros have to move, and which had better stay where they are? How often should the samples be shifted?
# </details>

# %% exercise repaired_A
def repaired_A(x, kernels, dilations):
    """A stack of one-channel convolutions with a tanh between each two layers (not after the last), made causal.

    x : (B, T). kernels : list of tensors (K_l,), the last tap is the latest; sizes may differ. dilations : list of ints.
    Returns (B, T): entry t is about sample t, and depends on samples before t only.
    """
    ### BEGIN SOLUTION
    h = torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], dim=1)[:, None]
    for layer, (kernel, d) in enumerate(zip(kernels, dilations, strict=True)):
        h = torch.nn.functional.pad(torch.tanh(h) if layer else h, ((len(kernel) - 1) * d, 0))
        h = torch.nn.functional.conv1d(h, kernel[None, None], dilation=d)
    return h[:, 0]
    ### END SOLUTION

# %% check repaired_A 2 points
six = torch.randn(6, generator=torch.Generator().manual_seed(1))
found = dependence(lambda x: np.asarray(repaired_A(x[None], [THREE, TWO], [2, 1]))[0], six)
assert leaks(found) == [], f"it still leaks: {describe(leaks(found))}"
assert found[1, 0] and found[5].sum() == 5, "output 1 should know sample 0, and output 5 all five samples before it"
two = np.asarray(repaired_A(torch.tensor([[1.0, 3.0, 0.0]]), [torch.tensor([1.0, 2.0]), torch.tensor([3.0])], [1, 1]))
assert np.allclose(two, [[0, 3 * np.tanh(2), 3 * np.tanh(7)]]), "at step 2: 1 * 1 + 2 * 3 = 7, a tanh, times 3"
### BEGIN HIDDEN TESTS
from autograder.checks import wavenet as checks
checks.check_repaired_A(repaired_A)
### END HIDDEN TESTS

# %% [markdown]
# ## Take it with you
#
# ### Pitfalls
#
# - **Padding on both sides.** `padding="same"` and the argument `padding=` of PyTorch's convolutions pad
#   both. Pad on the left yourself; for a library's layer, probe it.
# - **No shift, or two.** Without it the loss is wonderful and the samples are noise. With two, each sample is
#   predicted without the one just before it: sound, and much worse.
# - **256 or 255.** $\mu$ is one less than the number of levels. With $\mu = 256$ the loudest sample becomes
#   code 256, the 257th (issue 64 of github.com/r9y9/wavenet_vocoder, which compared with the paper).
# - **A queue that is shared.** If a step changes the queue it was given, two continuations from the same
#   moment disturb each other. And set it back to zeros before the next clip.
# - **Fast and slow drift apart.** Every fast path needs a test that compares it with the plain one, from the
#   *first* sample on, for several kernel sizes and dilations. Listening tells you that something is wrong,
#   and never where.
# - **The most likely sample.** Take it each time and you get silence, or a drone: the single most likely
#   thing after silence is silence. Draw.
# - **A mean over time.** Normalising a whole clip by its loudness *before* training is fine, if the model is
#   told nothing of it. Inside the network, the mean of a layer over time is a look ahead.
# - **Bits per sample of different data.** 16 kHz or 8, 8 bits or 16, with or without the silences at both
#   ends: each is another number. Say which.
#
# ### Self-check: six questions

# %% practice
from lib.practice import choice, numeric, quiz

quiz(
    numeric(
        "Kernel size 2, dilations 1, 2, 4, ..., 512. How many milliseconds does one output hear at 8 kHz?",
        128, "1 + (1 + 2 + ... + 512) = 1024 samples, and 8 of them make a millisecond.", tolerance=0.5,
        hint="Not yet: add up the dilations, add one for now, and divide by 8.",
    ),
    choice(
        "Every convolution is padded on the left only, and output t is compared with sample t. What is missing?",
        "The shift: the last tap of the first layer reads sample t itself.",
        "A causal convolution may look at its own now. One strict step must come somewhere; here it is the shift.",
        {
            "Nothing: left padding makes it causal.": "Causal, yes; but each output still hears what it is about.",
            "A mask on the kernels.": "Left padding does what masks do, and the diagonal is still open.",
            "A bias.": "That is a constant, and it leaks nothing.",
        },
    ),
    choice(
        "Why codes and a softmax, and not a mean and a spread?",
        "A softmax can put its mass anywhere: on two humps, on one code, evenly.",
        "After some sounds the next sample is either here or there, and a Gaussian would bet on the middle.",
        {
            "Because 256 numbers are fewer than one real number.": "They are more outputs, not fewer.",
            "Because a Gaussian's likelihood can't be computed.": "It can; RNADE in lesson 3 did.",
            "Because codes make the network causal.": "Causality comes from connections.",
        },
    ),
    numeric(
        "A layer has kernel size 3 and dilation 8. How many inputs does its queue hold, per channel?",
        16, "(K - 1) * d = 16: the taps reach 8 and 16 steps back.", tolerance=0.1,
        hint="Not yet: how far back does the oldest tap reach?",
    ),
    choice(
        "You tell the network the mel frame of the very stretch of sound it is about to produce. A leak?",
        "No: the condition is given beforehand and stands outside the chain rule.",
        "p(x | c) is a product over x only. What is computed from c may see all of c.",
        {
            "Yes, frames have to be shifted as well.": "Only samples are shifted: only they are predicted.",
            "Yes: in training the frame was computed from the target.": "It was. In use it is given; the model is one of x given c.",
            "Only if the hop is larger than one.": "The hop makes no difference.",
        },
    ),
    choice(
        "What do queues change?",
        "What a drawn sample costs. The distribution, and the samples for given uniforms, stay the same.",
        "Every number that the queue holds is one that the plain way would compute again.",
        {
            "Samples can be drawn side by side.": "They still come one after the other.",
            "Training is faster.": "In training all inputs are there, and one pass does it.",
            "The receptive field grows.": "It is that of the network.",
        },
    ),
)

# %% [markdown]
# ### Flashcards

# %% practice
from lib.practice import flashcards

flashcards(
    [
        ("Causal convolution", "Pad (K - 1) * dilation zeros on the left, none on the right; the last tap is now"),
        ("Receptive field", "1 + (K - 1) * sum of the dilations"),
        ("Dilations 1, 2, 4, ... with two taps", "One path to each of the last 2^L samples: binary numbers"),
        ("mu-law", "y = sign(x) ln(1 + mu |x|) / ln(1 + mu), mu = n - 1; then n even levels of y"),
        ("Silence in 256 codes", "128, never 0"),
        ("Teacher forcing for sound", "Inputs: silence, x_1, ..., x_{T-1}. Targets: x_1, ..., x_T"),
        ("Gated unit", "tanh(filter) * sigmoid(gate), two convolutions, each with its part of the condition"),
        ("Global and local condition", "The same for the whole clip; one frame per hop, upsampled. Both may look ahead"),
        ("Residual and skip", "Add to the next layer's input; add to the output. Both 1x1"),
        ("Queue of a layer", "Its last (K - 1) * dilation inputs; each step costs one product per layer"),
        ("Bits per sample", "Mean NLL / ln 2; 8 for raw mu-law codes"),
    ],
    title="WaveNet",
)

# %% [markdown]
# ### The one-line version
#
# **Shift the sound by one, stack convolutions that look back 1, 2, 4, 8, ... steps, end in a softmax over 256
# loudnesses: one pass scores a second of sound, and with queues each new sample costs one small product per
# layer.**
#
# ### Further reading
#
# - A. van den Oord et al., *WaveNet: A Generative Model for Raw Audio*, 2016 (arXiv 1609.03499). The paper of
#   this lesson.
# - T. L. Paine et al., *Fast Wavenet Generation Algorithm*, 2016 (arXiv 1611.09482). The queues.
# - F. Yu & V. Koltun, *Multi-Scale Context Aggregation by Dilated Convolutions*, ICLR 2016 (arXiv
#   1511.07122). Dilation, for images.
# - B. S. Atal & S. L. Hanauer, *Speech Analysis and Synthesis by Linear Prediction of the Speech Wave*, JASA
#   50, 1971. The first figure of this lesson, half a century ago.
# - J. Shen et al., *Natural TTS Synthesis by Conditioning WaveNet on Mel Spectrogram Predictions*, ICASSP
#   2018 (arXiv 1712.05884). Tacotron 2.
# - A. van den Oord et al., *Parallel WaveNet: Fast High-Fidelity Speech Synthesis*, ICML 2018 (arXiv
#   1711.10433). A network that learns to draw all samples at once from one that can't.
# - N. Kalchbrenner et al., *Efficient Neural Audio Synthesis*, ICML 2018 (arXiv 1802.08435). WaveRNN: one
#   recurrent layer, made fast enough for a phone.
# - S. Mehri et al., *SampleRNN*, ICLR 2017 (arXiv 1612.07837). The same problem by recurrence at several
#   speeds.
# - J. Engel et al., *Neural Audio Synthesis of Musical Notes with WaveNet Autoencoders*, ICML 2017 (arXiv
#   1704.01279). Notes instead of voices.
# - ITU-T Recommendation G.711, *Pulse Code Modulation of Voice Frequencies*. The mu-law of the telephone, in
#   pieces of straight lines.
#
# Next: what a WaveNet hears is settled before it has heard anything: a fixed stretch, in a fixed pattern. In a text the
# word that matters may stand anywhere. Lesson 7 lets every step look at all steps before it, and the data choose which.
