"""Pools of words by name, for columns whose meaning their name tells."""

from __future__ import annotations

from functools import cache

from dbops.seeding.pools import rows

_WORDS = [
    "river",
    "gate",
    "order",
    "note",
    "line",
    "garden",
    "window",
    "letter",
    "market",
    "season",
    "table",
    "engine",
    "signal",
    "harbour",
    "mountain",
    "paper",
    "silver",
    "bridge",
    "summer",
    "winter",
    "corner",
    "island",
    "forest",
    "planet",
    "needle",
    "circle",
    "copper",
    "velvet",
]
_KINDS = [
    "blue",
    "open",
    "first",
    "long",
    "late",
    "quiet",
    "bright",
    "small",
    "early",
    "warm",
    "green",
    "steady",
    "plain",
    "sharp",
]

_POOLS: dict[str, tuple[str, ...]] = {
    "phrase": tuple(f"{kind} {word}" for word in _WORDS for kind in _KINDS),
    "word": tuple(_WORDS),
    "slug": tuple(f"{kind}-{word}" for word in _WORDS for kind in _KINDS),
    "identifier": tuple(f"{kind}_{word}" for word in _WORDS for kind in _KINDS),
    "url": tuple(f"https://example.com/{kind}-{word}" for word in _WORDS for kind in _KINDS),
    "path": tuple(f"/data/{kind}/{word}" for word in _WORDS for kind in _KINDS),
    "timezone": ("UTC", "Europe/Berlin", "Europe/London", "America/New_York", "Asia/Tokyo"),
    "status": ("active", "pending", "closed", "archived"),
    "version": tuple(f"{major}.{minor}.{patch}" for major in range(1, 5) for minor in range(6) for patch in range(4)),
    "symbol": ("EUR/USD", "GBP/USD", "BTC/USD", "ETH/USD", "XAU/USD", "DAX", "SPX"),
    "company": tuple(f"{kind} {word} {form}".title() for word in _WORDS for kind in _KINDS for form in ("Ltd", "Group")),
}  # fmt: skip

_LISTS = {
    "category": ("categories", 0), "colour": ("colours", 0), "colour_hex": ("colours", 1),
    "country_code": ("countries", 0), "country_code3": ("countries", 1), "country": ("countries", 2),
    "currency": ("currencies", 0), "department": ("departments", 0), "domain": ("domains", 0),
    "file": ("file_names", 0), "job": ("jobs", 0), "language": ("languages", 0), "language_name": ("languages", 1),
    "mime": ("mime_types", 0), "product": ("products", 0), "sentence": ("sentences", 0),
    "user_agent": ("user_agents", 0),
}  # fmt: skip


POOLS = frozenset((*_POOLS, *_LISTS, "headline"))


@cache
def pool(name: str) -> tuple[str, ...]:
    """The values of a pool.  Raises KeyError for one that there is not."""
    if name in _POOLS:
        return _POOLS[name]
    if name == "headline":
        return tuple(one.rstrip(".") for one in pool("sentence"))
    listed, column = _LISTS[name]
    return tuple(dict.fromkeys(row[column] for row in rows(listed)))
