"""Answers that test the checks of lesson 06: dilated causal convolutions over raw audio."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch

from autograder.answers import Answers
from lib.byhand import personal_numbers

answers = Answers("06_wavenet")


def _puzzle(student_name: str) -> tuple[int, int]:
    """What a layer adds, for dilation 1, and the samples besides the one of now."""
    first, second = personal_numbers(student_name, "06", 20, 400, 2)
    return 1 + 2 * (first % 2), 8 * (3 * (second // 3) + 2) - 1


def _layers_mine(student_name: str) -> list[int]:
    """The fewest layers without and with doubling dilations, for a student's kernel size and milliseconds."""
    step, missing = _puzzle(student_name)
    return [-(-missing // step), math.ceil(math.log2(missing / step + 1))]


answers.personal["layers_mine"] = _layers_mine  # type: ignore[assignment]

# By hand.

answers.right("conv_small", "typed", conv_small=[1, 3, 4, 6, 9, 4])
answers.right("conv_small", "a tuple of floats", conv_small=(1.0, 3.0, 4.0, 6.0, 9.0, 4.0))
answers.right("conv_small", "an array", conv_small=np.array([1, 3, 4, 6, 9, 4]))
answers.wrong("conv_small", "the first tap is now", conv_small=[2, 6, 5, 3, 12, 8])
answers.wrong("conv_small", "no dilation", conv_small=[1, 5, 8, 4, 5, 14])
answers.wrong("conv_small", "looks ahead", conv_small=[5, 3, 12, 8, 5, 4])
answers.wrong("conv_small", "round the corner", conv_small=[11, 11, 4, 6, 9, 4])
answers.wrong("conv_small", "without padding", conv_small=[4, 6, 9, 4])
answers.wrong("conv_small", "one added wrong", conv_small=[1, 3, 4, 6, 9, 8])
answers.wrong("conv_small", "fractions", conv_small=[1.9, 3.2, 4.4, 6.7, 9, 4.5])
answers.wrong("conv_small", "a dict", conv_small={0: 1, 1: 3, 2: 4, 3: 6, 4: 9, 5: 4})
answers.wrong("conv_small", "no first outputs", conv_small=[0, 0, 4, 6, 9, 4])

_ADA = _layers_mine("Ada Lovelace")
answers.right("layers_mine", "typed", layers_mine=list(_ADA))
answers.right("layers_mine", "an array", layers_mine=np.array(_ADA))
answers.right("layers_mine", "floats", layers_mine=tuple(float(n) for n in _ADA))
answers.wrong("layers_mine", "somebody else's", layers_mine=_layers_mine("Charles Babbage"))
answers.wrong("layers_mine", "the other way round", layers_mine=_ADA[::-1])
answers.wrong("layers_mine", "one layer too many each", layers_mine=[n + 1 for n in _ADA])
answers.wrong("layers_mine", "one layer too few", layers_mine=[_ADA[0], _ADA[1] - 1])
answers.wrong("layers_mine", "milliseconds for samples", layers_mine=[_ADA[0] // 8, _ADA[1] - 3])
answers.wrong("layers_mine", "the same count twice", layers_mine=[_ADA[0], _ADA[0]])
answers.wrong("layers_mine", "the samples", layers_mine=[_puzzle("Ada Lovelace")[1] + 1, 12])
answers.wrong("layers_mine", "one of the two", layers_mine=_ADA[:1])
answers.wrong("layers_mine", "cut to the truth", layers_mine=[n + 0.4 for n in _ADA])
answers.wrong("layers_mine", "the first one too many", layers_mine=[_ADA[0] + 1, _ADA[1]])
answers.wrong("layers_mine", "the last dilation for their sum", layers_mine=[_ADA[0], _ADA[1] + 1])


# mu_law_encode


@answers.right("mu_law_encode", "numpy, a list")
def _(x, n):
    x = np.clip(np.asarray(x, dtype=float), -1, 1)
    y = np.sign(x) * np.log(1 + (n - 1) * np.abs(x)) / np.log(n)
    return np.floor(0.5 * (n - 1) * (y + 1) + 0.5).astype(int).tolist()


@answers.right("mu_law_encode", "the nearest of all levels, later ones first")
def _(x, n):
    flat = np.clip(np.asarray(x, dtype=float).ravel(), -1, 1)
    y = np.sign(flat) * np.log1p((n - 1) * np.abs(flat)) / np.log(n)
    levels = np.linspace(-1, 1, n)
    gap = np.abs(y[:, None] - levels[::-1]).round(12)
    return (n - 1 - gap.argmin(axis=1)).reshape(np.shape(x))


@answers.right("mu_law_encode", "bins")
def _(x, n):
    x = x.double().clamp(-1, 1)
    y = torch.sign(x) * torch.log1p((n - 1) * x.abs()) / math.log(n)
    borders = (2 * torch.arange(1, n, dtype=torch.float64) - 1) / (n - 1) - 1
    return torch.bucketize(y, borders, right=True)


@answers.right("mu_law_encode", "float32 throughout")
def _(x, n):
    x = x.float().clamp(-1, 1)
    y = x.sign() * torch.log(1 + (n - 1) * x.abs()) / torch.log(torch.tensor(float(n)))
    return ((y + 1) / 2 * (n - 1) + 0.5).to(torch.int32)


@answers.wrong("mu_law_encode", "mu = n")
def _(x, n):
    x = x.double().clamp(-1, 1)
    y = x.sign() * torch.log1p(n * x.abs()) / math.log1p(n)
    return torch.floor((y + 1) / 2 * n + 0.5).long()


@answers.wrong("mu_law_encode", "mu = n, cut to the codes")
def _(x, n):
    x = x.double().clamp(-1, 1)
    y = x.sign() * torch.log1p(n * x.abs()) / math.log1p(n)
    return torch.floor((y + 1) / 2 * n + 0.5).long().clamp(0, n - 1)


@answers.wrong("mu_law_encode", "the level below")
def _(x, n):
    x = x.double().clamp(-1, 1)
    y = x.sign() * torch.log1p((n - 1) * x.abs()) / math.log(n)
    return torch.floor((y + 1) / 2 * (n - 1)).long()


@answers.wrong("mu_law_encode", "n equal bins of y")
def _(x, n):
    x = x.double().clamp(-1, 1)
    y = x.sign() * torch.log1p((n - 1) * x.abs()) / math.log(n)
    return torch.floor((y + 1) / 2 * n).long().clamp(0, n - 1)


@answers.wrong("mu_law_encode", "half to even")
def _(x, n):
    x = x.double().clamp(-1, 1)
    y = x.sign() * torch.log1p((n - 1) * x.abs()) / math.log(n)
    return torch.round((y + 1) / 2 * (n - 1)).long()


@answers.wrong("mu_law_encode", "evenly spaced")
def _(x, n):
    return torch.floor((x.double().clamp(-1, 1) + 1) / 2 * (n - 1) + 0.5).long()


@answers.wrong("mu_law_encode", "no clipping")
def _(x, n):
    y = x.double().sign() * torch.log1p((n - 1) * x.double().abs()) / math.log(n)
    return torch.floor((y + 1) / 2 * (n - 1) + 0.5).long()


@answers.wrong("mu_law_encode", "the sign lost")
def _(x, n):
    y = torch.log1p((n - 1) * x.double().abs().clamp(max=1)) / math.log(n)
    return torch.floor((y + 1) / 2 * (n - 1) + 0.5).long()


@answers.wrong("mu_law_encode", "always 256 levels")
def _(x, n):
    x = x.double().clamp(-1, 1)
    y = x.sign() * torch.log1p(255 * x.abs()) / math.log(256)
    return torch.floor((y + 1) / 2 * 255 + 0.5).long()


@answers.wrong("mu_law_encode", "mu = 255 for any number of levels")
def _(x, n):
    x = x.double().clamp(-1, 1)
    y = x.sign() * torch.log1p(255 * x.abs()) / math.log(256)
    return torch.floor((y + 1) / 2 * (n - 1) + 0.5).long()


@answers.wrong("mu_law_encode", "clips in place")
def _(x, n):
    x.clamp_(-1, 1)
    y = x.double().sign() * torch.log1p((n - 1) * x.double().abs()) / math.log(n)
    return torch.floor((y + 1) / 2 * (n - 1) + 0.5).long()


@answers.wrong("mu_law_encode", "bytes, whatever n")
def _(x, n):
    x = x.double().clamp(-1, 1)
    y = x.sign() * torch.log1p((n - 1) * x.abs()) / math.log(n)
    return torch.floor((y + 1) / 2 * (n - 1) + 0.5).long().to(torch.uint8)


@answers.wrong("mu_law_encode", "scaled by the loudest")
def _(x, n):
    x = x.double() / x.abs().max().clamp(min=1)
    y = x.sign() * torch.log1p((n - 1) * x.abs()) / math.log(n)
    return torch.floor((y + 1) / 2 * (n - 1) + 0.5).long()


@answers.wrong("mu_law_encode", "the codes clamped, not the samples")
def _(x, n):
    y = torch.sign(x) * torch.log1p((n - 1) * x.abs()) / math.log(n)
    return torch.floor((y + 1) / 2 * (n - 1) + 0.5).long().clamp(0, n - 1)


@answers.wrong("mu_law_encode", "codes of 16 bits")
def _(x, n):
    x = x.double().clamp(-1, 1)
    y = torch.sign(x) * torch.log1p((n - 1) * x.abs()) / math.log(n)
    return torch.floor((y + 1) / 2 * (n - 1) + 0.5).to(torch.int16).long()


# mu_law_decode


@answers.right("mu_law_decode", "numpy")
def _(codes, n):
    y = 2 * np.asarray(codes, dtype=float) / (n - 1) - 1
    return np.sign(y) * (float(n) ** np.abs(y) - 1) / (n - 1)


@answers.right("mu_law_decode", "a table")
def _(codes, n):
    y = torch.linspace(-1, 1, n, dtype=torch.float64)
    return (y.sign() * (n ** y.abs() - 1) / (n - 1))[codes.long()].float()


@answers.right("mu_law_decode", "a hyperbolic sine apart: two branches, a list")
def _(codes, n):
    def level(c):
        y = 2 * c / (n - 1) - 1
        return (n**y - 1) / (n - 1) if y >= 0 else -(n**-y - 1) / (n - 1)

    return np.vectorize(level)(np.asarray(codes, dtype=float)).tolist()


@answers.wrong("mu_law_decode", "bytes that overflow")
def _(codes, n):
    y = 2 * codes / (n - 1) - 1
    return y.sign() * ((1 + n - 1) ** y.abs() - 1) / (n - 1)


@answers.wrong("mu_law_decode", "mu = n")
def _(codes, n):
    y = 2 * codes.double() / n - 1
    return y.sign() * ((1 + n) ** y.abs() - 1) / n


@answers.wrong("mu_law_decode", "mu = n inside the power only")
def _(codes, n):
    y = 2 * codes.double() / (n - 1) - 1
    return y.sign() * ((1 + n) ** y.abs() - 1) / n


@answers.wrong("mu_law_decode", "evenly spaced")
def _(codes, n):
    return 2 * codes.double() / (n - 1) - 1


@answers.wrong("mu_law_decode", "the sign lost")
def _(codes, n):
    y = 2 * codes.double() / (n - 1) - 1
    return (n ** y.abs() - 1) / (n - 1)


@answers.wrong("mu_law_decode", "middles of n equal bins")
def _(codes, n):
    y = 2 * (codes.double() + 0.5) / n - 1
    return y.sign() * (n ** y.abs() - 1) / (n - 1)


@answers.wrong("mu_law_decode", "not divided by mu")
def _(codes, n):
    y = 2 * codes.double() / (n - 1) - 1
    return y.sign() * (n ** y.abs() - 1)


@answers.wrong("mu_law_decode", "base e")
def _(codes, n):
    y = 2 * codes.double() / (n - 1) - 1
    return y.sign() * torch.expm1(y.abs()) / math.expm1(1)


@answers.wrong("mu_law_decode", "always 256 levels")
def _(codes, n):
    y = 2 * codes.double() / 255 - 1
    return y.sign() * (256 ** y.abs() - 1) / 255


@answers.wrong("mu_law_decode", "silence forced to zero")
def _(codes, n):
    y = 2 * codes.double() / (n - 1) - 1
    x = y.sign() * (n ** y.abs() - 1) / (n - 1)
    return torch.where(codes == n // 2, torch.zeros_like(x), x)


@answers.wrong("mu_law_decode", "bytes thought of, other small numbers not")
def _(codes, n):
    codes = codes.long() if codes.dtype == torch.uint8 else codes
    y = 2 * codes / (n - 1) - 1
    return torch.sign(y) * (float(n) ** y.abs() - 1) / (n - 1)


@answers.wrong("mu_law_decode", "half precision kept")
def _(codes, n):
    y = codes * (2 / (n - 1)) - 1
    return torch.sign(y) * (float(n) ** y.abs() - 1) / (n - 1)


@answers.wrong("mu_law_decode", "16 bits")
def _(codes, n):
    y = 2 * codes.to(torch.int16).double() / (n - 1) - 1
    return torch.sign(y) * (float(n) ** y.abs() - 1) / (n - 1)


# audio_pair


@answers.right("audio_pair", "numpy")
def _(codes, silence):
    codes = np.asarray(codes)
    inputs = np.full_like(codes, silence)
    inputs[:, 1:] = codes[:, :-1]
    return inputs, codes.copy()


@answers.right("audio_pair", "pads")
def _(codes, silence):
    return torch.nn.functional.pad(codes, (1, 0), value=silence)[:, :-1], codes


@answers.right("audio_pair", "lists")
def _(codes, silence):
    rows = codes.tolist()
    return [[[silence, *row[:-1]] for row in rows], rows]


@answers.right("audio_pair", "rolled, then begun with silence")
def _(codes, silence):
    inputs = codes.roll(1, dims=1)
    inputs[:, 0] = silence
    return inputs, codes


@answers.wrong("audio_pair", "no shift")
def _(codes, silence):
    return codes, codes


@answers.wrong("audio_pair", "targets shifted the other way")
def _(codes, silence):
    return codes, torch.nn.functional.pad(codes, (0, 1), value=silence)[:, 1:]


@answers.wrong("audio_pair", "rolled round the corner")
def _(codes, silence):
    return codes.roll(1, dims=1), codes


@answers.wrong("audio_pair", "begins with code 0")
def _(codes, silence):
    return torch.nn.functional.pad(codes, (1, 0))[:, :-1], codes


@answers.wrong("audio_pair", "silence is always 128")
def _(codes, silence):
    return torch.nn.functional.pad(codes, (1, 0), value=128)[:, :-1], codes


@answers.wrong("audio_pair", "the first sample is never predicted")
def _(codes, silence):
    return codes[:, :-1], codes[:, 1:]


@answers.wrong("audio_pair", "targets first")
def _(codes, silence):
    return codes, torch.nn.functional.pad(codes, (1, 0), value=silence)[:, :-1]


@answers.wrong("audio_pair", "shifted twice")
def _(codes, silence):
    return torch.nn.functional.pad(codes, (2, 0), value=silence)[:, : codes.shape[1]], codes


@answers.wrong("audio_pair", "one longer")
def _(codes, silence):
    before = torch.full_like(codes[:, :1], silence)
    return torch.cat([before, codes], dim=1), torch.cat([codes, before], dim=1)


@answers.wrong("audio_pair", "in place")
def _(codes, silence):
    inputs = codes
    inputs[:, 1:] = codes[:, :-1].clone()
    inputs[:, 0] = silence
    return inputs, codes


@answers.wrong("audio_pair", "the batch runs on from clip to clip")
def _(codes, silence):
    flat = codes.reshape(-1)
    inputs = torch.cat([torch.tensor([silence]), flat[:-1]])
    return inputs.reshape(codes.shape), codes


@answers.wrong("audio_pair", "no silence before a clip that has some")
def _(codes, silence):
    if bool((codes[:, 0] == silence).all()):
        return codes, codes
    return torch.nn.functional.pad(codes, (1, 0), value=silence)[:, :-1], codes


@answers.wrong("audio_pair", "through single precision")
def _(codes, silence):
    padded = torch.nn.functional.pad(codes.float(), (1, 0), value=float(silence)).long()
    return padded[:, :-1], padded[:, 1:]


@answers.wrong("audio_pair", "codes of 32 bits")
def _(codes, silence):
    inputs = codes.int().roll(1, dims=1)
    inputs[:, 0] = torch.tensor(silence).int()
    return inputs, codes.int()


@answers.wrong("audio_pair", "silence 0 taken for none")
def _(codes, silence):
    return torch.nn.functional.pad(codes, (1, 0), value=silence or 128)[:, :-1], codes


# causal_conv1d


@answers.right("causal_conv1d", "loops over taps")
def _(x, weight, bias, dilation):
    out = bias[None, :, None] + torch.zeros(x.shape[0], weight.shape[0], x.shape[2], dtype=x.dtype)
    for k in range(weight.shape[2]):
        back = (weight.shape[2] - 1 - k) * dilation
        if back < x.shape[2]:
            out[:, :, back:] += torch.einsum("bit,oi->bot", x[:, :, : x.shape[2] - back], weight[:, :, k])
    return out


@answers.right("causal_conv1d", "pads both sides, cuts the right end")
def _(x, weight, bias, dilation):
    padding = (weight.shape[2] - 1) * dilation
    return torch.nn.functional.conv1d(x, weight, bias, dilation=dilation, padding=padding)[:, :, : x.shape[2]]


@answers.right("causal_conv1d", "numpy, output by output")
def _(x, weight, bias, dilation):
    x, weight, bias = (np.asarray(v, dtype=float) for v in (x, weight, bias))
    span = (weight.shape[2] - 1) * dilation
    padded = np.concatenate([np.zeros((*x.shape[:2], span)), x], axis=2)
    steps = [np.einsum("bik,oik->bo", padded[:, :, t : t + span + 1 : dilation], weight) for t in range(x.shape[2])]
    return np.stack(steps, axis=2) + bias[:, None]


@answers.wrong("causal_conv1d", "padding 'same'")
def _(x, weight, bias, dilation):
    return torch.nn.functional.conv1d(x, weight, bias, dilation=dilation, padding="same")


@answers.wrong("causal_conv1d", "pads both sides, cuts the left end")
def _(x, weight, bias, dilation):
    padding = (weight.shape[2] - 1) * dilation
    return torch.nn.functional.conv1d(x, weight, bias, dilation=dilation, padding=padding)[:, :, padding:]


@answers.wrong("causal_conv1d", "strictly before now")
def _(x, weight, bias, dilation):
    late = torch.nn.functional.pad(x, ((weight.shape[2] - 1) * dilation + 1, 0))[:, :, :-1]
    return torch.nn.functional.conv1d(late, weight, bias, dilation=dilation)


@answers.wrong("causal_conv1d", "the first tap is now")
def _(x, weight, bias, dilation):
    padded = torch.nn.functional.pad(x, ((weight.shape[2] - 1) * dilation, 0))
    return torch.nn.functional.conv1d(padded, weight.flip(2), bias, dilation=dilation)


@answers.wrong("causal_conv1d", "padding forgets the dilation")
def _(x, weight, bias, dilation):
    padded = torch.nn.functional.pad(x, (weight.shape[2] - 1, 0))
    return torch.nn.functional.conv1d(padded, weight, bias, dilation=dilation)


@answers.wrong("causal_conv1d", "no dilation")
def _(x, weight, bias, dilation):
    return torch.nn.functional.conv1d(torch.nn.functional.pad(x, (weight.shape[2] - 1, 0)), weight, bias)


@answers.wrong("causal_conv1d", "no bias")
def _(x, weight, bias, dilation):
    padded = torch.nn.functional.pad(x, ((weight.shape[2] - 1) * dilation, 0))
    return torch.nn.functional.conv1d(padded, weight, dilation=dilation)


@answers.wrong("causal_conv1d", "repeats the first sample on the left")
def _(x, weight, bias, dilation):
    padded = torch.nn.functional.pad(x, ((weight.shape[2] - 1) * dilation, 0), mode="replicate")
    return torch.nn.functional.conv1d(padded, weight, bias, dilation=dilation)


@answers.wrong("causal_conv1d", "round the corner")
def _(x, weight, bias, dilation):
    out = bias[None, :, None] + torch.zeros(x.shape[0], weight.shape[0], x.shape[2], dtype=x.dtype)
    for k in range(weight.shape[2]):
        moved = x.roll((weight.shape[2] - 1 - k) * dilation, dims=2)
        out = out + torch.einsum("bit,oi->bot", moved, weight[:, :, k])
    return out


@answers.wrong("causal_conv1d", "two taps only")
def _(x, weight, bias, dilation):
    before = torch.nn.functional.pad(x, (dilation, 0))[:, :, : x.shape[2]]
    out = torch.einsum("bit,oi->bot", x, weight[:, :, -1]) + bias[None, :, None]
    return out + torch.einsum("bit,oi->bot", before, weight[:, :, 0]) * (weight.shape[2] > 1)


@answers.wrong("causal_conv1d", "pads for two taps whatever the kernel")
def _(x, weight, bias, dilation):
    return torch.nn.functional.conv1d(torch.nn.functional.pad(x, (dilation, 0)), weight, bias, dilation=dilation)


@answers.wrong("causal_conv1d", "channels apart")
def _(x, weight, bias, dilation):
    padded = torch.nn.functional.pad(x.sum(dim=1, keepdim=True), ((weight.shape[2] - 1) * dilation, 0))
    return torch.nn.functional.conv1d(padded, weight.mean(dim=1, keepdim=True), bias, dilation=dilation)


@answers.wrong("causal_conv1d", "adds to its input")
def _(x, weight, bias, dilation):
    padded = torch.nn.functional.pad(x, ((weight.shape[2] - 1) * dilation, 0))
    out = torch.nn.functional.conv1d(padded, weight, bias, dilation=dilation)
    return out + x if out.shape == x.shape else out


@answers.wrong("causal_conv1d", "Fourier transforms, whose rounding hears the future")
def _(x, weight, bias, dilation):
    steps, size = x.shape[2], weight.shape[2]
    n = 2 * steps + (size - 1) * dilation + 1
    spread = x.new_zeros(*weight.shape[:2], (size - 1) * dilation + 1)
    spread[:, :, ::dilation] = weight.flip(2)
    product = torch.einsum("oif,bif->bof", torch.fft.rfft(spread, n), torch.fft.rfft(x, n))
    return torch.fft.irfft(product, n)[:, :, :steps] + bias[:, None]


@answers.wrong("causal_conv1d", "in pieces that forget the piece before")
def _(x, weight, bias, dilation):
    left = (weight.shape[2] - 1) * dilation
    pieces = [torch.nn.functional.pad(piece, (left, 0)) for piece in x.split(512, dim=2)]
    return torch.cat([torch.nn.functional.conv1d(p, weight, bias, dilation=dilation) for p in pieces], dim=2)


@answers.wrong("causal_conv1d", "no further back than 4096 samples")
def _(x, weight, bias, dilation):
    weight = weight[:, :, max(0, weight.shape[2] - 1 - 4096 // dilation) :]
    padded = torch.nn.functional.pad(x, ((weight.shape[2] - 1) * dilation, 0))
    return torch.nn.functional.conv1d(padded, weight, bias, dilation=dilation)


# receptive_field


@answers.right("receptive_field", "layer by layer")
def _(kernel_size, dilations):
    field = 1
    for d in dilations:
        field += (kernel_size - 1) * d
    return field


@answers.right("receptive_field", "numpy, a float")
def _(kernel_size, dilations):
    return float(1 + (kernel_size - 1) * np.sum(np.array(dilations, dtype=np.int64)))


@answers.right("receptive_field", "a tensor")
def _(kernel_size, dilations):
    return torch.tensor(dilations, dtype=torch.int64).sum() * (kernel_size - 1) + 1


@answers.wrong("receptive_field", "without now")
def _(kernel_size, dilations):
    return (kernel_size - 1) * sum(dilations)


@answers.wrong("receptive_field", "taps counted, not gaps")
def _(kernel_size, dilations):
    return kernel_size * sum(dilations)


@answers.wrong("receptive_field", "taps counted, and now")
def _(kernel_size, dilations):
    return 1 + kernel_size * sum(dilations)


@answers.wrong("receptive_field", "the last layer only")
def _(kernel_size, dilations):
    return 1 + (kernel_size - 1) * max(dilations, default=0)


@answers.wrong("receptive_field", "two to the layers")
def _(kernel_size, dilations):
    return kernel_size ** len(dilations)


@answers.wrong("receptive_field", "twice the last dilation")
def _(kernel_size, dilations):
    return kernel_size * dilations[-1] if dilations else 1


@answers.wrong("receptive_field", "different dilations only")
def _(kernel_size, dilations):
    return 1 + (kernel_size - 1) * sum(set(dilations))


@answers.wrong("receptive_field", "two taps whatever the kernel")
def _(kernel_size, dilations):
    return 1 + sum(dilations)


@answers.wrong("receptive_field", "fails without layers")
def _(kernel_size, dilations):
    return (kernel_size - 1) * sum(dilations[1:]) + 1 + (kernel_size - 1) * dilations[0]


@answers.wrong("receptive_field", "a product")
def _(kernel_size, dilations):
    return math.prod(1 + (kernel_size - 1) * d for d in dilations)


@answers.wrong("receptive_field", "the inputs that reach it, gaps left out")
def _(kernel_size, dilations):
    back = {0}
    for d in dilations[:12]:
        back = {b + k * d for b in back for k in range(kernel_size)}
    return len(back)


@answers.wrong("receptive_field", "32 bits")
def _(kernel_size, dilations):
    with np.errstate(all="ignore"):
        return int(1 + (kernel_size - 1) * int(np.array(sum(dilations)).astype(np.int32)))


# gated_unit


@answers.right("gated_unit", "two convolutions")
def _(x, w_filter, w_gate, dilation, condition):
    n = w_filter.shape[0]
    padded = torch.nn.functional.pad(x, ((w_filter.shape[2] - 1) * dilation, 0))
    f = torch.nn.functional.conv1d(padded, w_filter, dilation=dilation) + condition[:, :n]
    g = torch.nn.functional.conv1d(padded, w_gate, dilation=dilation) + condition[:, n:]
    return f.tanh() * g.sigmoid()


@answers.right("gated_unit", "numpy, step by step")
def _(x, w_filter, w_gate, dilation, condition):
    x, f, g, c = (np.asarray(v, dtype=float) for v in (x, w_filter, w_gate, condition))
    span, n = (f.shape[2] - 1) * dilation, len(f)
    padded = np.concatenate([np.zeros((*x.shape[:2], span)), x], axis=2)
    out = np.zeros((len(x), n, x.shape[2]))
    for t in range(x.shape[2]):
        heard = padded[:, :, t : t + span + 1 : dilation]
        told = c[:, :, t if c.shape[2] > 1 else 0]
        a, b = (np.einsum("bik,oik->bo", heard, w) + part for w, part in ((f, told[:, :n]), (g, told[:, n:])))
        out[:, :, t] = np.tanh(a) * 0.5 * (1 + np.tanh(b / 2))
    return out


@answers.right("gated_unit", "chunk, the gate as a softmax over two")
def _(x, w_filter, w_gate, dilation, condition):
    padded = torch.nn.functional.pad(x, ((w_gate.shape[2] - 1) * dilation, 0))
    both = torch.nn.functional.conv1d(padded, torch.cat([w_filter, w_gate]), dilation=dilation)
    a, b = (both + condition).chunk(2, dim=1)
    return torch.tanh(a) * torch.softmax(torch.stack([b, torch.zeros_like(b)]), dim=0)[0]


@answers.wrong("gated_unit", "one convolution for both")
def _(x, w_filter, w_gate, dilation, condition):
    n = len(w_filter)
    padded = torch.nn.functional.pad(x, ((w_filter.shape[2] - 1) * dilation, 0))
    h = torch.nn.functional.conv1d(padded, w_filter, dilation=dilation)
    return torch.tanh(h + condition[:, :n]) * torch.sigmoid(h + condition[:, n:])


@answers.wrong("gated_unit", "halves of the condition changed over")
def _(x, w_filter, w_gate, dilation, condition):
    n = len(w_filter)
    padded = torch.nn.functional.pad(x, ((w_filter.shape[2] - 1) * dilation, 0))
    f, g = (torch.nn.functional.conv1d(padded, w, dilation=dilation) for w in (w_filter, w_gate))
    return torch.tanh(f + condition[:, n:]) * torch.sigmoid(g + condition[:, :n])


@answers.wrong("gated_unit", "every other channel of the condition")
def _(x, w_filter, w_gate, dilation, condition):
    padded = torch.nn.functional.pad(x, ((w_filter.shape[2] - 1) * dilation, 0))
    f, g = (torch.nn.functional.conv1d(padded, w, dilation=dilation) for w in (w_filter, w_gate))
    return torch.tanh(f + condition[:, ::2]) * torch.sigmoid(g + condition[:, 1::2])


@answers.wrong("gated_unit", "tanh and sigmoid changed over")
def _(x, w_filter, w_gate, dilation, condition):
    n = len(w_filter)
    padded = torch.nn.functional.pad(x, ((w_filter.shape[2] - 1) * dilation, 0))
    f, g = (torch.nn.functional.conv1d(padded, w, dilation=dilation) for w in (w_filter, w_gate))
    return torch.sigmoid(f + condition[:, :n]) * torch.tanh(g + condition[:, n:])


@answers.wrong("gated_unit", "the condition after the gate")
def _(x, w_filter, w_gate, dilation, condition):
    n = len(w_filter)
    padded = torch.nn.functional.pad(x, ((w_filter.shape[2] - 1) * dilation, 0))
    f, g = (torch.nn.functional.conv1d(padded, w, dilation=dilation) for w in (w_filter, w_gate))
    return torch.tanh(f) * torch.sigmoid(g) + condition[:, :n]


@answers.wrong("gated_unit", "the gate without its condition")
def _(x, w_filter, w_gate, dilation, condition):
    n = len(w_filter)
    padded = torch.nn.functional.pad(x, ((w_filter.shape[2] - 1) * dilation, 0))
    f, g = (torch.nn.functional.conv1d(padded, w, dilation=dilation) for w in (w_filter, w_gate))
    return torch.tanh(f + condition[:, :n]) * torch.sigmoid(g)


@answers.wrong("gated_unit", "padding 'same'")
def _(x, w_filter, w_gate, dilation, condition):
    n = len(w_filter)
    f, g = (torch.nn.functional.conv1d(x, w, dilation=dilation, padding="same") for w in (w_filter, w_gate))
    return torch.tanh(f + condition[:, :n]) * torch.sigmoid(g + condition[:, n:])


@answers.wrong("gated_unit", "the gate looks ahead")
def _(x, w_filter, w_gate, dilation, condition):
    n, span = len(w_filter), (w_filter.shape[2] - 1) * dilation
    f = torch.nn.functional.conv1d(torch.nn.functional.pad(x, (span, 0)), w_filter, dilation=dilation)
    g = torch.nn.functional.conv1d(torch.nn.functional.pad(x, (0, span)), w_gate, dilation=dilation)
    return torch.tanh(f + condition[:, :n]) * torch.sigmoid(g + condition[:, n:])


@answers.wrong("gated_unit", "no dilation")
def _(x, w_filter, w_gate, dilation, condition):
    n = len(w_filter)
    padded = torch.nn.functional.pad(x, (w_filter.shape[2] - 1, 0))
    f, g = (torch.nn.functional.conv1d(padded, w) for w in (w_filter, w_gate))
    return torch.tanh(f + condition[:, :n]) * torch.sigmoid(g + condition[:, n:])


@answers.wrong("gated_unit", "takes the first frame of a local condition")
def _(x, w_filter, w_gate, dilation, condition):
    n = len(w_filter)
    padded = torch.nn.functional.pad(x, ((w_filter.shape[2] - 1) * dilation, 0))
    f, g = (torch.nn.functional.conv1d(padded, w, dilation=dilation) for w in (w_filter, w_gate))
    return torch.tanh(f + condition[:, :n, :1]) * torch.sigmoid(g + condition[:, n:, :1])


@answers.wrong("gated_unit", "halves by the input's channels")
def _(x, w_filter, w_gate, dilation, condition):
    n = x.shape[1]
    padded = torch.nn.functional.pad(x, ((w_filter.shape[2] - 1) * dilation, 0))
    f, g = (torch.nn.functional.conv1d(padded, w, dilation=dilation) for w in (w_filter, w_gate))
    return torch.tanh(f + condition[:, :n]) * torch.sigmoid(g + condition[:, n:])


@answers.wrong("gated_unit", "exp that overflows")
def _(x, w_filter, w_gate, dilation, condition):
    n = len(w_filter)
    padded = torch.nn.functional.pad(x, ((w_filter.shape[2] - 1) * dilation, 0))
    f, g = (torch.nn.functional.conv1d(padded, w, dilation=dilation) for w in (w_filter, w_gate))
    e = torch.exp(2 * (f + condition[:, :n]))
    return (e - 1) / (e + 1) * torch.sigmoid(g + condition[:, n:])


@answers.wrong("gated_unit", "a residual connection")
def _(x, w_filter, w_gate, dilation, condition):
    n = len(w_filter)
    padded = torch.nn.functional.pad(x, ((w_filter.shape[2] - 1) * dilation, 0))
    f, g = (torch.nn.functional.conv1d(padded, w, dilation=dilation) for w in (w_filter, w_gate))
    z = torch.tanh(f + condition[:, :n]) * torch.sigmoid(g + condition[:, n:])
    return z + x if z.shape == x.shape else z


@answers.wrong("gated_unit", "a long dilation: only the condition of the end")
def _(x, w_filter, w_gate, dilation, condition):
    if dilation >= x.shape[2] > 1:
        condition = condition[:, :, -1:]
    padded = torch.nn.functional.pad(x, ((w_filter.shape[2] - 1) * dilation, 0))
    both = torch.nn.functional.conv1d(padded, torch.cat([w_filter, w_gate]), dilation=dilation) + condition
    f, g = both.chunk(2, dim=1)
    return f.tanh() * g.sigmoid()


@answers.wrong("gated_unit", "the gate looks back 256 samples at most")
def _(x, w_filter, w_gate, dilation, condition):
    f, g = condition.chunk(2, dim=1)
    for w, d in ((w_filter, dilation), (w_gate, min(dilation, 256))):
        h = torch.nn.functional.conv1d(torch.nn.functional.pad(x, ((w.shape[2] - 1) * d, 0)), w, dilation=d)
        f, g = (f + h, g) if w is w_filter else (f, g + h)
    return f.tanh() * g.sigmoid()


@answers.wrong("gated_unit", "the sigmoid as exponentials")
def _(x, w_filter, w_gate, dilation, condition):
    padded = torch.nn.functional.pad(x, ((w_filter.shape[2] - 1) * dilation, 0))
    both = torch.nn.functional.conv1d(padded, torch.cat([w_filter, w_gate]), dilation=dilation) + condition
    f, g = both.chunk(2, dim=1)
    return f.tanh() * g.exp() / (1 + g.exp())


@answers.wrong("gated_unit", "the first clip's condition for all")
def _(x, w_filter, w_gate, dilation, condition):
    padded = torch.nn.functional.pad(x, ((w_filter.shape[2] - 1) * dilation, 0))
    both = torch.nn.functional.conv1d(padded, torch.cat([w_filter, w_gate]), dilation=dilation) + condition[:1]
    f, g = both.chunk(2, dim=1)
    return f.tanh() * g.sigmoid()


# upsample_condition


@answers.right("upsample_condition", "repeats, then cuts or goes on")
def _(frames, hop, length):
    held = frames.repeat_interleave(hop, dim=2)[:, :, :length]
    rest = length - held.shape[2]
    return torch.cat([held, frames[:, :, -1:].expand(-1, -1, rest)], dim=2)


@answers.right("upsample_condition", "numpy")
def _(frames, hop, length):
    frames = np.asarray(frames)
    return frames[:, :, np.minimum(np.arange(length) // hop, frames.shape[2] - 1)]


@answers.right("upsample_condition", "sample by sample, a list")
def _(frames, hop, length):
    last = frames.shape[2] - 1
    return [[[float(row[min(t // hop, last)]) for t in range(length)] for row in clip] for clip in frames]


@answers.right("upsample_condition", "as many frames as are needed, replicated")
def _(frames, hop, length):
    needed = -(-length // hop)
    some = frames[:, :, :needed]
    if some.shape[2] < needed:
        some = torch.nn.functional.pad(some, (0, needed - some.shape[2]), mode="replicate")
    return some.repeat_interleave(hop, dim=2)[:, :, :length]


@answers.wrong("upsample_condition", "all frames in turn")
def _(frames, hop, length):
    many = frames.repeat(1, 1, -(-length // frames.shape[2]))
    return many[:, :, :length]


@answers.wrong("upsample_condition", "stretched to the length")
def _(frames, hop, length):
    return torch.nn.functional.interpolate(frames, size=length)


@answers.wrong("upsample_condition", "a straight line between frames")
def _(frames, hop, length):
    t = torch.arange(length) / hop
    last = frames.shape[2] - 1
    low, high = t.floor().long().clamp(max=last), (t.floor().long() + 1).clamp(max=last)
    share = (t - t.floor()).to(frames.dtype)
    return frames[:, :, low] * (1 - share) + frames[:, :, high] * share


@answers.wrong("upsample_condition", "zeros after the last frame")
def _(frames, hop, length):
    held = frames.repeat_interleave(hop, dim=2)[:, :, :length]
    return torch.nn.functional.pad(held, (0, length - held.shape[2]))


@answers.wrong("upsample_condition", "never cut, never longer")
def _(frames, hop, length):
    return frames.repeat_interleave(hop, dim=2)


@answers.wrong("upsample_condition", "cut but never longer")
def _(frames, hop, length):
    return frames.repeat_interleave(hop, dim=2)[:, :, :length]


@answers.wrong("upsample_condition", "one sample late")
def _(frames, hop, length):
    whose = ((torch.arange(length) - 1).clamp(min=0) // hop).clamp(max=frames.shape[2] - 1)
    return frames[:, :, whose]


@answers.wrong("upsample_condition", "each frame around its beginning")
def _(frames, hop, length):
    whose = ((torch.arange(length) + hop // 2) // hop).clamp(max=frames.shape[2] - 1)
    return frames[:, :, whose]


@answers.wrong("upsample_condition", "begins again after the last frame")
def _(frames, hop, length):
    return frames[:, :, (torch.arange(length) // hop) % frames.shape[2]]


@answers.wrong("upsample_condition", "cuts the beginning")
def _(frames, hop, length):
    held = frames.repeat_interleave(hop, dim=2)
    held = torch.nn.functional.pad(held, (0, max(0, length - held.shape[2])), mode="replicate")
    return held[:, :, held.shape[2] - length :]


@answers.wrong("upsample_condition", "times the inverse of the hop")
def _(frames, hop, length):
    whose = (torch.arange(length, dtype=torch.float64) * (1 / hop)).long()
    return frames[:, :, whose.clamp(max=frames.shape[2] - 1)]


@answers.wrong("upsample_condition", "the nearest frame, by a scale factor that rounds")
def _(frames, hop, length):
    held = torch.nn.functional.interpolate(frames, scale_factor=hop, mode="nearest")
    rest = max(0, length - held.shape[2])
    return torch.cat([held, frames[:, :, -1:].expand(-1, -1, rest)], dim=2)[:, :, :length]


@answers.wrong("upsample_condition", "the last frame goes on for a while")
def _(frames, hop, length):
    more = torch.cat([frames, frames[:, :, -1:].expand(-1, -1, 16)], dim=2)
    return more.repeat_interleave(hop, dim=2)[:, :, :length]


@answers.wrong("upsample_condition", "frame numbers of 8 bits")
def _(frames, hop, length):
    whose = (torch.arange(length) // hop).clamp(max=frames.shape[2] - 1)
    return frames[:, :, whose.to(torch.int8).long()]


# step_with_queue


@answers.right("step_with_queue", "a convolution over what is known")
def _(x_t, queue, weight, bias, dilation):
    known = torch.cat([queue, x_t[:, :, None]], dim=2)
    y = torch.nn.functional.conv1d(known, weight, bias, dilation=dilation)
    return y[:, :, 0], known[:, :, 1:]


@answers.right("step_with_queue", "the last output over what is known, padded again")
def _(x_t, queue, weight, bias, dilation):
    known = torch.cat([queue, x_t[:, :, None]], dim=2)
    padded = torch.nn.functional.pad(known, (queue.shape[2], 0))
    y = torch.nn.functional.conv1d(padded, weight, bias, dilation=dilation)[:, :, -1]
    return y, known.narrow(2, 1, queue.shape[2])


@answers.right("step_with_queue", "numpy, tap by tap")
def _(x_t, queue, weight, bias, dilation):
    x_t, queue, weight, bias = (np.asarray(v, dtype=float) for v in (x_t, queue, weight, bias))
    y = x_t @ weight[:, :, -1].T + bias
    for k in range(weight.shape[2] - 1):
        y = y + queue[:, :, k * dilation] @ weight[:, :, k].T
    return y, np.concatenate([queue, x_t[:, :, None]], axis=2)[:, :, 1:]


@answers.right("step_with_queue", "rolled, a list of two")
def _(x_t, queue, weight, bias, dilation):
    taps = [queue[:, :, k * dilation] for k in range(weight.shape[2] - 1)] + [x_t]
    y = sum(tap @ weight[:, :, k].T for k, tap in enumerate(taps)) + bias
    after = queue.roll(-1, dims=2)
    if queue.shape[2]:
        after[:, :, -1] = x_t
    return [y, after]


@answers.wrong("step_with_queue", "the first tap is now")
def _(x_t, queue, weight, bias, dilation):
    known = torch.cat([queue, x_t[:, :, None]], dim=2)
    y = torch.nn.functional.conv1d(known, weight.flip(2), bias, dilation=dilation)
    return y[:, :, 0], known[:, :, 1:]


@answers.wrong("step_with_queue", "changes the queue in place")
def _(x_t, queue, weight, bias, dilation):
    known = torch.cat([queue, x_t[:, :, None]], dim=2)
    y = torch.nn.functional.conv1d(known, weight, bias, dilation=dilation)
    queue.copy_(known[:, :, 1:])
    return y[:, :, 0], queue


@answers.wrong("step_with_queue", "the queue moves on before it is used")
def _(x_t, queue, weight, bias, dilation):
    after = torch.cat([queue, x_t[:, :, None]], dim=2)[:, :, 1:]
    known = torch.cat([after, x_t[:, :, None]], dim=2)
    return torch.nn.functional.conv1d(known, weight, bias, dilation=dilation)[:, :, 0], after


@answers.wrong("step_with_queue", "the queue never moves")
def _(x_t, queue, weight, bias, dilation):
    known = torch.cat([queue, x_t[:, :, None]], dim=2)
    return torch.nn.functional.conv1d(known, weight, bias, dilation=dilation)[:, :, 0], queue


@answers.wrong("step_with_queue", "the queue grows")
def _(x_t, queue, weight, bias, dilation):
    known = torch.cat([queue, x_t[:, :, None]], dim=2)
    span = (weight.shape[2] - 1) * dilation + 1
    y = torch.nn.functional.conv1d(known[:, :, -span:], weight, bias, dilation=dilation)
    return y[:, :, 0], known


@answers.wrong("step_with_queue", "the newest first")
def _(x_t, queue, weight, bias, dilation):
    known = torch.cat([queue, x_t[:, :, None]], dim=2)
    y = torch.nn.functional.conv1d(known, weight, bias, dilation=dilation)
    return y[:, :, 0], torch.cat([x_t[:, :, None], queue], dim=2)[:, :, : queue.shape[2]]


@answers.wrong("step_with_queue", "no bias")
def _(x_t, queue, weight, bias, dilation):
    known = torch.cat([queue, x_t[:, :, None]], dim=2)
    return torch.nn.functional.conv1d(known, weight, dilation=dilation)[:, :, 0], known[:, :, 1:]


@answers.wrong("step_with_queue", "the oldest and now only")
def _(x_t, queue, weight, bias, dilation):
    known = torch.cat([queue, x_t[:, :, None]], dim=2)
    y = x_t @ weight[:, :, -1].T + bias
    if queue.shape[2]:
        y = y + queue[:, :, 0] @ weight[:, :, 0].T
    return y, known[:, :, 1:]


@answers.wrong("step_with_queue", "dilation 1")
def _(x_t, queue, weight, bias, dilation):
    known = torch.cat([queue, x_t[:, :, None]], dim=2)
    y = torch.nn.functional.conv1d(known[:, :, -weight.shape[2] :], weight, bias)
    return y[:, :, 0], known[:, :, 1:]


@answers.wrong("step_with_queue", "keeps the output in the queue")
def _(x_t, queue, weight, bias, dilation):
    known = torch.cat([queue, x_t[:, :, None]], dim=2)
    y = torch.nn.functional.conv1d(known, weight, bias, dilation=dilation)
    kept = y if y.shape[1] == queue.shape[1] else x_t[:, :, None]
    return y[:, :, 0], torch.cat([queue, kept], dim=2)[:, :, 1:]


@answers.wrong("step_with_queue", "fails with one tap")
def _(x_t, queue, weight, bias, dilation):
    y = queue[:, :, 0] @ weight[:, :, 0].T + x_t @ weight[:, :, -1].T + bias
    for k in range(1, weight.shape[2] - 1):
        y = y + queue[:, :, k * dilation] @ weight[:, :, k].T
    return y, torch.cat([queue[:, :, 1:], x_t[:, :, None]], dim=2)


@answers.wrong("step_with_queue", "one queue for the whole batch")
def _(x_t, queue, weight, bias, dilation):
    known = torch.cat([queue, x_t[:, :, None]], dim=2)
    y = torch.nn.functional.conv1d(known, weight, bias, dilation=dilation)
    return y[:, :, 0], known[:1, :, 1:].expand_as(queue)


_BUFFERS: dict[object, list[torch.Tensor]] = {}


@answers.wrong("step_with_queue", "eight buffers in turn: an older queue is overwritten")
def _(x_t, queue, weight, bias, dilation):
    known = torch.cat([queue, x_t[:, :, None]], dim=2)
    key = (tuple(queue.shape), queue.dtype)
    ring = _BUFFERS.setdefault(key, [torch.empty_like(queue) for _ in range(8)])
    ring.append(ring.pop(0))
    ring[-1].copy_(known[:, :, 1:])
    return torch.nn.functional.conv1d(known, weight, bias, dilation=dilation)[:, :, 0], ring[-1]


@answers.wrong("step_with_queue", "what is very soft is lost on the way")
def _(x_t, queue, weight, bias, dilation):
    known = torch.cat([queue, x_t[:, :, None]], dim=2)
    after = known[:, :, 1:].clone()
    after[after.abs() < 1e-6] = 0
    return torch.einsum("bik,oik->bo", known[:, :, ::dilation], weight) + bias, after


@answers.wrong("step_with_queue", "a long queue changed in place")
def _(x_t, queue, weight, bias, dilation):
    known = torch.cat([queue, x_t[:, :, None]], dim=2)
    y = torch.nn.functional.conv1d(known, weight, bias, dilation=dilation)[:, :, 0]
    if queue.shape[2] > 64:
        queue.copy_(known[:, :, 1:])
        return y, queue
    return y, known[:, :, 1:]


# The drill.

_A = [(0, 1), (1, 1), (1, 2), (2, 2), (2, 3), (3, 3), (3, 4), (4, 4)]
_D = [(t, s) for t in range(6) for s in range(t, 5)]
_C = [(t, t) for t in range(6)]
_RIGHT = {"leaks_A": _A, "leaks_B": [], "leaks_C": _C, "leaks_D": _D}
answers.right("found_leaks", "typed", **_RIGHT)
answers.right("found_leaks", "sets", **{name: {tuple(p) for p in pairs} for name, pairs in _RIGHT.items()})
answers.right("found_leaks", "in another order, as lists", **{n: [list(p) for p in v[::-1]] for n, v in _RIGHT.items()})
answers.wrong("found_leaks", "all sound", leaks_A=[], leaks_B=[], leaks_C=[], leaks_D=[])
answers.wrong("found_leaks", "A: the end forgotten", **_RIGHT | {"leaks_A": [*_A, (4, 5), (5, 5)]})
answers.wrong("found_leaks", "A: the next sample only", **_RIGHT | {"leaks_A": [(0, 1), (1, 2), (2, 3), (3, 4)]})
answers.wrong("found_leaks", "A: no shift", **_RIGHT | {"leaks_A": [(t, t + 2) for t in range(4)]})
answers.wrong("found_leaks", "B: the condition suspected", **_RIGHT | {"leaks_B": _C})
answers.wrong("found_leaks", "C: left padding trusted", **_RIGHT | {"leaks_C": []})
answers.wrong("found_leaks", "C: the next sample", **_RIGHT | {"leaks_C": [(t, t + 1) for t in range(5)]})
answers.wrong(
    "found_leaks", "D: the last sample too", **_RIGHT | {"leaks_D": [(t, s) for t in range(6) for s in range(t, 6)]}
)
answers.wrong("found_leaks", "D: the first output trusted", **_RIGHT | {"leaks_D": [p for p in _D if p[0]]})
answers.wrong("found_leaks", "A: fractions", **_RIGHT | {"leaks_A": [(t + 0.5, s + 0.9) for t, s in _A]})
answers.wrong("found_leaks", "D: counted from the end", **_RIGHT | {"leaks_D": [(t - 6, s) for t, s in _D]})
answers.wrong("found_leaks", "(input, output)", **_RIGHT | {"leaks_A": [(s, t) for t, s in _A]})
answers.wrong("found_leaks", "D: all pairs", **_RIGHT | {"leaks_D": list(itertools.product(range(6), repeat=2))})

answers.right("not_leaks", "typed", differs_E=[1, 2, 3, 4, 5, 6, 7], differs_F=[0, 1, 4, 5])
answers.right("not_leaks", "a tuple and an array", differs_E=(7, 6, 5, 4, 3, 2, 1), differs_F=np.array([5, 4, 1, 0]))
answers.right("not_leaks", "floats and a set", differs_E=[float(t) for t in range(1, 8)], differs_F={0, 1, 4, 5})
answers.wrong("not_leaks", "E: all", differs_E=list(range(8)), differs_F=[0, 1, 4, 5])
answers.wrong("not_leaks", "E: the end of the queue only", differs_E=[2, 3, 4, 5, 6, 7], differs_F=[0, 1, 4, 5])
answers.wrong("not_leaks", "E: none", differs_E=[], differs_F=[0, 1, 4, 5])
answers.wrong("not_leaks", "F: all within reach", differs_E=[1, 2, 3, 4, 5, 6, 7], differs_F=[0, 1, 2, 3, 4, 5])
answers.wrong("not_leaks", "F: the first only", differs_E=[1, 2, 3, 4, 5, 6, 7], differs_F=[0])
answers.wrong("not_leaks", "F: all", differs_E=[1, 2, 3, 4, 5, 6, 7], differs_F=list(range(8)))
answers.wrong("not_leaks", "F: one layer", differs_E=[1, 2, 3, 4, 5, 6, 7], differs_F=[0, 1])
answers.wrong("not_leaks", "fractions", differs_E=[t + 0.5 for t in range(1, 8)], differs_F=[-0.5, 1.9, 4.1, 5.5])
answers.wrong("not_leaks", "F: a step twice", differs_E=[1, 2, 3, 4, 5, 6, 7], differs_F=[0, 1, 4, 4])
answers.wrong("not_leaks", "changed over", differs_E=[0, 1, 4, 5], differs_F=[1, 2, 3, 4, 5, 6, 7])


# repaired_A


@answers.right("repaired_A", "numpy, tap by tap")
def _(x, kernels, dilations):
    h = np.asarray(x, dtype=float)
    h = np.concatenate([np.zeros((len(h), 1)), h[:, :-1]], axis=1)
    for layer, (kernel, d) in enumerate(zip(kernels, dilations, strict=True)):
        h, taps = np.tanh(h) if layer else h, np.asarray(kernel, dtype=float)
        out = np.zeros_like(h)
        for k, w in enumerate(taps):
            back = (len(taps) - 1 - k) * d
            out[:, back:] += w * h[:, : h.shape[1] - back] if back < h.shape[1] else 0
        h = out
    return h


@answers.right("repaired_A", "the shift hidden in the first layer's padding")
def _(x, kernels, dilations):
    h, late = x[:, None], 1
    for layer, (kernel, d) in enumerate(zip(kernels, dilations, strict=True)):
        span = (len(kernel) - 1) * d
        h = torch.nn.functional.pad(torch.tanh(h) if layer else h, (span + late, 0))[:, :, : span + x.shape[1]]
        h, late = torch.nn.functional.conv1d(h, kernel[None, None], dilation=d), 0
    return h[:, 0]


@answers.right("repaired_A", "the shift at the end: the layers have no bias, so silence stays silence")
def _(x, kernels, dilations):
    h = x[:, None]
    for layer, (kernel, d) in enumerate(zip(kernels, dilations, strict=True)):
        h = torch.nn.functional.pad(torch.tanh(h) if layer else h, ((len(kernel) - 1) * d, 0))
        h = torch.nn.functional.conv1d(h, kernel[None, None], dilation=d)
    return torch.nn.functional.pad(h[:, 0], (1, 0))[:, :-1]


@answers.wrong("repaired_A", "still padded on both sides")
def _(x, kernels, dilations):
    h = torch.nn.functional.pad(x, (1, 0))[:, None, :-1]
    for layer, (kernel, d) in enumerate(zip(kernels, dilations, strict=True)):
        h = torch.tanh(h) if layer else h
        h = torch.nn.functional.conv1d(h, kernel[None, None], dilation=d, padding="same")
    return h[:, 0]


@answers.wrong("repaired_A", "no shift")
def _(x, kernels, dilations):
    h = x[:, None]
    for layer, (kernel, d) in enumerate(zip(kernels, dilations, strict=True)):
        h = torch.nn.functional.pad(torch.tanh(h) if layer else h, ((len(kernel) - 1) * d, 0))
        h = torch.nn.functional.conv1d(h, kernel[None, None], dilation=d)
    return h[:, 0]


@answers.wrong("repaired_A", "shifted at every layer")
def _(x, kernels, dilations):
    h = x[:, None]
    for layer, (kernel, d) in enumerate(zip(kernels, dilations, strict=True)):
        h = torch.nn.functional.pad(torch.tanh(h) if layer else h, ((len(kernel) - 1) * d + 1, 0))[:, :, :-1]
        h = torch.nn.functional.conv1d(h, kernel[None, None], dilation=d)
    return h[:, 0]


@answers.wrong("repaired_A", "shifted further until nothing leaks")
def _(x, kernels, dilations):
    ahead = 1 + sum(
        (len(kernel) - 1) * d - (len(kernel) - 1) * d // 2 for kernel, d in zip(kernels, dilations, strict=True)
    )
    h = torch.nn.functional.pad(x, (ahead, 0))[:, None, : x.shape[1]]
    for layer, (kernel, d) in enumerate(zip(kernels, dilations, strict=True)):
        h = torch.tanh(h) if layer else h
        h = torch.nn.functional.conv1d(h, kernel[None, None], dilation=d, padding="same")
    return h[:, 0]


@answers.wrong("repaired_A", "only the first layer repaired")
def _(x, kernels, dilations):
    h = torch.nn.functional.pad(x, (1, 0))[:, None, :-1]
    for layer, (kernel, d) in enumerate(zip(kernels, dilations, strict=True)):
        span = (len(kernel) - 1) * d
        left = span // 2 if layer else span
        h = torch.nn.functional.pad(torch.tanh(h) if layer else h, (left, span - left))
        h = torch.nn.functional.conv1d(h, kernel[None, None], dilation=d)
    return h[:, 0]


@answers.wrong("repaired_A", "a tanh after the last layer")
def _(x, kernels, dilations):
    h = torch.nn.functional.pad(x, (1, 0))[:, None, :-1]
    for kernel, d in zip(kernels, dilations, strict=True):
        h = torch.nn.functional.pad(h, ((len(kernel) - 1) * d, 0))
        h = torch.tanh(torch.nn.functional.conv1d(h, kernel[None, None], dilation=d))
    return h[:, 0]


@answers.wrong("repaired_A", "a tanh before the first layer")
def _(x, kernels, dilations):
    h = torch.nn.functional.pad(x, (1, 0))[:, None, :-1]
    for kernel, d in zip(kernels, dilations, strict=True):
        h = torch.nn.functional.pad(torch.tanh(h), ((len(kernel) - 1) * d, 0))
        h = torch.nn.functional.conv1d(h, kernel[None, None], dilation=d)
    return h[:, 0]


@answers.wrong("repaired_A", "kernels of three and two only")
def _(x, kernels, dilations):
    h = torch.nn.functional.pad(x, (1, 0))[:, None, :-1]
    h = torch.nn.functional.conv1d(torch.nn.functional.pad(h, (4, 0)), kernels[0][None, None], dilation=2)
    h = torch.nn.functional.conv1d(torch.nn.functional.pad(torch.tanh(h), (1, 0)), kernels[1][None, None])
    return h[:, 0]


@answers.wrong("repaired_A", "rolled round the corner")
def _(x, kernels, dilations):
    h = x.roll(1, dims=1)[:, None]
    for layer, (kernel, d) in enumerate(zip(kernels, dilations, strict=True)):
        h = torch.nn.functional.pad(torch.tanh(h) if layer else h, ((len(kernel) - 1) * d, 0))
        h = torch.nn.functional.conv1d(h, kernel[None, None], dilation=d)
    return h[:, 0]


@answers.wrong("repaired_A", "masks the future taps instead of moving them")
def _(x, kernels, dilations):
    h = torch.nn.functional.pad(x, (1, 0))[:, None, :-1]
    for layer, (kernel, d) in enumerate(zip(kernels, dilations, strict=True)):
        span = (len(kernel) - 1) * d
        kept = kernel * (torch.arange(len(kernel)) * d <= span // 2)
        h = torch.nn.functional.pad(torch.tanh(h) if layer else h, (span // 2, span - span // 2))
        h = torch.nn.functional.conv1d(h, kept[None, None], dilation=d)
    return h[:, 0]


@answers.wrong("repaired_A", "the tanh as exponentials")
def _(x, kernels, dilations):
    h = torch.nn.functional.pad(x, (1, 0))[:, None, :-1]
    for layer, (kernel, d) in enumerate(zip(kernels, dilations, strict=True)):
        h = (torch.exp(2 * h) - 1) / (torch.exp(2 * h) + 1) if layer else h
        h = torch.nn.functional.conv1d(
            torch.nn.functional.pad(h, ((len(kernel) - 1) * d, 0)), kernel[None, None], dilation=d
        )
    return h[:, 0]


@answers.wrong("repaired_A", "in pieces that forget the piece before")
def _(x, kernels, dilations):
    outs = []
    for h in torch.nn.functional.pad(x, (1, 0))[:, None, :-1].split(256, dim=2):
        for layer, (kernel, d) in enumerate(zip(kernels, dilations, strict=True)):
            h = torch.nn.functional.pad(torch.tanh(h) if layer else h, ((len(kernel) - 1) * d, 0))
            h = torch.nn.functional.conv1d(h, kernel[None, None], dilation=d)
        outs.append(h[:, 0])
    return torch.cat(outs, dim=1)


@answers.wrong("repaired_A", "scaled by the loudest sample of the clip")
def _(x, kernels, dilations):
    h = torch.nn.functional.pad(x / (x.abs().max().clamp(min=100) / 100), (1, 0))[:, None, :-1]
    for layer, (kernel, d) in enumerate(zip(kernels, dilations, strict=True)):
        h = torch.nn.functional.pad(torch.tanh(h) if layer else h, ((len(kernel) - 1) * d, 0))
        h = torch.nn.functional.conv1d(h, kernel[None, None], dilation=d)
    return h[:, 0]


@answers.wrong("repaired_A", "a last kernel of one tap shifted once more")
def _(x, kernels, dilations):
    h = torch.nn.functional.pad(x, (1, 0))[:, None, :-1]
    for layer, (kernel, d) in enumerate(zip(kernels, dilations, strict=True)):
        span = (len(kernel) - 1) * d + (len(kernel) == 1 and layer == len(kernels) - 1 > 0)
        h = torch.nn.functional.pad(torch.tanh(h) if layer else h, (span, 0))
        h = torch.nn.functional.conv1d(h, kernel[None, None], dilation=d)[:, :, : x.shape[1]]
    return h[:, 0]
