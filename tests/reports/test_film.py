"""A film of a case."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from helpers.reported import pictured
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reports.case_images import CaseImages
from napari_recon_robust.reports.film import export_film


def frames(path: Path) -> list[np.ndarray]:
    with Image.open(path) as film:
        return [np.asarray(one.convert("L")) for one in ImageSequence.Iterator(film)]


def test_flicker_shows_clean_and_perturbed_in_the_window_of_the_reference(tmp_path: Path) -> None:
    case = pictured()
    path = export_film(case, tmp_path / "film.gif", rate=4)
    found, shown = frames(path), CaseImages(case)
    assert len(found) == 2
    inside = shown.turn.shown(case.roi.mask(case.matrix).numpy())
    for frame, name in zip(found, ("clean", "perturbed"), strict=True):
        grey = shown.window.grey(shown.turn.shown(shown.image(name, shown.number(None)).image))
        times = -(-768 // 40)
        assert frame.shape == (40 * times + 3 * 26, 56 * times)
        picture = frame[: 40 * times].reshape(40, times, 56, times)
        middle = times // 2
        assert np.abs(picture[:, middle, :, middle].astype(int) - grey).max() <= 1, "grey values as on the screen"
        rows, columns = np.nonzero(inside)
        above = picture[: rows.min() - 1]
        assert (above == above[:, :1, :, :1]).all(), "whole pixels"
        assert (picture[rows.min(), :2, columns.min() + 1 : columns.max(), middle].max(0) == 255).all(), "its outline"
        for line in range(3):
            words = frame[40 * times + 26 * line :][:26]
            assert words.max() > 128, "what it is, of which method, and the warning"
    with Image.open(path) as film:
        assert (film.info["duration"], film.info["loop"]) == (250, 0)


def test_the_region_alone_is_shown_larger_with_its_outline(tmp_path: Path) -> None:
    case = pictured()
    found, shown = frames(export_film(case, tmp_path / "film.gif", region=True)), CaseImages(case)
    inside = case.roi.mask(case.matrix).numpy()
    rows, columns = np.nonzero(inside)
    part = slice(max(rows.min() - 12, 0), rows.max() + 13), slice(max(columns.min() - 12, 0), columns.max() + 13)
    assert inside[part].size < inside.size, "the region is a part of the image"
    for frame, name in zip(found, ("clean", "perturbed"), strict=True):
        grey = shown.window.grey(shown.turn.shown(shown.image(name, shown.number(None)).image[part]))
        times = -(-768 // min(grey.shape))
        picture = frame[: grey.shape[0] * times, : grey.shape[1] * times]
        pixels = picture.reshape(grey.shape[0], times, grey.shape[1], times)
        assert np.abs(pixels[:, times // 2, :, times // 2].astype(int) - grey).max() <= 1
        assert (pixels[:, 0].max(axis=(0, 2)) == 255).any(), "its outline"


def test_the_window_is_in_the_units_of_a_scan_that_was_scaled(tmp_path: Path) -> None:
    plain = pictured()
    source = {**plain.recipe.source, "unit": 2.0**-80}
    scaled = replace(plain, recipe=plain.recipe.model_copy(update={"source": source}))
    one = export_film(plain, tmp_path / "plain.gif", window=(0.1, 0.5))
    other = export_film(scaled, tmp_path / "scaled.gif", window=(0.1 * 2.0**-80, 0.5 * 2.0**-80))
    assert one.read_bytes() == other.read_bytes()


def test_budgets_rise_from_the_clean_image(tmp_path: Path) -> None:
    found = frames(export_film(pictured(), tmp_path / "film.gif", kind="budgets"))
    assert len(found) == 3
    assert not (found[1] == found[2]).all()


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("film.avi", {}, "film.avi"),
        ("film.gif", {"kind": "waltz"}, "'waltz'; choose one of flicker, budgets"),
        ("film.gif", {"rate": 50.0}, "50.0 images in a second; choose 0.5 to 10"),
        ("film.gif", {"rate": float("nan")}, "nan images in a second"),
        ("film.gif", {"rate": "2"}, "'2' images in a second"),
        ("film.gif", {"budget": 0.9}, "no result of the budget 0.9"),
        ("film.gif", {"window": (2.0, 1.0)}, "white must lie above black"),
    ],
)
def test_what_cannot_be_is_said(tmp_path: Path, name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        export_film(pictured(), tmp_path / name, **options)
    assert not list(tmp_path.iterdir())


def test_mp4_needs_its_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "imageio_ffmpeg" else find(name))
    with pytest.raises(InputError, match="MP4 needs imageio-ffmpeg"):
        export_film(pictured(), tmp_path / "film.mp4")


def test_mp4_is_a_film(tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg")
    assert b"ftyp" in export_film(pictured(), tmp_path / "film.mp4").read_bytes()[:16]
