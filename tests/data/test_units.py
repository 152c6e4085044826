"""The units in which k-space is read, and what cannot be computed with."""

import math

import pytest

from napari_recon_robust.data.units import check_numbers, unit_of
from napari_recon_robust.ground.errors import InputError


@pytest.mark.parametrize(
    ("largest", "exponent"),
    [(0.0, 0), (1e-12, 0), (1.0, 0), (1e12, 0), (9e-13, -80), (1e-22, -80), (1e-36, -80), (2e12, 80), (1e36, 80)],
)
def test_ordinary_numbers_stay_and_others_come_near_one(largest: float, exponent: int) -> None:
    unit = unit_of(largest, "it")
    assert math.log2(unit) == exponent
    if largest:
        check_numbers(largest / unit)


@pytest.mark.parametrize("largest", [1e-37, 2e36, 1e200])
def test_what_single_precision_does_not_represent_is_said(largest: float) -> None:
    with pytest.raises(InputError, match=r"the largest number in slice 3 of x.npy is .*e.* represents 7.5e-37 to 1.3e"):
        unit_of(largest, "slice 3 of x.npy")


@pytest.mark.parametrize(("largest", "words"), [(1e-22, "1.0e-22"), (1e22, "1.0e.22"), (math.nan, "NaN")])
def test_numbers_whose_squares_are_lost_are_refused(largest: float, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_numbers(largest)
