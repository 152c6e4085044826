"""The table of reconstructors: a new one is one module and one line here.

Other packages add theirs by the entry point `napari_recon_robust.reconstructors`; a model without a package is
opened by its file or its name (`own`).
"""

from importlib import import_module
from typing import Any

from ..registry import Registry
from .base import Reconstructor
from .own import opening

# Former networks, which ship no more weights: files of weights that name them are still read.
_FORMER = {
    "hqs-net-tv": "hqs_net_from_tv:HQSNetFromTV",
    "hyperrecon-tv": "hyperrecon_from_tv:HyperReconFromTV",
}


class Reconstructors(Registry[Reconstructor]):
    """The table, and beyond it whatever `own.opening` opens."""

    def running(self, network: str) -> Any:
        """The class of the method that runs the networks of that id; InputError where there is none."""
        if network in _FORMER:
            module, name = _FORMER[network].split(":")
            return getattr(import_module(f"{self.package}.{module}"), name)
        return self.kind_of(network)

    def get(self, id: str) -> Reconstructor:
        """The one of that id, loaded once; or an own model, opened anew each time."""
        if id not in self.ids() and opening.recognises(id):
            return opening.open_model(id)
        return super().get(id)


registry = Reconstructors(
    kind="reconstructor",
    package="napari_recon_robust.reconstructors",
    table={
        "zero-filled": "zero_filled:ZeroFilled",
        "cg-sense": "cg_sense:CGSense",
        "tv": "tv:TotalVariation",
        "l1-wavelet": "wavelet:L1Wavelet",
        "hqs": "hqs:HQS",
        "dip": "dip:DIP",
        "deep-decoder": "deep_decoder:DeepDecoder",
        "conv-decoder": "conv_decoder:ConvDecoder",
        "unet": "unet:UNet",
        "unet-fnaf": "robust:FNAFUNet",
        "unet-adversarial": "robust:AdversarialUNet",
        "varnet": "varnet:VarNet",
        "varnet-cg": "varnet_from_cg:VarNetFromCG",
        "varnet-adversarial": "robust:AdversarialVarNet",
        "cascade-net": "cascade_net:CascadeNet",
        "unrolled-gd": "unrolled_gd:UnrolledGD",
        "neumann": "neumann:Neumann",
        "neumann-preconditioned": "neumann:PreconditionedNeumann",
        "irim": "irim:IRIM",
        "dagan": "dagan:DAGAN",
        "gan-prior": "gan_prior:GANPrior",
        "hqs-net": "hqs_net:HQSNet",
        "unrolled-hqs": "unrolled_hqs:UnrolledHQS",
        "hqs-supervised": "hqs_supervised:HQSSupervised",
        "hyperrecon": "hyperrecon:HyperRecon",
        "hyperrecon-supervised": "hyperrecon_supervised:HyperReconSupervised",
        "posterior": "posterior:Posterior",
        "test-time-training": "test_time_training:TestTimeTraining",
    },
)
ids, get = registry.ids, registry.get
