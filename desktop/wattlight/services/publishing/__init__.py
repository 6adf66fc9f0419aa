"""Figures for other programs: Prometheus on this computer, Home Assistant through a broker."""

from .figures import Published, published
from .home_assistant import MqttFigures, figures_of, read_broker
from .keeper import BROKER_SECRET, Publishing
