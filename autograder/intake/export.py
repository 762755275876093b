"""The files of an export: a folder or an archive, with the archives inside, each bounded, none of their tricks followed.

An archive inside counts as a folder of its name: `export.zip/hopper_10_20_work.zip/01_chain_rule.ipynb`. Nothing is read before
it is asked for, and never more than the limits below, whatever an archive claims.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import re
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any

from autograder.course import CourseError
from autograder.intake.handed import Refused
from autograder.intake.submission import MAX_BYTES

MAX_DEPTH = 3
"""How many archives may lie in one another inside an export."""
MAX_INSIDE = 2**30
"""Bytes that are read out of one archive inside an export, all its files together."""
MAX_UNPACKED = 256 * 2**20
"""Bytes of a tar, unpacked."""
MAX_FILES = 200_000
"""Files of an export, and of one archive in it."""
_DIRECTORY_BYTES = 100 * MAX_FILES  # of a zip's list of files: read whole by zipfile before anything else
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
OTHER_ARCHIVES = (".rar", ".7z")
_OPEN = 32  # zips at a time
_TEXTS = (".json", ".txt", "")  # what browsers and systems make of a notebook's ending
_UNPACKING = (
    zipfile.BadZipFile, tarfile.TarError, OSError, NotImplementedError, RuntimeError, EOFError, ValueError, OverflowError, zlib.error,
    lzma.LZMAError, struct.error,
)  # fmt: skip
_Open = Callable[[], contextlib.AbstractContextManager[IO[bytes]]]


@dataclass(frozen=True)
class File:
    """One file of an export: its path in there, its own time if it has one, and how to read it (at most MAX_BYTES).

    `read` raises Refused.
    """

    path: PurePosixPath
    modified: datetime | None
    read: Callable[[], bytes]
    is_notebook: bool = False
    unopened: str = ""
    """Of an archive that is not opened: why."""


class Export:
    """An export, opened: `files`, and what was `left_out` and why. A context manager: archives inside are kept until it ends.

    Raises CourseError on entry if the path is neither a folder nor a readable archive.
    """

    def __init__(self, path: Path, zone: tzinfo):
        self.path, self.zone = path, zone
        self.files: list[File] = []
        self.left_out: list[tuple[str, str]] = []
        self.repositories: set[PurePosixPath] = set()
        """The folders that are clones of a Git repository."""

    def __enter__(self) -> Export:
        self._scratch = Path(tempfile.mkdtemp(prefix="autograder-"))
        self._zips: dict[Path, zipfile.ZipFile] = {}
        try:
            self._open()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _zip(self, where: Path) -> zipfile.ZipFile:
        """A zip, open: its list of files is read once, but for few of many archives at a time."""
        if where not in self._zips:
            while len(self._zips) >= _OPEN:
                self._zips.pop(next(iter(self._zips))).close()
            self._zips[where] = zipfile.ZipFile(where)
        return self._zips[where]

    def _close(self) -> None:
        for archive in self._zips.values():
            archive.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _open(self) -> None:
        if not self.path.exists():
            raise CourseError(f"{self.path} does not exist")
        if self.path.is_dir():
            self._folder()
            return
        try:
            with self.path.open("rb"):
                pass
        except PermissionError:
            raise CourseError(f"{self.path} may not be read") from None
        except OSError as error:
            raise CourseError(f"{self.path} cannot be read: {error.strerror}") from None
        try:
            self._archive(self.path, PurePosixPath(), 0, None)
        except Refused:
            raise CourseError(f"{self.path} is neither a folder nor a zip file, or a damaged one") from None

    def _folder(self) -> None:
        for path in sorted(self.path.rglob("*")):
            inside = PurePosixPath(path.relative_to(self.path).as_posix())
            if not _is_text(str(inside)):
                self.left_out.append((ascii(str(inside)), "its name is not UTF-8; rename it, or give the zip itself"))
            elif path.is_symlink():
                self.left_out.append((str(inside), "is a link, which is not followed"))
            elif path.is_file() and self.path.resolve() in path.resolve().parents and not self._is_noise(inside):
                time = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
                self._add(inside, time, _opener(path), 0, None, on_disk=path)

    def _archive(self, where: Path, prefix: PurePosixPath, depth: int, budget: _Budget | None) -> None:
        """Take in an archive's files. Raises Refused if it cannot be opened."""
        with _unpacking():
            members = list(self._zip_members(where) if zipfile.is_zipfile(where) else _tar_members(where))
        for member in members:
            inside = PurePosixPath(member.name)
            if inside.is_absolute() or _leads_outside(member.name):
                self.left_out.append((f"{prefix}/{member.name}" if prefix.parts else member.name, "its path leads outside the export"))  # fmt: skip
            elif self._is_noise(prefix / inside):
                continue
            elif not _is_text(member.name):
                self.left_out.append((ascii(str(prefix / inside)), "its name is not UTF-8"))
            elif member.refused:
                self.left_out.append((str(prefix / inside), member.refused))
            else:
                self._add(prefix / inside, member.time, member.open, depth, budget)

    def _zip_members(self, where: Path) -> Iterator[_Member]:
        _refuse_long_directory(where)
        for info in self._zip(where).infolist():
            mode = info.external_attr >> 16
            refused = ""
            if info.is_dir():
                continue
            if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                refused = "is a link or device, not a file"
            elif info.flag_bits & 1:
                refused = "is encrypted"
            opener = partial(lambda info: self._zip(where).open(info), info)
            yield _Member(_zip_name(info), _zip_time(info, self.zone), opener, refused)

    def _add(
        self, path: PurePosixPath, time: datetime | None, open_: _Open, depth: int, budget: _Budget | None, on_disk: Path | None = None
    ) -> None:  # fmt: skip
        if len(self.files) >= MAX_FILES:
            raise (Refused if depth else CourseError)(f"{self.path} holds more than {MAX_FILES} files")
        ending = path.name.casefold()
        if ending.endswith(ARCHIVES):
            before = len(self.files)
            try:
                self._inside(path, open_, depth, budget or _Budget(), on_disk)
            except Refused as reason:
                del self.files[before:]
                self.left_out.append((str(path), str(reason)))
        else:
            read = _reader(open_, budget)
            other = (
                "is an archive of a kind that is not opened here; unpack it" if ending.endswith(OTHER_ARCHIVES) else ""
            )
            self.files.append(File(path, time, read, _is_notebook(path, read), other))

    def _inside(self, path: PurePosixPath, open_: _Open, depth: int, budget: _Budget, on_disk: Path | None) -> None:
        if depth >= MAX_DEPTH:
            raise Refused(f"lies in {depth} other archives; at most {MAX_DEPTH} are opened")
        if on_disk is None:
            number, name = tempfile.mkstemp(dir=self._scratch)
            on_disk = Path(name)
            with open(number, "wb") as copy, _unpacking(), open_() as file:
                while piece := file.read(2**20):
                    budget.take(len(piece))
                    copy.write(piece)
        self._archive(on_disk, path, depth + 1, budget)

    def _is_noise(self, path: PurePosixPath) -> bool:
        for place, part in enumerate(path.parts):
            if part == ".git":
                self.repositories.add(PurePosixPath(*path.parts[:place]))
            # A file `.ipynb` is a notebook whose name was forgotten.
            named = place == len(path.parts) - 1 and part.casefold().endswith(".ipynb")
            if part.startswith(("__MACOSX", "._")) or (part.startswith(".") and not named):
                return True
        return False


class _Budget:
    """What may still be read out of an archive inside the export, with all that lies in it."""

    def __init__(self) -> None:
        self.left = MAX_INSIDE

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise Refused(f"lies in an archive that holds more than {MAX_INSIDE // 2**20} MB")


@dataclass(frozen=True)
class _Member:
    """A file in an archive; `refused`: why it is none."""

    name: str
    time: datetime | None
    open: _Open
    refused: str = ""


@contextlib.contextmanager
def _unpacking() -> Iterator[None]:
    """Whatever an archive's bytes make Python's readers stumble over, as Refused."""
    try:
        yield
    except _UNPACKING as error:
        raise Refused(f"cannot be unpacked ({type(error).__name__}); is it whole?") from None


def _reader(open_: _Open, budget: _Budget | None) -> Callable[[], bytes]:
    counted = False

    def read() -> bytes:
        nonlocal counted
        # Read by bounded amount, not by the size the archive claims: a zip bomb claims little.
        with _unpacking(), open_() as file:
            content = _bounded(file.read(MAX_BYTES + 1), MAX_BYTES)
        if budget and not counted:
            budget.take(len(content))
            counted = True
        return content

    return read


def _opener(path: Path) -> _Open:
    return lambda: path.open("rb")


def _is_text(name: str) -> bool:
    """Whether it can be written down; bytes that are no UTF-8 become halves of surrogate pairs."""
    return not any("\ud800" <= ch <= "\udfff" for ch in name)


def _leads_outside(name: str) -> bool:
    return ".." in name.split("/") or "\\" in name or "\0" in name or re.match(r"[A-Za-z]:", name) is not None


def _zip_name(info: zipfile.ZipInfo) -> str:
    """A file's name: macOS writes UTF-8 without saying so, which zipfile takes for an alphabet of the IBM PC."""
    if not info.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            return info.filename.encode("cp437").decode("utf-8")
    return info.filename


def _zip_time(info: zipfile.ZipInfo, zone: tzinfo) -> datetime | None:
    """A file's time, exact where Info-ZIP's field gives it, or else on the clock of `zone`. 1980 stands for none."""
    extra = info.extra
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        if kind == 0x5455 and size >= 5 and len(extra) >= 9 and extra[4] & 1:
            return datetime.fromtimestamp(struct.unpack("<i", extra[5:9])[0], timezone.utc)
        extra = extra[4 + size :]
    try:
        time = datetime(*info.date_time, tzinfo=zone).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
    return time if info.date_time[0] > 1980 else None


def _refuse_long_directory(where: Path) -> None:
    """Raises Refused for a zip whose list of files is too long: zipfile would read it whole."""
    with where.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - 2**16 - 22))
        tail = file.read()
    end = tail.rfind(b"PK\5\6")
    if end >= 0 and len(tail) >= end + 22 and struct.unpack("<I", tail[end + 12 : end + 16])[0] > _DIRECTORY_BYTES:
        raise Refused(f"holds more than {MAX_FILES} files")


def _tar_members(where: Path) -> Iterator[_Member]:
    with tarfile.open(fileobj=io.BytesIO(_unpacked(where)), mode="r:") as archive:
        infos = archive.getmembers()
    for info in infos:
        if not info.isdir():
            refused = "" if info.isreg() else "is a link or device, not a file"
            yield _Member(
                info.name, datetime.fromtimestamp(info.mtime, timezone.utc), _tar_opener(where, info), refused
            )


def _tar_opener(where: Path, info: tarfile.TarInfo) -> _Open:
    return lambda: io.BytesIO(_unpacked(where)[info.offset_data : info.offset_data + info.size])


@lru_cache(maxsize=1)  # Of many members of one, each is asked for by itself.
def _unpacked(where: Path) -> bytes:
    """A tar without its packing, within the limit: to look for its members would read it through, however long."""
    with where.open("rb") as file:
        magic = file.read(2)
    opener: Any = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}.get(magic, open)
    with opener(where, "rb") as file:
        return _bounded(file.read(MAX_UNPACKED + 1), MAX_UNPACKED)


def _bounded(content: bytes, limit: int) -> bytes:
    if len(content) > limit:
        raise Refused(f"is larger than {limit // 2**20} MB")
    return content


def _is_notebook(path: PurePosixPath, read: Callable[[], bytes]) -> bool:
    if path.name.casefold().endswith(".ipynb"):
        return True
    if path.suffix.casefold() not in _TEXTS:
        return False
    try:
        content = read()
    except Refused:
        return False
    return content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" and b'"nbformat"' in content and b'"cells"' in content
