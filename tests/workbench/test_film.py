"""Rows of images that are there already."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.workbench import Workbench


@pytest.mark.slow
def test_budgets_attacks_and_iterations_of_a_search(bench: Workbench) -> None:
    assert bench.film.rows == {}
    bench.regions.draw(ROI.box(62, 48, 10, 12), 1)
    bench.perturbing.choose("worst-case", steps=2)
    bench.perturbing.budget, bench.perturbing.further = 0.01, (0.004,)
    told: list[int] = []
    bench.film.changed.connect(lambda: told.append(1))
    result = bench.perturbing.run().run()
    assert told
    rows = bench.film.rows
    assert [one.caption for one in rows["Budgets"]] == ["0.4%", "1%"]
    assert [one.caption.partition("% ")[0] for one in rows["Attacks"]] == ["1 · 0.4", "2 · 1"]
    assert rows["Attacks"][0].clean == (result.outcomes[0].comparison.clean, result.setting.method.label)
    assert [int(one.caption) for one in rows["Iterations"]] == sorted({int(one.caption) for one in rows["Iterations"]})
    assert all(one.image.shape == result.outcome.comparison.clean.shape for row in rows.values() for one in row)
    low, high = result.outcomes
    assert bench.perturbing.current is not None
    assert bench.perturbing.current.outcome is high
    look = rows["Budgets"][0].look
    assert look is not None
    look()
    assert bench.perturbing.current.outcome is low
    bench.film.choose("Budgets")
    for one, each in zip(bench.film.frames, result.outcomes, strict=True):
        assert one.image is each.comparison.perturbed
    bench.acquisition.measure(0).run()
    assert bench.film.rows == {}, "they are of another slice"
    assert bench.film.frames == ()


@pytest.mark.slow
def test_a_search_that_starts_anew_forgets_the_iterations_before(bench: Workbench) -> None:
    bench.regions.draw(ROI.box(62, 48, 10, 12), 1)
    bench.perturbing.choose("worst-case", steps=3)
    bench.perturbing.run().run()
    first = bench.film.rows["Iterations"]
    bench.perturbing.set(seed=1)
    bench.perturbing.run().run()
    second = bench.film.rows["Iterations"]
    assert len(first) == len(second)
    assert first[-1] is not second[-1]


def test_the_knob_that_is_prepared_is_a_row(bench: Workbench) -> None:
    task = bench.reconstruction.prepare()
    assert task is not None
    run(task.job)
    row = bench.film.rows["Knob"]
    assert len(row) == 9
    assert row[0].knobs is not None
    assert (bench.film.label("Knob", row), bench.film.label("Slices", ())) == ("Knob: Tikhonov weight", "Slices")
    assert row[0].tip == bench.film.title("Knob", row[0]) == f"Tikhonov weight {row[0].caption}"
    assert bench.film.title("Samples", row[0]) == f"Samples {row[0].caption}"


def test_all_slices_as_they_were_acquired(bench: Workbench) -> None:
    done: list[bool] = []
    bench.film.read_slices(lambda: done.append(True)).run()
    row = bench.film.rows["Slices"]
    assert done == [True]
    assert [one.slice for one in row] == list(range(bench.acquisition.shape[0]))
    reference = bench.acquisition.current.measurement.reference("rss")
    assert reference is not None
    assert torch.allclose(row[1].image, reference, rtol=1e-4)
    bench.acquisition.close()
    assert bench.film.rows == {}
    with pytest.raises(InputError):
        bench.film.read_slices(lambda: None)


@pytest.mark.thorough
def test_the_image_at_each_angle_of_a_rotation(bench: Workbench) -> None:
    bench.regions.draw(ROI.box(62, 48, 10, 12), 1)
    bench.perturbing.choose("rotation", angle=1.0, step=0.5, shift=2.0)
    result = bench.perturbing.run().run()
    row = bench.film.rows["Angles"]
    assert [one.caption for one in row if not one.caption.endswith("+")] == ["−1°", "−0.5°", "0°", "0.5°", "1°"]
    assert len(row) == 5 + 4
    one, still = result.outcome.comparison, row[[each.caption for each in row].index("0°")]
    assert still.tip == "The object as scanned, brought back"
    assert torch.equal(still.image, one.clean)
    worst = [
        each.image for each in row if torch.allclose(each.image, one.perturbed, atol=1e-6 * float(one.clean.max()))
    ]
    assert worst, "the pose that the result is of is among them"
    for steps in (1, 2):  # as a search would that brings its images back
        bench.perturbing.previewed.emit(replace(result.outcome.perturbed, loss=(0.0,) * steps))
    torch.testing.assert_close(bench.film.rows["Iterations"][-1].image, one.perturbed)


def test_several_methods_and_all_samples_are_rows(bench: Workbench) -> None:
    bench.regions.draw(ROI.box(62, 48, 10, 12), 1)
    bench.perturbing.choose("random")
    bench.perturbing.run().run()
    bench.lining_up.choose(("cg-sense", "zero-filled"), anew=False)
    bench.lining_up.run().run()
    assert [one.caption for one in bench.film.rows["Methods"]] == ["CG-SENSE", "Zero-filled"]
    assert all(one.tip.startswith(f"{one.caption}\n") for one in bench.film.rows["Methods"]), "captions are cut off"
    lineup = bench.lining_up.found
    assert lineup is not None
    for frame, method, entry in zip(bench.film.rows["Methods"], lineup.methods, lineup.entries, strict=True):
        assert entry is not None
        assert frame.clean == (entry.outcome.comparison.clean, method.label), "what it is the perturbed image of"
    assert "Samples" not in bench.film.rows


def test_of_one_slice_there_is_nothing_to_play(tmp_path: Path) -> None:
    """They were read again and again, without an end."""
    np.save(tmp_path / "one.npy", np.ones((1, 2, 8, 8), np.complex64))
    bench = Workbench()
    bench.acquisition.open(tmp_path / "one.npy", ("slice", "coil", "readout", "phase")).run()
    with pytest.raises(InputError, match="this scan has one slice, so there are none to play"):
        bench.film.read_slices(lambda: None)
