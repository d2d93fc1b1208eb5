"""What the performance and conformance pages quote, rerunnable: ``python -m benchmarks`` lists them."""
