"""The base class of file formats."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from ..data.scan import Scan
from ..ground.errors import InputError


class Format(ABC):
    """A file format. label: its name. suffixes: of its files. expects: what makes a file one, in a few words."""

    label: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    expects: ClassVar[str]

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Whether the file's content is of this format; for any other content it returns False and raises nothing."""

    @abstractmethod
    def open(self, path: Path, axes: Sequence[str] | None = None) -> Scan:
        """Open a recognised file without reading its k-space; FileFormatError if it is damaged or incomplete."""

    def _refuse_axes(self, path: Path, axes: Sequence[str] | None) -> None:
        if axes is not None:
            raise InputError(f"{path.name} is {self.label}, which names its own axes; leave the axes out.")
