"""Statistics of several readers: forced choice, rankings, grading, ROC and free-response figures, agreement."""
