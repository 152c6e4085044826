"""What every perturbation is: Measurement, Method, ROI -> Perturbed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import torch
from torch import Tensor

from ..data.measurement import Measurement, as_single, known_kspace
from ..data.orientation import AS_STORED, Turn
from ..data.roi import ROI, as_roi
from ..data.units import check_numbers, check_signal
from ..former import names
from ..ground.cached_property import cached_property
from ..ground.errors import InputError
from ..ground.knob import Knob, resolve
from ..ground.numbers import finite
from ..ground.progress import Job, Progress, relayed
from ..physics.model import coil_norms
from ..reconstructors.base import Kind, Method, Reconstructor
from .face import Curve, Insert, Placed, Still, Trace

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
# Of a perturbation's norm: how much the samples' rounding may change it by without a word.
ROUNDED = 0.05

Restore = Callable[[Tensor], Tensor]

if not TYPE_CHECKING:  # else every name would be found
    __getattr__ = names(__name__)


@dataclass(frozen=True)
class Budget:
    """What a perturbation z spent, as fractions of the k-space norms.

    nominal: the eta that was asked for, a fraction of what `Perturbation.budget_of` names; None for perturbations
        without a budget.
    achieved: ||M z|| / ||k|| over all coils. per_coil: ||M z_i|| / ||k_i|| of each coil.
    thermal: ||M z|| / sqrt(sum_i sigma_i^2 n_i), in multiples of the scan's thermal noise.
    relative_to: "full" if k is the fully sampled k-space, "sampled" where that is not known.
    """

    nominal: float | None
    achieved: float
    per_coil: tuple[float, ...] = field(repr=False)
    thermal: float
    relative_to: str

    @classmethod
    def of(cls, nominal: float | None, z: Tensor, measurement: Measurement) -> "Budget":
        """The budget that z (coils, readout, phase) spends where `measurement` is sampled."""
        norms, spent = coil_norms(known_kspace(measurement)), coil_norms(z * measurement.mask)
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


def reference_image(measurement: Measurement, kind: Kind) -> Tensor | None:
    """`Measurement.reference` with its phase, which to bring an image back needs; a root sum of squares has none."""
    return measurement.combined_reference if kind == "combined" else measurement.reference(kind)


def _rounded(wanted: Tensor, spent: Tensor) -> dict[str, str]:
    """The finding that adding z to the samples, in single precision, does not change them by z; empty if it does."""
    size, error = (float(coil_norms(change).norm()) for change in (wanted, spent - wanted))
    if not error > ROUNDED * size:
        return {}
    return {
        "rounded": "The perturbation is so small beside the samples that their rounding changes it by "
        f"{100 * error / size:.2g}% of its norm: take a larger one."
    }


@dataclass(frozen=True, eq=False)
class Perturbed:
    """The outcome of one perturbation at one budget.

    measurement: the perturbed samples. Its `full` is the fully sampled k-space with the same perturbation, as the
        scanner would have measured it without undersampling; None where that is not known.
    perturbation: z, the perturbed minus the clean samples, complex64 (coils, readout, phase); zero where nothing is
        sampled.
    budget: what the perturbation really spent.
    additive: whether the perturbation adds z. Another pose or another mask adds nothing, and has z = 0.
    judged_by: "clean" if the anatomy stays the same, "perturbed" if the truth changed with the perturbation.
    roi: the region that the result concerns, if it is not the one that was given.
    loss: the loss of each iterate, starting with the clean one (with AdvRec at noise); higher is worse.
    complete: False while the search runs, and for the best result of a cancelled search.
    clean, image: the reconstructions before and after, as the search saw them, complex64 (rows, columns), or None.
    details: further results for the record, as plain JSON values.
    statement: the result in words. findings: what makes the search unreliable, by a short name.
    stills: images over a quantity that the perturbation varied, in its order; a saved case does not hold them.
    kind, knobs: the perturbation's id and all of its knobs, as `Perturbation.run` writes them.

    The others follow from `details` and `loss`, and `Perturbation.recalled` makes them.

    restore: turns images (..., rows, columns) of `measurement` back into the frame of the clean scan; None where they
        are in it already.
    support: the pixels of an inserted feature, bool (rows, columns), on which its recovery is measured, or None.
    inserted: gives what such a feature changes in the fully sampled image of a method's kind, float32 (rows, columns).
    caption: a line for the head of a plot. curve: measures over the quantity that was varied.
    trace: what `loss` is, in words. feature: what was inserted, and where.
    untransferable: why no other method can be searched in the same way; empty if one can.
    """

    measurement: Measurement = field(repr=False)
    perturbation: Tensor = field(repr=False)
    budget: Budget
    additive: bool = True
    judged_by: Literal["clean", "perturbed"] = "clean"
    roi: ROI | None = None
    loss: tuple[float, ...] = field(default=(), repr=False)
    complete: bool = True
    clean: Tensor | None = field(default=None, repr=False)
    image: Tensor | None = field(default=None, repr=False)
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)
    statement: str = ""
    findings: Mapping[str, str] = field(default_factory=dict)
    stills: tuple[Still, ...] = field(default=(), repr=False)
    kind: str = ""
    knobs: Mapping[str, Any] = field(default_factory=dict, repr=False)

    restore: Restore | None = field(default=None, repr=False)
    support: Tensor | None = field(default=None, repr=False)
    inserted: "Callable[[Setup], Tensor] | None" = field(default=None, repr=False)
    caption: str = field(default="", repr=False)
    curve: Curve | None = field(default=None, repr=False)
    trace: Trace | None = field(default=None, repr=False)
    feature: Placed | None = field(default=None, repr=False)
    untransferable: str = field(default="", repr=False)

    @classmethod
    def of(
        cls,
        measurement: Measurement,
        z: Tensor,
        nominal: float | None,
        *,
        keep: bool,
        findings: Mapping[str, str] | None = None,
        **more: Any,
    ) -> "Perturbed":
        """Add z (coils, readout, phase) to the samples of `measurement`, and to the points of its full k-space.

        To `findings` it adds that z is so small that the samples round it.
        """
        changed = measurement.added(z, keep=keep)
        spent = changed.kspace - measurement.kspace
        found = {**(findings or {}), **_rounded(z * measurement.mask, spent)}
        return cls(changed, spent, Budget.of(nominal, spent, measurement), findings=found, **more)

    @classmethod
    def instead(cls, measurement: Measurement, changed: Measurement, **more: Any) -> "Perturbed":
        """Another measurement of the object takes the place of this one. Nothing is added, and nothing is spent."""
        nothing = torch.zeros_like(measurement.kspace)
        return cls(changed, nothing, Budget.of(None, nothing, measurement), additive=False, **more)

    def truth(self, kind: Kind) -> Tensor | None:
        """The fully sampled image of the perturbed samples in the frame of the clean scan, (..., rows, columns).

        It is complex for "combined". None where their full k-space is not known.
        """
        image = reference_image(self.measurement, kind)
        return image if image is None or self.restore is None else self.restore(image)


@dataclass(frozen=True, eq=False)
class Setup:
    """What is perturbed: one slice, the method that reconstructs it, and the region that matters.

    mask: the region's pixels, bool (rows, columns).
    """

    measurement: Measurement
    method: Method
    roi: ROI
    mask: Tensor

    @classmethod
    def of(cls, measurement: Measurement, method: Method | Reconstructor, roi: ROI) -> "Setup":
        """Check the parts and put them together; a reconstructor is taken as the method at its defaults.

        Raises InputError for a batch of slices, for a k-space that has NaN, extreme numbers (`data.units`) or zeros
        alone, for an ROI that does not fit, and for a method that gives no image.
        """
        method = method.at()
        check_numbers(as_single(measurement).largest)
        check_signal(measurement.largest)
        if not method.is_image:
            raise InputError(f"these knobs of {method.label} ask for a map, not for an image; perturb an image.")
        return cls(measurement, method, roi, as_roi(roi).mask(measurement.matrix).to(measurement.kspace.device))

    @property
    def centre(self) -> tuple[float, float]:
        """Row and column of the region's centre."""
        row, column = (float(axis.float().mean()) for axis in torch.nonzero(self.mask).T)
        return row, column

    @cached_property
    def clean(self) -> Tensor:
        """The image of the clean samples, f(Mk), complex64 (rows, columns), without a gradient."""
        with torch.no_grad():
            return self.reconstruct(self.measurement)

    def reconstruct(self, measurement: Measurement) -> Tensor:
        """The image, complex64 (rows, columns)."""
        return self.method(measurement)


class Perturbation(ABC):
    """A kind of perturbation. Its options are knobs, and `run` changes nothing of it.

    `run` is a job. Its result has one `Perturbed` for each budget, in the order of `budgets`; if `needs_budget` is
    False, it has a single one. Previews list finished results plus the best so far, and others are left out; after a
    cancel the last preview is the result.

    Views ask a kind for the following:

    needs_gradient: whether a method without gradients is refused.
    searches: whether it searches for the worst, or for what it is asked for, which takes long. The others only carry
        out what their knobs say.
    sources: what it goes back to, as keys of reports/references.bib.
    shown: the title of an image of perturbed samples.
    place: the names of the knobs that take the row and the column of a click. Negative values mean no place; a knob
        that matters only without a place belongs to the search for one.
    has_curve: whether its results have a curve.
    front: the knobs that are shown before the others, with `hint` below them.
    accepts_image: whether `towards` takes a file in place of the knobs in front.
    image: the image that was given to `towards`, or None.
    undersamples: whether it undersamples the slice itself, so that the clean one may well be fully sampled.
    """

    id: ClassVar[str]
    label: ClassVar[str]
    summary: ClassVar[str]
    sources: ClassVar[tuple[str, ...]] = ()
    shown: ClassVar[str] = "Perturbed"
    knobs: ClassVar[tuple[Knob, ...]] = ()
    needs_gradient: ClassVar[bool] = False
    needs_budget: ClassVar[bool] = True
    searches: ClassVar[bool] = True
    place: ClassVar[tuple[str, str] | None] = None
    has_curve: ClassVar[bool] = False
    front: ClassVar[tuple[str, ...]] = ()
    accepts_image: ClassVar[bool] = False
    undersamples: ClassVar[bool] = False
    image: Tensor | None = None

    def sources_at(self, knobs: Mapping[str, Any]) -> tuple[str, ...]:
        """`sources`, and what the choices of these knobs go back to; those that are left out are at their defaults."""
        return self.sources

    def searches_at(self, knobs: Mapping[str, Any]) -> bool:
        """Whether it `searches` at these knobs: not where they give its `place`; those left out are at defaults."""
        placed = self.place is not None and all(knobs.get(name, -1.0) >= 0 for name in self.place)
        return self.searches and not placed

    def run(
        self,
        measurement: Measurement,
        method: Method | Reconstructor,
        roi: ROI,
        budgets: tuple[float, ...] = (),
        **knobs: Any,
    ) -> Job[list[Perturbed]]:
        """Find the perturbation on the ROI for each budget (eta, a fraction in (0, 1]).

        method: a reconstructor with its knobs set (`Reconstructor.at`), or a reconstructor, which is taken at its
            defaults.
        knobs: the knobs of the perturbation.

        Raises InputError before the job starts: for a budget, a knob or an ROI that does not fit, for a batch of
        slices, for NaN in the k-space, and for a method without gradients if they are needed.
        """
        setup = Setup.of(measurement, method, roi)
        if self.needs_budget:
            check_budgets(budgets)
        if self.needs_gradient:
            self.check_gradient(setup)
        values = resolve(self.knobs, knobs)
        return self._completed(self._run(setup, tuple(budgets), **values), values)

    def _completed(self, job: Job[list[Perturbed]], knobs: Mapping[str, Any]) -> Job[list[Perturbed]]:
        """The job, whose results and previews say of what kind they are, and have what follows from their details."""

        def completed(found: Sequence[Perturbed]) -> list[Perturbed]:
            # Equal budgets share a result.
            of = {one: self.recalled(replace(one, kind=self.id, knobs=knobs)) for one in found}
            return [of[one] for one in found]

        def completed_step(step: Progress) -> Progress:
            # Others, such as images on the way, are no result that could be shown, or be kept after a cancel.
            given = step.preview if isinstance(step.preview, Sequence) else ()
            results = all(isinstance(one, Perturbed) for one in given)
            return replace(step, preview=completed(given) if given and results else None)

        return completed((yield from relayed(job, completed_step)))

    def budget_of(self, knobs: Mapping[str, Any]) -> str:
        """Say in words what a budget is a fraction of."""
        return "each coil's k-space"

    def hint(self, knobs: Mapping[str, Any]) -> str:
        """Say in a sentence what these knobs ask for; empty if there is nothing to add."""
        return ""

    def inserts(self, knobs: Mapping[str, Any]) -> Insert | None:
        """The feature that a map of lost features inserts everywhere; None for a kind that inserts none."""
        return None

    def check_transfer(self, knobs: Mapping[str, Any]) -> None:
        """Raises InputError for knobs with which a search does not use the method that it is given."""
        return None

    @classmethod
    def towards(cls, path: Path, *, turn: Turn = AS_STORED) -> Self:
        """The kind with the image of a file, for kinds that accept one; InputError for a file without an image.

        turn: how the scan's images are turned to be seen; a picture shows them as they are seen.
        """
        raise InputError(f"{cls.label} accepts no image; leave it out, or choose a kind that accepts one.")

    def recalled(self, perturbed: Perturbed) -> Perturbed:
        """Complete a result by what follows from its details and its loss: restore, support, caption, curve and others.

        So a result shows the same whether it is new, a preview, or read from a saved case.
        """
        return perturbed

    def check_gradient(self, setup: Setup) -> None:
        """Raises InputError for a method without gradients."""
        if not setup.method.gives_gradient(setup.measurement):
            raise InputError(
                f"{setup.method.without_gradient}, which {self.label.lower()} needs; choose another method."
            )

    @abstractmethod
    def _run(self, setup: Setup, budgets: tuple[float, ...], **knobs: Any) -> Job[list[Perturbed]]:
        """The job of `run`; input and knob values are already checked, and `recalled` completes its results."""


def keeps_calibration(knobs: Mapping[str, Any]) -> bool:
    """Whether the clean scan's calibration serves for the perturbed samples, by the knob `SENSITIVITIES`."""
    return bool(knobs["sensitivities"] == "kept")


def check_budgets(budgets: tuple[float, ...]) -> None:
    """InputError for none at all, or one outside of (0, 1]."""
    if not budgets:
        raise InputError("no budget is given; name at least one, such as 0.01 for 1% of the k-space norm.")
    for budget in budgets:
        if not isfinite(budget) or not 0 < budget <= 1:
            raise InputError(f"the budget is {budget:g}; give a fraction above 0 and up to 1, such as 0.01 for 1%.")
