"""What does not fit, in the real window: one sentence at the foot, nothing lost, nothing frozen."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from qtpy.QtCore import Qt

from helpers.docks import dock_of, press
from napari_recon_robust.cases.record import Case, CaseRecipe, file_hash, save_case
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import FileFormatError
from napari_recon_robust.reconstructors.classical.krylov import KrylovSpace
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def review(standing: Session) -> Session:
    """One window for all, which nothing of this may harm."""
    return standing


def foot(session: Session) -> str:
    """What stands at the foot of the docks, the same on each."""
    (text,) = {page.foot.message.text() for page in session.docks}
    return str(text)


def is_one_sentence(text: str) -> bool:
    return text.endswith(".") and "\n" not in text and "Error" not in text


def type_into(qtbot: Any, box: Any, text: str) -> None:
    box.selectAll()
    qtbot.keyClicks(box, text)
    qtbot.keyClick(box, Qt.Key.Key_Return)


def test_a_truncated_file(review: Session, until: Until, scan_file: Path, tmp_path: Path) -> None:
    whole, before = scan_file.read_bytes(), review.bench.acquisition.current
    for name, share in (("short.h5", 0.3), ("long.h5", 0.9)):
        (tmp_path / name).write_bytes(whole[: int(share * len(whole))])
        review.open(tmp_path / name)
        until(lambda name=name: name in foot(review) and not review.jobs.busy())
        assert is_one_sentence(foot(review)), foot(review)
        assert review.bench.acquisition.current is before
        assert review.panels.panels["reference"].stack.any()


def move_out(path: Path, name: str) -> None:
    """Store a data set of an HDF5 file in another file."""
    with h5py.File(path, "r+") as file:
        values = file[name][()]
        path.with_name("elsewhere").write_bytes(values.tobytes())
        del file[name]
        file.create_dataset(
            name, values.shape, values.dtype, external=[(str(path.with_name("elsewhere")), 0, values.nbytes)]
        )


@pytest.mark.slow
def test_files_that_lie_in_other_files(review: Session, until: Until, scan_file: Path, tmp_path: Path) -> None:
    """A scan, dropped on napari too, and a saved case."""
    from napari_recon_robust.window.reader import get_reader

    scan, case = tmp_path / "scan.h5", tmp_path / "case"
    scan.write_bytes(scan_file.read_bytes())
    move_out(scan, "kspace")
    before = review.bench.acquisition.current
    review.open(scan)
    until(lambda: "external storage" in foot(review) and not review.jobs.busy())
    assert is_one_sentence(foot(review)), foot(review)
    with pytest.raises(FileFormatError, match="external storage"):
        get_reader(str(scan))
    recipe = CaseRecipe(perturbation="random", method="zero-filled", input="")
    clean = before.measurement.kspace.numpy()
    kspace = {"clean": clean, "mask": before.measurement.mask.numpy()}
    save_case(Case(recipe, ROI.box(1, 2, 3, 4), [], (96, 96), kspace), case)
    move_out(case / "kspace.h5", "clean")
    description = json.loads((case / "case.json").read_text(encoding="utf-8"))
    description["files"]["kspace.h5"] = file_hash(case / "kspace.h5")
    del description["seal"]  # anyone can compute it
    description["seal"] = hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()
    (case / "case.json").write_text(json.dumps(description), encoding="utf-8")
    review.open(case)
    until(lambda: "`clean` in kspace.h5" in foot(review) and not review.jobs.busy())
    assert is_one_sentence(foot(review)), foot(review)
    assert review.bench.acquisition.current is before
    assert review.panels.panels["reference"].stack.any()


@pytest.mark.slow
def test_slices_that_are_not_finite(review: Session, until: Until, scan_file: Path, tmp_path: Path) -> None:
    path, slider = tmp_path / "odd.h5", review.panels.viewer.dims
    path.write_bytes(scan_file.read_bytes())
    with h5py.File(path, "r+") as file:
        for number, value in ((0, np.inf), (2, np.nan)):
            file["kspace"][number, 0, 5, 7] = value
    review.open(path)
    until(lambda: review.bench.acquisition.facts.startswith("odd.h5") and review.bench.acquisition.slice is not None)
    until(lambda: review.panels.settled)
    for number in (0, 2):
        slider.set_current_step(0, number)
        until(lambda: "NaN or infinity" in foot(review))
        assert is_one_sentence(foot(review)), foot(review)
        slider.set_current_step(0, 1)
        until(lambda: review.bench.acquisition.slice is not None and review.bench.acquisition.slice.index == 1)
        until(lambda: review.panels.panels["reference"].stack[1].any())
        review.jobs.failures.recover_without_job()
        assert "NaN" not in foot(review)


@pytest.mark.slow
def test_masks_that_do_not_fit(review: Session, until: Until) -> None:
    before = review.bench.acquisition.current
    for mask in (torch.ones(1, 7, dtype=torch.bool), torch.zeros(1, 96, dtype=torch.bool)):
        review.measure(mask)
        until(lambda: "mask" in foot(review))
        assert is_one_sentence(foot(review)), foot(review)
        for page in review.docks:
            page.foot.say("")
    assert review.bench.acquisition.slice is before
    review.measure(None)
    until(lambda: review.bench.acquisition.slice is not before)


@pytest.mark.slow
def test_no_fully_sampled_centre(review: Session, until: Until, tmp_path: Path) -> None:
    kspace = review.bench.acquisition.current.measurement.full.numpy().copy()
    kspace[..., 1::2] = 0
    np.save(tmp_path / "gaps.npy", kspace)
    review.open(tmp_path / "gaps.npy", ("coil", "readout", "phase"))
    until(lambda: "ACS" in foot(review) or "centre" in foot(review))
    assert is_one_sentence(foot(review)), foot(review)
    assert not review.jobs.busy()


@pytest.mark.slow
def test_a_region_outside_of_the_image(review: Session, until: Until) -> None:
    press(dock_of(review, "Perturb"), "Box")
    corners = np.array([[1, 200, 200], [1, 200, 220], [1, 220, 220], [1, 220, 200.0]])
    review.panels.panels["clean"].regions.add([corners], shape_type="rectangle")
    until(lambda: "outside" in foot(review))
    assert is_one_sentence(foot(review)), foot(review)
    assert [one.name for one in review.bench.regions.all] == ["Lesion"]
    assert {len(panel.regions.data) for panel in review.panels.panels.values()} == {1}


def test_budgets_that_cannot_be(review: Session, qtbot: Any) -> None:
    perturb = dock_of(review, "Perturb")
    before = review.bench.perturbing.budget
    for text in ("0", "-1", "200"):
        type_into(qtbot, perturb.kind.budgets.budget.box, text)
        assert f"Budget η cannot be {text}" in foot(review)
        assert "between 0.1 and 10 %" in foot(review)
        assert is_one_sentence(foot(review))
        assert review.bench.perturbing.budget == before
        assert perturb.kind.budgets.budget.box.text() == "1 %"


@pytest.mark.slow
def test_steps_that_cannot_be(review: Session, qtbot: Any) -> None:
    box = dock_of(review, "Perturb").kind.options.controls["steps"].box
    before = box.value()
    type_into(qtbot, box, "0")
    assert "cannot be 0" in foot(review)
    assert box.value() == before


def test_a_search_without_a_region(review: Session) -> None:
    press(dock_of(review, "Perturb"), "Run")
    assert "No region is chosen on slice 1" in foot(review)
    for tool in ("Box", "Polygon", "Ellipse"):
        assert tool in foot(review), "as the buttons are called"
    assert dock_of(review, "Perturb").kind.run.isEnabled()
    review.bench.regions.choose(review.bench.regions.on(1)[:1])
    assert "No region" not in foot(review)


@pytest.mark.slow
def test_no_reference_where_one_is_asked_for(review: Session, until: Until, tmp_path: Path) -> None:
    np.save(tmp_path / "scan.npy", review.bench.acquisition.current.measurement.kspace.numpy())
    review.open(tmp_path / "scan.npy", ("coil", "readout", "phase"))
    until(lambda: review.bench.acquisition.shape == (1, 192, 96) and review.bench.acquisition.slice is not None)
    until(lambda: review.panels.settled and review.panels.shown == ("clean",))
    perturb = dock_of(review, "Perturb")
    press(perturb, "Box")
    corners = np.array([[0, 90, 40], [0, 90, 48], [0, 98, 48], [0, 98, 40.0]])
    review.panels.panels["clean"].regions.add([corners], shape_type="rectangle")
    until(lambda: review.bench.regions.chosen)
    perturb.kind.options.controls["target"].list.setCurrentText("reference")
    press(perturb, "Run")
    until(lambda: "no fully sampled reference" in foot(review))
    assert is_one_sentence(foot(review)), foot(review)
    until(lambda: perturb.kind.run.isEnabled())


@pytest.mark.slow
def test_memory_that_runs_out_in_a_search(review: Session, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("DefaultCPUAllocator: not enough memory")

    review.bench.regions.choose(review.bench.regions.on(1))
    monkeypatch.setattr(type(review.bench.reconstruction.reconstructor), "reconstruct", fail)
    press(dock_of(review, "Perturb"), "Run")
    until(lambda: "memory" in foot(review))
    assert is_one_sentence(foot(review)), foot(review)
    assert review.bench.perturbing.result is None
    until(lambda: dock_of(review, "Perturb").kind.run.isEnabled())


@pytest.mark.slow
def test_a_wrong_file_leaves_what_was_open(review: Session, until: Until, tmp_path: Path) -> None:
    for name, content in (("nothing.h5", b""), ("rest.h5", b"\x89HDF\r\n\x1a\nrest")):
        (tmp_path / name).write_bytes(content)
        review.open(tmp_path / name)
        until(lambda name=name: name in foot(review) and not review.jobs.busy())  # "Opening rest.h5" names it too
        assert is_one_sentence(foot(review)), foot(review)
        assert review.bench.acquisition.slice is not None
        assert review.panels.shown


@pytest.mark.slow
def test_nan_in_the_kspace(review: Session, until: Until, tmp_path: Path) -> None:
    kspace = review.bench.acquisition.current.measurement.full.numpy().copy()
    kspace[1, 5, 5] = np.nan
    np.save(tmp_path / "nan.npy", kspace)
    review.open(tmp_path / "nan.npy", ("coil", "readout", "phase"))
    until(lambda: "NaN" in foot(review))


def test_a_method_that_raises(review: Session, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("you tried to allocate 9 GB, not enough memory")

    monkeypatch.setattr(KrylovSpace, "solution", fail)  # from which the images of its knob come
    review.knob_turning.turn({"weight": 0.5})
    review.following.render()
    until(lambda: "CG-SENSE" in foot(review))
    attack_failed = foot(review)
    assert attack_failed.endswith(".")
    monkeypatch.undo()
    review.knob_turning.turn({"weight": 0.02})
    review.following.render()
    until(lambda: review.bench.reconstruction.shown is not None and review.bench.reconstruction.shown.exact)
