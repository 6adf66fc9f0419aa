"""The pages of the first run as views."""

from dataclasses import replace

import pytest

from fakes import first_run_scenes as scenes
from wattlight.domain.command import Command, Verb
from wattlight.domain.pulls import PullState
from wattlight.domain.state import InstallState, ServerStatus, ServerWays
from wattlight.i18n import activate
from wattlight.services.answers import Extras
from wattlight.settings import FirstRun, Price, Settings
from wattlight.viewmodels.before_download import asked_before_download
from wattlight.viewmodels.first_model import preselected, three_offers
from wattlight.viewmodels.first_run import (
    STEPS,
    FirstRunView,
    finished,
    first_run_view,
    moved,
    price_left,
    step_of,
)
from wattlight.viewmodels.now import now_view
from wattlight.viewmodels.privacy_page import kept_months, privacy_view
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.small_window import small_window_view

MB = 1_000_000


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def view(name: str) -> FirstRunView:
    return first_run_view(scenes.SCENES[name]())


@pytest.mark.parametrize("name", sorted(scenes.SCENES))
def test_every_page_has_a_title_and_a_way_on(name: str) -> None:
    made = view(name)
    assert made.step == name.split("-", maxsplit=1)[0]
    assert made.title
    assert made.next_text
    assert 1 <= made.number <= made.of == len(STEPS)
    assert made.back is (made.step != "machine")


def test_the_place_is_remembered_moves_one_page_and_never_leaves_the_pages() -> None:
    settings = Settings()
    assert step_of(settings) == "machine"
    assert step_of(moved(settings, -1)) == "machine"
    for step in STEPS[1:]:
        settings = moved(settings, 1)
        assert step_of(settings) == step
    assert step_of(moved(settings, 1)) == "try"
    assert step_of(replace(settings, first_run=FirstRun("of another version"))) == "machine"
    done = finished(settings)
    assert done.first_run_done
    assert done.first_run == FirstRun()


def test_the_machine_is_told_in_words() -> None:
    facts = dict(view("machine").facts)
    assert facts["Graphics"] == "NVIDIA GeForce RTX 4090 with 24 GiB of its own memory"
    assert facts["Disk"] == "812 GB free for models"
    assert facts["Power"].startswith("Measured: GPU + CPU sensors")
    poor = dict(view("machine-no-card").facts)
    assert poor["Graphics"].startswith("No graphics card")
    assert "stay unknown" in poor["Power"]
    assert "administrator" in poor["Power"]


def test_a_running_server_is_used_as_it_is() -> None:
    page = view("server-ready").server
    assert page is not None
    assert page.ready
    assert page.title == "Ollama 0.33.0 is running"
    assert "changes nothing" in page.text
    assert page.actions == ()
    assert view("server-ready").next_primary


def test_an_installed_one_is_started_by_a_click() -> None:
    made = view("server-startable")
    assert made.server is not None
    first = made.server.actions[0]
    assert first.command == Command(Verb.START_SERVER)
    assert first.primary
    assert not made.next_primary
    assert "/usr/local/bin/ollama" in made.server.text


def test_a_service_of_the_system_is_never_touched_its_commands_are_shown() -> None:
    page = view("server-service").server
    assert page is not None
    assert page.commands == scenes.SERVICE
    assert all(action.command.verb is Verb.REFRESH for action in page.actions)


def test_size_and_room_are_said_before_an_installation() -> None:
    page = view("server-installable").server
    assert page is not None
    assert (
        "1.4 GB to download. Installing needs about 4.9 GB of disk space, of which about 3.5 GB stay in use."
        in page.text
    )
    assert "AMD" not in page.text
    assert "812 GB are free" in page.text
    assert page.actions[0].text == "Install Ollama, 1.4 GB"
    assert page.actions[0].command == Command(Verb.INSTALL_SERVER)
    full = scenes.SCENES["server-installable"]()
    poor = first_run_view(replace(full, extras=replace(full.extras, disk_free_bytes=3 * 10**9))).server
    assert poor is not None
    assert not poor.actions[0].enabled
    assert poor.actions[0].why_not


def test_rough_sizes_are_called_rough_and_exact_ones_are_not() -> None:
    rough = replace(scenes.INSTALLABLE, download_is_exact=False)
    page = first_run_view(scenes.absent(ways=rough)).server
    assert page is not None
    assert "about 1.4 GB to download" in page.text
    assert page.actions[0].text == "Install Ollama, about 1.4 GB"
    exact = first_run_view(scenes.absent(ways=replace(scenes.INSTALLABLE, disk_is_exact=True))).server
    assert exact is not None
    assert "about" not in exact.text


def test_what_an_amd_card_gets_is_said() -> None:
    with_files = first_run_view(scenes.absent(ways=replace(scenes.INSTALLABLE, with_amd=True))).server
    without = first_run_view(scenes.absent(ways=replace(scenes.INSTALLABLE, without_amd=True))).server
    assert with_files is not None
    assert without is not None
    assert "includes the extra files that AMD cards need" in with_files.text
    assert "extra files for AMD cards are not part of it" in without.text
    assert without.actions[0].enabled


def test_unpacking_to_an_unknown_size_says_how_much_so_far() -> None:
    made = scenes.absent(ways=scenes.INSTALLABLE, setup=InstallState("0.33.0", "unpacking", 700_000_000))
    page = first_run_view(made).server
    assert page is not None
    assert page.progress is not None
    assert page.progress.fraction is None
    assert page.progress.text == "Unpacking · 0.7 GB so far"


def test_an_installation_shows_how_far_it_is_and_can_be_stopped() -> None:
    page = view("server-installing").server
    assert page is not None
    assert page.progress is not None
    assert page.progress.cancel == Command(Verb.CANCEL_INSTALL)
    assert view("server-installing").next_text == "Continue meanwhile"
    assert view("server-installable").next_text == "Continue without"
    assert page.progress.fraction == pytest.approx(7 / 14)
    assert page.progress.text == "Downloading · 0.7 GB of 1.4 GB · about 1 min left"


def test_where_the_vendor_has_an_installer_that_is_opened_instead() -> None:
    page = view("server-installer").server
    assert page is not None
    assert "checks that Ollama's maker signed it, and opens it" in page.text
    assert "Version 0.33.0: about 1.6 GB to download" in page.text
    assert "812 GB are free" in page.text
    assert [action.text for action in page.actions] == ["Open Ollama's installer", "Look again"]
    assert page.actions[0].command == Command(Verb.INSTALL_SERVER)
    assert page.actions[0].primary
    made = scenes.absent(ways=scenes.BY_INSTALLER)
    full = first_run_view(replace(made, extras=replace(made.extras, disk_free_bytes=10**9))).server
    assert full is not None
    assert not full.actions[0].enabled


def test_the_vendors_installer_is_checked_then_open_and_the_rest_is_up_to_the_person() -> None:
    checked = first_run_view(
        scenes.absent(ways=scenes.BY_INSTALLER, setup=InstallState("0.33.0", "verifying"))
    ).server
    assert checked is not None
    assert checked.progress is not None
    assert checked.progress.text == "Checking its signature"
    page = view("server-installer-open").server
    assert page is not None
    assert page.title == "Ollama's installer is open"
    assert page.progress is None
    assert [action.command.verb for action in page.actions] == [Verb.REFRESH, Verb.INSTALL_SERVER]
    there = replace(scenes.BY_INSTALLER, program="/Applications/Ollama.app/Contents/Resources/ollama")
    found = first_run_view(scenes.absent(ways=there, setup=InstallState("0.33.0", "opened"))).server
    assert found is not None
    assert found.actions[0].command == Command(Verb.START_SERVER)


def test_an_installer_that_was_refused_says_why_and_can_be_fetched_again() -> None:
    why = "Ollama's installer was not opened, because it is not signed by Ollama Inc."
    page = first_run_view(
        scenes.absent(ways=scenes.BY_INSTALLER, setup=InstallState("0.33.0", "failed", error=why))
    ).server
    assert page is not None
    assert (page.title, page.text) == ("Ollama was not installed", why)
    assert page.actions[0].text == "Open Ollama's installer"


def test_a_server_that_did_not_start_says_why_and_shows_its_log() -> None:
    page = view("server-failed").server
    assert page is not None
    assert page.title == "Ollama did not start"
    assert page.log.count("\n") == 19
    assert page.actions[0].command == Command(Verb.START_SERVER)


@pytest.mark.parametrize("status", [ServerStatus.FOREIGN, ServerStatus.SILENT, ServerStatus.ERROR])
def test_something_else_at_the_address_offers_nothing_to_install(status: ServerStatus) -> None:
    made = scenes.with_server(scenes.absent(ways=scenes.INSTALLABLE), status, "Something else listens there.")
    page = first_run_view(made).server
    assert page is not None
    assert page.text == "Something else listens there."
    assert [action.command.verb for action in page.actions] == [Verb.REFRESH]


def test_where_nothing_can_be_installed_the_reason_is_said() -> None:
    page = first_run_view(scenes.absent(ways=ServerWays(why_not="None is listed."))).server
    assert page is not None
    assert page.text == "None is listed."


def test_the_price_of_the_country_is_prefilled_where_one_is_shipped() -> None:
    page = view("price").price
    assert page is not None
    assert (page.country, page.price, page.currency) == ("DE", "0.3869", "EUR")
    british = first_run_view(scenes.with_facts(scenes.scene("price"), country="GB")).price
    assert british is not None
    assert (british.country, british.price, british.currency) == ("GB", "", "GBP")
    unknown = first_run_view(scenes.with_facts(scenes.scene("price"), country="")).price
    assert unknown is not None
    assert (unknown.country, unknown.price) == ("", "")
    own = view("price-own").price
    assert own is not None
    assert own.price == "0.2950"


def test_leaving_the_price_page_saves_declines_or_says_what_is_wrong() -> None:
    settings, error = price_left(Settings(), "0,41", "eur", "DE")
    assert not error
    assert settings.price == Price("0.41", "EUR", country="DE")
    settings, error = price_left(Settings(), "  ", "EUR", "DE")
    assert not error
    assert settings.price.declined
    assert settings.price.per_kwh is None
    settings, error = price_left(Settings(), "-3", "EUR", "")
    assert error == "The price cannot be negative."
    assert settings == Settings()


def test_three_models_each_much_smaller_than_the_one_before() -> None:
    names = [o.model for o in three_offers(Extras(offers=scenes.OFFERS))]
    assert names == ["qwen3.6:27b", "qwen3:8b", "llama3.2:3b"]
    small = [scenes.offer("a:7b", 4.7, 9, 12, 1), scenes.offer("b:3b", 2.0, 9, 12, 1)]
    names = [o.model for o in three_offers(Extras(offers=scenes.OFFERS[:1], starters=tuple(small)))]
    assert names == ["qwen3.6:27b", "a:7b", "b:3b"]
    none = scenes.offer("x:70b", 40, 1, 2, -9, "no")
    assert three_offers(Extras(offers=(none,))) == ()
    assert three_offers(Extras()) == ()


def with_speed(bytes_per_s: float | None) -> Scene:
    return scenes.with_facts(scenes.scene("model"), line_bytes_per_s=bytes_per_s)


@pytest.mark.parametrize(
    ("bytes_per_s", "model"),
    [
        (None, "qwen3.6:27b"),
        (100 * MB, "qwen3.6:27b"),
        (48.4 * MB, "qwen3.6:27b"),
        (48.3 * MB, "qwen3:8b"),
        (6 * MB, "llama3.2:3b"),
        (1 * MB, "llama3.2:3b"),
    ],
)
def test_the_best_that_arrives_in_six_minutes_is_chosen_beforehand(
    bytes_per_s: float | None, model: str
) -> None:
    made = with_speed(bytes_per_s)
    assert preselected(made, three_offers(made.extras)) == model


def test_an_installed_model_or_the_persons_choice_comes_first() -> None:
    installed = scenes.SCENES["model-installed"]()
    assert preselected(installed, three_offers(installed.extras)) == "mistral:7b"
    page = first_run_view(installed)
    assert page.next_text == "Continue"
    assert page.next_command is None
    assert page.model is not None
    assert page.model.choices[0].time == "installed"
    mine = scenes.chosen(installed, "qwen3:8b")
    assert preselected(mine, three_offers(mine.extras)) == "qwen3:8b"
    gone = scenes.chosen(scenes.scene("model"), "not/there:1b")
    assert preselected(gone, three_offers(gone.extras)) == "qwen3.6:27b"


def test_the_main_button_installs_and_then_goes_on() -> None:
    made = view("model-timed")
    assert made.next_text == "Install llama3.2:3b"
    assert made.next_command == Command(Verb.PULL, "llama3.2:3b")
    assert made.stays
    pulling = view("model-slow")
    assert pulling.next_text == "Continue"
    assert not pulling.stays
    absent = first_run_view(scenes.with_server(scenes.scene("model"), ServerStatus.ABSENT))
    assert absent.next_text == "Continue without"
    assert absent.next_command is None


def test_a_model_for_which_the_disk_is_too_small_cannot_be_chosen() -> None:
    made = scenes.scene("model")
    page = first_run_view(replace(made, extras=replace(made.extras, disk_free_bytes=6 * 10**9))).model
    assert page is not None
    assert [c.enabled for c in page.choices] == [False, True, True]
    assert page.choices[0].time == "only 6.0 GB free"


def test_a_long_download_offers_to_start_small() -> None:
    made = view("model-slow")
    assert made.slow.startswith("qwen3.6:27b takes about 48 min more on this connection.")
    (action,) = made.slow_actions
    assert action.text == "Start small: llama3.2:3b, 2.0 GB, 5 min"
    assert action.command == Command(Verb.START_SMALL, "llama3.2:3b")
    assert not made.next_primary
    fast = scenes.with_facts(scenes.SCENES["model-slow"](), line_bytes_per_s=100.0 * MB)
    assert first_run_view(fast).slow == ""
    nearly = scenes.with_pull(
        scenes.SCENES["model-slow"](), PullState("qwen3.6:27b", "", 17_000 * MB, 17_400 * MB, 6e6)
    )
    assert first_run_view(nearly).slow == ""


def test_a_download_that_cannot_reach_the_registry_offers_a_proxy_only_for_our_own_server() -> None:
    made = scenes.SCENES["model-proxy"]()
    shown = first_run_view(made)
    assert "no such host" in shown.problem
    assert shown.proxy == "http://proxy.example:3128"
    assert [a.command.verb for a in shown.problem_actions] == [Verb.PULL, Verb.CANCEL_PULL]
    assert first_run_view(scenes.with_facts(made, server_is_ours=False)).proxy is None
    assert first_run_view(scenes.with_facts(made, pull_problem="no_room")).proxy is None


def test_the_list_says_of_when_it_is() -> None:
    page = view("model").model
    assert page is not None
    assert "The list is from Nov 14, 2026" in page.note


def test_after_a_crash_the_download_is_offered_to_go_on() -> None:
    page = view("try-resumed").trying
    assert page is not None
    assert page.retry is not None
    assert page.retry.command == Command(Verb.PULL, "llama3.2:3b")
    assert "is kept" in page.waiting


def test_an_answer_shows_tokens_per_second_joules_and_on_what_they_rest() -> None:
    page = view("try-answered").trying
    assert page is not None
    assert (
        page.figures == "128 tokens · 212 tokens/s · 1,930 J in 6 s including loading (GPU + CPU sensors ±5%)"
    )
    assert page.better == "A better model fits this computer too: qwen3.6:27b, 17.4 GB, about 48 min."
    assert page.better_action is not None
    assert page.better_action.command == Command(Verb.PULL, "qwen3.6:27b")


def test_the_better_model_is_offered_only_after_the_answer() -> None:
    for name in ("try-ready", "try-answering", "try-waiting"):
        page = view(name).trying
        assert page is not None
        assert page.better == ""


def test_energy_that_is_not_known_says_why() -> None:
    blind = replace(scenes.ANSWERED, joules=None, joules_reason="No part of this computer reports its power.")
    made = scenes.with_facts(scenes.SCENES["try-answered"](), answer=blind)
    page = first_run_view(made).trying
    assert page is not None
    assert page.figures.endswith("energy not known: no part of this computer reports its power")
    assert " J" not in page.figures


def test_a_failed_answer_is_an_error_and_no_figure() -> None:
    page = view("try-error").trying
    assert page is not None
    assert page.error.startswith("llama3.2:3b does not fit")
    assert page.figures == ""


def test_a_network_paid_by_volume_asks_before_a_large_download_and_once() -> None:
    made = scenes.scene("model")
    wanted = Command(Verb.PULL, "llama3.2:3b")
    assert asked_before_download(made, wanted, None).question == ""
    assert asked_before_download(made, wanted, False).question == ""
    asked = asked_before_download(made, wanted, True)
    assert "llama3.2:3b is 2.0 GB" in asked.question
    assert asked_before_download(made, replace(wanted, asked=True), True).question == ""
    assert asked_before_download(made, Command(Verb.UNLOAD, "x"), True).question == ""
    server = scenes.absent(ways=scenes.INSTALLABLE)
    assert "1.4 GB" in asked_before_download(server, Command(Verb.INSTALL_SERVER), True).question


def test_hosts_are_listed_with_reason_and_time() -> None:
    shown = privacy_view(scenes.privacy())
    assert [row.host for row in shown.contacts][:2] == ["registry.example", "release.example"]
    assert "because you installed one" in shown.contacts[0].reason
    assert "Nov 23, 2026" in shown.contacts[0].last
    assert shown.none == ""
    nothing = privacy_view(scenes.with_facts(scenes.scene("machine"), contacts=()))
    assert nothing.none == "No host was contacted yet."
    assert "cannot be undone" in shown.delete.command.question


def test_how_long_records_are_kept() -> None:
    assert kept_months(Settings(), "13").meter.keep_months == 13
    assert kept_months(kept_months(Settings(), "13"), "").meter.keep_months is None
    assert kept_months(Settings(), "-4").meter.keep_months is None


@pytest.mark.parametrize(
    ("state", "head", "words"),
    [
        (
            InstallState("0.40.2", "fetching", 7 * 10**8, 14 * 10**8, 11e6),
            "Ollama is being installed",
            "Downloading",
        ),
        (InstallState("0.40.2", "trying"), "Ollama is being installed", "Testing whether it runs here"),
        (InstallState("0.40.2", "opened"), "Ollama's installer is open", ""),
        (InstallState("0.40.2", "failed", error="Not signed."), "Ollama was not installed", ""),
    ],
)
def test_row_an_installation_is_shown_after_the_setup_was_skipped(
    state: InstallState, head: str, words: str
) -> None:
    """In the small window, on the page Now and in the menu, with the way back to the setup."""
    made = scenes.absent(ways=scenes.INSTALLABLE, setup=state)
    small, now = small_window_view(made), now_view(made)
    for view in (small, now):
        assert view.empty is not None and view.empty.title == head
        assert [action.command.verb for action in view.empty.actions] == [Verb.SET_UP, Verb.REFRESH]
        assert [words in line.text for line in view.busy] == ([True] if words else [])
    if state.error:
        assert now.empty is not None and now.empty.text == "Not signed."
    stop = [line.cancel for line in now.busy]
    assert stop == ([Command(Verb.CANCEL_INSTALL)] if state.stage == "fetching" else [None] * len(stop))
    done = replace(made, setup=replace(made.setup, setup=None))
    assert now_view(done).busy == ()
