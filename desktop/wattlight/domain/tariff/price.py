"""A price as a person types it: an exact decimal number, with a point."""

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from wattlight.i18n import tr

from ..values import Problem, clean_text, from_us, to_us


class TariffProblem(Problem):
    """A price, a tariff file or a price series cannot be used; the message names the place."""

    code = "tariff"


MAX_PER_KWH = Decimal(1_000_000)
"""More than this per kWh is a slip of the hand in every currency there is."""
_PLAIN = re.compile(r"[+-]?(\d{1,20}(\.\d{1,40})?|\.\d{1,40})([eE][+-]\d{1,3})?")
"""As people and programs write numbers: 0.39, 0.18343500000000002, -1e-05."""
_COMMA = re.compile(r"[+-]?\d{1,9},\d{1,9}")


def parse_price(value: object, where: str = "The price", allow_negative: bool = False) -> Decimal:
    """The price in ``value`` (text, or a JSON number).

    Args:
        where: begins the sentence of an error ("The price", "In periods[0]: price_per_kwh").
        allow_negative: only slots of dynamic tariffs and bands may be below zero.

    Raises:
        TariffProblem: it is empty, not a number, has a comma, is negative or far too large.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise TariffProblem(
            tr("{where} is missing.", where=where),
            tr('Give the price of one kWh as text, like "0.39".'),
            "price",
        )
    text = value.strip() if isinstance(value, str) else str(value)
    if not text:
        raise TariffProblem(
            tr("{where} is empty.", where=where), tr('Give the price of one kWh, like "0.39".'), "price"
        )
    shown = clean_text(text, 30)
    if _COMMA.fullmatch(text):
        with_point = text.replace(",", ".")
        raise TariffProblem(
            tr("{where} '{shown}' is written with a comma.", where=where, shown=shown),
            tr('Write it with a point: "{with_point}".', with_point=with_point),
            "price",
        )
    plain = _PLAIN.fullmatch(text) if isinstance(value, str) else Decimal(text).is_finite()
    if not plain:
        raise TariffProblem(
            tr("{where} '{shown}' is not a number.", where=where, shown=shown),
            tr('Write it like "0.39".'),
            "price",
        )
    price = Decimal(text)
    if price < 0 and not allow_negative:
        raise TariffProblem(
            tr("{where} '{shown}' is negative.", where=where, shown=shown),
            tr("Only bands and the slots of a dynamic tariff can be below zero."),
            "price",
        )
    if price.copy_abs() > MAX_PER_KWH:  # abs() rounds, and cannot what has such an exponent
        raise TariffProblem(
            tr("{where} '{shown}' is far too high.", where=where, shown=shown),
            tr("Give the price of one kWh."),
            "price",
        )
    exponent = price.as_tuple().exponent
    return round(price, 18) if isinstance(exponent, int) and exponent < -18 else price


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
        tr("The currency '{shown}' is not known.", shown=shown)
        if isinstance(value, str)
        else tr("The tariff has no currency."),
        tr('Use the three-letter code of the currency on your bill, like "EUR", "USD" or "INR".'),
        "currency",
    )


HOUR_US = 3_600_000_000


def parse_zone(value: object) -> ZoneInfo:
    """The IANA zone named ``value`` ("Europe/Berlin").

    Raises:
        TariffProblem: there is no such zone.
    """
    if not isinstance(value, str) or not value.strip():
        raise TariffProblem(
            tr("The tariff has no timezone."), tr('Add one, like "Europe/Berlin".'), "timezone"
        )
    try:
        return ZoneInfo(value.strip())
    except (KeyError, ValueError, OSError) as error:
        raise TariffProblem(
            tr("The timezone '{value}' is not known.", value=clean_text(value, 60)),
            tr('Use a name of the IANA list, like "Europe/Berlin" or "America/New_York".'),
            "timezone",
        ) from error


def wall_us(day: date, minute: int, zone: ZoneInfo, fold: int = 0) -> int:
    """The moment when clocks in ``zone`` show ``minute`` of ``day`` (``fold`` 1: the second time).

    A time that clocks skip is read with the offset before (fold 0) or after (fold 1) the change.
    """
    wall = datetime.combine(day, time(), zone) + timedelta(minutes=minute)
    return to_us(wall.replace(fold=fold))


def day_start_us(day: date, zone: ZoneInfo) -> int:
    """The first moment of the local ``day``; where midnight is skipped, the moment of the change."""
    return wall_us(day, 0, zone)


def offset_us(at_us: int, zone: ZoneInfo) -> int:
    """What ``zone`` is ahead of UTC at that moment."""
    offset = from_us(at_us).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // timedelta(microseconds=1)


@lru_cache(maxsize=4096)
def clock_changes(day: date, zone: ZoneInfo) -> tuple[int, ...]:
    """Moments within the local ``day`` at which the offset changes (none on nearly all days)."""
    found = []
    left, end = day_start_us(day, zone), day_start_us(day + timedelta(days=1), zone)
    while left < end:
        right = min(left + HOUR_US, end)
        if offset_us(left, zone) != offset_us(right, zone):
            found.append(_change_between(left, right, zone))
        left = right
    return tuple(found)


def _change_between(left: int, right: int, zone: ZoneInfo) -> int:
    before = offset_us(left, zone)
    while right - left > 1_000_000:
        middle = (left + right) // 2_000_000 * 1_000_000
        if offset_us(middle, zone) == before:
            left = middle
        else:
            right = middle
    return right


def local_day(at_us: int, zone: ZoneInfo) -> date:
    return from_us(at_us).astimezone(zone).date()


def day_key(at_us: int, zone: ZoneInfo) -> str:
    """ISO date in ``zone``: "2026-03-29"."""
    return local_day(at_us, zone).isoformat()


def hour_key(at_us: int, zone: ZoneInfo) -> str:
    """The local hour with the offset in force at that moment: "2026-10-25T02:00:00+01:00".

    The offset is the moment's own, so that the two hours of an autumn night stay apart, in Lord Howe
    (30 minutes) too.
    """
    local = from_us(at_us).astimezone(zone)
    return f"{local:%Y-%m-%dT%H:00:00}{local.isoformat()[-6:]}"
