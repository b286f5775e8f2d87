"""The one exception of the statistics: values that cannot be analysed, said in one sentence."""


class StatisticsError(ValueError):
    """Values that cannot be compared or fitted. The message says why and what would help; callers show it to users."""
