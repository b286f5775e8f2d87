import pytest

from search_spaces.registry import SPACES, space
from search_spaces.space import family_branch, strategies
from trainables.errors import UserError
from trainables.ratio.registry import FAMILIES


@pytest.mark.parametrize("name", SPACES)
def test_a_control_that_does_not_exist_is_refused_at_once(name):
    found = space(name)
    with pytest.raises(UserError, match="Unknown control 'revers': did you mean reversed"):
        type(found).model_validate({**dict(found), "controls": ("shuffled", "revers")})


def test_a_family_that_does_not_exist_is_refused_at_once():
    with pytest.raises(UserError, match="Unknown ratio family 'liner': did you mean linear"):
        family_branch("liner")


def test_reference_losses_come_from_the_strategies_with_one_kind_of_batch():
    """A branch that follows the losses of both kinds finds them among the strategies of its space."""
    constants = {branch.name: branch.patch["ratio"]["value"] for branch in strategies()}
    assert constants == {"X-X-mono": 1.0, "X-Y": 0.0, "hybrid 0.5": 0.5}
    follower = FAMILIES.find(family_branch("excess").patch["ratio.family"])
    assert follower.references == {"reference_mono": "mono", "reference_cross": "cross"}
    assert not set(family_branch("excess").searched) & {f"ratio.{name}" for name in follower.references}
