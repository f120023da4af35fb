"""
C{twistd} with a store that claims to be shared, so that the tests can use C{--workers}: each worker
has a chat of its own.
"""

import sys

from twisted.scripts.twistd import run

from machat.tap import options

if __name__ == "__main__":
    vars(options)["storeIsShared"] = lambda given: True
    sys.argv[0] = "twistd"
    run()
