"""The benchmark rows: our kernels beside the peers, on the same work."""
