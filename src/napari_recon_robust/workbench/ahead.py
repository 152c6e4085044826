"""The next slice in the direction of scrolling, measured and reconstructed before it is asked for."""

from typing import TYPE_CHECKING

from ..ground.errors import ReconRobustError
from ..ground.progress import Job
from .acquisition import Acquisition, Slice, measured_slice
from .reconstruction import Reconstruction, Rendered, rendered_job
from .task import Task, part

if TYPE_CHECKING:
    from torch import Tensor

    from ..data.scan import Scan
    from ..physics.sampling import Sampling
    from ..reconstructors.base import Method

LONGEST = 10.0  # s; a method that takes longer for one image is not run for an image that nobody asked for
Found = tuple[Slice | None, Rendered | None]


class Ahead:
    """Looks one slice ahead, and no further: one slice is kept at a time."""

    def __init__(self, acquisition: Acquisition, reconstruction: Reconstruction) -> None:
        self._acquisition, self._reconstruction = acquisition, reconstruction
        self._refused: tuple[object, ...] | None = None  # what could not be computed is not tried again
        acquisition.closed.connect(self._forget)

    def task(self) -> Task[Found] | None:
        """Compute the next slice with the present method; None where there is none, or where it is there already.

        Nothing that goes wrong is said: it will be when the slice is asked for.
        """
        acquisition, method = self._acquisition, self._reconstruction.method
        scan, measured = acquisition.scan, acquisition.slice
        if scan is None or measured is None or method is None or not acquisition.heading:
            return None
        index, sampling = measured.index + acquisition.heading, measured.sampling
        wanted = (scan, index, sampling, method)
        if not 0 <= index < len(scan) or self._refused == wanted:
            return None
        kept = acquisition.kept(index, sampling)
        if kept is not None and self._reconstruction.kept(method, kept) is not None:
            return None
        quick = self._reconstruction.seconds.get(method.id, LONGEST) < LONGEST
        if kept is not None and not quick:
            return None

        def accept(found: Found) -> None:
            there, rendered = found
            if acquisition.scan is not scan:
                return
            acquisition.keep(there)
            self._reconstruction.keep(None if there is None or rendered is None else (there, rendered))
            self._refused = wanted if there is None or (quick and rendered is None) else None

        return Task(
            f"Looking ahead to slice {index}",
            _look(scan, index, sampling, kept, method if quick else None, acquisition.device),
            accept,
        )

    def _forget(self) -> None:
        self._acquisition.keep(None)
        self._reconstruction.keep(None)
        self._refused = None


def _look(
    scan: "Scan",
    index: int,
    sampling: "Sampling | Tensor | None",
    measured: Slice | None,
    method: "Method | None",
    device: str,
) -> Job[Found]:
    """Measure the slice unless that was done, and reconstruct it unless there is no method."""
    try:
        if measured is None:
            measured = yield from part(measured_slice(scan, index, sampling, device), 0.0, 0.5)
        if method is None:
            return measured, None
        return measured, (yield from part(rendered_job(method, measured), 0.5, 1.0))
    except (ReconRobustError, RuntimeError, ArithmeticError, MemoryError):
        return measured, None
