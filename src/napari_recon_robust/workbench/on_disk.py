"""Attacks whose images lie on the disk as a saved case: opened again on their slice of the scan that is open."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..ground.errors import FileFormatError, InputError
from ..ground.progress import Job
from .acquisition import Slice, measured_slice
from .perturbing import Result
from .saving import opened_case
from .state import State
from .task import part

if TYPE_CHECKING:
    from ..data.scan import Scan
    from ..reconstructors.base import Reconstructor


@dataclass(frozen=True)
class OnDisk:
    """Where the images of an attack lie.

    folder: of a saved case, in which the attacks of one run lie together. size: of it in bytes, at most.
    index: the slice as the window counts. chosen: whether a region was chosen. sampled: its sampling as
    plain values.
    """

    folder: Path
    index: int
    chosen: bool
    sampled: Mapping[str, Any] | None
    size: int = 0


def opened_result(disk: OnDisk, budget: float | None, own: "Mapping[str, Reconstructor]") -> Job[Result]:
    """The attack at a budget, computed again and checked; InputError where its case is damaged or gone."""
    try:
        result = yield from opened_case(disk.folder, own)
    except FileFormatError as error:
        raise InputError(f"its images cannot be read from the disk any more ({error}); run it again.") from None
    return replace(result, slice=disk.index).looked_at(budget)


def opened_on(
    disk: OnDisk,
    budget: float | None,
    own: "Mapping[str, Reconstructor]",
    scan: "Scan | None",
    here: Slice | None,
    device: str,
) -> Job[tuple[Result, Slice]]:
    """The attack and its slice, measured as it was for it.

    here: the slice that is measured at present, which need not be measured again. InputError if the slice of the scan
    has other samples.
    """
    from ..physics.sampling import Sampling

    result = yield from part(opened_result(disk, budget, own), 0.0, 0.8)
    sampling = None if disk.sampled is None else Sampling(**disk.sampled)
    if here is not None and here.is_at(scan, disk.index, sampling):
        measured = here
    elif scan is not None:
        measured = yield from part(measured_slice(scan, disk.index, sampling, device), 0.8, 1.0)
    else:
        raise InputError("no scan is open; press Open k-space… or drop a file here.")
    if not is_of(result, measured):
        raise InputError("its samples are not those of this scan any more; save it as a case, and open that.")
    return result, measured


def is_of(result: Result, measured: Slice) -> bool:
    """Whether a result was found on exactly these samples."""
    import torch

    return torch.equal(result.setting.measurement.kspace.cpu(), measured.measurement.kspace.cpu())


def placed(result: Result, measured: Slice, now: State, *, chosen: bool) -> Result:
    """A result of a saved case as one of a slice that is open; what it does not say is taken from the present state.

    chosen: whether a region was chosen for it.
    """
    from ..perturbations import registry

    setting, id = result.setting, result.setting.perturbation
    found = [one.perturbed.budget.nominal for one in (*result.outcomes, result.outcome)]
    budgets = tuple(dict.fromkeys(one for one in reversed(found) if one is not None))[::-1]
    state = State(
        slice=measured,
        method=setting.method,
        roi=setting.roi.labelled() if chosen else None,
        kind=now.kind if now.kind is not None and now.kind.id == id else registry.get(id),
        knobs=dict(setting.perturbation_knobs),
        budgets=now.budgets if {*now.budgets} == {*budgets} else budgets,
    )
    return replace(result, setting=replace(setting, measurement=measured.measurement, state=state))
