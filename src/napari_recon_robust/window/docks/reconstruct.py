"""The Reconstruct dock: open, undersample, choose a method, turn its knobs."""

import napari.viewer
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

from ...controls.parts import column
from ..session import Session
from .contrast import ContrastBox
from .diversity import DiversityBox
from .method import MethodBox
from .opening import OpeningBox
from .page import Page
from .sampling import SamplingBox
from .tour import Tour


class ReconstructDock(Page):
    """A thin view on `acquisition` and `reconstruction` of the workbench, box by box."""

    title = "Reconstruct"

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__(Session.of(napari_viewer))
        self.opening = OpeningBox(self.session)
        self.sampling = SamplingBox(self.session)
        self.method = MethodBox(self.session)
        self.diversity = DiversityBox(self.session)
        self.contrast = ContrastBox(self.session)
        self.body = QWidget()
        column(self.sampling, self.method, self.diversity, self.contrast, into=self.body, spacing=4)
        self.column.addWidget(self.opening)
        self.column.addWidget(self.body)
        self.column.addStretch(1)
        for signal, slot in (
            (self.bench.acquisition.opened, self._on_opened),
            (self.bench.acquisition.closed, self._on_closed),
            (self.bench.acquisition.measured, self._on_measured),
            (self.bench.acquisition.left, self._on_left),
            (self.bench.acquisition.previewed, self.sampling.show_read),
            (self.bench.reconstruction.method_changed, self._on_method),
            (self.bench.reconstruction.knobs_changed, self._on_knobs),
            (self.bench.reconstruction.rendered, self.method.show_rendered),
            (self.bench.reconstruction.prepared, self.method.show_prepared),
            (self.bench.resuming.changed, self.opening.offer.show_offer),
            (self.bench.unfinished.changed, self.opening.unfinished.show_found),
            (self.bench.choosing.changed, self.diversity.show_chosen),
            (self.bench.contrasting.changed, self.contrast.show_found),
            (self.bench.regions.chosen_changed, self.diversity.show_where),
        ):
            self.listen(signal, slot)
        self.listen(self.session.panels.turned, self.diversity.show_chosen)
        self.listen(self.session.jobs.idle, self.sampling.show_idle)
        self.tour_stops = {"sample": self.opening.sample_button, "method": self.method}
        Tour.of(self.session)
        self._on_closed()
        if self.bench.acquisition.is_open:
            self._show_opened()
            self._on_method()
            if self.bench.reconstruction.shown is not None:
                self.method.show_rendered(self.bench.reconstruction.shown)
            self.method.show_prepared()
            self.diversity.show_chosen()
        self.session.join(self, self.title)

    def _on_closed(self) -> None:
        self.body.hide()
        self.opening.show_closed()
        self.method.show_unrendered()

    def _on_opened(self) -> None:
        QTimer.singleShot(0, self._show_opened)  # the panels are built in this turn of the event loop

    def _show_opened(self) -> None:
        if not self.bench.acquisition.is_open:
            return
        self.body.show()
        self.method.list_methods()
        self.sampling.show_sampling()
        self._on_measured()
        self.opening.show_opened()

    def _on_left(self) -> None:
        self.opening.show_facts()  # its SNR is that of the slice before
        self.method.show_unrendered()

    def _on_measured(self) -> None:
        self.opening.show_facts()
        self.sampling.show_measured()
        self.method.show_domain()
        if self.bench.acquisition.slice is not None:
            self.diversity.show_where()
        if self.bench.reconstruction.shown is None:
            self.method.show_unrendered()

    def _on_method(self) -> None:
        self.method.show_method()
        self.diversity.show_where()

    def _on_knobs(self) -> None:
        self.method.show_knobs()
        self.diversity.mark()
