"""When test-time training adapts a network, and what that gains: on slices like those of the training, and on others.

    python benchmarks/test_time_training.py --data ../shared/data/anatomy --output FOLDER [--networks joint unet ...]

`joint` is the published case: the U-Net of `unet-joint`, smaller, trained here on T1-weighted heads alone. Not shifted:
T1-weighted heads. Shifted in contrast: T2-weighted heads. Shifted in anatomy: a knee, a heart, necks and a spine. The
others are shipped networks, of many people and organs, on the people that their training has not seen: those of the
validation, on whom the rule was chosen, and one head. 8 simulated coils, 4x, equispaced and random lines in turn. PSNR
of the foreground against the noise-free truth; the interval of the mean gain is Student's over the people. --target
trains a second U-Net on a T2-weighted head, for the share of the gap in contrast that is closed
(`statistics.shifts.share_closed`), which is said only if the interval of the gap excludes 0.
What FOLDER holds already is not computed again.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from arguments import parser_of
from napari_recon_robust.cli.progress import follow
from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.evaluation import metrics
from napari_recon_robust.ground.progress import run
from napari_recon_robust.ground.writing import write
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Reconstructor
from napari_recon_robust.reconstructors.classical import tv
from napari_recon_robust.reconstructors.learned.test_time_training import TestTimeTraining
from napari_recon_robust.reconstructors.learned.unet_joint import JointUNet
from napari_recon_robust.simulation.acquisition import NOISE_RANGE, simulate_slice
from napari_recon_robust.simulation.anatomy import load_volume, slices
from napari_recon_robust.statistics.clustered import mean
from napari_recon_robust.statistics.shifts import share_closed
from napari_recon_robust.training import loop
from napari_recon_robust.training.bank_specification import BankSpecification
from napari_recon_robust.training.example import MaskSpecification

COILS, NOISE = 8, 0.005
JOINT = "joint"
# The volumes of each kind of shift, one for each person, and how many slices of each.
SHIFTS = {
    "none (T1-weighted heads)": {"brain_t1_b": 12, "brain_t1_child": 6, "brain_t1_seg3d": 6, "brain_t1_eun": 6},
    "contrast (T2-weighted heads)": dict.fromkeys(("brain_t2", "brain_t2_niivue", "brain_t2_m2208"), 2),
    "anatomy": dict.fromkeys(
        ("knee_mese_te25", "heart_lge", "neck_gre_mt0", "neck_t2_ms", "neck_mtoff_sub01", "spine_lumbar_t2"), 1
    ),
    "validation (a brain, a stroke patient, a neck)": dict.fromkeys(
        ("brain_pd_papaya", "brain_stroke_t2", "neck_mtoff_sub03"), 2
    ),
    "test (a T1-weighted head)": {"brain_t1_b": 6},
}
NONE, CONTRAST, ANATOMY, VALIDATION, TEST = SHIFTS
TRAINED_ON = {"T1": ("brain_t1_a", "brain_lowres_t1w"), "T2": ("brain_t2",)}

Values = dict[str, Any]


def main() -> None:
    parser = parser_of(__doc__, "data", "output")
    parser.add_argument("--networks", nargs="+", default=[JOINT, "unet-joint", "unet", "hqs-supervised"])
    parser.add_argument("--shifts", nargs="+", choices=[shift.split()[0] for shift in SHIFTS])
    parser.add_argument("--matrix", type=int, default=128)
    parser.add_argument("--training-steps", type=int, default=2500)
    parser.add_argument("--target", action="store_true", help="train on a T2-weighted head too")
    options = parser.parse_args()
    cases = Cases(options.data, options.output, options.matrix)
    train = Trainer(options.data, options.output, options.training_steps)
    head = ("network", "shift", "people", "cases", "adapted", "alone", "test-time training", "tv, rule")
    rows = [(*head, "gain in dB [95% over people]", "worst")]
    found: dict[tuple[str, str], dict[str, list[Values]]] = {}
    for id in options.networks:
        network = train("T1") if id == JOINT else registry.get(id)
        for shift in wanted(id, options.shifts):
            found[id, shift] = cases.measured(id, shift, TestTimeTraining(network))
            rows.append((id, shift, *summary(found[id, shift])))
    print("\n".join(f"| {' | '.join(row)} |" for row in (rows[0], ["---"] * len(rows[0]), *rows[1:])))
    if options.target:
        report_share(found[JOINT, CONTRAST], cases.measured("trained on T2", CONTRAST, TestTimeTraining(train("T2"))))


def wanted(id: str, chosen: list[str] | None) -> list[str]:
    """The shifts of a network: for those that ship, people whom their training has not seen."""
    shifts = [NONE, CONTRAST, ANATOMY] if id == JOINT else [VALIDATION, TEST]
    if chosen is None:
        return shifts
    return [shift for shift in SHIFTS if shift.split()[0] in chosen]


class Cases:
    """What test-time training makes of each case, in a file: computed where it is missing."""

    def __init__(self, data: Path, output: Path, matrix: int) -> None:
        output.mkdir(parents=True, exist_ok=True)
        self.data, self.matrix, self.file = data, matrix, output / f"results-{matrix}.json"
        self.values: dict[str, Values] = json.loads(self.file.read_text()) if self.file.exists() else {}

    def measured(self, id: str, shift: str, method: TestTimeTraining) -> dict[str, list[Values]]:
        """The values of each case by person."""
        found: dict[str, list[Values]] = {}
        for first, (person, count) in enumerate(SHIFTS[shift].items()):
            for number in range(count):
                key = f"{id} / {person} / {number}"
                if key not in self.values:
                    self.values[key] = one(*self._case(person, number, count, number + first), method)
                    write(self.file, json.dumps(self.values, indent=1).encode())
                    print(f"  {key}: {self.values[key]}", flush=True)
                found.setdefault(person, []).append(self.values[key])
        return found

    def _case(self, person: str, number: int, count: int, seed: int) -> tuple[Measurement, torch.Tensor]:
        image = images_of(self.data / f"{person}.nii.gz", count, self.matrix)[number]
        acquired = simulate_slice(image, np.random.default_rng(seed), coils=COILS, noise_level=NOISE)
        pattern = ("equispaced", "random")[seed % 2]
        mask = Sampling(pattern=pattern, minimum_centre_lines=12, seed=seed).mask(self.matrix, self.matrix)
        return Measurement(acquired.kspace * mask, mask, (self.matrix, self.matrix)), acquired.image.abs()


@lru_cache(1)
def images_of(file: Path, count: int, matrix: int) -> list[Any]:
    """So many slices of a volume, axial ones where it has them."""
    volume = load_volume(file)
    plane = "axial" if "axial" in volume.planes else volume.planes[0]
    return list(slices(volume, plane, count, (matrix, matrix)))


def one(measurement: Measurement, truth: torch.Tensor, method: TestTimeTraining) -> Values:
    """PSNR by the network alone, after test-time training and by TV, and what was decided."""
    messages: list[str] = []
    adapted = run(method.job(measurement), lambda step: messages.append(step.message))
    assert method.method is not None
    images = {"alone": method.method(measurement), "after": adapted}
    images["tv"] = registry.get("tv")(measurement, weight=tv.auto_weight(measurement))
    tissue = foreground(truth)
    scores = {name: metrics.measure(x, truth, tissue=tissue)["foreground"].psnr for name, x in images.items()}
    return {"words": messages[-1], **{name: round(float(score), 4) for name, score in scores.items()}}


def summary(found: dict[str, list[Values]]) -> tuple[str, ...]:
    """The cells of a row."""
    values, people = flat(found)
    gains = [one["after"] - one["alone"] for one in values]
    adapted = sum(one["words"].startswith("adapted") for one in values)
    estimate = mean(gains, people)
    bounds = "" if estimate.interval is None else " [{:+.2f}, {:+.2f}]".format(*estimate.interval)
    means = (f"{np.mean([one[name] for one in values]):.2f}" for name in ("alone", "after", "tv"))
    counts = (len(found), len(values), adapted)
    return (*map(str, counts), *means, f"{estimate.value:+.2f}{bounds}", f"{min(gains):+.2f}")


def flat(found: dict[str, list[Values]]) -> tuple[list[Values], list[str]]:
    """All cases, and the person of each."""
    pairs = [(value, person) for person, values in found.items() for value in values]
    return [value for value, _ in pairs], [person for _, person in pairs]


def report_share(shifted: dict[str, list[Values]], target: dict[str, list[Values]]) -> None:
    """The gap between both trainings on heads that neither has seen, and the share of it that is closed."""
    seen = TRAINED_ON["T2"]
    (ours, people), (theirs, _) = (
        flat({person: values for person, values in found.items() if person not in seen}) for found in (shifted, target)
    )
    alone, after, there = (
        [one[name] for one in of] for of, name in ((ours, "alone"), (ours, "after"), (theirs, "alone"))
    )
    gap = mean(np.subtract(there, alone), people)
    share = share_closed(alone, after, there, people)
    print(f"\ngap in contrast: {gap.value:+.2f} dB, interval {gap.interval}, {len(set(people))} people")
    print(
        "share closed:",
        "not said, the gap may be 0" if share.interval is None else f"{share.value:.0%} {share.interval}",
    )


class Trainer:
    """The U-Net of the published case for one contrast, trained where it is not there yet."""

    def __init__(self, data: Path, output: Path, steps: int) -> None:
        self.data, self.output, self.steps = data, output, steps

    def __call__(self, contrast: str) -> Reconstructor:
        weights = self.output / contrast / f"unet-{contrast}.safetensors"
        if not weights.exists():
            anatomies = self.output / "anatomy" / contrast
            anatomies.mkdir(parents=True, exist_ok=True)
            for name in TRAINED_ON[contrast]:
                (anatomies / f"{name}.nii.gz").write_bytes((self.data / f"{name}.nii.gz").read_bytes())
            resume = (weights.parent / "checkpoint.pt").exists()
            follow(
                loop.train(recipe(contrast, self.steps), anatomies, weights.parent, resume=resume),
                f"training on {contrast}",
            )
        return JointUNet(str(weights))


def recipe(contrast: str, steps: int) -> Any:
    """`unet-joint` at 4x and in the contrast that the volumes have."""
    return loop.load_recipe(JointUNet.id).model_copy(
        update={
            "id": f"unet-{contrast}",
            "title": f"U-Net for {contrast}-weighted heads",
            "arguments": {"widths": [24, 48, 72]},
            "pixels": 4096,
            "masks": MaskSpecification(patterns=("equispaced", "random"), acceleration=(4, 4)),
            "bank": BankSpecification(
                cases=240, seed=1, coils=(6, 10), matrix=(160, 224), noise=NOISE_RANGE, other_contrast=0
            ),
            "presets": {
                "cpu": loop.Preset(steps=steps, warm_up=50, learning_rate=0.001, muon=0.01, validate_every=300)
            },
        }
    )


if __name__ == "__main__":
    main()
