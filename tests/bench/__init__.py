"""Benchmarks: ``make bench [ONLY=id]``. Modules ``bench_*.py`` each have ``def run() -> list[Row]``."""
