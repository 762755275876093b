"""Answers to lesson 03, right and wrong, as students write them."""

import math

import numpy as np
import torch

from autograder.answers import Answers
from lib.byhand import personal_numbers

answers = Answers("03_nade")

# -- fvsbn_logits


@answers.right("fvsbn_logits", "a loop over pixels")
def _(x, W, b):
    logits = torch.zeros_like(x)
    for d in range(x.shape[1]):
        logits[:, d] = b[d] + x[:, :d] @ W[d, :d]
    return logits


@answers.right("fvsbn_logits", "a mask, einsum")
def _(x, W, b):
    n = len(b)
    mask = torch.arange(n)[None, :] < torch.arange(n)[:, None]
    return torch.einsum("ns,ds->nd", x, torch.where(mask, W, torch.zeros_like(W))) + b


@answers.right("fvsbn_logits", "numpy, float64")
def _(x, W, b):
    x, W, b = (np.asarray(a, dtype=np.float64) for a in (x, W, b))
    return x @ np.tril(W, -1).T + b


@answers.right("fvsbn_logits", "plain Python, nested lists of float32")
def _(x, W, b):
    x, W, b = x.float().tolist(), W.float().tolist(), b.float().tolist()
    return [[b[d] + sum(W[d][s] * row[s] for s in range(d)) for d in range(len(b))] for row in x]


@answers.wrong("fvsbn_logits", "the diagonal stays in")
def _(x, W, b):
    return x @ torch.tril(W).T + b


@answers.wrong("fvsbn_logits", "no mask at all")
def _(x, W, b):
    return x @ W.T + b


@answers.wrong("fvsbn_logits", "not transposed")
def _(x, W, b):
    return x @ torch.tril(W, -1) + b


@answers.wrong("fvsbn_logits", "the upper triangle")
def _(x, W, b):
    return x @ torch.triu(W, 1).T + b


@answers.wrong("fvsbn_logits", "bias forgotten")
def _(x, W, b):
    return x @ torch.tril(W, -1).T


@answers.wrong("fvsbn_logits", "probabilities")
def _(x, W, b):
    return torch.sigmoid(x @ torch.tril(W, -1).T + b)


@answers.wrong("fvsbn_logits", "the nearest earlier pixel only")
def _(x, W, b):
    logits = b.expand(len(x), -1).clone()
    for d in range(1, len(b)):
        logits[:, d] += W[d, d - 1] * x[:, d - 1]
    return logits


@answers.wrong("fvsbn_logits", "zeroes the forbidden entries of the given W")
def _(x, W, b):
    W.tril_(-1)
    return x @ W.T + b


@answers.wrong("fvsbn_logits", "three pixels, as in the example")
def _(x, W, b):
    return torch.stack([b[0] + 0 * x[:, 0], b[1] + W[1, 0] * x[:, 0], b[2] + W[2, 0] * x[:, 0] + W[2, 1] * x[:, 1]], 1)


@answers.wrong("fvsbn_logits", "takes what is forbidden away afterwards, which large entries drown")
def _(x, W, b):
    return (x.float() @ W.float().T + b.float()) - x.float() @ torch.triu(W).float().T


@answers.wrong("fvsbn_logits", "kept in an array of integers")
def _(x, W, b):
    logits = np.zeros(x.shape, dtype=int)
    for d in range(x.shape[1]):
        logits[:, d] = b[d] + x[:, :d] @ W[d, :d]
    return logits


@answers.wrong("fvsbn_logits", "adds to the bias that it is given")
def _(x, W, b):
    logits = x @ torch.tril(W, -1).T
    b += 0.1
    return logits + b - 0.1


# -- logit_mine
# Ada Lovelace draws 4, 4, 2, 2, 1, 6, 3, 1, 3, 1, 3: W = [[4, -4, 2], [-2, 1, 6]], c = [-3, 1], v = [3, -1], b = -3.


def _own_logit(name):
    k = personal_numbers(name, "03", 1, 6, 11)
    h = [1 / (1 + math.exp(-(k[0] - k[6]))), 1 / (1 + math.exp(-(k[7] - k[3])))]
    return k[8] * h[0] - k[9] * h[1] - k[10]


ADA = "Ada Lovelace"
answers.right("logit_mine", "by pocket calculator", student_name=ADA, logit_mine=-1.0757)
answers.right("logit_mine", "rounded to two decimals", student_name=ADA, logit_mine=-1.08)
answers.right("logit_mine", "a torch scalar", student_name=ADA, logit_mine=torch.tensor(-1.0757))
answers.right("logit_mine", "name in small letters", student_name=" ada  lovelace", logit_mine=np.float32(-1.0757))

answers.wrong("logit_mine", "the probability", student_name=ADA, logit_mine=0.2543)
answers.wrong("logit_mine", "the sign turned", student_name=ADA, logit_mine=1.0757)
answers.wrong("logit_mine", "pixel 3 in its own sum", student_name=ADA, logit_mine=-3 + 3 * 0.9526 - 0.9933)
answers.wrong("logit_mine", "the unlit pixel added", student_name=ADA, logit_mine=-3 + 3 * 0.0474 - 0.5)
answers.wrong("logit_mine", "no sigmoid", student_name=ADA, logit_mine=-3 + 3 * 1 - (-1))
answers.wrong("logit_mine", "c forgotten", student_name=ADA, logit_mine=-3 + 3 * 0.9820 - 0.1192)
answers.wrong("logit_mine", "b forgotten", student_name=ADA, logit_mine=1.9243)
answers.wrong("logit_mine", "only c", student_name=ADA, logit_mine=-3 + 3 * 0.0474 - 0.7311)
answers.wrong("logit_mine", "a neighbour's answer", student_name="Grace Hopper", logit_mine=-1.0757)
answers.wrong("logit_mine", "rounded too much", student_name=ADA, logit_mine=-1.1)
answers.wrong("logit_mine", "in words", student_name=ADA, logit_mine="about -1.08")

answers.personal["logit_mine"] = _own_logit

# -- nade_logits


@answers.right("nade_logits", "the running sum, stacked")
def _(x, W, V, b, c):
    a = c.repeat(len(x), 1)
    columns = []
    for d in range(x.shape[1]):
        columns.append(b[d] + (torch.sigmoid(a) * V[d]).sum(dim=1))
        a = a + torch.outer(x[:, d], W[:, d])
    return torch.stack(columns, dim=1)


@answers.right("nade_logits", "all sums at once by cumsum")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    a = c + added.cumsum(dim=1) - added
    return (torch.sigmoid(a) * V).sum(dim=-1) + b


@answers.right("nade_logits", "numpy, each sum from scratch: slow and right")
def _(x, W, V, b, c):
    x, W, V, b, c = (np.asarray(t) for t in (x, W, V, b, c))
    logits = np.zeros(x.shape, dtype=x.dtype)
    for d in range(x.shape[1]):
        h = 1 / (1 + np.exp(-(c + x[:, :d] @ W[:, :d].T)))
        logits[:, d] = b[d] + h @ V[d]
    return logits


@answers.right("nade_logits", "plain Python, one image at a time")
def _(x, W, V, b, c):
    rows = []
    for image in x.tolist():
        a, row = c.tolist(), []
        for d, pixel in enumerate(image):
            h = [1 / (1 + math.exp(-value)) for value in a]
            row.append(float(b[d]) + sum(v * value for v, value in zip(V[d].tolist(), h, strict=True)))
            if pixel:
                a = [value + w for value, w in zip(a, W[:, d].tolist(), strict=True)]
        rows.append(row)
    return rows


@answers.wrong("nade_logits", "inclusive: adds the pixel before its own logit")
def _(x, W, V, b, c):
    a, columns = c.repeat(len(x), 1), []
    for d in range(x.shape[1]):
        a = a + torch.outer(x[:, d], W[:, d])
        columns.append(b[d] + torch.sigmoid(a) @ V[d])
    return torch.stack(columns, dim=1)


@answers.wrong("nade_logits", "an ordinary autoencoder: every pixel sees all")
def _(x, W, V, b, c):
    return torch.sigmoid(x @ W.T + c) @ V.T + b


@answers.wrong("nade_logits", "the sum never grows")
def _(x, W, V, b, c):
    return torch.sigmoid(c.repeat(len(x), 1)) @ V.T + b


@answers.wrong("nade_logits", "the previous pixel only")
def _(x, W, V, b, c):
    columns = []
    for d in range(x.shape[1]):
        a = c + (torch.outer(x[:, d - 1], W[:, d - 1]) if d else 0)
        columns.append(b[d] + torch.sigmoid(a).reshape(-1, len(c)).expand(len(x), -1) @ V[d])
    return torch.stack(columns, dim=1)


@answers.wrong("nade_logits", "hidden bias forgotten")
def _(x, W, V, b, c):
    a, columns = torch.zeros(len(x), len(c), dtype=x.dtype), []
    for d in range(x.shape[1]):
        columns.append(b[d] + torch.sigmoid(a) @ V[d])
        a = a + torch.outer(x[:, d], W[:, d])
    return torch.stack(columns, dim=1)


@answers.wrong("nade_logits", "output bias forgotten")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    return (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1)


@answers.wrong("nade_logits", "no activation")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    return ((c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b


@answers.wrong("nade_logits", "tanh")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    return (torch.tanh(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b


@answers.wrong("nade_logits", "probabilities")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    return torch.sigmoid((torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b)


@answers.wrong("nade_logits", "adds the hidden values up, not what goes into them")
def _(x, W, V, b, c):
    h, columns = torch.sigmoid(c.repeat(len(x), 1)), []
    for d in range(x.shape[1]):
        columns.append(b[d] + h @ V[d])
        h = torch.sigmoid(h + torch.outer(x[:, d], W[:, d]))
    return torch.stack(columns, dim=1)


@answers.wrong("nade_logits", "the sum grows in place and eats the given c")
def _(x, W, V, b, c):
    a, columns = c.expand(len(x), -1) if len(x) > 1 else c[None], []
    if len(x) > 1:
        a = a.clone()
    for d in range(x.shape[1]):
        columns.append(b[d] + torch.sigmoid(a) @ V[d])
        a += torch.outer(x[:, d], W[:, d])
    return torch.stack(columns, dim=1)


@answers.wrong("nade_logits", "one sum for the whole batch")
def _(x, W, V, b, c):
    a, columns = c.clone(), []
    for d in range(x.shape[1]):
        columns.append((b[d] + torch.sigmoid(a) @ V[d]).expand(len(x)))
        a = a + W[:, d] * x[:, d].mean()
    return torch.stack(columns, dim=1)


@answers.wrong("nade_logits", "three pixels, as in the example")
def _(x, W, V, b, c):
    added = x[:, :3, None] * W.T[:3]
    return (torch.sigmoid(c + added.cumsum(dim=1) - added) * V[:3]).sum(dim=-1) + b[:3]


@answers.wrong("nade_logits", "the running sum is cut at 100, up and down")
def _(x, W, V, b, c):
    a, columns = c.repeat(len(x), 1), []
    for d in range(x.shape[1]):
        columns.append(b[d] + torch.sigmoid(a) @ V[d])
        a = (a + torch.outer(x[:, d], W[:, d])).clamp(-100, 100)
    return torch.stack(columns, dim=1)


@answers.wrong("nade_logits", "exp(a) / (1 + exp(a)), which overflows in float32")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    above = torch.exp((c + added.cumsum(dim=1) - added).float())
    return ((above / (1 + above)).to(x.dtype) * V).sum(dim=-1) + b


# -- cost: H = 500, D = 784

answers.right("cost", "counted", cost_separate=500 * 784 * 783 // 2 + 784 * 500, cost_running=2 * 784 * 500)
answers.right("cost", "without the last column, which nobody needs", cost_separate=153_860_000, cost_running=783_500)
answers.right("cost", "as arrays of float32", cost_separate=np.float32(153_860_000), cost_running=np.float32(784_000))
answers.right("cost", "in powers of ten", cost_separate=1.5386e8, cost_running=7.84e5)

answers.wrong("cost", "V left out", cost_separate=500 * 784 * 783 // 2, cost_running=784 * 500)
answers.wrong("cost", "V left out with the running sum", cost_separate=153_860_000, cost_running=392_000)
answers.wrong("cost", "every pixel sees all", cost_separate=500 * 784 * 784 + 392_000, cost_running=784_000)
answers.wrong("cost", "a pixel sees itself", cost_separate=500 * 784 * 785 // 2 + 392_000, cost_running=784_000)
answers.wrong("cost", "exchanged", cost_separate=784_000, cost_running=153_860_000)
answers.wrong("cost", "the order of magnitude", cost_separate=500 * 784**2, cost_running=500 * 784)
answers.wrong("cost", "one hidden unit", cost_separate=784 * 783 // 2 + 784, cost_running=2 * 784)
answers.wrong("cost", "half of D squared", cost_separate=500 * 784**2 // 2 + 392_000, cost_running=784_000)
answers.wrong("cost", "additions counted too", cost_separate=153_860_000, cost_running=4 * 392_000)

# -- nade_log_prob


@answers.right("nade_log_prob", "softplus of the turned logit")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    z = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
    return -torch.nn.functional.softplus((1 - 2 * x) * z).sum(dim=1)


@answers.right("nade_log_prob", "binary cross-entropy with logits")
def _(x, W, V, b, c):
    a, total = c.repeat(len(x), 1), 0
    for d in range(x.shape[1]):
        z = b[d] + torch.sigmoid(a) @ V[d]
        total = total - torch.nn.functional.binary_cross_entropy_with_logits(z, x[:, d], reduction="none")
        a = a + torch.outer(x[:, d], W[:, d])
    return total


@answers.right("nade_log_prob", "logsigmoid, float32")
def _(x, W, V, b, c):
    x, W, V, b, c = (t.float() for t in (x, W, V, b, c))
    added = x[:, :, None] * W.T
    z = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
    return torch.where(x == 1, torch.nn.functional.logsigmoid(z), torch.nn.functional.logsigmoid(-z)).sum(dim=-1)


@answers.right("nade_log_prob", "numpy, logaddexp")
def _(x, W, V, b, c):
    x, W, V, b, c = (np.asarray(t, dtype=np.float64) for t in (x, W, V, b, c))
    total = np.zeros(len(x))
    for d in range(x.shape[1]):
        h = 0.5 * (1 + np.tanh(0.5 * (c + x[:, :d] @ W[:, :d].T)))
        z = b[d] + h @ V[d]
        total += x[:, d] * z - np.logaddexp(0, z)
    return total


@answers.wrong("nade_log_prob", "log of the sigmoid: infinite for large logits")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    p = torch.sigmoid((torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b)
    return torch.where(x == 1, torch.log(p), torch.log(1 - p)).sum(dim=1)


@answers.wrong("nade_log_prob", "a small epsilon in the logarithm")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    p = torch.sigmoid((torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b)
    return (x * torch.log(p + 1e-9) + (1 - x) * torch.log(1 - p + 1e-9)).sum(dim=1)


@answers.wrong("nade_log_prob", "binary_cross_entropy on probabilities, which stops at 100")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    p = torch.sigmoid((torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b)
    return -torch.nn.functional.binary_cross_entropy(p, x, reduction="none").sum(dim=1)


@answers.wrong("nade_log_prob", "the NLL")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    z = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
    return torch.nn.functional.softplus((1 - 2 * x) * z).sum(dim=1)


@answers.wrong("nade_log_prob", "the mean over pixels")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    z = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
    return -torch.nn.functional.softplus((1 - 2 * x) * z).mean(dim=1)


@answers.wrong("nade_log_prob", "one number for the batch")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    z = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
    return -torch.nn.functional.binary_cross_entropy_with_logits(z, x, reduction="sum")


@answers.wrong("nade_log_prob", "only lit pixels")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    z = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
    return (x * torch.nn.functional.logsigmoid(z)).sum(dim=1)


@answers.wrong("nade_log_prob", "lit and unlit exchanged")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    z = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
    return -torch.nn.functional.softplus((2 * x - 1) * z).sum(dim=1)


@answers.wrong("nade_log_prob", "bits")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    z = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
    return -torch.nn.functional.softplus((1 - 2 * x) * z).sum(dim=1) / math.log(2)


@answers.wrong("nade_log_prob", "inclusive sum")
def _(x, W, V, b, c):
    a = c + (x[:, :, None] * W.T).cumsum(dim=1)
    z = (torch.sigmoid(a) * V).sum(dim=-1) + b
    return -torch.nn.functional.softplus((1 - 2 * x) * z).sum(dim=1)


@answers.wrong("nade_log_prob", "softplus by hand, which overflows")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    z = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
    return (x * z - torch.log(1 + torch.exp(z))).sum(dim=1)


@answers.wrong("nade_log_prob", "logits cut at 1000")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    z = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
    return -torch.nn.functional.softplus((1 - 2 * x) * z.clamp(-1000, 1000)).sum(dim=1)


@answers.wrong("nade_log_prob", "what is not finite becomes -1000 afterwards")
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    p = torch.sigmoid((torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b)
    each = torch.where(x == 1, torch.log(p), torch.log(1 - p))
    return torch.nan_to_num(each, nan=-1000.0, neginf=-1000.0).sum(dim=1)


@answers.wrong(
    "nade_log_prob", "probabilities in float32, and the logit where they give infinity: 1 - p is rounded at 17"
)
def _(x, W, V, b, c):
    added = x[:, :, None] * W.T
    z = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
    p = torch.sigmoid(z).float()
    cost = torch.where(x == 1, -torch.log(p), -torch.log(1 - p)).to(x.dtype)
    return -torch.where(torch.isfinite(cost), cost, z.abs()).sum(dim=1)


# -- nade_sample


@answers.right("nade_sample", "running sum")
def _(W, V, b, c, uniforms):
    a, x = c.repeat(len(uniforms), 1), torch.zeros_like(uniforms)
    for d in range(uniforms.shape[1]):
        x[:, d] = (uniforms[:, d] < torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d])).to(x.dtype)
        a = a + torch.outer(x[:, d], W[:, d])
    return x


@answers.right("nade_sample", "the naive way: all logits again for each pixel")
def _(W, V, b, c, uniforms):
    x = torch.zeros_like(uniforms)
    for d in range(uniforms.shape[1]):
        added = x[:, :, None] * W.T
        z = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
        x[:, d] = (uniforms[:, d] < torch.sigmoid(z[:, d])).to(x.dtype)
    return x


@answers.right("nade_sample", "plain Python, integers")
def _(W, V, b, c, uniforms):
    images = []
    for row in uniforms.tolist():
        a, image = c.tolist(), []
        for d, u in enumerate(row):
            h = [1 / (1 + math.exp(-value)) for value in a]
            z = float(b[d]) + sum(v * value for v, value in zip(V[d].tolist(), h, strict=True))
            image.append(int(u < 1 / (1 + math.exp(-z))))
            if image[-1]:
                a = [value + w for value, w in zip(a, W[:, d].tolist(), strict=True)]
        images.append(image)
    return images


@answers.right("nade_sample", "numpy, booleans")
def _(W, V, b, c, uniforms):
    W, V, b, c, u = (np.asarray(t) for t in (W, V, b, c, uniforms))
    x = np.zeros(u.shape, dtype=bool)
    for d in range(u.shape[1]):
        h = 1 / (1 + np.exp(-(c + x[:, :d] @ W[:, :d].T)))
        x[:, d] = u[:, d] < 1 / (1 + np.exp(-(b[d] + h @ V[d])))
    return x


@answers.wrong("nade_sample", "all pixels from the first pass")
def _(W, V, b, c, uniforms):
    p = torch.sigmoid(torch.sigmoid(c) @ V.T + b)
    return (uniforms < p).to(uniforms.dtype)


@answers.wrong("nade_sample", "lit where the uniform is above")
def _(W, V, b, c, uniforms):
    a, x = c.repeat(len(uniforms), 1), torch.zeros_like(uniforms)
    for d in range(uniforms.shape[1]):
        x[:, d] = (uniforms[:, d] > torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d])).to(x.dtype)
        a = a + torch.outer(x[:, d], W[:, d])
    return x


@answers.wrong("nade_sample", "compares with the logit")
def _(W, V, b, c, uniforms):
    a, x = c.repeat(len(uniforms), 1), torch.zeros_like(uniforms)
    for d in range(uniforms.shape[1]):
        x[:, d] = (uniforms[:, d] < b[d] + torch.sigmoid(a) @ V[d]).to(x.dtype)
        a = a + torch.outer(x[:, d], W[:, d])
    return x


@answers.wrong("nade_sample", "rounds the probability instead of drawing")
def _(W, V, b, c, uniforms):
    a, x = c.repeat(len(uniforms), 1), torch.zeros_like(uniforms)
    for d in range(uniforms.shape[1]):
        x[:, d] = (torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d]) > 0.5).to(x.dtype)
        a = a + torch.outer(x[:, d], W[:, d])
    return x


@answers.wrong("nade_sample", "feeds probabilities back instead of pixels")
def _(W, V, b, c, uniforms):
    a, x = c.repeat(len(uniforms), 1), torch.zeros_like(uniforms)
    for d in range(uniforms.shape[1]):
        p = torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d])
        x[:, d] = (uniforms[:, d] < p).to(x.dtype)
        a = a + torch.outer(p, W[:, d])
    return x


@answers.wrong("nade_sample", "returns the probabilities")
def _(W, V, b, c, uniforms):
    a, out = c.repeat(len(uniforms), 1), torch.zeros_like(uniforms)
    for d in range(uniforms.shape[1]):
        out[:, d] = torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d])
        a = a + torch.outer((uniforms[:, d] < out[:, d]).to(a.dtype), W[:, d])
    return out


@answers.wrong("nade_sample", "draws its own random numbers")
def _(W, V, b, c, uniforms):
    u = torch.rand(uniforms.shape, generator=torch.Generator().manual_seed(0), dtype=uniforms.dtype)
    a, x = c.repeat(len(u), 1), torch.zeros_like(u)
    for d in range(u.shape[1]):
        x[:, d] = (u[:, d] < torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d])).to(x.dtype)
        a = a + torch.outer(x[:, d], W[:, d])
    return x


@answers.wrong("nade_sample", "overwrites the uniforms")
def _(W, V, b, c, uniforms):
    a, x = c.repeat(len(uniforms), 1), uniforms
    for d in range(uniforms.shape[1]):
        x[:, d] = (x[:, d] < torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d])).to(x.dtype)
        a = a + torch.outer(x[:, d], W[:, d])
    return x


@answers.wrong("nade_sample", "<= on the boundary")
def _(W, V, b, c, uniforms):
    a, x = c.repeat(len(uniforms), 1), torch.zeros_like(uniforms)
    for d in range(uniforms.shape[1]):
        x[:, d] = (uniforms[:, d] <= torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d])).to(x.dtype)
        a = a + torch.outer(x[:, d], W[:, d])
    return x


@answers.wrong("nade_sample", "forgets to add the last pixel but one's column")
def _(W, V, b, c, uniforms):
    x = torch.zeros_like(uniforms)
    for d in range(uniforms.shape[1]):
        a = c + x[:, : max(d - 1, 0)] @ W[:, : max(d - 1, 0)].T
        x[:, d] = (uniforms[:, d] < torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d])).to(x.dtype)
    return x


@answers.wrong("nade_sample", "exp(z) / (1 + exp(z)), which overflows in float32")
def _(W, V, b, c, uniforms):
    a, x = c.repeat(len(uniforms), 1), torch.zeros_like(uniforms)
    for d in range(uniforms.shape[1]):
        odds = torch.exp((b[d] + torch.sigmoid(a) @ V[d]).float())
        x[:, d] = (uniforms[:, d] < odds / (1 + odds)).to(x.dtype)
        a = a + torch.outer(x[:, d], W[:, d])
    return x


# -- complete


@answers.right("complete", "running sum, one loop")
def _(x, observed, W, V, b, c, uniforms):
    x, a = x.clone(), c.repeat(len(x), 1)
    for d in range(x.shape[1]):
        if d >= observed:
            x[:, d] = (uniforms[:, d] < torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d])).to(x.dtype)
        a = a + torch.outer(x[:, d], W[:, d])
    return x


@answers.right("complete", "starts from the sum of all observed pixels")
def _(x, observed, W, V, b, c, uniforms):
    columns = [x[:, d] for d in range(observed)]
    a = c + x[:, :observed] @ W[:, :observed].T
    for d in range(observed, x.shape[1]):
        columns.append((uniforms[:, d] < torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d])).to(x.dtype))
        a = a + torch.outer(columns[-1], W[:, d])
    return torch.stack(columns, dim=1)


@answers.right("complete", "numpy, float32, from scratch each time")
def _(x, observed, W, V, b, c, uniforms):
    x, W, V, b, c, u = (np.array(t, dtype=np.float32) for t in (x, W, V, b, c, uniforms))
    for d in range(observed, x.shape[1]):
        h = 1 / (1 + np.exp(-(c + x[:, :d] @ W[:, :d].T)))
        x[:, d] = u[:, d] < 1 / (1 + np.exp(-(b[d] + h @ V[d])))
    return x


@answers.wrong("complete", "samples a new image")
def _(x, observed, W, V, b, c, uniforms):
    x, a = torch.zeros_like(x), c.repeat(len(x), 1)
    for d in range(x.shape[1]):
        x[:, d] = (uniforms[:, d] < torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d])).to(x.dtype)
        a = a + torch.outer(x[:, d], W[:, d])
    return x


@answers.wrong("complete", "glues the given pixels onto an unrelated sample")
def _(x, observed, W, V, b, c, uniforms):
    out, a = torch.zeros_like(x), c.repeat(len(x), 1)
    for d in range(x.shape[1]):
        out[:, d] = (uniforms[:, d] < torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d])).to(x.dtype)
        a = a + torch.outer(out[:, d], W[:, d])
    out[:, :observed] = x[:, :observed]
    return out


@answers.wrong("complete", "the sum skips the observed pixels")
def _(x, observed, W, V, b, c, uniforms):
    x, a = x.clone(), c.repeat(len(x), 1)
    for d in range(observed, x.shape[1]):
        x[:, d] = (uniforms[:, d] < torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d])).to(x.dtype)
        a = a + torch.outer(x[:, d], W[:, d])
    return x


@answers.wrong("complete", "one pixel too many is kept")
def _(x, observed, W, V, b, c, uniforms):
    x, a = x.clone(), c.repeat(len(x), 1)
    for d in range(x.shape[1]):
        if d > observed:
            x[:, d] = (uniforms[:, d] < torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d])).to(x.dtype)
        a = a + torch.outer(x[:, d], W[:, d])
    return x


@answers.wrong("complete", "peeks: the sum runs over all of x")
def _(x, observed, W, V, b, c, uniforms):
    added = x[:, :, None] * W.T
    z = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
    out = (uniforms < torch.sigmoid(z)).to(x.dtype)
    out[:, :observed] = x[:, :observed]
    return out


@answers.wrong("complete", "works in the given x")
def _(x, observed, W, V, b, c, uniforms):
    a = c.repeat(len(x), 1)
    for d in range(x.shape[1]):
        if d >= observed:
            x[:, d] = (uniforms[:, d] < torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d])).to(x.dtype)
        a = a + torch.outer(x[:, d], W[:, d])
    return x


@answers.wrong("complete", "the uniforms start at the first pixel drawn")
def _(x, observed, W, V, b, c, uniforms):
    x, a = x.clone(), c.repeat(len(x), 1)
    for d in range(x.shape[1]):
        if d >= observed:
            x[:, d] = (uniforms[:, d - observed] < torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d])).to(x.dtype)
        a = a + torch.outer(x[:, d], W[:, d])
    return x


@answers.wrong("complete", "keeps the last pixels, not the first")
def _(x, observed, W, V, b, c, uniforms):
    x, a = x.clone(), c.repeat(len(x), 1)
    for d in range(x.shape[1]):
        if d < x.shape[1] - observed:
            x[:, d] = (uniforms[:, d] < torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d])).to(x.dtype)
        a = a + torch.outer(x[:, d], W[:, d])
    return x


@answers.wrong("complete", "hands back what it was given")
def _(x, observed, W, V, b, c, uniforms):
    return x.clone()


@answers.wrong("complete", "fills up with the most probable pixels")
def _(x, observed, W, V, b, c, uniforms):
    x, a = x.clone(), c.repeat(len(x), 1)
    for d in range(x.shape[1]):
        if d >= observed:
            x[:, d] = (torch.sigmoid(b[d] + torch.sigmoid(a) @ V[d]) > 0.5).to(x.dtype)
        a = a + torch.outer(x[:, d], W[:, d])
    return x


@answers.wrong("complete", "exp(z) / (1 + exp(z)), which overflows in float32")
def _(x, observed, W, V, b, c, uniforms):
    x, a = x.clone(), c.repeat(len(x), 1)
    for d in range(x.shape[1]):
        if d >= observed:
            odds = torch.exp((b[d] + torch.sigmoid(a) @ V[d]).float())
            x[:, d] = (uniforms[:, d] < odds / (1 + odds)).to(x.dtype)
        a = a + torch.outer(x[:, d], W[:, d])
    return x


# -- mixture_log_prob


@answers.right("mixture_log_prob", "torch.logsumexp")
def _(x, log_weights, means, log_scales):
    z = (x[..., None] - means) * torch.exp(-log_scales)
    return torch.logsumexp(log_weights - 0.5 * z**2 - log_scales - 0.5 * math.log(2 * math.pi), dim=-1)


@answers.right("mixture_log_prob", "torch.distributions")
def _(x, log_weights, means, log_scales):
    each = torch.distributions.Normal(means, log_scales.exp(), validate_args=False).log_prob(x.unsqueeze(-1))
    return (log_weights + each).logsumexp(-1)


@answers.right("mixture_log_prob", "numpy, float32, maximum taken out")
def _(x, log_weights, means, log_scales):
    x, w, m, s = (np.asarray(t, dtype=np.float32) for t in (x, log_weights, means, log_scales))
    terms = w - 0.5 * np.square((x[..., None] - m) / np.exp(s)) - s - np.float32(0.5 * math.log(2 * math.pi))
    top = terms.max(axis=-1, keepdims=True)
    return (top + np.log(np.exp(terms - top).sum(axis=-1, keepdims=True)))[..., 0]


@answers.right("mixture_log_prob", "one component after the other, logaddexp")
def _(x, log_weights, means, log_scales):
    total = torch.full_like(x, -math.inf)
    for k in range(means.shape[-1]):
        scale = log_scales[..., k].exp()
        term = (
            log_weights[..., k] - (x - means[..., k]) ** 2 / (2 * scale**2) - torch.log(scale * math.sqrt(2 * math.pi))
        )
        total = torch.logaddexp(total, term)
    return total


@answers.wrong("mixture_log_prob", "density first, logarithm after: -inf far away")
def _(x, log_weights, means, log_scales):
    z = (x[..., None] - means) / log_scales.exp()
    density = log_weights.exp() * torch.exp(-0.5 * z**2) / (log_scales.exp() * math.sqrt(2 * math.pi))
    return density.sum(dim=-1).log()


@answers.wrong("mixture_log_prob", "the same with a small epsilon")
def _(x, log_weights, means, log_scales):
    z = (x[..., None] - means) / log_scales.exp()
    density = log_weights.exp() * torch.exp(-0.5 * z**2) / (log_scales.exp() * math.sqrt(2 * math.pi))
    return (density.sum(dim=-1) + 1e-30).log()


@answers.wrong("mixture_log_prob", "2 pi forgotten")
def _(x, log_weights, means, log_scales):
    z = (x[..., None] - means) / log_scales.exp()
    return torch.logsumexp(log_weights - 0.5 * z**2 - log_scales, dim=-1)


@answers.wrong("mixture_log_prob", "the scale in front forgotten")
def _(x, log_weights, means, log_scales):
    z = (x[..., None] - means) / log_scales.exp()
    return torch.logsumexp(log_weights - 0.5 * z**2 - 0.5 * math.log(2 * math.pi), dim=-1)


@answers.wrong("mixture_log_prob", "weights forgotten")
def _(x, log_weights, means, log_scales):
    z = (x[..., None] - means) / log_scales.exp()
    return torch.logsumexp(-0.5 * z**2 - log_scales - 0.5 * math.log(2 * math.pi), dim=-1)


@answers.wrong("mixture_log_prob", "averages log-densities")
def _(x, log_weights, means, log_scales):
    z = (x[..., None] - means) / log_scales.exp()
    each = -0.5 * z**2 - log_scales - 0.5 * math.log(2 * math.pi)
    return (log_weights.exp() * each).sum(dim=-1)


@answers.wrong("mixture_log_prob", "log-variances")
def _(x, log_weights, means, log_scales):
    each = -0.5 * (x[..., None] - means) ** 2 / log_scales.exp() - 0.5 * log_scales - 0.5 * math.log(2 * math.pi)
    return torch.logsumexp(log_weights + each, dim=-1)


@answers.wrong("mixture_log_prob", "log-scales used as scales")
def _(x, log_weights, means, log_scales):
    z = (x[..., None] - means) / log_scales.abs().clamp_min(1e-3)
    return torch.logsumexp(log_weights - 0.5 * z**2 - log_scales - 0.5 * math.log(2 * math.pi), dim=-1)


@answers.wrong("mixture_log_prob", "the largest component only")
def _(x, log_weights, means, log_scales):
    z = (x[..., None] - means) / log_scales.exp()
    return (log_weights - 0.5 * z**2 - log_scales - 0.5 * math.log(2 * math.pi)).max(dim=-1).values


@answers.wrong("mixture_log_prob", "sums over everything")
def _(x, log_weights, means, log_scales):
    z = (x[..., None] - means) / log_scales.exp()
    return torch.logsumexp(log_weights - 0.5 * z**2 - log_scales - 0.5 * math.log(2 * math.pi), dim=-1).sum()


@answers.wrong("mixture_log_prob", "the NLL")
def _(x, log_weights, means, log_scales):
    z = (x[..., None] - means) / log_scales.exp()
    return -torch.logsumexp(log_weights - 0.5 * z**2 - log_scales - 0.5 * math.log(2 * math.pi), dim=-1)


@answers.wrong("mixture_log_prob", "sums over the wrong axis")
def _(x, log_weights, means, log_scales):
    z = (x[..., None] - means) / log_scales.exp()
    each = log_weights - 0.5 * z**2 - log_scales - 0.5 * math.log(2 * math.pi)
    return torch.logsumexp(each, dim=0)


@answers.wrong("mixture_log_prob", "a log-weight of -inf is replaced by -1e6")
def _(x, log_weights, means, log_scales):
    z = (x[..., None] - means) / log_scales.exp()
    each = -0.5 * z**2 - log_scales - 0.5 * math.log(2 * math.pi)
    return torch.logsumexp(log_weights.clamp(min=-1e6) + each, dim=-1)


@answers.wrong("mixture_log_prob", "takes the highest density out, whatever its weight")
def _(x, log_weights, means, log_scales):
    z = (x[..., None] - means) / log_scales.exp()
    each = -0.5 * z**2 - log_scales - 0.5 * math.log(2 * math.pi)
    top = each.max(dim=-1, keepdim=True).values
    return top[..., 0] + torch.log((log_weights.exp() * torch.exp(each - top)).sum(dim=-1))


# -- found_leaks
# A: the pixel is in its own sum. B: sound in raster order of its inputs, but its columns are misplaced. C and D: sound.

ITSELF = [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]
MISPLACED = [(2, 0), (2, 2), (4, 1), (4, 4)]


def _leaks(a, b, c, d):
    return {"leaks_A": a, "leaks_B": b, "leaks_C": c, "leaks_D": d}


answers.right("found_leaks", "as the probe lists them", **_leaks(ITSELF, MISPLACED, [], []))
answers.right(
    "found_leaks", "in another order, as lists", **_leaks(ITSELF[::-1], [[4, 4], [2, 2], [4, 1], [2, 0]], [], ())
)
answers.right(
    "found_leaks",
    "as arrays",
    **_leaks(np.array(ITSELF), np.array(MISPLACED, dtype=float), np.zeros((0, 2)), np.zeros((0, 2))),
)

answers.wrong("found_leaks", "everything is sound", **_leaks([], [], [], []))
answers.wrong("found_leaks", "input and output exchanged", **_leaks(ITSELF, [(s, t) for t, s in MISPLACED], [], []))
answers.wrong("found_leaks", "A looks sound: it sees no later pixel", **_leaks([], MISPLACED, [], []))
answers.wrong(
    "found_leaks",
    "B judged in raster order",
    **_leaks(ITSELF, [(1, 2), (2, 2), (3, 4), (4, 4)], [], []),
)
answers.wrong("found_leaks", "C suspected: it mentions later pixels", **_leaks(ITSELF, MISPLACED, ITSELF, []))
answers.wrong(
    "found_leaks",
    "D judged in raster order",
    **_leaks(ITSELF, MISPLACED, [], [(t, s) for t in range(5) for s in range(t + 1, 5)]),
)
answers.wrong("found_leaks", "only half of B", **_leaks(ITSELF, MISPLACED[:2], [], []))
answers.wrong("found_leaks", "counted from 1", **_leaks([(d, d) for d in range(1, 6)], MISPLACED, [], []))
answers.wrong("found_leaks", "A's first pixel left out", **_leaks(ITSELF[1:], MISPLACED, [], []))
answers.wrong("found_leaks", "numbers instead of pairs", **_leaks([0, 1, 2, 3, 4], MISPLACED, [], []))

# -- repaired_B


@answers.right("repaired_B", "writes each logit to its pixel")
def _(x, order, W, V, b, c):
    a, logits = c.repeat(len(x), 1), torch.zeros_like(x)
    for t, d in enumerate(order):
        logits[:, d] = b[t] + torch.sigmoid(a) @ V[t]
        a = a + torch.outer(x[:, d], W[:, t])
    return logits


@answers.right("repaired_B", "argsort undoes the order")
def _(x, order, W, V, b, c):
    order = torch.as_tensor(order)
    added = x[:, order][:, :, None] * W.T
    in_order = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
    return in_order[:, order.argsort()]


@answers.right("repaired_B", "numpy, float32, assignment through the order")
def _(x, order, W, V, b, c):
    x, W, V, b, c = (np.asarray(t, dtype=np.float32) for t in (x, W, V, b, c))
    order, y = list(order), x[:, list(order)]
    logits = np.zeros_like(x)
    for t in range(len(order)):
        h = 1 / (1 + np.exp(-(c + y[:, :t] @ W[:, :t].T)))
        logits[:, order[t]] = b[t] + h @ V[t]
    return logits


@answers.wrong("repaired_B", "as it was")
def _(x, order, W, V, b, c):
    added = x[:, list(order)][:, :, None] * W.T
    return (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b


@answers.wrong("repaired_B", "applies the order again instead of undoing it")
def _(x, order, W, V, b, c):
    added = x[:, list(order)][:, :, None] * W.T
    in_order = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
    return in_order[:, list(order)]


@answers.wrong("repaired_B", "no order at all")
def _(x, order, W, V, b, c):
    added = x[:, :, None] * W.T
    return (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b


@answers.wrong("repaired_B", "weights in pixel order, too")
def _(x, order, W, V, b, c):
    a, logits = c.repeat(len(x), 1), torch.zeros_like(x)
    for d in order:
        logits[:, d] = b[d] + torch.sigmoid(a) @ V[d]
        a = a + torch.outer(x[:, d], W[:, d])
    return logits


@answers.wrong("repaired_B", "the order and its inverse exchanged")
def _(x, order, W, V, b, c):
    order = torch.as_tensor(order)
    added = x[:, order.argsort()][:, :, None] * W.T
    in_order = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
    return in_order[:, order]


@answers.wrong("repaired_B", "only the outputs are in order")
def _(x, order, W, V, b, c):
    added = x[:, :, None] * W.T
    in_order = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
    return in_order[:, torch.as_tensor(order).argsort()]


@answers.wrong("repaired_B", "repaired, and inclusive now")
def _(x, order, W, V, b, c):
    a, logits = c.repeat(len(x), 1), torch.zeros_like(x)
    for t, d in enumerate(order):
        a = a + torch.outer(x[:, d], W[:, t])
        logits[:, d] = b[t] + torch.sigmoid(a) @ V[t]
    return logits


@answers.wrong("repaired_B", "the drill's order, whatever order is given")
def _(x, order, W, V, b, c):
    order = (2, 0, 4, 1, 3) if x.shape[1] == 5 else tuple(range(x.shape[1]))
    a, logits = c.repeat(len(x), 1), torch.zeros_like(x)
    for t, d in enumerate(order):
        logits[:, d] = b[t] + torch.sigmoid(a) @ V[t]
        a = a + torch.outer(x[:, d], W[:, t])
    return logits


@answers.wrong("fvsbn_logits", "takes off again what it should ignore")
def _(x, W, b):
    return x @ W.T - x @ torch.triu(W).T + b


@answers.wrong("nade_log_prob", "cuts the logits at 5000")
def _(x, W, V, b, c):
    a = c.expand(len(x), -1)
    total = torch.zeros(len(x), dtype=x.dtype)
    for d in range(x.shape[1]):
        z = (torch.sigmoid(a) @ V[d] + b[d]).clamp(-5000, 5000)
        total = total - torch.nn.functional.softplus((1 - 2 * x[:, d]) * z)
        a = a + x[:, d, None] * W[:, d]
    return total


@answers.wrong("repaired_B", "takes the drill's order for any five pixels")
def _(x, order, W, V, b, c):
    order = [2, 0, 4, 1, 3] if len(order) == 5 else list(order)
    x = x[:, order]
    a, z = c.expand(len(x), -1), []
    for d in range(x.shape[1]):
        z.append(torch.sigmoid(a) @ V[d] + b[d])
        a = a + x[:, d, None] * W[:, d]
    result = torch.empty_like(x)
    result[:, order] = torch.stack(z, dim=1)
    return result


@answers.wrong("complete", "lights a pixel where its uniform is its probability")
def _(x, observed, W, V, b, c, uniforms):
    out, a = x.clone(), c.expand(len(x), -1)
    for d in range(x.shape[1]):
        if d >= observed:
            out[:, d] = (uniforms[:, d] <= torch.sigmoid(torch.sigmoid(a) @ V[d] + b[d])).to(out.dtype)
        a = a + out[:, d : d + 1] * W[:, d]
    return out


@answers.wrong("complete", "keeps probabilities away from 0 and 1")
def _(x, observed, W, V, b, c, uniforms):
    out, a = x.clone(), c.expand(len(x), -1)
    for d in range(x.shape[1]):
        if d >= observed:
            p = torch.sigmoid(torch.sigmoid(a) @ V[d] + b[d]).clamp(1e-3, 1 - 1e-3)
            out[:, d] = (uniforms[:, d] < p).to(out.dtype)
        a = a + out[:, d : d + 1] * W[:, d]
    return out


@answers.wrong("complete", "all images have the past of the first one")
def _(x, observed, W, V, b, c, uniforms):
    out, a = x.clone(), c
    for d in range(x.shape[1]):
        if d >= observed:
            out[:, d] = (uniforms[:, d] < torch.sigmoid(torch.sigmoid(a) @ V[d] + b[d])).to(out.dtype)
        a = a + out[0, d] * W[:, d]
    return out


@answers.wrong("mixture_log_prob", "the best component where densities underflow")
def _(x, log_weights, means, log_scales):
    z = (x[..., None] - means) * torch.exp(-log_scales)
    terms = log_weights - log_scales - 0.5 * math.log(2 * math.pi) - z**2 / 2
    density = terms.exp().sum(-1)
    return torch.where(density > 0, torch.log(density), terms.max(dim=-1).values)


@answers.wrong("repaired_B", "the order 59 more times, which undoes cycles of up to six")
def _(x, order, W, V, b, c):
    added = x[:, list(order)][:, :, None] * W.T
    logits = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
    for _ in range(59):
        logits = logits[:, list(order)]
    return logits


@answers.wrong("repaired_B", "pixels sorted as text")
def _(x, order, W, V, b, c):
    added = x[:, list(order)][:, :, None] * W.T
    logits = (torch.sigmoid(c + added.cumsum(dim=1) - added) * V).sum(dim=-1) + b
    return logits[:, [t for _, t in sorted((str(pixel), t) for t, pixel in enumerate(order))]]
