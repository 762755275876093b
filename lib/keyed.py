"""Uniforms from a secret key: what a watermark draws with. It needs no model, so that whoever has the key can check a text alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def keyed_uniforms(key: int, previous: Tensor | Sequence[int], n_tokens: int) -> Tensor:
    """A uniform in (0, 1) for each token that may come next, from a secret key and the tokens before: float64 `(..., n_tokens)`.

    The same on every machine: the bits are SHAKE-256 of "key:token,token,...", eight bytes (little-endian) for each uniform,
    of which the upper 52 bits count. Nobody without the key can tell them from drawn ones.

    key : any whole number. previous : int64 `(..., w)`, or w whole numbers. n_tokens : at least 1.

    Raises
    ------
    ValueError : n_tokens below 1 or not a whole number.
    """
    if not n_tokens >= 1 or n_tokens != int(n_tokens):
        raise ValueError(f"n_tokens should be a whole number of at least 1, found {n_tokens!r}")
    previous = torch.as_tensor(previous, dtype=torch.int64)
    bits = b"".join(
        hashlib.shake_256(f"{int(key)}:{','.join(map(str, row))}".encode()).digest(8 * n_tokens)
        for row in previous.reshape(-1, previous.shape[-1]).tolist()
    )
    uniforms = ((np.frombuffer(bits, dtype="<u8") >> np.uint64(12)) + 0.5) * 2.0**-52
    return torch.from_numpy(uniforms).reshape(*previous.shape[:-1], n_tokens)
