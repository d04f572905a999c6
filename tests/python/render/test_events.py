"""Events as the action reads them."""

from __future__ import annotations

import json
from pathlib import Path

from flaming_horse_build.render.events import LONGEST_TEXT, Events


def sent(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_long_text_loses_its_middle(tmp_path: Path) -> None:
    path = tmp_path / "events"
    with path.open("wb") as channel:
        Events(channel.fileno()).send("error", message="a" * 5_000_000 + "b", type="ValueError", line=3)
    (event,) = sent(path)
    message = str(event["message"])
    assert len(message) < LONGEST_TEXT + 100
    assert message.startswith("aaa")
    assert message.endswith("aab")
    assert f"[... {5_000_001 - LONGEST_TEXT} characters left out]" in message
    assert (event["type"], event["line"]) == ("ValueError", 3)


def test_signs_of_life_are_few(tmp_path: Path) -> None:
    path = tmp_path / "events"
    with path.open("wb") as channel:
        events = Events(channel.fileno())
        for _ in range(1000):
            events.alive()
    assert sent(path) == [{"event": "alive"}]
