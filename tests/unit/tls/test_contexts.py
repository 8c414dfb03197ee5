# SPDX-License-Identifier: GPL-3.0-or-later
"""A context is made once while what it reads is unchanged."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.tls.contexts import kept


def test_a_context_is_made_again_only_where_something_that_it_reads_has_changed(tmp_path: Path) -> None:
    made: list[str] = []

    def make(path: str) -> ssl.SSLContext:
        made.append(path)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    file, other = tmp_path / "ca.pem", tmp_path / "other.pem"
    file.write_text("one")
    first = kept(make, str(file), [str(other), ""])
    assert kept(make, str(file), [str(other), ""]) is first
    other.write_text("it is there now")
    second = kept(make, str(file), [str(other), ""])
    os.utime(file, ns=(1, 1))
    third = kept(make, str(file), [str(other), ""])
    assert len({first, second, third}) == len(made) == 3


def test_a_file_put_in_the_place_of_another_is_read_though_its_time_and_size_are_the_same(tmp_path: Path) -> None:
    """As images and packages do, which give all files one time; by a new file, and by another target of a link."""

    def make(path: str) -> ssl.SSLContext:
        assert Path(path).exists()
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    link, old, new = (tmp_path / name for name in ("ca.pem", "old.pem", "new.pem"))
    for file in (old, new):
        file.write_text(file.stem)
        os.utime(file, ns=(1, 1))
    link.symlink_to(old)
    first = kept(make, str(link))
    assert kept(make, str(link)) is first
    (tmp_path / "next").symlink_to(new)
    (tmp_path / "next").replace(link)
    second = kept(make, str(link))
    new.write_text("NEW")
    os.utime(new, ns=(1, 1))
    assert len({first, second, kept(make, str(link))}) == 3


def test_makers_do_not_share_their_contexts_and_a_failure_is_not_kept(tmp_path: Path) -> None:
    path = str(tmp_path / "ca.pem")
    failing = [True]

    def one(_path: str) -> ssl.SSLContext:
        if failing:
            raise OSError("it is not there")
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def two(_path: str) -> ssl.SSLContext:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    with pytest.raises(OSError, match="not there"):
        kept(one, path)
    failing.clear()
    assert kept(one, path) is not kept(two, path)
