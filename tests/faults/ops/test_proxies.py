"""Unfinished requests of one address keep nobody else out: the program alone, and behind a proxy.

The configurations of deploy/ run here with other names, ports and certificates.
"""

import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme

from tests.conftest import skip_without
from tests.ports import find_free_port
from tests.server import running_server

pytestmark = [pytest.mark.slow, pytest.mark.one_store]
DEPLOY = Path(__file__).parents[3] / "deploy"
NAME = "commitments.example.gov"
UNFINISHED = 1010
POST = (
    b"POST /respond/ HTTP/1.1\r\nHost: %b\r\nContent-Length: 999\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\na=" % NAME.encode()
)
MAIN = """
worker_processes 1;
worker_rlimit_nofile 20000;
events {{ worker_connections 10000; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    {site}
}}
"""


@contextmanager
def running_proxy(command: list[str], port: int, folder: Path):
    """Run a proxy inside the block, with its files in the folder.

    Caddy listens before it has made its certificate, so a handshake tells that it is ready.
    """
    if not shutil.which(command[0]):
        skip_without(command[0])
    places = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(command, env=os.environ | places, stdout=log, stderr=log)
        try:
            for _ in range(300):
                with suppress(OSError):
                    connect(port, "127.0.0.1", secure=True).close()
                    break
                time.sleep(0.1)
            assert process.poll() is None, (folder / "log").read_text()
            yield
        finally:
            process.terminate()
            process.wait()


@contextmanager
def running_nginx(folder: Path, program_port: int, port: int):
    site = (DEPLOY / "nginx.conf").read_text()
    trustme.CA().issue_cert(NAME).private_key_and_cert_chain_pem.write_to_path(folder / "pem")
    site = re.sub(r"(ssl_certificate\w*) .*;", rf"\1 {folder}/pem;", site)
    site = re.sub(r"\n\tlisten \[::\].*;", "", site).replace(
        "127.0.0.1:8000", f"127.0.0.1:{program_port}"
    )
    site = site.replace("listen 80;", f"listen 127.0.0.1:{find_free_port()};")
    site = site.replace("listen 443 ssl;", f"listen 0.0.0.0:{port} ssl;")
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, site=site))
    flags = ["-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "errors")]
    pid = f"daemon off; pid {folder}/pid;"
    with running_proxy(["nginx", *flags, "-g", pid], port, folder):
        yield


@contextmanager
def running_caddy(folder: Path, program_port: int, port: int):
    site = (DEPLOY / "Caddyfile").read_text()
    dynamic = re.search(r"\n\t\t# Choose.*?\n\t\t}\n", site, re.DOTALL)[0]
    site = site.replace(dynamic, f"\n\t\tto 127.0.0.1:{program_port}\n")
    site = site.replace(f"{NAME} {{", f"{NAME}:{port} {{\n\ttls internal\n\tlog", 1)
    options = "\n{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n"
    (folder / "Caddyfile").write_text(site.replace("\n{\n", options, 1))
    command = ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    with running_proxy(command, port, folder):
        yield


UNVERIFIED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
UNVERIFIED.check_hostname, UNVERIFIED.verify_mode = False, ssl.CERT_NONE  # of the tests alone
PROXIES = {"nginx": running_nginx, "caddy": running_caddy}


def connect(port: int, address: str, secure: bool) -> socket.socket:
    """Connect from an address of this machine."""
    plain = socket.create_connection(("127.0.0.1", port), 20, source_address=(address, 0))
    if not secure:
        return plain
    return UNVERIFIED.wrap_socket(plain, server_hostname=NAME)


def get(port: int, address: str, secure: bool, path: str = "/questions") -> bytes:
    """Return the whole response to a request."""
    with connect(port, address, secure) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
        return client.makefile("rb").read()


@pytest.fixture(params=["alone", *PROXIES])
def site(request, sqlite_url, tmp_path):
    """Run the program, alone or behind a proxy; yield the port and whether it speaks TLS."""
    settings = {"TRUSTED_PROXIES": "0" if request.param == "alone" else "1"}
    with running_server(sqlite_url, tmp_path, **settings) as server:
        if request.param == "alone":
            yield server.port, False
            return
        folder = tmp_path / request.param
        folder.mkdir()
        port = find_free_port()
        folder.chmod(0o755)
        with PROXIES[request.param](folder, server.port, port):
            yield port, True


@pytest.mark.parametrize("sent", [POST, b"POST /respond/ HTT"], ids=["body", "head"])
def test_unfinished_requests_of_one_address_keep_nobody_out(site, sent):
    port, secure = site
    waiting = []
    try:
        for _ in range(UNFINISHED):
            waiting.append(connect(port, "127.0.0.1", secure))
            waiting[-1].sendall(sent)
        for _ in range(3):
            answer = get(port, "127.0.0.2", secure)
            assert answer.startswith(b"HTTP/1.1 200") and b"</html>" in answer
    finally:
        for each in waiting:
            each.close()


def test_no_proxy_logs_a_token(site, tmp_path):
    port, secure = site
    for path in (
        "/acting/SECRET",
        "//updates/SECRET",
        "/%61cting/SECRET",
        "/staff%2Fwelcome/SECRET",
    ):
        assert b" 404 " in get(port, "127.0.0.1", secure, path).splitlines()[0]
    get(port, "127.0.0.1", secure, "/commitments?q=a%20b")
    kept = [
        each.read_text() for each in tmp_path.rglob("*") if each.is_file() and "log" in each.name
    ]
    assert [each for each in kept if "SECRET" in each] == []
    assert not secure or any("/commitments?q=a%20b" in each for each in kept)


def test_proxy_passes_on_the_site_but_no_metrics(site):
    port, secure = site
    assert get(port, "127.0.0.1", secure).startswith(b"HTTP/1.1 200")
    if secure:
        assert get(port, "127.0.0.1", secure, "/metrics").startswith(b"HTTP/1.1 404")
