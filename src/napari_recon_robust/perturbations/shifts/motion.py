"""Motion: the patient moves between the lines of the phase encoding."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...data.measurement import Measurement
from ...ground.cached_property import cached_property
from ...ground.knob import Knob
from ...ground.progress import Job, Progress
from ...reconstructors import registry
from ..base import SEED, Perturbation, Perturbed, Setup, keeps_calibration
from ..scanned_object import SENSITIVITIES_OF_MOVED, ScannedObject
from .pose import Pose


class Motion(Perturbation):
    """z_i = sum over segments s of 1_s F S'_i (g_s x - x): in each segment of the lines the object has its own pose.

    The segments divide the lines that a full scan measures into even parts, in their order; their poses g_s
    (translation and rotation, within the amplitudes) are drawn. The segment of the central line keeps its pose, so that
    the anatomy stays where it is. The coils stay with the scanner, and the noise as it is; S'_i are the sensitivities,
    which go on beyond the clean scan's tissue. x is the coil-combined object; where no full k-space is known it is the
    CG-SENSE image of the samples, so that every method is given the same motion.
    """

    id = "motion"
    label = "Motion"
    summary = "The patient moves between the lines: ghosts and blur along the phase encoding."
    shown = "With motion"
    needs_budget = False
    searches = False
    knobs = (
        Knob(
            name="segments",
            label="Segments",
            help="How many parts of the phase encoding have a pose of their own; an odd number keeps the centre whole.",
            kind="int",
            minimum=2,
            maximum=64,
            default=5,
        ),
        Knob(
            name="shift",
            label="Shift",
            help="Largest translation along either axis.",
            unit="px",
            maximum=20,
            default=1.0,
        ),
        Knob(
            name="angle",
            label="Angle",
            help="Largest rotation, in both directions.",
            unit="°",
            maximum=15,
            default=1.0,
        ),
        SENSITIVITIES_OF_MOVED,
        SEED,
    )

    def _run(self, setup: Setup, budgets: tuple[float, ...], **knobs: Any) -> Job[list[Perturbed]]:
        measurement, scene, count = setup.measurement, _Moving(setup), knobs["segments"]
        phase = measurement.kspace.shape[-1]
        segment = _segments(measurement, count)
        poses = _draw(count, knobs["shift"], knobs["angle"], knobs["seed"], measurement.aspect)
        poses[int(segment[phase // 2])] = Pose(aspect=measurement.aspect)
        z = torch.zeros_like(measurement.kspace)
        for index, pose in enumerate(poses):
            yield Progress(index / count, f"Segment {index + 1} of {count}")
            lines = segment == index
            if not pose.still and lines.any():
                z[..., lines] = scene.moved(pose.apply)[..., lines]
        keep = keeps_calibration(knobs)
        sampled = segment[measurement.mask.any(0).expand(phase).cpu()].unique()
        shift, angle = _largest([poses[index] for index in sampled.tolist()])
        perturbed = Perturbed.of(
            measurement,
            z,
            None,
            keep=keep,
            findings=scene.unseen([pose.apply for pose in poses]) if keep else {},
            details={"poses": [pose.to_json() for pose in poses], "object": scene.origin},
            statement=f"Between {count} segments of the phase encoding the object moves by up to {shift:.3g} px along "
            f"either axis and turns by up to {angle:.3g}°.{scene.note_on('The object that moves')}",
        )
        return [perturbed]


class _Moving(ScannedObject):
    """The same object for every method."""

    stand_in = "CG-SENSE image"

    @cached_property
    def estimate(self) -> Tensor:
        """The image of CG-SENSE at its defaults, which has a phase of its own."""
        return registry.get("cg-sense").at()(self.setup.measurement)


def _segments(measurement: Measurement, count: int) -> Tensor:
    """The number of each phase encoding's segment, int64 (phase,): the lines that a full scan measures fill them."""
    acquired = measurement.acquired.any(0).expand(measurement.kspace.shape[-1])
    first, last = torch.nonzero(acquired).flatten()[[0, -1]].tolist()
    return ((torch.arange(len(acquired)) - first) * count // (last - first + 1)).clamp(0, count - 1)


def _largest(poses: Sequence[Pose]) -> tuple[float, float]:
    """The largest translation along an axis (pixels) and the largest turn (degrees) of these poses."""
    return max(max(abs(pose.rows), abs(pose.columns)) for pose in poses), max(abs(pose.angle) for pose in poses)


def _draw(count: int, shift: float, angle: float, seed: int, aspect: float) -> list[Pose]:
    """Random poses, uniform within +- the amplitudes (pixels, degrees). aspect: height over width of a pixel."""
    generator = torch.Generator().manual_seed(seed)
    drawn = (2 * torch.rand(count, 3, generator=generator, dtype=torch.float64) - 1) * torch.tensor(
        [angle, shift, shift], dtype=torch.float64
    )
    return [Pose(angle, rows, columns, aspect=aspect) for angle, rows, columns in drawn.tolist()]
