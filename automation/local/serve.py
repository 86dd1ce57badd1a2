"""
Serves the local AWS on one loopback port, over TLS only, until SIGTERM or SIGINT.

The emulator's own command is not used because it also listens on port 443 when that is free, and because nothing else
can tell whether its state was written in full: it keeps state in memory, writes it when it stops and only logs a
failure. Two files in the state directory's parent tell the driver how things stand:

  instance.json  while this process runs: its id, its start time, and what it was started with
  clean          state on disk is whole; absent from the moment this process starts until it has stopped well

Arguments: the directory of those files, then the text of instance.json without the process's own fields.
"""

import asyncio
import copy
import fcntl
import json
import logging
import os
import signal
import socket
import subprocess
import sys

# How long calls in progress have to finish after a stop was asked for.
GRACE_SECONDS = 3


class Failures(logging.Handler):
    """Remembers that something was logged as an error."""

    def __init__(self):
        super().__init__(level=logging.ERROR)
        self.seen = False

    def emit(self, record):
        self.seen = True


def write(path, text):
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".tmp", path)


def remove(path):
    try:
        os.remove(path)
    except FileNotFoundError:
        pass


def process_start():
    """The same value that the driver reads for a process id, so that a reused id is not taken for this process."""
    try:
        with open("/proc/self/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[19]
    except OSError:
        ps = subprocess.run(["ps", "-o", "lstart=", "-p", str(os.getpid())], capture_output=True, text=True, check=True)
        return ps.stdout.strip()


def main():
    root, given = sys.argv[1], json.loads(sys.argv[2])
    # Held until the process ends, however it ends: two servers on one state would overwrite each other's.
    lock = open(os.path.join(root, "server.lock"), "w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("another process already serves the local AWS of this directory")
    instance, clean = os.path.join(root, "instance.json"), os.path.join(root, "clean")
    # Before anything slow: a driver that is killed now must not leave a server that nobody finds.
    write(instance, json.dumps({**given, "pid": os.getpid(), "processStart": process_start()}))
    try:
        run(clean, instance)
    finally:
        remove(instance)


def run(clean, instance):
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    # Isolated mode leaves the script's own folder out.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import containers
    import mends

    mends.apply()
    containers.apply(os.path.join(os.path.dirname(instance), "containers", "host.json"))
    from ministack import app as emulator

    failures = Failures()
    # Bound here and not by the server, so that a port in use is noticed while the state is still untouched.
    listener = socket.create_server((os.environ["BIND_HOST"], int(os.environ["GATEWAY_PORT"])))
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    # A burst of functions that all start at once.
    config.backlog = 1024
    config.certfile, config.keyfile = os.environ["MINISTACK_SSL_CERT"], os.environ["MINISTACK_SSL_KEY"]
    # What AWS endpoints speak; its HTTP/2 is pure Python and slower.
    config.alpn_protocols = ["http/1.1"]
    config.keep_alive_timeout = 75
    # The default closes a connection after 1,000 requests, under the feet of a client that is about to reuse it.
    config.keep_alive_max_requests = 10**9
    config.loglevel = os.environ["LOG_LEVEL"]

    async def until_stopped():
        loop, asked = asyncio.get_running_loop(), asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, asked.set)
        hurry = asyncio.create_task(end_long_functions(asked, containers.end_all))
        try:
            await serve(with_whole_state(emulator, failures, clean), config, shutdown_trigger=asked.wait)
        except Exception:
            # A connection that broke while it was closed comes out here, and is no reason for anything.
            logging.getLogger("serve").exception("the server ended with an error")
        # What would follow waits for threads that may take minutes. Whatever they are doing, nobody listens to them any
        # more, and the messages they had are in the state that was written.
        hurry.cancel()
        remove(instance)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end_functions()
        os._exit(0 if os.path.exists(clean) else 1)

    asyncio.run(until_stopped())


def with_whole_state(emulator, failures, clean):
    """
    The emulator's application, which reads and writes its state as a whole or not at all. By itself it goes on without
    the services that it could not read or write, and writes one service while threads still change the next.
    """
    for name in ("ministack", "persistence"):
        logging.getLogger(name).addHandler(failures)

    async def application(scope, receive, send):
        if scope["type"] != "lifespan":
            await emulator.app(scope, receive, send)
            return

        async def checked_send(message):
            if message["type"] == "lifespan.startup.complete" and failures.seen:
                message = {"type": "lifespan.startup.failed", "message": "the state on disk could not be read"}
            await send(message)
            failures.seen = False

        async def saving_receive():
            message = await receive()
            if message["type"] == "lifespan.startup":
                remove(clean)
            else:
                failures.seen = False
                save(emulator)
                emulator.PERSIST_STATE = False
                if not failures.seen:
                    write(clean, "")
            return message

        await emulator.app(scope, saving_receive, checked_send)

    return application


def save(emulator):
    interval = sys.getswitchinterval()
    # No other thread runs while the states are copied, so they are of one moment: no message is gone from a queue whose
    # effect is missing in a table.
    sys.setswitchinterval(3600)
    try:
        states = {name: copy.deepcopy(get()) for name, get in emulator._build_persistence_save_dict().items()}
    finally:
        sys.setswitchinterval(interval)
    emulator.save_all({name: lambda state=state: state for name, state in states.items()})


async def end_long_functions(asked, end_containers):
    """The server waits for calls in progress, and a function may take 15 minutes: a while after the stop, it is ended."""
    await asked.wait()
    await asyncio.sleep(GRACE_SECONDS)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        end_functions()
        await asyncio.to_thread(end_containers)
        await asyncio.sleep(0.2)


def end_functions():
    """Ends the function workers: they are the rest of this process's group, if it leads one. SIGTERM is ignored here."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGTERM)


main()
