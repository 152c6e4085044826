"""Odd values, and odd places for them in trees of values (JSON, YAML, pickles)."""

from collections.abc import Callable
from random import Random
from typing import Any

INTEGERS = (0, 1, -1, 2, 3, 7, 127, 255, 2**15, 2**16, 2**31 - 1, 2**31, -(2**31), 2**32, 10**9, 2**53, 2**63 - 1)
HUGE = (2**64, 10**30, -(10**30))
FLOATS = (0.0, -0.0, 1e-45, 1e-22, 0.5, 1e30, 1e308, float("nan"), float("inf"), float("-inf"))
WORDS = ("", " ", "\0", "\n", "a\nb", "é", "‮", "nan", "inf", "-1", "1e9", "1e999", "9**9**9", "x" * 5000)
WORDS += (
    "../..",
    "/etc/passwd",
    "~",
    "con",
    "null",
    "None",
    "true",
    "%s%n",
    "{}",
    "{0.__class__}",
    "__class__",
    "1" * 5000,
)
MOST = 200_000  # values in a tree
PARTS: tuple[Any, ...] = (None, True, False, [], {}, [[]], {"a": 1}, [1, "a", None], [0] * 2000)


def scalar(rng: Random) -> Any:
    return rng.choice(rng.choice((INTEGERS, HUGE, FLOATS, WORDS)))


def value(rng: Random) -> Any:
    """Any value that JSON can hold, at least as Python writes it."""
    return rng.choice(PARTS) if rng.random() < 0.3 else scalar(rng)


def deep(levels: int) -> Any:
    tree: Any = 1
    for level in range(levels):
        tree = [tree] if level % 2 else {"a": tree}
    return tree


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a tree of dicts and lists, about `MOST` of them at most."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting and len(found) < MOST:
        part = waiting.pop()
        keys = list(part) if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
        for key in keys:
            found.append((part, key))
            waiting.append(part[key])
    return found


def change_tree(tree: Any, rng: Random, other: Callable[[Any, Random], Any] | None = None) -> Any:
    """The tree with one to three changes. other: gives another value for one of a type that JSON does not have."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        found = places(tree)
        if not found or rng.random() < 0.04:
            return value(rng)
        part, key = rng.choice(found)
        _change(part, key, rng, other)
    return tree


def _change(part: Any, key: Any, rng: Random, other: Callable[[Any, Random], Any] | None) -> None:
    old = part[key]
    act = rng.choice(("value", "value", "value", "number", "missing", "renamed", "doubled", "deep", "swapped"))
    if other is not None and not isinstance(old, (dict, list, str, int, float, type(None))):
        part[key] = other(old, rng)
    elif act == "number" and isinstance(old, int | float):
        part[key] = rng.choice((-old, old + 1, old * 10**6, 10**9, 0.5, str(old), [old], float("nan")))
    elif act == "missing":
        del part[key]
    elif act == "renamed" and isinstance(part, dict):
        part[rng.choice(WORDS)] = part.pop(key)
    elif act == "doubled" and isinstance(old, list):
        times = rng.choice((2, 3, 500))
        part[key] = old * (times if times * len(places(old)) < MOST else 1)  # twice so often is more than memory
    elif act == "deep":
        part[key] = deep(rng.choice((3, 60, 400)))
    elif act == "swapped":
        part[key] = rng.choice(places(part))[0]
        if part[key] is part:  # no circle: JSON cannot hold it
            part[key] = value(rng)
    else:
        part[key] = value(rng)
