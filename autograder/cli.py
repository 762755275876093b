"""`autograder`: every command of the TA and the maintainer. `autograder --help` lists them, under the headings below.

Commands only talk: what they do lives in the module they are named after.
"""

from __future__ import annotations

import os
import shlex
import sys
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
)
from rich.table import Table

from autograder.course import ROOT, CourseError, Gradebook, Lesson, lessons
from autograder.printable import for_markup
from autograder.running import launch
from autograder.running.limits import Limits
from autograder.running.sandbox import NO_SANDBOX, unprotected

app = typer.Typer(
    help="From a lesson's text to a student's feedback. `autograder COMMAND --help` tells more of each; `docs/` of the rest.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
# The headings under which `autograder --help` lists the commands, in the order of a course.
LOOK, LESSONS, CLASS, RESULTS = "A first look", "The lessons", "A class hands in", "What came of it"
out = Console(highlight=False, soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 140)

Lessons = Annotated[
    list[str] | None, typer.Argument(help="Lessons, as 01_chain_rule, 01 or chain_rule; all if none is named.")
]
SomeLessons = Annotated[
    list[str] | None,
    typer.Option(help="Only this lesson (01, say); may be repeated. Without the exam, its questions stay at home."),
]
Book = Annotated[Path | None, typer.Option("--gradebook", help="The class's folder. [default: gradebook]")]
# The default that the options for limits show: nbgrader's own commands read it too.
_CONFIGURED = "[default: c.ExecuteInWorker in nbgrader_config.py, or {:g}]"
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


@app.command(rich_help_panel=LOOK)
@says_what_is_wrong
def demo(workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1, gradebook: Book = None) -> None:
    """Make a sample class with every kind of submission, grade it, and show its gradebook."""
    import tempfile

    from autograder.intake.collect import collect as take
    from autograder.proving import sample_class
    from autograder.running import sandbox

    if sandbox.problem():
        out.print(f"{sandbox.problem()} The sample class is the course's own code, so the demo goes on without.")
        os.environ[NO_SANDBOX] = "1"
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
    named = f" --gradebook {shlex.quote(str(book.folder))}" if gradebook else ""
    out.print(f"The same class in nbgrader's formgrader: {_this_command()} formgrader{named}")


@app.command(rich_help_panel=LESSONS)
@says_what_is_wrong
def build(names: Lessons = None, force: Force = False) -> None:
    """Make the notebooks from `solutions/*/*.py`; only what changed is executed."""
    from autograder.authoring import build as builder
    from autograder.authoring import index

    for lesson in lessons(names):
        with out.status(f"{lesson.name} ..."):
            built = builder.build(lesson, force)
        done = ["executed"] * built.executed + ["student notebook written"] * built.released
        out.print(f"{lesson.name}: {', '.join(done) or 'up to date'}")
        for warning in built.warnings:
            out.print(f"  {escape(warning)}", style="yellow")
    if not names:
        for stray in builder.remove_strays(lessons()):
            out.print(f"{stray.relative_to(ROOT)}: removed, its lesson is gone")
    for page in index.write():
        out.print(f"{page.relative_to(ROOT)}: written")


@app.command(rich_help_panel=LESSONS)
@says_what_is_wrong
def site(
    names: Lessons = None,
    target: Annotated[Path, typer.Option(help="The folder to write.")] = ROOT / "dist" / "site",
    solutions: Annotated[bool, typer.Option("--solutions", help="Show the solutions too, folded away.")] = False,
) -> None:
    """Make the reader's site: one page a lesson, for any web server (`docs/site` has its look)."""
    from autograder.authoring import site as maker

    with out.status("The pages ..."):
        maker.build(target, lessons(names), solutions)
    files = [path for path in target.rglob("*") if path.is_file()]
    out.print(
        f"{target / 'index.html'}: {len(files)} files, {sum(path.stat().st_size for path in files) / 2**20:.1f} MB"
    )


@app.command(rich_help_panel=LESSONS)
@says_what_is_wrong
def pack(
    target: Annotated[Path, typer.Argument(help="The zip to write.")] = ROOT / "dist" / "autoregressive-course.zip",
    lesson: SomeLessons = None,
) -> None:
    """Make the students' bundle: notebooks, lib, data, environment, README."""
    from autograder.authoring.pack import pack as make

    names = make(target, lessons(lesson))
    out.print(f"{target}: {len(names)} files, {target.stat().st_size / 2**20:.1f} MB")


@app.command(rich_help_panel=LESSONS)
@says_what_is_wrong
def publish(
    folder: Annotated[Path, typer.Argument(help="The students' git repository; made where there is none.")],
    lesson: SomeLessons = None,
    message: Annotated[str, typer.Option("--message", "-m", help="What the commit says, instead of its lessons.")] = "",
) -> None:
    """Commit the students' bundle to a repository of their own, without solutions, checks or answers.

    Lessons that are there stay, in their newest form; without --lesson, all are put there, the exam too.
    """
    from autograder.authoring.publish import publish as make

    commit = make(folder, lessons(lesson), message)
    where = shlex.quote(str(folder))
    out.print(f"Committed as {commit}; next: git -C {where} push" if commit else f"{folder} is up to date.")


@app.command(rich_help_panel=CLASS)
@says_what_is_wrong
def collect(
    export: Annotated[Path, typer.Argument(help="A folder or zip as the LMS exports it.")],
    lesson: Annotated[str | None, typer.Option(help="The lesson, where file names do not say.")] = None,
    gradebook: Book = None,
) -> None:
    """Take submissions in, as Canvas, Moodle and nine other systems export them.

    Or a folder or zip with a notebook or a folder per student. What is set aside is named; a file that cannot be taken makes the
    command fail. The first time, it writes the class list `roster.csv`.
    """
    from autograder.intake.collect import collect as take

    outcome = take(export, Gradebook(gradebook), lessons([lesson])[0] if lesson else None)
    counts = Counter(action for _, _, action in outcome.submissions)
    students = {student for student, _, _ in outcome.submissions}
    out.print(
        f"Format: {outcome.system}. {len(outcome.submissions)} submissions of {len(students)} students: "
        + (", ".join(f"{n} {a}" for a, n in counts.items()) or "none")
    )
    if outcome.enrolled:
        out.print(f"{len(outcome.enrolled)} students written into roster.csv.")
    if outcome.late:
        out.print(f"{len(outcome.late)} of them late, as {outcome.system} says.")
    if outcome.by_file_times:
        out.print("When they were handed in is the files' own time, since the export says none.")
    for name, why in outcome.older:
        out.print(f"  older, kept in replaced/: {for_markup(name)}: {for_markup(why)}")
    for why, times in Counter(why for _, why in outcome.aside).items():
        first = next(name for name, reason in outcome.aside if reason == why)
        out.print(f"  aside: {times} files, such as {for_markup(first)}: {for_markup(why)}")
    for student in [s for s, _, action in outcome.submissions if action == "without a notebook"]:
        out.print(f"  without a notebook: {for_markup(student)}", style="yellow")
    for student in outcome.strangers:
        out.print(f"  not in roster.csv, so not graded until it is: {for_markup(student)}", style="yellow")
    for name, why in outcome.left_out:
        out.print(f"  left out: {for_markup(name)}: {for_markup(why)}", style="yellow")
    if outcome.left_out:
        raise CourseError(f"{len(outcome.left_out)} files were left out, for the reasons above.")
    if not outcome.submissions:
        raise typer.Exit(1)


@app.command(rich_help_panel=CLASS)
@says_what_is_wrong
def grade(
    names: Lessons = None,
    student: Annotated[list[str] | None, typer.Option(help="Only this student; may be repeated.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = os.cpu_count() or 1,
    cell_seconds: Annotated[
        float | None, typer.Option(min=0.1, help=f"Time limit of one cell. {_CONFIGURED.format(Limits.cell_seconds)}")
    ] = None,
    total_seconds: Annotated[
        float | None,
        typer.Option(min=0.1, help=f"Time limit of one submission. {_CONFIGURED.format(Limits.total_seconds)}"),
    ] = None,
    memory_mib: Annotated[
        int | None,
        typer.Option(
            min=64, help=f"Memory a submission may add to its worker's. {_CONFIGURED.format(Limits.memory_mib)}"
        ),
    ] = None,
    no_sandbox: Annotated[
        bool,
        typer.Option("--no-sandbox", help="Run students' code with your own rights, where there is no bubblewrap."),
    ] = False,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a Dask scheduler, tcp://HOST:8786: its workers run the submissions."),
    ] = None,
    force: Force = False,
    gradebook: Book = None,
) -> None:
    """Grade all submissions that are new or changed. Stop it any time: the next run goes on."""
    if no_sandbox:
        os.environ[NO_SANDBOX] = "1"
    if scheduler is None:
        launch.stand_by()
    from autograder.running.step import ExecuteInWorker

    book = Gradebook(gradebook)
    options = {"cell_seconds": cell_seconds, "total_seconds": total_seconds, "memory_mib": memory_mib}
    given = {name: limit for name, limit in options.items() if limit is not None}
    limits = ExecuteInWorker(config=book.config, **given).limits
    grade_class(book, names, student, workers, limits, force, scheduler)


def grade_class(
    book: Gradebook,
    names: list[str] | None,
    students: list[str] | None,
    workers: int,
    limits: Limits,
    force: bool,
    scheduler: str | None = None,
) -> None:
    """Grade with the progress in sight, and print a summary."""
    from autograder.recording import late
    from autograder.recording.grade import grade as run
    from autograder.recording.tasks import pending
    from autograder.telling.progress import Progress as GradingProgress

    tasks, done = pending(book, lessons(names), students, limits, force)
    ungraded = 0
    if not tasks and not done:
        raise CourseError(
            f"There is nothing to grade in {book.submitted}; take submissions in with: autograder collect PATH"
        )
    if tasks and unprotected():
        out.print("[yellow]Warning:[/] there is no sandbox: students' code runs with your own rights.")
    if tasks:
        progress = GradingProgress(tasks, out)
        try:
            with progress:
                ungraded = run(
                    book,
                    tasks,
                    workers,
                    limits,
                    on_record=progress.settled,
                    on_run=progress.running,
                    on_failure=progress.ungraded,
                    scheduler=scheduler,
                )
        except KeyboardInterrupt:
            out.print(f"Stopped: {progress.total.settled} of {len(tasks)} graded. Run the same command again to go on.")
            raise typer.Exit(130) from None
        if progress.remarkable:
            out.print(
                f"{progress.remarkable} with a remark; `autograder grades` shows them all, `autograder why STUDENT LESSON` explains one."
            )
    out.print(f"{len(tasks) - ungraded} graded, {done} already graded and unchanged.")
    changed = late.enter(book, lessons(names))
    if changed:
        out.print(f"Due dates and what being late costs were entered anew: {len(changed)} submissions changed.")
    for name in late.strangers(book):
        out.print(
            f"  {late.DATES} names {for_markup(repr(name))}, who neither handed in nor is on the roster", style="yellow"
        )
    if ungraded:
        raise CourseError(
            f"{ungraded} not graded, since this machine failed at them (grading.log says how); run the same command again."
        )


@app.command(rich_help_panel=CLASS, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
@says_what_is_wrong
def formgrader(context: typer.Context, gradebook: Book = None) -> None:
    """Open nbgrader's formgrader on the gradebook, for points and comments by hand.

    Other options, `--port 9000` say, are Jupyter's.
    """
    from autograder.telling.formgrader import command

    line = command(Gradebook(gradebook), context.args)
    os.chdir(ROOT)  # where nbgrader looks for its configuration
    os.execv(line[0], line)


@app.command(rich_help_panel=RESULTS)
@says_what_is_wrong
def feedback(
    names: Lessons = None,
    hidden_tests: Annotated[bool, typer.Option("--all", help="Show the hidden tests too, for your eyes only.")] = False,
    system: Annotated[
        str | None,
        typer.Option("--for", metavar="LMS", help="Also the zip that it takes back: moodle or canvas."),
    ] = None,
    force: Force = False,
    gradebook: Book = None,
) -> None:
    """Make an HTML page for every graded submission: what hidden tests said, not the tests."""
    if system and hidden_tests:
        raise CourseError("--all shows the hidden tests, for your eyes only; --for makes what students get")
    book = Gradebook(gradebook)
    make_feedback(book, names, force, hidden_tests)
    if system:
        from autograder.telling import lms, report

        chosen = lessons(names)
        _tell_of_handout(lms.feedback_zips(book, report.results(book, chosen), chosen, system))


def make_feedback(book: Gradebook, names: list[str] | None, force: bool, hidden_tests: bool = False) -> None:
    """Feedback pages with a progress bar."""
    from autograder.telling import feedback as pages

    chosen, results = _results(book, names)
    with Progress(
        SpinnerColumn(),
        TextColumn("feedback"),
        BarColumn(),
        MofNCompleteColumn(),
        console=out,
        disable=not out.is_terminal,
    ) as progress:
        total = sum((book.autograded / r.student / r.lesson).exists() for r in results)
        bar = progress.add_task("feedback", total=total)
        plain: list[Path] = []
        written, fresh = pages.feedback(
            book, chosen, force, lambda page: progress.advance(bar), hidden_tests, plain.append
        )
    for page in plain:
        out.print(f"  plain, as it could not be laid out: {for_markup(str(page))}", style="yellow")
    out.print(f"{len(written)} feedback pages written, {fresh} up to date, in {book.feedback}")
    if hidden_tests:
        out.print("They show the hidden tests. Before handing any out, run again without --all.", style="yellow")


@app.command(rich_help_panel=RESULTS)
@says_what_is_wrong
def grades(
    names: Lessons = None,
    why: Annotated[bool, typer.Option("--why", help="Also the reason for every lost point.")] = False,
    statistics: Annotated[
        bool,
        typer.Option(
            "--statistics",
            help="How hard each exercise is and why points were lost, answers that are alike; and a page.",
        ),
    ] = False,
    system: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="LMS",
            help="Write the CSV that it imports: canvas, moodle, blackboard, brightspace or gradescope.",
        ),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option("--into", help="Fill this CSV, which the LMS exported, instead of writing one from nothing."),
    ] = None,
    gradebook: Book = None,
) -> None:
    """Show the gradebook, and write grades.csv and exercises.csv beside it."""
    if into and not system:
        raise CourseError("--into fills an LMS's own export: say whose by --for")
    if system:
        write_for_lms(Gradebook(gradebook), names, system, into)
    elif statistics:
        show_statistics(Gradebook(gradebook), names)
    else:
        show_grades(Gradebook(gradebook), names, why)


def write_for_lms(book: Gradebook, names: list[str] | None, system: str, into: Path | None) -> None:
    """Write what the LMS imports, and tell of those it will not know."""
    from autograder.telling import lms

    chosen, results = _results(book, names)
    _tell_of_handout(lms.grade_files(book, results, chosen, system, into))


def _tell_of_handout(handout: Any) -> None:
    for sentence in handout.told:
        out.print(f"  {escape(sentence)}", style="yellow")
    for path in handout.files:
        out.print(f"Written: {path}")


def show_statistics(book: Gradebook, names: list[str] | None) -> None:
    """Print what the class says about the exercises, and write it as a page."""
    from autograder.telling import statistics as class_says

    chosen, results = _results(book, names)
    summaries, groups = class_says.of(book, results, chosen)
    if not summaries:
        raise CourseError(f"There is nothing graded in {book.folder} yet; first: autograder grade")
    for summary in summaries:
        out.print(class_says.tables(summary), "")
    if groups:
        out.print(class_says.alike_table(groups), "")
    out.print(f"Written: {class_says.write_page(book, summaries, groups)}")


def show_grades(book: Gradebook, names: list[str] | None, why: bool) -> None:
    """Print the table, with `why` the reasons, and write both CSV files."""
    from autograder.telling import report

    chosen, results = _results(book, names)
    out.print(report.table(results, chosen))
    if why:
        for student, lesson, lost in report.reasons(results):
            out.print(f"\n[bold]{for_markup(student)}[/bold], {lesson}")
            same = Counter(reason for _, _, reason in lost)
            for reason, times in same.items():
                exercises = [name for name, _, r in lost if r == reason]
                points = sum(p for _, p, r in lost if r == reason)
                what = f"all {times} exercises" if times == len(lost) > 3 else ", ".join(exercises)
                out.print(f"  -{points:g}  {what}: {for_markup(reason)}")
        out.print()
    wide, long = report.write_csv(book, results, chosen)
    out.print(f"Written: {wide} and {long}")


@app.command(rich_help_panel=RESULTS)
@says_what_is_wrong
def why(
    student: Annotated[str, typer.Argument(help="The student's id, as `autograder grades` shows it.")],
    lesson: Annotated[str, typer.Argument(help="The lesson, as 01_chain_rule, 01 or chain_rule.")],
    everything: Annotated[
        bool, typer.Option("--all", help="Also the checks with their hidden tests, and cells in full.")
    ] = False,
    gradebook: Book = None,
) -> None:
    """Explain one grade: each lost point, each limit hit, and where to look."""
    from autograder.telling import why as forensics

    book = Gradebook(gradebook)
    _needs_database(book)
    out.print(forensics.text(forensics.explain(book, student, lessons([lesson])[0]), everything))


@app.command(rich_help_panel=LESSONS)
@says_what_is_wrong
def checks(
    names: Lessons = None,
    real: Annotated[
        bool, typer.Option("--real", help="Also run every answer in the sandbox and the examiner, as grading does.")
    ] = False,
    draws: Annotated[int, typer.Option(min=1, help="Try every answer on so many draws of the hidden cases.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes of --real.")] = os.cpu_count() or 1,
    verbose: Annotated[bool, typer.Option("-v", help="Every answer with what the check said.")] = False,
) -> None:
    """Show that every check fails the wrong answers and passes the right ones."""
    from autograder.proving import pipeline, proof

    shown = Table("lesson", "exercise", "wrong caught", "right passed", "unfair")
    unfair, differ = 0, []
    for lesson in lessons(names):
        found = {whom: list(proof.verdicts(lesson, whom)) for whom in proof.draws(lesson, draws)}
        # An answer counts as judged fairly if it is on every draw.
        worst = [next((v for v in same if not v.fair), same[0]) for same in zip(*found.values(), strict=True)]
        for exercise in proof.exercises(lesson):
            mine = [v for v in worst if v.answer.exercise == exercise]
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
        if real:
            differ += list(pipeline.differences(lesson, found, workers))
    out.print(shown)
    for d in differ:
        cases = f" (cases of {d.whom})" if d.whom else ""
        out.print(
            f"{d.answer.exercise}: {escape(d.answer.story)}{cases}\n    harness:  {escape(d.harness or 'passes')}\n    pipeline: {escape(d.pipeline or 'passes')}"
        )
    if real and not differ:
        out.print("The sandbox and the examiner judge every answer the same.")
    if unfair or differ:
        raise CourseError(
            f"{unfair} unfair verdicts, or too few answers (at least {proof.MIN_WRONG} wrong and {proof.MIN_RIGHT} right each)"
            + (f"; {len(differ)} that grading would judge otherwise." if real else ".")
        )


def _this_command() -> str:
    """How `autograder` is called from anywhere, also where the environment is not activated."""
    return shlex.quote(str(Path(sys.executable).with_name("autograder")))


def _results(book: Gradebook, names: list[str] | None) -> tuple[list[Lesson], list[Any]]:
    """The lessons named, and what came of them.

    Only `autograder grade` writes the gradebook; whoever reads it is told where dates or points changed since.
    """
    from autograder.recording import late
    from autograder.telling import report

    _needs_database(book)
    chosen = lessons(names)
    if old := late.enter(book, chosen, keep=False):
        out.print(
            f"{len(old)} submissions are late by other times or costs than shown, by what {late.DATES}, policy and points say now; enter it with: autograder grade",
            style="yellow",
        )
    return chosen, report.results(book, chosen)


def _needs_database(book: Gradebook) -> None:
    if not book.has_database():
        raise CourseError(
            f"There is no gradebook in {book.folder} yet; first: autograder collect PATH, then autograder grade"
        )


if __name__ == "__main__":
    app()
