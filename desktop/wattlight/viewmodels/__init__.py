"""State to texts, flags and chart points: pure functions shared by both faces."""

from .activity import BusyView, busy_actions
from .before_download import asked_before_download
from .break_even import BreakEvenView, break_even_view
from .chart import ChartGap, ChartLayer, ChartRun, ChartSeries, PowerChartView, power_chart
from .command import Action, Command, Verb
from .cost import CostView, DayBar, DaysChartView, cost_view
from .counting import CountingView, counting_view, understood_port
from .figure import FigureView, figure
from .loads import loads_note, loads_table
from .machine import DeviceCardView, MachineView, corner_lines, machine_view
from .memory_bar import BarSegment, MemoryBarView
from .model_detail import ContextChoice, ModelDetailView
from .models import CONTEXTS, USES, Filters, ModelRow, ModelsView, context_name, models_view, use_name
from .notices import NoticeView, notice_views
from .now import NowView, now_view
from .privacy import ContactRow, PrivacyView, kept_months, privacy_view
from .running import RunningView
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
from .server_copy import ServerCopyView, server_copy_view
from .settings_page import (
    Choice,
    PriceEntry,
    SettingsView,
    country_price,
    price_note,
    settings_view,
    understood_budget,
    understood_price,
    understood_rate,
)
from .small_window import EmptyView, SmallWindowView, SwitchRow, small_window_view
from .table import TableView
from .tray import IconState, MenuEntry, TrayView, icon_state, tray_view
from .words import PillView, Tone, verdict_pill

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
