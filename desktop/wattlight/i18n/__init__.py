"""Every text, number, date and sum as a person reads it. Import :func:`tr` and mark every string with it.

Lazy but for the texts, which the first icon needs: each name loads its own file.
"""

from typing import TYPE_CHECKING

from wattlight import lazy_door

from .texts import (
    OFFERED,
    Language,
    activate,
    apart,
    joined,
    language,
    marked,
    paragraph,
    right_to_left,
    tr,
    trn,
    without_marks,
    words_language,
)

if TYPE_CHECKING:
    from .numbers import (
        as_typed,
        gb,
        gib,
        interval,
        kwh,
        money,
        number,
        percent,
        tokens_per_second,
        watts,
    )
    from .times import (
        clock_time,
        country_name,
        day_and_month,
        day_name,
        duration,
        guess_country,
        local_zone,
        month_name,
        short_date,
    )
else:
    __getattr__ = lazy_door(
        __name__,
        {
            "numbers": "as_typed gb gib interval kwh money number percent tokens_per_second watts",
            "times": "clock_time country_name day_and_month day_name duration guess_country local_zone "
            "month_name short_date",
        },
    )
