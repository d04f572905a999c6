"""The command line of the benchmark."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from .builds import SHARDS, measure_builds
from .machine import commit, machine, measured_files, versions
from .process import BenchError
from .projects import VOICE_FOLDER, Project, copy_of, find_projects
from .records import Records
from .report import fidelity, report
from .tools import VOICE, Bench, build, cores
from .ways import OURS, measure_fidelity, measure_renders

ROOT = Path(__file__).resolve().parent.parent
PAGES = {"fidelity": "FIDELITY.md", "builds": "BUILDS.md"}  # by --only; RESULTS.md has the rest


def main() -> int:
    """Measure and write the results."""
    options = _options()
    try:
        _run(options)
    except BenchError as error:
        print(f"script/bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nscript/bench: interrupted; --resume goes on from here", file=sys.stderr)
        return 130
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/bench",
        description="Measures renders and builds beside the ways they replace, and writes the results as Markdown. "
        "fidelity, which is slow and the same each time, runs only where it is asked for.",
    )
    parser.add_argument("--only", choices=("render", "builds", "fidelity"), help="one of them")
    parser.add_argument("--scenes", default="", help="only these scenes: ids, separated by commas")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="rounds (default: 3)")
    parser.add_argument(
        "--projects",
        type=Path,
        default=ROOT.parent / "shared" / "projects",
        metavar="DIR",
        help="a folder of more projects beside the sample (default: ../shared/projects, if it is there)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="default: bench/RESULTS.md; with --only fidelity or builds bench/FIDELITY.md or bench/BUILDS.md",
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=ROOT / ".flaming-horse" / "bench",
        metavar="DIR",
        help="scratch, logs and measurements (default: .flaming-horse/bench)",
    )
    parser.add_argument("--resume", action="store_true", help="keep what an interrupted run measured, and go on")
    options = parser.parse_args()
    if options.repeat < 1:
        parser.error("--repeat: at least one round")
    return options


def _run(options: argparse.Namespace) -> None:
    bench = Bench(ROOT, options.work.resolve())
    if not bench.python.is_file():
        raise BenchError(f"{bench.python} is missing: run script/bootstrap first")
    only = frozenset(word.strip() for word in options.scenes.split(",") if word.strip())
    projects = find_projects(ROOT, options.projects.resolve(), only)
    about_machine, at = machine(), commit(ROOT)
    scenes = {project.name: [scene.id for scene in project.scenes] for project in projects}
    settings = {
        "files": measured_files(ROOT),
        "machine": {name: value for name, value in about_machine.items() if name != "Load before"},
        "scenes": scenes,
    }
    records = Records(bench.work / "measurements.jsonl", settings, resume=options.resume)
    if not options.resume:
        for folder in ("run", "spoken", "logs", "truth"):
            shutil.rmtree(bench.work / folder, ignore_errors=True)
    voices = {project.name: _speak(bench, project) for project in projects}
    if options.only == "fidelity":
        measure_fidelity(bench, projects, voices, records)
    if options.only in (None, "render"):
        measure_renders(bench, projects, voices, records, options.repeat)
    if options.only in (None, "builds"):
        measure_builds(bench, projects, voices, records, options.repeat)
    shutil.rmtree(bench.work / "run", ignore_errors=True)

    encoders = sorted(
        {name for project in projects for one in records.of(project.name, OURS) for name in one.more.get("x264", [])}
    )
    about = {
        "Machine": about_machine,
        "Versions": {**versions(), **({"x264 of the renders": ", ".join(encoders)} if encoders else {})},
        "Settings": {
            "Commit": at,
            "Rounds": "1" if options.only == "fidelity" else str(options.repeat),
            "Scenes": "; ".join(f"{project.name}: {_scenes(project)}" for project in projects),
            "Renders at once": f"(a) 1, (b) {cores()}, (c) sized to the machine",
            "Voice": VOICE,
            "Shards": str(SHARDS),
        },
    }
    alone = options.only == "fidelity"
    out: Path = options.out or ROOT / "bench" / PAGES.get(options.only, "RESULTS.md")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(fidelity(records, about) if alone else report(records, about, scenes), encoding="utf-8")
    print(f"written: {out}")


def _scenes(project: Project) -> str:
    return "all" if project.whole else ", ".join(scene.id for scene in project.scenes)


def _speak(bench: Bench, project: Project) -> Path:
    """Let our own build speak the lines of a project, once; gives a project folder with them. Not timed."""
    spoken = bench.work / "spoken" / project.name
    if not (spoken / VOICE_FOLDER).is_dir():
        print(f"{project.name}: speaking its lines", flush=True)
        folder = copy_of(project, bench.work / "run" / "speak", None)
        options = ("--cache", "off", "--voice", VOICE, "--quality", "low")
        build(bench, project, folder, folder.parents[1] / "home", bench.log(project.name, "speak"), options)
        shutil.copytree(folder / VOICE_FOLDER, spoken / VOICE_FOLDER)
    return spoken


if __name__ == "__main__":
    sys.exit(main())
