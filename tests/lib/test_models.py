"""Every model keeps the contract of lib/models: a distribution, autoregressive, whose fast sampler equals the naive one."""

import itertools

import numpy as np
import pytest
import torch

from benchmarks.models import ObviousNADE
from lib.causality import dependence, leaks
from lib.models import pixel_by_pixel
from lib.models.bernoulli import Bernoulli
from lib.models.fvsbn import FVSBN
from lib.models.gated_pixelcnn import GatedPixelCNN
from lib.models.made import MADE, paths
from lib.models.mixture import Mixture
from lib.models.nade import NADE, RunningSum, stretches
from lib.models.pixelcnn import PixelCNN
from lib.models.pixelrnn import PixelRNN
from lib.models.rnade import RNADE
from lib.models.unrolled_wavenet import UnrolledWaveNet

D = 9
EVERY_IMAGE = torch.tensor(list(itertools.product([0.0, 1.0], repeat=D)))
ORDER = [4, 8, 0, 2, 7, 1, 6, 3, 5]

MODELS = {
    "bernoulli": lambda: Bernoulli(D),
    "fvsbn": lambda: FVSBN(D),
    "fvsbn, an order": lambda: FVSBN(D, ORDER),
    "nade": lambda: NADE(D, 7),
    "nade, an order": lambda: NADE(D, 7, ORDER),
    "made, no hidden layer": lambda: MADE(D, ()),
    "made, one hidden layer, an order": lambda: MADE(D, (20,), [ORDER]),
    "made, three hidden layers": lambda: MADE(D, (30, 20, 25)),
    "made, direct": lambda: MADE(D, (15, 12), [ORDER], direct=True),
    "made, direct only": lambda: MADE(D, (), [ORDER], direct=True),
    "made, fewer units than pixels": lambda: MADE(D, (3,)),
    "pixelcnn": lambda: PixelCNN(3, 3, 8, 2, (3, 3), (3, 5)),
    "gated pixelcnn": lambda: GatedPixelCNN(3, 3, 6, 3, first_kernel_size=3, n_classes=0),
    "pixelrnn": lambda: PixelRNN(3, 3, 6, 2, 3, 3),
    "wavenet, unrolled": lambda: UnrolledWaveNet(3, 3, 6, 7, dilations=(1, 2, 4)),
    "wavenet, unrolled, three taps": lambda: UnrolledWaveNet(3, 3, 6, 7, 3, (1, 4)),
    "pixelcnn, no block": lambda: PixelCNN(3, 3, 8, 0, (3, 3), (5, 5)),
}


def excited(model):
    """The model with weights large enough that every dependence shows."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * 0.8)
    return model.eval()


@pytest.fixture(params=sorted(MODELS))
def model(request):
    return excited(MODELS[request.param]())


def order_of(model):
    if isinstance(model, MADE):
        return model.orders[0]
    return getattr(model, "order", torch.arange(D))


def test_probabilities_of_all_images_sum_to_one(model):
    log_prob = model.log_prob(EVERY_IMAGE)
    assert log_prob.shape == (2**D,)
    assert log_prob.double().exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_log_prob_is_the_sum_over_the_conditionals_of_the_logits(model):
    with torch.no_grad():
        p = torch.sigmoid(model.logits(EVERY_IMAGE).double())
    conditionals = torch.where(EVERY_IMAGE == 1, p, 1 - p)
    assert torch.allclose(model.log_prob(EVERY_IMAGE).double(), conditionals.log().sum(1), atol=1e-5)


def test_no_pixel_sees_itself_or_a_later_one(model):
    found = dependence(lambda x: model.logits(x[None].float())[0], torch.zeros(D, dtype=torch.bool))
    assert leaks(found, order_of(model).tolist()) == []
    assert found.any() == (not isinstance(model, Bernoulli))


@pytest.mark.parametrize("n", [1, 5])
def test_the_fast_sampler_gives_the_samples_of_the_naive_one(model, n):
    fast = model.sample(n, torch.Generator().manual_seed(1))
    naive = pixel_by_pixel.sample(model.logits, order_of(model), n, torch.Generator().manual_seed(1))
    assert torch.equal(fast, naive)
    assert fast.shape == (n, D)


def test_a_uniform_decides_the_pixel_of_its_column_whenever_its_turn_comes():
    uniforms = torch.rand(4, D, generator=torch.Generator().manual_seed(2))
    drawn = pixel_by_pixel.draw(torch.zeros_like, torch.tensor(ORDER), uniforms)
    assert torch.equal(drawn, (uniforms < 0.5).float())


def test_samples_come_as_often_as_their_probability_says(model):
    n = 40_000
    x = model.sample(n, torch.Generator().manual_seed(2))
    index = (x.long() * (2 ** torch.arange(D - 1, -1, -1))).sum(1)
    expected = n * model.log_prob(EVERY_IMAGE).detach().double().exp().numpy()
    counts = np.bincount(index.numpy(), minlength=2**D)
    common = expected > 20
    chi2 = ((counts - expected) ** 2 / expected)[common].sum()
    freedom = common.sum()
    assert abs(chi2 - freedom) < 5 * np.sqrt(2 * freedom)


def test_made_depends_on_everything_its_masks_allow():
    model = excited(MADE(D, (40, 40), [ORDER], direct=True))
    found = dependence(lambda x: model.logits(x[None].float())[0], torch.zeros(D, dtype=torch.bool), probes=40)
    rank = np.argsort(ORDER)
    assert (found == (rank[:, None] > rank[None, :])).all()


@pytest.mark.parametrize("hidden", [(), (12,), (12, 11)])
def test_made_in_several_orders_is_a_distribution_and_samples_from_each(hidden):
    orders = [torch.randperm(D, generator=torch.Generator().manual_seed(k)) for k in range(3)]
    model = excited(MADE(D, hidden, orders, direct=True))
    each = torch.stack([model.log_prob_in_order(EVERY_IMAGE, k) for k in range(3)]).double()
    assert torch.allclose(each.exp().sum(1), torch.ones(3, dtype=torch.double), atol=1e-5)
    assert torch.allclose(model.log_prob(EVERY_IMAGE).double().exp(), each.exp().mean(0), atol=1e-7)
    for k in range(3):
        found = dependence(lambda x, k=k: model.logits(x[None].float(), k)[0], torch.zeros(D, dtype=torch.bool))
        assert leaks(found, orders[k].tolist()) == []
    x = model.sample(30_000, torch.Generator().manual_seed(3))
    assert torch.allclose(x.mean(0), model.log_prob(EVERY_IMAGE).exp() @ EVERY_IMAGE, atol=0.02)


def test_a_mixture_is_a_distribution_and_better_than_its_members_on_average():
    members = [excited(NADE(D, 5, seed=1)), excited(MADE(D, (9,), [ORDER]))]
    model = Mixture(members)
    log_prob = model.log_prob(EVERY_IMAGE).double()
    assert log_prob.exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert (log_prob >= model.log_probs(EVERY_IMAGE).mean(0) - 1e-6).all()
    x = model.sample(30_000, torch.Generator().manual_seed(3))
    assert torch.allclose(x.mean(0), log_prob.exp().float() @ EVERY_IMAGE, atol=0.02)


@pytest.mark.parametrize("density", [0.0, 0.3, 1.0])
def test_the_running_sum_has_the_value_and_the_gradient_of_the_formula(density):
    generator = torch.Generator().manual_seed(0)
    x = (torch.rand(6, 8, generator=generator) < density).double()
    obvious = ObviousNADE(8, 5).double()
    weights = [obvious.W, obvious.V, obvious.b, obvious.c]
    with torch.no_grad():
        for p in weights:
            p.copy_(torch.randn(p.shape, generator=generator, dtype=torch.double))
    value, formula = RunningSum.apply(x, *weights), obvious.logits(x)
    assert torch.allclose(value, formula, atol=1e-12)
    direction = torch.randn(value.shape, generator=generator, dtype=torch.double)
    ours = torch.autograd.grad((value * direction).sum(), weights)
    theirs = torch.autograd.grad((formula * direction).sum(), weights)
    for mine, right in zip(ours, theirs, strict=True):
        assert torch.allclose(mine, right, atol=1e-10)


def test_the_running_sum_keeps_its_precision_where_others_multiply_in_bfloat16():
    model = excited(NADE(D, 7))
    exact = model.log_prob(EVERY_IMAGE)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model.log_prob(EVERY_IMAGE)
        (-found.mean()).backward()
    assert torch.allclose(found, exact)
    assert model.W.grad.dtype == torch.float32


def test_stretches_cover_every_pixel_once_and_end_where_something_is_lit():
    x = torch.tensor([[0, 1, 0, 0, 1, 0], [0, 1, 0, 0, 0, 0]]).float()
    found = [(pixels.start, pixels.stop, rows.tolist()) for pixels, rows in stretches(x)]
    assert found == [(0, 2, [0, 1]), (2, 5, [0]), (5, 6, [])]


def test_nade_completes_what_it_is_given_and_changes_nothing_of_it():
    model = excited(NADE(D, 6, ORDER))
    x = EVERY_IMAGE[[3, 100, 377]]
    for observed in (0, 4, D):
        done = model.complete(x, observed, torch.Generator().manual_seed(4))
        assert torch.equal(done[:, ORDER[:observed]], x[:, ORDER[:observed]])
        blank = x.clone()
        blank[:, ORDER[observed:]] = 0
        assert torch.equal(done, model.complete(blank, observed, torch.Generator().manual_seed(4)))
    with pytest.raises(ValueError, match="observed should be 0 to 9 pixels, found 10"):
        model.complete(x, 10)


def test_bernoulli_counts():
    model = Bernoulli(3).count(torch.tensor([[1.0, 0, 0], [1, 1, 0], [1, 0, 0]]))
    assert torch.allclose(torch.sigmoid(model.b), torch.tensor([3.5, 1.5, 0.5]) / 4)


def test_rnade_is_a_density_whose_samples_follow_it():
    model = RNADE(2, 8, 3, seed=1)
    grid = torch.linspace(-12, 12, 481)
    x = torch.cartesian_prod(grid, grid)
    density = model.log_prob(x).detach().double().exp()
    assert (density.sum() * 0.05**2).item() == pytest.approx(1, abs=5e-3)
    mean = (density[:, None] * x).sum(0) * 0.05**2
    samples = model.sample(50_000, torch.Generator().manual_seed(0))
    assert torch.allclose(samples.mean(0).double(), mean, atol=0.06)


def test_rnade_conditions_only_on_earlier_dimensions():
    model = excited(RNADE(5, 8, 3))
    found = dependence(lambda x: torch.cat(model.mixture(x[None]), dim=-1)[0], torch.zeros(5), tolerance=1e-5)
    assert leaks(found) == []
    assert found[1:, 0].all()


BAD = {
    "shape": (torch.zeros(2, 5), r"x should have shape \(batch, 9\), found \(2, 5\)"),
    "no batch": (torch.zeros(9), r"x should have shape \(batch, 9\), found \(9,\)"),
    "grey": (torch.full((2, 9), 0.25), "x should hold only zeros and ones, found 0.25"),
    "NaN": (torch.full((2, 9), float("nan")), "x has 18 NaN among its 18 values"),
}


@pytest.mark.parametrize("what", sorted(BAD))
def test_bad_input_gets_a_sentence(model, what):
    x, sentence = BAD[what]
    with pytest.raises(
        ValueError, match=f"^(Bernoulli|FVSBN|NADE|MADE|(Gated)?PixelCNN|PixelRNN|UnrolledWaveNet): {sentence}"
    ):
        model.log_prob(x)


@pytest.mark.parametrize("make", [NADE, FVSBN, lambda n, order: MADE(n, (4,), [order])])
@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ([0, 1, 1], "order should be a permutation of 0 to 2, found 3 entries without 2"),
        ([0, 1], "order should be a permutation of 0 to 2, found 2 entries without 2"),
        ([1, 2, 3], "order should be a permutation of 0 to 2, found 3 entries without 0"),
    ],
)
def test_an_order_that_is_no_permutation_is_refused(make, order, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(3, order=order)


def test_the_probe_finds_no_dependence_without_a_path_through_the_masks():
    model = excited(MADE(D, (6, 8), [ORDER]))
    found = dependence(lambda x: model.logits(x[None].float())[0], torch.zeros(D, dtype=torch.bool), probes=40)
    possible = paths(model.masks()).numpy()
    assert not (found & ~possible).any()
    assert leaks(possible, ORDER) == []
    assert found.sum() > 0.8 * possible.sum()


def test_masks_that_do_not_chain_are_refused():
    with pytest.raises(ValueError, match="masks should chain, but mask 1 takes in 5 units and 4 come to it"):
        paths([torch.ones(4, 3), torch.ones(3, 5)])


def test_rnade_refuses_nan_and_a_mixture_no_members():
    with pytest.raises(ValueError, match="RNADE: x has 1 NaN among its 4 values"):
        RNADE(2).log_prob(torch.tensor([[0.0, 1.0], [float("nan"), 2.0]]))
    with pytest.raises(ValueError, match="expected at least one member"):
        Mixture([])
