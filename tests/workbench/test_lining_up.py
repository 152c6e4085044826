"""Several methods under the result that is shown: what belongs to it, and what does not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.io import open_scan
from napari_recon_robust.workbench import Workbench


@pytest.fixture
def bench(scan_file: Path) -> Iterator[Workbench]:
    bench = Workbench()
    bench.acquisition.use(open_scan(scan_file))
    bench.acquisition.measure(1).run()
    bench.reconstruction.choose("cg-sense")
    bench.regions.draw(ROI.box(62, 48, 10, 12), 1)
    bench.perturbing.choose("worst-case", steps=1)
    yield bench
    bench.acquisition.close()


@pytest.mark.slow
def test_a_lineup_belongs_to_its_result_and_comes_back_with_it(bench: Workbench) -> None:
    lining_up = bench.lining_up
    lining_up.choose(("cg-sense", "zero-filled"), anew=False)
    with pytest.raises(InputError, match="run one first"):
        lining_up.run()
    result = bench.perturbing.run().run()
    assert lining_up.possible
    assert not lining_up.settled
    lining_up.run().run()
    found = lining_up.found
    assert found is not None
    assert [method.id for method in found.methods] == ["cg-sense", "zero-filled"]
    assert found.entries[0] is not None
    assert found.entries[0].outcome is result.outcome
    assert lining_up.settled
    region = bench.regions.chosen
    bench.regions.choose(())
    assert lining_up.found is None, "another region is chosen"
    bench.regions.choose(region)
    assert lining_up.found is found
    lining_up.choose(("cg-sense", "zero-filled"), anew=True)
    assert not lining_up.settled, "an attack on each is something else"
    bench.perturbing.run().run()
    assert lining_up.found is None


def test_a_knob_that_is_turned_makes_the_lineup_another(bench: Workbench) -> None:
    """It was taken for the same, and its image of the former knob was shown."""
    bench.perturbing.run().run()
    bench.reconstruction.choose("tv")
    bench.lining_up.choose(("cg-sense", "tv", "zero-filled"), anew=False)
    bench.lining_up.run().run()
    assert bench.lining_up.settled
    bench.reconstruction.turn(weight=0.02)
    assert not bench.lining_up.settled
    before = bench.lining_up.found
    bench.lining_up.run().run()
    after = bench.lining_up.found
    assert before is not None
    assert after is not None
    assert bench.lining_up.settled
    assert after.entries[2] is before.entries[2], "the other method is not computed again"
    assert after.methods[1].knobs["weight"] == 0.02


def test_a_cancelled_lineup_keeps_what_is_done(bench: Workbench) -> None:
    bench.perturbing.run().run()
    bench.lining_up.choose(("cg-sense", "zero-filled", "hqs"), anew=False)
    task = bench.lining_up.run()
    assert task.preview is not None
    assert task.stopped is not None
    last = None
    for step in task.job:
        if step.preview is not None:
            last = step.preview
            task.preview(last)
            if sum(entry is not None for entry in last.entries) == 2:
                break
    task.job.close()
    task.stopped(last)
    found = bench.lining_up.found
    assert found is not None
    assert [method.id for method in found.methods] == ["cg-sense", "zero-filled"]
    assert not bench.lining_up.settled


@pytest.mark.parametrize("count", [0, 1, 5])
def test_two_to_four_methods_have_room(bench: Workbench, count: int) -> None:
    bench.perturbing.run().run()
    bench.lining_up.choose(("cg-sense", "zero-filled", "hqs", "tv", "unet")[:count], anew=False)
    with pytest.raises(InputError, match="tick 2 to 4"):
        bench.lining_up.run()


@pytest.mark.thorough
def test_what_is_there_is_not_computed_again_for_one_method_more(bench: Workbench) -> None:
    lining_up = bench.lining_up
    bench.perturbing.run().run()
    lining_up.choose(("cg-sense", "zero-filled"), anew=False)
    first = lining_up.run().run()
    lining_up.choose(("zero-filled", "hqs", "cg-sense"), anew=False)
    second = lining_up.run().run()
    assert None not in second.entries
    before, now = ([entry and entry.outcome for entry in one.entries] for one in (first, second))
    assert (now[0], now[2]) == (before[1], before[0])
    lining_up.choose(("cg-sense", "zero-filled"), anew=True)
    assert lining_up.run().run().entries[1] is not first.entries[1], "an attack on each is something else"
    bench.reconstruction.choose("tv")
    bench.perturbing.run().run()
    lining_up.choose(("zero-filled", "tv"), anew=False)
    assert lining_up.run().run().entries[0] is not first.entries[1], "so is another result"
