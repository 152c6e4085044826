import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.reported import pictured
from napari_recon_robust.data.orientation import FIRST_ROW_BELOW
from napari_recon_robust.data.window import Window
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reports.export import export_image

pydicom = pytest.importorskip("pydicom")
VOXEL = [0.5, 0.75, 3.0]
PLANE = {"directions": {"row": [0, 0.8, -0.6], "column": [1, 0, 0]}, "first": [-30.0, -25.5, 12.125]}


def read(path: Path) -> Any:
    return pydicom.dcmread(path)


def values(dataset: Any) -> np.ndarray:
    """Stored values, rescaled to thousandths of the reference's maximum."""
    return dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)


@pytest.mark.parametrize("image", ["reference", "clean", "perturbed", "random"])
@pytest.mark.parametrize(
    "source", [{}, {"voxel": VOXEL, "slice": 3, "turn": FIRST_ROW_BELOW}, {"voxel": VOXEL, "plane": PLANE}]
)
def test_it_passes_the_validator(tmp_path: Path, image: str, source: dict[str, Any]) -> None:
    validator = shutil.which("dciodvfy")
    if validator is None:
        pytest.skip("dciodvfy of Debian's dicom3tools is not installed")
    path = export_image(pictured(64, 80, **source), image, tmp_path / "image.dcm")
    said = subprocess.run([validator, str(path)], capture_output=True, text=True)
    assert "MRImage" in said.stderr + said.stdout
    assert "Error" not in said.stderr
    assert said.returncode == 0


def test_its_values_are_right_within_the_error_that_it_states(tmp_path: Path) -> None:
    case = pictured(voxel=VOXEL, turn=FIRST_ROW_BELOW)
    dataset = read(export_image(case, "perturbed", tmp_path / "image.dcm", label=False))
    unit = float(re.search(r"([\d.e-]+) of the scan's units each", dataset.ImageComments)[1])
    stated = float(re.search(r"quantisation error is ([\d.e-]+) of that maximum", dataset.ImageComments)[1])
    expected = case.images["perturbed"][1][::-1]
    error = np.abs(values(dataset) * unit - expected).max() / (1000 * unit)
    assert error == pytest.approx(stated, rel=0.05)
    assert stated < 2e-5
    assert unit == pytest.approx(float(case.images["reference"].max()) / 1000, rel=1e-5)


def test_its_window_gives_the_grey_values_of_the_screen(tmp_path: Path) -> None:
    case = pictured()
    dataset = read(export_image(case, "clean", tmp_path / "image.dcm"))
    centre, width = float(dataset.WindowCenter), float(dataset.WindowWidth)
    linear = (values(dataset) - (centre - 0.5)) / (width - 1) + 0.5  # DICOM PS3.3, C.11.2.1.2.1
    grey = Window.of(case.images["reference"]).grey(case.images["clean"])
    assert np.abs(255 * np.clip(linear, 0, 1) - grey).max() <= 0.6


def test_a_modified_image_says_so_everywhere(tmp_path: Path) -> None:
    words = "RESEARCH - SYNTHETICALLY MODIFIED - NOT FOR CLINICAL USE"
    case = pictured(200, 220)
    marked, plain = (
        read(export_image(case, "perturbed", tmp_path / f"{label}.dcm", label=label)) for label in (True, False)
    )
    for dataset in (marked, plain):
        assert dataset.SeriesDescription == words
        assert dataset.ImageComments.startswith(words)
        assert "attacked" in dataset.DerivationDescription
        assert list(dataset.ImageType[:2]) == ["DERIVED", "SECONDARY"]
    assert (marked.pixel_array != plain.pixel_array).sum() > 300
    clean = read(export_image(case, "clean", tmp_path / "clean.dcm"))
    assert clean.SeriesDescription == "RESEARCH - NOT FOR CLINICAL USE"
    assert np.abs(values(clean) / 1000 - case.images["clean"] / case.images["reference"].max()).max() < 1e-4


def test_without_pydicom_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(InputError, match=r"DICOM needs pydicom; pip install 'napari-recon-robust\[dicom\]'"):
        export_image(pictured(), "clean", tmp_path / "image.dcm")


def test_images_of_the_same_samples_are_series_of_one_study_in_one_frame_of_reference(tmp_path: Path) -> None:
    case = pictured()
    other = replace(case, recipe=case.recipe.model_copy(update={"input": 64 * "0"}))
    clean, perturbed, apart = (
        read(export_image(made, image, tmp_path / f"{n}.dcm"))
        for n, (made, image) in enumerate([(case, "clean"), (case, "perturbed"), (other, "clean")])
    )
    for name in ("StudyInstanceUID", "FrameOfReferenceUID"):
        assert clean[name].value == perturbed[name].value != apart[name].value
        assert clean[name].value.is_valid
    assert clean.StudyInstanceUID != clean.FrameOfReferenceUID


def test_instances_are_new_and_nothing_of_a_patient_is_in_them(tmp_path: Path) -> None:
    case = pictured(label="their name")
    one, two = (read(export_image(case, "clean", tmp_path / f"{n}.dcm")) for n in range(2))
    for name in ("SOPInstanceUID", "SeriesInstanceUID"):
        assert one[name].value != two[name].value
    assert str(one.PatientName) == "RESEARCH^NOT A PATIENT"
    assert "their name" not in str(one)


def test_geometry_is_what_is_known_and_the_rest_is_said_to_be_missing(tmp_path: Path) -> None:
    known = read(export_image(pictured(voxel=VOXEL, slice=3), "clean", tmp_path / "known.dcm"))
    assert list(known.PixelSpacing) == [0.5, 0.75]
    assert known.SliceThickness == 3
    assert list(known.ImagePositionPatient) == [0, 0, 9]
    assert "filled with placeholders: position and orientation." in known.ImageComments
    unknown = read(export_image(pictured(), "clean", tmp_path / "unknown.dcm"))
    assert "placeholders: pixel spacing, position and orientation." in unknown.ImageComments
    assert unknown.SliceThickness is None
