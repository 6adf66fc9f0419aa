"""The page Connect: a choice changes the lines, Copy copies them, and a new state keeps the choice."""

from dataclasses import replace

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QPlainTextEdit, QPushButton

from fakes import made_up_day
from wattlight.domain.state import CountingState
from wattlight.ui.page_connect import ConnectPage

from .grab import settle

pytestmark = pytest.mark.qt


def test_a_choice_changes_the_lines_and_stays(qtbot: object) -> None:
    scene = made_up_day.evening()
    page = ConnectPage(lambda _: None)
    page.render_scene(scene)
    page.show()
    settle()
    program, host, model = page.findChildren(QComboBox)
    assert not host.isVisible()  # there is one computer
    lines = page.findChildren(QPlainTextEdit)[0]
    assert program.count() == 13 and lines.isReadOnly() and "curl" in lines.toPlainText()
    program.setCurrentIndex(program.findData("langchain"))
    model.setCurrentIndex(model.findData("gpt-oss:20b"))
    assert 'ChatOllama(model="gpt-oss:20b"' in lines.toPlainText()
    counted = replace(scene.state, counting=CountingState(True, "http://127.0.0.1:11435", 11435))
    page.render_scene(replace(scene, state=counted))
    assert "11435" in lines.toPlainText() and 'model="gpt-oss:20b"' in lines.toPlainText()
    next(b for b in page.findChildren(QPushButton) if b.text() == "Copy").click()
    assert QGuiApplication.clipboard().text().strip() == lines.toPlainText().strip()
