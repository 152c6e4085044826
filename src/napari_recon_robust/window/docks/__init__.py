"""One module for each dock of the window, and for each part of a dock."""
