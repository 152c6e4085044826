from itertools import islice
from pathlib import Path

import pytest

from napari_recon_robust.ground import progress
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reader_studies import demo
from napari_recon_robust.reader_studies.bundle import Bundle
from napari_recon_robust.simulation.sample import open_sample


@pytest.mark.slow
def test_the_demo_is_a_study_of_lesions_and_of_places_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "CASES", 2)
    fractions: list[float] = []
    bundle = Bundle(progress.run(demo.demo(tmp_path / "demo"), lambda step: fractions.append(step.fraction)))
    assert fractions == sorted(fractions), "a bar does not go back"
    key = bundle.unsealed()
    assert [case["lesion"] for case in key["plan"]["cases"]] == [True, False]
    assert len(bundle.shown) == 2 * 2 * 2
    assert len(bundle.questions) == 5
    assert "in the square" in bundle.questions["lesion"].text, "there are others beside it"
    with pytest.raises(InputError, match="is not empty"):
        progress.run(demo.demo(tmp_path / "demo"))


@pytest.mark.thorough
def test_a_demo_that_was_stopped_can_be_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was stopped when the cases were saved, and their folder was refused from then on."""
    saved, places = [], demo._places

    def stopped(plan: object, folder: Path, beside: Path) -> Path:
        saved.extend(beside.glob("cases/*"))
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "_places", lambda scan: islice(places(scan), 1))
    monkeypatch.setattr(demo, "freeze", stopped)
    with pytest.raises(KeyboardInterrupt):
        progress.run(demo.demo(tmp_path / "demo"))
    assert len(saved) == 1
    assert not any(tmp_path.iterdir())


def test_there_are_twelve_places_half_of_them_without_a_lesion() -> None:
    scan = open_sample()
    places = list(demo._places(scan))
    assert [lesion for _, _, lesion in places] == [True, False] * 6
    matrix = scan.header.matrix
    boxes = [one for one in scan.annotations if one.box is not None]
    for slice, roi, lesion in places:
        here = [one.box.mask(matrix) for one in boxes if one.slice == slice and one.box is not None]
        assert any((roi.mask(matrix) & box).any() for box in here) is lesion
