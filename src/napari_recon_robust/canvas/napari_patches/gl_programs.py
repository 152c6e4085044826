"""vispy's programs: the same source is parsed and linked once, and a window keeps its own when another is closed."""

from functools import lru_cache
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

from napari._vispy.canvas import VispyCanvas
from vispy.gloo import Program
from vispy.visuals.shaders import ModularProgram

_link, _parse = ModularProgram.set_shaders, Program._parse_variables_from_code
_clean = getattr(VispyCanvas, "_clean_and_update_scenegraph", None)
_linked: "WeakKeyDictionary[ModularProgram, tuple[str | None, ...]]" = WeakKeyDictionary()


def keep_programs() -> None:
    """Let a program that is built to the source it has already stay linked, and parse each source once.

    vispy builds the programs of whatever comes to another cell of the grid, and with napari's layers the source is the
    same each time: to parse and link it took two thirds of the time of the next drawing.
    """
    ModularProgram.set_shaders = _set_shaders
    Program._parse_variables_from_code = _parse_variables_from_code


def keep_to_own_context() -> None:
    """Let napari delete the programs and textures of a removed layer in the window that it was in.

    napari 0.9 has vispy carry them out in the context of the window that was painted last. Both windows give their
    programs the same numbers, so that one that is closed takes those of the other, which can no longer be painted.
    """
    if _clean is not None:
        VispyCanvas._clean_and_update_scenegraph = _clean_own


def _set_shaders(
    self: ModularProgram, vert: str, frag: str, geom: str | None = None, update_variables: bool = True
) -> None:
    source = vert, frag, geom
    if _linked.get(self) != source:
        _link(self, vert, frag, geom, update_variables)
        _linked[self] = source
        return
    self._pending_variables.update(self._user_variables)  # as vispy does it behind its linking
    self._user_variables = {}
    if update_variables:
        self._process_pending_variables()


def _clean_own(self: VispyCanvas) -> None:
    assert _clean is not None
    self._scene_canvas.set_current()
    _clean(self)


def _parse_variables_from_code(self: Program, update_variables: bool = True) -> None:
    self._code_variables = dict(_variables(tuple(shader.code for shader in self._shaders)))
    if update_variables:
        self._process_pending_variables()


@lru_cache(maxsize=512)
def _variables(source: tuple[str, ...]) -> dict[str, Any]:
    """What vispy finds in the shaders of a program."""
    blank = Program.__new__(Program)
    blank._shaders = [SimpleNamespace(code=code) for code in source]
    _parse(blank, update_variables=False)
    found: dict[str, Any] = blank._code_variables
    return found
