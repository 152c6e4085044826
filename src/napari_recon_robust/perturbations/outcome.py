"""The outcome of a perturbation: all images are reconstructed again from nothing but the samples, and compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ..data.measurement import Measurement
from ..data.roi import ROI
from ..evaluation.comparison import Comparison
from ..evaluation.parts import magnitude_on_cpu, whole_of
from ..ground.progress import Job, Progress
from ..reconstructors.base import Method, Reconstructor
from ..reconstructors.doubts import doubts
from ..reconstructors.registry import registry
from .base import Perturbed, Setup
from .random_noise import control

ENDED_EARLY = "The search was ended before its steps were done: this is the best so far; a complete one may find more."
# NRMSE between two runs on the same samples beyond which a method is not deterministic.
SAME = 1e-3


@dataclass(frozen=True, eq=False)
class Outcome:
    """A perturbation, its random control (the measurement under noise of equal norm) and what they did.

    setup: the clean measurement, the method and the region that was asked for. seed: that of the random control.
    whole: the complex images, complex64 (rows, columns), of the comparison's images that have a phase, by their names
    there.
    """

    perturbed: Perturbed = field(repr=False)
    control: Measurement = field(repr=False)
    comparison: Comparison
    setup: Setup = field(repr=False)
    seed: int
    whole: Mapping[str, Tensor] = field(default_factory=dict, repr=False)

    def labelled(self, label: str) -> "Outcome":
        """The same outcome of the region under this label."""
        if label == self.setup.roi.label:
            return self
        roi, comparison = self.setup.roi.labelled(label), self.comparison
        region = comparison.region if self.perturbed.roi is not None else _named(roi, comparison.roi)
        setup = replace(self.setup, roi=roi)
        return replace(self, setup=setup, comparison=replace(comparison, region=region))

    def to_json(self) -> dict[str, Any]:
        """One entry of `recon-robust perturb --json`."""
        return {
            "budget": self.perturbed.budget.to_json(),
            **self.perturbed.details,
            **self.comparison.to_json(),
            "acceleration": self.perturbed.measurement.acceleration,
            "complete": self.perturbed.complete,
            "loss": list(self.perturbed.loss),
        }


def evaluate(
    measurement: Measurement,
    method: Method | Reconstructor,
    roi: ROI,
    perturbed: Sequence[Perturbed],
    *,
    seed: int = 0,
    controls: Sequence[Measurement] | None = None,
    clean: Tensor | None = None,
    cautions: Mapping[str, str] | None = None,
) -> Job[list[Outcome]]:
    """Reconstruct the clean, each perturbed and each random measurement from scratch, and compare.

    The result has one outcome for each of `perturbed`. method: a reconstructor is at its defaults. seed: that of the
    random controls; if `controls` are given (by a replay), they are taken instead. clean: the method's image of the
    clean samples, and cautions: of the measurement, where the caller has them already. The reference is of the method's
    own kind, against which it is judged.
    """
    method = method.at()
    setup = Setup(measurement, method, roi, roi.mask(measurement.matrix))
    kind = method.reference_kind
    total = 1 + 2 * len(perturbed)

    image_of = torch.no_grad()(method)

    yield Progress(0.0, "Reconstructing the clean samples")
    clean = image_of(measurement) if clean is None else clean
    reference = measurement.reference(kind)
    found = doubts(method, measurement, clean, cautions) | _asked_again(measurement, method, clean, perturbed)
    outcomes = []
    for index, one in enumerate(perturbed):
        yield Progress((1 + 2 * index) / total, "Reconstructing the perturbed samples")
        seen = image_of(one.measurement)
        changed = seen if one.restore is None else one.restore(seen)
        truth = one.truth(kind)
        yield Progress((2 + 2 * index) / total, "Reconstructing the random control")
        noisy = control(measurement, one, seed) if controls is None else controls[index]
        random = image_of(noisy)
        region = setup.mask if one.roi is None else one.roi.mask(measurement.matrix)
        comparison = Comparison(
            clean=magnitude_on_cpu(clean),
            perturbed=magnitude_on_cpu(changed),
            random=magnitude_on_cpu(random),
            reference=None if reference is None else magnitude_on_cpu(reference),
            perturbed_reference=None if truth is None else magnitude_on_cpu(truth),
            roi=region,
            support=None if one.support is None else one.support.cpu(),
            inserted=None if one.inserted is None else one.inserted(setup).cpu(),
            foreground=measurement.foreground,
            reference_kind=kind,
            judged_by=one.judged_by,
            searched=bool(one.loss),
            thermal=one.budget.thermal,
            region="its surroundings" if one.roi is not None else _named(roi, region),
            consistency={}
            if kind == "rss"
            else {
                "clean": measurement.misfit(clean),
                "perturbed": one.measurement.misfit(seen),
                "random": noisy.misfit(random),
            },
            statement=one.statement,
            findings={**_ended(one), **one.findings, **_determinism(measurement, one, clean, seen), **found},
        )
        images = whole_of(clean=clean, perturbed=changed, random=random)
        outcomes.append(Outcome(one, noisy, comparison, setup, seed, images))
    return outcomes


def _ended(perturbed: Perturbed) -> dict[str, str]:
    return {} if perturbed.complete else {"ended_early": ENDED_EARLY}


def _asked_again(
    measurement: Measurement, method: Method, clean: Tensor, perturbed: Sequence[Perturbed]
) -> dict[str, str]:
    """Whether an own model whose images no search has seen before gives another clean image when it is asked again."""
    if registry.ships(method.id) or all(one.image is not None for one in perturbed):
        return {}
    with torch.no_grad():
        return differing([(method(measurement), clean)])


def _determinism(measurement: Measurement, one: Perturbed, clean: Tensor, changed: Tensor) -> dict[str, str]:
    """Whether the search saw the images that come out of the same samples now."""
    pairs = [(one.image, changed)]
    # A search that estimates the sensitivities anew has another clean image than one with those that were given.
    if measurement.kept is None or one.measurement.kept is not None:
        pairs.append((one.clean, clean))
    return differing([(seen, now) for seen, now in pairs if seen is not None])


def differing(pairs: Sequence[tuple[Tensor, Tensor]], name: str = "The method") -> dict[str, str]:
    """The finding that two images of the same samples differ, or nothing. name: of the method, where there are more."""
    if any(float((seen - now).norm()) > SAME * float(now.norm()) for seen, now in pairs):
        return {"nondeterministic": f"{name} gives different images for the same samples: differences are vague."}
    return {}


def _named(roi: ROI, mask: Tensor) -> str:
    if mask.all():
        return "the whole image"
    return f"the region “{roi.label}”" if roi.label else "the drawn region"
