"""vispy's program for letters, without what letters do not need."""

import re

from vispy.gloo.preprocessor import merge_includes
from vispy.visuals import TextVisual

_FUNCTION = re.compile(r"^[ \t]*\w+ (\w+)\([^)]*\)\s*\{.*?^[ \t]*\}\n", re.MULTILINE | re.DOTALL)


def shorten_letters() -> None:
    """Leave out of the program of vispy's letters the functions that it never calls.

    They interpolate in volumes, in 70 kB of code. vispy reads all of it again for each text that is new or comes to
    another cell of the grid, which takes 50 ms each.
    """
    program = TextVisual._shaders
    TextVisual._shaders = program | {"fragment": called(merge_includes(program["fragment"]))}


def called(code: str) -> str:
    """A program in GLSL without the functions that nothing calls."""
    functions = {found[1]: found[0] for found in _FUNCTION.finditer(code)}
    needed, found = set[str](), set(functions) & {"main"}
    while found:
        needed |= found
        words = {word for name in found for word in re.findall(r"\w+", functions[name])}
        found = words & set(functions) - needed
    return _FUNCTION.sub(lambda one: one[0] if one[1] in needed or not needed else "", code)
