"""Stock nbgrader for comparison: grade the same submissions with nothing of this course's configuration but the lesson."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from nbgrader.api import Gradebook as Database

from autograder.authoring.source import CHECK_PREFIX
from autograder.course import Lesson

# The students of the sample class whose submissions run to the end on any grader.
HONEST = ["Amélie Dubois", "Bao Nguyen", "Chiara Rossi", "Jonas Weber", "Kofi Mensah", "Lena Novak"]

# Cells of demos may take as long as they need; nbgrader's default limit is 30 s.
_CONFIG = """
c = get_config()
c.CourseDirectory.root = {root!r}
c.ClearSolutions.code_stub = {{"python": "raise NotImplementedError()"}}
c.CourseDirectory.ignore = ["*.py", "__pycache__", ".ipynb_checkpoints"]
c.Execute.timeout = 120
"""


def without_demos(notebook: bytes) -> bytes:
    """A submission with its demo cells emptied: stock nbgrader would run them, which takes long and earns no points."""
    content = json.loads(notebook)
    for cell in content["cells"]:
        if "demo" in cell["metadata"].get("tags", []):
            cell["source"] = ""
    return json.dumps(content).encode()


class StockClass:
    """A course folder of stock nbgrader with some lessons assigned."""

    def __init__(self, folder: Path, lessons: list[Lesson]):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "nbgrader_config.py").write_text(_CONFIG.format(root=str(folder)))
        for lesson in lessons:
            target = folder / "source" / lesson.name
            target.mkdir(parents=True)
            shutil.copy(lesson.solution, target)
            self._nbgrader("generate_assignment", lesson.name)

    def hand_in(self, student: str, lesson: Lesson, notebook: bytes) -> None:
        """Put a submission where nbgrader looks for it."""
        target = self.folder / "submitted" / student / lesson.name
        target.mkdir(parents=True)
        (target / f"{lesson.name}.ipynb").write_bytes(notebook)

    def autograde(self, lesson: Lesson) -> None:
        """Run `nbgrader autograde` on all submissions of a lesson."""
        self._nbgrader("autograde", lesson.name)

    def scores(self, lesson: Lesson) -> dict[str, dict[str, float]]:
        """Points per student and exercise."""
        with Database(f"sqlite:///{self.folder / 'gradebook.db'}") as database:
            return {
                row.student.id: {g.name.removeprefix(CHECK_PREFIX): g.score for nb in row.notebooks for g in nb.grades}
                for row in database.find_assignment(lesson.name).submissions
            }

    def _nbgrader(self, *command: str) -> None:
        scripts = Path(sys.executable).parent
        environment = os.environ | {
            "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}",
            # Stock nbgrader gives no points to a passing check that warns; where our checks run, no warning counts. The
            # comparison is about answers, so nobody warns here.
            "PYTHONWARNINGS": "ignore",
        }
        done = subprocess.run(
            [scripts / "nbgrader", *command],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(f"nbgrader {' '.join(command)} failed:\n{done.stderr[-2000:]}")
