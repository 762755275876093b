"""The scoreboard: every model of digits on the same test digits and in the same unit, so that each lesson beats the last.

The unit is nats per image: the average of -log p(x) over our own static draw of the 10 000 test digits. Our numbers and times are
measured by `python -m benchmarks.likelihood`, which writes `data/scoreboard.csv`; nobody types them. Published numbers are of
the same kind of model, and of two protocols: trained and tested on Larochelle's one *static* draw of the same digits, or trained
on digits *drawn anew* at each step, which cannot be learned by heart. Ours are drawn anew, but for `made_static`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from lib import weights
from lib.data import DATA
from lib.plots import COLOURS, GREY

SCORES = DATA / "scoreboard.csv"


class Row(NamedTuple):
    """One model of digits. Numbers that nobody has measured or published are None."""

    lesson: str  # two digits
    name: str  # among `lib.weights.NAMES`
    what: str
    nats: float  # per image, on our test digits
    error: float | None  # of the mean over images
    paper: float | None  # nats, published: trained on Larochelle's static draw
    source: str
    anew: float | None  # nats, published: trained on digits drawn anew
    anew_source: str
    numbers: int | None  # learned
    minutes: float | None  # of training
    passes: int | None  # of the network that one digit takes, the naive way
    naive: float | None  # milliseconds that one digit takes, a whole pass for each pixel or patch
    cached: float | None  # milliseconds with the model's own sampler


class Table(str):
    """A table in Markdown, which a notebook shows as a table."""

    def _repr_markdown_(self) -> str:
        return str(self)


def rows(lesson: str = "99", path: Path | str | None = None) -> list[Row]:
    """The models of all lessons up to this one ("03", say), worst first."""
    with open(path or SCORES, encoding="utf-8", newline="") as file:
        found = [_row({key: text or None for key, text in r.items()}) for r in csv.DictReader(file)]
    return sorted((row for row in found if row.lesson <= lesson), key=lambda row: -row.nats)


def _row(read: dict[str, Any]) -> Row:
    """A line of the file; what it leaves empty is None, or no text."""
    floats = ("nats", "error", "paper", "anew", "minutes", "naive", "cached")
    values: dict[str, Any] = dict.fromkeys(Row._fields)
    values |= {key: read.get(key) or "" for key in ("lesson", "name", "what", "source", "anew_source")}
    values |= {key: float(read[key]) for key in floats if read.get(key)}
    values |= {key: int(read[key]) for key in ("numbers", "passes") if read.get(key)}
    return Row(**values)


def table(lesson: str = "99", path: Path | str | None = None) -> Table:
    """The whole scoreboard: nats, size, time of training, time per drawn digit, and what others have published."""
    head = [
        "model", "lesson", "nats", "numbers learned", "minutes of training", "ms per digit, a pass per step", "ms, cached",
        "published, static draw", "published, drawn anew",
    ]  # fmt: skip
    lines = []
    sources: list[str] = []

    def published(nats: float | None, source: str) -> str:
        if nats is None:
            return "–"
        if source not in sources:
            sources.append(source)
        return f"{nats:.2f} [{sources.index(source) + 1}]"

    for row in rows(lesson, path):
        spread = "" if row.error is None else f" ± {row.error:.2f}"
        lines.append(
            (
                f"{row.what} (`{row.name}`)", str(int(row.lesson)), f"**{row.nats:.2f}**{spread}", _count(row.numbers),
                "–" if row.minutes is None else f"{row.minutes:.0f}", _count(row.naive), _count(row.cached),
                published(row.paper, row.source), published(row.anew, row.anew_source),
            )
        )  # fmt: skip
    told = (
        f"{_static(lesson)}Nats per image on our static draw of the 10 000 test digits, with the standard error of the mean. Milliseconds of "
        "one processor core for one digit. Published numbers are of the same kind of model, on Larochelle's static draw or on "
        "digits drawn anew at each step of the training, as ours are where nothing else is said. "
    )
    return Table(markdown(head, lines) + "\n\n" + told + " ".join(f"[{i}] {s}." for i, s in enumerate(sources, 1)))


def _static(lesson: str) -> str:
    """What `made_static` is beside `made`."""
    if lesson < "04":
        return ""
    about = weights.about("made_static")
    static, anew = about["test nats"], about["test nats, the same on new draws"]
    return (
        "`made_static` is a narrower MADE trained on one static draw of 50 000 digits, as the papers' models were; the same "
        f"network on new draws of the same digits has {anew:.2f} nats instead of {static:.2f}: so much is the drawing alone. "
    )


def _count(number: float | None) -> str:
    """A count or a time: spaces between thousands, decimals only where they matter."""
    if number is None:
        return "–"
    return f"{number:.1f}" if number < 10 and not isinstance(number, int) else f"{number:,.0f}".replace(",", " ")


def markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, the others to the right if they hold numbers."""
    body = [list(line) for line in lines]
    right = [all(line[i].strip("*–±[] .0123456789") == "" for line in body) for i in range(len(head))]
    rule = "|" + "|".join("--:" if numbers else ":--" for numbers in right) + "|"
    first, *rest = ["| " + " | ".join(line) + " |" for line in (head, *body)]
    return "\n".join([first, rule, *rest])


def draw(lesson: str, yours: Mapping[str, float] | None = None, ax: Axes | None = None) -> Axes:
    """Draw the scoreboard as it stands in a lesson, from 74 nats on. Diamonds and circles are published numbers.

    Parameters
    ----------
    lesson : two digits; models of later lessons are left out.
    yours : your own results, nats per image, by the label they should have.
    """
    entries = [(row.what, row.nats, row.paper, row.anew, False) for row in rows(lesson)]
    entries += [(label, nats, None, None, True) for label, nats in (yours or {}).items()]
    entries.sort(key=lambda entry: -entry[1])
    if ax is None:
        _, ax = plt.subplots(figsize=(7.2, 0.9 + 0.36 * len(entries)))
    left, right = 74.0, 106.0
    for y, (_label, nats, paper, anew, own) in enumerate(entries):
        ax.barh(y, nats - left, left=left, height=0.66, color=COLOURS["vermilion"] if own else COLOURS["blue"])
        beyond = " (the bar goes on to the right)" if nats > right else ""
        ax.text(left + 0.4, y, f"{nats:.1f}{beyond}", va="center", fontsize=10, color="white", fontweight="bold")
        numbers = []
        for marker, sign, published in (("D", "◇", paper), ("o", "○", anew)):
            if published is not None:
                ax.plot(published, y, marker, color="white", markeredgecolor=GREY, markersize=6)
                numbers.append(f"{sign} {published:.2f}")
        if numbers:
            ax.text(max(nats, paper or 0, anew or 0) + 0.7, y, "  ".join(numbers), va="center", fontsize=9, color=GREY)
    ax.set_yticks(range(len(entries)), [entry[0] for entry in entries])
    for tick, entry in zip(ax.get_yticklabels(), entries, strict=True):
        tick.set_color(COLOURS["vermilion"] if entry[4] else "black")
    ax.invert_yaxis()
    # No legend: wherever it lies, its diamond looks like one more result.
    told = ["◇ on one static draw"] * any(entry[2] is not None for entry in entries)
    told += ["○ drawn anew, as ours"] * any(entry[3] is not None for entry in entries)
    below = f"\npublished: {', '.join(told)}" if told else ""
    ax.set(xlim=(left, right), xlabel=f"nats per image on the test digits (fewer is better){below}")
    ax.set_title(f"The scoreboard after lesson {int(lesson)}")
    ax.grid(False, axis="y")
    ax.tick_params(axis="y", length=0)
    return ax


class Paradigm(NamedTuple):
    """A way to build a generative model, in five short answers and where they are from."""

    name: str
    likelihood: str
    sampling: str
    objective: str
    fails: str
    bits: str  # per dimension of CIFAR-10, test images
    sources: str


PARADIGMS = (
    Paradigm(
        "Autoregressive",
        "exact, in one pass",
        "one pass per token; exact shortcuts (cache, drafts), blocks at a price in nats",
        "NLL of each token given the true ones before it",
        "slow where tokens are many; one order for all questions; its own errors are a past it has not trained on",
        "2.80",
        "Larochelle & Murray 2011; Bengio et al. 2015 (arXiv 1506.03099); 2.80: Child et al. 2019 (arXiv 1904.10509)",
    ),
    Paradigm(
        "VAE",
        "a lower bound, tighter with more samples of the latent",
        "one pass: a latent, then all pixels at once",
        "the bound: how well the latent tells the data, minus what it costs (a KL from its prior)",
        "the latent is ignored where the decoder is strong; pixels independent given the latent look blurred",
        "≤ 2.91",
        "Kingma & Welling 2013 (arXiv 1312.6114); Burda et al. 2015 (arXiv 1509.00519); Bowman et al. 2015 (arXiv 1511.06349); 2.91: "
        "Vahdat & Kautz 2020 (arXiv 2007.03898)",
    ),
    Paradigm(
        "Normalising flow",
        "exact, by the change of variables",
        "one pass through the inverse (a pass per dimension if the flow is autoregressive)",
        "NLL",
        "layers must be invertible with a cheap determinant, as many numbers inside as outside; discrete data need noise first",
        "3.35",
        "Dinh et al. 2016 (arXiv 1605.08803); Papamakarios et al. 2017 (arXiv 1705.07057); 3.35: Kingma & Dhariwal 2018 (arXiv "
        "1807.03039)",
    ),
    Paradigm(
        "Diffusion",
        "a lower bound, a term per step",
        "tens to a thousand passes, each over all pixels at once",
        "denoising at every noise level; weighted by the bound it is the bound, as mostly weighted it favours looks",
        "many passes; what looks best is not what has the best bound",
        "≤ 3.75; ≤ 2.65",
        "Sohl-Dickstein et al. 2015 (arXiv 1503.03585); 3.75: Ho et al. 2020 (arXiv 2006.11239); 2.65: Kingma et al. 2021 (arXiv "
        "2107.00630)",
    ),
    Paradigm(
        "GAN",
        "none",
        "one pass",
        "a game: to be taken for data by a classifier that learns, too",
        "training may not settle; it may draw a few kinds of images only, and no held-out likelihood tells",
        "–",
        "Goodfellow et al. 2014 (arXiv 1406.2661); Arora & Zhang 2017 (arXiv 1706.08224)",
    ),
)


def paradigms() -> Table:
    """Five ways to build a generative model: likelihood, sampling, objective, failure, and one number where there is one."""
    head = ("", "likelihood", "drawing a sample", "trained on", "where it fails", "CIFAR-10, bits per dimension")
    lines = [(f"**{p.name}**", p.likelihood, p.sampling, p.objective, p.fails, p.bits) for p in PARADIGMS]
    sources = " ".join(f"*{p.name}*: {p.sources}." for p in PARADIGMS)
    return Table(markdown(head, lines) + f"\n\n{sources}")
