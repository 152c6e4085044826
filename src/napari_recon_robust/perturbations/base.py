"""What every perturbation is: Measurement, Method, ROI -> Perturbed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor

from ..data.measurement import Measurement
from ..data.roi import ROI
from ..evaluation.comparison import finite
from ..former import names
from ..ground.errors import InputError, dimensions
from ..ground.knob import Knob, resolve
from ..ground.progress import Job
from ..reconstructors.base import Method, Reconstructor
from .face import Curve, Insert, Placed, Trace

# Calibration after the perturbation: a knob of every kind.
SENSITIVITIES = Knob(
    name="sensitivities",
    label="Sensitivities",
    help="Estimate coil sensitivities and noise again from the perturbed samples, as a scanner would, "
    "or keep those of the clean scan.",
    kind="choice",
    choices=("estimated", "kept"),
    default="estimated",
)
SEED = Knob(
    name="seed",
    label="Seed",
    help="Seed of everything that is drawn at random, the random control included.",
    kind="int",
    minimum=0,
    maximum=2**31 - 1,
    default=0,
)

Restore = Callable[[Tensor], Tensor]

__getattr__ = names(__name__, {"Problem": "perturbations.base:Setup"})


@dataclass(frozen=True)
class Budget:
    """What a perturbation z spent, as fractions of the k-space norms.

    nominal: the eta that was asked for, a fraction of what `Perturbation.budget_of` says; None for perturbations
    without one. achieved: ||M z|| / ||k|| over all coils. per_coil: ||M z_i|| / ||k_i||. thermal: ||M z|| /
    sqrt(sum_i sigma_i^2 n_i), in multiples of the scan's thermal noise. k is the fully sampled k-space where it is
    known, else the sampled one (`relative_to` says which).
    """

    nominal: float | None
    achieved: float
    per_coil: tuple[float, ...]
    thermal: float
    relative_to: str

    @classmethod
    def of(cls, nominal: float | None, z: Tensor, measurement: Measurement) -> "Budget":
        """Measured on the perturbation itself: z (coils, readout, phase), masked here."""
        whole = measurement.kspace if measurement.full is None else measurement.full
        norms, spent = coil_norms(whole), coil_norms(z * measurement.mask)
        noise = (measurement.calibration.noise.square() * measurement.sampled_points).sum().sqrt()
        return cls(
            nominal=nominal,
            achieved=float(spent.norm() / norms.norm()),
            per_coil=tuple((spent / norms.clamp_min(torch.finfo(norms.dtype).tiny)).tolist()),
            thermal=float(spent.norm() / noise) if noise > 0 else float("inf"),
            relative_to="sampled" if measurement.full is None else "full",
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {**finite(asdict(self)), "per_coil": list(self.per_coil)}


def coil_norms(kspace: Tensor) -> Tensor:
    """||k_i|| of each coil: (..., coils, readout, phase) to (..., coils)."""
    return torch.view_as_real(kspace).square().sum((-3, -2, -1)).sqrt()


@dataclass(frozen=True, eq=False)
class Perturbed:
    """The outcome of one perturbation at one budget.

    measurement: with the perturbed samples; its `full` is the fully sampled k-space with the same perturbation
        (what the scanner would have seen without undersampling), None where that is not known.
    perturbation: z = perturbed - clean samples, complex64 (coils, readout, phase), zero where not sampled.
    additive: whether that is what was done; another pose or mask is no addition, and has z = 0.
    restore: brings images (..., rows, columns) of `measurement` into the clean scan's frame (turns them back); None
        where they are in it.
    budget: what it really spent. loss: of each iterate, clean first (AdvRec starts at noise); higher is worse.
    complete: False while the search runs, and so for the best so far of a cancelled one.
    judged_by: "clean" where the anatomy stays, "perturbed" where the truth has changed with it.
    roi: the region that it concerns if that is not the one given. clean, image: the reconstructions before and after,
        as the search saw them, complex64 (rows, columns), or None.
    details: further results, plain JSON values for the record; what views show has a type:
    statement: the result in words. findings: what makes the search unreliable, name to words. caption: what is written
    over a plot beside its title. curve: measures over a quantity of its own. trace: what `loss` is. feature: what was
    inserted, and where. untransferable: why no other method can be searched in the same way, empty where one can.
    `Perturbation.recalled` makes these and `restore` again from `details`.
    """

    measurement: Measurement
    perturbation: Tensor
    budget: Budget
    loss: tuple[float, ...] = ()
    complete: bool = True
    judged_by: Literal["clean", "perturbed"] = "clean"
    roi: ROI | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    statement: str = ""
    findings: Mapping[str, str] = field(default_factory=dict)
    clean: Tensor | None = None
    image: Tensor | None = None
    additive: bool = True
    restore: Restore | None = None
    caption: str = ""
    curve: Curve | None = None
    trace: Trace | None = None
    feature: Placed | None = None
    untransferable: str = ""

    @classmethod
    def of(cls, measurement: Measurement, z: Tensor, nominal: float | None, *, keep: bool, **more: Any) -> "Perturbed":
        """`measurement` with z (coils, readout, phase) added: to its samples, and unmasked to its full k-space."""
        full = None if measurement.full is None else measurement.full + z
        changed = measurement.with_kspace(measurement.kspace + z, full=full, keep=keep)
        spent = changed.kspace - measurement.kspace
        return cls(changed, spent, Budget.of(nominal, spent, measurement), **more)

    @classmethod
    def instead(cls, measurement: Measurement, changed: Measurement, **more: Any) -> "Perturbed":
        """Another measurement of the object instead of noise on this one: no addition, and nothing is spent."""
        nothing = torch.zeros_like(measurement.kspace)
        return cls(changed, nothing, Budget.of(None, nothing, measurement), additive=False, **more)


@dataclass(frozen=True, eq=False)
class Setup:
    """What is perturbed: one slice, as one method sees it, on one region."""

    measurement: Measurement
    method: Method
    roi: ROI
    mask: Tensor

    @classmethod
    def of(cls, measurement: Measurement, method: Method | Reconstructor, roi: ROI) -> "Setup":
        """A checked one; a reconstructor is the method at its defaults.

        Raises InputError for a batch of slices, NaN or zeros alone in the k-space, an ROI that does not fit, or a
        method that gives no image.
        """
        method = method.at()
        if measurement.kspace.ndim != 3:
            raise InputError(
                f"the k-space has shape {dimensions(measurement.kspace.shape)}; "
                "one slice (coils, readout, phase) is perturbed at a time."
            )
        if not torch.view_as_real(measurement.kspace).sum().isfinite():
            raise InputError("the k-space holds NaN or infinite values; repair the scan before perturbing it.")
        if not measurement.kspace.any():
            raise InputError("the k-space is zero everywhere; choose a slice with signal.")
        if not method.is_image:
            raise InputError(f"these knobs of {method.label} ask for a map, not for an image; perturb an image.")
        return cls(measurement, method, roi, roi.mask(measurement.matrix).to(measurement.kspace.device))

    @property
    def centre(self) -> tuple[float, float]:
        """Row and column of the region's centre."""
        row, column = (float(axis.float().mean()) for axis in torch.nonzero(self.mask).T)
        return row, column

    def reconstruct(self, measurement: Measurement) -> Tensor:
        """The image, complex64 (rows, columns)."""
        return self.method(measurement)


class Perturbation(ABC):
    """A kind of perturbation. Stateless; its options are knobs.

    `run` is a job. Its result has one `Perturbed` for each budget, in the order of `budgets` (one in all where
    `needs_budget` is False). The previews on the way are such lists, of what is done and the best so far of what
    is under way: who cancels keeps the last preview.

    What views ask of a kind: shown: the title of an image of perturbed samples. place: the knobs that take the row and
    the column of a click; negative values are no place, and knobs that matter only without one are those of a search.
    draws_curve: whether its results have a curve of their own. front: the knobs that stand in front of the others, with
    `hint` below them. accepts_image: whether `towards` takes a file in place of the knobs in front.
    """

    id: ClassVar[str]
    label: ClassVar[str]
    summary: ClassVar[str]
    shown: ClassVar[str] = "Perturbed"
    knobs: ClassVar[tuple[Knob, ...]] = ()
    needs_gradient: ClassVar[bool] = False
    needs_budget: ClassVar[bool] = True
    place: ClassVar[tuple[str, str] | None] = None
    draws_curve: ClassVar[bool] = False
    front: ClassVar[tuple[str, ...]] = ()
    accepts_image: ClassVar[bool] = False
    image: Tensor | None = None

    def run(
        self,
        measurement: Measurement,
        method: Method | Reconstructor,
        roi: ROI,
        budgets: tuple[float, ...] = (),
        **knobs: Any,
    ) -> Job[list[Perturbed]]:
        """Find the perturbation on the ROI for each budget (eta, a fraction in (0, 1]).

        method: a reconstructor at its knobs (`Reconstructor.at`); a reconstructor alone is at its defaults.
        knobs: of the perturbation.

        Raises InputError at once for a budget, a knob or an ROI that does not fit, a batch of slices, NaN in the
        k-space, or a method without gradients where they are needed.
        """
        setup = Setup.of(measurement, method, roi)
        if self.needs_budget:
            check_budgets(budgets)
        if self.needs_gradient:
            self.check_gradient(setup)
        return self._run(setup, tuple(budgets), **resolve(self.knobs, knobs))

    def budget_of(self, knobs: Mapping[str, Any]) -> str:
        """What a budget is a fraction of, in words."""
        return "each coil's k-space"

    def hint(self, knobs: Mapping[str, Any]) -> str:
        """What these knobs ask for, in a sentence; empty where there is nothing to add."""
        return ""

    def inserts(self, knobs: Mapping[str, Any]) -> Insert | None:
        """The feature of which a map says where it would be lost; None for a kind that inserts none."""
        return None

    def check_transfer(self, knobs: Mapping[str, Any]) -> None:
        """Raises InputError for knobs by which what is found on a method is not that method's own."""
        return None

    @classmethod
    def towards(cls, path: Path) -> Self:
        """The kind with the image of a file, for kinds that accept one; InputError for a file without an image."""
        raise InputError(f"{cls.label} accepts no image; leave it out, or choose a kind that accepts one.")

    def recalled(self, perturbed: Perturbed) -> Perturbed:
        """A result of a saved case with everything that its details and its loss say: restore, caption, curve, ..."""
        return perturbed

    def check_gradient(self, setup: Setup) -> None:
        """Raises InputError for a method without gradients."""
        if not setup.method.gives_gradient(setup.measurement):
            raise InputError(
                f"{setup.method.label} gives no gradients, which {self.label.lower()} needs; choose another method."
            )

    @abstractmethod
    def _run(self, setup: Setup, budgets: tuple[float, ...], **knobs: Any) -> Job[list[Perturbed]]:
        """The job itself, for input and knob values that are already checked."""


def check_budgets(budgets: tuple[float, ...]) -> None:
    """InputError for none at all, or one outside of (0, 1]."""
    if not budgets:
        raise InputError("no budget is given; name at least one, such as 0.01 for 1% of the k-space norm.")
    for budget in budgets:
        if not isfinite(budget) or not 0 < budget <= 1:
            raise InputError(f"the budget is {budget:g}; give a fraction above 0 and up to 1, such as 0.01 for 1%.")
