"""Every method on all slices of every scan, scored by volumes as fastMRI's evaluation does.

Of a volume x with the reference r, the root sum of squares of the fully sampled coil images, and L = max(r):
NMSE = ||x - r||^2 / ||r||^2 and PSNR = 10 log10(L^2 / mean |x - r|^2) over all pixels of all slices, and the mean over
slices of the SSIM in windows of 7x7 with the data range L. Source: Zbontar et al., arXiv:1811.08839, the evaluation
metrics, as the evaluation that is published with the data computes them.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ...cases import record
from ...data.scan import Scan
from ...evaluation import metrics
from ...ground.cached_property import cached_property
from ...ground.errors import InputError, ReconRobustError
from ...ground.progress import Job, Progress, relayed
from ...io import files_of
from ...physics.sampling import Sampling
from .entries import MethodEntry
from .grid import Grid, UndersampledSlice, full_scan, is_anatomy, keep_faults, kept, names
from .results import DIGITS, WHOLE, MethodResult
from .run import Reconstructed, Run

_READING = 0.05  # share of a volume's progress in which its largest value is sought


@dataclass(frozen=True, eq=False)
class UndersampledVolume:
    """All slices of one scan under one mask. span: the share of the whole run, from and to; the rest is as of a slice.

    digest: SHA-256 of its files and the axes that they were given.
    """

    group: str
    scan: str
    name: str
    sampling: Sampling
    opened: Scan
    digest: str
    device: str
    span: tuple[float, float]

    def __len__(self) -> int:
        return len(self.opened)

    def __iter__(self) -> Iterator[UndersampledSlice]:
        """Every slice, read when it is asked for; InputError for one that cannot be used."""
        for index in range(len(self)):
            measurement = self.opened.measurement(index, self.sampling).to(self.device)
            yield UndersampledSlice(self.group, self.scan, self.name, index, self.sampling, measurement)

    @cached_property
    def first(self) -> UndersampledSlice:
        """The first slice, whose mask is that of all."""
        return next(iter(self))

    @cached_property
    def input(self) -> str:
        """SHA-256 of what the reconstructions see, and of what their references are made from."""
        mask = record.array_hash(self.first.measurement.mask.cpu().numpy())
        return hashlib.sha256(f"{self.digest} {mask}".encode()).hexdigest()


@dataclass(eq=False)
class VolumeScore:
    """What is known of one method on a volume, slice by slice. failure: the sentence of the first slice that failed."""

    blank: MethodResult
    failure: str = ""
    error: float = 0.0  # ||x - r||^2
    energy: float = 0.0
    pixels: int = 0
    similarities: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    knobs: list[dict[str, Any]] = field(default_factory=list)
    caution: str = ""

    def add(self, made: Reconstructed, unit: float, reference: Tensor, data_range: float) -> None:
        """Take a slice into account; InputError for NaN in the image.

        unit: what brings the image to the file's units, which are those of all slices.
        """
        image, wanted = unit * metrics.finite_magnitude(made.image.cpu()), reference.cpu()
        self.error += float((image - wanted).square().sum())
        self.energy += float(wanted.square().sum())
        self.pixels += wanted.numel()
        self.similarities.append(float(metrics.ssim(image, wanted, data_range)))
        self.seconds.append(made.seconds)
        self.knobs.append(dict(made.method.knobs))
        self.caution = self.caution or made.caution

    def result(self, data_range: float, scan_caution: str) -> MethodResult:
        """The row; knobs that differ between slices are a list."""
        if self.failure:
            return self.blank.model_copy(update={"error": self.failure})
        same = all(knobs == self.knobs[0] for knobs in self.knobs)
        with np.errstate(divide="ignore"):
            psnr = 10 * np.log10(np.float64(data_range**2) * self.pixels / self.error)
        return self.blank.model_copy(
            update={
                "ssim": float(np.mean(self.similarities)),
                "psnr": float(psnr),
                "nmse": self.error / self.energy,
                "seconds": float(np.median(self.seconds)),
                "knobs": json.dumps(self.knobs[0] if same else self.knobs),
                "caution": self.caution,
                "scan_caution": scan_caution,
            }
        )


def volumes(
    files: Mapping[str, Sequence[Path]],
    grid: Grid,
    *,
    axes: Sequence[str] | None,
    device: str,
    faults: dict[str, ReconRobustError],
) -> Iterator[UndersampledVolume]:
    """Every scan under every mask of the grid, one for all its slices. faults: as of `grid.cases`."""
    every = [(group, path) for group, paths in files.items() for path in paths]
    called = names([path for _, path in every])
    for done, (group, path) in enumerate(every):
        with kept(faults, called[path]):
            if is_anatomy(path):
                raise InputError(
                    f"{path.name} is no k-space, and whole volumes are scored by that of a scanner; compare slices."
                )
            with full_scan(path, axes) as scan:
                content, samplings = record.file_hash(*files_of(path)), grid.samplings(path.name, 0)
                digest = f"{content} {','.join(axes or ())}"
                for number, sampling in enumerate(samplings):
                    begin, end = ((done + at / len(samplings)) / len(every) for at in (number, number + 1))
                    yield UndersampledVolume(
                        group, content[:DIGITS], called[path], sampling, scan, digest, device, (begin, end)
                    )


def on_volumes(run: Run, all_volumes: Iterable[UndersampledVolume], faults: dict[str, ReconRobustError]) -> Job[bool]:
    """Add the results of all methods on the volumes to the run; whether there was any. faults: as of `grid.cases`."""
    used = set[str]()
    failed = dict[str, dict[Sampling, ReconRobustError]]()
    ranges: dict[str, float] = {}
    for volume in all_volumes:
        begin, end = volume.span
        run.table.scans.setdefault(volume.scan, volume.name)
        part = partial(run.progress, begin, end - begin, name=f"{volume.name}, {volume.sampling.acceleration:g}x")
        try:
            results = yield from relayed(_scored(run, volume, ranges), part)
        except ReconRobustError as error:
            failed.setdefault(volume.name, {})[volume.sampling] = error
            continue
        used.add(volume.name)
        for result in results:
            run.results.add(result)
    for name, errors in failed.items():
        keep_faults(faults, name, errors, whole=name not in used)
    return bool(used)


def _scored(run: Run, volume: UndersampledVolume, ranges: dict[str, float]) -> Job[list[MethodResult]]:
    """The results that the run does not have yet. ranges: of the scans whose largest value is known."""
    yield Progress(0.0, "reading")
    missing = {entry.name: VolumeScore(blank) for entry, blank in _blanks(run, volume) if not run.results.reused(blank)}
    if not missing:
        return []
    if volume.scan not in ranges:
        ranges[volume.scan] = yield from _data_range(volume)
    data_range, doubts = ranges[volume.scan], dict[str, None]()
    entries = [entry for entry in run.entries if entry.name in missing]
    for number, case in enumerate(volume):
        doubts |= dict.fromkeys(case.cautions)
        for place, entry in enumerate(entries):
            done = (number + place / len(entries)) / len(volume)
            message = f"slice {number + 1} of {len(volume)}, {entry.name}"
            step = Progress(_READING + (1 - _READING) * done, message)
            yield step
            if not missing[entry.name].failure:
                yield from relayed(_added(run, entry, case, missing[entry.name], data_range), partial(_same, step))
    return [score.result(data_range, " ".join(doubts)) for score in missing.values()]


def _blanks(run: Run, volume: UndersampledVolume) -> Iterator[tuple[MethodEntry, MethodResult]]:
    for entry in run.entries:
        blank = run.blank(
            entry,
            group=volume.group,
            scan=volume.scan,
            slice=WHOLE,
            sampling=volume.sampling,
            effective=volume.first.measurement.acceleration,
            input=volume.input,
        )
        yield entry, blank


def _added(run: Run, entry: MethodEntry, case: UndersampledSlice, score: VolumeScore, data_range: float) -> Job[None]:
    """Add one slice to the score of one method, or why the method failed."""
    try:
        made = yield from run.reconstructed(entry, case)
        score.add(made, case.measurement.unit, _reference(case), data_range)
    except ReconRobustError as error:
        score.failure = " ".join(str(error).split())


def _same(step: Progress, inner: Progress) -> Progress:
    """A slice is too small a part of a volume for its own progress to be told."""
    return step


def _reference(case: UndersampledSlice) -> Tensor:
    """The root sum of squares in the file's units, float64 (rows, columns)."""
    reference = case.measurement.reference("rss")
    assert reference is not None, "undersampled scans are refused when they are opened"
    return case.measurement.unit * metrics.magnitude(reference)


def _data_range(volume: UndersampledVolume) -> Job[float]:
    """The largest value of the reference in all slices."""
    largest = 0.0
    for number, case in enumerate(volume):
        yield Progress(_READING * number / len(volume), f"reading slice {number + 1} of {len(volume)}")
        largest = max(largest, float(_reference(case).max()))
    return largest
