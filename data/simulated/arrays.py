"""Small tools for columns: drawing, stacking, and writing text and money as Arrow arrays without loops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

Columns = dict[str, np.ndarray]


def draw(rng: np.random.Generator, cumulated: np.ndarray, size: int) -> np.ndarray:
    """Positions drawn with the probabilities whose running sum is given."""
    return np.minimum(np.searchsorted(cumulated, rng.random(size), side="right"), len(cumulated) - 1)


def pick(rng: np.random.Generator, shares: tuple[Sequence[float], Sequence[float]], second: np.ndarray) -> np.ndarray:
    """Positions drawn from the first shares, or from the second where flagged."""
    value = rng.random(len(second))
    low, high = (np.searchsorted(np.cumsum(share)[:-1], value, side="right") for share in shares)
    return np.where(second, high, low)


def daytime(rng: np.random.Generator, size: int) -> np.ndarray:
    """A moment of the day, as a fraction: mostly in the afternoon, none at night."""
    return rng.triangular(0.27, 0.62, 0.95, size)


def ranges(begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """begin[0] … end[0]-1, begin[1] … end[1]-1, and so on, as one array."""
    count = end - begin
    return np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(begin, count)


def stack_rows(parts: list[Columns]) -> Columns:
    """The parts one below the other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def take(columns: Columns, rows: np.ndarray) -> Columns:
    """The columns at these rows."""
    return {name: values[rows] for name, values in columns.items()}


def numbers(block: int, count: int) -> np.ndarray:
    """Running numbers of a block, far enough from those of the others."""
    return block * 10_000_000 + np.arange(1, count + 1)


def text(prefix: str, number: np.ndarray, width: int) -> pa.Array:
    """'C' and 42 in width 7 become 'C0000042'; all of one array are equally wide. Built as bytes: it is 20 × faster."""
    width = max(width, len(str(int(number.max(initial=0)))))
    letters = np.empty((len(number), len(prefix) + width), dtype=np.uint8)
    letters[:, : len(prefix)] = np.frombuffer(prefix.encode(), dtype=np.uint8)
    letters[:, len(prefix) :] = number[:, None] // 10 ** np.arange(width - 1, -1, -1) % 10 + ord("0")
    ends = np.arange(len(number) + 1, dtype=np.int32) * letters.shape[1]
    return pa.StringArray.from_buffers(len(number), pa.py_buffer(ends), pa.py_buffer(letters))


def label(names: Sequence[str] | pa.Array, position: np.ndarray, known: np.ndarray | None = None) -> pa.Array:
    """The names at the positions; nothing where the position is negative or not known."""
    missing = position < 0 if known is None else (position < 0) | ~known
    names = names if isinstance(names, pa.Array) else pa.array(names)
    return pa.DictionaryArray.from_arrays(pa.array(position.astype(np.int32), mask=missing), names)


def decimals(cents: np.ndarray, known: np.ndarray | None = None) -> pa.Array:
    """Exact DECIMAL(18,4) from whole cents: 128-bit little-endian integers, written without passing through floats."""
    words = np.empty((len(cents), 2), dtype=np.int64)
    words[:, 0] = cents * 100
    words[:, 1] = words[:, 0] >> 63
    valid = None if known is None else pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.Array.from_buffers(pa.decimal128(18, 4), len(cents), [valid, pa.py_buffer(words)])
