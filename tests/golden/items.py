"""What is frozen: by its id, how it is made again and how closely it must agree."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from . import subject
from .frozen import INPUTS, TOLERANCE, Arrays

# Measurements: sampled lines, 4 coils, oversampled readout, 48 x 48; a Poisson disc, 5 coils, 45 x 51, cropped to
# 41 x 47; and sampled lines of a known k-space, 3 coils, 26 x 30.
LINES, PLANE, SMALL = "lines", "plane", "small"

# Knobs of both measurements: fewer iterations than usual. Of the untrained networks the seeds are those whose fit does
# not depend on the last bits: with others a difference of 1e-7 grows to 1e-3 or 1e-2 within 20 iterations.
FEW: dict[str, dict[str, Any]] = {
    "dip": {"iterations": 20, "channels": 8},
    "deep-decoder": {"iterations": 20, "channels": 8, "seed": 5},
    "conv-decoder": {"iterations": 20, "channels": 8, "seed": 5},
    "gan-prior": {"iterations": 6},
    "posterior": {"samples": 2, "steps": 4},
    "test-time-training": {"steps": 3},
}
# Further ones on the second measurement, so that knobs off their defaults are frozen too.
TURNED: dict[str, dict[str, Any]] = {
    "zero-filled": {"combine": "combined"},
    "grappa": {"weight": 0.02, "combine": "combined"},
    "cg-sense": {"weight": 0.02},
    "tv": {"weight": 7e-3},
    "l1-wavelet": {"weight": 7e-3},
    "hqs": {"weight": 5e-3, "mix": 0.6},
    "dip": {"seed": 3},
    "varnet": {"sensitivities": "learned", "combination": "rss"},
    "varnet-cg": {"sensitivities": "learned", "consistency": 0.3},
    "cascade-net": {"noise": 1.5},
    "unrolled-gd": {"noise": 0.7, "consistency": 0.3},
    "neumann": {"noise": 1.5, "consistency": 0.3},
    "neumann-preconditioned": {"noise": 1.5, "consistency": 3.0},
    "irim": {"noise": 0.7},
    "gan-prior": {"deviation": 30.0, "restarts": 1, "seed": 3},
    "hqs-supervised": {"noise": 1.5, "share": 0.6},
    "ensemble": {"noise": 1.5, "show": "deviation"},
    "hyperrecon": {"weight": 6e-3, "mix": 0.7},
    "hyperrecon-supervised": {"noise": 1.5, "consistency": 0.4, "sharpness": 0.3},
    "posterior": {"show": "deviation", "seed": 3},
    "test-time-training": {"network": "varnet", "rate": 1e-3},
}

ROI = (8, 11, 8, 7)  # row, column, height, width
COMBINED, RSS = "cg-sense", "zero-filled"
BOTH, ONE = (0.01, 0.05), (0.02,)
GRADIENT = {"steps": 3}
BLACK_BOX = {"steps": 2, "evaluations": 6}
# kind: {name: (method, budgets, knobs)}; a kind that is not here is frozen with its defaults.
Setting = tuple[str, tuple[float, ...], dict[str, Any]]
PERTURBED: dict[str, dict[str, Setting]] = {
    "worst-case": {
        "default": (COMBINED, BOTH, {}),
        "rss": (RSS, ONE, GRADIENT | {"sensitivities": "kept"}),
        "tv": ("tv", ONE, {"steps": 2}),
        "apgd": (COMBINED, ONE, GRADIENT | {"algorithm": "apgd", "loss": "l1", "seed": 4}),
        "adam": (COMBINED, ONE, GRADIENT | {"algorithm": "adam", "norm": "global", "target": "clean"}),
        "advrec": (COMBINED, ONE, GRADIENT | {"algorithm": "advrec", "region": "image"}),
        "black-box": (COMBINED, ONE, BLACK_BOX | {"algorithm": "black-box", "seed": 4}),
        "transfer": (COMBINED, ONE, GRADIENT | {"algorithm": "transfer", "check": "black-box", "evaluations": 6}),
        "black-box of a fit": ("dip", ONE, BLACK_BOX),
        "ssim": (COMBINED, ONE, GRADIENT | {"loss": "ssim"}),
        "contrast": (COMBINED, ONE, GRADIENT | {"loss": "contrast"}),
        "contrast-up": (COMBINED, ONE, GRADIENT | {"loss": "contrast-up"}),
    },
    "targeted": {
        effect: (COMBINED, ONE, GRADIENT | {"effect": effect, "size": 4.0})
        for effect in ("homogeneous", "brighter", "darker", "lesion", "appear", "vanish")
    },
    "image-domain": {
        "default": (COMBINED, BOTH, {"steps": 4}),
        "symbol": (COMBINED, ONE, {"steps": 4, "insert": "symbol", "size": 8.0}),
    },
    "fnaf": {
        "default": (COMBINED, (), {}),
        "place": (COMBINED, (), {"row": 11.0, "column": 14.0, "shape": "blob", "sensitivities": "kept"}),
        "random-search": (COMBINED, (), {"algorithm": "random-search", "search": 6, "seed": 4}),
        "finite-differences": (COMBINED, (), {"algorithm": "finite-differences", "search": 8, "shape": "line"}),
    },
    "rotation": {
        "default": (COMBINED, (), {}),
        "patient": (COMBINED, (), {"angle": 1.0, "shift": 1.0, "scale": 0.05, "coils": "patient"}),
    },
    "noise-level": {"default": (COMBINED, (), {}), "other": (COMBINED, (), {"factor": 4.0, "seed": 4})},
    "other-mask": {
        "default": (COMBINED, (), {"other_centre": 0.25}),
        "poisson-disc": (COMBINED, (), {"other_pattern": "poisson-disc", "other_centre": 0.25, "seed": 4}),
    },
    "coil-dropout": {"default": (COMBINED, (), {}), "first": (COMBINED, (), {"coil": 0})},
    "spike": {"default": (COMBINED, (), {}), "several": (COMBINED, (), {"count": 3, "amplitude": 0.1, "seed": 4})},
    "contrast": {"default": (COMBINED, (), {}), "inverted": (COMBINED, (), {"gamma": 1.5, "inversion": 0.5})},
    "random": {"default": (COMBINED, BOTH, {"seed": 4})},
}


# Looser where rounding grows, as on another processor (measured without AVX; on the same one all agree to 2e-6):
LOOSER = {
    # many steps by the sign of small gradients; with two threads the deep decoder differs by 4e-4, the next one by 1e-2
    **dict.fromkeys(("methods/dip", "methods/deep-decoder", "training"), 1e-4),
    "methods/conv-decoder": 1e-3,  # 2e-4 with AVX2
    "methods/ensemble": 2e-5,  # of two networks, whose errors add up; 1.02e-5 on another kind of AVX-512
    # samples whose number of conjugate gradient steps follows from the samples before
    "weights/posterior": 1e-4,
    # searches with sensitivities that are estimated anew from what they change
    **dict.fromkeys((f"perturbations/{kind}" for kind in ("worst-case", "targeted", "image-domain", "rotation")), 1e-4),
    "perturbations/fnaf": 5e-2,  # whose steps turn on rounding: 4e-2 with AVX2
    # eigenvectors at the edge of the support, where the largest eigenvalue is hardly larger than the next
    **dict.fromkeys((f"calibration/{name}" for name in (LINES, PLANE, SMALL)), 1e-3),
}


@dataclass(frozen=True)
class Item:
    """make: the arrays, or a text. weights: SHA-256 of the shipped sets that they depend on."""

    make: Callable[[], Arrays | str]
    weights: Callable[[], list[str]] = list


def tolerance(id: str) -> float:
    """How far an array may be off, relative to its largest magnitude."""
    return LOOSER.get(id, TOLERANCE)


def all_items() -> dict[str, Item]:
    """Everything that `renew` writes, by its id."""
    return dict(_items())


def _items() -> Iterator[tuple[str, Item]]:
    for id in subject.method_ids():
        yield f"methods/{id}", Item(partial(_images, id), weights=partial(subject.weights_of, id))
    for kind in subject.perturbation_ids():
        yield f"perturbations/{kind}", Item(partial(_perturbed, kind))
    for path in weight_files():
        yield f"weights/{path.stem}", Item(partial(_image_of_file, path))
    yield "training", Item(_trained)
    for page in _help():
        yield f"help/{page}", Item(partial(_page, page))
    for name in (LINES, PLANE, SMALL):
        yield f"calibration/{name}", Item(partial(subject.calibration, name))
    yield "names", Item(lambda: "\n".join(subject.public_names()) + "\n")
    yield "sampling", Item(subject.sampling_patterns, weights=subject.sampling_weights)


def weight_files() -> list[Path]:
    return sorted((INPUTS / "weights").glob("*.*"))


def cases() -> list[Path]:
    return sorted((INPUTS / "cases").glob("*"))


def _images(id: str) -> Arrays:
    knobs = FEW.get(id, {})
    return {
        LINES: subject.reconstruct(id, subject.measurement(LINES), knobs),
        PLANE: subject.reconstruct(id, subject.measurement(PLANE), knobs | TURNED.get(id, {})),
        **subject.method_knobs(id),
    }


def _settings(kind: str) -> dict[str, Setting]:
    return PERTURBED.get(kind, {"default": (COMBINED, (), {})})


def _perturbed(kind: str) -> Arrays:
    return {
        f"{name}.{key}": array
        for name, (method, budgets, knobs) in _settings(kind).items()
        for key, array in subject.perturb(
            kind, subject.measurement(SMALL, calibrated=False), method, FEW.get(method, {}), ROI, budgets, knobs
        ).items()
    }


def _image_of_file(path: Path) -> Arrays:
    """What it holds, and the image where a method runs it: learned lines reconstruct for nobody."""
    names, title = subject.described(path)
    found: Arrays = {"title": np.array(title), "tensors": np.array(sorted(names))}
    if subject.opens(path):
        found["image"] = subject.reconstruct(str(path), subject.measurement(SMALL), FEW.get(path.stem, {}))
    return found


def _trained() -> Arrays:
    """Weights at the checkpoint, and two steps later."""
    with TemporaryDirectory() as scratch:
        return {
            f"{preset}.{name}": array
            for preset in ("here", "further")
            for name, array in subject.resumed(INPUTS / "training", preset, Path(scratch)).items()
        }


@cache
def _help() -> dict[str, str]:
    return subject.help_pages()


def _page(name: str) -> str:
    return _help()[name]
