"""All slices of a scan as files of other programs."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import nibabel
import numpy as np
import pytest
import torch

import napari_recon_robust as rr
from napari_recon_robust.analyses.volume import Volume
from napari_recon_robust.data.orientation import Directions, Plane
from napari_recon_robust.ground.errors import InputError

SAMPLING = rr.Sampling(pattern="equispaced", acceleration=3, centre_fraction=0.2)


@pytest.fixture(scope="module")
def volume(scan_file: Path) -> Iterator[Volume]:
    with rr.open_scan(scan_file) as scan:
        yield rr.reconstruct_scan(scan, rr.reconstructor("cg-sense").at(weight=0.02), SAMPLING)


def read(folder: Path) -> list[Any]:
    pydicom = pytest.importorskip("pydicom")
    return [pydicom.dcmread(path) for path in sorted(folder.iterdir())]


def test_files_hold_the_images_and_how_they_were_made(volume: Volume, tmp_path: Path) -> None:
    for name in ("a.npy", "a.h5", "a.nii.gz"):
        assert rr.save_volume(volume, tmp_path / name) == tmp_path / name
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), volume.images.numpy())
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_allclose(file["reconstruction"][:], volume.images.abs().numpy(), rtol=1e-6)
        record = json.loads(file["record"][()])
    stored = nibabel.load(tmp_path / "a.nii.gz")
    np.testing.assert_allclose(np.asarray(stored.dataobj).T, volume.images.abs().numpy(), rtol=1e-6)
    (comment,) = stored.header.extensions
    assert json.loads(comment.get_content()) == record
    assert record["method"] == "cg-sense"
    assert record["method_knobs"]["weight"] == 0.02
    assert rr.Sampling(**record["source"]["sampling"]) == SAMPLING
    assert len(set(record["input"].values())) == 3
    assert record["versions"]["torch"] == torch.__version__


def test_the_h5_is_what_fastmris_evaluation_scores(scan_file: Path, tmp_path: Path) -> None:
    """Of `reconstruction` and the target, ||x - r||^2 / ||r||^2 is what `compare_methods` has for whole volumes."""
    settings = {"accelerations": (3.0,), "seeds": ("file",), "patterns": ("random",)}
    table = rr.compare_methods([scan_file], ["zero-filled"], whole_volumes=True, **settings)
    sampling = rr.Sampling(pattern="random", acceleration=3, minimum_centre_lines=12, seed=scan_file.name)
    with rr.open_scan(scan_file) as scan:
        volume = rr.reconstruct_scan(scan, rr.reconstructor("zero-filled"), sampling)
    rr.save_volume(volume, tmp_path / "head.h5")
    with h5py.File(tmp_path / "head.h5") as file, h5py.File(scan_file) as source:
        image, kspace = file["reconstruction"][:], source["kspace"][:]
    coils = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(kspace, (-2, -1)), norm="ortho"), (-2, -1))
    target = np.sqrt((np.abs(coils) ** 2).sum(1))[:, 48:144]
    (result,) = table.results
    nmse = np.linalg.norm(image - target) ** 2 / np.linalg.norm(target) ** 2
    assert result.nmse == pytest.approx(float(nmse), rel=1e-3)


def test_a_series_shows_every_slice_in_one_unit(volume: Volume, tmp_path: Path) -> None:
    found = read(rr.save_volume(volume, tmp_path / "series"))
    assert [one.InstanceNumber for one in found] == [1, 2, 3]
    for name in ("SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID", "RescaleSlope", "WindowWidth"):
        assert len({str(one[name].value) for one in found}) == 1, name
    assert len({one.SOPInstanceUID for one in found}) == 3
    unit = float(volume.images.abs().max()) / 1000
    for one, image in zip(found, volume.images.abs().numpy(), strict=True):
        values = one.pixel_array * float(one.RescaleSlope) + float(one.RescaleIntercept)
        shown = image[::-1]  # as fastMRI's images are seen
        np.testing.assert_allclose(values, shown / unit, atol=0.02)
        assert "no fully sampled truth" not in one.DerivationDescription
        assert "Perturbation" not in one.DerivationDescription
        assert "cg-sense" in one.DerivationDescription.lower()
    assert [float(one.ImagePositionPatient[2]) for one in found] == [0, 5, 10]


def test_a_series_passes_the_validator(volume: Volume, tmp_path: Path) -> None:
    pytest.importorskip("pydicom")
    validator = shutil.which("dciodvfy")
    if validator is None:
        pytest.skip("dciodvfy of Debian's dicom3tools is not installed")
    for path in rr.save_volume(volume, tmp_path / "series").iterdir():
        said = subprocess.run([validator, str(path)], capture_output=True, text=True)
        assert "Error" not in said.stderr
        assert said.returncode == 0


def test_a_series_lies_where_its_slices_do(volume: Volume, tmp_path: Path) -> None:
    directions = Directions(row=(0, 1, 0), column=(1, 0, 0))
    recipes = {}
    for slice, recipe in volume.recipes.items():
        plane = Plane(directions=directions, first=(-10.0, 4.0, 7.0 * slice)).model_dump(mode="json")
        recipes[slice] = recipe.model_copy(update={"source": {**recipe.source, "plane": plane, "upright": {}}})
    found = read(rr.save_volume(replace(volume, recipes=recipes), tmp_path / "series"))
    assert [list(map(float, one.ImagePositionPatient)) for one in found] == [[-10, 4, 7 * n] for n in range(3)]


def test_a_missing_slice_has_no_image_in_a_series(volume: Volume, tmp_path: Path) -> None:
    recipes = {slice: recipe for slice, recipe in volume.recipes.items() if slice != 1}
    images = volume.images.clone()
    lacking = replace(volume, images=images, recipes=recipes, metrics={}, missing={1: "it has NaN"})
    lacking.images[1] = torch.nan
    folder = rr.save_volume(lacking, tmp_path / "series")
    assert sorted(path.name for path in folder.iterdir()) == ["0001.dcm", "0003.dcm"]
    assert "no fully sampled truth" in read(folder)[0].DerivationDescription


def test_what_is_there_already_is_kept(volume: Volume, tmp_path: Path) -> None:
    (tmp_path / "series").mkdir()
    (tmp_path / "series" / "mine").touch()
    with pytest.raises(
        InputError, match=r"series is there already; name a file \(.npy, .h5, .nii.gz\), or a new folder"
    ):
        rr.save_volume(volume, tmp_path / "series")
    assert [path.name for path in (tmp_path / "series").iterdir()] == ["mine"]
    with pytest.raises(InputError, match=r"a.tiff has no known suffix"):
        rr.save_volume(volume, tmp_path / "a.tiff")


def test_a_series_wants_pydicom(volume: Volume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(InputError, match="DICOM needs pydicom"):
        rr.save_volume(volume, tmp_path / "series")
    assert not (tmp_path / "series").exists()
