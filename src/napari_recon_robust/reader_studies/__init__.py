"""Reader studies: blinded reading of saved cases, from a plan to the tables of a paper.

    questions   what a reader is asked, and what answers fit
    plan        arms, cases, questions and design, as a YAML file
    order       which case comes when with which arm, drawn for each reader and sitting
    freezing    the cases of a plan are checked against each other, and written as a bundle
    bundle      the frozen study: images under opaque names, hashes, and the key to the blinding in a file of its own
    answers     what the readers answered, in SQLite, each on the disk before the next case is shown
    audit       the log of who did what, each line with the hash of the one before
    room        the page in which readers read, and its server
    analysis    tables with intervals

Made to help with 21 CFR Part 11; not a validated system.
"""
