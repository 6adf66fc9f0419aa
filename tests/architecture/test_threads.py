"""Threads are begun in one place, and every part of the program is handed the way to do it."""

import ast
from collections.abc import Iterator

import pytest

from .house import HOUSE

BEGIN = {
    "Thread", "Timer", "Pool", "ThreadPool", "ThreadPoolExecutor", "ProcessPoolExecutor",
    "start_new_thread", "QThread", "QThreadPool", "QRunnable", "to_thread", "run_in_executor",
    "ThreadingHTTPServer", "ThreadingTCPServer", "ThreadingMixIn",
}  # fmt: skip
HOMES = {"__init__.py", "services/threads.py"}
WITHOUT = {"services/metering/trace.py: Recorder": "a replay writes in step; no thread is begun"}


def last(node: ast.expr) -> str:
    return ast.unparse(node).split(".")[-1].split("[")[0]


def begins(tree: ast.AST) -> bool:
    """Whether a file makes a thread, or a class that is one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and last(node.func) in BEGIN:
            return True
        if isinstance(node, ast.ClassDef) and BEGIN & {last(base) for base in node.bases}:
            return True
        if isinstance(node, ast.ImportFrom | ast.Import):
            names = {alias.name.split(".")[-1] for alias in node.names}
            if BEGIN & (names - {"Thread"}):
                return True
    return False


def takers() -> dict[str, str]:
    """Classes and functions that are handed how to start a thread -> their file."""
    found = {}
    for file, tree in HOUSE.trees.items():
        for node in ast.walk(tree):
            functions = (
                [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
                if isinstance(node, ast.ClassDef)
                else [node]
                if isinstance(node, ast.FunctionDef) and node.name != "__init__"
                else []
            )
            for function in functions:
                arguments = (*function.args.args, *function.args.kwonlyargs)
                if any("StartThread" in ast.unparse(a.annotation) for a in arguments if a.annotation):
                    found[node.name] = HOUSE.name_of(file)
    return found


def made_without() -> Iterator[str]:
    """Where one of them is made and not handed it."""
    names = takers()
    for file, tree in HOUSE.trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and last(node.func) in names:
                given = [*node.args, *(word.value for word in node.keywords)]
                if not any(last(value).lstrip("_") in {"start", "threads"} for value in given):
                    yield f"{HOUSE.name_of(file)}: {last(node.func)}"


def test_threads_are_begun_in_one_place() -> None:
    assert {HOUSE.name_of(file) for file, tree in HOUSE.trees.items() if begins(tree)} == HOMES


def test_every_part_is_handed_how_to_start_its_thread() -> None:
    assert len(takers()) >= 8
    assert set(made_without()) == set(WITHOUT)


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("import threading\nthreading.Thread(target=f).start()", True),
        ("class Mine(QtCore.QThread): ...", True),
        ("from concurrent.futures import ThreadPoolExecutor as Many", True),
        ("import asyncio\nasyncio.to_thread(f)", True),
        ("class Server(socketserver.ThreadingMixIn, TCPServer): ...", True),
        ("from threading import Thread\n\ndef f(x: Thread) -> None: ...", False),
        ("threading.current_thread()", False),
    ],
)
def test_the_search_sees_a_thread(source: str, seen: bool) -> None:
    assert begins(ast.parse(source)) is seen
