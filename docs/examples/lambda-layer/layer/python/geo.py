"""Distances on the earth, for functions of any team."""

from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS = 6371.0088
"""Mean radius in kilometres."""


def distance(a, b):
    """Kilometres between two places, each (latitude, longitude) in degrees; by the haversine formula."""
    (lat1, lon1), (lat2, lon2) = (map(radians, place) for place in (a, b))
    h = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS * asin(sqrt(h))
