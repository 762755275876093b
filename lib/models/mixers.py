"""Four ways for positions to exchange information, and a small language model whose way is a setting.

    full         each position looks at all before it           Vaswani et al. 2017 (arXiv 1706.03762)
    window       each looks at itself and the w - 1 before it   Child et al. 2019 (arXiv 1904.10509); Beltagy et al. 2020 (arXiv 2004.05150)
    linear       attention without the softmax: a sum of        Katharopoulos, Vyas, Pappas & Fleuret, "Transformers are RNNs",
                 products key x value is all it remembers       ICML 2020 (arXiv 2006.16236)
    recurrence   h_t = a_t h_{t-1} + (1 - a_t) v_t, where a_t   Martin & Cundy 2018 (arXiv 1709.04057); Feng et al., "Were RNNs All We
                 and v_t depend on x_t alone, not on h          Needed?", 2024 (arXiv 2410.01201)

Let B be sequences, H heads, T positions, d the size of a key, e of a value, C channels. What they take, for T positions:

    way          time of a pass      memory of a pass           a step       what a step has to keep
    full         H T^2 (d + e)       H T^2, or H T (d + e) (*)  H T (d + e)  H T (d + e)         grows
    window       H T w (d + e)       H T w                      H w (d + e)  H (w - 1) (d + e)   fixed
    linear       H T (c + d) e       H T (c + d e / c)          H d e        H d (e + 1)         fixed    (chunks of c)
    recurrence   C T log T           C T                        C            C                   fixed

(*) A fused kernel never holds the matrix of all scores; it takes as many multiplications.

Every function here reads the positions that follow those in `state` and returns the state after them: a pass over T positions at once, T
steps of one, or any pieces give the same numbers. `benchmarks/attention.py` measures them, `data/make_recall.py` what they remember.

The model, so that the ways differ in nothing else:

    x       embedding of each token read
    x       x + out(way(convolve(norm(x))))   over the last three positions first, each channel for itself: it tells neighbours apart
    x       x + down(gelu(up(norm(x))))       these two, n_layers times
    logits  embedding . norm(x)               output t describes the token that comes after token t

Nothing else knows of positions, so texts may be of any length. Such a short convolution stands before the mixing of many recurrent language
models (Mamba's, for one); without it one layer could not put a key and the value behind it together.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib.models import inputs
from lib.models.next_token import NextToken, State

MIXERS = ("full", "window", "linear", "recurrence")
TAPS = 3
Memory = tuple[Tensor, ...]


def attention(
    q: Tensor, k: Tensor, v: Tensor, window: int | None = None, state: Memory | None = None
) -> tuple[Tensor, Memory]:
    """Softmax attention to the last `window` positions, the own one included; to all before, if absent.

    q, k : `(B, H, T, d)`. v : `(B, H, T, e)`. state : keys and values of the positions before, `(B, H, P, d)` and `(B, H, P, e)`.

    Returns
    -------
    `(B, H, T, e)`, and the keys and values that later positions need. A window never makes more than O(T window) scores.

    Raises
    ------
    ValueError : a window below 1.
    """
    if window is not None and window < 1:
        raise ValueError(f"attention: the window counts the token itself and should be at least 1, found {window}")
    if state is not None:
        k, v = torch.cat([state[0], k], 2), torch.cat([state[1], v], 2)
    length, total = q.shape[2], k.shape[2]
    past = total - length
    kept = 0 if window is None else max(0, total - (window - 1))
    memory = k[:, :, kept:], v[:, :, kept:]
    if window is None or total <= window:
        mask = torch.ones(length, total, dtype=torch.bool).tril(past) if past else None
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None), memory
    # Queries in blocks of `window`: each block sees its own keys and those of the block before.
    n = math.ceil(length / window)
    q = F.pad(q, (0, 0, 0, n * window - length)).unflatten(2, (n, window))
    before = window - past  # positions that are missing in front
    k_all, v_all = (F.pad(t, (0, 0, before, n * window - length)).unfold(2, 2 * window, window) for t in (k, v))
    scores = q @ k_all / math.sqrt(q.shape[-1])  # (B, H, n, window, 2 window)
    at = torch.arange(window)[:, None] + window - torch.arange(2 * window)  # how far behind the query
    seen = (at >= 0) & (at < window)
    missing = torch.arange(n)[:, None, None] * window + torch.arange(2 * window) < before
    scores = scores.masked_fill(~seen | missing, -math.inf)
    return (scores.softmax(-1) @ v_all.mT).flatten(2, 3)[:, :, :length], memory


def feature(u: Tensor) -> Tensor:
    """elu(u) + 1, which is exp(u) below 0 (adding 1 to elu would round it to 0 from -17 on)."""
    return torch.where(u > 0, u + 1, u.clamp(max=0).exp())


def linear_attention(
    q: Tensor, k: Tensor, v: Tensor, chunk: int | None = 64, state: Memory | None = None
) -> tuple[Tensor, Memory]:
    """The values of all positions up to the own one, weighted by feature(q_t) . feature(k_s), the weights adding up to one.

    q, k : `(B, H, T, d)`. v : `(B, H, T, e)`. state : sums of feature(k_s) v_s and of feature(k_s) over the positions before,
    `(B, H, d, e)` and `(B, H, d)`.
    chunk : positions that are handled by a matrix of weights, as attention does; what came before them is in the sums. None: all of
        them, the parallel form, O(T^2). 1: the recurrent form, one position after the other. Between them lies the fastest.

    Returns
    -------
    `(B, H, T, e)`, and the state after it.

    Raises
    ------
    ValueError : a chunk below 1.
    """
    length = q.shape[2]
    chunk = length if chunk is None else min(chunk, length)
    if chunk < 1:
        raise ValueError(f"linear_attention: chunk should be at least 1, found {chunk}")
    q, k = feature(q), feature(k)
    if length == 1 and state is not None:  # a step needs no chunks
        sums, total = state[0] + k.mT @ v, state[1] + k[:, :, 0]
        return q @ sums / (q * total[:, :, None]).sum(-1, keepdim=True), (sums, total)
    v = torch.cat([v, torch.ones_like(v[..., :1])], -1)  # what is gathered of the ones is the sum of the weights
    n = math.ceil(length / chunk)
    q, k, v = (F.pad(t, (0, 0, 0, n * chunk - length)).unflatten(2, (n, chunk)) for t in (q, k, v))
    sums = k.mT @ v  # (B, H, n, d, e + 1), of each chunk
    if state is not None:
        first = torch.cat([state[0], state[1][..., None]], -1)
        sums = torch.cat([first[:, :, None], sums], 2).cumsum(2)
        before = sums[:, :, :-1]
    else:
        sums = sums.cumsum(2)
        before = F.pad(sums[:, :, :-1], (0, 0, 0, 0, 1, 0))
    gathered = ((q @ k.mT).tril() @ v + q @ before).flatten(2, 3)[:, :, :length]
    last = sums[:, :, -1]
    return gathered[..., :-1] / gathered[..., -1:], (last[..., :-1], last[..., -1])


def scan(decay: Tensor, value: Tensor, state: Tensor | None = None) -> Tensor:
    """h_t = decay_t h_{t-1} + value_t for all t at once, in log2 T rounds.

    decay, value : `(B, T, C)`. state : h before the first position, `(B, C)`; 0 if absent. Returns h, `(B, T, C)`.

    After the round with distance s, entry t has gathered the last 2 s values, and its decay is the product of as many: two
    stretches one behind the other are one stretch (Hillis & Steele, "Data Parallel Algorithms", CACM 29(12), 1986).
    """
    if state is not None:
        value = torch.cat([value[:, :1] + decay[:, :1] * state[:, None], value[:, 1:]], 1)
    distance, length = 1, value.shape[1]
    while distance < length:
        value = torch.cat([value[:, :distance], value[:, distance:] + decay[:, distance:] * value[:, :-distance]], 1)
        decay = torch.cat([decay[:, :distance], decay[:, distance:] * decay[:, :-distance]], 1)
        distance *= 2
    return value


class MixerState(State):
    """What has been read, as far as it is remembered.

    parts : of each layer, a tuple of tensors `(n, ...)`; None where nothing has been read.
    """

    def __init__(self, n: int, n_layers: int) -> None:
        super().__init__([None] * n_layers)
        self.n = n

    @property
    def n_bytes(self) -> int:
        """Memory that it takes: all keys and values, those in the window, or sums of one size however much has been read."""
        return sum(part.numel() * part.element_size() for parts in self.parts for part in parts or ())

    def keep(self, rows: Tensor) -> None:
        """Forget all sequences but these: bool `(n,)`, or their places."""
        self.parts = [parts and tuple(part[rows] for part in parts) for parts in self.parts]
        self.n = len(torch.arange(self.n)[rows])


class Layer(nn.Module):
    """Mix, then a small network for each position; both add to what came in."""

    def __init__(self, mixer: str, width: int, n_heads: int, window: int) -> None:
        super().__init__()
        self.mixer, self.n_heads, self.window = mixer, n_heads, window
        self.before_mixing = nn.LayerNorm(width)
        self.taps = nn.Parameter(torch.randn(TAPS, width) / math.sqrt(TAPS))
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.before_mlp = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)
        if mixer == "recurrence":  # from forgetting half in one step to half in a hundred
            nn.init.zeros_(self.project.bias)
            with torch.no_grad():
                self.project.bias[:width] = torch.linspace(0, 5, width)

    def forward(self, x: Tensor, state: Memory | None) -> tuple[Tensor, Memory]:
        """x `(B, T, C)` and what came before to the same shape and what came up to now."""
        y = self.before_mixing(x)
        last = x.new_zeros(len(x), TAPS - 1, x.shape[2]) if state is None else state[0]
        y = torch.cat([last.to(y.dtype), y], 1)
        last = y[:, 1 - TAPS :]
        y = sum(tap * y[:, i : i + x.shape[1]] for i, tap in enumerate(self.taps))
        y, kept = self.mix(self.project(y).float(), None if state is None else state[1:])
        x = x + self.out(y)
        return x + self.down(F.gelu(self.up(self.before_mlp(x)))), (last, *kept)

    def mix(self, projected: Tensor, state: Memory | None) -> tuple[Tensor, Memory]:
        """Three vectors for each position, side by side `(B, T, 3 C)`, to what each has gathered, `(B, T, C)`."""
        if self.mixer == "recurrence":
            decay, value, gate = projected.chunk(3, -1)
            decay = decay.sigmoid()
            h = scan(decay, (1 - decay) * value, None if state is None else state[0])
            return h * F.silu(gate), (h[:, -1],)
        q, k, v = projected.unflatten(-1, (3, self.n_heads, -1)).permute(2, 0, 3, 1, 4)  # (B, H, T, head_size) each
        if self.mixer == "linear":
            y, state = linear_attention(q, k, v, state=state)
        else:
            y, state = attention(q, k, v, self.window if self.mixer == "window" else None, state)
        return y.transpose(1, 2).flatten(2), state


class MixerLM(NextToken):
    """A distribution over sequences of tokens, of any length.

    Parameters
    ----------
    n_tokens : K, how many different tokens there are. mixer : "full", "window", "linear" or "recurrence".
    n_layers, width : how deep and how wide. n_heads : divides width; a recurrence has none and ignores it.
    window : positions that a window sees, the own one included; the other ways ignore it.
    start : the token that is read before the first one. end : the token that ends a sequence; None for texts without an end.
    seed : of the initial weights.

    Raises
    ------
    ValueError : a setting that makes no network.
    """

    sample_length = 100

    def __init__(
        self,
        n_tokens: int,
        mixer: str = "full",
        n_layers: int = 2,
        width: int = 32,
        n_heads: int = 2,
        window: int = 32,
        start: int = 0,
        end: int | None = None,
        seed: int = 0,
    ) -> None:
        settings: dict[str, Any] = {
            "n_tokens": n_tokens, "mixer": mixer, "n_layers": n_layers, "width": width, "n_heads": n_heads, "window": window,
            "start": start, "end": end, "seed": seed,
        }  # fmt: skip
        super().__init__(settings, counts=("n_tokens", "n_layers", "width", "n_heads", "window"))
        if mixer not in MIXERS:
            raise ValueError(f"MixerLM: mixer should be one of {', '.join(MIXERS)}, found {mixer!r}")
        if width % n_heads:
            raise ValueError(f"MixerLM: n_heads should divide width, found {n_heads} heads and width {width}")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embed = nn.Embedding(n_tokens, width)
            nn.init.normal_(self.embed.weight, std=1 / math.sqrt(width))
            self.layers = nn.ModuleList(Layer(mixer, width, n_heads, window) for _ in range(n_layers))
            self.norm = nn.LayerNorm(width)

    def next_logits(self, tokens: Tensor, state: MixerState | None = None) -> Tensor:
        """What may come after each token: int64 `(B, T)` to `(B, T, n_tokens)`; output t describes token t + 1.

        state : of what stands before these tokens; it reads them, too.

        Raises
        ------
        ValueError : tokens of another shape, type or range, or a state of another number of sequences.
        """
        inputs.codes(tokens, self.n_tokens, "MixerLM")
        if state is not None and state.n != len(tokens):
            raise ValueError(f"MixerLM: expected tokens of {state.n} sequences, as the state has, found {len(tokens)}")
        x, before = self.embed(tokens), [None] * len(self.layers) if state is None else state.parts
        after = []
        for layer, memory in zip(self.layers, before, strict=True):
            x, memory = layer(x, memory)
            after.append(memory)
        if state is not None:
            state.go_on(after, tokens.shape[1])
        return F.linear(self.norm(x), self.embed.weight)

    def new_cache(self, n: int, capacity: int | None = None) -> MixerState:
        """The state of n sequences of which nothing has been read. `capacity` is for others: any number of tokens goes into it."""
        return MixerState(n, len(self.layers))
