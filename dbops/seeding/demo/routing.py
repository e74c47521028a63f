"""Which provider an order goes to, by the routing rules."""

from __future__ import annotations

from bisect import bisect_right

from dbops.seeding import draw
from dbops.seeding.demo.model import Instrument, Market, Provider, Rule

Route = tuple[str | None, Provider]
"""The rule that chose (None: nobody's rule), and the provider."""


class Router:
    """Routes by instrument and quantity."""

    def __init__(self, market: Market) -> None:
        self._providers = {one.id: one for one in market.providers}
        self._bounds: list[list[int]] = []
        self._tables: list[list[list[Route]]] = []
        self.quoting: list[list[Provider]] = []
        for instrument in market.instruments:
            quoting = [
                self._providers[quote.provider]
                for quote in market.quotes
                if quote.symbol == instrument.symbol and quote.provider in self._providers
            ]
            self.quoting.append(quoting)
            bounds = sorted({bound for rule in market.rules for bound in _bounds(rule)})
            self._bounds.append(bounds)
            self._tables.append([self._table(market, instrument, low) for low in (0, *bounds)])

    def route(self, place: int, quantity: int, drawn: int) -> Route | None:
        """Where an order of this quantity (1e-8) goes; None if nobody takes it.  `drawn` has six bits."""
        table = self._tables[place][bisect_right(self._bounds[place], quantity)]
        return table[drawn & 63] if table else None

    def _table(self, market: Market, instrument: Instrument, quantity: int) -> list[Route]:
        matching = [
            rule for rule in market.rules
            if rule.matches(instrument, quantity) and rule.provider in self._providers
        ]  # fmt: skip
        if not matching:
            unruled: list[Route] = [(None, one) for one in self.quoting[-1][:1]]
            return unruled * 64
        first = min(rule.priority for rule in matching)
        sharing = [rule for rule in matching if rule.priority == first]
        routes: list[Route] = [(rule.id, self._providers[rule.provider]) for rule in sharing]
        return draw.spread(routes, [rule.weight for rule in sharing], bits=6)


def _bounds(rule: Rule) -> list[int]:
    """Quantities from which on the rule begins or ceases to match."""
    found = [] if rule.smallest is None else [rule.smallest]
    return found if rule.largest is None else [*found, rule.largest + 1]
