"""Which words in the names of tables and columns say what they hold."""

from __future__ import annotations

import re

PERSONS = frozenset((
    "user", "users", "person", "people", "customer", "customers", "client", "clients", "employee",
    "employees", "contact", "contacts", "member", "members", "author", "authors", "patient", "patients",
    "student", "students", "teacher", "teachers", "staff", "driver", "drivers", "guest", "guests", "owner",
))  # fmt: skip
FIRMS = frozenset((
    "company", "companies", "organization", "organizations", "organisation", "organisations", "org",
    "vendor", "vendors", "supplier", "suppliers", "tenant", "tenants", "account", "accounts", "merchant",
    "merchants", "provider", "providers", "publisher", "publishers", "bank", "banks",
))  # fmt: skip
GOODS = frozenset((
    "product", "products", "item", "items", "article", "articles", "goods", "sku", "skus", "part", "parts",
))  # fmt: skip

WRITTEN = frozenset((
    "post", "posts", "article", "articles", "blog", "story", "stories", "news", "page", "pages", "ticket",
    "tickets", "issue", "issues", "task", "tasks", "todo", "todos", "topic", "topics", "thread", "threads",
    "event", "events", "note", "notes", "message", "messages", "document", "documents", "announcement",
    "announcements", "question", "questions",
))  # fmt: skip
TAGS = frozenset(("tag", "tags", "label", "labels", "keyword", "keywords", "topic", "topics"))
PLACES = frozenset(("city", "street", "zip", "postcode", "postal", "zipcode", "town"))
RARELY = frozenset((
    "admin", "superuser", "staff", "spam", "deleted", "archived", "blocked", "banned", "locked", "suspended", "default",
    "primary", "test", "internal", "hidden", "disabled", "expired", "cancelled", "refunded",
))  # fmt: skip
USUALLY = frozenset(("active", "enabled", "verified", "visible", "confirmed", "valid"))
COORDINATES = {
    "latitude": frozenset(("lat", "latitude")),
    "longitude": frozenset(("lon", "lng", "long", "longitude")),
}


def words_of(name: str) -> tuple[str, ...]:
    """`CreatedAt`, `created_at` and `createdAt` are (`created`, `at`)."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return tuple(word for word in re.split(r"[^A-Za-z0-9]+", spaced.lower()) if word)


def is_person(table: str) -> bool:
    """Whether a table of that name holds people."""
    return bool(words_of(table)) and words_of(table)[-1] in PERSONS


NAMES: list[tuple[frozenset[str], str]] = [
    (frozenset(words.split()), name)
    for words, name in (
        ("mac address", "mac"), ("ip address", "ip"), ("email", "email"), ("e mail", "email"), ("mail", "email"), ("mail address", "email"), ("user agent", "user_agent"),
        ("useragent", "user_agent"), ("password", "password"), ("passwd", "password"), ("secret", "hash"),
        ("first name", "first_name"), ("firstname", "first_name"), ("given name", "first_name"),
        ("forename", "first_name"), ("fname", "first_name"), ("middle name", "first_name"),
        ("last name", "last_name"), ("lastname", "last_name"), ("surname", "last_name"), ("lname", "last_name"),
        ("family name", "last_name"), ("full name", "full_name"), ("fullname", "full_name"),
        ("contact name", "full_name"), ("customer name", "full_name"), ("display name", "full_name"),
        ("author", "full_name"), ("user name", "username"), ("username", "username"), ("login", "username"),
        ("nickname", "username"), ("handle", "username"), ("company name", "company"), ("company", "company"),
        ("organization", "company"), ("employer", "company"), ("product name", "product"), ("product", "product"),
        ("file name", "file"), ("filename", "file"), ("file path", "path"), ("path", "path"),
        ("mime", "mime"), ("content type", "mime"), ("media type", "mime"), ("country code", "country_code"),
        ("country iso", "country_code"), ("iso code", "country_code"), ("iso2", "country_code"),
        ("iso3", "country_code3"), ("country", "country"), ("city", "city"), ("town", "city"),
        ("region", "region"), ("province", "region"), ("county", "region"), ("street", "street"),
        ("address line", "street"), ("address", "street"), ("addr", "street"), ("address1", "street"),
        ("postcode", "postcode"), ("postal code", "postcode"), ("zip", "postcode"), ("zipcode", "postcode"),
        ("phone", "phone"), ("telephone", "phone"), ("mobile", "phone"), ("fax", "phone"), ("tel", "phone"),
        ("currency", "currency"), ("ccy", "currency"), ("language", "language"), ("lang", "language"),
        ("locale", "locale"), ("timezone", "timezone"), ("time zone", "timezone"), ("tz", "timezone"),
        ("job title", "job"), ("job", "job"), ("profession", "job"), ("occupation", "job"), ("position", "job"),
        ("colour", "colour"), ("color", "colour"), ("url", "url"), ("website", "url"), ("link", "url"),
        ("homepage", "url"), ("uri", "url"), ("domain", "host"), ("host", "host"), ("hostname", "host"),
        ("slug", "slug"), ("ip", "ip"), ("ip address", "ip"), ("mac", "mac"), ("hash", "hash"),
        ("checksum", "hash"), ("sha256", "hash"), ("md5", "md5"), ("token", "hash"), ("fingerprint", "hash"),
        ("organisation", "company"), ("org name", "company"), ("legal name", "company"), ("business name", "company"),
        ("supplier name", "company"), ("vendor name", "company"), ("credit card", "card"), ("creditcard", "card"),
        ("card number", "card"), ("cc number", "card"), ("pan", "card"), ("iban", "iban"), ("version", "version"), ("gender", "gender"), ("sex", "gender"), ("status", "status"),
        ("state", "status"), ("symbol", "symbol"), ("ticker", "symbol"), ("sku", "code"), ("code", "code"),
        ("number", "code"), ("serial", "code"), ("barcode", "code"), ("id", "code"), ("no", "code"), ("reference", "code"), ("ref", "code"), ("key", "identifier"),
        ("description", "sentence"), ("desc", "sentence"), ("comment", "sentence"), ("comments", "sentence"),
        ("note", "sentence"), ("notes", "sentence"), ("body", "sentence"), ("content", "sentence"),
        ("text", "sentence"), ("message", "sentence"), ("summary", "sentence"), ("reason", "sentence"),
        ("bio", "sentence"), ("title", "product"), ("subject", "headline"), ("headline", "headline"),
        ("name", "product"), ("tag", "word"), ("category", "category"), ("department", "department"), ("type", "word"), ("kind", "word"),
    )
]  # fmt: skip

NUMBER_RANGES: tuple[tuple[str, int, int, int], ...] = (
    # words, lowest, highest, most decimals
    ("percent percentage pct", 0, 100, 2), ("rate ratio share", 0, 1, 4), ("lat latitude", -90, 90, 6),
    ("lon lng long longitude", -180, 180, 6), ("age", 18, 90, 0), ("year", 2000, 2026, 0), ("month", 1, 12, 0),
    ("day", 1, 28, 0), ("hour", 0, 23, 0), ("minute", 0, 59, 0), ("rating stars", 1, 5, 1), ("score", 0, 100, 2),
    ("quantity qty count stock units", 1, 100, 0), ("priority rank level", 1, 10, 0), ("port", 1024, 65535, 0),
    ("weight", 1, 500, 2), ("cm", 150, 200, 0), ("height width length depth", 1, 300, 1), ("balance", 0, 50_000, 2),
    ("price amount total cost fee subtotal tax salary value", 1, 5000, 2), ("size bytes", 100, 5_000_000, 0),
    ("duration seconds ms", 1, 3600, 0), ("version revision", 1, 20, 0), ("position sequence sort line", 1, 100, 0),
    ("temperature temp", -20, 40, 1), ("attempt attempts retries", 0, 5, 0), ("discount", 0, 50, 2),
)  # fmt: skip
