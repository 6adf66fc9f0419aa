"""The list of models: a table model over prepared rows, and a delegate that draws them."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from wattlight.i18n import right_to_left, tr
from wattlight.viewmodels.models import ModelRow, Rows

from .controls import paint_pill
from .text import elided
from .theme import Theme
from .tokens import BODY, QUIET

Index = QModelIndex | QPersistentModelIndex
NAME, SIZE, FIT, SPEED, COST = range(5)
ROW_HEIGHT = 34
SECTION_HEIGHT = 30


def _cells(row: ModelRow) -> tuple[str, ...]:
    return row.name, row.size, row.pill.text if row.pill else "", row.speed, row.cost


class ModelsTableModel(QAbstractTableModel):
    """Rows of the page Models; thousands cost nothing, since only visible ones are drawn."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: Rows | tuple[()] = ()
        self._keys: tuple[str, ...] = ()

    def show_rows(self, rows: Rows) -> bool:
        """Show these rows; False when they are the same models in the same order as before."""
        if rows.keys == self._keys:
            before, self._rows = self._rows, rows
            if isinstance(before, Rows) and not rows.alike(before):
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, COST))
            return False
        self.beginResetModel()
        self._rows, self._keys = rows, rows.keys
        self.endResetModel()
        return True

    def row_at(self, index: Index) -> ModelRow | None:
        return self._rows[index.row()] if 0 <= index.row() < len(self._rows) else None

    def row_of(self, key: str) -> int:
        """Where the model ``key`` stands, -1 if nowhere."""
        return next((i for i, known in enumerate(self._keys) if known == key and self._rows[i].key), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else 5

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return (tr("Model"), tr("Download"), tr("Fit"), tr("Tokens/s"), tr("per 1M"))[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            left = section in {NAME, FIT}
            side = Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                "",
                tr("Bytes to download, in GB; ~ where only a rounded size is listed"),
                tr("Where it would run"),
                tr("Output tokens a second: ✓ from this computer's own runs, ≈ fairly sure, ? rough"),
                tr("Electricity for a million output tokens"),
            )[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts, for the delegate and for screen readers."""
        row = self.row_at(index)
        if row is None:
            return None
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole}:
            return _cells(row)[index.column()]
        if role == Qt.ItemDataRole.SizeHintRole:
            return QSize(40, SECTION_HEIGHT if row.section else ROW_HEIGHT)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Headings cannot be chosen."""
        row = self.row_at(index)
        if row is None or row.section:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class ModelsDelegate(QStyledItemDelegate):
    """Draws a line: name with its quiet quantization, figures right, the verdict as a pill."""

    def __init__(self, theme: Theme, model: ModelsTableModel) -> None:
        super().__init__()
        self._theme = theme
        self._model = model

    def sizeHint(self, _option: QStyleOptionViewItem, index: Index) -> QSize:
        row = self._model.row_at(index)
        if row is None or row.section:
            return QSize(10, SECTION_HEIGHT)
        body = QFontMetrics(self._theme.font(BODY, tabular=True))
        quiet = QFontMetrics(self._theme.font(QUIET))
        text = _cells(row)[index.column()]
        if index.column() == FIT:
            return QSize(quiet.horizontalAdvance(text) + 34, ROW_HEIGHT)
        extra = quiet.horizontalAdvance(row.quantization) + 20 if index.column() == NAME else 0
        return QSize(body.horizontalAdvance(text) + 14 + extra, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row = self._model.row_at(index)
        if row is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box: Any = option.rect
        tokens = self._theme.tokens
        if row.section:
            self._section(painter, QRectF(box), row, index.column())
        else:
            state: Any = option.state
            if state & QStyle.StateFlag.State_Selected:
                painter.fillRect(box, QColor(tokens.selected))
            painter.setPen(QPen(QColor(tokens.line), 1))
            painter.drawLine(box.bottomLeft(), box.bottomRight())
            self._cell(painter, QRectF(box).adjusted(6, 0, -6, 0), row, index.column())
        painter.restore()

    def _section(self, painter: QPainter, box: QRectF, row: ModelRow, column: int) -> None:
        tokens = self._theme.tokens
        if column == NAME:
            painter.setFont(self._theme.font(QUIET, bold=True))
            painter.setPen(QColor(tokens.quiet))
            bottom = Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft
            room = (-400, 0, -6, -7) if right_to_left() else (6, 0, 400, -7)
            painter.drawText(box.adjusted(*room), bottom, row.name)
        painter.setPen(QPen(QColor(tokens.line), 1))
        painter.drawLine(box.bottomLeft(), box.bottomRight())

    def _cell(self, painter: QPainter, box: QRectF, row: ModelRow, column: int) -> None:
        if column == NAME:
            self._name(painter, box, row)
        elif column != FIT:
            painter.setFont(self._theme.font(BODY, tabular=True))
            painter.setPen(QColor(self._theme.tokens.text))
            right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(box, right, _cells(row)[column])
        elif row.pill is not None:
            metrics = QFontMetrics(self._theme.font(QUIET))
            width = min(box.width() + 8, metrics.horizontalAdvance(row.pill.text) + 20)
            height = metrics.height() + 5
            left = box.right() - width if right_to_left() else box.left()
            pill = QRectF(left, box.center().y() - height / 2, width, height)
            paint_pill(painter, pill, row.pill, self._theme)

    def _name(self, painter: QPainter, box: QRectF, row: ModelRow) -> None:
        tokens = self._theme.tokens
        painter.setFont(self._theme.font(BODY, bold=row.running))
        metrics = painter.fontMetrics()
        quiet = QFontMetrics(self._theme.font(QUIET))
        tail = tr("loaded") if row.running else row.hint or row.quantization
        name = elided(metrics, row.name, int(box.width()), name=True)
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.setPen(QColor(tokens.text))
        painter.drawText(box, left, name)
        if tail:
            x = metrics.horizontalAdvance(name) + 6
            painter.setFont(self._theme.font(QUIET))
            painter.setPen(QColor(tokens.quiet))
            rest = box.adjusted(0, 0, -x, 0) if right_to_left() else box.adjusted(x, 0, 0, 0)
            if quiet.horizontalAdvance(tail) <= rest.width():  # half of it would say nothing
                painter.drawText(rest, left, tail)
