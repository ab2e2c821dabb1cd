"""Nothing in a user's file is imported, called or resolved: a canary file is never made, no secret is read."""

import os
import pickle
import subprocess
import sys

import pytest

from qhpcsim.config import load
from qhpcsim.core.errors import QhpcsimError

ATTACKS = {
    "target": "_target_: os.system\n_args_: ['touch {canary}']\nworkload: {{path: x}}\n",
    "nested target": "workload:\n  path: x\n  extra: {{_target_: pathlib.Path.touch, _args_: ['{canary}']}}\n",
    "policy target": "policy: {{name: easy, _target_: subprocess.call, args: [touch, '{canary}']}}\n",
    "aliased target": "x: &t {{_target_: os.system}}\npolicy: *t\n",
    "environment": "question: ${{oc.env:SECRET_CANARY}}\nworkload: {{path: x}}\n",
    "eval": "seed: ${{eval:__import__('os').system('touch {canary}')}}\n",
    "python tag": "seed: !!python/object/apply:os.system ['touch {canary}']\n",
    "python name": "seed: !!python/name:os.system\n",
    "hydra logging": "hydra:\n  job_logging: {{handlers: {{a: {{class: os.system}}}}}}\n",
    "defaults": "defaults: [/etc/passwd]\n",
    "merge key": "x: &x {{_a: 1}}\npolicy: {{<<: *x}}\n",
    "policy path": "policy: ../../../../tmp/evil\n",
    "base path": "base: ../../../etc/passwd\n",
    "name path": "name: ../../{canary}\nworkload: {{path: x}}\n",
    "dotted name": "policy: os.system\n",
    "generator": "workload: {{source: os.system}}\n",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_attacks_are_refused(tmp_path, monkeypatch, attack):
    canary = tmp_path / "canary"
    monkeypatch.setenv("SECRET_CANARY", "s3cr3t")
    (tmp_path / "evil.yaml").write_text(attack.format(canary=canary))
    with pytest.raises(QhpcsimError) as caught:
        load(tmp_path / "evil.yaml")
    assert "s3cr3t" not in str(caught.value)
    assert not canary.exists()


def test_a_pickle_is_not_loaded(tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'canary'}",)

    (tmp_path / "bomb.yaml").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(QhpcsimError):
        load(tmp_path / "bomb.yaml")
    assert not (tmp_path / "canary").exists()


def test_modules_beside_a_file_are_not_imported(tmp_path):
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')\n")
    (tmp_path / "my.yaml").write_text("policy: evil\nworkload: {path: x}\n")
    done = subprocess.run(
        [sys.executable, "-m", "qhpcsim", "validate", "my.yaml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "unknown policy 'evil'" in done.stderr
    assert not (tmp_path / "canary").exists()
