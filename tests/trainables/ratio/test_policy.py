from tests.trainables.ratio.examples import LINE
from trainables.ratio.config import ratio_config
from trainables.ratio.policy import ratio_policy


def test_an_open_loop_follows_its_trajectory_and_wants_nothing():
    line = ratio_config(LINE)
    policy = ratio_policy(line, 4)
    assert [policy.ratio(step) for step in range(4)] == line.trajectory(4).tolist() == [0.25, 0.375, 0.5, 0.625]
    for step in range(3):
        assert policy.wants(step) == frozenset()
        policy.observe(step, "mono", {})
    assert policy.log() == [0.25, 0.375, 0.5]
    resumed = ratio_policy(line, 4)
    resumed.restore(policy.state())
    resumed.observe(3, "cross", {})
    assert resumed.log() == line.trajectory(4).tolist()
