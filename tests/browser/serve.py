"""A Jupyter server for a test, and where the pictures go."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.course import ROOT

SCREENS = ROOT / "dist" / "screens"
# By the clock, for one step: far more than any takes, since nobody knows how busy this machine is.
PATIENCE = 300.0
# JupyterLab without its questions, in a page that says of itself when it is ready.
LAB = [sys.executable, "-m", "jupyterlab", "--allow-root", "--LabApp.expose_app_in_browser=True",
       "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]  # fmt: skip
# The server's own folders, so that nothing of whoever runs the tests is read or written.
_PLACES = ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")


@contextlib.contextmanager
def serving(command: list[str], cwd: Path, folder: Path, **more: str) -> Iterator[dict[str, Any]]:
    """A Jupyter server: what it says of itself (`url`, `token`), once it answers."""
    places = {name: str(folder / name) for name in _PLACES}
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | places | more
    with open(folder / "server.log", "w") as log:
        server = subprocess.Popen([*command, "--no-browser", "--port=0"], cwd=cwd, env=own, stdout=log, stderr=log)
    try:
        yield _answering(server, folder)
    finally:
        server.terminate()
        server.wait(PATIENCE)


def _answering(server: subprocess.Popen[bytes], folder: Path) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.poll() is None:
        for told in (folder / "JUPYTER_RUNTIME_DIR").glob("jpserver-*.json"):
            try:
                about: dict[str, Any] = json.loads(told.read_text())
                urllib.request.urlopen(f"{about['url']}api/status?token={about['token']}", timeout=10)
                return about
            except (OSError, ValueError):
                pass  # not yet
        time.sleep(0.1)
    raise AssertionError((folder / "server.log").read_text()[-2000:])
