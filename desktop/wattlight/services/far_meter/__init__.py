"""Meters on other computers: one side answers with its ledger, the other carries that into its own."""

from typing import TYPE_CHECKING

from wattlight import lazy_door

if TYPE_CHECKING:
    from .asking import FarLedger, FarProblem, FarState, open_far
    from .keeper import HostMeters
    from .merging import host_costs, merge
    from .serving import MeterPage, listening_at, served_token
    from .sources import cards_of
    from .trying import METER_KINDS, adopt_meter, check_meter, far_profile, try_meter
else:
    __getattr__ = lazy_door(
        __name__,
        {
            "asking": "FarLedger FarProblem FarState open_far",
            "keeper": "HostMeters",
            "merging": "host_costs merge",
            "serving": "MeterPage listening_at served_token",
            "sources": "cards_of",
            "trying": "METER_KINDS adopt_meter check_meter far_profile try_meter",
        },
    )
