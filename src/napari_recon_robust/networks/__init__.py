"""The table of networks, and what their modules are built of: layers, channels, corrections, optimisers."""
