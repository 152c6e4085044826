"""The arguments of a benchmark: its docstring is its help, and some of them are folders that have to be given."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path


def parser_of(description: str | None, *folders: str) -> ArgumentParser:
    """A parser with this description. folders: names of options for folders without which the benchmark cannot run."""
    parser = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    for folder in folders:
        parser.add_argument(f"--{folder}", type=Path, required=True)
    return parser
