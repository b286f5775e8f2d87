"""The served page follows the study."""

import os
from threading import Thread
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from analysis.render.serve import make_server
from tests.analysis.conftest import edit, edit_arms
from trainables.errors import UserError


@pytest.fixture
def served(tmp_path, write_study):
    folder = write_study(tmp_path, state="running", seeds=(1, 2), questions=6, search_trials=0)
    server = make_server([str(folder)], 0.005, 0)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def get(url: str) -> str:
    with urlopen(url) as answer:
        return answer.read().decode()


@pytest.mark.slow
def test_the_page_is_served_on_this_machine_and_made_anew_when_the_study_moves(served):
    folder, url = served
    assert "X-X-mono" in get(f"{url}/")
    version = get(f"{url}/version")
    assert get(f"{url}/version") == version
    renamed = {"arm": "renamed"}
    edit_arms(folder, lambda arms: [arm | (renamed if arm["arm"] == "X-X-mono" else {}) for arm in arms])
    for path in folder.glob("trials/confirm-X-X-mono-*/trial.json"):
        edit(path, lambda record: record | renamed)
    os.utime(folder / "status.json")
    assert get(f"{url}/version") != version
    assert "renamed" in get(f"{url}/")
    with pytest.raises(HTTPError, match="404"):
        get(f"{url}/../study.json")


def test_a_taken_port_is_a_users_mistake(served, finished_study):
    port = int(served[1].rpartition(":")[2])
    with pytest.raises(UserError, match=f"Port {port} cannot be used"):
        make_server([str(finished_study)], 0.005, port)
