from tarragon.algorithms.contract import AlgorithmContract
from tarragon.algorithms.xgboost import XGBoost


class TestXGBoost(AlgorithmContract):
    algorithm = XGBoost(num_round=25, early_stopping_rounds=4, max_depth=4, min_child_weight=0.5)
    iterative = True
    rounds = "num_round"
    repeats = 1e-3
