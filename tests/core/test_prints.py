"""Perceptual hashes: small changes leave them as they are, other scenes do not, and neighbours are found exactly however many there are."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from core.frames import preview
from core.prints import _by_bands, _one_by_one, distances, near, of_signed, phash, signed
from core.settings import ASSETS
from tests.makers import encoded

SAMPLES = sorted((ASSETS / "samples").glob("*.jpg"))


def opened(number: int) -> Image.Image:
    return Image.open(io.BytesIO(preview(SAMPLES[number].read_bytes(), 320)))


def apart(one: Image.Image, other: Image.Image) -> int:
    return int(distances(phash(encoded(one)), of_signed([signed(phash(encoded(other)))]))[0])


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: picture.resize((240, 180)),
        lambda picture: ImageEnhance.Brightness(picture).enhance(1.15),
        lambda picture: picture.convert("L").convert("RGB"),
    ],
    ids=["smaller", "brighter", "grey"],
)
def test_the_same_scene_keeps_its_print(change: object) -> None:
    assert apart(opened(0), change(opened(0))) <= 2  # type: ignore[operator]


def test_another_scene_has_another_print() -> None:
    assert apart(opened(0), opened(0).transpose(Image.Transpose.ROTATE_180)) > 20


def test_a_print_goes_through_a_database_unchanged() -> None:
    for number in (0, 1, 2**63 - 1, 2**63, 2**64 - 1):
        assert of_signed([signed(number)]).tolist() == [number]
        assert -(2**63) <= signed(number) < 2**63


@pytest.mark.parametrize("within", [0, 2, 5, 10])
def test_bands_find_the_same_pairs_as_looking_at_each(within: int) -> None:
    dice = np.random.default_rng(within)
    some = dice.integers(0, 2**63, 400, dtype=np.uint64)
    others = np.concatenate([dice.integers(0, 2**63, 300, dtype=np.uint64), some[:300]])
    for _ in range(within):  # neighbours at every distance up to the one that is asked, and beyond
        others[300:] ^= np.uint64(1) << dice.integers(0, 64, 300, dtype=np.uint64)
    others[:50] = others[0]  # a crowd
    banded, plain = _by_bands(some, others, within), _one_by_one(some, others, within)
    assert sorted(zip(*(each.tolist() for each in banded), strict=True)) == sorted(zip(*(each.tolist() for each in plain), strict=True))
    assert len(plain[0])


def test_pairs_come_in_order_with_their_distance() -> None:
    left, right, bits = near(of_signed([0b111, 0]), of_signed([0, 0b1, 0b111]), 2)
    assert list(zip(left.tolist(), right.tolist(), bits.tolist(), strict=True)) == [(0, 1, 2), (0, 2, 0), (1, 0, 0), (1, 1, 1)]
    assert len(near(of_signed([]), of_signed([1]), 2)[0]) == 0
