"""The engine under every slider: a family of images over one or two axes, answered at once and refined meanwhile."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from ..data.measurement import Measurement
from ..ground.errors import InputError
from ..ground.knob import Knob
from ..ground.progress import Job, Progress
from ..reconstructors.base import Method, Reconstructor

COUNTS = {1: (9,), 2: (9, 3)}  # renders along each axis; one less is a power of two

Node = tuple[int, ...]
Family = Callable[[Iterable[Mapping[str, Any]]], Iterator[Tensor]]


class Sweep:
    """A grid of exact renders, equally spaced on the knobs' scales, and what lies between them.

    The grid is filled from coarse to fine, at each level nearest to the slider first (`prepare`); meanwhile
    `at` interpolates in the finest level whose nodes about the slider are complete, cubically along an axis that has
    five or more; `exact` renders at any values, which goes faster the more is prepared where a family goes on from
    its neighbours. Images are magnitudes, float32 (..., rows, columns), but for `exact`.
    Threads may fill, render and look at once.

    axes: one or two float knobs. family: from points (values of the axes) to their images, one by one; the next
    point is chosen when it is asked for (`Reconstructor.family`). position: where the slider is.
    """

    def __init__(self, axes: Sequence[Knob], family: Family, position: Mapping[str, float]) -> None:
        if len(axes) not in COUNTS:
            raise InputError(f"there are {len(axes)} knobs to turn together; choose one or two.")
        self.axes = tuple(axes)
        self.counts = COUNTS[len(axes)]
        self._images: dict[Node, Tensor] = {}
        self._rendering = Lock()
        self._point: dict[str, float] = {}  # the next to be rendered
        self._family = family
        self._renders = family(_points(self._point))
        self._strides, self._levels = _grid(self.counts)
        self._position = self._locate(position)

    @classmethod
    def of(cls, method: Method | Reconstructor, measurement: Measurement) -> "Sweep":
        """Over the first two live knobs of a method from where they are, the others as they are."""
        method = method.at()
        axes = method.reconstructor.axes
        position = {axis.name: float(method.knobs[axis.name]) for axis in axes}
        return cls(axes, partial(method.family, measurement), position)

    @property
    def ready(self) -> bool:
        """Whether the whole grid is rendered."""
        return len(self._images) == len(self._levels)

    def at(self, values: Mapping[str, float]) -> tuple[Tensor, bool] | None:
        """The image at these values of the axes, and whether it is exact (else interpolated); None if too early.

        Later renders are chosen near to here. The image is the caller's to change.
        """
        position = self._position = self._locate(values)
        node = tuple(round(p) for p in position)
        if node in self._images and max(abs(p - n) for p, n in zip(position, node, strict=True)) < 1e-6:
            return self._images[node].clone(), True
        for strides in reversed(self._strides):
            cell = [_nearby(p, stride, n) for p, stride, n in zip(position, strides, self.counts, strict=True)]
            weights = {tuple(n for n, _ in corner): math.prod(w for _, w in corner) for corner in product(*cell)}
            if all(corner in self._images for corner in weights):
                return _mean([(self._images[corner], weight) for corner, weight in weights.items()]), False
        return None

    def prepare(self) -> Job[None]:
        """Render what is missing, one image a step; several jobs share the work."""
        total = len(self._levels)
        while self._fill():
            yield Progress(len(self._images) / total, f"Preparing the knob, {len(self._images)} of {total}")

    def _fill(self) -> bool:
        """Render one that is missing; False if none is."""
        with self._rendering:
            if self.ready:
                return False
            node = self._next()
            self._images[node] = self._render(self._values(node)).abs().float()
            return True

    def renders(self) -> list[tuple[dict[str, float], Tensor]]:
        """What is prepared, by the values of the axes."""
        return [(self._values(node), image) for node, image in sorted(self._images.items())]

    def exact(self, values: Mapping[str, float]) -> Tensor:
        """The image at these values, complex if the family's is; waits for a render of another thread to end."""
        with self._rendering:
            return self._render(values)

    def _render(self, values: Mapping[str, float]) -> Tensor:
        """By the thread that holds the lock."""
        with torch.no_grad():
            self._point.clear()
            self._point.update(values)
            try:
                image = next(self._renders)
            except BaseException:  # or Cancelled: the generator is finished with that; the next render starts afresh
                self._renders = self._family(_points(self._point))
                raise
            return image

    def _next(self) -> Node:
        """The missing node of the coarsest level that is nearest to the slider."""
        position = self._position

        def order(node: Node) -> tuple[int, float]:
            steps = zip(node, position, self.counts, strict=True)
            return self._levels[node], sum(((a - b) / (n - 1)) ** 2 for a, b, n in steps)

        return min((node for node in self._levels if node not in self._images), key=order)

    def _locate(self, values: Mapping[str, float]) -> tuple[float, ...]:
        """Where values lie on the grid, in its steps."""
        return tuple(axis.to_unit(values[axis.name]) * (n - 1) for axis, n in zip(self.axes, self.counts, strict=True))

    def _values(self, node: Node) -> dict[str, float]:
        steps = zip(self.axes, node, self.counts, strict=True)
        return {axis.name: axis.from_unit(index / (n - 1)) for axis, index, n in steps}


def _points(point: Mapping[str, float]) -> Iterator[Mapping[str, float]]:
    """Yield what a mapping holds at the time, without end.

    It knows nothing of the sweep, whose renders hold it: a sweep that nobody wants any more goes at once, with its
    images and its samples, and does not wait for the collector.
    """
    while True:
        yield dict(point)


def _grid(counts: tuple[int, ...]) -> tuple[list[tuple[int, ...]], dict[Node, int]]:
    """The strides of each level from coarse (three nodes along each axis) to fine, and each node's first level."""
    strides = [tuple((n - 1) // 2 for n in counts)]
    while any(stride > 1 for stride in strides[-1]):
        strides.append(tuple(max(stride // 2, 1) for stride in strides[-1]))
    levels: dict[Node, int] = {}
    for level, steps in enumerate(strides):
        for node in product(*(range(0, n, step) for n, step in zip(counts, steps, strict=True))):
            levels.setdefault(node, level)
    return strides, levels


def _nearby(position: float, stride: int, count: int) -> list[tuple[int, float]]:
    """Nodes about a position and their weights: cubic (Lagrange's four) where a level has five nodes, else linear."""
    cells = (count - 1) // stride
    order = 4 if cells >= 4 else 2
    low = min(int(position / stride), cells - 1)
    first = min(max(low - (order // 2 - 1), 0), cells + 1 - order)
    nodes = range(first, first + order)
    at = position / stride
    return [(n * stride, math.prod((at - other) / (n - other) for other in nodes if other != n)) for n in nodes]


def _mean(images: list[tuple[Tensor, float]]) -> Tensor:
    """The weighted sum."""
    (first, weight), *others = images
    total = first * weight
    for image, weight in others:
        total.add_(image, alpha=weight)
    return total
