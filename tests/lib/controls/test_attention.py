"""The attention control and the drawings behind it: what is shown is what the network does."""

import itertools

import matplotlib.pyplot as plt
import pytest
import torch

from lib.controls import attention
from lib.models.gpt import GPT
from lib.plots.attention import WAYS, attention_map, edges, sharing, shortest_path
from lib.text import NAMES


def gpt(**settings):
    """A small network of names with weights large enough that attention is not even."""
    model = GPT(27, 12, n_layers=2, n_heads=4, width=16, end=0, **settings).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(0.5 * torch.randn(p.shape, generator=generator))
    return model


@pytest.mark.parametrize(
    "settings", [{}, {"n_groups": 2}, {"positions": "learned"}, {"positions": "none", "n_groups": 1}]
)
def test_the_weights_are_those_of_the_network(settings):
    model = gpt(**settings)
    tokens = NAMES.encode(".marianna")
    weights = attention.attention_weights(model, tokens)
    assert weights.shape == (2, 4, 9, 9)
    assert torch.allclose(weights.sum(-1), torch.ones(2, 4, 9), atol=1e-5)
    assert (weights.triu(1) == 0).all()
    # What each block's last matrix is given is these weights times the values.
    gathered, values = [], []
    for block in model.blocks:
        block.out.register_forward_pre_hook(lambda _, given: gathered.append(given[0][0]))
        block.qkv.register_forward_hook(lambda _, __, out: values.append(out[0]))
    with torch.no_grad():
        model.next_logits(tokens[None])
    for layer in range(2):
        v = values[layer].view(9, -1, model.head_size).transpose(0, 1)[-model.n_groups :]
        v = v.repeat_interleave(4 // model.n_groups, dim=0)
        assert torch.allclose((weights[layer] @ v).transpose(0, 1).flatten(1), gathered[layer], atol=1e-5)


def test_no_hook_stays_behind():
    model = gpt()
    attention.attention_weights(model, NAMES.encode(".bo"))
    with pytest.raises(ValueError, match="at most 12 tokens"):
        attention.attention_weights(model, torch.zeros(13, dtype=torch.long))
    assert not any(block.qkv._forward_hooks for block in model.blocks)


def test_the_drawing_takes_any_text():
    model = gpt()
    for name, read in [("", "."), ("Zoë!", ".zo"), ("a" * 40, "." + "a" * 11)]:
        figure = attention.draw_attention(model, name, layer=1, head=3)
        left, right = figure.axes
        assert "".join(label.get_text() for label in left.get_yticklabels()) == read
        assert left.get_title(loc="left") + left.get_title() == "layer 1, head 3"
        with torch.no_grad():
            p = torch.softmax(model.next_logits(NAMES.encode(read)[None])[0, -1], dim=0)
        assert [bar.get_width() for bar in right.patches] == pytest.approx(p.sort(descending=True).values[:10].tolist())
        plt.close(figure)


def test_moving_a_control_redraws():
    control = attention.attention(gpt())
    name, buttons, picture = control.children
    seen = {picture.value}
    name.value = "bob"
    seen.add(picture.value)
    for button, value in zip(buttons.children, (1, 2), strict=True):
        button.value = value
        seen.add(picture.value)
    assert len(seen) == 4
    assert plt.get_fignums() == []


@pytest.mark.parametrize(("way", "steps"), [("recurrence", 9), ("convolution", 3), ("attention", 1)])
def test_paths_from_the_first_token_to_the_last_output(way, steps):
    found = edges(way, 8)
    outputs = max(to[1] for _, to in found)
    path = shortest_path(found, (0, 0), (7, outputs))
    assert len(path) - 1 == steps
    assert all(pair in found for pair in itertools.pairwise(path))
    ax = sharing(way)
    assert ax.get_xlabel() == f"path of {steps} step{'s' * (steps > 1)}"
    plt.close(ax.figure)


@pytest.mark.parametrize("way", WAYS)
def test_no_way_looks_ahead(way):
    found = edges(way, 8)
    assert all(source[0] <= to[0] for source, to in found)
    outputs = max(to[1] for _, to in found)
    for t in range(8):
        assert [bool(shortest_path(found, (s, 0), (t, outputs))) for s in range(8)] == [s <= t for s in range(8)]


def test_another_way_is_refused():
    with pytest.raises(ValueError, match="expected one of recurrence, convolution, attention, found 'magic'"):
        edges("magic", 4)


def test_a_map_names_what_is_read():
    ax = attention_map(torch.eye(3), "abc", title="itself")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]
    assert ax.images[0].get_array().tolist() == torch.eye(3).tolist()
    plt.close(ax.figure)
