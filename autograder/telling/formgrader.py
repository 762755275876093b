"""nbgrader's formgrader in the browser, on the gradebook of a class: points by hand, comments, one submission after the other."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from autograder.course import Gradebook


def command(book: Gradebook, more: Sequence[str] = ()) -> list[str]:
    """The command line that serves it, to be run in the repository's root; `more` is handed to Jupyter.

    Makes the gradebook's folder if there is none yet, since nbgrader makes the database in it but not the folder.
    """
    book.folder.mkdir(parents=True, exist_ok=True)
    jupyter = str(Path(sys.executable).with_name("jupyter"))
    # JupyterLab has a start page of its own, which wins over the server's; nbgrader's page is served beside it, and its
    # extension is named here since a student's settings may have turned it off.
    line = [jupyter, "lab", "--LabApp.default_url=/formgrader"]
    line += ["--ServerApp.jpserver_extensions=nbgrader.server_extensions.formgrader=True"]
    # Jupyter refuses to serve as root unless told that it is meant, as in a container.
    as_root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return [*line, *as_root, *more]
