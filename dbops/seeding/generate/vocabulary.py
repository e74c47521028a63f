"""Pools of words by name, for columns whose meaning their name tells."""

from __future__ import annotations

from functools import cache

_WORDS = ["river", "gate", "order", "note", "line", "garden", "window", "letter", "market", "season", "table", "engine", "signal", "harbour", "mountain", "paper", "silver", "bridge", "summer", "winter", "corner", "island", "forest", "planet", "needle", "circle", "copper", "velvet"]
_KINDS = ["blue", "open", "first", "long", "late", "quiet", "bright", "small", "early", "warm", "green", "steady", "plain", "sharp"]

_POOLS: dict[str, tuple[str, ...]] = {
    "phrase": tuple(f"{kind} {word}" for word in _WORDS for kind in _KINDS),
    "word": tuple(_WORDS),
    "slug": tuple(f"{kind}-{word}" for word in _WORDS for kind in _KINDS),
    "identifier": tuple(f"{kind}_{word}" for word in _WORDS for kind in _KINDS),
    "sentence": tuple(f"The {one} {word} is ready, the {two} one is not." for word in _WORDS
                      for one, two in zip(_KINDS, reversed(_KINDS), strict=True)),
    "first_name": ("Anna", "Ben", "Clara", "David", "Elena", "Felix", "Grace", "Hugo", "Ines", "Jonas", "Kim", "Lea"),
    "last_name": ("Adler", "Brown", "Costa", "Dubois", "Evans", "Fischer", "Garcia", "Hansen", "Ito", "Jensen"),
    "city": ("Berlin", "Lisbon", "London", "Madrid", "Oslo", "Paris", "Porto", "Prague", "Rome", "Vienna"),
    "region": ("Bavaria", "Catalonia", "Ontario", "Texas", "Tuscany", "Wales"),
    "street": ("12 High Street", "4 Mill Lane", "77 Station Road", "9 Park Avenue", "31 Church Street"),
    "country": ("France", "Germany", "Italy", "Japan", "Portugal", "Spain", "Sweden", "United Kingdom"),
    "country_code": ("DE", "ES", "FR", "GB", "IT", "JP", "NL", "NO", "PT", "SE", "US"),
    "country_code3": ("DEU", "ESP", "FRA", "GBR", "ITA", "JPN", "NLD", "NOR", "PRT", "SWE", "USA"),
    "currency": ("EUR", "USD", "GBP", "JPY", "CHF", "SEK", "NOK", "AUD", "CAD"),
    "language": ("en", "de", "fr", "es", "it", "pt", "nl", "sv", "ja"),
    "locale": ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "pt_PT", "nl_NL", "sv_SE", "ja_JP"),
    "timezone": ("UTC", "Europe/Berlin", "Europe/London", "America/New_York", "Asia/Tokyo"),
    "company": ("Northwind Ltd", "Blue River GmbH", "Acme Corp", "Costa & Sons", "Harbour Group", "Silver Works"),
    "job": ("Engineer", "Accountant", "Designer", "Analyst", "Manager", "Nurse", "Teacher", "Trader"),
    "product": tuple(f"{kind} {word}".capitalize() for kind in _KINDS for word in _WORDS),
    "colour": ("red", "green", "blue", "black", "white", "silver", "orange", "violet"),
    "domain": ("example.com", "example.org", "example.net"),
    "mime": ("text/plain", "image/png", "image/jpeg", "application/pdf", "application/json", "text/csv"),
    "user_agent": ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
                   "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15"),
    "status": ("active", "pending", "closed", "archived"),
    "gender": ("female", "male", "other"),
    "version": tuple(f"{major}.{minor}.{patch}" for major in range(1, 5) for minor in range(6) for patch in range(4)),
    "symbol": ("EUR/USD", "GBP/USD", "BTC/USD", "ETH/USD", "XAU/USD", "DAX", "SPX"),
}  # fmt: skip


@cache
def pool(name: str) -> tuple[str, ...]:
    """The values of a pool.  Raises KeyError for one that there is not."""
    if name == "full_name":
        return tuple(f"{first} {last}" for first in pool("first_name") for last in pool("last_name"))
    if name == "username":
        return tuple(f"{one}.{other}".lower() for one in pool("first_name") for other in pool("last_name"))
    if name == "url":
        return tuple(f"https://example.com/{slug}" for slug in pool("slug"))
    if name == "path":
        return tuple(f"/data/{slug.replace('-', '/')}" for slug in pool("slug"))
    return _POOLS[name]
