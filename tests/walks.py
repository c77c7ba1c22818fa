"""Small environments of Gymnasium with episodes that take no time."""

import gymnasium
import numpy as np
from gymnasium import spaces


class Walk(gymnasium.Env):
    """Six steps on the numbers from 0 to 11; what counts is to be far to the right.

    The seed says where it begins. The observation is the place, an action goes left (0)
    or right (1).
    """

    observation_space = spaces.Discrete(12)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.n_steps = int(self.np_random.integers(12)), 0
        return self.place, {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.place = int(np.clip(self.place + 2 * action - 1, 0, 11))
        self.n_steps += 1
        return self.place, self.place / 11, False, self.n_steps == 6, {}


class Aim(gymnasium.Env):
    """Eight shots at a target that the first observation shows, and the later do not.

    The nearer a shot, the better. It sets no limit of steps.
    """

    observation_space = spaces.Box(-1, 1, (2,))
    action_space = spaces.Box(-2, 2, (1,))

    def __init__(self, n_steps=8):
        self.limit = n_steps

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.target, self.n_steps = self.np_random.uniform(-1, 1), 0
        return self.seen(), {}

    def seen(self):
        shown = self.target if self.n_steps == 0 else 0.0
        return np.array([shown, self.n_steps / 8], np.float32)

    def step(self, action):
        assert self.action_space.contains(action), action
        self.n_steps += 1
        is_over = self.n_steps == self.limit
        return self.seen(), -abs(float(action[0]) - self.target), is_over, False, {}


class Spaces(gymnasium.Env):
    """Three steps with any spaces; the reward is the sum of an action's components."""

    def __init__(self, observation_space, action_space):
        self.observation_space, self.action_space = observation_space, action_space

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        self.n_steps = 0
        return self.observation_space.sample(), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.n_steps += 1
        reward = float(np.sum(action))
        return self.observation_space.sample(), reward, self.n_steps == 3, False, {}
