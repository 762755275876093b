"""What of `lib` students may read, and what exercises ask for, finished: to be used by lessons, not to be read or called instead.

- In the course's repository everything lies open, for whoever maintains it.
- In the bundle that students get only `OPEN` does. The rest is sealed (`seal`): lessons import it as ever, `help` and docstrings
  are there, and no file, no traceback, no `??` and no `inspect.getsource` shows its source.
- Where a lesson is graded, `FINISHED` is not there (`refuse`): an answer that only calls one of these says so in a sentence.

A seal keeps answers out of sight, not out of reach: whoever breaks it knows that it was no accident.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import json
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType

# Modules and packages that pass an exercise's check when they are called instead; no cell that always runs may need one.
FINISHED = ("lib.models", "lib.mu_law", "lib.orders", "lib.sampling")
# Tools: the lines of none of these are what an exercise asks for. A new module is sealed until it stands here.
OPEN = (
    "lib.audio", "lib.causality", "lib.check", "lib.data", "lib.errors", "lib.plots", "lib.practice", "lib.scoreboard",
    "lib.sealed", "lib.training", "lib.wav", "lib.weights",
)  # fmt: skip
# And those in a package of `OPEN` that are sealed all the same.
_CLOSED = ("lib.plots.convolutions",)
SEAL = Path(__file__).with_name("sealed.bin")


def is_finished(module: str) -> bool:
    """Whether a module is one of `FINISHED`, or within one."""
    return _within(module, FINISHED)


def is_open(module: str) -> bool:
    """Whether students may read a module of `lib`."""
    return (module == "lib" or _within(module, OPEN)) and module not in _CLOSED


def _within(module: str, names: Sequence[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)


def seal(sources: dict[str, str]) -> bytes:
    """The content of the file `SEAL`: the source of each module, by name; a package's is that of its `__init__`."""
    return zlib.compress(json.dumps(sources, sort_keys=True).encode(), 9)


def unseal(content: bytes) -> dict[str, str]:
    """The sources that `seal` sealed, by module."""
    return json.loads(zlib.decompress(content))


def install() -> None:
    """Let Python import what is sealed, where something is: called once, when `lib` is imported."""
    if SEAL.is_file():
        sys.meta_path.insert(0, _Sealed(unseal(SEAL.read_bytes())))


def refuse() -> None:
    """From now on, importing one of `FINISHED` raises ModuleNotFoundError with a sentence for the student."""
    for name in [name for name in sys.modules if is_finished(name)]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Refusing())


class _Sealed(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports modules from their sealed sources, as Python does from files, but without a file to look into."""

    def __init__(self, sources: dict[str, str]):
        self._sources = sources

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._sources:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=self.is_package(fullname))

    def is_package(self, fullname: str) -> bool:
        return any(name.startswith(f"{fullname}.") for name in self._sources)

    def get_code(self, fullname: str) -> CodeType:
        # What stands in angle brackets is no file's name: nothing looks for its lines.
        return compile(self._sources[fullname], f"<{fullname}, sealed>", "exec", dont_inherit=True)

    def get_source(self, fullname: str) -> None:
        return None


class _Refusing(importlib.abc.MetaPathFinder):
    """Finds no finished module and says why."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        for name in FINISHED:
            if _within(fullname, [name]):
                says = f"{name} is not there when grading, where what it does is to be your own"
                # Without the module's name in the error, or `from lib import sampling` would say something else in its place.
                raise ModuleNotFoundError(f"No module named {fullname!r}; {says}")
