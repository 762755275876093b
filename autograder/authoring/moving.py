"""Pictures that move on the reader's site: what a control draws at each of its settings, drawn beforehand, with no kernel behind."""

from __future__ import annotations

from pathlib import Path

from nbformat import NotebookNode

from autograder.course import Lesson


def put_into(notebook: NotebookNode, folder: Path, lesson: Lesson) -> None:
    """Not yet."""
