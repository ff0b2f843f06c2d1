from tarragon.algorithms.contract import AlgorithmContract
from tarragon.algorithms.linear_learner import LinearLearner


class TestLinearLearner(AlgorithmContract):
    algorithm = LinearLearner(l2=0.01)
