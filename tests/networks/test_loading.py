import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file

from napari_recon_robust.ground.errors import WeightsError
from napari_recon_robust.networks import loading
from napari_recon_robust.networks.fastmri_layout import FastMRIUNet
from napari_recon_robust.networks.loading import load_layout, load_trained
from napari_recon_robust.reconstructors.learned.hqs_supervised import SupervisedHQSNetwork
from napari_recon_robust.reconstructors.learned.hyperrecon import HyperReconNetwork


def test_the_first_use_of_a_network_draws_no_numbers_of_the_user_s():
    loading._trained.cache_clear()
    torch.manual_seed(1)
    undisturbed = torch.rand(1)
    torch.manual_seed(1)
    load_trained(SupervisedHQSNetwork, "hqs-supervised", torch.device("cpu"))
    assert torch.rand(1) == undisturbed


@pytest.mark.parametrize(
    ("load", "kind", "weights"),
    [
        (load_trained, SupervisedHQSNetwork, "hqs-supervised"),
        (load_trained, HyperReconNetwork, "hyperrecon"),
        (load_layout, FastMRIUNet, "unet"),
    ],
)
def test_a_network_is_of_single_precision_whatever_torch_makes_by_default(load, kind, weights, double_by_default):
    for cached in (loading._trained, loading._with_layout):
        cached.cache_clear()
    network = load(kind, weights, torch.device("cpu"))
    assert {tensor.dtype for tensor in network.state_dict().values()} == {torch.float32}


def test_weights_of_another_network_are_refused(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="not of a SupervisedHQSNetwork"):
        load_trained(SupervisedHQSNetwork, str(tmp_path / "other.safetensors"), torch.device("cpu"))


@pytest.mark.slow
def test_the_first_use_of_a_network_imports_no_compiler() -> None:
    """Torch's, whose import takes longer than most images."""
    code = """
import sys, torch
from napari_recon_robust.networks import registry
from napari_recon_robust.networks.loading import load_trained
for id in ("hyperrecon", "irim", "unet-joint", "varnet-cg", "unrolled-hqs"):
    load_trained(registry.registry.kind_of(id), id, torch.device("cpu"))
print("torch._dynamo" in sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert ended.stdout.strip() == "False"
