"""The types of the arrays that evaluation passes round."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

BoolArray: TypeAlias = npt.NDArray[np.bool_]

IntArray: TypeAlias = npt.NDArray[np.int64]

FloatArray: TypeAlias = npt.NDArray[np.float64]
"""Values of measures; NaN where there is none."""

ScoreArray: TypeAlias = npt.NDArray[np.float32]
