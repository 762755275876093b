"""What every model of tokens makes of one thing, the logits of the next token: probabilities, a loss to train on, samples.

The network itself is in the files of the models; this is the chain rule, and where a sequence begins and ends.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib.models import inputs
from lib.models.pixel_by_pixel import choose


class State:
    """What has been read, as far as it is remembered, by a model that cannot go back.

    parts : the tensors in which it is remembered, as the model keeps them.
    """

    def __init__(self, parts: Any) -> None:
        self.parts = parts
        self._length = 0

    @property
    def length(self) -> int:
        """How many tokens have been read. Unlike a KV cache's, it cannot be set back: nothing can be unread."""
        return self._length

    def go_on(self, parts: Any, length: int) -> None:
        """The state after `length` tokens more."""
        self.parts, self._length = parts, self._length + length


class NextToken(nn.Module):
    """A distribution over sequences of tokens; a subclass says `next_logits` and `new_cache`.

    Parameters
    ----------
    settings : what the model is built from, by name, for `lib.weights`. It has `n_tokens`, how many different tokens there
        are; `start`, the token that is read before the first one; and `end`, the token that ends a sequence, or None.
        Those named in `counts` have to be at least 1.

    Raises
    ------
    ValueError : a setting out of range.
    """

    context = 1_000_000_000  # how many tokens it can read at once: no limit, unless the network sets one
    sample_length: int | None = None  # of a sample, if nobody says; the context if absent

    def __init__(self, settings: dict[str, Any], counts: tuple[str, ...]) -> None:
        super().__init__()
        self.settings = settings
        self.name = type(self).__name__
        self.n_tokens: int = settings["n_tokens"]
        self.start: int = settings["start"]
        self.end: int | None = settings["end"]
        for name in counts:
            if settings[name] < 1:
                raise ValueError(f"{self.name}: {name} should be at least 1, found {settings[name]}")
        for name in ("start", "end"):
            if settings[name] is not None and not 0 <= settings[name] < self.n_tokens:
                raise ValueError(
                    f"{self.name}: {name} should be a token, 0 to {self.n_tokens - 1}, found {settings[name]}"
                )

    def next_logits(self, tokens: Tensor, cache: Any = None) -> Tensor:
        """What may come after each token: int64 `(B, T)` to `(B, T, n_tokens)`; output t describes token t + 1.

        cache : what it remembers of the tokens before these; they are added to it.
        """
        raise NotImplementedError

    def new_cache(self, n: int, capacity: int | None = None) -> Any:
        """What n sequences are remembered in, none of which has begun; room for `capacity` tokens."""
        raise NotImplementedError

    def logits(self, tokens: Tensor) -> Tensor:
        """What describes each token, given those before it: int64 `(B, T)` to `(B, T, n_tokens)`. The first one is read from `start`."""
        inputs.codes(tokens, self.n_tokens, self.name)
        return self.next_logits(F.pad(tokens[:, :-1], (1, 0), value=self.start))

    def log_prob_each(self, tokens: Tensor) -> Tensor:
        """log p(token t | tokens before), nats: int64 `(B, T)` to `(B, T)`; 0 behind the first `end`, which counts itself."""
        each = -F.cross_entropy(self.logits(tokens).transpose(1, 2).float(), tokens, reduction="none")
        return torch.where(self.counted(tokens), each, 0.0)

    def log_prob(self, tokens: Tensor) -> Tensor:
        """log p(tokens): int64 `(B, T)` to `(B,)`, nats, up to the first `end` and with it."""
        return self.log_prob_each(tokens).sum(1)

    def counted(self, tokens: Tensor) -> Tensor:
        """Which tokens belong to their sequence: all up to the first `end`, and it. bool `(B, T)`."""
        if self.end is None:
            return torch.ones_like(tokens, dtype=torch.bool)
        ended = (tokens == self.end).long()
        return ended.cumsum(1) - ended == 0

    def training_loss(self, tokens: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Nats per token, the mean over a batch: the loss of `lib.training.fit`.

        With an `end`, rows are whole sequences. Without one they are pieces of a text, whose first token is only read.
        """
        if self.end is not None:
            return -self.log_prob(tokens).sum() / self.counted(tokens).sum()
        return F.cross_entropy(self.next_logits(tokens[:, :-1]).flatten(0, 1).float(), tokens[:, 1:].flatten())

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None, length: int | None = None) -> Tensor:
        """n sequences, int64 `(n, length)`, each token drawn from its conditional, with a cache.

        generator : one uniform for each token, `(n, length)` at once: column t decides token t.
        length : at most the context, and that if absent; 100 for a model without a limit. A sequence that has reached `end` is filled up with it.

        Raises
        ------
        ValueError : n or length below 1, or a length beyond the context.
        """
        if length is None:
            length = self.sample_length or self.context
        if n < 1 or not 1 <= length <= self.context:
            raise ValueError(
                f"{self.name}: expected n >= 1 and a length of 1 to {self.context}, found {n} and {length}"
            )
        uniforms = torch.rand(n, length, generator=generator)
        tokens = torch.empty(n, length, dtype=torch.long)
        cache, read = self.new_cache(n, length), torch.full((n,), self.start)
        ended = torch.zeros(n, dtype=torch.bool)
        for t in range(length):
            read = choose(self.next_logits(read[:, None], cache)[:, 0], uniforms[:, t])
            if self.end is not None:
                read[ended] = self.end
                ended |= read == self.end
            tokens[:, t] = read
        return tokens
