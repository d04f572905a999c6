"""Import Manim once and fork a process for each render: `python -P -m flaming_horse_build.render.server SERVER.json`.

Importing Manim takes as long as drawing a short scene. Whoever wants a render (`guard.py --through SOCKET`) sends its
command and its descriptors 0 to 3; what is forked for it is as good as a process started with that command, see
docs/protocol.md.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import json
import os
import random
import signal
import socket
import sys
import time
import types
from pathlib import Path
from typing import Any

from . import imports, manim_cfg, program, stage
from .events import Events
from .job import JobError, read_server_job
from .problems import SceneError

GUARD = Path(__file__).resolve().parents[2] / "guard.py"
PROGRAM = Path(__file__).with_name("__main__.py")
THREADS = Path("/proc/self/task")
COMMAND = ["-P", "-m", "flaming_horse_build.render"]
DESCRIPTORS = 4
LONGEST_REQUEST = 1 << 16
WAITING = 64


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM. In a process forked for a render: render, and return its exit status."""
    try:
        if len(arguments) != 1:
            raise JobError("expected one argument, the path of the server's job")
        job = read_server_job(Path(arguments[0]))
    except JobError as error:
        print(f"JobError: {error}", file=sys.stderr)
        return program.BAD_JOB
    own = Events.inherited()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(job.socket))
    listener.listen(WAITING)
    own.send("listening")  # whoever comes now waits until Manim is here

    gc.disable()  # a tenth of the import would be looking for garbage
    prepared = stage.prepare(job.project_dir, job.repo_root, job.seed, Events(None))
    try:
        program.import_manim(job.project_dir)
    except SceneError as error:  # renders, started without a server, say so at its place
        print(error, file=sys.stderr)
        return program.DONE
    manim_cfg.warn(job.project_dir, own)
    imports.hiding(job.repo_root)  # for all renders at once
    threads = len(list(THREADS.iterdir()))
    if threads > 1:
        print(f"what Manim imports started {threads - 1} threads, which no fork takes along", file=sys.stderr)
        return program.BAD_JOB
    own.send("ready", seconds=round(time.process_time(), 3))
    guard = _load_guard()
    gc.collect()
    gc.freeze()  # collections in renders shall not touch, and so copy, what all of them share
    gc.enable()
    render = _serve(listener, own, guard)
    # from here on in a process of its own
    started = time.monotonic()
    sys.argv = [str(PROGRAM), *render]
    prepared.events.attach()
    return program.run(render, started, prepared)


def _serve(listener: socket.socket, own: Events, guard: Any) -> list[str]:
    """Fork for each request. Returns in every forked process, with the arguments of the render; here never."""
    leaders = Leaders(guard)
    drawn = random.getstate()
    while True:
        connection, _ = listener.accept()
        with connection:
            request, descriptors = _receive(connection)
            try:
                if request is None or len(descriptors) != DESCRIPTORS:
                    raise OSError("it is not for this server")
                forked = leaders.fork()
            except OSError as error:
                own.send("warning", message=f"a render was not taken: {error}")
            else:
                if forked:
                    listener.close()
                    _guarded_fork(connection, descriptors, guard)
                    random.setstate(drawn)  # Python gives every forked process another chance
                    return request
            for descriptor in descriptors:
                os.close(descriptor)


def _receive(connection: socket.socket) -> tuple[list[str] | None, list[int]]:
    """The arguments of the render asked for, None for a request that this server is not for, and the descriptors."""
    descriptors: list[int] = []
    try:
        data, descriptors, _, _ = socket.recv_fds(connection, LONGEST_REQUEST, DESCRIPTORS)
        while not data.endswith(b"\n"):
            if not (more := connection.recv(LONGEST_REQUEST)):
                return None, descriptors
            data += more
        asked = json.loads(data)
        command, folder = asked["command"], Path(asked["folder"])
        ours = command[: 1 + len(COMMAND)] == [sys.executable, *COMMAND] and folder == Path.cwd()
    except (OSError, ValueError, KeyError, TypeError):
        return None, descriptors
    return (command[1 + len(COMMAND) :] if ours else None), descriptors


def _guarded_fork(connection: socket.socket, descriptors: list[int], guard: Any) -> None:
    """Become the leader of a process group and fork the render into it. Returns in the render, here never."""
    status, child = 1, None
    try:
        os.setsid()
        guard.adopt_orphans()
        for number, descriptor in enumerate(descriptors):
            if number > 0:  # standard input is empty already
                os.dup2(descriptor, number)
            os.close(descriptor)
        child = guard.fork()
        if child:
            connection.sendall(f"started {os.getpid()}\n".encode())
            os.close(guard.CHANNEL)
            status, peak = guard.wait_for(child, connection.fileno())
            connection.sendall(f"ended {status} {peak}\n".encode())
    finally:
        if child != 0:  # nothing of the server's may run on here, whatever happens
            if child:
                guard.kill_everything(child)
            os._exit(status)
    connection.close()


class Leaders:
    """The processes that lead forked renders. What one leaves behind when it is killed comes here, and is killed."""

    def __init__(self, guard: Any) -> None:
        self._guard = guard
        guard.adopt_orphans()
        self._known = set(guard.children(os.getpid()))  # what an import started
        signal.signal(signal.SIGCHLD, self._on_end)

    def fork(self) -> bool:
        """Fork a leader. True in it."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # no leader may be taken for an orphan
        try:
            leader = os.fork()
            if leader == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return True
            self._known.add(leader)
            return False
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})

    def _on_end(self, _number: int, _frame: types.FrameType | None) -> None:
        """Take leave of the processes that ended, so that what they used is counted, and kill orphans."""
        with contextlib.suppress(ChildProcessError):
            while ended := os.waitpid(-1, os.WNOHANG)[0]:
                self._known.discard(ended)
        self._guard.kill_trees([pid for pid in self._guard.children(os.getpid()) if pid not in self._known])


def _load_guard() -> Any:
    """The module of our own guard.py, whatever the user's repository has of that name."""
    spec = importlib.util.spec_from_file_location("flaming_horse_guard", GUARD)
    if spec is None or spec.loader is None:
        raise ImportError(str(GUARD))
    guard = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(guard)
    return guard


if __name__ == "__main__":
    program.leave(main(sys.argv[1:]))
