"""Prints what shows that each kind of fault in reports of other people is gone, and how it ends.

``python tests/field_rows.py`` runs the tests of every row (a screen and a session bus are needed); with
``--list`` it only names them, with words after it only the rows that hold one of the words.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

TESTS = Path(__file__).resolve().parent

ROWS: dict[str, tuple[str, ...]] = {
    # memory and fit
    "memory as real engines logged it": (
        "test_row_memory_logged_by_real_engines",
        "test_row_memory_of_drafts_logged_by_real_engines",
        "test_row_memory_of_sixty_blocks_of_a_mixture",
    ),
    "drafts are counted": (
        "test_a_block_of_the_model_drafts",
        "test_the_fit_leaves_room_for_the_draft",
        "test_a_length_among_the_parameters_makes_the_blocks_draft",
        "test_a_draft_file_is_on_by_default",
        "test_experts_of_the_drafting_block_in_ram",
        "test_what_the_server_lists_of_a_tiny_mixture",
        "test_tiny_models_that_cache_every_block_twice",
        "test_snapshots_of_a_state_are_told_with_and_without_a_draft",
        "test_a_draft_known_by_the_server_alone_is_named",
    ),
    "another model's shape under a known name": (
        "test_the_cache_of_every_listed_model_is_that_of_its_true_shape",
        "test_a_stand_in_is_named_and_rough",
        "test_the_error_of_a_stand_in_holds",
        "test_a_rounded_size_and_another_models_shape_are_said",
    ),
    "a carve-out is outside of the system's memory": (
        "test_a_carve_out_is_no_part_of_the_ram",
        "test_what_does_not_fit_beside_the_carve_out_does_not_fit",
        "test_a_large_carve_out_is_known_by_the_processors_name",
    ),
    "a driver's limit, or a small window, taken for memory": (
        "test_a_limit_above_all_there_is_counts_for_no_more",
        "test_row_a_small_window_into_shared_memory_is_no_memory",
        "test_row_a_small_window_of_unknown_share_is_no_memory",
    ),
    "the server's switches": (
        "test_the_switch_of_processor_graphics_is_followed",
        "test_graphics_of_a_processor_need_the_switch",
        "test_other_switches_hide_devices",
        "test_the_overhead_reserves_nothing_but_moves_the_tier",
        "test_where_the_types_are_read",
    ),
    "a closed table refuses a file": (
        "test_the_newest_types_are_known",
        "test_a_type_from_the_future_is_as_large_as_its_room",
        "test_an_empty_tensor_and_a_single_number_are_no_damage",
    ),
    "a wrong kind of file": (
        "test_what_is_no_language_model_is_named",
        "test_the_model_of_an_adapter_is_named",
        "test_files_that_are_no_models",
        "test_only_a_projector_is_one",
    ),
    "binned chips": ("test_known_devices", "test_where_the_size_does_not_tell_there_is_a_range"),
    "the default context is the server's": (
        "test_a_context_nobody_asked_for_is_the_servers",
        "test_a_default_that_runs_out_of_memory_steps_down_once",
        "test_nothing_is_called_asked_that_was_not",
    ),
    "what a model needs is one figure": (
        "test_what_it_needs_is_one_figure_for_windows_and_command_line",
        "test_the_detail_of_a_model_says_what_it_needs_in_all",
        "test_row_needs_is_one_figure_wherever_it_is_said",
    ),
    "installed means the server has it": (
        "test_what_the_server_tells_is_what_the_header_says",
        "test_nothing_installed_is_looked_up_publicly",
        "test_a_server_that_tells_size_and_family_only",
        "test_geometry_that_is_told_is_the_models_own",
    ),
    "a projector, or a part, beside a file": (
        "test_a_projector_is_counted_where_it_is_given",
        "test_all_parts_of_a_split_model_are_read",
        "test_missing_parts_are_named",
    ),
    "free above total": ("test_more_free_than_in_all_is_cut_with_a_note",),
    "speed": (
        "test_published_runs_lie_in_the_ranges_shown",
        "test_the_range_says_how_sure_it_is",
        "test_each_device_has_its_class",
    ),
    # server
    "identity by weights": (
        "test_a_name_of_the_same_weights_is_loaded_in_the_end",
        "test_a_load_names_the_other_that_has_its_weights",
        "test_what_goes_with_an_unloaded_one_is_told",
    ),
    "success is in the list": (
        "test_what_the_list_lacks_is_not_installed",
        "test_a_pull_that_the_list_does_not_show_is_an_error",
        "test_the_advice_for_a_removal_is_never_to_remove",
    ),
    "models of the cloud": (
        "test_nothing_is_sent_or_unloaded_for_a_model_of_the_cloud",
        "test_a_click_sends_nothing_for_a_model_of_the_cloud",
        "test_a_model_of_the_cloud_has_nothing_to_fit",
    ),
    "words of the server": (
        "test_what_else_a_load_can_end_with",
        "test_what_a_pull_can_end_with",
        "test_what_a_list_can_end_with",
        "test_a_refusal_of_what_stands_in_front_is_named",
        "test_an_old_server_says_its_version",
        "test_a_path_after_the_port_is_named",
    ),
    "proxy rules as Go has them": (
        "test_ranges_and_ports_of_no_proxy",
        "test_a_failing_proxy_is_named",
        "test_a_proxy_that_is_not_there_is_named",
    ),
    "unload without generate": ("test_a_model_that_only_embeds_is_unloaded",),
    "impossible figures": (
        "test_figures_that_cannot_be_are_a_dash",
        "test_the_end_of_a_model_is_told_by_the_servers_clock",
    ),
    # meter, money, tariffs
    "slots of a price series": (
        "test_a_slot_lasts_until_the_next_begins_however_long_they_are",
        "test_half_hours_that_become_whole_days_have_no_holes",
        "test_a_missing_day_among_quarter_hours_is_a_hole_and_not_one_long_slot",
        "test_check_names_every_rule_and_every_hole",
    ),
    "numbers as machines write them": ("test_numbers_as_programs_write_them",),
    "a wrap is bridged without a limit": (
        "test_a_wrap_is_added_only_if_it_cannot_have_happened_twice",
        "test_a_reset_without_a_known_limit_is_no_wrap_of_kilowatts",
    ),
    "a last reading": (
        "test_it_looks_a_last_time_when_it_ends",
        "test_less_than_a_beat_is_recorded_by_a_last_look",
        "test_meter_tells_nothing_yet_from_no_sensor",
    ),
    "unknown costs are not zero": (
        "test_what_is_not_known_is_never_nothing",
        "test_what_is_missing_is_named_with_its_option",
        "test_more_work_than_hours_and_a_hopeless_case",
        "test_vat_batch_and_the_rest_of_the_computer_count_when_given",
    ),
    "dates of prices": (
        "test_the_newest_price_valid_on_a_day_counts_and_the_ended_are_said",
        "test_an_unknown_price_of_hardware_is_asked_for_and_a_row_that_ended_says_so",
    ),
    "advice within what was published": (
        "test_a_power_limit_is_advised_where_all_its_figures_are_known",
        "test_no_advice_without_figures_or_for_cards_nobody_can_limit",
    ),
    "rules that are documented and shown": (
        "test_check_names_every_rule_and_every_hole",
        "test_cooling_and_standing_charge_are_told_apart",
        "test_a_bridge_over_a_change_of_price_is_cut_there_and_the_rest_goes_to_the_latest",
    ),
    "small words": (
        "test_two_forms_of_small_words",
        "test_a_time_to_keep_is_not_short_of_a_minute_a_second_later",
        "test_money",
    ),
    # command line
    "json everywhere, also before the verb": (
        "test_export_with_json_prints_json",
        "test_options_of_every_verb_stand_where_they_like",
    ),
    "wrong use is exit 2": (
        "test_wrong_use_exits_2",
        "test_wrong_use_is_2_everywhere",
        "test_wrong_use_of_power",
    ),
    "a dash is the standard input": ("test_a_dash_is_the_standard_input",),
    "narrow screens": (
        "test_a_table_fits_the_screen_and_loses_nothing",
        "test_lines_are_wrapped_under_their_own_beginning",
        "test_row_every_verb_fits_60_and_80_columns",
    ),
    "completion, help VERB, -q": (
        "test_bash_completes",
        "test_zsh_completes",
        "test_fish_completes",
        "test_the_other_shells_know_every_verb_and_option",
        "test_help_takes_a_verb",
        "test_quiet_says_names_alone",
    ),
    "what was meant is asked": ("test_what_was_meant_is_asked", "test_a_model_that_was_meant_is_asked"),
    "a reason is of the same reach": ("test_row_no_reason_from_a_model_far_larger",),
    "doctor without a server": ("test_doctor_asks_the_server",),
    "the command is on the PATH": (
        "test_the_link_works_from_any_folder",
        "test_without_a_place_the_full_path_is_said",
    ),
    # window and process
    "windows are no larger than the screen": (
        "test_fault_57_a_window_is_never_larger_than_its_screen",
        "test_no_page_is_wider_than_the_window",
        "test_the_smallest_window_cuts_nothing_off",
    ),
    "names are whole": (
        "test_a_long_model_name_loses_its_host_first",
        "test_a_verdict_beside_a_long_name_is_never_cut",
    ),
    "a platform that is not there": ("test_set_but_dead", "test_without_a_screen_it_says_so"),
    "what is being installed is shown after skipping": (
        "test_row_an_installation_is_shown_after_the_setup_was_skipped",
    ),
    "permission by a click": ("test_a_click_asks_opens_and_lets_the_sensors_be_read_anew",),
}
"""Row -> the tests that show it, each with another member of the kind than the one reported."""


def missing() -> set[str]:
    """Tests named above that are nowhere."""
    sources = "\n".join(file.read_text(encoding="utf-8") for file in TESTS.rglob("test_*.py"))
    return {name for names in ROWS.values() for name in names if f"def {name}(" not in sources}


def results(names: Iterable[str]) -> dict[str, set[str]]:
    """Test -> how it ended: passed, failed, skipped."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-q", "-m", "not bench", "-k", " or ".join(sorted(names))]
        subprocess.run([*command, f"--junitxml={report}", str(TESTS)], check=False)
        ended: dict[str, set[str]] = {}
        for case in ElementTree.parse(report).iter("testcase"):
            kinds = {child.tag for child in case}
            how = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
            ended.setdefault(case.get("name", "").split("[")[0], set()).add(how)
        return ended


def main(arguments: list[str]) -> int:
    words = [word.lower() for word in arguments if not word.startswith("-")]
    rows = {row: names for row, names in ROWS.items() if not words or any(w in row.lower() for w in words)}
    ended = {} if "--list" in arguments else results({name for names in rows.values() for name in names})
    lost = missing()
    for row, names in rows.items():
        print(row)
        for name in names:
            told = "NO SUCH TEST" if name in lost else " and ".join(sorted(ended.get(name, ())))
            print(f"    {name}  {told}".rstrip())
    return int(bool(lost) or any("failed" in how for how in ended.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
