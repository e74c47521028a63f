"""Rows a second into a table of nine columns, four indexes and a foreign key: Faker, the server alone, and `fill`."""

from __future__ import annotations

import argparse


def main() -> None:
    """Print the table.  What it needs is imported here: the processes that make rows import this module, too."""
    from tests import servers
    from tests.benchmarks import ground, rates

    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=500_000, help="of what is quick (default: 500000)")
    options.add_argument("--faker-rows", type=int, default=3_000, help="of what is slow (default: 3000)")
    options.add_argument("--rounds", type=int, default=3, help="how often each runs (default: 3)")
    options.add_argument("--fast", action="store_true", help="fsync off")
    given = options.parse_args()
    with ground.prepared(servers.FAST if given.fast else ground.AS_SHIPPED) as place:
        rates.compare(place, given.rows, given.faker_rows, given.rounds)


if __name__ == "__main__":
    main()
