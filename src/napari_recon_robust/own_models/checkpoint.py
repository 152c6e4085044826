"""Files of weights: those of our training, and of fastMRI's U-Net and VarNet, whose state dict tells their sizes."""

from pathlib import Path

import torch

from ..ground.errors import InputError, WeightsError
from ..networks import registry as networks
from ..reconstructors.base import Reconstructor
from ..reconstructors.learned.unet import UNet
from ..reconstructors.learned.varnet import COMBINATION, SENSITIVITIES, VarNet
from ..weights import store

LEADERBOARD = (
    "The name says leaderboard weights: fastMRI trained these on its training and validation data, "
    "so that figures on the validation set say nothing."
)


def open_model(source: str) -> Reconstructor:
    """A method with the file's weights: fastMRI's U-Net or VarNet, or a method trained by `training`.

    Raises WeightsError for anything else, and for a file that could run code.
    """
    weights = store.load(source)
    method = _published(source, weights.state) if weights.published else _trained(source, weights)
    name = Path(source).name
    method.id, method.label = name, f"{method.label} {name}"
    method.caution = LEADERBOARD if "leaderboard" in name.lower() else ""
    return method


def _published(source: str, state: store.State) -> Reconstructor:
    """FastMRI's U-Net or VarNet, by the layout of its state dict."""
    name = Path(source).name
    if any("cascades.0." in key for key in state) and any("dc_weight" in key for key in state):
        method = VarNet(source)
        method.knobs = (SENSITIVITIES, COMBINATION.model_copy(update={"default": "rss"}))
        method.reference_kind = "rss"
        if method.network(torch.device("cpu")).sens_net is not None:
            _use_learned_sensitivities(method)
        return method
    if any(key.endswith("down_sample_layers.0.layers.0.weight") for key in state):
        layers = UNet(source).network(torch.device("cpu"))
        came = layers.inputs, layers.outputs
        if came != (1, 1):
            raise WeightsError(
                f"{name} is a U-Net from {came[0]} to {came[1]} channels; fastMRI's from one magnitude image to one "
                "was expected."
            )
        return UNet(source)
    shown = ", ".join(sorted(state)[:2])
    raise WeightsError(
        f"{name} has the weights {shown}, ...; those of fastMRI's U-Net (down_sample_layers...) or VarNet "
        "(cascades...), or a file of recon-robust train were expected: bring another architecture as an exported "
        "program or a function."
    )


def _trained(source: str, weights: store.Weights) -> Reconstructor:
    """The method that runs the network of `training` that the file's header names."""
    from ..reconstructors.registry import registry  # which lists what opens files

    assert weights.metadata is not None
    title, arguments = weights.metadata.title, weights.metadata.architecture
    try:
        id = _network_id(weights)
        kind = registry.running(id)
    except InputError:
        raise WeightsError(
            f"{Path(source).name} holds {title!r}, weights that no method here runs; open it with the version that "
            "trained it."
        ) from None
    if not networks.describes(networks.registry.kind_of(id), arguments, weights.state):
        raise WeightsError(
            f"{Path(source).name} holds {title!r}, and its tensors are not those of {id!r} with the arguments in its "
            "header; get the file again, or open it with the version that trained it."
        )
    method: Reconstructor = kind(source)
    if isinstance(method, VarNet) and arguments.get("learned", False):
        _use_learned_sensitivities(method)
    return method


def _network_id(weights: store.Weights) -> str:
    """The network in the header, or the one that fits the tensors, as the first headers named none; else InputError."""
    assert weights.metadata is not None
    if not weights.metadata.network:
        return networks.matching(weights.metadata.architecture, weights.state)
    return networks.identify(weights.metadata.network)


def _use_learned_sensitivities(method: VarNet) -> None:
    """Make learned sensitivities the default of the method, as in its training."""
    maps, *others = method.knobs
    method.knobs = (maps.model_copy(update={"default": "learned"}), *others)
