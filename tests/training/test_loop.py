"""The loop: schedule, early stopping, decay, reproducible and resumable epochs."""

import numpy as np
import pytest
import torch
from torch import nn

from hilbert.errors import HilbertError, ModelError
from hilbert.training import loop
from hilbert.training.loop import Plan, learning_rate, make_optimiser, run

PLAN = Plan(epochs=6, learning_rate=0.05, weight_decay=0.01, warmup=0.2, clip=1.0, patience=3)


class Regression:
    """A net with dropout on random data; ``scores`` are what validation pretends to find."""

    name = "regression"

    def __init__(self, scores=None):
        torch.manual_seed(3)
        self.module = nn.Sequential(nn.Linear(4, 5), nn.Dropout(0.3), nn.LayerNorm(5), nn.Linear(5, 1))
        self.x, self.y = torch.randn(12, 4), torch.randn(12, 1)
        self.scores, self.seen, self.progress, self.states = scores, [], [], []

    def batches(self, epoch, seed):
        self.seen.append(seed)
        yield from np.array_split(np.random.default_rng(seed).permutation(12), 3)

    def losses(self, batch, progress):
        self.progress.append(progress)
        index = torch.as_tensor(batch)
        loss = (self.module(self.x[index]) - self.y[index]).square().mean()
        return {"total": loss, "half": loss / 2}

    def after_step(self):
        pass

    def validate(self):
        self.states.append({k: v.clone() for k, v in self.module.state_dict().items()})
        if self.scores is None:
            return None
        return {"monitor": self.scores[len(self.states) - 1]}


def weights(task):
    return torch.cat([p.detach().flatten() for p in task.module.parameters()]).numpy().tobytes()


def test_warm_up_and_cosine():
    plan = Plan(10, 1.0, 0.0, 0.25, 1.0, 3)
    done = np.linspace(0.01, 1, 100)
    rates = np.array([learning_rate(plan, d) for d in done])
    np.testing.assert_allclose(rates[done < 0.25], done[done < 0.25] / 0.25)
    assert rates[-1] == pytest.approx(0, abs=1e-12)
    assert (np.diff(rates[done >= 0.25]) < 0).all()
    assert learning_rate(Plan(10, 1.0, 0.0, 0.0, 1.0, 3), 0.0) == 1
    assert 0 <= learning_rate(Plan(10, 1.0, 0.0, 1.0, 1.0, 3), 1.0) <= 1


def test_decay_is_for_matrices_only():
    task = Regression()
    decayed, free = make_optimiser(task.module, PLAN).param_groups
    assert decayed["weight_decay"] == 0.01
    assert free["weight_decay"] == 0
    assert all(p.ndim > 1 for p in decayed["params"])
    assert len(decayed["params"]) + len(free["params"]) == len(list(task.module.parameters()))


def test_same_seed_same_bytes_and_the_callers_generators_are_left_alone():
    torch.manual_seed(11)
    np.random.seed(11)
    expected = torch.rand(1).item(), np.random.rand()
    torch.manual_seed(11)
    np.random.seed(11)
    tasks = [Regression(), Regression(), Regression()]  # these draw, and are not the loop's business
    torch.manual_seed(11)
    for task, seed in zip(tasks, (1, 1, 2), strict=True):
        run(task, PLAN, seed)
    assert (torch.rand(1).item(), np.random.rand()) == expected
    assert weights(tasks[0]) == weights(tasks[1])
    assert weights(tasks[0]) != weights(tasks[2])
    assert len(set(tasks[0].seen)) == PLAN.epochs  # each epoch its own numbers


def test_without_validation_the_last_epoch_counts():
    task = Regression()
    outcome = run(task, PLAN, 0)
    assert outcome.best_epoch == 6
    assert [row["epoch"] for row in outcome.history] == [1, 2, 3, 4, 5, 6]
    assert set(outcome.history[0]) == {"stage", "epoch", "total", "half"}
    assert outcome.history[0]["half"] == pytest.approx(outcome.history[0]["total"] / 2)
    assert not task.module.training
    assert task.progress[::3] == [(e + 1) / 6 for e in range(6)]


def test_early_stopping_returns_to_the_best_epoch():
    task = Regression([5.0, 2.0, 3.0, 4.0, 3.0, 1.0])
    outcome = run(task, PLAN, 0)
    assert outcome.best_epoch == 2
    assert len(outcome.history) == 5  # patience 3 after epoch 2; the better sixth is never seen
    assert all(torch.equal(v, task.states[1][k]) for k, v in task.module.state_dict().items())
    assert outcome.history[1]["held_out_monitor"] == 2.0


def test_undefined_scores_never_count_as_best():
    outcome = run(Regression([np.nan, 2.0, np.nan, 1.0, 5.0, 5.0]), PLAN, 0)
    assert outcome.best_epoch == 4
    assert run(Regression([np.nan] * 6), PLAN, 0).best_epoch == 6


def test_stop_after_ends_the_same_schedule_early():
    whole, part = Regression([6.0, 5.0, 4.0, 3.0, 2.0, 1.0]), Regression()
    run(whole, PLAN, 0)
    run(part, Plan(**{**vars(PLAN), "stop_after": 4}), 0)
    assert all(torch.equal(v, whole.states[3][k]) for k, v in part.module.state_dict().items())


def test_gradient_that_is_not_finite_names_the_stage():
    task = Regression()
    task.x[0, 0] = torch.inf
    with pytest.raises(HilbertError, match=r"'regression', epoch 1: the gradient is not finite.*learning_rate"):
        run(task, PLAN, 0)


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("scores", [None, [5.0, 2.0, 3.0, 1.0, 3.0, 4.0], [5.0, 2.0, 3.0, 4.0, 3.0, 1.0]])
@pytest.mark.parametrize("stop", [1, 2, 3, 5])
def test_resumed_run_ends_with_the_same_bytes(tmp_path, monkeypatch, scores, stop):
    whole = Regression(scores)
    expected = run(whole, PLAN, 4, tmp_path / "whole.safetensors")
    file = tmp_path / "part.safetensors"
    save, calls = loop.save_checkpoint, []

    def then_stop(*args):
        save(*args)
        calls.append(args)
        if len(calls) == stop:
            raise Interrupted

    monkeypatch.setattr(loop, "save_checkpoint", then_stop)
    with pytest.raises(Interrupted):
        run(Regression(scores), PLAN, 4, file)
    monkeypatch.setattr(loop, "save_checkpoint", save)
    resumed = Regression(scores)
    resumed.states = [{}] * stop  # validation's scores go on where they were
    outcome = run(resumed, PLAN, 4, file)
    assert weights(resumed) == weights(whole)
    assert outcome == expected
    assert len(resumed.seen) == len(expected.history) - stop
    again = Regression(scores)
    assert run(again, PLAN, 4, file) == expected  # a finished one is only read
    assert again.seen == []
    assert weights(again) == weights(whole)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("content", [b"", b"rubbish" * 100])
def test_broken_checkpoint_says_what_to_do(tmp_path, content):
    file = tmp_path / "c.safetensors"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"c\.safetensors: not a checkpoint.*remove it"):
        run(Regression(), PLAN, 0, file)


def test_checkpoint_of_another_network_is_refused(tmp_path):
    file = tmp_path / "c.safetensors"
    run(Regression(), PLAN, 0, file)
    other = Regression()
    other.module = nn.Linear(4, 1)
    with pytest.raises(ModelError, match="not a checkpoint of this model"):
        run(other, PLAN, 0, file)
