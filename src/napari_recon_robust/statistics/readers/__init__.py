"""Statistics of several readers: areas under the ROC curve, multi-reader multi-case tests, and agreement."""
