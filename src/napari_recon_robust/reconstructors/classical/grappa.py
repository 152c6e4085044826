"""GRAPPA: missing samples as linear combinations of their neighbours in all coils, which the ACS teaches."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.utils.checkpoint import checkpoint

from ...data.measurement import Measurement, calibration_data, data_shape
from ...ground.errors import InputError
from ...ground.knob import Knob
from ...ground.progress import Job, Progress
from ...physics import fourier
from ...physics.acs import acs_region
from ..base import Kind, Reconstructor
from . import combination

ALONG = 2  # samples of a line that are combined, on either side of the missing one
LINES = 4  # nearest sampled lines that are combined, as published
POINTS = 8  # nearest points that are combined in a pattern of points
_ACROSS, _AROUND = 8, 3  # how far a window reaches at most, across lines and around points
_FEWEST = 5  # lines, or points along either axis, of the ACS
_TOGETHER = 2**22  # numbers in the systems that are solved at once


class GRAPPA(Reconstructor):
    """y_i(k) = sum_j sum_d w_ijd y_j(k + d) where k was not sampled; x_i = F^-1 y_i, combined as `combine` says.

    d leads to the nearest samples: five of each of the four nearest lines, or eight points. For each arrangement of
    these, w minimises sum ||y_i(k) - sum w y_j(k + d)||^2 + v tr(G) / n ||w||^2 over all windows in the ACS, where G is
    the n x n Gram matrix of the sources and v the knob `weight`. Since n counts the coils, copies of coils weaken the
    regularization: with each coil twice, over sqrt(2), v must be twice as large for the same image, and the same v
    moves a 16-coil brain's by 3 to 5% (R = 2 to 4). w is learned from the samples that are given, also where the
    sensitivities of a clean scan are kept, unless the calibration lines were measured apart (see `calibration_data`).
    A point k without a sample in its window stays zero, and so does a line that is farther outside the samples than the
    widest gap between them, as on the side that partial Fourier leaves out.
    Griswold et al. 2002, doi:10.1002/mrm.10171; one Gram matrix of the whole window, of which each arrangement takes a
    part, as in ARC: Brau et al. 2008, doi:10.1002/mrm.21481.
    """

    id = "grappa"
    label = "GRAPPA"
    summary = "Fills in k-space from neighbouring samples of all coils, as scanners do; needs no sensitivities."
    sources = ("griswold2002", "brau2008")
    knobs = (
        Knob(
            name="weight",
            label="Regularization",
            help="How strongly the fit to the ACS is held to small kernels; more leaves less noise and more aliasing.",
            default=3e-3,
            minimum=1e-5,
            maximum=1.0,
            scale="log",
            live=True,
        ),
        combination.COMBINE,
    )
    needs_sensitivities = False
    reference_kind = "rss"

    def reference_kind_at(self, knobs: Mapping[str, Any]) -> Kind:
        """The kind that `combine` chooses."""
        return combination.kind(knobs)

    def steps(self, measurement: Measurement, **knobs: Any) -> Job[Tensor]:
        """`reconstruct` as a job. InputError for gaps about an ACS of less than 5 lines."""
        kspace = _kspace(measurement, measurement.data)
        if not bool(measurement.data_mask.all()):
            data, sampled = calibration_data(measurement)
            acs = acs_region(sampled.cpu())
            gaps, filled = _Gaps.of(measurement, acs), []
            for item, block in zip(*_batches(kspace, _kspace(measurement, data)[..., *acs]), strict=True):
                gram = _gram(block, gaps.half)
                filled.append((yield from _filled(item, gram, gaps, knobs["weight"])))
            kspace = torch.stack(filled).view(kspace.shape)
        return combination.combine(measurement, fourier.ifft(kspace), knobs)


@dataclass(frozen=True, eq=False)
class _Gaps:
    """Which samples are missing, and from which neighbours each is combined.

    Places are indices of the flattened k-space, padded by half a window of zeros on each side. A gap is a missing
    point, or a missing line, all of whose samples are combined in the same way.
    half: how far a window reaches from its middle, along (rows, columns). places: (gaps, rows of a line or 1), the
    missing samples. steps: (window,), from the middle of a window to each of its places. sources: bool (arrangements,
    window), which places of the window are combined, arrangements with the fewest first. arrangement: (gaps,), the row
    of `sources` for each gap, in ascending order.
    """

    half: tuple[int, int]
    places: Tensor
    steps: Tensor
    sources: Tensor
    arrangement: Tensor

    @classmethod
    def of(cls, measurement: Measurement, acs: tuple[slice, slice]) -> "_Gaps":
        rows, columns = data_shape(measurement)
        sampled = measurement.sampled.cpu()
        half = _half_window(measurement, acs)
        width = columns + 2 * half[1]
        down, right = (torch.arange(-n, n + 1) for n in half)
        steps = (down[:, None] * width + right).flatten()
        missing = ~measurement.data_mask.cpu()
        if measurement.lines:
            missing &= _within_reach(sampled.any(0))
        at = missing.nonzero() + torch.tensor(half)
        along = torch.arange(rows) if measurement.lines else torch.zeros(1, dtype=torch.long)
        places = (at[:, :1] + along) * width + at[:, 1:]
        there = _padded(sampled.expand(rows, columns), half).flatten()[places[:, len(along) // 2, None] + steps]
        if measurement.lines:  # one after the other: of two that are equally far the one before
            distance = (2 * right.abs() + (right > 0)).expand(len(down), -1)
        else:
            distance = down[:, None].square() + right.square()
        order = distance.flatten().sort(stable=True).indices
        most = LINES * (2 * ALONG + 1) if measurement.lines else POINTS
        nearest = torch.zeros_like(there)
        nearest[:, order] = there[:, order] & (there[:, order].cumsum(1) <= most)
        sources, arrangement = torch.unique(nearest, dim=0, return_inverse=True)
        by_count = sources.sum(1).argsort(stable=True)
        arrangement, in_order = by_count.argsort()[arrangement].sort(stable=True)
        return cls(half, places[in_order], steps, sources[by_count], arrangement)


def _half_window(measurement: Measurement, acs: tuple[slice, slice]) -> tuple[int, int]:
    """How far windows reach (along the readout, across): over half of the ACS, so that it holds enough of them."""
    rows, columns = (
        (len(range(*part.indices(size))) - 1) // 4 for part, size in zip(acs, data_shape(measurement), strict=True)
    )
    if min(columns, ALONG if measurement.lines else rows) < 1:
        raise InputError(
            f"GRAPPA learns from a fully sampled centre of k-space of at least {_FEWEST} lines, and this one is too "
            "small; use a mask with a wider ACS, or another method."
        )
    reach = (ALONG, _ACROSS) if measurement.lines else (_AROUND, _AROUND)
    return min(reach[0], rows), min(reach[1], columns)


def _within_reach(lines: Tensor) -> Tensor:
    """Which lines are no farther outside those that are sampled, bool (columns,), than these have gaps between them."""
    places = lines.nonzero().flatten()
    reach = int(places.diff().max()) - 1 if len(places) > 1 else 0
    columns = torch.arange(len(lines))
    return (columns >= places.min() - reach) & (columns <= places.max() + reach)


def _kspace(measurement: Measurement, data: Tensor) -> Tensor:
    """Data of a measurement in k-space, (..., coils, rows, columns)."""
    return fourier.fft(data, (-2,)) if measurement.lines else data


def _batches(kspace: Tensor, block: Tensor) -> tuple[Tensor, Tensor]:
    """k-space and calibration block with one batch axis each; one block may serve a whole batch."""
    blocks = block.expand(*kspace.shape[:-2], *block.shape[-2:])
    return kspace.reshape(-1, *kspace.shape[-3:]), blocks.reshape(-1, *blocks.shape[-3:])


def _filled(kspace: Tensor, gram: Tensor, gaps: _Gaps, weight: float) -> Job[Tensor]:
    """k-space, complex64 (coils, rows, columns), with its gaps filled in by the weights that its Gram matrix gives."""
    padded = _padded(kspace, gaps.half)
    counts = gaps.sources.sum(1)
    values, done = [], int((counts[gaps.arrangement] == 0).sum())
    empty = done
    for count in counts[counts > 0].unique().tolist():
        for alike in (counts == count).nonzero()[:, 0].split(max(1, _TOGETHER // (count * len(kspace)) ** 2)):
            yield Progress(done / len(gaps.places), "Filling in k-space")
            end = int(torch.searchsorted(gaps.arrangement, alike[-1], right=True))
            places, system = gaps.places[done:end], gaps.arrangement[done:end] - alike[0]
            used = gaps.sources[alike].nonzero()[:, 1].view(-1, count)
            sources = places[..., None] + gaps.steps[used[system]][:, None]
            # Systems and sources are made again for the gradient: all together they would not fit into memory.
            values.append(checkpoint(_combinations, padded, gram, weight, used, system, sources, use_reentrant=False))
            done = end
    if not values:
        return kspace
    found = torch.cat([some.flatten(0, 1) for some in values]).mT
    flat = padded.flatten(1).index_copy(1, gaps.places[empty:].flatten().to(kspace.device), found)
    (up, left), (rows, columns) = gaps.half, kspace.shape[-2:]
    return flat.view(padded.shape)[:, up : up + rows, left : left + columns]


def _combinations(padded: Tensor, gram: Tensor, weight: float, used: Tensor, system: Tensor, sources: Tensor) -> Tensor:
    """The missing samples, complex64 (gaps, rows, coils).

    used: (systems, count), which places of the window the sources have. system: (gaps,). sources: (gaps, rows, count).
    """
    coils = len(padded)
    each = torch.arange(coils)
    columns = (used[..., None] * coils + each).flatten(1)
    middle = len(gram) // (2 * coils) * coils + each
    system_of = gram[columns[:, :, None], columns[:, None]]
    energies = system_of.diagonal(dim1=-2, dim2=-1).real
    ridge = weight * energies.sum(-1) / (energies > 0).sum(-1).clamp_min(1)  # coils of zeros do not count
    ridge = ridge.clamp_min(torch.finfo(ridge.dtype).tiny)[:, None].expand(-1, columns.shape[1])
    factor = torch.linalg.cholesky(system_of + torch.diag_embed(ridge).to(gram.dtype))
    weights = torch.cholesky_solve(gram[columns[:, :, None], middle], factor)
    given = padded.flatten(1)[:, sources].permute(1, 2, 3, 0).flatten(2)
    return given @ weights[system]


def _gram(block: Tensor, half: tuple[int, int]) -> Tensor:
    """G, complex64 (window x coils, window x coils): the products of all samples in a window, summed over the ACS.

    block: complex64 (coils, rows, columns).
    """
    windows = block.unfold(1, 2 * half[0] + 1, 1).unfold(2, 2 * half[1] + 1, 1)
    samples = windows.permute(1, 2, 3, 4, 0).flatten(2).flatten(0, 1)
    return samples.mH @ samples


def _padded(x: Tensor, half: tuple[int, int]) -> Tensor:
    return pad(x, (half[1], half[1], half[0], half[0]))
