"""Scans whose files say by a `mask` what was sampled."""

from typing import TYPE_CHECKING

from ..data.points import extent, within
from ..data.scan import Scan
from ..ground.cached_property import cached_property
from ..ground.errors import ReconRobustError

if TYPE_CHECKING:
    from torch import Tensor


class MaskedScan(Scan):
    """A scan whose file may have a `mask`, which tells lines of zeros that were measured from those left out.

    Classes derived from it set the attributes, and then call `_compare_mask`. _mask: bool (1, phase) or (readout,
    phase), or None without one. _limits: the columns that were to be measured.
    """

    _mask: "Tensor | None"
    _limits: slice

    def _compare_mask(self) -> None:
        """Drop a mask beside which a slice has samples, and say so: fastMRI stores k-space that is masked already."""
        if self._mask is None:
            return
        try:
            contradicted = bool((self._found & ~self._mask).any())
        except ReconRobustError:  # of slices that cannot be read
            return
        if contradicted:
            self._drop_mask(
                "The file's `mask` leaves out points that have samples, so it is ignored and all samples are used; "
                "give it as the sampling mask if the scan is to be undersampled by it."
            )

    def _drop_mask(self, note: str) -> None:
        """Go without a mask, and say why."""
        self._mask = None
        self.header = self.header.model_copy(update={"notes": (*self.header.notes, note)})

    @cached_property
    def _found(self) -> "Tensor":
        """What has values, as a slice tells."""
        return super()._measured()

    def _encoded(self) -> "Tensor":
        """The columns within the limits, without the padding of the matrix.

        Padding also begins at lines that the stored mask samples and that hold nothing but zeros.
        """
        phase, limits = self.header.phase, self._limits
        if self._mask is None or not bool(self._found.any()):
            return within(limits, phase)
        empty = (self._mask.any(0) & ~self._found.any(0)).nonzero().flatten().tolist()
        start = max([limits.start, *(line + 1 for line in empty if line < phase // 2)])
        return within(slice(start, min([limits.stop, *(line for line in empty if line >= phase // 2)])), phase)

    def _measured(self) -> "Tensor":
        """The stored mask without padding and without the ends that all lines lack; else what has values."""
        found = self._found
        return found if self._mask is None else found.any(0) & self._mask & extent(found)
