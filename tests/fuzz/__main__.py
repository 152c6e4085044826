"""python -m fuzz: judge inputs, going on after those in the tally; `make fuzz` does it with N=... inputs.

The tally (.fuzz/tally.jsonl) has a line for each input, and is continued by each call. Exit status 1: one of this call
has failed. --stored reruns what failed.json lists, and --failed what the tally lists as failed; --keep adds what failed
to failed.json.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import click

from . import judge
from .judge import Input, Verdict, Watched

ROOT = Path(__file__).parents[2]
TALLY, FAILED = ROOT / ".fuzz" / "tally.jsonl", Path(__file__).parent / "failed.json"
RESULTS = ("ok", "own", "sentence", "raw", "crash", "hang", "memory")
GIVEN_UP = 3  # hangs and crashes of one kind of a format, after which the rest of the call leaves it out


@click.command(help=__doc__)
@click.option("--inputs", type=int, default=2000, show_default=True, help="How many.")
@click.option("--minutes", type=float, help="At most so long.")
@click.option("--only", multiple=True, help="FORMAT, FORMAT/KIND or FORMAT/KIND/NUMBER; more than once for several.")
@click.option("--seconds", type=float, default=judge.SECONDS, show_default=True, help="That an input may take.")
@click.option("--tally", type=click.Path(path_type=Path), default=TALLY, help="Another tally.")
@click.option("--stored", is_flag=True, help="What failed.json lists.")
@click.option("--failed", "again", is_flag=True, help="What failed by the tally.")
@click.option("--keep", is_flag=True, help="Add what fails to failed.json.")
@click.option("--json", "as_json", is_flag=True, help="Print the failures as JSON, not the tables.")
def main(
    inputs: int,
    minutes: float | None,
    only: tuple[str, ...],
    seconds: float,
    tally: Path,
    stored: bool,
    again: bool,
    keep: bool,
    as_json: bool,
) -> None:
    before = read(tally)
    if stored:
        chosen: Iterable[Input] = read_failed()
    elif again:
        chosen = [Input(one.format, one.kind, one.number) for one in latest(before) if not one.passed]
    elif any(name.count("/") == 2 for name in only):
        chosen = [Input(format, kind, int(number)) for format, kind, number in (name.split("/") for name in only)]
    else:
        done = {(one.format, one.kind, one.number) for one in before}
        wanted = (one for one in judge.inputs() if not only or _named(one, only))
        chosen = islice((one for one in wanted if (one.format, one.kind, one.number) not in done), inputs)
    names = {name.split("/")[0] for name in only} or set(judge.all_formats())
    judge.prepare(sorted(names))
    verdicts = run(chosen, tally, seconds, None if minutes is None else minutes * 60, quiet=as_json)
    failures = [one for one in verdicts if not one.passed]
    if keep and failures:
        write_failed({*read_failed(), *representatives(failures)})
    if as_json:
        click.echo(json.dumps({"inputs": len(verdicts), "failures": [vars(one) for one in failures]}))
    else:
        click.echo(table(verdicts))
        click.echo(listed(failures))
    sys.exit(1 if failures else 0)


def run(chosen: Iterable[Input], tally: Path, seconds: float, limit: float | None, quiet: bool) -> list[Verdict]:
    """The verdicts, each of them written to the tally at once."""
    verdicts: list[Verdict] = []
    stuck: Counter[tuple[str, str]] = Counter()
    started = time.monotonic()
    tally.parent.mkdir(parents=True, exist_ok=True)
    with tally.open("a") as file, Watched(seconds) as process:
        for one in chosen:
            if limit is not None and time.monotonic() - started > limit:
                break
            if stuck[one.format, one.kind] >= GIVEN_UP:
                continue
            verdict = process.judge(one)
            stuck[one.format, one.kind] += verdict.result in ("hang", "crash", "memory")
            verdicts.append(verdict)
            file.write(json.dumps(vars(verdict)) + "\n")
            file.flush()
            if not quiet and len(verdicts) % 500 == 0:
                failed = sum(not one.passed for one in verdicts)
                spent = time.monotonic() - started
                click.echo(f"{len(verdicts)} inputs, {failed} failed, {spent:.0f} s", err=True)
    return verdicts


def _named(one: Input, only: tuple[str, ...]) -> bool:
    return one.format in only or f"{one.format}/{one.kind}" in only


def read(tally: Path) -> list[Verdict]:
    if not tally.exists():
        return []
    with tally.open() as file:
        return [Verdict(**json.loads(line)) for line in file if line.endswith("\n")]


def latest(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """The last verdict on each input."""
    return list({(one.format, one.kind, one.number): one for one in verdicts}.values())


def read_failed() -> list[Input]:
    return [Input(*entry) for entry in json.loads(FAILED.read_text())] if FAILED.exists() else []


def write_failed(chosen: Iterable[Input]) -> None:
    entries = sorted((one.format, one.kind, one.number) for one in chosen)
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    FAILED.write_text(f"[\n{lines}\n]\n")


def representatives(failures: Iterable[Verdict]) -> list[Input]:
    """One input for each format, kind, result and place that failed."""
    first = {(one.format, one.kind, one.result, one.place): one for one in reversed(list(failures))}
    return [Input(one.format, one.kind, one.number) for one in first.values()]


def table(verdicts: Iterable[Verdict]) -> str:
    """Results by format and kind; of what passed only by format."""
    by_format: dict[str, Counter[str]] = {}
    for one in verdicts:
        by_format.setdefault(one.format, Counter())[one.result] += 1
        if not one.passed:
            by_format.setdefault(f"  {one.format} / {one.kind}", Counter())[one.result] += 1
    total = Counter(one.result for one in verdicts)
    rows = [("", *RESULTS), *((name, *(by_format[name][r] or "" for r in RESULTS)) for name in _ordered(by_format))]
    rows.append(("all", *(total[result] or "" for result in RESULTS)))
    return "\n".join(f"{row[0]:<44}" + "".join(f"{cell!s:>9}" for cell in row[1:]) for row in rows)


def _ordered(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (name.strip().split(" / ")[0], name.strip()))


def listed(failures: Iterable[Verdict]) -> str:
    """A line for each format, result, kind of error and place: how often, an input that makes it, its words."""
    groups: dict[tuple[str, str, str, str], list[Verdict]] = {}
    for one in failures:
        error = one.words.partition(":")[0] if one.result in ("raw", "sentence") else ""
        groups.setdefault((one.format, one.result, error, one.place), []).append(one)
    lines = []
    for (format, result, error, place), found in sorted(groups.items()):
        kinds = ", ".join(dict.fromkeys(one.kind for one in found))
        words = " ".join(found[0].words.split())[:160]
        example = f"{format}/{found[0].kind}/{found[0].number}"
        lines.append(f"{format} | {result} {error} | {place} | {len(found)}x | {kinds} | {example} | {words}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
