"""`module:function` or `script.py:function`: image = f(kspace, mask, sensitivities), or what its parameters name."""

import importlib
import importlib.util
import inspect
import sys
from contextlib import nullcontext
from functools import partial
from hashlib import sha256
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from ..ground.errors import ModelError
from ..ground.guard import is_file, read, said_by, shown
from ..ground.registry import missing_words
from ..reconstructors.base import Reconstructor
from ..reconstructors.fingerprint import PACKAGE, forget, import_statements, of_module, of_network_when_met, remember
from ..reconstructors.registry import registry
from .model import CalledModel, ModelInput, frozen, parameters_of
from .neighbours import Neighbours, on_path
from .opened_files import watched
from .opening import DEFAULT, display_name, in_full, split_source
from .parameters import accepted_parameters
from .raising import in_line

_LONGEST_SCRIPT = 2**24  # bytes


class Function(CalledModel):
    """x = f(k, M, S), f a Python function on torch tensors, or on NumPy arrays if its annotations say so.

    The names of its parameters may say otherwise (`accepted_parameters`).
    """

    def __init__(self, id: str, function: Any, fingerprint: dict[str, str]) -> None:
        """function: called with k (coils, rows, columns), M (rows, columns), S (coils, rows, columns) by default.

        Raises ModelError where its parameters take something else.
        """
        super().__init__(id)
        self.function = function
        self._taken = accepted_parameters(function, id)
        self.parameters = parameters_of(function) if isinstance(function, nn.Module) else None
        self._fingerprint = fingerprint
        self.numpy = _asks_for_numpy(function)
        self.differentiable = not self.numpy
        self.summary = f"Own function on {'NumPy arrays, without gradients' if self.numpy else 'torch tensors'}."

    def given(self, one: ModelInput) -> dict[str, Any]:
        """What its parameters take, in their order."""
        parts = {name: getattr(one, name) for name in self._taken.names}
        return {name: part.detach().cpu().numpy() for name, part in parts.items()} if self.numpy else parts

    def image(self, one: ModelInput) -> Any:
        """The function's result."""
        parts = self.given(one)
        if isinstance(self.function, nn.Module) and not self.numpy:
            self.function.to(one.kspace.device)
        return self._taken.call(self.function, parts)

    def fingerprint(self) -> dict[str, str]:
        """The version of the function's package, and its file, or what `objects.opened` knows of it."""
        return self._fingerprint


def open_model(source: str) -> Reconstructor:
    """The method of the function, network, deepinv reconstructor or `Reconstructor` with that name; else ModelError."""
    place, _, name = split_source(in_full(source))
    neighbours = _neighbours(place)
    with nullcontext() if neighbours is None else neighbours.found():  # a class may be one of theirs
        return _method(_import(place, neighbours), place, name, display_name(source))


def _method(module: ModuleType, place: str, name: str, label: str) -> Reconstructor:
    """The method of what has that name in the module; ModelError if nothing has."""
    try:
        found = getattr(module, name)
    except AttributeError:
        there, file = _callables(module), shown(Path(place))
        what = f"{', '.join(there)}: name one, as in {file}:{there[0]}" if there else f"no functions: define {name!r}"
        raise ModelError(f"{file} has no {name!r}; it has {what}.") from None
    if isinstance(found, type) and issubclass(found, Reconstructor):
        found = _made(found, label)
    known = of_module(module.__name__)  # of what is open: the file may change later
    method = method_of(found, label, known)
    networks = [value for value in vars(module).values() if isinstance(value, nn.Module)]
    if isinstance(method, Function) and method.parameters is None and networks:
        method.parameters = parameters_of(nn.ModuleList(networks))  # which its fingerprint has, too
    return method


def _made(kind: type[Reconstructor], label: str) -> Reconstructor:
    """The reconstructor of a class; ModelError for one that cannot be made without arguments."""
    try:
        return kind()
    except Exception as error:
        raise ModelError(
            f"{label} cannot be made without arguments ({type(error).__name__}: {said_by(error)}); mend it, or make an "
            f"object of it there, as in method = {kind.__name__}(...), and name that."
        ) from error


def method_of(found: Any, label: str, fingerprint: dict[str, str]) -> Reconstructor:
    """The method of a function, network, deepinv reconstructor or `Reconstructor`; ModelError for anything else.

    fingerprint: of the code, as it is now.
    """
    if isinstance(found, Reconstructor):
        return _known(found, label, fingerprint)
    if isinstance(found, type):
        made = f"network = {found.__name__}()"
        raise ModelError(f"{label} is a class; make an object of it, as in {made}, and give that.")
    if not callable(found):
        raise ModelError(
            f"{label} is {type(found).__name__}; a function f(kspace, mask, sensitivities) or a torch.nn.Module was "
            "expected."
        )
    _evaluate(found)
    if isinstance(found, nn.Module):
        frozen(found)  # a method may train its network in the call
    if "deepinv" in sys.modules and isinstance(found, sys.modules["deepinv"].models.Reconstructor):
        from .deepinverse import DeepInverse

        return DeepInverse(label, found, fingerprint)
    return Function(label, found, fingerprint)


def _evaluate(found: Any) -> None:
    """Put a network, or that of its method, or those in `functools.partial`, into evaluation mode."""
    if isinstance(found, nn.Module):
        found.eval()
    elif isinstance(found, partial):
        for part in (found.func, *found.args, *found.keywords.values()):
            _evaluate(part)
    elif isinstance(owner := getattr(found, "__self__", None), nn.Module):
        _evaluate(owner)


def _known(found: Reconstructor, label: str, fingerprint: dict[str, str]) -> Reconstructor:
    """A `Reconstructor` that keeps its code's fingerprint; ModelError for one without a word, or with another's id."""
    module = type(found).__module__
    if module.startswith(f"{PACKAGE}."):
        return found
    if lacking := missing_words(found, registry.words):
        raise ModelError(f"{label} has no {lacking}; set such texts in its class, as the methods here do.")
    if registry.lists(found.id) and type(found) is not type(registry.get(found.id)):
        raise ModelError(f"{label} has the id {found.id!r}, which is another method's here; give it an id of its own.")
    if found.code is None:
        found.code = fingerprint | (of_module(module) if module in sys.modules else {})
    return found


def _neighbours(place: str) -> Neighbours | None:
    """The modules beside a script; None for a module, which has its folder from Python."""
    if not place.lower().endswith(".py"):
        return None
    if not is_file(Path(place)):
        raise ModelError(f"there is no file {shown(Path(place))} at that place; give the path of a Python script.")
    return Neighbours(Path(place))


def _import(place: str, neighbours: Neighbours | None) -> ModuleType:
    """The module, or the script as one; what it computes with from now on is remembered for its fingerprint."""
    try:
        with watched() as opened:
            module = _import_module(place) if neighbours is None else _run_script(Path(place), neighbours)
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
        said, todo = f"{type(error).__name__}: {said_by(error)}", "mend it"
        if isinstance(error, ModuleNotFoundError):
            todo = "install it, or mend the import"
        elif isinstance(error, ImportError) and "no known parent package" in str(error):
            todo = _as_a_module(Path(place).absolute())
        raise ModelError(f"importing {shown(Path(place))} failed ({said}){in_line(error)}; {todo}.") from error


def _as_a_module(script: Path) -> str:
    """What to do with a script that imports by leading dots, which only a module of a package can."""
    dots = max(1, *(level for level, _ in import_statements(read(script, _LONGEST_SCRIPT, ModelError))))
    names = [folder.name for folder in script.parents[:dots]][::-1]
    module = ".".join([*names, script.stem])
    return f"start from the folder above {names[0]} and name it as a module, as in {module}:{DEFAULT}"


def _import_module(name: str) -> ModuleType:
    """An installed module, or one in the current folder, found as `python -m` finds it."""
    try:
        with on_path(str(Path.cwd())):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise ModelError(
            f"there is no module {name!r}; install its package, start from its folder or give the path of its .py file."
        ) from None


def _run_script(path: Path, neighbours: Neighbours) -> ModuleType:
    """A script as a module of its own name; each opening runs it and its neighbours, which it can import, anew."""
    content = read(path, _LONGEST_SCRIPT, ModelError)
    place = sha256(str(path.absolute()).encode()).hexdigest()[:8]  # scripts of one name are not one module
    name = f"own_model_{path.stem.replace('.', '_')}_{place}"
    loader = SourceFileLoader(name, str(path))
    specification = importlib.util.spec_from_loader(name, loader)
    assert specification is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    vars(module)["__builtins__"] = neighbours.builtins
    neighbours.forget()
    forget(path)
    # not by the loader, whose cache takes a file that was changed within a second for the old one
    exec(loader.source_to_code(content, str(path)), vars(module))
    return module


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
