"""Worst-case k-space noise on a region."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from ..errors import InputError
from ..knob import Knob
from ..progress import Job, Progress
from .advrec import advrec
from .base import SEED, SENSITIVITIES, Perturbation, Perturbed, Problem, coil_norms
from .objective import Objective
from .random_noise import draw
from .sphere_ascent import Ascent, sphere_ascent

WARM_STEPS = 3

Search = Generator[Ascent, None, Ascent]


class WorstCase(Perturbation):
    """max_z ||S (f(M(k+z)) - X)||_2 subject to ||z_i||_2 <= eta ||k_i||_2 in every coil i.

    S is the ROI, k the fully sampled k-space where it is known, else the sampled one. All of z lies on sampled
    points ("sphere-ascent"); a list of budgets is taken from the smallest up, each started from its neighbour.
    Problem and published algorithm: Morshuis et al. 2022, arXiv:2208.03161.
    """

    id = "worst-case"
    label = "Worst-case noise"
    summary = "The k-space noise of a given size that changes the region most."
    needs_gradient = True
    knobs = (
        Knob(
            name="steps",
            label="Gradients",
            help="Gradients of the reconstruction: 1 for a preview, 5 normally, 10 to be thorough.",
            kind="int",
            minimum=1,
            maximum=200,
            default=5,
        ),
        Knob(
            name="algorithm",
            label="Algorithm",
            help="Sphere ascent spends all of the budget on sampled points; AdvRec is the published one.",
            kind="choice",
            choices=("sphere-ascent", "advrec"),
            default="sphere-ascent",
        ),
        Knob(
            name="target",
            label="Target",
            help="Drive the region away from the fully sampled reference or from the method's own clean image; "
            "auto takes the reference where the scan has one.",
            kind="choice",
            choices=("auto", "reference", "clean"),
            default="auto",
        ),
        Knob(
            name="loss",
            label="Loss",
            help="What is made large in the region: the squared error, or 1 - SSIM if SSIM is what you report.",
            kind="choice",
            choices=("squared-error", "ssim"),
            default="squared-error",
        ),
        SENSITIVITIES,
        SEED,
    )

    def _run(self, problem: Problem, budgets: tuple[float, ...], **knobs: Any) -> Job[list[Perturbed]]:
        target: Literal["reference", "clean"] = knobs["target"]
        if knobs["target"] == "auto":
            target = "clean" if problem.measurement.full is None else "reference"
        if target == "reference" and problem.measurement.full is None:
            raise InputError("this scan has no fully sampled reference; choose the clean image as the attack's target.")
        objective = Objective(problem, target, knobs["loss"], keep=knobs["sensitivities"] == "kept")
        plan = Plan(objective, budgets, knobs["steps"], knobs["algorithm"] == "advrec", knobs["seed"])
        return plan.run()


@dataclass(frozen=True, eq=False)
class Plan:
    """The searches of a list of budgets."""

    objective: Objective
    budgets: tuple[float, ...]
    steps: int
    published: bool
    seed: int

    def run(self) -> Job[list[Perturbed]]:
        """One result for each budget, in their order."""
        found: dict[float, Perturbed] = {}
        gradients = self._gradients()
        total, done = sum(gradients.values()), 0
        previous: Ascent | None = None
        clean: Tensor | None = self.objective.clean if self.objective.target == "clean" else None
        for budget, count in gradients.items():
            search = self._search(budget, count, previous, found)
            while True:
                try:
                    state = next(search)
                except StopIteration as stop:
                    previous = stop.value
                    break
                done += 1
                clean = state.clean if clean is None else clean
                best = [*found.values(), self._perturbed(budget, state, clean, complete=False)]
                yield Progress(done / (total + 1), f"Gradient {done} of {total}, budget {100 * budget:.3g}%", best)
            assert previous is not None
            found[budget] = self._perturbed(budget, previous, clean, complete=True)
        return [found[budget] for budget in self.budgets]

    def _gradients(self) -> dict[float, int]:
        """How many gradients each budget takes, smallest budget first."""
        ordered = sorted(set(self.budgets))
        warm = self.steps if self.published else min(self.steps, WARM_STEPS)
        return {budget: self.steps if index == 0 else warm for index, budget in enumerate(ordered)}

    def _search(self, budget: float, steps: int, previous: Ascent | None, found: dict[float, Perturbed]) -> Search:
        measurement = self.objective.problem.measurement
        whole = measurement.kspace if measurement.full is None else measurement.full
        radius = budget * coil_norms(whole)
        if self.published:
            everywhere = torch.ones_like(measurement.mask) if measurement.full is not None else measurement.mask
            return advrec(self.objective, radius, steps, start=draw(measurement, radius, self.seed, mask=everywhere))
        if previous is not None and not previous.flat:
            start = previous.z * (budget / max(found))
            return sphere_ascent(self.objective, radius, steps, start=start, warm=True, clean_loss=previous.loss[0])
        if self.objective.target == "clean":
            # At zero the distance to the own clean image has no gradient: noise gives the first direction.
            start = draw(measurement, radius, self.seed)
            return sphere_ascent(self.objective, radius, steps, start=start, clean_loss=0.0)
        return sphere_ascent(self.objective, radius, steps, start=torch.zeros_like(measurement.kspace))

    def _perturbed(self, budget: float, state: Ascent, clean: Tensor | None, *, complete: bool) -> Perturbed:
        objective = self.objective
        findings = {"zero_gradient": "The gradient is zero: nothing in this region follows the k-space."}
        return Perturbed.of(
            objective.problem.measurement,
            state.z,
            budget,
            keep=objective.keep,
            loss=state.loss,
            complete=complete,
            details={"target": objective.target},
            findings=findings if state.flat else {},
            clean=clean,
            image=state.image,
        )
