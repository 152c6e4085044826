"""Fragile places in a review, without Qt: what becomes of the map and its regions."""

import pytest
import torch

from napari_recon_robust.analyses.fragility import fragility
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground import progress
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.workbench import Workbench


@pytest.fixture(autouse=True)
def _sensitivities_stay(bench: Workbench) -> None:
    bench.perturbing.choose("worst-case", sensitivities="kept")


def names(bench: Workbench) -> list[str]:
    return [region.name.split(" (")[0] for region in bench.regions.on(1)]


@pytest.mark.slow
def test_the_settings_of_the_review_are_those_of_the_map(bench: Workbench) -> None:
    bench.perturbing.budget = 0.02
    bench.reconstruction.turn(weight=0.05)
    found, worst = bench.fragility.run().run()
    assert bench.fragility.found is found
    again = progress.run(
        fragility(
            bench.acquisition.current.measurement,
            bench.reconstruction.chosen.at(weight=0.05),
            budget=0.02,
            sensitivities="kept",
            replicas=0,
        )
    )
    torch.testing.assert_close(found.expected_change, again.expected_change)
    assert found.noise is None
    assert [region.roi for region in bench.regions.on(1) if region.source == "fragile"] == [roi for roi, _ in worst]


@pytest.mark.slow
def test_regions_found_again_take_the_place_of_those_before(bench: Workbench) -> None:
    drawn = bench.regions.draw(ROI.box(20, 20, 8, 8), 1)
    bench.fragility.run().run()
    first = bench.regions.on(1)
    assert bench.regions.chosen == (drawn,)
    bench.regions.choose(first[-1:])
    moved = bench.regions.reshape(first[-2], ROI.box(30, 30, 10, 10))
    bench.fragility.run().run()
    assert not bench.regions.chosen, "what was chosen is no longer there"
    assert moved in bench.regions.on(1), "what was moved by hand is a drawn one"
    assert names(bench).count("fragile 1") == 1


@pytest.mark.slow
def test_the_map_goes_with_what_it_was_made_of_and_its_regions_stay(bench: Workbench) -> None:
    bench.fragility.run().run()
    there = names(bench)
    bench.reconstruction.turn(**bench.reconstruction.knobs)
    assert bench.fragility.found is not None, "nothing has changed"
    bench.reconstruction.choose("zero-filled")
    assert bench.fragility.found is None
    assert names(bench) == there
    bench.fragility.run().run()
    bench.acquisition.measure(0).run()
    assert bench.fragility.found is None


@pytest.mark.slow
def test_what_comes_too_late_is_dropped(bench: Workbench) -> None:
    late = bench.fragility.run()
    bench.reconstruction.choose("zero-filled")
    late.run()
    assert bench.fragility.found is None
    assert "fragile 1" in names(bench), "places of the other method, to be attacked with this one"
    later = bench.fragility.run()
    bench.acquisition.measure(0).run()
    later.run()
    assert bench.fragility.found is None
    assert not [region for region in bench.regions.on(0) if region.source == "fragile"]


def test_a_method_without_gradients_is_refused_in_the_job(bench: Workbench) -> None:
    bench.reconstruction.choose("dip")
    task = bench.fragility.run()
    with pytest.raises(InputError, match="gives no gradients"):
        task.run()
