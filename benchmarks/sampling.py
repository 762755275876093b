"""`python -m benchmarks.sampling`: what it costs to draw text from a GPT, and to train one, as ratios in one run.

Everything alternates, and takes medians of processor time. Weights are random but for the last comparison.

- 1,000 tokens with the KV cache, against a whole pass for each (timed at every twentieth length); what a token costs after 100
  others and after 1,000.
- The same tokens by Hugging Face's `generate`, with its cache, on a GPT-2 of the same shape and the same weights; where
  `transformers` is installed.
- Training: tokens per second against `nn.TransformerEncoder` with a causal mask, of the same shape.
- Memory: what the cache's formula says, and what the process grew by. Linux only.
- Speculative decoding: passes of the target saved by a small draft that has learned from it, in samples of the trained model.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from rich.console import Console
from torch import Tensor, nn

from benchmarks.memory import growth
from benchmarks.timing import medians
from lib import weights
from lib.models.gpt import GPT, Cache
from lib.sampling import generate, speculate

K, CONTEXT, N_TOKENS = 65, 1024, 1000
SHAPES = ({"n_layers": 6, "n_heads": 6, "width": 96}, {"n_layers": 6, "n_heads": 6, "width": 192})


class Encoder(nn.Module):
    """GPT's shape out of PyTorch's own layers: learned positions, normalisation first, a tied embedding."""

    def __init__(self, n_layers: int, n_heads: int, width: int) -> None:
        super().__init__()
        self.embed, self.places = nn.Embedding(K, width), nn.Parameter(torch.zeros(CONTEXT, width))
        layer = nn.TransformerEncoderLayer(width, n_heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, n_layers, nn.LayerNorm(width), enable_nested_tensor=False)

    def training_loss(self, tokens: Tensor) -> Tensor:
        """Nats per token."""
        read = tokens[:, :-1]
        mask = nn.Transformer.generate_square_subsequent_mask(read.shape[1])
        x = self.layers(self.embed(read) + self.places[: read.shape[1]], mask, is_causal=True)
        return F.cross_entropy((x @ self.embed.weight.T).flatten(0, 1), tokens[:, 1:].flatten())


@torch.no_grad()
def copy_weights(theirs: Any, ours: GPT) -> None:
    """The weights of Hugging Face's `GPT2LMHeadModel` into a GPT of its shape, which has learned positions."""
    network, blocks, places = theirs.transformer, itertools.chain(ours.blocks), ours.places
    assert places is not None
    ours.embed.weight.copy_(network.wte.weight)
    places.copy_(network.wpe.weight)
    for block, other in zip(blocks, network.h, strict=True):
        mine: Any = block
        linears = (mine.qkv, other.attn.c_attn), (mine.out, other.attn.c_proj)
        for to, source in (*linears, (mine.up, other.mlp.c_fc), (mine.down, other.mlp.c_proj)):
            to.weight.copy_(source.weight.T)  # theirs is (in, out)
            to.bias.copy_(source.bias)
        mine.before_attention.load_state_dict(other.ln_1.state_dict())
        mine.before_mlp.load_state_dict(other.ln_2.state_dict())
    ours.norm.load_state_dict(network.ln_f.state_dict())


def hugging_face(n_layers: int, n_heads: int, width: int) -> Any:
    """A `GPT2LMHeadModel` with random weights, or None where transformers is not installed."""
    try:
        import transformers
    except ImportError:
        return None
    shape = {"vocab_size": K, "n_positions": CONTEXT, "n_embd": width, "n_layer": n_layers, "n_head": n_heads}
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(**shape, bos_token_id=0, eos_token_id=None)).eval()


def filled(model: GPT, n: int, length: int) -> Cache:
    """A cache that holds something, so that no product meets what happened to lie in memory."""
    cache = model.new_cache(n)
    cache.keys.normal_()
    cache.values.normal_()
    cache.length = length
    return cache


def drawing(shape: dict[str, int], console: Console) -> None:
    """1,000 tokens: the cache against whole passes, early against late tokens, ours against Hugging Face's."""
    model, token = GPT(K, CONTEXT, **shape, positions="learned").eval(), torch.zeros(1, 1, dtype=torch.long)
    theirs = hugging_face(**shape)
    if theirs is not None:
        copy_weights(theirs, model)
    every = 20
    passes = [torch.zeros(1, length, dtype=torch.long) for length in range(every // 2, N_TOKENS, every)]

    def naive() -> None:
        with torch.no_grad():
            for tokens in passes:
                model.next_logits(tokens)

    actions: list[Callable[[], object]] = [naive, lambda: generate(model, token, N_TOKENS)]
    if theirs is not None:
        options = {"do_sample": True, "top_k": 0, "pad_token_id": 0, "max_new_tokens": N_TOKENS}
        actions.append(lambda: theirs.generate(token, **options))
    slow, fast, *other = medians(*actions, repeats=3)
    console.print(
        f"GPT {shape}, 1,000 tokens: a whole pass for each {slow * every:.1f} s, with the cache {fast:.2f} s: "
        f"{slow * every / fast:.0f}x"
    )
    if theirs is not None:
        tokens = torch.randint(K, (2, 200))
        with torch.no_grad():
            apart = (model.next_logits(tokens) - theirs(tokens).logits).abs().max().item()
        console.print(
            f"  Hugging Face generate, cached {other[0]:.2f} s: ours is {other[0] / fast:.1f}x as fast; "
            f"logits with its weights at most {apart:.0e} apart"
        )
    for n_groups, positions in ((None, "learned"), (2, "rotary")):
        model = GPT(K, CONTEXT, **shape, n_groups=n_groups, positions=positions).eval()
        cache = filled(model, 1, 0)

        def steps(length: int, model: GPT = model, cache: Cache = cache) -> None:
            with torch.no_grad():
                for cache.length in range(length, length + 20):
                    model.next_logits(token, cache)

        early, late = medians(lambda steps=steps: steps(100), lambda steps=steps: steps(980), repeats=25)
        console.print(
            f"  a token after 100 others {1e6 * early / 20:.0f} us, after 1,000 {1e6 * late / 20:.0f} us: {late / early:.2f}x "
            f"({model.n_groups} groups, {positions} positions)"
        )


def training(shape: dict[str, int], console: Console) -> None:
    """Tokens per second of one step: forward, backward, AdamW."""
    tokens = torch.randint(K, (16, 257), generator=torch.Generator().manual_seed(0))

    def trainer(model: Any) -> Callable[[], None]:
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

        def step() -> None:
            optimiser.zero_grad()
            model.training_loss(tokens).backward()
            optimiser.step()

        return step

    kinds = ("learned", "rotary")
    models = [Encoder(**shape), *(GPT(K, CONTEXT, **shape, positions=kind) for kind in kinds)]
    plain, *ours = (tokens[:, 1:].numel() / x for x in medians(*map(trainer, models), repeats=5))
    told = ", ".join(f"{kind} {x:,.0f} ({x / plain:.2f}x)" for kind, x in zip(kinds, ours, strict=True))
    console.print(f"  training, tokens per second: nn.TransformerEncoder {plain:,.0f}, ours {told}")


def cache_memory(n: int, n_groups: int) -> float:
    """MiB that a fresh process grows by at most while n sequences of the whole context are read token by token. Linux only."""
    before = f"""
    import torch
    from benchmarks.sampling import CONTEXT, K, SHAPES
    from lib.models.gpt import GPT
    model, token = GPT(K, CONTEXT, **SHAPES[1], n_groups={n_groups}).eval(), torch.zeros({n}, 1, dtype=torch.long)
    torch.set_grad_enabled(False)
    model.next_logits(token, model.new_cache({n}, 1))
    """
    measured = f"""
    cache = model.new_cache({n})
    for _ in range(CONTEXT):
        model.next_logits(token, cache)
    """
    return growth(before, measured)


def memory(console: Console) -> None:
    """The cache against its formula."""
    for n, n_groups in ((8, 6), (8, 1)):
        formula = GPT(K, CONTEXT, **SHAPES[1], n_groups=n_groups).new_cache(n).n_bytes / 2**20
        found = cache_memory(n, n_groups)
        console.print(
            f"cache of {n} sequences, {n_groups} groups: formula {formula:.1f} MiB, the process grew by {found:.1f} at most"
        )


def speculation(name: str, console: Console) -> None:
    """A draft a tenth as large, taught for a little by what the target says of its own samples."""
    target, generator = weights.load(name), torch.Generator().manual_seed(0)
    draft = GPT(target.n_tokens, target.context, 1, 2, 64)
    optimiser = torch.optim.AdamW(draft.parameters(), lr=3e-3)
    with torch.no_grad():
        start = torch.full((32, 1), target.start)
        text = torch.cat([start, generate(target, start, target.context - 1, generator=generator)], 1)
        taught = target.next_logits(text).softmax(-1)
    for _ in range(150):
        rows = torch.randint(len(text), (8,), generator=generator)
        optimiser.zero_grad()
        F.cross_entropy(draft.next_logits(text[rows]).flatten(0, 1), taught[rows].flatten(0, 1)).backward()
        optimiser.step()
    n = target.context - 1
    for ahead in (2, 4, 8):
        drawn = [speculate(target, draft, start[0], n, generator=generator, ahead=ahead) for _ in range(4)]
        tokens, passes = sum(len(tokens) for tokens, _ in drawn), sum(passes for _, passes in drawn)
        console.print(
            f"{name}, {ahead} drafts ahead: {tokens} tokens in {passes} passes of the target, {tokens / passes:.2f} for each"
        )


def main() -> None:
    """Measure and print."""
    console = Console(width=130)
    console.print(f"{torch.get_num_threads()} threads.")
    for shape in SHAPES:
        drawing(shape, console)
        training(shape, console)
    if sys.platform == "linux":
        memory(console)
    if "shakespeare_gpt" in weights.NAMES:
        speculation("shakespeare_gpt", console)


if __name__ == "__main__":
    main()
