"""What a review keeps of a scan goes with it."""

import gc
from pathlib import Path
from weakref import ref

import pytest

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.io import open_scan
from napari_recon_robust.workbench import Workbench


@pytest.mark.slow
def test_nothing_of_a_closed_scan_stays(scan_file: Path, no_gradients: None) -> None:
    bench = Workbench()
    bench.acquisition.use(open_scan(scan_file))
    bench.acquisition.measure(1).run()
    bench.regions.draw(ROI.box(62, 48, 10, 12), 1)
    bench.perturbing.choose("worst-case", steps=1)
    for method in ("unet", "cg-sense"):
        bench.reconstruction.choose(method)
        bench.reconstruction.render().run()
        bench.perturbing.run().run()
    late = bench.perturbing.run()
    for task in (bench.reconstruction.prepare(), bench.perturbing.prepare(), bench.choosing.diverse(2)):
        assert task is not None
        task.run()
    bench.fragility.run().run()
    bench.analysing.transfer(["cg-sense", "zero-filled"]).run()
    bench.analysing.quality().run()
    there = [bench.fragility.found, bench.analysing.matrix, bench.analysing.curve, bench.perturbing.result]
    measured = bench.acquisition.current
    kept = [ref(one) for one in (*there, measured, measured.measurement, bench.acquisition.scan) if one is not None]
    assert len(kept) == 7
    del there, measured, task
    bench.acquisition.use(open_scan(scan_file))
    late.run()
    assert bench.perturbing.result is None, "it was of the scan that is closed"
    del late
    gc.collect()
    assert not [one() for one in kept if one() is not None]
    bench.acquisition.close()
