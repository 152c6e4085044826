"""Worst-case k-space noise on a region."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from ...data.measurement import known_kspace
from ...ground.cached_property import cached_property
from ...ground.errors import InputError
from ...ground.knob import Knob
from ...ground.numbers import written
from ...ground.progress import Job, Progress, relayed
from ...physics.model import coil_norms
from ..base import SEED, SENSITIVITIES, Perturbation, Perturbed, Setup, keeps_calibration
from ..face import Trace
from ..random_noise import white_noise
from .adam import adam
from .advrec import advrec
from .apgd import apgd
from .ascent import Algorithm, Ascent, Search, ascend
from .balls import onto_spheres
from .losses import CONTRASTS, LOSSES, Loss, name_of, user_loss
from .objective import GradientError, Objective
from .sphere_ascent import sphere_ascent
from .surrogate import CONTINUATION, STAND_INS, stand_in_for, transfer

WARM_STEPS = 3
# How much more loss a black-box search must find before gradients are said to mislead; five honest ones are passed by
# up to 1.6 times.
MISLED = 2.0
# All search by `ascend`; what needs more is built in `BudgetSearches._by_algorithm`.
ASCENTS: dict[str, Algorithm] = {"sphere-ascent": sphere_ascent, "apgd": apgd, "adam": adam}
NEED_GRADIENTS = (*ASCENTS, "advrec")
_SOURCES = {"apgd": "croce2020", "adam": "genzel2023", "black-box": "broyden1965"}
# Who searched, in words.
SEARCHES = {
    "sphere-ascent": "sphere ascent",
    "apgd": "Auto-PGD",
    "adam": "projected Adam",
    "advrec": "AdvRec",
    "black-box": "a search without gradients",
}


class WorstCase(Perturbation):
    """max_z L(f(M(k+z)), X) on S subject to ||z_i||_2 <= eta ||k_i||_2 in every coil i, or ||z||_2 <= eta ||k||_2.

    S is the ROI (or the whole image), k the fully sampled k-space where it is known, else the sampled one, L the
    squared error unless another loss is chosen. All of z lies on sampled points (but AdvRec's); a list of budgets is
    taken from the smallest up, each started from its neighbour. Problem and AdvRec: Morshuis et al. 2022,
    arXiv:2208.03161.

    loss: in place of the knob, a function of the image's magnitude, the wanted one (both float64 (rows, columns), the
    scan's units) and the region (bool) that returns the scalar to be made large; in torch, for a search by gradients.
    """

    id = "worst-case"
    label = "Worst-case noise"
    summary = "The k-space noise of a given size that changes the region most."
    sources = ("morshuis2022",)
    knobs = (
        Knob(
            name="steps",
            label="Gradients",
            help="Gradients of the reconstruction: 1 for a preview, 5 normally, 10 to be thorough, tens for Adam.",
            kind="int",
            minimum=1,
            maximum=200,
            default=5,
            only_when=(("algorithm", ("auto", *NEED_GRADIENTS, "transfer")),),
        ),
        Knob(
            name="algorithm",
            label="Algorithm",
            help="Sphere ascent spends all of the budget on sampled points; Auto-PGD and Adam are projected ascents; "
            "AdvRec is the published one; black-box needs no gradients; transfer takes those of a stand-in. "
            "Auto is sphere ascent where the method gives gradients, else black-box.",
            kind="choice",
            choices=("auto", *NEED_GRADIENTS, "black-box", "transfer"),
            default="auto",
        ),
        Knob(
            name="evaluations",
            label="Trials",
            help="Reconstructions of a black-box search.",
            kind="int",
            minimum=1,
            maximum=10000,
            default=20,
            only_when=(("algorithm", ("auto", "black-box")), ("check", ("black-box",))),
        ),
        Knob(
            name="stand_in",
            label="Stand-in",
            help="The method whose gradients a transfer follows; itself: the last iterations of a method that fits a "
            "network to the slice.",
            kind="choice",
            choices=STAND_INS,
            default="tv",
            only_when=(("algorithm", ("transfer",)),),
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
            help="What is made large: the squared or absolute (l1) error, 1 - SSIM if SSIM is what you report, or the "
            "contrast with the region's surroundings that is lost (or, contrast-up, gained).",
            kind="choice",
            choices=tuple(LOSSES),
            default="squared-error",
        ),
        Knob(
            name="region",
            label="Attacked",
            help="Make the loss large on the drawn region or on the whole image; measured is the region in any case.",
            kind="choice",
            choices=("roi", "image"),
            default="roi",
        ),
        Knob(
            name="norm",
            label="Norm",
            help="The budget bounds every coil by its own k-space, or all coils together.",
            kind="choice",
            choices=("per-coil", "global"),
            default="per-coil",
        ),
        Knob(
            name="check",
            label="Check",
            help="Search again without gradients and say what that reached: if it is far more, the gradients mislead.",
            kind="choice",
            choices=("none", "black-box"),
            default="none",
        ),
        SENSITIVITIES,
        SEED,
    )

    def __init__(self, loss: Callable[..., Any] | None = None) -> None:
        self.loss = loss

    def budget_of(self, knobs: Mapping[str, Any]) -> str:
        """Each coil's k-space, or that of all coils together, by the knob `norm`."""
        return "the k-space of all coils together" if knobs["norm"] == "global" else super().budget_of(knobs)

    def check_transfer(self, knobs: Mapping[str, Any]) -> None:
        """A search that follows a stand-in does not depend on the method alone."""
        if knobs["algorithm"] == "transfer":
            raise InputError(
                "the rows of the matrix are found on the methods themselves, and a transfer from a stand-in is found "
                "on another; leave the algorithm out, and name the stand-in among the methods."
            )

    def sources_at(self, knobs: Mapping[str, Any]) -> tuple[str, ...]:
        """`sources`, and those of the algorithm and of its check."""
        searches = dict.fromkeys(knobs.get(name) for name in ("algorithm", "check"))
        return (*self.sources, *(_SOURCES[one] for one in searches if one in _SOURCES))

    def recalled(self, perturbed: Perturbed) -> Perturbed:
        """The caption comes from the details, the trace from the loss."""
        details = perturbed.details
        caption = f"found by {details['algorithm']}, loss {details['objective']}" if "objective" in details else ""
        return replace(perturbed, caption=caption, trace=Trace.of(perturbed.loss))

    def _run(self, setup: Setup, budgets: tuple[float, ...], **knobs: Any) -> Job[list[Perturbed]]:
        measurement, method = setup.measurement, setup.method
        target: Literal["reference", "clean"] = knobs["target"]
        if knobs["target"] == "auto":
            target = "clean" if measurement.full is None else "reference"
        algorithm = knobs["algorithm"]
        if algorithm == "auto":
            algorithm = "sphere-ascent" if method.gives_gradient(measurement) else "black-box"
        if algorithm in NEED_GRADIENTS and not method.gives_gradient(measurement):
            raise InputError(
                f"{method.without_gradient}, which {algorithm} needs; "
                "choose black-box or transfer as the algorithm, or another method."
            )
        loss: str | Loss = knobs["loss"] if self.loss is None else user_loss(self.loss)
        whole = knobs["region"] == "image"
        objective = Objective(setup, target, loss, keep=keeps_calibration(knobs), whole=whole)
        settings = {
            "target": target,
            "algorithm": algorithm,
            "objective": knobs["loss"] if self.loss is None else name_of(self.loss),
            "attacked": knobs["region"],
            "norm": knobs["norm"],
        }
        if algorithm == "transfer":
            settings["stand_in"] = knobs["stand_in"]
        if knobs["algorithm"] == "auto" and method.reconstructor.no_gradient:
            settings["no_gradient"] = method.reconstructor.no_gradient
        searches = BudgetSearches(objective, budgets, settings, knobs)
        return searches.run() if knobs["algorithm"] != "auto" else searches.run_by_any()


@dataclass(frozen=True, eq=False)
class BudgetSearches:
    """The searches of a list of budgets. settings: what results say of them; knobs: all of `WorstCase`."""

    objective: Objective
    budgets: tuple[float, ...]
    settings: Mapping[str, Any]
    knobs: Mapping[str, Any]

    def run(self) -> Job[list[Perturbed]]:
        """One result for each budget, in their order."""
        found: dict[float, Perturbed] = {}
        ordered = sorted(set(self.budgets))
        evaluations = self.knobs["evaluations"] if self._checks else 0
        total, done = sum(self._steps(budget) + evaluations for budget in ordered), 0
        previous: tuple[float, Ascent] | None = None
        clean: Tensor | None = self.objective.clean if self.objective.target == "clean" else None

        def step(budget: float, state: Ascent) -> Progress:
            nonlocal done, clean
            done = min(done + 1, total)
            clean = state.clean if clean is None else clean
            best = [*found.values(), self._perturbed(budget, state, clean, complete=False)]
            return Progress(done / (total + 1), f"Step {done} of {total}, budget {100 * budget:.3g}%", best)

        for budget in ordered:
            state = yield from relayed(self._search(budget, previous), partial(step, budget))
            clean = state.clean if clean is None else clean
            found[budget] = self._perturbed(budget, state, clean, complete=True)
            previous = budget, state
        return [found[budget] for budget in self.budgets]

    def run_by_any(self) -> Job[list[Perturbed]]:
        """As `run`; all are searched for without gradients once one of these holds NaN or infinite values."""
        try:
            return (yield from self.run())
        except GradientError:
            why = "on the way they held NaN or infinite values"
        return (
            yield from replace(self, settings={**self.settings, "algorithm": "black-box", "no_gradient": why}).run()
        )

    @property
    def _checks(self) -> bool:
        return self.knobs["check"] == "black-box" and self.settings["algorithm"] != "black-box"

    def _steps(self, budget: float) -> int:
        """How many gradients a budget takes, or reconstructions of a black-box search."""
        algorithm, steps = self.settings["algorithm"], int(self.knobs["steps"])
        if algorithm == "black-box":
            return int(self.knobs["evaluations"])
        warm = budget > min(self.budgets) and algorithm in ("sphere-ascent", "transfer")
        return min(steps, WARM_STEPS) if warm else steps

    def _search(self, budget: float, previous: tuple[float, Ascent] | None) -> Search:
        """The search of one budget, from the solution of the budget before where there is one; then its check."""
        found = yield from self._by_algorithm(budget, previous)
        if not self._checks:
            return found
        checked = partial(self._checked, found)
        return checked((yield from relayed(self._black_box(budget, None), checked)))

    def _by_algorithm(self, budget: float, previous: tuple[float, Ascent] | None) -> Search:
        objective, algorithm, steps = self.objective, self.settings["algorithm"], self._steps(budget)
        measurement, radius = objective.setup.measurement, self._radius(budget)
        warm = previous is not None and not previous[1].flat
        begin = previous[1].z * (budget / previous[0]) if previous is not None and warm else None
        if algorithm == "black-box":
            return self._black_box(budget, begin)
        noise = partial(white_noise, measurement, budget * self._norms, self.knobs["seed"])
        if algorithm == "advrec":
            everywhere = torch.ones_like(measurement.mask) if measurement.full is not None else measurement.mask
            return advrec(objective, radius, steps, start=noise(mask=everywhere))
        clean_loss: float | None = None
        other_start: Callable[[], Tensor] | None = None
        if previous is not None and warm:
            clean_loss = previous[1].loss[0]
        elif objective.target == "clean":
            # At zero the distance to the own clean image has no gradient: noise gives the first direction.
            begin, clean_loss = noise(), float(objective.of_image(objective.clean))
        else:
            other_start = noise
        start = torch.zeros_like(measurement.kspace) if begin is None else begin
        search = (
            partial(transfer, objective, self._stand_in)
            if algorithm == "transfer"
            else partial(ascend, objective, ASCENTS[algorithm])
        )
        return search(radius, steps, start=start, warm=warm, clean_loss=clean_loss, noise=other_start)

    def _black_box(self, budget: float, start: Tensor | None) -> Search:
        from .black_box import black_box

        mask, radius = self.objective.setup.measurement.mask, self._radius(budget)
        return black_box(
            self.objective,
            lambda z: onto_spheres(z * mask, radius),
            self.knobs["evaluations"],
            seed=self.knobs["seed"],
            start=start,
        )

    @cached_property
    def _stand_in(self) -> Objective:
        return stand_in_for(self.objective, self.knobs["stand_in"])

    @cached_property
    def _norms(self) -> Tensor:
        return coil_norms(known_kspace(self.objective.setup.measurement))

    def _radius(self, budget: float) -> Tensor:
        norms = self._norms.norm(keepdim=True) if self.knobs["norm"] == "global" else self._norms
        return budget * norms

    def _checked(self, found: Ascent, other: Ascent) -> Ascent:
        """A search's result with what its check reached; or that of the check if it hurts far more: a finding."""
        reached, more = (
            one.loss[-1] if one.image is None else float(self.objective.of_image(one.image)) for one in (found, other)
        )
        clean = found.loss[0]
        check = {
            "algorithm": "black-box",
            "trials": len(other.loss) - 1,
            "rise": more - clean,
            "share": (more - clean) / (reached - clean) if reached > clean else None,
        }
        found = replace(found, details={**found.details, "check": check})
        if more - clean <= MISLED * (reached - clean):
            return found
        words = "A search without gradients, started from nothing, found more than the gradients did: they mislead."
        details = {**found.details, "algorithm": "black-box", "surpassed": self.settings["algorithm"]}
        findings = {"black_box_stronger": words}
        return replace(
            found, z=other.z, image=other.image, loss=(*found.loss, more), findings=findings, details=details
        )

    def _perturbed(self, budget: float, state: Ascent, clean: Tensor | None, *, complete: bool) -> Perturbed:
        objective = self.objective
        findings = dict(state.findings)
        if state.flat:
            findings["zero_gradient"] = "The gradient is zero: nothing in this region follows the k-space."
        perturbed = Perturbed.of(
            objective.setup.measurement,
            state.z,
            budget,
            keep=objective.keep,
            loss=state.loss,
            complete=complete,
            findings=findings,
            clean=clean,
            image=state.image,
        )
        details = {**self.settings, "budget_used": perturbed.budget.achieved / budget, **state.details}
        if objective.loss in CONTRASTS and state.image is not None:
            images = {"clean": objective.clean if clean is None else clean, "perturbed": state.image}
            details["contrast"] = {name: objective.contrast_left(image) for name, image in images.items()}
        return replace(perturbed, details=details, statement=_statement(objective, details))


def _statement(objective: Objective, details: Mapping[str, Any]) -> str:
    """Who searched for what, what became of a contrast, and what a check reached; from the details."""
    if details.get("stand_in") == CONTINUATION:
        search = "the gradients of the method's last iterations"
    elif "stand_in" in details:
        search = f"the gradients of the stand-in {details['stand_in']}"
    else:
        search = SEARCHES[details.get("surpassed", details["algorithm"])]
    if "no_gradient" in details:
        search = f"{search}, since the method gives none ({details['no_gradient']}),"
    large = LOSSES[objective.loss].words if isinstance(objective.loss, str) else f"the loss {details['objective']}"
    where = "the whole image" if objective.whole else "the region"
    whose = "the reference" if objective.target == "reference" else "the clean image"
    aim = f"on {large} in {where}, against {whose}"
    sentences = [f"Found by {search} {aim}."]
    if "surpassed" in details:
        sentences = [f"Found by {SEARCHES[details['algorithm']]} {aim}. It was to check {search}, and reached more."]
    if "contrast" in details:
        before, after = (f"{written(100 * left, '.0f')}%" for left in details["contrast"].values())
        sentences.append(f"The region's contrast with its surroundings went from {before} to {after} of {whose}'s.")
        if min(details["contrast"].values()) < 0:
            sentences.append("Below zero it is inverted: what is brighter there is darker here.")
    if "check" in details and "surpassed" not in details:
        sentences.append(_checked_in_words(**details["check"]))
    return " ".join(sentences)


def _checked_in_words(*, trials: int, rise: float, share: float | None, algorithm: str) -> str:
    if share is not None:
        found = f"added {100 * max(share, 0.0):.0f}% of the loss that the gradients did"
    else:
        found = "raised the loss, which the gradients did not" if rise > 0 else "did not raise the loss either"
    return f"As a check, {SEARCHES[algorithm]} ({trials} trials) {found}."
