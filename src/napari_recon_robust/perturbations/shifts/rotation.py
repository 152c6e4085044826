"""Rotation: the patient lies a little differently, and the reconstruction changes by more than the pose."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil
from typing import Any

import torch
from torch import Tensor

from ...data.measurement import Measurement
from ...evaluation import metrics
from ...evaluation.parts import magnitude_on_cpu
from ...ground.cached_property import cached_property
from ...ground.errors import InputError
from ...ground.knob import Knob
from ...ground.numbers import finite, written
from ...ground.progress import Job, Progress
from ...physics import fourier
from ...reconstructors.base import Kind
from ..base import SEED, Perturbation, Perturbed, Setup, keeps_calibration, reference_image
from ..face import Curve, Panel, Series, Still
from ..scanned_object import SENSITIVITIES_OF_MOVED, ScannedObject
from .bringing_back import BringingBack
from .pose import Pose

_STILLS = 60  # images at most, about, of all angles


class Rotation(Perturbation):
    """max over poses g of ||S (|g^-1 f(M k_g)| - X)||_2, k_g = k + F S'_i (g x - x): the object in another pose.

    x is the coil-combined object, S the ROI, X the clean reference of the method's kind (the own clean image where
    there is none). S'_i are the sensitivities, which go on beyond the clean scan's tissue. What the sensitivities
    do not explain, most of the noise, stays as it is. Only points that the scan acquires are measured of it, and
    what x lacks there because it was not acquired is missing. With coils "patient" every coil image is turned, with
    its sensitivities and its noise. All angles of the grid are tried; at the worst of them the translations along
    either axis, at the worst of these the scales. The floor of each is the fully sampled image of the pose, brought
    back in the same way (`BringingBack`): what is lost without undersampling and whatever the method is. Where no full
    k-space is known, the one of x takes its place.
    The grid of rotations: Morshuis et al. 2022, arXiv:2208.03161.
    """

    id = "rotation"
    label = "Rotation"
    summary = "Turn, move and scale the object a little, and bring the reconstruction back: does it depend on the pose?"
    sources = ("morshuis2022", "larkin1997")
    shown = "Turned back"
    needs_budget = False
    has_curve = True
    knobs = (
        Knob(
            name="angle",
            label="Angle",
            help="Rotations up to this angle are tried, in both directions. Positive ones turn the stored image "
            "counter-clockwise; a view that is mirrored or flipped shows them clockwise.",
            unit="°",
            maximum=15,
            default=2.0,
        ),
        Knob(
            name="step",
            label="Step",
            help="Distance between the angles of the grid; 0 and both ends belong to it.",
            unit="°",
            minimum=0.05,
            maximum=5,
            scale="log",
            default=0.5,
        ),
        Knob(
            name="shift",
            label="Shift",
            help="At the worst angle, translations by this along either axis are tried too.",
            unit="px",
            maximum=20,
            default=0.0,
        ),
        Knob(
            name="scale",
            label="Scaling",
            help="At the worst pose, an object smaller and larger by so many percent is tried too.",
            unit="%",
            maximum=5,
            default=0.0,
        ),
        Knob(
            name="coils",
            label="Coils",
            help="Whether the coil sensitivities stay with the scanner or turn with the patient.",
            kind="choice",
            choices=("scanner", "patient"),
            default="scanner",
        ),
        SENSITIVITIES_OF_MOVED,
        SEED,
    )

    def recalled(self, perturbed: Perturbed) -> Perturbed:
        """The pose and the curve come from the details."""
        pose = Pose(**perturbed.details["pose"])
        restore = BringingBack(pose, perturbed.measurement)
        return replace(perturbed, restore=restore, curve=curve_of(perturbed.details["curve"], pose))

    def _run(self, setup: Setup, budgets: tuple[float, ...], **knobs: Any) -> Job[list[Perturbed]]:
        if not (knobs["angle"] or knobs["shift"] or knobs["scale"]):
            raise InputError("angle, shift and scaling are 0, so that nothing moves; give at least one of them.")
        keep = keeps_calibration(knobs)
        if keep and knobs["coils"] == "patient":
            raise InputError(
                "the sensitivities turn with the patient, those of the clean scan do not fit then; let them be "
                "estimated, or let the coils stay with the scanner."
            )
        return _Search(ScannedObject(setup), knobs, keep).run()


@dataclass(frozen=True, eq=False)
class _Trial:
    """One pose: what brings it back, its image (rows, columns), and the distance of the image brought back from X."""

    restore: BringingBack
    image: Tensor
    ssim: float
    nmse: float
    floor_ssim: float
    floor_nmse: float

    @property
    def pose(self) -> Pose:
        return self.restore.pose

    def to_json(self) -> Any:
        """A point of the curve, as JSON values."""
        return finite(
            {
                "angle": self.pose.angle,
                "shift": [self.pose.rows, self.pose.columns],
                "scale": self.pose.scale,
                "ssim": self.ssim,
                "nmse": self.nmse,
                "floor_ssim": self.floor_ssim,
                "floor_nmse": self.floor_nmse,
            }
        )


@dataclass(eq=False)
class _Search:
    """The poses tried so far.

    Of their measurements and images only those of the worst are held, and of about `_STILLS` the magnitudes, brought
    back.
    """

    scene: ScannedObject
    knobs: Mapping[str, Any]
    keep: bool
    curve: dict[Pose, dict[str, Any]] = field(default_factory=dict)
    stills: dict[Pose, Tensor] = field(default_factory=dict)
    worst: _Trial | None = None

    def run(self) -> Job[list[Perturbed]]:
        angles = angle_grid(self.knobs["angle"], self.knobs["step"])
        shift, percent = self.knobs["shift"], self.knobs["scale"]
        moves = [(shift, 0.0), (-shift, 0.0), (0.0, shift), (0.0, -shift)] if shift else []
        scales = [1 - percent / 100, 1 + percent / 100] if percent else []
        total = len(angles) + len(moves) + len(scales)
        yield Progress(0.0, "Reconstructing the pose of the scan")
        # No pose but the scan's own is a candidate.
        scanned = self._scanned
        self._note(self._trial(scanned))
        yield from self._try([replace(scanned, angle=angle) for angle in angles if angle], total)
        turned = self._worst_pose
        yield from self._try([replace(turned, rows=rows, columns=columns) for rows, columns in moves], total)
        worst = self._worst_pose
        yield from self._try([replace(worst, scale=scale) for scale in scales], total)
        return [self._perturbed(complete=True)]

    def _try(self, poses: Iterable[Pose], total: int) -> Job[None]:
        for pose in poses:
            trial = self._trial(pose)
            self._note(trial)
            if self.worst is None or trial.nmse > self.worst.nmse:
                self.worst = trial
            best = [self._perturbed(complete=False)]
            yield Progress(len(self.curve) / total, f"Pose {len(self.curve) - 1} of {total - 1}", best)

    def _note(self, trial: _Trial) -> None:
        """Keep the scores of a trial, and its image if that is one of those to be looked at."""
        pose = trial.pose
        self.curve[pose] = trial.to_json()
        every = 2 * self.knobs["angle"] / self.knobs["step"] // _STILLS + 1
        if not pose.turned_alone or round(pose.angle / self.knobs["step"]) % every == 0:
            self.stills[pose] = magnitude_on_cpu(trial.restore(trial.image))

    @property
    def _worst_pose(self) -> Pose:
        return self._scanned if self.worst is None else self.worst.pose

    @property
    def _scanned(self) -> Pose:
        return Pose(aspect=self.scene.setup.measurement.aspect)

    @cached_property
    def _reference(self) -> Tensor:
        """The fully sampled image of the pose of the scan, real (rows, columns)."""
        image = reference_image(self._fully_sampled(self.scene.setup.measurement, 0), self._kind)
        assert image is not None
        return image.abs()

    @cached_property
    def _wanted(self) -> Tensor:
        """X, real (rows, columns)."""
        return self.scene.clean.abs() if self.scene.setup.measurement.full is None else self._reference

    @property
    def _kind(self) -> Kind:
        return self.scene.setup.method.reference_kind

    @cached_property
    def _coil_images(self) -> Tensor:
        """The coil images that turn with the patient, complex64 (coils, ...): F^-1 k, or S x if k is undersampled."""
        measurement = self.scene.setup.measurement
        if measurement.full is None:
            return measurement.calibration.sensitivities * self.scene.object
        return fourier.ifft(measurement.full)

    def _trial(self, pose: Pose) -> _Trial:
        setup = self.scene.setup
        with torch.no_grad():
            change = self._change(pose)
            changed = setup.measurement if pose.still else setup.measurement.added(change, keep=self.keep)
            restore = BringingBack(pose, changed)
            image = self.scene.clean if pose.still else setup.reconstruct(changed)
            truth = reference_image(self._fully_sampled(changed, change), self._kind)
            assert truth is not None
            ssim, nmse = self._score(restore(image), self._wanted)
            floor_ssim, floor_nmse = self._score(restore(truth), self._reference)
        return _Trial(restore, image, ssim, nmse, floor_ssim, floor_nmse)

    def _change(self, pose: Pose) -> Tensor:
        """What the pose changes in the k-space of every coil, on all points."""
        if self.knobs["coils"] == "scanner":
            return self.scene.moved(partial(self._posed, pose))
        return self.scene.of_coils(self._posed(pose, self._coil_images) - self._coil_images)

    def _fully_sampled(self, measurement: Measurement, change: Tensor | float) -> Measurement:
        """A pose's measurement with its full k-space: that of x and of the change where none is known."""
        if measurement.full is not None:
            return measurement
        kept = measurement.calibration if self._kind == "combined" else measurement.kept
        full = (self.scene.kspace(self.scene.object) + change) * measurement.acquired
        return replace(measurement, full=full, kept=kept)

    def _posed(self, pose: Pose, image: Tensor) -> Tensor:
        """An image (..., rows, columns) in a pose, about the pixel about which its crop is brought back.

        That is one before its own middle where an odd number of pixels is cropped from an even one: two zeros in front
        of the image make it the middle.
        """
        sides = zip(image.shape[-2:], self.scene.setup.measurement.matrix, strict=True)
        top, left = (2 * (n // 2 - (n - m) // 2 - m // 2) for n, m in sides)
        return pose.apply(torch.nn.functional.pad(image, (left, 0, top, 0)))[..., top:, left:]

    def _score(self, image: Tensor, wanted: Tensor) -> tuple[float, float]:
        """SSIM and NMSE on the ROI; where that is the whole image, as `Comparison.metrics` measures an image."""
        roi = self.scene.setup.mask
        mask = None if roi.all() else roi
        ssim = metrics.ssim(image, wanted, metrics.data_range_of(wanted), mask)
        return float(ssim), float(metrics.nmse(image, wanted, mask))

    def _perturbed(self, *, complete: bool) -> Perturbed:
        assert self.worst is not None
        measurement, pose = self.scene.setup.measurement, self.worst.pose
        tried = sorted(self.curve.items(), key=lambda entry: tuple(entry[0].to_json().values()))
        return Perturbed.instead(
            measurement,
            self.worst.restore.measurement,
            complete=complete,
            details={
                "pose": pose.to_json(),
                "coils": self.knobs["coils"],
                "object": self.scene.origin,
                "curve": [point for _, point in tried],
            },
            stills=tuple(
                Still(f"{written(one.angle)}°{'' if one.turned_alone else ' +'}", self.stills[one], str(one))
                for one, _ in tried
                if one in self.stills
            ),
            statement=self._statement(self.worst),
            findings=self.scene.unseen([partial(self._posed, pose)]) if self.keep else {},
            clean=self.scene.clean,
            image=self.worst.image,
        )

    def _statement(self, worst: _Trial) -> str:
        tried = len(self.curve) - 1
        which = f"The worst of {tried} poses beside the scan's own is" if tried > 1 else "The object is"
        floor = written(worst.floor_ssim, ".2f")
        note = self.scene.note_on("The object that was turned")
        return f"{which} {worst.pose}; its fully sampled image, brought back, has an SSIM of {floor}.{note}"


def curve_of(points: Sequence[Mapping[str, Any]], worst: Pose) -> Curve:
    """SSIM and RMSE of the ROI over the angle, and those of the fully sampled image of each pose.

    points: the curve in the details of a result. Lines join the poses that are turned alone; those that are moved or
    scaled as well are single marks, and the worst of all poses but the scan's own, by its NMSE, has a ring.
    """
    turned = sorted((one for one in points if _turned(one)), key=lambda one: float(one["angle"]))
    others = [one for one in points if not _turned(one)]
    moved = [one for one in points if one["angle"] or not _turned(one)]
    highest = max(moved or turned, key=lambda one: _score(one, "nmse"))

    def line(name: str, poses: Sequence[Mapping[str, Any]], score: str, role: Any = "found") -> Series:
        angles = tuple(float(one["angle"]) for one in poses)
        return Series(name, angles, tuple(_score(one, score) for one in poses), role)

    def panel(label: str, score: str) -> Panel:
        aside = [line("moved or scaled as well, brought back", others, score, "aside")] if others else []
        return Panel(
            label,
            (
                line("reconstructed, turned back", turned, score),
                line("fully sampled, turned back", turned, f"floor_{score}", "control"),
                *aside,
                line(f"worst by RMSE: {worst}", [highest], score, "ringed"),
            ),
        )

    scores = [_score(one, "ssim") for one in turned]
    return Curve(
        over="rotation (degrees)",
        panels=(
            panel("SSIM of the region", "ssim"),
            panel("relative RMSE of the region (fraction)", "nmse"),
        ),
        title=f"SSIM, {written(turned[0]['angle'], 'g')}° to {written(turned[-1]['angle'], 'g')}°",
        note=f"{written(min(scores), '.3f')} to {written(max(scores), '.3f')}",
        tip="Of the region (the whole image where none is chosen) in the reconstruction brought back, over the angle "
        "by which the object was turned",
    )


def _turned(point: Mapping[str, Any]) -> bool:
    """Whether the pose is neither moved nor scaled."""
    return not any(point["shift"]) and point["scale"] == 1


def _score(point: Mapping[str, Any], name: str) -> float:
    """SSIM as it is, of NMSE the root; NaN for what is not known."""
    value = float("nan") if point[name] is None else float(point[name])
    return value**0.5 if name.endswith("nmse") else value


def angle_grid(largest: float, step: float) -> list[float]:
    """0, then both signs of the multiples of the step below the largest angle and of that itself; degrees."""
    below = [round(step * n, 6) for n in range(1, ceil(largest / step - 1e-9))]
    return [0.0, *(sign * angle for angle in (*below, largest) if angle for sign in (1, -1))]
