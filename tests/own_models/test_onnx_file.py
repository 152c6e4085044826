"""ONNX files, built from their operators."""

from pathlib import Path

import pytest
import torch

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError, ModelError, WeightsError
from napari_recon_robust.perturbations import registry as perturbations
from napari_recon_robust.reconstructors import registry

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def save(path: Path, name: str, shape: list[object], output: list[object], operator: str = "Add") -> Path:
    """Twice the input, or its sum over the last axis."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    node = (
        helper.make_node("Add", [name, name], ["out"])
        if operator == "Add"
        else helper.make_node("ReduceSum", [name, "axis"], ["out"], keepdims=0)
    )
    axis = helper.make_tensor("axis", onnx.TensorProto.INT64, [1], [-1])
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info(name, kind, shape)],
        [helper.make_tensor_value_info("out", kind, output)],
        [axis] if operator != "Add" else [],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def test_complex_numbers_go_in_and_out_as_a_last_axis(tmp_path: Path, lines: Measurement) -> None:
    path = save(tmp_path / "double.onnx", "image", [1, "rows", "columns", 2], [1, "rows", "columns", 2])
    method = registry.get(str(path))
    image = method(lines)
    torch.testing.assert_close(image, 2 * lines.combined, rtol=1e-4, atol=1e-5 * float(image.abs().max()))
    assert set(method.fingerprint()) == {"double.onnx"}


def test_the_mask_as_numbers_and_a_real_image(tmp_path: Path, lines: Measurement) -> None:
    path = save(tmp_path / "mask.onnx", "mask", [48, 48], [48, 48])
    torch.testing.assert_close(registry.get(str(path))(lines).real, 2 * lines.mask.expand(48, 48).float())


def test_of_several_outputs_the_first_is_taken_and_it_says_so(tmp_path: Path, lines: Measurement) -> None:
    path = save(tmp_path / "double.onnx", "image", ["r", "c", 2], ["r", "c", 2])
    assert registry.get(str(path)).caution == ""
    model = onnx.load(path)
    model.graph.node.append(onnx.helper.make_node("Sub", ["image", "image"], ["residual"]))
    model.graph.output.append(onnx.helper.make_tensor_value_info("residual", onnx.TensorProto.FLOAT, ["r", "c", 2]))
    onnx.save(model, tmp_path / "two.onnx")
    method = registry.get(str(tmp_path / "two.onnx"))
    torch.testing.assert_close(method(lines), registry.get(str(path))(lines))
    assert "has 2 outputs; the first, out," in method.caution


def test_it_has_no_gradient_and_says_so(tmp_path: Path, lines: Measurement) -> None:
    path = save(tmp_path / "double.onnx", "image", ["r", "c", 2], ["r", "c", 2])
    with pytest.raises(InputError, match="double.onnx gives no gradients"):
        perturbations.get("worst-case").run(
            lines, registry.get(str(path)), ROI.box(10, 10, 8, 8), (0.01,), algorithm="sphere-ascent"
        )


def test_complex_numbers_as_channels_are_told_to_be_a_last_axis(tmp_path: Path, lines: Measurement) -> None:
    """It was told to export for other sizes, with which it was refused as well."""
    path = save(tmp_path / "channels.onnx", "image", [1, 2, "rows", "columns"], [1, 2, "rows", "columns"])
    words = r"has 48 × 48 \(rows × columns\); export it .*dynamic sizes, and a last axis of 2 \(real, imaginary\)\.$"
    with pytest.raises(ModelError, match=words):
        registry.get(str(path))(lines)


def test_a_network_of_magnitudes_is_not_given_complex_numbers(tmp_path: Path, lines: Measurement) -> None:
    """(batch, rows, columns) of any size took (rows, columns, real and imaginary), without a word."""
    path = save(tmp_path / "magnitude.onnx", "image", ["n", "r", "c"], ["n", "r", "c"])
    with pytest.raises(ModelError, match=r"takes image of any × any × any .*a last axis of 2 \(real, imaginary\)\.$"):
        registry.get(str(path))(lines)


def test_what_does_not_fit(tmp_path: Path, lines: Measurement) -> None:
    with pytest.raises(WeightsError, match="takes input; inputs named"):
        registry.get(str(save(tmp_path / "named.onnx", "input", [1], [1])))
    fixed = registry.get(str(save(tmp_path / "fixed.onnx", "kspace", [8, 48, 48, 2], [8, 48, 48], "Sum")))
    with pytest.raises(Exception, match="takes kspace of 8 × 48 × 48 × 2 .float32., and this slice has 4 × 48 × 48"):
        fixed(lines)
    coils = registry.get(str(save(tmp_path / "coils.onnx", "kspace", ["n", 48, 48, 2], ["n", 48, 48], "Sum")))
    with pytest.raises(Exception, match="returned shape 4×48×48.*an image for each coil"):
        coils(lines)
    (tmp_path / "broken.onnx").write_bytes((tmp_path / "fixed.onnx").read_bytes()[:60])
    with pytest.raises(WeightsError, match="broken.onnx is no ONNX file"):
        registry.get(str(tmp_path / "broken.onnx"))
