"""A review that is kept by itself, and gone on with in another process."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_recon_robust import io
from napari_recon_robust.cases.record import load_case
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.data.scan import Scan
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import cancellable, run
from napari_recon_robust.ground.writing import WritingError
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.workbench import Workbench, saved_review
from napari_recon_robust.workbench.history import Attack

LESION = ROI.box(62, 48, 10, 12)


@pytest.fixture
def scan(scan_file: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(scan_file, tmp_path / "head.h5"))


@pytest.fixture
def sample_copy(scan_file: Path, tmp_path: Path) -> Path:
    """Another scan."""
    return Path(shutil.copy(scan_file, tmp_path / "other.h5"))


@pytest.fixture
def crashed(scan: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    """A review with a result that was kept, and whose process is gone."""
    bench = Workbench()
    bench.acquisition.open(scan).run()
    bench.acquisition.measure(1, Sampling(acceleration=3, seed=5)).run()
    bench.reconstruction.choose("cg-sense", weight=0.01)
    bench.regions.draw(ROI.box(10, 10, 5, 5), 0)
    bench.regions.draw(LESION, 1)
    bench.perturbing.choose("worst-case", steps=1)
    bench.perturbing.budget = 0.02
    bench.perturbing.run().run()
    bench.lining_up.choose(("hqs", "tv"), anew=True)
    bench.queue.add(["cg-sense", "hqs"], bench.regions.on(1)[:1], [0.01])
    bench.resuming.layout = lambda: {"review": True}
    bench.ruling.take("area")
    bench.ruling.draw(np.array([[1.0, 1.0], [1.0, 9.5], [8.0, 5.0]]))
    bench.ruling.take("profile")
    bench.ruling.draw(np.array([[1.0, 1.0], [9.0, 9.0]]))
    keep(bench)
    monkeypatch.setattr(saved_review, "_runs", lambda name: False)
    yield bench
    bench.acquisition.close()


def keep(bench: Workbench) -> None:
    task = bench.resuming.save()
    assert task is not None
    task.run()


def resumed() -> Workbench:
    bench = Workbench()
    bench.resuming.look()
    bench.resuming.resume().run()
    bench.acquisition.measure().run()
    return bench


def test_everything_is_there_again(crashed: Workbench) -> None:
    layouts: list[object] = []
    bench = Workbench()
    bench.resuming.resumed.connect(layouts.append)
    bench.resuming.look()
    assert bench.resuming.offered is not None
    expected = "(not closed): head.h5, slice 1, CG-SENSE, 2 regions, 1 attack, 2 in the queue, 2 measured by hand"
    assert bench.resuming.offered.words.endswith(expected)
    bench.resuming.resume().run()
    bench.acquisition.measure().run()
    for part in ("index", "sampling", "facts"):
        assert getattr(bench.acquisition, part) == getattr(crashed.acquisition, part)
    assert bench.reconstruction.method == crashed.reconstruction.method
    known = [(one.roi, one.slice, one.name, one.source) for one in crashed.regions.all]
    assert [(one.roi, one.slice, one.name, one.source) for one in bench.regions.all] == known
    assert bench.regions.chosen_on(1) == LESION
    ruled, known = bench.ruling.drawn, crashed.ruling.drawn
    assert [(one.kind, one.slice, one.points.tolist()) for one in ruled] == [
        (one.kind, one.slice, one.points.tolist()) for one in known
    ]
    assert [one.slice for one in ruled] == [1, None]
    assert (bench.perturbing.knobs, bench.perturbing.budget) == (crashed.perturbing.knobs, 0.02)
    assert (bench.lining_up.chosen, bench.lining_up.anew) == (("hqs", "tv"), True)
    orders = bench.queue.orders
    assert [one.title for one in orders] == [one.title for one in crashed.queue.orders]
    assert [(one.method, one.state, one.sampling) for one in orders] == [
        (one.method, "waiting", Sampling(acceleration=3, seed=5)) for one in crashed.queue.orders
    ]
    bench.queue.next().run()
    assert (orders[0].state, orders[0].sentence) == ("done", "")
    before, after = crashed.result, bench.result
    assert after.outcome.comparison.metrics == before.outcome.comparison.metrics
    assert after.outcome.comparison.sentence == before.outcome.comparison.sentence
    assert bench.perturbing.earlier == ""
    assert (layouts, bench.resuming.offered) == ([{"review": True}], None)
    bench.acquisition.close()


def test_what_a_given_mask_samples_is_not_kept_and_never_resumed_as_acquired(crashed: Workbench) -> None:
    """What was before it stays kept; attacks of the queue on such samples are left out."""
    kept, region = crashed.acquisition.sampling, crashed.regions.on(1)[:1]
    mask = torch.arange(crashed.acquisition.current.measurement.mask.shape[-1]) > 3
    crashed.acquisition.measure(sampling=mask).run()
    crashed.queue.add(["cg-sense"], region, [0.03])
    if (task := crashed.resuming.save()) is not None:
        task.run()
    bench = resumed()
    assert bench.acquisition.sampling == kept
    bench.acquisition.close()
    crashed.acquisition.measure(sampling=kept).run()
    crashed.perturbing.budget = 0.04
    keep(crashed)
    again = resumed()
    assert again.perturbing.budget == 0.04
    assert [one.sampling for one in again.queue.orders] == 2 * [kept]
    again.acquisition.close()


@pytest.mark.thorough
def test_the_budget_that_was_looked_at_is_looked_at_again(crashed: Workbench) -> None:
    crashed.perturbing.further = (0.005, 0.05)
    crashed.perturbing.run().run()
    looked = [crashed.result.outcome.perturbed.budget.nominal]
    keep(crashed)
    bench = resumed()
    looked.append(bench.result.outcome.perturbed.budget.nominal)
    assert [one.perturbed.budget.nominal for one in bench.result.outcomes] == [0.005, 0.02, 0.05]
    bench.perturbing.look_at(bench.result.outcomes[0])
    keep(bench)
    bench.acquisition.close()
    again = resumed()
    assert [*looked, again.result.outcome.perturbed.budget.nominal] == [0.02, 0.02, 0.005]
    again.acquisition.close()


@pytest.mark.slow
def test_it_goes_on_being_kept(crashed: Workbench, kept: Path) -> None:
    bench = resumed()
    bench.regions.draw(ROI.box(30, 30, 5, 5), 0)
    keep(bench)
    bench.resuming.close()
    bench.acquisition.close()
    again = Workbench()
    again.resuming.look()
    assert again.resuming.offered is not None
    said = again.resuming.offered.words
    assert said.endswith(": head.h5, slice 1, CG-SENSE, 3 regions, 1 attack, 2 in the queue, 2 measured by hand")
    assert "not closed" not in said
    assert len(list(kept.iterdir())) == 1
    again.resuming.resume().run()
    again.acquisition.measure().run()
    assert again.regions.all[-1].name == "drawn 3"
    assert again.perturbing.current is None, "another region is chosen"
    again.regions.choose(again.regions.on(1))
    assert again.result.outcome.comparison.metrics == crashed.result.outcome.comparison.metrics
    again.perturbing.run().run()
    keep(again)
    assert {one.name for one in kept.glob("*/result-*")} == {"result-0", "result-1"}
    again.acquisition.close()


@pytest.mark.parametrize("end", ["cancelled", "taken by another window"])
def test_a_scan_that_is_not_gone_on_with_is_closed(
    crashed: Workbench, kept: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    opened, open_scan = list[Scan](), io.open_scan
    monkeypatch.setattr(io, "open_scan", lambda *given, **more: opened.append(open_scan(*given, **more)) or opened[-1])
    bench = Workbench()
    bench.resuming.look()
    task = bench.resuming.resume()
    if end == "cancelled":
        while next(task.job).fraction <= 0.5:  # until the last result is being computed again
            pass
        task.job.close()
    else:
        found = run(task.job)
        shutil.rmtree(kept)
        with pytest.raises(InputError, match="another window has gone on with it"):
            task.accept(found)
    (scan,) = opened
    with pytest.raises(InputError, match="was closed"):
        scan.kspace(0)


def test_nobody_else_may_read_it(crashed: Workbench, kept: Path) -> None:
    (place,) = kept.iterdir()
    modes = [oct(path.stat().st_mode)[-3:] for path in (kept, place, place / "state.json")]
    assert modes == ["700", "700", "600"]


@pytest.mark.slow
def test_each_result_is_written_once_and_goes_with_its_images(
    crashed: Workbench, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert crashed.resuming.save() is None, "nothing has changed"
    (case,) = kept.glob("*/result-*")
    written = case.stat().st_mtime_ns
    crashed.perturbing.budget = 0.05
    keep(crashed)
    assert list(kept.glob("*/result-*")) == [case]
    crashed.perturbing.run().run()
    keep(crashed)
    assert len(list(kept.glob("*/result-*"))) == 2
    assert case.stat().st_mtime_ns == written
    crashed.history.memory = 1
    first, second = crashed.history.entries
    assert (first.result, first.has_images, second.result is not None) == (None, True, True)
    crashed.history.bring(first, lambda _: None).run()
    assert (
        crashed.history.entries[0].images.outcome.comparison.metrics["perturbed"]["roi"] == first.metrics["perturbed"]
    )
    monkeypatch.setattr("napari_recon_robust.workbench.history.DISK", 1)
    crashed.history.memory = 1
    keep(crashed)
    (other,) = kept.glob("*/result-*")
    assert other != case
    assert [one.has_images for one in crashed.history.entries] == [False, True]
    again = resumed()
    assert [one.has_images for one in again.history.entries] == [False, True]
    assert again.history.entries[0].metrics == crashed.history.entries[0].metrics
    again.acquisition.close()


def test_a_verdict_and_its_folder_are_there_again(crashed: Workbench, tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    crashed.rating.folder = tmp_path / "cases"
    rated = crashed.rating.rate("failure")
    assert rated is not None
    rated.run()
    keep(crashed)
    bench = resumed()
    assert (bench.rating.place, bench.rating.verdict) == (tmp_path / "cases" / "case-1", "failure")
    assert (bench.rating.folder, bench.rating.proposed) == (None, str(tmp_path / "cases"))
    bench.acquisition.close()


@pytest.mark.thorough
def test_the_whole_history_is_there_again(crashed: Workbench, tmp_path: Path) -> None:
    crashed.perturbing.further = (0.005,)
    crashed.perturbing.run().run()
    crashed.acquisition.measure(0, None).run()
    crashed.reconstruction.choose("zero-filled")
    crashed.regions.choose(crashed.regions.on(0))
    crashed.perturbing.choose("random")
    crashed.perturbing.run().run()
    keep(crashed)
    bench = resumed()
    before, after = crashed.history.entries, bench.history.entries
    assert [one.row() for one in after] == [one.row() for one in before]
    assert [(one.number, one.title, one.place) for one in after] == [
        (one.number, one.title, one.place) for one in before
    ]
    assert [one.result is not None for one in after] == [False, False, False, True, True], "both budgets of one run"
    assert bench.history.current is after[-1]
    shown: list[Attack] = []
    bench.history.bring(after[1], shown.append).run()
    assert [one.number for one in shown] == [2]
    task = bench.history.show(shown[0])
    assert task is not None
    task.run()
    assert bench.acquisition.index == 1
    assert bench.history.current is bench.history.entries[1]
    assert bench.perturbing.earlier == ""
    assert bench.result.outcome.comparison.metrics == before[1].images.outcome.comparison.metrics
    assert bench.reconstruction.chosen.id == "cg-sense"
    pairs: list[Any] = []
    bench.history.compare([bench.history.entries[0], bench.history.entries[3]], pairs.append).run()
    values = {row.name: (row.first, row.second) for row in pairs[0].rows}
    assert values["Method"] == ("CG-SENSE", "Zero-filled")
    bench.history.save([bench.history.entries[0]], tmp_path / "saved").run()
    saved = load_case(tmp_path / "saved")
    assert saved.recipe.budgets == (0.02,)
    known = before[0].images.outcome.to_json()
    assert {name: saved.results[0][name] for name in known} == known
    bench.acquisition.close()


def test_attacks_that_cannot_be_read_any_more_leave_the_others(crashed: Workbench, kept: Path, tmp_path: Path) -> None:
    crashed.perturbing.run().run()
    keep(crashed)
    first, _ = sorted(kept.glob("*/result-*"))
    shutil.rmtree(first)
    bench = resumed()
    with pytest.raises(InputError, match="its images cannot be read from the disk any more .* run it again"):
        bench.history.bring(bench.history.entries[0], print).run()
    with pytest.raises(InputError, match="Attack 1: its images .* 1 other is saved"):
        bench.history.save(bench.history.entries, tmp_path / "saved").run()
    (saved,) = (tmp_path / "saved").iterdir()
    assert saved.name.startswith("attack-002")
    bench.acquisition.close()


def test_a_slice_of_other_samples_does_not_take_an_attack(crashed: Workbench, kept: Path) -> None:
    crashed.acquisition.measure(0).run()
    keep(crashed)
    bench = resumed()
    entry = replace(bench.history.entries[0], disk=replace(bench.history.entries[0].disk, sampled=None))
    with pytest.raises(InputError, match="samples are not those of this scan"):
        bench.history.bring(entry, print).run()
    bench.acquisition.close()


def test_the_same_scan_opened_again_offers_what_was_done_on_it(
    crashed: Workbench, scan: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_review, "_runs", lambda name: True)
    crashed.acquisition.open(scan).run()
    assert crashed.history.entries == []
    assert crashed.resuming.offered is None, "it is not written yet"
    keep(crashed)
    found = crashed.resuming.offered
    assert found is not None
    assert found.words.endswith(": head.h5, slice 1, CG-SENSE, 2 regions, 1 attack, 2 in the queue, 2 measured by hand")
    crashed.resuming.resume().run()
    crashed.acquisition.measure().run()
    assert crashed.resuming.offered is None
    assert [one.number for one in crashed.history.entries] == [1]
    assert crashed.perturbing.current is not None
    keep(crashed)
    assert len(list(kept.iterdir())) == 1, "the one in between held no work"


def test_what_finished_just_before_the_window_was_closed_is_kept(crashed: Workbench) -> None:
    crashed.perturbing.run().run()
    crashed.resuming.close()
    bench = resumed()
    assert [one.has_images for one in bench.history.entries] == [True, True]
    bench.acquisition.close()


def test_what_is_being_kept_is_written_though_it_is_cancelled(crashed: Workbench) -> None:
    crashed.perturbing.run().run()
    task = crashed.resuming.save()
    assert task is not None
    with cancellable(lambda: True):  # as by the closing of the last dock
        for _ in task.job:
            pass
    bench = resumed()
    assert [one.has_images for one in bench.history.entries] == [True, True]
    bench.acquisition.close()


def test_what_finished_just_before_another_scan_is_kept(crashed: Workbench, sample_copy: Path, scan: Path) -> None:
    crashed.perturbing.run().run()
    crashed.acquisition.open(sample_copy).run()
    crashed.resuming.close()
    bench = Workbench()
    bench.acquisition.open(scan).run()
    assert bench.resuming.offered is not None
    assert len(bench.resuming.offered.review.attacks) == 2
    bench.acquisition.close()


def test_an_own_model_is_asked_for(crashed: Workbench, tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    lines = "def reconstruct(kspace, mask, sensitivities):", "    return ifft2(kspace).abs().sum(0)"
    path.write_text("\n".join(("from torch.fft import ifft2", *lines)))
    crashed.reconstruction.open(f"{path}:reconstruct").run()
    crashed.perturbing.choose("random")
    crashed.perturbing.run().run()
    keep(crashed)
    prepared = Workbench()
    prepared.resuming.look()
    prepared.reconstruction.open(f"{path}:reconstruct").run()
    assert [*prepared.resuming.resume().models] == [*prepared.reconstruction.own_models.values()] != []
    bench = Workbench()
    bench.resuming.look()
    with pytest.raises(InputError, match="own model and is not opened by itself"):
        bench.resuming.resume().run()
    bench.acquisition.measure().run()
    with pytest.raises(InputError, match="own"):
        bench.history.bring(bench.history.entries[1], print).run()
    bench.reconstruction.open(f"{path}:reconstruct").run()
    task = bench.history.bring(bench.history.entries[1], print)
    assert [*task.models] == [*bench.reconstruction.own_models.values()] != []
    task.run()
    assert bench.history.entries[1].result is not None
    bench.acquisition.close()


def test_a_review_comes_back_with_the_second_own_model_of_one_name(crashed: Workbench, tmp_path: Path) -> None:
    paths = [tmp_path / folder / "own.py" for folder in "ab"]
    for factor, path in enumerate(paths, 1):
        path.parent.mkdir()
        path.write_text(f"def reconstruct(image):\n    return {factor} * image\n", encoding="utf-8")
        crashed.reconstruction.open(str(path)).run()
    crashed.perturbing.choose("random")
    crashed.perturbing.run().run()
    keep(crashed)
    bench = Workbench()
    bench.resuming.look()
    for path in reversed(paths):
        bench.reconstruction.open(str(path)).run()
    second = next(iter(bench.reconstruction.own_models.values()))
    with pytest.raises(InputError, match="own model and is not opened by itself"):
        bench.resuming.resume().run()
    bench.acquisition.measure().run()
    assert bench.perturbing.result is not None
    assert bench.perturbing.result.setting.method.reconstructor is second
    bench.acquisition.close()


@pytest.mark.slow
def test_a_result_comes_back_with_its_slice(crashed: Workbench) -> None:
    crashed.acquisition.measure(0).run()
    keep(crashed)
    bench = resumed()
    assert (bench.acquisition.index, bench.perturbing.result) == (0, None)
    keep(bench)
    bench.acquisition.measure(1).run()
    assert bench.result.outcome.comparison.metrics["random"]
    bench.acquisition.close()


def test_a_scan_that_has_vanished_or_changed_gets_a_sentence(crashed: Workbench, scan: Path) -> None:
    scan.write_bytes(scan.read_bytes() + b"changed")
    bench = Workbench()
    bench.resuming.look()
    with pytest.raises(InputError, match="^head.h5 has changed since it was reviewed"):
        bench.resuming.resume().run()
    scan.rename(scan.with_name("moved.h5"))
    with pytest.raises(InputError, match="^head.h5 is not in .* any more"):
        bench.resuming.resume().run()
    assert not bench.acquisition.is_open
    assert bench.resuming.offered is not None


def test_a_scan_that_was_only_touched_is_gone_on_with(crashed: Workbench, scan: Path) -> None:
    os.utime(scan, (1, 1))
    bench = resumed()
    assert bench.regions.chosen_on(1) == LESION
    bench.acquisition.close()


def test_a_damaged_result_does_not_take_the_review_with_it(crashed: Workbench, kept: Path) -> None:
    (case,) = kept.glob("*/result-*")
    (case / "kspace.h5").write_bytes(b"")
    bench = resumed()
    assert bench.perturbing.current is None
    assert bench.regions.chosen_on(1) == LESION
    bench.acquisition.close()


def test_what_does_not_fit_any_more_is_said(crashed: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Workbench()
    bench.resuming.look()
    found = bench.resuming.offered
    assert found is not None
    other = replace(found, review=found.review.model_copy(update={"knobs": {"strength": 1}}))
    with pytest.raises(InputError, match="strength"):
        bench.resuming.resume(other).run()
    assert bench.regions.chosen_on(1) == LESION, "everything else is there"
    assert bench.perturbing.budget == 0.02
    bench.acquisition.close()


@pytest.mark.slow
def test_a_saved_case_that_was_open(crashed: Workbench, kept: Path, tmp_path: Path) -> None:
    crashed.rating.save(tmp_path / "case").run()
    shutil.rmtree(kept)  # its work would be offered first
    bench = Workbench()
    bench.open_case(tmp_path / "case").run()
    with pytest.raises(InputError, match="a saved case has one slice"):
        bench.film.read_slices(lambda: None)
    keep(bench)
    bench.resuming.close()
    again = Workbench()
    again.resuming.look()
    assert again.resuming.offered is not None
    assert again.resuming.offered.words.endswith(": the case case, CG-SENSE, 1 region, 1 attack")
    (tmp_path / "case").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="^case is not in .* any more; bring it back"):
        again.resuming.resume().run()
    (tmp_path / "elsewhere").rename(tmp_path / "case")
    again.resuming.resume().run()
    assert again.result.outcome.comparison.metrics == crashed.result.outcome.comparison.metrics


def test_a_refused_review_is_gone(crashed: Workbench, kept: Path) -> None:
    bench = Workbench()
    bench.resuming.look()
    assert bench.resuming.offered is not None
    bench.resuming.refuse(bench.resuming.offered)
    assert (bench.resuming.offered, list(kept.iterdir())) == (None, [])
    with pytest.raises(InputError, match="no review to go on with"):
        bench.resuming.resume()


def test_opening_something_else_withdraws_the_offer(crashed: Workbench, sample_copy: Path, kept: Path) -> None:
    bench = Workbench()
    bench.resuming.look()
    bench.acquisition.open(sample_copy).run()
    assert bench.resuming.offered is None
    assert len(list(kept.iterdir())) == 1
    bench.acquisition.close()


def test_two_windows_do_not_go_on_with_one_review(crashed: Workbench) -> None:
    one, other = Workbench(), Workbench()
    for bench in (one, other):
        bench.resuming.look()
    late = other.resuming.resume()
    one.resuming.resume().run()
    with pytest.raises((InputError, OSError)):
        late.run()
    one.acquisition.close()


def test_a_full_disk_is_said_once(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Workbench()
    bench.acquisition.open(scan).run()

    def full(*_: object) -> None:
        raise WritingError("state.json cannot be written (the disk is full); make room there.", "the disk is full")

    monkeypatch.setattr("napari_recon_robust.workbench.saved_review.write", full)
    with pytest.raises(WritingError, match="the disk is full"):
        keep(bench)
    bench.reconstruction.choose("cg-sense")
    assert bench.resuming.save() is None
    bench.acquisition.close()


def test_what_is_done_after_a_stop_is_not_kept_and_nothing_is_offered(
    crashed: Workbench, scan: Path, kept: Path
) -> None:
    before, bench = [*kept.iterdir()], Workbench()
    bench.resuming.look()
    assert bench.resuming.offered is not None
    bench.resuming.stop()
    assert bench.resuming.offered is None
    bench.resuming.look()
    assert bench.resuming.offered is None
    bench.acquisition.open(scan).run()
    assert bench.resuming.offers == ()
    bench.regions.draw(LESION, 1)
    assert bench.resuming.save() is None
    bench.acquisition.close()
    bench.resuming.close()
    assert [*kept.iterdir()] == before


def test_nothing_is_kept_of_nothing() -> None:
    assert Workbench().resuming.save() is None
