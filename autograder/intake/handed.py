"""Whose a file of an export is, when it was handed in, and why one is not taken: what a reader says of each file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo

_COPIED = re.compile(
    r"^(copy of|kopie von|copie de|copia de|cópia de)\s+|\s*\(\d+\)$|[ _-]+(copy\d*|kopie)$",
    re.IGNORECASE,
)


class Refused(Exception):
    """Why a file of the export is not taken in."""


class Aside(Exception):
    """Why a file is no submission, though it looks like one: a draft, a grader's copy. Nobody's work is lost by it."""


@dataclass(frozen=True)
class Handed:
    """What the system says of one file.

    name, number, email : the student, as far as the system says; the number may be a login.
    written : the system's own part of the path, where there is no number.   original : the file's name as the student gave it.
    time, late : when it was handed in; whether the system itself called it late, None if it says nothing.
    order, place : sort a student's attempts, and the files of one attempt.
    everywhere : the number stands for the person in every assignment, else in `assignment`, the path that leads to it.
    anonymous : the name is none.   is_login : the number is what the student signs in with, and so the id.
    by_file_name : nothing but a file's name says whose it is, so two of them may be two people's.
    is_work : not a receipt of the system.   has_starter : what was handed out lies there too, so that an untouched notebook is
        not handed in.
    depth : the place of the system's own part in the path.   also : further numbers of the person, for the roster.
    """

    name: str
    number: str = ""
    email: str = ""
    written: str = ""
    original: str = ""
    time: datetime | None = None
    late: bool | None = None
    order: tuple[int, ...] = ()
    place: tuple[int, ...] = ()
    everywhere: bool = True
    assignment: str = ""
    anonymous: bool = False
    is_login: bool = False
    by_file_name: bool = False
    is_work: bool = True
    has_starter: bool = False
    depth: int = 0
    also: tuple[str, ...] = ()


def without_copy_marks(stem: str) -> str:
    """A file's name without `Copy of`, `(1)`, ` copy`, in whatever number."""
    while (shorter := _COPIED.sub("", stem)) != stem:
        stem = shorter
    return stem


def parsed(text: str, shapes: tuple[str, ...], zone: tzinfo) -> datetime | None:
    """The time in UTC, read by the first of the strptime shapes that fits; `zone` where it names none. None if none fits."""
    for shape in shapes:
        try:
            time = datetime.strptime(text.strip(), shape)
        except ValueError:
            continue
        try:
            return time.replace(tzinfo=time.tzinfo or zone).astimezone(timezone.utc)
        except (ValueError, OverflowError):
            return None
    return None


def order_of(time: datetime | None) -> tuple[int, ...]:
    """A time as what sorts attempts."""
    return () if time is None else (int(time.timestamp()),)
