"""The table of networks, and what networks are built of: layers, channels, corrections, optimisers."""
