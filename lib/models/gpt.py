"""GPT: causal self-attention, layer upon layer, over sequences of tokens.

Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser & Polosukhin, "Attention Is All You Need", NIPS 2017 (arXiv
1706.03762), section 3: the decoder's half, without the encoder it attends to. Radford, Wu, Child, Luan, Amodei & Sutskever,
"Language Models are Unsupervised Multitask Learners", 2019 (GPT-2), section 2.3: the normalisation moves to the front of
each block, one more stands at the end, and the matrix that embeds tokens also scores them.

    x       embedding of each token read (+ embedding of its position, if positions are learned)
    x       x + out(attention(norm(x)))        each position attends to itself and to those before it
    x       x + down(gelu(up(norm(x))))        each position for itself; these two, n_layers times
    logits  embedding . norm(x)                output t describes the token that comes after token t

Positions: a learned vector each, or *rotary* (Su, Lu, Pan, Murtadha, Wen & Liu, "RoFormer", 2021, arXiv 2104.09864): queries
and keys are turned by an angle proportional to their position, so that their product depends on the distance alone. Grouped
heads: several queries share one key and one value (Ainslie et al., "GQA", 2023, arXiv 2305.13245), and the cache shrinks.

    model.next_logits(tokens)          int64 (B, T) to (B, T, K): output t describes token t + 1
    model.next_logits(token, cache)    the same for tokens that follow those the cache has read; what they are is added to it
    model.logits(tokens)               output t describes token t: the contract of every model here; the first is read from `start`
    model.sample(n, generator)         int64 (n, T), with a cache

With `positions="learned"` this is GPT-2's network, parameter by parameter; a test copies the weights of another
implementation into it. Left out: dropout on the attention weights (it is on what each block adds, and on the embedding).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from lib.models import inputs
from lib.models.next_token import NextToken

POSITIONS = ("learned", "rotary", "none")
Array = NDArray[Any]  # float32, as the weights are


class Cache:
    """The keys and values of all tokens read so far, in every layer: what attention will look at again.

    keys, values : `(n_layers, n, n_groups, capacity, head_size)`; the first `length` along capacity are in use.
    """

    def __init__(self, n_layers: int, n: int, n_groups: int, capacity: int, head_size: int) -> None:
        self.keys = torch.empty(n_layers, n, n_groups, capacity, head_size)
        self.values = torch.empty_like(self.keys)
        self.length = 0
        self.weights: Weights | None = None

    @property
    def capacity(self) -> int:
        """How many tokens fit."""
        return self.keys.shape[3]

    @property
    def n_bytes(self) -> int:
        """Memory that keys and values take: 2 n_layers n n_groups capacity head_size numbers of 4 bytes."""
        return self.keys.nbytes + self.values.nbytes

    def keep(self, rows: Tensor) -> None:
        """Forget all sequences but these: bool `(n,)`, or their places."""
        self.keys, self.values = self.keys[:, rows], self.values[:, rows]


class Block(nn.Module):
    """One layer: attention, then a small network for each position; both add to what came in.

    causal : whether a position sees only itself and those before it; if not, it sees all, and there can be no cache.
    """

    def __init__(self, width: int, n_heads: int, n_groups: int, dropout: float = 0.0, causal: bool = True) -> None:
        super().__init__()
        self.n_heads, self.n_groups, self.head_size, self.dropout = n_heads, n_groups, width // n_heads, dropout
        self.causal = causal
        self.before_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, (n_heads + 2 * n_groups) * self.head_size)
        self.out = nn.Linear(width, width)
        self.before_mlp = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor] | None = None, cache: Cache | None = None, layer: int = 0
    ) -> Tensor:
        """x `(B, T, C)` to `(B, T, C)`. `turn`: cosines and sines of the positions, or None; `layer`: which part of the cache is this one's."""
        x = x + self.drop(self.out(self.attend(self.qkv(self.before_attention(x)), turn, cache, layer)))
        return x + self.drop(self.down(F.gelu(self.up(self.before_mlp(x)), approximate="tanh")))

    def attend(self, qkv: Tensor, turn: tuple[Tensor, Tensor] | None, cache: Cache | None, layer: int) -> Tensor:
        """From queries, keys and values side by side to what each position has gathered, `(B, T, C)`."""
        n, length, _ = qkv.shape
        heads = qkv.view(n, length, -1, self.head_size).transpose(1, 2)  # (B, H + 2 G, T, head_size)
        turned, v = heads.split([self.n_heads + self.n_groups, self.n_groups], 1)
        if turn is not None:
            turned = rotate(turned, *turn)
        q, k = turned.split([self.n_heads, self.n_groups], 1)  # slices would pad their gradients with zeros
        mask = None
        if cache is not None:
            past, now = cache.length, cache.length + length
            cache.keys[layer, :, :, past:now], cache.values[layer, :, :, past:now] = k, v
            k, v = cache.keys[layer, :, :, :now], cache.values[layer, :, :, :now]
            if past:
                mask = torch.ones(length, now, dtype=torch.bool).tril(past)
        per_group = self.n_heads // self.n_groups
        if per_group > 1:
            k, v = (t.repeat_interleave(per_group, dim=1) for t in (k, v))
        if q.dtype == torch.bfloat16 and mask is None:
            gathered = plain_attention(q, k, v, self.causal)
        else:
            gathered = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=self.causal and mask is None)
        return gathered.transpose(1, 2).reshape(n, length, -1)

    def drop(self, x: Tensor) -> Tensor:
        """Dropout, in training."""
        return F.dropout(x, self.dropout, self.training)


def plain_attention(q: Tensor, k: Tensor, v: Tensor, causal: bool) -> Tensor:
    """Attention by two products and a softmax. At half precision its gradient takes processors a third of the fused one's time."""
    scores = q / math.sqrt(q.shape[-1]) @ k.mT
    if causal:
        scores = scores + q.new_full((q.shape[-2], k.shape[-2]), -math.inf).triu(1)
    return scores.softmax(-1).to(v.dtype) @ v


def initialise(network: nn.Module, n_layers: int) -> None:
    """GPT-2's initial weights, in place: small, and what each of the blocks adds to x the smaller the more there are of them."""
    for name, parameter in network.named_parameters():
        if parameter.ndim == 2:
            std = 0.02 / math.sqrt(2 * n_layers) if name.endswith(("out.weight", "down.weight")) else 0.02
            nn.init.normal_(parameter, std=std)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair (i, i + half) of the last axis of `x (..., T, d)` by its position's angle; cos, sin : `(T, d / 2)`."""
    first, second = x.chunk(2, dim=-1)
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


class Weights:
    """What a single step reads, as numpy sees it: the memory of the model's parameters, not a copy."""

    def __init__(self, model: GPT) -> None:
        def seen(layer: Any) -> tuple[Array, Array]:
            return layer.weight.detach().numpy(), layer.bias.detach().numpy()

        blocks: Any = model.blocks
        self.embed: Array = model.embed.weight.detach().numpy()
        self.places: Array | None = None if model.places is None else model.places.detach().numpy()
        self.turns = None if model.turns is None else tuple(turn.numpy() for turn in model.turns)
        self.blocks = [
            [seen(layer) for layer in (b.before_attention, b.qkv, b.out, b.before_mlp, b.up, b.down)] for b in blocks
        ]
        self.norm = seen(model.norm)


def linear(x: Array, layer: tuple[Array, Array]) -> Array:
    """`(B, C)` times weights `(D, C)`, and a bias."""
    y: Array = np.dot(x, layer[0].T)
    y += layer[1]
    return y


def normalised(x: Array, layer: tuple[Array, Array]) -> Array:
    """Layer normalisation of `x (B, C)`, then times weights and a bias."""
    size = np.float32(1 / x.shape[1])
    y: Array = x - size * np.add.reduce(x, 1, keepdims=True)  # np.mean costs five times that
    y *= layer[0] / np.sqrt(size * np.add.reduce(y * y, 1, keepdims=True) + np.float32(1e-5))
    y += layer[1]
    return y


def gelu(x: Array) -> Array:
    """x times the normal distribution function, by the tanh that GPT-2 takes for it."""
    inner: Array = np.float32(0.044715) * (x * x)
    inner += 1
    inner *= x
    inner *= np.float32(math.sqrt(2 / math.pi))
    y: Array = np.tanh(inner, out=inner)
    y += 1
    y *= x
    y *= np.float32(0.5)
    return y


class GPT(NextToken):
    """A distribution over sequences of tokens.

    Parameters
    ----------
    n_tokens : K, how many different tokens there are. context : how many it can read at once.
    n_layers, width : how deep and how wide. n_heads : queries per position; divides width. n_groups : keys and values per
        position; divides n_heads, and is n_heads if absent.
    positions : "learned", "rotary" or "none" (attention without positions sees the past as a set; the causal mask alone
        tells it a little of the order).
    dropout : share of the numbers that each block adds, and of the embeddings, that training sets to 0.
    start : the token that is read before the first one. end : the token that ends a sequence; None for texts without an end.
    seed : of the initial weights.

    Raises
    ------
    ValueError : a setting that makes no network: heads that do not divide, an odd head size with rotary positions, ...
    """

    def __init__(
        self,
        n_tokens: int,
        context: int,
        n_layers: int = 4,
        n_heads: int = 4,
        width: int = 64,
        n_groups: int | None = None,
        positions: str = "rotary",
        dropout: float = 0.0,
        start: int = 0,
        end: int | None = None,
        seed: int = 0,
    ) -> None:
        n_groups = n_heads if n_groups is None else n_groups
        settings = {
            "n_tokens": n_tokens, "context": context, "n_layers": n_layers, "n_heads": n_heads, "width": width,
            "n_groups": n_groups, "positions": positions, "dropout": dropout, "start": start, "end": end, "seed": seed,
        }  # fmt: skip
        super().__init__(settings, counts=("n_tokens", "context", "n_layers", "n_heads", "n_groups", "width"))
        if width % n_heads:
            raise ValueError(f"GPT: n_heads should divide width, found {n_heads} heads and width {width}")
        if n_heads % n_groups:
            raise ValueError(f"GPT: n_groups should divide n_heads, found {n_groups} groups and {n_heads} heads")
        if positions not in POSITIONS:
            raise ValueError(f"GPT: positions should be one of {', '.join(POSITIONS)}, found {positions!r}")
        if positions == "rotary" and width // n_heads % 2:
            raise ValueError(f"GPT: rotary positions need heads of even size, found {width // n_heads}")
        if not 0 <= dropout < 1:
            raise ValueError(f"GPT: dropout should be from 0 to below 1, found {dropout}")
        self.context, self.n_layers, self.width = context, n_layers, width
        self.n_groups, self.head_size, self.dropout = n_groups, width // n_heads, dropout
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embed = nn.Embedding(n_tokens, width)
            self.places = nn.Parameter(torch.empty(context, width)) if positions == "learned" else None
            self.blocks = nn.ModuleList(Block(width, n_heads, n_groups, dropout) for _ in range(n_layers))
            self.norm = nn.LayerNorm(width)
            initialise(self, n_layers)
        self.turns: tuple[Tensor, Tensor] | None = None
        if positions == "rotary":
            rates = 10_000.0 ** (-torch.arange(self.head_size // 2) / (self.head_size // 2))
            angles = torch.outer(torch.arange(context), rates)
            self.turns = angles.cos(), angles.sin()  # (context, head_size / 2) each; not kept with the weights

    def next_logits(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """What may come after each token: int64 `(B, T)` to `(B, T, n_tokens)`; output t describes token t + 1.

        cache : of what stands before these tokens; they are added to it.

        Raises
        ------
        ValueError : tokens of another shape, type or range, or more of them (with the cache's) than fit into the context.
        """
        one = tokens.shape[1:] == (1,) and not (self.training and self.dropout)
        if cache is not None and one and not torch.is_grad_enabled():
            self.check(tokens, cache)
            return torch.from_numpy(self.step(tokens[:, 0].numpy(), cache))[:, None]
        return F.linear(self.norm(self.features(tokens, cache)), self.embed.weight)

    def check(self, tokens: Tensor, cache: Cache | None) -> tuple[int, int]:
        """How many tokens come before these, and with them; raises ValueError as `next_logits` says."""
        inputs.codes(tokens, self.n_tokens, "GPT")
        past = cache.length if cache is not None else 0
        now = past + tokens.shape[1]
        room = self.context if cache is None else min(cache.capacity, self.context)
        if now > room:
            raise ValueError(
                f"GPT: expected at most {room} tokens, found {now}; leave out the first ones, or read a window"
            )
        return past, now

    def features(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """What the last block leaves at each position, before the last normalisation: int64 `(B, T)` to `(B, T, width)`."""
        past, now = self.check(tokens, cache)
        x = self.embed(tokens)
        if self.places is not None:
            x = x + self.places[past:now]
        turn = None if self.turns is None else (self.turns[0][past:now], self.turns[1][past:now])
        x = F.dropout(x, self.dropout, self.training)
        for layer, block in enumerate(self.blocks):
            x = block(x, turn, cache, layer)
        if cache is not None:
            cache.length = now
        return x

    def step(self, tokens: NDArray[np.int64], cache: Cache) -> Array:
        """One token more of each sequence, `(B,)` to `(B, n_tokens)`: the same layers in numpy.

        Its calls cost a tenth of torch's, and a single token is so little work that calls are most of it.
        """
        if cache.weights is None:
            cache.weights = Weights(self)
        w, n, t, half = cache.weights, len(tokens), cache.length, self.head_size // 2
        keys, values = cache.keys.numpy(), cache.values.numpy()
        x = w.embed[tokens] if w.places is None else w.embed[tokens] + w.places[t]
        for layer, (before_attention, qkv, out, before_mlp, up, down) in enumerate(w.blocks):
            heads = linear(normalised(x, before_attention), qkv).reshape(
                n, -1, self.head_size
            )  # (B, H + 2 G, head_size)
            if w.turns is not None:
                turned, cos, sin = heads[:, : -self.n_groups], w.turns[0][t], w.turns[1][t]
                first, second = turned[..., :half].copy(), turned[..., half:]
                turned[..., :half] = cos * first - sin * second
                second *= cos
                second += sin * first
            keys[layer, :, :, t] = heads[:, -2 * self.n_groups : -self.n_groups]
            values[layer, :, :, t] = heads[:, -self.n_groups :]
            q = heads[:, : -2 * self.n_groups].reshape(n, self.n_groups, -1, self.head_size)
            scores = q @ keys[layer, :, :, : t + 1].swapaxes(2, 3)  # (B, G, H / G, t + 1)
            scores -= np.maximum.reduce(scores, -1, keepdims=True)
            scores *= np.float32(1 / math.sqrt(self.head_size))
            np.exp(scores, out=scores)
            gathered = scores @ values[layer, :, :, : t + 1] / np.add.reduce(scores, -1, keepdims=True)
            x = x + linear(gathered.reshape(n, -1), out)
            x += linear(gelu(linear(normalised(x, before_mlp), up)), down)
        cache.length = t + 1
        return np.dot(normalised(x, w.norm), w.embed.T)

    def new_cache(self, n: int, capacity: int | None = None) -> Cache:
        """An empty cache for n sequences of at most `capacity` tokens; the whole context if absent."""
        return Cache(self.n_layers, n, self.n_groups, capacity or self.context, self.head_size)
