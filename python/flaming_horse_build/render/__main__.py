"""Render one scene: `python -m flaming_horse_build.render JOB.json`. See docs/protocol.md."""

from __future__ import annotations

import sys

from .program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
