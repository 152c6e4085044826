"""What a finding says beyond its method and its samples: its transfer, and quality over the number of samples."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from psygnal import Signal

from ..ground.errors import InputError
from ..ground.progress import Job, Progress
from .acquisition import Acquisition, Slice
from .perturbing import Perturbing, Setting
from .reconstruction import Reconstruction
from .task import Task

if TYPE_CHECKING:
    from ..perturbations.outcome import Outcome
    from ..reconstructors.base import Method, Reconstructor
    from ..studies.samples import SamplesCurve
    from ..studies.transfer import Transfer

ACCELERATIONS, SEEDS = (2.0, 3.0, 4.0, 6.0, 8.0), range(3)


class Studying:
    """Studies of the slice that is measured.

    matrix: the transfer of the result that is looked at, None when that is another. curve: the quality of the method,
    None when slice, method or knobs have changed. Signal: `changed()`.
    """

    changed = Signal()

    def __init__(self, acquisition: Acquisition, reconstruction: Reconstruction, perturbing: Perturbing) -> None:
        self._acquisition, self._reconstruction, self._perturbing = acquisition, reconstruction, perturbing
        self.matrix: Transfer | None = None
        self.curve: SamplesCurve | None = None
        self._outcome: Outcome | None = None
        perturbing.finished.connect(self._forget_matrix)
        for signal in (acquisition.measured, acquisition.closed, reconstruction.method_changed):
            signal.connect(self._forget_curve)
        reconstruction.knobs_changed.connect(self._forget_curve)

    def transfer(self, methods: Sequence[str]) -> "Task[Transfer]":
        """Search as the result was searched for on each of the methods (ids), and reconstruct each find with all.

        The methods run at their defaults. Raises InputError without a result of this slice, for fewer than two methods,
        or towards an image that was given.
        """
        result = self._perturbing.current
        if result is None:
            raise InputError("there is no result of this slice; run a perturbation first.")
        if len(methods) < 2:
            raise InputError("a transfer is between methods; tick two or more of them.")
        if result.outcome.perturbed.untransferable:
            raise InputError(result.outcome.perturbed.untransferable)
        setting, outcome, find = result.setting, result.outcome, self._reconstruction.find
        budget = outcome.perturbed.budget.nominal or self._perturbing.budget  # which a feature does without

        def accept(matrix: "Transfer") -> None:
            current = self._perturbing.result
            if current is not None and current.outcome is outcome:
                self.matrix, self._outcome = matrix, outcome
                self.changed.emit()

        return Task("Transfer between methods", _transfer(setting, budget, methods, find), accept)

    def samples(self) -> "Task[SamplesCurve]":
        """The quality of the present method and knobs at several accelerations, of the pattern that is chosen.

        What the scan does not allow is raised by the job.
        """
        method, measured = self._reconstruction.chosen, self._acquisition.current

        def show(curve: "SamplesCurve") -> None:
            if method == self._reconstruction.method and measured is self._acquisition.slice:
                self.curve = curve
                self.changed.emit()

        return Task("Quality over samples", _samples(measured, method), show, show)

    def _forget_matrix(self) -> None:
        result = self._perturbing.result
        if self.matrix is not None and (result is None or result.outcome is not self._outcome):
            self.matrix = None
            self.changed.emit()

    def _forget_curve(self) -> None:
        if self.curve is not None:
            self.curve = None
            self.changed.emit()


def _transfer(
    setting: Setting, budget: float, methods: Sequence[str], find: "Callable[[str], Reconstructor]"
) -> "Job[Transfer]":
    yield Progress(0.0, "Transfer between methods")
    from ..studies.transfer import transfer

    return (
        yield from transfer(
            setting.measurement,
            {id: find(id) for id in methods},
            setting.roi,
            kind=setting.perturbation,
            budget=budget,
            **setting.perturbation_knobs,
        )
    )


def _samples(measured: Slice, method: "Method") -> "Job[SamplesCurve]":
    yield Progress(0.0, "Quality over samples")
    from ..physics.sampling import Sampling
    from ..studies.samples import quality_by_samples

    sampling = measured.sampling if isinstance(measured.sampling, Sampling) else None  # nothing varies a mask
    return (yield from quality_by_samples(measured.measurement, method, ACCELERATIONS, sampling=sampling, seeds=SEEDS))
