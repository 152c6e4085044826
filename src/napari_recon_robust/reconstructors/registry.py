"""The table of reconstructors: a new one is one module and one line here.

Other packages add theirs by the entry point `napari_recon_robust.reconstructors`.
"""

from ..registry import Registry
from .base import Reconstructor

registry: Registry[Reconstructor] = Registry(
    kind="reconstructor",
    package="napari_recon_robust.reconstructors",
    table={
        "zero-filled": "zero_filled:ZeroFilled",
        "cg-sense": "cg_sense:CGSense",
        "tv": "tv:TotalVariation",
        "unet": "unet:UNet",
        "varnet": "varnet:VarNet",
        "hqs-supervised": "hqs_supervised:HQSSupervised",
        "hyperrecon": "hyperrecon:HyperRecon",
    },
)
ids, get = registry.ids, registry.get
