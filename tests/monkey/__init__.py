"""Random events by real input in the window: whatever is done, nothing is raised and what is shown is of one state.

`python -m monkey` (make monkey) goes on where its last run stopped. A sequence of events is determined by its
seed: `python -m monkey --only SEED` plays it again, `--minimise` leaves out what its fault does not need.
`failed.json` lists a sequence for each fault that ever was; the tests play these and the first sequences.
"""
