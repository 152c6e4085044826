"""What every perturbation is: Measurement, Reconstructor, ROI -> Perturbed."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..evaluation.roi import ROI
from ..knob import Knob
from ..measurement import Measurement
from ..progress import Job
from ..reconstructors.base import Reconstructor


@dataclass(frozen=True)
class Budget:
    """What a perturbation z spent, as fractions of the k-space norms.

    nominal: the eta that was asked for. achieved: ||M z|| / ||k|| over all coils. per_coil: ||M z_i|| / ||k_i||.
    thermal: ||M z|| / sqrt(sum_i sigma_i^2 n_i), in multiples of the scan's thermal noise.
    k is the fully sampled k-space where it is known, else the sampled one (`relative_to` says which).
    """

    nominal: float
    achieved: float
    per_coil: tuple[float, ...]
    thermal: float
    relative_to: str

    @classmethod
    def of(cls, nominal: float, z: Tensor, measurement: Measurement) -> "Budget":
        """Measured on the perturbation itself: z (coils, readout, phase), masked here."""
        z = z * measurement.mask
        whole = measurement.full if measurement.full is not None else measurement.kspace
        norms, spent = coil_norms(whole), coil_norms(z)
        sampled = measurement.sampled_points
        noise = (measurement.calibration.noise.square() * sampled).sum().sqrt()
        return cls(
            nominal=nominal,
            achieved=float(spent.norm() / norms.norm()),
            per_coil=tuple((spent / norms.clamp_min(torch.finfo(norms.dtype).tiny)).tolist()),
            thermal=float(spent.norm() / noise) if noise > 0 else float("inf"),
            relative_to="full" if measurement.full is not None else "sampled",
        )


def coil_norms(kspace: Tensor) -> Tensor:
    """||k_i|| of each coil: (..., coils, readout, phase) to (..., coils)."""
    return torch.linalg.vector_norm(kspace, dim=(-2, -1))


@dataclass(frozen=True, eq=False)
class Perturbed:
    """The outcome of one perturbation at one budget.

    measurement: with the perturbed samples; its `full` is the fully sampled k-space with the same perturbation
        (what the scanner would have seen without undersampling), None where that is not known.
    perturbation: z = perturbed - clean samples, complex64 (coils, readout, phase), zero where not sampled.
    budget: what it really spent. loss: of each step, clean first; higher is worse for the reconstruction.
    complete: False if it was cancelled; then it is the best so far.
    details: further results of this kind of perturbation, plain JSON values.
    """

    measurement: Measurement
    perturbation: Tensor
    budget: Budget
    loss: tuple[float, ...] = ()
    complete: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)


class Perturbation(ABC):
    """A kind of perturbation. Stateless; its options are knobs. `run` is a job that yields the best so far.

    The job's result has one `Perturbed` for each budget, in the order of `budgets`.
    """

    id: ClassVar[str]
    label: ClassVar[str]
    summary: ClassVar[str]
    knobs: ClassVar[tuple[Knob, ...]] = ()
    needs_gradient: ClassVar[bool] = False
    needs_budget: ClassVar[bool] = True

    @abstractmethod
    def run(
        self,
        measurement: Measurement,
        reconstructor: Reconstructor,
        roi: ROI,
        budgets: tuple[float, ...],
        *,
        reconstructor_knobs: Mapping[str, Any] | None = None,
        **knobs: Any,
    ) -> Job[list[Perturbed]]:
        """Find the perturbation on the ROI for each budget (eta, a fraction)."""
