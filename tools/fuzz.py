"""
Coverage-guided fuzzing of the code that reads bytes from the network, with atheris::

    pip install -e ".[fuzz]"
    python -m tools.fuzz --seconds 300 tcp websocket

Each target of L{tests.edges} runs in its own process for the given number of seconds. The program
prints the number of executions, the coverage and the inputs that failed. It exits with status 1 if
an input failed. Add such an input to L{tests.tools.test_fuzz}.
"""

from __future__ import annotations

import re
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

NAMES = ("hello", "lines", "frames", "commands", "events", "request", "tcp", "websocket")

#: The engine's limits: bytes of an input, seconds per input, and memory of the process in MB.
BOUNDS = ("-max_len=4096", "-timeout=5", "-rss_limit_mb=1024")

#: The first argument of a process that runs the engine.
ENGINE = "--engine"


def parse(arguments: list[str]) -> Namespace:
    """
    @return: the options
    """
    parser = ArgumentParser(prog="python -m tools.fuzz")
    parser.add_argument("--seconds", type=int, default=60, help="time for each target")
    parser.add_argument("--seed", type=int, default=0, help="repeat the random inputs of a run")
    parser.add_argument("--corpus", help="a folder to keep inputs with new coverage in")
    parser.add_argument("targets", nargs="*", default="all", choices=[*NAMES, "all"])
    options = parser.parse_args(arguments)
    if "all" in options.targets:
        options.targets = list(NAMES)
    return options


def engine(name: str, *flags: str) -> None:
    """
    Fuzz one target. This function does not return.
    """
    import atheris

    with atheris.instrument_imports(include=["machat", "autobahn.websocket"]):
        from tests.edges import TARGETS
    atheris.Setup([name, *flags], TARGETS[name])
    atheris.Fuzz()


def prepare(name: str, folder: Path) -> list[str]:
    """
    Write the seeds of a target, and the dictionary of all targets, to a folder.

    @return: the flags for the engine
    """
    from tools.seeds import SEEDS, TOKENS

    corpus = folder / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed{number}").write_bytes(seed)
    words = folder / "words"
    escaped = ["".join([f"\\x{byte:02x}" for byte in word]) for word in TOKENS]
    words.write_text("".join([f'"{word}"\n' for word in escaped]))
    return [str(corpus), f"-dict={words}", f"-artifact_prefix={folder}/{name}-found-"]


def fuzz(name: str, seconds: int, seed: int, folder: Path) -> bool:
    """
    Fuzz one target in its own process, and print the result.

    @param seed: the seed of the random numbers; 0 for a different one each time
    @return: whether no input failed
    """
    for old in folder.glob(f"{name}-found-*"):
        old.unlink()
    flags = [*prepare(name, folder), *BOUNDS, f"-max_total_time={seconds}", f"-seed={seed}"]
    flags.append("-print_final_stats=1")
    command = [sys.executable, "-m", "tools.fuzz", ENGINE, name, *flags]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    found = sorted(folder.glob(f"{name}-found-*"))
    output = done.stdout + done.stderr
    executions = re.findall(r"number_of_executed_units: (\d+)", output) or ["?"]
    coverage = re.findall(r" cov: (\d+) ft: (\d+) corp: (\d+)", output) or [("?", "?", "?")]
    print(f"{name:10}{executions[-1]:>10} executions, coverage {'/'.join(coverage[-1])}", end=", ")
    print("nothing found" if done.returncode == 0 else f"failed with status {done.returncode}:")
    if done.returncode:
        print(re.sub(r"(?m)^(#\d+|INFO:|stat::).*\n?", "", output)[-6_000:])
    for path in found:
        print(f"{path.name}: {path.read_bytes()!r}")
    return done.returncode == 0 and not found


def main(options: Namespace) -> int:
    """
    @return: the exit status
    """
    with TemporaryDirectory() as temporary:
        folder = Path(options.corpus or temporary)
        good = [fuzz(name, options.seconds, options.seed, folder) for name in options.targets]
    return 0 if all(good) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == [ENGINE]:
        engine(*sys.argv[2:])
    sys.exit(main(parse(sys.argv[1:])))
