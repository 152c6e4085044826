"""What was used last is kept, and no more than so much of it."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Recent(Generic[V]):
    """Values by their keys: the `most` that were kept or found last. None is no value."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, V] = OrderedDict()

    def find(self, key: Hashable) -> V | None:
        """The value, which counts as used; None for one that was never kept, or no longer is."""
        value = self._values.pop(key, None)
        return None if value is None else self.keep(key, value)

    def keep(self, key: Hashable, value: V) -> V:
        """Keep a value, and let go of those that were used longest ago where there are too many; the value again."""
        self._values[key] = value
        while len(self._values) > self._most:
            self._values.popitem(last=False)
        return value
