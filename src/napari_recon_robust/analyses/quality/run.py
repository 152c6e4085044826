"""What a comparison keeps from case to case, and one method on one slice."""

import hashlib
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ...ground.errors import InputError
from ...ground.progress import Job, Progress
from ...perturbations.outcome import differing
from ...physics.sampling import Sampling
from ...reconstructors.base import Method
from ...reconstructors.doubts import of_method
from ...reconstructors.registry import registry
from .entries import MethodEntry
from .grid import UndersampledSlice
from .results import MethodResult, Results
from .table import Table


@dataclass(frozen=True, eq=False)
class Reconstructed:
    """What one method made of one slice: with which knobs, in how many seconds, and why its image is doubted."""

    method: Method
    image: Tensor
    seconds: float
    caution: str


@dataclass(frozen=True, eq=False)
class Run:
    """A comparison at work.

    methods: of the entries, by name. table: of the results, which a progress shows. made_with: of each entry what its
    results depend on beside the case. asked: the own models that were asked twice for one image.
    """

    entries: Sequence[MethodEntry]
    methods: dict[str, Method]
    results: Results
    table: Table
    made_with: dict[str, Any]
    asked: set[str] = field(default_factory=set)

    def blank(
        self, entry: MethodEntry, *, group: str, scan: str, slice: int, sampling: Sampling, effective: float, input: str
    ) -> MethodResult:
        """A result before it is measured. effective: R; input: SHA-256 of the case."""
        made_with = json.dumps(self.made_with[entry.name], sort_keys=True)
        return MethodResult(
            group=group,
            scan=scan,
            slice=slice,
            pattern=sampling.pattern,
            acceleration=sampling.acceleration,
            effective=effective,
            seed=str(sampling.seed) if isinstance(sampling.seed, int) else "file",
            method=entry.name,
            input=input,
            made_with=hashlib.sha256(made_with.encode()).hexdigest(),
        )

    def reconstructed(self, entry: MethodEntry, case: UndersampledSlice) -> Job[Reconstructed]:
        """One method on one slice, timed; an own model that was not asked before is asked again.

        Raises what the method raises.
        """
        method = self.methods[entry.name]
        with torch.no_grad(), suppress(InputError):  # without central lines a method that needs it fails by itself
            _ = case.measurement.calibration  # not of one method's time
        choosing = time.perf_counter()
        chosen = yield from entry.choose(method, case)
        started = choosing if entry.choice == "auto" else time.perf_counter()
        image = yield from chosen.job(case.measurement)
        seconds = time.perf_counter() - started
        doubted = of_method(chosen, case.measurement, image)
        if not registry.ships(method.id) and entry.name not in self.asked:
            self.asked.add(entry.name)
            doubted |= differing([((yield from chosen.job(case.measurement)), image)], chosen.label)
        return Reconstructed(chosen, image.detach(), seconds, " ".join(doubted.values()))

    def progress(self, begin: float, share: float, step: Progress, name: str) -> Progress:
        """The progress of a part, from `begin` on over `share` of the whole run, with the table so far."""
        return Progress(begin + share * step.fraction, f"{name}: {step.message}", preview=self.table)
