"""WAV files, read without trusting them: what is broken is refused in a sentence that says where.

A WAV file is a RIFF container: four letters, a length, and chunks, each again four letters and a length. `fmt ` tells how the
samples are written, `data` holds them, and any other chunk (titles, cue points) is passed over. Python's own `wave` knows no
floats and, before 3.12, no extensible format; libraries of codecs read a truncated file to where it ends and say nothing.
"""

from __future__ import annotations

import struct

import numpy as np

PCM, FLOAT, EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
CODECS = {0x0002: "ADPCM", 0x0006: "A-law", 0x0007: "mu-law", 0x0011: "ADPCM", 0x0055: "MP3"}
OTHERS = {
    b"RIFX": "big-endian RIFX",
    b"RF64": "64-bit RF64",
    b"riff": "Wave64",
    b"fLaC": "FLAC",
    b"OggS": "Ogg",
    b"FORM": "AIFF",
}
# The tail of every extensible format's 16 bytes of identity, after the two that say PCM or float.
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
# A program that writes into a pipe cannot know the length beforehand, and promises about as much as fits: 2 or 4 GB.
STREAMED = 0x7FFF0000
LOUDEST = 2.0  # how far beyond full scale a float file may go (6 dB), to be clipped as a player would


def read_wav(content: bytes) -> tuple[np.ndarray, int]:
    """The sound in a WAV file: 8-, 16-, 24- and 32-bit PCM, 32- and 64-bit float, any number of channels.

    Parameters
    ----------
    content : the bytes of the file.

    Returns
    -------
    wave : float64 `(T,)` in [-1, 1], the mean of the channels. rate : samples per second.

    Raises
    ------
    ValueError : not such a file, a codec, truncated, no samples, or samples that are no numbers or far too large.
    """
    chunks = split(content)
    if b"fmt " not in chunks:
        raise ValueError("no 'fmt ' chunk says how the samples are written")
    kind, n_channels, rate, n_bytes = layout(chunks[b"fmt "][0])
    if b"data" not in chunks:
        raise ValueError("no 'data' chunk: the file ends before its samples")
    data, promised = chunks[b"data"]
    if len(data) < promised < STREAMED:
        raise ValueError(f"truncated: {promised} bytes of samples promised, {len(data)} there")
    frame = n_bytes * n_channels
    if len(data) % frame and promised < STREAMED:
        raise ValueError(f"{len(data)} bytes of samples are no whole number of {frame}-byte frames")
    if len(data) < frame:
        raise ValueError("no samples")
    wave = numbers(data[: len(data) // frame * frame], kind, n_bytes).reshape(-1, n_channels)
    if not np.isfinite(wave).all():
        raise ValueError("samples that are no numbers (NaN or infinite)")
    peak = np.abs(wave).max()
    if peak > LOUDEST:
        raise ValueError(f"float samples reach {peak:.4g}; expected -1 to 1")
    return wave.clip(-1, 1).mean(1), rate


def split(content: bytes) -> dict[bytes, tuple[bytes, int]]:
    """The chunks of a RIFF file, by name: their bytes, as far as there are, and how many were promised."""
    if not content:
        raise ValueError("an empty file")
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        what = OTHERS.get(content[:4], f"begins with {content[:4]!r}")
        raise ValueError(f"not a RIFF WAVE file ({what}); convert it to 16-bit PCM")
    chunks: dict[bytes, tuple[bytes, int]] = {}
    at = 12
    while at + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, at)
        chunks.setdefault(name, (content[at + 8 : at + 8 + length], length))
        at += 8 + length + length % 2  # a chunk of odd length is followed by one byte of padding
    return chunks


def layout(fmt: bytes) -> tuple[int, int, int, int]:
    """What a `fmt ` chunk says: PCM or FLOAT, the number of channels, samples per second and bytes per sample."""
    if len(fmt) < 16:
        raise ValueError(f"truncated: a 'fmt ' chunk of {len(fmt)} bytes, expected at least 16")
    kind, n_channels, rate, _, frame, n_bits = struct.unpack_from("<HHIIHH", fmt)
    if kind == EXTENSIBLE:
        if len(fmt) < 40 or fmt[26:40] != GUID_TAIL:
            raise ValueError("an extensible format of unknown identity; convert it to 16-bit PCM")
        kind = struct.unpack_from("<H", fmt, 24)[0]
    if kind not in (PCM, FLOAT):
        raise ValueError(f"{CODECS.get(kind, f'codec {kind:#06x}')}, not PCM or float; convert it to 16-bit PCM")
    if n_channels == 0 or rate == 0:
        raise ValueError(f"{n_channels} channels and {rate} samples per second: expected at least one of each")
    # 12 bits, say, lie at the upper end of 2 bytes: it is the size of a frame that counts.
    n_bytes = frame // n_channels
    if frame % n_channels or n_bytes not in ((1, 2, 3, 4) if kind == PCM else (4, 8)) or n_bits > 8 * n_bytes:
        name = "PCM" if kind == PCM else "float"
        raise ValueError(f"{n_bits}-bit {name} in frames of {frame} bytes for {n_channels} channels: no such format")
    return kind, n_channels, rate, n_bytes


def numbers(data: bytes, kind: int, n_bytes: int) -> np.ndarray:
    """The samples in `data` as float64, full scale at -1 and 1."""
    if kind == FLOAT:
        return np.frombuffer(data, f"<f{n_bytes}").astype(np.float64)
    if n_bytes == 1:  # the only unsigned width
        return (np.frombuffer(data, np.uint8) - 128.0) / 128
    if n_bytes == 3:  # as the upper three bytes of four
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0] / 2.0**31
    return np.frombuffer(data, f"<i{n_bytes}") / 2.0 ** (8 * n_bytes - 1)
