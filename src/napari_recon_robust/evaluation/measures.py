"""The image metrics as they are shown: names, digits, and which way is worse. It needs no torch, as `metrics` does."""

from dataclasses import dataclass

from ..ground.numbers import written


@dataclass(frozen=True)
class MetricDisplay:
    """An image metric. form: its digits, in a format of Python's. help: what it says. unit: empty for a pure number."""

    name: str
    form: str
    help: str
    unit: str = ""
    larger_is_worse: bool = False

    @property
    def label(self) -> str:
        """The name with its unit."""
        return f"{self.name}, {self.unit}" if self.unit else self.name

    def said(self, value: float) -> str:
        """A value with its digits and its unit; a dash in place of a number that is not finite."""
        return f"{written(value, self.form)} {self.unit}".rstrip()


MEASURES = {
    "ssim": MetricDisplay("SSIM", ".3f", "Structural similarity with the reference: 1 is equal, below 0 inverted"),
    "psnr": MetricDisplay("PSNR", ".1f", "Peak signal-to-noise ratio against the reference", unit="dB"),
    "nmse": MetricDisplay(
        "NMSE", ".3g", "Normalised mean squared error against the reference, 0 is equal", larger_is_worse=True
    ),
}
"""The measures by the fields of `metrics.Metrics`, in the order in which they are shown."""
