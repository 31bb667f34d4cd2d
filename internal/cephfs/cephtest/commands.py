# Reads commands as lines of JSON and answers each with a line: {"output": ...} or {"error": "..."}.
import json
import sys
import time

import cephfs
import rados

WAIT = 20  # seconds
EEXIST = -17
conf = sys.argv[1]
cluster = None


def connect():
    global cluster
    if cluster is None:
        cluster = rados.Rados(conffile=conf, name="client.admin", conf={"client_mount_timeout": str(WAIT)})
        cluster.connect(timeout=WAIT)
    return cluster


def decode(status, output, problem):
    if status not in (0, EEXIST):
        raise RuntimeError("%d %s" % (status, problem))
    try:
        return json.loads(output)
    except ValueError:
        return None


def monitor(command):
    return decode(*connect().mon_command(json.dumps(dict(command, format="json")), b"", timeout=WAIT))


def mkdirs(path):
    fs = cephfs.LibCephFS(conffile=conf, auth_id="admin")
    fs.mount()
    try:
        fs.mkdirs(path.encode(), 0o755)
    except cephfs.ObjectExists:
        pass
    finally:
        fs.unmount()
        fs.shutdown()


def wait_active():
    end = time.time() + WAIT
    while time.time() < end:
        for fs in monitor({"prefix": "fs dump"})["filesystems"]:
            for server in fs["mdsmap"]["info"].values():
                if server["state"] == "up:active":
                    return
        time.sleep(0.05)
    raise RuntimeError("the metadata server is not active")


def sessions():
    fs = cephfs.LibCephFS(conffile=conf, auth_id="admin")
    fs.init()
    try:
        return decode(*fs.mds_command("*", json.dumps({"prefix": "session ls", "format": "json"}), ""))
    finally:
        fs.shutdown()


def do(command):
    if "mkdirs" in command:
        return mkdirs(command["mkdirs"])
    if "wait" in command:
        return wait_active()
    if "sessions" in command:
        return sessions()
    return monitor(command)


while True:
    line = sys.stdin.readline()
    if not line:
        break
    try:
        answer = {"output": do(json.loads(line))}
    except Exception as problem:
        answer = {"error": "%s: %s" % (type(problem).__name__, problem)}
    print(json.dumps(answer), flush=True)
