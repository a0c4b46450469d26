"""`python -m petset.cli`: how `petset up` starts its server, whatever the name of the script was."""

import sys

from petset.cli import main

if __name__ == "__main__":
    sys.exit(main())
