"""The table of perturbations: a new one is one module and one line here.

Other packages add theirs by the entry point `napari_recon_robust.perturbations`.
"""

from typing import TYPE_CHECKING

from ..ground.registry import Registry

if TYPE_CHECKING:
    from .base import Perturbation  # needs torch, and the names alone do not

registry: "Registry[Perturbation]" = Registry(
    kind="perturbation",
    package="napari_recon_robust.perturbations",
    table={
        "worst-case": "noise.worst_case:WorstCase",
        "targeted": "targeted:Targeted",
        "image-domain": "image_domain:ImageDomain",
        "fnaf": "features.fnaf:FNAF",
        "rotation": "shifts.rotation:Rotation",
        "motion": "shifts.motion:Motion",
        "noise-level": "shifts.noise_level:NoiseLevel",
        "other-mask": "shifts.other_mask:OtherMask",
        "coil-dropout": "shifts.coil_dropout:CoilDropout",
        "spike": "shifts.spike:Spike",
        "contrast": "shifts.contrast:Contrast",
        "random": "random_noise:RandomNoise",
    },
    words=("id", "label", "summary"),
)
ids, get, lists = registry.ids, registry.get, registry.lists
DEFAULT = "worst-case"
