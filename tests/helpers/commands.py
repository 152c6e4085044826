"""Every command that writes, small, with its outputs in the present folder; and what it has written."""

import csv
import json
from pathlib import Path

import yaml

SAMPLING = ["--pattern", "equispaced", "--acceleration", "3", "--centre-fraction", "0.2"]
SLICE = ["{scan}", *SAMPLING, "--slice", "1"]
FAST = [*SLICE, "--method", "zero-filled"]
REGION = ["--roi", "45,48,16,14"]
PERTURB = ["perturb", "random", *FAST, *REGION, "--budget", "0.01"]
COMMANDS = {
    "reconstruct": ["reconstruct", *FAST, "--output", "out/image.h5"],
    "diverse": ["diverse", *SLICE, "--method", "tv", "--count", "2", "--output", "out"],
    "fragility": ["fragility", *FAST, "--gradients", "1", "--output", "out/map.png"],
    "retention": ["retention", *FAST, "--spacing", "32", "--output", "out/map.npy"],
    "perturb": [*PERTURB, "--output", "out/case", "--plot", "out/plot.png"],
    "samples": ["samples", "{scan}", "--method", "zero-filled", "--acceleration", "2", "--plot", "out/curve.svg"],
    "contrast": ["contrast", *SLICE, *REGION, "--samples", "1", "--steps", "2", "--plot", "out/contrast.png"],
    "compare": ["compare", "{scan}", "--method", "zero-filled", "--method", "cg-sense", "--output", "out"],
    "simulate": ["simulate", "out/head.h5", "--recipe", "{head}"],
    "train": ["train", "{recipe}", "--data", "{anatomy}", "--output", "out"],
}
HEAD = {"matrix": 32, "heights": [20.0], "coils": 2, "lesions": 1, "oversampling": 1}
RECIPE = {
    "id": "small",
    "title": "a small network",
    "network": "hqs-supervised",
    "arguments": {"unrolls": 1, "widths": [4, 4]},
    "loss": "improvement",
    "bank": {"cases": 2, "seed": 2, "coils": [4, 4], "matrix": [32, 40]},
    "pixels": 24 * 32,
    "presets": {"cpu": {"steps": 4, "validate_every": 2, "precision": "float32"}},
}


def make_inputs(folder: Path, scan: Path, anatomy: Path) -> dict[str, str]:
    """What the commands read, by the names in their braces."""
    for name, values in (("head", HEAD), ("recipe", RECIPE)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    files = {"scan": scan, "anatomy": anatomy, "head": folder / "head.yaml", "recipe": folder / "recipe.yaml"}
    return {name: str(file) for name, file in files.items()}


def filled(name: str, inputs: dict[str, str]) -> list[str]:
    """The arguments of a command."""
    return [argument.format(**inputs) for argument in COMMANDS[name]]


def written(folder: Path) -> dict[str, object]:
    """What lies in a folder and those within, by file, without what depends on time; hidden files too."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): _content(path) for path in files if path.suffix not in (".lock", ".log")
    }


def _content(path: Path) -> object:
    if path.name == "results.csv":
        with path.open(newline="", encoding="utf-8") as file:
            return [{**line, "seconds": ""} for line in csv.DictReader(file)]
    if path.name == "comparison.json":
        return sorted(json.loads(path.read_text(encoding="utf-8")))
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return {name: tensor.tolist() for name, tensor in load_file(path).items()}
    if path.suffix == ".pt":
        import torch

        return {name: value.tolist() for name, value in torch.load(path, weights_only=True)["network"].items()}
    if path.suffix in (".md", ".svg") or path.name == "log.csv":  # times, and marks that are drawn
        return len(path.read_text(encoding="utf-8").splitlines()) > 1
    return path.read_bytes()
