import keras
import numpy as np
import pytest
import tensorflow as tf

from lmbook.errors import LmbookError
from lmbook.models.recurrent import RecurrentConfig, RecurrentLanguageModel
from lmbook.training.optimizers import OptimizerConfig, ScaledAdam, WarmupCosine, build_optimizer, make_optimizer


def make_model():
    keras.utils.set_random_seed(2)
    return RecurrentLanguageModel(RecurrentConfig(vocabulary_size=11, embedding_dim=8, hidden_dim=16))


def one_step(name, **kwargs):
    """Weights by path within the model, before and after one update with a random gradient."""
    model = make_model()
    settings = {"learning_rate": 0.01, "warmup_steps": 1, "weight_decay": 0.0, "muon_ratio": 3.0, **kwargs}
    config = OptimizerConfig(name, **settings)
    optimizer = make_optimizer(config, model, config.schedule(100))
    before = {v.path: v.numpy() for v in model.trainable_variables}
    generator = np.random.default_rng(0)
    gradients = [tf.constant(generator.normal(size=v.shape), tf.float32) for v in model.trainable_variables]
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    return {v.path.split("/", 1)[1]: (before[v.path], v.numpy()) for v in model.trainable_variables}


def test_muon_moves_the_inner_matrices_orthogonally_and_the_rest_as_adam():
    inner = 0
    for path, (before, after) in one_step("muon").items():
        change = after - before
        if "lstm" in path and change.ndim == 2:
            inner += 1
            singular = np.linalg.svd(change, compute_uv=False)
            assert singular.max() / singular.min() < 2.5  # a random gradient's own ratio is far larger
            # The root mean square of an orthogonal n x m matrix is 1 / sqrt(max(n, m)); scaled, it is 0.2 everywhere.
            assert np.sqrt(np.mean(change**2)) == pytest.approx(0.2 * 0.03, rel=0.25)
        else:  # the first step of Adam is the learning rate, by the sign of the gradient
            np.testing.assert_allclose(np.abs(change), 0.01, rtol=1e-2)
    assert inner == 2


def test_adamw_decays_matrices_alone():
    plain, decayed = one_step("adamw"), one_step("adamw", weight_decay=0.5)
    for path, (before, after) in decayed.items():
        expected = plain[path][1] - plain[path][0]
        if before.ndim == 2 and "embedding" not in path:
            expected = expected - 0.01 * 0.5 * before
        np.testing.assert_allclose(after - before, expected, atol=1e-5)


def test_muon_decays_the_inner_matrices_alone():
    """By the learning rate of AdamW, whatever Muon's is."""
    plain, decayed = one_step("muon"), one_step("muon", weight_decay=0.5)
    for path, (before, after) in decayed.items():
        inner = before.ndim == 2 and "lstm" in path
        expected = plain[path][1] - (0.01 * 0.5 * before if inner else 0.0)
        np.testing.assert_allclose(after, expected, atol=1e-6)


def orthogonal(matrix, steps=5):
    """The Newton-Schulz iteration that Muon makes: singular values near 1."""
    x = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(steps):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x if matrix.shape[0] <= matrix.shape[1] else x.T


def test_twenty_steps_of_muon_equal_numpy():
    """The rule which matrices are Muon's, its momentum, its iteration and scale, its decay; Adam for the rest."""
    config = OptimizerConfig("muon", 0.01, muon_ratio=3.0, warmup_steps=4, weight_decay=0.1, beta_2=0.98)
    model, rates = make_model(), config.schedule(20)
    optimizer = make_optimizer(config, model, config.schedule(20))
    variables, random = model.trainable_variables, np.random.default_rng(0)
    expected = [variable.numpy().astype("float64") for variable in variables]
    means, squares = ([np.zeros_like(value) for value in expected] for _ in range(2))
    inner = 0
    for step in range(20):
        gradients = [random.normal(size=variable.shape) for variable in variables]
        optimizer.apply([tf.constant(gradient, tf.float32) for gradient in gradients], variables)
        rate = float(rates(step)) / 3.0
        for index, (variable, gradient) in enumerate(zip(variables, gradients, strict=True)):
            theta, adam = expected[index], 0.9
            if len(variable.shape) == 2 and not any(word in variable.path for word in ("embedding", "logits")):
                inner += 1
                means[index] = 0.95 * means[index] + gradient
                update = orthogonal(gradient + 0.95 * means[index])
                theta -= theta * 0.1 * rate
                theta -= 3.0 * rate * 0.2 * max(variable.shape) ** 0.5 * update
                continue
            means[index] = adam * means[index] + (1 - adam) * gradient
            squares[index] = 0.98 * squares[index] + 0.02 * gradient**2
            corrected = rate * np.sqrt(1 - 0.98 ** (step + 1)) / (1 - adam ** (step + 1))
            theta -= corrected * means[index] / (np.sqrt(squares[index]) + 1e-7)
    assert inner == 2 * 20
    for variable, theta in zip(variables, expected, strict=True):
        np.testing.assert_allclose(variable.numpy(), theta, atol=2e-5, err_msg=variable.path)


def test_what_cannot_be_is_refused():
    with pytest.raises(LmbookError, match="'sgdm'"):
        OptimizerConfig("sgdm")
    for wrong in ({"learning_rate": -1.0}, {"muon_ratio": 0.0}):
        with pytest.raises(LmbookError, match="is not a positive number"):
            OptimizerConfig(**wrong)
    used = keras.optimizers.SGD(0.1)
    used.build([])
    with pytest.raises(LmbookError, match="sgd.* was used before"):
        build_optimizer(used, make_model())
    elsewhere = tf.distribute.OneDeviceStrategy("CPU:0")
    with elsewhere.scope():
        model = make_model()
    with pytest.raises(LmbookError, match="not made under the model's OneDeviceStrategy"):
        build_optimizer(keras.optimizers.SGD(0.1), model)


def test_float16_gets_a_loss_scale(monkeypatch):
    model = make_model()
    monkeypatch.setattr(type(model), "dtype_policy", keras.DTypePolicy("mixed_float16"))
    config = OptimizerConfig()
    optimizer = make_optimizer(config, model, config.schedule(10))
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer) and optimizer.built
    given = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1))
    assert build_optimizer(given, model) is given


def test_each_weight_has_the_rate_of_its_factor():
    weights = [keras.Variable(np.zeros(3, "float32")) for _ in range(2)]
    optimizer = ScaledAdam(0.1, [1.0, 0.25])
    optimizer.build(weights)
    optimizer.apply([np.ones(3, "float32")] * 2, weights)
    np.testing.assert_allclose([weight.numpy()[0] for weight in weights], [-0.1, -0.025], rtol=1e-4)
    copied = ScaledAdam.from_config(optimizer.get_config())
    assert copied.factors == [1.0, 0.25]


def test_the_rate_rises_then_falls_to_its_end():
    rates = np.array(
        [float(WarmupCosine(0.1, 1000, warmup_steps=50, final_fraction=0.1)(s)) for s in range(0, 1001, 5)]
    )
    assert rates[0] == pytest.approx(0.1 / 50)
    assert rates.max() == pytest.approx(0.1) and rates.argmax() == 10
    assert (np.diff(rates[:10]) > 0).all() and (np.diff(rates[10:]) < 0).all()
    assert rates[-1] == pytest.approx(0.01)


def test_a_short_run_warms_up_in_a_tenth_of_it():
    schedule = WarmupCosine(1.0, 20, warmup_steps=100)
    assert [float(schedule(step)) for step in (0, 1)] == [0.5, 1.0]
    assert float(WarmupCosine(1.0, 1)(0)) == 1.0


def test_the_length_can_be_corrected_on_the_way():
    schedule = WarmupCosine(1.0, 10_000)
    high = float(schedule(500))
    schedule.total_steps.assign(500.0)
    assert high > 0.9 and float(schedule(500)) == pytest.approx(0.05)


@pytest.mark.parametrize("arguments", [(0.0, 10), (float("nan"), 10), (0.1, 0)])
def test_an_unusable_schedule_is_refused(arguments):
    with pytest.raises(LmbookError):
        WarmupCosine(*arguments)


def test_a_schedule_is_made_anew_from_its_configuration():
    schedule = WarmupCosine(0.3, 77, 5, 0.2)
    again = WarmupCosine.from_config(schedule.get_config())
    assert [float(again(s)) for s in range(77)] == [float(schedule(s)) for s in range(77)]
