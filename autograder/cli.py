"""`autograder`: every command of the TA and the maintainer. `autograder --help` lists them.

Commands only talk: what they do lives in the module they are named after.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from autograder.course import ROOT, CourseError, Gradebook, lessons
from autograder.execute import Limits

# nbgrader 0.9 reads half-made rows of its database; it has always done so, and it is harmless.
warnings.filterwarnings("ignore", message="Object of type <Submitted")

app = typer.Typer(
    help=__doc__, no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)
out = Console(highlight=False, soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 140)

Lessons = Annotated[
    list[str] | None, typer.Argument(help="Lessons, as 01_chain_rule, 01 or chain_rule; all if none is named.")
]
Book = Annotated[Path | None, typer.Option("--gradebook", help="The class's folder. [default: gradebook]")]
Force = Annotated[bool, typer.Option("--force", help="Do it again even if nothing changed.")]


def says_what_is_wrong(command: Callable[..., Any]) -> Callable[..., Any]:
    """Print a CourseError as its one sentence and exit 1; an interrupt exits 130. Other errors are bugs and show in full."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except CourseError as error:
            out.print(escape(str(error)), style="red")
            raise typer.Exit(1) from None

    return wrapped


@app.command()
@says_what_is_wrong
def build(names: Lessons = None, force: Force = False) -> None:
    """Make the notebooks from solutions/*/*.py; only what changed is executed."""
    from autograder import build as builder

    for lesson in lessons(names):
        with out.status(f"{lesson.name} ..."):
            built = builder.build(lesson, force)
        done = ["executed"] * built.executed + ["student notebook written"] * built.released
        out.print(f"{lesson.name}: {', '.join(done) or 'up to date'}")
    if not names:
        for stray in builder.remove_strays(lessons()):
            out.print(f"{stray.relative_to(ROOT)}: removed, its lesson is gone")


@app.command()
@says_what_is_wrong
def pack(
    target: Annotated[Path, typer.Argument(help="The zip to write.")] = ROOT / "dist" / "autoregressive-course.zip",
) -> None:
    """Make the students' bundle: notebooks, lib, data, environment, README."""
    from autograder.pack import pack as make

    names = make(target)
    out.print(f"{target}: {len(names)} files, {target.stat().st_size / 2**20:.1f} MB")


@app.command()
@says_what_is_wrong
def collect(
    export: Annotated[Path, typer.Argument(help="A folder or zip as the LMS exports it.")],
    lesson: Annotated[str | None, typer.Option(help="The lesson, where file names do not say.")] = None,
    gradebook: Book = None,
) -> None:
    """Take submissions in from a folder or zip: one notebook or one folder per student."""
    from autograder.collect import collect as take

    outcome = take(export, Gradebook(gradebook), lessons([lesson])[0] if lesson else None)
    counts = Counter(action for _, _, action in outcome.submissions)
    students = {student for student, _, _ in outcome.submissions}
    out.print(
        f"{len(outcome.submissions)} submissions of {len(students)} students: "
        + (", ".join(f"{n} {a}" for a, n in counts.items()) or "none")
    )
    for name, why in outcome.left_out:
        out.print(f"  left out: {escape(name)}: {escape(why)}", style="yellow")
    if not outcome.submissions:
        raise typer.Exit(1)


@app.command()
@says_what_is_wrong
def grade(
    names: Lessons = None,
    student: Annotated[list[str] | None, typer.Option(help="Only this student; may be repeated.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = os.cpu_count() or 1,
    cell_seconds: Annotated[float, typer.Option(min=0.1, help="Time limit of one cell.")] = Limits.cell_seconds,
    total_seconds: Annotated[float, typer.Option(min=0.1, help="Time limit of one submission.")] = Limits.total_seconds,
    memory_mib: Annotated[
        int, typer.Option(min=64, help="Memory a submission may add to its worker's.")
    ] = Limits.memory_mib,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a Dask scheduler, tcp://HOST:8786: its workers run the submissions."),
    ] = None,
    force: Force = False,
    gradebook: Book = None,
) -> None:
    """Grade all submissions that are new or changed. Stop it any time: the next run goes on."""
    limits = Limits(cell_seconds, total_seconds, memory_mib)
    grade_class(Gradebook(gradebook), names, student, workers, limits, force, scheduler)


def grade_class(
    book: Gradebook,
    names: list[str] | None,
    students: list[str] | None,
    workers: int,
    limits: Limits,
    force: bool,
    scheduler: str | None = None,
) -> None:
    """Grade with a progress bar; prints a line for every submission with something to say, and a summary."""
    from autograder import grade as grader

    tasks, done = grader.pending(book, lessons(names), students, limits, force)
    if not tasks and not done:
        raise CourseError(
            f"There is nothing to grade in {book.submitted}; take submissions in with: autograder collect PATH"
        )
    finished = 0
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out, disable=not out.is_terminal) as progress:
        bar = progress.add_task("grading", total=len(tasks))

        def report(record: grader.Record) -> None:
            nonlocal finished
            finished += 1
            progress.advance(bar)
            said = [record.status] * (record.status != "graded") + [
                n for n in record.notes if not n.startswith("by-hand name")
            ]
            if said:
                progress.print(f"  {escape(record.student)}, {record.lesson}: {escape('; '.join(said))}")

        try:
            grader.grade(book, tasks, workers, limits, on_record=report, scheduler=scheduler)
        except KeyboardInterrupt:
            progress.stop()
            out.print(f"Stopped: {finished} of {len(tasks)} graded. Run the same command again to go on.")
            raise typer.Exit(130) from None
    out.print(f"{len(tasks)} graded, {done} already graded and unchanged.")


@app.command()
@says_what_is_wrong
def feedback(names: Lessons = None, force: Force = False, gradebook: Book = None) -> None:
    """Make an HTML page for every graded submission."""
    make_feedback(Gradebook(gradebook), names, force)


def make_feedback(book: Gradebook, names: list[str] | None, force: bool) -> None:
    """Feedback pages with a progress bar."""
    from autograder import report

    chosen = lessons(names)
    _needs_database(book)
    with Progress(
        SpinnerColumn(),
        TextColumn("feedback"),
        BarColumn(),
        MofNCompleteColumn(),
        console=out,
        disable=not out.is_terminal,
    ) as progress:
        total = sum((book.autograded / r.student / r.lesson).exists() for r in report.results(book, chosen))
        bar = progress.add_task("feedback", total=total)
        written, fresh = report.feedback(book, chosen, force, on_page=lambda page: progress.advance(bar))
    out.print(f"{len(written)} feedback pages written, {fresh} up to date, in {book.feedback}")


@app.command()
@says_what_is_wrong
def grades(
    names: Lessons = None,
    why: Annotated[bool, typer.Option("--why", help="Also the reason for every lost point.")] = False,
    gradebook: Book = None,
) -> None:
    """Show the gradebook, and write grades.csv and exercises.csv beside it."""
    show_grades(Gradebook(gradebook), names, why)


def show_grades(book: Gradebook, names: list[str] | None, why: bool) -> None:
    """Print the table, with `why` the reasons, and write both CSV files."""
    from autograder import report

    _needs_database(book)
    chosen = lessons(names)
    results = report.results(book, chosen)
    out.print(report.table(results, chosen))
    if why:
        for student, lesson, lost in report.reasons(results):
            out.print(f"\n[bold]{escape(student)}[/bold], {lesson}")
            same = Counter(reason for _, _, reason in lost)
            for reason, times in same.items():
                exercises = [name for name, _, r in lost if r == reason]
                points = sum(p for _, p, r in lost if r == reason)
                what = f"all {times} exercises" if times == len(lost) > 3 else ", ".join(exercises)
                out.print(f"  -{points:g}  {what}: {escape(reason)}")
        out.print()
    wide, long = report.write_csv(book, results, chosen)
    out.print(f"Written: {wide} and {long}")


@app.command()
@says_what_is_wrong
def checks(
    names: Lessons = None,
    verbose: Annotated[bool, typer.Option("-v", help="Every answer with what the check said.")] = False,
) -> None:
    """Show that every check fails the wrong answers and passes the right ones."""
    from autograder import proof

    shown = Table("lesson", "exercise", "wrong caught", "right passed", "unfair")
    unfair = 0
    for lesson in lessons(names):
        found = list(proof.verdicts(lesson))
        for exercise in proof.exercises(lesson):
            mine = [v for v in found if v.answer.exercise == exercise]
            wrong, right = [v for v in mine if not v.answer.right], [v for v in mine if v.answer.right]
            bad = [v for v in mine if not v.fair]
            unfair += len(bad) + (len(wrong) < proof.MIN_WRONG) + (len(right) - 1 < proof.MIN_RIGHT)
            shown.add_row(
                lesson.name, exercise, f"{sum(v.fair for v in wrong)}/{len(wrong)}", f"{sum(v.fair for v in right)}/{len(right)}",
                escape("; ".join(f"{v.answer.story}: {v.message or 'passed'}" for v in bad)),
            )  # fmt: skip
            for v in mine if verbose else []:
                out.print(
                    f"{exercise}: {'right' if v.answer.right else 'wrong'}: {escape(v.answer.story)}\n    {escape(v.message or 'passes')}"
                )
    out.print(shown)
    if unfair:
        raise CourseError(
            f"{unfair} unfair verdicts, or too few answers (at least {proof.MIN_WRONG} wrong and {proof.MIN_RIGHT} right each)."
        )


@app.command()
@says_what_is_wrong
def demo(workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1, gradebook: Book = None) -> None:
    """Make a sample class with every kind of submission, grade it, and show its gradebook."""
    import tempfile

    from autograder import sample_class
    from autograder.collect import collect as take

    book = Gradebook(gradebook)
    sample_class.refuse_real_class(book)
    with tempfile.TemporaryDirectory() as folder:
        export = sample_class.export(Path(folder) / "export.zip", lessons())
        outcome = take(export, book)
    sample_class.enrol(book)
    out.print(
        f"Collected {len(outcome.submissions)} submissions of {len(sample_class.CLASS)} sample students, as an LMS would export them."
    )
    grade_class(book, None, None, workers, sample_class.LIMITS, force=False)
    make_feedback(book, None, force=False)
    show_grades(book, None, why=True)
    out.print(f"Feedback, a page per student and lesson: {book.feedback}/")
    out.print(
        "The same class in nbgrader's formgrader: .venv/bin/jupyter lab --config=... see README, or: make formgrader"
    )


def _needs_database(book: Gradebook) -> None:
    if not (book.folder / "gradebook.db").exists():
        raise CourseError(
            f"There is no gradebook in {book.folder} yet; first: autograder collect PATH, then autograder grade"
        )


if __name__ == "__main__":
    app()
