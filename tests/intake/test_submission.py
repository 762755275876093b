"""Reading what students hand in: lenient where it saves work, one sentence where it cannot."""

import json

import nbformat
import pytest

from autograder.intake.submission import MAX_BYTES, MAX_CELLS, MAX_CODE, MAX_TEXT, Unreadable, clean, find, read

CELL = {"cell_type": "code", "source": "x = 1", "metadata": {}, "outputs": [{"junk": True}], "execution_count": "3"}


def notebook(*cells, **more):
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)} | more


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty"),
        (b"{", "not JSON"),
        (b"<html>", "not JSON"),
        (b"\xff\xfe\x00", "not text"),
        (b"[1]", "not a notebook"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"nbformat": 99, "cells": []}', "format '99' is unknown"),
        (b'{"nbformat": 4, "cells": {}}', "no list of cells"),
        (b'{"nbformat": 3, "worksheets": 5}', "could not be converted"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path, content, sentence):
    path = tmp_path / "x.ipynb"
    path.write_bytes(content)
    with pytest.raises(Unreadable, match=sentence):
        read(path)


def test_a_huge_file_is_not_even_opened(tmp_path):
    path = tmp_path / "x.ipynb"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(Unreadable, match="the limit is 50 MB"):
        read(path)


def test_cleaning_keeps_the_work_and_drops_the_rest():
    odd = [
        CELL
        | {
            "source": ["x = 1\n", "y = 2"],
            "metadata": {
                "nbgrader": {"grade_id": "f", "points": 99},
                "tags": ["demo", 5, "demo", "remove_cell"],
                "evil": 1,
            },
        },
        {"cell_type": "code"},
        {"cell_type": "alien", "source": "x"},
        "not a cell",
        CELL | {"source": 7},
        CELL | {"metadata": "none", "id": "not a valid id!"},
        CELL | {"metadata": {"nbgrader": "claims"}},
    ]
    cleaned = clean(notebook(*odd))
    nbformat.validate(cleaned)
    assert [c.source for c in cleaned.cells] == ["x = 1\ny = 2", "", "x = 1", "x = 1"]
    assert cleaned.cells[0].metadata == {"nbgrader": {"grade_id": "f"}, "tags": ["demo"]}
    assert all(c.outputs == [] and c.execution_count is None for c in cleaned.cells)


def test_an_old_format_is_converted():
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {},
        "worksheets": [
            {"cells": [{"cell_type": "code", "input": "x = 1", "outputs": [], "language": "python", "metadata": {}}]}
        ],
    }
    assert [c.source for c in clean(old).cells] == ["x = 1"]


def test_a_byte_order_mark_is_no_obstacle(tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(notebook(CELL)).encode())
    assert read(path).cells[0].source == "x = 1"


def test_find(tmp_path):
    with pytest.raises(Unreadable, match=r"no 01_toy\.ipynb in the folder, which holds nothing"):
        find(tmp_path, "01_toy")
    (tmp_path / "other.ipynb").write_text("{}")
    assert find(tmp_path, "01_toy") == (tmp_path / "other.ipynb", "taken from 'other.ipynb'")
    (tmp_path / "more.ipynb").write_text("{}")
    with pytest.raises(Unreadable, match=r"more\.ipynb, other\.ipynb"):
        find(tmp_path, "01_toy")
    (tmp_path / "01_toy.ipynb").symlink_to("/etc/passwd")
    with pytest.raises(Unreadable, match="link"):
        find(tmp_path, "01_toy")


def test_too_many_cells_lose_no_exercise():
    exercise = CELL | {"source": "mine", "metadata": {"nbgrader": {"grade_id": "f"}}}
    cleaned = clean(notebook(*[CELL] * 5000, exercise, *[exercise | {"source": "again"}] * 5000))
    assert len(cleaned.cells) == MAX_CELLS
    assert cleaned.cells[-1].source == "mine"


def test_too_long_cells_are_not_carried_along():
    code, words = CELL | {"source": "x" * (MAX_CODE + 1)}, {"cell_type": "markdown", "source": "y" * (MAX_TEXT + 1)}
    cleaned = clean(notebook(code, words))
    assert cleaned.cells[0].source.startswith(f'raise ValueError("this cell had {MAX_CODE + 1} characters')
    assert cleaned.cells[1].source.startswith("y" * MAX_TEXT + "\n\n(cut here")


def test_brackets_are_counted_before_they_are_parsed(tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_bytes(b"[" + b"[]," * 600_000 + b"[]]")
    with pytest.raises(Unreadable, match="too many lists"):
        read(path)
