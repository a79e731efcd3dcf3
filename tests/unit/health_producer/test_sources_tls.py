"""A source by TLS: only who can prove the name is read, and nobody leads away from TLS."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from health_pipeline.settings import ProducerSettings
from health_producer.sources import SourceError
from health_producer.sources.api import Api

from tests.unit.health_producer.misbehaving import Request, serving

ESCAPE = "\x1b[2J"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, signed by itself, with its key in the same file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "source")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file: Path = tmp_path_factory.mktemp("tls") / "source.pem"
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file.write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()) + signed.public_bytes(pem))
    return file


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """How to serve with the certificate, which the producer trusts for as long as the test lasts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    yield context


def ask(url: str, token: str = "s3cret") -> None:  # noqa: S107 (made up)
    settings = ProducerSettings(pipeline="p", bootstrap_servers="", source="vitals", url=url, token=token)
    Api(settings).get("", {}).close()


def test_who_can_prove_the_name_is_read(trusted: ssl.SSLContext) -> None:
    with serving(lambda request: request.page([], None), trusted) as url:
        assert url.startswith("https://")
        ask(url)


def test_a_forged_source_is_not_read(trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    seen: list[str] = []

    def answer(request: Request) -> None:
        seen.append(request.headers["Authorization"])

    with serving(answer, trusted) as url, pytest.raises(SourceError, match="CERTIFICATE_VERIFY_FAILED"):
        ask(url)
    assert not seen, "nor told the token"


def test_nobody_leads_from_tls_to_where_anybody_could_answer(trusted: ssl.SSLContext) -> None:
    tokens: list[str | None] = []

    def open_to_all(request: Request) -> None:
        tokens.append(request.headers["Authorization"])
        request.page([], None)

    with serving(open_to_all) as plain:

        def lead_away(request: Request) -> None:
            request.reply(302, b"", Location=plain)

        with serving(lead_away, trusted) as url, pytest.raises(SourceError, match="from https to http") as caught:
            ask(url)
    assert caught.value.lasting
    assert tokens == [None], "the token stays with its host"


def test_what_a_source_says_is_one_harmless_line_without_our_token() -> None:
    def echo(request: Request) -> None:
        said = f"{request.headers['Authorization']}\nERROR all is lost{ESCAPE}" + "x" * 10_000
        request.reply(500, said.encode())

    with serving(echo) as url, pytest.raises(SourceError) as caught:
        ask(url)
    said = str(caught.value)
    assert said.startswith("answers 500 (Bearer (token) ERROR all is lost?[2Jxxx")
    assert len(said) < 300
