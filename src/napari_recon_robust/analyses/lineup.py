"""What one perturbation does to several methods, each beside the others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..data.measurement import Measurement
from ..data.roi import ROI
from ..ground.errors import ReconRobustError
from ..ground.progress import Job, Progress, relayed
from ..perturbations.base import Perturbation, Perturbed
from ..perturbations.outcome import Outcome, evaluate
from ..reconstructors.base import Method


@dataclass(frozen=True, eq=False)
class LineupEntry:
    """A method and what the perturbation did to it.

    origin: the method on which the perturbation was found; the same method where it was attacked itself.
    """

    method: Method
    outcome: Outcome
    origin: Method


@dataclass(frozen=True, eq=False)
class Lineup:
    """Several methods under one perturbation, in the order in which they were named.

    entries: None for a method that has no outcome yet, or none at all. troubles: why not, one sentence each.
    """

    methods: tuple[Method, ...]
    entries: tuple[LineupEntry | None, ...]
    troubles: tuple[str, ...] = ()


def lineup(
    measurement: Measurement,
    methods: Sequence[Method],
    roi: ROI,
    found: LineupEntry,
    *,
    known: Iterable[LineupEntry] = (),
    anew: Perturbation | None = None,
    knobs: Mapping[str, Any] | None = None,
) -> Job[Lineup]:
    """Reconstruct the clean, the perturbed and the random samples by each method; previews are lineups so far.

    found: the perturbation, and what it did to the method it was found on, which is not computed again; nor are those
    that are known from an earlier call with the same perturbation. anew: search on each method for a perturbation of
    this kind with these knobs at the same budget, instead of taking `found` as it is.
    A method that refuses (it may give no gradients) has no entry, and the others go on.
    """
    there = [found, *known]
    entries = [next((entry for entry in there if entry.method == method), None) for method in methods]
    troubles: list[str] = []
    yield Progress(0.0, "Several methods", Lineup(tuple(methods), tuple(entries)))
    waiting = [number for number, entry in enumerate(entries) if entry is None]
    for done, number in enumerate(waiting):
        method = methods[number]

        def part(step: Progress, done: int = done, method: Method = method) -> Progress:
            message = f"{method.label} ({done + 1} of {len(waiting)}): {step.message}"
            return Progress((done + step.fraction) / len(waiting), message)

        try:
            entries[number] = yield from relayed(_entry(measurement, method, roi, found, anew, knobs or {}), part)
        except ReconRobustError as error:
            troubles.append(f"{method.label}: {error}")
        so_far = Lineup(tuple(methods), tuple(entries), tuple(troubles))
        yield Progress((done + 1) / len(waiting), "", so_far)
    return Lineup(tuple(methods), tuple(entries), tuple(troubles))


def _entry(
    measurement: Measurement,
    method: Method,
    roi: ROI,
    found: LineupEntry,
    anew: Perturbation | None,
    knobs: Mapping[str, Any],
) -> Job[LineupEntry]:
    perturbed: Perturbed = found.outcome.perturbed
    if anew is None:
        one = replace(perturbed, clean=None, image=None)  # those are the other method's
    else:
        nominal = perturbed.budget.nominal
        search = anew.run(measurement, method, roi, () if nominal is None else (nominal,), **knobs)
        one = (yield from relayed(search, lambda step: Progress(0.8 * step.fraction, step.message)))[-1]
    start = 0.0 if anew is None else 0.8
    judging = evaluate(measurement, method, roi, [one], seed=int(knobs.get("seed", 0)))
    outcome = (yield from relayed(judging, lambda step: Progress(start + (1 - start) * step.fraction, step.message)))[0]
    _ = outcome.comparison.metrics  # here, and not where they are shown
    return LineupEntry(method, outcome, found.origin if anew is None else method)
