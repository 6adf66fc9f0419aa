"""Prints which tests show that a known fault, or a kind of them, is gone, and how they end.

``python tests/fault_table.py`` runs them all (a screen and a session bus are needed); with ``--list`` it only
names them.
"""

import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

TESTS = Path(__file__).resolve().parent
COUNT = 66
NOT_YET: dict[int, str] = {}
"""Fault -> why it has no test."""


ATTACKS: dict[str, tuple[str, ...]] = {
    "the path is never compared with the open file": (
        "test_a_ledger_that_is_taken_away_while_recording_is_noticed_and_made_again",
        "test_what_was_written_into_a_file_that_just_lost_its_name_is_written_again",
        "test_the_whole_folder_is_removed_and_recording_goes_on_in_a_new_one",
        "test_a_lock_that_is_removed_never_makes_two_meters",
        "test_a_drive_that_goes_and_comes_back_while_it_is_recorded_on",
        "test_what_is_written_into_a_file_that_just_lost_its_name_is_refused",
        "test_a_file_that_another_one_took_the_place_of_is_noticed",
    ),
    "a part that fails ends the whole, in silence": (
        "test_a_ledger_damaged_after_an_orderly_end_is_moved_aside_and_metering_begins",
        "test_whatever_is_in_the_file_reading_ends_with_a_sentence_and_recording_goes_on",
        "test_a_schema_that_is_no_text_is_moved_aside",
        "test_an_orderly_end_is_believed_only_of_a_file_nobody_wrote_to_since",
    ),
    "a thread whose loop knows only its own room's errors": (
        "test_a_fault_of_its_own_never_ends_the_recorder",
        "test_each_part_goes_on_after_its_thread_was_killed",
        "test_kill_the_meters_threads_in_turn_and_it_goes_on",
        "test_months_are_counted_by_the_calendar_and_end_with_it",
    ),
    "the old is removed before the new exists": (
        "test_an_earlier_backup_stays_until_the_new_one_is_whole",
        "test_fault_64_an_export_never_goes_over_a_file_of_its_own",
        "test_every_ledger_that_was_replaced_is_kept",
        "test_a_database_that_only_looks_like_a_ledger_is_not_restored",
        "test_the_ledger_stays_where_the_restored_one_cannot_take_its_place",
    ),
    "irreversible deletion trusts the wall clock": (
        "test_nothing_is_deleted_or_rolled_up_on_the_word_of_a_clock_that_was_wrong_for_hours",
    ),
    "work that grows with the square or with a value": (
        "test_thousands_of_models_do_not_hold_up_the_tray",
        "test_thousands_of_models_do_not_hold_up_the_page",
        "test_thousands_of_models_do_not_hold_up_the_small_window",
        "test_thousands_of_names_alike_take_no_squares",
        "test_the_work_of_a_trace_follows_its_lines_and_not_its_years",
        "test_many_periods_of_many_bands_are_read_in_a_moment",
        "test_memory_does_not_grow_with_the_history",
    ),
    "widgets that outlive their use": ("test_changes_leave_nothing_behind",),
    "limits that count the wrong thing": (
        "test_documents_made_to_exhaust_memory_are_refused",
        "test_fault_27_holes_are_not_written",
        "test_fault_27_records_of_an_entry_are_bounded",
    ),
    "eviction of the newcomer": (
        "test_a_newcomer_is_never_closed_to_make_room_for_the_next",
        "test_more_clients_than_there_is_room_for_wait_and_all_are_answered",
        "test_a_request_that_is_held_back_is_ended",
    ),
    "a conversion's other errors": (
        "test_a_number_that_cannot_be_costs_only_its_own_key",
        "test_a_tensor_whose_number_is_none_counts_as_no_block",
        "test_no_number_of_the_model_is_beyond_all_bounds",
        "test_a_price_of_any_exponent_is_refused_in_a_sentence",
        "test_signs_that_only_look_like_digits_are_no_numbers",
        "test_a_document_that_is_something_else_is_as_good_as_none",
        "test_mutated_inputs",
        "test_mutated_documents",
    ),
    "a wait that other bytes feed": ("test_ever_new_words_are_no_progress",),
    "pipes and devices": ("test_pipes_and_devices_are_neither_waited_for_nor_read_without_end",),
    "a link in a file's place": (
        "test_a_link_in_the_place_of_a_part_is_not_written_through",
        "test_a_link_in_the_place_of_a_file_of_ours_is_not_written_through",
        "test_a_link_in_the_place_of_a_layer_is_not_written_through",
        "test_a_link_in_the_place_of_the_lock_is_not_written_through",
    ),
    "a log or an index that is cut": (
        "test_a_log_that_is_cut_costs_what_it_held_and_never_the_ledger",
        "test_an_index_that_is_cut_is_made_whole_before_it_is_touched",
    ),
    "time that runs backwards": ("test_a_clock_set_back_an_hour_never_makes_time_negative",),
    "what is told at the end": ("test_what_is_told_after_the_end_is_what_is_on_disk",),
    "a client that half-closes": ("test_a_client_that_only_ends_its_own_side_gets_its_answer",),
    "a path written otherwise": ("test_a_path_written_otherwise_is_counted_too",),
    "a ledger that others can read": (
        "test_what_is_recorded_is_nobody_elses_to_read_whatever_the_folder_allows",
    ),
}
"""Kinds of faults that an attack on the first building found -> tests of each."""


def by_fault() -> dict[int, list[str]]:
    """Fault -> names of its tests."""
    found = defaultdict(list)
    for file in sorted(TESTS.rglob("test_*.py")):
        for name, number in re.findall(r"def (test_fault_(\d+)\w*)\(", file.read_text(encoding="utf-8")):
            found[int(number)].append(name)
    return found


def results() -> dict[str, set[str]]:
    """Test -> how it ended: passed, failed, skipped."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        words = " or ".join(["test_fault", *(name for names in ATTACKS.values() for name in names)])
        command = [sys.executable, "-m", "pytest", "-q", "-m", "not bench", "-k", words]
        subprocess.run([*command, f"--junitxml={report}", str(TESTS)], check=False)
        ended = defaultdict(set)
        for case in ElementTree.parse(report).iter("testcase"):
            kinds = {child.tag for child in case}
            how = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
            ended[case.get("name", "").split("[")[0]].add(how)
        return ended


def main(arguments: list[str]) -> int:
    named = by_fault()
    ended = {} if "--list" in arguments else results()
    for number in range(1, COUNT + 1):
        if number not in named:
            print(f"{number:2}  -  {NOT_YET.get(number, 'NO TEST')}")
        for name in named.get(number, []):
            print(f"{number:2}  {name}  {' and '.join(sorted(ended.get(name, ())))}".rstrip())
    for kind, names in ATTACKS.items():
        for name in names:
            print(f"{kind}: {name}  {' and '.join(sorted(ended.get(name, ())))}".rstrip())
    return int(any("failed" in how for how in ended.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
