"""Weights in fastMRI's published layouts: a U-Net or an end-to-end VarNet, its sizes read from the state dict."""

from pathlib import Path

import torch

from ...errors import WeightsError
from ...weights import store
from .. import unet, varnet
from ..base import Reconstructor
from ..unet import UNet
from ..varnet import VarNet

LEADERBOARD = (
    "The name says leaderboard weights: fastMRI trained these on its training and validation data, "
    "so that figures on the validation set say nothing."
)


def open_model(source: str) -> Reconstructor:
    """A U-Net or VarNet with the file's weights; WeightsError for anything else, or what could run code."""
    path = Path(source)
    state = store.load(source).state
    method: UNet | VarNet
    if any("cascades.0." in key for key in state):
        method = VarNet(source)
        network = varnet.load_network(source, torch.device("cpu"))
        if network.sens_net is not None:  # as it was trained
            method.knobs = tuple(knob.model_copy(update={"default": "learned"}) for knob in method.knobs)
    elif any(key.endswith("down_sample_layers.0.layers.0.weight") for key in state):
        method = UNet(source)
        layers = unet.load_network(source, torch.device("cpu"))
        came = layers.inputs, layers.outputs
        if came != (1, 1):
            raise WeightsError(
                f"{path.name} is a U-Net from {came[0]} to {came[1]} channels; fastMRI's from one magnitude image to "
                "one was expected."
            )
    else:
        shown = ", ".join(sorted(state)[:2])
        raise WeightsError(
            f"{path.name} has the weights {shown}, ...; those of fastMRI's U-Net (down_sample_layers...) or VarNet "
            "(cascades...) were expected: bring another architecture as an exported program or a function."
        )
    method.id, method.label = path.name, f"{method.label} {path.name}"
    method.caution = LEADERBOARD if "leaderboard" in path.name.lower() else ""
    return method
