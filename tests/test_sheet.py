"""No cell of a CSV file is a formula, whatever the spreadsheet takes for the separator and for quotes."""

import csv
import io

import pytest

from autograder import sheet
from autograder.course import CourseError

HOSTILE = [
    "=1+1", "+1+1", "-1+1", "@SUM(1)", "@x", " =1", "\t=1", "\r=1", "\n=1", "\ufeff=1", '"=1"', "'=1", "''=1", "\uff1d1+1", "\uff20x",
    "=cmd|' /C calc'!A0", "a;=1", "a,=1", "a\t=1", "a|=1", "a:=1", "a\n=1", "a\r=1", "a\u2028=1", 'a";"=1', 'a","=1', "a; '=1",
    "x\t\t@y", "Robert'); --", "-2x", "-1,=2", "+1;@x", "=", "a;-1;=2", "-1 +cmd|' /C calc'!A0", "\x1c=1", "\u200b=1",
]  # fmt: skip
HARMLESS = [
    "-",
    "-1",
    "-0.5",
    "+2e-3",
    "expected -0.5, found -3",
    "a-b",
    "x = y",
    "ada@uni.example",
    "Anna-Lena",
    "1+1",
    "",
]


def cells(written: str, separator: str, quotes: bool) -> list[str]:
    """What a spreadsheet makes of a file."""
    if quotes:
        return [x for row in csv.reader(io.StringIO(written, newline=""), delimiter=separator) for x in row]
    return [x for line in written.splitlines() for x in line.split(separator)]


def is_formula(text: str) -> bool:
    bare = (
        text.strip()
        .strip('"\u200b\ufeff')
        .strip()
        .translate(dict(zip(map(ord, "\uff1d\uff0b\uff0d\uff20"), "=+-@", strict=True)))
    )
    try:
        float(bare)
    except ValueError:
        return bare.startswith(("=", "+", "-", "@"))
    return False


@pytest.mark.parametrize("quotes", [True, False])
@pytest.mark.parametrize("separator", list(",;\t|:"))
def test_no_cell_is_a_formula(separator, quotes):
    header, rows = ["name", "=head"], [[a, b] for a in HOSTILE for b in HOSTILE]
    assert not [x for x in cells(sheet.text(header, rows), separator, quotes) if is_formula(x)]
    plain = io.StringIO()
    csv.writer(plain).writerows(rows)
    assert [x for x in cells(plain.getvalue(), separator, quotes) if is_formula(x)]


def test_what_is_none_stays_as_it_is():
    assert [sheet.cell(text) for text in HARMLESS] == HARMLESS


def test_numbers_have_no_tail():
    assert [sheet.cell(x) for x in (2.0, 2.5, 0.1 + 0.2, 123456.7, -0.0, 7, None)] == [
        "2",
        "2.5",
        "0.3",
        "123456.7",
        "0",
        "7",
        "",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", list(",;\t"))
def test_a_file_is_read_as_spreadsheets_save_it(tmp_path, encoding, separator):
    rows = [["id", "name"], ["7", "Łucja, the; second\tone"], ["8", 'a "b"\nc']]
    with (tmp_path / "a.csv").open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=separator).writerows([*rows, [], ["", " "]])
    assert sheet.read(tmp_path / "a.csv") == rows


def test_what_is_no_table_is_named(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"id\n\xff\xfe\xff")
    with pytest.raises(CourseError, match=r"a\.csv is neither UTF-8 nor UTF-16"):
        sheet.read(tmp_path / "a.csv")
