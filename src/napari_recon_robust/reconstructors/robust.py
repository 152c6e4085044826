"""The U-Net and the end-to-end VarNet with weights of robust training: other weights, the same methods.

How each loss makes the data worse: `training.robust`.
"""

from .unet import UNet
from .varnet import VarNet


class FNAFUNet(UNet):
    """min over theta of L(f(y); x) + the worst L(T f(y + A d); T (x + d)) of several small features d, T their places.

    f is `UNet`. Robust training of Cheng et al. 2020 (MIDL).
    """

    id = "unet-fnaf"
    label = "U-Net, trained on small features"
    summary = "The U-Net, also trained on the inserted features that it loses most (FNAF)."


class AdversarialUNet(UNet):
    """min over theta of max L(f(y + z); x), ||z_i|| <= eta ||y_i|| in every coil i: `UNet`, adversarially trained."""

    id = "unet-adversarial"
    label = "U-Net, adversarially trained"
    summary = "The U-Net, trained under k-space noise that raises its error most."


class JitterUNet(UNet):
    """min over theta of E L(f(y + n); x), n white noise: `UNet` with jittering.

    Krainovic, Soltanolkotabi, Heckel 2023, arXiv:2307.12822.
    """

    id = "unet-jitter"
    label = "U-Net, trained with jittering"
    summary = "The U-Net, trained with more random noise than scans have."


class AdversarialVarNet(VarNet):
    """min over theta of max L(f(y + z); x), ||z_i|| <= eta ||y_i|| in every coil i: `VarNet`, adversarially trained."""

    id = "varnet-adversarial"
    label = "End-to-end VarNet, adversarially trained"
    summary = "The VarNet, trained under k-space noise that raises its error most."


class JitterVarNet(VarNet):
    """min over theta of E L(f(y + n); x), n white noise: `VarNet` with jittering.

    Krainovic, Soltanolkotabi, Heckel 2023, arXiv:2307.12822.
    """

    id = "varnet-jitter"
    label = "End-to-end VarNet, trained with jittering"
    summary = "The VarNet, trained with more random noise than scans have."
