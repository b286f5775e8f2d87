import pytest

from study.cost.gpus import GPUS
from study.cost.rental import Rental
from study.run import main
from trainables.errors import UserError


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"gpu": "foo"}, "Unknown GPU 'foo': "),
        ({"gpu": "a100-90"}, "did you mean a100-80"),
        ({"gpu": "a100-80", "price": "abc"}, "--price 'abc' is no number above 0"),
        ({"gpu": "a100-80", "price": "-1"}, "--price '-1' is no number above 0"),
        ({"gpu": "a100-80", "price": "nan"}, "--price 'nan' is no number above 0"),
        ({"price": "2"}, "name the GPU with --gpu"),
        ({"flops": "20%"}, "name the GPU with --gpu"),
        ({"gpu": "a100-80", "flops": "120%"}, "give at most 100%"),
        ({"gpu": "a100-80", "flops": "0%"}, "is no number above 0"),
        ({"flops": "fast"}, "give one such as 1.5e14 or 20%"),
    ],
)
def test_a_wrong_flag_has_its_sentence(flags, said):
    with pytest.raises(UserError) as refused:
        Rental.of(flags)
    assert said in str(refused.value)


def test_flags_of_the_plan_are_refused_where_nothing_is_planned(capsys):
    assert main(["--gpu", "a100-80"]) == 2
    assert "--gpu says what the plan is made for: add --dry-run" in capsys.readouterr().err


def test_the_speed_is_said_or_a_share_of_the_peak():
    gpu = GPUS["a100-80"]
    assert Rental.of({"gpu": "a100-80", "flops": "1e14"}).reached(in_float32=False) == 1e14
    assert Rental.of({"gpu": "a100-80", "flops": "40%"}).reached(in_float32=False) == pytest.approx(0.4 * 312e12)
    assert Rental.of({"gpu": "a100-80", "flops": "40%"}).reached(in_float32=True) == pytest.approx(0.4 * 19.5e12)
    assert Rental(gpu).reached(in_float32=False) == pytest.approx(0.15 * 312e12)
    # Without bfloat16 it is float32 in any case.
    assert Rental(GPUS["t4-16"]).reached(in_float32=False) == pytest.approx(0.15 * 8.1e12)
    assert Rental().reached(in_float32=False) is None


def test_the_name_of_a_gpu_ends_in_its_gigabytes():
    assert GPUS["a100-80"].gib == pytest.approx(80e9 / 2**30)
    assert all(gpu.float32 < (gpu.bfloat16 or float("inf")) for gpu in GPUS.values())
