"""Reconstruct one slice, or all of a scan."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import click
from torch import Tensor

from ...analyses.volume import metrics_of, reconstruct_scan, record_of
from ...data.measurement import Measurement
from ...data.scan import Scan
from ...evaluation import metrics
from ...evaluation.measures import MEASURES
from ...ground.devices import checked_device
from ...ground.errors import InputError, either
from ...ground.numbers import counted
from ...io import images
from ...perturbations.outcome import differing
from ...physics.sampling import Sampling
from ...reconstructors import registry
from ...reconstructors.base import Method
from ...reconstructors.doubts import of_method
from ...reports.volume import check_place, save_volume
from ..contradictions import refuse_both
from ..options import (
    Measured,
    chosen_method,
    heading,
    measured,
    sampling_options,
    tell_undersampled,
    undersampled,
    with_auto,
)
from ..outputs import Outputs
from ..paths import PLACE
from ..printing import print_json, warn
from ..progress import follow


@click.command()
@sampling_options
@click.option("--all-slices", is_flag=True, help="Every slice.")
@click.option(
    "--output",
    type=PLACE,
    help=f"Image: {either(images.SUFFIXES)}. Rows are as stored, but a .png of fastMRI's files is the right way up. Of "
    f"all slices {either(images.VOLUME_SUFFIXES)}, or a new folder for a DICOM series.",
)
def reconstruct(
    method: str,
    knobs: tuple[str, ...],
    auto: bool,
    as_json: bool,
    output: Path | None,
    all_slices: bool,
    index: int | None,
    device: str,
    **sampling: Any,
) -> None:
    """Reconstruct one slice of FILE, or all of them.

    \b
    Examples:
      recon-robust reconstruct scan.h5 --slice 3 --method tv --knob weight=2e-3 --pattern equispaced
      recon-robust reconstruct raw.npy --axes coil,phase,readout --pattern equispaced --method hyperrecon --auto
      recon-robust reconstruct scan.h5 --all-slices --pattern equispaced --output scan.nii.gz
    """
    if all_slices and index is not None:
        refuse_both("--slice", "--all-slices")
    if output is not None:
        check_place(output) if all_slices else images.check_suffix(output)
    outputs = Outputs(output)
    chosen = chosen_method(method, knobs, auto)
    if all_slices:
        with undersampled(**sampling) as (scan, how):
            found, lines = _every_slice(chosen, auto, scan, how, checked_device(device), output, outputs)
    else:
        with measured(index=index, device=device, **sampling) as taken:
            found, lines = _one_slice(chosen, auto, taken, output, outputs)
    if as_json:
        print_json(found)
    else:
        for line in lines:
            click.echo(line)
    outputs.end(quiet=as_json)
    if found.get("missing"):
        sys.exit(1)


def _one_slice(
    method: Method, auto: bool, taken: Measured, output: Path | None, outputs: Outputs
) -> tuple[dict[str, Any], list[str]]:
    """Reconstruct a slice and save it; the result as plain values, and in words."""
    measurement = taken.measurement
    method = with_auto(method, auto, measurement)
    if method.reconstructor.needs_sensitivities:
        _ = measurement.calibration  # part of opening a slice, not of the method's time
    start = time.perf_counter()
    image = follow(method.job(measurement), f"reconstructing with {method.label}")
    seconds = time.perf_counter() - start
    header, plane = taken.scan.header, taken.scan.plane(taken.index)
    record = record_of(method, measurement)
    outputs.save(
        output,
        lambda path: images.write_image(
            path, image * measurement.unit, header.voxel, plane, turn=header.upright, record=record
        ),
    )
    regions = _measured(method, measurement, image)
    _warn_outside(method, measurement)
    for doubt in {**of_method(method, measurement, image), **_asked_again(method, measurement, image)}.values():
        warn(doubt)
    found = {
        **method.to_json(),
        "seconds": seconds,
        "acceleration": measurement.acceleration,
        "metrics": metrics.to_json(regions),
    }
    lines = [f"{heading(method, measurement)}: {seconds:.2f} s"]
    if not method.is_image:
        lines.append(f"a map up to {float(image.abs().max()):.3g}, no image: no metrics")
    elif measurement.full is None:
        lines.append("no fully sampled image to compare with: no metrics")
    elif regions is not None:  # else the reason was given with the warning
        lines += _figures(regions)
    return found, lines


def _every_slice(
    method: Method,
    auto: bool,
    scan: Scan,
    sampling: "Sampling | Tensor | None",
    device: str,
    output: Path | None,
    outputs: Outputs,
) -> tuple[dict[str, Any], list[str]]:
    """Reconstruct a scan and save it; the result as plain values, and in words. Live knobs suit the middle slice."""
    tell_undersampled(scan, sampling)
    if auto:
        method = with_auto(method, auto, scan.measurement(len(scan) // 2, sampling).to(device))
    start = time.perf_counter()
    volume = follow(reconstruct_scan(scan, method, sampling, device=device), f"reconstructing with {method.label}")
    seconds = time.perf_counter() - start
    outputs.save(output, partial(save_volume, volume))
    for slice, why in volume.missing.items():
        warn(f"slice {slice} is missing: {why}")
    for of_slices in volume.doubts.values():
        first, words = next(iter(of_slices.items()))
        several = f" (and in {counted(len(of_slices) - 1, 'other slice')})" if len(of_slices) > 1 else ""
        warn(f"slice {first}{several}: {words}")
    looked_at = min(volume.accelerations, key=lambda slice: abs(slice - len(scan) // 2))
    measurement = scan.measurement(looked_at, sampling).to(device)
    _warn_outside(method, measurement)
    image = volume.images[looked_at].to(device) / measurement.unit
    for doubt in _asked_again(method, measurement, image).values():
        warn(doubt)
    regions = volume.mean_metrics
    found = {
        **method.to_json(),
        "slices": len(volume),
        "seconds": seconds,
        "acceleration": measurement.acceleration,
        "metrics": metrics.to_json(regions),
        "slice_metrics": {str(slice): metrics.to_json(one) for slice, one in volume.metrics.items()},
        "missing": {str(slice): why for slice, why in volume.missing.items()},
    }
    lines = [f"{heading(method, measurement)}: {counted(len(volume.accelerations), 'slice')}, {seconds:.2f} s"]
    if regions is None:
        lines.append("no fully sampled images to compare with: no metrics")
    else:
        lines += [f"means of {counted(len(volume.metrics), 'slice')}:", *_figures(regions)]
    return found, lines


def _measured(method: Method, measurement: Measurement, image: Tensor) -> Mapping[str, metrics.Metrics] | None:
    """The metrics of the regions; None, with a warning, where nothing is seen in the reference."""
    try:
        return metrics_of(method, measurement, image)
    except InputError as error:
        warn(f"no metrics: {error}")
        return None


def _figures(regions: Mapping[str, metrics.Metrics]) -> Iterator[str]:
    """A line for each region."""
    for name, region in regions.items():
        figures = [f"{one.name} {one.said(getattr(region, field))}" for field, one in MEASURES.items()]
        yield f"{name:<12} {'   '.join(figures)}"


def _warn_outside(method: Method, measurement: Measurement) -> None:
    """Say in what the scan lies outside of what a network was trained for, as the window does."""
    if not method.reconstructor.all_weights:
        return
    from ...workbench.domain import outside

    with suppress(InputError):  # without calibration lines the noise is not known
        if concern := outside(method.reconstructor, measurement):
            warn(concern)


def _asked_again(method: Method, measurement: Measurement, image: Tensor) -> Mapping[str, str]:
    """Whether an own model gives another image of the same samples when it is asked again, as a caution."""
    if registry.ships(method.id):
        return {}
    again = follow(method.job(measurement), f"asking {method.label} again")
    return differing([(again, image)], method.label)
