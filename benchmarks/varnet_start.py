"""How far VarNet's data consistency goes without its U-Nets, and from where its training starts.

    python benchmarks/varnet_start.py --data ../shared/data/anatomy --bank FOLDER [--cascades 6 8 12 18] [--steps 2000]

R_t(x) = -a_t x in place of the U-Nets leaves two numbers to a cascade, eta_t and a_t. They are fitted to training
people by the loss that VarNet is trained on, and judged on the validation cases of a training: the NMSE over that of
`tv, rule`, its geometric mean over cases. Beside it stand the zero-filled image and a regularized SENSE image by
conjugate gradients.

The cascades pass the image on exactly, times -a_t, but what their U-Nets add to it never is, and a polynomial that is
best without errors makes 30 times as large an error of them. So white noise of `--noise` times the image's root mean
square is added to what R_t sees in the fit, and the score is given without noise and with 3%. The numbers of 12
cascades are `linear` of the recipe `varnet`.
"""

import math
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from arguments import parser_of
from napari_recon_robust.cli.progress import follow
from napari_recon_robust.reconstructors.classical import tv
from napari_recon_robust.reconstructors.problem import Problem, linear_start
from napari_recon_robust.training.bank import Bank, build_bank
from napari_recon_robust.training.example import Example, draw_example
from napari_recon_robust.training.losses import log_error
from napari_recon_robust.training.recipe import Recipe, load_recipe
from napari_recon_robust.training.validation import VALIDATION_SEED, foreground_error

FIRST = (1.0, 0.3)  # eta and a before the fit
RATE = 0.02
PIXELS = 8192
NOISE = 0.03

Image = Callable[[Problem], Tensor]


def main() -> None:
    parser = parser_of(__doc__, "data", "bank")
    parser.add_argument("--cascades", type=int, nargs="+", default=[6, 8, 12, 18])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--noise", type=float, default=0.05)
    options = parser.parse_args()
    torch.set_num_threads(1)
    recipe = load_recipe("varnet")
    bank = follow(build_bank(recipe.bank, options.data, options.bank), "Cases")
    cases = validation(recipe, bank)
    print("| | NMSE ÷ tv, rule | with noise | seconds | eta, a |\n|---|---|---|---|---|")
    print(f"| zero-filled | {score(lambda problem: problem.model.adjoint(problem.data), cases):.2f} | | | |")
    print(f"| regularized SENSE | {score(linear_start, cases):.2f} | | | |", flush=True)
    for cascades in options.cascades:
        began = time.perf_counter()
        fitted = fit(recipe, bank, cascades, options.steps, options.noise)
        seconds = time.perf_counter() - began
        scores = [score(partial(polynomial, fitted, noise=noise), cases) for noise in (0.0, NOISE)]
        numbers = ", ".join(f"[{eta:.3f}, {a:.3f}]" for eta, a in fitted.tolist())
        print(f"| {cascades} cascades | {scores[0]:.2f} | {scores[1]:.2f} | {seconds:.0f} | {numbers} |", flush=True)


def polynomial(linear: Tensor, problem: Problem, noise: float) -> Tensor:
    """z' = z - eta (u - b) + a x and u' = (1 - eta) u + eta b + a N x, from z = u = b = A^H y on; N = A^H A.

    u is S^H F^-1 M k, and x is z with white noise. linear: (cascades, 2).
    """
    b = problem.model.adjoint(problem.data)
    z, u = b, b
    for eta, a in linear:
        x = z + noise * z.abs().square().mean().sqrt() * torch.randn_like(z)
        z, u = z - eta * (u - b) + a * x, (1 - eta) * u + eta * b + a * problem.model.normal(x)
    return z


def fit(recipe: Recipe, bank: Bank, cascades: int, steps: int, noise: float) -> Tensor:
    """The numbers of so many cascades, float32 (cascades, 2), after so many steps of Adam, each with a new case."""
    torch.manual_seed(0)
    linear = torch.tensor([FIRST] * cascades, requires_grad=True)
    optimiser = torch.optim.Adam([linear], lr=RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, steps)
    for step in range(steps):
        rng = np.random.default_rng((1, step))
        example = draw_example(bank[int(rng.integers(len(bank)))], recipe.masks, PIXELS, rng)
        loss = log_error(partial(polynomial, linear, noise=noise), example, rng)  # type: ignore[arg-type]
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([linear], 1.0)
        optimiser.step()
        schedule.step()
    return linear.detach()


def validation(recipe: Recipe, bank: Bank) -> list[tuple[Example, float]]:
    """A mask for each validation case, with the NMSE of TV by its rule."""
    found = []
    for number, case in enumerate(bank.validation):
        rng = np.random.default_rng((recipe.seed, VALIDATION_SEED, number))
        example = draw_example(case, recipe.masks, recipe.pixels, rng)
        noise = float(example.problem.noise)
        found.append((example, foreground_error(example.problem.tv(tv.rule(noise)), example)))
    return found


@torch.no_grad()
def score(image: Image, cases: list[tuple[Example, float]]) -> float:
    """The geometric mean of the NMSE over that of TV."""
    torch.manual_seed(1)
    return math.exp(
        float(np.mean([math.log(foreground_error(image(one.problem), one) / of_tv) for one, of_tv in cases]))
    )


if __name__ == "__main__":
    main()
