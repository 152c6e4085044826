"""The base class of file formats."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ..ground.errors import InputError

if TYPE_CHECKING:
    from ..data.scan import Scan


class Format(ABC):
    """A file format.

    label: its name. suffixes: those its files have by custom, which dialogs offer; content decides. beside: those of
    them that only accompany the data. expects: what makes a file one, in a few words. names_axes: whether a file says
    which axis is which; else the user is asked.
    """

    label: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    beside: ClassVar[tuple[str, ...]] = ()
    expects: ClassVar[str]
    names_axes: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"{self.label} ({', '.join(self.suffixes)})"

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Whether the file's content is of this format; for any other content it returns False and raises nothing."""

    @abstractmethod
    def open(self, path: Path, axes: Sequence[str] | None = None) -> "Scan":
        """Open a recognised file without reading its k-space; FileFormatError if it is damaged or incomplete."""

    def guessed_axes(self, path: Path) -> tuple[tuple[int, ...], tuple[str, ...]] | None:
        """The shape of a recognised file's k-space and a guess at the names of its axes, to ask the user about.

        None where the file names its axes, or holds no k-space, which `open` says.
        """
        return None

    def files(self, path: Path) -> tuple[Path, ...]:
        """The files of the scan that opens by this path: the file itself, or all that belong together."""
        return (path,)

    def _refuse_axes(self, path: Path, axes: Sequence[str] | None) -> None:
        if axes is not None:
            raise InputError(f"{path.name} is {self.label}, which names its own axes; leave the axes out.")
