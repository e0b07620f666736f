# SPDX-License-Identifier: LGPL-2.1-or-later
"""A certificate authority for the tests, made by the openssl program."""
import itertools
import pathlib
import ssl
import subprocess
import threading


def openssl(*arguments, **more):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, **more)


class Authority:
    def __init__(self, folder, name="Test CA"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = self.folder / "ca.pem"
        self.key = self.folder / "ca.key"
        self.numbers = itertools.count()
        self.lock = threading.Lock()
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "10",
                "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.file,
                "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def context(self, names, start=None, end=None, minimum=ssl.TLSVersion.TLSv1_2, maximum=ssl.TLSVersion.TLSv1_3, usage="serverAuth"):
        """A server's context with a certificate for these subjectAltNames; start and end as YYYYMMDDHHMMSSZ."""
        number = next(self.numbers)
        key, request, leaf = (self.folder / f"leaf{number}.{suffix}" for suffix in ("key", "csr", "pem"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=unused",
                "-keyout", key, "-out", request)
        config = self.folder / f"leaf{number}.cnf"
        database = self.folder / f"index{number}"
        database.write_text("", encoding="ascii")
        config.write_text(f"""
[ca]
default_ca = one
[one]
database = {database}
new_certs_dir = {self.folder}
certificate = {self.file}
private_key = {self.key}
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
[leaf]
basicConstraints = CA:FALSE
extendedKeyUsage = {usage}
subjectAltName = {names}
""", encoding="ascii")
        dates = ["-startdate", start or "20200101000000Z", "-enddate", end or "20491231000000Z"]
        with self.lock:
            openssl("ca", "-batch", "-notext", "-config", config, "-extensions", "leaf", *dates, "-in", request,
                    "-out", leaf)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = minimum
        context.maximum_version = maximum
        context.load_cert_chain(leaf, key)
        return context
