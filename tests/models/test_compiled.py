from lmbook.models.compiled import compiled


class Model:
    pass


def test_made_once_for_each_model_and_key():
    made = []

    def make(get_model):
        made.append(get_model())
        return len(made)

    first, second = Model(), Model()
    assert [compiled(first, "a", make), compiled(first, "a", make)] == [1, 1]
    assert [compiled(first, "b", make), compiled(second, "a", make)] == [2, 3]
    assert made == [first, first, second]
