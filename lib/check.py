"""Is this machine ready for the lessons? `python -m lib.check` says so in one screen, and how to mend what is not.

It exits with 0 if everything that the lessons need works here, and with 1 if something has to be mended first.
Nothing is imported above that an installation could lack: what is missing is told, not raised.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

COURSE = Path(__file__).resolve().parent.parent
# Quotes only where they are needed: PowerShell reads a quoted path as text.
PYTHON = f'"{sys.executable}"' if " " in sys.executable else sys.executable
INSTALL = f"{PYTHON} -m pip install -r requirements.txt"
OLDEST = (3, 10)
# What the lessons import, by the names that pip knows, and what shows and validates them.
NEEDED = (
    "ipywidgets", "jupytercards", "jupyterlab", "jupyterquiz", "matplotlib", "nbgrader", "numpy", "pooch", "safetensors",
    "torch", "tqdm",
)  # fmt: skip
# The model that is tried, how many of the test digits it reads, and the nats per digit that it has on them.
MODEL, N_DIGITS, NATS = "nade", 500, 83.21
# Seconds for a kernel to start and to answer: far more than a busy machine takes the first time.
PATIENCE = 600


class Problem(Exception):
    """Something to mend before the lessons work: what was found, and the cure."""

    def __init__(self, found: str, cure: str):
        super().__init__(found)
        self.cure = cure


class Different(Problem):
    """Something that is not as the course has it, and with which the lessons may work all the same."""


def python() -> str:
    """The Python that runs this."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST:
        raise Problem(f"this is Python {found}", f"Install Python {'.'.join(map(str, OLDEST))} or newer.")
    if sys.maxsize < 2**32:
        raise Problem(f"this is a 32-bit Python {found}", "Install a 64-bit one: PyTorch has no other.")
    return f"Python {found}, {sys.executable}"


def packages() -> str:
    """Every package that the lessons need is there; told apart: those that are missing, and those of another version."""
    found: dict[str, str] = {}
    for name in NEEDED:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name).partition("+")[0]  # torch 2.13.0+cpu is torch 2.13.0
    if missing := [name for name in NEEDED if name not in found]:
        raise Problem(f"not installed: {', '.join(missing)}", f"In the folder {COURSE} run: {INSTALL}")
    pinned = pins((COURSE / "constraints.txt").read_text(encoding="utf-8"))
    other = [f"{n} {v} (the course: {pinned[n]})" for n, v in found.items() if pinned.get(n, v) != v]
    if other:
        raise Different(
            ", ".join(other), f"If something fails, take the course's versions: in the folder {COURSE} run: {INSTALL}"
        )
    return f"{len(NEEDED)} packages, at the versions in constraints.txt"


def pins(constraints: str) -> dict[str, str]:
    """The versions that a constraints file pins for this Python and platform, by package."""
    from packaging.requirements import Requirement

    lines = [line.partition("#")[0].strip() for line in constraints.splitlines()]
    wanted = [Requirement(line) for line in lines if "==" in line]
    return {r.name: str(r.specifier).removeprefix("==") for r in wanted if r.marker is None or r.marker.evaluate()}


def data_sets() -> str:
    """Each file in `data/` is there, whole and unchanged."""
    from lib import data

    wanted = [name for name in data.FILES if name not in data.NOT_IN_LESSONS]
    wrong = []
    for name in wanted:
        try:
            data.read(name)
        except (OSError, ValueError) as error:
            wrong.append(str(error).removesuffix("; copy it again from the course"))
    if wrong:
        more = f", and {len(wrong) - 1} more" if wrong[1:] else ""
        raise Problem(f"{wrong[0]}{more}", "Unpack the course's zip again, into an empty folder.")
    return f"{len(wanted)} files of data and trained weights, each with the right sha256"


def model() -> str:
    """A trained model is loaded and reads digits; what it says of them is known."""
    from lib.data import load_binary_mnist
    from lib.training import mean_nll
    from lib.weights import load

    found = mean_nll(load(MODEL), load_binary_mnist("test")[:N_DIGITS])
    if abs(found - NATS) > 0.01:
        raise Problem(
            f"{MODEL} has {found:.2f} nats on {N_DIGITS} digits, {NATS} expected",
            f"Take the course's versions: in the folder {COURSE} run: {INSTALL}",
        )
    return f"the trained model {MODEL} has {found:.2f} nats on {N_DIGITS} digits, as it should"


def figure() -> str:
    """A figure is drawn in the course's style."""
    from matplotlib.figure import Figure

    from lib import plots

    plots.use_style()
    drawn = Figure(figsize=(3, 2))
    drawn.subplots().plot([0, 1, 4, 9])
    picture = io.BytesIO()
    drawn.savefig(picture, format="png")
    return f"a figure, drawn: {len(picture.getvalue()) // 1000} kB of PNG"


def kernel() -> str:
    """A notebook's kernel starts, runs this Python, and finds the `lib` of this folder and no other."""
    from jupyter_client.manager import start_new_kernel

    print("    a notebook's kernel starts; the first one may take a minute", flush=True)
    manager, client = start_new_kernel(
        startup_timeout=PATIENCE, cwd=str(_a_lessons_folder()), stderr=subprocess.DEVNULL
    )
    said: list[str] = []
    try:
        client.execute_interactive(
            "import sys; sys.path.insert(0, '../..'); import lib; print(sys.executable, lib.__file__, sep='\\n')",  # as lessons do
            timeout=PATIENCE,
            output_hook=lambda message: said.extend(_lines(message)),
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if len(said) != 2:
        raise Problem(
            f"a notebook cannot import lib ({said[-1] if said else 'nothing was said'})",
            f"In the folder {COURSE} run: {INSTALL}",
        )
    executable, found = said[0], Path(said[1]).resolve().parent.parent
    if Path(executable).resolve() != Path(sys.executable).resolve():
        raise Problem(
            f"notebooks are run by another Python, {executable}",
            f"Run: {PYTHON} -m ipykernel install --sys-prefix",
        )
    if found != COURSE:
        raise Problem(
            f"a notebook in {_a_lessons_folder()} imports the lib of another copy of the course, {found}",
            "Put the notebooks back into the folders that the zip has them in.",
        )
    return "a notebook's kernel starts and finds this folder's lib"


def _a_lessons_folder() -> Path:
    """Where a lesson's kernel starts."""
    return next((p for p in sorted((COURSE / "notebooks").glob("*/")) if p.is_dir()), COURSE)


def _lines(message: dict) -> list[str]:
    """What a kernel's message says, line by line: printed text, or the last line of an error."""
    content = message["content"]
    if message["msg_type"] == "error":
        return [f"{content['ename']}: {content['evalue']}"]
    return content.get("text", "").splitlines() if message["msg_type"] == "stream" else []


STEPS: tuple[Callable[[], str], ...] = (python, packages, data_sets, model, figure, kernel)


def results(steps: tuple[Callable[[], str], ...] = STEPS) -> Iterator[tuple[str, str, str]]:
    """What each step came to: a mark (`ok`, `~` for a difference, `!!` for a problem), what was found, and the cure."""
    for step in steps:
        try:
            yield "ok", step(), ""
        except Problem as problem:
            yield "~" if isinstance(problem, Different) else "!!", str(problem), problem.cure
        except ImportError as error:
            yield "!!", f"{step.__name__}: {error}", f"In the folder {COURSE} run: {INSTALL}"
        except Exception as error:  # whatever a broken installation does: it is told, and the rest is tried
            said = (str(error).strip().splitlines() or [""])[0]
            yield "!!", f"{step.__name__}: {type(error).__name__}: {said}", f"In the folder {COURSE} run: {INSTALL}"


def main() -> int:
    """Say it in one screen. Returns the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a folder's name may hold what this terminal has no letter for
    begun, to_mend = time.monotonic(), 0
    for mark, found, cure in results():
        print(f"{mark:>2}  {found}", flush=True)
        if cure:
            print(f"      {cure}")
        to_mend += mark == "!!"
    if to_mend:
        print(f"\nNot ready: {to_mend} thing{'s' * (to_mend > 1)} to mend, marked !! above; begin with the first.")
        return 1
    print(f"\nThis machine is ready ({time.monotonic() - begun:.0f} s). Open the lessons: jupyter lab notebooks")
    return 0


if __name__ == "__main__":
    sys.exit(main())
