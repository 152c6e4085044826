"""How an opened scan is undersampled: its knobs, the sampled lines as a picture, the true acceleration."""

from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QHBoxLayout, QWidget

from ...controls.knobs import KnobPanel
from ...controls.parts import column, heading, words
from ...controls.sampling_picture import SamplingPicture
from ...ground.knob import Knob
from ..session import Session

_AS_ACQUIRED = "as acquired"
_REST = 250  # ms after which a knob is at rest


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
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST)
        self._rest.timeout.connect(self._measure)
        column(heading("Sampling"), self._place, self.facts, into=self, spacing=4)

    def show_sampling(self) -> None:
        """The knobs as the sampling has them; none for a scan that is undersampled already."""
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
        """The lines of the measured slice."""
        measured = self.bench.acquisition.slice
        if measured is None:
            return
        measurement, mask = measured.measurement, measured.measurement.mask
        self.picture.set_mask(mask.cpu().numpy())
        unit = "lines" if measurement.lines else "points"
        self.facts.setText(f"R = {measurement.acceleration:.3g}: {int(mask.sum())} of {mask.numel()} {unit}")

    def show_idle(self, lane: str) -> None:
        """What was refused is not what the controls go on showing."""
        if lane == "measure" and self.knobs is not None and not self._rest.isActive():
            self.show_sampling()

    def _measure(self) -> None:
        from ...physics.sampling import Sampling

        assert self.knobs is not None
        values: dict[str, Any] = dict(self.knobs.values())
        as_acquired = values["pattern"] == _AS_ACQUIRED
        self.session.measure(None if as_acquired else Sampling(**values))
