"""FNAF: a small feature that is in the anatomy and in the data, and missing in the reconstruction."""

from collections.abc import Generator
from dataclasses import dataclass, field
from functools import cached_property
from math import pi
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from ..errors import InputError
from ..knob import Knob
from ..progress import Job, Progress
from .base import SEED, SENSITIVITIES, Perturbation, Perturbed, Problem
from .feature import SHAPES, Feature, scatter
from .insertion import Insertion, Trial
from .objective import gradient_of
from .outcome import tissue_of

# Features in one image, those of the worst that are tried alone, and those of these that are refined.
TOGETHER, VERIFIED, REFINED = 9, 8, 2
GRADIENT_COST = 3
SIZES, CONTRASTS = (0.75, 1.5), (0.75, 1.25)
APART = 3.0
# Steps of the refinement: row, column (pixels), size, contrast (relative).
STEPS = (1.0, 1.0, 0.1, 0.1)


class FNAF(Perturbation):
    """min over place, size, shape and contrast of the recovery <dt, df>_T / ||dt||_T^2 of an inserted feature.

    dt = |x + delta| - |x| is the change of the truth, df = |f(M(k + F S delta))| - |f(Mk)| that of the
    reconstruction, T the feature's support with a thin shell; recovery 1: kept, 0: gone, below 0.5: lost. The
    feature is either placed (`row` and `column`) or searched for within the ROI: nine well separated ones in each
    image, the worst verified alone, the two worst refined by the sign of the gradient. Cheng et al. 2020 (MIDL),
    with gradients and multi-coil complex features of our own.
    """

    id = "fnaf"
    label = "Lost lesion (FNAF)"
    summary = "Insert a small feature, by a click or by a search, and see whether it is still there."
    shown = "Lesion inserted"
    needs_budget = False
    knobs = (
        Knob(
            name="row",
            label="Row",
            help="Where to place the feature; -1 to search.",
            unit="px",
            minimum=-1,
            maximum=4096,
            default=-1.0,
        ),
        Knob(
            name="column",
            label="Column",
            help="Where to place the feature; -1 to search.",
            unit="px",
            minimum=-1,
            maximum=4096,
            default=-1.0,
        ),
        Knob(
            name="size",
            label="Size",
            help="Diameter of a blob or ring, length of a line; a search tries 0.75 to 1.5 times it.",
            unit="px",
            minimum=1,
            maximum=64,
            scale="log",
            default=5.0,
        ),
        Knob(
            name="contrast",
            label="Contrast",
            help="Relative to the local tissue, negative for darker; a search tries 0.75 to 1.25 times it, both signs.",
            minimum=-0.9,
            maximum=3.0,
            default=0.4,
        ),
        Knob(
            name="shape",
            label="Shape",
            help="What is inserted; a search that is left on any tries all of them, a placed feature is then a blob.",
            kind="choice",
            choices=("any", *SHAPES),
            default="any",
        ),
        Knob(
            name="search",
            label="Search effort",
            help="How many reconstructions the search may take (a gradient counts as three).",
            kind="int",
            minimum=4,
            maximum=10000,
            default=60,
        ),
        SENSITIVITIES,
        SEED,
    )

    def _run(self, problem: Problem, budgets: tuple[float, ...], **knobs: Any) -> Job[list[Perturbed]]:
        if knobs["contrast"] == 0:
            raise InputError("the contrast is 0; give a positive one for a brighter feature or a negative one.")
        rows, columns = problem.measurement.matrix
        if knobs["row"] < 0 or knobs["column"] < 0:
            return Search(problem, knobs).run()
        if knobs["row"] > rows - 1 or knobs["column"] > columns - 1:
            raise InputError(
                f"the place ({knobs['row']:g}, {knobs['column']:g}) lies outside the image of {rows}×{columns} pixels; "
                "give a row and a column inside."
            )
        return _place(problem, knobs)


def _place(problem: Problem, knobs: dict[str, Any]) -> Job[list[Perturbed]]:
    insertion = Insertion(problem, knobs["sensitivities"] == "kept")
    shape = "blob" if knobs["shape"] == "any" else knobs["shape"]
    feature = Feature.of(shape, knobs["row"], knobs["column"], knobs["size"], knobs["contrast"])
    yield Progress(0.0, "Reconstructing without the feature")
    if not insertion.truth.abs()[feature.region(problem.measurement.matrix)].any():
        raise InputError("there is no tissue at this place; choose one inside the head or limb.")
    _ = insertion.clean  # a step of its own
    yield Progress(0.5, "Reconstructing with the feature")
    return [insertion.perturbed(insertion.trial(feature), complete=True)]


@dataclass(eq=False)
class Search:
    """The search for the feature that is lost most, within a number of reconstructions."""

    problem: Problem
    knobs: dict[str, Any]
    spent: int = 0
    verified: list[Trial] = field(default_factory=list)
    screened: list[tuple[float, Feature]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.insertion = Insertion(self.problem, self.knobs["sensitivities"] == "kept")
        self.random = np.random.default_rng(self.knobs["seed"])
        self.effort: int = self.knobs["search"]

    def run(self) -> Job[list[Perturbed]]:
        """Screen many at once, try the worst of them alone, refine the worst of those."""
        yield self._progress("Reconstructing without a feature")
        _ = self.insertion.clean
        self.spent += 1
        differentiable = self.problem.reconstructor.gives_gradient(self.problem.measurement)
        alone = min(VERIFIED, max(1, self.effort // 6))
        refining = 2 * GRADIENT_COST * REFINED if differentiable and self.effort > 20 else 0
        yield from self._screen(max(1, min(self.effort // 2, self.effort - self.spent - alone - refining)))
        yield from self._verify(alone if refining else self.effort - self.spent)
        if refining:
            for index, trial in enumerate(sorted(self.verified, key=lambda trial: trial.rank)[:REFINED]):
                steps = (self.effort - self.spent) // ((REFINED - index) * GRADIENT_COST)
                yield from self._refine(trial.feature, steps)
        return [self._best(complete=True)]

    def _screen(self, images: int) -> Generator[Progress, None, None]:
        """Random features, several well separated ones in each image, with the clean scan's calibration."""
        for _ in range(images):
            features = self._scatter()
            with torch.no_grad():
                change = torch.stack([feature.change(self.insertion.truth) for feature in features]).sum(0)
                image = self.insertion.reconstruct(change, keep=True)
            self.screened += [(float(self.insertion.recovery(one, image)), one) for one in features]
            self.spent += 1
            yield self._progress(f"Screening, {len(self.screened)} features")

    def _verify(self, count: int) -> Generator[Progress, None, None]:
        for _, feature in sorted(self.screened, key=lambda entry: entry[0])[:count]:
            self.verified.append(self.insertion.trial(feature))
            self.spent += 1
            yield self._progress("Trying the worst alone")

    def _refine(self, feature: Feature, steps: int) -> Generator[Progress, None, None]:
        """Descend the recovery by the sign of its gradient in place, size and contrast, steps shrinking."""
        start = feature.values
        scale = torch.tensor(STEPS) * torch.tensor([1.0, 1.0, float(start[2]), abs(float(start[3]))])
        low, high = self._bounds(float(start[3]))
        for step in range(steps):
            values = feature.values.clone().requires_grad_()
            with torch.enable_grad():
                moving = Feature(feature.shape, values, feature.angle)
                image = self.insertion.reconstruct(moving.change(self.insertion.truth), keep=self.insertion.keep)
                recovery = self.insertion.recovery(moving, image)
            gradient = gradient_of(recovery, values, self.problem.reconstructor.label)
            self.verified.append(self.insertion.judged(feature, image))
            self.spent += GRADIENT_COST
            yield self._progress("Refining the worst")
            moved = torch.clamp(feature.values - (1 - step / steps) * scale * gradient.sign(), low, high)
            row, column = moved[:2].round().int().tolist()
            if not self.allowed[row, column]:
                moved[:2] = feature.values[:2]
            feature = Feature(feature.shape, moved, feature.angle)

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        """Where a feature may lie: inside the ROI and in tissue, not across its edge; bool (rows, columns)."""
        tissue = tissue_of(self.problem.measurement).numpy()
        inner = ndimage.distance_transform_edt(np.pad(tissue, 1))[1:-1, 1:-1] > SIZES[1] * self.knobs["size"] / 2
        allowed: NDArray[np.bool_] = self.problem.mask.cpu().numpy() & inner
        if not allowed.any():
            raise InputError("the region to search has no tissue around a feature of this size; choose a larger one.")
        return allowed

    def _scatter(self) -> list[Feature]:
        """Up to nine random features that do not touch."""
        apart = APART * SIZES[1] * self.knobs["size"]
        return [self.draw(*place) for place in scatter(self.allowed, apart, TOGETHER, self.random)]

    def draw(self, row: int, column: int) -> Feature:
        """A random feature at a place."""
        shape = str(self.random.choice(SHAPES)) if self.knobs["shape"] == "any" else self.knobs["shape"]
        contrast = self.random.choice((-1, 1)) * self.random.uniform(*CONTRASTS) * abs(self.knobs["contrast"])
        size = self.random.uniform(*SIZES) * self.knobs["size"]
        return Feature.of(shape, row, column, size, contrast, self.random.uniform(0, pi) if shape == "line" else 0.0)

    def _bounds(self, contrast: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Row, column, size and contrast at their least and most; the sign of the contrast stays."""
        rows, columns = self.problem.measurement.matrix
        weak, strong = (abs(self.knobs["contrast"]) * factor for factor in CONTRASTS)
        between = (weak, strong) if contrast > 0 else (-strong, -weak)
        small, large = (self.knobs["size"] * factor for factor in SIZES)
        return torch.tensor([0.0, 0.0, small, between[0]]), torch.tensor([rows - 1, columns - 1, large, between[1]])

    def _progress(self, message: str) -> Progress:
        best = [self._best(complete=False)] if self.verified else None
        return Progress(min(self.spent / self.effort, 1.0), message, best)

    def _best(self, *, complete: bool) -> Perturbed:
        candidates = [(*one.values[:2].tolist(), recovery) for recovery, one in self.screened]
        return self.insertion.perturbed(
            min(self.verified, key=lambda trial: trial.rank), complete=complete, candidates=candidates
        )
