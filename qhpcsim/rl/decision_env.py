"""What the environments have in common: episodes, allowed actions, rewards that add up to a figure of the run."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Generic, Protocol, TypeVar

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from qhpcsim.rl.scales import Shapes, Unit, blank, unit_space
from qhpcsim.rl.scenarios import of_seed, one_of
from qhpcsim.rl.score import Score
from qhpcsim.scenario import Scenario

Observation = dict[str, Unit]


class Episode(Protocol):
    """A run that stops wherever the agent has to decide."""

    clock: Any
    scenario: Scenario

    def advance(self) -> bool:
        """Run until a decision is due; return False if none ever is again: the run is over."""


class Cost(Protocol):
    """The figure of a run that the agent keeps low."""

    def so_far(self) -> float:
        """Return the figure so far."""

    def at_the_end(self) -> float:
        """Return the figure of the whole run."""


EpisodeT = TypeVar("EpisodeT", bound=Episode)
CostT = TypeVar("CostT", bound=Cost)


class DecisionEnv(gymnasium.Env[Observation, np.int64], Generic[EpisodeT, CostT]):
    """An agent that decides at some instants of a simulation.

    Args:
        scenario: Seed n of ``reset`` is this scenario with ``seed=n``.
        reward: Name of the figure.
        n_actions: Actions are 0, 1, …, n_actions − 1.
        shapes: Of the arrays of an observation.
        render_mode: ``ansi`` or None.

    Raises:
        ConfigError: for another ``render_mode``.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 1}  # noqa: RUF012 (Gymnasium's own name and form)

    def __init__(
        self, scenario: Scenario, reward: str, n_actions: int, shapes: Shapes, render_mode: str | None
    ) -> None:
        self.render_mode = None if render_mode is None else one_of(render_mode, ("ansi",), "render_mode")
        self._scenario, self._reward, self._shapes = scenario, reward, shapes
        self.action_space = spaces.Discrete(n_actions)
        self.observation_space = unit_space(shapes)
        self._episode: EpisodeT | None = None
        self._is_first = self._over = True

    @property
    def episode(self) -> EpisodeT:
        """The run of this episode.

        Raises:
            gymnasium.error.ResetNeeded: before the first ``reset``.
        """
        if self._episode is None:
            raise gymnasium.error.ResetNeeded("call reset() first")
        return self._episode

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode and return its first observation and ``info``.

        Args:
            seed: The scenario's seed for this episode; None: the scenario's own in the first, then drawn ones.
            options: None are known.
        """
        super().reset(seed=self._scenario.seed if seed is None and self._is_first else seed)
        scenario = of_seed(self._scenario, seed, self.np_random, self._is_first)
        self._is_first = False
        self._episode, self._cost = self._begin(scenario)
        self._score = Score()
        self._over = not self._episode.advance()
        if self._over:
            self._score.last(self._cost.at_the_end())
        return self._observation(), self._info(False)

    def step(self, action: np.int64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Decide; return observation, reward, terminated, truncated and ``info``.

        In place of an action that the mask forbids the agent waits, if it may, else the first allowed one is taken;
        ``info["invalid_action"]`` says so.
        """
        if self._over:
            raise gymnasium.error.ResetNeeded("the episode is over: call reset() first")
        allowed = self.action_masks()
        invalid = not (0 <= int(action) < len(allowed) and allowed[int(action)])
        self._decide(self._instead(allowed) if invalid else int(action))
        self._over = not self.episode.advance()
        score, cost = self._score, self._cost
        reward = score.last(cost.at_the_end()) if self._over else score.step(cost.so_far())
        return self._observation(), reward, self._over, False, self._info(invalid)

    def render(self) -> str | None:
        """Return what is to be decided as text where ``render_mode`` is ``ansi``."""
        if self.render_mode is None:
            return None
        if self._over:
            return f"over: {self._reward} = {-self._score.total:.6g}"
        return "\n".join(self._lines())

    @abstractmethod
    def action_masks(self) -> NDArray[np.bool_]:
        """Return whether each action is allowed."""

    @abstractmethod
    def _begin(self, scenario: Scenario) -> tuple[EpisodeT, CostT]:
        """Return the run of an episode and what it costs."""

    @abstractmethod
    def _decide(self, action: int) -> None:
        """Do what an allowed action says."""

    @abstractmethod
    def _show(self, seen: Observation) -> None:
        """Fill an observation in which every number is 0, as docs/rl.md describes; a decision is due."""

    @abstractmethod
    def _lines(self) -> list[str]:
        """Return the lines of ``render``; a decision is due."""

    def _instead(self, allowed: NDArray[np.bool_]) -> int:
        """Return what is done in place of an action that is not allowed."""
        return int(np.argmax(allowed))

    def _info(self, invalid: bool) -> dict[str, Any]:
        info: dict[str, Any] = {
            "action_mask": self.action_masks().astype(np.int8),
            "invalid_action": invalid,
            "now_s": float(self.episode.clock.now),
            "seed": self.episode.scenario.seed,
        }
        if self._over:
            info[self._reward] = -self._score.total
        return info

    def _observation(self) -> Observation:
        """Return what the agent sees; all 0 when the episode is over."""
        seen = blank(self._shapes)
        if not self._over:
            self._show(seen)
        return seen
