"""A small feature inserted into a slice: in the image, in the k-space of every coil, in the reconstruction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf, isfinite, pi
from typing import Any

import torch
from torch import Tensor

from ...data.measurement import Measurement
from ...data.roi import ROI
from ...ground.cached_property import cached_property
from ...ground.numbers import written
from ...physics import noise
from ...physics.model import data_norm
from ..base import Perturbed, Setup
from ..face import Placed
from ..scanned_object import ScannedObject
from .feature import STEPS, Feature, Tissue, beyond

LOST, KEPT = 0.5, 0.9  # recoveries below which a feature is lost, and from which it is kept
CONTRASTED = "The tissue that its contrast is relative to"
# Rose's criterion: a known feature is seen reliably at a signal-to-noise ratio of 5.
ROSE = 5.0
# Cheng et al. 2020: an attack succeeds from this loss on; the input carries the feature from this change on. Both are
# means over all pixels of 320x320: at 128x128 the same feature reaches them 6.25 times more easily.
PUBLISHED_SUCCESS, PUBLISHED_PRESERVED = 1e-3, 1e-4


@dataclass(frozen=True, eq=False)
class Trial:
    """A feature alone in the slice: the reconstruction with it, its recovery, and how well the samples carry it."""

    feature: Feature
    image: Tensor
    recovery: float
    carried: float

    @property
    def rank(self) -> tuple[bool, float]:
        """The smaller the more is lost; what the samples do not carry is no loss of the method's."""
        return self.carried < ROSE, self.recovery


@dataclass(frozen=True, eq=False)
class Insertion(ScannedObject):
    """Features inserted into one slice, as one method reconstructs them. keep: the clean scan's calibration serves."""

    keep: bool

    @classmethod
    def by(cls, setup: Setup, found: "Insertion | None") -> "Insertion":
        """That by which a method of `setup` is judged: where no full k-space is known, it has the object of `found`."""
        return cls(setup, keep=True) if found is None or setup.measurement.full is not None else found

    @cached_property
    def truth(self) -> Tensor:
        """The object on the output image, complex64 (rows, columns)."""
        return self.setup.measurement.crop(self.object)

    @cached_property
    def tissue(self) -> Tissue:
        """The image x as features are added to it."""
        return Tissue(self.truth)

    def reconstruct(self, z: Tensor, *, keep: bool) -> Tensor:
        """f(M(k + z)), complex64 (rows, columns), of a change z of the k-space of every coil."""
        measurement = self.setup.measurement
        return self.setup.reconstruct(measurement.with_kspace(measurement.kspace + z, keep=keep))

    @cached_property
    def reference(self) -> Tensor:
        """t: the fully sampled image of the method's own kind, float32 (rows, columns); |x| where there is none."""
        reference = self.setup.measurement.reference(self.setup.method.reference_kind)
        return self.truth.abs() if reference is None else reference

    def reference_with(self, z: Tensor) -> Tensor:
        """The `reference` of the scan with a change z of the k-space of every coil, float32 (rows, columns).

        It is differentiable. Of z = F S delta it shows nothing on points that are not `acquired`, and if it is
        combined, nothing where S is zero.
        """
        measurement = self.setup.measurement
        changed = measurement.added(z, keep=True).reference(self.setup.method.reference_kind)
        if changed is not None:
            return changed
        return (self.truth + measurement.crop(self.combined(z * measurement.acquired))).abs()

    def shown(self, z: Tensor) -> Tensor:
        """dt, what z changes in the `reference`, float32 (rows, columns); differentiable."""
        return self.reference_with(z) - self.reference

    def recovery(self, z: Tensor, region: Tensor, image: Tensor) -> Tensor:
        """<dt, df>_T / ||dt||_T^2 of z on the region T, bool (rows, columns); zero where nothing of z is shown."""
        return _recovered(self.shown(z)[region], (image.abs() - self.clean.abs())[region])

    def together(self, features: Sequence[Feature], *, keep: bool) -> tuple[Tensor, Tensor]:
        """The recovery of each of several well separated features, float32 (features,), and the image with them all.

        Differentiable: one gradient moves them all.
        """
        inserted = [feature.on(self.tissue) for feature in features]
        change = torch.zeros_like(self.truth)
        for one in inserted:
            change[one.window] += one.change
        z = self.kspace(change)
        image = self.reconstruct(z, keep=keep)
        expected, seen = self.shown(z), image.abs() - self.clean.abs()
        recoveries = [_recovered(*(x[one.window][one.region] for x in (expected, seen))) for one in inserted]
        return torch.stack(recoveries), image

    def trial(self, feature: Feature) -> Trial:
        """Try a feature alone in the slice."""
        with torch.no_grad():
            (recovery,), image = self.together([feature], keep=self.keep)
        return self.judged(feature, float(recovery), image)

    def judged(self, feature: Feature, recovery: float, image: Tensor) -> Trial:
        """The trial of a feature whose reconstruction and recovery are known."""
        return Trial(feature, image.detach(), recovery, self.carried(feature))

    def carried(self, feature: Feature) -> float:
        """The `detectability` of a feature."""
        with torch.no_grad():
            return self.detectability(self.kspace(feature.change(self.tissue)))

    def carried_together(self, features: Sequence[Feature]) -> Tensor:
        """The `detectability` of each of several well separated features, float32 (features,), at the cost of one.

        D'^2 = 2 Re <delta, (W M F S)^H W M F S delta>, where all of them share the right side: an approximation where
        they overlap in the aliases of others.
        """
        measurement, inserted = self.setup.measurement, [feature.on(self.tissue) for feature in features]
        change = torch.zeros_like(self.truth)
        for one in inserted:
            change[one.window] += one.change
        with torch.no_grad():
            z = self.kspace(change) * measurement.mask
            if bool(z[measurement.calibration.noise == 0].any()):
                return torch.full((len(inserted),), inf)
            white = torch.tensordot(self.whitening.mH @ self.whitening, z, 1)
            seen = measurement.crop(self.combined(white))
            energies = [(one.change.conj() * seen[one.window]).real.sum() for one in inserted]
            return (2 * torch.stack(energies)).clamp_min(0).sqrt()

    @cached_property
    def whitening(self) -> Tensor:
        """W of `noise.whitening`, complex64 (coils, coils), by the scan's calibration."""
        measurement = self.setup.measurement
        return noise.whitening(measurement.kspace.detach(), measurement.mask, measurement.calibration.noise)

    def detectability(self, z: Tensor) -> float:
        """D' = sqrt(2 sum |W M z|^2): the ideal observer's signal-to-noise ratio in the samples; W whitens their noise.

        z: complex64 (coils, readout, phase). From 5 on (Rose) the samples carry the feature, whatever becomes of it.
        Coils see a feature with sensitivities that are alike, and noise alike: where its correlation is known, D' is
        1.3 to 2.5 times smaller (8 to 32 simulated coils whose noise is the object's) than if each had its own.
        """
        measurement = self.setup.measurement
        samples = (z * measurement.mask).flatten(1)
        if bool(samples[measurement.calibration.noise == 0].any()):
            return inf
        return float(2**0.5 * data_norm((self.whitening.to(samples) @ samples)[..., None]))

    def published(self, trial: Trial) -> tuple[float, float]:
        """FNAF's own measures (Cheng et al. 2020): the attack's loss, and how much of the feature the input carries.

        loss: the mean over all pixels of (T (|f| - t) / s)^2, t the fully sampled image of the method's own kind with
        the feature (`reference_with`), s the standard deviation of the input. Both fall with the size of the image.
        """
        measurement, feature = self.setup.measurement, trial.feature
        region = feature.region(measurement.matrix)
        with torch.no_grad():
            z = self.kspace(feature.change(self.tissue))
            target = self.reference_with(z)
            before, after = (input_image(one) for one in (measurement, measurement.added(z, keep=True)))
            error = torch.where(region.to(target.device), trial.image.abs() - target, 0.0) / after.std()
            return float(error.square().mean()), float((_normalised(after) - _normalised(before)).square().mean())

    def perturbed(
        self, trial: Trial, *, how: str, complete: bool, candidates: Sequence[Sequence[float]] = ()
    ) -> Perturbed:
        """The trial as a perturbation of the measurement, with everything that is said of it.

        how: how its place was found, in words.
        """
        measurement, feature = self.setup.measurement, trial.feature
        with torch.no_grad():
            z = self.kspace(feature.change(self.tissue))
        loss, input_mse = self.published(trial)
        region = feature.region(measurement.matrix)
        row, column, size, contrast, angle = (float(f"{value:.6g}") for value in feature.values.tolist())
        lost, preserved = trial.recovery < LOST, trial.carried >= ROSE
        details = {
            "position": [row, column],
            "size": size,
            "contrast": contrast,
            "shape": feature.shape,
            "angle": angle % pi,
            "pixels": [list(pixel) for pixel in feature.pixels],
            "clipped": feature.on(self.tissue).clipped,
            "recovery": trial.recovery,
            "lost": lost,
            "information_preserved": preserved,
            "detectability": trial.carried if isfinite(trial.carried) else None,
            "input_mse": input_mse,
            "published_loss": loss,
            "published_success": loss >= PUBLISHED_SUCCESS,
            "published_preserved": input_mse >= PUBLISHED_PRESERVED,
            "object": self.origin,
            "candidates": [list(candidate) for candidate in candidates],
        }
        share = "lost" if lost else "kept" if trial.recovery >= KEPT else "kept part of"
        return Perturbed.of(
            measurement,
            z,
            None,
            keep=self.keep,
            loss=(0.0, 1 - trial.recovery),
            complete=complete,
            judged_by="perturbed",
            roi=_box(region),
            details=details,
            statement=f"The inserted {_named(feature)}, {how} row {row:.3g}, column {column:.3g}, "
            f"{share} its contrast (recovery {written(trial.recovery, '.2f')}), and the samples "
            f"{'carry' if preserved else 'do not carry'} it.{self.note_on(CONTRASTED)}",
            findings=beyond(f"inserted {feature.shape}", feature.profile(measurement.matrix), self.setup.mask),
            clean=self.clean,
            image=trial.image,
            inserted=partial(inserted_change, details, found=self),
        )


def placed(details: Mapping[str, Any]) -> Placed:
    """The feature of a result with these details."""
    row, column = details["position"]
    return Placed(
        shape=details["shape"],
        size=details["size"],
        contrast=details["contrast"],
        position=(row, column),
        detectability=details["detectability"],
        information_preserved=details["information_preserved"],
    )


def feature_of(details: Mapping[str, Any]) -> Feature:
    """The feature that a result of FNAF with these details inserted."""
    row, column = details["position"]
    values = [row, column, details["size"], details["contrast"], details["angle"]]
    pixels = tuple((int(r), int(c), v) for r, c, v in details["pixels"])
    return Feature(details["shape"], torch.tensor(values, dtype=torch.float32), pixels)


def inserted_change(details: Mapping[str, Any], setup: Setup, found: Insertion | None = None) -> Tensor:
    """What a feature with these details changes in the fully sampled image of a method, float32 (rows, columns).

    setup: that of the method, which may be another one than that of the search. found: where the search inserted it,
    of which the object is taken where no full k-space is known; without it, as of a saved case, that of the method.
    """
    insertion = Insertion.by(setup, found)
    with torch.no_grad():
        return insertion.shown(insertion.kspace(feature_of(details).change(insertion.tissue)))


def loss_of(setup: Setup, details: Mapping[str, Any], image: Tensor) -> float:
    """The published loss of a feature with these details in a method's image of it, |f| or f, (rows, columns).

    So a feature that was found for another method is judged for this one.
    """
    trial = Trial(feature_of(details), image.to(setup.measurement.kspace.device), details["recovery"], 0.0)
    return Insertion(setup, keep=True).published(trial)[0]


def _recovered(expected: Tensor, seen: Tensor) -> Tensor:
    """<dt, df> / ||dt||^2 of changes of the magnitude, float32 (pixels,)."""
    return (expected * seen).sum() / expected.square().sum().clamp_min(torch.finfo(expected.dtype).tiny)


def input_image(measurement: Measurement) -> Tensor:
    """The zero-filled magnitude, what FNAF calls the input; float32 (rows, columns)."""
    return measurement.crop(measurement.combined).abs()


def _normalised(image: Tensor) -> Tensor:
    return (image - image.mean()) / image.std()


def _named(feature: Feature) -> str:
    size = float(feature.values[2])
    if feature.shape == "walk":
        return f"walk ({STEPS} steps, in a box of {size:.3g} pixels)"
    return f"{feature.shape} of {size:.3g} pixel{'' if size == 1 else 's'}"


def _box(region: Tensor) -> ROI:
    """The bounding box of a region, bool (rows, columns)."""
    rows, columns = (torch.nonzero(region.any(dim)).flatten().tolist() for dim in (1, 0))
    return ROI.box(rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)
