import pytest
import torch
from safetensors.torch import save_file

from napari_recon_robust.ground.errors import WeightsError
from napari_recon_robust.networks.loading import load_trained
from napari_recon_robust.reconstructors.learned.hqs_supervised import HQSNetwork


def test_weights_of_another_network_are_refused(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="not of a HQSNetwork"):
        load_trained(HQSNetwork, str(tmp_path / "other.safetensors"), torch.device("cpu"))
