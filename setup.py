from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="machat",
    version="0.1.0",
    description="A chat room for Twisted: TCP lines and WebSockets in the same rooms.",
    long_description=Path("README.rst").read_text(encoding="utf-8"),
    long_description_content_type="text/x-rst",
    license="MIT",
    python_requires=">=3.10",
    package_dir={"": "."},
    packages=find_packages(include=["machat", "machat.*"]) + ["twisted.plugins"],
    package_data={"machat": ["py.typed", "page/*"]},
    install_requires=[
        "twisted[tls] >= 24.11",
        "argon2-cffi >= 23.1",
        "pyjwt[crypto] >= 2.10.1",
        "autobahn >= 24.4",
        "zope.interface >= 6",
        "msgspec >= 0.18",
        "prometheus_client >= 0.15",
        "prompt_toolkit >= 3.0.36",
    ],
    entry_points={
        "console_scripts": [
            "machat = machat.cli.console:main",
            "machat-passwd = machat.cli.passwd:main",
        ]
    },
    extras_require={
        "test": ["hypothesis >= 6.87", "klein >= 24.8", "docutils >= 0.20"],
        "page": ["playwright >= 1.40", "axe-playwright-python >= 0.1.4"],
        "docs": ["sphinx >= 8", "furo >= 2024.8", "pydoctor >= 25.4"],
        "bench": ["matplotlib", "pyperf", "rich", "websockets >= 13"],
        "dev": ["mypy", "mypy-zope", "ruff", "build", "kosoku >= 0.1"],
        "fuzz": ["atheris >= 2.3"],
    },
    classifiers=[
        "Framework :: Twisted",
        "License :: OSI Approved :: MIT License",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Topic :: Communications :: Chat",
        "Typing :: Typed",
    ],
)
