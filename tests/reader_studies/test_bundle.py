"""A frozen study opens as it was frozen, and what was changed since is refused."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.reading import plan
from napari_recon_robust.ground.errors import FileFormatError
from napari_recon_robust.reader_studies.bundle import Bundle, key_of
from napari_recon_robust.reader_studies.freezing import freeze


@pytest.mark.slow
def test_the_hash_of_the_key_is_published(cases: Path, tmp_path: Path) -> None:
    folder = freeze(plan(), tmp_path / "study", cases)
    key = key_of(folder)
    bundle = Bundle(folder)
    assert bundle.hash_of_key == hashlib.sha256(key.read_bytes()).hexdigest()
    key.write_text(key.read_text(encoding="utf-8").replace("attacked", "hidden"), encoding="utf-8")
    with pytest.raises(FileFormatError, match="is not the key that study was frozen with"):
        bundle.unsealed()
    key.unlink()
    with pytest.raises(FileFormatError, match=r"study.key.json is not beside the study; say by --key where it is kept"):
        bundle.unsealed()


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["changed", "missing", "image", "newer"])
def test_a_folder_that_is_not_as_it_was_frozen_is_refused(cases: Path, tmp_path: Path, damage: str) -> None:
    folder = freeze(plan(), tmp_path / "study", cases)
    study, image = folder / "study.json", next(folder.glob("*.f32"))
    if damage == "changed":
        study.write_bytes(study.read_bytes().replace(b"A study", b"B study"))
    elif damage == "missing":
        image.unlink()
    elif damage == "image":
        image.write_bytes(bytes(image.stat().st_size))
    else:
        manifest = folder / "manifest.json"
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "schema": 9}), encoding="utf-8")
    with pytest.raises(FileFormatError, match="changed after the freeze|lacks|version 9, and versions 1 to 2"):
        Bundle(folder)


def rewrite(folder: Path, name: str, value: Any) -> None:
    """Put another value in a file of a frozen study, whose hashes are made again."""
    (folder / name).write_text(json.dumps(value), encoding="utf-8")
    rehash(folder, name)


def rehash(folder: Path, name: str) -> None:
    """Make the hash of a file of a frozen study again."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"window": [math.nan, 1]}, "not JSON compliant"),
        ({"window": [0, math.inf]}, "not JSON compliant"),
        ({"maximum": math.nan}, "not JSON compliant"),
        ({"maximum": 0}, "maximum is 0"),
        ({"maximum": 10**400}, "maximum is 1"),
        ({"voxel": [math.nan, 1, 1]}, "not JSON compliant"),
        ({"truth": {"lesion": math.inf}}, "not JSON compliant"),
        ({"window": [5, 1]}, "the window's white is no more than its black"),
        ({"region": [-5, -5, 10**9, 1]}, "the square that shows where to look is not in the image"),
        ({"region": [0, 0, 0, 5]}, "the square that shows where to look is not in the image"),
        ({"region": [10, 0, 9, 5]}, "the square that shows where to look is not in the image"),
        ({"id": "one"}, "two of its presentations have one name"),
    ],
)
def test_what_would_fail_for_every_reader_is_refused_on_opening(
    cases: Path, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    folder = freeze(plan(), tmp_path / "study", cases)
    told = json.loads((folder / "presentations.json").read_text(encoding="utf-8"))
    rewrite(folder, "presentations.json", [{**one, **changes} for one in told])
    with pytest.raises(FileFormatError, match=f"{words}.*; copy the frozen study again"):
        Bundle(folder)


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_an_image_with_a_pixel_that_is_no_finite_number_is_refused_on_opening(
    cases: Path, tmp_path: Path, value: float
) -> None:
    folder = freeze(plan(), tmp_path / "study", cases)
    image = min(folder.glob("*.f32"))
    pixels = np.fromfile(image, "<f4")
    pixels[7] = value
    pixels.tofile(image)
    rehash(folder, image.name)
    with pytest.raises(FileFormatError, match="pixels that are not finite numbers.*; copy the frozen study again"):
        Bundle(folder)


def test_a_title_that_no_page_can_show_is_refused_on_opening(cases: Path, tmp_path: Path) -> None:
    folder = freeze(plan(), tmp_path / "study", cases)
    told = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    rewrite(folder, "study.json", {**told, "title": "half \ud800 of a letter"})
    with pytest.raises(FileFormatError, match="study cannot be read as a frozen reader study"):
        Bundle(folder)


@pytest.mark.slow
def test_a_study_that_was_frozen_before_there_were_slices_opens(cases: Path, tmp_path: Path) -> None:
    folder = freeze(plan(), tmp_path / "study", cases)
    told = [
        {name: value for name, value in one.items() if name != "slices"}
        for one in json.loads((folder / "presentations.json").read_text(encoding="utf-8"))
    ]
    rewrite(folder, "presentations.json", told)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["schema"] == 2
    (folder / "manifest.json").write_text(json.dumps({**manifest, "schema": 1}), encoding="utf-8")
    bundle = Bundle(folder)
    assert {one.slices for one in bundle.shown} == {1}
    assert bundle.image(bundle.shown[0].images[0], bundle.shown[0]).shape == (1, 18, 22)
