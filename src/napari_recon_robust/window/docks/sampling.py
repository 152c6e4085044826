"""How an opened scan is undersampled: its knobs, the sampled lines as a picture, the true acceleration."""

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QHBoxLayout, QWidget

from ...controls.knob_panel import KnobPanel
from ...controls.letters import letters
from ...controls.parts import column, heading, words
from ...controls.sampling_picture import SamplingPicture
from ...ground.knob import Knob
from ..session import Session

if TYPE_CHECKING:
    from ...data.measurement import Measurement

_AS_ACQUIRED = "as acquired"
_LARGE = 1.5  # times napari's own letters, from which on the picture stands below the knobs
_REST = 250  # ms after which a knob is at rest


def sampling_knobs() -> tuple[Knob, ...]:
    """The knobs of the sampling; its patterns include the choice to take a scan as it is."""
    from ...physics import sampling

    pattern, *others = sampling.KNOBS
    return pattern.model_copy(update={"choices": (_AS_ACQUIRED, *pattern.choices)}), *others


class SamplingBox(QWidget):
    """A thin view on the sampling of `acquisition`; its page says when to look at it again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.bench = session, session.bench
        self.knobs: KnobPanel | None = None
        self.picture = SamplingPicture()
        self.facts = words(faint=True)
        self._place = QHBoxLayout()
        self._place.setSpacing(8)
        self._arrange()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST)
        self._rest.timeout.connect(self._measure)
        column(heading("Sampling"), self._place, self.facts, into=self, spacing=4)

    def changeEvent(self, event: QEvent | None) -> None:
        """Put the picture below the knobs while these need the whole width for large letters."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.StyleChange:
            self._arrange()

    def _arrange(self) -> None:
        below = letters() > _LARGE
        self._place.setDirection(QHBoxLayout.Direction.TopToBottom if below else QHBoxLayout.Direction.LeftToRight)

    def show_sampling(self) -> None:
        """Show the values of the sampling; a scan that is undersampled already has no knobs."""
        if self.knobs is None:  # needs torch, which an empty dock does without
            self.knobs = KnobPanel(sampling_knobs(), percent=("centre_fraction",))
            self.knobs.turned.connect(lambda _: self._rest.start())
            self.knobs.refused.connect(self.session.jobs.failed)
            self._place.addWidget(self.knobs, 1)
            self._place.addWidget(self.picture)
        acquisition = self.bench.acquisition
        self.knobs.setVisible(acquisition.scan is not None and acquisition.scan.fully_sampled)
        values = acquisition.sampling_values or {"pattern": _AS_ACQUIRED}
        self.knobs.set_values({name: value for name, value in values.items() if name in self.knobs.controls})

    def show_measured(self) -> None:
        """Show by what the slice was sampled and which lines that gave; none, as long as no slice is read."""
        measured = self.bench.acquisition.slice
        if measured is None:
            self.picture.set_mask(None)
            self.facts.setText("")
        else:
            self._show_settled()
            self._show_samples(measured.measurement)

    def show_read(self, _: object, measurement: "Measurement") -> None:
        """Show which lines were read: where they are too few to go on, they are what is to be seen."""
        self._show_samples(measurement)

    def _show_samples(self, measurement: "Measurement") -> None:
        mask = measurement.sampled
        self.picture.set_mask(measurement.mask.cpu().numpy())
        unit = "lines" if measurement.lines else "points"
        count, acceleration = int(mask.sum()), measurement.acceleration
        self.facts.setText(f"R = {acceleration:.3g}: {count} of {round(acceleration * count)} {unit}")

    def show_idle(self, lane: str) -> None:
        """Show the present sampling again after one was refused."""
        if lane != "measure":
            return
        self._show_settled()
        if self.bench.acquisition.slice is not None:
            self._show_samples(self.bench.acquisition.slice.measurement)

    def _show_settled(self) -> None:
        """Show the present sampling, unless its knobs are being turned.

        A lane is idle before its result is accepted: then this is still the sampling before, and again needed after.
        """
        if self.knobs is not None and not self._rest.isActive():
            self.show_sampling()

    def _measure(self) -> None:
        from ...physics.sampling import Sampling

        assert self.knobs is not None
        values: dict[str, Any] = dict(self.knobs.values())
        as_acquired = values["pattern"] == _AS_ACQUIRED
        self.session.measure(None if as_acquired else Sampling(**values))
