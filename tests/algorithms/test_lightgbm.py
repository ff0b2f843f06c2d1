from tarragon.algorithms.contract import AlgorithmContract
from tarragon.algorithms.lightgbm import LightGBM


class TestLightGBM(AlgorithmContract):
    algorithm = LightGBM(num_boost_round=30, num_leaves=15)
    iterative = True
    rounds = "num_boost_round"
