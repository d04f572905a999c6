"""Render one scene: `python -P -m flaming_horse_build.render JOB.json`. See docs/protocol.md."""

from __future__ import annotations

import sys

from .program import leave, main

if __name__ == "__main__":
    leave(main(sys.argv[1:]))
