"""A recurrent language model: one vector is all that it remembers of the past.

Elman, "Finding Structure in Time", Cognitive Science 14(2), 1990: a network that reads its own last state beside each new
input. Hochreiter & Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997: a second state that is added to, not
multiplied away, behind gates. The gate that forgets came later (Gers, Schmidhuber & Cummins, "Learning to Forget", Neural
Computation 12(10), 2000); it starts almost open, so that at first nothing is forgotten.

    x_t     embedding of the token read
    "rnn"   h = tanh(W x + U h + b)
    "lstm"  i, f, o = sigmoid(...), g = tanh(...), each of x and h as above;  c = f c + i g;  h = o tanh(c)
    logits  out(h)                     output t describes the token that comes after token t

A step costs the same however much has been read, and memory does, too: the state is `width` numbers (twice that for an LSTM), where
a GPT keeps keys and values of every token. What does not fit into them is forgotten, and no step can begin before the last one ended.

    model.next_logits(tokens)          int64 (B, T) to (B, T, K): output t describes token t + 1
    model.next_logits(token, state)    the same for tokens that follow those the state has read; it goes on
    model.logits, log_prob, sample     as every model of tokens has them: `lib.models.next_token`

Left out: more than one layer, and peepholes (the gates do not see c).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lib.models import inputs
from lib.models.next_token import NextToken, State

CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM}


class RecurrentState(State):
    """What has been read, as far as it is remembered.

    parts : h, and c of an LSTM, `(1, n, width)` each.
    """

    def __init__(self, n: int, width: int, kind: str) -> None:
        super().__init__(tuple(torch.zeros(1, n, width) for _ in range(2 if kind == "lstm" else 1)))

    @property
    def n_bytes(self) -> int:
        """Memory that the state takes, however much has been read: n width numbers of 4 bytes, or twice that."""
        return sum(part.nbytes for part in self.parts)

    def keep(self, rows: Tensor) -> None:
        """Forget all sequences but these: bool `(n,)`, or their places."""
        self.parts = tuple(part[:, rows] for part in self.parts)


class RecurrentLM(NextToken):
    """A distribution over sequences of tokens, of any length.

    Parameters
    ----------
    n_tokens : K, how many different tokens there are. width : of the embedding and of the state.
    kind : "rnn" (Elman's) or "lstm".
    start : the token that is read before the first one. end : the token that ends a sequence; None for texts without an end.
    seed : of the initial weights.

    Raises
    ------
    ValueError : a setting that makes no network.
    """

    sample_length = 100

    def __init__(
        self, n_tokens: int, width: int, kind: str = "rnn", start: int = 0, end: int | None = None, seed: int = 0
    ) -> None:
        settings = {"n_tokens": n_tokens, "width": width, "kind": kind, "start": start, "end": end, "seed": seed}
        super().__init__(settings, counts=("n_tokens", "width"))
        if kind not in CELLS:
            raise ValueError(f"RecurrentLM: kind should be one of {', '.join(CELLS)}, found {kind!r}")
        self.width, self.kind = width, kind
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embed = nn.Embedding(n_tokens, width)
            self.cell = CELLS[kind](width, width, batch_first=True)
            self.out = nn.Linear(width, n_tokens)
        if kind == "lstm":
            nn.init.constant_(self.cell.bias_ih_l0[width : 2 * width], 1.0)

    def next_logits(self, tokens: Tensor, state: RecurrentState | None = None) -> Tensor:
        """What may come after each token: int64 `(B, T)` to `(B, T, n_tokens)`; output t describes token t + 1.

        state : of what stands before these tokens; it reads them, too.

        Raises
        ------
        ValueError : tokens of another shape, type or range, or a state of another number of sequences.
        """
        inputs.codes(tokens, self.n_tokens, "RecurrentLM")
        before = self.new_cache(len(tokens)) if state is None else state
        if before.parts[0].shape[1] != len(tokens):
            raise ValueError(
                f"RecurrentLM: expected tokens of {before.parts[0].shape[1]} sequences, as the state has, found {len(tokens)}"
            )
        if self.kind == "lstm":
            h, after = self.cell(self.embed(tokens), before.parts)
        else:
            h, after = self.cell(self.embed(tokens), before.parts[0])
            after = (after,)
        if state is not None:
            state.go_on(after, tokens.shape[1])
        return self.out(h)

    def new_cache(self, n: int, capacity: int | None = None) -> RecurrentState:
        """The state of n sequences of which nothing has been read. `capacity` is for others: any number of tokens goes into it."""
        return RecurrentState(n, self.width, self.kind)
