"""Reports and films of the present result."""

from pathlib import Path

import pytest

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.workbench import Workbench


def test_what_is_shown_is_written_for_others(bench: Workbench, tmp_path: Path) -> None:
    window = (0.0, 1e-4)
    with pytest.raises(InputError, match="there is no result yet"):
        bench.exporting.report(tmp_path / "report.html", window)
    bench.regions.draw(ROI.box(62, 46, 10, 12), 1)
    bench.perturbing.choose("random")
    bench.perturbing.further = (0.005,)
    bench.perturbing.run().run()
    for task in (
        bench.exporting.report(tmp_path / "report.html", window),
        bench.exporting.report(tmp_path / "report.pdf", window),
        bench.exporting.film(tmp_path / "flicker.gif", window, "flicker", 2),
        bench.exporting.film(tmp_path / "budgets.gif", window, "budgets", 1),
    ):
        assert task.run().is_file()
        assert task.done.endswith(".")
