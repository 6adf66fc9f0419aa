"""State to texts, flags and chart points: pure functions shared by both faces."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .activity import BusyView, NoticeView, busy_actions, notice_views
    from .before_download import asked_before_download
    from .break_even import BreakEvenView, break_even_view
    from .chart import ChartGap, ChartLayer, ChartRun, ChartSeries, PowerChartView, power_chart
    from .command import Action, Command, Verb
    from .cost import CostView, DayBar, DaysChartView, cost_view
    from .figures import FigureView, figure
    from .machine import DeviceCardView, MachineView, corner_lines, machine_view
    from .model_detail import ContextChoice, ModelDetailView
    from .models import CONTEXTS, USES, Filters, ModelRow, ModelsView, context_name, models_view, use_name
    from .now import NowView, now_view
    from .running import BarSegment, MemoryBarView, RunningView, loads_note, loads_table
    from .scene import (
        CPU_ONLY,
        DOES_NOT_FIT,
        FULL_GPU,
        PARTIAL_GPU,
        BreakEvenBasis,
        CapNote,
        ContextStep,
        CountryPrice,
        DayCost,
        Extras,
        FitNote,
        LeftOut,
        ModelMonth,
        NamedModel,
        Offer,
        OwnSide,
        Scene,
        same_model,
    )
    from .server_setup import ServerCopyView, server_copy_view
    from .settings_page import (
        Choice,
        ContactRow,
        CountingView,
        PriceEntry,
        PrivacyView,
        SettingsView,
        counting_view,
        country_price,
        kept_months,
        price_note,
        privacy_view,
        settings_view,
        understood_budget,
        understood_port,
        understood_price,
        understood_rate,
    )
    from .small_window import EmptyView, SmallWindowView, SwitchRow, small_window_view
    from .tray import IconState, MenuEntry, TrayView, icon_state, tray_view
    from .words import PillView, TableView, Tone, verdict_pill

_PARTS = {
    "activity": "BusyView NoticeView busy_actions notice_views",
    "before_download": "asked_before_download",
    "break_even": "BreakEvenView break_even_view",
    "chart": "ChartGap ChartLayer ChartRun ChartSeries PowerChartView power_chart",
    "command": "Action Command Verb",
    "cost": "CostView DayBar DaysChartView cost_view",
    "figures": "FigureView figure",
    "machine": "DeviceCardView MachineView corner_lines machine_view",
    "model_detail": "ContextChoice ModelDetailView",
    "models": "CONTEXTS USES Filters ModelRow ModelsView context_name models_view use_name",
    "now": "NowView now_view",
    "running": "BarSegment MemoryBarView RunningView loads_note loads_table",
    "scene": (
        "CPU_ONLY DOES_NOT_FIT FULL_GPU PARTIAL_GPU BreakEvenBasis CapNote ContextStep CountryPrice "
        "DayCost Extras FitNote LeftOut ModelMonth NamedModel Offer OwnSide Scene same_model"
    ),
    "server_setup": "ServerCopyView server_copy_view",
    "settings_page": (
        "Choice ContactRow CountingView PriceEntry PrivacyView SettingsView counting_view country_price "
        "kept_months price_note privacy_view settings_view understood_budget understood_port "
        "understood_price understood_rate"
    ),
    "small_window": "EmptyView SmallWindowView SwitchRow small_window_view",
    "tray": "IconState MenuEntry TrayView icon_state tray_view",
    "words": "PillView TableView Tone verdict_pill",
}
_WHERE = {name: part for part, names in _PARTS.items() for name in names.split()}

__all__ = [
    "CONTEXTS",
    "CPU_ONLY",
    "DOES_NOT_FIT",
    "FULL_GPU",
    "PARTIAL_GPU",
    "USES",
    "Action",
    "BarSegment",
    "BreakEvenBasis",
    "BreakEvenView",
    "BusyView",
    "CapNote",
    "ChartGap",
    "ChartLayer",
    "ChartRun",
    "ChartSeries",
    "Choice",
    "Command",
    "ContactRow",
    "ContextChoice",
    "ContextStep",
    "CostView",
    "CountingView",
    "CountryPrice",
    "DayBar",
    "DayCost",
    "DaysChartView",
    "DeviceCardView",
    "EmptyView",
    "Extras",
    "FigureView",
    "Filters",
    "FitNote",
    "IconState",
    "LeftOut",
    "MachineView",
    "MemoryBarView",
    "MenuEntry",
    "ModelDetailView",
    "ModelMonth",
    "ModelRow",
    "ModelsView",
    "NamedModel",
    "NoticeView",
    "NowView",
    "Offer",
    "OwnSide",
    "PillView",
    "PowerChartView",
    "PriceEntry",
    "PrivacyView",
    "RunningView",
    "Scene",
    "ServerCopyView",
    "SettingsView",
    "SmallWindowView",
    "SwitchRow",
    "TableView",
    "Tone",
    "TrayView",
    "Verb",
    "asked_before_download",
    "break_even_view",
    "busy_actions",
    "context_name",
    "corner_lines",
    "cost_view",
    "counting_view",
    "country_price",
    "figure",
    "icon_state",
    "kept_months",
    "loads_note",
    "loads_table",
    "machine_view",
    "models_view",
    "notice_views",
    "now_view",
    "power_chart",
    "price_note",
    "privacy_view",
    "same_model",
    "server_copy_view",
    "settings_view",
    "small_window_view",
    "tray_view",
    "understood_budget",
    "understood_port",
    "understood_price",
    "understood_rate",
    "use_name",
    "verdict_pill",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(name)
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)
