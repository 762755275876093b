"""Sound as data: mu-law, resampling, spectrograms, and clips from folders and zips as people have them."""

import hashlib
import math
import shutil
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import requests
import torch

from lib import audio
from lib.audio import (
    SPLITS,
    Clips,
    fetch_recorded_digits,
    load_spoken_digits,
    mel_spectrogram,
    read_clips,
    resample,
)
from lib.data import DATA
from lib.mu_law import mu_law_decode, mu_law_encode

WAVS = Path(__file__).parent / "wavs"


def tone(frequency: float, rate: int, seconds: float = 1.0) -> torch.Tensor:
    return torch.from_numpy(np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate))


@pytest.mark.parametrize("n", [2, 3, 16, 255, 256, 1000, 65536])
def test_a_decoded_class_is_encoded_as_itself(n):
    codes = torch.arange(n)
    wave = mu_law_decode(codes, n)
    assert wave.dtype == torch.float32
    assert torch.equal(mu_law_encode(wave, n), codes)
    assert torch.equal(mu_law_encode(wave.double(), n), codes)
    assert (wave[0].item(), wave[-1].item()) == (-1, 1)
    assert (wave.diff() > 0).all()


def test_mu_law_by_hand():
    assert mu_law_encode(torch.tensor([[0.0, 1.0, -1.0]])).tolist() == [[128, 255, 0]]
    # f(0.1) = log(1 + 25.5) / log(256) = 0.59099; (1.59099 / 2) * 255 = 202.85.
    assert mu_law_encode(torch.tensor(0.1)).item() == 203
    assert mu_law_decode(torch.tensor(203, dtype=torch.uint8)).item() == pytest.approx(
        (256 ** (2 * 203 / 255 - 1) - 1) / 255
    )
    # Narrow near silence, wide where it is loud.
    widths = mu_law_decode(torch.arange(256)).diff()
    assert widths[127:].diff().min() > -1e-6
    assert widths[-1] / widths[127] > 100


def test_mu_law_refuses_what_is_no_sample_or_class():
    with pytest.raises(ValueError, match=r"expected samples in \[-1, 1\], found 1\.5"):
        mu_law_encode(torch.tensor([0.0, 1.5]))
    with pytest.raises(ValueError, match="found nan"):
        mu_law_encode(torch.tensor([0.0, math.nan]))
    with pytest.raises(ValueError, match=r"expected samples as a tensor of floats in \[-1, 1\], found torch.int64"):
        mu_law_encode(torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="expected classes 0 to 255, found 0 to 256"):
        mu_law_decode(torch.tensor([0, 256]))
    with pytest.raises(ValueError, match=r"expected classes as a tensor of integers, found torch\.float32"):
        mu_law_decode(torch.tensor([0.0]))
    with pytest.raises(ValueError, match="expected at least 2 classes, found 1"):
        mu_law_decode(torch.tensor([0]), 1)
    assert mu_law_encode(torch.zeros(0)).shape == mu_law_decode(torch.zeros(0, dtype=torch.int64)).shape == (0,)


@pytest.mark.parametrize(
    ("rate", "new"), [(44100, 8000), (48000, 8000), (16000, 8000), (11025, 8000), (8000, 16000), (22051, 8000)]
)
def test_resampling_keeps_what_the_new_rate_can_carry(rate, new):
    low = min(rate, new)
    for frequency in (0.01 * low, 0.2 * low, 0.41 * low):
        y = resample(tone(frequency, rate), rate, new)
        assert len(y) == new
        middle = slice(new // 10, -new // 10)
        assert torch.allclose(y[middle], tone(frequency, new)[middle].float(), atol=2e-4)
    for frequency in (0.51 * low, 0.6 * low):
        if frequency < rate / 2:
            assert resample(tone(frequency, rate), rate, new)[new // 10 : -new // 10].abs().max() < 2e-4  # -74 dB


def test_resampling_at_the_edges():
    wave = torch.rand(7, generator=torch.Generator().manual_seed(0))
    assert torch.equal(resample(wave, 8000, 8000), wave)
    assert len(resample(wave, 44100, 8000)) == 2
    assert len(resample(wave[:1], 8000, 44100)) == 6
    assert len(resample(wave[:0], 8000, 44100)) == 0
    with pytest.raises(
        ValueError,
        match=r"expected a wave \(T,\), a tensor, and positive rates, found torch\.float32 of shape \(7,\), rates 0 and 8000",
    ):
        resample(wave, 0, 8000)


def test_a_tone_lights_its_own_band():
    for frequency in (300, 1000, 3000):
        mel = mel_spectrogram(tone(frequency, 8000))
        assert mel.shape == (40, 100)
        # Band k is centred on the (k + 1)-th of 41 equal steps in mel from 0 to 4 kHz.
        steps = 2595 * math.log10(1 + frequency / 700) / (2595 * math.log10(1 + 4000 / 700)) * 41
        assert (mel[:, 10:90].argmax(0) + 1 - steps).abs().max() <= 0.7


def test_frames_lie_over_the_samples_they_describe():
    wave = torch.zeros(2, 1000)
    wave[0, 560:640] = 1  # the eighth frame of 80 samples
    mel = mel_spectrogram(wave)
    assert mel.shape == (2, 40, 13)
    assert mel[0].sum(0).argmax() == 7
    assert torch.allclose(mel[0, :, 6], mel[0, :, 8], atol=1e-4)
    assert torch.equal(mel[1], torch.full((40, 13), math.log(1e-6)))
    assert torch.equal(mel_spectrogram(wave[0]), mel[0])


@pytest.mark.parametrize(
    ("length", "hop", "window"), [(1, 80, 256), (80, 80, 256), (81, 80, 256), (500, 100, 101), (9, 1, 8)]
)
def test_one_frame_for_each_hop_begun(length, hop, window):
    assert mel_spectrogram(torch.ones(length), n_mels=3, window=window, hop=hop).shape == (3, -(-length // hop))


def test_spectrograms_refuse_what_they_cannot_draw():
    with pytest.raises(ValueError, match=r"expected a wave \(\.\.\., T\), a tensor of floats, found torch\.int64"):
        mel_spectrogram(torch.zeros(9, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"found torch\.float32 of shape \(0,\)"):
        mel_spectrogram(torch.zeros(0))
    with pytest.raises(ValueError, match="80 bands are more than a window of 128 samples at 8000 Hz tells apart"):
        mel_spectrogram(torch.zeros(999), n_mels=80, window=128)
    with pytest.raises(ValueError, match="expected a hop of 1 to the window's 64 samples, found 80"):
        mel_spectrogram(torch.zeros(999), window=64)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """A folder as people have them: programs, rates and widths mixed, and files that are no recordings."""
    folder = tmp_path / "my recordings"
    (folder / "more" / "__MACOSX").mkdir(parents=True)
    shutil.copy(WAVS / "sox_8bit_8000.wav", folder / "7_ada_10.wav")
    shutil.copy(WAVS / "ffmpeg_24bit_stereo_48000.wav", folder / "7_ada_2.WAV")
    shutil.copy(WAVS / "scipy_float64_12000.wav", folder / "more" / "0_grace_hopper_0.wav")
    shutil.copy(WAVS / "espeak_piped_22050.wav", folder / "more" / "5_Élodie_3.wav")
    for other in ("README.md", "._7_ada_10.wav", ".DS_Store", "more/__MACOSX/0_grace_hopper_0.wav", "more/list.csv"):
        (folder / other).write_bytes(b"no sound")
    return folder


def check(clips: Clips) -> None:
    assert len(clips) == 4
    assert clips.digits.tolist() == [0, 5, 7, 7]
    assert clips.speakers == ("grace_hopper", "Élodie", "ada", "ada")
    assert clips.takes.tolist() == [0, 3, 2, 10]
    assert [len(wave) for wave in clips.waves] == [400, 1295, 400, 400]
    assert all(wave.dtype == torch.float32 and wave.abs().max() <= 1 for wave in clips.waves)
    for wave, amplitude in ((clips.waves[0], 0.5), (clips.waves[2], 0.375)):
        assert torch.allclose(wave[100:300], amplitude * tone(440, 8000)[100:300].float(), atol=1e-3)


def test_a_folder_of_clips(recordings):
    check(read_clips(recordings))


def test_a_zip_with_folders_in_it(recordings, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "recordings"), "zip", tmp_path, recordings.name)
    check(read_clips(archive))
    renamed = Path(archive).rename(tmp_path / "recordings")  # what a zip is called matters to nobody
    check(read_clips(str(renamed)))


def test_another_rate(recordings):
    clips = read_clips(recordings, rate=16000)
    assert clips.rate == 16000
    assert len(clips.waves[0]) == 800
    assert clips.seconds[0] == 0.05
    with pytest.raises(ValueError, match="expected a rate of at least 1 sample per second, found 0"):
        read_clips(recordings, rate=0)


def test_some_of_the_clips(recordings):
    clips = read_clips(recordings)
    assert clips[clips.digits == 7].takes.tolist() == [2, 10]
    assert clips[1].speakers == ("Élodie",)
    assert clips[-1].takes.tolist() == [10]
    assert clips[[3, 0]].digits.tolist() == clips[torch.tensor([3, 0])].digits.tolist() == [7, 0]
    assert len(clips[1:3]) == 2
    assert len(clips[[]]) == len(clips[clips.digits == 9]) == 0
    assert clips.speaker_names == ("ada", "grace_hopper", "Élodie")
    assert clips.speaker_numbers.tolist() == [1, 2, 0, 0]
    codes = clips.codes()
    assert all(c.dtype == torch.int64 and c.shape == wave.shape for c, wave in zip(codes, clips.waves, strict=True))
    assert (mu_law_decode(codes[1]) - clips.waves[1]).abs().max() < 0.012


def test_one_file_alone(recordings):
    assert read_clips(recordings / "7_ada_10.wav").speakers == ("ada",)


GOOD = (WAVS / "scipy_int16_8000.wav").read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("1_ada_0.wav", GOOD[:500], r"1_ada_0\.wav: truncated: 800 bytes of samples promised, 456 there"),
        ("1_ada_0.wav", b"", r"1_ada_0\.wav: an empty file"),
        ("1_ada_0.wav", b"ID3\x04", r"1_ada_0\.wav: not a RIFF WAVE file"),
        ("1_ada_0.wav", GOOD[:40] + struct.pack("<I", 0), r"1_ada_0\.wav: no samples"),
        ("1_ada_0.mp3", b"ID3\x04", r"1_ada_0\.mp3: expected a \.wav file, found \.mp3; convert it to 16-bit PCM"),
        ("one_ada_0.wav", GOOD, r"one_ada_0\.wav: expected a name like 7_jackson_12\.wav"),
        ("12_ada_0.wav", GOOD, r"12_ada_0\.wav: expected a name like"),
        ("1_ada.wav", GOOD, r"1_ada\.wav: expected a name like"),
        ("more/7_ada_10.wav", GOOD, r"more/7_ada_10\.wav: the same digit, speaker and take as 7_ada_10\.wav"),
    ],
)
def test_what_cannot_be_read_is_named(recordings, tmp_path, name, content, message):
    (recordings / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"my recordings: 1 of its sounds cannot be read: {message}"):
        read_clips(recordings)
    with pytest.raises(ValueError, match=r"found\.zip: 1 of its sounds cannot be read: my recordings/"):
        read_clips(shutil.make_archive(str(tmp_path / "found"), "zip", tmp_path, recordings.name))


def test_three_of_many_are_named(recordings):
    for take in range(5):
        (recordings / f"9_ada_{take}.wav").write_bytes(b"")
    with pytest.raises(
        ValueError, match=r"5 of its sounds cannot be read: 9_ada_0\.wav: .*9_ada_2\.wav: an empty file; and 2 more$"
    ):
        read_clips(recordings)


def test_no_clips_at_all(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: expected a folder or zip of recordings, found nothing"):
        read_clips(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"expected recordings named \{digit\}_\{speaker\}_\{n\}\.wav, found none"):
        read_clips(tmp_path)
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(ValueError, match="found none"):
        read_clips(tmp_path / "empty.zip")


def test_a_broken_zip(recordings, tmp_path):
    path = Path(shutil.make_archive(str(tmp_path / "cut"), "zip", recordings))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(
        ValueError, match=r"cut\.zip: expected a folder or an intact zip of recordings, found: File is not a zip"
    ):
        read_clips(path)
    at = content.index(b"7_ada_10.wav") + 40
    path.write_bytes(content[:at] + bytes(byte ^ 0x55 for byte in content[at : at + 20]) + content[at + 20 :])
    with pytest.raises(ValueError, match=r"cut\.zip: expected a folder or an intact zip of recordings, found: .+"):
        read_clips(path)


@pytest.mark.parametrize(
    ("split", "n_voices", "n_takes"), [("train", 12, 6), ("test", 12, 2), ("new voices", 3, 2), ("human", 1, 1)]
)
def test_the_shipped_clips(split, n_voices, n_takes):
    clips = load_spoken_digits(split)
    assert len(clips) == 10 * n_voices * n_takes
    assert len(clips.speaker_names) == n_voices
    # Every voice says every digit equally often, and no two clips are the same.
    keys = set(zip(clips.digits.tolist(), clips.speakers, clips.takes.tolist(), strict=True))
    assert len(keys) == len({wave.numpy().tobytes() for wave in clips.waves}) == len(clips)
    assert clips.digits.bincount().tolist() == [n_voices * n_takes] * 10
    for wave, codes in zip(clips.waves, clips.codes(), strict=True):
        assert torch.equal(mu_law_decode(codes), wave)
        assert codes[0] == codes[-1] == 128
        assert wave.square().mean().sqrt() == pytest.approx(0.1, rel=0.1)
    assert 0.2 < clips.seconds.min() < clips.seconds.max() < 0.75


def test_nobody_is_in_two_of_training_new_voices_and_human():
    train, test, new, human = (load_spoken_digits(split) for split in SPLITS)
    assert train.speaker_names == test.speaker_names
    assert not set(train.takes.tolist()) & set(test.takes.tolist())
    assert not {*train.speaker_names} & {*new.speaker_names, *human.speaker_names}
    with pytest.raises(ValueError, match="split: expected one of 'train', 'test', 'new voices', 'human', found 'dev'"):
        load_spoken_digits("dev")


def test_a_damaged_clip_file_is_refused(tmp_path):
    shutil.copytree(DATA / "spoken", tmp_path / "spoken")
    path = tmp_path / "spoken" / "human.xz"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(ValueError, match=r"human\.xz: expected sha256 .*; copy it again from the course"):
        load_spoken_digits("human", tmp_path)
    assert len(load_spoken_digits("test", tmp_path)) == 240


@pytest.fixture
def dataset(tmp_path, monkeypatch) -> Path:
    """A zip like the data set's, small: two speakers that we expect, and one that we do not."""
    folder = tmp_path / "source" / "free-spoken-digit-dataset-1.0.10" / "recordings"
    folder.mkdir(parents=True)
    (folder.parent / "README.md").write_text("Recordings")
    lines = {"ada": "", "grace": ""}
    for digit in range(3):
        for take in (0, 4, 5, 11):
            for speaker in ("ada", "grace", "other"):
                content = bytearray(GOOD)
                content[60:63] = digit, take, len(speaker)
                (folder / f"{digit}_{speaker}_{take}.wav").write_bytes(content)
                if speaker in lines:
                    lines[speaker] += f"{digit} {take} {hashlib.sha256(content).hexdigest()}\n"
    expected = {speaker: hashlib.sha256(text.encode()).hexdigest() for speaker, text in lines.items()}
    monkeypatch.setattr(audio, "RECORDED", expected)
    return Path(shutil.make_archive(str(tmp_path / "fetched"), "zip", tmp_path / "source"))


def check_recorded(source: Path | None) -> None:
    train, test = fetch_recorded_digits("train", source), fetch_recorded_digits("test", source)
    assert (len(train), len(test)) == (12, 12)
    assert train.speaker_names == test.speaker_names == ("ada", "grace")
    assert (set(train.takes.tolist()), set(test.takes.tolist())) == ({5, 11}, {0, 4})


def test_recorded_digits_that_one_has(dataset, tmp_path):
    check_recorded(dataset)
    check_recorded(tmp_path / "source")


def test_recorded_digits_are_fetched_by_pooch(dataset, monkeypatch):
    asked = []

    def retrieve(url, known_hash, fname, path):
        asked.append((url, known_hash, fname, Path(path).name))
        return str(dataset)

    monkeypatch.setattr("pooch.retrieve", retrieve)
    check_recorded(None)
    assert asked[0] == (audio.RECORDED_URL, None, "free-spoken-digit-dataset-v1.0.10.zip", "autoregressive-course")


def test_without_a_network_it_says_what_to_do(monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise requests.exceptions.ConnectionError("Name or service not known")

    monkeypatch.setattr("pooch.os_cache", lambda _: tmp_path)
    monkeypatch.setattr("requests.get", refuse)
    monkeypatch.setattr("requests.Session.get", refuse)
    with pytest.raises(OSError, match=r"could not be fetched from https://github.com/.*ConnectionError.*source=\.\.\."):
        fetch_recorded_digits()
    assert list(tmp_path.iterdir()) == []  # nothing half-written


def test_other_recordings_are_not_taken_for_the_data_set(dataset, tmp_path):
    folder = tmp_path / "source" / "free-spoken-digit-dataset-1.0.10" / "recordings"
    (folder / "1_other_0.wav").unlink()
    check_recorded(folder)  # nobody expects anything of this speaker
    (folder / "1_grace_0.wav").write_bytes(GOOD)
    with pytest.raises(
        ValueError, match=r"expected the Free Spoken .* of grace, found 12, or others than those; read_clips\('"
    ):
        fetch_recorded_digits("test", folder)
    (folder / "1_ada_4.wav").unlink()
    with pytest.raises(ValueError, match="recordings of ada, found 11"):
        fetch_recorded_digits("test", folder)
    with pytest.raises(ValueError, match="expected 'train' or 'test', found 'human'"):
        fetch_recorded_digits("human", folder)
    with pytest.raises(FileNotFoundError, match="expected a folder or zip of recordings, found nothing"):
        fetch_recorded_digits("test", tmp_path / "nowhere")


def test_arrays_of_numpy_are_told_to_become_tensors():
    for function in (mu_law_encode, mel_spectrogram, lambda x: resample(x, 8000, 16000), mu_law_decode):
        with pytest.raises(ValueError, match=r"a tensor.* found ndarray"):
            function(np.zeros(400))
