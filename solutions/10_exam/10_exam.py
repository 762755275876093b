# %% [markdown]
# # 10 · The final exam
#
# **Promise.** After this exam you can say which of the nine lessons you have made your own: twelve questions, drawn for you by your
# name, which decides what is asked and with which numbers.
#
# **Time.** Two hours. **Allowed.** The lessons and their `lib`, your notes and answers, a calculator, and as many cells of your own as you like.
#
# - Type your name below, as you type it everywhere in this course. It decides the questions, and the grader draws them again from
#   the same name.
# - Each question gives 5 points or none. Numbers count within what is stated under the question, so keep a digit more than that on
#   the way; nats are natural logarithms.
# - The test below each answer says whether your answer *has the right form*, and nothing about whether it is right. Type probabilities
#   as numbers from 0 to 1.

# %%
import math
import sys

import numpy as np

sys.path.insert(0, "../..")  # `lib` is the one of the folder that this notebook lies in
from lib.causality import dependence, leaks
from lib.errors import short_errors
from lib.exam import question

short_errors()

# %% exercise student_name
student_name = None  # your name, in quotes
### BEGIN SOLUTION
student_name = "Ada Lovelace"
### END SOLUTION

# %% [markdown]
# ## Question 1: the chain rule

# %% demo
question(student_name, 1)

# %% exercise answer_01
answer_01 = None  # replace None by your answer
### BEGIN SOLUTION
mine = question(student_name, 1)
n = mine.numbers
if mine.kind == "reverse":
    rows = np.array(n["rows"]) / 100
    ends = np.array(n["first"]) / 100 * (rows @ rows)[:, n["end"]]  # p(first, third)
    answer_01 = ends[n["start"]] / ends.sum()
elif mine.kind == "joint":
    table = np.array(n["cells"]).reshape(2, 2, 2)
    of, given = ("ABC".index(name) for name in (n["of"], n["given"]))
    pair = table.sum(axis=3 - of - given)  # A before B before C
    pair = pair if of < given else pair.T
    answer_01 = pair[n["value"], n["known"]] / pair[:, n["known"]].sum()
else:
    above = {0: [], **n["parents"]}
    answer_01 = sum((n["sizes"][k] - 1) * math.prod(n["sizes"][s] for s in above[k]) for k in range(5))
### END SOLUTION

# %% check answer_01 5 points
question(student_name, 1).read(answer_01)  # its form, and no more
### BEGIN HIDDEN TESTS
from autograder.checks import exam as checks
checks.check_answer_01(student_name, answer_01)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 2: negative log-likelihood

# %% demo
question(student_name, 2)

# %% exercise answer_02
answer_02 = None  # replace None by your answer
### BEGIN SOLUTION
mine = question(student_name, 2)
n = mine.numbers
if mine.kind == "corpus":
    answer_02 = math.exp(np.mean([-math.log(p) for sentence in n["sentences"] for p in sentence]))
elif mine.kind == "bits":
    answer_02 = n["total"] / (3 * n["side"] * n["side"] * n["images"]) * math.log2(math.e)
else:
    p, q = np.array(n["p"]) / 100, np.array(n["q"]) / 100
    answer_02 = -(p * np.log(q)).sum() + (p * np.log(p)).sum()  # cross-entropy minus entropy
### END SOLUTION

# %% check answer_02 5 points
question(student_name, 2).read(answer_02)  # its form, and no more
### BEGIN HIDDEN TESTS
from autograder.checks import exam as checks
checks.check_answer_02(student_name, answer_02)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 3: NADE

# %% demo
question(student_name, 3)

# %% exercise answer_03
answer_03 = None  # replace None by your answer
### BEGIN SOLUTION
mine = question(student_name, 3)
n = mine.numbers
if mine.kind == "cost":
    # D (D - 1) / 2 pixels to add for every hidden unit, against D; V costs the same in both.
    answer_03 = n["hidden"] * (n["pixels"] * (n["pixels"] - 1) // 2 - n["pixels"])
elif mine.kind == "nade":
    sums = np.array(n["c"]) + np.array(n["W"])[:, :3] @ n["x"][:3]
    answer_03 = 1 / (1 + math.exp(-n["b"] - n["V"] @ (1 / (1 + np.exp(-sums)))))
else:
    logits = np.array(n["b"]) + np.tril(n["W"], -1) @ n["x"]
    signs = 2 * np.array(n["x"]) - 1
    answer_03 = np.log1p(np.exp(-signs * logits)).sum()
### END SOLUTION

# %% check answer_03 5 points
question(student_name, 3).read(answer_03)  # its form, and no more
### BEGIN HIDDEN TESTS
from autograder.checks import exam as checks
checks.check_answer_03(student_name, answer_03)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 4: MADE

# %% demo
question(student_name, 4)

# %% exercise answer_04
answer_04 = None  # replace None by your answer
### BEGIN SOLUTION
mine = question(student_name, 4)
n = mine.numbers
if mine.kind == "sees":
    # The best unit of the second layer is the one of highest degree below the output's; the same again below it.
    second = max((m for m in n["hidden"][1] if m < n["degrees"][n["output"]]), default=0)
    first = max((m for m in n["hidden"][0] if m <= second), default=0)
    answer_04 = [i for i, m in enumerate(n["degrees"]) if m <= first]
elif mine.kind == "paths":
    # A unit of degree m in the first layer has m inputs, one in the second 5 - m outputs.
    answer_04 = sum(a * (5 - b) for a in n["hidden"][0] for b in n["hidden"][1] if b >= a)
else:
    answer_04 = math.log(4) - np.logaddexp.reduce(n["logs"])
### END SOLUTION

# %% check answer_04 5 points
question(student_name, 4).read(answer_04)  # its form, and no more
### BEGIN HIDDEN TESTS
from autograder.checks import exam as checks
checks.check_answer_04(student_name, answer_04)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 5: PixelCNN

# %% demo
question(student_name, 5)

# %% exercise answer_05
answer_05 = None  # replace None by your answer
### BEGIN SOLUTION
mine = question(student_name, 5)
n = mine.numbers
if mine.kind == "row above":
    left = n["first"] + n["layers"] * n["others"]
    # `up` layers go up and to the right. With the first among them, or without: then it has to step to the left.
    some = max(n["first"] + (n["up"] - 1) * n["others"], n["up"] * n["others"] - 1)
    right = left if n["up"] > n["layers"] else some
    answer_05 = left + right + 1 if n["up"] <= left else 0
elif mine.kind == "posterior":
    scores = np.log(n["prior"]) + n["logs"]
    answer_05 = np.exp(scores[n["asked"]] - np.logaddexp.reduce(scores))
else:
    half, middle = 1 / (n["n"] - 1), 2 * n["value"] / (n["n"] - 1) - 1
    a, b = ((middle + step - n["mean"]) / n["scale"] for step in (-half, half))
    a, b = -np.inf if n["value"] == 0 else a, np.inf if n["value"] == n["n"] - 1 else b
    answer_05 = 1 / (1 + np.exp(-b)) - 1 / (1 + np.exp(-a))
### END SOLUTION

# %% check answer_05 5 points
question(student_name, 5).read(answer_05)  # its form, and no more
### BEGIN HIDDEN TESTS
from autograder.checks import exam as checks
checks.check_answer_05(student_name, answer_05)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 6: WaveNet

# %% demo
question(student_name, 6)

# %% exercise answer_06
answer_06 = None  # replace None by your answer
### BEGIN SOLUTION
mine = question(student_name, 6)
n = mine.numbers
if mine.kind == "hears":
    samples = n["front"] + n["blocks"] * (n["kernel"] - 1) * (2 ** n["layers"] - 1)
    answer_06 = 1000 * samples / n["rate"]
elif mine.kind == "mu-law":
    mu = n["n"] - 1
    y = math.copysign(math.log1p(mu * abs(n["x"])) / math.log1p(mu), n["x"])
    answer_06 = math.floor((y + 1) / 2 * mu + 0.5)
else:
    answer_06 = n["channels"] * n["blocks"] * (n["kernel"] - 1) * (2 ** n["layers"] - 1)
### END SOLUTION

# %% check answer_06 5 points
question(student_name, 6).read(answer_06)  # its form, and no more
### BEGIN HIDDEN TESTS
from autograder.checks import exam as checks
checks.check_answer_06(student_name, answer_06)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 7: the transformer

# %% demo
question(student_name, 7)

# %% exercise answer_07
answer_07 = None  # replace None by your answer
### BEGIN SOLUTION
mine = question(student_name, 7)
n = mine.numbers
if mine.kind == "cache":
    of_a_token = 2 * n["layers"] * n["groups"] * n["head"] * n["itemsize"]
    answer_07 = n["memory"] * 2**30 // (n["texts"] * of_a_token)
elif mine.kind == "rope":
    # Only the difference of the positions counts: turn the query by it.
    angle = math.radians(n["degrees"]) * (n["at"] - n["key_at"])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    answer_07 = turn @ n["q"] @ n["k"]
else:
    seen = slice(0, n["t"] + 1)
    scores = np.array(n["products"])[seen] / math.sqrt(n["size"])
    weights = np.exp(scores - scores.max())
    answer_07 = weights @ np.array(n["values"])[seen] / weights.sum()
### END SOLUTION

# %% check answer_07 5 points
question(student_name, 7).read(answer_07)  # its form, and no more
### BEGIN HIDDEN TESTS
from autograder.checks import exam as checks
checks.check_answer_07(student_name, answer_07)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 8: sampling

# %% demo
question(student_name, 8)

# %% exercise answer_08
answer_08 = None  # replace None by your answer
### BEGIN SOLUTION
mine = question(student_name, 8)
n = mine.numbers
if mine.kind == "nucleus":
    squares = np.square(n["percents"]) / np.square(n["percents"]).sum()
    falling = np.argsort(-squares)
    size = int((np.cumsum(squares[falling]) < n["p"]).sum()) + 1
    answer_08 = falling[:size].tolist()
elif mine.kind == "speculative":
    accepted = np.minimum(n["p"], n["q"]).sum() / 100
    answer_08 = (1 - accepted ** (n["drafted"] + 1)) / (1 - accepted)  # 1 + a + a^2 + ...
else:
    # p(first) p(second) / (what is valid after first), over p(first) p(second) / (what is valid at all)
    after = [sum(n["rows"][i][j] for j in n["allowed"][i]) / 100 for i in range(3)]
    valid = sum(p / 100 * share for p, share in zip(n["first"], after, strict=True))
    answer_08 = valid / after["ABC".index(n["asked"][0])]
### END SOLUTION

# %% check answer_08 5 points
question(student_name, 8).read(answer_08)  # its form, and no more
### BEGIN HIDDEN TESTS
from autograder.checks import exam as checks
checks.check_answer_08(student_name, answer_08)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 9: what it costs

# %% demo
question(student_name, 9)

# %% exercise answer_09
answer_09 = None  # replace None by your answer
### BEGIN SOLUTION
mine = question(student_name, 9)
n = mine.numbers
if mine.kind == "state":
    # Heads and layers are the same for both.
    answer_09 = n["key"] * (n["value"] + 1) // (n["key"] + n["value"]) + 1
elif mine.kind == "window":
    beyond = n["n"] - n["window"]  # the last token misses so many, the one before it one less, ...
    answer_09 = beyond * (beyond + 1) // 2
elif mine.kind == "scheduled":
    a, b, c, d = n["cells"]
    true = n["cells"][2 * n["first"] + n["second"]] / (c + d if n["first"] else a + b)
    marginal = (b + d if n["second"] else a + c) / 100
    answer_09 = (1 - n["share"] / 100) * true + n["share"] / 100 * marginal
else:
    answer_09 = np.mean([n["pixels"] * s / (n["pixels"] - t) for t, s in zip(n["known"], n["sums"], strict=True)])
### END SOLUTION

# %% check answer_09 5 points
question(student_name, 9).read(answer_09)  # its form, and no more
### BEGIN HIDDEN TESTS
from autograder.checks import exam as checks
checks.check_answer_09(student_name, answer_09)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 10: three ideas

# %% demo
question(student_name, 10)

# %% exercise answer_10
answer_10 = None  # replace None by your answer
### BEGIN SOLUTION
right = """
How hard the conditionals are for a small network
Its order of generation is better than the one in which the data were made
Sampling has no inputs before it has made them
Nothing wrong: a density may exceed 1
The comparison of the hidden layers, at the output layer
The product underflows to 0
A second stack, which sees the rows above in full and feeds the first
It is a proper distribution, which can draw colours that never occur
That neighbouring values have similar probabilities
One
When allowed scores lie some 10 000 below forbidden ones
They stay
No token's representation depends on later tokens
The most probable sequence may have become impossible
No: the normalisers depend on the past
What its own mistakes do to what it writes next
A higher one, since it has more to learn
Like t
A flow of Gaussian conditionals
Each conditional depends only on what comes earlier in some order
exact, with only a quarter of the passes
None of the other three
""".strip().splitlines()
mine = question(student_name, 10)
answer_10 = "".join("ABCD"[[option in right for option in options].index(True)] for options in mine.numbers["options"])
### END SOLUTION

# %% check answer_10 5 points
question(student_name, 10).read(answer_10)  # its form, and no more
### BEGIN HIDDEN TESTS
from autograder.checks import exam as checks
checks.check_answer_10(student_name, answer_10)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 11: which of them leak?

# %% demo
question(student_name, 11)

# %% exercise answer_11
answer_11 = None  # replace None by your answer
### BEGIN SOLUTION
answer_11 = []
for letter, model in question(student_name, 11).models.items():
    seen = dependence(model, model.x, n_values=model.n_values)
    # D to G predict the next input, and may see the one at their own place.
    answer_11.append(len(leaks(seen, model.order, sees_itself=letter in "DEFG")))
### END SOLUTION

# %% check answer_11 5 points
question(student_name, 11).read(answer_11)  # its form, and no more
### BEGIN HIDDEN TESTS
from autograder.checks import exam as checks
checks.check_answer_11(student_name, answer_11)
### END HIDDEN TESTS

# %% [markdown]
# ## Question 12: write a function

# %% demo
question(student_name, 12)

# %% exercise answer_12
def answer_12(T):
    """The mask that question 12 describes, for T positions. Returns bool (T, T): [t, s] is True where output t may depend on input s."""
    ### BEGIN SOLUTION
    mine = question(student_name, 12)
    n = mine.numbers
    t, s = np.arange(T)[:, None], np.arange(T)
    if mine.kind == "sinks":
        return (s <= t) & ((t - s < n["window"]) | (s < n["sinks"]))
    if mine.kind == "taps":
        return np.isin(t - s, np.add.outer(n["dilation"] * np.arange(n["kernel"]), np.arange(n["first"])))
    if mine.kind == "blocks":
        back = t // n["block"] - s // n["block"]
        return (back >= 1) & (back <= n["back"])
    if mine.kind == "order":
        places = range(T)
        chosen = [p for p in places if p % n["stride"] == n["rest"]]
        others = [p for p in places if p % n["stride"] != n["rest"]]
        rank = np.argsort(chosen + (others[::-1] if n["falling"] else others))
        return rank[:, None] > rank
    prompt = n["prefix"]
    return (s < prompt) | ((t >= prompt) & (s <= t) & (t - s < n["window"]))
    ### END SOLUTION

# %% check answer_12 5 points
question(student_name, 12).read(answer_12)  # its form, and no more
### BEGIN HIDDEN TESTS
from autograder.checks import exam as checks
checks.check_answer_12(student_name, answer_12)
### END HIDDEN TESTS

# %% [markdown]
# ## Before you hand in
#
# Is the name at the top yours, and does every test run without an error? Then save, and hand in this file like that of any lesson.
