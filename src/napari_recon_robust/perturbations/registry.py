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
        "targeted": "targeted:Targeted",
        "image-domain": "image_domain:ImageDomain",
        "fnaf": "fnaf:FNAF",
        "rotation": "rotation:Rotation",
        "motion": "motion:Motion",
        "noise-level": "noise_level:NoiseLevel",
        "other-mask": "other_mask:OtherMask",
        "coil-dropout": "coil_dropout:CoilDropout",
        "spike": "spike:Spike",
        "contrast": "contrast:Contrast",
        "random": "random_noise:RandomNoise",
    },
)
ids, get = registry.ids, registry.get
