"""The class list: read as spreadsheets write it, names compared however they are spelt."""

import pytest

from autograder.course import CourseError
from autograder.intake.roster import read_roster

IDS = ["Zoë O'Neill", "Hopper, Grace", "王小明", "Ana María López"]


def write(book, content):
    book.folder.mkdir(parents=True, exist_ok=True)
    (book.folder / "roster.csv").write_bytes(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_as_spreadsheets_write_it(book, encoding, separator):
    rows = [f"id{separator}section", *(f'"{name}"{separator}A' for name in IDS), ""]
    write(book, "\r\n".join(rows).encode(encoding))
    assert read_roster(book).ids == IDS


@pytest.mark.parametrize(
    "student",
    ["Zoë O’Neill", "Zoe\u0308 O'Neill", "zoë o'neill", "Zoë  O'Neill", "Hopper_ Grace", "王小明_4711", "X Y_Ana maría lópez"],
)  # fmt: skip
def test_another_spelling_is_the_same_name(book, student):
    write(book, "\n".join(["id", *(f'"{name}"' for name in IDS)]).encode())
    roster = read_roster(book)
    assert student in roster
    assert len(roster.absent([student])) == 3


def test_others_are_not_on_it(book):
    write(book, b"id\nAna\n")
    assert not [who for who in ("An", "Anna", "Ben", "_", "") if who in read_roster(book)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"name\nAda\n", "headed `id`"),
        (b"", "headed `id`"),
        (b"id\n\xff\xfe\xfa\n", "neither UTF-8 nor UTF-16"),
        (b"\xff\xfei", "neither UTF-8 nor UTF-16"),
        (b"id\n" + b'"' + b"x" * 200_000, "not a CSV file"),
        (b"id\nhopper/grace\n", "should have no slash in it"),
        (b"id\n..\n", "should have no slash in it"),
    ],
)
def test_what_cannot_be_read_says_so(book, content, sentence):
    write(book, content)
    with pytest.raises(CourseError, match=sentence):
        read_roster(book)
