"""The plan of a small study on the head of `scan_file`."""

PLAN = """\
study: small
scans: head.h5
slices: [1]
regions: [{kind: annotations}]
masks: [{acceleration: 2, centre_fraction: 0.2}]
methods: [zero-filled]
perturbations: [none, {kind: random, budgets: [0.01]}]
"""
