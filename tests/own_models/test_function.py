"""Functions of scripts and modules: what they are given, what they may return, and what is said otherwise."""

import importlib
import sys
from hashlib import sha256
from pathlib import Path

import pytest
import torch

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError, ModelError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations.noise.worst_case import WorstCase
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Reconstructor

IFFT = "lambda k: torch.fft.fftshift(torch.fft.ifft2(torch.fft.ifftshift(k, (-2, -1)), norm='ortho'), (-2, -1))"


def script(folder: Path, body: str, annotation: str = "", before: str = "") -> Reconstructor:
    """That body as the function of a script, with other lines before it."""
    path = folder / "mine.py"
    path.write_text(
        f"import numpy as np\nimport torch\nifft = {IFFT}\n{before}"
        f"def reconstruct(kspace{annotation}, mask, sensitivities):\n    {body}\n",
        encoding="utf-8",
    )
    return registry.get(str(path))


def test_the_parameters_of_the_networks_that_a_script_has_at_its_top_are_counted_once(tmp_path: Path) -> None:
    networks = "network = torch.nn.Linear(3, 2)\nsame = torch.nn.Sequential(network)\nlazy = torch.nn.LazyLinear(2)\n"
    assert script(tmp_path, "return kspace[0]", before=networks).parameters == 8
    assert script(tmp_path, "return kspace[0]").parameters is None


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["lines", "plane"])
def test_kspace_mask_and_sensitivities_are_those_of_the_slice(
    tmp_path: Path, pattern: str, request: pytest.FixtureRequest
) -> None:
    """S^H F^-1 k is the adjoint of the forward model, and S^H F^-1 M k the same."""
    measurement: Measurement = request.getfixturevalue(pattern)
    method = script(tmp_path, "return (sensitivities.conj() * ifft(mask * kspace)).sum(0)")
    expected = measurement.crop(measurement.model.adjoint(measurement.data))
    torch.testing.assert_close(method(measurement), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    assert method.id == "mine.py"
    assert method.gives_gradient(measurement)


def test_oversampling_is_removed_and_the_image_may_be_cropped_or_not(tmp_path: Path, lines: Measurement) -> None:
    cropped = Measurement(lines.kspace, lines.mask, (24, 40), kept=None)
    whole = script(tmp_path, "return (sensitivities.conj() * ifft(kspace)).sum(0)")
    assert whole(cropped).shape == (24, 40)
    part = script(tmp_path, "return (sensitivities.conj() * ifft(kspace)).sum(0)[:, 4:-4]")
    torch.testing.assert_close(part(cropped), whole(cropped))


@pytest.mark.parametrize("annotation", ["", ": np.ndarray"], ids=["torch", "numpy"])
@pytest.mark.parametrize("pattern", ["lines", "plane"])
def test_what_a_model_changes_in_place_is_not_the_measurement(
    tmp_path: Path, pattern: str, annotation: str, request: pytest.FixtureRequest
) -> None:
    """Or all methods after it would reconstruct, and be judged by, something else."""
    measurement: Measurement = request.getfixturevalue(pattern)
    parts = measurement.kspace, measurement.mask, measurement.calibration.sensitivities
    before = [part.clone() for part in parts]
    body = "image = abs(kspace).sum(0); kspace *= 2; mask[:] = True; sensitivities *= 0.5; return image"
    script(tmp_path, body, annotation)(measurement)
    assert all(torch.equal(part, was) for part, was in zip(parts, before, strict=True))


SETTINGS = (
    "torch.set_default_dtype(torch.float64); torch.set_num_threads(3); torch.set_grad_enabled(False)"
    "; torch.set_default_device('meta')"
)


@pytest.mark.parametrize("place", ["script", "call", "failing call", "failing script"])
def test_what_a_script_sets_for_the_whole_process_ends_with_it(tmp_path: Path, lines: Measurement, place: str) -> None:
    """Or networks of other methods would fail, in the type that it set."""

    def settings() -> tuple[object, ...]:
        dtype, device = torch.get_default_dtype(), torch.get_default_device()
        return dtype, torch.get_num_threads(), torch.is_grad_enabled(), device

    def use() -> None:
        raises = "; raise ValueError" if place.startswith("failing") else ""
        within = SETTINGS + raises if place.endswith("call") else "assert torch.ones(1).is_meta"
        before = f"{SETTINGS}{raises}\n" if place.endswith("script") else ""
        script(tmp_path, f"{within}\n    return abs(kspace).sum(0)", before=before)(lines)

    was = settings()
    try:
        if place.startswith("failing"):
            with pytest.raises(ModelError, match="ValueError"):
                use()
        else:
            use()
        assert settings() == was
    finally:
        torch.set_default_dtype(was[0])
        torch.set_num_threads(was[1])
        torch.set_grad_enabled(was[2])
        torch.set_default_device(None)


def test_what_a_model_prints_is_not_the_answer_of_a_command(
    tmp_path: Path, lines: Measurement, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --json that is what a program reads."""
    body = "print('called')\n    return abs(kspace).sum(0)"
    script(tmp_path, body, before="print('imported')\n")(lines)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "imported\ncalled\n")


def test_a_script_computes_in_the_default_type_that_it_set(tmp_path: Path, lines: Measurement) -> None:
    body = "assert torch.ones(1).dtype == torch.float64\n    return abs(kspace).sum(0)"
    method = script(tmp_path, body, before="torch.set_default_dtype(torch.float64)\n")
    assert torch.get_default_dtype() == torch.float32
    assert method(lines).shape == lines.matrix


def test_a_batch_is_a_loop(tmp_path: Path, lines: Measurement) -> None:
    method = script(tmp_path, "assert kspace.ndim == 3\n    return (sensitivities.conj() * ifft(kspace)).sum(0).abs()")
    batch = lines.with_kspace(torch.stack((lines.kspace, 2 * lines.kspace)))
    images = method(batch)
    assert images.dtype == torch.complex64
    torch.testing.assert_close(images[1], 2 * images[0])
    torch.testing.assert_close(images[0], method(lines))


def test_numpy_where_the_annotation_says_so(tmp_path: Path, lines: Measurement) -> None:
    body = "assert type(kspace) is type(mask) is np.ndarray\n    return np.abs(kspace).sum(0)"
    method = script(tmp_path, body, ": np.ndarray")
    assert method(lines).shape == lines.matrix
    assert not method.gives_gradient(lines)


def test_a_script_may_have_its_suffix_in_capitals(tmp_path: Path, lines: Measurement) -> None:
    method = script(tmp_path, "return ifft(kspace).abs().sum(0)")
    (tmp_path / "OTHER.PY").write_bytes((tmp_path / "mine.py").read_bytes())
    torch.testing.assert_close(registry.get(str(tmp_path / "OTHER.PY"))(lines), method(lines))


def test_a_gradient_that_is_cut_is_found_out(tmp_path: Path, lines: Measurement) -> None:
    method = script(tmp_path, "return (sensitivities.conj() * ifft(kspace.detach())).sum(0)")
    assert not method.gives_gradient(lines)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("kspace = torch.from_numpy(kspace.numpy())", "ended in RuntimeError: Can't call numpy"),
        ("kspace = Backless.apply(kspace)", "ended in RuntimeError: none here"),
        ("kspace = kspace * (0 * kspace.real).sqrt().add(1)", "hold NaN"),
        ("kspace = kspace.detach()", "does not depend on the k-space in torch"),
        ("kspace = 2 * kspace.detach() - kspace", "do not agree with what small changes of the samples do"),
        ("kspace = kspace.detach() + 0.1 * (kspace - kspace.detach())", "do not agree with what small changes"),
    ],
)
def test_a_model_without_gradients_is_searched_without_them_and_the_result_says_why(
    tmp_path: Path, lines: Measurement, body: str, why: str
) -> None:
    class_ = (
        "class Backless(torch.autograd.Function):\n"
        "    forward = staticmethod(lambda ctx, x: x.clone())\n"
        "    @staticmethod\n"
        "    def backward(ctx, gradient):\n"
        "        raise RuntimeError('none here')\n"
    )
    method = script(tmp_path, f"{body}\n    return (sensitivities.conj() * ifft(kspace)).sum(0)", before=class_)
    roi = ROI.box(18, 18, 12, 12)
    (found,) = run(WorstCase().run(lines, method, roi, (0.02,), evaluations=1))
    assert found.details["algorithm"] == "black-box"
    assert "without gradients, since the method gives none (" in found.statement
    assert why in found.statement
    with pytest.raises(InputError, match=f"gives no gradients .*{why}.* which sphere-ascent needs"):
        WorstCase().run(lines, method, roi, (0.02,), algorithm="sphere-ascent")


GRADIENTS = {
    "network": "scale = abs(x).max().detach(); x = network((abs(x) / scale)[None])[0] * scale",
    "threshold": "x = x * (abs(x) > 0.1 * abs(x).max())",
    "rounding": "scale = abs(x).max() / 64; x = x + (torch.round(abs(x) / scale) * scale - abs(x)).detach()",
    "random": "x = x * (1 + 0.05 * torch.randn(x.shape))",
    "large bias": "x = abs(x) / abs(x).max() + 1e6",
}


@pytest.mark.parametrize("kind", GRADIENTS)
def test_gradients_of_models_with_edges_or_noise_are_followed(tmp_path: Path, lines: Measurement, kind: str) -> None:
    network = (
        "torch.manual_seed(0)\nnetwork = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3, padding=1), "
        "torch.nn.InstanceNorm2d(4), torch.nn.ReLU(), torch.nn.Conv2d(4, 1, 3, padding=1))\n"
    )
    body = f"x = (sensitivities.conj() * ifft(kspace)).sum(0); {GRADIENTS[kind]}; return x"
    method = script(tmp_path, body, before=network)
    assert method.gives_gradient(lines)


def test_an_image_follows_gradients_only_where_they_are_asked_for(tmp_path: Path, lines: Measurement) -> None:
    """Or what shows or saves it would fail after all was computed: here the network's own parameters want gradients."""
    method = script(tmp_path, "return gain * abs(kspace).sum(0)", before="gain = torch.nn.Parameter(torch.ones(()))\n")
    assert not method(lines).requires_grad
    assert method.gives_gradient(lines)
    body = "loss = gain * 2; loss.backward(); return float(gain.grad) * abs(kspace).sum(0)"
    script(tmp_path, body, before="gain = torch.nn.Parameter(torch.ones(()))\n")(lines)


@pytest.mark.parametrize("first", ["bright", "faint"])
def test_each_slice_has_its_own_answer_on_gradients(tmp_path: Path, lines: Measurement, first: str) -> None:
    """That of the first slice was the answer for all."""
    limit = float(lines.combined.abs().max()) / 2
    body = f"x = (sensitivities.conj() * ifft(kspace)).sum(0); return x if abs(x).max() > {limit} else x.detach()"
    method = script(tmp_path, body)
    slices = {"bright": lines, "faint": lines.with_kspace(lines.kspace / 100, keep=True)}
    for name in (first, "bright", "faint"):
        assert method.gives_gradient(slices[name]) == (name == "bright")
        assert bool(method.no_gradient) == (name == "faint")


@pytest.mark.parametrize("name", ["method", "part", "whole"])
def test_networks_in_a_script_evaluate_however_they_are_named(tmp_path: Path, lines: Measurement, name: str) -> None:
    """Dropout drew at each call of a network's method, and of `functools.partial`."""
    (tmp_path / "drop.py").write_text(
        "import torch\nfrom functools import partial\nfrom torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.drop = nn.Dropout(0.5)\n"
        "    def predict(self, image):\n        return image * self.drop(torch.ones(image.shape))\n"
        "    forward = predict\n"
        "whole = Net()\nmethod = Net().predict\npart = partial(Net.predict, Net())\n"
    )
    method = registry.get(f"{tmp_path / 'drop.py'}:{name}")
    assert torch.equal(method(lines), method(lines))


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_script_may_load_a_network_of_torchscript(tmp_path: Path, lines: Measurement) -> None:
    mine, place = tmp_path / "mine.py", tmp_path / "network.pt"
    mine.write_text(f"import torch\nreconstruct = torch.jit.load({str(place)!r})\n", encoding="utf-8")
    torch.jit.save(torch.jit.trace(torch.nn.Identity(), torch.ones(9, 9)), place)
    with pytest.raises(ModelError, match=r"mine.py takes input; give its parameters the names kspace, mask, sensi"):
        registry.get(str(mine))
    torch.jit.save(torch.jit.script(Masked()), place)
    torch.testing.assert_close(registry.get(str(mine))(lines), lines.combined * lines.sampled)


class Masked(torch.nn.Module):
    """By the names of its parameters."""

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return image * mask


def test_a_model_that_fails_is_not_taken_for_one_without_gradients(tmp_path: Path, lines: Measurement) -> None:
    method = script(tmp_path, "raise ValueError('eight coils expected')")
    with pytest.raises(ModelError, match="raised ValueError .eight coils expected"):
        method.gives_gradient(lines)


@pytest.mark.parametrize("form", ["[::-1, ::-1].copy()[::-1, ::-1]", ".astype('>c16')", ".astype('>f4')"])
def test_arrays_that_torch_does_not_take(tmp_path: Path, lines: Measurement, form: str) -> None:
    method = script(tmp_path, f"return np.abs(kspace).sum(0){form}", ": np.ndarray")
    torch.testing.assert_close(method(lines), lines.kspace.abs().sum(0).to(torch.complex64), check_stride=False)


def test_networks_and_reconstructors_of_a_module(
    tmp_path: Path, lines: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_things.py").write_text(
        "import torch\n"
        "from napari_recon_robust.reconstructors.classical.zero_filled import ZeroFilled\n"
        "class Network(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.gain, self.drop = torch.nn.Parameter(torch.ones(())), torch.nn.Dropout(0.5)\n"
        "    def forward(self, kspace, mask, sensitivities):\n"
        "        return self.drop(self.gain * kspace.abs().sum(0))\n"
        "network = Network()\n"
        "class Filled(ZeroFilled):\n"
        "    id = 'filled'\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    network = registry.get("own_things:network")
    torch.testing.assert_close(network(lines).real, lines.data.new_tensor(0).real + network(lines).real)
    assert not network(lines).requires_grad
    filled = registry.get("own_things:Filled")
    torch.testing.assert_close(filled(lines), registry.get("zero-filled")(lines))
    assert "own_things.py" in filled.fingerprint()


def test_each_slice_keeps_its_image_where_a_model_fills_one_tensor_again(tmp_path: Path, lines: Measurement) -> None:
    """As networks that are run by a CUDA graph do."""
    both = lines.with_kspace(torch.stack([lines.kspace, 2 * lines.kspace]), keep=True)
    filling = script(tmp_path, "return kept.copy_(ifft(kspace)[0])", before="kept = torch.zeros(48, 48) * 1j\n")
    torch.testing.assert_close(filling(both), script(tmp_path, "return ifft(kspace)[0]")(both))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('eight coils expected')", "raised ValueError .eight coils expected. in line 5 of mine.py; "),
        (
            "raise ValueError('eight coils\\nexpected')",
            "it was given kspace .complex64, 4×48×48., mask .bool, 48×48., sens",
        ),
        ("raise ValueError('eight coils\\nexpected')", "raised ValueError .eight coils expected. in line 5"),
        (
            "torch.nn.Conv2d(2, 2, 3).load_state_dict(torch.nn.Conv2d(4, 2, 3).state_dict())",
            "raised RuntimeError .Error.s. in loading state_dict for Conv2d: size mismatch for weight",
        ),
        ("return None", "returned NoneType"),
        ("return ['a']", "returned list"),
        ("return np.array(['a'])", "returned an array of <U1"),
        ("return {'image': kspace[0]}", "was expected: return the image alone"),
        ("return abs(kspace[0]).to_sparse()", "returned a tensor in the layout torch.sparse_coo; return a dense one"),
        ("return kspace[0].to('meta')", "returned a tensor on the device meta; return a dense one"),
        ("return ifft(kspace)", "shape 4×48×48.*an image for each coil"),
        (
            "return torch.view_as_real(ifft(kspace)[0]).movedim(-1, 0)",
            "shape 2×48×48.*real and imaginary parts: make com",
        ),
        ("return torch.view_as_real(ifft(kspace)[0])", "shape 48×48×2.*real and imaginary parts: make complex"),
        ("return torch.view_as_real(ifft(kspace)[:1])", "shape 1×48×48×2.*real and imaginary parts: make complex"),
        ("return torch.zeros(1, 1, 2, 48, 48)", "shape 1×1×2×48×48.*real and imaginary parts: make complex"),
        ("return ifft(kspace)[None]", "shape 1×4×48×48.*an image for each coil"),
        ("return np.zeros((2, 48, 48))", "shape 2×48×48.*real and imaginary parts: make complex"),
        ("return ifft(kspace)[:1]", "shape 1×48×48.*no further axes: drop those of size 1, as by image.0."),
        ("return ifft(kspace)[None, :1]", "shape 1×1×48×48.*no further axes: drop those of size 1, as by image.0, 0."),
        ("return torch.zeros(3, 48, 48)", "shape 3×48×48.*no further axes"),
        ("return ifft(kspace)[0, :40]", "shape 40×48; 48×48 .rows, columns. was expected"),
        ("return ifft(kspace)[0] / 0 * 0", "NaN"),
    ],
)
def test_what_is_no_image_is_a_sentence(tmp_path: Path, lines: Measurement, body: str, words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        script(tmp_path, body)(lines)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "parameters",
    [
        "image",
        "*, image",
        "image, strength=0.1",
        "sensitivities, kspace",
        "kspace, sensitivities, mask=None",
        "kspace, mask, sensitivities, strength=0.1",
        "k, m, s",
        "k, mask, s",
        "k, m, s, strength=0.1",
        "*parts",
    ],
)
@pytest.mark.parametrize("form", ["function", "network"])
def test_parameters_take_what_their_names_say(tmp_path: Path, lines: Measurement, parameters: str, form: str) -> None:
    """Names of the user's own are taken by their places."""
    parts = {"*parts": "s, k = parts[2], parts[0]", "image": "pass"}
    names = [one.partition("=")[0].strip() for one in parameters.split(",")]
    before = parts.get(parameters, "pass" if "image" in names else "")
    if not before:
        k, s = ("kspace", "sensitivities") if "kspace" in names else ("k", "s")
        before = f"k, s = {k}, {s}"
        before += "\n    assert mask.dtype == torch.bool" if "mask" in names else ""
    result = "image" if "image" in names else "(s.conj() * ifft(k)).sum(0)"
    body = f"    {before}\n    return {result}\n"
    if form == "function":
        text = f"def reconstruct({parameters}):\n{body}"
    else:
        text = f"class Network(torch.nn.Module):\n  def forward(self, {parameters}):\n{body}\nreconstruct = Network()\n"
    (tmp_path / "own.py").write_text(f"import torch\nifft = {IFFT}\n{text}", encoding="utf-8")
    expected = lines.crop(lines.model.adjoint(lines.data))
    found = registry.get(str(tmp_path / "own.py"))(lines)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize(
    "parameters",
    ["", "x", "k, mask, num_low_frequencies=None", "k, sensitivities, mask", "k, m, s, *, other"],
)
def test_parameters_that_do_not_tell_what_they_take_are_refused(tmp_path: Path, parameters: str) -> None:
    """One that was given sensitivities for a number of lines would give some image."""
    (tmp_path / "own.py").write_text(f"def reconstruct({parameters}): ...\n", encoding="utf-8")
    with pytest.raises(ModelError, match="give its parameters the names kspace, mask, sensitivities or image by what"):
        registry.get(str(tmp_path / "own.py"))


def test_an_error_names_what_the_function_was_given_and_the_line_of_its_own_code(
    tmp_path: Path, lines: Measurement
) -> None:
    (tmp_path / "deeper.py").write_text("def combine(image):\n\n    return image.reshape(7)\n", encoding="utf-8")
    text = "import numpy as np\nimport deeper\ndef reconstruct(image: np.ndarray):\n    return deeper.combine(image)\n"
    (tmp_path / "own.py").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"\) in line 3 of deeper.py; it was given image \(complex64, 48×48\)\.$"):
        registry.get(str(tmp_path / "own.py"))(lines)


def test_axes_in_the_other_order(tmp_path: Path, lines: Measurement) -> None:
    with pytest.raises(ModelError, match="axes are .columns, rows.: transpose it"):
        script(tmp_path, "return kspace.sum(0).T")(Measurement(lines.kspace, lines.mask, (24, 48)))


KINDS = """
from napari_recon_robust.reconstructors.base import Reconstructor
class Nameless(Reconstructor):
    def reconstruct(self, measurement, **knobs):
        return measurement.crop(measurement.model.adjoint(measurement.data))
class Weighted(Nameless):
    id, label, summary = "weighted", "Weighted", "Of a weight."
    def __init__(self, weight):
        self.weight = weight
class Shipped(Nameless):
    id, label, summary = "cg-sense", "Mine", "Of a shipped id."
"""


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("no_such_package.part:function", "no module 'no_such_package.part'"),
        ("math:sine", "math has no 'sine'; it has acos"),
        ("math:pi", "math:pi is float; a function"),
        (
            "collections:Counter",
            "Counter is a class; make an object of it, as in network = Counter.., and give that",
        ),
        ("other.py", "other.py has no 'reconstruct'; it has f, g: name one, as in other.py:f"),
        ("empty.py", "it has no functions: define 'reconstruct'"),
        ("missing.py", "no file missing.py"),
        ("network.h5", "'network.h5' is no model"),
        ("own.py ", "'own.py ' is no model"),
        ("broken.py", "importing broken.py failed .ZeroDivisionError"),
        ("needs.py", "importing needs.py failed .ModuleNotFoundError.*no_such_neighbour.*; install it"),
        (
            "loads.py",
            "loads.py failed .FileNotFoundError: No such file or directory: nowhere.pt. in line . of loads.py; mend it",
        ),
        (
            "inside/part.py",
            "no known parent.*; start from the folder above inside and name it as a module, as in inside.part:r",
        ),
        (
            "top/inside/part.py",
            "no known parent.*; start from the folder above top and name it as a module, as in top.inside.part:r",
        ),
        (
            "kinds.py:Weighted",
            "Weighted cannot be made without arguments .*'weight'.*object of it there, as in method =",
        ),
        ("kinds.py:Nameless", "kinds.py:Nameless has no id, label, summary; set such texts in its class"),
        (
            "kinds.py:Shipped",
            "kinds.py:Shipped has the id 'cg-sense', which is another method's here; give it an id of",
        ),
    ],
)
def test_what_cannot_be_opened_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, words: str
) -> None:
    (tmp_path / "other.py").write_text("def f(): ...\ndef g(): ...\n", encoding="utf-8")
    (tmp_path / "empty.py").write_text("", encoding="utf-8")
    (tmp_path / "broken.py").write_text("1 / 0\n", encoding="utf-8")
    (tmp_path / "needs.py").write_text("import no_such_neighbour\n", encoding="utf-8")
    (tmp_path / "loads.py").write_text("import torch\ntorch.load('somewhere/nowhere.pt')\n", encoding="utf-8")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "part.py").write_text("from . import other\n", encoding="utf-8")
    (tmp_path / "top" / "inside").mkdir(parents=True)
    (tmp_path / "top" / "inside" / "part.py").write_text("from ..other import f\n", encoding="utf-8")
    (tmp_path / "top" / "other.py").write_text("def f(): ...\n", encoding="utf-8")
    (tmp_path / "kinds.py").write_text(KINDS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception, match=words) as caught:
        registry.get(source)
    assert type(caught.value).__name__ in ("ModelError", "WeightsError")


def test_a_script_that_changed_within_a_second_is_run_anew(tmp_path: Path, lines: Measurement) -> None:
    """Python's cache of compiled files would take it for the old one, by its size and second."""
    first, second = (script(tmp_path, f"return {n} * abs(kspace).sum(0)") for n in (2, 3))
    assert float(second(lines).abs().max() / first(lines).abs().max()) == pytest.approx(1.5)
    assert first.fingerprint() != second.fingerprint()
    assert not list(tmp_path.glob("__pycache__"))


@pytest.mark.parametrize("where", ["helper.py", "parts/__init__.py", "parts/deep.py"])
def test_a_script_is_known_by_what_it_imports_from_its_folder(tmp_path: Path, lines: Measurement, where: str) -> None:
    """Directly or through another of its modules, at its head or where it is used; nothing else that lies there."""
    (tmp_path / "parts").mkdir()
    for name, text in (("parts/__init__.py", ""), ("parts/deep.py", "FACTOR = 2\n"), ("other.py", "1\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "helper.py").write_text("def factor():\n    from parts.deep import FACTOR\n    return FACTOR\n")
    body = "import helper; return helper.factor() * abs(kspace).sum(0)"
    before = script(tmp_path, body)
    known = before.fingerprint()
    assert {"mine.py", "helper.py", "parts/__init__.py", "parts/deep.py"} <= set(known)
    assert "other.py" not in known
    assert script(tmp_path, body).fingerprint() == known
    with (tmp_path / where).open("a", encoding="utf-8") as file:
        file.write("# another text\n")
    assert script(tmp_path, body).fingerprint() != known


def test_what_a_script_imports_is_read_anew_with_it(tmp_path: Path, lines: Measurement) -> None:
    images = []
    (tmp_path / "mine.py").write_text(
        "from my_factor import FACTOR\ndef reconstruct(kspace, mask, sensitivities):\n"
        "    return FACTOR * abs(kspace).sum(0)\n",
        encoding="utf-8",
    )
    for factor in (2, 30):  # of another size, by which Python tells a changed file
        (tmp_path / "my_factor.py").write_text(f"FACTOR = {factor}\n", encoding="utf-8")
        images.append(registry.get(str(tmp_path / "mine.py"))(lines))
    assert float(images[1].abs().max() / images[0].abs().max()) == pytest.approx(15)


@pytest.mark.parametrize("before", ["older", "another folder's"])
@pytest.mark.parametrize("place", ["head", "function"])
def test_what_a_script_imports_is_its_neighbour_wherever_python_looks_first(
    tmp_path: Path, lines: Measurement, monkeypatch: pytest.MonkeyPatch, before: str, place: str
) -> None:
    """A notebook looks in the current folder first, here with a module of that name; the edited text is as long."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    mine = tmp_path if before == "older" else tmp_path / "mine"
    mine.mkdir(exist_ok=True)
    (tmp_path / "a_factor.py").write_text("FACTOR = 2\n", encoding="utf-8")
    importlib.import_module("a_factor")
    statement = "from a_factor import FACTOR"
    head, within = (f"{statement}\n", "pass") if place == "head" else ("", statement)
    images = []
    for factor in (3, 9):
        (mine / "a_factor.py").write_text(f"FACTOR = {factor}\n", encoding="utf-8")
        method = script(mine, f"{within}; return FACTOR * abs(kspace).sum(0)", before=head)
        assert "a_factor.py" in method.fingerprint()
        images.append(float((method(lines).abs() / lines.kspace.abs().sum(0)).nanmean()))
    assert images == pytest.approx([3, 9])
    sys.modules.pop("a_factor")


def test_scripts_whose_functions_import_neighbours_of_one_name_keep_to_their_own(
    tmp_path: Path, lines: Measurement
) -> None:
    methods = []
    for factor in (2, 3):
        (tmp_path / str(factor)).mkdir()
        (tmp_path / str(factor) / "a_factor.py").write_text(f"FACTOR = {factor}\n", encoding="utf-8")
        body = "from a_factor import FACTOR; return FACTOR * abs(kspace).sum(0)"
        methods.append(script(tmp_path / str(factor), body))
    two, three, again = (float(method(lines).abs().sum()) for method in (*methods, methods[0]))
    assert three == pytest.approx(1.5 * two)
    assert again == pytest.approx(two)
    assert all(str(tmp_path) not in place for place in sys.path)


@pytest.mark.parametrize("form", ["Own", "own"], ids=["class", "object"])
def test_a_reconstructor_of_a_script_stays_known_by_what_it_was_when_it_was_opened(tmp_path: Path, form: str) -> None:
    """Also when another script of that name is opened, or it is edited."""
    text = (
        "from napari_recon_robust.reconstructors.classical.zero_filled import ZeroFilled\n"
        "class Own(ZeroFilled):\n    id = 'own'\nown = Own()\n"
    )
    methods = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(f"{text}# {name}\n", encoding="utf-8")
        methods.append(registry.get(f"{tmp_path / name / 'mine.py'}:{form}"))
    first, second = (method.fingerprint() for method in methods)
    assert first == {"mine.py": sha256(f"{text}# a\n".encode()).hexdigest()}
    assert second != first
    (tmp_path / "a" / "mine.py").write_text("edited", encoding="utf-8")
    assert methods[0].fingerprint() == first


READERS = {
    "torch": "import torch\nfactor = torch.load(PLACE)\n",
    "pathlib": "import io, torch, pathlib\nfactor = torch.load(io.BytesIO(pathlib.Path(PLACE).read_bytes()))\n",
    "neighbour": "from reader import factor\n",
    "function of a neighbour": "import reader\nfactor = reader.load(PLACE)\n",
}


@pytest.mark.parametrize("kind", ["function", "Reconstructor"])
@pytest.mark.parametrize("reads", READERS)
def test_a_script_is_known_by_the_files_that_it_reads_when_it_is_imported(
    tmp_path: Path, reads: str, kind: str
) -> None:
    place = f"__import__('pathlib').Path({str(tmp_path)!r}) / 'weights' / 'gain.pt'"
    (tmp_path / "weights").mkdir()
    (tmp_path / "reader.py").write_text(f"import torch\nload = torch.load\nfactor = load({place})\n", encoding="utf-8")
    text = READERS[reads].replace("PLACE", place)
    if kind == "function":
        text += "def reconstruct(image):\n    return factor * image\n"
    else:
        text += (
            "from napari_recon_robust.reconstructors.classical.zero_filled import ZeroFilled\n"
            "class reconstruct(ZeroFilled):\n    id = 'scaled'\n    def reconstruct(self, measurement, **knobs):\n"
            "        return factor * super().reconstruct(measurement)\n"
        )
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")

    def known(factor: float) -> dict[str, str]:
        torch.save(torch.tensor(factor), tmp_path / "weights" / "gain.pt")
        return registry.get(str(tmp_path / "mine.py")).fingerprint()

    first = known(1.0)
    assert first == known(1.0)
    second = known(0.3)
    assert {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)} == {"weights/gain.pt"}


def test_a_method_stays_known_by_the_file_that_it_has_read(tmp_path: Path) -> None:
    """A file that is written meanwhile says nothing of it."""
    torch.save(torch.tensor(1.0), tmp_path / "gain.pt")
    method = script(tmp_path, "return factor * kspace", before=f"factor = torch.load({str(tmp_path / 'gain.pt')!r})\n")
    known = method.fingerprint()
    torch.save(torch.tensor(2.0), tmp_path / "gain.pt")
    assert method.fingerprint() == known


def test_a_script_that_reads_a_file_no_more_is_not_known_by_it(tmp_path: Path) -> None:
    torch.save(torch.tensor(1.0), tmp_path / "gain.pt")
    reads = f"factor = torch.load({str(tmp_path / 'gain.pt')!r})\n"
    assert "gain.pt" in script(tmp_path, "return kspace", before=reads).fingerprint()
    assert "gain.pt" not in script(tmp_path, "return kspace").fingerprint()


def test_networks_of_a_script_are_known_by_their_weights(tmp_path: Path) -> None:
    """Whichever library has read them: safetensors opens its files itself."""
    from safetensors.torch import save_file

    reads = (
        "from safetensors.torch import load_file\nnetwork = torch.nn.BatchNorm2d(1)\n"
        f"network.load_state_dict(load_file({str(tmp_path / 'w.safetensors')!r}))\n"
    )
    known = []
    for mean in (0.0, 0.0, 0.5):
        state = torch.nn.BatchNorm2d(1).state_dict() | {"running_mean": torch.full((1,), mean)}
        save_file(state, tmp_path / "w.safetensors")
        known.append(script(tmp_path, "return network(kspace)", before=reads).fingerprint())
    assert known[0] == known[1]
    assert {name for name in known[0] if known[0][name] != known[2][name]} == {"network (weights)"}


@pytest.mark.parametrize("place", ["module", "script"])
def test_a_network_that_computing_changes_is_the_same_method(
    tmp_path: Path, lines: Measurement, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """As long as it is the same object: here one that a module holds, whose forward pass keeps a buffer."""
    module = f"caching_{place}"
    (tmp_path / f"{module}.py").write_text(
        "import torch\nclass Network(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.register_buffer('scale', torch.zeros(()), persistent=False)\n"
        "    def forward(self, image):\n        self.scale = image.detach().abs().amax()\n        return image\n"
        "network = Network()\ndef reconstruct(image):\n    return network(image)\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)  # so that a script beside it does not read it anew
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "own.py"
    script.write_text(f"from {module} import network\ndef reconstruct(image):\n    return network(image)\n")
    name = f"{module}:reconstruct" if place == "module" else str(script)
    method = registry.get(name)
    known = method.fingerprint()
    assert "network (weights)" in known
    method.reconstruct(lines)
    assert registry.get(name).fingerprint() == known
