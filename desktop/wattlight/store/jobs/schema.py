"""Tables of the shared database, and the steps from one version to the next."""

_FIRST: tuple[str, ...] = (
    """CREATE TABLE comparison (
    id INTEGER PRIMARY KEY, host TEXT NOT NULL, at_us INTEGER NOT NULL, model TEXT NOT NULL,
    digest TEXT NOT NULL, server_version TEXT NOT NULL, device TEXT NOT NULL, architecture TEXT NOT NULL,
    context INTEGER NOT NULL, kv_type TEXT NOT NULL, verdict TEXT NOT NULL,
    predicted_used_bytes INTEGER NOT NULL, predicted_size_bytes INTEGER NOT NULL,
    predicted_vram_bytes INTEGER NOT NULL, used_bytes INTEGER, used_source TEXT NOT NULL, used_reason TEXT,
    reported_size_bytes INTEGER NOT NULL, reported_vram_bytes INTEGER NOT NULL, disturbed TEXT)""",
    "CREATE INDEX comparison_key ON comparison (host, server_version, device, architecture)",
    """CREATE TABLE speed (
    id INTEGER PRIMARY KEY, host TEXT NOT NULL, at_us INTEGER NOT NULL, model TEXT NOT NULL,
    digest TEXT NOT NULL, device TEXT NOT NULL, context INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    output_tokens_per_s REAL NOT NULL, prompt_tokens_per_s REAL, server_version TEXT, joules_per_token REAL,
    energy_error_fraction REAL, energy_reason TEXT, power_w REAL)""",
    "CREATE INDEX speed_model ON speed (host, digest)",
    # hour counts whole hours since 1970 UTC; tokens are sums over the requests that were counted
    """CREATE TABLE token_hour (
    host TEXT NOT NULL, hour INTEGER NOT NULL, model TEXT NOT NULL, client TEXT NOT NULL,
    source TEXT NOT NULL, requests INTEGER NOT NULL, counted INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,
    cached_prompt_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, output_ns INTEGER NOT NULL,
    timed_tokens INTEGER NOT NULL, duration_ms INTEGER NOT NULL,
    PRIMARY KEY (host, hour, model, client, source)) WITHOUT ROWID""",
)

_CONTACTS: tuple[str, ...] = (
    """CREATE TABLE contact (
    host TEXT NOT NULL, reason TEXT NOT NULL, at_us INTEGER NOT NULL, times INTEGER NOT NULL,
    PRIMARY KEY (host, reason)) WITHOUT ROWID""",
)

STEPS: tuple[tuple[str, ...], ...] = (_FIRST, _CONTACTS)
"""Statements that lead from version i to i + 1; never changed once released."""
