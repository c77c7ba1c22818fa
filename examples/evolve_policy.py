"""Balance a pole
==============

Evolve a policy for an environment of Gymnasium, and film one of its episodes::

    python examples/evolve_policy.py
    python examples/evolve_policy.py --env Acrobot-v1 --max-time 60 --film acrobot.gif

Takes about twenty seconds. Needs ``pip install ".[rl]"``, and for plots
``pip install ".[rl,plots]"``.
"""

import argparse
import sys

import numpy as np
from PIL import Image

from sknevo import EvolvedPolicy

# Frames of a film per second, and the step from one to the next.
RATE, STEP = 25, 2


def main():
    args = parse_arguments()
    try:
        search = EvolvedPolicy(
            args.env,
            max_time=args.max_time,
            max_steps=args.max_steps,
            n_jobs=args.n_jobs,
            random_state=args.random_state,
            verbose=1,
        )
    except ImportError as error:
        sys.exit(str(error))
    evolved = search.fit()
    print(f"\nThe best policy ({evolved.stop_reason_}):\n{evolved.best_chromosome_}")
    seeds = np.arange(10_000, 10_100)
    returns = evolved.best_estimator_.returns(seeds)
    print(
        f"\nIn {len(seeds)} new episodes it has a return of {returns.mean():.1f} on "
        f"average, and between {returns.min():.1f} and {returns.max():.1f}."
    )
    if args.plot:
        evolved.plot().figure_.savefig(args.plot, dpi=100)
        print(f"plotted to {args.plot}")
    if args.film:
        film(evolved, args)
        print(f"filmed to {args.film}")


def film(evolved, args):
    """Write an episode of the best policy as a GIF."""
    import gymnasium

    env = gymnasium.make(
        args.env, render_mode="rgb_array", max_episode_steps=args.max_steps
    )
    observation, _ = env.reset(seed=args.random_state)
    act, frames, is_over = evolved.actor(), [], False
    while not is_over:
        frames.append(Image.fromarray(np.asarray(env.render())))
        step = env.step(act(observation))
        observation, is_over = step[0], step[2] or step[3]
    env.close()
    first, *others = frames[::STEP]
    duration = 1000 // RATE  # of a frame, in milliseconds
    first.save(args.film, save_all=True, append_images=others, duration=duration)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", default="CartPole-v1", help="a name of Gymnasium's")
    parser.add_argument("--max-time", type=float, default=20, help="seconds to evolve")
    parser.add_argument("--max-steps", type=int, help="of an episode")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", help="where to write a picture of the search")
    parser.add_argument("--film", help="where to write an episode, such as film.gif")
    return parser.parse_args()


if __name__ == "__main__":  # worker processes import this file
    main()
