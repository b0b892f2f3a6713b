"""Speed against peers, side by side in one run.

The source tree is put first on the path, so that a moved, copied or unpacked checkout always times its own code.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
