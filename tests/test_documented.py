"""The commands and calls in README.md, CONTRIBUTING.md and docs are those that there are.

All names, options and arguments are held against the code, links against files and headings; some commands are run.
"""

import ast
import inspect
import re
import shlex
import shutil
from collections.abc import Callable
from glob import glob
from pathlib import Path

import click
import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import napari_recon_robust as rr
from napari_recon_robust.cli import cli
from napari_recon_robust.reader_studies.room.serving import open_answers

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
LINKED = [*sorted(ROOT.glob("*.md")), *PAGES[2:], ROOT / "sample_data" / "README.md"]
# in a block of code, fenced or indented, or within a sentence
_LINE = re.compile(r"^ *recon-robust ((?:.*\\\n)*.*)", re.MULTILINE)
_WITHIN = re.compile(r"`recon-robust ([^`]+)`")
_CALL = re.compile(r"`(rr\.\w+\([^`]*\))`")


def found(words: list[str]) -> tuple[click.Command, click.Context, list[str]]:
    """The command that these words begin with, and the words behind it; UsageError where there is none."""
    command: click.Command = cli
    context = click.Context(cli, info_name="recon-robust")
    while isinstance(command, click.Group) and words and re.match(r"[a-z]", words[0]):
        _, below, words = command.resolve_command(context, words)
        assert below is not None
        command, context = below, click.Context(below, parent=context, info_name=below.name)
    return command, context, words


def unfit(words: list[str]) -> str:
    """What a command of these words would be refused for, before any file is looked at; empty for nothing."""
    try:
        command, context, rest = found(words)
        given, _, _ = command.make_parser(context).parse_args(rest)
        for param in command.params:
            value = given.get(param.name or "")
            if isinstance(param.type, click.Choice) and isinstance(value, str | list):
                param.type_cast_value(context, value)
            if param.required and not value:
                return f"{param.name} is missing"
    except click.UsageError as error:
        return error.format_message()
    return ""


@pytest.mark.parametrize("page", TEXTS)
def test_commands_are_documented_as_they_are(page: str) -> None:
    lines = [shlex.split(line.replace("\\\n", " "), comments=True) for line in _LINE.findall(TEXTS[page])]
    assert {" ".join(words): reason for words in lines if "…" not in words and (reason := unfit(words))} == {}
    for line in _WITHIN.findall(TEXTS[page]):
        command, _, rest = found(line.split())
        options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
        flags = {word for word in rest if word.startswith("--") and word != "--help"}
        assert isinstance(command, click.Group) or flags <= options, line


def helps(command: click.Command | None) -> list[str]:
    """The help of a command and of those below it."""
    assert command is not None
    found = [command.help or ""]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found += helps(command.get_command(context, name))
    return found


def undersamples(words: list[str]) -> bool:
    """Whether a command says how its scan is undersampled; True for one that takes no scan, or draws masks itself."""
    command, context, rest = found(words)
    context.resilient_parsing = True  # within a sentence an option may stand without its value
    given, _, _ = command.make_parser(context).parse_args(rest)
    options = {param.name for param in command.params}
    if not isinstance(given.get("file"), str) or "mask_file" not in options or context.info_name == "other-mask":
        return True
    return any(isinstance(given.get(name), str) for name in ("pattern", "acceleration", "centre_fraction", "mask_file"))


def test_commands_on_a_scan_say_how_it_is_undersampled() -> None:
    """Of a scan that nothing is left out of, every method is good and robust: such a line, copied, misleads."""
    texts = "\n".join([*TEXTS.values(), *helps(cli)])
    lines = [line for line in [*_LINE.findall(texts), *_WITHIN.findall(texts)] if "…" not in line]
    commands = [shlex.split(line.replace("\\\n", " "), comments=True) for line in lines]
    assert [" ".join(words) for words in commands if not undersamples(words)] == []


def test_a_scan_that_is_not_undersampled_is_found() -> None:
    assert not undersamples(["retention", "FILE", "--method", "unet"])
    assert not undersamples(["perturb", "fnaf", "scan.h5", "--seed", "3"])
    assert undersamples(["retention", "FILE", "--acceleration", "4"])
    assert undersamples(["samples", "FILE", "--method", "unet"])


def test_what_is_no_command_is_found() -> None:
    assert "--rio" in unfit(["perturb", "worst-case", "scan.h5", "--budget", "0.01", "--rio", "1,2,3,4"])
    assert "'equidistant' is not one of" in unfit(["reconstruct", "scan.h5", "--pattern", "equidistant"])
    assert unfit(["perturb", "worst-case", "scan.h5"]) == "budgets is missing"
    assert "no command 'begin'" in unfit(["study", "begin"])


@pytest.mark.slow
def test_the_first_case_prints_what_its_page_shows(tmp_path: Path) -> None:
    """By the one of its commands that is quickest; what a figure depends on changes for all of them."""
    page = TEXTS["first-case.md"]
    (line,) = (line for line in _LINE.findall(page) if "--method tv" in line)
    shutil.copy(ROOT / "sample_data" / "brain_t2_simulated.h5", tmp_path / "scan.h5")
    words = [str(tmp_path / word) if word == "scan.h5" else word for word in shlex.split(line)]
    printed = CliRunner().invoke(cli, words).stdout
    (shown,) = re.findall(r"^Total variation, (?:.*\n){3}", page, re.MULTILINE)
    figures = re.compile(r"(R =|SSIM|PSNR|NMSE) +([\d.]+)")
    known, found = ([float(value) for _, value in figures.findall(text)] for text in (shown, printed))
    assert len(known) == 7
    assert found == pytest.approx(known, rel=0.01)


def calls(text: str) -> list[ast.Call]:
    """The calls of the package's functions in blocks of Python, and in sentences where they have arguments."""
    codes = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    codes += [code for code in _CALL.findall(text) if "..." not in code]
    nodes = [node for code in codes for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    return [node for node in nodes if re.fullmatch(r"rr(\.\w+)+", ast.unparse(node.func))]


@pytest.mark.parametrize("page", TEXTS)
def test_functions_take_the_arguments_that_are_documented(page: str) -> None:
    for name in set(re.findall(r"\brr\.(\w+)", TEXTS[page])):
        assert hasattr(rr, name), name
    for call in calls(TEXTS[page]):
        function = eval(ast.unparse(call.func), {"rr": rr})
        inspect.signature(function).bind(*call.args, **{str(one.arg): one.value for one in call.keywords})


def test_enough_is_held_against_the_code() -> None:
    assert sum(len(_LINE.findall(text)) for text in TEXTS.values()) > 60
    assert sum(len(calls(text)) for text in TEXTS.values()) > 15


def anchors(text: str) -> set[str]:
    """What a link may name behind its #: GitHub's names of the headings."""
    heads = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        name, _, head = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not head or head in anchors(target.read_text(encoding="utf-8")), link


def follow(lines: list[str], given: dict[str, Callable[[], None]] | None = None) -> None:
    """Run commands of a page in the folder that is current; `given` has those that something else stands for."""
    for line in lines:
        words = [
            path for word in shlex.split(line.replace("\\\n", " "), comments=True) for path in glob(word) or [word]
        ]
        if (stand_in := (given or {}).get(" ".join(words))) is not None:
            stand_in()
            continue
        found = CliRunner().invoke(cli, words, catch_exceptions=False)
        assert found.exit_code == 0, (line, found.output)


@pytest.mark.slow
def test_a_fastmri_folder_becomes_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scan_file: Path) -> None:
    """Three small files in the place of fastMRI's; the page's script in that of a network."""
    page = TEXTS["fastmri.md"]
    monkeypatch.chdir(tmp_path)
    Path("multicoil_val").mkdir()
    for number in (1, 2, 3):
        copied = Path("multicoil_val", f"file_brain_AXT2_{number}.h5")
        shutil.copy(scan_file, copied)
        with h5py.File(copied, "a") as file:
            file["kspace"][...] *= number  # another scan, not a copy
            file["reconstruction_rss"] = np.zeros((3, 96, 96), np.float32)
    ((name, code),) = re.findall(r"```python\n# (\S+)\n(.*?)```", page, re.DOTALL)
    Path(name).write_text(code, encoding="utf-8")
    small = [line.replace("150,130,32,28", "40,30,16,16") for line in _LINE.findall(page)]
    hours = ("check paper-advrec --trust --time", "run paper-advrec --trust", "report paper-advrec")
    follow(small, {f"study {words}": lambda: None for words in hours})
    assert '- "mine.py"' in Path("paper-advrec.yaml").read_text(encoding="utf-8")
    table = Path("table/comparison.md").read_text(encoding="utf-8")
    assert "intervals over 3 scans" in table
    assert all(f"\n| {method} |" in table for method in ("mine.py", "tv, rule", "unrolled-hqs"))
    assert Path("image.png").exists()
    assert Path("kept.png").exists()


@pytest.mark.thorough
def test_five_lines_are_a_reader_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scan_file: Path) -> None:
    """One reader's answers are stored where the page serves the study to a browser."""
    (block,) = (
        text for text in re.findall(r"```sh\n(.*?)```", TEXTS["reader-studies.md"], re.DOTALL) if "freeze" in text
    )
    lines = _LINE.findall(block)
    assert len(lines) == 5
    monkeypatch.chdir(tmp_path)
    shutil.copy(scan_file, "scan.h5")
    small = [line.replace("150,130,32,28", "40,30,16,16") for line in lines]

    def read() -> None:
        with open_answers(Path("study")) as answers:
            answers.consent("R1")
            while (shown := answers.place("R1").shown) is not None:
                answers.record("R1", shown.id, 0, {id: {"level": 4} for id in answers.bundle.questions})

    follow(small, {"review serve study": read})
    assert "sharpness" in Path("analysis.html").read_text(encoding="utf-8")
