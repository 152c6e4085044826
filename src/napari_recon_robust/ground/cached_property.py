"""Properties that are computed once, for threads that compute long ones at the same time.

`functools.cached_property` of Python 3.11 has one lock for all instances of a class: a reconstruction of minutes in one
thread would hold up the first of every other one. Here two threads may compute a value of one instance twice instead.
"""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class cached_property(Generic[T]):
    """A method that is a property, whose value stays with the instance, also with a frozen one."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T: ...

    def __get__(self, instance: object | None, owner: type | None = None) -> Self | T:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._compute(instance)  # which comes first from now on
        return value
