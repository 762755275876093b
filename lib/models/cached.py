"""How a network is run: over the whole image, or where a sampler has got to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

# Runs one layer on its input: over the whole image (`everywhere`), or where a sampler has got to.
Run = Callable[[Any, Any], Tensor]


def everywhere(layer: Any, h: Any) -> Tensor:
    """Run a layer over the whole image: `(B, C_in, H, W)` to `(B, C_out, H, W)`."""
    return layer(h)
