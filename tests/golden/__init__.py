"""What the package did at commit 8fa70a4, frozen, so that a redraw of the code can be held against it.

After a change that is meant, `python -m tests.golden.renew ID ...` in the repository's root writes the goldens of these
ids anew, and the diff of `index.json` shows which ones changed. An id is printed by the test that fails; `methods/*`
is a pattern.

    inputs/      what later code must still read: measurements, weights, checkpoints, saved cases. Never renewed
    data/        what came out: .npz of arrays, .txt of help, .json of names. Renewed one by one
    index.json   every file of both: its size and SHA-256; for what runs on shipped weights, their SHA-256
    subject.py   all that touches the package: the only file to follow a new interface
    items.py     what is frozen, and with which knobs
    frozen.py    reading, writing and comparing
    make_inputs.py   how the inputs were made; it ran at 8fa70a4, whose formats they keep
"""
