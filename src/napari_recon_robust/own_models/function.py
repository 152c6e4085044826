"""`module:function` or `script.py:function`: image = f(kspace, mask, sensitivities), or what its parameters name."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from ..ground.errors import ModelError
from ..ground.guard import is_file, read, said_by, shown
from ..reconstructors.base import Reconstructor
from ..reconstructors.origin import forget, of_module, of_network_when_met, remember, with_neighbours
from .model import CalledModel, ModelInput, parameters_of
from .opened_files import watched
from .parameters import taken

DEFAULT = "reconstruct"  # the function of a script that is given without a function's name
_LONGEST_SCRIPT = 2**24  # bytes


class Function(CalledModel):
    """x = f(k, M, S), f a Python function on torch tensors, or on NumPy arrays if its annotations say so.

    The names of its parameters may say otherwise (`parameters.taken`).
    """

    def __init__(self, id: str, function: Any, fingerprint: dict[str, str]) -> None:
        """function: called with k (coils, rows, columns), M (rows, columns), S (coils, rows, columns) by default.

        Raises ModelError where its parameters take something else.
        """
        super().__init__(id)
        self.function = function
        self._taken = taken(function, id)
        self.parameters = parameters_of(function) if isinstance(function, nn.Module) else None
        self._fingerprint = fingerprint
        self.numpy = _asks_for_numpy(function)
        self.differentiable = not self.numpy
        self.summary = f"Own function on {'NumPy arrays, without gradients' if self.numpy else 'torch tensors'}."

    def image(self, one: ModelInput) -> Any:
        """The function's result."""
        parts = [getattr(one, name) for name in self._taken.names]
        if self.numpy:
            parts = [each.detach().cpu().numpy() for each in parts]
        elif isinstance(self.function, nn.Module):
            self.function.to(one.kspace.device)
        return self._taken.call(self.function, parts)

    def fingerprint(self) -> dict[str, str]:
        """The version of the function's package, and its file, or what `objects.opened` knows of it."""
        return self._fingerprint


def open_model(source: str) -> Reconstructor:
    """The method of the function, network, deepinv reconstructor or `Reconstructor` with that name; else ModelError."""
    place, name, label = _parts(source)
    module = _import(place)
    try:
        found = getattr(module, name)
    except AttributeError:
        there, file = _callables(module), shown(Path(place))
        what = f"{', '.join(there)}: name one, as in {file}:{there[0]}" if there else f"no functions: define {name!r}"
        raise ModelError(f"{file} has no {name!r}; it has {what}.") from None
    if isinstance(found, type) and issubclass(found, Reconstructor):
        return found()
    return method_of(found, label, of_module(module.__name__))  # of what is open: the file may change later


def method_of(found: Any, label: str, fingerprint: dict[str, str]) -> Reconstructor:
    """The method of a function, network, deepinv reconstructor or `Reconstructor`; ModelError for anything else."""
    if isinstance(found, Reconstructor):
        return found
    if isinstance(found, type):
        made = f"network = {found.__name__}()"
        raise ModelError(f"{label} is a class; make an object of it there, as in {made}, and name that.")
    if not callable(found):
        raise ModelError(
            f"{label} is {type(found).__name__}; a function f(kspace, mask, sensitivities) or a torch.nn.Module was "
            "expected."
        )
    if isinstance(found, nn.Module):
        found.eval().requires_grad_(False)
        if "deepinv" in sys.modules and isinstance(found, sys.modules["deepinv"].models.Reconstructor):
            from .deepinverse import DeepInverse

            return DeepInverse(label, found, fingerprint)
    return Function(label, found, fingerprint)


def _parts(source: str) -> tuple[str, str, str]:
    """The module or script, the name in it, and the text that is shown, which leaves out the script's folder."""
    if source.lower().endswith(".py"):
        source = f"{source}:{DEFAULT}"
    place, _, name = source.rpartition(":")
    return place, name, f"{Path(place).name if place.endswith('.py') else place}:{name}"


def _import(place: str) -> ModuleType:
    """The module, or the script as one; what it computes with from now on is remembered for its fingerprint."""
    try:
        with watched() as opened:
            module = _run_script(Path(place)) if place.endswith(".py") else _import_module(place)
        for code in opened.read:
            remember(code, opened.digests(code).items())
        if getattr(module, "__file__", None):
            for name, value in vars(module).items():
                if isinstance(value, nn.Module):
                    remember(Path(str(module.__file__)), of_network_when_met(value, name).items())
        return module
    except ModelError:
        raise
    except (Exception, SystemExit) as error:  # a script may end itself, but not the program
        said = f"{type(error).__name__}: {said_by(error)}"
        todo = "install it, or mend the import" if isinstance(error, ModuleNotFoundError) else "mend it"
        raise ModelError(f"importing {shown(Path(place))} failed ({said}); {todo}.") from error


def _import_module(name: str) -> ModuleType:
    """An installed module, or one in the current folder, found as `python -m` finds it."""
    try:
        with _on_path(Path.cwd()):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise ModelError(
            f"there is no module {name!r}; install its package, start from its folder or give the path of its .py file."
        ) from None


def _run_script(path: Path) -> ModuleType:
    """A script as a module of its own name; each opening runs it and its neighbours, which it can import, anew."""
    if not is_file(path):
        raise ModelError(f"there is no file {shown(path)} at that place; give the path of a Python script.")
    content = read(path, _LONGEST_SCRIPT, ModelError)
    name = f"own_model_{path.stem}"
    loader = SourceFileLoader(name, str(path))
    specification = importlib.util.spec_from_loader(name, loader)
    assert specification is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    _forget_neighbours(path)
    forget(path)
    with _on_path(path.parent.resolve()):
        # not by the loader, whose cache takes a file that was changed within a second for the old one
        exec(loader.source_to_code(content, str(path)), vars(module))
    return module


def _forget_neighbours(script: Path) -> None:
    """Forget what was imported before under the names of a script's neighbours: older versions, or another folder's.

    What Python finds without the script's folder is the program's own, and stays.
    """
    for file in with_neighbours(script, script.parent) - {script}:
        name = ".".join(file.relative_to(script.parent).with_suffix("").parts).removesuffix(".__init__")
        if PathFinder.find_spec(name.partition(".")[0]) is None:
            sys.modules.pop(name, None)
            forget(file)


@contextmanager
def _on_path(folder: Path) -> Iterator[None]:
    """Let modules of the folder be imported meanwhile; all other places come first."""
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.reverse()
        sys.path.remove(str(folder))
        sys.path.reverse()


def _asks_for_numpy(function: Any) -> bool:
    """Whether the first parameter is annotated as a NumPy array."""
    try:
        first = next(iter(inspect.signature(function).parameters.values()))
    except (TypeError, ValueError, StopIteration):
        return False
    return any(word in str(first.annotation) for word in ("ndarray", "NDArray", "ArrayLike"))


def _callables(module: ModuleType) -> list[str]:
    own = (name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__)
    return [name for name in own if callable(getattr(module, name)) and not name.startswith("_")]
