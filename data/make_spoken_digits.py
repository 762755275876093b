"""Remake data/spoken/: the ten digits spoken by machines, and once by a human being, as mu-law at 8 kHz.

    apt-get install espeak-ng flite asterisk-core-sounds-en-wav     # Debian 12
    python data/make_spoken_digits.py

Twelve voices say every digit eight times, at other speeds and pitches; six of these takes are for training and two are for
testing. Three more voices are never trained on. The human being is Allison Smith, the voice of the Asterisk telephone exchange.

The container is as plain as can be: one byte per sample, clip after clip, compressed by xz, and a table of what is where. A
lossless audio codec (FLAC, of the same bytes) takes 5 % more and wants a library to read it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import lzma
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from lib.audio import RATE, resample
from lib.mu_law import mu_law_encode
from lib.wav import read_wav

TARGET = Path(__file__).resolve().parent / "spoken"
HUMAN = Path("/usr/share/asterisk/sounds/en_US_f_Allison/digits")
PACKAGES = ("espeak-ng", "flite", "asterisk-core-sounds-en-wav")
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

# Words per minute, and pitch on espeak-ng's scale of 0 to 99.
TRAIN = ((170, 50), (150, 40), (190, 60), (160, 65), (180, 35), (205, 50))
TEST = ((165, 55), (185, 45))
ESPEAK = {
    "american": "en-us",
    "british": "en+f2",
    "caribbean": "en-029+m4",
    "lancaster": "en-gb-x-gbclan+klatt2",
    "midlands": "en-gb-x-gbcwmd+m5",
    "new-york": "en-us-nyc+f1",
    "received": "en-gb-x-rp+m7",
    "scottish": "en-gb-scotland+m2",
    "texan": "en-us+f3",
}
FLITE = {"awb": 133, "kal16": 95, "slt": 174}  # the pitch of each, in Hz, as measured
NEW_ESPEAK, NEW_FLITE = {"linda": "en-us+linda", "islander": "en-029+f5"}, {"rms": 107}


def espeak(voice: str, word: str, words_per_minute: int, pitch: int, path: Path) -> None:
    run("espeak-ng", "-v", voice, "-s", words_per_minute, "-p", pitch, "-w", path, word)


def flite(voice: str, hertz: float, word: str, words_per_minute: int, pitch: int, path: Path) -> None:
    stretch = 150 / words_per_minute  # it speaks more slowly by itself
    mean = hertz * 2 ** ((pitch - 50) / 50)  # about what espeak-ng makes of the same figure
    run("flite", "-voice", voice, "--setf", f"duration_stretch={stretch:.3f}",
        "--setf", f"int_f0_target_mean={mean:.1f}", "-t", word, "-o", path)  # fmt: skip


def run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True)


def prepared(path: Path) -> bytes:
    """A recording as it is shipped: 8 kHz, without the silence around it, at one level, as mu-law bytes."""
    wave, rate = read_wav(path.read_bytes())
    x = resample(torch.from_numpy(wave), rate, RATE).numpy()
    # What belongs to the word is within 40 dB of its loudest 10 ms. High frequencies count for more, or a final "s" would be lost.
    bright = x - 0.97 * np.concatenate([[0], x[:-1]])
    energy = np.lib.stride_tricks.sliding_window_view(bright**2, 80)[::40].mean(1)
    heard = np.flatnonzero(energy > 1e-4 * energy.max()) * 40
    x = x[max(heard[0] - 160, 0) : heard[-1] + 80 + 160]  # and 20 ms around it
    x = x * min(0.1 / np.sqrt((x**2).mean()), 0.9 / np.abs(x).max())
    fade = np.minimum(1, np.arange(len(x)) / 40)  # begins and ends with silence
    return mu_law_encode(torch.from_numpy(x * fade * fade[::-1])).to(torch.uint8).numpy().tobytes()


def synthetic(path: Path) -> Iterator[tuple[str, int, str, int, bytes]]:
    """Split, digit, speaker, take and samples of every clip that a machine speaks."""
    for digit, word in enumerate(WORDS):
        for take, (speed, pitch) in enumerate(TRAIN + TEST):
            split = "train" if take < len(TRAIN) else "test"
            for name, voice in ESPEAK.items():
                espeak(voice, word, speed, pitch, path)
                yield split, digit, name, take, prepared(path)
            for name, hertz in FLITE.items():
                flite(name, hertz, word, speed, pitch, path)
                yield split, digit, name, take, prepared(path)
        for take, (speed, pitch) in enumerate(TEST):
            for name, voice in NEW_ESPEAK.items():
                espeak(voice, word, speed, pitch, path)
                yield "new voices", digit, name, take, prepared(path)
            for name, hertz in NEW_FLITE.items():
                flite(name, hertz, word, speed, pitch, path)
                yield "new voices", digit, name, take, prepared(path)


def write(name: str, content: bytes) -> None:
    (TARGET / name).write_bytes(content)
    print(f"spoken/{name}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


def main() -> None:
    if not (shutil.which("espeak-ng") and shutil.which("flite") and HUMAN.is_dir()):
        raise SystemExit(f"Not everything is installed. On Debian 12: apt-get install {' '.join(PACKAGES)}")
    subprocess.run(["dpkg-query", "--show", *PACKAGES], check=True)
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        machines = sorted(synthetic(Path(folder) / "said.wav"))
    human = [("human", digit, "allison", 0, prepared(HUMAN / f"{digit}.wav")) for digit in range(10)]
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["split", "digit", "speaker", "take", "samples"])
    rows.writerows((*clip[:-1], len(clip[-1])) for clip in machines + human)
    write("clips.csv", table.getvalue().encode())
    write("synthetic.xz", lzma.compress(b"".join(clip[-1] for clip in machines), preset=9))
    write("human.xz", lzma.compress(b"".join(clip[-1] for clip in human), preset=9))


if __name__ == "__main__":
    main()
