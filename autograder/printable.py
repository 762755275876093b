"""Text that students control, made safe to show: in a terminal, in a log, on one line.

A name, a message or a source may hold escape sequences that clear a terminal, characters that reverse the reading
direction, or newlines that look like another log entry. Here they are made visible instead of obeyed.
"""

from __future__ import annotations

import re
import unicodedata

from rich.markup import escape

_ANSI = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\^_])")
# Joiners belong to the spelling of many names; the other format characters only hide or turn text around.
_ALLOWED = "\n\u200c\u200d"
_LINE_ENDS = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


def printable(text: str) -> str:
    """The text with colours and other escape sequences removed, and control, format and half characters written as
    `\\x07` or `\\u202e`. Newlines stay; tabs become four spaces."""
    text = _LINE_ENDS.sub("\n", _ANSI.sub("", text)).replace("\t", "    ")
    # Cc control, Cf format (joins and direction overrides), Cs surrogates, Co private, Cn unassigned.
    return "".join(ch if ch in _ALLOWED or unicodedata.category(ch)[0] != "C" else _code(ch) for ch in text)


def one_line(text: str, limit: int = 300) -> str:
    """`printable`, on one line of at most `limit` characters: longer text ends in an ellipsis."""
    start = text[: 20 * limit]  # Escape sequences may be most of it; a gigabyte need not be read.
    line = " ".join(printable(start).split())
    return line if len(line) <= limit and start == text else line[: limit - 1] + "…"


def for_markup(text: str) -> str:
    """`one_line` as rich markup that shows the text as it is."""
    return escape(one_line(text))


def _code(ch: str) -> str:
    n = ord(ch)
    return f"\\x{n:02x}" if n < 256 else f"\\u{n:04x}" if n < 65536 else f"\\U{n:08x}"
