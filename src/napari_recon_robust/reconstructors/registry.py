"""The table of reconstructors: a new one is one module and one line here, also if it runs a trained network.

Other packages add theirs by the entry point `napari_recon_robust.reconstructors`; a model without a package is
opened by its file or its name (`own_models`).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..ground.registry import Registry

if TYPE_CHECKING:
    from .base import Reconstructor  # needs torch, and the names alone do not

# "module:Method", or "module:Method, Network" if files may name the network that it runs, by the same id
_METHODS = {
    "zero-filled": "classical.zero_filled:ZeroFilled",
    "grappa": "classical.grappa:GRAPPA",
    "cg-sense": "classical.cg_sense:CGSense",
    "tv": "classical.tv:TotalVariation",
    "l1-wavelet": "classical.wavelet:L1Wavelet",
    "hqs": "classical.hqs:HQS",
    "dip": "untrained.dip:DIP",
    "deep-decoder": "untrained.deep_decoder:DeepDecoder",
    "conv-decoder": "untrained.conv_decoder:ConvDecoder",
    "unet": "learned.unet:UNet, TrainableUNet",
    "unet-fnaf": "learned.robustly_trained:FNAFUNet",
    "unet-adversarial": "learned.robustly_trained:AdversarialUNet",
    "varnet": "learned.varnet:VarNet, TrainableVarNet",
    "varnet-cg": "learned.varnet_from_cg:VarNetFromCG, VarNetFromCGNetwork",
    "cascade-net": "learned.cascade_net:CascadeNet, CascadeNetwork",
    "unrolled-gd": "learned.unrolled_gd:UnrolledGD, GradientDescentNetwork",
    "neumann": "learned.neumann:Neumann, NeumannNetwork",
    "neumann-preconditioned": "learned.neumann:PreconditionedNeumann, NeumannNetwork",
    "irim": "learned.irim:IRIM, IRIMNetwork",
    "dagan": "generative.dagan:DAGAN, ComplexUNet",
    "unet-joint": "learned.unet_joint:JointUNet, ComplexUNet",
    "gan-prior": "generative.gan_prior:GANPrior, PriorNetwork",
    "hqs-net": "learned.hqs_net:HQSNet, HQSNetNetwork",
    "unrolled-hqs": "learned.unrolled_hqs:UnrolledHQS, UnrolledHQSNetwork",
    "hqs-supervised": "learned.hqs_supervised:HQSSupervised, SupervisedHQSNetwork",
    "ensemble": "learned.ensemble:Ensemble",
    "hyperrecon": "learned.hyperrecon:HyperRecon, HyperReconNetwork",
    "hyperrecon-supervised": "learned.hyperrecon_supervised:HyperReconSupervised, SupervisedHyperReconNetwork",
    "posterior": "generative.posterior:Posterior, Denoiser",
    "test-time-training": "learned.test_time_training:TestTimeTraining",
}
# Former networks, for which no weights are shipped any more; files of weights that name them are still read.
_FORMER = {
    "hqs-net-tv": "learned.hqs_net_from_tv:HQSNetFromTV, HQSNetFromTVNetwork",
    "hyperrecon-tv": "learned.hyperrecon_from_tv:HyperReconFromTV, HyperReconFromTVNetwork",
}

# Under which heading a list shows the methods of a folder, or of a module.
HEADINGS = {
    "classical": "Classical",
    "learned": "Trained",
    "learned.robustly_trained": "Robustly trained",
    "untrained": "Untrained",
    "generative": "Generative",
}
OTHERS = "Your own"  # own models, and the methods of other packages

_OWN_MODELS = "napari_recon_robust.own_models.opening"  # a floor above, imported only at its use


def _classes(line: str) -> list[str]:
    """Where the method of a line is, "module:Class", and its network if the line names one."""
    module, names = line.split(":")
    return [f"{module}:{name}" for name in names.split(", ")]


def networks() -> dict[str, str]:
    """Where the networks of the methods are, "module:Class" by the methods' ids; `networks.registry` asks for it."""
    places = {id: _classes(line) for id, line in (_METHODS | _FORMER).items()}
    return {id: network for id, (_, *named) in places.items() for network in named}


class Reconstructors(Registry["Reconstructor"]):
    """The table of reconstructors. It also gives the own models that `own_models.opening` opens."""

    def heading(self, id: str) -> str:
        """The heading under which a list shows the method: of ours that of its module or folder, else `OTHERS`."""
        if not self.ships(id):
            return OTHERS
        module = self.table[id].partition(":")[0]
        named = [HEADINGS[place] for place in (module, module.partition(".")[0]) if place in HEADINGS]
        if not named:
            raise LookupError(f"the method {id!r} lies in no folder of {', '.join(HEADINGS)}; move {module}.py there.")
        return named[0]

    def grouped(self) -> dict[str, list[str]]:
        """The ids of all methods that can be had under their headings, as a list shows them."""
        groups: dict[str, list[str]] = {heading: [] for heading in (*HEADINGS.values(), OTHERS)}
        for id in self.available():
            groups[self.heading(id)].append(id)
        return {heading: ids for heading, ids in groups.items() if ids}

    def running(self, network: str) -> Any:
        """The class of the method that runs the networks with that id; InputError if there is none."""
        if network in _FORMER:
            module, name = _classes(_FORMER[network])[0].split(":")
            return getattr(import_module(f"{self.package}.{module}"), name)
        return self.kind_of(network)

    def get(self, id: str) -> "Reconstructor":
        """The reconstructor with that id, loaded once; or an own model, which is opened anew each time."""
        if isinstance(id, str) and not self.lists(id):
            opening = import_module(_OWN_MODELS)
            if opening.recognises(id):
                opened: Reconstructor = opening.open_model(id)
                return opened
        return super().get(id)

    def holds(self, reconstructor: "Reconstructor") -> bool:
        """Whether it is the very one that `get` gives by its id."""
        return self._loaded.get(getattr(reconstructor, "id", "")) is reconstructor

    def __reduce__(self) -> str:
        return "registry"  # it is pickled as this module's variable of that name


registry = Reconstructors(
    kind="reconstructor",
    package="napari_recon_robust.reconstructors",
    table={id: _classes(line)[0] for id, line in _METHODS.items()},
    words=("id", "label", "summary"),
)
ids, get, grouped = registry.ids, registry.get, registry.grouped
lists, ships = registry.lists, registry.ships
