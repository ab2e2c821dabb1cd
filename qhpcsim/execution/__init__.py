"""Tasks executed for real, on this machine or a Dask cluster, and compared with what the models predict."""
