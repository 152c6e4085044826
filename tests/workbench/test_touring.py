"""The tour goes on when something was done."""

from pathlib import Path

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.workbench import Workbench
from napari_recon_robust.workbench.touring import FLICKERED, STOPS


def place(bench: Workbench) -> str | None:
    return None if bench.touring.stop is None else bench.touring.stop.place


def test_each_stop_is_left_when_it_was_done(scan_file: Path) -> None:
    bench = Workbench()
    bench.touring.start()
    reached = [place(bench)]
    bench.touring.changed.connect(lambda: reached.append(place(bench)))
    bench.reconstruction.choose("cg-sense")
    bench.acquisition.open(scan_file).run()
    bench.acquisition.measure(1).run()
    bench.perturbing.choose("random")
    assert place(bench) == "method", "the first method was chosen by the window, not by the user"
    bench.reconstruction.turn(weight=0.02)
    bench.touring.note(FLICKERED)
    assert place(bench) == "region", "what comes later does not count yet"
    bench.regions.draw(ROI.box(62, 46, 10, 12), 1)
    bench.perturbing.run().run()
    bench.touring.note(FLICKERED)
    assert reached == [*(stop.place for stop in STOPS), None]
    bench.acquisition.close()


def test_it_can_be_left_skipped_and_begun_with_an_open_scan(bench: Workbench) -> None:
    bench.touring.start()
    assert place(bench) == "method", "the scan is open already"
    bench.touring.skip()
    assert place(bench) == "region"
    bench.touring.leave()
    assert place(bench) is None
    bench.regions.draw(ROI.box(62, 46, 10, 12), 1)
    assert place(bench) is None
    bench.touring.skip()
    assert place(bench) is None
