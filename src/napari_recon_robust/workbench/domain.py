"""What a method's weights were trained for, in words, and where a measurement lies outside of it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..data.measurement import Measurement
    from ..reconstructors.base import Reconstructor


def trained_for(method: "Reconstructor") -> str | None:
    """Say in a few words what it was trained for ("R 2-6, brain"); return None for a method without weights."""
    domain = _domain(method)
    if domain is None:
        return None
    low, high = domain["acceleration"]
    return f"R {low:g}-{high:g}, {domain['anatomy']}"


def outside(method: "Reconstructor", measurement: "Measurement") -> str:
    """Say in a sentence in what the measurement lies outside of the training; return "" if it lies inside."""
    domain = _domain(method)
    if domain is None:
        return ""
    from ..data.scan import are_lines
    from ..physics.sampling import POINTS

    knows_points = not set(POINTS).isdisjoint(domain["patterns"])
    found = [] if knows_points or are_lines(measurement.sampled) else ["points (trained: lines)"]
    checks = (
        ("acceleration", "R", measurement.acceleration),
        ("coils", "coils", measurement.coils),
        ("noise", "noise", float(measurement.noise_level)),
        ("matrix", "rows", measurement.matrix[0]),
        ("matrix", "columns", measurement.matrix[1]),
    )
    found += [
        f"{words} {value:.3g} (trained: {domain[name][0]:.3g} to {domain[name][1]:.3g})"
        for name, words, value in checks
        if not domain[name][0] <= value <= domain[name][1]
    ]
    return f"Outside of its training: {', '.join(found)}." if found else ""


def _domain(method: "Reconstructor") -> dict[str, Any] | None:
    if method.weights is None:
        return None
    from ..weights import store

    metadata = store.load(method.weights).metadata
    return None if metadata is None else metadata.trained_for.model_dump(mode="json")
