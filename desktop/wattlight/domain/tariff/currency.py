"""Currencies with their minor unit (ISO 4217: decimals of the smallest coin in accounts)."""

from wattlight.domain.values import clean_text

from .problem import TariffProblem

_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY "
    "COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR "
    "ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK "
    "MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP "
    "SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR "
    "ZMW ZWG"
)
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"

CURRENCIES: dict[str, int] = {
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_NONE.split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
}
"""Code to number of decimals of the minor unit."""


def parse_currency(value: object) -> str:
    """The ISO code in ``value``, in capitals.

    Raises:
        TariffProblem: no such currency.
    """
    if isinstance(value, str) and value.strip().upper() in CURRENCIES:
        return value.strip().upper()
    shown = clean_text(value, 20) if isinstance(value, str) else str(type(value).__name__)
    raise TariffProblem(
        f"The currency '{shown}' is not known." if isinstance(value, str) else "The tariff has no currency.",
        'Use the three-letter code of the currency on your bill, like "EUR", "USD" or "INR".',
        "currency",
    )
