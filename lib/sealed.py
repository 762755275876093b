"""What the exercises ask for, finished: modules that lessons use and that students are to write, not to read or to import.

Three things follow from the one list `FINISHED`:

- in the course's repository these modules lie open, for whoever maintains them;
- in the bundle that students get they are sealed (`seal`): lessons import them as ever, and no file, no traceback, no `??` and
  no `inspect.getsource` shows their source;
- where a lesson is graded they are not there (`refuse`), so that an answer which only calls one of them says so in a sentence.

A seal keeps the answers out of sight, not out of reach: whoever breaks it knows that it was no accident.
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
from typing import NoReturn

# Modules and packages of `lib` that hold an answer to an exercise.
FINISHED = ("lib.models", "lib.sampling")
SEAL = Path(__file__).with_name("finished.sealed")


def is_finished(module: str) -> bool:
    """Whether a module is one of `FINISHED`, or within one."""
    return any(module == name or module.startswith(f"{name}.") for name in FINISHED)


def seal(sources: dict[str, str]) -> bytes:
    """The content of the file `SEAL`: the source of each module, by name; a package's is that of its `__init__`."""
    return zlib.compress(json.dumps(sources, sort_keys=True).encode(), 9)


def install() -> None:
    """Let Python import what is sealed, where something is: called once, when `lib` is imported."""
    if SEAL.is_file():
        sys.meta_path.insert(0, _Sealed(json.loads(zlib.decompress(SEAL.read_bytes()))))


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
        if is_finished(fullname):
            _raise_not_there(fullname)


def _raise_not_there(module: str) -> NoReturn:
    name = next(name for name in FINISHED if module == name or module.startswith(f"{name}."))
    says = f"No module named {module!r}; {name} is not there when grading, where what it does is to be your own"
    raise ModuleNotFoundError(says, name=module)
