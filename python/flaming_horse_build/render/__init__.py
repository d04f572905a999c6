"""Render one scene of a project: `python -m flaming_horse_build.render JOB.json`."""
