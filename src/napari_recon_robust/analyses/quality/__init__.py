"""Methods compared on one set of cases: which cases, which rows, the run, and the table."""
