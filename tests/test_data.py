"""The data sets are what their README says, and anything else is refused in a sentence."""

import hashlib
import re
import shutil
from pathlib import Path

import pytest

from lib import data

README = (data.DATA / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the data folder that a test may damage; returns the copied names.csv."""
    target = tmp_path / "names" / "names.csv"
    target.parent.mkdir()
    shutil.copy(data.DATA / "names" / "names.csv", target)
    return target


@pytest.mark.parametrize("name", sorted(data.FILES))
def test_the_shipped_file_is_the_one_described(name: str) -> None:
    size, sha256 = data.FILES[name]
    content = (data.DATA / name).read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (size, sha256)
    assert sha256 in README


def test_names_are_lower_case_letters_with_weights_that_sum_to_one() -> None:
    names = data.load_names()
    assert len(names) == len({name for name, _ in names}) == 5163
    assert all(re.fullmatch("[a-z]{2,11}", name) for name, _ in names)
    assert sum(weight for _, weight in names) == pytest.approx(1)
    assert all(weight > 0 for _, weight in names)
    assert [weight for _, weight in names] == sorted((weight for _, weight in names), reverse=True)


def test_names_agree_with_the_census() -> None:
    # U.S. Census Bureau 1990: MARY is 2.629 % of women, JAMES 3.318 % of men.
    # The lists end at 90.024 % and 90.040 %.
    women, men = dict(data.load_names("f")), dict(data.load_names("m"))
    assert (len(women), len(men), len(women.keys() & men.keys())) == (4275, 1219, 331)
    assert women["mary"] == pytest.approx(2.629 / 90.024, rel=2e-3)
    assert men["james"] == pytest.approx(3.318 / 90.040, rel=2e-3)
    both = dict(data.load_names())
    assert both["zoe"] == pytest.approx(women["zoe"] / 2, rel=2e-3)


def test_an_unknown_sex_or_data_set_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 'f', 'm' or None, found 'x'"):
        data.load_names("x")
    with pytest.raises(ValueError, match=r"no data set 'nmes\.csv'; expected one of names/names\.csv"):
        data.read("nmes.csv")


def test_an_intact_copy_is_accepted(copy: Path) -> None:
    assert data.load_names(folder=copy.parents[1]) == data.load_names()


def test_a_truncated_file_is_refused(copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"names\.csv: expected 107465 bytes, found 5000"):
        data.load_names(folder=copy.parents[1])


def test_an_empty_file_is_refused(copy: Path) -> None:
    copy.write_bytes(b"")
    with pytest.raises(ValueError, match=r"names\.csv: expected 107465 bytes, found 0"):
        data.load_names(folder=copy.parents[1])


def test_changed_line_endings_are_refused(copy: Path) -> None:
    copy.write_bytes(copy.read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(ValueError, match="expected 107465 bytes, found 112960"):
        data.load_names(folder=copy.parents[1])


def test_an_edited_file_of_the_same_size_is_refused(copy: Path) -> None:
    content = copy.read_bytes().replace(b"mary,f,2.629", b"mary,f,9.629")
    copy.write_bytes(content)
    found = hashlib.sha256(content).hexdigest()
    expected = data.FILES["names/names.csv"][1]
    with pytest.raises(ValueError, match=rf"names\.csv: expected sha256 {expected}, found {found}"):
        data.load_names(folder=copy.parents[1])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"names\.csv: expected a file of 107465 bytes, found none"):
        data.load_names(folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_every_message_is_one_sentence(copy: Path) -> None:
    copy.write_bytes(b"x")
    with pytest.raises(ValueError, match="bytes") as error:
        data.load_names(folder=copy.parents[1])
    assert "\n" not in str(error.value)
    assert str(copy) in str(error.value)
