"""A notebook in JupyterLab, driven as a person does: look at a cell, run it, move what is in it."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

_CONTENT = "window.jupyterapp.shell.currentWidget.content"
_DONE = """cell => cell.model.type !== 'code' || !cell.model.sharedModel.getSource().trim()
    || (cell.model.executionCount && cell.model.executionState === 'idle')"""
# What a control shows: its pictures, and what it says in words.
_SHOWN = """cell => [...cell.querySelectorAll('img.widget-image, .widget-html-content, .widget-readout')]
    .map(x => x.src || x.textContent).join('|')"""
# What can be moved, in this order: a key of the keyboard does nothing before something is typed.
_MOVABLE = {
    "text": ".widget-text input, .widget-textarea textarea",
    "choice": ".widget-toggle-buttons",
    "slider": ".widget-slider .noUi-handle",
    "box": ".widget-checkbox input",
    "list": ".widget-dropdown select",
    "button": ".jupyter-button:not(.widget-toggle-button)",
}
# Of a row of buttons that do the same for different letters, so many are pressed.
_BUTTONS = 4


class Notebook:
    """The notebook that a page shows."""

    def __init__(self, page: Any, server: dict[str, Any], path: str):
        self.page, self.server = page, server
        page.goto(f"{server['url']}lab/tree/{path}?token={server['token']}&reset")
        page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.context?.isReady")
        self._wait("sessionContext.session?.kernel?.status === 'idle'")

    def _wait(self, what: str) -> None:
        self.page.wait_for_function(f"window.jupyterapp.shell.currentWidget.{what}")

    def sources(self) -> list[str]:
        """What stands in each cell."""
        found: list[str] = self.page.evaluate(f"{_CONTENT}.widgets.map(cell => cell.model.sharedModel.getSource())")
        return found

    def named(self, grade_id: str) -> int:
        """Where an exercise or a check stands."""
        found: int = self.page.evaluate(
            f"name => {_CONTENT}.widgets.findIndex(cell => cell.model.getMetadata('nbgrader')?.grade_id === name)",
            grade_id,
        )
        assert found >= 0, grade_id
        return found

    def grade_id(self, n: int) -> str:
        """The name of the exercise or check that a cell is; empty for others."""
        found: str = self.page.evaluate(f"n => {_CONTENT}.widgets[n].model.getMetadata('nbgrader')?.grade_id ?? ''", n)
        return found

    def type(self, n: int, source: str) -> None:
        """Put this into a cell."""
        self.show(n)
        self.page.evaluate(f"([n, text]) => {_CONTENT}.widgets[n].model.sharedModel.setSource(text)", [n, source])

    def show(self, n: int) -> Any:
        """Bring a cell into view, as scrolling does; returns it."""
        self.page.evaluate(
            f"""async n => {{ const content = {_CONTENT}; content.deselectAll(); content.activeCellIndex = n;
                await content.scrollToItem(n, 'start'); }}""",
            n,
        )
        cell = self.page.locator(".jp-Notebook .jp-Cell.jp-mod-active")
        cell.wait_for()
        return cell

    def run_all(self) -> None:
        """Run > Run All Cells, and wait until every cell was run."""
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")
        self.page.wait_for_function(f"{_CONTENT}.widgets.every({_DONE})")

    def run(self, n: int) -> Any:
        """Run one cell; returns it."""
        cell = self.show(n)
        before = self.page.evaluate(f"n => {_CONTENT}.widgets[n].model.executionCount", n)
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-cell') }")
        self.page.wait_for_function(
            f"""([n, before]) => {{ const cell = {_CONTENT}.widgets[n];
                return cell.model.executionCount > (before ?? 0) && ({_DONE})(cell); }}""",
            arg=[n, before],
        )
        return cell

    def output(self, n: int) -> str:
        """What a cell put out, as the notebook keeps it."""
        kept = self.page.evaluate(f"n => JSON.stringify({_CONTENT}.widgets[n].model.sharedModel.getOutputs())", n)
        return "\n".join(_texts(json.loads(kept)))

    def move_every_control(self, cell: Any) -> int:
        """Move each control of a cell, and wait until the cell shows something else; returns how many were moved."""
        moved = 0
        cell.locator("img.widget-image").first.wait_for()
        before = cell.evaluate(_SHOWN)
        for kind, where in _MOVABLE.items():
            controls = cell.locator(where)
            for i in range(min(controls.count(), _BUTTONS if kind == "button" else 99)):
                control = controls.nth(i)
                if control.is_visible() and control.is_enabled():
                    self._move(cell, control, kind)
                    moved += 1
        self._changed(cell, before, "Every control")
        return moved

    def _move(self, cell: Any, control: Any, kind: str) -> None:
        before = cell.evaluate(_SHOWN)
        if control.get_attribute("type") == "number":  # A seed: seen when something is drawn.
            control.fill("7")
            control.press("Tab")
            return
        if kind == "text":
            control.fill("anna")
        elif kind == "choice":
            # Two choices may come to the same picture; that the button is taken must be seen.
            choice = control.locator("button:not(.mod-active)").first.element_handle()
            choice.click()
            self.page.wait_for_function("button => button.classList.contains('mod-active')", arg=choice)
            return
        elif kind == "slider":
            control.focus()
            value = control.get_attribute("aria-valuenow")
            control.press("ArrowRight")
            if control.get_attribute("aria-valuenow") == value:  # It stood at its end.
                control.press("ArrowLeft")
        elif kind == "list":
            control.select_option(index=1)
        else:
            control.click()
        self._changed(cell, before, f"A {kind} {control.inner_text()!r}")

    def _changed(self, cell: Any, before: str, moved: str) -> None:
        try:
            self.page.wait_for_function(
                f"([cell, before]) => ({_SHOWN})(cell) !== before", arg=[cell.element_handle(), before]
            )
        except Exception as error:
            raise AssertionError(f"{moved} was moved, and nothing changed") from error

    def close(self) -> None:
        """End its kernel."""
        asked = {"Authorization": f"token {self.server['token']}"}
        where = f"{self.server['url']}api/sessions"
        for session in json.load(urllib.request.urlopen(urllib.request.Request(where, headers=asked))):
            urllib.request.urlopen(urllib.request.Request(f"{where}/{session['id']}", headers=asked, method="DELETE"))


def _texts(outputs: list[dict[str, Any]]) -> list[str]:
    found = []
    for output in outputs:
        said = output.get("text") or output.get("evalue") or output.get("data", {}).get("text/plain", "")
        found.append("".join(said))
    return found
