"""The pipeline's stages, one short script each: read settings, call `unrolled`, write files.

The source tree is put first on the path, so that a moved, copied or unpacked checkout always runs its own code.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
