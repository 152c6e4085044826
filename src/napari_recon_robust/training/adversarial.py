"""Losses with their own discriminator, which learns while they are used.

A loss that is a class is made once for a run (`losses.make_loss`). It is a module: its parameters and, as extra
state, those of its optimiser go into the checkpoint, so that a resumed run ends with the same weights. In validation,
without gradients, the discriminator does not learn and does not count, since it is another one at each step.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from ..networks.channels import channels, local_phase
from ..reconstructors.generative.gan_prior import ERROR, STRIDE
from .example import Example

_WIDTHS = (32, 64, 96, 96)
_RATE, _BETAS = 3e-4, (0.5, 0.9)
_IMAGE, _SAMPLES, _FEATURES, _ADVERSARIAL = 5.0, 0.1, 1.0, 1.0
_PLAUSIBLE = 0.1  # weight of the discriminator's judgement of generated images, beside the likelihood of their pixels


class Discriminator(nn.Module):
    """A network that says how real each patch of an image looks (logits), and gives its features.

    It has spectrally normalised convolutions with stride 2 (Miyato et al. 2018, https://arxiv.org/abs/1802.05957), and
    judges patch by patch as in Isola et al. 2017, https://arxiv.org/abs/1611.07004.
    """

    def __init__(self) -> None:
        super().__init__()
        pairs = pairwise((2, *_WIDTHS))
        self.layers = nn.ModuleList(spectral_norm(nn.Conv2d(a, b, 4, 2, 1)) for a, b in pairs)
        self.last = spectral_norm(nn.Conv2d(_WIDTHS[-1], 1, 3, padding=1))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits and features of x, real and imaginary part, (batch, 2, rows, columns), with sides of at least 16."""
        features = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
            features.append(x)
        return self.last(x), features


class Adversarial(nn.Module):
    """A loss whose discriminator learns to tell true images from others, by one step with each use."""

    def __init__(self) -> None:
        super().__init__()
        self.discriminator = Discriminator()
        self.optimiser = torch.optim.Adam(self.discriminator.parameters(), _RATE, betas=_BETAS)

    def learn(self, truth: Tensor, images: Sequence[Tensor]) -> None:
        """Take one step on log(1 + exp -D(truth)) + the mean of log(1 + exp D(image)) (Goodfellow et al. 2014)."""
        real = functional.softplus(-self.discriminator(truth)[0]).mean()
        fake = [functional.softplus(self.discriminator(image.detach())[0]).mean() for image in images]
        self.optimiser.zero_grad()
        (real + sum(fake) / len(fake)).backward()
        self.optimiser.step()

    def deceived(self, image: Tensor) -> Tensor:
        """log(1 + exp -D(image)), which is small if the image passes for a true one."""
        return functional.softplus(-self.discriminator(image)[0]).mean()

    def unlike(self, image: Tensor, truth: Tensor) -> Tensor:
        """The mean distance of image and truth in the discriminator's features."""
        with torch.no_grad():
            wanted = self.discriminator(truth)[1]
        pairs = zip(self.discriminator(image)[1], wanted, strict=True)
        distances = [(a - b).abs().mean() for a, b in pairs]
        return torch.stack(distances).mean()

    def get_extra_state(self) -> dict[str, Any]:
        """The optimiser's state, which a checkpoint keeps beside the parameters."""
        state: dict[str, Any] = self.optimiser.state_dict()
        return state

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take over the optimiser's state."""
        self.optimiser.load_state_dict(state)


class Refinement(Adversarial):
    """5 ||x - t|| / ||z - t|| + 0.1 ||A x - y||^2 / ||y||^2 + features + log(1 + exp -D(x)), of `dagan.DAGAN`.

    x is the network's image of a problem, t its truth; D sees both without the local phase of t. z = A^H y: relative to
    its error, a case counts the same at R = 2, where z is nearly right, and at R = 6.
    """

    def forward(self, network: nn.Module, example: Example, rng: Generator) -> Tensor:
        """The loss of the network's image."""
        problem, truth = example.problem, example.truth
        image = network(problem)
        misfit = problem.model.forward(image) - problem.model.mask * problem.data
        error = (_energy(image - truth) / _energy(problem.right_hand_side - truth)).sqrt()
        loss = _IMAGE * error + _SAMPLES * _energy(misfit) / _energy(problem.data)
        if not torch.is_grad_enabled():
            return loss
        aligned = local_phase(truth, problem.noise).conj()
        seen, true = channels(image * aligned), channels(truth * aligned)
        self.learn(true, [seen])
        return loss + _FEATURES * self.unlike(seen, true) + _ADVERSARIAL * self.deceived(seen)


class Generation(Adversarial):
    """mean |G(z) - t|^2 / (2 0.05^2) + KL + features + log(1 + exp -D), z drawn from E(t), of `gan_prior.PriorNetwork`.

    t is the truth without its local phase, KL that of E(t) to the standard normal, per pixel; D judges G(z) and an
    image generated from a normal z (Larsen et al. 2016, https://arxiv.org/abs/1512.09300).
    """

    def forward(self, network: Any, example: Example, rng: Generator) -> Tensor:
        """The loss of a crop whose sides are multiples of 8."""
        truth = example.truth
        aligned = channels(truth * local_phase(truth, example.problem.noise).conj())
        rows, columns = (side // STRIDE * STRIDE for side in aligned.shape[-2:])
        aligned = aligned[..., :rows, :columns]
        mean, log_variance = network.encoder(aligned)
        noise = torch.from_numpy(rng.standard_normal((2, *mean.shape), np.float32)).to(mean.device)
        image = network.generator(mean + (0.5 * log_variance).exp() * noise[0])
        pixels = rows * columns
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / (2 * pixels)
        loss = (image - aligned).square().sum() / (2 * ERROR**2 * pixels) + divergence
        if not torch.is_grad_enabled():
            return loss
        invented = network.generator(noise[1])
        self.learn(aligned, [image, invented])
        deceived = (self.deceived(image) + self.deceived(invented)) / 2
        return loss + _FEATURES * self.unlike(image, aligned) + _PLAUSIBLE * deceived


def _energy(x: Tensor) -> Tensor:
    return torch.view_as_real(x).square().sum()
