"""Use cases on models: load, unload, switch, remove, pull; and the watch over the server."""

from .alias import drop_alias, drop_with, point_alias, with_target
from .disk import (
    DiskNote,
    Removed,
    cannot_remove,
    clean_up,
    disk_line,
    disk_note,
    disk_use,
    orphan_lines,
    remove_orphans,
    removed_text,
)
from .guard import Needed, PullGuard, no_room
from .holding import Standing, by_own_names, standing, standing_text
from .pull_book import PullBook
from .pull_queue import PullQueue, each, is_of, moved, with_pull
from .pulls import (
    SMALL_BYTES,
    DamagedLayer,
    Throttle,
    damage_problem,
    damaged_layers,
    files_are_seen,
    remove_damaged,
    run_pull,
    unlisted,
)
from .switching import (
    FitsBeside,
    SwitchResult,
    load_beside,
    remove_model,
    room_by_size,
    shared_text,
    switch,
    unload,
    unload_all,
    with_it_text,
)
from .tasks import ModelTasks, TaskEnd
from .updates import ModelUpdate, UpdateReport, fetch_text, find_updates, layer_words, set_aside
from .watch import SerialExecutor, ServerWatch, ServerWatches
