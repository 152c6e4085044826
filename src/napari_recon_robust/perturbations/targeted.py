"""K-space noise that makes a region look like something: a lesion gone, or one that is not there."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..data.measurement import known_kspace
from ..data.orientation import AS_STORED, Turn
from ..evaluation import metrics
from ..ground.cached_property import cached_property
from ..ground.errors import InputError, dimensions
from ..ground.knob import Knob
from ..ground.numbers import times
from ..ground.progress import Job, Progress, relayed
from ..io.images import read_image
from ..physics.model import coil_norms
from .base import SEED, SENSITIVITIES, Perturbation, Perturbed, Setup, keeps_calibration
from .face import Trace
from .features.feature import Feature, Tissue, beyond, check_size
from .features.lesion import filled, inserted, tissue_around
from .noise.ascent import Ascent, ascend
from .noise.objective import Objective
from .noise.sphere_ascent import sphere_ascent
from .noise.worst_case import WARM_STEPS

# Number of reconstructions in a line search along z, and of gradients between two line searches.
TRIALS, ROUND = 2, 4
# Share of the steps that an ascent to the surface of the balls takes, because the best point may lie inside them.
STRIDE = 0.5
# If everything was worse than no perturbation, a line search starts again at this factor, so often.
SMALLER, AGAIN = 0.1, 3
# What each effect asks for.
EFFECTS = {
    "homogeneous": "The region is to take on its own mean.",
    "brighter": "The region is to get brighter by the amount.",
    "darker": "The region is to get darker by the amount.",
    "lesion": "A soft spot of this size is to appear in the region's middle.",
    "appear": "Draw the outline of what is to appear; what surrounds it is to stay.",
    "vanish": "Draw the outline of what is to vanish, with some room; it is filled in from what surrounds it.",
}
GIVEN = "image"  # the effect of a target that was given
LESIONS = ("appear", "vanish")  # the region is the lesion
UNMOVED = "Nothing within the budget brings the region nearer to the target."


class Targeted(Perturbation):
    """min_z mean_S (|f(M(k+z))| - T)^2 subject to ||z_i||_2 <= eta ||k_i||_2 in every coil i; S the ROI, T the target.

    k is the fully sampled k-space where it is known, otherwise the sampled one; this is the ball of Morshuis et al.
    2022, arXiv:2208.03161. The search is sphere ascent with line searches along z, because less than the budget may be
    enough. Its result is never farther from T than the clean image.

    If a lesion with the region's shape is to appear or to vanish, S also contains the surroundings of the region, which
    are to stay as they are.

    image: T itself, magnitudes (rows, columns), which takes the place of the knob `effect`. Only its pixels in the ROI
        count.
    scaled: whether `image` is scaled to the clean image outside of the ROI; otherwise it is in the scan's units. A
        picture that somebody painted on must be scaled.
    """

    id = "targeted"
    label = "Targeted noise"
    summary = "The k-space noise that makes the region look as chosen: a lesion vanishes, or appears."
    sources = ("morshuis2022",)
    needs_gradient = True
    accepts_image = True
    front = ("effect", "amount", "size")
    knobs = (
        Knob(
            name="effect",
            label="Effect",
            help="What the region should look like: its own mean everywhere, the clean image brighter or darker, "
            "or with a lesion in its middle; or the region is the lesion, outlined, that should appear among its "
            "surroundings, or vanish into them.",
            kind="choice",
            choices=tuple(EFFECTS),
            default="homogeneous",
        ),
        Knob(
            name="amount",
            label="Amount",
            help="How much brighter or darker, relative to the clean image, of a lesion that appears to the tissue "
            "around it; negative for a dark lesion.",
            minimum=-0.9,
            maximum=0.9,
            default=0.3,
            only_when=(("effect", ("brighter", "darker", "lesion", "appear")),),
        ),
        Knob(
            name="size",
            label="Size",
            help="Diameter of the lesion.",
            unit="px",
            minimum=1,
            maximum=64,
            scale="log",
            default=5.0,
            only_when=(("effect", ("lesion",)),),
        ),
        Knob(
            name="steps",
            label="Gradients",
            help="Gradients of the reconstruction: 1 for a preview, 5 normally, 10 to be thorough.",
            kind="int",
            minimum=1,
            maximum=200,
            default=5,
        ),
        SENSITIVITIES,
        SEED,
    )

    def __init__(self, image: Tensor | None = None, *, scaled: bool = False) -> None:
        self.image, self.scaled = image, scaled

    @classmethod
    def towards(cls, path: Path, *, turn: Turn = AS_STORED) -> "Targeted":
        """The perturbation towards the image in a file (`io.images.read_image`); a picture (.png) is scaled."""
        return cls(read_image(path, turn=turn), scaled=path.suffix.lower() == ".png")

    def hint(self, knobs: Mapping[str, Any]) -> str:
        """Say what the region is to look like."""
        return EFFECTS[knobs["effect"]] if self.image is None else "The region is to look like the given image."

    def recalled(self, perturbed: Perturbed) -> Perturbed:
        """The trace of the search, and whether another method can be searched for, come from the details."""
        details = perturbed.details
        trace = Trace(
            "Way to the target",
            f"{100 * details['reached']:.3g}%",
            "How much nearer to its target the region is than in the clean image, at each try; 100% is there",
        )
        reason = "the given image is that of one method; choose an effect to see it transferred."
        return replace(perturbed, trace=trace, untransferable=reason if details["effect"] == GIVEN else "")

    def _run(self, setup: Setup, budgets: tuple[float, ...], **knobs: Any) -> Job[list[Perturbed]]:
        keep = keeps_calibration(knobs)
        effect = knobs["effect"] if self.image is None else GIVEN
        if self.image is None:
            words, target_of = _target(setup, effect, knobs["amount"], knobs["size"])
        else:
            words, target_of = "the given image", self._given(setup)
        if effect in LESIONS:
            setup = replace(setup, mask=setup.mask | tissue_around(setup.mask))
        objective = Likeness(setup, "clean", "squared-error", keep, target_of)
        findings = {}
        if effect == "lesion":
            profile = _lesion(setup, knobs["size"], knobs["amount"]).profile(setup.measurement.matrix)
            findings = beyond("lesion", profile, setup.mask)
        return TargetedSearch(objective, budgets, knobs["steps"], effect, words, findings).run()

    def _given(self, setup: Setup) -> Callable[[Tensor], Tensor]:
        assert self.image is not None
        image = (self.image.abs() if self.image.is_complex() else self.image).cpu().double()
        if tuple(image.shape) != setup.measurement.matrix:
            raise InputError(
                f"the target has {dimensions(image.shape)} pixels and the image "
                f"{dimensions(setup.measurement.matrix)}; give one of the image's size."
            )
        if not torch.isfinite(image).all():
            raise InputError("the target image holds NaN or infinite values; give one without.")
        image = image if self.scaled else image / setup.measurement.unit
        image = image.float().to(setup.measurement.kspace.device)
        if not self.scaled:
            return lambda clean: image
        outside = ~setup.mask
        size = image[outside].square().sum()
        if not size > 0:
            raise InputError("the target image is black outside of the region; give one of the whole slice.")
        return lambda clean: image * (image[outside] * clean.abs()[outside]).sum() / size


def _target(setup: Setup, effect: str, amount: float, size: float) -> tuple[str, Callable[[Tensor], Tensor]]:
    """The target of an effect in words, and the function that makes it from the clean image (rows, columns)."""
    region = setup.mask
    if effect == "homogeneous":
        return "its own mean", lambda clean: torch.where(region, clean.abs()[region].mean(), clean.abs())
    if effect == "vanish":
        return "what surrounds it", lambda clean: filled(clean.abs(), region)
    if amount == 0:
        raise InputError("the amount is 0, which changes nothing; give a positive or a negative one.")
    kind = "bright" if amount > 0 else "dark"
    if effect == "lesion":
        check_size(size, setup.measurement.matrix, "lesion")
        lesion = _lesion(setup, size, amount)
        words = f"a {kind} lesion of {size:.3g} pixels"
        return words, lambda clean: (clean + lesion.change(Tissue(clean))).abs()
    if effect == "appear":
        return f"a {kind} lesion of this shape", lambda clean: inserted(clean.abs(), region, amount)
    factor = 1 + abs(amount) if effect == "brighter" else 1 - abs(amount)
    return f"{times(factor)}its brightness", lambda clean: factor * clean.abs()


def _lesion(setup: Setup, size: float, amount: float) -> Feature:
    return Feature.of("blob", *setup.centre, size, amount)


@dataclass(frozen=True, eq=False)
class Likeness(Objective):
    """L(z) = -mean over S of (|f(M(k+z))| - T)^2 / max(T)^2; a higher L means that the image is nearer to the target T.

    target_of: gives T, real (rows, columns), for the clean reconstruction, complex64 (rows, columns).
    """

    target_of: Callable[[Tensor], Tensor]

    @cached_property
    def wanted(self) -> Tensor:
        """T, float64 (rows, columns)."""
        return metrics.magnitude(self.target_of(self.clean))

    def of_image(self, image: Tensor) -> Tensor:
        """L of a reconstruction (rows, columns), scalar float64."""
        return -super().of_image(image)

    def distance(self, loss: float) -> float:
        """The root mean square distance from T on S that belongs to a loss L, in the scan's units."""
        return self.data_range * max(-loss, 0.0) ** 0.5


@dataclass(frozen=True, eq=False)
class Point:
    """A perturbation that was tried: z with ||z_i|| <= spent ||k_i||, L(z) and its image."""

    z: Tensor
    spent: float
    loss: float
    image: Tensor


@dataclass(eq=False)
class TargetedSearch:
    """The searches at all budgets, from the smallest up. Each search starts from the result of the one before.

    Gradients turn z on the spheres of the norm that it spends. A line search after each ascent finds the best norm; a
    search that starts from another result begins with one.

    best: the point that is nearest to the target so far. tried: L of every point at this budget, starting with no
    perturbation.
    """

    objective: Likeness
    budgets: tuple[float, ...]
    steps: int
    effect: str
    words: str
    findings: Mapping[str, str]
    budget: float = 0.0
    done: int = 0
    tried: list[float] = field(default_factory=list)
    found: dict[float, Perturbed] = field(default_factory=dict)

    def run(self) -> Job[list[Perturbed]]:
        """The job: one result for each budget, in their order."""
        yield Progress(0.0, "Reconstructing the clean samples")
        if not self.clean.loss < 0:
            raise InputError("the region looks like the target already; draw another region or choose another effect.")
        self.best = self.clean
        for budget in sorted(set(self.budgets)):
            self.budget = budget
            self.tried = [self.clean.loss]
            if self.best.spent > 0:
                yield from self._scale(self.best)
            for steps in self._rounds(first=not self.found):
                end = yield from self._ascend(steps)
                if end.spent > 0:
                    yield from self._scale(end)
            self.found[self.budget] = self._perturbed(complete=True)
        return [self.found[budget] for budget in self.budgets]

    @cached_property
    def clean(self) -> Point:
        """The point without a perturbation."""
        z = torch.zeros_like(self.objective.setup.measurement.kspace)
        return Point(z, 0.0, float(self.objective.of_image(self.objective.clean)), self.objective.clean)

    def _rounds(self, *, first: bool) -> list[int]:
        """Number of gradients in each ascent. The first ascent takes one, to learn how long a step should be."""
        steps = self.steps - 1 if first else min(self.steps, WARM_STEPS)
        return [1] * first + [min(ROUND, steps - done) for done in range(0, steps, ROUND)]

    def _ascend(self, steps: int) -> Generator[Progress, None, Point]:
        """Sphere ascent from the best point, on spheres of its norm, or on those of the budget if its norm is zero."""
        measurement, start = self.objective.setup.measurement, self.best
        warm = start.spent > 0
        spent = start.spent if warm else self.budget
        norms = coil_norms(known_kspace(measurement))
        stride = STRIDE * self.objective.distance(start.loss) / self.objective.distance(self.clean.loss)
        ascent = ascend(
            self.objective,
            partial(sphere_ascent, stride=stride),
            spent * norms,
            steps,
            start=start.z,
            warm=warm,
            clean_loss=self.clean.loss if warm else None,
        )
        before = list(self.tried)

        def keep(state: Ascent) -> Point:
            tried = list(state.loss[1:])
            self.tried = before + tried
            point = start if state.image is None or not tried else Point(state.z, spent, max(tried), state.image)
            self._keep(point)
            return point

        def step(state: Ascent) -> Progress:
            keep(state)
            return self._progress("Gradient")

        return keep((yield from relayed(ascent, step)))

    def _scale(self, point: Point) -> Generator[Progress, None, None]:
        """Search along z, again from smaller norms until a point is better than no perturbation.

        A budget may be far more than is needed.
        """
        yield from self._parabola(point)
        for _ in range(AGAIN):
            if self.best.spent > 0:
                return
            point = self._try(point, SMALLER)
            yield from self._parabola(point)

    def _parabola(self, point: Point) -> Generator[Progress, None, None]:
        """A line search along z: L is nearly a parabola, known at 0 and z; two more reconstructions find its top."""
        limit = self.budget / point.spent
        middle = 2.0 if limit >= 2 else 0.5
        trial = self._try(point, middle)
        yield self._progress("Scaling")
        at_one, at_middle = (one.loss - self.clean.loss for one in (point, trial))
        bend = (at_middle / middle - at_one) / (middle - 1)
        top = 0.5 * (1 - at_one / bend) if bend < 0 else limit
        self._try(point, min(max(top, 0.0), limit))
        yield self._progress("Scaling")

    def _try(self, point: Point, factor: float) -> Point:
        z = factor * point.z
        loss, image = self.objective.value(z)
        self.tried.append(loss)
        trial = Point(z, factor * point.spent, loss, image)
        self._keep(trial)
        return trial

    def _keep(self, point: Point) -> None:
        if point.loss > self.best.loss:
            self.best = point

    def _progress(self, message: str) -> Progress:
        self.done += 1
        rounds = self._rounds(first=True), *[[0, *self._rounds(first=False)]] * (len(set(self.budgets)) - 1)
        total = sum(sum(steps) + TRIALS * len(steps) for steps in rounds)
        best = [*self.found.values(), self._perturbed(complete=False)]
        return Progress(min(self.done / (total + 1), 1.0), f"{message}, budget {100 * self.budget:.3g}%", best)

    def _perturbed(self, *, complete: bool) -> Perturbed:
        objective, best = self.objective, self.best
        before, after = objective.distance(self.clean.loss), objective.distance(best.loss)
        reached = 1 - after / before
        one = Perturbed.of(
            objective.setup.measurement,
            best.z,
            self.budget,
            keep=objective.keep,
            loss=tuple(1 - objective.distance(loss) / before for loss in self.tried),
            complete=complete,
            details={"effect": self.effect, "reached": reached, "distance": {"before": before, "after": after}},
            findings={**self.findings, **({} if best.spent > 0 or not complete else {"unmoved": UNMOVED})},
            clean=objective.clean,
            image=best.image,
        )
        words = (
            f"The region came {100 * reached:.0f}% of the way to {self.words} "
            f"with {100 * one.budget.achieved:.2g}% of the k-space norm."
        )
        return replace(one, statement=words)
