"""Readers' annotations: a table to open, on which slices its boxes are, and a jump to them."""

from collections import Counter
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QWidget

from ...controls.parts import ACCENT, button, column, file_filter, row, show_text, warning, words
from ...io import annotations
from ..session import Session


class AnnotationsBox(QWidget):
    """A thin view on the slices of `regions`; its page says when to look at it again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.bench = session, session.bench
        self.open_button = button(
            "Annotations…", "Open a fastMRI+ table (CSV) of this scan's annotations", self._browse
        )
        self.slices = words(faint=True)
        self.slices.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self.slices.linkActivated.connect(lambda slice: session.panels.navigation.go_to(int(slice)))
        self.refused = warning()
        column(row(self.open_button, self.slices, stretch=1), self.refused, into=self, spacing=4)

    def show_regions(self) -> None:
        """Say how many regions are on which slices of several; other slices than this one are links."""
        present, counts = self.bench.acquisition.index, Counter(region.slice for region in self.bench.regions.all)
        places = [
            f"<b>{slice}</b> ({count})"
            if slice == present
            else f'<a href="{slice}" style="color: {ACCENT}">{slice}</a> ({count})'
            for slice, count in sorted(counts.items())
        ]
        several = bool(places) and self.bench.acquisition.shape[0] > 1
        self.slices.setText(f"Regions on slice {', '.join(places)}" if several else "")
        show_text(self.refused, self.bench.regions.refused)
        self.open_button.setEnabled(self.bench.acquisition.scan is not None)

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Open annotations", "", f"{file_filter(annotations.LABEL, [annotations.SUFFIX])};;All files (*)"
        )
        if path:
            self.session.attempt(lambda: self.bench.annotate(Path(path)))
