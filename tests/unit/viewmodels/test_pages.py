"""The pages: figures say how sure they are, what is unknown is a dash, prices are understood."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fakes import made_up_day
from wattlight.domain.command import Command, Verb
from wattlight.domain.cost import Amount
from wattlight.domain.keep_alive import IdleAdvice, IdleDraw
from wattlight.domain.state import ServerStatus, SetupFacts
from wattlight.domain.values import unknown
from wattlight.i18n import activate
from wattlight.services.answers import (
    DOES_NOT_FIT,
    FULL_GPU,
    PARTIAL_GPU,
    FitNote,
    FoundUpdates,
    NamedModel,
    Offer,
)
from wattlight.services.costs import MonthCosts
from wattlight.services.models import DiskNote, ModelUpdate
from wattlight.settings import MeterSettings, ModelWish, Price, Settings
from wattlight.viewmodels.before_download import asked_before_download
from wattlight.viewmodels.cost import cost_view
from wattlight.viewmodels.figures import figure
from wattlight.viewmodels.machine import machine_view
from wattlight.viewmodels.model_choices import Filters
from wattlight.viewmodels.models import _offer_row, models_view
from wattlight.viewmodels.now import now_view
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.settings_page import settings_view, understood_budget, understood_price
from wattlight.viewmodels.small_window import small_window_view
from wattlight.viewmodels.tray import headline
from wattlight.viewmodels.words import Tone


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def with_host(scene: Scene, **values: object) -> Scene:
    """The scene with parts of its computer replaced."""
    return replace(scene, state=replace(scene.state, hosts=(replace(scene.host, **values),)))


def named(scene: Scene, model: str, verdict: str | None, **values: Any) -> Scene:
    """The scene once ``model`` was judged."""
    offer = Offer(model, FitNote(model, verdict, reasons=values.pop("reasons", ())), 42_500_000_000)
    return replace(scene, extras=replace(scene.extras, named=NamedModel(offer, **values)))


def test_models_kept_loaded_are_named_with_what_they_cost() -> None:
    scene = made_up_day.evening()
    assert scene.extras.costs is not None
    advice = IdleAdvice("qwen3:8b", 3_600_000_000, 390_000, 1_800_000_000, 195_000, 180_000, 14)
    draw = IdleDraw("NVIDIA GeForce RTX 4090", ("qwen3:8b",), 22.0, 38.0)
    costs = replace(scene.extras.costs, idle=(advice, replace(advice, loads=1)), idle_draws=(draw,))
    lines = cost_view(replace(scene, extras=replace(scene.extras, costs=costs))).savings
    assert lines[0] == (
        "qwen3:8b takes €0.39 a month loaded and idle (50 h 00). A keep-alive of 5 minutes would save at "
        "most €0.20; it would be loaded again about 14 times a month."
    )
    assert lines[1].endswith("about once a month.")
    assert lines[2].startswith(
        "RTX 4090 draws 22 W more while qwen3:8b is loaded and nobody asks anything (38 W"
    )
    unpriced = replace(advice, parked_micro=None, saved_micro=None)
    costs = replace(costs, idle=(unpriced,), idle_draws=())
    (line,) = cost_view(replace(scene, extras=replace(scene.extras, costs=costs))).savings
    assert "takes 1.00 kWh a month" in line


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("52 W", ("", "52", "W")),
        ("€0.20", ("€", "0.20", "")),
        ("0,20 €", ("", "0,20", "€")),
        ("CHF 1’234.50", ("CHF", "1’234.50", "")),
        ("-€0.20", ("-€", "0.20", "")),
        ("–", ("", "–", "")),
    ],
)
def test_a_figure_keeps_its_sign_where_its_language_puts_it(text: str, parts: tuple[str, str, str]) -> None:
    view = figure("x", text)
    assert (view.before, view.value, view.after) == parts


def test_now_says_what_it_rests_on() -> None:
    view = now_view(made_up_day.evening())
    assert (view.power.value, view.power.after) == ("52", "W")
    assert view.power.note == "GPU + CPU sensors, about ±8%"
    assert view.today.note == "0.51 kWh · computer itself €0.31"
    assert view.month.note == "about €3.30–3.80 by Nov 30"
    assert view.not_measured is not None
    assert view.not_measured.text == "screen and rest of the PC not measured"
    (loaded,) = view.running
    assert loaded.facts == "context 8,192 of 40,960 · 118 tokens/s measured · kept until 11:05\u202fPM"
    assert view.memory is not None
    assert view.memory.summary == "16.7 of 24 GiB free · predicted 5.7, uses 5.7"
    assert sum(s.fraction for s in view.memory.segments) == pytest.approx(7.3 / 24, abs=0.01)


def test_what_the_server_reports_is_named_where_it_differs() -> None:
    scene = made_up_day.evening()
    loaded = replace(
        made_up_day.running(), size_vram_bytes=round(5.2 * (1 << 30)), size_bytes=round(5.2 * (1 << 30))
    )
    scene = with_host(scene, server=replace(scene.host.server, running=(loaded,)))
    memory = now_view(scene).memory
    assert memory is not None
    assert memory.summary.endswith("Ollama reports 5.2")


def test_unknown_is_a_dash_and_never_zero() -> None:
    view = now_view(made_up_day.first_minute())
    assert {f.value for f in (view.power, view.today, view.month)} == {"–"}
    assert view.memory is None
    assert view.running == ()


def test_no_sensor_is_said_with_its_reason() -> None:
    scene = made_up_day.evening()
    sample = scene.host.sample
    assert sample is not None
    silent = tuple(replace(d, power=unknown("Only root may read it.")) for d in sample.devices)
    view = now_view(with_host(scene, sample=replace(sample, devices=silent), history=()))
    assert view.power.value == "–"
    assert view.power.note == "No readable power sensor."
    assert "Only root may read it." in view.power.hint


def test_without_a_sensor_no_cost_is_promised_and_the_estimate_is_no_sum() -> None:
    scene = made_up_day.no_sensor()
    small, now, cost = small_window_view(scene), now_view(scene), cost_view(scene)
    assert small.sure == (
        "No readable power sensor here, so cost cannot be measured. "
        "See Machine for ways to add one. Estimated 40–92 W."
    )
    assert {small.cost.value, now.today.value} == {"–"}
    assert {small.power.value, now.power.value} == {"40–92"} and now.power.after == "W"
    assert "hour of use" not in f"{small.sure}{small.cost.note}{now.today.note}{cost.days.empty_text}"
    assert now.power.note == "estimated from rated power and load"
    machine = machine_view(scene)
    assert any("wattlight doctor" in way for way in machine.ways)
    assert machine_view(made_up_day.evening()).ways == ()
    card = machine.cards[0]
    assert card.power.value == "–"
    assert card.power.note.endswith("Estimated 11–29 W.")


def test_contained_parts_are_not_added_twice() -> None:
    scene = made_up_day.evening()
    sample = scene.host.sample
    assert sample is not None
    gpu, cpu = sample.devices
    both = replace(sample, devices=(gpu, replace(cpu, contained_in=gpu.id)))
    assert now_view(with_host(scene, sample=both)).power.value == "37"


def test_empty_states_teach() -> None:
    empty = small_window_view(made_up_day.no_model()).empty
    assert empty is not None
    assert empty.title == "No model yet. These three fit this computer."
    assert [row.name for row in empty.rows] == ["qwen3.6:27b", "gemma4:26b", "qwen3-coder:30b"]
    absent = small_window_view(made_up_day.no_server()).empty
    assert absent is not None
    assert [a.command.verb for a in absent.actions] == [Verb.START_SERVER, Verb.REFRESH]


def test_price_is_asked_until_it_is_known_or_declined() -> None:
    scene = made_up_day.no_model()
    assert small_window_view(scene).price_question is not None
    declined = replace(scene, settings=Settings(price=Price(declined=True)))
    assert small_window_view(declined).price_question is None
    assert small_window_view(made_up_day.evening()).price_question is None


def test_models_are_in_sections_and_marked() -> None:
    view = models_view(made_up_day.evening(), Filters())
    assert [r.name for r in view.rows if r.section] == [
        "On this computer",
        "Fits this computer",
    ]
    rows = {r.key: r for r in view.rows if r.key}
    assert rows["qwen3:8b"].speed == "118 ✓"
    assert rows["qwen3:8b"].running
    assert rows["llama3.3:70b"].speed == "2–4"
    assert rows["llama3.3:70b"].pill is not None
    assert rows["llama3.3:70b"].pill.text == "41 of 81 layers"
    assert rows["qwen3.6:27b"].cost == "≥ €0.93"


def test_a_speed_and_a_size_say_how_sure_they_are() -> None:
    def row(confidence: str | None, exact: bool) -> tuple[str, str]:
        note = FitNote("far:7b", "full_gpu", tokens_low=31.0, tokens_high=42.0, tokens_confidence=confidence)
        shown = _offer_row(made_up_day.no_model(), Offer("far:7b", note, 4_100_000_000, download_exact=exact))
        return shown.speed, shown.size

    assert row("medium", True) == ("31–42 ≈", "4.1 GB")
    assert row("low", False) == ("31–42 ?", "~4.1 GB")
    assert row("high", True)[0] == "31–42 ✓"


def test_detail_of_an_offer_has_size_time_and_room() -> None:
    scene = replace(made_up_day.evening(), setup=SetupFacts(line_bytes_per_s=12e6))
    detail = models_view(scene, Filters(), "qwen3.6:27b").detail
    assert detail is not None
    assert detail.main is not None
    assert detail.main.text == "Install 17.4 GB"
    assert detail.footnote == "About 24 min to download · 412 GB free on disk"
    assert detail.context_text == (
        "Up to about 81,000 tokens stay on the GPU; 130,000 with an 8-bit cache; "
        "0.09 GiB for each 1,000 tokens"
    )
    assert "Replaces qwen3:8b" in detail.why
    assert [c.text for c in detail.choices][:2] == ["4,096", "8,192"]


def test_the_largest_context_on_the_gpu_is_one_click_and_can_be_undone() -> None:
    scene = made_up_day.evening()

    def contexts(scene: Scene, key: str) -> list[tuple[str, Command]]:
        detail = models_view(scene, Filters(), key).detail
        assert detail is not None
        return [(a.text, a.command) for a in detail.contexts]

    note = scene.fit_of("qwen3:8b")
    assert note is not None
    note = replace(note, largest_gpu_context=23_300, trained_context=40_960)
    scene = replace(scene, extras=replace(scene.extras, fits=(note,)))
    use = Command(Verb.USE_CONTEXT, "qwen3:8b", number=22_528)
    tag = Command(Verb.TAG_CONTEXT, "qwen3:8b", number=22_528)
    assert contexts(scene, "qwen3:8b") == [("Load with 22,528 tokens", use), ("As a model of its own", tag)]
    chosen = replace(scene, settings=scene.settings.with_wish(ModelWish("qwen3:8b", 22_528)))
    undo = Command(Verb.USE_CONTEXT, "qwen3:8b")
    assert contexts(chosen, "qwen3:8b") == [("Usual context again", undo), ("As a model of its own", tag)]
    for largest, offered in ((40_960, 40_960), (90_000, 40_960), (700, 700), (None, None)):
        fits = (replace(note, largest_gpu_context=largest),)
        actions = contexts(replace(scene, extras=replace(scene.extras, fits=fits)), "qwen3:8b")
        assert [c.number for _, c in actions] == ([] if offered is None else [offered, offered])
    assert contexts(scene, "qwen3.6:27b") == []  # not installed


def test_a_load_that_pushes_another_out_is_asked_and_need_not_be() -> None:
    scene = made_up_day.evening()

    def beside(scene: Scene, key: str) -> Command:
        detail = models_view(scene, Filters(), key).detail
        assert detail is not None
        return next(a.command for a in detail.others if a.command.verb is Verb.LOAD)

    asked = beside(scene, "llama3.3:70b")
    assert "does not fit beside qwen3:8b" in asked.question
    assert asked.confirm == "Load anyway"
    for other in (
        replace(scene, settings=replace(scene.settings, ask_heavy=False)),
        replace(scene, state=replace(scene.state, hosts=(replace(scene.host, profile=None),))),
    ):
        assert beside(other, "llama3.3:70b").question == ""


def test_removing_is_asked_with_the_name_and_a_foreign_registry_with_its_host() -> None:
    scene = made_up_day.evening()
    detail = models_view(scene, Filters(), "gpt-oss:20b").detail
    assert detail is not None
    remove = detail.others[-1].command
    assert remove.verb is Verb.REMOVE
    assert remove.question == "Remove gpt-oss:20b and free 13.8 GB? It can be installed again."
    foreign, plain = "hf.co/someone/model:Q4", "mistral:7b"
    typed = models_view(named(scene, foreign, FULL_GPU), Filters(search=foreign), foreign).detail
    assert typed is not None
    assert typed.main is not None
    assert "comes from hf.co" in asked_before_download(scene, typed.main.command, None).question
    fits = models_view(named(scene, plain, FULL_GPU), Filters(search=plain), plain).detail
    assert fits is not None
    assert fits.main is not None
    assert fits.main.command.question == ""


def test_nothing_can_be_installed_without_a_server() -> None:
    scene = made_up_day.evening()
    scene = with_host(scene, server=replace(scene.host.server, status=ServerStatus.ABSENT, running=()))
    detail = models_view(scene, Filters(), "qwen3.6:27b").detail
    assert detail is not None
    assert detail.main is not None
    assert (detail.main.enabled, detail.main.why_not) == (False, "Ollama is not running.")


def test_a_name_that_was_typed_is_judged_before_it_can_be_installed() -> None:
    scene, name = made_up_day.evening(), "llama3.1:70b"
    view = models_view(scene, Filters(search=name))
    assert (view.typed, view.judge) == (name, Command(Verb.JUDGE, name))
    assert view.detail is not None and view.detail.main is not None
    assert (view.detail.pill.text, view.detail.main.enabled) == ("checking…", False)
    why = "43 of 81 layers fit on RTX 4090; 18.1 GiB stay in RAM, which is slower."
    view = models_view(named(scene, name, PARTIAL_GPU, reasons=(why,)), Filters(search=name))
    assert view.judge is None
    assert view.detail is not None and view.detail.main is not None
    assert why in view.detail.why
    assert view.detail.main.text == "Install 42.5 GB"
    assert view.detail.main.command.question == f"{why} Install it anyway?"
    assert [a.command for a in view.detail.others] == [Command(Verb.LOOK_UP, name)]
    asked = models_view(named(scene, name, FULL_GPU), Filters(search=name, looked_up=name)).detail
    assert asked is not None and asked.main is not None
    assert (asked.pill.text, asked.main.enabled) == ("checking…", False)
    known = models_view(named(scene, name, FULL_GPU, asked=True), Filters(search=name, looked_up=name)).detail
    assert known is not None and known.main is not None
    assert (known.pill.text, known.main.enabled, known.others) == ("all on GPU", True, ())


def test_a_name_of_no_list_is_looked_up_first_and_what_cannot_be_said_is_said() -> None:
    scene, name = made_up_day.evening(), "someone/thing:7b"
    detail = models_view(named(scene, name, None), Filters(search=name)).detail
    assert detail is not None and detail.main is not None
    assert detail.main.command == Command(Verb.LOOK_UP, name)
    assert "Press Enter to read its size from Ollama's library." in detail.why
    problem = "The registry cannot be reached. Check the network."
    detail = models_view(named(scene, name, None, asked=True, problem=problem), Filters(search=name)).detail
    assert detail is not None and detail.main is not None
    assert detail.pill.text == "fit unknown"
    assert problem in detail.why
    assert detail.main.command.question == "Whether it fits this computer is not known. Install it anyway?"
    assert [a.text for a in detail.others] == ["Check again"]


def test_what_was_left_out_can_be_shown_with_its_reason() -> None:
    scene = made_up_day.evening()
    view = models_view(scene, Filters())
    assert view.left_out_count == 2
    assert "qwen3:32b-fp16" not in [row.key for row in view.rows]
    view = models_view(scene, Filters(show_left_out=True), "qwen3:32b-fp16")
    rows = {row.key: row.pill for row in view.rows if row.pill}
    large, slow = rows["qwen3:32b-fp16"], rows["dolphin-mixtral:8x7b"]
    assert (large.text, large.tone, slow.text, slow.tone) == (
        "does not fit",
        Tone.BAD,
        "too slow",
        Tone.PARTLY,
    )
    assert large.hint == "qwen3:32b-fp16: needs about 64 GiB, and 23 GiB can be had."
    assert view.judge == Command(Verb.JUDGE, "qwen3:32b-fp16")
    judged = models_view(
        named(scene, "qwen3:32b-fp16", DOES_NOT_FIT), Filters(show_left_out=True), view.selected
    )
    assert judged.detail is not None
    assert large.hint in judged.detail.why


def test_an_installed_model_of_which_nothing_is_known_says_why() -> None:
    scene = made_up_day.evening()
    note = FitNote("qwen3:8b", reasons=("Its file cannot be read here.",))
    scene = with_host(scene, server=replace(scene.host.server, running=()))
    view = models_view(replace(scene, extras=replace(scene.extras, fits=(note,))), Filters(), "qwen3:8b")
    assert view.detail is not None
    assert view.detail.pill.text == "fit unknown"
    assert "Its file cannot be read here." in view.detail.why


def test_cloud_models_are_hidden_and_say_where_the_text_goes() -> None:
    scene = made_up_day.evening()
    cloud = replace(scene.host.server.installed[0], name="big:cloud", remote_host="https://example.org")
    scene = with_host(
        scene, server=replace(scene.host.server, installed=(*scene.host.server.installed, cloud))
    )
    assert "big:cloud" not in [r.key for r in models_view(scene, Filters()).rows]
    shown = models_view(scene, Filters(show_cloud=True), "big:cloud")
    assert shown.detail is not None
    assert shown.detail.why == "Runs on Ollama's servers; your text leaves this computer."


def test_cost_keeps_models_and_computer_apart() -> None:
    view = cost_view(made_up_day.evening())
    assert (view.today.before, view.today.value) == ("€", "0.20")
    assert view.days.budget is not None
    assert view.days.budget[1] == "daily budget €0.35"
    assert len(view.days.bars) == 30
    highest = max(b.parked + b.working + b.computer for b in view.days.bars)
    assert 0.8 < highest <= 1.0
    assert all(b.computer == 0 for b in view.days.bars)
    assert any(b.computer > 0 for b in cost_view(made_up_day.evening(), True).days.bars)
    assert view.table.headings[-1] == "same weights hosted"
    assert view.table.rows[1][-1] == "€0.27 (Aug 14, 2026)", "the day as the language writes it"
    assert view.table.rows[0][:3] == ("qwen3:8b", "4.97 kWh", "€1.94")
    assert view.table.rows[-1][:3] == ("computer without models, measured parts", "18.3 kWh", "€7.14")


def test_columns_that_know_nothing_are_left_out() -> None:
    scene = made_up_day.evening()
    assert scene.extras.costs is not None
    bare = replace(scene, extras=replace(scene.extras, costs=replace(scene.extras.costs, models=())))
    assert cost_view(bare).table.headings == ("November", "Energy", "Cost")


def test_without_a_price_energy_is_shown() -> None:
    scene = with_host(
        made_up_day.evening(), today=made_up_day.cost(0.5, 0.8, None), month=made_up_day.cost(6.9, 18.3, None)
    )
    costs = MonthCosts(made_up_day.days(None))
    view = cost_view(replace(scene, settings=Settings(), extras=replace(scene.extras, costs=costs)))
    assert (view.today.value, view.today.after) == ("0.50", "kWh")
    assert view.days.title == "Energy of models per day, November"
    assert view.days.y_ticks[-1][1].endswith("kWh")
    assert view.days.budget is None


def test_machine_has_a_card_for_each_device() -> None:
    view = machine_view(made_up_day.evening())
    assert [c.name for c in view.cards] == ["NVIDIA GeForce RTX 4090", "AMD Ryzen 9 7900X"]
    assert view.cards[0].power.note == "NVML energy counter, about ±10%"
    ram = view.cards[1].memory
    assert ram is not None
    assert (ram.segments[0].label, ram.summary) == ("RAM in use", "51.0 of 64 GiB free")


@pytest.mark.parametrize(
    ("typed", "kept"), [("0.39", "0.39"), ("0,39", "0.39"), (" 12.5 ", "12.5"), ("0", "0"), ("1e-1", "0.1")]
)
def test_prices_are_understood(typed: str, kept: str) -> None:
    settings, error = understood_price(typed, "eur", "DE", Settings(price=Price(declined=True)))
    assert error == ""
    assert settings == Settings(price=Price(per_kwh=kept, currency="EUR", country="DE"))


@pytest.mark.parametrize(
    ("typed", "currency"),
    [
        ("", "EUR"),
        ("-1", "EUR"),
        ("abc", "EUR"),
        ("NaN", "EUR"),
        ("Infinity", "EUR"),
        ("0.39", "EURO"),
        ("38000", "EUR"),
    ],
)
def test_wrong_prices_are_explained_and_change_nothing(typed: str, currency: str) -> None:
    old = Settings(price=Price("0.30", "EUR"))
    settings, error = understood_price(typed, currency, "", old)
    assert error.endswith((".", "?"))
    assert settings == old


def test_budget_is_understood_or_explained() -> None:
    settings, error = understood_budget("0,50", Settings())
    assert (settings.meter.daily_budget_micro, error) == (500_000, "")
    assert understood_budget("", settings)[0].meter.daily_budget_micro is None
    assert understood_budget("-1", settings)[1]


def test_settings_show_what_is_in_force() -> None:
    view = settings_view(made_up_day.evening())
    assert (view.country, view.price, view.currency, view.daily_budget) == ("DE", "0.39", "EUR", "0.35")


def test_languages_that_no_native_has_read_are_marked() -> None:
    offered = {choice.value: choice.text for choice in settings_view(made_up_day.evening()).languages}
    assert (offered["de"], offered["fr"]) == ("Deutsch", "Français (machine-translated)")
    activate("fr")
    told = {choice.value: choice.text for choice in settings_view(made_up_day.evening()).languages}
    assert (told["en"], told["fr"]) == ("English", "Français (traduction automatique)")


@pytest.mark.parametrize("name", sorted(made_up_day.SCENES))
def test_every_scene_has_every_view(name: str) -> None:
    scene = made_up_day.SCENES[name]()
    for view in (now_view, cost_view, machine_view, settings_view, small_window_view):
        assert view(scene) == view(scene)
    assert models_view(scene, Filters()) == models_view(scene, Filters())


@pytest.mark.parametrize(
    ("released", "shown"),
    [("2025-08-05", "August 2025"), ("2026-04", "April 2026"), ("spring", "spring"), ("", "")],
)
def test_a_date_of_release_is_a_month(released: str, shown: str) -> None:
    scene = made_up_day.evening()
    offers = scene.extras.offers
    assert offers is not None
    first = replace(offers[0], released=released, publisher="", licence="", uses=())
    detail = models_view(
        replace(scene, extras=replace(scene.extras, offers=(first,))), Filters(), first.model
    ).detail
    assert detail is not None
    assert detail.facts == shown


def test_a_slider_that_changes_nothing_is_left_out() -> None:
    scene = made_up_day.evening()
    offers = scene.extras.offers
    assert offers is not None
    same = tuple(replace(step, verdict="cpu", spare_bytes=1) for step in offers[0].fit.steps)
    first = replace(offers[0], fit=replace(offers[0].fit, verdict="cpu", steps=same))
    detail = models_view(
        replace(scene, extras=replace(scene.extras, offers=(first,))), Filters(), first.model
    ).detail
    assert detail is not None
    assert detail.choices == ()


def test_fields_take_numbers_in_the_manner_of_the_language() -> None:
    activate("de_DE")
    view = settings_view(made_up_day.evening())
    assert (view.price, view.daily_budget) == ("0,39", "0,35")
    settings, error = understood_price(view.price, "EUR", "DE", made_up_day.settings())
    assert (settings.price.per_kwh, error) == ("0.39", "")


def test_what_cannot_be_divided_is_a_dash_on_every_page_with_the_way_to_learn_it() -> None:
    made = made_up_day.evening()
    assert made.host.today is not None
    open_ = replace(
        made.host.today, models=Amount(), parked=Amount(0, 0), undecided=made_up_day.amount(0.6), breakdown=()
    )
    scene = with_host(made, today=open_, month=open_)
    page = cost_view(scene)
    for shown in (page.today, page.month, page.idle, now_view(scene).today, small_window_view(scene).cost):
        assert shown.value == "–", shown.label
        assert "learned by itself" in shown.hint, shown.label
    assert "Models" not in headline(scene)
    assert "of the budget" not in page.today.note
    assert page.table.rows[0][:3] == ("with a model loaded, not divided", "0.60 kWh", "€0.23")
    assert "unload the model" in page.table_note


def test_the_price_of_tokens_says_what_it_means_and_how_much_it_rests_on() -> None:
    made = made_up_day.evening()
    page = cost_view(made)
    listed = {row.key: row.cost for row in models_view(made, Filters()).rows}
    assert listed["qwen3:8b"] == "€0.33", "the same on both pages"
    assert "all energy of the time a model was loaded" in page.table_note
    assert "Of the time they answered alone: qwen3:8b €0.29 ±0.03" in page.table_note
    assert "upper bound" not in page.table_note
    assert made.extras.costs is not None
    qwen, other = made.extras.costs.models
    part = replace(qwen, tokens=replace(qwen.tokens, counted_share=0.41))
    extras = replace(made.extras, costs=replace(made.extras.costs, models=(part, other)))
    page = cost_view(replace(made, extras=extras))
    column = page.table.headings.index("per 1M tokens")
    assert [row[column] for row in page.table.rows[:2]] == ["≤ €0.33 ±0.04", "€0.27 ±0.03"]
    rows = models_view(replace(made, extras=extras), Filters()).rows
    assert {row.key: row.cost for row in rows}["qwen3:8b"] == "≤ €0.33"
    assert "qwen3:8b: tokens were counted in 41% of its work" in page.table_note


@pytest.mark.parametrize(
    ("zone", "title"),
    [("Pacific/Auckland", "December"), ("America/Los_Angeles", "November"), (None, "November")],
)
def test_today_and_the_month_are_those_of_the_tariffs_zone(zone: str | None, title: str) -> None:
    made = made_up_day.evening()
    late = datetime(2026, 11, 30, 22, 0, tzinfo=UTC)
    place = None if zone is None else ZoneInfo(zone)
    scene = replace(made, now=late, state=replace(made.state, zone=place), zone=UTC)
    assert scene.today.day == (1 if title == "December" else 30)
    page = cost_view(scene)
    assert page.month.label == f"Models in {title}"
    assert page.days.title.endswith(title)
    assert page.days.empty == (title == "December"), "no day of December is known yet"


def test_power_says_what_it_is_at_the_plug_where_that_is_known() -> None:
    made = made_up_day.evening()
    assert "plug" not in now_view(made).power.note
    meter = MeterSettings(assumed_rest_w=40.0)
    known = replace(made, settings=replace(made.settings, meter=meter))
    for shown in (now_view(known).power, small_window_view(known).power):
        assert shown.value == now_view(made).power.value, "the sum of the sensors stays what it is"
        assert shown.note.endswith("at the plug")


def test_the_detail_of_a_model_that_drafts_says_what_that_is_for() -> None:
    scene = made_up_day.evening()
    note = FitNote(
        "qwen3:8b",
        FULL_GPU,
        tokens_low=30.0,
        tokens_high=40.0,
        draft_low=39.0,
        draft_high=72.0,
        reasons=("With a draft of 4 tokens.", "Without the draft it is all on the GPU."),
    )
    scene = replace(scene, extras=replace(scene.extras, fits=(note,)))
    detail = models_view(scene, Filters(), "qwen3:8b").detail
    assert detail is not None
    assert "With its draft 39–72 tokens/s." in detail.why
    assert "With a draft of 4 tokens. Without the draft it is all on the GPU." in detail.why


def test_the_detail_of_a_model_says_what_it_needs_in_all() -> None:
    fit = FitNote("mistral:7b", PARTIAL_GPU, needed_bytes=int(17.3 * (1 << 30)))
    scene = made_up_day.evening()
    known = replace(scene, extras=replace(scene.extras, named=NamedModel(Offer("mistral:7b", fit))))
    for shown, words in ((known, "needs 17.3 GiB in all"), (scene, "")):
        detail = models_view(shown, Filters(search="mistral:7b"), "mistral:7b").detail
        assert detail is not None
        assert words in detail.facts and ("needs" in detail.facts) is bool(words)


def test_a_newer_version_is_shown_until_it_is_taken() -> None:
    scene = made_up_day.evening()
    model = scene.local_models[0]
    view = models_view(scene, Filters(), model.name)
    assert view.find_updates is not None
    assert view.find_updates.command == Command(Verb.FIND_UPDATES)
    newer = ModelUpdate(model.name, 1_200_000_000, True, ("model", "template"), model.digest)
    found = replace(scene, extras=replace(scene.extras, updates=FoundUpdates((newer,))))
    view = models_view(found, Filters(), model.name)
    assert view.detail is not None
    assert "A newer version is there: 1.2 GB to fetch." in view.detail.why
    (action,) = (a for a in view.detail.others if a.command.verb is Verb.PULL)
    assert (action.text, action.hint) == ("Update, 1.2 GB", "Its weights, template changed.")
    assert "1 model has a newer version." in view.footnote
    taken = with_host(
        found,
        server=replace(
            found.host.server,
            installed=tuple(replace(m, digest="f" * 64) for m in found.host.server.installed),
        ),
    )
    view = models_view(taken, Filters(), model.name)
    assert view.detail is not None
    assert "newer" not in view.detail.why
    assert "All installed models are the newest." in view.footnote
    offline = FoundUpdates(problem="The registry cannot be reached.")
    said = replace(scene, extras=replace(scene.extras, updates=offline))
    assert "cannot be reached" in models_view(said, Filters()).footnote
    assert "newest" not in models_view(said, Filters()).footnote


def test_the_disk_line_and_what_is_asked_before_clearing_up() -> None:
    scene = made_up_day.evening()

    def view(note: DiskNote | None) -> Any:
        return models_view(replace(scene, extras=replace(scene.extras, disk=note)), Filters())

    assert (view(None).disk, view(None).clean_up) == ("", None)
    line = "41.2 GB in 7 models, 3.1 GB belong to none"
    shown = view(DiskNote(line, "Remove 3 files?\nsha256-1", mark=77))
    assert shown.disk == f"Disk: {line}."
    assert (shown.clean_up.command.question, shown.clean_up.command.number) == (
        "Remove 3 files?\nsha256-1",
        77,
    )
    waits = view(DiskNote(line, refusal="A model may be on its way."))
    assert (waits.disk, waits.clean_up) == (f"Disk: {line}. A model may be on its way.", None)


def test_a_speed_with_a_filled_context_stands_beside_the_other() -> None:
    scene = made_up_day.evening()
    fits = tuple(replace(f, filled_tokens_per_s=92.4, filled_tokens=6144) for f in scene.extras.fits)
    shown = replace(scene, extras=replace(scene.extras, fits=fits))
    detail = models_view(shown, Filters(), "qwen3:8b").detail
    assert detail is not None
    assert "92 tokens/s with 6,144 tokens in its context." in detail.why
