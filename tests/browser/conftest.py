"""JupyterLab and formgrader as people meet them: served as they are for a student and a TA, and looked at in Chromium.

Nothing here waits for a time: each step waits until what it wants is on the screen. Screenshots stay in `dist/screens/`.
"""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.authoring.pack import BUNDLE
from tests.browser.serve import LAB, PATIENCE, SCREENS, serving


@pytest.fixture
def page(chromium: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A window of a usual size; what it shows when a test fails is kept as a picture."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    failed = request.session.testsfailed
    yield page
    if request.session.testsfailed > failed:
        with contextlib.suppress(Exception):
            page.screenshot(path=SCREENS / f"failed_{request.node.name.replace('/', '_')}.png")
    context.close()


@pytest.fixture(scope="module")
def bundle(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What students get, unpacked."""
    folder = tmp_path_factory.mktemp("student")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)
    return folder / BUNDLE


@pytest.fixture(scope="module")
def lab(chromium: Any, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """JupyterLab on the bundle's notebooks, as its README starts it."""
    with serving([*LAB, "notebooks"], bundle, tmp_path_factory.mktemp("lab")) as about:
        yield about
