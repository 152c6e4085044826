"""What is told of masks whose centre leaves little out."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from napari_recon_robust.studies.masks import notes_of_masks
from napari_recon_robust.studies.mistakes import Unfit
from napari_recon_robust.studies.plan import Masks


def told(phase: int, *masks: dict[str, Any]) -> Sequence[str]:
    plan: Any = SimpleNamespace(masks=[Masks(**mask) for mask in masks])
    scan: Any = SimpleNamespace(name="a.h5", header=SimpleNamespace(readout=phase, phase=phase))
    return notes_of_masks(plan, scan)


def test_a_centre_that_keeps_nearly_everything_is_told() -> None:
    wide = {"acceleration": [8], "centre_fraction": 0.9, "seeds": [0, 1, "file"]}
    assert told(96, wide) == ["The centre of 90% makes the acceleration 1.1, not 8."]
    assert told(96, {"acceleration": [2, 8], "minimum_centre_lines": 48}) == [
        "The centre of 50% makes the acceleration 1.8, not 8."
    ]


@pytest.mark.parametrize("pattern", ["equispaced", "random", "magic", "magic-fraction", "equispaced-fraction"])
def test_usual_masks_are_not_told(pattern: str) -> None:
    assert told(256, {"pattern": pattern, "acceleration": [1, 2, 4, 8]}, {"pattern": "acquired"}) == []


def test_points_are_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_recon_robust.physics.sampling.Sampling.mask", None)
    assert told(256, {"pattern": "poisson-disc"}) == []


def test_a_mask_that_cannot_be_drawn_is_told() -> None:
    (note,) = told(96, {"pattern": "equispaced-fraction", "acceleration": [8], "centre_fraction": 0.9})
    assert note.startswith("The trials of a mask will fail: the 86 centre lines of 96 alone give an acceleration of")


@pytest.mark.parametrize("mask", [{"minimum_centre_lines": 400}, {"centre_fraction": 0.999}])
def test_a_mask_that_leaves_no_line_out_is_a_mistake(mask: dict[str, Any]) -> None:
    with pytest.raises(Unfit, match=r"none of the 96 lines of a.h5 out, and the acceleration is to be 8") as caught:
        told(96, {"acceleration": 4}, {"acceleration": [1, 8], **mask})
    assert caught.value.keys == ("masks", 1)
    assert told(96, {"acceleration": 1, **mask}) == []
