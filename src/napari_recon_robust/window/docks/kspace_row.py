"""The k-space of the scan with its sampled points, and the perturbation alone, side by side."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QWidget

from ...controls.letters import letters
from ...controls.parts import column, row, words
from ...controls.picture import PictureBox
from ..listening import listen
from ..session import Session

_FACTOR = "One factor, which the title names"


class KSpaceRow(QWidget):
    """A thin view on `kspace` of the workbench; it asks for what it shows."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.bench = session, session.bench
        self.kspace = PictureBox("Magnitude over all coils; readout down, phase encoding across")
        self.added = PictureBox(f"What the perturbation did to the samples, on the scale of the k-space. {_FACTOR}")
        self.image = PictureBox(f"The same as an image, combined with the sensitivities of the clean scan. {_FACTOR}")
        self.mask = QCheckBox("Sampled points")
        self.mask.setToolTip("Tint what was sampled")
        self.mask.setChecked(True)
        self.mask.toggled.connect(lambda _: self.show_found())
        self.hint = words("Run a perturbation, and what it added to the samples stands here.", faint=True)
        side = QWidget()
        column(self.mask, self.hint, into=side)
        side.layout().setAlignment(Qt.AlignmentFlag.AlignTop)
        side.setFixedWidth(round(130 * letters()))
        column(row(self.kspace, self.added, self.image, side), into=self)
        for part in (self.kspace, self.added, self.image):
            part.show()
        listen(
            self,
            (self.bench.kspace.changed, self.show_found),
            (self.bench.acquisition.measured, self._ask),
            (self.bench.perturbing.finished, self._ask),
            (session.panels.turned, self.show_found),
        )
        self.show_found()
        self._ask()

    def _ask(self) -> None:
        if self.bench.acquisition.slice is not None and self.bench.kspace.found is None:
            self.session.jobs.latest(self.bench.kspace.run(), "kspace")

    def show_found(self) -> None:
        """Show what is found, or nothing."""
        found, geometry = self.bench.kspace.found, self.session.panels.geometry
        change = None if found is None else found.change
        self.hint.setVisible(change is None)
        if found is None or geometry is None:
            for part in (self.kspace, self.added, self.image):
                part.clear()
            return
        marked = found.mask if self.mask.isChecked() else None
        square = found.mask.shape[1] / found.mask.shape[0]  # readout is oversampled: both directions are as long
        self.kspace.show_image(found.kspace, found.title, square, marked)
        if change is None:
            self.added.clear()
            self.image.clear()
            return
        self.added.show_image(change.samples, found.samples_title, square)
        self.image.show_image(geometry.laid.shown(change.image), found.image_title, geometry.aspect)
