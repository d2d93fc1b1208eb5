"""Rerun the measurements that the performance and conformance pages quote: ``python -m benchmarks`` lists them."""
