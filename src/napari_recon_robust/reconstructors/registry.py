"""The table of reconstructors: a new one is one module and one line here.

Other packages add theirs by the entry point `napari_recon_robust.reconstructors`; a model without a package is
opened by its file or its name (`own_models`).
"""

from importlib import import_module
from typing import Any

from ..ground.registry import Registry
from .base import Reconstructor

# Former networks, for which no weights are shipped any more; files of weights that name them are still read.
_FORMER = {
    "hqs-net-tv": "learned.hqs_net_from_tv:HQSNetFromTV",
    "hyperrecon-tv": "learned.hyperrecon_from_tv:HyperReconFromTV",
}

_OWN_MODELS = "napari_recon_robust.own_models.opening"  # stands above this room, as all that the table names does


class Reconstructors(Registry[Reconstructor]):
    """The table of reconstructors. It also gives the own models that `own_models.opening` opens."""

    def running(self, network: str) -> Any:
        """The class of the method that runs the networks with that id; InputError if there is none."""
        if network in _FORMER:
            module, name = _FORMER[network].split(":")
            return getattr(import_module(f"{self.package}.{module}"), name)
        return self.kind_of(network)

    def get(self, id: str) -> Reconstructor:
        """The reconstructor with that id, loaded once; or an own model, which is opened anew each time."""
        if isinstance(id, str) and id not in self.ids():
            opening = import_module(_OWN_MODELS)
            if opening.recognises(id):
                opened: Reconstructor = opening.open_model(id)
                return opened
        return super().get(id)


registry = Reconstructors(
    kind="reconstructor",
    package="napari_recon_robust.reconstructors",
    table={
        "zero-filled": "classical.zero_filled:ZeroFilled",
        "cg-sense": "classical.cg_sense:CGSense",
        "tv": "classical.tv:TotalVariation",
        "l1-wavelet": "classical.wavelet:L1Wavelet",
        "hqs": "classical.hqs:HQS",
        "dip": "untrained.dip:DIP",
        "deep-decoder": "untrained.deep_decoder:DeepDecoder",
        "conv-decoder": "untrained.conv_decoder:ConvDecoder",
        "unet": "learned.unet:UNet",
        "unet-fnaf": "learned.robustly_trained:FNAFUNet",
        "unet-adversarial": "learned.robustly_trained:AdversarialUNet",
        "varnet": "learned.varnet:VarNet",
        "varnet-cg": "learned.varnet_from_cg:VarNetFromCG",
        "varnet-adversarial": "learned.robustly_trained:AdversarialVarNet",
        "cascade-net": "learned.cascade_net:CascadeNet",
        "unrolled-gd": "learned.unrolled_gd:UnrolledGD",
        "neumann": "learned.neumann:Neumann",
        "neumann-preconditioned": "learned.neumann:PreconditionedNeumann",
        "irim": "learned.irim:IRIM",
        "dagan": "generative.dagan:DAGAN",
        "gan-prior": "generative.gan_prior:GANPrior",
        "hqs-net": "learned.hqs_net:HQSNet",
        "unrolled-hqs": "learned.unrolled_hqs:UnrolledHQS",
        "hqs-supervised": "learned.hqs_supervised:HQSSupervised",
        "hyperrecon": "learned.hyperrecon:HyperRecon",
        "hyperrecon-supervised": "learned.hyperrecon_supervised:HyperReconSupervised",
        "posterior": "generative.posterior:Posterior",
        "test-time-training": "learned.test_time_training:TestTimeTraining",
    },
)
ids, get = registry.ids, registry.get
