"""The data sets are what their README says, and anything else is refused in a sentence."""

import hashlib
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

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
    with pytest.raises(ValueError, match=r"no data set 'nmes\.csv'; expected one of mnist/t10k-images"):
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


def test_mnist_is_the_original():
    for split, n in (("train", 60_000), ("test", 10_000)):
        images, labels = data.load_mnist(split)
        assert (images.shape, images.dtype) == ((n, 28, 28), torch.uint8)
        assert (labels.shape, labels.dtype) == ((n,), torch.int64)
    # The first test digit is a 7; 1135 of the 10 000 are ones (LeCun's page and every tutorial since).
    assert labels[0] == 7
    assert (labels == 1).sum() == 1135
    assert images.float().mean().item() == pytest.approx(33.79, abs=0.01)


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="expected 'train' or 'test', found 'validation'"):
        data.load_mnist("validation")


def test_the_static_binarisation_never_changes():
    expected = {
        "train": "f5f719cf328594e5a835dff7597b3287fcf0279e6f8713eb13215c44f590ed98",
        "test": "35cafc7d4ed675a99950eb1ace1911df1104241692fb0b75b0cc33a9753fe54e",
    }
    for split, sha256 in expected.items():
        x = data.load_binary_mnist(split)
        assert x.dtype == torch.float32
        assert hashlib.sha256(np.packbits(x.bool().numpy(), axis=1).tobytes()).hexdigest() == sha256


def test_binarised_pixels_are_lit_as_often_as_their_grey_level_says():
    grey = torch.arange(256, dtype=torch.uint8).repeat(4000, 1)
    lit = data.binarise(grey, torch.Generator().manual_seed(0))
    assert lit.dtype == torch.float32
    assert torch.allclose(lit.mean(0), torch.arange(256) / 255, atol=0.04)
    assert lit[:, 0].sum() == 0
    assert lit[:, 255].all()
    images, _ = data.load_mnist("test")
    x = data.load_binary_mnist("test")
    for low, high in ((1, 85), (86, 170), (171, 254)):
        some = (images.flatten(1) >= low) & (images.flatten(1) <= high)
        assert x[some].mean().item() == pytest.approx(images.flatten(1)[some].float().mean().item() / 255, abs=0.004)
    assert x[images.flatten(1) == 0].sum() == 0
    with pytest.raises(ValueError, match=r"expected grey levels as uint8, 0 to 255, found torch\.float32"):
        data.binarise(x)


def test_shrinking_averages():
    images = torch.tensor([[[0, 100], [200, 100]]], dtype=torch.uint8)
    assert data.shrink(images, 1).tolist() == [[[100]]]
    assert data.shrink(data.load_mnist("test")[0][:2], 14).shape == (2, 14, 14)
    with pytest.raises(ValueError, match="expected uint8 images"):
        data.shrink(images, 3)


def test_penguins():
    values, species = data.load_penguins()
    assert values.shape == (342, 4)
    assert {s: species.count(s) for s in species} == {"Adelie": 151, "Chinstrap": 68, "Gentoo": 123}
    assert values[0].tolist() == pytest.approx([39.1, 18.7, 181, 3750])
    # Gorman et al. 2014: Gentoo penguins are the heaviest, about 5 kg.
    gentoo = torch.tensor([s == "Gentoo" for s in species])
    assert 4900 < values[gentoo, 3].mean() < 5200


def test_a_truncated_picture_file_is_refused(tmp_path: Path):
    folder = tmp_path / "mnist"
    folder.mkdir()
    for name in data.FILES:
        if name.startswith("mnist/t10k"):
            (tmp_path / name).write_bytes((data.DATA / name).read_bytes()[:-7])
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte\.xz: expected 1364256 bytes, found 1364249"):
        data.load_binary_mnist("test", folder=tmp_path)


def test_coloured_digits_are_on_paper_and_in_ink_that_go_together() -> None:
    images, labels = data.load_coloured_digits("test")
    assert images.dtype == torch.uint8 and images.shape == (10_000, 3, 14, 14)
    assert torch.equal(labels, data.load_mnist("test")[1])
    assert images.max() == 3
    assert data.impossible_colours(images).max() == 0
    assert torch.equal(images, data.load_coloured_digits("test")[0])  # drawn once for ever
    # The corner is paper: six of them, each on about a sixth of the digits, and none of the other 58 colours.
    corners, counts = images[:, :, 0, 0].unique(dim=0, return_counts=True)
    assert sorted(map(tuple, corners.tolist())) == sorted(paper for paper, _ in data.PAPER_AND_INK)
    assert (counts / 10_000 - 1 / 6).abs().max() < 0.02
    assert data.load_coloured_digits("test", 7)[0].shape == (10_000, 3, 7, 7)


def test_colours_that_do_not_go_together_are_counted() -> None:
    images = data.load_coloured_digits("test")[0][:50]
    mixed = images.clone()
    mixed[:, :, 3, 5] = torch.tensor([3, 0, 0], dtype=torch.uint8)  # in no pair
    assert torch.allclose(data.impossible_colours(mixed), torch.full((50,), 1 / 196))
    other = torch.stack([images[0], images[1]]).clone()
    other[0, :, 0, :3] = images[1, :, 0, 0][:, None]  # in some pair, but not in this one
    assert data.impossible_colours(other)[0].item() == pytest.approx(3 / 196, abs=1e-6)
