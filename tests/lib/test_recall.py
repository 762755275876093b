"""Prompts of associative recall are what they say, and scores are of the values that are asked for."""

import pytest
import torch
import torch.nn.functional as F

from lib import recall


@pytest.mark.parametrize("n_pairs", [1, 5, 64])
def test_a_prompt_says_its_pairs_twice(n_pairs):
    prompts = recall.prompts(20, n_pairs, seed=3)
    assert prompts.shape == (20, 4 * n_pairs)
    assert torch.equal(prompts, recall.prompts(20, n_pairs, seed=3))
    for row in prompts.tolist():
        pairs = list(zip(row[0::2], row[1::2], strict=True))
        assert len({key for key, _ in pairs}) == n_pairs
        assert sorted(pairs[:n_pairs]) == sorted(pairs[n_pairs:])
        assert all(key < recall.N_KEYS <= value < recall.N_TOKENS for key, value in pairs)
    if n_pairs == 5:
        assert any(row[:10] != row[10:] for row in prompts.tolist())


class Remembers:
    """Looks each token up among those before it, but for one key, which it has forgotten."""

    def __init__(self, forgotten=None):
        self.forgotten = forgotten

    def next_logits(self, tokens):
        said = torch.zeros_like(tokens)
        for row, out in zip(tokens, said, strict=True):
            for t in range(1, len(row)):
                earlier = (row[:t] == row[t]).nonzero()
                if len(earlier) and row[t] != self.forgotten:
                    out[t] = row[earlier[0, 0] + 1]
        return 50.0 * F.one_hot(said, recall.N_TOKENS)


def test_who_remembers_all_is_right_each_time():
    prompts = recall.prompts(10, 4, seed=0)
    assert recall.accuracy(Remembers(), prompts, batch_size=3) == 1
    assert recall.loss(Remembers(), prompts).item() == pytest.approx(0, abs=1e-6)
    one = prompts[:1]
    assert recall.accuracy(Remembers(one[0, 0]), one) == 0.75
    assert recall.loss(Remembers(one[0, 0]), one).item() == pytest.approx(12.5, abs=1e-4)


@pytest.mark.parametrize(("n", "n_pairs"), [(0, 4), (3, 0), (3, 65)])
def test_prompts_that_cannot_be_are_refused(n, n_pairs):
    with pytest.raises(ValueError, match=f"expected at least one prompt of 1 to 64 pairs, found {n} of {n_pairs}"):
        recall.prompts(n, n_pairs)
