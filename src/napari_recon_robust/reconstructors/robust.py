"""The U-Net and the end-to-end VarNet with weights of robust training: other weights, the same methods.

How each loss makes the data worse: `training.robust`.
"""

from .unet import UNet
from .varnet import VarNet


class FNAFUNet(UNet):
    """x = f(y; theta) of `UNet`, theta = argmin L(f(y); x) + L(T f(y + A d); T (x + d)).

    d is the worst of several small features, T their places. Robust training of Cheng et al. 2020 (MIDL).
    """

    id = "unet-fnaf"
    label = "U-Net, trained on small features"
    summary = "The U-Net, also trained on the inserted features that it loses most (FNAF)."


class AdversarialUNet(UNet):
    """x = f(y; theta) of `UNet`, theta = argmin max_z L(f(y + z); x), ||z_i|| <= eta ||y_i|| in every coil i."""

    id = "unet-adversarial"
    label = "U-Net, adversarially trained"
    summary = "The U-Net, trained under k-space noise that raises its error most."


class JitterUNet(UNet):
    """x = f(y; theta) of `UNet`, theta = argmin E L(f(y + n); x), n white noise.

    Krainovic, Soltanolkotabi, Heckel 2023, arXiv:2307.12822.
    """

    id = "unet-jitter"
    label = "U-Net, trained with jittering"
    summary = "The U-Net, trained with more random noise than scans have."


class AdversarialVarNet(VarNet):
    """x = f(y; theta) of `VarNet`, theta = argmin max_z L(f(y + z); x), ||z_i|| <= eta ||y_i|| in every coil i."""

    id = "varnet-adversarial"
    label = "End-to-end VarNet, adversarially trained"
    summary = "The VarNet, trained under k-space noise that raises its error most."


class JitterVarNet(VarNet):
    """x = f(y; theta) of `VarNet`, theta = argmin E L(f(y + n); x), n white noise.

    Krainovic, Soltanolkotabi, Heckel 2023, arXiv:2307.12822.
    """

    id = "varnet-jitter"
    label = "End-to-end VarNet, trained with jittering"
    summary = "The VarNet, trained with more random noise than scans have."
