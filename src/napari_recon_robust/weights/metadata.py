"""What the header of a file of weights says: how they were made, on whom, and for which kind of data."""

from typing import Any

from pydantic import BaseModel, ConfigDict

Range = tuple[float, float]


class Domain(BaseModel):
    """The kind of data that a set of weights was trained for. Ranges are (smallest, largest).

    noise: the standard deviation of the complex noise of a coil relative to `Measurement.scale`. matrix: the image's
    sides in pixels.
    """

    model_config = ConfigDict(frozen=True)

    acceleration: Range
    noise: Range
    coils: tuple[int, int]
    matrix: tuple[int, int]
    patterns: tuple[str, ...]
    anatomy: str


class SeenFile(BaseModel):
    """A file or scan that a training has seen: whom it shows, and whether it was used to train or to validate."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: str
    sha256: str
    person: str
    use: str = "training"
    licence: str = ""


class Stretch(BaseModel):
    """One call of a training, from step `first` to `last`; hours are counted from the first call.

    changed: fields of the recipe that differ from the call before, {field: [before, after]}. start: the weights that
    the call began with. hardware: of the call, with the precision of its convolutions. score: the validation's loss at
    its end; over_tv: NMSE relative to TV's at its end.
    """

    model_config = ConfigDict(frozen=True)

    first: int
    last: int
    hours: float
    core_hours: float
    version: str = ""
    changed: dict[str, list[Any]] = {}
    start: str = ""
    hardware: str = ""
    score: float | None = None
    over_tv: float | None = None


class Ancestor(BaseModel):
    """Weights that others began with: the hash of their file, and what their header said of how they were made."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    command: str = ""
    data: str = ""
    hardware: str = ""
    steps: int = 0
    core_seconds: float = 0.0
    version: str = ""


class Metadata(BaseModel):
    """How a set of weights was made; the header of the safetensors file holds it as JSON.

    network: its id in `networks.registry`, which is that of the method that runs it; architecture: the arguments
    that make it again. scores: {case: {measure: value}} on data that training did not see. command: the command that
    makes the set again. seconds: the time of training by the clock; core_seconds: by the processors. skipped: steps
    whose loss was not finite. curve: (hours, loss, NMSE relative to TV's) of each validation. version: of this package.
    ancestors: the weights that the training began with and those before them, the earliest first.
    published: whether the network's authors trained and published these weights, so that a method runs them as they
    did.
    """

    model_config = ConfigDict(frozen=True)

    title: str
    trained_for: Domain
    command: str
    data: str
    hardware: str
    seconds: float
    steps: int
    scores: dict[str, dict[str, float]] = {}
    volumes: tuple[SeenFile, ...] = ()
    core_seconds: float = 0.0
    skipped: int = 0
    version: str = ""
    curve: tuple[tuple[float, float, float | None], ...] = ()
    history: tuple[Stretch, ...] = ()
    ancestors: tuple[Ancestor, ...] = ()
    network: str = ""
    architecture: dict[str, Any] = {}
    notes: str = ""
    published: bool = False
