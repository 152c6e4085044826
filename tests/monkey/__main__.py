"""python -m monkey: play sequences of random events, going on after those in the tally (make monkey N=...).

The tally (.monkey/tally.jsonl) has a line for each sequence, and is continued by each call. Exit status 1: one of this
call had a fault. --only plays a sequence again and prints its events, --minimise leaves out those that its fault does
not need, --stored plays what failed.json lists, and --keep adds to it what failed.
"""

import json
import sys
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import click

from helpers import tally

from .play import LEFT_BEHIND, LENGTH, WARM, Player, Verdict, grown, minimised, missing

ROOT = Path(__file__).parents[2]
TALLY, FAILED = ROOT / ".monkey" / "tally.jsonl", Path(__file__).parent / "failed.json"


@click.command(help=__doc__)
@click.option("--events", type=int, default=2000, show_default=True, help="How many; a sequence has 100.")
@click.option("--minutes", type=float, help="At most so long.")
@click.option("--only", type=int, multiple=True, help="A seed; more than once for several.")
@click.option("--leaving", default="", help="With --only: the events to do, as 1,5,17.")
@click.option("--minimise", is_flag=True, help="With --only: the fewest events that have the same fault.")
@click.option("--stored", is_flag=True, help="What failed.json lists.")
@click.option("--keep", is_flag=True, help="Add what fails to failed.json.")
@click.option("--tally", "file", type=click.Path(path_type=Path), default=TALLY, help="Another tally.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON.")
def main(
    events: int,
    minutes: float | None,
    only: tuple[int, ...],
    leaving: str,
    minimise: bool,
    stored: bool,
    keep: bool,
    file: Path,
    as_json: bool,
) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if stored:
        chosen: Iterable[int] = read_failed()
    elif only:
        chosen = only
    else:
        done = {one.seed for one in tally.read(file, Verdict)}
        chosen = islice(missing(done), -(-events // LENGTH))
    numbers = [int(one) for one in leaving.split(",")] if leaving else list(range(LENGTH))
    say = click.echo if only and not as_json else (lambda _: None)
    verdicts: list[Verdict] = []
    end = None if minutes is None else time.monotonic() + 60 * minutes
    with Player(file.parent, say) as player:
        for seed in chosen:
            if end is not None and time.monotonic() > end:
                break
            verdicts.append(player.play(seed, numbers))
            tally.add(file, verdicts[-1])
            if not (as_json or only):
                click.echo(line(verdicts[-1]), err=True)
        failures = [one for one in verdicts if not one.passed]
        if minimise:
            for one in failures:
                needed = minimised(
                    lambda fewer, seed=one.seed: player.play(seed, fewer), numbers[: one.events + 1], one.fault
                )
                click.echo(f"--only {one.seed} --leaving {','.join(map(str, needed))}")
    if keep and failures:
        FAILED.write_text(f"{json.dumps(sorted({*read_failed(), *(one.seed for one in failures)}))}\n")
    if as_json:
        click.echo(json.dumps([vars(one) for one in verdicts]))
    else:
        click.echo(summary(verdicts))
    sys.exit(1 if failures else 0)


def read_failed() -> list[int]:
    seeds: list[int] = json.loads(FAILED.read_text()) if FAILED.exists() else []
    return seeds


def line(one: Verdict) -> str:
    found = f" {one.fault} | {one.place}" if one.fault else ""
    return f"{one.seed}: {one.events} events, {one.seconds:.0f} s, {one.megabytes:.0f} MB{found}"


def summary(verdicts: list[Verdict]) -> str:
    """Faults with their tracebacks, one for each place; the memory after warm-up."""
    first = {(one.fault.partition(":")[0], one.place): one for one in reversed(verdicts) if not one.passed}
    told = [f"--only {one.seed}, after {one.events} events: {one.fault}\n{one.words}\n" for one in first.values()]
    events, failed = sum(one.events for one in verdicts), sum(not one.passed for one in verdicts)
    both = grown(verdicts)
    memory = "" if both is None else _memory(*both)
    return "\n".join([*told, f"{events} events in {len(verdicts)} sequences, {failed} with a fault{memory}"])


def _memory(warm: Verdict, last: Verdict) -> str:
    more, windows = 100 * (last.ours / warm.ours - 1), last.windows - warm.windows
    return (
        f"; memory {warm.megabytes:.0f} MB after {WARM} sequences and {last.megabytes:.0f} MB at the end: "
        f"{more:+.1f}% without the {LEFT_BEHIND:g} MB that napari leaves of each of {windows} windows"
    )


if __name__ == "__main__":
    main()
