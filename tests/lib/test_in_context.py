"""Prompts in secret codes are what they say, and the shipped model reads them: it knows what was shown, and only that."""

import math

import pytest
import torch

from lib import in_context, weights
from lib.controls.attention import attention_weights


@pytest.mark.parametrize("new", [False, True])
def test_a_prompt_has_one_code_and_says_it_in_pairs(new):
    prompts = in_context.prompts(300, seed=3, new=new)
    assert prompts.shape == (300, 2 * in_context.N_PAIRS)
    assert torch.equal(prompts, in_context.prompts(300, seed=3, new=new))
    assert not torch.equal(prompts, in_context.prompts(300, seed=4, new=new))
    codes = [{} for _ in prompts]
    for row, code in zip(prompts.tolist(), codes, strict=True):
        for key, value in zip(row[0::2], row[1::2], strict=True):
            assert code.setdefault(key, value) == value
        assert len(code) <= in_context.N_KEYS
    further = {(value - key) % 26 for code in codes for key, value in code.items()}
    assert further == set(range(1, 6) if new else range(6, 26))
    assert {key for code in codes for key in code} == set(range(26))


def test_times_shown_are_counted_before_each_pair():
    prompts = in_context.LETTERS.encode("axbyaxaxby")[None]
    assert in_context.times_shown(prompts).tolist() == [[0, 0, 1, 2, 1]]


def test_the_control_moves_values_and_nothing_else():
    prompts = in_context.prompts(20, seed=0)
    control = in_context.shuffled(prompts, seed=1)
    assert torch.equal(control[:, 0::2], prompts[:, 0::2])
    assert torch.equal(control[:, 1::2].sort(1).values, prompts[:, 1::2].sort(1).values)
    assert not torch.equal(control, prompts)


def test_scores_are_of_values_given_all_that_stands_before():
    class SaysTheNextLetter:
        """Sure of the letter after the one it reads."""

        def next_logits(self, tokens):
            return 50.0 * torch.nn.functional.one_hot((tokens + 1) % 26, 26)

    prompts = in_context.LETTERS.encode("abcdabcaab")[None]
    nats, right = in_context.scores(SaysTheNextLetter(), prompts)
    assert right.tolist() == [[True, True, True, False, True]]
    assert nats[0].tolist() == pytest.approx([0, 0, 0, 50, 0], abs=1e-4)
    nats, right = in_context.by_times_shown(SaysTheNextLetter(), prompts)
    assert right[:3].tolist() == [1.0, 0.5, 1.0] and right[3:].isnan().all()
    assert nats[1].item() == pytest.approx(25, abs=1e-4)


def test_no_prompt_is_refused():
    with pytest.raises(ValueError, match="expected at least one prompt of at least one pair, found 0 of 32"):
        in_context.prompts(0)


def test_the_shipped_model_learns_from_its_prompt_what_it_was_never_trained_on():
    model = weights.load("in_context")
    prompts = in_context.prompts(200, seed=5)
    nats, right = in_context.by_times_shown(model, prompts)
    assert nats[0] == pytest.approx(math.log(20), abs=0.5)  # nothing shown: one of twenty
    assert right[1] > 0.9 and right[4] > 0.98
    new = in_context.prompts(200, seed=6, new=True)
    nats_new, right_new = in_context.by_times_shown(model, new)
    assert right_new[0] < 0.05 and right_new[1] > 0.75 and right_new[4] > 0.88
    assert nats_new[0] > nats[0] > nats_new[2] > nats_new[4]
    _, fooled = in_context.by_times_shown(model, in_context.shuffled(new))
    assert fooled.max() < 0.25


def test_a_head_of_the_second_layer_attends_to_the_values_shown_for_the_key_now():
    model, prompts = weights.load("in_context"), in_context.prompts(20, seed=7)
    found = torch.zeros(2, 2)
    for prompt in prompts:
        seen = attention_weights(model, prompt)[:, :, 40::2]  # the later keys look
        answers = torch.zeros(len(prompt), dtype=torch.bool)
        for row, at in enumerate(range(40, len(prompt), 2)):
            answers[:] = False
            answers[1:at] = prompt[: at - 1] == prompt[at]
            answers[::2] = False  # values only
            if answers.any():
                found += seen[:, :, row, answers].sum(-1) / (12 * len(prompts))
    assert found[1].max() > 0.6 > 0.3 > found[0].max()
