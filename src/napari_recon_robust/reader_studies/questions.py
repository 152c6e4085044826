"""What a reader is asked. Each kind of question knows which answers fit, and what figure an answer stands for.

Any question may be answered by "cannot judge", and a comment goes with any presentation.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from ..ground.errors import InputError, either
from ..ground.specification import Specification

CANNOT_JUDGE = "cannot_judge"
COMMENT = "comment"  # under which the comment is stored, so that no question may be called so
LONGEST_COMMENT = 4000  # characters
SEEN = ("yes", "no", "unsure")
CHANGES = ("added", "removed", "altered")
CONSEQUENCES = ("none", "minor", "would change the report")
ALTERNATIVES = 4  # the most images of a forced choice
RANKED = 6  # the most images that are ranked
MARKS = 20  # the most marks on one image
_LEAST = 0.5  # the confidence that a yes or a no has at least, so that it is told from those who are unsure

PLACE = ("row", "column", "slice")  # of a click; the slice only where a case has several

Answer = dict[str, Any]
ID = r"^[a-z][a-z0-9-]{0,39}$"
Id = Annotated[str, Field(pattern=ID)]


class _Question(Specification):
    """id: names the column of the answers. text: what the reader reads.

    reference: whether the fully sampled image stands beside it. Then all that comes before is answered and stored
    first, without that image, and cannot be changed any more.

    Each kind says for itself: measures, of which one may be the primary endpoint; seconds that an answer takes, from
    reader studies of single marks and choices (clinical reading takes far longer); most_arms, how many arms it compares
    at once at the most, None where they are shown one by one; needs_truth, whether its measures need the truth of each
    case; more_is_better, whether the arm with the higher score is ahead.
    """

    measures: ClassVar[tuple[str, ...]]
    seconds: ClassVar[float]
    most_arms: ClassVar[int | None] = None
    needs_truth: ClassVar[bool] = False
    more_is_better: ClassVar[bool] = True

    id: Id
    text: str = Field(min_length=1, max_length=300)
    reference: bool = False

    def check(self, value: Mapping[str, Any], images: int = 2, slices: int = 1) -> Answer:
        """The answer as it is stored; InputError for one that does not fit the question.

        images: how many are compared, which matters where all arms are shown at once. slices: of the case; where there
        are several, a place names one of them, counted from 0.
        """
        if value.get(CANNOT_JUDGE) is True:
            return {CANNOT_JUDGE: True}
        known = [name for name in self._fields() if name != "slice" or slices > 1]
        unknown = set(value) - set(known)
        if unknown:
            raise InputError(f"{self.id} has no {either(sorted(unknown))}; it asks for {either(known)}.")
        return self._checked(value, images, slices)

    def given(self, answer: Answer) -> Answer:
        """What the reader gave of a stored answer, without what `check` put in: that is to be asked for."""
        return answer

    def score(self, answer: Answer) -> float | None:
        """The figure that an answer stands for; None where it compares arms, or for "cannot judge"."""
        return None

    @property
    def scale(self) -> tuple[float, float]:
        """The lowest and the highest score that can be given; endless where the score is on no scale of levels."""
        return float("-inf"), float("inf")

    def _fields(self) -> list[str]:
        raise NotImplementedError

    def _checked(self, value: Mapping[str, Any], images: int, slices: int) -> Answer:
        raise NotImplementedError

    def _one_of(self, value: Mapping[str, Any], name: str, choices: tuple[Any, ...]) -> Any:
        found = value.get(name)
        if isinstance(found, bool) or found not in choices:
            words = either([str(choice) for choice in choices])
            raise InputError(f"{self.id}: {name} is {found!r}; choose {words}, or answer that you cannot judge.")
        return choices[choices.index(found)]  # JSON may have 1.0 where 1 is meant

    def _number(self, value: Mapping[str, Any], name: str, low: float, high: float) -> float:
        found = value.get(name)
        if isinstance(found, bool) or not isinstance(found, int | float) or not low <= found <= high:
            raise InputError(f"{self.id}: {name} is {found!r}; give a number from {low:g} to {high:g}.")
        return float(found)

    def _place(self, value: Mapping[str, Any], slices: int) -> Answer:
        place: Answer = {name: self._number(value, name, -0.5, 1e5) for name in ("row", "column")}
        return place | ({"slice": self._one_of(value, "slice", tuple(range(slices)))} if slices > 1 else {})


class ForcedChoice(_Question):
    """Which of two to four images, counted from 0 in the order of `image_names`? All arms are shown at once."""

    measures: ClassVar = ("preference",)
    seconds: ClassVar = 9.0
    most_arms: ClassVar = ALTERNATIVES
    kind: Literal["forced-choice"] = "forced-choice"

    def _fields(self) -> list[str]:
        return ["choice"]

    def _checked(self, value: Mapping[str, Any], images: int, slices: int) -> Answer:
        return {"choice": self._one_of(value, "choice", tuple(range(images)))}


class Ranking(_Question):
    """Two to six images from the best to the worst, without ties. All arms are shown at once."""

    measures: ClassVar = ("mean",)
    seconds: ClassVar = 15.0
    most_arms: ClassVar = RANKED
    kind: Literal["ranking"] = "ranking"

    def _fields(self) -> list[str]:
        return ["order"]

    def _checked(self, value: Mapping[str, Any], images: int, slices: int) -> Answer:
        order = value.get("order")
        numbers = isinstance(order, list) and all(type(one) is int for one in order)
        if not isinstance(order, list) or not numbers or sorted(order) != [*range(images)]:
            raise InputError(
                f"{self.id}: order is {order!r}; name each of the {images} images once, from the best to the worst."
            )
        return {"order": order}


class Likert(_Question):
    """A scale of words.

    words: of the levels 1, 2, ... in the order in which they are shown. best: which end is the good one; there is no
    default, because 1 is the best in some studies and the worst in others.
    """

    measures: ClassVar = ("mean", "visual-grading", "interchangeability")
    seconds: ClassVar = 6.0
    kind: Literal["likert"] = "likert"
    words: Annotated[tuple[str, ...], Field(min_length=2, max_length=11)]
    best: Literal["first", "last"]

    @field_validator("words", mode="before")
    @classmethod
    def _quoted(cls, words: Any) -> Any:
        if (
            isinstance(words, Sequence)
            and not isinstance(words, str)
            and not all(isinstance(one, str) for one in words)
        ):
            raise InputError(
                "YAML takes words such as yes, no, on, off and numbers for other values; write each of the words in "
                "quotes: ['no', 'unsure', 'yes']."
            )
        return words

    @model_validator(mode="before")
    @classmethod
    def _direction(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and "best" not in values:
            name = values.get("id", "a scale")
            raise InputError(f"{name} does not say which end of its scale is the best; add best: first or best: last.")
        return values

    def _fields(self) -> list[str]:
        return ["level"]

    def _checked(self, value: Mapping[str, Any], images: int, slices: int) -> Answer:
        return {"level": self._one_of(value, "level", tuple(range(1, len(self.words) + 1)))}

    def score(self, answer: Answer) -> float | None:
        """The level, counted so that more is better; None for "cannot judge"."""
        level = answer.get("level")
        if level is None:
            return None
        return float(level if self.best == "last" else len(self.words) + 1 - level)

    @property
    def scale(self) -> tuple[float, float]:
        """1 and the number of levels."""
        return 1.0, float(len(self.words))


class Lesion(_Question):
    """Is there a lesion: yes, no or unsure; how confident, 0 to 100; and where, by a click on the image.

    place: whether a reader who says yes has to click.
    """

    measures: ClassVar = ("auc", "sensitivity", "specificity", "interchangeability")
    seconds: ClassVar = 9.0
    needs_truth: ClassVar = True
    kind: Literal["lesion"] = "lesion"
    place: bool = True

    def _fields(self) -> list[str]:
        return ["seen", "confidence", *(PLACE if self.place else ())]

    def _checked(self, value: Mapping[str, Any], images: int, slices: int) -> Answer:
        seen = self._one_of(value, "seen", SEEN)
        answer = {"seen": seen, "confidence": 0.0 if seen == "unsure" else self._number(value, "confidence", 0, 100)}
        if self.place and seen == "yes":
            if "row" not in value or "column" not in value:
                raise InputError(f"{self.id}: click on the lesion, or answer that you cannot judge.")
            answer |= self._place(value, slices)
        return answer

    def given(self, answer: Answer) -> Answer:
        """An answer without the confidence of a reader who is unsure."""
        return {"seen": "unsure"} if answer.get("seen") == "unsure" else answer

    def score(self, answer: Answer) -> float | None:
        """How sure the reader is of a lesion, from 0 (sure that there is none) over 50 (unsure) to 100.

        A yes is above 50 and a no below it, even with a confidence of 0.
        """
        if "seen" not in answer:
            return None
        sign = {"yes": 1, "no": -1, "unsure": 0}[answer["seen"]]
        return 50 + sign * max(float(answer["confidence"]), _LEAST) / 2


def asks_place(question: "Question") -> bool:
    """Whether a reader who sees a lesion has to click on it."""
    return isinstance(question, Lesion) and question.place


class FreeResponse(_Question):
    """Any number of lesions, each marked by a click and rated from 0 to 100; an empty list for none."""

    measures: ClassVar = ("auc", "wafroc")
    seconds: ClassVar = 20.0
    needs_truth: ClassVar = True
    kind: Literal["free-response"] = "free-response"

    def _fields(self) -> list[str]:
        return ["marks"]

    def _checked(self, value: Mapping[str, Any], images: int, slices: int) -> Answer:
        marks = value.get("marks")
        parts = {"row", "column", "rating"} | ({"slice"} if slices > 1 else set())
        if not isinstance(marks, list) or not all(isinstance(mark, Mapping) and set(mark) == parts for mark in marks):
            asked = "row, column, slice and rating" if slices > 1 else "row, column and rating"
            raise InputError(f"{self.id}: give a list of marks, each with its {asked}; empty for none.")
        if len(marks) > MARKS:
            raise InputError(f"{self.id}: {len(marks)} marks are more than the {MARKS} that an image can have.")
        return {
            "marks": [self._place(mark, slices) | {"rating": self._number(mark, "rating", 0, 100)} for mark in marks]
        }

    def score(self, answer: Answer) -> float | None:
        """The highest rating, 0 without a mark: how sure the reader is that there is any lesion."""
        return None if "marks" not in answer else max((mark["rating"] for mark in answer["marks"]), default=0.0)


class Structures(_Question):
    """Which structures were added, removed or altered against the reference, how certain, and of what consequence."""

    measures: ClassVar = ("mean", "visual-grading", "interchangeability")
    seconds: ClassVar = 15.0
    more_is_better: ClassVar = False
    kind: Literal["structures"] = "structures"

    def _fields(self) -> list[str]:
        return ["changes", "certainty", "consequence"]

    def _checked(self, value: Mapping[str, Any], images: int, slices: int) -> Answer:
        changes = value.get("changes")
        if not isinstance(changes, list) or any(change not in CHANGES for change in changes):
            raise InputError(f"{self.id}: changes is {changes!r}; give a list of {either(CHANGES)}, empty for none.")
        chosen = [change for change in CHANGES if change in changes]
        if not chosen:
            return {"changes": [], "certainty": self._number(value, "certainty", 0, 100), "consequence": "none"}
        return {
            "changes": chosen,
            "certainty": self._number(value, "certainty", 0, 100),
            "consequence": self._one_of(value, "consequence", CONSEQUENCES),
        }

    def given(self, answer: Answer) -> Answer:
        """An answer without the consequence where nothing is changed."""
        return answer if answer.get("changes") != [] else {"changes": [], "certainty": answer["certainty"]}

    def score(self, answer: Answer) -> float | None:
        """0 for no consequence, 1 for a minor one, 2 for one that would change the report."""
        consequence = answer.get("consequence")
        return None if consequence is None else float(CONSEQUENCES.index(consequence))

    @property
    def scale(self) -> tuple[float, float]:
        """From no consequence to one that would change the report."""
        return 0.0, float(len(CONSEQUENCES) - 1)


Question = Annotated[ForcedChoice | Ranking | Likert | Lesion | FreeResponse | Structures, Field(discriminator="kind")]


def image_names(images: int) -> tuple[str, ...]:
    """What the images of a presentation are called, from the first position to the last.

    They are letters, since how many images have room beside each other depends on the window.
    """
    return ("image",) if images == 1 else tuple("abcdef"[:images])


def steps(questions: Sequence[Question], always: bool) -> tuple[tuple[Question, ...], ...]:
    """The questions by what has to be stored before the next are asked: first those without the reference.

    always: whether the reference is shown to all of them, so that there is one step.
    """
    without = tuple(question for question in questions if not question.reference)
    beside = tuple(question for question in questions if question.reference)
    return (tuple(questions),) if always or not without or not beside else (without, beside)


def check_comment(comment: object) -> str:
    """A comment as it is stored; InputError for one that is too long or no text."""
    if not isinstance(comment, str) or len(comment) > LONGEST_COMMENT:
        raise InputError(f"a comment is a text of at most {LONGEST_COMMENT} characters; shorten it.")
    return comment.strip()


_QUALITY = ("not diagnostic", "limited", "acceptable", "good", "excellent")

# A name for a plan, where the questions come from, and the questions.
QUESTIONNAIRES: dict[str, tuple[str, tuple[Question, ...]]] = {
    "preference": (
        "Forced choice between all arms, two to four.",
        (ForcedChoice(id="preference", text="Which image would you prefer for your report?"),),
    ),
    "ranking": (
        "All arms, two to six, from the best to the worst.",
        (Ranking(id="rank", text="Rank the images. Begin with the one that you would prefer for your report."),),
    ),
    "lesion": (
        "Detection with a confidence from which a ROC curve follows.",
        (Lesion(id="lesion", text="Is there a lesion?"),),
    ),
    "free-response": (
        "Any number of marks with a rating each, from which a free-response ROC curve follows.",
        (FreeResponse(id="marks", text="Mark each lesion, and say how sure you are of it."),),
    ),
    "quality": (
        "Artifacts, sharpness and contrast-to-noise, the items of the fastMRI challenges (Knoll et al. 2020, "
        "doi:10.1002/mrm.28338; Muckley et al. 2021, doi:10.1109/TMI.2021.3075856), on a scale of our own.",
        tuple(
            Likert(id=name, text=f"{title}?", words=_QUALITY, best="last")
            for name, title in (
                ("artifacts", "How free of artifacts is the image"),
                ("sharpness", "How sharp is the image"),
                ("contrast-to-noise", "How good is the contrast-to-noise ratio"),
            )
        ),
    ),
    "visual-grading": (
        "The five steps of visual grading as in ViewDEX.",
        (
            Likert(
                id="criterion",
                text="Is this criterion fulfilled: the structure of interest is shown clearly enough to be judged?",
                words=(
                    "confident that the criterion is fulfilled",
                    "somewhat confident that it is fulfilled",
                    "indecisive",
                    "somewhat confident that it is not fulfilled",
                    "confident that it is not fulfilled",
                ),
                best="first",
            ),
        ),
    ),
    "structures": (
        "What was added, removed or altered, how certain, and of what consequence; of this project.",
        (
            Structures(
                id="structures",
                text="Compared with the reference, were structures added, removed or altered?",
                reference=True,
            ),
        ),
    ),
}
