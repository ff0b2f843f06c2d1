import subprocess
import sys

from tarragon.engine.identity import alive, described, myself


def test_i_am_alive():
    assert alive(myself()) is True
    assert myself() == myself()


def test_a_child_lives_until_it_dies():
    code = "from tarragon.engine.identity import myself; print(myself(), flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    identity = child.stdout.readline().strip()
    assert identity != myself()
    assert alive(identity) is True
    assert str(child.pid) in described(identity)
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()
    assert alive(identity) is False


def test_a_zombie_is_dead():
    code = "from tarragon.engine.identity import myself; print(myself(), flush=True)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    identity = child.stdout.readline().strip()
    child.stdout.read()  # it has closed everything; not waited for, it stays in the process table
    import os

    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert alive(identity) is False
    child.stdout.close()
    child.wait()


def test_a_reused_process_id_is_somebody_else():
    host, realm, pid, started = myself().rsplit(".", 3)
    assert alive(f"{host}.{realm}.{pid}.{int(started) - 1}") is False


def test_elsewhere_is_unknown():
    host, _, pid, started = myself().rsplit(".", 3)
    assert alive(f"{host}.0000000000.{pid}.{started}") is None
    assert alive("") is None
    assert alive("nonsense") is None
    assert described("") == "nobody"
