"""The table of perturbations: a new one is one module and one line here.

Other packages add theirs by the entry point `napari_recon_robust.perturbations`.
"""

from ..registry import Registry
from .base import Perturbation

registry: Registry[Perturbation] = Registry(
    kind="perturbation",
    package="napari_recon_robust.perturbations",
    table={
        "worst-case": "worst_case:WorstCase",
        "random": "random_noise:RandomNoise",
        "fnaf": "fnaf:FNAF",
        "targeted": "targeted:Targeted",
        "image-domain": "image_domain:ImageDomain",
    },
)
ids, get = registry.ids, registry.get
