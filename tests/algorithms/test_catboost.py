from tarragon.algorithms.catboost import CatBoost
from tarragon.algorithms.contract import AlgorithmContract


class TestCatBoost(AlgorithmContract):
    algorithm = CatBoost(iterations=25, depth=3, learning_rate=0.2, max_ctr_complexity=1)
    iterative = True
    rounds = "iterations"
