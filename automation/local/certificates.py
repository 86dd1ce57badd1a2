"""
Makes the certificates of the local AWS: a certification authority of this checkout alone, and the server's certificate.

Arguments: directory, days the server's certificate is valid, then the names and addresses it is for. Writes ca.pem,
ca.key, server.pem and server.key there; an existing authority is kept when "--keep-ca" stands first.
"""

import datetime
import ipaddress
import os
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_DAYS = 3650
NOW = datetime.datetime.now(datetime.timezone.utc)


def key_usage(**on):
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign "
        "encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: on.get(name, False) for name in names.split()})


def subject(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def builder(name, issuer, key, days):
    return (
        x509.CertificateBuilder()
        .subject_name(subject(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A day back, for a clock that was set back in between.
        .not_valid_before(NOW - datetime.timedelta(days=1))
        .not_valid_after(NOW + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def make_ca():
    key = ec.generate_private_key(ec.SECP256R1())
    name = "tributary local AWS"
    # Whoever trusts this authority trusts it for this machine's loopback names and for nothing else.
    constraints = x509.NameConstraints(
        permitted_subtrees=[x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_network("127.0.0.0/8"))],
        excluded_subtrees=None,
    )
    certificate = (
        builder(name, subject(name), key, CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(constraints, critical=True)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def alternative_name(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def make_server(ca_key, ca, days, names):
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_key_id = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        builder("localhost", ca.subject, key, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([alternative_name(name) for name in names]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key_id), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    return key, certificate


def write(path, data, mode):
    temporary = path + ".tmp"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
    os.replace(temporary, path)


def write_pair(directory, name, key, certificate):
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write(os.path.join(directory, name + ".key"), private, 0o600)
    write(os.path.join(directory, name + ".pem"), certificate.public_bytes(pem), 0o644)


def read_ca(directory):
    with open(os.path.join(directory, "ca.key"), "rb") as file:
        key = serialization.load_pem_private_key(file.read(), None)
    with open(os.path.join(directory, "ca.pem"), "rb") as file:
        return key, x509.load_pem_x509_certificate(file.read())


def main():
    arguments = sys.argv[1:]
    keep = arguments[0] == "--keep-ca"
    directory, days, *names = arguments[1:] if keep else arguments
    if keep:
        ca_key, ca = read_ca(directory)
    else:
        ca_key, ca = make_ca()
        write_pair(directory, "ca", ca_key, ca)
    write_pair(directory, "server", *make_server(ca_key, ca, int(days), names))


main()
