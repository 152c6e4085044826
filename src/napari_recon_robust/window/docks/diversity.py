"""The plausible images that differ most, below the knobs that they belong to."""

from qtpy.QtWidgets import QWidget

from ...controls.number_boxes import WholeSpinBox
from ...controls.parts import button, column, row, words
from ..session import Session
from .strip import COLUMNS, Strip


class DiversityBox(QWidget):
    """A thin view on `choosing` of the workbench; its page says when to look at it again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.bench = session, session.bench
        self.diverse = button(
            "Show diverse",
            "Of the images that fit the samples, over the range of the knobs or by chance, those that differ most",
            self._show,
        )
        self.count = WholeSpinBox()
        self.count.setAccessibleName("How many images")
        self.count.setRange(2, 2 * COLUMNS)
        self.count.setValue(COLUMNS)
        self.count.setToolTip("How many images")
        self.count.setFixedWidth(84)  # napari's theme makes it as wide as a number of ten digits
        self.where = words(faint=True)
        self.strip = Strip()
        self.strip.chosen.connect(session.knob_turning.pick)
        column(row(self.diverse, self.count, self.where, stretch=2), self.strip, into=self)

    def _show(self) -> None:
        self.count.interpretText()  # a click on a button need not take the focus, which would
        self.session.knob_turning.diverse(self.count.value())

    def show_where(self) -> None:
        """Say where the images are to differ; a method that has only one image hides the box."""
        self.setVisible(self.bench.choosing.possible)
        names = ", ".join(region.name for region in self.bench.choosing.regions)
        self.where.setText(f"on {names}" if names else "on the whole image")

    def show_chosen(self) -> None:
        """Show the images that were chosen, turned as on the canvas."""
        choosing, method = self.bench.choosing, self.bench.reconstruction.reconstructor
        geometry = self.session.panels.geometry
        if geometry is None or method is None or choosing.detail is None:
            self.strip.clear()
            return
        of_chance = [knob for knob in method.knobs if knob.name == "seed"]
        axes = self.bench.reconstruction.axes if method.draw is None else of_chance
        place = "where they differ most" if choosing.region is None else "the chosen region"
        self.strip.show_variants(choosing.variants, axes, choosing.detail.numpy(), geometry, place, choosing.sentence)
        self.mark()

    def mark(self) -> None:
        """Frame the image at the present knobs."""
        self.strip.mark(self.bench.reconstruction.knobs)
