"""Files that would run code, or read or write other files, when they are opened or run: none leaves a trace."""

import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

import napari_recon_robust as rr
from napari_recon_robust.cli import cli
from napari_recon_robust.ground.errors import ReconRobustError, WeightsError
from napari_recon_robust.reconstructors import registry

SAMPLING = rr.Sampling(pattern="equispaced", acceleration=3, centre_fraction=0.2)
SECRET = b"a file of the user's"
META = {
    "dtype": 7,
    "sizes": [{"as_int": 5}],
    "requires_grad": False,
    "device": {"type": "cpu", "index": None},
    "strides": [{"as_int": 1}],
    "storage_offset": {"as_int": 0},
    "layout": 7,
}


class Double(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("gain", torch.full((5,), 2.0))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.gain[0] * image


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """x = 2 image of any size."""
    sizes = [(torch.export.Dim.AUTO, torch.export.Dim.AUTO)]
    program = torch.export.export(Double(), (torch.zeros(20, 24, dtype=torch.complex64),), dynamic_shapes=sizes)
    path = tmp_path_factory.mktemp("exported") / "double.pt2"
    torch.export.save(program, path)
    return path


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """What the code would leave."""
    return tmp_path / "trace"


def forged(
    path: Path, target: Path, *, change: Callable[[Any], None] | None = None, members: dict[str, bytes] | None = None
) -> Path:
    """The archive with its program changed, and with other members added or in place of its own."""
    others = dict(members or {})
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            folder, _, member = name.partition("/")
            data = others.pop(member, old.read(name))
            if change is not None and member == "models/model.json":
                program = json.loads(data)
                change(program)
                data = json.dumps(program).encode()
            new.writestr(name, data)
        for member, data in others.items():
            new.writestr(f"{folder}/{member}", data)
    return target


def node(target: str, outputs: list[Any], **arguments: Any) -> dict[str, Any]:
    inputs = [{"name": name, "arg": value, "kind": 2} for name, value in arguments.items()]
    return {"target": target, "inputs": inputs, "outputs": outputs, "metadata": {}, "name": None}


def tensor(name: str) -> dict[str, Any]:
    return {"as_tensor": {"name": name}}


def graph_of(program: Any) -> Any:
    return program["graph_module"]["graph"]


def added(*nodes: dict[str, Any], names: tuple[str, ...] = ()) -> Callable[[Any], None]:
    """Nodes before all others, each of `names` a tensor of 5 numbers."""

    def change(program: Any) -> None:
        graph = graph_of(program)
        graph["nodes"][:0] = nodes
        graph["tensor_values"].update(dict.fromkeys(names, META))

    return change


def try_out(path: Path, scan: Path) -> list[str]:
    """What opening and running it says, in Python and on the command line."""
    said = []
    try:
        with rr.open_scan(scan) as opened:
            registry.get(str(path))(opened.measurement(1, SAMPLING))
    except ReconRobustError as error:
        said.append(str(error))
    result = CliRunner().invoke(
        cli,
        ["reconstruct", str(scan), "--slice", "1", "--pattern", "equispaced", "--method", str(path)],
    )
    return [*said, result.output if result.exit_code else "", str(result.exception or "")]


def refused(path: Path, scan: Path, words: str) -> None:
    """One sentence, the same in Python and on the command line, at opening."""
    with pytest.raises(WeightsError, match=words):
        registry.get(str(path))
    result = CliRunner().invoke(cli, ["reconstruct", str(scan), "--pattern", "equispaced", "--method", str(path)])
    assert isinstance(result.exception, WeightsError)


@pytest.mark.thorough
def test_the_forged_file_is_otherwise_sound(double: Path, scan_file: Path, tmp_path: Path) -> None:
    path = forged(double, tmp_path / "sound.pt2", change=lambda program: None, members={"extra/note.txt": b"mine"})
    assert try_out(path, scan_file) == ["", ""]


@pytest.mark.slow
def test_a_library_for_aotinductor_is_not_loaded(double: Path, scan_file: Path, tmp_path: Path, trace: Path) -> None:
    library = b"\x7fELF"
    if compiler := shutil.which("cc"):
        (tmp_path / "x.c").write_text(
            "#include <stdio.h>\n__attribute__((constructor)) static void run(void)"
            f'{{ FILE *f = fopen("{trace}", "w"); if (f) fclose(f); }}\n'
        )
        command = [compiler, "-shared", "-fPIC", "-o", str(tmp_path / "x.so"), str(tmp_path / "x.c")]
        subprocess.run(command, check=True)
        library = (tmp_path / "x.so").read_bytes()
    members = {
        "data/aotinductor/model/x.wrapper.so": library,
        "data/aotinductor/model/x.wrapper_metadata.json": b'{"AOTI_DEVICE_KEY": "cpu"}',
    }
    path = forged(double, tmp_path / "evil.pt2", members=members)
    try_out(path, scan_file)
    assert not trace.exists()
    refused(path, scan_file, "aotinductor/model/x.wrapper.so")


@pytest.mark.parametrize("within", ["the graph", "a region"])
def test_no_file_is_mapped_into_a_tensor(double: Path, scan_file: Path, tmp_path: Path, within: str) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(SECRET)
    opened = node(
        "torch.ops.aten.from_file.default",
        [tensor("mapped")],
        filename={"as_string": str(victim)},
        shared={"as_bool": True},
        size={"as_int": 5},
    )
    written = node("torch.ops.aten.copy_.default", [tensor("copied")], self=tensor("mapped"), src=tensor("b_gain"))
    change = added(opened, written, names=("mapped", "copied"))
    if within == "a region":
        values = {"mapped": META, "copied": META, "b_gain": META}
        inner = {"inputs": [tensor("b_gain")], "outputs": [tensor("copied")], "nodes": [opened, written]}
        inner |= {"tensor_values": values, "sym_int_values": {}, "sym_bool_values": {}, "is_single_tensor_return": True}
        region = node("torch.ops.higher_order.wrap_with_set_grad_enabled", [tensor("left")])
        region["inputs"] = [
            {"name": "", "arg": argument, "kind": 1}
            for argument in ({"as_bool": False}, {"as_graph": {"name": "inner", "graph": inner}}, tensor("b_gain"))
        ]
        change = added(region, names=("left",))
    path = forged(double, tmp_path / "evil.pt2", change=change)
    try_out(path, scan_file)
    assert victim.read_bytes() == SECRET
    refused(path, scan_file, "aten.from_file.default")


@pytest.mark.parametrize(
    "target",
    [
        "torch.ops.load_library",
        "torch.ops.import_module",
        "torch.ops.aten.save.str",
        "torch.ops.aten.set_data.__call__",
        "torch.ops.aten.__class__.default",
        "torch.ops.aten._reshape_alias.default",
        "torch.ops.aten.set_.source_Storage",
        "torch.ops.aten.manual_seed.default",
        "torch.ops.aten.max_pool2d_with_indices_backward.default",
        "torch.ops.aten.ctc_loss.Tensor",
        "torch.ops.profiler._record_function_enter_new.default",
        "torch.ops.higher_order.while_loop",
        "torch.ops.higher_order.with_effects",
        "torch.os.system",
        "_operator.call",
        "_operator.methodcaller",
        "_operator.lshift",
        "math.factorial",
        "#extension:operator",
    ],
)
def test_no_other_target_is_called(double: Path, scan_file: Path, tmp_path: Path, target: str) -> None:
    path = forged(double, tmp_path / "evil.pt2", change=added(node(target, [tensor("new")]), names=("new",)))
    refused(path, scan_file, f"calls '{target}'")


def test_a_loop_without_an_end_is_not_begun(double: Path, scan_file: Path, tmp_path: Path) -> None:
    graphs = [
        {
            "inputs": [tensor("x")],
            "outputs": [tensor("y")],
            "nodes": [node(target, [tensor("y")], self=tensor("x"))],
            "tensor_values": {"x": META, "y": META},
            "sym_int_values": {},
            "sym_bool_values": {},
            "is_single_tensor_return": index == 0,
        }
        for index, target in enumerate(("torch.ops.aten.any.default", "torch.ops.aten.clone.default"))
    ]
    loop = node("torch.ops.higher_order.while_loop", [{"as_tensors": [{"name": "left"}]}])
    graphs_as = [{"as_graph": {"name": f"part_{number}", "graph": one}} for number, one in enumerate(graphs)]
    loop["inputs"] = [
        {"name": "", "arg": one, "kind": 1}
        for one in (*graphs_as, {"as_tensors": [{"name": "b_gain"}]}, {"as_tensors": []})
    ]
    path = forged(double, tmp_path / "evil.pt2", change=added(loop, names=("left",)))
    refused(path, scan_file, "higher_order.while_loop")


class Payload:
    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.touched,)


def text_pickle(trace: Path) -> bytes:
    """In the oldest protocol, which begins like text."""
    return f"cbuiltins\nexec\n(Vopen({str(trace)!r}, 'w').close()\ntR.".encode()


def new_pickle(trace: Path) -> bytes:
    buffer = io.BytesIO()
    torch.save(Payload(trace), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("pickled", [text_pickle, new_pickle])
@pytest.mark.parametrize("place", ["custom object", "opaque object", "weight", "weights of 2.8", "sample inputs"])
def test_no_pickle_is_executed(
    double: Path, scan_file: Path, tmp_path: Path, trace: Path, place: str, pickled: Callable[[Path], bytes]
) -> None:
    evil = pickled(trace)
    constants, weights = "data/constants/model_constants_config.json", "data/weights/model_weights_config.json"

    def config(path_name: str, meta: Any) -> bytes:
        entry = {"path_name": path_name, "is_param": False, "use_pickle": True, "tensor_meta": meta}
        return json.dumps({"config": {"gain": entry}}).encode()

    members = {
        "custom object": {"data/constants/custom_obj_0": evil, constants: config("custom_obj_0", None)},
        "opaque object": {"data/constants/opaque_obj_0": evil, constants: config("opaque_obj_0", None)},
        "weight": {"data/weights/weight_0": evil, weights: config("weight_0", META)},
        "weights of 2.8": {"data/weights/model.pt": evil},
        "sample inputs": {"data/sample_inputs/model.pt": evil},
    }[place]
    path = forged(double, tmp_path / "evil.pt2", members=members)
    try_out(path, scan_file)
    assert not trace.exists()
    if place != "sample inputs":  # which are not read
        refused(path, scan_file, "could run code|as a Python object")


def code(trace: Path) -> str:
    return f"__import__('pathlib').Path({str(trace)!r}).touch()"


def name_of_a_parameter(program: Any, trace: Path) -> None:
    """The last of the inputs, whose names torch writes as a function's parameters, with a default."""
    graph, signature = graph_of(program), program["graph_module"]["signature"]
    evil = tensor(f"b=({code(trace)})")
    graph["inputs"] = [graph["inputs"][1], evil]
    graph["tensor_values"][evil["as_tensor"]["name"]] = META
    signature["input_specs"].reverse()
    signature["input_specs"][1]["buffer"]["arg"] = evil["as_tensor"]
    for one in graph["nodes"]:
        for given in one["inputs"]:
            if given["arg"] == tensor("b_gain"):
                given["arg"] = evil


def a_condition(program: Any, trace: Path) -> None:
    program["guards_code"] = [f"({code(trace)} or True)"]


def a_size(program: Any, trace: Path) -> None:
    layout = graph_of(program)["tensor_values"]["image"]
    layout["sizes"][0] = {"as_expr": {"expr_str": code(trace), "hint": {"as_int": 20}}}


def a_type(where: str) -> Callable[[Any, Path], None]:
    """A key of a dictionary, of a type that torch imports."""

    def change(program: Any, trace: Path) -> None:
        context = [{"__enum__": True, "fqn": "leaves_a_trace:it", "name": where}]
        leaf = {"type": None, "context": None, "children_spec": []}
        kind = {"type": "builtins.dict", "context": json.dumps(context), "children_spec": [leaf]}
        program["graph_module"]["module_call_graph"][0]["signature"][where] = json.dumps([1, kind])

    return change


@pytest.mark.parametrize(
    "change",
    [
        *(name_of_a_parameter, a_condition, a_size, a_type("in_spec"), a_type("out_spec")),
    ],
    ids=["parameter", "condition", "size", "in_spec", "out_spec"],
)
def test_no_text_of_the_program_becomes_code(
    double: Path,
    scan_file: Path,
    tmp_path: Path,
    trace: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Any, Path], None],
) -> None:
    module(tmp_path, trace, monkeypatch)
    path = forged(double, tmp_path / "evil.pt2", change=lambda program: change(program, trace))
    try_out(path, scan_file)
    assert not trace.exists()


def module(folder: Path, trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose import leaves the trace."""
    (folder / "leaves_a_trace.py").write_text(f"{code(trace)}\nit = list\n", encoding="utf-8")
    monkeypatch.delitem(sys.modules, "leaves_a_trace", raising=False)
    monkeypatch.syspath_prepend(folder)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "member",
    [
        *("models/model.json", "../models/model.json", "models/../models/model.json", "models/other.json"),
        *("data/weights/../weight_0", "extra/../../x", "data/constants/custom_obj_0", "data/executorch/x"),
    ],
)
def test_members_twice_or_elsewhere_are_refused(double: Path, scan_file: Path, tmp_path: Path, member: str) -> None:
    path = tmp_path / "evil.pt2"
    shutil.copy(double, path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"double/{member}", b"{}")
    refused(path, scan_file, "a name twice|could run code")
    for name in ("/etc/x", "other/models/model.json", "models/model.json"):
        shutil.copy(double, path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(name, b"{}")
        refused(path, scan_file, "could run code")


def test_a_compressed_archive_and_deep_nesting_are_refused(double: Path, scan_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "evil.pt2"
    shutil.copy(double, path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("double/extra/zeros.txt", bytes(1_000_000))
    refused(path, scan_file, "evil.pt2 is compressed")
    deep = b"[" * 100_000 + b"]" * 100_000
    refused(
        forged(double, path, members={"models/model.json": deep}),
        scan_file,
        "cannot be read as a program of torch.export",
    )


@pytest.mark.parametrize(
    "change",
    [
        added(node("torch.ops.aten.to_sparse.default", [tensor("new")], self=tensor("b_gain")), names=("new",)),
        added(
            node(
                "torch.ops.aten.native_batch_norm.default",
                [tensor("new"), tensor("mean"), tensor("deviation")],
                input=tensor("image"),
                weight=tensor("b_gain"),
                bias=tensor("b_gain"),
                running_mean=tensor("b_gain"),
                running_var=tensor("b_gain"),
                training={"as_bool": False},
                momentum={"as_float": 0.1},
                eps={"as_float": 1e-5},
            ),
            names=("new", "mean", "deviation"),
        ),
        added(
            node(
                "torch.ops.aten._fft_c2c.default",
                [tensor("new")],
                self=tensor("image"),
                dim={"as_ints": [7]},
                normalization={"as_int": 0},
                forward={"as_bool": True},
            ),
            names=("new",),
        ),
        added(
            node(
                "torch.ops.aten._weight_norm.default",
                [tensor("new")],
                v=tensor("image"),
                g=tensor("b_gain"),
                dim={"as_int": 0},
            ),
            names=("new",),
        ),
        added(
            node(
                "torch.ops.aten.scaled_dot_product_attention.default",
                [tensor("new")],
                query=tensor("image"),
                key=tensor("image"),
                value=tensor("b_gain"),
            ),
            names=("new",),
        ),
        added(node("_operator.mul", [{"as_sym_int": {"as_name": "n"}}], a={"as_ints": [1]}, b={"as_int": 2**40})),
        added(node("_operator.pow", [{"as_sym_int": {"as_name": "n"}}], a={"as_int": 9}, b={"as_int": 2**40})),
    ],
    ids=["sparse", "batch norm", "fft", "weight norm", "attention", "list", "power"],
)
def test_what_kernels_would_trust_is_checked_when_it_runs(
    double: Path, scan_file: Path, tmp_path: Path, change: Callable[[Any], None]
) -> None:
    method = registry.get(str(forged(double, tmp_path / "evil.pt2", change=change)))
    with (
        rr.open_scan(scan_file) as scan,
        pytest.raises(ReconRobustError, match="not dense|do not fit|no number|exponent"),
    ):
        method(scan.measurement(1, SAMPLING))
