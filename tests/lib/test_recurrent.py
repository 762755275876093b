"""Recurrent language models: causal, a distribution, the textbook's cells, and the same with the state carried on as in one pass."""

import numpy as np
import pytest
import torch

from lib import sampling, weights
from lib.causality import dependence, leaks
from lib.models import pixel_by_pixel
from lib.models.recurrent import RecurrentLM
from lib.text import nats_per_token
from lib.training import fit

K = 5


def made(kind, **settings):
    """A model with weights large enough that every dependence shows, biases included."""
    model = RecurrentLM(**{"n_tokens": K, "width": 9, "kind": kind, **settings})
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * 0.6)
    return model.eval()


def sequences(n, length, seed=2):
    return torch.randint(K, (n, length), generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=["rnn", "lstm"])
def model(request):
    return made(request.param)


def test_it_is_causal_and_reaches_back_to_the_beginning(model):
    tokens = sequences(1, 6)[0]
    found = dependence(lambda x: model.logits(x[None])[0], tokens, n_values=K)
    assert leaks(found) == []
    assert found.sum() == 15
    found = dependence(lambda x: model.next_logits(x[None])[0], tokens, n_values=K)
    assert leaks(found, sees_itself=True) == []
    assert found.sum() == 21


@pytest.mark.parametrize("parts", [[1] * 8, [8], [3, 1, 4]])
def test_a_state_carried_on_gives_the_logits_of_the_whole_pass(model, parts):
    tokens = sequences(3, 8)
    with torch.no_grad():
        whole, state = model.next_logits(tokens), model.new_cache(3)
        pieces = [model.next_logits(piece, state) for piece in tokens.split(parts, 1)]
    assert state.length == 8
    torch.testing.assert_close(torch.cat(pieces, 1), whole, rtol=1e-4, atol=1e-5)


def test_the_cells_are_those_of_the_books(model):
    tokens = sequences(2, 7)
    p = {name: value.detach().double().numpy() for name, value in model.named_parameters()}
    h = c = np.zeros((2, 9))
    for token, found in zip(tokens.T, model.next_logits(tokens).unbind(1), strict=True):
        into = p["embed.weight"][token] @ p["cell.weight_ih_l0"].T + h @ p["cell.weight_hh_l0"].T
        into += p["cell.bias_ih_l0"] + p["cell.bias_hh_l0"]
        if model.kind == "rnn":
            h = np.tanh(into)
        else:
            i, f, g, o = np.split(into, 4, axis=1)
            c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            h = np.tanh(c) / (1 + np.exp(-o))
        np.testing.assert_allclose(found.detach(), h @ p["out.weight"].T + p["out.bias"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("length", [1, 20])
def test_the_state_carried_on_gives_the_samples_of_the_naive_way(model, n, length):
    fast = model.sample(n, torch.Generator().manual_seed(5), length)
    uniforms = torch.rand(n, length, generator=torch.Generator().manual_seed(5))
    assert torch.equal(fast, pixel_by_pixel.draw_tokens(model.logits, lambda tokens: tokens, uniforms))
    assert model.sample(2).shape == (2, 100)


def test_probabilities_of_all_sequences_sum_to_one(model):
    every = torch.cartesian_prod(*[torch.arange(K)] * 4)
    with torch.no_grad():
        assert model.log_prob(every).double().exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_what_stands_behind_the_end_counts_nothing_and_samples_are_filled_up_with_it():
    model = made("lstm", start=2, end=2)
    one, other = torch.tensor([[4, 1, 2, 2]]), torch.tensor([[4, 1, 2, 3]])
    with torch.no_grad():
        assert torch.equal(model.log_prob(one), model.log_prob(other))
        assert model.training_loss(other).item() == pytest.approx(-model.log_prob(one).item() / 3, abs=1e-5)
    tokens = model.sample(50, torch.Generator().manual_seed(0), 12)
    ended = (tokens == 2).cumsum(1).bool()
    assert ended[:, -1].any() and not ended[:, 0].all()
    assert (tokens[ended] == 2).all()


def test_a_text_of_any_length_is_read_as_one_window(model):
    text = sequences(1, 300)[0]
    with torch.no_grad():
        wanted = model.training_loss(text[None]).item()
    assert nats_per_token(model, text, 1) == pytest.approx(wanted, abs=1e-5)


def test_it_streams_as_a_gpt_does(model):
    prompt = sequences(1, 4)[0]
    streamed = list(sampling.stream(model, prompt, 6, generator=torch.Generator().manual_seed(3)))
    uniforms = torch.rand(1, 6, generator=torch.Generator().manual_seed(3))
    tokens = prompt[None]
    for t in range(6):
        with torch.no_grad():
            drawn = pixel_by_pixel.choose(model.next_logits(tokens)[:, -1], uniforms[:, t])
        tokens = torch.cat([tokens, drawn[:, None]], 1)
    assert streamed == tokens[0, 4:].tolist()


def test_the_state_takes_the_same_memory_however_much_was_read():
    for kind, parts in (("rnn", 1), ("lstm", 2)):
        model = made(kind)
        state = model.new_cache(3)
        with torch.no_grad():
            model.next_logits(sequences(3, 50), state)
        assert state.n_bytes == parts * 3 * 9 * 4
        state.keep(torch.tensor([True, False, True]))
        assert state.n_bytes == parts * 2 * 9 * 4


@pytest.mark.parametrize("bfloat16", [False, True])
@pytest.mark.parametrize("kind", ["rnn", "lstm"])
def test_it_learns_to_repeat_what_it_read_three_tokens_ago(kind, bfloat16):
    rows = sequences(256, 3).repeat(1, 4)
    model = RecurrentLM(K, 32, kind)
    history = fit(model, rows, epochs=20, batch_size=32, lr=1e-2, warmup=10, bfloat16=bfloat16, progress=False)
    assert history[-1]["train"] < 0.5 * np.log(K)  # the first three can't be known, the nine behind them can


def test_packing_loses_next_to_nothing(model):
    again = weights.unpack(weights.pack(model, {}))
    tokens = sequences(4, 9)
    assert torch.allclose(again.log_prob(tokens), model.log_prob(tokens), atol=0.02)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "gru"}, "kind should be one of rnn, lstm, found 'gru'"),
        ({"width": 0}, "width should be at least 1, found 0"),
        ({"start": 5}, "start should be a token, 0 to 4, found 5"),
        ({"end": -1}, "end should be a token, 0 to 4, found -1"),
    ],
)
def test_settings_that_make_no_network_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        RecurrentLM(**{"n_tokens": K, "width": 4, **settings})


def test_wrong_tokens_are_refused(model):
    with pytest.raises(ValueError, match="RecurrentLM: codes should be 0 to 4, found 0 to 5"):
        model.next_logits(torch.tensor([[0, 5]]))
    with pytest.raises(ValueError, match="expected tokens of 2 sequences, as the state has, found 3"):
        model.next_logits(sequences(3, 1), model.new_cache(2))
    with pytest.raises(ValueError, match=r"RecurrentLM: expected n >= 1 and a length of 1 to \d+, found 0 and 4"):
        model.sample(0, length=4)
