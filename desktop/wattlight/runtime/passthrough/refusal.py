"""Answers of the relay itself, in the form in which Ollama reports errors."""

import json
from http import HTTPStatus


def refusal(status: int, reason: str) -> bytes:
    """A whole answer ``{"error": reason}`` after which the connection is closed."""
    body = json.dumps({"error": f"Wattlight's pass-through: {reason}"}).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        "Content-Type: application/json; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
