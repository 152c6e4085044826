import pytest
import torch

from napari_recon_robust.training import precision
from napari_recon_robust.training.recipe import Preset

PRESET = Preset(steps=1, learning_rate=1e-3)


@pytest.mark.parametrize(
    ("capabilities", "there"),
    [({"avx2": True, "avx512_f": True}, False), ({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({}, False)],
)
def test_bfloat16_is_computed_only_by_processors_that_have_it(monkeypatch, capabilities, there) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    convolution, image = torch.nn.Conv2d(1, 1, 3), torch.zeros(1, 1, 8, 8)
    with precision.autocast(PRESET, torch.device("cpu")):
        assert convolution(image).dtype == (torch.bfloat16 if there else torch.float32)
    with precision.autocast(PRESET.model_copy(update={"precision": "float32"}), torch.device("cpu")):
        assert convolution(image).dtype == torch.float32


def test_a_torch_that_does_not_tell_computes_in_float32(monkeypatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not precision.computes_bfloat16(torch.device("cpu"))
    assert not precision.computes_bfloat16(torch.device("meta"))
