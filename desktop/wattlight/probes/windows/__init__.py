"""Windows: adapters, counters, energy meter, and the host's own figures."""
