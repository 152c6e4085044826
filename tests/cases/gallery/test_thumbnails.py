"""The pictures: what they show, and that they are made once."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from skimage.io import imread

from helpers.galleries import changed, copied
from napari_recon_robust.cases.gallery import thumbnails
from napari_recon_robust.cases.gallery.entry import GalleryEntry, read_entry
from napari_recon_robust.cases.record import Case, load_case, save_case
from napari_recon_robust.data.orientation import AS_STORED, FIRST_ROW_BELOW, Turn
from napari_recon_robust.ground.errors import FileFormatError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("napari_recon_robust.ground.user_cache.cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def entry(tmp_path: Path) -> GalleryEntry:
    return read_entry("worst-case", copied(tmp_path / "cases", "worst-case") / "worst-case")


def pixels(content: bytes) -> np.ndarray:
    return imread(BytesIO(content))


def larger(
    entry: GalleryEntry, folder: Path, shape: tuple[int, int], box: tuple[int, int, int, int], turn: Turn = AS_STORED
) -> GalleryEntry:
    """A case of another size: a ramp, and its double."""
    case = load_case(entry.path)
    ramp = np.linspace(0, 1, shape[0] * shape[1], dtype=np.float32).reshape(shape)
    region = np.zeros(shape, bool)
    row, column, height, width = box
    region[row : row + height, column : column + width] = True
    images = {"clean": ramp, "perturbed": np.stack([ramp, 2 * ramp]), "reference": 2 * ramp, "roi": region}
    kspace = {"clean": np.zeros((1, *shape), np.complex64), "mask": np.ones((1, shape[1]), bool)}
    source = {**case.recipe.source, "upright": turn.model_dump(), "voxel": (1.0, 2.0, 3.0)}
    recipe = case.recipe.model_copy(update={"source": source})
    saved = save_case(Case(recipe, case.roi, case.results, shape, kspace, images), folder)
    return read_entry(folder.name, saved)


def test_the_region_with_its_surroundings_in_the_reference_window(entry: GalleryEntry, tmp_path: Path) -> None:
    made = larger(entry, tmp_path / "ramp", (100, 90), (40, 50, 6, 8))
    found = thumbnails.crops(made)
    assert found.images["clean"].shape == (6 + 24, 8 + 24)
    assert found.white == pytest.approx(2 * 0.997, abs=1e-3)
    with np.load(made.path / "images.npz") as stored:
        np.testing.assert_array_equal(found.images["perturbed"], stored["perturbed"][1, 28:58, 38:70])
    picture = pixels(thumbnails.thumbnail(made))
    assert picture.shape == (30, 64)
    np.testing.assert_array_equal(picture, np.hstack([found.grey("clean"), found.grey("perturbed")]))
    np.testing.assert_allclose(picture[:, 32:], 2.0 * picture[:, :32], atol=1.5)


def test_a_large_region_is_reduced_and_an_upside_down_one_turned(entry: GalleryEntry, tmp_path: Path) -> None:
    made = larger(entry, tmp_path / "ramp", (350, 301), (0, 0, 350, 301))
    picture = pixels(thumbnails.thumbnail(made))
    assert picture.shape == (117, 2 * 101)
    assert picture[0].mean() < picture[-1].mean()
    below = larger(entry, tmp_path / "below", (350, 301), (0, 0, 350, 301), FIRST_ROW_BELOW)
    flipped = pixels(thumbnails.thumbnail(below))
    assert flipped[0].mean() > flipped[-1].mean()
    quarter = larger(entry, tmp_path / "quarter", (350, 301), (0, 0, 350, 301), Turn(quarters=1))
    assert pixels(thumbnails.thumbnail(quarter)).shape == (101, 2 * 117)
    assert (made.voxel, quarter.voxel) == ((1, 2, 3), (2, 1, 3))


def test_it_is_made_once(entry: GalleryEntry, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = thumbnails.thumbnail(entry)
    assert [path.name for path in cache.rglob("*.png")] == [f"{entry.seal}.png"]
    assert not [path for path in entry.path.iterdir() if path.suffix == ".png"]
    monkeypatch.setattr(thumbnails, "crops", lambda _: pytest.fail("it is made again"))
    assert thumbnails.thumbnail(entry) == first


def test_images_are_of_patients_and_only_for_the_user(entry: GalleryEntry, cache: Path) -> None:
    thumbnails.thumbnail(entry)
    assert cache.stat().st_mode & 0o077 == 0
    assert [path.stat().st_mode & 0o077 for path in cache.rglob("*.png")] == [0]


def test_a_damaged_case_says_so(entry: GalleryEntry) -> None:
    path = entry.path / "images.npz"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"x")
    with pytest.raises(FileFormatError, match="images.npz of the saved case worst-case was altered"):
        thumbnails.thumbnail(entry)
    path.write_bytes(content[:1000])
    changed(entry.path, lambda one: one["files"].update({"images.npz": thumbnails.file_hash(path)}))  # sealed as it is
    with pytest.raises(FileFormatError, match=r"images\.npz cannot be read as NumPy arrays"):
        thumbnails.thumbnail(entry)
    path.unlink()
    with pytest.raises(FileFormatError, match="is missing"):
        thumbnails.thumbnail(entry)
    with pytest.raises(FileFormatError, match="as it was read"):
        thumbnails.thumbnail(replace(entry, damage="as it was read"))
