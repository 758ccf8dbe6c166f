"""Sums of money in words, as papers say them: “Двадцать один рубль 02 копейки”."""

from __future__ import annotations

from decimal import Decimal


def in_words(amount: Decimal, currency: str, language: str) -> str:
    """Whole units in words and hundredths in digits, each in its case; of a currency that has no words the
    number in words and the code."""
    # 20 ms, and only papers need it.
    from num2words import num2words

    hundredths = int(amount * 100 % 100)
    try:
        said = num2words(
            # A whole number would be taken for hundredths.
            amount.quantize(Decimal("0.01")),
            lang=language,
            to="currency",
            currency=currency,
            cents=False,
            separator="" if language == "ru" else " and",
        )
    except NotImplementedError:
        said = f"{num2words(int(amount), lang=language)} {currency} {hundredths:02}/100"
    return str(said[:1].upper() + said[1:])
