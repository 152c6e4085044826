"""The list of finished perturbations."""

import csv
from pathlib import Path

import pytest

from napari_recon_robust.cases.record import load_case
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.workbench import Workbench

FIRST, SECOND = ROI.box(62, 46, 10, 12), ROI.box(30, 40, 12, 12)


@pytest.fixture
def bench(bench: Workbench) -> Workbench:
    """Two attacks on slice 1, on different regions by different methods."""
    bench.regions.draw(FIRST, 1)
    bench.perturbing.choose("worst-case", steps=1)
    bench.perturbing.further = (0.005,)
    bench.perturbing.run().run()
    bench.regions.draw(SECOND, 1)
    bench.reconstruction.choose("zero-filled")
    bench.perturbing.choose("random")
    bench.perturbing.further = ()
    bench.perturbing.run().run()
    return bench


def test_every_budget_is_an_entry_and_is_shown_again_as_it_was_set(bench: Workbench) -> None:
    history = bench.history
    assert [(one.title, one.region) for one in history.entries] == [
        ("Worst-case noise 0.5% on CG-SENSE", "drawn 1"),
        ("Worst-case noise 1% on CG-SENSE", "drawn 1"),
        ("Random noise 1% on Zero-filled", "drawn 2"),
    ]
    assert history.entries[0].place == "slice 1 · 10×12 · drawn 1"
    assert history.current is history.entries[2]
    for entry in history.entries[:2]:
        assert entry.metrics["perturbed"].ssim < entry.metrics["clean"].ssim
    bench.regions.remove(bench.regions.all)
    bench.acquisition.measure(0).run()
    assert history.current is None
    task = history.show(history.entries[0])
    assert task is not None
    assert bench.perturbing.current is None, "its slice is not measured yet"
    task.run()
    shown = bench.perturbing.current
    assert shown is not None
    assert history.current is history.entries[0]
    assert bench.reconstruction.chosen.id == "cg-sense"
    assert (bench.perturbing.budget, bench.perturbing.further) == (0.01, (0.005,))
    assert [one.roi for one in bench.regions.chosen] == [FIRST], "the region was deleted meanwhile, and is drawn again"
    assert bench.perturbing.earlier == "", "everything is as it was"
    bench.perturbing.look_at(shown.outcomes[1])
    assert history.current is history.entries[1]
    assert len(history.entries) == 3, "another budget of a known result is no other result"
    assert history.show(history.entries[2]) is None
    assert history.current is history.entries[2]


def test_an_inserted_feature_is_named_and_not_the_region_that_was_chosen_elsewhere(bench: Workbench) -> None:
    bench.regions.choose(bench.regions.all[-2:-1])
    for row in (66.0, 36.0):  # in the region, and outside
        bench.perturbing.choose("fnaf", row=row, column=50.0)
        bench.perturbing.run().run()
    inside, elsewhere = bench.history.entries[-2:]
    assert (inside.region, elsewhere.region) == ("inserted blob in drawn 1", "inserted blob")
    assert inside.size == elsewhere.size != "10×12"


def test_the_oldest_lose_their_images_and_stay_in_the_list(bench: Workbench) -> None:
    history = bench.history
    history.memory = 1
    assert [one.result is None for one in history.entries] == [True, True, False]
    with pytest.raises(InputError, match="the images of Attack 1 made room for newer ones"):
        history.show(history.entries[0])
    bench.acquisition.close()
    assert history.entries == []


def test_the_attacks_of_one_run_lose_their_images_together(bench: Workbench) -> None:
    """They share them: if one of them kept them, no memory would be free."""
    history, found = bench.history, set[bool]()
    while history.memory > 1:
        history.memory = int(0.95 * history.memory)
        first, second, newest = (one.result is not None for one in history.entries)
        assert (first, newest) == (second, True), history.memory
        found.add(first)
    assert found == {True, False}


def test_two_are_compared(bench: Workbench) -> None:
    history, pairs = bench.history, []
    with pytest.raises(InputError, match="two attacks are compared"):
        history.compare(history.entries, pairs.append)
    mine = bench.reconstruction.own_models["mine"] = registry.get("tv")
    task = history.compare([history.entries[0], history.entries[2]], pairs.append)
    assert [*task.models] == [mine], "which images on the disk may be computed with"
    task.run()
    (pair,) = pairs
    rows = {row.name: (row.first, row.second) for row in pair.rows}
    assert rows["Budget"] == ("0.5%", "1%")
    assert rows["Region"] == ("slice 1 · 10×12 · drawn 1", "slice 1 · 12×12 · drawn 2")
    assert all("→" in one for name in ("SSIM", "PSNR, dB", "NMSE") for one in rows[name])
    assert pair.crops[0].images["clean"].shape == (10 + 24, 12 + 24)


def test_two_regions_of_one_name_and_size_are_told_apart_by_their_place(bench: Workbench) -> None:
    for row in (30, 50):
        bench.regions.choose([bench.regions.rename(bench.regions.draw(ROI.box(row, 40, 12, 12), 1), "lesion")])
        bench.perturbing.run().run()
    history, pairs = bench.history, []
    history.compare(history.entries[-2:], pairs.append).run()
    history.compare([history.entries[-1]] * 2, pairs.append).run()
    apart, same = (next(row for row in pair.rows if row.name == "Region") for pair in pairs)
    assert apart.first == "slice 1 · 12×12 · lesion · from row 30, column 40"
    assert apart.second == "slice 1 · 12×12 · lesion · from row 50, column 40"
    assert same.same
    assert same.first == "slice 1 · 12×12 · lesion"


@pytest.mark.slow
def test_of_a_cancelled_saving_the_complete_cases_are_noted(bench: Workbench, tmp_path: Path) -> None:
    history, folder = bench.history, tmp_path / "some"
    task = history.save(history.entries, folder)
    while not folder.exists() or len([*folder.iterdir()]) < 2:  # the first one has its place, the second has begun
        next(task.job)
    task.job.close()
    task.give_up()
    noted = [one.case for one in history.entries]
    assert noted[0] is not None
    assert noted[0].parent == folder
    assert load_case(noted[0]).recipe.budgets == (0.005,)
    assert noted[-1] is None


@pytest.mark.slow
def test_they_are_saved_as_cases_and_exported(bench: Workbench, tmp_path: Path) -> None:
    history = bench.history
    with pytest.raises(InputError, match="no attack is chosen"):
        history.save([], tmp_path / "none")
    history.save(history.entries[:1], tmp_path / "one").run()
    assert load_case(tmp_path / "one").recipe.budgets == (0.005,)
    with pytest.raises(InputError, match="would lie in the saved case one"):
        history.save(history.entries[1:], tmp_path / "one")
    history.save(history.entries[1:], tmp_path / "several").run()
    names = sorted(one.name for one in (tmp_path / "several").iterdir())
    assert names == ["attack-002-drawn-1-cg-sense", "attack-003-drawn-2-zero-filled"]
    history.export(tmp_path / "attacks.csv").run()
    with (tmp_path / "attacks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["number"], row["budget"], row["region"]) for row in rows] == [
        ("1", "0.005", "drawn 1"),
        ("2", "0.01", "drawn 1"),
        ("3", "0.01", "drawn 2"),
    ]
    assert rows[0]["sampling"].startswith("pattern=equispaced; acceleration=4.0; ")
    box = history.entries[0].box
    assert box is not None
    assert [rows[0][name] for name in ("row", "column", "height", "width")] == [f"{each}" for each in box]
    assert float(rows[0]["ssim_perturbed"]) == pytest.approx(history.entries[0].metrics["perturbed"].ssim, rel=1e-5)
    history.export(tmp_path / "last.csv", history.entries[2:]).run()
    assert len((tmp_path / "last.csv").read_text().splitlines()) == 2
    bench.acquisition.close()
    with pytest.raises(InputError, match="no attack has finished"):
        history.export(tmp_path / "empty.csv")
