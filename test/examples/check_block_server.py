#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example of a server gives each of many clients its bytes, whatever the others do.

Usage: check_block_server.py PROGRAM
KAIO_SEED repeats a run.
"""

import concurrent.futures
import contextlib
import errno
import os
import pathlib
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'structure'))
from cases import Cases  # noqa: E402

PLACES = 256
MOST_BYTES = 64 * 1024
FILE_BYTES = 4_000_123
MOST_SENT_BYTES = 20 << 20  # more than fits between twenty clients and the server


class Server:
    def __init__(self, program, path, patience_s=60, before=None):
        self.process = subprocess.Popen([program, path, '0', str(patience_s)], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        preexec_fn=before)
        line = self.process.stdout.readline()
        self.port = int(line.split()[1]) if line.startswith('port ') else 0

    def resident_bytes(self):
        status = pathlib.Path(f'/proc/{self.process.pid}/status').read_text()
        return int(re.search(r'VmRSS:\s+(\d+) kB', status)[1]) * 1024

    def end(self):
        """What is wrong with its end, and its counts."""
        self.process.send_signal(signal.SIGTERM)
        try:
            _, errors = self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return ['it does not end'], [0] * 4
        counts = re.fullmatch(r'(\d+) clients, (\d+) replies, (\d+) went while they were read for,'
                              r' (\d+) had to go\n', errors)
        if self.process.returncode != 0 or not counts:
            return [f'it ended with {self.process.returncode}: {errors[:2000]}'], [0] * 4
        return [], [int(count) for count in counts.groups()]


class Client:
    def __init__(self, server, content):
        self.content = content
        self.socket = socket.create_connection(('127.0.0.1', server.port), timeout=60)

    def ask(self, offset, size):
        self.socket.sendall(struct.pack('>QI', offset, size))

    def receive(self, size):
        text = b''
        while len(text) < size:
            part = self.socket.recv(size - len(text))
            if not part:
                raise EOFError
            text += part
        return text

    def answer(self):
        error, size = struct.unpack('>II', self.receive(8))
        return error, self.receive(size)

    def problems(self, offset, size):
        """Of the next answer, which is to this request."""
        try:
            error, text = self.answer()
        except (EOFError, OSError) as problem:
            return [f'{size} bytes at {offset}: {problem!r}']
        wanted = self.content[offset:offset + min(size, MOST_BYTES)]
        if (error, text) != (0, wanted):
            return [f'{size} bytes at {offset}: error {error}, {len(text)} bytes'
                    + (', not those of the file' if len(text) == len(wanted) else '')]
        return []

    def vanish(self):
        """The connection is reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()


def places(chance, size):
    """A request, often at the edges of what there is."""
    offset = chance.choice((chance.randrange(size), chance.randrange(size) // 4096 * 4096, 0,
                            size - 1, size, size + 5000))
    return offset, chance.choice((chance.randrange(MOST_BYTES), 4096, MOST_BYTES, 1, 0, 1 << 31))


def ask_many(server, content, seed):
    chance = random.Random(seed)
    client = Client(server, content)
    found = []
    for _ in range(8):
        requests = [places(chance, len(content)) for _ in range(chance.choice((1, 1, 5)))]
        for request in requests:
            client.ask(*request)
        for request in requests:
            found += client.problems(*request)
    client.socket.close()
    return found


def check_many_clients(cases, program, path, content, seed):
    """Beside some that vanish."""
    server = Server(program, path)

    def ask_and_vanish(number):
        client = Client(server, content)
        for _ in range(number % 4):
            client.ask(*places(random.Random(number), len(content)))
        client.vanish()
        return []

    with concurrent.futures.ThreadPoolExecutor(48) as threads:
        asked = [threads.submit(ask_and_vanish, number) if number % 3 == 0 else
                 threads.submit(ask_many, server, content, seed + number) for number in range(240)]
        found = [problem for one in asked for problem in one.result()]
    ended, (_, replies, _, expelled) = server.end()
    if replies < 160 * 8 or expelled != 0:
        found.append(f'it counted {replies} replies, and {expelled} that had to go')
    cases.tell('each of many clients gets its bytes while others vanish', found + ended,
               f'{replies} replies, seed {seed}')


def check_manners(cases, program, path, content):
    server = Server(program, path)
    client = Client(server, content)
    found = []
    for byte in struct.pack('>QI', 12345, 678):
        client.socket.send(bytes([byte]))
        time.sleep(0.002)
    found += client.problems(12345, 678)
    for offset in (1 << 63, (1 << 63) - 1, (1 << 64) - 1):
        client.ask(offset, 100)
        error, text = client.answer()
        if text or error not in (0, errno.EINVAL, errno.EOVERFLOW):
            found.append(f'a read at {offset} gave error {error} and {len(text)} bytes')
    client.ask(1000, 1000)
    client.ask(2000, 2000)
    client.socket.shutdown(socket.SHUT_WR)
    found += client.problems(1000, 1000) + client.problems(2000, 2000)
    if client.socket.recv(1) != b'':
        found.append('it keeps a client that has said that it is done')
    cases.tell('a request in pieces, a wrong one, and a client that says that it is done',
               found + server.end()[0])


def check_place_for_all(cases, program, path, content):
    server = Server(program, path)
    clients = [Client(server, content) for _ in range(PLACES)]
    found = []
    for client in clients:
        client.ask(100, 100)
        found += client.problems(100, 100)
    late = [Client(server, content) for _ in range(20)]
    for client in late:
        client.ask(200, 200)
        client.socket.settimeout(0.01)
        try:
            client.answer()
            found.append('it has more places than it should')
        except TimeoutError:
            client.socket.settimeout(60)
    for client in clients[:7]:
        client.vanish()
    for client in clients[7:20]:
        client.socket.close()
    for client in late:
        found += client.problems(200, 200)
    cases.tell('clients that find no place get one when others go', found + server.end()[0])


def check_no_reader(cases, program, path, content):
    """Its requests fill what the kernel holds for it, and then it can send no more."""
    patience_s = 5
    server = Server(program, path, patience_s)
    found = ask_many(server, content, 0)
    before = server.resident_bytes()
    silent = [Client(server, content) for _ in range(20)]
    sent_bytes = 0
    for client in silent:
        client.socket.setblocking(False)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    # Until none has been able to send for a while.
    moved = time.monotonic()
    while time.monotonic() - moved < 0.3 and sent_bytes < MOST_SENT_BYTES:
        for client in silent:
            with contextlib.suppress(BlockingIOError):
                sent_bytes += client.socket.send(struct.pack('>QI', 0, MOST_BYTES) * 100)
                moved = time.monotonic()
        time.sleep(0.001)
    if sent_bytes >= MOST_SENT_BYTES:
        found.append('it takes requests without an end from those that do not read')
    start = time.monotonic()
    found += ask_many(server, content, 1)
    if time.monotonic() - start > patience_s - 1:
        found.append('those that read have to wait for those that do not')
    grown_bytes = server.resident_bytes() - before
    if grown_bytes > len(silent) * 2 * MOST_BYTES + (4 << 20):
        found.append(f'it has grown by {grown_bytes} bytes')
    deadline = time.monotonic() + 30
    for client in silent:
        client.socket.settimeout(max(deadline - time.monotonic(), 0.1))
        try:
            while client.socket.recv(1 << 20):
                # Whoever reads is let go on: so it is given time to be found out first.
                time.sleep(patience_s + 2 if client is silent[0] else 0)
        except ConnectionResetError:
            pass
        except TimeoutError:
            found.append('it keeps a client that does not read')
            break
    ended, (_, _, _, expelled) = server.end()
    if expelled < len(silent) - 1:
        found.append(f'{expelled} had to go of {len(silent)} that did not read')
    cases.tell('clients that do not read keep nobody waiting, and have to go', found + ended,
               f'{sent_bytes // 12} requests, {grown_bytes} bytes')


@contextlib.contextmanager
def slow_device(path, reads_a_second):
    """A loop device over the file, and what a process has to call to find it slow. None if it
    cannot be made."""
    device, group = None, None
    try:
        device = subprocess.run(['losetup', '--find', '--show', '--direct-io=off', path], text=True,
                                capture_output=True, check=True).stdout.strip()
        numbers = os.stat(device).st_rdev
        limit = f'{os.major(numbers)}:{os.minor(numbers)} '
        root = pathlib.Path('/sys/fs/cgroup')
        if (root / 'blkio').is_dir():
            group = root / f'blkio/kaio-example-{os.getpid()}'
            limits, value = 'blkio.throttle.read_iops_device', limit + str(reads_a_second)
        else:
            (root / 'cgroup.subtree_control').write_text('+io')
            group = root / f'kaio-example-{os.getpid()}'
            limits, value = 'io.max', f'{limit}riops={reads_a_second}'
        group.mkdir()
        (group / limits).write_text(value)
        yield device, lambda: (group / 'cgroup.procs').write_text(str(os.getpid()))
    except (OSError, subprocess.CalledProcessError) as error:
        yield None, str(error)
    finally:
        if group is not None and group.is_dir():
            group.rmdir()
        if device:
            subprocess.run(['losetup', '--detach', device], check=True)


def check_vanishing(cases, program, path, content):
    """The reads take so long that clients go while they are under way."""
    name = 'a client may go while its read is under way'
    content = content[:len(content) // 4096 * 4096]
    path.write_bytes(content)
    with slow_device(path, reads_a_second=20) as (device, slow_down):
        if device is None:
            return cases.skip(name, slow_down)
        server = Server(program, device, before=slow_down)
        found = []
        clients = [Client(server, content) for _ in range(40)]
        for number, client in enumerate(clients):
            client.ask(number * 8192, 4096)
        time.sleep(0.2)
        for client in clients[::2]:
            client.vanish()
        # They come to the places of those, if these are free.
        for number in range(20):
            clients.append(Client(server, content))
            clients[-1].ask(number * 4096, 4096)
        for number, client in list(enumerate(clients))[1:40:2]:
            found += client.problems(number * 8192, 4096)
        for number, client in enumerate(clients[40:]):
            found += client.problems(number * 4096, 4096)
        # It ends while some are under way, too.
        for client in clients[40:]:
            client.ask(0, 4096)
        time.sleep(0.1)
        ended, (_, _, gone, _) = server.end()
        if gone < 10:
            found.append(f'{gone} clients went while they were read for: the device is too fast')
    cases.tell(name, found + ended, f'{gone} did')


def check_refusals(cases, program, path):
    with socket.create_server(('127.0.0.1', 0)) as taken:
        for what, arguments, errors in (
                ('a missing file', (path.parent / 'missing', '0'), 'No such file'),
                ('a port that is taken', (path, str(taken.getsockname()[1])), 'bind: Address alr'),
                ('a port that is none', (path, '70000'), '70000 is no number')):
            done = subprocess.run([program, *arguments], text=True, capture_output=True, timeout=60)
            cases.tell(f'block_server tells of {what}', [] if done.returncode == 1 and
                       errors in done.stderr else [f'{done.returncode}: {done.stderr}'])


def main():
    program = os.path.abspath(sys.argv[1])
    seed = int(os.environ.get('KAIO_SEED', time.time_ns() % 2**32))
    cases = Cases()
    content = random.Random(seed).randbytes(FILE_BYTES)
    # Where O_DIRECT works, which is not so on every tmpfs.
    parent = os.environ.get('KAIO_TEST_DIR', '/var/tmp')
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        path = pathlib.Path(folder, 'file')
        path.write_bytes(content)
        check_many_clients(cases, program, path, content, seed)
        check_manners(cases, program, path, content)
        check_place_for_all(cases, program, path, content)
        check_no_reader(cases, program, path, content)
        check_refusals(cases, program, path)
        check_vanishing(cases, program, path, content)
    cases.exit()


if __name__ == '__main__':
    main()
