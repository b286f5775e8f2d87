"""The ratio of monolingual batches over the training: families, controls, controllers and their signals."""

# Whatever is imported first: results depend on the order of the families, and the built-in ones come before all others.
import trainables.ratio.registry  # noqa: F401
