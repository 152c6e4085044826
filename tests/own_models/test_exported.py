"""Programs of torch.export: their inputs, their gradient, older files, and what is none."""

import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._export.serde.serialize import serialize

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.errors import ModelError, PackageWarning, WeightsError
from napari_recon_robust.reconstructors import registry

KINDS = "state_dict", "constants", "example_inputs"
FOLDERS = "weights", "constants", "sample_inputs"


class Combine(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(2.0))

    def forward(self, mask: torch.Tensor, kspace: torch.Tensor, sensitivities: torch.Tensor) -> torch.Tensor:
        coils = torch.fft.ifftshift(mask * kspace, (-2, -1))
        coils = torch.fft.fftshift(torch.fft.ifft2(coils, norm="ortho"), (-2, -1))
        return self.gain * (sensitivities.conj() * coils).sum(0)


class Double(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return 2 * image


class Wrong(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x


def save(module: torch.nn.Module, examples: tuple[torch.Tensor, ...], path: Path) -> Path:
    torch.export.save(torch.export.export(module, examples), path)
    return path


@pytest.fixture(scope="module")
def combine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 4 coils and 48 x 48 points."""
    kspace = torch.randn(4, 48, 48, dtype=torch.complex64)
    examples = torch.rand(48, 48) < 0.5, kspace, kspace.clone()
    return save(Combine(), examples, tmp_path_factory.mktemp("exported") / "combine.pt2")


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = torch.zeros(1, 48, 48, dtype=torch.complex64)
    return save(Double(), (image,), tmp_path_factory.mktemp("exported") / "double.pt2")


def test_inputs_are_found_by_their_names_and_the_gradient_flows(combine: Path, lines: Measurement) -> None:
    method = registry.get(str(combine))
    expected = 2 * lines.model.adjoint(lines.data)
    torch.testing.assert_close(method(lines), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    assert method.gives_gradient(lines)
    assert method.id == "combine.pt2"
    assert len(method.fingerprint()["combine.pt2"]) == 64


class Counting(torch.nn.Module):
    """Changes what it holds in each call, as a buffer, a frozen weight, a plain tensor, or a view of a weight."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, calls = kind, torch.ones(2)
        if kind == "buffer":
            self.register_buffer("calls", calls)
        else:
            self.calls = calls if kind == "constant" else torch.nn.Parameter(calls, requires_grad=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            (self.calls.view(-1) if self.kind == "view" else self.calls).add_(1)
        return image * self.calls[0]


@pytest.mark.parametrize("kind", ["buffer", "weight", "constant", "view"])
def test_what_a_program_writes_is_gone_in_the_next_call(kind: str, tmp_path: Path, lines: Measurement) -> None:
    image = torch.zeros(48, 48, dtype=torch.complex64)
    method = registry.get(str(save(Counting(kind), (image,), tmp_path / "counting.pt2")))
    first = method(lines)
    assert first.any()
    assert torch.equal(method(lines), first)


def test_its_parameters_are_counted(combine: Path, double: Path) -> None:
    assert registry.get(str(combine)).parameters == 1
    assert registry.get(str(double)).parameters == 0


def test_a_batch_axis_of_one_is_filled(double: Path, lines: Measurement) -> None:
    image = registry.get(str(double))(lines)
    torch.testing.assert_close(image, 2 * lines.combined, rtol=1e-4, atol=1e-5 * float(image.abs().max()))


def test_one_coil_for_a_network_of_four(combine: Path, lines: Measurement) -> None:
    single = Measurement(lines.kspace[:1], lines.mask, lines.matrix)
    with pytest.raises(ModelError, match="takes kspace of 4 × 48 × 48 .complex64., and this slice has 1 × 48 × 48"):
        registry.get(str(combine))(single)


def test_inputs_of_other_names_or_without_influence(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="takes x; inputs named kspace, mask"):
        registry.get(str(save(Wrong(), (torch.zeros(8, 8),), tmp_path / "wrong.pt2")))
    kspace = torch.randn(4, 48, 48, dtype=torch.complex64)
    shared = save(Combine(), (torch.rand(48, 48) < 0.5, kspace, kspace), tmp_path / "shared.pt2")
    with pytest.raises(WeightsError, match="makes no use of its k-space"):
        registry.get(str(shared))


def older(module: torch.nn.Module, examples: tuple[torch.Tensor, ...], path: Path, layout: str) -> Path:
    """As torch wrote it before 2.8 ("top"), and 2.8 itself ("folders")."""
    parts = serialize(torch.export.export(module, examples))
    places = {
        "top": ("serialized_exported_program.json", *(f"serialized_{kind}.pt" for kind in KINDS)),
        "folders": ("x/models/model.json", *(f"x/data/{folder}/model.pt" for folder in FOLDERS)),
    }[layout]
    contents = parts.exported_program, parts.state_dict, parts.constants, parts.example_inputs
    with zipfile.ZipFile(path, "w") as archive:
        for place, content in zip(places, contents, strict=True):
            archive.writestr(place, content)
        archive.writestr(*(("version", "8.8") if layout == "top" else ("x/archive_format", "pt2")))
    return path


@pytest.mark.parametrize("layout", ["top", "folders"])
def test_files_of_older_versions_of_torch(lines: Measurement, tmp_path: Path, layout: str) -> None:
    kspace = torch.randn(4, 48, 48, dtype=torch.complex64)
    examples = torch.rand(48, 48) < 0.5, kspace, kspace.clone()
    method = registry.get(str(older(Combine(), examples, tmp_path / "older.pt2", layout)))
    expected = 2 * lines.model.adjoint(lines.data)
    torch.testing.assert_close(method(lines), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_a_constant_among_the_arguments_stays_as_it_was(lines: Measurement, tmp_path: Path) -> None:
    class Scaled(torch.nn.Module):
        def forward(self, image: torch.Tensor, mask: None, factor: float) -> torch.Tensor:
            return factor * image

    examples: tuple[object, ...] = torch.zeros(48, 48, dtype=torch.complex64), None, 3.0
    torch.export.save(torch.export.export(Scaled(), examples), tmp_path / "scaled.pt2")
    torch.testing.assert_close(registry.get(str(tmp_path / "scaled.pt2"))(lines), 3 * lines.combined)


def test_dynamic_sizes_are_formulas(tmp_path: Path, lines: Measurement) -> None:
    program = torch.export.export(
        Double(),
        (torch.zeros(20, 24, dtype=torch.complex64),),
        dynamic_shapes=[(torch.export.Dim("rows", max=512), torch.export.Dim("columns", max=512))],
    )
    torch.export.save(program, tmp_path / "any.pt2")
    assert registry.get(str(tmp_path / "any.pt2"))(lines).shape == (48, 48)


def test_truncated_and_other_files(double: Path, tmp_path: Path) -> None:
    content = double.read_bytes()
    for number, wrong in enumerate((content[: len(content) // 2], b"", b"hello")):
        path = tmp_path / f"wrong{number}.pt2"
        path.write_bytes(wrong)
        with pytest.raises(WeightsError, match=f"wrong{number}.pt2 cannot be read as a program of torch.export"):
            registry.get(str(path))
    with zipfile.ZipFile(tmp_path / "zip.pt2", "w") as archive:
        archive.writestr("a.txt", "b")
    with pytest.raises(WeightsError, match="cannot be read as a program of torch.export"):
        registry.get(str(tmp_path / "zip.pt2"))
    with pytest.raises(WeightsError, match="no file"):
        registry.get(str(tmp_path / "missing.pt2"))


class Dropping(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.share = torch.nn.Dropout(0.5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():  # a region of the graph, in which the operator is
            return torch.complex(self.share(image.real), image.imag)


@pytest.mark.parametrize("decomposed", [False, True])
def test_dropout_is_told_unless_it_was_exported_for_use(tmp_path: Path, decomposed: bool) -> None:
    image = (torch.zeros(1, 48, 48, dtype=torch.complex64),)
    for training in (True, False):
        path = tmp_path / f"{training}.pt2"
        program = torch.export.export(Dropping().train(training), image)
        torch.export.save(program.run_decompositions() if decomposed else program, path)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            registry.get(str(path))
        said = [str(one.message) for one in told if one.category is PackageWarning]
        assert [f"{path.name} draws random numbers" in one for one in said] == [True] * training


class Normalising(torch.nn.Module):
    def __init__(self, kind: Any, keeps: bool) -> None:
        super().__init__()
        self.norm = kind(1, track_running_stats=keeps)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return torch.complex(self.norm(image.real[None])[0], image.imag)


@pytest.mark.parametrize("kind", [torch.nn.BatchNorm2d, torch.nn.InstanceNorm2d])
@pytest.mark.parametrize("decomposed", [False, True])
@pytest.mark.parametrize(("training", "keeps", "told"), [(True, True, 1), (False, True, 0), (False, False, 0)])
def test_normalisation_is_told_where_it_was_exported_in_training(
    tmp_path: Path, kind: Any, decomposed: bool, training: bool, keeps: bool, told: int
) -> None:
    """One that keeps no statistics of its training normalises by those of the slice as it is meant to."""
    path = tmp_path / "norm.pt2"
    image = (torch.zeros(1, 48, 48, dtype=torch.complex64),)
    program = torch.export.export(Normalising(kind, keeps).train(training), image)
    torch.export.save(program.run_decompositions() if decomposed else program, path)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        registry.get(str(path))
    said = [str(one.message) for one in warned if one.category is PackageWarning]
    words = "norm.pt2 normalises by the statistics of each slice, as networks do in training"
    assert said == [f"{words}; export it after model.eval() unless this is meant."] * told


class Several(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"deviation": image.abs(), "image": image * 2}


def test_a_program_of_several_outputs_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    path = save(Several(), (torch.zeros(48, 48, dtype=torch.complex64),), tmp_path / "several.pt2")
    with pytest.raises(WeightsError, match=r"several.pt2 returns 2 values, by themselves or in a list or dictionary; "):
        registry.get(str(path))
