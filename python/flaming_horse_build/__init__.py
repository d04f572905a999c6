"""The Python side of Flaming Horse Build: the render driver and the voice backends.

Programs, not a library: each is started by the action as described in docs/protocol.md.
"""
