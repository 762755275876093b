"""GPT: causal, the same with a cache as without, a distribution, and GPT-2's network where GPT-2 has one."""

import itertools
import math

import pytest
import torch

from lib.causality import dependence, leaks
from lib.models import pixel_by_pixel
from lib.models.gpt import GPT, rotate

K, CONTEXT = 7, 12
KINDS = list(itertools.product(["learned", "rotary", "none"], [4, 2, 1]))


def made(positions="rotary", n_groups=None, seed=1, **settings):
    """A GPT with weights large enough that every dependence shows, biases included."""
    settings = {"n_tokens": K, "context": CONTEXT, "n_layers": 2, "n_heads": 4, "width": 16, **settings}
    model = GPT(positions=positions, n_groups=n_groups, **settings)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * 0.4)
    return model.eval()


def sequences(n, length, seed=2):
    return torch.randint(K, (n, length), generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind[0]}-{kind[1]}")
def model(request):
    return made(*request.param)


@pytest.mark.parametrize("parts", [[1] * 12, [12], [5, 1, 6], [1, 4, 1, 3]])
def test_a_cache_gives_the_logits_of_the_whole_pass(model, parts):
    tokens = sequences(3, sum(parts))
    with torch.no_grad():
        whole = model.next_logits(tokens)
        cache = model.new_cache(3)
        pieces = [model.next_logits(piece, cache) for piece in tokens.split(parts, 1)]
    assert cache.length == sum(parts)
    torch.testing.assert_close(torch.cat(pieces, 1), whole, rtol=1e-4, atol=1e-4)


def test_a_cache_forgets_what_it_is_told_to_forget(model):
    tokens, other = sequences(3, 9), sequences(3, 5, seed=3)
    cache = model.new_cache(3, 9)
    with torch.no_grad():
        model.next_logits(torch.cat([tokens[:, :4], other], 1), cache)
        cache.length = 4
        cache.keep(torch.tensor([True, False, True]))
        rest = model.next_logits(tokens[[0, 2], 4:], cache)
        whole = model.next_logits(tokens[[0, 2]])
    torch.testing.assert_close(rest, whole[:, 4:], rtol=1e-4, atol=1e-4)


def test_it_is_causal_and_loses_nothing(model):
    tokens = sequences(1, 6)[0]
    found = dependence(lambda x: model.logits(x[None])[0], tokens, n_values=K)
    assert leaks(found) == []
    assert found.sum() == 15  # every output sees every token before its own
    found = dependence(lambda x: model.next_logits(x[None])[0], tokens, n_values=K)
    assert leaks(found, sees_itself=True) == []
    assert found.sum() == 21


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("length", [1, CONTEXT])
def test_a_cache_gives_the_samples_of_the_naive_way(model, n, length):
    fast = model.sample(n, torch.Generator().manual_seed(5), length)
    uniforms = torch.rand(n, length, generator=torch.Generator().manual_seed(5))
    assert torch.equal(fast, pixel_by_pixel.draw_tokens(model.logits, lambda tokens: tokens, uniforms))


def test_probabilities_of_all_sequences_sum_to_one(model):
    every = torch.cartesian_prod(*[torch.arange(K)] * 4)
    with torch.no_grad():
        assert model.log_prob(every).double().exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_with_an_end_probabilities_of_ended_and_unended_sequences_sum_to_one():
    model = made(end=3, start=3)
    every = torch.cartesian_prod(*[torch.arange(K)] * 4)
    after = (every == 3).cumsum(1).bool()
    written_once = every[~(after[:, :-1] & (every[:, 1:] != 3)).any(1)]  # behind the first end only ends
    with torch.no_grad():
        assert model.log_prob(written_once).double().exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_what_stands_behind_the_end_counts_nothing():
    model = made(end=0)
    one, other = torch.tensor([[4, 2, 0, 0, 0]]), torch.tensor([[4, 2, 0, 5, 1]])
    with torch.no_grad():
        assert torch.equal(model.log_prob(one), model.log_prob(other))
        assert model.counted(other).tolist() == [[True, True, True, False, False]]
        assert model.log_prob(one).item() == pytest.approx(model.log_prob(one[:, :3]).item(), abs=1e-5)
        assert model.training_loss(other).item() == pytest.approx(-model.log_prob(one).item() / 3, abs=1e-5)


def test_samples_are_filled_up_with_the_end():
    tokens = made(end=3).sample(50, torch.Generator().manual_seed(0))
    ended = (tokens == 3).cumsum(1).bool()
    assert ended[:, -1].any() and not ended[:, 0].all()
    assert (tokens[ended] == 3).all()


def test_a_text_without_an_end_is_only_read_at_its_first_token():
    model, tokens = made(), sequences(2, 6)
    with torch.no_grad():
        wanted = -model.next_logits(tokens)[:, :-1].log_softmax(-1).gather(2, tokens[:, 1:, None]).mean().item()
        assert model.training_loss(tokens).item() == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("name", [name for name, _ in made("learned", 2).named_parameters()])
def test_every_weight_counts_in_both_ways(name):
    model, tokens = made("learned", 2), sequences(1, 5)

    def both():
        cache = model.new_cache(1)
        with torch.no_grad():
            steps = [model.next_logits(token, cache) for token in tokens.split(1, 1)]
            return model.next_logits(tokens), torch.cat(steps, 1)

    before = both()
    with torch.no_grad():
        weight = dict(model.named_parameters())[name]
        weight.add_(0.3 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)))
    after = both()
    assert not torch.allclose(before[0], after[0], atol=1e-3)
    torch.testing.assert_close(after[0], after[1], rtol=1e-4, atol=1e-4)


def test_rotated_products_depend_on_the_distance_alone():
    model = made(n_heads=2)
    q, k = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    cos, sin = model.turns
    products = rotate(q.expand(CONTEXT, 8), cos, sin) @ rotate(k.expand(CONTEXT, 8), cos, sin).T
    for distance in range(1 - CONTEXT, CONTEXT):
        along = products.diagonal(distance)
        torch.testing.assert_close(along, along[:1].expand_as(along), rtol=1e-4, atol=1e-4)
    assert products[0].std() > 0.1


def test_without_positions_the_past_is_a_set_to_one_layer():
    tokens = sequences(1, 6)
    shuffled = tokens[:, [3, 0, 4, 2, 1, 5]]
    for positions, same in (("none", True), ("rotary", False), ("learned", False)):
        model = made(positions, n_layers=1)
        with torch.no_grad():
            assert (
                torch.allclose(model.next_logits(tokens)[:, -1], model.next_logits(shuffled)[:, -1], atol=1e-5) == same
            )


def test_a_new_one_knows_nothing_and_leaves_the_global_generator_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    model = GPT(K, CONTEXT, 2, 4, 32)
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(model.embed.weight, GPT(K, CONTEXT, 2, 4, 32).embed.weight)
    assert not torch.equal(model.embed.weight, GPT(K, CONTEXT, 2, 4, 32, seed=1).embed.weight)
    with torch.no_grad():
        assert model.training_loss(sequences(4, CONTEXT)).item() == pytest.approx(math.log(K), abs=0.1)


def test_dropout_is_on_in_training_only():
    model, tokens = made(dropout=0.5), sequences(1, 5)
    with torch.no_grad():
        assert torch.equal(model.logits(tokens), model.logits(tokens))
        model.train()
        assert not torch.equal(model.logits(tokens), model.logits(tokens))


@pytest.mark.parametrize("n_groups", [4, 2, 1])
def test_a_cache_takes_the_memory_of_the_formula(n_groups):
    cache = made(n_groups=n_groups, n_layers=3).new_cache(5, 10)
    assert cache.n_bytes == 2 * 3 * 5 * n_groups * 10 * 4 * 4
    assert cache.capacity == 10


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_heads": 3}, "n_heads should divide width"),
        ({"n_groups": 3}, "n_groups should divide n_heads"),
        ({"positions": "sinus"}, "positions should be one of learned, rotary, none"),
        ({"width": 12, "n_heads": 4}, "heads of even size, found 3"),
        ({"dropout": 1.0}, "dropout should be from 0 to below 1"),
        ({"start": 7}, "start should be a token, 0 to 6"),
        ({"end": -1}, "end should be a token, 0 to 6"),
        ({"context": 0}, "context should be at least 1"),
    ],
)
def test_settings_that_make_no_network(settings, words):
    with pytest.raises(ValueError, match=words):
        made(**settings)


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (torch.full((1, 3), K), "0 to 6"),
        (torch.full((1, 3), -1), "0 to 6"),
        (torch.zeros(1, 3), "int64"),
        (torch.zeros(3, dtype=torch.long), "shape"),
        (torch.zeros(1, 0, dtype=torch.long), "shape"),
        (torch.zeros(1, CONTEXT + 1, dtype=torch.long), "at most 12 tokens, found 13"),
    ],
)
def test_tokens_that_it_cannot_read(tokens, words):
    with pytest.raises(ValueError, match=words):
        made().next_logits(tokens)


def test_a_full_cache_takes_no_more():
    model = made()
    cache = model.new_cache(1, 4)
    with torch.no_grad():
        model.next_logits(sequences(1, 4), cache)
        with pytest.raises(ValueError, match="at most 4 tokens, found 5"):
            model.next_logits(sequences(1, 1), cache)
    assert cache.length == 4


@pytest.mark.parametrize(("n", "length"), [(0, 3), (1, 0), (1, CONTEXT + 1)])
def test_samples_that_cannot_be_drawn(n, length):
    with pytest.raises(ValueError, match="expected n >= 1 and a length of 1 to 12"):
        made().sample(n, length=length)


def test_it_is_gpt_2_where_positions_are_learned():
    transformers = pytest.importorskip(
        "transformers", reason="compared with Hugging Face where transformers is installed"
    )
    from benchmarks.sampling import copy_weights

    shape = {"vocab_size": K, "n_positions": CONTEXT, "n_embd": 16, "n_layer": 2, "n_head": 4}
    theirs = transformers.GPT2LMHeadModel(transformers.GPT2Config(**shape, bos_token_id=0, eos_token_id=0)).eval()
    ours, tokens = made("learned"), sequences(3, CONTEXT)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in theirs.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * 0.4)
        copy_weights(theirs, ours)
        torch.testing.assert_close(ours.next_logits(tokens), theirs(tokens).logits, rtol=1e-4, atol=1e-4)
