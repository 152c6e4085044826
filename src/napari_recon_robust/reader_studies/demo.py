"""A reader study out of the box: six lesions of the packaged sample and six places without one, clean and attacked."""

from collections.abc import Callable, Iterator
from pathlib import Path

from ..cases.making import make_case
from ..cases.record import Case, save_case
from ..data.roi import ROI, Box
from ..data.scan import Scan
from ..ground import progress
from ..ground.errors import InputError
from ..ground.writing import new_folder
from ..perturbations import registry as perturbations
from ..perturbations.outcome import evaluate
from ..physics.sampling import Sampling
from ..reconstructors import registry
from ..simulation.sample import open_sample
from .freezing import freeze
from .plan import Arm, Design, Plan, ReadingCase, Viewing
from .questions import QUESTIONNAIRES, Lesion

PERTURBATION = "worst-case"
METHOD, ACCELERATION, BUDGET = "unet", 4, 0.01
CASES = 12


def demo(folder: str | Path) -> progress.Job[Path]:
    """Make the cases and the frozen study in a new folder, both or nothing; returns the study's.

    The questions are one on the lesion, three on quality, and, beside the reference, one on structures. The sample is
    one simulated head, so the study shows how one is read, and says nothing on patients. Raises InputError for a folder
    that is not empty, WritingError for one that cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder.name} is not empty; name a new folder.")
    with new_folder(folder) as made:  # which stands there when it is complete
        entries = yield from _save_cases(made)
        freeze(_plan(entries), made / "study", made)
    return folder / "study"


def _save_cases(folder: Path) -> progress.Job[list[ReadingCase]]:
    """Make the cases, and save them in a folder that the entries of the plan start from."""
    method = registry.get(METHOD).at()
    entries: list[ReadingCase] = []
    with open_sample() as scan:
        places = list(_places(scan))

        def part(half: int) -> Callable[[progress.Progress], progress.Progress]:
            """The progress of a case's attack, its first half, or of what it is measured by, its second."""
            done, words = len(entries) + half / 2, f"Case {len(entries) + 1} of {len(places)}"
            return lambda step: progress.Progress((done + step.fraction / 2) / len(places), words)

        for number, (slice, roi, lesion) in enumerate(places):
            measurement = scan.measurement(slice, Sampling(acceleration=ACCELERATION))
            attack = perturbations.get(PERTURBATION).run(measurement, method, roi, (BUDGET,))
            perturbed = yield from progress.relayed(attack, part(0))
            judged = evaluate(measurement, method, roi, perturbed)
            outcomes = yield from progress.relayed(judged, part(1))
            facts = scan.facts(slice)
            case: Case = make_case(measurement, method, roi, outcomes, perturbation=PERTURBATION, source=facts)
            name = f"case-{number + 1}"
            save_case(case, folder / "cases" / name)
            place, saved = roi if lesion else None, f"cases/{name}"
            entries.append(
                ReadingCase(id=name, saved=saved, patient="sample", lesion=lesion, place=place, source="simulation")
            )
    return entries


def _plan(entries: list[ReadingCase]) -> Plan:
    questions = [one for name in ("quality", "structures") for one in QUESTIONNAIRES[name][1]]
    return Plan(
        title="A reader study of the packaged sample",
        arms=(Arm(name="clean", image="clean"), Arm(name="attacked", image="perturbed")),
        cases=tuple(entries),
        questions=(Lesion(id="lesion", text="Is there a lesion in the square?"), *questions),
        design=Design(readers=2),
        viewing=Viewing(region=True),
    )


def _places(scan: Scan) -> Iterator[tuple[int, ROI, bool]]:
    """Lesions, and in the same slice the mirror image of each across the midline, where there is none."""
    matrix = scan.header.matrix
    found = 0
    for annotation in scan.annotations:
        if annotation.box is None or found == CASES:
            continue
        others = [one.box for one in scan.annotations if one.box is not None and one.slice == annotation.slice]
        mirrored = _mirrored(annotation.box, matrix)
        if any((mirrored.mask(matrix) & other.mask(matrix)).any() for other in others):
            continue
        for roi, lesion in ((annotation.box, True), (mirrored, False)):
            found += 1
            yield annotation.slice, roi, lesion


def _mirrored(roi: ROI, matrix: tuple[int, int]) -> ROI:
    """The box on the other side of the midline."""
    box = roi.shapes[0]
    assert isinstance(box, Box)
    return ROI.box(box.row, matrix[1] - box.column - box.width, box.height, box.width)
