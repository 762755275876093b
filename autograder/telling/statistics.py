"""What a class says about a lesson's exercises: how hard each is, whether it tells students apart, why points were lost."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import fmean, median

from jinja2 import Environment, FileSystemLoader
from rich.table import Table

from autograder.course import Gradebook, Lesson, write_whole
from autograder.printable import for_markup, one_line
from autograder.sheet import number
from autograder.telling.report import BY_A_GRADER, Result
from autograder.telling.similar import Alike, alike

PAGE = "statistics.html"
MOST = 3
"""So many reasons are shown of each exercise."""
FEW = 5
"""Fewer students say nothing of how an exercise tells them apart."""
# What differs from student to student in one and the same complaint.
_VALUE = re.compile(r"'[^']*'|\"[^\"]*\"|[-+]?\d+(\.\d+)?(e[-+]?\d+)?")


@dataclass
class Exercise:
    """One exercise in the answers of `students`: points are as the gradebook has them, before anything is taken off for
    being late. `discrimination` is the correlation of its points with those of the lesson's other exercises."""

    name: str
    maximum: float
    students: int
    mean: float
    full: float
    discrimination: float | None
    reasons: list[tuple[int, str]] = field(default_factory=list)

    @property
    def share(self) -> float:
        return self.mean / self.maximum if self.maximum else 0.0


@dataclass
class Summary:
    """One lesson: the scores of those who handed in, as they count, and its exercises. `unread` could not be run at all and
    are left out of the exercises."""

    lesson: str
    maximum: float
    scores: list[float]
    late: int
    unread: int
    absent: int
    exercises: list[Exercise]

    @property
    def spread(self) -> str:
        """Mean, median, lowest and highest, in words."""
        low, middle, high = min(self.scores), median(self.scores), max(self.scores)
        return f"mean {number(fmean(self.scores))}, median {number(middle)}, from {number(low)} to {number(high)} of {number(self.maximum)}"

    @property
    def counts(self) -> str:
        """How many handed in, and how."""
        said = [f"{len(self.scores)} handed in"]
        said += [f"{n} {what}" for n, what in ((self.late, "late"), (self.unread, "could not be run"), (self.absent, "did not"))if n]  # fmt: skip
        return ", ".join(said)

    @property
    def tenths(self) -> list[int]:
        """How many scores lie in each tenth of the points, the last with its upper end."""
        places = Counter(min(int(10 * score / self.maximum), 9) for score in self.scores) if self.maximum else Counter()
        return [places[n] for n in range(10)]


def summaries(results: Iterable[Result]) -> list[Summary]:
    """The lessons that anybody handed in, in order."""
    by_lesson: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_lesson[result.lesson].append(result)
    return [_summary(name, found) for name, found in sorted(by_lesson.items()) if any(r.points for r in found)]


def _summary(lesson: str, results: list[Result]) -> Summary:
    graded = [r for r in results if r.points]
    read = [r for r in graded if r.status == "graded"]
    names = dict.fromkeys(name for r in read for name in r.points)
    return Summary(
        lesson,
        max(r.maximum for r in graded),
        [r.score for r in graded],
        sum(bool(r.late) for r in graded),
        len(graded) - len(read),
        len(results) - len(graded),
        [_exercise(name, [r for r in read if name in r.points]) for name in names],
    )


def _exercise(name: str, results: list[Result]) -> Exercise:
    points = [r.points[name][0] for r in results]
    rest = [sum(score for other, (score, _) in r.points.items() if other != name) for r in results]
    lost: dict[str, list[str]] = defaultdict(list)
    for r in results:
        score, most = r.points[name]
        if score < most:
            why = r.lost.get(name, BY_A_GRADER)
            lost[_VALUE.sub("…", why)].append(why)
    reasons = sorted(((len(said), _as_said(kind, said)) for kind, said in lost.items()), key=lambda x: (-x[0], x[1]))
    return Exercise(
        name,
        max(r.points[name][1] for r in results),
        len(results),
        fmean(points),
        sum(r.points[name][0] >= r.points[name][1] for r in results) / len(results),
        correlation(points, rest),
        reasons[:MOST],
    )


def _as_said(kind: str, said: list[str]) -> str:
    """The complaint as it stood, where all were told the same, or else without what differs."""
    return one_line(said[0] if len(set(said)) == 1 else kind, 200)


def correlation(a: list[float], b: list[float]) -> float | None:
    """Pearson's; None where it says nothing: few students, or all alike."""
    if len(a) < FEW or len(set(a)) == 1 or len(set(b)) == 1:
        return None
    at, bt = fmean(a), fmean(b)
    together = sum((x - at) * (y - bt) for x, y in zip(a, b, strict=True))
    alone = (sum((x - at) ** 2 for x in a) * sum((y - bt) ** 2 for y in b)) ** 0.5
    return float(together / alone) if alone else None


def tables(summary: Summary) -> Table:
    """One lesson for the terminal."""
    shown = Table(title=f"{summary.lesson}: {summary.counts}; {summary.spread}", title_justify="left", pad_edge=False)
    for head in ("exercise", "points", "mean", "full", "discrimination"):
        shown.add_column(head, justify="left" if head == "exercise" else "right", no_wrap=True)
    shown.add_column("why points were lost, most often first", overflow="fold")
    for x in summary.exercises:
        told = "\n".join(f"{n}× {for_markup(why)}" for n, why in x.reasons)
        agrees = "" if x.discrimination is None else f"{x.discrimination:.2f}"
        shown.add_row(for_markup(x.name), number(x.maximum), f"{x.share:.0%}", f"{x.full:.0%}", agrees, told)
    return shown


def alike_table(groups: list[Alike]) -> Table:
    """Answers that are the same but for their names, for the terminal."""
    shown = Table(title="The same code but for its names: to look at, no verdict", title_justify="left", pad_edge=False)
    for head in ("lesson", "students", "exercises", "also the lesson's own", "words"):
        shown.add_column(head, overflow="fold", justify="right" if head == "words" else "left")
    for group in groups:
        shown.add_row(
            group.lesson, for_markup(", ".join(group.students)), for_markup(", ".join(group.exercises)),
            for_markup(", ".join(group.reference)), str(group.words),
        )  # fmt: skip
    return shown


def write_page(gradebook: Gradebook, found: list[Summary], groups: list[Alike]) -> Path:
    """Write `statistics.html`: one file, no network. Raises CourseError if it cannot be written."""
    templates = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True)
    templates.filters |= {"number": number, "line": one_line}
    page = templates.get_template(PAGE).render(
        lessons=found, alike=groups, few=FEW, folder=gradebook.folder.name, when=f"{datetime.now():%Y-%m-%d %H:%M}"
    )
    write_whole(gradebook.folder / PAGE, page)
    return gradebook.folder / PAGE


def of(gradebook: Gradebook, results: list[Result], lessons: list[Lesson]) -> tuple[list[Summary], list[Alike]]:
    """Both: what the class says about the exercises, and whose answers are alike."""
    names = {r.lesson for r in results if r.points}
    return summaries(results), alike(gradebook, [lesson for lesson in lessons if lesson.name in names])
