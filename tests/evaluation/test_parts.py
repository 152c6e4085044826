import numpy as np
import pytest
import torch

from napari_recon_robust.evaluation.parts import CYCLIC, part, whole_of


def test_phases_are_known_where_the_magnitude_is_not_noise() -> None:
    image = np.array([[2.0, 2j, -2, -2j, 0.0, 0.2]], np.complex64)
    degrees = np.degrees(part(image, "phase", noise=0.1))
    np.testing.assert_allclose(degrees[0, :4], [0, 90, 180, 270], atol=1e-4)
    assert np.isnan(degrees[0, 4:]).all()
    assert not np.isnan(part(image, "phase")[0, 5]), "without noise only zero has no phase"


def test_the_parts_make_the_image_again() -> None:
    image = (np.random.default_rng(0).normal(size=(3, 4, 2)) @ [1, 1j]).astype(np.complex64)
    real, imaginary = part(image, "real"), part(image, "imaginary")
    assert np.array_equal(real + 1j * imaginary, image)
    np.testing.assert_allclose(part(image, "magnitude"), np.hypot(real, imaginary), rtol=1e-6)
    np.testing.assert_allclose(np.exp(1j * part(image, "phase")), image / np.abs(image), atol=1e-6)


def test_magnitudes_have_no_phase() -> None:
    magnitude = torch.ones(2, 2)
    found = whole_of(a=magnitude, b=magnitude.to(torch.complex64), c=None, d=1j * magnitude)
    assert found.keys() == {"d"}
    assert found["d"].dtype == torch.complex64


def test_the_colours_of_the_phase_close_and_none_is_that_of_no_phase() -> None:
    assert CYCLIC[0] == CYCLIC[-1]
    lightness = [float(np.dot(colour, (0.2126, 0.7152, 0.0722))) for colour in CYCLIC]
    assert 0.2 < lightness[0] < lightness[1] < lightness[2], "the farther from 0, the lighter"
    assert lightness[1] == pytest.approx(lightness[3], abs=0.05), "both signs are equally light"
