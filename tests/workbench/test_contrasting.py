"""The contrast of the chosen region in a review."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.evaluation.contrast import surroundings
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.workbench import Workbench

REGION, OTHER = ROI.box(30, 50, 8, 8), ROI.box(60, 40, 8, 8)


@pytest.fixture(autouse=True)
def _several_samples_of_a_region(bench: Workbench) -> None:
    bench.reconstruction.choose("posterior", samples=3, steps=2)
    bench.regions.draw(REGION, 1)


@pytest.mark.slow
def test_it_is_measured_against_the_surroundings_or_another_region(bench: Workbench) -> None:
    measurement, posterior = bench.acquisition.current.measurement, bench.reconstruction.chosen
    images = [posterior.at(samples=1, steps=2, seed=seed)(measurement).abs() for seed in range(3)]

    def expected(reference: torch.Tensor) -> object:
        """By hand, from an image for each seed."""
        by_hand = [float(image[REGION.mask((96, 96))].mean() / image[reference].mean() - 1) for image in images]
        return pytest.approx(by_hand, rel=1e-4)

    found = bench.contrasting.run().run()
    assert bench.contrasting.found is found
    assert found.values.tolist() == expected(surroundings(REGION.mask((96, 96))))
    chosen = bench.regions.chosen
    other = bench.regions.draw(OTHER, 1)
    bench.regions.choose(chosen)
    assert other in bench.contrasting.others
    bench.contrasting.compare(other)
    assert bench.contrasting.found is None
    found = bench.contrasting.run().run()
    assert found.values.tolist() == expected(OTHER.mask((96, 96)))
    bench.regions.remove([other])
    assert bench.contrasting.against is None
    assert bench.contrasting.found is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda bench: bench.reconstruction.choose("tv"),
        lambda bench: bench.reconstruction.turn(seed=1),
        lambda bench: bench.acquisition.measure(0).run(),
        lambda bench: bench.regions.draw(OTHER, 1),
        lambda bench: bench.acquisition.close(),
    ],
    ids=["method", "seed", "slice", "region", "closed"],
)
def test_contrasts_of_something_else_go(bench: Workbench, change: Callable[[Workbench], Any]) -> None:
    task = bench.contrasting.run()
    task.run()
    assert bench.contrasting.found is not None
    change(bench)
    assert bench.contrasting.found is None
    task.accept(task)  # type: ignore[arg-type]
    assert bench.contrasting.found is None, "what comes too late is dropped"


@pytest.mark.slow
def test_another_question_keeps_the_samples(bench: Workbench) -> None:
    found = bench.contrasting.run().run()
    bench.contrasting.ask(0.3)
    bench.reconstruction.turn(show="deviation")
    assert bench.contrasting.found is found
    assert bench.contrasting.exceeds == 0.3


def test_without_samples_or_a_region_it_says_so(bench: Workbench) -> None:
    bench.regions.choose([])
    with pytest.raises(InputError, match="no region is chosen"):
        bench.contrasting.run()
    bench.reconstruction.choose("tv")
    assert not bench.contrasting.possible
    with pytest.raises(InputError, match="draws no samples"):
        bench.contrasting.run()
