"""Whether an archive of torch.export holds nothing but tensors and torch's operators.

torch.export.load itself executes pickles, resolves the names of operators anywhere below `torch`, and evaluates
the expressions of dynamic sizes as Python. What is let through here is all that torch.export.save writes for an
ordinary model.
"""

import ast
import json
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import torch

from ...errors import WeightsError

OPERATORS = ("torch.ops.", "_operator.", "math.", "torch.sym_", "torch._sym_")
_HARMLESS: tuple[type[ast.AST], ...] = (
    *(ast.Expression, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.Name, ast.Load, ast.keyword),
    *(ast.operator, ast.unaryop, ast.cmpop, ast.boolop),
)


def check(content: bytes, name: str) -> None:
    """WeightsError if the archive is damaged, or could run code when it is loaded."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            members = {member: archive.read(member) for member in archive.namelist()}
        descriptions = [json.loads(data) for member, data in members.items() if member.endswith(".json")]
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise WeightsError(
            f"{name} is damaged or no program of torch.export ({error}); write it again with torch.export.save."
        ) from None
    for member, data in members.items():
        if not _is_data(data):
            raise WeightsError(
                f"{name} holds Python objects ({member.split('/', 1)[-1]}) whose loading could run code; "
                "export a model that consists of tensors alone."
            )
    for key, value in (pair for description in descriptions for pair in _walk(description)):
        if key == "target" and isinstance(value, str) and not value.startswith(OPERATORS):
            raise WeightsError(f"{name} calls {value!r}, which is no operator of torch; export it with torch.export.")
        if key == "expr_str" and isinstance(value, str) and not _is_formula(value):
            raise WeightsError(f"{name} has {value[:60]!r} as a size, which is no formula; export it again.")


def _is_data(data: bytes) -> bool:
    """Whether a member is raw numbers or text, or a pickle of tensors alone."""
    pickled = data[:1] == b"\x80" or data[:2] == b"PK"
    if not pickled:
        return True
    try:
        torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:  # whatever the bytes lead the unpickler to
        return False
    return True


def _walk(value: Any) -> Iterator[tuple[str, Any]]:
    """All keys of nested JSON with their values."""
    if isinstance(value, dict):
        yield from value.items()
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _walk(item)


def _is_formula(text: str) -> bool:
    """Whether it is an expression of names, numbers and sympy's functions, which begin with capitals.

    Their arguments may be names in quotes (Symbol('s0', integer=True)): without parentheses these call nothing.
    """
    try:
        nodes = list(ast.walk(ast.parse(text, mode="eval")))
    except (SyntaxError, ValueError):
        return False
    for node in nodes:
        if isinstance(node, ast.Call):
            if not (isinstance(node.func, ast.Name) and node.func.id[0].isupper()):
                return False
        elif isinstance(node, ast.Constant):
            if not (isinstance(node.value, int | float) or re.fullmatch(r"[\w.]+", str(node.value))):
                return False
        elif not isinstance(node, _HARMLESS):
            return False
    return True
