"""What a frame looks like from afar, as 64 bits, and which of many look alike. Knows no record; alike is not the same.

The perceptual hash of C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), as the package imagehash
computes it: grey, 32 x 32, cosine transform, of its 8 x 8 lowest frequencies which lie above their median. So two frames always differ
in an even number of bits, and two that have nothing in common in some 32.
"""

from __future__ import annotations

import io
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE, KEPT = 32, 8  # pixels of the reduced picture; lowest frequencies in each direction
BITS = KEPT * KEPT
_BANDS = 4  # of 16 bits
_WIDTH = BITS // _BANDS
_FEW = 20_000_000  # comparisons that are quicker made one by one than by bands
_BLOCK = 2_000_000  # comparisons in memory at a time

Prints = NDArray[np.uint64]


def phash(content: bytes) -> int:
    """The 64 bits of a picture that is upright already (a preview of ours), the lowest frequency first, as a number below 2**64.

    >>> out = io.BytesIO()
    >>> Image.linear_gradient("L").save(out, "PNG")
    >>> f"{phash(out.getvalue()):016x}"
    '8000800080008000'
    """
    from scipy.fft import dctn

    with Image.open(io.BytesIO(content)) as picture:
        small = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    lowest = dctn(np.asarray(small, dtype=np.float64), type=2)[:KEPT, :KEPT]
    bits = np.packbits((lowest > np.median(lowest)).ravel())
    return int.from_bytes(bits.tobytes(), "big")


def signed(phash: int) -> int:
    """The same 64 bits as a database keeps them, -2**63 .. 2**63 - 1.

    >>> signed(2**64 - 1), signed(5)
    (-1, 5)
    """
    return phash - (1 << BITS) if phash >= 1 << (BITS - 1) else phash


def of_signed(numbers: object) -> Prints:
    """Numbers out of a database as prints again.

    >>> of_signed([-1, 5]).tolist() == [2**64 - 1, 5]
    True
    """
    return np.asarray(numbers, dtype=np.int64).view(np.uint64)


def distances(one: int, others: Prints) -> NDArray[np.uint8]:
    """In how many bits each of the others differs from one.

    >>> distances(0b101, of_signed([0b101, 0b100, 0b010])).tolist()
    [0, 1, 3]
    """
    apart: NDArray[np.uint8] = np.bitwise_count(others ^ np.uint64(one))
    return apart


def near(some: Prints, others: Prints, within: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Every pair (row of `some`, row of `others`, its distance) that differs in at most `within` bits, by row of `some`, then of `others`. Exact.

    Many are looked up by multi-index hashing (M. Norouzi et al., "Fast Exact Search in Hamming Space with Multi-Index Hashing", 2014): of four
    bands of 16 bits at least one differs in no more than a quarter of the bits, so only what is that near in a band is compared.
    """
    if len(some) * len(others) <= _FEW or within > 2 * _BANDS + _BANDS - 1:
        found = _one_by_one(some, others, within)
    else:
        found = _by_bands(some, others, within)
    left, right = found
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    return left, right, np.bitwise_count(some[left] ^ others[right])


def _one_by_one(some: Prints, others: Prints, within: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    at_once = max(1, _BLOCK // max(1, len(others)))
    parts = []
    for begin in range(0, len(some), at_once):
        left, right = np.nonzero(np.bitwise_count(some[begin : begin + at_once, None] ^ others[None, :]) <= within)
        parts.append((left + begin, right))
    return _joined(parts)


def _by_bands(some: Prints, others: Prints, within: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    parts = []
    turned = [sum(1 << bit for bit in bits) for n in range(within // _BANDS + 1) for bits in combinations(range(_WIDTH), n)]
    for band in range(_BANDS):
        shift = np.uint64(band * _WIDTH)
        mine = ((some >> shift) & np.uint64(0xFFFF)).astype(np.uint16)
        theirs = ((others >> shift) & np.uint64(0xFFFF)).astype(np.uint16)
        order = np.argsort(theirs, kind="stable")
        begins = np.searchsorted(theirs[order], np.arange((1 << _WIDTH) + 1))
        for mask in turned:
            parts += _in_bucket(some, others, mine ^ np.uint16(mask), order, begins, within)
    left, right = _joined(parts)
    pairs = np.unique(left * np.int64(len(others)) + right)  # the same pair may be near in several bands
    return pairs // len(others), pairs % len(others)


def _in_bucket(
    some: Prints, others: Prints, keys: NDArray[np.uint16], order: NDArray[np.int64], begins: NDArray[np.int64], within: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Of each print the others with its key in this band, compared whole; in parts, so that a crowded bucket does not fill the memory."""
    many = begins[keys.astype(np.int64) + 1] - begins[keys]
    ends = np.cumsum(many)
    parts = []
    first = 0
    while first < len(some):
        done = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + _BLOCK, side="right")))
        count = many[first:last]
        left = np.repeat(np.arange(first, last), count)
        within_bucket = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count)
        right = order[np.repeat(begins[keys[first:last]], count) + within_bucket]
        alike = np.bitwise_count(some[left] ^ others[right]) <= within
        parts.append((left[alike], right[alike]))
        first = last
    return parts


def _joined(parts: list[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    nothing = np.zeros(0, np.int64)
    return np.concatenate([nothing, *(left for left, _ in parts)]), np.concatenate([nothing, *(right for _, right in parts)])
