"""A whole review, driven as a script does it: no Qt, no napari."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch

from helpers import broken_package
from helpers.faults import fails_at, steps
from helpers.saved_cases import saved
from napari_recon_robust.cases.replay import replay
from napari_recon_robust.data.orientation import Directions
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.data.scan import Scan
from napari_recon_robust.ground.errors import FileFormatError, InputError, ModelError, ReconRobustError
from napari_recon_robust.ground.progress import Job, Progress, run
from napari_recon_robust.ground.writing import WritingError
from napari_recon_robust.io import open_scan
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reports.export import export_image
from napari_recon_robust.workbench import Workbench
from napari_recon_robust.workbench.reconstruction import Rendered
from napari_recon_robust.workbench.task import Task, part

AXES = ("slice", "coil", "readout", "phase")
LESION = ROI.box(62, 48, 10, 12)


def perturbed(bench: Workbench, **knobs: object) -> None:
    bench.regions.draw(LESION, 1)
    bench.perturbing.choose("worst-case", steps=1, **knobs)
    bench.perturbing.run().run()


@pytest.mark.slow
def test_a_saved_case_knows_how_its_slice_lay(bench: Workbench, tmp_path: Path) -> None:
    scan = bench.acquisition.opened_scan
    directions = Directions(row=(0, 0, -1), column=(0, 1, 0))
    scan.header = scan.header.model_copy(update={"directions": directions, "first_pixels": ((1, 2, 3),) * len(scan)})
    perturbed(bench)
    bench.rating.save(tmp_path / "case").run()
    bench.acquisition.close()
    assert bench.acquisition.directions is None
    bench.open_case(tmp_path / "case").run()
    assert bench.acquisition.directions == directions
    image = nibabel.load(export_image(tmp_path / "case", "clean", tmp_path / "image.nii.gz"))
    assert nibabel.aff2axcodes(image.affine) == ("P", "I", "R")
    assert tuple(image.affine[:3, 3]) == (-1, -2, 3)


def test_a_saved_case_is_calibrated_in_the_job_and_not_where_it_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A root sum of squares needs no sensitivities, and its replay estimates none."""
    bench = Workbench()
    opening = bench.open_case(saved(tmp_path, "contrast", method="zero-filled"))
    opened = run(opening.job)

    def at_once(*_: object, **__: object) -> None:
        raise AssertionError("the sensitivities are estimated while the window waits")

    monkeypatch.setattr("napari_recon_robust.physics.coils.espirit_by_length", at_once)
    opening.accept(opened)
    assert bench.acquisition.current.snr > 0
    bench.acquisition.close()


@pytest.mark.slow
def test_it_needs_neither_qt_nor_napari() -> None:
    code = (
        "import sys, napari_recon_robust.workbench\n"
        "assert not {'torch', 'napari', 'qtpy', 'PyQt6', 'h5py'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_scan_opens_beside_a_package_that_cannot_be_loaded(scan_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken_package.install(monkeypatch)
    bench = Workbench()
    with pytest.warns(UserWarning, match=broken_package.SAID):
        bench.acquisition.open(scan_file).run()
    assert bench.acquisition.is_open
    bench.acquisition.close()


def test_a_scan_whose_opening_is_cancelled_is_closed(scan_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = list[Scan]()

    def open_and_note(*arguments: Any, **options: Any) -> Scan:
        opened.append(open_scan(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr("napari_recon_robust.io.open_scan", open_and_note)
    job = Workbench().acquisition.open(scan_file).job
    while not opened:
        next(job)
    job.close()
    with pytest.raises(InputError, match="was closed"):
        opened[0].kspace(0)


@pytest.mark.parametrize("slices", [1, 3])
def test_a_file_of_only_zeros_is_refused_and_the_open_scan_kept(bench: Workbench, tmp_path: Path, slices: int) -> None:
    np.save(tmp_path / "k.npy", np.zeros((slices, 2, 16, 12), np.complex64))
    scan, measured = bench.acquisition.scan, bench.acquisition.current
    with pytest.raises(InputError, match=r"^k.npy holds only zeros: export the file again\.$"):
        bench.acquisition.open(tmp_path / "k.npy", AXES).run()
    assert (bench.acquisition.scan, bench.acquisition.current) == (scan, measured)


@pytest.mark.parametrize("value", [1, np.nan])
def test_a_file_with_an_empty_slice_in_the_middle_opens(tmp_path: Path, value: float) -> None:
    kspace = np.zeros((3, 2, 16, 12), np.complex64)
    kspace[2] = value
    np.save(tmp_path / "k.npy", kspace)
    bench = Workbench()
    assert len(bench.acquisition.open(tmp_path / "k.npy", AXES).run()) == 3
    bench.acquisition.close()


def test_an_empty_slice_is_refused_before_it_is_drawn_and_the_next_one_is_whole(
    scan_file: Path, tmp_path: Path
) -> None:
    """Its zeros would be the window of all images that follow."""
    with open_scan(scan_file) as scan:
        head = scan.kspace(1).numpy()
    np.save(tmp_path / "k.npy", np.stack([head, 0 * head, head]))
    bench, seen = Workbench(), []
    bench.acquisition.previewed.connect(seen.append)
    bench.acquisition.open(tmp_path / "k.npy", AXES).run()
    with pytest.raises(InputError, match=r"^slice 1 of k.npy holds only zeros; choose another slice\.$"):
        bench.acquisition.measure(1).run()
    assert seen == []
    bench.acquisition.measure(2).run()
    assert bench.acquisition.current.reference is not None
    bench.acquisition.close()


@pytest.mark.slow
def test_a_review_from_the_file_to_the_saved_case_and_back(scan_file: Path, tmp_path: Path) -> None:
    bench = Workbench()
    scan = bench.acquisition.open(scan_file).run()
    assert bench.acquisition.scan is scan
    assert [region.name for region in bench.regions.all] == ["Lesion"]
    first_looks: list[torch.Tensor] = []
    bench.acquisition.previewed.connect(first_looks.append)
    bench.acquisition.measure(1, Sampling(acceleration=3)).run()
    assert first_looks[0].shape == (96, 96)
    bench.reconstruction.choose("cg-sense")
    rendered = bench.reconstruction.render().run()
    assert rendered.exact
    assert rendered.metrics is not None
    assert 0.5 < rendered.metrics["foreground"].ssim < 1

    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.choose("worst-case", steps=2)
    bench.perturbing.budget = 0.02
    seen: list[object] = []
    bench.perturbing.previewed.connect(seen.append)
    result = bench.perturbing.run().run()
    assert [one is None for one in seen] == [False, False, True], "none is the best so far any more"
    measured = result.outcome.comparison.metrics
    assert measured["perturbed"]["roi"].ssim < measured["random"]["roi"].ssim

    with steps(fails_at(1)), pytest.raises(WritingError, match="make room there, or name another folder"):
        bench.rating.save(tmp_path / "full").run()
    assert not list(tmp_path.iterdir())
    bench.rating.save(tmp_path / "case").run()
    again = Workbench()
    again.open_case(tmp_path / "case").run()
    restored = again.result
    assert restored.outcome.comparison.metrics == measured
    assert again.acquisition.shape == (1, 96, 96)
    assert again.reconstruction.knobs == bench.reconstruction.knobs
    assert again.perturbing.budget == 0.02
    assert again.regions.roi(0) == bench.regions.roi(1)
    assert again.acquisition.facts.startswith("case · a saved case of slice 1 of its scan · ")
    assert " · 96 × 96 px · " in again.acquisition.facts
    assert restored.note.startswith("The metrics are reproduced")
    bench.acquisition.close()


@pytest.mark.slow
def test_replay_runs_from_the_clean_image_to_the_perturbed_one(bench: Workbench) -> None:
    perturbed(bench)
    result = bench.result
    comparison, measurement = result.outcome.comparison, bench.acquisition.current.measurement
    assert result.at(0.0) == (comparison.clean, True)
    assert result.at(1.0) == (comparison.perturbed, True)
    assert not result.at(0.4)[1], "nothing is prepared yet"
    task = bench.perturbing.prepare()
    assert task is not None
    task.run()
    samples = measurement.kspace + 0.5 * result.outcome.perturbed.perturbation
    halfway = result.setting.method(measurement.with_kspace(samples))
    image, exact = result.at(0.5)
    assert exact
    torch.testing.assert_close(image, halfway.abs())
    moved = (comparison.perturbed - comparison.clean).norm()
    assert (result.at(0.45)[0] - image).norm() < 0.2 * moved


@pytest.mark.slow
def test_a_turned_object_is_shown_brought_back_at_every_setting(bench: Workbench) -> None:
    bench.perturbing.choose("rotation", angle=4, step=4)
    result = bench.perturbing.run(ROI.box(20, 20, 30, 30)).run()
    bench.reconstruction.turn(weight=0.01)
    task = bench.reconstruction.prepare()
    assert task is not None
    task.run()
    exact = bench.reconstruction.render().run()
    assert bench.reconstruction.shown is not None
    shown = bench.reconstruction.shown.perturbed
    assert shown is not None
    assert exact.perturbed is not None
    restored = result.outcome.perturbed.restore
    assert restored is not None
    torch.testing.assert_close(shown, restored(exact.whole["perturbed"]).abs())
    turned, back = (float((image - exact.image).norm()) for image in (exact.perturbed, shown))
    assert back < 0.9 * turned
    for weight in (0.02, 0.03):  # nothing is prepared at these settings, so that the image stays as it is
        bench.reconstruction._sweeps = []
        assert not bench.reconstruction.turn(weight=weight)
        assert bench.reconstruction.shown.perturbed is shown, "it is brought back once"


@pytest.mark.slow
def test_a_live_knob_answers_from_its_sweep_on_the_clean_and_the_perturbed_samples(bench: Workbench) -> None:
    perturbed(bench)
    shown: list[Rendered] = []
    bench.reconstruction.rendered.connect(shown.append)
    assert not bench.reconstruction.turn(weight=0.02), "nothing is prepared yet"
    task = bench.reconstruction.prepare()
    assert task is not None
    task.run()
    assert bench.reconstruction.ready
    assert bench.reconstruction.turn(weight=0.021)
    interpolated = shown[-1]
    assert not interpolated.exact
    exact = bench.reconstruction.render().run()
    assert exact.perturbed is not None
    assert interpolated.perturbed is not None
    for between, image in ((interpolated.image, exact.image), (interpolated.perturbed, exact.perturbed)):
        assert (between - image).norm() < 0.02 * image.norm()
    assert (exact.image - exact.perturbed).norm() > 0.01 * exact.image.norm()
    bench.acquisition.measure(0).run()
    assert bench.reconstruction.render().run().perturbed is None, "the perturbation is of another slice"


def test_an_exact_image_is_exact_again_when_a_knob_is_turned_away_and_back(bench: Workbench) -> None:
    exact, home = bench.reconstruction.render().run(), bench.reconstruction.knobs["weight"]
    shown: list[Rendered] = []
    bench.reconstruction.rendered.connect(shown.append)
    for weight in (0.02, 0.03, home):
        assert not bench.reconstruction.turn(weight=weight)
    assert [one.mark for one in shown] == ["earlier knobs", "earlier knobs", ""]
    assert [one.exact for one in shown] == [False, False, True]
    assert all(one.image is exact.image for one in shown)
    assert bench.exporting.possible
    bench.reconstruction.turn(weight=home)
    assert len(shown) == 3, "nothing has changed"


def test_a_result_at_other_knobs_says_which_ones_it_was_found_at(bench: Workbench) -> None:
    bench.regions.draw(ROI.box(62, 46, 10, 12), 1)
    bench.perturbing.choose("random")
    bench.perturbing.run().run()
    assert bench.perturbing.earlier == ""
    default = bench.reconstruction.knobs["weight"]
    bench.reconstruction.turn(weight=0.021)
    of = "Of Random noise at 1% on CG-SENSE, slice 1, as it was set for that run"
    assert bench.perturbing.earlier == f"{of}: CG-SENSE (weight {default:.3g})."
    bench.reconstruction.choose("zero-filled")
    assert bench.perturbing.earlier == f"{of}.", "the other method says enough"
    bench.reconstruction.choose("cg-sense", weight=0.021)
    bench.perturbing.run().run()
    bench.reconstruction.turn(weight=0.022)
    said = bench.perturbing.earlier
    assert said.count("weight") == said.count("weight 0.021") == 1, "its title names it"


def test_the_result_is_on_screen_as_long_as_its_method_and_knobs_are_set(bench: Workbench) -> None:
    changes: list[bool] = []
    bench.regions.draw(LESION, 1)
    bench.perturbing.choose("worst-case", steps=1)
    result = bench.perturbing.run().run()
    assert bench.perturbing.on_screen is result
    bench.perturbing.budget = 0.02  # the sentence on the result stays the same when the method changes, too
    bench.perturbing.earlier_changed.connect(lambda: changes.append(bench.perturbing.on_screen is not None))
    before = bench.perturbing.earlier
    bench.reconstruction.choose("zero-filled")
    assert bench.perturbing.earlier == before
    assert bench.perturbing.current is result
    bench.reconstruction.choose("cg-sense", iterations=5)
    bench.reconstruction.choose("cg-sense")
    assert bench.perturbing.on_screen is result
    assert (changes[0], changes[-1]) == (False, True)


def test_the_perturbed_image_of_other_samples_is_dropped_when_another_result_is_followed(bench: Workbench) -> None:
    bench.regions.draw(LESION, 1)
    bench.perturbing.choose("worst-case", steps=1)
    bench.perturbing.further = (0.005,)
    result = bench.perturbing.run().run()
    bench.reconstruction.choose("zero-filled")
    before = bench.reconstruction.render().run()
    assert before.perturbed is not None
    bench.perturbing.look_at(result.outcomes[0])
    shown = bench.reconstruction.shown
    assert shown is not None
    assert shown.perturbed is None
    assert "perturbed" not in shown.whole
    assert shown.image is before.image
    now = bench.reconstruction.render().run()
    assert now.perturbed is not None
    assert not torch.equal(now.perturbed, before.perturbed)


def test_a_cancelled_search_keeps_its_best_so_far(bench: Workbench) -> None:
    bench.regions.draw(LESION, 1)
    bench.perturbing.choose("worst-case", steps=50)
    task = bench.perturbing.run()
    best = next(progress.preview for progress in task.job if progress.preview)
    task.job.close()
    assert task.stopped is not None
    more = task.stopped(best)
    assert more is not None
    result = more.run()
    assert bench.perturbing.result is result
    assert not result.outcome.perturbed.complete
    assert task.stopped(None) is None


def test_budget_is_said_in_multiples_of_the_thermal_noise(bench: Workbench) -> None:
    perturbed(bench)
    result = bench.perturbing.result
    assert result is not None
    assert bench.perturbing.thermal == pytest.approx(result.outcome.perturbed.budget.thermal, rel=1e-3)


def test_results_that_come_too_late_are_dropped(bench: Workbench) -> None:
    late = bench.reconstruction.render()
    bench.reconstruction.turn(weight=0.05)
    late.run()
    assert bench.reconstruction.shown is None
    slow = bench.acquisition.measure(0)
    bench.acquisition.measure(2).run()
    slow.run()
    assert bench.acquisition.current.index == 2


def test_a_slice_is_left_also_if_it_was_never_measured(bench: Workbench) -> None:
    left: list[int] = []
    bench.acquisition.left.connect(lambda: left.append(bench.acquisition.index))
    bench.acquisition.measure(0)
    bench.acquisition.measure(2)  # before the one in between was read
    assert left == [0, 2]


def test_a_feature_is_placed_without_a_region(bench: Workbench) -> None:
    bench.perturbing.choose("fnaf", row=50.0, column=40.0)
    result = bench.perturbing.run().run()
    assert result.outcome.perturbed.judged_by == "perturbed"
    assert result.scaled is None
    assert "recovery" in result.outcome.perturbed.details


def test_the_image_of_an_own_model_says_how_it_contradicts_the_samples(bench: Workbench, tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text("def reconstruct(kspace, mask, sensitivities):\n    return 1e9 * sensitivities[0].abs()\n")
    assert bench.reconstruction.render().run().caution == ""
    bench.reconstruction.open(str(script)).run()
    assert "its image" in bench.reconstruction.render().run().caution


def test_own_models_of_one_name_stay_apart_and_one_that_is_opened_again_replaces_itself(
    bench: Workbench, tmp_path: Path
) -> None:
    """The second one stood for the first in the list, in earlier results and in the saved review."""
    method, opened = bench.reconstruction, []
    for folder in ("a", "b", "b"):
        (tmp_path / folder).mkdir(exist_ok=True)
        script = tmp_path / folder / "mine.py"
        script.write_text(f"# {len(opened)}\ndef reconstruct(image):\n    return image\n")
        method.open(f"{script}:reconstruct" if len(opened) == 1 else str(script)).run()
        opened.append(method.chosen.reconstructor)
    first, second, again = opened
    assert method.own_models == {"mine.py": first, "b/mine.py": again}
    assert method.find(first.id) is first
    assert second.id == again.id == again.label != first.label
    assert {one.recorded_id for one in opened} == {first.id}, "a case does not depend on what else is open"


@pytest.fixture
def of_one_name(bench: Workbench, tmp_path: Path) -> dict[str, Path]:
    """Two own models of one name, each the method of a saved case, `case` in its folder."""
    found = {}
    for number, folder in enumerate("ab"):
        (tmp_path / folder).mkdir()
        found[folder] = tmp_path / folder / "mine.py"
        found[folder].write_text(f"def reconstruct(image):\n    return {number + 1} * image\n", encoding="utf-8")
        bench.reconstruction.open(str(found[folder])).run()
        bench.perturbing.choose("random")
        bench.perturbing.run(LESION).run()
        bench.rating.save(tmp_path / folder / "case").run()
    return found


@pytest.mark.parametrize("order", ["b", "ba", "ab"])
def test_a_case_opens_with_its_own_model_in_whatever_order_models_of_its_name_are_opened(
    of_one_name: dict[str, Path], order: str
) -> None:
    again = Workbench()
    for folder in order:
        again.reconstruction.open(str(of_one_name[folder])).run()
    models = dict(zip(order, again.reconstruction.own_models.values(), strict=True))
    for folder in order:
        again.open_case(of_one_name[folder].parent / "case").run()
        assert again.reconstruction.reconstructor is models[folder]
        assert "The metrics are reproduced exactly." in again.result.note
        assert "What has changed" not in again.result.note


def test_the_gallery_replays_each_case_with_its_own_model(
    of_one_name: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_recon_robust.ground.user_cache.cache_folder", lambda: tmp_path / "cache")
    again = Workbench()
    for model in reversed(of_one_name.values()):
        again.reconstruction.open(str(model)).run()
    again.browsing.open(tmp_path).run()
    task = again.browsing.replay(again.browsing.entries)
    assert [*task.models] == [*again.reconstruction.own_models.values()]
    said = [*task.run().values()]
    assert len(said) == 2
    assert all("reproduced exactly" in one and "What has changed" not in one for one in said)


def test_a_case_is_replayed_by_itself_with_the_second_model_of_its_name(of_one_name: dict[str, Path]) -> None:
    again = run(replay(of_one_name["b"].parent / "case", registry.get(str(of_one_name["b"]))))
    assert again.reproduced
    assert not again.changes


def test_a_case_whose_model_has_changed_asks_for_it_only_where_two_could_be_meant(
    of_one_name: dict[str, Path],
) -> None:
    model, case = of_one_name["b"], of_one_name["b"].parent / "case"
    model.write_text(model.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    again = Workbench()
    again.reconstruction.open(str(model)).run()
    again.open_case(case).run()
    assert "mine.py was the file" in again.result.note
    again.reconstruction.open(str(of_one_name["a"])).run()
    with pytest.raises(InputError, match=r"none of the 2 models of that name .* is as it was then"):
        again.open_case(case).run()


def test_an_undersampled_scan_has_no_reference(bench: Workbench, tmp_path: Path) -> None:
    import numpy as np

    kspace = bench.acquisition.current.measurement.kspace.numpy()
    np.save(tmp_path / "scan.npy", kspace)
    bench.acquisition.open(tmp_path / "scan.npy", ("coil", "readout", "phase")).run()
    assert bench.acquisition.sampling is None
    bench.acquisition.measure().run()
    assert bench.acquisition.current.reference is None
    rendered = bench.reconstruction.render().run()
    assert rendered.metrics is None
    bench.perturbing.choose("worst-case", target="reference", steps=1)
    bench.regions.draw(ROI.box(90, 40, 8, 8), 0)
    with pytest.raises(InputError, match="no fully sampled reference"):
        bench.perturbing.run().run()


def test_regions(bench: Workbench) -> None:
    regions = bench.regions
    one, two = regions.draw(LESION, 1), regions.draw(ROI.ellipse(40, 40, 6, 5), 1)
    assert (one.name, two.name) == ("drawn 1", "drawn 2")
    regions.choose([one, two])
    both = regions.roi(1).mask((96, 96))
    assert torch.equal(both, one.roi.mask((96, 96)) | two.roi.mask((96, 96)))
    moved = regions.reshape(one, ROI.box(10, 10, 4, 4))
    assert regions.chosen == (moved, two)
    regions.remove([two])
    assert regions.roi(1) == moved.roi
    with pytest.raises(InputError, match="no region is chosen on slice 0"):
        regions.roi(0)


@pytest.mark.parametrize("budget", [0.0, -0.01, 1.5, float("nan")])
def test_budgets_that_do_not_fit(bench: Workbench, budget: float) -> None:
    bench.regions.draw(LESION, 1)
    bench.perturbing.choose("worst-case")
    bench.perturbing.budget = budget
    with pytest.raises(InputError, match="budget"):
        bench.perturbing.run().run()


def test_what_is_asked_too_early_is_said_in_one_sentence() -> None:
    bench = Workbench()
    for action in (
        bench.acquisition.measure,
        bench.reconstruction.render,
        bench.perturbing.run,
        lambda: bench.rating.save(Path("nowhere")),
    ):
        with pytest.raises(InputError, match=r"^[^.]+; [^.]+\.$|is chosen"):
            action()


def test_files_that_cannot_be_read(tmp_path: Path, bench: Workbench) -> None:
    scan = bench.acquisition.scan
    (tmp_path / "empty.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    for path in (tmp_path / "missing.h5", tmp_path / "empty.h5"):
        with pytest.raises(FileFormatError):
            bench.acquisition.open(path).run()
    assert bench.acquisition.scan is scan, "what was open is lost"
    with pytest.raises(FileFormatError):
        bench.open_case(tmp_path).run()
    with pytest.raises(InputError, match="slice 7"):
        bench.acquisition.measure(7)


@pytest.mark.thorough
def test_a_method_that_raises(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(type(bench.reconstruction.reconstructor), "reconstruct", fail)
    with pytest.raises(ModelError, match="mat1"):
        bench.reconstruction.render().run()
    bench.regions.draw(LESION, 1)
    bench.perturbing.choose("worst-case")
    with pytest.raises(ReconRobustError):
        bench.perturbing.run().run()


@pytest.mark.slow
def test_a_pass_through_a_3d_scan_is_seen_as_it_goes(tmp_path: Path) -> None:
    """Opening it makes the first pass; a slice of another block makes one of its own."""
    ends = (np.linspace(-1, 1, n, endpoint=False) for n in (24, 20, 16))
    x, y, z = np.meshgrid(*ends, indexing="ij")
    object = (x**2 + 2 * y**2 + 2 * z**2 < 0.7) * (1 + 0.5 * np.stack([y, z, -y]))
    kspace = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(object, (1, 2, 3)), axes=(1, 2, 3)), (1, 2, 3))
    (tmp_path / "scan.hdr").write_text("# Dimensions\n24 20 16 3\n")
    kspace.astype(np.complex64).transpose(0, 3, 2, 1).tofile(tmp_path / "scan.cfl")
    bench, seen = Workbench(), list[Progress]()
    bench.acquisition.open(tmp_path / "scan.cfl").run(seen.append)
    read = [step.fraction for step in seen if step.message == "Reading slices 0 to 23"]
    assert len(read) == 16
    assert read == sorted(read)
    assert 0.9 <= read[0] < read[-1] < 1
    bench.acquisition.opened_scan._block = None  # type: ignore[attr-defined]
    seen.clear()
    bench.acquisition.measure(11, None).run(seen.append)
    assert [step.fraction for step in seen[1:17]] == pytest.approx([0.3 * n / 16 for n in range(16)])


def test_a_part_scales_progress_and_is_closed_with_the_whole() -> None:
    closed = []

    def job() -> Job[int]:
        try:
            yield Progress(0.5, "half")
            yield Progress(1.0, "done")
        finally:
            closed.append(True)
        return 3

    accepted: list[int] = []
    steps: list[float] = []
    Task("t", part(job(), 0.2, 0.6), accepted.append).run(lambda progress: steps.append(progress.fraction))
    assert accepted == [3]
    assert steps == pytest.approx([0.4, 0.6])
    whole = part(job(), 0, 1)
    next(whole)
    whole.close()
    assert closed == [True, True]


def test_the_best_so_far_is_shown_beside_the_image_of_its_own_method_only(scan_file: Path) -> None:
    bench = Workbench()
    bench.acquisition.open(scan_file).run()
    bench.acquisition.measure(1).run()
    bench.reconstruction.choose("cg-sense")
    bench.regions.choose(bench.regions.on(1)[:1])
    bench.perturbing.choose("worst-case", steps=1)
    task, found = bench.perturbing.run(), []
    job = task.job
    while not found:
        found += [one for one in (next(job).preview,) if one]
    assert task.preview is not None
    task.preview(found[0])
    assert bench.perturbing.best is found[0][-1]
    bench.reconstruction.choose("zero-filled")
    assert bench.perturbing.best is None, "the clean image is another method's now"
    task.preview(found[0])
    assert bench.perturbing.best is None
    bench.reconstruction.choose("cg-sense")
    task.preview(found[0])
    assert bench.perturbing.best is found[0][-1]
    job.close()
    bench.acquisition.close()


@pytest.mark.parametrize(("phase", "lines"), [(64, 12), (72, 12), (96, 8), (24, 7)])
def test_a_narrow_scan_is_first_looked_at_with_a_centre_that_sensitivities_can_be_estimated_from(
    bench: Workbench, tmp_path: Path, phase: int, lines: int
) -> None:
    noise = np.random.default_rng(0).standard_normal((2, 4, 64, phase), dtype=np.float32)
    envelope = np.hypot(np.arange(64)[:, None] - 32, np.arange(phase) - phase // 2) + 1
    np.save(tmp_path / "narrow.npy", ((noise[0] + 1j * noise[1]) / envelope).astype(np.complex64))
    bench.acquisition.open(tmp_path / "narrow.npy", ("coil", "readout", "phase")).run()
    bench.acquisition.measure().run()
    mask = bench.acquisition.current.measurement.mask[0]
    beside = (~mask).nonzero().flatten() - phase // 2
    assert int(beside[beside >= 0].min() - beside[beside < 0].max()) - 1 >= lines
    assert bench.acquisition.current.measurement.calibration is not None
