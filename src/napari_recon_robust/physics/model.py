"""The forward model A = M F S of one slice, its adjoint and its normal operator.

If only whole lines along the phase encoding are left out, the readout is transformed once, beforehand. The data are
then *hybrid* (image rows x k-space columns), A needs only 1-D transforms, and rows decouple.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..ground.cached_property import cached_property
from . import fourier

if TYPE_CHECKING:
    from ..kernels.normal import Rows

_POWER_ITERATIONS = 5
_AT_ONCE = 2**20  # pixels of coil images: 8 MB, which a processor's cache holds


@dataclass(frozen=True, eq=False)
class ForwardModel:
    """A x = M F (S x), with F centred and orthonormal along `dims`.

    sensitivities: complex64 (..., coils, rows, columns).
    mask: bool, broadcastable to (rows, columns); (1, columns) for sampled lines. Each row of hybrid data may have its
    own lines. The masks of a batch that differ are (..., 1, 1 or rows, columns), with an axis for the coils.
    dims: (-1,) for hybrid data (lines), (-2, -1) for k-space (2-D patterns).

    Images are (..., rows, columns), data (..., coils, rows, columns), complex64. Batch axes broadcast.
    """

    sensitivities: Tensor
    mask: Tensor
    dims: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of an image."""
        rows, columns = self.sensitivities.shape[-2:]
        return rows, columns

    def forward(self, image: Tensor) -> Tensor:
        """A x: image (..., rows, columns) to data (..., coils, rows, columns)."""
        return self.mask * fourier.fft(self.sensitivities * image.unsqueeze(-3), self.dims)

    def adjoint(self, data: Tensor) -> Tensor:
        """A^H y: data (..., coils, rows, columns) to image (..., rows, columns)."""
        return coil_combined(self.coil_images(data), self.sensitivities)

    def misfit(self, image: Tensor, data: Tensor) -> Tensor:
        """||A x - M y|| / ||M y||: image (..., rows, columns), data y (..., coils, rows, columns) to real (...).

        If all samples are zero, it is ||A x||.
        """
        sampled = self.mask * data
        size = data_norm(sampled)
        return data_norm(self.forward(image) - sampled) / torch.where(size > 0, size, 1.0)

    def normal(self, image: Tensor) -> Tensor:
        """A^H A x; differentiable in the image without keeping any coil image."""
        if self.sensitivities.requires_grad:
            return self.adjoint(self.forward(image))
        result: Tensor = _Normal.apply(image, self)
        return result

    @cached_property
    def fused(self) -> "tuple[Rows, ...] | None":
        """What the fused kernels of `kernels` need, for each batch item of the sensitivities.

        None where they don't apply: 2-D or several masks, GPU, other precision, a machine without numba.
        """
        s = self.sensitivities
        if (
            self.dims != (-1,)
            or self.mask.shape[-2] != 1
            or self.mask.shape[:-2].numel() != 1
            or s.device.type != "cpu"
            or s.dtype != torch.complex64
            or s.requires_grad
        ):
            return None
        try:
            from ..kernels import normal
        except ImportError:
            return None
        lines = self.mask.reshape(-1).numpy()
        items = s.detach().resolve_conj().contiguous().reshape(-1, *s.shape[-3:]).numpy()
        return tuple(normal.prepare(item, lines) for item in items)

    @cached_property
    def support(self) -> Tensor:
        """The pixels to which any coil is sensitive, sum_i |S_i|^2 > 0: bool (..., rows, columns)."""
        return (self.sensitivities != 0).any(-3)

    @cached_property
    def eigenvalue_bound(self) -> Tensor:
        """The largest sum_i |S_i|^2, real (..., 1, 1), which no eigenvalue of A^H A exceeds; 1 if all are zero.

        Step sizes must rely on this bound: where sensitivities have a random phase, a power iteration may miss the
        largest eigenvalue.
        """
        bound = self.sensitivities.abs().square().sum(-3).amax((-2, -1))[..., None, None]
        return torch.where(bound > 0, bound, torch.ones_like(bound))

    @cached_property
    def largest_eigenvalue(self) -> Tensor:
        """About L, the largest eigenvalue of A^H A, from below, real (..., 1, 1).

        Five power iterations begin at an image of ones, which is close where sensitivities are smooth, since a smooth
        image lies in the ACS. With four coils of random phase they end 15% below L.
        """
        batch = self.sensitivities.shape[:-3]
        if self.fused is not None:
            from ..kernels.normal import largest_eigenvalue

            values = [largest_eigenvalue(rows, _POWER_ITERATIONS) or 1.0 for rows in self.fused]
            return torch.tensor(values, dtype=self.sensitivities.real.dtype).reshape(*batch, 1, 1)
        with torch.no_grad():
            image = torch.ones((*batch, *self.shape), dtype=self.sensitivities.dtype, device=self.sensitivities.device)
            for _ in range(_POWER_ITERATIONS):
                image = self.normal(image / _norm(image))
            return _norm(image)

    def coil_images(self, data: Tensor) -> Tensor:
        """F^-1 M y: data to one image per coil, (..., coils, rows, columns)."""
        return fourier.ifft(self.mask * data, self.dims)


class _Normal(torch.autograd.Function):
    """A^H A with itself as its backward pass."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, model: ForwardModel) -> Tensor:
        ctx.model, ctx.shape = model, image.shape
        batch = model.sensitivities.shape[:-3]
        if image.dtype == torch.complex64 and batch in ((), image.shape[:-2]) and model.fused is not None:
            from ..kernels import normal

            images = image.resolve_conj().contiguous().reshape(-1, *model.shape).numpy()
            return torch.from_numpy(normal.normal_images(images, model.fused)).reshape(image.shape)
        # Circular shifts commute with F^H M F, so the plain transforms do.
        mask = torch.fft.ifftshift(model.mask, model.dims)
        image = image.expand(torch.broadcast_shapes(image.shape[:-2], batch, mask.shape[:-3]) + model.shape)
        result = torch.zeros_like(image, dtype=torch.promote_types(image.dtype, model.sensitivities.dtype))
        for maps in model.sensitivities.split(max(1, _AT_ONCE // max(1, image.numel())), -3):
            spectrum = torch.fft.fftn(maps * image.unsqueeze(-3), dim=model.dims).mul_(mask)
            result += torch.fft.ifftn(spectrum, dim=model.dims).mul_(maps.conj()).sum(-3)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.model.normal(gradients[0]).sum_to_size(ctx.shape), None


def _norm(image: Tensor) -> Tensor:
    """The 2-norm of an image, real (..., 1, 1), and 1 for a zero image."""
    norm = torch.linalg.vector_norm(image, dim=(-2, -1), keepdim=True)
    return torch.where(norm > 0, norm, torch.ones_like(norm))


def data_norm(data: Tensor) -> Tensor:
    """||y|| over coils, rows and columns: (..., coils, rows, columns) to real (...).

    torch's norm adds the squares up one by one: in single precision it is 0.3% too small for 32 coils of 640x372.
    """
    return (data.real.square() + data.imag.square()).sum((-3, -2, -1)).sqrt()


def coil_norms(data: Tensor) -> Tensor:
    """||y_i|| of each coil: (..., coils, rows, columns) to real (..., coils); as exact as `data_norm`."""
    return torch.view_as_real(data).square().sum((-3, -2, -1)).sqrt()


def coil_combined(coil_images: Tensor, sensitivities: Tensor) -> Tensor:
    """S^H x = sum_i conj(S_i) x_i: two (..., coils, rows, columns) to complex (..., rows, columns)."""
    return (sensitivities.conj() * coil_images).sum(-3)


def root_sum_of_squares(coil_images: Tensor) -> Tensor:
    """sqrt(sum_i |x_i|^2) over the coil axis: (..., coils, rows, columns) to real (..., rows, columns).

    The gradient at zero is zero, so that it can be attacked.
    """
    power = coil_images.real.square().sum(-3) + coil_images.imag.square().sum(-3)
    positive = power > 0
    return torch.where(positive, torch.sqrt(torch.where(positive, power, 1.0)), 0.0)
