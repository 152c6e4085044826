"""The U-Net and the VarNet from CG-SENSE with weights of robust training: other weights, the same methods.

How each loss makes the data worse: `training.robust`.
"""

from .unet import UNet
from .varnet_from_cg import VarNetFromCG


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


class AdversarialVarNet(VarNetFromCG):
    """x = f(y; theta) of `VarNetFromCG`, theta = argmin max_z L(f(y + z); x), ||z_i|| <= eta ||y_i||."""

    id = "varnet-adversarial"
    label = "CG-SENSE, improved by VarNet (adversarially trained)"
    summary = "VarNet from CG-SENSE, trained under k-space noise that raises its error most."
