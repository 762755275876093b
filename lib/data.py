"""The small real data sets in `data/`, checked against their sha256 before anyone learns from them.

What each file is, where it comes from, its licence and how to remake it: `data/README.md`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import lzma
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

DATA = Path(__file__).resolve().parent.parent / "data"

# Every file a lesson reads: its size in bytes and its sha256.
FILES = {
    "weights/bernoulli.safetensors": (1896, "711059d10309dcf44dc05d2f58a1e4d892d74ae10850402a5061470755446f4d"),
    "weights/colour_pixelcnn.safetensors": (157232, "4305b2dd171acedb74ac165aa95e20c31c9e2d1087b991ce408508927acc5399"),
    "weights/digit_listener.safetensors": (153518, "ae6ef1e45d9774844d790921ff8f441a8d6b7d38380e204a3e80877d799945dd"),
    "weights/fvsbn.safetensors": (615856, "954df186184e54b6ed0b24d0afeb0ffb535b4512044eb2299c6afc3813dd329f"),
    "weights/patch_pixelcnn.safetensors": (1457584, "84fbf702f4639566a801c037cbf44077b8facce0c1713b521d5eb51aea42f91a"),
    "weights/gated_pixelcnn.safetensors": (1003712, "e6da45ec3aefa1d57199d11c2f0133fc3a142138f8697d744279a89bc66dc57c"),
    "weights/in_context.safetensors": (206536, "1a1dad6a269cedbfbb1fa134febcbdb3db1c8776af5e8eea460bf35ca3efea72"),
    "weights/independent_colours.safetensors": (
        177984,
        "2d976d26201639d2065f3dcfd829de0ca3ce9e734947b85b2f0f55f752e9ab97",
    ),
    "weights/made_static.safetensors": (3760016, "e5112254cde6f82a6304b9050684e90ffa33e38072a5efee7d6083b36330d698"),
    "weights/made.safetensors": (7524136, "74d31df2c2f96afb36795895cab4123b153b6f3dc361c6d7a01c74fa6791979e"),
    "weights/names_gpt.safetensors": (905048, "0ee9fdfcb71f94e411bc768661aadb3659ccbbefc913cced33f6b36b5b909b7a"),
    "weights/shakespeare_gpt.safetensors": (
        3739848,
        "8f6bbb8d80388a369474f2ed39776bc552097cbde140581051b0f80e911a5893",
    ),
    "weights/wavenet_recorded.safetensors": (
        458096,
        "dffcc719d0b892add02d7f4e4c0ffaab7715f58266dfbaf4a78950daa9c33a6b",
    ),
    "weights/any_order.safetensors": (2412112, "0c936fe6b5cbd909e1a8628c3d8acd3fdeee53d8e4a8c4a056c8338f57537490"),
    "weights/pixel_gpt.safetensors": (1419968, "5eb1f78ed1d36aeac31a5c061ce60bf914fb35c472127ccfc74dd926a8667b22"),
    "weights/nade.safetensors": (1571136, "66d7fe468326201ad88504b6845a0fc596af238e0087fd80c8651b5047cbd026"),
    "weights/orders.safetensors": (3145992, "4e471523c3f16a6b7f5e421f703ed9a5c2124c5c3d2364f90a7eb7a8a8c2fae0"),
    "weights/wavenet_digits.safetensors": (424236, "e78cf80100e665a47d13f9f317dd4194deaffb14c36920475a6a29f09a720daa"),
    "weights/wavenet_vocoder.safetensors": (445520, "cca428ce7dd192217588760a2d4b9d9217c2f2149ac06fff7cb9ba9b197b3b15"),
    "weights/wavenet.safetensors": (459184, "043dfb310ccfba56d57531c2b2212982d02f422dab82cdd421eeed81eaeadfd0"),
    "mnist/t10k-images-idx3-ubyte.xz": (1364256, "83565bb7769a99fc50e1facf8d134bbc8896afbb05c71f9ca7d4a8c50de0790f"),
    "mnist/t10k-labels-idx1-ubyte.xz": (4040, "f2edae9ce0307abae4671a37b70e6e3858696b48b16c3cfdfef97388dc9925d5"),
    "mnist/train-images-idx3-ubyte.xz": (7917812, "d151f9ea64d64a8315a392275491d8de4b7a175eaf3f7c596b4597223a688e65"),
    "mnist/train-labels-idx1-ubyte.xz": (25264, "db14ee4ce04c7f2006ebef1bc44e529435257977edf8f83181894465ba0a645f"),
    "penguins/penguins.csv": (8999, "661ee666cc37a6e074508ab4c543d7262d0cc2cfb9dcbf16ae0395fa69a1d9c7"),
    "names/names.csv": (107465, "ebb0db97cbb176ba294565e66daa29899432355cfd35194fef68797089ae7912"),
    "spoken/clips.csv": (23443, "c3b757f117d68371b2e6f3a37de9f62bb90245aa9a7a38273e7fb66099e030d1"),
    "spoken/human.xz": (37276, "993f8886ad9cab4d9acbefa8e11c6e5ad077091ed00b300b46b193de2f1cef01"),
    "spoken/synthetic.xz": (2459484, "ad8f974bd445f79e668abba0ae82c545ea5585489da4e114d624608a78de611b"),
}
# Files that no lesson reads: they are for the course's own measurements, and not in what students get.
NOT_IN_LESSONS = ("spoken/human.xz", "weights/wavenet_recorded.safetensors")


def read(name: str, folder: Path | str | None = None) -> bytes:
    """The bytes of one data file, if they are the right ones.

    Parameters
    ----------
    name : a key of `FILES`, such as `"names/names.csv"`.
    folder : where the data lie; the repository's `data/` if absent.

    Raises
    ------
    FileNotFoundError : no such file. ValueError : wrong size or sha256 (an interrupted copy, an edit, line
        endings changed on the way). Each message names the file, what was expected and what was found.
    """
    if name not in FILES:
        raise ValueError(f"no data set {name!r}; expected one of {', '.join(sorted(FILES))}")
    size, sha256 = FILES[name]
    path = Path(folder or DATA) / name
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a file of {size} bytes, found none; copy it again from the course")
    content = path.read_bytes()
    if len(content) != size:
        raise ValueError(f"{path}: expected {size} bytes, found {len(content)}; copy it again from the course")
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"{path}: expected sha256 {sha256}, found {found}; copy it again from the course")
    return content


def load_names(sex: str | None = None, folder: Path | str | None = None) -> list[tuple[str, float]]:
    """First names of the United States with their shares, from the 1990 census.

    Parameters
    ----------
    sex : `"f"` or `"m"` for the names of one sex; both if absent, with equal weight.
    folder : where the data lie; the repository's `data/` if absent.

    Returns
    -------
    list of `(name, weight)`, heaviest first, then by alphabet: 5163 names (4275 of women, 1219 of men, 331 of
    both) in lower case a to z, no spaces or accents. The weights sum to 1: each is the share of the people
    listed who have the name. The list covers 90 % of the census sample; rarer names are not in it.
    """
    if sex not in (None, "f", "m"):
        raise ValueError(f"sex: expected 'f', 'm' or None, found {sex!r}")
    weights: dict[str, float] = {}
    for row in csv.DictReader(io.StringIO(read("names/names.csv", folder).decode("ascii"))):
        if sex in (None, row["sex"]):
            weights[row["name"]] = weights.get(row["name"], 0.0) + float(row["percent"])
    total = sum(weights.values())
    return sorted(((name, weight / total) for name, weight in weights.items()), key=lambda item: (-item[1], item[0]))


def load_mnist(split: str = "train", folder: Path | str | None = None) -> tuple[Tensor, Tensor]:
    """Handwritten digits in grey: MNIST (LeCun, Cortes & Burges 1998), from the original IDX files.

    Parameters
    ----------
    split : `"train"` (60 000 digits) or `"test"` (10 000).
    folder : where the data lie; the repository's `data/` if absent.

    Returns
    -------
    images : uint8 `(N, 28, 28)`, 0 is paper and 255 is ink. labels : int64 `(N,)`, 0 to 9.

    Raises
    ------
    FileNotFoundError, ValueError : as `read`; ValueError also for an unknown split.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split: expected 'train' or 'test', found {split!r}")
    stem = "mnist/train" if split == "train" else "mnist/t10k"
    images = lzma.decompress(read(f"{stem}-images-idx3-ubyte.xz", folder))
    labels = lzma.decompress(read(f"{stem}-labels-idx1-ubyte.xz", folder))
    # An IDX header: a magic number and one 32-bit length per axis. `read` has already vouched for every byte.
    pixels = np.frombuffer(images, dtype=np.uint8, offset=16).reshape(-1, 28, 28)
    digits = np.frombuffer(labels, dtype=np.uint8, offset=8)
    return torch.from_numpy(pixels.copy()), torch.from_numpy(digits.astype(np.int64))


# Static binarisation: one seed per split, fixed for ever, or two people would measure on different test sets.
BINARISATION_SEED = {"train": 1610, "test": 1620}


def load_binary_mnist(split: str = "train", folder: Path | str | None = None) -> Tensor:
    """MNIST, statically binarised: each pixel was drawn once, lit with the probability of its grey level.

    This is the protocol of the field since Salakhutdinov & Murray (2008): one draw, kept for ever, so that
    likelihoods of different models can be compared. The draw here is this course's own, from a seed, and not the
    one that Larochelle published; the two are draws from the same distribution.

    Parameters
    ----------
    split, folder : as for `load_mnist`.

    Returns
    -------
    float32 `(N, 784)` of zeros and ones, pixels in raster order.
    """
    images, _ = load_mnist(split, folder)
    grey = images.flatten(1)
    lit = torch.empty(grey.shape)
    # numpy promises the raw bits of a bit generator for ever, but not what `Generator` makes of them.
    bits = np.random.PCG64(BINARISATION_SEED[split])
    for some, drawn in zip(grey.split(2000), lit.split(2000), strict=True):
        uniform = bits.random_raw(some.numel() // 4).astype("<u8", copy=False).view("<u2").reshape(some.shape)
        # u / 2**16 < grey / 255, to one part in 65 536.
        drawn.copy_(torch.from_numpy(uniform < some.numpy() * np.uint16(257)))
    return lit


def binarise(grey: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draw each pixel anew, lit with the probability of its grey level: dynamic binarisation.

    A model trained on a fresh draw per epoch never sees the same image twice, and so cannot learn one by heart.

    Parameters
    ----------
    grey : uint8 of any shape, 0 to 255. generator : where the randomness comes from; torch's own if absent.

    Returns
    -------
    float32 of the same shape, zeros and ones.
    """
    if grey.dtype != torch.uint8:
        raise ValueError(f"binarise: expected grey levels as uint8, 0 to 255, found {grey.dtype}")
    uniform = torch.rand(grey.shape, generator=generator, device=grey.device)
    return (uniform < grey.float() / 255).float()


def shrink(images: Tensor, side: int) -> Tensor:
    """Make square grey images smaller by averaging: 28 to 14 pixels a side, say.

    Parameters
    ----------
    images : uint8 `(N, S, S)`. side : the new side; 1 to S, it need not divide S.

    Returns
    -------
    uint8 `(N, side, side)`.
    """
    if images.dtype != torch.uint8 or images.ndim != 3 or not 1 <= side <= images.shape[-1]:
        raise ValueError(
            f"shrink: expected uint8 images (N, S, S) and a side of at most S, found {images.dtype}, "
            f"shape {tuple(images.shape)} and side {side}"
        )
    smaller = torch.nn.functional.adaptive_avg_pool2d(images.float().unsqueeze(1), side)
    return smaller.squeeze(1).round().to(torch.uint8)


# Paper and ink of the coloured digits, as levels 0 to 3 of red, green and blue. Each of the three channels of each pair shows
# the digit; which colours go together is what independent channels cannot know.
PAPER_AND_INK = (
    ((3, 3, 1), (0, 0, 2)),  # pale yellow, blue
    ((1, 3, 3), (2, 0, 0)),  # pale cyan, red
    ((3, 1, 3), (0, 2, 0)),  # pale magenta, green
    ((0, 0, 1), (3, 3, 0)),  # night, yellow
    ((1, 0, 0), (0, 3, 3)),  # brown, cyan
    ((0, 1, 0), (3, 0, 3)),  # forest, magenta
)
COLOURING_SEED = {"train": 1630, "test": 1640}


def load_coloured_digits(
    split: str = "train", side: int = 14, folder: Path | str | None = None
) -> tuple[Tensor, Tensor]:
    """MNIST in colour, at 2 bits per channel: each digit made smaller, on paper and in ink that were drawn for it.

    Grey is rounded to four steps, and these lead from the paper's colour to the ink's, rounded to levels. Which of the
    six pairs of `PAPER_AND_INK` a digit has was drawn once, from a seed per split.

    Parameters
    ----------
    split, folder : as for `load_mnist`. side : of the images in pixels, 1 to 28.

    Returns
    -------
    images : uint8 `(N, 3, side, side)`, levels 0 to 3 of red, green and blue. labels : int64 `(N,)`, 0 to 9.
    """
    grey, labels = load_mnist(split, folder)
    steps = (shrink(grey, side).float() * 3 / 255).round().long()
    which = np.random.PCG64(COLOURING_SEED[split]).random_raw(len(steps)) % len(PAPER_AND_INK)
    palette = colours_of_pairs()[torch.from_numpy(which.astype(np.int64))]  # (N, 4, 3)
    return palette.gather(1, steps.flatten(1)[..., None].expand(-1, -1, 3)).mT.reshape(-1, 3, side, side), labels


def colours_of_pairs() -> Tensor:
    """The four colours of each pair, from paper to ink: uint8 `(6, 4, 3)`."""
    paper, ink = torch.tensor(PAPER_AND_INK).float().unbind(1)
    return (paper[:, None] + (ink - paper)[:, None] * torch.arange(4)[:, None] / 3).round().to(torch.uint8)


def impossible_colours(images: Tensor) -> Tensor:
    """The share of pixels of each image whose colour does not go with the others: float32 `(N,)`; 0 for coloured digits.

    An image is taken to be on the pair of paper and ink that explains most of its pixels; the rest are impossible.

    images : uint8 `(N, 3, H, W)` of levels 0 to 3.
    """
    codes = (images.flatten(2).long() * torch.tensor([16, 4, 1])[:, None]).sum(1)  # (N, H W)
    pairs = (colours_of_pairs().long() * torch.tensor([16, 4, 1])).sum(2)  # (6, 4)
    explained = torch.stack([torch.isin(codes, pair).float().mean(1) for pair in pairs])
    return 1 - explained.max(0).values


def load_penguins(folder: Path | str | None = None) -> tuple[Tensor, list[str]]:
    """Four measurements of 342 penguins of three species (Gorman, Williams & Fraser, PLOS ONE 9(3), 2014).

    Parameters
    ----------
    folder : where the data lie; the repository's `data/` if absent.

    Returns
    -------
    values : float32 `(342, 4)`: bill length and bill depth (mm), flipper length (mm), body mass (g).
    species : "Adelie", "Chinstrap" or "Gentoo" for each.
    """
    rows = list(csv.DictReader(io.StringIO(read("penguins/penguins.csv", folder).decode("ascii"))))
    measured = [[float(value) for name, value in row.items() if name != "species"] for row in rows]
    return torch.tensor(measured), [row["species"] for row in rows]
