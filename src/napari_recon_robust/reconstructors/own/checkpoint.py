"""Files of weights: fastMRI's U-Net and end-to-end VarNet, their sizes read from the state dict, and our training's."""

from pathlib import Path
from typing import Any, cast

import torch

from ...errors import WeightsError
from ...weights import store
from .. import unet, varnet
from ..base import Reconstructor
from ..consistency import CONSISTENCY
from ..unet import UNet
from ..varnet import VarNet

LEADERBOARD = (
    "The name says leaderboard weights: fastMRI trained these on its training and validation data, "
    "so that figures on the validation set say nothing."
)


def open_model(source: str) -> Reconstructor:
    """A method with the file's weights: fastMRI's U-Net or VarNet, or what `training` has left.

    Raises WeightsError for anything else, or what could run code.
    """
    path = Path(source)
    weights = store.load(source)
    method: Reconstructor
    if any("cascades.0." in key for key in weights.state) and any("dc_weight" in key for key in weights.state):
        method = VarNet(source)
        network = varnet.load_network(source, torch.device("cpu"))
        learned = weights.metadata.architecture.get("learned", False) if weights.metadata else True
        if network.sens_net is not None and learned:  # as it was trained
            maps, *others = method.knobs
            method.knobs = (maps.model_copy(update={"default": "learned"}), *others)
        if weights.metadata is None:  # as published, it ends with its network
            method.knobs = tuple(knob for knob in method.knobs if knob is not CONSISTENCY)
    elif any(key.endswith("down_sample_layers.0.layers.0.weight") for key in weights.state):
        method = UNet(source)
        layers = unet.load_network(source, torch.device("cpu"))
        came = layers.inputs, layers.outputs
        if came != (1, 1):
            raise WeightsError(
                f"{path.name} is a U-Net from {came[0]} to {came[1]} channels; fastMRI's from one magnitude image to "
                "one was expected."
            )
    elif weights.metadata is not None:
        method = _trained(source, weights.metadata)
    else:
        shown = ", ".join(sorted(weights.state)[:2])
        raise WeightsError(
            f"{path.name} has the weights {shown}, ...; those of fastMRI's U-Net (down_sample_layers...) or VarNet "
            "(cascades...), or a file of recon-robust train were expected: bring another architecture as an exported "
            "program or a function."
        )
    method.id, method.label = path.name, f"{method.label} {path.name}"
    method.caution = LEADERBOARD if "leaderboard" in path.name.lower() else ""
    return method


def _trained(source: str, metadata: store.Metadata) -> Reconstructor:
    """The method that runs a network of `training`: of the module that its description names, else whichever fits."""
    from ..registry import registry  # which lists what opens files

    wanted = metadata.network.split(":")[0]
    for id, place in registry.table.items():
        if wanted not in ("", place.split(":")[0]):
            continue
        try:
            method: Any = registry.kind_of(id)(source)
            method.network(torch.device("cpu"))
        except (TypeError, AttributeError, WeightsError):  # it takes no weights, or others
            continue
        return cast(Reconstructor, method)
    raise WeightsError(
        f"{Path(source).name} holds {metadata.title!r}, weights that no method here runs; open it with the version "
        "that trained it."
    )
