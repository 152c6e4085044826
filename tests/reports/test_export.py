import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image

from helpers.reported import FROZEN, TURNS, frozen, pictured
from napari_recon_robust.data.orientation import FIRST_ROW_BELOW, Turn
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.reports.export import SUFFIXES, export_image

VOXEL = [0.5, 0.75, 3.0]
# The head at the top, the front on the left.
SAGITTAL = {"directions": {"row": [0, 0, -1], "column": [0, 1, 0]}, "first": [-4.0, -60.0, 90.0]}


def test_png_is_the_image_in_the_window_of_the_reference_as_it_is_seen(tmp_path: Path) -> None:
    case = pictured(turn=FIRST_ROW_BELOW)
    path = export_image(case, "perturbed", tmp_path / "image.png", label=False)
    high = np.percentile(case.images["reference"], 99.7)
    expected = np.rint(255 * np.clip(case.images["perturbed"][1] / high, 0, 1))[::-1]
    with Image.open(path) as picture:
        assert np.array_equal(np.asarray(picture), expected)
        assert picture.text["Warning"] == "RESEARCH - SYNTHETICALLY MODIFIED - NOT FOR CLINICAL USE"
        assert picture.text["Marks"] == "attacked"


@pytest.mark.parametrize(("voxel", "size"), [([0.5, 0.75, 3], (40, 84)), ([1.5, 0.75, 3], (80, 56))])
def test_pixels_of_a_png_are_square(tmp_path: Path, voxel: list[float], size: tuple[int, int]) -> None:
    """What lies between the pixels' centres is interpolated along their longer side."""
    case = pictured(voxel=voxel, turn=FIRST_ROW_BELOW)
    with Image.open(export_image(case, "clean", tmp_path / "image.png", label=False)) as picture:
        found = np.asarray(picture).astype(float)
    assert found.shape == size
    wanted = case.images["clean"][::-1]
    for axis in (0, 1):
        places = (np.arange(size[axis]) + 0.5) * wanted.shape[axis] / size[axis] - 0.5
        centres = np.arange(wanted.shape[axis])
        wanted = np.apply_along_axis(lambda line: np.interp(places, centres, line), axis, wanted)  # noqa: B023
    high = np.percentile(case.images["reference"], 99.7)
    assert np.abs(found - 255 * np.clip(wanted / high, 0, 1)).max() < 1


def test_png_is_labelled_unless_that_is_switched_off(tmp_path: Path) -> None:
    case = pictured(200, 200)
    kept, marked = (
        np.asarray(Image.open(export_image(case, "perturbed", tmp_path / f"{label}.png", label=label)))
        for label in (False, True)
    )
    assert (kept != marked).any()
    assert np.array_equal(kept[:140], marked[:140])


def test_tiff_has_the_values_and_the_pixel_size(tmp_path: Path) -> None:
    case = pictured(turn=FIRST_ROW_BELOW, voxel=VOXEL)
    path = export_image(case, "perturbed", tmp_path / "image.tiff", budget=0.01)
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        assert np.array_equal(page.asarray(), case.images["perturbed"][0][::-1])
        assert page.asarray().dtype == np.float32
        across, down = page.get_resolution("MILLIMETER")
        assert (across, down) == pytest.approx((1 / 0.75, 1 / 0.5))
        said = json.loads(page.description)
    assert said["Warning"].startswith("RESEARCH - SYNTHETICALLY")
    assert said["Method"] == "Total variation"


@pytest.mark.parametrize("turn", TURNS)
def test_nifti_keeps_rows_and_voxels_and_claims_no_orientation(tmp_path: Path, turn: Turn) -> None:
    case = pictured(turn=turn, voxel=VOXEL, slice=4)
    image = nibabel.load(export_image(case, "clean", tmp_path / "image.nii.gz"))
    assert np.array_equal(np.asarray(image.dataobj)[..., 0].T, case.images["clean"])
    assert image.header.get_zooms() == pytest.approx((0.75, 0.5, 3.0))
    assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (0, 0)
    np.testing.assert_allclose(abs(image.affine[:3, :3]), np.diag([0.75, 0.5, 3.0]))
    stored = np.array([image.header[f"srow_{axis}"] for axis in "xyz"])  # which programs read that heed no codes
    for matrix in (image.affine, stored):  # they agree on the rows, which have the order of the file
        assert matrix[1, 1] == pytest.approx(0.5)
    assert image.header["descrip"].item().decode() == "RESEARCH - NOT FOR CLINICAL USE; orientation unknown"
    assert image.header.get_xyzt_units()[0] == "mm"


@pytest.mark.parametrize("turn", TURNS)
def test_nifti_and_dicom_have_the_place_of_a_landmark(tmp_path: Path, turn: Turn) -> None:
    case = pictured(turn=turn, voxel=VOXEL, plane=SAGITTAL)
    case.images["clean"][:] = 0
    case.images["clean"][8, 30] = 1e-4
    place = np.array([-4.0, -60.0 + 30 * 0.75, 90.0 - 8 * 0.5])  # mm to the left, the back and the head
    image = nibabel.load(export_image(case, "clean", tmp_path / "image.nii.gz"))
    found = np.argwhere(np.asarray(image.dataobj))[0]
    for matrix, code in (image.get_sform(coded=True), image.get_qform(coded=True)):
        assert code == 1
        np.testing.assert_allclose(nibabel.affines.apply_affine(matrix, found), place * [-1, -1, 1], atol=1e-4)
    assert nibabel.aff2axcodes(image.affine) == ("P", "I", "R")
    assert image.header["descrip"].item().decode() == "RESEARCH - NOT FOR CLINICAL USE"
    pydicom = pytest.importorskip("pydicom")
    dataset = pydicom.dcmread(export_image(case, "clean", tmp_path / "image.dcm", label=False))
    row, column = np.argwhere(dataset.pixel_array)[0]
    along, down = np.reshape(np.array(dataset.ImageOrientationPatient, float), (2, 3))
    down_mm, along_mm = map(float, dataset.PixelSpacing)
    first = np.array(dataset.ImagePositionPatient, float)
    np.testing.assert_allclose(first + row * down_mm * down + column * along_mm * along, place, atol=1e-4)
    assert "placeholders" not in dataset.ImageComments


def test_directions_without_a_position(tmp_path: Path) -> None:
    plane = {**SAGITTAL, "first": None}
    image = nibabel.load(export_image(pictured(voxel=VOXEL, plane=plane), "clean", tmp_path / "image.nii.gz"))
    assert int(image.header["sform_code"]) == 2
    assert image.header["descrip"].item().decode().endswith("; position unknown")
    pydicom = pytest.importorskip("pydicom")
    dataset = pydicom.dcmread(export_image(pictured(voxel=VOXEL, plane=plane), "clean", tmp_path / "image.dcm"))
    assert "placeholders: position." in dataset.ImageComments


def test_nifti_says_that_the_voxel_is_not_known(tmp_path: Path) -> None:
    image = nibabel.load(export_image(pictured(), "perturbed", tmp_path / "image.nii.gz"))
    words = image.header["descrip"].item().decode()
    assert words == "RESEARCH - SYNTHETICALLY MODIFIED - NOT FOR CLINICAL USE; geometry unknown"
    assert image.header.get_xyzt_units()[0] == "unknown"


def test_values_of_a_scan_that_was_scaled_are_those_of_its_file(tmp_path: Path) -> None:
    """Scans with extreme numbers are read times a power of two, which their cases record."""
    plain = pictured()
    unit = 2.0**-80
    scaled = replace(plain, recipe=plain.recipe.model_copy(update={"source": {**plain.recipe.source, "unit": unit}}))
    window = (0.1 * unit, 0.5 * unit)
    image = nibabel.load(export_image(scaled, "clean", tmp_path / "image.nii.gz", window=window))
    np.testing.assert_allclose(np.asarray(image.dataobj)[..., 0].T, plain.images["clean"] * unit, rtol=1e-6)
    assert (image.header["cal_min"], image.header["cal_max"]) == pytest.approx(window, rel=1e-6, abs=0)
    one = tifffile.imread(export_image(scaled, "clean", tmp_path / "image.tiff"))
    np.testing.assert_allclose(one, plain.images["clean"] * unit, rtol=1e-6)
    found, expected = (
        pydicom.dcmread(export_image(case, "clean", tmp_path / f"{case is plain}.dcm")) for case in (scaled, plain)
    )
    assert np.array_equal(found.pixel_array, expected.pixel_array)
    assert f"{plain.images['reference'].max() / 1000 * unit:.6g} of the scan's units" in found.ImageComments


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_is_written_from_a_folder(tmp_path: Path, suffix: str) -> None:
    path = export_image(FROZEN / "fnaf", "perturbed-reference", tmp_path / f"image{suffix}")
    assert path.stat().st_size > 100


def test_bad_input_is_refused_in_one_sentence(tmp_path: Path) -> None:
    case = frozen()
    with pytest.raises(InputError, match=r"image.jpg has no known suffix; .* .png, .tiff, .tif, .nii.gz, .dcm"):
        export_image(case, "clean", tmp_path / "image.jpg")
    with pytest.raises(InputError, match="no image 'difference'"):
        export_image(case, "difference", tmp_path / "image.png")
    with pytest.raises(InputError, match="white must lie above black"):
        export_image(case, "clean", tmp_path / "image.png", window=(1.0, 1.0))
    windows: tuple[Any, ...] = ((0.0, float("inf")), (1.0,), 5, ("a", 1.0))
    for window in windows:
        with pytest.raises(InputError, match="give black and white as two numbers"):
            export_image(case, "clean", tmp_path / "image.dcm", window=window)
    text: Any = "0.05"
    with pytest.raises(InputError, match="no result of the budget 0.05"):
        export_image(case, "clean", tmp_path / "image.png", budget=text)
    with pytest.raises(FileFormatError, match="case.json"):
        export_image(tmp_path, "clean", tmp_path / "image.png")
    broken = {**case.images, "clean": np.full((18, 22), np.nan + 0j)}
    with pytest.raises(InputError, match="NaN or infinite"):
        export_image(replace(case, images=broken), "clean", tmp_path / "image.dcm")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError, match=r"folder.png cannot be written"):
        export_image(case, "clean", tmp_path / "folder.png")
    assert not (tmp_path / "image.png").exists()
