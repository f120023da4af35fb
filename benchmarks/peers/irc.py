"""
IRC servers.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.peers.base import SERVERS, Peer


class Ngircd(Peer):
    """
    ngircd, an IRC server in C.
    """

    name = "ngircd"
    about = "ngircd: an IRC server in C"
    programs = ("ngircd",)
    dialects = {"tcp": "irc"}
    largestRoom = 500  # it closes clients whose 32 kB send buffer overflows during joins
    largestBody = 400

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        configuration = folder / "ngircd.conf"
        configuration.write_text(
            "[Global]\nName = irc.bench\nInfo = bench\nAdminEMail = root@localhost\n"
            f"Listen = 127.0.0.1\nPorts = {port}\nMotdPhrase = bench\nPassword = bench\n"
            "[Limits]\nMaxConnections = 0\nMaxConnectionsIP = 0\nMaxJoins = 0\n"
            "MaxNickLength = 31\nMaxPenaltyTime = 0\nPingTimeout = 600\n"
            "[Options]\nDNS = no\nIdent = no\nPAM = no\nSyslogFacility = local0\n"
        )
        return ["ngircd", "--nodaemon", "--config", str(configuration)]


class Inspircd(Peer):
    """
    InspIRCd, an IRC server in C++.
    """

    name = "inspircd"
    about = "InspIRCd: an IRC server in C++"
    programs = ("inspircd",)
    dialects = {"tcp": "irc-waiting"}
    largestRoom = 1_000
    largestBody = 400

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        configuration = folder / "inspircd.conf"
        (folder / "motd").touch()
        configuration.write_text(
            '<server name="irc.bench" description="bench" network="bench" id="001">\n'
            '<admin name="bench" nick="bench" email="root@localhost">\n'
            f'<bind address="127.0.0.1" port="{port}" type="clients">\n'
            '<connect name="all" allow="*" password="bench" timeout="60" pingfreq="600"'
            ' fakelag="no" threshold="1000000" commandrate="1000000000" recvq="1M"'
            ' hardsendq="100M" softsendq="90M" localmax="20000" globalmax="20000"'
            ' limit="20000" maxconnwarn="no" resolvehostnames="no" useident="no">\n'
            '<performance netbuffersize="65534" softlimit="20000" somaxconn="4096">\n'
            f'<limits maxnick="31">\n<files motd="{folder}/motd">\n'
            f'<log method="file" type="*" level="default" target="{folder}/log">\n'
            f'<pid file="{folder}/pid">\n'
        )
        options = ["--nofork", "--runasroot", "--config", str(configuration)]
        return ["inspircd", *options]


class Words(Peer):
    """
    F{servers/words_irc.py}.
    """

    name = "words"
    about = "twisted.words' IRC service"
    modules = ("twisted.words",)
    dialects = {"tcp": "irc"}
    largestRoom = 1_000
    largestBody = 400

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        return [sys.executable, str(SERVERS / "words_irc.py"), str(port)]
