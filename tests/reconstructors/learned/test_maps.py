"""What is a map and no image is judged by nothing, and not perturbed."""

import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.studies.quality.entries import Entry


def test_the_deviation_of_samples_is_no_image() -> None:
    posterior = registry.get("posterior")
    assert posterior.is_image({"show": "mean"})
    assert not posterior.is_image({"show": "deviation"})
    assert registry.get("tv").is_image({"weight": 1e-3})


def test_a_table_takes_images_alone() -> None:
    with pytest.raises(InputError, match="compare images"):
        Entry.parse("posterior, show=deviation").open()
    Entry.parse("posterior, show=mean").open()
