"""Run one command and write what it took to a descriptor: ``launch.py FD COMMAND…``.

A process of its own, with next to nothing imported: the kernel counts into a child's largest resident set what its
parent held when it forked, so that a large parent would be measured instead of the command.
"""

import os
import sys
import time

descriptor, command = int(sys.argv[1]), sys.argv[2:]
os.set_inheritable(descriptor, False)
start = time.perf_counter()
pid = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - start
numbers = wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)
os.write(descriptor, " ".join(map(str, numbers)).encode())
