"""Values as plain text: how arguments and results cross between the trusted process and a student's.

Numbers, text, containers, numpy arrays and torch tensors become JSON and come back as exactly these types, built anew.
Nothing is ever unpickled, and no class of the sender's reaches the receiver: a number that claims to equal everything
arrives as a number, a `Fraction` or `Decimal` as a float. What is none of these arrives as `Opaque`, which equals
nothing; a function arrives as whatever the receiver's `function` makes of its name, so that it can be called back.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import torch

MAX_CHARACTERS = 32 * 2**20
MAX_DEPTH = 40
# Lists of lists and the like: how many values one message may hold. An array is one.
MAX_VALUES = 4_000_000
# One text: what looks at it, to normalise or match it, may take time that grows with its square.
MAX_TEXT = 10_000
# numpy makes every text of a table as long as the longest: how many characters that may come to.
MAX_PADDED = 64 * 2**20
_CHARACTERS_PER_VALUE = MAX_CHARACTERS // MAX_VALUES + 1
_SHORT, _NUMBERS = 2**63, {int, float}
_ARRAYS = "biufc"
_TENSORS = {
    str(t).removeprefix("torch."): t
    for t in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128,
        torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
    )
}  # fmt: skip


class TooLarge(ValueError):
    """A value is too large or too deep to cross."""


class Budget:
    """What one message may still hold. Both sides count alike: neither trusts that the other did."""

    def __init__(self) -> None:
        self.characters = MAX_CHARACTERS
        self.values, self.longest = 0, 1

    def spend(self, characters: int) -> None:
        """Raise TooLarge when it is used up."""
        self.characters -= characters
        if self.characters < 0:
            raise TooLarge(f"it is larger than {MAX_CHARACTERS // 2**20} MB")

    def text(self, length: int) -> None:
        """Count a text."""
        if length > MAX_TEXT:
            raise TooLarge(f"it holds a text of {length:,} characters, and {MAX_TEXT:,} may cross")
        self.spend(length)
        self.longest = max(self.longest, length)
        self._pad()

    def items(self, number: int, cost: int = 1) -> None:
        """Count the items of a container, or pairs that cost as much as several."""
        self.spend(number * cost * _CHARACTERS_PER_VALUE)
        self.values += number
        self._pad()

    def _pad(self) -> None:
        if self.values * self.longest > MAX_PADDED:
            raise TooLarge("as a table of texts it would be larger than what may cross")


class Opaque:
    """Stands for a value that is not plain data; `kind` is the name of its type where it came from."""

    def __init__(self, kind: str):
        self.kind = kind

    def __repr__(self) -> str:
        return f"<{self.kind} object>"


def encode(value: Any, function: Callable[[Any], str] | None = None) -> Any:
    """The value as something `json.dumps` takes. `function` names a callable, if callables may cross.

    Raises TooLarge beyond MAX_DEPTH levels, MAX_CHARACTERS, or MAX_TEXT in one text.
    """
    return _encode(value, function, MAX_DEPTH, Budget())


def dumps(value: Any, function: Callable[[Any], str] | None = None) -> str:
    """`encode` as a JSON text."""
    return json.dumps(encode(value, function))


def decode(data: Any, function: Callable[[str], Any] | None = None) -> Any:
    """The value that `encode` was given, of exact types. Raises ValueError for data that `encode` cannot have made."""
    try:
        return _decode(data, function, MAX_DEPTH, Budget())
    except (KeyError, TypeError, IndexError, AttributeError, OverflowError, RuntimeError) as error:
        raise ValueError(f"not plain data: {type(error).__name__}") from None


def _encode(value: Any, function: Callable[[Any], str] | None, depth: int, budget: Budget) -> Any:
    if depth < 0:
        raise TooLarge(f"it is nested more than {MAX_DEPTH} deep")
    if value is None or value is True or value is False:
        return value
    kind = type(value)
    if (kind is int and -_SHORT < value < _SHORT) or (kind is float and -math.inf < value < math.inf):
        return value
    if isinstance(value, np.generic):
        # Before int, float and complex: numpy's scalars are subclasses of some of them.
        return {"scalar": _encode(np.asarray(value), function, depth, budget)}
    if isinstance(value, int):
        number = int.__int__(value)
        if number.bit_length() > 12_000:
            raise TooLarge(f"it is an integer of {number.bit_length()} bits")
        return number
    if isinstance(value, float):
        return (
            {"float": float.__repr__(value)}
            if value != value or value in (float("inf"), float("-inf"))
            else float.__float__(value)
        )
    if isinstance(value, (Fraction, Decimal)):
        try:
            return _encode(float.__float__(float(value)), function, depth - 1, budget)
        except (OverflowError, ValueError):
            return {"opaque": f"{type(value).__name__[:60]} without a float near it"}
    if isinstance(value, str):
        budget.text(str.__len__(value))
        return str.__str__(value)
    if isinstance(value, complex):
        return {"complex": [repr(value.real), repr(value.imag)]}
    if isinstance(value, (bytes, bytearray)):
        budget.spend(2 * len(value))
        return {"bytes": base64.b64encode(bytes(value)).decode()}
    if value is ...:
        return {"ellipsis": True}
    if isinstance(value, np.ndarray):
        array = np.asarray(value)
        if array.dtype.kind == "U":
            budget.spend(array.nbytes // 4)
            return {"text array": _encode(array.tolist(), function, depth - 1, budget)}
        if array.dtype.kind not in _ARRAYS:
            return {"opaque": f"ndarray of {array.dtype}"}
        budget.spend(2 * array.nbytes)
        array = np.ascontiguousarray(array).reshape(array.shape)
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        return {
            "array": base64.b64encode(little.tobytes()).decode(),
            "dtype": little.dtype.str,
            "shape": list(array.shape),
        }
    if isinstance(value, torch.Tensor):
        tensor = value.detach().cpu()
        name = str(tensor.dtype).removeprefix("torch.")
        if name not in _TENSORS or tensor.layout != torch.strided:
            return {"opaque": f"tensor of {name}"}
        budget.spend(2 * tensor.numel() * tensor.element_size())
        # A slice with one number in it keeps the strides of the whole, as far as torch cares, until it is cloned.
        flat = tensor.clone(memory_format=torch.contiguous_format).reshape(-1)
        raw = flat.view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
        return {"tensor": base64.b64encode(raw).decode(), "dtype": name, "shape": list(tensor.shape)}
    for kind, tag in ((list, None), (tuple, "tuple"), (set, "set"), (frozenset, "set"), (range, None)):
        if isinstance(value, kind):
            budget.items(kind.__len__(value))  # type: ignore[arg-type]
            if type(value) is kind and _all_short(value):
                return list(value) if tag is None else {tag: list(value)}
            items = [_encode(item, function, depth - 1, budget) for item in kind.__iter__(value)]  # type: ignore[arg-type]
            return items if tag is None else {tag: items}
    if isinstance(value, dict):
        budget.items(dict.__len__(value), cost=4)  # key, value, and the pair they are
        coded = [
            (_encode(k, function, depth - 1, budget), _encode(v, function, depth - 1, budget))
            for k, v in dict.items(value)
        ]
        return {"dict": [list(pair) for pair in coded]}
    if callable(value) and function is not None:
        return {"function": function(value)}
    return {"opaque": type(value).__name__[:60]}


def _all_short(values: Any) -> bool:
    """Whether all of these are numbers that JSON takes as they are: most long lists hold nothing else."""
    return set(map(type, values)) <= _NUMBERS and sum(map(abs, values)) < _SHORT  # NaN is not.


def _decode(data: Any, function: Callable[[str], Any] | None, depth: int, budget: Budget) -> Any:
    if depth < 0:
        raise ValueError("nested too deeply")
    if data is None or type(data) in (bool, int, float):
        return data
    if type(data) is str:
        budget.text(len(data))
        return data

    def items(values: Any, cost: int = 1) -> Any:
        budget.items(len(values), cost)
        return values

    if type(data) is list:
        if set(map(type, data)) <= _NUMBERS:
            return list(items(data))
        return [_decode(item, function, depth - 1, budget) for item in items(data)]
    if "array" in data:
        return _array(data)
    if "tensor" in data:
        kind = _TENSORS[data["dtype"]]
        shape = _shape(data["shape"])
        raw = bytearray(base64.b64decode(data["tensor"], validate=True))
        # A byte that is neither 0 nor 1 makes a boolean that is neither true nor false.
        sent = torch.uint8 if kind == torch.bool else kind
        flat = torch.frombuffer(raw, dtype=sent) if raw else torch.empty(0, dtype=sent)
        return (flat != 0 if kind == torch.bool else flat).reshape(shape)
    if "scalar" in data:
        return _array(data["scalar"])[()]
    if "float" in data:
        return _float(data["float"])
    if "complex" in data:
        return complex(_float(data["complex"][0]), _float(data["complex"][1]))
    if "tuple" in data:
        return tuple(_decode(item, function, depth - 1, budget) for item in items(data["tuple"]))
    if "set" in data:
        return {_decode(item, function, depth - 1, budget) for item in items(data["set"])}
    if "dict" in data:
        return {
            _decode(k, function, depth - 1, budget): _decode(v, function, depth - 1, budget)
            for k, v in items(data["dict"], cost=4)
        }
    if "bytes" in data:
        return base64.b64decode(data["bytes"], validate=True)
    if "text array" in data:
        return np.asarray(_decode(data["text array"], function, depth - 1, budget), dtype=str)
    if "ellipsis" in data:
        return ...
    if "function" in data and function is not None:
        return function(str(data["function"]))
    return Opaque(str(data.get("opaque", "function"))[:60])


def _float(text: Any) -> float:
    if type(text) is not str or len(text) > 60:
        raise ValueError("not a number")
    return float(text)


def _array(data: dict[str, Any]) -> np.ndarray:
    kind = np.dtype(str(data["dtype"])[:10])
    if kind.kind not in _ARRAYS:
        raise ValueError(f"arrays of {kind} do not cross")
    flat = np.frombuffer(base64.b64decode(data["array"], validate=True), dtype=np.uint8 if kind == np.bool_ else kind)
    native = flat != 0 if kind == np.bool_ else flat.astype(kind.newbyteorder("="))
    return native.reshape(_shape(data["shape"]))


def _shape(shape: Any) -> tuple[int, ...]:
    if type(shape) is not list or len(shape) > 32 or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("not a shape")
    return tuple(shape)
