"""The shape of a Seq2Seq network, as a value: what its parts are made from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes and kinds.

    Parameters
    ----------
    words_source, words_target : int
        Of the vocabularies, special ones included.
    encoder, decoder : {"rnn", "cnn"}
    cell : {"lstm", "gru"}
    hidden, convolved : int
        Columns of recurrent and of convolutional layers.
    attention : {"mlp", "dot", "bilinear", "fixed"}
    attend_upper : bool
        Whether what attention found goes to the recurrent decoder's upper layers.
    state_init : {"last", "avg", "zero"}
    residual_from : int
        The first layer, from 1, whose input is added to its output; 0 for none.
    longest_source, longest_target : int
        Words that have a place of their own in convolutional parts.
    """

    words_source: int
    words_target: int
    encoder: str
    decoder: str
    layers_encoder: int
    layers_decoder: int
    embed_source: int
    embed_target: int
    cell: str
    hidden: int
    convolved: int
    kernel_encoder: int
    kernel_decoder: int
    activation: str
    attention: str
    attention_hidden: int
    attend_upper: bool
    state_init: str
    residual_from: int
    dropout_source: float
    dropout_target: float
    dropout_decoder: float
    dropout_convolved: float
    longest_source: int
    longest_target: int
    init: str
    scale: float
    factor: str
