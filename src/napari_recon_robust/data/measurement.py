"""A measurement: one slice as a reconstructor sees it."""

from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field, replace
from math import isfinite
from operator import index
from typing import Any

import torch
from torch import Tensor

from ..ground.arguments import as_kind, as_number
from ..ground.cached_property import cached_property
from ..ground.errors import InputError, dimensions
from ..physics import fourier
from ..physics.model import ForwardModel, coil_combined, root_sum_of_squares
from .points import extent, measured_points, whole_lines
from .quantile import upper_quantile

_FAINT = 0.02  # of the brightest pixel: less noise is far below the foreground's threshold
_TO_BE_FOUND = torch.empty(0, dtype=torch.bool)


@dataclass(frozen=True, eq=False)
class Calibration:
    """What is estimated from a measurement before it is reconstructed.

    sensitivities: complex64 (..., coils, rows, columns) in the model's image space, zero outside the
    support, sum |S_i|^2 = 1 inside, with the low-resolution phase of the image folded in.
    noise: float32 (..., coils), sigma_i with sigma_i^2 = E|n_i|^2 of the complex noise of one k-space sample.
    noise_covered: whether signal hides the noise of a 2-D pattern (`noise.covered`); None where that is not known.
    """

    sensitivities: Tensor
    noise: Tensor
    noise_covered: bool | None = None


@dataclass(frozen=True, eq=False)
class Measurement:
    """One slice: what was sampled, where, and what follows from it.

    kspace: complex64 (..., coils, readout, phase), in units of `unit`; it is zero where not sampled, whatever is given
        there.
    mask: bool (readout, phase), or (1, phase) where whole lines are sampled; perturbations and noise stay within it.
        Points that are not `acquired` are taken out of it, and `kspace` is zero there.
    matrix: (rows, columns) of the output image, the centre of the encoded one.
    full: complex64 (..., coils, readout, phase), the fully sampled k-space that `kspace` was taken from, or
        None for scans that were undersampled by the scanner; zero where even a full scan measures nothing (`acquired`).
        For perturbed samples: the k-space as it should be then.
    kept: the calibration to use instead of one estimated from `kspace`, or None.
    acquired: the points that the scanner measures if it leaves none out, bool (readout, phase) or (1, phase). All
        others are known to be zero: padding, what partial Fourier and partial echoes leave out, the corners about an
        ellipse. By default they are those where `full` is not zero, or without it what `extent` can tell.
    unit: what brings k-space and images to the file's units, a power of two; 1 for ordinary scans (`Scan.unit`).
    aspect: height over width of a pixel.
    acs: complex64 (..., coils, readout, phase), calibration lines that were measured apart from the image, in a scale
        of their own and zero elsewhere, or None; see `calibration_data`.
    source: plain facts about where the slice is from, which a case keeps (`Scan.facts`, and the sampling); empty for a
        measurement that is made without a scan, whose cases know neither voxels nor which way up the image is.
    looked_at: whether `kspace` is inspected first, and not copied if it is zero outside of the mask already; within
        torch.func.vmap no values can be inspected.

    A measurement is never changed in place. Leading axes of `kspace` are a batch, of perturbed copies for instance.
    """

    kspace: Tensor = field(repr=False)  # a line is printed, no numbers
    mask: Tensor = field(repr=False)
    matrix: tuple[int, int]
    full: Tensor | None = field(default=None, repr=False)
    kept: Calibration | None = field(default=None, repr=False)
    acquired: Tensor = field(default=_TO_BE_FOUND, repr=False)
    unit: float = 1.0
    aspect: float = 1.0
    acs: Tensor | None = field(default=None, repr=False)
    source: Mapping[str, Any] = field(default_factory=dict, repr=False)
    looked_at: InitVar[bool] = True

    def __post_init__(self, looked_at: bool) -> None:
        _check_tensors(self)
        readout, phase = self.kspace.shape[-2:]
        for name, points in (("sampling mask", self.mask), ("mask of acquired points", self.acquired)):
            if points is not _TO_BE_FOUND and (
                points.dtype != torch.bool or tuple(points.shape) not in ((readout, phase), (1, phase))
            ):
                raise InputError(
                    f"the {name} is {points.dtype} of shape {dimensions(points.shape)}; booleans of shape "
                    f"{dimensions((readout, phase))} or {dimensions((1, phase))} are expected for this k-space."
                )
        object.__setattr__(self, "matrix", _as_matrix(self.matrix, (readout, phase)))
        for name in ("unit", "aspect"):
            value = as_number(getattr(self, name), f"the {name}")
            if not (isfinite(value) and value > 0):
                raise InputError(f"the {name} is {value:g}; give a positive number.")
        # Conjugated lazily, as torch does it, it cannot be viewed as real numbers.
        object.__setattr__(self, "kspace", self.kspace.resolve_conj())
        if self.full is not None:
            object.__setattr__(self, "full", self.full.resolve_conj())
        if self.acquired is _TO_BE_FOUND:
            object.__setattr__(self, "acquired", _found(self.mask, self.full))
        if bool((self.mask & ~self.acquired).any()):
            within = self.mask & self.acquired
            if bool(self.acquired.any()) and not bool(within.any()):  # an empty slice has no acquired points
                raise InputError(
                    "the sampling mask holds only points that the scanner never measures, where the full k-space is "
                    "zero; give a mask that samples others."
                )
            object.__setattr__(self, "mask", within)
        if not looked_at:  # chosen, not multiplied: derivatives of any kind and NaN end there
            object.__setattr__(self, "kspace", torch.where(self.mask, self.kspace, 0))
        # Samples that are zero there already keep their zeros' signs, which the hash of a case holds.
        elif self.kspace.requires_grad or bool((self.kspace * ~self.mask).any()):
            kspace = self.kspace * self.mask
            object.__setattr__(self, "kspace", torch.where(self.mask | kspace.isfinite(), kspace, 0))

    @cached_property
    def sampled(self) -> Tensor:
        """What was sampled: bool (1, phase) for lines, (readout, phase) for points.

        Lines need not go on where the scanner measures nothing.
        """
        lines = whole_lines(self.mask, self.acquired)
        return self.mask if lines is None else lines

    @cached_property
    def data_mask(self) -> Tensor:
        """The mask of the model, shaped as `sampled`: what was sampled, and what is known to be zero.

        A full scan and its reference have zeros where the scanner never measures. So these are no gaps for a method to
        fill in, but samples without noise; and lines with a partial echo remain lines, whose rows decouple.
        """
        return self.sampled | ~_measurable(self)

    @property
    def lines(self) -> bool:
        """Whether readout lines are sampled; then the transform along the readout is needed only once."""
        return self.sampled.shape[-2] == 1

    @property
    def coils(self) -> int:
        """Number of receive coils."""
        return self.kspace.shape[-3]

    @property
    def acceleration(self) -> float:
        """The effective acceleration R: the lines, or points, that a full scan measures over the sampled ones."""
        return int(_measurable(self).sum()) / max(int(self.sampled.sum()), 1)

    @property
    def sampled_points(self) -> int:
        """How many k-space points of one coil were sampled."""
        return int(self.mask.expand(self.kspace.shape[-2:]).sum())

    @property
    def dims(self) -> tuple[int, ...]:
        """The axes along which the model transforms."""
        return (-1,) if self.lines else (-2, -1)

    @property
    def data(self) -> Tensor:
        """The samples as the model sees them, (..., coils, rows, columns): differentiable in `kspace`.

        For sampled lines they are transformed along the readout and cropped to the output rows, which removes the
        readout oversampling without loss. Otherwise they are the k-space itself.
        """
        return self.to_data(self.kspace)

    def to_data(self, kspace: Tensor) -> Tensor:
        """Any k-space of this measurement's shape in the model's data space (linear)."""
        if not self.lines:
            return kspace
        return fourier.centre_crop(fourier.ifft(kspace, (-2,)), self.matrix[0], -2)

    @cached_property
    def largest(self) -> float:
        """The largest real or imaginary part in `kspace`, in magnitude; NaN if there is one."""
        low, high = torch.view_as_real(self.kspace.detach()).aminmax()
        return float(torch.maximum(-low, high))

    @cached_property
    def calibration(self) -> Calibration:
        """Sensitivities and noise: those of `kept`, or else estimated, once and without a gradient.

        The sensitivities come from `calibration_data`, whose noise tells which of their kernels are signal; the noise
        is that of `kspace`. For 2-D patterns it is found in what no image explains, so that each needs the other.
        """
        if self.kept is not None:
            return self.kept
        from ..physics import noise

        with torch.no_grad():
            sigma, covered = noise.estimate(self.kspace.detach(), self.mask), None
            sensitivities = _sensitivities(self, sigma)
            if not self.lines:
                sigma, covered = noise.estimate_and_doubt(self.kspace.detach(), self.mask, sensitivities)
                if _separate_acs(self) is None:
                    sensitivities = _sensitivities(self, sigma)
            return Calibration(sensitivities, sigma, covered)

    @cached_property
    def model(self) -> ForwardModel:
        """The forward model A, for images of the model's (rows, columns)."""
        return ForwardModel(self.calibration.sensitivities, self.data_mask, self.dims)

    @cached_property
    def combined(self) -> Tensor:
        """A^H y, the coil-combined zero-filled image of the model's size, without a gradient."""
        with torch.no_grad():
            return self.model.adjoint(self.data.detach())

    @cached_property
    def foreground(self) -> Tensor:
        """Where there is tissue, bool (rows, columns) of the output matrix, on the CPU; the same for every method.

        From the coil-combined reference, without one from the zero-filled image. Where noise alone is seen in every
        coil, its level counts. InputError if the image is zero everywhere.
        """
        from .foreground import foreground  # needs scipy

        reference = self.reference("combined")
        image, points = (self.crop(self.combined), self.mask) if reference is None else (reference, self.acquired)
        return foreground(image, _noise_alone(self, points, float(image.abs().max())))

    @cached_property
    def scale(self) -> Tensor:
        """The image's scale: the 99.5th percentile of |A^H y|, (..., 1, 1), without a gradient.

        If that is zero it is the maximum, and 1 for an image that is zero everywhere.
        Knob values and the inputs of networks are relative to it, so that they mean the same on every scan.
        """
        with torch.no_grad():
            magnitude = self.combined.abs()
            scale = upper_quantile(magnitude.flatten(-2), 0.995)
            scale = torch.where(scale > 0, scale, magnitude.amax((-2, -1)))
            return torch.where(scale > 0, scale, torch.ones_like(scale))[..., None, None]

    @property
    def data_noise(self) -> Tensor:
        """Sigma_i of a sample of `data`, float32 (..., coils); ends that the lines lack have no noise."""
        return self.calibration.noise * readout_share(self) ** 0.5

    @cached_property
    def noise_level(self) -> Tensor:
        """Sigma of `data` relative to `scale`, (..., 1, 1); sigma is `noise.mean_level`.

        It is that of the coil-combined image where coils have equal noise, as prewhitened ones do. Of coils whose noise
        differs it is the root mean square, by whatever part of the image they see.
        """
        from ..physics import noise

        return noise.mean_level(self.data_noise)[..., None, None] / self.scale

    def with_kspace(
        self, kspace: Tensor, *, full: Tensor | None = None, keep: bool = False, mask: Tensor | None = None
    ) -> "Measurement":
        """The same slice with other samples, for instance perturbed ones; `kspace` becomes zero outside of the mask.

        full: the k-space as it should be then; it is zero outside of `acquired` here too. keep: use this measurement's
        calibration instead of estimating it again from the new samples. mask: another sampling mask, for a `kspace`
        that holds more samples; it is none that `source` could tell of.
        """
        source = self.source if mask is None else {**self.source, "sampling": None}
        mask = self.mask if mask is None else mask
        if full is not None and full is not self.full:  # which many share
            full = torch.where(self.acquired, _as_tensor(full, "full k-space"), 0)
        kept = self.calibration if keep else None
        return replace(self, kspace=kspace, mask=mask, full=full, kept=kept, source=source, looked_at=False)

    def added(self, z: Tensor, *, keep: bool = False) -> "Measurement":
        """The same slice with z (coils, readout, phase), a change of all points of k-space, as the scanner measures it.

        A scanner that repeats its acquisition measures the same points: the samples take z on the mask, and the full
        k-space, where it is known, takes it where it is `acquired`. keep: as of `with_kspace`.
        """
        full = None if self.full is None else self.full + _as_tensor(z, "change of k-space")
        return self.with_kspace(self.kspace + z, full=full, keep=keep)

    def to(self, device: str | torch.device) -> "Measurement":
        """The same measurement on another device ("cpu", "cuda", "mps")."""
        kept = self.kept
        if kept is not None:
            kept = replace(kept, sensitivities=kept.sensitivities.to(device), noise=kept.noise.to(device))
        return replace(
            self,
            kspace=self.kspace.to(device),
            mask=self.mask.to(device),
            acquired=self.acquired.to(device),
            full=None if self.full is None else self.full.to(device),
            kept=kept,
            acs=None if self.acs is None else self.acs.to(device),
        )

    def crop(self, image: Tensor) -> Tensor:
        """An image of the model's size cropped to the output matrix."""
        return fourier.centre_crop_image(image, self.matrix)

    def misfit(self, image: Tensor) -> float:
        """||A x - y|| / ||y|| for an image (rows, columns) in the scan's units; x is zero outside the output matrix.

        InputError for an image of another shape, and for a batch of slices.
        """
        as_single(self)
        if tuple(as_kind(image, torch.Tensor, "the image", "a tensor, as a method returns it").shape) != self.matrix:
            raise InputError(f"the image is {dimensions(image.shape)}; {dimensions(self.matrix)} is expected.")
        padded = fourier.centre_pad_image(image.to(torch.complex64), self.model.shape)
        return float(self.model.misfit(padded, self.data))

    def reference(self, kind: str = "combined") -> Tensor | None:
        """The magnitude image of the fully sampled k-space, real (..., rows, columns); None without one.

        kind: "rss", or "combined" = |sum conj(S_i) x_i| with this measurement's sensitivities
        (methods.md: a method is judged against the reference of its own kind).
        """
        if kind not in ("rss", "combined"):
            raise InputError(f"the kind of reference is {kind!r}; give rss or combined.")
        if kind == "rss":
            coil_images = _reference_coils(self)
            return None if coil_images is None else self.crop(root_sum_of_squares(coil_images))
        combined = self.combined_reference
        return None if combined is None else combined.abs()

    @cached_property
    def combined_reference(self) -> Tensor | None:
        """Sum conj(S_i) x_i of the fully sampled k-space, complex64 (..., rows, columns); None without one."""
        coil_images = _reference_coils(self)
        if coil_images is None:
            return None
        return self.crop(coil_combined(coil_images, self.calibration.sensitivities))


def as_measurement(given: object) -> Measurement:
    """The measurement that is given; InputError for anything else."""
    return as_kind(given, Measurement, "the measurement", "one slice of a scan, such as scan.measurement(0, sampling)")


def as_single(given: object) -> Measurement:
    """The measurement of one slice that is given; InputError for anything else, and for a batch of slices."""
    measurement = as_measurement(given)
    if measurement.kspace.ndim != 3:
        raise InputError(
            f"the k-space has shape {dimensions(measurement.kspace.shape)}; one slice (coils, readout, phase) is "
            "taken at a time."
        )
    return measurement


def known_kspace(measurement: Measurement) -> Tensor:
    """All that is known of k-space: `Measurement.full`, and the samples where that is None."""
    return measurement.kspace if measurement.full is None else measurement.full


def coil_images_of(measurement: Measurement, kspace: Tensor) -> Tensor:
    """F^-1 of any k-space of the measurement's shape: one image per coil, (..., coils, rows, columns) of the model."""
    return fourier.ifft(measurement.to_data(kspace), measurement.dims)


def data_shape(measurement: Measurement) -> tuple[int, int]:
    """(rows, columns) of `Measurement.data`, and of the model's images."""
    readout, phase = measurement.kspace.shape[-2:]
    return (measurement.matrix[0] if measurement.lines else readout), phase


def adjoint_image(measurement: Measurement) -> Tensor:
    """A^H y, as `Measurement.combined`, but differentiable in `kspace`."""
    if not measurement.kspace.requires_grad:
        return measurement.combined
    return measurement.model.adjoint(measurement.data)


def calibration_data(measurement: Measurement) -> tuple[Tensor, Tensor]:
    """The data that sensitivities are estimated from, and where they were sampled; shaped as `data` and `sampled`.

    They are the samples themselves, or `acs` if the samples have no ACS that is wide enough.
    """
    separate = _separate_acs(measurement)
    if separate is None:
        return measurement.data, measurement.sampled
    acs, points = separate
    return measurement.to_data(acs), points


def _separate_acs(measurement: Measurement) -> tuple[Tensor, Tensor] | None:
    """Calibration lines that were measured apart, and where, shaped as `sampled`; None where the samples calibrate."""
    from ..physics import coils

    acs = measurement.acs
    if acs is None or coils.has_acs(measurement.sampled, data_shape(measurement)):
        return None
    points = measured_points(acs.cpu()).to(acs.device)
    return acs, points.any(0, keepdim=True) if measurement.lines else points


def calibration_noise(measurement: Measurement, sigma: Tensor) -> Tensor:
    """Sigma_i of a k-space sample of `calibration_data`, float32 (..., coils). sigma: that of a sample of `kspace`."""
    from ..physics import noise

    separate = _separate_acs(measurement)
    return sigma if separate is None else noise.estimate(*separate)


def _sensitivities(measurement: Measurement, sigma: Tensor) -> Tensor:
    """ESPIRiT from `calibration_data`, by the length of kernels that suits the samples. sigma: that of `kspace`."""
    from ..physics import coils, unexplained

    data, sampled = calibration_data(measurement)
    noise = calibration_noise(measurement, sigma)
    found = coils.espirit_by_length(data.detach(), sampled, measurement.dims, noise)
    return unexplained.explaining_most(found, measurement.data.detach(), measurement.data_mask, measurement.dims)


def has_acs(measurement: Measurement) -> bool:
    """Whether there are enough calibration lines for sensitivities."""
    from ..physics import coils

    separate = _separate_acs(measurement)
    return coils.has_acs(measurement.sampled if separate is None else separate[1], data_shape(measurement))


def readout_share(measurement: Measurement) -> float:
    """The share of the sampled lines that was measured: less than 1 where all of them lack the same ends."""
    return measurement.sampled_points / int(measurement.sampled.expand(measurement.kspace.shape[-2:]).sum())


def single_slices(measurement: Measurement) -> list[Measurement]:
    """Each item of a batch as a measurement with the batch's calibration; the measurement itself without a batch."""
    batch, shape = measurement.kspace.shape[:-3], measurement.kspace.shape[-3:]
    if not batch:
        return [measurement]
    calibration = measurement.calibration
    maps, noise, covered = calibration.sensitivities, calibration.noise, calibration.noise_covered
    maps = maps.expand(*batch, *maps.shape[-3:]).reshape(-1, *maps.shape[-3:])
    noise = noise.expand(*batch, *noise.shape[-1:]).reshape(-1, *noise.shape[-1:])
    samples = measurement.kspace.reshape(-1, *shape)
    acs = measurement.acs
    apart = [None] * len(samples) if acs is None else acs.expand(*batch, *shape).reshape(-1, *shape)
    return [
        replace(measurement, kspace=one, full=None, kept=Calibration(*kept, covered), acs=lines)
        for one, kept, lines in zip(samples, zip(maps, noise, strict=True), apart, strict=True)
    ]


def _as_tensor(given: object, name: str) -> Tensor:
    return as_kind(given, torch.Tensor, f"the {name}", "a tensor, such as torch.from_numpy(array)")


def _check_tensors(measurement: Measurement) -> None:
    """InputError for what is no tensor, or one on another device, of another kind or of another shape."""
    kspace = _as_tensor(measurement.kspace, "k-space")
    masks = {"sampling mask": measurement.mask, "mask of acquired points": measurement.acquired}
    whole = {"full k-space": measurement.full, "k-space of the calibration lines": measurement.acs}
    given = {**masks, **{name: values for name, values in whole.items() if values is not None}}
    for name, values in given.items():
        if _as_tensor(values, name).device != kspace.device and values is not _TO_BE_FOUND:
            raise InputError(
                f"the {name} is on {values.device} and the k-space on {kspace.device}; bring both to one "
                "device, or make the measurement first and move it as a whole (measurement.to)."
            )
    if kspace.ndim < 3 or kspace.dtype not in (torch.complex64, torch.complex128):
        raise InputError(
            f"the k-space is {kspace.dtype} of shape {dimensions(kspace.shape)}; "
            "complex64 with axes (coils, readout, phase) is expected."
        )
    for name, other in whole.items():
        if other is not None and not (other.is_complex() and other.shape in (kspace.shape[-3:], kspace.shape)):
            raise InputError(
                f"the {name} is {other.dtype} of shape {dimensions(other.shape)}; complex64 of shape "
                f"{dimensions(kspace.shape[-3:])} is expected, as of the samples."
            )


def _found(mask: Tensor, full: Tensor | None) -> Tensor:
    """The points that the scanner measures, as far as these tell; InputError for a full k-space that is not finite."""
    if full is None:
        return extent(mask)
    if not bool(torch.isfinite(full).all()):
        raise InputError("the full k-space holds NaN or infinite values; repair it, or leave it out.")
    return measured_points(full.detach().cpu()).to(mask.device)


def _as_matrix(given: Any, encoded: tuple[int, int]) -> tuple[int, int]:
    """The pair of whole numbers; InputError for anything else, and for an image that the encoded one cannot hold."""
    try:
        rows, columns = map(index, given)
    except (TypeError, ValueError):
        rows = columns = 0
    if not (0 < rows <= encoded[0] and 0 < columns <= encoded[1]):
        raise InputError(
            f"the output matrix is {given!r}; give (rows, columns), at most {dimensions(encoded)} for this k-space."
        )
    return rows, columns


def _noise_alone(measurement: Measurement, points: Tensor, brightest: float) -> float:
    """Sigma of a pixel of the coil-combined image of these points; 0 where it is small, or not seen in every coil."""
    from ..physics import noise

    share = float(points.expand(measurement.kspace.shape[-2:]).float().mean()) ** 0.5
    if share * float(noise.mean_level(measurement.calibration.noise).max()) < _FAINT * brightest:
        return 0.0
    levels, alone = noise.quietest(known_kspace(measurement).detach(), points)
    return share * float(noise.mean_level(levels)) if bool((alone | (levels == 0)).all()) else 0.0


def _measurable(measurement: Measurement) -> Tensor:
    """What a full scan measures, shaped as `sampled`."""
    acquired = measurement.acquired
    return acquired.any(0, keepdim=True) if measurement.lines else acquired.expand(measurement.sampled.shape)


def _reference_coils(measurement: Measurement) -> Tensor | None:
    full = measurement.full
    return None if full is None else coil_images_of(measurement, full)
