"""A reconstructor of deepinv (the extra `deepinv`): a network, an optimiser or a plug-and-play scheme."""

from typing import Any

import torch

from ..reconstructors.fingerprint import of_module
from .model import CalledModel, ModelInput, parameters_of


class DeepInverse(CalledModel):
    """x = s f(y / s, A), A deepinv's multi-coil MRI operator, s the scale of the image (`Measurement.scale`).

    Its noise model carries the estimated noise relative to s. Tachella et al., DeepInverse, arXiv:2505.20160.
    """

    summary = "Own deepinv reconstructor with its multi-coil MRI operator."

    def __init__(self, id: str, model: Any, fingerprint: dict[str, str]) -> None:
        super().__init__(id)
        self.model = model
        self.parameters = parameters_of(model)
        self._fingerprint = of_module("deepinv") | fingerprint

    def image(self, one: ModelInput) -> Any:
        """f, for images with the channels (real, imaginary)."""
        from deepinv.physics import GaussianNoise, MultiCoilMRI

        device, scale = one.kspace.device, one.measurement.scale
        physics = MultiCoilMRI(
            mask=one.mask.float(),
            coil_maps=one.sensitivities[None],
            device=device,
            noise_model=GaussianNoise(float(one.measurement.noise_level)),
        )
        data = torch.view_as_real(one.kspace / scale).movedim(-1, 0)[None]
        answer = self.model.to(device)(data, physics)
        if not isinstance(answer, torch.Tensor) or answer.ndim != 4 or answer.shape[:2] != (1, 2):
            return answer
        return torch.complex(*answer[0]) * scale

    def fingerprint(self) -> dict[str, str]:
        """The version of deepinv, and what the model was defined in."""
        return self._fingerprint
