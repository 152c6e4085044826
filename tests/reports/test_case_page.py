"""What the pages of a report say of a case."""

from pathlib import Path

import pytest

from helpers.reported import frozen
from napari_recon_robust.evaluation.measures import MEASURES, MetricDisplay
from napari_recon_robust.reports.case_images import CaseImages
from napari_recon_robust.reports.case_page import CasePage
from napari_recon_robust.reports.report import write_report


def test_every_image_metric_has_its_column_for_each_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one that came after the case was saved the figures are not known."""
    case = frozen("worst-case")
    before = CasePage(CaseImages(case), 1).table(0)
    monkeypatch.setitem(MEASURES, "added", MetricDisplay("Added", ".2f", "", unit="px"))
    page = CasePage(CaseImages(case), 1)
    assert page.measures == ["SSIM", "PSNR, dB", "NMSE", "Added, px"]
    for row, one in zip(page.table(0), before, strict=True):
        assert len(row.cells) == len(page.regions) * 4
        assert row.cells[3::4] == ("–",) * len(page.regions)
        assert row.cells[:3] == one.cells[:3]
    text = write_report([case], tmp_path / "report.html").read_text(encoding="utf-8")
    assert '<th scope="col">NMSE</th><th scope="col">Added, px</th>' in text
    assert 'colspan="4"' in text
