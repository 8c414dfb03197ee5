# SPDX-License-Identifier: GPL-3.0-or-later
"""The rehearsal's certificates: verified everywhere, and the system's roots stay usable."""

from __future__ import annotations

import ssl

import pytest

from rehearsal import tls
from rehearsal.vcenter import client


def roots(path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=str(path))
    return [dict(pair[0] for pair in ca["subject"]).get("organizationName") for ca in context.get_ca_certs()]


def test_ca_pem_holds_the_rehearsals_ca_alone_and_the_bundle_the_systems_as_well(certificates):
    assert roots(certificates.ca) == ["homeward rehearsal"]
    bundle = roots(certificates.bundle)
    assert "homeward rehearsal" in bundle
    assert len(bundle) > 50


def test_the_key_is_its_owners_alone(certificates):
    assert certificates.key.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_server_is_verified_by_its_names(vcenter, host):
    url = vcenter.url.replace("127.0.0.1", host)
    client.disconnect(client.connect(url, vcenter.user, vcenter.password, str(vcenter.certificates.ca)))


def test_another_ca_does_not_verify_the_server(vcenter, tmp_path):
    other = tls.make(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        client.connect(vcenter.url, vcenter.user, vcenter.password, str(other.ca))
