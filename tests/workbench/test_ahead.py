"""What is computed before it is asked for is what would be computed then."""

from typing import Any

import numpy as np
import pytest
import torch

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.workbench import Workbench
from napari_recon_robust.workbench.ahead import LONGEST


def scroll(bench: Workbench, *slices: int) -> None:
    for index in slices:
        bench.acquisition.measure(index).run()


def test_the_next_slice_in_the_direction_of_scrolling_is_there_when_it_is_asked_for(bench: Workbench) -> None:
    bench.reconstruction.seconds["cg-sense"] = 0.1
    assert bench.ahead.task() is None, "nobody has scrolled yet"
    scroll(bench, 0)
    assert bench.ahead.task() is None, "there is nothing before the first slice"
    scroll(bench, 1)
    found = bench.ahead.task()
    assert found is not None
    measured, rendered = found.run()
    assert (measured.index, bench.acquisition.index) == (2, 1)
    assert bench.ahead.task() is None, "it is there already"
    assert bench.acquisition.measure(2).run() is measured
    assert bench.reconstruction.render().run() is rendered
    bench.ahead._forget()
    anew = bench.reconstruction.render().run()
    assert torch.equal(anew.image, rendered.image)
    assert anew.metrics == rendered.metrics


def test_what_is_kept_is_of_one_slice_sampling_and_method(bench: Workbench) -> None:
    bench.reconstruction.seconds["cg-sense"] = 0.1
    scroll(bench, 0, 1)
    measured, rendered = bench.ahead.task().run()
    assert bench.acquisition.kept(2, Sampling(acceleration=8)) is None
    assert bench.acquisition.kept(0, measured.sampling) is None
    bench.reconstruction.choose("zero-filled")
    assert bench.reconstruction.kept(bench.reconstruction.chosen, measured) is None
    bench.reconstruction.seconds["zero-filled"] = 0.1
    again, other = bench.ahead.task().run()
    assert again is measured, "it is not measured again for another method"
    assert not torch.equal(other.image, rendered.image)
    bench.acquisition.close()
    assert bench.acquisition.kept(2, measured.sampling) is None


def test_a_slow_method_is_not_run_for_an_image_that_nobody_asked_for(bench: Workbench) -> None:
    bench.reconstruction.seconds["cg-sense"] = 2 * LONGEST
    scroll(bench, 0, 1)
    measured, rendered = bench.ahead.task().run()
    assert measured.index == 2
    assert rendered is None
    assert bench.ahead.task() is None


def test_a_damaged_slice_is_refused_when_it_is_asked_for_and_not_before(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = bench.acquisition.opened_scan
    read = scan._read

    def damaged(slice: int) -> Any:
        return read(slice) * (np.nan if slice == 2 else 1)

    monkeypatch.setattr(scan, "_read", damaged)
    scroll(bench, 0, 1)
    assert bench.ahead.task().run() == (None, None)
    assert bench.ahead.task() is None, "it is not tried again and again"
    with pytest.raises(InputError, match="NaN"):
        scroll(bench, 2)
