"""The harness's end of a worker: start it, ask it, notice when it dies."""

import json
import os
import subprocess
import sys
from typing import Any

from benchmarks.environments import python_of
from benchmarks.peers import PEERS
from benchmarks.places import REPOSITORY, folder

BLAS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "BLIS_NUM_THREADS")
ONE_THREAD = dict.fromkeys(BLAS, "1")


class PeerFailedError(RuntimeError):
    """A peer that raised, died or could not be installed."""


class Crew:
    """A worker process for one index of one peer.

    Parameters
    ----------
    peer
        Name of the peer; decides the environment.
    log
        Name of the file under ``out/log`` that takes what the worker prints.
    """

    def __init__(self, peer: str, log: str) -> None:
        requirements = PEERS[peer].requirements
        python = python_of(peer, requirements) if requirements else None
        self.peer = peer
        self.log = folder("log") / f"{log}.log"
        self._stderr = self.log.open("w")
        self._process = subprocess.Popen(
            [str(python) if python else sys.executable, "-m", "benchmarks.worker", peer],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            env=os.environ | ONE_THREAD | {"PYTHONUNBUFFERED": "1"},
        )

    def ask(self, request: str, **arguments: Any) -> dict[str, Any]:
        """Call a method of the worker and return what it returns.

        Raises
        ------
        PeerFailedError
            When the method raised, or the process ended.
        """
        pipe_in, pipe_out = self._process.stdin, self._process.stdout
        assert pipe_in is not None
        assert pipe_out is not None
        try:
            pipe_in.write(json.dumps({"do": request, **arguments}) + "\n")
            pipe_in.flush()
            line = pipe_out.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            code = self._process.wait()
            raise PeerFailedError(
                f"{self.peer}: the worker died with {code} during {request!r}; see {self.log}."
            )
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise PeerFailedError(f"{self.peer}: {request!r} failed: {reply['error']}")
        return reply

    def close(self) -> None:
        """End the worker."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._stderr.close()
