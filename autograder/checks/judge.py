"""How checks call a student's function and compare what it returns.

Everything is by value: arguments are copied on the way in, results are rebuilt as plain arrays and numbers on the way
out, and any container or framework will do (list, tuple, numpy, torch, float32 or float64). Every failure is one
sentence that starts with the exercise's name.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from lib.byhand import typed

__tracebackhide__ = True  # Students read the sentence, not these frames.

_for_whom = ""


@contextlib.contextmanager
def cases_for(whom: str) -> Iterator[None]:
    """Within it, `rng` and `torch_rng` draw the cases of this submission: others are judged on others, it on the same again.

    A function can print the arguments it is given, and feedback shows that to whoever handed it in: what they print is of
    no use to anybody else. `whom` names student and lesson; "" are the cases that `autograder checks` shows first.
    """
    global _for_whom
    before, _for_whom = _for_whom, whom
    try:
        yield
    finally:
        _for_whom = before


def rng(stream: int) -> np.random.Generator:
    """The generator that a check draws its cases from: `stream` tells the checks of a lesson apart."""
    return np.random.default_rng(_seed(stream))


def torch_rng(stream: int) -> torch.Generator:
    """`rng` for tensors."""
    return torch.Generator().manual_seed(_seed(stream))


def _seed(stream: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{_for_whom}/{stream}".encode()).digest()[:7], "big")


# float32 answers are right answers: compare as loosely as float32 arithmetic over a few hundred terms demands, and no
# looser. A tolerance that only grew with the number would be half a nat at -5000, more than ln 4 - ln 3: beyond
# CAP it stays what float32 cannot do better.
RTOL, ATOL, CAP, FLOAT32 = 1e-4, 1e-5, 0.02, 1e-5


class Elsewhere:
    """A student's function in another process: it gets copies anyway, and is best asked about many cases at once."""

    def each(self, cases: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, bool]]:
        """For each case, a list of arguments: the result, and whether the function changed an argument in place."""
        raise NotImplementedError


def call(name: str, function: Callable[..., Any], *arguments: Any, shown: str | None = None) -> Any:
    """Call the student's function on copies of the arguments and return a copy of its result.

    Raises AssertionError if the function is not one, raises, prints warnings to no harm, or changes an argument in
    place. NotImplementedError (not attempted yet) passes through unchanged.
    `shown` describes the arguments in messages; by default they are summarised.
    """
    __tracebackhide__ = True
    return next(calls(name, function, [arguments], None if shown is None else [shown]))


def calls(
    name: str, function: Callable[..., Any], cases: Sequence[Sequence[Any]], shown: Sequence[str] | None = None
) -> Iterator[Any]:
    """`call` for many cases, one after the other: a call into another process costs more than most answers do.

    What one of them raises comes up in its turn, after the results of those before.
    """
    __tracebackhide__ = True
    assert callable(function), f"{name} should be a function, found {type(function).__name__}"
    results = function.each(cases) if isinstance(function, Elsewhere) else _each(function, cases)
    for n, case in enumerate(cases):
        try:
            result, changed = next(results)
        except NotImplementedError:
            raise
        except Exception as error:
            message = (str(error).splitlines() or [""])[0][:200]
            told = f"{name}({_shown(case, shown, n)}) raised {type(error).__name__}: {message}"
            raise AssertionError(told) from error
        assert not changed, f"{name} changed its argument in place; work on a copy instead"
        assert result is not None, f"{name}({_shown(case, shown, n)}) returned None; is a `return` missing?"
        yield result


def _each(function: Callable[..., Any], cases: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, bool]]:
    __tracebackhide__ = True
    for case in cases:
        given = [copy.deepcopy(argument) for argument in case]
        with quiet():
            result = function(*given)
        yield result, not all(_same(before, after) for before, after in zip(case, given, strict=True))


def _shown(case: Sequence[Any], shown: Sequence[str] | None, n: int) -> str:
    return ", ".join(summary(argument) for argument in case) if shown is None else shown[n]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Swallow warnings and prints: a `log(0)` warning on stderr must not cost a right answer its points."""
    with (
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


def array(name: str, value: Any, shape: tuple[int, ...] | None = None, what: str = "the result") -> np.ndarray:
    """The value as a float64 array (complex, text, ragged lists and wrong shapes are refused in a sentence)."""
    __tracebackhide__ = True
    try:
        result = np.asarray(_plain(value))
        assert result.dtype.kind in "biuf"
        result = result.astype(np.float64)
    except Exception:
        raise AssertionError(f"{name}: {what} should be numbers, found {summary(value)}") from None
    if shape is not None:
        assert result.shape == tuple(shape), f"{name}: {what} should have shape {tuple(shape)}, found {result.shape}"
    return result


def number(name: str, value: Any, what: str = "the answer") -> float:
    """The value as a float; one-element arrays and tensors count as numbers."""
    __tracebackhide__ = True
    if isinstance(value, str):
        raise AssertionError(f"{name}: {what} should be a number, found the text {value!r}; leave out the quotes")
    result = array(name, value, what=what)
    assert result.size == 1, f"{name}: {what} should be one number, found shape {result.shape}"
    return float(result.reshape(()))


def integers(name: str, value: Any, shape: tuple[int, ...] | None = None, what: str = "the result") -> np.ndarray:
    """The value as an int64 array; whole floats count as integers."""
    __tracebackhide__ = True
    result = array(name, value, shape, what)
    assert np.isfinite(result).all() and (result == np.round(result)).all(), f"{name}: {what} should be whole numbers"
    return result.astype(np.int64)


def near(found: np.ndarray, right: np.ndarray, *, rtol: float = RTOL, atol: float = ATOL) -> bool:
    """Whether all numbers agree within tolerance. An infinity agrees with itself only, NaN with nothing."""
    size = np.abs(right)
    with np.errstate(invalid="ignore"):
        allowed = np.minimum(atol + rtol * size, np.maximum(max(CAP, atol), FLOAT32 * size))
        agree = (found == right) | (np.isfinite(right) & (np.abs(found - right) <= allowed))
    return bool(agree.all())


def close(name: str, found: Any, expected: Any, complaint: str, *, rtol: float = RTOL, atol: float = ATOL) -> None:
    """Raise `NAME: complaint` unless found equals expected within tolerance, shapes included. NaN equals nothing."""
    __tracebackhide__ = True
    expected = np.asarray(_plain(expected), dtype=np.float64)
    got = array(name, found, expected.shape)
    assert not np.isnan(got).any(), f"{name}: the result contains NaN ({complaint})"
    assert near(got, expected, rtol=rtol, atol=atol), f"{name}: {complaint}"


# What likely mistakes would give, each with the sentence that tells it.
Mistakes = Sequence[tuple[Any, str]]


def compare(name: str, found: np.ndarray, right: Any, mistakes: Mistakes, complaint: str) -> None:
    """Unless `found` is right, raise the sentence of the mistake that explains it, or else the complaint."""
    __tracebackhide__ = True
    right = np.asarray(right, dtype=np.float64)
    if found.shape == right.shape and near(found, right):
        return
    assert not np.isnan(found).any(), f"{name}: the result contains NaN ({complaint})"
    for value, sentence in mistakes:
        # On some inputs a mistake makes no difference.
        value = np.asarray(value, dtype=np.float64)
        tells = value.shape != right.shape or not near(value, right, rtol=1e-3, atol=1e-3)
        explains = value.shape == found.shape and near(found, value, rtol=1e-3, atol=1e-3)
        assert not (tells and explains), f"{name}: {sentence}"
    raise AssertionError(f"{name}: {complaint}")


def sequence(name: str, value: Any, length: int, what: str = "the result") -> list[Any]:
    """The value as a list of `length` items (tuples, lists and arrays count)."""
    __tracebackhide__ = True
    assert isinstance(value, (list, tuple, np.ndarray, torch.Tensor)), (
        f"{name}: {what} should be a list, found {summary(value)}"
    )
    assert len(value) == length, f"{name}: {what} should have {length} items, found {len(value)}"
    return list(value)


def pairs(name: str, value: Any) -> set[tuple[int, int]]:
    """A typed list of (output, input) pairs as a set. Any container will do, and a single pair by itself."""
    __tracebackhide__ = True
    if isinstance(value, (set, frozenset)):
        value = sorted(value)
    told = f"{name} should be a list of pairs (output, input), such as [(0, 2), (1, 2)], or [] for none"
    assert isinstance(value, (list, tuple, np.ndarray, torch.Tensor)), f"{told}; found {summary(value)}"
    numbers = integers(name, value, what="the list")
    if numbers.size == 0:
        return set()
    numbers = numbers[None] if numbers.shape == (2,) else numbers
    assert numbers.ndim == 2 and numbers.shape[1] == 2, f"{told}; found {summary(value)}"
    return {(int(t), int(s)) for t, s in numbers}


def leaks(answers: dict[str, Any], right: dict[str, set[tuple[int, int]]]) -> None:
    """Judge a drill: for each program, by the name of its answer, the typed (output, input) pairs that leak."""
    __tracebackhide__ = True
    for name, expected in right.items():
        found = pairs(name, typed(answers[name], name))
        if found == expected:
            continue
        turned = f"{name}: each pair should be (output, input); yours are the other way round"
        assert not expected or found != {(s, t) for t, s in expected}, turned
        # Not a word on how many there are: for a sound program that would be the answer.
        assert found <= expected, f"{name}: a pair that you list is no leak; change its input and watch its output"
        raise AssertionError(f"{name}: a leak is missing; change one input at a time and watch which outputs move")


def summary(value: Any) -> str:
    """A few words for a value: small ones in full, arrays by shape."""
    if isinstance(value, (np.ndarray, torch.Tensor)):
        kind = "array" if isinstance(value, np.ndarray) else "tensor"
        flat = value.tolist() if value.ndim <= 1 and len(value.reshape(-1)) <= 6 else None
        return f"{kind} {np.round(flat, 3).tolist()}" if flat is not None else f"{kind} of shape {tuple(value.shape)}"
    text = repr(value)
    return text if len(text) <= 60 else f"{type(value).__name__} {text[:50]}..."


def random_joint(rng: np.random.Generator, shape: Sequence[int], zeros: int = 0) -> np.ndarray:
    """A random joint distribution, float64 of the given shape, sums to 1, with `zeros` entries exactly 0."""
    joint = rng.gamma(1.0, size=tuple(shape)) + 1e-3
    if zeros:
        joint.flat[rng.choice(joint.size, size=zeros, replace=False)] = 0.0
    return joint / joint.sum()


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    if isinstance(value, np.ndarray) and value.dtype == object:
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    # Exact numbers are numbers too, and numpy would make objects of them.
    if isinstance(value, (Fraction, Decimal)):
        return float(value)
    return value


def _same(a: Any, b: Any) -> bool:
    # NaN in an argument is left alone if it is NaN again.
    if isinstance(a, torch.Tensor):
        alike = isinstance(b, torch.Tensor) and a.shape == b.shape and a.dtype == b.dtype
        return alike and bool(((a == b) | ((a != a) & (b != b))).all())
    if isinstance(a, np.ndarray):
        alike = isinstance(b, np.ndarray) and a.shape == b.shape and a.dtype == b.dtype
        return alike and bool(((a == b) | ((a != a) & (b != b))).all())
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    return callable(a) or bool(a == b)
