"""What a cell says when it fails: one sentence for what is not solved yet, and else the lines of the notebook that led there.

IPython's own traceback of a failed check is fifteen lines of the check and of the course. `%tb` still shows it.
"""

from __future__ import annotations

import linecache
import sys
import traceback
from types import FrameType, TracebackType
from typing import Any

from IPython import get_ipython
from IPython.core.error import UsageError

_SENTENCES = ("lib.byhand", "lib.exam")  # What these say of an answer is a sentence already.
_FIRST, _LAST = 2, 4  # Steps shown of a longer way, as endless recursion takes one.


def short_errors() -> None:
    """Make the cells of this notebook say shortly what is wrong. Every lesson calls it once, in its first code cell.

    Only what is shown changes: an error stays one for whoever runs the notebook. Outside a Jupyter kernel, as when a
    submission is graded, nothing happens at all.
    """
    shell = get_ipython()
    if shell is not None and hasattr(shell, "kernel") and hasattr(shell.compile, "format_code_name"):
        shell.set_custom_exc((Exception,), _show)


def told(error: BaseException, cells: dict[str, str]) -> str:
    """An error in words. `cells` names the notebook's cells by the file names that they have in tracebacks."""
    kind, message = type(error).__name__, str(error)
    steps = list(traceback.walk_tb(error.__traceback__))
    own = [(frame, line) for frame, line in steps if frame.f_code.co_filename in cells]
    if not own:
        return f"{kind}: {message}"
    last = steps[-1][0]
    in_cell = last is own[-1][0]
    if type(error) is NotImplementedError and in_cell:
        name = _function(last)
        what = f"`{name}` is" if name else "This exercise is"
        return (
            f"{what} not written yet. Write it where the notebook says # YOUR CODE HERE, run that cell, then this one."
        )
    if message and (in_cell or last.f_globals.get("__name__") in _SENTENCES):
        if type(error) is NotImplementedError:
            return f"{message}. Run that cell, then this one."
        if type(error) is AssertionError and len(own) == 1:
            return f"Not yet: {message}"
    end = "" if in_cell else f"\n(raised in {last.f_globals.get('__name__')}; %tb shows every step)"
    return f"{_way(own, cells)}\n{kind}: {message}{end}"


def _way(own: list[tuple[FrameType, int]], cells: dict[str, str]) -> str:
    """The lines of the notebook that led to an error, in the order in which they were run."""
    lines = []
    for n, (frame, number) in enumerate(own):
        if n == _FIRST and len(own) > _FIRST + _LAST:
            lines.append(f"... {len(own) - _FIRST - _LAST} calls more ...")
        if _FIRST <= n < len(own) - _LAST:
            continue
        file, name = frame.f_code.co_filename, _function(frame)
        lines.append(f"{cells[file]}, line {number}{f', in {name}' if name else ''}:")
        lines.append(f"    {linecache.getline(file, number).strip()}")
    return "\n".join(lines)


def _function(frame: FrameType) -> str:
    """What the student calls the function that a frame runs; empty for a cell itself."""
    name = str(getattr(frame.f_code, "co_qualname", frame.f_code.co_name)).replace("<locals>.", "")
    return "" if name == "<module>" else name


def _show(
    shell: Any, kind: type[BaseException], error: BaseException, where: TracebackType, tb_offset: Any = None
) -> list:
    """IPython's handler of exceptions: show one, and keep it for `%tb` and `%debug`."""
    if isinstance(error, UsageError):  # of a magic, which has a sentence of its own
        shell.show_usage_error(error)
        return []
    if isinstance(error, SyntaxError):  # IPython's own few lines show which of the cell's, and where in it
        shell.showsyntaxerror()
        return []
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, where
    files = {frame.f_code.co_filename for frame, _ in traceback.walk_tb(where)}
    names = {file: shell.compile.format_code_name(file) for file in files}
    if type(error) is NotImplementedError and "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")  # or the figure that it began would be shown, empty
    shown = [told(error, {file: " ".join(name) for file, name in names.items() if name})]
    shell._showtraceback(kind, error, shown)
    return shown
