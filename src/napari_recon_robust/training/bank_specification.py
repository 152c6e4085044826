"""What a bank of cases shall hold, as a recipe gives it."""

from pydantic import Field

from .people import Split
from .ranges import Range, ShareRange, WholeRange

_STRONG = 5  # one in so many training cases has strong noise


class BankSpecification(Split):
    """The content of a bank, and the people that it shows (`people.Split`). Ranges are (smallest, largest).

    cases: number of cases for training. coils, matrix and noise are those of simulated acquisitions; acquired ones have
    their own. strong_noise: the noise of every fifth simulated case for training, if given; those for validation remain
    as without it. body_noise: the share of the noise that comes from the body, which correlates it between coils (see
    `CoilArray`); None is 0. other_contrast: share of the simulated ones whose contrast differs from the volume's.
    """

    cases: int = Field(gt=0)
    seed: int = Field(default=0, ge=0, lt=2**63)
    coils: WholeRange = (5, 16)
    matrix: WholeRange = (96, 320)
    noise: Range = (0.0015, 0.025)
    strong_noise: Range | None = None
    body_noise: ShareRange | None = None
    centre_fraction: Range = (0.04, 0.18)
    minimum_centre_lines: int = Field(default=10, ge=1)
    other_contrast: float = Field(default=0.8, ge=0, le=1)

    @property
    def all_noise(self) -> tuple[float, float]:
        """The range of the noise of all cases."""
        lows, highs = zip(self.noise, self.strong_noise or self.noise, strict=True)
        return min(lows), max(highs)

    def of_training_case(self, number: int) -> "BankSpecification":
        """The same with the noise of a case for training."""
        if self.strong_noise is None or number % _STRONG:
            return self
        return self.model_copy(update={"noise": self.strong_noise})
