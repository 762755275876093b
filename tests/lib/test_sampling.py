"""Sampling: filters as their papers have them and as Hugging Face has them, and distributions that are exactly what they claim."""

import itertools
import math

import numpy as np
import pytest
import torch

from lib import sampling
from lib.models.gpt import GPT
from lib.sampling import Decoding

LEVEL = 1e-3  # below this p-value a chi-square test fails; the seeds are fixed, so that it always or never does
INF = math.inf


def made(n_tokens=3, context=12, seed=0, size=0.5, **settings):
    """A GPT whose conditionals differ from each other."""
    model = GPT(n_tokens, context, **{"n_layers": 1, "n_heads": 2, "width": 8, **settings})
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * size)
    return model.eval()


def random_logits(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 2


def of(*probabilities):
    return torch.tensor(probabilities).log()


def kept(logits):
    return (logits > -INF).nonzero()[:, -1].tolist()


def p_value(observed, expected):
    """Of Pearson's chi-square; counts expected below 5 are put together."""
    observed, expected = torch.as_tensor(observed).double(), torch.as_tensor(expected).double()
    assert observed[expected == 0].sum() == 0, "what has probability 0 was drawn"
    rare = expected < 5
    observed, expected = (torch.cat([x[~rare], x[rare].sum()[None]]) for x in (observed, expected))
    observed, expected = observed[expected > 0], expected[expected > 0]
    statistic = ((observed - expected) ** 2 / expected).sum()
    return torch.special.gammaincc((len(expected) - 1) / torch.tensor(2.0).double(), statistic / 2).item()


def enumerated(model, prompt, length, decoding):
    """Every sequence of that length, and its probability: int64 `(K^T, T)` and `(K^T,)`. Behind an end only ends follow."""
    every = torch.cartesian_prod(*[torch.arange(model.n_tokens)] * length).view(-1, length)
    tokens = torch.cat([prompt.expand(len(every), -1), every], 1)
    p = torch.ones(len(every)).double()
    ended = torch.zeros(len(every), dtype=torch.bool)
    with torch.no_grad():
        for t in range(len(prompt), tokens.shape[1]):
            now = decoding(model.next_logits(tokens[:, :t])[:, -1], tokens[:, :t]).double().softmax(-1)
            only_ends = (tokens[:, t] == model.end).double() if model.end is not None else 0.0
            p *= torch.where(ended, only_ends, now.gather(1, tokens[:, t, None])[:, 0])
            if model.end is not None:
                ended |= tokens[:, t] == model.end
    assert p.sum().item() == pytest.approx(1, abs=1e-6) and p.max() < 0.8
    return every, p


def counts(drawn, n_tokens):
    """How often each sequence `(N, T)` was drawn, in the order of `enumerated`."""
    places = n_tokens ** torch.arange(drawn.shape[1] - 1, -1, -1)
    return torch.bincount((drawn * places).sum(1), minlength=n_tokens ** drawn.shape[1])


# The filters, one by one


def test_greedy_takes_the_lowest_of_the_most_probable():
    assert sampling.greedy(torch.tensor([[1.0, 3.0, 3.0], [-INF, -5.0, -INF]])).tolist() == [1, 1]


def test_temperature_is_a_power_of_the_probabilities():
    p = torch.tensor([[0.5, 0.3, 0.2], [0.9, 0.1, 0.0]])
    for t in (0.25, 1.0, 3.0):
        powered = p ** (1 / t)
        torch.testing.assert_close(
            sampling.temperature(p.log(), t).softmax(-1), powered / powered.sum(-1, keepdim=True)
        )


def test_no_temperature_overflows():
    logits = torch.tensor([1e30, 2e30, -INF, -3e38])
    assert sampling.temperature(logits, 1e-30).softmax(-1).tolist() == [0, 1, 0, 0]
    assert sampling.temperature(logits, 1e30).isfinite().tolist() == [True, True, False, True]


def test_top_k_keeps_what_ties_with_the_kth():
    logits = torch.tensor([1.0, 3.0, 2.0, 3.0, 2.0, -INF])
    assert [kept(sampling.top_k(logits, k)) for k in (1, 2, 3, 4)] == [[1, 3], [1, 3], [1, 2, 3, 4], [1, 2, 3, 4]]
    assert [kept(sampling.top_k(logits, k)) for k in (5, 6, 100)] == [[0, 1, 2, 3, 4]] * 3


def test_top_p_keeps_the_token_that_crosses_p():
    logits = of(0.1, 0.5, 0.15, 0.25)
    wanted = {0.01: [1], 0.5: [1], 0.51: [1, 3], 0.75: [1, 3], 0.76: [1, 2, 3], 0.9: [1, 2, 3], 0.91: [0, 1, 2, 3]}
    for dtype in (torch.float32, torch.float64):
        assert {p: kept(sampling.top_p(logits.to(dtype), p)) for p in wanted} == wanted


def test_top_p_takes_the_lower_of_equals_first():
    assert kept(sampling.top_p(torch.zeros(5), 0.5)) == [0, 1, 2]
    assert kept(sampling.top_p(torch.tensor([0.0, 1, 0, 1, 0]), 0.85)) == [0, 1, 2, 3]


def test_top_p_of_one_keeps_the_rarest():
    logits = torch.tensor([0.0, -60.0, -INF, -100.0])
    assert kept(sampling.top_p(logits, 1)) == [0, 1, 3]
    assert kept(sampling.top_p(logits, 0.999)) == [0]


def test_a_sum_that_rounding_keeps_below_p_ends_the_nucleus_all_the_same():
    logits = torch.zeros(1000, dtype=torch.float16)
    assert len(kept(sampling.top_p(logits, 0.999))) == 999


def test_min_p_compares_with_the_most_probable():
    logits = of(0.5, 0.25, 0.2, 0.05, 0)
    assert {p: kept(sampling.min_p(logits, p)) for p in (0.09, 0.1, 0.11, 0.4, 0.5, 1)} == {
        0.09: [0, 1, 2, 3], 0.1: [0, 1, 2, 3], 0.11: [0, 1, 2], 0.4: [0, 1, 2], 0.5: [0, 1], 1: [0],
    }  # fmt: skip


def test_a_penalty_punishes_whatever_the_sign():
    logits, tokens = torch.tensor([[2.0, -2.0, 1.0, 0.0, -INF]] * 2), torch.tensor([[0, 1, 1, 0], [4, 3, 3, 3]])
    assert sampling.penalise(logits, tokens, 2.0).tolist() == [[1, -4, 1, 0, -INF], [2, -2, 1, 0, -INF]]
    assert sampling.penalise(logits, tokens[:, :0], 2.0).tolist() == logits.tolist()


def test_constraints_broadcast_and_keep_the_rest():
    logits = random_logits(2, 3, 4)
    allowed = torch.tensor([True, False, True, False])
    found = sampling.constrain(logits, allowed)
    assert torch.equal(found[..., allowed], logits[..., allowed])
    assert torch.isneginf(found[..., ~allowed]).all()


FILTERS = {
    "temperature": lambda logits: sampling.temperature(logits, 0.7),
    "top_k": lambda logits: sampling.top_k(logits, 3),
    "top_p": lambda logits: sampling.top_p(logits, 0.6),
    "min_p": lambda logits: sampling.min_p(logits, 0.2),
    "constrain": lambda logits: sampling.constrain(logits, torch.arange(logits.shape[-1]) % 2 == 0),
    "penalise": lambda logits: sampling.penalise(logits, torch.ones(*logits.shape[:-1], 2, dtype=torch.long), 1.5),
    "decoding": lambda logits: Decoding(1.2, 0.8, 5, 0.9, 0.05)(logits, torch.ones(*logits.shape[:-1], 2).long()),
}


@pytest.mark.parametrize("apply", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_filters_work_row_by_row_and_change_nothing_in_place(apply, dtype):
    logits = random_logits(2, 3, 8).to(dtype)
    logits[0, 1, 4] = -INF
    before = logits.clone()
    found = apply(logits)
    assert torch.equal(logits, before)
    assert found.shape == logits.shape and found.dtype == dtype
    assert found[0, 1, 4] == -INF
    for i, j in itertools.product(range(2), range(3)):
        assert torch.equal(found[i, j], apply(logits[i, j]))
    assert not torch.equal(found, logits)


@pytest.mark.parametrize("apply", [*FILTERS.values(), sampling.greedy], ids=[*FILTERS, "greedy"])
@pytest.mark.parametrize(
    ("logits", "words"),
    [
        (torch.tensor([[0.0, 1.0], [math.nan, 0.0]]), "found nan"),
        (torch.tensor([[0.0, 1.0], [INF, 0.0]]), "found inf"),
        (torch.tensor([[0.0, 1.0], [-INF, -INF]]), "no token with more than -inf"),
        (torch.tensor([[1, 2]]), "floats of shape"),
        (torch.zeros(2, 0), "floats of shape"),
    ],
)
def test_logits_that_are_no_distribution(apply, logits, words):
    with pytest.raises(ValueError, match=f"logits should be .*{words}"):
        apply(logits)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: sampling.top_k(x, 0), "k should be a whole number of at least 1, found 0"),
        (lambda x: sampling.top_k(x, 1.5), "k should be a whole number of at least 1, found 1.5"),
        (lambda x: sampling.top_p(x, 0), "top-p should be above 0 and at most 1, found 0"),
        (lambda x: sampling.top_p(x, 1.01), "top-p should be above 0 and at most 1, found 1.01"),
        (lambda x: sampling.top_p(x, math.nan), "top-p should be above 0 and at most 1, found nan"),
        (lambda x: sampling.min_p(x, -0.1), "min-p should be above 0 and at most 1, found -0.1"),
        (lambda x: sampling.temperature(x, 0), "the temperature should be above 0, found 0"),
        (lambda x: sampling.temperature(x, -1), "the temperature should be above 0, found -1"),
        (lambda x: sampling.temperature(x, INF), "the temperature should be above 0, found inf"),
        (lambda x: sampling.penalise(x, torch.zeros(1).long(), 0), "the penalty should be above 0, found 0"),
        (lambda x: sampling.penalise(x, torch.tensor([4]), 2), "tokens should be 0 to 3, found 4 to 4"),
        (lambda x: sampling.penalise(x, torch.zeros(2, 1).long(), 2), r"tokens should be int64 of shape \(t\)"),
        (lambda x: sampling.constrain(x, torch.zeros(4).bool()), "no token of positive probability is allowed"),
        (lambda x: sampling.constrain(x, torch.arange(4) == 3), "no token of positive probability is allowed"),
        (lambda x: sampling.constrain(x, torch.ones(3).bool()), r"allowed should be bool of shape \(4,\)"),
        (lambda x: sampling.constrain(x, torch.ones(4)), "allowed should be bool"),
        (lambda x: sampling.sample_token(x, torch.zeros(1)), "uniforms should have shape"),
        (lambda x: sampling.sample_token(x, torch.tensor(1.0)), "uniforms should be from 0 to below 1"),
        (lambda x: sampling.watermarked_token(x, torch.zeros(3)), "uniforms should have shape"),
        (lambda x: sampling.watermarked_token(x, torch.full((4,), -0.1)), "uniforms should be from 0 to below 1"),
        (lambda x: Decoding(top_k=0), "k should be"),
        (lambda x: Decoding(top_p=0), "top-p should be"),
        (lambda x: Decoding(min_p=2), "min-p should be"),
        (lambda x: Decoding(temperature=0), "the temperature should be"),
        (lambda x: Decoding(penalty=-1), "the penalty should be"),
    ],
)
def test_settings_out_of_range(call, words):
    with pytest.raises(ValueError, match=words):
        call(torch.tensor([0.0, 1.0, 2.0, -INF]))


# The order


def test_decoding_applies_everything_in_the_stated_order():
    logits, tokens = random_logits(4, 30), torch.randint(30, (4, 9), generator=torch.Generator().manual_seed(1))
    decoding = Decoding(penalty=1.4, temperature=1.7, top_k=12, top_p=0.8, min_p=0.2)
    by_hand = sampling.penalise(logits, tokens, 1.4)
    by_hand = sampling.top_k(sampling.temperature(by_hand, 1.7), 12)
    by_hand = sampling.min_p(sampling.top_p(by_hand, 0.8), 0.2)
    assert torch.equal(decoding(logits, tokens), by_hand)
    names, steps = zip(*decoding.steps(logits, tokens), strict=True)
    assert names == ("model", "penalty", "temperature", "top-k", "top-p", "min-p")
    assert torch.equal(steps[0], logits) and torch.equal(steps[-1], by_hand)
    sizes = [(step > -INF).sum().item() for step in steps]
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == 4  # each of the three filters removed something


def test_decoding_without_settings_changes_nothing():
    logits = random_logits(2, 5)
    assert torch.equal(Decoding()(logits, torch.zeros(2, 1).long()), logits)
    assert [name for name, _ in Decoding().steps(logits, torch.zeros(2, 1).long())] == ["model"]


def test_filters_and_decoding_agree_with_hugging_face():
    processors = pytest.importorskip(
        "transformers.generation.logits_process", reason="compared where transformers is installed"
    )
    logits, tokens = random_logits(6, 40), torch.randint(40, (6, 9), generator=torch.Generator().manual_seed(1))
    pairs = [
        (processors.RepetitionPenaltyLogitsProcessor(1.3), lambda x: sampling.penalise(x, tokens, 1.3)),
        (processors.TemperatureLogitsWarper(0.6), lambda x: sampling.temperature(x, 0.6)),
        (processors.TopKLogitsWarper(7), lambda x: sampling.top_k(x, 7)),
        (processors.TopPLogitsWarper(0.8), lambda x: sampling.top_p(x, 0.8)),
        (processors.MinPLogitsWarper(0.1), lambda x: sampling.min_p(x, 0.1)),
    ]
    composed = logits
    for theirs, ours in pairs:
        wanted, found = theirs(tokens, logits), ours(logits)
        assert torch.equal(wanted == -INF, found == -INF)
        torch.testing.assert_close(found.log_softmax(-1), wanted.log_softmax(-1))
        composed = theirs(tokens, composed)
    found = Decoding(1.3, 0.6, 7, 0.8, 0.1)(logits, tokens)
    assert torch.equal(composed == -INF, found == -INF)
    torch.testing.assert_close(found.log_softmax(-1), composed.log_softmax(-1))
    tied = torch.tensor([[2.0, 1.0, 1.0, 1.0, 0.0]])
    assert torch.equal(processors.TopKLogitsWarper(2)(tokens[:1], tied), sampling.top_k(tied, 2))


# Drawing


def test_a_token_is_drawn_by_the_rule_of_the_course():
    logits = of(0.25, 0, 0.5, 0.25, 0).expand(5, 5)
    uniforms = torch.tensor([0.0, 0.2499, 0.25, 0.7501, 1 - 2**-24])
    assert sampling.sample_token(logits, uniforms).tolist() == [0, 0, 2, 3, 3]
    assert sampling.sample_token(logits.view(5, 1, 5), uniforms[:, None]).shape == (5, 1)
    assert sampling.sample_token(logits[0], uniforms[2]).item() == 2


DECODINGS = [Decoding(), Decoding(temperature=1.8), Decoding(1.5, 1.6, 2), Decoding(top_p=0.8), Decoding(min_p=0.2)]


@pytest.mark.parametrize("decoding", DECODINGS, ids=str)
def test_generated_sequences_have_exactly_the_distribution_of_their_steps(decoding):
    model, n = made(), 4000
    prompt = torch.tensor([1, 2])
    _, p = enumerated(model, prompt, 3, decoding)
    drawn = sampling.generate(model, prompt.expand(n, -1), 3, decoding, torch.Generator().manual_seed(3))
    assert p_value(counts(drawn, 3), n * p) > LEVEL


def test_with_an_end_too():
    model, n = made(end=2), 4000
    prompt = torch.tensor([1])
    every, p = enumerated(model, prompt, 3, Decoding())
    drawn = sampling.generate(model, prompt.expand(n, -1), 3, generator=torch.Generator().manual_seed(3))
    assert 0.1 < p[(every == 2).any(1)].sum() < 0.99
    assert p_value(counts(drawn, 3), n * p) > LEVEL


def test_the_chi_square_sees_a_wrong_distribution():
    model, n = made(), 4000
    _, p = enumerated(model, torch.tensor([1, 2]), 3, Decoding())
    drawn = sampling.generate(
        model, torch.tensor([[1, 2]] * n), 3, Decoding(temperature=1.2), torch.Generator().manual_seed(3)
    )
    assert p_value(counts(drawn, 3), n * p) < LEVEL


@pytest.mark.parametrize("positions", ["rotary", "learned"])
@pytest.mark.parametrize("end", [None, 2])
@pytest.mark.parametrize(("length", "n"), [(1, 1), (4, 8), (5, 40), (12, 1), (30, 5)])
def test_a_batch_gives_what_a_stream_gives_row_by_row(positions, end, length, n):
    model = made(9, positions=positions, end=end, size=0.5)
    prompts = torch.randint(9, (6, length), generator=torch.Generator().manual_seed(0))
    decoding = Decoding(penalty=1.1, temperature=1.5, top_p=0.95)
    together = sampling.generate(model, prompts, n, decoding, torch.Generator().manual_seed(4))
    generator = torch.Generator().manual_seed(4)
    assert together.shape == (6, n) and together.dtype == torch.int64
    for row, prompt in zip(together, prompts, strict=True):
        alone = list(sampling.stream(model, prompt, n, decoding, generator))
        assert alone == row[: len(alone)].tolist()
        assert set(row[len(alone) :].tolist()) <= {end} and (len(alone) == n or alone[-1] == end)
        assert end not in alone[:-1]


def windows(context, length, n):
    """What is read before each new token, as `stream` states it: (first, behind the last)."""
    first = max(0, length - context)
    for t in range(length, length + n):
        if t - first > context:
            first = t - max(context // 2, 1)
        yield first, t


@pytest.mark.parametrize("context", [1, 2, 5, 12])
@pytest.mark.parametrize("length", [1, 5, 20])
def test_beyond_the_context_the_window_slides_as_stated(context, length):
    model = made(9, context)
    prompt, n = torch.randint(9, (length,), generator=torch.Generator().manual_seed(0)), 30
    tokens = torch.cat([prompt, torch.zeros(n).long()])
    uniforms = torch.rand(n, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for u, (first, t) in zip(uniforms, windows(context, length, n), strict=True):
            assert context // 2 <= t - first <= context or first == 0
            tokens[t] = sampling.sample_token(model.next_logits(tokens[None, first:t])[0, -1], u)
    assert (
        list(sampling.stream(model, prompt, n, generator=torch.Generator().manual_seed(1))) == tokens[length:].tolist()
    )


def test_a_stream_is_lazy_and_says_at_once_what_is_wrong():
    model, seen = made(), []
    following = model.next_logits
    model.next_logits = lambda *inputs: seen.append(1) or following(*inputs)
    tokens = sampling.stream(model, torch.tensor([0]), 10)
    assert len(seen) == 0
    next(tokens)
    assert len(seen) == 1
    with pytest.raises(ValueError, match="the prompt is empty"):
        sampling.stream(model, torch.zeros(0).long(), 10)
    assert not torch.is_inference_mode_enabled() and torch.is_grad_enabled()


def test_rows_that_have_ended_are_not_computed():
    model, sizes = made(5, end=2), []
    following = model.next_logits
    model.next_logits = lambda tokens, cache: sizes.append(len(tokens)) or following(tokens, cache)
    drawn = sampling.generate(model, torch.zeros(20, 1).long(), 8, generator=torch.Generator().manual_seed(0))
    going = (drawn != 2).cumprod(1).sum(0).tolist()
    assert sizes == [size for size in [20, *going[:-1]] if size]
    assert sizes[-1] < 20


@pytest.mark.parametrize(
    ("prompt", "n", "words"),
    [
        (torch.zeros(0).long(), 3, "the prompt is empty"),
        (torch.zeros(2), 3, "int64"),
        (torch.zeros(1, 2).long(), 3, "the prompt should have shape"),
        (torch.tensor([0]), 0, "n should be a whole number of at least 1, found 0"),
    ],
)
def test_prompts_that_cannot_be_read(prompt, n, words):
    with pytest.raises(ValueError, match=words):
        sampling.stream(made(), prompt, n)


@pytest.mark.parametrize("token", [-1, 3])
def test_tokens_that_the_model_does_not_have(token):
    with pytest.raises(ValueError, match="0 to 2"):
        list(sampling.stream(made(), torch.tensor([token]), 3))


def test_one_row_of_top_1_is_greedy():
    model = made(9)
    tokens = [4]
    with torch.no_grad():
        for _ in range(8):
            tokens.append(sampling.greedy(model.next_logits(torch.tensor([tokens]))[0, -1]).item())
    assert list(sampling.stream(model, torch.tensor([4]), 8, Decoding(top_k=1))) == tokens[1:]


# Beam search


def toy(seed=0, size=3, length=4):
    """Log-probabilities of the next token for every prefix."""
    rng = np.random.default_rng(seed)
    table = {
        prefix: np.log(rng.dirichlet([0.5] * size))
        for t in range(length)
        for prefix in itertools.product(range(size), repeat=t)
    }
    return lambda tokens: table[tuple(tokens[1:])]


def exhaustive(step, start, length, end, alpha, size=3):
    """The best of all sequences, by looking at each."""
    best = None
    for n in range(1, length + 1):
        for tokens in itertools.product(range(size), repeat=n):
            if end in tokens[:-1] or (n < length and tokens[-1] != end):
                continue
            score = sum(step([*start, *tokens[:t]])[token] for t, token in enumerate(tokens)) / n**alpha
            if best is None or score > best[1]:
                best = list(tokens), score
    return best


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("end", [None, 1])
@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.0])
def test_a_beam_as_wide_as_the_tree_finds_the_best(seed, end, alpha):
    step = toy(seed)
    tokens, score = sampling.beam_search(step, [9], 200, 4, end, alpha)
    wanted, wanted_score = exhaustive(step, [9], 4, end, alpha)
    assert tokens == wanted and score == pytest.approx(wanted_score)


def test_a_beam_of_one_is_greedy_and_a_narrow_one_can_miss():
    def step(tokens):  # the likelier first letter leads to nothing much
        return np.log({0: [0.6, 0.4], 1: [0.5, 0.5] if tokens[-1] == 0 else [0.1, 0.9]}[len(tokens) - 1])

    assert sampling.beam_search(step, [7], 1, 2, None)[0] == [0, 0]
    tokens, score = sampling.beam_search(step, [7], 2, 2, None)
    assert tokens == [1, 1] and score == pytest.approx(math.log(0.36))


def test_short_ones_win_without_length_normalisation_and_the_prompt_does_not_count():
    def step(tokens):
        return np.log([0.4, 0.6] if tokens[-1] == 5 else [0.05, 0.95])  # token 0 ends

    for start in ([5], [3, 3, 3, 5]):
        assert sampling.beam_search(step, start, 3, 12, 0, 0.0) == ([0], pytest.approx(math.log(0.4)))
        tokens, score = sampling.beam_search(step, start, 3, 12, 0, 1.0)
        assert tokens == [1] * 12 and score == pytest.approx((math.log(0.6) + 11 * math.log(0.95)) / 12)


def test_a_finished_hypothesis_waits_and_can_be_beaten():
    table = {(): [0.5, 0.5, 0.0], (1,): [0.01, 0.0, 0.99], (1, 2): [1.0, 0.0, 0.0]}
    step = lambda tokens: np.log(np.maximum(table[tuple(tokens[1:])], 1e-300))  # noqa: E731
    tokens, score = sampling.beam_search(step, [9], 2, 3, 0, 1.0)
    assert tokens == [1, 2, 0] and score == pytest.approx(math.log(0.495) / 3)
    assert sampling.beam_search(step, [9], 2, 3, 0, 0.0)[0] == [0]


def test_of_equals_the_lower_token_comes_first():
    assert sampling.beam_search(lambda tokens: np.log([0.25] * 4), [0], 2, 3, None)[0] == [0, 0, 0]


@pytest.mark.parametrize(
    ("step", "settings", "words"),
    [
        (lambda tokens: [0.1, -1], {}, "none above 0, found 0.1"),
        (lambda tokens: [math.nan, -1], {}, "none above 0, found nan"),
        (lambda tokens: [[-1.0]], {}, "shape"),
        (lambda tokens: [-INF, -INF], {}, "every continuation has probability 0"),
        (lambda tokens: [-1.0], {"width": 0}, "the width should be a whole number"),
        (lambda tokens: [-1.0], {"length": 0}, "the length should be a whole number"),
        (lambda tokens: [-1.0], {"alpha": -1}, "alpha should be 0 or more"),
    ],
)
def test_beams_that_cannot_be_searched(step, settings, words):
    with pytest.raises(ValueError, match=words):
        sampling.beam_search(step, [0], **{"width": 2, "length": 2, "end": None, **settings})


# Speculative decoding


@pytest.mark.parametrize("seed", range(4))
def test_accepting_or_resampling_turns_q_into_p_by_summing_over_fine_uniforms(seed):
    rng = np.random.default_rng(seed)
    p, q = (torch.from_numpy(rng.dirichlet([0.7] * 4)) for _ in range(2))
    if seed == 3:
        p[1], q[2] = 0, 0
        p, q = p / p.sum(), q / q.sum()
    m = 300
    u = (torch.arange(m) + 0.5) / m
    token, u_accept, u_resample = torch.meshgrid(torch.arange(4.0), u, u, indexing="ij")
    token = token.long()
    shape = (*token.shape, 4)
    found, accepted = sampling.accept_or_resample(p.expand(shape), q.expand(shape), token, u_accept, u_resample)
    weights = q[:, None, None].expand(token.shape) / m**2
    out = torch.stack([weights[found == i].sum() for i in range(4)])
    torch.testing.assert_close(out, p, atol=2 / m, rtol=0)
    assert (weights * accepted).sum().item() == pytest.approx(torch.minimum(p, q).sum().item(), abs=2 / m)


def test_of_equal_distributions_nothing_is_rejected():
    p = torch.tensor([0.2, 0.8])
    token, accepted = sampling.accept_or_resample(p, p, torch.tensor(0), torch.tensor(1 - 2**-24), torch.tensor(0.9))
    assert accepted and token == 0


@pytest.mark.parametrize(("ahead", "decoding"), [(1, Decoding()), (3, Decoding()), (2, Decoding(1.3, 0.8, None, 0.85))])
def test_speculation_has_exactly_the_distribution_of_the_target(ahead, decoding):
    target, draft, n = made(end=2), made(seed=4, positions="none"), 800
    prompt = torch.tensor([1, 0])
    _, p = enumerated(target, prompt, 3, decoding)
    generator = torch.Generator().manual_seed(6)
    drawn = [sampling.speculate(target, draft, prompt, 3, decoding, generator, ahead=ahead)[0] for _ in range(n)]
    drawn = torch.stack([torch.nn.functional.pad(tokens, (0, 3 - len(tokens)), value=2) for tokens in drawn])
    assert p_value(counts(drawn, 3), n * p) > LEVEL


def test_one_uniform_for_both_would_not():
    p, q, n = torch.tensor([0.3, 0.3, 0.4]), torch.tensor([0.8, 0.1, 0.1]), 4000
    generator = torch.Generator().manual_seed(0)
    token = sampling.sample_token(q.log().expand(n, 3), torch.rand(n, generator=generator))
    u, other = torch.rand(2, n, generator=generator)
    both, _ = sampling.accept_or_resample(p.expand(n, 3), q.expand(n, 3), token, u, other)
    one, _ = sampling.accept_or_resample(p.expand(n, 3), q.expand(n, 3), token, u, u)
    assert p_value(both.bincount(minlength=3), n * p) > LEVEL > p_value(one.bincount(minlength=3), n * p)


@pytest.mark.parametrize("ahead", [1, 2, 4, 50])
@pytest.mark.parametrize("n", [1, 2, 23])
def test_a_draft_that_is_the_target_saves_all_the_passes_it_can(ahead, n):
    model = made(9, 32)
    tokens, passes = sampling.speculate(
        model, model, torch.tensor([3, 1]), n, generator=torch.Generator().manual_seed(0), ahead=ahead
    )
    assert len(tokens) == n and passes == -(-n // (ahead + 1))


def test_speculation_and_a_poor_draft_still_give_one_token_for_each_pass():
    target, draft = made(9, 32, size=2), made(9, 32, size=2, seed=1)
    tokens, passes = sampling.speculate(
        target, draft, torch.tensor([3]), 31, Decoding(top_k=1), torch.Generator().manual_seed(0)
    )
    assert len(tokens) == 31 and 1 <= passes <= 31
    assert tokens.tolist() == list(sampling.stream(target, torch.tensor([3]), 31, Decoding(top_k=1)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prompt": torch.zeros(0).long()}, "T >= 1"),
        ({"n": 12}, "fit into a context of 12, found 1 and 12"),
        ({"n": 0}, "n should be a whole number"),
        ({"ahead": 0}, "ahead should be a whole number"),
        ({"draft": made(4)}, "the same tokens, found 3 and 4"),
    ],
)
def test_speculation_that_cannot_be(changes, words):
    given = {"target": made(), "draft": made(), "prompt": torch.tensor([0]), "n": 3, **changes}
    with pytest.raises(ValueError, match=words):
        sampling.speculate(**given)


# The watermark


def test_keyed_uniforms_are_the_same_everywhere():
    found = sampling.keyed_uniforms(7, [1, 2], 3)
    assert found.dtype == torch.float64
    assert [x.hex() for x in found.tolist()] == ["0x1.1d91c361c263fp-1", "0x1.6df7d9f47c20ep-2", "0x1.d8df325483b19p-1"]
    assert torch.equal(sampling.keyed_uniforms(7, torch.tensor([[0, 5], [1, 2]]), 3)[1], found)
    others = [
        sampling.keyed_uniforms(*other) for other in ((8, [1, 2], 3), (7, [2, 1], 3), (7, [12], 3), (7, [1, 2, 0], 3))
    ]
    assert len({x[0].item() for x in [found, *others]}) == 5
    assert torch.equal(sampling.keyed_uniforms(7, [1, 2], 9)[:3], found)


def test_keyed_uniforms_are_uniform_and_never_0_or_1():
    uniforms = sampling.keyed_uniforms(3, torch.arange(2000)[:, None], 10)
    assert uniforms.min() > 0 and uniforms.max() < 1
    assert p_value(uniforms.flatten().histc(20, 0, 1), torch.full((20,), 1000.0)) > LEVEL
    pairs = (uniforms[:, 0] * 5).long() * 5 + (uniforms[:, 1] * 5).long()
    assert p_value(pairs.bincount(minlength=25), torch.full((25,), 80.0)) > LEVEL


def test_a_watermarked_token_has_exactly_its_probability():
    p, n = torch.tensor([0.5, 0.3, 0.15, 0.05, 0.0]), 4000
    drawn = sampling.watermarked_token(p.log().expand(n, 5), sampling.keyed_uniforms(11, torch.arange(n)[:, None], 5))
    assert p_value(drawn.bincount(minlength=5), n * p) > LEVEL


def test_what_cannot_be_is_not_chosen_whatever_the_uniforms():
    logits = torch.tensor([-INF, 0.0, -800.0])
    for uniforms in ([0.999, 0.0, 0.999], [0.0, 0.0, 0.0], [0.999, 1e-300, 0.9]):
        assert sampling.watermarked_token(logits, torch.tensor(uniforms, dtype=torch.float64)).item() == 1


def test_a_watermark_is_found_by_its_key_alone():
    model = made(60, 64, size=0.3, seed=2)
    text = torch.tensor(list(sampling.stream(model, torch.tensor([0]), 400, key=5)))
    score = sampling.watermark_score(text, 5, 60)
    chance = 1 / math.sqrt(400 - sampling.WIDTH)
    assert score > 1 + 8 * chance
    for key in range(6, 16):
        assert abs(sampling.watermark_score(text, key, 60) - 1) < 4 * chance
    plain = torch.tensor(
        list(sampling.stream(model, torch.tensor([0]), 400, generator=torch.Generator().manual_seed(0)))
    )
    assert abs(sampling.watermark_score(plain, 5, 60) - 1) < 4 * chance


def test_the_score_is_the_mean_over_the_tokens_whose_context_is_there():
    tokens = [3, 1, 4, 1, 5, 0]
    terms = [-math.log(1 - sampling.keyed_uniforms(2, tokens[t - 4 : t], 6)[tokens[t]].item()) for t in (4, 5)]
    assert sampling.watermark_score(tokens, 2, 6) == pytest.approx(sum(terms) / 2)
    with pytest.raises(ValueError, match="T > 4"):
        sampling.watermark_score(tokens[:4], 2, 6)


def test_watermarked_rows_of_a_batch_are_streams():
    model = made(9, end=3)
    prompts = torch.randint(9, (5, 2), generator=torch.Generator().manual_seed(0))
    together = sampling.generate(model, prompts, 10, Decoding(top_p=0.9), key=1)
    for row, prompt in zip(together, prompts, strict=True):
        alone = list(sampling.stream(model, prompt, 10, Decoding(top_p=0.9), key=1))
        assert alone == row[: len(alone)].tolist()
