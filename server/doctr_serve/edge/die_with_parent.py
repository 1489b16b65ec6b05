"""Runs a command that the kernel kills when its parent is gone, even one that was itself killed (Linux).

``python die_with_parent.py <pid of the parent> <command> ...``. A program of its own, because a process can only ask
for this itself, after the fork, where subprocess's ``preexec_fn`` is unsafe beside threads. It imports nothing of this
package, so that it takes milliseconds.
"""

import ctypes
import os
import signal
import sys

__all__ = ["main"]

PR_SET_PDEATHSIG = 1
"""See prctl(2). What it asks for survives execve."""


def main(parent: int, command: list[str]) -> None:
    """Becomes the command; ends at once, with status 1, where the parent is gone already.

    Raises:
        OSError: the kernel refuses, or there is no such program.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died before the call above, which would never fire
        sys.exit(1)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and the command would inherit that
        signal.signal(number, signal.SIG_DFL)
    os.execvp(command[0], command)  # noqa: S606 - the arguments are ours


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
