"""What cannot be looked at yet is said, and nothing is switched on that is not seen."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.docks import dock_of
from helpers.windows import open_scan
from napari_recon_robust.canvas.titles import in_one_line
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.data.window import Window
from napari_recon_robust.window.keys import run
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["random", "truth"])
def test_without_a_result_there_is_no_control_and_no_truth(standing: Session, name: Any) -> None:
    run(name, standing.panels.viewer)
    assert dock_of(standing, "Compare").foot.message.text() == "There is no result yet: run a perturbation."
    assert not getattr(standing.scene.view, name)


@pytest.mark.thorough
def test_at_other_knobs_the_panels_show_the_images_of_those_whatever_is_pressed(review: Session, until: Until) -> None:
    bench, panels, view = review.bench, review.panels.panels, review.scene.view
    compare, outcome = dock_of(review, "Compare"), dock_of(review, "Perturb").outcome
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.set(steps=1)
    review.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and not review.jobs.working)
    result, home = bench.result, dict(bench.reconstruction.knobs)
    outcome.scaled.setValue(100)
    compare.random.click()
    assert in_one_line(panels["perturbed"].title).endswith(" · random noise added")
    review.knob_turning.pick({"iterations": 3})
    until(lambda: bench.reconstruction.shown.exact and not review.jobs.working)
    shown = bench.reconstruction.shown

    def check() -> None:
        np.testing.assert_array_equal(panels["clean"].stack[1], shown.image.numpy())
        np.testing.assert_array_equal(panels["perturbed"].stack[1], shown.perturbed.numpy())
        assert panels["clean"].title.startswith("CG-SENSE · SSIM")
        assert panels["perturbed"].title == "Perturbed 1%, CG-SENSE · found at other knobs · attacked"
        assert panels["difference"].title.endswith(" · attacked")
        assert (view.random, view.factor, compare.random.isChecked()) == (False, 1.0, False)
        assert outcome.scaled_to.text() == "Budget 1%:"

    check()
    assert not compare.random.isEnabled()
    assert not outcome.scaled.isEnabled()
    way_back = f"set the method and knobs of the result, {result.setting.method.title},"
    assert way_back in compare.random.toolTip()
    assert way_back in outcome.scaled.toolTip()
    run("random", review.panels.viewer)
    assert compare.foot.message.text() == f"Other images are shown; {way_back} to see the control."
    for draw in (review.scene.draw_again, review.scene.reconstruction, lambda: review.look(factor=1.0)):
        draw()
        check()
    run("truth", review.panels.viewer)
    truth = result.outcome.comparison.perturbed_reference.numpy()
    np.testing.assert_array_equal(panels["reference"].stack[1], truth)
    assert panels["reference"].title == "Reference, perturbed · attacked"
    run("truth", review.panels.viewer)
    assert panels["reference"].title == "Reference"
    check()
    review.knob_turning.pick(home)
    until(lambda: bench.reconstruction.shown.exact and not review.jobs.working)
    np.testing.assert_array_equal(panels["clean"].stack[1], result.outcome.comparison.clean.numpy())
    assert compare.random.isEnabled()
    assert outcome.scaled.isEnabled()
    assert outcome.scaled_to.text() == "Budget 1%; drag for less:"


@pytest.mark.thorough
def test_while_the_perturbed_image_of_the_set_method_is_missing_none_stands_in_for_it(
    review: Session, until: Until
) -> None:
    bench, panels = review.bench, review.panels.panels
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.set(steps=1)
    bench.perturbing.further = (0.005,)
    review.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and not review.jobs.working)
    review.choose_method("zero-filled")
    until(lambda: bench.reconstruction.shown is not None and not review.jobs.working)
    assert panels["perturbed"].stack[1].any()
    bench.perturbing.look_at(bench.result.outcomes[0])
    assert panels["perturbed"].title == "Perturbed · computing Zero-filled…"
    assert not panels["perturbed"].stack[1].any()
    until(lambda: panels["perturbed"].title.startswith("Perturbed 0.5%, Zero-filled · found on CG-SENSE"))
    np.testing.assert_array_equal(panels["perturbed"].stack[1], bench.reconstruction.shown.perturbed.numpy())


@pytest.mark.parametrize("rendered", [True, False])
def test_a_result_is_shown_again_when_a_knob_of_a_slow_method_is_turned_away_and_back(
    review: Session, until: Until, rendered: bool
) -> None:
    bench, panels, keys = review.bench, review.panels.panels, ("clean", "perturbed", "difference")
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.choose("noise-level")
    review.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and not review.jobs.working)
    bench.reconstruction.seconds["cg-sense"] = 60.0
    bench.reconstruction._sweeps = []  # none of its range is prepared
    perturbed, home = bench.result.outcome.perturbed, bench.reconstruction.knobs["weight"]
    before = {key: (panels[key].title, panels[key].stack[1].copy()) for key in keys}
    if rendered:
        bench.reconstruction.follow(None)
        bench.reconstruction.follow(perturbed)  # its own image of these samples is not rendered yet
    else:
        bench.reconstruction.choose(bench.result.setting.method)
        review.jobs.cancel("render")
        until(lambda: not review.jobs.working)
        bench.reconstruction._sweeps = []
    assert (bench.reconstruction.shown is not None) == rendered
    review.knob_turning.turn({"weight": 0.03})
    until(lambda: panels["perturbed"].title == "Perturbed · no image of CG-SENSE")
    assert not panels["perturbed"].stack[1].any()
    clean = panels["clean"].title
    assert clean.endswith("earlier knobs") if rendered else clean == "Zero-filled · no image of CG-SENSE"
    review.knob_turning.turn({"weight": home})
    assert bench.perturbing.on_screen is bench.result
    until(lambda: not review.following._waiting.isActive())
    for key, (title, image) in before.items():
        assert panels[key].title == title
        np.testing.assert_array_equal(panels[key].stack[1], image)
    assert dock_of(review, "Reconstruct").method.mark.text() == ""


def test_an_image_of_the_film_strip_stands_beside_the_clean_one_of_its_method(review: Session, until: Until) -> None:
    """Of another one that is set the difference was taken, and of another region nothing was to be seen."""
    bench, panels = review.bench, review.panels.panels
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.choose("worst-case", steps=2)
    bench.perturbing.budget, bench.perturbing.further = 0.01, (0.004,)
    review.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and not review.jobs.working)
    comparison, rows = bench.perturbing.current.outcome.comparison, bench.film.rows
    assert all(frame.clean is None for name in ("Budgets", "Iterations") for frame in rows[name])
    review.choose_method("zero-filled")
    until(lambda: panels["clean"].title.startswith("Zero-filled") and not review.jobs.working)
    for name in ("Budgets", "Iterations"):
        review.cine.show(bench.film.rows[name][-1], name)
        np.testing.assert_allclose(panels["clean"].stack[1], comparison.clean, atol=1e-6)
        assert panels["clean"].title == "CG-SENSE"
        assert panels["perturbed"].title.endswith("attacked")
        review.scene.draw_again()
        assert panels["clean"].title.startswith("Zero-filled")
    bench.regions.draw(ROI.box(20, 20, 8, 8), 1)
    assert bench.perturbing.current is None
    until(lambda: review.panels.settled)
    assert "perturbed" not in review.panels.shown
    review.cine.show(bench.film.rows["Iterations"][-1], "Iterations")
    assert "perturbed" in review.panels.shown
    assert panels["perturbed"].title.endswith("attacked")
    assert panels["clean"].title == "CG-SENSE"


@pytest.mark.thorough
def test_an_attack_of_the_film_strip_is_not_called_random_noise(review: Session, until: Until) -> None:
    bench, panels = review.bench, review.panels.panels
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.set(steps=1)
    review.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and not review.jobs.working)
    review.look(random=True)
    review.scene.frame("perturbed", bench.result.outcome.comparison.perturbed, "An attack", done="attacked")
    assert panels["perturbed"].title == "An attack · attacked"


@pytest.mark.thorough
def test_panels_that_the_user_deletes_are_read_no_more_and_it_is_said_how_they_come_back(
    standing: Session, until: Until
) -> None:
    bench, panels, foot = standing.bench, standing.panels, dock_of(standing, "Compare").foot.message
    layers, readout, bar = panels.viewer.layers, standing.readout.values, panels.viewer.canvas.overlays["scale_bar"]
    standing.looking.show_preset("4")
    bench.regions.choose(bench.regions.all[:1])
    panels.navigation.go_to(1)
    bench.perturbing.choose("random")
    standing.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and panels.settled and not standing.jobs.working)
    panels.navigation.moved.emit(40, 42)
    assert "Reference " in readout.text()
    layers.remove(panels.panels["reference"].image)
    until(lambda: "reference" not in panels.shown and panels.settled)
    assert "Clean " in readout.text()
    assert "Reference " not in readout.text()
    assert (foot.text(), bar.visible) == ("", True)
    layers.clear()
    until(lambda: not panels.shown and panels.settled)
    assert foot.text() == "The panels were deleted; press 4 to bring them back."
    assert readout.text() == "Values under the cursor, as fractions of the reference's maximum"
    assert (bar.visible, panels.viewer.dims.ndim) == (False, 2), "no scale and no slices of nothing"
    standing.looking.show_preset("4")
    until(lambda: len(panels.shown) == 4 and panels.settled and not foot.text())
    assert "Reference " in readout.text()
    assert (bar.visible, panels.navigation.slice) == (True, 1)


@pytest.mark.slow
def test_deleted_panels_are_spoken_of_until_another_scan_is_opened(
    standing: Session, scan_file: Path, until: Until
) -> None:
    said = list[str]()
    standing.jobs.failed.connect(said.append)
    standing.panels.viewer.layers.clear()
    standing.open(scan_file)  # before the foot tells of it
    until(lambda: said)
    until(lambda: standing.panels.shown and standing.panels.settled and not standing.jobs.working)
    standing.jobs.failed.disconnect(said.append)
    assert said == ["The panels were deleted; press 4 to bring them back."]
    assert [dock.foot.message.text() for dock in standing.docks] == ["", "", ""]


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["2", "3", "4"])
def test_a_preset_brings_images_back_that_the_user_has_hidden(standing: Session, until: Until, preset: str) -> None:
    panels = standing.panels
    standing.looking.show_preset(preset)
    until(lambda: panels.settled)
    shown = [panels.panels[key].image for key in panels.shown]
    for image in shown:
        image.visible = False
    until(lambda: panels.settled)
    standing.looking.show_preset(preset)
    until(lambda: panels.settled)
    assert [image.visible for image in shown] == [True] * len(shown)


@pytest.mark.slow
def test_a_panel_that_is_first_shown_long_after_the_opening_has_its_image(
    standing: Session, loud_file: Path, until: Until
) -> None:
    panels = standing.panels
    standing.looking.show_preset("1")
    open_scan(standing, loud_file, until)
    assert [*panels.panels] == ["clean"]
    standing.looking.show_preset("4")
    until(lambda: panels.shown == ("reference", "clean") and panels.settled)
    assert panels.panels["reference"].stack.any()
    assert panels.panels["reference"].title == "Reference"


@pytest.mark.slow
def test_the_scale_of_a_difference_is_that_of_its_slice_whichever_was_shown_first(
    standing: Session, until: Until
) -> None:
    bench, comparing = standing.bench, standing.scene.comparing
    scales = []
    for index in (0, 1):
        standing.panels.navigation.go_to(index)
        until(lambda index=index: bench.acquisition.slice is not None and bench.acquisition.slice.index == index)
        until(lambda: not standing.jobs.working)
        scales.append(comparing.full)
        assert comparing.full == Window.of(bench.acquisition.current.target.numpy()).high
    assert scales[0] != scales[1]


@pytest.mark.slow
def test_a_layer_says_which_slice_it_holds_and_what_its_image_is(standing: Session, until: Until) -> None:
    bench, panels = standing.bench, standing.panels
    panels.navigation.go_to(1)
    until(lambda: bench.acquisition.slice is not None and bench.acquisition.slice.index == 1)
    standing.looking.show_preset("4")
    bench.regions.choose(bench.regions.all[:1])
    bench.perturbing.choose("random")
    standing.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and panels.settled and not standing.jobs.working)
    layer = panels.panels["perturbed"].image
    assert [at for at, image in enumerate(layer.data) if image.any()] == [layer.metadata["only_slice"]] == [1]
    assert layer.metadata["title"] == layer.name
    assert "disturbed" in layer.metadata["title"]
    panels.viewer.layers.remove(layer)
    until(lambda: "perturbed" not in panels.shown and panels.settled)
    standing.looking.show_preset("4")
    until(lambda: "perturbed" in panels.shown and panels.settled)
    assert panels.panels["perturbed"].image.metadata == layer.metadata, "in a new layer too"


@pytest.mark.thorough
def test_the_colours_of_a_phase_are_told_once_at_the_foot_of_the_picture(review: Session) -> None:
    foot, legend = review.panels.viewer.canvas.overlays["text"], "Phase: orange +90°, blue −90°"
    before = foot.text
    assert legend not in before
    review.looking.take_part("phase")
    assert in_one_line(foot.text) == f"{legend} · {before}"
    review.looking.take_part("real")
    assert foot.text == before
