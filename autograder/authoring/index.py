"""Lists that are made from the lessons and from what was measured, so that nobody keeps a second one by hand.

`notebooks/README.md` is all of it; in `README.md`, `data/README.md` and the pages of `docs/` it is what stands between `<!-- made: NAME -->` and
`<!-- end -->`. `autograder build` writes them, and a test compares.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from autograder.authoring import source
from autograder.course import ROOT, CourseError, Lesson, lessons, repository, write_whole
from lib import scoreboard

_REGION = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
PAGES = ("README.md", "data/README.md", *(f"docs/{page.name}" for page in sorted(ROOT.glob("docs/*.md"))))
_BRANCH = "main"  # what badges open


class Entry(NamedTuple):
    """What a lesson says of itself in its first cell, and what its checks add up to."""

    lesson: Lesson
    title: str
    promise: str  # "take any joint distribution apart ..."
    read: int | None  # minutes
    practise: int | None
    time: str  # as it is written
    needs: str
    exercises: int
    points: int


def entry(lesson: Lesson) -> Entry:
    """Raises CourseError for a lesson whose first cell has no title `# NN · Title`, promises nothing or tells no time."""
    cells = source.read(lesson).notebook.cells
    opening = cells[0].source
    title = re.match(rf"# {lesson.name[:2]} · (.+)", opening)
    time = re.search(r"\*\*Time\.\*\* (.+?)(?= \*\*|\n\n|$)", opening.replace("\n", " "))
    paragraphs = [" ".join(p.split()) for p in opening.split("\n\n")]
    said = dict(re.findall(r"\*\*([\w ]+)\.\*\* (.+?)(?= \*\*|$)", "\n".join(paragraphs), flags=re.MULTILINE))
    if title is None or time is None or "Promise" not in said:
        raise CourseError(
            f"{lesson.name}: its first cell should have a title, `# NN · Title`, a **Promise.** and a **Time.**"
        )
    minutes = re.match(r"(\d+) minutes to read, (\d+) to practise", time[1])
    points = [c.metadata.nbgrader.points for c in cells if c.metadata.get("nbgrader", {}).get("grade")]
    return Entry(
        lesson,
        title[1],
        re.sub(r"^After this (lesson|exam) you can ", "", said["Promise"]).partition(". ")[0].rstrip("."),
        int(minutes[1]) if minutes else None,
        int(minutes[2]) if minutes else None,
        time[1].rstrip("."),
        said.get("You need", "All lessons").rstrip("."),
        len(points),
        sum(points),
    )


def notebooks(chosen: list[Lesson] | None = None) -> str:
    """`notebooks/README.md`: what to open, how long it takes, what it needs and what it gives; of the chosen lessons, or of all."""
    entries = [entry(lesson) for lesson in chosen or lessons()]
    lines = []
    for e in entries:
        link = f"[{e.lesson.name[:2]} {e.title}]({e.lesson.name}/{e.lesson.name}.ipynb)"
        times = (str(e.read), str(e.practise)) if e.read else ("–", e.time)
        lines.append((link, *times, str(e.exercises), str(e.points), e.needs))
    head = ("notebook", "minutes to read", "to practise", "exercises", "points", "you need")
    hours = [
        sum(minutes or 0 for minutes in times) / 60
        for times in zip(*((e.read, e.practise) for e in entries), strict=True)
    ]
    return f"""# The notebooks

Open them in this order. Times are those of a capable reader who does every exercise; sections marked *optional* hold none and are not
counted. Together: {hours[0]:.0f} hours to read, {hours[1]:.0f} to practise.

{scoreboard.markdown(head, lines)}

Afterwards you can

{chr(10).join(f"- **{e.lesson.name[:2]}** {e.promise};" for e in entries if e.read)[:-1]}.

An exercise says `# YOUR CODE HERE` or `name = None`, and the cell below it tests what you wrote. Hand in the `.ipynb` file.

<!-- Made from the lessons by `autograder build`. -->
"""


def _lessons() -> str:
    found = [entry(lesson) for lesson in lessons()]
    lines = [
        (
            f"[{e.lesson.name[:2]} {e.title.partition(':')[0]}](solutions/{e.lesson.name}/{e.lesson.name}.ipynb)",
            e.promise,
        )
        for e in found
    ]
    return scoreboard.markdown(("lesson", "afterwards you can"), lines)


def _digits() -> str:
    rows = scoreboard.rows()
    lines = [
        (f"`{r.name}`", f"{r.nats:.2f}", f"{r.numbers or 0:,}".replace(",", " "), f"{r.minutes:.1f}") for r in rows
    ]
    return scoreboard.markdown(("name", "test nats", "numbers learned", "minutes"), lines)


def _measured(table: Path, by: str, shown: dict[str, str]) -> str:
    """What `python -m benchmarks.BY` wrote into a table: the columns to be shown, and their headings."""
    if not table.exists():
        return f"(Nothing measured yet: `python -m benchmarks.{by}`.)"
    with table.open(encoding="utf-8", newline="") as file:
        lines = [tuple(row[column] for column in shown) for row in csv.DictReader(file)]
    return scoreboard.markdown(tuple(shown.values()), lines)


def _times() -> str:
    shown = {"lesson": "lesson", "run": "run in full, s", "grade": "grade a submission, s"}
    return _measured(ROOT / "benchmarks" / "lessons.csv", "lessons", shown)


def _badges() -> str:
    """Buttons that open the notebooks where nothing needs to be installed; none while nobody else can read this repository."""
    address = repository()
    if address is None:
        return ""
    name, first = address.removeprefix("https://github.com/"), lessons()[0].name
    buttons = {
        "Binder": (
            "mybinder.org/badge_logo.svg",
            f"mybinder.org/v2/gh/{name}/{_BRANCH}?urlpath=lab%2Ftree%2Fnotebooks",
        ),
        "Codespaces": ("github.com/codespaces/badge.svg", f"codespaces.new/{name}"),
        "Colab": (
            "colab.research.google.com/assets/colab-badge.svg",
            f"colab.research.google.com/github/{name}/blob/{_BRANCH}/notebooks/{first}/{first}.ipynb",
        ),
    }
    return "\n".join(
        f"[![Open in {where}](https://{image})](https://{page})" for where, (image, page) in buttons.items()
    )


def _colab() -> str:
    """What a notebook needs first in Google Colab, whose machine holds PyTorch and none of this course."""
    address = repository() or "https://github.com/OWNER/NAME"
    pins = (ROOT / ".binder" / "requirements.txt").read_text(encoding="utf-8")
    missing = re.findall(r"^(?:jupyterquiz|jupytercards)==\S+", pins, flags=re.MULTILINE)
    return "\n".join((
        "```",
        f"!git clone --quiet --depth 1 {address} /content/course",
        f"%pip install --quiet {' '.join(missing)}",
        f"%cd -q /content/course/notebooks/{lessons()[0].name}",
        "```",
    ))  # fmt: skip


def _environments() -> str:
    shown = {"python": "Python", "torch": "PyTorch", "seconds": "installing, processor seconds", "mb": "on disk, MB"}
    return _measured(ROOT / "benchmarks" / "environments.csv", "environment", shown)


REGIONS: dict[str, Callable[[], str]] = {
    "badges": _badges,
    "colab": _colab,
    "lessons": _lessons,
    "scoreboard": scoreboard.table,
    "times": _times,
    "digits": _digits,
    "environments": _environments,
}


def pages() -> dict[Path, str]:
    """What each page should hold. Raises CourseError for a region that nothing makes."""

    def made(match: re.Match[str]) -> str:
        if match[2] not in REGIONS:
            raise CourseError(f"<!-- made: {match[2]} -->: nothing makes that; there are {', '.join(REGIONS)}")
        return f"{match[1]}\n{REGIONS[match[2]]()}\n\n{match[3]}"

    found = {ROOT / page: _REGION.sub(made, (ROOT / page).read_text(encoding="utf-8")) for page in PAGES}
    return {ROOT / "notebooks" / "README.md": notebooks(), **found}


def write() -> list[Path]:
    """Bring the pages up to date; returns those that were not."""
    old = [
        (path, text) for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in old:
        write_whole(path, text)
    return [path for path, _ in old]
