"""The U-Net, the same method with weights of robust training.

`training.robust` says how each loss makes the data worse.
"""

from .unet import UNet


class FNAFUNet(UNet):
    """x = f(y; theta) of `UNet`, theta = argmin L(f(y); x) + L(T f(y + A d); T (x + d)).

    d is the worst of several small features, T their places. Robust training of Cheng et al. 2020 (MIDL).
    """

    id = "unet-fnaf"
    label = "U-Net, trained on small features"
    summary = "The U-Net, also trained on the inserted features that it loses most (FNAF)."
    sources = ("ronneberger2015", "cheng2020", "caliva2021")


class AdversarialUNet(UNet):
    """x = f(y; theta) of `UNet`, theta = argmin max_z L(f(y + z); x), ||z_i|| <= eta ||y_i|| in every coil i."""

    id = "unet-adversarial"
    label = "U-Net, adversarially trained"
    summary = "The U-Net, trained under k-space noise that raises its error most."
    sources = ("ronneberger2015", "madry2018")
