"""The plan of a reader study, as a YAML file. What is in it is fixed before the first reader reads."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from ..data.roi import ROI
from ..ground.documents import check_names, place_in, read_yaml, yaml_nodes
from ..ground.errors import FileFormatError, InputError, either
from ..ground.specification import Misfit, Specification
from .from_study import with_cases_of_studies
from .questions import COMMENT, QUESTIONNAIRES, FreeResponse, Id, Lesion, Question, steps

SCHEMA: Final = 1
MOST_SLICES: Final = 200

EndpointMeasure = Literal[
    "preference", "mean", "auc", "sensitivity", "specificity", "wafroc", "visual-grading", "interchangeability"
]
Folders = str | Annotated[tuple[str, ...], Field(min_length=1, max_length=MOST_SLICES)]


class Arm(Specification):
    """One condition that is compared: an image of the saved cases. budget: of a case with several, else the largest."""

    name: Id
    image: Literal["reference", "clean", "perturbed", "random", "perturbed-reference"]
    budget: float | None = Field(default=None, gt=0)


class OnSlice(ROI):
    """A region on one slice of a case, counted from 0."""

    slice: int = Field(ge=0)


class OnSlices(Specification):
    """One lesion that several slices show: its region on each of them."""

    regions: Annotated[tuple[OnSlice, ...], Field(min_length=1)]


Place = ROI | OnSlice | OnSlices


class ReadingCase(Specification):
    """A case that is read.

    saved: the folder of a saved case, or the list of several that are its slices in their order; or either for each arm
    by its name, such as several methods on one lesion. patient: the unit of the statistics; several cases of one
    patient are not independent. lesion, place: what is known of it, whether there is a lesion and where, or a list of
    several places, which in a case of several slices name those that show them. source: who says so. training: whether
    it is shown first, with its truth afterwards.
    """

    id: Id
    saved: Folders | Annotated[dict[str, Folders], Field(min_length=1)]
    patient: str = Field(min_length=1, max_length=80)
    lesion: bool | None = None
    place: Place | tuple[Place, ...] | None = None
    source: Literal["simulation", "fastmri+", "panel", "unknown"] = "unknown"
    training: bool = False

    @field_validator("patient", mode="before")
    @classmethod
    def _quoted(cls, patient: Any) -> Any:
        if isinstance(patient, int | float | date):  # such as 007, which would be another patient's 7
            raise InputError(f"YAML takes the patient for {patient}, which is no text; write it in quotes: '12'.")
        return patient

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.lesion is False and self.place is not None:
            raise InputError(f"{self.id} has lesion: false, and place says where one is; take one of the two out.")
        self._check_slices()
        for place in self._places:
            self._check_place(place)
        return self

    def _check_slices(self) -> None:
        if not isinstance(self.saved, dict):
            return
        counts = {arm: len(_listed(folders)) for arm, folders in self.saved.items()}
        for arm, count in counts.items():
            if count != self.slices:
                first = next(iter(counts))
                raise InputError(
                    f"{self.id} has {_slices(self.slices)} for {first} and {_slices(count)} for {arm}; name the same "
                    "slices for each arm."
                )

    def _check_place(self, place: Place) -> None:
        if not isinstance(place, OnSlice | OnSlices):
            if self.slices > 1:
                raise InputError(
                    f"{self.id} has {_slices(self.slices)}, and a place does not say on which it is; add slice: 0 for "
                    "the first, or list the regions of a lesion that several slices show."
                )
            return
        named = sorted(_on_slices(place))
        if named[-1] >= self.slices:
            raise InputError(
                f"{self.id} has {_slices(self.slices)}, counted from 0, and a place is on slice {named[-1]}; mend it."
            )
        if isinstance(place, OnSlices) and len(named) < len(place.regions):
            raise InputError(
                f"{self.id}: one lesion has two regions on a slice; put their shapes into one, or make two of it."
            )

    def folders(self, arm: str) -> tuple[str, ...]:
        """The folders of the saved cases that an arm shows, one for each slice."""
        return _listed(self.saved[arm] if isinstance(self.saved, dict) else self.saved)

    @property
    def slices(self) -> int:
        """How many slices it has."""
        return len(_listed(next(iter(self.saved.values())) if isinstance(self.saved, dict) else self.saved))

    @property
    def places(self) -> tuple[dict[int, ROI], ...]:
        """Where its lesions are, as far as that is known: the region of each on the slices that show it."""
        return tuple(map(_on_slices, self._places))

    @property
    def _places(self) -> tuple[Place, ...]:
        return self.place if isinstance(self.place, tuple) else () if self.place is None else (self.place,)


def _on_slices(place: Place) -> dict[int, ROI]:
    if isinstance(place, OnSlices):
        return {region.slice: region for region in place.regions}
    return {place.slice if isinstance(place, OnSlice) else 0: place}


def _listed(folders: Folders) -> tuple[str, ...]:
    return (folders,) if isinstance(folders, str) else folders


def _slices(count: int) -> str:
    return f"{count} slice{'s' * (count != 1)}"


class Design(Specification):
    """Who reads what, and when.

    kind: crossed, where each reader reads each case in each arm; or split-plot, where the cases are divided among
    groups of readers. sittings: "sequential", where all arms are read in one sitting, each case once before any comes
    back; or "separate", with one sitting for each arm in which a case comes once, `washout_days` apart. repeats: so
    many cases come once more at the end, for the agreement of a reader with himself. pilot: its answers are never
    analysed.
    """

    kind: Literal["crossed", "split-plot"] = "crossed"
    readers: int = Field(default=4, ge=1, le=200)
    groups: int = Field(default=1, ge=1, le=50)
    sittings: Literal["sequential", "separate"] = "sequential"
    washout_days: float = Field(default=28, ge=0, le=3650)
    washout_reason: str = ""
    repeats: int = Field(default=0, ge=0)
    pilot: bool = False
    back: bool = True

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.sittings == "separate" and self.washout_days < 28 and not self.washout_reason:
            raise InputError(
                f"washout_days is {self.washout_days:g}, and at least 28 are usual; say why in washout_reason."
            )
        if (self.kind == "split-plot") != (self.groups > 1):
            raise InputError("a split-plot design has at least 2 groups, and a crossed one has 1; mend design.groups.")
        if self.readers % self.groups:
            raise InputError(f"{self.readers} readers cannot be divided into {self.groups} equal groups.")
        return self


class Viewing(Specification):
    """What readers see and may do.

    reference: whether the fully sampled image stands beside it at all questions; a question may ask for it alone.
    region: whether a square shows where to look, around the case's region, and the same in all arms. modes: flicker
    goes through all images; wipe is for two.
    """

    reference: bool = False
    region: bool = False
    window: bool = True
    zoom: bool = True
    smoothing: bool = False
    modes: tuple[Literal["side", "flicker", "wipe"], ...] = ("side", "flicker", "wipe")


class Endpoint(Specification):
    """The primary endpoint. margin: the difference of the two arms that matters, fixed beforehand.

    Of preference it is the difference of their shares of all choices, so that two arms with 60% and 40% differ by 0.2.
    Of visual grading, the difference is that of the area from 0.5; of interchangeability the individual equivalence
    index, for the second of `arms` in the place of the first.
    """

    question: Id
    measure: EndpointMeasure
    arms: tuple[Id, Id]
    margin: float = Field(gt=0)


class Plan(Specification):
    """A reader study. See the classes of its parts; `read_plan` opens a file."""

    schema_version: Literal[1] = SCHEMA
    title: str = Field(min_length=1, max_length=200)
    seed: int = Field(default=0, ge=0)
    arms: Annotated[tuple[Arm, ...], Field(min_length=1, max_length=12)]
    cases: Annotated[tuple[ReadingCase, ...], Field(min_length=1)]
    questions: Annotated[tuple[Question, ...], Field(min_length=1, max_length=20)]
    questionnaire: str = ""
    design: Design = Design()
    viewing: Viewing = Viewing()
    endpoint: Endpoint | None = None
    consent: str = Field(
        default="My answers and their times are stored under a pseudonym and analysed. I may stop at any time.",
        max_length=5000,
    )

    @model_validator(mode="before")
    @classmethod
    def _ready_made(cls, values: Any) -> Any:
        """The name of a questionnaire stands for its questions."""
        if not isinstance(values, Mapping):
            raise InputError("a plan is a list of settings; begin from one that `recon-robust review new` writes.")
        if values.get("schema_version", SCHEMA) != SCHEMA:
            raise InputError(
                f"the plan has version {values['schema_version']!r}, and version {SCHEMA} is read here; "
                "update the software or write the plan anew."
            )
        name = values.get("questions")
        if isinstance(name, str):
            if name not in QUESTIONNAIRES:
                words = f"there is no questionnaire {name!r}; choose {either(list(QUESTIONNAIRES))}."
                raise Misfit(words, ("questions",))
            reference, questions = QUESTIONNAIRES[name]
            return {**values, "questions": [one.model_dump() for one in questions], "questionnaire": reference}
        return values

    @field_validator("arms", "cases", "questions")
    @classmethod
    def _different(cls, several: tuple[Any, ...]) -> tuple[Any, ...]:
        names = Counter(one.name if isinstance(one, Arm) else one.id for one in several)
        for name, count in names.items():
            if count > 1:
                raise InputError(f"{name} is there {count} times; give each one a name of its own.")
        return several

    @model_validator(mode="after")
    def _fits(self) -> Self:
        arms = [arm.name for arm in self.arms]
        for number, case in enumerate(self.cases):
            if isinstance(case.saved, dict) and set(case.saved) != set(arms):
                words = f"{case.id} names folders for {either(sorted(case.saved))}; name one for each arm."
                raise Misfit(words, ("cases", number))
        if not self.read:
            raise InputError("all cases are for training; at least one has to be read.")
        if self.design.repeats > len(self.read):
            raise InputError(f"{self.design.repeats} repeats are more than the {len(self.read)} cases to be read.")
        self._check_questions(len(arms))
        self._check_endpoint(arms)
        return self

    def _check_questions(self, arms: int) -> None:
        for question in self.questions:
            if question.id == COMMENT:
                raise InputError(f"the readers' own {COMMENT} is stored under this name; give the question another id.")
            most = question.most_arms
            if (most is not None) != self.at_once:
                raise InputError(
                    "forced choices and rankings show all arms at once, other questions one; ask them in two studies."
                )
            if most is not None and not 2 <= arms <= most:
                raise InputError(f"{question.id} compares 2 to {most} arms, and the plan has {arms}.")
        order = [question.reference for question in self.questions]
        if order != sorted(order):
            raise InputError("questions beside the reference come last, since the others are asked without it.")

    def _check_endpoint(self, arms: list[str]) -> None:
        if self.endpoint is None:
            return
        wanted, ids = self.endpoint.question, [question.id for question in self.questions]
        if wanted not in ids:
            words = f"the endpoint's question is {wanted!r}, which the plan does not ask; choose {either(ids)}."
            raise Misfit(words, ("endpoint", "question"))
        for arm in self.endpoint.arms:
            if arm not in arms:
                words = f"the endpoint's arm {arm!r} is none of the plan's; choose two of {', '.join(arms)}."
                raise Misfit(words, ("endpoint", "arms"))
        if len(set(self.endpoint.arms)) < 2:
            words = f"the endpoint compares {arm} with itself; choose two of {', '.join(arms)}."
            raise Misfit(words, ("endpoint", "arms"))
        question = self.questions[ids.index(wanted)]
        if self.endpoint.measure not in question.measures:
            words = f"{self.endpoint.measure} cannot be measured by the question {wanted}; "
            raise Misfit(f"{words}choose {either(question.measures)}.", ("endpoint", "measure"))
        if question.needs_truth and any(case.lesion is None for case in self.read):
            raise InputError("the endpoint needs the truth of each case; add lesion: true or lesion: false to each.")

    @property
    def read(self) -> tuple[ReadingCase, ...]:
        """The cases whose answers count."""
        return tuple(case for case in self.cases if not case.training)

    @property
    def at_once(self) -> bool:
        """Whether all arms are shown at once, for a forced choice or a ranking."""
        return any(question.most_arms is not None for question in self.questions)


def read_plan(path: str | Path) -> Plan:
    """Open a plan; the cases that it names by a study are found (see `from_study`).

    Raises FileFormatError for a file that cannot be read, InputError for what does not fit in it, with its line.
    """
    path = Path(path)
    values = read_yaml(path)
    if not isinstance(values, Mapping):
        raise FileFormatError(f"{path.name} is no plan of a reader study; `recon-robust review new` writes one.")
    check_names(values, path.name)
    cases, entries = with_cases_of_studies(values.get("cases"), path.parent)
    try:
        plan = Plan.model_validate({**values, "cases": cases})
        _check_clicks(plan)
    except Misfit as error:
        raise InputError(f"{_where(path, error, cases, entries)}: {error}") from None
    return plan


def _check_clicks(plan: Plan) -> None:
    """A click answers one question; studies that are frozen already with several can still be opened."""
    for asked in steps(plan.questions, plan.viewing.reference):
        clicked = [one.id for one in asked if isinstance(one, FreeResponse) or (isinstance(one, Lesion) and one.place)]
        if len(clicked) > 1:
            words = f"{' and '.join(clicked)} are answered by clicks on the same image, and a click answers only one; "
            raise Misfit(f"{words}leave one, or say place: false for a lesion.", ("questions",))


def _where(path: Path, error: Misfit, cases: Any, entries: list[int]) -> str:
    """The file, the line of what does not fit, and the id of its case where the sentence does not begin with it.

    entries: the number in the file of what each case comes from.
    """
    place, words = error.place, [path.name]
    id = ""
    match place:
        case ["cases", int(number), *inner] if number < len(entries):
            place = ("cases", entries[number], *inner)
            id = str(cases[number].get("id", "")) if isinstance(cases[number], Mapping) else ""
    if place:  # else it is wrong with the whole
        words.append(f"line {place_in(yaml_nodes(path), place)[0]}")
    if id and not str(error).startswith(id):
        words.append(id)
    return ", ".join(words)
