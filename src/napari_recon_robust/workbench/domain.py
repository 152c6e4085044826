"""What a method's weights were trained for, in words, and where a measurement lies outside of it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..data.measurement import Measurement
    from ..reconstructors.base import Reconstructor
    from ..weights.metadata import Domain, Metadata


def trained_for(method: "Reconstructor") -> str | None:
    """Say in a few words what it was trained for ("R 2-10, 16 people"); return None for a method without weights.

    Weights that do not tell which people they have seen say in their own words what their images are of.
    """
    return "; ".join(dict.fromkeys(map(_briefly, _headers(method)))) or None


def outside(method: "Reconstructor", measurement: "Measurement") -> str:
    """Say in a sentence in what the measurement lies outside of the training; return "" if it lies inside.

    For a method of several networks it is outside where it is outside of the training of one.
    """
    found = dict.fromkeys(words for header in _headers(method) for words in _exceeded(header.trained_for, measurement))
    return f"Outside of its training: {', '.join(found)}." if found else ""


def _briefly(header: "Metadata") -> str:
    low, high = header.trained_for.acceleration
    people = len({file.person for file in header.volumes if file.use == "training"})
    counted = f"{people} {'person' if people == 1 else 'people'}"
    seen = counted if people else header.trained_for.anatomy.partition(";")[0]
    return f"R {low:g}-{high:g}, {seen}"


def _exceeded(domain: "Domain", measurement: "Measurement") -> Iterator[str]:
    """In what a measurement lies outside of a domain."""
    from ..data.points import are_lines
    from ..physics.sampling import POINTS

    knows_points = not set(POINTS).isdisjoint(domain.patterns)
    if not (knows_points or are_lines(measurement.sampled)):
        yield "points (trained: lines)"
    checks = (
        (domain.acceleration, "R", measurement.acceleration),
        (domain.coils, "coils", measurement.coils),
        (domain.noise, "noise", float(measurement.noise_level)),
        (domain.matrix, "rows", measurement.matrix[0]),
        (domain.matrix, "columns", measurement.matrix[1]),
    )
    for (low, high), words, value in checks:
        if not low <= value <= high:
            yield f"{words} {value:.3g} (trained: {low:.3g} to {high:.3g})"


def _headers(method: "Reconstructor") -> "list[Metadata]":
    """Those of all its sets of weights that have one."""
    if not method.all_weights:
        return []
    from ..weights import store

    known = (store.load(weights).metadata for weights in method.all_weights)
    return [header for header in known if header is not None]
