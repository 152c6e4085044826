"""recon-robust samples."""

from typing import Any

import click

from ..physics.sampling import Sampling
from ..quality.samples import quality_by_samples
from .options import follow, measured, method_and_knobs, numbers, print_json, samplings_options


@click.command()
@samplings_options
def samples(
    method: str,
    knobs: tuple[str, ...],
    pattern: str,
    accelerations: str,
    centre_fraction: float,
    seeds: int,
    as_json: bool,
    **scan: Any,
) -> None:
    """Quality against the number of samples, for one slice of the fully sampled FILE and one method.

    A network that was trained for one acceleration may get worse when it is given more samples; this says so.

    \b
    Example:
      recon-robust samples scan.h5 --method unet --acceleration 2,3,4,6,8 --seeds 3
    """
    wanted = numbers(accelerations, "the acceleration", "numbers separated by commas, for instance 2,4,8")
    sampling = Sampling(pattern=pattern, centre_fraction=centre_fraction)
    with measured(**scan) as (_, _, measurement):
        reconstructor, values = method_and_knobs(method, knobs, False, measurement)
        job = quality_by_samples(
            measurement,
            reconstructor,
            wanted,
            sampling=sampling,
            seeds=range(seeds),
            reconstructor_knobs=values,
        )
        curve = follow(job, f"Reconstructing with {reconstructor.label}")
    if as_json:
        print_json({"method": reconstructor.id, "knobs": values, **curve.to_json()})
        return
    click.echo(f"{'nominal R':>9} {'effective':>9} {'masks':>5}   SSIM ± spread   {'PSNR':>5}       NMSE ± spread")
    for level in curve.levels:
        click.echo(
            f"{level.acceleration:>9.3g} {level.effective:>9.3g} {level.masks:>5}   "
            f"{level.ssim:.3f} ± {level.ssim_spread:.3f}   "
            f"{level.psnr:>5.1f}   {level.nmse:.2e} ± {level.nmse_spread:.1e}"
        )
    click.echo(curve.sentence)
