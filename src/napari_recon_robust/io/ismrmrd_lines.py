"""Which acquisitions of an ISMRMRD file make the image, and which calibrate the coils: by their flags and counters."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ground.errors import FileFormatError
from ..ground.numbers import counted

# Bits of an acquisition's flags, counted from 1.
NOISE, CALIBRATION, CALIBRATION_AND_IMAGING, REVERSED = 19, 20, 21, 22
NO_IMAGING = (NOISE, 23, 24, 26, 27, 28, 29, 30, 31)
_BITS = 16  # of a counter
_FAR_WIDER = 2  # times the widest gap beside the centre: what is wider at the centre is no undersampling


def any_flag(heads: Any, bits: Sequence[int]) -> Any:
    """Whether any of these bits is set."""
    return heads["flags"] & np.uint64(sum(1 << (bit - 1) for bit in bits)) != 0


def image_and_calibration(heads: Any, mode: str | None) -> tuple[NDArray[np.bool_], NDArray[np.bool_], list[str]]:
    """Which acquisitions make the image, which only calibrate the coils, and a note where the header's mode is missing.

    Those that are embedded do both, as do those that are flagged for both. The others may have another contrast and
    resolution, and lie between the lines of the image or on them. Where the header does not say, those that complete
    the image's lines are embedded.
    """
    lines = ~any_flag(heads, NO_IMAGING)
    apart = lines & any_flag(heads, (CALIBRATION,)) & ~any_flag(heads, (CALIBRATION_AND_IMAGING,))
    if mode == "embedded":
        return lines, np.zeros_like(lines), []
    if mode is None and _complete(heads, lines & ~apart, apart):
        said = f"The calibration lines ({apart.sum()}, whose mode the header does not say)"
        return lines, np.zeros_like(lines), [f"{said} complete the lines of the image, and are part of it."]
    return lines & ~apart, apart, []


def _complete(heads: Any, imaging: NDArray[np.bool_], apart: NDArray[np.bool_]) -> bool:
    """Whether calibration lines are like those of the image, lie on none of them, and belong between them.

    They do if some of the image's lines are flagged for calibration too, or if no line is missing between them.
    """
    both, _ = first_pass(heads, imaging | apart)
    image, others = heads[both[imaging[both]]], heads[both[apart[both]]]
    if not len(image) or not len(others):
        return False
    alike = ("active_channels", "number_of_samples", "center_sample")
    if not all(np.isin(others[name], image[name]).all() for name in alike):
        return False
    taken, points = np.unique(_points(image)), np.unique(_points(others))
    if np.isin(points, taken).any():
        return False
    if any_flag(image, (CALIBRATION_AND_IMAGING,)).any():
        return True
    steps, along = _steps_between(points)
    present = np.diff(np.searchsorted(np.union1d(taken, points), points))
    return bool((present == steps)[along].all())


def beside(heads: Any, others: Any) -> NDArray[np.bool_]:
    """Which acquisitions lie where none of the others does."""
    return ~np.isin(_points(heads), _points(others))


def first_pass(heads: Any, chosen: NDArray[np.bool_]) -> tuple[NDArray[np.integer], list[str]]:
    """Which of some acquisitions are of the first complete pass of each loop, and notes on those that are left out.

    It is the one with the most lines, and of equal ones the first: scanners may begin with a few to prepare. Slices
    that it does not have are of the one with most of their acquisitions.
    """
    lines, notes = chosen.copy(), []
    index, spaces, points = heads["idx"], heads["encoding_space_ref"], _points(heads)
    if (count := len(np.unique(spaces[lines]))) > 1:
        notes.append(f"Of {count} encoding spaces the first is used.")
    lines &= spaces == 0  # which is the one that the header describes first
    for field in ("contrast", "phase", "repetition", "set"):
        different = np.unique(index[field][lines].astype(np.uint64) << 3 * _BITS | points[lines])  # averages count once
        passes, counts = np.unique(different >> 3 * _BITS, return_counts=True)
        if len(passes) < 2:
            continue
        best = int(counts.argmax())
        kept = lines & (index[field] == passes[best])
        for slice in np.setdiff1d(index["slice"][lines], index["slice"][kept]):  # of which it has none
            own = lines & (index["slice"] == slice)
            others, often = np.unique(index[field][own], return_counts=True)
            kept |= own & (index[field] == others[often.argmax()])
        if bool((kept == lines).all()):
            continue
        lines = kept
        which = "the first is used" if best == 0 else f"number {best + 1} is used, as those before it have fewer lines"
        notes.append(f"Of {len(passes)} {field}s {which}.")
    return np.flatnonzero(lines), notes


def refuse_missing_centre(heads: Any, centre: int, name: str) -> None:
    """FileFormatError for an image whose lines are missing about the centre, a step, and hardly elsewhere.

    So it is where lines that are flagged for calibration alone are lines of the image.
    """
    points = np.unique(_points(heads) & ((1 << 2 * _BITS) - 1))  # of all slices
    steps, along = _steps_between(points)
    step = points & ((1 << _BITS) - 1)
    about = (step[:-1] < centre) & (centre < step[1:])
    missing, elsewhere = (int((steps - 1)[along & where].max(initial=0)) for where in (about, ~about))
    if missing > _FAR_WIDER * elsewhere:
        raise FileFormatError(
            f"the image of {name} lacks {counted(missing, 'line')} at the centre of k-space, where lines are flagged "
            "for calibration alone; if they are part of the image, say the calibration mode 'embedded' in the header, "
            "else export the scan again with its central lines."
        )


def _points(heads: Any) -> NDArray[np.unsignedinteger]:
    """Where the acquisitions lie, as one number of (slice, partition, step), whose last digits are the step."""
    index = heads["idx"]
    found: NDArray[np.unsignedinteger] = index["slice"].astype(np.uint64)
    for field in ("kspace_encode_step_2", "kspace_encode_step_1"):
        found = found << _BITS | index[field]
    return found


def _steps_between(points: NDArray[np.integer]) -> tuple[NDArray[np.integer], NDArray[np.bool_]]:
    """The steps from each point, in ascending order, to the next, and whether both are of one partition and slice."""
    return np.diff(points), np.diff(points >> _BITS) == 0
