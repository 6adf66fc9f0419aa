"""Where Wattlight's files live."""

from .places import Places, PlacesError, places_for_user

__all__ = ["Places", "PlacesError", "places_for_user"]
