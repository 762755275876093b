"""Running a notebook as a step of nbgrader's autograde, named in `nbgrader_config.py`.

`nbgrader autograde` and formgrader run submissions as `autograder grade` does, with the same limits.
"""

from __future__ import annotations

import atexit
from dataclasses import fields
from typing import Any, ClassVar

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Float, Int

from autograder.cells import SETUP, WHOM, fail_every_check
from autograder.running.execute import NotRun, Worker
from autograder.running.limits import Limits


class ExecuteInWorker(NbGraderPreprocessor):
    """Run the notebook in a worker process, as `autograder grade` does; it takes the place of nbgrader's Execute.

    Demos are skipped, limits hold, and a cell that ends or hangs its process costs only itself. The worker stays warm for
    the next notebook this process grades. `c.ExecuteInWorker` in nbgrader_config.py sets the limits of every way to grade.
    """

    cell_seconds = Float(Limits.cell_seconds, min=0.1, help="Time limit of one cell, in seconds of the processor.").tag(
        config=True
    )
    total_seconds = Float(Limits.total_seconds, min=0.1, help="The same of a submission.").tag(config=True)
    patience = Float(Limits.patience, min=1.0, help="How many times as long both may take by the clock.").tag(
        config=True
    )
    memory_mib = Int(Limits.memory_mib, min=64, help="Memory beyond the worker's own, in 2**20 bytes.").tag(config=True)
    file_mib = Int(Limits.file_mib, min=1, help="Size of one file, in 2**20 bytes.").tag(config=True)
    processes = Int(Limits.processes, min=8, help="Processes and threads at once.").tag(config=True)
    output_characters = Int(Limits.output_characters, min=1000, help="What one cell may print.").tag(config=True)

    _worker: ClassVar[Worker | None] = None

    @property
    def limits(self) -> Limits:
        """The limits as configured."""
        return Limits(**{field.name: getattr(self, field.name) for field in fields(Limits)})

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Raises CourseError if a worker cannot be started at all; MachineFailed, so that no grade is recorded, if the machine fails."""
        worker = self._warm_worker()
        who = f"{resources['nbgrader']['student']}, {resources['nbgrader']['notebook']}"
        try:
            for_examiner = {key: nb.metadata[key] for key in (SETUP, WHOM) if key in nb.metadata}
            outcome = worker.run(nb, self.limits)
            if outcome.late:  # Once more, before it costs points: something else may have kept the machine busy.
                nb.metadata.update(for_examiner)
                outcome = worker.run(nb, self.limits)
            notes = outcome.notes
        except NotRun as error:
            fail_every_check(nb, str(error))
            notes = [str(error)]
        except BaseException:
            worker.close()  # Left in mid-conversation; the next notebook starts it again.
            raise
        for note in notes:
            self.log.warning("%s: %s", who, note)
        return nb, resources

    @classmethod
    def _warm_worker(cls) -> Worker:
        if cls._worker is None:
            cls._worker = Worker()
            atexit.register(cls._worker.close)
        return cls._worker
