"""The mean of two networks, and where they disagree."""

import numpy as np
import pytest
import torch

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.progress import Progress
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.learned.ensemble import MEMBERS, Ensemble


def images(measurement: Measurement, noise: float = 1.0) -> np.ndarray:
    """Those of the members by themselves."""
    return np.stack([registry.get(id)(measurement, noise=noise).numpy() for id in MEMBERS])


@pytest.mark.parametrize("noise", [1.0, 1.6])
def test_the_image_is_the_mean_of_both_at_the_noise_that_is_assumed(lines: Measurement, noise: float) -> None:
    found, expected = registry.get("ensemble")(lines, noise=noise).numpy(), images(lines, noise).mean(0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    assert np.abs(found - images(lines).mean(0)).max() > 1e-3 * np.abs(found).max() or noise == 1


def test_the_map_is_the_standard_deviation_of_the_magnitudes(lines: Measurement) -> None:
    method = registry.get("ensemble").at(show="deviation")
    magnitudes = np.abs(images(lines))
    expected = magnitudes.std(0, ddof=1)
    np.testing.assert_allclose(method(lines).numpy(), expected, rtol=0, atol=1e-6 * magnitudes.max())
    assert not method.is_image
    assert registry.get("ensemble").at().is_image


def test_members_that_agree_have_their_own_image_and_no_deviation(lines: Measurement) -> None:
    one = registry.get("unrolled-hqs")
    twice = Ensemble((one, one))
    assert torch.equal(twice(lines), one(lines))
    assert not twice(lines, show="deviation").any()


def test_the_preview_is_the_first_image(lines: Measurement) -> None:
    steps = registry.get("ensemble").job(lines)
    previews = [step.preview for step in steps if isinstance(step, Progress)]
    assert previews[0] is None
    np.testing.assert_array_equal(previews[1].numpy(), images(lines)[0])


def test_what_it_depends_on_are_the_weights_of_both() -> None:
    expected = registry.get(MEMBERS[0]).fingerprint() | registry.get(MEMBERS[1]).fingerprint()
    assert registry.get("ensemble").fingerprint() == expected
    assert len(expected) == 2


def test_its_start_is_the_mean_of_both_starts(lines: Measurement) -> None:
    start = registry.get("ensemble").start()
    assert start is not None
    parts = [registry.get(id).start() for id in MEMBERS]
    expected = np.stack([part(lines).numpy() for part in parts if part is not None]).mean(0)
    np.testing.assert_allclose(start(lines).numpy(), expected, rtol=0, atol=1e-6 * np.abs(expected).max())
