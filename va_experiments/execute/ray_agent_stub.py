"""Stand in for an agent of Ray that nothing here uses: say that it listens on no port, and end with Ray.

``python -IS ray_agent_stub.py FILE [FILE ...]``

Ray's node process takes part in a cluster only when its agents, Python interpreters with a web server each, have
written the ports on which they listen into these files, and it ends when an agent ends. -1 is Ray's word for a service
that is not there. Its standard input is a pipe from the node process, which closes when that process ends.
"""

import os
import sys
import time

if __name__ == "__main__":
    parent = os.getppid()
    for name in sys.argv[1:]:
        with open(f"{name}.new", "w", encoding="ascii") as file:
            file.write("-1")
        os.replace(f"{name}.new", name)
    while os.read(0, 4096):
        pass
    while os.getppid() == parent:  # it was no pipe
        time.sleep(0.1)
