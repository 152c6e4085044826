"""What the trials of one slice under one mask share: computed once, and never changed by a trial."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..analyses.diversity import drawing
from ..analyses.fragility import FragilityMap, fragility
from ..data.cautions import cautions
from ..data.measurement import Measurement
from ..data.roi import ROI
from ..data.scan import Scan
from ..ground.cached_property import cached_property
from ..ground.errors import InputError
from ..ground.progress import run
from ..io import stamp
from ..perturbations import registry as perturbations
from ..perturbations.base import Perturbed, Setup
from ..perturbations.features.feature import Feature
from ..perturbations.features.feature_search import places_in
from ..perturbations.features.insertion import Insertion
from ..perturbations.outcome import differing
from ..reconstructors import registry as reconstructors
from ..reconstructors.base import Method, Reconstructor
from .expand import Group, Study
from .inventory import ScanFacts, open_plan_scan
from .regions import Region
from .trial import Setting, Trial

T = TypeVar("T")
_Last = dict[bool, tuple[object, T]]  # an image without a lesion, and one with; each with what it is of
_FOUND = 8  # searches of a slice that are kept for other methods: each holds the k-space a few times


class OpenScan:
    """Holds the scan that is open, one at a time, and the methods that a study has loaded in this process."""

    def __init__(self, study: Study, device: str) -> None:
        self.study, self.device = study, device
        self._scan: Scan | None = None
        self._path = ""
        self._methods: dict[int, Method] = {}
        self._finders: dict[str, Reconstructor] = {}
        self._tissue: tuple[tuple[str, int], Tensor] | None = None
        self._asked: dict[int, Mapping[str, str]] = {}

    def scan(self, facts: ScanFacts) -> Scan:
        """The scan; InputError for a file that has changed since the inventory was taken."""
        if self._scan is None or self._path != facts.path:
            self.close()
            opened = open_plan_scan(self.study.plan, self.study.folder, facts.path)
            if facts.digest and stamp(self.study.folder / facts.path) != (facts.size, facts.changed):
                opened.close()
                raise InputError(f"{facts.name} has changed since the study began; run the study again.")
            self._scan, self._path = opened, facts.path
        return self._scan

    def tissue(self, facts: ScanFacts, slice: int) -> Tensor:
        """Where a slice has tissue with all that the scanner measured, bool (rows, columns): the same for every mask.

        The last one is kept, since the masks of a slice follow one another.
        """
        key = facts.path, slice
        if self._tissue is None or self._tissue[0] != key:
            measurement = self.scan(facts).measurement(slice).to(self.device)
            self._tissue = key, measurement.foreground
        return self._tissue[1]

    def method(self, setting: Setting) -> Method:
        """The method of a setting; its weights stay loaded. InputError where its files have changed since the start."""
        if setting.number not in self._methods:
            self._methods[setting.number] = self.study.method(setting)
        found = self._methods[setting.number]
        self.study.check_method(setting, found)
        return found

    def finder(self, name: str) -> Reconstructor:
        """The method of that name, whose fragility maps find regions; InputError as for `method`."""
        if name not in self._finders:
            self._finders[name] = self.study.opened(name)
        found = self._finders[name]
        self.study.check_finder(name, found)
        return found

    def close(self) -> None:
        """Close the file."""
        if self._scan is not None:
            self._scan.close()
        self._scan = None
        self._asked.clear()

    def asked_again(self, setting: Setting, measurement: Measurement, image: Tensor) -> Mapping[str, str]:
        """Whether an own model gives another image of the same samples when it is asked again, as a caution.

        It is asked once for each scan, since each time costs a reconstruction.
        """
        if setting.number not in self._asked:
            method = self.method(setting)
            with torch.no_grad():
                pairs = [] if reconstructors.ships(method.id) else [(method(measurement), image)]
            self._asked[setting.number] = differing(pairs)
        return self._asked[setting.number]


class SharedSlice:
    """One slice under one mask. Everything is computed when it is first asked for."""

    def __init__(self, opened: OpenScan, group: Group) -> None:
        self._opened, self.group = opened, group
        self._clean: _Last[Tensor] = {}
        self._starts: _Last[Tensor] = {}
        self._references: _Last[Tensor | None] = {}
        self._cautions: dict[str, Mapping[str, str]] = {}
        self._lesioned: dict[str, tuple[Measurement, ROI]] = {}
        self._maps: dict[tuple[str, float, int], FragilityMap] = {}
        self._found: dict[tuple[str, str], list[Perturbed]] = {}

    @cached_property
    def measurement(self) -> Measurement:
        """The slice as it was sampled, on the worker's device."""
        scan = self._opened.scan(self.group.facts)
        return scan.measurement(self.group.slice, self.group.mask.sampling).to(self._opened.device)

    def facts(self) -> dict[str, Any]:
        """Plain facts on the slice for a record: no path, no identifier."""
        return self._opened.scan(self.group.facts).facts(self.group.slice)

    def method(self, setting: Setting) -> Method:
        """The method of a setting."""
        return self._opened.method(setting)

    def of(self, region: Region) -> tuple[Measurement, ROI]:
        """What is measured for a region, with its lesion if it has one, and the region itself."""
        if region.kind == "lesions":
            if region.id not in self._lesioned:
                self._lesioned = {region.id: self._inserted(region)}
            return self._lesioned[region.id]
        if region.kind == "fragile":
            return self.measurement, self._fragile(region)
        assert region.roi is not None
        return self.measurement, region.roi

    def cautions(self, region: Region) -> Mapping[str, str]:
        """Reasons to doubt any image of what is measured for a region, name to words: the same for all its trials."""
        lesion = region.id if region.kind == "lesions" else ""
        if lesion not in self._cautions:
            self._cautions[lesion] = cautions(self.of(region)[0])
        return self._cautions[lesion]

    def clean(self, setting: Setting, region: Region | None = None) -> Tensor:
        """The image of a method, complex64 (rows, columns); of a region with a lesion, the image that has it."""
        return self._last(self._clean, setting.number, region, self.method(setting))

    def reference(self, setting: Setting, region: Region | None = None) -> Tensor | None:
        """The image that a method is judged by, real (rows, columns), None without one; of a region as for `clean`."""
        kind = self.method(setting).reference_kind
        return self._last(self._references, kind, region, lambda measurement: measurement.reference(kind))

    def asked_again(self, setting: Setting, region: Region) -> Mapping[str, str]:
        """Whether an own model gives another clean image when it is asked again, name to words."""
        return self._opened.asked_again(setting, self.of(region)[0], self.clean(setting, region))

    def start(self, setting: Setting, region: Region) -> Tensor | None:
        """The image of the start of a trained method; None for a method that has none."""
        start = self.method(setting).reconstructor.start()
        return None if start is None else self._last(self._starts, setting.number, region, start.at())

    def draws(self, setting: Setting, region: Region) -> list[Tensor] | None:
        """Equally plausible images by a method, complex64 (rows, columns); None if it draws none."""
        method = self.method(setting)
        if method.reconstructor.draw is None:
            return None
        with torch.no_grad():
            return [drawn(self.of(region)[0]) for drawn in drawing(method)]

    def perturbed(self, trial: Trial) -> list[Perturbed]:
        """What the search of a trial finds. What is for several methods is kept, the first few of a slice."""
        region, change = trial.region, trial.change
        key = region.id, change.search
        if key in self._found:
            return self._found[key]
        measurement, roi = self.of(region)
        method = self.method(change.found_on or trial.setting)
        budgets = () if change.budget is None else (change.budget,)
        found = run(perturbations.get(change.kind).run(measurement, method, roi, budgets, **change.knobs))
        if change.found_on is not None:
            # What the search saw says nothing of the other methods.
            found = [replace(one, clean=None, image=None) for one in found]
            if len(self._found) < _FOUND:
                self._found[key] = found
        return found

    def _last(self, kept: _Last[T], what: object, region: Region | None, made: Callable[[Measurement], T]) -> T:
        """The last image with and without a lesion is kept: neighbours share it, and memory stays bounded."""
        lesion = None if region is None or region.kind != "lesions" else region
        key = what, lesion and lesion.id
        has = lesion is not None
        if has not in kept or kept[has][0] != key:
            measurement = self.measurement if lesion is None else self.of(lesion)[0]
            with torch.no_grad():
                kept[has] = key, made(measurement)
        return kept[has][1]

    def _inserted(self, region: Region) -> tuple[Measurement, ROI]:
        """The slice with a round lesion, and the lesion where it has half of its contrast or more.

        It lies in the same place under every mask of the slice.
        """
        measurement, found = self.measurement, region.found
        if measurement.full is None:
            raise InputError("lesions are inserted into fully sampled scans, and this one is not; leave it out.")
        insertion = Insertion(self._setup, keep=True)
        # The sensitivities of another mask have another edge, and each count of places draws others.
        allowed = np.argwhere(places_in(self._opened.tissue(self.group.facts, self.group.slice), found["largest"]))
        if len(allowed) <= found["place"]:
            raise InputError(f"the tissue has {len(allowed)} places for such lesions; ask for fewer or smaller ones.")
        order = np.random.default_rng([found["seed"], self.group.slice]).permutation(len(allowed))
        row, column = allowed[order[found["place"]]].tolist()
        feature = Feature.of("blob", row, column, found["diameter"], found["contrast"])
        with torch.no_grad():
            z = insertion.kspace(feature.change(insertion.tissue))
            changed = measurement.added(z, keep=True)
        inside = feature.profile(measurement.matrix).detach() >= 0.5
        return changed, ROI.brush(inside.numpy(), region.label)

    @cached_property
    def _setup(self) -> Setup:
        """The whole slice under a method that has no part in what is asked of it."""
        whole = ROI.box(0, 0, *self.measurement.matrix)
        return Setup.of(self.measurement, reconstructors.get("zero-filled"), whole)

    def _fragile(self, region: Region) -> ROI:
        """The place of a rank in the fragility map."""
        found = region.found
        side, rank = found["side"], found["rank"]
        key = found["method"], found["budget"], side
        if key not in self._maps:
            finder = self._opened.finder(found["method"])
            self._maps[key] = run(fragility(self.measurement, finder, budget=found["budget"], tile=side, replicas=0))
        boxes = self._maps[key].worst(side, side, rank)
        if len(boxes) < rank:
            raise InputError(f"the slice has {len(boxes)} boxes of {side} pixels in tissue; ask for fewer.")
        return boxes[rank - 1].roi
