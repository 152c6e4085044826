"""The clean, the perturbed and the random control image against the reference, in numbers, images and one sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any, Literal

import torch
from torch import Tensor

from ..ground.cached_property import cached_property
from ..ground.numbers import finite, written
from . import metrics
from .metrics import Metrics

Measured = dict[str, Metrics]
# Of a region, in pixels and as its share of tissue: below these its numbers say little of the anatomy.
FEW, LITTLE = 4, 0.5


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Images of one slice under one perturbation, and what they say.

    All images are real float32 (rows, columns) in the scan's units. reference: the fully sampled image of the
    clean k-space; perturbed_reference: that of the perturbed k-space. Both are None if no full k-space is known;
    metrics are then against the clean image. random: the image under random noise of the perturbation's norm.
    judged_by: whether `perturbed` is measured against the clean reference (noise: the anatomy is the same) or
    the perturbed one (an inserted feature: the truth has changed). Data range and foreground come from the clean
    reference for all of them. searched: whether the perturbation was searched for, and so should beat chance.
    thermal: the perturbation in multiples of the thermal noise.
    consistency: ||A x - y|| / ||y|| of each image with its own samples, empty if an image has no phase.
    support: the pixels of an inserted feature, bool (rows, columns), on which its `recovery` is measured; None without
    one, where that is measured on the ROI. inserted: what such a feature changes in the fully sampled image, float32
    (rows, columns).
    region: the ROI in words. findings: reliability checks that failed, name to words. statement: what the perturbation
    says about itself.
    """

    clean: Tensor
    perturbed: Tensor
    random: Tensor
    reference: Tensor | None
    perturbed_reference: Tensor | None
    roi: Tensor
    foreground: Tensor
    reference_kind: str
    judged_by: Literal["clean", "perturbed"] = "clean"
    support: Tensor | None = None
    inserted: Tensor | None = None
    searched: bool = True
    thermal: float = float("nan")
    region: str = "the drawn region"
    consistency: Mapping[str, float] = field(default_factory=dict)
    findings: Mapping[str, str] = field(default_factory=dict)
    statement: str = ""

    def __repr__(self) -> str:
        """In a line; `metrics` has the figures."""
        return f"Comparison({self.sentence!r})"

    @property
    def target(self) -> Tensor:
        """The image against which the others are measured: the clean reference, else the clean image."""
        return self.clean if self.reference is None else self.reference

    @property
    def judges(self) -> bool:
        """Whether there is an image to judge the perturbed one by: where the truth has changed, the changed truth."""
        return self.judged_by == "clean" or self.perturbed_reference is not None

    @property
    def _perturbed_target(self) -> Tensor:
        """The image against which the perturbed one is measured."""
        changed = self.perturbed_reference if self.judged_by == "perturbed" else None
        return self.target if changed is None else changed

    @cached_property
    def data_range(self) -> float:
        """L of SSIM and PSNR: the maximum of `target`."""
        return metrics.data_range_of(self.target)

    @property
    def judged_on(self) -> str:
        """What of the image is judged, by its name in the metrics: "roi", or "image" where the ROI is all of it."""
        return "image" if self.roi.all() else "roi"

    @cached_property
    def metrics(self) -> dict[str, Measured]:
        """SSIM, PSNR, NMSE on roi, foreground, image of clean, perturbed, random and, if known, perturbed_reference."""
        shown, clean = self.perturbed_reference, self._measure(self.clean, self.target)
        measured = {
            "clean": clean,
            "perturbed": self._measure(self.perturbed, self._perturbed_target) if self.judges else _unknown(clean),
            "random": self._measure(self.random, self.target),
        }
        return measured if shown is None else {**measured, "perturbed_reference": self._measure(shown, self.target)}

    @cached_property
    def degradation(self) -> dict[str, dict[str, float]]:
        """(m_clean - m_perturbed) / |m_clean| of each metric m on each region; it is negative for NMSE, which rises."""
        before, after = self.metrics["clean"], self.metrics["perturbed"]
        return {
            region: {
                name: (value - getattr(after[region], name)) / abs(value) if value else float("nan")
                for name, value in vars(measured).items()
            }
            for region, measured in before.items()
        }

    @cached_property
    def stability(self) -> dict[str, dict[str, float]]:
        """How far the ROI S moved, for "perturbed" and "random".

        change: ||S (f(k+z) - f(k))|| / ||S X||, by which methods may be compared. error_ratio:
        ||S (f(k+z) - X')|| / ||S (f(k) - X)||, which flatters a bad method and is never shown by itself. X' is the
        truth by which `metrics` judge the image: the perturbed one where the truth has changed, else X.
        """
        size = self._norm(self.target)
        error = self._norm(self.clean - self.target)
        return {
            name: {
                "change": self._norm(image - self.clean) / size if size else float("nan"),
                "error_ratio": self._norm(image - target) / error if error else float("nan"),
            }
            for name, image, target in (
                ("perturbed", self.perturbed, self._perturbed_target),
                ("random", self.random, self.target),
            )
        }

    @cached_property
    def recovery(self) -> float | None:
        """Contrast recovery <dt, df>_T / ||dt||_T^2 of a changed truth; None if it has not changed, or is unknown.

        T: the feature's `support`, else the ROI. dt: what was `inserted`, else the change of the fully sampled image,
        df: that of the reconstruction. 1 means that all of the change is seen, 0 that nothing is.
        """
        change = self.inserted
        if change is None and self.reference is not None and self.perturbed_reference is not None:
            change = self.perturbed_reference - self.reference
        if self.judged_by == "clean" or change is None:
            return None
        where = self.roi if self.support is None else self.support
        truth = change[where].double()
        seen = (self.perturbed - self.clean)[where].double()
        size = float(truth.square().sum())
        return float((truth * seen).sum()) / size if size else None

    @cached_property
    def cautions(self) -> dict[str, str]:
        """Reasons why the ROI says little about the anatomy, name to words; empty if there are none."""
        if self.roi.all():
            words = "The whole image was searched, air included: a local weakness is averaged away; draw a region."
            return {"whole_image": words} if self.searched else {}
        return region_cautions(self.roi, self.foreground, self.region)

    @cached_property
    def warnings(self) -> dict[str, str]:
        """Reasons why the outcome is unreliable or meaningless, name to words; empty if there are none."""
        found = {**self.findings, **self.cautions}
        moved = {name: values["change"] for name, values in self.stability.items()}
        if self.searched and self.judged_by == "clean" and 0 < moved["random"] >= moved["perturbed"]:
            words = "Random noise of the same size moved the region as far: the search found no weakness."
            return {**found, "random_as_strong": words}
        return found

    @property
    def sentence(self) -> str:
        """The outcome in plain words; what was found is said before how it was searched for."""
        if not self.judges:
            unknown = f"What else has changed in {self.region} is not judged: no fully sampled image is known."
            return f"{self.statement} {unknown}{self._in_noise}".strip()
        old, new, random = (self.metrics[name][self.judged_on].ssim for name in ("clean", "perturbed", "random"))
        if self.judged_by == "clean":
            moved = _moved(old, new) + self._changed(" and the image changed by", "perturbed")
            beside = self._changed(" and changed it by", "random")
        else:
            moved, beside = f"with the changed truth is {written(new, '.2f')}, before {written(old, '.2f')}", ""
        text = f"In {self.region} SSIM {moved}"
        if self.searched or self.judged_by == "perturbed":  # else the perturbation is that random noise
            text += f"; random noise of the same size gave {written(random, '.2f')}{beside}"
        text += f".{self._in_noise}"
        found_first = self.searched and self.judged_by == "clean"
        return " ".join(filter(None, (text, self.statement) if found_first else (self.statement, text)))

    @property
    def _in_noise(self) -> str:
        if not (isfinite(self.thermal) and self.thermal > 0):
            return ""
        return f" The perturbation is {self.thermal:.2g} × the thermal noise."

    def to_json(self) -> dict[str, Any]:
        """The metrics, what they rest on, and the words, as JSON values; null for numbers that are not finite."""
        return {
            "perturbed_reference": None,
            **{name: metrics.to_json(measured) for name, measured in self.metrics.items()},
            "reference": None if self.reference is None else self.reference_kind,
            "judged_by": self.judged_by,
            "data_range": self.data_range,
            "degradation": finite(self.degradation),
            "stability": finite(self.stability),
            "contrast_recovery": self.recovery,
            "data_consistency": finite(dict(self.consistency)) or None,
            "warnings": self.warnings,
            "sentence": self.sentence,
        }

    def _changed(self, words: str, name: str) -> str:
        """These words and how far the ROI moved; empty if the target is zero on it."""
        change = self.stability[name]["change"]
        return f"{words} {_percent(change)}" if isfinite(change) else ""

    def _measure(self, image: Tensor, target: Tensor) -> Measured:
        return metrics.measure(image, target, roi=self.roi, tissue=self.foreground, data_range=self.data_range)

    def _norm(self, image: Tensor) -> float:
        return float(torch.linalg.vector_norm(image[self.roi].double()))


def region_cautions(region: Tensor, foreground: Tensor, called: str) -> dict[str, str]:
    """Reasons why a region says little about the anatomy, name to words; empty if there are none.

    region, foreground: bool (rows, columns). called: the region in words.
    """
    pixels, tissue, found = int(region.sum()), int((region & foreground).sum()), {}
    if pixels < FEW:
        counted = "one pixel" if pixels == 1 else f"{pixels} pixels"
        found["few_pixels"] = f"There is no more than {counted} in {called}: noise decides on so few."
    if not tissue:
        found["no_tissue"] = f"There is no tissue in {called}: what happens to air says nothing of the anatomy."
    elif tissue < LITTLE * pixels:
        found["little_tissue"] = f"Only {_percent(tissue / pixels)} of {called} is tissue, the rest is air."
    return found


def _unknown(measured: Measured) -> Measured:
    """NaN for each metric on each region."""
    return {region: Metrics(nan, nan, nan) for region in measured}


def _percent(share: float) -> str:
    """A share in percent with two digits, also of a small share."""
    if 0 < share < 1e-4:
        return "less than 0.01%"
    return f"{100 * share:.0f}%" if share >= 0.1 else f"{100 * share:.2g}%"


def _moved(old: float, new: float) -> str:
    before, after = written(old, ".2f"), written(new, ".2f")
    return f"stayed at {before}" if before == after else f"{'fell' if new < old else 'rose'} from {before} to {after}"
