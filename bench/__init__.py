"""Benchmarks of the real server. Never part of the test run; README.md explains each figure."""
