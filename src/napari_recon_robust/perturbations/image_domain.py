"""A perturbation of the object itself, as the coils would measure it: searched for, or a symbol inserted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from ..data.measurement import known_kspace
from ..ground.errors import InputError
from ..ground.knob import Knob
from ..ground.numbers import times, written
from ..ground.progress import Job, Progress
from ..physics.model import coil_norms
from .base import SEED, SENSITIVITIES, Perturbation, Perturbed, Setup, keeps_calibration
from .face import Trace
from .features.feature import EDGE, beyond, check_size
from .features.insertion import CONTRASTED, LOST, ROSE, Insertion, placed
from .noise.ascent import Ascent, Search, ascend
from .noise.objective import Objective
from .noise.sphere_ascent import sphere_ascent
from .noise.worst_case import BudgetSearches

# Of the symbol's edges, in pixels.
SOFTNESS = 0.25
FLAT = "The gradient is zero: nothing in this region follows the object."


class ImageDomain(Perturbation):
    """max_r ||S (|f(M(k + F S r))| - |f(Mk)|)||_2 subject to ||F S r||_2 <= eta ||k||_2, of all coils together.

    y = A(x + r) is what the scanner measures of the object x + r, and x + r is what it should show. As
    sum |S_i|^2 = 1, the budget is also ||r|| / ||x||; k is the fully sampled k-space where it is known, else the
    sampled one. By gradient ascent with momentum from a random start, as Antun et al. 2020,
    doi:10.1073/pnas.1907377117, but in normalised steps on the sphere of the budget: they need no tuning to a scan,
    and the source's penalty lambda ||r||^2 is constant there. Its other test, small structural changes, is a symbol
    whose size is chosen and whose contrast is the budget's.
    """

    id = "image-domain"
    label = "Perturbed object"
    summary = "A small change of the object: is it shown, or blown up? Searched for, or a symbol inserted."
    sources = ("antun2020",)
    shown = "Object perturbed"
    knobs = (
        Knob(
            name="insert",
            label="Insert",
            help="None searches for the change of the object that changes the region most; a symbol, the letter E of "
            "eye charts, is drawn in the region's middle, its contrast set by the budget, a fraction of the object's "
            "norm in either case.",
            kind="choice",
            choices=("none", "symbol"),
            default="none",
        ),
        Knob(
            name="size",
            label="Size",
            help="Height of the symbol, five times the width of its strokes.",
            unit="px",
            minimum=3,
            maximum=128,
            scale="log",
            default=10.0,
            only_when=(("insert", ("symbol",)),),
        ),
        Knob(
            name="steps",
            label="Gradients",
            help="Gradients of the reconstruction in a search.",
            kind="int",
            minimum=1,
            maximum=200,
            default=20,
            only_when=(("insert", ("none",)),),
        ),
        SENSITIVITIES,
        SEED,
    )

    def budget_of(self, knobs: Mapping[str, Any]) -> str:
        """The object: all that the scanner would measure of it, sampled or not."""
        return "the object"

    def searches_at(self, knobs: Mapping[str, Any]) -> bool:
        """Not where a symbol is drawn."""
        return knobs.get("insert") != "symbol"

    def recalled(self, perturbed: Perturbed) -> Perturbed:
        """The symbol comes from the details, the trace of a search from its loss."""
        read = replace(perturbed, trace=Trace.of(perturbed.loss) if perturbed.loss else None)
        details = read.details
        if details.get("insert") != "symbol":
            return read
        row, column = details["position"]
        profile = optotype(read.measurement.matrix, (row, column), details["size"])
        feature = placed({**details, "shape": "symbol"})
        inserted = read.inserted or partial(_inserted_change, profile, details["contrast"])
        return replace(read, feature=feature, support=profile > EDGE, inserted=inserted)

    def _run(self, setup: Setup, budgets: tuple[float, ...], **knobs: Any) -> Job[list[Perturbed]]:
        insertion = Insertion(setup, keeps_calibration(knobs))
        if knobs["insert"] == "symbol":
            check_size(knobs["size"], setup.measurement.matrix, "symbol")
            return _insert(insertion, budgets, knobs["size"])
        self.check_gradient(setup)
        objective = ObjectObjective(setup, "clean", "squared-error", insertion.keep, insertion)
        return ObjectSearches(objective, budgets, {"algorithm": "sphere-ascent"}, {**knobs, "check": "none"}).run()


@dataclass(frozen=True, eq=False)
class ObjectObjective(Objective):
    """L(F S r) of a change r of the object, complex64 (1, rows, columns), in place of the k-space noise z."""

    insertion: Insertion

    def value(self, z: Tensor) -> tuple[float, Tensor]:
        """L and the image, without a gradient."""
        return super().value(self.insertion.kspace(z[0]))

    def gradient(self, z: Tensor) -> tuple[float, Tensor, Tensor]:
        """L, its direction of steepest ascent in r, (F S)^H of that in z, and the image."""
        with torch.enable_grad():
            r = z.detach().requires_grad_()
            kspace = self.insertion.kspace(r[0])
        loss, uphill, image = super().gradient(kspace)
        (gradient,) = torch.autograd.grad(kspace, r, uphill)
        return loss, gradient, image


@dataclass(frozen=True, eq=False)
class ObjectSearches(BudgetSearches):
    """The searches of a list of budgets, over changes of the object."""

    objective: ObjectObjective

    def _search(self, budget: float, previous: tuple[float, Ascent] | None) -> Search:
        radius = _radius(self.objective.setup, budget)[None]
        warm = previous is not None and not previous[1].flat
        start = radius * self._noise() if previous is None or not warm else previous[1].z * (budget / previous[0])
        steps = self._steps(budget)
        return ascend(self.objective, sphere_ascent, radius, steps, start=start, warm=warm, clean_loss=0.0)

    def _noise(self) -> Tensor:
        """White noise of norm 1 where any coil sees the image, complex64 (1, rows, columns); drawn on the CPU."""
        measurement = self.objective.setup.measurement
        generator = torch.Generator().manual_seed(self.knobs["seed"])
        noise = torch.randn((1, *measurement.matrix), dtype=torch.complex64, generator=generator)
        noise = noise.to(measurement.kspace.device) * measurement.crop(measurement.model.support)
        return noise / noise.norm()

    def _perturbed(self, budget: float, state: Ascent, clean: Tensor | None, *, complete: bool) -> Perturbed:
        objective, insertion = self.objective, self.objective.insertion
        region = objective.setup.mask
        with torch.no_grad():
            z = insertion.kspace(state.z[0])
        details: dict[str, Any] = {"insert": "none", "amplification": None}
        statement = ""
        if state.image is not None:
            seen = (state.image.abs() - objective.clean.abs())[region].norm()
            done = insertion.shown(z)[region].norm()
            statement = f"A change of the object by {100 * budget:.3g}% of its norm "
            if done > 0:
                details["amplification"] = amplified = float(seen / done)
                more = times(float(f"{amplified:.2g}"))
                statement += f"changed the region {more}as much in the reconstruction as in the object."
            else:
                statement += "outside of the region changed its reconstruction."
        return Perturbed.of(
            objective.setup.measurement,
            z,
            budget,
            keep=objective.keep,
            loss=state.loss,
            complete=complete,
            judged_by="perturbed",
            details=details,
            statement=statement,
            findings={"zero_gradient": FLAT} if state.flat else {},
            clean=clean,
            image=state.image,
        )


def _insert(insertion: Insertion, budgets: tuple[float, ...], size: float) -> Job[list[Perturbed]]:
    """The symbol at the contrast of each budget."""
    setup = insertion.setup
    profile = optotype(setup.measurement.matrix, setup.centre, size).to(setup.measurement.kspace.device)
    region = profile > EDGE
    yield Progress(0.0, "Reconstructing without the symbol")
    _ = insertion.clean
    with torch.no_grad():
        symbol = profile * insertion.tissue.carrier
        symbol = symbol / coil_norms(insertion.kspace(symbol)).norm()
        tissue = insertion.truth.abs()[region].mean()
    if not (tissue > 0 and symbol.isfinite().all()):
        raise InputError("there is no tissue in the region's middle; choose a region inside the head or limb.")
    found: list[Perturbed] = []
    for index, budget in enumerate(budgets):
        yield Progress((1 + index) / (1 + len(budgets)), f"Reconstructing at {100 * budget:.3g}%", list(found))
        change = _radius(setup, budget) * symbol
        contrast = float(change.abs().max() / tissue)
        one = _inserted(insertion, change, region, budget, size, contrast)
        findings = {**one.findings, **beyond("symbol", profile, setup.mask)}
        found.append(
            replace(one, findings=findings, inserted=partial(_inserted_change, profile, contrast, found=insertion))
        )
    return found


def _inserted_change(profile: Tensor, contrast: float, setup: Setup, found: Insertion | None = None) -> Tensor:
    """What a symbol of that profile changes in the fully sampled image, float32 (rows, columns).

    The others are as in `inserted_change`.
    """
    insertion = Insertion.by(setup, found)
    with torch.no_grad():
        symbol = profile.to(setup.measurement.kspace.device) * insertion.tissue.carrier
        tissue = insertion.truth.abs()[profile > EDGE].mean()
        return insertion.shown(insertion.kspace(symbol * (contrast * tissue / symbol.abs().max())))


def _inserted(
    insertion: Insertion, change: Tensor, region: Tensor, budget: float, size: float, contrast: float
) -> Perturbed:
    measurement = insertion.setup.measurement
    with torch.no_grad():
        z = insertion.kspace(change)
        image = insertion.reconstruct(z, keep=insertion.keep)
        recovery = float(insertion.recovery(z, region, image))
    carried = insertion.detectability(z)
    lost, preserved = recovery < LOST, carried >= ROSE
    details = {
        "insert": "symbol",
        "position": list(insertion.setup.centre),
        "size": size,
        "contrast": contrast,
        "recovery": recovery,
        "lost": lost,
        "information_preserved": preserved,
        "detectability": carried if isfinite(carried) else None,
        "object": insertion.origin,
    }
    return Perturbed.of(
        measurement,
        z,
        budget,
        keep=insertion.keep,
        judged_by="perturbed",
        details=details,
        statement=f"The inserted symbol of {size:.3g} pixels, {written(100 * contrast)}% contrast and "
        f"{100 * budget:.3g}% of the object's norm is {'lost' if lost else 'shown'} (recovery "
        f"{written(recovery, '.2f')}), and the samples {'carry' if preserved else 'do not carry'} it."
        f"{insertion.note_on(CONTRASTED)}",
        clean=insertion.clean,
        image=image,
    )


def optotype(matrix: tuple[int, int], centre: tuple[float, float], size: float) -> Tensor:
    """The letter E of Snellen's eye chart, float32 (rows, columns) in [0, 1]: `size` pixels high and wide.

    A spine and three bars, each a fifth of the size wide and as far apart, with edges soft within a pixel: thin
    structure along both axes of the image.
    """
    stroke = size / 5
    rows = torch.arange(matrix[0], dtype=torch.float32)[:, None] - centre[0]
    columns = torch.arange(matrix[1], dtype=torch.float32)[None, :] - centre[1]

    def within(distance: Tensor, width: float) -> Tensor:
        return torch.sigmoid((width / 2 - distance.abs()) / SOFTNESS)

    spine = within(rows, size) * within(columns + 2 * stroke, stroke)
    bars = [within(rows - offset, stroke) * within(columns, size) for offset in (-2 * stroke, 0.0, 2 * stroke)]
    return torch.stack([spine, *bars]).amax(0)


def _radius(setup: Setup, budget: float) -> Tensor:
    """The norm of the budget, eta ||k||, float ()."""
    return budget * coil_norms(known_kspace(setup.measurement)).norm()
