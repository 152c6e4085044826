"""A table of things that are loaded at first use: reconstructors, perturbations, file formats.

Each of the project's own is one module and one line of a table. Other packages add theirs by an entry point,
whose group is the package's name unless another is given.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from .cached_property import cached_property
from .errors import InputError, PackageWarning, nearest

T = TypeVar("T")
Table = Mapping[str, str]


def missing_words(made: object, words: Sequence[str]) -> str:
    """Which of these texts an object lacks, as "label, summary"; empty if it has all of them."""
    return ", ".join(word for word in words if not isinstance(getattr(made, word, None), str))


class Registry(Generic[T]):
    """Instances are made once, without arguments.

    table: an id to "module:Class" inside `package`; or a function that gives such a table, which is called at the
    first use. words: the texts that each entry has to have; an "id" among them is the one in the table.
    """

    def __init__(
        self,
        kind: str,
        package: str,
        table: Table | Callable[[], Table],
        group: str | None = None,
        *,
        words: Sequence[str] = (),
    ) -> None:
        self.kind, self.package, self._given, self.group = kind, package, table, group or package
        self.words = words
        self._loaded: dict[str, T] = {}
        self._broken: set[str] = set()

    @cached_property
    def table(self) -> Table:
        """The project's own entries, "module:Class" by id."""
        return self._given() if callable(self._given) else self._given

    def ids(self) -> list[str]:
        """All ids: the project's own, then those of other packages."""
        return [*self.table, *(point.name for point in self._entry_points)]

    def lists(self, id: str) -> bool:
        """Whether there is an entry with that id, of the project or of another package."""
        return id in self.ids()

    def ships(self, id: str) -> bool:
        """Whether the entry with that id is the project's own; False for other packages', and for unknown ids."""
        return id in self.table

    def available(self) -> Iterator[str]:
        """The ids of all that can be had, each loaded first; a warning names what another package cannot give, once."""
        for id in self.ids():
            try:
                self.get(id)
            except InputError as error:
                if id not in self._broken:
                    self._broken.add(id)
                    warnings.warn(f"{error}", PackageWarning, stacklevel=2)
                continue
            yield id

    def __iter__(self) -> Iterator[T]:
        """All that can be had (`available`), in the order of `ids`."""
        return map(self.get, self.available())

    def get(self, id: str) -> T:
        """The entry with that id, loaded once; InputError for an unknown id, or one that its package cannot give."""
        if not isinstance(id, str) or id not in self._loaded:
            kind = self.kind_of(id)
            with self._naming(id):
                made = kind()
                self._check(made, id)
                self._loaded.setdefault(id, made)  # another thread may have made it meanwhile
        return self._loaded[id]

    def kind_of(self, id: str) -> Any:
        """The class with that id; InputError for an unknown id, and for one whose package cannot be loaded."""
        if isinstance(id, str) and self.ships(id):
            module, name = self.table[id].split(":")
            return getattr(import_module(f"{self.package}.{module}"), name)
        for point in self._entry_points:
            if point.name == id:
                with self._naming(id):
                    return point.load()
        near = nearest(id, self.ids()) if isinstance(id, str) else ""
        ids = ", ".join(self.ids())
        raise InputError(f"there is no {self.kind} {id!r}; choose {f'{near}, or ' if near else ''}one of {ids}.")

    def _check(self, made: Any, id: str) -> None:
        """Raise TypeError for an entry that lacks a word; ValueError for one that gives itself another id."""
        if lacking := missing_words(made, self.words):
            raise TypeError(f"it has no {lacking}")
        if "id" in self.words and made.id != id:
            raise ValueError(f"its id is {made.id!r}, by which nothing saved with it would be found again")

    @contextmanager
    def _naming(self, id: str) -> Iterator[None]:
        """Turn whatever the code of another package raises into an InputError that names it."""
        try:
            yield
        except Exception as error:
            point = next((point for point in self._entry_points if point.name == id), None)
            if point is None:
                raise
            raise InputError(
                f"the {self.kind} {id!r} of an installed package ({point.value}) cannot be loaded "
                f"({type(error).__name__}: {error}); mend that package, or uninstall it."
            ) from error

    @cached_property
    def _entry_points(self) -> list[EntryPoint]:
        """The entries of other packages. Looking through all installed packages takes milliseconds.

        A warning names one that is left out because something else has its id.
        """
        found: dict[str, EntryPoint] = {}
        for point in entry_points(group=self.group):
            if point.name in self.table or point.name in found:
                warnings.warn(
                    f"the {self.kind} {point.name!r} of an installed package ({point.value}) is left out, since "
                    f"another {self.kind} has that id; give it an id of its own.",
                    PackageWarning,
                    stacklevel=2,
                )
            else:
                found[point.name] = point
        return list(found.values())
