"""The resource layer on SimPy: partitions, their batch systems, node allocation, and the compiled replay kernel."""
