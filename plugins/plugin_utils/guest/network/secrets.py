# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets in network configuration: they stay on the machine, and a record holds a mark in their place.

Knows the words of NetworkManager (keyfile), netplan, systemd-networkd, ifcfg, ifupdown and of mount options. A word too many does no harm:
its value comes back from what is kept on the machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: Stands in the record where the machine's own file has a secret.
MARK = "<kept on the machine>"
#: What a setting's name ends in, without dashes and underscores, when its value is a secret.
SECRET = re.compile(
    r"(?:password|passwd|passphrase|passwordraw|psk|psk\d|secret|secrets|privatekey|presharedkey|wepkey\d*|wirelesskey\d*|"
    r"mkacak|cak|\bpin|token|\bpass|\bprivate|privatekeypassword|(?<!public)(?<!host)key\d*|key\d*wpa|authpass)$"
)
#: name, separator (=, : or white space), value up to the end of the line.
SETTING = re.compile(
    r"^(?P<head>\s*(?:-\s+)?\"?'?(?P<name>[A-Za-z][\w.-]*)\"?'?\s*(?:=|:(?=\s|$)|\s)\s*)(?P<value>.*?)(?P<tail>\s*)$"
)
#: The same inside a line: a flow mapping of YAML, or a mount option.
INSIDE = re.compile(
    r"(?P<head>(?:^|[{,\s])\"?'?(?P<name>[A-Za-z][\w-]*)\"?'?(?:=|:\s+|:(?=[\"']))\s*)"
    r"(?P<value>\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|(?<==)[^\s,]+|(?<!=)[^\s,}{\[\"'][^,}]*)"
)
SECTION = re.compile(r"^\s*\[(?P<name>[^\]]+)\]\s*$")
#: Sections of a keyfile that hold nothing but secrets.
SECRET_SECTIONS = re.compile(r"secrets$|^vpn-secrets")


def is_secret(name: str) -> bool:
    return bool(SECRET.search(re.sub(r"[-_.]", "", name).lower()))


def redact(text: str) -> str:
    """The text with a mark for each secret. The same text always gives the same result, and a second call changes nothing."""
    return "".join(line for line, _secret in _lines(text))


def has_secrets(text: str) -> bool:
    return MARK in redact(text)


def fill(text: str, original: str) -> str:
    """Put the machine's own secrets back where the marks are. Marks whose setting ``original`` does not have stay.

    Settings are found by the section they are in, by the line without its secret, and by how often that line was there before.
    """
    known: dict[tuple[str, str, int], str] = {}
    for key, line in _keyed(original, redacted=True):
        known[key] = line
    out = []
    for key, line in _keyed(text, redacted=False):
        out.append(known.get(key, line) if MARK in line else line)
    return "".join(out)


def _keyed(text: str, *, redacted: bool) -> Iterator[tuple[tuple[str, str, int], str]]:
    """Each line with (section, line without its secret, how many of the kind came before)."""
    counts: dict[tuple[str, str], int] = {}
    section = ""
    pairs = _lines(text) if redacted else ((line, line) for line in text.splitlines(keepends=True))
    for plain, line in pairs:
        if found := SECTION.match(plain):
            section = found.group("name")
        place = (section, plain.strip())
        counts[place] = counts.get(place, 0) + 1
        yield (*place, counts[place]), line


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """(line without secrets, line). A block of YAML that holds a secret is one line with one mark."""
    section = ""
    lines = text.splitlines(keepends=True)
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        body = line.rstrip("\r\n")
        end = line[len(body) :]
        if found := SECTION.match(body):
            section = found.group("name")
        if body.lstrip().startswith(("#", ";")):
            # A commented secret is one, too.
            marked = re.sub(r"^(\s*[#;]+\s*)(.*)$", lambda m: m.group(1) + _without(m.group(2), ""), body)
            yield marked + end, line
            continue
        plain = _without(body, section)
        setting = SETTING.match(body)
        if (
            setting
            and is_secret(setting.group("name"))
            and setting.group("value") in ("|", "|-", "|+", ">", ">-", ">+")
        ):
            block = [line]
            while at < len(lines) and (not lines[at].strip() or _indent(lines[at]) > _indent(line)):
                block.append(lines[at])
                at += 1
            yield f"{setting.group('head')}{MARK}{end}", "".join(block)
            continue
        yield plain + end, line


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _without(body: str, section: str) -> str:
    setting = SETTING.match(body)
    if setting and setting.group("value") and setting.group("value") not in ("{", "[", MARK):
        value = setting.group("value")
        if (is_secret(setting.group("name")) or SECRET_SECTIONS.search(section)) and not value.startswith("{"):
            return f"{setting.group('head')}{MARK}{setting.group('tail')}"
    return INSIDE.sub(_inside, body)


def _inside(found: re.Match[str]) -> str:
    return (
        f"{found.group('head')}{MARK}"
        if is_secret(found.group("name")) and found.group("value") != "<kept"
        else found.group(0)
    )
