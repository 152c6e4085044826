"""A film strip: a row of thumbnails of the region, a slider through them, and the cine."""

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QScrollArea, QSlider, QWidget

from ...controls.parts import button, column, row, words
from ..cine import RATES
from ..listening import listen
from ..session import Session
from .strip import Thumbnail, around, picture_of

_NONE = (
    "There is no row of images yet. Budgets: a curve with several budgets. Angles: Rotation. Methods: several of them "
    "in the Compare dock. Attacks: two or more that have finished. Iterations: a search. Plausible images, Samples: "
    "Show diverse. Knob: a method that is prepared. Slices: Play reads them."
)


class FilmRow(QWidget):
    """A thin view on `film` of the workbench and on the cine."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.bench, self.cine = session, session.bench, session.cine
        self.name = QComboBox()
        self.name.setAccessibleName("Row of images")
        self.name.activated.connect(lambda at: self.bench.film.choose(self.name.itemData(at)))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Image of the row")
        self.slider.valueChanged.connect(self._slide)
        self.slider.sliderReleased.connect(lambda: self._open(self.slider.value()))
        self.play = button("Play  space", "Play the row; any key stops", lambda: self.cine.toggle())
        self.rate = QComboBox()
        self.rate.setAccessibleName("Images in a second")
        for rate in RATES:
            self.rate.addItem(f"{rate}/s", rate)
        self.rate.setCurrentIndex(self.rate.findData(self.cine.rate))
        self.rate.activated.connect(lambda at: self.cine.set_rate(self.rate.itemData(at)))
        self.hint = words(_NONE, faint=True)
        self.thumbnails: list[Thumbnail] = []
        inside = QWidget()
        self._row = QHBoxLayout(inside)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)
        self._row.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.scroll = QScrollArea()
        self.scroll.setWidget(inside)
        self.scroll.setWidgetResizable(True)
        self.scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        column(row(self.name, self.slider, self.play, self.rate, stretch=1), self.hint, self.scroll, into=self)
        listen(
            self,
            (self.bench.film.changed, self.show_rows),
            (self.bench.regions.chosen_changed, self.show_rows),
            (session.panels.turned, self.show_rows),
        )
        self.cine.shown.connect(self._mark)
        self.cine.switched.connect(self._show_playing)
        rows = self.bench.film.rows
        self.bench.film.choose(self.bench.film.name if self.bench.film.name in rows else next(iter(rows), None))
        self.show_rows()

    def show_rows(self) -> None:
        """Show the row that is looked at, and offer the others."""
        rows = self.bench.film.rows
        if self.bench.film.name not in rows and rows:
            self.bench.film.choose(next(iter(rows)))  # which shows it
            return
        self.name.clear()
        for name, frames in rows.items():
            self.name.addItem(self.bench.film.label(name, frames), name)
        self.name.setCurrentIndex(max(self.name.findData(self.bench.film.name), 0))
        self.hint.setVisible(not rows)
        self.scroll.setVisible(bool(rows))
        self._fill()

    def _fill(self) -> None:
        for thumbnail in self.thumbnails:
            self._row.removeWidget(thumbnail)
            thumbnail.hide()
            thumbnail.deleteLater()
        self.thumbnails = []
        frames, geometry = self.bench.film.frames, self.session.panels.geometry
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(len(frames) - 1, 0))
        self.slider.blockSignals(False)
        if geometry is None or not frames:
            return
        region = self._region(tuple(frames[0].image.shape))
        part = around(region) if region is not None else (slice(None), slice(None))
        images = [frame.image.numpy()[part] for frame in frames]
        white = self.session.panels.shared_window.limits[1] or 1.0
        for number, (frame, image) in enumerate(zip(frames, images, strict=True)):
            made = Thumbnail(picture_of(geometry.laid.shown(image), white, geometry.aspect), frame.caption, frame.tip)
            made.clicked.connect(lambda _=False, number=number: self._open(number))
            self.thumbnails.append(made)
            self._row.addWidget(made)
        result = self.bench.perturbing.current
        shown = None if result is None else result.outcome.comparison.perturbed
        here = [number for number, frame in enumerate(frames) if frame.image is shown]
        if here:
            self._mark(here[0])

    def _region(self, shape: tuple[int, ...]) -> np.ndarray | None:
        """The chosen region, or None for the whole image."""
        roi = self.bench.regions.chosen_on(self.bench.acquisition.index)
        return None if roi is None else roi.mask((shape[0], shape[1])).numpy()

    def _slide(self, number: int) -> None:
        if number < len(self.bench.film.frames):
            self.cine.show(self.bench.film.frames[number])
            self._mark(number)

    def _open(self, number: int) -> None:
        """Show an image with all that belongs to it."""
        frames = self.bench.film.frames
        if number < len(frames):
            self.session.open_frame(frames[number])
            self._mark(number)

    def _mark(self, number: int) -> None:
        for place, thumbnail in enumerate(self.thumbnails):
            thumbnail.setChecked(place == number)
        self.slider.blockSignals(True)
        self.slider.setValue(number)
        self.slider.blockSignals(False)

    def _show_playing(self) -> None:
        self.play.setText("Stop  any key" if self.cine.playing else "Play  space")
