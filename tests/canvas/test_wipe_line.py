"""The wipe stays on for the next scan, and so does the line that says where its two images meet."""

from collections.abc import Callable
from pathlib import Path

import pytest
from qtpy.QtWidgets import QApplication

from helpers.windows import open_scan
from napari_recon_robust.window.docks.review import Review
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


@pytest.mark.thorough
def test_a_newly_opened_scan_has_the_line_where_the_wipe_has_an_edge(
    review: Session, scan_file: Path, loud_file: Path, until: Until
) -> None:
    stroke, comparing = Review.of(review)._line._stroke, review.scene.comparing
    review.looking.toggle_wipe()
    for path in (loud_file, scan_file, loud_file, scan_file):
        open_scan(review, path, until)
        QApplication.processEvents()
        assert comparing.edge is not None
        assert stroke._line is not None, f"over {path.name}"
    review.looking.toggle_wipe()
    assert (comparing.edge, stroke._line) == (None, None)
