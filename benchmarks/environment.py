"""What a fresh environment takes: `python -m benchmarks.environment [PYTHON ...]`, for each Python named (default: this one).

As a student does it, from the packed bundle alone: a virtual environment, one `pip install`, then `lib.check` in it. The
processor's seconds (how long the download takes is the network's affair) and the size on disk go to `environments.csv`, which
`docs/install.md` shows.
"""

from __future__ import annotations

import csv
import resource
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from autograder.authoring.pack import BUNDLE, pack
from autograder.course import ROOT, write_whole

TABLE = ROOT / "benchmarks" / "environments.csv"
_COLUMNS = ("python", "torch", "seconds", "mb")


def measure(python: str) -> dict[str, str]:
    """Install the bundle with this Python, try it, and return the line of the table."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        pack(Path(folder, "bundle.zip"))
        with zipfile.ZipFile(Path(folder, "bundle.zip")) as bundle:
            bundle.extractall(folder)
        course = Path(folder, BUNDLE)
        before = _seconds()
        _run([python, "-m", "venv", ".venv"], course)
        fresh = str(course / ".venv" / "bin" / "python")
        # Where PyTorch's index is out of reach, pip would ask it again and again, for each package.
        _run(
            [fresh, "-m", "pip", "install", "--quiet", "--no-cache-dir", "--retries=0", "-r", "requirements.txt"],
            course,
        )
        seconds = _seconds() - before
        _run([fresh, "-m", "lib.check"], course)
        said = "import sys, torch; print('.'.join(map(str, sys.version_info[:3])), torch.__version__)"
        version, torch = _run([fresh, "-c", said], course).split()
        size = sum(p.lstat().st_size for p in (course / ".venv").rglob("*")) / 1e6
    return dict(zip(_COLUMNS, (version, torch, f"{seconds:.0f}", f"{size:.0f}"), strict=True))


def _seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def main() -> None:
    rows = list(csv.DictReader(TABLE.open(encoding="utf-8", newline=""))) if TABLE.exists() else []
    for python in sys.argv[1:] or [sys.executable]:
        row = measure(python)
        print(row)
        rows = [old for old in rows if (old["python"], old["torch"]) != (row["python"], row["torch"])] + [row]
        lines = [",".join(_COLUMNS), *(",".join(r[c] for c in _COLUMNS) for r in rows)]
        write_whole(TABLE, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
