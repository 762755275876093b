"""JupyterLab and formgrader as people meet them: served as they are for a student and a TA, and looked at in Chromium.

Nothing here waits for a time: each step waits until what it wants is on the screen. Screenshots stay in `dist/screens/`.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.authoring.pack import BUNDLE, pack
from tests.browser.serve import PATIENCE, SCREENS, serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser; skips where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    browsers = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    SCREENS.mkdir(parents=True, exist_ok=True)
    with browsers.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=list(_QUIET))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A window of a usual size; what it shows when a test fails is kept as a picture."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    failed = request.session.testsfailed
    yield page
    if request.session.testsfailed > failed:
        with contextlib.suppress(Exception):
            page.screenshot(path=SCREENS / f"failed_{request.node.name.replace('/', '_')}.png")
    context.close()


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What students get, unpacked."""
    folder = tmp_path_factory.mktemp("student")
    pack(folder / "bundle.zip")
    with zipfile.ZipFile(folder / "bundle.zip") as archive:
        archive.extractall(folder)
    return folder / BUNDLE


@pytest.fixture(scope="session")
def lab(chromium: Any, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """JupyterLab on the bundle's notebooks, as its README starts it."""
    command = [sys.executable, "-m", "jupyterlab", "notebooks", "--allow-root", "--LabApp.expose_app_in_browser=True",
               "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]  # fmt: skip
    with serving(command, bundle, tmp_path_factory.mktemp("lab")) as about:
        yield about
