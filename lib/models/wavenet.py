"""WaveNet: raw audio, one sample at a time, by dilated causal convolutions.

van den Oord, Dieleman, Zen, Simonyan, Vinyals, Graves, Kalchbrenner, Senior & Kavukcuoglu, "WaveNet: A Generative Model for
Raw Audio", 2016 (arXiv 1609.03499), sections 2.1 to 2.5. Queues: Paine, Khorrami, Chang, Zhang, Ramachandran,
Hasegawa-Johnson & Huang, "Fast WaveNet Generation Algorithm", 2016 (arXiv 1611.09482).

    x_t     one of 256 mu-law codes; the network reads code t - 1 where it describes code t, and silence at first
    z       tanh(filter * x + condition) x sigmoid(gate * x + condition)      * is a causal convolution with dilation d
    x       x + residual(z)                                                  into the next layer
    logits  out(relu(hidden(relu(sum of skip(z) over the layers))))

What a lesson uses, and what stays as it is:

    model = WaveNet(channels=32, dilations=(1, 2, 4, ..., 512), n_global=(10, 4), n_local=8, hop=80)
    model.receptive_field                                   samples before t that logits t depend on
    model.logits(codes, labels, frames)                     int64 (B, T) to (B, T, 256): output t describes code t
    model.log_prob(codes, labels, frames, lengths)          (B,) nats;  log_prob_each: (B, T)
    model.sample(n, generator, labels, frames, length=...)  int64 (n, length), by queues

Two conditions, both optional. *Global* (section 2.5): `labels`, int64 `(B, G)`, one column for each of `n_global`: which digit and
which voice, say. *Local*: `frames`, `(B, n_local, F)` (or `(1, ...)`, the same for all), where frame f rules the samples f hop to (f + 1) hop - 1: a mel
spectrogram, or how far the word has got (`progress`). Labels and frames pass through two small layers together, at the
frames' rate, so that a digit and a position can mean a vowel; then each layer takes its own part of the result.

Left out of the paper: the second stack of dilations (say it by `dilations`), the context stack of section 2.6, and the
transposed convolution that upsamples frames: here they are repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from lib.models import inputs


class Utterances(NamedTuple):
    """A batch of clips of different lengths, padded at their ends, with what is known about each."""

    codes: Tensor  # int64 (B, T)
    labels: Tensor | None = None  # int64 (B, G)
    frames: Tensor | None = None  # (B, n_local, F)
    lengths: Tensor | None = None  # int64 (B,); all T if None


class WaveNet(nn.Module):
    """A distribution over sequences of codes, made of dilated causal convolutions.

    Parameters
    ----------
    n_classes : values that a code can take. Class `n_classes // 2` is silence: the code of 0.0.
    channels : of the residual path; the gated units are as many. skip_channels : of the skip path and the output's hidden layer.
    kernel_size : taps of each convolution, the last of them now; at least 2, and 2 in the paper.
    dilations : one layer each.
    n_global : sizes of the label sets that the global condition consists of. n_local : features per frame of the local one.
    hop : samples per frame. n_condition : width of what labels and frames become.
    length : of a sample when nothing else says it.
    seed : of the initial weights.

    Raises
    ------
    ValueError : a setting that makes no network.
    """

    def __init__(
        self,
        n_classes: int = 256,
        channels: int = 32,
        skip_channels: int = 64,
        kernel_size: int = 2,
        dilations: Sequence[int] = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
        n_global: Sequence[int] = (),
        n_local: int = 0,
        hop: int = 80,
        n_condition: int = 32,
        length: int = 8000,
        seed: int = 0,
    ) -> None:
        super().__init__()
        whole = {
            "n_classes": n_classes, "channels": channels, "skip_channels": skip_channels, "kernel_size": kernel_size,
            "hop": hop, "n_condition": n_condition, "length": length,
        }  # fmt: skip
        for name, found in whole.items():
            smallest = 2 if name in ("n_classes", "kernel_size") else 1
            if found < smallest:
                raise ValueError(f"WaveNet: {name} should be at least {smallest}, found {found}")
        if not dilations or min(dilations) < 1:
            raise ValueError(f"WaveNet: dilations should be one or more numbers from 1 up, found {list(dilations)}")
        if n_local < 0 or min(n_global, default=1) < 1:
            raise ValueError(f"WaveNet: expected n_local >= 0 and n_global >= 1, found {n_local} and {list(n_global)}")
        self.settings: dict[str, Any] = {
            **whole, "dilations": list(dilations), "n_global": list(n_global), "n_local": n_local, "seed": seed,
        }  # fmt: skip
        self.n_classes, self.channels, self.kernel_size = n_classes, channels, kernel_size
        self.hop, self.length = hop, length
        self.dilations, self.n_global, self.n_local = tuple(dilations), tuple(n_global), n_local
        self.silence = n_classes // 2
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            # Neighbouring codes sound alike, so their vectors start out alike: a random mixture of slow cosines.
            waves = torch.cos(torch.pi * torch.outer((torch.arange(n_classes) + 0.5) / n_classes, torch.arange(1.0, 9)))
            self.embed = nn.Embedding.from_pretrained(
                waves @ (torch.randn(8, channels) / torch.arange(1.0, 9)[:, None]), freeze=False
            )
            self.convs = nn.ModuleList(nn.Conv1d(channels, 2 * channels, kernel_size, dilation=d) for d in dilations)
            self.residuals = nn.ModuleList(nn.Conv1d(channels, channels, 1) for _ in dilations[1:])
            self.skips = nn.ModuleList(nn.Conv1d(channels, skip_channels, 1) for _ in dilations)
            self.hidden = nn.Conv1d(skip_channels, skip_channels, 1)
            self.out = nn.Conv1d(skip_channels, n_classes, 1)
            if self.n_global or n_local:
                self.labels = nn.ModuleList(nn.Embedding(size, n_condition) for size in n_global)
                self.frames = nn.Conv1d(n_local, 4 * n_condition, 1) if n_local else None
                self.both = nn.Conv1d(n_condition * len(n_global), 4 * n_condition, 1) if n_global else None
                self.mixed = nn.Conv1d(4 * n_condition, n_condition, 1)
                self.shares = nn.Conv1d(n_condition, 2 * channels * len(dilations), 1)

    @property
    def receptive_field(self) -> int:
        """How many samples before t the logits of sample t depend on: 1 + (kernel_size - 1) x the sum of the dilations."""
        return 1 + (self.kernel_size - 1) * sum(self.dilations)

    def logits(self, codes: Tensor, labels: Tensor | None = None, frames: Tensor | None = None) -> Tensor:
        """What describes each code, given those before it: int64 `(B, T)` to `(B, T, n_classes)`.

        labels : int64 `(B, G)`, frames : `(B, n_local, F)` or `(1, n_local, F)` with F = T / hop, rounded up; each exactly if the model has that condition.

        Raises
        ------
        ValueError : codes, labels or frames of another shape, type or range, each in a sentence.
        """
        return self._scores(codes, labels, frames).transpose(1, 2)

    def log_prob_each(self, codes: Tensor, labels: Tensor | None = None, frames: Tensor | None = None) -> Tensor:
        """log p(code t | codes before t, conditions), nats: int64 `(B, T)` to `(B, T)`."""
        return -F.cross_entropy(self._scores(codes, labels, frames), codes, reduction="none")

    def log_prob(
        self,
        codes: Tensor,
        labels: Tensor | None = None,
        frames: Tensor | None = None,
        lengths: Tensor | None = None,
    ) -> Tensor:
        """log p(codes | conditions): int64 `(B, T)` to `(B,)`, nats.

        lengths : int64 `(B,)`; what comes after a clip's length does not count. Everything counts without.
        """
        each = self.log_prob_each(codes, labels, frames)
        if lengths is None:
            return each.sum(1)
        inputs.lengths(lengths, codes, "WaveNet")
        return torch.where(torch.arange(each.shape[1]) < lengths[:, None], each, 0.0).sum(1)

    def training_loss(self, x: Tensor | Utterances, generator: torch.Generator | None = None) -> Tensor:
        """Nats per *sample* of audio, the mean over a batch: the loss of `lib.training.fit`. `x` : codes, or `Utterances`."""
        clips = x if isinstance(x, Utterances) else Utterances(x)
        n = clips.codes.numel() if clips.lengths is None else clips.lengths.sum()
        return -self.log_prob(*clips).sum() / n

    @torch.no_grad()
    def sample(
        self,
        n: int,
        generator: torch.Generator | None = None,
        labels: Tensor | None = None,
        frames: Tensor | None = None,
        *,
        length: int | None = None,
        start: Tensor | None = None,
        temperature: float = 1.0,
    ) -> Tensor:
        """n sequences of codes, int64 `(n, length)`, by queues: each step costs O(layers), however long the past is.

        Parameters
        ----------
        n : how many. generator : one uniform for each code, an `(n, length)` of them at once: column t decides code t.
        labels, frames : the conditions, `(n, G)` and `(n, n_local, F)` or `(1, n_local, F)`.
        length : how many codes; the model's own `length` if absent (with frames: all that the frames rule).
        start : int64 `(n, P)`, codes to begin with; the rest is drawn. Column t of the uniforms still belongs to code t.
        temperature : the logits are divided by it; 1 samples from the model.

        Raises
        ------
        ValueError : a condition or a start that does not fit, or a temperature that is not positive.
        """
        if length is None:
            length = self.length if frames is None else frames.shape[-1] * self.hop
        if n < 1 or length < 1:
            raise ValueError(f"WaveNet: n and length should be at least 1, found {n} and {length}")
        if not temperature > 0:
            raise ValueError(f"WaveNet: temperature should be positive, found {temperature}")
        codes = np.full((n, length), self.silence)
        known = 0
        if start is not None:
            inputs.codes(start, self.n_classes, "WaveNet")
            known = min(start.shape[1], length)
            if len(start) != n:
                raise ValueError(f"WaveNet: start should have {n} rows, found {len(start)}")
            codes[:, :known] = start[:, :known].numpy()
        uniforms = torch.rand(n, length, generator=generator).numpy()
        queues = Queues(self, n, self._shares(n, length, labels, frames))
        previous = np.full(n, self.silence)
        for t in range(length):
            logits = queues.step(previous)
            if t >= known:
                codes[:, t] = choose(logits / temperature, uniforms[:, t])
            previous = codes[:, t]
        return torch.from_numpy(codes)

    def _scores(self, codes: Tensor, labels: Tensor | None, frames: Tensor | None) -> Tensor:
        """The logits as the convolutions leave them, `(B, n_classes, T)`."""
        inputs.codes(codes, self.n_classes, "WaveNet")
        n, length = codes.shape
        shares = self._shares(n, length, labels, frames)
        n_frames = 1 if shares is None else shares.shape[-1]
        # Not slices of it: the gradient of each would be filled up with zeros.
        of_layer = None if shares is None else shares.unbind(1)
        per_frame = length if n_frames == 1 else self.hop
        # What describes code t reads code t - 1. The last frame may be cut short: its missing samples are never looked at.
        read = F.pad(codes[:, :-1], (1, n_frames * per_frame - length), value=self.silence)
        x = self.embed(read).transpose(1, 2)  # (B, channels, T)
        skip: Tensor | None = None
        for i, (conv, to_skip) in enumerate(zip(self.convs, self.skips, strict=True)):
            h = conv(F.pad(x, ((self.kernel_size - 1) * self.dilations[i], 0)))  # (B, 2 channels, T)
            if of_layer is not None:
                h = (h.unflatten(2, (n_frames, per_frame)) + of_layer[i][..., None]).flatten(2)
            filtered, gate = h.chunk(2, 1)
            z = torch.tanh(filtered) * torch.sigmoid(gate)
            skip = to_skip(z) if skip is None else skip + to_skip(z)
            if i < len(self.residuals):
                x = x + self.residuals[i](z)
        assert skip is not None
        return self.out(F.relu(self.hidden(F.relu(skip))))[..., :length]

    def _shares(self, n: int, length: int, labels: Tensor | None, frames: Tensor | None) -> Tensor | None:
        """Each layer's part of the condition, one column per frame; None if there is no condition.

        float32 `(B, layers, 2 channels, F)`; `(1, ...)` where it is the same for all.
        """
        inputs.labels(labels, n, self.n_global, "WaveNet")
        inputs.frames(frames, n, self.n_local, -(-length // self.hop), "WaveNet")
        if not self.n_global and not self.n_local:
            return None
        h = torch.zeros(())
        if frames is not None and self.frames is not None:
            h = h + self.frames(frames)
        if labels is not None and self.both is not None:
            names = torch.cat([embed(labels[:, i]) for i, embed in enumerate(self.labels)], 1)
            h = h + self.both(names[:, :, None])
        return self.shares(torch.tanh(self.mixed(torch.tanh(h)))).unflatten(1, (len(self.dilations), -1))


class Queues:
    """A WaveNet that takes one code at a time and remembers, in each layer, what the layer will read again (Paine et al. 2016).

    A layer of dilation d reads its input now and d, 2 d, ... steps ago, so it keeps the last (kernel_size - 1) d inputs. A step
    costs one small product per layer. It runs in numpy, whose calls are cheaper than torch's on a handful of numbers.

    Parameters
    ----------
    model : its weights are copied. n : sequences side by side.
    shares : what `WaveNet._shares` makes of the conditions.
    """

    def __init__(self, model: WaveNet, n: int, shares: Tensor | None = None) -> None:
        c, k = model.channels, model.kernel_size
        convs: Any = model.convs
        residuals: Any = model.residuals
        skips: Any = model.skips
        head: Any = (model.hidden, model.out)
        self.model, self.t, self.hop = model, 0, model.hop if model.n_local else 0
        self.embed = array(model.embed.weight)
        # sigmoid(a) = (1 + tanh(a / 2)) / 2: one tanh does for both halves, if the gate's half is halved before and after.
        halves = np.repeat(np.array([1.0, 0.5], dtype=np.float32), c)
        bias: Tensor = torch.stack([conv.bias for conv in convs])[None, :, :, None]  # (1, layers, 2 c, 1)
        shares = bias.expand(n, -1, -1, 1) if shares is None else shares + bias
        self.added = array(shares.permute(3, 1, 0, 2)) * halves  # (F, layers, n, 2 c)
        self.taps = [array(conv.weight.permute(2, 1, 0)).reshape(k * c, 2 * c) * halves for conv in convs]
        self.residuals = [(array(r.weight[..., 0].T) / 2, array(r.bias)) for r in residuals]
        self.skip = np.concatenate([array(s.weight[..., 0].T) / 2 for s in skips])
        self.skip_bias = array(torch.stack([s.bias for s in skips]).sum(0))
        self.head = [(array(layer.weight[..., 0].T), array(layer.bias)) for layer in head]
        self.queues = [np.zeros(((k - 1) * d, n, c), dtype=np.float32) for d in model.dilations]
        self.read, self.h = np.empty((n, k * c), dtype=np.float32), np.empty((n, 2 * c), dtype=np.float32)
        self.z = np.empty((n, len(model.dilations) * c), dtype=np.float32)

    def step(self, codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Take code t - 1 of each sequence, `(n,)`, and return the logits of code t, `(n, n_classes)`."""
        c, k = self.model.channels, self.model.kernel_size
        added = self.added[self.t // self.hop if self.hop else 0]
        read, h = self.read, self.h
        x: NDArray[Any] = self.embed[codes]
        for i, (queue, taps) in enumerate(zip(self.queues, self.taps, strict=True)):
            oldest = self.t % len(queue)
            for tap in range(k - 1):
                read[:, tap * c : (tap + 1) * c] = queue[(oldest + tap * self.model.dilations[i]) % len(queue)]
            read[:, -c:] = x
            queue[oldest] = x
            np.dot(read, taps, out=h)
            np.add(h, added[i], out=h)
            np.tanh(h, out=h)
            gate = h[:, c:]
            gate += 1
            z: NDArray[Any] = np.multiply(h[:, :c], gate, out=self.z[:, i * c : (i + 1) * c])
            if i < len(self.residuals):
                weight, bias = self.residuals[i]
                x = x + (z @ weight + bias)
        self.t += 1
        skip = np.maximum(self.z @ self.skip + self.skip_bias, 0)
        (to_hidden, hidden_bias), (to_out, out_bias) = self.head
        return np.maximum(skip @ to_hidden + hidden_bias, 0) @ to_out + out_bias


def choose(logits: NDArray[np.float32], uniforms: NDArray[np.float32]) -> NDArray[np.int64]:
    """`pixel_by_pixel.choose` of many values, `(n, K)` and `(n,)` to int64 `(n,)`, in numpy and so a third of a step cheaper.

    The uniform is scaled instead of the probabilities. It stays below the last sum, however the sums are rounded.
    """
    sums = np.exp(logits - logits.max(1, keepdims=True), dtype=np.float64).cumsum(1)
    return (sums <= uniforms[:, None] * sums[:, -1:]).sum(1)


def progress(lengths: Tensor, hop: int, n_local: int) -> Tensor:
    """How far a clip has got, as a local condition: int64 `(B,)` samples to `(B, n_local, F)`, F frames for the longest.

    The last feature is the clip's length in units of 8000 samples. The others are hats over the clip's course: feature i is 1 when
    i / (n_local - 2) of it is over, and falls to 0 where its neighbours are 1. Nothing about the sound goes in.
    """
    if n_local < 3:
        raise ValueError(f"progress: n_local should be at least 3, found {n_local}")
    n_frames = -(-int(lengths.max()) // hop)
    middle = (torch.arange(n_frames) + 0.5) * hop
    place = (middle / lengths[:, None]).clamp(0, 1)[:, None] * (n_local - 2)  # (B, 1, F)
    hats = (1 - (place - torch.arange(n_local - 1.0)[:, None]).abs()).clamp(min=0)
    return torch.cat([hats, (lengths / 8000)[:, None, None].expand(-1, 1, n_frames)], 1)


def array(x: Tensor) -> NDArray[np.float32]:
    """A tensor as an array of its own, laid out row by row."""
    return np.ascontiguousarray(x.detach().float().numpy())
