"""From conditionals to outputs: everything between a language model's logits and the token that is chosen.

Filters are functions from logits `(..., K)` to logits of the same shape and dtype; what they remove becomes -inf, what is
-inf already stays so, and nothing is changed in place. They compose in one stated order, and `Decoding` applies it:

    penalty, temperature, top-k, top-p, min-p

Each sees what the one before it has left, renormalised: a p of 0.9 after top-k means nine tenths of what top-k kept. The
penalty comes first because it reads the sign of the model's own logits; temperature comes before the filters that read
probabilities, which would otherwise judge another distribution than the one that is drawn from.

    stream(model, prompt, n, decoding, generator)      tokens one by one, with a KV cache
    generate(model, prompts, n, decoding, generator)   the same for a batch; each row stops at its own end
    speculate(target, draft, prompt, n, ...)           the target's distribution in fewer passes of it
    beam_search(step, ...)                             a likely sequence, instead of a drawn one

A model is one of `lib.models.gpt` or whatever has its `next_logits`, `new_cache`, `context` and `end`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lib.keyed import keyed_uniforms
from lib.models.pixel_by_pixel import choose

ROUNDING = 1e-6  # a probability that misses a threshold by this share of it has reached it: float32 is not finer
WIDTH = 4  # how many tokens before it a watermark's uniforms depend on


def greedy(logits: Tensor) -> Tensor:
    """The most probable token, the lowest of several: int64 `(...)`."""
    return checked(logits).argmax(-1)


def penalise(logits: Tensor, tokens: Tensor, penalty: float) -> Tensor:
    """Make what has been said less probable: positive logits are divided by the penalty, negative ones multiplied by it.

    Keskar, McCann, Varshney, Xiong & Socher, "CTRL", 2019 (arXiv 1909.05858), section 4.1, who write a division alone; of a
    negative logit that would make a reward.

    tokens : int64 `(..., t)`, those so far; each counts once, however often it occurs. penalty : above 0; 1 changes
        nothing, below 1 rewards repetition. The result depends on where the logits' zero lies: give the model's own.

    Raises
    ------
    ValueError : penalty not above 0; tokens of another batch or range; logits as in `checked`.
    """
    checked(logits)
    positive("the penalty", penalty)
    if tokens.dtype != torch.int64 or tokens.shape[:-1] != logits.shape[:-1] or tokens.ndim == 0:
        expected = "".join(f"{size}, " for size in logits.shape[:-1])
        raise ValueError(
            f"tokens should be int64 of shape ({expected}t), found {tokens.dtype} of shape {tuple(tokens.shape)}"
        )
    if tokens.numel() and (tokens.min() < 0 or tokens.max() >= logits.shape[-1]):
        raise ValueError(
            f"tokens should be 0 to {logits.shape[-1] - 1}, found {int(tokens.min())} to {int(tokens.max())}"
        )
    said = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, tokens, True)
    return torch.where(said, torch.where(logits > 0, logits / penalty, logits * penalty), logits)


def temperature(logits: Tensor, t: float) -> Tensor:
    """Probabilities to the power of 1 / t, renormalised: below 1 sharper, above 1 flatter.

    The largest logit is moved to 0 before the division, so that no temperature overflows; at t = 1 nothing moves.

    Raises
    ------
    ValueError : t not above 0 (the limit at 0 is `greedy`); logits as in `checked`.
    """
    checked(logits)
    positive("the temperature", t)
    return logits if t == 1 else (logits - logits.amax(-1, keepdim=True)) / t


def top_k(logits: Tensor, k: int) -> Tensor:
    """Keep the k most probable tokens, and all that tie with the k-th.

    Fan, Lewis & Dauphin, "Hierarchical Neural Story Generation", ACL 2018 (arXiv 1805.04833), section 5.

    Raises
    ------
    ValueError : k below 1 or not a whole number; logits as in `checked`. A k beyond K removes nothing.
    """
    checked(logits)
    whole("k", k)
    if k >= logits.shape[-1]:
        return logits
    least = logits.topk(int(k)).values[..., -1:]
    return logits.masked_fill(logits < least, -math.inf)


def top_p(logits: Tensor, p: float) -> Tensor:
    """Keep the nucleus: the fewest most probable tokens that together reach p. The one that crosses p stays.

    Holtzman, Buys, Du, Forbes & Choi, "The Curious Case of Neural Text Degeneration", ICLR 2020 (arXiv 1904.09751), section
    3.1. Of equally probable tokens the lower comes first; p = 1 keeps all.

    Raises
    ------
    ValueError : p outside (0, 1]; logits as in `checked`.
    """
    checked(logits)
    share("top-p", p)
    if p == 1:  # a sum that rounding has brought to 1 would drop the tail
        return logits
    falling, order = logits.double().sort(descending=True, stable=True)
    before = F.pad(falling.softmax(-1).cumsum(-1)[..., :-1], (1, 0))  # the probability of all that come before each one
    enough = torch.empty_like(order, dtype=torch.bool).scatter(-1, order, before >= p * (1 - ROUNDING))
    return logits.masked_fill(enough, -math.inf)


def min_p(logits: Tensor, p: float) -> Tensor:
    """Keep the tokens that are at least p times as probable as the most probable one.

    Nguyen, Baker, Neo, Roush, Kirsch & Shwartz-Ziv, "Turning Up the Heat: Min-p Sampling", ICLR 2025 (arXiv 2407.01082),
    section 3.

    Raises
    ------
    ValueError : p outside (0, 1]; logits as in `checked`.
    """
    checked(logits)
    share("min-p", p)
    ratios = (logits.double() - logits.amax(-1, keepdim=True)).exp()
    return logits.masked_fill(ratios < p * (1 - ROUNDING), -math.inf)


def constrain(logits: Tensor, allowed: Tensor) -> Tensor:
    """Keep the tokens that are allowed: bool, `(..., K)` or what broadcasts to it.

    Raises
    ------
    ValueError : nothing of positive probability is allowed, somewhere; a mask of another shape or type; logits as in `checked`.
    """
    checked(logits)
    try:
        fits = allowed.dtype == torch.bool and torch.broadcast_shapes(allowed.shape, logits.shape) == logits.shape
    except RuntimeError:
        fits = False
    if not fits:
        raise ValueError(
            f"allowed should be bool of shape {tuple(logits.shape)}, found {allowed.dtype} of shape {tuple(allowed.shape)}"
        )
    kept = logits.masked_fill(~allowed, -math.inf)
    if torch.isneginf(kept).all(-1).any():
        raise ValueError("no token of positive probability is allowed")
    return kept


def sample_token(logits: Tensor, uniforms: Tensor) -> Tensor:
    """Draw by the rule of the whole course (`lib.models.pixel_by_pixel.choose`): int64 `(...)`.

    logits : `(..., K)`. uniforms : `(...)` in [0, 1). The first token whose cumulative probability exceeds the uniform; if
        rounding leaves none, the last of positive probability.

    Raises
    ------
    ValueError : uniforms of another shape or range; logits as in `checked`.
    """
    checked(logits)
    if uniforms.shape != logits.shape[:-1]:
        raise ValueError(
            f"uniforms should have shape {tuple(logits.shape[:-1])}, one for each choice, found {tuple(uniforms.shape)}"
        )
    if not ((uniforms >= 0) & (uniforms < 1)).all():
        raise ValueError("uniforms should be from 0 to below 1")
    return choose(logits.reshape(-1, logits.shape[-1]), uniforms.reshape(-1)).view(uniforms.shape)


@dataclasses.dataclass(frozen=True)
class Decoding:
    """How the next token's distribution is changed before it is drawn from; what is left out changes nothing.

    penalty, temperature, top_k, top_p, min_p : as for the functions of these names, applied in this order.

        decoding = Decoding(temperature=0.8, top_p=0.95)
        token = sample_token(decoding(logits, tokens), uniforms)

    Raises
    ------
    ValueError : a setting outside its range.
    """

    penalty: float = 1.0
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    min_p: float | None = None

    def __post_init__(self) -> None:
        positive("the penalty", self.penalty)
        positive("the temperature", self.temperature)
        share("top-p", self.top_p)
        if self.top_k is not None:
            whole("k", self.top_k)
        if self.min_p is not None:
            share("min-p", self.min_p)

    def __call__(self, logits: Tensor, tokens: Tensor) -> Tensor:
        """Logits `(..., K)` after everything. tokens : int64 `(..., t)`, those so far, prompt included."""
        *_, (_, last) = self.steps(logits, tokens)
        return last

    def steps(self, logits: Tensor, tokens: Tensor) -> Iterator[tuple[str, Tensor]]:
        """The name of each step that changes something, and the logits it leaves. At least one: the model's own logits."""
        yield "model", checked(logits)
        if self.penalty != 1:
            logits = penalise(logits, tokens, self.penalty)
            yield "penalty", logits
        if self.temperature != 1:
            logits = temperature(logits, self.temperature)
            yield "temperature", logits
        if self.top_k is not None:
            logits = top_k(logits, self.top_k)
            yield "top-k", logits
        if self.top_p != 1:
            logits = top_p(logits, self.top_p)
            yield "top-p", logits
        if self.min_p is not None:
            logits = min_p(logits, self.min_p)
            yield "min-p", logits


def stream(
    model: Any,
    prompt: Tensor,
    n: int,
    decoding: Decoding | None = None,
    generator: torch.Generator | None = None,
    *,
    key: int | None = None,
) -> Iterator[int]:
    """Tokens one by one, each as soon as it is drawn: at most n, and none after the model's `end`.

    Parameters
    ----------
    prompt : int64 `(T,)`, all that is read before the first one: at least one token. A model of whole sequences expects its
        `start` there.
    decoding : the model's own distribution if absent. Its penalty counts prompt and generated tokens alike.
    generator : one uniform for each token, `(n,)` at once.
    key : of a watermark. Tokens are then chosen by `watermarked_token` from uniforms of the key and the `WIDTH` tokens before.

    **The sliding window.** Of a prompt longer than the model's context only the last `context` tokens are read. Whenever the
    context is full, the later half of it is read anew, as if nothing had come before, and grows again: every token is drawn
    given between half the context and the whole of it.

    Raises
    ------
    ValueError : an empty prompt or one of another shape, type or range; n below 1.
    """
    if prompt.ndim != 1:
        raise ValueError(f"the prompt should have shape (T,), found {tuple(prompt.shape)}; generate() takes a batch")
    steps = _generated(model, prompt[None], n, decoding or Decoding(), generator, key)
    return (int(tokens) for tokens in steps)


def generate(
    model: Any,
    prompts: Tensor,
    n: int,
    decoding: Decoding | None = None,
    generator: torch.Generator | None = None,
    *,
    key: int | None = None,
) -> Tensor:
    """What follows each prompt: int64 `(B, T)` to `(B, n)`. Parameters and errors as for `stream`.

    A row that has reached the model's `end` is filled up with it and costs nothing more. With one generator, `stream` for one
    row after the other gives the same tokens: the uniforms are `(B, n)` at once, a row for each prompt.
    """
    steps = list(_generated(model, prompts, n, decoding or Decoding(), generator, key))
    return F.pad(torch.stack(steps, 1), (0, n - len(steps)), value=model.end or 0)


def _generated(
    model: Any, prompts: Tensor, n: int, decoding: Decoding, generator: torch.Generator | None, key: int | None
) -> Iterator[Tensor]:
    """Checks what it is given, then hands out int64 `(B,)` for each step until every row has ended."""
    if prompts.dtype != torch.int64 or prompts.ndim != 2:
        raise ValueError(
            f"prompts should be int64 of shape (B, T), found {prompts.dtype} of shape {tuple(prompts.shape)}"
        )
    if not prompts.numel():
        raise ValueError("the prompt is empty; there has to be a token to begin with, such as the model's start")
    whole("n", n)
    uniforms = torch.rand(len(prompts), n, generator=generator)

    @torch.no_grad()
    def steps() -> Iterator[Tensor]:
        length = prompts.shape[1]
        tokens = F.pad(prompts, (0, n), value=model.end or 0)  # (B, T + n): what is drawn takes its place
        rows = torch.arange(len(prompts))  # those that have not ended
        unread = prompts[:, -model.context :]
        capacity = min(model.context, length + n)
        cache = model.new_cache(len(rows), capacity)
        for t in range(length, length + n):
            if cache.length == model.context:
                cache = model.new_cache(len(rows), capacity)
                unread = tokens[rows, t - max(model.context // 2, 1) : t]
            logits = decoding(model.next_logits(unread, cache)[:, -1], tokens[rows, :t])
            if key is None:
                chosen = choose(logits, uniforms[rows, t - length])
            else:
                previous = tokens[rows, max(t - WIDTH, 0) : t]
                chosen = watermarked_token(logits, keyed_uniforms(key, previous, logits.shape[-1]))
            tokens[rows, t] = chosen
            yield tokens[:, t].clone()
            if model.end is not None and (chosen == model.end).any():
                going = chosen != model.end
                rows = rows[going]
                if not len(rows):
                    return
                cache.keep(going)
            unread = tokens[rows, t : t + 1]

    return steps()


def beam_search(
    step: Callable[[list[int]], Any], start: Sequence[int], width: int, length: int, end: int | None, alpha: float = 0.0
) -> tuple[list[int], float]:
    """The best of the sequences that a search with `width` hypotheses comes across: `(tokens, score)`.

    A sequence's score is its log-probability, nats, divided by its number of *generated* tokens to the power of alpha (Wu et
    al., "Google's Neural Machine Translation System", 2016, arXiv 1609.08144, section 7, with a simpler norm): at 0 short
    ones win, at 1 it is the mean per token. At each step every unfinished hypothesis is continued by every token, the
    finished ones wait among these candidates, and the `width` best by score stay; of equals, the one that stood higher, then
    the lower token. A hypothesis is finished at `end` or at `length`, and the search when all are.

    Parameters
    ----------
    step : tokens, those of `start` included, to the log-probabilities `(K,)` of the next one.
    start : what stands before; neither scored nor counted nor returned. width, length : at least 1.
    end : the token that ends a sequence; it is scored, counted and returned. None if there is none.

    Raises
    ------
    ValueError : width or length below 1, a negative alpha, log-probabilities above 0 or NaN, or no continuation.
    """
    whole("the width", width)
    whole("the length", length)
    if not alpha >= 0:
        raise ValueError(f"alpha should be 0 or more, found {alpha:g}")
    start = [int(token) for token in start]
    beam: list[tuple[list[int], float]] = [([], 0.0)]

    def finished(tokens: list[int]) -> bool:
        return len(tokens) == length or (end is not None and tokens[-1:] == [end])

    def score(hypothesis: tuple[list[int], float]) -> float:
        tokens, log_prob = hypothesis
        return log_prob / len(tokens) ** alpha

    while not all(finished(tokens) for tokens, _ in beam):
        candidates = []
        for tokens, log_prob in beam:
            if finished(tokens):
                candidates.append((tokens, log_prob))
                continue
            following = np.asarray(step(start + tokens), dtype=float)
            if following.ndim != 1 or not (following <= ROUNDING).all():
                raise ValueError(
                    "step should return log-probabilities of shape (K,), none above 0, found "
                    + (f"{following.max():g}" if following.ndim == 1 else f"shape {following.shape}")
                )
            candidates += [
                ([*tokens, token], log_prob + x) for token, x in enumerate(following.tolist()) if x > -math.inf
            ]
        if not candidates:
            raise ValueError("beam_search: every continuation has probability 0")
        beam = sorted(candidates, key=score, reverse=True)[:width]  # a stable sort: of equals, the first
    return beam[0][0], score(beam[0])


def accept_or_resample(
    p: Tensor, q: Tensor, token: Tensor, u_accept: Tensor, u_resample: Tensor
) -> tuple[Tensor, Tensor]:
    """Turn a token drawn from q into one drawn from p: `(token, accepted)`, int64 and bool `(...)`.

    Leviathan, Kalman & Matias, "Fast Inference from Transformers via Speculative Decoding", ICML 2023 (arXiv 2211.17192),
    section 2.3. The token stays with probability min(1, p / q); otherwise another is drawn from max(p - q, 0), normalised.
    Two uniforms: a rejection says that u_accept is large, so it cannot draw the other token as well.

    Parameters
    ----------
    p, q : probabilities `(..., K)` of target and draft. token : int64 `(...)`, drawn from q.
    u_accept, u_resample : `(...)` in [0, 1).
    """
    p, q = p.double(), q.double()
    of_p, of_q = (x.gather(-1, token[..., None])[..., 0] for x in (p, q))
    accepted = u_accept * of_q < of_p
    left = (p - q).clamp(min=0)
    left = torch.where(left.sum(-1, keepdim=True) > 0, left, p)  # p = q: only rounding can reject
    return torch.where(accepted, token, sample_token(left.log(), u_resample)), accepted


@torch.no_grad()
def speculate(
    target: Any,
    draft: Any,
    prompt: Tensor,
    n: int,
    decoding: Decoding | None = None,
    generator: torch.Generator | None = None,
    *,
    ahead: int = 4,
) -> tuple[Tensor, int]:
    """Exactly the target's distribution, in fewer passes of it: a small model drafts, the large one checks several at once.

    Leviathan et al. 2023 (see `accept_or_resample`), algorithm 1. Each round the draft proposes `ahead` tokens, one pass of
    the target scores them all, and they stay up to the first that is rejected, whose replacement is drawn at once. If all
    stay, the same pass has already scored what follows them, and gives one token more.

    Parameters
    ----------
    target, draft : models over the same tokens. prompt : int64 `(T,)`. With n tokens it has to fit into both contexts.
    decoding : what is drawn from is its distribution over the target's logits; the draft is filtered by it as well.
    generator : uniforms `(n, 3)` at once. Row t decides token t: its draft, whether that stays, and what replaces it. A row
        may be used for several drafts of its token, since of these only the last one is ever looked at.

    Returns
    -------
    tokens int64, at most `(n,)`, none after the target's `end`; and how many passes of the target it took. (Without a draft
    it is one for each token.)

    Raises
    ------
    ValueError : models of different tokens; a prompt as in `stream`, or one that does not fit; n or ahead below 1.
    """
    whole("n", n)
    whole("ahead", ahead)
    if target.n_tokens != draft.n_tokens:
        raise ValueError(f"target and draft should have the same tokens, found {target.n_tokens} and {draft.n_tokens}")
    if prompt.ndim != 1 or prompt.dtype != torch.int64 or not len(prompt):
        raise ValueError(
            f"the prompt should be int64 of shape (T,), T >= 1, found {prompt.dtype} of shape {tuple(prompt.shape)}"
        )
    t, full, room = len(prompt), len(prompt) + n, min(target.context, draft.context)
    if full > room:
        raise ValueError(f"prompt and new tokens should fit into a context of {room}, found {t} and {n}")
    decoding = decoding or Decoding()
    uniforms = torch.rand(n, 3, generator=generator)
    tokens = F.pad(prompt, (0, n))
    caches = target.new_cache(1, full), draft.new_cache(1, full)
    first, passes = t, 0

    def probabilities(logits: Tensor, t: int) -> Tensor:
        return decoding(logits, tokens[:t]).double().softmax(-1)

    while t < full:
        drafted: list[Tensor] = []
        for s in range(t, min(t + ahead, full - 1)):  # the last token is the target's own in any case
            q = probabilities(draft.next_logits(tokens[None, caches[1].length : s], caches[1])[0, -1], s)
            tokens[s] = sample_token(q.log(), uniforms[s - first, 0])
            drafted.append(q)
        unread = tokens[None, caches[0].length : t + len(drafted)]
        logits = target.next_logits(unread, caches[0])[0, -1 - len(drafted) :]
        passes += 1
        for i, row in enumerate(logits):
            p, (_, u_accept, u_resample) = probabilities(row, t), uniforms[t - first]
            if i < len(drafted):
                tokens[t], stays = accept_or_resample(p, drafted[i], tokens[t], u_accept, u_resample)
            else:
                tokens[t], stays = sample_token(p.log(), u_resample), torch.tensor(False)
            t += 1
            if tokens[t - 1] == target.end:
                return tokens[first:t], passes
            if not stays:
                break
        for cache in caches:  # forget what was rejected; the newest token has not been read by anyone
            cache.length = min(cache.length, t - 1)
    return tokens[first:], passes


def watermarked_token(logits: Tensor, uniforms: Tensor) -> Tensor:
    """The token whose log(u) / p is largest: int64 `(...)`.

    Aaronson, "Watermarking of Large Language Models", talk at the Simons Institute, 2022; Kuditipudi, Thickstun, Hashimoto &
    Liang, "Robust Distortion-free Watermarks for Language Models", 2023 (arXiv 2307.15593), section 2. Where the uniforms are
    drawn, a token is chosen with exactly its probability p; where they come from a key, whoever has it finds that the chosen
    tokens' uniforms are larger than chance.

    logits, uniforms : `(..., K)`, one uniform in [0, 1) for each token.

    Raises
    ------
    ValueError : uniforms of another shape or range; logits as in `checked`.
    """
    p = checked(logits).double().softmax(-1)
    if uniforms.shape != logits.shape:
        raise ValueError(
            f"uniforms should have shape {tuple(logits.shape)}, one for each token, found {tuple(uniforms.shape)}"
        )
    if not ((uniforms >= 0) & (uniforms < 1)).all():
        raise ValueError("uniforms should be from 0 to below 1")
    tiny = torch.finfo(torch.float64).tiny
    return torch.where(p > 0, uniforms.double().clamp(min=tiny).log() / p, -math.inf).argmax(-1)


def watermark_score(tokens: Tensor | Sequence[int], key: int, n_tokens: int, width: int = WIDTH) -> float:
    """The mean of -log(1 - u) over the uniforms u of the tokens that stand there, nats.

    Text that knows nothing of the key has 1, give or take 1 / sqrt(number of tokens scored), where contexts do not repeat;
    text chosen by `watermarked_token` has more, the more the higher its entropy.

    tokens : int64 `(T,)`, T > width. The first `width` are not scored, since what came before them is not all there.

    Raises
    ------
    ValueError : not more than `width` tokens.
    """
    tokens = torch.as_tensor(tokens, dtype=torch.int64)
    if tokens.ndim != 1 or len(tokens) <= width:
        raise ValueError(f"tokens should have shape (T,) with T > {width}, found {tuple(tokens.shape)}")
    uniforms = keyed_uniforms(key, tokens.unfold(0, width, 1)[:-1], n_tokens)  # (T - width, n_tokens)
    return -torch.log1p(-uniforms.gather(1, tokens[width:, None])).mean().item()


def checked(logits: Tensor) -> Tensor:
    """The logits, if they make a distribution.

    Raises
    ------
    ValueError : not floats, no token, NaN, +inf, or -inf for every token of a row.
    """
    if not logits.is_floating_point() or logits.ndim == 0 or not logits.shape[-1]:
        raise ValueError(
            f"logits should be floats of shape (..., K), found {logits.dtype} of shape {tuple(logits.shape)}"
        )
    largest = logits.amax(-1)  # shows all that can be wrong: NaN passes through it
    if not largest.isfinite().all():
        wrong = largest[~largest.isfinite()].flatten()[0].item()
        found = "no token with more than -inf" if wrong == -math.inf else f"{wrong:g}"
        raise ValueError(f"logits should be finite, or -inf for tokens that cannot be; found {found}")
    return logits


def positive(name: str, x: float) -> None:
    """Raises ValueError unless 0 < x < infinity."""
    if not 0 < x < math.inf:
        raise ValueError(f"{name} should be above 0, found {x:g}")


def share(name: str, p: float) -> None:
    """Raises ValueError unless 0 < p <= 1."""
    if not 0 < p <= 1:
        raise ValueError(f"{name} should be above 0 and at most 1, found {p:g}")


def whole(name: str, n: int) -> None:
    """Raises ValueError unless n is a whole number of at least 1."""
    if not n >= 1 or n != int(n):
        raise ValueError(f"{name} should be a whole number of at least 1, found {n!r}")
