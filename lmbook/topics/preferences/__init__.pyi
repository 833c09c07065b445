from .policy import Policy as Policy
from .policy import RewardTraining as RewardTraining
from .policy import rewards_of as rewards_of
from .reward_model import RewardModel as RewardModel
from .rollouts import Rollouts as Rollouts
from .rollouts import roll_out as roll_out
