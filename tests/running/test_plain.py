"""Values cross between processes as plain data: the same value comes out, of exact types, and nothing else can come in."""

import json
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from autograder.running.plain import MAX_DEPTH, MAX_TEXT, MAX_VALUES, Opaque, TooLarge, decode, dumps, encode


def across(value, function=None):
    return decode(json.loads(dumps(value)), function)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(2**3000),
        0.1,
        -0.0,
        math.inf,
        "é\n",
        1 + 2j,
        b"\0x",
        ...,
        [],
        [1, [2.5, "a"]],
        (1, ()),
        {1, 2},
        {"a": (1,), 2: None},
    ],
    ids=repr,
)
def test_plain_values_come_out_as_they_went_in(value):
    result = across(value)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    "kind", ["float64", "float32", "float16", "int64", "int8", "uint8", "bool", "complex128", ">f8"]
)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_arrays(kind, shape):
    array = np.asarray(np.arange(math.prod(shape)).reshape(shape) % 2).astype(kind)
    result = across(array)
    assert type(result) is np.ndarray
    assert (result.shape, result.dtype.kind, result.dtype.itemsize) == (
        array.shape,
        array.dtype.kind,
        array.dtype.itemsize,
    )
    assert np.array_equal(result, array)
    assert result.flags.writeable


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.bfloat16, torch.int64, torch.bool])
@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_tensors(kind, shape):
    tensor = (torch.arange(math.prod(shape)).reshape(shape) % 2).to(kind)
    result = across(tensor)
    assert type(result) is torch.Tensor
    assert result.dtype == kind
    assert torch.equal(result, tensor)
    across(torch.ones(2, 3, requires_grad=True).T).add_(1)


def test_a_slice_of_one_number_arrives():
    assert across(torch.tensor([[[1.0, 2.0]]])[:, :, -1]).tolist() == [[2.0]]


def test_numpy_scalars_keep_their_type():
    assert type(across(np.float32(1.5))) is np.float32
    assert type(across(np.bool_(True))) is np.bool_


def test_subclasses_arrive_as_what_they_pretend_to_be():
    class Yes(float):
        def __eq__(self, other):
            return True

        __hash__ = float.__hash__

    class Sly(np.ndarray):
        pass

    class Words(str):
        def __len__(self):
            return 0

    assert across(Yes(2.0)) != 3
    assert type(across(Yes(2.0))) is float
    assert type(across(np.zeros(2).view(Sly))) is np.ndarray
    assert type(across(Words("abc"))) is str


def test_exact_numbers_arrive_as_floats():
    for value in (Fraction(3, 25), Decimal("0.12")):
        assert type(across(value)) is float and across(value) == 0.12
    assert across(Decimal("-inf")) == -np.inf
    assert isinstance(across(Fraction(10) ** 400), Opaque)


def test_other_objects_arrive_as_a_name_only():
    for value in (object(), iter([]), np.array([object()]), int, type("Evil" * 100, (), {})()):
        result = across(value)
        assert type(result) is Opaque
        assert len(repr(result)) < 100


def test_functions_cross_by_name_where_they_may():
    assert decode(encode(len, lambda f: "7"), lambda name: ("called", name)) == ("called", "7")
    assert type(across(len)) is Opaque


def test_nan_is_nan():
    assert math.isnan(across(math.nan))
    assert np.isnan(across(np.array([np.nan, 1.0]))[0])


def test_too_large_and_too_deep_are_refused():
    deep: list = []
    for _ in range(MAX_DEPTH + 2):
        deep = [deep]
    for value in (deep, np.zeros(10**8, dtype=np.int8), "x" * (33 * 2**20), 2**100_000):
        with pytest.raises(TooLarge):
            encode(value)
    endless: list = []
    endless.append(endless)
    with pytest.raises(TooLarge):
        encode(endless)


@pytest.mark.parametrize(
    "data",
    [
        "x" * (MAX_TEXT + 1),
        ["x" * MAX_TEXT, *[""] * 400_000],
        {"text array": ["x" * MAX_TEXT, *[""] * 400_000]},
        {"tuple": [["x" * MAX_TEXT, 0]] * 200_000},
        {"dict": [["x" * MAX_TEXT, 1]] * 40_000},
        [0] * (MAX_VALUES + 1),
    ],
    ids=range(6),
)
def test_what_is_too_large_to_send_is_too_large_to_take(data):
    with pytest.raises(TooLarge):
        decode(data)


def test_a_text_that_lies_about_its_length_is_too_large():
    class Short(str):
        def __len__(self):
            return 0

    for value in (Short("x" * (MAX_TEXT + 1)), np.array(["x" * 100_000, *[""] * 400])):
        with pytest.raises(TooLarge):
            encode(value)
    assert across(np.array([["ab", "c"], ["", "d"]])).tolist() == [["ab", "c"], ["", "d"]]


@pytest.mark.parametrize(
    "data",
    [
        {"float": "1" * 10**6},
        {"array": "AAAA", "dtype": "<f8", "shape": [1]},
        {"array": "AAAAAAAAAAA=", "dtype": "|O8", "shape": [1]},
        {"array": "AAAAAAAAAAA=", "dtype": "<f8", "shape": [-1]},
        {"array": "AAAAAAAAAAA=", "dtype": "<f8", "shape": [10**12]},
        {"array": 5},
        {"tensor": "AAAA", "dtype": "nothing", "shape": []},
        {"tensor": "AAAA", "dtype": "float32", "shape": [7]},
        {"scalar": {"array": "", "dtype": "<f8", "shape": []}},
        {"set": [[1]]},
        {"dict": [[[1], 2]]},
        {"dict": 3},
        {"float": "one"},
        {"float": [1]},
        {"complex": ["1"]},
        {"bytes": "*"},
        {"tuple": None},
    ],
    ids=repr,
)
def test_malformed_data_is_a_value_error(data):
    with pytest.raises(ValueError, match=r"."):
        decode(data)
