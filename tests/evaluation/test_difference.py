import numpy as np
import pytest

from napari_recon_robust.evaluation.difference import DIVERGING, coloured, difference, gain


def test_it_is_the_second_minus_the_first() -> None:
    first, second = np.array([[1.0, 2.0]]), np.array([[0.5, 4.0]])
    assert difference(first, second, signed=True).tolist() == [[-0.5, 2.0]]
    assert difference(first, second, signed=False).tolist() == [[0.5, 2.0]]


@pytest.mark.parametrize(("largest", "expected"), [(0.02, 50), (0.03, 20), (0.5, 2), (2.0, 1), (0.0, 50)])
def test_the_factor_fits_the_largest_of_all_differences_whatever_their_sign(largest: float, expected: int) -> None:
    small, large = np.full((40, 40), 0.001), np.full((40, 40), -largest)
    assert gain([small, large], 1.0) == gain([large], 1.0) == expected


def test_a_thousandth_of_the_pixels_may_be_beyond_white() -> None:
    one = np.zeros((100, 100))
    one[0, :9] = 1.0
    assert gain([one], 0.5) == 50
    one[0, :12] = 1.0
    assert gain([one], 0.5) == 1


def test_the_ends_of_the_colours_differ_for_the_colour_blind() -> None:
    """Lightness of blue and orange is alike, but blue and yellow-red channels are opposed, which every dichromat sees
    except by tritanopia, where red and green channels differ."""
    (low, middle, high) = np.array(DIVERGING)
    assert not middle.any()
    assert np.sign(high[0] - high[2]) == -np.sign(low[0] - low[2])
    assert abs((high - low)[0]) > 0.5


def test_signed_differences_have_the_colours_of_the_window() -> None:
    change = np.array([[-2.0, -0.5, 0.0, 0.5, 2.0]])
    below, _, above = (255 * np.array(colour) for colour in DIVERGING)
    expected = [below, below / 2, np.zeros(3), above / 2, above]
    np.testing.assert_allclose(coloured(change, 1.0)[0], expected, atol=0.51)
