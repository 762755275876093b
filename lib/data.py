"""The small real data sets in `data/`, checked against their sha256 before anyone learns from them.

What each file is, where it comes from, its licence and how to remake it: `data/README.md`.
"""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"

# Every file a lesson reads: its size in bytes and its sha256.
FILES = {
    "names/names.csv": (107465, "ebb0db97cbb176ba294565e66daa29899432355cfd35194fef68797089ae7912"),
}


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
