"""Reading JSON and YAML files, with limits to their size, their nesting and what aliases in them stand for."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import FileFormatError, ReconRobustError, whole_letters
from .guard import opening, read

if TYPE_CHECKING:
    from yaml import MarkedYAMLError

_MOST_YAML = 2**18  # bytes of a recipe; ours have 2 kB
_MOST_JSON = 2**28  # bytes; the loss curves of a saved case can be long
_WHOLE, _MOST_DIGITS = "tag:yaml.org,2002:int", 100  # of whole numbers
_MOST_NODES = 50_000  # values in a document once its aliases are written out


def read_json(
    path: Path,
    error: type[ReconRobustError] = FileFormatError,
    advice: str = "copy it again from its source",
) -> Any:
    """The value in a JSON file; `error`, which ends with the advice, if it is missing or no JSON."""
    content = read(path, _MOST_JSON, error)
    with opening(path, "JSON", advice, error):
        return json.loads(content)


def read_yaml(path: Path, error: type[ReconRobustError] = FileFormatError) -> Any:
    """The value in a YAML file, of plain types only; `error` if it is missing, no YAML, or too large or deep.

    Values are counted with all aliases written out: a few lines of aliases of aliases can stand for billions of them.
    """
    import yaml

    content = read(path, _MOST_YAML, error)
    with opening(path, "YAML", "mend it", error):
        text = content.decode("utf-8-sig")
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            if _count(node, {}) > _MOST_NODES:
                raise ValueError(f"its aliases stand for more than {_MOST_NODES:,} values")
            return loader.construct_document(node)
        except yaml.MarkedYAMLError as fault:
            line = "" if fault.problem_mark is None else f"line {fault.problem_mark.line + 1}: "
            raise ValueError(f"{line}{fault.problem}{_unquoted(fault, text)}") from fault
        finally:
            loader.dispose()


def _unquoted(fault: "MarkedYAMLError", text: str) -> str:
    """Advice where YAML took a text, mostly a glob, for an alias, or its beginning for a list or a mapping."""
    mark = fault.problem_mark
    alias = "alias" in f"{fault.context} {fault.problem}"
    behind = mark is not None and text[: mark.index].endswith(("]", "}")) and "'<scalar>'" in str(fault.problem)
    return "; a text that begins with *, [ or { is to be in quotes" if alias or behind else ""


def yaml_nodes(path: Path) -> Any:
    """The nodes of a YAML file that was read before; they know their lines."""
    import yaml

    return yaml.compose(read(path, _MOST_YAML).decode("utf-8-sig"), yaml.SafeLoader)


def place_in(node: Any, location: Sequence[str | int]) -> tuple[int, list[str | int]]:
    """The line of a place in a YAML document, and the keys that lead there, as far as the document goes.

    Keys that the document does not have are skipped: they name what is missing, or a kind of value in a union.
    """
    import yaml

    line, keys = 1, list[str | int]()
    for key in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((name, value) for name, value in node.value if name.value == str(key)), None)
            if found is None:
                continue
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
        else:
            continue
        keys.append(key)
    return line, keys


def check_names(value: Any, what: str, error: type[ReconRobustError] = FileFormatError) -> None:
    """Raise `error` if a key anywhere in a document is no text, such as a number: settings are named by words."""
    if isinstance(value, dict):
        for name, part in value.items():
            if not isinstance(name, str):
                raise error(f"{what} names a setting {name!r}; settings are named by words.")
            check_names(part, what, error)
    elif isinstance(value, list):
        for part in value:
            check_names(part, what, error)


def _count(node: Any, known: dict[int, int]) -> int:
    """How many values a node stands for; ValueError if it holds itself, or what is too long for a number or no text."""
    if id(node) not in known:
        if node.tag == _WHOLE and len(node.value) > _MOST_DIGITS:
            line = node.start_mark.line + 1
            raise ValueError(f"line {line}: a number has {len(node.value):,} digits, more than any that is meant")
        if isinstance(node.value, str) and node.value != whole_letters(node.value):
            raise ValueError(f"line {node.start_mark.line + 1}: a text has half of a letter (\\ud800 to \\udfff)")
        known[id(node)] = -1
        parts = node.value if isinstance(node.value, list) else []
        known[id(node)] = 1 + sum(
            _count(one, known) for part in parts for one in (part if isinstance(part, tuple) else (part,))
        )
    if known[id(node)] < 0:
        raise ValueError("it holds itself")
    return known[id(node)]
