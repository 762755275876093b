#!/bin/sh
# Remakes the WAV files beside it with sox, ffmpeg, espeak-ng and SciPy: one sound, written by programs that are not ours.
# The sound: 50 ms of 440 Hz, amplitude 0.5 (0.5 and 0.25 in the two channels of stereo); espeak-ng's says "five".
set -e
cd "$(dirname "$0")"
MONO="aevalsrc=0.5*sin(880*PI*t):d=0.05"
STEREO="aevalsrc=0.5*sin(880*PI*t)|0.25*sin(880*PI*t):d=0.05"
sox -D -r 8000 -n -b 8 sox_8bit_8000.wav synth 0.05 sine 440 vol 0.5
sox -D -r 16000 -n -b 24 sox_24bit_16000.wav synth 0.05 sine 440 vol 0.5
sox -D -r 11025 -n -b 32 -e signed sox_32bit_11025.wav synth 0.05 sine 440 vol 0.5
sox -D -r 8000 -n -b 16 -t wav - synth 0.05 sine 440 vol 0.5 | cat >sox_piped_8000.wav
ffmpeg -v error -y -f lavfi -i "$MONO:s=44100" -c:a pcm_s16le -metadata title="a title" ffmpeg_16bit_44100.wav
ffmpeg -v error -y -f lavfi -i "$STEREO:s=48000" -c:a pcm_s24le ffmpeg_24bit_stereo_48000.wav
ffmpeg -v error -y -f lavfi -i "$STEREO:s=22050" -c:a pcm_f32le ffmpeg_float_stereo_22050.wav
ffmpeg -v error -y -f lavfi -i "$MONO:s=8000" -c:a pcm_mulaw ffmpeg_mulaw_8000.wav
espeak-ng -v en-us -s 400 --stdout five >espeak_piped_22050.wav
"${PYTHON:-python3}" - <<'END'
import numpy as np
from scipy.io import wavfile
for rate, kind in ((12000, "float64"), (8000, "int16")):
    wave = 0.5 * np.sin(880 * np.pi * np.arange(rate // 20) / rate)
    wavfile.write(f"scipy_{kind}_{rate}.wav", rate, wave if kind == "float64" else np.round(wave * 32768).astype(kind))
END
