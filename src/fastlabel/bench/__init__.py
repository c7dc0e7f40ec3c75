"""Benchmarks: our kernels beside what a user would pick instead."""
