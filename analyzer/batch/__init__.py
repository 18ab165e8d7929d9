"""Many captures in one go: find them, analyze each in a worker of Dask's, list them all in one index."""
