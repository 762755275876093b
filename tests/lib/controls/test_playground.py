"""The decoding playground: its bars are the model's, its text is the stream's, and it works where people see it."""

import json
import os

import matplotlib.pyplot as plt
import pytest
import torch

from lib.controls import playground
from lib.models.gpt import GPT
from lib.sampling import Decoding, stream
from lib.text import NAMES, Alphabet
from tests.browser.serve import LAB, PATIENCE, serving

LETTERS = Alphabet("abcdefgh\n ")


def made(alphabet=LETTERS, **settings):
    """A GPT that has preferences."""
    model = GPT(len(alphabet.symbols), 16, 1, 2, 8, **settings).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * 0.4)
    return model


def parts(control):
    box, sliders, (seed, one, more, again), picture, page = (
        part.children if i == 2 else part for i, part in enumerate(control.children)
    )
    (t, k), (p, least) = (column.children for column in sliders.children)
    return {"box": box, "t": t, "k": k, "p": p, "least": least, "seed": seed, "one": one, "more": more,
            "again": again, "picture": picture, "page": page}  # fmt: skip


def written(page):
    return page.value.partition("<b")[2].partition(">")[2].partition("</b>")[0]


@pytest.mark.parametrize("decoding", [Decoding(), Decoding(1.0, 0.7, 6, 0.8, 0.2)], ids=str)
def test_bars_are_the_models_and_the_decodings_probabilities(decoding):
    model = made()
    figure = playground.draw_playground(model, LETTERS, "abba", decoding)
    figure.canvas.draw()
    with torch.no_grad():
        own = model.next_logits(LETTERS.encode("abba")[None])[0, -1]
    before = own.softmax(-1)
    after = decoding(own, LETTERS.encode("abba")).softmax(-1)
    order = before.argsort(descending=True)
    theirs, ours, *removed = figure.axes[0].containers
    removed = removed[::2]  # the others are the legend's
    assert [bar.get_height() for bar in theirs] == pytest.approx(before[order].tolist(), abs=1e-6)
    assert [bar.get_height() for bar in ours] == pytest.approx(after[order].tolist(), abs=1e-6)
    assert sum(map(len, removed)) == (after == 0).sum()
    symbols = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert symbols == [{"\n": "⏎", " ": "␣"}.get(s, s) for s in (LETTERS.symbols[token] for token in order)]
    assert f"{int((after > 0).sum())} of 10 tokens" in figure.axes[0].get_title(loc="left")
    plt.close(figure)


def test_the_legend_counts_what_each_filter_removes():
    figure = playground.draw_playground(made(), LETTERS, "abba", Decoding(1.0, 1.0, 6, 0.8, 0.2))
    told = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert told[:2] == ["the model", "drawn from"]
    assert told[2].startswith("top-k removes 4 (") and told[3].startswith("top-p removes ") and len(told) == 5
    plt.close(figure)


def test_models_of_whole_sequences_read_their_start_first():
    assert playground.read(made(NAMES, start=0, end=0), NAMES, "an").tolist() == [0, 1, 14]
    assert playground.read(made(start=3), LETTERS, "ab").tolist() == [0, 1]
    assert playground.read(made(start=3), LETTERS, "").tolist() == [3]


def test_buttons_write_what_a_stream_gives():
    model = made()
    control = parts(playground.playground(model, LETTERS, "ab", n=30))
    control["t"].value, control["p"].value, control["k"].value, control["least"].value = 1.5, 0.95, 8, 0.02
    wanted = stream(
        model, LETTERS.encode("ab"), 30, Decoding(1.0, 1.5, 8, 0.95, 0.02), torch.Generator().manual_seed(0)
    )
    text = LETTERS.decode(wanted)
    for _ in range(3):
        control["one"].click()
    assert written(control["page"]) == text[:3]
    control["again"].click()
    assert written(control["page"]) == ""
    control["more"].click()
    assert written(control["page"]) == text
    control["seed"].value = 1
    assert written(control["page"]) == ""
    control["more"].click()
    assert len(written(control["page"])) == 30 and written(control["page"]) != text


def test_every_control_redraws_the_bars():
    control = parts(playground.playground(made(), LETTERS, "ab", n=5))
    seen = [bytes(control["picture"].value)]
    for name, value in (("t", 0.5), ("k", 4), ("p", 0.7), ("least", 0.5), ("box", "abc")):
        control[name].value = value
        seen.append(bytes(control["picture"].value))
    control["one"].click()
    seen.append(bytes(control["picture"].value))
    assert len(set(seen)) == len(seen)
    assert plt.get_fignums() == []


def test_an_end_ends_it_and_a_strange_letter_is_named():
    control = parts(playground.playground(made(NAMES, start=0, end=0), NAMES, "an", n=60))
    control["more"].click()
    assert written(control["page"]).endswith(".") and control["more"].disabled and control["one"].disabled
    control["box"].value = "é"
    assert "has no &#x27;é&#x27;" in control["page"].value and control["one"].disabled
    control["box"].value = "e"
    assert not control["one"].disabled and "has no" not in control["page"].value


def test_text_is_shown_as_it_is():
    control = parts(playground.playground(made(Alphabet("<>&ab")), Alphabet("<>&ab"), "<b>", n=5))
    assert "&lt;b&gt;" in control["page"].value


# In a browser

CELL = """
from lib import plots
from lib.controls.playground import playground
from tests.lib.controls.test_playground import made, LETTERS
plots.use_style()
playground(made(), LETTERS, "abba", n=40)
"""


@pytest.fixture
def lab(tmp_path):
    """JupyterLab on a folder with one notebook: its address, the token included."""
    cell = {"cell_type": "code", "source": CELL, "metadata": {}, "outputs": [], "execution_count": None, "id": "play"}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    page = {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "play.ipynb").write_text(json.dumps(page))
    with serving(LAB, tmp_path / "work", tmp_path, PYTHONPATH=os.getcwd()) as about:
        yield f"{about['url']}lab/tree/play.ipynb?token={about['token']}"


def test_it_works_in_jupyterlab(chromium, lab, tmp_path):
    with chromium.new_context(viewport={"width": 1200, "height": 900}) as context:
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(lab)
        page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.context?.isReady")
        page.wait_for_function(
            "window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"
        )
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        picture, text = page.locator(".jp-OutputArea img.widget-image"), page.locator("pre.playground-text")
        picture.wait_for()
        bars = "document.querySelector('.jp-OutputArea img.widget-image')"
        page.wait_for_function(f"{bars}.naturalWidth > 300")

        # A click streams forty tokens in, visibly one after the other.
        page.evaluate(
            """() => { window.lengths = new Set();
            const look = () => lengths.add(document.querySelector('pre.playground-text b')?.textContent.length);
            new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true}); }"""
        )
        drawn = "document.querySelector('pre.playground-text b')?.textContent"
        page.get_by_role("button", name="40 tokens").click()
        page.wait_for_function(f"{drawn}?.length === 40")
        first = page.evaluate(drawn)
        assert page.evaluate("lengths.size") > 5
        assert text.inner_text().startswith("abba")

        # Moving a slider redraws the bars; beginning anew gives the same text as long as nothing else has moved.
        page.get_by_role("button", name="begin anew").click()
        page.wait_for_function(f"{drawn} === ''")
        page.get_by_role("button", name="40 tokens").click()
        page.wait_for_function(f"{drawn}?.length === 40")
        assert page.evaluate(drawn) == first
        for label in ("top-k:", "top-p:"):
            before = page.evaluate(f"{bars}.src")
            handle = page.locator(".widget-slider", has_text=label).locator(".noUi-handle")
            handle.focus()
            for _ in range(4 if label == "top-k:" else 1):
                handle.press("ArrowLeft" if label == "top-k:" else "PageDown")
            page.wait_for_function(f"{bars}.src !== {json.dumps(before)} && {bars}.complete")

        # A prompt with a letter that the model does not know is told, and another is taken.
        box = page.locator(".jp-OutputArea textarea")
        box.fill("abz")
        page.wait_for_function("document.querySelector('pre.playground-text').textContent.includes(\"has no 'z'\")")
        assert page.get_by_role("button", name="one token").is_disabled()
        box.fill("cafe bad\n")
        page.wait_for_function(f"{drawn} === ''")
        page.get_by_role("button", name="40 tokens").click()
        page.wait_for_function(f"{drawn}?.length === 40")
        page.locator(".jp-OutputArea .widget-vbox").first.screenshot(path=tmp_path / "playground.png")
        page.screenshot(path=tmp_path / "page.png")
