"""What agrees in a saved case and in what was computed again."""

import math

import numpy as np
import pytest
import torch

from napari_recon_robust.cases.checks import _near, agree


@pytest.mark.parametrize(
    ("saved", "new", "expected"),
    [
        (2.0, 2.0019, True),
        (2.0, 2.0022, False),
        (-2.0, 2.0, False),
        (3, 3.0, True),
        (math.nan, math.nan, True),
        (math.nan, 0.0, False),
        (True, False, False),
        (True, 1.0005, False),
        ("a", "a", True),
        (None, 0.0, False),
        (1.0, None, False),
        ([1.0, 2.0], (1.0, 2.0), True),
        ([1.0], [1.0, 2.0], False),
        ({"a": [1, {"b": 2.0}]}, {"a": [1, {"b": 2.001}]}, True),
        ({"a": [1, {"b": 2.0}]}, {"a": [1, {"b": 2.1}]}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
    ],
)
def test_trees_agree_where_all_numbers_do_to_a_thousandth(saved, new, expected):
    assert agree(saved, new) is expected


def test_images_agree_to_a_thousandth_of_the_largest_value():
    """So do samples; masks agree at every point, and shapes and kinds of numbers are never others."""
    image = torch.tensor([[0.0, 4.0], [1.0, -2.0]])
    nearly, off = (torch.tensor([[0.0, 4.0], [1.0, -2.0 + 4 * step]]) for step in (0.0009, 0.0011))
    assert _near(image, nearly)
    assert not _near(image, off)
    assert _near(image.to(torch.complex64), nearly.to(torch.complex64))
    assert not _near(image.to(torch.complex64), 1j * image)
    assert not _near(image, image[:1])
    assert not _near(image, image.double())
    mask = torch.from_numpy(np.eye(40, dtype=bool))
    assert _near(mask, mask.clone())
    assert not _near(mask, mask ^ (torch.arange(1600).view(40, 40) == 7))
