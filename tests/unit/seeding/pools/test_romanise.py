"""Latin forms of names, as the pools' maker writes them."""

from __future__ import annotations

import pytest

from tests.tools.romanise import romanise


@pytest.mark.parametrize(
    ("name", "locale", "latin"),
    [
        ("Müller-Lüdenscheidt", "de_DE", "muellerluedenscheidt"),
        ("Weiß", "de_AT", "weiss"),
        ("Åström", "sv_SE", "astrom"),
        ("Sørensen", "da_DK", "sorensen"),
        ("Łukasz", "pl_PL", "lukasz"),
        ("Yıldız", "tr_TR", "yildiz"),
        ("İbrahim", "tr_TR", "ibrahim"),
        ("O'Brien", "en_IE", "obrien"),
        ("van den Berg", "nl_NL", "vandenberg"),
        ("Παπαδόπουλος", "el_GR", "papadopoulos"),
        ("Ευάγγελος", "el_GR", "evangelos"),
        ("민준", "ko_KR", "minjun"),
        ("秀英", "zh_CN", "xiuying"),
        ("שרה", "he_IL", None),
    ],
)
def test_given_and_foreign_names(name: str, locale: str, latin: str | None) -> None:
    """Accents, ligatures and scripts become a to z; what no rule covers has no form."""
    assert romanise(name, locale, family=False) == latin


def test_korean_families_by_custom() -> None:
    """Families write themselves Lee and Park, which no rule gives."""
    assert romanise("이", "ko_KR", family=True) == "lee"
    assert romanise("박", "ko_KR", family=True) == "park"
