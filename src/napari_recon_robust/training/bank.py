"""The bank: multi-coil acquisitions to train on, simulated or real, kept in a folder.

Reading or simulating a slice and calibrating it takes longer than a training step. So a few hundred cases are made
beforehand, and some of other people for validation. Every case is stored fully sampled, so that each step draws a new
mask. Sensitivities are estimated as at inference, only from the noisy ACS lines, and each mask samples at least these.
"""

import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..data.points import without_gaps
from ..ground.errors import InputError
from ..ground.guard import read, shown
from ..ground.locks import locked
from ..ground.progress import Job, Progress
from ..ground.specification import Specification
from ..weights.metadata import SeenFile
from . import seen
from .bank_specification import BankSpecification
from .case import Cases, TrainingCase, calibrated, is_whole, load_case, opened, save_case, write_whole
from .contents import UNDERSAMPLED
from .files import find_files
from .sources import Origin, Source, find_sources, named, packed_origins

VALIDATION_CASES = 24
_VALIDATION_SEED = 2**20
SPECIFICATION, _RECORD, _LOCK = "bank.json", "sources.json", "making.lock"
_SUBSTITUTES = 4
_WAIT = 0.2  # seconds
_LARGEST_CHANGE = 0.03  # of the first case of a bank made again, relative norm; rounding may turn pixels of the support

S = TypeVar("S", bound=Specification)


class Record(Specification):
    """Whom the cases of a bank show. validation: a sentence on how far validation shows other people than training."""

    sources: tuple[Origin, ...]
    validation: str


class Bank(Cases):
    """The cases in a folder: those for training, and separately those for validation."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder.glob("case-*.safetensors"))
        self.validation = Cases(folder.glob("validation-*.safetensors"))
        record = folder / _RECORD
        described = os.path.lexists(record)
        self.record = read_description(Record, record) if described else Record(sources=(), validation="")

    @property
    def drawn(self) -> int:
        """How many training cases there have been: the present ones and those that they have replaced."""
        numbers = []
        for path in self.paths:
            with opened(path) as file:
                numbers.append(int((file.metadata() or {}).get("number", -1)))  # earlier versions did not write it
        return max(numbers, default=-1) + 1

    @property
    def origins(self) -> dict[str, int]:
        """The number of sources of each kind that the cases were drawn from."""
        return dict(Counter(origin.kind for origin in self.record.sources))

    @property
    def simulated(self) -> bool:
        """Whether all cases are simulated."""
        return all(kind.startswith("simulated") for kind in self.origins)

    @property
    def undersampled(self) -> bool:
        """Whether any scan is undersampled."""
        return any(kind.endswith(UNDERSAMPLED) for kind in self.origins)

    @property
    def all_undersampled(self) -> bool:
        """Whether all sources are undersampled scans, which keep their own lines."""
        return bool(self.origins) and all(kind.endswith(UNDERSAMPLED) for kind in self.origins)

    def ranges(self) -> dict[str, tuple[float, float]]:
        """The range over all cases of coils, sides of the matrix, and noise, and of R for undersampled ones."""
        found, accelerations = [], []
        for path in (*self.paths, *self.validation.paths):
            with opened(path) as file:
                coils, rows, columns = file.get_slice("coil_images").get_shape()[:3]
                scale = file.get_slice("numbers")[:1].item()
                acquired = file.get_tensor("acquired")
                if not without_gaps(acquired[None]):
                    accelerations.append(len(acquired) / int(acquired.sum()))
                found.append((coils, min(rows, columns), max(rows, columns), scale))
        coils, shorter, longer, noise = zip(*found, strict=True)
        return {
            "coils": (min(coils), max(coils)),
            "matrix": (min(shorter), max(longer)),
            "noise": (min(noise), max(noise)),
            **({"acceleration": (min(accelerations), max(accelerations))} if accelerations else {}),
        }


@dataclass(frozen=True, eq=False)
class Draw:
    """One random case of a bank: its file, and the sources and ranges that it is drawn from.

    seed: the last number is that of the case.
    """

    path: Path
    sources: Sequence[Source]
    specification: BankSpecification
    seed: tuple[int, int]

    def check(self) -> None:
        """Make the case again, and raise InputError where it is not the one in the file, which is left as it is."""
        kept, (anew, _) = load_case(self.path), self._case()
        same = kept.sensitivities.shape == anew.sensitivities.shape
        if not same or (kept.sensitivities - anew.sensitivities).norm() > _LARGEST_CHANGE * anew.sensitivities.norm():
            raise InputError(
                f"{shown(self.path.parent)} was begun by another version, which simulates or calibrates otherwise; "
                "give another folder, or empty this one."
            )

    def save(self) -> None:
        """Make the case and write it, completely or not at all.

        Raises InputError if no slice can be used, FileFormatError for a damaged file, and WritingError without room.
        """
        case, name = self._case()
        save_case(self.path, case, {"number": str(self.seed[-1]), "source": name})

    def _case(self) -> tuple[TrainingCase, str]:
        """A case and its file's name; a draw that cannot be calibrated (an empty slice) is drawn again.

        A file that is damaged or not finite is not passed over: its person would count among those that were learned
        from.
        """
        reason = ""
        for attempt in range(_SUBSTITUTES):
            rng = np.random.default_rng((*self.seed, attempt))
            source = self.sources[rng.choice(len(self.sources), p=shares(self.sources))]
            name = source.origin.name
            try:
                acquired = source.content.acquisition(self.specification, rng)
                return calibrated(acquired, self.specification, rng), name
            except InputError as error:
                reason = f"{name}: {str(error).rstrip('.')}"
        raise InputError(f"no usable slice could be drawn in {_SUBSTITUTES} attempts ({reason}); check the data.")


@dataclass(frozen=True, eq=False)
class Division:
    """Sources for training and for validation; `statement` says how far these show other people."""

    training: Sequence[Source]
    validation: Sequence[Source]
    statement: str

    @classmethod
    def of(
        cls,
        sources: Sequence[Source],
        seed: int,
        *,
        learned: Sequence[SeenFile] = (),
        before: "Record | None" = None,
    ) -> "Division":
        """Divide by the sources' uses; if none is for validation, a tenth of the people, at least one, is held out.

        learned: the files that the weights have learned from; those held out are others, as far as there are any.
        before: what a bank that was begun has recorded, whose people stay held out.
        """
        validation = [source for source in sources if source.origin.use == "validation"]
        training = [source for source in sources if source.origin.use == "training"]
        people = _people(training)
        if not people:
            raise InputError("all of the data are kept for validation; give some to train on too.")
        if validation:
            return cls(training, validation, f"of other people: {', '.join(_people(validation))}")
        if len(people) == 1:
            return cls(training, training, "of the same person as the training, since there is one alone")
        if before is None:
            known = seen.people([source.origin for source in training], learned)
            candidates = [person for person in people if person not in known] or people
            count = min(max(1, round(len(people) / 10)), len(candidates))
            chosen = {str(person) for person in np.random.default_rng(seed).choice(candidates, count, replace=False)}
        else:
            chosen = {origin.person for origin in before.sources if origin.use == "validation"}
        return cls(
            [source for source in training if source.origin.person not in chosen],
            [source.kept_for("validation") for source in training if source.origin.person in chosen],
            f"of sources that were drawn from the data, since the recipe names none: {', '.join(sorted(chosen))}",
        )

    def summary(self) -> str:
        """How many people are for training and who is for validation, of many the first."""
        training, validation = _people(self.training), _people(self.validation)
        if training == validation:
            return f"one person alone ({training[0]}), from whom other cases are for validation"
        people = "1 person is" if len(training) == 1 else f"{len(training)} people are"
        return f"{people} for training, {len(validation)} for validation ({named(validation)})"

    def record(self) -> Record:
        """What a bank records of the division."""
        sources = {id(source): source.origin for source in (*self.training, *self.validation)}
        return Record(sources=tuple(sources.values()), validation=self.statement)

    def training_draw(self, folder: Path, specification: BankSpecification, number: int) -> Draw:
        """The draw with that number; draws from `specification.cases` on replace cases, beginning with the first."""
        path = folder / f"case-{number % specification.cases:05d}.safetensors"
        return Draw(path, self.training, specification.of_training_case(number), (specification.seed, number))

    def validation_draw(self, folder: Path, specification: BankSpecification, number: int) -> Draw:
        """A draw of the people in turn; it does not depend on the bank's seed, so that banks can be compared."""
        people = _people(self.validation)
        sources = [source for source in self.validation if source.origin.person == people[number % len(people)]]
        path = folder / f"validation-{number:05d}.safetensors"
        return Draw(path, sources, specification, (_VALIDATION_SEED, number))

    def check(self, folder: Path, specification: BankSpecification) -> None:
        """Raise InputError where another version began the cases: those for training may have been replaced since."""
        first = self.validation_draw(folder, specification, 0)
        if is_whole(first.path):
            first.check()


def build_bank(
    specification: BankSpecification,
    data: Path,
    folder: Path,
    undersampled: bool = False,
    learned: Sequence[SeenFile] = (),
) -> Job[Bank]:
    """Make the cases that `folder` lacks from what `data` holds (`sources.find_sources`).

    undersampled: whether scans may be undersampled; they have no truth, and `TrainingCase.truth` is their zero-filled
    image. learned: the files that the weights to train have learned from, which none for validation may be. Of a new
    bank a notice says who is for validation. Every case has its own seed, so an interrupted bank is continued. To a
    complete one nothing is added: notices name the files of `data` that it does not show, and its own that `data`
    lacks. Raises InputError for a folder that is missing or, if cases are to be made, without volumes or scans, for a
    person for validation who is in the training too or from whom the weights have learned, a bank of another
    specification, of other data or of another version, whose first case would now be another one, a bank that another
    run is making, and WritingError for a full disk, which loses no case. A case that is not whole is made again.
    """
    specified, recorded = folder / SPECIFICATION, folder / _RECORD
    if os.path.lexists(specified):
        if not os.path.lexists(recorded):
            raise InputError(
                f"{shown(folder)} was made by an earlier version, which trained and validated on the same people; "
                "give another folder, or empty this one."
            )
        made = read_description(BankSpecification, specified)
        if not _alike(made, specification, read_description(Record, recorded)):
            others = [name for name in type(made).model_fields if getattr(made, name) != getattr(specification, name)]
            raise InputError(
                f"{shown(folder)} holds cases of another recipe, whose bank has other {', '.join(others)}; give "
                "another folder, or empty this one."
            )
    validation = min(VALIDATION_CASES, specification.cases)
    if _missing(folder, "validation", validation) or _missing(folder, "case", specification.cases):
        with locked(folder / _LOCK, f"another run is making the cases in {shown(folder)}; wait for it, or stop it."):
            before = Bank(folder).record if os.path.lexists(recorded) else None
            division = yield from find_division(specification, data, undersampled, learned=learned, before=before)
            record = division.record()
            if before not in (None, record):
                raise InputError(
                    f"{shown(folder)} was made from other files than {shown(data)} holds now; give another folder, or "
                    "empty this one."
                )
            seen.check_unseen(record.sources, learned)
            if before is None:
                yield Progress(0.0, division.summary(), notice=True)
            write_whole(specified, specification.model_dump_json(indent=1).encode())
            write_whole(recorded, record.model_dump_json(indent=1).encode())
            division.check(folder, specification)
            draws = [
                division.validation_draw(folder, specification, n) for n in _missing(folder, "validation", validation)
            ]
            draws += [
                division.training_draw(folder, specification, n) for n in _missing(folder, "case", specification.cases)
            ]
            for done, draw in enumerate(draws):
                yield Progress(done / len(draws), f"making case {done + 1} of {len(draws)}")
                if not is_whole(draw.path):  # processes that help begin at the other end
                    draw.save()
    else:
        seen.check_unseen(Bank(folder).record.sources, learned)
        yield from _compared(Bank(folder), specification, data, folder)
    return Bank(folder)


def _alike(made: BankSpecification, wanted: BankSpecification, record: Record) -> bool:
    """Whether a bank's cases are those of a specification.

    A person with an id of its own may have had other beginnings of names when the bank was made, if both say the same
    of every file that it shows.
    """
    return (
        made.model_copy(update={"people": wanted.people}) == wanted
        and len(made.people) == len(wanted.people)
        and all(one.is_still(other) for one, other in zip(made.people, wanted.people, strict=True))
        and all(made.person([one.name]).id == wanted.person([one.name]).id for one in record.sources)
    )


def _compared(bank: Bank, specification: BankSpecification, data: Path, folder: Path) -> Job[None]:
    """Say in notices by which files the data and a complete bank differ, as far as their names tell."""
    found, _ = yield from find_files(data, specification)
    packed = packed_origins(data)
    places = ("/".join(one.parts) for one in found)
    here = Counter(packed[place].name if place in packed else place.rpartition("/")[2] for place in places)
    there = Counter(origin.name for origin in bank.record.sources)
    if added := list((here - there).elements()):
        words = f"the cases in {shown(folder)} are complete and show nothing of {named(added)}"
        yield Progress(0.0, f"{words}; give another folder for the cases to use it", notice=True)
    if lacking := list((there - here).elements()):
        yield Progress(0.0, f"the cases in {shown(folder)} show {named(lacking)}, not in {shown(data)}", notice=True)


def fill_bank(folder: Path, data: Path, undersampled: bool, part: int, parts: int) -> Job[None]:
    """Help `build_bank`, which works in another process: make every `parts`-th missing case, from the last one on.

    It waits until the folder says what the bank is, and ends when no case is missing. Raises InputError for a bank of
    another version.
    """
    while not os.path.lexists(folder / _RECORD):
        yield Progress(0.0, "waiting for the bank")
        time.sleep(_WAIT)
    specification = read_description(BankSpecification, folder / SPECIFICATION)
    record = read_description(Record, folder / _RECORD)
    division = yield from find_division(specification, data, undersampled, before=record)
    division.check(folder, specification)
    for number in range(specification.cases - 1 - part, -1, -parts):
        draw = division.training_draw(folder, specification, number)
        if not is_whole(draw.path):
            yield Progress(0.0, f"case {number + 1}")
            draw.save()


def read_description(kind: type[S], path: Path) -> S:
    """What a bank says of itself in a JSON file; InputError if the file is damaged."""
    content = read(path, error=InputError)
    try:
        return kind.model_validate_json(content)
    except InputError:
        raise InputError(
            f"{path.name} in {shown(path.parent)} is damaged; delete {SPECIFICATION} and {_RECORD} there and start "
            "again with the same recipe and data: the cases are kept."
        ) from None


def find_division(
    specification: BankSpecification,
    data: Path,
    undersampled: bool,
    *,
    learned: Sequence[SeenFile] = (),
    before: Record | None = None,
) -> Job[Division]:
    """The sources in `data`, divided into training and validation (`Division.of`)."""
    sources = yield from find_sources(data, specification, undersampled)
    return Division.of(sources, specification.seed, learned=learned, before=before)


def shares(sources: Sequence[Source]) -> NDArray[np.float64]:
    """How often each source is drawn: a person by its sources' mean weight, then one of these by its own weight."""
    people: dict[str, list[float]] = {}
    for source in sources:
        people.setdefault(source.origin.person, []).append(source.weight)
    weights = np.array([source.weight / len(people[source.origin.person]) for source in sources])
    return weights / weights.sum()


def _people(sources: Iterable[Source]) -> list[str]:
    return sorted({source.origin.person for source in sources})


def _missing(folder: Path, kind: str, count: int) -> list[int]:
    return [n for n in range(count) if not is_whole(folder / f"{kind}-{n:05d}.safetensors")]
