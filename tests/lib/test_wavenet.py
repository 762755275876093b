"""WaveNet: causal, reaching exactly as far as computed, and as fast as queues make it without another sample."""

import pytest
import torch

from lib import weights
from lib.causality import dependence, leaks
from lib.models import pixel_by_pixel
from lib.models.unrolled_wavenet import UnrolledWaveNet
from lib.models.wavenet import Queues, Utterances, WaveNet, progress
from lib.training import fit

SMALL = {"n_classes": 16, "channels": 6, "skip_channels": 7, "n_condition": 5, "length": 40}
MODELS = {
    "plain": {"dilations": (1, 2, 4)},
    "one layer": {"dilations": (3,)},
    "three taps": {"dilations": (1, 3), "kernel_size": 3},
    "global": {"dilations": (1, 2, 4), "n_global": (10, 3)},
    "local": {"dilations": (1, 2, 4, 1, 2), "n_local": 4, "hop": 8},
    "both, four taps": {"dilations": (2, 1), "kernel_size": 4, "n_global": (3,), "n_local": 3, "hop": 7},
}


def made(kind, **settings):
    """A WaveNet with weights large enough that every dependence shows, biases included."""
    model = WaveNet(**SMALL, **MODELS[kind], **settings)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * 0.5)
    return model.eval()


def conditions(model, n, length, seed=2):
    """Random labels and frames, as the model wants them."""
    generator = torch.Generator().manual_seed(seed)
    labels = [torch.randint(size, (n,), generator=generator) for size in model.n_global]
    frames = torch.randn(n, model.n_local, -(-length // model.hop), generator=generator)
    return torch.stack(labels, 1) if labels else None, frames if model.n_local else None


def codes(n, length, seed=3):
    return torch.randint(SMALL["n_classes"], (n, length), generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=sorted(MODELS))
def model(request):
    return made(request.param)


def test_it_is_causal_and_reaches_exactly_as_far_as_computed(model):
    length = model.receptive_field + 4
    labels, frames = conditions(model, 1, length)
    found = dependence(lambda x: model.logits(x[None], labels, frames)[0], codes(1, length)[0], n_values=16, probes=3)
    assert leaks(found) == []
    last = found[-1]
    assert last[-1 - model.receptive_field] and not last[: -1 - model.receptive_field].any()


def test_frames_may_be_the_same_for_all():
    model = made("local")
    _, frames = conditions(model, 1, 30)
    x, own = codes(3, 30), frames.expand(3, -1, -1)
    assert torch.allclose(model.logits(x, frames=frames), model.logits(x, frames=own), atol=1e-5)
    drawn = [model.sample(3, torch.Generator().manual_seed(1), frames=some, length=30) for some in (frames, own)]
    assert torch.equal(*drawn)
    with pytest.raises(ValueError, match="frames should be floats of shape"):
        model.logits(x, frames=frames.expand(2, -1, -1))


def test_unrolled_digits_are_seen_by_sums_of_dilations():
    """Multiples of the width alone never reach the pixel above: code t reads code t - 1 first."""
    width, above = 8, 3 * 8 + 4 - 8

    def sees(dilations):
        model = UnrolledWaveNet(4, width, 6, 7, dilations=dilations)
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for p in model.parameters():
                p.copy_(torch.randn(p.shape, generator=generator) * 0.5)
        x = torch.zeros(4 * width, dtype=torch.bool)
        return dependence(lambda x: model.logits(x[None].float())[0], x)[3 * width + 4, above]

    assert sees((1, 2, 4, 8)) and sees((7,))
    assert not sees((1, 8, 2, 16))


def test_the_receptive_field_by_hand():
    assert WaveNet(dilations=[2**i for i in range(10)]).receptive_field == 1024
    assert WaveNet(dilations=(1, 2, 4), kernel_size=3).receptive_field == 15
    assert WaveNet(dilations=(5,)).receptive_field == 6


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("length", [1, 40])
def test_queues_give_the_samples_of_the_naive_way(model, n, length):
    labels, frames = conditions(model, n, length)
    fast = model.sample(n, torch.Generator().manual_seed(7), labels, frames, length=length)
    uniforms = torch.rand(n, length, generator=torch.Generator().manual_seed(7))

    naive = pixel_by_pixel.draw_tokens(lambda x: model.logits(x, labels, frames), lambda tokens: tokens, uniforms)
    assert torch.equal(fast, naive)


def test_queues_give_the_logits_of_the_whole_pass(model):
    x = codes(2, 30)
    labels, frames = conditions(model, 2, 30)
    with torch.no_grad():
        whole = model.logits(x, labels, frames)
        queues = Queues(model, 2, model._shares(2, 30, labels, frames))
    read = torch.cat([torch.full((2, 1), model.silence), x], 1).numpy()
    for t in range(30):
        assert torch.allclose(torch.from_numpy(queues.step(read[:, t])), whole[:, t], atol=1e-4)


@pytest.mark.parametrize("name", [name for name, _ in made("both, four taps").named_parameters()])
def test_every_weight_counts_in_both_ways(name):
    model, x = made("both, four taps"), codes(1, 20)
    conditioned = conditions(model, 1, 20)

    def both():
        with torch.no_grad():
            queues = Queues(model, 1, model._shares(1, 20, *conditioned))
            step = [queues.step(code) for code in torch.cat([torch.tensor([[8]]), x], 1).numpy().T[:20]]
            return model.logits(x, *conditioned)[0, -1], torch.from_numpy(step[-1][0])

    before, before_step = both()
    with torch.no_grad():
        dict(model.named_parameters())[name].add_(0.3)
    after, after_step = both()
    assert not torch.allclose(before, after, atol=1e-3)
    assert torch.allclose(after - before, after_step - before_step, atol=1e-4)


def test_it_starts_from_silence_and_not_from_the_first_class():
    model = made("plain")
    queues = Queues(model, 1)
    assert model.silence == 8 and WaveNet().silence == 128
    first = torch.from_numpy(queues.step(torch.tensor([8]).numpy()))
    assert torch.allclose(model.logits(codes(1, 5))[:, 0], first, atol=1e-5)


def test_probabilities_of_all_sequences_sum_to_one():
    model = WaveNet(n_classes=3, channels=4, skip_channels=4, dilations=(1, 2), n_global=(2,), n_condition=3)
    every = torch.cartesian_prod(*[torch.arange(3)] * 6)
    label = torch.ones(len(every), 1, dtype=torch.int64)
    with torch.no_grad():
        assert model.log_prob(every, label).double().exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_log_prob_is_the_sum_over_the_conditionals_and_padding_does_not_count(model):
    lengths = torch.tensor([25, 13])
    x = codes(2, 25)
    labels, frames = conditions(model, 2, 25)
    with torch.no_grad():
        padded = model.log_prob(x, labels, frames, lengths)
        picked = model.logits(x, labels, frames).log_softmax(-1).gather(2, x[..., None])[..., 0]
        short = model.log_prob(
            x[1:, :13],
            None if labels is None else labels[1:],
            None if frames is None else frames[1:, :, : -(-13 // model.hop)],
        )
    assert torch.allclose(padded[0], picked[0].sum(), atol=1e-4)
    assert torch.allclose(padded[1], short[0], atol=1e-4)
    loss = model.training_loss(Utterances(x, labels, frames, lengths))
    assert loss.item() == pytest.approx(-padded.sum().item() / 38, abs=1e-5)


def test_conditions_change_what_is_said():
    model, x = made("both, four taps"), codes(1, 21)
    labels, frames = conditions(model, 1, 21)
    with torch.no_grad():
        first = model.logits(x, labels, frames)
        assert not torch.allclose(first, model.logits(x, (labels + 1) % 3, frames))
        later = frames.clone()
        later[..., 1] += 1  # rules samples 7 to 13
        found = (first != model.logits(x, labels, later)).any(-1)[0]
    assert not found[:7].any() and found[7:14].all()


def test_a_start_is_kept_and_decides_what_follows():
    model = made("plain")
    start = codes(2, 10)
    whole = model.sample(2, torch.Generator().manual_seed(1), start=start)
    assert whole.shape == (2, 40) and torch.equal(whole[:, :10], start)
    longer = model.sample(2, torch.Generator().manual_seed(1), start=whole[:, :25])
    assert torch.equal(longer, whole)  # the same uniforms for the same places
    assert torch.equal(model.sample(2, start=start, length=4), start[:, :4])


def test_a_cold_temperature_takes_the_likeliest():
    model = made("plain")
    x = model.sample(1, torch.Generator().manual_seed(1), temperature=1e-4)
    assert torch.equal(model.logits(x).argmax(-1), x)


def test_it_learns_a_wave():
    model = WaveNet(16, 16, 16, dilations=(1, 2, 4), length=32)
    phase = torch.rand(64, 1, generator=torch.Generator().manual_seed(0)) * 12
    waves = (7.5 + 7 * torch.sin((torch.arange(32) + phase) * torch.pi / 6)).long()
    fit(model, waves, epochs=30, batch_size=16, lr=1e-2, warmup=10, average=0.9, progress=False)
    assert -model.log_prob(waves).mean().item() / 32 < 1.0  # log 16 = 2.77 nats without learning


def test_progress_says_how_far_a_clip_has_got():
    found = progress(torch.tensor([80, 40]), hop=10, n_local=6)
    assert found.shape == (2, 6, 8)
    assert torch.allclose(found[:, :5].sum(1), torch.ones(2, 8))
    assert torch.allclose(found[:, 5], torch.tensor([[0.01], [0.005]]).expand(2, 8))
    assert torch.allclose(found[1, 4, 4:], torch.ones(4))  # over
    assert found[0, 0, 0] == pytest.approx(0.75)  # 5 of 80 samples: a quarter of the way to the next hat
    with pytest.raises(ValueError, match="n_local should be at least 3, found 2"):
        progress(torch.tensor([8]), 4, 2)


def test_packing_keeps_it():
    model = made("both, four taps")
    again = weights.unpack(weights.pack(model, {}))
    x, conditioned = codes(2, 20), conditions(model, 2, 20)
    assert torch.allclose(again.log_prob(x, *conditioned), model.log_prob(x, *conditioned), atol=0.1)
    assert WaveNet(**model.settings).settings == model.settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kernel_size": 1}, "kernel_size should be at least 2, found 1"),
        ({"kernel_size": -3}, "kernel_size should be at least 2, found -3"),
        ({"dilations": ()}, "dilations should be one or more numbers from 1 up, found"),
        ({"dilations": (1, 0)}, "found \\[1, 0\\]"),
        ({"n_classes": 1}, "n_classes should be at least 2, found 1"),
        ({"hop": 0}, "hop should be at least 1, found 0"),
        ({"n_local": -1}, "expected n_local >= 0"),
        ({"n_global": (3, 0)}, "n_global >= 1"),
    ],
)
def test_settings_that_make_no_network_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        WaveNet(**settings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"codes": torch.zeros(20, dtype=torch.int64)}, "codes should be int64 of shape .batch, T., found torch.int64 of shape .20,"),
        ({"codes": torch.zeros(2, 20)}, "found torch.float32 of shape"),
        ({"codes": torch.zeros(2, 0, dtype=torch.int64)}, "shape .2, 0."),
        ({"codes": torch.full((2, 20), 16)}, "codes should be 0 to 15, found 16 to 16"),
        ({"codes": torch.full((2, 20), -1)}, "found -1 to -1"),
        ({"labels": None}, "expected labels of shape .2, 1., found none"),
        ({"labels": torch.zeros(2, dtype=torch.int64)}, "labels should be int64 of shape .2, 1., found torch.int64 of shape .2,"),
        ({"labels": torch.full((2, 1), 3)}, "column 0 of labels should be 0 to 2, found 3 to 3"),
        ({"frames": None}, "expected frames of shape .2, 3, 3., found none"),
        ({"frames": torch.zeros(2, 3, 4)}, "frames should be floats of shape .2, 3, 3., or 1 for all, found torch.float32 of shape .2, 3, 4."),
        ({"frames": torch.full((2, 3, 3), torch.nan)}, "frames has 18 NaN"),
        ({"lengths": torch.tensor([20, 21])}, "lengths should be 2 whole numbers, 1 to 20"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_a_sentence(change, message):
    model = made("both, four taps")
    labels, frames = conditions(model, 2, 20)
    given = {"codes": codes(2, 20), "labels": labels, "frames": frames} | change
    with pytest.raises(ValueError, match=f"WaveNet: .*{message}"):
        model.log_prob(**given)


def test_sampling_refuses_what_does_not_fit():
    model = made("plain")
    for message, given in {
        "n and length should be at least 1": {"n": 0},
        "temperature should be positive": {"n": 1, "temperature": 0},
        "has no global condition and takes no labels": {"n": 1, "labels": torch.zeros(1, 1, dtype=torch.int64)},
        "has no local condition and takes no frames": {"n": 1, "frames": torch.zeros(1, 1, 5)},
        "start should have 2 rows": {"n": 2, "start": codes(1, 3)},
        "codes should be int64": {"n": 1, "start": torch.zeros(1, 3)},
    }.items():
        with pytest.raises(ValueError, match=message):
            model.sample(**given)
