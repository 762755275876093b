"""A GPT over digits: patches of pixels are its tokens, and so are the labels.

Chen, Radford, Child, Wu, Jun, Luan & Sutskever, "Generative Pretraining from Pixels", ICML 2020 (image GPT): an image is a
sequence like any other. Here the first token read says which digit is wanted, or that nobody knows; behind the last patch
stands the label. So one network holds both factorisations of the same joint distribution,

    p(label) p(patches | label)        label first: it generates what it is told
    p(patches) p(label | patches)      digit first: it scores, completes, and says what it has seen

and was trained on each for half of the digits. Nothing makes the two agree but the data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib.models import inputs
from lib.models.gpt import GPT
from lib.models.patches import Grid
from lib.models.pixel_by_pixel import choose


class PixelGPT(nn.Module):
    """A distribution over binary images with labels, token by token in raster order.

    Parameters
    ----------
    height, width : of an image, in pixels. patch : (p, q), pixels that are one token of K = 2^(p q) values.
    n_classes : Y, labels there are.
    n_layers, n_heads, channels, dropout, seed : of the GPT; channels is its width.

    Raises
    ------
    ValueError : patches that do not fit, or a setting that makes no GPT.
    """

    def __init__(
        self,
        height: int = 28,
        width: int = 28,
        patch: Sequence[int] = (2, 4),
        n_classes: int = 10,
        n_layers: int = 6,
        n_heads: int = 4,
        channels: int = 96,
        dropout: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.grid = Grid.of(height, width, patch, "PixelGPT")
        self.n_classes = n_classes
        self.settings: dict[str, Any] = {
            "height": height, "width": width, "patch": list(patch), "n_classes": n_classes, "n_layers": n_layers,
            "n_heads": n_heads, "channels": channels, "dropout": dropout, "seed": seed,
        }  # fmt: skip
        # Tokens: the values of a patch, then the labels, then "label unknown".
        self.unknown = self.grid.n_values + n_classes
        self.gpt = GPT(
            self.unknown + 1, self.grid.n_tokens + 1, n_layers, n_heads, channels,
            positions="learned", dropout=dropout, start=self.unknown, seed=seed,
        )  # fmt: skip

    def tokens(self, x: Tensor) -> Tensor:
        """The value of each patch in raster order: `(B, D)` to int64 `(B, T)`."""
        return self.grid.tokens(inputs.binary(x, self.grid.n_pixels, "PixelGPT")).flatten(1)

    def pixels(self, tokens: Tensor) -> Tensor:
        """Tokens `(B, T)` as images, float32 `(B, D)`."""
        return self.grid.pixels(tokens)

    def first(self, labels: Tensor | None, n: int) -> Tensor:
        """The token that is read first: int64 `(n, 1)`. labels : int64 `(n,)`, or None for "unknown"."""
        if labels is None:
            return torch.full((n, 1), self.unknown)
        labels = torch.as_tensor(labels)
        inputs.labels(labels[:, None] if labels.ndim == 1 else labels, n, (self.n_classes,), "PixelGPT")
        return self.grid.n_values + labels[:, None]

    def logits(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """The conditional of every patch given those before it (and the label): `(B, D)` to `(B, T, K)`. labels : int64 `(B,)`."""
        tokens = self.tokens(x)
        read = torch.cat([self.first(labels, len(x)), tokens[:, :-1]], dim=1)
        return self.gpt.next_logits(read)[..., : self.grid.n_values]

    def token_log_probs(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """log p of each patch given those before it: `(B, D)` to `(B, T)`, nats. Their sum is `log_prob`."""
        return -F.cross_entropy(self.logits(x, labels).mT.float(), self.tokens(x), reduction="none")

    def log_prob(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """log p(x | label), or log p(x), digit first, without: `(B, D)` to `(B,)`, nats."""
        return self.token_log_probs(x, labels).sum(1)

    def log_probs(self, x: Tensor) -> Tensor:
        """log p(x | y) for every label y: `(B, D)` to `(B, Y)`, nats."""
        each = [self.log_prob(x, torch.full((len(x),), y)) for y in range(self.n_classes)]
        return torch.stack(each, dim=1)

    def label_log_probs(self, x: Tensor) -> Tensor:
        """log p(y | x), digit first: what the network says behind the last patch. `(B, D)` to `(B, Y)`, nats."""
        read = torch.cat([self.first(None, len(x)), self.tokens(x)], dim=1)
        behind = self.gpt.next_logits(read)[:, -1, self.grid.n_values : self.unknown]
        return behind.float().log_softmax(1)

    def training_loss(self, x: tuple[Tensor, Tensor], generator: torch.Generator) -> Tensor:
        """Nats per digit, for `lib.training.fit`: of half of the digits given their label, of the others with it. x : (images, labels)."""
        images, labels = x
        tokens = self.tokens(images)
        told = torch.rand(len(images), 1, generator=generator) < 0.5
        first = torch.where(told, self.first(labels, len(images)), self.unknown)
        logits = self.gpt.next_logits(torch.cat([first, tokens], dim=1)).float()
        of_patches = logits[:, :-1, : self.grid.n_values].mT
        of_labels = logits[:, -1, self.grid.n_values : self.unknown]
        label_nats = F.cross_entropy(of_labels, labels, reduction="none").masked_fill(told[:, 0], 0.0)
        return F.cross_entropy(of_patches, tokens, reduction="none").sum(1).mean() + label_nats.mean()

    @torch.no_grad()
    def sample(
        self,
        n: int,
        generator: torch.Generator | None = None,
        labels: Tensor | None = None,
        known: Tensor | None = None,
    ) -> Tensor:
        """n images `(n, D)`, each patch drawn from its conditional, with a cache.

        Parameters
        ----------
        generator : one uniform for each patch, `(n, T)` at once: column t decides patch t.
        labels : int64 `(n,)`, which digits; unknown if absent. known : int64 `(n, P)`, the first patches; the rest is drawn.

        Raises
        ------
        ValueError : labels or known patches that do not fit.
        """
        tokens = torch.empty(n, self.grid.n_tokens, dtype=torch.long)
        n_known = 0
        if known is not None:
            n_known = known.shape[-1]
            if known.shape != (n, n_known) or n_known > self.grid.n_tokens:
                raise ValueError(
                    f"PixelGPT: known should be ({n}, at most {self.grid.n_tokens}) patches, found {tuple(known.shape)}"
                )
            inputs.codes(known, self.grid.n_values, "PixelGPT")
            tokens[:, :n_known] = known
        uniforms = torch.rand(tokens.shape, generator=generator)
        cache, read = self.gpt.new_cache(n), torch.cat([self.first(labels, n), tokens[:, :n_known]], dim=1)
        for t in range(n_known, self.grid.n_tokens):
            logits = self.gpt.next_logits(read, cache)[:, -1, : self.grid.n_values]
            tokens[:, t] = choose(logits, uniforms[:, t])
            read = tokens[:, t : t + 1]
        return self.pixels(tokens)

    def mixture_log_prob(self, x: Tensor) -> Tensor:
        """log of the mean of p(x | y) over the labels: label first, with every label as likely. `(B, D)` to `(B,)`, nats."""
        return self.log_probs(x).logsumexp(1) - math.log(self.n_classes)
