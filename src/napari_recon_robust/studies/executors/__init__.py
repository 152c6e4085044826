"""Who runs the shards of a study: this process, a Dask cluster, or the elements of a job array."""
