"""The report on paper."""

import re
import zlib
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from helpers.reported import frozen, pictured
from napari_recon_robust.reports.case_images import CaseImages
from napari_recon_robust.reports.case_page import CasePage
from napari_recon_robust.reports.pdf import _SHEET, _table
from napari_recon_robust.reports.report import write_report


def sheets(path: Path) -> int:
    return len(re.findall(rb"/Type /Page\b", path.read_bytes()))


def streams(path: Path) -> bytes:
    """What the sheets draw, decompressed."""
    found = []
    for part in re.findall(rb"stream\r?\n(.*?)endstream", path.read_bytes(), re.DOTALL):
        try:
            found.append(zlib.decompress(part))
        except zlib.error:
            continue
    return b"\n".join(found)


@pytest.mark.thorough
def test_a_sheet_for_each_budget_one_of_curves_and_one_of_words(tmp_path: Path) -> None:
    path = write_report(pictured(), tmp_path / "report.pdf")
    assert path.read_bytes().startswith(b"%PDF")
    assert sheets(path) == 2 + 1 + 1
    drawn = streams(path)
    assert drawn.count(b"/I") > 10, "images"
    again = write_report(pictured(), tmp_path / "again.pdf")
    assert again.read_bytes() == path.read_bytes(), "the same cases give the same bytes"


@pytest.mark.thorough
@pytest.mark.parametrize(
    "kind", ["worst-case", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("fnaf", "rotation", "spike"))]
)
def test_every_kind_of_case_has_its_sheets(tmp_path: Path, kind: str) -> None:
    assert sheets(write_report([frozen(kind)], tmp_path / "report.pdf")) >= 2


def test_the_heads_of_the_metrics_fit_their_columns() -> None:
    """Also of an inserted feature, whose region has a long name."""
    figure = Figure(figsize=_SHEET)
    _table(figure, CasePage(CaseImages(frozen("fnaf")), 1), 0)
    FigureCanvasAgg(figure).draw()
    (table,) = figure.axes[0].tables
    for (row, _), cell in table.get_celld().items():
        words = cell.get_text().get_window_extent()
        assert row or (words.width < cell.get_window_extent().width and words.height < cell.get_window_extent().height)


@pytest.mark.thorough
def test_names_with_formulas_and_without_end_are_drawn_as_they_are(tmp_path: Path) -> None:
    case = pictured(label="$\\frac{1}{" + "x" * 400)
    assert sheets(write_report([case, case], tmp_path / "report.pdf")) == 8


@pytest.mark.thorough
def test_half_a_letter_is_replaced(tmp_path: Path) -> None:
    assert sheets(write_report(pictured(label="half \ud800 a letter"), tmp_path / "report.pdf")) == 4
