"""Beyond one method and its samples: a perturbation's transfer, and quality over the number of samples."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..ground.errors import InputError
from ..ground.progress import Job, Progress
from .acquisition import Slice
from .perturbing import Setting
from .review_part import Basis, ReviewPart
from .state import Kept
from .task import Task

if TYPE_CHECKING:
    from ..analyses.samples import SamplesCurve
    from ..analyses.transfer import Transfer
    from ..reconstructors.base import Method, Reconstructor

ACCELERATIONS, SEEDS = (2.0, 3.0, 4.0, 6.0, 8.0), range(3)


class Analysing(ReviewPart):
    """Analyses of the slice that is measured, over several methods or samplings. Signal: `changed()`."""

    def __init__(self, basis: Basis) -> None:
        super().__init__(basis)
        # The methods of the matrix are its own.
        set_up = "slice", "roi", "kind", "knobs", "budgets"
        self._matrix: Kept[Transfer] = Kept(self._now, lambda state: state.only(*set_up), self.changed.emit)
        self._curve: Kept[SamplesCurve] = Kept(
            self._now, lambda state: state.only("slice", "method"), self.changed.emit
        )

    @property
    def matrix(self) -> "Transfer | None":
        """The transfer of the perturbation that is set; None when slice, region, kind, knobs or budget have changed."""
        return self._matrix.value

    @property
    def curve(self) -> "SamplesCurve | None":
        """The quality of the method; None when slice, method or knobs have changed."""
        return self._curve.value

    def transfer(self, methods: Sequence[str]) -> "Task[Transfer]":
        """Search for the perturbation that is set on each of the methods (ids), and reconstruct each find with all.

        The methods run at their defaults. Raises InputError for fewer than two of them, towards an image that was
        given, and as `Perturbing.run` does.
        """
        if len(methods) < 2:
            raise InputError("a transfer is between methods; tick two or more of them.")
        kind, setting = self._perturbing.chosen, self._perturbing.setting()
        if kind.image is not None:
            raise InputError("the given image is that of one method; choose an effect to see it transferred.")
        job = _transfer(setting, self._perturbing.budget, methods, self._reconstruction.find)
        own = self._reconstruction.own(*methods)
        return Task(f"Transfer between methods: {kind.label}", job, self._matrix.for_now(), models=own)

    def quality(self) -> "Task[SamplesCurve]":
        """The quality of the present method and knobs at several accelerations, of the pattern that is chosen.

        What the scan does not allow is raised by the job.
        """
        method, measured = self._reconstruction.chosen, self._acquisition.current
        show = self._curve.for_now()
        own = self._reconstruction.own(method.id)
        return Task("Quality over samples", _quality(measured, method), show, show, models=own)


def _transfer(
    setting: Setting, budget: float, methods: Sequence[str], find: "Callable[[str], Reconstructor]"
) -> "Job[Transfer]":
    yield Progress(0.0, "Transfer between methods")
    from ..analyses.transfer import transfer

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


def _quality(measured: Slice, method: "Method") -> "Job[SamplesCurve]":
    yield Progress(0.0, "Quality over samples")
    from ..analyses.samples import quality_by_samples
    from ..physics.sampling import Sampling

    sampling = measured.sampling if isinstance(measured.sampling, Sampling) else None  # nothing varies a mask
    return (yield from quality_by_samples(measured.measurement, method, ACCELERATIONS, sampling=sampling, seeds=SEEDS))
