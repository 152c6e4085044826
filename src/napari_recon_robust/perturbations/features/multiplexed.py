"""The search for a lost feature with many features in each image: one reconstruction, or one gradient, for all."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter

import numpy as np
import torch
from torch import Tensor

from ..noise.objective import GradientError, gradient_of
from .feature import Feature
from .feature_search import CONTRASTS, SIZES, FeatureSearch, Steps
from .insertion import ROSE

FEW = 20  # reconstructions, in which too little is drawn to be moved
# What a gradient costs in reconstructions.
GRADIENT = 3
# Features in one image, and how far apart, in the largest sizes: where they are drawn, and where they move.
DRAWN, DRAWN_APART = 25, 2.0
MOVED, MOVED_APART = 16, 2.4
# Of all that is known, the part that the next draws are made of; their angles vary by this, radians.
ELITE, SPREAD = 6, 0.2
# Adam: its decay rates, and its steps in row, column (pixels), size, contrast (relative) and angle (radians).
MOMENTUM, SECOND = 0.5, 0.9
FIRST_STEP, LAST_STEP = 1.0, 0.3
ROW, COLUMN, SIZE, CONTRAST, ANGLE = 1.0, 1.0, 0.1, 0.1, 0.3


@dataclass(eq=False)
class Multiplexed(FeatureSearch):
    """Draw, move, try alone, refine; again from new draws where the effort allows.

    Up to 25 separated features are drawn in each image; after the first image they take shape, size, contrast and
    angle from the worst sixth so far. The 16 worst are moved together by the gradient of the sum of their
    recoveries (each depends on its own values), the worst of them are tried alone, and the worst of these is refined
    alone. The worst are the least recovered that the samples carry.

    known: which features the samples carry.
    """

    known: dict[Feature, bool] = field(default_factory=dict)

    usual, least = 60, 4

    @classmethod
    def moves(cls, search: int) -> bool:
        """Whether a search of such an effort, the usual one for 0, moves features by the gradients that there are."""
        return (search or cls.usual) - 1 > FEW

    def steps(self) -> Steps:
        """Rounds of about the usual effort; once a gradient is not finite, nothing more is moved."""
        self.spent += 1  # the clean reconstruction
        differentiable = self.setup.method.gives_gradient(self.setup.measurement)
        rounds = max(self.effort // self.usual, 1)
        for index in range(rounds):
            effort = (self.effort - self.spent) // (rounds - index)
            end, known, moves = self.spent + effort, len(self.candidates), differentiable and effort > FEW
            if moves:
                try:
                    yield from self._round(effort)
                except GradientError:
                    self.no_gradient = "on the way they held NaN or infinite values"
                    differentiable = moves = False
            if not moves:
                images = max((end - self.spent) // 2, 1)
                yield from self._draw(images)
                yield from self._try_worst(self._ranked(self.candidates[known:]), end - self.spent)
            self._forget()

    def _round(self, effort: int) -> Steps:
        images, alone = effort // 4, max(effort // 8, 2)
        known, gradients = len(self.candidates), (effort - images - alone - 2) // GRADIENT
        yield from self._draw(images)
        together = self._separated(self._ranked(self.candidates[known:]))
        known = len(self.candidates)
        yield from self._descend(together, gradients // 2, alone=False)
        # Of each moved feature its worst state.
        states = [next(self._ranked(self.candidates[known + index :: len(together)])) for index in range(len(together))]
        tried = len(self.tried)
        yield from self._try_worst(self._ranked(states), alone)
        worst = min(self.tried[tried:], key=self.rank)
        yield from self._descend([worst.feature], gradients - gradients // 2, alone=True)

    def _draw(self, images: int) -> Steps:
        """Random features, many in each image, with the clean scan's calibration."""
        for _ in range(images):
            features = self._scattered()
            with torch.no_grad():
                recoveries, image = self.insertion.together(features, keep=True)
            self.candidates += zip(recoveries.tolist(), features, strict=True)
            if not self.tried:
                index = int(recoveries.argmin())
                trial = self.insertion.judged(features[index], float(recoveries[index]), image)
                self.screened = trial if self.screened is None else min(self.screened, trial, key=self.rank)
            self.spent += 1
            yield self._progress(f"Screening, {len(self.candidates)} features")

    def _scattered(self) -> list[Feature]:
        """Separated features at random places, like the worst so far."""
        apart, chosen = DRAWN_APART * self._largest, list[Feature]()
        models = [one for _, one in islice(self._ranked(self.candidates), len(self.candidates) // ELITE)]
        for row, column in self.random.permutation(np.argwhere(self.allowed))[: 50 * DRAWN].tolist():
            if all(np.hypot(row - r, column - c) >= apart for r, c in (one.values[:2].tolist() for one in chosen)):
                chosen.append(self._like(models, row, column) if models else self.draw(row, column))
            if len(chosen) == DRAWN:
                break
        return chosen

    def _like(self, models: Sequence[Feature], row: float, column: float) -> Feature:
        model = models[int(self.random.integers(len(models)))]
        values = model.values.clone()
        values[:2] = torch.tensor([row, column])
        if model.shape == "line":
            values[4] += SPREAD * self.random.standard_normal()
        return model.at(values)

    def _ranked(self, found: Sequence[tuple[float, Feature]]) -> Iterator[tuple[float, Feature]]:
        """From the least recovered on; after all others come those that the samples do not carry, which are no loss."""
        beneath = []
        for one in sorted(found, key=itemgetter(0)):
            if self._carries(one[1]):
                yield one
            else:
                beneath.append(one)
        yield from beneath

    def _carries(self, feature: Feature) -> bool:
        """Whether the samples carry it: found out once, since it takes a transform of all coils."""
        if feature not in self.known:
            self.known[feature] = self.insertion.carried(feature) >= ROSE
        return self.known[feature]

    def _separated(self, ranked: Iterable[tuple[float, Feature]]) -> list[Feature]:
        """The worst that lie far enough from each other."""
        chosen: list[Feature] = []
        for _, feature in ranked:
            if all((feature.values - one.values)[:2].norm() >= MOVED_APART * self._largest for one in chosen):
                chosen.append(feature)
            if len(chosen) == MOVED:
                break
        return chosen

    def _try_worst(self, ranked: Iterable[tuple[float, Feature]], count: int) -> Steps:
        for _, feature in islice(ranked, count):
            self._try(feature)
            yield self._progress("Trying the worst alone")

    def _descend(self, features: Sequence[Feature], steps: int, *, alone: bool) -> Steps:
        """Adam on the sum of the recoveries in place, size, contrast and angle, within what may be drawn."""
        values = torch.stack([feature.values for feature in features])
        scale = torch.stack([_scale(feature) for feature in features])
        low, high = (torch.stack(bounds) for bounds in zip(*map(self._bounds, features), strict=True))
        first, second = torch.zeros_like(values), torch.zeros_like(values)
        for step in range(steps + 1):
            # The last move is only looked at.
            moves = step < steps
            states = [feature.at(one) for feature, one in zip(features, values, strict=True)]
            leaf = values.clone().requires_grad_(moves)
            with torch.set_grad_enabled(moves):
                moving = [feature.at(one) for feature, one in zip(features, leaf, strict=True)]
                recoveries, image = self.insertion.together(moving, keep=not alone or self.insertion.keep)
                total = recoveries.sum()  # within, since the caller of a job may have switched gradients off
            if alone:
                self.tried.append(self.insertion.judged(states[0], float(recoveries.detach()), image))
            else:
                self.candidates += zip(recoveries.tolist(), states, strict=True)
            self.spent += GRADIENT if moves else 1
            if moves:
                gradient = scale * gradient_of(total, leaf, self.setup.method.label)
                first = MOMENTUM * first + (1 - MOMENTUM) * gradient
                second = SECOND * second + (1 - SECOND) * gradient.square()
                ahead, spread = first / (1 - MOMENTUM ** (step + 1)), second / (1 - SECOND ** (step + 1))
                move = self._length(step, steps) * scale * ahead / (spread.sqrt() + 1e-8)
                values = self._kept_apart(values, torch.clamp(values - move, low, high))
            yield self._progress("Refining the worst" if alone else f"Moving {len(features)} features")

    @staticmethod
    def _length(step: int, steps: int) -> float:
        # Adam's first step goes fully along every axis, whatever its slope: half of it is enough.
        return FIRST_STEP / 2 if step == 0 else FIRST_STEP + (LAST_STEP - FIRST_STEP) * step / (steps - 1)

    def _kept_apart(self, before: Tensor, after: Tensor) -> Tensor:
        """The moved values (features, 5); a place stays where it would leave the region or come near another."""
        values = before.clone()
        values[:, 2:] = after[:, 2:]
        for index, place in enumerate(after[:, :2]):
            distances = (values[:, :2] - place).norm(dim=-1)
            distances[index] = torch.inf
            if self.inside(place) and distances.min() >= DRAWN_APART * self._largest:
                values[index, :2] = place
        return values

    def _bounds(self, feature: Feature) -> tuple[Tensor, Tensor]:
        """The least and the most of its values; the sign of the contrast stays, and a walk is as it was drawn."""
        low, high = torch.full_like(feature.values, -torch.inf), torch.full_like(feature.values, torch.inf)
        if feature.shape != "walk":
            weak, strong = (abs(self.knobs["contrast"]) * factor for factor in CONTRASTS)
            low[3], high[3] = (weak, strong) if feature.values[3] > 0 else (-strong, -weak)
            low[2], high[2] = (self.knobs["size"] * factor for factor in SIZES)
        return low, high

    @property
    def _largest(self) -> float:
        """The largest size that is drawn, pixels."""
        return SIZES[1] * float(self.knobs["size"])


def _scale(feature: Feature) -> Tensor:
    """The length of a step in each of its values; what a walk is stays."""
    _, _, size, contrast, _ = feature.values.tolist()
    own = [0.0, 0.0, 0.0] if feature.shape == "walk" else [SIZE * size, CONTRAST * abs(contrast), ANGLE]
    return torch.tensor([ROW, COLUMN, *own], dtype=torch.float32)
