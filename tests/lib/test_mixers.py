"""Ways to mix positions: each equals its formula however the text is cut into pieces, and the model on top is causal and a distribution."""

import pytest
import torch
import torch.nn.functional as F

from lib.causality import dependence, leaks
from lib.models import pixel_by_pixel
from lib.models.mixers import MIXERS, MixerLM, attention, feature, linear_attention, scan

K = 5
PIECES = ([11], [1] * 11, [4, 1, 6])


def tensors(*shapes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def in_pieces(function, pieces, *inputs, axis):
    """Outputs of `function(*inputs, state)` for one piece after the other."""
    state, found = None, []
    for some in zip(*[t.split(pieces, axis) for t in inputs], strict=True):
        y, state = function(*some, state)
        found.append(y)
    return torch.cat(found, axis), state


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("window", [None, 1, 2, 3, 5, 10, 11, 20])
def test_attention_is_the_masked_softmax(window, pieces):
    q, k, v = tensors((2, 3, 11, 4), (2, 3, 11, 4), (2, 3, 11, 6))
    mask = torch.ones(11, 11, dtype=torch.bool).tril()
    if window is not None:
        mask &= torch.ones(11, 11, dtype=torch.bool).triu(1 - window)
    found, state = in_pieces(lambda q, k, v, s: attention(q, k, v, window, s), pieces, q, k, v, axis=2)
    weight = (q @ k.mT / 2).masked_fill(~mask, -torch.inf).softmax(-1)
    torch.testing.assert_close(found, weight @ v)
    if window is not None and window < 11:
        assert state[0].shape[2] == window - 1


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("chunk", [None, 1, 3, 11, 64])
def test_linear_attention_is_the_same_in_every_form(chunk, pieces):
    q, k, v = tensors((2, 3, 11, 4), (2, 3, 11, 4), (2, 3, 11, 6))
    wanted, phi = torch.empty_like(v), feature(k)
    for t in range(11):  # the formula, one position after the other
        weight = (feature(q)[:, :, t, None] * phi[:, :, : t + 1]).sum(-1)
        wanted[:, :, t] = (weight[..., None] * v[:, :, : t + 1]).sum(2) / weight.sum(-1)[..., None]
    found, (sums, total) = in_pieces(lambda q, k, v, s: linear_attention(q, k, v, chunk, s), pieces, q, k, v, axis=2)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(sums, phi.mT @ v)
    torch.testing.assert_close(total, phi.sum(2))


def test_its_features_are_elu_plus_one_and_never_zero():
    u = torch.linspace(-10, 10, 81)
    torch.testing.assert_close(feature(u), F.elu(u) + 1)
    far = torch.full((1, 1, 2, 3), -40.0)
    assert linear_attention(far, far, torch.ones(1, 1, 2, 3))[0].tolist() == torch.ones(1, 1, 2, 3).tolist()


@pytest.mark.parametrize("length", [1, 2, 7, 8, 13])
def test_a_scan_is_the_loop_whatever_the_decay(length):
    decay, value, h = tensors((2, length, 3), (2, length, 3), (2, 3))
    decay[:, ::3] = 0
    wanted, before = [], h
    for t in range(length):
        before = decay[:, t] * before + value[:, t]
        wanted.append(before)
    torch.testing.assert_close(scan(decay, value, h), torch.stack(wanted, 1))
    torch.testing.assert_close(scan(decay, value), scan(decay, value, torch.zeros_like(h)))


@pytest.fixture(params=MIXERS)
def model(request):
    """Weights large enough that every dependence shows."""
    model = MixerLM(K, request.param, width=8, window=3, start=2)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * 0.6)
    return model.eval()


def sequences(n, length, seed=2):
    return torch.randint(K, (n, length), generator=torch.Generator().manual_seed(seed))


def test_the_model_is_causal_and_reaches_as_far_as_its_way_does(model):
    found = dependence(lambda x: model.next_logits(x[None])[0], sequences(1, 12)[0], n_values=K)
    assert leaks(found, sees_itself=True) == []
    reach = (
        2 * (2 + 2) if model.settings["mixer"] == "window" else 11
    )  # two layers, each of three taps and a window of three
    assert [s for s in range(12) if found[11, s]] == list(range(11 - reach, 12))
    assert leaks(dependence(lambda x: model.logits(x[None])[0], sequences(1, 6)[0], n_values=K)) == []


@pytest.mark.parametrize("parts", PIECES)
def test_a_state_carried_on_gives_the_logits_of_the_whole_pass(model, parts):
    tokens = sequences(3, 11)
    with torch.no_grad():
        whole, state = model.next_logits(tokens), model.new_cache(3)
        pieces = [model.next_logits(piece, state) for piece in tokens.split(parts, 1)]
    assert state.length == 11
    torch.testing.assert_close(torch.cat(pieces, 1), whole, rtol=1e-4, atol=1e-5)


def test_the_state_carried_on_gives_the_samples_of_the_naive_way(model):
    fast = model.sample(3, torch.Generator().manual_seed(5), 20)
    uniforms = torch.rand(3, 20, generator=torch.Generator().manual_seed(5))
    assert torch.equal(fast, pixel_by_pixel.draw_tokens(model.logits, lambda tokens: tokens, uniforms))


def test_probabilities_of_all_sequences_sum_to_one(model):
    every = torch.cartesian_prod(*[torch.arange(K)] * 4)
    with torch.no_grad():
        assert model.log_prob(every).double().exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_what_the_state_takes_grows_with_full_attention_only(model):
    state, sizes = model.new_cache(3), []
    with torch.no_grad():
        for piece in sequences(3, 60).split(20, 1):
            model.next_logits(piece, state)
            sizes.append(state.n_bytes)
    numbers = {"full": 2 * 60 * 8, "window": 2 * 2 * 8, "linear": 2 * 4 * (4 + 1), "recurrence": 8}[
        model.settings["mixer"]
    ]
    assert sizes[-1] == 3 * 2 * 4 * (
        numbers + 2 * 8
    )  # two layers of four-byte numbers, each with two inputs of the taps
    assert (sizes[0] < sizes[-1]) == (model.settings["mixer"] == "full")
    state.keep(torch.tensor([True, False, True]))
    assert state.n_bytes == sizes[-1] * 2 // 3
    with torch.no_grad():
        assert model.next_logits(sequences(2, 1), state).shape == (2, 1, K)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mixer": "mamba"}, "mixer should be one of full, window, linear, recurrence, found 'mamba'"),
        ({"window": 0}, "window should be at least 1, found 0"),
        ({"n_heads": 3}, "n_heads should divide width, found 3 heads and width 4"),
    ],
)
def test_settings_that_make_no_network_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        MixerLM(**{"n_tokens": K, "width": 4, **settings})


def test_wrong_calls_are_refused():
    q = torch.zeros(1, 1, 2, 3)
    with pytest.raises(ValueError, match="the window counts the token itself and should be at least 1, found 0"):
        attention(q, q, q, 0)
    with pytest.raises(ValueError, match="chunk should be at least 1, found 0"):
        linear_attention(q, q, q, 0)
    model = MixerLM(K)
    with pytest.raises(ValueError, match="expected tokens of 2 sequences, as the state has, found 3"):
        model.next_logits(sequences(3, 1), model.new_cache(2))
