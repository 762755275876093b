"""Sound as data: spectrograms, and clips of spoken digits from files, folders and zips.

A wave is a float tensor `(T,)` of samples in [-1, 1]; a clip is a wave with what is said in it, by whom, for the which time.
"""

from __future__ import annotations

import csv
import hashlib
import io
import lzma
import math
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from torch import Tensor

from lib import data
from lib.wav import read_wav

RATE = 8000  # samples per second: the telephone's, enough for speech up to 4 kHz
N_CLASSES = 256
# The layout of the Free Spoken Digit Dataset: {digit}_{speaker}_{n}.wav.
CLIP_NAME = re.compile(r"(?P<digit>[0-9])_(?P<speaker>.+)_(?P<take>[0-9]{1,9})")
SOUNDS = {".wav", ".wave", ".flac", ".mp3", ".m4a", ".ogg", ".opus", ".aac", ".aif", ".aiff", ".au", ".wma"}


def resample(wave: Tensor, rate: int, new_rate: int) -> Tensor:
    """The same sound at another number of samples per second, without what the lower rate cannot carry.

    Each new sample is a weighted sum of the old ones around it: a sinc, cut off at 92 % of the lower of the two
    Nyquist frequencies and faded out by a Kaiser window over 32 of its zeros. What would be folded back is down by 80 dB.

    Parameters
    ----------
    wave : floats `(T,)`. rate, new_rate : samples per second, before and after.

    Returns
    -------
    float32 `(ceil(T * new_rate / rate),)`; sample 0 stays where it is. Not clipped: it may exceed 1 a little.
    """
    if not isinstance(wave, Tensor) or wave.ndim != 1 or rate < 1 or new_rate < 1:
        raise ValueError(
            f"resample: expected a wave (T,), a tensor, and positive rates, found {_kind(wave)}, rates {rate} and {new_rate}"
        )
    if rate == new_rate:
        return wave.float()
    x = wave.double().numpy()
    divisor = math.gcd(rate, new_rate)
    up, down = new_rate // divisor, rate // divisor
    n_out = -(-len(x) * up // down)
    cutoff = 0.92 * min(1.0, up / down)  # in units of the old Nyquist frequency
    reach = math.ceil(32 / cutoff)
    # Output j lies at j * down / up on the old axis. Its weights depend on the fraction only, which repeats after `up`.
    phases = np.arange(min(up, n_out)) * down % up / up
    distance = np.arange(-reach, reach + 2) - phases[:, None]
    window = np.kaiser(4097, 8.0)
    fade = np.interp(distance * cutoff / 32, np.linspace(-1, 1, len(window)), window, left=0, right=0)
    weights = cutoff * np.sinc(cutoff * distance) * fade  # (phases, taps)
    padded = np.pad(x, (reach, reach + 2))
    around = np.lib.stride_tricks.sliding_window_view(padded, weights.shape[1])
    out = np.empty(n_out)
    for begin in range(0, n_out, 4096):  # in pieces: a long recording times 200 weights is a lot of memory
        j = np.arange(begin, min(begin + 4096, n_out))
        out[j] = (around[j * down // up] * weights[j % up]).sum(1)
    return torch.from_numpy(out).float()


def mel_spectrogram(wave: Tensor, rate: int = RATE, n_mels: int = 40, window: int = 256, hop: int = 80) -> Tensor:
    """How loud each band of pitch is, over time: log mel energies, the ear's rough picture of a sound.

    Frame k is centred on the `hop` samples from k * hop on, so that a frame repeated `hop` times lies over the samples it
    describes. Bands are triangles, equally wide in mel, m = 2595 log10(1 + f / 700 Hz), from 0 to the Nyquist frequency.

    Parameters
    ----------
    wave : floats `(..., T)`. rate : samples per second. n_mels : bands. window, hop : samples per frame (Hann), and between two.

    Returns
    -------
    float32 `(..., n_mels, ceil(T / hop))`: natural logarithm of the energy, at least log 1e-6. Differentiable.

    Raises
    ------
    ValueError : no samples, no floats, or more bands than the window can tell apart.
    """
    if not isinstance(wave, Tensor) or not wave.is_floating_point() or wave.ndim < 1 or wave.shape[-1] == 0:
        raise ValueError(f"mel_spectrogram: expected a wave (..., T), a tensor of floats, found {_kind(wave)}")
    if not 1 <= hop <= window:
        raise ValueError(f"mel_spectrogram: expected a hop of 1 to the window's {window} samples, found {hop}")
    bands = _mel_bands(rate, n_mels, window).to(wave.device)
    n_frames = -(-wave.shape[-1] // hop)
    left = (window - hop) // 2
    right = (n_frames - 1) * hop + window - left - wave.shape[-1]
    frames = torch.nn.functional.pad(wave.float(), (left, right)).unfold(-1, window, hop)  # (..., frames, window)
    hann = torch.hann_window(window, periodic=False, device=wave.device)
    power = torch.fft.rfft(frames * hann).abs().square() / hann.square().sum()
    return (power @ bands.T).clamp(min=1e-6).log().transpose(-1, -2)


def _kind(x: object) -> str:
    """What x is, for a sentence about it."""
    return f"{x.dtype} of shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__


def _mel_bands(rate: int, n_mels: int, window: int) -> Tensor:
    """The weight of each frequency in each band, float32 `(n_mels, window // 2 + 1)`."""
    top = 2595 * math.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, n_mels + 2) / 2595) - 1)
    frequencies = np.arange(window // 2 + 1) * rate / window
    rise = (frequencies - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - frequencies) / (edges[2:] - edges[1:-1])[:, None]
    bands = np.minimum(rise, fall).clip(0)
    if not (bands.sum(1) > 0).all():
        raise ValueError(
            f"mel_spectrogram: {n_mels} bands are more than a window of {window} samples at {rate} Hz tells apart"
        )
    return torch.from_numpy(bands).float()


@dataclass(frozen=True)
class Clips:
    """Spoken digits: what is heard, which digit it is, who says it, and for the which time.

    waves : one float32 tensor `(T_i,)` per clip, in [-1, 1]. digits : int64 `(N,)`. speakers : the speaker's name for each.
    takes : int64 `(N,)`. rate : samples per second, of all.
    """

    waves: tuple[Tensor, ...]
    digits: Tensor
    speakers: tuple[str, ...]
    takes: Tensor
    rate: int = RATE

    def __len__(self) -> int:
        return len(self.waves)

    def __getitem__(self, rows: int | slice | Tensor | Sequence[int]) -> Clips:
        """Some of the clips: by number, slice, list of numbers, or boolean tensor `(N,)`."""
        numbers = torch.arange(len(self))
        chosen = numbers[rows].reshape(-1).tolist() if not isinstance(rows, Sequence) else numbers[list(rows)].tolist()
        return Clips(
            tuple(self.waves[i] for i in chosen),
            self.digits[chosen],
            tuple(self.speakers[i] for i in chosen),
            self.takes[chosen],
            self.rate,
        )

    @property
    def speaker_names(self) -> tuple[str, ...]:
        """Every speaker once, by alphabet."""
        return tuple(sorted(set(self.speakers)))

    @property
    def speaker_numbers(self) -> Tensor:
        """int64 `(N,)`: the place of each clip's speaker in `speaker_names`."""
        place = {name: i for i, name in enumerate(self.speaker_names)}
        return torch.tensor([place[name] for name in self.speakers], dtype=torch.int64)

    @property
    def seconds(self) -> Tensor:
        """float64 `(N,)`: how long each clip lasts."""
        return torch.tensor([len(wave) for wave in self.waves], dtype=torch.float64) / self.rate

    def codes(self, n: int = N_CLASSES) -> tuple[Tensor, ...]:
        """The mu-law classes of each clip, int64 `(T_i,)`."""
        from lib.mu_law import mu_law_encode  # not before it is needed: where lessons are graded it is not there

        return tuple(mu_law_encode(wave, n) for wave in self.waves)


SPLITS = ("train", "test", "new voices", "human")


def load_spoken_digits(split: str = "train", folder: Path | str | None = None) -> Clips:
    """The spoken digits in `data/spoken/`: 8 kHz, trimmed, at one level, and already rounded to mu-law with 256 classes.

    Parameters
    ----------
    split : `"train"`, 720 clips: twelve synthetic voices, six takes of each digit at different speeds and pitches.
        `"test"`, 240 clips: two more takes by the same voices. `"new voices"`, 60 clips: three other synthetic voices.
        `"human"`, 10 clips: a human being says each digit once.
    folder : where the data lie; the repository's `data/` if absent.

    Returns
    -------
    `Clips`, by digit, speaker and take.

    Raises
    ------
    FileNotFoundError, ValueError : as `lib.data.read`; ValueError also for an unknown split.
    """
    from lib.mu_law import mu_law_decode  # as in `Clips.codes`

    if split not in SPLITS:
        raise ValueError(f"split: expected one of {', '.join(map(repr, SPLITS))}, found {split!r}")
    table = list(csv.DictReader(io.StringIO(data.read("spoken/clips.csv", folder).decode("ascii"))))
    packed = data.read("spoken/human.xz" if split == "human" else "spoken/synthetic.xz", folder)
    samples = torch.frombuffer(bytearray(lzma.decompress(packed)), dtype=torch.uint8)
    rows = [row for row in table if (row["split"] == "human") == (split == "human")]
    waves = mu_law_decode(samples).split([int(row["samples"]) for row in rows])
    chosen = [i for i, row in enumerate(rows) if row["split"] == split]
    return Clips(
        waves=tuple(waves[i].clone() for i in chosen),
        digits=torch.tensor([int(rows[i]["digit"]) for i in chosen]),
        speakers=tuple(rows[i]["speaker"] for i in chosen),
        takes=torch.tensor([int(rows[i]["take"]) for i in chosen]),
    )


def read_clips(source: Path | str, rate: int = RATE) -> Clips:
    """Clips of spoken digits from a folder or a zip of `{digit}_{speaker}_{n}.wav`, in folders or not.

    That is the layout of the Free Spoken Digit Dataset; your own voice in the same layout is read as well. Any rate, mono or
    stereo (averaged), 8- to 32-bit or float. Hidden files, macOS's `__MACOSX` and files that are no sound are passed over.

    Parameters
    ----------
    source : the folder, zip, or single file. rate : samples per second of what is returned.

    Returns
    -------
    `Clips`, by digit, speaker and take.

    Raises
    ------
    FileNotFoundError : nothing there. ValueError : not a folder or zip, no clips in it, or some that cannot be read; it names up to
        three files and what is wrong with each.
    """
    if rate < 1:
        raise ValueError(f"read_clips: expected a rate of at least 1 sample per second, found {rate}")
    source = Path(source)
    found: dict[tuple[int, str, int], tuple[str, Tensor]] = {}
    problems = []
    for name, content in _sounds(source):
        try:
            key = _parse(name)
            if key in found:
                raise ValueError(f"the same digit, speaker and take as {found[key][0]}")
            wave, its_rate = read_wav(content)
            found[key] = name, resample(torch.from_numpy(wave), its_rate, rate).clamp(-1, 1)
        except ValueError as error:
            problems.append(f"{name}: {error}")
    if problems:
        more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise ValueError(f"{source}: {len(problems)} of its sounds cannot be read: {'; '.join(problems[:3])}{more}")
    if not found:
        raise ValueError(f"{source}: expected recordings named {{digit}}_{{speaker}}_{{n}}.wav, found none")
    keys = sorted(found)
    return Clips(
        waves=tuple(found[key][1] for key in keys),
        digits=torch.tensor([digit for digit, _, _ in keys]),
        speakers=tuple(speaker for _, speaker, _ in keys),
        takes=torch.tensor([take for _, _, take in keys]),
        rate=rate,
    )


# The Free Spoken Digit Dataset (Z. Jackson et al., CC BY-SA 4.0), and what its recordings must be. GitHub makes the archive when it is
# asked for, so that its own sha256 may change; the recordings' may not. Per speaker: of the lines "digit take sha256".
RECORDED_URL = "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.zip"
RECORDED = {
    "george": "b184ab057541b8f6918e59b1bbaffedf025d50d82b86f87f53588aff010e19d1",
    "jackson": "ae484664fc5ed03543d1a2611cdadba3c441c71a3dbad5cc31afc3c8cbb007bc",
    "lucas": "79f5587857e6c527547f87a253224f5197b8d1f075e4131891d05968d6679f87",
    "nicolas": "52a8c6470668284c719ae50def73216b6586f4e41ebab8fe7475475f5a2ebdb5",
}


def fetch_recorded_digits(split: str = "train", source: Path | str | None = None) -> Clips:
    """Real people's digits: 2000 recordings of four speakers, from the Free Spoken Digit Dataset (CC BY-SA 4.0).

    The first call fetches them from GitHub and keeps them in your cache; no lesson needs them. Speakers beyond the
    four that the shipped weights have heard are left out.

    Parameters
    ----------
    split : `"train"`, takes 5 to 49 (1800 clips), or `"test"`, takes 0 to 4 (200 clips), as the data set's authors divide it.
    source : a folder or zip of the data set that you have, instead of fetching it.

    Returns
    -------
    `Clips` at 8 kHz, by digit, speaker and take.

    Raises
    ------
    OSError : it could not be fetched; the message says what to do. ValueError : an unknown split, broken or other recordings.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split: expected 'train' or 'test', found {split!r}")
    path = Path(source) if source is not None else _fetched(RECORDED_URL)
    lines: dict[str, list[tuple[int, int, str]]] = {name: [] for name in RECORDED}
    for name, content in _sounds(path):
        match = CLIP_NAME.fullmatch(PurePosixPath(name).stem)
        if match and match["speaker"] in lines:
            digest = hashlib.sha256(content).hexdigest()
            lines[match["speaker"]].append((int(match["digit"]), int(match["take"]), digest))
    for speaker, expected in RECORDED.items():
        text = "".join(f"{digit} {take} {digest}\n" for digit, take, digest in sorted(lines[speaker]))
        if hashlib.sha256(text.encode()).hexdigest() != expected:
            raise ValueError(
                f"{path}: expected the Free Spoken Digit Dataset's 500 recordings of {speaker}, found {len(lines[speaker])}, "
                f"or others than those; read_clips({str(path)!r}) reads whatever is there"
            )
    clips = read_clips(path)
    known = torch.tensor([speaker in RECORDED for speaker in clips.speakers])
    return clips[known & ((clips.takes < 5) == (split == "test"))]


def _fetched(url: str) -> Path:
    """The file at `url`, from the cache or from the network."""
    import pooch  # not before it is needed: most lessons never fetch anything

    pooch.get_logger().setLevel("WARNING")  # it would ask for a hash of the archive, which has none that lasts
    name = "free-spoken-digit-dataset-" + url.rpartition("/")[2]
    try:
        return Path(pooch.retrieve(url, known_hash=None, fname=name, path=pooch.os_cache("autoregressive-course")))
    except Exception as error:  # whatever the library below the library raises
        raise OSError(
            f"the recorded digits could not be fetched from {url} ({type(error).__name__}); fetch that zip where there is a "
            "network and name it or its folder: fetch_recorded_digits(source=...)"
        ) from None


def _sounds(source: Path) -> Iterator[tuple[str, bytes]]:
    """The name, with `/` between folders, and the bytes of every sound in a folder, in a zip, or of a single one."""
    if source.is_dir():
        for path in sorted(p for p in source.rglob("*") if p.is_file()):
            name = path.relative_to(source).as_posix()
            if _is_sound(name):
                yield name, path.read_bytes()
    elif not source.is_file():
        raise FileNotFoundError(f"{source}: expected a folder or zip of recordings, found nothing")
    elif _is_sound(source.name):
        yield source.name, source.read_bytes()
    else:
        try:
            with zipfile.ZipFile(source) as archive:
                for info in sorted(archive.infolist(), key=lambda info: info.filename):
                    if not info.is_dir() and _is_sound(info.filename):
                        yield info.filename, archive.read(info)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,
            OSError,
            ValueError,
        ) as error:
            # RuntimeError: a password is wanted. NotImplementedError: a compression that Python does not know.
            raise ValueError(f"{source}: expected a folder or an intact zip of recordings, found: {error}") from None


def _is_sound(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return not hidden and path.suffix.lower() in SOUNDS


def _parse(name: str) -> tuple[int, str, int]:
    """Digit, speaker and take from a file's name."""
    path = PurePosixPath(name)
    if path.suffix.lower() not in (".wav", ".wave"):
        raise ValueError(f"expected a .wav file, found {path.suffix}; convert it to 16-bit PCM")
    match = CLIP_NAME.fullmatch(unicodedata.normalize("NFC", path.stem))
    if match is None:
        raise ValueError("expected a name like 7_jackson_12.wav: digit, speaker, take")
    return int(match["digit"]), match["speaker"], int(match["take"])
