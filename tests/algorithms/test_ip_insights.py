"""The contract; networks of many prefixes are learned from entities that share them; what is refused."""

import numpy as np
import pytest

from tarragon.algorithms import Standalone
from tarragon.algorithms.ip_insights import FILE, IPInsights
from tarragon.algorithms.model_contract import ModelContract
from tarragon.data import AddressPairs, entity_hash, read_ndarrays, write_ndarrays
from tarragon.errors import IntegrityError, ParameterError
from tarragon.metrics import auc


def seen(seed: int, n: int = 3_000, entities: int = 60, networks: int = 6) -> tuple[AddressPairs, np.ndarray]:
    """Pairs of entities that live in one network each, of four prefixes; and which network each row is in."""
    rng = np.random.default_rng(seed)
    prefixes = np.random.default_rng(99).integers(1 << 16, 220 << 16, (networks, 4))
    entity = rng.integers(0, entities, n)
    home = entity % networks
    address = (prefixes[home, rng.integers(0, 4, n)] << 8) + rng.integers(1, 255, n)
    hashes = np.array([entity_hash(f"user-{i}") for i in range(entities)], np.uint64)
    return AddressPairs(hashes[entity], address.astype(np.uint32)), home


class TestIPInsights(ModelContract):
    algorithm = IPInsights(num_entity_vectors=200, vector_dim=8, epochs=4, mini_batch_size=200)
    iterative = True
    same = 1e-5

    def data(self, seed):
        return seen(seed, 600)[0]

    def bad(self):
        return {"no pairs": AddressPairs(np.empty(0, np.uint64), np.empty(0, np.uint32))}


def test_an_entity_likes_the_addresses_of_its_network() -> None:
    model = IPInsights(num_entity_vectors=1_000, vector_dim=16, epochs=12, mini_batch_size=300, learning_rate=0.03)
    context = Standalone()
    model.fit(seen(0)[0], valid=seen(1)[0], context=context)
    held, home = seen(2)
    other = held.address[np.random.default_rng(0).permutation(len(home))]
    their = seen(2)[1][np.random.default_rng(0).permutation(len(home))]
    foreign = their != home
    score = np.concatenate(
        [model.predict(pairs)["dot_product"] for pairs in (held, AddressPairs(held.entity[foreign], other[foreign]))]
    )
    labels = np.repeat([1.0, 0.0], [len(home), foreign.sum()])
    assert auc(labels, np.column_stack([-score, score])) > 0.98
    first, last = (context.epochs[i]["validation:discriminator_auc"] for i in (0, -1))
    assert last > max(first, 0.9)
    assert context.epochs[-1]["train:binary_classification_accuracy"] > 0.85


def test_vectors_multiply_to_the_score_and_strangers_score_nought() -> None:
    pairs = seen(0, 300)[0]
    model = IPInsights(num_entity_vectors=100_000, vector_dim=8, epochs=2).fit(pairs)
    entity, address = model.embed(pairs)
    np.testing.assert_allclose(
        (entity * address).sum(axis=1), model.predict(pairs)["dot_product"], rtol=1e-3, atol=1e-6
    )
    stranger = AddressPairs.of([("never seen", "192.0.2.1")])
    assert model.predict(stranger)["dot_product"].tolist() == [0.0]
    none = AddressPairs(pairs.entity[:0], pairs.address[:0])
    assert model.predict(none)["dot_product"].shape == (0,)
    assert model.embed(none)[0].shape == (0, 8)


def test_one_pair_is_a_model() -> None:
    pair = AddressPairs.of([("ann", "192.0.2.1")])
    assert np.isfinite(IPInsights(num_entity_vectors=1, vector_dim=4, epochs=1).fit(pair).predict(pair)["dot_product"])


def test_batches_are_told_as_often_as_asked() -> None:
    heard = []
    model = IPInsights(
        num_entity_vectors=10, vector_dim=4, epochs=2, mini_batch_size=100, batch_metrics_publish_interval=2
    )
    model.told = lambda *about: heard.append(about)
    model.fit(seen(0, 500)[0])
    assert [about[:2] for about in heard] == [(0, 2), (0, 4), (1, 2), (1, 4)]
    assert all(0 <= accuracy <= 1 and entropy > 0 for *_, accuracy, entropy in heard)


@pytest.mark.parametrize("rates", [(0, 0), (500, 1), (250, 251)])
def test_rates_of_noise_must_fit_together(rates: tuple[int, int]) -> None:
    model = IPInsights(num_entity_vectors=10, vector_dim=4)
    model.random_negative_sampling_rate, model.shuffled_negative_sampling_rate = rates
    with pytest.raises(ParameterError, match="together are 1 to 500"):
        model.fit(seen(0, 20)[0])


@pytest.mark.parametrize("rates", [(0, 2), (3, 0)])
def test_noise_of_one_kind_is_enough(rates: tuple[int, int]) -> None:
    model = IPInsights(num_entity_vectors=10, vector_dim=4, epochs=1)
    model.random_negative_sampling_rate, model.shuffled_negative_sampling_rate = rates
    assert np.isfinite(model.fit(seen(0, 50)[0]).predict(seen(0, 50)[0])["dot_product"]).all()


def test_a_model_beyond_eight_gigabytes_is_refused() -> None:
    with pytest.raises(ParameterError, match="8 GB"):
        IPInsights(num_entity_vectors=250_000_000, vector_dim=128).fit(seen(0, 20)[0])


def test_a_loss_that_is_no_number_is_refused() -> None:
    pairs = seen(0, 2_000)[0]
    model = IPInsights(num_entity_vectors=60, vector_dim=64, num_ip_encoder_layers=30, learning_rate=10.0, epochs=50)
    model.mini_batch_size = 100
    with pytest.raises(ParameterError, match="smaller learning_rate"):
        model.fit(pairs)


def test_an_artifact_of_other_shapes_is_refused(tmp_path) -> None:
    from tarragon.algorithms.artifact import seal

    model = IPInsights(num_entity_vectors=10, vector_dim=4, epochs=1).fit(seen(0, 50)[0])
    model.save(tmp_path)
    arrays = read_ndarrays((tmp_path / FILE).read_bytes())
    for name, change in (("entity", arrays["entity"][:-1]), ("bits", arrays["bits"] * np.nan), ("out", None)):
        changed = {**arrays, name: change} if change is not None else {k: v for k, v in arrays.items() if k != name}
        (tmp_path / FILE).write_bytes(write_ndarrays(changed))
        seal(tmp_path, model, {})
        with pytest.raises(IntegrityError):
            IPInsights.load(tmp_path)
