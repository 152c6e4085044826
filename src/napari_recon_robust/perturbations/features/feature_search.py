"""What every search for a lost feature shares, and the two published ones: random search and finite differences."""

from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from math import pi
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from ...ground.cached_property import cached_property
from ...ground.errors import InputError
from ...ground.progress import Job, Progress
from ..base import Perturbed, Setup, keeps_calibration
from .feature import PARAMETRIC, Feature
from .insertion import Insertion, Trial

# What a search draws, relative to the knobs.
SIZES, CONTRASTS = (0.75, 1.5), (0.75, 1.25)
# Finite differences: how far apart, and how far a step goes, in pixels.
PROBE = 5.0

Steps = Generator[Progress, None, None]


@dataclass(eq=False)
class FeatureSearch(ABC):
    """A search for the feature that a method loses most, within a number of reconstructions.

    tried: features that were tried by themselves in the slice; `_forget` keeps only the worst. candidates: all features
    with their recovery, also those that were tried among others. screened: the worst of those among others, which is
    the best so far until a feature is tried by itself. no_gradient: why it went on without gradients, if it began with
    some. usual, least: the reconstructions that it takes by default, and
    at least.
    """

    setup: Setup
    knobs: dict[str, Any]
    spent: int = 0
    tried: list[Trial] = field(default_factory=list)
    candidates: list[tuple[float, Feature]] = field(default_factory=list)
    screened: Trial | None = None
    no_gradient: str = ""

    usual: ClassVar[int]
    least: ClassVar[int]

    def __post_init__(self) -> None:
        self.effort: int = self.knobs["search"] or self.usual
        if self.effort < self.least:
            raise InputError(
                f"the search effort is {self.effort}; {self.knobs['algorithm']} takes at least {self.least} "
                f"reconstructions, or 0 for its usual {self.usual}."
            )
        self.insertion = Insertion(self.setup, keeps_calibration(self.knobs))
        self.random = np.random.default_rng(self.knobs["seed"])
        self._shown: tuple[Trial, Perturbed] | None = None

    def run(self) -> Job[list[Perturbed]]:
        """The feature that is lost most."""
        yield self._progress("Reconstructing without a feature")
        _ = self.insertion.clean
        yield from self.steps()
        return [self._perturbed(complete=True)]

    @abstractmethod
    def steps(self) -> Steps:
        """The search itself, after the clean reconstruction."""

    def rank(self, trial: Trial) -> Any:
        """A key that is smaller if more of the feature is lost."""
        return trial.rank

    @property
    def best(self) -> Trial:
        """The worst feature tried by itself; before there is one, the worst among others."""
        if not self.tried and self.screened is not None:
            return self.screened
        return min(self.tried, key=self.rank)

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        """Where a feature may lie, bool (rows, columns)."""
        return places(self.setup, SIZES[1] * self.knobs["size"])

    def inside(self, place: Tensor) -> bool:
        """Whether a feature may lie at (row, column)."""
        row, column = place.round().int().tolist()
        rows, columns = self.allowed.shape
        return 0 <= row < rows and 0 <= column < columns and bool(self.allowed[row, column])

    def draw(self, row: float, column: float) -> Feature:
        """A random feature at a place."""
        shape = str(self.random.choice(PARAMETRIC)) if self.knobs["shape"] == "any" else self.knobs["shape"]
        if shape == "walk":
            return Feature.walk(row, column, self.random)
        contrast = self.random.choice((-1, 1)) * self.random.uniform(*CONTRASTS) * abs(self.knobs["contrast"])
        size = self.random.uniform(*SIZES) * self.knobs["size"]
        return Feature.of(shape, row, column, size, contrast, self.random.uniform(0, pi) if shape == "line" else 0.0)

    def draw_anywhere(self) -> Feature:
        """A random feature at a random place."""
        row, column = self.random.choice(np.argwhere(self.allowed)).tolist()
        return self.draw(row, column)

    def _try(self, feature: Feature) -> Trial:
        """Try a feature by itself."""
        trial = self.insertion.trial(feature)
        self.spent += 1
        self.tried.append(trial)
        return trial

    def _forget(self) -> None:
        """Keep only the worst trial, since the images of a long search would fill the memory."""
        self.tried = [self.best]

    def _progress(self, message: str) -> Progress:
        best = [self._perturbed(complete=False)] if self.tried or self.screened else None
        return Progress(min(self.spent / self.effort, 1.0), message, best)

    def _perturbed(self, *, complete: bool) -> Perturbed:
        best = self.best
        if complete or self._shown is None or self._shown[0] is not best:
            candidates = [(*one.values[:2].tolist(), recovery) for recovery, one in self.candidates]
            how = f"found without gradients ({self.no_gradient}) at" if self.no_gradient else "found at"
            shown = self.insertion.perturbed(best, how=how, complete=complete, candidates=candidates)
            if self.no_gradient:
                shown = replace(shown, details={**shown.details, "no_gradient": self.no_gradient})
            # An image of many features is not what the samples of one will give.
            self._shown = best, replace(shown, image=None) if best is self.screened else shown
        return self._shown[1]


@dataclass(eq=False)
class PublishedSearch(FeatureSearch):
    """A search by the published loss, one feature at a time; its effort counts the features (Cheng et al. 2020).

    The loss is a mean over all pixels, so it ranks the features of one slice and depends on the size of the image.
    """

    losses: dict[Trial, float] = field(default_factory=dict)

    usual, least = 11, 1

    def rank(self, trial: Trial) -> float:
        """Minus the published loss."""
        return -self.losses[trial]

    def _try(self, feature: Feature) -> Trial:
        trial = super()._try(feature)
        self.losses[trial] = self.insertion.published(trial)[0]
        self.candidates.append((trial.recovery, feature))
        return trial

    def _forget(self) -> None:
        super()._forget()
        self.losses = {trial: self.losses[trial] for trial in self.tried}


@dataclass(eq=False)
class RandomSearch(PublishedSearch):
    """The worst of a number of random features, eleven as published."""

    def steps(self) -> Steps:
        """Try random features one after another."""
        while self.spent < self.effort:
            self._try(self.draw_anywhere())
            self._forget()
            yield self._progress(f"Trying at random, {self.spent} of {self.effort}")


@dataclass(eq=False)
class FiniteDifferences(PublishedSearch):
    """One random feature moved uphill by central differences of the loss along row and column, of 5 pixels.

    An iteration takes five reconstructions, the start one: two iterations in the published eleven. The step is one of
    5 pixels along each axis, shorter where that would leave the tissue or the region.
    """

    least = 6

    def steps(self) -> Steps:
        """Move the feature in as many iterations as the effort allows."""
        at = self._try(self.draw_anywhere())
        yield self._progress("Trying the start")
        while self.spent + 5 <= self.effort:
            slope = []
            for axis in range(2):
                ahead, behind = (self._try(self._moved(at.feature, axis, sign * PROBE)) for sign in (1, -1))
                slope.append(self.losses[ahead] - self.losses[behind])
                yield self._progress(f"Finite differences, {self.spent} of {self.effort}")
            at = self._try(self._stepped(at.feature, torch.tensor(slope, dtype=torch.float32).sign()))
            self._forget()
            yield self._progress(f"Finite differences, {self.spent} of {self.effort}")

    @property
    def best(self) -> Trial:
        """The one of the largest loss among those that lie in the region."""
        return min((trial for trial in self.tried if self.inside(trial.feature.values[:2])), key=self.rank)

    def _moved(self, feature: Feature, axis: int, by: float) -> Feature:
        values = feature.values.clone()
        values[axis] = (values[axis] + by).clamp(0, self.allowed.shape[axis] - 1)
        return feature.at(values)

    def _stepped(self, feature: Feature, direction: Tensor) -> Feature:
        for length in (PROBE, PROBE / 2, PROBE / 4):
            values = feature.values.clone()
            values[:2] += length * direction
            if self.inside(values[:2]):
                return feature.at(values)
        return feature


def places(setup: Setup, size: float) -> NDArray[np.bool_]:
    """Where a feature of this size (pixels) may lie, bool (rows, columns).

    Inside the ROI and in tissue, not across its edge. Raises InputError where there is no such place.
    """
    allowed = setup.mask.cpu().numpy() & places_in(setup.measurement.foreground, size)
    if not allowed.any():
        raise InputError("the region to search has no tissue around a feature of this size; choose a larger one.")
    return allowed


def places_in(tissue: Tensor, size: float) -> NDArray[np.bool_]:
    """Where tissue, bool (rows, columns), holds a feature of this size (pixels) as a whole, bool (rows, columns)."""
    inner: NDArray[np.bool_] = ndimage.distance_transform_edt(np.pad(tissue.numpy(), 1))[1:-1, 1:-1] > size / 2
    return inner
