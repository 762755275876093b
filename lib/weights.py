"""The trained models that the lessons load, and how they are kept: `data/weights/NAME.safetensors`.

A file holds the model's tensors and, in its header, how to build the model and how it was trained. Weights are kept at
half precision, and those that a mask cuts are not kept at all. How each was trained: `data/make_weights.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from lib import data
from lib.models.any_order import AnyOrder
from lib.models.bernoulli import Bernoulli
from lib.models.colour_pixelcnn import ColourPixelCNN
from lib.models.digit_listener import DigitListener
from lib.models.fvsbn import FVSBN
from lib.models.gated_pixelcnn import GatedPixelCNN
from lib.models.gpt import GPT
from lib.models.made import MADE
from lib.models.mixture import Mixture
from lib.models.nade import NADE
from lib.models.pixel_gpt import PixelGPT
from lib.models.pixelcnn import PixelCNN
from lib.models.recurrent import RecurrentLM
from lib.models.unrolled_wavenet import UnrolledWaveNet
from lib.models.wavenet import WaveNet

NAMES = (
    "bernoulli",
    "fvsbn",
    "nade",
    "made",
    "made_static",
    "orders",
    "patch_pixelcnn",
    "gated_pixelcnn",
    "colour_pixelcnn",
    "independent_colours",
    "wavenet",
    "digit_listener",
    "names_gpt",
    "in_context",
    "shakespeare_gpt",
    "wavenet_recorded",
    "pixel_gpt",
    "any_order",
    "wavenet_vocoder",
    "wavenet_digits",
)
MODELS = (
    Bernoulli,
    FVSBN,
    NADE,
    MADE,
    PixelCNN,
    GatedPixelCNN,
    ColourPixelCNN,
    WaveNet,
    UnrolledWaveNet,
    DigitListener,
    RecurrentLM,
    GPT,
    PixelGPT,
    AnyOrder,
)
CLASSES = {model.__name__: model for model in MODELS}


def load(name: str, folder: Path | str | None = None) -> Any:
    """A trained model, ready to score and to sample (`eval` mode, float32).

    Parameters
    ----------
    name : one of `NAMES`. folder : where the data lie; the repository's `data/` if absent.

    Raises
    ------
    ValueError : no such model, or a file that is not the one shipped. FileNotFoundError : no such file.
    """
    if name not in NAMES:
        raise ValueError(f"no trained model {name!r}; expected one of {', '.join(NAMES)}")
    return unpack(data.read(f"weights/{name}.safetensors", folder))


def about(name: str, folder: Path | str | None = None) -> dict[str, Any]:
    """How a model was trained: its recipe, minutes, hardware and NLL, from the header of its file."""
    return json.loads(header(data.read(f"weights/{name}.safetensors", folder))["about"])


def pack(model: Any, about: dict[str, Any]) -> bytes:
    """A model as the bytes of a safetensors file; `about` tells how it was trained."""
    masks = model.kept() if hasattr(model, "kept") else {}
    tensors = {
        key: (value[masks[key]] if key in masks else value).half().contiguous()
        for key, value in model.state_dict().items()
    }
    settings = {"class": type(model).__name__, **model.settings}
    return safetensors.torch.save(tensors, {"settings": json.dumps(settings), "about": json.dumps(about)})


def unpack(content: bytes) -> Any:
    """The model that `pack` packed. Raises ValueError if these are not such bytes."""
    try:
        tensors = safetensors.torch.load(content)
        model = build(json.loads(header(content)["settings"]))
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise ValueError(f"not the weights of a model of this course: {error}") from None
    masks = model.kept() if hasattr(model, "kept") else {}
    state = {}
    for key, value in model.state_dict().items():
        state[key] = tensors[key].to(value.dtype)
        if key in masks:
            state[key] = torch.zeros_like(value).masked_scatter(masks[key], state[key])
    model.load_state_dict(state)
    return model.eval()


def build(settings: dict[str, Any]) -> Any:
    """An untrained model from its `settings` and the name of its class."""
    settings = dict(settings)
    kind = settings.pop("class")
    if kind == "Mixture":
        return Mixture([build(member) for member in settings["members"]])
    return CLASSES[kind](**settings)


def header(content: bytes) -> dict[str, str]:
    """The text that a safetensors file carries beside its tensors."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]).get("__metadata__", {})


def n_kept(model: Any) -> int:
    """How many numbers the model has learned: its parameters, without the weights that masks cut."""
    masks: dict[str, Tensor] = model.kept() if hasattr(model, "kept") else {}
    return sum(int(masks[key].sum()) if key in masks else p.numel() for key, p in model.named_parameters())
