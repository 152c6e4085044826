"""The profile through all images along one line, and its file."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from ...controls.parts import button, column, row, words
from ...controls.profile_plot import ProfilePlot
from ...evaluation.ruler import Profile
from ..listening import listen
from ..session import Session
from .exporting import CSV, ask_place

_HINT = "Draw a line with the left button; it stays on all slices."
_NAMES = {"reference": "Reference", "clean": "Clean", "perturbed": "Perturbed"}


class ProfileRow(QWidget):
    """A thin view on `ruling` of the workbench, and on the images that the panels show."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.bench = session, session.bench
        self.plot = ProfilePlot()
        self.hint = words(_HINT, faint=True)
        self.export = button("CSV…", "The curves with their distances, rows and columns", self._export)
        self.found: Profile | None = None
        side = QWidget()
        column(self.hint, self.export, into=side)
        side.layout().setAlignment(Qt.AlignmentFlag.AlignTop)
        side.setFixedWidth(180)
        column(row(self.plot, side, stretch=0), into=self)
        for signal in (self.bench.ruling.changed, session.scene.drawn, self.bench.acquisition.left):
            listen(self, (signal, self.show_profile))
        self.bench.ruling.take("profile")
        self.show_profile()

    def show_profile(self) -> None:
        """Show the curves of all images of the slice that there are, not only of those in sight."""
        scene, acquisition = self.session.scene, self.bench.acquisition
        images = {
            _NAMES[key]: one.values
            for key, one in scene.comparing.pictures.items()
            if key in _NAMES and one.index == acquisition.index
        }
        ordered = {name: images[name] for name in _NAMES.values() if name in images}
        white = 0.0 if acquisition.slice is None else float(acquisition.slice.target.max())
        found = self.found = self.bench.ruling.profile(ordered, white)
        self.export.setEnabled(found is not None)
        if found is None or acquisition.slice is None:
            self.plot.show_lines((), {}, "")
        else:
            label = f"Distance, {found.unit} · values as fractions of the {acquisition.slice.target_name}'s maximum"
            self.plot.show_lines(found.at, found.values, label)

    def _export(self) -> None:
        found = self.found
        path, _ = ask_place(self.session, "Profile", "profile.csv", CSV)
        if path is not None:
            self.session.attempt(lambda: self.bench.ruling.save(found, path))
