import pytest

from search_spaces.registry import SPACES, space
from search_spaces.space import Branch
from trainables.errors import UserError


@pytest.mark.parametrize("name", SPACES)
def test_a_control_that_does_not_exist_is_refused_at_once(name):
    found = space(name)
    with pytest.raises(UserError, match="Unknown control 'revers': did you mean reversed"):
        type(found).model_validate({**dict(found), "controls": ("shuffled", "revers")})


def test_a_family_that_does_not_exist_is_refused_at_once():
    with pytest.raises(UserError, match="Unknown ratio family 'liner': did you mean linear"):
        Branch(name="mine", role="dynamic", family="liner")


def test_a_branch_names_where_its_reference_losses_come_from():
    branch = Branch(name="mine", role="dynamic", family="excess", references={"mono": "X-X-mono", "cross": "X-Y"})
    assert branch.wanted_references == {"reference_mono": "mono", "reference_cross": "cross"}
    with pytest.raises(ValueError, match="branch 'mine' follows reference losses, but names no branch for cross"):
        Branch(name="mine", role="dynamic", family="excess", references={"mono": "X-X-mono"})
    fixed = Branch(
        name="mine", role="dynamic", family="excess", references={"cross": "X-Y"}, fixed={"reference_mono": (1.0,)}
    )
    assert fixed.wanted_references == {"reference_cross": "cross"}
