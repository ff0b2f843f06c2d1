from tarragon.algorithms.additive import Additive
from tarragon.algorithms.contract import AlgorithmContract


class TestAdditive(AlgorithmContract):
    algorithm = Additive(num_round=60, learning_rate=0.15)
    iterative = True
    rounds = "num_round"


class TestAdditiveWithPairs(AlgorithmContract):
    algorithm = Additive(num_round=60, main_round=40, learning_rate=0.15, n_pairs=2)
    iterative = True
    rounds = "num_round"
