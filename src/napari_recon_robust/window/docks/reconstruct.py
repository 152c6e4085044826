"""The Reconstruct dock: open, undersample, choose a method, turn its knobs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari.viewer
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from ...controls.knobs import KnobPanel, decimals
from ...controls.parts import button, heading, row, set_faint, show_text, warning, words
from ...controls.sampling_picture import SamplingPicture
from ...ground.errors import ReconRobustError
from ...ground.knob import Knob
from ...workbench.domain import outside, trained_for
from ...workbench.reconstruction import Rendered
from ..session import Session
from .contrast import ContrastBox
from .page import Page
from .strip import COLUMNS, Strip

if TYPE_CHECKING:
    from ...reconstructors.base import Reconstructor

FILES = "k-space (*.h5 *.hdf5 *.mrd *.cfl *.hdr *.npy);;fastMRI+ annotations (*.csv);;All files (*)"
FIRST_METHOD = "tv"
_AS_ACQUIRED = "as acquired"


def sampling_knobs() -> tuple[Knob, ...]:
    """Sampling as knobs: the patterns and their parameters."""
    from ...physics.sampling import PATTERNS

    return (
        Knob(
            name="pattern",
            label="Pattern",
            help="Which lines of k-space are kept: fastMRI's patterns, a 2-D Poisson disc, or learned lines",
            kind="choice",
            choices=(_AS_ACQUIRED, *PATTERNS),
            default="equispaced",
        ),
        Knob(
            name="acceleration",
            label="Acceleration",
            help="Nominal R: all lines over the kept ones; the true one is written below",
            minimum=1.0,
            maximum=12.0,
            default=4.0,
        ),
        Knob(
            name="centre_fraction",
            label="ACS width",
            help="Fully sampled lines in the centre (autocalibration signal), of all lines",
            minimum=0.02,
            maximum=0.3,
            default=0.08,
        ),
        Knob(name="seed", label="Seed", help="Another number draws other lines", kind="int", maximum=9999, default=0),
    )


class ReconstructDock(Page):
    """A thin view on `acquisition` and `reconstruction` of the workbench."""

    title = "Reconstruct"

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__(Session.of(napari_viewer))
        self.sampling: KnobPanel | None = None
        self.knobs: KnobPanel | None = None
        self.column.addWidget(self._opening())
        self.column.addWidget(self._axes())
        self.body = QWidget()
        self.column.addWidget(self.body)
        self._fill_body()
        self.column.addStretch(1)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(250)
        self._later.timeout.connect(self._measure)
        for signal, slot in (
            (self.bench.acquisition.opened, self._on_opened),
            (self.bench.acquisition.closed, self._on_closed),
            (self.bench.acquisition.measured, self._on_measured),
            (self.bench.reconstruction.method_changed, self._on_method),
            (self.bench.reconstruction.knobs_changed, self._on_knobs),
            (self.bench.reconstruction.rendered, self._on_rendered),
            (self.bench.reconstruction.prepared, self._on_prepared),
            (self.bench.choosing.changed, self._on_chosen),
            (self.bench.contrasting.changed, self._show_contrast),
            (self.bench.regions.chosen_changed, self._show_where),
        ):
            self.listen(signal, slot)
        self.session.asked_axes.connect(self._ask_axes)
        self.session.jobs.idle.connect(self._on_idle)
        self._on_closed()
        if self.bench.acquisition.is_open:
            self._show_opened()
            self._on_method()
            self._on_chosen()
        self.session.join(self, self.title)

    # ---------------------------------------------------------------- parts

    def _opening(self) -> QWidget:
        self.open_button = button("Open k-space…", "fastMRI and ISMRMRD HDF5, BART .cfl/.hdr, NumPy .npy", self._browse)
        self.sample_button = button(
            "Open the sample", "A simulated multi-coil brain that comes with the plugin", self.session.open_sample
        )
        self.hint = words(
            "Or drop a file here or on the canvas: fastMRI or ISMRMRD (.h5, .mrd), BART (.cfl), NumPy (.npy), "
            "fastMRI+ annotations (.csv), or the folder of a saved case."
        )
        self.facts = words()
        self.notes = warning()
        self.upright = QCheckBox("Turn upside down")
        self.upright.setToolTip("fastMRI stores images with the first row at the bottom; only the picture is turned")
        self.upright.toggled.connect(self.session.panels.set_upside_down)
        self.upright.toggled.connect(lambda _: self._on_chosen())
        return _column(row(self.open_button, self.sample_button), self.hint, self.facts, self.notes, self.upright)

    def _axes(self) -> QWidget:
        self.axes = QLineEdit()
        self.axes.setToolTip("The array's axes in their order: slice, coil, readout, phase; separated by commas")
        self.axes_question = words()
        self.axes_path = Path()
        accept = button("Open", "Open the array with these axes", self._open_array)
        self.axes.returnPressed.connect(self._open_array)
        self.axes_box = _column(self.axes_question, row(self.axes, accept, stretch=0))
        self.axes_box.hide()
        return self.axes_box

    def _fill_body(self) -> None:
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.picture = SamplingPicture()
        self.sampling_place = QHBoxLayout()
        self.sampling_place.setSpacing(8)
        self.sampling_facts = words(faint=True)
        self.method = QComboBox()
        self.method.setToolTip("Reconstruction method")
        self.method.setMinimumWidth(80)  # not that of its longest entry
        self.method.currentIndexChanged.connect(self._choose)
        self.own_button = button("Own model…", "Open a model of your own", self._ask_model, checkable=True)
        self.summary = words(faint=True)
        self.warning = warning()
        self.knob_place = QVBoxLayout()
        self.auto = button(
            "Auto", "Let k-space lines that are held out choose the knobs: no reference needed", self._auto
        )
        self.preview = button("Preview", "Reconstruct at these knobs", self.session.render)
        self.mark = words(faint=True)
        self.scores = words()
        column.addWidget(heading("Sampling"))
        column.addLayout(self.sampling_place)
        column.addWidget(self.sampling_facts)
        column.addWidget(heading("Method"))
        column.addLayout(row(self.method, self.own_button, stretch=0))
        column.addWidget(self._own_model())
        column.addWidget(self.summary)
        column.addWidget(self.warning)
        column.addLayout(self.knob_place)
        column.addLayout(row(self.auto, self.preview, self.mark, stretch=2))
        column.addWidget(self.scores)
        column.addWidget(self._diversity())
        self.contrast = ContrastBox(self.session)
        column.addWidget(self.contrast)

    def _diversity(self) -> QWidget:
        """The plausible images that differ most, below the knobs that they belong to."""
        self.diverse = button(
            "Show diverse",
            "Of the images that fit the samples, over the range of the knobs or by chance, those that differ most",
            lambda: self.session.diverse(self.count.value()),
        )
        self.count = QSpinBox()
        self.count.setRange(2, 2 * COLUMNS)
        self.count.setValue(COLUMNS)
        self.count.setToolTip("How many images")
        self.count.setFixedWidth(84)  # napari's theme makes it as wide as a number of ten digits
        self.where = words(faint=True)
        self.strip = Strip()
        self.strip.chosen.connect(self.session.pick)
        self.diversity = _column(row(self.diverse, self.count, self.where, stretch=2), self.strip)
        return self.diversity

    def _own_model(self) -> QWidget:
        self.model = QLineEdit()
        self.model.setPlaceholderText("file, module:function, or bart: and a command")
        self.model.setToolTip("image = f(kspace, mask, sensitivities): docs/own-models.md")
        self.model.returnPressed.connect(self._open_model)
        choose = button("File…", "torch.export, ONNX, a fastMRI checkpoint or a Python script", self._browse_model)
        accept = button("Open", "Open this model and reconstruct with it", self._open_model)
        self.model_box = _column(row(self.model, choose, accept, stretch=0))
        self.model_box.hide()
        return self.model_box

    # ---------------------------------------------------------------- opening

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open k-space", "", FILES)
        if path:
            self.session.open(path)

    def _ask_axes(self, path: Path, shape: tuple[int, ...], names: tuple[str, ...]) -> None:
        self.axes_path = path
        self.axes.setText(", ".join(names))
        self.axes_question.setText(
            f"{path.name} has the axes {' × '.join(map(str, shape))}. What are they? Below is a guess."
        )
        self.axes_box.show()
        self.axes.setFocus()

    def _open_array(self) -> None:
        self.session.open(self.axes_path, tuple(name.strip() for name in self.axes.text().split(",")))

    def _on_closed(self) -> None:
        self.body.hide()
        self.upright.hide()
        self.hint.show()
        show_text(self.facts, "")
        show_text(self.notes, "")

    def _on_opened(self) -> None:
        QTimer.singleShot(0, self._show_opened)  # the panels are built in this turn of the event loop

    def _show_opened(self) -> None:
        if not self.bench.acquisition.is_open:
            return
        self.hint.hide()
        self.axes_box.hide()
        self.body.show()
        self._list_methods()
        self._show_sampling()
        self._on_measured()
        geometry = self.session.panels.geometry
        with signals_blocked(self.upright):
            self.upright.setChecked(geometry is not None and geometry.upside_down)
        self.upright.show()

    # ---------------------------------------------------------------- sampling

    def _show_sampling(self) -> None:
        if self.sampling is None:
            self.sampling = KnobPanel(sampling_knobs(), percent=("centre_fraction",))
            self.sampling.turned.connect(lambda _: self._later.start())
            self.sampling.refused.connect(self.session.jobs.failed)
            self.sampling_place.addWidget(self.sampling, 1)
            self.sampling_place.addWidget(self.picture)
        acquisition = self.bench.acquisition
        self.sampling.setVisible(acquisition.scan is not None and acquisition.scan.fully_sampled)
        values = acquisition.sampling_values or {"pattern": _AS_ACQUIRED}
        self.sampling.set_values({name: value for name, value in values.items() if name in self.sampling.controls})

    def _measure(self) -> None:
        from ...physics.sampling import Sampling

        assert self.sampling is not None
        values: dict[str, Any] = dict(self.sampling.values())
        as_acquired = values["pattern"] == _AS_ACQUIRED
        self.session.measure(None if as_acquired else Sampling(**values))

    def _on_idle(self, lane: str) -> None:
        """What was refused is not what the controls go on showing."""
        if lane == "measure" and self.sampling is not None and not self._later.isActive():
            self._show_sampling()

    def _on_measured(self) -> None:
        acquisition = self.bench.acquisition
        show_text(self.facts, acquisition.facts)
        show_text(self.notes, " ".join(acquisition.scan.header.notes) if acquisition.scan is not None else "")
        measured = acquisition.slice
        if measured is None:
            return
        mask = measured.measurement.mask
        self.picture.set_mask(mask.cpu().numpy())
        unit = "lines" if measured.measurement.lines else "points"
        self.sampling_facts.setText(
            f"R = {measured.measurement.acceleration:.3g}: {int(mask.sum())} of {mask.numel()} {unit}"
        )
        self._show_domain()
        self._show_where()
        if self.bench.reconstruction.shown is None:
            self._show_mark("")
            show_text(self.scores, "")

    # ---------------------------------------------------------------- method and knobs

    def _list_methods(self) -> None:
        if self.method.count():
            return
        from ...reconstructors import registry

        with signals_blocked(self.method):
            for method in (*map(registry.get, registry.ids()), *self.bench.reconstruction.own.values()):
                self._list(method)
            self.method.setCurrentIndex(-1)
        if self.bench.reconstruction.method is None:
            self.method.setCurrentIndex(self.method.findData(FIRST_METHOD))

    def _list(self, method: "Reconstructor") -> None:
        self.method.addItem(method.label, method.id)
        self.method.setItemData(self.method.count() - 1, method.summary, 3)  # Qt.ToolTipRole

    def _ask_model(self, shown: bool) -> None:
        self.model_box.setVisible(shown)
        self.model.setFocus()

    def _browse_model(self) -> None:
        from ...own_models.opening import KINDS

        models = f"Models ({' '.join(f'*{suffix}' for suffix in KINDS)});;All files (*)"
        path, _ = QFileDialog.getOpenFileName(self, "Open an own model", "", models)
        if path:
            self.model.setText(path)
            self._open_model()

    def _open_model(self) -> None:
        if self.model.text().strip():
            self.session.open_model(self.model.text().strip())

    def _choose(self) -> None:
        id = self.method.currentData()
        if id is not None:
            self.session.choose_method(id)

    def _on_method(self) -> None:
        method = self.bench.reconstruction.reconstructor
        if method is None:
            return
        with signals_blocked(self.method):
            if self.method.findData(method.id) < 0:
                self._list(method)
            self.method.setCurrentIndex(self.method.findData(method.id))
        if self.knobs is not None:
            self.knob_place.removeWidget(self.knobs)
            self.knobs.hide()
            self.knobs.deleteLater()
        self.knobs = KnobPanel(method.knobs)
        self.knobs.set_values(self.bench.reconstruction.knobs)
        self.knobs.turned.connect(self.session.turn)
        self.knobs.refused.connect(self.session.jobs.failed)
        self.knob_place.addWidget(self.knobs)
        self.auto.setVisible(bool(self.bench.reconstruction.axes))
        self.diversity.setVisible(self.bench.choosing.possible)
        self._show_where()
        self._show_domain()
        self._show_mark("")
        show_text(self.scores, "")

    def _show_domain(self) -> None:
        """One line on the method, and in words where this scan is outside of what its weights were trained for."""
        method, measured = self.bench.reconstruction.reconstructor, self.bench.acquisition.slice
        if method is None:
            return
        seconds = self.bench.reconstruction.seconds.get(method.id)
        took = "" if seconds is None else f" A slice takes about {decimals(seconds)} s here."
        try:
            domain = trained_for(method)
            concern = "" if measured is None else outside(method, measured.measurement)
        except ReconRobustError as error:
            domain, concern = None, str(error)
        trained = "" if domain is None else f" Trained for {domain}."
        self.summary.setText(f"{method.summary}{trained}{took}")
        show_text(self.warning, f"{method.caution} {concern}".strip())
        self.preview.setVisible(self.session.slow)

    def _on_knobs(self) -> None:
        if self.knobs is not None:
            self.knobs.set_values(self.bench.reconstruction.knobs)
        self.strip.mark(self.bench.reconstruction.knobs)

    def _auto(self) -> None:
        self.session.attempt(self.bench.reconstruction.automatic)

    def _on_rendered(self, rendered: Rendered) -> None:
        self._show_mark(rendered.mark)
        set_faint(self.scores, not rendered.exact)
        if rendered.exact:
            self._show_domain()
        if rendered.metrics is not None:
            lines = [
                f"{region.capitalize()}: SSIM {one.ssim:.3f}, {one.psnr:.1f} dB, NMSE {decimals(one.nmse)}"
                for region, one in rendered.metrics.items()
            ]
            show_text(self.scores, "\n".join(lines))
        elif rendered.exact:
            show_text(self.scores, "")

    def _on_prepared(self) -> None:
        """The map under the pad grows with what is prepared."""
        if self.knobs is not None and self.knobs.pad is not None:
            self.knobs.pad.set_map(self.bench.reconstruction.consistency(), "dark: true to the data")

    def _on_chosen(self) -> None:
        choosing, method = self.bench.choosing, self.bench.reconstruction.reconstructor
        geometry = self.session.panels.geometry
        if geometry is None or method is None or choosing.detail is None:
            self.strip.clear()
            return
        of_chance = [knob for knob in method.knobs if knob.name == "seed"]
        axes = self.bench.reconstruction.axes if method.draw is None else of_chance
        place = "where they differ most" if choosing.region is None else "the chosen region"
        self.strip.show_variants(choosing.variants, axes, choosing.detail.numpy(), geometry, place, choosing.sentence)
        self.strip.mark(self.bench.reconstruction.knobs)

    def _show_contrast(self) -> None:
        self.contrast.show_found()

    def _show_where(self) -> None:
        """Where the images are to differ."""
        regions = self.bench.choosing.regions
        names = ", ".join(region.name for region in regions)
        self.where.setText(f"on {names}" if names else "on the whole image")

    def _show_mark(self, text: str) -> None:
        self.mark.setText(text)


def _column(*parts: Any) -> QWidget:
    widget = QWidget()
    column = QVBoxLayout(widget)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(6)
    for one in parts:
        if isinstance(one, QWidget):
            column.addWidget(one)
        else:
            column.addLayout(one)
    return widget
