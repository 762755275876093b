"""CSV files, both ways: read as any spreadsheet or learning-management system saves them, written so that none runs a cell.

What begins with = + - @ is a formula to a spreadsheet. Which character separates cells depends on its language, and some
split whatever the quotes say: every piece that could become a cell is kept text by a quote in front.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from autograder.course import CourseError, write_whole

# Where a cell may begin for some spreadsheet, and what makes it a formula there.
_FORMULA = re.compile(
    r"""(?:(?<=^)|(?<=[,;:|\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]))(?=[\s"'\u200b-\u200d\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20])"""
)
_NUMBER_OR_DASH = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?|-", re.IGNORECASE)


def cell(value: object) -> str:
    """What a cell says, as text that no spreadsheet runs, whatever it takes for the separator."""
    if isinstance(value, float):
        return number(value)
    written = "" if value is None else str(value)
    return written if _NUMBER_OR_DASH.fullmatch(written) else _FORMULA.sub("'", written)


def number(value: float) -> str:
    """A number of points as it stands in every table and file: without a trailing zero, to two decimals."""
    return f"{round(value, 2) + 0.0:.10g}"


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], end: str = "\n") -> Path:
    """Write a CSV file whole or not at all. Raises CourseError if it cannot be written."""
    write_whole(path, text(header, rows, end))
    return path


def text(header: Sequence[str], rows: Iterable[Sequence[object]], end: str = "\n") -> str:
    """A CSV file's content."""
    content = io.StringIO()
    writer = csv.writer(content, lineterminator=end)
    writer.writerow([cell(name) for name in header])
    writer.writerows([[cell(value) for value in row] for row in rows])
    return content.getvalue()


def rows(text: str, longest: int = 131_072) -> list[list[str]]:
    """The rows of a table that are not empty, separated by commas, semicolons or tabs.

    longest : characters of a cell. Raises csv.Error for longer ones: mostly a quote that is never closed.
    """
    # Excel separates by semicolons where the comma is the decimal sign, and by tabs in "Unicode text".
    separator = max(",;\t", key=text.partition("\n")[0].count)
    before = csv.field_size_limit(longest)
    try:
        return [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(map(str.strip, row))
        ]
    finally:
        csv.field_size_limit(before)


def read(path: Path) -> list[list[str]]:
    """The rows of a CSV file that are not empty, the header first: UTF-8 or UTF-16, separated by commas, semicolons or tabs.

    Raises FileNotFoundError, and CourseError if it is not a table of text.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}") from None
    utf_16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return rows(content.decode("utf-16" if utf_16 else "utf-8-sig"))
    except UnicodeDecodeError:
        raise CourseError(f"{path} is neither UTF-8 nor UTF-16 text; save it as `CSV UTF-8`") from None
    except csv.Error as error:
        raise CourseError(f"{path} is not a CSV file: {error}") from None
