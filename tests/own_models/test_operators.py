"""Ordinary networks, exported and opened again, give the image that the module itself gives."""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.errors import ModelError
from napari_recon_robust.own_models.model import ModelInput
from napari_recon_robust.reconstructors import registry

AUTO = torch.export.Dim.AUTO


def channels(image: Tensor) -> Tensor:
    """(1, 2, rows, columns)."""
    return torch.view_as_real(image).permute(2, 0, 1)[None]


def combined(x: Tensor) -> Tensor:
    return torch.view_as_complex(x[0].permute(1, 2, 0).contiguous())


class Convolutions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(2, 6, 3, padding="same"), nn.BatchNorm2d(6), nn.ReLU(inplace=True)),
            *(nn.Conv2d(6, 6, 3, padding=1, groups=2), nn.PReLU(), nn.Dropout2d(0.5)),
            *(nn.Conv2d(6, 2, 1), nn.LeakyReLU(0.2, inplace=True), nn.Softplus()),
        )

    def forward(self, image: Tensor) -> Tensor:
        return image + combined(self.layers(channels(image)))


class UNet(nn.Module):
    """Padded to a multiple of two, one level, cropped again."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(2, 4, 3, padding=1), nn.InstanceNorm2d(4)
        self.second, self.up = nn.Conv2d(4, 8, 3, padding=1), nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.last = nn.Conv2d(8, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        x = channels(image)
        rows, columns = x.shape[-2:]
        scale = x.std() + 1e-6
        x = F.pad(x / scale, (1, 1 + columns % 2, 1, 1 + rows % 2))
        x = F.leaky_relu(self.norm(self.first(x)), 0.2)
        below = self.up(F.relu(self.second(F.avg_pool2d(x, 2))))
        x = self.last(torch.cat((x, below), 1))[..., 1 : rows + 1, 1 : columns + 1]
        return combined(x * scale)


class Unrolled(nn.Module):
    """Gradient steps on the data term, FFTs of complex coils."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.Parameter(torch.tensor([0.5, 0.7]))

    def forward(self, kspace: Tensor, mask: Tensor, sensitivities: Tensor) -> Tensor:
        x = torch.zeros_like(sensitivities[0])
        for step in self.steps:
            coils = torch.fft.ifftshift(sensitivities * x, (-2, -1))
            residual = torch.fft.fftshift(torch.fft.fft2(coils, norm="ortho"), (-2, -1)) - kspace
            residual = torch.where(mask, residual, torch.zeros((), dtype=residual.dtype))
            coils = torch.fft.fftshift(torch.fft.ifft2(torch.fft.ifftshift(residual, (-2, -1)), norm="ortho"), (-2, -1))
            x = x - step * torch.einsum("crk,crk->rk", sensitivities.conj(), coils)
        return x


class Resampling(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        x = channels(image)
        total = x
        for mode in ("nearest", "nearest-exact", "bilinear", "bicubic"):
            low = F.interpolate(x, scale_factor=0.5, mode=mode)
            total = total + F.interpolate(low, size=x.shape[-2:], mode=mode)
        for mode in ("reflect", "replicate", "circular", "constant"):
            total = total + F.pad(x, (2, 2, 1, 1), mode=mode)[..., 1:-1, 2:-2]
        shuffled = F.pixel_shuffle(F.pixel_unshuffle(x, 2), 2)
        blocks = F.fold(F.unfold(x, 4, stride=4), x.shape[-2:], 4, stride=4)
        return combined(total + shuffled + blocks + F.adaptive_avg_pool2d(x, (1, 1)) + F.max_pool2d(x, 3, 1, 1))


class Normalized(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.group, self.layer, self.linear = nn.GroupNorm(1, 2), nn.LayerNorm(48), nn.Linear(48, 48)
        self.weighted = nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 2, 1))

    def forward(self, image: Tensor) -> Tensor:
        x = F.dropout(self.layer(self.group(channels(image))), 0.5, self.training)
        x = F.gelu(self.linear(x), approximate="tanh") + F.silu(x) * torch.sigmoid(x) + F.elu(x) + F.hardtanh(x)
        return combined(self.weighted(F.normalize(x, dim=1)) + F.softmax(x, -1) + F.log_softmax(x, -2))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.MultiheadAttention(48, 4, batch_first=True)
        self.embedding = nn.Embedding(48, 48)

    def forward(self, image: Tensor) -> Tensor:
        x = torch.view_as_real(image).movedim(-1, 0) + self.embedding(torch.arange(image.shape[0]))
        x = x + self.heads(x, x, x, need_weights=False)[0]
        return torch.complex(*F.scaled_dot_product_attention(x, x, x))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.GRU(48, 48, batch_first=True)

    def forward(self, image: Tensor) -> Tensor:
        x, _ = self.cells(image.abs()[None, :8])
        return (
            x[0].repeat(image.shape[0] // 8, 1)
            + F.conv1d(image.abs()[:, None], torch.ones(1, 1, 3), padding="same")[:, 0]
        )


class LinearAlgebra(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        u, s, v = torch.linalg.svd(image, full_matrices=False)
        low = (u[:, :8] * s[:8]) @ v[:8]
        gram = image.mH @ image + 0.1 * torch.linalg.norm(image) ** 2 * torch.eye(image.shape[1])
        solved = torch.linalg.solve(gram, image.mH).mH
        powers = torch.linalg.eigvalsh(gram).sum() / torch.linalg.vector_norm(gram, ord=1)
        powers = powers + torch.linalg.slogdet(gram)[1]
        return low + solved + powers + torch.linalg.inv(gram)[0, 0] + torch.linalg.matrix_norm(image, "nuc")


class Grids(nn.Module):
    """New tensors, types and indices."""

    def forward(self, image: Tensor) -> Tensor:
        rows, columns = image.shape
        y, x = torch.meshgrid(torch.linspace(-1, 1, rows), torch.arange(columns) / columns, indexing="ij")
        window = torch.hann_window(rows)[:, None] * torch.ones(columns) * torch.full((1,), 0.5)
        moved = F.grid_sample(
            channels(image), torch.stack((x, y), -1)[None].float(), mode="bilinear", align_corners=False
        )
        order = torch.argsort(image.abs().sum(0))
        total = combined(moved) + window * image[:, order].roll(3, 1).flip(0) + torch.eye(rows, columns)
        near = (torch.hypot(x, y) < 0.5) & (x > 0) | ~(y > 0)
        total = torch.where(near, total, total.clamp_(0) if not total.is_complex() else total / 2)
        top, places = image.abs().topk(3, dim=1)
        total = total.index_add(0, torch.tensor([0, 1]), total[:2]) + torch.zeros(rows, columns).scatter(1, places, top)
        parts = torch.split(total, 16), total.chunk(3, 1), total.unbind(0)
        return torch.cat(parts[0]) + torch.cat(parts[1], 1) + torch.stack(parts[2]).to(torch.complex64).cumsum(0)


class Regions(nn.Module):
    """Parts without gradients and in half precision, constants, and buffers of both kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(2, 2, 1)
        self.register_buffer("window", torch.hann_window(48))
        self.register_buffer("offset", torch.ones(3), persistent=False)
        self.constant = torch.arange(3.0)

    def forward(self, image: Tensor) -> Tensor:
        x = channels(image)
        with torch.no_grad():
            scale, least = x.abs().amax(), x.min()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = self.layer(x / scale)
        return combined(y.float() * scale) * self.window + least + (self.offset * self.constant).sum()


class InPlace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, kspace: Tensor) -> Tensor:
        self.calls += 1
        kspace *= 2
        kspace[:, 0] = 0
        return self.calls * kspace.abs().pow_(2).sum(0).sqrt_()


class Arithmetic(nn.Module):
    """Of sizes."""

    def forward(self, image: Tensor) -> Tensor:
        rows, columns = image.shape
        flat = image.reshape(rows * columns)
        half = flat[: (rows * columns + 1) // 2].sum() / (rows * columns)
        bands = max(rows // 4, 2) - columns // 3
        return image + half * bands * rows**2


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    kind.__name__: kind
    for kind in (
        *(Convolutions, UNet, Unrolled, Resampling, Normalized, Attention, Recurrent, LinearAlgebra, Grids),
        *(Regions, InPlace, Arithmetic),
    )
}
DYNAMIC = ("Convolutions", "UNet", "Unrolled", "LinearAlgebra", "Arithmetic")


def arguments(network: nn.Module, measurement: Measurement) -> tuple[Tensor, ...]:
    names: list[str] = list(network.forward.__code__.co_varnames[1 : network.forward.__code__.co_argcount])
    return tuple(getattr(ModelInput(measurement), name).clone() for name in names)


Exported = Callable[[str, bool], tuple[nn.Module, torch.export.ExportedProgram]]


@pytest.fixture(scope="module")
def exported(lines: Measurement) -> Exported:
    """A network and the program that it is exported as, once for each name and kind of sizes."""

    @cache
    def export(name: str, dynamic: bool) -> tuple[nn.Module, torch.export.ExportedProgram]:
        torch.manual_seed(0)
        network = NETWORKS[name]().eval().requires_grad_(False)
        examples = tuple(torch.randn(one.shape).to(one.dtype) for one in arguments(network, lines))
        sizes: Any = tuple((AUTO,) * one.ndim for one in examples) if dynamic else None
        if dynamic:
            examples = tuple(one[..., :36, :40].clone() for one in examples)
        return network, torch.export.export(network, examples, dynamic_shapes=sizes)

    return export


@pytest.mark.filterwarnings("ignore")  # torch's own, on what it exports
@pytest.mark.parametrize(
    ("name", "dynamic", "decomposed"),
    [
        *((name, False, False) for name in NETWORKS),
        *(pytest.param(name, True, False, marks=pytest.mark.slow) for name in DYNAMIC),
        *(
            pytest.param(name, name in DYNAMIC, True, marks=pytest.mark.thorough)
            for name in NETWORKS
            if name != "LinearAlgebra"
        ),
    ],
)
def test_an_ordinary_network_gives_its_own_image(
    name: str, dynamic: bool, decomposed: bool, lines: Measurement, exported: Exported, tmp_path: Path
) -> None:
    network, program = exported(name, dynamic)
    torch.export.save(program.run_decompositions() if decomposed else program, tmp_path / "network.pt2")
    method = registry.get(str(tmp_path / "network.pt2"))
    network = deepcopy(network)  # one of them counts its calls
    with torch.no_grad():
        expected = network(*arguments(network, lines)).to(torch.complex64)
        before = lines.kspace.clone()
        for _ in range(2):  # what a run leaves in a buffer or an input is not there in the next
            image = method(lines)
            torch.testing.assert_close(image, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))
    assert torch.equal(lines.kspace, before)


def test_other_sizes_than_it_was_exported_for(lines: Measurement, tmp_path: Path) -> None:
    """Rows a multiple of two within limits, columns that equal the rows: what torch's own module would refuse."""
    twice, free = 2 * torch.export.Dim("half", max=20), torch.export.Dim("columns", max=100)
    for name, sizes, words in (
        ("limit", (twice, free), "half|s[0-9]+ <= 20, and it is 24"),
        ("even", (AUTO, AUTO), r"image\[0\]"),
    ):
        network = Halved() if name == "even" else Double()
        program = torch.export.export(network, (torch.zeros(20, 24, dtype=torch.complex64),), dynamic_shapes=[sizes])
        torch.export.save(program, tmp_path / f"{name}.pt2")
        method = registry.get(str(tmp_path / f"{name}.pt2"))
        measurement = lines if name == "limit" else Measurement(lines.kspace[:, 1:], lines.mask[:, :], (47, 48))
        with pytest.raises(ModelError, match=f"exported for other sizes than this slice has .*{words}"):
            method(measurement)


class Double(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return 2 * image


class Halved(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return 2 * image if image.shape[0] % 2 == 0 else image
