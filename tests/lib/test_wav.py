"""WAV files of other programs are read as they were meant, and broken ones are refused in a sentence."""

import struct
from pathlib import Path

import numpy as np
import pytest

from lib.wav import read_wav

WAVS = Path(__file__).parent / "wavs"  # one sound, 50 ms of 440 Hz at half of full scale: make.sh tells who wrote it


def riff(*chunks: tuple[bytes, bytes], form: bytes = b"WAVE") -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + form + body


def fmt(kind: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16, frame: int | None = None) -> bytes:
    frame = channels * bits // 8 if frame is None else frame
    return struct.pack("<HHIIHH", kind, channels, rate, rate * frame, frame, bits)


def wav(data: bytes, **layout: int) -> bytes:
    return riff((b"fmt ", fmt(**layout)), (b"data", data))


@pytest.mark.parametrize(
    ("name", "rate", "amplitude", "tolerance"),
    [
        ("sox_8bit_8000", 8000, 0.5, 0.01),
        ("sox_24bit_16000", 16000, 0.5, 1e-6),
        ("sox_32bit_11025", 11025, 0.5, 1e-8),
        ("sox_piped_8000", 8000, 0.5, 4e-5),
        ("ffmpeg_16bit_44100", 44100, 0.5, 4e-5),
        ("ffmpeg_24bit_stereo_48000", 48000, 0.375, 1e-6),
        ("ffmpeg_float_stereo_22050", 22050, 0.375, 1e-7),
        ("scipy_float64_12000", 12000, 0.5, 1e-14),
        ("scipy_int16_8000", 8000, 0.5, 4e-5),
    ],
)
def test_files_of_other_programs(name, rate, amplitude, tolerance):
    wave, found = read_wav((WAVS / f"{name}.wav").read_bytes())
    assert found == rate
    assert len(wave) == pytest.approx(rate / 20, abs=1)
    angle = 2 * np.pi * 440 * np.arange(len(wave)) / rate
    waves = np.stack([np.sin(angle), np.cos(angle)], 1)  # sox begins its sine where it likes
    fit = np.linalg.lstsq(waves, wave, rcond=None)[0]
    assert np.hypot(*fit) == pytest.approx(amplitude, abs=tolerance)
    assert np.abs(waves @ fit - wave).max() < tolerance


def test_speech_from_a_pipe():
    wave, rate = read_wav((WAVS / "espeak_piped_22050.wav").read_bytes())
    assert (len(wave), rate) == (3569, 22050)
    assert 0.3 < np.abs(wave).max() < 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (wav(bytes([0, 128, 255]), bits=8), [-1, 0, 127 / 128]),
        (wav(struct.pack("<3h", -32768, 0, 32767)), [-1, 0, 32767 / 32768]),
        (wav(bytes([0, 0, 0x80, 1, 0, 0, 0xFF, 0xFF, 0x7F]), bits=24), [-1, 2**-23, 1 - 2**-23]),
        (wav(struct.pack("<2i", -(2**31), 2**30), bits=32), [-1, 0.5]),
        (wav(struct.pack("<3f", -1, 0.25, 1.5), kind=3, bits=32), [-1, 0.25, 1]),
        (wav(struct.pack("<4h", 16384, 0, -16384, 16384), channels=2), [0.25, 0]),
        (wav(struct.pack("<2h", 0x7FF0, -0x8000), bits=12, frame=2), [0x7FF0 / 32768, -1]),  # 12 bits in 2 bytes
        (riff((b"LIST", b"odd"), (b"fmt ", fmt()), (b"junk", b""), (b"data", b"\0\x40"), (b"cue ", b"1234")), [0.5]),
    ],
)
def test_numbers_at_the_edges(content, expected):
    assert read_wav(content)[0].tolist() == expected


GOOD = wav(struct.pack("<4h", 1, 2, 3, 4))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"RIF", r"not a RIFF WAVE file \(begins with b'RIF'\)"),
        (b"ID3\x04 an MP3 with a wrong name", r"not a RIFF WAVE file \(begins with b'ID3"),
        (b"fLaC and so on", r"not a RIFF WAVE file \(FLAC\); convert it to 16-bit PCM"),
        (b"RIFX" + GOOD[4:], "big-endian RIFX"),
        (riff(form=b"AVI "), "not a RIFF WAVE file"),
        (riff(), "no 'fmt ' chunk"),
        (riff((b"fmt ", fmt())), "no 'data' chunk: the file ends before its samples"),
        (riff((b"fmt ", b"\1\0\1\0")), "truncated: a 'fmt ' chunk of 4 bytes"),
        (GOOD[:-3], "truncated: 8 bytes of samples promised, 5 there"),
        (GOOD[:30], "truncated: a 'fmt ' chunk of 10 bytes"),
        (wav(b""), "no samples"),
        (wav(b"123"), "3 bytes of samples are no whole number of 2-byte frames"),
        (wav(b"12", kind=7, bits=8), "mu-law, not PCM or float"),
        (wav(b"12", kind=0x55), "MP3, not PCM or float"),
        (wav(b"12", kind=0x1234), "codec 0x1234, not PCM or float"),
        (wav(b"12", kind=0xFFFE), "an extensible format of unknown identity"),
        (wav(b"12", channels=0), "0 channels and 8000 samples per second"),
        (wav(b"12", rate=0), "1 channels and 0 samples per second"),
        (wav(b"12", bits=24, frame=2), "24-bit PCM in frames of 2 bytes for 1 channels: no such format"),
        (wav(b"12", kind=3), "16-bit float in frames of 2 bytes"),
        (wav(struct.pack("<2f", 0, np.nan), kind=3, bits=32), r"no numbers \(NaN or infinite\)"),
        (wav(struct.pack("<2f", 0, 12345), kind=3, bits=32), r"float samples reach 1\.234e\+04; expected -1 to 1"),
        ((WAVS / "ffmpeg_mulaw_8000.wav").read_bytes(), "mu-law, not PCM or float; convert it to 16-bit PCM"),
    ],
)
def test_broken_files_are_refused(content, message):
    with pytest.raises(ValueError, match=message):
        read_wav(content)


@pytest.mark.parametrize("name", ["sox_24bit_16000", "ffmpeg_float_stereo_22050", "ffmpeg_16bit_44100"])
def test_a_file_cut_anywhere_is_refused(name):
    content = (WAVS / f"{name}.wav").read_bytes()
    for length in [*range(120), *range(120, len(content), 97)]:
        with pytest.raises(ValueError, match=r"."):
            read_wav(content[:length])
