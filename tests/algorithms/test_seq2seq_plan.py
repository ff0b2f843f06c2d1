"""The plan of a network follows the hyperparameters."""

from tarragon.algorithms.seq2seq import Seq2Seq


def test_hyperparameters_become_a_plan() -> None:
    plan = Seq2Seq(rnn_num_hidden=8, rnn_residual_connections=True, rnn_first_residual_layer=3)._plan(10, 12)
    assert (plan.words_source, plan.words_target, plan.hidden) == (10, 12, 8)
    assert (plan.attention_hidden, plan.residual_from) == (8, 3)
    assert Seq2Seq(rnn_attention_num_hidden=5)._plan(10, 12).attention_hidden == 5
    assert Seq2Seq()._plan(10, 12).residual_from == 0
