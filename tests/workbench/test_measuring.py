"""The statistics of the regions."""

import csv
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_recon_robust.analyses.noise_map import reference_noise
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.simulation.acquisition import simulate_slice
from napari_recon_robust.workbench import Workbench
from napari_recon_robust.workbench.acquisition import calibrate
from napari_recon_robust.workbench.measuring import _against
from napari_recon_robust.workbench.regions import Regions

LESION = ROI.box(62, 48, 10, 12)


@pytest.mark.thorough
def test_before_an_attack_and_after(bench: Workbench, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the exact image is not there yet"):
        bench.measuring.run()
    bench.reconstruction.render().run()
    rows = bench.measuring.run().run()
    assert [(row.image, row.region) for row in rows] == [("reference", "1 Lesion"), ("clean", "1 Lesion")]
    assert (rows[0].ssim, rows[0].area_mm2) == (None, pytest.approx(rows[0].pixels * 400 / 192 * 200 / 96, rel=0.02))
    assert all(row.snr is not None and row.snr > 5 for row in rows)
    assert rows[0].snr > rows[1].snr, "undersampling costs signal to noise"

    bench.regions.draw(LESION, 1)
    assert bench.measuring.found is None, "another region is chosen"
    bench.perturbing.choose("worst-case", steps=1)
    result = bench.perturbing.run().run()
    rows = bench.measuring.run().run()
    found = {row.image: row for row in rows}
    assert list(found) == ["reference", "clean", "perturbed", "random"]
    assert [row.method for row in rows] == ["", *3 * [bench.reconstruction.chosen.title]]
    for name, metrics in result.outcome.comparison.metrics.items():
        if name in found:
            assert found[name].ssim == pytest.approx(metrics["roi"].ssim)
    assert found["random"].snr is None
    assert [row.against for row in rows] == ["", *3 * ["reference"]]
    bench.measuring.save(tmp_path / "regions.csv").run()
    with (tmp_path / "regions.csv").open() as file:
        assert [line["image"] for line in csv.DictReader(StringIO(file.read()))] == list(found)
    bench.reconstruction.turn(weight=0.02)
    assert bench.measuring.found is None
    with pytest.raises(InputError, match="not measured yet"):
        bench.measuring.save(tmp_path / "again.csv")


@pytest.mark.parametrize(
    "change",
    [
        lambda regions: regions.reshape(regions.all[0], ROI.box(30, 40, 5, 5)),
        lambda regions: regions.remove(regions.all[:1]),
        lambda regions: regions.rename(regions.all[0], "other"),
    ],
    ids=["reshaped", "removed", "renamed"],
)
@pytest.mark.parametrize("chosen", [True, False])
def test_the_table_goes_when_the_regions_are_others(
    bench: Workbench, change: Callable[[Regions], object], chosen: bool
) -> None:
    regions = bench.regions
    regions.draw(LESION, 1)
    regions.draw(ROI.box(20, 20, 4, 6), 0)
    bench.reconstruction.render().run()
    regions.choose(regions.on(1) if chosen else [])
    assert len(bench.measuring.run().run()) == 4
    regions.rename(regions.all[-1], "on another slice")
    assert bench.measuring.found is not None
    change(regions)
    with pytest.raises(InputError, match="not measured yet"):
        bench.measuring.save(Path("regions.csv"))


def test_a_table_of_all_regions_goes_when_there_is_another_one_or_one_less(bench: Workbench) -> None:
    measuring, regions = bench.measuring, bench.regions
    bench.reconstruction.render().run()
    for change in (lambda: regions.suggest([(LESION, "fragile")], 1), bench.undoing.undo):
        assert len(measuring.run().run()) == 2 * len(regions.on(1))
        change()
        assert (measuring.found, regions.chosen) == (None, ())


@pytest.mark.parametrize("kind", ["worst-case", "fnaf"])
def test_at_other_knobs_than_the_result_s_the_images_on_screen_are_measured_and_named(
    bench: Workbench, tmp_path: Path, kind: str
) -> None:
    bench.regions.draw(LESION, 1)
    bench.perturbing.choose(kind, **({"steps": 1} if kind == "worst-case" else {}))
    result = bench.perturbing.run().run()
    bench.reconstruction.choose("zero-filled")
    with pytest.raises(InputError, match="the exact image is not there yet"):
        bench.measuring.run()
    rendered = bench.reconstruction.render().run()
    assert rendered.perturbed is not None
    found = {row.image: row for row in bench.measuring.run().run()}
    assert [*found] == ["reference", "clean", "perturbed"], "there is no control of this method"
    mask, reference = LESION.mask((96, 96)), rendered.reference
    assert reference is not None
    for name, image in (("clean", rendered.image), ("perturbed", rendered.perturbed)):
        assert found[name].mean * found[name].maximum == pytest.approx(float(image[mask].mean()))
        assert found[name].method == "Zero-filled"
        assert found[name].snr is not None
    truth = result.outcome.perturbed.truth(rendered.method.reference_kind)
    assert truth is not None
    target = truth.abs() if kind == "fnaf" else reference
    errors = (rendered.perturbed - target)[mask].square().sum() / target[mask].square().sum()
    assert found["perturbed"].nmse == pytest.approx(float(errors), rel=1e-4)
    bench.measuring.save(tmp_path / "regions.csv").run()
    with (tmp_path / "regions.csv").open() as file:
        lines = [*csv.DictReader(file)]
    assert [line["method"] for line in lines] == ["", "Zero-filled", "Zero-filled"]
    changed = "perturbed reference" if kind == "fnaf" else "reference"
    assert [line["against"] for line in lines] == ["", "reference", changed]


def test_without_a_reference_images_are_measured_against_the_clean_one(bench: Workbench) -> None:
    seen = {name: torch.full((8, 8), value) for name, value in (("clean", 1.0), ("perturbed", 2.0), ("random", 3.0))}
    found = _against(None, seen["clean"], seen, bench.reconstruction.chosen, changed=False)
    assert [*found] == [*seen]
    assert found["clean"].target is None
    for name in ("perturbed", "random"):
        assert (found[name].target is seen["clean"], found[name].against) == (True, "clean")


def test_a_slice_without_regions(bench: Workbench) -> None:
    bench.acquisition.measure(0).run()
    with pytest.raises(InputError, match="no region is on slice 0"):
        bench.measuring.run()


@pytest.mark.parametrize("padded", [0, 8, 14])
def test_the_snr_of_a_slice_knows_that_padding_has_no_noise(padded: int) -> None:
    disc = (np.hypot(*np.mgrid[-1:1:96j, -1:1:96j]) < 0.75).astype(float)
    one = simulate_slice(disc, np.random.default_rng(0), coils=8, noise_level=0.01)
    mask = torch.ones(1, 96, dtype=torch.bool)
    mask[:, :padded] = mask[:, 96 - padded :] = False
    found = calibrate(None, 0, None, Measurement(one.kspace * mask, mask, (96, 96), one.kspace * mask))
    of_map = reference_noise(found.measurement)[found.foreground].square().mean().sqrt() * 2**0.5  # of both parts
    assert found.reference is not None
    assert found.snr == pytest.approx(float(found.reference[found.foreground].mean() / of_map), rel=0.1)
