"""The benchmark: what a build costs beside the ways it replaces. Started by script/bench."""
