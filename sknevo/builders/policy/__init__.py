"""Expressed genes of a policy -> an unfitted estimator that learns to act.

- `PolicyBuilder` makes policies,
- `Policy` is one: it is trained by an evolution strategy on episodes.

Everything is computed by numpy: episodes run side by side, and one call answers all of
them, each by its own weights.
"""

from sknevo.builders.policy._builder import PolicyBuilder
from sknevo.builders.policy._environments import Interface
from sknevo.builders.policy._estimator import Actor, Policy, fresh_seeds

__all__ = ["Actor", "Interface", "Policy", "PolicyBuilder", "fresh_seeds"]
