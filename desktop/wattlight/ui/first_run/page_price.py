"""The price of a kilowatt-hour."""

from PySide6.QtWidgets import QComboBox, QLineEdit

from wattlight.i18n import tr
from wattlight.settings import Settings
from wattlight.viewmodels import Choice
from wattlight.viewmodels.first_run import FirstRunView, PriceStep, price_left

from ..form import Form, combo, fill, line
from ..text import plain_label, set_text
from .step_page import StepPage


class PricePage(StepPage):
    """Country, price, currency; filled once, then the person's own."""

    def __init__(self) -> None:
        super().__init__()
        self._filled: PriceStep | None = None
        self._touched = False
        form = Form(tr("What one kWh costs you"))
        self._country: QComboBox = combo(tr("Country"))
        self._price: QLineEdit = line(tr("Price per kWh"), "0.39", 110)
        self._currency: QLineEdit = line(tr("Currency"), "EUR", 70)
        self._note = plain_label(role="quiet", wrap=True)
        self._error = plain_label(role="bad", wrap=True)
        self._error.hide()
        self._country.activated.connect(self._country_chosen)
        self._price.textEdited.connect(self._typed)
        self._currency.textEdited.connect(self._typed)
        form.add(tr("Country"), self._country)
        form.add(tr("Price per kWh"), self._price, self._currency)
        form.add("", self._error)
        form.add("", self._note)
        self.column.addWidget(form.frame)
        unknown = tr(
            "Without a price Wattlight shows energy in kWh and no money. Leave it empty if you like."
        )
        self.column.addWidget(plain_label(unknown, "quiet", True))
        self.column.addStretch(1)
        self._prices: dict[str, tuple[str, str, str]] = {}

    def know_prices(self, prices: dict[str, tuple[str, str, str]]) -> None:
        """Code to (price, currency, note), for a country that is chosen."""
        self._prices = prices

    def render_view(self, view: FirstRunView) -> None:
        """Fill the fields until the person touches them."""
        page = view.price
        if page is None or page == self._filled or self._touched:
            return
        self._filled = page
        fill(self._country, tuple(Choice(c.value, c.text) for c in page.countries), page.country)
        self._price.setText(page.price)
        self._currency.setText(page.currency)
        set_text(self._note, page.note)

    def leave(self, settings: Settings) -> tuple[Settings, str]:
        """The settings with the price, or what is wrong with it."""
        country = str(self._country.currentData() or "")
        changed, error = price_left(settings, self._price.text(), self._currency.text(), country)
        self._say(error)
        if not error:
            self._touched = False
            self._filled = None
        return changed, error

    def decline(self) -> None:
        """ "I don't know": empty the price."""
        self._touched = True
        self._price.clear()
        self._say("")

    def focus_first(self) -> bool:
        """The price."""
        self._price.setFocus()
        self._price.selectAll()
        return True

    def _typed(self) -> None:
        self._touched = True
        self._say("")

    def _say(self, error: str) -> None:
        set_text(self._error, error)
        self._error.setVisible(bool(error))
        self._price.setAccessibleDescription(error)

    def _country_chosen(self) -> None:
        self._touched = True
        price, currency, note = self._prices.get(str(self._country.currentData() or ""), ("", "", ""))
        self._price.setText(price)
        if currency:
            self._currency.setText(currency)
        set_text(self._note, note or self._prices.get("", ("", "", ""))[2])
