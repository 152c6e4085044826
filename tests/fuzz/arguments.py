"""Odd arguments of the public functions, and of what the command line and the window hand on as it was typed."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

import napari_recon_robust as rr
from napari_recon_robust.analyses.quality.entries import MethodEntry
from napari_recon_robust.analyses.quality.grid import Grid, groups
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.progress import run
from napari_recon_robust.io.annotations import read_annotations
from napari_recon_robust.io.images import read_image, write_image
from napari_recon_robust.io.masks import read_mask
from napari_recon_robust.perturbations import registry as perturbations
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.simulation.anatomy import load_volume
from napari_recon_robust.training.recipe import load_recipe

from . import formats, odd

# where a function takes a path, with the scan and its folder in place of the braces
PATHS = (
    "",
    ".",
    "..",
    "/",
    "{scan}",
    "{folder}",
    "{scan}/x",
    "{folder}/none.h5",
    "\0",
    "{folder}/a\0b.h5",
    "~",
    "~nobody/x.h5",
)
PATHS += (
    "x" * 5000,
    "x/" * 3000,
    "/dev/null",
    "/dev/zero",
    "/dev/stdin",
    "/dev/full",
    "/proc/self/mem",
    "/proc/self/maps",
)
PATHS += (
    "a\nb.h5",
    "\udcff.h5",
    "file:///etc/passwd",
    "http://example.org/x.h5",
    ".npy",
    ".safetensors",
    "{folder}/.csv",
)
NAMES = (
    "tv",
    "",
    "TV",
    "tv,",
    "nothing",
    "tv:",
    ":",
    "bart:",
    "bart: pics",
    "bart:pics {kspace} {image} '",
    "x.py",
    "math:sqrt",
)
NAMES += (
    "math:",
    "os:getcwd",
    ".:f",
    "x.pt2",
    "a/b",
    "\0.pt2",
    "x" * 5000,
    "x" * 5000 + ".pt2",
    "a\nb",
    "tv, weight=x",
    "tv,oracle,auto",
)
NAMES += (
    "tv, weight=" + "9" * 400,
    "tv, weight=nan",
    "tv, weight=-1",
    "tv, =1",
    "é",
    "module:\udcff",
    "tv, knob=1",
    "\udcff",
    "..py",
)


def _path(rng: Random, folder: Path) -> Any:
    if rng.random() < 0.15:
        return odd.value(rng)
    text = rng.choice(PATHS).format(scan=folder / "scan.h5", folder=folder)
    return text if rng.random() < 0.5 else Path(text)


def _name(rng: Random) -> Any:
    return rng.choice(NAMES) if rng.random() < 0.7 else odd.value(rng)


def _several(rng: Random) -> Any:
    return rng.choice(([], (), [odd.value(rng)], [odd.scalar(rng), odd.scalar(rng)], odd.value(rng), [0.01, 0.02]))


def _array(rng: Random) -> Any:
    shape = rng.choice(((), (0,), (18,), (1, 18), (16, 18), (18, 16), (4, 16, 18), (17,), (2, 2, 2, 2)))
    kind = rng.choice(("f4", "?", "c8", "i8", "U2", "O"))
    array = np.zeros(shape, kind) if rng.random() < 0.5 else np.ones(shape, kind)
    return rng.choice((array, array.tolist(), torch.ones(shape), torch.zeros(shape, dtype=torch.bool), odd.value(rng)))


def _vertices(rng: Random) -> Any:
    pair = [odd.scalar(rng), odd.scalar(rng)]
    sound = [[1, 1], [1, 9], [9, 9]]
    return rng.choice(
        ([*sound, pair], [pair] * 3, [[1, 2, 3]] * 3, [1, 2, 3], sound[:2], "abc", odd.value(rng), _array(rng))
    )


def _knobs(rng: Random, names: list[str]) -> dict[str, Any]:
    name = rng.choice((*names, *names, "nothing", "", "é"))
    return {name: odd.value(rng)}


def _fields(rng: Random, *names: str) -> dict[str, Any]:
    return {name: odd.value(rng) for name in rng.sample(names, rng.choice((1, 1, 2)))}


def _roi(rng: Random, folder: Path) -> None:
    made = rng.choice(
        (
            lambda: ROI.box(
                *(rng.choice((odd.value(rng), 3, 4)) for _ in range(4)), label=rng.choice(("", odd.value(rng)))
            ),
            lambda: ROI.polygon(_vertices(rng)),
            lambda: ROI.ellipse(*(rng.choice((odd.value(rng), 3.0, 4.0)) for _ in range(5))),
            lambda: ROI.brush(_array(rng)),
            lambda: ROI.parse(
                rng.choice((odd.value(rng), "1,2,3", "1,2,3,4,5", "a,b,c,d", "1,1,5,5", "1,1,-5,5", "٣,1,1,1"))
            ),
            lambda: ROI(shapes=odd.value(rng)),
            lambda: ROI.model_validate(odd.change_tree(ROI.box(1, 1, 3, 3).model_dump(mode="json"), rng)),
        )
    )()
    made.mask((16, 18))


def _scan(rng: Random, folder: Path) -> None:
    with rr.open_scan(folder / "scan.h5") as scan:
        rng.choice(
            (
                lambda: scan.kspace(odd.value(rng)),
                lambda: scan.reference(odd.value(rng)),
                lambda: scan.measurement(odd.value(rng)),
                lambda: scan.measurement(0, _array(rng)),
                lambda: scan.measurement(0, Sampling(**_sampling_fields(rng))),
            )
        )()


def _sampling_fields(rng: Random) -> dict[str, Any]:
    return _fields(rng, "pattern", "acceleration", "centre_fraction", "minimum_centre_lines", "seed") | (
        {"pattern": rng.choice(("poisson-disc", "loupe", "magic", "random"))} if rng.random() < 0.5 else {}
    )


def _sampling(rng: Random, folder: Path) -> None:
    Sampling(**_sampling_fields(rng)).mask(16, 18)


def _method(rng: Random, folder: Path) -> None:
    id = rng.choice(("zero-filled", "cg-sense", "tv", "l1-wavelet", "hqs", "dip"))
    method = registry.get(id)
    method.at(**_knobs(rng, [knob.name for knob in method.knobs]))


def _perturb(rng: Random, folder: Path) -> None:
    kind = rng.choice(
        ("random", "noise-level", "spike", "coil-dropout", "rotation", "motion", "other-mask", "targeted")
    )
    knobs = [knob.name for knob in perturbations.get(kind).knobs]
    odd_one = rng.choice(("kind", "budgets", "budgets", "knobs", "knobs", "roi"))
    rr.perturb(
        odd.value(rng) if odd_one == "kind" else kind,
        formats.undersampled(),
        registry.get("zero-filled"),
        ROI.box(*(rng.choice((0, -3, 12, 40)) for _ in range(2)), 5, 5) if odd_one == "roi" else ROI.box(4, 4, 7, 8),
        _several(rng) if odd_one == "budgets" else (0.01,),
        **_knobs(rng, knobs) if odd_one == "knobs" else {},
    )


def _studies(rng: Random, folder: Path) -> None:
    one, method, roi = formats.undersampled(), registry.get("zero-filled"), ROI.box(4, 4, 7, 8)
    rng.choice(
        (
            lambda: rr.diverse(one, method, odd.value(rng), roi=roi),
            lambda: rr.transfer_matrix(one, _several(rng), roi),
            lambda: rr.quality_by_samples(formats.measurement(), method, _several(rng)),
            lambda: rr.posterior_contrast(one, roi, **_fields(rng, "samples", "steps", "seed")),
            lambda: rr.compare(one, method, roi, [], seed=odd.value(rng)),
            lambda: rr.compare_methods(_files(rng, folder), _several(rng)),
        )
    )()


def _files(rng: Random, folder: Path) -> Any:
    return rng.choice((odd.value(rng), [_path(rng, folder)], {"a": _path(rng, folder)}, []))


def _measurement(rng: Random, folder: Path) -> None:
    kspace, mask = (torch.as_tensor(np.ones(shape, "c8")) for shape in ((4, 16, 18), (1, 18)))
    shape = rng.choice(((), (18,), (16, 18), (4, 16, 18), (0, 16, 18), (4, 0, 18), (4, 16, 0), (2, 4, 16, 18)))
    kind = rng.choice((torch.complex64, torch.float32, torch.complex128, torch.bool, torch.int64))
    if rng.random() < 0.5:
        kspace = torch.ones(shape).to(kind)
    else:
        mask = torch.ones(rng.choice(((1, 18), (16, 18), (18,), (1, 17), (0,)))).to(kind)
    matrix = rng.choice(((16, 18), (0, 0), (99, 99), (16,), (-1, 5), (16, 18, 1)))
    measured = Measurement(kspace, mask, matrix)
    rng.choice((lambda: measured.calibration, lambda: registry.get("zero-filled")(measured)))()


def _grid(rng: Random, folder: Path) -> None:
    fields = (
        "patterns",
        "accelerations",
        "seeds",
        "slices",
        "centre_fraction",
        "minimum_centre_lines",
        "matrix",
        "coils",
    )
    for sampling in Grid(**_fields(rng, *fields)).samplings("scan.h5", 0)[:3]:
        sampling.mask(16, 18)


def _open(rng: Random, folder: Path) -> None:
    with rr.open_scan(_path(rng, folder)):
        pass


def _axes(rng: Random, folder: Path) -> None:
    np.save(folder / "scan.npy", formats.kspace())
    with rr.open_scan(
        folder / "scan.npy", rng.choice((odd.value(rng), _several(rng), ("readout", "phase"), ["coil"] * 4))
    ):
        pass


FUNCTIONS: dict[str, Callable[[Random, Path], Any]] = {
    "open_scan": _open,
    "axes": _axes,
    "roi": _roi,
    "scan": _scan,
    "sampling": _sampling,
    "method": _method,
    "perturb": _perturb,
    "studies": _studies,
    "measurement": _measurement,
    "grid": _grid,
    "groups": lambda rng, folder: groups(_files(rng, folder)),
    "reconstructor": lambda rng, folder: rr.reconstructor(_name(rng)),
    "entry": lambda rng, folder: MethodEntry.parse(_name(rng)).open(),
    "load_case": lambda rng, folder: rr.load_case(_path(rng, folder)),
    "replay": lambda rng, folder: run(rr.cases.replay.replay(_path(rng, folder))),
    "save_case": lambda rng, folder: rr.save_case(
        formats.case(), folder / rng.choice(("", "scan.h5", "scan.h5/x", "x" * 300))
    ),
    "read_mask": lambda rng, folder: read_mask(Path(str(_path(rng, folder)))),
    "read_image": lambda rng, folder: read_image(Path(str(_path(rng, folder)))),
    "write_image": lambda rng, folder: write_image(
        folder / rng.choice(("a.xyz", "none/a.png", "scan.h5/a.png", "x" * 300 + ".png", "a.png", ".png")),
        torch.ones(3, 3),
    ),
    "read_annotations": lambda rng, folder: read_annotations(_path(rng, folder), "scan", 16),
    "load_volume": lambda rng, folder: load_volume(_path(rng, folder)),
    "recipe": lambda rng, folder: load_recipe(str(_path(rng, folder))),
}
