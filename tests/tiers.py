"""Which tests `make test` leaves to `make test-all`, and in which order files run.

A test is slow if `make test` has another one of the same behavior: the second and third FIJI, further rows of
a table, short forms of campaigns, end-to-end runs whose parts have their own tests. The only test of
something that a user would notice is not slow, but for the two that take longest (an interrupted install of
ImageJ core, and all that `worker.fiji.check` does); `instead` says what is left.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Slow:
    """Slow tests of a file. `name`: of one function; '' for the whole file.

    `only`: parts of the names of the slow cases; empty means all. `but`: parts of the names of exceptions.
    `instead`: what `make test` runs in their place.
    """

    file: str
    name: str
    instead: str
    only: tuple[str, ...] = ()
    but: tuple[str, ...] = ()

    def holds(self, file: str, name: str, case: str) -> bool:
        """Whether a test is one of these. `case` is the part in brackets after its name."""
        if file != self.file or self.name not in ("", name):
            return False
        return (not self.only or any(part in case for part in self.only)) and not any(
            case == part or case.endswith(f"-{part}") for part in self.but
        )


SLOW = (
    Slow(
        "tests/faults/test_short.py",
        "test_the_worker_withstands",
        "each fault alone: tests/worker, tests/local/test_doors.py, tests/unit/test_text.py",
    ),
    Slow(
        "tests/faults/test_short.py",
        "test_strangers_are_seen_to_get_in_where_there_is_no_door",
        "tests/local/test_doors.py; it is about S5, which is slow",
    ),
    Slow(
        "tests/monitor/test_answers.py",
        "",
        "one answer of eight, and keys that expire under monitor",
        but=("monitor-keys expired", "refused inside"),
    ),
    Slow(
        "tests/unit/test_lawfit.py",
        "test_the_stated_range_holds_the_truth_as_often_as_it_says",
        "times that grow with the size, and jobs of two kinds",
        only=("power", "constant"),
    ),
    Slow(
        "tests/policy/test_worker.py",
        "test_every_call_of_a_worker_is_allowed_by_its_role",
        "the calls of all workers that tests run are held to their role (tests/conftest.py)",
    ),
    Slow(
        "tests/worker/test_tables.py",
        "test_tables_hold_headless_what_they_hold_in_windows",
        "measurements and windows",
        only=("particles", "tables"),
    ),
    Slow(
        "tests/worker/test_habits.py",
        "test_a_macro_that_ends_itself_is_done_when_its_words_and_its_files_say_it",
        "other words that mean the same",
        only=("files1-", "files3-", "files6-", "files7-", "files9-"),
    ),
    Slow(
        "tests/worker/test_imagej_core.py",
        "test_a_script_that_ends_well_is_no_failure",
        "the same end in Python",
        only=("System.exit(0)",),
    ),
    Slow(
        "tests/cli/test_scripts.py",
        "test_what_is_no_script_makes_nothing",
        "another page, archive or encoding of the same kind",
        only=("S3's response", "JSON", "Markdown", "empty1", "UTF-32", "word-processor"),
    ),
    Slow(
        "tests/cli/test_scripts.py",
        "test_an_address_that_leads_to_no_script_makes_nothing",
        "another address of the same kind",
        only=("gitlab", "s3://cli-bucket/", "s3:///", "ftp:"),
    ),
    Slow(
        "tests/monitor/test_estimate.py",
        "test_the_estimate_is_within_five_percent_of_the_ledger",
        "two machines; tests/unit/test_estimate.py",
        only=("5-2",),
    ),
    Slow(
        "tests/monitor/test_doctor.py",
        "test_a_planted_cause_is_named_as_the_first_broken_link",
        "the other causes; tests/unit/test_causes.py has the words of all",
        only=("task_", "service_", "fleet_"),
        but=(
            *("fleet_spot-quota", "fleet_shortage", "fleet_was_cancelled", "fleet_is_out_of_time"),
            *("task_missing", "task_memory", "service_memory", "service_was_deleted"),
        ),
    ),
    Slow(
        "tests/monitor/test_doctor.py",
        "test_a_planted_cause_is_named_as_the_first_broken_link",
        "another broken link of the same kind",
        only=(
            *("jobs_went_to_another_queue", "machines_were_taken_back", "agents_lost", "listen_elsewhere"),
            *("task_memory", "service_memory", "out_of_time", "user_data_names_another"),
            *("no_start", "no_bucket_yet", "new_jobs_wait", "the_rest_was_given_up", "cost_is_reached"),
            *("machines_have_no_role", "machines_have_no_public_address", "workers_take_nothing_more"),
        ),
    ),
    Slow("tests/monitor/test_kills.py", "", "one call of each command", only=("-1",)),
    Slow("tests/monitor/test_laptop.py", "", "one seed", only=("1",)),
    Slow(
        "tests/monitor/test_side_by_side.py", "", "one order of ends", only=("by_janitor by", "by_cleanup by")
    ),
    Slow(
        "tests/monitor/test_cleanup.py",
        "test_an_app_of_the_same_name_in_another_region_is_not_touched_though_it_shares_the_bucket",
        "cleanup",
        only=("monitor", "janitor"),
    ),
    Slow("tests/e2e/test_walk_through.py", "", "tests/cli/test_rehearse.py"),
    Slow(
        "tests/e2e/test_bundles.py",
        "",
        "tests/worker/test_bundles.py, tests/cli/test_bundle.py, tests/monitor/test_bundles.py",
    ),
    Slow(
        "tests/docker/test_make.py",
        "test_building_uploads_nothing",
        "test_the_steps_of_building_have_no_upload",
    ),
    Slow(
        "tests/worker/test_display.py",
        "test_a_script_that_fails_after_its_window_did_not_come_gets_a_display",
        "test_a_script_that_turns_out_to_need_a_display_gets_one",
    ),
    Slow(
        "tests/worker/test_display.py",
        "test_a_script_may_open_a_window_on_a_real_display",
        "test_a_script_that_turns_out_to_need_a_display_gets_one",
    ),
    Slow(
        "tests/worker/test_scripts.py",
        "test_a_script_runs_as_its_editor_left_it",
        "the others",
        only=("a coding line",),
    ),
    Slow(
        "tests/unit/test_jobs.py",
        "test_groups_of_a_file_are_those_that_were_checked_and_are_not_kept_apart_from_it",
        "JSONL",
        only=("wells.csv",),
    ),
    Slow(
        "tests/worker/test_done.py",
        "test_another_image_counts_as_the_setting_says",
        "the setting that lets it count",
        only=("False",),
    ),
    Slow(
        "tests/worker/test_real_imagej.py",
        "test_what_was_let_pass_does_not_hold_when_the_setting_is_strict_again",
        "tests/unit/test_state.py: what passed by a setting holds while that setting stands",
    ),
    Slow("tests/crate/test_crate.py", "test_the_crate_is_valid", "a run without mishaps", only=("hostile",)),
    Slow("tests/crate/test_crate.py", "test_a_crate_that_is_not_valid_is_found", "test_the_crate_is_valid"),
    Slow(
        "tests/worker/test_options.py",
        "test_a_filter_whose_dialog_throws_does_not_run",
        "headless",
        only=("Xvfb",),
    ),
    Slow(
        "tests/cli/test_usage.py",
        "test_nonsense_is_refused_by_the_real_program_too",
        "a device and a name that is no text; tests/cli/test_nonsense.py",
        only=("it is a folder", "cannot be read", "APP_NAME", "cannot be used"),
    ),
    Slow(
        "tests/e2e/test_first_use.py",
        "test_a_config_that_mounts_the_bucket_is_rehearsed_with_inputs_on_disk",
        "tests/cli/test_rehearse.py; tests/worker/test_inputs.py, with a mounted bucket",
    ),
    Slow(
        "tests/monitor/test_monitor.py",
        "test_an_interrupted_submission_is_named_until_its_jobs_are_submitted_again",
        "the jobs that are submitted again",
        only=("False",),
    ),
    Slow(
        "tests/monitor/test_monitor.py",
        "test_a_run_whose_queue_was_deleted_by_hand_is_taken_down",
        "the queue alone",
        only=("verdict",),
    ),
    Slow(
        "tests/monitor/test_monitor.py",
        "test_a_login_page_in_place_of_an_answer_is_a_look_that_failed",
        "the data plane's",
        only=("control",),
    ),
    Slow(
        "tests/monitor/test_flapping.py",
        "test_no_run_ends_with_work_left_and_none_late",
        "jobs of others and of the run, whose number is known",
        only=("'foreign'", "'ours'", "False"),
    ),
    Slow(
        "tests/worker/test_headers.py",
        "test_faults_of_syntax_are_found_without_running_anything",
        "one of each parser: the macro's, Jython's and Groovy's",
        only=("brace too many", "bracket of a macro", "unknown function", "BeanShell"),
    ),
    Slow(
        "tests/worker/test_headers.py",
        "test_what_another_fiji_may_have_is_no_fault",
        "Python, a macro and Groovy's Grab",
        only=("BeanShell", "Groovy"),
    ),
    Slow(
        "tests/cli/test_check.py",
        "test_a_broken_set_up_is_named_before_anything_is_made",
        "a set-up of each part: settings, script, jobs, fleet, account",
        but=(
            *("placeholder", "memory of all tasks", "no script", "nothing given", "no groups"),
            *("unknown key pair", "no such bucket", "example image"),
        ),
    ),
    Slow(
        "tests/cli/test_check.py",
        "test_an_odd_set_up_that_is_right_is_not_stopped",
        "three of them",
        but=("settings of the original", "attributes in capitals", "number as a text"),
    ),
    Slow(
        "tests/cli/test_nonsense.py",
        "test_nonsense_is_refused_with_its_field_and_changes_nothing",
        "10 throws at each command",
        only=("-40",),
    ),
    Slow(
        "tests/worker/test_imagej_core_install.py",
        "test_an_interrupted_install_is_not_taken_for_a_whole_one_and_a_plain_jre_is_enough",
        "`make test` installs ImageJ core before its tests; the other tests of the install",
    ),
    Slow(
        "tests/worker/test_check.py",
        "test_imagej_core_holds_in_all_it_can",
        "each row has tests on ImageJ core in tests/worker; a check that fails at once",
    ),
    Slow("tests/e2e/test_again.py", "", "tests/worker/test_done.py"),
    Slow("tests/e2e/test_made_job_file.py", "", "tests/cli/test_make_job.py; the README's own example"),
    Slow(
        "tests/e2e/test_main_job.py",
        "test_four_commands_take_a_script_over_all_jobs_and_leave_nothing_that_bills",
        "tests/e2e/test_first_use.py: the README's own example, which takes the same four commands",
    ),
    Slow(
        "tests/e2e/test_main_job.py",
        "test_a_job_that_fails_is_named_with_its_reason_and_the_others_are_done",
        "tests/monitor/test_monitor.py: a dead letter ends the run with its reason",
    ),
    Slow(
        "tests/monitor/test_flapping.py",
        "test_the_real_monitor_ends_a_run_whose_counts_flap_at_its_end",
        "test_no_run_ends_with_work_left_and_none_late",
    ),
    Slow(
        "tests/docker/test_tasks.py",
        "test_the_variant_reads_from_the_mounted_bucket",
        "tests/worker/test_inputs.py, with a mounted bucket; test_without_the_variant",
    ),
    Slow(
        "tests/docker/test_make.py",
        "test_imagej_core_takes_bioformats_into_its_image",
        "tests/worker/test_bioformats.py",
    ),
    Slow(
        "tests/worker/test_fronts.py",
        "test_the_image_in_front_is_the_same_with_and_without_a_display",
        "headless; both on FIJI",
        only=("Xvfb",),
    ),
    Slow("tests/worker/test_called.py", "", "macros, headless", only=("Xvfb", "runs.groovy")),
    Slow(
        "tests/worker/test_habits.py",
        "test_it_runs_as_people_wrote_it",
        "the same habits in macros",
        only=("slashes.py", "front.py"),
    ),
    Slow("tests/worker/test_bundle_turns.py", "", "100 orders of 400", only=("100", "200", "300")),
    Slow(
        "tests/worker/test_imagej_core_values.py",
        "test_hostile_text_arrives_as_sent",
        "macros and Jython",
        only=("groovy",),
    ),
    Slow("tests/e2e/test_max_cost.py", "", "tests/monitor/test_monitor.py, tests/unit/test_spending.py"),
    Slow("tests/e2e/test_nothing_runs.py", "", "tests/monitor/test_decide.py, tests/monitor/test_start.py"),
    Slow("tests/e2e/test_unwatched.py", "", "tests/monitor/test_laptop.py"),
    Slow(
        "tests/e2e/test_smoke.py", "test_ctrl_c_leaves_nothing", "Ctrl-C of the same commands: test_main_job"
    ),
    Slow(
        "tests/e2e/test_first_use.py",
        "test_the_readmes_commands_take_the_originals_config_and_our_example_files_to_results",
        "the README's own example; tests/cli/test_original.py",
    ),
    Slow(
        "tests/e2e/test_first_use.py",
        "test_the_originals_job_and_fleet_files_go_through_with_their_placeholders_filled_in",
        "tests/cli/test_original.py",
    ),
    Slow(
        "tests/e2e/test_main_job.py",
        "test_a_start_that_was_killed_goes_on_with_the_same_fleet",
        "tests/monitor/test_kills.py",
    ),
    Slow(
        "tests/e2e/test_main_job.py",
        "test_a_live_run_is_no_second_fleets_and_outlives_its_monitor",
        "tests/monitor/test_one_run.py",
    ),
    Slow(
        "tests/policy/test_enforced.py",
        "test_the_main_job_is_done_with_the_least_that_is_granted_and_no_more_is_granted",
        "every call of every test is held to the policies (tests/policy)",
    ),
    Slow(
        "tests/docker/test_local.py",
        "test_machines_of_containers_and_of_processes_give_the_same_results",
        "tests/docker/test_tasks.py",
    ),
    Slow(
        "tests/docker/test_image.py",
        "test_the_java_of_any_fiji_image_is_found_and_runs_beside_fiji",
        "FIJI's own Java",
        only=("JAVA_HOME", "PATH"),
    ),
    Slow(
        "tests/worker/test_imagej_core.py",
        "test_failure_is_told_with_its_kind_and_line",
        "each kind of failure once or twice, in other languages too",
        only=(
            "Gaussian Blur",
            "No such command",
            "nested.ijm",
            "FileRea",
            "sys.exit(3)",
            "import IJ",
            "def x = (",
            "foo(3)",
            "roiManager",
            "if:",
            "System.exit(5)",
            "plugin.frame import",
            "'x' * 10000000",
            "Thread.start",
        ),
    ),
    Slow(
        "tests/worker/test_script_endings.py",
        "test_a_script_ends_as_its_table_says",
        "the table's other endings; tests/worker/test_imagej_core.py, test_real_imagej.py, test_paths.py",
        only=(
            "missing-plugin.py",
            "followed-argument.ijm",
            "elsewhere.ijm",
            "plugin-throws.ijm",
            "undefined-variable.ijm",
            "missing-values.py",
            "followed-argument-list.ijm",
            "folder-3.ijm",
            "caught.py",
        ),
    ),
    Slow(
        "tests/corpus/test_corpus.py",
        "test_a_script_runs_as_it_is",
        "a script or two of each language",
        only=(
            *("m03_", "m05_", "m09_", "m70_", "m71_", "p30_", "p31_", "p33_", "p35_"),
            *("b03_", "b12_"),
        ),
    ),
    Slow(
        "tests/worker/test_real_imagej.py",
        "test_a_macro_leaves_its_image_and_a_broken_one_its_reason",
        "ImageJ core and Fiji-new",
        only=("Fiji-2025", "Fiji.app"),
    ),
    Slow("tests/worker/test_questions.py", "test_every_kind_of_answer_arrives", "macros", only=("asks.py",)),
    Slow(
        "tests/worker/test_questions.py",
        "test_what_scripts_ask_more_rarely_is_answered_too",
        "headless; test_it_does_with_a_display",
        only=("Xvfb",),
    ),
    Slow(
        "tests/worker/test_questions.py",
        "test_a_file_is_opened_for_an_image_parameter",
        "the named parameter",
        only=("False",),
    ),
    Slow(
        "tests/worker/test_tables.py",
        "test_measure_in_a_loop_keeps_every_row",
        "macros and Jython",
        only=("loop.groovy", "loop.bsh"),
    ),
    Slow(
        "tests/worker/test_paths.py",
        "test_a_script_with_another_machine_s_folders_runs_unchanged",
        "macros",
        only=("fixed.groovy", "fixed.bsh", "fixed.py"),
    ),
    Slow(
        "tests/docker/test_tasks.py",
        "test_a_container_at_work_that_is_stopped_gives_its_job_back_and_ends",
        "tests/worker/test_endings.py; test_a_container_that_is_killed_loses_nothing",
    ),
    Slow(
        "tests/worker/test_way_of_a_job.py",
        "test_the_same_way_leads_through_moto",
        "the same way through ministack; tests/e2e",
    ),
    Slow("tests/worker/test_turns.py", "", "250 orders of 1,000", only=("250", "500", "750")),
    Slow("tests/local/test_browsers.py", "", "tests/local/test_doors.py, with Origin and Host"),
    Slow("tests/worker/test_benchmarks.py", "", "the worker's way", only=("benchmarks.plain",)),
)

#: Files and folders that take longest, in order, so that no process is left with one of them at the end.
LONGEST_FIRST = (
    "tests/faults",
    "tests/e2e",
    "tests/docker",
    "tests/monitor/test_answers.py",
    "tests/local/test_machines.py",
    "tests/local/test_cloud.py",
    "tests/worker/test_imagej_core.py",
    "tests/monitor/test_monitor.py",
    "tests/monitor/test_money.py",
    "tests/monitor/test_kills.py",
    "tests/monitor",
    "tests/worker",
    "tests/local",
    "tests/cli",
)


def is_slow(nodeid: str) -> bool:
    """Return whether a test, by pytest's name, is left to `make test-all`."""
    file, _, test = nodeid.partition("::")
    name, _, case = test.partition("[")
    return any(one.holds(file, name, case.removesuffix("]")) for one in SLOW)


def place(file: str) -> int:
    """Return a file's place in the order: the longest first."""
    places = (number for number, start in enumerate(LONGEST_FIRST) if file.startswith(start))
    return next(places, len(LONGEST_FIRST))


def order(files: Iterable[str], seed: str = "") -> list[str]:
    """Return files in the order they run. A seed shuffles them, always in the same way."""
    unique = sorted(set(files))
    if seed:
        random.Random(seed).shuffle(unique)
        return unique
    return sorted(unique, key=place)
