"""Text as tokens: alphabets, and the texts that lessons learn from.

Names come from `lib.data.load_names`. English prose is the documentation of the Python language that every Python brings along
(`pydoc_data.topics`; it differs a little between versions). Tiny Shakespeare is fetched when asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lib.data import load_names

END = "."  # stands behind every name, and before it as well

_SHAKESPEARE_URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
_SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


class Alphabet(NamedTuple):
    """The symbols that a text is made of; a token is the place of its symbol among them."""

    symbols: str

    def encode(self, text: str) -> Tensor:
        """Tokens of a text: int64 `(T,)`.

        Raises
        ------
        ValueError : a symbol that is not in the alphabet.
        """
        places = {symbol: token for token, symbol in enumerate(self.symbols)}
        try:
            return torch.tensor([places[symbol] for symbol in text], dtype=torch.long)
        except KeyError as error:
            raise ValueError(f"the alphabet {self.symbols!r} has no {error.args[0]!r}") from None

    def decode(self, tokens: Iterable[int] | Tensor) -> str:
        """The text of tokens `(T,)`."""
        return "".join(self.symbols[int(token)] for token in tokens)


NAMES = Alphabet(END + "abcdefghijklmnopqrstuvwxyz")
SHAKESPEARE = Alphabet("\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
ENGLISH = Alphabet("\n" + "".join(map(chr, range(32, 127))))  # printable ASCII


def encode_names(names: Iterable[str], length: int | None = None) -> Tensor:
    """Names as rows of tokens, each ended and filled up with `END`: int64 `(N, length)`; as long as the longest needs, if absent.

    Raises
    ------
    ValueError : a letter that names do not have, or a name that does not fit with its end.
    """
    names = list(names)
    longest = max(map(len, names)) + 1
    length = longest if length is None else length
    if longest > length:
        raise ValueError(f"expected names of at most {length - 1} letters and their end, found one of {longest - 1}")
    return torch.stack([NAMES.encode(name.ljust(length, END)) for name in names])


def decode_names(tokens: Tensor) -> list[str]:
    """What stands before the first `END` in each row: `(N, T)` to N names."""
    return [NAMES.decode(row).partition(END)[0] for row in tokens]


def split_names(folder: Path | str | None = None) -> tuple[list[str], list[str]]:
    """The names of `load_names` by alphabet, each once: every tenth to test on, and the rest to train on."""
    names = sorted(name for name, _ in load_names(folder=folder))
    return [name for i, name in enumerate(names) if i % 10], names[::10]


def load_english() -> str:
    """The prose of Python's language reference, some hundred thousand characters of `ENGLISH`, from the Python that runs this."""
    from pydoc_data.topics import topics  # not before it is needed: 700 kB

    text = "\n\n".join(topics[name] for name in sorted(topics))
    return "".join(symbol for symbol in text if symbol in ENGLISH.symbols)


def fetch_shakespeare(split: str = "train", source: Path | str | None = None) -> str:
    """Tiny Shakespeare (Karpathy 2015), 1 115 394 characters of `SHAKESPEARE`: the first 90 % to train on, the rest to validate.

    Fetched once by pooch and kept in its cache. source : the file, if you have it.

    Raises
    ------
    ValueError : an unknown split, or a file that is not that text. OSError : nothing in the cache, and no network.
    """
    if split not in ("train", "validation"):
        raise ValueError(f"split: expected 'train' or 'validation', found {split!r}")
    import pooch  # not before it is needed: most lessons never fetch anything

    if source is not None:
        if pooch.file_hash(str(source)) != _SHAKESPEARE_SHA256:
            raise ValueError(f"{source}: expected sha256 {_SHAKESPEARE_SHA256}, found {pooch.file_hash(str(source))}")
        path = Path(source)
    else:
        pooch.get_logger().setLevel("WARNING")
        folder = pooch.os_cache("autoregressive-course")
        try:
            path = Path(pooch.retrieve(_SHAKESPEARE_URL, _SHAKESPEARE_SHA256, "tinyshakespeare.txt", folder))
        except Exception as error:  # whatever the library below the library raises
            raise OSError(
                f"Tiny Shakespeare could not be fetched from {_SHAKESPEARE_URL} ({type(error).__name__}); fetch that file where "
                f"there is a network and put it there as {folder}/tinyshakespeare.txt, or name it: fetch_shakespeare(source=...)"
            ) from None
    text = path.read_text(encoding="ascii")
    cut = len(text) * 9 // 10
    return text[:cut] if split == "train" else text[cut:]


@torch.no_grad()
def nats_per_token(model: Any, tokens: Tensor, stride: int, batch_size: int = 16) -> float:
    """The mean of -log p(token t | the window's tokens before t) over all tokens but the first, each counted once.

    Windows are as long as the model's context (and one more: the first token is only read), and begin `stride` tokens apart.
    Each counts what no window before it has reached: all of the first one, then the last `stride`, which have seen at least
    context - stride tokens.

    Parameters
    ----------
    model : has `context` and `next_logits`. tokens : int64 `(T,)`. stride : 1 to the context; smaller is better and slower.

    Raises
    ------
    ValueError : fewer than two tokens, or another stride.
    """
    context = model.context
    if tokens.ndim != 1 or len(tokens) < 2 or not 1 <= stride <= context:
        raise ValueError(
            f"nats_per_token: expected at least two tokens (T,) and a stride of 1 to {context}, found {tuple(tokens.shape)} and {stride}"
        )
    n = len(tokens) - 1  # to be predicted
    whole = range(0, n - context + 1, stride)
    total, reached = 0.0, 0
    for i in range(0, len(whole), batch_size):
        some = torch.stack([tokens[start : start + context + 1] for start in whole[i : i + batch_size]])
        each = F.cross_entropy(model.next_logits(some[:, :-1]).mT, some[:, 1:], reduction="none").double()
        for start, losses in zip(whole[i : i + batch_size], each, strict=True):
            total += losses[reached - start :].sum().item()
            reached = start + context
    if reached < n:  # the last window is shorter, or begins earlier than a whole stride after the one before
        start = max(0, n - context)
        each = F.cross_entropy(
            model.next_logits(tokens[None, start:-1]).mT, tokens[None, start + 1 :], reduction="none"
        )
        total += each[0, reached - start :].double().sum().item()
    return total / n
