"""Qt controls that know no scan: knobs, plots, paragraphs."""
