"""Options that the commands of studies share, and how a study is run on the command line."""

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..ground.errors import InputError, either, left_out, to_install
from ..ground.guard import shown
from ..studies.mistakes import PlanError
from ..studies.packaged import PACKAGED, is_packaged, packaged_plan
from ..studies.watching import DASHBOARD, FOLLOWED
from .commanding import Command, decorated
from .contradictions import refuse, refuse_both
from .paths import EXISTING_FILE, FOLDER
from .printing import warn
from .progress import follow

if TYPE_CHECKING:
    from ..studies.checking import Extent
    from ..studies.executors.choosing import Executor
    from ..studies.running import Status
    from ..studies.store import Store


class _PlanFile(click.Path):
    """The file of a plan, or the name of a packaged one, which is written into this folder."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        if self.exists:  # whoever asks only for a new plan needs no tables
            from ..studies.rows import polars

            polars()
        given = {} if context is None else context.meta.get(__name__, {})
        if _is_name(value):
            known = Path(f"{value}.yaml").exists()
            plan = follow(packaged_plan(str(value), Path(), **given), "opening the scans")
            if self.exists and not known:  # who asks for a new plan is told by the command
                click.echo(f"saved: {plan}, the plan, to be edited", err=True)
            return plan
        if any(value for name, value in given.items() if self.exists or name != "methods"):
            refuse(
                f"{value} names its scans and methods itself; leave out --scans, --annotations and --method, which "
                "packaged plans take."
            )
        if not self.exists and is_packaged(Path(value)):
            name = Path(value).stem
            raise InputError(f"{value} is a packaged plan's file; 'study new {name}' writes it, or name another file.")
        if not self.exists and Path(value).suffix not in (".yaml", ".yml"):
            raise InputError(
                f"{value} is no packaged plan; choose {either(list(PACKAGED))}, or a file that ends in .yaml."
            )
        return super().convert(value, parameter, context)


class _Begun(click.Path):
    """A study that was begun: the file of its plan, the name of a packaged one, or where allowed its results."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        if _is_name(value):
            if not Path(f"{value}.yaml").exists():
                raise InputError(
                    f"{value} has not been run in this folder; run it first: recon-robust study run {value}."
                )
            value = f"{value}.yaml"
        return super().convert(value, parameter, context)


def _is_name(value: Any) -> bool:
    """Whether a packaged plan is named, and no file."""
    return str(value) in PACKAGED and not Path(value).exists()


def _remember(context: click.Context, option: click.Parameter, value: Any) -> None:
    """Keep an option for the plan, which is converted after it."""
    context.meta.setdefault(__name__, {})[option.name] = value


def _data(name: str, help: str, **kind: bool) -> Callable[[Command], Command]:
    where = click.Path(exists=True, path_type=Path, **kind)
    return click.option(name, type=where, is_eager=True, expose_value=False, callback=_remember, help=help)


_DATA = (
    _data("--scans", "Folder of scans, of a packaged plan.", file_okay=False),
    _data("--annotations", "fastMRI+ table of them, where none lies beside them.", dir_okay=False),
)


_METHOD = click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="ID",
    is_eager=True,
    expose_value=False,
    callback=_remember,
    help="A method beside those of a new plan, such as your model's file; repeat it.",
)


def added_methods() -> tuple[str, ...]:
    """The methods that the command under way was given for a new plan."""
    found: tuple[str, ...] = click.get_current_context().meta.get(__name__, {}).get("methods", ())
    return found


def data_options(command: Command) -> Command:
    """What a packaged plan is pointed at."""
    return decorated(command, (*_DATA, _METHOD))


PLAN = click.argument("plan", type=_PlanFile(exists=True, dir_okay=False, path_type=Path))
BEGUN = _Begun(exists=True, path_type=Path)  # or the folder of its results
BEGUN_PLAN = click.argument("plan", type=_Begun(exists=True, dir_okay=False, path_type=Path))
NEW_PLAN = click.argument("plan", type=_PlanFile(path_type=Path))
STORE = click.option("--store", type=FOLDER, help="Folder of the results; PLAN.results if left out.")
TRUST = click.option("--trust", is_flag=True, help="Let the plan's own methods run code (.py, module:function, bart:).")
JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


_WHERE = (
    click.option("--workers", type=click.IntRange(min=1), help="Processes here; one for each core if left out."),
    click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler that runs already, tcp://HOST:PORT."),
    click.option("--cluster", type=EXISTING_FILE, help="YAML file that describes a batch system (docs/studies.md)."),
)


def where_options(command: Command) -> Command:
    """Where a study is run."""
    return decorated(command, _WHERE)


def executor_of(workers: int | None, scheduler: str | None, cluster: Path | None) -> "Executor":
    """The executor that is asked for; UsageError for several."""
    from ..studies.executors.choosing import choose

    flags = {"--workers": workers, "--scheduler": scheduler, "--cluster": cluster}
    given = [flag for flag, value in flags.items() if value is not None]
    if len(given) > 1:
        refuse_both(*given[:2])
    if workers is None and find_spec("distributed") is None:
        warn(f"one process runs the study; for several, which need Dask, {to_install('studies')}.")
        workers = 1
    return choose(workers, scheduler, cluster, _tell_dashboard)


def _tell_dashboard(address: str) -> None:
    click.echo(f"{DASHBOARD}: {address}", err=True)


def listed(error: PlanError) -> click.ClickException:
    """All mistakes of a plan, a line each."""
    return click.ClickException("\n".join(["the plan has mistakes:", *(f"  {one}" for one in error.mistakes)]))


_STOPPED = 143  # the exit status of what SIGTERM ends


def run_here(plan: Path, executor: "Executor", **options: Any) -> "Status":
    """Run a study with a progress bar, or lines in a log, and say how far it came.

    A run that was asked to end before all trials were finished ends the process, with an exit status that is not 0, so
    that no script or batch system takes the study for finished.
    """
    from ..studies.running import run_study

    try:
        found = follow(run_study(plan, executor=executor, **options), FOLLOWED, timed=False)
    except PlanError as error:
        raise listed(error) from None
    except KeyboardInterrupt:
        warn("finished trials are kept; the same command goes on from there.")
        raise
    tell(found)
    if found.stopped:
        warn("the run was asked to end before the study was finished; the same command goes on from there.")
        sys.exit(_STOPPED)
    return found


def warn_unfinished(results: "Store", finished: int) -> None:
    """Warn where what was written is of a part of the study's trials. finished: of how many."""
    from ..studies.work import count_planned

    planned = count_planned(results)
    if planned is not None and finished < planned:
        of_it = f"{finished:,} of {planned:,} trials in {shown(results.folder)}"
        warn(f"{of_it} are finished; run the study to its end for the others.")


def tell(found: "Status") -> None:
    """Say how far a study is, why trials failed, and what is to be known of scans and methods."""
    click.echo(found.sentence)
    for line in (*found.failures, *found.cautions):
        warn(line)
    tell_scans(found)


def tell_scans(found: "Status | Extent") -> None:
    """Warn of scans that are left out, and say what is to be known of those that are not."""
    for path, sentence in found.faults.items():
        warn(left_out(path, sentence))
    for line in found.noted:
        warn(line)
