"""Texts as tokens and back, what is fetched is checked, and every token of a text is scored once."""

import re

import pytest
import torch

from lib import text
from lib.models.gpt import GPT


def test_names_become_tokens_and_names_again():
    tokens = text.encode_names(["ann", "bartholomew"], 14)
    assert tokens.dtype == torch.int64
    assert tokens[0].tolist() == [1, 14, 14] + [0] * 11
    assert text.decode_names(tokens) == ["ann", "bartholomew"]
    assert text.encode_names(["ann"]).shape == (1, 4)
    with pytest.raises(ValueError, match="at most 3 letters and their end, found one of 4"):
        text.encode_names(["anna"], 4)
    with pytest.raises(ValueError, match="has no 'é'"):
        text.encode_names(["zoé"])


def test_names_are_split_without_overlap():
    known, new = text.split_names()
    assert (len(known), len(new)) == (4646, 517)
    assert not set(known) & set(new)
    assert "mary" in known + new


def test_english_is_there_without_a_network():
    english = text.load_english()
    assert len(english) > 100_000
    assert text.ENGLISH.decode(text.ENGLISH.encode(english[:500])) == english[:500]


def test_shakespeare_is_checked(tmp_path):
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("To be")
    with pytest.raises(ValueError, match="expected sha256"):
        text.fetch_shakespeare(source=wrong)
    with pytest.raises(ValueError, match="expected 'train' or 'validation', found 'test'"):
        text.fetch_shakespeare("test")


def test_without_cache_and_network_it_says_what_to_do(tmp_path, monkeypatch):
    import pooch

    def fail(*arguments, **keywords):
        raise ConnectionError

    monkeypatch.setattr(pooch, "retrieve", fail)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / name)
    with pytest.raises(
        OSError, match=re.escape(f"put it there as {tmp_path / 'autoregressive-course'}/tinyshakespeare.txt")
    ):
        text.fetch_shakespeare()


@pytest.mark.parametrize("n", [2, 5, 8, 9, 10, 20, 21, 23, 40])
@pytest.mark.parametrize("stride", [1, 3, 8])
def test_each_token_is_scored_once_with_what_its_window_shows(n, stride):
    model = GPT(7, context=8, n_layers=1, n_heads=2, width=8, positions="learned").eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn(p.shape, generator=generator))
    tokens = torch.randint(7, (n,), generator=generator)
    total, start = 0.0, 0
    reached = 0
    while reached < n - 1:  # one window after the other; the last is pushed back to the end of the text
        begin = min(start, max(0, n - 1 - 8))
        piece = tokens[begin : begin + 9]
        log_p = model.next_logits(piece[None, :-1])[0].double().log_softmax(1)
        for t in range(reached - begin, len(piece) - 1):
            total -= log_p[t, piece[t + 1]].item()
        reached = begin + len(piece) - 1
        start += stride
    assert text.nats_per_token(model, tokens, stride) == pytest.approx(total / (n - 1), rel=1e-5)


def test_no_text_has_no_loss():
    model = GPT(7, context=8, n_layers=1, n_heads=2, width=8)
    with pytest.raises(ValueError, match="at least two tokens"):
        text.nats_per_token(model, torch.zeros(1, dtype=torch.long), 4)
    with pytest.raises(ValueError, match="a stride of 1 to 8"):
        text.nats_per_token(model, torch.zeros(9, dtype=torch.long), 9)
