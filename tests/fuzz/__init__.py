"""Mutated files of every format, and odd arguments: what is opened gives a result or one sentence.

`python -m fuzz` (make fuzz) goes on where its last run stopped. An input is determined by its format, its kind
and a number: `python -m fuzz --only FORMAT/KIND/NUMBER` makes it again. `failed.json` lists one input of each
kind of failure that ever was; the tests run these, and the first 2,000 inputs.
"""
