"""Reports and films of the present result, saved or not, and exports of what a panel shows."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from napari_recon_robust.analyses import volume
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.writing import WritingError
from napari_recon_robust.io import open_scan
from napari_recon_robust.workbench import Workbench
from napari_recon_robust.workbench.looking import View


@pytest.fixture(scope="module")
def attacked(scan_file: Path) -> Iterator[Workbench]:
    bench = Workbench()
    bench.acquisition.use(open_scan(scan_file))
    bench.acquisition.measure(1).run()
    bench.reconstruction.choose("cg-sense")
    bench.regions.draw(ROI.box(62, 48, 10, 12), 1)
    bench.perturbing.choose("worst-case", steps=1)
    with pytest.raises(InputError, match="no image yet"):
        bench.exporting.report(Path("report.html"), (0.0, 1.0))
    bench.perturbing.run().run()
    bench.lining_up.choose(("cg-sense", "zero-filled"), anew=False)
    bench.lining_up.run().run()
    yield bench
    bench.acquisition.close()


def written(path: Path) -> tuple[np.ndarray, str]:
    import tifffile

    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        return page.asarray(), str(page.tags["ImageDescription"].value)


def test_an_unsaved_result_is_reported_in_the_window_on_the_screen(attacked: Workbench, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    attacked.exporting.report(path, (0.125, 0.75)).run()
    text = path.read_text(encoding="utf-8")
    assert '"window": {"high": 0.75, "low": 0.125}' in text
    assert "Worst-case noise on CG-SENSE" in text


@pytest.mark.parametrize(
    ("key", "view", "name"),
    [
        ("reference", View(), "reference"),
        ("reference", View(truth=True), "perturbed_reference"),
        ("clean", View(), "clean"),
        ("perturbed", View(), "perturbed"),
        ("perturbed", View(random=True), "random"),
    ],
)
def test_a_panel_is_exported_as_it_is_looked_at(
    attacked: Workbench, tmp_path: Path, key: str, view: View, name: str
) -> None:
    attacked.exporting.panel(key, view, tmp_path / "panel.tiff", (0.0, 1.0)).run()
    image, said = written(tmp_path / "panel.tiff")
    seen = getattr(attacked.result.outcome.comparison, name)
    shown = attacked.acquisition.upright.shown(image)
    np.testing.assert_array_equal(shown, seen.numpy())
    assert ("SYNTHETICALLY MODIFIED" in said) == (name not in ("reference", "clean"))


def test_less_of_the_budget_and_the_difference_say_what_they_are(attacked: Workbench, tmp_path: Path) -> None:
    one = attacked.result.outcome.comparison
    attacked.exporting.panel("perturbed", View(factor=0.5), tmp_path / "half.tiff", (0.0, 1.0)).run()
    image, said = written(tmp_path / "half.tiff")
    assert "interpolated" in said
    assert "Perturbed 0.5%" in said
    np.testing.assert_allclose(np.sort(image.ravel()), np.sort(one.clean.lerp(one.perturbed, 0.5).numpy().ravel()))
    attacked.exporting.panel("difference", View(), tmp_path / "difference.tiff", (0.0, 1.0), 0.25).run()
    image, said = written(tmp_path / "difference.tiff")
    assert "minus the clean one" in said
    assert '"window": [0.0, 0.25]' in said
    np.testing.assert_allclose(np.sort(image.ravel()), np.sort((one.perturbed - one.clean).abs().numpy().ravel()))


def test_a_signed_difference_keeps_its_sign_and_its_colours(attacked: Workbench, tmp_path: Path) -> None:
    one = attacked.result.outcome.comparison
    change = (one.perturbed - one.clean).numpy()
    upright = attacked.acquisition.upright.shown(change)
    full = float(np.abs(change).max())
    for suffix in ("tiff", "png"):
        path = tmp_path / f"signed.{suffix}"
        attacked.exporting.panel("difference", View(signed=True), path, (0.0, 1.0), full).run()
    image, said = written(tmp_path / "signed.tiff")
    np.testing.assert_allclose(image, upright)
    assert "orange above zero, sky blue below" in said
    with Image.open(tmp_path / "signed.png") as picture:
        colours = np.asarray(picture).astype(int)
    height = len(colours) // 2  # the label is below
    above, below = (upright[:height] > 0.2 * full), (upright[:height] < -0.2 * full)
    red, _, blue = np.moveaxis(colours[:height], -1, 0)
    assert above.any()
    assert below.any()
    assert (red[above] > blue[above]).all()
    assert (blue[below] > red[below]).all()


def test_a_panel_of_several_methods_names_its_method(attacked: Workbench, tmp_path: Path) -> None:
    attacked.exporting.panel("perturbed 2", View(lineup=True), tmp_path / "other.tiff", (0.0, 1.0)).run()
    image, said = written(tmp_path / "other.tiff")
    lineup = attacked.lining_up.found
    assert lineup is not None
    entry = lineup.entries[1]
    assert entry is not None
    np.testing.assert_allclose(np.sort(image.ravel()), np.sort(entry.outcome.comparison.perturbed.numpy().ravel()))
    assert '"Method": "Zero-filled"' in said
    assert "found on CG-SENSE" in said


@pytest.mark.parametrize("suffix", [".png", ".nii.gz"])
def test_other_formats_are_chosen_by_the_suffix(attacked: Workbench, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"panel{suffix}"
    task = attacked.exporting.panel("perturbed", View(), path, (0.0, 1e-4))
    task.run()
    assert task.done == f"The panel is saved as panel{suffix}."
    assert path.stat().st_size > 500


def test_at_another_method_than_the_result_s_a_panel_is_exported_as_it_is_on_screen(
    bench: Workbench, tmp_path: Path
) -> None:
    path, window = tmp_path / "panel.tiff", (0.0, 1.0)
    bench.regions.draw(ROI.box(62, 48, 10, 12), 1)
    bench.perturbing.choose("worst-case", steps=1)
    one = bench.perturbing.run().run().outcome.comparison
    bench.reconstruction.choose("zero-filled")
    for key in ("clean", "perturbed", "difference"):
        with pytest.raises(InputError, match="no image yet"):
            bench.exporting.panel(key, View(), path, window)
    rendered = bench.reconstruction.render().run()
    assert rendered.perturbed is not None
    changed = rendered.perturbed - rendered.image
    shown = {"clean": rendered.image, "perturbed": rendered.perturbed, "difference": changed.abs()}
    for key, image in shown.items():
        bench.exporting.panel(key, View(), path, window, 0.25).run()
        exported, said = written(path)
        np.testing.assert_array_equal(bench.acquisition.upright.inverse.shown(exported), image.numpy(), key)
        assert '"Method": "Zero-filled"' in said, key
        assert ("The attack was found on CG-SENSE." in said) == (key != "clean")
        assert ('"Marks": "attacked' in said) == (key != "clean")
    bench.exporting.panel("reference", View(truth=True), path, window).run()
    exported, said = written(path)
    truth = one.perturbed_reference
    np.testing.assert_array_equal(bench.acquisition.upright.inverse.shown(exported), truth.numpy())
    bench.reconstruction.choose("cg-sense")
    bench.exporting.panel("clean", View(), path, window).run()
    assert '"Method": "CG-SENSE"' in written(path)[1], "the result is on screen again, before anything is computed"


@pytest.mark.thorough
def test_what_is_shown_is_written_for_others(bench: Workbench, tmp_path: Path) -> None:
    window = (0.0, 1e-4)
    with pytest.raises(InputError, match="there is no result yet"):
        bench.exporting.film(tmp_path / "flicker.gif", window, "flicker", 2)
    bench.regions.draw(ROI.box(62, 46, 10, 12), 1)
    bench.perturbing.choose("random")
    bench.perturbing.further = (0.005,)
    bench.perturbing.run().run()
    for task in (
        bench.exporting.report(tmp_path / "report.html", window),
        bench.exporting.report(tmp_path / "report.pdf", window),
        bench.exporting.film(tmp_path / "flicker.gif", window, "flicker", 2),
        bench.exporting.film(tmp_path / "budgets.gif", window, "budgets", 1),
    ):
        assert task.run().is_file()
        assert task.done.endswith(".")


@pytest.mark.thorough
def test_a_reconstruction_is_reported_and_exported_before_anything_was_perturbed(
    scan_file: Path, tmp_path: Path
) -> None:
    bench, window = Workbench(), (0.0, 1.0)
    bench.acquisition.use(open_scan(scan_file))
    bench.acquisition.measure(1).run()
    bench.reconstruction.choose("cg-sense")
    assert not bench.exporting.possible
    bench.reconstruction.render().run()
    assert bench.exporting.possible
    rendered = bench.reconstruction.shown
    assert rendered is not None
    for suffix in ("html", "pdf"):
        assert bench.exporting.report(tmp_path / f"report.{suffix}", window).run().stat().st_size > 10_000
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Nothing was perturbed. In the whole image SSIM is " in text
    assert '"pair": ["reference", "clean"]' in text
    assert '<h2 id="case-1-title">CG-SENSE' in text
    bench.exporting.panel("clean", View(), tmp_path / "clean.tiff", window).run()
    image, said = written(tmp_path / "clean.tiff")
    np.testing.assert_array_equal(bench.acquisition.upright.inverse.shown(image), rendered.image.numpy())
    assert "MODIFIED" not in said
    with pytest.raises(InputError, match="there is no result yet"):
        bench.exporting.panel("difference", View(), tmp_path / "difference.tiff", window)
    bench.acquisition.close()


@pytest.fixture
def damaged(scan_file: Path, tmp_path: Path) -> Iterator[Workbench]:
    path = tmp_path / "damaged.h5"
    shutil.copy(scan_file, path)
    with h5py.File(path, "r+") as file:
        file["kspace"][0, 0, 5, 5] = np.nan
    bench = Workbench()
    bench.acquisition.use(open_scan(path))
    bench.acquisition.measure(1).run()
    bench.reconstruction.choose("cg-sense", weight=0.05)
    yield bench
    bench.acquisition.close()


def test_all_slices_are_by_the_method_and_the_sampling_that_are_set(damaged: Workbench, tmp_path: Path) -> None:
    path = tmp_path / "images.npy"
    with pytest.raises(InputError, match=r"images.npy is saved without slice 0: slice 0 of damaged.h5 has NaN"):
        damaged.exporting.all_slices(path).run()
    images = np.load(path)
    measured = damaged.acquisition.current
    np.testing.assert_array_equal(images[1], damaged.reconstruction.chosen(measured.measurement).numpy())
    assert np.isfinite(images).all((1, 2)).tolist() == [False, True, True]


def test_a_place_that_cannot_be_written_is_told_before_slices_are_reconstructed(
    attacked: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(volume, "reconstruct_scan", None)
    with pytest.raises(WritingError, match="images.npy"):
        attacked.exporting.all_slices(tmp_path / "file" / "images.npy").run()


def test_all_slices_want_a_scan(attacked: Workbench) -> None:
    with pytest.raises(InputError, match="no scan is open"):
        Workbench().exporting.all_slices(Path("images.npy"))
    bench = Workbench()
    measured = attacked.acquisition.current
    bench.acquisition.use_measured(replace(measured, scan=None), {}, Path("case"))
    with pytest.raises(InputError, match="a saved case has one slice; open the scan"):
        bench.exporting.all_slices(Path("images.npy"))
